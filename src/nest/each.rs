//! From the gradient of an activation's value to that of its argument. Two products and a sum read the result, so it is
//! made once, in a buffer that stays in a cache until they have.

use core::array::from_fn;
use core::ops::Range;

use super::tasks::parallel;
use crate::element::Element;
use crate::matrix::{MatMut, MatRef};
use crate::runs::even;
use crate::scratch::Scratch;
use crate::simd::Kernels;
use crate::simd::math::Each;

/// dZ ← G ⊙ act′(Z), matrices of one shape.
pub struct Slope<'a, T: Element> {
    pub z: MatRef<'a, T>,
    pub g: MatRef<'a, T>,
    pub dz: MatMut<'a, T>,
    /// The number of the activation and what it takes.
    pub activation: (usize, [T; 2]),
}

/// Elements copied to the stack at a time where they are not adjacent.
const RUN: usize = 64;

impl<T: Element> Slope<'_, T> {
    /// Computes it, on that many tasks.
    pub fn run(mut self, kernels: &Kernels<T>, tasks: usize) {
        if self.dz.row_stride() == 1 && self.dz.col_stride() != 1 {
            self = Slope { z: self.z.t(), g: self.g.t(), dz: self.dz.t(), ..self };
        }
        let Slope { z, g, dz, .. } = &self;
        let cols = dz.cols();
        let adjacent = [z.col_stride(), g.col_stride(), dz.col_stride()] == [1; 3];
        let dense = adjacent && [z.row_stride(), g.row_stride(), dz.row_stride()] == [cols as isize; 3];
        parallel(0..tasks, &|task| {
            let rows = even(0..dz.rows(), tasks).nth_part(task);
            // SAFETY: runs of rows that are this task's own; all rows are one run where nothing lies between them.
            unsafe {
                match (dense, adjacent) {
                    (true, _) if rows.is_empty() => (),
                    (true, _) => self.adjacent(kernels, rows.start, rows.len() * cols),
                    (_, true) => rows.for_each(|i| self.adjacent(kernels, i, cols)),
                    _ => rows
                        .for_each(|i| even(0..cols, cols.div_ceil(RUN)).for_each(|run| self.run_of(kernels, i, run))),
                }
            }
        });
    }

    /// Adjacent elements from the start of row `i` on.
    ///
    /// # Safety
    /// They are there, and the caller's own in dZ.
    unsafe fn adjacent(&self, kernels: &Kernels<T>, i: usize, len: usize) {
        let (number, params) = self.activation;
        let each = Each { z: self.z.at(i, 0), g: self.g.at(i, 0), out: self.dz.at(i, 0), len, params };
        // SAFETY: the caller's promise; the kernels are of this machine.
        unsafe { (kernels.slope[number])(&each) }
    }

    /// At most [`RUN`] elements of row `i`, wherever they are.
    ///
    /// # Safety
    /// As for `adjacent`.
    unsafe fn run_of(&self, kernels: &Kernels<T>, i: usize, cols: Range<usize>) {
        let (number, params) = self.activation;
        let len = cols.len();
        // SAFETY: elements of the matrices; as many of the copies.
        unsafe {
            let copy =
                |m: &MatRef<'_, T>| from_fn::<T, RUN, _>(|j| if j < len { *m.at(i, cols.start + j) } else { T::ZERO });
            let (z, mut g) = (copy(&self.z), copy(&self.g));
            let out = g.as_mut_ptr();
            (kernels.slope[number])(&Each { z: z.as_ptr(), g: out, out, len, params });
            cols.zip(g).for_each(|(j, x)| *self.dz.at(i, j) = x);
        }
    }
}

/// A matrix in a buffer, to be written before it is read.
pub fn buffer<T: Element>(scratch: &mut Scratch, rows: usize, cols: usize, col_major: bool) -> MatMut<'_, T> {
    assert!(rows * cols <= scratch.len::<T>());
    let (row, col) = if col_major { (1, rows) } else { (cols, 1) };
    // SAFETY: the buffer has as many elements, and is borrowed for as long as the matrix.
    unsafe { MatMut::from_raw_parts(scratch.as_mut_ptr(), rows, cols, row as isize, col as isize) }
}
