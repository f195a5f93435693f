//! What every test compares with: the one rule as a plain function, and what feeds it.
#![allow(dead_code)] // no test uses all of it

pub mod cases;
#[cfg(feature = "complex")]
pub mod complex;
pub mod double;
pub mod matrix;

use lapidary::MatRef;

/// What the model needs of an element type.
pub trait Real: lapidary::Real + std::fmt::LowerExp {
    const NAN: Self;
    const INFINITY: Self;
    const MAX: Self;
    const MIN_POSITIVE: Self;
    /// Half the distance from 1 to the next larger number.
    const UNIT_ROUNDOFF: f64;
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
    /// `self`·`b` + `c` in one rounding, or in two for a processor without fused multiply-add.
    fn step<const FUSED: bool>(self, b: Self, c: Self) -> Self;
    fn bits(self) -> u64;
}

macro_rules! real {
    ($t:ident) => {
        impl Real for $t {
            const NAN: Self = $t::NAN;
            const INFINITY: Self = $t::INFINITY;
            const MAX: Self = $t::MAX;
            const MIN_POSITIVE: Self = $t::MIN_POSITIVE;
            const UNIT_ROUNDOFF: f64 = $t::EPSILON as f64 / 2.0;
            fn of(x: f64) -> Self {
                x as $t
            }
            fn wide(self) -> f64 {
                self.into()
            }
            #[inline(always)]
            fn step<const FUSED: bool>(self, b: Self, c: Self) -> Self {
                if FUSED { self.mul_add(b, c) } else { self * b + c }
            }
            fn bits(self) -> u64 {
                self.to_bits().into()
            }
        }
    };
}
real!(f32);
real!(f64);

/// Whether products round once a step here.
pub fn fused() -> bool {
    lapidary::machine().expect("a valid LAPIDARY_ISA").fused
}

/// The one rule: what C must hold, row by row, where it held `c`.
pub fn model<T: Real>(
    fused: bool,
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: MatRef<'_, T>,
    bias: Option<&[T]>,
) -> Vec<T> {
    #[cfg(target_arch = "x86_64")]
    if fused {
        #[target_feature(enable = "avx,fma")]
        fn with_fma<T: Real>(
            alpha: T,
            a: MatRef<T>,
            b: MatRef<T>,
            beta: T,
            c: MatRef<T>,
            bias: Option<&[T]>,
        ) -> Vec<T> {
            rule::<T, true>(alpha, a, b, beta, c, bias)
        }
        // SAFETY: the machine has the instruction. (Without it, each step would call a function of libm.)
        return unsafe { with_fma(alpha, a, b, beta, c, bias) };
    }
    match fused {
        true => rule::<T, true>(alpha, a, b, beta, c, bias),
        false => rule::<T, false>(alpha, a, b, beta, c, bias),
    }
}

/// See [`model`]. A row of C is computed at once, so that the compiler can use vectors; each of its elements is the
/// chain of the rule.
#[inline(always)]
fn rule<T: Real, const FUSED: bool>(
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: MatRef<'_, T>,
    bias: Option<&[T]>,
) -> Vec<T> {
    let zero = T::of(0.0);
    let (m, n, k) = (a.rows(), b.cols(), a.cols());
    let blocks = if alpha == zero { 0 } else { k.div_ceil(T::KC) };
    let len = k.div_ceil(blocks.max(1)).next_multiple_of(16);
    let b = if blocks > 0 { elements(b) } else { Vec::new() };
    let mut out = Vec::with_capacity(m * n);
    for i in 0..m {
        let mut row: Vec<T> = (0..n).map(|j| if beta == zero { zero } else { beta * *c.get(i, j).unwrap() }).collect();
        for block in 0..blocks {
            let mut s = vec![zero; n];
            for p in block * len..k.min((block + 1) * len) {
                let x = *a.get(i, p).unwrap();
                for (s, &y) in s.iter_mut().zip(&b[p * n..][..n]) {
                    *s = x.step::<FUSED>(y, *s);
                }
            }
            for (x, &s) in row.iter_mut().zip(&s) {
                *x = alpha.step::<FUSED>(s, *x);
            }
        }
        for (x, &bias) in row.iter_mut().zip(bias.unwrap_or_default()) {
            *x = *x + bias;
        }
        out.extend(row);
    }
    out
}

/// All elements, row by row.
pub fn elements<T: Real>(x: MatRef<'_, T>) -> Vec<T> {
    (0..x.rows()).flat_map(|i| (0..x.cols()).map(move |j| *x.get(i, j).unwrap())).collect()
}

/// A bit for each element, whether it is positive; rows of so many, from a byte on each.
pub fn mask<T: Real>(elements: &[T], cols: usize) -> Vec<u8> {
    let byte = |eight: &[T]| eight.iter().enumerate().map(|(j, x)| u8::from(x.wide() > 0.0) << j).sum();
    elements.chunks(cols.max(1)).flat_map(|row| row.chunks(8).map(byte)).collect()
}

/// Same bits, or both NaN (which NaN it is differs between processors).
pub fn same<T: Real>(x: T, y: T) -> bool {
    x.bits() == y.bits() || (x.wide().is_nan() && y.wide().is_nan())
}

/// Depths around each bound that blocks and unrolled loops have.
pub fn depths<T: Real>() -> [usize; 12] {
    [1, 2, 3, 4, 5, 15, 16, 17, T::KC - 1, T::KC, T::KC + 1, 3 * T::KC + 5]
}

/// How many of `full` cases to run: all, or a tenth where `LAPIDARY_TEST_GRID` is `small`, for emulators.
pub fn cases(full: usize) -> usize {
    if small() { full.div_ceil(10) } else { full }
}

pub fn small() -> bool {
    std::env::var("LAPIDARY_TEST_GRID").is_ok_and(|grid| grid == "small")
}

/// Whether an emulator, which `LAPIDARY_TEST_EMULATOR` names, runs the tests: large products take it minutes.
pub fn emulated() -> bool {
    std::env::var_os("LAPIDARY_TEST_EMULATOR").is_some()
}

/// Choices made at random, by proptest or by a fuzzer. A source that has run dry chooses 0, which stands for the
/// simplest.
pub trait Choose: Iterator<Item = u64> {
    fn below(&mut self, n: usize) -> usize {
        (self.next().unwrap_or(0) % n as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

impl<I: Iterator<Item = u64> + ?Sized> Choose for I {}

/// Random choices from a small generator (splitmix64) that is the same on every machine.
#[derive(Clone)]
pub struct Random(pub u64);

impl Iterator for Random {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Some(z ^ (z >> 31))
    }
}

/// What matrices are filled with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// Uniform in [−1, 1).
    Unit,
    /// Zeros of both signs, 1 and −1.
    Zeros,
    /// Subnormal numbers, and numbers whose products are.
    Tiny,
    /// Among others NaN, infinities and the largest number.
    Special,
    /// Zeros, and numbers whose products round to zeros of both signs.
    Vanishing,
}

impl Values {
    pub const ALL: [Values; 5] = [Values::Unit, Values::Zeros, Values::Tiny, Values::Special, Values::Vanishing];
}

impl Random {
    /// Uniform in [−1, 1).
    pub fn unit<T: Real>(&mut self) -> T {
        T::of((self.next().unwrap() >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    }

    pub fn value<T: Real>(&mut self, values: Values) -> T {
        let unit = self.unit::<T>();
        match values {
            Values::Unit => unit,
            Values::Zeros => self.one_of(&[0.0, -0.0, 1.0, -1.0].map(T::of)),
            Values::Tiny => unit * self.one_of(&[T::MIN_POSITIVE, T::of(T::MIN_POSITIVE.wide().sqrt()), T::of(1.0)]),
            // Rare, lest every sum be NaN.
            Values::Special if self.below(40) == 0 => {
                self.one_of(&[T::NAN, T::INFINITY, T::of(-1.0) * T::INFINITY, T::MAX, T::of(-0.0)])
            }
            Values::Special => unit,
            Values::Vanishing => {
                self.one_of(&[T::MIN_POSITIVE, T::of(-1.0) * T::MIN_POSITIVE, T::of(-0.0), T::of(0.0)])
            }
        }
    }
}
