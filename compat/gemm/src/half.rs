//! Products of 16-bit numbers: converted to `f32`, summed there, rounded once.

use alloc::vec;
use alloc::vec::Vec;

use half::{bf16, f16};

use crate::{Call, Strided};

/// A number of 16 bits.
pub trait Half: Copy {
    fn widen(self) -> f32;
    /// The nearest, of two the even one.
    fn round(x: f32) -> Self;
}

macro_rules! half {
    ($t:ident) => {
        impl Half for $t {
            fn widen(self) -> f32 {
                self.to_f32()
            }
            fn round(x: f32) -> Self {
                $t::from_f32(x)
            }
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
        let old = if read_dst { elements(dst.ptr.cast_const(), &dst, m, n) } else { vec![0.0; m * n] };
        (elements(lhs.ptr, &lhs, m, depth), elements(rhs.ptr, &rhs, depth, n), old)
    };
    let rows = |ptr: *const f32, cols: usize| Strided { ptr, cs: 1, rs: cols as isize };
    let wide = Call {
        shape: (m, n, k),
        dst: Strided { ptr: c.as_mut_ptr(), cs: 1, rs: n as isize },
        read_dst,
        lhs: rows(a.as_ptr(), k),
        rhs: rows(b.as_ptr(), n),
        alpha: alpha.widen(),
        beta: beta.widen(),
        conjugate,
        threads,
    };
    // SAFETY: three matrices, row by row.
    unsafe { wide.run(|x| x) }
    for (at, &x) in c.iter().enumerate() {
        let (i, j) = (at / n, at % n);
        // SAFETY: an element of dst.
        unsafe { *dst.ptr.offset(i as isize * dst.rs + j as isize * dst.cs) = H::round(x) }
    }
}

/// The elements of a matrix, row by row.
///
/// # Safety
/// They are readable.
unsafe fn elements<H: Half, P>(ptr: *const H, at: &Strided<P>, rows: usize, cols: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows * cols);
    for i in 0..rows {
        // SAFETY: an element of the matrix.
        out.extend((0..cols).map(|j| unsafe { *ptr.offset(i as isize * at.rs + j as isize * at.cs) }.widen()));
    }
    out
}
