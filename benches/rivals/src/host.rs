//! The machine that is measured: what it is, its peak and its bandwidths.

use std::fmt;
use std::time::Duration;

use crate::bandwidth::{self, Roof};
use crate::peak;
use crate::scalar::Scalar;

pub struct Host {
    pub cpu: String,
    /// The instruction set of lapidary's kernels.
    pub isa: &'static str,
    pub threads: usize,
    pub dtype: &'static str,
    /// GFLOP/s of all threads, before anything else ran.
    pub peak: f64,
    /// Nearest level first.
    pub roofs: Vec<Roof>,
}

impl Host {
    pub fn describe<T: Scalar>(threads: usize) -> Result<Host, lapidary::Error> {
        const PEAK_SLOT: Duration = Duration::from_millis(200);
        let machine = lapidary::machine()?;
        Ok(Host {
            cpu: cpu(),
            isa: machine.isa.name(),
            threads,
            dtype: T::NAME,
            peak: peak::peak::<T>(threads, PEAK_SLOT),
            roofs: bandwidth::roofs(machine, threads),
        })
    }

    /// What was measured, for captions.
    pub fn caption(&self) -> String {
        let threads = if self.threads == 1 { "1 thread".into() } else { format!("{} threads", self.threads) };
        format!("{} · {} · {threads} · {}", self.cpu, self.isa.to_uppercase(), self.dtype)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\npeak   {:6.1} GFLOP/s", self.caption(), self.peak)
    }
}

#[cfg(target_arch = "x86_64")]
fn cpu() -> String {
    let brand = raw_cpuid::CpuId::new().get_processor_brand_string();
    brand.map_or("x86-64".into(), |brand| brand.as_str().trim().into())
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or(std::env::consts::ARCH.into(), |(_, name)| name.trim().into())
}

/// Tells every competitor that reads its number of threads from the environment. Must come before any thread is
/// started and any library is loaded.
pub fn set_thread_counts(threads: usize) {
    const VARIABLES: [&str; 7] = [
        "BLIS_NUM_THREADS",
        "MATMUL_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ];
    for variable in VARIABLES {
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe { std::env::set_var(variable, threads.to_string()) };
    }
}
