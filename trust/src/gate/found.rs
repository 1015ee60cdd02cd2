//! What the gates are told about a plugin that is found, and is no tree.

use aisoc_manifests::fault::Fault;

/// What was read of a plugin where it is.
#[derive(Debug, Clone, Copy)]
pub struct FoundPlugin<'a> {
    /// Where it is.
    pub place: &'a str,
    /// What it is to its host.
    pub kind: &'a str,
    /// Whether drop-ins count here, of a drop-in.
    pub is_allowed: Option<bool>,
}

/// What somebody says of the signature of a plugin that is found.
#[derive(Debug, Clone)]
pub enum FoundSignature {
    /// It has none by its kind: nobody signs it.
    OfNoKind,
    /// It may pass, for that reason.
    Passes(String),
    /// It may not.
    Refused(Fault),
}
