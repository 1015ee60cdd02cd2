//! `aisoc plugin package --platform`: a plugin's builds for several platforms as one image index.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::reference::{LayoutReference, Tag};
use aisoc_pipeline::documents::{AllowedSecret, PackedArtifact, PackedPlatform};
use aisoc_pipeline::{Build, PackageOptions, Packaged, PackagedPlatforms, SignatureLook, Source, require_no_manifest};
use aisoc_signing::Origin;

use super::verify::as_text;
use super::{bench, package, tag};
use crate::allowed_secrets::Allowance;
use crate::args::plugin::PackageArgs;
use crate::context::Context;
use crate::output::path_text;
use crate::runtime;

/// One package for whatever platform, unless builds for platforms are named.
pub(crate) fn run(args: PackageArgs, context: &Context) -> Result<u8> {
    match args.builds.is_empty() {
        true => package::run(args, context),
        false => run_for_platforms(args, context),
    }
}

fn run_for_platforms(args: PackageArgs, context: &Context) -> Result<u8> {
    let builds: Vec<Build> = args.builds.iter().map(build).collect::<Result<_>>()?;
    let allowance = Allowance::of(&args.secrets)?;
    let options = package::options(args.threads, &allowance, context)?;
    let out = package::layout_reference(&args.out, args.tag.as_deref())?;
    for directory in directories(&builds) {
        package::require_out_outside(&out, directory)?;
        if let Some(code) = bench::refuse_by(directory, args.profile, context)? {
            return Ok(code);
        }
    }
    if directories(&builds).next().is_none() {
        allowance.refuse_for_packed()?;
    }
    // Before anything is written: what fails behind it would fail although the work is done.
    for directory in directories(&builds) {
        bench::warn_unless(args.profile, directory, context)?;
    }
    let packaged = match args.check {
        true => check(&builds, &out, &options, context),
        false => {
            let rule = context.signature_rule(args.signature, Origin::unknown());
            let reporter = context.output.reporter();
            let packed = aisoc_pipeline::package_platforms(&builds, &out, (&options, &rule), &reporter);
            runtime::block_on(context.cancellation()?, packed)
        }
    }?;
    tag::warn_of_another(out.tag.as_ref(), Some(&packaged.version), context);
    say(&packaged, &out, args.check, context);
    let allowed_secrets = warn(&packaged, &allowance, context);
    context.output.answer(&document(packaged, out, allowed_secrets))
}

fn check(
    builds: &[Build],
    out: &LayoutReference,
    options: &PackageOptions,
    context: &Context,
) -> Result<PackagedPlatforms> {
    let reporter = context.output.reporter();
    let checked = aisoc_pipeline::check_platforms(builds, out, options, &reporter);
    runtime::block_on(context.cancellation()?, checked)
}

fn directories(builds: &[Build]) -> impl Iterator<Item = &Path> {
    builds.iter().filter_map(|build| match &build.source {
        Source::Directory(directory) => Some(directory.as_path()),
        Source::Artifact(_) => None,
    })
}

/// `OS/ARCHITECTURE[/VARIANT]=SRC`
fn build(word: &OsString) -> Result<Build> {
    let bytes = word.as_bytes();
    let Some(at) = bytes.iter().position(|byte| *byte == b'=') else {
        let shown = as_text(word.clone());
        return Err(Fault::new(Reason::Usage, format!("`{shown}` does not say what is for that platform"))
            .expected("OS/ARCHITECTURE[/VARIANT]=SRC, for example linux/arm64=build/linux-arm64", format!("`{shown}`"))
            .hint("name the plugin's directory behind the platform: `--platform linux/arm64=DIR`"));
    };
    let platform: PlatformName = String::from_utf8_lossy(&bytes[..at]).parse()?;
    let source = Source::parse(OsStr::from_bytes(&bytes[at + 1..]))?;
    if let Source::Directory(directory) = &source {
        require_no_manifest(directory)?;
    }
    Ok(Build { platform, source })
}

fn say(packaged: &PackagedPlatforms, out: &LayoutReference, is_check: bool, context: &Context) {
    let PackagedPlatforms { id, version, builds, .. } = packaged;
    let verb = match is_check {
        true => "Same",
        false => context.said("Packaged", "Would pack"),
    };
    let platforms: Vec<String> = builds.iter().map(|(platform, _)| platform.to_string()).collect();
    let count = counted(builds.len(), "platform");
    let said = format!("{id} {version} in {} ({count}: {})", out.path.display(), platforms.join(", "));
    context.output.status(verb, said);
}

fn warn(packaged: &PackagedPlatforms, allowance: &Allowance, context: &Context) -> Vec<AllowedSecret> {
    let warned = packaged.builds.iter().map(|(_, build)| package::warn_about(build, allowance, context));
    warned.flatten().collect()
}

fn document(packaged: PackagedPlatforms, out: LayoutReference, allowed_secrets: Vec<AllowedSecret>) -> PackedArtifact {
    let PackagedPlatforms { id, version, digest, signature, builds } = packaged;
    let sum = |of: &dyn Fn(&Packaged) -> u64| builds.iter().map(|(_, build)| of(build)).sum();
    let tag = out.tag.or_else(|| Tag::of_version(&version).ok()).map(|tag| tag.to_string());
    PackedArtifact {
        id: id.to_string(),
        version,
        path: path_text(&out.path),
        tag,
        artifact_digest: digest.to_string(),
        layer_digest: None,
        layer_bytes: sum(&|build| build.layer_size),
        file_count: builds.iter().map(|(_, build)| build.files).sum(),
        unpacked_bytes: sum(&|build| build.unpacked_size),
        signed: builds.iter().all(|(_, build)| build.signature != SignatureLook::Unsigned),
        signature_status: signature.as_str(),
        excluded: Vec::new(),
        allowed_secrets,
        platforms: builds.into_iter().map(|(platform, build)| row(&platform, build)).collect(),
    }
}

fn row(platform: &PlatformName, build: Packaged) -> PackedPlatform {
    PackedPlatform {
        platform: platform.to_string(),
        artifact_digest: build.digest.to_string(),
        layer_digest: build.layer_digest.map(|digest| digest.to_string()),
        layer_bytes: build.layer_size,
        file_count: build.files,
        unpacked_bytes: build.unpacked_size,
        signature_status: build.signature.as_str(),
        excluded: build.excluded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_a_platform_is_named_behind_it() {
        let place = tempfile::tempdir().expect("a directory");
        let word = |text: &str| build(&OsString::from(format!("{text}{}", place.path().display())));
        let read = word("linux/aarch64=").expect("a build");
        assert_eq!(read.platform.to_string(), "linux/arm64");
        assert!(matches!(read.source, Source::Directory(directory) if directory == place.path()));
        for (other, reason) in [
            ("linux/arm64", Reason::Usage),
            ("linux=", Reason::Usage),
            ("=", Reason::Usage),
            ("linux/arm64=/nowhere-", Reason::IoNotFound),
        ] {
            assert_eq!(word(other).expect_err(other).reason(), reason, "{other}");
        }
    }
}
