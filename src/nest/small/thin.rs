//! Little products of a few columns: when they had better go through the stage as their transposes, and how.

use super::Little;
use super::strips::Cover;
use crate::element::Real;
use crate::matrix::MatMut;
use crate::nest::stage::{STAGE, summed};
use crate::nest::{Rows, first_block};
use crate::plan::tiles::{most_rows, wide_tile};
use crate::runs::pieces;
use crate::simd::Kernels;
use crate::tile::weave::MOST_WOVEN;
use crate::tile::{Out, Wide};

impl<T: Real> Little<'_, T> {
    /// Whether few columns leave so many lanes empty that it pays to go through the stage, in sixteenths of a cycle. A row takes nine a
    /// step, and C some. With roles exchanged, a vector takes eight a step, or fourteen and the shuffles that turn it, and a step the
    /// latency of a multiply-add at least; then there is the way to C, and a call more. (The bounds of `FewColumns` are those of
    /// a plan, which takes longer.)
    #[inline(always)]
    pub(super) fn is_worth_staging(&self, kernels: &Kernels<T>, across: bool, most: usize) -> bool {
        let Little { m, n, k, b, c, .. } = *self;
        let lanes = kernels.lanes;
        let vectors = pieces(m, lanes);
        let read = self.beta != T::ZERO;
        let step = if across { 8 * n } else { 14 * n + 2 * lanes + 10 };
        // The way to C through the stage, and straight, in steps.
        let woven = if n <= 4 { 8 + 4 * n } else { 32 + 8 * n };
        let (copy, straight) = match kernels.weave.is_some() && n <= MOST_WOVEN && c.row == n as isize {
            true if read => (woven * 3 / 2, 4),
            true => (woven, 2),
            false => (n * if read { 30 } else { 20 }, 8),
        };
        n > 1
            && n < if across { 2 * lanes } else { lanes }
            && (b.lane == 1 || b.depth == 1)
            && (across || (k >= kernels.turn && n <= kernels.turning.rows[0]))
            && n * vectors * k <= 2 * most
            && 9 * m * (k * pieces(n, lanes) + straight) > k * (vectors * step).max(64) + m * copy + 1100
    }

    /// The same of few columns: as its transpose, through the stage (171×2×14 TN 3 times as fast, with AVX2 2.3 times).
    #[inline(never)]
    pub(super) fn thin(self, kernels: &Kernels<T>) {
        let whole = self.t();
        let most = STAGE / whole.m / kernels.lanes * kernels.lanes;
        for col in (0..whole.n).step_by(most) {
            let n = most.min(whole.n - col);
            let b = Wide { ptr: whole.b.ptr.wrapping_offset(col as isize * whole.b.lane), ..whole.b };
            let across = whole.across(1);
            let vectors = pieces(n, kernels.lanes);
            let (rows, vecs) = wide_tile(whole.m, vectors, whole.k, kernels.tiles.rows, most_rows(across));
            // SAFETY: columns of C as its view promises.
            unsafe {
                let c = MatMut::from_raw_parts(whole.c.at(0, col), whole.m, n, whole.c.row, whole.c.col);
                let (row, old, alpha) = (whole.c.row, first_block(self.beta), self.alpha);
                let out = Out { c: c.at(0, 0), row, old, alpha, cols: n, streams: false, closing: None };
                summed(c, 1, &out, kernels, &|out| {
                    let part = Little { n, b, c: Rows { ptr: out.c, row: out.row, col: 1 }, alpha: out.alpha, ..whole };
                    match b.lane {
                        1 => part.strips(rows, vecs, &Cover::of(kernels, across, out.old)),
                        _ => part.turned(kernels, out.old),
                    }
                });
            }
        }
    }
}
