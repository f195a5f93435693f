//! Distances that a tile's loop adds to its pointers.

use super::opaque::opaque;

/// A distance in bytes, and its odd multiples.
#[derive(Clone, Copy)]
pub struct Stride {
    odd: [isize; 4],
}

impl Stride {
    #[inline(always)]
    pub fn new<T>(elements: isize) -> Self {
        let bytes = elements.wrapping_mul(size_of::<T>() as isize);
        Stride { odd: [bytes, bytes.wrapping_mul(3), bytes.wrapping_mul(5), bytes.wrapping_mul(7)] }
    }

    /// The same, each multiple in a register of its own. Any of them times a power of two is an address that an x86-64 load
    /// computes by itself. Left to themselves, compilers walk from row to row and from step to step: an instruction in twelve,
    /// which costs 3 to 5 % where another thread has its share of the core.
    #[inline(always)]
    pub fn in_registers(self) -> Self {
        let [once, three, five, seven] = self.odd;
        Stride { odd: [once, opaque(three), opaque(five), opaque(seven)] }
    }

    /// `n` times the distance, for `n` up to eight.
    #[inline(always)]
    pub fn times(&self, n: usize) -> isize {
        if n == 0 {
            return 0;
        }
        let twos = n.trailing_zeros();
        self.odd[(n >> twos) / 2].wrapping_shl(twos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_multiple() {
        for elements in [0, 1, 7, -5] {
            let stride = Stride::new::<f64>(elements);
            for n in 0..=8 {
                let expected = 8 * elements * n as isize;
                assert_eq!((stride.times(n), stride.in_registers().times(n)), (expected, expected));
            }
        }
    }
}
