//! The operator's arrow: `Claim` → `Outcome`.
//!
//! The order of the checks is part of the contract, because it decides which error is seen:
//! presence and form of the signature files, the presence of keys, the digest, the keys in order, the tree.

use std::path::PathBuf;

use aisoc_manifests::digest::{CanonicalDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use jiff::Timestamp;

use crate::claim::Claim;
use crate::coverage::{Coverage, Uncovered, uncovered};
use crate::findings::{Findings, KeyTried, SignatureTried, TreeCheck};
use crate::key::Fingerprint;
use crate::key_notes::{PlannedEnd, Standing};
use crate::keyring::{KeyId, Keyring, SkippedKey, TrustedKey};
use crate::promised::named_and_absent;
use crate::signature::{SIGNATURE_DIRECTORY, SIGNATURE_FILE, Signature};
use crate::statement::Statement;
use crate::tree::{TreeDifference, TreeFinding};

/// Most signatures of one plugin: each costs one check per key.
pub const MAX_SIGNATURES: usize = 16;

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
    UnknownSigners(Vec<String>),
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

/// A trusted key that verified a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Its name in the directory of trusted keys.
    pub key_id: KeyId,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// When it stops to count, as its note says; the signer counts until then.
    pub end: Option<PlannedEnd>,
}

/// A trusted key that verified a signature, and does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSigner {
    /// Its name in the directory of trusted keys.
    pub key_id: KeyId,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// Why it does not count.
    pub standing: Standing,
}

impl Signer {
    /// That its key is going to end, in words, where a note says so and it is time to hear of it.
    pub fn near_end(&self, at: Timestamp) -> Option<String> {
        self.end.filter(|end| end.is_near(at)).map(|end| format!("key `{}` {end}", self.key_id))
    }
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

/// Judges a claim by the keys, as they stand `at` that time.
///
/// # Errors
/// Only when there is nothing to judge: a manifest that cannot be read or has no canonical form.
pub fn verify(claim: &Claim, keyring: &Keyring, at: Timestamp) -> Result<Outcome> {
    examine(claim, keyring, at, &mut Findings::default())
}

/// As [`verify`], and notes down what every check found, up to the one that decided.
///
/// # Errors
/// As [`verify`].
pub fn examine(claim: &Claim, keyring: &Keyring, at: Timestamp, findings: &mut Findings) -> Result<Outcome> {
    findings.keys = keyring.keys().iter().map(|trusted| KeyTried::of(trusted, at)).collect();
    findings.skipped = keyring.skipped().iter().map(ToString::to_string).collect();
    let signatures = match read_signatures(claim) {
        Ok(signatures) if signatures.is_empty() => return Ok(Outcome::Unsigned),
        Ok(signatures) => signatures,
        Err(fault) => return Ok(Outcome::Malformed(fault)),
    };
    if keyring.keys().is_empty() {
        let (directory, skipped) = (keyring.directory().to_owned(), findings.skipped.clone());
        return Ok(Outcome::NoTrustedKeys { directory, skipped });
    }
    let document = claim.document()?;
    let digest = Statement::describe(document, &claim.tree().python)?.digest();
    findings.digest = Some(digest);
    let tree = match claim.compare_tree(document) {
        Ok(tree) => tree,
        Err(fault) => return Ok(Outcome::UnknownIntegrity(fault)),
    };
    findings.tree = TreeCheck::of(&tree, claim);
    let tried = try_keys(&signatures, digest, keyring, findings);
    conclude(claim, digest, keyring, tried, tree)
}

/// A signature file, and the signer that its name states.
pub(crate) struct Named<'a> {
    file: &'a str,
    fingerprint: Option<&'a str>,
    signature: Signature,
}

/// All or none: a signature file that is not a signature makes the whole evidence ambiguous.
pub(crate) fn read_signatures(claim: &Claim) -> Result<Vec<Named<'_>>> {
    let Some(first) = claim.signature() else { return Ok(Vec::new()) };
    let mut signatures = vec![Named {
        file: SIGNATURE_FILE,
        fingerprint: None,
        signature: Signature::read_file(SIGNATURE_FILE, first)?,
    }];
    for (file, fingerprint, content) in claim.added_signatures() {
        if signatures.len() > MAX_SIGNATURES {
            let message = format!("`{SIGNATURE_DIRECTORY}` holds more than {MAX_SIGNATURES} signatures");
            return Err(Fault::new(Reason::SignatureMalformed, message));
        }
        let signature = Signature::read_file(file, content)?;
        signatures.push(Named { file, fingerprint: Some(fingerprint), signature });
    }
    Ok(signatures)
}

/// What trying every signature with every key gave.
#[derive(Default)]
struct Tried {
    signers: Vec<Signer>,
    ended: Vec<EndedSigner>,
    /// A key that verifies and does not count.
    not_counted: Option<(KeyId, Standing)>,
    /// A trusted key that a file names as its signer, and that did not sign this.
    contradicted: Option<KeyId>,
    unknown: Vec<String>,
    /// Whether `plugin.sig` is neither verified nor among the others: hosts that know it alone refuse it.
    is_first_alone: bool,
    /// What has been verified of this digest.
    verified: Vec<(Signature, Fingerprint)>,
}

fn try_keys(signatures: &[Named<'_>], digest: CanonicalDigest, keyring: &Keyring, findings: &mut Findings) -> Tried {
    let mut tried = Tried::default();
    let (first, added) = signatures.split_first().map_or((None, signatures), |(first, added)| (Some(first), added));
    let is_copied = |first: &Named<'_>| added.iter().any(|named| named.signature == first.signature);
    tried.is_first_alone = !added.is_empty() && !first.is_some_and(is_copied);
    for named in signatures {
        let candidates: Vec<(usize, &TrustedKey)> =
            keyring.keys().iter().enumerate().filter(|(_, trusted)| named.may_be_of(trusted)).collect();
        let verifying = tried.first_that_verifies(named, &candidates, digest, findings);
        findings.signatures.push(SignatureTried {
            file: named.file.to_owned(),
            named_signer: named.fingerprint.map(str::to_owned),
            key_id: verifying.map(|(_, trusted)| trusted.id.clone()),
        });
        tried.is_first_alone &= named.fingerprint.is_some() || verifying.is_none();
        match (verifying, named.fingerprint, candidates.first()) {
            (Some((index, trusted)), _, _) => tried.add(trusted, &findings.keys[index].standing),
            (None, Some(_), Some((_, named_key))) => {
                tried.contradicted.get_or_insert_with(|| named_key.id.clone());
            }
            (None, Some(fingerprint), None) => tried.unknown.push(fingerprint.to_owned()),
            (None, None, _) => {}
        }
    }
    tried
}

impl Named<'_> {
    fn may_be_of(&self, trusted: &TrustedKey) -> bool {
        self.fingerprint.is_none_or(|named| trusted.fingerprint.hex() == named)
    }
}

impl Tried {
    /// The first key in order gives the id, and one that counts comes before one that does not.
    fn first_that_verifies<'a>(
        &mut self,
        named: &Named<'_>,
        candidates: &[(usize, &'a TrustedKey)],
        digest: CanonicalDigest,
        findings: &mut Findings,
    ) -> Option<(usize, &'a TrustedKey)> {
        let mut found = None;
        for &(index, trusted) in candidates {
            // The first signer's signature is there twice, byte for byte: once for each kind of verifier.
            let known = (named.signature, trusted.fingerprint);
            if self.verified.contains(&known) || trusted.key.verifies(digest.as_bytes(), &named.signature) {
                self.verified.push(known);
                findings.keys[index].verifies.push(named.file.to_owned());
                if findings.keys[index].standing == Standing::Current {
                    return Some((index, trusted));
                }
                found = found.or(Some((index, trusted)));
            }
        }
        found
    }

    fn add(&mut self, trusted: &TrustedKey, standing: &Standing) {
        let fingerprint = trusted.fingerprint;
        if *standing != Standing::Current {
            self.not_counted.get_or_insert_with(|| (trusted.id.clone(), standing.clone()));
            self.ended.push(EndedSigner { key_id: trusted.id.clone(), fingerprint, standing: standing.clone() });
            return;
        }
        if self.signers.iter().all(|signer| signer.fingerprint != fingerprint) {
            self.signers.push(Signer { key_id: trusted.id.clone(), fingerprint, end: trusted.planned_end() });
        }
    }
}

/// Among the keys that are not used may be the one that is asked for.
fn cause_of_unknown(keyring: &Keyring, unknown: Vec<String>) -> Cause {
    let is_named = |key: &&SkippedKey| key.fingerprint.is_some_and(|skipped| unknown.contains(&skipped.hex()));
    match keyring.skipped().iter().find(is_named) {
        Some(SkippedKey { file, fault, .. }) => Cause::SkippedSigner { file: file.clone(), fault: fault.clone() },
        None => Cause::UnknownSigners(unknown),
    }
}

fn conclude(
    claim: &Claim,
    digest: CanonicalDigest,
    keyring: &Keyring,
    tried: Tried,
    tree: TreeFinding,
) -> Result<Outcome> {
    let Tried { signers, ended, not_counted, contradicted, unknown, is_first_alone, .. } = tried;
    let untrusted = |cause| Outcome::Untrusted {
        digest,
        tried: keyring.keys().iter().map(|trusted| trusted.id.clone()).collect(),
        skipped: keyring.skipped().iter().map(ToString::to_string).collect(),
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
            (None, TreeFinding::Differs(difference)) => untrusted(Cause::FilesChanged(difference)),
            (None, _) if unknown.is_empty() => untrusted(Cause::Unknown),
            (None, _) => untrusted(cause_of_unknown(keyring, unknown)),
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
    Ok(Outcome::Verified(Verified { subject: claim.subject(), digest, signers, ended, coverage, uncovered, absent }))
}
