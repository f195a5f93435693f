//! Activations against references of twice the precision, at special values, and bit for bit.

mod support;

use lapidary::{Activation, Error};
use support::double::{self, Scaled, times_power};
use support::{Choose, Random, Real, cases, fused, same};

use Activation::{Clamp, Gelu, GeluTanh, LeakyRelu, Relu, Sigmoid, Silu, Tanh};

fn value<T: Real>(act: Activation<T>, z: T) -> T {
    let mut out = [z];
    act.apply(&mut out).unwrap();
    out[0]
}

fn slope<T: Real>(act: Activation<T>, z: T) -> T {
    let mut g = [T::of(1.0)];
    act.backward(&[z], &mut g).unwrap();
    g[0]
}

/// A smooth function: what it must be, the greatest error of the value in units in the last place, and of the
/// derivative in the same or, if it crosses 0, in those of 1.
struct Smooth<T> {
    act: Activation<T>,
    value: fn(f64) -> Scaled,
    slope: fn(f64) -> Scaled,
    bounds: [f64; 2],
    crosses: bool,
}

/// The bounds hold for both types; the documentation of `Activation` states them.
fn smooth<T>() -> [Smooth<T>; 5] {
    use double::*;
    [
        Smooth { act: Gelu, value: gelu, slope: gelu_slope, bounds: [4.0, 1.0], crosses: true },
        Smooth { act: GeluTanh, value: gelu_tanh, slope: gelu_tanh_slope, bounds: [2.0, 1.0], crosses: true },
        Smooth { act: Silu, value: silu, slope: silu_slope, bounds: [2.0, 1.0], crosses: true },
        Smooth { act: Sigmoid, value: sigmoid, slope: sigmoid_slope, bounds: [1.1, 2.1], crosses: false },
        Smooth { act: Tanh, value: tanh, slope: tanh_slope, bounds: [1.6, 2.1], crosses: false },
    ]
}

/// The exponents of the least normal number and, from a number to its last place, of the precision.
fn format<T: Real>() -> (i32, i32) {
    let exponent = |x: f64| ((x.to_bits() >> 52) & 0x7FF) as i32 - 1023;
    (exponent(T::MIN_POSITIVE.wide()), exponent(T::UNIT_ROUNDOFF) + 1)
}

/// |x − exact| in units in the last place of `exact`, at least the least subnormal number; or in those of 1.
fn error<T: Real>(x: T, exact: Scaled, of_one: bool) -> f64 {
    let Scaled(m, n) = exact;
    let (least, last) = format::<T>();
    let exponent = if of_one { 0 } else { (((m.0.to_bits() >> 52) & 0x7FF) as i32 - 1023 + n).max(least) };
    // x is exact in these units; of the reference no more is lost than 2⁻¹⁰⁰.
    let unit = exponent + last;
    if exponent > n + 1500 {
        return times_power(x.wide(), -unit).abs();
    }
    let power = |x: f64, n: i32| times_power(times_power(x, n / 2), n - n / 2);
    ((power(x.wide(), -unit) - power(m.0, n - unit)) - power(m.1, n - unit)).abs()
}

/// The greatest error and where it is.
#[derive(Clone, Copy, Debug, Default)]
struct Worst(f64, f64);

impl Worst {
    fn see(&mut self, error: f64, z: f64) {
        // NaN must not pass.
        if error > self.0 || error.is_nan() {
            *self = Worst(error, z);
        }
    }
}

fn accurate<T: Real>(samples: &[T]) {
    if !fused() {
        return; // it rounds twice: the exception
    }
    for f in smooth::<T>() {
        let (mut values, mut slopes) = (samples.to_vec(), vec![T::of(1.0); samples.len()]);
        f.act.apply(&mut values).unwrap();
        f.act.backward(samples, &mut slopes).unwrap();
        let mut worst = [Worst::default(); 2];
        for (i, &z) in samples.iter().enumerate() {
            worst[0].see(error(values[i], (f.value)(z.wide()), false), z.wide());
            worst[1].see(error(slopes[i], (f.slope)(z.wide()), f.crosses), z.wide());
        }
        println!("{:?} of {}: {worst:?}", f.act, std::any::type_name::<T>());
        assert!((0..2).all(|i| worst[i].0 <= f.bounds[i]), "{:?}: {worst:?}", f.act);
    }
}

/// Numbers where something happens: dense around 0, through the tails, and of every magnitude.
fn dense<T: Real>(count: usize) -> Vec<T> {
    let mut random = Random(17);
    let scales = [1.0, 4.0, 16.0, 42.0, 120.0, 800.0];
    let one = |random: &mut Random| match random.below(7) {
        6 => T::of(random.unit::<f64>() * times_power(1.0, -(random.below(120) as i32))),
        i => T::of(random.unit::<f64>() * scales[i]),
    };
    (0..count).map(|_| one(&mut random)).collect()
}

#[test]
fn accurate_f64() {
    accurate(&dense::<f64>(cases(100_000)));
}

#[test]
fn accurate_f32() {
    accurate(&dense::<f32>(cases(100_000)));
}

/// Since the error of an f64 is nothing beside the last place of an f32: f32 from bit pattern to bit
/// pattern, with the kernels of f64 as the reference.
fn strided(stride: usize) {
    if !fused() {
        return;
    }
    const CHUNK: u64 = 1 << 12;
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    for (narrow, wide) in smooth::<f32>().iter().zip(smooth::<f64>()) {
        let work = |thread: u64| {
            let mut worst = [Worst::default(); 2];
            let step = CHUNK * stride as u64;
            for first in (thread * step..1 << 32).step_by((threads * step) as usize) {
                let last = (first + step).min(1 << 32);
                if stride == 1 && f32::from_bits(first as u32).abs() >= 2048.0 {
                    continue; // nothing happens there, and it is half of all
                }
                let z: Vec<f32> = (first..last).step_by(stride).map(|bits| f32::from_bits(bits as u32)).collect();
                let exact: Vec<f64> = z.iter().map(|&z| z.into()).collect();
                let (mut values, mut slopes) = (z.clone(), vec![1.0; z.len()]);
                let (mut exact_values, mut exact_slopes) = (exact.clone(), vec![1.0; z.len()]);
                narrow.act.apply(&mut values).unwrap();
                narrow.act.backward(&z, &mut slopes).unwrap();
                wide.act.apply(&mut exact_values).unwrap();
                wide.act.backward(&exact, &mut exact_slopes).unwrap();
                for (i, &z) in z.iter().enumerate().filter(|(_, z)| z.is_finite()) {
                    worst[0].see(quick_error(values[i], exact_values[i], false), z.into());
                    worst[1].see(quick_error(slopes[i], exact_slopes[i], narrow.crosses), z.into());
                }
            }
            worst
        };
        let worst = std::thread::scope(|scope| {
            let tasks: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
            tasks.into_iter().map(|task| task.join().unwrap()).fold([Worst::default(); 2], |mut worst, other| {
                (0..2).for_each(|i| worst[i].see(other[i].0, other[i].1));
                worst
            })
        });
        println!("{:?} of f32: {worst:?}", narrow.act);
        assert!((0..2).all(|i| worst[i].0 <= narrow.bounds[i]), "{:?}: {worst:?}", narrow.act);
    }
}

/// As `error`, of an f32.
fn quick_error(x: f32, exact: f64, of_one: bool) -> f64 {
    let exponent = if of_one { 1023 } else { ((exact.to_bits() >> 52) & 0x7FF).max(1023 - 126) };
    (f64::from(x) - exact).abs() * f64::from_bits((1023 + 1023 + 23 - exponent) << 52)
}

#[test]
fn accurate_f32_strided() {
    strided(if cases(10) == 10 { 4099 } else { 4099 * 64 + 1 });
}

/// Minutes: in release.
#[test]
#[ignore = "every f32 below 2048"]
fn accurate_f32_all() {
    strided(1);
}

fn all<T: Real>() -> [Activation<T>; 8] {
    [Relu, LeakyRelu(T::of(0.25)), Clamp(T::of(-0.5), T::of(2.0)), Gelu, GeluTanh, Silu, Sigmoid, Tanh]
}

fn special<T: Real>() {
    let [zero, one, inf, low] = [0.0, 1.0, f64::INFINITY, -0.5].map(T::of);
    let minus = |x: T| T::of(-1.0) * x;
    let half = T::of(0.5);
    // At −∞, −0, 0, ∞: the value, the derivative.
    let expected = |act| match act {
        Relu => [[zero, minus(zero), zero, inf], [zero, zero, zero, one]],
        LeakyRelu(slope) => [[minus(inf), minus(zero), zero, inf], [slope, slope, slope, one]],
        Clamp(..) => [[low, minus(zero), zero, T::of(2.0)], [zero, one, one, zero]],
        Gelu | GeluTanh | Silu => [[minus(zero), minus(zero), zero, inf], [minus(zero), half, half, one]],
        Sigmoid => [[zero, half, half, one], [zero, T::of(0.25), T::of(0.25), zero]],
        Tanh => [[minus(one), minus(zero), zero, one], [zero, one, one, zero]],
    };
    for act in all::<T>() {
        let [values, slopes] = expected(act);
        for (i, z) in [minus(inf), minus(zero), zero, inf].into_iter().enumerate() {
            assert!(same(value(act, z), values[i]), "{act:?} at {z:?}: {:?}", value(act, z));
            assert!(same(slope(act, z), slopes[i]), "{act:?}, the derivative at {z:?}: {:?}", slope(act, z));
        }
        for nan in [T::NAN, minus(T::NAN)] {
            assert!(value(act, nan).wide().is_nan() && slope(act, nan).wide().is_nan(), "{act:?}");
            let mut g = [nan];
            act.backward(&[one], &mut g).unwrap();
            assert!(g[0].wide().is_nan(), "{act:?}");
        }
        for z in [T::MAX, minus(T::MAX), T::MIN_POSITIVE, minus(T::MIN_POSITIVE)] {
            let wide = value(act, z).wide();
            assert!(!wide.is_nan() && (wide.abs() <= z.wide().abs().max(1.0)), "{act:?} at {z:?}: {wide:?}");
            assert!(slope(act, z).wide().abs() <= 1.0, "{act:?} at {z:?}");
        }
    }
}

#[test]
fn special_f32() {
    special::<f32>();
}

#[test]
fn special_f64() {
    special::<f64>();
}

/// The kinked ones are exact.
fn kinked<T: Real>() {
    for z in dense::<T>(2000) {
        let (x, one) = (z.wide(), T::of(1.0));
        let check = |act, v, s: f64| {
            assert!(same(value(act, z), v) && slope(act, z).wide() == s, "{act:?} at {z:?}");
        };
        check(Relu, if x < 0.0 { T::of(0.0) } else { z }, if x > 0.0 { 1.0 } else { 0.0 });
        check(
            LeakyRelu(T::of(0.01)),
            if x < 0.0 { T::of(0.01) * z } else { z },
            if x > 0.0 { 1.0 } else { T::of(0.01).wide() },
        );
        let inside = -0.5 < x && x < 1.0;
        let v = if x < -0.5 {
            T::of(-0.5)
        } else if x > 1.0 {
            one
        } else {
            z
        };
        check(Clamp(T::of(-0.5), one), v, if inside { 1.0 } else { 0.0 });
    }
    for act in [Clamp(T::of(0.0), T::of(1.0)), Clamp(T::of(1.0), T::of(0.0))] {
        assert_eq!([slope(act, T::of(0.0)), slope(act, T::of(1.0))], [T::of(0.0); 2], "{act:?}");
    }
}

#[test]
fn kinked_f32() {
    kinked::<f32>();
}

#[test]
fn kinked_f64() {
    kinked::<f64>();
}

/// Derivatives agree with central differences: of values whose error is of the order of 10⁻¹⁶ with steps of 10⁻⁵.
#[test]
fn derivatives() {
    let h = 2f64.powi(-17);
    for act in all::<f64>() {
        for z in dense::<f64>(2000)
            .into_iter()
            .filter(|z| z.abs() > 1e-4 && (z + 0.5).abs() > 1e-4 && (z - 2.0).abs() > 1e-4)
        {
            let difference = (value(act, z + h) - value(act, z - h)) / (2.0 * h);
            let tolerance = 1e-9 * z.abs().max(1.0);
            approx::assert_abs_diff_eq!(slope(act, z), difference, epsilon = tolerance);
        }
    }
}

/// An element's bits depend neither on its place nor on what stands beside it.
fn places<T: Real>() {
    let z = dense::<T>(40);
    let g: Vec<T> = z.iter().rev().copied().collect();
    for act in all::<T>() {
        let alone: Vec<T> = z.iter().map(|&z| value(act, z)).collect();
        let alone_g: Vec<T> = z.iter().zip(&g).map(|(&z, &g)| slope(act, z) * g).collect();
        for first in 0..40 {
            for last in first..=40 {
                let (mut values, mut gs) = (z.clone(), g.clone());
                act.apply(&mut values[first..last]).unwrap();
                act.backward(&z[first..last], &mut gs[first..last]).unwrap();
                for i in 0..40 {
                    let inside = (first..last).contains(&i);
                    assert!(same(values[i], if inside { alone[i] } else { z[i] }), "{act:?} {first}..{last}");
                    assert!(same(gs[i], if inside { alone_g[i] } else { g[i] }), "{act:?} {first}..{last}");
                }
            }
        }
    }
}

#[test]
fn places_f32() {
    places::<f32>();
}

#[test]
fn places_f64() {
    places::<f64>();
}

/// The bits are these on every instruction set: what is written for 3000 numbers, hashed (FNV-1a), and at 1 and −2.
fn golden<T: Real>(expected: [[u64; 6]; 5]) {
    if !fused() {
        return;
    }
    let z = dense::<T>(3000);
    let found = smooth::<T>().map(|f| {
        let (mut values, mut slopes) = (z.clone(), vec![T::of(1.0); z.len()]);
        f.act.apply(&mut values).unwrap();
        f.act.backward(&z, &mut slopes).unwrap();
        let hash = |list: &[T]| {
            list.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, x| (hash ^ x.bits()).wrapping_mul(0x100_0000_01B3))
        };
        let at = |z: f64| [value(f.act, T::of(z)).bits(), slope(f.act, T::of(z)).bits()];
        let [[a, b], [c, d]] = [1.0, -2.0].map(at);
        [hash(&values), hash(&slopes), a, b, c, d]
    });
    assert_eq!(found, expected, "{found:#018X?}");
}

#[test]
fn golden_f32() {
    golden::<f32>([
        [0x7BC0_BEDA_EF1E_C389, 0xE16B_B50C_E597_5FC3, 0x3F57_625E, 0x3F8A_AA15, 0xBD3A_5E7D, 0xBDAE_8E03],
        [0xF321_E3BD_E565_2A99, 0x3DE1_2890_12D2_C98A, 0x3F57_585C, 0x3F8A_9E91, 0xBD39_F7C5, 0xBDB0_54CF],
        [0x856B_1C66_9316_C4D4, 0xC7A2_CDED_1A3A_C864, 0x3F3B_26A8, 0x3F6D_7BD1, 0xBE74_20A9, 0xBDB9_ED18],
        [0x95F9_A767_4B33_6EDC, 0x4744_A3A4_C150_23E4, 0x3F3B_26A8, 0x3E49_54A3, 0x3DF4_20A9, 0x3DD7_06E0],
        [0x4744_446B_ACE6_A636, 0x8702_843F_F4CB_6A29, 0x3F42_F7D6, 0x3ED7_06E0, 0xBF76_CA83, 0x3D90_B161],
    ]);
}

#[test]
fn golden_f64() {
    golden::<f64>([
        [
            0x22FB_4F87_729A_CCD1,
            0xCF40_591A_B4D5_4EF2,
            0x3FEA_EC4B_D120_D37D,
            0x3FF1_5542_9A56_CCA6,
            0xBFA7_4BCF_82C9_D85F,
            0xBFB5_D1C0_5635_C4BE,
        ],
        [
            0x59C1_95FB_B917_E716,
            0xE547_5E0A_8CEF_4500,
            0x3FEA_EB0B_772A_3AE2,
            0x3FF1_53D2_25AD_C389,
            0xBFA7_3EF8_961C_AB36,
            0xBFB6_0A99_D368_89C6,
        ],
        [
            0x4850_6DDE_8504_24B7,
            0xA068_B462_8C55_59CE,
            0x3FE7_64D4_F5D5_A2BD,
            0x3FED_AF7A_11BE_73A2,
            0xBFCE_8415_2BAC_31AF,
            0xBFB7_3DA2_F385_E6DB,
        ],
        [
            0x2D9A_A8E1_41F1_AA22,
            0x1016_670E_34E8_60FF,
            0x3FE7_64D4_F5D5_A2BD,
            0x3FC9_2A94_6FA3_4394,
            0x3FBE_8415_2BAC_31AF,
            0x3FBA_E0DC_0F99_0C45,
        ],
        [
            0x7389_2DC4_914C_9664,
            0x4DBD_A77A_ACDE_B67D,
            0x3FE8_5EFA_B514_F394,
            0x3FDA_E0DC_0F99_0C45,
            0xBFEE_D950_5E1B_C3D4,
            0x3FB2_162C_262E_051B,
        ],
    ]);
}

#[test]
fn lengths() {
    let mut g = [1.0f32; 2];
    let err = Silu.backward(&[1.0; 3], &mut g).unwrap_err();
    assert_eq!(err, Error::Length { operand: "g", meaning: "z.len()", expected: 3, found: 2 });
    assert_eq!(g, [1.0; 2]);
    Silu.apply(&mut [0.0f64; 0]).unwrap();
    Silu.backward(&[], &mut [0.0f64; 0]).unwrap();
}
