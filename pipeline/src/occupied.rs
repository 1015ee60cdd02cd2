//! What a package may take the place of: an earlier package of its own plugin. Whatever else has the name stays.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference, Tag};
use aisoc_registry_client::{ClientOptions, Named, Tagging as _, Target};

use crate::publication::noted;

/// Refuses to replace what another plugin, or several artifacts, would be lost with. A layout directory keeps what it
/// has, and loses what `tag` names; an archive is replaced as a whole.
///
/// # Errors
/// `tag_exists` and `already_exists`, `layout_invalid`, `io_` reasons.
pub(crate) async fn require_own(out: &LayoutReference, id: &PluginId, tag: Option<&Tag>) -> Result<()> {
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
        if let Some(other) = noted_id(out, &tag).await?.filter(|other| other != id.as_str()) {
            return Err(Fault::new(
                Reason::TagExists,
                message(out, &format!("has the tag `{tag}`, of another plugin")),
            )
            .expected(format!("nothing, or an artifact of `{id}`"), format!("an artifact of `{other}`"))
            .hint("write it to another name with `--out`, or under another tag with `--tag`"));
        }
    }
    Ok(())
}

fn message(out: &LayoutReference, what: &str) -> String {
    format!("`{}` {what}", out.path.display())
}

fn open(out: &LayoutReference, tag: Option<&Tag>) -> Result<Target> {
    let reference = LayoutReference { tag: tag.cloned(), digest: None, ..out.clone() };
    Target::open(&Reference::Layout(reference), &ClientOptions::default())
}

/// The plugin that an artifact is of, as its publisher has noted.
async fn noted_id(out: &LayoutReference, tag: &Tag) -> Result<Option<String>> {
    match Named::fetch(&open(out, Some(tag))?, None).await {
        Ok(Named { manifest, .. }) => Ok(noted(manifest.bytes()).map(|(id, _)| id)),
        // Nothing has the tag; or what has it is no artifact of a plugin, and is nobody's to replace by a slip.
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}
