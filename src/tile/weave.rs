//! A few rows of sums, which become the adjacent elements of as many columns of C: woven in registers.
#![allow(clippy::needless_range_loop)] // as in the tile

use crate::element::Sealed;
use crate::simd::Simd;
use crate::tile::Old;

/// The most rows that are woven, and that it pays to have on the stage.
pub const MOST_WOVEN: usize = 10;

/// Rows of sums as long as there are columns of C, and the elements that they are added to: `c = fma(alpha, sum, old)`.
pub struct Woven<T> {
    pub sums: *const T,
    /// Elements of a row, and rows, one after the other.
    pub len: usize,
    pub count: usize,
    /// `count` times `len` adjacent elements.
    pub c: *mut T,
    pub old: Old<T>,
    pub alpha: T,
}

/// # Safety
/// The instruction set of the kernel is there; there are two to `MOST_WOVEN` rows, and not more than a vector has lanes; the sums and
/// the elements of C are valid.
pub type WeaveFn<T> = unsafe fn(&Woven<T>);

/// See [`WeaveFn`].
#[inline(always)]
pub unsafe fn weave<S: Simd>(f: &Woven<S::T>) {
    // SAFETY: the caller's promise.
    unsafe {
        match f.count {
            2 => woven::<S, 2, 2>(f),
            3 => woven::<S, 3, 4>(f),
            4 => woven::<S, 4, 4>(f),
            5 => woven::<S, 5, 8>(f),
            6 => woven::<S, 6, 8>(f),
            7 => woven::<S, 7, 8>(f),
            8 => woven::<S, 8, 8>(f),
            9 => woven::<S, 9, 16>(f),
            _ => woven::<S, 10, 16>(f),
        }
    }
}

/// The same of `N` rows, `P` being the next power of two.
#[inline(always)]
unsafe fn woven<S: Simd, const N: usize, const P: usize>(f: &Woven<S::T>) {
    if const { P > S::LANES } {
        return;
    }
    // Elements of the columns of a vector.
    let group = const { S::LANES / P * N };
    // SAFETY: the caller's promise.
    unsafe {
        let alpha = S::splat(f.alpha);
        let (all, of_group) = (S::first(S::LANES), S::first(group));
        for col in (0..f.len).step_by(S::LANES) {
            let (to, left) = (f.c.wrapping_add(col * N), f.len - col);
            let mask = if left >= S::LANES { all } else { S::first(left) };
            let mut woven = [S::splat(S::T::ZERO); P];
            for r in 0..N {
                woven[r] = S::load_first(f.sums.add(r * f.len + col), mask);
            }
            // Each time the rows of one half take turns with those of the other.
            for _ in 0..P.ilog2() {
                let from = woven;
                for i in 0..P / 2 {
                    [woven[2 * i], woven[2 * i + 1]] = S::weave(from[i], from[i + P / 2]);
                }
            }
            let there = left.min(S::LANES) * N;
            let at = |nth: usize| to.wrapping_add(nth * group);
            // All of C is loaded before any is stored, as in the tile.
            let mut old = [S::splat(S::T::ZERO); P];
            match f.old {
                Old::Constant(x) => old = [S::splat(x); P],
                Old::Times(beta) => {
                    for nth in 0..P {
                        if nth * group < there {
                            let mask = part::<S>(nth, group, there, of_group);
                            old[nth] = S::mul(S::splat(beta), S::load_first(at(nth), mask));
                        }
                    }
                }
            }
            for nth in 0..P {
                let sums = if const { N < P && P < S::LANES } { S::arrange(woven[nth], &ORDER[N]) } else { woven[nth] };
                if nth * group < there {
                    let mask = part::<S>(nth, group, there, of_group);
                    S::store_first(at(nth), S::fma(alpha, sums, old[nth]), mask);
                }
            }
        }
    }
}

/// How much there is of a group, of so many elements in all: mostly all of it, and some of it at least.
///
/// # Safety
/// The instruction set is there.
#[inline(always)]
unsafe fn part<S: Simd>(nth: usize, group: usize, there: usize, of_group: S::Mask) -> S::Mask {
    // SAFETY: the caller's promise.
    if there >= (nth + 1) * group { of_group } else { unsafe { S::first(there - nth * group) } }
}

/// By the number of rows: which lanes to take so that columns of so many elements, each in a group of as many lanes as the next power
/// of two, are adjacent.
const ORDER: [[i32; 16]; MOST_WOVEN] = {
    let mut order = [[0; 16]; MOST_WOVEN];
    let mut count = 1;
    while count < MOST_WOVEN {
        let of = count.next_power_of_two();
        let mut lane = 0;
        while lane < 16 / of * count {
            order[count][lane] = (lane / count * of + lane % count) as i32;
            lane += 1;
        }
        count += 1;
    }
    order
};
