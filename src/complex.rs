//! Complex products as real ones: k steps of complex numbers are 2k real steps.
//!
//! With v a vector of numbers of B, each the two lanes [re, im], c + a·b = (c + re(a)·v) + im(a)·(i·v): rows of A are real
//! rows as they lie in memory, and B is packed as v and i·v. The sums are the numbers of C in the lanes where they
//! belong. A conjugate only changes signs while B is packed.
//!
//! Of a C that is contiguous down its columns, roles are exchanged, as for real matrices, but re(a)·im(b) is still to be added before
//! im(a)·re(b): the other order would be other bits. So A is the wide operand there, packed as vectors of its real parts, each twice,
//! and of its imaginary parts, and v and i·v are pairs that tiles broadcast as one, all that a kernel knows of it. (Squares
//! by columns of 16³ to 64³ are 1.1 to 1.4 times as fast as through the stack, where any other C goes.)

use crate::element::{Element, Real};
use crate::gemm::Gemm;
use crate::machine::Machine;
use crate::matrix::MatMut;
use crate::nest::complex::Complex;
use crate::nest::{Place, Problem, small};
use crate::plan::block_len;

/// A complex number that lies in memory as its real part and its imaginary part.
pub trait Pair<T>: Element {
    fn parts(self) -> [T; 2];
}

/// Computes a product of complex matrices, all operands checked.
pub fn multiply<E: Pair<T>, T: Real>(gemm: &Gemm<'_, E>, c: MatMut<'_, E>, machine: &Machine) {
    const { assert!(size_of::<E>() == 2 * size_of::<T>() && align_of::<E>() == align_of::<T>()) }
    let (m, n, k) = (gemm.a.rows(), gemm.b.cols(), gemm.a.cols());
    if m == 0 || n == 0 {
        return;
    }
    let kernels = T::kernels(machine);
    let (alpha, beta) = (gemm.alpha.parts(), gemm.beta.parts());
    let by_columns = c.row_stride() == 1 && m > 1 && (c.col_stride() != 1 || n == 1);
    let exchanged = by_columns && !kernels.complex.tiles.rows.is_empty();
    let (a, b, c) = if exchanged { (gemm.b.t(), gemm.a.t(), c.t()) } else { (gemm.a, gemm.b, c) };
    let problem = Problem {
        a: a.pairs::<T>(false),
        b: b.pairs(true),
        c: c.pairs(),
        alpha: alpha[0],
        beta: beta[0],
        epilogue: None,
        place: Place::WHOLE,
        complex: Some(Complex::new(gemm.conjugate, alpha, beta, exchanged)),
    };
    if k == 0 || (gemm.alpha == E::ZERO && !gemm.multiply_by_zero) {
        return problem.scale_complex(kernels);
    }
    if !small::run_complex(&problem, kernels) {
        let block = block_len(problem.a.cols(), T::KC);
        problem.run(block, gemm.threads, machine);
    }
}
