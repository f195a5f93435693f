//! Matrix views: a pointer, a shape, two signed strides. What all have, and those to read; those to write are in `output`.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;

use crate::error::Error;
pub(crate) use layout::Span;
use layout::{Layout, contiguous, first_offset};
pub use output::MatMut;

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

macro_rules! debug_view {
    ($view:ident) => {
        impl<T> fmt::Debug for $view<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {:?} strides {:?}", stringify!($view), self.layout.shape(), self.layout.strides())
            }
        }
    };
}

#[cfg(any(feature = "ndarray", feature = "nalgebra", feature = "faer"))]
mod adapters;
mod layout;
mod output; // after the macros, which it uses

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

// SAFETY: a `MatRef` is a shared borrow of its elements, as `&[T]` is.
unsafe impl<T: Sync> Send for MatRef<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for MatRef<'_, T> {}
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

    /// A vector, as one row.
    #[inline]
    pub(crate) fn row(data: &'a [T]) -> Self {
        let layout = Layout { rows: 1, row_stride: contiguous(data.len()), cols: data.len(), col_stride: 1 };
        MatRef { ptr: data.as_ptr(), layout, borrow: PhantomData }
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
    pub(crate) fn pairs<R>(self) -> MatRef<'a, R> {
        MatRef { ptr: self.ptr.cast(), layout: self.layout.of_pairs(), borrow: PhantomData }
    }

    /// The same value at every row and column.
    pub(crate) fn constant(value: &'a T, rows: usize, cols: usize) -> Self {
        MatRef { ptr: value, layout: Layout { rows, cols, row_stride: 0, col_stride: 0 }, borrow: PhantomData }
    }

    view_methods!(MatRef);
}

debug_view!(MatRef);

#[cfg(test)]
mod tests {
    use super::*;

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
