//! `Notice`: what somebody should hear of a transfer that goes on all the same.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Fault;

/// What somebody should hear of. The words for it are the edge's.
#[derive(Debug)]
pub enum Notice<'a> {
    /// A download goes on where an earlier run ended: so many bytes are here, hashed, and only the rest is asked for.
    Resumed {
        /// The blob.
        digest: Digest,
        /// How many of its first bytes are here.
        offset: u64,
        /// How many it has.
        size: u64,
    },
    /// An upload goes on that broke off, in this run or an earlier one: the registry has so many bytes, and only the rest is sent.
    GoesOn {
        /// The blob.
        digest: Digest,
        /// How many of its first bytes the registry has.
        offset: u64,
        /// How many it has.
        size: u64,
    },
    /// A download ended before its end, and so many of its first bytes stay for another run.
    Kept {
        /// The blob.
        digest: Digest,
        /// How many of its first bytes stay.
        bytes: u64,
        /// How many it has.
        size: u64,
        /// In which directory.
        directory: &'a Path,
    },
    /// An upload ended before its end, and its session stays for another run, which asks the registry how far it came.
    SessionKept {
        /// The blob.
        digest: Digest,
        /// How many bytes it has.
        size: u64,
    },
    /// Nothing of a transfer stays, should it end before its end.
    NotKept {
        /// The blob.
        digest: Digest,
        /// Why not, in words.
        why: String,
    },
    /// A mirror did not give what was asked of it, and the next one is asked. Said once of each.
    MirrorPassedOver {
        /// The mirror, as it is written.
        mirror: &'a str,
        /// `host[:port]` of the registry that was asked for.
        registry: &'a str,
        /// Why.
        why: &'a Fault,
    },
    /// A mirror has given what was asked of it. Said once of each.
    MirrorServes {
        /// The mirror, as it is written.
        mirror: &'a str,
        /// `host[:port]` of the registry that was asked for.
        registry: &'a str,
    },
    /// What a registry wants somebody to know (a `Warning` header), made safe to show.
    Warned {
        /// `host[:port]` of the registry.
        registry: &'a str,
        /// Its words.
        text: &'a str,
    },
}

/// Whoever hears of notices, on whatever thread something happens.
type Tell = dyn Fn(&Notice<'_>) + Send + Sync;

/// Who hears of notices: by default nobody.
#[derive(Clone, Default)]
pub struct Told(Option<Arc<Tell>>);

impl Told {
    /// Tells that function, on whatever thread something happens.
    pub fn by(tell: impl Fn(&Notice<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn tell(&self, notice: &Notice<'_>) {
        if let Some(tell) = &self.0 {
            tell(notice);
        }
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Told({})", if self.0.is_some() { "somebody" } else { "nobody" })
    }
}
