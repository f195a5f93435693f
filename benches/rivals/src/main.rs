//! lapidary beside its rivals, on this machine.
//!
//! ```sh
//! cargo run --release -p rivals                          # squares and layers, f32, one thread: a minute
//! cargo run --release -p rivals -- --quick               # a quarter of a minute
//! cargo run --release -p rivals -- --every 300           # also d×d×d for every d up to 300: two minutes
//! cargo run --release -p rivals -- --filter dW --dtype f64 --threads 2
//! LAPIDARY_BENCH_BLAS=/usr/lib/libopenblas.so cargo run --release -p rivals
//! ```
//!
//! The rivals are matrixmultiply, gemm, gemmkit and faer, and any CBLAS libraries (32-bit integers) that
//! `LAPIDARY_BENCH_BLAS` names, separated as in `PATH`. What they read from the environment about threads
//! (`OPENBLAS_NUM_THREADS` and its like) is set here to `--threads` before they are loaded, whatever it was.
//!
//! # Method
//!
//! Everything runs in one process, on the same operands: warm, aligned to 64 bytes, row by row or transposed. Each
//! result is first compared with a plain `f64` product on a sample of elements; a competitor that is wrong is named and
//! left out of that case. Then come rounds through all cases. In each round of a case the machine's peak is measured, by
//! fused multiply-adds that need no memory, and each competitor has one slot of repeated calls, in an order that rotates.
//! A round whose peak is 10 % below the best one seen tells more about the machine's other work than about the
//! competitors: it is dropped and repeated. What is reported is the median of the rounds.
//!
//! # Output
//!
//! A table and geometric means on stdout; into `--out` (`target/rivals`): `results.csv`, and as SVG and PNG the charts
//! `squares`, `roofline`, `layers` and, with `--every`, `every-size`. Their text is set in DejaVu Sans from the crate
//! `dejavu`, under the free licence of the Bitstream Vera fonts, so that nothing need be installed.

mod bandwidth;
mod canvas;
mod cases;
mod cblas;
mod charts;
mod competitors;
mod host;
mod measure;
mod operands;
mod peak;
mod report;
mod scalar;
mod timing;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cases::Suite;
use crate::host::Host;
use crate::measure::Bench;
use crate::report::Results;
use crate::scalar::Scalar;

/// lapidary beside its rivals: a table, a CSV file and charts.
#[derive(Parser)]
struct Options {
    /// What the matrices are made of
    #[arg(long, default_value = "f32")]
    dtype: Dtype,
    /// Threads of each competitor
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Rounds a case; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Milliseconds that a competitor repeats its call for in a round
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    slot_ms: u64,
    /// Slots of 10 ms: as much in a fraction of the time, less certain
    #[arg(long, conflicts_with = "slot_ms")]
    quick: bool,
    /// Also squares of every size up to D, in slots of 10 ms
    #[arg(long, value_name = "D", default_value_t = 0)]
    every: usize,
    /// Only cases whose name contains TEXT: "square", "dW", "1024x1024" ...
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    /// Where the charts and the CSV file go
    #[arg(long, value_name = "DIR", default_value = "target/rivals")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Dtype {
    F32,
    F64,
}

/// Slots of `--quick` and of `--every`: hundreds of times what a clock or a first call costs.
const SHORT_SLOT: Duration = Duration::from_millis(10);

impl Options {
    fn slot(&self, suite: Suite) -> Duration {
        if self.quick || suite == Suite::EverySize { SHORT_SLOT } else { Duration::from_millis(self.slot_ms) }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    host::set_thread_counts(options.threads.into());
    let done = match options.dtype {
        Dtype::F32 => run::<f32>(&options),
        Dtype::F64 => run::<f64>(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run<T: Scalar>(options: &Options) -> Result<(), Box<dyn Error>> {
    let cases = cases::selected(options.every, &options.filter);
    let cases: Vec<_> = cases.into_iter().map(|case| (options.slot(case.suite), case)).collect();
    if cases.is_empty() {
        return Err(format!("no case is named like {:?}", options.filter).into());
    }
    let threads = options.threads.into();
    let competitors = competitors::all::<T>(threads)?;
    let host = Host::describe::<T>(threads)?;
    println!("{host}");
    for roof in &host.roofs {
        println!("{roof}");
    }

    let progress = progress_bar();
    let bench = Bench::new(&competitors, threads, options.rounds.into(), &progress);
    let cases = bench.measure(cases);
    progress.finish_and_clear();

    let competitors = competitors.iter().map(|competitor| competitor.name().to_string()).collect();
    let results = Results { host, competitors, cases };
    print!("{}{}", report::table(&results), report::summary(&results));
    std::fs::create_dir_all(&options.out)?;
    report::write_csv(&results, &options.out.join("results.csv"))?;
    charts::write_all(&results, &options.out)?;
    println!("\ncharts and results.csv are in {}", options.out.display());
    Ok(())
}

/// Its length is set when it is known how many rounds there are.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg:20} {eta} left").expect("a valid template");
    ProgressBar::no_length().with_style(style)
}
