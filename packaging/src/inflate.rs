//! From the bytes of a layer to the bytes of its archive: one gzip member, one zstd frame, or neither.
//!
//! The media type and the magic must agree, and nothing may follow the compressed stream: readers
//! disagree on a second member and on trailing bytes, and what one of them skips another unpacks.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use aisoc_manifests::digest::{ContentDigest, Hasher, meaning};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::tar::refuse;
use flate2::bufread::GzDecoder;

use crate::limits::{Limits, RATIO_FREE_BYTES};

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Largest zstd window that is allocated, 8 MiB: all levels but `--ultra` and `--long` stay below.
const MAX_ZSTD_WINDOW_LOG: u32 = 23;
/// Buffer between the network and the inflater.
const BUFFER_BYTES: usize = 64 << 10;

/// The archive inside a layer: counted, hashed, and held to the limits while it is read.
pub(crate) struct Inflated<'l, R: Read> {
    stream: Stream<R>,
    hasher: Option<Hasher<meaning::Content>>,
    limits: &'l Limits,
    produced: u64,
}

enum Stream<R: Read> {
    Plain(Source<R>),
    Gzip(Box<GzDecoder<Source<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Source<R>>>),
}

type Source<R> = BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>;

struct Counted<R> {
    inner: R,
    bytes: u64,
    transport: Transport,
}

/// Whether receiving has failed, in which case what the decoder says of it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Whole,
    Broken,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        match &read {
            Ok(read) => self.bytes += *read as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.transport = Transport::Broken,
        }
        read
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
        let counted = Counted { inner: Cursor::new(magic).chain(reader), bytes: 0, transport: Transport::Whole };
        let source = BufReader::with_capacity(BUFFER_BYTES, counted);
        let stream = if gzip {
            Stream::Gzip(Box::new(GzDecoder::new(source)))
        } else if zstd {
            Stream::Zstd(Box::new(zstd_decoder(source)?))
        } else {
            Stream::Plain(source)
        };
        Ok(Self { stream, hasher, limits, produced: 0 })
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
        self.produced += filled as u64;
        self.hold_limits()?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..filled]);
        }
        Ok(filled)
    }

    /// Refuses bytes after the compressed stream; the digest of the archive, when it was asked for.
    pub(crate) fn finish(mut self) -> Result<Option<ContentDigest>> {
        match self.source().fill_buf() {
            Ok([]) => {}
            Ok(_) => return Err(refuse("the layer goes on after the end of its archive")),
            Err(error) => return Err(unreceived(error)),
        }
        Ok(self.hasher.map(Hasher::finish))
    }

    fn hold_limits(&mut self) -> Result<()> {
        if self.produced > self.limits.max_total_bytes {
            return Err(refuse(format!("the layer unpacks to more than {} bytes", self.limits.max_total_bytes)));
        }
        let received = self.source().get_ref().bytes;
        if self.produced.saturating_sub(RATIO_FREE_BYTES) / self.limits.max_ratio > received {
            return Err(refuse(format!("the layer unpacks to more than {} times its size", self.limits.max_ratio)));
        }
        Ok(())
    }

    /// A stream that does not inflate is the artifact's fault, unless it broke on its way here.
    fn unreadable(&mut self, error: io::Error) -> Fault {
        match (self.source().get_ref().transport, error.kind()) {
            (Transport::Broken, _) => unreceived(error),
            (Transport::Whole, io::ErrorKind::UnexpectedEof) => refuse("the layer ends early").caused_by(error),
            (Transport::Whole, _) => refuse("the layer does not inflate").caused_by(error),
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

fn zstd_decoder<R: Read>(source: Source<R>) -> Result<zstd::stream::read::Decoder<'static, Source<R>>> {
    let failed = |error| Fault::new(Reason::Internal, "cannot make a zstd decoder").caused_by(error);
    let mut decoder = zstd::stream::read::Decoder::with_buffer(source).map_err(failed)?.single_frame();
    decoder.window_log_max(MAX_ZSTD_WINDOW_LOG).map_err(failed)?;
    Ok(decoder)
}

/// A failure to receive; the transport's own refusal is handed on when there is one.
pub(crate) fn unreceived(error: io::Error) -> Fault {
    match error.downcast::<Fault>() {
        Ok(fault) => fault,
        Err(error) => Fault::new(Reason::PullFailed, "the layer could not be received").caused_by(error),
    }
}
