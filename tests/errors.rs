//! What a call refuses, in which words; nothing is written then.

mod support;

use std::slice;

use lapidary::{Activation, Epilogue, Error, Gated, Gemm, Linear, MatMut, MatRef, gemm};
use support::Random;

/// Calls on operands cut from one piece of memory, at any place.
struct Memory {
    data: Vec<f32>,
}

impl Memory {
    fn view(&self, at: usize, rows: usize, cols: usize) -> MatRef<'_, f32> {
        MatRef::row_major(&self.data[at..], rows, cols).unwrap()
    }

    /// An output, which may overlap any view.
    fn output(&self, at: usize, rows: usize, cols: usize) -> MatMut<'_, f32> {
        self.strided(at, rows, cols, cols as isize, 1)
    }

    fn strided(&self, at: usize, rows: usize, cols: usize, row_stride: isize, col_stride: isize) -> MatMut<'_, f32> {
        let ptr = self.data[at..].as_ptr().cast_mut();
        // SAFETY: within the data; never written to, since the call is refused.
        unsafe { MatMut::from_raw_parts(ptr, rows, cols, row_stride, col_stride) }
    }

    #[allow(clippy::mut_from_ref)]
    fn vector(&self, at: usize, len: usize) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts_mut(self.data[at..].as_ptr().cast_mut(), len) }
    }
}

/// The call must be refused with this message and leave the memory as it was.
fn refused(message: &str, call: impl FnOnce(&Memory) -> Result<(), Error>) {
    let mut random = Random(14);
    let memory = Memory { data: (0..1000).map(|_| random.unit()).collect() };
    let before = memory.data.clone();
    assert_eq!(call(&memory).expect_err(message).to_string(), message);
    assert!(memory.data == before, "{message}: something was written");
}

#[test]
fn shapes_of_a_product() {
    refused("inner dimensions differ: A is 2×3 and B is 4×5, so A has 3 columns but B has 4 rows", |m| {
        gemm(1.0, m.view(0, 2, 3), m.view(100, 4, 5), 0.0, m.output(200, 2, 5))
    });
    refused("C must be rows of A × columns of B = 2×5, found 2×4", |m| {
        gemm(1.0, m.view(0, 2, 3), m.view(100, 3, 5), 0.0, m.output(200, 2, 4))
    });
    refused("C must be rows of A × columns of B = 2×5, found 5×2", |m| {
        gemm(1.0, m.view(0, 2, 3), m.view(100, 3, 5), 0.0, m.output(200, 5, 2))
    });
    // Empty ones too, and where nothing would be read.
    refused("inner dimensions differ: A is 2×0 and B is 1×5, so A has 0 columns but B has 1 rows", |m| {
        gemm(0.0, m.view(0, 2, 0), m.view(100, 1, 5), 0.0, m.output(200, 2, 5))
    });
    refused("C must be rows of A × columns of B = 0×5, found 1×5", |m| {
        gemm(0.0, m.view(0, 0, 3), m.view(100, 3, 5), 0.0, m.output(200, 1, 5))
    });
}

#[test]
fn overlaps_of_a_product() {
    refused("C shares memory with A", |m| gemm(1.0, m.view(0, 10, 10), m.view(100, 10, 10), 0.0, m.output(99, 10, 10)));
    refused("C shares memory with B", |m| {
        gemm(1.0, m.view(0, 10, 10), m.view(100, 10, 10), 0.0, m.output(199, 10, 10))
    });
    // A block of A, by any strides; a single element that two of its rows would skip.
    refused("C shares memory with A", |m| {
        let c = m.strided(90, 10, 10, -10, 1).block(4..5, 4..5)?;
        gemm(1.0, m.view(0, 10, 10).block(5..6, 0..10)?, m.view(100, 10, 1), 0.0, c)
    });
    // A from its last row, which lies behind C, to its first.
    refused("C shares memory with A", |m| {
        gemm(1.0, MatRef::strided(&m.data[212..224], 4, 3, -3, 1)?, m.view(100, 3, 5), 0.0, m.output(200, 4, 5))
    });
    refused("elements of C share addresses: it is 2×3 with row stride 2 and column stride 1", |m| {
        gemm(1.0, m.view(0, 2, 2), m.view(100, 2, 3), 0.0, m.strided(200, 2, 3, 2, 1))
    });
    refused("elements of C share addresses: it is 2×3 with row stride 1 and column stride 0", |m| {
        gemm(1.0, m.view(0, 2, 2), m.view(100, 2, 3), 0.0, m.strided(200, 2, 3, 1, 0))
    });
    refused("elements of C share addresses: it is 4×4 with row stride -3 and column stride 1", |m| {
        gemm(1.0, m.view(0, 4, 2), m.view(100, 2, 4), 0.0, m.strided(300, 4, 4, -3, 1))
    });
}

#[test]
fn slices() {
    let mut short = [0.0; 11];
    let message = |error: Error| error.to_string();
    assert_eq!(
        message(MatRef::row_major(&short, 3, 4).unwrap_err()),
        "a 3×4 matrix with row stride 4 and column stride 1 needs a slice of at least 12 elements, found 11"
    );
    assert_eq!(
        message(MatRef::col_major(&short, 3, 4).unwrap_err()),
        "a 3×4 matrix with row stride 1 and column stride 3 needs a slice of at least 12 elements, found 11"
    );
    assert_eq!(
        message(MatMut::strided(&mut short, 2, 3, -9, -2).unwrap_err()),
        "a 2×3 matrix with row stride -9 and column stride -2 needs a slice of at least 14 elements, found 11"
    );
    assert_eq!(
        message(MatMut::strided(&mut short, 3, 4, 2, 1).unwrap_err()),
        "elements of C share addresses: it is 3×4 with row stride 2 and column stride 1"
    );
    let far = isize::MAX;
    assert_eq!(
        message(MatMut::strided(&mut short, 3, 2, far, 1).unwrap_err()),
        format!("a 3×2 matrix with row stride {far} and column stride 1 reaches further than an address can count")
    );
    assert_eq!(
        message(MatRef::row_major(&short, 3, usize::MAX).unwrap_err()),
        format!(
            "a 3×{} matrix with row stride {far} and column stride 1 reaches further than an address can count",
            usize::MAX
        )
    );
}

/// X 4×3, W 3×5 and Y 4×5; a message for each argument that does not fit.
#[test]
fn shapes_of_a_layer() {
    let forward = |m: &Memory, x: (usize, usize), bias: usize, y: (usize, usize)| {
        Linear::new(m.view(100, 3, 5))
            .bias(&m.data[200..200 + bias])
            .forward(m.view(0, x.0, x.1), m.output(300, y.0, y.1))
    };
    refused("X must be n×d_in = 4×3, found 4×2", |m| forward(m, (4, 2), 5, (4, 5)));
    refused("Y must be n×d_out = 4×5, found 4×6", |m| forward(m, (4, 3), 5, (4, 6)));
    refused("Y must be n×d_out = 4×5, found 3×5", |m| forward(m, (4, 3), 5, (3, 5)));
    refused("the bias must have length d_out = 5, found 4", |m| forward(m, (4, 3), 4, (4, 5)));
    refused("the bias must have length d_out = 5, found 6", |m| forward(m, (4, 3), 6, (4, 5)));
    refused("the bias must have length d_out = 5, found 0", |m| forward(m, (0, 3), 0, (0, 5)));

    // What fits stands first, to be written if the rest went unnoticed.
    let backward = |m: &Memory, g: (usize, usize), dx: (usize, usize), x: (usize, usize), dw: (usize, usize), db| {
        Linear::new(m.view(100, 3, 5))
            .backward(m.view(0, g.0, g.1))
            .add_dx(m.output(300, dx.0, dx.1))
            .dw(m.view(200, x.0, x.1), m.output(400, dw.0, dw.1))
            .db(m.vector(500, db))
            .run()
    };
    refused("G must be n×d_out = 4×5, found 4×3", |m| backward(m, (4, 3), (4, 3), (4, 3), (3, 5), 5));
    refused("dX must be n×d_in = 4×3, found 4×5", |m| backward(m, (4, 5), (4, 5), (4, 3), (3, 5), 5));
    refused("dX must be n×d_in = 4×3, found 5×3", |m| backward(m, (4, 5), (5, 3), (4, 3), (3, 5), 5));
    refused("X must be n×d_in = 4×3, found 5×3", |m| backward(m, (4, 5), (4, 3), (5, 3), (3, 5), 5));
    refused("X must be n×d_in = 4×3, found 4×4", |m| backward(m, (4, 5), (4, 3), (4, 4), (3, 5), 5));
    refused("dW must be d_in×d_out = 3×5, found 5×3", |m| backward(m, (4, 5), (4, 3), (4, 3), (5, 3), 5));
    refused("db must have length d_out = 5, found 4", |m| backward(m, (4, 5), (4, 3), (4, 3), (3, 5), 4));
    refused("db must have length d_out = 5, found 0", |m| backward(m, (0, 5), (0, 3), (0, 3), (3, 5), 0));
}

/// Operands apart by default; each output moved onto each other operand in turn.
#[test]
fn overlaps_of_a_layer() {
    let forward = |m: &Memory, y: MatMut<'_, f32>| {
        Linear::new(m.view(100, 3, 5)).bias(&m.data[200..205]).forward(m.view(0, 4, 3), y)
    };
    refused("Y shares memory with X", |m| forward(m, m.output(11, 4, 5)));
    refused("Y shares memory with W", |m| forward(m, m.output(81, 4, 5)));
    refused("Y shares memory with the bias", |m| forward(m, m.output(204, 4, 5)));
    refused("elements of Y share addresses: it is 4×5 with row stride 0 and column stride 1", |m| {
        forward(m, m.strided(300, 4, 5, 0, 1))
    });

    // X from its last row, which lies behind Y, to its first.
    refused("Y shares memory with X", |m| {
        let x = MatRef::strided(&m.data[312..324], 4, 3, -3, 1)?;
        Linear::new(m.view(100, 3, 5)).forward(x, m.output(300, 4, 5))
    });

    let (at_g, at_w, at_x) = (0, 100, 200);
    let backward = |m: &Memory, dx: MatMut<'_, f32>, dw: MatMut<'_, f32>, db: usize| {
        Linear::new(m.view(at_w, 3, 5))
            .backward(m.view(at_g, 4, 5))
            .dx(dx)
            .dw(m.view(at_x, 4, 3), dw)
            .add_db(m.vector(db, 5))
            .run()
    };
    for (name, at) in [("G", at_g), ("W", at_w), ("X", at_x), ("dW", 400), ("db", 500)] {
        refused(&format!("dX shares memory with {name}"), |m| {
            backward(m, m.output(at, 4, 3), m.output(400, 3, 5), 500)
        });
    }
    for (name, at) in [("G", at_g), ("W", at_w), ("X", at_x), ("db", 500)] {
        refused(&format!("dW shares memory with {name}"), |m| {
            backward(m, m.output(300, 4, 3), m.output(at, 3, 5), 500)
        });
    }
    for (name, at) in [("G", at_g), ("W", at_w), ("X", at_x)] {
        refused(&format!("db shares memory with {name}"), |m| {
            backward(m, m.output(300, 4, 3), m.output(400, 3, 5), at)
        });
    }
    refused("elements of dX share addresses: it is 4×3 with row stride 1 and column stride 1", |m| {
        backward(m, m.strided(300, 4, 3, 1, 1), m.output(400, 3, 5), 500)
    });
    refused("elements of dW share addresses: it is 3×5 with row stride 1 and column stride 2", |m| {
        backward(m, m.output(300, 4, 3), m.strided(400, 3, 5, 1, 2), 500)
    });
}

/// C 4×5 and what follows it.
#[test]
fn epilogues() {
    let run = |m: &Memory, epilogue: &Epilogue<'_, f32>| {
        Gemm::new(m.view(0, 4, 3), m.view(100, 3, 5)).epilogue(epilogue).run(m.output(300, 4, 5))
    };
    let new = Epilogue::new;
    refused("the bias must have length columns of the product = 5, found 4", |m| run(m, &new().bias(&m.data[..4])));
    refused("the row bias must have length rows of the product = 4, found 5", |m| {
        run(m, &new().row_bias(&m.data[..5]))
    });
    refused("the residual must be rows × columns of the product = 4×5, found 5×4", |m| {
        run(m, &new().residual(m.view(500, 5, 4)))
    });
    refused("the gate must be rows × columns of the product = 4×5, found 4×6", |m| {
        run(m, &new().gate(m.view(500, 4, 6)))
    });
    refused("C shares memory with the bias", |m| run(m, &new().bias(&m.data[319..324])));
    refused("C shares memory with the row bias", |m| run(m, &new().row_bias(&m.data[297..301])));
    refused("C shares memory with the residual", |m| run(m, &new().residual(m.view(319, 4, 5))));
    refused("C shares memory with the gate", |m| run(m, &new().gate(m.view(281, 4, 5))));
    // Also where nothing is summed.
    refused("C shares memory with the gate", |m| {
        let epilogue = Epilogue::new().gate(m.view(281, 4, 5));
        Gemm::new(m.view(0, 4, 0), m.view(100, 0, 5)).epilogue(&epilogue).run(m.output(300, 4, 5))
    });

    let save = |m: &Memory, z: MatMut<'_, f32>| {
        let epilogue = Epilogue::new().residual(m.view(500, 4, 5));
        Gemm::new(m.view(0, 4, 3), m.view(100, 3, 5)).epilogue(&epilogue).run_saving(m.output(300, 4, 5), z)
    };
    refused("the pre-activation must be rows × columns of the product = 4×5, found 5×4", |m| {
        save(m, m.output(600, 5, 4))
    });
    for (name, at) in [("A", 11), ("B", 114), ("C", 319), ("the residual", 481)] {
        refused(&format!("the pre-activation shares memory with {name}"), |m| save(m, m.output(at, 4, 5)));
    }
    refused("elements of the pre-activation share addresses: it is 4×5 with row stride 0 and column stride 1", |m| {
        save(m, m.strided(600, 4, 5, 0, 1))
    });
}

/// X 4×3, W 3×5, R, Z and dZ 4×5.
#[test]
fn activations_of_a_layer() {
    fn layer(m: &Memory) -> Linear<'_, f32> {
        Linear::new(m.view(100, 3, 5)).activation(Activation::Gelu)
    }
    let forward = |m: &Memory, r: (usize, usize, usize), z: MatMut<'_, f32>| {
        layer(m).pass(m.view(0, 4, 3)).residual(m.view(r.0, r.1, r.2)).pre_activation(z).run(m.output(300, 4, 5))
    };
    refused("R must be n×d_out = 4×5, found 5×4", |m| forward(m, (200, 5, 4), m.output(400, 4, 5)));
    refused("Z must be n×d_out = 4×5, found 4×4", |m| forward(m, (200, 4, 5), m.output(400, 4, 4)));
    refused("Y shares memory with R", |m| forward(m, (281, 4, 5), m.output(400, 4, 5)));
    for (name, at) in [("X", 0), ("W", 100), ("R", 200), ("Y", 300)] {
        refused(&format!("Z shares memory with {name}"), |m| forward(m, (200, 4, 5), m.output(at, 4, 5)));
    }

    refused("Z is missing: the pre-activation of the forward pass", |m| {
        layer(m).backward(m.view(0, 4, 5)).dx(m.output(300, 4, 3)).run()
    });
    let backward = |m: &Memory, z: (usize, usize), dz: MatMut<'_, f32>| {
        let backward = layer(m).backward(m.view(0, 4, 5)).pre_activation(m.view(200, z.0, z.1)).dz(dz);
        backward.dx(m.output(300, 4, 3)).db(m.vector(500, 5)).run()
    };
    refused("Z must be n×d_out = 4×5, found 4×3", |m| backward(m, (4, 3), m.output(400, 4, 5)));
    refused("dZ must be n×d_out = 4×5, found 5×5", |m| backward(m, (4, 5), m.output(400, 5, 5)));
    for (name, at) in [("G", 0), ("W", 100), ("Z", 200), ("dX", 300), ("db", 500)] {
        refused(&format!("dZ shares memory with {name}"), |m| backward(m, (4, 5), m.output(at, 4, 5)));
    }
}

/// X 4×3, W 3×9: a mask of 4·2 bytes.
#[test]
fn masks() {
    fn layer(m: &Memory, activation: Activation<f32>) -> Linear<'_, f32> {
        Linear::new(m.view(100, 3, 9)).activation(activation)
    }
    let forward = |m: &Memory, activation, len| {
        let mut mask = vec![7; len];
        let result = layer(m, activation).pass(m.view(0, 4, 3)).mask(&mut mask).run(m.output(300, 4, 9));
        assert!(mask.iter().all(|&byte| byte == 7), "the mask was written");
        result
    };
    let backward = |m: &Memory, activation, len| {
        layer(m, activation).backward(m.view(0, 4, 9)).mask(&vec![7; len]).dx(m.output(300, 4, 3)).run()
    };
    for len in [0, 4, 5, 7, 9, 36] {
        let message = format!("the mask must have length n·⌈d_out/8⌉ = 8, found {len}");
        refused(&message, |m| forward(m, Activation::Relu, len));
        refused(&message, |m| backward(m, Activation::Relu, len));
    }
    refused("ReLU is missing: the activation that a mask is for", |m| forward(m, Activation::Gelu, 8));
    refused("ReLU is missing: the activation that a mask is for", |m| backward(m, Activation::LeakyRelu(0.1), 8));
    refused("Y must be n×d_out = 4×9, found 4×8", |m| {
        let mut mask = [0; 8];
        layer(m, Activation::Relu).pass(m.view(0, 4, 3)).mask(&mut mask).run(m.output(300, 4, 8))
    });
}

/// X 4×3, both weights 3×5.
#[test]
fn pairs_of_layers() {
    let pair = |m: &Memory, w2: (usize, usize), b2: usize, y: MatMut<'_, f32>| {
        let (gate, value) = (Linear::new(m.view(100, 3, 5)), Linear::new(m.view(200, w2.0, w2.1)));
        Gated::new(gate, value.bias(&m.data[250..250 + b2])).forward(m.view(0, 4, 3), y)
    };
    refused("W₂ must be d_in×d_out = 3×5, found 5×3", |m| pair(m, (5, 3), 5, m.output(300, 4, 5)));
    refused("the bias must have length d_out = 5, found 3", |m| pair(m, (3, 5), 3, m.output(300, 4, 5)));
    refused("Y must be n×d_out = 4×5, found 5×4", |m| pair(m, (3, 5), 5, m.output(300, 5, 4)));
    for (name, at) in [("X", 0), ("W", 100), ("W", 200), ("the bias", 250)] {
        refused(&format!("Y shares memory with {name}"), |m| pair(m, (3, 5), 5, m.output(at, 4, 5)));
    }
}
