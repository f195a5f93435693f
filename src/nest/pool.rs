//! The rayon pool that a product is shared on, if there is one: how many threads, whether they are awake, and tasks for them.

#[cfg(feature = "rayon")]
mod region;

#[cfg(feature = "rayon")]
use core::cell::Cell;
use core::ops::Range;
#[cfg(feature = "rayon")]
use std::time::{Duration, Instant};

/// So long a thread of the pool looks for work before it sleeps. (On two processors; with more, longer.)
#[cfg(feature = "rayon")]
const AWAKE: Duration = Duration::from_micros(40);

#[cfg(feature = "rayon")]
std::thread_local! {
    /// When this thread last was through with a product that it shared, or would have if the pool had been awake.
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether the pool is likely awake. (So the first of many products is not shared, and the second is.)
pub fn is_awake() -> bool {
    #[cfg(feature = "rayon")]
    return LAST.get().is_some_and(|last| last.elapsed() < AWAKE);
    #[cfg(not(feature = "rayon"))]
    false
}

/// Notes that a product worth sharing is done.
pub fn was_worth_it() {
    #[cfg(feature = "rayon")]
    LAST.set(Some(Instant::now()));
}

/// Threads of the current pool.
pub fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}

/// Calls `task` for each number of the range, on the threads of the current rayon pool.
pub fn parallel(tasks: Range<usize>, task: &(dyn Fn(usize) + Sync)) {
    #[cfg(feature = "rayon")]
    if tasks.len() > 1 {
        return match rayon::current_thread_index() {
            Some(_) => join(tasks, task),
            None => region::enter(tasks, task),
        };
    }
    tasks.for_each(task);
}

/// The same on a thread of the pool. `join` allocates nothing, and does itself what no other thread came for.
#[cfg(feature = "rayon")]
fn join(tasks: Range<usize>, task: &(dyn Fn(usize) + Sync)) {
    if tasks.len() < 2 {
        return tasks.for_each(task);
    }
    let middle = tasks.start + tasks.len() / 2;
    rayon::join(|| join(tasks.start..middle, task), || join(middle..tasks.end, task));
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_awake_for_a_while() {
        assert!(!is_awake());
        // (The processor may be with another thread for longer than that.)
        assert!((0..1000).any(|_| {
            was_worth_it();
            is_awake()
        }));
        std::thread::sleep(AWAKE * 10);
        assert!(!is_awake());
    }
}
