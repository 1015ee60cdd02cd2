//! `Bundle`: a proof as it stands in a file, read whole and strictly, and not judged yet.

use aisoc_manifests::fault::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sigstore_verify::types::bundle::{TransparencyLogEntry, VerificationMaterialContent};
use sigstore_verify::types::checkpoint::{Checkpoint, CheckpointSignature};
use sigstore_verify::types::{Bundle as Document, KindVersion, SignatureContent, Statement};

use super::refusal::malformed;
use super::root::TrustedRoot;
use super::timestamp;
use super::understood::passed_over;
use crate::attestation::stated_builder;

/// The largest bundle. One of a long attestation has some 100 kB.
pub const MAX_BUNDLE_BYTES: u64 = 1 << 20;
/// Most entries of logs in one: each is a proof to check, and one is what signers make.
pub const MAX_LOG_ENTRIES: usize = 8;
/// Most hashes of one proof of inclusion: a log of 2^64 entries has no longer one.
pub const MAX_PROOF_HASHES: usize = 64;
/// Most timestamps in one.
pub const MAX_TIMESTAMPS: usize = 8;
/// Most subjects of a statement.
pub const MAX_SUBJECTS: usize = 1024;

/// By what a bundle says that it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleKind {
    /// A certificate for one signature, of an authority that saw who asked.
    Certificate,
    /// A key that somebody keeps.
    Key,
}

/// A sigstore bundle of any version to 0.3.
#[derive(Debug)]
pub struct Bundle {
    pub(super) place: String,
    pub(super) document: Document,
}

impl Bundle {
    /// Reads a bundle. `place` is how it is called where it is refused.
    ///
    /// # Errors
    /// `proof_malformed` for what is none, for what holds more than the limits of this module allow, and for one of which
    /// something was not understood: a member that is unknown, base64 in a second spelling.
    pub fn read(place: &str, content: &[u8]) -> Result<Self> {
        if content.len() as u64 > MAX_BUNDLE_BYTES {
            return Err(malformed(place, "it is larger than any bundle")
                .expected(format!("at most {MAX_BUNDLE_BYTES} bytes"), format!("{} bytes", content.len())));
        }
        let unreadable = |what: String| malformed(place, what);
        let text =
            std::str::from_utf8(content).map_err(|error| unreadable("it is no text".to_owned()).caused_by(error))?;
        let document = Document::from_json(text).map_err(|error| unreadable(error.to_string()))?;
        let mut written: Value = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        // It has two spellings, which the library knows, and knows no third.
        let _: Option<Value> = written.as_object_mut().and_then(|members| members.remove("mediaType"));
        let read = serde_json::to_value(&document).map_err(|error| unreadable(error.to_string()))?;
        if let Some(member) = passed_over(&written, &read) {
            return Err(malformed(place, format!("`{member}` is not understood")));
        }
        let bundle = Self { place: place.to_owned(), document };
        bundle.is_bounded()?;
        Ok(bundle)
    }

    /// By what it says that it was signed.
    pub fn kind(&self) -> BundleKind {
        match self.document.verification_material.content {
            VerificationMaterialContent::PublicKey(_) => BundleKind::Key,
            _ => BundleKind::Certificate,
        }
    }

    /// Whether a log is said to hold it.
    pub fn is_logged(&self) -> bool {
        !self.entries().is_empty()
    }

    /// What the statement in it is about, as its author says; none where it signs the artifact itself.
    pub fn predicate_type(&self) -> Option<String> {
        self.statement().ok().flatten().map(|statement| statement.predicate_type)
    }

    /// Who has built the artifact, where the statement in it is provenance that says so.
    pub(super) fn builder(&self) -> Option<String> {
        let SignatureContent::DsseEnvelope(envelope) = &self.document.content else { return None };
        stated_builder(envelope.payload.as_bytes())
    }

    pub(super) fn entries(&self) -> &[TransparencyLogEntry] {
        &self.document.verification_material.tlog_entries
    }

    pub(super) fn statement(&self) -> Result<Option<Statement>> {
        let SignatureContent::DsseEnvelope(envelope) = &self.document.content else { return Ok(None) };
        let statement = serde_json::from_slice(envelope.payload.as_bytes());
        statement.map(Some).map_err(|error| malformed(&self.place, "its statement cannot be read").caused_by(error))
    }

    fn is_bounded(&self) -> Result<()> {
        let material = &self.document.verification_material;
        let hashes = self.entries().iter().filter_map(|entry| entry.inclusion_proof.as_ref());
        let longest = hashes.map(|proof| proof.hashes.len()).max().unwrap_or_default();
        let subjects = self.statement().ok().flatten().map_or(0, |statement| statement.subject.len());
        let counts = [
            ("entries of logs", self.entries().len(), MAX_LOG_ENTRIES),
            ("hashes of a proof", longest, MAX_PROOF_HASHES),
            ("timestamps", material.timestamp_verification_data.rfc3161_timestamps.len(), MAX_TIMESTAMPS),
            ("subjects", subjects, MAX_SUBJECTS),
        ];
        match counts.iter().find(|(_, count, most)| count > most) {
            None => Ok(()),
            Some((what, count, most)) => Err(malformed(&self.place, format!("it holds too many {what}"))
                .expected(format!("at most {most}"), format!("{count}"))),
        }
    }

    /// Refuses what the library passes over and what would be bound by nothing: another name for the log, another root
    /// of its tree beside the one that it signed, certificates of a timestamp.
    pub(super) fn is_bound(&self, root: &TrustedRoot) -> Result<()> {
        self.entries().iter().try_for_each(|entry| self.entry_is_bound(entry, root))?;
        let stamps = &self.document.verification_material.timestamp_verification_data.rfc3161_timestamps;
        let known = &root.timestamp_certificates;
        let is_bound = |token: &[u8]| timestamp::says_no_more(&self.place, token, known);
        stamps.iter().try_for_each(|stamp| is_bound(stamp.signed_timestamp.as_bytes()))
    }

    fn entry_is_bound(&self, entry: &TransparencyLogEntry, root: &TrustedRoot) -> Result<()> {
        let log = entry.log_id.key_id.as_bytes();
        if !root.logs.contains(log) {
            return Err(malformed(&self.place, "its log is none of the trusted root's"));
        }
        let Some(proof) = &entry.inclusion_proof else { return Ok(()) };
        let Some(checkpoint) = proof.checkpoint.checkpoint() else { return Ok(()) };
        // In its second version a log has one tree, and one number for what stands there.
        if entry.kind_version == KindVersion::HashedRekordV002 && entry.log_index != proof.log_index {
            return Err(malformed(&self.place, "its proof is of another entry of the log"));
        }
        if checkpoint.root_hash() != &proof.root_hash || checkpoint.tree_size() != proof.tree_size {
            return Err(malformed(&self.place, "its proof is of another tree than the one that its log has signed"));
        }
        // Others sign the tree too; whose keys are none of the root's are no evidence, and what they sign is as it may be.
        let is_of_log = |name: &str, hint: &[u8]| is_origin(name, checkpoint.origin()) && log.starts_with(hint);
        if !checkpoint.signatures().iter().any(|line| is_of_log(&line.name, line.key_id.as_slice())) {
            return Err(malformed(&self.place, "the log that it names has not signed the tree"));
        }
        let note = proof.checkpoint.envelope();
        match note.rsplit_once("\n\n").is_some_and(|(_, lines)| lines == written_lines(checkpoint)) {
            true => Ok(()),
            false => Err(malformed(&self.place, "the signatures of its checkpoint are written in another way")),
        }
    }
}

/// The signatures of a checkpoint as a signed note has them (github.com/C2SP/C2SP, `signed-note.md`): the one way.
fn written_lines(checkpoint: &Checkpoint) -> String {
    let line = |signature: &CheckpointSignature| {
        let bytes = [signature.key_id.as_slice(), signature.signature.as_bytes()].concat();
        format!("\u{2014} {} {}\n", signature.name, STANDARD.encode(bytes))
    };
    checkpoint.signatures().iter().map(line).collect()
}

/// Whether a line is signed by the log itself, which in its first version adds the number of its tree to its name.
fn is_origin(name: &str, origin: &str) -> bool {
    origin == name || origin.strip_prefix(name).is_some_and(|rest| rest.starts_with(" - "))
}
