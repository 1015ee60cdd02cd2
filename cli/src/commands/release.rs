//! `aisoc plugin release`, `aisoc plugin publish`: validate, sign, package and push, for CI.

use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::plugin::{self, Problem};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::{AttestationOfRelease, KeyFiles, PushedArtifact, ReleasedPlugin, Signer};
use aisoc_pipeline::{
    Checkout, Event, PackageOptions, PushOptions, ReleaseCopy, ReleaseDocumentsWanted, ReplaceTag, Reporter as _,
    SignedRelease, Timestamper,
};
use aisoc_signing::{Coverage, Fingerprint, KeyHolder, WrittenPair};
use serde::Serialize;

use super::release_documents::{self, Saying};
use super::release_keys::{Keys, Signers, with_made_key};
use super::{bench, github, package, push, sbom, sign, tag, validate};
use crate::allowed_secrets::Allowance;
use crate::args::release::ReleaseArgs;
use crate::context::Context;
use crate::output::{Answer, path_text};
use crate::timestamps;

/// What was released, and whether the steps behind it can read that.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: ReleasedPlugin,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        self.document.pushed.text()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run(args: ReleaseArgs, context: &Context) -> Result<u8> {
    let allowance = Allowance::of(&args.secrets)?;
    let (directory, reference) = args.places()?;
    let signatures = args.keys.private_key.len().max(1);
    let source = timestamps::source_of_digest(args.timestamp.clone(), &args.registry, signatures, context)?;
    let directory = directory.as_path();
    package::require_destination_outside(&reference, directory)?;
    let options = PushOptions {
        replace_tag: if args.replace_tag { ReplaceTag::Yes } else { ReplaceTag::No },
        client: context.client(&args.registry, &[&reference])?,
        dry_run: context.dry_run(),
    };
    let checkout = checkout(&args, context);
    if args.update_checkout && context.dry_run().is_on() {
        aisoc_files::may_write_in(directory).map_err(|error| Fault::io("write", directory, error))?;
    }
    let package_options = package::options(None, &allowance, context)?;
    let copy = ReleaseCopy::read(directory, &package_options, checkout)?;
    let shown = directory.join(copy.manifest().0.name()).display().to_string();
    let problems = problems(&copy, &args);
    if !problems.is_empty() {
        return bench::refuse(&shown, problems, context);
    }
    context.output.status("Validated", &shown);
    let manifest = copy.plugin()?;
    let destination = tag::destination(&reference, Some(&manifest.version), context)?;
    if args.load {
        validate::load(directory, &manifest, None, context)?;
    }
    let wanted = release_documents::wanted(&args.documents, context)?;
    copy.require_documents(&wanted)?;
    let timestamp = source.as_ref().map(|source| timestamps::asked(source, context));
    let timestamper = timestamp.as_ref().map(|timestamp| timestamp as Timestamper<'_>);
    let keys = Keys::of(args.keys, directory, &manifest.id, context)?;
    let public_key = keys.public_key();
    let Signers { first, others, made } = keys.read(context)?;
    let shipped = copy.sign(first.as_ref(), &others, timestamper, checkout).and_then(|signed| {
        drop(others);
        sign::warn_of_removed(&signed.removed_signatures, "are not in the release", context);
        say_signed(directory, &signed.signers, made.is_some(), context);
        let signers = signed.signers.clone();
        let shipping = Shipping {
            directory,
            destination: &destination,
            allowance: &allowance,
            package_options: &package_options,
            options: &options,
            wanted: &wanted,
            is_thrown_away: made.is_some() && context.dry_run().is_on(),
        };
        Ok((shipping.ship(signed, first, context)?, signers))
    });
    let (shipped, signers) = shipped.map_err(|fault| match &made {
        Some(made) if !context.dry_run().is_on() => with_made_key(fault, made),
        _ => fault,
    })?;
    say_next(&destination, public_key.as_deref(), context);
    let released = released(shipped, &destination, &signers, made, context);
    answer(released, context)
}

fn say_next(destination: &Reference, public_key: Option<&Path>, context: &Context) {
    if !context.dry_run().is_on() {
        let keys = public_key.map_or_else(|| "KEYS".to_owned(), shell_word);
        let destination = shell_word(destination.to_string());
        context.output.status("Next", format!("aisoc plugin install {destination} --trusted-keys {keys}"));
    }
}

fn released(
    (pushed, attestations): (PushedArtifact, Vec<AttestationOfRelease>),
    destination: &Reference,
    signers: &[Fingerprint],
    made: Option<WrittenPair>,
    context: &Context,
) -> ReleasedPlugin {
    // A key that nobody will ever have is said of no release, and neither is what it has signed.
    let is_thrown_away = made.is_some() && context.dry_run().is_on();
    let (pushed, signers) = match is_thrown_away {
        true => (PushedArtifact { reference: destination.to_string(), artifact_digest: None, ..pushed }, &[][..]),
        false => (pushed, signers),
    };
    let key_pair = made
        .map(|pair| KeyFiles { private_key_path: path_text(&pair.private), public_key_path: path_text(&pair.public) });
    let signers: Vec<_> = signers.iter().map(signer).collect();
    let signing_key_fingerprint = signers.first().map(|signer| signer.signing_key_fingerprint.clone());
    ReleasedPlugin {
        pushed,
        signing_key_fingerprint,
        signers,
        coverage: Coverage::Full.as_str(),
        attestations,
        key_pair,
    }
}

/// The release is done, whatever becomes of the words about it: its result is printed, and the failure is told.
fn answer(released: ReleasedPlugin, context: &Context) -> Result<u8> {
    let told = if context.dry_run().is_on() { Ok(()) } else { github::tell(&released, context) };
    let exit_code = told.as_ref().err().map_or(0, |fault| fault.class().exit_code());
    let code = context.output.answer(&Outcome { document: released, exit_code })?;
    told.map(|()| code)
}

fn signer(fingerprint: &Fingerprint) -> Signer {
    Signer { signing_key_id: None, signing_key_fingerprint: fingerprint.to_string() }
}

fn checkout(args: &ReleaseArgs, context: &Context) -> Checkout {
    match args.update_checkout && !context.dry_run().is_on() {
        true => Checkout::Updated,
        false => Checkout::Unchanged,
    }
}

/// What the profile refuses, and whatever the profile what must not be signed.
fn problems(copy: &ReleaseCopy, args: &ReleaseArgs) -> Vec<Problem> {
    let (file, manifest) = copy.manifest();
    let mut problems = plugin::validate(file, manifest, &|path| copy.has(path), args.profile);
    for found in plugin::unsignable(file, manifest) {
        if !problems.iter().any(|known| known.is_same_as(&found)) {
            problems.push(found);
        }
    }
    if args.allow_ambiguous {
        let ambiguous = plugin::ambiguities(file, manifest);
        problems.retain(|problem| !ambiguous.contains(problem));
    }
    problems
}

/// Says by whom it is signed. In a dry run a key that was made for it is nobody's: a real run makes another one.
fn say_signed(directory: &Path, signers: &[Fingerprint], is_made: bool, context: &Context) {
    let directory = directory.display();
    for signer in signers {
        match context.dry_run().is_on() {
            true if is_made => context.output.status("Would sign", format!("{directory} with the new key")),
            true => context.output.status("Would sign", format!("{directory} as {signer}")),
            false => context.output.status("Signed", format!("{directory} as {signer}")),
        }
    }
}

/// How what is signed gets to where it goes, with what it says of itself.
struct Shipping<'a> {
    directory: &'a Path,
    destination: &'a Reference,
    allowance: &'a Allowance,
    package_options: &'a PackageOptions,
    options: &'a PushOptions,
    wanted: &'a ReleaseDocumentsWanted,
    /// Whether a dry run has made the key, which nobody will ever have.
    is_thrown_away: bool,
}

impl Shipping<'_> {
    /// Makes the documents, then packs and pushes, then says the documents of what was pushed.
    fn ship(
        &self,
        signed: SignedRelease,
        key: Box<dyn KeyHolder>,
        context: &Context,
    ) -> Result<(PushedArtifact, Vec<AttestationOfRelease>)> {
        let documents = signed.documents(self.wanted)?;
        sbom::warn_of_unread(&documents.unread, context);
        // Packing and pushing take long, and need no key; what is said of the digest that was pushed does.
        let key = (!documents.is_empty()).then_some(key);
        context.output.reporter().event(&Event::Packing { directory: self.directory });
        let destination = self.destination.clone();
        let (packaged, sent, artifact) =
            push::publish(signed.publication, destination, self.package_options, self.options, context)?;
        let allowed_secrets = package::warn_about(&packaged, self.allowance, context);
        let pushed = PushedArtifact { allowed_secrets, ..push::answer(sent, packaged.signature, context) };
        let Self { destination, is_thrown_away, .. } = *self;
        let saying = Saying { documents: &documents, artifact: &artifact, destination, is_thrown_away };
        let attestations = key.map(|key| saying.attach(key.as_ref(), self.options, context)).transpose()?;
        Ok((pushed, attestations.unwrap_or_default()))
    }
}
