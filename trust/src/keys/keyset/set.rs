//! `KeySet`: a directory of keys as a value. What is signed is its JSON, and what was verified is what is read.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Keyring, PayloadType, SignatureKind, Standing};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::set_key::SetKey;
use super::signed_set::{SetHead, SetReasons, SignedSet, as_usage};

/// Larger than any set: as many keys as one has, each with a long note.
pub const MAX_SET_BYTES: u64 = 2 << 20;
/// Most keys of a set. The change that brings them is written down whole before it begins.
const MAX_SET_KEYS: usize = 2_000;

/// The keys of a directory, as they are to be on every site that follows it. Unknown members refuse it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySet {
    /// Always 1.
    pub schema_version: u32,
    /// Which set it is: the same in every version.
    pub name: String,
    /// It only grows.
    pub version: u64,
    /// When it was made, RFC 3339.
    pub issued_at: Timestamp,
    /// Until when it can be relied on that nothing newer was withheld, RFC 3339.
    pub expires_at: Timestamp,
    /// The keys, in the order of their places and then of their ids.
    pub keys: Vec<SetKey>,
}

/// What every form says of itself.
#[derive(Deserialize)]
struct Form {
    schema_version: u32,
}

impl KeySet {
    /// The schema version that this build writes and reads.
    const SCHEMA_VERSION: u32 = 1;

    /// The set that those keys are.
    ///
    /// # Errors
    /// `usage` for what no set holds: a name that is none, a key under two names, an end before the beginning;
    /// `keyset_lockout` for a set by which nothing would be verified, unless that is forced: then a set that revokes is one.
    pub fn of(keyring: &Keyring, head: SetHead, is_forced: bool) -> Result<Self> {
        let SetHead { name, version, issued_at, expires_at } = head;
        require_one_name_each(keyring)?;
        let mut keys = keyring.all_keys().iter().map(SetKey::of).collect::<Result<Vec<_>>>()?;
        keys.sort_by(|one, other| one.order().cmp(&other.order()));
        let set = Self { schema_version: Self::SCHEMA_VERSION, name, version, issued_at, expires_at, keys };
        set.require_sound().map_err(|fault| as_usage(fault, Reason::KeysetInvalid))?;
        let revokes = set.keys.iter().any(|key| key.is_revoked(issued_at));
        if (is_forced && revokes) || set.counting(SignatureKind::Plugin, issued_at).next().is_some() {
            return Ok(set);
        }
        let fault = Fault::new(Reason::KeysetLockout, "no key of the set counts for plugins")
            .expected("a trusted key that counts", "none");
        Err(fault.hint(match revokes {
            true => "see what keeps each from counting: `aisoc keys list`; whoever means that nothing is verified any more, \
                     because the keys are in the wrong hands, says so with `--force`",
            false => "see what keeps each from counting: `aisoc keys list`",
        }))
    }

    /// Those that count at that time for such things, as the set has them.
    pub fn counting(&self, kind: SignatureKind, at: Timestamp) -> impl Iterator<Item = &SetKey> {
        self.keys.iter().filter(move |key| key.standing_as(kind, at) == Standing::Current)
    }

    fn require_sound(&self) -> Result<()> {
        self.head().require_sound(Reason::KeysetInvalid)?;
        let invalid = |what: &str| Fault::new(Reason::KeysetInvalid, what);
        if self.keys.len() > MAX_SET_KEYS {
            return Err(invalid("the set has too many keys")
                .expected(format!("at most {MAX_SET_KEYS}"), self.keys.len().to_string()));
        }
        self.keys.iter().try_for_each(SetKey::require_sound)?;
        self.require_distinct()
    }

    /// The order is a part of the form: so the same keys have the same bytes, and two of one name are seen.
    fn require_distinct(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        let mut keys = BTreeSet::new();
        let is_in_order = self.keys.is_sorted_by(|one, other| one.order() < other.order());
        let twice = self.keys.iter().find(|key| {
            let is_new_name = names.insert((key.place, key.id.to_ascii_lowercase()));
            !keys.insert(key.fingerprint) || !is_new_name
        });
        match twice {
            Some(key) => Err(Fault::new(Reason::KeysetInvalid, format!("key `{}` is in the set twice", key.id))
                .expected("each key and each name once", key.fingerprint.to_string())),
            None if !is_in_order => Err(Fault::new(Reason::KeysetInvalid, "the keys of the set are not in order")
                .expected("by place, and then by id", "another order")),
            None => Ok(()),
        }
    }
}

impl SignedSet for KeySet {
    const KIND: PayloadType = PayloadType::Keyset;
    const REASONS: SetReasons = SetReasons {
        invalid: Reason::KeysetInvalid,
        mismatch: Reason::KeysetMismatch,
        expired: Reason::KeysetExpired,
        rollback: Reason::KeysetRollback,
    };

    fn read(payload: &[u8]) -> Result<Self> {
        let invalid = || Fault::new(Reason::KeysetInvalid, "the set of keys cannot be understood");
        if payload.len() as u64 > MAX_SET_BYTES {
            return Err(
                invalid().expected(format!("at most {MAX_SET_BYTES} bytes"), format!("{} bytes", payload.len()))
            );
        }
        let Form { schema_version } = serde_json::from_slice(payload).map_err(|error| invalid().caused_by(error))?;
        if schema_version != Self::SCHEMA_VERSION {
            return Err(invalid()
                .expected(format!("schema_version {}", Self::SCHEMA_VERSION), schema_version.to_string())
                .hint("use a version of aisoc that knows the form"));
        }
        let set: Self = serde_json::from_slice(payload).map_err(|error| invalid().caused_by(error))?;
        set.require_sound().map(|()| set)
    }

    fn to_payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and times are JSON")
    }

    fn head(&self) -> SetHead {
        let Self { name, version, issued_at, expires_at, .. } = self;
        SetHead { name: name.clone(), version: *version, issued_at: *issued_at, expires_at: *expires_at }
    }
}

impl SetKey {
    fn order(&self) -> (aisoc_signing::KeyPlace, &str) {
        (self.place, &self.id)
    }
}

/// A set names a key once, so that nobody has to guess under which name it goes where.
fn require_one_name_each(keyring: &Keyring) -> Result<()> {
    let mut seen = std::collections::BTreeMap::new();
    for key in keyring.all_keys() {
        if let Some(first) = seen.insert(key.fingerprint, &key.file) {
            return Err(Fault::new(Reason::Usage, "one key stands in the directory twice, and a set holds each once")
                .expected("one file for each key", format!("`{first}` and `{}`", key.file))
                .hint("remove one of the two files, with its note; what limits the one limits the other"));
        }
    }
    Ok(())
}
