//! Little products that have an operand packed on the stack first: one that no tile can walk, or complex numbers, which are real
//! ones from there on.

use core::mem::MaybeUninit;

use super::{Little, QUICK, ROWS, STEPS, VECTORS, WORK};
use crate::element::Real;
use crate::nest::complex::Complex;
use crate::nest::stage::{STAGE, staged};
use crate::nest::{Problem, Rows};
use crate::pack::{Panel, SLACK};
use crate::plan::tiles::wide_tile;
use crate::runs::pieces;
use crate::simd::Kernels;
use crate::tile::{Narrow, Wide};

/// The most bytes that are packed: tiles find them in L1.
pub const PACKED: usize = 24 << 10;

/// Room on the stack for so many bytes of any type, and the slack. (Pages that a function has room on are touched when it is
/// entered: what packs, does nothing else.)
struct Room([MaybeUninit<u64>; PACKED / 8 + SLACK]);

impl Room {
    fn new() -> Self {
        Room([const { MaybeUninit::uninit() }; PACKED / 8 + SLACK])
    }
}

/// Computes a product of complex numbers if it is quick and its scalars are real: once B is packed, and A unless it lies by rows, it
/// is one of real numbers, or of pairs if roles are exchanged; of a C without adjacent numbers, through the stage.
pub fn run_complex<T: Real>(problem: &Problem<'_, T>, kernels: &Kernels<T>) -> bool {
    let Problem { a, b, c, alpha, beta, complex, .. } = problem;
    let Some(complex) = complex.filter(|complex| complex.scalars.is_none()) else { return false };
    let whole = Little::new(a, b, c, *alpha, *beta);
    let Little { m, n, k, .. } = whole;
    let kernels = kernels.of_columns(n);
    if m > ROWS || n > VECTORS * kernels.lanes || k > STEPS {
        return false;
    }
    let (width, by_rows) = (n.next_multiple_of(kernels.lanes), c.col_stride() == 1);
    let on_stack = (m * problem.narrow_unit()).max(width) * k * size_of::<T>() <= PACKED && (by_rows || m * n <= STAGE);
    if !on_stack || m * (width / kernels.lanes) * k > QUICK {
        return false;
    }
    let with_b = |little: Little<'_, T>| {
        let pack = |&Panel { src, lane, step, lanes, depth, dst, width }: &_| {
            // The strides of B lead from number to number.
            let (lane, step) = (lane.wrapping_mul(2), step.wrapping_mul(2));
            let panel = Panel { src, lane, step, lanes, depth, dst, width };
            // SAFETY: B as its view promises; the room is large enough.
            unsafe { (kernels.complex.wide[complex.roles()])(&panel, complex.signs) }
        };
        let done = little.with_packed(width, pack, |packed| match complex.exchanged {
            true => packed.run_in_pairs(kernels),
            false => packed.run_packed(kernels),
        });
        debug_assert!(done, "a quick product whose operands tiles can walk");
    };
    let with_a = |little: Little<'_, T>| match little.a.depth {
        1 if !complex.exchanged => with_b(little),
        _ => little.with_complex_a(&complex, kernels, with_b),
    };
    match by_rows {
        true => with_a(whole),
        // SAFETY: all of C.
        false => unsafe {
            staged(problem.part(0..m, 0..n).c, true, *beta != T::ZERO, &|ptr, row| {
                with_a(Little { c: Rows { ptr, row, col: 1 }, ..whole })
            })
        },
    }
    true
}

impl<T: Real> Little<'_, T> {
    /// The same with B contiguous along the depth: packed on the stack.
    #[inline(never)]
    pub(super) fn packed(self, kernels: &Kernels<T>) -> bool {
        // SAFETY: B as its view promises; the room is large enough.
        let pack = |panel: &_| unsafe { (kernels.pack)(panel) };
        self.with_packed(self.n.next_multiple_of(kernels.lanes), pack, |packed| packed.run_packed(kernels))
    }

    #[inline(always)]
    fn run_packed(self, kernels: &Kernels<T>) -> bool {
        self.run_as_tiles(kernels) || self.run_as_is(kernels, WORK)
    }

    /// With rows of pairs.
    #[inline(never)]
    fn run_in_pairs(self, kernels: &Kernels<T>) -> bool {
        let menu = &kernels.complex.tiles;
        let (rows, vecs) = wide_tile(self.m, pieces(self.n, kernels.lanes), self.k, menu.rows, usize::MAX);
        self.strips(rows, vecs, menu, kernels.lanes);
        true
    }

    /// The same of complex numbers with A packed.
    #[inline(never)]
    fn with_complex_a(self, complex: &Complex<T>, kernels: &Kernels<T>, run: impl FnOnce(Self)) {
        let Little { m, k, a: Narrow { ptr: src, row: lane, depth: step }, .. } = self;
        let mut room = Room::new();
        let dst = room.0.as_mut_ptr().cast();
        let unit = 1 + complex.roles();
        let panel = Panel { src, lane, step: step.wrapping_mul(2), lanes: 2 * m, depth: k, dst, width: unit * m };
        // SAFETY: A as its view promises; the room is large enough, and written before it is read.
        unsafe { (kernels.complex.narrow[complex.roles()])(&panel, complex.signs) };
        run(Little { a: Narrow { ptr: dst, row: unit as isize, depth: (unit * m) as isize }, ..self })
    }

    /// Runs the same with B as `pack` lays it down, in groups of so many lanes.
    #[inline(always)]
    fn with_packed(self, width: usize, pack: impl FnOnce(&Panel<T>), run: impl FnOnce(Self) -> bool) -> bool {
        let Little { n, k, b, .. } = self;
        debug_assert!(width * k * size_of::<T>() <= PACKED);
        let mut room = Room::new();
        let dst = room.0.as_mut_ptr().cast();
        pack(&Panel { src: b.ptr, lane: b.lane, step: b.depth, lanes: n, depth: k, dst, width });
        run(Little { b: Wide { ptr: dst, depth: width as isize, lane: 1 }, ..self })
    }
}
