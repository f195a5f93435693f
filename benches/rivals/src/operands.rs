//! The matrices that all competitors share, and whether a result is right.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use crate::cases::Shape;
use crate::scalar::Scalar;

/// The start of each matrix, in bytes: no competitor should lose by an operand that straddles lines.
const ALIGNMENT: usize = 64;

/// How many elements of a result are compared with the reference.
const SAMPLES: usize = 64;

/// C ← A·B as it is handed to a competitor: pointers to whole matrices of the shape.
#[derive(Clone, Copy)]
pub struct Product<T> {
    pub shape: Shape,
    pub a: *const T,
    pub b: *const T,
    pub c: *mut T,
}

/// A, B and C of one case, with what some elements of C must be.
pub struct Operands<T> {
    shape: Shape,
    a: Aligned<T>,
    b: Aligned<T>,
    c: Aligned<T>,
    samples: Vec<Sample>,
}

/// What an element of C must be, and how far rounding may take it from that.
struct Sample {
    row: usize,
    col: usize,
    value: f64,
    tolerance: f64,
}

impl<T: Scalar> Operands<T> {
    pub fn new(shape: Shape) -> Operands<T> {
        let Shape { m, n, k, .. } = shape;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let a = Aligned::new(m * k, || rng.random_range(-1.0..1.0f32).into());
        let b = Aligned::new(k * n, || rng.random_range(-1.0..1.0f32).into());
        let c = Aligned::new(m * n, || f32::NAN.into());
        let mut operands = Operands { shape, a, b, c, samples: Vec::new() };
        let inner = (0..SAMPLES).map(|_| (rng.random_range(0..m), rng.random_range(0..n)));
        let corners = [(0, 0), (0, n - 1), (m - 1, 0), (m - 1, n - 1)];
        operands.samples = inner.chain(corners).map(|(row, col)| operands.sample(row, col)).collect();
        operands
    }

    /// The product to compute. The pointers are good for as long as these operands are neither moved nor used.
    pub fn product(&mut self) -> Product<T> {
        let Operands { shape, a, b, c, .. } = self;
        Product { shape: *shape, a: a.as_slice().as_ptr(), b: b.as_slice().as_ptr(), c: c.as_mut_slice().as_mut_ptr() }
    }

    /// Makes C what no product is, so that an element left out is seen.
    pub fn spoil(&mut self) {
        self.c.as_mut_slice().fill(f32::NAN.into());
    }

    /// Whether C is the product, as far as the samples tell.
    pub fn check(&self) -> Result<(), String> {
        for &Sample { row, col, value, tolerance } in &self.samples {
            let found: f64 = self.c.as_slice()[row * self.shape.n + col].into();
            let close = (found - value).abs() <= tolerance; // never so for NaN
            if !close {
                return Err(format!("C[{row}, {col}] is {found}, and should be {value}"));
            }
        }
        Ok(())
    }

    /// An element of C by the textbook, in `f64`, with the textbook's bound: |Ĉ − C| ≤ γₖ·|A|·|B|. It is doubled for
    /// `f64`, where this sum is rounded like the one it is compared with.
    fn sample(&self, row: usize, col: usize) -> Sample {
        let ((rsa, csa), (rsb, csb)) = (self.shape.strides_a(), self.shape.strides_b());
        let (mut value, mut magnitude) = (0.0, 0.0);
        for p in 0..self.shape.k {
            let a: f64 = self.a.at(row, p, rsa, csa).into();
            let b: f64 = self.b.at(p, col, rsb, csb).into();
            value += a * b;
            magnitude += (a * b).abs();
        }
        let tolerance = 2.0 * (self.shape.k + 2) as f64 * T::ROUNDOFF * magnitude;
        Sample { row, col, value, tolerance }
    }
}

/// Elements from an aligned address on.
struct Aligned<T> {
    store: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Scalar> Aligned<T> {
    fn new(len: usize, element: impl FnMut() -> T) -> Aligned<T> {
        let spare = ALIGNMENT / size_of::<T>();
        let store: Vec<T> = std::iter::repeat_with(element).take(len + spare).collect();
        let start = store.as_ptr().align_offset(ALIGNMENT);
        Aligned { store, start, len }
    }

    fn as_slice(&self) -> &[T] {
        &self.store[self.start..][..self.len]
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.store[self.start..][..self.len]
    }

    fn at(&self, i: usize, j: usize, row_stride: isize, col_stride: isize) -> T {
        self.as_slice()[i * row_stride as usize + j * col_stride as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Layout;

    /// The textbook, in the precision of the elements.
    fn multiply(operands: &mut Operands<f32>) {
        let Shape { m, n, k, .. } = operands.shape;
        let ((rsa, csa), (rsb, csb)) = (operands.shape.strides_a(), operands.shape.strides_b());
        for i in 0..m {
            for j in 0..n {
                let terms = (0..k).map(|p| operands.a.at(i, p, rsa, csa) * operands.b.at(p, j, rsb, csb));
                let sum = terms.sum();
                operands.c.as_mut_slice()[i * n + j] = sum;
            }
        }
    }

    #[test]
    fn a_right_product_passes_and_wrong_ones_do_not() {
        for layout in [Layout::NN, Layout::TN, Layout::NT] {
            let mut operands = Operands::<f32>::new(Shape { m: 7, n: 5, k: 300, layout });
            assert!(operands.check().is_err(), "nothing was computed");
            multiply(&mut operands);
            assert_eq!(operands.check(), Ok(()));

            let last = operands.c.as_slice().len() - 1;
            operands.c.as_mut_slice()[last] += 0.01;
            assert!(operands.check().is_err(), "one element is off");

            multiply(&mut operands);
            operands.spoil();
            assert!(operands.check().is_err(), "spoilt");
        }
    }

    #[test]
    fn matrices_are_aligned() {
        let mut operands = Operands::<f64>::new(Shape { m: 3, n: 5, k: 7, layout: Layout::NN });
        let Product { a, b, c, .. } = operands.product();
        assert_eq!([a.addr() % ALIGNMENT, b.addr() % ALIGNMENT, c.addr() % ALIGNMENT], [0; 3]);
    }
}
