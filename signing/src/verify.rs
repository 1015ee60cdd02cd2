//! The operator's arrow: `Claim` → `Outcome`.
//!
//! The order of the checks is part of the contract, because it decides which error is seen:
//! presence and form of the signature files, the presence of keys, the digest, the keys in order, the tree.

use std::path::PathBuf;

use aisoc_manifests::digest::{CanonicalDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use jiff::Timestamp;

use crate::claim::Claim;
use crate::coverage::{Coverage, Uncovered, uncovered};
use crate::findings::{Findings, KeyTried, TreeCheck};
use crate::key::Fingerprint;
use crate::keyring::{Circumstances, KeyCoverage, KeyId, Keyring, SkippedKey, Standing};
use crate::promised::named_and_absent;
use crate::signed_by::{EndedSigner, Signer};
use crate::tree::{TreeDifference, TreeFinding};
use crate::tried::{Asked, Tried, read_signatures, try_keys};

/// The verdict on a claim. A verdict is not an error: what follows from it is the gate's decision.
#[derive(Debug)]
pub enum Outcome {
    /// A trusted key signed exactly this.
    Verified(Verified),
    /// There is no signature file.
    Unsigned,
    /// A signature file is not a signature.
    Malformed(Fault),
    /// The manifest states its tree in a form that is not known.
    UnknownIntegrity(Fault),
    /// There is no key to try. Says which key files were skipped, and why.
    NoTrustedKeys {
        /// Where the keys should be.
        directory: PathBuf,
        /// `file: reason`, in order.
        skipped: Vec<String>,
    },
    /// No trusted key verifies the signature.
    Untrusted {
        /// The digest that should have been signed.
        digest: CanonicalDigest,
        /// The keys that were tried, in order.
        tried: Vec<KeyId>,
        /// The keys that were not, `file: reason`, in order.
        skipped: Vec<String>,
        /// What else is known about why.
        cause: Cause,
    },
    /// A key verifies, and is none that counts.
    NotCounted {
        /// The key.
        key_id: KeyId,
        /// Why it does not count.
        standing: Standing,
    },
    /// A trusted key signed the manifest, which states another tree than this one.
    OtherTree {
        /// The key.
        key_id: KeyId,
        /// What differs.
        difference: Box<TreeDifference>,
    },
}

/// Why no trusted key verifies. A bare signature does not say who made it, so that "changed" and
/// "signed by somebody else" look alike unless there is more to go by.
#[derive(Debug)]
pub enum Cause {
    /// The files are not those that the manifest states.
    FilesChanged(Box<TreeDifference>),
    /// A trusted key is named as the signer and did not sign this; every file is as the manifest states.
    ManifestChanged(KeyId),
    /// `plugin.sig` is none of the signatures in `plugin.sig.d`, and no trusted key verifies it.
    FirstSignatureReplaced,
    /// The signers that are named, none of whose keys is trusted.
    UnknownSigners(Vec<Fingerprint>),
    /// The key of a signer that is named is in a file of trusted keys, and is not used.
    SkippedSigner {
        /// The file.
        file: String,
        /// Why the key is not used.
        fault: Fault,
    },
    /// Nothing more is known.
    Unknown,
}

/// Evidence that a trusted key signed a tree. Made in this module only; neither copied nor read.
#[derive(Debug)]
pub struct Verified {
    subject: TreeDigest,
    digest: CanonicalDigest,
    signers: Vec<Signer>,
    ended: Vec<EndedSigner>,
    coverage: Coverage,
    uncovered: Vec<Uncovered>,
    absent: Vec<String>,
}

impl Verified {
    /// The tree that was verified.
    pub fn subject(&self) -> TreeDigest {
        self.subject
    }

    /// The canonical digest that was signed.
    pub fn digest(&self) -> CanonicalDigest {
        self.digest
    }

    /// The trusted keys that verified it, distinct by content, never none. The first is that of `plugin.sig`
    /// if a trusted key verifies that.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// The trusted keys that verified it as well, and do not count.
    pub fn ended(&self) -> &[EndedSigner] {
        &self.ended
    }

    /// How much of the tree is covered: `Code` or `Full`.
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// The files that are not; none when the coverage is `Full`.
    pub fn uncovered(&self) -> &[Uncovered] {
        &self.uncovered
    }

    /// The paths that the signed manifest names and at which nothing is that a signature of the code alone
    /// would miss.
    pub fn absent(&self) -> &[String] {
        &self.absent
    }
}

/// Judges a claim by the keys, as they stand `at` that time, for what comes from nobody knows where.
///
/// # Errors
/// Only when there is nothing to judge: a manifest that cannot be read or has no canonical form.
pub fn verify(claim: &Claim, keyring: &Keyring, at: Timestamp) -> Result<Outcome> {
    examine(claim, keyring, &at.into(), &mut Findings::default())
}

/// As [`verify`], in all circumstances that a scope can ask for, and notes down what every check found, up to the one
/// that decided.
///
/// # Errors
/// As [`verify`].
pub fn examine(
    claim: &Claim,
    keyring: &Keyring,
    circumstances: &Circumstances,
    findings: &mut Findings,
) -> Result<Outcome> {
    let plugin = claim.document().and_then(Manifest::from_document).ok().map(|manifest| manifest.id);
    let plugin = plugin.as_ref().map(PluginId::as_str);
    findings.keys = keyring.keys().iter().map(|key| KeyTried::of(key, plugin, circumstances)).collect();
    findings.skipped = keyring.skipped().iter().map(ToString::to_string).collect();
    let signatures = match read_signatures(claim) {
        Ok(signatures) if signatures.is_empty() => return Ok(Outcome::Unsigned),
        Ok(signatures) => signatures,
        Err(fault) => return Ok(Outcome::Malformed(fault)),
    };
    if keyring.all_keys().is_empty() {
        return Ok(no_trusted_keys(keyring));
    }
    let (digest, tree) = claim.told()?;
    findings.digest = Some(digest);
    let tree = match tree {
        Ok(tree) => tree,
        Err(fault) => return Ok(Outcome::UnknownIntegrity(fault)),
    };
    findings.tree = TreeCheck::of(&tree, claim);
    let asked = Asked { plugin, circumstances };
    let tried = try_keys(&signatures, digest, keyring, &asked, findings);
    conclude(claim, digest, keyring, tried, tree)
}

/// Among the keys that are not used may be the one that is asked for.
fn no_trusted_keys(keyring: &Keyring) -> Outcome {
    let skipped = keyring.skipped().iter().map(ToString::to_string).collect();
    Outcome::NoTrustedKeys { directory: keyring.directory().to_owned(), skipped }
}

fn cause_of_unknown(keyring: &Keyring, unknown: &[Fingerprint]) -> Cause {
    let is_named = |key: &&SkippedKey| key.fingerprint.is_some_and(|skipped| unknown.contains(&skipped));
    match keyring.skipped().iter().find(is_named) {
        Some(SkippedKey { file, fault, .. }) => Cause::SkippedSigner { file: file.clone(), fault: fault.clone() },
        None => Cause::UnknownSigners(unknown.to_vec()),
    }
}

fn conclude(
    claim: &Claim,
    digest: CanonicalDigest,
    keyring: &Keyring,
    tried: Tried,
    tree: TreeFinding,
) -> Result<Outcome> {
    let Tried { signers, ended, not_counted, contradicted, unknown, is_first_alone } = tried;
    let untrusted = |cause| Outcome::Untrusted {
        digest,
        tried: keyring.keys().iter().map(|trusted| trusted.id.clone()).collect(),
        skipped: keyring.unused(),
        cause,
    };
    if let Some(key_id) = contradicted {
        let cause = match tree {
            TreeFinding::Differs(difference) => Cause::FilesChanged(difference),
            _ => Cause::ManifestChanged(key_id),
        };
        return Ok(untrusted(cause));
    }
    if is_first_alone {
        return Ok(untrusted(Cause::FirstSignatureReplaced));
    }
    let Some(first) = signers.first() else {
        return Ok(match (not_counted, tree) {
            (Some((key_id, standing)), _) => Outcome::NotCounted { key_id, standing },
            _ if keyring.keys().is_empty() => no_trusted_keys(keyring),
            (None, TreeFinding::Differs(difference)) => untrusted(Cause::FilesChanged(difference)),
            (None, _) if unknown.is_empty() => untrusted(Cause::Unknown),
            (None, _) => untrusted(cause_of_unknown(keyring, &unknown)),
        });
    };
    if let TreeFinding::Differs(difference) = tree {
        return Ok(Outcome::OtherTree { key_id: first.key_id.clone(), difference });
    }
    let absent = match tree {
        TreeFinding::NotStated => named_and_absent(claim, claim.document()?),
        TreeFinding::Exact(_) | TreeFinding::Differs(_) => Vec::new(),
    };
    let (coverage, uncovered) = (claim.coverage_if_signed(&tree), uncovered(claim, &tree));
    let (signers, short) = by_coverage(signers, coverage);
    if let (true, Some(EndedSigner { key_id, standing, .. })) = (signers.is_empty(), short.first()) {
        return Ok(Outcome::NotCounted { key_id: key_id.clone(), standing: standing.clone() });
    }
    let ended = ended.into_iter().chain(short).collect();
    Ok(Outcome::Verified(Verified { subject: claim.subject(), digest, signers, ended, coverage, uncovered, absent }))
}

/// The signers that count with that coverage, and those whose notes demand more.
fn by_coverage(signers: Vec<Signer>, coverage: Coverage) -> (Vec<Signer>, Vec<EndedSigner>) {
    let demands_more = |signer: &Signer| coverage != Coverage::Full && signer.coverage == Some(KeyCoverage::Full);
    let (short, signers): (Vec<_>, Vec<_>) = signers.into_iter().partition(demands_more);
    let ended =
        |Signer { key_id, fingerprint, .. }| EndedSigner { key_id, fingerprint, standing: Standing::CoversTooLittle };
    (signers, short.into_iter().map(ended).collect())
}
