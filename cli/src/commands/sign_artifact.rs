//! `aisoc plugin sign REF --cosign`: a published artifact, so that cosign finds it signed.

use aisoc_files::shell_argument;
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::CosignedArtifact;
use aisoc_pipeline::{CosignForms, CosignOptions, Cosigned, Pushed, cosign};

use super::mistagged::naming_tags;
use super::platform::choosing;
use super::untagged::require_named;
use crate::args::plugin::{ProgressForm, RegistryArgs, SignArgs};
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::{runtime, signer};

impl Answer for CosignedArtifact {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.reference))
    }
}

pub(super) fn run(args: SignArgs, forms: CosignForms, context: &Context) -> Result<u8> {
    let reference = args.directory.reference()?;
    let SignArgs { key, platform, registry, .. } = args;
    // Which of several a publisher means is not guessed by the machine that does it.
    let choice = platform.map_or(PlatformChoice::None, PlatformChoice::Named);
    let client = choosing(choice, context.client(&registry, &[&reference])?);
    let options = CosignOptions { forms, client, dry_run: context.dry_run() };
    require_named(&reference, &options.client, context)?;
    let signer = signer::of_artifact(&key.signer.private_key, &key.signer.passphrase, context)?;
    let reporter = context.output.reporter();
    let done = runtime::block_on(context.cancellation()?, cosign(&reference, signer, &options, &reporter));
    drop(reporter);
    let done = naming_tags(done, &reference, &options.client, context)?;
    announce(&done, &reference, context);
    context.output.answer(&answer(&done, &reference))
}

fn announce(done: &Cosigned, reference: &Reference, context: &Context) {
    let place = reference.pinned(done.artifact);
    let said = format!("{place} as {}", done.signer);
    if is_there(done) {
        return context.output.status("Unchanged", format!("{said} is there already"));
    }
    let sent = counted(done.pushed().map(|pushed| pushed.uploaded_bytes).sum::<u64>(), "byte");
    let what = format!("{said} ({sent} {})", context.said("sent", "would be sent"));
    context.output.status(context.said("Signed", "Would sign"), what);
    if matches!(reference, Reference::Registry(_)) && !context.dry_run().is_on() {
        let place = shell_argument(place.to_string());
        context.output.status("Next", format!("cosign verify --insecure-ignore-tlog --key KEY.pub {place}"));
    }
}

fn is_there(done: &Cosigned) -> bool {
    done.pushed().all(|pushed| !pushed.is_new)
}

fn answer(done: &Cosigned, reference: &Reference) -> CosignedArtifact {
    let count = |of: fn(&Pushed) -> usize| done.pushed().map(of).sum();
    let tagged = done.tagged.as_ref();
    CosignedArtifact {
        reference: reference.pinned(done.artifact).to_string(),
        artifact_digest: done.artifact.to_string(),
        referrer_digest: done.bundle.as_ref().map(|pushed| pushed.digest.to_string()),
        signature_tag: tagged.map(|(tag, _)| tag.to_string()),
        signature_digest: tagged.map(|(_, pushed)| pushed.digest.to_string()),
        signing_key_fingerprint: done.signer.clone(),
        already_signed: is_there(done),
        uploaded_blob_count: count(|pushed| pushed.uploaded_blobs),
        uploaded_bytes: done.pushed().map(|pushed| pushed.uploaded_bytes).sum(),
        present_blob_count: count(|pushed| pushed.present_blobs),
    }
}

/// A directory is signed where it is: whoever names how a registry is reached means another thing than what would happen.
pub(super) fn require_no_registry(args: &RegistryArgs) -> Result<()> {
    let asked = [
        (args.plain_http.is_some(), "--plain-http"),
        (args.ca_file.is_some(), "--ca-file"),
        (!args.also_reach.is_empty(), "--also-reach"),
        (args.timeout.is_some(), "--timeout"),
        (args.progress != ProgressForm::Auto, "--progress"),
    ];
    match asked.iter().find(|(is_asked, _)| *is_asked) {
        None => Ok(()),
        Some((_, option)) => {
            Err(Fault::new(Reason::Usage, format!("`{option}` is about a registry, and none is asked"))
                .expected("a reference and `--cosign`", "a directory or a file")
                .hint("sign a published version with `--cosign`, or leave the option out"))
        }
    }
}
