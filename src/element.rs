//! The element types and what each implies.

use core::fmt::Debug;
use core::ops::{Add, Div, Mul};

use crate::machine::Machine;
use crate::simd::math::Coefficients;
use crate::simd::{self, Kernels};

/// A type that matrices can be made of: `f32` or `f64`.
///
/// It is closed: the kernels for a type are part of this crate.
pub trait Element: Sealed {
    /// The longest block of steps that one running sum is carried over: `KC` of [the one rule](crate#the-one-rule).
    /// A multiple of 16, the same on every machine.
    ///
    /// ```
    /// use lapidary::Element;
    /// assert_eq!(f32::KC % 16, 0);
    /// ```
    const KC: usize;
}

/// What only this crate needs to know of an element type.
pub trait Sealed:
    Coefficients
    + Copy
    + Debug
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + 'static
{
    const ZERO: Self;
    /// What an addition leaves every bit of the other term for.
    const NEG_ZERO: Self;
    const ONE: Self;
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
        impl Sealed for $t {
            const ZERO: Self = 0.0;
            const NEG_ZERO: Self = -0.0;
            const ONE: Self = 1.0;
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
