//! The vocabulary that kernels are written in.

use core::ops::Index;

use crate::element::{Real, Sealed};
use crate::plan::{LINE, many};

/// Vectors of one element type on one instruction set.
///
/// The methods are `unsafe` because they may use instructions that the machine lacks: they are called only from
/// functions that [`kernels!`](super::kernels) compiles for the instruction set, and those only after it was detected. They are
/// `inline(always)` since a vector passed through a real call would go through memory. For the same reason those of an
/// instruction set that is found at run time have no closures that return vectors, nor arrays of vectors by `map`: such functions are of no
/// instruction set, and the compiler is free not to inline them. Pointers need no alignment beyond their element's.
pub trait Simd: Copy + 'static {
    type T: Real;
    /// A vector of `LANES` elements.
    type V: Copy;
    /// Which lanes to use: the first `n`.
    type Mask: Copy;
    const LANES: usize;
    /// Depth steps that a tile takes before it looks whether there are more: 2 or 4.
    const STEPS: usize = 4;

    unsafe fn splat(x: Self::T) -> Self::V;
    unsafe fn load(p: *const Self::T) -> Self::V;
    unsafe fn store(p: *mut Self::T, v: Self::V);
    /// Stores a vector past the caches, if the machine can; `p` is a multiple of its size. See [`streamed`](super::streamed).
    #[inline(always)]
    unsafe fn stream(p: *mut Self::T, v: Self::V) {
        // SAFETY: the caller's promise.
        unsafe { Self::store(p, v) }
    }
    /// `n` in 0..=LANES.
    unsafe fn first(n: usize) -> Self::Mask;
    /// The other lanes are 0 and their memory is not touched.
    unsafe fn load_first(p: *const Self::T, mask: Self::Mask) -> Self::V;
    /// The memory of the other lanes is not touched.
    unsafe fn store_first(p: *mut Self::T, v: Self::V, mask: Self::Mask);
    /// `a`·`b` + `c` in one rounding.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// −`a`·`b` + `c` in one rounding.
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// Lane by lane `x` where `a` < `b`, `y` elsewhere, and where either is NaN.
    unsafe fn less(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// `low` where `x` is less, `high`, which is not less than that, where it is more; NaN stays, and so does −0 between bounds of 0.
    #[inline(always)]
    unsafe fn bound(x: Self::V, low: Self::V, high: Self::V) -> Self::V {
        // SAFETY: the caller's promise.
        unsafe { Self::less(x, low, low, Self::less(high, x, high, x)) }
    }
    /// The magnitude of `x` with the sign of `sign`.
    unsafe fn copysign(x: Self::V, sign: Self::V) -> Self::V;
    /// The lowest bits of `v`, as many as a sign and an exponent have, become just those; the fraction becomes 0.
    unsafe fn exponent(v: Self::V) -> Self::V;
    /// `p[i]` in all lanes; all `n` elements from `p` on are there.
    #[inline(always)]
    unsafe fn splat_nth(p: *const Self::T, i: usize, n: usize) -> Self::V {
        debug_assert!(i < n);
        // SAFETY: the caller's promise.
        unsafe { Self::splat(*p.add(i)) }
    }
    /// `p[0]` and `p[1]` in turns.
    unsafe fn splat_pair(p: *const Self::T) -> Self::V;
    /// The `LANES`/2 pairs that `pair` tells the places of.
    #[inline(always)]
    unsafe fn gather_pairs(pair: impl Fn(usize) -> *const Self::T + Copy) -> Self::V {
        let mut lanes = [Self::T::ZERO; 16];
        for i in 0..Self::LANES / 2 {
            // SAFETY: the caller's promise.
            [lanes[2 * i], lanes[2 * i + 1]] = unsafe { *pair(i).cast::<[Self::T; 2]>() };
        }
        // SAFETY: no vector has more than 16 lanes.
        unsafe { Self::load(lanes.as_ptr()) }
    }
    /// Lanes 2i and 2i + 1 exchanged.
    unsafe fn swap(v: Self::V) -> Self::V;
    /// The even lanes of both, and the odd ones, either in the same order, which may be any.
    #[inline(always)]
    unsafe fn unzip(a: Self::V, b: Self::V) -> [Self::V; 2] {
        let mut lanes = [Self::T::ZERO; 32];
        let (mut even, mut odd) = ([Self::T::ZERO; 16], [Self::T::ZERO; 16]);
        // SAFETY: no vector has more than 16 lanes.
        unsafe {
            Self::store(lanes.as_mut_ptr(), a);
            Self::store(lanes.as_mut_ptr().add(Self::LANES), b);
            for i in 0..Self::LANES {
                (even[i], odd[i]) = (lanes[2 * i], lanes[2 * i + 1]);
            }
            [Self::load(even.as_ptr()), Self::load(odd.as_ptr())]
        }
    }
    /// What was unzipped to these.
    #[inline(always)]
    unsafe fn zip(even: Self::V, odd: Self::V) -> [Self::V; 2] {
        let mut parts = [[Self::T::ZERO; 16]; 2];
        let mut lanes = [Self::T::ZERO; 32];
        // SAFETY: no vector has more than 16 lanes.
        unsafe {
            Self::store(parts[0].as_mut_ptr(), even);
            Self::store(parts[1].as_mut_ptr(), odd);
            for i in 0..Self::LANES {
                (lanes[2 * i], lanes[2 * i + 1]) = (parts[0][i], parts[1][i]);
            }
            [Self::load(lanes.as_ptr()), Self::load(lanes.as_ptr().add(Self::LANES))]
        }
    }
    /// Whether to [`weave`](crate::tile::weave): whether vectors are more than arrays, by which it takes longer than element by element
    /// (portable Rust: 400×3×8 TN 1/1.3).
    const WEAVES: bool = false;
    /// The lanes of both in turns. As `zip`, if that keeps the order.
    #[inline(always)]
    unsafe fn weave(a: Self::V, b: Self::V) -> [Self::V; 2] {
        // SAFETY: the caller's promise.
        unsafe { Self::zip(a, b) }
    }
    /// The lanes of `v` that `order` tells.
    #[inline(always)]
    unsafe fn arrange(v: Self::V, order: &[i32; 16]) -> Self::V {
        let (mut from, mut to) = ([Self::T::ZERO; 16], [Self::T::ZERO; 16]);
        // SAFETY: no vector has more than 16 lanes.
        unsafe {
            Self::store(from.as_mut_ptr(), v);
            for i in 0..Self::LANES {
                to[i] = from[order[i] as usize % 16];
            }
            Self::load(to.as_ptr())
        }
    }
    /// See [`many`].
    const MANY: usize = many(size_of::<Self::V>() == LINE);
    /// Asks for the cache line of an address that will be written soon.
    unsafe fn prefetch(p: *const Self::T);
    /// Asks for the cache line of an address that will be read later: by L2.
    #[inline(always)]
    unsafe fn prefetch_far(p: *const Self::T) {
        // SAFETY: the caller's promise.
        unsafe { Self::prefetch(p) }
    }

    /// Turns `LANES` rows along memory into vectors across them: vector c < [`TURN`](Self::TURN) holds the elements
    /// `row(i)[c]`, i < `LANES`.
    unsafe fn turn(row: impl Fn(usize) -> *const Self::T + Copy) -> Self::Columns;
    type Columns: Index<usize, Output = Self::V>;
    /// Elements of each row that `turn` takes. The vectors beyond are not used.
    const TURN: usize = 16 / size_of::<Self::T>();
    /// Whether to turn two squares at once where both are whole, since L1 may hold fewer lines that share a cache set than there are
    /// rows: a line, being two squares, is used up a few rows at a time (Zen 4: 1×1024×1024 NT 1.25 times as fast).
    const PAIRS: bool = false;
    /// Two squares, the second beside the first.
    #[inline(always)]
    unsafe fn turn_pair(row: impl Fn(usize) -> *const Self::T + Copy) -> [Self::Columns; 2] {
        // SAFETY: the caller's promise.
        unsafe { [Self::turn(row), Self::turn(|i| row(i).add(Self::TURN))] }
    }
}
