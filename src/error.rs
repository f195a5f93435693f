//! What can be wrong with a call, in words that name the operand and both shapes.

use core::fmt;

use crate::machine::Isa;

/// Why a call was refused. Nothing has been written to any output then.
///
/// ```
/// use lapidary::{Gemm, MatMut, MatRef};
/// let (a, b, mut c) = ([1.0; 6], [1.0; 8], [0.0; 6]);
/// let a = MatRef::row_major(&a, 2, 3)?;
/// let b = MatRef::row_major(&b, 4, 2)?;
/// let err = Gemm::new(a, b).run(MatMut::row_major(&mut c, 2, 3)?).unwrap_err();
/// assert_eq!(err.to_string(), "inner dimensions differ: A is 2×3 and B is 4×2, so A has 3 columns but B has 4 rows");
/// # Ok::<(), lapidary::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The columns of the left operand are not as many as the rows of the right one.
    InnerDimension {
        /// The left operand's name.
        left: &'static str,
        /// Its shape, rows then columns.
        left_shape: (usize, usize),
        /// The right operand's name.
        right: &'static str,
        /// Its shape, rows then columns.
        right_shape: (usize, usize),
    },
    /// A matrix has the wrong shape.
    Shape {
        /// The matrix' name.
        operand: &'static str,
        /// What its shape means, for example `d_in×d_out`.
        meaning: &'static str,
        /// Rows and columns it must have.
        expected: (usize, usize),
        /// Rows and columns it has.
        found: (usize, usize),
    },
    /// A vector has the wrong length.
    Length {
        /// The vector's name.
        operand: &'static str,
        /// What its length means, for example `d_out`.
        meaning: &'static str,
        /// Elements it must have.
        expected: usize,
        /// Elements it has.
        found: usize,
    },
    /// A slice does not hold every element that the shape and the strides reach.
    TooShort {
        /// Rows and columns asked for.
        shape: (usize, usize),
        /// Elements from one row to the next, and from one column to the next.
        strides: (isize, isize),
        /// Elements the slice must have.
        needed: usize,
        /// Elements it has.
        found: usize,
    },
    /// A negative stride reaches before the start of the slice.
    BeforeStart {
        /// Rows and columns asked for.
        shape: (usize, usize),
        /// Elements from one row to the next, and from one column to the next.
        strides: (isize, isize),
        /// The smallest offset of the first element at which it would fit.
        needed: usize,
        /// The offset given.
        found: usize,
    },
    /// The shape and the strides reach further than an address can count.
    Overflow {
        /// Rows and columns asked for.
        shape: (usize, usize),
        /// Elements from one row to the next, and from one column to the next.
        strides: (isize, isize),
    },
    /// A block reaches beyond the matrix it is cut from.
    OutOfRange {
        /// `"row"` or `"column"`.
        dimension: &'static str,
        /// First index of the block.
        start: usize,
        /// One past its last index.
        end: usize,
        /// Rows or columns there are.
        len: usize,
    },
    /// Two elements of an output share an address.
    OverlapsItself {
        /// The output's name.
        operand: &'static str,
        /// Its shape, rows then columns.
        shape: (usize, usize),
        /// Its strides, in elements.
        strides: (isize, isize),
    },
    /// An output shares memory with another operand of the same call.
    Overlap {
        /// The output's name.
        output: &'static str,
        /// The other operand's name.
        other: &'static str,
    },
    /// An operand that the call cannot do without was not given.
    Missing {
        /// The operand's name.
        operand: &'static str,
        /// What it is.
        meaning: &'static str,
    },
    /// `LAPIDARY_ISA` names an instruction set that this machine, or this build, does not have.
    IsaUnavailable(Isa),
    /// `LAPIDARY_ISA` names no instruction set.
    IsaUnknown,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |s: &(usize, usize)| ByShape(s.0, s.1);
        match self {
            Error::InnerDimension { left, left_shape: l, right, right_shape: r } => write!(
                f,
                "inner dimensions differ: {left} is {} and {right} is {}, so {left} has {} columns but {right} has {} rows",
                by(l),
                by(r),
                l.1,
                r.0
            ),
            Error::Shape { operand, meaning, expected, found } => {
                write!(f, "{operand} must be {meaning} = {}, found {}", by(expected), by(found))
            }
            Error::Length { operand, meaning, expected, found } => {
                write!(f, "{operand} must have length {meaning} = {expected}, found {found}")
            }
            Error::TooShort { shape, strides, needed, found } => write!(
                f,
                "a {} matrix with row stride {} and column stride {} needs a slice of at least {needed} elements, found {found}",
                by(shape),
                strides.0,
                strides.1
            ),
            Error::BeforeStart { shape, strides, needed, found } => write!(
                f,
                "a {} matrix with row stride {} and column stride {} needs its first element at offset {needed} or later, found {found}",
                by(shape),
                strides.0,
                strides.1
            ),
            Error::Overflow { shape, strides } => write!(
                f,
                "a {} matrix with row stride {} and column stride {} reaches further than an address can count",
                by(shape),
                strides.0,
                strides.1
            ),
            Error::OutOfRange { dimension, start, end, len } => {
                write!(f, "{dimension}s {start}..{end} are not within the matrix, which has {len} {dimension}s")
            }
            Error::OverlapsItself { operand, shape, strides } => write!(
                f,
                "elements of {operand} share addresses: it is {} with row stride {} and column stride {}",
                by(shape),
                strides.0,
                strides.1
            ),
            Error::Overlap { output, other } => write!(f, "{output} shares memory with {other}"),
            Error::Missing { operand, meaning } => write!(f, "{operand} is missing: {meaning}"),
            Error::IsaUnavailable(isa) => {
                write!(f, "LAPIDARY_ISA asks for {isa}, which this machine or this build does not have")
            }
            Error::IsaUnknown => {
                write!(f, "LAPIDARY_ISA must be one of avx512, avx2, neon or portable")
            }
        }
    }
}

struct ByShape(usize, usize);

impl fmt::Display for ByShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.0, self.1)
    }
}

impl core::error::Error for Error {}
