//! A bit for each element of a matrix: whether it is positive, which is all that the way back through a ReLU asks of it.

use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::element::Real;

/// Rows of whole bytes: element (i, j) is bit j mod 8 of byte j/8 of row i. What is left of a row's last byte is 0.
///
/// Those that are written are atomic: tasks and tiles that part columns may share a byte.
#[derive(Clone, Copy, Debug)]
pub struct Bits<Bytes> {
    bytes: Bytes,
    cols: usize,
}

/// Bytes of a matrix of bits.
pub fn bytes(rows: usize, cols: usize) -> usize {
    rows.saturating_mul(cols.div_ceil(8))
}

/// Elements whose bits are read or written at a time.
pub const RUN: usize = 64;

/// Whether each of at most [`RUN`] elements is positive: NaN is not.
pub fn positive<T: Real>(elements: &[T]) -> u64 {
    // In two steps that are loops over vectors: a byte for each element, and of eight such bytes the lowest bits, which a
    // product moves together. (Bit by bit takes ten times as long.)
    let mut flags = [[0; 8]; RUN / 8];
    match elements.as_chunks() {
        ([whole], []) => flag::<T, RUN>(flags.as_flattened_mut(), whole),
        _ => flags.as_flattened_mut().iter_mut().zip(elements).for_each(|(flag, &x)| *flag = u8::from(x > T::ZERO)),
    }
    u64::from_le_bytes(flags.map(|eight| (u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8))
}

fn flag<T: Real, const N: usize>(flags: &mut [u8], elements: &[T; N]) {
    flags.iter_mut().zip(elements).for_each(|(flag, &x)| *flag = u8::from(x > T::ZERO));
}

/// 1 for each bit that is set, 0 for each that is not.
pub fn numbers<T: Real>(bits: u64) -> [T; RUN] {
    let mut numbers = [T::ZERO; RUN];
    for (eight, byte) in numbers.chunks_exact_mut(8).zip(bits.to_le_bytes()) {
        for (j, x) in eight.iter_mut().enumerate() {
            *x = if byte & (1 << j) != 0 { T::ONE } else { T::ZERO };
        }
    }
    numbers
}

impl<'a> Bits<&'a [u8]> {
    /// Of rows of so many elements.
    pub fn read_only(bytes: &'a [u8], cols: usize) -> Self {
        Bits { bytes, cols }
    }

    /// The bits of at most [`RUN`] elements of row `i`, from column `j` on.
    pub fn get(&self, i: usize, j: usize, len: usize) -> u64 {
        let (from, shift) = (i * self.cols.div_ceil(8) + j / 8, j % 8);
        let bytes = &self.bytes[from..][..(shift + len).div_ceil(8)];
        let mut word = [0; 16];
        word[..bytes.len()].copy_from_slice(bytes);
        (u128::from_le_bytes(word) >> shift) as u64
    }
}

impl<'a> Bits<&'a [AtomicU8]> {
    /// Of rows of so many elements.
    pub fn new(bytes: &'a mut [u8], cols: usize) -> Self {
        let len = bytes.len();
        // SAFETY: an atomic byte is laid out as a byte; the slice stays borrowed for as long.
        let bytes = unsafe { core::slice::from_raw_parts(bytes.as_mut_ptr().cast(), len) };
        Bits { bytes, cols }
    }

    /// Sets the bits of at most [`RUN`] elements of row `i`, from column `j` on.
    pub fn set(&self, i: usize, j: usize, len: usize, bits: u64) {
        let (from, shift) = (i * self.cols.div_ceil(8) + j / 8, j % 8);
        let end = if j + len == self.cols { (shift + len).next_multiple_of(8) } else { shift + len };
        if shift == 0 && end % 8 == 0 {
            let bytes = &self.bytes[from..][..end / 8];
            return bytes.iter().zip(bits.to_le_bytes()).for_each(|(byte, bits)| byte.store(bits, Relaxed));
        }
        let bits = (u128::from(bits) << shift).to_le_bytes();
        let written = (!(u128::MAX << end) & (u128::MAX << shift)).to_le_bytes();
        for (byte, (bits, written)) in self.bytes[from..].iter().zip(bits.into_iter().zip(written)) {
            if written == 0 {
                break;
            }
            byte.fetch_and(!written, Relaxed);
            byte.fetch_or(bits, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_run_of_a_row() {
        let cols = 150;
        for from in [0, 1, 7, 8, 9, 60, 86] {
            for len in [1, 5, 8, 63, 64] {
                let elements: [f64; RUN] = core::array::from_fn(|j| [1.0, -1.0, 0.0, f64::NAN, 2.0][j * j % 5]);
                let bits = positive(&elements[..len]);
                let mut bytes = [0xa5; 3 * 19];
                Bits::new(&mut bytes, cols).set(1, from, len, bits);
                let found = Bits::read_only(&bytes, cols);
                for i in 0..3 {
                    for j in 0..cols {
                        let own = i == 1 && (from..from + len).contains(&j);
                        let expected = if own { elements[j - from] > 0.0 } else { 0xa5 >> (j % 8) & 1 == 1 };
                        assert_eq!(found.get(i, j, 1) & 1 == 1, expected, "({i}, {j}) of {from}.. {len}");
                    }
                }
                let numbers: [f64; RUN] = numbers(found.get(1, from, len));
                assert!((0..len).all(|j| (numbers[j] == 1.0) == (elements[j] > 0.0)));
                assert_eq!(bytes[37] >> 6 == 0, from + len == cols, "the last byte of the row ends in zeros");
            }
        }
    }
}
