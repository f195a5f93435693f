//! The micro-kernel, written once: R narrow rows by NV vectors of C live in registers while both operands are walked
//! along the depth by strides. A packed panel is only another set of strides.
#![allow(clippy::needless_range_loop)] // plain indices become constants when unrolled; iterators do not always

pub mod epilogue;
mod opaque;
pub mod square;
pub mod stride;
mod walk;

use crate::element::Sealed;
use crate::plan::LINE;
use crate::simd::Simd;
use epilogue::{Closing, close};
use opaque::late;
use square::Few;
use walk::Walk;

/// The operand whose elements are broadcast.
#[derive(Clone, Copy)]
pub struct Narrow<T> {
    pub ptr: *const T,
    /// Elements from one row to the next.
    pub row: isize,
    /// Elements from one depth step to the next. One of the two strides is 1, unless there is one row only, or pairs.
    pub depth: isize,
}

/// The operand loaded as vectors: contiguous along the lanes, or else along the depth and turned in registers.
#[derive(Clone, Copy)]
pub struct Wide<T> {
    pub ptr: *const T,
    /// Elements from one depth step to the next; 1 if a tile is to turn it.
    pub depth: isize,
    /// Elements from one lane to the next; 1 unless a tile is to turn it.
    pub lane: isize,
}

/// What one tile sums: `depth` steps of both operands, to what was summed before.
pub struct Step<T> {
    pub depth: usize,
    /// If the vectors of a tile are not adjacent columns, but K-blocks of the same ones: so many steps apart. Otherwise 0.
    pub apart: usize,
    pub narrow: Narrow<T>,
    pub wide: Wide<T>,
    pub before: Before<T>,
}

/// The sums of the steps before these: rows of as many columns as are written, or null for none.
#[derive(Clone, Copy)]
pub struct Before<T> {
    pub ptr: *const T,
    /// Elements from one row to the next.
    pub row: isize,
}

impl<T> Before<T> {
    pub const NOTHING: Before<T> = Before { ptr: core::ptr::null(), row: 0 };
}

/// Where one tile's sums go: `c = fma(alpha, sum, old)`.
#[derive(Clone, Copy)]
pub struct Out<'a, T> {
    pub c: *mut T,
    /// Elements from one row of C to the next; its columns are adjacent.
    pub row: isize,
    pub old: Old<T>,
    pub alpha: T,
    /// Columns to write: more than NV − 1 vectors, at most NV.
    pub cols: usize,
    /// Whether whole vectors are stored past the caches: C is not read, and vectors of it begin at multiples of their size.
    pub streams: bool,
    /// What is done to C before it is stored.
    pub closing: Option<&'a Closing<T>>,
}

/// What the sums are added to.
#[derive(Clone, Copy, PartialEq)]
pub enum Old<T> {
    /// C, times this.
    Times(T),
    /// This, and C is not read. (Where `alpha` is 1, −0 stores the bare sum.)
    Constant(T),
}

/// How many tiles one after the other, and the elements from one to the next in both operands, the sums before, C and the
/// term of the closing; and how far ahead of itself a tile of few steps asks for C, or one that turns the wide operand for that,
/// if at all.
#[derive(Clone, Copy)]
pub struct Repeat {
    pub count: usize,
    pub narrow: isize,
    pub wide: isize,
    pub before: isize,
    pub c: isize,
    pub term: isize,
    pub ahead: isize,
}

impl Repeat {
    /// Of one tile, which has no next.
    pub const ONCE: *const Repeat = core::ptr::null();
}

/// # Safety
/// The instruction set of the kernel is there; R rows and `depth` steps of the narrow side, `depth` steps of NV vectors
/// of the wide side (of `cols` elements if it is loaded in part) and `cols` columns of R rows of C are valid, for each of
/// the repeated tiles: `Repeat::ONCE`, or what they are repeated by.
pub type TileFn<T> = unsafe fn(&Step<T>, &Out<T>, *const Repeat);

/// How a tile loads the wide operand: whole vectors; the last one in part, since nothing may be read beyond an operand; each in
/// part, all being of the same columns; or turned in registers, being contiguous along the depth.
pub const WHOLE: u8 = 0;
pub const PART: u8 = 1;
pub const BLOCKS: u8 = 2;
pub const TURNED: u8 = 3;

/// How a tile walks the narrow operand: across its rows, along the depth, or across rows of pairs, each broadcast as one.
pub const ACROSS: u8 = 0;
pub const ALONG: u8 = 1;
pub const PAIRS: u8 = 2;

/// See [`TileFn`].
#[inline(always)]
pub unsafe fn tile<S: Simd, const R: usize, const NV: usize, const NARROW: u8, const WIDE: u8>(
    step: &Step<S::T>,
    out: &Out<'_, S::T>,
    repeat: *const Repeat,
) {
    let blocks = WIDE == BLOCKS || (WIDE == TURNED && step.apart > 0);
    let last = if blocks { out.cols } else { out.cols - (NV - 1) * S::LANES };
    // SAFETY: the instruction set is there.
    let mask = unsafe { S::first(last) };
    let whole = out.cols == NV * S::LANES;
    let mut few = Few::NONE;
    let start = Walk::<S, R, NV, NARROW, WIDE>::new(step, out.cols, mask, &mut few);
    let (mut narrow, mut wide, mut c) = (step.narrow.ptr, step.wide.ptr, out.c);
    let (mut before, mut term, mut done) = (step.before.ptr, 0, 1);
    loop {
        // SAFETY: all pointers stay within what the caller promises.
        unsafe {
            // C is written last, but asked for early, line by line, so that it comes while sums are made. Of few steps, at once and
            // some tiles ahead. Of many, a row before each of several runs of steps: all at once would take the buffers that lines of
            // the operands, too, wait in (Emerald Rapids: 1000×1000×256 1.15 times as fast, 256³ 1.02 times; yet 128×10×256, by tiles
            // of one vector, 1/1.08). There may be more runs than rows, which ask for rows below. (`ahead` of many steps is that
            // of a turned wide operand.)
            let ahead = repeat.as_ref().map_or(0, |repeat| repeat.ahead);
            let many = step.depth > 32;
            let turns = if WIDE != TURNED { step.depth / S::STEPS } else { 0 };
            let between = if many && NV > 1 { turns / R } else { 0 };
            if between == 0 && (many || ahead != 0) {
                let row = if many { c } else { c.wrapping_offset(ahead) };
                let out = late(out);
                for r in 0..R {
                    ask::<S, NV>(row.wrapping_offset(r as isize * out.row), out.cols);
                }
            }
            let mut sums = [[S::splat(S::T::ZERO); NV]; R];
            if !before.is_null() {
                let (ptr, row) = (before, late(step).before.row);
                update::<S, R, NV>(&mut sums, whole, |_, r, v, part| {
                    let at = ptr.wrapping_offset(r as isize * row).wrapping_add(v * S::LANES);
                    if part { S::load_first(at, mask) } else { S::load(at) }
                });
            }
            let mut walk = start.at(narrow, wide);
            let turned = if WIDE == TURNED { walk.add_turned(&mut sums, step.depth, ahead) } else { 0 };
            // Several steps a turn leave the decoder time for the multiply-adds, most of all where a core is shared.
            if turns > 0 {
                let mut turning = walk.in_registers();
                let (mut row, mut left) = (c, turns);
                while left > 0 {
                    let mut now = left;
                    if between > 0 {
                        let out = late(out);
                        ask::<S, NV>(row, out.cols);
                        row = row.wrapping_offset(out.row);
                        now = between.min(left);
                    }
                    left -= now;
                    for _ in 0..now {
                        turning.add_product(&mut sums, 0, S::STEPS);
                        turning.add_product(&mut sums, 1, S::STEPS);
                        if S::STEPS == 4 {
                            turning.add_product(&mut sums, 2, S::STEPS);
                            turning.add_product(&mut sums, 3, S::STEPS);
                        }
                        turning.advance(S::STEPS as isize);
                    }
                }
                walk = walk.at(turning.narrow, turning.wide);
            }
            for _ in turned + S::STEPS * turns..step.depth {
                walk.add_product(&mut sums, 0, 1);
                walk.advance(1);
            }
            let mut to = Out { c, ..*late(out) };
            if blocks {
                let closing = to.closing;
                for v in 0..NV {
                    to.closing = closing.filter(|_| v == NV - 1);
                    store::<S, R, 1>(sums.map(|row| [row[v]]), &to, mask, term);
                    to.old = Old::Times(S::T::ONE);
                }
            } else {
                store::<S, R, NV>(sums, &to, mask, term);
            }
        }
        // SAFETY: the caller's promise. (Not a reference, which would be read before the loop: few registers are left there.)
        let Some(repeat) = (unsafe { repeat.as_ref() }).filter(|repeat| repeat.count > done) else { return };
        done += 1;
        narrow = narrow.wrapping_offset(repeat.narrow);
        wide = wide.wrapping_offset(repeat.wide);
        c = c.wrapping_offset(repeat.c);
        term += repeat.term;
        if !before.is_null() {
            before = before.wrapping_offset(repeat.before);
        }
    }
}

/// Asks for a row of C, line by line.
///
/// # Safety
/// The instruction set is there. An address is asked for, be it valid or not.
#[inline(always)]
unsafe fn ask<S: Simd, const NV: usize>(row: *mut S::T, cols: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        for v in (0..NV).step_by((LINE / size_of::<S::V>()).max(1)) {
            S::prefetch(row.wrapping_add(v * S::LANES));
        }
        S::prefetch(row.wrapping_add(cols - 1));
    }
}

/// Passes every sum of a tile through `f`, which is told its row, its vector and whether that is partial. Partial vectors,
/// which may take branches, have a loop of their own: with them a loop is too long to be unrolled, and what is numbered at
/// run time lies in memory: not the sums.
#[inline(always)]
fn update<S: Simd, const R: usize, const NV: usize>(
    sums: &mut [[S::V; NV]; R],
    whole: bool,
    f: impl Fn(S::V, usize, usize, bool) -> S::V,
) {
    for r in 0..R {
        for v in 0..NV - 1 {
            sums[r][v] = f(sums[r][v], r, v, false);
        }
    }
    let v = NV - 1;
    if whole {
        for r in 0..R {
            sums[r][v] = f(sums[r][v], r, v, false);
        }
    } else {
        for r in 0..R {
            sums[r][v] = f(sums[r][v], r, v, true);
        }
    }
}

/// Stores `fma(alpha, sum, old)`, closed by the `tile`-th of repeated tiles. All of C is loaded before any is stored: a
/// partial vector reaches into the next row, whose load would wait for its store (8×8×8 with beta 1: 34 ns, not 67).
///
/// # Safety
/// As for the tile whose sums these are.
#[inline(always)]
unsafe fn store<S: Simd, const R: usize, const NV: usize>(
    mut sums: [[S::V; NV]; R],
    out: &Out<'_, S::T>,
    mask: S::Mask,
    from_term: isize,
) {
    let at = |r: usize, v: usize| out.c.wrapping_offset(r as isize * out.row).wrapping_add(v * S::LANES);
    let whole = out.cols == NV * S::LANES;
    // SAFETY: the caller's promise.
    unsafe {
        let alpha = S::splat(out.alpha);
        match out.old {
            Old::Constant(x) => {
                let old = S::splat(x);
                update::<S, R, NV>(&mut sums, true, |sum, _, _, _| S::fma(alpha, sum, old));
            }
            Old::Times(beta) => {
                let beta = S::splat(beta);
                update::<S, R, NV>(&mut sums, whole, |sum, r, v, part| {
                    let old = if part { S::load_first(at(r, v), mask) } else { S::load(at(r, v)) };
                    S::fma(alpha, sum, S::mul(beta, old))
                });
            }
        }
        if let Some(closing) = out.closing {
            close::<S, R, NV>(&mut sums, closing, from_term, (!whole).then_some(mask));
        }
        update::<S, R, NV>(&mut sums, whole, |sum, r, v, part| {
            if part {
                S::store_first(at(r, v), sum, mask)
            } else if out.streams {
                S::stream(at(r, v), sum)
            } else {
                S::store(at(r, v), sum)
            }
            sum
        });
    }
}
