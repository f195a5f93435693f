//! Views of other crates' matrices show the same elements.

#[cfg(feature = "ndarray")]
#[test]
fn ndarray_views() {
    use lapidary::{MatMut, MatRef};
    use ndarray::{Array2, ShapeBuilder, s};
    let rows = Array2::from_shape_fn((5, 7), |(i, j)| (10 * i + j) as f64);
    let mut cols = Array2::from_shape_vec((5, 7).f(), rows.t().iter().copied().collect()).unwrap();
    assert_eq!(rows, cols);
    for array in [&rows, &cols] {
        let views =
            [array.view(), array.slice(s![1.., ..;-1]), array.slice(s![..;2, 1..;3]), array.slice(s![3..3, ..])];
        for view in views.into_iter().chain([array.t(), array.broadcast((5, 7)).unwrap()]) {
            let ours = MatRef::from(view);
            assert_eq!((ours.rows(), ours.cols()), view.dim());
            assert!(view.indexed_iter().all(|((i, j), x)| std::ptr::eq(ours.get(i, j).unwrap(), x)));
        }
    }
    let row = rows.row(2);
    let many = MatRef::from(row.broadcast((4, 7)).unwrap());
    assert_eq!((many.get(3, 6), many.row_stride()), (Some(&26.0), 0));

    let mut output = MatMut::from(cols.slice_mut(s![..;-2, 1..3]));
    let (a, b) = ([1.0, 2.0, 3.0], [1.0, -1.0]);
    let (a, b) = (MatRef::row_major(&a, 3, 1).unwrap(), MatRef::row_major(&b, 1, 2).unwrap());
    lapidary::gemm(1.0, a, b, 1.0, output.reborrow()).unwrap();
    let mut wanted = rows.clone();
    for (i, x) in [(4, 1.0), (2, 2.0), (0, 3.0)] {
        wanted[(i, 1)] += x;
        wanted[(i, 2)] -= x;
    }
    assert_eq!(cols, wanted);
    assert!(MatMut::from(&mut cols).as_ref().get(4, 1).is_some());
}

#[cfg(feature = "nalgebra")]
#[test]
fn nalgebra_views() {
    use lapidary::{MatMut, MatRef};
    use nalgebra::{DMatrix, Matrix3x2, RowDVector};
    let mut matrix = DMatrix::from_fn(6, 5, |i, j| (10 * i + j) as f32);
    let check = |ours: MatRef<'_, f32>, get: &dyn Fn(usize, usize) -> f32| {
        for (i, j) in (0..ours.rows()).flat_map(|i| (0..ours.cols()).map(move |j| (i, j))) {
            assert_eq!(ours.get(i, j), Some(&get(i, j)));
        }
    };
    check(MatRef::from(&matrix), &|i, j| matrix[(i, j)]);
    let part = matrix.view_with_steps((1, 0), (2, 3), (1, 1));
    assert_eq!((MatRef::from(&part).rows(), MatRef::from(&part).cols()), (2, 3));
    check(MatRef::from(&part), &|i, j| matrix[(1 + 2 * i, 2 * j)]);
    let fixed = Matrix3x2::new(1.0, 2.0, 3.0, 4.0, 5.0, 6.0);
    check(MatRef::from(&fixed), &|i, j| fixed[(i, j)]);
    let row = RowDVector::from_vec(vec![1.0f32, 2.0]);
    assert_eq!(MatRef::from(&row).get(0, 1), Some(&2.0));

    let old = matrix.clone();
    let mut rows = matrix.rows_mut(2, 3);
    let one = [1.0];
    let one = MatRef::row_major(&one, 1, 1).unwrap();
    let (a, b) = (fixed.columns(0, 1).into_owned(), RowDVector::from_element(5, 2.0));
    lapidary::gemm(1.0, MatRef::from(&a), MatRef::from(&b), 0.0, MatMut::from(&mut rows)).unwrap();
    assert!(lapidary::gemm(1.0, one, one, 0.0, MatMut::from(&mut rows)).is_err());
    let wanted = DMatrix::from_fn(6, 5, |i, j| if (2..5).contains(&i) { fixed[(i - 2, 0)] * 2.0 } else { old[(i, j)] });
    assert_eq!(matrix, wanted);
}

#[cfg(feature = "faer")]
#[test]
fn faer_views() {
    use lapidary::{MatMut, MatRef};
    let mut matrix = faer::Mat::from_fn(6, 5, |i, j| (10 * i + j) as f64);
    for view in [matrix.as_ref(), matrix.as_ref().reverse_rows(), matrix.as_ref().submatrix(1, 2, 3, 2)] {
        for view in [view, view.transpose(), view.reverse_cols()] {
            let ours = MatRef::from(view);
            assert_eq!((ours.rows(), ours.cols()), (view.nrows(), view.ncols()));
            for (i, j) in (0..ours.rows()).flat_map(|i| (0..ours.cols()).map(move |j| (i, j))) {
                assert_eq!(ours.get(i, j), Some(&view[(i, j)]));
            }
        }
    }
    let two = [2.0];
    let two = MatRef::row_major(&two, 1, 1).unwrap();
    lapidary::gemm(1.0, two, two, 1.0, MatMut::from(matrix.as_mut().submatrix_mut(5, 4, 1, 1))).unwrap();
    assert_eq!((matrix[(5, 4)], matrix[(4, 4)]), (58.0, 44.0));
}
