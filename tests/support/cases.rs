//! The calls, product and layer, as cases: drawn, run, and compared with the model.

use std::fmt::Debug;

use lapidary::{Activation, Epilogue, Gemm, Linear, MatMut, MatRef, Threads};

use super::matrix::{Matrix, Order, Place, ROW};
use super::{Choose, Random, Real, Values, fused, model};

pub const SCALARS: [f64; 3] = [1.0, 0.0, -0.5];
pub const THREADS: [Threads; 7] = [
    Threads::Serial,
    Threads::Auto,
    Threads::AtMost(2),
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
        self.check_then(fused, how, compute, |_| ());
    }

    /// The same, where `then` is to become of what the model says.
    pub fn check_then<T: Real>(
        &self,
        fused: bool,
        how: &dyn Debug,
        compute: impl FnOnce(Operands<'_, T>),
        then: impl FnOnce(&mut [T]),
    ) {
        let ((m, n, k), [order_a, order_b, order_c], [place_a, place_b, place_c]) =
            (self.shape, self.orders, self.places);
        let mut random = Random(self.seed);
        let mut value = || random.value(self.values);
        let a = Matrix::<T>::new(m, k, order_a, place_a, &mut value);
        let b = Matrix::<T>::new(k, n, order_b, place_b, &mut value);
        let mut c = Matrix::<T>::new(m, n, order_c, place_c, || if self.beta == 0.0 { T::NAN } else { value() });
        let bias = self.bias.then(|| Matrix::new(1, n, ROW, place_b, value));
        let (alpha, beta, bias) = (T::of(self.alpha), T::of(self.beta), bias.as_ref().map(Matrix::row));
        let mut expected = model(fused, alpha, a.view(), b.view(), beta, c.view(), bias);
        then(&mut expected);
        compute(Operands { a: a.view(), b: b.view(), c: c.view_mut(), alpha, beta, bias });
        c.assert_is(&expected, "C", &(self, how));
    }
}

fn place3(choose: &mut dyn Iterator<Item = u64>) -> [Place; 3] {
    [(); 3].map(|()| choose.one_of(&[Place::End, Place::Start]))
}

/// None, or one of those there are.
pub fn activation<T: Real>(number: usize) -> Option<Activation<T>> {
    [
        None,
        Some(Activation::Relu),
        Some(Activation::LeakyRelu(T::of(0.01))),
        Some(Activation::Clamp(T::of(-0.25), T::of(0.5))),
        Some(Activation::Gelu),
        Some(Activation::GeluTanh),
        Some(Activation::Silu),
        Some(Activation::Sigmoid),
        Some(Activation::Tanh),
    ][number]
}

pub const ACTIVATIONS: usize = 9;

/// A product and what follows it; matrices that are there have an order.
#[derive(Clone, Debug)]
pub struct Finished {
    pub product: Product,
    pub bias: bool,
    pub row_bias: bool,
    pub residual: Option<Order>,
    pub gate: Option<Order>,
    /// Its number.
    pub activation: usize,
    pub saved: Option<Order>,
    pub map: bool,
    pub threads: Threads,
}

impl Finished {
    /// A product without anything.
    pub fn new(product: Product) -> Finished {
        Finished {
            product,
            bias: false,
            row_bias: false,
            residual: None,
            gate: None,
            activation: 0,
            saved: None,
            map: false,
            threads: Threads::Serial,
        }
    }

    /// Anything after any product of a shape.
    pub fn draw(shape: (usize, usize, usize), choose: &mut dyn Iterator<Item = u64>) -> Finished {
        Finished {
            product: Product::draw(shape, choose),
            bias: choose.below(2) == 1,
            row_bias: choose.below(2) == 1,
            residual: (choose.below(2) == 1).then(|| Order::input(choose)),
            gate: (choose.below(3) == 1).then(|| Order::input(choose)),
            activation: choose.below(ACTIVATIONS),
            saved: (choose.below(2) == 1).then(|| Order::output(choose)),
            map: choose.below(3) == 1,
            threads: choose.one_of(&THREADS),
        }
    }

    /// Panics unless C, and what is saved, are what the steps leave one after the other.
    pub fn check<T: Real>(&self) {
        let ((m, n, _), [_, place, _]) = (self.product.shape, self.product.places);
        let mut random = Random(self.product.seed + 1);
        let mut matrix =
            |rows, cols, order| Matrix::<T>::new(rows, cols, order, place, || random.value(self.product.values));
        let bias = self.bias.then(|| matrix(1, n, ROW));
        let row_bias = self.row_bias.then(|| matrix(1, m, ROW));
        let residual = self.residual.map(|order| matrix(m, n, order));
        let gate = self.gate.map(|order| matrix(m, n, order));
        let mut saved = self.saved.map(|order| Matrix::<T>::new(m, n, order, place, || T::NAN));
        let activation = activation::<T>(self.activation);
        let map =
            |i: usize, j: usize, x: T| if (i + 2 * j).is_multiple_of(3) { x } else { x * T::of((i + 100 * j) as f64) };

        let mut wanted = Vec::new();
        let then = |c: &mut [T]| {
            for (at, x) in c.iter_mut().enumerate() {
                let (i, j) = (at / n, at % n);
                let terms = [bias.as_ref().map(|b| b.get(0, j)), row_bias.as_ref().map(|b| b.get(0, i))];
                let residual = residual.as_ref().map(|r| r.get(i, j));
                terms.into_iter().chain([residual]).flatten().for_each(|term| *x = *x + term);
            }
            wanted = c.to_vec();
            let mut gates = gate.as_ref().map(|gate| super::elements(gate.view()));
            if let Some(activation) = activation {
                activation.apply(gates.as_deref_mut().unwrap_or(c)).unwrap();
            }
            c.iter_mut().zip(gates.iter().flatten()).for_each(|(x, &gate)| *x = gate * *x);
            if self.map {
                c.iter_mut().enumerate().for_each(|(at, x)| *x = map(at / n, at % n, *x));
            }
        };
        self.product.check_then::<T>(
            fused(),
            self,
            |Operands { a, b, c, alpha, beta, .. }| {
                let mut epilogue = Epilogue::new();
                if let Some(bias) = &bias {
                    epilogue = epilogue.bias(bias.row());
                }
                if let Some(bias) = &row_bias {
                    epilogue = epilogue.row_bias(bias.row());
                }
                if let Some(residual) = &residual {
                    epilogue = epilogue.residual(residual.view());
                }
                if let Some(gate) = &gate {
                    epilogue = epilogue.gate(gate.view());
                }
                if let Some(activation) = activation {
                    epilogue = epilogue.activation(activation);
                }
                if self.map {
                    epilogue = epilogue.map(&map);
                }
                let gemm = Gemm::new(a, b).alpha(alpha).beta(beta).threads(self.threads).epilogue(&epilogue);
                match &mut saved {
                    Some(saved) => gemm.run_saving(c, saved.view_mut()).unwrap(),
                    None => gemm.run(c).unwrap(),
                }
            },
            then,
        );
        if let Some(saved) = saved {
            saved.assert_is(&wanted, "Z", self);
        }
    }
}

/// A layer forward, then backward. A gradient is left out, overwritten (0) or added to (1).
#[derive(Clone, Debug)]
pub struct Layer {
    pub n: usize,
    pub d_in: usize,
    pub d_out: usize,
    pub bias: bool,
    /// Its number.
    pub activation: usize,
    pub residual: bool,
    /// A mask in place of Z, if the activation is a ReLU.
    pub mask: bool,
    /// Of X, W and Y; those of the gradients follow.
    pub orders: [Order; 3],
    pub places: [Place; 3],
    pub dz: bool,
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
        let case = Layer {
            n: choose.below(most),
            d_in: choose.below(most),
            d_out: choose.below(most),
            bias: choose.below(2) == 1,
            activation: choose.below(ACTIVATIONS),
            residual: choose.below(3) == 1,
            mask: false,
            orders: [Order::input(choose), Order::input(choose), Order::output(choose)],
            places: place3(choose),
            dz: choose.below(3) == 1,
            dx: choose.one_of(&[None, Some(0.0), Some(1.0)]),
            dw: choose.one_of(&[None, Some(0.0), Some(1.0)]),
            db: choose.one_of(&[None, Some(0.0), Some(1.0)]),
            threads: choose.one_of(&THREADS),
            values: choose.one_of(&Values::ALL),
            seed: choose.below(1 << 16) as u64,
        };
        Layer { mask: case.seed % 2 == 1, ..case }
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
        let residual = self.residual.then(|| Matrix::<T>::new(n, d_out, order_x, px, &mut value));
        let activation = activation::<T>(self.activation);
        let bias_row = bias.as_ref().map(Matrix::row);
        let mut wanted_y = model(fused(), T::of(1.0), x.view(), w.view(), T::of(0.0), y.view(), bias_row);
        for (at, y) in wanted_y.iter_mut().enumerate() {
            *y = residual.as_ref().map_or(*y, |r| *y + r.get(at / d_out, at % d_out));
        }
        let mut wanted_z = wanted_y.clone();
        let masked = self.mask && activation == Some(Activation::Relu);
        let mut mask = vec![0xff; n * d_out.div_ceil(8)];
        let wanted_mask = super::mask(&wanted_z, d_out);
        if masked {
            // Which cannot tell NaN from what is not positive.
            wanted_z.iter_mut().filter(|z| z.wide().is_nan()).for_each(|z| *z = T::of(0.0));
        }
        let mut wanted_dz = super::elements(g.view());
        if let Some(activation) = activation {
            activation.apply(&mut wanted_y).unwrap();
            activation.backward(&wanted_z, &mut wanted_dz).unwrap();
        }
        let mut z = Matrix::<T>::new(n, d_out, order_y, px, || T::NAN);
        let mut dz = Matrix::<T>::new(n, d_out, order_y, px, || T::NAN);
        let sure_dz = MatRef::row_major(&wanted_dz, n, d_out).unwrap();
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
            wanted(self.dx, sure_dz, w.view().t(), &dx),
            wanted(self.dw, x.view().t(), sure_dz, &dw),
            wanted(self.db, ones.view(), sure_dz, &db),
        );

        let mut layer = Linear::new(w.view()).threads(self.threads);
        if let Some(bias) = &bias {
            layer = layer.bias(bias.row());
        }
        if let Some(activation) = activation {
            layer = layer.activation(activation);
        }
        if activation.is_none() && residual.is_none() {
            layer.forward(x.view(), y.view_mut()).unwrap();
        } else {
            let mut pass = layer.pass(x.view());
            pass = if masked { pass.mask(&mut mask) } else { pass.pre_activation(z.view_mut()) };
            if let Some(residual) = &residual {
                pass = pass.residual(residual.view());
            }
            pass.run(y.view_mut()).unwrap();
            if masked {
                assert_eq!(mask, wanted_mask, "{self:?}");
            } else {
                z.assert_is(&wanted_z, "Z", self);
            }
        }
        y.assert_is(&wanted_y, "Y", self);

        let mut backward = layer.backward(g.view());
        if masked {
            backward = backward.mask(&mask);
        } else if activation.is_some() {
            backward = backward.pre_activation(z.view());
        }
        if self.dz {
            backward = backward.dz(dz.view_mut());
        }
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
        if self.dz {
            dz.assert_is(&wanted_dz, "dZ", self);
        }
        dx.assert_is(&wanted_dx, "dX", self);
        dw.assert_is(&wanted_dw, "dW", self);
        db.assert_is(&wanted_db, "db", self);
    }
}
