//! What a package may take the place of: an earlier package of its own plugin. Whatever else has the name stays.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference, Tag};
use aisoc_registry_client::{ClientOptions, Named, Tagging as _, Target};

use crate::publication::noted;

/// Refuses to replace what another plugin, or several artifacts, would be lost with. A layout directory keeps what it
/// has, and loses what `tag` names; an archive is replaced as a whole.
///
/// # Errors
/// `tag_exists` and `already_exists`, `layout_invalid`, `io_` reasons.
pub(crate) async fn require_own(out: &LayoutReference, id: &PluginId, tag: Option<&Tag>) -> Result<()> {
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
            None => continue,
            Some(Some(noted)) if noted == id.as_str() => continue,
            Some(Some(noted)) => format!("an artifact of `{noted}`"),
            Some(None) => "an artifact that does not say of which plugin it is".to_owned(),
        };
        return Err(Fault::new(Reason::TagExists, message(out, &format!("has the tag `{tag}`, of another plugin")))
            .expected(format!("nothing, or an artifact of `{id}`"), other)
            .hint("write it to another name with `--out`, or under another tag with `--tag`"));
    }
    Ok(())
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

/// The artifact that has a tag, if any has: the plugin that it is of, where its publisher has noted that.
async fn occupant(out: &LayoutReference, tag: &Tag) -> Result<Option<Option<String>>> {
    match Named::fetch(&open(out, Some(tag))?, None, &PlatformChoice::None).await {
        Ok(Named { manifest, .. }) => Ok(Some(noted(manifest.bytes()).map(|(id, _)| id))),
        // Nothing has the tag; or what has it is damaged, and packing again is how that is mended.
        Err(fault) if matches!(fault.reason(), Reason::ReferenceNotFound | Reason::PullFailed) => Ok(None),
        Err(fault) => Err(fault),
    }
}
