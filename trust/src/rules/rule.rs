//! `TrustRules`: which plugin has to have which keys and proofs.
//!
//! Every rule that is about a plugin has to be met, so that a rule that is added never lets in more, and none depends on
//! where in the file it stands. What no rule is about is not let in.

use std::fmt;
use std::num::NonZeroUsize;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::printable;
use aisoc_signing::{Fingerprint, Origin, Scope};

use super::demand::ProofDemand;
use crate::continuity::KnownSigner;

/// The rules of a site.
#[derive(Debug)]
pub struct TrustRules {
    /// The file that they are in.
    pub place: String,
    /// The rules, as they stand there.
    pub rules: Vec<TrustRule>,
}

/// What some plugins have to have.
#[derive(Debug)]
pub struct TrustRule {
    /// What it is called.
    pub name: String,
    /// Which plugins it is about.
    pub scope: Scope,
    /// Whose signatures a plugin has to have, beside what the site asks of all.
    pub keys: Option<KeyDemand>,
    /// The proofs that its artifact has to have.
    pub proofs: Vec<ProofDemand>,
}

/// How many keys have to have signed, and which ones count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDemand {
    /// How many of them.
    pub at_least: NonZeroUsize,
    /// Their names, or their fingerprints; with none every trusted key counts.
    pub of: Vec<String>,
}

impl TrustRules {
    /// The rules about a plugin, in the order of the file.
    ///
    /// # Errors
    /// `no_trust_rule` where none is.
    pub fn about(&self, plugin: Option<&str>, origin: &Origin) -> Result<Vec<&TrustRule>> {
        let about: Vec<&TrustRule> = self.rules.iter().filter(|rule| rule.is_about(plugin, origin)).collect();
        if about.is_empty() {
            let plugin = plugin.map_or("a plugin without an id".to_owned(), |id| format!("`{}`", printable(id)));
            return Err(Fault::new(Reason::NoTrustRule, format!("no rule of `{}` is about {plugin}", self.place))
                .expected("a rule that is", format!("{plugin} from {origin}")));
        }
        Ok(about)
    }

    /// Whether a single file of that id is let in that those have signed, if anybody has. It comes from nowhere that is
    /// known, and is of no artifact that a proof could be of.
    ///
    /// # Errors
    /// `no_trust_rule`; `signers_too_few` and `proof_missing` of the first rule that asks for more.
    pub fn allow_file(&self, id: &str, signers: &[KnownSigner]) -> Result<()> {
        for rule in self.about(Some(id), &Origin::unknown())? {
            if let Some(keys) = &rule.keys {
                keys.require(signers).map_err(|fault| rule.refusing(fault))?;
            }
            if let Some(demand) = rule.proofs.first() {
                let missing = format!("a single file has no proof of the kind `{}`: it is of no artifact", demand.kind);
                let missing = Fault::new(Reason::ProofMissing, missing)
                    .expected(format!("a proof of {}", demand.by), "a file")
                    .hint("have it published as a plugin, whose artifact has proofs, and install that");
                return Err(rule.refusing(missing));
            }
        }
        Ok(())
    }

    /// The proofs that any rule demands of what comes from there: whoever fetches it has to ask for proofs before anybody
    /// knows which plugin it is.
    pub fn proofs_of(&self, origin: &Origin) -> impl Iterator<Item = &ProofDemand> {
        self.rules.iter().filter(|rule| rule.scope.holds_origin(origin)).flat_map(|rule| &rule.proofs)
    }
}

impl TrustRule {
    /// What it refuses, saying that it does.
    #[must_use]
    pub fn refusing(&self, fault: Fault) -> Fault {
        fault.about(format_args!("by the trust rule `{}`", printable(&self.name)))
    }

    fn is_about(&self, plugin: Option<&str>, origin: &Origin) -> bool {
        self.scope.holds_plugin(plugin) && self.scope.holds_origin(origin)
    }
}

impl KeyDemand {
    /// Those of the signers that count.
    ///
    /// # Errors
    /// `signers_too_few` for fewer than are demanded. One key counts once, under however many names it is trusted.
    pub fn require<'a>(&self, signers: &'a [KnownSigner]) -> Result<Vec<&'a str>> {
        let mut counted: Vec<&KnownSigner> = Vec::new();
        for signer in signers {
            let is_counted = counted.iter().any(|other| other.fingerprint == signer.fingerprint);
            if !is_counted && self.counts(&signer.key_id, signer.fingerprint) {
                counted.push(signer);
            }
        }
        let names: Vec<&str> = counted.iter().map(|signer| signer.key_id.as_str()).collect();
        match names.len() >= self.at_least.get() {
            true => Ok(names),
            false => {
                let found = if names.is_empty() { "none of them".to_owned() } else { names.join(", ") };
                Err(Fault::new(Reason::SignersTooFew, "not enough of the keys that a rule names signed the plugin")
                    .expected(self.to_string(), printable(&found).into_owned()))
            }
        }
    }

    fn counts(&self, key_id: &str, fingerprint: Fingerprint) -> bool {
        let is =
            |named: &String| named == key_id || named.parse::<Fingerprint>().is_ok_and(|named| named == fingerprint);
        self.of.is_empty() || self.of.iter().any(is)
    }
}

impl fmt::Display for KeyDemand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of.is_empty() {
            true => write!(formatter, "{} of the trusted keys", self.at_least),
            false => write!(formatter, "{} of {}", self.at_least, printable(&self.of.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(key_id: &str, byte: u8) -> KnownSigner {
        let fingerprint = format!("SHA256:{}", format!("{byte:02x}").repeat(32));
        KnownSigner { key_id: key_id.to_owned(), fingerprint: fingerprint.parse().expect("a fingerprint") }
    }

    fn demand(at_least: usize, of: &[&str]) -> KeyDemand {
        let at_least = NonZeroUsize::new(at_least).expect("more than none");
        KeyDemand { at_least, of: of.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn as_many_of_the_named_keys_as_are_demanded() {
        let (release, security, other) = (signer("release", 1), signer("security", 2), signer("other", 3));
        let all = [release.clone(), security.clone(), other.clone()];
        let named = demand(2, &["release", "security"]);
        assert_eq!(named.require(&all).expect("both"), ["release", "security"]);
        assert_eq!(named.require(&[release.clone(), other.clone()]).expect_err("one").reason(), Reason::SignersTooFew);
        assert!(named.require(&[]).is_err());
        assert_eq!(demand(2, &[]).require(&[release.clone(), other]).expect("any two").len(), 2);
        let by_content = demand(1, &[&security.fingerprint.to_string()]);
        assert!(by_content.require(&[security]).is_ok());
        assert!(by_content.require(std::slice::from_ref(&release)).is_err());
    }

    #[test]
    fn one_key_under_two_names_counts_once() {
        let twice = [signer("release", 1), signer("release-again", 1)];
        assert!(demand(2, &[]).require(&twice).is_err());
        assert!(demand(2, &["release", "release-again"]).require(&twice).is_err());
        assert!(demand(1, &["release-again"]).require(&twice).is_ok());
    }
}
