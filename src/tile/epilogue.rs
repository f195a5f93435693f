//! How finished sums reach C beyond what a tile does itself: block sums added in order, and the epilogue.

use crate::element::Sealed;
use crate::simd::Simd;
use crate::tile::edge::{Edge, each, update};
use crate::tile::{Old, Out};

/// What is added to rows of C once all blocks are summed, before the activation.
pub struct Finish<T> {
    pub c: *mut T,
    /// Elements from one row to the next; the columns are adjacent.
    pub row: isize,
    pub rows: usize,
    pub cols: usize,
    /// Added in this order.
    pub terms: [Term<T>; 3],
    /// Where the elements are stored before the activation.
    pub saved: Term<T>,
}

/// A matrix as large as what is finished, by any strides; or none.
#[derive(Clone, Copy)]
pub struct Term<T> {
    pub ptr: *const T,
    pub row: isize,
    pub col: isize,
}

impl<T: Sealed> Term<T> {
    pub const NOTHING: Term<T> = Term { ptr: core::ptr::null(), row: 0, col: 0 };

    pub fn at(&self, i: usize, j: usize) -> *const T {
        self.ptr.wrapping_offset(i as isize * self.row + j as isize * self.col)
    }

    /// Lanes from (i, j) on: as many as the mask has, or all.
    ///
    /// # Safety
    /// The elements are there, and so is the instruction set.
    #[inline(always)]
    unsafe fn load<S: Simd<T = T>>(&self, i: usize, j: usize, part: Option<(S::Mask, usize)>) -> S::V {
        let p = self.at(i, j);
        // SAFETY: the caller's promise.
        unsafe {
            match (self.col, part) {
                (0, _) => S::splat(*p),
                (1, None) => S::load(p),
                (1, Some((mask, _))) => S::load_first(p, mask),
                (col, _) => {
                    let mut lanes = [T::ZERO; 16];
                    for lane in 0..part.map_or(S::LANES, |(_, n)| n) {
                        lanes[lane] = *p.offset(lane as isize * col);
                    }
                    S::load(lanes.as_ptr())
                }
            }
        }
    }

    /// Stores lanes from (i, j) on.
    ///
    /// # Safety
    /// As for `load`; the elements may be written.
    #[inline(always)]
    unsafe fn store<S: Simd<T = T>>(&self, i: usize, j: usize, v: S::V, part: Option<(S::Mask, usize)>) {
        let p = self.at(i, j).cast_mut();
        // SAFETY: the caller's promise.
        unsafe {
            match (self.col, part) {
                (1, None) => S::store(p, v),
                (1, Some((mask, _))) => S::store_first(p, v, mask),
                (col, _) => {
                    let mut lanes = [T::ZERO; 16];
                    S::store(lanes.as_mut_ptr(), v);
                    for lane in 0..part.map_or(S::LANES, |(_, n)| n) {
                        *p.offset(lane as isize * col) = lanes[lane];
                    }
                }
            }
        }
    }
}

/// What a tile does to finished sums while they are in registers: it adds a term, and bounds them.
#[derive(Clone, Copy)]
pub struct Closing<T> {
    /// Its column stride is 0 or 1.
    pub term: Term<T>,
    /// What is less becomes `low`, what is more `high`, which is not less than that; NaN stays.
    pub low: T,
    pub high: T,
}

/// Closes the sums of a tile with the elements of the term that begin `from` elements on.
///
/// # Safety
/// The elements of the term are there, and so is the instruction set.
#[inline(always)]
pub unsafe fn close<S: Simd, const R: usize, const NV: usize>(
    sums: &mut [[S::V; NV]; R],
    closing: &Closing<S::T>,
    from: isize,
    edge: &Edge<S>,
) {
    let Closing { term, low, high } = *closing;
    let at = |r: usize, v: usize| term.at(r, v * S::LANES).wrapping_offset(from);
    // SAFETY: the caller's promise.
    unsafe {
        if term.col == 0 {
            for r in 0..R {
                let x = S::splat(*at(r, 0));
                for v in 0..NV {
                    sums[r][v] = S::add(sums[r][v], x);
                }
            }
        } else {
            update::<S, R, NV>(sums, edge, |sum, r, v, part| {
                S::add(
                    sum,
                    match part {
                        None => S::load(at(r, v)),
                        Some(mask) => S::load_first(at(r, v), mask),
                    },
                )
            });
        }
        let (low, high) = (S::splat(low), S::splat(high));
        each::<S, R, NV>(sums, |x| S::bound(x, low, high));
    }
}

/// # Safety
/// The instruction set of the kernel is there; the rows and columns of C are valid, and so are those of all terms.
pub type FinishFn<T> = unsafe fn(&Finish<T>);

/// # Safety
/// The instruction set of the kernel is there; `cols` elements of C and of the sums are valid.
pub type SumFn<T> = unsafe fn(&Out<T>, *const T);

/// The sums of the epilogue. See [`FinishFn`].
///
/// Each step is a pass of its own over rows that are in a near cache: deciding in every vector what there is to do took
/// nine times as long as loading and storing it once more.
#[inline(always)]
pub unsafe fn finish<S: Simd>(f: &Finish<S::T>) {
    let c = Term { ptr: f.c.cast_const(), row: f.row, col: 1 };
    // SAFETY: as the caller promises.
    unsafe {
        for term in &f.terms {
            match (term.ptr.is_null(), term.col) {
                (true, _) => (),
                (false, 0) => add::<S, 0>(f, &c, term),
                (false, 1) => add::<S, 1>(f, &c, term),
                (false, _) => add::<S, ANY>(f, &c, term),
            }
        }
        if !f.saved.ptr.is_null() {
            save::<S>(f, &c);
        }
    }
}

/// A column stride that is neither 0 nor 1.
const ANY: isize = -1;

/// C ← C + `term`, whose column stride is `COL`.
#[inline(always)]
unsafe fn add<S: Simd, const COL: isize>(f: &Finish<S::T>, c: &Term<S::T>, term: &Term<S::T>) {
    let whole = f.cols / S::LANES * S::LANES;
    let rest = f.cols - whole;
    // SAFETY: the caller's promise; the last vector of a row is partial.
    unsafe {
        let mask = S::first(rest);
        for i in 0..f.rows {
            let (to, from) = (c.at(i, 0).cast_mut(), term.at(i, 0));
            let mut j = 0;
            while j < whole {
                let x = match COL {
                    0 => S::splat(*from),
                    1 => S::load(from.add(j)),
                    _ => term.load::<S>(i, j, None),
                };
                S::store(to.add(j), S::add(S::load(to.add(j)), x));
                j += S::LANES;
            }
            if rest > 0 {
                let x = term.load::<S>(i, whole, Some((mask, rest)));
                S::store_first(to.add(whole), S::add(S::load_first(to.add(whole), mask), x), mask);
            }
        }
    }
}

/// Stores C in the other matrix.
#[inline(always)]
unsafe fn save<S: Simd>(f: &Finish<S::T>, c: &Term<S::T>) {
    for i in 0..f.rows {
        let mut j = 0;
        while j < f.cols {
            // SAFETY: the caller's promise; the last vector of a row is partial.
            unsafe {
                let part = partial::<S>(f.cols - j);
                f.saved.store::<S>(i, j, c.load::<S>(i, j, part), part);
            }
            j += S::LANES;
        }
    }
}

/// The mask and the lanes of a row's last vector, if it is one.
#[inline(always)]
unsafe fn partial<S: Simd>(left: usize) -> Option<(S::Mask, usize)> {
    // SAFETY: the instruction set is there.
    if left < S::LANES { Some((unsafe { S::first(left) }, left)) } else { None }
}

/// Adds one block's bare sums to one row of C: `c = fma(alpha, sum, old)`. See [`SumFn`].
#[inline(always)]
pub unsafe fn sum<S: Simd>(out: &Out<S::T>, sums: *const S::T) {
    // SAFETY: as the caller promises; the last vector is partial.
    unsafe {
        let alpha = S::splat(out.alpha);
        let mut j = 0;
        while j < out.cols {
            let mask = S::first(S::LANES.min(out.cols - j));
            let old = match out.old {
                Old::Times(beta) => S::mul(S::splat(beta), S::load_first(out.c.add(j), mask)),
                Old::Constant(x) => S::splat(x),
            };
            S::store_first(out.c.add(j), S::fma(alpha, S::load_first(sums.add(j), mask), old), mask);
            j += S::LANES;
        }
    }
}
