//! The public layer: forward `Y = X·W + b`, backward `dX = G·Wᵀ`, `dW = Xᵀ·G`, `db = 1ᵀ·G`.

use crate::element::Element;
use crate::error::Error;
use crate::gemm::{Gemm, Threads, check_output, check_shape};
use crate::machine::machine;
use crate::matrix::{MatMut, MatRef};

/// A linear layer over borrowed parameters: a weight d_in×d_out and, if wanted, a bias of length d_out.
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
pub struct Linear<'a, T: Element> {
    weight: MatRef<'a, T>,
    bias: Option<&'a [T]>,
    threads: Threads,
}

impl<'a, T: Element> Linear<'a, T> {
    /// A layer with a weight d_in×d_out and no bias.
    pub fn new(weight: MatRef<'a, T>) -> Self {
        Linear { weight, bias: None, threads: Threads::default() }
    }

    /// Adds a bias of length d_out, one value per column of Y.
    pub fn bias(mut self, bias: &'a [T]) -> Self {
        self.bias = Some(bias);
        self
    }

    /// Who computes it.
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Y ← X·W + b with X n×d_in and Y n×d_out. Y is not read. For d_in = 0 every row of Y is the bias.
    ///
    /// # Errors
    /// If a shape does not fit the weight's, the bias has not length d_out, or Y overlaps itself, X, W or the bias. Y is
    /// untouched then.
    pub fn forward(&self, x: MatRef<'_, T>, y: MatMut<'_, T>) -> Result<(), Error> {
        let (d_in, d_out, n) = (self.weight.rows(), self.weight.cols(), x.rows());
        check_shape("X", "n×d_in", (n, d_in), (x.rows(), x.cols()))?;
        check_shape("Y", "n×d_out", (n, d_out), (y.rows(), y.cols()))?;
        let bias = self.bias.map(|bias| bias_row("the bias", bias, n, d_out)).transpose()?;
        check_output("Y", y.as_ref(), &[("X", x), ("W", self.weight)])?;
        check_output("Y", y.as_ref(), bias.map(|bias| ("the bias", bias)).as_slice())?;
        let machine = machine()?;
        let mut gemm = Gemm::new(x, self.weight).threads(self.threads);
        gemm.bias = bias;
        gemm.execute(y, machine);
        Ok(())
    }

    /// The backward pass for G = ∂L/∂Y, n×d_out: say which gradients to write, then `run`.
    ///
    /// From L's dependence on Y = X·W + b alone: dX = G·Wᵀ, since Wᵀ is the adjoint of what W does to a row; dW = Xᵀ·G,
    /// the sum over examples of the outer products of a row of X and the row of G; db = 1ᵀ·G, the sum of G's rows.
    pub fn backward<'o>(&self, g: MatRef<'o, T>) -> Backward<'o, T>
    where
        'a: 'o,
    {
        Backward { layer: *self, g, dx: None, dw: None, db: None }
    }
}

/// A backward pass to be computed: any of dX, dW and db, each overwritten or added to.
#[derive(Debug)]
#[must_use = "gradients are computed by `run`"]
pub struct Backward<'o, T: Element> {
    layer: Linear<'o, T>,
    g: MatRef<'o, T>,
    dx: Option<(MatMut<'o, T>, T)>,
    dw: Option<(MatRef<'o, T>, MatMut<'o, T>, T)>,
    db: Option<(&'o mut [T], T)>,
}

impl<'o, T: Element> Backward<'o, T> {
    /// dX ← G·Wᵀ, n×d_in.
    pub fn dx(mut self, dx: MatMut<'o, T>) -> Self {
        self.dx = Some((dx, T::ZERO));
        self
    }

    /// dX ← dX + G·Wᵀ, n×d_in.
    pub fn add_dx(mut self, dx: MatMut<'o, T>) -> Self {
        self.dx = Some((dx, T::ONE));
        self
    }

    /// dW ← Xᵀ·G for the X of the forward pass, n×d_in. dW is d_in×d_out (the transpose of a weight stored the other way
    /// round).
    pub fn dw(mut self, x: MatRef<'o, T>, dw: MatMut<'o, T>) -> Self {
        self.dw = Some((x, dw, T::ZERO));
        self
    }

    /// dW ← dW + Xᵀ·G, as [`dw`](Self::dw).
    pub fn add_dw(mut self, x: MatRef<'o, T>, dw: MatMut<'o, T>) -> Self {
        self.dw = Some((x, dw, T::ONE));
        self
    }

    /// db ← 1ᵀ·G, length d_out.
    pub fn db(mut self, db: &'o mut [T]) -> Self {
        self.db = Some((db, T::ZERO));
        self
    }

    /// db ← db + 1ᵀ·G, length d_out.
    ///
    /// ```
    /// use lapidary::{Linear, MatRef};
    /// let (w, g, mut db) = ([0.0; 2], [1.0, 2.0, 3.0, 4.0], [10.0, 10.0]);
    /// let layer = Linear::new(MatRef::row_major(&w, 1, 2)?);
    /// layer.backward(MatRef::row_major(&g, 2, 2)?).add_db(&mut db).run()?; // the gradients of two micro-batches add up
    /// assert_eq!(db, [14.0, 16.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn add_db(mut self, db: &'o mut [T]) -> Self {
        self.db = Some((db, T::ONE));
        self
    }

    /// Computes the gradients asked for.
    ///
    /// # Errors
    /// If a shape does not fit the weight's and G's, or an output overlaps itself or another operand. Nothing is
    /// written then.
    pub fn run(self) -> Result<(), Error> {
        let Backward { layer, g, dx, dw, db } = self;
        let weight = layer.weight;
        let (d_in, d_out, n) = (weight.rows(), weight.cols(), g.rows());
        check_shape("G", "n×d_out", (n, d_out), (n, g.cols()))?;
        if let Some((dx, _)) = &dx {
            check_shape("dX", "n×d_in", (n, d_in), (dx.rows(), dx.cols()))?;
        }
        if let Some((x, dw, _)) = &dw {
            check_shape("X", "n×d_in", (n, d_in), (x.rows(), x.cols()))?;
            check_shape("dW", "d_in×d_out", (d_in, d_out), (dw.rows(), dw.cols()))?;
        }
        let db_row = db.as_ref().map(|(db, _)| bias_row("db", db, 1, d_out)).transpose()?;

        let x = dw.as_ref().map_or(g, |(x, ..)| *x);
        let inputs = [("G", g), ("W", weight), ("X", x)];
        let dw_view = dw.as_ref().map(|(_, dw, _)| dw.as_ref());
        if let Some((dx, _)) = &dx {
            check_output("dX", dx.as_ref(), &inputs)?;
            check_output("dX", dx.as_ref(), dw_view.map(|dw| ("dW", dw)).as_slice())?;
            check_output("dX", dx.as_ref(), db_row.map(|db| ("db", db)).as_slice())?;
        }
        if let Some(dw) = dw_view {
            check_output("dW", dw, &inputs)?;
            check_output("dW", dw, db_row.map(|db| ("db", db)).as_slice())?;
        }
        if let Some(db) = db_row {
            check_output("db", db, &inputs)?;
        }
        let machine = machine()?;
        if let Some((db, beta)) = db {
            let ones = MatRef::constant(T::ONE_REF, 1, n);
            Gemm::new(ones, g).beta(beta).threads(layer.threads).execute(MatMut::row_major(db, 1, d_out)?, machine);
        }
        if let Some((x, dw, beta)) = dw {
            Gemm::new(x.t(), g).beta(beta).threads(layer.threads).execute(dw, machine);
        }
        if let Some((dx, beta)) = dx {
            Gemm::new(g, layer.weight.t()).beta(beta).threads(layer.threads).execute(dx, machine);
        }
        Ok(())
    }
}

/// A vector of length d_out as a matrix that repeats it in every row.
fn bias_row<'a, T: Element>(
    operand: &'static str,
    vector: &'a [T],
    rows: usize,
    d_out: usize,
) -> Result<MatRef<'a, T>, Error> {
    match vector.len() {
        found if found == d_out => MatRef::strided(vector, rows, d_out, 0, 1),
        found => Err(Error::Length { operand, meaning: "d_out", expected: d_out, found }),
    }
}
