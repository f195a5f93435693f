//! A training step of a small network, d – d – d with a ReLU between, by calls that do all and by products with passes
//! around them: `cargo run --release -p rivals --example mlp_bench -- [ROUNDS]`.
//!
//! Forward, backward for both weights, both biases and the hidden units; one thread, `f32`. The hand-written passes are
//! plain loops that the compiler turns into vectors. All ways take turns in one process, and each is judged by the
//! median of its time over that of the fused step of the same round.

use std::hint::black_box;
use std::time::Instant;

use lapidary::{Activation, Gemm, Linear, MatMut, MatRef, Threads};

type Failure = Box<dyn std::error::Error>;

const BATCHES: [usize; 3] = [1, 32, 512];
const WIDTHS: [usize; 4] = [64, 256, 1024, 4096];
/// How long one round of a step is repeated at least.
const ROUND_SECONDS: f64 = 0.05;

fn main() -> Result<(), Failure> {
    // SAFETY: the only thread so far. It keeps matrixmultiply to one as well.
    unsafe { std::env::set_var("MATMUL_NUM_THREADS", "1") };
    let rounds: usize = std::env::args().nth(1).map_or(Ok(7), |rounds| rounds.parse())?;
    println!("time over that of the fused step: more than 1 is slower\n");
    println!(
        "{:>6} {:>6}  {:>9} {:>15} {:>6} {:>14}",
        "batch", "width", "unfused", "matrixmultiply", "gemm", "bytes saved"
    );
    let mut logs = [0.0; 3];
    for batch in BATCHES {
        for width in WIDTHS {
            let mut step = Step::new(batch, width);
            let ratios = step.ratios(rounds)?;
            logs.iter_mut().zip(ratios).for_each(|(sum, ratio)| *sum += ratio.ln());
            let [unfused, matrixmultiply, gemm] = ratios;
            let saved = 100.0 * step.saved();
            println!("{batch:>6} {width:>6}  {unfused:>9.2} {matrixmultiply:>15.2} {gemm:>6.2} {saved:>12.0} %");
        }
    }
    let [unfused, matrixmultiply, gemm] = logs.map(|log| (log / (BATCHES.len() * WIDTHS.len()) as f64).exp());
    println!("{:>13}  {unfused:>9.2} {matrixmultiply:>15.2} {gemm:>6.2}", "geom. mean");
    Ok(())
}

/// What a step reads and writes; H and Y are n×d, both weights d×d.
struct Step {
    n: usize,
    d: usize,
    x: Vec<f32>,
    weights: [Vec<f32>; 2],
    biases: [Vec<f32>; 2],
    h: Vec<f32>,
    y: Vec<f32>,
    dh: Vec<f32>,
    dweights: [Vec<f32>; 2],
    dbiases: [Vec<f32>; 2],
}

/// A matrix with unit stride along its rows, or its transpose.
#[derive(Clone, Copy)]
struct Operand<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    transposed: bool,
}

impl Operand<'_> {
    fn t(self) -> Self {
        Operand { rows: self.cols, cols: self.rows, transposed: !self.transposed, ..self }
    }

    /// From row to row, and from column to column.
    fn strides(&self) -> (isize, isize) {
        if self.transposed { (1, self.rows as isize) } else { (self.cols as isize, 1) }
    }

    fn view(&self) -> Result<MatRef<'_, f32>, lapidary::Error> {
        let (row, col) = self.strides();
        MatRef::strided(self.data, self.rows, self.cols, row, col)
    }
}

/// C ← A·B.
type Product = fn(Operand<'_>, Operand<'_>, &mut [f32]) -> Result<(), lapidary::Error>;

const PRODUCTS: [Product; 3] = [
    |a, b, c| {
        let c = MatMut::row_major(c, a.rows, b.cols)?;
        Gemm::new(a.view()?, b.view()?).threads(Threads::Serial).run(c)
    },
    |a, b, c| {
        let ((rsa, csa), (rsb, csb)) = (a.strides(), b.strides());
        let (pa, pb, pc, rsc) = (a.data.as_ptr(), b.data.as_ptr(), c.as_mut_ptr(), b.cols as isize);
        assert_eq!(c.len(), a.rows * b.cols);
        // SAFETY: the operands hold all their elements, and C as many as asserted.
        unsafe { matrixmultiply::sgemm(a.rows, a.cols, b.cols, 1.0, pa, rsa, csa, pb, rsb, csb, 0.0, pc, rsc, 1) };
        Ok(())
    },
    |a, b, c| {
        let ((rsa, csa), (rsb, csb)) = (a.strides(), b.strides());
        let (pa, pb, pc, rsc) = (a.data.as_ptr(), b.data.as_ptr(), c.as_mut_ptr(), b.cols as isize);
        let serial = gemm::Parallelism::None;
        assert_eq!(c.len(), a.rows * b.cols);
        // SAFETY: as above.
        unsafe {
            gemm::gemm(
                a.rows, b.cols, a.cols, pc, 1, rsc, false, pa, csa, rsa, pb, csb, rsb, 0.0, 1.0, false, false, false,
                serial,
            )
        };
        Ok(())
    },
];

impl Step {
    fn new(n: usize, d: usize) -> Step {
        let values =
            |len: usize, scale: f32| (0..len).map(|i| ((i * 7919 % 1999) as f32 / 999.5 - 1.0) * scale).collect();
        let weight = || values(d * d, 1.0 / (d as f32).sqrt());
        let (zeros, squares) = (|| vec![0.0; d], || vec![0.0; d * d]);
        let [h, y, dh] = [(); 3].map(|()| vec![0.0; n * d]);
        Step {
            n,
            d,
            x: values(n * d, 1.0),
            weights: [weight(), weight()],
            biases: [values(d, 0.1), values(d, 0.1)],
            h,
            y,
            dh,
            dweights: [squares(), squares()],
            dbiases: [zeros(), zeros()],
        }
    }

    /// Two calls forward and two backward. The gradient of the loss is Y itself.
    fn fused(&mut self) -> Result<(), lapidary::Error> {
        let Step { n, d, x, weights, biases, h, y, dh, dweights: [dw1, dw2], dbiases: [db1, db2] } = self;
        let (n, d) = (*n, *d);
        let layer = |i: usize| -> Result<_, lapidary::Error> {
            Ok(Linear::new(MatRef::row_major(&weights[i], d, d)?).bias(&biases[i]).threads(Threads::Serial))
        };
        let (hidden, output) = (layer(0)?.activation(Activation::Relu), layer(1)?);
        let x = MatRef::row_major(x, n, d)?;
        hidden.forward(x, MatMut::row_major(h, n, d)?)?;
        let h = MatRef::row_major(h, n, d)?;
        output.forward(h, MatMut::row_major(y, n, d)?)?;
        output
            .backward(MatRef::row_major(y, n, d)?)
            .dx(MatMut::row_major(dh, n, d)?)
            .dw(h, MatMut::row_major(dw2, d, d)?)
            .db(db2)
            .run()?;
        // ReLU's derivative at Z is that at H.
        hidden
            .backward(MatRef::row_major(dh, n, d)?)
            .pre_activation(h)
            .dw(x, MatMut::row_major(dw1, d, d)?)
            .db(db1)
            .run()
    }

    /// The same by products and passes.
    fn passes(&mut self, product: Product) -> Result<(), lapidary::Error> {
        let Step { n, d, x, weights, biases, h, y, dh, dweights: [dw1, dw2], dbiases: [db1, db2] } = self;
        let (n, d) = (*n, *d);
        let of = |data, rows, cols| Operand { data, rows, cols, transposed: false };
        product(of(x, n, d), of(&weights[0], d, d), h)?;
        add_bias(h, &biases[0]);
        h.iter_mut().for_each(|h| *h = if *h < 0.0 { 0.0 } else { *h });
        product(of(h, n, d), of(&weights[1], d, d), y)?;
        add_bias(y, &biases[1]);

        product(of(y, n, d), of(&weights[1], d, d).t(), dh)?;
        product(of(h, n, d).t(), of(y, n, d), dw2)?;
        sum_rows(y, db2);
        dh.iter_mut().zip(&*h).for_each(|(dh, &h)| *dh = if h > 0.0 { *dh } else { 0.0 });
        product(of(x, n, d).t(), of(dh, n, d), dw1)?;
        sum_rows(dh, db1);
        Ok(())
    }

    /// The times of the three ways with passes over that of the fused one.
    fn ratios(&mut self, rounds: usize) -> Result<[f64; 3], Failure> {
        let start = Instant::now();
        self.fused()?;
        let calls = (ROUND_SECONDS / start.elapsed().as_secs_f64()).ceil().clamp(1.0, 1e5) as usize;
        let mut ratios = [(); 3].map(|()| Vec::new());
        for _ in 0..rounds {
            let fused = seconds(calls, || self.fused())?;
            for (ratios, product) in ratios.iter_mut().zip(PRODUCTS) {
                ratios.push(seconds(calls, || self.passes(product))? / fused);
            }
        }
        Ok(ratios.map(|mut ratios| {
            ratios.sort_by(f64::total_cmp);
            ratios[ratios.len() / 2]
        }))
    }

    /// The part of the bytes of a step with passes that the fused one neither reads nor writes, each operand of a call
    /// counted once.
    fn saved(&self) -> f64 {
        let (rows, weights) = ((self.n * self.d) as f64, (self.d * self.d) as f64);
        // Forward reads X, H and both weights, and writes H and Y; backward reads Y, H twice, X, dH and a weight, and
        // writes both gradients of weights and dH.
        let fused = rows * (2.0 + 2.0 + 5.0 + 1.0) + weights * (2.0 + 1.0 + 2.0);
        // Each bias reads and writes its output once more, and so does ReLU; Y and dH are read once more for the sum of
        // their rows, Y once more for dH, and the derivative reads dH and H to write dH.
        let passes = fused - rows + rows * (2.0 * 2.0 + 2.0 + 2.0 + 1.0 + 3.0);
        1.0 - fused / passes
    }
}

fn seconds(calls: usize, mut call: impl FnMut() -> Result<(), lapidary::Error>) -> Result<f64, lapidary::Error> {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(call())?;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn add_bias(y: &mut [f32], bias: &[f32]) {
    y.chunks_exact_mut(bias.len()).for_each(|row| row.iter_mut().zip(bias).for_each(|(y, b)| *y += b));
}

fn sum_rows(g: &[f32], db: &mut [f32]) {
    db.fill(0.0);
    g.chunks_exact(db.len()).for_each(|row| db.iter_mut().zip(row).for_each(|(db, g)| *db += g));
}
