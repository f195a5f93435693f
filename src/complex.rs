//! Complex products as real ones: k steps of complex numbers are 2k real steps.
//!
//! Those of number p of the sum add re(a)·b to both parts of c, and then im(a)·i·b: re(c) gets re(a)·re(b) and −im(a)·im(b), im(c)
//! gets re(a)·im(b) and im(a)·re(b). The wide operand is packed as real parts and imaginary parts, so that a tile has one vector of
//! sums for either part, and puts them together when they are done; the narrow one is read where it lies, or copied as it is.
//! Of a C that is contiguous down its columns roles are exchanged, as for real matrices, but not the order of those two steps, which
//! would be other bits: A is the wide operand there, and tiles of their own take im(b)·re(a) first.

use crate::element::{Element, Real, Sealed};
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
    let exchanged = c.row_stride() == 1 && m > 1 && (c.col_stride() != 1 || n == 1);
    let (a, b, c) = if exchanged { (gemm.b.t(), gemm.a.t(), c.t()) } else { (gemm.a, gemm.b, c) };
    let problem = Problem {
        a: a.pairs::<T>(),
        b: b.t().pairs().t(),
        c: c.first_parts(),
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

/// A complex number of parts `$t` that lies in memory as `[re, im]`.
macro_rules! complex {
    ($complex:ty, $t:ident, $make:expr, $parts:expr) => {
        impl Element for $complex {
            const KC: usize = $t::KC;
        }

        impl Sealed for $complex {
            const ZERO: Self = $make(0.0, 0.0);
            const ONE: Self = $make(1.0, 0.0);

            fn multiply(gemm: &Gemm<'_, Self>, c: &mut MatMut<'_, Self>, machine: &Machine) {
                multiply::<Self, $t>(gemm, c.reborrow(), machine);
            }
        }

        impl Pair<$t> for $complex {
            fn parts(self) -> [$t; 2] {
                let parts: fn(Self) -> [$t; 2] = $parts;
                parts(self)
            }
        }
    };
}

const fn pair<T: Copy>(re: T, im: T) -> [T; 2] {
    [re, im]
}
complex!([f32; 2], f32, pair, |z| z);
complex!([f64; 2], f64, pair, |z| z);
complex!(num_complex::Complex<f32>, f32, num_complex::Complex::new, |z| [z.re, z.im]);
complex!(num_complex::Complex<f64>, f64, num_complex::Complex::new, |z| [z.re, z.im]);
