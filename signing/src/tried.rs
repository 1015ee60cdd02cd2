//! `Tried`: what trying every signature with every key gave.
//!
//! A signature in `plugin.sig.d` names its signer, and costs one check. The first one names nobody, and is in a good
//! plugin one of them, byte for byte: so those that name somebody are tried first, and a directory of a thousand keys
//! costs no more than one of two.

use aisoc_manifests::digest::CanonicalDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::claim::Claim;
use crate::findings::{Findings, KeyTried, SignatureTried};
use crate::key::Fingerprint;
use crate::keyring::{HeldKey, KeyId, KeyPlace, Keyring, Standing};
use crate::signature::{SIGNATURE_DIRECTORY, SIGNATURE_FILE, Signature};
use crate::signed_by::{EndedSigner, Signer};

/// Most signatures of one plugin: each costs one check per key.
pub const MAX_SIGNATURES: usize = 16;

/// A signature file, and the signer that its name states.
pub(crate) struct Named<'a> {
    file: &'a str,
    fingerprint: Option<Fingerprint>,
    pub(crate) signature: Signature,
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
pub(crate) struct Tried {
    pub(crate) signers: Vec<Signer>,
    pub(crate) ended: Vec<EndedSigner>,
    /// A key that verifies and does not count.
    pub(crate) not_counted: Option<(KeyId, Standing)>,
    /// A trusted key that a file names as its signer, and that did not sign this.
    pub(crate) contradicted: Option<KeyId>,
    /// The signers that are named, and are none of the keys that are known.
    pub(crate) unknown: Vec<Fingerprint>,
    /// Whether `plugin.sig` is neither verified nor among the others: hosts that know it alone refuse it.
    pub(crate) is_first_alone: bool,
}

/// Tries every signature with every key that it can be of, and writes down what each verifies.
pub(crate) fn try_keys(
    signatures: &[Named<'_>],
    digest: CanonicalDigest,
    keyring: &Keyring,
    findings: &mut Findings,
) -> Tried {
    let mut tried = Tried::default();
    let (first, added) = signatures.split_first().map_or((None, signatures), |(first, added)| (Some(first), added));
    let is_copied = |first: &Named<'_>| added.iter().any(|named| named.signature == first.signature);
    tried.is_first_alone = !added.is_empty() && !first.is_some_and(is_copied);
    let known = Known::of(added, digest, keyring);
    for named in signatures {
        let candidates: Vec<usize> = known.candidates(named, keyring);
        let verifying = first_that_verifies(named, &candidates, &known, keyring, findings);
        tried.is_first_alone &= named.fingerprint.is_some() || verifying.is_none();
        let aside = verifying.is_none().then(|| known.aside(named, keyring)).flatten();
        findings.signatures.push(SignatureTried {
            file: named.file.to_owned(),
            named_signer: named.fingerprint.map(|fingerprint| fingerprint.hex()),
            key_id: verifying.map(|index| &keyring.keys()[index]).or(aside).map(|key| key.id.clone()),
        });
        match (verifying, aside, named.fingerprint, candidates.first()) {
            (Some(index), ..) => tried.add(&keyring.keys()[index], &findings.keys[index].standing),
            (None, Some(key), ..) => tried.add_aside(key, named, findings),
            (None, None, Some(_), Some(named_key)) => {
                tried.contradicted.get_or_insert_with(|| keyring.keys()[*named_key].id.clone());
            }
            (None, None, Some(fingerprint), None) => tried.unknown.push(fingerprint),
            (None, None, None, _) => {}
        }
    }
    tried
}

/// The signatures that name their signer and are verified by it: known before any other is tried.
struct Known {
    digest: CanonicalDigest,
    verified: Vec<(Signature, Fingerprint)>,
}

impl Known {
    fn of(added: &[Named<'_>], digest: CanonicalDigest, keyring: &Keyring) -> Self {
        let verified = added.iter().filter_map(|named| {
            let fingerprint = named.fingerprint?;
            let key = keyring.all_keys().iter().find(|key| key.fingerprint == fingerprint)?;
            key.key.verifies(digest.as_bytes(), &named.signature).then_some((named.signature, fingerprint))
        });
        Self { digest, verified: verified.collect() }
    }

    fn signer_of(&self, signature: &Signature) -> Option<Fingerprint> {
        self.verified.iter().find(|(known, _)| known == signature).map(|(_, signer)| *signer)
    }

    fn verifies(&self, key: &HeldKey, signature: &Signature) -> bool {
        match self.signer_of(signature) {
            Some(signer) => signer == key.fingerprint,
            None => key.key.verifies(self.digest.as_bytes(), signature),
        }
    }

    /// The trusted keys that it can be of, by their places in the keyring: the one that it names, or all.
    fn candidates(&self, named: &Named<'_>, keyring: &Keyring) -> Vec<usize> {
        let signer = named.fingerprint.or_else(|| self.signer_of(&named.signature));
        let keys = keyring.keys().iter().enumerate();
        keys.filter(|(_, key)| signer.is_none_or(|signer| signer == key.fingerprint)).map(|(index, _)| index).collect()
    }

    /// The key that verifies it and is not trusted, where there is one: it says why nobody vouches any more.
    fn aside<'a>(&self, named: &Named<'_>, keyring: &'a Keyring) -> Option<&'a HeldKey> {
        let signer = named.fingerprint.or_else(|| self.signer_of(&named.signature));
        let aside = keyring.all_keys().iter().filter(|key| key.place != KeyPlace::Trusted);
        let mut candidates = aside.filter(|key| signer.is_none_or(|signer| signer == key.fingerprint));
        candidates.find(|key| self.verifies(key, &named.signature))
    }
}

/// The first key in order gives the id, and one that counts comes before one that does not.
fn first_that_verifies(
    named: &Named<'_>,
    candidates: &[usize],
    known: &Known,
    keyring: &Keyring,
    findings: &mut Findings,
) -> Option<usize> {
    let mut found = None;
    for &index in candidates {
        if known.verifies(&keyring.keys()[index], &named.signature) {
            findings.keys[index].verifies.push(named.file.to_owned());
            if findings.keys[index].standing == Standing::Current {
                return Some(index);
            }
            found = found.or(Some(index));
        }
    }
    found
}

impl Tried {
    fn add(&mut self, key: &HeldKey, standing: &Standing) {
        if *standing != Standing::Current {
            return self.add_ended(key, standing.clone());
        }
        if self.signers.iter().all(|signer| signer.fingerprint != key.fingerprint) {
            self.signers.push(Signer::of(key));
        }
    }

    fn add_aside(&mut self, key: &HeldKey, named: &Named<'_>, findings: &mut Findings) {
        let standing = key.standing_by_place();
        self.add_ended(key, standing.clone());
        let verifies = named.file.to_owned();
        match findings.keys.iter_mut().find(|tried| tried.file == key.file) {
            Some(tried) => tried.verifies.push(verifies),
            None => findings.keys.push(KeyTried { verifies: vec![verifies], ..KeyTried::standing(key, standing) }),
        }
    }

    fn add_ended(&mut self, key: &HeldKey, standing: Standing) {
        self.not_counted.get_or_insert_with(|| (key.id.clone(), standing.clone()));
        // The first signature of several stands among the named ones again.
        if self.ended.iter().all(|signer| signer.fingerprint != key.fingerprint) {
            self.ended.push(EndedSigner { key_id: key.id.clone(), fingerprint: key.fingerprint, standing });
        }
    }
}
