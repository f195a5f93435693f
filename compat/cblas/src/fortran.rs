//! The functions for Fortran: columns one after the other, everything by reference.

use core::ffi::{c_char, c_int};

use crate::Int;
use crate::product::{Argument, GemmCall, GemvCall, Op, Wrong};

// Defined in `xerbla`, or by the program.
unsafe extern "C" {
    fn xerbla_(function: *const c_char, argument: *const Int, length: c_int);
}

fn op(trans: c_char) -> Option<Op> {
    match (trans as u8).to_ascii_uppercase() {
        b'N' => Some(Op::Plain),
        b'T' => Some(Op::Transposed),
        b'C' => Some(Op::Conjugated),
        _ => None,
    }
}

/// Tells of what is wrong by what the function's arguments are numbered.
fn report(function: &str, wrong: Wrong, number: fn(Argument) -> Int) {
    if let Some(why) = wrong.why {
        eprintln!("{function}: {why}");
    }
    // SAFETY: a name with its length, and an integer.
    unsafe { xerbla_(function.as_ptr().cast(), &number(wrong.argument), function.len() as c_int) }
}

fn gemm_argument(argument: Argument) -> Int {
    match argument {
        Argument::TransA => 1,
        Argument::TransB => 2,
        Argument::M => 3,
        Argument::N => 4,
        Argument::K => 5,
        Argument::Lda => 8,
        Argument::Ldb => 10,
        Argument::C => 12,
        Argument::Ldc => 13,
        _ => 0,
    }
}

fn gemv_argument(argument: Argument) -> Int {
    match argument {
        Argument::TransA => 1,
        Argument::M => 2,
        Argument::N => 3,
        Argument::Lda => 6,
        Argument::IncX => 8,
        Argument::Y => 10,
        Argument::IncY => 11,
        _ => 0,
    }
}

macro_rules! gemm {
    ($name:ident, $t:ty, $upper:literal) => {
        /// C ← `alpha`·op(A)·op(B) + `beta`·C with op(A) m×k, op(B) k×n and C m×n. op is nothing (N), the transpose (T) or
        /// its conjugate (C).
        ///
        /// # Safety
        /// Every pointer leads to its number, or to a valid matrix: A and B readable, C writable.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            trans_a: *const c_char,
            trans_b: *const c_char,
            m: *const Int,
            n: *const Int,
            k: *const Int,
            alpha: *const $t,
            a: *const $t,
            lda: *const Int,
            b: *const $t,
            ldb: *const Int,
            beta: *const $t,
            c: *mut $t,
            ldc: *const Int,
        ) {
            // SAFETY: the caller's promise.
            let done = unsafe {
                match (op(*trans_a), op(*trans_b)) {
                    (None, _) => Err(Argument::TransA.into()),
                    (_, None) => Err(Argument::TransB.into()),
                    (Some(op_a), Some(op_b)) => GemmCall {
                        by_rows: false,
                        ops: [op_a, op_b],
                        m: *m,
                        n: *n,
                        k: *k,
                        alpha: *alpha,
                        a,
                        lda: *lda,
                        b,
                        ldb: *ldb,
                        beta: *beta,
                        c,
                        ldc: *ldc,
                    }
                    .run(),
                }
            };
            if let Err(wrong) = done {
                report($upper, wrong, gemm_argument);
            }
        }
    };
}
gemm!(sgemm_, f32, "SGEMM ");
gemm!(dgemm_, f64, "DGEMM ");
gemm!(cgemm_, [f32; 2], "CGEMM ");
gemm!(zgemm_, [f64; 2], "ZGEMM ");

macro_rules! gemv {
    ($name:ident, $t:ty, $upper:literal) => {
        /// y ← `alpha`·op(A)·x + `beta`·y with A m×n. op is nothing (N) or the transpose (T, C). A vector with a negative
        /// stride starts at its end.
        ///
        /// # Safety
        /// Every pointer leads to its number, or to a valid matrix or vector: A and x readable, y writable.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            trans: *const c_char,
            m: *const Int,
            n: *const Int,
            alpha: *const $t,
            a: *const $t,
            lda: *const Int,
            x: *const $t,
            incx: *const Int,
            beta: *const $t,
            y: *mut $t,
            incy: *const Int,
        ) {
            // SAFETY: the caller's promise.
            let done = unsafe {
                match op(*trans) {
                    None => Err(Argument::TransA.into()),
                    Some(op) => GemvCall {
                        by_rows: false,
                        op,
                        m: *m,
                        n: *n,
                        alpha: *alpha,
                        a,
                        lda: *lda,
                        x,
                        incx: *incx,
                        beta: *beta,
                        y,
                        incy: *incy,
                    }
                    .run(),
                }
            };
            if let Err(wrong) = done {
                report($upper, wrong, gemv_argument);
            }
        }
    };
}
gemv!(sgemv_, f32, "SGEMV ");
gemv!(dgemv_, f64, "DGEMV ");
