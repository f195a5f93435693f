//! What follows a product: the bits of the same steps one after the other.

mod support;

use lapidary::{Activation, Epilogue, Gemm, MatMut, MatRef};
use proptest::prelude::*;
use support::cases::{ACTIVATIONS, Finished, Product, THREADS};
use support::matrix::{COL, Order, ROW};
use support::{Choose, Random, cases};

fn both(case: &Finished) {
    case.check::<f32>();
    case.check::<f64>();
}

/// Orders of C and of what is read beside it: also broadcast, and with no elements adjacent.
const ORDERS: [Order; 4] = [ROW, COL, Order { inner: 2, ..ROW }, Order { gap: 3, ..COL }];

/// Each part alone, before each other, in every order of C, on every path: little, planned, transposed, deep, and with
/// nothing to sum.
#[test]
fn every_part() {
    let mut random = Random(20);
    let shapes =
        [(5, 9, 4), (40, 70, 30), (130, 33, 17), (3, 5, 4000), (7, 300, 0), (1, 129, 64), (129, 1, 64), (70, 900, 3)];
    for (at, shape) in shapes.into_iter().enumerate() {
        for part in 0..7 {
            for order in ORDERS {
                let mut orders = || random.one_of(&ORDERS);
                let mut product = Product::new(shape.0, shape.1, shape.2);
                product.orders[2] = order;
                product.beta = if (at + part).is_multiple_of(2) { 0.0 } else { -0.5 };
                let none = Finished::new(product);
                let case = match part {
                    0 => Finished { bias: true, ..none },
                    1 => Finished { row_bias: true, ..none },
                    2 => Finished { residual: Some(orders()), ..none },
                    3 => Finished { gate: Some(orders()), activation: 1 + at, ..none },
                    4 => Finished { saved: Some(orders()), activation: 1 + at, ..none },
                    5 => Finished { map: true, ..none },
                    _ => Finished {
                        bias: true,
                        row_bias: true,
                        residual: Some(orders()),
                        saved: Some(orders()),
                        activation: 1 + at,
                        map: true,
                        ..none
                    },
                };
                both(&Finished { threads: random.one_of(&THREADS), ..case });
            }
        }
    }
}

/// Every activation with every remainder of a vector, from one element up.
#[test]
fn every_activation() {
    for activation in 0..ACTIVATIONS {
        for n in 1..=if support::small() { 5 } else { 37 } {
            let none = Finished::new(Product::new(1 + n % 3, n, 3));
            both(&Finished { activation, ..none.clone() });
            both(&Finished { activation, gate: Some(ROW), saved: Some(ROW), bias: true, ..none });
        }
    }
}

/// `alpha` = 0 sums nothing; what follows is done all the same.
#[test]
fn nothing_to_sum() {
    for order in ORDERS {
        for beta in [0.0, 1.0, -0.5] {
            let mut product = Product { alpha: 0.0, beta, ..Product::new(20, 600, 5) };
            product.orders[2] = order;
            both(&Finished { bias: true, row_bias: true, activation: 4, map: true, ..Finished::new(product) });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(1500) as u32))]

    #[test]
    fn any_epilogue(choices in prop::collection::vec(any::<u16>(), 60)) {
        let mut choose = choices.into_iter().map(u64::from);
        let shape = match choose.below(4) {
            0 => (choose.below(300), choose.below(20), choose.below(20)),
            1 => (choose.below(20), choose.below(20), choose.below(1500)),
            _ => (choose.below(70), choose.below(90), choose.below(60)),
        };
        let wide = choose.below(2) == 1;
        let case = Finished::draw(shape, &mut choose);
        if wide { case.check::<f64>() } else { case.check::<f32>() }
    }
}

/// A closure sees each element once, by its row and column in C whatever its order.
#[test]
fn a_closure_sees_every_element_once() {
    for (row_stride, col_stride) in [(30, 1), (1, 20), (60, 2)] {
        let (a, mut c) = ([1.0; 20], vec![0.0; 1300]);
        let a = MatRef::row_major(&a, 20, 1).unwrap();
        let ones = MatRef::row_major(&[1.0; 30], 1, 30).unwrap();
        let at = |i: usize, j: usize, x: f64| x * (100 * i + j) as f64;
        Gemm::new(a, ones)
            .epilogue(&Epilogue::new().map(&at))
            .run(MatMut::strided(&mut c, 20, 30, row_stride, col_stride).unwrap())
            .unwrap();
        let c = MatRef::strided(&c, 20, 30, row_stride, col_stride).unwrap();
        for (i, j) in (0..20).flat_map(|i| (0..30).map(move |j| (i, j))) {
            assert_eq!(*c.get(i, j).unwrap(), (100 * i + j) as f64);
        }
    }
}

/// A panic comes through, on any thread, and leaves memory sound.
#[test]
fn a_closure_may_panic() {
    for threads in THREADS {
        let (a, mut c) = ([1.0f32; 3600], [0.0; 3600]);
        let a = MatRef::row_major(&a, 60, 60).unwrap();
        let bad = |i: usize, j: usize, x: f32| if (i, j) == (59, 59) { panic!("no such element") } else { x };
        let result = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
            Gemm::new(a, a)
                .threads(threads)
                .epilogue(&Epilogue::new().map(&bad))
                .run(MatMut::row_major(&mut c, 60, 60)?)
        }));
        assert!(result.is_err());
        gemm_after(&mut c);
    }
}

fn gemm_after(c: &mut [f32]) {
    let a = [1.0f32; 3600];
    let a = MatRef::row_major(&a, 60, 60).unwrap();
    lapidary::gemm(1.0, a, a, 0.0, MatMut::row_major(c, 60, 60).unwrap()).unwrap();
    assert!(c.iter().all(|&x| x == 60.0));
}

/// NaN comes through each activation after a product, and what is infinite goes where the table says.
#[test]
fn special_values() {
    let inputs = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0];
    let x = MatRef::row_major(&inputs, 4, 1).unwrap();
    let one = MatRef::row_major(&[1.0], 1, 1).unwrap();
    let after = |activation| {
        let mut c = [0.0f32; 4];
        let epilogue = Epilogue::new().activation(activation);
        Gemm::new(x, one).epilogue(&epilogue).run(MatMut::row_major(&mut c, 4, 1).unwrap()).unwrap();
        assert!(c[0].is_nan());
        [c[1], c[2], c[3]]
    };
    assert_eq!(after(Activation::Relu), [f32::INFINITY, 0.0, 0.0]);
    assert_eq!(after(Activation::Gelu), [f32::INFINITY, 0.0, 0.0]);
    assert_eq!(after(Activation::Sigmoid), [1.0, 0.0, 0.5]);
    assert_eq!(after(Activation::Tanh), [1.0, -1.0, 0.0]);
}

/// Tiles bound their sums by other instructions than those of the activation: the bits are the same, also of NaN, of zeros, and where
/// the lower bound is the greater one.
#[test]
fn bounds() {
    let inputs = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 0.25, -0.25, 0.5, 1e-40, -3.0, 2.0];
    let x = MatRef::row_major(&inputs, 10, 1).unwrap();
    let weights = [1.0; 19];
    let crossed = [(-0.25, 0.5), (0.0, -0.0), (-0.0, 0.0), (1.0, -1.0), (f32::NAN, 0.5), (-0.25, f32::NAN)];
    let clamps = crossed.map(|(low, high)| Activation::Clamp(low, high));
    for activation in clamps.into_iter().chain([Activation::Relu]) {
        for n in 1..=19 {
            // The sums with a minus sign: zeros are −0 then.
            let product = |epilogue: &Epilogue<'_, f32>| {
                let mut c = vec![-0.0; 10 * n];
                let gemm = Gemm::new(x, MatRef::row_major(&weights[..n], 1, n).unwrap())
                    .alpha(-1.0)
                    .beta(1.0)
                    .epilogue(epilogue);
                gemm.run(MatMut::row_major(&mut c, 10, n).unwrap()).unwrap();
                c
            };
            let mut expected = product(&Epilogue::new());
            activation.apply(&mut expected).unwrap();
            let found = product(&Epilogue::new().activation(activation));
            let bits = |c: Vec<f32>| c.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(found), bits(expected), "{activation:?}, {n} columns");
        }
    }
}

/// Wherever it is called: by the caller or by a thread that joined in. The pool is of use afterwards.
#[test]
fn a_panic_in_a_function_of_ones_own_arrives() {
    let (a, mut c) = (vec![1.0f32; 300 * 300], vec![0.0; 300 * 300]);
    let view = MatRef::row_major(&a, 300, 300).unwrap();
    for culprit in [0, 299] {
        let map = |i: usize, j: usize, x: f32| if (i, j) == (culprit, culprit) { panic!("as asked for") } else { x };
        let epilogue = Epilogue::new().map(&map);
        for threads in THREADS {
            let call = || {
                let c = MatMut::row_major(&mut c, 300, 300).unwrap();
                Gemm::new(view, view).threads(threads).epilogue(&epilogue).run(c)
            };
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"as asked for"), "{threads:?}");
            Gemm::new(view, view).threads(threads).run(MatMut::row_major(&mut c, 300, 300).unwrap()).unwrap();
            assert!(c.iter().all(|&x| x == 300.0));
        }
    }
}
