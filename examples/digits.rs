//! Trains a network 64 – 128 – 10 to read handwritten digits; every product is one of `Linear`'s.
//!
//! `cargo run --release --example digits -- [--threads N]`
//!
//! The last line tells the loss to the last bit. It is the same for any number of threads, any `LAPIDARY_ISA` and any
//! processor with fused multiply-add: beside the products there are sums in a fixed order, operations that IEEE 754
//! rounds correctly, a portable random generator, and `exp` and `ln` written below, since those of libm differ by system.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lapidary::{Linear, MatMut, MatRef, Threads, machine};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const PIXELS: usize = 64;
const HIDDEN: usize = 128;
const CLASSES: usize = 10;

const EPOCHS: u64 = 40;
const BATCH: usize = 32;
const RATE: f32 = 0.05;
const MOMENTUM: f32 = 0.9;

fn main() -> Result<()> {
    let mut products = Products { threads: threads_option()?, flops: 0, time: Duration::ZERO };
    let m = machine()?;
    println!("{} kernels, L1d {} KiB, L2 {} KiB, L3 {} KiB", m.isa, m.l1d >> 10, m.l2 >> 10, m.l3 >> 10);

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut digits = read_digits()?;
    digits.shuffle(&mut rng);
    let quarter = digits.len() / 4;
    let (held_out, train) = digits.split_at_mut(quarter);
    let hidden = Layer::new(PIXELS, HIDDEN, &mut rng);
    let mut network = Network { hidden, output: Layer::new(HIDDEN, CLASSES, &mut rng) };

    // Hidden unless stdout is a terminal: then a line every ten epochs stands for it.
    let bar = ProgressBar::with_draw_target(Some(EPOCHS), ProgressDrawTarget::stdout());
    bar.set_style(ProgressStyle::with_template("{bar:20} epoch {pos}/{len}, {msg}")?);
    let start = Instant::now();
    for epoch in 1..=EPOCHS {
        train.shuffle(&mut rng);
        let mut loss = 0.0;
        for batch in train.chunks(BATCH) {
            loss += network.learn(batch, &mut products)? * batch.len() as f64 / train.len() as f64;
        }
        let (_, classes) = network.classify(held_out, &mut products)?;
        let status = format!("loss {loss:.5}, held-out accuracy {:.2} %", 100.0 * accuracy(held_out, &classes));
        if bar.is_hidden() && epoch % 10 == 0 {
            println!("epoch {epoch}/{EPOCHS}, {status}");
        }
        bar.set_message(status);
        bar.inc(1);
    }
    bar.finish();

    let (total, inside) = (start.elapsed().as_secs_f64(), products.time.as_secs_f64());
    let gflops = products.flops as f64 / inside / 1e9;
    println!("{total:.2} s, {:.0} % of it in products at {gflops:.1} GFLOP/s", 100.0 * inside / total);

    let (_, classes) = network.classify(held_out, &mut products)?;
    print_confusion(held_out, &classes);
    let accuracy = accuracy(held_out, &classes);
    println!("held-out accuracy {:.2} % of {} digits", 100.0 * accuracy, held_out.len());

    let (loss, _) = network.classify(train, &mut products)?;
    println!("final loss {loss:.7} (bits {:#018x})", loss.to_bits());
    assert!(accuracy >= 0.96, "the network learned too little");
    Ok(())
}

fn threads_option() -> Result<Threads> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(Threads::Auto),
        ["--threads", n] => Ok(Threads::Exactly(n.parse()?)),
        _ => Err("usage: digits [--threads N]".into()),
    }
}

struct Digit {
    pixels: [f32; PIXELS],
    class: usize,
}

/// A line is 64 grey levels 0..=16, then the class.
fn read_digits() -> Result<Vec<Digit>> {
    let parse = |line: &str| -> Result<Digit> {
        let values = line.split(',').map(str::parse).collect::<std::result::Result<Vec<u8>, _>>()?;
        let (class, levels) = values.split_last().ok_or("an empty line")?;
        let levels: [u8; PIXELS] = levels.try_into()?;
        Ok(Digit { pixels: levels.map(|level| f32::from(level) / 16.0), class: usize::from(*class) })
    };
    include_str!("data/digits.csv").lines().map(parse).collect()
}

/// Runs products, and counts their operations and time.
struct Products {
    threads: Threads,
    flops: usize,
    time: Duration,
}

impl Products {
    fn run(&mut self, flops: usize, product: impl FnOnce() -> std::result::Result<(), lapidary::Error>) -> Result<()> {
        let start = Instant::now();
        product()?;
        self.time += start.elapsed();
        self.flops += flops;
        Ok(())
    }
}

/// Y = X·W + b, and the velocities that momentum keeps for W and b.
struct Layer {
    d_in: usize,
    d_out: usize,
    w: Vec<f32>,
    b: Vec<f32>,
    vw: Vec<f32>,
    vb: Vec<f32>,
}

impl Layer {
    /// He initialisation: weights of variance 2 / d_in, here uniform.
    fn new(d_in: usize, d_out: usize, rng: &mut Xoshiro256PlusPlus) -> Layer {
        let limit = (6.0 / d_in as f32).sqrt();
        let w = (0..d_in * d_out).map(|_| rng.random_range(-limit..limit)).collect();
        Layer { d_in, d_out, w, b: vec![0.0; d_out], vw: vec![0.0; d_in * d_out], vb: vec![0.0; d_out] }
    }

    fn forward(&self, x: &[f32], products: &mut Products) -> Result<Vec<f32>> {
        let n = x.len() / self.d_in;
        let mut y = vec![0.0; n * self.d_out];
        let w = MatRef::row_major(&self.w, self.d_in, self.d_out)?;
        let (x, y_view) = (MatRef::row_major(x, n, self.d_in)?, MatMut::row_major(&mut y, n, self.d_out)?);
        let layer = Linear::new(w).bias(&self.b).threads(products.threads);
        products.run(2 * n * self.d_in * self.d_out, || layer.forward(x, y_view))?;
        Ok(y)
    }

    /// V ← momentum·V + ∂L/∂(W, b) and, if wanted, dX.
    fn backward(&mut self, x: &[f32], g: &[f32], dx: Option<&mut [f32]>, products: &mut Products) -> Result<()> {
        let (d_in, d_out, n) = (self.d_in, self.d_out, g.len() / self.d_out);
        self.vw.iter_mut().chain(&mut self.vb).for_each(|v| *v *= MOMENTUM);
        let mut flops = 2 * n * d_in * d_out;
        let mut backward = Linear::new(MatRef::row_major(&self.w, d_in, d_out)?)
            .threads(products.threads)
            .backward(MatRef::row_major(g, n, d_out)?)
            .add_dw(MatRef::row_major(x, n, d_in)?, MatMut::row_major(&mut self.vw, d_in, d_out)?)
            .add_db(&mut self.vb);
        if let Some(dx) = dx {
            backward = backward.dx(MatMut::row_major(dx, n, d_in)?);
            flops *= 2;
        }
        products.run(flops, || backward.run())
    }

    fn step(&mut self) {
        let velocities = self.vw.iter().chain(&self.vb);
        self.w.iter_mut().chain(&mut self.b).zip(velocities).for_each(|(p, v)| *p -= RATE * v);
    }
}

struct Network {
    hidden: Layer,
    output: Layer,
}

impl Network {
    /// X, the hidden units H = max(X·W₁ + b₁, 0), and the logits Z = H·W₂ + b₂.
    fn forward(&self, digits: &[Digit], products: &mut Products) -> Result<[Vec<f32>; 3]> {
        let x: Vec<f32> = digits.iter().flat_map(|digit| digit.pixels).collect();
        let mut h = self.hidden.forward(&x, products)?;
        h.iter_mut().filter(|h| **h < 0.0).for_each(|h| *h = 0.0);
        let z = self.output.forward(&h, products)?;
        Ok([x, h, z])
    }

    /// One step of gradient descent; returns the loss before it.
    fn learn(&mut self, batch: &[Digit], products: &mut Products) -> Result<f64> {
        let [x, h, z] = self.forward(batch, products)?;
        let (loss, dz) = cross_entropy(&z, batch);
        let mut dh = vec![0.0; h.len()];
        self.output.backward(&h, &dz, Some(&mut dh), products)?;
        dh.iter_mut().zip(&h).filter(|(_, h)| **h <= 0.0).for_each(|(dh, _)| *dh = 0.0);
        self.hidden.backward(&x, &dh, None, products)?;
        self.output.step();
        self.hidden.step();
        Ok(loss)
    }

    /// The loss, and each digit's class: the largest logit.
    fn classify(&self, digits: &[Digit], products: &mut Products) -> Result<(f64, Vec<usize>)> {
        let [.., z] = self.forward(digits, products)?;
        let largest = |z: &[f32]| (0..CLASSES).max_by(|&i, &j| z[i].total_cmp(&z[j])).unwrap_or(0);
        Ok((cross_entropy(&z, digits).0, z.chunks(CLASSES).map(largest).collect()))
    }
}

/// The mean of −ln softmax(z)[class], and its gradient: (softmax(Z) − one-hot) / n.
fn cross_entropy(z: &[f32], digits: &[Digit]) -> (f64, Vec<f32>) {
    let n = digits.len() as f64;
    let (mut loss, mut dz) = (0.0, Vec::with_capacity(z.len()));
    for (z, digit) in z.chunks(CLASSES).zip(digits) {
        let max = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exps: Vec<f64> = z.iter().map(|z| exp(f64::from(z - max))).collect();
        let sum: f64 = exps.iter().sum();
        loss += (ln(sum) - f64::from(z[digit.class] - max)) / n;
        let one_hot = |class| if class == digit.class { 1.0 } else { 0.0 };
        dz.extend(exps.iter().enumerate().map(|(class, e)| ((e / sum - one_hot(class)) / n) as f32));
    }
    (loss, dz)
}

/// exp(x) = exp(x / 1024)^1024, the root by its Taylor series: ten digits for |x| up to 40.
fn exp(x: f64) -> f64 {
    let r = x / 1024.0;
    let root = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0].iter().fold(1.0, |sum, i| 1.0 + r / i * sum);
    (0..10).fold(root, |e, _| e * e)
}

/// ln(s) for s in 1..=10: Halley's iteration for exp(y) = s.
fn ln(s: f64) -> f64 {
    (0..5).fold(0.0, |y, _| y + 2.0 * (s - exp(y)) / (s + exp(y)))
}

fn accuracy(digits: &[Digit], classes: &[usize]) -> f64 {
    digits.iter().zip(classes).filter(|(digit, class)| digit.class == **class).count() as f64 / digits.len() as f64
}

/// Rows are what the digits are, columns what they were taken for.
fn print_confusion(digits: &[Digit], classes: &[usize]) {
    let mut counts = [[0; CLASSES]; CLASSES];
    digits.iter().zip(classes).for_each(|(digit, class)| counts[digit.class][*class] += 1);
    println!("    0   1   2   3   4   5   6   7   8   9");
    for (class, row) in counts.iter().enumerate() {
        let cells = row.map(|count| if count == 0 { "   ·".into() } else { format!("{count:4}") });
        println!("{class}{}", cells.concat());
    }
}
