//! Every result equals the model to the bit.

mod support;

use std::ptr::without_provenance_mut;

use lapidary::{Element, Gemm, MatMut, MatRef, Threads, gemm, machine};
use proptest::prelude::*;
use support::cases::{Product, SCALARS, THREADS};
use support::matrix::{COL, Matrix, Order, Place, ROW};
use support::{Choose, Random, Real, Values, cases, depths, elements, emulated, same, small};

/// NN, TN, NT and TT.
const VARIANTS: [[Order; 2]; 4] = [[ROW, ROW], [COL, ROW], [ROW, COL], [COL, COL]];

/// CI names the instruction set that it means to test.
#[test]
fn the_instruction_set_is_the_expected_one() {
    if let Ok(expected) = std::env::var("LAPIDARY_EXPECT_ISA") {
        assert_eq!(machine().unwrap().isa.name(), expected);
    }
}

/// The rule does not drift together with its model: bits that every machine with fused multiply-add has computed since
/// the first release.
#[test]
fn golden_bits() {
    fn check<T: Real>(golden: u64) {
        let mut random = Random(0);
        let (m, n, k) = (5, 7, 2 * T::KC + 100);
        let [a, b, old] = [m * k, k * n, m * n].map(|len| (0..len).map(|_| random.unit()).collect::<Vec<T>>());
        let mut c = old;
        let (a, b) = (MatRef::row_major(&a, m, k).unwrap(), MatRef::row_major(&b, k, n).unwrap());
        gemm(T::of(1.5), a, b, T::of(-0.5), MatMut::row_major(&mut c, m, n).unwrap()).unwrap();
        // FNV-1a, a word at a time.
        let hash = c.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, x| (hash ^ x.bits()).wrapping_mul(0x100_0000_01B3));
        assert_eq!(hash, golden, "{hash:#x}");
    }
    if support::fused() {
        check::<f32>(0xE5E1_2AC2_ACAE_4E20);
        check::<f64>(0xA085_D5B8_8848_3E9A);
    }
}

fn both(case: &Product, threads: Threads) {
    case.check_gemm::<f32>(threads);
    case.check_gemm::<f64>(threads);
}

#[test]
fn every_remainder() {
    let mut random = Random(3);
    for m in 1..=26 {
        for n in 1..=70 {
            if small() && random.below(10) > 0 {
                continue;
            }
            let [a, b] = random.one_of(&VARIANTS);
            let k = random.one_of(&[1, 2, 3, 15, 16, 17, 40]);
            let beta = random.one_of(&SCALARS);
            let c = random.one_of(&[ROW, ROW, COL, Order { inner: 2, ..ROW }]);
            both(&Product { orders: [a, b, c], beta, ..Product::new(m, n, k) }, Threads::Serial);
        }
    }
}

/// Few columns of many rows, which may go through a copy of C's transpose, a part at a time.
#[test]
fn few_columns() {
    let mut random = Random(7);
    for n in 1..=9 {
        for m in [12, 15, 16, 17, 31, 33, 64, 171, 257, 600, 1025, 2000] {
            let k = random.one_of(&[1, 2, 3, 15, 16, 50, 256, 257]);
            for [a, b] in VARIANTS {
                if small() && random.below(4) > 0 {
                    continue;
                }
                let (alpha, beta) = (random.one_of(&SCALARS), random.one_of(&SCALARS));
                let c = random.one_of(&[ROW, ROW, COL, Order { inner: 2, ..ROW }]);
                both(&Product { orders: [a, b, c], alpha, beta, ..Product::new(m, n, k) }, Threads::Serial);
            }
        }
    }
}

fn every_depth<T: Real>() {
    let mut random = Random(4);
    let shapes = [(1, 40), (40, 1), (13, 37), (70, 90)];
    for k in depths::<T>().into_iter().chain([0]) {
        for [a, b] in VARIANTS {
            for alpha in SCALARS {
                for beta in SCALARS {
                    let mut shapes = shapes.to_vec();
                    if small() {
                        shapes = vec![shapes[random.below(3)]];
                    }
                    for (m, n) in shapes {
                        let case = Product { orders: [a, b, ROW], alpha, beta, ..Product::new(m, n, k) };
                        case.check_gemm::<T>(random.one_of(&THREADS));
                    }
                }
            }
        }
    }
}

#[test]
fn every_depth_f32() {
    every_depth::<f32>();
}

#[test]
fn every_depth_f64() {
    every_depth::<f64>();
}

/// K-blocks of which the last has fewer steps than are turned at once: six. (There are so many blocks that each, evened out
/// and rounded up, is of KC.)
#[test]
fn a_last_block_of_few_steps() {
    let (k32, k64) = (31 * f32::KC + 6, 15 * f64::KC + 6);
    for (m, n) in [(1, 1), (1, 5), (1, 33), (3, 21), (9, 40)] {
        for [a, b] in VARIANTS {
            let product = |k| Product { orders: [a, b, ROW], ..Product::new(m, n, k) };
            product(k32).check_gemm::<f32>(Threads::Serial);
            product(k64).check_gemm::<f64>(Threads::Serial);
        }
    }
}

/// K-blocks of one element: as many as lanes and more, the last of them short, shared and not.
#[test]
fn dot_products() {
    let mut random = Random(13);
    for blocks in [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33] {
        for beyond in [0, 1, 3, 8, 100] {
            if small() && random.below(4) > 0 {
                continue;
            }
            let (alpha, beta) = (random.one_of(&SCALARS), random.one_of(&SCALARS));
            let b = random.one_of(&[COL, COL, ROW, Order { inner: 2, ..ROW }]);
            let product =
                |kc| Product { orders: [ROW, b, ROW], alpha, beta, ..Product::new(1, 1, blocks * kc + beyond) };
            let threads = random.one_of(&THREADS);
            product(f32::KC).check_gemm::<f32>(threads);
            product(f64::KC).check_gemm::<f64>(threads);
        }
    }
}

/// So few steps that A is in registers, not C: every rest of rows and columns, B contiguous either way, and more columns than are kept
/// at hand of it.
#[test]
fn updates_of_low_rank() {
    let mut random = Random(17);
    for k in 1..=9 {
        for [a, b] in VARIANTS {
            for beta in SCALARS {
                let (alpha, c) = (random.one_of(&SCALARS), random.one_of(&[ROW, ROW, COL, Order { inner: 2, ..ROW }]));
                let below = [(1, 40, 1, 150), (10, 90, 40, 300), (1, 20, 2000, 5000)];
                for (rows, more_rows, cols, more_cols) in below {
                    let (m, n) = (rows + random.below(more_rows), cols + random.below(more_cols));
                    let case = Product { orders: [a, b, c], alpha, beta, ..Product::new(m, n, k) };
                    both(&case, random.one_of(&THREADS));
                }
            }
        }
    }
}

/// No element at all, or nothing to add to each.
#[test]
fn empty_dimensions() {
    for (m, n, k) in (0..27).map(|i| ([0, 1, 5][i / 9], [0, 1, 5][i / 3 % 3], [0, 1, 5][i % 3])) {
        for beta in SCALARS {
            both(&Product { beta, ..Product::new(m, n, k) }, Threads::Exactly(2));
        }
    }
}

/// Large enough to be packed and to be cut into blocks and tasks in every way.
#[test]
fn large_products() {
    let mut random = Random(5);
    let shapes = [
        (300, 330, 1100),
        (600, 36, 300),
        (40, 4500, 530),
        (4500, 40, 530),
        (257, 513, 100),
        (16, 16, 9000),
        (2, 3, 30000),
    ];
    for (m, n, k) in shapes {
        for [a, b] in VARIANTS {
            if small() && random.below(8) > 0 || emulated() && m * n * k > 20_000_000 {
                continue;
            }
            let c = random.one_of(&[ROW, COL]);
            both(&Product { orders: [a, b, c], beta: -0.5, ..Product::new(m, n, k) }, random.one_of(&THREADS));
        }
    }
}

/// Rows a multiple of 4096 bytes apart, which caches hold few of.
#[test]
fn aliasing_strides() {
    for (a, b) in [(64, 64), (1024, 2048), (2048, 1024)] {
        let far = |to: usize, len: usize, order: Order| Order { gap: to.saturating_sub(len), ..order };
        for [order_a, order_b] in VARIANTS {
            let (m, n, k) = if small() { (13, 20, 30) } else { (60, 64, 64) };
            let orders = [far(a, if order_a.cols { m } else { k }, order_a), far(b, n.max(k), order_b), far(a, n, ROW)];
            both(&Product { orders, beta: 1.0, ..Product::new(m, n, k) }, Threads::Auto);
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
        let threads = choose.one_of(&THREADS);
        let shape = (choose.below(50), choose.below(70), choose.below(50));
        let deep = choose.below(16);
        let mut case = Product::draw(shape, &mut choose);
        if deep == 15 {
            case.shape.2 = choose.below(2000);
        }
        if wide { case.check_gemm::<f64>(threads) } else { case.check_gemm::<f32>(threads) }
    }
}

/// Rows of whole cache lines that begin anywhere in one, which are reached by a few steps or columns on their own.
#[test]
fn between_lines() {
    let mut random = Random(17);
    let line = |run: usize, order: Order| Order { gap: run.next_multiple_of(16) - run, ..order };
    for before in 0..16 {
        for m in [1, 2, 3, 4, 6, 9, 16, 33] {
            if small() && random.below(4) > 0 {
                continue;
            }
            // Along the depth; and along the columns, of B or of C.
            let (n, k) = (random.one_of(&[5, 16, 40]), random.one_of(&[144, 304, 600]) - before);
            let c = random.one_of(&[ROW, COL]);
            both(&Product { orders: [ROW, line(k, COL), c], ..Product::new(m, n, k) }, Threads::Serial);
            if m < 5 {
                let (n, k) = (1056 - before, 140);
                let (rows, threads) = (line(n, ROW), random.one_of(&THREADS));
                let [outer, inner] = [(k, m), (m, k)].map(|(m, k)| Product::new(m, n, k));
                both(&Product { orders: [ROW, rows, ROW], beta: -0.5, ..inner }, threads);
                both(&Product { orders: [COL, ROW, rows], beta: -0.5, ..outer }, threads);
            }
        }
    }
}

/// Row i of a batch has the bits that it has alone.
fn batches<T: Real>() {
    let mut random = Random(6);
    let sizes = [2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 17, 24, 25, 31, 48, 65, 100, 128, 200, 255, 300];
    for (d_in, d_out) in [(3, 7), (64, 48), (T::KC + 1, 100), (3 * T::KC + 5, 10)] {
        for order in [ROW, COL] {
            let x = Matrix::<T>::new(300, d_in, ROW, Place::End, || random.unit());
            let w = Matrix::<T>::new(d_in, d_out, order, Place::End, || random.unit());
            let y = |rows, threads| {
                let mut y = vec![T::NAN; d_out * 300];
                let x = x.view().block(rows, 0..d_in).unwrap();
                let y_view = MatMut::row_major(&mut y, x.rows(), d_out).unwrap();
                Gemm::new(x, w.view()).threads(threads).run(y_view).unwrap();
                y
            };
            let alone: Vec<T> = (0..300).flat_map(|i| y(i..i + 1, Threads::Auto)[..d_out].to_vec()).collect();
            for n in sizes {
                if small() && random.below(8) > 0 {
                    continue;
                }
                let threads = random.one_of(&THREADS);
                let batch = y(0..n, threads);
                let equal = batch.iter().zip(&alone).take(n * d_out).all(|(x, y)| x.bits() == y.bits());
                assert!(equal, "{d_in}, {d_out}, {order:?}, batch of {n} on {threads:?}");
            }
        }
    }
}

#[test]
fn batches_f32() {
    batches::<f32>();
}

#[test]
fn batches_f64() {
    batches::<f64>();
}

/// Pools of any size, products inside tasks and beside each other.
#[cfg(feature = "rayon")]
#[test]
fn inside_rayon() {
    let cases: Vec<Product> = [(100, 90, 300), (16, 16, 5000), (13, 400, 33), (300, 9, 100)]
        .map(|(m, n, k)| Product { beta: -0.5, ..Product::new(m, n, k) })
        .into();
    for threads in if small() { vec![3] } else { vec![1, 2, 3, 7] } {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            rayon::scope(|scope| {
                for case in &cases {
                    for threads in THREADS {
                        scope.spawn(move |_| both(case, threads));
                    }
                }
            });
        });
    }
}

/// From plain threads at once.
#[test]
fn beside_each_other() {
    std::thread::scope(|scope| {
        for n in 1..5 {
            scope.spawn(move || both(&Product::new(60, 50 * n, 200), Threads::Auto));
        }
    });
}

/// With `alpha` or k 0, A and B are not read: pointers to nothing do.
#[test]
fn nothing_to_read() {
    for (alpha, k) in [(0.0, 7), (0.0, 5000), (1.0, 0)] {
        for (beta, threads) in [(0.0, Threads::Serial), (1.0, Threads::Auto), (-0.5, Threads::Exactly(3))] {
            let nothing = without_provenance_mut::<f32>(1 << 30);
            // SAFETY: neither is read, says the documentation.
            let (a, b) =
                unsafe { (MatRef::from_raw_parts(nothing, 9, k, 1, 9), MatRef::from_raw_parts(nothing, k, 11, 11, 1)) };
            let mut random = Random(7);
            for order in [ROW, COL, Order { inner: -2, ..ROW }] {
                let old = || if beta == 0.0 { f32::NAN } else { random.value(Values::Special) };
                let mut c = Matrix::<f32>::new(9, 11, order, Place::Start, old);
                let expected: Vec<f32> =
                    elements(c.view()).into_iter().map(|x| if beta == 0.0 { 0.0 } else { beta * x }).collect();
                Gemm::new(a, b).alpha(alpha).beta(beta).threads(threads).run(c.view_mut()).unwrap();
                c.assert_is(&expected, "C", &(alpha, beta, k));
            }
        }
    }
}

/// With `beta` 1 and nothing to add, C keeps its bits: no addition of 0, no multiplication by 1.
#[test]
fn nothing_to_add() {
    let bits = [0x8000_0000, 0x7FA0_0001, 0xFF80_0123, 0x0000_0001, 0x7F80_0000, 0x3F80_0000];
    let (a, b) = ([f32::NAN; 8], [f32::INFINITY; 12]);
    for (alpha, k) in [(0.0, 4), (1.0, 0)] {
        let mut c = bits.map(f32::from_bits);
        let (a, b) = (MatRef::row_major(&a, 2, k).unwrap(), MatRef::row_major(&b, k, 3).unwrap());
        gemm(alpha, a, b, 1.0, MatMut::row_major(&mut c, 2, 3).unwrap()).unwrap();
        assert_eq!(c.map(f32::to_bits), bits);
    }
}

/// What IEEE 754 says of single products, nothing being skipped.
#[test]
fn special_values() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for (a, b, wanted) in [
        (0.0, inf, nan),
        (-0.0, inf, nan),
        (nan, 0.0, nan),
        (inf, -inf, -inf),
        (-0.0, 1.0, 0.0), // 0 + −0
        (f64::MAX, 2.0, inf),
        (f64::MIN_POSITIVE, 0.25, f64::MIN_POSITIVE / 4.0),
        (5e-324, 1.0, 5e-324),
    ] {
        // In every lane of every tile; the other elements must not meet it.
        for at in 0..40 {
            let mut row = [1.0; 40];
            row[at] = b;
            let (a_data, mut c) = ([a, 1.0], [nan; 80]);
            let a_view = MatRef::row_major(&a_data, 2, 1).unwrap();
            gemm(1.0, a_view, MatRef::row_major(&row, 1, 40).unwrap(), 0.0, MatMut::row_major(&mut c, 2, 40).unwrap())
                .unwrap();
            assert!(same(c[at], wanted), "{a} · {b} is {}", c[at]);
            assert!(same(c[(at + 1) % 40], a + 0.0) && same(c[40 + at], b + 0.0) && c[40 + (at + 1) % 40] == 1.0);
        }
    }
}

/// A block of a matrix computed from others of the same memory.
#[test]
fn blocks_of_one_parent() {
    let mut random = Random(8);
    for swap in [false, true] {
        let mut parent: Vec<f64> = (0..30 * 64).map(|_| random.unit()).collect();
        let before = parent.clone();
        let whole = |data| MatRef::row_major(data, 30, 64).unwrap();
        let (a, b) = (whole(&before).block(0..20, 0..10).unwrap(), whole(&before).block(20..30, 0..31).unwrap());
        let c = whole(&before).block(0..20, 10..41).unwrap();
        let expected = support::model(support::fused(), 1.0, a, b, -0.5, c, None);
        let ptr = parent.as_mut_ptr();
        // SAFETY: three blocks that share no element.
        let (a, b, c) = unsafe {
            (
                MatRef::from_raw_parts(ptr, 20, 10, 64, 1),
                MatRef::from_raw_parts(ptr.add(20 * 64), 10, 31, 64, 1),
                MatMut::from_raw_parts(ptr.add(10), 20, 31, 64, 1),
            )
        };
        match swap {
            false => gemm(1.0, a, b, -0.5, c).unwrap(),
            true => gemm(1.0, b.t(), a.t(), -0.5, c.t()).unwrap(),
        }
        for (at, (&x, &old)) in parent.iter().zip(&before).enumerate() {
            let (i, j) = (at / 64, at % 64);
            let inside = i < 20 && (10..41).contains(&j);
            let wanted = if inside { expected[i * 31 + j - 10] } else { old };
            assert!(same(x, wanted), "element {i}, {j}");
        }
    }
}
