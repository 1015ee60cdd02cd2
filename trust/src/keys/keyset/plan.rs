//! `SyncPlan`: what a set makes of the keys of a site. Pure: the keys, the set, and what was brought before.
//!
//! A set touches the files that it has brought and no others, and takes no revocation back. What it revokes is revoked
//! here whoever brought the key. The order keeps a reader between what was allowed before and what is allowed then:
//! revocations, then what comes, then what goes.

use std::collections::{BTreeMap, BTreeSet};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Result;
use aisoc_signing::{Fingerprint, HeldKey, KeyNotes, KeyPlace, Keyring, SignatureKind, Standing};
use jiff::Timestamp;

use super::super::change::{KeyChange, KeyFile, OwnFile, Step};
use super::super::foreseen::Foreseen;
use super::super::plan::Grounds;
use super::applied::{Applied, BroughtKey};
use super::set::KeySet;
use super::set_key::SetKey;
use super::settings::SyncSettings;
use super::sought::{LeftAlone, Sought, WhyLeft};
use crate::journal::{Action, Entry, JournalTime};

/// What a site follows, and by which time it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Following<'a> {
    /// The keys as they are.
    pub keyring: &'a Keyring,
    /// What was taken of a set before.
    pub before: Option<&'a Applied>,
    /// The set.
    pub set: &'a KeySet,
    /// The set by content.
    pub digest: Digest,
    /// The keys of which the last word in the journal is that they were revoked here, whatever has become of their
    /// files.
    pub revoked: &'a BTreeSet<Fingerprint>,
    /// The time to judge keys by.
    pub at: Timestamp,
}

/// What becomes of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMove {
    /// Its name here.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// Where it stood; nothing for one that comes.
    pub from: Option<KeyPlace>,
    /// Where it stands then.
    pub to: KeyPlace,
    /// Whether it counted for plugins and does no more, or for fewer, without being revoked: what depends on it is asked
    /// first.
    pub loss: Option<Loss>,
    /// Whether the set revokes it.
    pub is_revocation: bool,
    brought: BroughtKey,
    steps: Vec<Step>,
}

/// What a key that counted for plugins loses without being revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It counts for none any more.
    Parts,
    /// Its note says another scope, or how much its signatures have to cover: some may be refused then.
    IsLimited,
}

/// Everything that a set makes of the keys.
#[derive(Debug, Default)]
pub struct SyncPlan {
    /// What is done, in order.
    pub moves: Vec<KeyMove>,
    /// What is not as the set says, and stays so.
    pub left: Vec<LeftAlone>,
    /// What is written down of the keys that are not moved.
    kept: Vec<BroughtKey>,
    /// Every file that is there, and which key it holds, if it is one that can be used.
    files: BTreeMap<String, Option<Fingerprint>>,
    /// The ids that are taken.
    names: BTreeSet<String>,
}

impl SyncPlan {
    /// Whether a key becomes a trusted one that is none.
    pub fn brings_keys(&self) -> bool {
        self.moves.iter().any(|moved| moved.to == KeyPlace::Trusted && moved.from != Some(KeyPlace::Trusted))
    }

    /// Whether a key is revoked.
    pub fn revokes(&self) -> bool {
        self.moves.iter().any(|moved| moved.is_revocation)
    }

    /// Whether keys are revoked, and nothing else happens.
    pub fn only_revokes(&self) -> bool {
        self.moves.iter().all(|moved| moved.is_revocation)
    }

    /// What the set makes of the keys.
    ///
    /// # Errors
    /// `key_invalid` for a key of the set that cannot be read.
    pub fn of(following: &Following<'_>) -> Result<Self> {
        let Following { keyring, before, set, revoked, at, .. } = *following;
        let sought = |key| Sought::of(key, keyring, before, revoked, at);
        let usable = keyring.all_keys().iter().map(|key| (key.file.clone(), Some(key.fingerprint)));
        let unusable = keyring.skipped().iter().map(|skipped| (skipped.file.clone(), None));
        let files: BTreeMap<_, _> = unusable.chain(usable).collect();
        let mut plan = Self { names: files.keys().map(|file| stem(file)).collect(), files, ..Self::default() };
        for key in &set.keys {
            plan.follow(key, &sought(key.fingerprint), at)?;
        }
        let is_in_set = |record: &&BroughtKey| set.keys.iter().any(|key| key.fingerprint == record.fingerprint);
        for record in before.iter().flat_map(|before| &before.keys).filter(|record| !is_in_set(record)) {
            plan.let_go(record, &sought(record.fingerprint), at);
        }
        plan.moves.sort_by_key(KeyMove::rank);
        Ok(plan)
    }

    /// What the set says of a key that is in it.
    fn follow(&mut self, key: &SetKey, here: &Sought<'_>, at: Timestamp) -> Result<()> {
        let revokes = key.is_revoked(at);
        match (here.untouched(), here.brought) {
            _ if here.is_revoked && !revokes => self.leave(key, here, WhyLeft::RevokedHere),
            (Some(file), _) if !self.is_barred(file, wanted_place(key, at)) => {
                self.move_to(file, key, key.note.clone(), at);
            }
            // What somebody here has written of it stays written.
            (None, Some(file)) if revokes && !here.is_revoked && !self.is_barred(file, KeyPlace::Revoked) => {
                self.revoke_annotated(file, key, at);
            }
            _ if here.files.is_empty() && here.record.is_none() => self.bring(key, at)?,
            _ if here.is_revoked => self.keep(here),
            _ if revokes => self.revoke_beside(key, here, at)?,
            (Some(_), _) => self.leave(key, here, WhyLeft::NameTaken),
            _ if here.files.is_empty() => self.leave(key, here, WhyLeft::RemovedHere),
            _ if here.files.iter().any(|file| is_as(file, key, at)) => self.keep(here),
            _ if here.record.is_some() => self.leave(key, here, WhyLeft::ChangedHere),
            _ => self.leave(key, here, WhyLeft::OwnKey),
        }
        Ok(())
    }

    /// A file of the set's with a note of somebody here, which stays and is no set's to change later.
    fn revoke_annotated(&mut self, file: &HeldKey, key: &SetKey, at: Timestamp) {
        self.move_to(file, key, revoked_note(file, key), at);
        if let Some(moved) = self.moves.last_mut() {
            moved.brought = BroughtKey::new(key.fingerprint, moved.to, KeyFile::of(file).name, key.note.as_ref());
        }
    }

    /// A key is revoked by its bytes: where the file is not the set's to move, another one among the revoked does it.
    fn revoke_beside(&mut self, key: &SetKey, here: &Sought<'_>, at: Timestamp) -> Result<()> {
        if here.files.iter().any(|file| file.place == KeyPlace::Trusted) {
            self.left.push(here.left(&key.id, key.fingerprint, WhyLeft::OwnKeyRevoked));
        }
        self.bring(key, at)
    }

    /// What becomes of a key that a set has brought and that is in it no more: it is retired, and stays the set's.
    fn let_go(&mut self, record: &BroughtKey, here: &Sought<'_>, at: Timestamp) {
        let goes = |file: &HeldKey| matches!(file.place, KeyPlace::Trusted | KeyPlace::Staged);
        match (here.untouched(), here.brought) {
            _ if here.files.is_empty() => {}
            (Some(file), _) if goes(file) && self.is_barred(file, KeyPlace::Retired) => {
                self.left.push(here.left(file.id.as_str(), record.fingerprint, WhyLeft::NameTaken));
                self.keep(here);
            }
            (Some(file), _) if goes(file) => {
                let steps = Step::moved(file, KeyPlace::Retired, file.notes().cloned());
                let loss = counts(file, at).then_some(Loss::Parts);
                self.push(file, KeyPlace::Retired, file.notes(), steps, (false, loss));
            }
            (None, Some(file)) if goes(file) => {
                self.left.push(here.left(file.id.as_str(), record.fingerprint, WhyLeft::ChangedHere));
                self.keep(here);
            }
            _ => self.keep(here),
        }
    }

    /// A key that is not here yet, or is not the set's and is revoked by it: under its own name where that is free.
    fn bring(&mut self, key: &SetKey, at: Timestamp) -> Result<()> {
        let id = self.free_name(key);
        let place = wanted_place(key, at);
        let file = KeyFile::named(place, &id);
        let steps = Step::put(&key.key()?, &file, key.note.clone());
        let brought = BroughtKey::new(key.fingerprint, place, file.name, key.note.as_ref());
        let is_revocation = place == KeyPlace::Revoked;
        let (fingerprint, from, loss) = (key.fingerprint, None, None);
        self.moves.push(KeyMove { key_id: id, fingerprint, from, to: place, loss, is_revocation, brought, steps });
        Ok(())
    }

    /// A name that no file here has, in whatever place: so no file is in its way later, wherever it goes.
    fn free_name(&mut self, key: &SetKey) -> String {
        let digits = key.fingerprint.hex();
        let names = [key.id.clone(), format!("{}-{}", key.id, &digits[..8]), digits];
        let is_free = |name: &&String| !self.names.contains(&name.to_ascii_lowercase());
        let name = names.iter().find(is_free).unwrap_or(&names[2]).clone();
        self.names.insert(name.to_ascii_lowercase());
        name
    }

    /// A file of the set's, where it goes and what is written of it then.
    fn move_to(&mut self, file: &HeldKey, key: &SetKey, note: Option<KeyNotes>, at: Timestamp) {
        let to = wanted_place(key, at);
        if file.place == to && file.notes() == note.as_ref() {
            return self.kept.push(record_of(file));
        }
        let steps = match file.place == to {
            true => vec![Step::noted(file, note.clone())],
            false => Step::moved(file, to, note.clone()),
        };
        let is_revocation = key.is_revoked(at);
        let loss = match key.standing_as(SignatureKind::Plugin, at) {
            _ if is_revocation || !counts(file, at) => None,
            // What it comes to, the gate is asked.
            Standing::Current => is_limited_anew(file, note.as_ref()).then_some(Loss::IsLimited),
            _ => Some(Loss::Parts),
        };
        self.push(file, to, note.as_ref(), steps, (is_revocation, loss));
    }

    fn push(
        &mut self,
        file: &HeldKey,
        to: KeyPlace,
        note: Option<&KeyNotes>,
        steps: Vec<Step>,
        (is_revocation, loss): (bool, Option<Loss>),
    ) {
        let name = KeyFile::of(file).name;
        let brought = BroughtKey::new(file.fingerprint, to, name, note);
        let (key_id, fingerprint, from) = (file.id.to_string(), file.fingerprint, Some(file.place));
        self.moves.push(KeyMove { key_id, fingerprint, from, to, loss, is_revocation, brought, steps });
    }

    fn leave(&mut self, key: &SetKey, here: &Sought<'_>, why: WhyLeft) {
        self.left.push(here.left(&key.id, key.fingerprint, why));
        self.keep(here);
    }

    /// What a set has brought stays known as that: whoever puts the file back as it was gives it back to the set.
    fn keep(&mut self, here: &Sought<'_>) {
        self.kept.extend(here.record.cloned());
    }

    /// Whether another file of that name stands where this one goes.
    fn is_barred(&self, file: &HeldKey, to: KeyPlace) -> bool {
        let there = self.files.get(&to.below(&KeyFile::of(file).name));
        file.place != to && there.is_some_and(|key| *key != Some(file.fingerprint))
    }

    /// What becomes of the keys when nothing waits, for those who ask about the keys that lose something by it without
    /// being revoked.
    pub fn losses(&self) -> Foreseen {
        let losers = self.moves.iter().filter(|moved| moved.loss.is_some());
        let steps = self.moves.iter().flat_map(|moved| moved.steps.iter().cloned());
        Foreseen::new(steps.collect(), losers.map(|moved| moved.fingerprint).collect())
    }

    /// The change that does everything but taking something from those keys; nothing when there is nothing to do.
    pub fn change(
        &self,
        following: &Following<'_>,
        waiting: &BTreeSet<Fingerprint>,
        settings: Option<&SyncSettings>,
        why: &Grounds,
    ) -> Option<KeyChange> {
        let (stays, moves): (Vec<_>, Vec<_>) =
            self.moves.iter().partition(|moved| moved.loss.is_some() && waiting.contains(&moved.fingerprint));
        let is_new =
            following.before.is_none_or(|it| it.name != following.set.name || it.version != following.set.version);
        let line = (is_new || settings.is_some()).then(|| following.line(why));
        let mut entries = line.into_iter().chain(moves.iter().map(|moved| moved.line(why)));
        let entry = entries.next()?;
        let also: Vec<Entry> = entries.collect();
        let before = |moved: &KeyMove| following.before.and_then(|before| before.key(moved.fingerprint)).cloned();
        let brought = moves.iter().map(|moved| moved.brought.clone()).chain(self.kept.iter().cloned());
        let brought = brought.chain(stays.into_iter().filter_map(before)).collect();
        let applied = Applied::of(following.set, following.digest, following.before, brought);
        let mut steps: Vec<Step> = moves.iter().flat_map(|moved| moved.steps.iter().cloned()).collect();
        steps.push(Step::WriteOwn { file: OwnFile::Applied, content: applied.to_json() });
        steps.extend(settings.map(|it| Step::WriteOwn { file: OwnFile::Settings, content: it.to_json() }));
        Some(KeyChange { entry, also, steps })
    }
}

impl Following<'_> {
    /// The line that says which set was applied.
    fn line(&self, why: &Grounds) -> Entry {
        Entry {
            at: JournalTime::utc(why.at),
            action: Action::KeySync,
            id: Some(self.set.name.clone()),
            version: Some(self.set.version.to_string()),
            hash: Some(self.digest.to_string()),
            reason: Some(why.reason.to_string()),
        }
    }
}

impl KeyMove {
    /// Revocations come first, and what goes comes last.
    fn rank(&self) -> u8 {
        match (self.is_revocation, self.loss) {
            (true, _) => 0,
            (false, None) => 1,
            (false, Some(_)) => 2,
        }
    }

    /// What is done to it, in one word.
    pub fn word(&self) -> &'static str {
        match (self.from, self.to) {
            _ if self.is_revocation => "revoked",
            (Some(from), to) if from == to => "annotated",
            (_, to) => to.as_str(),
        }
    }

    fn line(&self, why: &Grounds) -> Entry {
        let said = format!("{}: {}", self.word(), why.reason);
        let (id, version, hash) = (Some(self.key_id.clone()), None, Some(self.fingerprint.to_string()));
        Entry { at: JournalTime::utc(why.at), action: Action::KeySync, id, version, hash, reason: Some(said) }
    }
}

fn record_of(file: &HeldKey) -> BroughtKey {
    BroughtKey::new(file.fingerprint, file.place, KeyFile::of(file).name, file.notes())
}

/// Whether a note may keep a key that goes on counting from something that the one before allowed.
fn is_limited_anew(file: &HeldKey, note: Option<&KeyNotes>) -> bool {
    let limits = |note: Option<&KeyNotes>| note.map(|note| (note.scope.clone(), note.coverage)).unwrap_or_default();
    limits(file.notes()) != limits(note)
}

fn counts(file: &HeldKey, at: Timestamp) -> bool {
    file.standing_as(SignatureKind::Plugin, at) == Standing::Current
}

/// Whether a file says what the set says, whoever put it there.
fn is_as(file: &HeldKey, key: &SetKey, at: Timestamp) -> bool {
    file.place == wanted_place(key, at) && file.notes() == key.note.as_ref()
}

/// A key that is revoked stands among the revoked, whatever else is written of it.
fn wanted_place(key: &SetKey, at: Timestamp) -> KeyPlace {
    if key.is_revoked(at) { KeyPlace::Revoked } else { key.place }
}

/// The note that is there, and the revocation of the set beside it.
fn revoked_note(file: &HeldKey, key: &SetKey) -> Option<KeyNotes> {
    let revoked = key.note.as_ref().and_then(|note| note.revoked.clone());
    match file.notes() {
        None => key.note.clone(),
        Some(notes) => Some(KeyNotes {
            schema_version: KeyNotes::SCHEMA_VERSION,
            revoked: revoked.or_else(|| notes.revoked.clone()),
            ..notes.clone()
        }),
    }
}

/// The id of a file, as it is compared.
fn stem(file: &str) -> String {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_ascii_lowercase()
}
