//! Complex numbers: how they are packed for tiles, and multiplied by complex scalars.

use core::ops::Range;

use super::math::Coefficients;
use super::{Menu, Simd};
use crate::element::Sealed;
use crate::nest::complex::Scalars;
use crate::pack::Panel;
use crate::plan::LINE;

/// What a product of complex numbers needs beside the real kernels.
pub struct ComplexKernels<T: 'static> {
    /// The wide operand as real parts and imaginary parts.
    pub wide: PackPartsFn<T>,
    /// The narrow operand as it is, if tiles cannot walk it or its conjugate is meant.
    pub narrow: PackComplexFn<T>,
    /// Tiles, and those of exchanged roles.
    pub tiles: [Menu<T>; 2],
    pub combine: CombineFn<T>,
}

/// Packs a strip of numbers, its imaginary parts multiplied by a sign.
///
/// # Safety
/// The instruction set of the kernel is there. The strides lead from number to number; the source holds `depth`/2 steps of `lanes`
/// numbers, at least one. The destination has room for `width`·`depth` elements, a wide one being of whole vectors, and for
/// [`SLACK`](crate::pack::SLACK).
pub type PackComplexFn<T> = unsafe fn(&Panel<T>, T);

/// The same of the wide operand, perhaps with imaginary parts before real ones.
///
/// # Safety
/// As for [`PackComplexFn`].
pub type PackPartsFn<T> = unsafe fn(&Panel<T>, T, bool);

/// # Safety
/// The instruction set of the kernel is there; `len` elements of C and of the sums are valid. C is initialised unless
/// `beta` is 0.
pub type CombineFn<T> = unsafe fn(&Combine<T>);

/// Sums to be added to C, both adjacent; or null for none.
pub struct Combine<T> {
    pub sums: *const T,
    pub c: *mut T,
    pub len: usize,
    pub scalars: Scalars<T>,
}

/// Real parts, and then imaginary parts, of each step, or the other way round. See [`PackPartsFn`].
#[inline(always)]
pub unsafe fn pack_parts<S: Simd>(p: &Panel<S::T>, sign: S::T, imaginary_first: bool) {
    debug_assert!(p.width.is_multiple_of(S::LANES));
    // SAFETY: as the caller promises, the instruction set is there.
    let sign = unsafe { S::splat(sign) };
    let parts = if imaginary_first { [p.width, 0] } else { [0, p.width] };
    let whole = if p.lane == 2 { p.lanes - p.lanes % S::LANES } else { 0 };
    if whole > 0 {
        // A loop of their own: in one that asks of each vector what it is, they took three times as long (16³ 1.06 times as fast).
        for step in 0..p.depth / 2 {
            let (src, dst) = (p.src.wrapping_offset(step as isize * p.step), p.dst.wrapping_add(2 * step * p.width));
            for at in (0..whole).step_by(S::LANES) {
                // SAFETY: as the caller promises.
                unsafe {
                    let numbers = [S::load(src.add(2 * at)), S::load(src.add(2 * at + S::LANES))];
                    store_parts::<S>(numbers, sign, dst.add(at), parts);
                }
            }
        }
    }
    for steps in in_lines::<S::T>(p) {
        for at in (whole..p.width).step_by(S::LANES) {
            let there = 2 * p.lanes.saturating_sub(at);
            for step in steps.clone() {
                let src = p.src.wrapping_offset(step as isize * p.step + at as isize * p.lane);
                let dst = p.dst.wrapping_add(2 * step * p.width + at);
                // SAFETY: as the caller promises.
                unsafe {
                    let next = src.wrapping_offset((S::LANES / 2) as isize * p.lane);
                    let next = load::<S>(next, p.lane, there.saturating_sub(S::LANES));
                    store_parts::<S>([load::<S>(src, p.lane, there), next], sign, dst, parts);
                }
            }
        }
    }
}

/// Stores the real and the imaginary parts of two vectors of numbers, so far from there.
#[inline(always)]
unsafe fn store_parts<S: Simd>(numbers: [S::V; 2], sign: S::V, dst: *mut S::T, parts: [usize; 2]) {
    // SAFETY: as the caller promises.
    unsafe {
        let [re, im] = S::unzip(numbers[0], numbers[1]);
        S::store(dst.add(parts[0]), re);
        S::store(dst.add(parts[1]), S::mul(im, sign));
    }
}

/// All numbers of a step, and then those of the next. See [`PackComplexFn`].
#[inline(always)]
pub unsafe fn pack_numbers<S: Simd>(p: &Panel<S::T>, sign: S::T) {
    // SAFETY: as the caller promises, the instruction set is there.
    let signs = unsafe { S::splat_pair([S::T::ONE, sign].as_ptr()) };
    // What a vector leaves behind a step's numbers is overwritten: by the next step, or because vectors are stored from the last to the
    // first. Or it lies in the slack.
    if p.lane == 2 {
        let (all, whole) = (2 * p.lanes, 2 * p.lanes / S::LANES * S::LANES);
        for step in 0..p.depth / 2 {
            let (src, dst) = (p.src.wrapping_offset(step as isize * p.step), p.dst.wrapping_add(2 * step * p.width));
            // SAFETY: as the caller promises.
            unsafe {
                for at in (0..whole).step_by(S::LANES) {
                    S::store(dst.add(at), S::mul(S::load(src.add(at)), signs));
                }
                if whole < all {
                    let rest = S::load_first(src.add(whole), S::first(all - whole));
                    S::store(dst.add(whole), S::mul(rest, signs));
                }
            }
        }
        return;
    }
    for steps in in_lines::<S::T>(p) {
        for at in (0..p.width).step_by(S::LANES / 2).rev() {
            let there = 2 * p.lanes.saturating_sub(at);
            for step in steps.clone() {
                let src = p.src.wrapping_offset(step as isize * p.step + at as isize * p.lane);
                let dst = p.dst.wrapping_add(2 * (step * p.width + at));
                // SAFETY: as the caller promises.
                unsafe { S::store(dst, S::mul(load::<S>(src, p.lane, there), signs)) };
            }
        }
    }
}

/// The steps of a panel, a cache line's numbers at a time: if steps are adjacent, a line of each lane is used up before the next lanes
/// come.
#[inline(always)]
fn in_lines<T>(p: &Panel<T>) -> impl Iterator<Item = Range<usize>> {
    let (line, steps) = (LINE / size_of::<[T; 2]>(), p.depth / 2);
    (0..steps).step_by(line).map(move |from| from..steps.min(from + line))
}

/// A vector of numbers `lane` elements apart, of which so many elements are there. The rest are others: no step of an unused lane
/// is to be slow.
#[inline(always)]
unsafe fn load<S: Simd>(src: *const S::T, lane: isize, there: usize) -> S::V {
    // SAFETY: as the caller promises.
    unsafe {
        match (lane, there >= S::LANES) {
            (2, true) => S::load(src),
            (_, true) => S::gather_pairs(|i| src.offset(i as isize * lane)),
            _ if there == 0 => S::splat(S::T::ZERO),
            (2, false) => S::load_first(src, S::first(there)),
            (_, false) => S::gather_pairs(|i| src.offset(i.min(there / 2 - 1) as isize * lane)),
        }
    }
}

/// C ← `beta`·C + `alpha`·sums. An imaginary part of a scalar that is 0 is not multiplied by. See [`CombineFn`].
#[inline(always)]
pub unsafe fn combine<S: Simd>(f: &Combine<S::T>) {
    let Scalars { alpha, beta } = f.scalars;
    // SAFETY: as the caller promises; the last vector is partial.
    unsafe {
        // (re + i·im)·(x, y) is re·(x, y) + im·(−y, x).
        let signs = [S::T::exact(-1.0), S::T::ONE];
        let turned = |x: [S::T; 2]| S::mul(S::splat_pair(signs.as_ptr()), S::splat(x[1]));
        let (turned_alpha, turned_beta) = (turned(alpha), turned(beta));
        for at in (0..f.len).step_by(S::LANES) {
            let mask = S::first(S::LANES.min(f.len - at));
            let mut x = S::splat(S::T::ZERO);
            if beta[0] != S::T::ZERO || beta[1] != S::T::ZERO {
                let old = S::load_first(f.c.add(at), mask);
                x = S::mul(S::splat(beta[0]), old);
                if beta[1] != S::T::ZERO {
                    x = S::fma(turned_beta, S::swap(old), x);
                }
            }
            if !f.sums.is_null() {
                let sums = S::load_first(f.sums.add(at), mask);
                x = S::fma(S::splat(alpha[0]), sums, x);
                if alpha[1] != S::T::ZERO {
                    x = S::fma(turned_alpha, S::swap(sums), x);
                }
            }
            S::store_first(f.c.add(at), x, mask);
        }
    }
}
