//! How finished sums reach C beyond what a tile does itself: block sums added in order, and the bias.

use crate::simd::Simd;
use crate::tile::{Old, Out};

/// What is done to rows of C once all blocks are summed.
pub struct Finish<T> {
    pub c: *mut T,
    /// Elements from one row to the next; the columns are adjacent.
    pub row: isize,
    pub rows: usize,
    pub cols: usize,
    /// The bias is a matrix with stride 0 along one dimension: one value per column, or (for a transposed product) per
    /// row.
    pub bias: *const T,
    pub bias_row: isize,
    pub bias_col: isize,
}

/// # Safety
/// The instruction set of the kernel is there; the rows and columns of C and the bias' elements for them are valid.
pub type FinishFn<T> = unsafe fn(&Finish<T>);

/// # Safety
/// The instruction set of the kernel is there; `cols` elements of C and of the sums are valid.
pub type SumFn<T> = unsafe fn(&Out<T>, *const T);

/// Adds the bias. See [`FinishFn`].
#[inline(always)]
pub unsafe fn finish<S: Simd>(f: &Finish<S::T>) {
    let whole = f.cols / S::LANES * S::LANES;
    // SAFETY: as the caller promises; the last vector of a row is partial.
    unsafe {
        let mask = S::first(f.cols - whole);
        for i in 0..f.rows {
            let c = f.c.offset(i as isize * f.row);
            let bias = f.bias.offset(i as isize * f.bias_row);
            let mut j = 0;
            while j < f.cols {
                let part = j == whole;
                let b = match (f.bias_col, part) {
                    (0, _) => S::splat(*bias),
                    (_, false) => S::load(bias.add(j)),
                    (_, true) => S::load_first(bias.add(j), mask),
                };
                if part {
                    S::store_first(c.add(j), S::add(S::load_first(c.add(j), mask), b), mask);
                } else {
                    S::store(c.add(j), S::add(S::load(c.add(j)), b));
                }
                j += S::LANES;
            }
        }
    }
}

/// Adds one block's bare sums to one row of C: `c = fma(alpha, sum, old)`. See [`SumFn`].
#[inline(always)]
pub unsafe fn sum<S: Simd>(out: &Out<S::T>, sums: *const S::T) {
    // SAFETY: as the caller promises; the last vector is partial.
    unsafe {
        let alpha = S::splat(out.alpha);
        let mut j = 0;
        while j < out.cols {
            let mask = S::first(S::LANES.min(out.cols - j));
            let old = match out.old {
                Old::Times(beta) => S::mul(S::splat(beta), S::load_first(out.c.add(j), mask)),
                Old::Constant(x) => S::splat(x),
            };
            S::store_first(out.c.add(j), S::fma(alpha, S::load_first(sums.add(j), mask), old), mask);
            j += S::LANES;
        }
    }
}
