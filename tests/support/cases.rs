//! The two calls, product and layer, as cases: drawn, run, and compared with the model.

use std::fmt::Debug;

use lapidary::{Gemm, Linear, MatMut, MatRef, Threads};

use super::matrix::{Matrix, Order, Place, ROW};
use super::{Choose, Random, Real, Values, fused, model};

pub const SCALARS: [f64; 3] = [1.0, 0.0, -0.5];
pub const THREADS: [Threads; 6] = [
    Threads::Serial,
    Threads::Auto,
    Threads::Exactly(1),
    Threads::Exactly(2),
    Threads::Exactly(3),
    Threads::Exactly(7),
];

/// C ← `alpha`·A·B + `beta`·C, and a bias if wanted.
#[derive(Clone, Debug)]
pub struct Product {
    /// m, n and k.
    pub shape: (usize, usize, usize),
    /// Of A, B and C.
    pub orders: [Order; 3],
    pub places: [Place; 3],
    pub alpha: f64,
    pub beta: f64,
    pub bias: bool,
    pub values: Values,
    pub seed: u64,
}

/// What a case hands over.
pub struct Operands<'a, T> {
    pub a: MatRef<'a, T>,
    pub b: MatRef<'a, T>,
    pub c: MatMut<'a, T>,
    pub alpha: T,
    pub beta: T,
    pub bias: Option<&'a [T]>,
}

impl Product {
    /// Plain matrices.
    pub fn new(m: usize, n: usize, k: usize) -> Product {
        let seed = (m * 1009 + n * 31 + k) as u64;
        let (orders, places) = ([ROW; 3], [Place::End; 3]);
        Product { shape: (m, n, k), orders, places, alpha: 1.0, beta: 0.0, bias: false, values: Values::Unit, seed }
    }

    /// Any product of a shape.
    pub fn draw((m, n, k): (usize, usize, usize), choose: &mut dyn Iterator<Item = u64>) -> Product {
        Product {
            shape: (m, n, k),
            orders: [Order::input(choose), Order::input(choose), Order::output(choose)],
            places: place3(choose),
            alpha: choose.one_of(&[1.0, 1.0, -0.5, 0.0, 1.5]),
            beta: choose.one_of(&[0.0, 1.0, -0.5, 1e-3]),
            bias: false,
            values: choose.one_of(&Values::ALL),
            seed: choose.below(1 << 16) as u64,
        }
    }

    /// Panics unless the public product is the model's.
    pub fn check_gemm<T: Real>(&self, threads: Threads) {
        self.check::<T>(fused(), &threads, |Operands { a, b, c, alpha, beta, bias }| {
            assert!(bias.is_none());
            Gemm::new(a, b).alpha(alpha).beta(beta).threads(threads).run(c).unwrap();
        });
    }

    /// Panics unless `compute` leaves in C what the model says, and nothing elsewhere.
    /// A failure names the case, and `how` it was computed.
    pub fn check<T: Real>(&self, fused: bool, how: &dyn Debug, compute: impl FnOnce(Operands<'_, T>)) {
        let ((m, n, k), [order_a, order_b, order_c], [place_a, place_b, place_c]) =
            (self.shape, self.orders, self.places);
        let mut random = Random(self.seed);
        let mut value = || random.value(self.values);
        let a = Matrix::<T>::new(m, k, order_a, place_a, &mut value);
        let b = Matrix::<T>::new(k, n, order_b, place_b, &mut value);
        let mut c = Matrix::<T>::new(m, n, order_c, place_c, || if self.beta == 0.0 { T::NAN } else { value() });
        let bias = self.bias.then(|| Matrix::new(1, n, ROW, place_b, value));
        let (alpha, beta, bias) = (T::of(self.alpha), T::of(self.beta), bias.as_ref().map(Matrix::row));
        let expected = model(fused, alpha, a.view(), b.view(), beta, c.view(), bias);
        compute(Operands { a: a.view(), b: b.view(), c: c.view_mut(), alpha, beta, bias });
        c.assert_is(&expected, "C", &(self, how));
    }
}

fn place3(choose: &mut dyn Iterator<Item = u64>) -> [Place; 3] {
    [(); 3].map(|()| choose.one_of(&[Place::End, Place::Start]))
}

/// A layer forward, then backward. A gradient is left out, overwritten (0) or added to (1).
#[derive(Clone, Debug)]
pub struct Layer {
    pub n: usize,
    pub d_in: usize,
    pub d_out: usize,
    pub bias: bool,
    /// Of X, W and Y; those of the gradients follow.
    pub orders: [Order; 3],
    pub places: [Place; 3],
    pub dx: Option<f64>,
    pub dw: Option<f64>,
    pub db: Option<f64>,
    pub threads: Threads,
    pub values: Values,
    pub seed: u64,
}

impl Layer {
    /// Any layer with dimensions below `most`.
    pub fn draw(most: usize, choose: &mut dyn Iterator<Item = u64>) -> Layer {
        Layer {
            n: choose.below(most),
            d_in: choose.below(most),
            d_out: choose.below(most),
            bias: choose.below(2) == 1,
            orders: [Order::input(choose), Order::input(choose), Order::output(choose)],
            places: place3(choose),
            dx: choose.one_of(&[None, Some(0.0), Some(1.0)]),
            dw: choose.one_of(&[None, Some(0.0), Some(1.0)]),
            db: choose.one_of(&[None, Some(0.0), Some(1.0)]),
            threads: choose.one_of(&THREADS),
            values: choose.one_of(&Values::ALL),
            seed: choose.below(1 << 16) as u64,
        }
    }

    /// Panics unless Y and the gradients asked for are the model's, and nothing else is written.
    pub fn check<T: Real>(&self) {
        let &Layer { n, d_in, d_out, orders: [order_x, order_w, order_y], places: [px, pw, py], .. } = self;
        let mut random = Random(self.seed);
        let mut value = || random.value(self.values);
        let x = Matrix::<T>::new(n, d_in, order_x, px, &mut value);
        let w = Matrix::<T>::new(d_in, d_out, order_w, pw, &mut value);
        let g = Matrix::<T>::new(n, d_out, order_y, py, &mut value);
        let bias = self.bias.then(|| Matrix::new(1, d_out, ROW, pw, &mut value));
        let mut y = Matrix::<T>::new(n, d_out, order_y, py, || T::NAN);
        let ones = Matrix::<T>::new(1, n, ROW, py, || T::of(1.0));

        // The gradients lie in the orders of Y, and hold NaN where they are to be overwritten.
        let mut old = |beta: Option<f64>| if beta == Some(0.0) { T::NAN } else { value() };
        let mut dx = Matrix::new(n, d_in, order_y, px, || old(self.dx));
        let mut dw = Matrix::new(d_in, d_out, order_y, pw, || old(self.dw));
        let mut db = Matrix::new(1, d_out, ROW, py, || old(self.db));
        let wanted = |beta: Option<f64>, a, b, c: &Matrix<T>| match beta {
            Some(beta) => model(fused(), T::of(1.0), a, b, T::of(beta), c.view(), None),
            None => super::elements(c.view()),
        };
        let (wanted_dx, wanted_dw, wanted_db) = (
            wanted(self.dx, g.view(), w.view().t(), &dx),
            wanted(self.dw, x.view().t(), g.view(), &dw),
            wanted(self.db, ones.view(), g.view(), &db),
        );
        let wanted_y =
            model(fused(), T::of(1.0), x.view(), w.view(), T::of(0.0), y.view(), bias.as_ref().map(Matrix::row));

        let mut layer = Linear::new(w.view()).threads(self.threads);
        if let Some(bias) = &bias {
            layer = layer.bias(bias.row());
        }
        layer.forward(x.view(), y.view_mut()).unwrap();
        y.assert_is(&wanted_y, "Y", self);

        let mut backward = layer.backward(g.view());
        backward = match self.dx {
            Some(0.0) => backward.dx(dx.view_mut()),
            Some(_) => backward.add_dx(dx.view_mut()),
            None => backward,
        };
        backward = match self.dw {
            Some(0.0) => backward.dw(x.view(), dw.view_mut()),
            Some(_) => backward.add_dw(x.view(), dw.view_mut()),
            None => backward,
        };
        backward = match self.db {
            Some(0.0) => backward.db(db.row_mut()),
            Some(_) => backward.add_db(db.row_mut()),
            None => backward,
        };
        backward.run().unwrap();
        dx.assert_is(&wanted_dx, "dX", self);
        dw.assert_is(&wanted_dw, "dW", self);
        db.assert_is(&wanted_db, "db", self);
    }
}
