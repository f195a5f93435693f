//! How fast each level of memory can be read.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use lapidary::{Isa, Machine};

use crate::peak::best_isa;
use crate::timing;

/// A level of memory, and GB/s read from it.
pub struct Roof {
    pub level: &'static str,
    pub bandwidth: f64,
    /// What was read: a buffer that fits this level and not the one before.
    bytes: usize,
}

impl fmt::Display for Roof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Roof { level, bandwidth, bytes } = self;
        write!(f, "{level:6} {bandwidth:6.1} GB/s read, {} KiB a thread", bytes >> 10)
    }
}

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// Reads every line.
type Read = unsafe fn(&[Line]);

/// Lines are read in runs of eight vectors of at most a line each.
const RUN: usize = 8;

/// The levels of this machine, nearest first, each read by `threads` threads at once.
pub fn roofs(machine: &Machine, threads: usize) -> Vec<Roof> {
    let Machine { l1d, l2, l3, .. } = *machine;
    // L3 is shared: far less than all of it, still far more than L2. Memory: several times L3.
    let beyond_l2 = (l3 / 4).max(2 * l2);
    let beyond_l3 = (4 * l3).clamp(64 << 20, 1 << 30);
    [("L1", l1d / 2), ("L2", l2 / 2), ("L3", beyond_l2), ("memory", beyond_l3 / threads)]
        .map(|(level, bytes)| Roof { level, bandwidth: bandwidth(bytes, threads), bytes })
        .into()
}

/// GB/s read from a buffer of `bytes` for each thread: the best of a few slots, since a roof is what is possible.
fn bandwidth(bytes: usize, threads: usize) -> f64 {
    const SLOTS: usize = 5;
    const SLOT: Duration = Duration::from_millis(20);
    let read = kernel();
    let lines = bytes / size_of::<Line>() / RUN * RUN;
    let one_thread = || {
        let buffer = vec![Line([1; 8]); lines];
        // SAFETY: the kernel is of an instruction set that this machine has.
        let mut call = || unsafe { read(black_box(&buffer)) };
        let batch = timing::batch(&mut call, SLOT);
        (0..SLOTS).map(|_| timing::rate(&mut call, batch, SLOT)).fold(0.0, f64::max)
    };
    timing::on_threads(threads, one_thread) * (lines * size_of::<Line>()) as f64 / 1e9
}

/// That of the best instruction set of this machine: only its widest loads are as fast as L1.
fn kernel() -> Read {
    match best_isa() {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => x86::read512,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => x86::read256,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => arm::read128,
        _ => portable::read64,
    }
}

macro_rules! read {
    ($name:ident, $($feature:literal,)? $vector:ty, $zero:expr, $or:path) => {
        $(#[target_feature(enable = $feature)])?
        pub fn $name(lines: &[Line]) {
            let mut seen: [$vector; RUN] = [$zero; RUN];
            for run in lines.chunks_exact(RUN * size_of::<$vector>() / size_of::<Line>()) {
                let vectors: *const $vector = run.as_ptr().cast();
                for (i, seen) in seen.iter_mut().enumerate() {
                    // SAFETY: the lines of this run are as long as RUN vectors, aligned like the longest of them, and
                    // any bits are a vector.
                    *seen = $or(*seen, unsafe { vectors.add(i).read() });
                }
            }
            black_box(seen);
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Line, RUN, black_box};
    use std::arch::x86_64::*;

    read!(read256, "avx2", __m256i, _mm256_setzero_si256(), _mm256_or_si256);
    read!(read512, "avx512f", __m512i, _mm512_setzero_si512(), _mm512_or_si512);
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{Line, RUN, black_box};
    use std::arch::aarch64::*;

    read!(read128, "neon", uint64x2_t, vdupq_n_u64(0), vorrq_u64);
}

mod portable {
    use super::{Line, RUN, black_box};
    use std::ops::BitOr;

    read!(read64, u64, 0, BitOr::bitor);
}
