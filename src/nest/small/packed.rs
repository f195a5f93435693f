//! Little products that have an operand packed on the stack first: one that no tile can walk, or complex numbers, which are real
//! ones from there on.

use core::mem::MaybeUninit;

use super::{Little, QUICK, ROWS, STEPS, VECTORS, WORK};
use crate::element::Real;
use crate::nest::stage::{STAGE, staged};
use crate::nest::{Problem, Rows};
use crate::pack::{Panel, SLACK};
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
/// is one of real numbers; of a C that does not lie by rows, through the stage.
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
    let on_stack = m.max(width) * k * size_of::<T>() <= PACKED && (by_rows || m * n <= STAGE);
    if !on_stack || m * (width / kernels.lanes) * k > QUICK {
        return false;
    }
    let with_b = |little: Little<'_, T>| {
        let done = little.with_packed(width, kernels, |&Panel { src, lane, step, lanes, depth, dst, width }| {
            // The strides of B lead from number to number.
            let (lane, step) = (lane.wrapping_mul(2), step.wrapping_mul(2));
            // SAFETY: B as its view promises; the room is large enough.
            unsafe { (kernels.complex.wide)(&Panel { src, lane, step, lanes, depth, dst, width }, complex.signs) }
        });
        debug_assert!(done, "a quick product whose operands tiles can walk");
    };
    let with_a = |little: Little<'_, T>| {
        if little.a.depth == 1 { with_b(little) } else { little.with_complex_a(kernels, with_b) }
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
        self.with_packed(self.n.next_multiple_of(kernels.lanes), kernels, |panel| {
            // SAFETY: B as its view promises; the room is large enough.
            unsafe { (kernels.pack)(panel) }
        })
    }

    /// The same of complex numbers with A packed.
    #[inline(never)]
    fn with_complex_a(self, kernels: &Kernels<T>, run: impl FnOnce(Self)) {
        let Little { m, k, a: Narrow { ptr: src, row: lane, depth: step }, .. } = self;
        let mut room = Room::new();
        let dst = room.0.as_mut_ptr().cast();
        let panel = Panel { src, lane, step: step.wrapping_mul(2), lanes: m, depth: k, dst, width: m };
        // SAFETY: A as its view promises; the room is large enough, and written before it is read.
        unsafe { (kernels.complex.narrow)(&panel) };
        run(Little { a: Narrow { ptr: dst, row: 1, depth: m as isize }, ..self })
    }

    /// The same with B as `pack` lays it down, in groups of so many lanes.
    #[inline(always)]
    fn with_packed(self, width: usize, kernels: &Kernels<T>, pack: impl FnOnce(&Panel<T>)) -> bool {
        let Little { n, k, b, .. } = self;
        debug_assert!(width * k * size_of::<T>() <= PACKED);
        let mut room = Room::new();
        let dst = room.0.as_mut_ptr().cast();
        pack(&Panel { src: b.ptr, lane: b.lane, step: b.depth, lanes: n, depth: k, dst, width });
        let packed = Little { b: Wide { ptr: dst, depth: width as isize, lane: 1 }, ..self };
        packed.run_as_tile(kernels) || packed.run_as_is(kernels, WORK)
    }
}
