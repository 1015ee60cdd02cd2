//! `SetKey`: one key of a set, where it stands, and what is written of it.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_signing::{Fingerprint, HeldKey, KeyNotes, KeyPlace, KeySource, PublicKey, SignatureKind, Standing};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::super::plan::is_id;

/// One key. Every member is there: what is not said is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetKey {
    /// The name under which it is trusted.
    pub id: String,
    /// Where it stands.
    pub place: KeyPlace,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// The key, as `aisoc` writes it.
    pub pem: String,
    /// What is written of it.
    #[serde(deserialize_with = "stated")]
    pub note: Option<KeyNotes>,
}

/// A member that may be `null` and not missing.
fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KeyNotes>, D::Error> {
    Option::deserialize(deserializer)
}

impl SetKey {
    /// That of a directory.
    ///
    /// # Errors
    /// `usage` for a file whose name is no id, and `key_note_invalid` for a note of the older form that the newer one
    /// does not hold.
    pub(super) fn of(key: &HeldKey) -> Result<Self> {
        let note = key.notes().map(of_newer_form);
        note.as_ref()
            .map_or(Ok(()), KeyNotes::require_sound)
            .map_err(|fault| fault.about(format!("`{}`", key.file)))?;
        if !is_id(key.id.as_str()) {
            return Err(Fault::new(Reason::Usage, format!("`{}` cannot be in a set under that name", key.file))
                .expected("letters, digits, `.`, `_` and `-`, a letter or digit first", shown(key.id.as_str(), 80))
                .hint("give the file another name, and its note as well"));
        }
        Ok(Self { id: key.id.to_string(), place: key.place, fingerprint: key.fingerprint, pem: key.key.to_pem(), note })
    }

    /// The key.
    ///
    /// # Errors
    /// `key_invalid` and `weak_key` for what is none, or is not written as `aisoc` writes it.
    pub fn key(&self) -> Result<PublicKey> {
        let key = PublicKey::read(self.pem.as_bytes(), &KeySource::Unnamed)?;
        match key.to_pem() == self.pem {
            true => Ok(key),
            false => Err(Fault::new(Reason::KeyInvalid, "it is not in the one form that a set has keys in")
                .expected("one PEM block of 64 columns, and nothing around it", "other bytes of the same key")),
        }
    }

    /// Whether it can be brought to a site as it is.
    ///
    /// # Errors
    /// `keyset_invalid`, and `weak_key`.
    pub(super) fn require_sound(&self) -> Result<()> {
        let invalid =
            |what: String| Fault::new(Reason::KeysetInvalid, format!("key `{}`: {what}", shown(&self.id, 80)));
        if !is_id(&self.id) {
            return Err(invalid("the id cannot be the name of a file".to_owned())
                .expected("letters, digits, `.`, `_` and `-`, a letter or digit first", shown(&self.id, 80)));
        }
        let key = self.key().map_err(|fault| match fault.reason() {
            Reason::WeakKey => fault.about(format!("key `{}` of the set", self.id)),
            _ => invalid("it cannot be read".to_owned()).caused_by(fault),
        })?;
        if key.fingerprint() != self.fingerprint {
            return Err(invalid("the fingerprint is that of another key".to_owned())
                .expected(key.fingerprint().to_string(), self.fingerprint.to_string()));
        }
        let Some(note) = &self.note else { return Ok(()) };
        if note.schema_version != KeyNotes::SCHEMA_VERSION {
            return Err(invalid("a set has notes of one form".to_owned())
                .expected(format!("schema_version {}", KeyNotes::SCHEMA_VERSION), note.schema_version.to_string()));
        }
        note.require_sound().map_err(|fault| invalid("its note cannot be understood".to_owned()).caused_by(fault))
    }

    /// Whether it would count at that time where it stands, for such things.
    pub fn standing_as(&self, kind: SignatureKind, at: Timestamp) -> Standing {
        let may_sign = self.note.as_ref().map_or(kind == SignatureKind::Plugin, |note| note.may_sign(kind));
        match self.standing(at) {
            Standing::Current if !may_sign => Standing::OutOfScope(aisoc_signing::OutOfScope::Kind {
                may_sign: self.note.as_ref().and_then(|note| note.may_sign.clone()).unwrap_or_default(),
                asked: kind,
            }),
            standing => standing,
        }
    }

    /// Whether it would count at that time for anything.
    pub fn standing(&self, at: Timestamp) -> Standing {
        let by_note = self.note.as_ref().map(|note| note.standing(at)).unwrap_or(Standing::Current);
        match (self.place, by_note) {
            (KeyPlace::Revoked, Standing::Revoked { at, reason }) => Standing::Revoked { at, reason },
            (KeyPlace::Revoked, _) => Standing::Revoked { at: None, reason: None },
            (_, revoked @ Standing::Revoked { .. }) => revoked,
            (KeyPlace::Retired, _) => Standing::Retired,
            (KeyPlace::Staged, _) => Standing::Staged,
            (KeyPlace::Trusted, by_note) => by_note,
        }
    }

    /// Whether the set says that nothing which it signed counts any more.
    pub fn is_revoked(&self, at: Timestamp) -> bool {
        matches!(self.standing(at), Standing::Revoked { .. })
    }
}

/// A note as the newer form has it. The older one knows revocations for which nobody has said why.
fn of_newer_form(notes: &KeyNotes) -> KeyNotes {
    let mut note = KeyNotes { schema_version: KeyNotes::SCHEMA_VERSION, ..notes.clone() };
    if let Some(revoked) = &mut note.revoked {
        revoked.reason.get_or_insert_with(|| "nobody has written down why".to_owned());
    }
    note
}
