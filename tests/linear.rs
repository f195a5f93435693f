//! The layer, forward and backward: the model's bits, and the derivative's value.

mod support;

use approx::assert_relative_eq;
use lapidary::{Element, Gated, Linear, MatMut, MatRef, Threads};
use proptest::prelude::*;
use support::cases::{ACTIVATIONS, Layer, THREADS, activation};
use support::matrix::{COL, Matrix, Order, Place, ROW};
use support::{Choose, Random, Real, Values, cases};

/// A plain layer, all gradients overwritten.
fn layer(n: usize, d_in: usize, d_out: usize) -> Layer {
    Layer {
        n,
        d_in,
        d_out,
        bias: true,
        activation: 0,
        residual: false,
        mask: false,
        orders: [ROW; 3],
        places: [Place::End; 3],
        dz: false,
        dx: Some(0.0),
        dw: Some(0.0),
        db: Some(0.0),
        threads: Threads::Auto,
        values: Values::Unit,
        seed: 1,
    }
}

fn both(case: &Layer) {
    case.check::<f32>();
    case.check::<f64>();
}

/// With and without bias, weights stored either way round, every subset of the gradients, each written or added to.
#[test]
fn every_kind() {
    let mut random = Random(9);
    let gradient = [None, Some(0.0), Some(1.0)];
    for (dx, dw, db) in (0..27).map(|i| (gradient[i / 9], gradient[i / 3 % 3], gradient[i % 3])) {
        for weight in [ROW, COL] {
            for bias in [false, true] {
                let (n, d_in, d_out) = random.one_of(&[(1, 20, 30), (17, 9, 33), (40, 64, 10)]);
                let orders = [random.one_of(&[ROW, COL]), weight, random.one_of(&[ROW, COL])];
                both(&Layer { bias, orders, dx, dw, db, ..layer(n, d_in, d_out) });
            }
        }
    }
}

/// Every activation, with Z and dZ kept or not, residual or not, and in every order of Y, Z and the gradients.
#[test]
fn every_activation() {
    let mut random = Random(12);
    for activation in 0..ACTIVATIONS {
        for order in [ROW, COL, Order { inner: 2, ..ROW }] {
            for (dz, residual) in [(false, false), (false, true), (true, false), (true, true)] {
                let (n, d_in, d_out) = random.one_of(&[(1, 20, 30), (17, 9, 33), (40, 64, 10), (300, 5, 7)]);
                let orders = [random.one_of(&[ROW, COL]), random.one_of(&[ROW, COL]), order];
                let threads = random.one_of(&THREADS);
                both(&Layer { activation, dz, residual, orders, threads, ..layer(n, d_in, d_out) });
            }
        }
    }
}

/// A mask in place of Z, whose bytes tiles and tasks share; rows, columns and lone elements; thin, deep and shallow.
#[test]
fn masks() {
    let mut random = Random(15);
    for (n, d_in, d_out) in [(1, 20, 30), (130, 3, 5), (40, 64, 10), (3, 700, 200), (300, 300, 7), (33, 2, 300)] {
        for order in [ROW, COL, Order { inner: 2, ..ROW }] {
            for threads in THREADS {
                let orders = [random.one_of(&[ROW, COL]), random.one_of(&[ROW, COL]), order];
                let (residual, values) = (random.one_of(&[false, true]), random.one_of(&Values::ALL));
                let case = Layer { orders, threads, residual, values, mask: true, dz: true, ..layer(n, d_in, d_out) };
                both(&Layer { activation: 1, ..case });
            }
        }
    }
}

/// So many rows that they go through in several stretches, which end within a tile's or a task's rows.
#[test]
fn stretches() {
    let n = if support::small() { 5000 } else { 20000 };
    for (activation, order) in [(0, ROW), (4, ROW), (1, COL)] {
        for threads in [Threads::Serial, Threads::Exactly(3)] {
            for old in [0.0, 1.0] {
                let (dx, dw, db) = (Some(old), Some(old), Some(old));
                let orders = [ROW, ROW, order];
                let mask = threads != Threads::Serial;
                Layer { activation, mask, orders, threads, dx, dw, db, ..layer(n, 3, 130) }.check::<f32>();
            }
        }
    }
    Layer { activation: 7, dz: true, dx: None, ..layer(n, 2, 70) }.check::<f64>();
}

/// Micro-batches of whole blocks add up to the bits of the whole batch.
#[test]
fn micro_batches() {
    let (n, part, d_in, d_out) = (2 * f32::KC, f32::KC, 5, 19);
    let mut random = Random(13);
    let [x, g] = [d_in, d_out].map(|cols| (0..n * cols).map(|_| random.unit()).collect::<Vec<f32>>());
    let w = vec![1.0; d_in * d_out];
    let layer = Linear::new(MatRef::row_major(&w, d_in, d_out).unwrap());
    let gradients = |rows: usize| {
        let (mut dw, mut db) = (vec![0.0; d_in * d_out], vec![0.0; d_out]);
        for (x, g) in x.chunks(rows * d_in).zip(g.chunks(rows * d_out)) {
            layer
                .backward(MatRef::row_major(g, rows, d_out).unwrap())
                .add_dw(MatRef::row_major(x, rows, d_in).unwrap(), MatMut::row_major(&mut dw, d_in, d_out).unwrap())
                .add_db(&mut db)
                .run()
                .unwrap();
        }
        (dw, db)
    };
    assert!(gradients(n) == gradients(part));
}

/// A pair of layers against each alone and a pass that multiplies.
#[test]
fn gated_layers() {
    for activation in 0..ACTIVATIONS {
        for (n, d_in, d_out) in [(1, 3, 5), (70, 40, 33), (0, 3, 5), (3, 0, 5), (9000, 4, 130)] {
            if support::small() && n > 1000 {
                continue;
            }
            gated::<f32>(activation, n, d_in, d_out);
            gated::<f64>(activation, n, d_in, d_out);
        }
    }
}

fn gated<T: Real>(number: usize, n: usize, d_in: usize, d_out: usize) {
    let mut random = Random(14);
    let mut matrix = |rows, cols, order| Matrix::<T>::new(rows, cols, order, Place::End, || random.unit());
    let (x, w1, w2) = (matrix(n, d_in, ROW), matrix(d_in, d_out, ROW), matrix(d_in, d_out, COL));
    let (b1, b2) = (matrix(1, d_out, ROW), matrix(1, d_out, ROW));
    let mut alone = [(&w1, &b1), (&w2, &b2)].map(|(w, b)| {
        let mut y = vec![T::of(0.0); n * d_out];
        let layer = Linear::new(w.view()).bias(b.row());
        layer.forward(x.view(), MatMut::row_major(&mut y, n, d_out).unwrap()).unwrap();
        y
    });
    let mut gate = Linear::new(w1.view()).bias(b1.row());
    if let Some(activation) = activation(number) {
        activation.apply(&mut alone[0]).unwrap();
        gate = gate.activation(activation);
    }
    let wanted: Vec<T> = alone[0].iter().zip(&alone[1]).map(|(&gate, &y)| gate * y).collect();
    for order in [ROW, COL] {
        for threads in [Threads::Serial, Threads::Exactly(3)] {
            let mut y = Matrix::<T>::new(n, d_out, order, Place::End, || T::NAN);
            let pair = Gated::new(gate.threads(threads), Linear::new(w2.view()).bias(b2.row()));
            pair.forward(x.view(), y.view_mut()).unwrap();
            y.assert_is(&wanted, "Y", &(number, n, d_in, d_out, threads));
        }
    }
}

/// A dimension of 0: Y is the bias, dW and db are 0 or what they were.
#[test]
fn empty_dimensions() {
    for (n, d_in, d_out) in [(0, 5, 6), (5, 0, 6), (5, 6, 0), (0, 0, 6), (0, 0, 0)] {
        for beta in [Some(0.0), Some(1.0)] {
            for bias in [false, true] {
                let case = Layer { bias, dx: beta, dw: beta, db: beta, ..layer(n, d_in, d_out) };
                both(&case);
                both(&Layer { activation: 1, mask: true, ..case });
            }
        }
    }
}

/// Deep in each of the three products, so that sums go over several blocks; and large enough for all threads.
#[test]
fn large_layers() {
    let mut random = Random(10);
    for (n, d_in, d_out) in [(1100, 40, 30), (30, 1100, 40), (30, 40, 1100), (1, 1100, 300)] {
        for weight in [ROW, COL] {
            let orders = [ROW, weight, Order { gap: 3, ..ROW }];
            both(&Layer { orders, threads: random.one_of(&THREADS), ..layer(n, d_in, d_out) });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(1000) as u32))]

    #[test]
    fn any_layer(choices in prop::collection::vec(any::<u16>(), 40)) {
        let mut choose = choices.into_iter().map(u64::from);
        let wide = choose.below(2) == 1;
        let case = Layer::draw(40, &mut choose);
        if wide { case.check::<f64>() } else { case.check::<f32>() }
    }
}

/// Each gradient of L = ½·Σ Y², for every activation and every set of outputs, by central differences. What moves stays
/// away from kinks.
#[test]
fn gradients_are_derivatives() {
    let (n, d_in, d_out) = (3, 5, 4);
    // X, W, b and R, one after the other.
    let ends = [n * d_in, n * d_in + d_in * d_out, n * d_in + d_in * d_out + d_out];
    let mut random = Random(11);
    let mut input: Vec<f64> = (0..ends[2] + n * d_out).map(|_| random.unit()).collect();
    for number in 0..ACTIVATIONS {
        let layer = |input: &[f64], kept: &mut [f64]| {
            let mut y = vec![0.0; n * d_out];
            let mut layer = Linear::new(MatRef::row_major(&input[ends[0]..ends[1]], d_in, d_out).unwrap())
                .bias(&input[ends[1]..ends[2]]);
            if let Some(activation) = activation(number) {
                layer = layer.activation(activation);
            }
            layer
                .pass(MatRef::row_major(input, n, d_in).unwrap())
                .residual(MatRef::row_major(&input[ends[2]..], n, d_out).unwrap())
                .pre_activation(MatMut::row_major(kept, n, d_out).unwrap())
                .run(MatMut::row_major(&mut y, n, d_out).unwrap())
                .unwrap();
            y
        };
        let mut z = vec![0.0; n * d_out];
        let g = layer(&input, &mut z); // ∂L/∂Y = Y
        let h = 1e-5;
        for kink in [0.0, -0.25, 0.5] {
            assert!(z.iter().all(|z| (z - kink).abs() > 10.0 * h), "a kink is near: choose another seed");
        }
        let differences: Vec<f64> = (0..input.len())
            .map(|at| {
                let x = input[at];
                let mut loss = |moved: f64| {
                    input[at] = moved;
                    layer(&input, &mut vec![0.0; n * d_out]).iter().map(|y| y * y / 2.0).sum::<f64>()
                };
                let difference = (loss(x + h) - loss(x - h)) / (2.0 * h);
                input[at] = x;
                difference
            })
            .collect();

        for wanted in 0..16 {
            let wants = |output: usize| wanted >> output & 1 == 1;
            let mut gradient = vec![f64::NAN; input.len()];
            let (dx, rest) = gradient.split_at_mut(ends[0]);
            let (dw, rest) = rest.split_at_mut(ends[1] - ends[0]);
            let (db, dz) = rest.split_at_mut(d_out);
            let mut layer = Linear::new(MatRef::row_major(&input[ends[0]..ends[1]], d_in, d_out).unwrap());
            if let Some(activation) = activation(number) {
                layer = layer.activation(activation);
            }
            let mut backward = layer
                .backward(MatRef::row_major(&g, n, d_out).unwrap())
                .pre_activation(MatRef::row_major(&z, n, d_out).unwrap());
            if wants(0) {
                backward = backward.dx(MatMut::row_major(dx, n, d_in).unwrap());
            }
            if wants(1) {
                let x = MatRef::row_major(&input, n, d_in).unwrap();
                backward = backward.dw(x, MatMut::row_major(dw, d_in, d_out).unwrap());
            }
            if wants(2) {
                backward = backward.db(db);
            }
            if wants(3) {
                backward = backward.dz(MatMut::row_major(dz, n, d_out).unwrap());
            }
            backward.run().unwrap();
            let outputs = [0..ends[0], ends[0]..ends[1], ends[1]..ends[2], ends[2]..input.len()];
            for (output, range) in outputs.into_iter().enumerate() {
                for at in range {
                    match wants(output) {
                        true => assert_relative_eq!(gradient[at], differences[at], max_relative = 1e-7, epsilon = 1e-9),
                        false => assert!(gradient[at].is_nan()),
                    }
                }
            }
        }
    }
}
