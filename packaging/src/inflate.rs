//! From the bytes of a layer to the bytes of its archive: one gzip member, one zstd frame, or neither.
//!
//! The media type and the magic must agree, and nothing may follow the compressed stream: readers
//! disagree on a second member and on trailing bytes, and what one of them skips another unpacks.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use aisoc_manifests::digest::{ContentDigest, Hasher, meaning};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::tar::refuse;
use flate2::bufread::GzDecoder;

use crate::limits::Limits;
use crate::zstd_frame::ZstdFrame;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Buffer between the network and the inflater.
const BUFFER_BYTES: usize = 64 << 10;

/// The archive inside a layer: counted, hashed, and held to the limits while it is read.
pub(crate) struct Inflated<'l, R: Read> {
    stream: Stream<R>,
    hasher: Option<Hasher<meaning::Content>>,
    limits: &'l Limits,
    flow: &'l mut Flow,
}

/// The bytes of all layers of an artifact so far. Bounds are about the artifact: what one layer may do, many
/// small ones may not do again and again.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// Of the layers before the one that is read.
    received: u64,
    unpacked: u64,
}

enum Stream<R: Read> {
    Plain(Source<R>),
    Gzip(Box<GzDecoder<Source<R>>>),
    Zstd(Box<ZstdFrame<Source<R>>>),
}

type Source<R> = BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>;

struct Counted<R> {
    inner: R,
    bytes: u64,
    /// Why receiving has failed, in which case what the decoder makes of it does not count.
    broken: Option<io::Error>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.bytes += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            // Kept here, because a decoder in between may hand on the kind alone.
            Err(error) => {
                let kind = error.kind();
                self.broken = Some(error);
                Err(kind.into())
            }
        }
    }
}

impl<'l, R: Read> Inflated<'l, R> {
    /// Chooses the decoder by the first bytes, which must be what `media_type` says. With a `hasher` the
    /// archive's own digest is computed: a second hash over every byte, for publishers that noted one.
    pub(crate) fn new(
        mut reader: R,
        media_type: &str,
        hasher: Option<Hasher<meaning::Content>>,
        limits: &'l Limits,
        flow: &'l mut Flow,
    ) -> Result<Self> {
        let mut magic = Vec::new();
        (&mut reader).take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic).map_err(unreceived)?;
        let (gzip, zstd) = (magic.starts_with(GZIP_MAGIC), magic == ZSTD_MAGIC);
        let promised = promised(media_type);
        let kept = match promised {
            Promised::Gzip => gzip,
            Promised::Zstd => zstd,
            // `oras` gunzips whatever it unpacks, so gzip under a bare tar type exists in the wild.
            Promised::Tar => !zstd,
        };
        if !kept {
            return Err(refuse("the layer is compressed in another way than its media type says")
                .expected(promised.as_str(), found(gzip, zstd)));
        }
        let counted = Counted { inner: Cursor::new(magic).chain(reader), bytes: 0, broken: None };
        let source = BufReader::with_capacity(BUFFER_BYTES, counted);
        let stream = if gzip {
            Stream::Gzip(Box::new(GzDecoder::new(source)))
        } else if zstd {
            Stream::Zstd(Box::new(ZstdFrame::new(source)))
        } else {
            Stream::Plain(source)
        };
        Ok(Self { stream, hasher, limits, flow })
    }

    /// Fills `buffer` as far as the archive goes; less than its length means the end.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut buffer[filled..]),
                Stream::Gzip(stream) => stream.read(&mut buffer[filled..]),
                Stream::Zstd(stream) => stream.read(&mut buffer[filled..]),
            };
            match read {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        self.flow.unpacked += filled as u64;
        self.hold_limits()?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..filled]);
        }
        Ok(filled)
    }

    /// Refuses bytes after the compressed stream; the digest of the archive, when it was asked for.
    pub(crate) fn finish(mut self) -> Result<Option<ContentDigest>> {
        loop {
            match self.source().fill_buf() {
                Ok([]) => break,
                Ok(_) => return Err(refuse("the layer goes on after the end of its archive")),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        self.flow.received += self.source().get_ref().bytes;
        Ok(self.hasher.map(Hasher::finish))
    }

    fn hold_limits(&mut self) -> Result<()> {
        let (unpacked, received) = (self.flow.unpacked, self.flow.received + self.source().get_ref().bytes);
        let most = self.limits.max_unpacked_bytes();
        if unpacked > most {
            return Err(refuse(format!("the artifact unpacks to more than {most} bytes")));
        }
        if self.limits.is_bomb(unpacked, received) {
            let Limits { max_ratio, max_unrated_bytes, .. } = self.limits;
            return Err(refuse(format!("the artifact unpacks to more than {max_ratio} times its size")).expected(
                format!("at most {max_unrated_bytes} bytes, and {max_ratio} for each that is received"),
                format!("{unpacked} bytes of {received}"),
            ));
        }
        Ok(())
    }

    /// A stream that does not inflate is the artifact's fault, unless it broke on its way here.
    fn unreadable(&mut self, error: io::Error) -> Fault {
        match (self.source().get_mut().broken.take(), error.kind()) {
            (Some(broken), _) => unreceived(broken),
            (None, io::ErrorKind::UnexpectedEof) => refuse("the layer ends early").caused_by(error),
            (None, _) => refuse("the layer does not inflate").caused_by(error),
        }
    }

    fn source(&mut self) -> &mut Source<R> {
        match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Gzip(stream) => stream.get_mut(),
            Stream::Zstd(stream) => stream.get_mut(),
        }
    }
}

/// The compression that a media type promises.
#[derive(Debug, Clone, Copy)]
enum Promised {
    Gzip,
    Zstd,
    Tar,
}

impl Promised {
    fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Tar => "tar, or tar in gzip",
        }
    }
}

fn promised(media_type: &str) -> Promised {
    let essence = media_type.split(';').next().unwrap_or_default().trim_end();
    if essence.ends_with("+gzip") || essence.ends_with(".gzip") {
        Promised::Gzip
    } else if essence.ends_with("+zstd") || essence.ends_with(".zstd") {
        Promised::Zstd
    } else {
        Promised::Tar
    }
}

fn found(gzip: bool, zstd: bool) -> &'static str {
    match (gzip, zstd) {
        (true, _) => "gzip",
        (_, true) => "zstd",
        _ => "neither gzip nor zstd",
    }
}

/// A failure to receive; the transport's own refusal is handed on when there is one.
pub(crate) fn unreceived(error: io::Error) -> Fault {
    match error.downcast::<Fault>() {
        Ok(fault) => fault,
        Err(error) => Fault::new(Reason::PullFailed, "the layer could not be received").caused_by(error),
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const GZIP: &str = "application/vnd.aisoc.plugin.v1.tar+gzip";
    const ZSTD: &str = "application/vnd.aisoc.plugin.v1.tar+zstd";
    const TAR: &str = "application/vnd.aisoc.plugin.v1+tar";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use io::Write as _;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
    }

    /// What filling a buffer of that length says.
    fn fill(layer: &[u8], media_type: &str, limits: &Limits, length: usize) -> Result<usize> {
        Inflated::new(layer, media_type, None, limits, &mut Flow::default())?.fill(&mut vec![0; length])
    }

    #[test]
    fn the_ratio_holds_to_the_byte_beyond_what_is_free_of_it() {
        let layer = gzip(&vec![0; 4 << 20]);
        for (max_ratio, free) in [(1, 1 << 20), (2, 1 << 20), (100, 1 << 20), (100, 0), (100, 3 << 20)] {
            let limits = Limits { max_ratio, max_unrated_bytes: free, ..Limits::default() };
            let most = (free + (layer.len() as u64 + 1) * max_ratio - 1) as usize;
            assert_eq!(fill(&layer, GZIP, &limits, most).expect("at the bound"), most);
            let fault = fill(&layer, GZIP, &limits, most + 1).expect_err("above the bound");
            assert!(fault.message().contains(&format!("{max_ratio} times")), "{fault:?}");
        }
    }

    #[test]
    fn what_is_free_of_the_ratio_is_so_once_for_all_layers() {
        let layer = gzip(&vec![0; 1 << 20]);
        let limits = Limits { max_ratio: 100, max_unrated_bytes: 3 << 20, ..Limits::default() };
        let mut flow = Flow::default();
        let mut take = || {
            let mut inflated = Inflated::new(layer.as_slice(), GZIP, None, &limits, &mut flow)?;
            inflated.fill(&mut vec![0; 2 << 20])?;
            inflated.finish()
        };
        for number in 1..=3 {
            take().unwrap_or_else(|fault| panic!("layer {number}: {fault}"));
        }
        let fault = take().expect_err("one layer more");
        let received = format!("of {}", 4 * layer.len());
        assert!(fault.difference().expect("numbers").found.ends_with(&received), "{fault:?}");
    }

    /// So many bytes, and no entry that has a header.
    fn bare(max_total_bytes: u64) -> Limits {
        Limits { max_total_bytes, max_entries: 0, max_name_bytes: 0, ..Limits::default() }
    }

    #[test]
    fn the_total_is_that_of_all_layers() {
        let limits = bare(5000);
        let mut flow = Flow::default();
        for (bytes, is_taken) in [(3000, true), (2000, true), (1, false)] {
            let archive = vec![b'x'; bytes];
            let mut inflated = Inflated::new(archive.as_slice(), TAR, None, &limits, &mut flow).expect("plain");
            assert_eq!(inflated.fill(&mut [0; 4000]).is_ok(), is_taken, "{bytes} bytes more");
        }
    }

    #[test]
    fn the_bytes_of_a_layer_hold_to_the_byte_in_every_compression() {
        let archive = vec![b'x'; 5000];
        let frame = zstd::encode_all(archive.as_slice(), 3).expect("compressed");
        for (media_type, layer) in [(TAR, archive.clone()), (GZIP, gzip(&archive)), (ZSTD, frame)] {
            let limits = bare;
            assert_eq!(fill(&layer, media_type, &limits(5000), 6000).expect("as many as allowed"), 5000);
            let fault = fill(&layer, media_type, &limits(4999), 6000).expect_err("one byte more");
            assert!(fault.message().contains("more than 4999 bytes"), "{fault:?}");
        }
    }

    #[test]
    fn the_bytes_of_many_small_reads_count_together() {
        let (archive, limits) = (vec![b'x'; 5000], bare(4999));
        let mut flow = Flow::default();
        let mut inflated = Inflated::new(archive.as_slice(), TAR, None, &limits, &mut flow).expect("plain");
        for _ in 0..4 {
            assert_eq!(inflated.fill(&mut [0; 1000]).expect("below"), 1000);
        }
        assert!(inflated.fill(&mut [0; 1000]).is_err());
    }

    #[test]
    fn a_media_type_promises_by_its_ending_and_parameters_say_nothing() {
        for (media_type, expected) in [
            ("application/vnd.oci.image.layer.v1.tar+gzip", "gzip"),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"),
            ("application/x.tar+gzip;charset=binary", "gzip"),
            ("application/x.tar+gzip ; charset=binary", "gzip"),
            ("application/x.tar+zstd", "zstd"),
            ("application/x.tar.zstd; level=3", "zstd"),
            ("application/x.tar", "tar, or tar in gzip"),
            ("application/gzip", "tar, or tar in gzip"),
            ("application/x.tar;was=+gzip", "tar, or tar in gzip"),
            ("application/x+gzip.tar", "tar, or tar in gzip"),
            ("", "tar, or tar in gzip"),
        ] {
            assert_eq!(promised(media_type).as_str(), expected, "{media_type}");
        }
    }

    #[test]
    fn a_broken_promise_says_what_was_promised_and_what_came() {
        let frame = zstd::encode_all(&b"x"[..], 3).expect("compressed");
        for (media_type, layer, expected, found) in [
            (GZIP, frame.clone(), "gzip", "zstd"),
            (GZIP, b"demo".to_vec(), "gzip", "neither gzip nor zstd"),
            (GZIP, vec![0x1f], "gzip", "neither gzip nor zstd"),
            (ZSTD, gzip(b"x"), "zstd", "gzip"),
            (ZSTD, frame[..3].to_vec(), "zstd", "neither gzip nor zstd"),
            (TAR, frame, "tar, or tar in gzip", "zstd"),
        ] {
            let fault = fill(&layer, media_type, &Limits::default(), 1).expect_err(media_type);
            let difference = fault.difference().expect("two forms");
            assert_eq!((difference.expected.as_str(), difference.found.as_str()), (expected, found));
        }
    }

    #[test]
    fn a_zstd_window_is_allocated_up_to_eight_mebibytes() {
        use io::Write as _;
        let frame = |window_log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
            encoder.window_log(window_log).and_then(|()| encoder.write_all(&[b'x'; 100])).expect("compressed");
            encoder.finish().expect("compressed")
        };
        assert_eq!(fill(&frame(23), ZSTD, &Limits::default(), 200).expect("8 MiB"), 100);
        let fault = fill(&frame(24), ZSTD, &Limits::default(), 200).expect_err("16 MiB");
        assert!(fault.message().contains("does not inflate"), "{fault:?}");
    }

    /// Gives what is there in pieces, with an interruption before each, and then fails or ends.
    struct Line<'a> {
        bytes: &'a [u8],
        is_interrupted: bool,
        end: Option<fn() -> io::Error>,
    }

    impl Read for Line<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.is_interrupted = !self.is_interrupted;
            match self.end {
                _ if self.is_interrupted => Err(io::ErrorKind::Interrupted.into()),
                Some(error) if self.bytes.is_empty() => Err(error()),
                _ => {
                    let length = buffer.len().min(7);
                    self.bytes.read(&mut buffer[..length])
                }
            }
        }
    }

    #[test]
    fn an_interruption_is_no_failure_and_excuses_none() {
        let layer = gzip(b"the archive");
        let line = |bytes| Line { bytes, is_interrupted: false, end: None };
        let limits = Limits::default();
        let mut flow = Flow::default();
        let mut inflated = Inflated::new(line(&layer), GZIP, None, &limits, &mut flow).expect("gzip");
        assert_eq!(inflated.fill(&mut [0; 20]).expect("all of it"), 11);
        inflated.finish().expect("nothing behind it, which an interruption does not say");
        let mut cut = Inflated::new(line(&layer[..layer.len() - 1]), GZIP, None, &limits, &mut flow).expect("gzip");
        let fault = cut.fill(&mut [0; 20]).expect_err("one byte is missing");
        assert_eq!((fault.reason(), fault.message()), (Reason::UnsafeArchive, "the layer ends early"));
    }

    #[test]
    fn a_line_that_breaks_is_no_fault_of_the_archive_wherever_it_breaks() {
        let layer = gzip(&[b'x'; 100]);
        let limits = Limits::default();
        for length in 0..=layer.len() {
            let end = Some((|| io::ErrorKind::ConnectionReset.into()) as fn() -> io::Error);
            let line = Line { bytes: &layer[..length], is_interrupted: false, end };
            let outcome = Inflated::new(line, GZIP, None, &limits, &mut Flow::default()).and_then(|mut inflated| {
                inflated.fill(&mut [0; 200])?;
                inflated.finish()
            });
            assert_eq!(outcome.expect_err("broken").reason(), Reason::PullFailed, "after {length} bytes");
        }
    }

    #[test]
    fn the_transports_own_refusal_is_handed_on() {
        let refused = || io::Error::other(Fault::new(Reason::DigestMismatch, "other bytes than were asked for"));
        let limits = Limits::default();
        let layer = gzip(b"the archive");
        for length in [0, 3, 15, layer.len()] {
            let line = Line { bytes: &layer[..length], is_interrupted: false, end: Some(refused) };
            let outcome = Inflated::new(line, GZIP, None, &limits, &mut Flow::default()).and_then(|mut inflated| {
                inflated.fill(&mut [0; 20])?;
                inflated.finish()
            });
            assert_eq!(outcome.expect_err("refused").reason(), Reason::DigestMismatch, "after {length} bytes");
        }
    }

    #[test]
    fn the_archive_is_hashed_when_that_is_asked_for_and_what_is_hashed_is_inflated() {
        let (archive, limits) = (vec![b'x'; 3000], Limits::default());
        let layer = gzip(&archive);
        for (hasher, expected) in [(Some(ContentDigest::hasher()), Some(ContentDigest::of(&archive))), (None, None)] {
            let mut flow = Flow::default();
            let mut inflated = Inflated::new(layer.as_slice(), GZIP, hasher, &limits, &mut flow).expect("gzip");
            while inflated.fill(&mut [0; 700]).expect("inflated") > 0 {}
            assert_eq!(inflated.finish().expect("nothing behind it"), expected);
        }
    }
}
