//! The rule meets the textbook's bound: |Ĉ − C| ≤ γ_{k+2}·(|alpha|·|A|·|B| + |beta·C|), γ_k = k·u / (1 − k·u) (Higham,
//! *Accuracy and Stability of Numerical Algorithms*, 2nd ed., §3.1 and §3.5); γ_k where alpha is 1 and beta 0.

mod support;

use lapidary::{Gemm, MatMut, MatRef};
use support::{Random, Real, depths, small};

/// An unevaluated sum of two numbers: twice the precision of f64, so that it is exact beside either type.
#[derive(Clone, Copy, Default)]
struct Double(f64, f64);

impl Double {
    /// Knuth's exact sum; the rounding of the low parts is of the order of 2⁻¹⁰⁶.
    fn add(self, x: f64, low: f64) -> Double {
        let sum = self.0 + x;
        let y = sum - self.0;
        let error = (self.0 - (sum - y)) + (x - y);
        Double(sum, self.1 + error + low)
    }

    fn add_product(self, x: f64, y: f64) -> Double {
        self.add(x * y, x.mul_add(y, -(x * y)))
    }

    fn times(self, x: f64) -> Double {
        Double::default().add_product(self.0, x).add(self.1 * x, 0.0)
    }
}

fn bound<T: Real>() {
    let mut random = Random(13);
    let mut largest: f64 = 0.0;
    for k in depths::<T>().into_iter().chain([5000]) {
        for (alpha, beta, steps) in [(1.0, 0.0, k), (-0.75, 1.25, k + 2)] {
            // Terms of both signs cancel; terms of one sign let errors add up.
            for signed in [true, false] {
                let (m, n) = if small() { (2, 3) } else { (9, 17) };
                let mut data = |len: usize| -> Vec<T> {
                    (0..len).map(|_| random.unit::<T>()).map(|x| if signed { x } else { x * x }).collect()
                };
                let (a, b, old) = (data(m * k), data(k * n), data(m * n));
                let mut c = old.clone();
                Gemm::new(MatRef::row_major(&a, m, k).unwrap(), MatRef::row_major(&b, k, n).unwrap())
                    .alpha(T::of(alpha))
                    .beta(T::of(beta))
                    .run(MatMut::row_major(&mut c, m, n).unwrap())
                    .unwrap();
                for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                    let (mut sum, mut size) = (Double::default(), 0.0);
                    for p in 0..k {
                        let (x, y) = (a[i * k + p].wide(), b[p * n + j].wide());
                        sum = sum.add_product(x, y);
                        size += (x * y).abs();
                    }
                    let old = old[i * n + j].wide();
                    let exact = sum.times(alpha).add_product(beta, old);
                    let error = ((c[i * n + j].wide() - exact.0) - exact.1).abs();
                    let u = T::UNIT_ROUNDOFF;
                    let gamma = steps as f64 * u / (1.0 - steps as f64 * u);
                    let size = alpha.abs() * size + (beta * old).abs();
                    assert!(error <= gamma * size, "k = {k}: error {error:e}, bound {:e}", gamma * size);
                    largest = largest.max(error / size / u);
                }
            }
        }
    }
    // The error is that of sums of this type, not of a wider one.
    assert!(largest > 0.5, "{largest}");
}

#[test]
fn f32_meets_the_bound() {
    bound::<f32>();
}

#[test]
fn f64_meets_the_bound() {
    bound::<f64>();
}
