//! AVX2 with FMA: 16 registers of 256 bits.

use core::arch::x86_64::*;

use super::{Kernels, Simd, kernels};

#[derive(Clone, Copy)]
pub struct Avx2<T>(T);

/// The first n lanes: the count for stores, all-ones lanes for loads.
///
/// `vmaskmov` loads cost no more than others, but its stores are microcoded on AMD: a partial store goes out in halves.
#[derive(Clone, Copy)]
pub struct Mask {
    n: usize,
    lanes: __m256i,
}

impl Simd for Avx2<f32> {
    type T = f32;
    type V = __m256;
    type Mask = Mask;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m256 {
        // SAFETY: here and below: entered only with AVX2 and FMA; pointers as the trait says.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn stream(p: *mut f32, v: __m256) {
        // SAFETY: see splat; the caller promises the alignment.
        unsafe { _mm256_stream_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m256) {
        // SAFETY: see splat.
        unsafe { _mm256_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn first(n: usize) -> Mask {
        // SAFETY: see splat.
        let lanes =
            unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) };
        Mask { n, lanes }
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f32, mask: Mask) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_maskload_ps(p, mask.lanes) }
    }

    #[inline(always)]
    unsafe fn store_first(mut p: *mut f32, v: __m256, mask: Mask) {
        // SAFETY: see splat; each part lies within the first n elements.
        unsafe {
            if mask.n >= 8 {
                return _mm256_storeu_ps(p, v);
            }
            let mut rest = _mm256_castps256_ps128(v);
            if mask.n & 4 != 0 {
                _mm_storeu_ps(p, rest);
                p = p.add(4);
                rest = _mm256_extractf128_ps::<1>(v);
            }
            if mask.n & 2 != 0 {
                _mm_storel_pd(p.cast(), _mm_castps_pd(rest));
                p = p.add(2);
                rest = _mm_movehl_ps(rest, rest);
            }
            if mask.n & 1 != 0 {
                _mm_store_ss(p, rest);
            }
        }
    }

    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn fnma(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn less(a: __m256, b: __m256, x: __m256, y: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
    }

    #[inline(always)]
    unsafe fn bound(x: __m256, low: __m256, high: __m256) -> __m256 {
        // SAFETY: see splat. (Of equal operands, and if one is NaN, the second is the result.)
        unsafe { _mm256_max_ps(low, _mm256_min_ps(high, x)) }
    }

    #[inline(always)]
    unsafe fn copysign(x: __m256, sign: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe {
            let bit = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(bit, x), _mm256_and_ps(bit, sign))
        }
    }

    #[inline(always)]
    unsafe fn exponent(v: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(v))) }
    }

    #[inline(always)]
    unsafe fn splat_pair(p: *const f32) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_castpd_ps(_mm256_set1_pd(p.cast::<f64>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn gather_pairs(pair: impl Fn(usize) -> *const f32 + Copy) -> __m256 {
        // SAFETY: see splat; the caller says where the pairs are.
        unsafe {
            let pair = |i: usize| pair(i).cast::<f64>().read_unaligned();
            _mm256_castpd_ps(_mm256_setr_pd(pair(0), pair(1), pair(2), pair(3)))
        }
    }

    #[inline(always)]
    unsafe fn swap(v: __m256) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_permute_ps::<0xB1>(v) }
    }

    #[inline(always)]
    unsafe fn unzip(a: __m256, b: __m256) -> [__m256; 2] {
        // SAFETY: see splat.
        unsafe { [_mm256_shuffle_ps::<0x88>(a, b), _mm256_shuffle_ps::<0xDD>(a, b)] }
    }

    #[inline(always)]
    unsafe fn zip(even: __m256, odd: __m256) -> [__m256; 2] {
        // SAFETY: see splat.
        unsafe { [_mm256_unpacklo_ps(even, odd), _mm256_unpackhi_ps(even, odd)] }
    }

    const WEAVES: bool = true;

    #[inline(always)]
    unsafe fn weave(a: __m256, b: __m256) -> [__m256; 2] {
        // SAFETY: see splat.
        unsafe {
            let (even, odd) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            [_mm256_permute2f128_ps::<0x20>(even, odd), _mm256_permute2f128_ps::<0x31>(even, odd)]
        }
    }

    #[inline(always)]
    unsafe fn arrange(v: __m256, order: &[i32; 16]) -> __m256 {
        // SAFETY: see splat.
        unsafe { _mm256_permutevar8x32_ps(v, _mm256_loadu_si256(order.as_ptr().cast())) }
    }

    #[inline(always)]
    unsafe fn prefetch(p: *const f32) {
        // SAFETY: a prefetch touches nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }

    #[inline(always)]
    unsafe fn prefetch_far(p: *const f32) {
        // SAFETY: a prefetch touches nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }

    type Columns = [__m256; 4];

    #[inline(always)]
    unsafe fn turn(row: impl Fn(usize) -> *const f32 + Copy) -> [__m256; 4] {
        // SAFETY: see splat; the caller says where the rows are.
        unsafe {
            // Two shuffles within halves finish the 8×8 square.
            let mut rows = [_mm256_setzero_ps(); 4];
            for (i, two) in rows.iter_mut().enumerate() {
                *two = _mm256_castpd_ps(halves(row(i).cast(), row(i + 4).cast()));
            }
            let [r0, r1, r2, r3] = rows;
            let (a, b) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
            let (x, y) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
            [
                _mm256_shuffle_ps::<0x44>(a, x),
                _mm256_shuffle_ps::<0xEE>(a, x),
                _mm256_shuffle_ps::<0x44>(b, y),
                _mm256_shuffle_ps::<0xEE>(b, y),
            ]
        }
    }
}

/// A vector of two runs: the insert reads memory.
#[inline(always)]
unsafe fn halves(first: *const f64, second: *const f64) -> __m256d {
    // SAFETY: see splat; the caller says where both are.
    unsafe { _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(_mm_loadu_pd(first)), _mm_loadu_pd(second)) }
}

impl Simd for Avx2<f64> {
    type T = f64;
    type V = __m256d;
    type Mask = Mask;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f64) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_set1_pd(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f64) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_loadu_pd(p) }
    }

    #[inline(always)]
    unsafe fn stream(p: *mut f64, v: __m256d) {
        // SAFETY: see splat; the caller promises the alignment.
        unsafe { _mm256_stream_pd(p, v) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f64, v: __m256d) {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_storeu_pd(p, v) }
    }

    #[inline(always)]
    unsafe fn first(n: usize) -> Mask {
        // SAFETY: see the f32 methods.
        let lanes = unsafe { _mm256_cmpgt_epi64(_mm256_set1_epi64x(n as i64), _mm256_setr_epi64x(0, 1, 2, 3)) };
        Mask { n, lanes }
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f64, mask: Mask) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_maskload_pd(p, mask.lanes) }
    }

    #[inline(always)]
    unsafe fn store_first(mut p: *mut f64, v: __m256d, mask: Mask) {
        // SAFETY: see the f32 methods.
        unsafe {
            if mask.n >= 4 {
                return _mm256_storeu_pd(p, v);
            }
            let mut rest = _mm256_castpd256_pd128(v);
            if mask.n & 2 != 0 {
                _mm_storeu_pd(p, rest);
                p = p.add(2);
                rest = _mm256_extractf128_pd::<1>(v);
            }
            if mask.n & 1 != 0 {
                _mm_store_sd(p, rest);
            }
        }
    }

    #[inline(always)]
    unsafe fn fma(a: __m256d, b: __m256d, c: __m256d) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_fmadd_pd(a, b, c) }
    }

    #[inline(always)]
    unsafe fn fnma(a: __m256d, b: __m256d, c: __m256d) -> __m256d {
        // SAFETY: see splat.
        unsafe { _mm256_fnmadd_pd(a, b, c) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m256d, b: __m256d) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_mul_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256d, b: __m256d) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_add_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m256d, b: __m256d) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_div_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn less(a: __m256d, b: __m256d, x: __m256d, y: __m256d) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_blendv_pd(y, x, _mm256_cmp_pd::<_CMP_LT_OQ>(a, b)) }
    }

    #[inline(always)]
    unsafe fn bound(x: __m256d, low: __m256d, high: __m256d) -> __m256d {
        // SAFETY: see the f32 methods. (Of equal operands, and if one is NaN, the second is the result.)
        unsafe { _mm256_max_pd(low, _mm256_min_pd(high, x)) }
    }

    #[inline(always)]
    unsafe fn copysign(x: __m256d, sign: __m256d) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe {
            let bit = _mm256_set1_pd(-0.0);
            _mm256_or_pd(_mm256_andnot_pd(bit, x), _mm256_and_pd(bit, sign))
        }
    }

    #[inline(always)]
    unsafe fn exponent(v: __m256d) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(v))) }
    }

    #[inline(always)]
    unsafe fn splat_pair(p: *const f64) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_broadcast_pd(&_mm_loadu_pd(p)) }
    }

    #[inline(always)]
    unsafe fn gather_pairs(pair: impl Fn(usize) -> *const f64 + Copy) -> __m256d {
        // SAFETY: see the f32 methods.
        unsafe { _mm256_set_m128d(_mm_loadu_pd(pair(1)), _mm_loadu_pd(pair(0))) }
    }

    #[inline(always)]
    unsafe fn swap(v: __m256d) -> __m256d {
        // SAFETY: see splat.
        unsafe { _mm256_permute_pd::<0b0101>(v) }
    }

    #[inline(always)]
    unsafe fn unzip(a: __m256d, b: __m256d) -> [__m256d; 2] {
        // SAFETY: see splat.
        unsafe { [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)] }
    }

    #[inline(always)]
    unsafe fn zip(even: __m256d, odd: __m256d) -> [__m256d; 2] {
        // SAFETY: see splat.
        unsafe { [_mm256_unpacklo_pd(even, odd), _mm256_unpackhi_pd(even, odd)] }
    }

    const WEAVES: bool = true;

    #[inline(always)]
    unsafe fn weave(a: __m256d, b: __m256d) -> [__m256d; 2] {
        // SAFETY: see splat.
        unsafe {
            let (even, odd) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            [_mm256_permute2f128_pd::<0x20>(even, odd), _mm256_permute2f128_pd::<0x31>(even, odd)]
        }
    }

    #[inline(always)]
    unsafe fn prefetch(p: *const f64) {
        // SAFETY: a prefetch touches nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }

    #[inline(always)]
    unsafe fn prefetch_far(p: *const f64) {
        // SAFETY: a prefetch touches nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }

    type Columns = [__m256d; 4];

    #[inline(always)]
    unsafe fn turn(row: impl Fn(usize) -> *const f64 + Copy) -> [__m256d; 4] {
        // SAFETY: see the f32 methods.
        unsafe {
            let (r0, r1) = (halves(row(0), row(2)), halves(row(1), row(3)));
            [_mm256_unpacklo_pd(r0, r1), _mm256_unpackhi_pd(r0, r1), r0, r1]
        }
    }
}

pub(crate) static F32: Kernels<f32> = kernels!(
    Avx2<f32>, f32, half: None, pack: Avx2<f32>, ["avx2,fma"],
    1: 1 2 3 4 5 6 7 8 9 10 11 12,
    2: 1 2 3 4 5 6,
    3: 1 2 3,
    4: 1 2,
    5: 1,
    6: 1,
    7: 1,
    8: 1;
    numbers: 2: 1 2 3 4 5 6, 4: 1 2;
    turning: 1: 1 2 3 4 5 6, 2: 1 2 3 4, 3: 1 2, 4: 1;
    blocks: 2: 1 2 3 4, 3: 1 2, 4: 1;
    updates: 1 2 3 4 5 6 7 8
);

pub(crate) static F64: Kernels<f64> = kernels!(
    Avx2<f64>, f64, half: None, pack: Avx2<f64>, ["avx2,fma"],
    1: 1 2 3 4 5 6 7 8 9 10 11 12,
    2: 1 2 3 4 5 6,
    3: 1 2 3,
    4: 1 2,
    5: 1,
    6: 1,
    7: 1,
    8: 1;
    numbers: 2: 1 2 3 4 5 6, 4: 1 2;
    turning: 1: 1 2 3 4 5 6, 2: 1 2 3 4, 3: 1 2, 4: 1;
    blocks: 2: 1 2 3 4, 3: 1 2, 4: 1;
    updates: 1 2 3 4 5 6 7 8
);
