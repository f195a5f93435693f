//! Little products. With so little to do, planning would be most of the work: without a plan a call took 30 ns, not 80.

use core::mem::MaybeUninit;

use super::{Problem, Rows, first_block};
use crate::element::Real;
use crate::matrix::MatRef;
use crate::pack::{Panel, SLACK};
use crate::plan::MOST_POINTERS;
use crate::runs::{Group, even, pieces};
use crate::simd::Kernels;
use crate::tile::{Before, Narrow, Out, Repeat, Step, Wide};

/// The most rows, vectors and steps of a little product, and multiply-adds of vectors: about a microsecond. All it
/// reads stays in L1.
const ROWS: usize = 256;
const VECTORS: usize = 24;
const STEPS: usize = 64;
const WORK: usize = 3 * 24 * 64;

/// The most vectors that are packed on the stack; and those that one tile takes whatever its rows.
const PACKED: usize = 3;

/// Computes a product that is little and whose operands tiles can walk, if it is one.
#[inline]
pub fn run<T: Real>(problem: &Problem<'_, T>, kernels: &Kernels<T>) -> bool {
    let Problem { a, b, c, epilogue, .. } = problem;
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    let across = a.row_stride() == 1 || (m == 1 && a.col_stride() != 1);
    let in_reach = (across || a.col_stride() == 1) && (n == 1 || c.col_stride() == 1);
    if m > ROWS || n > VECTORS * kernels.lanes || k > STEPS || !in_reach {
        return false;
    }
    let vectors = pieces(n, kernels.lanes);
    if m * vectors * k > WORK {
        return false;
    }
    if n > 1 && b.col_stride() != 1 {
        return vectors <= PACKED.min(kernels.tiles.rows.len()) && pack(problem, kernels);
    }
    let menu = kernels.tiles.rows;
    // The widest tile that has at least half a dozen rows, or all.
    let mut vecs = vectors.min(menu.len());
    while vecs > PACKED && menu[vecs - 1] < m.min(6) {
        vecs -= 1;
    }
    let rows = if across { menu[vecs - 1] } else { menu[vecs - 1].min(MOST_POINTERS) };
    let tiles = Tiles { problem, kernels, across };
    if m <= rows && vectors <= vecs {
        let one = |len| Group { start: 0, len, count: 1 };
        tiles.equal(one(m), one(vectors));
    } else if m <= rows {
        for cols in even(0..vectors, pieces(vectors, vecs)).groups(n < vectors * kernels.lanes) {
            tiles.equal(Group { start: 0, len: m, count: 1 }, cols);
        }
    } else {
        for cols in even(0..vectors, pieces(vectors, vecs)) {
            for rows in even(0..m, pieces(m, rows)).groups(false) {
                tiles.equal(rows, Group { start: cols.start, len: cols.len(), count: 1 });
            }
        }
    }
    if epilogue.is_some() {
        // SAFETY: C, whose columns are adjacent or one; just stored, and still in L1.
        unsafe { problem.finish(kernels, &Rows { ptr: c.at(0, 0), row: c.row_stride(), col: 1 }, 0..m, 0..n) }
    }
    true
}

struct Tiles<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    kernels: &'a Kernels<T>,
    across: bool,
}

impl<T: Real> Tiles<'_, T> {
    /// Tiles of one size: strips of rows by one of vectors, or one by several.
    #[inline(always)]
    fn equal(&self, rows: Group, vectors: Group) {
        let Problem { a, b, c, alpha, beta, .. } = self.problem;
        let lanes = self.kernels.lanes;
        let (col, width) = (vectors.start * lanes, vectors.len * lanes);
        let count = rows.count * vectors.count;
        if count == 0 {
            return;
        }
        let cols = width.min(c.cols() - col);
        let repeat = match vectors.count {
            1 => {
                let next = rows.len as isize;
                Repeat { count, narrow: next * a.row_stride(), wide: 0, before: 0, c: next * c.row_stride() }
            }
            _ => Repeat { count, narrow: 0, wide: width as isize, before: 0, c: width as isize },
        };
        let narrow = Narrow { ptr: a.at(rows.start, 0), row: a.row_stride(), depth: a.col_stride() };
        let wide = Wide { ptr: b.at(0, col), depth: b.row_stride(), lane: 1 };
        let out = Out { c: c.at(rows.start, col), row: c.row_stride(), old: first_block(*beta), alpha: *alpha, cols };
        let tile = self.kernels.tiles.tiles[vectors.len - 1][rows.len - 1].of(self.across, cols < width);
        // SAFETY: the operands as their views promise; the kernels are of this machine.
        unsafe { tile(&Step { depth: a.cols(), apart: 0, narrow, wide, before: Before::NOTHING }, &out, repeat) }
    }
}

/// The same with B contiguous along the depth: packed on the stack.
#[inline(never)]
fn pack<T: Real>(problem: &Problem<'_, T>, kernels: &Kernels<T>) -> bool {
    const ROOM: usize = PACKED * 16 * STEPS + SLACK;
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
