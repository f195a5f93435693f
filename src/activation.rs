//! Activation functions and their derivatives, elementwise.

use crate::element::Real;
use crate::error::Error;
use crate::machine::machine;
use crate::simd::math;

/// An activation function act(z) and its derivative.
///
/// Every function is one fixed sequence of operations, each exact or rounded once, so that its bits are the same on every
/// instruction set, at every place in a slice ([`Machine::fused`](crate::Machine::fused) tells of the one exception). The
/// errors are bounds that the tests hold them to, in units in the last place (ulp) of the exact result, or of the least
/// subnormal number where the result is below the normal ones: of values for every `f32` (from 2048 on for every 4099th) and for 10⁵ numbers of every
/// magnitude in `f64`; of derivatives that cross 0, in ulp of 1. A processor without fused multiply-add may make larger
/// ones, above all in the left tail of GELU.
///
/// NaN stays NaN, through every function and every derivative. An infinite gradient times a derivative of 0 is NaN, as
/// IEEE 754 says.
///
/// | | formula | error of act, act′ | at −∞, −0, 0, ∞ | act′ there |
/// |---|---|---|---|---|
/// | [`Relu`](Self::Relu) | z < 0 ? 0 : z | 0, 0 | 0, −0, 0, ∞ | 0, 0, 0, 1 |
/// | [`LeakyRelu(s)`](Self::LeakyRelu) | z < 0 ? s·z : z | 0.5, 0 | −s·∞ (NaN for s = 0), −0, 0, ∞ | s, s, s, 1 |
/// | [`Clamp(a, b)`](Self::Clamp) | z < a ? a : b < z ? b : z | 0, 0 | a, −0, 0, b if a < 0 < b | 0, 1, 1, 0 |
/// | [`Gelu`](Self::Gelu) | z·Φ(z) | 4, 1 of 1 | −0, −0, 0, ∞ | −0, ½, ½, 1 |
/// | [`GeluTanh`](Self::GeluTanh) | ½·z·(1 + tanh(√(2/π)·(z + 0.044715·z³))) | 2, 1 of 1 | −0, −0, 0, ∞ | −0, ½, ½, 1 |
/// | [`Silu`](Self::Silu) | z·σ(z) | 2, 1 of 1 | −0, −0, 0, ∞ | −0, ½, ½, 1 |
/// | [`Sigmoid`](Self::Sigmoid) | σ(z) = 1/(1 + e^−z) | 1.1, 2.1 | 0, ½, ½, 1 | 0, ¼, ¼, 0 |
/// | [`Tanh`](Self::Tanh) | tanh(z) | 1.6, 2.1 | −1, −0, 0, 1 | 0, 1, 1, 0 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<T> {
    /// z < 0 ? 0 : z. The derivative is 1 for z > 0, and 0 for z ≤ 0: at the kink it is the left one. −0 stays −0.
    Relu,
    /// z < 0 ? s·z : z for a slope s (Maas, Hannun and Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic
    /// Models*, 2013). The derivative is 1 for z > 0, and s for z ≤ 0.
    LeakyRelu(T),
    /// z < a ? a : b < z ? b : z for bounds a and b; 0 and 6 make ReLU6. The derivative is 1 for a < z < b, and 0 elsewhere,
    /// at the bounds as well.
    Clamp(T, T),
    /// z·Φ(z) with the normal distribution Φ(z) = ½·(1 + erf(z/√2)) (Hendrycks and Gimpel, *Gaussian Error Linear Units*,
    /// 2016). The derivative is Φ(z) + z·φ(z) with the normal density φ.
    Gelu,
    /// GELU's approximation ½·z·(1 + tanh(√(2/π)·(z + 0.044715·z³))) = z·σ(t) with t = 2·√(2/π)·(z + 0.044715·z³), from the
    /// same paper. The derivative is σ(t) + z·t′·σ(t)·σ(−t).
    GeluTanh,
    /// z·σ(z), also called swish (Elfwing, Uchibe and Doya, *Sigmoid-Weighted Linear Units*, 2017). The derivative is
    /// σ(z)·(1 + z·σ(−z)).
    Silu,
    /// The logistic function σ(z) = 1/(1 + e^−z). The derivative is σ(z)·σ(−z).
    Sigmoid,
    /// The hyperbolic tangent. The derivative is 1 − tanh²(z) = 4·σ(2z)·σ(−2z).
    Tanh,
}

impl<T: Real> Activation<T> {
    /// z ← act(z) for every element.
    ///
    /// # Errors
    /// If `LAPIDARY_ISA` names no instruction set of this machine; see [`machine`](crate::machine). The values are untouched
    /// then.
    ///
    /// ```
    /// use lapidary::Activation;
    /// let mut z = [-1.0, 0.0, f64::NAN, 3.0];
    /// Activation::Relu.apply(&mut z)?;
    /// assert_eq!(z[..2], [0.0, 0.0]);
    /// assert!(z[2].is_nan());
    /// assert_eq!(z[3], 3.0);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn apply(self, values: &mut [T]) -> Result<(), Error> {
        math::forward(T::kernels(machine()?), self.kernel(), values);
        Ok(())
    }

    /// g ← g·act′(z) for every element: from the gradient for act(z) to that for z.
    ///
    /// # Errors
    /// If z and g differ in length, or as [`apply`](Self::apply). g is untouched then.
    ///
    /// ```
    /// use lapidary::Activation;
    /// let (z, mut g) = ([-1.0f32, 0.0, 2.0], [10.0; 3]);
    /// Activation::LeakyRelu(0.25).backward(&z, &mut g)?;
    /// assert_eq!(g, [2.5, 2.5, 10.0]);
    ///
    /// let err = Activation::Gelu.backward(&z, &mut g[..2]).unwrap_err();
    /// assert_eq!(err.to_string(), "g must have length z.len() = 3, found 2");
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn backward(self, z: &[T], g: &mut [T]) -> Result<(), Error> {
        if z.len() != g.len() {
            return Err(Error::Length { operand: "g", meaning: "z.len()", expected: z.len(), found: g.len() });
        }
        math::backward(T::kernels(machine()?), self.kernel(), z, g);
        Ok(())
    }

    /// The number of the kernels of an activation, or of none, and what they take.
    pub(crate) fn number(activation: Option<Self>) -> (usize, [T; 2]) {
        activation.map_or((0, [T::ZERO; 2]), Self::kernel)
    }

    fn kernel(self) -> (usize, [T; 2]) {
        let none = [T::ZERO; 2];
        match self {
            Activation::Relu => (1, none),
            Activation::LeakyRelu(slope) => (2, [slope, T::ZERO]),
            Activation::Clamp(low, high) => (3, [low, high]),
            Activation::Gelu => (4, none),
            Activation::GeluTanh => (5, none),
            Activation::Silu => (6, none),
            Activation::Sigmoid => (7, none),
            Activation::Tanh => (8, none),
        }
    }
}
