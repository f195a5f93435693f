//! Pairs of layers, one the gate of the other.

use super::{Forward, Linear, STRETCH_BYTES};
use crate::element::Real;
use crate::error::Error;
use crate::gemm::check_shape;
use crate::machine::machine;
use crate::matrix::{MatMut, MatRef};
use crate::nest::each::buffer;
use crate::scratch::Scratch;

/// Two layers of one input, the first the gate of the second: Y = act(X·W₁ + b₁) ⊙ (X·W₂ + b₂). With
/// [`Silu`](crate::Activation::Silu) it is SwiGLU (Shazeer, *GLU variants improve transformer*, 2020).
///
/// X is read once from memory, and nothing but Y is written.
///
/// ```
/// use lapidary::{Activation, Gated, Linear, MatMut, MatRef};
/// let (x, gate, value, mut y) = ([1.0, 2.0], [1.0, -1.0], [3.0, 5.0], [0.0; 4]);
/// let x = MatRef::row_major(&x, 2, 1)?;
/// let gate = Linear::new(MatRef::row_major(&gate, 1, 2)?).activation(Activation::Relu);
/// let value = Linear::new(MatRef::row_major(&value, 1, 2)?);
/// Gated::new(gate, value).forward(x, MatMut::row_major(&mut y, 2, 2)?)?;
/// assert_eq!(y, [3.0, 0.0, 12.0, 0.0]);
/// # Ok::<(), lapidary::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until `forward`"]
pub struct Gated<'a, T: Real> {
    gate: Linear<'a, T>,
    value: Linear<'a, T>,
}

impl<'a, T: Real> Gated<'a, T> {
    /// The activation is that of `gate`; one of `value`, and its threads, are not used.
    pub fn new(gate: Linear<'a, T>, value: Linear<'a, T>) -> Self {
        Gated { gate, value }
    }

    /// Y ← act(X·W₁ + b₁) ⊙ (X·W₂ + b₂) with X n×d_in and Y n×d_out. Y is not read.
    ///
    /// # Errors
    /// If a shape does not fit the gate's weight, a bias has not length d_out, or Y overlaps itself, X, a weight or a
    /// bias. Y is untouched then.
    pub fn forward(&self, x: MatRef<'_, T>, mut y: MatMut<'_, T>) -> Result<(), Error> {
        let Gated { gate, value } = *self;
        let (d_in, d_out) = (gate.weight.rows(), gate.weight.cols());
        let (n, found) = (x.rows(), (value.weight.rows(), value.weight.cols()));
        check_shape("W₂", "d_in×d_out", (d_in, d_out), found)?;
        let value = Linear { activation: gate.activation, threads: gate.threads, ..value };
        let gate = Linear { activation: None, ..gate };
        gate.pass(x).check(&y)?;
        value.pass(x).check(&y)?;
        machine()?;
        // A stretch of X, and the gate's part for it, stay in a cache.
        let row_bytes = (d_in.max(d_out) * size_of::<T>()).max(1);
        let stretch = (STRETCH_BYTES / row_bytes).next_multiple_of(64).min(n);
        let mut scratch = Scratch::new::<T>(stretch * d_out);
        let mut rows = 0..stretch;
        while !rows.is_empty() {
            let x = x.part(rows.clone(), 0..d_in);
            let mut z = buffer(&mut scratch, rows.len(), d_out, false);
            gate.forward(x, z.reborrow())?;
            let pass = Forward { gate: Some(z.as_ref()), ..value.pass(x) };
            pass.run(y.reborrow().part(rows.clone(), 0..d_out))?;
            rows = rows.end..n.min(rows.end + stretch);
        }
        Ok(())
    }
}
