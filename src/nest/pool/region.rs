//! A parallel region that is entered from outside the pool: the caller begins at once, and threads of the pool join in as they wake.
//! (`rayon::join` would have the caller sleep until the pool has woken and done it all: 128×128×128 on two threads takes 2.9 times as
//! long, 32×512×512 1.2 times.)

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::any::Any;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

/// Calls `task` for each number of the range, on this thread and those of the pool that come in time. If one panics, so does this,
/// when all are over.
pub fn enter(tasks: Range<usize>, task: &(dyn Fn(usize) + Sync)) {
    let helpers = rayon::current_num_threads().min(tasks.len() - 1);
    let region = Arc::new(Region {
        next: AtomicUsize::new(tasks.start),
        end: tasks.end,
        left: AtomicUsize::new(tasks.len()),
        // SAFETY: a pointer either way. Nobody follows it when no task is left, and until then this does not return.
        task: unsafe { core::mem::transmute::<&(dyn Fn(usize) + Sync), *const Task>(task) },
        panic: Mutex::new(None),
    });
    for _ in 0..helpers {
        let region = Arc::clone(&region);
        rayon::spawn(move || region.work());
    }
    region.work();
    region.wait();
    let panic = region.panic.lock().ok().and_then(|mut panic| panic.take());
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

type Task = dyn Fn(usize) + Sync;

/// Tasks that threads take one after the other.
struct Region {
    next: AtomicUsize,
    end: usize,
    /// How many are not over.
    left: AtomicUsize,
    task: *const Task,
    /// What one panicked with: a function of the user's may.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: tasks may be called on any thread, and several at once.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

/// So often the last tasks are looked at before the processor is left to others.
const SPINS: usize = 1 << 12;

impl Region {
    /// Takes tasks until there are none.
    fn work(&self) {
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            if task >= self.end {
                return;
            }
            // SAFETY: this task is left, and so the caller still waits.
            let over = catch_unwind(AssertUnwindSafe(|| unsafe { (*self.task)(task) }));
            if let Err(panic) = over
                && let Ok(mut first) = self.panic.lock()
            {
                first.get_or_insert(panic);
            }
            self.left.fetch_sub(1, Ordering::Release);
        }
    }

    /// Waits for those that others took, one each: not long, since all are of one size.
    fn wait(&self) {
        let mut looks = 0;
        while self.left.load(Ordering::Acquire) > 0 {
            looks += 1;
            if looks < SPINS { core::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use std::thread::scope;

    #[test]
    fn every_task_is_called_once_and_is_over() {
        scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    for len in (0..200).map(|i| 2 + i % 9) {
                        let calls: Vec<_> = (0..len).map(|_| AtomicUsize::new(0)).collect();
                        enter(5..5 + len, &|task| {
                            // Long enough for others to come.
                            (0..500).for_each(|_| core::hint::spin_loop());
                            calls[task - 5].fetch_add(1, Ordering::Relaxed);
                        });
                        assert!(calls.into_iter().all(|calls| calls.into_inner() == 1));
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_arrives_when_all_tasks_are_over() {
        for culprit in 0..4 {
            let running = AtomicUsize::new(0);
            let caught = catch_unwind(AssertUnwindSafe(|| {
                enter(0..4, &|task| {
                    running.fetch_add(1, Ordering::Relaxed);
                    (0..5000).for_each(|_| core::hint::spin_loop());
                    running.fetch_sub(1, Ordering::Relaxed);
                    assert_ne!(task, culprit, "as asked for");
                });
            }));
            assert!(caught.is_err());
            assert_eq!(running.into_inner(), 0);
        }
    }
}
