//! What a word names, for every command that takes a path, a reference or an id.

use std::ffi::OsStr;

use aisoc_installation::{Site, escaped};
use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::Subject;

use crate::context::Context;

/// What `word` names. A path wins over an id, and where it does so that is said.
///
/// # Errors
/// As [`Subject::parse`].
pub(super) fn subject(word: &OsStr, site: &Site, context: &Context) -> Result<Subject> {
    let subject = Subject::parse(word, site)?;
    if let Some(place) = subject.passed_over(word, site) {
        let (word, place) = (escaped(word), escaped(place.as_os_str()));
        let said = format!("`{word}` is a path here, which was taken, and not the installed plugin in `{place}`");
        context.output.warning(Warning::PathTaken, said);
    }
    Ok(subject)
}
