//! AVX-512 (F, BW, DQ, VL): 32 registers of 512 bits, masks on every lane. Panels of less than a vector are packed with AVX2.

#![allow(clippy::needless_range_loop)] // plain indices become constants when unrolled

use core::arch::x86_64::*;

use super::avx2::Avx2;
use super::{Kernels, Simd, half, kernels};

#[derive(Clone, Copy)]
pub struct Avx512<T>(T);

impl Simd for Avx512<f32> {
    type T = f32;
    type V = __m512;
    type Mask = __mmask16;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        // SAFETY: here and below: entered only with AVX-512; pointers as the trait says.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn stream(p: *mut f32, v: __m512) {
        // SAFETY: see splat; the caller promises the alignment.
        unsafe { _mm512_stream_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m512) {
        // SAFETY: see splat.
        unsafe { _mm512_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn first(n: usize) -> __mmask16 {
        ((1u32 << n) - 1) as __mmask16
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f32, mask: __mmask16) -> __m512 {
        // SAFETY: see splat; masked lanes are not read.
        unsafe { _mm512_maskz_loadu_ps(mask, p) }
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: __m512, mask: __mmask16) {
        // SAFETY: see splat; masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(p, mask, v) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn fnma(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn less(a: __m512, b: __m512, x: __m512, y: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), y, x) }
    }

    #[inline(always)]
    unsafe fn bound(x: __m512, low: __m512, high: __m512) -> __m512 {
        // SAFETY: see splat. (Of equal operands, and if one is NaN, the second is the result.)
        unsafe { _mm512_max_ps(low, _mm512_min_ps(high, x)) }
    }

    #[inline(always)]
    unsafe fn copysign(x: __m512, sign: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe {
            let bit = _mm512_set1_ps(-0.0);
            _mm512_or_ps(_mm512_andnot_ps(bit, x), _mm512_and_ps(bit, sign))
        }
    }

    #[inline(always)]
    unsafe fn exponent(v: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(v))) }
    }

    #[inline(always)]
    unsafe fn splat_pair(p: *const f32) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_castpd_ps(_mm512_set1_pd(p.cast::<f64>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn swap(v: __m512) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_permute_ps::<0xB1>(v) }
    }

    #[inline(always)]
    unsafe fn gather_pairs(pair: impl Fn(usize) -> *const f32 + Copy) -> __m512 {
        // SAFETY: see splat.
        unsafe {
            let low = _mm512_castpd256_pd512(_mm256_castps_pd(Avx2::<f32>::gather_pairs(pair)));
            let high = _mm256_castps_pd(Avx2::<f32>::gather_pairs(|i| pair(i + 4)));
            _mm512_castpd_ps(_mm512_insertf64x4::<1>(low, high))
        }
    }

    #[inline(always)]
    unsafe fn unzip(a: __m512, b: __m512) -> [__m512; 2] {
        // SAFETY: see splat.
        unsafe { [_mm512_shuffle_ps::<0x88>(a, b), _mm512_shuffle_ps::<0xDD>(a, b)] }
    }

    #[inline(always)]
    unsafe fn zip(even: __m512, odd: __m512) -> [__m512; 2] {
        // SAFETY: see splat.
        unsafe { [_mm512_unpacklo_ps(even, odd), _mm512_unpackhi_ps(even, odd)] }
    }

    const WEAVES: bool = true;

    #[inline(always)]
    unsafe fn weave(a: __m512, b: __m512) -> [__m512; 2] {
        // SAFETY: see splat.
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            [_mm512_permutex2var_ps(a, low, b), _mm512_permutex2var_ps(a, high, b)]
        }
    }

    #[inline(always)]
    unsafe fn arrange(v: __m512, order: &[i32; 16]) -> __m512 {
        // SAFETY: see splat.
        unsafe { _mm512_permutexvar_ps(_mm512_loadu_si512(order.as_ptr().cast()), v) }
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

    const TURN: usize = 8;
    type Columns = [__m512; 8];

    #[inline(always)]
    unsafe fn turn(row: impl Fn(usize) -> *const f32 + Copy) -> [__m512; 8] {
        // SAFETY: see splat; the caller says where the rows are.
        unsafe { square([turn_eight(row, 0, 0), turn_eight(row, 8, 0)]) }
    }

    const PAIRS: bool = true;

    #[inline(always)]
    unsafe fn turn_pair(row: impl Fn(usize) -> *const f32 + Copy) -> [[__m512; 8]; 2] {
        // SAFETY: as above.
        unsafe {
            let first = [turn_eight(row, 0, 0), turn_eight(row, 0, 8)];
            let second = [turn_eight(row, 8, 0), turn_eight(row, 8, 8)];
            [square([first[0], second[0]]), square([first[1], second[1]])]
        }
    }
}

/// Eight steps of eight rows: in the i-th vector those of step i and of step 4 + i, by quarters. Two rows are put together as they are
/// loaded: Intel's processors make one shuffle a cycle.
#[inline(always)]
unsafe fn turn_eight(row: impl Fn(usize) -> *const f32 + Copy, from: usize, step: usize) -> [__m512; 4] {
    // SAFETY: entered only with AVX-512; the caller says where the rows are.
    unsafe {
        let mut rows = [_mm512_setzero_ps(); 4];
        for i in 0..4 {
            let (first, second) = (row(from + i).add(step), row(from + i + 4).add(step));
            rows[i] = _mm512_castpd_ps(halves(first.cast(), second.cast()));
        }
        let [r0, r1, r2, r3] = rows;
        let (a, b) = (_mm512_unpacklo_ps(r0, r1), _mm512_unpackhi_ps(r0, r1));
        let (x, y) = (_mm512_unpacklo_ps(r2, r3), _mm512_unpackhi_ps(r2, r3));
        let (low, high) = (_mm512_shuffle_ps::<0x44>(a, x), _mm512_shuffle_ps::<0xEE>(a, x));
        [low, high, _mm512_shuffle_ps::<0x44>(b, y), _mm512_shuffle_ps::<0xEE>(b, y)]
    }
}

/// Two such, of sixteen rows: the vector of each step.
#[inline(always)]
unsafe fn square(eights: [[__m512; 4]; 2]) -> [__m512; 8] {
    // SAFETY: entered only with AVX-512.
    unsafe {
        let mut columns = [_mm512_setzero_ps(); 8];
        for c in 0..4 {
            [columns[c], columns[4 + c]] = turn_quarters([eights[0][c], eights[1][c]]);
        }
        columns
    }
}

/// A vector of two runs: the insert reads memory.
#[inline(always)]
unsafe fn halves(first: *const f64, second: *const f64) -> __m512d {
    // SAFETY: entered only with AVX-512; the caller says where both are.
    unsafe { _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(_mm256_loadu_pd(first)), _mm256_loadu_pd(second)) }
}

/// The even quarters of both, and the odd ones: the last stage of a square.
#[inline(always)]
unsafe fn turn_quarters([a, b]: [__m512; 2]) -> [__m512; 2] {
    // SAFETY: entered only with AVX-512.
    unsafe { [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xDD>(a, b)] }
}

impl Simd for Avx512<f64> {
    type T = f64;
    type V = __m512d;
    type Mask = __mmask8;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f64) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_set1_pd(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f64) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_loadu_pd(p) }
    }

    #[inline(always)]
    unsafe fn stream(p: *mut f64, v: __m512d) {
        // SAFETY: see splat; the caller promises the alignment.
        unsafe { _mm512_stream_pd(p, v) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f64, v: __m512d) {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_storeu_pd(p, v) }
    }

    #[inline(always)]
    unsafe fn first(n: usize) -> __mmask8 {
        ((1u32 << n) - 1) as __mmask8
    }

    #[inline(always)]
    unsafe fn load_first(p: *const f64, mask: __mmask8) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_maskz_loadu_pd(mask, p) }
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut f64, v: __m512d, mask: __mmask8) {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_mask_storeu_pd(p, mask, v) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_fmadd_pd(a, b, c) }
    }

    #[inline(always)]
    unsafe fn fnma(a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        // SAFETY: see splat.
        unsafe { _mm512_fnmadd_pd(a, b, c) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_mul_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_add_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_div_pd(a, b) }
    }

    #[inline(always)]
    unsafe fn less(a: __m512d, b: __m512d, x: __m512d, y: __m512d) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b), y, x) }
    }

    #[inline(always)]
    unsafe fn bound(x: __m512d, low: __m512d, high: __m512d) -> __m512d {
        // SAFETY: see the f32 methods. (Of equal operands, and if one is NaN, the second is the result.)
        unsafe { _mm512_max_pd(low, _mm512_min_pd(high, x)) }
    }

    #[inline(always)]
    unsafe fn copysign(x: __m512d, sign: __m512d) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe {
            let bit = _mm512_set1_pd(-0.0);
            _mm512_or_pd(_mm512_andnot_pd(bit, x), _mm512_and_pd(bit, sign))
        }
    }

    #[inline(always)]
    unsafe fn exponent(v: __m512d) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_castpd_si512(v))) }
    }

    #[inline(always)]
    unsafe fn splat_pair(p: *const f64) -> __m512d {
        // SAFETY: see the f32 methods.
        unsafe { _mm512_broadcast_f64x2(_mm_loadu_pd(p)) }
    }

    #[inline(always)]
    unsafe fn swap(v: __m512d) -> __m512d {
        // SAFETY: see splat.
        unsafe { _mm512_permute_pd::<0x55>(v) }
    }

    #[inline(always)]
    unsafe fn gather_pairs(pair: impl Fn(usize) -> *const f64 + Copy) -> __m512d {
        // SAFETY: see splat.
        unsafe {
            let low = _mm512_castpd256_pd512(Avx2::<f64>::gather_pairs(pair));
            _mm512_insertf64x4::<1>(low, Avx2::<f64>::gather_pairs(|i| pair(i + 2)))
        }
    }

    #[inline(always)]
    unsafe fn unzip(a: __m512d, b: __m512d) -> [__m512d; 2] {
        // SAFETY: see splat.
        unsafe { [_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)] }
    }

    #[inline(always)]
    unsafe fn zip(even: __m512d, odd: __m512d) -> [__m512d; 2] {
        // SAFETY: see splat.
        unsafe { [_mm512_unpacklo_pd(even, odd), _mm512_unpackhi_pd(even, odd)] }
    }

    const WEAVES: bool = true;

    #[inline(always)]
    unsafe fn weave(a: __m512d, b: __m512d) -> [__m512d; 2] {
        // SAFETY: see splat.
        unsafe {
            let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
            let high = _mm512_add_epi64(low, _mm512_set1_epi64(4));
            [_mm512_permutex2var_pd(a, low, b), _mm512_permutex2var_pd(a, high, b)]
        }
    }

    #[inline(always)]
    unsafe fn arrange(v: __m512d, order: &[i32; 16]) -> __m512d {
        // SAFETY: see splat.
        unsafe { _mm512_permutexvar_pd(_mm512_cvtepi32_epi64(_mm256_loadu_si256(order.as_ptr().cast())), v) }
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

    const TURN: usize = 4;
    type Columns = [__m512d; 4];

    #[inline(always)]
    unsafe fn turn(row: impl Fn(usize) -> *const f64 + Copy) -> [__m512d; 4] {
        // SAFETY: see the f32 methods.
        unsafe {
            let mut fours = [[_mm512_setzero_ps(); 2]; 2];
            for g in 0..2 {
                let (r0, r1) = (halves(row(4 * g), row(4 * g + 2)), halves(row(4 * g + 1), row(4 * g + 3)));
                fours[0][g] = _mm512_castpd_ps(_mm512_unpacklo_pd(r0, r1));
                fours[1][g] = _mm512_castpd_ps(_mm512_unpackhi_pd(r0, r1));
            }
            let mut columns = [_mm512_setzero_pd(); 4];
            for c in 0..2 {
                let [even, odd] = turn_quarters(fours[c]);
                (columns[c], columns[2 + c]) = (_mm512_castps_pd(even), _mm512_castps_pd(odd));
            }
            columns
        }
    }
}

pub(crate) static F32: Kernels<f32> = kernels!(
    Avx512<f32>, f32, half: Some(&half::F32), pack: Avx2<f32>, ["avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"],
    1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16,
    2: 1 2 3 4 5 6 7 8 9 10 11 12,
    3: 1 2 3 4 5 6 7 8,
    4: 1 2 3 4 5 6,
    5: 1 2 3 4,
    6: 1 2 3 4,
    7: 1 2 3,
    8: 1 2;
    numbers: 2: 1 2 3 4 5 6 7 8 9 10 11 12, 4: 1 2 3 4 5 6;
    turning: 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16, 2: 1 2 3 4;
    blocks: 2: 1 2 3 4 5, 3: 1 2, 4: 1;
    updates: 1 2 3 4 5 6
);

pub(crate) static F64: Kernels<f64> = kernels!(
    Avx512<f64>, f64, half: Some(&half::F64), pack: Avx2<f64>, ["avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"],
    1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16,
    2: 1 2 3 4 5 6 7 8 9 10 11 12,
    3: 1 2 3 4 5 6 7 8,
    4: 1 2 3 4 5 6,
    5: 1 2 3 4,
    6: 1 2 3 4,
    7: 1 2 3,
    8: 1 2;
    numbers: 2: 1 2 3 4 5 6 7 8 9 10 11 12, 4: 1 2 3 4 5 6;
    turning: 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16, 2: 1 2 3 4;
    blocks: 2: 1 2 3 4 5, 3: 1 2, 4: 1;
    updates: 1 2 3 4 5 6
);
