//! Which tile covers a C: how many rows by how many vectors. A menu has the most rows of a tile of 1, 2, 3 … vectors, never more
//! than of one vector less.

use super::FLAT;

/// The most rows of a narrow side that is contiguous along the depth: each is a pointer, or on x86-64 an address that counts from
/// one of two (12×12×12 in one tile, not two: 1.2 times as fast), and more do not fit registers.
pub const MOST_POINTERS: usize = if cfg!(target_arch = "x86_64") { 16 } else { 8 };

/// The most rows of a tile that walks the narrow side across its rows, or along the depth.
#[inline(always)]
pub fn most_rows(across: bool) -> usize {
    if across { usize::MAX } else { MOST_POINTERS }
}

/// The most vectors of a tile of at least so many rows; 0 if there is none.
#[inline(always)]
pub fn widest(menu: &[usize], rows: usize) -> usize {
    menu.iter().take_while(|&&menu_rows| rows <= menu_rows).count()
}

/// The rows and vectors of the widest tile that has enough rows: all, or half a dozen. With few steps, where those are of less
/// than three vectors, or always, it is one or two rows, so that C is written in long runs (256×256×1 1.3 times as fast by 1×8
/// as by 6×2; with AVX2 512×512×6 by 2×4 1.2 times, but with AVX-512 48×130×7 by 6×4 1.5 times). Three vectors are as good as two
/// of half a dozen rows.
#[inline(always)]
pub fn wide_tile(m: usize, vectors: usize, k: usize, menu: &[usize], most_rows: usize) -> (usize, usize) {
    let most = vectors.min(menu.len());
    let widest = |rows: usize| widest(&menu[..most], rows).max(1);
    let vecs = if k <= 4 || (most <= 3 && m > 6) {
        most
    } else {
        match widest(m.min(6)) {
            vecs if vecs >= 3 || m <= menu[vecs - 1].min(6) => vecs,
            _ if k <= FLAT => widest(2),
            _ => widest(3),
        }
    };
    (menu[vecs - 1].min(most_rows), vecs)
}

/// The rows and vectors of the tile that covers a C of `m` rows and so many vectors at least cost: the multiply-adds of all
/// tiles, edges filled up, and the loads beside them. All tiles count as being of their mean size; and in floating point, as
/// whole numbers take five times as long to divide. `extra` tells what a vector of a wide strip of so many costs beyond its load from
/// L1, in eighths of a multiply-add.
pub fn tile(
    m: usize,
    vectors: usize,
    menu: &[usize],
    most_rows: usize,
    extra: impl Fn(usize) -> f64,
) -> (usize, usize) {
    if menu.get(vectors - 1).is_some_and(|&menu_rows| m <= menu_rows.min(most_rows)) {
        return (m, vectors);
    }
    let pieces = |len: f64, most: usize| ((len / most as f64 + (1.0 - 1e-9)) as isize) as f64;
    let (m, n) = (m as f64, vectors as f64);
    let mut best = (f64::INFINITY, (1, 1));
    for (vecs, &menu_rows) in (1..=vectors).zip(menu) {
        let rows = menu_rows.min(most_rows);
        let (row_strips, col_strips) = (pieces(m, rows), pieces(n, vecs));
        let (r, v) = (m / row_strips, n / col_strips);
        // Eighths of a multiply-add, of a step: eight sums hide its latency, and two loads go with two of them. Yet a load
        // costs a third of one (8×3 against 12×2 on Ice Lake: 768×768×512 TN 1.1 times as fast).
        let step = 8.0 * (r * v).max(r + v).max(8.0) + 2.5 * (r + v) + 4.0 + extra(vecs) * v;
        let cost = row_strips * col_strips * step;
        if cost < best.0 {
            best = (cost, (rows, vecs));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    const MENU: [usize; 8] = [12, 6, 3, 2, 1, 1, 1, 1];

    #[test]
    fn a_menu_of_few_vectors_is_enough() {
        assert_eq!(wide_tile(5, 3, 20, &[4, 3], 8), (3, 2)); // portable Rust
        assert_eq!(wide_tile(5, 3, 20, &MENU, 8), (6, 2));
        assert_eq!((wide_tile(5, 9, 20, &MENU, 8), wide_tile(7, 9, 20, &MENU, 8)), ((6, 2), (3, 3)));
        assert_eq!((wide_tile(7, 9, 8, &MENU, 8), wide_tile(7, 9, 2, &MENU, 8)), ((2, 4), (1, 8)));
    }

    #[test]
    fn edges_choose_the_tile_that_wastes_least() {
        let best = |m, vectors, most_rows| tile(m, vectors, &MENU, most_rows, |vecs| if vecs <= 2 { 0.0 } else { 2.0 });
        assert_eq!(best(600, 20, 8), (6, 2));
        assert_eq!(best(600, 1, 12), (12, 1));
        assert_eq!(best(1, 80, 8).0, 1);
        assert_eq!(best(3, 3, 8), (3, 3));
        assert_eq!(best(18, 5, 12), (6, 2));
    }
}
