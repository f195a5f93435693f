//! Complex products equal the rule over 2k real steps to the bit, however they are computed.

mod support;

use lapidary::{Element, Error, Gemm, MatMut, MatRef, Threads, gemm};
use proptest::prelude::*;
use support::cases::THREADS;
use support::matrix::{COL, Matrix, Order, Place, ROW};
use support::{Choose, Random, Real, Values, cases, fused, same, small};

/// C ← `alpha`·A·B + `beta`·C with A and B or their conjugates. Scalars are [re, im].
#[derive(Clone, Debug)]
struct Case {
    /// m, n and k.
    shape: (usize, usize, usize),
    /// Of A, B and C.
    orders: [Order; 3],
    places: [Place; 3],
    conjugate: (bool, bool),
    alpha: [f64; 2],
    beta: [f64; 2],
    multiply_by_zero: bool,
    values: Values,
    threads: Threads,
    seed: u64,
}

impl Case {
    fn new(m: usize, n: usize, k: usize) -> Case {
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

    fn draw(shape: (usize, usize, usize), choose: &mut dyn Iterator<Item = u64>) -> Case {
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
    fn check<T: Real>(&self)
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

fn both(case: &Case) {
    case.check::<f32>();
    case.check::<f64>();
}

#[test]
fn every_remainder() {
    let mut random = Random(1);
    for m in 1..=14 {
        for n in 1..=26 {
            if !small() || random.below(8) == 0 {
                let k = random.one_of(&[1, 2, 3, 8, 9, 40]);
                both(&Case { orders: [(); 3].map(|()| random.one_of(&[ROW, COL])), ..Case::new(m, n, k) });
            }
        }
    }
}

/// Every layout of the three matrices, conjugated or not, with real and complex scalars, around the bounds of K-blocks.
#[test]
fn every_depth() {
    fn check<T: Real>()
    where
        [T; 2]: Element,
    {
        let mut random = Random(2);
        let half = T::KC / 2;
        for k in [0, 1, 7, 8, 9, half - 1, half, half + 1, T::KC + 3, 3 * half + 5] {
            for layouts in 0..8 {
                let orders = [0, 1, 2].map(|of| if layouts >> of & 1 == 1 { COL } else { ROW });
                for conjugate in [(false, false), (true, false), (false, true), (true, true)] {
                    if !small() || random.below(16) == 0 {
                        let (alpha, beta) = random.one_of(&[([1.0, 0.0], [0.0; 2]), ([0.5, -1.5], [1.0, 0.25])]);
                        let threads = random.one_of(&THREADS);
                        Case { orders, conjugate, alpha, beta, threads, ..Case::new(13, 11, k) }.check::<T>();
                    }
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Large enough to be cut into blocks and tasks in every way.
#[test]
fn large_products() {
    let mut random = Random(3);
    for (m, n, k) in [(130, 150, 560), (16, 1100, 270), (1100, 16, 270), (5, 4, 6000)] {
        for threads in [Threads::Auto, Threads::Exactly(3)] {
            if !small() || random.below(4) == 0 {
                let orders = [(); 3].map(|()| random.one_of(&[ROW, COL]));
                let alpha = random.one_of(&[[1.0, 0.0], [0.0, 1.0]]);
                both(&Case { orders, alpha, beta: [-0.5, 0.0], threads, ..Case::new(m, n, k) });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(4000) as u32))]

    /// Any shape, strides, values, scalars and threads, as the choices say.
    #[test]
    fn any_product(choices in prop::collection::vec(any::<u16>(), 40)) {
        let mut choose = choices.into_iter().map(u64::from);
        let wide = choose.below(2) == 1;
        let shape = (choose.below(30), choose.below(40), choose.below(30));
        let mut case = Case::draw(shape, &mut choose);
        if choose.below(16) == 15 {
            case.shape.2 = choose.below(1000);
        }
        if wide { case.check::<f64>() } else { case.check::<f32>() }
    }
}

/// Bits that every machine with fused multiply-add has computed since the first release.
#[test]
fn golden_bits() {
    fn check<T: Real>(golden: u64)
    where
        [T; 2]: Element,
    {
        let mut random = Random(0);
        let (m, n, k) = (5, 7, T::KC + 50);
        let [a, b, mut c] =
            [m * k, k * n, m * n].map(|len| (0..len).map(|_| [random.unit(), random.unit()]).collect::<Vec<[T; 2]>>());
        let (a, b) = (MatRef::row_major(&a, m, k).unwrap(), MatRef::row_major(&b, k, n).unwrap());
        let (alpha, beta) = ([1.5, 0.5].map(T::of), [-0.5, 1.0].map(T::of));
        gemm(alpha, a, b, beta, MatMut::row_major(&mut c, m, n).unwrap()).unwrap();
        let parts = c.iter().flatten();
        let hash = parts.fold(0xCBF2_9CE4_8422_2325, |hash: u64, x| (hash ^ x.bits()).wrapping_mul(0x100_0000_01B3));
        assert_eq!(hash, golden, "{hash:#x}");
    }
    if fused() {
        check::<f32>(0xEB21_F215_DBCA_17EC);
        check::<f64>(0x4660_141E_C37E_18E3);
    }
}

/// What a wrong call gets: the error of real matrices, with nothing written.
#[test]
fn errors() {
    let (a, b) = ([[1.0f32, 0.0]; 6], [[1.0f32, 0.0]; 8]);
    let (a, b) = (MatRef::row_major(&a, 2, 3).unwrap(), MatRef::row_major(&b, 4, 2).unwrap());
    let mut c = [[7.0f32; 2]; 6];
    let inner = Gemm::new(a, b).run(MatMut::row_major(&mut c, 2, 2).unwrap()).unwrap_err();
    assert!(matches!(inner, Error::InnerDimension { .. }), "{inner}");
    let shape = Gemm::new(a, a.t()).run(MatMut::row_major(&mut c, 2, 3).unwrap()).unwrap_err();
    assert_eq!(shape.to_string(), "C must be rows of A × columns of B = 2×2, found 2×3");
    assert_eq!(c, [[7.0; 2]; 6]);
    assert!(MatRef::row_major(&c, 2, 4).is_err());
    let ptr = c.as_mut_ptr();
    // SAFETY: elements of the array; the product refuses to write to what it reads.
    let (a, c) = unsafe { (MatRef::from_raw_parts(ptr, 2, 2, 2, 1), MatMut::from_raw_parts(ptr.add(1), 2, 2, 2, 1)) };
    let shared = Gemm::new(a, a).run(c).unwrap_err();
    assert!(matches!(shared, Error::Overlap { .. }), "{shared}");
}

/// The numbers of the crate num-complex.
#[cfg(feature = "complex")]
#[test]
fn num_complex() {
    use num_complex::Complex;
    let mut random = Random(5);
    let pairs: Vec<[f64; 2]> = (0..100).map(|_| [random.unit(), random.unit()]).collect();
    let numbers: Vec<Complex<f64>> = pairs.iter().map(|&[re, im]| Complex::new(re, im)).collect();
    let (mut c, mut wanted) = (vec![Complex::ZERO; 100], vec![[0.0; 2]; 100]);
    let (p, q) = (MatRef::row_major(&pairs, 10, 10).unwrap(), MatRef::row_major(&numbers, 10, 10).unwrap());
    let (alpha, beta) = (Complex::new(0.5, 2.0), Complex::ONE);
    Gemm::new(p, p.t())
        .alpha([0.5, 2.0])
        .beta([1.0, 0.0])
        .run(MatMut::row_major(&mut wanted, 10, 10).unwrap())
        .unwrap();
    gemm(alpha, q, q.t(), beta, MatMut::row_major(&mut c, 10, 10).unwrap()).unwrap();
    assert!(c.iter().zip(&wanted).all(|(x, &[re, im])| (x.re, x.im) == (re, im)));
    assert_eq!(<Complex<f32> as Element>::KC, f32::KC);
}
