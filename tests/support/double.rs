//! Twice the precision of f64, and in it what activations must be: by other formulas than the kernels'.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// An unevaluated sum of two numbers.
#[derive(Clone, Copy, Debug)]
pub struct Double(pub f64, pub f64);

const ONE: Double = Double(1.0, 0.0);
const LN2: Double = Double(std::f64::consts::LN_2, 2.3190468138462996e-17);
/// 2·√(2/π), and the same times 0.044715.
const CUBIC: [Double; 2] =
    [Double(1.5957691216057308, -9.96930880911092e-17), Double(0.07135481627260025, -6.175149918155315e-19)];

impl Double {
    pub fn new(x: f64) -> Double {
        Double(x, 0.0)
    }

    fn normal(x: f64, low: f64) -> Double {
        let sum = x + low;
        Double(sum, low - (sum - x))
    }
}

impl Add for Double {
    type Output = Double;
    fn add(self, b: Double) -> Double {
        let sum = self.0 + b.0;
        let y = sum - self.0;
        Double::normal(sum, (self.0 - (sum - y)) + (b.0 - y) + (self.1 + b.1))
    }
}

impl Neg for Double {
    type Output = Double;
    fn neg(self) -> Double {
        Double(-self.0, -self.1)
    }
}

impl Sub for Double {
    type Output = Double;
    fn sub(self, b: Double) -> Double {
        self + -b
    }
}

impl Mul for Double {
    type Output = Double;
    fn mul(self, b: Double) -> Double {
        let product = self.0 * b.0;
        Double::normal(product, self.0.mul_add(b.0, -product) + (self.0 * b.1 + self.1 * b.0))
    }
}

impl Div for Double {
    type Output = Double;
    fn div(self, b: Double) -> Double {
        let q = Double::new(self.0 / b.0);
        let rest = self - q * b;
        q + Double::new(rest.0 / b.0)
    }
}

/// x·2ⁿ.
pub fn times_power(x: f64, n: i32) -> f64 {
    let n = n.clamp(-2000, 2000);
    let power = |n: i32| f64::from_bits(((n + 1023) as u64) << 52);
    x * power(n / 2) * power(n - n / 2)
}

/// A number times a power of two, which may be too small for f64.
#[derive(Clone, Copy, Debug)]
pub struct Scaled(pub Double, pub i32);

impl Scaled {
    /// Rounded to a Double.
    pub fn get(self) -> Double {
        Double(times_power(self.0.0, self.1), times_power(self.0.1, self.1))
    }

    fn times(self, x: Double) -> Scaled {
        Scaled(self.0 * x, self.1)
    }
}

/// By its Taylor series at most ln(2)/2 from 0.
pub fn exp(x: Double) -> Scaled {
    let x = if x.0 < -1030.0 { Double::new(-1030.0) } else { x }; // too small for any type all the same
    let n = (x.0 / LN2.0).round();
    let r = x - Double::new(n) * LN2;
    let mut sum = ONE;
    for i in (1..=27).rev() {
        sum = ONE + sum * r / Double::new(i.into());
    }
    Scaled(sum, n as i32)
}

/// The normal density at a.
fn density(a: Double) -> Scaled {
    exp(a * a * Double::new(-0.5)).times(CUBIC[0] * Double::new(0.25))
}

/// 1 − Φ(a), a ≥ 0: by a series of positive terms (Abramowitz and Stegun 26.2.11), or by the continued fraction
/// (26.2.14).
fn upper(a: Double) -> Scaled {
    if a.0 < 3.0 {
        let (mut sum, mut term, mut i) = (a, a, 1.0);
        while term.0 > sum.0 * 1e-34 {
            i += 2.0;
            term = term * a * a / Double::new(i);
            sum = sum + term;
        }
        Scaled(Double::new(0.5) - density(a).get() * sum, 0)
    } else {
        let fraction = (1..100).rev().fold(a, |f, i| a + Double::new(i.into()) / f);
        let density = density(a);
        Scaled(density.0 / fraction, density.1)
    }
}

/// What is left of `tail` on the side of z, as all but tanh have it: f(z) = 1 − f(−z).
fn side(z: f64, tail: Scaled) -> Scaled {
    if z < 0.0 { tail } else { Scaled(ONE - tail.get(), 0) }
}

/// σ(−a) = e^−a/(1 + e^−a), a ≥ 0.
fn logistic(a: Double) -> Scaled {
    let e = exp(-a);
    Scaled(e.0 / (ONE + e.get()), e.1)
}

pub fn sigmoid(z: f64) -> Scaled {
    side(z, logistic(Double::new(z.abs())))
}

pub fn sigmoid_slope(z: f64) -> Scaled {
    let tail = logistic(Double::new(z.abs()));
    tail.times(ONE - tail.get())
}

pub fn silu(z: f64) -> Scaled {
    sigmoid(z).times(Double::new(z))
}

pub fn silu_slope(z: f64) -> Scaled {
    let tail = logistic(Double::new(z.abs()));
    side(z, tail.times(ONE - Double::new(z.abs()) * (ONE - tail.get())))
}

pub fn gelu(z: f64) -> Scaled {
    side(z, upper(Double::new(z.abs()))).times(Double::new(z))
}

pub fn gelu_slope(z: f64) -> Scaled {
    let a = Double::new(z.abs());
    let (tail, density) = (upper(a), density(a));
    // Both have the same power of two, or none that matters.
    side(z, if a.0 < 3.0 { Scaled(tail.get() - a * density.get(), 0) } else { Scaled(tail.0 - a * density.0, tail.1) })
}

pub fn gelu_tanh(z: f64) -> Scaled {
    let a = Double::new(z.abs());
    side(z, logistic(a * (CUBIC[0] + CUBIC[1] * a * a))).times(Double::new(z))
}

pub fn gelu_tanh_slope(z: f64) -> Scaled {
    let a = Double::new(z.abs());
    let tail = logistic(a * (CUBIC[0] + CUBIC[1] * a * a));
    let steep = CUBIC[0] + Double::new(3.0) * CUBIC[1] * a * a;
    side(z, tail.times(ONE - a * steep * (ONE - tail.get())))
}

/// sinh/cosh: by the series of sinh where the exponentials cancel.
pub fn tanh(z: f64) -> Scaled {
    let z2 = Double::new(z);
    if z.abs() < 0.5 {
        let square = z2 * z2;
        let (mut sinh, mut cosh) = (ONE, ONE);
        for i in (1..=13).rev() {
            let i = f64::from(2 * i);
            sinh = ONE + sinh * square / Double::new(i * (i + 1.0));
            cosh = ONE + cosh * square / Double::new(i * (i - 1.0));
        }
        return Scaled(z2 * sinh / cosh, 0);
    }
    let e = exp(Double::new(-2.0 * z.abs())).get();
    let t = (ONE - e) / (ONE + e);
    Scaled(if z < 0.0 { -t } else { t }, 0)
}

pub fn tanh_slope(z: f64) -> Scaled {
    let tail = logistic(Double::new(2.0 * z.abs()));
    tail.times(Double::new(4.0) * (ONE - tail.get()))
}
