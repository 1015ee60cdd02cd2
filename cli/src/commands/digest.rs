//! `aisoc plugin digest`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::CanonicalDigest;
use aisoc_pipeline::{CanonicalJson, canonical_digest};

use crate::args::plugin::DigestArgs;
use crate::context::Context;
use crate::output::{Answer, Form};

impl Answer for CanonicalDigest {
    fn text(&self) -> String {
        // The canonical JSON stands alone, without even a newline, so that its SHA-256 is the digest.
        self.canonical_json.clone().unwrap_or_else(|| format!("{}\n", digits(&self.canonical_digest)))
    }

    fn form(&self) -> Form {
        if self.canonical_json.is_some() { Form::Exact } else { Form::Escaped }
    }
}

/// A digest as lines of text have it where the algorithm is known.
pub(super) fn digits(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

pub(crate) fn run(args: DigestArgs, context: &Context) -> Result<u8> {
    let canonical = if args.canonical { CanonicalJson::Shown } else { CanonicalJson::Hidden };
    context.output.answer(&canonical_digest(args.directory.path()?, canonical, &context.limits()?)?)
}
