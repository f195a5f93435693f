//! NEON (Advanced SIMD): 32 registers of 128 bits, part of every AArch64.

use core::arch::aarch64::*;

use super::{Kernels, Simd, kernels};

#[derive(Clone, Copy)]
pub struct Neon<T>(T);

impl Simd for Neon<f32> {
    type T = f32;
    type V = float32x4_t;
    type Mask = usize;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> float32x4_t {
        // SAFETY: here and below: NEON is part of the architecture; pointers as the trait says.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vld1q_f32(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: float32x4_t) {
        // SAFETY: see splat.
        unsafe { vst1q_f32(p, v) }
    }

    #[inline(always)]
    unsafe fn first(n: usize) -> usize {
        n
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> float32x4_t {
        // SAFETY: see splat; only the first n elements are read.
        unsafe {
            match n {
                0 => vdupq_n_f32(0.0),
                1 => vld1q_lane_f32::<0>(p, vdupq_n_f32(0.0)),
                2 => vcombine_f32(vld1_f32(p), vdup_n_f32(0.0)),
                3 => vld1q_lane_f32::<2>(p.add(2), vcombine_f32(vld1_f32(p), vdup_n_f32(0.0))),
                _ => vld1q_f32(p),
            }
        }
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: float32x4_t, n: usize) {
        // SAFETY: see splat; only the first n elements are written.
        unsafe {
            if n >= 4 {
                return vst1q_f32(p, v);
            }
            if n & 2 != 0 {
                vst1_f32(p, vget_low_f32(v));
                if n & 1 != 0 {
                    vst1q_lane_f32::<2>(p.add(2), v);
                }
            } else if n & 1 != 0 {
                vst1q_lane_f32::<0>(p, v);
            }
        }
    }

    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn fnma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vfmsq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn less(a: float32x4_t, b: float32x4_t, x: float32x4_t, y: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vbslq_f32(vcltq_f32(a, b), x, y) }
    }

    #[inline(always)]
    unsafe fn copysign(x: float32x4_t, sign: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vbslq_f32(vdupq_n_u32(1 << 31), sign, x) }
    }

    #[inline(always)]
    unsafe fn exponent(v: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vreinterpretq_f32_u32(vshlq_n_u32::<23>(vreinterpretq_u32_f32(v))) }
    }

    // A vector of elements that `n` splats share: a multiply-add takes its factor from any lane, where a load that fills
    // all lanes would keep a multiply-add unit busy.
    #[inline(always)]
    unsafe fn splat_nth(p: *const f32, i: usize, n: usize) -> float32x4_t {
        // SAFETY: see splat; the vector lies within the n elements.
        unsafe {
            if n == 1 {
                return Self::splat(*p);
            }
            if n < Self::LANES {
                let first = i.min(n - 2);
                let v = vld1_f32(p.add(first));
                return if i == first { vdupq_lane_f32::<0>(v) } else { vdupq_lane_f32::<1>(v) };
            }
            let first = (i / Self::LANES * Self::LANES).min(n - Self::LANES);
            let v = Self::load(p.add(first));
            match i - first {
                0 => vdupq_laneq_f32::<0>(v),
                1 => vdupq_laneq_f32::<1>(v),
                2 => vdupq_laneq_f32::<2>(v),
                _ => vdupq_laneq_f32::<3>(v),
            }
        }
    }

    #[inline(always)]
    unsafe fn splat_pair(p: *const f32) -> float32x4_t {
        // SAFETY: see splat.
        unsafe {
            let pair = vld1_f32(p);
            vcombine_f32(pair, pair)
        }
    }

    #[inline(always)]
    unsafe fn gather_pairs(pair: impl Fn(usize) -> *const f32 + Copy) -> float32x4_t {
        // SAFETY: see splat; the caller says where the pairs are.
        unsafe { vcombine_f32(vld1_f32(pair(0)), vld1_f32(pair(1))) }
    }

    #[inline(always)]
    unsafe fn swap(v: float32x4_t) -> float32x4_t {
        // SAFETY: see splat.
        unsafe { vrev64q_f32(v) }
    }

    #[inline(always)]
    unsafe fn unzip(a: float32x4_t, b: float32x4_t) -> [float32x4_t; 2] {
        // SAFETY: see splat.
        unsafe { [vuzp1q_f32(a, b), vuzp2q_f32(a, b)] }
    }

    #[inline(always)]
    unsafe fn zip(even: float32x4_t, odd: float32x4_t) -> [float32x4_t; 2] {
        // SAFETY: see splat.
        unsafe { [vzip1q_f32(even, odd), vzip2q_f32(even, odd)] }
    }

    const WEAVES: bool = true;

    #[inline(always)]
    unsafe fn prefetch(p: *const f32) {
        // SAFETY: a prefetch touches nothing.
        unsafe { core::arch::asm!("prfm pstl1keep, [{}]", in(reg) p, options(nostack, preserves_flags)) }
    }

    type Columns = [float32x4_t; 4];

    #[inline(always)]
    unsafe fn turn(row: impl Fn(usize) -> *const f32 + Copy) -> [float32x4_t; 4] {
        // SAFETY: see splat; the caller says where the rows are.
        unsafe {
            let row = |i| vld1q_f32(row(i));
            let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3));
            let wide = |v| vreinterpretq_f64_f32(v);
            let (a, b) = (wide(vtrn1q_f32(r0, r1)), wide(vtrn2q_f32(r0, r1)));
            let (x, y) = (wide(vtrn1q_f32(r2, r3)), wide(vtrn2q_f32(r2, r3)));
            [vtrn1q_f64(a, x), vtrn1q_f64(b, y), vtrn2q_f64(a, x), vtrn2q_f64(b, y)].map(|v| vreinterpretq_f32_f64(v))
        }
    }
}

impl Simd for Neon<f64> {
    type T = f64;
    type V = float64x2_t;
    type Mask = usize;
    const LANES: usize = 2;
    // One vector of each row: of two, loads would be paired, and registers run out.
    const STEPS: usize = 2;

    #[inline(always)]
    unsafe fn splat(x: f64) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vdupq_n_f64(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f64) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vld1q_f64(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f64, v: float64x2_t) {
        // SAFETY: see the f32 methods.
        unsafe { vst1q_f64(p, v) }
    }

    #[inline(always)]
    unsafe fn first(n: usize) -> usize {
        n
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f64, n: usize) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe {
            match n {
                0 => vdupq_n_f64(0.0),
                1 => vld1q_lane_f64::<0>(p, vdupq_n_f64(0.0)),
                _ => vld1q_f64(p),
            }
        }
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut f64, v: float64x2_t, n: usize) {
        // SAFETY: see the f32 methods.
        unsafe {
            match n {
                0 => {}
                1 => vst1q_lane_f64::<0>(p, v),
                _ => vst1q_f64(p, v),
            }
        }
    }

    #[inline(always)]
    unsafe fn fma(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vfmaq_f64(c, a, b) }
    }

    #[inline(always)]
    unsafe fn fnma(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
        // SAFETY: see splat.
        unsafe { vfmsq_f64(c, a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: float64x2_t, b: float64x2_t) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vmulq_f64(a, b) }
    }

    #[inline(always)]
    unsafe fn add(a: float64x2_t, b: float64x2_t) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vaddq_f64(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: float64x2_t, b: float64x2_t) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vdivq_f64(a, b) }
    }

    #[inline(always)]
    unsafe fn less(a: float64x2_t, b: float64x2_t, x: float64x2_t, y: float64x2_t) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vbslq_f64(vcltq_f64(a, b), x, y) }
    }

    #[inline(always)]
    unsafe fn copysign(x: float64x2_t, sign: float64x2_t) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vbslq_f64(vdupq_n_u64(1 << 63), sign, x) }
    }

    #[inline(always)]
    unsafe fn exponent(v: float64x2_t) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vreinterpretq_f64_u64(vshlq_n_u64::<52>(vreinterpretq_u64_f64(v))) }
    }

    #[inline(always)]
    unsafe fn splat_nth(p: *const f64, i: usize, n: usize) -> float64x2_t {
        // SAFETY: see the f32 methods; the vector lies within the n elements.
        unsafe {
            if n < Self::LANES {
                return Self::splat(*p.add(i));
            }
            let first = (i / Self::LANES * Self::LANES).min(n - Self::LANES);
            let v = Self::load(p.add(first));
            match i - first {
                0 => vdupq_laneq_f64::<0>(v),
                _ => vdupq_laneq_f64::<1>(v),
            }
        }
    }

    #[inline(always)]
    unsafe fn splat_pair(p: *const f64) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vld1q_f64(p) }
    }

    #[inline(always)]
    unsafe fn gather_pairs(pair: impl Fn(usize) -> *const f64 + Copy) -> float64x2_t {
        // SAFETY: see the f32 methods.
        unsafe { vld1q_f64(pair(0)) }
    }

    #[inline(always)]
    unsafe fn swap(v: float64x2_t) -> float64x2_t {
        // SAFETY: see splat.
        unsafe { vextq_f64::<1>(v, v) }
    }

    #[inline(always)]
    unsafe fn unzip(a: float64x2_t, b: float64x2_t) -> [float64x2_t; 2] {
        // SAFETY: see splat.
        unsafe { [vuzp1q_f64(a, b), vuzp2q_f64(a, b)] }
    }

    #[inline(always)]
    unsafe fn zip(even: float64x2_t, odd: float64x2_t) -> [float64x2_t; 2] {
        // SAFETY: see splat.
        unsafe { [vzip1q_f64(even, odd), vzip2q_f64(even, odd)] }
    }

    const WEAVES: bool = true;

    #[inline(always)]
    unsafe fn prefetch(p: *const f64) {
        // SAFETY: a prefetch touches nothing.
        unsafe { core::arch::asm!("prfm pstl1keep, [{}]", in(reg) p, options(nostack, preserves_flags)) }
    }

    type Columns = [float64x2_t; 4];

    #[inline(always)]
    unsafe fn turn(row: impl Fn(usize) -> *const f64 + Copy) -> [float64x2_t; 4] {
        // SAFETY: see the f32 methods.
        unsafe {
            let row = |i| vld1q_f64(row(i));
            let (r0, r1) = (row(0), row(1));
            [vtrn1q_f64(r0, r1), vtrn2q_f64(r0, r1), r0, r1]
        }
    }
}

pub(crate) static F32: Kernels<f32> = kernels!(
    Neon<f32>, f32, half: None, pack: Neon<f32>, [],
    1: 1 2 3 4 5 6 7 8 9 10 11 12,
    2: 1 2 3 4 5 6 7 8 9 10 11 12,
    3: 1 2 3 4 5 6 7,
    4: 1 2 3 4 5,
    5: 1 2 3 4,
    6: 1 2 3,
    7: 1 2,
    8: 1 2;
    numbers: 2: 1 2 3 4 5 6 7 8 9 10 11 12, 4: 1 2 3 4 5;
    turning: 1: 1 2 3 4, 2: 1 2 3 4, 3: 1 2 3, 4: 1 2;
    blocks: 2: 1 2 3, 3: 1 2, 4: 1;
    updates: 1 2 3 4 5 6 7 8
);

pub(crate) static F64: Kernels<f64> = kernels!(
    Neon<f64>, f64, half: None, pack: Neon<f64>, [],
    1: 1 2 3 4 5 6 7 8 9 10 11 12,
    2: 1 2 3 4 5 6 7 8 9 10 11 12,
    3: 1 2 3 4 5 6 7,
    4: 1 2 3 4 5,
    5: 1 2 3 4,
    6: 1 2 3,
    7: 1 2,
    8: 1 2;
    numbers: 2: 1 2 3 4 5 6 7 8 9 10 11 12, 4: 1 2 3 4 5;
    turning: 1: 1 2 3 4, 2: 1 2 3 4, 3: 1 2 3, 4: 1 2;
    blocks: 2: 1 2 3, 3: 1 2, 4: 1;
    updates: 1 2 3 4 5 6 7 8
);
