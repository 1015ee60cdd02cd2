//! Telling bytes that will not compress from those that may, at a fraction of the cost of trying.

/// Input is judged in pieces of this size, so that a tar header between two images is still compressed.
pub(crate) const PIECE_BYTES: usize = 16 << 10;
/// How far the sum of squares may be above that of evenly distributed bytes. Random bytes reach 1/64
/// in a piece; one header of mostly zeros in it is at 1/4.
const EVENNESS: usize = 32;
/// Of so many positions, one may begin four bytes that stood before. Random bytes have none.
const REPEATS: usize = 256;
const TABLE_BITS: u32 = 12;

/// Whether a whole piece looks like encrypted or compressed data: all bytes equally frequent, and no
/// repetitions. A wrong answer costs size or time, never content.
pub(crate) fn is_noise(piece: &[u8]) -> bool {
    piece.len() == PIECE_BYTES && is_even(piece) && !repeats(piece)
}

fn is_even(piece: &[u8]) -> bool {
    let mut counts = [0_usize; 256];
    for byte in piece {
        counts[usize::from(*byte)] += 1;
    }
    let squares: usize = counts.iter().map(|count| count * count).sum();
    let even = piece.len() * piece.len() / counts.len();
    squares <= even + even / EVENNESS
}

fn repeats(piece: &[u8]) -> bool {
    let mut last = [u32::MAX; 1 << TABLE_BITS];
    let mut found = 0;
    for window in piece.windows(4) {
        let four = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
        let slot = &mut last[(four.wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS)) as usize];
        found += usize::from(*slot == four);
        *slot = four;
    }
    found > piece.len() / REPEATS
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn random() -> Vec<u8> {
        (0..PIECE_BYTES as u32 / 32).flat_map(|n| Sha256::digest(n.to_le_bytes()).to_vec()).collect()
    }

    #[test]
    fn knows_noise() {
        assert!(is_noise(&random()));
    }

    #[test]
    fn takes_nothing_else_for_noise() {
        let mut with_header = random();
        with_header[4096..4608].fill(0);
        let mut repeated = random();
        repeated.copy_within(..1024, 9000);
        let counting: Vec<u8> = (0..PIECE_BYTES).map(|n| n as u8).collect();
        let text: Vec<u8> = b"def run(self, payload, context):\n".iter().copied().cycle().take(PIECE_BYTES).collect();
        for (what, piece) in [("header", with_header), ("repeated", repeated), ("counting", counting), ("text", text)] {
            assert!(!is_noise(&piece), "{what}");
        }
        assert!(!is_noise(&random()[1..]), "a piece that is not whole");
    }
}
