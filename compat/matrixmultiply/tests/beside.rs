//! Beside the crate that this one stands for: the same elements written, with the same values. Operands are multiples of
//! a quarter, so that every sum is exact in any order.

/// A matrix in a buffer whose gaps are NaN: row and column stride, and where element (0, 0) lies.
struct Matrix<T> {
    data: Vec<T>,
    start: usize,
    strides: (isize, isize),
}

impl<T: Copy> Matrix<T> {
    /// `layout`: contiguous rows, contiguous columns, gaps both ways, and each with the signs turned.
    fn new(rows: usize, cols: usize, layout: usize, gap: T, mut value: impl FnMut() -> T) -> Self {
        let (r, c) = (rows.max(1) as isize, cols.max(1) as isize);
        let (rs, cs) = [(c, 1), (1, r), (2 * c + 1, 2)][layout % 3];
        let (rs, cs) = [(rs, cs), (-rs, cs), (rs, -cs), (-rs, -cs)][layout / 3 % 4];
        let down = |len: isize, stride: isize| if stride < 0 { (len - 1) * -stride } else { 0 };
        let start = (down(r, rs) + down(c, cs)) as usize;
        let len = ((r - 1) * rs.abs() + (c - 1) * cs.abs() + 1) as usize;
        let mut matrix = Matrix { data: vec![gap; len], start, strides: (rs, cs) };
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

/// An element: a real number, or a complex one as [re, im].
trait Number: Copy + PartialEq + std::fmt::Debug {
    const NAN: Self;
    fn of(re: f32, im: f32) -> Self;
    /// Equal, but for what NaN there is.
    fn is(self, other: Self) -> bool;
}

macro_rules! number {
    ($t:ident) => {
        impl Number for $t {
            const NAN: Self = $t::NAN;
            fn of(re: f32, _: f32) -> Self {
                re.into()
            }
            fn is(self, other: Self) -> bool {
                self == other || (self.is_nan() && other.is_nan())
            }
        }

        impl Number for [$t; 2] {
            const NAN: Self = [$t::NAN; 2];
            fn of(re: f32, im: f32) -> Self {
                [re.into(), im.into()]
            }
            fn is(self, [re, im]: Self) -> bool {
                self[0].is(re) && self[1].is(im)
            }
        }
    };
}
number!(f32);
number!(f64);

type Gemm<T> =
    unsafe fn(usize, usize, usize, T, *const T, isize, isize, *const T, isize, isize, T, *mut T, isize, isize);

/// Panics unless both functions write the same elements.
fn beside<T: Number>(ours: Gemm<T>, theirs: Gemm<T>) {
    let mut state = 1u32;
    let mut quarters = move || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 27) as f32 / 4.0 - 4.0
    };
    let mut quarters = || T::of(quarters(), quarters());
    let sizes = [(0, 3, 2), (2, 0, 3), (3, 2, 0), (1, 1, 1), (5, 7, 3), (1, 40, 33), (33, 17, 1), (40, 33, 41)];
    for (m, k, n) in sizes {
        for layouts in 0..12 * 12 {
            let mut a = Matrix::new(m, k, layouts % 12, T::NAN, &mut quarters);
            let mut b = Matrix::new(k, n, layouts / 12, T::NAN, &mut quarters);
            match layouts % 5 {
                0 => a.strides = (0, 0), // everywhere the first element
                1 => b.strides.0 = 0,
                _ => (),
            }
            let alpha = [T::of(1.0, 0.0), T::of(0.0, 0.0), T::of(-1.5, 2.0)][layouts % 3];
            let beta = [T::of(0.0, 0.0), T::of(1.0, 0.0), T::of(-1.5, 0.5)][layouts / 3 % 3];
            let [ours, theirs] = [ours, theirs].map(|gemm| {
                let mut old = 0.0;
                let mut c = Matrix::new(m, n, layouts / 5, T::NAN, || {
                    old += 0.25;
                    if beta == T::of(0.0, 0.0) { T::NAN } else { T::of(old, 1.0 - old) }
                });
                let ((rsa, csa), (rsb, csb), (rsc, csc)) = (a.strides, b.strides, c.strides);
                let to = c.data[c.start..].as_mut_ptr();
                // SAFETY: the matrices hold every element of these strides.
                unsafe { gemm(m, k, n, alpha, a.ptr(), rsa, csa, b.ptr(), rsb, csb, beta, to, rsc, csc) };
                c.data
            });
            for (at, (&x, &y)) in ours.iter().zip(&theirs).enumerate() {
                assert!(x.is(y), "{m}×{k}×{n}, layouts {layouts}, C[{at}]: {x:?}, {y:?}");
            }
        }
    }
}

#[test]
fn single() {
    beside(matrixmultiply::sgemm, real::sgemm);
}

#[test]
fn double() {
    beside(matrixmultiply::dgemm, real::dgemm);
}

#[cfg(feature = "cgemm")]
macro_rules! without_flags {
    ($package:ident :: $gemm:ident) => {
        |m, k, n, alpha, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc| {
            let plain = $package::CGemmOption::Standard;
            // SAFETY: the caller's promise.
            unsafe { $package::$gemm(plain, plain, m, k, n, alpha, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
        }
    };
}

#[cfg(feature = "cgemm")]
#[test]
fn single_complex() {
    beside(without_flags!(matrixmultiply::cgemm), without_flags!(real::cgemm));
}

#[cfg(feature = "cgemm")]
#[test]
fn double_complex() {
    beside(without_flags!(matrixmultiply::zgemm), without_flags!(real::zgemm));
}

/// Large enough for threads, if they are on: the bits of one thread.
#[test]
fn bits_of_one_thread() {
    let n = 300;
    let values: Vec<f32> = (0..n * n).map(|i| (i * 7919 % 1999) as f32 / 999.5 - 1.0).collect();
    let [here, one] = [matrixmultiply::sgemm, lapidary::sgemm].map(|gemm| {
        let (p, mut c, row) = (values.as_ptr(), vec![f32::NAN; n * n], n as isize);
        // SAFETY: three n×n matrices.
        unsafe { gemm(n, n, n, 1.0, p, row, 1, p, 1, row, 0.0, c.as_mut_ptr(), row, 1) };
        c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    });
    assert_eq!(here, one);
}

/// NaN comes through an `alpha` of 0.
#[test]
fn alpha_0_is_not_special() {
    let (a, b, mut c) = ([f64::NAN, 1.0], [1.0, 1.0], [1.0]);
    // SAFETY: a row by a column.
    unsafe { matrixmultiply::dgemm(1, 2, 1, 0.0, a.as_ptr(), 2, 1, b.as_ptr(), 1, 1, 1.0, c.as_mut_ptr(), 1, 1) };
    assert!(c[0].is_nan());
}
