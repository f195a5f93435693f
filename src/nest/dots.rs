//! Dot products of several K-blocks, which need no plan.

use super::Problem;
use super::pool::parallel;
use super::tasks::Shared;
use crate::element::Real;
use crate::runs::even;
use crate::scratch::Scratch;
use crate::simd::Kernels;
use crate::tile::dots::Dots;

impl<T: Real> Problem<'_, T> {
    /// Whether C is one element, summed in several blocks of operands that are contiguous along the depth.
    pub fn is_dot(&self, block: usize) -> bool {
        let Problem { a, b, c, .. } = self;
        (c.rows(), c.cols(), a.col_stride(), b.row_stride()) == (1, 1, 1, 1)
            && a.cols() > block
            && self.complex.is_none()
    }

    /// Computes it then: as many blocks at once as a vector has lanes, shared by tasks; then their sums are added in order.
    pub fn dots(&self, block: usize, tasks: usize, kernels: &Kernels<T>) {
        let k = self.a.cols();
        let blocks = k.div_ceil(block);
        let mut scratch = Scratch::new::<T>(blocks);
        let sums = Shared(scratch.as_mut_ptr::<T>());
        let calls = blocks.div_ceil(kernels.lanes).max(tasks.min(blocks));
        parallel(0..tasks, &|task| {
            for call in even(0..calls, tasks).nth_part(task) {
                let blocks = even(0..blocks, calls).nth_part(call);
                let (step, end) = (blocks.start * block, blocks.end * block);
                let (a, b, short) = (self.a.at(0, step), self.b.at(step, 0), end.saturating_sub(k));
                // SAFETY: K-blocks of both operands, and a sum for each, which is one task's; the kernels are of this machine.
                unsafe {
                    let sums = sums.get().add(blocks.start);
                    (kernels.dots)(&Dots { a, b, depth: block, blocks: blocks.len(), short, sums });
                }
            }
        });
        // SAFETY: the tasks have written the sums.
        unsafe { self.add_blocks(sums.get(), blocks, kernels) };
    }
}
