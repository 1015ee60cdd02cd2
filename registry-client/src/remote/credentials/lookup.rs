//! `Lookup`: how a search for a login went: what it found, where, and what it passed over on the way.
//!
//! Made for the search itself and for whoever asks why it came out as it did, so that the two cannot differ. No
//! secret is in what it says of sources.

use std::error::Error as _;

use aisoc_manifests::fault::Fault;

use super::credential::Credential;

/// How a search for a login went.
#[derive(Debug, Default)]
pub(in crate::remote) struct Lookup {
    pub(in crate::remote) credential: Option<Credential>,
    /// Where it is from; where nothing was found, whose word it is that there is none.
    pub(in crate::remote) from: Option<LoginOrigin>,
    pub(in crate::remote) passed: Vec<PassedOver>,
    /// What to do when the registry refuses it.
    pub(in crate::remote) remedy: Option<String>,
}

/// Where a login is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginOrigin {
    /// The file, or the variables.
    pub source: String,
    /// What in it; nothing for variables.
    pub part: Option<LoginPart>,
}

/// A part of a document of logins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginPart {
    /// The helper that `credHelpers` has for the registry: the program.
    Helper(String),
    /// The store that `credsStore` names: the program.
    Store(String),
    /// An entry of `auths`: its key.
    Entry(String),
}

/// A source, or a part of one, that has no login for the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The file, or the variables.
    pub source: String,
    /// What in it; nothing for all of it.
    pub part: Option<LoginPart>,
    /// Why.
    pub why: WhyPassed,
}

/// Why something was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyPassed {
    /// The variables are not set.
    NotSet,
    /// The variables are for another registry, or for none, in words.
    OtherRegistry(String),
    /// There is no such file.
    Absent,
    /// Nothing in it is about logins.
    Empty,
    /// Nothing in it is about the repository or its registry.
    NoEntry,
    /// The helper, the store or the entry has no login.
    NoLogin,
    /// It cannot be used, in words; `stops_writing` says whether a push ends there.
    Unusable {
        /// What is wrong with it. No secret is in it.
        what: String,
        /// Whether a push is refused because of it: a later source may be somebody else.
        stops_writing: bool,
    },
    /// A source before it has a login.
    NotAsked,
}

impl Lookup {
    pub(super) fn found(&mut self, credential: Credential, source: &str, part: Option<LoginPart>, remedy: String) {
        self.credential = Some(credential);
        self.nobody_at(source, part, remedy);
    }

    /// A source that ends the search without a login.
    pub(super) fn nobody(&mut self, source: &str, remedy: String) {
        self.nobody_at(source, None, remedy);
    }

    fn nobody_at(&mut self, source: &str, part: Option<LoginPart>, remedy: String) {
        self.from = Some(LoginOrigin { source: source.to_owned(), part });
        self.remedy = Some(remedy);
    }

    pub(super) fn pass_over(&mut self, source: &str, part: Option<LoginPart>, why: WhyPassed) {
        self.passed.push(PassedOver { source: source.to_owned(), part, why });
    }

    pub(super) fn stumble_over(&mut self, source: &str, part: Option<LoginPart>, is_let_go: bool, fault: &Fault) {
        let cause = fault.source().map_or(String::new(), |cause| format!(": {cause}"));
        self.pass_over(
            source,
            part,
            WhyPassed::Unusable { what: format!("{fault}{cause}"), stops_writing: !is_let_go },
        );
    }

    /// What could not be used of whole sources, in words.
    pub(super) fn trouble(&self) -> Option<String> {
        let unusable =
            self.passed.iter().filter(|passed| passed.part.is_none()).filter_map(|passed| match &passed.why {
                WhyPassed::Unusable { what, .. } => Some(what.as_str()),
                _ => None,
            });
        let told = unusable.collect::<Vec<_>>().join("; ");
        (!told.is_empty()).then_some(told)
    }
}
