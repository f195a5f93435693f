//! Any layer, forward and backward, against the model; with a wrong shape it must be refused.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use lapidary::Linear;
use libfuzzer_sys::fuzz_target;
use support::cases::{Layer, activation};
use support::matrix::{Matrix, ROW};
use support::{Choose, Random, Real, elements};

fuzz_target!(|input: (bool, [u8; 40])| {
    let (wide, choices) = input;
    let mut choices = choices.into_iter().map(u64::from);
    let case = Layer::draw(71, &mut choices);
    match (choices.below(4) == 3, wide) {
        (false, false) => case.check::<f32>(),
        (false, true) => case.check::<f64>(),
        (true, false) => refused::<f32>(&case, &mut choices),
        (true, true) => refused::<f64>(&case, &mut choices),
    }
});

/// Makes one operand a row or column too large or too small: an error, and nothing written.
fn refused<T: Real>(case: &Layer, choices: &mut dyn Iterator<Item = u64>) {
    let &Layer { n, d_in, d_out, orders: [order_x, order_w, order_y], places: [px, pw, py], .. } = case;
    // The bias, Y, X, Z and R of the forward pass; then G, dX, X, dW, db, Z and dZ.
    let (to, from) = ((n, d_out), (n, d_in));
    let mut shapes = [(1, d_out), to, from, to, to, to, from, from, (d_in, d_out), (1, d_out), to, to];
    let wrong = choices.below(shapes.len());
    let vector = wrong == 0 || wrong == 9;
    let shape = &mut shapes[wrong];
    let size = if vector || choices.below(2) == 1 { &mut shape.1 } else { &mut shape.0 };
    *size = if choices.below(2) == 1 && *size > 0 { *size - 1 } else { *size + 1 };

    let mut random = Random(case.seed);
    let mut matrix = |of: usize, order, place| {
        let (rows, cols) = shapes[of];
        Matrix::<T>::new(rows, cols, order, place, || random.value(case.values))
    };
    let (bias, mut y, x) = (matrix(0, ROW, pw), matrix(1, order_y, py), matrix(2, order_x, px));
    let (mut z, r) = (matrix(3, order_y, px), matrix(4, order_x, px));
    let (g, mut dx, other_x) = (matrix(5, order_y, py), matrix(6, order_y, px), matrix(7, order_x, px));
    let (mut dw, mut db) = (matrix(8, order_y, pw), matrix(9, ROW, py));
    let (other_z, mut dz) = (matrix(10, order_y, py), matrix(11, order_y, py));
    let w = Matrix::<T>::new(d_in, d_out, order_w, pw, || random.value(case.values));
    let before = [&y, &dx, &dw, &db, &z, &dz].map(|output| elements(output.view()));

    let layer = Linear::new(w.view()).bias(bias.row()).threads(case.threads);
    let layer = activation(case.activation).map_or(layer, |activation| layer.activation(activation));
    if wrong < 5 {
        layer.pass(x.view()).residual(r.view()).pre_activation(z.view_mut()).run(y.view_mut()).unwrap_err();
    } else {
        let backward = layer.backward(g.view()).pre_activation(other_z.view()).dz(dz.view_mut());
        let backward = if case.dx == Some(1.0) { backward.add_dx(dx.view_mut()) } else { backward.dx(dx.view_mut()) };
        let backward = match case.dw {
            Some(1.0) => backward.add_dw(other_x.view(), dw.view_mut()),
            _ => backward.dw(other_x.view(), dw.view_mut()),
        };
        let backward = if case.db == Some(1.0) { backward.add_db(db.row_mut()) } else { backward.db(db.row_mut()) };
        backward.run().unwrap_err();
    }
    for (output, before) in [&y, &dx, &dw, &db, &z, &dz].into_iter().zip(before) {
        output.assert_is(&before, "an output", &(case, wrong));
    }
}
