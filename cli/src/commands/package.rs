//! `aisoc plugin package`

use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::{LayoutForm, LayoutReference};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{AllowedSecret, PackedArtifact};
use aisoc_pipeline::{PackageOptions, Packaged, Publication, SignatureLook};

use crate::allowed_secrets::Allowance;
use crate::args::plugin::PackageArgs;
use crate::context::Context;
use crate::output::{Answer, path_text};
use crate::runtime;

impl Answer for PackedArtifact {
    fn text(&self) -> String {
        format!("{}\n", self.artifact_digest)
    }
}

pub(crate) fn run(args: PackageArgs, context: &Context) -> Result<u8> {
    refuse_own_output(&args.plugin_dir, &args.out)?;
    let allowance = Allowance::of(&args.secrets)?;
    let options = options(args.threads, &allowance, context)?;
    let out = layout_reference(&args.out, args.tag.as_deref())?;
    let reporter = context.output.reporter();
    let rule = context.signature_rule(args.signature);
    let packaged = runtime::block_on(context.cancellation()?, async {
        if args.check {
            return aisoc_pipeline::check_package(&args.plugin_dir, &out, &options, &reporter).await;
        }
        let publication = Publication::of(&args.plugin_dir, &options, &rule, &reporter)?;
        aisoc_pipeline::package(publication, &out, &options, &reporter).await
    })?;
    drop(reporter);
    let verb = if args.check { "Same" } else { "Packaged" };
    context.output.status(verb, format!("{} {} in {}", packaged.id, packaged.version, args.out.display()));
    let allowed_secrets = warn_about(&packaged, &allowance, context);
    context.output.answer(&PackedArtifact {
        id: packaged.id.to_string(),
        version: packaged.version,
        path: path_text(&args.out),
        artifact_digest: packaged.digest.to_string(),
        layer_digest: packaged.layer_digest.to_string(),
        layer_bytes: packaged.layer_size,
        file_count: packaged.files,
        unpacked_bytes: packaged.unpacked_size,
        signed: packaged.signature != SignatureLook::Unsigned,
        signature_status: packaged.signature.as_str(),
        excluded: packaged.excluded,
        allowed_secrets,
    })
}

/// An artifact inside the directory that it is made of would pack itself the next time.
fn refuse_own_output(plugin_dir: &Path, out: &Path) -> Result<()> {
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A path that does not exist is refused later, by whoever needs it.
    let (Ok(plugin_dir), Ok(parent)) = (plugin_dir.canonicalize(), parent.canonicalize()) else {
        return Ok(());
    };
    if !parent.starts_with(&plugin_dir) {
        return Ok(());
    }
    Err(Fault::new(
        Reason::Usage,
        format!("`{}` is inside the plugin's directory, and would be packed the next time", out.display()),
    )
    .hint("write it elsewhere, for example with `--out ../NAME.tar`"))
}

/// Says what the author may not have meant: an unsigned package, files that were left out, and secrets
/// that were allowed, whose rows it gives.
pub(crate) fn warn_about(packaged: &Packaged, allowance: &Allowance, context: &Context) -> Vec<AllowedSecret> {
    warn_about_signature(packaged.signature, context);
    if packaged.python_in_excluded > 0 {
        let said = format!(
            "{} Python files in caches and virtual environments are packed, because a signature covers every `*.py`",
            packaged.python_in_excluded
        );
        context.output.warning(Warning::CachePacked, said);
    }
    if !packaged.excluded.is_empty() {
        let shown = packaged.excluded.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if packaged.excluded.len() > 5 { ", …" } else { "" };
        context.output.status("Left out", format!("{} entries: {shown}{more}", packaged.excluded.len()));
    }
    allowance.announce(&packaged.allowed_secrets, context)
}

/// Says what hosts will refuse: what is unsigned because that is meant, and what `--check` has found.
pub(crate) fn warn_about_signature(look: SignatureLook, context: &Context) {
    let (warning, said) = match look {
        SignatureLook::Verified | SignatureLook::Present => return,
        SignatureLook::Unsigned => {
            (Warning::PackageUnsigned, "the package is unsigned; hosts in strict mode refuse it")
        }
        SignatureLook::Malformed | SignatureLook::OtherTree => {
            (Warning::SignatureBroken, "the signature is broken; hosts refuse it")
        }
        SignatureLook::NotRead => {
            return context.output.status("Not read", "the plugin's signature: it was copied as it is");
        }
    };
    context.output.warning(warning, said);
}

/// The packaging options of the flags and the environment.
pub(crate) fn options(threads: Option<usize>, allowance: &Allowance, context: &Context) -> Result<PackageOptions> {
    if threads == Some(0) {
        return Err(Fault::new(Reason::Usage, "`--threads` is at least 1"));
    }
    let available = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = threads.unwrap_or_else(available).min(64);
    let (secrets, limits) = (allowance.secrets.clone(), context.limits()?);
    Ok(PackageOptions { threads, mtime: context.environment.source_date_epoch()?, secrets, limits })
}

/// A name that ends in `.tar` is an archive; everything else is a layout directory.
fn layout_reference(path: &Path, tag: Option<&str>) -> Result<LayoutReference> {
    let is_archive = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tar"));
    let form = if is_archive { LayoutForm::Archive } else { LayoutForm::Directory };
    let tag = tag.map(str::parse).transpose()?;
    Ok(LayoutReference { path: PathBuf::from(path), form, tag, digest: None })
}
