//! matrixmultiply's functions, with its exact signatures and behaviour.

use crate::element::Real;
use crate::gemm::{Gemm, Threads};
use crate::matrix::{MatMut, MatRef};

macro_rules! matrixmultiply {
    ($name:ident, $t:ident) => {
        #[doc = concat!("`matrixmultiply::", stringify!($name), "`: C ← `alpha`·A·B + `beta`·C with A m×k, B k×n and C m×n.")]
        ///
        /// Element (i, j) of a matrix lies at `ptr.offset(i·rs + j·cs)`; strides are in elements and of any sign, and may
        /// be 0 for A and B. The order of the sizes is m, **k**, n. If `beta` is 0, C is not read. An `alpha` of 0 is not
        /// special: NaN and infinity in A or B come through. If m, n or k is 0, C ← `beta`·C. One thread.
        ///
        /// # Safety
        /// All elements reached must be valid: those of A and B readable, those of C writable, and initialised unless
        /// `beta` is 0. Where m, n or k is 0, unused pointers may dangle.
        ///
        /// # Panics
        /// If the elements of C are not distinct, C overlaps A or B, or `LAPIDARY_ISA` asks for what the machine lacks.
        ///
        /// ```
        #[doc = concat!("use lapidary::", stringify!($name), ";")]
        /// let (a, b, mut c) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [0.0; 4]);
        /// // SAFETY: three 2×2 matrices, rows one after the other.
        #[doc = concat!("unsafe { ", stringify!($name), "(2, 2, 2, 1.0, a.as_ptr(), 2, 1, b.as_ptr(), 2, 1, 0.0, c.as_mut_ptr(), 2, 1) };")]
        /// assert_eq!(c, [19.0, 22.0, 43.0, 50.0]);
        /// ```
        #[allow(clippy::too_many_arguments)] // the other crate's signature
        pub unsafe fn $name(
            m: usize,
            k: usize,
            n: usize,
            alpha: $t,
            a: *const $t,
            rsa: isize,
            csa: isize,
            b: *const $t,
            rsb: isize,
            csb: isize,
            beta: $t,
            c: *mut $t,
            rsc: isize,
            csc: isize,
        ) {
            // SAFETY: the caller's promise.
            let (a, b, c) = unsafe {
                (
                    MatRef::from_raw_parts(a, m, k, rsa, csa),
                    MatRef::from_raw_parts(b, k, n, rsb, csb),
                    MatMut::from_raw_parts(c, m, n, rsc, csc),
                )
            };
            product(alpha, a, b, beta, c)
        }
    };
}
matrixmultiply!(sgemm, f32);
matrixmultiply!(dgemm, f64);

fn product<T: Real>(alpha: T, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: T, c: MatMut<'_, T>) {
    let gemm = Gemm::new(a, b).alpha(alpha).beta(beta).multiply_by_zero().threads(Threads::Serial);
    if let Err(error) = gemm.run(c) {
        panic!("{error}");
    }
}
