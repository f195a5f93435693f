//! Which operand is loaded as vectors, and which is broadcast: whether to compute C, or Cᵀ = Bᵀ·Aᵀ.

use super::apart::whole_columns;
use crate::runs::pieces;

/// Whether to compute Cᵀ, for a C of m×n and its row and column strides: lanes go along what is contiguous, or else
/// along the longer dimension, which has more of them to fill.
#[inline]
pub fn turns(m: usize, n: usize, c: (isize, isize)) -> bool {
    match (c.1 == 1 && n > 1, c.0 == 1 && m > 1) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => m > n,
    }
}

/// A few columns of C, which are adjacent: lanes that they leave empty may cost more than to compute Cᵀ nevertheless, and write C through
/// the stage.
pub struct FewColumns {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    /// Whether A is contiguous across its rows, not along the depth.
    pub across: bool,
    /// Whether B is contiguous along the depth, not across its columns.
    pub along_b: bool,
    pub vectors: Vectors,
}

/// What there is to know of the vectors, and of the tiles that use them.
#[derive(Clone, Copy)]
pub struct Vectors {
    pub lanes: usize,
    /// The most rows of a tile that turns them.
    pub turning: usize,
    /// See `Machine`.
    pub double_pumped: bool,
}

impl FewColumns {
    /// What C and Cᵀ cost in multiply-adds of vectors. A vector takes as many a step as there are rows, and some for turning it if it is
    /// contiguous along the depth, or for packing it if its tiles are several; and of Cᵀ there is then the way to C. Half a vector's columns
    /// are themselves cheaper.
    fn costs(&self) -> (f64, f64) {
        let &FewColumns { m, n, k, across, along_b, vectors: Vectors { lanes, turning, double_pumped } } = self;
        let turned = |rows: usize| if rows <= turning { 3.0 / 16.0 } else { 0.35 } * lanes as f64;
        let halves = if self.fill_half() { 3.0 / 16.0 * lanes as f64 } else { 0.0 };
        let steps = |cols: usize, rows: f64| {
            let half = double_pumped && whole_columns(cols, lanes) > 0;
            (pieces(cols, lanes) as f64 - if half { 0.5 } else { 0.0 }) * rows * k as f64
        };
        let plain = m as f64 + if along_b { turned(m) } else { 0.0 };
        let exchanged = n as f64 + halves + if across { 0.0 } else { turned(n) };
        (steps(n, plain), steps(m, exchanged) + 1.5 * n as f64 * m as f64)
    }

    fn are_few(&self) -> bool {
        self.n > 1 && self.n < 3 * self.vectors.lanes
    }

    fn fill_half(&self) -> bool {
        2 * self.n <= self.vectors.lanes
    }

    /// Whether it pays to compute Cᵀ, a plan being made in any case. Where one unit is for shuffles and multiply-adds, turning A pays for
    /// half a vector's columns only. (Zen 4: 128×10×256 1.4 times as fast, f64 1.5 times, 200×18×128 TN 1.5 times; yet 128×12×128 level.)
    pub fn pay(&self, slow_shuffles: bool) -> bool {
        let turns = self.across || self.fill_half() || !slow_shuffles;
        let (plain, exchanged) = self.costs();
        // (AVX2: 100×14×800 TT by 0.89 of the cost 1/1.12; AVX-512, with more registers: f64 50×9×500 by 0.91 of it 1.15 times as fast.)
        let spare = if self.vectors.double_pumped { 0.97 } else { 0.88 };
        self.are_few() && turns && exchanged <= spare * plain
    }

    /// Whether it pays for the plan, too, that would not be made otherwise (f64 200×9×32 1/1.27).
    pub fn pay_for_a_plan(&self) -> bool {
        let (plain, exchanged) = self.costs();
        self.are_few() && exchanged + 2000.0 <= plain
    }
}

/// Whether it pays that so many rows meet vectors of B just turned in registers, and not packed: of more than eight, unless C is
/// beyond L1 and hardly summed to (16×600×16 NT 1/1.2). (Zen 5: 16×1000×1000 NT 1.2 times as fast, f64 9×40×40 1.5 times, from memory
/// 9×4096×4096 1.6 times.)
#[inline]
pub fn turns_rows(m: usize, n: usize, k: usize, size: usize) -> bool {
    m <= 8 || k >= 64 || m.saturating_mul(n).saturating_mul(size) <= 24 << 10
}

/// Whether it pays that each of a few strips of rows meets vectors turned for it again: what is in L1 is turned in less time than it takes
/// to turn it once, write and read, if tiles have sixteen rows and one unit is not for both shuffles and multiply-adds. (Zen 4: 17×317×359
/// NT 1.25 times as fast, 17×64×200 NT 1.3, 32×32×32 NT 1.1, 32×1000×1000 NT 1.17, 64×2000×700 NT 1.1, 32×4000×4000 NT 1.35, 96×1000×1000 NT 1.04; AVX2, by six rows,
/// 18×1000×1000 NT 1/1.7.)
#[inline]
pub fn turns_again(strips: usize, k: usize, most_rows: usize) -> bool {
    strips <= 4 && k >= 32 && most_rows >= 16
}
