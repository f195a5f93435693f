//! A product shared by the tasks of a rayon pool.

use super::pool::parallel;
use super::stage::{parts, staged};
use super::{Nest, Problem, Rest, Rows, Sums, first_block};
use crate::element::Real;
use crate::matrix::MatMut;
use crate::runs::even;
use crate::scratch::Scratch;
use crate::simd::Kernels;
use crate::simd::complex::Combine;
use crate::tile::{Old, Out};

impl<T: Real> Nest<'_, T> {
    /// Rectangles of C, each with all of K, a task for each.
    pub(super) fn grid(&self, problem: &Problem<'_, T>, rows: usize, cols: usize) {
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
    pub(super) fn deep(&self, problem: &Problem<'_, T>, tasks: usize) {
        let (m, n, k) = (problem.c.rows(), problem.c.cols(), problem.a.cols());
        let blocks = k.div_ceil(self.plan.block);
        let unit = problem.unit();
        let len = m * n * unit;
        let mut scratch = Scratch::new::<T>(blocks * len);
        let sums = Shared(scratch.as_mut_ptr::<T>());
        let groups = even(0..blocks, tasks);
        parallel(0..tasks, &|task| {
            for block in groups.nth_part(task) {
                let steps = block * self.plan.block..k.min((block + 1) * self.plan.block);
                // SAFETY: the buffer has room for the m·n of each block, and each block is one task's.
                let c = unsafe {
                    MatMut::from_raw_parts(sums.get().add(block * len), m, n, (n * unit) as isize, unit as isize)
                };
                let part = Problem {
                    a: problem.a.part(0..m, steps.clone()),
                    b: problem.b.part(steps, 0..n),
                    c,
                    epilogue: None,
                    ..*problem
                };
                self.product(&part, Sums::Bare);
            }
        });
        // SAFETY: the tasks have written the sums.
        unsafe { problem.add_blocks(sums.get(), blocks, self.kernels) };
    }
}

impl<T: Real> Problem<'_, T> {
    /// Adds the sums of all K-blocks to C in order, and finishes it.
    ///
    /// # Safety
    /// There are as many elements for each block as C has.
    pub(super) unsafe fn add_blocks(&self, sums: *const T, blocks: usize, kernels: &Kernels<T>) {
        let (m, n, unit) = (self.c.rows(), self.c.cols(), self.unit());
        let len = m * n * unit;
        let read = self.scalars(true).map_or(self.beta != T::ZERO, |scalars| scalars.beta != [T::ZERO; 2]);
        for (rows, cols) in parts(m, n, unit) {
            let part_len = rows.len() * cols.len() * unit;
            // SAFETY: parts of C and of the sums; whole rows of either, or part of one, are adjacent.
            unsafe {
                let part = self.part(rows.clone(), cols.clone());
                staged(part.c, unit, read, kernels, &|c, row| {
                    for block in 0..blocks {
                        let sums = sums.add(block * len + (rows.start * n + cols.start) * unit);
                        if let Some(scalars) = self.scalars(block == 0) {
                            (kernels.complex.combine)(&Combine { sums, c, len: part_len, scalars });
                            continue;
                        }
                        let old = if block == 0 { first_block(self.beta) } else { Old::Times(T::ONE) };
                        let alpha = self.alpha;
                        (kernels.sum)(&Out { c, row, old, alpha, cols: part_len, streams: false, closing: None }, sums);
                    }
                    self.finish(Rest::ALL, kernels, &Rows { ptr: c, row, col: 1 }, rows.clone(), cols.clone());
                });
            }
        }
    }
}

/// A pointer that tasks share; each writes elements of its own.
pub(super) struct Shared<T>(pub *mut T);

// SAFETY: the tasks keep their elements apart.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub fn get(&self) -> *mut T {
        self.0
    }
}
