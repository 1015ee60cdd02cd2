//! `NAME.json` beside a trusted `NAME.pem`: from when to when a key counts and for what, whether it was revoked, and
//! whose it is.
//!
//! A note that is not understood refuses the whole directory: nobody can tell which key it revokes, and that key may
//! stand there under other names. Hosts that know only the contract pass over the file. A signature carries no time
//! that could be believed, so a key counts by the time at which it is asked, and by the time at which it signed where
//! an authority vouches for that.

use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::without_hidden;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kind::{KeyCoverage, SignatureKind};
use super::member::given;
use super::scope::Scope;
use super::standing::{EndedBy, PlannedEnd, Standing};
use crate::key::Fingerprint;
use crate::timestamp::SignedAt;

/// The content of the file. Unknown members refuse it, and so does a `null`: a limit that is misspelt or was never
/// filled in must not be no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyNotes {
    /// 2; in notes of an older form, which are read as well, 1.
    pub schema_version: u32,
    /// Whose key it is, for people.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What else there is to say, for people.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The key counts from then on, RFC 3339.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The key counts until then, RFC 3339.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// That the key is revoked, and why.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
    /// What the key may be used for; for everything when that is not said.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// How much its signatures have to cover; as the site says when the note does not.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub coverage: Option<KeyCoverage>,
    /// What the key signs; plugins when that is not said.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub may_sign: Option<Vec<SignatureKind>>,
    /// The keys on whose word it was accepted.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub endorsed_by: Option<Vec<Fingerprint>>,
}

/// A revocation: from then on whatever the key signed counts no more, whenever that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// When, RFC 3339. One that is still to come is the planned end of a key, which counts until then.
    pub at: Timestamp,
    /// Why, for people. Notes of the older form may leave it out.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when somebody else may have had the key. It decides over signatures alone for whose time an authority
    /// vouches that the operator has named: those that are said to be older by nobody else are refused as well.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The older form, which limits a key in time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotesOfOldForm {
    schema_version: u32,
    #[serde(default, deserialize_with = "given")]
    not_before: Option<Timestamp>,
    #[serde(default, deserialize_with = "given")]
    not_after: Option<Timestamp>,
    #[serde(default, deserialize_with = "given")]
    revoked_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "given")]
    reason: Option<String>,
}

impl From<NotesOfOldForm> for KeyNotes {
    fn from(old: NotesOfOldForm) -> Self {
        let NotesOfOldForm { schema_version, not_before, not_after, revoked_at, reason } = old;
        let (reason, comment) = if revoked_at.is_some() { (reason, None) } else { (None, reason) };
        let revoked = revoked_at.map(|at| Revocation { at, reason, since: None });
        Self { schema_version, comment, not_before, not_after, revoked, ..Self::default() }
    }
}

/// What every form says of itself.
#[derive(Deserialize)]
struct Form {
    schema_version: u32,
}

impl KeyNotes {
    /// The schema version that this build writes.
    pub const SCHEMA_VERSION: u32 = 2;
    /// The older one that it reads as well.
    const OLD_SCHEMA_VERSION: u32 = 1;

    /// A note that says nothing yet.
    pub fn new() -> Self {
        Self { schema_version: Self::SCHEMA_VERSION, ..Self::default() }
    }

    /// Reads the content of the file at `path`.
    ///
    /// # Errors
    /// `key_note_invalid`, also for notes that say nothing: whoever wrote them meant something.
    pub fn read(path: &Path, content: &[u8]) -> Result<Self> {
        let invalid = || {
            Fault::new(Reason::KeyNoteInvalid, format!("the note `{}` cannot be understood", path.display()))
                .hint("see \"Notes on keys\" in `aisoc help trust`; `aisoc keys annotate ID` writes notes that can be")
        };
        if content.trim_ascii_start().first() != Some(&b'{') {
            return Err(invalid().expected("one JSON object", "something else"));
        }
        let unread = |error: serde_json::Error| invalid().caused_by(error);
        let Form { schema_version } = serde_json::from_slice(content).map_err(unread)?;
        let notes: Self = match schema_version {
            Self::SCHEMA_VERSION => serde_json::from_slice(content).map_err(unread)?,
            Self::OLD_SCHEMA_VERSION => serde_json::from_slice::<NotesOfOldForm>(content).map_err(unread)?.into(),
            other => {
                let known = format!("{} or {}", Self::OLD_SCHEMA_VERSION, Self::SCHEMA_VERSION);
                return Err(invalid().expected(format!("schema_version {known}"), other.to_string()));
            }
        };
        notes.require_sound().map(|()| notes).map_err(|fault| match fault.difference() {
            Some(values) => invalid().expected(&values.expected, &values.found).caused_by(fault.message()),
            None => invalid().caused_by(fault.message()),
        })
    }

    /// The content of the file, as [`KeyNotes::read`] reads it.
    pub fn to_json(&self) -> String {
        let written = Self { schema_version: Self::SCHEMA_VERSION, ..self.clone() };
        serde_json::to_string_pretty(&written).expect("texts, times and lists are JSON") + "\n"
    }

    /// Whether it says something, and nothing that can mean two things.
    ///
    /// # Errors
    /// `key_note_invalid`.
    pub fn require_sound(&self) -> Result<()> {
        let invalid = |message: &str| Fault::new(Reason::KeyNoteInvalid, message);
        if self.says_nothing() {
            return Err(invalid("a note says something").expected("at least one member of a note", "none of them"));
        }
        let reasons = self.revoked.iter().map(|revoked| &revoked.reason);
        if [&self.owner, &self.comment]
            .into_iter()
            .chain(reasons)
            .flatten()
            .any(|text| without_hidden(text).trim().is_empty())
        {
            return Err(invalid("a text of the note is blank").expected("a text, or no such member", "a blank text"));
        }
        let is_new = self.schema_version != Self::OLD_SCHEMA_VERSION;
        if is_new && self.revoked.as_ref().is_some_and(|revoked| revoked.reason.is_none()) {
            return Err(invalid("a revocation says why").expected("revoked.reason", "no such member"));
        }
        if let Some((from, until)) = self.not_before.zip(self.not_after).filter(|(from, until)| is_new && from >= until)
        {
            return Err(invalid("the key would never count")
                .expected(format!("not_after behind not_before, {from}"), until.to_string()));
        }
        if self.may_sign.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid("the key would sign nothing").expected("at least one kind, or no list", "may_sign []"));
        }
        self.scope.as_ref().map_or(Ok(()), Scope::require_sound)
    }

    fn says_nothing(&self) -> bool {
        let named = Self { schema_version: self.schema_version, ..Self::default() };
        // The older form is about time alone, and a reason for nothing was never a note.
        let is_old = self.schema_version == Self::OLD_SCHEMA_VERSION;
        *self == named || (is_old && self.not_before.or(self.not_after).is_none() && self.revoked.is_none())
    }

    /// What follows from the notes at a time. The first of: revoked, not yet, expired. A revocation that is still
    /// to come is the planned end of a key, which counts until then.
    pub fn standing(&self, at: Timestamp) -> Standing {
        if let Some(revoked) = self.revoked.as_ref().filter(|revoked| at >= revoked.at) {
            return Standing::Revoked { at: Some(revoked.at), reason: revoked.reason.clone() };
        }
        match (self.not_before, self.not_after) {
            (Some(start), _) if at < start => Standing::NotYet(start),
            (_, Some(end)) if at >= end => Standing::Expired(end),
            _ => Standing::Current,
        }
    }

    /// Whether the key counted, by this note, at whatever moment that was. A revocation that counts takes back what it
    /// says was signed since, and all where it does not say so.
    pub(super) fn counted(&self, signed: &SignedAt, at: Timestamp, is_revoked_by_place: bool) -> bool {
        let had_begun = self.not_before.is_none_or(|start| signed.earliest >= start);
        let had_not_expired = self.not_after.is_none_or(|end| signed.latest < end);
        let is_revoked = self.revoked.as_ref().is_some_and(|revoked| is_revoked_by_place || at >= revoked.at);
        let had_not_leaked = !is_revoked || self.last_moment().is_some_and(|end| signed.latest < end);
        had_begun && had_not_expired && had_not_leaked
    }

    /// Before when a key that is revoked was in nobody else's hands, where its revocation says so.
    pub(super) fn last_moment(&self) -> Option<Timestamp> {
        let revoked = self.revoked.as_ref()?;
        revoked.since.map(|since| since.min(revoked.at))
    }

    /// When the key stops to count; nothing when no note says so.
    pub fn planned_end(&self) -> Option<PlannedEnd> {
        let revocation = self.revoked.as_ref().map(|revoked| PlannedEnd { at: revoked.at, by: EndedBy::Revocation });
        let expiry = self.not_after.map(|at| PlannedEnd { at, by: EndedBy::Expiry });
        revocation.into_iter().chain(expiry).min()
    }

    /// Whether the key signs such things.
    pub fn may_sign(&self, kind: SignatureKind) -> bool {
        self.may_sign.as_ref().map_or(kind == SignatureKind::Plugin, |kinds| kinds.contains(&kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(content: &str, at: &str) -> Result<Standing> {
        let notes = KeyNotes::read(Path::new("ops.json"), content.as_bytes())?;
        Ok(notes.standing(at.parse().expect("a time")))
    }

    #[test]
    fn a_key_counts_from_its_first_moment_to_before_its_last() {
        let notes =
            r#"{"schema_version":1,"not_before":"2026-01-01T00:00:00Z","not_after":"2026-02-01T00:00:00+00:00"}"#;
        let start = "2026-01-01T00:00:00Z".parse().expect("a time");
        let end = "2026-02-01T00:00:00Z".parse().expect("a time");
        for (at, expected) in [
            ("2025-12-31T23:59:59Z", Standing::NotYet(start)),
            ("2026-01-01T00:00:00Z", Standing::Current),
            ("2026-01-31T23:59:59Z", Standing::Current),
            ("2026-02-01T00:00:00Z", Standing::Expired(end)),
        ] {
            assert_eq!(standing(notes, at).expect("notes"), expected, "{at}");
        }
    }

    #[test]
    fn a_key_is_revoked_from_the_moment_of_its_revocation_and_expired_before_when_that_came_first() {
        let notes = r#"{"schema_version":1,"revoked_at":"2026-05-01T00:00:00Z","reason":"laptop stolen"}"#;
        for at in ["2026-05-01T00:00:00Z", "2030-01-01T00:00:00Z"] {
            assert!(matches!(standing(notes, at).expect("notes"), Standing::Revoked { reason: Some(_), .. }), "{at}");
        }
        assert_eq!(standing(notes, "2026-04-30T23:59:59Z").expect("notes"), Standing::Current);
        let expired = r#"{"schema_version":1,"not_after":"2026-01-01T00:00:00Z","revoked_at":"2026-05-01T00:00:00Z"}"#;
        assert!(matches!(standing(expired, "2026-02-01T00:00:00Z").expect("notes"), Standing::Expired(_)));
    }

    #[test]
    fn a_revocation_is_near_at_any_distance_and_an_expiry_thirty_days_before_it() {
        let end = |content: &str| {
            let notes = KeyNotes::read(Path::new("ops.json"), content.as_bytes()).expect("notes");
            notes.planned_end()
        };
        let at = |at: &str| at.parse::<Timestamp>().expect("a time");
        let expiry = r#"{"schema_version":1,"not_after":"2026-03-31T00:00:00Z"}"#;
        let expires = end(expiry).expect("an end");
        for (now, is_near) in
            [("2026-02-28T23:59:59Z", false), ("2026-03-01T00:00:00Z", true), ("2026-03-01T00:00:01Z", true)]
        {
            assert_eq!(expires.is_near(at(now)), is_near, "{now}");
        }
        assert_eq!(expires.to_string(), "counts until 2026-03-31T00:00:00Z, when it expires");
        let revoked =
            end(r#"{"schema_version":1,"not_after":"2999-03-31T00:00:00Z","revoked_at":"2999-01-01T00:00:00Z"}"#);
        let revoked = revoked.expect("an end");
        assert!(revoked.is_near(at("2026-01-01T00:00:00Z")));
        assert_eq!(revoked.to_string(), "counts until 2999-01-01T00:00:00Z, when it is revoked");
        assert!(expires < revoked, "the earlier one is the smaller");
        assert_eq!(end(r#"{"schema_version":1,"not_before":"2026-01-01T00:00:00Z"}"#), None);
    }

    #[test]
    fn notes_that_are_not_understood_are_refused() {
        for content in [
            "",
            "{}",
            r#"{"schema_version":2}"#,
            r#"{"schema_version":3,"owner":"Ada"}"#,
            r#"{"schema_version":2,"schema_version":2,"owner":"Ada"}"#,
            r#"{"schema_version":2,"owner":" "}"#,
            r#"{"schema_version":2,"owner":7}"#,
            r#"{"schema_version":2,"owner":"Ada","revoked_at":"2026-01-01T00:00:00Z"}"#,
            r#"{"schema_version":2,"revoked":{"at":"2026-01-01T00:00:00Z"}}"#,
            r#"{"schema_version":2,"revoked":{"at":"2026-01-01T00:00:00Z","reason":"x","who":"y"}}"#,
            r#"{"schema_version":2,"revoked":null}"#,
            r#"{"schema_version":2,"not_before":"2026-02-01T00:00:00Z","not_after":"2026-02-01T00:00:00Z"}"#,
            r#"{"schema_version":2,"coverage":"inert"}"#,
            r#"{"schema_version":2,"coverage":"Full"}"#,
            r#"{"schema_version":2,"may_sign":[]}"#,
            r#"{"schema_version":2,"may_sign":["plugins"]}"#,
            r#"{"schema_version":2,"may_sign":"plugin"}"#,
            r#"{"schema_version":2,"scope":{}}"#,
            r#"{"schema_version":2,"scope":{"plugins":[]}}"#,
            r#"{"schema_version":2,"scope":{"plugins":null}}"#,
            r#"{"schema_version":2,"scope":{"plugin":["a"]}}"#,
            r#"{"schema_version":2,"scope":["a"]}"#,
            r#"{"schema_version":2,"endorsed_by":["abc"]}"#,
            r#"{"schema_version":1,"not_afer":"2026-01-01T00:00:00Z"}"#,
            r#"{"schema_version":1,"not_after":"tomorrow"}"#,
            r#"{"schema_version":1,"not_after":"2026-01-01"}"#,
            r#"{"schema_version":1,"not_after":"2026-01-01T00:00:00Z"}{}"#,
            "\u{feff}{\"schema_version\":1,\"not_after\":\"2026-01-01T00:00:00Z\"}",
            r#"{"schema_version":1,"revoked_at":null}"#,
            r#"{"schema_version":1,"not_after":"2026-01-01T00:00:00Z","revoked_at":null}"#,
            r#"{"schema_version":1,"revoked_at":"2026-01-01T00:00:00Z","revoked_at":"2026-01-01T00:00:00Z"}"#,
            r#"{"schema_version":1,"reason":"laptop stolen"}"#,
            r#"{"schema_version":1}"#,
            r#"[1,"2026-01-01T00:00:00Z","2026-01-01T00:00:00Z","2026-01-01T00:00:00Z","stolen"]"#,
        ] {
            let fault = standing(content, "2026-01-01T00:00:00Z").expect_err(content);
            assert_eq!(fault.reason(), Reason::KeyNoteInvalid, "{content}");
        }
    }

    #[test]
    fn a_note_is_written_as_it_is_read() {
        let full = format!(
            r#"{{"schema_version":2,"owner":"Ada","comment":"laptop","not_before":"2026-01-01T00:00:00Z",
            "not_after":"2027-01-01T00:00:00Z","revoked":{{"at":"2026-05-01T00:00:00Z","reason":"stolen",
            "since":"2026-04-01T00:00:00Z"}},"scope":{{"plugins":["acme-*"],"repositories":["ghcr.io/acme"]}},
            "coverage":"code","may_sign":["plugin","keyset"],"endorsed_by":["SHA256:{}"]}}"#,
            "0a".repeat(32)
        );
        let old = r#"{"schema_version":1,"revoked_at":"2026-05-01T00:00:00Z","reason":"stolen"}"#;
        for content in [full.as_str(), old] {
            let read = |content: &str| KeyNotes::read(Path::new("ops.json"), content.as_bytes()).expect(content);
            let (notes, again) = (read(content), read(&read(content).to_json()));
            assert_eq!(KeyNotes { schema_version: 2, ..notes }, again, "{content}");
        }
    }

    #[test]
    fn a_key_signs_plugins_unless_its_note_says_something_else() {
        let read = |content: &str| KeyNotes::read(Path::new("ops.json"), content.as_bytes()).expect(content);
        let silent = read(r#"{"schema_version":2,"owner":"Ada"}"#);
        let keysets = read(r#"{"schema_version":2,"may_sign":["keyset","lock"]}"#);
        for kind in SignatureKind::ALL {
            assert_eq!(silent.may_sign(kind), kind == SignatureKind::Plugin, "{kind}");
            assert_eq!(keysets.may_sign(kind), matches!(kind, SignatureKind::Keyset | SignatureKind::Lock), "{kind}");
        }
    }
}
