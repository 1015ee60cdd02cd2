//! A reference that names neither a tag nor a digest: refused, with what could have been named. `latest` is not
//! assumed: what is installed must not depend on a name that nobody wrote.

use std::ffi::OsString;
use std::time::Duration;

use aisoc_files::{shell_argument, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::Tags;
use aisoc_registry_client::ClientOptions;

use crate::context::Context;
use crate::runtime;

/// How long the tags are asked for. The answer is no: it does not wait for a list to be a better one.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most tags that a refusal names.
const MAX_NAMED_TAGS: usize = 10;

/// Refuses a reference into a registry that names no artifact, and lists the tags that there are. A registry that
/// lists none, or cannot be asked, does not make another refusal of it.
///
/// # Errors
/// `invalid_ref`, and `interrupted`.
pub(super) fn require_named(reference: &Reference, client: &ClientOptions, context: &Context) -> Result<()> {
    let Reference::Registry(registry) = reference else { return Ok(()) };
    if registry.tag().is_some() || registry.digest().is_some() {
        return Ok(());
    }
    let refusal = Fault::new(Reason::InvalidReference, format!("`{reference}` names neither a tag nor a digest"));
    Err(match tags_in_time(reference, client, context)? {
        Ok(tags) => listed(refusal, reference, &tags, context),
        Err(cause) => refusal
            .caused_by(format!("the tags could not be listed: {cause}"))
            .hint(format!("add the tag: `{reference}:TAG`; `latest` is not assumed")),
    })
}

/// Asks for the tags of a place for a moment; why there are none is said in words.
///
/// # Errors
/// `interrupted`.
pub(super) fn tags_in_time(
    reference: &Reference,
    client: &ClientOptions,
    context: &Context,
) -> Result<std::result::Result<Tags, String>> {
    let asked = async { Ok(tokio::time::timeout(PATIENCE, aisoc_pipeline::tags(reference, client)).await) };
    Ok(match runtime::block_on(context.cancellation()?, asked)? {
        Ok(tags) => tags.map_err(|fault| format!("{}: {fault}", fault.reason())),
        Err(_) => Err(format!("the registry has not listed them within {} seconds", PATIENCE.as_secs())),
    })
}

fn listed(refusal: Fault, reference: &Reference, tags: &Tags, context: &Context) -> Fault {
    let Some(newest) = tags.newest() else {
        return refusal.expected("a tag", "a repository that has none").hint(format!(
            "have the publisher push a version, `aisoc plugin push DIR {reference}:VERSION`, or check the name"
        ));
    };
    refusal
        .expected(first_of(tags), "none")
        .hint(format!("`{}`", with_reference(context, reference, &format!("{reference}:{newest}"))))
}

/// `one of the tags 2.0.0, 1.0.0, … and 7 more`
pub(super) fn first_of(tags: &Tags) -> String {
    let named: Vec<&str> = tags.all().iter().take(MAX_NAMED_TAGS).map(|tag| tag.as_str()).collect();
    let more = match tags.all().len().saturating_sub(MAX_NAMED_TAGS) {
        0 => String::new(),
        more => format!(", … and {more} more"),
    };
    format!("one of the tags {}{more}", named.join(", "))
}

/// The command line as it was typed, with another reference where that one stands.
pub(super) fn with_reference(context: &Context, reference: &Reference, other: &str) -> String {
    let (words, text) = (context.environment.arguments(), reference.to_string());
    let word = |word: &OsString| match word.to_str() {
        Some(word) if word == text => shell_word(other),
        Some(word) if word.strip_prefix("oci://") == Some(&text) => shell_word(format!("oci://{other}")),
        _ => shell_argument(word),
    };
    let rest: Vec<String> = words.iter().skip(1).map(word).collect();
    format!("aisoc {}", rest.join(" "))
}
