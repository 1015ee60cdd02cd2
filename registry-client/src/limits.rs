//! `Limits`: how long a registry may keep us and how much it may say. Each figure ends one attack.

use std::time::Duration;

use aisoc_connections::Slowest;

/// How long a host may say nothing before whoever waits is told its name.
pub(crate) const USUAL_SILENCE: Duration = Duration::from_secs(5);

/// Waiting, in one place. Tests use milliseconds.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest wait for a connection: an address where nobody answers.
    pub connect: Duration,
    /// Longest silence, in both directions: a registry that hangs.
    pub idle: Duration,
    /// Longest time for one document, from the question to its last byte, with every try, every login
    /// and every hop: a byte now and then, interim answers (1xx) without end, `Retry-After` of a year.
    pub exchange: Duration,
    /// Longest time for everything that is asked for one reference: a registry that is slow in a
    /// thousand small ways.
    pub operation: Duration,
    /// Slowest download: a blob that takes weeks.
    pub slowest: Slowest,
}

/// How long is waited for a mirror, at most, behind which somebody else is asked.
const MIRROR_CONNECT: Duration = Duration::from_secs(5);
const MIRROR_IDLE: Duration = Duration::from_secs(10);
const MIRROR_EXCHANGE: Duration = Duration::from_secs(20);

impl Limits {
    /// The same for a mirror behind which somebody else is asked.
    pub(crate) fn of_mirror(&self) -> Self {
        Self {
            connect: self.connect.min(MIRROR_CONNECT),
            idle: self.idle.min(MIRROR_IDLE),
            exchange: self.exchange.min(MIRROR_EXCHANGE),
            ..self.clone()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            exchange: Duration::from_secs(60),
            operation: Duration::from_secs(60 * 60),
            slowest: Slowest::default(),
        }
    }
}

/// Most hosts that are not asked again because nobody could connect to them.
pub(crate) const MAX_UNREACHED_HOSTS: usize = 100;
/// How often one request is tried altogether.
pub(crate) const MAX_TRIES: u32 = 5;
/// How often one thing is tried of a mirror behind which somebody else is asked.
pub(crate) const MAX_MIRROR_TRIES: u32 = 2;
/// Largest blob that is asked of mirrors: it waits on the disk for its digest, before any of it is used.
pub(crate) const MAX_MIRRORED_BYTES: u64 = 8 << 30;
/// How often a registry is asked for what it stored a moment ago: ten seconds or so, and then it has lost it.
pub(crate) const MAX_LATE_TRIES: u32 = 7;
/// How often a registry is asked for a fresh URL of its store, when the store refuses the one it gave: a URL
/// that ran out on the way is one thing, a store that nobody may read another.
pub(crate) const MAX_FRESH_URLS: u32 = 3;
/// Most header lines of an answer; the HTTP library reads at most 408 KiB of them.
pub(crate) const MAX_HEADERS: usize = 100;
/// Most hops of a redirect. A registry needs one, a content network in front of its store another.
pub(crate) const MAX_HOPS: usize = 5;
/// Longest `Location`: presigned URLs are long, but not endless.
pub(crate) const MAX_LOCATION_BYTES: usize = 8 << 10;
/// Pages of a list that are followed (CVE-2023-33957: endless pages).
pub(crate) const MAX_PAGES: usize = 64;
/// Pages of a list of repositories that are followed: registries have pages of a hundred.
pub(crate) const MAX_CATALOG_PAGES: usize = 1_000;
/// Most repositories of one list.
pub(crate) const MAX_REPOSITORIES: usize = 100_000;
/// Most manifests of one copy: an index or a list of referrers that leads on and on.
pub(crate) const MAX_COPIED_MANIFESTS: usize = 10_000;
/// Deepest nesting of indexes, and of what refers to what, in one copy.
pub(crate) const MAX_INDEX_DEPTH: usize = 16;
/// Longest answer of a token service.
pub(crate) const MAX_TOKEN_ANSWER_BYTES: usize = 1 << 20;
/// Longest answer of a timestamp authority: a token with the chain of its certificates has some 6 kB.
pub const MAX_TIMESTAMP_ANSWER_BYTES: usize = 64 << 10;
/// Smallest blob of which something is kept while it comes: less is fetched again sooner than it is asked for.
pub(crate) const MIN_KEPT_BYTES: u64 = 4 << 20;
/// After how many bytes it is noted how far a blob is that is kept: as much may have to be fetched again.
pub(crate) const SEGMENT_BYTES: u64 = 1 << 20;
/// Smallest blob whose upload goes on where it broke off: less is sent again sooner than it is asked about.
pub(crate) const MIN_RESUMED_BYTES: u64 = 4 << 20;
/// How much of a blob one request has, once the whole was too large or broke off.
pub(crate) const PIECE_BYTES: u64 = 16 << 20;
/// Most blobs of one manifest that are sent side by side: each has a connection, and a buffer of what is read ahead.
pub(crate) const MAX_PARALLEL_BLOBS: usize = 3;
/// Smallest blob that is sent beside others.
pub(crate) const MIN_PARALLEL_BYTES: u64 = 1 << 20;
/// Smallest piece. What takes no request of that size takes no plugin, and thousands of requests for one blob are
/// what a registry could ask for with smaller ones.
pub(crate) const MIN_PIECE_BYTES: u64 = 1 << 20;
/// Most notes of a registry (`Warning` headers) that are shown.
pub(crate) const MAX_WARNINGS: usize = 8;
/// Most bytes of one of them (distribution specification, "Warnings").
pub(crate) const MAX_WARNING_BYTES: usize = 4 << 10;
/// Largest file of certificates. All that Mozilla trusts are 220 KiB in PEM.
pub(crate) const MAX_CERTIFICATE_BYTES: u64 = 4 << 20;
/// Most files of a directory of certificates. Distributions have 300, twice with the links of OpenSSL.
pub(crate) const MAX_CERTIFICATE_FILES: usize = 10_000;
/// Most bytes of an error's body that are read.
pub(crate) const MAX_ERROR_BYTES: u64 = 64 << 10;
