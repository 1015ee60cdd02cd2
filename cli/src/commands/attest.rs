//! `aisoc plugin attest`

use aisoc_manifests::counted;
use aisoc_manifests::fault::Result;
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::AttestedArtifact;
use aisoc_pipeline::{AttestOptions, AttestationSigner, Attested, AttestedBy, attest, read_predicate};

use super::mistagged::naming_tags;
use super::platform::choosing;
use super::untagged::require_named;
use crate::args::attest::AttestArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::{keyless, runtime, signer};

impl Answer for AttestedArtifact {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.attestation_reference))
    }
}

pub(crate) fn run(args: AttestArgs, context: &Context) -> Result<u8> {
    let AttestArgs { reference, attestation_type, predicate, signer, platform, registry, .. } = args;
    // Which of several a publisher means is not guessed by the machine that does it.
    let choice = platform.map_or(PlatformChoice::None, PlatformChoice::Named);
    let options = AttestOptions {
        attestation_type,
        predicate: read_predicate(&predicate)?,
        client: choosing(choice, context.client(&registry, &[&reference])?),
        dry_run: context.dry_run(),
    };
    require_named(&reference, &options.client, context)?;
    let done = match &signer.private_key {
        Some(key) => {
            let key = signer::one(key, &signer.passphrase, context)?;
            signed(&reference, AttestedBy::Key(key.as_ref()), &options, context)
        }
        None => {
            let (signer, root) = keyless::signer(&signer.keyless, &options, context)?;
            signed(&reference, AttestedBy::Keyless { signer, root: &root }, &options, context)
        }
    };
    let done = naming_tags(done, &reference, &options.client, context)?;
    announce(&done, &reference, context);
    context.output.answer(&answer(&done, &reference))
}

fn signed(reference: &Reference, by: AttestedBy<'_>, options: &AttestOptions, context: &Context) -> Result<Attested> {
    let reporter = context.output.reporter();
    runtime::block_on(context.cancellation()?, attest(reference, by, options, &reporter))
}

/// Says what was attested.
pub(super) fn announce(done: &Attested, reference: &Reference, context: &Context) {
    let place = reference.pinned(done.artifact);
    let said = format!("{place}: {} as {}", done.predicate_type, done.signer);
    if !done.pushed.is_new {
        return context.output.status("Unchanged", format!("{said} is there already"));
    }
    let sent = counted(done.pushed.uploaded_bytes, "byte");
    let what = format!("{said} ({sent} {})", context.said("sent", "would be sent"));
    context.output.status(context.said("Attested", "Would attest"), what);
}

fn answer(done: &Attested, reference: &Reference) -> AttestedArtifact {
    let pushed = &done.pushed;
    let (key, identity) = match &done.signer {
        AttestationSigner::Key(fingerprint) => (Some(fingerprint.to_string()), None),
        AttestationSigner::Identity { name, issuer } => (None, Some((name.clone(), issuer.clone()))),
    };
    let (certificate_identity, certificate_oidc_issuer) = identity.unzip();
    AttestedArtifact {
        reference: reference.pinned(done.artifact).to_string(),
        artifact_digest: done.artifact.to_string(),
        attestation_reference: reference.pinned(pushed.digest).to_string(),
        referrer_digest: pushed.digest.to_string(),
        predicate_type: done.predicate_type.to_string(),
        signing_key_fingerprint: key,
        certificate_identity,
        certificate_oidc_issuer,
        already_attested: !pushed.is_new,
        uploaded_blob_count: pushed.uploaded_blobs,
        uploaded_bytes: pushed.uploaded_bytes,
        present_blob_count: pushed.present_blobs,
    }
}
