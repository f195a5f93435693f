//! Any product against the model: `RUSTC_BOOTSTRAP=1 cargo fuzz run gemm fuzz/corpus/gemm fuzz/seeds/gemm`.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use lapidary::{Gemm, MatMut, MatRef, Threads};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use support::cases::{Finished, Product, THREADS};
use support::{Choose, Random, Real, Values, fused, model, same};

#[derive(Arbitrary, Debug)]
struct Input {
    wide: bool,
    m: u8,
    n: u8,
    k: u8,
    /// Deep products are slow: rare.
    deep: Option<u16>,
    threads: u8,
    /// Strides, scalars and values; then what follows the product.
    choices: [u8; 48],
    finished: bool,
    free: Option<Free>,
}

/// Strides, slices and scalars that need not make sense.
#[derive(Arbitrary, Debug)]
struct Free {
    /// Of A, B and C.
    strides: [(Stride, Stride); 3],
    /// Elements that the slices have more than needed.
    spare: [i8; 3],
    /// Rows of B more than columns of A.
    mismatch: Option<i8>,
    alpha: f64,
    beta: f64,
    values: [f64; 4],
    seed: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Stride {
    Near(i8),
    Any(isize),
}

fuzz_target!(|input: Input| {
    let Input { wide, m, n, k, deep, threads, choices, finished, free } = input;
    let [m, n, k] = [m, n, k].map(|size| usize::from(size) % 71);
    let threads = [u64::from(threads)].into_iter().one_of(&THREADS);
    if let Some(free) = free {
        return if wide { free.check::<f64>((m, n, k), threads) } else { free.check::<f32>((m, n, k), threads) };
    }
    let k = match deep {
        Some(deep) if choices[0] % 8 == 7 => usize::from(deep) % 2000,
        _ => k,
    };
    let mut choices = choices.into_iter().map(u64::from);
    if finished {
        let case = Finished::draw((m, n, k), &mut choices);
        return if wide { case.check::<f64>() } else { case.check::<f32>() };
    }
    let case = Product::draw((m, n, k), &mut choices);
    if wide { case.check_gemm::<f64>(threads) } else { case.check_gemm::<f32>(threads) }
});

impl Free {
    fn check<T: Real>(&self, (m, n, k): (usize, usize, usize), threads: Threads) {
        let rows_of_b = k.saturating_add_signed(self.mismatch.unwrap_or(0).into());
        let shapes = [(m, k), (rows_of_b, n), (m, n)];
        let [a_at, b_at, c_at] = [0, 1, 2].map(|of| Layout::new(shapes[of], self.strides[of]));
        let mut random = Random(self.seed.into());
        let mut fill = |layout: &Layout, spare: i8| -> Vec<T> {
            // Too short a slice where the strides reach far.
            let len = (layout.needed + i128::from(spare)).clamp(0, 1 << 14) as usize;
            let value = |_| match random.below(8) {
                of @ 0..4 => T::of(self.values[of]),
                of => random.value(Values::ALL[of - 4]),
            };
            (0..len).map(value).collect()
        };
        let (a, b) = (fill(&a_at, self.spare[0]), fill(&b_at, self.spare[1]));
        let mut c = fill(&c_at, self.spare[2]);
        let before = c.clone();

        // The constructors take what fits, and nothing else.
        let a_view = a_at.view(&a);
        let b_view = b_at.view(&b);
        assert_eq!((a_view.is_ok(), b_view.is_ok()), (a_at.fits(a.len()), b_at.fits(b.len())), "{self:?}");
        let c_fits = c_at.fits(c.len()) && c_at.distinct(c.len());
        let c_view = MatMut::strided(&mut c, m, n, c_at.strides.0, c_at.strides.1);
        assert_eq!(c_view.is_ok(), c_fits, "{self:?}");
        let (Ok(a_view), Ok(b_view), Ok(c_view)) = (a_view, b_view, c_view) else { return };

        let (alpha, beta) = (T::of(self.alpha), T::of(self.beta));
        let done = Gemm::new(a_view, b_view).alpha(alpha).beta(beta).threads(threads).run(c_view);
        assert_eq!(done.is_ok(), rows_of_b == k, "{self:?}");
        if done.is_ok() {
            let wanted = model(fused(), alpha, a_view, b_view, beta, c_at.view(&before).unwrap(), None);
            for (wanted, at) in wanted.into_iter().zip(c_at.elements()) {
                assert!(same(c[at], wanted), "element {at} is {:e}, not {wanted:e}: {m}×{n}×{k} {self:?}", c[at]);
                c[at] = before[at];
            }
        }
        assert!(c.iter().zip(&before).all(|(x, y)| x.bits() == y.bits()), "written beside C: {m}×{n}×{k} {self:?}");
    }
}

/// Where the elements of a matrix lie, computed wide enough for any strides.
struct Layout {
    shape: (usize, usize),
    strides: (isize, isize),
    first: i128,
    needed: i128,
}

impl Layout {
    fn new(shape: (usize, usize), (rows, cols): (Stride, Stride)) -> Layout {
        let wide = |stride| match stride {
            Stride::Near(stride) => stride.into(),
            Stride::Any(stride) => stride,
        };
        let strides = (wide(rows), wide(cols));
        if shape.0 * shape.1 == 0 {
            return Layout { shape, strides, first: 0, needed: 0 };
        }
        let reach =
            [(shape.0, strides.0), (shape.1, strides.1)].map(|(len, stride)| (len as i128 - 1) * stride as i128);
        let first = -reach.iter().map(|&reach| reach.min(0)).sum::<i128>();
        Layout { shape, strides, first, needed: first + reach.iter().map(|&reach| reach.max(0)).sum::<i128>() + 1 }
    }

    fn view<'a, T>(&self, data: &'a [T]) -> Result<MatRef<'a, T>, lapidary::Error> {
        MatRef::strided(data, self.shape.0, self.shape.1, self.strides.0, self.strides.1)
    }

    fn fits(&self, len: usize) -> bool {
        self.needed <= len as i128
    }

    /// Where in the slice, row by row.
    fn elements(&self) -> impl Iterator<Item = usize> {
        let at = |i, j| (self.first + i as i128 * self.strides.0 as i128 + j as i128 * self.strides.1 as i128) as usize;
        (0..self.shape.0).flat_map(move |i| (0..self.shape.1).map(move |j| at(i, j)))
    }

    /// Whether no two elements are at one place.
    fn distinct(&self, len: usize) -> bool {
        let mut taken = vec![false; len];
        self.elements().all(|at| !std::mem::replace(&mut taken[at], true))
    }
}
