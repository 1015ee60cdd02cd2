//! `Resigned`: which signature files a tree has once another key has signed it, too or instead.
//!
//! Nothing but these files changes. So the manifest states the same tree before and after, and whoever trusts the
//! new key is told exactly what the old one has told.

use std::collections::{BTreeMap, BTreeSet};

use aisoc_manifests::fault::Result;

use crate::claim::Claim;
use crate::content::Content;
use crate::key::{Fingerprint, PublicKey};
use crate::signature::{SIGNATURE_FILE, Signature};
use crate::timestamp::TimestampToken;
use crate::tree::{FILE_LIST, claimed_signer, signature_place, timestamp_place};
use crate::tried::read_signatures;

/// What becomes of the signatures that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resigning {
    /// They go: the new key is the only signer.
    Alone,
    /// They stay, byte by byte.
    Added,
}

/// What changes among the signature files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resigned {
    /// The files that go.
    pub removed: BTreeSet<String>,
    /// The files that come, by name.
    pub written: BTreeMap<String, Vec<u8>>,
}

impl Resigned {
    /// The files of `claim` as a key of that fingerprint has signed it, with the timestamp of that signature where there is
    /// one. `first` is whose `plugin.sig` is, as far as a trusted key says.
    ///
    /// Where the first signer's file in `plugin.sig.d` is missing, as of a plugin that the host's own tool has signed,
    /// it is written too: a host that trusts the new key alone would take a `plugin.sig` that it cannot check and that
    /// stands nowhere else for one that was exchanged.
    pub fn of(
        claim: &Claim,
        signer: Fingerprint,
        signature: &Signature,
        stamp: Option<&TimestampToken>,
        first: Option<Fingerprint>,
        how: Resigning,
    ) -> Self {
        let present = &claim.tree().signature_files;
        let mut wanted = BTreeMap::from([(signature_place(signer), signature.to_hex().into_bytes())]);
        wanted.extend(stamp.map(|token| (timestamp_place(signer), token.as_bytes().to_vec())));
        match (how, first) {
            (Resigning::Alone, _) => {
                wanted.insert(SIGNATURE_FILE.to_owned(), signature.to_hex().into_bytes());
            }
            (Resigning::Added, Some(first)) => {
                let plain = claim.signature().and_then(Content::whole).and_then(|bytes| Signature::read(bytes).ok());
                let named = signature_place(first);
                if !present.contains_key(&named) {
                    wanted.extend(plain.map(|signature| (named, signature.to_hex().into_bytes())));
                }
            }
            (Resigning::Added, None) => {}
        }
        // The timestamp of a signature that another one replaces is about none that is there.
        let (own, own_stamp) = (signature_place(signer), timestamp_place(signer));
        let before = present.get(&own).and_then(Content::whole).and_then(|bytes| Signature::read(bytes).ok());
        let is_same = before.as_ref() == Some(signature);
        let goes = |name: &&String| match name.as_str() {
            FILE_LIST => false,
            name if name == own_stamp => !is_same && stamp.is_none(),
            name => how == Resigning::Alone && !wanted.contains_key(name),
        };
        let removed = present.keys().filter(goes).cloned().collect();
        let is_new =
            |name: &String, bytes: &Vec<u8>| present.get(name).and_then(Content::whole) != Some(bytes.as_slice());
        let written = wanted.into_iter().filter(|(name, bytes)| is_new(name, bytes)).collect();
        Self { removed, written }
    }

    /// Whether everything is there already.
    pub fn is_nothing(&self) -> bool {
        self.removed.is_empty() && self.written.is_empty()
    }

    /// Whose files go, as their names claim.
    pub fn removed_signers(&self) -> Vec<String> {
        self.removed.iter().filter_map(|name| claimed_signer(name)).collect()
    }
}

impl Claim {
    /// The signature of that key over exactly this, if there is one. It makes it once: a key that is no file may be
    /// slow, and need not sign in the same bytes each time.
    ///
    /// # Errors
    /// `signature_malformed`, `manifest_*`.
    pub fn signature_of(&self, key: &PublicKey) -> Result<Option<Signature>> {
        let digest = self.statement()?.digest();
        let signatures = read_signatures(self)?;
        Ok(signatures.iter().map(|named| named.signature).find(|it| key.verifies(digest.as_bytes(), it)))
    }
}
