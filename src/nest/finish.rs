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

impl Place {
    /// A vector or matrix of the epilogue, by this C's rows and columns from (`row`, `col`) on, and its strides by those of the
    /// C that it was made for.
    #[inline(always)]
    fn term<T: Real>(self, (row, col): (usize, usize), ptr: *const T, down: isize, right: isize) -> Term<T> {
        let (row, col) = (self.row + row, self.col + col);
        let (down, right) = if self.turned { (right, down) } else { (down, right) };
        Term { ptr: ptr.wrapping_offset(row as isize * down + col as isize * right), row: down, col: right }
    }

    #[inline(always)]
    fn vector<T: Real>(self, from: (usize, usize), vector: Option<&[T]>, down: isize, right: isize) -> Term<T> {
        vector.map_or(Term::NOTHING, |vector| self.term(from, vector.as_ptr(), down, right))
    }

    #[inline(always)]
    fn matrix<T: Real>(self, from: (usize, usize), matrix: Option<MatRef<'_, T>>) -> Term<T> {
        matrix.map_or(Term::NOTHING, |m| self.term(from, m.as_ptr(), m.row_stride(), m.col_stride()))
    }
}

impl<T: Real> Epilogue<'_, T> {
    /// What is added, in this order.
    #[inline(always)]
    fn terms(&self, place: Place, from: (usize, usize)) -> [Term<T>; 3] {
        [
            place.vector(from, self.bias, 0, 1),
            place.vector(from, self.row_bias, 1, 0),
            place.matrix(from, self.residual),
        ]
    }

    /// What tiles do of it while they have the sums, and what remains: they add one term, and bound.
    #[inline(always)]
    pub fn closing(&self, place: Place) -> (Option<Closing<T>>, Rest) {
        let [bias, row_bias, residual] = self.terms(place, (0, 0));
        let term = match (bias.ptr.is_null(), row_bias.ptr.is_null(), residual.ptr.is_null()) {
            (true, true, true) => None,
            (false, true, true) => Some(bias),
            (true, false, true) => Some(row_bias),
            (true, true, false) if residual.col == 0 || residual.col == 1 => Some(residual),
            _ => return (None, Rest::ALL),
        };
        let infinity = T::exact(f32::INFINITY);
        let kept = self.gate.is_some() || self.saved.is_some() || self.map.is_some();
        let bounds = match self.activation {
            Some(Activation::Relu) if !kept => Some((T::ZERO, infinity)),
            Some(Activation::Clamp(low, high)) if !kept && low <= high => Some((low, high)),
            _ => None,
        };
        let values = kept || (bounds.is_none() && self.activation.is_some());
        let rest = Rest { terms: false, values, bits: self.positive.is_some() };
        if term.is_none() && bounds.is_none() {
            return (None, rest);
        }
        let term = term.unwrap_or(Term { ptr: T::NEG_ZERO_REF, row: 0, col: 0 });
        let (low, high) = bounds.unwrap_or((T::exact(f32::NEG_INFINITY), infinity));
        (Some(Closing { term, low, high }), rest)
    }
}

impl<T: Real> Problem<'_, T> {
    /// See [`Epilogue::closing`].
    pub fn closing(&self) -> (Option<Closing<T>>, Rest) {
        self.epilogue.map_or((None, Rest::NOTHING), |epilogue| epilogue.closing(self.place))
    }

    /// Does to a rectangle of C, or to what will be copied there, what the epilogue says, or what of it remains.
    ///
    /// # Safety
    /// `c` has its rows and columns, the columns adjacent; the kernels are of this machine. No one else writes there.
    pub unsafe fn finish(&self, rest: Rest, kernels: &Kernels<T>, c: &Rows<T>, rows: Range<usize>, cols: Range<usize>) {
        let Some(epilogue) = self.epilogue else { return };
        let place @ Place { turned, row, col } = self.place;
        let from = (rows.start, cols.start);
        let (row, col) = (row + from.0, col + from.1);
        // Where an element of the rectangle is in the C that the epilogue was made for.
        let at = |i, j| if turned { (col + j, row + i) } else { (row + i, col + j) };
        let finish = Finish {
            c: c.ptr,
            row: c.row,
            rows: rows.len(),
            cols: cols.len(),
            terms: if rest.terms { epilogue.terms(place, from) } else { [Term::NOTHING; 3] },
            saved: place.matrix(from, epilogue.saved),
        };
        // SAFETY: the caller's promise; everything in the epilogue fits the C that `place` counts from.
        unsafe {
            (kernels.finish)(&finish);
            if epilogue.activation.is_some() || epilogue.gate.is_some() {
                let gate = place.matrix(from, epilogue.gate);
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
                    let (i, j) = at(i, run);
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
                    let (i_of_c, j_of_c) = at(i, j);
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
