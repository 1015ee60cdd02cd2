//! What a release leaves for the steps that follow it on GitHub.
#![expect(clippy::disallowed_methods, reason = "what a build system reads is appended to the file that it names")]

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::documents::ReleasedPlugin;
use rustix::fs::OFlags;

use crate::context::Context;
use crate::environment::{GITHUB_OUTPUT, GITHUB_STEP_SUMMARY};
use crate::output::printable;

/// Writes the outputs and the summary, where GitHub Actions says to.
///
/// # Errors
/// I/O reasons, which say that the release itself is done: a following step would read nothing.
pub(super) fn tell(released: &ReleasedPlugin, context: &Context) -> Result<()> {
    let outputs = append(context.environment.variable(GITHUB_OUTPUT), &outputs(released));
    let summary = append(context.environment.variable(GITHUB_STEP_SUMMARY), &summary(released));
    outputs.and(summary).map_err(|fault| {
        let reference = &released.pushed.reference;
        let hint = format!("the step's `reference` is `{reference}`; correct the file that the variable names");
        fault.although(format!("`{reference}` is released")).hint(hint)
    })
}

/// One line each: what a manifest holds ends none.
fn outputs(released: &ReleasedPlugin) -> String {
    let pushed = &released.pushed;
    let values = [
        ("reference", Some(pushed.reference.as_str())),
        ("digest", pushed.artifact_digest.as_deref()),
        ("id", pushed.id.as_deref()),
        ("version", pushed.version.as_deref()),
        ("tag", pushed.tag.as_deref()),
        ("signer", released.signing_key_fingerprint.as_deref()),
        ("signers", Some(&fingerprints(released).join(" "))),
        ("coverage", Some(released.coverage)),
    ];
    values.into_iter().map(|(name, value)| format!("{name}={}\n", printable(value.unwrap_or_default()))).collect()
}

fn fingerprints(released: &ReleasedPlugin) -> Vec<&str> {
    released.signers.iter().map(|signer| signer.signing_key_fingerprint.as_str()).collect()
}

fn summary(released: &ReleasedPlugin) -> String {
    let pushed = &released.pushed;
    let title = [&pushed.id, &pushed.version].map(|word| cell(word.as_deref().unwrap_or_default()));
    let signers = fingerprints(released).into_iter().map(|fingerprint| format!("`{fingerprint}`"));
    format!(
        "### Released {}\n\n| | |\n|---|---|\n| reference | `{}` |\n| tag | `{}` |\n| signer | {} |\n",
        title.join(" "),
        cell(&pushed.reference),
        cell(pushed.tag.as_deref().unwrap_or("none")),
        signers.collect::<Vec<_>>().join(", "),
    )
}

/// A word in which no table, code or markup begins.
fn cell(text: &str) -> String {
    printable(text).replace(['|', '`', '<', '>', '[', ']'], "_")
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
