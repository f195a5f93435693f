//! lapidary against matrixmultiply, one thread each. Run with `cargo bench`, or `cargo bench -- --quick` in a minute.
//!
//! An element of the throughput is one floating-point operation, 2·m·n·k a product: "Gelem/s" reads GFLOP/s. Which
//! kernels lapidary uses can be forced by `LAPIDARY_ISA`.

use std::array::from_fn;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lapidary::{Element, Gemm, MatMut, MatRef, Threads};

/// `matrixmultiply::sgemm` or `dgemm`.
type Theirs<T> =
    unsafe fn(usize, usize, usize, T, *const T, isize, isize, *const T, isize, isize, T, *mut T, isize, isize);

/// Which operands are stored as their transposes, in the letters of BLAS.
#[derive(Clone, Copy, Debug)]
enum Layout {
    NN,
    TN,
    NT,
}

/// C ← A·B + `beta`·C with A m×k, B k×n and C m×n, C row by row.
struct Product {
    layout: Layout,
    m: usize,
    n: usize,
    k: usize,
    beta: f32,
}

impl Product {
    fn square(layout: Layout, size: usize) -> Product {
        Product { layout, m: size, n: size, k: size, beta: 0.0 }
    }

    /// Times both crates on the same operands, views included.
    fn compare<T>(&self, group: &mut BenchmarkGroup<'_, WallTime>, name: &str, theirs: Theirs<T>)
    where
        T: Element + From<f32>,
    {
        let Product { layout, m, n, k, beta } = *self;
        let ((rsa, csa), (rsb, csb)) = match layout {
            Layout::NN => ((k, 1), (n, 1)),
            Layout::TN => ((1, m), (n, 1)),
            Layout::NT => ((k, 1), (1, k)),
        };
        let [rsa, csa, rsb, csb] = [rsa, csa, rsb, csb].map(|stride| stride as isize);
        let (a, b, mut c) = (values::<T>(m * k), values::<T>(k * n), values::<T>(m * n));
        let (one, beta) = (T::from(1.0), T::from(beta));

        group.throughput(Throughput::Elements((2 * m * n * k) as u64));
        group.bench_function(format!("{name}/lapidary"), |bencher| {
            bencher.iter(|| {
                let a = MatRef::strided(black_box(&a), m, k, rsa, csa).unwrap();
                let b = MatRef::strided(black_box(&b), k, n, rsb, csb).unwrap();
                let c = MatMut::row_major(black_box(&mut c), m, n).unwrap();
                Gemm::new(a, b).beta(beta).threads(Threads::Serial).run(c).unwrap();
            })
        });
        group.bench_function(format!("{name}/matrixmultiply"), |bencher| {
            bencher.iter(|| {
                let (a, b, c) = (black_box(&a).as_ptr(), black_box(&b).as_ptr(), black_box(&mut c).as_mut_ptr());
                // SAFETY: the lengths of a, b and c are their shapes', and so are the strides.
                unsafe { theirs(m, k, n, one, a, rsa, csa, b, rsb, csb, beta, c, n as isize, 1) }
            })
        });
    }
}

/// Small numbers of both signs, so that a sum kept up by `beta` = 1 never overflows.
fn values<T: From<f32>>(len: usize) -> Vec<T> {
    (0..len).map(|i| T::from((i * 7 % 17) as f32 / 16.0 - 0.5)).collect()
}

fn squares(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("squares");
    for size in [64, 128, 256, 512, 1024] {
        Product::square(Layout::NN, size).compare(&mut group, &format!("f32 NN {size}"), matrixmultiply::sgemm);
        Product::square(Layout::NN, size).compare(&mut group, &format!("f64 NN {size}"), matrixmultiply::dgemm);
    }
    for layout in [Layout::TN, Layout::NT] {
        Product::square(layout, 512).compare(&mut group, &format!("f32 {layout:?} 512"), matrixmultiply::sgemm);
        Product::square(layout, 512).compare(&mut group, &format!("f64 {layout:?} 512"), matrixmultiply::dgemm);
    }
}

/// The three products of a linear layer: Y = X·W, dW += Xᵀ·G and dX = G·Wᵀ.
fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layers");
    for (n, d_in, d_out) in [(64, 784, 256), (512, 768, 768), (1, 1024, 1024), (32, 512, 512), (8192, 64, 64)] {
        for (what, product) in [
            ("Y", Product { layout: Layout::NN, m: n, n: d_out, k: d_in, beta: 0.0 }),
            ("dW", Product { layout: Layout::TN, m: d_in, n: d_out, k: n, beta: 1.0 }),
            ("dX", Product { layout: Layout::NT, m: n, n: d_in, k: d_out, beta: 0.0 }),
        ] {
            product.compare(&mut group, &format!("{n}·{d_in}·{d_out} {what}"), matrixmultiply::sgemm);
        }
    }
}

/// Products so small that what surrounds them counts.
fn tiny(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tiny");
    for size in [1, 2, 4, 8] {
        Product::square(Layout::NN, size).compare(&mut group, &format!("f32 NN {size}"), matrixmultiply::sgemm);
    }
}

/// What a call costs beside its arithmetic: views, checks, the choice of a kernel. Its time, less that of the same sums
/// as plain Rust inlined into the loop, on arrays whose sizes the compiler knows; each is timed right after the other.
fn overhead(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("overhead");
    call_less_arithmetic::<1>(&mut group);
    call_less_arithmetic::<2>(&mut group);
    call_less_arithmetic::<3>(&mut group);
    call_less_arithmetic::<4>(&mut group);
}

fn call_less_arithmetic<const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>) {
    let square = || <[[f32; N]; N]>::try_from(values(N * N).as_chunks().0).unwrap();
    let (a, b, mut c) = (square(), square(), square());
    group.bench_function(format!("{N}×{N}×{N}"), |bencher| {
        bencher.iter_custom(|calls| {
            let call = time(calls, || {
                let a = MatRef::row_major(black_box(&a).as_flattened(), N, N).unwrap();
                let b = MatRef::row_major(black_box(&b).as_flattened(), N, N).unwrap();
                let c = MatMut::row_major(black_box(&mut c).as_flattened_mut(), N, N).unwrap();
                Gemm::new(a, b).run(c).unwrap();
            });
            let arithmetic = time(calls, || {
                let (a, b, c) = (black_box(&a), black_box(&b), black_box(&mut c));
                *c = from_fn(|i| from_fn(|j| (0..N).fold(0.0, |sum, p| sum + a[i][p] * b[p][j])));
            });
            call.saturating_sub(arithmetic).max(Duration::from_nanos(1))
        })
    });
}

fn time(calls: u64, mut call: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed()
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = squares, layers, tiny, overhead
}
criterion_main!(benches);
