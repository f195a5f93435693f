//! The way of a tile along the depth: from where it loads both operands, and how a step is added to the sums.
#![allow(clippy::needless_range_loop)] // as in the tile

mod numbers;

pub use numbers::zip;

use super::opaque::apart;
use super::square::{self, Few};
use super::stride::Stride;
use super::{BLOCKS, NUMBERS, Step, TURNED};
use crate::element::Sealed;
use crate::plan::LINE;
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
    pub between: usize,
}

impl<'f, S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8> Walk<'f, S, R, NV, ALONG, WIDE> {
    /// Whether vectors may be K-blocks.
    const BLOCKS: bool = WIDE == BLOCKS || WIDE == TURNED;
    /// Whether it turns squares by pairs. (With more rows the processor does not see as far ahead: 8×1000×1000 NT 1/1.17.)
    const PAIRS: bool = S::PAIRS && WIDE == TURNED && NV == 1 && R <= 4;

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
                added = self.add_turned(sums, way.depth, way.ahead);
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

    /// Turns and adds all steps if they fill a square, and says how many. One vector of few rows may ask for steps ahead.
    ///
    /// # Safety
    /// The steps are there, and so is the instruction set.
    #[inline(always)]
    unsafe fn add_turned(&mut self, sums: &mut [[S::V; NV]; R], depth: usize, ahead: isize) -> usize {
        if depth < S::TURN {
            return 0;
        }
        self.lane = self.lane.in_registers();
        let mut squares = depth / S::TURN;
        if const { Self::PAIRS } && self.lanes == S::LANES {
            for _ in 0..squares / 2 {
                if ahead != 0 {
                    self.ask(ahead);
                }
                // SAFETY: the caller's promise.
                unsafe { self.add_pair(sums) };
            }
            squares %= 2;
        }
        if const { NV == 1 && !Self::PAIRS } && ahead != 0 && self.lanes == S::LANES {
            for _ in 0..squares {
                self.ask(ahead);
                // SAFETY: the caller's promise.
                unsafe { self.add_squares(sums, 0, true) };
                self.advance(S::TURN as isize);
            }
        } else {
            for _ in 0..squares {
                // SAFETY: the caller's promise.
                unsafe { self.add_square(sums, 0) };
                self.advance(S::TURN as isize);
            }
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

    /// Asks for the elements so far ahead of every lane, of each a line farther than of the one before: where they are pages apart, no
    /// two begin a page at once.
    #[inline(always)]
    fn ask(&self, ahead: isize) {
        let first = self.wide.wrapping_offset(ahead);
        for lane in 0..S::LANES {
            let at = first.wrapping_byte_offset(self.lane.times(1).wrapping_mul(lane as isize));
            // SAFETY: an address is asked for, be it valid or not.
            unsafe { S::prefetch(at.wrapping_byte_add(lane * LINE)) };
        }
    }

    /// Turns two squares of whole lanes, adds their steps and goes on.
    ///
    /// # Safety
    /// The steps are there, and so is the instruction set.
    #[inline(always)]
    unsafe fn add_pair(&mut self, sums: &mut [[S::V; NV]; R]) {
        // SAFETY: the caller's promise.
        unsafe {
            let [first, second] = square::turn_pair::<S>(self.wide, &self.lane);
            self.add_columns(sums, 0, &first, 0, 0);
            self.add_columns(sums, 0, &first, 4, 0);
            self.advance(S::TURN as isize);
            self.add_columns(sums, 0, &second, 0, 0);
            self.add_columns(sums, 0, &second, 4, 0);
            self.advance(S::TURN as isize);
        }
    }

    /// Turns a square and adds its steps but for the first `skipped`. The vectors take turns: the sums of each are a chain
    /// of dependent additions, and the processor looks only a square or two ahead.
    ///
    /// # Safety
    /// The steps are there, and so is the instruction set.
    #[inline(always)]
    unsafe fn add_square(&self, sums: &mut [[S::V; NV]; R], skipped: usize) {
        // SAFETY: the caller's promise. The same twice, the first without what few rows take.
        unsafe {
            match self.lanes == (NV - 1) * self.own_lanes + S::LANES {
                true => self.add_squares(sums, skipped, true),
                false => self.add_squares(sums, skipped, false),
            }
        }
    }

    /// The same of every vector, all of whole lanes or not.
    #[inline(always)]
    unsafe fn add_squares(&self, sums: &mut [[S::V; NV]; R], skipped: usize, whole: bool) {
        const { assert!((NV <= 4 && S::TURN <= 8) || WIDE != TURNED) }
        // A loop would be too long to be unrolled, and the sums lie in memory.
        // SAFETY: the caller's promise.
        unsafe {
            self.add_square_to(sums, 0, skipped, whole);
            if const { NV > 1 } {
                self.add_square_to(sums, 1, skipped, whole);
            }
            if const { NV > 2 } {
                self.add_square_to(sums, 2, skipped, whole);
            }
            if const { NV > 3 } {
                self.add_square_to(sums, 3, skipped, whole);
            }
        }
    }

    /// The same for the sums of one vector.
    #[inline(always)]
    unsafe fn add_square_to(&self, sums: &mut [[S::V; NV]; R], v: usize, skipped: usize, whole: bool) {
        let src = self.wide.wrapping_offset(self.wide_nth(v));
        // SAFETY: the caller's promise.
        unsafe {
            let columns = match whole || self.lanes - v * self.own_lanes >= S::LANES {
                true => square::turn::<S>(src, &self.lane),
                false => self.few.turn::<S>(src),
            };
            // One loop would be too long to be unrolled (5×132×75 TT 1.4 times as fast).
            self.add_columns(sums, v, &columns, 0, skipped);
            self.add_columns(sums, v, &columns, 4, skipped);
        }
    }

    /// Adds four of its steps from there on, but for the first `skipped` of them all.
    #[inline(always)]
    unsafe fn add_columns(
        &self,
        sums: &mut [[S::V; NV]; R],
        v: usize,
        columns: &S::Columns,
        from: usize,
        skipped: usize,
    ) {
        for c in from..S::TURN.min(from + 4) {
            if c < skipped {
                continue;
            }
            // SAFETY: the caller's promise. (Two loops, as above.)
            unsafe {
                for r in 0..R.min(8) {
                    sums[r][v] = S::fma(self.broadcast(r, v, c, S::TURN), columns[c], sums[r][v]);
                }
                for r in 8..R {
                    sums[r][v] = S::fma(self.broadcast(r, v, c, S::TURN), columns[c], sums[r][v]);
                }
            }
        }
    }

    /// One step of vector `v`, lane by lane.
    #[inline(always)]
    unsafe fn gather(&self, v: usize) -> S::V {
        // SAFETY: the step is there, and so are the lanes; no vector is longer.
        unsafe {
            let src = self.wide.offset(self.wide_nth(v));
            S::load(gather(src, self.lane.times(1), self.lanes - v * self.own_lanes).as_ptr())
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

/// So many elements from there on, `lane` bytes apart, the last of them repeated: a K-block's few steps that fill no square.
/// Not inlined: what a tile would know of all lanes beforehand is most of a short one (1×16×16 NT 1.4 times as fast, 1×64×64 1.1).
///
/// # Safety
/// They are there.
#[inline(never)]
unsafe fn gather<T: Sealed>(src: *const T, lane: isize, lanes: usize) -> [T; 16] {
    let mut elements = [T::ZERO; 16];
    for (i, element) in elements.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *element = unsafe { *src.byte_offset(i.min(lanes - 1) as isize * lane) };
    }
    elements
}
