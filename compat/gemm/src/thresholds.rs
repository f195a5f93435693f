//! Numbers that can be asked for and set.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

macro_rules! threshold {
    ($name:ident, $default:ident = $value:expr, $most:expr, $get:ident, $set:ident, $doc:literal) => {
        #[doc = concat!("What [`", stringify!($get), "`] is at first.")]
        pub const $default: usize = $value;

        static $name: AtomicUsize = AtomicUsize::new($default);

        #[doc = $doc]
        pub fn $get() -> usize {
            $name.load(Ordering::Relaxed)
        }

        #[doc = concat!("Sets [`", stringify!($get), "`].")]
        ///
        /// ```
        #[doc = concat!("gemm::", stringify!($set), "(100);")]
        #[doc = concat!("assert_eq!(gemm::", stringify!($get), "(), 100);")]
        /// ```
        pub fn $set(value: usize) {
            $name.store(value.min($most), Ordering::Relaxed);
        }
    };
}

threshold!(
    THREADING,
    DEFAULT_THREADING_THRESHOLD = 48 * 48 * 256,
    usize::MAX,
    get_threading_threshold,
    set_threading_threshold,
    "m·n·k of the largest product that is always computed by the calling thread."
);
threshold!(
    RHS_PACKING,
    DEFAULT_RHS_PACKING_THRESHOLD = if cfg!(target_arch = "aarch64") { 2 } else { 128 },
    256,
    get_rhs_packing_threshold,
    set_rhs_packing_threshold,
    "Kept for those who ask. What is packed follows from the shapes."
);
threshold!(
    LHS_PACKING_SINGLE,
    DEFAULT_LHS_PACKING_THRESHOLD_SINGLE_THREAD = 8,
    256,
    get_lhs_packing_threshold_single_thread,
    set_lhs_packing_threshold_single_thread,
    "Kept for those who ask. What is packed follows from the shapes."
);
threshold!(
    LHS_PACKING_MULTI,
    DEFAULT_LHS_PACKING_THRESHOLD_MULTI_THREAD = 16,
    256,
    get_lhs_packing_threshold_multi_thread,
    set_lhs_packing_threshold_multi_thread,
    "Kept for those who ask. What is packed follows from the shapes."
);

/// What [`get_wasm_simd128`] is at first.
pub const DEFAULT_WASM_SIMD128: bool = cfg!(feature = "wasm-simd128-enable");

static WASM_SIMD128: AtomicBool = AtomicBool::new(DEFAULT_WASM_SIMD128);

/// Kept for those who ask. The instruction set of WebAssembly is the one compiled for.
pub fn get_wasm_simd128() -> bool {
    WASM_SIMD128.load(Ordering::Relaxed)
}

/// Sets [`get_wasm_simd128`].
///
/// ```
/// gemm::set_wasm_simd128(true);
/// assert!(gemm::get_wasm_simd128());
/// ```
pub fn set_wasm_simd128(enable: bool) {
    WASM_SIMD128.store(enable, Ordering::Relaxed);
}
