#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![allow(clippy::too_many_arguments)] // BLAS' signatures

mod cblas;
mod fortran;
mod product;
mod threads;
mod xerbla;

pub use cblas::*;
pub use fortran::*;

/// Sizes, strides and leading dimensions.
#[cfg(not(feature = "ilp64"))]
pub type Int = i32;

/// Sizes, strides and leading dimensions.
#[cfg(feature = "ilp64")]
pub type Int = i64;
