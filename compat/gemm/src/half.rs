//! Products of 16-bit numbers: converted to `f32`, summed there, rounded once.

use alloc::vec;
use alloc::vec::Vec;

use core::slice;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::{Call, Strided};

/// A number of 16 bits.
pub trait Half: Copy {
    fn widen(self) -> f32;
    fn widen_all(from: &[Self], to: &mut [f32]);
    /// The nearest, of two the even one.
    fn round_all(from: &[f32], to: &mut [Self]);
    const ZERO: Self;
}

macro_rules! half {
    ($t:ident) => {
        impl Half for $t {
            fn widen(self) -> f32 {
                self.to_f32()
            }
            fn widen_all(from: &[Self], to: &mut [f32]) {
                from.convert_to_f32_slice(to);
            }
            fn round_all(from: &[f32], to: &mut [Self]) {
                to.convert_from_f32_slice(from);
            }
            const ZERO: Self = $t::ZERO;
        }
    };
}
half!(f16);
half!(bf16);

/// Computes it.
///
/// # Safety
/// As for `gemm`.
pub unsafe fn run<H: Half>(call: Call<H>) {
    let Call { shape: (m, n, k), dst, read_dst, lhs, rhs, alpha, beta, conjugate, threads } = call;
    // SAFETY: the caller's promise; what is not read may dangle.
    let (a, b, mut c) = unsafe {
        let depth = if m == 0 || n == 0 { 0 } else { k };
        let mut c = Wide::new(&dst, m, n);
        if read_dst {
            c.copy(&dst);
        }
        let (mut a, mut b) = (Wide::new(&lhs, m, depth), Wide::new(&rhs, depth, n));
        a.copy(&lhs);
        b.copy(&rhs);
        (a, b, c)
    };
    let (rs, cs) = c.strides();
    let wide = Call {
        shape: (m, n, k),
        dst: Strided { ptr: c.data.as_mut_ptr(), cs, rs },
        read_dst,
        lhs: a.view(),
        rhs: b.view(),
        alpha: alpha.widen(),
        beta: beta.widen(),
        conjugate,
        threads,
    };
    // SAFETY: three matrices without gaps.
    unsafe {
        wide.run(|x| x);
        c.write(&dst);
    }
}

/// A matrix in `f32` without gaps: by columns if the other one has adjacent rows, by rows if not.
struct Wide {
    data: Vec<f32>,
    /// Runs and elements of one.
    runs: usize,
    len: usize,
    by_columns: bool,
}

impl Wide {
    fn new<P>(of: &Strided<P>, rows: usize, cols: usize) -> Wide {
        let by_columns = of.rs == 1 && of.cs != 1;
        let (runs, len) = if by_columns { (cols, rows) } else { (rows, cols) };
        Wide { data: vec![0.0; rows * cols], runs, len, by_columns }
    }

    /// From row to row, and from column to column.
    fn strides(&self) -> (isize, isize) {
        let len = self.len as isize;
        if self.by_columns { (1, len) } else { (len, 1) }
    }

    fn view(&self) -> Strided<*const f32> {
        let (rs, cs) = self.strides();
        Strided { ptr: self.data.as_ptr(), cs, rs }
    }

    /// The strides of the other matrix from run to run, and within one.
    fn steps<P>(&self, other: &Strided<P>) -> (isize, isize) {
        if self.by_columns { (other.cs, other.rs) } else { (other.rs, other.cs) }
    }

    /// Takes over a matrix of the same shape.
    ///
    /// # Safety
    /// Its elements are readable.
    unsafe fn copy<H: Half, P: Copy + Into<Pointer<H>>>(&mut self, from: &Strided<P>) {
        let (run, step) = self.steps(from);
        let Pointer(ptr) = from.ptr.into();
        for i in 0..if self.len == 0 { 0 } else { self.runs } {
            let to = &mut self.data[i * self.len..][..self.len];
            // SAFETY: a run of the matrix.
            unsafe {
                let from = ptr.offset(i as isize * run);
                match step {
                    1 => H::widen_all(slice::from_raw_parts(from, self.len), to),
                    _ => to.iter_mut().enumerate().for_each(|(j, x)| *x = (*from.offset(j as isize * step)).widen()),
                }
            }
        }
    }

    /// Rounds it to a matrix of the same shape.
    ///
    /// # Safety
    /// Its elements are writable; they may be uninitialised.
    unsafe fn write<H: Half>(&self, to: &Strided<*mut H>) {
        let (run, step) = self.steps(to);
        let mut rounded = vec![H::ZERO; self.len];
        for i in 0..if self.len == 0 { 0 } else { self.runs } {
            H::round_all(&self.data[i * self.len..][..self.len], &mut rounded);
            for (j, &x) in rounded.iter().enumerate() {
                // SAFETY: an element of the matrix.
                unsafe { *to.ptr.offset(i as isize * run + j as isize * step) = x }
            }
        }
    }
}

/// A pointer to what may be read.
struct Pointer<H>(*const H);

impl<H> From<*const H> for Pointer<H> {
    fn from(ptr: *const H) -> Self {
        Pointer(ptr)
    }
}

impl<H> From<*mut H> for Pointer<H> {
    fn from(ptr: *mut H) -> Self {
        Pointer(ptr)
    }
}
