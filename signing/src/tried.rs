//! `Tried`: what trying every signature with every key gave.
//!
//! A signature in `plugin.sig.d` names its signer, and costs one check. The first one names nobody, and is in a good
//! plugin one of them, byte for byte: so those that name somebody are tried first, and a directory of a thousand keys
//! costs no more than one of two.

use aisoc_manifests::digest::CanonicalDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::claim::Claim;
use crate::findings::{Findings, KeyTried, SignatureTried, TimestampTried};
use crate::key::Fingerprint;
use crate::keyring::{Circumstances, HeldKey, KeyId, KeyPlace, Keyring, Standing};
use crate::signature::{SIGNATURE_DIRECTORY, SIGNATURE_FILE, Signature};
use crate::signed_by::{EndedSigner, Signer};
use crate::timestamp::{SignedAt, TimestampToken};
use crate::tree::signature_place;

/// Most signatures of one plugin: each costs one check per key.
pub const MAX_SIGNATURES: usize = 16;

/// A signature file, and the signer that its name states.
pub(crate) struct Named<'a> {
    file: &'a str,
    fingerprint: Option<Fingerprint>,
    pub(crate) signature: Signature,
    /// What stands beside it of when it was made, and the name of that file.
    timestamp: Option<(&'a str, TimestampToken)>,
}

/// All or none: a signature file that is not a signature makes the whole evidence ambiguous.
pub(crate) fn read_signatures(claim: &Claim) -> Result<Vec<Named<'_>>> {
    let Some(first) = claim.signature() else { return Ok(Vec::new()) };
    let mut signatures = vec![Named {
        file: SIGNATURE_FILE,
        fingerprint: None,
        signature: Signature::read_file(SIGNATURE_FILE, first)?,
        timestamp: None,
    }];
    for (file, fingerprint, content) in claim.added_signatures() {
        if signatures.len() > MAX_SIGNATURES {
            let message = format!("`{SIGNATURE_DIRECTORY}` holds more than {MAX_SIGNATURES} signatures");
            return Err(Fault::new(Reason::SignatureMalformed, message));
        }
        let signature = Signature::read_file(file, content)?;
        signatures.push(Named { file, fingerprint: Some(fingerprint), signature, timestamp: None });
    }
    for (file, signer, content) in claim.timestamps() {
        let Some(named) = signatures.iter_mut().find(|named| named.fingerprint == Some(signer)) else {
            return Err(Fault::new(Reason::TimestampInvalid, format!("`{file}` is about no signature that is there"))
                .expected(signature_place(signer), "no such file"));
        };
        named.timestamp = Some((file, TimestampToken::read_file(file, content, &named.signature)?));
    }
    Ok(signatures)
}

/// When signatures were made, as far as an authority vouches for that which the site has named.
struct Times(Vec<(Signature, SignedAt)>);

impl Times {
    fn of(signatures: &[Named<'_>], keyring: &Keyring, findings: &mut Findings) -> Self {
        let mut times = Vec::new();
        for Named { signature, timestamp, .. } in signatures {
            let Some((file, token)) = timestamp else { continue };
            let shown = keyring.timestamp_authorities().judge(token, signature);
            times.extend(shown.iter().map(|shown| (*signature, shown.clone())));
            findings.timestamps.push(TimestampTried { file: (*file).to_owned(), claimed: token.claimed_time(), shown });
        }
        Self(times)
    }

    fn of_signature(&self, signature: &Signature) -> Option<&SignedAt> {
        self.0.iter().find(|(stamped, _)| stamped == signature).map(|(_, at)| at)
    }
}

/// What is asked of every key: for which plugin, and when.
pub(crate) struct Asked<'a> {
    pub(crate) plugin: Option<&'a str>,
    pub(crate) circumstances: &'a Circumstances,
}

/// Where the key stands that has made this signature, and by when, where it counts by that alone.
fn standing(key: &HeldKey, today: &Standing, asked: &Asked<'_>, at: Option<&SignedAt>) -> (Standing, Option<SignedAt>) {
    let (Some(at), false) = (at, *today == Standing::Current) else { return (today.clone(), None) };
    let then = key.standing_when_signed(asked.plugin, asked.circumstances, at);
    let signed_at = (then == Standing::Current).then(|| at.clone());
    (then, signed_at)
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
    asked: &Asked<'_>,
    findings: &mut Findings,
) -> Tried {
    let mut tried = Tried::default();
    let (first, added) = signatures.split_first().map_or((None, signatures), |(first, added)| (Some(first), added));
    let is_copied = |first: &Named<'_>| added.iter().any(|named| named.signature == first.signature);
    tried.is_first_alone = !added.is_empty() && !first.is_some_and(is_copied);
    let known = Known::of(added, digest, keyring);
    let times = Times::of(signatures, keyring, findings);
    for named in signatures {
        let candidates: Vec<usize> = known.candidates(named, keyring);
        let at = times.of_signature(&named.signature);
        let verifies = |key: &HeldKey| known.verifies(key, &named.signature);
        let verifying = first_that_verifies(named, &candidates, &verifies, (keyring, asked, at), findings);
        tried.is_first_alone &= named.fingerprint.is_some() || verifying.is_none();
        let aside = verifying.is_none().then(|| known.aside(named, keyring)).flatten();
        findings.signatures.push(SignatureTried {
            file: named.file.to_owned(),
            named_signer: named.fingerprint.map(|fingerprint| fingerprint.hex()),
            key_id: verifying.map(|index| &keyring.keys()[index]).or(aside).map(|key| key.id.clone()),
        });
        match (verifying, aside, named.fingerprint, candidates.first()) {
            (Some(index), ..) => tried.add(&keyring.keys()[index], &findings.keys[index]),
            (None, Some(key), ..) => {
                let (standing, signed_at) = standing(key, &key.standing_by_place(), asked, at);
                tried.add_aside(key, named, (standing, signed_at), findings);
            }
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
    verifies: &dyn Fn(&HeldKey) -> bool,
    (keyring, asked, at): (&Keyring, &Asked<'_>, Option<&SignedAt>),
    findings: &mut Findings,
) -> Option<usize> {
    let mut found = None;
    for &index in candidates {
        let (key, tried) = (&keyring.keys()[index], &mut findings.keys[index]);
        if verifies(key) {
            tried.verifies.push(named.file.to_owned());
            let (standing, signed_at) = standing(key, &tried.standing, asked, at);
            tried.standing = standing;
            tried.signed_at = signed_at.or_else(|| tried.signed_at.take());
            if tried.standing == Standing::Current {
                return Some(index);
            }
            found = found.or(Some(index));
        }
    }
    found
}

impl Tried {
    fn add(&mut self, key: &HeldKey, KeyTried { standing, signed_at, .. }: &KeyTried) {
        if *standing != Standing::Current {
            return self.add_ended(key, standing.clone());
        }
        if self.signers.iter().all(|signer| signer.fingerprint != key.fingerprint) {
            let ended = signed_at.clone().map(|signed_at| Signer::of_ended(key, signed_at));
            self.signers.push(ended.unwrap_or_else(|| Signer::of(key)));
        }
    }

    fn add_aside(
        &mut self,
        key: &HeldKey,
        named: &Named<'_>,
        (standing, signed_at): (Standing, Option<SignedAt>),
        findings: &mut Findings,
    ) {
        let tried = KeyTried { signed_at, ..KeyTried::standing(key, standing) };
        self.add(key, &tried);
        let verifies = named.file.to_owned();
        match findings.keys.iter_mut().find(|tried| tried.file == key.file) {
            Some(tried) => tried.verifies.push(verifies),
            None => findings.keys.push(KeyTried { verifies: vec![verifies], ..tried }),
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
