//! Which columns to compute on their own, before anything is planned: those before whole cache lines, or those beyond whole vectors.

use super::{LINE, PAGE};

/// What that depends on.
#[derive(Clone, Copy)]
pub struct Columns {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    /// Bytes of an element, elements of a vector.
    pub size: usize,
    pub lanes: usize,
    /// Bytes from where B begins to the first cache line, and from where C does, if rows are adjacent elements and whole lines apart.
    pub b: Option<usize>,
    pub c: Option<usize>,
    pub l3: usize,
    /// See `Machine`.
    pub slow_pages: bool,
    pub double_pumped: bool,
}

impl Columns {
    /// How many columns make a product of their own, and the others another; 0 if all are one.
    pub fn apart(&self) -> usize {
        match self.before_lines() {
            0 if self.double_pumped && self.m.saturating_mul(self.k) >= PLANNED => whole_columns(self.n, self.lanes),
            before => before,
        }
    }

    /// Those after which each vector is in one cache line, not in two: of C where little is summed, of B for few rows, since there time goes
    /// into it. An allocator's blocks begin anywhere in a line. (Zen 4: 1×1024×1024 1.2 times as fast, 2×2048×512 1.25 times, 1024×1024×4
    /// with beta 1 1.3 times, ×1 1.1 times, ×16 and 8×1024×1024 level.) Where pages are slow, so are a few columns of many rows; and
    /// vectors of half a line are less often in two (AVX2: 1×1024×1024 level, 4×1024×1024 1/1.07). Only so can C go past the caches, too.
    fn before_lines(&self) -> usize {
        let row = self.n.saturating_mul(self.size);
        let (before, rows, shortest) = match () {
            _ if self.k <= 32 && row.saturating_mul(self.m) > self.l3 => (self.c, self.m, 8 * LINE),
            _ if self.k <= 32 => (self.c, self.m, PAGE / 2),
            _ if self.m <= 4 && !self.slow_pages && self.lanes * self.size >= LINE => (self.b, self.k, PAGE),
            _ => return 0,
        };
        let is_long = row >= shortest && row.saturating_mul(rows) >= LONG;
        before.filter(|_| is_long).map_or(0, |bytes| bytes / self.size)
    }
}

/// The fewest bytes of an operand for which its place in memory counts more than another plan.
const LONG: usize = 512 << 10;

/// The fewest steps of rows that a short rest of columns saves half a vector of, for which it is worth another plan.
const PLANNED: usize = 4096;

/// The columns of whole vectors, if the others fill half a vector at most and are not too small a part of all; else 0. Where vectors half as
/// long take half the time, they are for the others (Zen 4: 400×24×300 1.3 times as fast, 400×34×300 1.15, 400×100×300 1.06).
#[inline]
pub fn whole_columns(n: usize, lanes: usize) -> usize {
    let rest = n % lanes;
    if rest > 0 && 2 * rest <= lanes && (1..=16).contains(&(n / lanes)) { n - rest } else { 0 }
}
