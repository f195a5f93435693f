//! The micro-kernel, written once: R narrow rows by NV vectors of C live in registers while both operands are walked
//! along the depth by strides. A packed panel is only another set of strides.
#![allow(clippy::needless_range_loop)] // plain indices become constants when unrolled; iterators do not always

pub mod epilogue;
mod stride;

use crate::element::Sealed;
use crate::plan::LINE;
use crate::simd::Simd;
use epilogue::{Closing, close};
use stride::{Stride, apart};

/// The operand whose elements are broadcast.
#[derive(Clone, Copy)]
pub struct Narrow<T> {
    pub ptr: *const T,
    /// Elements from one row to the next.
    pub row: isize,
    /// Elements from one depth step to the next. One of the two strides is 1, unless there is one row only.
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
    /// 0; or the vectors of a turning tile are not adjacent columns, but K-blocks of the same ones, so many steps apart.
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
/// term of the closing.
#[derive(Clone, Copy)]
pub struct Repeat {
    pub count: usize,
    pub narrow: isize,
    pub wide: isize,
    pub before: isize,
    pub c: isize,
    pub term: isize,
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

/// How a tile loads the wide operand: whole vectors; the last one in part, since nothing may be read beyond an operand;
/// or turned in registers, being contiguous along the depth.
pub const WHOLE: u8 = 0;
pub const PART: u8 = 1;
pub const TURNED: u8 = 2;

/// See [`TileFn`]. `ALONG`: the narrow side is contiguous along the depth.
#[inline(always)]
pub unsafe fn tile<S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8>(
    step: &Step<S::T>,
    out: &Out<'_, S::T>,
    repeat: *const Repeat,
) {
    let blocks = WIDE == TURNED && step.apart > 0;
    let last = if blocks { out.cols } else { out.cols - (NV - 1) * S::LANES };
    // SAFETY: the instruction set is there.
    let mask = unsafe { S::first(last) };
    let whole = out.cols == NV * S::LANES;
    let start = Walk::<S, R, NV, ALONG, WIDE>::new(step, out.cols, mask);
    let (mut narrow, mut wide, mut c) = (step.narrow.ptr, step.wide.ptr, out.c);
    let (mut before, mut term, mut done) = (step.before.ptr, 0, 1);
    loop {
        // SAFETY: all pointers stay within what the caller promises.
        unsafe {
            // C is written last, but asked for first, line by line: it comes while the sums are made.
            if step.depth > 16 {
                let out = late(out);
                for r in 0..R {
                    let row = c.offset(r as isize * out.row);
                    for v in (0..NV).step_by((LINE / size_of::<S::V>()).max(1)) {
                        S::prefetch(row.wrapping_add(v * S::LANES));
                    }
                    S::prefetch(row.add(out.cols - 1));
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
            let turned = if WIDE == TURNED { walk.add_turned(&mut sums, step.depth) } else { 0 };
            // Several steps a turn leave the decoder time for the multiply-adds, most of all where a core is shared.
            let turns = if WIDE != TURNED { step.depth / S::STEPS } else { 0 };
            if turns > 0 {
                let mut turning = walk.in_registers();
                for _ in 0..turns {
                    turning.add_product(&mut sums, 0, S::STEPS);
                    turning.add_product(&mut sums, 1, S::STEPS);
                    if S::STEPS == 4 {
                        turning.add_product(&mut sums, 2, S::STEPS);
                        turning.add_product(&mut sums, 3, S::STEPS);
                    }
                    turning.advance(S::STEPS as isize);
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

/// `x`, which is not to be read, nor anything computed from it, before: at the start of a tile that would take registers that
/// are not there (8×8×8: a twelfth of the instructions).
#[inline(always)]
fn late<T>(x: &T) -> &T {
    #[cfg(target_arch = "x86_64")]
    #[allow(clippy::pointers_in_nomem_asm_block)] // nothing is read there
    let x = {
        let mut ptr = core::ptr::from_ref(x);
        // SAFETY: no instruction at all: the same pointer.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) ptr, options(nomem, nostack, preserves_flags));
            &*ptr
        }
    };
    x
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
            } else {
                S::store(at(r, v), sum)
            }
            sum
        });
    }
}

/// Where in both operands a tile is.
#[derive(Clone, Copy)]
struct Walk<S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8> {
    narrow: *const S::T,
    /// Its ninth row, if it is contiguous along the depth: up to there x86-64 counts from one pointer.
    ninth: *const S::T,
    /// From row to row, if the narrow side is contiguous along the depth, and from step to step, if it is not.
    narrow_row: Stride,
    narrow_step: Stride,
    /// From one K-block to the next, if vectors are K-blocks.
    narrow_vector: isize,
    wide: *const S::T,
    wide_step: Stride,
    /// If it is turned: its lanes and the distance between them, lanes of a vector that no other has, and from vector
    /// to vector.
    lanes: usize,
    lane: isize,
    own_lanes: usize,
    wide_vector: isize,
    mask: S::Mask,
}

impl<S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8> Walk<S, R, NV, ALONG, WIDE> {
    #[inline(always)]
    fn new(step: &Step<S::T>, lanes: usize, mask: S::Mask) -> Self {
        let Step { narrow, wide, .. } = step;
        let apart = step.apart as isize;
        let narrow_step = if ALONG { 1 } else { narrow.depth };
        let (own_lanes, wide_vector) =
            if apart > 0 { (0, apart) } else { (S::LANES, wide.lane.wrapping_mul(S::LANES as isize)) };
        Walk {
            narrow: narrow.ptr,
            ninth: narrow.ptr,
            narrow_row: Stride::new::<S::T>(narrow.row),
            narrow_step: Stride::new::<S::T>(narrow_step),
            narrow_vector: apart * narrow_step,
            wide: wide.ptr,
            wide_step: Stride::new::<S::T>(wide.depth),
            lanes,
            lane: wide.lane,
            own_lanes,
            wide_vector,
            mask,
        }
    }

    /// The same from there on.
    #[inline(always)]
    fn at(self, narrow: *const S::T, wide: *const S::T) -> Self {
        let ninth = if ALONG && R > 8 { apart(narrow.wrapping_byte_offset(self.narrow_row.times(8))) } else { narrow };
        Walk { narrow, ninth, wide, ..self }
    }

    /// The same, for a loop that is worth it.
    #[inline(always)]
    fn in_registers(self) -> Self {
        Walk {
            narrow_row: self.narrow_row.in_registers(),
            narrow_step: self.narrow_step.in_registers(),
            wide_step: self.wide_step.in_registers(),
            ..self
        }
    }

    /// Adds the outer product of the operands' elements at the `ahead`-th depth step from here to the sums.
    ///
    /// # Safety
    /// `steps` steps are there, more than `ahead`, and so is the instruction set.
    #[inline(always)]
    unsafe fn add_product(&self, sums: &mut [[S::V; NV]; R], ahead: usize, steps: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let wide = self.wide.byte_offset(self.wide_step.times(ahead));
            let mut w = [S::splat(S::T::ZERO); NV];
            for v in 0..NV {
                let at = wide.add(v * S::LANES);
                w[v] = match WIDE {
                    PART if v == NV - 1 => S::load_first(at, self.mask),
                    TURNED => self.gather(v),
                    _ => S::load(at),
                };
            }
            let mut add_row = |r: usize| {
                let x = self.broadcast(r, 0, ahead, steps);
                for v in 0..NV {
                    let x = if WIDE == TURNED { self.broadcast(r, v, ahead, steps) } else { x };
                    sums[r][v] = S::fma(x, w[v], sums[r][v]);
                }
            };
            // Two loops: one of 15 rows is too long to be unrolled.
            for r in 0..R.min(8) {
                add_row(r);
            }
            for r in 8..R {
                add_row(r);
            }
        }
    }

    /// The narrow element of a row that meets vector `v` at the `ahead`-th step from here, of `steps` that are there.
    #[inline(always)]
    unsafe fn broadcast(&self, r: usize, v: usize, ahead: usize, steps: usize) -> S::V {
        let block = if WIDE == TURNED { v as isize * self.narrow_vector } else { 0 };
        // SAFETY: the caller's promise.
        unsafe {
            match ALONG {
                true => {
                    let (from, r) = if r < 8 { (self.narrow, r) } else { (self.ninth, r - 8) };
                    S::splat_nth(from.byte_offset(self.narrow_row.times(r)).offset(block), ahead, steps)
                }
                false => S::splat_nth(self.narrow.byte_offset(self.narrow_step.times(ahead)).offset(block), r, R),
            }
        }
    }

    /// Turns and adds all steps if they fill a square, and says how many.
    ///
    /// # Safety
    /// The steps are there, and so is the instruction set.
    #[inline(always)]
    unsafe fn add_turned(&mut self, sums: &mut [[S::V; NV]; R], depth: usize) -> usize {
        if depth < S::TURN {
            return 0;
        }
        for _ in 0..depth / S::TURN {
            // SAFETY: the caller's promise.
            unsafe { self.add_square(sums, 0) };
            self.advance(S::TURN as isize);
        }
        let rest = depth % S::TURN;
        if rest > 0 {
            // The last square overlaps the one before it.
            self.advance(rest as isize - S::TURN as isize);
            // SAFETY: the caller's promise: that many steps came before.
            unsafe { self.add_square(sums, S::TURN - rest) };
        }
        depth
    }

    /// Turns a square and adds its steps but for the first `skipped`. The vectors take turns: the sums of each are a chain
    /// of dependent additions, and the processor looks only a square or two ahead.
    ///
    /// # Safety
    /// The steps are there, and so is the instruction set.
    #[inline(always)]
    unsafe fn add_square(&self, sums: &mut [[S::V; NV]; R], skipped: usize) {
        // SAFETY: the caller's promise. The same twice: the compiler drops the repeating of lanes from the first.
        unsafe {
            match self.lanes == (NV - 1) * self.own_lanes + S::LANES {
                true => self.add_squares(sums, skipped, |_| S::LANES),
                false => self.add_squares(sums, skipped, |v| self.lanes - v * self.own_lanes),
            }
        }
    }

    /// The same, of vectors of so many runs.
    #[inline(always)]
    unsafe fn add_squares(&self, sums: &mut [[S::V; NV]; R], skipped: usize, runs: impl Fn(usize) -> usize) {
        const { assert!(NV <= 4 || WIDE != TURNED) }
        // A loop would be too long to be unrolled, and the sums lie in memory.
        // SAFETY: the caller's promise.
        unsafe {
            self.add_square_to(sums, 0, skipped, runs(0));
            if NV > 1 {
                self.add_square_to(sums, 1, skipped, runs(1));
            }
            if NV > 2 {
                self.add_square_to(sums, 2, skipped, runs(2));
            }
            if NV > 3 {
                self.add_square_to(sums, 3, skipped, runs(3));
            }
        }
    }

    /// The same for the sums of one vector.
    #[inline(always)]
    unsafe fn add_square_to(&self, sums: &mut [[S::V; NV]; R], v: usize, skipped: usize, runs: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let columns = S::turn(self.wide.offset(v as isize * self.wide_vector), self.lane, runs);
            for c in 0..S::TURN {
                for r in 0..R {
                    if c >= skipped {
                        sums[r][v] = S::fma(self.broadcast(r, v, c, S::TURN), columns[c], sums[r][v]);
                    }
                }
            }
        }
    }

    /// One step of vector `v`, lane by lane.
    #[inline(always)]
    unsafe fn gather(&self, v: usize) -> S::V {
        let mut lanes = [S::T::ZERO; 16];
        for i in 0..S::LANES {
            let lane = i.min(self.lanes - v * self.own_lanes - 1);
            // SAFETY: the step is there, and so is the lane.
            lanes[i] = unsafe { *self.wide.offset(v as isize * self.wide_vector + lane as isize * self.lane) };
        }
        // SAFETY: no vector is longer.
        unsafe { S::load(lanes.as_ptr()) }
    }

    #[inline(always)]
    fn advance(&mut self, steps: isize) {
        self.wide = self.wide.wrapping_byte_offset(steps * self.wide_step.times(1));
        let narrow = match ALONG {
            true => self.narrow.wrapping_offset(steps),
            false => self.narrow.wrapping_byte_offset(steps * self.narrow_step.times(1)),
        };
        *self = self.at(narrow, self.wide);
    }
}
