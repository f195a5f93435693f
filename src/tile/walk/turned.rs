//! Steps of a wide operand that is contiguous along the depth: squares of it turned in registers, and what fills none.
#![allow(clippy::needless_range_loop)] // as in the tile

use super::{Walk, Way};
use crate::element::Sealed;
use crate::plan::LINE;
use crate::simd::Simd;
use crate::tile::TURNED;
use crate::tile::square;

impl<S: Simd, const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8> Walk<'_, S, R, NV, ALONG, WIDE> {
    /// Whether it turns squares by pairs. (With more rows the processor does not see as far ahead: 8×1000×1000 NT 1/1.17.)
    const PAIRS: bool = S::PAIRS && WIDE == TURNED && NV == 1 && R <= 4;

    /// Turns and adds all steps if they fill a square, and says how many. One vector of few rows may ask for steps ahead.
    ///
    /// # Safety
    /// The steps are there, and so is the instruction set.
    #[inline(always)]
    pub(super) unsafe fn add_turned(&mut self, sums: &mut [[S::V; NV]; R], way: Way<S::T>) -> usize {
        let Way { depth, ahead, beyond, .. } = way;
        if depth < S::TURN {
            return 0;
        }
        self.lane = self.lane.in_registers();
        let (mut left, mut run) = (depth, self.steps_before_lines(depth));
        loop {
            // SAFETY: the caller's promise: those that came before, and those that follow.
            unsafe { self.add_run(sums, run, [ahead, beyond]) };
            left -= run;
            if left == 0 {
                return depth;
            }
            run = left;
        }
    }

    /// How many steps to add on their own, so that no square of the rest is in two cache lines; all of a few. (Those fill twice the cache:
    /// where an allocator's blocks begin, 1×1024×1024 NT takes 1.7 times as long, 8×1024×1024 NT 1.35, f64 4×1024×1024 NT 1.2.)
    #[inline(always)]
    fn steps_before_lines(&self, depth: usize) -> usize {
        let together = const { if Self::PAIRS { 2 * S::TURN } else { S::TURN } };
        let bytes = together * size_of::<S::T>();
        let before = (self.wide as usize).wrapping_neg() % bytes / size_of::<S::T>();
        match before {
            0 => depth,
            _ if depth < 16 * S::TURN || !self.lane.times(1).unsigned_abs().is_multiple_of(bytes) => depth,
            // They are to fill a square.
            _ if before < S::TURN => before + together,
            _ => before,
        }
    }

    /// Turns and adds so many steps, which fill a square, and goes on.
    ///
    /// # Safety
    /// As for `add_turned`.
    #[inline(always)]
    unsafe fn add_run(&mut self, sums: &mut [[S::V; NV]; R], depth: usize, ahead: [isize; 2]) {
        let asks = ahead != [0; 2];
        let mut squares = depth / S::TURN;
        if const { Self::PAIRS } && self.lanes == S::LANES {
            for _ in 0..squares / 2 {
                if asks {
                    self.ask(ahead);
                }
                // SAFETY: the caller's promise.
                unsafe { self.add_pair(sums) };
            }
            squares %= 2;
        }
        if const { NV == 1 && !Self::PAIRS } && asks && self.lanes == S::LANES {
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
            self.advance(S::TURN as isize);
        }
    }

    /// Asks for the elements so far ahead of every lane, of each a line farther than of the one before: where they are pages apart, no
    /// two begin a page at once. Or L2 for those beyond.
    #[inline(always)]
    fn ask(&self, [ahead, beyond]: [isize; 2]) {
        let first = self.wide.wrapping_offset(ahead.wrapping_add(beyond));
        for lane in 0..S::LANES {
            let at = first.wrapping_byte_offset(self.lane.times(1).wrapping_mul(lane as isize));
            let at = at.wrapping_byte_add(lane * LINE);
            // SAFETY: an address is asked for, be it valid or not.
            unsafe { if beyond != 0 { S::prefetch_far(at) } else { S::prefetch(at) } };
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
    pub(super) unsafe fn gather(&self, v: usize) -> S::V {
        // SAFETY: the step is there, and so are the lanes; no vector is longer.
        unsafe {
            let src = self.wide.offset(self.wide_nth(v));
            S::load(gather(src, self.lane.times(1), self.lanes - v * self.own_lanes).as_ptr())
        }
    }
}

/// So many elements from there on, `lane` bytes apart, the last of them repeated: a K-block's few steps that fill no square.
/// Not inlined: what a tile would know of all lanes beforehand is most of a short one (1×16×16 NT 1.4 times as fast, 1×64×64 1.1).
///
/// # Safety
/// They are there.
#[inline(never)]
pub unsafe fn gather<T: Sealed>(src: *const T, lane: isize, lanes: usize) -> [T; 16] {
    let mut elements = [T::ZERO; 16];
    for (i, element) in elements.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *element = unsafe { *src.byte_offset(i.min(lanes - 1) as isize * lane) };
    }
    elements
}
