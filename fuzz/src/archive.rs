//! Mutations that leave an archive an archive: whole blocks move, and every checksum is right again.
//!
//! Without them nearly every mutated tar dies at the checksum of its first header, and nearly every
//! mutated compressed stream before its first block, so that nothing behind is ever reached.

use std::io::{self, Read, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// How a gzip member begins.
pub const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// How a zstd frame begins.
pub const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
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
    let archive = read_some(GzDecoder::new(&data[..size]));
    mutate_packed(data, size, seed, archive, |archive| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(seed / 64 % 10));
        encoder.write_all(archive)?;
        encoder.finish()
    })
}

/// Changes what is inside the zstd frame in `data[..size]`, or its bytes; its new size. What is no frame
/// is taken for an archive, as the seeds are.
pub fn mutate_zstd(data: &mut [u8], size: usize, seed: u32) -> usize {
    let is_frame = data[..size].starts_with(&ZSTD_MAGIC);
    let archive = match is_frame {
        true => zstd::Decoder::new(&data[..size]).and_then(read_some),
        false => Ok(data[..size].to_vec()),
    };
    let seed = if is_frame { seed } else { seed | 1 };
    mutate_packed(data, size, seed, archive, |archive| zstd::encode_all(archive, (seed / 64 % 4) as i32))
}

fn read_some(archive: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    archive.take(MAX_ARCHIVE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Changes `archive` and packs it into `data`; one time in four, and when there is none, changes the packed
/// bytes.
fn mutate_packed(
    data: &mut [u8],
    size: usize,
    seed: u32,
    archive: io::Result<Vec<u8>>,
    pack: impl Fn(&[u8]) -> io::Result<Vec<u8>>,
) -> usize {
    let room = data.len();
    let Some(mut archive) = archive.ok().filter(|_| !seed.is_multiple_of(4)) else {
        return libfuzzer_sys::fuzzer_mutate(data, size, room);
    };
    let length = archive.len();
    archive.resize((2 * length).max(4 * BLOCK), 0);
    let length = mutate_tar(&mut archive, length, seed / 4);
    let packed = pack(&archive[..length]).expect("writing to memory does not fail");
    if packed.len() > room {
        return libfuzzer_sys::fuzzer_mutate(data, size, room);
    }
    data[..packed.len()].copy_from_slice(&packed);
    packed.len()
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
