//! The public product: a builder, and the plain function.

use crate::element::{Element, Real};
use crate::epilogue::Epilogue;
use crate::error::Error;
use crate::machine::{Machine, machine};
use crate::matrix::{MatMut, MatRef};
use crate::nest::small::{self, Little};
use crate::nest::{self, Place, Problem, before_lines, pool};
use crate::plan::apart::Columns;
use crate::plan::roles::{FewColumns, turns};
use crate::plan::tiles::MOST_POINTERS;
use crate::plan::{Facts, Plan, TASK_WORK, block_len, is_worth_sharing, tasks_worth};
use crate::simd::Kernels;

/// How many threads a product may use. The result does not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// The calling thread alone.
    Serial,
    /// The current rayon pool, as far as the product is worth it.
    #[default]
    Auto,
    /// As [`Auto`](Self::Auto), but so many tasks at most. 0 counts as 1.
    AtMost(usize),
    /// As many tasks on the current rayon pool, fewer only where C has fewer tiles. 0 counts as 1.
    Exactly(usize),
}

/// A product to be computed: C ← `alpha`·A·B + `beta`·C with A m×k, B k×n and C m×n.
///
/// ```
/// use lapidary::{Gemm, MatMut, MatRef, Threads};
/// let (a, b, mut c) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [1.0; 4]);
/// let a = MatRef::row_major(&a, 2, 2)?;
/// let b = MatRef::row_major(&b, 2, 2)?;
/// Gemm::new(a, b.t()).alpha(2.0).beta(1.0).threads(Threads::Serial).run(MatMut::row_major(&mut c, 2, 2)?)?;
/// assert_eq!(c, [35.0, 47.0, 79.0, 107.0]);
/// # Ok::<(), lapidary::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a product is computed by `run`"]
pub struct Gemm<'a, T: Element> {
    pub(crate) a: MatRef<'a, T>,
    pub(crate) b: MatRef<'a, T>,
    /// Whether the operands' complex conjugates are meant.
    pub(crate) conjugate: (bool, bool),
    pub(crate) alpha: T,
    pub(crate) beta: T,
    pub(crate) threads: Threads,
    epilogue: Option<&'a Epilogue<'a, T>>,
    /// Steps of a K-block, if they are not to follow from K: a part of the K-blocks of a deeper product.
    block: Option<usize>,
    pub(crate) multiply_by_zero: bool,
}

impl<'a, T: Element> Gemm<'a, T> {
    /// A·B, with `alpha` 1, `beta` 0 and [`Threads::Auto`].
    ///
    /// ```
    /// use lapidary::{Gemm, MatMut, MatRef};
    /// let (a, mut c) = ([1.0, 2.0, 3.0], [f32::NAN]);
    /// let a = MatRef::row_major(&a, 1, 3)?;
    /// Gemm::new(a, a.t()).run(MatMut::row_major(&mut c, 1, 1)?)?;
    /// assert_eq!(c, [14.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn new(a: MatRef<'a, T>, b: MatRef<'a, T>) -> Self {
        Gemm {
            a,
            b,
            conjugate: (false, false),
            alpha: T::ONE,
            beta: T::ZERO,
            threads: Threads::default(),
            epilogue: None,
            block: None,
            multiply_by_zero: false,
        }
    }

    /// What multiplies the product. If it is 0, A and B are not read.
    #[inline]
    pub fn alpha(mut self, alpha: T) -> Self {
        self.alpha = alpha;
        self
    }

    /// What multiplies C. If it is 0, C is not read: it may be uninitialised, or hold NaN.
    #[inline]
    pub fn beta(mut self, beta: T) -> Self {
        self.beta = beta;
        self
    }

    /// Who computes it. Without the feature `rayon` it is always the calling thread.
    #[inline]
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Multiplies the complex conjugates of the elements of A, or of B, or of both; real ones are their own.
    ///
    /// ```
    /// use lapidary::{Gemm, MatMut, MatRef};
    /// # #[cfg(feature = "complex")]
    /// # {
    /// let (a, mut c) = ([[3.0, 4.0]], [[0.0; 2]]);
    /// let a = MatRef::row_major(&a, 1, 1)?;
    /// Gemm::new(a, a).conjugate(true, false).run(MatMut::row_major(&mut c, 1, 1)?)?;
    /// assert_eq!(c, [[25.0, 0.0]]);
    /// # }
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn conjugate(mut self, a: bool, b: bool) -> Self {
        self.conjugate = (a, b);
        self
    }

    /// Multiplies even if `alpha` is 0, as IEEE 754 says: NaN and infinity in A and B come through. Without this A and B are
    /// not read then, as in the reference BLAS.
    ///
    /// ```
    /// use lapidary::{Gemm, MatMut, MatRef};
    /// let (a, mut c) = ([f32::NAN], [1.0, 1.0]);
    /// let a = MatRef::row_major(&a, 1, 1)?;
    /// let (left, right) = c.split_at_mut(1);
    /// Gemm::new(a, a).alpha(0.0).beta(1.0).run(MatMut::row_major(left, 1, 1)?)?;
    /// Gemm::new(a, a).alpha(0.0).beta(1.0).multiply_by_zero().run(MatMut::row_major(right, 1, 1)?)?;
    /// assert_eq!(c[0], 1.0);
    /// assert!(c[1].is_nan());
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    #[inline]
    pub fn multiply_by_zero(mut self) -> Self {
        self.multiply_by_zero = true;
        self
    }

    /// Computes the product into C.
    ///
    /// # Errors
    /// If the inner dimensions differ, C has not A's rows and B's columns, a part of the epilogue does not fit C, C
    /// overlaps itself or an operand, or `LAPIDARY_ISA` asks for what the machine lacks. C is untouched then.
    #[inline(always)]
    pub fn run(self, mut c: MatMut<'_, T>) -> Result<(), Error> {
        if !self.is_plain(&c) {
            self.copied().check(c.as_ref())?;
        }
        self.execute(&mut c, machine()?);
        Ok(())
    }

    /// Whether all is right at first sight, as it is in nearly every call: `check` takes three times as long.
    #[inline]
    fn is_plain(&self, c: &MatMut<'_, T>) -> bool {
        let (a, b) = (&self.a, &self.b);
        let (written, end) = (c.at(0, 0) as usize, c.end());
        let strides =
            a.row_stride() | a.col_stride() | b.row_stride() | b.col_stride() | c.row_stride() | c.col_stride();
        strides >= 0
            && a.cols() == b.rows()
            && c.rows() == a.rows()
            && c.cols() == b.cols()
            && c.layout().has_runs()
            && (a.end() <= written || end <= a.as_ptr() as usize)
            && (b.end() <= written || end <= b.as_ptr() as usize)
            && self.epilogue.is_none()
    }

    /// What `run` promises, and what is wrong otherwise.
    #[cold]
    fn check(self, c: MatRef<'_, T>) -> Result<(), Error> {
        let Gemm { a, b, .. } = self;
        if a.cols() != b.rows() {
            return Err(Error::InnerDimension {
                left: "A",
                left_shape: (a.rows(), a.cols()),
                right: "B",
                right_shape: (b.rows(), b.cols()),
            });
        }
        check_shape("C", "rows of A × columns of B", (a.rows(), b.cols()), (c.rows(), c.cols()))?;
        self.epilogue.copied().unwrap_or_default().check(a, b, c)
    }

    /// A copy for a call that is seldom made: what has an address is stored when it is made, made the call or not (2×2×2 1.15
    /// times as fast).
    #[inline(always)]
    fn copied(&self) -> Self {
        let Gemm { a, b, conjugate, alpha, beta, threads, epilogue, block, multiply_by_zero } = *self;
        Gemm { a, b, conjugate, alpha, beta, threads, epilogue, block, multiply_by_zero }
    }

    /// Computes the product, all operands checked.
    #[inline]
    pub(crate) fn execute(&self, c: &mut MatMut<'_, T>, machine: &Machine) {
        T::multiply(self, c, machine);
    }
}

impl<'a, T: Real> Gemm<'a, T> {
    /// What is done to the finished elements of C, in the same pass.
    #[inline]
    pub fn epilogue(mut self, epilogue: &'a Epilogue<'a, T>) -> Self {
        self.epilogue = Some(epilogue);
        self
    }

    /// Computes the product into C, and stores in Z, of C's shape, what goes into the activation. Z is not read.
    ///
    /// # Errors
    /// As for [`run`](Self::run), and if Z has not C's shape, or overlaps itself, C or an operand. C and Z are untouched
    /// then.
    ///
    /// ```
    /// use lapidary::{Activation, Epilogue, Gemm, MatMut, MatRef};
    /// let (a, mut z, mut c) = ([1.0, -2.0], [0.0; 4], [0.0; 4]);
    /// let a = MatRef::row_major(&a, 2, 1)?;
    /// Gemm::new(a, a.t())
    ///     .epilogue(&Epilogue::new().activation(Activation::Relu))
    ///     .run_saving(MatMut::row_major(&mut c, 2, 2)?, MatMut::row_major(&mut z, 2, 2)?)?;
    /// assert_eq!(c, [1.0, 0.0, 0.0, 4.0]);
    /// assert_eq!(z, [1.0, -2.0, -2.0, 4.0]);
    /// # Ok::<(), lapidary::Error>(())
    /// ```
    pub fn run_saving(self, mut c: MatMut<'_, T>, z: MatMut<'_, T>) -> Result<(), Error> {
        let epilogue = self.epilogue.copied().unwrap_or_default().saving(&z);
        let gemm = Gemm { epilogue: Some(&epilogue), ..self };
        gemm.check(c.as_ref())?;
        gemm.execute(&mut c, machine()?);
        Ok(())
    }

    /// In K-blocks of so many steps: it is to be a part of a deeper product.
    pub(crate) fn in_blocks(mut self, block: usize) -> Self {
        self.block = Some(block);
        self
    }

    /// Computes the product of real matrices, all operands checked. What goes before a little product is most of its time:
    /// until it is known not to be one, the operands stay in registers.
    #[inline]
    pub(crate) fn multiply(&self, c: &mut MatMut<'_, T>, machine: &Machine) {
        let kernels = T::kernels(machine);
        // Made twice, so that the first has no address.
        let little = |c: &_| Little::new(&self.a, &self.b, c, self.alpha, self.beta);
        let done = self.is_whole()
            && match self.epilogue {
                Some(epilogue) => small::run_as_tile(little(c), epilogue, kernels),
                None => {
                    little(c).run_as_tiles(kernels)
                        || (c.row_stride() == 1 && self.a.row_stride() == 1 && little(c).run_columns(kernels))
                        || (self.b.row_stride() == 1 && c.rows() <= MOST_POINTERS && little(c).run_turned(kernels))
                        || little(c).run(kernels, self.threads.little(kernels.lanes), machine.double_pumped)
                }
            };
        if !done {
            self.copied().multiply_any(c.reborrow(), machine);
        }
    }

    /// Whether A and B are multiplied, in one K-block if it is a little product.
    #[inline]
    fn is_whole(&self) -> bool {
        let whole = self.block.is_none_or(|block| self.a.cols() <= block);
        (self.alpha != T::ZERO || self.multiply_by_zero) && whole
    }

    /// The same of any product: one with an epilogue may still be a little one.
    #[inline(never)]
    fn multiply_any(self, c: MatMut<'_, T>, machine: &Machine) {
        let Gemm { a, b, alpha, beta, epilogue, .. } = self;
        let kernels = T::kernels(machine);
        let (m, n, k) = (a.rows(), b.cols(), a.cols());
        let epilogue = epilogue.filter(|epilogue| !epilogue.is_empty());
        let mut problem = Problem { a, b, c, alpha, beta, epilogue, place: Place::WHOLE, complex: None };
        if m == 0 || n == 0 {
            return;
        }
        if k == 0 || (alpha == T::ZERO && !self.multiply_by_zero) {
            return nest::scale(&problem, kernels);
        }
        if turns(m, n, (problem.c.row_stride(), problem.c.col_stride())) {
            problem = problem.t();
        }
        if epilogue.is_some()
            && small::run(&problem, kernels, self.threads.little(kernels.lanes), machine.double_pumped)
        {
            return;
        }
        let Problem { a, b, c, .. } = &problem;
        let (across, along_b) = (a.row_stride() == 1, b.row_stride() == 1);
        let vectors = kernels.vectors(machine.double_pumped);
        let columns = FewColumns { m: c.rows(), n: c.cols(), k, across, along_b, vectors };
        if c.col_stride() == 1 && columns.pay(machine.slow_shuffles) {
            problem = problem.t();
        }
        let block = self.block.unwrap_or_else(|| block_len(k, T::KC));
        problem.run(block, self.threads, machine);
    }
}

impl<T: Real> Problem<'_, T> {
    /// Computes it, in K-blocks of so many steps.
    pub(crate) fn run(self, block: usize, threads: Threads, machine: &Machine) {
        let worth = is_worth_sharing(self.c.rows(), self.c.cols() * self.unit(), self.a.cols());
        self.run_best(block, threads, machine);
        if threads != Threads::Serial && worth {
            pool::was_worth_it();
        }
    }

    /// The same: with a plan, if it needs one.
    fn run_best(self, block: usize, threads: Threads, machine: &Machine) {
        let (m, n, k) = (self.c.rows(), self.c.cols(), self.a.cols());
        let kernels = T::kernels(machine);
        if self.is_dot(block) {
            // By eight lanes: with more, lines push each other out of L1 (1×1×65536 1/1.6).
            return self.dots(block, threads.tasks(m, n, k), kernels.of_columns(8));
        }
        let (b, c) = (before_lines(&self.b), before_lines(&self.c.as_ref()));
        let (size, lanes, l3) = (size_of::<T>(), kernels.lanes, machine.l3);
        let &Machine { slow_pages, double_pumped, .. } = machine;
        let columns = Columns { m, n, k, size, lanes, b, c, l3, slow_pages, double_pumped };
        let apart = if self.complex.is_some() { 0 } else { columns.apart() };
        if apart > 0 {
            return self.split_at(apart).into_iter().for_each(|part| part.run_best(block, threads, machine));
        }
        if self.is_update(kernels, machine.l2) {
            return self.update(threads.tasks(m, n, k), kernels.of_updates(double_pumped));
        }
        let real_columns = n * self.unit();
        let tasks = threads.tasks(m, real_columns, k);
        let facts = |kernels: &'static Kernels<T>| Facts {
            m,
            n,
            k,
            a: (self.a.row_stride(), self.a.col_stride()),
            b: (self.b.row_stride(), self.b.col_stride()),
            c: self.c.row_stride(),
            c_is_read: self.beta != T::ZERO,
            c_in_lines: c.is_some(),
            b_at_lines: b == Some(0),
            complex: self.complex.is_some(),
            packs_narrow: self.complex.is_some_and(|complex| complex.packs_narrow()),
            size: size_of::<T>(),
            lanes: kernels.lanes,
            block,
            menu: self.tiles(kernels).rows,
            turning: kernels.turning.rows,
            turn: kernels.turn,
            blocks: kernels.blocks.rows,
            l1d: machine.l1d,
            l2: machine.l2,
            l3: machine.l3,
            slow_pages: machine.slow_pages,
            threads: tasks,
        };
        let usual = if self.complex.is_some() { kernels } else { kernels.of_columns(n) };
        let few_steps = usual.of_steps(k);
        let kernels = if k < usual.turn && facts(few_steps).turns_b() { few_steps } else { usual };
        let plan = Plan::new(&facts(kernels));
        nest::run(self, &plan, kernels);
    }
}

/// Refuses a matrix of the wrong shape.
pub(crate) fn check_shape(
    operand: &'static str,
    meaning: &'static str,
    expected: (usize, usize),
    found: (usize, usize),
) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Shape { operand, meaning, expected, found }) }
}

/// Refuses a vector of the wrong length.
pub(crate) fn check_length(
    operand: &'static str,
    meaning: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Length { operand, meaning, expected, found }) }
}

impl Threads {
    /// Up to how many multiply-adds of vectors a product is too little to be shared.
    #[inline]
    fn little(self, lanes: usize) -> usize {
        match self {
            Threads::Serial | Threads::Exactly(0 | 1) => small::WORK,
            Threads::Auto | Threads::AtMost(_) => small::WORK.min(TASK_WORK / lanes),
            Threads::Exactly(_) => small::QUICK,
        }
    }

    /// How many tasks a product may be cut into.
    pub(crate) fn tasks(self, m: usize, n: usize, k: usize) -> usize {
        match self {
            Threads::Serial => 1,
            Threads::Auto => tasks_worth(m, n, k, pool::is_awake, pool::threads),
            Threads::AtMost(most) => tasks_worth(m, n, k, pool::is_awake, || pool::threads().min(most.max(1))),
            Threads::Exactly(tasks) => tasks.max(1),
        }
    }
}

/// C ← `alpha`·A·B + `beta`·C with A m×k, B k×n and C m×n, on [`Threads::Auto`].
///
/// # Errors
/// As [`Gemm::run`]; C is untouched then.
///
/// ```
/// use lapidary::{MatMut, MatRef, gemm};
/// let (x, w, mut y) = ([1.0, 2.0], [3.0, 4.0, 5.0, 6.0], [0.0; 2]);
/// let x = MatRef::row_major(&x, 1, 2)?;
/// let w = MatRef::row_major(&w, 2, 2)?;
/// gemm(1.0, x, w, 0.0, MatMut::row_major(&mut y, 1, 2)?)?;
/// assert_eq!(y, [13.0, 16.0]);
/// # Ok::<(), lapidary::Error>(())
/// ```
pub fn gemm<T: Element>(alpha: T, a: MatRef<'_, T>, b: MatRef<'_, T>, beta: T, c: MatMut<'_, T>) -> Result<(), Error> {
    Gemm::new(a, b).alpha(alpha).beta(beta).run(c)
}
