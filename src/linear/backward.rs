//! The backward pass of a layer: G read once, in stretches.

use super::{Linear, STRETCH_BYTES};
use crate::activation::Activation;
use crate::disjoint::check_disjoint;
use crate::element::Real;
use crate::error::Error;
use crate::gemm::{Gemm, check_length, check_shape};
use crate::machine::machine;
use crate::matrix::{MatMut, MatRef};
use crate::nest::bits::{self, Bits};
use crate::nest::each::{Slope, buffer};
use crate::plan::block_len;
use crate::scratch::Scratch;

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
    mask: Option<&'o [u8]>,
    dz: Option<MatMut<'o, T>>,
    dx: Option<(MatMut<'o, T>, T)>,
    dw: Option<(MatRef<'o, T>, MatMut<'o, T>, T)>,
    db: Option<(&'o mut [T], T)>,
}

impl<'o, T: Real> Backward<'o, T> {
    #[inline]
    pub(super) fn new(layer: Linear<'o, T>, g: MatRef<'o, T>) -> Self {
        Backward { layer, g, z: None, mask: None, dz: None, dx: None, dw: None, db: None }
    }

    /// The Z of the forward pass, n×d_out: what went into the activation. Needed if the layer has one, but for a
    /// [`mask`](Self::mask).
    #[inline]
    pub fn pre_activation(mut self, z: MatRef<'o, T>) -> Self {
        self.z = Some(z);
        self
    }

    /// In place of Z, the [mask](super::Forward::mask) of the forward pass of a ReLU, n·⌈d_out/8⌉ bytes: where a bit is set,
    /// the derivative is 1, elsewhere it is 0. The bits of the gradients are those that Z leads to, unless that holds NaN.
    #[inline]
    pub fn mask(mut self, mask: &'o [u8]) -> Self {
        self.mask = Some(mask);
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
    /// If a shape does not fit the weight's and G's, Z is missing, a mask has not its length or the layer no ReLU, or an
    /// output overlaps itself or another operand. Nothing is written then.
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
                let mask = self.mask.map(|mask| Bits::read_only(&mask[bits::bytes(rows.start, d_out)..], d_out));
                let slope = Slope { z, mask, g, dz: dz.reborrow(), activation };
                slope.run(kernels, threads.tasks(rows.len(), d_out, SLOPE_STEPS));
                g = dz.as_ref();
            }
            if let Some((db, first)) = &mut self.db {
                let ones = MatRef::constant(T::ONE_REF, 1, rows.len());
                let sum = Gemm::new(ones, g).beta(beta(*first)).threads(threads).in_blocks(block);
                sum.execute(&mut MatMut::row(db), machine);
            }
            // Before dW, which would push out what a cache still holds of W (a step of 1×4096 1.04 times as fast).
            if let Some((dx, beta)) = &mut self.dx {
                let mut dx = dx.reborrow().part(rows.clone(), 0..self.layer.weight.rows());
                Gemm::new(g, self.layer.weight.t()).beta(*beta).threads(threads).execute(&mut dx, machine);
            }
            if let Some((x, dw, first)) = &mut self.dw {
                let x = x.part(rows.clone(), 0..x.cols());
                let product = Gemm::new(x.t(), g).beta(beta(*first)).threads(threads).in_blocks(block);
                product.execute(dw, machine);
            }
            rows = rows.end..n.min(rows.end + stretch);
            if rows.is_empty() {
                return Ok(());
            }
        }
    }

    /// Rows of G that are done with before the next are read: whole K-blocks of dW and db, as many as stay in a cache.
    fn stretch(&self, block: usize) -> usize {
        if self.g.rows() <= block {
            return self.g.rows().max(1);
        }
        let readers = [self.dx.is_some(), self.dw.is_some(), self.db.is_some(), self.layer.activation.is_some()];
        let row_bytes = (self.g.cols() * size_of::<T>()).max(1);
        match readers.into_iter().filter(|&reads| reads).count() {
            0 | 1 => self.g.rows(),
            _ => (STRETCH_BYTES / row_bytes / block.max(1)).max(1) * block,
        }
        .max(1)
    }

    fn check(&self) -> Result<(), Error> {
        let Backward { layer, g, z, mask, dz, dx, dw, db } = self;
        let weight = layer.weight;
        let (d_in, d_out, n) = (weight.rows(), weight.cols(), g.rows());
        check_shape("G", "n×d_out", (n, d_out), (n, g.cols()))?;
        if let Some(mask) = mask {
            layer.check_mask(n, mask)?;
        }
        if let Some(z) = z {
            check_shape("Z", "n×d_out", (n, d_out), (z.rows(), z.cols()))?;
        } else if layer.activation.is_some() && mask.is_none() {
            return Err(Error::Missing { operand: "Z", meaning: "the pre-activation of the forward pass" });
        }
        if let Some((x, dw, _)) = dw {
            check_shape("X", "n×d_in", (n, d_in), (x.rows(), x.cols()))?;
            check_shape("dW", "d_in×d_out", (d_in, d_out), (dw.rows(), dw.cols()))?;
        }
        if let Some((db, _)) = db {
            check_length("db", "d_out", d_out, db.len())?;
        }
        if let Some((dx, _)) = dx {
            check_shape("dX", "n×d_in", (n, d_in), (dx.rows(), dx.cols()))?;
        }
        if let Some(dz) = dz {
            check_shape("dZ", "n×d_out", (n, d_out), (dz.rows(), dz.cols()))?;
        }
        check_disjoint(
            || [("G", Some(*g)), ("W", Some(weight)), ("Z", *z), ("X", dw.as_ref().map(|(x, ..)| *x))],
            || {
                [
                    ("db", db.as_ref().map(|(db, _)| MatRef::row(db))),
                    ("dW", dw.as_ref().map(|(_, dw, _)| dw.as_ref())),
                    ("dX", dx.as_ref().map(|(dx, _)| dx.as_ref())),
                    ("dZ", dz.as_ref().map(MatMut::as_ref)),
                ]
            },
        )
    }
}

/// An activation's derivative takes about as long as so many steps of a product.
const SLOPE_STEPS: usize = 16;
