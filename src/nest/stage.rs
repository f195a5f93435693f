//! A part of C on the stack: tiles write adjacent elements only.

use core::mem::MaybeUninit;
use core::ops::Range;

use crate::element::Real;
use crate::matrix::MatMut;
use crate::simd::Kernels;
use crate::tile::weave::{MOST_WOVEN, WeaveFn, Woven};
use crate::tile::{Old, Out};

/// The most elements of a tile on the stack.
pub const STAGE: usize = 512;

/// The columns of C, each of so many elements in memory, as many at a time as fit the stage in one row.
pub fn chunks(cols: usize, unit: usize) -> impl Iterator<Item = Range<usize>> {
    let most = STAGE / unit;
    (0..cols).step_by(most).map(move |start| start..cols.min(start + most))
}

/// Parts of C that fit the stage: of several rows, if these are whole.
pub fn parts(rows: usize, cols: usize, unit: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let together = (STAGE / unit / cols).max(1);
    let of_rows = move |row| chunks(cols, unit).map(move |cols| (row..rows.min(row + together), cols));
    (0..rows).step_by(together).flat_map(of_rows)
}

/// What weaves a C whose columns are adjacent elements, one column after the other, if it pays. (Of more than eight only what is read:
/// 256×10×128 TN 1.25 times as fast then, else 1/1.1.)
fn weaver<T: Real>(c: &MatMut<'_, T>, unit: usize, read: bool, kernels: &Kernels<T>) -> Option<WeaveFn<T>> {
    let adjacent = unit == 1 && c.row_stride() == 1 && c.col_stride() == c.rows() as isize;
    let most = kernels.lanes.min(if read { MOST_WOVEN } else { 8 });
    kernels.weave.filter(|_| adjacent && (2..=most).contains(&c.rows()))
}

/// Hands over a rectangle of a C that has no adjacent columns, for sums to be added to it as `out` says.
///
/// # Safety
/// As for [`staged`]; the kernels are of this machine, and nothing is closed.
#[cold]
#[inline(never)]
pub unsafe fn summed<T: Real>(
    c: MatMut<'_, T>,
    unit: usize,
    out: &Out<'_, T>,
    kernels: &Kernels<T>,
    sum: &dyn Fn(&Out<'_, T>),
) {
    let (cols, count, read) = (c.cols(), c.rows(), matches!(out.old, Old::Times(_)));
    let Some(weave) = weaver(&c, unit, read, kernels) else {
        // SAFETY: the caller's promise.
        return unsafe { staged(c, unit, read, kernels, &|c, row| sum(&Out { c, row, ..*out })) };
    };
    let mut stage = [const { MaybeUninit::<T>::uninit() }; STAGE];
    let sums: *mut T = stage.as_mut_ptr().cast();
    sum(&Out { c: sums, row: cols as isize, old: Old::Constant(T::NEG_ZERO), alpha: T::ONE, ..*out });
    // SAFETY: the sums are written; elements of the rectangle.
    unsafe { weave(&Woven { sums, len: cols, count, c: c.at(0, 0), old: out.old, alpha: out.alpha }) }
}

/// Hands over a rectangle of a C that has no adjacent columns, each of `unit` adjacent elements, as a copy on the stack that is written
/// back.
///
/// # Safety
/// The rectangle is the caller's own, and initialised if `read`.
#[cold]
#[inline(never)]
pub unsafe fn staged<T: Real>(
    c: MatMut<'_, T>,
    unit: usize,
    read: bool,
    kernels: &Kernels<T>,
    write: &dyn Fn(*mut T, isize),
) {
    debug_assert!(c.rows() * c.cols() * unit <= STAGE);
    let mut stage = [const { MaybeUninit::<T>::uninit() }; STAGE];
    let stage: *mut T = stage.as_mut_ptr().cast();
    let copy = if unit == 2 { copy::<T, 2> } else { copy::<T, 1> };
    // SAFETY: elements of the rectangle.
    unsafe {
        if read {
            copy(&c, stage, false);
        }
        write(stage, (c.cols() * unit) as isize);
        if let Some(weave) = weaver(&c, unit, false, kernels) {
            let (old, alpha) = (Old::Constant(T::NEG_ZERO), T::ONE);
            return weave(&Woven { sums: stage, len: c.cols(), count: c.rows(), c: c.at(0, 0), old, alpha });
        }
        copy(&c, stage, true);
    }
}

/// Copies C to the stage or back, `UNIT` elements at a time.
///
/// # Safety
/// As for `staged`.
unsafe fn copy<T: Real, const UNIT: usize>(c: &MatMut<'_, T>, stage: *mut T, back: bool) {
    let (rows, cols) = (c.rows(), c.cols());
    let there = |i: usize, j: usize| c.at(i, j).cast::<[T; UNIT]>();
    let here = |i: usize, j: usize| stage.wrapping_add((i * cols + j) * UNIT).cast::<[T; UNIT]>();
    // SAFETY: the caller's promise.
    unsafe {
        if c.row_stride() == UNIT as isize {
            for i in (0..rows).step_by(8) {
                let columns = match rows - i {
                    1 => columns::<_, 1>,
                    2 => columns::<_, 2>,
                    3 => columns::<_, 3>,
                    4 => columns::<_, 4>,
                    5 => columns::<_, 5>,
                    6 => columns::<_, 6>,
                    7 => columns::<_, 7>,
                    _ => columns::<_, 8>,
                };
                columns(there(i, 0), c.col_stride() / UNIT as isize, here(i, 0), cols, back);
            }
        } else {
            let one = |i: usize, j: usize| if back { *there(i, j) = *here(i, j) } else { *here(i, j) = *there(i, j) };
            if c.row_stride().unsigned_abs() / 2 < c.col_stride().unsigned_abs() {
                (0..cols).for_each(|j| (0..rows).for_each(|i| one(i, j)));
            } else {
                (0..rows).for_each(|i| (0..cols).for_each(|j| one(i, j)));
            }
        }
    }
}

/// The same of `ROWS` rows that are adjacent in C and `cols` apart on the stage: twice as fast unrolled.
///
/// # Safety
/// As for `staged`.
unsafe fn columns<E: Copy, const ROWS: usize>(there: *mut E, col: isize, here: *mut E, cols: usize, back: bool) {
    for j in 0..cols {
        let (there, here) = (there.wrapping_offset(j as isize * col), here.wrapping_add(j));
        for i in 0..ROWS {
            // SAFETY: the caller's promise.
            unsafe {
                if back {
                    *there.add(i) = *here.add(i * cols);
                } else {
                    *here.add(i * cols) = *there.add(i);
                }
            }
        }
    }
}
