//! What is to be computed: one product, its transpose, and the parts that tasks and tiles compute of it.

use core::ops::Range;

use super::complex::Complex;
use crate::element::Real;
use crate::epilogue::Epilogue;
use crate::matrix::{MatMut, MatRef};
use crate::plan::LINE;

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

impl<'a, T: Real> Problem<'a, T> {
    /// The same product as Cᵀ = Bᵀ·Aᵀ.
    pub fn t(self) -> Self {
        let Place { turned, row, col } = self.place;
        let place = Place { turned: !turned, row: col, col: row };
        Problem { a: self.b.t(), b: self.a.t(), c: self.c.t(), place, ..self }
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

/// Bytes from where a matrix begins to the first cache line, if its rows are adjacent elements and whole lines apart.
pub fn before_lines<T>(matrix: &MatRef<'_, T>) -> Option<usize> {
    let apart = matrix.row_stride().unsigned_abs().wrapping_mul(size_of::<T>());
    let in_lines = matrix.col_stride() == 1 && apart.is_multiple_of(LINE);
    in_lines.then(|| matrix.as_ptr().addr().wrapping_neg() % LINE)
}
