//! `aisoc copy`

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::{CopiedArtifact, CopiedArtifacts};
use aisoc_pipeline::{Copied, CopiedRoot, CopyOptions, ReplaceTag, copy_all_tags, copy_artifact};

use super::mistagged::naming_tags;
use super::untagged::require_named;
use crate::args::copy::CopyArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

impl Answer for CopiedArtifacts {
    fn text(&self) -> String {
        self.artifacts.iter().map(|artifact| format!("{}\n", printable(&artifact.reference))).collect()
    }
}

pub(crate) fn run(args: CopyArgs, context: &Context) -> Result<u8> {
    let CopyArgs { source, destination, recursive, all_tags, replace_tag, registry, .. } = args;
    let options = CopyOptions {
        with_referrers: recursive,
        replace_tag: if replace_tag { ReplaceTag::Yes } else { ReplaceTag::No },
        dry_run: context.dry_run(),
        client: context.client(&registry, &[&source, &destination])?,
    };
    match all_tags {
        true => [&source, &destination].into_iter().try_for_each(require_no_name)?,
        false => require_named(&source, &options.client, context)?,
    }
    let reporter = context.output.reporter();
    let copied = runtime::block_on(context.cancellation()?, async {
        match all_tags {
            true => copy_all_tags(&source, &destination, &options, &reporter).await,
            false => copy_artifact(&source, &destination, &options, &reporter).await,
        }
    });
    drop(reporter);
    let copied = naming_tags(copied, &source, &options.client, context)?;
    let (verb, sent) = if context.dry_run().is_on() { ("Would copy", "Would send") } else { ("Copied", "Sent") };
    for artifact in &copied.artifacts {
        context.output.status(verb, format!("{} ({})", artifact.place, artifact.digest));
    }
    context.output.status(sent, summary(&copied));
    context.output.answer(&answer(&copied))
}

/// All tags keep their names, so none of both sides can have one.
fn require_no_name(reference: &Reference) -> Result<()> {
    if reference.names_no_artifact() {
        return Ok(());
    }
    Err(Fault::new(Reason::Usage, format!("`{reference}` names one artifact, and `--all-tags` copies every tag"))
        .hint("write the repository or the layout without a tag and without a digest, or leave `--all-tags` away"))
}

fn summary(copied: &Copied) -> String {
    let Copied { counts, pushed, .. } = copied;
    let blobs = pushed.uploaded_blobs + pushed.mounted_blobs + pushed.present_blobs;
    format!(
        "{} ({}), {} of {}: {}",
        counted(counts.manifests, "manifest"),
        counted(counts.referrers, "referrer"),
        pushed.uploaded_blobs,
        counted(blobs, "blob"),
        counted(pushed.uploaded_bytes, "byte"),
    )
}

fn answer(copied: &Copied) -> CopiedArtifacts {
    let Copied { artifacts, counts, pushed } = copied;
    let one = |CopiedRoot { place, digest }: &CopiedRoot| CopiedArtifact {
        reference: place.pinned(*digest).to_string(),
        artifact_digest: digest.to_string(),
        tag: place.tag().map(ToString::to_string),
    };
    CopiedArtifacts {
        artifacts: artifacts.iter().map(one).collect(),
        manifest_count: counts.manifests,
        referrer_count: counts.referrers,
        uploaded_blob_count: pushed.uploaded_blobs,
        uploaded_bytes: pushed.uploaded_bytes,
        mounted_blob_count: pushed.mounted_blobs,
        present_blob_count: pushed.present_blobs,
    }
}
