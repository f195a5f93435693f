//! The element types and what each implies.

use core::fmt::Debug;
use core::ops::{Add, Div, Mul};

use crate::gemm::Gemm;
use crate::machine::Machine;
use crate::matrix::MatMut;
use crate::simd::math::Coefficients;
use crate::simd::{self, Kernels};

/// A type that matrices can be made of: `f32`, `f64`, and with the feature `complex` complex numbers of either.
///
/// A complex number is a pair `[re, im]`, or the `Complex` of the crate `num-complex`, which lies in memory in the same way.
/// The trait is closed: the kernels for a type are part of this crate.
pub trait Element: Sealed {
    /// The longest block of steps that one running sum is carried over: `KC` of [the one rule](crate#the-one-rule).
    /// A multiple of 16, the same on every machine. A step is real: one of complex numbers counts as two.
    ///
    /// ```
    /// use lapidary::Element;
    /// assert_eq!(f32::KC % 16, 0);
    /// # #[cfg(feature = "complex")]
    /// assert_eq!(<[f32; 2]>::KC, f32::KC);
    /// ```
    const KC: usize;
}

/// A real [`Element`]: `f32` or `f64`. Layers, epilogues and activations are for these.
///
/// ```
/// use lapidary::{MatRef, Real};
/// fn trace<T: Real + Into<f64>>(a: MatRef<'_, T>) -> f64 {
///     (0..a.rows()).filter_map(|i| a.get(i, i)).map(|&x| x.into()).sum()
/// }
/// assert_eq!(trace(MatRef::row_major(&[1.0f32, 2.0, 3.0, 4.0], 2, 2)?), 5.0);
/// # Ok::<(), lapidary::Error>(())
/// ```
pub trait Real: Element + Float {}

/// What only this crate needs to know of an element type.
pub trait Sealed: Copy + Debug + PartialEq + Send + Sync + 'static {
    const ZERO: Self;
    const ONE: Self;
    /// Computes a product whose operands are checked.
    fn multiply(gemm: &Gemm<'_, Self>, c: &mut MatMut<'_, Self>, machine: &Machine)
    where
        Self: Element;
}

/// What kernels need of a real element type.
pub trait Float:
    Sealed + Coefficients + PartialOrd + Add<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// What an addition leaves every bit of the other term for.
    const NEG_ZERO: Self;
    const NEG_ZERO_REF: &'static Self;
    const ONE_REF: &'static Self;
    /// The kernels of this type for the instruction set chosen.
    fn kernels(machine: &Machine) -> &'static Kernels<Self>;
    /// The magnitude of `self` with the sign of `sign`.
    fn with_sign(self, sign: Self) -> Self;
    /// The lowest bits, as many as a sign and an exponent have, as just those of a number whose fraction is 0.
    fn exponent(self) -> Self;
    /// `self`·`b` + `c`, rounded once.
    #[cfg(feature = "std")]
    fn fused(self, b: Self, c: Self) -> Self;
}

/// KC balances the traffic of C (read and written once a block) against what L1 holds: see docs/PERFORMANCE.md.
impl Element for f32 {
    const KC: usize = 512;
}

impl Element for f64 {
    const KC: usize = 256;
}

macro_rules! float {
    ($t:ident, $kernels:ident) => {
        impl Real for $t {}

        impl Sealed for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline]
            fn multiply(gemm: &Gemm<'_, Self>, c: &mut MatMut<'_, Self>, machine: &Machine) {
                gemm.multiply(c, machine);
            }
        }

        impl Float for $t {
            const NEG_ZERO: Self = -0.0;
            const NEG_ZERO_REF: &'static Self = &-0.0;
            const ONE_REF: &'static Self = &1.0;

            #[inline]
            fn kernels(machine: &Machine) -> &'static Kernels<Self> {
                simd::$kernels(machine)
            }

            #[inline(always)]
            fn with_sign(self, sign: Self) -> Self {
                self.copysign(sign)
            }

            #[inline(always)]
            fn exponent(self) -> Self {
                Self::from_bits(self.to_bits() << ($t::MANTISSA_DIGITS - 1))
            }

            #[cfg(feature = "std")]
            #[inline(always)]
            fn fused(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
        }
    };
}
float!(f32, f32_kernels);
float!(f64, f64_kernels);
