//! Complex products as cases: drawn, run, and compared with the rule over 2k real steps.

use lapidary::{Element, Gemm, MatMut, MatRef, Threads};

use super::cases::THREADS;
use super::matrix::{Matrix, Order, Place, ROW};
use super::{Choose, Random, Real, Values, fused, same};

/// C ← `alpha`·A·B + `beta`·C with A and B or their conjugates. Scalars are [re, im].
#[derive(Clone, Debug)]
pub struct Case {
    /// m, n and k.
    pub shape: (usize, usize, usize),
    /// Of A, B and C.
    pub orders: [Order; 3],
    pub places: [Place; 3],
    pub conjugate: (bool, bool),
    pub alpha: [f64; 2],
    pub beta: [f64; 2],
    pub multiply_by_zero: bool,
    pub values: Values,
    pub threads: Threads,
    pub seed: u64,
}

impl Case {
    /// Plain matrices.
    pub fn new(m: usize, n: usize, k: usize) -> Case {
        Case {
            shape: (m, n, k),
            orders: [ROW; 3],
            places: [Place::End; 3],
            conjugate: (false, false),
            alpha: [1.0, 0.0],
            beta: [0.0, 0.0],
            multiply_by_zero: false,
            values: Values::Unit,
            threads: Threads::Serial,
            seed: (m * 1009 + n * 31 + k) as u64,
        }
    }

    /// Any product of a shape.
    pub fn draw(shape: (usize, usize, usize), choose: &mut dyn Iterator<Item = u64>) -> Case {
        let scalar = |choose: &mut dyn Iterator<Item = u64>, list: &[[f64; 2]]| choose.one_of(list);
        Case {
            shape,
            orders: [Order::input(choose), Order::input(choose), Order::output(choose)],
            places: [(); 3].map(|()| choose.one_of(&[Place::End, Place::Start])),
            conjugate: (choose.below(2) == 1, choose.below(2) == 1),
            alpha: scalar(choose, &[[1.0, 0.0], [-0.5, 0.0], [0.0, 1.0], [0.5, -1.5], [0.0, 0.0], [0.0, -0.0]]),
            beta: scalar(choose, &[[0.0, 0.0], [1.0, 0.0], [-0.5, 0.0], [0.0, 1.0], [0.5, 0.25], [0.0, -0.0]]),
            multiply_by_zero: choose.below(4) == 1,
            values: choose.one_of(&Values::ALL),
            threads: choose.one_of(&THREADS),
            seed: choose.below(1 << 16) as u64,
        }
    }

    /// Panics unless C is the model's, and nothing else is written.
    pub fn check<T: Real>(&self)
    where
        [T; 2]: Element,
    {
        let ((m, n, k), [order_a, order_b, order_c], [place_a, place_b, place_c]) =
            (self.shape, self.orders, self.places);
        let mut random = Random(self.seed);
        let mut value = || [random.value::<T>(self.values), random.value(self.values)];
        let a = Numbers::new(m, k, order_a, place_a, &mut value);
        let b = Numbers::new(k, n, order_b, place_b, &mut value);
        let unread = self.beta == [0.0; 2];
        let mut c = Numbers::new(m, n, order_c, place_c, || if unread { [T::NAN; 2] } else { value() });
        let expected = self.model(&a, &b, &c);
        let (alpha, beta) = (self.alpha.map(T::of), self.beta.map(T::of));
        let mut product = Gemm::new(a.view(), b.view()).alpha(alpha).beta(beta).threads(self.threads);
        if self.multiply_by_zero {
            product = product.multiply_by_zero();
        }
        product.conjugate(self.conjugate.0, self.conjugate.1).run(c.view_mut()).unwrap();
        c.assert_is(&expected, self);
    }

    /// The rule over real steps: two for each of complex numbers.
    fn model<T: Real>(&self, a: &Numbers<T>, b: &Numbers<T>, c: &Numbers<T>) -> Vec<[T; 2]> {
        match fused() {
            true => self.rule::<T, true>(a, b, c),
            false => self.rule::<T, false>(a, b, c),
        }
    }

    fn rule<T: Real, const FUSED: bool>(&self, a: &Numbers<T>, b: &Numbers<T>, c: &Numbers<T>) -> Vec<[T; 2]> {
        let (zero, minus) = (T::of(0.0), T::of(-1.0));
        let (m, n, k) = self.shape;
        let ([alpha_re, alpha_im], [beta_re, beta_im]) = (self.alpha.map(T::of), self.beta.map(T::of));
        let conjugated = |[re, im]: [T; 2], conjugate: bool| [re, if conjugate { minus * im } else { im }];
        let steps = if self.alpha == [0.0; 2] && !self.multiply_by_zero { 0 } else { 2 * k };
        let blocks = steps.div_ceil(T::KC);
        let len = steps.div_ceil(blocks.max(1)).next_multiple_of(16);
        let mut out = Vec::new();
        for i in 0..m {
            for j in 0..n {
                let [re, im] = c.get(i, j);
                let [mut x, mut y] = match () {
                    _ if self.beta == [0.0; 2] => [zero; 2],
                    _ if steps == 0 && self.beta == [1.0, 0.0] => [re, im],
                    _ if beta_im == zero => [beta_re * re, beta_re * im],
                    _ => [(minus * beta_im).step::<FUSED>(im, beta_re * re), beta_im.step::<FUSED>(re, beta_re * im)],
                };
                for block in 0..blocks {
                    let [mut re, mut im] = [zero; 2];
                    for step in block * len..steps.min((block + 1) * len) {
                        let a = conjugated(a.get(i, step / 2), self.conjugate.0)[step % 2];
                        let [b_re, b_im] = conjugated(b.get(step / 2, j), self.conjugate.1);
                        let [v, w] = if step % 2 == 0 { [b_re, b_im] } else { [minus * b_im, b_re] };
                        (re, im) = (a.step::<FUSED>(v, re), a.step::<FUSED>(w, im));
                    }
                    [x, y] = [alpha_re.step::<FUSED>(re, x), alpha_re.step::<FUSED>(im, y)];
                    if alpha_im != zero {
                        [x, y] = [(minus * alpha_im).step::<FUSED>(im, x), alpha_im.step::<FUSED>(re, y)];
                    }
                }
                out.push([x, y]);
            }
        }
        out
    }
}

/// A matrix of complex numbers in guarded memory of parts: a real one with its columns in pairs would not do, as strides
/// count numbers.
struct Numbers<T> {
    parts: Matrix<T>,
    rows: usize,
    cols: usize,
    strides: (isize, isize),
    /// Where the lowest number is, and how many lie from there to the highest.
    span: usize,
    first: usize,
}

impl<T: Real> Numbers<T> {
    fn new(rows: usize, cols: usize, order: Order, place: Place, mut value: impl FnMut() -> [T; 2]) -> Numbers<T> {
        let (rs, cs) = order.strides(rows, cols);
        let reach = |len: usize, stride: isize| len.saturating_sub(1) * stride.unsigned_abs();
        let span = if rows * cols == 0 { 0 } else { reach(rows, rs) + reach(cols, cs) + 1 };
        let back = |len: usize, stride: isize| if stride < 0 { reach(len, stride) } else { 0 };
        let first = back(rows, rs) + back(cols, cs);
        // Gaps hold what no sum is.
        let parts = Matrix::new(1, 2 * span, ROW, place, || T::of(GAP));
        let mut numbers = Numbers { parts, rows, cols, strides: (rs, cs), span, first };
        for i in 0..rows {
            for j in 0..cols {
                let at = numbers.at(i, j);
                numbers.parts.row_mut()[at..at + 2].copy_from_slice(&value());
            }
        }
        numbers
    }

    fn at(&self, i: usize, j: usize) -> usize {
        2 * (self.first as isize + i as isize * self.strides.0 + j as isize * self.strides.1) as usize
    }

    fn get(&self, i: usize, j: usize) -> [T; 2] {
        let at = self.at(i, j);
        [self.parts.row()[at], self.parts.row()[at + 1]]
    }

    fn view(&self) -> MatRef<'_, [T; 2]> {
        let (numbers, []) = self.parts.row().as_chunks::<2>() else { unreachable!() };
        assert_eq!(numbers.len(), self.span);
        MatRef::strided(numbers, self.rows, self.cols, self.strides.0, self.strides.1).unwrap()
    }

    fn view_mut(&mut self) -> MatMut<'_, [T; 2]> {
        let (numbers, []) = self.parts.row_mut().as_chunks_mut::<2>() else { unreachable!() };
        MatMut::strided(numbers, self.rows, self.cols, self.strides.0, self.strides.1).unwrap()
    }

    fn assert_is(&self, expected: &[[T; 2]], case: &Case) {
        let mut wanted = vec![T::of(GAP); 2 * self.span];
        for i in 0..self.rows {
            for j in 0..self.cols {
                wanted[self.at(i, j)..][..2].copy_from_slice(&expected[i * self.cols + j]);
            }
        }
        for (at, (&found, &wanted)) in self.parts.row().iter().zip(&wanted).enumerate() {
            assert!(same(found, wanted), "part {at} of C is {found:e}, not {wanted:e}: {case:?}");
        }
        self.parts.assert_untouched("C", case);
    }
}

const GAP: f64 = 54321.0;
