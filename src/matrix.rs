//! Matrix views: a pointer, a shape, two signed strides.

#[cfg(any(feature = "ndarray", feature = "nalgebra", feature = "faer"))]
mod adapters;

use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;

use crate::error::Error;

/// Rows, columns and the distance in elements from one row, and from one column, to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub rows: usize,
    pub row_stride: isize,
    pub cols: usize,
    pub col_stride: isize,
}

impl Layout {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    fn strides(&self) -> (isize, isize) {
        (self.row_stride, self.col_stride)
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0 || self.cols == 0
    }

    pub fn t(self) -> Layout {
        Layout { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride }
    }

    /// Complex numbers as pairs of real columns, and if they are `steps`, each row as two. Strides are those that lead to
    /// every even row and column; the part after it is the next element in memory. Where a row's numbers are adjacent, so are
    /// all its parts.
    fn of_pairs(self, steps: bool) -> Layout {
        let (rows, row_stride) = match steps {
            true => (self.rows.saturating_mul(2), self.row_stride),
            false => (self.rows, self.row_stride.wrapping_mul(2)),
        };
        let col_stride = if self.cols == 1 { 1 } else { self.col_stride };
        Layout { rows, cols: self.cols.saturating_mul(2), row_stride, col_stride }
    }

    /// Whether it fits a slice of so many elements, where nothing lies between them: what `check` finds out for any layout.
    #[inline]
    fn is_within(&self, len: usize) -> bool {
        self.rows.checked_mul(self.cols).is_some_and(|elements| elements <= len)
    }

    /// Smallest and largest offset from the first element, in elements; `None` if an address cannot count them.
    fn extent(&self) -> Option<(isize, isize)> {
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
    fn check<T>(&self, len: usize, offset: usize) -> Result<(), Error> {
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
    fn new<T>(ptr: *const T, layout: Layout) -> Self {
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
    pub(crate) fn overlaps(&self, other: &Span) -> bool {
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

macro_rules! view_methods {
    ($view:ident) => {
        /// How many rows it has.
        #[inline]
        pub fn rows(&self) -> usize {
            self.layout.rows
        }

        /// How many columns it has.
        #[inline]
        pub fn cols(&self) -> usize {
            self.layout.cols
        }

        /// Elements from one row to the next; may be negative.
        #[inline]
        pub fn row_stride(&self) -> isize {
            self.layout.row_stride
        }

        /// Elements from one column to the next; may be negative.
        #[inline]
        pub fn col_stride(&self) -> isize {
            self.layout.col_stride
        }

        /// The transpose: the same memory, rows and columns exchanged. Free.
        #[inline]
        pub fn t(self) -> Self {
            $view { layout: self.layout.t(), ..self }
        }

        /// The block of the given rows and columns.
        ///
        /// # Errors
        /// If a range reaches beyond the matrix.
        pub fn block(self, rows: Range<usize>, cols: Range<usize>) -> Result<Self, Error> {
            for (dimension, range, len) in [("row", &rows, self.rows()), ("column", &cols, self.cols())] {
                if range.start > range.end || range.end > len {
                    return Err(Error::OutOfRange { dimension, start: range.start, end: range.end, len });
                }
            }
            Ok(self.part(rows, cols))
        }

        /// One past the last address, if there are elements and no stride is negative.
        #[inline]
        pub(crate) fn end(&self) -> usize {
            let reach = |len: usize, stride: isize| (len as isize - 1).wrapping_mul(stride);
            let Layout { rows, row_stride, cols, col_stride } = self.layout;
            let last = reach(rows, row_stride).wrapping_add(reach(cols, col_stride));
            self.ptr.wrapping_offset(last).wrapping_add(1) as usize
        }

        #[inline]
        pub(crate) fn layout(&self) -> &Layout {
            &self.layout
        }

        /// `block` for ranges known to be within the matrix.
        #[inline]
        pub(crate) fn part(self, rows: Range<usize>, cols: Range<usize>) -> Self {
            debug_assert!(rows.end <= self.rows() && cols.end <= self.cols());
            // An empty block may start anywhere, even further than an address can count: its pointer is never read.
            let down = (rows.start as isize).wrapping_mul(self.layout.row_stride);
            let right = (cols.start as isize).wrapping_mul(self.layout.col_stride);
            let offset = down.wrapping_add(right);
            let layout = Layout { rows: rows.len(), cols: cols.len(), ..self.layout };
            $view { ptr: self.ptr.wrapping_offset(offset), layout, ..self }
        }
    };
}

/// A matrix to read: any two signed strides over borrowed memory. Strides may be 0, which repeats a row or column.
///
/// ```
/// use lapidary::MatRef;
/// let data = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let a = MatRef::row_major(&data, 2, 3)?; // [[1, 2, 3], [4, 5, 6]]
/// assert_eq!((a.rows(), a.cols(), a.get(1, 0)), (2, 3, Some(&4.0)));
/// assert_eq!((a.t().rows(), a.t().get(0, 1)), (3, Some(&4.0)));
/// assert_eq!(a.block(0..2, 1..3)?.get(1, 1), Some(&6.0));
/// assert!(MatRef::row_major(&data, 3, 3).is_err()); // 9 elements asked of 6
/// # Ok::<(), lapidary::Error>(())
/// ```
pub struct MatRef<'a, T> {
    ptr: *const T,
    layout: Layout,
    borrow: PhantomData<&'a [T]>,
}

/// A matrix to write: any two signed strides over exclusively borrowed memory, no two elements at one address.
///
/// ```
/// use lapidary::MatMut;
/// let mut data = [0.0; 6];
/// let c = MatMut::col_major(&mut data, 2, 3)?;
/// assert_eq!((c.row_stride(), c.col_stride()), (1, 2));
/// assert!(MatMut::strided(&mut data, 2, 3, 1, 1).is_err()); // (0, 1) and (1, 0) would share an element
/// # Ok::<(), lapidary::Error>(())
/// ```
pub struct MatMut<'a, T> {
    ptr: *mut T,
    layout: Layout,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: a `MatRef` is a shared borrow of its elements, as `&[T]` is.
unsafe impl<T: Sync> Send for MatRef<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for MatRef<'_, T> {}
// SAFETY: a `MatMut` is an exclusive borrow of its elements, as `&mut [T]` is.
unsafe impl<T: Send> Send for MatMut<'_, T> {}
// SAFETY: as above; nothing can be written through a shared `MatMut`.
unsafe impl<T: Sync> Sync for MatMut<'_, T> {}

impl<T> Clone for MatRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for MatRef<'_, T> {}

impl<'a, T> MatRef<'a, T> {
    #[inline]
    pub(crate) fn span(&self) -> Span {
        Span::new(self.ptr, self.layout)
    }

    /// Rows one after the other.
    ///
    /// # Errors
    /// If the slice has fewer than `rows`·`cols` elements, or the shape is too large to count.
    #[inline]
    pub fn row_major(data: &'a [T], rows: usize, cols: usize) -> Result<Self, Error> {
        let layout = Layout { rows, row_stride: contiguous(cols), cols, col_stride: 1 };
        match layout.is_within(data.len()) {
            true => Ok(MatRef { ptr: data.as_ptr(), layout, borrow: PhantomData }),
            false => Self::strided(data, rows, cols, contiguous(cols), 1),
        }
    }

    /// Columns one after the other.
    ///
    /// # Errors
    /// If the slice has fewer than `rows`·`cols` elements, or the shape is too large to count.
    #[inline]
    pub fn col_major(data: &'a [T], rows: usize, cols: usize) -> Result<Self, Error> {
        let layout = Layout { rows, row_stride: 1, cols, col_stride: contiguous(rows) };
        match layout.is_within(data.len()) {
            true => Ok(MatRef { ptr: data.as_ptr(), layout, borrow: PhantomData }),
            false => Self::strided(data, rows, cols, 1, contiguous(rows)),
        }
    }

    /// Element (i, j) at `data[i·row_stride + j·col_stride]`. Where a stride is negative, the first row or column
    /// lies at the end: the lowest element used is `data[0]`.
    ///
    /// # Errors
    /// If an element would lie outside the slice, or the strides reach further than an address can count.
    ///
    /// ```
    /// use lapidary::MatRef;
    /// let data = [1.0, 2.0, 3.0];
    /// let reversed = MatRef::strided(&data, 3, 1, -1, 0)?;
    /// assert_eq!(reversed.get(0, 0), Some(&3.0));
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn strided(
        data: &'a [T],
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, Error> {
        let layout = Layout { rows, cols, row_stride, col_stride };
        let first = first_offset::<T>(&layout, data.len())?;
        Ok(MatRef { ptr: data.as_ptr().wrapping_add(first), layout, borrow: PhantomData })
    }

    /// A view over raw memory: element (i, j) at `ptr.offset(i·row_stride + j·col_stride)`.
    ///
    /// # Safety
    /// For `'a`, every element that the shape and the strides reach must be readable, aligned and initialised, all in
    /// one allocation, and not be written to. If the matrix is empty, or its product is not read (`alpha` = 0, inner
    /// dimension 0), the pointer may be anything.
    ///
    /// ```
    /// use lapidary::MatRef;
    /// let data = [1.0, 2.0, 3.0, 4.0];
    /// // SAFETY: the last element reached is 1·2 + 1·1 = 3.
    /// let a = unsafe { MatRef::from_raw_parts(data.as_ptr(), 2, 2, 2, 1) };
    /// assert_eq!(a.get(1, 1), Some(&4.0));
    /// ```
    #[inline]
    pub unsafe fn from_raw_parts(
        ptr: *const T,
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Self {
        MatRef { ptr, layout: Layout { rows, cols, row_stride, col_stride }, borrow: PhantomData }
    }

    /// The element at row `i` and column `j`, if there is one.
    pub fn get(&self, i: usize, j: usize) -> Option<&'a T> {
        // SAFETY: an element within the shape is readable for 'a: checked by the constructor or promised to it.
        (i < self.rows() && j < self.cols()).then(|| unsafe { &*self.at(i, j) })
    }

    #[inline]
    pub(crate) fn at(&self, i: usize, j: usize) -> *const T {
        self.ptr.wrapping_offset(i as isize * self.layout.row_stride + j as isize * self.layout.col_stride)
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *const T {
        self.ptr
    }

    /// Complex numbers as pairs of adjacent columns; see `Layout::of_pairs`.
    pub(crate) fn pairs<R>(self, steps: bool) -> MatRef<'a, R> {
        MatRef { ptr: self.ptr.cast(), layout: self.layout.of_pairs(steps), borrow: PhantomData }
    }

    /// The same value at every row and column.
    pub(crate) fn constant(value: &'a T, rows: usize, cols: usize) -> Self {
        MatRef { ptr: value, layout: Layout { rows, cols, row_stride: 0, col_stride: 0 }, borrow: PhantomData }
    }

    view_methods!(MatRef);
}

impl<'a, T> MatMut<'a, T> {
    /// Rows one after the other.
    ///
    /// # Errors
    /// If the slice has fewer than `rows`·`cols` elements, or the shape is too large to count.
    #[inline]
    pub fn row_major(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self, Error> {
        let layout = Layout { rows, row_stride: contiguous(cols), cols, col_stride: 1 };
        match layout.is_within(data.len()) {
            true => Ok(MatMut { ptr: data.as_mut_ptr(), layout, borrow: PhantomData }),
            false => Self::strided(data, rows, cols, contiguous(cols), 1),
        }
    }

    /// Columns one after the other.
    ///
    /// # Errors
    /// If the slice has fewer than `rows`·`cols` elements, or the shape is too large to count.
    #[inline]
    pub fn col_major(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self, Error> {
        let layout = Layout { rows, row_stride: 1, cols, col_stride: contiguous(rows) };
        match layout.is_within(data.len()) {
            true => Ok(MatMut { ptr: data.as_mut_ptr(), layout, borrow: PhantomData }),
            false => Self::strided(data, rows, cols, 1, contiguous(rows)),
        }
    }

    /// Element (i, j) at `data[i·row_stride + j·col_stride]`. Where a stride is negative, the first row or column
    /// lies at the end: the lowest element used is `data[0]`.
    ///
    /// # Errors
    /// If an element would lie outside the slice, two elements would share an address, or the strides reach further
    /// than an address can count.
    ///
    /// ```
    /// use lapidary::MatMut;
    /// let mut data = [0.0; 10];
    /// let c = MatMut::strided(&mut data, 2, 3, 5, 2)?; // the elements 0, 2, 4 and 5, 7, 9
    /// assert_eq!((c.rows(), c.cols()), (2, 3));
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn strided(
        data: &'a mut [T],
        rows: usize,
        cols: usize,
        row_stride: isize,
        col_stride: isize,
    ) -> Result<Self, Error> {
        let layout = Layout { rows, cols, row_stride, col_stride };
        let first = first_offset::<T>(&layout, data.len())?;
        if !layout.is_injective() {
            return Err(Error::OverlapsItself { operand: "C", shape: layout.shape(), strides: layout.strides() });
        }
        Ok(MatMut { ptr: data.as_mut_ptr().wrapping_add(first), layout, borrow: PhantomData })
    }

    /// A view over raw memory: element (i, j) at `ptr.offset(i·row_stride + j·col_stride)`.
    ///
    /// # Safety
    /// For `'a`, every element that the shape and the strides reach must be writable and aligned, all in one
    /// allocation, and be used through nothing else. Elements may be uninitialised if `beta` is 0. If the matrix is
    /// empty, the pointer may be anything. (Elements that share an address, and operands that overlap, are refused by
    /// the product.)
    ///
    /// ```
    /// use lapidary::{MatMut, MatRef, gemm};
    /// let (a, mut c) = ([2.0_f32], Vec::with_capacity(1));
    /// let a = MatRef::row_major(&a, 1, 1)?;
    /// // SAFETY: one element fits the capacity; beta is 0, so it is written without being read.
    /// unsafe {
    ///     gemm(1.0, a, a, 0.0, MatMut::from_raw_parts(c.as_mut_ptr(), 1, 1, 1, 1))?;
    ///     c.set_len(1);
    /// }
    /// assert_eq!(c, [4.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub unsafe fn from_raw_parts(ptr: *mut T, rows: usize, cols: usize, row_stride: isize, col_stride: isize) -> Self {
        MatMut { ptr, layout: Layout { rows, cols, row_stride, col_stride }, borrow: PhantomData }
    }

    /// The same matrix for a shorter time, so that it can be used again afterwards.
    ///
    /// ```
    /// use lapidary::{MatMut, MatRef, gemm};
    /// let (a, mut c) = ([3.0], [0.0]);
    /// let a = MatRef::row_major(&a, 1, 1)?;
    /// let mut c = MatMut::row_major(&mut c, 1, 1)?;
    /// gemm(1.0, a, a, 0.0, c.reborrow())?;
    /// gemm(1.0, a, a, 1.0, c.reborrow())?;
    /// assert_eq!(c.as_ref().get(0, 0), Some(&18.0));
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn reborrow(&mut self) -> MatMut<'_, T> {
        MatMut { ptr: self.ptr, layout: self.layout, borrow: PhantomData }
    }

    /// The same matrix to read. (If it came from raw parts, its elements must have been initialised by now.)
    #[inline]
    pub fn as_ref(&self) -> MatRef<'_, T> {
        MatRef { ptr: self.ptr, layout: self.layout, borrow: PhantomData }
    }

    /// The rows before `row`, and the rest.
    ///
    /// # Errors
    /// If there are fewer than `row` rows.
    ///
    /// ```
    /// use lapidary::MatMut;
    /// let mut data = [0.0; 6];
    /// let (top, bottom) = MatMut::row_major(&mut data, 3, 2)?.split_at_row(1)?;
    /// assert_eq!((top.rows(), bottom.rows()), (1, 2));
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn split_at_row(self, row: usize) -> Result<(MatMut<'a, T>, MatMut<'a, T>), Error> {
        let (rows, cols) = (self.rows(), self.cols());
        if row > rows {
            return Err(Error::OutOfRange { dimension: "row", start: row, end: rows, len: rows });
        }
        let top = MatMut { ptr: self.ptr, layout: self.layout, borrow: PhantomData }.part(0..row, 0..cols);
        Ok((top, self.part(row..rows, 0..cols)))
    }

    /// The columns before `col`, and the rest.
    ///
    /// # Errors
    /// If there are fewer than `col` columns.
    ///
    /// ```
    /// use lapidary::MatMut;
    /// let mut data = [0.0; 6];
    /// let (left, right) = MatMut::row_major(&mut data, 2, 3)?.split_at_col(2)?;
    /// assert_eq!((left.cols(), right.cols()), (2, 1));
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn split_at_col(self, col: usize) -> Result<(MatMut<'a, T>, MatMut<'a, T>), Error> {
        let (rows, cols) = (self.rows(), self.cols());
        if col > cols {
            return Err(Error::OutOfRange { dimension: "column", start: col, end: cols, len: cols });
        }
        let left = MatMut { ptr: self.ptr, layout: self.layout, borrow: PhantomData }.part(0..rows, 0..col);
        Ok((left, self.part(0..rows, col..cols)))
    }

    #[inline]
    pub(crate) fn at(&self, i: usize, j: usize) -> *mut T {
        self.ptr.wrapping_offset(i as isize * self.layout.row_stride + j as isize * self.layout.col_stride)
    }

    /// Complex numbers as pairs of adjacent columns; see `Layout::of_pairs`.
    pub(crate) fn pairs<R>(self) -> MatMut<'a, R> {
        MatMut { ptr: self.ptr.cast(), layout: self.layout.of_pairs(false), borrow: PhantomData }
    }

    /// The same matrix once more.
    ///
    /// # Safety
    /// Nothing is written through both.
    #[inline]
    pub(crate) unsafe fn alias(&self) -> MatMut<'a, T> {
        MatMut { ptr: self.ptr, layout: self.layout, borrow: PhantomData }
    }

    view_methods!(MatMut);
}

/// A dimension as the stride between its runs; one that no stride can hold is caught by the check that follows.
fn contiguous(len: usize) -> isize {
    isize::try_from(len).unwrap_or(isize::MAX)
}

/// Where in a slice of `len` elements the first element lies: negative strides put it at the end.
fn first_offset<T>(layout: &Layout, len: usize) -> Result<usize, Error> {
    let (low, _) = layout.extent().ok_or(Error::Overflow { shape: layout.shape(), strides: layout.strides() })?;
    let first = low.unsigned_abs();
    layout.check::<T>(len, first)?;
    Ok(first)
}

macro_rules! debug_view {
    ($view:ident) => {
        impl<T> fmt::Debug for $view<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {:?} strides {:?}", stringify!($view), self.layout.shape(), self.layout.strides())
            }
        }
    };
}
debug_view!(MatRef);
debug_view!(MatMut);

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

    #[test]
    fn constructors_refuse_what_does_not_fit() {
        let data = [0.0f32; 12];
        assert!(MatRef::strided(&data, 3, 4, 4, 1).is_ok());
        assert!(MatRef::strided(&data, 3, 4, -4, -1).is_ok());
        assert!(MatRef::strided(&data, 1000, 12, 0, 1).is_ok());
        for (rows, cols, rs, cs) in [(3, 4, 5, 1), (4, 4, 4, 1), (2, 2, 11, 1), (2, 2, -11, 1)] {
            let e = MatRef::strided(&data, rows, cols, rs, cs).unwrap_err();
            assert!(matches!(e, Error::TooShort { found: 12, .. }), "{e}");
        }
        for (rows, cols, rs, cs) in [
            (usize::MAX, 2, 1, 1),
            (2, usize::MAX, 1, 1),
            (3, 1, isize::MAX, 1),
            (2, 2, isize::MAX, isize::MAX),
            (2, 2, isize::MIN, isize::MIN),
            (2, 1, isize::MIN, 0),
        ] {
            let e = MatRef::strided(&data, rows, cols, rs, cs).unwrap_err();
            assert!(matches!(e, Error::Overflow { .. } | Error::TooShort { .. }), "{e}");
        }
        assert!(MatRef::row_major(&data, usize::MAX, usize::MAX).is_err());
        assert!(MatRef::row_major(&data, usize::MAX, 0).is_ok());
        assert!(MatRef::<f32>::row_major(&[], 0, 7).is_ok());
    }
}
