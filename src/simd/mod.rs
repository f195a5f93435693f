//! The vocabulary that kernels are written in, and one table of compiled kernels per instruction set and type.

pub(crate) mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;

use crate::element::Element;
use crate::machine::{Isa, Machine};
use crate::pack::{PackFn, Panel};
use crate::tile::epilogue::{Finish, FinishFn, SumFn};
use crate::tile::{Out, Step, TileFn};

/// Vectors of one element type on one instruction set.
///
/// The methods are `unsafe` because they may use instructions that the machine lacks: they are called only from
/// functions that [`kernels!`] compiles for the instruction set, and those only after it was detected. They are
/// `inline(always)` since a vector passed through a real call would go through memory. Pointers need no alignment
/// beyond their element's.
pub trait Simd: Copy + 'static {
    type T: Element;
    /// A vector of `LANES` elements.
    type V: Copy;
    /// Which lanes to use: the first `n`.
    type Mask: Copy;
    const LANES: usize;

    unsafe fn splat(x: Self::T) -> Self::V;
    unsafe fn load(p: *const Self::T) -> Self::V;
    unsafe fn store(p: *mut Self::T, v: Self::V);
    /// `n` in 0..=LANES.
    unsafe fn first(n: usize) -> Self::Mask;
    /// The other lanes are 0 and their memory is not touched.
    unsafe fn load_first(p: *const Self::T, mask: Self::Mask) -> Self::V;
    /// The memory of the other lanes is not touched.
    unsafe fn store_first(p: *mut Self::T, v: Self::V, mask: Self::Mask);
    /// `a`·`b` + `c` in one rounding.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// Asks for the cache line of an address that will be written soon.
    unsafe fn prefetch(p: *const Self::T);

    /// Turns `LANES` runs along memory into vectors across them: for each c < `LANES`, stores the vector of the elements
    /// `src[i·run + c]`, i < `LANES`, at `dst[c·step]`. There are `runs` runs; from there on the last is repeated.
    #[inline(always)]
    unsafe fn transpose(src: *const Self::T, run: isize, runs: usize, dst: *mut Self::T, step: usize) {
        for c in 0..Self::LANES {
            for i in 0..Self::LANES {
                // SAFETY: the caller's promise, element by element.
                unsafe { *dst.add(c * step + i) = *src.offset(i.min(runs - 1) as isize * run + c as isize) }
            }
        }
    }
}

/// The compiled kernels of one element type for one instruction set.
pub struct Kernels<T: 'static> {
    /// Elements in a vector.
    pub lanes: usize,
    /// `tiles[NV − 1][R − 1]`: R narrow rows by NV vectors. As many as the registers hold.
    pub tiles: &'static [&'static [Tile<T>]],
    /// The most rows of a tile of 1, 2, 3 … vectors.
    pub menu: &'static [usize],
    pub pack: PackFn<T>,
    pub sum: SumFn<T>,
    pub finish: FinishFn<T>,
}

/// The variants of one tile: whether the narrow side is contiguous along the depth, and whether the last wide vector
/// is loaded in part.
#[derive(Clone, Copy)]
pub struct Tile<T: 'static> {
    pub across: [TileFn<T>; 2],
    /// Of at most `MOST_POINTERS` rows.
    pub along: [TileFn<T>; 2],
}

impl<T> Tile<T> {
    #[inline]
    pub fn of(&self, across: bool, part: bool) -> TileFn<T> {
        if across { self.across[usize::from(part)] } else { self.along[usize::from(part)] }
    }
}

/// Compiles the generic kernels for an instruction set: the functions through which its features are entered, and the
/// table of tiles, listed as `NV: R…`. Panels are packed in the vocabulary `pack`.
macro_rules! kernels {
    ($simd:ty, $t:ty, pack: $pack:ty, [$($features:literal)?], $($nv:literal: $($r:literal)+),+ $(,)?) => {{
        use $crate::simd::{Finish, Kernels, Out, Panel, Step, Tile};

        $(#[target_feature(enable = $features)])?
        unsafe fn tile<const R: usize, const NV: usize, const ALONG: bool, const PART: bool>(
            step: &Step<$t>,
            out: &Out<$t>,
        ) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::tile::<$simd, R, NV, ALONG, PART>(step, out) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn pack(panel: &Panel<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::pack::pack::<$pack>(panel) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn sum(out: &Out<$t>, sums: *const $t) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::epilogue::sum::<$simd>(out, sums) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn finish(f: &Finish<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::epilogue::finish::<$simd>(f) }
        }

        const fn variants<const R: usize, const NV: usize, const ALONG: usize>() -> Tile<$t> {
            Tile {
                across: [tile::<R, NV, false, false>, tile::<R, NV, false, true>],
                along: [tile::<ALONG, NV, true, false>, tile::<ALONG, NV, true, true>],
            }
        }

        Kernels {
            lanes: <$simd as $crate::simd::Simd>::LANES,
            tiles: &[$(&[$(variants::<$r, $nv, { if $r < $crate::plan::MOST_POINTERS { $r } else { $crate::plan::MOST_POINTERS } }>()),+]),+],
            menu: &[$([$($r),+].len()),+],
            pack,
            sum,
            finish,
        }
    }};
}
use kernels;

/// Picks the table of one type for the instruction set of the machine.
macro_rules! select {
    ($name:ident, $t:ty, $table:ident) => {
        #[inline]
        pub(crate) fn $name(machine: &Machine) -> &'static Kernels<$t> {
            match machine.isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => &avx512::$table,
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => &avx2::$table,
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => &neon::$table,
                #[cfg(feature = "std")]
                _ if machine.fused => &portable::fused::$table,
                _ => &portable::plain::$table,
            }
        }
    };
}
select!(f32_kernels, f32, F32);
select!(f64_kernels, f64, F64);
