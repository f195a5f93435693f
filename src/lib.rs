//! Matrix products on the CPU, in plain Rust, the same to the last bit everywhere.
//!
//! `C ← act(alpha·A·B + beta·C + bias)` for `f32` and `f64` in any layout, `C ← alpha·A·B + beta·C` for complex numbers (with the feature
//! `complex`), either operand conjugated, and a layer in one call each way: forward
//! `Y = act(X·W + b)`, backward `dZ = G ⊙ act′(Z)`, `dW = Xᵀ·dZ`, `dX = dZ·Wᵀ`, `db = 1ᵀ·dZ`. No transpose is ever made in
//! memory, no BLAS is linked.
//!
//! ```
//! use lapidary::{Gemm, MatMut, MatRef};
//!
//! let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // 2×3
//! let b = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]; // 3×2
//! let mut c = [0.0; 4];
//! let (a, b) = (MatRef::row_major(&a, 2, 3)?, MatRef::row_major(&b, 3, 2)?);
//! Gemm::new(a, b).run(MatMut::row_major(&mut c, 2, 2)?)?;
//! assert_eq!(c, [4.0, 5.0, 10.0, 11.0]);
//! # Ok::<(), lapidary::Error>(())
//! ```
//!
//! - [`Gemm`] and [`gemm`]: the product. [`Epilogue`]: what is done to it in the same pass.
//! - [`Linear`]: the layer, forward and backward ([derived](guide)). [`Gated`]: two layers, one the gate of the other.
//! - [`MatRef`] and [`MatMut`]: views of any two signed strides over slices; `.t()` transposes for free.
//! - [`sgemm`] and [`dgemm`]: the functions of the crate `matrixmultiply`, for code that calls those.
//! - [`Activation`]: ReLU, GELU, SiLU and others with their derivatives; also on slices.
//! - [`machine`]: which kernels run here.
//!
//! # The one rule
//!
//! K is cut into blocks: with n = ⌈k / [`KC`](Element::KC)⌉, each has ⌈k / n⌉ steps rounded up to a multiple of 16, and the
//! last what is left. Then each element of C is
//!
//! ```text
//! c = (beta == 0) ? 0 : beta · c
//! for each block, in order:
//!     s = 0
//!     for p in block, in order:  s = fma(a[i, p], b[p, j], s)
//!     c = fma(alpha, s, c)
//! c = c + bias[j] + row_bias[i] + residual[i, j]    (each rounded, in this order, where there is one)
//! c = act(c), or act(gate[i, j]) · c                 (the activation, or the gate)
//! c = map(i, j, c)                                   (your function)
//! ```
//!
//! where fma rounds once, and each [`Activation`] is one fixed chain of operations that are rounded once. The gradients of
//! a layer are products of dZ = G · act′(Z), rounded; db is one whose A is a row of ones. `KC` is a constant of the element type. So the bits of a result do not depend on the number of
//! threads, the instruction set, the strides, the alignment, or what else is computed with it: row 7 of a batch of 1 is
//! row 7 of a batch of 4096. The error is that of the textbook, |Ĉ − C| ≤ γₖ₊₂·(|alpha|·|A|·|B| + |beta·C|) with
//! γₖ = k·u / (1 − k·u) (Higham, *Accuracy and Stability of Numerical Algorithms*, §3.5), and in practice smaller,
//! since block sums are short.
//!
//! A complex product is the rule over 2k real steps: those of number p of the sum add re(a)·b and then im(a)·i·b to both
//! parts of s. Then c = beta·c and c = c + alpha·s multiply by the real part of the scalar first, and by i times its
//! imaginary part, added with one rounding, unless that is 0.
//!
//! One exception: a processor without fused multiply-add (x86-64 before 2013) rounds twice a step, so that its
//! bits are its own; [`Machine::fused`] tells. Which NaN a NaN is, its sign and payload, is not part of the promise.
//!
//! # What happens to special values
//!
//! | | |
//! |---|---|
//! | `beta` = 0 | C is not read: it may be uninitialised or hold NaN |
//! | `beta` = 1 and nothing to add (k = 0 or `alpha` = 0) | C keeps its bits |
//! | `alpha` = 0 | A and B are not read; C = `beta`·C. ([`sgemm`] and [`dgemm`] multiply all the same, as the crate they stand for) |
//! | k = 0 | C = `beta`·C, and the epilogue |
//! | m = 0 or n = 0 | nothing |
//! | NaN, ±∞, −0, subnormal numbers in A and B | as IEEE 754 says: no zero is skipped, no padding meets an infinity |
//!
//! # Threads
//!
//! [`Threads::Auto`] uses the rayon pool that the caller is in, or the global one, as far as the product is large enough
//! to gain; there is no other pool, and a call from inside a rayon task is an ordinary task of that pool. A product
//! is one parallel region. A caller from outside the pool works as well: it begins at once, and threads of the pool join in
//! as they wake. To wake them takes some ten microseconds, which only a product of 3·2²² multiply-adds is worth (240×240×240); one of
//! 2¹⁹ is shared if the calling thread was through with another such product less than 40 µs ago, and they are awake.
//!
//! # Memory
//!
//! A product that packs takes a buffer kept by each thread, at most a few MiB, and allocates only when it grows: the
//! second call of a kind allocates nothing. (But for calling the pool from outside: a job of some bytes for each thread.)
//!
//! # Instruction sets
//!
//! AVX-512, AVX2 with FMA, and NEON are found at run time; plain Rust serves the rest. The environment variable
//! `LAPIDARY_ISA` (`avx512`, `avx2`, `neon` or `portable`) forces one; if the machine lacks it, every product returns
//! [`Error::IsaUnavailable`].
//!
//! # Features
//!
//! - `rayon` (default): threads. It needs `std`.
//! - `complex`: complex numbers as elements, be they pairs `[re, im]` or `num_complex::Complex`.
//! - `ndarray`, `nalgebra`, `faer`: their matrices and views into [`MatRef`] and [`MatMut`], without a copy.
//! - `std`: the instruction set is chosen at run time, and buffers are kept per thread. Without it the crate is `no_std`
//!   with `alloc`: the instruction set is the one compiled for, and packing allocates.
//!
//! Built without optimisation, kernels are slow: add `[profile.dev.package.lapidary] opt-level = 3` to your manifest.

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(missing_docs)]
#![warn(unsafe_op_in_unsafe_fn)]
#![cfg_attr(not(feature = "complex"), allow(dead_code))] // what only complex numbers call

extern crate alloc;
#[cfg(test)]
extern crate self as lapidary;

mod activation;
mod compat;
#[cfg(feature = "complex")]
mod complex;
mod disjoint;
mod element;
mod epilogue;
mod error;
mod gemm;
pub mod guide;
mod linear;
mod machine;
mod matrix;
mod nest;
mod pack;
mod plan;
mod runs;
mod scratch;
mod simd;
#[cfg(test)]
mod tests;
mod tile;

pub use activation::Activation;
pub use compat::{dgemm, sgemm};
pub use element::{Element, Real};
pub use epilogue::Epilogue;
pub use error::Error;
pub use gemm::{Gemm, Threads, gemm};
pub use linear::{Backward, Forward, Gated, Linear};
pub use machine::{Isa, Machine, machine};
pub use matrix::{MatMut, MatRef};
