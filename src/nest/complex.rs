//! What a product of complex numbers does beside its real loops: how both operands are packed, and complex scalars.

use core::mem::MaybeUninit;

use super::Problem;
use super::stage::{STAGE, chunks, staged};
use crate::element::Real;
use crate::matrix::MatMut;
use crate::simd::complex::Combine;
use crate::simd::{Kernels, Menu};

/// What makes a product of pairs one of complex numbers.
#[derive(Clone, Copy, Debug)]
pub struct Complex<T> {
    /// What imaginary parts of the narrow operand, and of the wide one, are multiplied by as they are packed.
    pub signs: [T; 2],
    /// Whether the wide operand is packed with its imaginary parts before the real ones: of a conjugated narrow one. Where a tile
    /// sums x·re − y·im and x·im + y·re, it sums x·im − y·re and x·re + y·im then, which are the imaginary part and the real one of
    /// (x − iy)·(re + i·im), added up in the same order. (That is not so with roles exchanged: there it is packed, for its sign.)
    pub imaginary_first: bool,
    /// `alpha` and `beta`, unless both are real: tiles multiply by real numbers only.
    pub scalars: Option<Scalars<T>>,
    /// Whether roles are exchanged: A is the wide operand.
    pub exchanged: bool,
}

/// Complex `alpha` and `beta`.
#[derive(Clone, Copy, Debug)]
pub struct Scalars<T> {
    pub alpha: [T; 2],
    pub beta: [T; 2],
}

impl<T: Real> Complex<T> {
    pub fn new((conj_a, conj_b): (bool, bool), alpha: [T; 2], beta: [T; 2], exchanged: bool) -> Complex<T> {
        let (imaginary_first, minus) = if exchanged { (false, [conj_b, conj_a]) } else { (conj_a, [false, conj_b]) };
        let sign = |minus| T::exact(if minus { -1.0 } else { 1.0 });
        let signs = [sign(minus[0]), sign(minus[1])];
        let real = alpha[1] == T::ZERO && beta[1] == T::ZERO;
        Complex { signs, imaginary_first, scalars: (!real).then_some(Scalars { alpha, beta }), exchanged }
    }

    /// The tiles for it.
    pub fn tiles<'k>(&self, kernels: &'k Kernels<T>) -> &'k Menu<T> {
        &kernels.complex.tiles[usize::from(self.exchanged)]
    }

    /// Whether the narrow operand has a sign to be packed with.
    pub fn packs_narrow(&self) -> bool {
        self.signs[0] != T::ONE
    }
}

impl<T: Real> Problem<'_, T> {
    /// Elements in memory of one of C: the parts of a number are two.
    pub fn unit(&self) -> usize {
        if self.complex.is_some() { 2 } else { 1 }
    }

    /// The tiles for it.
    pub fn tiles<'k>(&self, kernels: &'k Kernels<T>) -> &'k Menu<T> {
        self.complex.as_ref().map_or(&kernels.tiles, |complex| complex.tiles(kernels))
    }

    /// Complex scalars, if there are some: of the first K-block, or of the others.
    pub fn scalars(&self, first: bool) -> Option<Scalars<T>> {
        let scalars = self.complex?.scalars?;
        Some(if first { scalars } else { Scalars { beta: [T::ONE, T::ZERO], ..scalars } })
    }

    /// C = `beta`·C, for a product that sums nothing. Leaves every bit where `beta` is 1.
    pub fn scale_complex(self, kernels: &Kernels<T>) {
        let complex_beta = self.complex.and_then(|complex| complex.scalars).map_or(T::ZERO, |scalars| scalars.beta[1]);
        let beta = [self.beta, complex_beta];
        if beta == [T::ONE, T::ZERO] {
            return;
        }
        for i in 0..self.c.rows() {
            for cols in chunks(self.c.cols(), 2) {
                // SAFETY: a run of a row of C, whose parts are adjacent on the stage.
                unsafe {
                    staged(self.part(i..i + 1, cols.clone()).c, 2, beta != [T::ZERO; 2], kernels, &|c, _| {
                        let scalars = Scalars { alpha: [T::ZERO; 2], beta };
                        (kernels.complex.combine)(&Combine {
                            sums: core::ptr::null(),
                            c,
                            len: 2 * cols.len(),
                            scalars,
                        });
                    });
                }
            }
        }
    }
}

/// Hands over room for sums of a rectangle, and adds them to C, not read where `beta` is 0.
///
/// # Safety
/// The rectangle is the caller's own; `sum` writes all its sums, rows as far apart as they are long.
pub unsafe fn combined<T: Real>(
    c: MatMut<'_, T>,
    scalars: Scalars<T>,
    kernels: &Kernels<T>,
    sum: &dyn Fn(*mut T, isize),
) {
    let (len, row) = (2 * c.rows() * c.cols(), 2 * c.cols() as isize);
    // SAFETY: the caller's promise; the kernels are of this machine.
    unsafe {
        staged(c, 2, scalars.beta != [T::ZERO; 2], kernels, &|c, _| {
            let mut sums = [const { MaybeUninit::<T>::uninit() }; STAGE];
            sum(sums.as_mut_ptr().cast(), row);
            (kernels.complex.combine)(&Combine { sums: sums.as_ptr().cast(), c, len, scalars });
        });
    }
}
