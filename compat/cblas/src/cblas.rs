//! The functions for C.

use core::ffi::{CStr, c_char, c_int};

use crate::Int;
use crate::product::{Argument, GemmCall, GemvCall, Op, Wrong};

// Defined in `xerbla`, or by the program.
unsafe extern "C" {
    fn cblas_xerbla(argument: Int, function: *const c_char, form: *const c_char, ...);
}

const ROW_MAJOR: c_int = 101;
const COL_MAJOR: c_int = 102;

fn op(trans: c_int) -> Option<Op> {
    match trans {
        111 => Some(Op::Plain),
        112 => Some(Op::Transposed),
        113 => Some(Op::Conjugated),
        _ => None,
    }
}

/// Tells of a wrong argument, by its number; and if a number was no enumerator, which.
fn report(function: &CStr, argument: Int, form: &CStr, found: c_int) {
    // SAFETY: two strings; the form takes one integer or none.
    unsafe { cblas_xerbla(argument, function.as_ptr(), form.as_ptr(), found) }
}

/// Tells of what is wrong by what the function's arguments are numbered.
fn report_wrong(function: &CStr, Wrong { argument, why }: Wrong, number: fn(Argument) -> Int) {
    let why = why.map(|why| format!("{why}\n\0").replace('%', "%%")).unwrap_or_else(|| "\0".into());
    let form = CStr::from_bytes_until_nul(why.as_bytes()).unwrap_or_default();
    report(function, number(argument), form, 0);
}

fn gemm_argument(argument: Argument) -> Int {
    match argument {
        Argument::TransA => 2,
        Argument::TransB => 3,
        Argument::M => 4,
        Argument::N => 5,
        Argument::K => 6,
        Argument::Lda => 9,
        Argument::Ldb => 11,
        Argument::C => 13,
        Argument::Ldc => 14,
        _ => 0,
    }
}

fn gemv_argument(argument: Argument) -> Int {
    match argument {
        Argument::TransA => 2,
        Argument::M => 3,
        Argument::N => 4,
        Argument::Lda => 7,
        Argument::IncX => 9,
        Argument::Y => 11,
        Argument::IncY => 12,
        _ => 0,
    }
}

/// `$scalar` is how C hands over a `$t`, and `$read` how it is read.
macro_rules! gemm {
    ($name:ident, $t:ty, $scalar:ty, $read:expr) => {
        /// C ← `alpha`·op(A)·op(B) + `beta`·C with op(A) m×k, op(B) k×n and C m×n, rows (`layout` 101) or columns (102) one
        /// after the other. op is nothing (111), the transpose (112) or its conjugate (113). Complex scalars are pointed to.
        ///
        /// # Safety
        /// The matrices are valid: A and B readable, C writable.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            layout: c_int,
            trans_a: c_int,
            trans_b: c_int,
            m: Int,
            n: Int,
            k: Int,
            alpha: $scalar,
            a: *const $t,
            lda: Int,
            b: *const $t,
            ldb: Int,
            beta: $scalar,
            c: *mut $t,
            ldc: Int,
        ) {
            const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => unreachable!(),
            };
            if layout != ROW_MAJOR && layout != COL_MAJOR {
                return report(NAME, 1, c"Illegal layout setting, %d\n", layout);
            }
            let Some(op_a) = op(trans_a) else { return report(NAME, 2, c"Illegal TransA setting, %d\n", trans_a) };
            let Some(op_b) = op(trans_b) else { return report(NAME, 3, c"Illegal TransB setting, %d\n", trans_b) };
            let by_rows = layout == ROW_MAJOR;
            // SAFETY: the caller's promise.
            let done = unsafe {
                let (alpha, beta) = ($read(alpha), $read(beta));
                GemmCall { by_rows, ops: [op_a, op_b], m, n, k, alpha, a, lda, b, ldb, beta, c, ldc }.run()
            };
            if let Err(wrong) = done {
                report_wrong(NAME, wrong, gemm_argument);
            }
        }
    };
}
gemm!(cblas_sgemm, f32, f32, |x| x);
gemm!(cblas_dgemm, f64, f64, |x| x);
gemm!(cblas_cgemm, [f32; 2], *const [f32; 2], |x: *const [f32; 2]| *x);
gemm!(cblas_zgemm, [f64; 2], *const [f64; 2], |x: *const [f64; 2]| *x);

macro_rules! gemv {
    ($name:ident, $t:ty) => {
        /// y ← `alpha`·op(A)·x + `beta`·y with A m×n, rows (`layout` 101) or columns (102) one after the other. op is
        /// nothing (111) or the transpose (112, 113). A vector with a negative stride starts at its end.
        ///
        /// # Safety
        /// The matrix and the vectors are valid: A and x readable, y writable.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            layout: c_int,
            trans: c_int,
            m: Int,
            n: Int,
            alpha: $t,
            a: *const $t,
            lda: Int,
            x: *const $t,
            incx: Int,
            beta: $t,
            y: *mut $t,
            incy: Int,
        ) {
            const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => unreachable!(),
            };
            if layout != ROW_MAJOR && layout != COL_MAJOR {
                return report(NAME, 1, c"Illegal layout setting, %d\n", layout);
            }
            let Some(op) = op(trans) else { return report(NAME, 2, c"Illegal TransA setting, %d\n", trans) };
            let by_rows = layout == ROW_MAJOR;
            // SAFETY: the caller's promise.
            let done = unsafe { GemvCall { by_rows, op, m, n, alpha, a, lda, x, incx, beta, y, incy }.run() };
            if let Err(wrong) = done {
                report_wrong(NAME, wrong, gemv_argument);
            }
        }
    };
}
gemv!(cblas_sgemv, f32);
gemv!(cblas_dgemv, f64);
