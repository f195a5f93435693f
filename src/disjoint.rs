//! What is written shares memory with nothing else that a call is given.

use crate::error::Error;
use crate::matrix::{MatRef, Span};

/// Where the matrices of a call lie, each looked at once.
pub(crate) struct Disjoint {
    spans: [Option<(&'static str, Span)>; 8],
    len: usize,
}

impl Disjoint {
    #[inline]
    pub fn new() -> Self {
        Disjoint { spans: [const { None }; 8], len: 0 }
    }

    #[inline]
    pub fn input<T>(&mut self, name: &'static str, matrix: &MatRef<'_, T>) {
        self.spans[self.len] = Some((name, matrix.span()));
        self.len += 1;
    }

    /// Refuses an output that shares memory with itself, or with what was named before.
    #[inline]
    pub fn output<T>(&mut self, name: &'static str, matrix: &MatRef<'_, T>) -> Result<(), Error> {
        if !matrix.layout().is_injective() {
            let (shape, strides) = ((matrix.rows(), matrix.cols()), (matrix.row_stride(), matrix.col_stride()));
            return Err(Error::OverlapsItself { operand: name, shape, strides });
        }
        let span = matrix.span();
        for (other, before) in self.spans[..self.len].iter().flatten() {
            if span.overlaps(before) {
                return Err(Error::Overlap { output: name, other });
            }
        }
        self.spans[self.len] = Some((name, span));
        self.len += 1;
        Ok(())
    }
}
