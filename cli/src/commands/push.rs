//! `aisoc plugin push`

use aisoc_manifests::fault::Result;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::{PushOptions, Pushed, ReplaceTag, Source};
use serde::Serialize;

use super::package;
use crate::args::plugin::PushArgs;
use crate::context::Context;
use crate::output::Answer;
use crate::runtime;

/// What a push did.
#[derive(Serialize)]
pub(crate) struct PushAnswer {
    pub(crate) reference: String,
    pub(crate) digest: String,
    pub(crate) tag: Option<String>,
    pub(crate) uploaded_blobs: usize,
    pub(crate) uploaded_bytes: u64,
}

impl Answer for PushAnswer {
    fn text(&self) -> String {
        format!("{}\n", self.reference)
    }
}

pub(crate) fn run(args: PushArgs, context: &Context) -> Result<u8> {
    let options = PushOptions {
        replace_tag: if args.replace_tag { ReplaceTag::Yes } else { ReplaceTag::No },
        client: context.client(&args.registry)?,
    };
    let reporter = context.output.reporter();
    let pushed = match Source::parse(&args.source)? {
        Source::Artifact(source) => runtime::block_on(
            context.cancellation()?,
            aisoc_pipeline::push(&source, &args.reference, &options, &reporter),
        )?,
        Source::Directory(directory) => {
            let package_options = package::options(None, context)?;
            let (packaged, pushed) = runtime::block_on(
                context.cancellation()?,
                aisoc_pipeline::publish(&directory, &args.reference, &package_options, &options, &reporter),
            )?;
            package::warn_about(&packaged, context);
            pushed
        }
    };
    drop(reporter);
    context.output.answer(&answer(&args.reference, &pushed, context))
}

/// Says what was pushed, and gives the answer.
pub(crate) fn answer(reference: &Reference, pushed: &Pushed, context: &Context) -> PushAnswer {
    let verb = if pushed.uploaded_blobs == 0 { "Present" } else { "Pushed" };
    context
        .output
        .status(verb, format!("{reference} ({} blobs, {} bytes sent)", pushed.uploaded_blobs, pushed.uploaded_bytes));
    PushAnswer {
        reference: reference.pinned(pushed.digest).to_string(),
        digest: pushed.digest.to_string(),
        tag: reference.tag().map(ToString::to_string),
        uploaded_blobs: pushed.uploaded_blobs,
        uploaded_bytes: pushed.uploaded_bytes,
    }
}
