//! Little products that have an operand packed on the stack first: one that no tile can walk, or complex numbers.

use core::mem::MaybeUninit;

use super::strips::Cover;
use super::{Little, QUICK, ROWS, STEPS, VECTORS, WORK};
use crate::element::Real;
use crate::nest::complex::Complex;
use crate::nest::stage::{STAGE, staged};
use crate::nest::{Problem, Rows, first_block};
use crate::pack::{Panel, SLACK};
use crate::plan::tiles::{most_rows, wide_tile};
use crate::runs::pieces;
use crate::simd::Kernels;
use crate::tile::{Narrow, Wide};

/// The most bytes that are packed: tiles find them in L1.
pub const PACKED: usize = 24 << 10;

/// The most multiply-adds of vectors of a product of complex numbers. (32³ 1.2 times as fast as planned; c64 36³, beyond it, would be
/// 1/1.06.)
const MOST: usize = 4 * QUICK;

/// Room on the stack for so many bytes of any type, and the slack. (Pages that a function has room on are touched when it is
/// entered: what packs, does nothing else.)
struct Room([MaybeUninit<u64>; PACKED / 8 + SLACK]);

impl Room {
    fn new() -> Self {
        Room([const { MaybeUninit::uninit() }; PACKED / 8 + SLACK])
    }
}

/// Computes a product of complex numbers if it is little and its scalars are real, once B is packed, and A unless tiles can walk it;
/// of a C without adjacent numbers, through the stage.
pub fn run_complex<T: Real>(problem: &Problem<'_, T>, kernels: &Kernels<T>) -> bool {
    let Problem { a, b, c, alpha, beta, complex, .. } = problem;
    let Some(complex) = complex.filter(|complex| complex.scalars.is_none()) else { return false };
    let whole = Little::new(a, b, c, *alpha, *beta);
    let Little { m, n, k, .. } = whole;
    if m > ROWS || n > VECTORS * kernels.lanes || k > STEPS {
        return false;
    }
    let (width, by_rows) = (n.next_multiple_of(kernels.lanes), c.col_stride() == 2 || n == 1);
    let on_stack = m.max(width) * k * size_of::<T>() <= PACKED && (by_rows || 2 * m * n <= STAGE);
    if !on_stack || 2 * m * (width / kernels.lanes) * k > MOST {
        return false;
    }
    match by_rows {
        true => whole.run_numbers(&complex, kernels),
        // SAFETY: all of C.
        false => unsafe {
            staged(problem.part(0..m, 0..n).c, 2, *beta != T::ZERO, kernels, &|ptr, row| {
                Little { c: Rows { ptr, row, col: 2 }, ..whole }.run_numbers(&complex, kernels)
            })
        },
    }
    true
}

impl<T: Real> Little<'_, T> {
    /// The same with B contiguous along the depth: packed on the stack.
    #[inline(never)]
    pub(super) fn packed(self, kernels: &Kernels<T>, double_pumped: bool) -> bool {
        // SAFETY: B as its view promises; the room is large enough.
        let pack = |panel: &_| unsafe { (kernels.pack)(panel) };
        self.with_packed(self.n.next_multiple_of(kernels.lanes), pack, |packed| {
            packed.run_as_tiles(kernels) || packed.run_as_is(kernels, WORK, double_pumped)
        })
    }

    /// The same of complex numbers.
    fn run_numbers(self, complex: &Complex<T>, kernels: &Kernels<T>) {
        let across = self.across(2);
        match (across || self.a.depth == 1) && !complex.packs_narrow() {
            true => self.with_packed_numbers(complex, kernels, across),
            false => self.with_packed_a(complex, kernels),
        }
    }

    /// Packs A, and goes on.
    #[inline(never)]
    fn with_packed_a(self, complex: &Complex<T>, kernels: &Kernels<T>) {
        let Little { m, k, a: Narrow { ptr: src, row: lane, depth: step }, .. } = self;
        let mut room = Room::new();
        let dst = room.0.as_mut_ptr().cast();
        let panel = Panel { src, lane, step: step.wrapping_mul(2), lanes: m, depth: k, dst, width: m };
        // SAFETY: A as its view promises; the room is large enough, and written before it is read.
        unsafe { (kernels.complex.narrow)(&panel, complex.signs[0]) };
        let a = Narrow { ptr: dst, row: 2, depth: m as isize };
        Little { a, ..self }.with_packed_numbers(complex, kernels, true);
    }

    /// Packs B, and goes on.
    #[inline(never)]
    fn with_packed_numbers(self, complex: &Complex<T>, kernels: &Kernels<T>, across: bool) {
        let lanes = kernels.lanes;
        let pack = |panel: &Panel<T>| {
            let panel = Panel { step: panel.step.wrapping_mul(2), ..*panel };
            // SAFETY: B as its view promises; the room is large enough.
            unsafe { (kernels.complex.wide)(&panel, complex.signs[1], complex.imaginary_first) }
        };
        self.with_packed(self.n.next_multiple_of(lanes), pack, |packed| {
            let menu = complex.tiles(kernels);
            let (rows, vecs) = wide_tile(self.m, pieces(self.n, lanes), self.k, menu.rows, most_rows(across));
            let (imaginary_first, old) = (complex.imaginary_first, first_block(self.beta));
            packed.strips(rows, vecs, &Cover { menu, lanes, across, unit: 2, imaginary_first, old });
        });
    }

    /// Runs the same with B as `pack` lays it down, in groups of so many lanes.
    #[inline(always)]
    fn with_packed<R>(self, width: usize, pack: impl FnOnce(&Panel<T>), run: impl FnOnce(Self) -> R) -> R {
        let Little { n, k, b, .. } = self;
        debug_assert!(width * k * size_of::<T>() <= PACKED);
        let mut room = Room::new();
        let dst = room.0.as_mut_ptr().cast();
        pack(&Panel { src: b.ptr, lane: b.lane, step: b.depth, lanes: n, depth: k, dst, width });
        run(Little { b: Wide { ptr: dst, depth: width as isize, lane: 1 }, ..self })
    }
}
