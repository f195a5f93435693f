//! Updates of low rank: so few steps that a row's elements of A stay in registers, not C, and C is walked along its rows. A tile of
//! few steps is mostly what begins and ends it.
#![allow(clippy::needless_range_loop)] // as in the tile

use super::{Narrow, Old};
use crate::element::Sealed;
use crate::simd::Simd;

/// `c = fma(alpha, A·B, old)` for a B and a C with adjacent columns.
pub struct Update<T> {
    pub rows: usize,
    pub cols: usize,
    pub a: Narrow<T>,
    pub b: *const T,
    /// Elements from one row of B, and of C, to the next.
    pub b_row: isize,
    pub c: *mut T,
    pub c_row: isize,
    pub old: Old<T>,
    pub alpha: T,
}

/// # Safety
/// The instruction set of the kernel is there; as many rows of B as it is made for, and all of A and C, are valid.
pub type UpdateFn<T> = unsafe fn(&Update<T>);

const STORED: u8 = 0;
const ADDED: u8 = 1;
const SCALED: u8 = 2;

/// See [`UpdateFn`]: of `K` steps.
#[inline(always)]
pub unsafe fn update<S: Simd, const K: usize>(f: &Update<S::T>) {
    let one = S::T::ONE;
    // SAFETY: the caller's promise.
    unsafe {
        match f.old {
            Old::Constant(x) => all_rows::<S, K, STORED>(f, x),
            Old::Times(beta) if beta == one && f.alpha == one => all_rows::<S, K, ADDED>(f, beta),
            Old::Times(beta) => all_rows::<S, K, SCALED>(f, beta),
        }
    }
}

/// # Safety
/// As for [`UpdateFn`].
#[inline(always)]
unsafe fn all_rows<S: Simd, const K: usize, const OLD: u8>(f: &Update<S::T>, old: S::T) {
    // SAFETY: the caller's promise. Each vector of B meets two rows.
    unsafe {
        for row in (0..f.rows & !1).step_by(2) {
            rows::<S, K, 2, OLD>(f, row, old);
        }
        if f.rows & 1 == 1 {
            rows::<S, K, 1, OLD>(f, f.rows - 1, old);
        }
    }
}

/// # Safety
/// As for [`UpdateFn`].
#[inline(always)]
unsafe fn rows<S: Simd, const K: usize, const R: usize, const OLD: u8>(f: &Update<S::T>, row: usize, old: S::T) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut a = [[S::splat(S::T::ZERO); K]; R];
        for r in 0..R {
            for p in 0..K {
                a[r][p] = S::splat(*f.a.ptr.offset((row + r) as isize * f.a.row + p as isize * f.a.depth));
            }
        }
        let scalars = [S::splat(f.alpha), S::splat(old)];
        let c = f.c.offset(row as isize * f.c_row);
        let whole = f.cols / S::LANES * S::LANES;
        for col in (0..whole).step_by(S::LANES) {
            vectors::<S, K, R, OLD>(f, &a, scalars, col, c, None);
        }
        if whole < f.cols {
            vectors::<S, K, R, OLD>(f, &a, scalars, whole, c, Some(S::first(f.cols - whole)));
        }
    }
}

/// A vector of each row from that column on, or a part.
///
/// # Safety
/// As for [`UpdateFn`].
#[inline(always)]
unsafe fn vectors<S: Simd, const K: usize, const R: usize, const OLD: u8>(
    f: &Update<S::T>,
    a: &[[S::V; K]; R],
    [alpha, old]: [S::V; 2],
    col: usize,
    c: *mut S::T,
    part: Option<S::Mask>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [S::splat(S::T::ZERO); R];
        for p in 0..K {
            let b = f.b.offset(p as isize * f.b_row).add(col);
            let b = match part {
                None => S::load(b),
                Some(mask) => S::load_first(b, mask),
            };
            for r in 0..R {
                sums[r] = S::fma(a[r][p], b, sums[r]);
            }
        }
        for r in 0..R {
            let c = c.offset(r as isize * f.c_row).add(col);
            let before = match part {
                _ if OLD == STORED => old,
                None => S::load(c),
                Some(mask) => S::load_first(c, mask),
            };
            let sum = match OLD {
                ADDED => S::add(sums[r], before),
                SCALED => S::fma(alpha, sums[r], S::mul(old, before)),
                _ => S::fma(alpha, sums[r], before),
            };
            match part {
                None => S::store(c, sum),
                Some(mask) => S::store_first(c, sum, mask),
            }
        }
    }
}
