//! Trains a network 64 – 128 – 10 to read handwritten digits; each layer is one call forward and one backward.
//!
//! `cargo run --release --example digits -- [--threads N] [--unfused]`
//!
//! The last line tells the loss to the last bit. It is the same for any number of threads, with the activation in the same
//! call or in passes of its own (`--unfused`), for any `LAPIDARY_ISA` and any processor with fused multiply-add: beside the products there are sums in a fixed order, operations that IEEE 754
//! rounds correctly, a portable random generator, and `exp` and `ln` written below, since those of libm differ by system.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lapidary::{Activation, Linear, MatMut, MatRef, Threads, machine};
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
    let (threads, fused) = options()?;
    let mut products = Products { threads, fused, flops: 0, time: Duration::ZERO };
    let m = machine()?;
    println!("{} kernels, L1d {} KiB, L2 {} KiB, L3 {} KiB", m.isa, m.l1d >> 10, m.l2 >> 10, m.l3 >> 10);

    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut digits = read_digits()?;
    digits.shuffle(&mut rng);
    let quarter = digits.len() / 4;
    let (held_out, train) = digits.split_at_mut(quarter);
    let hidden = Layer::new(PIXELS, HIDDEN, Some(Activation::Relu), &mut rng);
    let mut network = Network { hidden, output: Layer::new(HIDDEN, CLASSES, None, &mut rng) };

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

/// Who computes the products, and whether the activations are part of the same calls.
fn options() -> Result<(Threads, bool)> {
    let (mut threads, mut fused) = (Threads::Auto, true);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--unfused" => fused = false,
            "--threads" => threads = Threads::Exactly(args.next().ok_or("--threads takes a number")?.parse()?),
            _ => return Err("usage: digits [--threads N] [--unfused]".into()),
        }
    }
    Ok((threads, fused))
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
    fused: bool,
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

/// Y = act(X·W + b), and the velocities that momentum keeps for W and b.
struct Layer {
    d_in: usize,
    d_out: usize,
    activation: Option<Activation<f32>>,
    w: Vec<f32>,
    b: Vec<f32>,
    vw: Vec<f32>,
    vb: Vec<f32>,
}

impl Layer {
    /// He initialisation: weights of variance 2 / d_in, here uniform.
    fn new(d_in: usize, d_out: usize, activation: Option<Activation<f32>>, rng: &mut Xoshiro256PlusPlus) -> Layer {
        let limit = (6.0 / d_in as f32).sqrt();
        let w = (0..d_in * d_out).map(|_| rng.random_range(-limit..limit)).collect();
        Layer { d_in, d_out, activation, w, b: vec![0.0; d_out], vw: vec![0.0; d_in * d_out], vb: vec![0.0; d_out] }
    }

    /// The layer as a product knows it: with its activation, unless that is to be a pass of its own.
    fn linear(&self, products: &Products) -> Result<Linear<'_, f32>> {
        let layer = Linear::new(MatRef::row_major(&self.w, self.d_in, self.d_out)?).threads(products.threads);
        let activation = self.activation.filter(|_| products.fused);
        Ok(activation.map_or(layer, |activation| layer.activation(activation)))
    }

    fn forward(&self, x: &[f32], products: &mut Products) -> Result<Vec<f32>> {
        let n = x.len() / self.d_in;
        let mut y = vec![0.0; n * self.d_out];
        let (x, y_view) = (MatRef::row_major(x, n, self.d_in)?, MatMut::row_major(&mut y, n, self.d_out)?);
        let layer = self.linear(products)?.bias(&self.b);
        products.run(2 * n * self.d_in * self.d_out, || layer.forward(x, y_view))?;
        if let (Some(activation), false) = (self.activation, products.fused) {
            activation.apply(&mut y)?;
        }
        Ok(y)
    }

    /// V ← momentum·V + ∂L/∂(W, b) and, if wanted, dX, for G = ∂L/∂Y. ReLU's derivative at Z is that at Y.
    fn backward(
        &mut self,
        [x, y]: [&[f32]; 2],
        g: &mut [f32],
        dx: Option<&mut [f32]>,
        products: &mut Products,
    ) -> Result<()> {
        let (d_in, d_out, n) = (self.d_in, self.d_out, g.len() / self.d_out);
        self.vw.iter_mut().chain(&mut self.vb).for_each(|v| *v *= MOMENTUM);
        if let (Some(activation), false) = (self.activation, products.fused) {
            activation.backward(y, g)?;
        }
        let mut flops = 2 * n * d_in * d_out;
        let (mut vw, mut vb) = (std::mem::take(&mut self.vw), std::mem::take(&mut self.vb));
        let mut backward = self
            .linear(products)?
            .backward(MatRef::row_major(g, n, d_out)?)
            .pre_activation(MatRef::row_major(y, n, d_out)?)
            .add_dw(MatRef::row_major(x, n, d_in)?, MatMut::row_major(&mut vw, d_in, d_out)?)
            .add_db(&mut vb);
        if let Some(dx) = dx {
            backward = backward.dx(MatMut::row_major(dx, n, d_in)?);
            flops *= 2;
        }
        products.run(flops, || backward.run())?;
        (self.vw, self.vb) = (vw, vb);
        Ok(())
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
    /// X, the hidden units H = ReLU(X·W₁ + b₁), and the logits Z = H·W₂ + b₂.
    fn forward(&self, digits: &[Digit], products: &mut Products) -> Result<[Vec<f32>; 3]> {
        let x: Vec<f32> = digits.iter().flat_map(|digit| digit.pixels).collect();
        let h = self.hidden.forward(&x, products)?;
        let z = self.output.forward(&h, products)?;
        Ok([x, h, z])
    }

    /// One step of gradient descent; returns the loss before it.
    fn learn(&mut self, batch: &[Digit], products: &mut Products) -> Result<f64> {
        let [x, h, z] = self.forward(batch, products)?;
        let (loss, mut dz) = cross_entropy(&z, batch);
        let mut dh = vec![0.0; h.len()];
        self.output.backward([&h, &z], &mut dz, Some(&mut dh), products)?;
        self.hidden.backward([&x, &h], &mut dh, None, products)?;
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
