//! Steps of complex numbers: a tile sums real and imaginary parts apart, and puts them together when they are done.
#![allow(clippy::needless_range_loop)] // as in the tile

use super::Walk;
use crate::element::Sealed;
use crate::simd::Simd;
use crate::tile::EXCHANGED;

impl<S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8> Walk<'_, S, R, NV, ALONG, WIDE> {
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
            if const { WIDE == EXCHANGED } {
                self.add_rows(sums, &w, [true, true], ahead, steps);
            } else {
                self.add_rows(sums, &w, [true, false], ahead, steps);
                self.add_rows(sums, &w, [false, true], ahead, steps);
            }
        }
    }

    /// The first real step of every row, or the second, or both of each.
    #[inline(always)]
    unsafe fn add_rows(
        &self,
        sums: &mut [[S::V; NV]; R],
        wide: &[S::V; NV],
        which: [bool; 2],
        ahead: usize,
        steps: usize,
    ) {
        // SAFETY: the caller's promise. (Two loops, as for real numbers.)
        unsafe {
            for r in 0..R.min(8) {
                Self::add_row_numbers(&mut sums[r], wide, self.parts(r, ahead, steps), which);
            }
            for r in 8..R {
                Self::add_row_numbers(&mut sums[r], wide, self.parts(r, ahead, steps), which);
            }
        }
    }

    /// Of one row: re(a)·re(b) and re(a)·im(b), and then −im(a)·im(b) and im(a)·re(b), a being the wide operand if roles are exchanged.
    #[inline(always)]
    unsafe fn add_row_numbers(sums: &mut [S::V; NV], wide: &[S::V; NV], [re, im]: [S::V; 2], which: [bool; 2]) {
        for second in [false, true] {
            if !which[usize::from(second)] {
                continue;
            }
            for v in 0..NV / 2 {
                let (i, wide_re, wide_im) = (NV / 2 + v, wide[v], wide[NV / 2 + v]);
                // SAFETY: the caller's promise.
                unsafe {
                    sums[v] = if second { S::fnma(im, wide_im, sums[v]) } else { S::fma(re, wide_re, sums[v]) };
                    let (x, y) = if second == (WIDE == EXCHANGED) { (re, wide_im) } else { (im, wide_re) };
                    sums[i] = S::fma(x, y, sums[i]);
                }
            }
        }
    }

    /// The narrow number of a row.
    #[inline(always)]
    unsafe fn parts(&self, r: usize, ahead: usize, steps: usize) -> [S::V; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            match ALONG {
                true => [self.broadcast(r, 0, ahead, steps), self.broadcast(r, 0, ahead + 1, steps)],
                false => {
                    let across = self.narrow.byte_offset(self.narrow_step.times(ahead));
                    [S::splat_nth(across, 2 * r, 2 * R), S::splat_nth(across, 2 * r + 1, 2 * R)]
                }
            }
        }
    }
}

/// Real and imaginary parts put together again, whichever come first.
///
/// # Safety
/// The instruction set is there.
#[inline(always)]
pub unsafe fn zip<S: Simd, const R: usize, const NV: usize>(sums: &mut [[S::V; NV]; R], imaginary_first: bool) {
    if imaginary_first {
        for r in 0..R {
            for v in 0..NV / 2 {
                sums[r].swap(v, NV / 2 + v);
            }
        }
    }
    for r in 0..R {
        let parts = sums[r];
        for v in 0..NV / 2 {
            // SAFETY: the caller's promise.
            [sums[r][2 * v], sums[r][2 * v + 1]] = unsafe { S::zip(parts[v], parts[NV / 2 + v]) };
        }
    }
}
