//! Packing buffers: kept per thread, taken out while in use, bounded.

use alloc::vec::Vec;

/// One cache line, so that buffers start on one.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub struct Line([u8; 64]);

/// A buffer larger than this is not kept for the next call. Plans stay below it for every cache size known.
#[cfg(feature = "std")]
const KEEP_BYTES: usize = 16 << 20;

/// Buffers of a thread that are not in use: three, as a backward pass holds a gradient while a deep product holds block
/// sums while its parts pack.
#[cfg(feature = "std")]
type Kept = [Vec<Line>; 3];

#[cfg(feature = "std")]
std::thread_local! {
    static KEPT: core::cell::RefCell<Kept> = const { core::cell::RefCell::new([const { Vec::new() }; 3]) };
}

/// Works on this thread's buffers; `None` on a thread that is ending.
#[cfg(feature = "std")]
fn with_kept<R>(f: impl FnOnce(&mut Kept) -> R) -> Option<R> {
    KEPT.try_with(|kept| f(&mut kept.borrow_mut())).ok()
}

/// Memory for the packed panels of one task. It goes back to its thread when dropped.
///
/// It is taken *out* of the thread's slot: where rayon starts another product on a thread that waits inside this one,
/// that one finds other memory or gets some of its own.
pub struct Scratch(Vec<Line>);

impl Scratch {
    /// At least `elements` uninitialised elements of T, from a cache line's start.
    pub fn new<T>(elements: usize) -> Scratch {
        let lines = (elements * size_of::<T>()).div_ceil(size_of::<Line>());
        if lines == 0 {
            return Scratch(Vec::new());
        }
        #[cfg(feature = "std")]
        let kept = with_kept(|kept| {
            // The smallest that is large enough; failing that the smallest, which a larger one replaces.
            let best = kept.iter_mut().min_by_key(|buffer| (buffer.capacity() < lines, buffer.capacity()));
            best.map(core::mem::take).unwrap_or_default()
        });
        #[cfg(not(feature = "std"))]
        let kept = None;
        Scratch(
            kept.filter(|buffer: &Vec<Line>| buffer.capacity() >= lines).unwrap_or_else(|| Vec::with_capacity(lines)),
        )
    }

    /// How many elements of T it has room for.
    pub fn len<T>(&self) -> usize {
        self.0.capacity() * size_of::<Line>() / size_of::<T>()
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
            with_kept(|kept| {
                if let Some(smallest) = kept.iter_mut().min_by_key(|buffer| buffer.capacity())
                    && smallest.capacity() < mine.capacity()
                {
                    *smallest = mine;
                }
            });
        }
    }
}
