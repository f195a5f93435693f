//! Shapes and strides: which addresses a view has, and whether two meet.

use core::ops::Range;

use crate::error::Error;

/// Rows, columns and the distance in elements from one row, and from one column, to the next. (In this order: neighbours are copied
/// as one vector, which waits if they were just stored one by one. 4×4×4 1.3 times as fast.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub rows: usize,
    pub row_stride: isize,
    pub col_stride: isize,
    pub cols: usize,
}

impl Layout {
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    pub fn strides(&self) -> (isize, isize) {
        (self.row_stride, self.col_stride)
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0 || self.cols == 0
    }

    pub fn t(self) -> Layout {
        Layout { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride }
    }

    /// Complex numbers as pairs of real columns. Strides are those that lead to every even column; the part after it is the next
    /// element in memory. Where a row's numbers are adjacent, so are all its parts.
    pub fn of_pairs(self) -> Layout {
        let col_stride = if self.cols == 1 { 1 } else { self.col_stride };
        Layout {
            rows: self.rows,
            cols: self.cols.saturating_mul(2),
            row_stride: self.row_stride.wrapping_mul(2),
            col_stride,
        }
    }

    /// The real parts of complex numbers.
    pub fn of_first_parts(self) -> Layout {
        let (row_stride, col_stride) = (self.row_stride.wrapping_mul(2), self.col_stride.wrapping_mul(2));
        Layout { row_stride, col_stride, ..self }
    }

    /// Whether it fits a slice of so many elements, where nothing lies between them: what `check` finds out for any layout.
    #[inline]
    pub fn is_within(&self, len: usize) -> bool {
        self.rows.checked_mul(self.cols).is_some_and(|elements| elements <= len)
    }

    /// Smallest and largest offset from the first element, in elements; `None` if an address cannot count them.
    pub fn extent(&self) -> Option<(isize, isize)> {
        let (mut low, mut high) = (0isize, 0isize);
        if !self.is_empty() {
            for (len, stride) in [(self.rows, self.row_stride), (self.cols, self.col_stride)] {
                let reach = isize::try_from(len - 1).ok()?.checked_mul(stride)?;
                if reach < 0 {
                    low = low.checked_add(reach)?;
                } else {
                    high = high.checked_add(reach)?;
                }
            }
        }
        Some((low, high))
    }

    /// Checks that every element lies within a slice of `len` elements whose element `offset` is the first one.
    pub fn check<T>(&self, len: usize, offset: usize) -> Result<(), Error> {
        let (shape, strides) = (self.shape(), self.strides());
        let overflow = Error::Overflow { shape, strides };
        if self.is_empty() {
            return if offset <= len {
                Ok(())
            } else {
                Err(Error::TooShort { shape, strides, needed: offset, found: len })
            };
        }
        let (low, high) = self.extent().ok_or(overflow.clone())?;
        if low.unsigned_abs() > offset {
            return Err(Error::BeforeStart { shape, strides, needed: low.unsigned_abs(), found: offset });
        }
        let needed = offset.checked_add(high as usize).and_then(|last| last.checked_add(1));
        match needed.filter(|n| n.checked_mul(size_of::<T>().max(1)).is_some_and(|b| b <= isize::MAX as usize)) {
            None => Err(overflow),
            Some(needed) if needed > len => Err(Error::TooShort { shape, strides, needed, found: len }),
            Some(_) => Ok(()),
        }
    }

    /// Whether, at first sight, it is rows or columns one after the other, with positive strides.
    #[inline]
    pub fn has_runs(&self) -> bool {
        (self.col_stride == 1 && self.row_stride >= self.cols as isize)
            || (self.row_stride == 1 && self.col_stride >= self.rows as isize)
    }

    /// Whether no two elements share an address.
    #[inline]
    pub fn is_injective(&self) -> bool {
        self.has_runs() || self.is_empty() || self.never_meets_itself()
    }

    /// `is_injective` of any other layout. By value: what a pointer is taken of is stored first.
    #[cold]
    fn never_meets_itself(self) -> bool {
        let (rs, cs) = (self.row_stride.unsigned_abs(), self.col_stride.unsigned_abs());
        // i·rs = j·cs has its smallest solution at i = cs/g, j = rs/g.
        let g = gcd(rs, cs);
        match g {
            0 => self.rows == 1 && self.cols == 1,
            _ => cs / g >= self.rows || rs / g >= self.cols,
        }
    }
}

fn gcd(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Where a view lies: from the first to the last address, none if it is empty.
pub(crate) struct Span {
    size: usize,
    layout: Layout,
    addresses: Range<usize>,
}

impl Span {
    #[inline]
    pub fn new<T>(ptr: *const T, layout: Layout) -> Self {
        let reach = |len: usize, stride: isize| (len as isize - 1).wrapping_mul(stride);
        let (down, right) = (reach(layout.rows, layout.row_stride), reach(layout.cols, layout.col_stride));
        let at = |offset: isize| ptr.wrapping_offset(offset) as usize;
        let first = at(down.min(0).wrapping_add(right.min(0)));
        let end = at(down.max(0).wrapping_add(right.max(0))).wrapping_add(size_of::<T>());
        Span { size: size_of::<T>(), layout, addresses: if layout.is_empty() { 0..0 } else { first..end } }
    }

    /// Whether it shares an address with another. Exact when their runs along the inner dimension have no gaps; otherwise a
    /// run counts as if it had none, unless both views have the same strides.
    #[inline]
    pub fn overlaps(&self, other: &Span) -> bool {
        let (a, b) = (&self.addresses, &other.addresses);
        a.start < b.end && b.start < a.end && share(self, other)
    }
}

/// The addresses of a view, normalised: both strides at least 0, the larger first.
#[derive(Clone, Copy)]
struct Footprint {
    start: usize,
    outer: (usize, usize),
    inner: (usize, usize),
}

impl Footprint {
    fn of(Span { size, layout, addresses }: &Span) -> Footprint {
        // A dimension of one element has no stride; a stride of 0 stays on the same element.
        let dim = |len: usize, stride: isize| {
            if len == 1 || stride == 0 { (1, 0) } else { (len, stride.unsigned_abs() * size) }
        };
        let (rows, cols) = (dim(layout.rows, layout.row_stride), dim(layout.cols, layout.col_stride));
        let (outer, inner) = if rows.1 >= cols.1 { (rows, cols) } else { (cols, rows) };
        Footprint { start: addresses.start, outer, inner }
    }

    /// Bytes from the first to the last of one run along the inner dimension.
    fn run(&self, size: usize) -> usize {
        (self.inner.0 - 1) * self.inner.1 + size
    }
}

/// `overlaps` for views among each other's addresses.
#[cold]
fn share(a: &Span, b: &Span) -> bool {
    let size = a.size;
    let (a, b) = (Footprint::of(a), Footprint::of(b));
    // Every other column, and the columns between: same strides, but never the same element.
    if a.inner.1 == b.inner.1 && a.inner.1 > size && a.outer.1 % a.inner.1 == 0 && b.outer.1 % b.inner.1 == 0 {
        let apart = a.start.abs_diff(b.start) % a.inner.1;
        if apart >= size && a.inner.1 - apart >= size {
            return false;
        }
    }
    // Walk both lists of runs in the order of their addresses.
    let (mut i, mut j) = (0, 0);
    while i < a.outer.0 && j < b.outer.0 {
        let (x, y) = (a.start + i * a.outer.1, b.start + j * b.outer.1);
        if x + a.run(size) <= y {
            i += 1;
        } else if y + b.run(size) <= x {
            j += 1;
        } else {
            return true;
        }
    }
    false
}

/// A dimension as the stride between its runs; one that no stride can hold is caught by the check that follows.
pub fn contiguous(len: usize) -> isize {
    isize::try_from(len).unwrap_or(isize::MAX)
}

/// Where in a slice of `len` elements the first element lies: negative strides put it at the end.
pub fn first_offset<T>(layout: &Layout, len: usize) -> Result<usize, Error> {
    let (low, _) = layout.extent().ok_or(Error::Overflow { shape: layout.shape(), strides: layout.strides() })?;
    let first = low.unsigned_abs();
    layout.check::<T>(len, first)?;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(rows: usize, cols: usize, row_stride: isize, col_stride: isize) -> Layout {
        Layout { rows, cols, row_stride, col_stride }
    }

    fn offsets(l: &Layout) -> Vec<isize> {
        let each = |i: usize| (0..l.cols).map(move |j| i as isize * l.row_stride + j as isize * l.col_stride);
        (0..l.rows).flat_map(each).collect()
    }

    #[test]
    fn injectivity_is_exact() {
        for rows in 0..5 {
            for cols in 0..5 {
                for rs in -7..8 {
                    for cs in -7..8 {
                        let l = layout(rows, cols, rs, cs);
                        let mut all = offsets(&l);
                        all.sort();
                        let distinct = all.windows(2).all(|w| w[0] != w[1]);
                        assert_eq!(l.is_injective(), distinct, "{l:?}");
                    }
                }
            }
        }
    }

    /// Never misses a shared element; never sees one between blocks of one parent.
    #[test]
    fn overlap_never_misses() {
        let base = 4096 as *const f32;
        let strides = [(7, 1), (1, 7), (-7, 1), (14, 2), (2, 9), (0, 1), (3, -7)];
        for (ra, ca) in strides {
            for (rb, cb) in strides {
                for shift in -20isize..20 {
                    for (m, n) in [(1, 1), (2, 3), (3, 2), (1, 4), (4, 1)] {
                        let (a, b) = (layout(m, n, ra, ca), layout(2, 2, rb, cb));
                        let shared = offsets(&a).iter().any(|x| offsets(&b).iter().any(|y| *x == y + shift));
                        let seen = Span::new(base, a).overlaps(&Span::new(base.wrapping_offset(shift), b));
                        assert!(seen || !shared, "{a:?} {b:?} {shift}");
                    }
                }
            }
        }
        let (a, b) = (layout(3, 2, 7, 1), layout(3, 5, 7, 1));
        assert!(!Span::new(base, a).overlaps(&Span::new(base.wrapping_add(2), b)));
        assert!(Span::new(base, a).overlaps(&Span::new(base.wrapping_add(1), b)));
    }
}
