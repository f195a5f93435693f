//! The last vectors of a tile's rows, of which there may be less than all lanes.
#![allow(clippy::needless_range_loop)] // as in the tile

use crate::simd::Simd;

/// How much there is of a row's last vector or, of complex numbers, of the last two.
#[derive(Clone, Copy)]
pub struct Edge<S: Simd> {
    vectors: usize,
    whole: bool,
    masks: [S::Mask; 2],
}

impl<S: Simd> Edge<S> {
    /// So many vectors, one or two, of so many elements. (One may have none: nothing of it is used.)
    ///
    /// # Safety
    /// The instruction set is there.
    #[inline(always)]
    pub unsafe fn new(vectors: usize, elements: usize) -> Self {
        let [before, last] = match vectors {
            1 => [S::LANES, elements],
            _ => [elements.min(S::LANES), elements.saturating_sub(S::LANES)],
        };
        // SAFETY: the caller's promise.
        let masks = unsafe { [S::first(before), S::first(last)] };
        Edge { vectors, whole: elements == vectors * S::LANES, masks }
    }

    /// The lanes there are of the last vector.
    #[inline(always)]
    pub fn last(&self) -> S::Mask {
        self.masks[1]
    }
}

/// Passes every sum of a tile through `f`.
#[inline(always)]
pub fn each<S: Simd, const R: usize, const NV: usize>(sums: &mut [[S::V; NV]; R], f: impl Fn(S::V) -> S::V) {
    for r in 0..R {
        for v in 0..NV {
            sums[r][v] = f(sums[r][v]);
        }
    }
}

/// The same, and tells `f` the row, the vector and, if it is partial, its lanes. Partial vectors, which may take branches, have a loop of
/// their own: with them a loop is too long to be unrolled, and what is numbered at run time lies in memory: not the sums.
#[inline(always)]
pub fn update<S: Simd, const R: usize, const NV: usize>(
    sums: &mut [[S::V; NV]; R],
    edge: &Edge<S>,
    f: impl Fn(S::V, usize, usize, Option<S::Mask>) -> S::V,
) {
    let edge_from = NV.saturating_sub(edge.vectors);
    for r in 0..R {
        for v in 0..edge_from {
            sums[r][v] = f(sums[r][v], r, v, None);
        }
    }
    if edge.whole {
        for r in 0..R {
            for v in edge_from..NV {
                sums[r][v] = f(sums[r][v], r, v, None);
            }
        }
    } else {
        let mask = |v: usize| Some(edge.masks[(2 + v - NV) % 2]);
        // (Two loops: one of 12 rows, each with its branches, is too long still.)
        for r in 0..R.min(6) {
            for v in edge_from..NV {
                sums[r][v] = f(sums[r][v], r, v, mask(v));
            }
        }
        for r in 6..R {
            for v in edge_from..NV {
                sums[r][v] = f(sums[r][v], r, v, mask(v));
            }
        }
    }
}
