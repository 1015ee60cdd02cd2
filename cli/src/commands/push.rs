//! `aisoc plugin push`

use aisoc_manifests::fault::Result;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::PushedArtifact;
use aisoc_pipeline::{
    Publication, PublishableArtifact, PushOptions, Pushed, ReplaceTag, SignatureLook, SignatureRule, Source,
};

use super::package;
use crate::allowed_secrets::Allowance;
use crate::args::plugin::PushArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

impl Answer for PushedArtifact {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.reference))
    }
}

pub(crate) fn run(args: PushArgs, context: &Context) -> Result<u8> {
    let source = Source::parse(&args.source)?;
    let named: Vec<_> = source.artifact().into_iter().chain([&args.reference]).collect();
    let options = PushOptions {
        replace_tag: if args.replace_tag { ReplaceTag::Yes } else { ReplaceTag::No },
        client: context.client(&args.registry, &named)?,
    };
    let allowance = Allowance::of(&args.secrets)?;
    let rule = context.signature_rule(args.signature)?;
    let (allowed_secrets, signature, pushed) = match source {
        Source::Artifact(source) => {
            allowance.refuse_for_packed()?;
            let (signature, pushed) = copy(&source, &args.reference, &rule, &options, context)?;
            package::warn_about_signature(signature, context);
            (Vec::new(), signature, pushed)
        }
        Source::Directory(directory) => {
            let package_options = package::options(None, &allowance, context)?;
            let reporter = context.output.reporter();
            let (packaged, pushed) = runtime::block_on(context.cancellation()?, async {
                let publication = Publication::of(&directory, &package_options, &rule, &reporter)?;
                aisoc_pipeline::publish(publication, &args.reference, &package_options, &options, &reporter).await
            })?;
            drop(reporter);
            (package::warn_about(&packaged, &allowance, context), packaged.signature, pushed)
        }
    };
    context.output.answer(&PushedArtifact { allowed_secrets, ..answer(&args.reference, signature, &pushed, context) })
}

fn copy(
    source: &Reference,
    destination: &Reference,
    rule: &SignatureRule,
    options: &PushOptions,
    context: &Context,
) -> Result<(SignatureLook, Pushed)> {
    let reporter = context.output.reporter();
    runtime::block_on(context.cancellation()?, async {
        let artifact = PublishableArtifact::of(source, rule, &options.client, &reporter).await?;
        aisoc_pipeline::push(artifact, destination, options, &reporter).await
    })
}

/// Says what was pushed, and gives the answer.
pub(crate) fn answer(
    reference: &Reference,
    signature: SignatureLook,
    pushed: &Pushed,
    context: &Context,
) -> PushedArtifact {
    let verb = if pushed.uploaded_blobs == 0 { "Present" } else { "Pushed" };
    context
        .output
        .status(verb, format!("{reference} ({} blobs, {} bytes sent)", pushed.uploaded_blobs, pushed.uploaded_bytes));
    PushedArtifact {
        reference: reference.pinned(pushed.digest).to_string(),
        digest: pushed.digest.to_string(),
        tag: reference.tag().map(ToString::to_string),
        signature: signature.as_str(),
        uploaded_blobs: pushed.uploaded_blobs,
        uploaded_bytes: pushed.uploaded_bytes,
        allowed_secrets: Vec::new(),
    }
}
