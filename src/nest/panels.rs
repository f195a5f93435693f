//! What of a block is packed, and where: wide strips when a tile first meets them, narrow ones when their block is entered.

use core::ops::Range;

use super::{Block, Nest, Problem};
use crate::element::Real;
use crate::pack::Panel;
use crate::runs::Even;

impl<T: Real> Nest<'_, T> {
    /// Where the packed copy of a wide strip is.
    pub(super) fn packed(&self, block: &Block<'_, T>, vector: usize) -> *mut T {
        block.wide_buffer.wrapping_add((vector - block.packed_from) * self.kernels.lanes * block.steps.len())
    }

    /// Packs wide strips, a few steps of all of them at a time.
    pub(super) fn pack_wide(&self, block: &Block<'_, T>, strips: Even) {
        let (b, lanes, steps) = (&block.problem.b, self.kernels.lanes, &block.steps);
        let (lane, step) = (b.col_stride(), b.row_stride());
        let together = if strips.len() > 1 { 8 } else { steps.len() };
        for from in steps.clone().step_by(together) {
            let depth = together.min(steps.end - from);
            for strip in strips {
                let (col, width) = (strip.start * lanes, strip.len() * lanes);
                let dst = self.packed(block, strip.start).wrapping_add((from - steps.start) * width);
                let (src, lanes) = (b.at(from, col), width.min(b.cols() - col));
                let panel = Panel { src, lane, step, lanes, depth, dst, width };
                // SAFETY: the strip lies within B, its copy within the buffer: the width is in whole vectors.
                unsafe {
                    match &block.problem.complex {
                        None => (self.kernels.pack)(&panel),
                        Some(complex) => {
                            // (A stride that leads nowhere may be any.)
                            let panel = Panel { step: step.wrapping_mul(2), ..panel };
                            (self.kernels.complex.wide)(&panel, complex.signs[1], complex.imaginary_first);
                        }
                    }
                }
            }
        }
    }

    /// Packs the strips of a narrow block, `strip_room` elements apart.
    ///
    /// Where the operand is contiguous across the rows, a few steps of all strips go together: a cache line holds elements
    /// of several strips, and lines a power of two apart would not wait in the cache for the next one (17 % at 512³ TN).
    pub(super) fn pack_narrow(
        &self,
        problem: &Problem<'_, T>,
        strips: Even,
        steps: &Range<usize>,
        buffer: *mut T,
        strip_room: usize,
    ) {
        let a = &problem.a;
        let (lane, step) = (a.row_stride(), a.col_stride());
        let together = match problem.complex {
            None if lane == 1 => 8,
            // (Few strips share a line of numbers.)
            Some(_) if step != 1 => 64,
            _ => steps.len(),
        };
        for from in steps.clone().step_by(together) {
            let depth = together.min(steps.end - from);
            for (at, rows) in strips.enumerate() {
                let dst = buffer.wrapping_add(at * strip_room + (from - steps.start) * rows.len());
                let (src, lanes) = (a.at(rows.start, from), rows.len());
                let panel = Panel { src, lane, step, lanes, depth, dst, width: lanes };
                // SAFETY: the strip lies within A, its copy within its room of the buffer.
                unsafe {
                    match problem.complex {
                        Some(complex) => {
                            let panel = Panel { step: step.wrapping_mul(2), ..panel };
                            (self.kernels.complex.narrow)(&panel, complex.signs[0])
                        }
                        None => (self.kernels.pack)(&panel),
                    }
                }
            }
        }
    }
}
