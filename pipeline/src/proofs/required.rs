//! What is required of one plugin, and what came of each.

use std::borrow::Cow;
use std::cell::OnceCell;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_signing::{Circumstances, Claim, Keyring};
use aisoc_trust::{KnownSigner, ProofDemand, ProofKind, Proofs, RequiredShown, TrustRule, TrustRules};

use super::at_hand::AtHand;
use super::coming::Coming;
use super::judged::{ShownProof, Trusted, find};
use super::rule::Demands;

/// A proof that was required, and what came of it.
#[derive(Debug)]
pub struct RequiredProof {
    /// Of what.
    pub kind: ProofKind,
    /// The rule of the site that requires it; none where whoever typed the command does.
    pub rule: Option<String>,
    /// The one that shows it, or why none does.
    pub outcome: Result<ShownProof>,
}

/// What is asked about: which plugin it is, by whom it is signed, and where it comes from.
pub(crate) struct Asked<'a> {
    pub(crate) plugin: Option<&'a str>,
    pub(crate) claim: &'a Claim,
    pub(crate) signers: &'a [KnownSigner],
    pub(crate) coming: &'a Coming<'a>,
    pub(crate) circumstances: &'a Circumstances,
    pub(crate) keyring: &'a Keyring,
}

/// What came of all that is required of it, and of the rules of the site that require it.
#[derive(Default)]
pub(crate) struct Required {
    rules: Vec<RequiredShown>,
    pub(crate) proofs: Vec<RequiredProof>,
}

/// Judges it by what was demanded, and by the rules of the site.
pub(crate) fn required(demands: &Demands, rules: Option<&TrustRules>, asked: &Asked<'_>) -> Required {
    let mut required = Required::default();
    // Read once, and not at all where nothing is demanded of it.
    let at_hand = OnceCell::new();
    let proof = |rule: Option<&TrustRule>, demand: &ProofDemand| {
        proof(rule, demand, at_hand.get_or_init(|| asked.coming.at_hand(asked.claim)), asked)
    };
    // Of proofs by keys alone it is asked which are lost with a key, and not which are missing as it is.
    if !demands.are_of_keys_alone {
        required.proofs.extend(demands.proofs.iter().map(|demand| proof(None, demand)));
    }
    let Some(rules) = rules else { return required };
    match rules.about(asked.plugin, &asked.coming.origin) {
        about if demands.are_of_keys_alone => {
            required.rules.extend(about.into_iter().flatten().filter_map(|rule| keys(rule, asked.signers)));
        }
        Err(fault) => required.rules.push(RequiredShown { name: RULE, outcome: Err(fault) }),
        Ok(about) => {
            let names: Vec<&str> = about.iter().map(|rule| rule.name.as_str()).collect();
            required.rules.push(RequiredShown { name: RULE, outcome: Ok(names.join(", ")) });
            for rule in about {
                required.rules.extend(keys(rule, asked.signers));
                required.proofs.extend(rule.proofs.iter().map(|demand| proof(Some(rule), demand)));
            }
        }
    }
    required
}

/// How a trace asks whether a rule is about the plugin, and for its keys.
const RULE: &str = "trust rule";
const KEYS: &str = "trust rule: keys";

fn keys(rule: &TrustRule, signers: &[KnownSigner]) -> Option<RequiredShown> {
    let outcome = rule.keys.as_ref()?.require(signers).map(|names| format!("{}: {}", rule.name, names.join(", ")));
    Some(RequiredShown { name: KEYS, outcome: outcome.map_err(|fault| rule.refusing(fault)) })
}

fn proof(
    rule: Option<&TrustRule>,
    demand: &ProofDemand,
    at_hand: &Result<Option<Cow<'_, AtHand>>>,
    asked: &Asked<'_>,
) -> RequiredProof {
    let Asked { plugin, circumstances, keyring, .. } = asked;
    let outcome = find(demand, at_hand, &Trusted { plugin: *plugin, circumstances, keyring });
    let outcome = outcome.map_err(|fault| match rule {
        Some(rule) => rule.refusing(fault),
        None => fault,
    });
    RequiredProof { kind: demand.kind, rule: rule.map(|rule| rule.name.clone()), outcome }
}

/// The same, for the gate.
pub(crate) fn as_evidence(required: &Required) -> Proofs {
    let shown = |one: &RequiredProof| RequiredShown {
        name: one.kind.question(),
        outcome: one.outcome.as_ref().map(|shown| shown.proven.signer.to_string()).map_err(Fault::clone),
    };
    let rules = required.rules.iter().map(|rule| RequiredShown { name: rule.name, outcome: rule.outcome.clone() });
    Proofs(rules.chain(required.proofs.iter().map(shown)).collect())
}
