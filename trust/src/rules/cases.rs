//! Cases: plugins that somebody supposes, and what the rules are expected to say of them. For the CI of whoever writes
//! rules.

use std::path::Path;

use aisoc_files::{Links, SmallFileError, read_small, shell_word};
use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::HostedId;
use aisoc_manifests::text::shown;
use aisoc_signing::Origin;
use aisoc_signing::proof::{ProofSigner, Proven};
use serde::Deserialize;
use toml::Spanned;

use super::demand::{ProofDemand, ProofKind, ProvedBy, first_shown};
use super::file::{Place, Wrong, read_toml};
use super::rule::TrustRules;
use crate::continuity::KnownSigner;

/// The largest file of cases.
pub const MAX_TRUST_CASES_BYTES: u64 = 1 << 20;
/// Most cases of one file: each is held against every rule.
pub const MAX_TRUST_CASES: usize = 10_000;
/// How much of a word that is none is shown.
const SHOWN: usize = 80;

/// What the rules can refuse a plugin for.
const CODES: [Reason; 6] = [
    Reason::NoTrustRule,
    Reason::SignersTooFew,
    Reason::ProofMissing,
    Reason::ProofIdentityRefused,
    Reason::ProofBuilderRefused,
    Reason::ProofLogRefused,
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cases: Vec<Spanned<WrittenCase>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    plugin: String,
    from: Option<String>,
    #[serde(default)]
    signed_by: Vec<String>,
    #[serde(default)]
    proofs: Vec<WrittenProof>,
    expect: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenProof {
    kind: String,
    identity: Option<String>,
    issuer: Option<String>,
    trusted_key: Option<String>,
    key: Option<String>,
    #[serde(default)]
    unlogged: bool,
    builder: Option<String>,
}

/// A plugin that somebody supposes, and what is expected of the rules.
#[derive(Debug)]
pub struct TrustCase {
    /// Its id, or that of a drop-in.
    pub plugin: HostedId,
    /// Where it comes from.
    pub origin: Origin,
    /// The trusted keys that have signed it, by the names that rules have for them.
    signers: Vec<KnownSigner>,
    proofs: Vec<SupposedProof>,
    /// `admitted`, `refused`, or the code of a refusal.
    pub expected: String,
    /// The line of the file that it begins in.
    pub line: usize,
}

/// A proof that its artifact is supposed to have.
#[derive(Debug)]
struct SupposedProof {
    kind: ProofKind,
    proven: Proven,
    /// Whether the key that has signed it is one of the site's.
    is_by_trusted_key: bool,
    is_logged: bool,
}

impl TrustCase {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// `trust_cases_invalid` for what is none, and I/O reasons.
    pub fn read(path: &Path) -> Result<Vec<Self>> {
        let place = Place::of(path, Reason::TrustCasesInvalid);
        let content = read_small(path, MAX_TRUST_CASES_BYTES, Links::Followed).map_err(|error| match error {
            SmallFileError::Io(error) => Fault::io("read", path, error),
            error => Fault::new(Reason::TrustCasesInvalid, format!("`{}` is not read", path.display()))
                .expected(format!("a file of at most {MAX_TRUST_CASES_BYTES} bytes"), error.to_string())
                .hint(format!("look at what it is: `ls -l {}`", shell_word(path))),
        })?;
        let content = content.content;
        let Written { cases } = read_toml(&place, &content)?;
        if cases.is_empty() || cases.len() > MAX_TRUST_CASES {
            return Err(place
                .invalid(&content, (0, "the file has no case, or too many".to_owned()))
                .expected(format!("1 to {MAX_TRUST_CASES}"), cases.len().to_string()));
        }
        let mut lines = Lines { content: &content, at: 0, line: 1 };
        let read = |case: Spanned<WrittenCase>| {
            let at = case.span().start;
            case.into_inner().read(at, lines.of(at)).map_err(|wrong| place.invalid(&content, wrong))
        };
        cases.into_iter().map(read).collect()
    }

    /// Whether that is what was expected.
    pub fn expects(&self, outcome: &Result<Vec<&str>>) -> bool {
        match (self.expected.as_str(), outcome) {
            ("admitted", Ok(_)) | ("refused", Err(_)) => true,
            (expected, Err(fault)) => fault.reason().as_str() == expected,
            (_, Ok(_)) => false,
        }
    }
}

/// Where lines begin, counted once for all cases, which stand one behind the other.
struct Lines<'a> {
    content: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> usize {
        let passed = self.content.get(self.at..at).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count();
        self.at = self.at.max(at);
        self.line
    }
}

impl WrittenCase {
    fn read(self, at: usize, line: usize) -> Result<TrustCase, Wrong> {
        let Self { plugin, from, signed_by, proofs, expect } = self;
        let wrong = |what: String| (at, what);
        if !["admitted", "refused"].contains(&expect.as_str()) && !CODES.iter().any(|code| code.as_str() == expect) {
            let codes = CODES.map(Reason::as_str).join(", ");
            let expect = shown(&expect, SHOWN);
            return Err(wrong(format!(
                "`expect` has to be admitted, refused, or one of {codes}, and here is `{expect}`"
            )));
        }
        let plugin: HostedId =
            plugin.parse().map_err(|fault: Fault| wrong(format!("`plugin`: {}", fault.message())))?;
        let origin = match &from {
            None => Origin::unknown(),
            Some(from) => Some(Origin::recorded(from)).filter(Origin::is_known).ok_or_else(|| {
                let from = shown(from, SHOWN);
                wrong(format!("`from` has to be a reference, such as `ghcr.io/acme/shodan:1.0`, and here is `{from}`"))
            })?,
        };
        let proofs = proofs.into_iter().map(|proof| proof.read().map_err(wrong)).collect::<Result<_, _>>()?;
        let signers = signed_by.into_iter().map(supposed_signer).collect::<Result<_>>();
        let signers = signers.map_err(|fault| wrong(fault.message().to_owned()))?;
        Ok(TrustCase { plugin, origin, signers, proofs, expected: expect, line })
    }
}

/// The key of that name, or of that fingerprint. Which key stands behind a name is no matter here, and two names are two.
fn supposed_signer(named: String) -> Result<KnownSigner, Fault> {
    let fingerprint = if named.starts_with("SHA256:") {
        named.parse()?
    } else {
        format!("SHA256:{}", FileDigest::of(named.as_bytes()).hex()).parse()?
    };
    Ok(KnownSigner { key_id: named, fingerprint })
}

impl WrittenProof {
    fn read(self) -> Result<SupposedProof, String> {
        let Self { kind, identity, issuer, trusted_key, key, unlogged, builder } = self;
        let kind = ProofKind::named(&kind).ok_or_else(|| {
            let known = ProofKind::ALL.map(ProofKind::as_str).join(", ");
            format!("`kind` has to be one of {known}, and here is `{}`", shown(&kind, SHOWN))
        })?;
        let is_by_trusted_key = trusted_key.is_some();
        let signer = match (identity, issuer, trusted_key, key) {
            (Some(name), Some(issuer), None, None) => ProofSigner::Identity { name, issuer },
            (None, None, Some(key), None) | (None, None, None, Some(key)) => ProofSigner::Key(key),
            _ => return Err("a proof is by `identity` and `issuer`, by `key`, or by `trusted_key`".to_owned()),
        };
        let proven = Proven { signer, predicate_type: None, builder, signed_at: Vec::new() };
        Ok(SupposedProof { kind, proven, is_by_trusted_key, is_logged: !unlogged })
    }
}

impl TrustRules {
    /// What the rules say of a plugin that somebody supposes: the rules that are about it, or why it is refused.
    ///
    /// # Errors
    /// As the gate that asks them, but for what only the bytes of a proof can show.
    pub fn suppose(&self, case: &TrustCase) -> Result<Vec<&str>> {
        let about = self.about(Some(case.plugin.as_str()), &case.origin)?;
        for keys in about.iter().filter_map(|rule| rule.keys.as_ref()) {
            keys.require(&case.signers)?;
        }
        for demand in about.iter().flat_map(|rule| &rule.proofs) {
            let candidates = case.proofs.iter().map(|proof| proof.is(demand));
            first_shown(candidates).map_err(|refused| refused.unwrap_or_else(|| missing(demand)))?;
        }
        Ok(about.iter().map(|rule| rule.name.as_str()).collect())
    }
}

fn missing(demand: &ProofDemand) -> Fault {
    Fault::new(Reason::ProofMissing, format!("the artifact has no proof of the kind `{}`", demand.kind))
        .expected(format!("a proof of {}", demand.by), "nothing that is one")
}

impl SupposedProof {
    fn is(&self, demand: &ProofDemand) -> Option<Result<()>> {
        // Every statement is one of sigstore as well.
        if demand.kind != self.kind && demand.kind != ProofKind::Sigstore {
            return None;
        }
        let refused = |reason, what: &str| {
            Some(Err(Fault::new(reason, format!("the proof is refused: {what}"))
                .expected(demand.by.to_string(), self.proven.signer.to_string())))
        };
        match &*demand.by {
            ProvedBy::TrustedKeys if !self.is_by_trusted_key => {
                refused(Reason::ProofIdentityRefused, "somebody else has signed it")
            }
            ProvedBy::Key { root: Some(_), .. } if !self.is_logged => {
                refused(Reason::ProofLogRefused, "no log holds it")
            }
            _ => Some(demand.require(&self.proven)),
        }
    }
}
