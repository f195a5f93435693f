//! Views of matrices to write.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;

use super::MatRef;
use super::layout::{Layout, contiguous, first_offset};
use crate::error::Error;

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

// SAFETY: a `MatMut` is an exclusive borrow of its elements, as `&mut [T]` is.
unsafe impl<T: Send> Send for MatMut<'_, T> {}
// SAFETY: as above; nothing can be written through a shared `MatMut`.
unsafe impl<T: Sync> Sync for MatMut<'_, T> {}

impl<'a, T> MatMut<'a, T> {
    /// A vector, as one row.
    #[inline]
    pub(crate) fn row(data: &'a mut [T]) -> Self {
        let layout = MatRef::row(data).layout;
        MatMut { ptr: data.as_mut_ptr(), layout, borrow: PhantomData }
    }

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

    /// The real parts of complex numbers, each followed by the imaginary part in memory.
    pub(crate) fn first_parts<R>(self) -> MatMut<'a, R> {
        MatMut { ptr: self.ptr.cast(), layout: self.layout.of_first_parts(), borrow: PhantomData }
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

debug_view!(MatMut);
