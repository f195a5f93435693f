//! The loops: walks a plan, serial or on rayon.

use core::mem::MaybeUninit;
use core::ops::Range;

use crate::element::Element;
use crate::matrix::{MatMut, MatRef};
use crate::pack::{Panel, SLACK};
use crate::plan::{Even, MOST_POINTERS, Plan, Reading, Split, even, pieces, pieces_len};
use crate::scratch::Scratch;
use crate::simd::Kernels;
use crate::tile::epilogue::Finish;
use crate::tile::{Narrow, Out, Step, Wide};

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

/// Computes a product whose C is one column of a few tiles, if it is one.
///
/// With so little to do, planning would be most of the work: this takes a call from 80 ns to 30.
#[inline]
pub fn run_small<T: Element>(problem: &Problem<'_, T>, kernels: &Kernels<T>) -> bool {
    let Problem { a, b, c, alpha, beta, bias } = problem;
    let (m, n, k) = (c.rows(), c.cols(), a.cols());
    let across = a.row_stride() == 1 || (m == 1 && a.col_stride() != 1);
    let in_reach = (across || a.col_stride() == 1) && (n == 1 || c.col_stride() == 1);
    if m > SMALL.0 || n > SMALL.1 * kernels.lanes || k > SMALL.2 || !in_reach || bias.is_some() {
        return false;
    }
    if n > 1 && b.col_stride() != 1 {
        return pack_small(problem, kernels);
    }
    let vecs = pieces(n, kernels.lanes);
    let menu = kernels.tiles.rows;
    let most = if across { menu[vecs - 1] } else { menu[vecs - 1].min(MOST_POINTERS) };
    let part = n < vecs * kernels.lanes;
    let wide = Wide { ptr: b.as_ptr(), depth: b.row_stride(), lane: 1 };
    let (old, beta) = if *beta == T::ZERO { (Old::Zero, T::ONE) } else { (Old::C, *beta) };
    for rows in even(0..m, pieces(m, most)) {
        let narrow = Narrow { ptr: a.at(rows.start, 0), row: a.row_stride(), depth: a.col_stride() };
        let (at, row) = (c.at(rows.start, 0), c.row_stride());
        let (c_in, c_in_row) = old.rows(at, row);
        let out = Out { c: at, row, c_in, c_in_row, alpha: *alpha, beta, cols: n };
        // SAFETY: the operands as their views promise; the kernels are of this machine.
        unsafe {
            kernels.tiles.tiles[vecs - 1][rows.len() - 1].of(across, part)(&Step { depth: k, narrow, wide }, &out)
        }
    }
    true
}

/// The same with B contiguous along the depth: packed on the stack.
#[inline(never)]
fn pack_small<T: Element>(problem: &Problem<'_, T>, kernels: &Kernels<T>) -> bool {
    const ROOM: usize = SMALL.1 * 16 * SMALL.2 + SLACK;
    let (b, mut room) = (&problem.b, [const { MaybeUninit::<T>::uninit() }; ROOM]);
    let (lane, step, lanes, depth) = (b.col_stride(), b.row_stride(), b.cols(), b.rows());
    let (width, dst) = (lanes.next_multiple_of(kernels.lanes), room.as_mut_ptr().cast());
    debug_assert!(kernels.lanes <= 16 && width * depth + SLACK <= ROOM);
    // SAFETY: B as its view promises; the room is large enough, and written before it is read.
    unsafe {
        (kernels.pack)(&Panel { src: b.as_ptr(), lane, step, lanes, depth, dst, width });
        let b = MatRef::from_raw_parts(dst, depth, lanes, width as isize, 1);
        run_small(&Problem { b, c: problem.c.alias(), ..*problem }, kernels)
    }
}

/// The most rows, vectors and steps of a small product.
const SMALL: (usize, usize, usize) = (24, 3, 64);

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
    /// C = fma(alpha, sum, C), C having been multiplied by beta at the first block; the bias after the last.
    IntoC,
    /// C = sum, for a C that holds the sums of one block.
    Bare,
}

struct Nest<'a, T: 'static> {
    plan: &'a Plan,
    kernels: &'a Kernels<T>,
}

impl<T: Element> Nest<'_, T> {
    /// Rectangles of C, each with all of K, a task for each.
    fn grid(&self, problem: &Problem<'_, T>, rows: usize, cols: usize) {
        let lanes = self.kernels.lanes;
        let all_rows = even(0..problem.c.rows(), rows);
        let all_vectors = even(0..problem.c.cols().div_ceil(lanes), cols);
        parallel(0..rows * cols, &|task| {
            let rows = all_rows.nth_part(task / cols);
            let vectors = all_vectors.nth_part(task % cols);
            let cols = vectors.start * lanes..problem.c.cols().min(vectors.end * lanes);
            // SAFETY: each task has a rectangle of its own.
            self.product(&unsafe { problem.part(rows, cols) }, Sums::IntoC);
        });
    }

    /// K-blocks shared by tasks into buffers of their own; then their sums are added to C in order, as one task would.
    fn deep(&self, problem: &Problem<'_, T>, tasks: usize) {
        let (m, n, k) = (problem.c.rows(), problem.c.cols(), problem.a.cols());
        let blocks = k.div_ceil(self.plan.block);
        let mut scratch = Scratch::new::<T>(blocks * m * n);
        let sums = Shared(scratch.as_mut_ptr::<T>());
        let groups = even(0..blocks, tasks);
        parallel(0..tasks, &|task| {
            for block in groups.nth_part(task) {
                let steps = block * self.plan.block..k.min((block + 1) * self.plan.block);
                // SAFETY: the buffer has m·n elements for each block, and each block is one task's.
                let c = unsafe { MatMut::from_raw_parts(sums.get().add(block * m * n), m, n, n as isize, 1) };
                let part = Problem {
                    a: problem.a.part(0..m, steps.clone()),
                    b: problem.b.part(steps, 0..n),
                    c,
                    bias: None,
                    ..*problem
                };
                self.product(&part, Sums::Bare);
            }
        });
        for block in 0..blocks {
            let (old, beta) = self.block_start(problem, block == 0);
            for row in 0..m {
                for cols in even(0..n, n.div_ceil(STAGE)) {
                    // SAFETY: one run of a row of C and of the sums, which the tasks have written.
                    unsafe {
                        let (run, start) = (problem.part(row..row + 1, cols.clone()), cols.start);
                        staged(run.c, old == Old::C, &|at, stride| {
                            let (c_in, c_in_row) = old.rows(at, stride);
                            let (alpha, cols) = (problem.alpha, cols.len());
                            let out = Out { c: at, row: stride, c_in, c_in_row, alpha, beta, cols };
                            (self.kernels.sum)(&out, sums.get().add((block * m + row) * n + start));
                            if let Some(bias) = run.bias.filter(|_| block == blocks - 1) {
                                self.finish(&out, 1, bias);
                            }
                        });
                    }
                }
            }
        }
    }

    /// What C is before a block: its elements and what multiplies them.
    fn block_start(&self, problem: &Problem<'_, T>, first: bool) -> (Old, T) {
        match first {
            true if problem.beta == T::ZERO => (Old::Zero, T::ONE),
            true => (Old::C, problem.beta),
            false => (Old::C, T::ONE),
        }
    }

    /// The serial product: wide blocks, K-blocks, narrow blocks. A narrow block is packed when it is entered.
    fn product(&self, problem: &Problem<'_, T>, sums: Sums) {
        let Nest { plan, kernels } = *self;
        let (m, n, k) = (problem.c.rows(), problem.c.cols(), problem.a.cols());
        let lanes = kernels.lanes;
        let vectors = pieces(n, lanes);
        let wide_blocks = pieces(vectors, plan.wide_block);
        let narrow_blocks = pieces(m, plan.narrow_block);
        let deepest = plan.block.min(k);
        let wide_room =
            if plan.wide == Reading::Packed { pieces_len(vectors, wide_blocks) * lanes * deepest } else { 0 };
        let narrow_strip = plan.rows * deepest + SLACK;
        let narrow_room = match plan.pack_narrow {
            true => pieces(pieces_len(m, narrow_blocks), plan.rows) * narrow_strip,
            false => 0,
        };
        let slack = if wide_room + narrow_room > 0 { SLACK } else { 0 };
        let mut scratch = Scratch::new::<T>(wide_room + narrow_room + slack);
        let wide_buffer = scratch.as_mut_ptr::<T>();
        let narrow_buffer = wide_buffer.wrapping_add(wide_room);

        for vectors in even(0..vectors, wide_blocks) {
            let mut step = 0;
            while step < k {
                let steps = step..k.min(step + plan.block);
                step = steps.end;
                for rows in even(0..m, narrow_blocks) {
                    let first = rows.start == 0;
                    let strips = even(rows.clone(), pieces(rows.len(), plan.rows));
                    if plan.pack_narrow {
                        self.pack_narrow(problem, strips, &steps, narrow_buffer, narrow_strip);
                    }
                    let (vectors, steps) = (vectors.clone(), steps.clone());
                    let block = Block { vectors, strips, steps, first, sums, wide_buffer, narrow_buffer, narrow_strip };
                    self.tiles(problem, &block);
                }
            }
        }
    }

    /// The tiles of a block, along either operand. A wide strip is packed when first touched, just before a tile uses it.
    fn tiles(&self, problem: &Problem<'_, T>, block: &Block<T>) {
        let Nest { plan, kernels } = *self;
        let Problem { a, b, c, .. } = problem;
        let (n, k, lanes) = (c.cols(), a.cols(), kernels.lanes);
        let Block { vectors, strips, steps, .. } = block;
        let (old, alpha, beta) = match block.sums {
            Sums::Bare => (Old::NegZero, T::ONE, T::ONE),
            Sums::IntoC => {
                let (old, beta) = self.block_start(problem, steps.start == 0);
                (old, problem.alpha, beta)
            }
        };
        let bias = problem.bias.filter(|_| steps.end == k);
        let across = plan.pack_narrow || a.row_stride() == 1 || (c.rows() == 1 && a.col_stride() != 1);
        // Otherwise no dimension of C is contiguous: tiles go through the stack.
        let adjacent = c.col_stride() == 1 || n == 1;

        let menu = if plan.wide == Reading::Turned { &kernels.turning } else { &kernels.tiles };
        let tile = |strip: &Range<usize>, at: usize, rows: Range<usize>| {
            let cols = strip.start * lanes..n.min(strip.end * lanes);
            let width = strip.len() * lanes;
            let part = plan.wide == Reading::InPlace && cols.len() < width;
            let mut wide = Wide { ptr: b.at(steps.start, cols.start), depth: b.row_stride(), lane: b.col_stride() };
            if plan.wide == Reading::Packed {
                let dst = block.wide_buffer.wrapping_add((strip.start - vectors.start) * lanes * steps.len());
                if block.first && at == 0 {
                    let (src, lane, step) = (wide.ptr, wide.lane, wide.depth);
                    let panel = Panel { src, lane, step, lanes: cols.len(), depth: steps.len(), dst, width };
                    // SAFETY: the strip lies within B, its copy within the buffer.
                    unsafe { (kernels.pack)(&panel) }
                }
                wide = Wide { ptr: dst, depth: width as isize, lane: 1 };
            }
            let narrow = match plan.pack_narrow {
                true => {
                    let ptr = block.narrow_buffer.wrapping_add(at * block.narrow_strip).cast_const();
                    Narrow { ptr, row: 1, depth: rows.len() as isize }
                }
                false => Narrow { ptr: a.at(rows.start, steps.start), row: a.row_stride(), depth: a.col_stride() },
            };
            let tile = menu.tiles[strip.len() - 1][rows.len() - 1].of(across, part);
            let step = Step { depth: steps.len(), narrow, wide };
            let bias = bias.map(|bias| bias.part(rows.clone(), cols.clone()));
            let (height, len) = (rows.len(), cols.len());
            let add = move |c: *mut T, row: isize| {
                let (c_in, c_in_row) = old.rows(c, row);
                let out = Out { c, row, c_in, c_in_row, alpha, beta, cols: len };
                // SAFETY: the strips lie within the operands or their packed copies, the kernels are of this
                // machine, and the tile of C is this task's own.
                unsafe { tile(&step, &out) };
                if let Some(bias) = bias {
                    // SAFETY: the same rows; the bias is as large as C.
                    unsafe { self.finish(&out, height, bias) }
                }
            };
            if adjacent {
                add(c.at(rows.start, cols.start), c.row_stride());
            } else {
                // SAFETY: as above.
                unsafe { staged(problem.part(rows, cols.clone()).c, old == Old::C, &move |c, row| add(c, row)) }
            }
        };
        let wide_strips = even(vectors.clone(), pieces(vectors.len(), plan.vecs));
        if plan.by_rows {
            for (at, rows) in strips.enumerate() {
                wide_strips.for_each(|strip| tile(&strip, at, rows.clone()));
            }
        } else {
            for strip in wide_strips {
                strips.enumerate().for_each(|(at, rows)| tile(&strip, at, rows));
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

/// What the tiles of one K-block are made of.
struct Block<T> {
    vectors: Range<usize>,
    /// Of narrow rows.
    strips: Even,
    steps: Range<usize>,
    /// Whether these are the first rows to meet the wide strips.
    first: bool,
    sums: Sums,
    wide_buffer: *mut T,
    narrow_buffer: *mut T,
    /// Elements from one packed strip of the narrow operand to the next.
    narrow_strip: usize,
}

/// What is added to a tile's sums.
#[derive(Clone, Copy, PartialEq)]
enum Old {
    C,
    Zero,
    NegZero,
}

impl Old {
    /// Its first row and the stride to the next, where `c` is the tile of C.
    fn rows<T: Element>(self, c: *const T, stride: isize) -> (*const T, isize) {
        match self {
            Old::C => (c, stride),
            Old::Zero => (T::ZEROS.as_ptr(), 0),
            Old::NegZero => (T::NEG_ZEROS.as_ptr(), 0),
        }
    }
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

/// Calls `task` for each number of the range, on the threads of the current rayon pool. `join` allocates nothing.
fn parallel(tasks: Range<usize>, task: &(dyn Fn(usize) + Sync)) {
    #[cfg(feature = "rayon")]
    if tasks.len() > 1 {
        let middle = tasks.start + tasks.len() / 2;
        rayon::join(|| parallel(tasks.start..middle, task), || parallel(middle..tasks.end, task));
        return;
    }
    tasks.for_each(task);
}

/// A pointer that tasks share; each writes elements of its own.
struct Shared<T>(*mut T);

// SAFETY: the tasks keep their elements apart.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn get(&self) -> *mut T {
        self.0
    }
}
