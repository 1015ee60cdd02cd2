//! `aisoc keys endorse|accept`: a key that names its successor, and a site that follows it when it is asked to.

pub(super) mod accept;
pub(super) mod endorse;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::keys::FoundStatement;
use aisoc_signing::{Envelope, PayloadType};

use super::statement::Named;

/// An endorsement that was found there, unverified.
///
/// # Errors
/// `statement_invalid` for what is none.
fn envelope(found: &FoundStatement, named: &Named) -> Result<Envelope> {
    let shown = named.shown().map_or_else(|| "standard input".to_owned(), |shown| format!("`{shown}`"));
    Envelope::read(&found.content, PayloadType::KeySuccession).map_err(|fault| fault.about(shown))
}
