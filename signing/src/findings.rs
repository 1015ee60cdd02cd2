//! `Findings`: what every check of a verification saw, as facts to show. Evidence of nothing.

use aisoc_manifests::digest::CanonicalDigest;
use jiff::Timestamp;

use crate::claim::Claim;
use crate::coverage::{Coverage, Uncovered, uncovered};
use crate::key::Fingerprint;
use crate::keyring::{Circumstances, HeldKey, KeyId, KeyPlace, Standing};
use crate::timestamp::SignedAt;
use crate::tree::{TreeDifference, TreeFinding};

/// Filled from top to bottom; what comes after the check that decided stays empty.
#[derive(Debug, Default)]
pub struct Findings {
    /// The keys, in the order in which they were tried: behind the trusted ones those that are known, and say why
    /// something is not trusted any more.
    pub keys: Vec<KeyTried>,
    /// Key files that are not used, `file: reason`.
    pub skipped: Vec<String>,
    /// The digest that a signature must be over.
    pub digest: Option<CanonicalDigest>,
    /// The signature files.
    pub signatures: Vec<SignatureTried>,
    /// The timestamps beside them.
    pub timestamps: Vec<TimestampTried>,
    /// The files.
    pub tree: TreeCheck,
}

/// A key, and what it verifies.
#[derive(Debug)]
pub struct KeyTried {
    /// Its name.
    pub key_id: KeyId,
    /// Its file, from the directory of the keys on.
    pub file: String,
    /// Where it stands.
    pub place: KeyPlace,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// Whether it counts.
    pub standing: Standing,
    /// By when it counts that is over today: what was signed then, as an authority vouches for.
    pub signed_at: Option<SignedAt>,
    /// The signature files that it verifies.
    pub verifies: Vec<String>,
}

/// A signature file.
#[derive(Debug)]
pub struct SignatureTried {
    /// Its name.
    pub file: String,
    /// The signer's fingerprint that the name states, 64 digits.
    pub named_signer: Option<String>,
    /// The trusted key that verifies it.
    pub key_id: Option<KeyId>,
}

/// A timestamp of a signature.
#[derive(Debug)]
pub struct TimestampTried {
    /// The name of its file.
    pub file: String,
    /// The time that it states.
    pub claimed: Timestamp,
    /// What it shows; an error says, in words, why it shows nothing here.
    pub shown: Result<SignedAt, String>,
}

/// What the signature covers, were it valid, and how that compares with what is there.
#[derive(Debug, Default)]
pub struct TreeCheck {
    /// `None` until the manifest was read.
    pub claimed: Option<Coverage>,
    /// What differs from the tree that the manifest states.
    pub difference: Option<Box<TreeDifference>>,
    /// What is not covered.
    pub uncovered: Vec<Uncovered>,
}

impl TreeCheck {
    pub(crate) fn of(tree: &TreeFinding, claim: &Claim) -> Self {
        let difference = match tree {
            TreeFinding::Differs(difference) => Some(difference.clone()),
            TreeFinding::NotStated | TreeFinding::Exact(_) => None,
        };
        Self { claimed: Some(claim.coverage_if_signed(tree)), difference, uncovered: uncovered(claim, tree) }
    }
}

impl KeyTried {
    pub(crate) fn of(key: &HeldKey, plugin: Option<&str>, circumstances: &Circumstances) -> Self {
        Self::standing(key, key.standing_for(plugin, circumstances))
    }

    pub(crate) fn standing(key: &HeldKey, standing: Standing) -> Self {
        Self {
            key_id: key.id.clone(),
            file: key.file.clone(),
            place: key.place,
            fingerprint: key.fingerprint,
            standing,
            signed_at: None,
            verifies: Vec::new(),
        }
    }
}
