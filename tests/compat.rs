//! `sgemm` and `dgemm` beside the crate that they stand for.

mod support;

use std::ptr::without_provenance_mut;

use approx::relative_eq;
use proptest::prelude::*;
use support::matrix::{Matrix, Order, Place, ROW};
use support::{Choose, Random, cases};

macro_rules! compare {
    ($name:ident, $t:ident, $gemm:ident) => {
        /// Both crates on the same operands: the same values but for rounding, and the same elements written.
        fn $name(choose: &mut dyn Iterator<Item = u64>) {
            let (m, k, n) = (choose.below(40), choose.below(60), choose.below(40));
            let strides: [Order; 3] = std::array::from_fn(|operand| Order {
                cols: choose.below(2) == 1,
                inner: choose.one_of(if operand < 2 { &[1, -1, 2, -2, 0] } else { &[1, -1, 2, -2] }),
                outer: choose.one_of(&[1, -1]),
                gap: choose.below(3),
            });
            let (alpha, beta) = (choose.one_of(&[1.0, 0.0, -1.5]), choose.one_of(&[0.0, 1.0, -0.5]));
            let mut random = Random(choose.below(1 << 16) as u64);
            let a = Matrix::<$t>::new(m, k, strides[0], Place::End, || random.unit());
            let b = Matrix::<$t>::new(k, n, strides[1], Place::End, || random.unit());
            let old: Vec<$t> = (0..m * n).map(|_| if beta == 0.0 { $t::NAN } else { random.unit() }).collect();
            let [ours, theirs] = [lapidary::$gemm, matrixmultiply::$gemm].map(|gemm| {
                let mut old = old.iter();
                let mut c = Matrix::new(m, n, strides[2], Place::End, || *old.next().unwrap());
                let (rsa, csa) = strides[0].strides(m, k);
                let (rsb, csb) = strides[1].strides(k, n);
                let (rsc, csc) = strides[2].strides(m, n);
                // SAFETY: three matrices of these shapes and strides.
                unsafe {
                    gemm(m, k, n, alpha, a.ptr(), rsa, csa, b.ptr(), rsb, csb, beta, c.ptr_mut(), rsc, csc);
                }
                c
            });
            for i in 0..m {
                for j in 0..n {
                    let (x, y) = (ours.get(i, j), theirs.get(i, j));
                    // Both are this near to the exact value: see accuracy.rs.
                    let terms: $t = (0..k).map(|p| (alpha * a.get(i, p) * b.get(p, j)).abs()).sum();
                    let size = terms + if beta == 0.0 { 0.0 } else { (beta * old[i * n + j]).abs() };
                    let epsilon = (k + 2) as $t * $t::EPSILON * size;
                    assert!(relative_eq!(x, y, epsilon = epsilon), "C[{i}, {j}] is {x}, matrixmultiply's {y}");
                }
            }
            ours.assert_untouched("C", &strides);
        }
    };
}
compare!(compare_f32, f32, sgemm);
compare!(compare_f64, f64, dgemm);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(1000) as u32))]

    #[test]
    fn any_product(choices in prop::collection::vec(any::<u16>(), 24)) {
        let mut choose = choices.into_iter().map(u64::from);
        if choose.below(2) == 1 { compare_f64(&mut choose) } else { compare_f32(&mut choose) }
    }
}

/// An `alpha` of 0 multiplies all the same.
#[test]
fn alpha_0_is_not_special() {
    for (x, wanted) in [(f32::NAN, f32::NAN), (f32::INFINITY, f32::NAN), (3.0, 0.5)] {
        let (a, b) = ([1.0, x], [1.0, 1.0]);
        for gemm in [lapidary::sgemm, matrixmultiply::sgemm] {
            let mut c = [1.0];
            // SAFETY: a row by a column.
            unsafe { gemm(1, 2, 1, 0.0, a.as_ptr(), 2, 1, b.as_ptr(), 1, 1, 0.5, c.as_mut_ptr(), 1, 1) };
            assert!(support::same(c[0], wanted), "{x}: {}", c[0]);
        }
    }
}

/// A size of 0: pointers to nothing will do, and C becomes `beta`·C.
#[test]
fn sizes_of_0() {
    let nothing = without_provenance_mut::<f64>(8);
    for (m, k, n) in [(0, 3, 4), (3, 4, 0), (0, 0, 0), (0, 0, 4), (3, 0, 0)] {
        // SAFETY: no element is reached.
        unsafe { lapidary::dgemm(m, k, n, 1.0, nothing, 4, 1, nothing, 4, 1, 0.0, nothing, 4, 1) };
    }
    for (beta, wanted) in
        [(0.0, [0.0; 4]), (1.0, [f64::MAX, 2.0, 3.0, -0.0]), (-0.5, [f64::MAX / -2.0, -1.0, -1.5, 0.0])]
    {
        let mut c = [f64::MAX, 2.0, 3.0, -0.0];
        if beta == 0.0 {
            c[0] = f64::NAN;
        }
        // SAFETY: A and B have no element, C has four.
        unsafe { lapidary::dgemm(2, 0, 2, 1.0, nothing, 4, 1, nothing, 4, 1, beta, c.as_mut_ptr(), 2, 1) };
        assert_eq!(c.map(f64::to_bits), wanted.map(f64::to_bits));
    }
}

#[test]
#[should_panic(expected = "elements of C share addresses: it is 2×2 with row stride 0 and column stride 1")]
fn an_output_must_not_repeat() {
    let (a, mut c) = ([1.0; 4], [0.0; 4]);
    // SAFETY: all elements are there.
    unsafe { lapidary::sgemm(2, 2, 2, 1.0, a.as_ptr(), 2, 1, a.as_ptr(), 2, 1, 0.0, c.as_mut_ptr(), 0, 1) };
}

/// The bits are those of the builder: a plain row-major product by both.
#[test]
fn bits_of_the_builder() {
    let mut random = Random(12);
    let (m, k, n) = (23, 700, 31);
    let a = Matrix::<f32>::new(m, k, ROW, Place::End, || random.unit());
    let b = Matrix::<f32>::new(k, n, ROW, Place::End, || random.unit());
    let mut c = Matrix::<f32>::new(m, n, ROW, Place::End, || random.unit());
    let expected = support::model(support::fused(), 1.5, a.view(), b.view(), -0.5, c.view(), None);
    let (k1, n1) = (k as isize, n as isize);
    // SAFETY: three matrices of these shapes and strides.
    unsafe { lapidary::sgemm(m, k, n, 1.5, a.ptr(), k1, 1, b.ptr(), n1, 1, -0.5, c.ptr_mut(), n1, 1) };
    c.assert_is(&expected, "C", &"sgemm");
}
