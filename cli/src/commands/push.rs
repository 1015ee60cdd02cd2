//! `aisoc plugin push`

use aisoc_manifests::fault::Result;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::PushedArtifact;
use aisoc_pipeline::{
    Publication, PublishableArtifact, PushOptions, Pushed, ReplaceTag, SignatureLook, SignatureRule, Source,
};

use super::package;
use super::untagged::require_named;
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
    let rule = context.signature_rule(args.signature);
    let (allowed_secrets, signature, pushed) = match source {
        Source::Artifact(source) => {
            allowance.refuse_for_packed()?;
            require_named(&source, &options.client, context)?;
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
    context.output.status(verb(pushed), format!("{reference} ({})", summary(pushed)));
    PushedArtifact {
        reference: reference.pinned(pushed.digest).to_string(),
        artifact_digest: pushed.digest.to_string(),
        tag: reference.tag().map(ToString::to_string),
        signature_status: signature.as_str(),
        uploaded_blob_count: pushed.uploaded_blobs,
        uploaded_bytes: pushed.uploaded_bytes,
        mounted_blob_count: pushed.mounted_blobs,
        present_blob_count: pushed.present_blobs,
        allowed_secrets: Vec::new(),
    }
}

/// What happened to the artifact as a whole: `Present` only when it was there with its tag.
fn verb(pushed: &Pushed) -> &'static str {
    match pushed {
        Pushed { uploaded_blobs: 0, mounted_blobs: 1.., .. } => "Mounted",
        Pushed { uploaded_blobs: 0, is_new: false, .. } => "Present",
        Pushed { .. } => "Pushed",
    }
}

/// What became of the blobs: those of which there are none are left out.
fn summary(pushed: &Pushed) -> String {
    let counts =
        [(pushed.uploaded_blobs, "sent"), (pushed.mounted_blobs, "mounted"), (pushed.present_blobs, "there before")];
    let counted = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("blobs: {}; {} bytes sent", counted.collect::<Vec<_>>().join(", "), pushed.uploaded_bytes)
}
