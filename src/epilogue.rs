//! What is done to every element of a finished product, in the same pass.

use core::fmt;
use core::sync::atomic::AtomicU8;

use crate::activation::Activation;
use crate::disjoint::check_disjoint;
use crate::element::{Element, Real};
use crate::error::Error;
use crate::gemm::{check_length, check_shape};
use crate::matrix::{MatMut, MatRef};
use crate::nest::bits::Bits;

/// A function of an element's row, column and value.
type Function<'a, T> = &'a (dyn Fn(usize, usize, T) -> T + Sync);

/// What becomes of C = `alpha`·A·B + `beta`·C once it is summed, in this order and while it is in a near cache: a bias
/// per column and one per row are added, then a residual; then come the activation, or the multiplication by a gate's,
/// and last a function of yours.
///
/// The bits are those of the same steps one after the other. Nothing else is written, and C is not read again.
///
/// ```
/// use lapidary::{Activation, Epilogue, Gemm, MatMut, MatRef};
/// let (x, w, bias) = ([1.0, 2.0], [3.0, -4.0], [0.5, 0.5]);
/// let x = MatRef::row_major(&x, 2, 1)?;
/// let w = MatRef::row_major(&w, 1, 2)?;
/// let mut y = [0.0; 4];
/// let epilogue = Epilogue::new().bias(&bias).activation(Activation::Relu);
/// Gemm::new(x, w).epilogue(&epilogue).run(MatMut::row_major(&mut y, 2, 2)?)?;
/// assert_eq!(y, [3.5, 0.0, 6.5, 0.0]);
/// # Ok::<(), lapidary::Error>(())
/// ```
#[derive(Clone, Copy)]
#[must_use = "an epilogue is part of a product"]
pub struct Epilogue<'a, T: Element> {
    pub(crate) bias: Option<&'a [T]>,
    pub(crate) row_bias: Option<&'a [T]>,
    pub(crate) residual: Option<MatRef<'a, T>>,
    pub(crate) gate: Option<MatRef<'a, T>>,
    pub(crate) activation: Option<Activation<T>>,
    pub(crate) map: Option<Function<'a, T>>,
    /// Where the elements go before the activation. Written to: only `saving` sets it, for a call that owns the matrix.
    pub(crate) saved: Option<MatRef<'a, T>>,
    /// Where it is noted which elements are positive in the end.
    pub(crate) positive: Option<Bits<&'a [AtomicU8]>>,
}

impl<T: Element> Default for Epilogue<'_, T> {
    fn default() -> Self {
        Epilogue {
            bias: None,
            row_bias: None,
            residual: None,
            gate: None,
            activation: None,
            map: None,
            saved: None,
            positive: None,
        }
    }
}

impl<T: Element> fmt::Debug for Epilogue<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epilogue")
            .field("bias", &self.bias)
            .field("row_bias", &self.row_bias)
            .field("residual", &self.residual)
            .field("gate", &self.gate)
            .field("activation", &self.activation)
            .field("map", &self.map.is_some())
            .finish()
    }
}

impl<'a, T: Real> Epilogue<'a, T> {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value to each column of C, m×n: `bias` has length n.
    pub fn bias(mut self, bias: &'a [T]) -> Self {
        self.bias = Some(bias);
        self
    }

    /// Adds a value to each row of C, m×n: `bias` has length m. It comes after the bias of the columns.
    ///
    /// ```
    /// use lapidary::{Epilogue, Gemm, MatMut, MatRef};
    /// let (a, mut c) = ([1.0, 2.0], [0.0; 4]);
    /// let a = MatRef::row_major(&a, 2, 1)?;
    /// Gemm::new(a, a.t()).epilogue(&Epilogue::new().row_bias(&[10.0, 20.0])).run(MatMut::row_major(&mut c, 2, 2)?)?;
    /// assert_eq!(c, [11.0, 12.0, 22.0, 24.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn row_bias(mut self, bias: &'a [T]) -> Self {
        self.row_bias = Some(bias);
        self
    }

    /// Adds a matrix of C's shape, after both biases.
    ///
    /// ```
    /// use lapidary::{Epilogue, Gemm, MatMut, MatRef};
    /// let (a, residual, mut c) = ([1.0, 2.0], [0.5; 4], [0.0; 4]);
    /// let a = MatRef::row_major(&a, 2, 1)?;
    /// let epilogue = Epilogue::new().residual(MatRef::row_major(&residual, 2, 2)?);
    /// Gemm::new(a, a.t()).epilogue(&epilogue).run(MatMut::row_major(&mut c, 2, 2)?)?;
    /// assert_eq!(c, [1.5, 2.5, 2.5, 4.5]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn residual(mut self, residual: MatRef<'a, T>) -> Self {
        self.residual = Some(residual);
        self
    }

    /// Passes each element through an activation.
    pub fn activation(mut self, activation: Activation<T>) -> Self {
        self.activation = Some(activation);
        self
    }

    /// Multiplies each element by that of a matrix of C's shape, which the activation, if there is one, is applied to
    /// instead: C ← act(gate) ⊙ C.
    ///
    /// ```
    /// use lapidary::{Activation, Epilogue, Gemm, MatMut, MatRef};
    /// let (a, gate, mut c) = ([1.0, 2.0], [-1.0, 2.0, 3.0, -4.0], [0.0; 4]);
    /// let a = MatRef::row_major(&a, 2, 1)?;
    /// let epilogue = Epilogue::new().activation(Activation::Relu).gate(MatRef::row_major(&gate, 2, 2)?);
    /// Gemm::new(a, a.t()).epilogue(&epilogue).run(MatMut::row_major(&mut c, 2, 2)?)?;
    /// assert_eq!(c, [0.0, 4.0, 6.0, 0.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn gate(mut self, gate: MatRef<'a, T>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Last of all, calls `map(row, column, element)` and stores what it returns. Threads may call it at once, in any
    /// order. If it panics, C holds a part of the result.
    ///
    /// ```
    /// use lapidary::{Epilogue, Gemm, MatMut, MatRef};
    /// let (a, mut c) = ([1.0, 2.0], [0.0; 4]);
    /// let a = MatRef::row_major(&a, 2, 1)?;
    /// let causal = |row, col, x| if col > row { f64::NEG_INFINITY } else { x };
    /// Gemm::new(a, a.t()).epilogue(&Epilogue::new().map(&causal)).run(MatMut::row_major(&mut c, 2, 2)?)?;
    /// assert_eq!(c, [1.0, f64::NEG_INFINITY, 2.0, 4.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn map(mut self, map: &'a (dyn Fn(usize, usize, T) -> T + Sync)) -> Self {
        self.map = Some(map);
        self
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        let Epilogue { bias, row_bias, residual, gate, activation, map, saved, positive } = self;
        let vectors = bias.is_some() || row_bias.is_some();
        let matrices = residual.is_some() || gate.is_some() || saved.is_some() || positive.is_some();
        !vectors && !matrices && activation.is_none() && map.is_none()
    }

    /// The same, which also stores what goes into the activation.
    pub(crate) fn saving<'b>(&self, saved: &'b MatMut<'_, T>) -> Epilogue<'b, T>
    where
        'a: 'b,
    {
        Epilogue { saved: Some(saved.as_ref()), ..*self }
    }
}

impl<T: Element> Epilogue<'_, T> {
    /// Whether it fits the C = A·B that it is for, and what is written shares no memory with what is read.
    pub(crate) fn check(&self, a: MatRef<'_, T>, b: MatRef<'_, T>, c: MatRef<'_, T>) -> Result<(), Error> {
        let (m, n) = (c.rows(), c.cols());
        if let Some(bias) = self.bias {
            check_length("the bias", "columns of the product", n, bias.len())?;
        }
        if let Some(bias) = self.row_bias {
            check_length("the row bias", "rows of the product", m, bias.len())?;
        }
        let matrices = [("the residual", self.residual), ("the gate", self.gate), ("the pre-activation", self.saved)];
        for (operand, matrix) in matrices {
            if let Some(matrix) = matrix {
                let meaning = "rows × columns of the product";
                check_shape(operand, meaning, (m, n), (matrix.rows(), matrix.cols()))?;
            }
        }
        let [residual, gate, saved] = matrices;
        let (bias, row_bias) = (self.bias.map(MatRef::row), self.row_bias.map(MatRef::row));
        check_disjoint(
            || [("A", Some(a)), ("B", Some(b)), ("the bias", bias), ("the row bias", row_bias), residual, gate],
            || [("C", Some(c)), saved],
        )
    }
}
