//! How tiles cover a little product: in strips of rows and of columns, and in which order.

use super::{Little, NEAR, QUICK};
use crate::element::Real;
use crate::nest::{Rows, first_block};
use crate::plan::tiles::{most_rows, tile, wide_tile, widest};
use crate::plan::{FLAT, LINE};
use crate::runs::{Group, even, pieces};
use crate::simd::{Kernels, Menu};
use crate::tile::epilogue::{Closing, Term};
use crate::tile::{Before, Narrow, Old, Out, Repeat, Step, Wide};

/// The most steps that are over so soon that calls of kernels count.
const EVEN: usize = 64;

/// How many strips of at most so many rows. Those of two lengths are two calls: of 32 rows, 4·8 are better than 11 + 11 + 10
/// (32×32×32 1.1 times as fast).
#[inline(always)]
pub fn even_strips(m: usize, most: usize, k: usize) -> usize {
    let strips = pieces(m, most);
    let even = k > EVEN || m.is_multiple_of(strips) || !m.is_multiple_of(strips + 1);
    if even { strips } else { strips + 1 }
}

/// By which tiles: of which menu, and whether they walk A across its rows.
#[derive(Clone, Copy)]
pub struct Cover<'k, T: 'static> {
    pub menu: &'k Menu<T>,
    pub lanes: usize,
    pub across: bool,
    /// Elements in memory of a column of C.
    pub unit: usize,
    /// See [`Step`].
    pub imaginary_first: bool,
    /// What the sums are added to.
    pub old: Old<T>,
}

impl<'k, T: Copy> Cover<'k, T> {
    #[inline(always)]
    pub fn of(kernels: &'k Kernels<T>, across: bool, old: Old<T>) -> Self {
        Cover { menu: &kernels.tiles, lanes: kernels.lanes, across, unit: 1, imaginary_first: false, old }
    }
}

impl<T: Real> Little<'_, T> {
    /// So many columns, and then the rest by vectors half as long.
    #[inline(never)]
    pub(super) fn in_parts(self, whole: usize, kernels: &Kernels<T>) {
        let Little { n, b, c, .. } = self;
        let across = self.across(1);
        for (from, to) in [(0, whole), (whole, n)] {
            let kernels = kernels.of_columns(to - from);
            let b = Wide { ptr: b.ptr.wrapping_add(from), ..b };
            let part = Little { n: to - from, b, c: Rows { ptr: c.at(0, from), ..c }, ..self };
            let vectors = pieces(part.n, kernels.lanes);
            let (rows, vecs) = wide_tile(self.m, vectors, self.k, kernels.tiles.rows, most_rows(across));
            part.strips(rows, vecs, &Cover::of(kernels, across, first_block(self.beta)));
        }
    }

    /// More than one tile, of at most so many rows and vectors if it is over quickly, of the best otherwise.
    #[inline(always)]
    pub(super) fn strips(self, mut rows: usize, mut vecs: usize, cover: &Cover<'_, T>) {
        let &Cover { menu, lanes, across, .. } = cover;
        let vectors = pieces(self.n, lanes);
        if self.m * vectors * self.k > QUICK && self.k > FLAT {
            let apart = self.b.depth.unsigned_abs().wrapping_mul(size_of::<T>());
            let of_lines = (self.b.ptr as usize | apart).is_multiple_of(LINE) || lanes * size_of::<T>() < LINE;
            // A vector in two lines is two loads, again for each of few strips of rows (9×200×200 and f64 10×133×111 1.3 times as
            // fast, 20×100×200 1.1 times; yet 60×66×14 1/1.1).
            let extra = if of_lines || self.m > 32 { 0.0 } else { 5.0 };
            (rows, vecs) = tile(self.m, vectors, menu.rows, most_rows(across), |_| extra);
        }
        let (mut down, right) = (pieces(self.m, rows), pieces(vectors, vecs));
        if down > 1 {
            down = even_strips(self.m, rows, self.k);
        }
        // Calls are fewer along the longer of both ways.
        if down == 1 || (2 * down <= right && vectors * lanes * self.k * size_of::<T>() <= NEAR) {
            for rows in even(0..self.m, down) {
                for cols in even(0..vectors, right).groups(self.n < vectors * lanes) {
                    let rows = Group { start: rows.start, len: rows.len(), count: 1 };
                    self.tiles(rows, cols, cover);
                }
            }
        } else {
            for cols in even(0..vectors, right) {
                for rows in even(0..self.m, down).groups(false) {
                    let cols = Group { start: cols.start, len: cols.len(), count: 1 };
                    self.tiles(rows, cols, cover);
                }
            }
        }
    }

    /// The same of few rows, with B contiguous along the depth: turned in registers.
    #[inline(always)]
    pub(super) fn turned(self, kernels: &Kernels<T>, old: Old<T>) {
        let vectors = pieces(self.n, kernels.lanes);
        let vecs = widest(kernels.turning.rows, self.m);
        for cols in even(0..vectors, pieces(vectors, vecs)).groups(self.n < vectors * kernels.lanes) {
            let rows = Group { start: 0, len: self.m, count: 1 };
            let cover = Cover { menu: &kernels.turning, ..Cover::of(kernels, self.across(1), old) };
            self.tiles(rows, cols, &cover);
        }
    }

    /// The same of several strips of rows, for each of which a vector is turned again.
    #[inline(never)]
    pub(super) fn turned_again(self, kernels: &Kernels<T>, old: Old<T>) {
        let down = pieces(self.m, kernels.turning.rows[0]);
        let cover = Cover { menu: &kernels.turning, ..Cover::of(kernels, self.across(1), old) };
        for start in 0..pieces(self.n, kernels.lanes) {
            for rows in even(0..self.m, down).groups(false) {
                self.tiles(rows, Group { start, len: 1, count: 1 }, &cover);
            }
        }
    }

    /// Tiles of one size: strips of rows by one of vectors, or one by several.
    #[inline(always)]
    pub(super) fn tiles(self, rows: Group, vectors: Group, cover: &Cover<'_, T>) {
        let &Cover { menu, lanes, across, unit, imaginary_first, old } = cover;
        let Little { a, b, c, .. } = self;
        let (col, width) = (vectors.start * lanes, vectors.len * lanes);
        let count = rows.count * vectors.count;
        if count == 0 {
            return;
        }
        let cols = width.min(self.n - col);
        let closing = self.closing.map(|closing| {
            let term = Term { ptr: closing.term.at(rows.start, col), ..closing.term };
            Closing { term, ..*closing }
        });
        let term = closing.map_or(Term::NOTHING, |closing| closing.term);
        let repeat = match vectors.count {
            1 if count == 1 => Repeat::ONCE,
            1 => {
                let next = rows.len as isize;
                let (narrow, c) = (next.wrapping_mul(a.row), next.wrapping_mul(c.row));
                &Repeat { count, narrow, wide: 0, before: 0, c, term: next.wrapping_mul(term.row), ahead: 0, beyond: 0 }
            }
            _ => {
                let next = width as isize;
                &Repeat {
                    count,
                    narrow: 0,
                    wide: next.wrapping_mul(b.lane),
                    before: 0,
                    c: next * unit as isize,
                    term: next * term.col,
                    ahead: 0,
                    beyond: 0,
                }
            }
        };
        let narrow = Narrow { ptr: a.ptr.wrapping_offset((rows.start as isize).wrapping_mul(a.row)), ..a };
        let wide = Wide { ptr: b.ptr.wrapping_offset((col as isize).wrapping_mul(b.lane)), ..b };
        let out = Out {
            c: c.at(rows.start, 0).wrapping_add(col * unit),
            row: c.row,
            old,
            alpha: self.alpha,
            cols: cols * unit,
            streams: false,
            closing: closing.as_ref(),
        };
        let tile = menu.tiles[vectors.len - 1][rows.len - 1].of(across);
        let (part, before) = (cols < width, Before::NOTHING);
        let step = Step { depth: self.k, apart: 0, short: 0, part, imaginary_first, narrow, wide, before };
        // SAFETY: the operands as their views promise; the kernels are of this machine.
        unsafe { tile(&step, &out, repeat) }
    }
}
