//! The panel routines: a strip of an operand copied to `depth` groups of `width` adjacent elements, in the order a
//! tile walks it. One of three ways: rows copied, squares transposed in registers, or elements gathered.

use crate::element::Sealed;
use crate::simd::Simd;

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
/// The instruction set of the kernel is there; the source holds `lanes`·`depth` elements, the destination
/// `width`·`depth`; there is at least one lane.
pub type PackFn<T> = unsafe fn(&Panel<T>);

/// See [`PackFn`].
#[inline(always)]
pub unsafe fn pack<S: Simd>(panel: &Panel<S::T>) {
    // SAFETY: as the caller promises.
    unsafe {
        if panel.lane == 1 {
            copy::<S>(panel)
        } else if panel.step == 1 {
            transpose::<S>(panel)
        } else {
            gather::<S>(panel, 0)
        }
    }
}

/// The source is contiguous along the width.
#[inline(always)]
unsafe fn copy<S: Simd>(p: &Panel<S::T>) {
    let whole = p.lanes / S::LANES * S::LANES;
    // SAFETY: `lanes` elements of each group are read and written, in whole vectors and one partial one.
    unsafe {
        let mask = S::first(p.lanes - whole);
        let (mut src, mut dst) = (p.src, p.dst);
        for _ in 0..p.depth {
            let mut at = 0;
            while at < whole {
                S::store(dst.add(at), S::load(src.add(at)));
                at += S::LANES;
            }
            if at < p.lanes {
                S::store_first(dst.add(at), S::load_first(src.add(at), mask), mask);
            }
            src = src.wrapping_offset(p.step);
            dst = dst.wrapping_add(p.width);
        }
    }
}

/// The source is contiguous along the depth: squares of vectors are turned in registers.
#[inline(always)]
unsafe fn transpose<S: Simd>(p: &Panel<S::T>) {
    let squares = p.depth / S::LANES * S::LANES;
    // SAFETY: a square reads `LANES` steps of existing lanes and writes as many groups, within the width.
    unsafe {
        let mut at = 0;
        while at < p.width {
            // Lanes beyond the last one repeat it; those of no vector of the group are not written.
            let lanes = S::LANES.min(p.width - at);
            let (first, mask) = (at.min(p.lanes - 1), S::first(lanes));
            let runs = (p.lanes - first).min(S::LANES);
            let mut d = 0;
            while d < squares {
                let src = p.src.offset(first as isize * p.lane + d as isize);
                S::transpose(src, p.lane, runs, p.dst.add(d * p.width + at), p.width, lanes, mask);
                d += S::LANES;
            }
            at += S::LANES;
        }
        gather::<S>(p, squares)
    }
}

/// Element by element, from the given depth step on.
#[inline(always)]
unsafe fn gather<S: Simd>(p: &Panel<S::T>, from: usize) {
    for d in from..p.depth {
        for i in 0..p.lanes {
            // SAFETY: lane i and step d exist.
            unsafe { *p.dst.add(d * p.width + i) = *p.src.offset(i as isize * p.lane + d as isize * p.step) }
        }
        for i in p.lanes..p.width {
            // SAFETY: within the group. Padding is a number, so that no step of an unused lane is slow.
            unsafe { *p.dst.add(d * p.width + i) = S::T::ZERO }
        }
    }
}
