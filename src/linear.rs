//! The public layer: forward `Y = act(X·W + b)` in one call, and backward in one.

use crate::activation::Activation;
use crate::element::Real;
use crate::epilogue::Epilogue;
use crate::error::Error;
use crate::gemm::{Gemm, Threads, check_length, check_output, check_shape};
use crate::machine::machine;
use crate::matrix::{MatMut, MatRef};
use crate::nest::each::{Slope, buffer};
use crate::plan::block_len;
use crate::scratch::Scratch;

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
        Forward { layer: *self, x, residual: None, gate: None, saved: None }
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
        Backward { layer: *self, g, z: None, dz: None, dx: None, dw: None, db: None }
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
    /// same pass. (For [`Relu`](Activation::Relu) Y serves as well: it is positive where Z is.)
    #[inline]
    pub fn pre_activation(mut self, z: MatMut<'o, T>) -> Self {
        self.saved = Some(z);
        self
    }

    /// Computes Y, n×d_out, which is not read.
    ///
    /// # Errors
    /// If a shape does not fit the weight's and X's, the bias has not length d_out, or an output overlaps itself or
    /// another operand. Nothing is written then.
    pub fn run(self, y: MatMut<'_, T>) -> Result<(), Error> {
        self.check(&y)?;
        let machine = machine()?;
        let Linear { weight, threads, .. } = self.layer;
        Gemm::new(self.x, weight).threads(threads).epilogue(&self.epilogue()).execute(y, machine);
        Ok(())
    }

    fn epilogue(&self) -> Epilogue<'_, T> {
        let Forward { layer: Linear { bias, activation, .. }, residual, gate, .. } = *self;
        Epilogue { bias, activation, residual, gate, saved: self.saved.as_ref().map(MatMut::as_ref), ..Epilogue::new() }
    }

    fn check(&self, y: &MatMut<'_, T>) -> Result<(), Error> {
        let (weight, x, y) = (self.layer.weight, self.x, y.as_ref());
        let (d_in, d_out, n) = (weight.rows(), weight.cols(), x.rows());
        check_shape("X", "n×d_in", (n, d_in), (x.rows(), x.cols()))?;
        check_shape("Y", "n×d_out", (n, d_out), (y.rows(), y.cols()))?;
        let mut inputs = [("X", x), ("W", weight), ("X", x), ("X", x)];
        if let Some(residual) = self.residual {
            check_shape("R", "n×d_out", (n, d_out), (residual.rows(), residual.cols()))?;
            inputs[2] = ("R", residual);
        }
        if let Some(bias) = self.layer.bias {
            check_length("the bias", "d_out", d_out, bias.len())?;
            inputs[3] = ("the bias", MatRef::row_major(bias, 1, d_out)?);
        }
        check_output("Y", y, &inputs)?;
        if let Some(z) = self.saved.as_ref().map(MatMut::as_ref) {
            check_shape("Z", "n×d_out", (n, d_out), (z.rows(), z.cols()))?;
            check_output("Z", z, &inputs)?;
            check_output("Z", z, &[("Y", y)])?;
        }
        Ok(())
    }
}

/// A backward pass to be computed: any of dX, dW and db, each overwritten or added to.
///
/// G is read once from memory: a stretch of rows at a time, while they stay in a cache, is multiplied by the activation's
/// derivative, summed, and goes into both products. The bits are those of one whole product after the other.
#[derive(Debug)]
#[must_use = "gradients are computed by `run`"]
pub struct Backward<'o, T: Real> {
    layer: Linear<'o, T>,
    g: MatRef<'o, T>,
    z: Option<MatRef<'o, T>>,
    dz: Option<MatMut<'o, T>>,
    dx: Option<(MatMut<'o, T>, T)>,
    dw: Option<(MatRef<'o, T>, MatMut<'o, T>, T)>,
    db: Option<(&'o mut [T], T)>,
}

impl<'o, T: Real> Backward<'o, T> {
    /// The Z of the forward pass, n×d_out: what went into the activation. Needed if the layer has one.
    #[inline]
    pub fn pre_activation(mut self, z: MatRef<'o, T>) -> Self {
        self.z = Some(z);
        self
    }

    /// dZ ← G ⊙ act′(Z), n×d_out, which is also the gradient of a residual. Without this it is written nowhere.
    ///
    /// ```
    /// use lapidary::{Activation, Linear, MatMut, MatRef};
    /// let (w, g, z, mut dz) = ([1.0; 2], [5.0, 7.0], [-1.0, 1.0], [0.0; 2]);
    /// Linear::new(MatRef::row_major(&w, 1, 2)?)
    ///     .activation(Activation::Relu)
    ///     .backward(MatRef::row_major(&g, 1, 2)?)
    ///     .pre_activation(MatRef::row_major(&z, 1, 2)?)
    ///     .dz(MatMut::row_major(&mut dz, 1, 2)?)
    ///     .run()?;
    /// assert_eq!(dz, [0.0, 7.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn dz(mut self, dz: MatMut<'o, T>) -> Self {
        self.dz = Some(dz);
        self
    }

    /// dX ← dZ·Wᵀ, n×d_in. (Without an activation, dZ is G.)
    #[inline]
    pub fn dx(mut self, dx: MatMut<'o, T>) -> Self {
        self.dx = Some((dx, T::ZERO));
        self
    }

    /// dX ← dX + dZ·Wᵀ, n×d_in.
    #[inline]
    pub fn add_dx(mut self, dx: MatMut<'o, T>) -> Self {
        self.dx = Some((dx, T::ONE));
        self
    }

    /// dW ← Xᵀ·dZ for the X of the forward pass, n×d_in. dW is d_in×d_out (the transpose of a weight stored the other way
    /// round).
    #[inline]
    pub fn dw(mut self, x: MatRef<'o, T>, dw: MatMut<'o, T>) -> Self {
        self.dw = Some((x, dw, T::ZERO));
        self
    }

    /// dW ← dW + Xᵀ·dZ, as [`dw`](Self::dw).
    #[inline]
    pub fn add_dw(mut self, x: MatRef<'o, T>, dw: MatMut<'o, T>) -> Self {
        self.dw = Some((x, dw, T::ONE));
        self
    }

    /// db ← 1ᵀ·dZ, length d_out.
    #[inline]
    pub fn db(mut self, db: &'o mut [T]) -> Self {
        self.db = Some((db, T::ZERO));
        self
    }

    /// db ← db + 1ᵀ·dZ, length d_out.
    ///
    /// ```
    /// use lapidary::{Linear, MatRef};
    /// let (w, g, mut db) = ([0.0; 2], [1.0, 2.0, 3.0, 4.0], [10.0, 10.0]);
    /// let layer = Linear::new(MatRef::row_major(&w, 1, 2)?);
    /// layer.backward(MatRef::row_major(&g, 2, 2)?).add_db(&mut db).run()?; // the gradients of two micro-batches add up
    /// assert_eq!(db, [14.0, 16.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn add_db(mut self, db: &'o mut [T]) -> Self {
        self.db = Some((db, T::ONE));
        self
    }

    /// Computes the gradients asked for.
    ///
    /// # Errors
    /// If a shape does not fit the weight's and G's, Z is missing, or an output overlaps itself or another operand.
    /// Nothing is written then.
    pub fn run(mut self) -> Result<(), Error> {
        self.check()?;
        let machine = machine()?;
        let (n, d_out) = (self.g.rows(), self.layer.weight.cols());
        let threads = self.layer.threads;
        let block = block_len(n, T::KC);
        let stretch = self.stretch(block);
        let (kernels, activation) = (T::kernels(machine), Activation::number(self.layer.activation));
        let derives = self.layer.activation.is_some() || self.dz.is_some();
        let mut scratch = Scratch::new::<T>(if derives && self.dz.is_none() { stretch.min(n) * d_out } else { 0 });

        let mut rows = 0..stretch.min(n);
        loop {
            let beta = |first: T| if rows.start == 0 { first } else { T::ONE };
            let mut g = self.g.part(rows.clone(), 0..d_out);
            let mut dz = derives.then(|| match &mut self.dz {
                Some(dz) => dz.reborrow().part(rows.clone(), 0..d_out),
                None => buffer(&mut scratch, rows.len(), d_out, g.col_stride() != 1 && g.row_stride() == 1),
            });
            if let Some(dz) = &mut dz {
                let z = self.z.map_or(g, |z| z.part(rows.clone(), 0..d_out));
                let slope = Slope { z, g, dz: dz.reborrow(), activation };
                slope.run(kernels, threads.tasks(rows.len(), d_out, SLOPE_STEPS));
                g = dz.as_ref();
            }
            if let Some((db, first)) = &mut self.db {
                let ones = MatRef::constant(T::ONE_REF, 1, rows.len());
                let sum = Gemm::new(ones, g).beta(beta(*first)).threads(threads).in_blocks(block);
                sum.execute(MatMut::row_major(db, 1, d_out)?, machine);
            }
            if let Some((x, dw, first)) = &mut self.dw {
                let x = x.part(rows.clone(), 0..x.cols());
                let product = Gemm::new(x.t(), g).beta(beta(*first)).threads(threads).in_blocks(block);
                product.execute(dw.reborrow(), machine);
            }
            if let Some((dx, beta)) = &mut self.dx {
                let dx = dx.reborrow().part(rows.clone(), 0..self.layer.weight.rows());
                Gemm::new(g, self.layer.weight.t()).beta(*beta).threads(threads).execute(dx, machine);
            }
            rows = rows.end..n.min(rows.end + stretch);
            if rows.is_empty() {
                return Ok(());
            }
        }
    }

    /// Rows of G that are done with before the next are read: whole K-blocks of dW and db, as many as stay in a cache.
    fn stretch(&self, block: usize) -> usize {
        let readers = [self.dx.is_some(), self.dw.is_some(), self.db.is_some(), self.layer.activation.is_some()];
        let row_bytes = (self.g.cols() * size_of::<T>()).max(1);
        match readers.into_iter().filter(|&reads| reads).count() {
            0 | 1 => self.g.rows(),
            _ => (STRETCH_BYTES / row_bytes / block.max(1)).max(1) * block,
        }
        .max(1)
    }

    fn check(&self) -> Result<(), Error> {
        let Backward { layer, g, z, dz, dx, dw, db } = self;
        let weight = layer.weight;
        let (d_in, d_out, n) = (weight.rows(), weight.cols(), g.rows());
        check_shape("G", "n×d_out", (n, d_out), (n, g.cols()))?;
        if let Some(z) = z {
            check_shape("Z", "n×d_out", (n, d_out), (z.rows(), z.cols()))?;
        } else if layer.activation.is_some() {
            return Err(Error::Missing { operand: "Z", meaning: "the pre-activation of the forward pass" });
        }
        if let Some(dz) = dz {
            check_shape("dZ", "n×d_out", (n, d_out), (dz.rows(), dz.cols()))?;
        }
        if let Some((dx, _)) = dx {
            check_shape("dX", "n×d_in", (n, d_in), (dx.rows(), dx.cols()))?;
        }
        if let Some((x, dw, _)) = dw {
            check_shape("X", "n×d_in", (n, d_in), (x.rows(), x.cols()))?;
            check_shape("dW", "d_in×d_out", (d_in, d_out), (dw.rows(), dw.cols()))?;
        }
        let db = match db {
            Some((db, _)) => {
                check_length("db", "d_out", d_out, db.len())?;
                Some(MatRef::row_major(db, 1, d_out)?)
            }
            None => None,
        };
        let x = dw.as_ref().map_or(*g, |(x, ..)| *x);
        let inputs = [("G", *g), ("W", weight), ("X", x), ("Z", z.unwrap_or(*g))];
        let outputs = [
            ("dZ", dz.as_ref().map(MatMut::as_ref)),
            ("dX", dx.as_ref().map(|(dx, _)| dx.as_ref())),
            ("dW", dw.as_ref().map(|(_, dw, _)| dw.as_ref())),
            ("db", db),
        ];
        for (at, (name, output)) in outputs.into_iter().enumerate() {
            let Some(output) = output else { continue };
            check_output(name, output, &inputs)?;
            for (other, another) in outputs.into_iter().skip(at + 1) {
                if let Some(another) = another {
                    check_output(name, output, &[(other, another)])?;
                }
            }
        }
        Ok(())
    }
}

/// An activation's derivative takes about as long as so many steps of a product.
const SLOPE_STEPS: usize = 16;

/// Bytes of G, and as many of dZ, that wait in a cache for the next product. More keep W packed for longer.
const STRETCH_BYTES: usize = 4 << 20;

/// Two layers of one input, the first the gate of the second: Y = act(X·W₁ + b₁) ⊙ (X·W₂ + b₂). With
/// [`Silu`](Activation::Silu) it is SwiGLU (Shazeer, *GLU variants improve transformer*, 2020).
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
