//! `aisoc plugin release`, `aisoc plugin publish`: validate, sign, package and push, for CI.
#![expect(clippy::disallowed_methods, reason = "what a build system reads is appended to the file that it names")]

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::plugin::{self, Problem, Profile};
use aisoc_pipeline::documents::PushedArtifact;
use aisoc_pipeline::{Checkout, Event, PushOptions, ReleaseCopy, ReplaceTag, Reporter as _, SignedRelease};
use rustix::fs::OFlags;

use super::bench;
use super::{package, push};
use crate::allowed_secrets::Allowance;
use crate::args::plugin::{KeyArgs, ReleaseArgs};
use crate::context::Context;
use crate::environment::{GITHUB_OUTPUT, GITHUB_STEP_SUMMARY};
use crate::output::printable;
use crate::runtime;

pub(crate) fn run(args: ReleaseArgs, context: &Context) -> Result<u8> {
    let allowance = Allowance::of(&args.secrets)?;
    let options = PushOptions {
        replace_tag: if args.replace_tag { ReplaceTag::Yes } else { ReplaceTag::No },
        client: context.client(&args.registry, &[&args.reference])?,
    };
    let checkout = if args.update_checkout { Checkout::Updated } else { Checkout::Unchanged };
    let package_options = package::options(None, &allowance, context)?;
    let copy = ReleaseCopy::read(&args.plugin_dir, &package_options, checkout)?;
    let shown = args.plugin_dir.join(copy.manifest().0.name()).display().to_string();
    let problems = problems(&copy, &args.key);
    if !problems.is_empty() {
        return bench::refuse(&shown, problems, context);
    }
    context.output.status("Validated", &shown);
    let SignedRelease { publication, signer } = sign(copy, &args.key, checkout, context)?;
    context.output.status("Signed", format!("{} as {signer}", args.plugin_dir.display()));
    let reporter = context.output.reporter();
    reporter.event(&Event::Packing { directory: &args.plugin_dir });
    let (packaged, pushed) = runtime::block_on(
        context.cancellation()?,
        aisoc_pipeline::publish(publication, &args.reference, &package_options, &options, &reporter),
    )?;
    drop(reporter);
    let allowed_secrets = package::warn_about(&packaged, &allowance, context);
    let answer = push::answer(&args.reference, packaged.signature, &pushed, context);
    let answer = PushedArtifact { allowed_secrets, ..answer };
    let title = format!("{} {}", packaged.id, packaged.version);
    tell_github(&answer, &title, &signer.to_string(), context)?;
    context.output.answer(&answer)
}

fn problems(copy: &ReleaseCopy, key: &KeyArgs) -> Vec<Problem> {
    let (file, manifest) = copy.manifest();
    let mut problems = plugin::validate(file, manifest, &|path| copy.has(path), Profile::Strict);
    if key.allow_ambiguous {
        let ambiguous = plugin::ambiguities(file, manifest);
        problems.retain(|problem| !ambiguous.contains(problem));
    }
    problems
}

/// The key is gone when this returns: packing and pushing take long, and need none. Nor does reading.
fn sign(copy: ReleaseCopy, key: &KeyArgs, checkout: Checkout, context: &Context) -> Result<SignedRelease> {
    copy.sign(&context.signing_key(&key.private_key)?, checkout)
}

/// Writes what a following step needs, where GitHub Actions says to.
fn tell_github(answer: &PushedArtifact, title: &str, signer: &str, context: &Context) -> Result<()> {
    let values = format!("reference={}\ndigest={}\n", printable(&answer.reference), answer.artifact_digest);
    append(context.environment.variable(GITHUB_OUTPUT), &values)?;
    let summary = format!(
        "### Released {}\n\n| | |\n|---|---|\n| reference | `{}` |\n| tag | `{}` |\n| signer | `{signer}` |\n",
        printable(title),
        printable(&answer.reference),
        answer.tag.as_deref().unwrap_or("none"),
    );
    append(context.environment.variable(GITHUB_STEP_SUMMARY), &summary)
}

fn append(path: Option<OsString>, text: &str) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let write = |path| {
        // A FIFO that nobody reads is an error, and not waited for.
        let without_waiting = OFlags::NONBLOCK.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.append(true).create(true).custom_flags(without_waiting);
        options.open(path).and_then(|mut file| file.write_all(text.as_bytes()))
    };
    write(&path).map_err(|error| Fault::io("append to", path.as_ref(), error))
}
