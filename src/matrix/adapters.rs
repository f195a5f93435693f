//! Views of other crates' matrices, without a copy. (What a view of theirs promises is what one of this crate's needs.)

/// `$ptr` and `$strides` of an expression that is bound to `$view`; strides are those of rows and of columns.
macro_rules! view {
    ($of:ident, $view:ident, $ptr:expr, $strides:expr) => {{
        let (rows, cols) = ($view.nrows(), $view.ncols());
        let (row_stride, col_stride) = $strides;
        // SAFETY: the elements that the other view gives access to, for as long.
        unsafe { $of::from_raw_parts($ptr, rows, cols, row_stride, col_stride) }
    }};
}

#[cfg(feature = "ndarray")]
mod ndarray {
    use ndarray::{ArrayBase, ArrayView2, ArrayViewMut2, Data, DataMut, Ix2};

    use crate::{MatMut, MatRef};

    fn strides(strides: &[isize]) -> (isize, isize) {
        (strides[0], strides[1])
    }

    /// A matrix of ndarray. (Feature `ndarray`.)
    impl<'a, T> From<ArrayView2<'a, T>> for MatRef<'a, T> {
        fn from(view: ArrayView2<'a, T>) -> Self {
            view!(MatRef, view, view.as_ptr(), strides(view.strides()))
        }
    }

    /// A matrix of ndarray. (Feature `ndarray`.)
    ///
    /// ```
    /// use lapidary::{MatMut, MatRef, gemm};
    /// let a = ndarray::array![[1.0, 2.0], [3.0, 4.0]];
    /// let b = ndarray::array![[5.0, 6.0], [7.0, 8.0]];
    /// let mut c = ndarray::Array2::zeros((2, 2));
    /// gemm(1.0, MatRef::from(&a), b.t().into(), 0.0, MatMut::from(&mut c))?;
    /// assert_eq!(c, a.dot(&b.t()));
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    impl<'a, T, S: Data<Elem = T>> From<&'a ArrayBase<S, Ix2>> for MatRef<'a, T> {
        fn from(array: &'a ArrayBase<S, Ix2>) -> Self {
            array.view().into()
        }
    }

    /// A matrix of ndarray. (Feature `ndarray`.)
    impl<'a, T> From<ArrayViewMut2<'a, T>> for MatMut<'a, T> {
        fn from(mut view: ArrayViewMut2<'a, T>) -> Self {
            view!(MatMut, view, view.as_mut_ptr(), strides(view.strides()))
        }
    }

    /// A matrix of ndarray. (Feature `ndarray`.)
    impl<'a, T, S: DataMut<Elem = T>> From<&'a mut ArrayBase<S, Ix2>> for MatMut<'a, T> {
        fn from(array: &'a mut ArrayBase<S, Ix2>) -> Self {
            array.view_mut().into()
        }
    }
}

#[cfg(feature = "nalgebra")]
mod nalgebra {
    use nalgebra::{Dim, Matrix, RawStorage, RawStorageMut};

    use crate::{MatMut, MatRef};

    fn strides((rows, cols): (usize, usize)) -> (isize, isize) {
        (rows as isize, cols as isize)
    }

    /// A matrix, vector or view of nalgebra. (Feature `nalgebra`.)
    ///
    /// ```
    /// use lapidary::{MatMut, MatRef, gemm};
    /// use nalgebra::{DMatrix, DVector};
    /// let a = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    /// let x = DVector::from_row_slice(&[1.0, 0.0, -1.0]);
    /// let mut y = DVector::zeros(2);
    /// gemm(1.0, MatRef::from(&a), MatRef::from(&x), 0.0, MatMut::from(&mut y))?;
    /// assert_eq!(y, a * x);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    impl<'a, T, R: Dim, C: Dim, S: RawStorage<T, R, C>> From<&'a Matrix<T, R, C, S>> for MatRef<'a, T> {
        fn from(matrix: &'a Matrix<T, R, C, S>) -> Self {
            view!(MatRef, matrix, matrix.as_ptr(), strides(matrix.strides()))
        }
    }

    /// A matrix, vector or view of nalgebra. (Feature `nalgebra`.)
    impl<'a, T, R: Dim, C: Dim, S: RawStorageMut<T, R, C>> From<&'a mut Matrix<T, R, C, S>> for MatMut<'a, T> {
        fn from(matrix: &'a mut Matrix<T, R, C, S>) -> Self {
            view!(MatMut, matrix, matrix.as_mut_ptr(), strides(matrix.strides()))
        }
    }
}

#[cfg(feature = "faer")]
mod faer {
    use crate::{MatMut, MatRef};

    /// A matrix of faer. (Feature `faer`.)
    ///
    /// ```
    /// use lapidary::{MatMut, MatRef, gemm};
    /// let a = faer::mat![[1.0, 2.0], [3.0, 4.0]];
    /// let mut c = faer::Mat::zeros(2, 2);
    /// gemm(1.0, MatRef::from(a.as_ref()), a.transpose().into(), 0.0, MatMut::from(c.as_mut()))?;
    /// assert_eq!(c, &a * a.transpose());
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    impl<'a, T> From<faer::MatRef<'a, T>> for MatRef<'a, T> {
        fn from(view: faer::MatRef<'a, T>) -> Self {
            view!(MatRef, view, view.as_ptr(), (view.row_stride(), view.col_stride()))
        }
    }

    /// A matrix of faer. (Feature `faer`.)
    impl<'a, T> From<faer::MatMut<'a, T>> for MatMut<'a, T> {
        fn from(view: faer::MatMut<'a, T>) -> Self {
            view!(MatMut, view, view.as_ptr_mut(), (view.row_stride(), view.col_stride()))
        }
    }
}
