//! Every kernel that this machine can run, and plans that `Plan::new` might never make, against the model: bit for bit,
//! with all operands flush against pages that must not be touched.

#[path = "../tests/support/mod.rs"]
mod support;

use support::cases::{Operands, Product};
use support::matrix::{COL, Order, ROW};
use support::{Choose, Random, Real, cases, depths};

use crate::epilogue::Epilogue;
use crate::machine::{Isa, Machine, machine};
use crate::nest::{self, Place, Problem};
use crate::plan::tiles::MOST_POINTERS;
use crate::plan::{LINE, Plan, Reading, Split, block_len};
use crate::simd::{Kernels, Menu};

/// This machine with each instruction set that it has, and the kernels for one without fused multiply-add.
fn machines() -> Vec<Machine> {
    let here = machine().expect("a valid LAPIDARY_ISA");
    let with = |isa, fused| Machine { isa, fused, ..here.clone() };
    let mut machines = vec![with(Isa::Portable, false)];
    machines.extend(Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(|isa| {
        // Without std the portable kernels cannot ask for the instruction.
        with(isa, here.fused && (cfg!(feature = "std") || isa != Isa::Portable))
    }));
    machines
}

/// All their kernels, those for few columns among them.
fn every_kernels<T: Real>() -> Vec<(Machine, &'static Kernels<T>)> {
    let of = |machine: Machine| {
        let kernels = T::kernels(&machine);
        [Some(kernels), kernels.half].into_iter().flatten().map(move |kernels| (machine.clone(), kernels))
    };
    machines().into_iter().flat_map(of).collect()
}

fn check<T: Real>((machine, kernels): (&Machine, &Kernels<T>), swap: bool, plan: Plan, case: &Product) {
    let run = |Operands { a, b, c, alpha, beta, bias }: Operands<'_, T>| {
        let epilogue = Epilogue { bias, ..Epilogue::new() };
        let problem =
            Problem { a, b, c, alpha, beta, epilogue: bias.map(|_| &epilogue), place: Place::WHOLE, complex: None };
        nest::run(if swap { problem.t() } else { problem }, &plan, kernels);
    };
    case.check(machine.fused, &(machine, kernels.lanes, swap, &plan), run);
}

/// Any product of a shape that multiplies at all.
fn draw(shape: (usize, usize, usize), random: &mut Random) -> Product {
    let case = Product::draw(shape, random);
    Product { alpha: if case.alpha == 0.0 { 2.0 } else { case.alpha }, bias: random.below(4) == 0, ..case }
}

/// A plan of one tile at a time, serial.
fn plain<T: Real>(rows: usize, vecs: usize, k: usize) -> Plan {
    Plan {
        rows,
        vecs,
        block: block_len(k, T::KC),
        pass: block_len(k, T::KC),
        together: 1,
        pack_narrow: false,
        keeps_narrow: false,
        wide: Reading::InPlace,
        packed_together: 1,
        narrow_block: rows,
        wide_block: vecs,
        by_rows: false,
        ahead: 0,
        beyond: 0,
        streams: false,
        split: Split::Grid { rows: 1, cols: 1 },
    }
}

/// Rows and vectors of every tile.
fn tiles<T>(menu: &Menu<T>) -> Vec<(usize, usize)> {
    let of = |(vecs, tiles): (usize, &&[_])| (1..=tiles.len()).map(move |rows| (rows, vecs + 1)).collect::<Vec<_>>();
    menu.tiles.iter().enumerate().flat_map(of).collect()
}

/// Every tile × how the narrow operand lies, or packed × the wide one in place or packed; with columns left over and
/// depths drawn often enough to meet all of them.
fn every_tile<T: Real>() {
    let mut random = Random(1);
    for (machine, kernels) in every_kernels::<T>() {
        let whole =
            tiles(&kernels.tiles).into_iter().flat_map(|tile| [(tile, Reading::InPlace), (tile, Reading::Packed)]);
        let turning = tiles(&kernels.turning).into_iter().map(|tile| (tile, Reading::Turned));
        for ((rows, vecs), wide) in whole.chain(turning) {
            for (order, pack_narrow) in [(Some(COL), false), (Some(ROW), false), (None, true)] {
                if order == Some(ROW) && rows > MOST_POINTERS {
                    continue;
                }
                for _ in 0..cases(3 * kernels.lanes) {
                    let n = (vecs - 1) * kernels.lanes + 1 + random.below(kernels.lanes);
                    let k = random.one_of(&depths::<T>());
                    let mut case = draw((rows, n, k), &mut random);
                    if let Some(order) = order {
                        case.orders[0] = Order { gap: random.below(3), ..order };
                    }
                    if wide != Reading::Packed {
                        case.orders[1] = Order { cols: wide == Reading::Turned, inner: 1, ..case.orders[1] };
                    }
                    check::<T>(
                        (&machine, kernels),
                        false,
                        Plan { pack_narrow, wide, ..plain::<T>(rows, vecs, k) },
                        &case,
                    );
                }
            }
        }
    }
}

/// Every tile whose vectors are K-blocks.
fn blocks_together<T: Real>() {
    let mut random = Random(3);
    for (machine, kernels) in every_kernels::<T>() {
        let turning = tiles(&kernels.turning).into_iter().filter(|tile| tile.1 > 1).map(|tile| (tile, Reading::Turned));
        let blocks = tiles(&kernels.blocks).into_iter().map(|(rows, vecs)| ((rows, 1 + vecs), Reading::InPlace));
        for ((rows, together), wide) in turning.chain(blocks) {
            for _ in 0..cases(kernels.lanes) {
                let k = together * T::KC * (1 + random.below(2)) - random.below(2) * random.below(40);
                let turned = wide == Reading::Turned;
                let n = 1 + random.below(if turned { 2 * kernels.lanes } else { kernels.lanes });
                let mut case = draw((rows, n, k), &mut random);
                case.orders[0] = Order { gap: random.below(3), ..random.one_of(&[ROW, COL]) };
                case.orders[1] = Order { cols: turned, inner: 1, ..case.orders[1] };
                check::<T>((&machine, kernels), false, Plan { together, wide, ..plain::<T>(rows, 1, k) }, &case);
            }
        }
    }
}

#[test]
fn blocks_together_f32() {
    blocks_together::<f32>();
}

#[test]
fn blocks_together_f64() {
    blocks_together::<f64>();
}

#[test]
fn every_tile_f32() {
    every_tile::<f32>();
}

#[test]
fn every_tile_f64() {
    every_tile::<f64>();
}

/// Blocks, orientation, packing and tasks drawn at random.
fn every_plan<T: Real>() {
    let mut random = Random(2);
    for (machine, kernels) in every_kernels::<T>() {
        let lanes = kernels.lanes;
        let (all, turning) = (tiles(&kernels.tiles), tiles(&kernels.turning));
        for _ in 0..cases(4000) {
            let k = if random.below(8) > 0 { 1 + random.below(40) } else { random.one_of(&depths::<T>()) };
            let shape = (1 + random.below(50), 1 + random.below(4 * lanes), k);
            let mut case = draw(shape, &mut random);
            let [a, b, _] = case.orders;
            let (a, b) = (a.strides(shape.0, k), b.strides(k, shape.1));
            let swap = random.below(2) == 1;
            let streams = random.below(2) == 1;
            // A C of any other strides is not to be.
            if streams && random.below(4) > 0 {
                let run = if swap { shape.0 } else { shape.1 };
                let gap = run.next_multiple_of(LINE / size_of::<T>()) - run;
                case.orders[2] = Order { cols: swap, inner: 1, gap, ..case.orders[2] };
            }
            let (m, n, narrow, wide) =
                if swap { (shape.1, shape.0, (b.1, b.0), (a.1, a.0)) } else { (shape.0, shape.1, a, b) };
            let wide = match random.below(2) {
                0 if wide.1 == 1 => Reading::InPlace,
                0 if wide.0 == 1 => Reading::Turned,
                _ => Reading::Packed,
            };
            let (rows, vecs) = random.one_of(if wide == Reading::Turned { &turning } else { &all });
            let pack_narrow = random.below(2) == 1 || (narrow.0 != 1 && narrow.1 != 1);
            let rows = if pack_narrow || narrow.0 == 1 { rows } else { rows.min(MOST_POINTERS) };
            let vectors = n.div_ceil(lanes);
            let block = block_len(k, T::KC);
            let plan = Plan {
                pack_narrow,
                keeps_narrow: random.below(2) == 1,
                wide,
                packed_together: 1 + random.below(4),
                narrow_block: if random.below(2) == 1 { m } else { 1 + random.below(m) },
                wide_block: 1 + random.below(vectors),
                pass: if random.below(2) == 1 { block } else { 1 + random.below(block) },
                together: 1,
                by_rows: random.below(2) == 1,
                ahead: [0, 8, 100, 4096][random.below(4)],
                beyond: [0, 0, 16, 300][random.below(4)],
                streams,
                split: match random.below(3) {
                    0 => Split::Grid { rows: 1, cols: 1 },
                    1 => Split::Grid { rows: 1 + random.below(m.div_ceil(rows)), cols: 1 + random.below(vectors) },
                    _ => Split::Deep { tasks: 1 + random.below(k.div_ceil(block_len(k, T::KC))) },
                },
                ..plain::<T>(rows, vecs, k)
            };
            check::<T>((&machine, kernels), swap, plan, &case);
        }
    }
}

#[test]
fn every_plan_f32() {
    every_plan::<f32>();
}

#[test]
fn every_plan_f64() {
    every_plan::<f64>();
}
