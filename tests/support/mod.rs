//! What every test compares with: the one rule as a plain function, and matrices in any layout to feed it.
#![allow(dead_code)]

use lapidary::{Element, MatMut, MatRef};

/// What the model needs of an element type.
pub trait Real: Element + std::fmt::Display {
    const NAN: Self;
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
    fn fma(self, b: Self, c: Self) -> Self;
    fn bits(self) -> u64;
}

macro_rules! real {
    ($t:ident) => {
        impl Real for $t {
            const NAN: Self = $t::NAN;
            fn of(x: f64) -> Self {
                x as $t
            }
            fn wide(self) -> f64 {
                self.into()
            }
            /// One rounding, or two on a processor without fused multiply-add.
            fn fma(self, b: Self, c: Self) -> Self {
                if fused() { self.mul_add(b, c) } else { self * b + c }
            }
            fn bits(self) -> u64 {
                self.to_bits().into()
            }
        }
    };
}
real!(f32);
real!(f64);

fn fused() -> bool {
    lapidary::machine().expect("a valid LAPIDARY_ISA").fused
}

/// The one rule. `a` is m×k and `b` k×n; returns what C must hold, row by row, for its old value `c`.
#[allow(clippy::too_many_arguments)]
pub fn model<T: Real>(
    (m, n, k): (usize, usize, usize),
    alpha: T,
    a: impl Fn(usize, usize) -> T,
    b: impl Fn(usize, usize) -> T,
    beta: T,
    c: impl Fn(usize, usize) -> T,
    bias: Option<&[T]>,
) -> Vec<T> {
    let zero = T::of(0.0);
    let blocks = if alpha == zero { 0 } else { k.div_ceil(T::KC) };
    let len = k.div_ceil(blocks.max(1)).next_multiple_of(16);
    let mut out = Vec::with_capacity(m * n);
    for i in 0..m {
        for j in 0..n {
            let mut x = if beta == zero { zero } else { beta * c(i, j) };
            for block in 0..blocks {
                let mut s = zero;
                for p in block * len..k.min((block + 1) * len) {
                    s = a(i, p).fma(b(p, j), s);
                }
                x = alpha.fma(s, x);
            }
            out.push(match bias {
                Some(bias) => x + bias[j],
                None => x,
            });
        }
    }
    out
}

/// Same bits, or both NaN (which NaN it is differs between processors).
pub fn same<T: Real>(x: T, y: T) -> bool {
    x.bits() == y.bits() || (x.wide().is_nan() && y.wide().is_nan())
}

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Rows (or columns) one after the other, with so many elements between them.
    Row(usize),
    Col(usize),
    /// Both strides above 1.
    Gaps,
    /// Both strides negative.
    Reversed,
    /// One row, or one column, repeated; for inputs.
    SameRow,
    SameCol,
}

/// A matrix with its memory: canaries around it and in its gaps.
pub struct Matrix<T> {
    pub data: Vec<T>,
    pub rows: usize,
    pub cols: usize,
    pub row_stride: isize,
    pub col_stride: isize,
    first: usize,
}

/// Elements of canary before and after.
const MARGIN: usize = 3;
const CANARY: f64 = 12345.0;

impl<T: Real> Matrix<T> {
    pub fn new(rows: usize, cols: usize, order: Order, mut value: impl FnMut() -> T) -> Matrix<T> {
        let (row_stride, col_stride) = match order {
            Order::Row(gap) => ((cols + gap) as isize, 1),
            Order::Col(gap) => (1, (rows + gap) as isize),
            Order::Gaps => (2 * cols as isize + 1, 2),
            Order::Reversed => (-(cols as isize) - 2, -1),
            Order::SameRow => (0, 1),
            Order::SameCol => (1, 0),
        };
        let reach = |len: usize, stride: isize| (len.max(1) - 1) * stride.unsigned_abs();
        let span = reach(rows, row_stride) + reach(cols, col_stride) + 1;
        let back = |len: usize, stride: isize| if stride < 0 { reach(len, stride) } else { 0 };
        let first = MARGIN + back(rows, row_stride) + back(cols, col_stride);
        let mut data = vec![T::of(CANARY); span + 2 * MARGIN];
        for i in 0..rows {
            for j in 0..cols {
                let at = first as isize + i as isize * row_stride + j as isize * col_stride;
                data[at as usize] = value();
            }
        }
        Matrix { data, rows, cols, row_stride, col_stride, first }
    }

    fn at(&self, i: usize, j: usize) -> usize {
        (self.first as isize + i as isize * self.row_stride + j as isize * self.col_stride) as usize
    }

    pub fn get(&self, i: usize, j: usize) -> T {
        self.data[self.at(i, j)]
    }

    pub fn view(&self) -> MatRef<'_, T> {
        let (rows, cols) = (self.rows, self.cols);
        if rows == 0 || cols == 0 {
            return MatRef::strided(&[], rows, cols, self.row_stride, self.col_stride).expect("an empty matrix");
        }
        let inner = &self.data[MARGIN..self.data.len() - MARGIN];
        MatRef::strided(inner, rows, cols, self.row_stride, self.col_stride).expect("a valid matrix")
    }

    pub fn view_mut(&mut self) -> MatMut<'_, T> {
        let (rows, cols, rs, cs) = (self.rows, self.cols, self.row_stride, self.col_stride);
        if rows == 0 || cols == 0 {
            return MatMut::strided(&mut [], rows, cols, rs, cs).expect("an empty matrix");
        }
        let len = self.data.len();
        MatMut::strided(&mut self.data[MARGIN..len - MARGIN], rows, cols, rs, cs).expect("a valid matrix")
    }

    /// Panics unless the elements are `expected` to the bit and everything around and between them is untouched.
    pub fn assert_is(&self, expected: &[T], what: &dyn std::fmt::Debug) {
        let mut seen = vec![false; self.data.len()];
        for i in 0..self.rows {
            for j in 0..self.cols {
                let (found, wanted) = (self.get(i, j), expected[i * self.cols + j]);
                assert!(same(found, wanted), "C[{i}, {j}] is {found}, not {wanted}: {what:?}");
                seen[self.at(i, j)] = true;
            }
        }
        for (at, seen) in seen.into_iter().enumerate() {
            assert!(seen || self.data[at] == T::of(CANARY), "element {at} beside C was written: {what:?}");
        }
    }
}

/// A small generator of its own (splitmix64), so that a failing case can be told by its seed.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [−1, 1).
    pub fn unit<T: Real>(&mut self) -> T {
        T::of((self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
}
