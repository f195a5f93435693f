//! Any CBLAS library, loaded while this runs.

use std::error::Error;
use std::ffi::c_int;
use std::path::Path;

use libloading::Library;

use crate::cases::{Layout, Shape};
use crate::competitors::Competitor;
use crate::operands::Product;
use crate::scalar::{CblasGemm, Scalar};

/// Paths of libraries, separated as in `PATH`.
const VARIABLE: &str = "LAPIDARY_BENCH_BLAS";

const ROW_MAJOR: c_int = 101;
const AS_STORED: c_int = 111;
const TRANSPOSED: c_int = 112;

pub struct Cblas<T> {
    /// The library's file name.
    name: String,
    gemm: CblasGemm<T>,
}

impl<T: Scalar> Cblas<T> {
    pub fn named_in_the_environment() -> Result<Vec<Cblas<T>>, Box<dyn Error>> {
        let paths = std::env::var_os(VARIABLE).unwrap_or_default();
        std::env::split_paths(&paths)
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| Self::load(&path))
            .collect()
    }

    fn load(path: &Path) -> Result<Cblas<T>, Box<dyn Error>> {
        let failed = |error: libloading::Error| {
            let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            format!("{VARIABLE}: {}: {reason}", path.display())
        };
        // SAFETY: that loading it does no harm is the promise of whoever named the library.
        let library = unsafe { Library::new(path) }.map_err(failed)?;
        // Never unloaded: threads of its own may outlast every use of it.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the function that CBLAS calls so has this signature.
        let gemm = *unsafe { library.get::<CblasGemm<T>>(T::CBLAS) }.map_err(failed)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Cblas { name, gemm })
    }
}

impl<T: Scalar> Competitor<T> for Cblas<T> {
    fn name(&self) -> &str {
        &self.name
    }

    unsafe fn multiply(&self, product: &Product<T>) {
        let Product { shape, a, b, c } = *product;
        let Shape { m, n, k, layout } = shape;
        let [m, n, k] = [m, n, k].map(|dimension| dimension as c_int); // the largest case has far less than 2³¹
        let (trans_a, lda) = if layout == Layout::TN { (TRANSPOSED, m) } else { (AS_STORED, k) };
        let (trans_b, ldb) = if layout == Layout::NT { (TRANSPOSED, k) } else { (AS_STORED, n) };
        let (one, zero) = (1.0.into(), 0.0.into());
        // SAFETY: the caller's promise; a leading dimension is the length of a stored row.
        unsafe { (self.gemm)(ROW_MAJOR, trans_a, trans_b, m, n, k, one, a, lda, b, ldb, zero, c, n) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named() {
        let error = Cblas::<f32>::load(Path::new("/no/such/libblas.so")).err().expect("an error").to_string();
        assert!(error.starts_with("LAPIDARY_BENCH_BLAS: /no/such/libblas.so: "), "{error}");
    }
}
