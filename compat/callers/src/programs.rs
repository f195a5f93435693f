//! One product through each crate and element type.

use candle_core::{DType, Device, Tensor};
use num_complex::Complex;

type Product = fn([usize; 3], [bool; 2], &[f64], &[f64]) -> Vec<f64>;
type Square = fn(usize, &[f64], &[f64]) -> Box<dyn FnMut()>;

pub struct Program {
    pub name: &'static str,
    pub complex: bool,
    /// Greatest difference, relative to the largest element.
    pub tolerance: f64,
    /// C by rows from A and B by rows, each kept as its transpose if so asked; a complex C as pairs.
    pub product: Product,
    /// A call that multiplies two squares.
    pub square: Square,
}

const SINGLE: f64 = 2e-6;
const DOUBLE: f64 = 2e-14;

pub const PROGRAMS: &[Program] = &[
    Program {
        name: "ndarray f32",
        complex: false,
        tolerance: SINGLE,
        product: ndarray_product::<f32>,
        square: ndarray_square::<f32>,
    },
    Program {
        name: "ndarray f64",
        complex: false,
        tolerance: DOUBLE,
        product: ndarray_product::<f64>,
        square: ndarray_square::<f64>,
    },
    Program {
        name: "ndarray c32",
        complex: true,
        tolerance: SINGLE,
        product: ndarray_product::<Complex<f32>>,
        square: ndarray_square::<Complex<f32>>,
    },
    Program {
        name: "ndarray c64",
        complex: true,
        tolerance: DOUBLE,
        product: ndarray_product::<Complex<f64>>,
        square: ndarray_square::<Complex<f64>>,
    },
    Program {
        name: "nalgebra f32",
        complex: false,
        tolerance: SINGLE,
        product: nalgebra_product::<f32>,
        square: nalgebra_square::<f32>,
    },
    Program {
        name: "nalgebra f64",
        complex: false,
        tolerance: DOUBLE,
        product: nalgebra_product::<f64>,
        square: nalgebra_square::<f64>,
    },
    Program {
        name: "candle f32",
        complex: false,
        tolerance: SINGLE,
        product: |s, l, a, b| candle_product(DType::F32, s, l, a, b),
        square: |n, a, b| candle_square(DType::F32, n, a, b),
    },
    Program {
        name: "candle f64",
        complex: false,
        tolerance: DOUBLE,
        product: |s, l, a, b| candle_product(DType::F64, s, l, a, b),
        square: |n, a, b| candle_square(DType::F64, n, a, b),
    },
    // The crate that is stood in for sums single rows in eleven bits.
    Program {
        name: "candle f16",
        complex: false,
        tolerance: 2e-2,
        product: |s, l, a, b| candle_product(DType::F16, s, l, a, b),
        square: |n, a, b| candle_square(DType::F16, n, a, b),
    },
    Program {
        name: "faer f32",
        complex: false,
        tolerance: SINGLE,
        product: faer_product::<f32>,
        square: faer_square::<f32>,
    },
    Program {
        name: "faer f64",
        complex: false,
        tolerance: DOUBLE,
        product: faer_product::<f64>,
        square: faer_square::<f64>,
    },
    Program {
        name: "faer c32",
        complex: true,
        tolerance: SINGLE,
        product: faer_product::<Complex<f32>>,
        square: faer_square::<Complex<f32>>,
    },
    Program {
        name: "faer c64",
        complex: true,
        tolerance: DOUBLE,
        product: faer_product::<Complex<f64>>,
        square: faer_square::<Complex<f64>>,
    },
];

/// From numbers and back to them.
trait Value: Copy + 'static {
    fn of_a(x: f64) -> Self;
    fn of_b(x: f64) -> Self;
    fn parts(self) -> Vec<f64>;
}

macro_rules! real {
    ($t:ident) => {
        impl Value for $t {
            fn of_a(x: f64) -> Self {
                x as $t
            }
            fn of_b(x: f64) -> Self {
                x as $t
            }
            fn parts(self) -> Vec<f64> {
                vec![f64::from(self)]
            }
        }
        impl Value for Complex<$t> {
            fn of_a(x: f64) -> Self {
                Complex::new(x as $t, (2.0 * x) as $t)
            }
            fn of_b(x: f64) -> Self {
                Complex::new(x as $t, -x as $t)
            }
            fn parts(self) -> Vec<f64> {
                vec![f64::from(self.re), f64::from(self.im)]
            }
        }
    };
}
real!(f32);
real!(f64);

/// Element (i, j) of a row-major matrix.
fn at(data: &[f64], cols: usize) -> impl Fn(usize, usize) -> f64 + '_ {
    move |i, j| data[i * cols + j]
}

fn ndarray_matrix<T: Value>(
    rows: usize,
    cols: usize,
    transposed: bool,
    value: impl Fn(usize, usize) -> T,
) -> ndarray::Array2<T> {
    match transposed {
        true => ndarray::Array2::from_shape_fn((cols, rows), |(j, i)| value(i, j)).reversed_axes(),
        false => ndarray::Array2::from_shape_fn((rows, cols), |(i, j)| value(i, j)),
    }
}

fn ndarray_product<T: Value + ndarray::LinalgScalar>(
    [m, n, k]: [usize; 3],
    layout: [bool; 2],
    a: &[f64],
    b: &[f64],
) -> Vec<f64> {
    let a = ndarray_matrix(m, k, layout[0], |i, j| T::of_a(at(a, k)(i, j)));
    let b = ndarray_matrix(k, n, layout[1], |i, j| T::of_b(at(b, n)(i, j)));
    a.dot(&b).iter().flat_map(|x| x.parts()).collect()
}

fn ndarray_square<T: Value + ndarray::LinalgScalar>(n: usize, a: &[f64], b: &[f64]) -> Box<dyn FnMut()> {
    let a = ndarray_matrix(n, n, false, |i, j| T::of_a(at(a, n)(i, j)));
    let b = ndarray_matrix(n, n, false, |i, j| T::of_b(at(b, n)(i, j)));
    let mut c = ndarray::Array2::<T>::zeros((n, n));
    Box::new(move || ndarray::linalg::general_mat_mul(T::one(), &a, &b, T::zero(), &mut c))
}

fn nalgebra_product<T: Value + nalgebra::RealField>(
    [m, n, k]: [usize; 3],
    layout: [bool; 2],
    a: &[f64],
    b: &[f64],
) -> Vec<f64> {
    // Columns are what nalgebra stores; a part of a larger matrix has gaps between them.
    let matrix = |rows: usize, cols: usize, gaps: bool, value: &dyn Fn(usize, usize) -> T| {
        let extra = if gaps { 3 } else { 0 };
        nalgebra::DMatrix::from_fn(rows + extra, cols, |i, j| if i < rows { value(i, j) } else { T::of_a(1e9) })
    };
    let a = matrix(m, k, layout[0], &|i, j| T::of_a(at(a, k)(i, j)));
    let b = matrix(k, n, layout[1], &|i, j| T::of_b(at(b, n)(i, j)));
    let c = a.rows(0, m) * b.rows(0, k);
    c.transpose().iter().flat_map(|x| x.parts()).collect()
}

fn nalgebra_square<T: Value + nalgebra::RealField>(n: usize, a: &[f64], b: &[f64]) -> Box<dyn FnMut()> {
    let a = nalgebra::DMatrix::from_fn(n, n, |i, j| T::of_a(at(a, n)(i, j)));
    let b = nalgebra::DMatrix::from_fn(n, n, |i, j| T::of_b(at(b, n)(i, j)));
    let mut c = nalgebra::DMatrix::from_element(n, n, T::of_a(0.0));
    Box::new(move || a.mul_to(&b, &mut c))
}

fn candle_matrix(
    dtype: DType,
    rows: usize,
    cols: usize,
    transposed: bool,
    data: &[f64],
) -> candle_core::Result<Tensor> {
    let matrix = Tensor::from_slice(data, (rows, cols), &Device::Cpu)?.to_dtype(dtype)?;
    if transposed { matrix.t()?.contiguous()?.t() } else { Ok(matrix) }
}

fn candle_product(dtype: DType, [m, n, k]: [usize; 3], layout: [bool; 2], a: &[f64], b: &[f64]) -> Vec<f64> {
    let product = || {
        let (a, b) = (candle_matrix(dtype, m, k, layout[0], a)?, candle_matrix(dtype, k, n, layout[1], b)?);
        a.matmul(&b)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
    };
    product().expect("a product of tensors")
}

fn candle_square(dtype: DType, n: usize, a: &[f64], b: &[f64]) -> Box<dyn FnMut()> {
    let matrix = |data| candle_matrix(dtype, n, n, false, data).expect("a tensor");
    let (a, b) = (matrix(a), matrix(b));
    Box::new(move || {
        std::hint::black_box(a.matmul(&b).expect("a product of tensors"));
    })
}

fn faer_product<T: Value + faer::traits::ComplexField>(
    [m, n, k]: [usize; 3],
    layout: [bool; 2],
    a: &[f64],
    b: &[f64],
) -> Vec<f64> {
    let matrix = |rows: usize, cols: usize, transposed: bool, value: &dyn Fn(usize, usize) -> T| match transposed {
        true => faer::Mat::from_fn(cols, rows, |j, i| value(i, j)),
        false => faer::Mat::from_fn(rows, cols, value),
    };
    let a = matrix(m, k, layout[0], &|i, j| T::of_a(at(a, k)(i, j)));
    let b = matrix(k, n, layout[1], &|i, j| T::of_b(at(b, n)(i, j)));
    let a = if layout[0] { a.transpose() } else { a.as_ref() };
    let b = if layout[1] { b.transpose() } else { b.as_ref() };
    let mut c = faer::Mat::from_fn(m, n, |_, _| T::of_a(0.0));
    faer::linalg::matmul::matmul(
        c.as_mut(),
        faer::Accum::Replace,
        a,
        b,
        faer::traits::math_utils::one::<T>(),
        faer::Par::Seq,
    );
    (0..m * n).flat_map(|at| c[(at / n, at % n)].parts()).collect()
}

fn faer_square<T: Value + faer::traits::ComplexField>(n: usize, a: &[f64], b: &[f64]) -> Box<dyn FnMut()> {
    let a = faer::Mat::from_fn(n, n, |i, j| T::of_a(at(a, n)(i, j)));
    let b = faer::Mat::from_fn(n, n, |i, j| T::of_b(at(b, n)(i, j)));
    let mut c = faer::Mat::from_fn(n, n, |_, _| T::of_a(0.0));
    Box::new(move || {
        faer::linalg::matmul::matmul(
            c.as_mut(),
            faer::Accum::Replace,
            &a,
            &b,
            faer::traits::math_utils::one::<T>(),
            faer::Par::Seq,
        )
    })
}
