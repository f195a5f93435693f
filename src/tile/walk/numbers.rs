//! Steps of complex numbers: a tile sums real and imaginary parts apart, and puts them together when they are done.
#![allow(clippy::needless_range_loop)] // as in the tile

use super::Walk;
use crate::element::Sealed;
use crate::simd::Simd;
use crate::tile::{ALONG, EXCHANGED};

impl<S: Simd, const R: usize, const NV: usize, const NARROW: u8, const WIDE: u8> Walk<'_, S, R, NV, NARROW, WIDE> {
    /// Adds the outer product of complex numbers: the first half of the sums are those of real parts.
    #[inline(always)]
    pub(super) unsafe fn add_numbers(&self, sums: &mut [[S::V; NV]; R], ahead: usize, steps: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut w = [S::splat(S::T::ZERO); NV];
            for part in 0..2 {
                let at = self.wide.byte_offset(self.wide_step.times(ahead) + self.wide_step.times(part));
                for v in 0..NV / 2 {
                    w[part * (NV / 2) + v] = S::load(at.add(v * S::LANES));
                }
            }
            // What waits for a sum had better be far from it: all rows once, and then again (AVX2 1.02 times as fast). With roles
            // exchanged both parts of a row are needed both times, and stay in registers for one row only.
            if WIDE == EXCHANGED {
                for r in 0..R.min(8) {
                    let parts = self.parts(r, ahead, steps);
                    Self::add_first(&mut sums[r], &w, parts);
                    Self::add_second(&mut sums[r], &w, parts);
                }
                for r in 8..R {
                    let parts = self.parts(r, ahead, steps);
                    Self::add_first(&mut sums[r], &w, parts);
                    Self::add_second(&mut sums[r], &w, parts);
                }
            } else {
                for r in 0..R.min(8) {
                    Self::add_first(&mut sums[r], &w, self.parts(r, ahead, steps));
                }
                for r in 8..R {
                    Self::add_first(&mut sums[r], &w, self.parts(r, ahead, steps));
                }
                for r in 0..R.min(8) {
                    Self::add_second(&mut sums[r], &w, self.parts(r, ahead, steps));
                }
                for r in 8..R {
                    Self::add_second(&mut sums[r], &w, self.parts(r, ahead, steps));
                }
            }
        }
    }

    /// The first step of a row: re(a)·re(b) and re(a)·im(b).
    #[inline(always)]
    unsafe fn add_first(sums: &mut [S::V; NV], wide: &[S::V; NV], [re, im]: [S::V; 2]) {
        for v in 0..NV / 2 {
            let (i, wide_re, wide_im) = (NV / 2 + v, wide[v], wide[NV / 2 + v]);
            // SAFETY: the caller's promise.
            unsafe {
                sums[v] = S::fma(re, wide_re, sums[v]);
                let (x, y) = if WIDE == EXCHANGED { (im, wide_re) } else { (re, wide_im) };
                sums[i] = S::fma(x, y, sums[i]);
            }
        }
    }

    /// The second: −im(a)·im(b) and im(a)·re(b).
    #[inline(always)]
    unsafe fn add_second(sums: &mut [S::V; NV], wide: &[S::V; NV], [re, im]: [S::V; 2]) {
        for v in 0..NV / 2 {
            let (i, wide_re, wide_im) = (NV / 2 + v, wide[v], wide[NV / 2 + v]);
            // SAFETY: the caller's promise.
            unsafe {
                sums[v] = S::fnma(im, wide_im, sums[v]);
                let (x, y) = if WIDE == EXCHANGED { (re, wide_im) } else { (im, wide_re) };
                sums[i] = S::fma(x, y, sums[i]);
            }
        }
    }

    /// The narrow number of a row.
    #[inline(always)]
    unsafe fn parts(&self, r: usize, ahead: usize, steps: usize) -> [S::V; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            match NARROW {
                ALONG => [self.broadcast(r, 0, ahead, steps), self.broadcast(r, 0, ahead + 1, steps)],
                _ => {
                    let across = self.narrow.byte_offset(self.narrow_step.times(ahead));
                    [S::splat_nth(across, 2 * r, 2 * R), S::splat_nth(across, 2 * r + 1, 2 * R)]
                }
            }
        }
    }
}

/// Real and imaginary parts put together again.
///
/// # Safety
/// The instruction set is there.
#[inline(always)]
pub unsafe fn zip<S: Simd, const R: usize, const NV: usize>(sums: &mut [[S::V; NV]; R]) {
    for r in 0..R {
        let parts = sums[r];
        for v in 0..NV / 2 {
            // SAFETY: the caller's promise.
            [sums[r][2 * v], sums[r][2 * v + 1]] = unsafe { S::zip(parts[v], parts[NV / 2 + v]) };
        }
    }
}
