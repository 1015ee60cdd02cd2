//! Mutations that leave an archive an archive: whole blocks move, and every checksum is right again.
//!
//! Without them nearly every mutated tar dies at the checksum of its first header, and nearly every
//! mutated gzip at the checksum of its end, so that nothing behind is ever reached.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// The unit of a tar archive.
pub const BLOCK: usize = 512;
/// Largest archive that is unpacked in order to be changed.
const MAX_ARCHIVE_BYTES: u64 = 256 << 10;

/// Changes the archive in `data[..size]`, in place; its new size, at most the length of `data`.
pub fn mutate_tar(data: &mut [u8], size: usize, seed: u32) -> usize {
    let room = data.len();
    let blocks = size / BLOCK;
    let (from, to) = if blocks == 0 { (0, 0) } else { (seed as usize / 8 % blocks, seed as usize / 97 % blocks) };
    let mut size = match seed % 8 {
        0 if blocks > 0 && size + BLOCK <= room => {
            let block = block_at(data, from);
            data.copy_within(to * BLOCK..size, (to + 1) * BLOCK);
            data[to * BLOCK..(to + 1) * BLOCK].copy_from_slice(&block);
            size + BLOCK
        }
        1 if blocks > 1 => {
            data.copy_within((from + 1) * BLOCK..size, from * BLOCK);
            size - BLOCK
        }
        2 if blocks > 1 => {
            let block = block_at(data, from);
            data.copy_within(to * BLOCK..(to + 1) * BLOCK, from * BLOCK);
            data[to * BLOCK..(to + 1) * BLOCK].copy_from_slice(&block);
            size
        }
        _ => libfuzzer_sys::fuzzer_mutate(data, size, room),
    };
    // One archive in sixteen stays cut.
    let whole = size.next_multiple_of(BLOCK);
    if whole <= room && seed % 16 != 15 {
        data[size..whole].fill(0);
        size = whole;
    }
    sign_headers(&mut data[..size]);
    size
}

/// Changes what is inside the gzip member in `data[..size]`, or its bytes; its new size.
pub fn mutate_gzip(data: &mut [u8], size: usize, seed: u32) -> usize {
    let room = data.len();
    let mut archive = Vec::new();
    let unpacked = GzDecoder::new(&data[..size]).take(MAX_ARCHIVE_BYTES).read_to_end(&mut archive);
    if seed.is_multiple_of(4) || unpacked.is_err() {
        return libfuzzer_sys::fuzzer_mutate(data, size, room);
    }
    let length = archive.len();
    archive.resize((2 * length).max(4 * BLOCK), 0);
    let length = mutate_tar(&mut archive, length, seed / 4);
    let packed = gzip(&archive[..length], Compression::new(seed / 64 % 10));
    if packed.len() > room {
        return libfuzzer_sys::fuzzer_mutate(data, size, room);
    }
    data[..packed.len()].copy_from_slice(&packed);
    packed.len()
}

fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn block_at(data: &[u8], index: usize) -> [u8; BLOCK] {
    data[index * BLOCK..][..BLOCK].try_into().expect("one block")
}

/// Gives every block at which a reader would look for a header the checksum of one.
fn sign_headers(archive: &mut [u8]) {
    let mut at = 0;
    while let Some(block) = archive.get_mut(at..at + BLOCK) {
        at += BLOCK;
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = str::from_utf8(&block[124..135]).ok().and_then(|text| usize::from_str_radix(text, 8).ok());
        at += size.unwrap_or(0).next_multiple_of(BLOCK);
    }
}
