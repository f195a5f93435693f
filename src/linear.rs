//! The public layer: forward `Y = act(X·W + b)` in one call, and backward (`backward`) in one; pairs of layers (`gated`).

mod backward;
mod gated;

pub use backward::Backward;
pub use gated::Gated;

use crate::activation::Activation;
use crate::disjoint::check_disjoint;
use crate::element::Real;
use crate::epilogue::Epilogue;
use crate::error::Error;
use crate::gemm::{Gemm, Threads, check_length, check_shape};
use crate::machine::machine;
use crate::matrix::{MatMut, MatRef};
use crate::nest::bits::{self, Bits};

/// Bytes of G, and as many of dZ, that wait in a cache for the next product. More keep W packed for longer.
const STRETCH_BYTES: usize = 4 << 20;

/// A linear layer over borrowed parameters: a weight d_in×d_out and, if wanted, a bias of length d_out and an
/// activation.
///
/// A weight stored the other way round (d_out×d_in, as some frameworks do) is given as its transpose: `w.t()`. Nothing
/// is copied or transposed in memory, forward or backward.
///
/// ```
/// use lapidary::{Linear, MatMut, MatRef};
/// let x = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]; // 3 examples × d_in = 2
/// let w = [2.0, 1.0, -1.0, 3.0]; // d_in × d_out = 2
/// let x = MatRef::row_major(&x, 3, 2)?;
/// let layer = Linear::new(MatRef::row_major(&w, 2, 2)?).bias(&[0.5, -2.0]);
///
/// let mut y = [0.0; 6];
/// layer.forward(x, MatMut::row_major(&mut y, 3, 2)?)?;
/// assert_eq!(y, [2.5, -1.0, -0.5, 1.0, 1.5, 2.0]);
///
/// let g = [1.0; 6]; // ∂L/∂Y for L = the sum of Y
/// let (mut dx, mut dw, mut db) = ([0.0; 6], [0.0; 4], [0.0; 2]);
/// layer
///     .backward(MatRef::row_major(&g, 3, 2)?)
///     .dx(MatMut::row_major(&mut dx, 3, 2)?)
///     .dw(x, MatMut::row_major(&mut dw, 2, 2)?)
///     .db(&mut db)
///     .run()?;
/// assert_eq!(dx, [3.0, 2.0, 3.0, 2.0, 3.0, 2.0]);
/// assert_eq!(dw, [2.0, 2.0, 2.0, 2.0]);
/// assert_eq!(db, [3.0, 3.0]);
/// # Ok::<(), lapidary::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until `forward` or `backward`"]
pub struct Linear<'a, T: Real> {
    weight: MatRef<'a, T>,
    bias: Option<&'a [T]>,
    activation: Option<Activation<T>>,
    threads: Threads,
}

impl<'a, T: Real> Linear<'a, T> {
    /// A layer with a weight d_in×d_out and no bias.
    #[inline]
    pub fn new(weight: MatRef<'a, T>) -> Self {
        Linear { weight, bias: None, activation: None, threads: Threads::default() }
    }

    /// Adds a bias of length d_out, one value per column of Y.
    #[inline]
    pub fn bias(mut self, bias: &'a [T]) -> Self {
        self.bias = Some(bias);
        self
    }

    /// Passes each element of X·W + b through an activation.
    ///
    /// ```
    /// use lapidary::{Activation, Linear, MatMut, MatRef};
    /// let (x, w, g) = ([1.0, 2.0], [1.0, -1.0], [1.0; 4]);
    /// let x = MatRef::row_major(&x, 2, 1)?;
    /// let layer = Linear::new(MatRef::row_major(&w, 1, 2)?).activation(Activation::Relu);
    ///
    /// let (mut y, mut z) = ([0.0; 4], [0.0; 4]);
    /// layer.pass(x).pre_activation(MatMut::row_major(&mut z, 2, 2)?).run(MatMut::row_major(&mut y, 2, 2)?)?;
    /// assert_eq!(y, [1.0, 0.0, 2.0, 0.0]);
    /// assert_eq!(z, [1.0, -1.0, 2.0, -2.0]);
    ///
    /// let (mut dx, mut dw) = ([0.0; 2], [0.0; 2]);
    /// layer
    ///     .backward(MatRef::row_major(&g, 2, 2)?)
    ///     .pre_activation(MatRef::row_major(&z, 2, 2)?)
    ///     .dx(MatMut::row_major(&mut dx, 2, 1)?)
    ///     .dw(x, MatMut::row_major(&mut dw, 1, 2)?)
    ///     .run()?;
    /// assert_eq!(dx, [1.0, 1.0]);
    /// assert_eq!(dw, [3.0, 0.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn activation(mut self, activation: Activation<T>) -> Self {
        self.activation = Some(activation);
        self
    }

    /// Who computes it.
    #[inline]
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Y ← act(X·W + b) with X n×d_in and Y n×d_out. Y is not read. For d_in = 0 every row of X·W + b is the bias.
    ///
    /// # Errors
    /// If a shape does not fit the weight's, the bias has not length d_out, or Y overlaps itself, X, W or the bias. Y is
    /// untouched then.
    #[inline]
    pub fn forward(&self, x: MatRef<'_, T>, y: MatMut<'_, T>) -> Result<(), Error> {
        self.pass(x).run(y)
    }

    /// A forward pass of which more is wanted than Y: say what, then `run`.
    #[inline]
    pub fn pass<'o>(&self, x: MatRef<'o, T>) -> Forward<'o, T>
    where
        'a: 'o,
    {
        Forward { layer: *self, x, residual: None, gate: None, saved: None, mask: None }
    }

    /// Bytes of the mask of a batch of n: n·⌈d_out/8⌉.
    #[inline]
    pub fn mask_len(&self, n: usize) -> usize {
        bits::bytes(n, self.weight.cols())
    }

    fn check_mask(&self, n: usize, mask: &[u8]) -> Result<(), Error> {
        if self.activation != Some(Activation::Relu) {
            return Err(Error::Missing { operand: "ReLU", meaning: "the activation that a mask is for" });
        }
        check_length("the mask", "n·⌈d_out/8⌉", self.mask_len(n), mask.len())
    }

    /// The backward pass for G = ∂L/∂Y, n×d_out: say which gradients to write, then `run`.
    ///
    /// With Z = X·W + b and Y = act(Z), L depends on Z by dZ = G ⊙ act′(Z), and on the rest by Z alone: dX = dZ·Wᵀ, since
    /// Wᵀ is the adjoint of what W does to a row; dW = Xᵀ·dZ, the sum over examples of the outer products of a row of X
    /// and the row of dZ; db = 1ᵀ·dZ, the sum of its rows. See [the derivation](crate::guide).
    #[inline]
    pub fn backward<'o>(&self, g: MatRef<'o, T>) -> Backward<'o, T>
    where
        'a: 'o,
    {
        Backward::new(*self, g)
    }
}

/// A forward pass to be computed: Y = act(X·W + b + R).
#[derive(Debug)]
#[must_use = "a pass is computed by `run`"]
pub struct Forward<'o, T: Real> {
    layer: Linear<'o, T>,
    x: MatRef<'o, T>,
    residual: Option<MatRef<'o, T>>,
    /// Multiplied by, through the activation, which Y has none of then.
    gate: Option<MatRef<'o, T>>,
    saved: Option<MatMut<'o, T>>,
    mask: Option<&'o mut [u8]>,
}

impl<'o, T: Real> Forward<'o, T> {
    /// Adds R, n×d_out, before the activation.
    ///
    /// ```
    /// use lapidary::{Linear, MatMut, MatRef};
    /// let (x, w, r, mut y) = ([1.0, 2.0], [3.0], [0.5, 0.25], [0.0; 2]);
    /// let layer = Linear::new(MatRef::row_major(&w, 1, 1)?);
    /// let r = MatRef::row_major(&r, 2, 1)?;
    /// layer.pass(MatRef::row_major(&x, 2, 1)?).residual(r).run(MatMut::row_major(&mut y, 2, 1)?)?;
    /// assert_eq!(y, [3.5, 6.25]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn residual(mut self, residual: MatRef<'o, T>) -> Self {
        self.residual = Some(residual);
        self
    }

    /// Stores Z = X·W + b + R, n×d_out, which the backward pass takes the activation's derivative at. It is written in the
    /// same pass. (For [`Relu`](Activation::Relu) Y serves as well: it is positive where Z is. Or a [`mask`](Self::mask).)
    #[inline]
    pub fn pre_activation(mut self, z: MatMut<'o, T>) -> Self {
        self.saved = Some(z);
        self
    }

    /// Stores a bit for each element of Y, n×d_out, whether it is positive: all that the backward pass of a
    /// [`Relu`](Activation::Relu) needs of Z, in a thirty-second of the bytes of an `f32`. It is written in the same pass.
    ///
    /// Each of n rows has ⌈d_out/8⌉ bytes, [`Linear::mask_len`] in all; column j is bit j mod 8 of byte j/8, and the bits
    /// beyond the last are 0. So is that of NaN, which a mask cannot tell.
    ///
    /// ```
    /// use lapidary::{Activation, Linear, MatMut, MatRef};
    /// let (x, w, g) = ([1.0, 2.0], [1.0, -1.0, 3.0], [1.0; 6]);
    /// let x = MatRef::row_major(&x, 2, 1)?;
    /// let layer = Linear::new(MatRef::row_major(&w, 1, 3)?).activation(Activation::Relu);
    ///
    /// let (mut y, mut mask) = ([0.0; 6], [0; 2]);
    /// assert_eq!(layer.mask_len(2), mask.len());
    /// layer.pass(x).mask(&mut mask).run(MatMut::row_major(&mut y, 2, 3)?)?;
    /// assert_eq!(y, [1.0, 0.0, 3.0, 2.0, 0.0, 6.0]);
    /// assert_eq!(mask, [0b101, 0b101]);
    ///
    /// let mut dw = [0.0; 3];
    /// layer.backward(MatRef::row_major(&g, 2, 3)?).mask(&mask).dw(x, MatMut::row_major(&mut dw, 1, 3)?).run()?;
    /// assert_eq!(dw, [3.0, 0.0, 3.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn mask(mut self, mask: &'o mut [u8]) -> Self {
        self.mask = Some(mask);
        self
    }

    /// Computes Y, n×d_out, which is not read.
    ///
    /// # Errors
    /// If a shape does not fit the weight's and X's, the bias has not length d_out, the mask has not its length or the layer no
    /// ReLU, or an output overlaps itself or another operand. Nothing is written then.
    pub fn run(mut self, mut y: MatMut<'_, T>) -> Result<(), Error> {
        self.check(&y)?;
        let machine = machine()?;
        let (x, Linear { weight, threads, .. }) = (self.x, self.layer);
        Gemm::new(x, weight).threads(threads).epilogue(&self.epilogue()).execute(&mut y, machine);
        Ok(())
    }

    fn epilogue(&mut self) -> Epilogue<'_, T> {
        let Forward { layer: Linear { weight, bias, activation, .. }, residual, gate, saved, mask, .. } = self;
        let (saved, positive) =
            (saved.as_ref().map(MatMut::as_ref), mask.as_mut().map(|m| Bits::new(m, weight.cols())));
        let (bias, activation, residual, gate) = (*bias, *activation, *residual, *gate);
        Epilogue { bias, activation, residual, gate, saved, positive, ..Epilogue::new() }
    }

    fn check(&self, y: &MatMut<'_, T>) -> Result<(), Error> {
        let (weight, x, y) = (self.layer.weight, self.x, y.as_ref());
        let (d_in, d_out, n) = (weight.rows(), weight.cols(), x.rows());
        check_shape("X", "n×d_in", (n, d_in), (x.rows(), x.cols()))?;
        check_shape("Y", "n×d_out", (n, d_out), (y.rows(), y.cols()))?;
        if let Some(residual) = &self.residual {
            check_shape("R", "n×d_out", (n, d_out), (residual.rows(), residual.cols()))?;
        }
        if let Some(bias) = self.layer.bias {
            check_length("the bias", "d_out", d_out, bias.len())?;
        }
        if let Some(mask) = &self.mask {
            self.layer.check_mask(n, mask)?;
        }
        let z = self.saved.as_ref().map(MatMut::as_ref);
        if let Some(z) = z {
            check_shape("Z", "n×d_out", (n, d_out), (z.rows(), z.cols()))?;
        }
        let bias = self.layer.bias.map(MatRef::row);
        check_disjoint(
            || [("X", Some(x)), ("W", Some(weight)), ("R", self.residual), ("the bias", bias)],
            || [("Y", Some(y)), ("Z", z)],
        )
    }
}
