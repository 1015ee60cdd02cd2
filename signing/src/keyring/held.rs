//! `HeldKey`: a key of the directory, and what limits it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::kind::{KeyCoverage, SignatureKind};
use super::notes::KeyNotes;
use super::place::KeyPlace;
use super::scope::{Origin, Scope};
use super::standing::{Circumstances, OutOfScope, PlannedEnd, Standing};
use crate::key::{Fingerprint, PublicKey};
use crate::timestamp::SignedAt;

/// The name of a key: its file name without the suffix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(super) String);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A usable key of the directory, trusted or set aside.
#[derive(Debug, Clone)]
pub struct HeldKey {
    /// File name without suffix.
    pub id: KeyId,
    /// Its file, from the directory of the keys on.
    pub file: String,
    /// Where it stands, which says whether it is trusted.
    pub place: KeyPlace,
    /// The key.
    pub key: PublicKey,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// What is written of it under its own name. Most keys have no note, and there may be a thousand of them.
    pub(super) notes: Option<Box<KeyNotes>>,
    /// What limits it: every note on this key, under whatever name.
    pub(super) limits: Arc<Limits>,
}

/// What limits one key by its bytes, wherever it stands and whatever its files are called.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) notes: Vec<KeyNotes>,
    /// One of its files stands among the revoked ones.
    pub(super) is_revoked: bool,
    /// One of those has no note that says since when somebody else may have had it.
    pub(super) is_revoked_for_good: bool,
    /// A note beside a trusted one of its files says that code is enough.
    pub(super) accepts_code: bool,
}

impl Limits {
    /// What the place of a file says, and the note beside it.
    pub(super) fn of(place: KeyPlace, own: Option<&KeyNotes>) -> Self {
        Self {
            notes: own.into_iter().cloned().collect(),
            is_revoked: place == KeyPlace::Revoked,
            is_revoked_for_good: place == KeyPlace::Revoked && own.is_none_or(|own| own.last_moment().is_none()),
            accepts_code: place == KeyPlace::Trusted && own.is_some_and(|own| own.coverage == Some(KeyCoverage::Code)),
        }
    }

    pub(super) fn is_some(&self) -> bool {
        self.is_revoked || self.accepts_code || !self.notes.is_empty()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.notes.extend_from_slice(&other.notes);
        self.is_revoked |= other.is_revoked;
        self.is_revoked_for_good |= other.is_revoked_for_good;
        self.accepts_code |= other.accepts_code;
    }
}

impl HeldKey {
    /// A key that is at hand, by a name of its own. No file limits it.
    pub(super) fn at_hand(id: &str, key: PublicKey) -> Self {
        Self {
            id: KeyId(id.to_owned()),
            file: id.to_owned(),
            place: KeyPlace::Trusted,
            fingerprint: key.fingerprint(),
            key,
            notes: None,
            limits: Arc::default(),
        }
    }

    /// A staged key as it would be at the top, where a note that accepts code counts.
    pub(super) fn promoted(self) -> Self {
        let accepts_code = self.notes.as_ref().is_some_and(|notes| notes.coverage == Some(KeyCoverage::Code));
        let mut limits = Limits { accepts_code, ..Limits::default() };
        limits.add(&self.limits);
        Self { place: KeyPlace::Trusted, limits: Arc::new(limits), ..self }
    }

    /// The note beside it, if there is one.
    pub fn notes(&self) -> Option<&KeyNotes> {
        self.notes.as_deref()
    }

    /// Before when it does not count: the last time that a note on it says.
    pub fn first_moment(&self) -> Option<Timestamp> {
        self.limits.notes.iter().filter_map(|notes| notes.not_before).max()
    }

    /// When it ends, or has ended: the first time that a note on it says.
    pub fn planned_end(&self) -> Option<PlannedEnd> {
        self.limits.notes.iter().filter_map(KeyNotes::planned_end).min()
    }

    /// How much its signatures have to cover, where a note on it says so: the most that one of them asks for.
    pub fn coverage(&self) -> Option<KeyCoverage> {
        match self.limits.notes.iter().any(|notes| notes.coverage == Some(KeyCoverage::Full)) {
            true => Some(KeyCoverage::Full),
            false => self.limits.accepts_code.then_some(KeyCoverage::Code),
        }
    }

    /// Whether it may verify anything at that time, by where it stands and by its dates. Of several notes the
    /// strictest counts.
    pub fn standing(&self, at: Timestamp) -> Standing {
        let by_date = self.limits.notes.iter().map(|notes| notes.standing(at));
        by_date.fold(self.standing_by_place(), Standing::or_stricter)
    }

    /// Whether it may verify that plugin now, which comes from there.
    pub fn standing_for(&self, plugin: Option<&str>, circumstances: &Circumstances) -> Standing {
        self.standing_of(SignatureKind::Plugin, plugin, circumstances)
    }

    /// As [`HeldKey::standing_for`], of a signature for whose time an authority vouches: what has ended by a date had not
    /// then, or it has by every note alike. It gives nothing to a key that was never trusted, that is not trusted any
    /// more, or that is limited by anything but time.
    pub(crate) fn standing_when_signed(
        &self,
        plugin: Option<&str>,
        circumstances: &Circumstances,
        signed: &SignedAt,
    ) -> Standing {
        let today = self.standing_for(plugin, circumstances);
        let has_ended = matches!(today, Standing::Expired(_) | Standing::Revoked { .. });
        let was_trusted = match self.place {
            KeyPlace::Trusted | KeyPlace::Revoked => !self.limits.is_revoked_for_good,
            KeyPlace::Staged | KeyPlace::Retired => false,
        };
        // A time that is still to come is nobody's evidence.
        if !has_ended || !was_trusted || signed.latest > circumstances.at {
            return today;
        }
        match self.limits.notes.iter().all(|notes| notes.counted(signed, circumstances.at, self.limits.is_revoked)) {
            true => self.scope_for(plugin, circumstances).unwrap_or(Standing::Current),
            false => today,
        }
    }

    fn scope_for(&self, plugin: Option<&str>, circumstances: &Circumstances) -> Option<Standing> {
        let of = |notes| out_of_scope(notes, SignatureKind::Plugin, plugin, &circumstances.origin);
        self.limits.notes.iter().find_map(of).map(Standing::OutOfScope)
    }

    /// Whether it may verify that drop-in now. What limits a key to plugins limits it to other things than files.
    pub fn standing_of_file(&self, id: &str, circumstances: &Circumstances) -> Standing {
        let standing = self.standing_of(SignatureKind::Dropin, Some(id), circumstances);
        standing.or_stricter(self.standing_as(SignatureKind::Dropin, circumstances.at))
    }

    fn standing_of(&self, kind: SignatureKind, id: Option<&str>, circumstances: &Circumstances) -> Standing {
        let Circumstances { at, origin } = circumstances;
        let by_scope = self.limits.notes.iter().filter_map(|notes| out_of_scope(notes, kind, id, origin));
        by_scope.map(Standing::OutOfScope).fold(self.standing(*at), Standing::or_stricter)
    }

    /// Whether it may sign such things at that time. A key without a note signs plugins.
    pub fn standing_as(&self, kind: SignatureKind, at: Timestamp) -> Standing {
        let unnoted = [KeyNotes::new()];
        let notes = if self.limits.notes.is_empty() { &unnoted[..] } else { &self.limits.notes };
        let others = notes.iter().filter_map(|notes| other_kind(notes, kind));
        others.map(Standing::OutOfScope).fold(self.standing(at), Standing::or_stricter)
    }

    /// Whether it is trusted where it stands.
    pub fn standing_by_place(&self) -> Standing {
        match self.place {
            _ if self.limits.is_revoked => {
                let revoked = self.limits.notes.iter().find_map(|notes| notes.revoked.clone());
                let (at, reason) = revoked.map_or((None, None), |revoked| (Some(revoked.at), revoked.reason));
                Standing::Revoked { at, reason }
            }
            KeyPlace::Trusted => Standing::Current,
            KeyPlace::Staged => Standing::Staged,
            KeyPlace::Retired => Standing::Retired,
            KeyPlace::Revoked => Standing::Revoked { at: None, reason: None },
        }
    }
}

fn out_of_scope(notes: &KeyNotes, kind: SignatureKind, plugin: Option<&str>, origin: &Origin) -> Option<OutOfScope> {
    let of_scope = notes.scope.as_ref().and_then(|scope| match scope {
        Scope { plugins: Some(globs), .. } if !scope.holds_plugin(plugin) => {
            Some(OutOfScope::Plugin { globs: globs.clone(), id: plugin.map(str::to_owned) })
        }
        Scope { repositories: Some(repositories), .. } if !scope.holds_origin(origin) => {
            Some(OutOfScope::Origin { repositories: repositories.clone(), origin: origin.clone() })
        }
        _ => None,
    });
    other_kind(notes, kind).or(of_scope)
}

fn other_kind(notes: &KeyNotes, asked: SignatureKind) -> Option<OutOfScope> {
    let may_sign = || notes.may_sign.clone().unwrap_or_else(|| vec![SignatureKind::Plugin]);
    (!notes.may_sign(asked)).then(|| OutOfScope::Kind { may_sign: may_sign(), asked })
}
