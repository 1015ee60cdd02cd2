//! Layers that nobody wrote: the corpus and plugins that are taken, with bytes flipped, blocks spliced
//! and ends cut off, and checksums mended so that the damage is looked at and not only noticed.

use crate::archive::{Entry, TarBuilder, gzip_quickly, sign};
use crate::hostile::{self, GZIP, TAR, TITLE};

const BLOCK: usize = 512;
/// Larger layers of the corpus test limits; a million copies of them would test the machine.
const MAX_BASE_BYTES: usize = 16 << 10;

/// A layer made by chance, the same for the same seed and number on every machine.
#[derive(Debug)]
pub struct Mutant {
    /// What its descriptor says that it is.
    pub media_type: &'static str,
    /// The directory that its descriptor names, if any.
    pub title: Option<&'static str>,
    /// Its bytes.
    pub layer: Vec<u8>,
}

/// An endless supply of mutants.
#[derive(Debug)]
pub struct Mutants {
    seed: u64,
    bases: Vec<Vec<u8>>,
}

impl Mutants {
    /// The mutants of that seed.
    pub fn of_seed(seed: u64) -> Self {
        let taken = [hostile::benign().end(), hostile::benign_untitled().end(), long_names(), many_files()];
        let crafted =
            hostile::corpus().into_iter().filter(|hostile| hostile.media_type == TAR).map(|hostile| hostile.layer);
        let small = |layer: &Vec<u8>| (BLOCK..=MAX_BASE_BYTES).contains(&layer.len());
        // Every other base is one that is taken: from there, one step leads furthest.
        let bases =
            crafted.filter(small).enumerate().flat_map(|(index, layer)| [taken[index % taken.len()].clone(), layer]);
        Self { seed, bases: bases.collect() }
    }

    /// The mutant of that number.
    pub fn get(&self, number: u64) -> Mutant {
        let mut chance = Chance(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut layer = self.base(&mut chance).to_vec();
        for _ in 0..=chance.below(4) {
            self.mutate(&mut layer, &mut chance);
        }
        if chance.below(4) > 0 {
            mend_checksums(&mut layer);
        }
        let title = (chance.below(3) > 0).then_some(TITLE);
        match chance.below(8) {
            0 => {
                let mut member = gzip_quickly(&layer);
                damage(&mut member, &mut chance);
                Mutant { media_type: GZIP, title, layer: member }
            }
            1 | 2 => Mutant { media_type: GZIP, title, layer: gzip_quickly(&layer) },
            _ => Mutant { media_type: TAR, title, layer },
        }
    }

    fn base(&self, chance: &mut Chance) -> &[u8] {
        &self.bases[chance.below(self.bases.len())]
    }

    fn mutate(&self, layer: &mut Vec<u8>, chance: &mut Chance) {
        if layer.is_empty() {
            return;
        }
        let blocks = layer.len().div_ceil(BLOCK);
        let block = chance.below(blocks) * BLOCK;
        let in_header = (block + FIELDS[chance.below(FIELDS.len())]).min(layer.len() - 1);
        match chance.below(10) {
            0 => {
                let at = chance.below(layer.len());
                layer[at] ^= 1 << chance.below(8);
            }
            1 => layer[in_header] = BYTES[chance.below(BYTES.len())],
            2 => layer[in_header] = chance.next() as u8,
            3 => layer.truncate(chance.below(layer.len() + 1)),
            4 => {
                let end = (block + BLOCK).min(layer.len());
                layer.drain(block..end);
            }
            5 => {
                let end = (block + BLOCK).min(layer.len());
                let copy = layer[block..end].to_vec();
                layer.splice(block..block, copy);
            }
            6 => {
                let other = self.base(chance);
                let from = chance.below(other.len() / BLOCK) * BLOCK;
                layer.truncate(block);
                layer.extend(&other[from..]);
            }
            7 => {
                let other = self.base(chance);
                let from = chance.below(other.len() / BLOCK) * BLOCK;
                let until = (from + BLOCK * (1 + chance.below(3))).min(other.len());
                layer.splice(block..block, other[from..until].iter().copied());
            }
            8 => {
                let number = NUMBERS[chance.below(NUMBERS.len())];
                let end = (block + 124 + number.len()).min(layer.len());
                if block + 124 < end {
                    layer[block + 124..end].copy_from_slice(&number[..end - block - 124]);
                }
            }
            _ => {
                let name = NAMES[chance.below(NAMES.len())];
                let end = (block + name.len()).min(layer.len());
                layer[block..end].copy_from_slice(&name[..end - block]);
            }
        }
    }
}

/// Where fields of a header begin, and single bytes that change its meaning.
const FIELDS: [usize; 14] = [0, 1, 5, 99, 100, 124, 135, 136, 148, 156, 157, 257, 263, 345];
/// Bytes that mean something somewhere: kinds, digits, separators, signs of base-256 numbers.
const BYTES: &[u8] = b"0123456789gxLKSDV/\\.: \0\n=-+\x80\xff";
const NUMBERS: [&[u8]; 6] = [
    b"00000000000\0",
    b"77777777777\0",
    b"00000001000\0",
    b"\x80\0\0\0\0\0\0\0\0\0\x02\0",
    b"00000000001\0",
    b"           1",
];
const NAMES: [&[u8]; 12] = [
    b"../evil\0",
    b"/tmp/aisoc-escaped-from-an-archive\0",
    b"demo/../x\0",
    b"demo/plugin.py\0",
    b"demo/plugin.yaml\0",
    b"demo/sub/x\0",
    b"demo/\0",
    b"plugin.yaml\0",
    b"./\0",
    b"././@LongLink\0",
    b"PaxHeaders/x\0",
    b"demo/PLUGIN.py\0",
];

fn long_names() -> Vec<u8> {
    let long = format!("demo/{}.py", "f".repeat(150));
    let gnu = Entry { magic: *b"ustar  \0", kind: b'L', ..Entry::file("././@LongLink", format!("{long}\0")) };
    let pax = Entry::pax(b'x', &[("path", &format!("demo/{}/x.py", "d".repeat(120))), ("mtime", "1.5")]);
    hostile::benign().entry(&gnu).file("demo/cut", "x").entry(&pax).file("demo/x", "y").end()
}

fn many_files() -> Vec<u8> {
    let comment = Entry::pax(b'g', &[("comment", "0123456789abcdef")]);
    let tar = TarBuilder::new().entry(&comment).directory("demo/").file("demo/plugin.yaml", hostile::MANIFEST);
    (0..6)
        .fold(tar, |tar, number| tar.file(&format!("demo/d{}/f{number}.py", number % 2), &"x".repeat(number * 300)))
        .end()
}

/// Gives every block that looks like a header the checksum that it should have.
fn mend_checksums(layer: &mut [u8]) {
    for block in layer.chunks_exact_mut(BLOCK) {
        if let Ok(block) = <&mut [u8; BLOCK]>::try_from(block)
            && &block[257..262] == b"ustar"
        {
            sign(block);
        }
    }
}

/// A compressed stream with a bit flipped, an end cut off, or a part of it twice.
fn damage(member: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(member.len());
    match chance.below(4) {
        0 => member.truncate(at),
        1 => member.extend_from_within(at..),
        _ => member[at] ^= 1 << chance.below(8),
    }
}

/// `SplitMix64`: numbers that are the same everywhere, which is all that is asked of them.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, or 0 when there is none.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % (limit.max(1) as u64)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_always_the_same_mutant() {
        let one = Mutants::of_seed(7);
        let other = Mutants { seed: 8, bases: one.bases.clone() };
        for number in 0..200 {
            assert_eq!(one.get(number).layer, one.get(number).layer);
        }
        assert!((0..200).any(|number| other.get(number).layer != one.get(number).layer));
    }
}
