//! `NAME.json` beside a trusted `NAME.pem`: from when to when a key counts, and whether it was revoked.
//!
//! A note that is not understood refuses the whole directory: nobody can tell which key it revokes, and
//! that key may stand there under other names. Hosts that know only the contract pass over the file. A signature carries no time that could be
//! believed, so a key counts by the time at which it is asked, not by the time at which it signed.

use std::fmt;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

/// The content of the file. Unknown keys refuse it, and so does a `null`: a limit that is misspelt or was
/// never filled in must not be no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyNotes {
    /// Always 1.
    pub schema_version: u32,
    /// The key counts from then on, RFC 3339.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The key counts until then, RFC 3339.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// When the key is revoked, RFC 3339: from then on whatever it signed counts no more, whenever that was.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why, for people.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a key may verify anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Current,
    /// Not before that time.
    NotYet(Timestamp),
    /// Not since that time.
    Expired(Timestamp),
    /// Never again.
    Revoked {
        /// When it was revoked.
        at: Timestamp,
        /// Why.
        reason: Option<String>,
    },
}

/// In words that go on from the name of the key.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("counts"),
            Self::NotYet(from) => write!(f, "does not count before {from}"),
            Self::Expired(since) => write!(f, "expired at {since}"),
            Self::Revoked { at, reason: None } => write!(f, "was revoked at {at}"),
            Self::Revoked { at, reason: Some(reason) } => write!(f, "was revoked at {at}: {reason}"),
        }
    }
}

impl Standing {
    /// The higher, the less the key may do.
    pub(crate) fn strictness(&self) -> u8 {
        match self {
            Self::Current => 0,
            Self::NotYet(_) => 1,
            Self::Expired(_) => 2,
            Self::Revoked { .. } => 3,
        }
    }
}

/// When a key stops to count, as its notes say. The earlier one is the smaller, and of one moment the revocation:
/// it says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedEnd {
    at: Timestamp,
    by: EndedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EndedBy {
    Revocation,
    Expiry,
}

/// How long before a key expires that is said: time enough for a publisher to sign again and for everybody to install
/// that, and short enough that a key which lives for a year is not spoken of every day.
const EXPIRY_IS_NEAR: SignedDuration = SignedDuration::from_hours(30 * 24);

impl PlannedEnd {
    /// Whether it is time to say so. Somebody has decided about a revocation, which is said however far it is.
    pub fn is_near(&self, at: Timestamp) -> bool {
        self.by == EndedBy::Revocation || self.at.duration_since(at) <= EXPIRY_IS_NEAR
    }
}

/// In words that go on from the name of the key.
impl fmt::Display for PlannedEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.by {
            EndedBy::Revocation => "is revoked",
            EndedBy::Expiry => "expires",
        };
        write!(f, "counts until {}, when it {end}", self.at)
    }
}

impl KeyNotes {
    /// The schema version that this build reads and writes.
    pub const SCHEMA_VERSION: u32 = 1;

    /// Reads the content of the file at `path`.
    ///
    /// # Errors
    /// `key_note_invalid`, also for notes that limit nothing: whoever wrote them meant something.
    pub fn read(path: &Path, content: &[u8]) -> Result<Self> {
        let invalid = || {
            Fault::new(Reason::KeyNoteInvalid, format!("the note `{}` cannot be understood", path.display()))
                .hint("write schema_version 1, and not_before, not_after or revoked_at (RFC 3339), with a reason")
        };
        if content.trim_ascii_start().first() != Some(&b'{') {
            return Err(invalid().expected("one JSON object", "something else"));
        }
        let notes: Self = serde_json::from_slice(content).map_err(|error| invalid().caused_by(error))?;
        if notes.schema_version != Self::SCHEMA_VERSION {
            return Err(invalid().expected(Self::SCHEMA_VERSION.to_string(), notes.schema_version.to_string()));
        }
        if notes.not_before.or(notes.not_after).or(notes.revoked_at).is_none() {
            return Err(invalid().expected("not_before, not_after or revoked_at", "none of them"));
        }
        Ok(notes)
    }

    /// What follows from the notes at a time. The first of: revoked, not yet, expired. A revocation that is still
    /// to come is the planned end of a key, which counts until then.
    pub fn standing(&self, at: Timestamp) -> Standing {
        if let Some(revoked_at) = self.revoked_at.filter(|revoked_at| at >= *revoked_at) {
            return Standing::Revoked { at: revoked_at, reason: self.reason.clone() };
        }
        match (self.not_before, self.not_after) {
            (Some(start), _) if at < start => Standing::NotYet(start),
            (_, Some(end)) if at >= end => Standing::Expired(end),
            _ => Standing::Current,
        }
    }

    /// When the key stops to count; nothing when no note says so.
    pub fn planned_end(&self) -> Option<PlannedEnd> {
        let revocation = self.revoked_at.map(|at| PlannedEnd { at, by: EndedBy::Revocation });
        let expiry = self.not_after.map(|at| PlannedEnd { at, by: EndedBy::Expiry });
        revocation.into_iter().chain(expiry).min()
    }
}

/// A member that is there has a value.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
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
}
