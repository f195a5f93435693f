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

macro_rules! beside {
    ($test:ident, $gemm:ident, $t:ident) => {
        #[test]
        fn $test() {
            let mut state = 1u32;
            let mut quarters = move || {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                (state >> 27) as $t / 4.0 - 4.0
            };
            let sizes = [(0, 3, 2), (2, 0, 3), (3, 2, 0), (1, 1, 1), (5, 7, 3), (1, 40, 33), (33, 17, 1), (40, 33, 41)];
            for (m, k, n) in sizes {
                for layouts in 0..12 * 12 {
                    let mut a = Matrix::<$t>::new(m, k, layouts % 12, $t::NAN, &mut quarters);
                    let mut b = Matrix::<$t>::new(k, n, layouts / 12, $t::NAN, &mut quarters);
                    match layouts % 5 {
                        0 => a.strides = (0, 0), // everywhere the first element
                        1 => b.strides.0 = 0,
                        _ => (),
                    }
                    let alpha = [1.0, 0.0, -1.5][layouts % 3];
                    let beta = [0.0, 1.0, -1.5][layouts / 3 % 3];
                    let [ours, theirs] = [matrixmultiply::$gemm, real::$gemm].map(|gemm| {
                        let mut old = 0.0;
                        let mut c = Matrix::new(m, n, layouts / 5, $t::NAN, || {
                            old += 0.25;
                            if beta == 0.0 { $t::NAN } else { old }
                        });
                        let ((rsa, csa), (rsb, csb), (rsc, csc)) = (a.strides, b.strides, c.strides);
                        let to = c.data[c.start..].as_mut_ptr();
                        // SAFETY: the matrices hold every element of these strides.
                        unsafe { gemm(m, k, n, alpha, a.ptr(), rsa, csa, b.ptr(), rsb, csb, beta, to, rsc, csc) };
                        c.data
                    });
                    for (at, (x, y)) in ours.iter().zip(&theirs).enumerate() {
                        assert!(
                            x == y || x.is_nan() && y.is_nan(),
                            "{m}×{k}×{n}, layouts {layouts}, C[{at}]: {x}, {y}"
                        );
                    }
                }
            }
        }
    };
}
beside!(single, sgemm, f32);
beside!(double, dgemm, f64);

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
