//! Plain Rust, for any machine: a vector is a small array, which the compiler maps to what registers there are.
#![allow(clippy::needless_range_loop)] // plain indices become constants when unrolled; iterators do not always

use super::{Kernels, Simd, kernels};
use crate::element::{Real, Sealed};

/// `FUSED`: a step is the machine's fused multiply-add. Without one it rounds twice: the one exception to the rule,
/// since a fused multiply-add in software costs a hundred times as much.
#[derive(Clone, Copy)]
pub struct Portable<T, const LANES: usize, const FUSED: bool>([T; LANES]);

impl<T: Real, const LANES: usize, const FUSED: bool> Simd for Portable<T, LANES, FUSED> {
    type T = T;
    type V = [T; LANES];
    type Mask = usize;
    const LANES: usize = LANES;

    #[inline(always)]
    unsafe fn splat(x: T) -> Self::V {
        [x; LANES]
    }

    #[inline(always)]
    unsafe fn load(p: *const T) -> Self::V {
        // SAFETY: the caller promises LANES readable elements.
        unsafe { p.cast::<[T; LANES]>().read() }
    }

    #[inline(always)]
    unsafe fn store(p: *mut T, v: Self::V) {
        // SAFETY: the caller promises LANES writable elements.
        unsafe { p.cast::<[T; LANES]>().write(v) }
    }

    #[inline(always)]
    unsafe fn first(n: usize) -> usize {
        n
    }

    #[inline(always)]
    unsafe fn load_first(p: *const T, n: usize) -> Self::V {
        let mut v = [<T as Sealed>::ZERO; LANES];
        for i in 0..LANES {
            if i < n {
                // SAFETY: the caller promises n readable elements.
                v[i] = unsafe { p.add(i).read() };
            }
        }
        v
    }

    #[inline(always)]
    unsafe fn store_first(p: *mut T, v: Self::V, n: usize) {
        for i in 0..LANES {
            if i < n {
                // SAFETY: the caller promises n writable elements.
                unsafe { p.add(i).write(v[i]) }
            }
        }
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        let mut v = c;
        for i in 0..LANES {
            #[cfg(feature = "std")]
            if FUSED {
                v[i] = a[i].fused(b[i], c[i]);
                continue;
            }
            v[i] = a[i] * b[i] + c[i];
        }
        v
    }

    #[inline(always)]
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: as the trait says.
        unsafe { Self::fma(Self::mul(a, [T::exact(-1.0); LANES]), b, c) }
    }

    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        let mut v = a;
        for i in 0..LANES {
            v[i] = a[i] * b[i];
        }
        v
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        let mut v = a;
        for i in 0..LANES {
            v[i] = a[i] + b[i];
        }
        v
    }

    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        let mut v = a;
        for i in 0..LANES {
            v[i] = a[i] / b[i];
        }
        v
    }

    #[inline(always)]
    unsafe fn less(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        let mut v = y;
        for i in 0..LANES {
            if a[i] < b[i] {
                v[i] = x[i];
            }
        }
        v
    }

    #[inline(always)]
    unsafe fn copysign(x: Self::V, sign: Self::V) -> Self::V {
        let mut v = x;
        for i in 0..LANES {
            v[i] = x[i].with_sign(sign[i]);
        }
        v
    }

    #[inline(always)]
    unsafe fn exponent(v: Self::V) -> Self::V {
        let mut powers = v;
        for i in 0..LANES {
            powers[i] = v[i].exponent();
        }
        powers
    }

    #[inline(always)]
    unsafe fn splat_pair(p: *const T) -> Self::V {
        // SAFETY: the caller's promise.
        let [even, odd] = unsafe { *p.cast::<[T; 2]>() };
        let mut v = [even; LANES];
        for i in 0..LANES / 2 {
            v[2 * i + 1] = odd;
        }
        v
    }

    #[inline(always)]
    unsafe fn swap(v: Self::V) -> Self::V {
        let mut swapped = v;
        for i in 0..LANES {
            swapped[i] = v[i ^ 1];
        }
        swapped
    }

    #[inline(always)]
    unsafe fn prefetch(_: *const T) {}

    type Columns = [Self::V; 4];

    #[inline(always)]
    unsafe fn turn(row: impl Fn(usize) -> *const T + Copy) -> [Self::V; 4] {
        let mut columns = [[<T as Sealed>::ZERO; LANES]; 4];
        for i in 0..LANES {
            for c in 0..Self::TURN {
                // SAFETY: see the trait, element by element.
                columns[c][i] = unsafe { *row(i).add(c) };
            }
        }
        columns
    }
}

/// For a machine without fused multiply-add, or a build that cannot ask for it.
pub(crate) mod plain {
    use super::*;
    pub(crate) static F32: Kernels<f32> = kernels!(Portable<f32, 8, false>, f32, half: None, pack: Portable<f32, 8, false>, [], 1: 1 2 3 4, 2: 1 2 3; numbers: 2: 1 2 3; turning: 1: 1 2; blocks: 2: 1 2; updates: 1 2 3 4);
    pub(crate) static F64: Kernels<f64> = kernels!(Portable<f64, 4, false>, f64, half: None, pack: Portable<f64, 4, false>, [], 1: 1 2 3 4, 2: 1 2 3; numbers: 2: 1 2 3; turning: 1: 1 2; blocks: 2: 1 2; updates: 1 2 3 4);
}

/// For a machine that has fused multiply-add. On x86-64 it is entered like an instruction set of its own.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub(crate) mod fused {
    use super::*;
    pub(crate) static F32: Kernels<f32> = kernels!(Portable<f32, 8, true>, f32, half: None, pack: Portable<f32, 8, true>, ["avx,fma"], 1: 1 2 3 4, 2: 1 2 3; numbers: 2: 1 2 3; turning: 1: 1 2; blocks: 2: 1 2; updates: 1 2 3 4);
    pub(crate) static F64: Kernels<f64> = kernels!(Portable<f64, 4, true>, f64, half: None, pack: Portable<f64, 4, true>, ["avx,fma"], 1: 1 2 3 4, 2: 1 2 3; numbers: 2: 1 2 3; turning: 1: 1 2; blocks: 2: 1 2; updates: 1 2 3 4);
}

/// For a machine that has fused multiply-add in its base.
#[cfg(all(feature = "std", not(target_arch = "x86_64")))]
pub(crate) mod fused {
    use super::*;
    pub(crate) static F32: Kernels<f32> = kernels!(Portable<f32, 8, true>, f32, half: None, pack: Portable<f32, 8, true>, [], 1: 1 2 3 4, 2: 1 2 3; numbers: 2: 1 2 3; turning: 1: 1 2; blocks: 2: 1 2; updates: 1 2 3 4);
    pub(crate) static F64: Kernels<f64> = kernels!(Portable<f64, 4, true>, f64, half: None, pack: Portable<f64, 4, true>, [], 1: 1 2 3 4, 2: 1 2 3; numbers: 2: 1 2 3; turning: 1: 1 2; blocks: 2: 1 2; updates: 1 2 3 4);
}
