//! `aisoc plugin pull`

use aisoc_files::shell_word;
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::PulledArtifact;

use super::archive_name::{Promise, as_directory, as_layout};
use super::mistagged::naming_tags;
use super::platform::choosing;
use super::untagged::require_named;
use crate::args::plugin::PullArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::runtime;

impl Answer for PulledArtifact {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.directory))
    }
}

pub(crate) fn run(args: PullArgs, context: &Context) -> Result<u8> {
    require_directory_name(&args)?;
    let client = context.client(&args.registry, &[&args.reference])?;
    let client = choosing(PlatformChoice::of(args.platform.platform.clone()), client);
    require_named(&args.reference, &client, context)?;
    let reporter = context.output.reporter();
    let pulled = runtime::block_on(
        context.cancellation()?,
        aisoc_pipeline::pull(&args.reference, &args.out, &client, context.dry_run(), &reporter),
    );
    drop(reporter);
    let pulled = naming_tags(pulled, &args.reference, &client, context)?;
    let directory = args.out.display().to_string();
    let verb = if context.dry_run().is_on() { "Would pull" } else { "Pulled" };
    context.output.status(verb, format!("{} into {directory}, not verified", counted(pulled.files, "file")));
    if let Some((first, others)) = pulled.empty_directories.split_first() {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        let first = printable(first);
        let said = format!("left out `{first}`{others}: no list of files names a directory without files");
        context.output.warning(Warning::EmptyDirectoryLeftOut, said);
    }
    if !context.dry_run().is_on() {
        context.output.status("Next", format!("aisoc plugin verify {} --keys KEYS", shell_word(&args.out)));
    }
    context.output.answer(&PulledArtifact {
        reference: args.reference.pinned(pulled.digest).to_string(),
        artifact_digest: pulled.digest.to_string(),
        index_digest: pulled.index.map(|digest| digest.to_string()),
        platform: pulled.platform.map(|platform| platform.to_string()),
        directory: path_text(&args.out),
        file_count: pulled.files,
        signature_status: "skipped",
    })
}

/// What is pulled is unpacked: a directory `x.tar` would be taken for what it is not.
fn require_directory_name(args: &PullArgs) -> Result<()> {
    let PullArgs { reference, out, .. } = args;
    if Promise::of(out) == Promise::Directory || out.is_dir() {
        return Ok(());
    }
    let (directory, archive) = (as_directory(out), as_layout(out));
    let copy = format!("aisoc plugin push {} oci-archive:{archive}", shell_word(reference.to_string()));
    Err(Fault::new(Reason::Usage, format!("`{}` is the name of an archive, and `pull` unpacks", out.display()))
        .expected("a directory's name", out.display().to_string())
        .hint(format!("to unpack, name a directory: `--out {directory}`; to keep it packed, copy it: `{copy}`")))
}
