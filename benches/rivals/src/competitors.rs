//! lapidary and its rivals, each called through its own interface.

use std::error::Error;

use lapidary::{Gemm, MatMut, MatRef, Threads};

use crate::cases::Shape;
use crate::cblas::Cblas;
use crate::operands::Product;
use crate::scalar::Scalar;

/// Something that computes C ← A·B.
pub trait Competitor<T> {
    fn name(&self) -> &str;

    /// # Safety
    /// A and B must be readable and C writable, contiguous and of the product's shape, and nothing else use C.
    unsafe fn multiply(&self, product: &Product<T>);
}

pub type Competitors<T> = Vec<Box<dyn Competitor<T>>>;

/// lapidary first, then its rivals.
pub fn all<T: Scalar>(threads: usize) -> Result<Competitors<T>, Box<dyn Error>> {
    let mut competitors: Competitors<T> = vec![
        Box::new(Lapidary { threads }),
        Box::new(MatrixMultiply),
        Box::new(GemmCrate { threads }),
        Box::new(Gemmkit { threads }),
        Box::new(Faer { threads }),
    ];
    for library in Cblas::named_in_the_environment()? {
        competitors.push(Box::new(library));
    }
    Ok(competitors)
}

struct Lapidary {
    threads: usize,
}

impl<T: Scalar> Competitor<T> for Lapidary {
    fn name(&self) -> &str {
        "lapidary"
    }

    unsafe fn multiply(&self, product: &Product<T>) {
        let Product { shape, a, b, c } = *product;
        let Shape { m, n, k, .. } = shape;
        let ((rsa, csa), (rsb, csb)) = (shape.strides_a(), shape.strides_b());
        // SAFETY: the caller's promise.
        let (a, b, c) = unsafe {
            (
                MatRef::from_raw_parts(a, m, k, rsa, csa),
                MatRef::from_raw_parts(b, k, n, rsb, csb),
                MatMut::from_raw_parts(c, m, n, n as isize, 1),
            )
        };
        let threads = if self.threads == 1 { Threads::Serial } else { Threads::Auto };
        Gemm::new(a, b).threads(threads).run(c).expect("a valid product");
    }
}

/// Its threads are set by the environment.
struct MatrixMultiply;

impl<T: Scalar> Competitor<T> for MatrixMultiply {
    fn name(&self) -> &str {
        "matrixmultiply"
    }

    unsafe fn multiply(&self, product: &Product<T>) {
        let Product { shape, a, b, c } = *product;
        let Shape { m, n, k, .. } = shape;
        let ((rsa, csa), (rsb, csb)) = (shape.strides_a(), shape.strides_b());
        let (one, zero) = (1.0.into(), 0.0.into());
        // SAFETY: the caller's promise.
        unsafe { (T::MATRIXMULTIPLY)(m, k, n, one, a, rsa, csa, b, rsb, csb, zero, c, n as isize, 1) }
    }
}

struct GemmCrate {
    threads: usize,
}

impl<T: Scalar> Competitor<T> for GemmCrate {
    fn name(&self) -> &str {
        "gemm"
    }

    /// This crate puts column strides first, `dst` before its factors, and calls `alpha` what scales `dst`.
    unsafe fn multiply(&self, product: &Product<T>) {
        use gemm::Parallelism;
        let Product { shape, a, b, c } = *product;
        let Shape { m, n, k, .. } = shape;
        let ((rsa, csa), (rsb, csb)) = (shape.strides_a(), shape.strides_b());
        let (rsc, zero, one) = (n as isize, 0.0.into(), 1.0.into());
        let par = if self.threads == 1 { Parallelism::None } else { Parallelism::Rayon(self.threads) };
        // SAFETY: the caller's promise.
        unsafe {
            gemm::gemm(m, n, k, c, 1, rsc, false, a, csa, rsa, b, csb, rsb, zero, one, false, false, false, par);
        }
    }
}

struct Gemmkit {
    threads: usize,
}

impl<T: Scalar> Competitor<T> for Gemmkit {
    fn name(&self) -> &str {
        "gemmkit"
    }

    unsafe fn multiply(&self, product: &Product<T>) {
        use gemmkit::Parallelism;
        let Product { shape, a, b, c } = *product;
        let Shape { m, n, k, .. } = shape;
        let ((rsa, csa), (rsb, csb)) = (shape.strides_a(), shape.strides_b());
        let (one, zero) = (1.0.into(), 0.0.into());
        let par = if self.threads == 1 { Parallelism::Serial } else { Parallelism::Rayon(self.threads) };
        // SAFETY: the caller's promise.
        unsafe { gemmkit::gemm_unchecked(m, k, n, one, a, rsa, csa, b, rsb, csb, zero, c, n as isize, 1, par) }
    }
}

struct Faer {
    threads: usize,
}

impl<T: Scalar> Competitor<T> for Faer {
    fn name(&self) -> &str {
        "faer"
    }

    unsafe fn multiply(&self, product: &Product<T>) {
        use faer::{Accum, MatMut, MatRef, Par};
        let Product { shape, a, b, c } = *product;
        let Shape { m, n, k, .. } = shape;
        let ((rsa, csa), (rsb, csb)) = (shape.strides_a(), shape.strides_b());
        // SAFETY: the caller's promise.
        let (a, b, c) = unsafe {
            (
                MatRef::<T>::from_raw_parts(a, m, k, rsa, csa),
                MatRef::<T>::from_raw_parts(b, k, n, rsb, csb),
                MatMut::<T>::from_raw_parts_mut(c, m, n, n as isize, 1),
            )
        };
        let par = if self.threads == 1 { Par::Seq } else { Par::rayon(self.threads) };
        faer::linalg::matmul::matmul(c, Accum::Replace, a, b, 1.0.into(), par);
    }
}
