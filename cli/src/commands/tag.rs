//! The tag of what is published: the version, unless another one is asked for.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_manifests::warning::Warning;

use crate::context::Context;

/// Where a plugin of that version goes. A digest says already what is meant, and a tag that is not the version is
/// what the publisher asked for, and not what anybody looks for.
///
/// # Errors
/// `invalid_version` when there is no tag and the version makes none; `usage` when neither is known.
pub(super) fn destination(reference: &Reference, version: Option<&str>, context: &Context) -> Result<Reference> {
    match version {
        Some(version) if reference.names_no_artifact() => {
            let tag = Tag::of_version(version).map_err(|fault| fault.hint(named(reference)))?;
            Ok(reference.tagged(tag))
        }
        None if reference.names_no_artifact() => {
            let message = format!("`{reference}` names no tag, and what is copied does not say its version");
            Err(Fault::new(Reason::Usage, message).hint(named(reference)))
        }
        version => {
            warn_of_another(reference.tag(), version, context);
            Ok(reference.clone())
        }
    }
}

fn named(reference: &Reference) -> String {
    format!("write the tag behind the reference, for example `{reference}:1.0.0`")
}

/// Says both when a tag is not the version that it stands for.
pub(super) fn warn_of_another(tag: Option<&Tag>, version: Option<&str>, context: &Context) {
    let Some((tag, version)) = tag.zip(version) else { return };
    if Tag::of_version(version).ok().as_ref() != Some(tag) {
        let message = format!("the tag is `{tag}`, and the version is `{version}`");
        context.output.warning(Warning::TagNotVersion, message);
    }
}
