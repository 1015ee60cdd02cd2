//! `Judged`: something that two keyrings were asked about.

use aisoc_manifests::fault::Result;

use super::dependence::Place;
use crate::foresight::Foretold;
use crate::judge::Judgement;

/// Something that was judged by the keys as they are, and without some of them.
pub(super) struct Judged {
    pub(super) place: Place,
    pub(super) source: String,
    /// What it was installed from, where that is written down.
    pub(super) reference: Option<String>,
    pub(super) id: Option<String>,
    pub(super) version: Option<String>,
    pub(super) today: Result<Judgement>,
    /// Nothing where the keys have nothing to do with it.
    pub(super) foreseen: Option<Foretold>,
    /// Other references that lead to it.
    pub(super) also_named: Vec<String>,
    /// Whether `today` is no verdict, for nobody could read it.
    pub(super) is_unread: bool,
}
