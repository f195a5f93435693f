//! How many threads a product may use: those of a pool that is made at the first product worth it.

use std::process;
use std::sync::OnceLock;

use lapidary::Threads;

/// Multiply-adds that are worth a second thread.
const WORTH: usize = 1 << 21;

/// The threads for a product of m×k by k×n.
pub fn threads(m: usize, n: usize, k: usize) -> Threads {
    if m.saturating_mul(n).saturating_mul(k) < WORTH {
        return Threads::Serial;
    }
    // The process that has the pool's threads, if there is a pool: after `fork` the child has none of them.
    static POOL: OnceLock<Option<u32>> = OnceLock::new();
    match POOL.get_or_init(pool) {
        Some(owner) if *owner == process::id() => Threads::Auto,
        _ => Threads::Serial,
    }
}

fn pool() -> Option<u32> {
    let most = std::env::var("LAPIDARY_NUM_THREADS").ok().and_then(|n| n.trim().parse().ok());
    let most = most.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    // Where no threads can be made, there is the calling one.
    (most > 1 && rayon::ThreadPoolBuilder::new().num_threads(most).build_global().is_ok()).then(process::id)
}
