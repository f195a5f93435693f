//! Matrix products on the CPU, the same to the last bit everywhere.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]
#![warn(unsafe_op_in_unsafe_fn)]

extern crate alloc;

mod compat;
mod element;
mod error;
mod gemm;
mod linear;
mod machine;
mod matrix;
mod nest;
mod pack;
mod plan;
mod scratch;
mod simd;
mod tile;

pub use compat::{dgemm, sgemm};
pub use element::Element;
pub use error::Error;
pub use gemm::{Gemm, Threads, gemm};
pub use linear::{Backward, Linear};
pub use machine::{Isa, Machine, machine};
pub use matrix::{MatMut, MatRef};
