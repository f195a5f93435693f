//! Tiny products. With so little to do, planning would be most of the work: without a plan a call took 30 ns, not 80.

use core::mem::MaybeUninit;

use super::{Problem, first_block};
use crate::element::Element;
use crate::matrix::MatRef;
use crate::pack::{Panel, SLACK};
use crate::plan::MOST_POINTERS;
use crate::runs::{even, pieces};
use crate::simd::Kernels;
use crate::tile::{Before, Narrow, Out, Repeat, Step, Wide};

/// The most rows, vectors and steps of a small product.
const ROWS: usize = 24;
const VECTORS: usize = 3;
const STEPS: usize = 64;

/// Computes a product whose C is one column of a few tiles, if it is one.
#[inline]
pub fn run<T: Element>(problem: &Problem<'_, T>, kernels: &Kernels<T>) -> bool {
    let Problem { a, b, c, alpha, beta, bias } = problem;
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    let across = a.row_stride() == 1 || (m == 1 && a.col_stride() != 1);
    let in_reach = (across || a.col_stride() == 1) && (n == 1 || c.col_stride() == 1);
    let vectors = VECTORS.min(kernels.tiles.rows.len());
    if m > ROWS || n > vectors * kernels.lanes || k > STEPS || !in_reach || bias.is_some() {
        return false;
    }
    if n > 1 && b.col_stride() != 1 {
        return pack(problem, kernels);
    }
    let vecs = pieces(n, kernels.lanes);
    let menu = kernels.tiles.rows;
    let most = if across { menu[vecs - 1] } else { menu[vecs - 1].min(MOST_POINTERS) };
    let part = n < vecs * kernels.lanes;
    let wide = Wide { ptr: b.as_ptr(), depth: b.row_stride(), lane: 1 };
    for rows in even(0..m, pieces(m, most)) {
        let narrow = Narrow { ptr: a.at(rows.start, 0), row: a.row_stride(), depth: a.col_stride() };
        let old = first_block(*beta);
        let out = Out { c: c.at(rows.start, 0), row: c.row_stride(), old, alpha: *alpha, cols: n };
        let tile = kernels.tiles.tiles[vecs - 1][rows.len() - 1].of(across, part);
        // SAFETY: the operands as their views promise; the kernels are of this machine.
        unsafe { tile(&Step { depth: k, apart: 0, narrow, wide, before: Before::NOTHING }, &out, Repeat::ONCE) }
    }
    true
}

/// The same with B contiguous along the depth: packed on the stack.
#[inline(never)]
fn pack<T: Element>(problem: &Problem<'_, T>, kernels: &Kernels<T>) -> bool {
    const ROOM: usize = VECTORS * 16 * STEPS + SLACK;
    let (b, mut room) = (&problem.b, [const { MaybeUninit::<T>::uninit() }; ROOM]);
    let (lane, step, lanes, depth) = (b.col_stride(), b.row_stride(), b.cols(), b.rows());
    let (width, dst) = (lanes.next_multiple_of(kernels.lanes), room.as_mut_ptr().cast());
    debug_assert!(kernels.lanes <= 16 && width * depth + SLACK <= ROOM);
    // SAFETY: B as its view promises; the room is large enough, and written before it is read.
    unsafe {
        (kernels.pack)(&Panel { src: b.as_ptr(), lane, step, lanes, depth, dst, width });
        let b = MatRef::from_raw_parts(dst, depth, lanes, width as isize, 1);
        run(&Problem { b, c: problem.c.alias(), ..*problem }, kernels)
    }
}
