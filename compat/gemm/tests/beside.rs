//! Beside the crate that this one stands for: the same elements written, with the same values. Operands are multiples of
//! a quarter, so that every sum is exact in any order.

use gemm::{c32, c64};

/// A matrix in a buffer whose gaps are NaN: column and row stride, and where element (0, 0) lies.
#[derive(Clone)]
struct Matrix<T> {
    data: Vec<T>,
    start: usize,
    cs: isize,
    rs: isize,
}

impl<T: Number> Matrix<T> {
    /// `layout`: contiguous rows, contiguous columns, gaps both ways, and each with the signs turned.
    fn new(rows: usize, cols: usize, layout: usize, mut value: impl FnMut() -> T) -> Self {
        let (r, c) = (rows.max(1) as isize, cols.max(1) as isize);
        let (rs, cs) = [(c, 1), (1, r), (2 * c + 1, 2)][layout % 3];
        let (rs, cs) = [(rs, cs), (-rs, cs), (rs, -cs), (-rs, -cs)][layout / 3 % 4];
        let down = |len: isize, stride: isize| if stride < 0 { (len - 1) * -stride } else { 0 };
        let start = (down(r, rs) + down(c, cs)) as usize;
        let len = ((r - 1) * rs.abs() + (c - 1) * cs.abs() + 1) as usize;
        let mut matrix = Matrix { data: vec![T::NAN; len], start, cs, rs };
        for i in 0..rows {
            for j in 0..cols {
                matrix.data[(start as isize + i as isize * rs + j as isize * cs) as usize] = value();
            }
        }
        matrix
    }

    fn ptr(&self) -> *const T {
        self.data[self.start..].as_ptr()
    }
}

trait Number: Copy + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    const NAN: Self;
    fn of(re: f32, im: f32) -> Self;
    /// Equal, but for what NaN there is.
    fn is(self, other: Self) -> bool;
}

macro_rules! number {
    ($t:ty, $nan:expr, |$re:ident, $im:ident| $of:expr, |$x:ident| $parts:expr) => {
        impl Number for $t {
            const NAN: Self = $nan;
            fn of($re: f32, $im: f32) -> Self {
                $of
            }
            fn is(self, other: Self) -> bool {
                let parts = |$x: Self| $parts;
                let pairs = parts(self).into_iter().zip(parts(other));
                pairs.into_iter().all(|(x, y)| x == y || (x.is_nan() && y.is_nan()))
            }
        }
    };
}
number!(f32, f32::NAN, |re, _im| re, |x| [x]);
number!(f64, f64::NAN, |re, _im| re.into(), |x| [x]);
number!(c32, c32::new(f32::NAN, f32::NAN), |re, im| c32::new(re, im), |z| [z.re, z.im]);
number!(c64, c64::new(f64::NAN, f64::NAN), |re, im| c64::new(re.into(), im.into()), |z| [z.re, z.im]);
#[cfg(feature = "f16")]
number!(gemm::f16, gemm::f16::NAN, |re, _im| gemm::f16::from_f32(re), |x| [x]);

/// Panics unless both crates write the same elements.
fn beside<T: Number>() {
    let mut state = 1u32;
    let mut quarters = move || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 30) as f32 / 4.0 - 0.25
    };
    let mut quarters = || T::of(quarters(), quarters());
    let sizes = [(0, 3, 2), (2, 0, 3), (3, 2, 0), (1, 1, 1), (5, 3, 7), (1, 33, 40), (33, 1, 17), (40, 41, 33)];
    for (m, n, k) in sizes {
        for layouts in 0..12 * 12 {
            let a = Matrix::new(m, k, layouts % 12, &mut quarters);
            let b = Matrix::new(k, n, layouts / 12, &mut quarters);
            let alpha = [T::of(1.0, 0.0), T::of(-1.5, 0.5)][layouts % 2];
            let beta = [T::of(1.0, 0.0), T::of(-0.5, 1.0)][layouts / 2 % 2];
            let read = layouts % 3 > 0;
            let [conj_dst, conj_lhs, conj_rhs] = [0, 1, 2].map(|bit| layouts >> bit & 1 == 1);
            let mut old = 0;
            let ours = Matrix::new(m, n, layouts / 5, || {
                old += 1;
                if read { T::of(old as f32 % 4.0, 0.25) } else { T::NAN }
            });
            let (mut ours, mut theirs) = (ours.clone(), ours);
            let to = ours.data[ours.start..].as_mut_ptr();
            // SAFETY: the matrices hold every element of these strides.
            unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    to,
                    ours.cs,
                    ours.rs,
                    read,
                    a.ptr(),
                    a.cs,
                    a.rs,
                    b.ptr(),
                    b.cs,
                    b.rs,
                    alpha,
                    beta,
                    conj_dst,
                    conj_lhs,
                    conj_rhs,
                    gemm::Parallelism::None,
                );
            }
            let to = theirs.data[theirs.start..].as_mut_ptr();
            // SAFETY: as above.
            unsafe {
                real::gemm(
                    m,
                    n,
                    k,
                    to,
                    theirs.cs,
                    theirs.rs,
                    read,
                    a.ptr(),
                    a.cs,
                    a.rs,
                    b.ptr(),
                    b.cs,
                    b.rs,
                    alpha,
                    beta,
                    conj_dst,
                    conj_lhs,
                    conj_rhs,
                    real::Parallelism::None,
                );
            }
            for (at, (&x, &y)) in ours.data.iter().zip(&theirs.data).enumerate() {
                let call = (m, n, k, layouts, read, [conj_dst, conj_lhs, conj_rhs]);
                assert!(x.is(y), "{call:?}, dst[{at}]: {x:?}, {y:?}");
            }
        }
    }
}

#[test]
fn single() {
    beside::<f32>();
}

#[test]
fn double() {
    beside::<f64>();
}

#[test]
fn single_complex() {
    beside::<c32>();
}

#[test]
fn double_complex() {
    beside::<c64>();
}

#[cfg(feature = "f16")]
#[test]
fn sixteen_bits() {
    beside::<gemm::f16>();
}

/// Large enough for threads: the bits of one.
#[cfg(feature = "rayon")]
#[test]
fn bits_of_one_thread() {
    let n = 300;
    let values: Vec<f32> = (0..n * n).map(|i| (i * 7919 % 1999) as f32 / 999.5 - 1.0).collect();
    let [one, two, all] =
        [gemm::Parallelism::None, gemm::Parallelism::Rayon(2), gemm::Parallelism::Rayon(0)].map(|who| {
            let (p, mut c, row) = (values.as_ptr(), vec![f32::NAN; n * n], n as isize);
            // SAFETY: three n×n matrices.
            unsafe {
                gemm::gemm(
                    n,
                    n,
                    n,
                    c.as_mut_ptr(),
                    1,
                    row,
                    false,
                    p,
                    1,
                    row,
                    p,
                    row,
                    1,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    who,
                )
            };
            c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        });
    assert_eq!(one, two);
    assert_eq!(one, all);
}

/// The numbers of the other crate, and what both make of setting them.
#[test]
fn thresholds() {
    let ours = [
        gemm::DEFAULT_THREADING_THRESHOLD,
        gemm::DEFAULT_RHS_PACKING_THRESHOLD,
        gemm::DEFAULT_LHS_PACKING_THRESHOLD_SINGLE_THREAD,
        gemm::DEFAULT_LHS_PACKING_THRESHOLD_MULTI_THREAD,
    ];
    let theirs = [
        real::DEFAULT_THREADING_THRESHOLD,
        real::DEFAULT_RHS_PACKING_THRESHOLD,
        real::DEFAULT_LHS_PACKING_THRESHOLD_SINGLE_THREAD,
        real::DEFAULT_LHS_PACKING_THRESHOLD_MULTI_THREAD,
    ];
    assert_eq!(ours, theirs);
    assert_eq!(gemm::DEFAULT_WASM_SIMD128, real::DEFAULT_WASM_SIMD128);
    for (set, get) in [
        (gemm::set_rhs_packing_threshold as fn(usize), gemm::get_rhs_packing_threshold as fn() -> usize),
        (gemm::set_lhs_packing_threshold_single_thread, gemm::get_lhs_packing_threshold_single_thread),
        (gemm::set_lhs_packing_threshold_multi_thread, gemm::get_lhs_packing_threshold_multi_thread),
    ] {
        set(100);
        assert_eq!(get(), 100);
        set(1000);
        assert_eq!(get(), 256);
    }
}

#[test]
#[should_panic(expected = "no products of u8")]
fn other_types() {
    let mut x = [1u8];
    let p = x.as_mut_ptr();
    // SAFETY: nothing is computed.
    unsafe { gemm::gemm(1, 1, 1, p, 1, 1, true, p, 1, 1, p, 1, 1, 1, 1, false, false, false, gemm::Parallelism::None) };
}
