//! Complex products, beside those of other crates: `cargo run --release -p rivals --example complex_bench -- [ROUNDS]`.
//!
//! Squares, one thread, row by row (NN), with the conjugate of a transposed A (CN), and column by column. All take turns
//! in one process; a number is another's time over lapidary's, the median of the rounds: above 1, lapidary is faster.
//! `real` is lapidary's product of real matrices with as many operations: what the detour costs. A CBLAS library (32-bit
//! integers) takes part if `LAPIDARY_BENCH_BLAS` names it.

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::time::Instant;

use faer::linalg::matmul::matmul_with_conj;
use faer::{Accum, Conj, MatMut as FaerMut, MatRef as FaerRef, Par};
use lapidary::{Gemm, MatMut, MatRef, Real, Threads};
use num_complex::Complex;

type Failure = Box<dyn std::error::Error>;

const SIZES: [usize; 7] = [16, 32, 64, 128, 256, 512, 1024];
/// How long one round of a product is repeated at least.
const ROUND_SECONDS: f64 = 0.05;

/// How the operands lie.
#[derive(Clone, Copy, Debug)]
enum Layout {
    NN,
    CN,
    Columns,
}

#[rustfmt::skip]
type Cblas = unsafe extern "C" fn(
    order: c_int, trans_a: c_int, trans_b: c_int, m: c_int, n: c_int, k: c_int,
    alpha: *const c_void, a: *const c_void, lda: c_int, b: *const c_void, ldb: c_int, beta: *const c_void,
    c: *mut c_void, ldc: c_int,
);

fn main() -> Result<(), Failure> {
    // SAFETY: the only thread so far.
    unsafe {
        std::env::set_var("OPENBLAS_NUM_THREADS", "1");
        std::env::set_var("OMP_NUM_THREADS", "1");
    }
    let rounds: usize = std::env::args().nth(1).map_or(Ok(7), |rounds| rounds.parse())?;
    let names = ["real", "gemm", "faer", "gemmkit", "CBLAS"].map(|name| format!("{name:>8}"));
    println!("{:>5} {:>5} {:>8} {:>8}{}", "", "", "", "GFLOP/s", names.concat());
    suite::<f32>("c32", "cblas_cgemm", rounds)?;
    suite::<f64>("c64", "cblas_zgemm", rounds)
}

fn suite<T: Real + From<f32>>(name: &str, symbol: &str, rounds: usize) -> Result<(), Failure>
where
    Complex<T>: lapidary::Element + faer::traits::ComplexField + gemmkit::ComplexScalar + From<T>,
{
    let cblas = cblas(symbol)?;
    for layout in [Layout::NN, Layout::CN, Layout::Columns] {
        for d in SIZES {
            let number = |i: usize| T::from((i * 7919 % 1999) as f32 / 999.5 - 1.0);
            let values =
                |seed: usize| (0..d * d).map(|i| Complex::new(number(i + seed), number(i * 3 + seed))).collect();
            let (a, b): (Vec<Complex<T>>, Vec<Complex<T>>) = (values(1), values(2));
            let mut c = vec![Complex::new(T::from(0.0), T::from(0.0)); d * d];
            let (real_a, real_b): (Vec<T>, Vec<T>) =
                ((0..2 * d * d).map(number).collect(), (0..4 * d * d).map(number).collect());
            let mut real_c = vec![number(0); 2 * d * d];

            let flops = 8.0 * (d as f64).powi(3);
            let calls = (ROUND_SECONDS * 5e10 / flops).ceil() as usize;
            let mut times = [(); 6].map(|()| Vec::new());
            for _ in 0..rounds {
                times[0].push(seconds(calls, || lapidary(layout, d, &a, &b, &mut c)));
                times[1].push(seconds(calls, || real(d, &real_a, &real_b, &mut real_c)));
                times[2].push(seconds(calls, || gemm_crate(layout, d, &a, &b, &mut c)));
                times[3].push(seconds(calls, || faer_crate(layout, d, &a, &b, &mut c)));
                times[4].push(seconds(calls, || gemmkit_crate(layout, d, &a, &b, &mut c)));
                if let Some(cblas) = cblas {
                    times[5].push(seconds(calls, || call_cblas(cblas, layout, d, &a, &b, &mut c)));
                }
            }
            let speed = flops * calls as f64 / median(&times[0]) / 1e9;
            let ratios = [1, 2, 3, 4, 5].map(|of| {
                let ratios: Vec<f64> = times[of].iter().zip(&times[0]).map(|(theirs, ours)| theirs / ours).collect();
                format!("{:>8.2}", median(&ratios))
            });
            let layout = format!("{layout:?}");
            println!("{name:>5} {d:>5} {layout:>8} {speed:>8.1}{}", ratios.concat());
        }
    }
    Ok(())
}

fn seconds(calls: usize, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_secs_f64()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Row and column strides of A, and of B and C.
fn strides(layout: Layout, d: usize) -> [(isize, isize); 2] {
    let d = d as isize;
    match layout {
        Layout::NN => [(d, 1); 2],
        Layout::CN => [(1, d), (d, 1)],
        Layout::Columns => [(1, d); 2],
    }
}

fn lapidary<T: lapidary::Element>(layout: Layout, d: usize, a: &[T], b: &[T], c: &mut [T]) {
    let [(rsa, csa), (rs, cs)] = strides(layout, d);
    let a = MatRef::strided(a, d, d, rsa, csa).expect("a square");
    let b = MatRef::strided(b, d, d, rs, cs).expect("a square");
    let c = MatMut::strided(c, d, d, rs, cs).expect("a square");
    let product = Gemm::new(a, b).conjugate(matches!(layout, Layout::CN), false).threads(Threads::Serial);
    product.run(black_box(c)).expect("three squares");
}

fn real<T: Real>(d: usize, a: &[T], b: &[T], c: &mut [T]) {
    let (a, b) = (MatRef::row_major(a, d, 2 * d).expect("A"), MatRef::row_major(b, 2 * d, 2 * d).expect("B"));
    Gemm::new(a, b).threads(Threads::Serial).run(MatMut::row_major(black_box(c), d, 2 * d).expect("C")).expect("fits");
}

fn gemm_crate<T: Real + From<f32>>(layout: Layout, d: usize, a: &[Complex<T>], b: &[Complex<T>], c: &mut [Complex<T>]) {
    let [(rsa, csa), (rs, cs)] = strides(layout, d);
    let (zero, one) = (Complex::new(T::from(0.0), T::from(0.0)), Complex::new(T::from(1.0), T::from(0.0)));
    let (a, b, c, conjugate) = (a.as_ptr(), b.as_ptr(), black_box(c).as_mut_ptr(), matches!(layout, Layout::CN));
    let serial = gemm::Parallelism::None;
    // SAFETY: three squares.
    unsafe {
        gemm::gemm(d, d, d, c, cs, rs, false, a, csa, rsa, b, cs, rs, zero, one, false, conjugate, false, serial)
    };
}

fn faer_crate<T: faer::traits::ComplexField>(layout: Layout, d: usize, a: &[T], b: &[T], c: &mut [T]) {
    let rows = |x| FaerRef::from_row_major_slice(x, d, d);
    let (a, b, c) = match layout {
        Layout::NN => (rows(a), rows(b), FaerMut::from_row_major_slice_mut(c, d, d)),
        Layout::CN => (rows(a).transpose(), rows(b), FaerMut::from_row_major_slice_mut(c, d, d)),
        Layout::Columns => (rows(a).transpose(), rows(b).transpose(), FaerMut::from_column_major_slice_mut(c, d, d)),
    };
    let conjugate = if matches!(layout, Layout::CN) { Conj::Yes } else { Conj::No };
    matmul_with_conj(black_box(c), Accum::Replace, a, conjugate, b, Conj::No, T::one_impl(), Par::Seq);
}

fn gemmkit_crate<T: Real + From<f32>>(
    layout: Layout,
    d: usize,
    a: &[Complex<T>],
    b: &[Complex<T>],
    c: &mut [Complex<T>],
) where
    Complex<T>: gemmkit::ComplexScalar,
{
    let [(rsa, csa), (rs, cs)] = strides(layout, d);
    let (zero, one) = (Complex::new(T::from(0.0), T::from(0.0)), Complex::new(T::from(1.0), T::from(0.0)));
    let (a, b, c, conjugate) = (a.as_ptr(), b.as_ptr(), black_box(c).as_mut_ptr(), matches!(layout, Layout::CN));
    let serial = gemmkit::Parallelism::Serial;
    // SAFETY: three squares.
    unsafe {
        gemmkit::gemm_cplx_unchecked(d, d, d, one, a, rsa, csa, conjugate, b, rs, cs, false, zero, c, rs, cs, serial)
    };
}

fn cblas(symbol: &str) -> Result<Option<Cblas>, Failure> {
    let Some(path) = std::env::var_os("LAPIDARY_BENCH_BLAS") else { return Ok(None) };
    // SAFETY: that loading it does no harm is the promise of whoever named the library.
    let library: &'static libloading::Library = Box::leak(Box::new(unsafe { libloading::Library::new(path)? }));
    // SAFETY: the function that CBLAS calls so has this signature.
    Ok(Some(*unsafe { library.get::<Cblas>(symbol)? }))
}

fn call_cblas<T: Real + From<f32>>(
    cblas: Cblas,
    layout: Layout,
    d: usize,
    a: &[Complex<T>],
    b: &[Complex<T>],
    c: &mut [Complex<T>],
) {
    let (zero, one) = (Complex::new(T::from(0.0), T::from(0.0)), Complex::new(T::from(1.0), T::from(0.0)));
    let (order, trans_a) = match layout {
        Layout::NN => (101, 111),
        Layout::CN => (101, 113),
        Layout::Columns => (102, 111),
    };
    let n = d as c_int;
    let pointer = |x: &Complex<T>| std::ptr::from_ref(x).cast::<c_void>();
    let (a, b, c) = (pointer(&a[0]), pointer(&b[0]), black_box(c).as_mut_ptr().cast());
    // SAFETY: three squares.
    unsafe { cblas(order, trans_a, 111, n, n, n, pointer(&one), a, n, b, n, pointer(&zero), c, n) };
}
