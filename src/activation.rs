//! Activation functions and their derivatives, elementwise.

use crate::element::Element;
use crate::error::Error;
use crate::machine::machine;
use crate::simd::math;

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<T> {
    /// a
    Relu,
    /// a
    LeakyRelu(T),
    /// a
    Clamp(T, T),
    /// a
    Gelu,
    /// a
    GeluTanh,
    /// a
    Silu,
    /// a
    Sigmoid,
    /// a
    Tanh,
}

impl<T: Element> Activation<T> {
    /// Applies
    pub fn apply(self, values: &mut [T]) -> Result<(), Error> {
        math::forward(T::kernels(machine()?), self.kernel(), values);
        Ok(())
    }

    /// backward
    pub fn backward(self, z: &[T], g: &mut [T]) -> Result<(), Error> {
        if z.len() != g.len() {
            return Err(Error::Length { operand: "g", meaning: "z.len()", expected: z.len(), found: g.len() });
        }
        math::backward(T::kernels(machine()?), self.kernel(), z, g);
        Ok(())
    }

    /// The number of its kernels, and what they take. 0 is the identity.
    pub(crate) fn kernel(self) -> (usize, [T; 2]) {
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
