//! From shape, strides and machine to what will be done: orientation, tile, what to pack, blocks, threads. Pure.
//!
//! No choice made here can change a result, only how soon it is there.

pub mod apart;
mod facts;
pub mod roles;
#[cfg(test)]
mod tests;
pub mod tiles;

pub use facts::Facts;
use facts::SWEEP_STEPS;

use crate::runs::pieces;
use tiles::{most_rows, tile, widest};

/// What will be done. Narrow is A, wide is B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Narrow rows and wide vectors of the largest tile.
    pub rows: usize,
    pub vecs: usize,
    /// Steps of a K-block.
    pub block: usize,
    /// How many of them are summed at once; between, the sums wait in a buffer.
    pub pass: usize,
    /// How many K-blocks a tile of one vector walks together, the narrow side being in place.
    pub together: usize,
    pub pack_narrow: bool,
    /// All of it is packed at once, if one block of rows is all, and kept for the wide blocks that follow (12×1024×1024 NT twice as fast).
    pub keeps_narrow: bool,
    pub wide: Reading,
    /// Wide strips that are packed at once.
    pub packed_together: usize,
    /// Narrow rows and wide vectors that a K-block is kept at hand for.
    pub narrow_block: usize,
    pub wide_block: usize,
    /// Tiles of the same rows follow each other, not those of the same columns.
    pub by_rows: bool,
    /// Elements ahead of itself that a tile of few steps asks for C, or one that turns the wide operand for that; 0 if not at all.
    pub ahead: isize,
    /// Steps of the wide operand beyond its own that a tile of few, or one that turns it, asks L2 for; 0 if not at all.
    pub beyond: usize,
    /// C is written past the caches.
    pub streams: bool,
    pub split: Split,
}

/// How tiles read the wide operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    InPlace,
    /// In place, contiguous along the depth: turned in registers. Pays for few rows; packing turns once for all rows.
    Turned,
    Packed,
}

/// Who does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// C in rows × cols rectangles, each with all of K.
    Grid { rows: usize, cols: usize },
    /// C is too small to share: K-blocks go to `tasks` tasks, and their sums are added in order.
    Deep { tasks: usize },
}

/// Steps of a K-block: the fewest blocks of at most `kc`, evened out. This is part of the one rule.
pub fn block_len(k: usize, kc: usize) -> usize {
    let len = if k <= kc { k } else { k.div_ceil(k.div_ceil(kc)) };
    len.next_multiple_of(16)
}

impl Plan {
    pub fn new(f: &Facts) -> Plan {
        let (rows, vecs) = tile_size(f);
        let strips = Strips { vecs, down: pieces(f.m, rows), right: pieces(f.vectors(), vecs) };
        let wide = strips.reading(f);
        let pack_narrow = strips.packs_narrow(f);
        let by_rows = strips.goes_by_rows(f, wide);
        let row_bytes = f.block * f.size;
        let narrow_block = match strips.down * rows * row_bytes > f.narrow_bytes() {
            true => (f.narrow_bytes() / row_bytes / rows).max(1) * rows,
            false => f.m,
        };
        let kept = by_rows || narrow_block < f.m;
        let split = strips.split(f);
        Plan {
            rows,
            vecs,
            block: f.block,
            pass: f.sweep().unwrap_or(f.block),
            together: match split {
                Split::Grid { .. } if !pack_narrow => strips.blocks_together(f, wide),
                _ => 1,
            },
            pack_narrow,
            keeps_narrow: pack_narrow && f.operand(f.m, f.k) <= WIDE_BYTES,
            wide,
            packed_together: strips.packed_together(f),
            narrow_block,
            wide_block: strips.wide_block(f, wide, by_rows, kept),
            by_rows,
            ahead: strips.asks_ahead(f, rows, by_rows),
            beyond: asks_beyond(f),
            streams: by_rows && f.streams_c(),
            split,
        }
    }
}

/// From memory B comes sooner if L2 is asked for it: two sweeps beyond (Zen 4: 4×4096×4096 1.1 times as fast, 8×4096×4096 1.25, 12×3753×1652 1.4, f64
/// 1.2, 1.2 and 1.6 times), or two pieces of a page along the depth (4×4000×4000 NT 1.35 times, 1×4000×4000 NT 1.15, f64 1×3000×3000 NT 1.3).
/// Into an L1 of 32 KiB it would push out what is there. (1×4096×4096 NT, whose lanes share cache sets, 1/1.06; by shorter vectors level.)
fn asks_beyond(f: &Facts) -> usize {
    match f.b_in_memory() && f.has_small_l1() {
        true if f.turns_b() && f.of_lines() && !f.crowds_l1() => 128,
        true if f.sweep().is_some() => 2 * SWEEP_STEPS,
        _ => 0,
    }
}

/// The rows and vectors of the largest tile.
fn tile_size(f: &Facts) -> (usize, usize) {
    let (menu, vectors) = (f.menu(), f.vectors());
    if f.turns_b() {
        // Turning is most of the work, and done once for all rows, or as many as may be.
        let rows = f.m.div_ceil(pieces(f.m, f.turning[0]));
        return (rows, widest(menu, rows).min(vectors));
    }
    // Memory delivers C row by row, each asked for in time (4096×4096×1 on Zen 5 1.6 times as fast as by 6×4; yet on Zen 4, where what is
    // asked for pushes out what is there, 1/1.4, 6000×6001×2 1/1.9, with AVX2 1/1.5).
    if f.k <= 2 && f.c_in_memory() && !f.has_small_l1() && vectors > 8 * menu.len() {
        return (1, vectors.min(menu.len()));
    }
    // There tall tiles are better than wide ones (3000×5000×4 with beta 1 1.13 times as fast, f64 1166×1956×4 1.3 times, 6000×6001×2
    // 1.14 times) unless rows of C share cache sets (4096×4096×4, rows 4099 apart, 1/1.6).
    if f.k <= FLAT && f.c_in_memory() && f.has_small_l1() && f.of_lines() && vectors > f.menu.len() {
        let beyond = f.bytes(f.c) % PAGE;
        let rows = if beyond.min(PAGE - beyond) >= 4 * LINE { 12 } else { 6 };
        return (rows.min(f.m), widest(menu, rows).max(1));
    }
    let most_rows = if f.along() && !f.across() && f.pages_apart(f.a.0) { 8 } else { most_rows(f.across()) };
    let in_place = f.few_rows() && !(f.b_in_memory() && f.slow_pages);
    // Vectors in two lines each reach into one more. (247×639×1088 by 6×4 1.1 times as fast as by 12×2.)
    let beside = if f.across_lines() && f.lines_stream() { LINE } else { 0 };
    let extra = |vecs: usize| match (in_place, f.across_lines() && f.in_lanes()) {
        // (16×700×700 on Ice Lake by 8×3 1.3 times as fast as by 4×6.)
        (true, true) => 5.0,
        (true, false) => 0.0,
        // A strip that L1 does not hold comes from L2 for each of many row strips (1024³ TN with AVX-512: 5 %; yet 256³ on Ice
        // Lake is 1.1 times as fast by 6×4 from L2 as by 12×2 from L1).
        (false, _) if f.block * (vecs * f.lanes * f.size + beside) < f.l1d / 4 * 3 => 0.0,
        // (200×333×333 on Zen 5 by 8×3 1.02 times as fast as by 6×4; of lines in part, f64 400×703×703 on Zen 4 by 6×4 1.01.)
        (false, false) if f.lines_stream() => 5.0,
        (false, _) => 2.0,
    };
    tile(f.m, vectors, menu, most_rows, extra)
}

/// C in so many strips of rows down, and of columns, of at most so many vectors, to the right.
struct Strips {
    vecs: usize,
    down: usize,
    right: usize,
}

impl Strips {
    /// The wide strip is read once for each narrow strip: from L1, if it stays there.
    fn reading(&self, f: &Facts) -> Reading {
        let lines = (self.vecs * f.lanes * f.size).div_ceil(LINE); // of a step of a strip
        // Several lines side by side are a run that memory delivers, and share no cache set. (From caches three vectors, of lines in part,
        // are as good: 32×1024×1024 where an allocator's blocks begin 1.25 times as fast.)
        let runs = f.of_lines() && self.vecs >= 4;
        // Packing reads memory in longer runs still, and each page of it once, which pays from a few rows on (AVX-512,
        // Ice Lake: 16×4096×4096 1.4 times as fast, 64×4096×4096 2.4 times; Zen 5: 1/1.8).
        // Yet lines that come as fast as tiles need them are dear to pack for a few rows (Zen 5: 7×3000×3000 2.2 times as fast in
        // place, 20×3000×3000 1.6 times, 200×3000×3000 1.06 times, 2000×2500×2500 0.95 times).
        let most_rows = match (f.slow_pages, runs) {
            (true, true) => 8,
            (false, true) => usize::MAX,
            (false, false) if f.lines_stream() => 256,
            (_, false) => 2,
        };
        let streams = f.b_in_memory() && f.m > most_rows;
        let few = f.few_rows() && (runs || (f.of_lines() && self.vecs >= 3 && !f.slow_pages) || !f.pages_apart(f.b.0));
        // (38×514×52 is 1.5 times as fast packed.)
        let loads_twice = f.across_lines() && f.k > SHALLOW && self.down >= 6;
        let stays = || fits(f.block.min(f.k), lines, f.bytes(f.b.0), f.l1d / 2) && !loads_twice;
        match () {
            _ if f.turns_b() => Reading::Turned,
            _ if f.sweep().is_some() => Reading::InPlace,
            _ if f.in_lanes() && (self.down <= 2 || few || f.lines_stream() || stays()) && !streams => Reading::InPlace,
            _ => Reading::Packed,
        }
    }

    /// From memory, steps far apart are read in runs of a page: with few rows, packing is most of the work, and memory
    /// delivers pages (16×4096×4096: 2.8 times). From a cache, a strip on its way to its tiles is best (1024³: 2 %).
    fn packed_together(&self, f: &Facts) -> usize {
        match f.in_lanes() && f.b_in_memory() && f.bytes(f.b.0) >= PAGE / 2 {
            true => (PAGE / (self.vecs * f.lanes * f.size)).max(1),
            false => 1,
        }
    }

    /// The narrow block is read once for each wide strip: from L2, if it stays there. Along the depth each row is a run (packed,
    /// 512×512×4096 takes 1.03 times as long on Zen 5). Across its rows, lines of a strip that push each other out of L1 cost less
    /// than packing unless many wide strips follow. (32×4000×4000 NT on Zen 4 1.36 times as fast packed, not 1.13.)
    fn packs_narrow(&self, f: &Facts) -> bool {
        let near = || fits(f.block.min(f.k), 1, f.bytes(f.a.1), f.l1d);
        let far = || (self.right > 4 && f.operand(f.m, f.k) > f.l2) || (self.right > 8 && !near());
        let again = f.turns_b() && self.down > 1 && f.b_in_memory();
        self.pushes_out(f) || again || (!f.along() && (!f.across() || far()))
    }

    /// Whether rows of A a page apart, or half a page, push lines of B's columns out of L1, which tiles turn (16×4096×4096 NT 1.5 times as
    /// fast packed; Zen 4, whose L1 holds eight of a page apart: 3×1024×1024 NT 1.1 times, 12×1024×1024 NT 2.7 times, 2×1000×1536 NT level,
    /// 12×1000×1536 NT 1.35 times, f64 3×1024×1024 NT 1.3 times, 8×1000×512 NT 1.9 times, AVX2 6×1024×1024 NT 2.4 times).
    fn pushes_out(&self, f: &Facts) -> bool {
        let most = match f.bytes(f.a.0) % PAGE {
            0 if !f.has_small_l1() => 12,
            0 if self.right > 2 => 2,
            0 if f.crowds_l1() => 4,
            0 => 8,
            HALF_PAGE if f.has_small_l1() && f.lanes >= 16 && self.right > 2 => 4,
            _ => return false,
        };
        f.turns_b() && f.m > most
    }

    /// Where little is summed, time goes into C: it is walked along its rows. So it is where strips of rows are one, or few beside a near
    /// B: calls are fewer along the longer of both ways (Zen 4: 10×806×18 1.3 times as fast, 6×806×40 NT 1.4 times, 20×806×18 1.2).
    fn goes_by_rows(&self, f: &Facts, wide: Reading) -> bool {
        let near = || f.k <= 64 && 8 * self.down <= self.right && f.operand(f.k, f.n) <= f.l2 / 8;
        if wide != Reading::Packed && (self.down == 1 || (wide == Reading::InPlace && self.down <= 4 && near())) {
            return true;
        }
        let shallow = match f.of_lines() {
            true => f.k <= SHALLOW && f.operand(f.m, f.n) > f.l2,
            false => f.k <= 2 * SHALLOW,
        };
        // (Zen 4: 768×3072×20 1.25 times as fast, 2048×2048×20 1.2 times; 1024×1024×20 level.)
        let beyond_l2 = || f.operand(f.m, f.n) > 4 * f.l2;
        let shallow = shallow || (f.k <= RUNS && f.c_in_memory()) || (f.k < many(true) && beyond_l2());
        (shallow && self.right > 8) || f.sweep().is_some()
    }

    /// Where little is summed, time goes into C: from memory it is asked for so far ahead as memory takes (on Zen 5, 4096×4096×8
    /// 1.9 times as fast, with AVX2 1.35 times; on Zen 4, whose L1 is smaller, ×4 1/1.3, ×8 1/1.06, ×16 level). Where few rows turn B, time
    /// goes into B.
    fn asks_ahead(&self, f: &Facts, rows: usize, by_rows: bool) -> isize {
        // (A stride that leads nowhere may be any.)
        let next = if by_rows { (self.vecs * f.lanes) as isize } else { (rows as isize).wrapping_mul(f.c) };
        match (f.c_in_memory(), by_rows) {
            _ if f.asks_for_b() => 128,
            (_, true) if f.streams_c() => 0,
            (true, true) if f.k <= FLAT && f.has_small_l1() => 0,
            (true, true) if f.k < many(f.of_lines()) => (if rows == 1 { 2 * PAGE } else { PAGE / 2 } / f.size) as isize,
            (true, false) if f.k < many(f.of_lines()) => next,
            _ => 0,
        }
    }

    /// Wide vectors that a K-block is kept at hand for.
    fn wide_block(&self, f: &Facts, wide: Reading, by_rows: bool, kept: bool) -> usize {
        // Rows of C go past what stays in L2, but for the first.
        let by_rows = by_rows && self.down > 1;
        let bytes = if by_rows { f.l2 / 2 } else { WIDE_BYTES };
        // A wide operand contiguous along the depth is read on through its K-blocks, from page to page, if A stays in L2.
        let near_a = f.operand(f.m, f.k) <= f.l2 / 2;
        let reads_on = f.k > f.block && (f.turns_b() || (f.along_b() && near_a));
        let packed = wide == Reading::Packed;
        match () {
            _ if f.sweep().is_some() => (2 * f.l1d / (f.m * f.lanes * f.size)).max(1),
            _ if reads_on => self.vecs,
            // Packed strips are not kept where one narrow block meets them.
            _ if packed && !kept => f.vectors(),
            _ if packed || by_rows => (bytes / (f.block * f.lanes * f.size * self.vecs)).max(1) * self.vecs,
            _ => f.vectors(),
        }
    }

    /// The sums of one vector are one chain, and wait for its latency; those of several K-blocks are several. Lines of two
    /// blocks a page apart would share a cache set; from memory, more streams are slower, and where pages are slow, from L3 (1×1024×1024
    /// NT on Emerald Rapids 1.13 times as fast by one block, 1×2048×2048 NT 1.2 times, 4×1024×1024 NT 1.2 times; Zen 4, with its small
    /// L1, 1.15, 1.25 and 1.2 times, 1×1000×1536 NT 1.35, 3×1000×1536 NT 1.55, with AVX2 1×2048×2048 NT 1.9, yet 1×1024×1024 NT 1/1.3).
    fn blocks_together(&self, f: &Facts, wide: Reading) -> usize {
        let near = match f.operand(f.k, f.n) {
            b if f.slow_pages => b <= f.l2,
            _ if f.crowds_l1() => false,
            b if f.has_small_l1() && f.pages_apart(f.b.1) => b <= 8 * f.l2,
            _ => !f.b_in_memory(),
        };
        let most = match wide {
            Reading::Turned if self.vecs == 1 && near => widest(f.turning, f.m).min(PAGE / (f.block * f.size)),
            Reading::InPlace if f.vectors() == 1 => 1 + widest(f.blocks, f.m),
            _ => 1,
        };
        most.min(f.k.div_ceil(f.block)).max(1)
    }

    fn split(&self, f: &Facts) -> Split {
        if f.threads == 1 {
            return Split::Grid { rows: 1, cols: 1 };
        }
        let blocks = f.k.div_ceil(f.block);
        let sums = blocks.saturating_mul(f.m).saturating_mul(f.n).saturating_mul(f.size);
        if self.down * self.right < f.threads && blocks > 1 && sums <= SUM_BYTES {
            return Split::Deep { tasks: f.threads.min(blocks) };
        }
        // The grid whose largest rectangle costs least: its multiply-adds, and what it reads of A and B.
        let mut best = (usize::MAX, (1, 1));
        for grid_rows in 1..=f.threads.min(self.down) {
            let grid_cols = (f.threads / grid_rows).min(self.right);
            let (r, v) = (f.m.div_ceil(grid_rows), f.vectors().div_ceil(grid_cols));
            let cost = r.saturating_mul(v).saturating_add(r).saturating_add(v);
            if cost < best.0 {
                best = (cost, (grid_rows, grid_cols));
            }
        }
        Split::Grid { rows: best.1.0, cols: best.1.1 }
    }
}

/// Bytes of a cache line.
pub const LINE: usize = 64;

/// Bytes of packed operand kept at hand. The wide one is streamed once per narrow block, so that it need not be near.
const WIDE_BYTES: usize = 4 << 20;

/// Bytes of a page of memory. Rows as long are read as fast as memory delivers; and as far apart, share a cache set.
pub const PAGE: usize = 4096;
const HALF_PAGE: usize = PAGE / 2;

/// The most steps that leave a tile next to nothing to sum.
pub const FLAT: usize = 8;

/// The most steps for which C is walked by rows: by vectors of whole lines, whose strips are long runs themselves, and only if it is
/// not in L2 (Ice Lake: 64×1000×16 1.5 times as fast by strips, 2000×2000×16 1/1.8). Twice as many by shorter ones.
const SHALLOW: usize = 16;

/// The most steps for which C, being in memory, is walked by rows in any case.
const RUNS: usize = 32;

/// The fewest steps for which a tile asks for its own part of C, not that of one ahead. (Zen 4, by vectors of whole lines: with 24 to 32
/// steps 768×3072 and 3072×768 are 1.2 to 1.6 times as fast so, 512×512 level; with 18 to 22 those would be 1.25 times, these 1/1.05.
/// With AVX2 with 24 to 32 level to 1/1.04.)
pub const fn many(of_lines: bool) -> usize {
    if of_lines { 24 } else { 33 }
}

/// Whether `count` pieces of `lines` cache lines each, `stride` bytes apart, stay in `bytes` of an 8-way cache. Strides
/// that are large powers of two use few of its sets.
fn fits(count: usize, lines: usize, stride: usize, bytes: usize) -> bool {
    let sets = bytes / LINE / 8;
    let apart = (stride / LINE).max(1);
    let used = match stride % LINE {
        0 => (sets >> apart.trailing_zeros().min(sets.ilog2())) * lines.min(apart),
        _ => sets,
    };
    count * lines <= used.min(sets) * 8
}

/// Bytes of block sums that a deep product may keep.
const SUM_BYTES: usize = 8 << 20;

/// Multiply-adds that are worth another thread, if it is awake, and those that are worth waking it (Zen 5: 88³ on two threads 1.3 times as
/// fast, but 128³ 1/1.5 if the other one sleeps, 208³ 1/1.1, 256³ 1.3 times as fast).
pub const TASK_WORK: usize = 1 << 19;
const WAKING_WORK: usize = 3 << 22;

/// Whether a product is worth sharing if other threads are awake.
pub fn is_worth_sharing(m: usize, n: usize, k: usize) -> bool {
    m.saturating_mul(n).saturating_mul(k) >= TASK_WORK
}

/// How many tasks it is worth, of those there may be.
pub fn tasks_worth(m: usize, n: usize, k: usize, awake: impl FnOnce() -> bool, most: impl FnOnce() -> usize) -> usize {
    if !is_worth_sharing(m, n, k) {
        return 1;
    }
    let work = if awake() { TASK_WORK } else { WAKING_WORK };
    match m.saturating_mul(n).saturating_mul(k) / work {
        0 => 1,
        others => most().min(1 + others),
    }
}
