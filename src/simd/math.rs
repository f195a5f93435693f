//! Activations and their derivatives on vectors: each function one chain of operations that are exact or rounded once,
//! so that its bits are the same on every instruction set.
//!
//! Everything is computed at −|z|, where the functions are small and their relative accuracy is hardest to keep; the other
//! side follows from 1 − tail. A tail is kept as m·scale·[`DOWN`](Coefficients::DOWN), both powers of two, so that a
//! subnormal result is rounded only once.

mod coefficients;

pub use coefficients::Coefficients;

use crate::element::Real;
use crate::simd::{Kernels, Simd};

/// The same number in all lanes: a coefficient, or one that both types have.
#[inline(always)]
unsafe fn c<S: Simd>(x: S::T) -> S::V {
    // SAFETY: here and below, as `see c`: the instruction set is there.
    unsafe { S::splat(x) }
}

#[inline(always)]
unsafe fn k<S: Simd>(x: f32) -> S::V {
    // SAFETY: see c.
    unsafe { S::splat(S::T::exact(x)) }
}

#[inline(always)]
unsafe fn sub<S: Simd>(a: S::V, b: S::V) -> S::V {
    // SAFETY: see c.
    unsafe { S::fma(b, k::<S>(-1.0), a) }
}

/// By even and odd powers: two chains, each half as long as Horner's.
#[inline(always)]
unsafe fn polynomial<S: Simd>(coefficients: &[S::T], x: S::V) -> S::V {
    // SAFETY: see c.
    unsafe {
        let square = S::mul(x, x);
        let last = coefficients.len() - 1;
        let mut sums = [c::<S>(coefficients[last]), c::<S>(coefficients[last - 1])];
        for &next in coefficients.iter().rev().skip(2) {
            sums = [sums[1], S::fma(sums[0], square, c::<S>(next))];
        }
        S::fma(sums[0], x, sums[1])
    }
}

/// −|z|, at least `far`; NaN stays.
#[inline(always)]
unsafe fn minus_abs<S: Simd>(z: S::V, far: S::T) -> S::V {
    // SAFETY: see c.
    unsafe {
        let (y, far) = (S::copysign(z, k::<S>(-1.0)), c::<S>(far));
        S::less(y, far, far, y)
    }
}

/// e^(y + low) = (1 + `more`)·`scale`·`DOWN` for y ≤ 0 not far below the logarithm of the least subnormal number.
struct Exp<V> {
    more: V,
    scale: V,
}

#[inline(always)]
unsafe fn exp<S: Simd>(y: S::V, low: S::V) -> Exp<S::V> {
    // SAFETY: see c.
    unsafe {
        // The nearest n to y/ln 2 in the lowest bits, which become 2ⁿ/DOWN.
        let bits = S::fma(y, c::<S>(S::T::LOG2_E), c::<S>(S::T::ROUND));
        let n = sub::<S>(bits, c::<S>(S::T::ROUND));
        // r = y − n·ln 2: the first step is exact.
        let r = S::fma(n, c::<S>(S::T::MINUS_LN2[0]), y);
        let r = S::add(r, S::fma(n, c::<S>(S::T::MINUS_LN2[1]), low));
        let more = S::fma(S::mul(r, r), polynomial::<S>(S::T::EXP, r), r);
        Exp { more, scale: S::exponent(bits) }
    }
}

/// What a function leaves at −|z|: `m`·`scale`·`DOWN`.
struct Tail<V> {
    m: V,
    scale: V,
}

impl<V: Copy> Tail<V> {
    #[inline(always)]
    unsafe fn value<S: Simd<V = V>>(&self) -> V {
        // SAFETY: see c.
        unsafe { S::mul(S::mul(self.m, self.scale), c::<S>(S::T::DOWN)) }
    }

    /// 1 − tail.
    #[inline(always)]
    unsafe fn rest<S: Simd<V = V>>(&self) -> V {
        // SAFETY: see c.
        unsafe { S::fma(S::mul(self.m, self.scale), S::mul(c::<S>(S::T::DOWN), k::<S>(-1.0)), k::<S>(1.0)) }
    }

    /// The function at z: the tail on the left, 1 − tail on the right.
    #[inline(always)]
    unsafe fn at<S: Simd<V = V>>(&self, z: V) -> V {
        // SAFETY: see c.
        unsafe { S::less(z, k::<S>(0.0), self.value::<S>(), self.rest::<S>()) }
    }

    /// z times the function; `y` is −|z|, bounded.
    #[inline(always)]
    unsafe fn gate<S: Simd<V = V>>(&self, z: V, y: V) -> V {
        // SAFETY: see c.
        unsafe {
            let left = Tail { m: S::mul(y, self.m), scale: self.scale }.value::<S>();
            // 1 − tail in two parts, so that only the product is rounded.
            let (one, tail) = (k::<S>(1.0), self.value::<S>());
            let rest = sub::<S>(one, tail);
            let lost = sub::<S>(tail, sub::<S>(one, rest));
            S::less(z, k::<S>(0.0), left, S::fma(z, rest, S::mul(y, lost)))
        }
    }
}

/// a/(b + low), nearly rounded once: the quotient by the reciprocal, and once what it leaves.
#[inline(always)]
unsafe fn quotient<S: Simd>(a: S::V, a_low: S::V, b: S::V, b_low: S::V) -> S::V {
    // SAFETY: see c.
    unsafe {
        let minus = k::<S>(-1.0);
        let reciprocal = S::div(k::<S>(1.0), b);
        let q = S::mul(a, reciprocal);
        let minus_q = S::mul(q, minus);
        let rest = S::add(S::fma(minus_q, b, a), S::fma(minus_q, b_low, a_low));
        S::fma(rest, reciprocal, q)
    }
}

/// σ(y + low) = e^y/(1 + e^y).
#[inline(always)]
unsafe fn logistic<S: Simd>(y: S::V, low: S::V) -> Tail<S::V> {
    // SAFETY: see c.
    unsafe {
        let one = k::<S>(1.0);
        let Exp { more, scale } = exp::<S>(y, low);
        let e = S::add(one, more);
        let e_low = sub::<S>(more, sub::<S>(e, one));
        let whole = Tail { m: e, scale }.value::<S>();
        let b = S::add(one, whole);
        let b_low = sub::<S>(whole, sub::<S>(b, one));
        Tail { m: quotient::<S>(e, e_low, b, b_low), scale }
    }
}

/// The normal distribution: Φ(y) = R(−y)·e^(−y²/2), as R and the exponential.
#[inline(always)]
unsafe fn normal<S: Simd>(y: S::V) -> (S::V, Exp<S::V>) {
    // SAFETY: see c.
    unsafe {
        let (half, centre, minus) = (k::<S>(-0.5), c::<S>(S::T::CENTRE), k::<S>(-1.0));
        // The square in two parts: what one rounding loses of it would be a relative error of the exponential.
        let square = S::mul(y, y);
        let low = S::fma(y, y, S::mul(square, minus));
        let exp = exp::<S>(S::mul(square, half), S::mul(low, half));
        // 1/(k − y) in two parts; k has so few bits that the differences are exact.
        let b = sub::<S>(centre, y);
        let b_low = sub::<S>(sub::<S>(centre, b), y);
        let v = S::div(k::<S>(1.0), b);
        let minus_v = S::mul(v, minus);
        let v_low = S::mul(v, S::fma(minus_v, b_low, S::fma(minus_v, b, k::<S>(1.0))));
        // w = (k + y)/(k − y) = 1 + 2y/(k − y)
        let twice = S::add(y, y);
        let w = S::fma(twice, v_low, S::fma(twice, v, k::<S>(1.0)));
        // The polynomial in two parts: the last step, and what its rounding lost.
        let (first, others) = (c::<S>(S::T::MILLS[0]), polynomial::<S>(&S::T::MILLS[1..], w));
        let p = S::fma(others, w, first);
        let p_low = S::fma(others, w, sub::<S>(first, p));
        let ratio = S::fma(p, v, S::fma(p, v_low, S::mul(p_low, v)));
        (ratio, exp)
    }
}

/// The argument of the tanh form's logistic in two parts: y·(c + d·y²).
#[inline(always)]
unsafe fn cubic<S: Simd>(y: S::V) -> (S::V, S::V) {
    // SAFETY: see c.
    unsafe {
        let [first, third] = S::T::CUBIC;
        let [c, c_low] = [S::splat(first[0]), S::splat(first[1])];
        let [d, d_low] = [S::splat(third[0]), S::splat(third[1])];
        let minus = k::<S>(-1.0);
        let square = S::mul(y, y);
        let square_low = S::fma(y, y, S::mul(square, minus));
        let term = S::mul(d, square);
        let term_low = S::fma(d, square, S::mul(term, minus));
        let term_low = S::fma(d, square_low, S::fma(d_low, square, term_low));
        // Knuth's exact sum.
        let sum = S::add(c, term);
        let part = sub::<S>(sum, c);
        let lost = S::add(sub::<S>(c, sub::<S>(sum, part)), sub::<S>(term, part));
        let sum_low = S::add(S::add(lost, c_low), term_low);
        let product = S::mul(y, sum);
        (product, S::fma(y, sum_low, S::fma(y, sum, S::mul(product, minus))))
    }
}

/// An activation and its derivative.
///
/// # Safety
/// Both: the instruction set is there.
pub trait Map<S: Simd> {
    unsafe fn value(z: S::V, params: [S::T; 2]) -> S::V;
    unsafe fn slope(z: S::V, params: [S::T; 2]) -> S::V;
}

/// `x`, or NaN where z is.
#[inline(always)]
unsafe fn unless_nan<S: Simd>(z: S::V, x: S::V) -> S::V {
    // SAFETY: see c.
    unsafe { S::less(z, k::<S>(0.0), x, S::less(k::<S>(-1.0), z, x, z)) }
}

macro_rules! map {
    ($(#[$doc:meta])* $name:ident, $z:ident, $params:pat, $value:block, $slope:block) => {
        $(#[$doc])*
        pub struct $name;

        impl<S: Simd> Map<S> for $name {
            #[inline(always)]
            unsafe fn value($z: S::V, $params: [S::T; 2]) -> S::V {
                // SAFETY: see c.
                #[allow(unused_unsafe)] // the identity has nothing unsafe
                unsafe {
                    $value
                }
            }

            #[inline(always)]
            unsafe fn slope($z: S::V, $params: [S::T; 2]) -> S::V {
                // SAFETY: see c.
                unsafe { $slope }
            }
        }
    };
}

map!(Identity, z, _, { z }, { unless_nan::<S>(z, k::<S>(1.0)) });

map!(Relu, z, _, { S::less(z, k::<S>(0.0), k::<S>(0.0), z) }, {
    unless_nan::<S>(z, S::less(k::<S>(0.0), z, k::<S>(1.0), k::<S>(0.0)))
});

map!(LeakyRelu, z, [slope, _], { S::less(z, k::<S>(0.0), S::mul(z, c::<S>(slope)), z) }, {
    unless_nan::<S>(z, S::less(k::<S>(0.0), z, k::<S>(1.0), c::<S>(slope)))
});

map!(
    Clamp,
    z,
    [low, high],
    {
        let (low, high) = (c::<S>(low), c::<S>(high));
        S::less(z, low, low, S::less(high, z, high, z))
    },
    {
        let inside = S::less(z, c::<S>(high), k::<S>(1.0), k::<S>(0.0));
        unless_nan::<S>(z, S::less(c::<S>(low), z, inside, k::<S>(0.0)))
    }
);

map!(
    /// z·Φ(z). The derivative is Φ(z) + z·φ(z).
    Gelu,
    z,
    _,
    {
        let y = minus_abs::<S>(z, S::T::FAR_NORMAL);
        let (ratio, Exp { more, scale }) = normal::<S>(y);
        Tail { m: S::fma(ratio, more, ratio), scale }.gate::<S>(z, y)
    },
    {
        let y = minus_abs::<S>(z, S::T::FAR_NORMAL);
        let (ratio, Exp { more, scale }) = normal::<S>(y);
        // φ(0) = 1/√(2π)
        let density = S::mul(c::<S>(S::T::CUBIC[0][0]), k::<S>(0.25));
        let m = S::fma(y, density, ratio);
        Tail { m: S::fma(m, more, m), scale }.at::<S>(z)
    }
);

map!(
    /// z·σ(t) with t = z·(c + d·z²). The derivative is σ(t)·(1 + z·t′·σ(−t)).
    GeluTanh,
    z,
    _,
    {
        let y = minus_abs::<S>(z, S::T::FAR_CUBIC);
        let (t, low) = cubic::<S>(y);
        logistic::<S>(t, low).gate::<S>(z, y)
    },
    {
        let y = minus_abs::<S>(z, S::T::FAR_CUBIC);
        let (t, low) = cubic::<S>(y);
        let tail = logistic::<S>(t, low);
        let [[first, _], [third, _]] = S::T::CUBIC;
        let steep = S::fma(S::mul(c::<S>(third), k::<S>(3.0)), S::mul(y, y), c::<S>(first));
        let m = S::mul(tail.m, S::fma(S::mul(y, steep), tail.rest::<S>(), k::<S>(1.0)));
        Tail { m, scale: tail.scale }.at::<S>(z)
    }
);

map!(
    /// z·σ(z). The derivative is σ(z)·(1 + z·σ(−z)).
    Silu,
    z,
    _,
    {
        let y = minus_abs::<S>(z, S::T::FAR);
        logistic::<S>(y, k::<S>(0.0)).gate::<S>(z, y)
    },
    {
        let y = minus_abs::<S>(z, S::T::FAR);
        let tail = logistic::<S>(y, k::<S>(0.0));
        let m = S::mul(tail.m, S::fma(y, tail.rest::<S>(), k::<S>(1.0)));
        Tail { m, scale: tail.scale }.at::<S>(z)
    }
);

map!(
    /// σ(z) = 1/(1 + e^−z). The derivative is σ(z)·σ(−z).
    Sigmoid,
    z,
    _,
    { logistic::<S>(minus_abs::<S>(z, S::T::FAR), k::<S>(0.0)).at::<S>(z) },
    {
        let tail = logistic::<S>(minus_abs::<S>(z, S::T::FAR), k::<S>(0.0));
        Tail { m: S::mul(tail.m, tail.rest::<S>()), scale: tail.scale }.value::<S>()
    }
);

map!(
    /// tanh(−|z|) = x/(2 + x) with x = e^(−2|z|) − 1. The derivative is 4·σ(2z)·σ(−2z).
    Tanh,
    z,
    _,
    {
        let y = S::mul(minus_abs::<S>(z, S::T::FAR_CUBIC), k::<S>(2.0));
        let Exp { more, scale } = exp::<S>(y, k::<S>(0.0));
        let scale = S::mul(scale, c::<S>(S::T::DOWN));
        let first = S::add(scale, k::<S>(-1.0));
        let x = S::fma(scale, more, first);
        let x_low = S::fma(scale, more, sub::<S>(first, x));
        let b = S::add(x, k::<S>(2.0));
        let b_low = S::add(sub::<S>(x, S::add(b, k::<S>(-2.0))), x_low);
        S::copysign(quotient::<S>(x, x_low, b, b_low), z)
    },
    {
        let tail = logistic::<S>(minus_abs::<S>(S::mul(z, k::<S>(2.0)), S::T::FAR), k::<S>(0.0));
        Tail { m: S::mul(S::mul(tail.m, k::<S>(4.0)), tail.rest::<S>()), scale: tail.scale }.value::<S>()
    }
);

/// One function of every element of rows whose columns are adjacent, as [`VALUE`] and the others say. `out` may be `z` or
/// `g`.
pub struct Each<T> {
    pub z: *const T,
    pub g: *const T,
    pub out: *mut T,
    /// Elements from one row to the next, in each of the three.
    pub row: [isize; 3],
    pub rows: usize,
    pub cols: usize,
    pub params: [T; 2],
}

/// `out` = value(z).
pub const VALUE: u8 = 0;
/// `out` = g·value(z).
pub const GATED: u8 = 1;
/// `out` = g·slope(z).
pub const SLOPE: u8 = 2;

/// # Safety
/// The instruction set of the kernel is there; the rows and columns of z and out, and of g unless it is for values, are
/// valid.
pub type EachFn<T> = unsafe fn(&Each<T>);

/// A vector, or as many of its lanes as the mask has.
#[inline(always)]
unsafe fn load<S: Simd>(p: *const S::T, part: Option<S::Mask>) -> S::V {
    // SAFETY: the lanes are there, and so is the instruction set.
    unsafe {
        match part {
            None => S::load(p),
            Some(mask) => S::load_first(p, mask),
        }
    }
}

/// See [`EachFn`].
#[inline(always)]
pub unsafe fn each<S: Simd, M: Map<S>, const KIND: u8>(e: &Each<S::T>) {
    let (mut z, mut g, mut out) = (e.z, e.g, e.out);
    for _ in 0..e.rows {
        let mut j = 0;
        // One loop for whole vectors and the last, partial one: activations are long, and there is one copy of each.
        while j < e.cols {
            let left = e.cols - j;
            // SAFETY: as the caller promises. Lanes are read before they are written.
            unsafe {
                let part = if left < S::LANES { Some(S::first(left)) } else { None };
                let x = load::<S>(z.add(j), part);
                let v = match KIND {
                    VALUE => M::value(x, e.params),
                    GATED => S::mul(load::<S>(g.add(j), part), M::value(x, e.params)),
                    _ => S::mul(load::<S>(g.add(j), part), M::slope(x, e.params)),
                };
                match part {
                    None => S::store(out.add(j), v),
                    Some(mask) => S::store_first(out.add(j), v, mask),
                }
            }
            j += S::LANES;
        }
        z = z.wrapping_offset(e.row[0]);
        g = g.wrapping_offset(e.row[1]);
        out = out.wrapping_offset(e.row[2]);
    }
}

/// The activation of that number and parameters, in place. The kernels are those of a machine that runs this.
pub fn forward<T: Real>(kernels: &Kernels<T>, (number, params): (usize, [T; 2]), values: &mut [T]) {
    let out = values.as_mut_ptr();
    // SAFETY: one slice is both input and output.
    unsafe { kernels.value[number](&Each { z: out, g: out, out, row: [0; 3], rows: 1, cols: values.len(), params }) }
}

/// `g` ← `g`·slope(`z`), as far as both reach.
pub fn backward<T: Real>(kernels: &Kernels<T>, (number, params): (usize, [T; 2]), z: &[T], g: &mut [T]) {
    let out = g.as_mut_ptr();
    let cols = z.len().min(g.len());
    // SAFETY: both slices have so many elements.
    unsafe { kernels.slope[number](&Each { z: z.as_ptr(), g: out, out, row: [0; 3], rows: 1, cols, params }) }
}
