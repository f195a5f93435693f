//! The loops: walks a plan. Who walks which part is in `tasks`, what needs no plan in `small`.

pub mod small;
mod tasks;

use core::ops::Range;

use crate::element::Element;
use crate::matrix::{MatMut, MatRef};
use crate::pack::{Panel, SLACK};
use crate::plan::{PAGE, Plan, Reading, Split};
use crate::runs::{Even, Group, even, pieces, pieces_len};
use crate::scratch::Scratch;
use crate::simd::Kernels;
use crate::tile::epilogue::Finish;
use crate::tile::{Before, Narrow, Old, Out, Repeat, Step, Wide};

/// One product, its operands checked: C ← `alpha`·A·B + `beta`·C + bias.
pub struct Problem<'a, T> {
    pub a: MatRef<'a, T>,
    pub b: MatRef<'a, T>,
    pub c: MatMut<'a, T>,
    pub alpha: T,
    pub beta: T,
    /// As large as C, with stride 0 along one dimension.
    pub bias: Option<MatRef<'a, T>>,
}

impl<'a, T: Element> Problem<'a, T> {
    /// The same product as Cᵀ = Bᵀ·Aᵀ.
    pub fn t(self) -> Self {
        Problem { a: self.b.t(), b: self.a.t(), c: self.c.t(), bias: self.bias.map(MatRef::t), ..self }
    }

    /// The part of it that writes a rectangle of C.
    ///
    /// # Safety
    /// While both are used, no other part writes the same elements.
    unsafe fn part(&self, rows: Range<usize>, cols: Range<usize>) -> Problem<'a, T> {
        let depth = self.a.cols();
        Problem {
            a: self.a.part(rows.clone(), 0..depth),
            b: self.b.part(0..depth, cols.clone()),
            // SAFETY: the caller keeps parts apart.
            c: unsafe { self.c.alias() }.part(rows.clone(), cols.clone()),
            bias: self.bias.map(|bias| bias.part(rows, cols)),
            ..*self
        }
    }
}

/// Computes a product as planned: for its shape and strides, with the machine's kernels.
pub fn run<T: Element>(problem: Problem<'_, T>, plan: &Plan, kernels: &Kernels<T>) {
    let nest = Nest { plan, kernels };
    match plan.split {
        Split::Grid { rows: 1, cols: 1 } => nest.product(&problem, Sums::IntoC),
        Split::Grid { rows, cols } => nest.grid(&problem, rows, cols),
        Split::Deep { tasks } => nest.deep(&problem, tasks),
    }
}

/// C = `beta`·C + bias, for a product that sums nothing. Leaves every bit where `beta` is 1.
pub fn scale<T: Element>(problem: &Problem<'_, T>) {
    let Problem { c, beta, bias, .. } = problem;
    if *beta == T::ONE && bias.is_none() {
        return;
    }
    for i in 0..c.rows() {
        for j in 0..c.cols() {
            let at = c.at(i, j);
            // SAFETY: an element of C, not read where beta is 0; an element of the bias, which is as large as C.
            unsafe {
                let mut x = match *beta {
                    zero if zero == T::ZERO => T::ZERO,
                    one if one == T::ONE => *at,
                    beta => beta * *at,
                };
                if let Some(bias) = bias {
                    x = x + *bias.at(i, j);
                }
                *at = x;
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

impl<T: Element> Nest<'_, T> {
    /// The serial product: wide blocks, K-blocks, narrow blocks. A narrow block is packed when it is entered.
    fn product(&self, problem: &Problem<'_, T>, sums: Sums) {
        let Nest { plan, kernels } = *self;
        let (m, n, k) = (problem.c.rows(), problem.c.cols(), problem.a.cols());
        let lanes = kernels.lanes;
        let vectors = pieces(n, lanes);
        let wide_blocks = pieces(vectors, plan.wide_block);
        let narrow_blocks = pieces(m, plan.narrow_block);
        let deepest = plan.block.min(k);
        let pass = plan.pass.min(deepest);
        let wide_room = if plan.wide == Reading::Packed { pieces_len(vectors, wide_blocks) * lanes * pass } else { 0 };
        let narrow_strip = plan.rows * pass + SLACK;
        let narrow_room = match plan.pack_narrow {
            true => pieces(pieces_len(m, narrow_blocks), plan.rows) * narrow_strip,
            false => 0,
        };
        let sums_row = if plan.pass < deepest { pieces_len(vectors, wide_blocks) * lanes } else { 0 };
        let slack = if wide_room + narrow_room > 0 { SLACK } else { 0 };
        let mut scratch = Scratch::new::<T>(wide_room + narrow_room + slack + m * sums_row);
        let wide_buffer = scratch.as_mut_ptr::<T>();
        let narrow_buffer = wide_buffer.wrapping_add(wide_room);
        let sums_buffer = narrow_buffer.wrapping_add(narrow_room + slack);
        let a = &problem.a;
        let across = plan.pack_narrow || a.row_stride() == 1 || (m == 1 && a.col_stride() != 1);
        let c = &problem.c;
        let c = Rows { ptr: c.at(0, 0), row: c.row_stride(), col: c.col_stride() };

        for vectors in even(0..vectors, wide_blocks) {
            let kept = Rows { ptr: sums_buffer.wrapping_sub(vectors.start * lanes), row: sums_row as isize, col: 1 };
            let mut step = 0;
            while step < k {
                let block_start = step / plan.block * plan.block;
                let block_end = k.min(block_start + plan.block);
                let steps = step..block_end.min(step + pass);
                // Only blocks of the same length are walked together.
                let blocks = plan.together.min((k - step) / plan.block).max(1);
                step = steps.end + (blocks - 1) * plan.block;
                let kept_before = (steps.start > block_start).then_some(kept);
                for rows in even(0..m, narrow_blocks) {
                    let first = rows.start == 0;
                    let strips = even(rows.clone(), pieces(rows.len(), plan.rows));
                    if plan.pack_narrow {
                        self.pack_narrow(problem, strips, &steps, narrow_buffer, narrow_strip);
                    }
                    let (c, old, alpha) = match sums {
                        _ if steps.end < block_end => (kept, Old::Constant(T::NEG_ZERO), T::ONE),
                        Sums::Bare => (c, Old::Constant(T::NEG_ZERO), T::ONE),
                        Sums::IntoC if block_start == 0 => (c, first_block(problem.beta), problem.alpha),
                        Sums::IntoC => (c, Old::Times(T::ONE), problem.alpha),
                    };
                    // Otherwise no dimension of C is contiguous: tiles go through the stack.
                    let adjacent = c.col == 1 || n == 1;
                    let bias = problem.bias.filter(|_| step == k);
                    self.tiles(&Block {
                        problem,
                        vectors: vectors.clone(),
                        strips,
                        steps: steps.clone(),
                        blocks,
                        first,
                        before: kept_before,
                        c,
                        across,
                        adjacent,
                        alone: !adjacent || bias.is_some(),
                        old,
                        alpha,
                        bias,
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
    fn tiles(&self, block: &Block<'_, T>) {
        let plan = self.plan;
        let Block { vectors, strips, .. } = block;
        let wide_strips = even(vectors.clone(), pieces(vectors.len(), plan.vecs));
        let packs = plan.wide == Reading::Packed && block.first;
        if plan.by_rows {
            let ragged = block.problem.c.cols() < vectors.end * self.kernels.lanes;
            for (at, rows) in strips.enumerate() {
                let packs = packs && at == 0;
                let rows = Group { start: rows.start, len: rows.len(), count: 1 };
                for group in wide_strips.groups(ragged) {
                    for wide in group.cut(packs || block.alone) {
                        if packs {
                            self.pack_wide(block, even(wide.start..wide.end(), 1));
                        }
                        self.equal_tiles(block, rows, at, wide);
                    }
                }
            }
        } else {
            let (mut unpacked, mut packed) = (wide_strips, vectors.start);
            for wide in wide_strips {
                if packs && packed == wide.start {
                    let next = unpacked.split_off_first(self.packed_together(block));
                    self.pack_wide(block, next);
                    packed = unpacked.start();
                }
                let wide = Group { start: wide.start, len: wide.len(), count: 1 };
                let mut at = 0;
                for group in strips.groups(false) {
                    for rows in group.cut(block.alone) {
                        self.equal_tiles(block, rows, at, wide);
                        at += rows.count;
                    }
                }
            }
        }
    }

    /// Tiles of one size: narrow strips, the first of them the `at`-th, by one wide strip, or one by several.
    fn equal_tiles(&self, block: &Block<'_, T>, rows: Group, at: usize, wide_strips: Group) {
        let Nest { plan, kernels } = *self;
        let (Problem { a, b, .. }, c) = (block.problem, block.c);
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
                (Narrow { ptr, row: 1, depth: rows.len as isize }, block.narrow_strip as isize)
            }
            false => {
                let ptr = a.at(rows.start, block.steps.start);
                let narrow = Narrow { ptr, row: a.row_stride(), depth: a.col_stride() };
                (narrow, rows.len as isize * a.row_stride())
            }
        };
        let before =
            block.before.map_or(Before::NOTHING, |sums| Before { ptr: sums.at(rows.start, col), row: sums.row });
        let repeat = match wide_strips.count {
            1 => {
                let next = rows.len as isize;
                Repeat { count: rows.count, narrow: narrow_next, wide: 0, before: next * before.row, c: next * c.row }
            }
            count => {
                let next = width as isize;
                Repeat { count, narrow: 0, wide: next * wide_next, before: next, c: next }
            }
        };
        let menu = if plan.wide == Reading::Turned { &kernels.turning } else { &kernels.tiles };
        let part = plan.wide == Reading::InPlace && cols < width;
        let vecs = if block.blocks > 1 { block.blocks } else { wide_strips.len };
        let tile = menu.tiles[vecs - 1][rows.len - 1].of(block.across, part);
        let apart = if block.blocks > 1 { plan.block } else { 0 };
        let step = Step { depth, apart, narrow, wide, before };
        let out = Out { c: c.at(rows.start, col), row: c.row, old: block.old, alpha: block.alpha, cols };
        if !block.alone {
            // SAFETY: the strips lie within the operands or their packed copies, the kernels are of this machine, and
            // the tiles of C are this task's own.
            return unsafe { tile(&step, &out, repeat) };
        }
        let rectangle = (rows.start..rows.end(), col..col + cols);
        let finished = |out: Out<T>| {
            // SAFETY: as above; one tile.
            unsafe { tile(&step, &out, Repeat::ONCE) };
            if let Some(bias) = block.bias {
                // SAFETY: the same rows; the bias is as large as C.
                unsafe { self.finish(&out, rows.len, bias.part(rectangle.0.clone(), rectangle.1.clone())) }
            }
        };
        if block.adjacent {
            return finished(out);
        }
        // SAFETY: as above.
        unsafe {
            let tile = block.problem.part(rectangle.0.clone(), rectangle.1.clone()).c;
            staged(tile, matches!(block.old, Old::Times(_)), &|c, row| finished(Out { c, row, ..out }));
        }
    }

    /// Where the packed copy of a wide strip is.
    fn packed(&self, block: &Block<'_, T>, vector: usize) -> *mut T {
        block.wide_buffer.wrapping_add((vector - block.vectors.start) * self.kernels.lanes * block.steps.len())
    }

    /// How many wide strips are packed at once. Steps far apart are read in runs of a page: with few rows, packing is most
    /// of the work, and memory delivers pages (16×4096×4096: 2.8×).
    fn packed_together(&self, block: &Block<'_, T>) -> usize {
        let b = &block.problem.b;
        let far = b.row_stride().unsigned_abs().saturating_mul(size_of::<T>()) >= 2048;
        if b.col_stride() == 1 && far {
            (PAGE / (self.plan.vecs * self.kernels.lanes * size_of::<T>())).max(1)
        } else {
            1
        }
    }

    /// Packs wide strips, a few steps of all of them at a time.
    fn pack_wide(&self, block: &Block<'_, T>, strips: Even) {
        let (b, lanes, steps) = (&block.problem.b, self.kernels.lanes, &block.steps);
        let (lane, step) = (b.col_stride(), b.row_stride());
        let together = if strips.len() > 1 { 8 } else { steps.len() };
        for from in steps.clone().step_by(together) {
            let depth = together.min(steps.end - from);
            for strip in strips {
                let (col, width) = (strip.start * lanes, strip.len() * lanes);
                let dst = self.packed(block, strip.start).wrapping_add((from - steps.start) * width);
                let (src, lanes) = (b.at(from, col), width.min(b.cols() - col));
                // SAFETY: the strip lies within B, its copy within the buffer: the width is in whole vectors.
                unsafe { (self.kernels.pack)(&Panel { src, lane, step, lanes, depth, dst, width }) }
            }
        }
    }

    /// Packs the strips of a narrow block, `strip_room` elements apart.
    ///
    /// Where the operand is contiguous across the rows, a few steps of all strips go together: a cache line holds elements
    /// of several strips, and lines a power of two apart would not wait in the cache for the next one (17 % at 512³ TN).
    fn pack_narrow(
        &self,
        problem: &Problem<'_, T>,
        strips: Even,
        steps: &Range<usize>,
        buffer: *mut T,
        strip_room: usize,
    ) {
        let a = &problem.a;
        let (lane, step) = (a.row_stride(), a.col_stride());
        let together = if lane == 1 { 8 } else { steps.len() };
        for from in steps.clone().step_by(together) {
            let depth = together.min(steps.end - from);
            for (at, rows) in strips.enumerate() {
                let dst = buffer.wrapping_add(at * strip_room + (from - steps.start) * rows.len());
                let (src, lanes) = (a.at(rows.start, from), rows.len());
                // SAFETY: the strip lies within A, its copy within its room of the buffer.
                unsafe { (self.kernels.pack)(&Panel { src, lane, step, lanes, depth, dst, width: lanes }) }
            }
        }
    }

    /// Adds the bias to finished rows.
    ///
    /// # Safety
    /// The rows of `out` are valid, and the bias is as large.
    unsafe fn finish(&self, out: &Out<T>, rows: usize, bias: MatRef<'_, T>) {
        let (bias, bias_row, bias_col) = (bias.as_ptr(), bias.row_stride(), bias.col_stride());
        let finish = Finish { c: out.c, row: out.row, rows, cols: out.cols, bias, bias_row, bias_col };
        // SAFETY: the caller's promise.
        unsafe { (self.kernels.finish)(&finish) }
    }
}

/// The tiles of a K-block that are computed together, and all that they have in common.
struct Block<'p, T> {
    problem: &'p Problem<'p, T>,
    vectors: Range<usize>,
    /// Of narrow rows.
    strips: Even,
    /// Of the first K-block.
    steps: Range<usize>,
    /// K-blocks walked together: the vectors of a turning tile of one vector's columns.
    blocks: usize,
    /// Whether these are the first rows to meet the wide strips.
    first: bool,
    /// The sums of the steps before these, if the K-block has some.
    before: Option<Rows<T>>,
    /// Where these go: C, or where the sums of an unfinished K-block are kept.
    c: Rows<T>,
    /// Whether the narrow side is walked across its rows.
    across: bool,
    /// Whether C has adjacent columns; otherwise tiles go through the stack.
    adjacent: bool,
    /// Whether something is to be done after each tile.
    alone: bool,
    old: Old<T>,
    alpha: T,
    /// If this is the last K-block.
    bias: Option<MatRef<'p, T>>,
    wide_buffer: *mut T,
    narrow_buffer: *mut T,
    /// Elements from one packed strip of the narrow operand to the next.
    narrow_strip: usize,
}

/// C, or sums, by the rows and columns of C.
#[derive(Clone, Copy)]
struct Rows<T> {
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
fn first_block<T: Element>(beta: T) -> Old<T> {
    if beta == T::ZERO { Old::Constant(T::ZERO) } else { Old::Times(beta) }
}

/// The most elements of a tile on the stack.
const STAGE: usize = 512;

/// Hands over a rectangle of a C without adjacent elements as a copy on the stack that is written back.
///
/// # Safety
/// The rectangle is the caller's own, and initialised if `read`.
#[cold]
#[inline(never)]
unsafe fn staged<T: Element>(c: MatMut<'_, T>, read: bool, write: &dyn Fn(*mut T, isize)) {
    let (rows, cols) = (c.rows(), c.cols());
    debug_assert!(rows * cols <= STAGE);
    let mut stage = [T::ZERO; STAGE];
    let at = |i: usize, j: usize| i * cols + j;
    // SAFETY: elements of the rectangle.
    unsafe {
        if read {
            (0..rows).for_each(|i| (0..cols).for_each(|j| stage[at(i, j)] = *c.at(i, j)));
        }
        write(stage.as_mut_ptr(), cols as isize);
        (0..rows).for_each(|i| (0..cols).for_each(|j| *c.at(i, j) = stage[at(i, j)]));
    }
}
