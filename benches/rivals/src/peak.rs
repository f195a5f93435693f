//! The peak: fused multiply-adds in registers, as many as the machine can start.

use std::hint::black_box;
use std::time::Duration;

use lapidary::Isa;

use crate::scalar::Scalar;
use crate::timing;

/// Two units of latency four need eight chains to be kept busy, and sixteen registers hold twelve and two factors.
#[cfg(not(target_arch = "aarch64"))]
const CHAINS: usize = 12;
/// Four units of latency four need sixteen; there are thirty-two registers.
#[cfg(target_arch = "aarch64")]
const CHAINS: usize = 24;

/// A loop of independent chains of multiply-adds: so many that none waits for its own last step.
#[derive(Clone, Copy)]
pub struct Chains {
    /// Runs so many steps of every chain.
    run: unsafe fn(usize),
    /// Floating-point operations of one step of every chain.
    flops: usize,
}

/// The best instruction set of this machine, whichever one lapidary was told to use.
pub fn best_isa() -> Isa {
    Isa::ALL.into_iter().find(|isa| isa.is_available()).unwrap_or(Isa::Portable)
}

impl Chains {
    fn new(run: unsafe fn(usize), lanes: usize) -> Chains {
        Chains { run, flops: 2 * lanes * CHAINS }
    }

    /// Those of the best instruction set, for `f32`.
    pub fn f32() -> Chains {
        match best_isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Chains::new(x86::f32x16, 16),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Chains::new(x86::f32x8, 8),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Chains::new(arm::f32x4, 4),
            _ => Chains::new(portable::f32x4, 4),
        }
    }

    /// Those of the best instruction set, for `f64`.
    pub fn f64() -> Chains {
        match best_isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Chains::new(x86::f64x8, 8),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Chains::new(x86::f64x4, 4),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Chains::new(arm::f64x2, 2),
            _ => Chains::new(portable::f64x2, 2),
        }
    }
}

/// GFLOP/s of `threads` threads at once, over at least `slot`.
pub fn peak<T: Scalar>(threads: usize, slot: Duration) -> f64 {
    const STEPS: usize = 1 << 14; // tens of microseconds
    let Chains { run, flops } = T::chains();
    // SAFETY: the chains are those of an instruction set that this machine has.
    let calls = timing::on_threads(threads, || timing::rate(&mut || unsafe { run(STEPS) }, 1, slot));
    calls * (STEPS * flops) as f64 / 1e9
}

/// Each step makes `s` `$fma(s, x, y)`: `s·x + y` on x86, `s + x·y` on ARM. Both depend on the last `s` alone, and
/// neither overflows.
macro_rules! chains {
    ($name:ident, $($feature:literal,)? $vector:ty, $splat:ident, $fma:ident) => {
        $(#[target_feature(enable = $feature)])?
        pub fn $name(steps: usize) {
            // Unknown to the compiler, which would run equal chains once.
            let (x, y) = black_box(($splat(0.5), $splat(0.25)));
            let mut sums: [$vector; CHAINS] = black_box([$splat(1.0); CHAINS]);
            for _ in 0..steps {
                for sum in &mut sums {
                    *sum = $fma(*sum, x, y);
                }
            }
            black_box(sums);
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{CHAINS, black_box};
    use std::arch::x86_64::*;

    chains!(f32x8, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps);
    chains!(f64x4, "avx2,fma", __m256d, _mm256_set1_pd, _mm256_fmadd_pd);
    chains!(f32x16, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps);
    chains!(f64x8, "avx512f", __m512d, _mm512_set1_pd, _mm512_fmadd_pd);
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{CHAINS, black_box};
    use std::arch::aarch64::*;

    chains!(f32x4, "neon", float32x4_t, vdupq_n_f32, vfmaq_f32);
    chains!(f64x2, "neon", float64x2_t, vdupq_n_f64, vfmaq_f64);
}

/// A multiplication and an addition: what a machine without fused multiply-add can do.
mod portable {
    use super::{CHAINS, black_box};
    use std::array;
    use std::ops::{Add, Mul};

    fn splat<T: Copy, const LANES: usize>(value: T) -> [T; LANES] {
        [value; LANES]
    }

    fn step<T, const LANES: usize>(s: [T; LANES], x: [T; LANES], y: [T; LANES]) -> [T; LANES]
    where
        T: Copy + Add<Output = T> + Mul<Output = T>,
    {
        array::from_fn(|lane| s[lane] * x[lane] + y[lane])
    }

    chains!(f32x4, [f32; 4], splat, step);
    chains!(f64x2, [f64; 2], splat, step);
}
