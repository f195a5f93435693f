//! Matrices in any layout, in memory that ends or begins at a page which must not be touched.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::ptr::null_mut;
use std::slice;

use lapidary::{MatMut, MatRef};

use super::{Choose, Real, same};

/// How a matrix lies in memory: runs of elements, one run after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whether the runs are columns rather than rows.
    pub cols: bool,
    /// Elements from one of a run to the next; 0 repeats one (for inputs).
    pub inner: isize,
    /// Where the next run is: 1 after this one, −1 before it, 0 the same (for inputs).
    pub outer: isize,
    /// Elements between runs.
    pub gap: usize,
}

pub const ROW: Order = Order { cols: false, inner: 1, outer: 1, gap: 0 };
pub const COL: Order = Order { cols: true, ..ROW };

impl Order {
    /// Any order that an output may have.
    pub fn output(choose: &mut dyn Iterator<Item = u64>) -> Order {
        let cols = choose.below(2) == 1;
        let inner = choose.one_of(&[1, 1, 1, 2, -1, -2, 3]);
        Order { cols, inner, outer: choose.one_of(&[1, 1, 1, -1]), gap: choose.one_of(&[0, 0, 1, 3, 13]) }
    }

    /// Any order.
    pub fn input(choose: &mut dyn Iterator<Item = u64>) -> Order {
        let order = Order::output(choose);
        match choose.below(8) {
            6 => Order { inner: 0, ..order },
            7 => Order { outer: 0, ..order },
            _ => order,
        }
    }

    /// Row and column strides.
    pub fn strides(self, rows: usize, cols: usize) -> (isize, isize) {
        let run = if self.cols { rows } else { cols };
        let outer = self.outer * (reach(run, self.inner) + 1 + self.gap) as isize;
        if self.cols { (self.inner, outer) } else { (outer, self.inner) }
    }
}

/// Elements from the first to the last of a dimension.
fn reach(len: usize, stride: isize) -> usize {
    len.saturating_sub(1) * stride.unsigned_abs()
}

/// Which end of a matrix lies against a page that must not be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    End,
    Start,
}

/// A matrix with its memory: a guard page on one side, canaries on the other and in its gaps.
pub struct Matrix<T> {
    pub memory: Memory<T>,
    pub rows: usize,
    pub cols: usize,
    row_stride: isize,
    col_stride: isize,
    /// The memory that a view gets, and in it the element (0, 0).
    start: usize,
    span: usize,
    first: usize,
}

/// Elements of canary: as many as the widest vector has.
const MARGIN: usize = 16;
const CANARY: f64 = 12345.0;

/// Whether operands lie flush against the guard pages. Not under qemu-x86, which reads the masked lanes of `vmaskmov`.
pub fn guards() -> bool {
    !std::env::var("LAPIDARY_TEST_EMULATOR").is_ok_and(|emulator| emulator == "qemu-x86")
}

impl<T: Real> Matrix<T> {
    pub fn new(rows: usize, cols: usize, order: Order, place: Place, mut value: impl FnMut() -> T) -> Matrix<T> {
        let (row_stride, col_stride) = order.strides(rows, cols);
        let span = if rows * cols == 0 { 0 } else { reach(rows, row_stride) + reach(cols, col_stride) + 1 };
        let back = |len: usize, stride: isize| if stride < 0 { reach(len, stride) } else { 0 };
        let margin = |flush: bool| if flush && guards() { 0 } else { MARGIN };
        let (start, after) = (margin(place == Place::Start), margin(place == Place::End));
        let mut memory = Memory::new(start + span + after, place);
        memory.fill(T::of(CANARY));
        let first = start + back(rows, row_stride) + back(cols, col_stride);
        let mut matrix = Matrix { memory, rows, cols, row_stride, col_stride, start, span, first };
        for i in 0..rows {
            for j in 0..cols {
                let at = matrix.at(i, j);
                matrix.memory[at] = value();
            }
        }
        matrix
    }

    fn at(&self, i: usize, j: usize) -> usize {
        (self.first as isize + i as isize * self.row_stride + j as isize * self.col_stride) as usize
    }

    pub fn get(&self, i: usize, j: usize) -> T {
        self.memory[self.at(i, j)]
    }

    pub fn view(&self) -> MatRef<'_, T> {
        let slice = &self.memory[self.start..][..self.span];
        MatRef::strided(slice, self.rows, self.cols, self.row_stride, self.col_stride).expect("a valid matrix")
    }

    pub fn view_mut(&mut self) -> MatMut<'_, T> {
        let slice = &mut self.memory[self.start..][..self.span];
        MatMut::strided(slice, self.rows, self.cols, self.row_stride, self.col_stride).expect("a valid output")
    }

    /// The elements of a matrix of one plain row.
    pub fn row(&self) -> &[T] {
        assert!(self.rows == 1 && self.col_stride == 1);
        &self.memory[self.start..][..self.span]
    }

    pub fn row_mut(&mut self) -> &mut [T] {
        assert!(self.rows == 1 && self.col_stride == 1);
        &mut self.memory[self.start..][..self.span]
    }

    /// Where element (0, 0) is.
    pub fn ptr(&self) -> *const T {
        self.memory.as_ptr().wrapping_add(self.first)
    }

    pub fn ptr_mut(&mut self) -> *mut T {
        self.memory.as_mut_ptr().wrapping_add(self.first)
    }

    /// Panics unless the elements are `expected` to the bit and all around and between them is untouched.
    pub fn assert_is(&self, expected: &[T], name: &str, case: &dyn std::fmt::Debug) {
        for i in 0..self.rows {
            for j in 0..self.cols {
                let (found, wanted) = (self.get(i, j), expected[i * self.cols + j]);
                assert!(same(found, wanted), "{name}[{i}, {j}] is {found:e}, not {wanted:e}: {case:?}");
            }
        }
        self.assert_untouched(name, case);
    }

    /// Panics unless all around and between the elements is untouched.
    pub fn assert_untouched(&self, name: &str, case: &dyn std::fmt::Debug) {
        let mut inside = vec![false; self.memory.len()];
        for i in 0..self.rows {
            (0..self.cols).for_each(|j| inside[self.at(i, j)] = true);
        }
        for (at, inside) in inside.into_iter().enumerate() {
            assert!(inside || self.memory[at] == T::of(CANARY), "element {at} beside {name} was written: {case:?}");
        }
    }
}

/// Elements that end or begin at a page without access.
pub struct Memory<T> {
    map: Option<Map>,
    ptr: *mut T,
    len: usize,
}

impl<T: Real> Memory<T> {
    pub fn new(len: usize, place: Place) -> Memory<T> {
        let bytes = len * size_of::<T>();
        let map = Map::take(bytes);
        let offset = if place == Place::Start { 0 } else { map.bytes - bytes };
        Memory { ptr: map.start.wrapping_byte_add(offset).cast(), map: Some(map), len }
    }
}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        SPARE.with_borrow_mut(|spare| spare.extend(self.map.take()));
    }
}

impl<T> Deref for Memory<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `len` elements of the mapping, which are numbers whatever their bits.
        unsafe { slice::from_raw_parts(self.ptr, self.len) }
    }
}

impl<T> DerefMut for Memory<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts_mut(self.ptr, self.len) }
    }
}

/// Whole pages between two without access.
struct Map {
    start: *mut libc::c_void,
    bytes: usize,
    page: usize,
}

thread_local! {
    /// Mappings to be used again: the system takes its time to make one.
    static SPARE: RefCell<Vec<Map>> = const { RefCell::new(Vec::new()) };
}

impl Map {
    fn take(bytes: usize) -> Map {
        let fits = |map: &Map| map.bytes >= bytes;
        let spare = SPARE.with_borrow_mut(|spare| spare.iter().position(fits).map(|at| spare.swap_remove(at)));
        spare.unwrap_or_else(|| Map::new(bytes.max(1 << 14)))
    }

    fn new(bytes: usize) -> Map {
        // SAFETY: a fresh mapping, whose inner pages are then made accessible.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            let bytes = bytes.next_multiple_of(page);
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
            let map = libc::mmap(null_mut(), bytes + 2 * page, libc::PROT_NONE, flags, -1, 0);
            assert!(map != libc::MAP_FAILED);
            let start = map.byte_add(page);
            assert!(libc::mprotect(start, bytes, libc::PROT_READ | libc::PROT_WRITE) == 0);
            Map { start, bytes, page }
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, with a page on either side.
        unsafe { libc::munmap(self.start.byte_sub(self.page), self.bytes + 2 * self.page) };
    }
}
