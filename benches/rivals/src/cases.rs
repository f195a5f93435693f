//! What is measured: the products and their suites.

/// Which operands are stored as their transposes, in the letters of BLAS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    NN,
    TN,
    NT,
}

/// C ← A·B with A m×k, B k×n and C m×n, all contiguous, C row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub layout: Layout,
}

impl Shape {
    /// Floating-point operations of the product.
    pub fn flops(&self) -> f64 {
        2.0 * self.m as f64 * self.n as f64 * self.k as f64
    }

    /// Elements of A, B and C together.
    pub fn elements(&self) -> usize {
        self.m * self.k + self.k * self.n + self.m * self.n
    }

    /// Row and column stride of A.
    pub fn strides_a(&self) -> (isize, isize) {
        if self.layout == Layout::TN { (1, self.m as isize) } else { (self.k as isize, 1) }
    }

    /// Row and column stride of B.
    pub fn strides_b(&self) -> (isize, isize) {
        if self.layout == Layout::NT { (1, self.k as isize) } else { (self.n as isize, 1) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    Squares,
    Layers,
    EverySize,
}

impl Suite {
    pub const ALL: [Suite; 3] = [Suite::Squares, Suite::Layers, Suite::EverySize];

    pub fn name(self) -> &'static str {
        match self {
            Suite::Squares => "squares",
            Suite::Layers => "layers",
            Suite::EverySize => "every size",
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Case {
    pub suite: Suite,
    pub name: String,
    pub shape: Shape,
}

impl Case {
    fn square(suite: Suite, d: usize) -> Case {
        let shape = Shape { m: d, n: d, k: d, layout: Layout::NN };
        Case { suite, name: format!("square {d}"), shape }
    }

    /// Whether the case is one of those asked for. × is hard to type: an x will do.
    fn is_named_like(&self, filter: &str) -> bool {
        self.name.replace('×', "x").contains(&filter.replace('×', "x"))
    }
}

const SQUARES: [usize; 16] = [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 640, 768, 1024];

/// Batch, inputs and outputs: a digit classifier, a wide hidden layer, one sample from memory, a transformer's
/// expansion, few classes, and a large batch of small rows.
const LAYERS: [(usize, usize, usize); 6] =
    [(64, 784, 256), (512, 1024, 1024), (1, 4096, 1024), (32, 768, 3072), (1000, 128, 10), (4096, 256, 256)];

/// The three products of a linear layer, with X batch×d_in, W d_in×d_out and G batch×d_out.
fn layer((batch, d_in, d_out): (usize, usize, usize)) -> [Case; 3] {
    [
        ("Y", Shape { m: batch, n: d_out, k: d_in, layout: Layout::NN }), // X·W
        ("dW", Shape { m: d_in, n: d_out, k: batch, layout: Layout::TN }), // Xᵀ·G
        ("dX", Shape { m: batch, n: d_in, k: d_out, layout: Layout::NT }), // G·Wᵀ
    ]
    .map(|(product, shape)| Case {
        suite: Suite::Layers,
        name: format!("{batch}×{d_in}×{d_out} {product}"),
        shape,
    })
}

/// The cases whose name contains `filter`, with squares of every size up to `every`.
pub fn selected(every: usize, filter: &str) -> Vec<Case> {
    let squares = SQUARES.into_iter().map(|d| Case::square(Suite::Squares, d));
    let layers = LAYERS.into_iter().flat_map(layer);
    let every = (1..=every).map(|d| Case::square(Suite::EverySize, d));
    squares.chain(layers).chain(every).filter(|case| case.is_named_like(filter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_keeps_the_cases_named_like_it() {
        assert_eq!(selected(0, "").len(), SQUARES.len() + 3 * LAYERS.len());
        assert_eq!(selected(0, "dW").len(), LAYERS.len());
        assert_eq!(selected(0, "64x784").len(), 3);
        assert_eq!(selected(0, "64×784").len(), 3);
        assert_eq!(selected(300, "square 29").len(), 11); // 29 and 290 to 299
        assert!(selected(300, "no such").is_empty());
    }

    #[test]
    fn a_layers_products_have_the_shapes_of_its_matrices() {
        let [y, dw, dx] = layer((5, 3, 2)).map(|case| case.shape);
        assert_eq!((y.m, y.k, y.n), (5, 3, 2));
        assert_eq!((dw.m, dw.k, dw.n), (3, 5, 2));
        assert_eq!((dx.m, dx.k, dx.n), (5, 2, 3));
        // X is stored batch×d_in whichever product reads it, and W d_in×d_out.
        assert_eq!((y.strides_a(), dw.strides_a()), ((3, 1), (1, 3)));
        assert_eq!((y.strides_b(), dx.strides_b()), ((2, 1), (1, 2)));
        assert_eq!((y.flops(), y.elements()), (60.0, 31));
    }
}
