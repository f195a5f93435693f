//! A linear layer worked by hand, then its gradients against finite differences.
//!
//! `cargo run --release --example linear`

use approx::assert_relative_eq;
use lapidary::{Error, Linear, MatMut, MatRef};
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

fn main() -> Result<(), Error> {
    textbook()?;
    finite_differences()?;
    shape_mismatch()
}

/// L = the sum of Y, so that G = ∂L/∂Y is all ones and every gradient can be read off X and W.
fn textbook() -> Result<(), Error> {
    let (n, d_in, d_out) = (3, 2, 2);
    #[rustfmt::skip]
    let x = [1.0, 0.0,
             0.0, 1.0,
             1.0, 1.0];
    #[rustfmt::skip]
    let w = [ 2.0, 1.0,
             -1.0, 3.0];
    let b = [0.5, -2.0];
    let g = [1.0; 6];

    let (mut y, mut dx, mut dw, mut db) = ([0.0; 6], [0.0; 6], [0.0; 4], [0.0; 2]);
    let x = MatRef::row_major(&x, n, d_in)?;
    let layer = Linear::new(MatRef::row_major(&w, d_in, d_out)?).bias(&b);
    layer.forward(x, MatMut::row_major(&mut y, n, d_out)?)?;
    layer
        .backward(MatRef::row_major(&g, n, d_out)?)
        .dx(MatMut::row_major(&mut dx, n, d_in)?)
        .dw(x, MatMut::row_major(&mut dw, d_in, d_out)?)
        .db(&mut db)
        .run()?;

    println!("Y  = {:?}", rows(&y, d_out));
    println!("dW = {:?}", rows(&dw, d_out));
    println!("dX = {:?}", rows(&dx, d_in));
    println!("db = {db:?}");
    assert_eq!(y, [2.5, -1.0, -0.5, 1.0, 1.5, 2.0]); // row 1 of W, row 2 of W and their sum, each plus b
    assert_eq!(dw, [2.0, 2.0, 2.0, 2.0]); // row i: the sum of column i of X, d_out times
    assert_eq!(dx, [3.0, 2.0, 3.0, 2.0, 3.0, 2.0]); // every row: the sums of W's rows
    assert_eq!(db, [3.0, 3.0]); // n
    println!("as worked by hand\n");
    Ok(())
}

fn rows(matrix: &[f64], cols: usize) -> Vec<&[f64]> {
    matrix.chunks(cols).collect()
}

/// A random layer under L = Σ C⊙Y + ½ Σ Y⊙Y, so that G = C + Y.
fn finite_differences() -> Result<(), Error> {
    let (n, d_in, d_out) = (6, 7, 5);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut random = |len| -> Vec<f64> { (0..len).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let (x, w, b, c) = (random(n * d_in), random(d_in * d_out), random(d_out), random(n * d_out));

    let forward = |x: &[f64], w: &[f64], b: &[f64]| -> Result<Vec<f64>, Error> {
        let mut y = vec![0.0; n * d_out];
        let layer = Linear::new(MatRef::row_major(w, d_in, d_out)?).bias(b);
        layer.forward(MatRef::row_major(x, n, d_in)?, MatMut::row_major(&mut y, n, d_out)?)?;
        Ok(y)
    };
    let loss = |x: &[f64], w: &[f64], b: &[f64]| -> Result<f64, Error> {
        Ok(forward(x, w, b)?.iter().zip(&c).map(|(y, c)| c * y + 0.5 * y * y).sum())
    };

    let g: Vec<f64> = forward(&x, &w, &b)?.iter().zip(&c).map(|(y, c)| c + y).collect();
    let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; b.len()]);
    Linear::new(MatRef::row_major(&w, d_in, d_out)?)
        .backward(MatRef::row_major(&g, n, d_out)?)
        .dx(MatMut::row_major(&mut dx, n, d_in)?)
        .dw(MatRef::row_major(&x, n, d_in)?, MatMut::row_major(&mut dw, d_in, d_out)?)
        .db(&mut db)
        .run()?;

    println!("largest relative error against central differences:");
    check("dX", &dx, &central_differences(&x, |x| loss(x, &w, &b))?);
    check("dW", &dw, &central_differences(&w, |w| loss(&x, w, &b))?);
    check("db", &db, &central_differences(&b, |b| loss(&x, &w, b))?);
    println!();
    Ok(())
}

/// ∂f/∂pᵢ ≈ (f(p + h·eᵢ) − f(p − h·eᵢ)) / 2h. The loss is quadratic in each parameter, so only rounding is in error.
fn central_differences(p: &[f64], f: impl Fn(&[f64]) -> Result<f64, Error>) -> Result<Vec<f64>, Error> {
    const H: f64 = 1e-3;
    let moved = |i: usize, by: f64| {
        let mut p = p.to_vec();
        p[i] += by;
        f(&p)
    };
    (0..p.len()).map(|i| Ok((moved(i, H)? - moved(i, -H)?) / (2.0 * H))).collect()
}

fn check(name: &str, gradient: &[f64], numeric: &[f64]) {
    let relative = |(a, b): (&f64, &f64)| (a - b).abs() / a.abs().max(b.abs());
    let largest = gradient.iter().zip(numeric).map(relative).fold(0.0, f64::max);
    println!("  {name}  {largest:.1e}");
    assert_relative_eq!(gradient, numeric, max_relative = 1e-9, epsilon = 1e-10);
}

/// What does not fit is refused, in words, before anything is written.
fn shape_mismatch() -> Result<(), Error> {
    let (x, w, mut y) = ([1.0; 9], [1.0; 4], [7.0; 6]);
    let layer = Linear::new(MatRef::row_major(&w, 2, 2)?);
    let refused = layer.forward(MatRef::row_major(&x, 3, 3)?, MatMut::row_major(&mut y, 3, 2)?);
    let error = refused.expect_err("X has three columns, W two rows");
    println!("a 3×3 X for a 2×2 W: {error}");
    assert_eq!(y, [7.0; 6]);
    Ok(())
}
