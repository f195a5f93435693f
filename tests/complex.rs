//! Complex products equal the rule over 2k real steps to the bit, however they are computed.

mod support;

use lapidary::{Element, Error, Gemm, MatMut, MatRef, Threads, gemm};
use proptest::prelude::*;
use support::cases::THREADS;
use support::complex::Case;
use support::matrix::{COL, ROW};
use support::{Choose, Random, Real, cases, fused, small};

fn both(case: &Case) {
    case.check::<f32>();
    case.check::<f64>();
}

#[test]
fn every_remainder() {
    let mut random = Random(1);
    for m in 1..=14 {
        for n in 1..=36 {
            if !small() || random.below(8) == 0 {
                let k = random.one_of(&[1, 2, 3, 8, 9, 40]);
                let orders = [(); 3].map(|()| random.one_of(&[ROW, COL]));
                let conjugate = random.one_of(&[(false, false), (false, false), (true, false), (false, true)]);
                let beta = random.one_of(&[[0.0; 2], [-0.5, 0.0]]);
                both(&Case { orders, conjugate, beta, ..Case::new(m, n, k) });
            }
        }
    }
}

/// Every layout of the three matrices, conjugated or not, with real and complex scalars, around the bounds of K-blocks.
#[test]
fn every_depth() {
    fn check<T: Real>()
    where
        [T; 2]: Element,
    {
        let mut random = Random(2);
        let half = T::KC / 2;
        for k in [0, 1, 7, 8, 9, half - 1, half, half + 1, T::KC + 3, 3 * half + 5] {
            for layouts in 0..8 {
                let orders = [0, 1, 2].map(|of| if layouts >> of & 1 == 1 { COL } else { ROW });
                for conjugate in [(false, false), (true, false), (false, true), (true, true)] {
                    if !small() || random.below(16) == 0 {
                        let (alpha, beta) = random.one_of(&[([1.0, 0.0], [0.0; 2]), ([0.5, -1.5], [1.0, 0.25])]);
                        let threads = random.one_of(&THREADS);
                        Case { orders, conjugate, alpha, beta, threads, ..Case::new(13, 11, k) }.check::<T>();
                    }
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// Large enough to be cut into blocks and tasks in every way.
#[test]
fn large_products() {
    let mut random = Random(3);
    for (m, n, k) in [(130, 150, 560), (16, 1100, 270), (1100, 16, 270), (5, 4, 6000)] {
        for threads in [Threads::Auto, Threads::Exactly(3)] {
            if !small() || random.below(4) == 0 {
                let orders = [(); 3].map(|()| random.one_of(&[ROW, COL]));
                let alpha = random.one_of(&[[1.0, 0.0], [0.0, 1.0]]);
                both(&Case { orders, alpha, beta: [-0.5, 0.0], threads, ..Case::new(m, n, k) });
            }
        }
    }
}

/// So few steps that all is over quickly, of a C beyond L1, and of many rows.
#[test]
fn quick_products_of_a_large_c() {
    let mut random = Random(4);
    for (m, n, k) in [(100, 150, 1), (55, 170, 1), (40, 190, 2), (150, 100, 2), (1000, 7, 1), (300, 11, 2)] {
        for layouts in 0..8 {
            let orders = [0, 1, 2].map(|of| if layouts >> of & 1 == 1 { COL } else { ROW });
            let beta = random.one_of(&[[0.0; 2], [1.0, 0.0]]);
            both(&Case { orders, beta, ..Case::new(m, n, k) });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(4000) as u32))]

    /// Any shape, strides, values, scalars and threads, as the choices say.
    #[test]
    fn any_product(choices in prop::collection::vec(any::<u16>(), 40)) {
        let mut choose = choices.into_iter().map(u64::from);
        let wide = choose.below(2) == 1;
        let shape = (choose.below(30), choose.below(40), choose.below(30));
        let mut case = Case::draw(shape, &mut choose);
        if choose.below(16) == 15 {
            case.shape.2 = choose.below(1000);
        }
        if wide { case.check::<f64>() } else { case.check::<f32>() }
    }
}

/// Bits that every machine with fused multiply-add has computed since the first release.
#[test]
fn golden_bits() {
    fn check<T: Real>(golden: u64)
    where
        [T; 2]: Element,
    {
        let mut random = Random(0);
        let (m, n, k) = (5, 7, T::KC + 50);
        let [a, b, mut c] =
            [m * k, k * n, m * n].map(|len| (0..len).map(|_| [random.unit(), random.unit()]).collect::<Vec<[T; 2]>>());
        let (a, b) = (MatRef::row_major(&a, m, k).unwrap(), MatRef::row_major(&b, k, n).unwrap());
        let (alpha, beta) = ([1.5, 0.5].map(T::of), [-0.5, 1.0].map(T::of));
        gemm(alpha, a, b, beta, MatMut::row_major(&mut c, m, n).unwrap()).unwrap();
        let parts = c.iter().flatten();
        let hash = parts.fold(0xCBF2_9CE4_8422_2325, |hash: u64, x| (hash ^ x.bits()).wrapping_mul(0x100_0000_01B3));
        assert_eq!(hash, golden, "{hash:#x}");
    }
    if fused() {
        check::<f32>(0xEB21_F215_DBCA_17EC);
        check::<f64>(0x4660_141E_C37E_18E3);
    }
}

/// What a wrong call gets: the error of real matrices, with nothing written.
#[test]
fn errors() {
    let (a, b) = ([[1.0f32, 0.0]; 6], [[1.0f32, 0.0]; 8]);
    let (a, b) = (MatRef::row_major(&a, 2, 3).unwrap(), MatRef::row_major(&b, 4, 2).unwrap());
    let mut c = [[7.0f32; 2]; 6];
    let inner = Gemm::new(a, b).run(MatMut::row_major(&mut c, 2, 2).unwrap()).unwrap_err();
    assert!(matches!(inner, Error::InnerDimension { .. }), "{inner}");
    let shape = Gemm::new(a, a.t()).run(MatMut::row_major(&mut c, 2, 3).unwrap()).unwrap_err();
    assert_eq!(shape.to_string(), "C must be rows of A × columns of B = 2×2, found 2×3");
    assert_eq!(c, [[7.0; 2]; 6]);
    assert!(MatRef::row_major(&c, 2, 4).is_err());
    let ptr = c.as_mut_ptr();
    // SAFETY: elements of the array; the product refuses to write to what it reads.
    let (a, c) = unsafe { (MatRef::from_raw_parts(ptr, 2, 2, 2, 1), MatMut::from_raw_parts(ptr.add(1), 2, 2, 2, 1)) };
    let shared = Gemm::new(a, a).run(c).unwrap_err();
    assert!(matches!(shared, Error::Overlap { .. }), "{shared}");
}

/// A dimension of 1 has a stride that leads nowhere: any number will do.
#[test]
fn unused_strides() -> Result<(), Error> {
    let numbers = [[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 2.0], [1.0, 1.0]];
    for far in [isize::MAX, isize::MIN, -1, 0] {
        let (row, col) = (MatRef::strided(&numbers, 1, 5, far, 1)?, MatRef::strided(&numbers, 5, 1, 1, far)?);
        let one = MatRef::strided(&numbers, 1, 1, far, far)?;
        for threads in [Threads::Serial, Threads::Exactly(3)] {
            for alpha in [[1.0, 0.0], [0.0, 1.0]] {
                let [re, im] = alpha;
                let turned = |[x, y]: [f64; 2]| [re * x - im * y, re * y + im * x];
                let mut c = [[f64::NAN; 2]; 25];
                let product = |a, b| Gemm::new(a, b).alpha(alpha).threads(threads);
                product(row, col).run(MatMut::strided(&mut c, 1, 1, far, far)?)?;
                assert_eq!(c[0], turned([0.0, 2.0]));
                product(col, row).run(MatMut::row_major(&mut c, 5, 5)?)?;
                assert_eq!(c[10..15], numbers.map(|[x, y]| turned([2.0 * x, 2.0 * y])));
                product(one, row).run(MatMut::strided(&mut c, 1, 5, far, 1)?)?;
                assert_eq!(c[..5], numbers.map(turned));
                product(col, one).run(MatMut::strided(&mut c, 5, 1, 5, far)?)?;
                assert_eq!(c[20], turned([1.0, 1.0]));
            }
        }
    }
    // Block sums of two tasks, added to one column.
    let deep = vec![[1.0, 0.0]; 2000];
    let mut c = [[f64::NAN; 2]; 2];
    for far in [isize::MAX, isize::MIN] {
        let (a, b) = (MatRef::row_major(&deep, 2, 1000)?, MatRef::strided(&deep, 1000, 1, 1, far)?);
        Gemm::new(a, b).threads(Threads::Exactly(7)).run(MatMut::strided(&mut c, 2, 1, 1, far)?)?;
        assert_eq!(c, [[1000.0, 0.0]; 2]);
    }
    Ok(())
}

/// The numbers of the crate num-complex.
#[test]
fn num_complex() {
    use num_complex::Complex;
    let mut random = Random(5);
    let pairs: Vec<[f64; 2]> = (0..100).map(|_| [random.unit(), random.unit()]).collect();
    let numbers: Vec<Complex<f64>> = pairs.iter().map(|&[re, im]| Complex::new(re, im)).collect();
    let (mut c, mut wanted) = (vec![Complex::ZERO; 100], vec![[0.0; 2]; 100]);
    let (p, q) = (MatRef::row_major(&pairs, 10, 10).unwrap(), MatRef::row_major(&numbers, 10, 10).unwrap());
    let (alpha, beta) = (Complex::new(0.5, 2.0), Complex::ONE);
    Gemm::new(p, p.t())
        .alpha([0.5, 2.0])
        .beta([1.0, 0.0])
        .run(MatMut::row_major(&mut wanted, 10, 10).unwrap())
        .unwrap();
    gemm(alpha, q, q.t(), beta, MatMut::row_major(&mut c, 10, 10).unwrap()).unwrap();
    assert!(c.iter().zip(&wanted).all(|(x, &[re, im])| (x.re, x.im) == (re, im)));
    assert_eq!(<Complex<f32> as Element>::KC, f32::KC);
}
