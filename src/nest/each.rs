//! Activations over matrices: of the finished rows of C, and from the gradient of an activation's value to that of its
//! argument. Two products and a sum read the result, so it is made once, in a buffer that stays in a cache until they have.

use core::array::from_fn;
use core::ops::Range;

use super::Rows;
use super::bits::{self, Bits};
use super::pool::parallel;
use crate::element::Real;
use crate::matrix::{MatMut, MatRef};
use crate::runs::even;
use crate::scratch::Scratch;
use crate::simd::Kernels;
use crate::simd::math::Each;
use crate::tile::epilogue::Term;

/// dZ ← G ⊙ act′(Z), matrices of one shape.
pub struct Slope<'a, T: Real> {
    pub z: MatRef<'a, T>,
    /// If it is given, Z is not read, but is any that has these bits.
    pub mask: Option<Bits<&'a [u8]>>,
    pub g: MatRef<'a, T>,
    pub dz: MatMut<'a, T>,
    /// The number of the activation and what it takes.
    pub activation: (usize, [T; 2]),
}

/// Elements copied to the stack at a time where they are not adjacent.
const RUN: usize = bits::RUN;

impl<T: Real> Slope<'_, T> {
    /// Computes it, on that many tasks.
    pub fn run(mut self, kernels: &Kernels<T>, tasks: usize) {
        if self.dz.row_stride() == 1 && self.dz.col_stride() != 1 && self.mask.is_none() {
            self = Slope { z: self.z.t(), g: self.g.t(), dz: self.dz.t(), ..self };
        }
        let Slope { z, g, dz, .. } = &self;
        let cols = dz.cols();
        let all = |z: isize, g: isize, dz: isize, stride: isize| z == stride && g == stride && dz == stride;
        let adjacent = all(z.col_stride(), g.col_stride(), dz.col_stride(), 1) && self.mask.is_none();
        let dense = adjacent && all(z.row_stride(), g.row_stride(), dz.row_stride(), cols as isize);
        parallel(0..tasks, &|task| {
            let rows = even(0..dz.rows(), tasks).nth_part(task);
            // SAFETY: runs of rows that are this task's own; all rows are one run where nothing lies between them.
            unsafe {
                match (dense, adjacent) {
                    _ if rows.is_empty() => (),
                    (true, _) => self.adjacent(kernels, rows.start..rows.start + 1, rows.len() * cols),
                    (_, true) => self.adjacent(kernels, rows, cols),
                    _ => rows
                        .for_each(|i| even(0..cols, cols.div_ceil(RUN)).for_each(|run| self.run_of(kernels, i, run))),
                }
            }
        });
    }

    /// Adjacent elements from the start of each row on.
    ///
    /// # Safety
    /// They are there, and the caller's own in dZ.
    unsafe fn adjacent(&self, kernels: &Kernels<T>, rows: Range<usize>, cols: usize) {
        let (number, params) = self.activation;
        let (z, g, out) = (self.z.at(rows.start, 0), self.g.at(rows.start, 0), self.dz.at(rows.start, 0));
        let row = [self.z.row_stride(), self.g.row_stride(), self.dz.row_stride()];
        // SAFETY: the caller's promise; the kernels are of this machine.
        unsafe { (kernels.slope[number])(&Each { z, g, out, row, rows: rows.len(), cols, params }) }
    }

    /// At most [`RUN`] elements of row `i`, wherever they are.
    ///
    /// # Safety
    /// As for `adjacent`.
    unsafe fn run_of(&self, kernels: &Kernels<T>, i: usize, cols: Range<usize>) {
        let (number, params) = self.activation;
        let (j, len) = (cols.start, cols.len());
        let Slope { g, dz, .. } = self;
        // SAFETY: elements of the matrices; as many of the copies.
        unsafe {
            let copy = |m: &MatRef<'_, T>| from_fn::<T, RUN, _>(|at| if at < len { *m.at(i, j + at) } else { T::ZERO });
            let z = match self.mask {
                Some(mask) => bits::numbers(mask.get(i, j, len)),
                None => copy(&self.z),
            };
            let each = Each { z: z.as_ptr(), g: g.at(i, j), out: dz.at(i, j), row: [0; 3], rows: 1, cols: len, params };
            if [g.col_stride(), dz.col_stride()] == [1; 2] {
                return (kernels.slope[number])(&each);
            }
            let mut g = copy(g);
            let out = g.as_mut_ptr();
            (kernels.slope[number])(&Each { g: out, out, ..each });
            cols.zip(g).for_each(|(j, x)| *self.dz.at(i, j) = x);
        }
    }
}

/// C ← act(C), or act(gate) ⊙ C, for a rectangle of C with adjacent columns.
pub struct Values<T> {
    pub c: Rows<T>,
    pub rows: usize,
    pub cols: usize,
    pub gate: Term<T>,
}

impl<T: Real> Values<T> {
    /// Computes it, for the number of an activation and what that takes.
    ///
    /// # Safety
    /// The rectangle and the gate's, if there is one, are valid; the rectangle is the caller's own.
    pub unsafe fn run(self, kernels: &Kernels<T>, (number, params): (usize, [T; 2])) {
        let Values { c, rows, cols, gate } = self;
        let all = Each { z: c.ptr, g: c.ptr, out: c.ptr, row: [c.row; 3], rows, cols, params };
        // SAFETY: the caller's promise; the kernels are of this machine.
        unsafe {
            if gate.ptr.is_null() {
                (kernels.value[number])(&all);
            } else if gate.col == 1 {
                (kernels.gated[number])(&Each { z: gate.ptr, row: [gate.row, c.row, c.row], ..all });
            } else {
                for i in 0..rows {
                    for run in even(0..cols, cols.div_ceil(RUN)) {
                        let z =
                            from_fn::<T, RUN, _>(|j| if j < run.len() { *gate.at(i, run.start + j) } else { T::ZERO });
                        let out = c.at(i, run.start);
                        let row = Each { z: z.as_ptr(), g: out, out, rows: 1, cols: run.len(), ..all };
                        (kernels.gated[number])(&row);
                    }
                }
            }
        }
    }
}

/// A matrix in a buffer, to be written before it is read.
pub fn buffer<T: Real>(scratch: &mut Scratch, rows: usize, cols: usize, col_major: bool) -> MatMut<'_, T> {
    assert!(rows * cols <= scratch.len::<T>());
    let (row, col) = if col_major { (1, rows) } else { (cols, 1) };
    // SAFETY: the buffer has as many elements, and is borrowed for as long as the matrix.
    unsafe { MatMut::from_raw_parts(scratch.as_mut_ptr(), rows, cols, row as isize, col as isize) }
}
