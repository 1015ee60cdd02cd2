//! `aisoc plugin digest`

use aisoc_manifests::fault::Result;
use aisoc_packaging::{ReferenceDir, default_threads};
use serde::Serialize;

use crate::args::plugin::DigestArgs;
use crate::context::Context;
use crate::output::{Answer, Form};

#[derive(Serialize)]
struct CanonicalDigest {
    digest: String,
    python_files: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical: Option<String>,
}

impl Answer for CanonicalDigest {
    fn text(&self) -> String {
        // The canonical JSON stands alone, without even a newline, so that its SHA-256 is the digest.
        self.canonical.clone().unwrap_or_else(|| format!("{}\n", self.digest))
    }

    fn form(&self) -> Form {
        if self.canonical.is_some() { Form::Exact } else { Form::Escaped }
    }
}

pub(crate) fn run(args: DigestArgs, context: &Context) -> Result<u8> {
    let directory = ReferenceDir::read_with(&args.dir, default_threads(), &context.limits()?)?;
    let python_files = directory.python().len();
    let statement = directory.claim().statement().map_err(|fault| fault.below(&args.dir))?;
    let canonical = args.canonical.then(|| String::from_utf8_lossy(statement.canonical()).into_owned());
    context.output.answer(&CanonicalDigest { digest: statement.digest().hex(), python_files, canonical })
}
