//! How long something takes, when it is repeated.

use std::time::{Duration, Instant};

/// How many calls to make between two looks at the clock, so that a slot is overrun by little and the clock costs
/// nothing. The calls made to find out are the warm-up.
pub fn batch(call: &mut impl FnMut(), slot: Duration) -> u64 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        repeat(call, calls);
        if start.elapsed() >= slot / 16 {
            return calls;
        }
        calls *= 2;
    }
}

/// Calls a second, in batches over at least `slot`.
pub fn rate(call: &mut impl FnMut(), batch: u64, slot: Duration) -> f64 {
    let start = Instant::now();
    let mut calls = 0;
    loop {
        repeat(call, batch);
        calls += batch;
        let elapsed = start.elapsed();
        if elapsed >= slot {
            return calls as f64 / elapsed.as_secs_f64();
        }
    }
}

fn repeat(call: &mut impl FnMut(), calls: u64) {
    for _ in 0..calls {
        call();
    }
}

/// The sum of what `threads` threads measure at the same time.
pub fn on_threads(threads: usize, measure: impl Fn() -> f64 + Sync) -> f64 {
    if threads == 1 {
        return measure();
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(&measure)).collect();
        running.into_iter().map(|thread| thread.join().expect("measuring does not panic")).sum()
    })
}
