//! The compiled kernels: one table per instruction set and type, made of generic functions in the vocabulary of [`vector`].

pub(crate) mod complex;
pub(crate) mod math;
pub(crate) mod portable;
mod vector;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "x86_64")]
pub(crate) mod half;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;

pub use vector::Simd;

use crate::machine::{Isa, Machine};
use crate::pack::{PackFn, Panel};
use crate::plan::roles::Vectors;
use crate::tile::dots::{Dots, DotsFn};
use crate::tile::epilogue::{Finish, FinishFn, SumFn};
use crate::tile::update::{Update, UpdateFn};
use crate::tile::weave::{WeaveFn, Woven};
use crate::tile::{Out, Repeat, Step, TileFn};
use complex::ComplexKernels;
use math::EachFn;

/// Puts what was [stored past the caches](Simd::stream) before all that this thread stores from now on, whoever looks.
pub(crate) fn streamed() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: an instruction of every such processor.
    unsafe {
        core::arch::x86_64::_mm_sfence()
    }
}

/// The compiled kernels of one element type for one instruction set.
pub struct Kernels<T: 'static> {
    /// Elements in a vector.
    pub lanes: usize,
    /// Those of vectors half as long, if there are any that load those in less time.
    pub half: Option<&'static Kernels<T>>,
    pub tiles: Menu<T>,
    /// Those that turn the wide operand in registers, and how many steps at once.
    pub turning: Menu<T>,
    pub turn: usize,
    /// Those whose vectors are two, three … K-blocks of at most one vector's columns.
    pub blocks: Menu<T>,
    pub pack: PackFn<T>,
    pub sum: SumFn<T>,
    pub dots: DotsFn<T>,
    /// Of one step, two, three …, as many as it pays for.
    pub update: &'static [UpdateFn<T>],
    /// If it pays.
    pub weave: Option<WeaveFn<T>>,
    /// What is added to finished sums.
    pub finish: FinishFn<T>,
    /// Activations, and what a gate or a gradient is multiplied by, each by the number of the activation.
    pub value: [EachFn<T>; 9],
    pub gated: [EachFn<T>; 9],
    pub slope: [EachFn<T>; 9],
    pub complex: ComplexKernels<T>,
}

impl<T> Kernels<T> {
    /// Those for so many columns. (What fills half a vector at most is loaded in half the time by vectors that are half as long:
    /// Ice Lake: 8×8×64 1.4 times as fast.)
    #[inline(always)]
    pub fn of_columns(&self, cols: usize) -> &Self {
        if 2 * cols <= self.lanes { self.half.unwrap_or(self) } else { self }
    }

    /// Whether there are some that update C by so few steps, and whether that pays, if B is to be packed for it, too. (Zen 4: 12×1000×4 NT
    /// 1.1 times as fast, AVX2 2 times; 3×1000×5 NT would be 1/1.2, 4×520×5 TT 1/1.4.)
    #[inline(always)]
    pub fn updates(&self, m: usize, n: usize, k: usize, in_lanes: bool) -> bool {
        k <= self.update.len() && n >= 2 * self.lanes && (in_lanes || m > 8)
    }

    /// Those that update C. (Zen 4: fewer of shorter vectors are in two lines: 240×132×2 1.4 times as fast, 48×537×1 1.6, in lines 1.1.)
    #[inline(always)]
    pub fn of_updates(&self, double_pumped: bool) -> &Self {
        self.half.filter(|_| double_pumped).unwrap_or(self)
    }

    /// What a plan is to know of their vectors.
    #[inline(always)]
    pub fn vectors(&self, double_pumped: bool) -> Vectors {
        Vectors { lanes: self.lanes, turning: self.turning.rows[0], double_pumped }
    }

    /// Those that turn so many steps, if any do: squares of vectors half as long are of half as many (3×10×4 NT 1.35 times as fast).
    #[inline(always)]
    pub fn of_steps(&self, steps: usize) -> &Self {
        self.half.filter(|half| (half.turn..self.turn).contains(&steps)).unwrap_or(self)
    }
}

/// Tiles there are, as many as the registers hold.
pub struct Menu<T: 'static> {
    /// `tiles[NV − 1][R − 1]`: R narrow rows by NV vectors.
    pub tiles: &'static [&'static [Tile<T>]],
    /// The most rows of a tile of 1, 2, 3 … vectors.
    pub rows: &'static [usize],
}

/// One tile: that which walks the narrow operand across its rows, and that which walks it along the depth.
#[derive(Clone, Copy)]
pub struct Tile<T: 'static> {
    pub across: TileFn<T>,
    /// Of at most `MOST_POINTERS` rows.
    pub along: TileFn<T>,
}

impl<T> Tile<T> {
    #[inline]
    pub fn of(&self, across: bool) -> TileFn<T> {
        if across { self.across } else { self.along }
    }
}

/// A generic function for each activation, by the number that `Activation::kernel` gives it.
macro_rules! functions {
    ($f:ident, $kind:path) => {
        [
            $f::<$crate::simd::math::Identity, { $kind }>,
            $f::<$crate::simd::math::Relu, { $kind }>,
            $f::<$crate::simd::math::LeakyRelu, { $kind }>,
            $f::<$crate::simd::math::Clamp, { $kind }>,
            $f::<$crate::simd::math::Gelu, { $kind }>,
            $f::<$crate::simd::math::GeluTanh, { $kind }>,
            $f::<$crate::simd::math::Silu, { $kind }>,
            $f::<$crate::simd::math::Sigmoid, { $kind }>,
            $f::<$crate::simd::math::Tanh, { $kind }>,
        ]
    };
}
use functions;

/// A menu of the tiles listed as `NV: R…`, of one kind: a part of [`kernels!`], which makes each.
macro_rules! menu {
    ($kind:ident; $($nv:literal: $($r:literal)+),*) => {
        Menu {
            tiles: &[$(&[$(both::<$r, $nv, { along($r) }, { $crate::tile::$kind }>()),+]),*],
            rows: &[$([$($r),+].len()),*],
        }
    };
}
use menu;

/// Compiles the generic kernels for an instruction set: the functions through which its features are entered, and the
/// tables of tiles, listed as `NV: R…`. Panels are packed in the vocabulary `pack`, large squares in that of the tiles.
macro_rules! kernels {
    (
        $simd:ty, $t:ty, half: $half:expr, pack: $pack:ty, [$($features:literal)?],
        $($nv:literal: $($r:literal)+),+ $(,)?;
        numbers: $($numbers_nv:literal: $($numbers_r:literal)+),*;
        turning: $($turned_nv:literal: $($turned_r:literal)+),+;
        blocks: $($blocks:literal: $($block_r:literal)+),+;
        updates: $($rank:literal)+
    ) => {{
        use $crate::simd::{Dots, Finish, Kernels, Menu, Out, Panel, Repeat, Step, Tile, Update, Woven};
        use $crate::simd::complex::{self, Combine, ComplexKernels};
        use $crate::simd::math::{self, Each, Map};
        use $crate::simd::{functions, menu};

        $(#[target_feature(enable = $features)])?
        unsafe fn tile<const R: usize, const NV: usize, const ALONG: bool, const WIDE: u8>(
            step: &Step<$t>,
            out: &Out<$t>,
            repeat: *const Repeat,
        ) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::tile::<$simd, R, NV, ALONG, WIDE>(step, out, repeat) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn pack(panel: &Panel<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::pack::pack::<$pack, $simd>(panel) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn sum(out: &Out<$t>, sums: *const $t) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::epilogue::sum::<$simd>(out, sums) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn dots(f: &Dots<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::dots::dots::<$simd>(f) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn update<const K: usize>(f: &Update<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::update::update::<$simd, K>(f) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn weave(f: &Woven<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::weave::weave::<$simd>(f) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn finish(f: &Finish<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { $crate::tile::epilogue::finish::<$simd>(f) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn each<M: Map<$simd>, const KIND: u8>(each: &Each<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { math::each::<$simd, M, KIND>(each) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn pack_parts(panel: &Panel<$t>, sign: $t, imaginary_first: bool) {
            // SAFETY: the same promises, inside the features.
            unsafe { complex::pack_parts::<$simd>(panel, sign, imaginary_first) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn pack_numbers(panel: &Panel<$t>, sign: $t) {
            // SAFETY: the same promises, inside the features.
            unsafe { complex::pack_numbers::<$pack>(panel, sign) }
        }

        $(#[target_feature(enable = $features)])?
        unsafe fn combine(f: &Combine<$t>) {
            // SAFETY: the same promises, inside the features.
            unsafe { complex::combine::<$simd>(f) }
        }

        /// Rows of the tile for so many that walks the narrow operand along the depth: if it may not have as many, it is never called.
        const fn along(rows: usize) -> usize {
            let most = $crate::plan::tiles::MOST_POINTERS;
            if rows < most { rows } else { most }
        }

        const fn both<const R: usize, const NV: usize, const R_ALONG: usize, const WIDE: u8>() -> Tile<$t> {
            Tile { across: tile::<R, NV, false, WIDE>, along: tile::<R_ALONG, NV, true, WIDE> }
        }

        Kernels {
            lanes: <$simd as $crate::simd::Simd>::LANES,
            half: $half,
            tiles: menu!(ADJACENT; $($nv: $($r)+),+),
            turning: menu!(TURNED; $($turned_nv: $($turned_r)+),+),
            turn: <$simd as $crate::simd::Simd>::TURN,
            blocks: menu!(BLOCKS; $($blocks: $($block_r)+),+),
            pack,
            sum,
            dots,
            update: &[$(update::<$rank>),+],
            weave: if <$simd as $crate::simd::Simd>::WEAVES { Some(weave) } else { None },
            finish,
            value: functions!(each, math::VALUE),
            gated: functions!(each, math::GATED),
            slope: functions!(each, math::SLOPE),
            complex: ComplexKernels {
                wide: pack_parts,
                narrow: pack_numbers,
                // (A quarter of all tiles, and of the time to compile them.)
                tiles: if cfg!(feature = "complex") {
                    [
                        menu!(NUMBERS; $($numbers_nv: $($numbers_r)+),*),
                        menu!(EXCHANGED; $($numbers_nv: $($numbers_r)+),*),
                    ]
                } else {
                    [menu!(NUMBERS;), menu!(EXCHANGED;)]
                },
                combine,
            },
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
