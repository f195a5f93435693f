//! The way of a tile along the depth: from where it loads both operands, and how a step is added to the sums.
#![allow(clippy::needless_range_loop)] // as in the tile

mod numbers;
mod turned;

pub use numbers::zip;
pub use turned::gather;

use super::opaque::apart;
use super::square::Few;
use super::stride::Stride;
use super::{BLOCKS, NUMBERS, Step, TURNED};
use crate::element::Sealed;
use crate::simd::Simd;

/// Where in both operands a tile is. It walks the narrow one along the depth, or across its rows.
#[derive(Clone, Copy)]
pub struct Walk<'f, S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8> {
    narrow: *const S::T,
    /// Its ninth row, if it is contiguous along the depth: up to there x86-64 counts from one pointer.
    ninth: *const S::T,
    /// From row to row, if the narrow side is contiguous along the depth, and from step to step, if it is not.
    narrow_row: Stride,
    narrow_step: Stride,
    /// From one K-block to the next, if vectors are K-blocks, and from the first to the last.
    narrow_vector: isize,
    narrow_last: isize,
    wide: *const S::T,
    wide_step: Stride,
    /// If it is turned: its lanes and the distance between them, lanes of a vector that no other has, and from vector
    /// to vector, and from the first to the last.
    lanes: usize,
    lane: Stride,
    own_lanes: usize,
    wide_vector: isize,
    wide_last: isize,
    /// Where the rows of its last vector are, if it has fewer than lanes.
    few: &'f Few,
    mask: S::Mask,
}

/// The way of one tile: where it begins, its steps, how far ahead of itself a tile that turns the wide operand asks for it, and
/// after how many runs of [`Simd::STEPS`] steps a tile asks for the next row of C, if at all.
#[derive(Clone, Copy)]
pub struct Way<T> {
    pub narrow: *const T,
    pub wide: *const T,
    pub c: *mut T,
    pub depth: usize,
    pub ahead: isize,
    /// The same, but by L2.
    pub beyond: isize,
    pub between: usize,
}

impl<'f, S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8> Walk<'f, S, R, NV, ALONG, WIDE> {
    /// Whether vectors may be K-blocks.
    const BLOCKS: bool = WIDE == BLOCKS || WIDE == TURNED;

    #[inline(always)]
    pub fn new(step: &Step<S::T>, lanes: usize, mask: S::Mask, few: &'f mut Few) -> Self {
        let Step { narrow, wide, .. } = step;
        let apart = step.apart as isize;
        let narrow_step = if ALONG { 1 } else { narrow.depth };
        let (own_lanes, wide_vector) = match WIDE == BLOCKS || apart > 0 {
            true => (0, apart.wrapping_mul(wide.depth)),
            false => (S::LANES, wide.lane.wrapping_mul(S::LANES as isize)),
        };
        let narrow_vector = apart.wrapping_mul(narrow_step);
        let lane = Stride::new::<S::T>(wide.lane);
        if const { WIDE == TURNED } && lanes - (NV - 1) * own_lanes < S::LANES {
            *few = Few::rows(&lane, lanes - (NV - 1) * own_lanes);
        }
        Walk {
            narrow: narrow.ptr,
            ninth: narrow.ptr,
            narrow_row: Stride::new::<S::T>(narrow.row),
            narrow_step: Stride::new::<S::T>(narrow_step),
            narrow_vector,
            narrow_last: narrow_vector.wrapping_mul(NV as isize - 1),
            wide: wide.ptr,
            wide_step: Stride::new::<S::T>(wide.depth),
            lanes,
            lane,
            own_lanes,
            wide_vector,
            wide_last: wide_vector.wrapping_mul(NV as isize - 1),
            few,
            mask,
        }
    }

    /// Adds all steps of a tile, the last wide vector being loaded whole or in part, and hands each row of C that it is to ask for to
    /// `ask`, which says which is next.
    ///
    /// # Safety
    /// The steps are there, and so is the instruction set.
    #[inline(always)]
    pub unsafe fn add_all<const PART: bool>(
        mut self,
        sums: &mut [[S::V; NV]; R],
        way: Way<S::T>,
        ask: impl Fn(*mut S::T) -> *mut S::T,
    ) {
        self.go_to(way.narrow, way.wide);
        // SAFETY: the caller's promise.
        unsafe {
            let mut added = 0;
            if const { WIDE == TURNED } {
                added = self.add_turned(sums, way);
            } else if way.depth >= S::STEPS {
                // Several steps a turn leave the decoder time for the multiply-adds, most of all where a core is shared.
                let mut turning = self.in_registers();
                let (mut row, mut left) = (way.c, way.depth / S::STEPS);
                added = S::STEPS * left;
                while left > 0 {
                    let mut now = left;
                    if way.between > 0 {
                        row = ask(row);
                        now = way.between.min(left);
                    }
                    left -= now;
                    for _ in 0..now {
                        turning.add_steps::<PART>(sums, 0, S::STEPS);
                        if const { S::STEPS == 4 } {
                            turning.add_steps::<PART>(sums, 2, S::STEPS);
                        }
                        turning.advance(S::STEPS as isize);
                    }
                }
                self.go_to(turning.narrow, turning.wide);
            }
            if const { WIDE >= NUMBERS } {
                for _ in (added..way.depth).step_by(2) {
                    self.add_steps::<PART>(sums, 0, 2);
                    self.advance(2);
                }
            } else {
                for _ in added..way.depth {
                    self.add_product::<PART>(sums, 0, 1);
                    self.advance(1);
                }
            }
        }
    }

    /// For `steps` more, which the last K-block lacks: the one before it is in its place.
    #[inline(always)]
    pub fn without_last(self, way: Way<S::T>, steps: usize) -> (Self, Way<S::T>) {
        let after = |step: &Stride| step.times(1).wrapping_mul(way.depth as isize);
        let narrow = way.narrow.wrapping_byte_offset(after(&self.narrow_step));
        let wide = way.wide.wrapping_byte_offset(after(&self.wide_step));
        let walk = Walk {
            narrow_last: self.narrow_last.wrapping_sub(self.narrow_vector),
            wide_last: self.wide_last.wrapping_sub(self.wide_vector),
            ..self
        };
        (walk, Way { narrow, wide, depth: steps, between: 0, ..way })
    }

    /// From the first of the wide vectors, if they are apart, to another.
    #[inline(always)]
    fn wide_nth(&self, v: usize) -> isize {
        if v == NV - 1 { self.wide_last } else { v as isize * self.wide_vector }
    }

    /// Goes on from there.
    #[inline(always)]
    fn go_to(&mut self, narrow: *const S::T, wide: *const S::T) {
        (self.narrow, self.wide) = (narrow, wide);
        if const { ALONG && R > 8 } {
            self.ninth = apart(narrow.wrapping_byte_offset(self.narrow_row.times(8)));
        }
    }

    /// The same with its strides in registers of their own, for a loop that is worth it.
    #[inline(always)]
    fn in_registers(self) -> Self {
        Walk {
            narrow_row: self.narrow_row.in_registers(),
            narrow_step: self.narrow_step.in_registers(),
            wide_step: self.wide_step.in_registers(),
            ..self
        }
    }

    /// Adds two steps from the `ahead`-th on, which is an even one: of complex numbers one.
    ///
    /// # Safety
    /// As for `add_product`.
    #[inline(always)]
    unsafe fn add_steps<const PART: bool>(&self, sums: &mut [[S::V; NV]; R], ahead: usize, steps: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            if const { WIDE >= NUMBERS } {
                self.add_numbers(sums, ahead, steps);
            } else {
                self.add_product::<PART>(sums, ahead, steps);
                self.add_product::<PART>(sums, ahead + 1, steps);
            }
        }
    }

    /// Adds the outer product of the operands' elements at the `ahead`-th depth step from here to the sums.
    ///
    /// # Safety
    /// `steps` steps are there, more than `ahead`, and so is the instruction set.
    #[inline(always)]
    unsafe fn add_product<const PART: bool>(&self, sums: &mut [[S::V; NV]; R], ahead: usize, steps: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let wide = self.wide.byte_offset(self.wide_step.times(ahead));
            let mut w = [S::splat(S::T::ZERO); NV];
            for v in 0..NV {
                let at = wide.offset(if Self::BLOCKS { self.wide_nth(v) } else { (v * S::LANES) as isize });
                w[v] = match WIDE {
                    BLOCKS => S::load_first(at, self.mask),
                    TURNED => self.gather(v),
                    _ if PART && v == NV - 1 => S::load_first(at, self.mask),
                    _ => S::load(at),
                };
            }
            // Two loops: one of 15 rows is too long to be unrolled.
            for r in 0..R.min(8) {
                self.add_row(&mut sums[r], &w, r, ahead, steps);
            }
            for r in 8..R {
                self.add_row(&mut sums[r], &w, r, ahead, steps);
            }
        }
    }

    /// Row `r` of it.
    #[inline(always)]
    unsafe fn add_row(&self, sums: &mut [S::V; NV], wide: &[S::V; NV], r: usize, ahead: usize, steps: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let x = self.broadcast(r, 0, ahead, steps);
            for v in 0..NV {
                let x = if Self::BLOCKS { self.broadcast(r, v, ahead, steps) } else { x };
                sums[v] = S::fma(x, wide[v], sums[v]);
            }
        }
    }

    /// The narrow element of a row that meets vector `v` at the `ahead`-th step from here, of `steps` that are there.
    #[inline(always)]
    unsafe fn broadcast(&self, r: usize, v: usize, ahead: usize, steps: usize) -> S::V {
        let block = match v {
            _ if !Self::BLOCKS => 0,
            _ if v == NV - 1 => self.narrow_last,
            _ => v as isize * self.narrow_vector,
        };
        // SAFETY: the caller's promise.
        unsafe {
            let across = self.narrow.byte_offset(self.narrow_step.times(ahead));
            match ALONG {
                true => {
                    let (from, r) = if r < 8 { (self.narrow, r) } else { (self.ninth, r - 8) };
                    S::splat_nth(from.byte_offset(self.narrow_row.times(r)).offset(block), ahead, steps)
                }
                false => S::splat_nth(across.offset(block), r, R),
            }
        }
    }

    #[inline(always)]
    fn advance(&mut self, steps: isize) {
        let narrow = match ALONG {
            true => self.narrow.wrapping_offset(steps),
            false => self.narrow.wrapping_byte_offset(steps * self.narrow_step.times(1)),
        };
        self.go_to(narrow, self.wide.wrapping_byte_offset(steps * self.wide_step.times(1)));
    }
}
