//! `aisoc plugin package`

use std::path::{Path, PathBuf};

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference, Tag};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{AllowedSecret, PackedArtifact};
use aisoc_pipeline::{PackageOptions, Packaged, Publication, SignatureLook, SignatureRule};
use aisoc_signing::Origin;

use super::archive_name::{Promise, as_layout, layout_in_words};
use super::{bench, tag};
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
    let directory = args.directory.path()?;
    let allowance = Allowance::of(&args.secrets)?;
    let options = options(args.threads, &allowance, context)?;
    let out = layout_reference(&args.out, args.tag.as_deref())?;
    require_out_outside(&out, directory)?;
    if let Some(code) = bench::refuse_by(directory, args.profile, context)? {
        return Ok(code);
    }
    // Before anything is written: what fails behind it would fail although the work is done.
    bench::warn_unless(args.profile, directory, context)?;
    let rule = context.signature_rule(args.signature, Origin::unknown());
    let packaged = match args.check {
        true => check(directory, &out, &options, context),
        false => pack(directory, &out, &rule, &options, context),
    }?;
    let verb = match args.check {
        true => "Same",
        false => context.said("Packaged", "Would pack"),
    };
    context.output.status(verb, format!("{} {} in {}", packaged.id, packaged.version, out.path.display()));
    let allowed_secrets = warn_about(&packaged, &allowance, context);
    let tag = out.tag.or_else(|| Tag::of_version(&packaged.version).ok()).map(|tag| tag.to_string());
    context.output.answer(&PackedArtifact {
        id: packaged.id.to_string(),
        version: packaged.version,
        path: path_text(&out.path),
        tag,
        artifact_digest: packaged.digest.to_string(),
        layer_digest: packaged.layer_digest.map(|digest| digest.to_string()),
        layer_bytes: packaged.layer_size,
        file_count: packaged.files,
        unpacked_bytes: packaged.unpacked_size,
        signed: packaged.signature != SignatureLook::Unsigned,
        signature_status: packaged.signature.as_str(),
        excluded: packaged.excluded,
        allowed_secrets,
        platforms: Vec::new(),
    })
}

/// A package is written beside the directory that it is made of.
pub(super) fn require_out_outside(out: &LayoutReference, directory: &Path) -> Result<()> {
    require_outside(&out.path, directory, "would be packed the next time")
        .map_err(|fault| fault.hint("write it elsewhere, for example with `--out ../NAME.tar`"))
}

fn check(directory: &Path, out: &LayoutReference, options: &PackageOptions, context: &Context) -> Result<Packaged> {
    let reporter = context.output.reporter();
    let checked = aisoc_pipeline::check_package(directory, out, options, &reporter);
    runtime::block_on(context.cancellation()?, checked)
}

fn pack(
    directory: &Path,
    out: &LayoutReference,
    rule: &SignatureRule,
    options: &PackageOptions,
    context: &Context,
) -> Result<Packaged> {
    let reporter = context.output.reporter();
    let publication = Publication::of(directory, options, rule, &reporter)?;
    tag::warn_of_another(out.tag.as_ref(), Some(&publication.manifest().version), context);
    runtime::block_on(context.cancellation()?, aisoc_pipeline::package(publication, out, options, &reporter))
}

/// What is written into the directory that it is made of is a file of the plugin the next time.
///
/// # Errors
/// `usage`, in which `consequence` says what would become of it.
pub(super) fn require_outside(out: &Path, plugin_dir: &Path, consequence: &str) -> Result<()> {
    // What does not exist yet is made below what does.
    let nearest = aisoc_files::parent(out)
        .ancestors()
        .map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let place = nearest.map(Path::canonicalize).find_map(std::result::Result::ok);
    // A plugin that does not exist is refused later, by whoever needs it.
    let (Ok(plugin_dir), Some(place)) = (plugin_dir.canonicalize(), place) else {
        return Ok(());
    };
    if !place.starts_with(&plugin_dir) {
        return Ok(());
    }
    Err(Fault::new(Reason::Usage, format!("`{}` is inside the plugin's directory, and {consequence}", out.display())))
}

/// As [`require_outside`], of a layout that a plugin is pushed to.
///
/// # Errors
/// `usage`.
pub(super) fn require_destination_outside(destination: &Reference, plugin_dir: &Path) -> Result<()> {
    let Reference::Layout(layout) = destination else { return Ok(()) };
    require_outside(&layout.path, plugin_dir, "would be packed the next time")
        .map_err(|fault| fault.hint("push it to a layout elsewhere, for example `oci:../layout`"))
}

/// Says what the author may not have meant: an unsigned package, files that were left out, and secrets
/// that were allowed, whose rows it gives.
pub(crate) fn warn_about(packaged: &Packaged, allowance: &Allowance, context: &Context) -> Vec<AllowedSecret> {
    warn_about_signature(packaged.signature, context);
    if packaged.python_in_excluded > 0 {
        let files = match packaged.python_in_excluded {
            1 => "1 Python file in a cache or a virtual environment is packed".to_owned(),
            count => format!("{count} Python files in caches and virtual environments are packed"),
        };
        let said = format!("{files}, because a signature covers every `*.py`");
        context.output.warning(Warning::CachePacked, said);
    }
    tell_left_out(&packaged.excluded, context);
    allowance.announce(&packaged.allowed_secrets, context)
}

/// Names what the ignore rules left out.
pub(super) fn tell_left_out(entries: &[String], context: &Context) {
    if !entries.is_empty() {
        let shown = entries.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if entries.len() > 5 { ", …" } else { "" };
        context.output.status("Left out", format!("{}: {shown}{more}", counted(entries.len(), "entry")));
    }
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
    Ok(PackageOptions {
        threads,
        mtime: context.environment.source_date_epoch()?,
        secrets,
        limits,
        dry_run: context.dry_run(),
    })
}

/// A name that ends in `.tar` is an archive; one that promises another archive is refused; everything else, and what
/// ends in `/`, is a layout directory.
///
/// # Errors
/// `usage` for a name that promises what is not written, and `invalid_ref` for what is no tag.
pub(super) fn layout_reference(path: &Path, tag: Option<&str>) -> Result<LayoutReference> {
    if let Some(text) = layout_in_words(path) {
        return named_layout(text, tag);
    }
    if path.as_os_str().to_string_lossy().contains("://") {
        let message = format!("`{}` is an address, and a package is written here", path.display());
        return Err(Fault::new(Reason::Usage, message).hint("name a path with `--out`; `aisoc plugin push` sends it"));
    }
    let form = match Promise::of(path) {
        Promise::Layout => LayoutForm::Archive,
        Promise::OtherArchive => return Err(other_archive(path)),
        Promise::Directory => LayoutForm::Directory,
    };
    let tag = tag.map(str::parse).transpose()?;
    Ok(LayoutReference { path: PathBuf::from(path), form, tag, digest: None })
}

/// As other commands name a layout: the form is said, and a tag may be.
fn named_layout(text: &str, tag: Option<&str>) -> Result<LayoutReference> {
    let usage = |what: &str| Fault::new(Reason::Usage, format!("`{text}` {what}"));
    match (text.parse()?, tag) {
        (Reference::Layout(LayoutReference { tag: None, digest: None, path, form }), tag) => {
            Ok(LayoutReference { path, form, tag: tag.map(str::parse).transpose()?, digest: None })
        }
        (Reference::Layout(LayoutReference { digest: Some(_), .. }), _) => {
            Err(usage("names a digest, which nobody can choose").hint("leave the digest out: it is printed"))
        }
        (Reference::Layout(layout), None) => Ok(layout),
        (Reference::Layout(_), Some(_)) => {
            Err(usage("names a tag, and `--tag` does as well").hint("name the tag in one of the two places"))
        }
        (Reference::Registry(_), _) => {
            Err(usage("is in a registry, and a package is written here").hint("send it there with `aisoc plugin push`"))
        }
    }
}

/// The layer in it is compressed already.
fn other_archive(path: &Path) -> Fault {
    Fault::new(Reason::Usage, format!("`{}` is no name for what is written", path.display()))
        .expected("a name that ends in `.tar`, or a directory's", path.display().to_string())
        .hint(format!("the archive is a `.tar`, in which the plugin is compressed: `--out {}`", as_layout(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_named_as_everywhere() {
        let named = |text: &str, tag: Option<&str>| layout_reference(Path::new(text), tag);
        let layout = named("oci-archive:zz", None).expect("an archive");
        assert_eq!((layout.form, layout.path.as_path(), layout.tag), (LayoutForm::Archive, Path::new("zz"), None));
        let layout = named("oci:dir/x.tar:1.0", None).expect("a directory");
        assert_eq!((layout.form, layout.path.as_path()), (LayoutForm::Directory, Path::new("dir/x.tar")));
        assert_eq!(layout.tag.map(|tag| tag.to_string()).as_deref(), Some("1.0"));
        let layout = named("oci:dir", Some("2")).expect("a directory");
        assert_eq!(layout.tag.map(|tag| tag.to_string()).as_deref(), Some("2"));
        let digest = format!("oci:dir@sha256:{}", "0".repeat(64));
        for (text, tag) in [("oci:dir:1", Some("2")), (digest.as_str(), None)] {
            assert_eq!(named(text, tag).expect_err(text).reason(), Reason::Usage, "{text}");
        }
        assert_eq!(named("oci://localhost:5000/x", None).expect_err("a registry").reason(), Reason::InvalidReference);
        assert_eq!(named("docker://zz", None).expect_err("an address").reason(), Reason::Usage);
        assert_eq!(named("./oci:zz", None).expect("a path").path, Path::new("./oci:zz"));
    }

    #[test]
    fn a_name_says_what_is_written_or_is_refused() {
        let form = |name: &str| layout_reference(Path::new(name), None).map(|layout| layout.form);
        for name in ["x.tar", "a/X.TAR", "x.tgz.tar"] {
            assert_eq!(form(name).expect(name), LayoutForm::Archive, "{name}");
        }
        for name in ["x", "layout-1.2.0", "x.d", "x.tgz/", "x.tar/", ".tar"] {
            assert_eq!(form(name).expect(name), LayoutForm::Directory, "{name}");
        }
        for (name, instead) in [
            ("x.tgz", "x.tar"),
            ("x.tar.gz", "x.tar"),
            ("a b.ZIP", "'a b.tar'"),
            ("x.tar.zst", "x.tar"),
            ("x.oci", "x.tar"),
        ] {
            let fault = form(name).expect_err(name);
            assert_eq!(fault.reason(), Reason::Usage, "{name}");
            assert!(fault.next_step().ends_with(&format!("`--out {instead}`")), "{}", fault.next_step());
        }
    }
}
