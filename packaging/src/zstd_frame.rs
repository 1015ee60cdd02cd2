//! One zstd frame (RFC 8878), read whole or refused.
//!
//! The library decodes blocks. It compares neither the frame's checksum nor its stated size with what came out,
//! which is done here: a reader that does not takes most damaged frames for whole ones.

use std::error::Error;
use std::io::{self, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Largest zstd window that is allocated, 8 MiB: all levels but `--ultra` and `--long` stay below.
const MAX_ZSTD_WINDOW_LOG: u32 = 23;

/// The content of the frame at the beginning of `R`, which is read to the frame's last byte and not beyond.
pub(crate) struct ZstdFrame<R> {
    source: R,
    decoder: FrameDecoder,
    /// Bytes that came out; none before the frame's header was read.
    unpacked: Option<u64>,
}

impl<R: Read> ZstdFrame<R> {
    /// Reads nothing yet.
    pub(crate) fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(1 << MAX_ZSTD_WINDOW_LOG);
        Self { source, decoder, unpacked: None }
    }

    pub(crate) fn get_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// The header says how much memory the frame wants, and is refused by the library when that is too much.
    fn begin(&mut self) -> io::Result<u64> {
        match self.unpacked {
            Some(unpacked) => Ok(unpacked),
            None => self.decoder.init(&mut self.source).map_err(unreadable).map(|()| 0),
        }
    }

    /// Compares what came out with what the frame states (RFC 8878, 3.1.1). A frame may state neither; one that
    /// states a size of 0 looks to the library like one that states none.
    fn hold_to_statement(&self, unpacked: u64) -> io::Result<()> {
        if ![0, unpacked].contains(&self.decoder.content_size()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the zstd frame has another size than it states"));
        }
        match self.decoder.get_checksum_from_data() {
            Some(stated) if self.decoder.get_calculated_checksum() != Some(stated) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the zstd frame's checksum is another than it states"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: Read> Read for ZstdFrame<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let unpacked = self.begin()?;
        // A block may decode to nothing that can be handed out yet, which is not the end.
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut self.source, one).map_err(unreadable)?;
        }
        let read = self.decoder.read(buffer)?;
        self.unpacked = Some(unpacked + read as u64);
        if read == 0 && !buffer.is_empty() {
            self.hold_to_statement(unpacked)?;
        }
        Ok(read)
    }
}

/// Bytes that end early are told apart from bytes that are wrong, whatever the library was about to read.
fn unreadable(error: impl Error + Send + Sync + 'static) -> io::Error {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(here) = cause {
        if let Some(source) = here.downcast_ref::<io::Error>() {
            return io::Error::new(source.kind(), error);
        }
        cause = here.source();
    }
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise and repetition, over several blocks of 128 KiB.
    fn content() -> Vec<u8> {
        let mut state = 7_u32;
        let noise = std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & 0x3f
        });
        [noise.take(300_000).collect(), vec![b'x'; 100_000], b"the end".to_vec()].concat()
    }

    fn frame(content: &[u8], with_checksum: bool) -> Vec<u8> {
        use io::Write as _;
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
        encoder.include_checksum(with_checksum).expect("a setting");
        encoder.set_pledged_src_size(Some(content.len() as u64)).expect("a setting");
        encoder.write_all(content).and_then(|()| encoder.finish()).expect("compressed")
    }

    fn unpacked(frame: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        ZstdFrame::new(frame).read_to_end(&mut content).map(|_| content)
    }

    #[test]
    fn a_frame_is_what_the_reference_packed() {
        for content in [vec![], b"x".to_vec(), content()] {
            for with_checksum in [false, true] {
                assert!(unpacked(&frame(&content, with_checksum)).expect("whole") == content);
            }
        }
    }

    #[test]
    fn no_flipped_bit_gives_other_content() {
        let content = content();
        let whole = frame(&content, true);
        let bits = (0..whole.len() * 8).step_by(whole.len() * 8 / 600).chain(0..32 * 8);
        for bit in bits {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // What says nothing of the content, such as a bit that is reserved, may be passed over.
            assert!(unpacked(&damaged).is_ok_and(|found| found == content) || unpacked(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_checksum_and_a_size_that_are_others_are_said() {
        let mut whole = frame(&content(), true);
        *whole.last_mut().expect("a checksum") ^= 1;
        assert!(unpacked(&whole).expect_err("another").to_string().contains("checksum"));
        // Header descriptor, window, then four bytes of size: the lowest one is changed.
        let mut whole = frame(&content(), false);
        let size = whole.windows(4).position(|bytes| bytes == (content().len() as u32).to_le_bytes()).expect("a size");
        whole[size] ^= 1;
        assert!(unpacked(&whole).expect_err("another").to_string().contains("size"));
    }

    #[test]
    fn a_frame_that_ends_early_is_no_frame_wherever_it_ends() {
        let whole = frame(&content(), true);
        for length in (0..whole.len()).step_by(977).chain(whole.len() - 5..whole.len()) {
            assert_eq!(unpacked(&whole[..length]).expect_err("cut").kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
    }

    #[test]
    fn what_follows_the_frame_is_left_to_the_caller() {
        let two = [frame(b"one", true), frame(b"two", true)].concat();
        let mut rest = &two[..];
        let mut content = Vec::new();
        ZstdFrame::new(&mut rest).read_to_end(&mut content).expect("one frame");
        assert_eq!((content.as_slice(), rest), (&b"one"[..], &frame(b"two", true)[..]));
    }
}
