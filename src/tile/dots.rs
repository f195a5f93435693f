//! Dot products whose K-blocks are the lanes of a vector. Each of them is a chain, which waits for every multiply-add: of one
//! block alone a processor does a step in the time of eight (1×1×4096 3 times as fast as by four blocks in vectors of their own).

use super::square::{self, Few};
use super::stride::Stride;
use super::walk::gather;
use crate::element::Sealed;
use crate::simd::Simd;

/// Two vectors, contiguous in memory, cut into K-blocks: at least one, at most as many as a vector has lanes.
pub struct Dots<T> {
    pub a: *const T,
    pub b: *const T,
    /// Steps of a block.
    pub depth: usize,
    pub blocks: usize,
    /// How many of the steps the last block lacks.
    pub short: usize,
    /// Where the sum of each goes.
    pub sums: *mut T,
}

/// # Safety
/// The instruction set of the kernel is there; all steps and as many sums as blocks are valid.
pub type DotsFn<T> = unsafe fn(&Dots<T>);

/// See [`DotsFn`].
#[inline(always)]
pub unsafe fn dots<S: Simd>(f: &Dots<S::T>) {
    let all = f.depth - f.short;
    // SAFETY: the caller's promise: the last block ends where the others go on.
    unsafe {
        let mut sums = S::splat(S::T::ZERO);
        for (from, steps, blocks) in [(0, all, f.blocks), (all, f.short, f.blocks - 1)] {
            if steps > 0 && blocks > 0 {
                sums = add::<S>(sums, f, from, steps, blocks);
                S::store_first(f.sums, sums, S::first(blocks));
            }
        }
    }
}

/// Adds so many steps of each of the first `blocks`.
///
/// # Safety
/// They are there, and so is the instruction set.
#[inline(always)]
unsafe fn add<S: Simd>(mut sums: S::V, f: &Dots<S::T>, from: usize, steps: usize, blocks: usize) -> S::V {
    let block = Stride::new::<S::T>(f.depth as isize);
    let lanes = Few::rows(&block, blocks);
    let (mut a, mut b) = (f.a.wrapping_add(from), f.b.wrapping_add(from));
    // SAFETY: the caller's promise.
    unsafe {
        if steps < S::TURN {
            for _ in 0..steps {
                let load = |p: *const S::T| gather(p, block.times(1), blocks);
                sums = S::fma(S::load(load(a).as_ptr()), S::load(load(b).as_ptr()), sums);
                (a, b) = (a.wrapping_add(1), b.wrapping_add(1));
            }
            return sums;
        }
        for _ in 0..steps / S::TURN {
            let (x, y) = match blocks == S::LANES {
                true => (square::turn::<S>(a, &block), square::turn::<S>(b, &block)),
                false => (lanes.turn::<S>(a), lanes.turn::<S>(b)),
            };
            for c in 0..S::TURN {
                sums = S::fma(x[c], y[c], sums);
            }
            (a, b) = (a.wrapping_add(S::TURN), b.wrapping_add(S::TURN));
        }
        let rest = steps % S::TURN;
        if rest > 0 {
            // The last square overlaps the one before it.
            let back = S::TURN - rest;
            let (x, y) = (lanes.turn::<S>(a.wrapping_sub(back)), lanes.turn::<S>(b.wrapping_sub(back)));
            for c in 0..S::TURN {
                if c >= back {
                    sums = S::fma(x[c], y[c], sums);
                }
            }
        }
    }
    sums
}
