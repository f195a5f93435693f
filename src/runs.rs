//! A length cut into nearly equal runs: rows into strips, strips into blocks, blocks into tasks.

use core::ops::Range;

/// `len` in `parts` nearly equal runs, the longer ones first: 13 in 3 is 5 + 4 + 4, never 6 + 6 + 1.
#[derive(Clone, Copy)]
pub struct Even {
    start: usize,
    parts: usize,
    short: usize,
    longer: usize,
}

#[inline]
pub fn even(range: Range<usize>, parts: usize) -> Even {
    let len = range.len();
    let (short, longer) = if parts <= 1 { (len, 0) } else { (len / parts, len % parts) };
    Even { start: range.start, parts: parts.max(1), short, longer }
}

impl Even {
    #[inline]
    pub fn start(&self) -> usize {
        self.start
    }

    /// How many runs.
    #[inline]
    pub fn len(&self) -> usize {
        self.parts
    }

    /// Takes the first `parts` runs, or as many as there are, out of them.
    pub fn split_off_first(&mut self, parts: usize) -> Even {
        let parts = parts.min(self.parts);
        let first = Even { parts, longer: self.longer.min(parts), ..*self };
        let start = self.nth_part(parts).start;
        *self = Even { start, parts: self.parts - parts, longer: self.longer - first.longer, ..*self };
        first
    }

    #[inline]
    pub fn nth_part(&self, i: usize) -> Range<usize> {
        let start = self.start + i * self.short + i.min(self.longer);
        start..start + self.short + usize::from(i < self.longer)
    }
}

/// Runs of the same length, one after the other.
#[derive(Clone, Copy)]
pub struct Group {
    pub start: usize,
    pub len: usize,
    pub count: usize,
}

impl Group {
    #[inline]
    pub fn end(&self) -> usize {
        self.start + self.len * self.count
    }

    /// At most so many runs together, at least one; nothing if there is none.
    #[inline]
    pub fn cut(self, most: usize) -> impl Iterator<Item = Group> {
        let mut rest = self;
        core::iter::from_fn(move || {
            let next = Group { count: rest.count.min(most), ..rest };
            rest = Group { start: next.end(), count: rest.count - next.count, ..rest };
            (next.count > 0).then_some(next)
        })
    }
}

impl Even {
    /// The runs of the same length together, but the last one alone if `ragged`. Some groups may be empty.
    #[inline]
    pub fn groups(self, ragged: bool) -> [Group; 3] {
        let (long, tail) = (self.short + 1, usize::from(ragged));
        let longer = Group { start: self.start, len: long, count: self.longer };
        // The last run is a shorter one.
        let shorter = Group { start: longer.end(), len: self.short, count: self.parts - self.longer - tail };
        [longer, shorter, Group { start: shorter.end(), len: self.short, count: tail }]
    }
}

impl Iterator for Even {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        if self.parts == 0 {
            return None;
        }
        let run = self.nth_part(0);
        *self = Even { start: run.end, parts: self.parts - 1, longer: self.longer.saturating_sub(1), ..*self };
        Some(run)
    }
}

/// How many pieces of at most `most` a length has. Tiny products have one of everything, and no time for a division.
#[inline]
pub fn pieces(len: usize, most: usize) -> usize {
    if len <= most { 1 } else { len.div_ceil(most) }
}

/// The longest of so many even pieces.
#[inline]
pub fn pieces_len(len: usize, pieces: usize) -> usize {
    if pieces == 1 { len } else { len.div_ceil(pieces) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_runs_cover_the_range_once() {
        for len in 0..40 {
            for parts in 1..9 {
                let runs: Vec<_> = even(3..3 + len, parts).collect();
                assert_eq!(runs.len(), parts);
                assert_eq!((runs[0].start, runs[parts - 1].end), (3, 3 + len));
                assert!(runs.windows(2).all(|w| w[0].end == w[1].start && w[0].len() - w[1].len() <= 1));
            }
        }
        assert_eq!(even(0..13, 3).map(|r| r.len()).collect::<Vec<_>>(), [5, 4, 4]);
    }

    #[test]
    fn groups_are_the_same_runs() {
        for len in 1..40 {
            for parts in 1..9.min(len + 1) {
                let runs: Vec<_> = even(3..3 + len, parts).collect();
                for ragged in [false, true] {
                    let [longer, shorter, tail] = even(3..3 + len, parts).groups(ragged);
                    assert_eq!(tail.count, usize::from(ragged));
                    let alone: Vec<_> = [longer, shorter, tail].into_iter().flat_map(|g| g.cut(1)).collect();
                    assert_eq!(alone.iter().map(|g| g.start..g.end()).collect::<Vec<_>>(), runs);
                    let mut together = [longer, shorter, tail].into_iter().flat_map(|g| g.cut(usize::MAX));
                    assert!(together.all(|g| g.count > 0));
                }
                for first in 0..10 {
                    let mut rest = even(3..3 + len, parts);
                    let taken = rest.split_off_first(first);
                    assert_eq!(taken.len(), first.min(parts));
                    assert_eq!(taken.chain(rest).collect::<Vec<_>>(), runs);
                }
            }
        }
    }
}
