//! The micro-kernel, written once: R narrow rows by NV vectors of C live in registers while both operands are walked
//! along the depth by strides. A packed panel is only another set of strides.
#![allow(clippy::needless_range_loop)] // plain indices become constants when unrolled; iterators do not always

pub mod dots;
mod edge;
pub mod epilogue;
mod opaque;
pub mod square;
pub mod stride;
pub mod update;
mod walk;
pub mod weave;

use crate::element::Sealed;
use crate::plan::LINE;
use crate::simd::Simd;
use edge::{Edge, each, update};
use epilogue::{Closing, close};
use opaque::late;
use square::Few;
use walk::{Walk, Way};

/// The operand whose elements are broadcast.
#[derive(Clone, Copy)]
pub struct Narrow<T> {
    pub ptr: *const T,
    /// Elements from one row to the next.
    pub row: isize,
    /// Elements from one depth step to the next. One of the two strides is 1, unless there is one row only. (Of complex numbers
    /// it is half of what leads from number to number, or 1; or else the row stride is 2.)
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
    /// How many of the steps the last of these K-blocks lacks.
    pub short: usize,
    /// Whether the last of adjacent vectors is loaded in part, since nothing may be read beyond an operand.
    pub part: bool,
    /// Whether the imaginary parts of a wide operand of complex numbers come before the real ones, and so do those of the sums.
    pub imaginary_first: bool,
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
    /// Elements of a row to write: more than NV − 1 vectors, at most NV; of complex numbers, whose columns are two elements each,
    /// more than NV − 2.
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
    /// How far beyond its own steps of the wide operand a tile of few, or one that turns it, asks L2 for as many, if at all.
    pub beyond: isize,
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

/// How a tile loads the wide operand: adjacent vectors; vectors of the same columns in several K-blocks; turned in registers, being
/// contiguous along the depth; or whole vectors of the real parts of complex numbers and of their imaginary parts, be they those of
/// B, or those of A, roles being exchanged.
pub const ADJACENT: u8 = 0;
pub const BLOCKS: u8 = 1;
pub const TURNED: u8 = 2;
pub const NUMBERS: u8 = 3;
pub const EXCHANGED: u8 = 4;

/// See [`TileFn`]. The narrow operand is walked along the depth, or across its rows. Loops that load the wide one whole and in part are
/// in one function, most of whose instructions begin and end a tile. (What is decided as `const` is not compiled otherwise.)
#[inline(always)]
pub unsafe fn tile<S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8>(
    step: &Step<S::T>,
    out: &Out<'_, S::T>,
    repeat: *const Repeat,
) {
    let blocks = WIDE == BLOCKS || (WIDE == TURNED && step.apart > 0);
    let last = if const { WIDE >= NUMBERS } { 2 } else { 1 };
    let part = step.part;
    // SAFETY: the instruction set is there.
    let edge = unsafe { Edge::<S>::new(last, if blocks { out.cols } else { out.cols - (NV - last) * S::LANES }) };
    let mut few = Few::NONE;
    let start = Walk::<S, R, NV, ALONG, WIDE>::new(step, out.cols, edge.last(), &mut few);
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
            let beyond = repeat.as_ref().map_or(0, |repeat| if WIDE == TURNED { repeat.beyond } else { 0 });
            let many = step.depth >= S::MANY;
            let between = if const { NV > 1 && WIDE != TURNED } && many { step.depth / S::STEPS / R } else { 0 };
            if between == 0 && (many || ahead != 0) {
                let row = if many { c } else { c.wrapping_offset(ahead) };
                let out = late(out);
                for r in 0..R {
                    ask::<S, NV>(row.wrapping_offset(r as isize * out.row), out.cols);
                }
            }
            let mut sums = [[S::splat(S::T::ZERO); NV]; R];
            if !before.is_null() {
                // (Of tiles that are swept, which are wide, all but the first have sums before. Little ones had taken 4 % longer with this.)
                let beyond = repeat.as_ref().map_or(0, |repeat| repeat.beyond);
                if const { WIDE == ADJACENT && NV > 2 } && beyond != 0 {
                    for p in 0..step.depth {
                        let row = wide.wrapping_offset(beyond).wrapping_offset(p as isize * step.wide.depth);
                        for v in (0..NV).step_by((LINE / size_of::<S::V>()).max(1)) {
                            S::prefetch_far(row.wrapping_add(v * S::LANES));
                        }
                    }
                }
                let (ptr, row) = (before, late(step).before.row);
                update::<S, R, NV>(&mut sums, &edge, |_, r, v, part| {
                    let at = ptr.wrapping_offset(r as isize * row).wrapping_add(v * S::LANES);
                    match part {
                        None => S::load(at),
                        Some(mask) => S::load_first(at, mask),
                    }
                });
            }
            let mut way = Way { narrow, wide, c, depth: step.depth, ahead, beyond, between };
            let ask = |row: *mut S::T| {
                let out = late(out);
                ask::<S, NV>(row, out.cols);
                row.wrapping_offset(out.row)
            };
            if const { WIDE == ADJACENT } && part {
                start.add_all::<true>(&mut sums, way, ask);
            } else {
                // Of a short last block first the steps that all have; then the rest, with another block in its place, for nothing.
                let short = if const { NV > 1 && (WIDE == BLOCKS || WIDE == TURNED) } { step.short } else { 0 };
                let (mut walk, mut last, mut rest) = (start, [S::splat(S::T::ZERO); R], short);
                way.depth -= short;
                loop {
                    walk.add_all::<false>(&mut sums, way, ask);
                    if rest == 0 {
                        break;
                    }
                    for r in 0..R {
                        last[r] = sums[r][NV - 1];
                    }
                    (walk, way) = walk.without_last(way, rest);
                    rest = 0;
                }
                for r in 0..R {
                    sums[r][NV - 1] = if short > 0 { last[r] } else { sums[r][NV - 1] };
                }
            }
            if const { WIDE >= NUMBERS } {
                walk::zip::<S, R, NV>(&mut sums, WIDE == NUMBERS && late(step).imaginary_first);
            }
            let out = late(out);
            // (Constants of tiles that do neither.)
            let closing = if WIDE < NUMBERS { out.closing } else { None };
            let mut to = Out { c, streams: WIDE == ADJACENT && out.streams, closing, ..*out };
            if const { WIDE == BLOCKS || WIDE == TURNED } && blocks {
                for v in 0..NV {
                    to.closing = closing.filter(|_| v == NV - 1);
                    // (Not by `map`, which may remain a call.)
                    let mut block = [[sums[0][0]]; R];
                    for r in 0..R {
                        block[r] = [sums[r][v]];
                    }
                    store::<S, R, 1>(block, &to, &edge, term);
                    to.old = Old::Times(S::T::ONE);
                }
            } else {
                store::<S, R, NV>(sums, &to, &edge, term);
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

/// Stores `fma(alpha, sum, old)`, closed by the `tile`-th of repeated tiles. All of C is loaded before any is stored: a
/// partial vector reaches into the next row, whose load would wait for its store (8×8×8 with beta 1: 34 ns, not 67).
///
/// # Safety
/// As for the tile whose sums these are.
#[inline(always)]
unsafe fn store<S: Simd, const R: usize, const NV: usize>(
    mut sums: [[S::V; NV]; R],
    out: &Out<'_, S::T>,
    edge: &Edge<S>,
    from_term: isize,
) {
    let at = |r: usize, v: usize| out.c.wrapping_offset(r as isize * out.row).wrapping_add(v * S::LANES);
    // SAFETY: the caller's promise.
    unsafe {
        let alpha = S::splat(out.alpha);
        // Multiplied by one is the same: it is added, which takes another unit than multiply-adds do (Zen 4: 512×512×4 with beta 1 1.19 times
        // as fast, 256×256×1 1.17 times). Of a few vectors, asking takes longer (2×2×2: a nanosecond of fifteen).
        let bare = const { R * NV > 8 } && out.alpha == S::T::ONE;
        let load = |r: usize, v: usize, part: Option<S::Mask>| match part {
            None => S::load(at(r, v)),
            Some(mask) => S::load_first(at(r, v), mask),
        };
        match out.old {
            Old::Constant(x) => {
                let old = S::splat(x);
                match bare {
                    true => each::<S, R, NV>(&mut sums, |sum| S::add(sum, old)),
                    false => each::<S, R, NV>(&mut sums, |sum| S::fma(alpha, sum, old)),
                }
            }
            Old::Times(beta) if bare && beta == S::T::ONE => {
                update::<S, R, NV>(&mut sums, edge, |sum, r, v, part| S::add(sum, load(r, v, part)));
            }
            Old::Times(beta) => {
                let beta = S::splat(beta);
                update::<S, R, NV>(&mut sums, edge, |sum, r, v, part| {
                    S::fma(alpha, sum, S::mul(beta, load(r, v, part)))
                });
            }
        }
        if let Some(closing) = out.closing {
            close::<S, R, NV>(&mut sums, closing, from_term, edge);
        }
        update::<S, R, NV>(&mut sums, edge, |sum, r, v, part| {
            match part {
                Some(mask) => S::store_first(at(r, v), sum, mask),
                None if out.streams => S::stream(at(r, v), sum),
                None => S::store(at(r, v), sum),
            }
            sum
        });
    }
}
