//! Choices that were measured: see docs/PERFORMANCE.md.

use super::apart::{Columns, whole_columns};
use super::facts::SWEEP_STEPS;
use super::roles::{FewColumns, Vectors, turns};
use super::*;

const MENU: [usize; 8] = [12, 6, 3, 2, 1, 1, 1, 1];
/// Of vectors that are cache lines.
const LINES: [usize; 8] = [16, 12, 8, 6, 4, 4, 3, 2];

fn facts(m: usize, n: usize, k: usize) -> Facts<'static> {
    Facts {
        m,
        n,
        k,
        a: (k as isize, 1),
        b: (n as isize, 1),
        c: n as isize,
        c_is_read: false,
        c_in_lines: true,
        b_at_lines: true,
        complex: false,
        packs_narrow: false,
        size: 4,
        lanes: 8,
        block: block_len(k, 512),
        menu: &MENU,
        turning: &[4, 4, 2, 1],
        turn: 4,
        blocks: &[3, 2, 1],
        l1d: 32 << 10,
        l2: 512 << 10,
        l3: 8 << 20,
        slow_pages: false,
        threads: 1,
    }
}

#[test]
fn blocks_are_the_fewest_and_even() {
    for (k, len) in [(1, 16), (16, 16), (17, 32), (512, 512), (513, 272), (1024, 512), (1025, 352), (1541, 400)] {
        assert_eq!(block_len(k, 512), len, "k = {k}");
    }
    for k in 1..5000 {
        let len = block_len(k, 512);
        assert!(len <= 512 && len.is_multiple_of(16) && k.div_ceil(len) == k.div_ceil(512), "k = {k}");
    }
}

#[test]
fn every_tile_is_in_the_menu() {
    for m in 1..70 {
        for n in 1..150 {
            let plan = Plan::new(&facts(m, n, 20));
            assert!((1..=MENU[plan.vecs - 1]).contains(&plan.rows), "{m}×{n}: {plan:?}");
            assert!(plan.vecs <= n.div_ceil(8) && plan.wide_block >= 1 && plan.narrow_block >= 1);
        }
    }
}

/// Vectors of whole lines from memory: in place as a rule; where pages are slow, swept for up to 16 rows and packed for more.
#[test]
fn slow_pages_are_read_in_long_runs() {
    let usual = |m, n| Facts { l1d: 48 << 10, l2: 1 << 20, lanes: 16, menu: &LINES, ..facts(m, n, 4096) };
    let plan = |m, slow_pages| Plan::new(&Facts { slow_pages, ..usual(m, 4096) });
    for m in [4, 16, 17, 64] {
        let usual = plan(m, false);
        assert!(usual.wide == Reading::InPlace && usual.by_rows == (m <= usual.rows), "{m}: {usual:?}");
    }
    assert!([4, 16].into_iter().all(|m| plan(m, true).wide == Reading::InPlace && plan(m, true).pass == 16));
    assert_eq!((plan(4, true).vecs, plan(16, true).vecs), (6, 2));
    assert!([17, 64].into_iter().all(|m| plan(m, true).wide == Reading::Packed));
    // Before a small L1 few rows are swept from memory, too, yet not from a cache.
    let small = |m, l2| Plan::new(&Facts { l1d: 32 << 10, l2, ..usual(m, 4096) }).pass;
    assert_eq!([1, 6, 7, 24, 25].map(|m| small(m, 1 << 20)), [8, 8, 16, 16, 512]);
    let in_l3 = Facts { l1d: 32 << 10, l2: 1 << 20, l3: 256 << 20, ..usual(4, 4096) };
    assert_eq!(Plan::new(&in_l3).pass, 16);
    let odd = |m| Plan::new(&Facts { l1d: 32 << 10, b_at_lines: false, ..usual(m, 4095) }).pass;
    assert_eq!([6, 7, 16, 17].map(odd), [8, 8, 8, 16]);
    assert_eq!([1, 4, 24].map(|m| small(m, 8 << 20)), [512; 3]);
}

#[test]
fn small_operands_stay_in_place_and_large_ones_are_packed() {
    let small = Plan::new(&facts(32, 32, 32));
    assert!(!small.pack_narrow && small.wide == Reading::InPlace);
    let large = Plan::new(&facts(2000, 2000, 2000));
    assert!(!large.pack_narrow && large.wide == Reading::Packed);
    assert!(large.narrow_block * large.block * 4 <= 512 << 10);
    assert!(Plan::new(&Facts { a: (1, 2000), ..facts(2000, 2000, 2000) }).pack_narrow);
    // Vectors of whole lines are packed only where pages are slow, or their rows pages apart.
    let lines = |n, slow_pages| Plan::new(&Facts { lanes: 16, menu: &LINES, slow_pages, ..facts(300, n, 300) }).wide;
    assert_eq!([lines(300, false), lines(1024, false)], [Reading::InPlace, Reading::Packed]);
    assert_eq!([lines(300, true), lines(1024, true)], [Reading::Packed; 2]);
    let from_memory = |m| Plan::new(&Facts { lanes: 16, menu: &LINES, ..facts(m, 3000, 3000) }).wide;
    assert_eq!([7, 256, 257].map(from_memory), [Reading::InPlace, Reading::InPlace, Reading::Packed]);
    // Rows of the wide operand a page apart fall into one cache set.
    assert!(!fits(64, 2, 4096, 16 << 10));
    assert!(fits(64, 2, 4096 + 128, 16 << 10));
}

#[test]
fn what_tiles_cannot_walk_is_packed() {
    let plan = |a, b| Plan::new(&Facts { a, b, ..facts(20, 30, 40) });
    assert_eq!(plan((40, 1), (1, 40)).wide, Reading::Packed);
    assert!(plan((80, 2), (30, 1)).pack_narrow);
    assert!(!plan((1, 20), (30, 1)).pack_narrow);
}

#[test]
fn few_rows_turn_the_wide_operand_and_many_pack_it() {
    let plan = |m, stride| Plan::new(&Facts { b: (1, stride), ..facts(m, 1000, 700) });
    assert_eq!(plan(1, 700).wide, Reading::Turned);
    assert_eq!(plan(5, 700).wide, Reading::Packed);
    assert!(plan(1, 700).vecs > 1 && plan(1, 1024).vecs == 1);
}

#[test]
fn few_rows_sweep_long_operands() {
    let plan = |m, n, k| Plan::new(&facts(m, n, k));
    let row = plan(1, 4096, 4096);
    assert!(row.pass == SWEEP_STEPS && row.by_rows && row.wide == Reading::InPlace && row.wide_block > 512);
    assert_eq!(plan(8, 4096, 4096).pass, SWEEP_STEPS);
    assert!(plan(9, 4096, 4096).pass > SWEEP_STEPS && plan(1, 500, 4096).pass > SWEEP_STEPS);
    assert_eq!(Plan::new(&Facts { b: (1, 4096), ..facts(1, 4096, 4096) }).wide_block, 1);
}

#[test]
fn k_blocks_are_walked_together_where_there_is_one_chain() {
    let turned = |m, n, k| Plan::new(&Facts { b: (1, k as isize), ..facts(m, n, k) });
    assert_eq!(turned(1, 1024, 1024).together, 2);
    assert_eq!((turned(1, 1000, 1000).together, turned(1, 4096, 4096).together), (1, 1));
    let plan = |m, n, k| Plan::new(&facts(m, n, k));
    assert_eq!((plan(1, 1, 4096).together, plan(2, 8, 4096).together, plan(3, 8, 4096).together), (4, 3, 2));
    assert_eq!((plan(1, 1, 1000).together, plan(1, 1, 500).together), (2, 1)); // the last block of 1000 is a shorter one
    assert_eq!((plan(4, 8, 4096).together, plan(1, 9, 4096).together), (1, 1));
    assert!(turned(1, 1, 4096).wide == Reading::InPlace);
}

#[test]
fn shallow_products_walk_c_by_rows() {
    assert!(Plan::new(&facts(1000, 1000, 10)).by_rows && Plan::new(&facts(4000, 4000, 2)).by_rows);
    assert!(!Plan::new(&facts(1000, 1000, 100)).by_rows && !Plan::new(&facts(10000, 16, 8)).by_rows);
}

/// With AVX-512: beyond L2 only, and for fewer steps.
#[test]
fn long_strips_of_c_are_runs_themselves() {
    let plan = |m, k| Plan::new(&Facts { lanes: 16, menu: &LINES, ..facts(m, 1000, k) });
    assert!(plan(500, 16).by_rows && !plan(500, 17).by_rows && !plan(100, 16).by_rows);
    // And for a few more far beyond it, until tiles ask for C themselves.
    assert!(plan(1000, 23).by_rows && !plan(1000, 24).by_rows);
}

/// Where pages are slow too: from half of L2 to any number of rows, if they spread over its sets; from L3 to a few rows, by cores that
/// have more of L2.
#[test]
fn lines_from_near_caches_stay_in_place() {
    let wide = |m, n, k, l2| {
        Plan::new(&Facts { lanes: 16, menu: &LINES, slow_pages: true, l1d: 48 << 10, l2, ..facts(m, n, k) }).wide
    };
    let small = |m, n, k| wide(m, n, k, 1280 << 10);
    let large = |m, n, k| wide(m, n, k, 2 << 20);
    assert_eq!([192, 1000].map(|m| small(m, 192, 192)), [Reading::InPlace; 2]);
    assert_eq!([64, 128].map(|m| large(m, 512, 784)), [Reading::InPlace, Reading::Packed]);
    assert_eq!([32, 40].map(|m| large(m, 1024, 256)), [Reading::InPlace, Reading::Packed]);
    assert_eq!([16, 40].map(|m| small(m, 700, 700)), [Reading::InPlace, Reading::Packed]);
    assert_eq!([40, 70].map(|m| large(m, 704, 704)), [Reading::InPlace, Reading::Packed]);
    assert_eq!([768, 1024].map(|n| large(40, n, 512)), [Reading::InPlace, Reading::Packed]);
}

/// Half of L2 for the narrow block; where pages are slow, a quarter.
#[test]
fn narrow_blocks_leave_room_in_l2() {
    let block = |slow_pages| Plan::new(&Facts { slow_pages, ..facts(3000, 3000, 512) }).narrow_block;
    assert_eq!([false, true].map(block), [126, 60]);
}

#[test]
fn vectors_across_two_lines_are_packed_or_fewer() {
    let plan = |m, n, k, slow_pages, b_at_lines| {
        Plan::new(&Facts { lanes: 16, menu: &LINES, slow_pages, b_at_lines, ..facts(m, n, k) })
    };
    assert_eq!([true, false].map(|at| plan(70, 40, 52, true, at).wide), [Reading::InPlace, Reading::Packed]);
    let tile = |at_lines| {
        let plan = plan(16, 700, 700, true, at_lines);
        (plan.rows, plan.vecs)
    };
    assert_eq!([true, false].map(tile), [(4, 6), (8, 3)]);
}

#[test]
fn lanes_go_along_what_is_contiguous() {
    assert!(!turns(20, 30, (30, 1)));
    assert!(turns(20, 30, (1, 20)));
    assert!(turns(20, 1, (1, 1)));
    assert!(turns(30, 20, (40, 2)) && !turns(20, 30, (60, 2)));
    assert!(!turns(1, 20, (1, 1)));
}

/// Lanes that few columns leave empty are worth the way through the stage from so many steps on; more if A is to be turned first, and
/// most if it is to be packed for more rows than a tile has.
#[test]
fn few_columns_become_rows_where_that_pays() {
    let vectors = |lanes, double_pumped| Vectors { lanes, turning: 16, double_pumped };
    let columns = |m, n, k, across| FewColumns { m, n, k, across, along_b: false, vectors: vectors(8, false) };
    let thin = |n, k| (columns(1000, n, k, true).pay_for_a_plan(), columns(1000, n, k, false).pay_for_a_plan());
    assert_eq!((thin(3, 100), thin(3, 10)), ((true, true), (false, false)));
    assert_eq!((thin(4, 40), thin(4, 100)), ((true, false), (true, true)));
    assert_eq!((thin(6, 100), thin(6, 200), thin(8, 1000)), ((true, false), (true, true), (false, false)));
    assert_eq!((thin(10, 100), thin(10, 10)), ((true, true), (false, false)));
    assert_eq!((thin(18, 50), thin(24, 100), thin(26, 1000)), ((true, false), (false, false), (false, false)));
    let planned = |m, n, k| columns(m, n, k, true).pay(true);
    assert!(planned(7, 2, 314) && !columns(7, 2, 314, true).pay_for_a_plan());
    assert!(!planned(12, 4, 1000) && !planned(100, 1, 100) && !planned(10, 3, 10));
    assert!(!planned(usize::MAX, 3, 1) && planned(usize::MAX, 3, usize::MAX));
    // Where shuffles are slow, A is turned for half a vector's columns only.
    let turned = |n, slow| columns(1000, n, 1000, false).pay(slow);
    assert_eq!([turned(3, true), turned(5, true), turned(5, false)], [true, false, true]);
    // To turn or pack B is work, too; and what half a vector holds takes half as long on some processors.
    let of_lines = |n, along_b, double_pumped| {
        FewColumns { m: 40, n, k: 1000, across: false, along_b, vectors: vectors(16, double_pumped) }.pay(false)
    };
    assert_eq!([of_lines(19, false, false), of_lines(19, true, false)], [false, true]);
    assert_eq!([of_lines(10, false, false), of_lines(20, true, true)], [false, true]);
}

#[test]
fn threads_share_rectangles_or_blocks() {
    let split = |m, n, k, threads| Plan::new(&Facts { threads, ..facts(m, n, k) }).split;
    assert_eq!(split(512, 512, 512, 1), Split::Grid { rows: 1, cols: 1 });
    assert_eq!(split(4096, 64, 512, 4), Split::Grid { rows: 4, cols: 1 });
    assert_eq!(split(8, 16, 65536, 4), Split::Deep { tasks: 4 });
    // Nothing to share, and a buffer for the block sums that would be too large.
    assert_eq!(split(1, 8, 100, 4), Split::Grid { rows: 1, cols: 1 });
    assert_eq!(split(6, 16, 1 << 40, 4), Split::Grid { rows: 1, cols: 1 });
    let worth = |d, awake| tasks_worth(d, d, d, || awake, || 8);
    assert_eq!([10, 80, 82, 110, 1000].map(|d| worth(d, true)), [1, 1, 2, 3, 8]);
    assert_eq!([110, 230, 240, 300, 1000].map(|d| worth(d, false)), [1, 1, 2, 3, 8]);
}

/// C in memory is asked for in time by products of few steps, a row at a time by those of one or two: if L1 has room for it.
#[test]
fn c_comes_from_memory_before_it_is_needed() {
    let large = |n, k| Facts { lanes: 16, menu: &LINES, l1d: 48 << 10, c_is_read: true, ..facts(n, n, k) };
    let plan = |n, k| Plan::new(&large(n, k));
    let small =
        [1, 8, 16].map(|k| Plan::new(&Facts { l1d: 32 << 10, ..large(4096, k) })).map(|plan| (plan.rows, plan.ahead));
    assert_eq!(small, [(6, 0), (6, 0), (6, 512)]);
    assert_eq!(Plan::new(&Facts { l1d: 32 << 10, ..large(5000, 4) }).rows, 12);
    assert_eq!((plan(4096, 1).rows, plan(4096, 1).vecs, plan(4096, 1).ahead), (1, 8, 2048));
    assert_eq!((plan(4096, 8).by_rows, plan(4096, 8).ahead), (true, 512));
    assert_eq!((plan(4096, 23).by_rows, plan(4096, 23).ahead), (true, 512));
    assert_eq!((plan(4096, 24).by_rows, plan(4096, 24).ahead), (true, 0));
    assert_eq!((plan(4096, 33).ahead, plan(512, 8).ahead), (0, 0));
    let tall = Plan::new(&facts(1 << 20, 16, 16));
    assert_eq!((tall.by_rows, tall.ahead), (false, 16 * tall.rows as isize));
}

#[test]
fn a_large_c_that_is_not_read_goes_past_the_caches() {
    let usual = Facts { lanes: 16, menu: &LINES, ..facts(4096, 4096, 16) };
    let plan = Plan::new(&usual);
    assert!(plan.streams && plan.by_rows && plan.ahead == 0);
    let streams = |f: Facts<'_>| Plan::new(&f).streams;
    assert!(streams(facts(4096, 4096, 16)));
    assert!(!streams(Facts { c_is_read: true, ..usual }));
    assert!(!streams(Facts { c_in_lines: false, ..usual }));
    assert!(!streams(Facts { slow_pages: true, ..usual }));
    assert!(!streams(Facts { l3: 64 << 20, ..usual }));
    // From so many steps on tiles bring it into the caches themselves.
    let of_lines = |k| streams(Facts { lanes: 16, menu: &LINES, ..facts(4096, 4096, k) });
    assert_eq!([of_lines(23), of_lines(24)], [true, false]);
    assert_eq!([32, 33].map(|k| streams(facts(4096, 4096, k))), [true, false]);
    assert!(!streams(Facts { lanes: 16, menu: &LINES, ..facts(1 << 20, 16, 16) }));
}

/// B in memory, turned by few rows, is asked for, too, if its columns are pages apart, but not where pages are found slowly, nor for a
/// small L1, which takes no more than one vector's columns either.
#[test]
fn b_comes_from_memory_before_it_is_turned() {
    let large = Facts { l1d: 48 << 10, lanes: 16, menu: &LINES, turning: &[16, 4], ..facts(1, 1, 1) };
    let plan = |n: usize, k: usize, usual| {
        let Facts { m, n, k, a, b: _, c, block, .. } = facts(1, n, k);
        let plan = Plan::new(&Facts { m, n, k, a, b: (1, k as isize), c, block, ..usual });
        (plan.wide, plan.vecs, plan.ahead)
    };
    assert_eq!(plan(4096, 4096, large), (Reading::Turned, 1, 128));
    assert_eq!(plan(4096, 4096, Facts { slow_pages: true, ..large }), (Reading::Turned, 1, 0));
    assert_eq!(plan(4096, 4096, Facts { l1d: 32 << 10, ..large }), (Reading::Turned, 1, 0));
    assert_eq!(plan(4096, 4000, large), (Reading::Turned, 2, 0));
    assert_eq!(plan(4096, 4000, Facts { l1d: 32 << 10, ..large }), (Reading::Turned, 1, 0));
    assert_eq!(plan(512, 512, large).2, 0);
}

/// A small L1 has L2 asked for B, but where lanes that share cache sets are turned.
#[test]
fn l2_is_asked_for_b_in_memory() {
    let small = Facts { l1d: 32 << 10, lanes: 16, menu: &LINES, turning: &[16, 4], ..facts(1, 1, 1) };
    let beyond = |n, k, turned: bool, usual| {
        let Facts { m, n, k, a, b, c, block, .. } = facts(1, n, k);
        Plan::new(&Facts { m, n, k, a, b: if turned { (1, k as isize) } else { b }, c, block, ..usual }).beyond
    };
    assert_eq!([true, false].map(|turned| beyond(4000, 4000, turned, small)), [128, 16]);
    assert_eq!([true, false].map(|turned| beyond(4096, 4096, turned, small)), [0, 16]);
    assert_eq!([true, false].map(|turned| beyond(1000, 1000, turned, small)), [0, 0]);
    let large = Facts { l1d: 48 << 10, ..small };
    assert_eq!([true, false].map(|turned| beyond(4000, 4000, turned, large)), [0, 0]);
}

/// More than eight rows turn B, too, but where C is dearer than a packed copy. A is packed, at once, where its rows would push B's columns
/// out of L1: more than a dozen a page apart, of a small L1 a few, or half a page apart.
#[test]
fn many_rows_turn_b_where_that_pays() {
    let plan = |m, n: usize, k: usize, l1d| {
        let facts = Facts { b: (1, k as isize), l1d, lanes: 16, menu: &LINES, turning: &[16, 4], ..facts(m, n, k) };
        let plan = Plan::new(&facts);
        assert_eq!(plan.pack_narrow, plan.keeps_narrow);
        (plan.wide, plan.pack_narrow)
    };
    let (small, large) = (32 << 10, 48 << 10);
    assert_eq!(plan(16, 1000, 1000, small), (Reading::Turned, false));
    assert_eq!((plan(8, 600, 16, small).0, plan(16, 600, 16, small).0), (Reading::Turned, Reading::Packed));
    assert_eq!([12, 16].map(|m| plan(m, 1024, 1024, large)), [(Reading::Turned, false), (Reading::Turned, true)]);
    assert_eq!([2, 3].map(|m| plan(m, 1024, 1024, small)), [(Reading::Turned, false), (Reading::Turned, true)]);
    assert_eq!([4, 5].map(|m| plan(m, 1024, 1536, small)), [(Reading::Turned, false), (Reading::Turned, true)]);
    assert_eq!([4, 5].map(|m| plan(m, 32, 1024, small)), [(Reading::Turned, false), (Reading::Turned, true)]);
}

/// Tiles of sixteen rows turn B again for each of up to four strips; those of six do not.
#[test]
fn few_strips_of_rows_turn_b_again() {
    let plan = |m, k: usize, turning| {
        let plan = Plan::new(&Facts { b: (1, k as isize), lanes: 16, menu: &LINES, turning, ..facts(m, 1000, k) });
        (plan.wide, plan.rows, plan.pack_narrow)
    };
    let many: &[usize] = &[16, 4];
    assert_eq!(plan(17, 1000, many), (Reading::Turned, 9, false));
    assert_eq!(plan(64, 1000, many), (Reading::Turned, 16, false));
    assert_eq!(plan(65, 1000, many).0, Reading::Packed);
    assert_eq!(plan(17, 1000, &[6, 4]).0, Reading::Packed);
    assert_eq!([32, 48].map(|k| plan(32, k, many).0), [Reading::Packed, Reading::Turned]);
    assert_eq!([32, 33].map(|m| plan(m, 1024, many).0), [Reading::Turned, Reading::Packed]);
    assert!(plan(32, 1024, many).2);
}

/// A rest that fills half a vector at most may go to vectors half as long; of a product that is planned, if that saves a plan's time.
#[test]
fn whole_vectors_of_columns_are_parted_from_a_short_rest() {
    assert_eq!([17, 24, 40, 264].map(|n| whole_columns(n, 16)), [16, 16, 32, 256]);
    assert_eq!([25, 16, 8, 280].map(|n| whole_columns(n, 16)), [0; 4]);
    let apart = |k, double_pumped| Columns { n: 40, double_pumped, ..columns(100, 40, k) }.apart();
    assert_eq!([apart(40, true), apart(41, true), apart(41, false)], [0, 32, 0]);
}

fn columns(m: usize, n: usize, k: usize) -> Columns {
    let (b, c) = (Some(16), Some(48));
    Columns { m, n, k, size: 4, lanes: 16, b, c, l3: 32 << 20, slow_pages: false, double_pumped: false }
}

/// Long rows are parted where lines begin: those of B for few rows, those of C for few steps.
#[test]
fn columns_before_lines_are_parted_from_long_rows() {
    let of_b = |m, n, k| columns(m, n, k).apart();
    assert_eq!([of_b(1, 1024, 128), of_b(4, 1024, 128)], [4; 2]);
    assert_eq!([of_b(5, 1024, 128), of_b(1, 1023, 1000), of_b(1, 1024, 127)], [0; 3]);
    assert_eq!(Columns { slow_pages: true, ..columns(1, 1024, 128) }.apart(), 0);
    assert_eq!(Columns { lanes: 8, ..columns(1, 1024, 128) }.apart(), 0);
    assert_eq!(Columns { b: None, ..columns(1, 1024, 128) }.apart(), 0);
    let of_c = |m, n, k| columns(m, n, k).apart();
    assert_eq!([of_c(256, 512, 1), of_c(1000, 1000, 32), of_c(100_000, 128, 4)], [12; 3]);
    assert_eq!([of_c(255, 512, 1), of_c(1000, 1000, 33), of_c(1000, 511, 1), of_c(100_000, 127, 4)], [0; 4]);
    assert_eq!(Columns { c: Some(0), ..columns(1000, 1000, 1) }.apart(), 0);
}
