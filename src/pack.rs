//! The panel routines: a strip of an operand copied to `depth` groups of `width` adjacent elements, in the order a
//! tile walks it. One of four ways: rows copied, squares transposed in registers, elements dealt out, or gathered.

#![allow(clippy::needless_range_loop)] // plain indices become constants when unrolled

use crate::element::Sealed;
use crate::plan::LINE;
use crate::simd::Simd;
use crate::tile::square::{self, Few};
use crate::tile::stride::Stride;

/// Elements beyond a panel that may be overwritten: vectors are stored whole, each over the garbage that the one before
/// it left behind the last lane of a group. (Storing partial vectors halved the speed.)
pub const SLACK: usize = 64;

/// How many steps before it is copied a step is asked for: each is far from the last, which no processor foresees (512×512×2048
/// TN 1.06 times as fast).
const AHEAD: isize = 32;

/// Lanes whose lines are read in turn: processors foresee so many streams, or fewer, and wait for L3 or memory at each line of more (Zen 5:
/// 16×4096×4096 NT 1.24 times as fast by 32 as with all 96 lanes of a strip; Zen 4: by 16, not 32, 24×3072×768 NT 1.2 times, 64×2048×2048
/// NT 1.14 times, f64 1.36 and 1.1 times).
const STREAMS: usize = 16;

/// What to copy where.
pub struct Panel<T> {
    pub src: *const T,
    /// Elements of the source from one lane (a row of the tile's strip) to the next.
    pub lane: isize,
    /// Elements of the source from one depth step to the next.
    pub step: isize,
    /// Lanes there are.
    pub lanes: usize,
    pub depth: usize,
    pub dst: *mut T,
    /// Elements of a group: at least `lanes`. What the rest of a group holds is never used.
    pub width: usize,
}

/// # Safety
/// The instruction set of the kernel is there; the source holds `lanes`·`depth` elements, at least one; the destination
/// has room for `width`·`depth` and [`SLACK`] more, which become garbage.
pub type PackFn<T> = unsafe fn(&Panel<T>);

/// See [`PackFn`]. Panels of whole vectors of `L` turn its squares, the others those of `S`.
#[inline(always)]
pub unsafe fn pack<S: Simd, L: Simd<T = S::T>>(panel: &Panel<S::T>) {
    let large = L::LANES > S::LANES && panel.depth >= L::TURN && panel.width.is_multiple_of(L::LANES);
    // SAFETY: as the caller promises.
    unsafe {
        match (panel.lane, panel.step, panel.depth) {
            (1, ..) => copy::<S>(panel),
            (_, 1, _) if large => transpose::<L>(panel),
            (_, 1, depth) if depth >= S::TURN => transpose::<S>(panel),
            (2, 1, 2) => deal::<S::T, 2>(panel),
            (3, 1, 3) => deal::<S::T, 3>(panel),
            _ => gather::<S>(panel),
        }
    }
}

/// The source is contiguous along the width.
#[inline(always)]
unsafe fn copy<S: Simd>(p: &Panel<S::T>) {
    let whole = p.lanes / S::LANES * S::LANES;
    // SAFETY: `lanes` elements of each group are read, in whole vectors and one partial one; the slack follows.
    unsafe {
        let mask = S::first(p.lanes - whole);
        let (mut src, mut dst) = (p.src, p.dst);
        for _ in 0..p.depth {
            for at in (0..p.lanes).step_by(LINE / size_of::<S::T>()) {
                S::prefetch(src.wrapping_offset(AHEAD * p.step).wrapping_add(at));
            }
            for at in (0..whole).step_by(S::LANES) {
                S::store(dst.add(at), S::load(src.add(at)));
            }
            if whole < p.lanes {
                S::store(dst.add(whole), S::load_first(src.add(whole), mask));
            }
            // Padding is a number, so that no step of an unused lane is slow.
            for at in (p.lanes.next_multiple_of(S::LANES)..p.width).step_by(S::LANES) {
                S::store(dst.add(at), S::splat(S::T::ZERO));
            }
            src = src.wrapping_offset(p.step);
            dst = dst.wrapping_add(p.width);
        }
    }
}

/// The source is contiguous along the depth: squares are turned in registers, a cache line's steps of all lanes at a
/// time. (Lanes a power of two apart share a cache set: a line must be used up before those of the next lanes come.) There
/// are at least as many steps as a square has.
#[inline(always)]
unsafe fn transpose<S: Simd>(p: &Panel<S::T>) {
    let line = LINE / size_of::<S::T>();
    let lane = Stride::new::<S::T>(p.lane).in_registers();
    // The first steps may begin anywhere in a line.
    let in_lines = p.lane.wrapping_mul(size_of::<S::T>() as isize) % LINE as isize == 0;
    let before = if in_lines { (p.src as usize).wrapping_neg() % LINE / size_of::<S::T>() } else { 0 };
    let last = (p.lanes - 1) / S::LANES * S::LANES;
    let few = Few::rows(&lane, p.lanes - last);
    // Otherwise the last lanes' garbage would spoil the first lanes of the next group, which are written before.
    debug_assert!(p.width <= STREAMS || p.width.is_multiple_of(S::LANES));
    for start in (0..p.width).step_by(STREAMS) {
        let mut from = 0;
        while from < p.depth {
            let end = p.depth.min(if from == 0 && before > 0 { before } else { from + line });
            // From the last lanes to the first: a vector's garbage lies in the next group, which is written after it.
            let mut at = p.width.min(start + STREAMS).next_multiple_of(S::LANES);
            while at > start {
                at -= S::LANES;
                // Lanes beyond the last one repeat it.
                let first = at.min(p.lanes - 1);
                // SAFETY: elements of existing lanes are read, and as many groups and the slack written.
                let store = |columns: &S::Columns, step: usize| unsafe {
                    for c in 0..S::TURN {
                        S::store(p.dst.add((step + c) * p.width + at), columns[c]);
                    }
                };
                if const { S::PAIRS } && at + S::LANES <= p.lanes && from + line <= end {
                    const { assert!(!S::PAIRS || 2 * S::TURN * size_of::<S::T>() == LINE) }
                    // SAFETY: as there.
                    unsafe {
                        let src = p.src.offset(first as isize * p.lane + from as isize);
                        let [columns, later] = square::turn_pair::<S>(src, &lane);
                        store(&columns, from);
                        store(&later, from + S::TURN);
                    }
                    continue;
                }
                for step in (from..end).step_by(S::TURN) {
                    // The last squares overlap those before them.
                    let step = step.min(p.depth - S::TURN);
                    // SAFETY: as there.
                    unsafe {
                        let src = p.src.offset(first as isize * p.lane + step as isize);
                        let columns = match () {
                            _ if at + S::LANES <= p.lanes => square::turn::<S>(src, &lane),
                            _ if at == last => few.turn::<S>(src),
                            _ => Few::NONE.turn::<S>(src),
                        };
                        store(&columns, step);
                    }
                }
            }
            from = end;
        }
    }
}

/// The source is adjacent as a whole, and so few steps that they fill no square: its elements are dealt out to them. (The compiler makes
/// vectors of this: 6×1969×3 TT 1.5 times as fast.)
#[inline(always)]
unsafe fn deal<T: Sealed, const DEPTH: usize>(p: &Panel<T>) {
    // SAFETY: as in `gather`.
    unsafe {
        for i in 0..p.lanes {
            for step in 0..DEPTH {
                *p.dst.add(step * p.width + i) = *p.src.add(i * DEPTH + step);
            }
        }
        for step in 0..DEPTH {
            for i in p.lanes..p.width {
                *p.dst.add(step * p.width + i) = T::ZERO;
            }
        }
    }
}

/// Element by element.
#[inline(always)]
unsafe fn gather<S: Simd>(p: &Panel<S::T>) {
    for step in 0..p.depth {
        // SAFETY: the lanes and the step exist; the group has `width` elements, `lanes` of them at least.
        unsafe {
            let src = p.src.offset(step as isize * p.step);
            let dst = p.dst.add(step * p.width);
            for i in 0..p.lanes {
                *dst.add(i) = *src.offset(i as isize * p.lane);
            }
            for i in p.lanes..p.width {
                *dst.add(i) = S::T::ZERO;
            }
        }
    }
}
