//! Views: what constructors, blocks and splits accept, and which elements they show.

mod support;

use lapidary::{Error, Gemm, Linear, MatMut, MatRef, Threads};
use proptest::prelude::*;
use support::{Choose, cases};

/// Views and products can be handed to other threads, and shared.
#[test]
fn views_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<MatRef<'_, f32>>();
    crosses::<MatMut<'_, f64>>();
    crosses::<Gemm<'_, f32>>();
    crosses::<Linear<'_, f64>>();
    crosses::<Error>();
}

const LENGTHS: [usize; 10] = [0, 1, 2, 3, 5, 24, 1 << 33, isize::MAX as usize, 1 << 63, usize::MAX];
const STRIDES: [isize; 12] = [1, 0, 2, 3, -1, -2, 5, -7, 1 << 33, isize::MAX, -isize::MAX, isize::MIN];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(20000) as u32))]

    /// A view is refused exactly if an element would lie outside, or (of an output) lie where another does; and nothing
    /// asked of a view panics.
    #[test]
    fn any_view(choices in prop::collection::vec(any::<u16>(), 9)) {
        let mut choose = choices.into_iter().map(u64::from);
        let (rows, cols) = (choose.one_of(&LENGTHS), choose.one_of(&LENGTHS));
        let (rs, cs) = (choose.one_of(&STRIDES), choose.one_of(&STRIDES));
        let mut data: Vec<f32> = (0..choose.below(30)).map(|i| i as f32).collect();
        let before = data.clone();

        let empty = rows == 0 || cols == 0;
        let reach = |len: usize, stride: isize| len.saturating_sub(1) as u128 * stride.unsigned_abs() as u128;
        let needed = if empty { 0 } else { reach(rows, rs) + reach(cols, cs) + 1 };
        let countable = empty || (rows <= 1 << 63 && cols <= 1 << 63);
        let fits = needed <= data.len() as u128 && countable;
        let distinct = empty || {
            let (rows, cols) = (rows.min(100), cols.min(100)); // where it fits, a longer dimension has stride 0
            let at = |(i, j)| i as i128 * rs as i128 + j as i128 * cs as i128;
            let mut all: Vec<i128> = (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))).map(at).collect();
            all.sort();
            all.windows(2).all(|pair| pair[0] != pair[1])
        };

        let output = MatMut::strided(&mut data, rows, cols, rs, cs).map(|c| (c.rows(), c.cols()));
        prop_assert_eq!(output.is_ok(), fits && distinct);
        if let Err(Error::OverlapsItself { .. }) = output {
            prop_assert!(fits);
        }
        let view = match MatRef::strided(&data, rows, cols, rs, cs) {
            Ok(view) => view,
            Err(Error::TooShort { needed: told, found, .. }) => {
                prop_assert_eq!((told as u128, found), (needed, data.len()));
                return Ok(());
            }
            Err(error) => {
                prop_assert!(matches!(error, Error::Overflow { .. }) && !fits, "{}", error);
                return Ok(());
            }
        };
        prop_assert!(fits);
        prop_assert_eq!((view.rows(), view.cols(), view.row_stride(), view.col_stride()), (rows, cols, rs, cs));
        let lowest = |len: usize, stride: isize| if stride < 0 { reach(len, stride) as i128 } else { 0 };
        for i in [0, 1, rows / 2, rows.wrapping_sub(1), rows, usize::MAX] {
            for j in [0, 1, cols / 2, cols.wrapping_sub(1), cols, usize::MAX] {
                let at = |i, j| lowest(rows, rs) + lowest(cols, cs) + i as i128 * rs as i128 + j as i128 * cs as i128;
                let wanted = (i < rows && j < cols).then(|| &data[at(i, j) as usize]);
                prop_assert_eq!(view.get(i, j), wanted);
                prop_assert_eq!(view.t().get(j, i), wanted);
                // The block from there to the end, and an impossible one.
                let block = view.block(i..rows, j..cols);
                prop_assert_eq!(block.is_ok(), i <= rows && j <= cols);
                if let Ok(block) = block {
                    prop_assert_eq!(block.get(0, 0), wanted);
                }
            }
        }
        prop_assert!(rows == usize::MAX || view.block(0..rows + 1, 0..cols).is_err());
        prop_assert!(cols == usize::MAX || view.block(0..rows, 0..cols + 1).is_err());
        prop_assert_eq!(&data, &before);
    }
}

/// Each row and column count, block and split of a matrix whose elements tell their place.
#[test]
fn blocks_and_splits() -> Result<(), Error> {
    let (rows, cols) = (4, 5);
    let mut data: Vec<usize> = (0..rows * cols).collect();
    let view = MatRef::row_major(&data, rows, cols)?;
    assert_eq!(MatRef::col_major(&data, cols, rows)?.get(3, 2), view.get(2, 3));
    for (top, bottom) in (0..=rows).flat_map(|top| (top..=rows).map(move |bottom| (top, bottom))) {
        for (left, right) in (0..=cols).flat_map(|left| (left..=cols).map(move |right| (left, right))) {
            let block = view.block(top..bottom, left..right)?;
            assert_eq!((block.rows(), block.cols()), (bottom - top, right - left));
            for (i, j) in (0..=rows).flat_map(|i| (0..=cols).map(move |j| (i, j))) {
                let inside = i < bottom - top && j < right - left;
                assert_eq!(block.get(i, j).copied(), inside.then_some((top + i) * cols + left + j));
            }
        }
    }
    for row in 0..=rows {
        for col in 0..=cols {
            let (top, bottom) = MatMut::row_major(&mut data, rows, cols)?.split_at_row(row)?;
            let (left, right) = bottom.split_at_col(col)?;
            assert_eq!(((top.rows(), top.cols()), (left.rows(), left.cols())), ((row, cols), (rows - row, col)));
            assert_eq!((right.rows(), right.cols()), (rows - row, cols - col));
            assert_eq!(left.as_ref().get(0, 0).copied(), (row < rows && col > 0).then_some(row * cols));
            assert_eq!(right.as_ref().get(0, 0).copied(), (row < rows && col < cols).then_some(row * cols + col));
            assert_eq!(top.as_ref().get(0, 4).copied(), (row > 0).then_some(4));
        }
    }
    let mut outside = |what: &str| match what {
        "row" => MatMut::row_major(&mut data, rows, cols)?.split_at_row(5).map(|_| ()),
        "col" => MatMut::row_major(&mut data, rows, cols)?.split_at_col(6).map(|_| ()),
        _ => MatMut::row_major(&mut data, rows, cols)?.block(1..3, 4..6).map(|_| ()),
    };
    let mut message = |what| outside(what).unwrap_err().to_string();
    assert_eq!(message("row"), "rows 5..4 are not within the matrix, which has 4 rows");
    assert_eq!(message("col"), "columns 6..5 are not within the matrix, which has 5 columns");
    assert_eq!(message("block"), "columns 4..6 are not within the matrix, which has 5 columns");
    Ok(())
}

/// The parts of a split output can be computed at the same time.
#[test]
fn parts_are_outputs() -> Result<(), Error> {
    let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 2.0]);
    let (a, b) = (MatRef::col_major(&a, 4, 1)?, MatRef::row_major(&b, 1, 3)?);
    let mut c = [9.0; 20];
    let inner = MatMut::row_major(&mut c, 4, 5)?.block(0..4, 1..4)?;
    let (top, bottom) = inner.split_at_row(1)?;
    std::thread::scope(|scope| {
        scope.spawn(move || Gemm::new(a.block(0..1, 0..1)?, b).run(top));
        scope.spawn(move || Gemm::new(a.block(1..4, 0..1)?, b).run(bottom));
    });
    let expected = [[9., 1., 0., 2., 9.], [9., 2., 0., 4., 9.], [9., 3., 0., 6., 9.], [9., 4., 0., 8., 9.]];
    assert_eq!(c, expected.concat()[..]);
    Ok(())
}

/// A dimension of 1 has a stride that leads nowhere: any number will do.
#[test]
fn unused_strides() -> Result<(), Error> {
    let data = [1.0, 2.0, 3.0, 4.0, 5.0];
    for far in [isize::MAX, isize::MIN, -1, 0] {
        let (row, col) = (MatRef::strided(&data, 1, 5, far, 1)?, MatRef::strided(&data, 5, 1, 1, far)?);
        for threads in [Threads::Serial, Threads::Exactly(3)] {
            let mut c = [f64::NAN; 25];
            let dot = MatMut::strided(&mut c, 1, 1, far, far)?;
            Gemm::new(row, col).threads(threads).run(dot)?;
            assert_eq!(c[0], 55.0);
            Gemm::new(col, row).threads(threads).run(MatMut::row_major(&mut c, 5, 5)?)?;
            assert_eq!(c[5..10], data.map(|x| 2.0 * x));
            let one = MatRef::strided(&data, 1, 1, far, far)?;
            Gemm::new(one, row).threads(threads).run(MatMut::strided(&mut c, 1, 5, far, 1)?)?;
            assert_eq!(c[..5], data);
            Gemm::new(col, one).threads(threads).run(MatMut::strided(&mut c, 5, 1, 5, far)?)?;
            assert_eq!(c[20], 5.0);
        }
        // Block sums of two tasks, added to one column.
        let deep = vec![1.0; 2000];
        let (a, b) = (MatRef::row_major(&deep, 2, 1000)?, MatRef::strided(&deep, 1000, 1, 1, far)?);
        let mut c = [f64::NAN; 2];
        Gemm::new(a, b).threads(Threads::Exactly(7)).run(MatMut::strided(&mut c, 2, 1, 1, far)?)?;
        assert_eq!(c, [1000.0; 2]);
        c[0] = f64::NAN;
        Gemm::new(a.block(1..2, 0..1000)?, b)
            .threads(Threads::Exactly(7))
            .run(MatMut::strided(&mut c, 1, 1, far, far)?)?;
        assert_eq!(c[0], 1000.0);
    }
    Ok(())
}
