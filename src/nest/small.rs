//! Little products. With so little to do, planning would be most of the work, and so would be copying the operands' views:
//! all is by value here and stays in registers.

mod packed;
mod strips;
mod thin;

#[cfg(feature = "complex")]
pub use packed::run_complex;

use packed::PACKED;
use strips::{Cover, even_strips};

use super::{Place, Problem, Rest, Rows, first_block};
use crate::element::Real;
use crate::epilogue::Epilogue;
use crate::matrix::{MatMut, MatRef};
use crate::plan::PAGE;
use crate::plan::apart::whole_columns;
use crate::plan::roles::{FewColumns, turns, turns_again, turns_rows};
use crate::plan::tiles::{MOST_POINTERS, most_rows, wide_tile};
use crate::runs::{Group, pieces};
use crate::simd::{Kernels, Tile};
use crate::tile::epilogue::Closing;
use crate::tile::update::Update;
use crate::tile::{Before, Narrow, Out, Repeat, Step, Wide};

/// The most rows and vectors (but of a quick one) and steps of a little product, and multiply-adds of vectors: some ten microseconds,
/// of which a plan takes a quarter of one (60×16×64 1.3 times as fast without, 500×16×32 1.06 times). The steps are one K-block of any type.
const ROWS: usize = 1024;
const VECTORS: usize = 24;
const STEPS: usize = 256;
pub const WORK: usize = 64 << 10;

/// With so many at most, nothing pays but to begin: neither to look for the best tile, nor to share.
pub const QUICK: usize = 4 << 10;

/// The most bytes of a C that may be in L1.
const NEAR: usize = 64 << 10;

/// The most rows of one of few columns, and columns of one that is quick.
const LONGEST: usize = 16 << 10;

/// The fewest steps of rows for which a short rest of columns is worth calls of its own.
const PARTED: usize = 512;

/// Computes a product that is little, and its epilogue, if it is one.
pub fn run<T: Real>(problem: &Problem<'_, T>, kernels: &Kernels<T>, most: usize, double_pumped: bool) -> bool {
    let Problem { a, b, c, alpha, beta, .. } = problem;
    let (closing, rest) = problem.closing();
    let little = Little { closing: closing.as_ref(), ..Little::new(a, b, c, *alpha, *beta) };
    if !little.run_as_is(kernels, most, double_pumped) {
        return false;
    }
    if rest != Rest::NOTHING {
        let (m, n) = (c.rows(), c.cols());
        // SAFETY: C, whose columns are adjacent or one; just stored, and still in a near cache.
        unsafe { problem.finish(rest, kernels, &Rows { ptr: c.at(0, 0), row: c.row_stride(), col: 1 }, 0..m, 0..n) }
    }
    true
}

/// Computes a product with an epilogue if it is one tile that does all of that: it needs no copy of the closing, and no epilogue
/// in memory (a layer of 1×64×64 1.15 times as fast as by `run`).
#[inline(always)]
pub fn run_as_tile<T: Real>(little: Little<'_, T>, epilogue: &Epilogue<'_, T>, kernels: &Kernels<T>) -> bool {
    let (closing, rest) = epilogue.closing(Place::WHOLE);
    rest == Rest::NOTHING && Little { closing: closing.as_ref(), ..little }.run_as_tiles(kernels)
}

/// Computes so many rows of C by tiles as wide as C, which begin with this one. (By reference, and no copy: it would be read in
/// larger pieces than it was just written in, and wait.)
///
/// # Safety
/// As for a tile of all these rows.
#[inline(never)]
unsafe fn column<T: Real>(tiles: &[Tile<T>], m: usize, step: &mut Step<T>, out: &mut Out<'_, T>) {
    let across = step.narrow.depth != 1;
    let most = tiles.len().min(most_rows(across));
    let (count, rows) = match () {
        _ if m <= most => (1, m),
        _ if m <= 2 * most => (2, m.div_ceil(2)),
        _ => {
            let count = even_strips(m, most, step.depth);
            (count, m.div_ceil(count))
        }
    };
    let shorter = count * rows - m;
    let mut run = |rows: usize, count: usize| {
        let (down, all) = (rows as isize, (rows * count) as isize);
        let (narrow, c) = (down.wrapping_mul(step.narrow.row), down.wrapping_mul(out.row));
        let repeat = Repeat { count, narrow, wide: 0, before: 0, c, term: 0, ahead: 0, beyond: 0 };
        // SAFETY: the caller's promise.
        unsafe { tiles[rows - 1].of(across)(step, out, &repeat) };
        step.narrow.ptr = step.narrow.ptr.wrapping_offset(all.wrapping_mul(step.narrow.row));
        out.c = out.c.wrapping_offset(all.wrapping_mul(out.row));
    };
    run(rows, count - shorter);
    if shorter > 0 {
        run(rows - 1, shorter);
    }
}

/// A product, perhaps a little one: what its views hold, in plain numbers. (In this order: neighbours are copied in larger pieces
/// than they were just stored in, and wait.)
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Little<'e, T> {
    alpha: T,
    m: usize,
    beta: T,
    n: usize,
    k: usize,
    a: Narrow<T>,
    b: Wide<T>,
    c: Rows<T>,
    closing: Option<&'e Closing<T>>,
}

impl<T: Real> Little<'_, T> {
    #[inline(always)]
    pub fn new(a: &MatRef<'_, T>, b: &MatRef<'_, T>, c: &MatMut<'_, T>, alpha: T, beta: T) -> Self {
        Little {
            m: c.rows(),
            n: c.cols(),
            k: a.cols(),
            a: Narrow { ptr: a.as_ptr(), row: a.row_stride(), depth: a.col_stride() },
            b: Wide { ptr: b.as_ptr(), depth: b.row_stride(), lane: b.col_stride() },
            c: Rows { ptr: c.at(0, 0), row: c.row_stride(), col: c.col_stride() },
            alpha,
            beta,
            closing: None,
        }
    }

    /// The same product as Cᵀ = Bᵀ·Aᵀ. (One with a closing is computed as it is.)
    #[inline(always)]
    fn t(self) -> Self {
        Little {
            m: self.n,
            n: self.m,
            a: Narrow { ptr: self.b.ptr, row: self.b.lane, depth: self.b.depth },
            b: Wide { ptr: self.a.ptr, depth: self.a.depth, lane: self.a.row },
            c: Rows { ptr: self.c.ptr, row: self.c.col, col: self.c.row },
            ..self
        }
    }

    /// Whether tiles walk A across its rows, each number being so many elements.
    #[inline(always)]
    fn across(&self, unit: isize) -> bool {
        if self.m == 1 { self.a.depth != 1 } else { self.a.row == unit }
    }

    /// Computes it if it is one tile of up to four vectors, or a quick one of several, one above the other: other products take three
    /// hundred instructions before their first tile (13×13×13 f64 1.2 times as fast). What goes before that is most of the time,
    /// and has room in the registers as long as nothing else is done here (4×4×4 with AVX2: 306 instructions in all, not 597).
    #[inline(always)]
    pub fn run_as_tiles(self, kernels: &Kernels<T>) -> bool {
        let Little { m, n, k, a, b, c, alpha, beta, closing } = self;
        let kernels = kernels.of_columns(n);
        let lanes = kernels.lanes;
        let (vecs, width) = match () {
            _ if n <= lanes => (1, lanes),
            _ if n <= 2 * lanes => (2, 2 * lanes),
            _ if n <= 3 * lanes => (3, 3 * lanes),
            _ => (4, 4 * lanes),
        };
        let fits = n.wrapping_sub(1) < width && k.wrapping_sub(1) < STEPS;
        // (A column times lanes along A's rows is better turned, and so may be many steps of many rows.)
        let in_reach = fits
            && (b.lane == 1 || n == 1)
            && c.col == 1
            && (a.depth == 1 || (self.across(1) && n > 1 && (k <= 32 || m < 12)));
        let (across, part) = (a.depth != 1, n < width);
        let Some(tiles) = kernels.tiles.tiles.get(vecs - 1).filter(|_| in_reach) else { return false };
        let (narrow, wide, before) = (a, b, Before::NOTHING);
        let mut step = Step { depth: k, apart: 0, short: 0, part, imaginary_first: false, narrow, wide, before };
        let mut out = Out { c: c.ptr, row: c.row, old: first_block(beta), alpha, cols: n, streams: false, closing };
        // (Few columns are perhaps worth staging, and a long one turning: 13×1×200 and 40×1×64 twice as fast.)
        let turns = || n == 1 && m * k >= 640 && k >= 8 && closing.is_none();
        let stages = || n < lanes && (across || (n > 1 && 2 * n <= lanes && m >= 2 * lanes && k >= 8));
        // SAFETY: the operands as their views promise; the kernels are of this machine.
        unsafe {
            match tiles.get(m.wrapping_sub(1)) {
                Some(tile) if m <= MOST_POINTERS && (m < 12 || !turns()) => tile.of(across)(&step, &out, Repeat::ONCE),
                _ if m.wrapping_sub(1) < ROWS && m * vecs * k <= QUICK && closing.is_none() => {
                    if turns() || stages() {
                        return false;
                    }
                    column(tiles, m, &mut step, &mut out)
                }
                _ => return false,
            }
        }
        true
    }

    /// The same of one by columns (4×4×4 1.3 times as fast as by `run`).
    #[inline(never)]
    pub fn run_columns(self, kernels: &Kernels<T>) -> bool {
        self.t().run_as_tiles(kernels)
    }

    /// Computes it if it is quick, and tiles turn B (4×4×4 NT 1.2 times as fast as by `run`).
    #[inline(never)]
    pub fn run_turned(self, kernels: &Kernels<T>) -> bool {
        let Little { m, n, k, c, .. } = self;
        let (all, kernels) = (kernels, kernels.of_columns(n).of_steps(k));
        let turns = n <= VECTORS * kernels.lanes && k <= STEPS && c.col == 1 && self.turns_b(kernels);
        // (16×4×59 NT twice as fast through the stage.)
        let stages = || m > 8 && 2 * n <= m && self.is_worth_staging(all, self.a.depth != 1, WORK);
        let quick = turns && m * n * k <= QUICK * kernels.lanes && !stages();
        if quick {
            self.turned(kernels, first_block(self.beta));
        }
        quick
    }

    /// Whether B is contiguous along the depth, and few rows had better have tiles turn it.
    #[inline(always)]
    fn turns_b(&self, kernels: &Kernels<T>) -> bool {
        let Little { m, n, k, a, b, .. } = *self;
        // (Rows a page apart push out lines of B's columns: those of a plan are packed.)
        let apart = || a.row.unsigned_abs().wrapping_mul(size_of::<T>()).is_multiple_of(PAGE);
        let few =
            m.wrapping_sub(1) < kernels.turning.rows[0] && turns_rows(m, n, k, size_of::<T>()) && !(m > 12 && apart());
        let updates = kernels.updates(m, n, k, false);
        n > 1 && b.depth == 1 && (a.depth == 1 || self.across(1)) && k >= kernels.turn && few && !updates
    }

    /// The same of each of a few strips of rows, none of which push the others out of L1.
    #[inline(never)]
    fn turns_b_again(self, kernels: &Kernels<T>) -> bool {
        let most = kernels.turning.rows[0];
        let apart = self.a.row.unsigned_abs().wrapping_mul(size_of::<T>()).is_multiple_of(PAGE / 2);
        let walks = self.b.depth == 1 && (self.a.depth == 1 || self.across(1));
        walks && turns_again(pieces(self.m, most), self.k, most) && !apart
    }

    /// Computes it, this way or as its transpose, if it takes so many multiply-adds of vectors at most, and tiles can walk its
    /// operands.
    #[inline(never)]
    pub fn run(self, kernels: &Kernels<T>, most: usize, double_pumped: bool) -> bool {
        let Little { m, n, c, .. } = self;
        if m.wrapping_sub(1) >= LONGEST || n.wrapping_sub(1) >= LONGEST {
            return false;
        }
        let little = if turns(m, n, (c.row, c.col)) { self.t() } else { self };
        little.run_as_is(kernels, most, double_pumped)
    }

    /// The same, roles being as they are.
    #[inline(always)]
    fn run_as_is(self, kernels: &Kernels<T>, most: usize, double_pumped: bool) -> bool {
        const { assert!(STEPS <= T::KC) }
        let Little { alpha, m, beta, n, k, a, b, c, closing } = self;
        // Only for what is not inlined: what has an address is stored when it is made.
        let copy = || Little { alpha, m, beta, n, k, a, b, c, closing };
        let across = self.across(1);
        let in_reach = (across || a.depth == 1) && (n == 1 || c.col == 1);
        if k.wrapping_sub(1) >= STEPS || !in_reach {
            return false;
        }
        if closing.is_none() && self.is_worth_staging(kernels, across, most) {
            copy().thin(kernels);
            return true;
        }
        let (all, kernels) = (kernels, kernels.of_columns(n));
        let vectors = pieces(n, kernels.lanes);
        let work = m * vectors * k;
        // (Half a vector's few columns are cheaper than a plan and the stage: 200×8×100 1.3 times as fast, 500×5×100 1/1.2.)
        let halves = b.lane == 1 && work <= WORK / 2;
        let needs_plan =
            || copy().needs_plan(kernels, double_pumped) || (!halves && copy().needs_plan(all, double_pumped));
        if work > QUICK && (m > ROWS || work > most || vectors > VECTORS || needs_plan()) {
            return false;
        }
        if n > 1 && b.lane != 1 {
            let few_steps = kernels.of_steps(k);
            if self.turns_b(few_steps) {
                copy().turned(few_steps, first_block(beta));
                return true;
            }
            if double_pumped && copy().turns_b_again(few_steps) {
                copy().turned_again(few_steps, first_block(beta));
                return true;
            }
            return vectors * kernels.lanes * k * size_of::<T>() <= PACKED && copy().packed(kernels, double_pumped);
        }
        let whole =
            if double_pumped && closing.is_none() && m * k >= PARTED { whole_columns(n, kernels.lanes) } else { 0 };
        if whole > 0 {
            copy().in_parts(whole, kernels);
            return true;
        }
        if closing.is_none() && all.updates(m, n, k, true) {
            let (b_row, c_row, old) = (b.depth, c.row, first_block(beta));
            let update = Update { rows: m, cols: n, a, b: b.ptr, b_row, c: c.ptr, c_row, old, alpha };
            // SAFETY: the operands as their views promise; the kernels are of this machine, and made for so many steps.
            unsafe { (all.of_updates(double_pumped).update[k - 1])(&update) };
            return true;
        }
        let (rows, vecs) = wide_tile(m, vectors, k, kernels.tiles.rows, most_rows(across));
        if m <= rows && vectors <= vecs {
            let one = |len| Group { start: 0, len, count: 1 };
            copy().tiles(one(m), one(vectors), &Cover::of(kernels, across, first_block(beta)));
        } else {
            copy().strips(rows, vecs, &Cover::of(kernels, across, first_block(beta)));
        }
        true
    }

    /// Whether a longer product had better be computed otherwise. Steps a page apart share a cache set, and are to be packed.
    #[inline(never)]
    fn needs_plan(self, kernels: &Kernels<T>, double_pumped: bool) -> bool {
        let Little { m, n, k, a, b, .. } = self;
        let apart = b.depth.unsigned_abs().wrapping_mul(size_of::<T>()).is_multiple_of(PAGE);
        let (across, along_b) = (a.row == 1, b.depth == 1);
        apart || FewColumns { m, n, k, across, along_b, vectors: kernels.vectors(double_pumped) }.pay_for_a_plan()
    }
}
