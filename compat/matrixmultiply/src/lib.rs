#![doc = include_str!("../README.md")]
#![no_std]
#![deny(missing_docs)]

use lapidary::{Gemm, MatMut, MatRef, Threads};

macro_rules! gemm {
    ($name:ident, $t:ident) => {
        /// C ← `alpha`·A·B + `beta`·C with A m×k, B k×n and C m×n; element (i, j) of a matrix lies at
        /// `ptr.offset(i·rs + j·cs)`. The order of the sizes is m, **k**, n.
        ///
        /// # Safety
        #[doc = concat!("As for [`lapidary::", stringify!($name), "`].")]
        ///
        /// # Panics
        /// If the elements of C are not distinct, C overlaps A or B, or `LAPIDARY_ISA` asks for what the machine lacks.
        ///
        /// ```
        #[doc = concat!("use matrixmultiply::", stringify!($name), ";")]
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
            let gemm = Gemm::new(a, b).alpha(alpha).beta(beta).multiply_by_zero().threads(threads());
            if let Err(error) = gemm.run(c) {
                panic!("{error}");
            }
        }
    };
}
gemm!(sgemm, f32);
gemm!(dgemm, f64);

/// The feature and the variable of the other crate; it, too, reads the variable once.
#[cfg(feature = "threading")]
fn threads() -> Threads {
    extern crate std;
    static MOST: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let read = || std::env::var("MATMUL_NUM_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    Threads::AtMost(*MOST.get_or_init(read))
}

#[cfg(not(feature = "threading"))]
fn threads() -> Threads {
    Threads::Serial
}
