//! The capabilities that a host can grant to a plugin: a closed list.
//!
//! An entry of `capabilities` with a dot in it is one of these, or a mistake. Entries without a dot are
//! the tags that connectors of AiSOC have long listed under the same key; they grant nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

/// Why a reviewer should look twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impact {
    /// It changes what others rely on, or reaches other machines.
    High,
    /// It shows what is meant for few.
    Sensitive,
    /// Neither.
    None,
}

impl Impact {
    /// The impact in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Sensitive => "sensitive",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! capabilities {
    ($($variant:ident $name:literal $accessor:literal $access:literal $impact:ident $meaning:literal $guidance:literal)*) => {
        /// A permission that a manifest asks for and a host may grant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Capability {
            $(#[doc = $meaning] $variant,)*
        }

        impl Capability {
            /// Every capability, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in a manifest.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What a plugin calls on its context to use it: a function without arguments.
            pub const fn accessor(self) -> &'static str {
                match self { $(Self::$variant => $accessor,)* }
            }

            /// What kind of use that is, in one word: `read`, `write`, `emit` or `outbound`.
            pub const fn access(self) -> &'static str {
                match self { $(Self::$variant => $access,)* }
            }

            /// Why a reviewer should look twice.
            pub const fn impact(self) -> Impact {
                match self { $(Self::$variant => Impact::$impact,)* }
            }

            /// What it permits, in one clause.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What a reviewer asks before it is accepted, in one sentence.
            pub const fn guidance(self) -> &'static str {
                match self { $(Self::$variant => $guidance,)* }
            }
        }
    };
}

capabilities! {
    FactsRead "facts.read" "get_facts_reader" "read" None
        "Reads facts in the scopes the plugin works on."
        "Ask which facts it needs to see, and in which scopes."
    FactsWrite "facts.write" "get_facts_writer" "write" High
        "Writes facts."
        "Ask under which names it writes, who sees afterwards that it did, and what stops it from writing more."
    RecallRead "recall.read" "get_recall_reader" "read" None
        "Reads recall, which may combine facts into richer context."
        "Ask what can be learnt from several facts together that none of them says alone."
    RecallWrite "recall.write" "get_recall_writer" "write" High
        "Changes recall, and so what ranks high."
        "Ask what keeps it from pushing its own entries up, or those of others down."
    AuditEmit "audit.emit" "get_audit_emitter" "emit" None
        "Writes audit events, without reading any."
        "Welcome in a plugin that changes something: see that it reports each change that matters."
    AuditRead "audit.read" "get_audit_reader" "read" Sensitive
        "Reads the audit trail: actors, targets, tenants."
        "Ask why it has to know who did what to whom, and where what it reads goes."
    FederationRead "federation.read" "get_federation_reader" "read" None
        "Reads which peers there are and how they are trusted."
        "Ask whether whoever gets its results may know who trusts whom."
    FederationWrite "federation.write" "get_federation_writer" "write" High
        "Changes how peers are trusted and what reaches them."
        "Ask what happens on the peers when it is wrong: what was sent to them cannot be taken back."
    IdentityRead "identity.read" "get_identity_reader" "read" Sensitive
        "Reads identities, on which authorization rests."
        "Ask which attributes it reads, and whether it keeps them or decides by them."
    TenantRead "tenant.read" "get_tenant_reader" "read" None
        "Reads which tenant is served."
        "Ask whether what it learns of one tenant can show in what another one gets."
    TenantWrite "tenant.write" "get_tenant_writer" "write" High
        "Changes the isolation and the routing of tenants."
        "Ask what keeps one tenant's data from another's when it fails half way."
    ConfigRead "config.read" "get_config_reader" "read" None
        "Reads the configuration, which may hold secrets."
        "Look for secrets, names of trusted publishers and addresses of your network in what it can read."
    NetworkOutbound "network.outbound" "get_network_outbound" "outbound" High
        "Opens connections to other machines."
        "Ask for the list of destinations, what is sent there, and after which time it gives up."
}

impl Capability {
    /// The capability whose name is nearest to a word, if any is near at all.
    pub fn nearest(word: &str) -> Option<Self> {
        nearest(word, Self::ALL.iter().map(|capability| (*capability, capability.as_str())))
    }
}

impl Capability {
    /// The capabilities that a list names: names, `AREA.*` for all of an area and `*.VERB` for one verb in all areas,
    /// with commas between them and blanks around them.
    ///
    /// # Errors
    /// `usage` for an entry that names none: whoever lists what is not to be has to be understood.
    pub fn read_list(text: &str) -> Result<BTreeSet<Self>> {
        let mut named = BTreeSet::new();
        for entry in text.split(',').map(str::trim) {
            let mut found = Self::ALL.iter().copied().filter(|capability| capability.is_named_by(entry)).peekable();
            if found.peek().is_none() {
                return Err(no_capability(entry));
            }
            named.extend(found);
        }
        Ok(named)
    }

    fn is_named_by(self, entry: &str) -> bool {
        let Some((area, verb)) = self.as_str().split_once('.') else { return false };
        match entry.split_once('.') {
            Some((one, "*")) => one == area,
            Some(("*", one)) => one == verb,
            _ => entry == self.as_str(),
        }
    }
}

fn no_capability(entry: &str) -> Fault {
    let message = format!("`{}` names no capability", shown(entry, 80));
    let fault = Fault::new(Reason::Usage, message);
    match Capability::nearest(entry) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint("see which there are: `aisoc capabilities`"),
    }
}

/// Most unknown names that a refusal repeats, in the order of their names.
const MAX_NAMED: usize = 32;

/// Refuses names that no host can grant: all of them, in the order of their names, with the nearest that there is.
///
/// # Errors
/// `unknown_capability`.
pub fn require_known<'a>(grants: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let is_unknown = |name: &&str| Capability::ALL.iter().all(|capability| capability.as_str() != *name);
    let unknown: BTreeSet<&str> = grants.into_iter().filter(is_unknown).collect();
    let names: Vec<String> = unknown.iter().take(MAX_NAMED).map(|name| format!("`{}`", shown(name, 80))).collect();
    let message = match (names.as_slice(), unknown.len().saturating_sub(MAX_NAMED)) {
        ([], _) => return Ok(()),
        ([name], _) => format!("{name} is not a capability that a host can grant"),
        (names, 0) => format!("{} are not capabilities that a host can grant", names.join(", ")),
        (names, more) => format!("{} and {more} more are not capabilities that a host can grant", names.join(", ")),
    };
    let near: Vec<String> = unknown.iter().take(MAX_NAMED).filter_map(|name| meant(name, unknown.len())).collect();
    let fault = Fault::new(Reason::UnknownCapability, message);
    Err(if near.is_empty() { fault } else { fault.hint(format!("did you mean {}?", near.join(", "))) })
}

/// What an unknown name may have been meant for; beside others it says which name that is about.
fn meant(name: &str, of: usize) -> Option<String> {
    let near = Capability::nearest(name)?;
    Some(if of == 1 { format!("`{near}`") } else { format!("`{near}` for `{}`", shown(name, 80)) })
}

/// Whether an entry of `capabilities` asks for a grant, and is no tag.
pub fn is_grant(entry: &str) -> bool {
    entry.contains('.')
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Capability {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        require_known([text])?;
        let named = Self::ALL.iter().copied().find(|capability| capability.as_str() == text);
        named.ok_or_else(|| Fault::new(Reason::Internal, "a capability is known and is none"))
    }
}

/// The candidate whose name takes the fewest changes to make from `word`, at most a third of its length.
pub(crate) fn nearest<T>(word: &str, candidates: impl Iterator<Item = (T, &'static str)>) -> Option<T> {
    // Longer words are no slip of the fingers, and comparing costs their length.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .map(|(candidate, name)| (distance(&word, name), name.len() / 3, candidate))
        .filter(|(distance, limit, _)| distance <= limit)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., candidate)| candidate)
}

/// Levenshtein: insertions, deletions and replacements that turn one word into the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_thirteen_and_every_name_reads_back() {
        assert_eq!(Capability::ALL.len(), 13);
        for capability in Capability::ALL {
            assert_eq!(capability.as_str().parse::<Capability>().expect("its own name"), *capability);
        }
    }

    #[test]
    fn slips_are_named() {
        assert_eq!(Capability::nearest("fact.read"), Some(Capability::FactsRead));
        assert_eq!(Capability::nearest("Network.Outbuond"), Some(Capability::NetworkOutbound));
        assert_eq!(Capability::nearest("filesystem.everything"), None);
        let fault = "facts.reed".parse::<Capability>().expect_err("a slip");
        assert_eq!((fault.reason(), fault.next_step()), (Reason::UnknownCapability, "did you mean `facts.read`?"));
    }

    #[test]
    fn all_unknown_names_are_named_in_order_each_with_the_nearest() {
        let of = |names: &[&str]| require_known(names.iter().copied()).expect_err("unknown");
        let fault = of(&["process.spawn", "facts.read", "facts.reed", "facts.reed", "audit.emitt"]);
        assert_eq!(
            fault.message(),
            "`audit.emitt`, `facts.reed`, `process.spawn` are not capabilities that a host can grant"
        );
        assert_eq!(fault.next_step(), "did you mean `audit.emit` for `audit.emitt`, `facts.read` for `facts.reed`?");
        assert_eq!(of(&["process.spawn"]).next_step(), Reason::UnknownCapability.remedy());
        require_known(Capability::ALL.iter().map(|capability| capability.as_str())).expect("all known");
        require_known([]).expect("nothing is asked for");
        let many = |count: usize| {
            let names: Vec<String> = (0..count).map(|number| format!("x.{number:03}")).collect();
            require_known(names.iter().map(String::as_str)).expect_err("unknown").message().to_owned()
        };
        assert!(many(MAX_NAMED - 1).contains("`x.030` are not") && many(MAX_NAMED).contains("`x.031` are not"));
        assert!(many(MAX_NAMED + 1).contains("`x.031` and 1 more are not") && !many(MAX_NAMED + 1).contains("x.032"));
    }

    #[test]
    fn a_list_names_capabilities_areas_and_verbs_and_nothing_else() {
        let names = |text: &str| {
            let read = Capability::read_list(text).expect(text).into_iter();
            read.map(Capability::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("network.outbound"), "network.outbound");
        assert_eq!(names(" facts.* ,facts.read"), "facts.read facts.write");
        assert_eq!(names("*.write"), "facts.write recall.write federation.write tenant.write");
        for none in ["", ",", "facts", "*", "*.*", "fact.read", "facts.r*", "Facts.read", "facts.read,", "facts.read.x"]
        {
            assert_eq!(Capability::read_list(none).expect_err(none).reason(), Reason::Usage, "{none}");
        }
        assert_eq!(Capability::read_list("facts.reed").expect_err("a slip").next_step(), "did you mean `facts.read`?");
    }

    #[test]
    fn impact_is_as_the_reference_marks_it() {
        let of = |impact| {
            let marked = Capability::ALL.iter().filter(|capability| capability.impact() == impact);
            marked.map(|capability| capability.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(
            of(Impact::High),
            ["facts.write", "recall.write", "federation.write", "tenant.write", "network.outbound"]
        );
        assert_eq!(of(Impact::Sensitive), ["audit.read", "identity.read"]);
        for capability in Capability::ALL {
            assert!(["read", "write", "emit", "outbound"].contains(&capability.access()), "{capability}");
            assert!(capability.accessor().starts_with("get_") && capability.guidance().ends_with('.'), "{capability}");
        }
    }

    #[test]
    fn distance_counts_single_changes() {
        for (left, right, expected) in [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)] {
            assert_eq!(distance(left, right), expected);
        }
    }
}
