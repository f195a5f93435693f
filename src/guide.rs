//! The backward pass, derived from the forward one: a page to read, without items.
//!
//! # Forward
//!
//! A batch of n examples, each a row of d_in numbers, goes through a layer with d_out outputs:
//!
//! | | | shape |
//! |---|---|---|
//! | Z = X·W + 1·b | what goes into the activation | (n×d_in)·(d_in×d_out) + (n×1)·(1×d_out) = n×d_out |
//! | Y = act(Z) | element by element | n×d_out |
//!
//! 1 is a column of n ones: the bias is added to every row. [`Linear::forward`](crate::Linear::forward) computes Y in one
//! call; [`Forward::pre_activation`](crate::Forward::pre_activation) keeps Z, which the way back needs. Of a
//! ReLU it needs but a bit for each element, which [`Forward::mask`](crate::Forward::mask) keeps.
//!
//! # Backward
//!
//! Let L be a number that depends on Y, such as a loss, and G = ∂L/∂Y, n×d_out: element (i, j) says how much L grows with
//! element (i, j) of Y. When Y moves by ΔY, L moves by ⟨G, ΔY⟩, the sum of all products of their elements, to first order.
//! The gradient for whatever Y was made of is what that sum says once it is written in terms of *its* move. Two facts do
//! it: ⟨P, Q·R⟩ = ⟨Qᵀ·P, R⟩ = ⟨P·Rᵀ, Q⟩.
//!
//! **Through the activation.** ΔY = act′(Z) ⊙ ΔZ, so ⟨G, ΔY⟩ = ⟨G ⊙ act′(Z), ΔZ⟩:
//!
//! > dZ = G ⊙ act′(Z)  (n×d_out)
//!
//! **To the weight.** ΔZ = X·ΔW, so ⟨dZ, X·ΔW⟩ = ⟨Xᵀ·dZ, ΔW⟩:
//!
//! > dW = Xᵀ·dZ  (d_in×n)·(n×d_out) = d_in×d_out
//!
//! It is the sum over the examples of an outer product each, row i of X by row i of dZ: every example that goes forward
//! through a weight adds its share on the way back.
//!
//! **To the input.** ΔZ = ΔX·W, so ⟨dZ, ΔX·W⟩ = ⟨dZ·Wᵀ, ΔX⟩:
//!
//! > dX = dZ·Wᵀ  (n×d_out)·(d_out×d_in) = n×d_in
//!
//! Wᵀ is the adjoint of what W does to a row. dX is the G of the layer before.
//!
//! **To the bias.** ΔZ = 1·Δb, so ⟨dZ, 1·Δb⟩ = ⟨1ᵀ·dZ, Δb⟩:
//!
//! > db = 1ᵀ·dZ  (1×n)·(n×d_out) = 1×d_out
//!
//! **To a residual** added before the activation: ΔZ = ΔR, so dR = dZ.
//!
//! All three are products again, with an operand read the other way round. [`Backward`](crate::Backward) computes any of
//! them in one call, and neither transposes nor stores more than what is asked for.
//!
//! # Checking it
//!
//! A derivative that is right agrees with the difference it stands for. In `f64` central differences with a step of 10⁻⁵
//! keep about ten digits:
//!
//! ```
//! use lapidary::{Activation, Linear, MatMut, MatRef};
//! let (n, d_in, d_out) = (2, 3, 2);
//! let x = [0.5, -1.0, 2.0, 1.5, 0.25, -0.75];
//! let w = [0.2, -0.4, 0.6, 0.8, -1.0, 1.2];
//! let b = [0.1, -0.2];
//!
//! // Z and Y, for L = ½·Σ Y².
//! let forward = |w: &[f64]| {
//!     let (mut z, mut y) = ([0.0; 4], [0.0; 4]);
//!     Linear::new(MatRef::row_major(w, d_in, d_out)?)
//!         .bias(&b)
//!         .activation(Activation::Gelu)
//!         .pass(MatRef::row_major(&x, n, d_in)?)
//!         .pre_activation(MatMut::row_major(&mut z, n, d_out)?)
//!         .run(MatMut::row_major(&mut y, n, d_out)?)?;
//!     Ok::<_, lapidary::Error>((z, y))
//! };
//! let loss = |w: &[f64]| Ok::<_, lapidary::Error>(forward(w)?.1.iter().map(|y| y * y / 2.0).sum::<f64>());
//!
//! let (z, g) = forward(&w)?; // ∂L/∂Y = Y
//! let mut dw = [0.0; 6];
//! Linear::new(MatRef::row_major(&w, d_in, d_out)?)
//!     .activation(Activation::Gelu)
//!     .backward(MatRef::row_major(&g, n, d_out)?)
//!     .pre_activation(MatRef::row_major(&z, n, d_out)?)
//!     .dw(MatRef::row_major(&x, n, d_in)?, MatMut::row_major(&mut dw, d_in, d_out)?)
//!     .run()?;
//!
//! let h = 1e-5;
//! for at in 0..w.len() {
//!     let (mut more, mut less) = (w, w);
//!     more[at] += h;
//!     less[at] -= h;
//!     let difference = (loss(&more)? - loss(&less)?) / (2.0 * h);
//!     assert!((dw[at] - difference).abs() < 1e-9);
//! }
//! # Ok::<(), lapidary::Error>(())
//! ```
//!
//! # Batches in parts
//!
//! dW and db are sums over examples, so a batch too large for memory goes through in micro-batches, each adding to the
//! gradients of those before it:
//!
//! ```
//! use lapidary::{Linear, MatMut, MatRef};
//! let (d_in, d_out) = (1, 1);
//! let (x, g) = ([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.5, 0.5]);
//! let layer = Linear::new(MatRef::row_major(&[2.0], d_in, d_out)?);
//! let (mut dw, mut db) = ([0.0], [0.0]);
//! for (x, g) in x.chunks(2).zip(g.chunks(2)) {
//!     layer
//!         .backward(MatRef::row_major(g, 2, d_out)?)
//!         .add_dw(MatRef::row_major(x, 2, d_in)?, MatMut::row_major(&mut dw, d_in, d_out)?)
//!         .add_db(&mut db)
//!         .run()?;
//! }
//! assert_eq!((dw, db), ([6.5], [3.0]));
//! # Ok::<(), lapidary::Error>(())
//! ```
//!
//! The bits are those of one call where the whole batch and each part are multiples of [`KC`](crate::Element::KC)
//! examples; otherwise the sums are rounded elsewhere.
//!
//! # Inside a framework
//!
//! What a backend of burn is asked for by `ModuleOps`, with a weight d_in×d_out, and what a custom operation of candle
//! with `fwd` and `bwd` computes, are calls of a [`Linear`](crate::Linear):
//!
//! | asked for | call |
//! |---|---|
//! | `linear(x, weight, bias)` | `layer.forward(x, y)`, with the bias in the same pass |
//! | `linear_x_backward(weight, grad)` | `layer.backward(grad).dx(dx).run()` |
//! | `linear_weight_backward(x, grad)` | `layer.backward(grad).dw(x, dw).run()` |
//! | `linear_bias_backward(grad)` | `layer.backward(grad).db(db).run()` |
//! | `bwd(x, weight, bias, …, grad)` | `layer.backward(grad).dx(dx).dw(x, dw).db(db).run()` |
//!
//! burn's automatic differentiation asks for the three gradients one after the other: an operation that asks for all at once
//! would read G once. Leading dimensions of a tensor are rows: a tensor a×b×d_in that is contiguous is a matrix of a·b rows.
