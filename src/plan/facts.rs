//! What a plan depends on, and what follows from it at first sight.

use super::roles::{turns_again, turns_rows};
use super::{LINE, PAGE, RUNS, fits, many};
use crate::runs::pieces;

/// All that a plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    /// Row and column strides of A and B, in elements.
    pub a: (isize, isize),
    pub b: (isize, isize),
    /// From row to row of C.
    pub c: isize,
    /// Whether it is read.
    pub c_is_read: bool,
    /// Whether its rows are adjacent elements, and whole cache lines apart.
    pub c_in_lines: bool,
    /// Whether rows of B begin where cache lines do.
    pub b_at_lines: bool,
    /// Pairs of steps, and columns, are complex numbers. Tiles read a wide operand only that was packed for them.
    pub complex: bool,
    /// Nor do they read the narrow one as it lies.
    pub packs_narrow: bool,
    /// Bytes of an element, elements of a vector, steps of a K-block.
    pub size: usize,
    pub lanes: usize,
    pub block: usize,
    /// The most rows of a tile of 1, 2, 3 … vectors, and of one that turns the wide operand.
    pub menu: &'a [usize],
    pub turning: &'a [usize],
    /// Steps that it turns at once.
    pub turn: usize,
    /// The most rows of a tile whose vectors are two, three … K-blocks.
    pub blocks: &'a [usize],
    pub l1d: usize,
    pub l2: usize,
    pub l3: usize,
    /// See `Machine`.
    pub slow_pages: bool,
    /// How many tasks may run at once.
    pub threads: usize,
}

/// Bytes of L2 that Intel's cores have from Golden Cove on.
const LARGE_L2: usize = 2 << 20;

/// Rows of B that are swept at once: as many as a cache set holds lines. (Twice as many where pages are slow: 1.1 times as fast.)
pub const SWEEP_STEPS: usize = 8;

impl<'a> Facts<'a> {
    /// Vectors of a row of C.
    pub fn vectors(&self) -> usize {
        pieces(self.n, self.lanes)
    }

    /// Whether tiles can walk A along the depth, and whether across its rows.
    pub fn along(&self) -> bool {
        (self.a.1 == 1 || self.k == 1) && !self.packs_narrow
    }

    pub fn across(&self) -> bool {
        let unit = if self.complex { 2 } else { 1 };
        (self.a.0 == unit || self.m == 1) && !self.packs_narrow
    }

    /// Whether tiles can load vectors of B.
    pub fn in_lanes(&self) -> bool {
        (self.b.1 == 1 || self.n == 1) && !self.complex
    }

    /// Whether B is contiguous along the depth instead.
    pub fn along_b(&self) -> bool {
        self.b.0 == 1 && !self.complex && !self.in_lanes()
    }

    /// Whether tiles turn it then, rows being few.
    pub fn turns_b(&self) -> bool {
        let most = self.turning[0];
        let pays = match self.m.div_ceil(most) {
            1 => self.b_in_memory() || turns_rows(self.m, self.n, self.k, self.size),
            strips => {
                // (17×1000×32 NT 1/1.05, f64 1/1.13; 50×1024×1024 NT, lanes a page apart, 1/1.08.)
                let summed = self.k >= 48 && !(strips > 2 && self.pages_apart(self.b.1) && self.lanes >= 16);
                summed && turns_again(strips, self.k, most) && !self.slow_pages
            }
        };
        self.along_b() && self.k >= self.turn && pays
    }

    /// Whether they ask for it ahead, line by line: from memory, if they come to the end of a page in all lanes at once (Zen 5:
    /// 1×4096×4096 NT 1.25 times as fast, 6×4096×4096 NT 1.3 times, with AVX2 1.25 times; other lanes 0.7 to 1.1) and L1 has room
    /// for what comes (Zen 4, which has less, 1/1.2).
    pub fn asks_for_b(&self) -> bool {
        let at_once = self.b_in_memory() && self.pages_apart(self.b.1) && self.k > RUNS;
        self.turns_b() && at_once && !self.slow_pages && !self.has_small_l1()
    }

    /// Whether a vector is a cache line.
    pub fn of_lines(&self) -> bool {
        self.lanes * self.size >= LINE
    }

    /// Whether vectors of B are in two lines each, which are two loads.
    pub fn across_lines(&self) -> bool {
        self.of_lines() && !self.b_at_lines
    }

    pub fn bytes(&self, stride: isize) -> usize {
        stride.unsigned_abs().saturating_mul(self.size)
    }

    pub fn pages_apart(&self, stride: isize) -> bool {
        self.bytes(stride).is_multiple_of(PAGE)
    }

    /// Whether L1 holds no more than eight lines a page apart: x86-64's have a set for each line of a page.
    pub fn has_small_l1(&self) -> bool {
        self.l1d <= 8 * PAGE
    }

    /// Whether lanes of B that it turns, a page apart or half a page, are sixteen: others add to the harm.
    pub fn crowds_l1(&self) -> bool {
        let apart = self.bytes(self.b.1).is_multiple_of(PAGE / 2);
        self.turns_b() && apart && self.has_small_l1() && self.lanes >= 16
    }

    /// Bytes of a matrix.
    pub fn operand(&self, rows: usize, cols: usize) -> usize {
        rows.saturating_mul(cols).saturating_mul(self.size)
    }

    /// Whether a matrix is too large for the caches, and whether B is, and C.
    fn in_memory(&self, rows: usize, cols: usize) -> bool {
        self.operand(rows, cols) > 16 * self.l2
    }

    pub fn b_in_memory(&self) -> bool {
        self.in_memory(self.k, self.n)
    }

    pub fn c_in_memory(&self) -> bool {
        self.in_memory(self.m, self.n)
    }

    /// Whether C goes past the caches, line by line: it is beyond them all, hardly summed to, and not read
    /// (Zen 5: 4096×4096×4 1.45 times as fast, 4096×4096×16 1.16 times; 2048×2560×1, of 20 MB, 1/1.3).
    pub fn streams_c(&self) -> bool {
        let beyond = self.operand(self.m, self.n) > self.l3 + self.l3 / 2;
        let once = self.k < many(self.of_lines()) && self.k <= self.block && !self.c_is_read;
        self.c_in_lines && beyond && once && !self.complex && !self.slow_pages
    }

    /// Bytes of the narrow operand that are kept in L2. (Emerald Rapids, another thread sharing the core: 2048×512×512 and 2048³
    /// 1.07 to 1.1 times as fast with a quarter as with half, 768×3072×512 TN 1.05 times; else level.)
    pub fn narrow_bytes(&self) -> usize {
        if self.slow_pages { self.l2 / 4 } else { self.l2 / 2 }
    }

    /// With few rows of long operands, how many rows of B are swept at once: all of them, before the next. Down the rows, a strip
    /// at a time, each step would be on another page.
    pub fn sweep(&self) -> Option<usize> {
        let (conflicts, bytes) = (self.pages_apart(self.b.0), self.operand(self.k, self.n));
        let (most, steps, length) = match (self.slow_pages && bytes > self.l2, self.of_lines()) {
            // Ice Lake: 8×3072×768 and 16×1024×1024 1.7 times as fast, with AVX2 12×1024×1024 twice; Zen 5: 4×4096×4096 1/1.5.
            (true, _) => (16, 2 * SWEEP_STEPS, 64 * self.lanes),
            // (Zen 4: 1×1024×1024 1.25 times as fast down the rows, 2×1024×1024 1.45 times, 1×2000×1000 1.18 times. Swept,
            // 4×4096×4096 is 1.5 times as fast, 8×4096×4096 1.3, 24×4096×4096 1.15, yet 32×4096×4096 1/1.07. By 8 steps, 6×3760×1652 is
            // 1.2 times as fast as by 16 (in L3, 6×2048×2048 1/1.15), 12×3760×1652 1/1.2, yet 12×3753×1652, whose rows begin anywhere in a line, 1.1 times.)
            (false, true) if self.has_small_l1() => match self.m {
                _ if bytes <= 8 * self.l2 => return None,
                0..=6 if bytes > self.l3 / 2 => (6, SWEEP_STEPS, PAGE / self.size),
                7..=16 if !self.bytes(self.b.0).is_multiple_of(LINE / 2) => (16, SWEEP_STEPS, PAGE / self.size),
                _ => (24, 2 * SWEEP_STEPS, PAGE / self.size),
            },
            (false, true) => (1 + usize::from(conflicts), SWEEP_STEPS, PAGE / self.size),
            (false, false) => (4 + 4 * usize::from(conflicts || self.b_in_memory()), SWEEP_STEPS, PAGE / self.size),
        };
        // (Columns before the first line may have been taken off.)
        let sweeps = self.in_lanes() && self.n + LINE / self.size > length && self.k > steps && self.m <= most;
        sweeps.then_some(steps)
    }

    /// Whether B is loaded in whole lines, which come from L2 as fast as tiles need them: nothing is packed then (Zen 5: 256³ 1.05
    /// times as fast, 70×700×700 1.1 times; yet 256×1024×1024, rows of B a page apart, 1/1.13; Emerald Rapids: 200×400×400 1.08
    /// times, 192³ 1.1 times; yet 256×512×512, half a page apart, 1/1.08 to 1.13 times, and 250³, vectors in two lines each, 1/1.2 if
    /// another thread shares the core; Zen 4: f64 86×1039×1076, whose rows begin anywhere in a line, 1/1.15, 200×1039×1076 1/1.1, yet
    /// 86×1036×1076 1.1 times as fast, and 400×703×703 1/1.08).
    pub fn lines_stream(&self) -> bool {
        let (row, bytes) = (self.bytes(self.b.0), self.operand(self.k, self.n));
        let far = bytes > 2 * self.l2 && self.m >= 400;
        // Whether rows of B use most sets of a cache.
        let spreads = !row.is_multiple_of(PAGE / 2);
        let streams = match self.slow_pages {
            true => bytes <= self.l2 / 2 && spreads && self.b_at_lines,
            false if self.has_small_l1() && !row.is_multiple_of(LINE / 2) && (bytes > 8 * self.l2 || far) => false,
            false => !self.pages_apart(self.b.0),
        };
        self.in_lanes() && self.of_lines() && streams
    }

    /// Whether there are so few rows that strips of B from L2 cost less than packing (32×512×512 on Zen 5 and Emerald Rapids: 1.3
    /// times; on the latter 40×512×512 1.3 times, 64×512×784 1.2 times, yet 64×1024×400, a page apart, 1/1.2).
    pub fn few_rows(&self) -> bool {
        let most = match () {
            _ if !self.slow_pages || (self.is_near_b() && !self.pages_apart(self.b.0)) => 64,
            _ if self.is_near_b() || !self.of_lines() => 32,
            _ => 16,
        };
        self.m <= most
    }

    /// Whether B is near enough for a few rows to read in place, slow as pages are: in half of L2 (Ice Lake: 64×1000×256, of 0.8 L2,
    /// 1/1.6 times as fast in place) or, for cores that have more of it, in L3, if its lines do not share a cache set (Emerald Rapids:
    /// 32×700×700 and 32×1200×800 1.26 times as fast, 40×1024×512 1/1.3).
    fn is_near_b(&self) -> bool {
        let bytes = self.operand(self.k, self.n);
        bytes <= self.l2 / 2 || (self.l2 >= LARGE_L2 && bytes <= 2 * self.l2 && !self.pages_apart(self.b.0))
    }

    /// The tiles that are of use.
    pub fn menu(&self) -> &'a [usize] {
        match self.turns_b() {
            // Lanes a power of two apart share cache sets; and from memory, fewer streams are faster, most of all to a smaller L1
            // (Zen 4: 1×4000×4000 NT by one vector 1.5 times as fast as by two).
            true => {
                let pairs = self.of_lines() && !self.has_small_l1();
                let most = if !self.b_in_memory() { self.turning.len() } else { 1 + usize::from(pairs) };
                let stay = |vecs: &usize| fits(vecs * self.lanes, 1, self.bytes(self.b.1), self.l1d);
                &self.turning[..(2..=most).take_while(stay).last().unwrap_or(1)]
            }
            // Four vectors are a run that memory delivers; if a tile has no room for them, two are best (8×1024×1024 1.2 times).
            false if self.sweep().is_some() && self.slow_pages && self.m > 6 => &self.menu[..2],
            // (Zen 4: 2×3760×1652 and 3×3760×1652 1.2 times as fast by four as by seven or more.)
            false if self.sweep().is_some() && self.has_small_l1() && self.of_lines() => &self.menu[..4],
            false => self.menu,
        }
    }
}
