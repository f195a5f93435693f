//! Squares of an operand that is contiguous along the depth, turned in registers: where their rows are.

use super::opaque::{apart, late};
use super::stride::Stride;
use crate::simd::Simd;

/// The next [`Simd::TURN`] steps of as many rows as a vector has lanes, `run` apart: the vector of each step.
///
/// # Safety
/// The steps of these rows are there, and so is the instruction set.
#[inline(always)]
pub unsafe fn turn<S: Simd>(src: *const S::T, run: &Stride) -> S::Columns {
    // SAFETY: the caller's promise.
    unsafe { S::turn(rows::<S>(src, run)) }
}

/// The same of twice as many steps.
///
/// # Safety
/// As for [`turn`].
#[inline(always)]
pub unsafe fn turn_pair<S: Simd>(src: *const S::T, run: &Stride) -> [S::Columns; 2] {
    // SAFETY: the caller's promise.
    unsafe { S::turn_pair(rows::<S>(src, run)) }
}

/// Where rows `run` apart begin. Left to itself the compiler counts the distance to each row of each square before a tile begins, far
/// more than there are registers (1×256×256 NT 1.2 times as fast, with AVX2 too).
#[inline(always)]
fn rows<S: Simd>(src: *const S::T, run: &Stride) -> impl Fn(usize) -> *const S::T + Copy {
    let src = apart(src);
    let ninth = if S::LANES > 8 { apart(src.wrapping_byte_offset(run.times(8))) } else { src };
    move |i| match i < 8 {
        true => src.wrapping_byte_offset(run.times(i)),
        false => ninth.wrapping_byte_offset(run.times(i - 8)),
    }
}

/// How far the rows of a square are from its first one, in bytes, if there are fewer than lanes: beyond them the last is repeated.
pub struct Few([isize; 16]);

impl Few {
    pub const NONE: Few = Few([0; 16]);

    /// Not inlined: see above.
    #[inline(never)]
    pub fn rows(run: &Stride, rows: usize) -> Few {
        let mut few = [0; 16];
        for (i, row) in few.iter_mut().enumerate() {
            *row = i.min(rows - 1) as isize * run.times(1);
        }
        Few(few)
    }

    /// As [`turn`].
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    pub unsafe fn turn<S: Simd>(&self, src: *const S::T) -> S::Columns {
        let (src, few) = (apart(src), late(self));
        // SAFETY: the caller's promise.
        unsafe { S::turn(|i| src.byte_offset(few.0[i])) }
    }
}
