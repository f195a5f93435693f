//! Packing buffers: kept per thread, taken out while in use, bounded.

use alloc::vec::Vec;

/// One cache line, so that buffers start on one.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub struct Line([u8; 64]);

/// A buffer larger than this is not kept for the next call. Plans stay below it for every cache size known.
#[cfg(feature = "std")]
const KEEP_BYTES: usize = 16 << 20;

#[cfg(feature = "std")]
std::thread_local! {
    static KEPT: core::cell::Cell<Vec<Line>> = const { core::cell::Cell::new(Vec::new()) };
}

/// Memory for the packed panels of one task. It goes back to its thread when dropped.
///
/// It is taken *out* of the thread's slot: where rayon starts another product on a thread that waits inside this one,
/// that one finds the slot empty and gets memory of its own.
pub struct Scratch(Vec<Line>);

impl Scratch {
    /// At least `elements` uninitialised elements of T, from a cache line's start.
    pub fn new<T>(elements: usize) -> Scratch {
        let lines = (elements * size_of::<T>()).div_ceil(size_of::<Line>());
        if lines == 0 {
            return Scratch(Vec::new());
        }
        #[cfg(feature = "std")]
        let mut kept = KEPT.try_with(|slot| slot.take()).unwrap_or_default();
        #[cfg(not(feature = "std"))]
        let mut kept = Vec::new();
        if kept.capacity() < lines {
            kept = Vec::with_capacity(lines);
        }
        Scratch(kept)
    }

    pub fn as_mut_ptr<T>(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }
}

#[cfg(feature = "std")]
impl Drop for Scratch {
    fn drop(&mut self) {
        let mine = core::mem::take(&mut self.0);
        if (1..=KEEP_BYTES / size_of::<Line>()).contains(&mine.capacity()) {
            // A thread that is ending has no slot any more: the buffer is freed then.
            let _ = KEPT.try_with(|slot| {
                let other = slot.take();
                slot.set(if other.capacity() > mine.capacity() { other } else { mine });
            });
        }
    }
}
