//! What is to be computed: one product, its transpose, and the parts that tasks and tiles compute of it.

use core::ops::Range;

use super::complex::Complex;
use crate::element::Real;
use crate::epilogue::Epilogue;
use crate::matrix::{MatMut, MatRef};
use crate::plan::{LINE, PAGE};

/// One product, its operands checked: C ← `alpha`·A·B + `beta`·C, and the epilogue.
pub struct Problem<'a, T: Real> {
    pub a: MatRef<'a, T>,
    pub b: MatRef<'a, T>,
    pub c: MatMut<'a, T>,
    pub alpha: T,
    pub beta: T,
    pub epilogue: Option<&'a Epilogue<'a, T>>,
    pub place: Place,
    /// If the columns are the parts of complex numbers.
    pub complex: Option<Complex<T>>,
}

/// Where this C lies in the one that the epilogue is for: from which row and column on, after both were transposed or
/// not.
#[derive(Clone, Copy)]
pub struct Place {
    pub(super) turned: bool,
    pub(super) row: usize,
    pub(super) col: usize,
}

impl Place {
    pub const WHOLE: Place = Place { turned: false, row: 0, col: 0 };
}

/// The fewest bytes of an operand for which its place in memory counts more than another plan.
const LONG: usize = 512 << 10;

impl<'a, T: Real> Problem<'a, T> {
    /// The same product as Cᵀ = Bᵀ·Aᵀ.
    pub fn t(self) -> Self {
        let Place { turned, row, col } = self.place;
        let place = Place { turned: !turned, row: col, col: row };
        Problem { a: self.b.t(), b: self.a.t(), c: self.c.t(), place, ..self }
    }

    /// Whether rows of C are adjacent elements, and whole cache lines apart.
    pub fn is_in_lines(&self) -> bool {
        let apart = self.c.row_stride().unsigned_abs().wrapping_mul(size_of::<T>());
        self.c.col_stride() == 1 && apart.is_multiple_of(LINE)
    }

    /// How many columns to compute on their own, so that each vector of the rest is in one cache line, not in two: of C where little is
    /// summed, of B for few rows, since there time goes into it. An allocator's blocks begin anywhere in a line. (Zen 4: 1×1024×1024 1.2
    /// times as fast, 2×2048×512 1.25 times, 1024×1024×4 with beta 1 1.3 times, ×1 1.1 times, ×16 and 8×1024×1024 level.) Where pages are slow,
    /// so are a few columns of many rows; and vectors of half a line are less often in two (AVX2: 1×1024×1024 level, 4×1024×1024 1/1.07).
    pub fn columns_before_lines(&self, slow_pages: bool, lanes: usize) -> usize {
        let Problem { a, b, c, .. } = self;
        let (m, n, k) = (c.rows(), c.cols(), a.cols());
        let (first, operand, rows, shortest) = match () {
            _ if k <= 32 => (c.at(0, 0).addr(), c.as_ref(), m, PAGE / 2),
            _ if m <= 4 && !slow_pages && lanes * size_of::<T>() >= LINE => (b.as_ptr().addr(), *b, k, PAGE),
            _ => return 0,
        };
        let bytes = n.saturating_mul(size_of::<T>());
        let is_long = bytes >= shortest && bytes.saturating_mul(rows) >= LONG && self.complex.is_none();
        let apart = operand.row_stride().unsigned_abs().wrapping_mul(size_of::<T>());
        match is_long && operand.col_stride() == 1 && apart.is_multiple_of(LINE) {
            true => first.wrapping_neg() % LINE / size_of::<T>(),
            false => 0,
        }
    }

    /// The columns before that one, and the others.
    pub fn split_at(self, col: usize) -> [Self; 2] {
        let (m, n) = (self.c.rows(), self.c.cols());
        // SAFETY: they have no column in common.
        [0..col, col..n].map(|columns| unsafe { self.part(0..m, columns) })
    }

    /// The part of it that writes a rectangle of C.
    ///
    /// # Safety
    /// While both are used, no other part writes the same elements.
    pub(super) unsafe fn part(&self, rows: Range<usize>, cols: Range<usize>) -> Problem<'a, T> {
        let depth = self.a.cols();
        Problem {
            a: self.a.part(rows.clone(), 0..depth),
            b: self.b.part(0..depth, cols.clone()),
            // SAFETY: the caller keeps parts apart.
            c: unsafe { self.c.alias() }.part(rows.clone(), cols.clone()),
            place: Place { row: self.place.row + rows.start, col: self.place.col + cols.start, ..self.place },
            ..*self
        }
    }
}
