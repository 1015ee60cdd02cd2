//! `aisoc plugin resign`: the new key's signature on what the old one has published.

use std::ffi::OsString;
use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{NotResigned, Objection, ResignedArtifact, ResignedArtifacts, Signer};
use aisoc_pipeline::{Naming, Resign, ResignOptions, Resigning, Source};
use aisoc_signing::KeyHolder;
use serde::Serialize;

use super::mistagged::naming_tags;
use super::platform::choosing;
use super::replaced;
use super::several::{self, InTurn};
use super::untagged::require_named;
use super::verify::as_text;
use crate::args::resign::{NamingArgs, ResignArgs};
use crate::context::Context;
use crate::output::{Answer, printable, redacted};
use crate::runtime;
use crate::signer;
use crate::timestamps;

/// What came of each, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: ResignedArtifacts,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        self.document.artifacts.iter().map(|artifact| format!("{}\n", printable(&artifact.reference))).collect()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run(args: ResignArgs, context: &Context) -> Result<u8> {
    let wanted = wanted(&args.sources)?;
    let named: Vec<&Reference> = wanted.iter().filter_map(|(_, source)| source.as_ref().ok()).collect();
    let naming = naming(args.naming);
    require_one_place_each(&naming, &named)?;
    // Which of several a publisher means to sign is not guessed by the machine that does it.
    let choice = args.platform.map_or(PlatformChoice::None, PlatformChoice::Named);
    let options = ResignOptions {
        how: if args.add { Resigning::Added } else { Resigning::Alone },
        trust: context.publisher_trust(args.trusted_keys),
        timestamps: timestamps::source_of_digest(args.timestamp, &args.registry, wanted.len(), context)?,
        naming,
        client: choosing(choice, context.client(&args.registry, &named)?),
        dry_run: context.dry_run(),
    };
    for reference in named {
        require_named(reference, &options.client, context)?;
    }
    options.trust.require_keys()?;
    let key = signer::one(&args.private_key, &args.passphrase, context)?;
    let (mut document, mut faults, mut turn) = (ResignedArtifacts::default(), Vec::new(), InTurn::default());
    for (name, source) in wanted {
        match turn.next(|| resign(&source?, key.as_ref(), &options, context)) {
            Ok(artifact) => document.artifacts.push(artifact),
            Err(fault) => {
                document.failed.push(NotResigned { source: redacted(&name), objection: Objection::from(&fault) });
                faults.push((name, fault));
            }
        }
    }
    answer(document, faults, context)
}

/// What each word names. What is wrong with the command line refuses it whole; a path that is missing is one of several
/// things that can go wrong with one version.
fn wanted(words: &[OsString]) -> Result<Vec<(String, Result<Reference>)>> {
    let mut wanted = Vec::new();
    for word in words {
        let source = match Source::parse(word) {
            Err(fault) if fault.class() == Class::Usage => return Err(fault),
            Ok(Source::Directory(directory)) => return Err(not_published(&directory)),
            Ok(Source::Artifact(reference)) => Ok(reference),
            Err(fault) => Err(fault),
        };
        wanted.push((as_text(word.clone()), source));
    }
    several::refuse_repeated(wanted.iter().map(|(name, _)| name.as_str()))?;
    Ok(wanted)
}

fn not_published(directory: &Path) -> Fault {
    let shown = directory.display();
    let directory = shell_word(directory);
    Fault::new(Reason::Usage, format!("`{shown}` is a directory, and what is signed again is published"))
        .expected("a reference, or a layout", "a plugin's directory")
        .hint(format!(
            "sign it where it is: `aisoc plugin sign {directory} --private-key KEY`, with `--add` beside others"
        ))
}

fn naming(args: NamingArgs) -> Naming {
    match (args.tag, args.tag_suffix) {
        (Some(tag), _) => Naming::Tag(tag),
        (None, Some(suffix)) => Naming::Suffix(suffix),
        (None, None) => Naming::Replaced,
    }
}

/// Of two results under one tag the second would be refused, and nobody knows which one was meant.
fn require_one_place_each(naming: &Naming, named: &[&Reference]) -> Result<()> {
    let places = named.iter().map(|reference| naming.place(reference)).collect::<Result<Vec<_>>>()?;
    let twice = (1..places.len()).find(|at| places[..*at].contains(&places[*at]));
    match twice {
        None => Ok(()),
        Some(at) => Err(Fault::new(Reason::Usage, format!("two results would be `{}`", places[at]))
            .expected("a tag for each", format!("one for `{}` and another", named[at]))
            .hint("give each its own tag with `--tag-suffix SUFFIX`, or run a command for each")),
    }
}

fn resign(
    source: &Reference,
    key: &dyn KeyHolder,
    options: &ResignOptions,
    context: &Context,
) -> Result<ResignedArtifact> {
    let reporter = context.output.reporter();
    let done = runtime::block_on(context.cancellation()?, aisoc_pipeline::resign(source, key, options, &reporter));
    drop(reporter);
    let done = naming_tags(done, source, &options.client, context)?;
    warn_of_removed(source, &done.removed_signers, context);
    announce(&done, context);
    Ok(ResignedArtifact {
        reference: done.destination.pinned(done.pushed.digest).to_string(),
        id: done.id.to_string(),
        version: done.version,
        artifact_digest: done.pushed.digest.to_string(),
        tag: done.destination.tag().map(ToString::to_string).unwrap_or_default(),
        previous_reference: source.pinned(done.before).to_string(),
        change: match options.how {
            _ if done.is_unchanged => "unchanged",
            Resigning::Added => "added",
            Resigning::Alone => "replaced",
        },
        signing_key_fingerprint: done.signer.to_string(),
        vouched_by: replaced::signers(&done.vouched_by),
        removed_signers: done.removed_signers.into_iter().map(claimed).collect(),
        coverage: done.coverage.as_str(),
        uploaded_blob_count: done.pushed.uploaded_blobs,
        uploaded_bytes: done.pushed.uploaded_bytes,
        present_blob_count: done.pushed.present_blobs,
    })
}

fn claimed(signing_key_fingerprint: String) -> Signer {
    Signer { signing_key_id: None, signing_key_fingerprint }
}

/// One signature gives way to the new one, which is what was asked for; of several somebody may miss the others.
fn warn_of_removed(source: &Reference, removed: &[String], context: &Context) {
    if removed.len() > 1 {
        let done = context.said("are not in the result", "would not be in the result");
        let said = format!("the signatures of {} signers of `{source}` {done}: {}", removed.len(), removed.join(", "));
        context.output.warning_with(Warning::SignaturesRemoved, said, Some("keep them with `--add`"));
    }
}

fn announce(done: &Resign, context: &Context) {
    let (place, signer) = (&done.destination, done.signer);
    if done.is_unchanged {
        return context.output.status("Unchanged", format!("{place} is signed as {signer} already"));
    }
    let sent = counted(done.pushed.uploaded_bytes, "byte");
    let what =
        format!("{place} as {signer} (coverage {}; {sent} {})", done.coverage, context.said("sent", "would be sent"));
    context.output.status(context.said("Signed", "Would sign"), what);
}

/// One that fails alone has an error and no answer, as everywhere; of several, each has its line.
fn answer(document: ResignedArtifacts, faults: Vec<(String, Fault)>, context: &Context) -> Result<u8> {
    let total = document.artifacts.len() + faults.len();
    let refusal = several::refusal(total, context.said("are not signed", "would not be signed"), faults, context);
    let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
    if total > 1 || refusal.is_none() {
        context.output.answer(&Outcome { document, exit_code })?;
    }
    refusal.map_or(Ok(0), Err)
}
