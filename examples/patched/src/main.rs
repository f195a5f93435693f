//! The speed of ndarray's product of square matrices, and that it is right: `cargo run --release`, with and without the
//! last two lines of Cargo.toml.

use std::hint::black_box;
use std::time::Instant;

use ndarray::Array2;
use ndarray::linalg::general_mat_mul;

fn main() {
    for n in [64, 256, 1024] {
        let a = Array2::from_shape_fn((n, n), |(i, j)| ((i * 7 + j * 3) % 11) as f32 - 5.0);
        let b = Array2::from_shape_fn((n, n), |(i, j)| ((i * 5 + j * 2) % 13) as f32 - 6.0);
        let mut c = a.dot(&b);
        // Small whole numbers: exact in any order.
        for (i, j) in [(0, 0), (n / 2, n / 3), (n - 1, n - 1)] {
            let expected: f32 = (0..n).map(|p| a[[i, p]] * b[[p, j]]).sum();
            assert_eq!(c[[i, j]], expected, "C[{i}, {j}] of {n}³");
        }
        let calls = (1 << 30) / (n * n * n);
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            (0..calls).for_each(|_| general_mat_mul(1.0, black_box(&a), black_box(&b), 0.0, &mut c));
            best = best.min(start.elapsed().as_secs_f64() / calls as f64);
        }
        println!("{n:5}³: {:6.1} GFLOP/s", 2.0 * (n * n * n) as f64 / best / 1e9);
    }
}
