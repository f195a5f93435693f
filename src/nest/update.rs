//! Updates of low rank, which need no plan: C, being in a cache, is walked along its rows.

use super::pool::parallel;
use super::{FINISHED, Problem, Rest, Rows, first_block};
use crate::element::Real;
use crate::pack::{Panel, SLACK};
use crate::runs::{even, pieces};
use crate::scratch::Scratch;
use crate::simd::Kernels;
use crate::tile::Narrow;
use crate::tile::update::Update;

/// Bytes of B that are kept at hand.
const B_BYTES: usize = 16 << 10;

impl<T: Real> Problem<'_, T> {
    /// Whether it is an update of low rank, to a C in a cache. (Zen 4: 3000×1000×2 1.2 times as fast; beyond, where tiles ask for what comes,
    /// 4096×1024×1 1/1.25, 2048×2048×2 1/1.4; f64 1000×1000×6 1/1.1.)
    pub fn is_update(&self, kernels: &Kernels<T>, l2: usize) -> bool {
        let (m, n, k) = (self.c.rows(), self.c.cols(), self.a.cols());
        let most = if k <= 4 { 12 * l2 } else { 4 * l2 };
        let near = m.saturating_mul(n).saturating_mul(size_of::<T>()) <= most;
        self.complex.is_none() && self.c.col_stride() == 1 && near && kernels.updates(m, n, k, self.b.col_stride() == 1)
    }

    /// Computes it then, shared by tasks, which have rows of their own if there are enough.
    pub fn update(&self, tasks: usize, kernels: &Kernels<T>) {
        let (m, n, lanes) = (self.c.rows(), self.c.cols(), kernels.lanes);
        let vectors = n.div_ceil(lanes);
        let (down, right) = if m >= 2 * tasks { (tasks, 1) } else { (1, tasks.min(vectors)) };
        let kept = pieces(B_BYTES, self.a.cols() * lanes * size_of::<T>());
        parallel(0..down * right, &|task| {
            let rows = even(0..m, down).nth_part(task / right);
            let vectors = even(0..vectors, right).nth_part(task % right);
            for block in even(vectors.clone(), pieces(vectors.len(), kept)) {
                // SAFETY: each task has a rectangle of its own.
                unsafe { self.part(rows.clone(), block.start * lanes..n.min(block.end * lanes)) }.update_block(kernels);
            }
        });
    }

    /// The same of columns whose part of B stays in L1.
    fn update_block(&self, kernels: &Kernels<T>) {
        let Problem { a, b, c, alpha, .. } = self;
        let (m, n, k) = (c.rows(), c.cols(), a.cols());
        let (mut b, mut b_row, lane) = (b.as_ptr(), b.row_stride(), b.col_stride());
        let width = n.next_multiple_of(kernels.lanes);
        let mut scratch = Scratch::new::<T>(if lane == 1 { 0 } else { k * width + SLACK });
        if lane != 1 {
            let dst = scratch.as_mut_ptr::<T>();
            // SAFETY: all of B; the buffer has room for it.
            unsafe { (kernels.pack)(&Panel { src: b, lane, step: b_row, lanes: n, depth: k, dst, width }) };
            (b, b_row) = (dst, width as isize);
        }
        let (c_row, old) = (c.row_stride(), first_block(self.beta));
        let together = if self.epilogue.is_some() { (FINISHED / n).max(2) } else { m };
        for start in (0..m).step_by(together) {
            let rows = start..m.min(start + together);
            let a = Narrow { ptr: a.at(start, 0), row: a.row_stride(), depth: a.col_stride() };
            let c = c.at(start, 0);
            // SAFETY: rows of all operands, and of the epilogue; the kernels are of this machine, and made for so many steps.
            unsafe {
                let update = Update { rows: rows.len(), cols: n, a, b, b_row, c, c_row, old, alpha: *alpha };
                (kernels.update[k - 1])(&update);
                self.finish(Rest::ALL, kernels, &Rows { ptr: c, row: c_row, col: 1 }, rows, 0..n);
            }
        }
    }
}
