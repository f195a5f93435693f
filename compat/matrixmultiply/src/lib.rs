#![doc = include_str!("../README.md")]
#![no_std]
#![deny(missing_docs)]

use lapidary::{Gemm, MatMut, MatRef, Threads};

macro_rules! gemm {
    ($name:ident, $t:ty, [$($feature:literal)?], [$($flag:ident),*], $example:expr) => {
        /// C ← `alpha`·A·B + `beta`·C with A m×k, B k×n and C m×n; element (i, j) of a matrix lies at
        /// `ptr.offset(i·rs + j·cs)`. The order of the sizes is m, **k**, n. If `beta` is 0, C is not read; if m, n or k
        /// is 0, C ← `beta`·C.
        ///
        /// # Safety
        /// All elements reached must be valid: those of A and B readable, those of C writable, and initialised unless
        /// `beta` is 0. Where m, n or k is 0, unused pointers may dangle.
        ///
        /// # Panics
        /// If the elements of C are not distinct, C overlaps A or B, or `LAPIDARY_ISA` asks for what the machine lacks.
        ///
        /// ```
        #[doc = $example]
        /// ```
        $(#[cfg(feature = $feature)])?
        #[allow(clippy::too_many_arguments)] // the other crate's signature
        pub unsafe fn $name(
            $($flag: CGemmOption,)*
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
            $(let CGemmOption::Standard = $flag;)*
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
    ($name:ident, $t:ident) => {
        gemm!($name, $t, [], [], concat!("
use matrixmultiply::", stringify!($name), ";
let (a, b, mut c) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [0.0; 4]);
// SAFETY: three 2×2 matrices, rows one after the other.
unsafe { ", stringify!($name), "(2, 2, 2, 1.0, a.as_ptr(), 2, 1, b.as_ptr(), 2, 1, 0.0, c.as_mut_ptr(), 2, 1) };
assert_eq!(c, [19.0, 22.0, 43.0, 50.0]);"));
    };
    (complex $name:ident, $t:ident) => {
        gemm!($name, [$t; 2], ["cgemm"], [flaga, flagb], concat!("
use matrixmultiply::{CGemmOption, ", stringify!($name), "};
let (a, b, mut c) = ([[1.0, 2.0]], [[3.0, 4.0]], [[0.0; 2]]);
let plain = CGemmOption::Standard;
// SAFETY: three matrices of one number, [re, im].
unsafe {
    ", stringify!($name), "(plain, plain, 1, 1, 1, [1.0, 0.0], a.as_ptr(), 1, 1, b.as_ptr(), 1, 1, [0.0; 2], c.as_mut_ptr(), 1, 1);
}
assert_eq!(c, [[-5.0, 10.0]]);"));
    };
}
gemm!(sgemm, f32);
gemm!(dgemm, f64);
gemm!(complex cgemm, f32);
gemm!(complex zgemm, f64);

/// What is multiplied of a complex matrix.
#[cfg(feature = "cgemm")]
#[non_exhaustive]
#[derive(Copy, Clone, Debug)]
pub enum CGemmOption {
    /// Its elements.
    Standard,
}

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
