//! Every result equals the model to the bit.

mod support;

use lapidary::{Gemm, Threads};
use support::{Matrix, Order, Random, Real, model};

#[derive(Clone, Copy, Debug)]
#[allow(dead_code)] // shown when a case fails
struct Case {
    shape: (usize, usize, usize),
    orders: (Order, Order, Order),
    alpha: f64,
    beta: f64,
    threads: Threads,
}

fn check<T: Real>(case: Case) {
    let Case { shape: (m, n, k), orders: (oa, ob, oc), alpha, beta, threads } = case;
    let mut random = Random((m * 1009 + n * 31 + k) as u64);
    let a = Matrix::<T>::new(m, k, oa, || random.unit());
    let b = Matrix::<T>::new(k, n, ob, || random.unit());
    let mut c = Matrix::<T>::new(m, n, oc, || if beta == 0.0 { T::NAN } else { random.unit() });
    let (alpha, beta) = (T::of(alpha), T::of(beta));
    let expected = model((m, n, k), alpha, |i, p| a.get(i, p), |p, j| b.get(p, j), beta, |i, j| c.get(i, j), None);
    Gemm::new(a.view(), b.view()).alpha(alpha).beta(beta).threads(threads).run(c.view_mut()).unwrap();
    c.assert_is(&expected, &case);
}

fn both(case: Case) {
    check::<f32>(case);
    check::<f64>(case);
}

const ROW: Order = Order::Row(0);

#[test]
fn small_shapes_in_every_order() {
    let orders = [Order::Row(0), Order::Row(5), Order::Col(0), Order::Col(3), Order::Gaps, Order::Reversed];
    for shape in [(1, 1, 1), (2, 3, 4), (7, 9, 5), (13, 17, 33), (16, 40, 20), (31, 8, 70), (1, 50, 17), (50, 1, 17)] {
        for oa in orders.into_iter().chain([Order::SameRow, Order::SameCol]) {
            for ob in orders.into_iter().chain([Order::SameRow, Order::SameCol]) {
                for oc in orders {
                    let orders = (oa, ob, oc);
                    both(Case { shape, orders, alpha: -0.5, beta: 1.0, threads: Threads::Serial });
                    both(Case { shape, orders, alpha: 1.0, beta: 0.0, threads: Threads::Serial });
                }
            }
        }
    }
}

#[test]
fn larger_shapes() {
    for (oa, ob) in [(ROW, ROW), (Order::Col(0), ROW), (ROW, Order::Col(0)), (Order::Col(0), Order::Col(0))] {
        for shape in [(64, 64, 64), (129, 200, 600), (300, 40, 1541), (40, 300, 773), (257, 513, 100)] {
            for threads in [Threads::Serial, Threads::Exactly(2), Threads::Exactly(7), Threads::Auto] {
                both(Case { shape, orders: (oa, ob, ROW), alpha: 1.0, beta: -0.5, threads });
            }
        }
    }
}

#[test]
fn deep_products() {
    for shape in [(2, 3, 5000), (16, 16, 3000)] {
        for oc in [ROW, Order::Gaps, Order::Col(1)] {
            for threads in [Threads::Serial, Threads::Exactly(2), Threads::Exactly(3)] {
                both(Case { shape, orders: (Order::Col(0), ROW, oc), alpha: 1.5, beta: 0.0, threads });
            }
        }
    }
}
