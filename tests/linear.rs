//! The layer, forward and backward: the model's bits, and the derivative's value.

mod support;

use approx::assert_relative_eq;
use lapidary::{Linear, MatMut, MatRef, Threads};
use proptest::prelude::*;
use support::cases::{Layer, THREADS};
use support::matrix::{COL, Order, Place, ROW};
use support::{Choose, Random, Values, cases};

/// A plain layer, all gradients overwritten.
fn layer(n: usize, d_in: usize, d_out: usize) -> Layer {
    let (orders, places, zero) = ([ROW; 3], [Place::End; 3], Some(0.0));
    let (threads, values) = (Threads::Auto, Values::Unit);
    Layer { n, d_in, d_out, bias: true, orders, places, dx: zero, dw: zero, db: zero, threads, values, seed: 1 }
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

/// A dimension of 0: Y is the bias, dW and db are 0 or what they were.
#[test]
fn empty_dimensions() {
    for (n, d_in, d_out) in [(0, 5, 6), (5, 0, 6), (5, 6, 0), (0, 0, 6), (0, 0, 0)] {
        for beta in [Some(0.0), Some(1.0)] {
            for bias in [false, true] {
                both(&Layer { bias, dx: beta, dw: beta, db: beta, ..layer(n, d_in, d_out) });
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

/// Each gradient of L = ½·Σ Y² by central differences, which for a quadratic L are exact but for rounding.
#[test]
fn gradients_are_derivatives() {
    let (n, d_in, d_out) = (3, 5, 4);
    let mut random = Random(11);
    // X, W and b, one after the other.
    let (w_at, b_at) = (n * d_in, n * d_in + d_in * d_out);
    let mut input: Vec<f64> = (0..b_at + d_out).map(|_| random.unit()).collect();
    let forward = |input: &[f64]| {
        let mut y = vec![0.0; n * d_out];
        Linear::new(MatRef::row_major(&input[w_at..b_at], d_in, d_out).unwrap())
            .bias(&input[b_at..])
            .forward(MatRef::row_major(input, n, d_in).unwrap(), MatMut::row_major(&mut y, n, d_out).unwrap())
            .unwrap();
        y
    };
    let g = forward(&input); // ∂L/∂Y = Y
    let mut gradient = vec![0.0; input.len()];
    let (dx, rest) = gradient.split_at_mut(w_at);
    let (dw, db) = rest.split_at_mut(b_at - w_at);
    Linear::new(MatRef::row_major(&input[w_at..b_at], d_in, d_out).unwrap())
        .backward(MatRef::row_major(&g, n, d_out).unwrap())
        .dx(MatMut::row_major(dx, n, d_in).unwrap())
        .dw(MatRef::row_major(&input, n, d_in).unwrap(), MatMut::row_major(dw, d_in, d_out).unwrap())
        .db(db)
        .run()
        .unwrap();

    let h = 1e-3;
    for at in 0..input.len() {
        let x = input[at];
        let mut loss = |moved: f64| {
            input[at] = moved;
            forward(&input).iter().map(|y| y * y / 2.0).sum::<f64>()
        };
        let difference = (loss(x + h) - loss(x - h)) / (2.0 * h);
        input[at] = x;
        assert_relative_eq!(gradient[at], difference, max_relative = 1e-9, epsilon = 1e-10);
    }
}
