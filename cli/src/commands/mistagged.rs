//! A tag that is not there: refused by the registry, and answered with those that are.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::Tags;
use aisoc_registry_client::ClientOptions;

use super::suggestion::nearest;
use super::untagged::{first_of, tags_in_time, with_reference};
use crate::context::Context;

/// The result, and for a tag that is not there the tags that are. A registry that cannot list them in a moment leaves
/// the refusal as it is.
///
/// # Errors
/// That of the result; `interrupted` when it is while the registry is asked.
pub(super) fn naming_tags<T>(
    result: Result<T>,
    reference: &Reference,
    client: &ClientOptions,
    context: &Context,
) -> Result<T> {
    match result {
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => {
            Err(named(fault, reference, client, context).unwrap_or_else(|interrupted| interrupted))
        }
        result => result,
    }
}

fn named(fault: Fault, reference: &Reference, client: &ClientOptions, context: &Context) -> Result<Fault> {
    let Reference::Registry(registry) = reference else { return Ok(fault) };
    let (Some(tag), None) = (registry.tag(), registry.digest()) else { return Ok(fault) };
    let Ok(tags) = tags_in_time(reference, client, context)? else { return Ok(fault) };
    // Where the tag is there, something else is missing.
    Ok(match better(tag.as_str(), &tags) {
        Some(better) if !tags.all().contains(tag) => {
            let other = registry.tagged(better).to_string();
            let line = with_reference(context, reference, &other);
            fault.expected(first_of(&tags), tag.as_str()).hint(format!("`{line}`"))
        }
        _ => fault,
    })
}

/// The one that was meant, or the newest.
fn better(tag: &str, tags: &Tags) -> Option<aisoc_manifests::reference::Tag> {
    let meant = nearest(tag, tags.all().iter().map(|tag| tag.as_str()));
    let known = tags.all().iter().find(|known| Some(known.as_str()) == meant);
    known.or_else(|| tags.newest()).cloned()
}
