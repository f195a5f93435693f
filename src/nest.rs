//! The loops: walks a plan. What is to be computed is in `problem`, who walks which part in `tasks`, what is packed where in
//! `panels`, what needs no plan in `small`, and how tiles reach a C that they cannot write to in `stage`.

pub mod bits;
pub mod complex;
mod dots;
pub mod each;
mod finish;
mod panels;
pub mod pool;
mod problem;
pub mod small;
mod stage;
mod tasks;
mod update;

use core::ops::Range;

use complex::{Scalars, combined};
use finish::Rest;
pub use problem::{Place, Problem, before_lines};
use stage::{chunks, staged, summed};

use crate::element::Real;
use crate::pack::SLACK;
use crate::plan::{Plan, Reading, Split};
use crate::runs::{Even, Group, even, pieces, pieces_len};
use crate::scratch::Scratch;
use crate::simd::{Kernels, streamed};
use crate::tile::epilogue::{Closing, Term};
use crate::tile::{Before, Narrow, Old, Out, Repeat, Step, Wide};

/// Computes a product as planned: for its shape and strides, with the machine's kernels.
pub fn run<T: Real>(problem: Problem<'_, T>, plan: &Plan, kernels: &Kernels<T>) {
    let nest = Nest { plan, kernels };
    match plan.split {
        Split::Grid { rows: 1, cols: 1 } => nest.product(&problem, Sums::IntoC),
        Split::Grid { rows, cols } => nest.grid(&problem, rows, cols),
        Split::Deep { tasks } => nest.deep(&problem, tasks),
    }
}

/// C = `beta`·C and the epilogue, for a product that sums nothing. Without one, leaves every bit where `beta` is 1.
pub fn scale<T: Real>(problem: &Problem<'_, T>, kernels: &Kernels<T>) {
    let Problem { c, beta, epilogue, .. } = problem;
    if *beta != T::ONE {
        for i in 0..c.rows() {
            for j in 0..c.cols() {
                let at = c.at(i, j);
                // SAFETY: an element of C, not read where beta is 0.
                unsafe { *at = if *beta == T::ZERO { T::ZERO } else { *beta * *at } }
            }
        }
    }
    if epilogue.is_some() {
        for i in 0..c.rows() {
            for cols in chunks(c.cols(), 1) {
                // SAFETY: a run of a row of C, initialised by now.
                unsafe {
                    let run = problem.part(i..i + 1, cols.clone());
                    staged(run.c, 1, true, kernels, &|c, row| {
                        problem.finish(Rest::ALL, kernels, &Rows { ptr: c, row, col: 1 }, i..i + 1, cols.clone())
                    });
                }
            }
        }
    }
}

/// What becomes of the sums of a K-block.
#[derive(Clone, Copy, PartialEq)]
enum Sums {
    /// C = fma(alpha, sum, C), where the first block finds beta·C; the bias after the last.
    IntoC,
    /// C = sum, for a C that holds the sums of one block.
    Bare,
}

struct Nest<'a, T: 'static> {
    plan: &'a Plan,
    kernels: &'a Kernels<T>,
}

impl<T: Real> Nest<'_, T> {
    /// The serial product. What goes past the caches is stored in vectors that begin at multiples of their size.
    fn product(&self, problem: &Problem<'_, T>, sums: Sums) {
        let vector = self.kernels.lanes * size_of::<T>();
        let aligned = || before_lines(&problem.c.as_ref()).is_some_and(|bytes| bytes.is_multiple_of(vector));
        let streams = self.plan.streams && sums == Sums::IntoC && aligned();
        self.blocks(problem, sums, streams);
        if streams {
            streamed();
        }
    }

    /// Wide blocks, K-blocks, narrow blocks. A narrow block is packed when it is entered.
    fn blocks(&self, problem: &Problem<'_, T>, sums: Sums, streams: bool) {
        let Nest { plan, kernels } = *self;
        let (m, n, k) = (problem.c.rows(), problem.c.cols(), problem.a.cols());
        let lanes = kernels.lanes;
        let vectors = pieces(n, lanes);
        let wide_blocks = pieces(vectors, plan.wide_block);
        let narrow_blocks = pieces(m, plan.narrow_block);
        let deepest = plan.block.min(k);
        let pass = plan.pass.min(deepest);
        // Strips that nothing comes back to are packed where the last ones were, in L2: 32×512×512 NT 1.3 times as fast.
        let strips_kept = narrow_blocks > 1 || plan.by_rows;
        let most_packed = if strips_kept { usize::MAX } else { plan.packed_together * plan.vecs };
        let wide_room = match plan.wide {
            Reading::Packed => pieces_len(vectors, wide_blocks).min(most_packed) * lanes * pass,
            _ => 0,
        };
        let narrow_strip = plan.rows * pass + SLACK;
        let narrow_room = match plan.pack_narrow {
            true => pieces(pieces_len(m, narrow_blocks), plan.rows) * narrow_strip,
            false => 0,
        };
        let keeps_narrow = plan.keeps_narrow && narrow_blocks == 1 && wide_blocks > 1 && pass == deepest;
        let narrow_rooms = if keeps_narrow { k.div_ceil(plan.block) } else { 1 };
        let sums_row = if plan.pass < deepest { pieces_len(vectors, wide_blocks) * lanes } else { 0 };
        let slack = if wide_room + narrow_room > 0 { SLACK } else { 0 };
        let mut scratch = Scratch::new::<T>(wide_room + narrow_room * narrow_rooms + slack + m * sums_row);
        let wide_buffer = scratch.as_mut_ptr::<T>();
        let narrow_buffer = wide_buffer.wrapping_add(wide_room);
        let sums_buffer = narrow_buffer.wrapping_add(narrow_room * narrow_rooms + slack);
        let a = &problem.a;
        let unit = problem.unit() as isize;
        let across = plan.pack_narrow || if m == 1 { a.col_stride() != 1 } else { a.row_stride() == unit };
        let (closing, rest) = problem.closing();
        let c = &problem.c;
        let c = Rows { ptr: c.at(0, 0), row: c.row_stride(), col: c.col_stride() };

        for vectors in even(0..vectors, wide_blocks) {
            let kept = Rows { ptr: sums_buffer.wrapping_sub(vectors.start * lanes), row: sums_row as isize, col: 1 };
            let mut step = 0;
            while step < k {
                let block_start = if pass < plan.block { step / plan.block * plan.block } else { step };
                let block_end = k.min(block_start + plan.block);
                let steps = step..block_end.min(step + pass);
                let blocks = if plan.together > 1 { plan.together.min((k - step).div_ceil(plan.block)) } else { 1 };
                let end = steps.end + (blocks - 1) * plan.block;
                step = end.min(k);
                let kept_before = (steps.start > block_start).then_some(kept);
                for rows in even(0..m, narrow_blocks) {
                    let first = rows.start == 0;
                    let strips = even(rows.clone(), pieces(rows.len(), plan.rows));
                    let room = if keeps_narrow { block_start / plan.block } else { 0 };
                    let narrow_buffer = narrow_buffer.wrapping_add(room * narrow_room);
                    if plan.pack_narrow && (vectors.start == 0 || !keeps_narrow) {
                        self.pack_narrow(problem, strips, &steps, narrow_buffer, narrow_strip);
                    }
                    let (c, old, alpha) = match sums {
                        _ if steps.end < block_end => (kept, Old::Constant(T::NEG_ZERO), T::ONE),
                        Sums::Bare => (c, Old::Constant(T::NEG_ZERO), T::ONE),
                        Sums::IntoC if block_start == 0 => (c, first_block(problem.beta), problem.alpha),
                        Sums::IntoC => (c, Old::Times(T::ONE), problem.alpha),
                    };
                    // Otherwise no dimension of C is contiguous, or scalars are complex: tiles go through the stack.
                    let scalars = match sums {
                        Sums::IntoC => problem.scalars(block_start == 0),
                        Sums::Bare => None,
                    };
                    let adjacent = (c.col == unit || n == 1) && scalars.is_none();
                    let (closing, rest) = if step == k { (closing, rest) } else { (None, Rest::NOTHING) };
                    self.tiles(Block {
                        problem,
                        vectors: vectors.clone(),
                        strips,
                        steps: steps.clone(),
                        blocks,
                        short: end - step,
                        first,
                        strips_kept,
                        packed_from: vectors.start,
                        before: kept_before,
                        c,
                        across,
                        adjacent,
                        scalars,
                        closing,
                        rest,
                        old,
                        alpha,
                        streams: streams && scalars.is_none() && steps.end == block_end && rest == Rest::NOTHING,
                        wide_buffer,
                        narrow_buffer,
                        narrow_strip,
                    });
                }
            }
        }
    }

    /// The tiles of a block: wide strips by narrow strips. A wide strip is packed when first touched, just before a tile
    /// uses it. Tiles of the same size are one call.
    fn tiles(&self, mut block: Block<'_, T>) {
        let plan = self.plan;
        let Block { ref vectors, strips, .. } = block;
        let wide_strips = even(vectors.clone(), pieces(vectors.len(), plan.vecs));
        let packs = plan.wide == Reading::Packed && block.first;
        if plan.by_rows {
            let ragged = block.problem.c.cols() < vectors.end * self.kernels.lanes;
            for (at, rows) in strips.enumerate() {
                let packs = packs && at == 0;
                let rows = Group { start: rows.start, len: rows.len(), count: 1 };
                for group in wide_strips.groups(ragged) {
                    for wide in
                        group.cut(if packs { 1 } else { block.together(rows.len * group.len * self.kernels.lanes) })
                    {
                        if packs {
                            self.pack_wide(&block, even(wide.start..wide.end(), 1));
                        }
                        self.equal_tiles(&block, rows, at, wide);
                    }
                }
            }
        } else {
            let (mut unpacked, mut packed) = (wide_strips, vectors.start);
            for wide in wide_strips {
                if packs && packed == wide.start {
                    let next = unpacked.split_off_first(plan.packed_together);
                    if !block.strips_kept {
                        block.packed_from = packed;
                    }
                    self.pack_wide(&block, next);
                    packed = unpacked.start();
                }
                let wide = Group { start: wide.start, len: wide.len(), count: 1 };
                let mut at = 0;
                for group in strips.groups(false) {
                    for rows in group.cut(block.together(group.len * wide.len * self.kernels.lanes)) {
                        self.equal_tiles(&block, rows, at, wide);
                        at += rows.count;
                    }
                }
            }
        }
    }

    /// Tiles of one size: narrow strips, the first of them the `at`-th, by one wide strip, or one by several.
    fn equal_tiles(&self, block: &Block<'_, T>, rows: Group, at: usize, wide_strips: Group) {
        let Nest { plan, kernels } = *self;
        let (problem, c) = (block.problem, block.c);
        let Problem { a, b, .. } = problem;
        let depth = block.steps.len();
        let (col, width) = (wide_strips.start * kernels.lanes, wide_strips.len * kernels.lanes);
        let cols = width.min(b.cols() - col);
        let (wide, wide_next) = match plan.wide {
            Reading::Packed => (
                Wide { ptr: self.packed(block, wide_strips.start).cast_const(), depth: width as isize, lane: 1 },
                depth as isize,
            ),
            _ => {
                let wide = Wide { ptr: b.at(block.steps.start, col), depth: b.row_stride(), lane: b.col_stride() };
                (wide, b.col_stride())
            }
        };
        let (narrow, narrow_next) = match plan.pack_narrow {
            true => {
                let ptr = block.narrow_buffer.wrapping_add(at * block.narrow_strip).cast_const();
                let (row, depth) = (block.problem.unit() as isize, rows.len as isize);
                (Narrow { ptr, row, depth }, block.narrow_strip as isize)
            }
            false => {
                let ptr = a.at(rows.start, block.steps.start);
                let narrow = Narrow { ptr, row: a.row_stride(), depth: a.col_stride() };
                (narrow, rows.len as isize * a.row_stride())
            }
        };
        let before =
            block.before.map_or(Before::NOTHING, |sums| Before { ptr: sums.at(rows.start, col), row: sums.row });
        let closing = block.closing.map(|closing| {
            let term = Term { ptr: closing.term.at(rows.start, col), ..closing.term };
            Closing { term, ..closing }
        });
        let term = closing.map_or(Term::NOTHING, |closing| closing.term);
        let ahead = plan.ahead;
        let beyond = if plan.beyond == 0 { 0 } else { wide.depth.wrapping_mul(plan.beyond as isize) };
        let repeat = match wide_strips.count {
            1 => {
                let next = rows.len as isize;
                Repeat {
                    count: rows.count,
                    narrow: narrow_next,
                    wide: 0,
                    before: next * before.row,
                    c: next * c.row,
                    term: next * term.row,
                    ahead,
                    beyond,
                }
            }
            count => {
                let next = width as isize;
                let (wide, term) = (next * wide_next, next * term.col);
                let c = next * problem.unit() as isize;
                Repeat { count, narrow: 0, wide, before: next, c, term, ahead, beyond }
            }
        };
        let tiles = match (plan.wide, block.blocks) {
            (Reading::Turned, 1) => kernels.turning.tiles[wide_strips.len - 1],
            (Reading::Turned, blocks) => kernels.turning.tiles[blocks - 1],
            (_, 1) => problem.tiles(kernels).tiles[wide_strips.len - 1],
            (_, blocks) => kernels.blocks.tiles[blocks - 2],
        };
        let tile = tiles[rows.len - 1].of(block.across);
        let apart = if block.blocks > 1 { plan.block } else { 0 };
        let part = plan.wide == Reading::InPlace && cols < width;
        let imaginary_first = problem.complex.is_some_and(|complex| complex.imaginary_first);
        let step = Step { depth, apart, short: block.short, part, imaginary_first, narrow, wide, before };
        let c = c.at(rows.start, col);
        let out = Out {
            c,
            row: block.c.row,
            old: block.old,
            alpha: block.alpha,
            cols: cols * problem.unit(),
            streams: block.streams,
            closing: closing.as_ref(),
        };
        let end = b.cols().min(col + width * wide_strips.count);
        let rectangle = (rows.start..rows.end(), col..end);
        // (By reference: a copy would be read in larger pieces than it was just written in, and wait: 13 ns of 47.)
        let finished = |out: &Out<'_, T>, repeat: *const Repeat| {
            // SAFETY: the strips lie within the operands or their packed copies, the kernels are of this machine, and the
            // tiles of C, or the copy of one, are this task's own.
            unsafe {
                tile(&step, out, repeat);
                if block.rest != Rest::NOTHING {
                    let c = Rows { ptr: out.c, row: out.row, col: 1 };
                    block.problem.finish(block.rest, kernels, &c, rectangle.0.clone(), rectangle.1.clone());
                }
            }
        };
        if block.adjacent {
            return finished(&out, if repeat.count == 1 && ahead == 0 && beyond == 0 { Repeat::ONCE } else { &repeat });
        }
        // SAFETY: as above; one tile.
        unsafe {
            let problem = block.problem;
            let to = problem.part(rectangle.0.clone(), rectangle.1.clone()).c;
            if let Some(scalars) = block.scalars {
                let bare = Out { old: Old::Constant(T::NEG_ZERO), alpha: T::ONE, ..out };
                return combined(to, scalars, kernels, &|c, row| tile(&step, &Out { c, row, ..bare }, Repeat::ONCE));
            }
            let (unit, one) = (problem.unit(), |out: &Out<'_, T>| finished(out, Repeat::ONCE));
            // (Of several blocks each has a sum of its own.)
            if closing.is_none() && block.rest == Rest::NOTHING && block.blocks == 1 {
                return summed(to, unit, &out, kernels, &one);
            }
            let read = matches!(block.old, Old::Times(_));
            staged(to, unit, read, kernels, &|c, row| one(&Out { c, row, ..out }));
        }
    }
}

/// The tiles of a K-block that are computed together, and all that they have in common.
struct Block<'p, T: Real> {
    problem: &'p Problem<'p, T>,
    vectors: Range<usize>,
    /// Of narrow rows.
    strips: Even,
    /// Of the first K-block.
    steps: Range<usize>,
    /// K-blocks walked together: the vectors of a tile of one vector's columns.
    blocks: usize,
    /// How many steps the last of them lacks.
    short: usize,
    /// Whether these are the first rows to meet the wide strips.
    first: bool,
    /// Whether packed wide strips are kept for later rows, and which vector the buffer begins with.
    strips_kept: bool,
    packed_from: usize,
    /// The sums of the steps before these, if the K-block has some.
    before: Option<Rows<T>>,
    /// Where these go: C, or where the sums of an unfinished K-block are kept.
    c: Rows<T>,
    /// Whether the narrow side is walked across its rows.
    across: bool,
    /// Whether C has adjacent columns; otherwise tiles go through the stack.
    adjacent: bool,
    /// What the sums and C are multiplied by, if not by `alpha` and `old`.
    scalars: Option<Scalars<T>>,
    /// What these tiles do to their sums, and what follows: nothing unless they are the last.
    closing: Option<Closing<T>>,
    rest: Rest,
    old: Old<T>,
    alpha: T,
    /// Whether C is stored past the caches.
    streams: bool,
    wide_buffer: *mut T,
    narrow_buffer: *mut T,
    /// Elements from one packed strip of the narrow operand to the next.
    narrow_strip: usize,
}

impl<T: Real> Block<'_, T> {
    /// How many tiles of so many elements may go in one call.
    fn together(&self, elements: usize) -> usize {
        match (self.adjacent, self.rest != Rest::NOTHING) {
            (false, _) => 1,
            (_, true) => (FINISHED / elements.max(1)).max(1),
            _ => usize::MAX,
        }
    }
}

/// Elements that are finished at once: enough that a call costs little, few enough to be in L1 still. (All 512 rows of two
/// vectors, of 512×64 with 64 steps: a bias and a ReLU cost 28 % of the product, not 21 %.)
const FINISHED: usize = 1536;

/// C, or sums, by the rows and columns of C.
#[derive(Clone, Copy)]
pub struct Rows<T> {
    ptr: *mut T,
    row: isize,
    col: isize,
}

impl<T> Rows<T> {
    fn at(self, i: usize, j: usize) -> *mut T {
        self.ptr.wrapping_offset(i as isize * self.row + j as isize * self.col)
    }
}

/// What the sums of the first K-block are added to.
#[inline]
fn first_block<T: Real>(beta: T) -> Old<T> {
    if beta == T::ZERO { Old::Constant(T::ZERO) } else { Old::Times(beta) }
}
