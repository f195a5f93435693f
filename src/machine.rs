//! Which instruction sets and cache sizes this machine has, asked once.

use core::fmt;

use crate::error::Error;

/// Asks the machine with `std`, the compiler's target without.
#[cfg(target_arch = "x86_64")]
macro_rules! has {
    ($($feature:tt),+) => {
        [$({
            #[cfg(feature = "std")]
            let yes = std::is_x86_feature_detected!($feature);
            #[cfg(not(feature = "std"))]
            let yes = cfg!(target_feature = $feature);
            yes
        }),+]
        .into_iter()
        .all(|yes| yes)
    };
}

/// An instruction set that the kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    Avx512,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// AArch64 with Advanced SIMD.
    Neon,
    /// Plain Rust, for any machine.
    Portable,
}

impl Isa {
    /// Every instruction set, the preferred first.
    pub const ALL: [Isa; 4] = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];

    /// The name `LAPIDARY_ISA` knows it by.
    ///
    /// ```
    /// assert_eq!(lapidary::Isa::Avx2.name(), "avx2");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Neon => "neon",
            Isa::Portable => "portable",
        }
    }

    /// Whether this machine and this build can run it.
    ///
    /// ```
    /// assert!(lapidary::Isa::Portable.is_available());
    /// ```
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => has!("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => has!("avx2", "fma"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => cfg!(target_feature = "neon"),
            Isa::Portable => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the products of this process run on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// The instruction set chosen: the best there is, or the one `LAPIDARY_ISA` names.
    pub isa: Isa,
    /// Whether a step rounds once, as the rule says. Only a processor without fused multiply-add rounds twice.
    pub fused: bool,
    /// First-level data cache of one core, in bytes.
    pub l1d: usize,
    /// Second-level cache of one core, in bytes.
    pub l2: usize,
    /// Last-level cache, in bytes, shared by cores.
    pub l3: usize,
    /// Whether memory is to be read in long runs, since steps on a page each are slow, and seen by no prefetcher: on Intel's.
    pub(crate) slow_pages: bool,
    /// Whether shuffles keep multiply-adds waiting, one unit being for both: on Intel's.
    pub(crate) slow_shuffles: bool,
    /// Whether the instruction set's vectors take twice as long as those half as long: 512 bits on Zen 4.
    pub(crate) double_pumped: bool,
}

/// What the products of this process run on: the instruction set chosen and the cache sizes found.
///
/// # Errors
/// If the environment variable `LAPIDARY_ISA` names an unknown instruction set, or one that this machine lacks. Every
/// product fails in the same way then.
///
/// ```
/// let machine = lapidary::machine()?;
/// println!("{} kernels, {} KiB of L2", machine.isa, machine.l2 >> 10);
/// # Ok::<(), lapidary::Error>(())
/// ```
#[inline]
pub fn machine() -> Result<&'static Machine, Error> {
    #[cfg(feature = "std")]
    {
        static MACHINE: std::sync::OnceLock<Result<Machine, Error>> = std::sync::OnceLock::new();
        MACHINE.get_or_init(|| choose().map(Machine::new)).as_ref().map_err(Clone::clone)
    }
    #[cfg(not(feature = "std"))]
    {
        const BASE: bool = cfg!(all(target_feature = "avx2", target_feature = "fma"));
        const WIDE: bool =
            cfg!(all(target_feature = "avx512bw", target_feature = "avx512dq", target_feature = "avx512vl"));
        const NEON: bool = cfg!(all(target_arch = "aarch64", target_feature = "neon"));
        static MACHINE: Machine = Machine {
            isa: match (BASE, WIDE, NEON) {
                (true, true, _) => Isa::Avx512,
                (true, false, _) => Isa::Avx2,
                (_, _, true) => Isa::Neon,
                _ => Isa::Portable,
            },
            fused: BASE || NEON,
            l1d: DEFAULT_CACHES.0,
            l2: DEFAULT_CACHES.1,
            l3: DEFAULT_CACHES.2,
            slow_pages: false,
            slow_shuffles: false,
            double_pumped: false,
        };
        Ok(&MACHINE)
    }
}

/// L1 data, L2 and L3 in bytes where the machine does not tell: what most cores of the last ten years have at least.
const DEFAULT_CACHES: (usize, usize, usize) = (32 << 10, 512 << 10, 8 << 20);

#[cfg(feature = "std")]
fn choose() -> Result<Isa, Error> {
    match std::env::var("LAPIDARY_ISA") {
        Err(std::env::VarError::NotPresent) => {
            Ok(Isa::ALL.into_iter().find(|isa| isa.is_available()).unwrap_or(Isa::Portable))
        }
        Err(_) => Err(Error::IsaUnknown),
        Ok(name) => match Isa::ALL.into_iter().find(|isa| isa.name() == name) {
            None => Err(Error::IsaUnknown),
            Some(isa) if isa.is_available() => Ok(isa),
            Some(isa) => Err(Error::IsaUnavailable(isa)),
        },
    }
}

#[cfg(feature = "std")]
impl Machine {
    fn new(isa: Isa) -> Machine {
        let (l1d, l2, l3) = caches();
        let (slow_pages, slow_shuffles) = (is_intel(), is_intel());
        let double_pumped = isa == Isa::Avx512 && is_zen4();
        Machine { isa, fused: has_fused(), l1d, l2, l3, slow_pages, slow_shuffles, double_pumped }
    }
}

/// Whether the portable kernels can use a fused multiply-add; all the others imply it.
#[cfg(feature = "std")]
fn has_fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    return has!("fma", "avx");
    #[cfg(not(target_arch = "x86_64"))]
    return cfg!(any(
        target_arch = "aarch64",
        all(target_arch = "riscv64", target_feature = "d"),
        target_arch = "powerpc64",
        target_arch = "s390x"
    ));
}

#[cfg(feature = "std")]
fn is_intel() -> bool {
    #[cfg(target_arch = "x86_64")]
    return raw_cpuid::CpuId::new().get_vendor_info().is_some_and(|vendor| vendor.as_str() == "GenuineIntel");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Of its family only Zen 4 has such vectors.
#[cfg(feature = "std")]
fn is_zen4() -> bool {
    #[cfg(target_arch = "x86_64")]
    return !is_intel() && raw_cpuid::CpuId::new().get_feature_info().is_some_and(|info| info.family_id() == 0x19);
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
fn caches() -> (usize, usize, usize) {
    use raw_cpuid::CacheType::{Data, Unified};
    let (mut l1d, mut l2, mut l3) = (0, 0, 0);
    for cache in raw_cpuid::CpuId::new().get_cache_parameters().into_iter().flatten() {
        let bytes =
            cache.associativity() * cache.physical_line_partitions() * cache.coherency_line_size() * cache.sets();
        match (cache.level(), cache.cache_type()) {
            (1, Data | Unified) => l1d = bytes,
            (2, Data | Unified) => l2 = bytes,
            (3, Data | Unified) => l3 = bytes,
            _ => {}
        }
    }
    or_default(l1d, l2, l3)
}

#[cfg(all(feature = "std", not(target_arch = "x86_64")))]
fn caches() -> (usize, usize, usize) {
    // Linux tells through files such as cache/index2/{level,type,size}; elsewhere the defaults stand.
    let (mut l1d, mut l2, mut l3) = (0, 0, 0);
    for index in 0..5 {
        let read = |what| {
            std::fs::read_to_string(std::format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{what}"))
                .unwrap_or_default()
        };
        let size = read("size");
        let bytes = size.trim().trim_end_matches('K').parse::<usize>().unwrap_or(0) << 10;
        match (read("level").trim(), read("type").trim()) {
            ("1", "Data" | "Unified") => l1d = bytes,
            ("2", "Data" | "Unified") => l2 = bytes,
            ("3", "Data" | "Unified") => l3 = bytes,
            _ => {}
        }
    }
    or_default(l1d, l2, l3)
}

#[cfg(feature = "std")]
fn or_default(l1d: usize, l2: usize, l3: usize) -> (usize, usize, usize) {
    let or = |found: usize, default| if found == 0 { default } else { found };
    (or(l1d, DEFAULT_CACHES.0), or(l2, DEFAULT_CACHES.1), or(l3, DEFAULT_CACHES.2))
}
