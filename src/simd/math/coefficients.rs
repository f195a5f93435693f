//! The numbers that activations are computed from.

/// What differs between the element types. Polynomials were fitted to the least relative error by Remez' exchange, in 40
/// to 60 digits, and their coefficients rounded.
pub trait Coefficients: Sized + 'static {
    /// 1.5 times the power of two from which on numbers have no fraction; plus, in the lowest bits, the bias of
    /// exponents and the logarithm of 1/`DOWN`.
    const ROUND: Self;
    /// A power of two so small that 2ⁿ/`DOWN` is normal for every exponential that is not 0.
    const DOWN: Self;
    const LOG2_E: Self;
    /// −ln 2 in two parts: the first has so few bits that its products with exponents are exact.
    const MINUS_LN2: [Self; 2];
    /// (e^r − 1 − r)/r² for |r| ≤ ln(2)/2: the relative error of e^r − 1 is 2^−31.8 (f32), 2^−58.3 (f64).
    const EXP: &'static [Self];
    /// Where [`MILLS`](Self::MILLS)' argument is 0.
    const CENTRE: Self;
    /// (a + k)·(1 − Φ(a))·e^(a²/2) in w = (k − a)/(k + a), k = `CENTRE`, for a from 0 to 15 (f32) or 39 (f64): relative
    /// error 2^−30.0 (f32), 2^−58.1 (f64). (a + k)·R(a) with Mills' ratio R varies little; a small k wants a higher degree, a
    /// large one makes rounding errors of w count more near 0.
    const MILLS: &'static [Self];
    /// 2·√(2/π) in two parts, and the same times 0.044715: the tanh form of GELU is z·σ(z·(c + d·z²)).
    const CUBIC: [[Self; 2]; 2];
    /// −|z| from which on a tail, times |z| or its derivative, is 0 even as a subnormal number: of the normal distribution,
    /// of the cubic's logistic (beyond it tanh is 1, too), and of the logistic.
    const FAR_NORMAL: Self;
    const FAR_CUBIC: Self;
    const FAR: Self;
    /// A number that is the same in both types.
    fn exact(x: f32) -> Self;
}

impl Coefficients for f32 {
    const ROUND: Self = ((3u32 << 22) + 127 + 64) as f32;
    const DOWN: Self = f32::from_bits((127 - 64) << 23);
    const LOG2_E: Self = core::f32::consts::LOG2_E;
    const MINUS_LN2: [Self; 2] = [-0.69314575, -1.4286068e-6];
    const EXP: &'static [Self] = &[0.5, 0.16666667, 0.04166635, 0.008333298, 0.0013941119, 0.00019899286];
    const CENTRE: Self = 3.0;
    const MILLS: &'static [Self] = &[
        0.7290837,
        0.509332,
        0.2300177,
        0.047262687,
        -0.010462513,
        -0.0069693113,
        0.001024754,
        0.0010325735,
        -0.0002447301,
        -0.00013133013,
        5.448903e-5,
    ];
    const CUBIC: [[Self; 2]; 2] = [[1.5957692, -4.534068e-8], [0.071354814, 2.3988325e-9]];
    const FAR_NORMAL: Self = -15.0;
    const FAR_CUBIC: Self = -11.0;
    const FAR: Self = -112.0;

    #[inline(always)]
    fn exact(x: f32) -> f32 {
        x
    }
}

impl Coefficients for f64 {
    const ROUND: Self = ((3u64 << 51) + 1023 + 512) as f64;
    const DOWN: Self = f64::from_bits((1023 - 512) << 52);
    const LOG2_E: Self = core::f64::consts::LOG2_E;
    const MINUS_LN2: [Self; 2] = [-0.693147180559663, -2.8235290563031577e-13];
    const EXP: &'static [Self] = &[
        0.5000000000000001,
        0.1666666666666667,
        0.04166666666665229,
        0.008333333333326153,
        0.0013888888895596861,
        0.00019841269874764302,
        2.480157453845723e-5,
        2.755725546255769e-6,
        2.7567926963090994e-7,
        2.5105193992620958e-8,
        1.768777823714314e-9,
    ];
    const CENTRE: Self = 3.5;
    const MILLS: &'static [Self] = &[
        0.7444160754359381,
        0.565561816053779,
        0.3154249698879522,
        0.11605092871407942,
        0.01740783260206332,
        -0.0064762189199109605,
        -0.003189101048576744,
        0.0004450129506814031,
        0.00047665710361859354,
        -6.703323740936103e-5,
        -7.558466242728186e-5,
        1.8788928709415845e-5,
        1.1506609867083129e-5,
        -5.652028169435338e-6,
        -1.1648955369821385e-6,
        1.4794447054774355e-6,
        -1.4355124890770744e-7,
        -2.948409762691296e-7,
        1.244328680578699e-7,
        3.053354214395522e-8,
        -3.680451561855965e-8,
        3.6398937601745845e-9,
        5.140379557989407e-9,
        -1.4409704059291456e-9,
        -4.833558828219852e-11,
    ];
    const CUBIC: [[Self; 2]; 2] =
        [[1.5957691216057308, -9.96930880911092e-17], [0.07135481627260025, -6.175149918155315e-19]];
    const FAR_NORMAL: Self = -39.0;
    const FAR_CUBIC: Self = -22.0;
    const FAR: Self = -760.0;

    #[inline(always)]
    fn exact(x: f32) -> f64 {
        x.into()
    }
}
