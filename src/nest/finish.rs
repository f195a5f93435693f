//! The epilogue of a product: what tiles do of it while they have the sums in registers, and what is done after them to rows
//! that are still in a near cache.

use core::ops::Range;
use core::slice;

use super::each::Values;
use super::{Place, Problem, Rows, bits};
use crate::activation::Activation;
use crate::element::Real;
use crate::epilogue::Epilogue;
use crate::matrix::MatRef;
use crate::simd::Kernels;
use crate::tile::epilogue::{Closing, Finish, Term};

/// What of an epilogue is to be done after the tiles.
#[derive(Clone, Copy, PartialEq)]
pub struct Rest {
    /// Biases and the residual.
    pub terms: bool,
    /// All that follows, the saving of the pre-activation first.
    pub values: bool,
    /// The bits of what is positive.
    pub bits: bool,
}

impl Rest {
    pub const ALL: Rest = Rest { terms: true, values: true, bits: true };
    pub const NOTHING: Rest = Rest { terms: false, values: false, bits: false };
}

impl<T: Real> Problem<'_, T> {
    /// A vector or matrix of the epilogue, by this C's rows and columns from (`row`, `col`) on, and its strides by those of the
    /// C that it was made for.
    fn term(&self, (row, col): (usize, usize), ptr: *const T, down: isize, right: isize) -> Term<T> {
        let (row, col) = (self.place.row + row, self.place.col + col);
        let (down, right) = if self.place.turned { (right, down) } else { (down, right) };
        Term { ptr: ptr.wrapping_offset(row as isize * down + col as isize * right), row: down, col: right }
    }

    fn matrix(&self, from: (usize, usize), matrix: Option<MatRef<'_, T>>) -> Term<T> {
        matrix.map_or(Term::NOTHING, |m| self.term(from, m.as_ptr(), m.row_stride(), m.col_stride()))
    }

    /// What is added, in this order.
    fn terms(&self, from: (usize, usize), epilogue: &Epilogue<'_, T>) -> [Term<T>; 3] {
        let vector = |vector: Option<&[T]>, down, right| {
            vector.map_or(Term::NOTHING, |vector| self.term(from, vector.as_ptr(), down, right))
        };
        [vector(epilogue.bias, 0, 1), vector(epilogue.row_bias, 1, 0), self.matrix(from, epilogue.residual)]
    }

    /// What tiles do of the epilogue while they have the sums, and what remains: they add one term, and bound.
    pub fn closing(&self) -> (Option<Closing<T>>, Rest) {
        let Some(epilogue) = self.epilogue else { return (None, Rest::NOTHING) };
        let terms = self.terms((0, 0), epilogue);
        let mut given = terms.iter().filter(|term| !term.ptr.is_null());
        let term = match (given.next(), given.next()) {
            (None, _) => None,
            (Some(&term), None) if [0, 1].contains(&term.col) => Some(term),
            _ => return (None, Rest::ALL),
        };
        let infinity = T::exact(f32::INFINITY);
        let bounds = match epilogue.activation {
            _ if epilogue.gate.is_some() || epilogue.saved.is_some() || epilogue.map.is_some() => None,
            Some(Activation::Relu) => Some((T::ZERO, infinity)),
            Some(Activation::Clamp(low, high)) => Some((low, high)),
            _ => None,
        };
        let activates = bounds.is_none() && epilogue.activation.is_some();
        let values = activates || epilogue.gate.is_some() || epilogue.saved.is_some() || epilogue.map.is_some();
        let rest = Rest { terms: false, values, bits: epilogue.positive.is_some() };
        if term.is_none() && bounds.is_none() {
            return (None, rest);
        }
        let term = term.unwrap_or(Term { ptr: T::NEG_ZERO_REF, row: 0, col: 0 });
        let (low, high) = bounds.unwrap_or((T::exact(f32::NEG_INFINITY), infinity));
        (Some(Closing { term, low, high }), rest)
    }

    /// Does to a rectangle of C, or to what will be copied there, what the epilogue says, or what of it remains.
    ///
    /// # Safety
    /// `c` has its rows and columns, the columns adjacent; the kernels are of this machine. No one else writes there.
    pub unsafe fn finish(&self, rest: Rest, kernels: &Kernels<T>, c: &Rows<T>, rows: Range<usize>, cols: Range<usize>) {
        let Some(epilogue) = self.epilogue else { return };
        let Place { turned, row, col } = self.place;
        let from = (rows.start, cols.start);
        let (row, col) = (row + from.0, col + from.1);
        // Where an element of the rectangle is in the C that the epilogue was made for.
        let place = |i, j| if turned { (col + j, row + i) } else { (row + i, col + j) };
        let finish = Finish {
            c: c.ptr,
            row: c.row,
            rows: rows.len(),
            cols: cols.len(),
            terms: if rest.terms { self.terms(from, epilogue) } else { [Term::NOTHING; 3] },
            saved: self.matrix(from, epilogue.saved),
        };
        // SAFETY: the caller's promise; everything in the epilogue fits the C that `place` counts from.
        unsafe {
            (kernels.finish)(&finish);
            if epilogue.activation.is_some() || epilogue.gate.is_some() {
                let gate = self.matrix(from, epilogue.gate);
                let values = Values { c: *c, rows: rows.len(), cols: cols.len(), gate };
                values.run(kernels, Activation::number(epilogue.activation));
            }
        }
        if let Some(bits) = epilogue.positive {
            for i in 0..rows.len() {
                for run in (0..cols.len()).step_by(bits::RUN) {
                    let len = bits::RUN.min(cols.len() - run);
                    // SAFETY: elements of a row of the rectangle.
                    let word = bits::positive(unsafe { slice::from_raw_parts(c.at(i, run), len) });
                    let (i, j) = place(i, run);
                    match turned {
                        true => (0..len).for_each(|nth| bits.set(i + nth, j, 1, word >> nth & 1)),
                        false => bits.set(i, j, len, word),
                    }
                }
            }
        }
        if let Some(map) = epilogue.map {
            for i in 0..rows.len() {
                for j in 0..cols.len() {
                    let (i_of_c, j_of_c) = place(i, j);
                    // SAFETY: an element of the rectangle.
                    unsafe {
                        let x = c.at(i, j);
                        *x = map(i_of_c, j_of_c, *x);
                    }
                }
            }
        }
    }
}
