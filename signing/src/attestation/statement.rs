//! `ArtifactStatement`: a statement of in-toto v1 about one artifact.

use std::collections::BTreeMap;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use serde::Deserialize;
use serde_json::Value;

use super::builder::stated_builder;
use super::predicate::Predicate;
use super::predicate_type::PredicateType;
use super::refusal::invalid;
use super::unambiguous::Unambiguous;

/// The version of the form that is read and written.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What is said of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactStatement {
    payload: Vec<u8>,
    predicate_type: PredicateType,
}

/// What is read. Members that this version does not know may stand beside them, as in-toto asks of its readers: they
/// change nothing of what these say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<WrittenSubject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Option<Object>,
}

#[derive(Deserialize)]
struct WrittenSubject {
    digest: BTreeMap<String, String>,
}

/// Any object, of which nothing is kept.
#[derive(Deserialize)]
struct Object {}

impl ArtifactStatement {
    /// Says that of the artifact. `name` is for people: the digest alone says which one is meant. Nothing else goes in,
    /// and no time, so that the same words are the same bytes.
    pub fn make(name: &str, artifact: ArtifactDigest, predicate_type: PredicateType, predicate: &Predicate) -> Self {
        let quoted = |text: &str| Value::from(text).to_string();
        let (name, kind) = (quoted(name), quoted(predicate_type.as_str()));
        let (algorithm, hex) = (artifact.algorithm(), artifact.blob().hex());
        let payload = format!(
            r#"{{"_type":"{STATEMENT_TYPE}","subject":[{{"name":{name},"digest":{{"{algorithm}":"{hex}"}}}}],"predicateType":{kind},"predicate":{}}}"#,
            predicate.text()
        );
        Self { payload: payload.into_bytes(), predicate_type }
    }

    /// Reads what was signed, as what is said of that artifact.
    ///
    /// # Errors
    /// `attestation_invalid` for what is no statement v1 of one subject, or says one thing twice; `digest_mismatch` for
    /// one about something else.
    pub fn read(payload: &[u8], artifact: ArtifactDigest) -> Result<Self> {
        let no_statement = |error| invalid("holds no statement of in-toto").caused_by(error);
        serde_json::from_slice::<Unambiguous>(payload).map_err(no_statement)?;
        let written: Written = serde_json::from_slice(payload).map_err(no_statement)?;
        if written.statement_type != STATEMENT_TYPE {
            return Err(invalid("is of another version")
                .expected(format!("_type {STATEMENT_TYPE}"), shown(&written.statement_type, 120)));
        }
        let [subject] = &written.subject[..] else {
            return Err(invalid("is not about one artifact")
                .expected("one subject", format!("{} subjects", written.subject.len())));
        };
        subject.require(artifact)?;
        if written.predicate.is_none() {
            return Err(invalid("says nothing of its subject").expected("a `predicate`", "none"));
        }
        Ok(Self { payload: payload.to_vec(), predicate_type: written.predicate_type.parse()? })
    }

    /// The bytes that are signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Who has built the artifact, where it is provenance that says so.
    pub fn builder(&self) -> Option<String> {
        stated_builder(&self.payload)
    }

    /// What kind of thing it says.
    pub fn predicate_type(&self) -> &PredicateType {
        &self.predicate_type
    }
}

impl WrittenSubject {
    /// By the algorithm of the artifact's own digest: another one says nothing about it.
    fn require(&self, artifact: ArtifactDigest) -> Result<()> {
        let algorithm = artifact.algorithm().name();
        let Some(hex) = self.digest.get(algorithm) else {
            let found: Vec<&str> = self.digest.keys().map(String::as_str).collect();
            return Err(invalid(format!("names its subject by no {algorithm}"))
                .expected(format!("a digest by {algorithm}"), shown(&found.join(", "), 120)));
        };
        match *hex == artifact.blob().hex() {
            true => Ok(()),
            false => Err(Fault::new(Reason::DigestMismatch, "the attestation is about another artifact")
                .expected(artifact.to_string(), shown(&format!("{algorithm}:{hex}"), 160))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_manifests::digest::Algorithm;

    fn made(artifact: ArtifactDigest) -> ArtifactStatement {
        let predicate = Predicate::read("x", b"{\"a\": 1.0}").expect("an object");
        ArtifactStatement::make("a \"b\"", artifact, "https://example.org/x".parse().expect("a URI"), &predicate)
    }

    #[test]
    fn it_is_one_statement_of_one_subject_with_the_predicate_as_it_was_written() {
        let artifact = ArtifactDigest::of(b"{}");
        let statement = made(artifact);
        let hex = artifact.blob().hex();
        let expected = format!(
            "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{{\"name\":\"a \\\"b\\\"\",\"digest\":\
             {{\"sha256\":\"{hex}\"}}}}],\"predicateType\":\"https://example.org/x\",\"predicate\":{{\"a\": 1.0}}}}"
        );
        assert_eq!(std::str::from_utf8(statement.payload()).expect("text"), expected);
        assert_eq!(ArtifactStatement::read(statement.payload(), artifact).expect("its own form"), statement);
        let long = ArtifactDigest::of_by(Algorithm::Sha512, b"{}");
        assert_eq!(ArtifactStatement::read(made(long).payload(), long).expect("by sha512"), made(long));
    }

    #[test]
    fn what_is_not_said_of_that_artifact_alone_is_refused() {
        let artifact = ArtifactDigest::of(b"{}");
        let good = String::from_utf8(made(artifact).payload().to_vec()).expect("text");
        let swapped = |from: &str, to: &str| {
            let changed = good.replacen(from, to, 1);
            assert_ne!(changed, good, "{from}");
            changed
        };
        let subject = good.split_once("[{").and_then(|(_, rest)| rest.split_once("}]")).expect("one").0.to_owned();
        let hex = artifact.blob().hex();
        for (changed, reason) in [
            (swapped("Statement/v1", "Statement/v0.1"), Reason::AttestationInvalid),
            (swapped("Statement/v1", "Statement/v2"), Reason::AttestationInvalid),
            (swapped("\"_type\"", "\"type\""), Reason::AttestationInvalid),
            (swapped(&format!("{{{subject}}}"), ""), Reason::AttestationInvalid),
            (swapped(&subject, &format!("{subject}}},{{{subject}")), Reason::AttestationInvalid),
            (swapped("\"subject\":", "\"subject\":[],\"subject\":"), Reason::AttestationInvalid),
            (swapped("\"sha256\":", "\"sha512\":"), Reason::AttestationInvalid),
            (swapped("\"sha256\":", "\"SHA256\":"), Reason::AttestationInvalid),
            (swapped("\"sha256\":", "\"sha256\":\"\",\"sha256\":"), Reason::AttestationInvalid),
            (swapped(&hex, &ArtifactDigest::of(b"[]").blob().hex()), Reason::DigestMismatch),
            (swapped(&hex, &hex.to_uppercase()), Reason::DigestMismatch),
            (swapped(&hex, &hex[..63]), Reason::DigestMismatch),
            (swapped("https://example.org/x", "x"), Reason::AttestationInvalid),
            (swapped("{\"a\": 1.0}", "\"x\""), Reason::AttestationInvalid),
            (swapped("{\"a\": 1.0}", "null"), Reason::AttestationInvalid),
            (swapped(",\"predicate\":{\"a\": 1.0}", ""), Reason::AttestationInvalid),
            (swapped("1.0", "{\"b\":1,\"b\":2}"), Reason::AttestationInvalid),
            (format!("{good}{good}"), Reason::AttestationInvalid),
            (String::new(), Reason::AttestationInvalid),
        ] {
            assert_eq!(
                ArtifactStatement::read(changed.as_bytes(), artifact).expect_err(&changed).reason(),
                reason,
                "{changed}"
            );
        }
        let long = ArtifactDigest::of_by(Algorithm::Sha512, b"{}");
        let fault = ArtifactStatement::read(good.as_bytes(), long).expect_err("by another algorithm");
        assert_eq!(fault.reason(), Reason::AttestationInvalid);
    }

    #[test]
    fn members_that_are_not_known_change_nothing() {
        let artifact = ArtifactDigest::of(b"{}");
        let text = String::from_utf8(made(artifact).payload().to_vec()).expect("text");
        let more = text.replacen("\"subject\"", "\"later\":{},\"subject\"", 1).replacen(
            "\"name\"",
            "\"uri\":\"x\",\"name\"",
            1,
        );
        let read = ArtifactStatement::read(more.as_bytes(), artifact).expect("read");
        assert_eq!(read.predicate_type().as_str(), "https://example.org/x");
    }
}
