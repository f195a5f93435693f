//! Complex numbers in pairs of lanes: how they are packed for real tiles, and multiplied by complex scalars.

use super::math::Coefficients;
use super::{Menu, Simd};
use crate::element::Sealed;
use crate::nest::complex::Scalars;
use crate::pack::Panel;
use crate::plan::LINE;

/// What a product of complex numbers needs beside the real kernels. Operands are packed in one of two ways: as they are, or with
/// their roles exchanged.
pub struct ComplexKernels<T: 'static> {
    /// B as v and i·v; exchanged, A as real parts and imaginary parts, each twice.
    pub wide: [PackComplexFn<T>; 2],
    /// A as real parts and imaginary parts; exchanged, B as v and i·v.
    pub narrow: [PackComplexFn<T>; 2],
    /// Tiles that broadcast pairs, for exchanged roles; if there are none, they are not exchanged.
    pub tiles: Menu<T>,
    pub combine: CombineFn<T>,
}

/// Packs a strip of numbers as two groups for each step; those of B are multiplied by signs.
///
/// # Safety
/// The instruction set of the kernel is there. The strides lead from number to number; the source holds `depth`/2 steps of
/// `lanes`/2 numbers, at least one. The destination has room for `width`·`depth` elements: a group holds the parts that are made of the
/// numbers, and ends with a vector or is followed by [`SLACK`](crate::pack::SLACK).
pub type PackComplexFn<T> = unsafe fn(&Panel<T>, [[T; 2]; 2]);

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

/// What two groups the numbers of a step are packed as: v and i·v, their parts multiplied by signs; real parts and imaginary parts,
/// each twice; or real parts and imaginary parts.
pub const MULTIPLIED: u8 = 0;
pub const TWICE: u8 = 1;
pub const APART: u8 = 2;

/// See [`PackComplexFn`].
#[inline(always)]
pub unsafe fn pack<S: Simd, const GROUPS: u8>(p: &Panel<S::T>, signs: [[S::T; 2]; 2]) {
    // Of numbers, in a vector of a group.
    let per = if GROUPS == APART { S::LANES } else { S::LANES / 2 };
    // SAFETY: the instruction set is there.
    let signs = unsafe { [S::splat_pair(signs[0].as_ptr()), S::splat_pair(signs[1].as_ptr())] };
    // If steps are adjacent, a cache line of each lane is used up before the next lanes come.
    let line = LINE / size_of::<[S::T; 2]>();
    let steps = p.depth / 2;
    let mut from = 0;
    while from < steps {
        let end = steps.min(from + line);
        // From the last vector to the first: what it leaves behind a group is overwritten by the next, or lies in the slack.
        let mut vector = p.width.div_ceil(S::LANES);
        while vector > 0 {
            vector -= 1;
            let at = vector * per;
            let there = p.lanes.saturating_sub(2 * at);
            let mut src = p.src.wrapping_offset(from as isize * p.step + at as isize * p.lane);
            let mut dst = p.dst.wrapping_add(2 * from * p.width + vector * S::LANES);
            for _ in from..end {
                // SAFETY: as the caller promises.
                unsafe {
                    let v = load::<S>(src, p.lane, there);
                    let [first, second] = match GROUPS {
                        TWICE => S::twice(v),
                        APART => {
                            let next = src.wrapping_offset((S::LANES / 2) as isize * p.lane);
                            S::unzip(v, load::<S>(next, p.lane, there.saturating_sub(S::LANES)))
                        }
                        _ => [S::mul(v, signs[0]), S::mul(S::swap(v), signs[1])],
                    };
                    S::store(dst, first);
                    S::store(dst.add(p.width), second);
                }
                src = src.wrapping_offset(p.step);
                dst = dst.wrapping_add(2 * p.width);
            }
        }
        from = end;
    }
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
