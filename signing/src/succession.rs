//! `Succession`: what keys say of the key that succeeds them. Pure: whether anybody believes it, a site decides.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::without_hidden;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::{Fingerprint, PublicKey};
use crate::tried::MAX_SIGNATURES;

/// Longest comment: a sentence or two, as of a stated reason.
const MAX_COMMENT_BYTES: usize = 1024;

/// The endorsement of one key by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// The key that succeeds.
    pub successor: PublicKey,
    /// Whose word it is. Only they can sign it.
    pub endorsers: BTreeSet<Fingerprint>,
    /// How many of them have to have signed it.
    pub required: usize,
    /// When it was made.
    pub issued_at: Timestamp,
    /// The successor counts from then on.
    pub not_before: Timestamp,
    /// Until then the endorsers and the successor both count. Afterwards it is followed no more: their keys are gone by
    /// then, and may be in any hands.
    pub until: Timestamp,
    /// What else they say.
    pub comment: Option<String>,
}

/// How it is written: one JSON object. The order of the members is fixed, so that the same words give the same bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema_version: u32,
    successor: WrittenKey,
    endorsers: Vec<Fingerprint>,
    required: usize,
    issued_at: Timestamp,
    not_before: Timestamp,
    until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// The key itself, and its name for those who compare it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    fingerprint: Fingerprint,
    public_key_pem: String,
}

impl Succession {
    /// The version of the form that is read and written.
    const SCHEMA_VERSION: u32 = 1;

    /// Reads the payload of an envelope.
    ///
    /// # Errors
    /// `statement_invalid` for what is none, says two things, or can never be followed; `weak_key` and `key_invalid` for
    /// a successor that is no key.
    pub fn read(payload: &[u8]) -> Result<Self> {
        let written: Written = serde_json::from_slice(payload)
            .map_err(|error| invalid("is none that can be understood").caused_by(error))?;
        if written.schema_version != Self::SCHEMA_VERSION {
            return Err(invalid("is of another version")
                .expected(format!("schema_version {}", Self::SCHEMA_VERSION), written.schema_version.to_string()));
        }
        let about = |fault: Fault| fault.about("the successor that is endorsed");
        let successor = PublicKey::from_pem(written.successor.public_key_pem.as_bytes()).map_err(about)?;
        if successor.fingerprint() != written.successor.fingerprint {
            return Err(invalid("names two successors")
                .expected(written.successor.fingerprint.to_string(), successor.fingerprint().to_string()));
        }
        let endorsers: BTreeSet<Fingerprint> = written.endorsers.iter().copied().collect();
        if endorsers.len() != written.endorsers.len() {
            return Err(invalid("names an endorser twice").expected("distinct keys", "one of them again"));
        }
        let Written { required, issued_at, not_before, until, comment, .. } = written;
        let read = Self { successor, endorsers, required, issued_at, not_before, until, comment };
        read.require_sound().map(|()| read)
    }

    /// The payload.
    pub fn to_json(&self) -> Vec<u8> {
        let written = Written {
            schema_version: Self::SCHEMA_VERSION,
            successor: WrittenKey {
                fingerprint: self.successor.fingerprint(),
                public_key_pem: self.successor.to_pem(),
            },
            endorsers: self.endorsers.iter().copied().collect(),
            required: self.required,
            issued_at: self.issued_at,
            not_before: self.not_before,
            until: self.until,
            comment: self.comment.clone(),
        };
        serde_json::to_vec(&written).expect("texts, times and numbers are JSON")
    }

    /// Whether it says something that can be followed.
    ///
    /// # Errors
    /// `statement_invalid`.
    pub fn require_sound(&self) -> Result<()> {
        let successor = self.successor.fingerprint();
        let count = self.endorsers.len();
        if !(1..=MAX_SIGNATURES).contains(&count) {
            return Err(invalid("has no endorsers, or too many")
                .expected(format!("1 to {MAX_SIGNATURES} keys"), count.to_string()));
        }
        if self.endorsers.contains(&successor) {
            return Err(invalid("is by the key that it is about")
                .expected("another key than its endorsers'", successor.to_string())
                .hint("endorse the new key, NEW.pem, with the private half of the old one"));
        }
        if !(1..=count).contains(&self.required) {
            return Err(invalid("asks for a number of endorsers that cannot be")
                .expected(format!("1 to {count}"), self.required.to_string()));
        }
        if self.not_before >= self.until {
            return Err(invalid("is over before it begins")
                .expected(format!("an end behind {}", self.not_before), self.until.to_string()));
        }
        self.comment.as_deref().map_or(Ok(()), require_comment)
    }
}

fn require_comment(comment: &str) -> Result<()> {
    let is_line = without_hidden(comment) == comment && !comment.trim().is_empty();
    match is_line && comment.len() <= MAX_COMMENT_BYTES {
        true => Ok(()),
        false => Err(invalid("has a comment that is no line of text")
            .expected(format!("at most {MAX_COMMENT_BYTES} bytes that can be read"), "another text")),
    }
}

fn invalid(why: &str) -> Fault {
    Fault::new(Reason::StatementInvalid, format!("the endorsement {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    fn key() -> PublicKey {
        SigningKey::generate().expect("random numbers").public_key()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn sound(endorsers: usize, required: usize) -> Succession {
        Succession {
            successor: key(),
            endorsers: (0..endorsers).map(|_| key().fingerprint()).collect(),
            required,
            issued_at: at("2026-01-01T00:00:00Z"),
            not_before: at("2026-01-01T00:00:00Z"),
            until: at("2026-02-01T00:00:00Z"),
            comment: Some("the yearly rotation".to_owned()),
        }
    }

    #[test]
    fn it_is_read_as_it_was_written_and_always_in_the_same_bytes() {
        for (endorsers, required) in [(1, 1), (3, 2), (16, 16)] {
            let succession = sound(endorsers, required);
            let payload = succession.to_json();
            assert_eq!(Succession::read(&payload).expect("its own form"), succession);
            assert_eq!(Succession::read(&payload).expect("its own form").to_json(), payload);
        }
    }

    #[test]
    fn what_can_never_be_followed_is_no_endorsement() {
        let good = sound(2, 2);
        for (changed, words) in [
            (Succession { endorsers: BTreeSet::new(), ..good.clone() }, "no endorsers"),
            (Succession { required: 0, ..good.clone() }, "a number of endorsers that cannot be"),
            (Succession { required: 3, ..good.clone() }, "a number of endorsers that cannot be"),
            (Succession { until: good.not_before, ..good.clone() }, "over before it begins"),
            (sound(17, 1), "too many"),
            (Succession { comment: Some(" ".to_owned()), ..good.clone() }, "comment"),
            (Succession { comment: Some("a\u{1b}[2J".to_owned()), ..good.clone() }, "comment"),
            (
                Succession { endorsers: BTreeSet::from([good.successor.fingerprint()]), required: 1, ..good.clone() },
                "the key that it is about",
            ),
        ] {
            for fault in [changed.require_sound(), Succession::read(&changed.to_json()).map(drop)] {
                let fault = fault.expect_err(words);
                assert_eq!(fault.reason(), Reason::StatementInvalid, "{words}");
                assert!(fault.message().contains(words), "{words}: {fault:?}");
            }
        }
    }

    #[test]
    fn what_is_misspelt_or_said_twice_is_no_endorsement() {
        let good = String::from_utf8(sound(1, 1).to_json()).expect("text");
        let weak = "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let swapped = |from: &str, to: &str| {
            let changed = good.replacen(from, to, 1);
            assert_ne!(changed, good, "{from}");
            changed
        };
        let body =
            good.split("KEY-----\\n").nth(1).and_then(|rest| rest.split("\\n").next()).expect("a body").to_owned();
        let fingerprint = good.split('"').find(|word| word.starts_with("SHA256:")).expect("one").to_owned();
        for (changed, reason) in [
            (swapped("\"schema_version\":1", "\"schema_version\":2"), Reason::StatementInvalid),
            (swapped("\"required\":1", "\"required\":1,\"required\":1"), Reason::StatementInvalid),
            (swapped("\"required\":1", "\"required\":1,\"scope\":{}"), Reason::StatementInvalid),
            (swapped("\"until\"", "\"untill\""), Reason::StatementInvalid),
            (swapped(&fingerprint, &key().fingerprint().to_string()), Reason::StatementInvalid),
            (swapped(&body, "AAAA"), Reason::KeyInvalid),
            (swapped(&body, weak), Reason::WeakKey),
            (format!("{good}{{}}"), Reason::StatementInvalid),
            (String::new(), Reason::StatementInvalid),
        ] {
            assert_eq!(Succession::read(changed.as_bytes()).expect_err(&changed).reason(), reason, "{changed}");
        }
    }
}
