//! The element types, and what all competitors need to know of them.

use std::ffi::c_int;

use crate::peak::Chains;

/// `matrixmultiply::sgemm` or `dgemm`.
pub type MatrixMultiply<T> =
    unsafe fn(usize, usize, usize, T, *const T, isize, isize, *const T, isize, isize, T, *mut T, isize, isize);

/// `cblas_sgemm` or `cblas_dgemm`, with integers of 32 bits.
#[rustfmt::skip]
pub type CblasGemm<T> = unsafe extern "C" fn(
    order: c_int, trans_a: c_int, trans_b: c_int, m: c_int, n: c_int, k: c_int,
    alpha: T, a: *const T, lda: c_int, b: *const T, ldb: c_int, beta: T, c: *mut T, ldc: c_int,
);

pub trait Scalar:
    lapidary::Element + gemmkit::GemmScalar + faer::traits::ComplexField + From<f32> + Into<f64> + 'static
{
    const NAME: &'static str;
    /// Unit roundoff: half the distance from 1 to the next number.
    const ROUNDOFF: f64;
    const MATRIXMULTIPLY: MatrixMultiply<Self>;
    const CBLAS: &'static str;
    /// The loop that measures the peak, for the best instruction set of this machine.
    fn chains() -> Chains;
}

impl Scalar for f32 {
    const NAME: &'static str = "f32";
    const ROUNDOFF: f64 = f32::EPSILON as f64 / 2.0;
    const MATRIXMULTIPLY: MatrixMultiply<f32> = matrixmultiply::sgemm;
    const CBLAS: &'static str = "cblas_sgemm";

    fn chains() -> Chains {
        Chains::f32()
    }
}

impl Scalar for f64 {
    const NAME: &'static str = "f64";
    const ROUNDOFF: f64 = f64::EPSILON / 2.0;
    const MATRIXMULTIPLY: MatrixMultiply<f64> = matrixmultiply::dgemm;
    const CBLAS: &'static str = "cblas_dgemm";

    fn chains() -> Chains {
        Chains::f64()
    }
}
