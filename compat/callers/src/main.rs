//! Products through other crates, with and without the last lines of Cargo.toml; `run` beside it does both.
//!
//! `callers values` computes products of many shapes and layouts, holds them against sums in `f64`, and prints them;
//! `callers compare FILE` holds them against those printed into a file as well. `callers speed` prints the GFLOP/s of one
//! thread for squares.

mod programs;

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;
use std::{env, fs, process};

use programs::{PROGRAMS, Program};

/// Rows of A, columns of B, and steps.
const SHAPES: [[usize; 3]; 12] = [
    [1, 1, 1],
    [7, 6, 8],
    [16, 16, 16],
    [33, 17, 65],
    [64, 64, 64],
    [1, 200, 70],
    [200, 1, 70],
    [6, 300, 300],
    [120, 7, 1100],
    [130, 140, 150],
    [257, 129, 600],
    [500, 300, 40],
];
const LAYOUTS: [[bool; 2]; 4] = [[false, false], [true, false], [false, true], [true, true]];

fn main() {
    // Programs that follow rayon's pool, too, take one thread: `run` sets RAYON_NUM_THREADS.
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["values"] => values(&HashMap::new()),
        ["compare", file] => {
            let text = fs::read_to_string(file).expect("a file of values");
            values(&text.lines().filter_map(|line| line.split_once(": ")).collect());
        }
        ["speed"] => speed(),
        _ => {
            eprintln!("usage: callers values | compare FILE | speed");
            process::exit(2);
        }
    }
}

/// Computes all products, and prints them or, if there are others, compares.
fn values(others: &HashMap<&str, &str>) {
    let mut compared = 0;
    for program in PROGRAMS {
        for [m, n, k] in SHAPES {
            for layout in LAYOUTS {
                let name = format!("{} {m}×{n}×{k} {layout:?}", program.name);
                let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
                let c = (program.product)([m, n, k], layout, &a, &b);
                close(&name, &c, &reference([m, n, k], &a, &b, program), program);
                if others.is_empty() {
                    println!("{name}: {c:?}");
                } else {
                    let other = others.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the file"));
                    let other: Vec<f64> =
                        other.trim_matches(['[', ']']).split(", ").map(|x| x.parse().expect("a number")).collect();
                    close(&name, &c, &other, program);
                    compared += 1;
                }
            }
        }
    }
    if !others.is_empty() {
        println!("{compared} products are those of the file, to rounding");
    }
}

/// Numbers between −1 and 1 that every element type holds exactly.
fn numbers(len: usize, seed: usize) -> Vec<f64> {
    (0..len)
        .map(|i| ((i * 7919 + seed * 104_729) % 509) as f64 / 256.0 - 0.99)
        .map(|x| (x * 256.0).round() / 256.0)
        .collect()
}

/// The product of row-major matrices in `f64`; complex programs multiply a + 2a·i by b − b·i.
fn reference([m, n, k]: [usize; 3], a: &[f64], b: &[f64], program: &Program) -> Vec<f64> {
    let sum = |i: usize, j: usize| (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum::<f64>();
    let real = (0..m * n).map(|at| sum(at / n, at % n));
    if program.complex { real.flat_map(|x| [3.0 * x, x]).collect() } else { real.collect() }
}

fn close(name: &str, c: &[f64], expected: &[f64], program: &Program) {
    assert_eq!(c.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(1.0, |largest: f64, x| largest.max(x.abs()));
    for (at, (x, y)) in c.iter().zip(expected).enumerate() {
        assert!((x - y).abs() <= program.tolerance * largest, "{name}, element {at}: {x}, not {y}");
    }
}

fn speed() {
    for program in PROGRAMS {
        for n in [64, 256, 1024] {
            let (a, b) = (numbers(n * n, 1), numbers(n * n, 2));
            let mut call = (program.square)(n, &a, &b);
            let flops = if program.complex { 8.0 } else { 2.0 } * (n * n * n) as f64;
            let calls = (2e9 / flops).ceil() as usize;
            let mut best = f64::INFINITY;
            for _ in 0..3 {
                let start = Instant::now();
                (0..calls).for_each(|_| black_box(&mut call)());
                best = best.min(start.elapsed().as_secs_f64() / calls as f64);
            }
            println!("{} {n}³: {:.1}", program.name, flops / best / 1e9);
        }
    }
}
