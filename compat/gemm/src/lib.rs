#![doc = include_str!("../README.md")]
#![no_std]
#![deny(missing_docs)]

#[cfg(feature = "f16")]
extern crate alloc;

#[cfg(feature = "f16")]
mod half;
mod thresholds;

use core::any::{TypeId, type_name};
use core::mem::transmute_copy;

use lapidary::{Element, Gemm, MatMut, MatRef, Threads};
pub use thresholds::*;

/// A complex number of `f32` parts.
#[allow(non_camel_case_types)] // the other crate's name
pub type c32 = num_complex::Complex32;

/// A complex number of `f64` parts.
#[allow(non_camel_case_types)] // the other crate's name
pub type c64 = num_complex::Complex64;

/// A number of 16 bits.
#[cfg(feature = "f16")]
#[allow(non_camel_case_types)] // the other crate's name
pub type f16 = ::half::f16;

/// Who computes a product.
#[derive(Copy, Clone, Debug)]
pub enum Parallelism {
    /// The calling thread.
    None,
    /// At most so many tasks on the current rayon pool; 0 for as many as it has threads.
    #[cfg(feature = "rayon")]
    Rayon(usize),
}

impl Parallelism {
    /// For a product of so many multiply-adds.
    fn threads(self, work: usize) -> Threads {
        match self {
            _ if work <= get_threading_threshold() => Threads::Serial,
            Parallelism::None => Threads::Serial,
            #[cfg(feature = "rayon")]
            Parallelism::Rayon(0) => Threads::Auto,
            #[cfg(feature = "rayon")]
            Parallelism::Rayon(most) => Threads::AtMost(most),
        }
    }
}

/// A matrix in memory: element (i, j) at `ptr.offset(i·rs + j·cs)`.
struct Strided<P> {
    ptr: P,
    cs: isize,
    rs: isize,
}

/// What `gemm` was called with.
struct Call<T> {
    shape: (usize, usize, usize),
    dst: Strided<*mut T>,
    read_dst: bool,
    lhs: Strided<*const T>,
    rhs: Strided<*const T>,
    alpha: T,
    beta: T,
    /// dst, lhs, rhs.
    conjugate: [bool; 3],
    threads: Threads,
}

/// dst ← `alpha`·dst + `beta`·lhs·rhs with dst m×n, lhs m×k and rhs k×n. (`alpha` and `beta` are the other way round than
/// in BLAS.) Strides are in elements, the column stride `cs` before the row stride `rs`. If not `read_dst`, dst is not
/// read, as if `alpha` were 0. Complex operands, dst as it is read included, may be conjugated first.
///
/// # Safety
/// All elements reached must be valid: those of lhs and rhs readable, those of dst writable, and initialised if `read_dst`.
/// Where m, n or k is 0, unused pointers may dangle.
///
/// # Panics
/// If `T` is not `f32`, `f64`, [`c32`], [`c64`], or (feature `f16`) [`f16`] or `half::bf16`; if the elements of dst are not
/// distinct, or it overlaps lhs or rhs; or if `LAPIDARY_ISA` asks for what the machine lacks.
///
/// ```
/// use gemm::Parallelism;
/// let (lhs, rhs, mut dst) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [1.0; 4]);
/// // SAFETY: three 2×2 matrices, rows one after the other.
/// unsafe {
///     gemm::gemm(
///         2, 2, 2, dst.as_mut_ptr(), 1, 2, true, lhs.as_ptr(), 1, 2, rhs.as_ptr(), 1, 2,
///         10.0, 1.0, false, false, false, Parallelism::None,
///     );
/// }
/// assert_eq!(dst, [29.0, 32.0, 53.0, 60.0]);
/// ```
#[allow(clippy::too_many_arguments)] // the other crate's signature
pub unsafe fn gemm<T: 'static>(
    m: usize,
    n: usize,
    k: usize,
    dst: *mut T,
    dst_cs: isize,
    dst_rs: isize,
    read_dst: bool,
    lhs: *const T,
    lhs_cs: isize,
    lhs_rs: isize,
    rhs: *const T,
    rhs_cs: isize,
    rhs_rs: isize,
    alpha: T,
    beta: T,
    conj_dst: bool,
    conj_lhs: bool,
    conj_rhs: bool,
    parallelism: Parallelism,
) {
    let call = Call {
        shape: (m, n, k),
        dst: Strided { ptr: dst, cs: dst_cs, rs: dst_rs },
        read_dst,
        lhs: Strided { ptr: lhs, cs: lhs_cs, rs: lhs_rs },
        rhs: Strided { ptr: rhs, cs: rhs_cs, rs: rhs_rs },
        alpha,
        beta,
        conjugate: [conj_dst, conj_lhs, conj_rhs],
        threads: parallelism.threads(m.saturating_mul(n).saturating_mul(k)),
    };
    let is = |id| TypeId::of::<T>() == id;
    // SAFETY: the caller's promise; T is the type that it is taken for.
    unsafe {
        match () {
            _ if is(TypeId::of::<f32>()) => call.of::<f32>().run(|x| x),
            _ if is(TypeId::of::<f64>()) => call.of::<f64>().run(|x| x),
            _ if is(TypeId::of::<c32>()) => call.of::<c32>().run(|z| z.conj()),
            _ if is(TypeId::of::<c64>()) => call.of::<c64>().run(|z| z.conj()),
            #[cfg(feature = "f16")]
            _ if is(TypeId::of::<f16>()) => half::run(call.of::<f16>()),
            #[cfg(feature = "f16")]
            _ if is(TypeId::of::<::half::bf16>()) => half::run(call.of::<::half::bf16>()),
            _ => panic!("gemm: no products of {}", type_name::<T>()),
        }
    }
}

impl<T> Call<T> {
    /// The same call.
    ///
    /// # Safety
    /// U is T.
    unsafe fn of<U: Copy>(self) -> Call<U> {
        let Call { shape, dst, read_dst, lhs, rhs, alpha, beta, conjugate, threads } = self;
        Call {
            shape,
            dst: Strided { ptr: dst.ptr.cast(), cs: dst.cs, rs: dst.rs },
            read_dst,
            lhs: Strided { ptr: lhs.ptr.cast(), cs: lhs.cs, rs: lhs.rs },
            rhs: Strided { ptr: rhs.ptr.cast(), cs: rhs.cs, rs: rhs.rs },
            // SAFETY: the caller's promise.
            alpha: unsafe { transmute_copy(&alpha) },
            // SAFETY: as above.
            beta: unsafe { transmute_copy(&beta) },
            conjugate,
            threads,
        }
    }
}

impl<T: Element + Default> Call<T> {
    /// Computes it.
    ///
    /// # Safety
    /// As for `gemm`.
    unsafe fn run(self, conj: impl Fn(T) -> T) {
        let Call {
            shape: (m, n, k),
            dst,
            read_dst,
            lhs,
            rhs,
            alpha,
            beta,
            conjugate: [conj_dst, conj_lhs, conj_rhs],
            threads,
        } = self;
        if conj_dst && read_dst {
            for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let at = dst.ptr.wrapping_offset(i as isize * dst.rs + j as isize * dst.cs);
                // SAFETY: an element of dst.
                unsafe { *at = conj(*at) }
            }
        }
        // SAFETY: the caller's promise.
        let (a, b, c) = unsafe {
            (
                MatRef::from_raw_parts(lhs.ptr, m, k, lhs.rs, lhs.cs),
                MatRef::from_raw_parts(rhs.ptr, k, n, rhs.rs, rhs.cs),
                MatMut::from_raw_parts(dst.ptr, m, n, dst.rs, dst.cs),
            )
        };
        let product = Gemm::new(a, b).alpha(beta).beta(if read_dst { alpha } else { T::default() });
        if let Err(error) = product.conjugate(conj_lhs, conj_rhs).multiply_by_zero().threads(threads).run(c) {
            panic!("gemm: {error}");
        }
    }
}
