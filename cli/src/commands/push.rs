//! `aisoc plugin push`

use aisoc_manifests::artifact::Artifact;
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Profile;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::{PlatformArtifact, PushedArtifact};
use aisoc_pipeline::{
    PackageOptions, Packaged, Publication, PublishableArtifact, Published, PushOptions, Pushed, ReplaceTag,
    SignatureLook, SignatureRule, Source,
};
use aisoc_signing::Origin;

use super::mistagged::naming_tags;
use super::untagged::require_named;
use super::{bench, package, tag};
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
        dry_run: context.dry_run(),
    };
    let allowance = Allowance::of(&args.secrets)?;
    let rule = context.signature_rule(args.signature, Origin::of(&args.reference));
    match source {
        Source::Artifact(source) => {
            allowance.refuse_for_packed()?;
            refuse_profile(args.profile)?;
            require_named(&source, &options.client, context)?;
            let copied = copy(&source, &args.reference, &rule, &options, context);
            let (sent, signature, platforms) = naming_tags(copied, &source, &options.client, context)?;
            package::warn_about_signature(signature, context);
            context.output.answer(&PushedArtifact { platforms, ..answer(sent, signature, context) })
        }
        Source::Directory(directory) => {
            package::require_destination_outside(&args.reference, &directory)?;
            if let Some(code) = bench::refuse_by(&directory, args.profile, context)? {
                return Ok(code);
            }
            let package_options = package::options(None, &allowance, context)?;
            let reporter = context.output.reporter();
            let publication = Publication::of(&directory, &package_options, &rule, &reporter)?;
            drop(reporter);
            bench::warn_unless(args.profile, &directory, context)?;
            let version = &publication.manifest().version;
            let destination = tag::destination(&args.reference, Some(version), context)?;
            let (packaged, sent, _) = publish(publication, destination, &package_options, &options, context)?;
            let allowed_secrets = package::warn_about(&packaged, &allowance, context);
            context.output.answer(&PushedArtifact { allowed_secrets, ..answer(sent, packaged.signature, context) })
        }
    }
}

fn refuse_profile(profile: Option<Profile>) -> Result<()> {
    match profile {
        None => Ok(()),
        Some(_) => {
            Err(Fault::new(Reason::Usage, "`--profile` is for a plugin's directory, and this is packed already"))
        }
    }
}

/// What was pushed, and to where: the reference as it is with its tag.
pub(super) struct Sent {
    pub(super) plugin: Option<(String, String)>,
    pub(super) reference: Reference,
    pub(super) pushed: Pushed,
}

/// Packs a directory that may be published, and pushes it.
pub(super) fn publish(
    publication: Publication,
    reference: Reference,
    package_options: &PackageOptions,
    options: &PushOptions,
    context: &Context,
) -> Result<(Packaged, Sent, Artifact)> {
    let (id, version) = (publication.manifest().id.to_string(), publication.manifest().version.clone());
    let reporter = context.output.reporter();
    let published = aisoc_pipeline::publish(publication, &reference, package_options, options, &reporter);
    let Published { packaged, pushed, artifact } = runtime::block_on(context.cancellation()?, published)?;
    Ok((packaged, Sent { plugin: Some((id, version)), reference, pushed }, artifact))
}

fn copy(
    source: &Reference,
    reference: &Reference,
    rule: &SignatureRule,
    options: &PushOptions,
    context: &Context,
) -> Result<(Sent, SignatureLook, Vec<PlatformArtifact>)> {
    let reporter = context.output.reporter();
    runtime::block_on(context.cancellation()?, async {
        let artifact = PublishableArtifact::of(source, rule, &options.client, &reporter).await?;
        let plugin = artifact.plugin().map(|(id, version)| (id.to_owned(), version.to_owned()));
        let version = plugin.as_ref().map(|(_, version)| version.as_str());
        let reference = tag::destination(reference, version, context)?;
        let platforms = artifact.platforms().iter().cloned().map(PlatformArtifact::from).collect();
        let (signature, pushed) = aisoc_pipeline::push(artifact, &reference, options, &reporter).await?;
        Ok((Sent { plugin, reference, pushed }, signature, platforms))
    })
}

/// Says what was pushed, and gives the answer.
pub(super) fn answer(sent: Sent, signature: SignatureLook, context: &Context) -> PushedArtifact {
    let Sent { plugin, reference, pushed } = sent;
    match context.dry_run().is_on() {
        true => context.output.status("Would push", format!("{reference} ({})", foreseen(&pushed))),
        false => context.output.status(verb(&pushed), format!("{reference} ({})", summary(&pushed))),
    }
    let (id, version) = plugin.unzip();
    PushedArtifact {
        reference: reference.pinned(pushed.digest).to_string(),
        id,
        version,
        artifact_digest: Some(pushed.digest.to_string()),
        tag: reference.tag().map(ToString::to_string),
        signature_status: signature.as_str(),
        uploaded_blob_count: pushed.uploaded_blobs,
        uploaded_bytes: pushed.uploaded_bytes,
        mounted_blob_count: pushed.mounted_blobs,
        present_blob_count: pushed.present_blobs,
        allowed_secrets: Vec::new(),
        platforms: Vec::new(),
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
    let Pushed { uploaded_blobs, mounted_blobs, present_blobs, uploaded_bytes, .. } = *pushed;
    let blobs = [(uploaded_blobs, "sent"), (mounted_blobs, "mounted"), (present_blobs, "there before")];
    format!("blobs: {}; {} sent", parts(&blobs), counted(uploaded_bytes, "byte"))
}

/// What would become of them.
fn foreseen(pushed: &Pushed) -> String {
    let Pushed { uploaded_blobs, present_blobs, uploaded_bytes, .. } = *pushed;
    let blobs = [(uploaded_blobs, "would be sent"), (present_blobs, "there before")];
    format!("blobs: {}; {} would be sent", parts(&blobs), counted(uploaded_bytes, "byte"))
}

fn parts(counts: &[(usize, &str)]) -> String {
    let counted = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    counted.collect::<Vec<_>>().join(", ")
}
