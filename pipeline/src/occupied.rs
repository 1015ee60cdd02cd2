//! What a package may take the place of: an earlier package of its own plugin. Whatever else has the name stays.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::oci::ImageIndex;
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference, Tag};
use aisoc_registry_client::{ClientOptions, Named, Tagging as _, Target};

use crate::publishable::noted;

/// Whether something is for one platform of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A manifest, for whatever platform.
    Artifact,
    /// An index of a manifest for each of several platforms.
    Platforms,
}

/// Refuses to replace what another plugin, or several artifacts, would be lost with. A layout directory keeps what it
/// has, and loses what `tag` names; an archive is replaced as a whole.
///
/// # Errors
/// `tag_exists` and `already_exists`, `layout_invalid`, `io_` reasons.
pub(crate) async fn require_own(out: &LayoutReference, (id, kind): (&PluginId, Kind), tag: Option<&Tag>) -> Result<()> {
    if out.form == LayoutForm::Directory && !out.path.is_dir() {
        return Err(Fault::new(Reason::LayoutInvalid, message(out, "is there, and is no layout's directory"))
            .expected("nothing, or a directory", "a file")
            .hint("write it to another name with `--out`; that of an archive ends in `.tar`"));
    }
    let tags = match out.form {
        LayoutForm::Archive => {
            let tags = open(out, None)?.tags().await?;
            if tags.len() > 1 {
                return Err(Fault::new(Reason::AlreadyExists, message(out, "holds several artifacts, which would be lost"))
                    .expected("nothing, or one artifact of the same plugin", format!("{} tags", tags.len()))
                    .hint("write the archive to another name with `--out`, or add to it: `aisoc plugin push DIR oci-archive:FILE:TAG`"));
            }
            tags
        }
        LayoutForm::Directory => tag.cloned().into_iter().collect(),
    };
    for tag in tags {
        let other = match occupant(out, &tag).await? {
            Occupant::Nothing => continue,
            Occupant::Of(Some(noted), found) if noted == id.as_str() => {
                require_kind(out, &tag, kind, found)?;
                continue;
            }
            Occupant::Of(Some(noted), _) => format!("an artifact of `{noted}`"),
            Occupant::Of(None, _) => "an artifact that does not say of which plugin it is".to_owned(),
        };
        return Err(Fault::new(Reason::TagExists, message(out, &format!("has the tag `{tag}`, of another plugin")))
            .expected(format!("nothing, or an artifact of `{id}`"), other)
            .hint("write it to another name with `--out`, or under another tag with `--tag`"));
    }
    Ok(())
}

/// Whoever has an index for several platforms under a tag would lose all of them but one, and the other way round whoever
/// installs elsewhere would find nothing any more.
fn require_kind(out: &LayoutReference, tag: &Tag, kind: Kind, found: Kind) -> Result<()> {
    let elsewhere = "write it to another name with `--out`, or under another tag with `--tag`";
    match (kind, found) {
        (Kind::Artifact, Kind::Artifact) | (Kind::Platforms, Kind::Platforms) => Ok(()),
        (Kind::Artifact, Kind::Platforms) => Err(Fault::new(
            Reason::TagExists,
            message(out, &format!("has the tag `{tag}`, of an index of platforms")),
        )
        .expected("nothing, or an artifact that is for no platform", "an index of platforms")
        .hint(format!(
            "say for which platform it is, `--platform OS/ARCHITECTURE=DIR`, with all the others; or {elsewhere}"
        ))),
        (Kind::Platforms, Kind::Artifact) => Err(Fault::new(
            Reason::TagExists,
            message(out, &format!("has the tag `{tag}`, of an artifact for no platform")),
        )
        .expected("nothing, or an index of platforms", "an artifact that is for no platform")
        .hint(elsewhere)),
    }
}

fn message(out: &LayoutReference, what: &str) -> String {
    format!("`{}` {what}", out.path.display())
}

fn open(out: &LayoutReference, tag: Option<&Tag>) -> Result<Target> {
    let reference = LayoutReference { tag: tag.cloned(), digest: None, ..out.clone() };
    Target::open(&Reference::Layout(reference), &ClientOptions::default()).map_err(|fault| match fault.reason() {
        // Made again it would be lost.
        Reason::LayoutInvalid => fault.hint("write it to another name with `--out`, or remove what is there first"),
        _ => fault,
    })
}

/// What a tag names.
enum Occupant {
    /// Nothing that would be missed: it is free, or what has it is damaged, and packing again is how that is mended.
    Nothing,
    /// Of the plugin that its publisher has noted, where that was noted.
    Of(Option<String>, Kind),
}

async fn occupant(out: &LayoutReference, tag: &Tag) -> Result<Occupant> {
    let named = Named::fetch(&open(out, Some(tag))?, None, &PlatformChoice::to_look(None)).await;
    let Named { manifest, index, .. } = match named {
        Err(fault) if matches!(fault.reason(), Reason::ReferenceNotFound | Reason::PullFailed) => {
            return Ok(Occupant::Nothing);
        }
        named => named?,
    };
    let is_of_platforms = index.map(|index| ImageIndex::read(index.bytes())).transpose()?;
    let kind = match is_of_platforms.is_some_and(|index| index.for_platforms().is_some()) {
        true => Kind::Platforms,
        false => Kind::Artifact,
    };
    Ok(Occupant::Of(noted(manifest.bytes()).map(|(id, _)| id), kind))
}
