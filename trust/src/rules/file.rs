//! The file of rules: TOML, strictly. What is not understood refuses all of it: a rule that was misspelt is one that
//! somebody relies on.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Location, Reason, Result};
use aisoc_manifests::position::Position;
use aisoc_manifests::text::{printable, shown};
use aisoc_signing::proof::{Constraint, Identity, RsaVerifiers, TrustedRoot};
use aisoc_signing::{Fingerprint, Scope};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::demand::{ProofDemand, ProofKind, ProvedBy};
use super::material::{read_judged, read_proof_key, read_trusted_root};
use super::rule::{KeyDemand, TrustRule, TrustRules};

/// The largest file of rules. It is read whenever something is judged.
pub const MAX_TRUST_POLICY_BYTES: u64 = 256 << 10;
/// Most rules of one file: each is held against every plugin.
pub const MAX_RULES: usize = 256;
/// Most proofs that one rule demands: each is looked for in everything that refers to an artifact.
pub const MAX_RULE_PROOFS: usize = 16;

/// The version of the form that is read.
const SCHEMA_VERSION: u64 = 1;
/// Longest name of a file, and so of a key.
const MAX_NAME_BYTES: usize = 255;
/// How much of a name is shown.
const SHOWN: usize = 80;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema_version: Spanned<u64>,
    #[serde(default)]
    trusted_root: Option<PathBuf>,
    rules: Vec<Spanned<WrittenRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    name: String,
    #[serde(default)]
    plugins: Option<Vec<String>>,
    #[serde(default)]
    repositories: Option<Vec<String>>,
    #[serde(default)]
    keys: Option<WrittenKeys>,
    #[serde(default)]
    proofs: Vec<Spanned<WrittenProof>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKeys {
    at_least: NonZeroUsize,
    #[serde(default)]
    of: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct WrittenProof {
    kind: String,
    identity: Option<String>,
    identity_pattern: Option<String>,
    issuer: Option<String>,
    issuer_pattern: Option<String>,
    key: Option<PathBuf>,
    unlogged: Option<bool>,
    builder: Option<String>,
    builder_pattern: Option<String>,
}

/// What is wrong, and at which byte.
pub(super) type Wrong = (usize, String);

/// A file that somebody has written, and what it is refused for.
pub(super) struct Place {
    shown: String,
    invalid: Reason,
}

impl Place {
    pub(super) fn of(path: &Path, invalid: Reason) -> Self {
        Self { shown: path.display().to_string(), invalid }
    }

    pub(super) fn invalid(&self, content: &[u8], (at, what): Wrong) -> Fault {
        Fault::new(self.invalid, what).at(Location::new(&self.shown, Position::of_byte(content, at)))
    }
}

/// Reads TOML of that form, and nothing else.
///
/// # Errors
/// What the place is refused for.
pub(super) fn read_toml<T: DeserializeOwned>(place: &Place, content: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(content)
        .map_err(|error| place.invalid(content, (error.valid_up_to(), "the file is no UTF-8".to_owned())))?;
    toml::from_str(text).map_err(|error| {
        place.invalid(content, (error.span().map_or(0, |span| span.start), shown(error.message(), 300)))
    })
}

impl TrustRules {
    /// Reads a file of rules, and what it names: a trusted root and keys, by their paths from the directory of the file.
    ///
    /// # Errors
    /// `trust_policy_invalid` for what is no such file, for one that has more than the limits of this module allow, and
    /// for one of which something is not understood; `trusted_root_invalid`, `proof_key_invalid`; `directory_insecure` for
    /// a file that others can change, and I/O reasons.
    pub fn read(path: &Path, rsa: RsaVerifiers) -> Result<Self> {
        let place = Place::of(path, Reason::TrustPolicyInvalid);
        let content = read_judged(path, MAX_TRUST_POLICY_BYTES, Reason::TrustPolicyInvalid)?;
        let invalid = |wrong: Wrong| place.invalid(&content, wrong);
        let Written { schema_version: version, trusted_root, rules } = read_toml(&place, &content)?;
        if *version.get_ref() != SCHEMA_VERSION {
            return Err(invalid((version.span().start, "the rules are of another version".to_owned()))
                .expected(SCHEMA_VERSION.to_string(), version.get_ref().to_string()));
        }
        if rules.is_empty() || rules.len() > MAX_RULES {
            return Err(invalid((0, "the file has no rule, or too many".to_owned()))
                .expected(format!("1 to {MAX_RULES}"), rules.len().to_string()));
        }
        let beside = |named: &Path| aisoc_files::parent(path).join(named);
        let root = trusted_root.as_deref().map(|root| read_trusted_root(&beside(root), rsa)).transpose()?;
        let mut reader = Reader { root: root.map(Arc::new), beside: &beside, rsa, names: BTreeSet::new() };
        let rules = rules.into_iter().map(|rule| reader.rule(rule).map_err(|unread| unread.fault(&invalid)));
        Ok(Self { rules: rules.collect::<Result<_>>()?, place: path.display().to_string() })
    }
}

/// Why a rule cannot be read: for itself, or for a file that it names.
enum Unread {
    Wrong(Wrong),
    Named(Fault),
}

impl Unread {
    fn fault(self, invalid: &impl Fn(Wrong) -> Fault) -> Fault {
        match self {
            Self::Wrong(wrong) => invalid(wrong),
            Self::Named(fault) => fault,
        }
    }
}

/// What is the same for all rules.
struct Reader<'a> {
    root: Option<Arc<TrustedRoot>>,
    beside: &'a dyn Fn(&Path) -> PathBuf,
    rsa: RsaVerifiers,
    /// The names of the rules so far.
    names: BTreeSet<String>,
}

impl Reader<'_> {
    fn rule(&mut self, written: Spanned<WrittenRule>) -> Result<TrustRule, Unread> {
        let at = written.span().start;
        let WrittenRule { name, plugins, repositories, keys, proofs } = written.into_inner();
        let wrong = |what: String| Unread::Wrong((at, what));
        let called = shown(&name, SHOWN);
        if name.is_empty() || !self.names.insert(name.clone()) {
            return Err(wrong(format!("the name `{called}` of a rule is empty, or that of another rule")));
        }
        let scope = Scope { plugins, repositories };
        scope.require_sound().map_err(|fault| wrong(in_rule(&called, &fault)))?;
        let keys = keys.map(|keys| read_keys(keys).map_err(|what| wrong(format!("rule `{called}`: {what}"))));
        if proofs.len() > MAX_RULE_PROOFS {
            return Err(wrong(format!(
                "rule `{called}` demands {} proofs, and at most {MAX_RULE_PROOFS} are looked for",
                proofs.len()
            )));
        }
        let proofs = proofs.into_iter().map(|proof| self.proof(&called, proof)).collect::<Result<_, _>>()?;
        Ok(TrustRule { name, scope, keys: keys.transpose()?, proofs })
    }

    fn proof(&self, rule: &str, written: Spanned<WrittenProof>) -> Result<ProofDemand, Unread> {
        let at = written.span().start;
        let wrong = |what: String| Unread::Wrong((at, format!("rule `{rule}`: {what}")));
        let constraint = |exact: &Option<String>, pattern: &Option<String>, what: &str| match (exact, pattern) {
            (Some(_), Some(_)) => {
                Err(wrong(format!("`{what}` and `{what}_pattern` are given, and one of them counts")))
            }
            (Some(exact), None) => Constraint::exact(exact).map(Some).map_err(|fault| wrong(in_words(&fault))),
            (None, Some(pattern)) => Constraint::pattern(pattern).map(Some).map_err(|fault| wrong(in_words(&fault))),
            (None, None) => Ok(None),
        };
        let WrittenProof { kind, identity, identity_pattern, issuer, issuer_pattern, key, unlogged, .. } =
            written.get_ref();
        let kind = ProofKind::named(kind).ok_or_else(|| {
            let known = ProofKind::ALL.map(ProofKind::as_str).join(", ");
            wrong(format!("`kind` has to be one of {known}, and here is `{}`", shown(kind, SHOWN)))
        })?;
        let builder = constraint(&written.get_ref().builder, &written.get_ref().builder_pattern, "builder")?;
        if builder.is_some() && kind != ProofKind::Provenance {
            return Err(wrong(format!("`builder` is of provenance, and here is {kind}")));
        }
        let name = constraint(identity, identity_pattern, "identity")?;
        let issuer = constraint(issuer, issuer_pattern, "issuer")?;
        let root = || {
            self.root.clone().ok_or_else(|| wrong("`trusted_root` is missing, by which it would be judged".to_owned()))
        };
        let by = match (name, issuer, key, unlogged) {
            (Some(name), Some(issuer), None, None) => {
                ProvedBy::Identity { root: root()?, identity: Identity { name, issuer } }
            }
            (None, None, Some(key), unlogged) => {
                let root = if *unlogged == Some(true) { None } else { Some(root()?) };
                let key = read_proof_key(&(self.beside)(key), self.rsa).map_err(Unread::Named)?;
                ProvedBy::Key { key, root }
            }
            (None, None, None, None) if kind != ProofKind::Sigstore => ProvedBy::TrustedKeys,
            _ => {
                return Err(wrong(
                    "a proof is by `identity` and `issuer`, or by `key`, or, provenance and sbom, by the trusted keys"
                        .to_owned(),
                ));
            }
        };
        Ok(ProofDemand { kind, by: Arc::new(by), builder })
    }
}

fn read_keys(written: WrittenKeys) -> Result<KeyDemand, String> {
    let WrittenKeys { at_least, of } = written;
    match of {
        None => Ok(KeyDemand { at_least, of: Vec::new() }),
        Some(of) => {
            if let Some(none) = of.iter().find(|named| !may_name_a_key(named)) {
                return Err(format!(
                    "`keys` names keys by their ids, or by `SHA256:` and 64 hexadecimal digits in lower case, and here \
                     is `{}`",
                    shown(none, SHOWN)
                ));
            }
            let named: BTreeSet<&String> = of.iter().collect();
            if named.len() != of.len() || named.len() < at_least.get() {
                return Err(format!(
                    "`keys` asks for {at_least} of {}, and {} different ones are named",
                    of.len(),
                    named.len()
                ));
            }
            Ok(KeyDemand { at_least, of })
        }
    }
}

/// Whether a key can have that name, or that fingerprint: a rule that names what no key is would never be met. What begins
/// as a fingerprint is none of a file by accident.
fn may_name_a_key(named: &str) -> bool {
    if named.get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case("SHA256:")) {
        return named.parse::<Fingerprint>().is_ok();
    }
    let is_plain = named.trim() == named && !named.contains('/') && printable(named) == named;
    is_plain && (1..=MAX_NAME_BYTES).contains(&named.len())
}

fn in_rule(rule: &str, fault: &Fault) -> String {
    format!("rule `{rule}`: {}", in_words(fault))
}

/// A fault of something else's form, in one line.
fn in_words(fault: &Fault) -> String {
    match fault.difference() {
        None => fault.message().to_owned(),
        Some(difference) => {
            format!("{}: expected {}, and here is {}", fault.message(), difference.expected, difference.found)
        }
    }
}
