//! What the functions of both languages have in common: the arguments checked as the reference does, and the product.

use lapidary::{Element, Error, Gemm, MatMut, MatRef};

use crate::Int;
use crate::threads::threads;

/// An argument of a function, to be found among those of either language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Not one: the environment asks for what the machine lacks.
    None,
    TransA,
    TransB,
    M,
    N,
    K,
    Lda,
    Ldb,
    C,
    Ldc,
    IncX,
    IncY,
    Y,
}

/// What is wrong with a call.
pub struct Wrong {
    pub argument: Argument,
    pub why: Option<Error>,
}

impl From<Argument> for Wrong {
    fn from(argument: Argument) -> Wrong {
        Wrong { argument, why: None }
    }
}

/// What is multiplied: the matrix, its transpose, or the conjugate of that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Plain,
    Transposed,
    Conjugated,
}

/// The arguments of a `gemm`: C ← alpha·op(A)·op(B) + beta·C with op(A) m×k, op(B) k×n and C m×n.
pub struct GemmCall<T> {
    pub by_rows: bool,
    pub ops: [Op; 2],
    pub m: Int,
    pub n: Int,
    pub k: Int,
    pub alpha: T,
    pub a: *const T,
    pub lda: Int,
    pub b: *const T,
    pub ldb: Int,
    pub beta: T,
    pub c: *mut T,
    pub ldc: Int,
}

impl<T: Element> GemmCall<T> {
    /// Checks and computes it.
    ///
    /// # Safety
    /// The matrices are valid: A and B readable, C writable.
    pub unsafe fn run(self) -> Result<(), Wrong> {
        let GemmCall { by_rows, ops: [op_a, op_b], m, n, k, alpha, a, lda, b, ldb, beta, c, ldc } = self;
        let least = |op: Op, rows: Int, cols: Int| if by_rows == (op == Op::Plain) { cols } else { rows };
        let checks = [
            (m >= 0, Argument::M),
            (n >= 0, Argument::N),
            (k >= 0, Argument::K),
            (lda >= least(op_a, m, k).max(1), Argument::Lda),
            (ldb >= least(op_b, k, n).max(1), Argument::Ldb),
            (ldc >= least(Op::Plain, m, n).max(1), Argument::Ldc),
        ];
        // By rows the reference computes Cᵀ = op(B)ᵀ·op(A)ᵀ: of several wrong arguments it reports the first of that call.
        let order = if by_rows { [1, 0, 2, 4, 3, 5] } else { [0, 1, 2, 3, 4, 5] };
        if let Some(&(_, argument)) = order.iter().map(|&i| &checks[i]).find(|check| !check.0) {
            return Err(argument.into());
        }
        let strides = |op: Op, ld: Int| if by_rows == (op == Op::Plain) { (ld as isize, 1) } else { (1, ld as isize) };
        let [m, n, k] = [m, n, k].map(|size| size as usize);
        let ((rsa, csa), (rsb, csb), (rsc, csc)) = (strides(op_a, lda), strides(op_b, ldb), strides(Op::Plain, ldc));
        // SAFETY: the caller's promise.
        let (a, b, c) = unsafe {
            (
                MatRef::from_raw_parts(a, m, k, rsa, csa),
                MatRef::from_raw_parts(b, k, n, rsb, csb),
                MatMut::from_raw_parts(c, m, n, rsc, csc),
            )
        };
        let product = Gemm::new(a, b).alpha(alpha).beta(beta).threads(threads(m, n, k));
        product.conjugate(op_a == Op::Conjugated, op_b == Op::Conjugated).run(c).map_err(|why| wrong(Argument::C, why))
    }
}

/// The arguments of a `gemv`: y ← alpha·op(A)·x + beta·y with A m×n.
pub struct GemvCall<T> {
    pub by_rows: bool,
    pub op: Op,
    pub m: Int,
    pub n: Int,
    pub alpha: T,
    pub a: *const T,
    pub lda: Int,
    pub x: *const T,
    pub incx: Int,
    pub beta: T,
    pub y: *mut T,
    pub incy: Int,
}

impl<T: Element> GemvCall<T> {
    /// Checks and computes it.
    ///
    /// # Safety
    /// The matrix and the vectors are valid: A and x readable, y writable.
    pub unsafe fn run(self) -> Result<(), Wrong> {
        let GemvCall { by_rows, op, m, n, alpha, a, lda, x, incx, beta, y, incy } = self;
        let checks = [
            (m >= 0, Argument::M),
            (n >= 0, Argument::N),
            (lda >= if by_rows { n } else { m }.max(1), Argument::Lda),
            (incx != 0, Argument::IncX),
            (incy != 0, Argument::IncY),
        ];
        let order = if by_rows { [1, 0, 2, 3, 4] } else { [0, 1, 2, 3, 4] };
        if let Some(&(_, argument)) = order.iter().map(|&i| &checks[i]).find(|check| !check.0) {
            return Err(argument.into());
        }
        if m == 0 || n == 0 {
            return Ok(());
        }
        let (rows, cols) = if op == Op::Plain { (m, n) } else { (n, m) };
        let (rs, cs) = if by_rows == (op == Op::Plain) { (lda as isize, 1) } else { (1, lda as isize) };
        let (rows, cols, incx, incy) = (rows as usize, cols as usize, incx as isize, incy as isize);
        // A vector with a negative stride starts at its end.
        let first = |len: usize, inc: isize| if inc < 0 { (1 - len as isize) * inc } else { 0 };
        // SAFETY: the caller's promise.
        let (a, x, y) = unsafe {
            (
                MatRef::from_raw_parts(a, rows, cols, rs, cs),
                MatRef::from_raw_parts(x.offset(first(cols, incx)), cols, 1, incx, 1),
                MatMut::from_raw_parts(y.offset(first(rows, incy)), rows, 1, incy, 1),
            )
        };
        let product = Gemm::new(a, x).alpha(alpha).beta(beta).threads(threads(rows, 1, cols));
        product.conjugate(op == Op::Conjugated, false).run(y).map_err(|why| wrong(Argument::Y, why))
    }
}

/// Of those that remain, an output that overlaps an operand is an argument's; what the machine lacks is no argument's.
fn wrong(output: Argument, why: Error) -> Wrong {
    let argument = match why {
        Error::Overlap { .. } | Error::OverlapsItself { .. } => output,
        _ => Argument::None,
    };
    Wrong { argument, why: Some(why) }
}
