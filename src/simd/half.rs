//! Vectors of 256 bits with the masks and the 32 registers of AVX-512, for columns that fill half of 512 bits at most. The rest is
//! AVX2's.

use core::arch::x86_64::*;

use super::avx2::Avx2;
use super::{Kernels, Simd, kernels};

#[derive(Clone, Copy)]
pub struct Half<T>(T);

macro_rules! half {
    ($t:ident, $v:ident, $lanes:literal, $load_first:ident, $store_first:ident) => {
        impl Simd for Half<$t> {
            type T = $t;
            type V = $v;
            type Mask = __mmask8;
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn first(n: usize) -> __mmask8 {
                ((1u32 << n) - 1) as __mmask8
            }

            #[inline(always)]
            unsafe fn load_first(p: *const $t, mask: __mmask8) -> $v {
                // SAFETY: entered only with AVX-512; masked lanes are not read.
                unsafe { $load_first(mask, p) }
            }

            #[inline(always)]
            unsafe fn store_first(p: *mut $t, v: $v, mask: __mmask8) {
                // SAFETY: as above; masked lanes are not written.
                unsafe { $store_first(p, mask, v) }
            }

            half! {
                $t:
                splat(x: $t) -> $v;
                load(p: *const $t) -> $v;
                store(p: *mut $t, v: $v) -> ();
                fma(a: $v, b: $v, c: $v) -> $v;
                fnma(a: $v, b: $v, c: $v) -> $v;
                mul(a: $v, b: $v) -> $v;
                add(a: $v, b: $v) -> $v;
                div(a: $v, b: $v) -> $v;
                less(a: $v, b: $v, x: $v, y: $v) -> $v;
                bound(x: $v, low: $v, high: $v) -> $v;
                copysign(x: $v, sign: $v) -> $v;
                exponent(v: $v) -> $v;
                splat_pair(p: *const $t) -> $v;
                gather_pairs(pair: impl Fn(usize) -> *const $t + Copy) -> $v;
                swap(v: $v) -> $v;
                unzip(a: $v, b: $v) -> [$v; 2];
                zip(even: $v, odd: $v) -> [$v; 2];
                prefetch(p: *const $t) -> ();
                prefetch_far(p: *const $t) -> ();
                turn(row: impl Fn(usize) -> *const $t + Copy) -> Self::Columns;
            }

            type Columns = <Avx2<$t> as Simd>::Columns;
            const TURN: usize = <Avx2<$t> as Simd>::TURN;
        }
    };
    ($t:ident: $($f:ident($($x:ident: $x_type:ty),+) -> $result:ty;)+) => {
        $(
            #[inline(always)]
            unsafe fn $f($($x: $x_type),+) -> $result {
                // SAFETY: the same promises; where AVX-512 is, AVX2 is.
                unsafe { <Avx2<$t> as Simd>::$f($($x),+) }
            }
        )+
    };
}
half!(f32, __m256, 8, _mm256_maskz_loadu_ps, _mm256_mask_storeu_ps);
half!(f64, __m256d, 4, _mm256_maskz_loadu_pd, _mm256_mask_storeu_pd);

pub(crate) static F32: Kernels<f32> = kernels!(
    Half<f32>, f32, half: None, pack: Avx2<f32>, ["avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"],
    1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16;
    numbers: ; // Tiles of numbers have as many instructions.
    turning: 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16, 2: 1 2 3 4;
    blocks: 2: 1 2 3 4 5, 3: 1 2, 4: 1;
    updates: 1 2 3 4 5 6
);

pub(crate) static F64: Kernels<f64> = kernels!(
    Half<f64>, f64, half: None, pack: Avx2<f64>, ["avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"],
    1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16;
    numbers: ; // Tiles of numbers have as many instructions.
    turning: 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16, 2: 1 2 3 4;
    blocks: 2: 1 2 3 4 5, 3: 1 2, 4: 1;
    updates: 1 2 3 4 5 6
);
