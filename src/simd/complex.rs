//! Complex numbers in pairs of lanes: how they are packed for real tiles, and multiplied by complex scalars.

use super::Simd;
use super::math::Coefficients;
use crate::element::Sealed;
use crate::nest::complex::Scalars;
use crate::pack::Panel;

/// What a product of complex numbers needs beside the real kernels.
pub struct ComplexKernels<T: 'static> {
    pub wide: WideFn<T>,
    pub narrow: NarrowFn<T>,
    pub combine: CombineFn<T>,
}

/// # Safety
/// The instruction set of the kernel is there. The strides lead from number to number; the source holds `lanes`/2 numbers
/// of `depth`/2 steps, at least one; the destination has room for `width`·`depth` elements, the width in whole vectors.
pub type WideFn<T> = unsafe fn(&Panel<T>, [[T; 2]; 2]);

/// # Safety
/// As for [`WideFn`], but for `lanes` numbers, and a width of as many; [`SLACK`](crate::pack::SLACK) follows.
pub type NarrowFn<T> = unsafe fn(&Panel<T>);

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

/// Packs a strip of the wide operand: for each step a group v of numbers and a group i·v, their parts multiplied by
/// signs. See [`WideFn`].
#[inline(always)]
pub unsafe fn wide<S: Simd>(p: &Panel<S::T>, signs: [[S::T; 2]; 2]) {
    // SAFETY: as the caller promises; the last vector is partial.
    unsafe {
        let [first, second] = [alternate::<S>(signs[0]), alternate::<S>(signs[1])];
        let (mut src, mut dst) = (p.src, p.dst);
        for _ in 0..p.depth / 2 {
            let mut at = 0;
            while at < p.width {
                let there = p.lanes.saturating_sub(at);
                let from = src.wrapping_offset((at / 2) as isize * p.lane);
                let v = match () {
                    _ if there == 0 => S::splat(S::T::ZERO),
                    _ if p.lane == 2 && there >= S::LANES => S::load(from),
                    _ if p.lane == 2 => S::load_first(from, S::first(there)),
                    _ if there >= S::LANES => pairs::<S>(from, p.lane, S::LANES / 2),
                    _ => pairs::<S>(from, p.lane, there / 2),
                };
                S::store(dst.add(at), S::mul(v, first));
                S::store(dst.add(p.width + at), S::mul(S::swap(v), second));
                at += S::LANES;
            }
            src = src.wrapping_offset(p.step);
            dst = dst.wrapping_add(2 * p.width);
        }
    }
}

/// A vector of numbers that are `lane` elements apart; from the `n`-th on the last is repeated.
#[inline(always)]
unsafe fn pairs<S: Simd>(src: *const S::T, lane: isize, n: usize) -> S::V {
    let mut lanes = [S::T::ZERO; 16];
    for i in 0..S::LANES / 2 {
        // SAFETY: the caller's promise.
        let [re, im] = unsafe { *src.offset(i.min(n - 1) as isize * lane).cast::<[S::T; 2]>() };
        (lanes[2 * i], lanes[2 * i + 1]) = (re, im);
    }
    // SAFETY: no vector is longer.
    unsafe { S::load(lanes.as_ptr()) }
}

/// Packs a strip of the narrow operand: for each step a group of real parts and one of imaginary parts. See [`NarrowFn`].
#[inline(always)]
pub unsafe fn narrow<S: Simd>(p: &Panel<S::T>) {
    let (mut src, mut dst) = (p.src, p.dst);
    for _ in 0..p.depth / 2 {
        // SAFETY: as the caller promises. What vectors leave behind a step is overwritten by the next, or lies in the slack.
        unsafe {
            let (re, im) = (dst, dst.add(p.width));
            if p.lane == 2 {
                // The last vectors first: real parts beyond their group are garbage among the imaginary ones, stored after them.
                for at in (0..p.lanes).step_by(S::LANES).rev() {
                    let (from, there) = (src.add(2 * at), 2 * (p.lanes - at));
                    let load = |at: usize| match there.saturating_sub(at) {
                        n if n < S::LANES => S::load_first(from.add(at), S::first(n)),
                        _ => S::load(from.add(at)),
                    };
                    let [even, odd] = S::unzip(load(0), load(S::LANES));
                    S::store(re.add(at), even);
                    S::store(im.add(at), odd);
                }
            } else {
                for i in 0..p.lanes {
                    [*re.add(i), *im.add(i)] = *src.offset(i as isize * p.lane).cast::<[S::T; 2]>();
                }
            }
        }
        src = src.wrapping_offset(p.step);
        dst = dst.wrapping_add(2 * p.width);
    }
}

/// C ← `beta`·C + `alpha`·sums. An imaginary part of a scalar that is 0 is not multiplied by. See [`CombineFn`].
#[inline(always)]
pub unsafe fn combine<S: Simd>(f: &Combine<S::T>) {
    let Scalars { alpha, beta } = f.scalars;
    // SAFETY: as the caller promises; the last vector is partial.
    unsafe {
        // (re + i·im)·(x, y) is re·(x, y) + im·(−y, x).
        let turned = |x: [S::T; 2]| S::mul(alternate::<S>([S::T::exact(-1.0), S::T::ONE]), S::splat(x[1]));
        let (turned_alpha, turned_beta) = (turned(alpha), turned(beta));
        for at in (0..f.len).step_by(S::LANES) {
            let mask = S::first(S::LANES.min(f.len - at));
            let mut x = S::splat(S::T::ZERO);
            if beta != [S::T::ZERO; 2] {
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

/// The two in turns.
#[inline(always)]
unsafe fn alternate<S: Simd>(pair: [S::T; 2]) -> S::V {
    let lanes = [pair; 8];
    // SAFETY: no vector has more than 16 lanes.
    unsafe { S::load(lanes.as_ptr().cast()) }
}
