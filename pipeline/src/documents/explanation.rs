//! A verdict, explained: each check in order, the keys, what differs, and one next command.

use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::file_map::FileEntry;
use aisoc_signing::{Coverage, Findings, KeyTried, ListState, Standing, TimestampTried};
use aisoc_trust::{Answered, Asking, NUMBERED, SignatureStatus, Step, Trace, TrustDecision, Verdict};
use schemars::JsonSchema;
use serde::Serialize;

use super::Objection;
use crate::redact::redacted;
use crate::verify::Verification;

/// What `verify --explain` shows and `--json` holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Explanation {
    /// `admitted`, `admitted_despite` or `refused`.
    pub verdict: &'static str,
    /// Why it was refused, or would have been in strict mode.
    pub objection: Option<Objection>,
    /// What the signature is worth.
    pub signature_status: &'static str,
    /// How much of the plugin it covers.
    pub coverage: &'static str,
    /// The checks, in the order in which they are made.
    pub checks: Vec<Check>,
    /// The trusted keys.
    pub keys: Vec<Key>,
    /// Key files that are not used, and why.
    pub skipped_keys: Vec<String>,
    /// The signature files.
    pub signatures: Vec<SignatureFile>,
    /// The timestamps of signatures.
    pub timestamps: Vec<TimestampFile>,
    /// Whether the signed list of files is there to name what differs: `intact`, `missing`, `changed`.
    pub file_list: Option<&'static str>,
    /// Files that are not as they were signed.
    pub changed: Vec<ChangedFile>,
    /// Files that were not signed.
    pub extra: Vec<String>,
    /// Files that were signed and are not there.
    pub missing: Vec<String>,
    /// Files that the signature does not cover.
    pub uncovered: Vec<UncoveredFile>,
}

/// One check.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Check {
    /// The gate that it is a part of, by its number in the manual.
    pub gate: &'static str,
    /// What it looks at.
    pub name: &'static str,
    /// `passed`, `failed` or `not_reached`.
    pub result: &'static str,
    /// What it saw.
    pub evidence: String,
    /// What would change a check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One gate of the manual, and what is asked there.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedGate {
    /// Its number.
    pub gate: &'static str,
    /// Its name.
    pub name: &'static str,
    /// `passed`, `failed` or `not_reached`: what its checks come to.
    pub result: &'static str,
    /// Of a gate of which nothing was asked here: who asks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_elsewhere: Option<&'static str>,
    /// Its checks, in the order in which they are made.
    pub checks: Vec<Check>,
}

/// How a decision comes about: every gate in the order of the manual.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedDecision {
    /// What was named.
    pub source: String,
    /// The id that the manifest states, when it can be read.
    pub id: Option<String>,
    /// Whether it is the installed plugin that was judged, and not what is offered beside it.
    pub installed: bool,
    /// `admitted`, `admitted_despite` or `refused`.
    pub verdict: &'static str,
    /// Why it was let in, as in other documents.
    pub trust_decision: Option<&'static str>,
    /// Why it is refused, or what strict mode would have refused it for.
    pub objection: Option<Objection>,
    /// The gates.
    pub gates: Vec<ExplainedGate>,
}

impl ExplainedDecision {
    /// Of a plugin that is here, and was asked gate by gate.
    pub fn asked(source: String, id: String, asking: &Asking) -> Self {
        let refusal = asking.refusal();
        Self {
            source,
            id: Some(id),
            installed: true,
            verdict: if refusal.is_some() { "refused" } else { "admitted" },
            trust_decision: None,
            objection: refusal.map(Objection::from),
            gates: ExplainedGate::all(asking.trace()),
        }
    }

    /// How the verdict on what was named came about.
    pub fn of(source: String, installed: bool, verification: &Verification) -> Self {
        let Verification { id, verdict, trace, findings, .. } = verification;
        let decision = verdict.as_ref().ok().and_then(|verdict| verdict.decision());
        let objection = match verdict {
            Ok(verdict) => verdict.objection(),
            Err(refusal) => Some(refusal),
        };
        Self {
            source,
            id: id.clone(),
            installed,
            verdict: Explanation::of(verdict, trace, findings).verdict,
            trust_decision: decision.map(TrustDecision::as_str),
            objection: objection.map(Objection::from),
            gates: ExplainedGate::all(trace),
        }
    }
}

impl ExplainedGate {
    /// Every gate, with what the trace says of it.
    pub fn all(trace: &Trace) -> Vec<Self> {
        NUMBERED.iter().map(|(number, name, elsewhere)| Self::of(number, name, elsewhere, trace)).collect()
    }

    fn of(gate: &'static str, name: &'static str, elsewhere: &'static str, trace: &Trace) -> Self {
        let steps: Vec<&Step> = trace.steps().iter().filter(|step| step.number == gate).collect();
        let is_any = |answered| steps.iter().any(|step| step.answered == answered);
        let result = match (is_any(Answered::Failed), is_any(Answered::NotReached), steps.is_empty()) {
            (true, ..) => Answered::Failed,
            (_, true, _) | (_, _, true) => Answered::NotReached,
            _ => Answered::Passed,
        };
        let asked_elsewhere = steps.is_empty().then_some(elsewhere);
        Self {
            gate,
            name,
            result: result.as_str(),
            asked_elsewhere,
            checks: steps.into_iter().map(Check::of).collect(),
        }
    }
}

/// One trusted key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Key {
    /// The name under which this site trusts it.
    pub signing_key_id: String,
    /// The file that it was read from, in the directory of trusted keys.
    pub path: String,
    /// Its fingerprint.
    pub signing_key_fingerprint: String,
    /// The signature files that it verifies.
    pub verifies: Vec<String>,
    /// When it signed, as a timestamp authority vouches for, where it counts by that alone: today it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<String>,
    /// Why the key did not verify, or does not count.
    pub why_not: Option<String>,
}

/// One file with the timestamp of a signature.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TimestampFile {
    /// The file.
    pub path: String,
    /// The time that it states.
    pub signed_at: String,
    /// The authority that vouches for it, as its certificate calls it; none where nobody does whom this site has named.
    pub timestamp_authority: Option<String>,
    /// Why it is evidence of nothing here.
    pub why_not: Option<String>,
}

impl TimestampFile {
    fn of(tried: &TimestampTried) -> Self {
        Self {
            path: tried.file.clone(),
            signed_at: tried.claimed.to_string(),
            timestamp_authority: tried.shown.as_ref().ok().map(|shown| shown.authority.clone()),
            why_not: tried.shown.as_ref().err().cloned(),
        }
    }
}

/// One signature file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignatureFile {
    /// The file.
    pub path: String,
    /// The fingerprint that its name states.
    pub stated_key_fingerprint: Option<String>,
    /// The key that verifies it.
    pub signing_key_id: Option<String>,
}

/// A file that is not as it was signed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangedFile {
    /// The file.
    pub path: String,
    /// What was signed.
    pub signed: FileState,
    /// What is there.
    pub found: FileState,
}

/// What a file is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileState {
    /// Digest of its content.
    pub content_digest: String,
    /// Its size.
    pub content_bytes: u64,
    /// Whether it can be run.
    pub executable: bool,
}

/// A file that the signature does not cover.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UncoveredFile {
    /// The file.
    pub path: String,
    /// What could be done with it; nothing for one that is inert.
    pub hazard: Option<&'static str>,
}

impl Explanation {
    /// What was decided, from the verdict and from what every check saw.
    pub fn of(verdict: &Result<Verdict>, trace: &Trace, findings: &Findings) -> Self {
        let objection = match verdict {
            Ok(verdict) => verdict.objection(),
            Err(refusal) => Some(refusal),
        };
        let status = match verdict {
            Ok(verdict) => verdict.status(),
            Err(refusal) => status_of(refusal.reason(), trace, findings),
        };
        let difference = findings.tree.difference.as_deref();
        Self {
            verdict: match (verdict, objection) {
                (Ok(_), None) => "admitted",
                (Ok(_), Some(_)) => "admitted_despite",
                (Err(_), _) => "refused",
            },
            objection: objection.map(Objection::from),
            signature_status: status.as_str(),
            coverage: coverage_of(verdict, trace, findings).as_str(),
            checks: trace.steps().iter().map(Check::of).collect(),
            keys: keys(findings),
            skipped_keys: findings.skipped.clone(),
            signatures: findings
                .signatures
                .iter()
                .map(|signature| SignatureFile {
                    path: signature.file.clone(),
                    stated_key_fingerprint: signature.named_signer.as_ref().map(|digits| format!("SHA256:{digits}")),
                    signing_key_id: signature.key_id.as_ref().map(ToString::to_string),
                })
                .collect(),
            timestamps: findings.timestamps.iter().map(TimestampFile::of).collect(),
            file_list: difference.map(|difference| match difference.list {
                ListState::Intact => "intact",
                ListState::Missing => "missing",
                ListState::Changed => "changed",
            }),
            changed: difference
                .iter()
                .flat_map(|difference| &difference.changed)
                .map(|file| ChangedFile {
                    path: file.path.clone(),
                    signed: FileState::of(&file.signed),
                    found: FileState::of(&file.found),
                })
                .collect(),
            extra: difference.map(|difference| difference.extra.clone()).unwrap_or_default(),
            missing: difference.map(|difference| difference.missing.clone()).unwrap_or_default(),
            uncovered: findings
                .tree
                .uncovered
                .iter()
                .map(|file| UncoveredFile { path: file.path.clone(), hazard: file.hazard })
                .collect(),
        }
    }
}

/// What the signature is worth of what is refused for that reason, which need not be one of the signature's.
fn status_of(reason: Reason, trace: &Trace, findings: &Findings) -> SignatureStatus {
    let counts = |key: &KeyTried| !key.verifies.is_empty() && key.standing == Standing::Current;
    match reason {
        Reason::Unsigned => SignatureStatus::Unsigned,
        Reason::SignersTooFew | Reason::CoveragePartial | Reason::CoverageDowngrade | Reason::UntrustedPublisher => {
            SignatureStatus::Verified
        }
        // It is asked before the signature.
        Reason::CapabilityDenied if findings.keys.iter().any(counts) => SignatureStatus::Verified,
        Reason::CapabilityDenied if findings.signatures.is_empty() => SignatureStatus::Unsigned,
        _ if trace.is_proved() => SignatureStatus::Verified,
        _ if trace.has_objected(Reason::Unsigned) => SignatureStatus::Unsigned,
        _ => SignatureStatus::Invalid,
    }
}

/// What a valid signature covers; nothing is covered by one that no key verifies.
fn coverage_of(verdict: &Result<Verdict>, trace: &Trace, findings: &Findings) -> Coverage {
    match verdict {
        Ok(verdict) => verdict.coverage(),
        Err(refusal) if status_of(refusal.reason(), trace, findings) == SignatureStatus::Verified => {
            findings.tree.claimed.unwrap_or(Coverage::None)
        }
        Err(_) => Coverage::None,
    }
}

impl Check {
    fn of(step: &Step) -> Self {
        Self {
            gate: step.number,
            name: step.name,
            result: step.answered.as_str(),
            evidence: redacted(&step.evidence),
            hint: step.remedy.as_deref().map(redacted),
        }
    }
}

/// Of a thousand keys few verify anything, and each is held to those alone.
fn keys(findings: &Findings) -> Vec<Key> {
    let signers: Vec<&KeyTried> = findings.keys.iter().filter(|key| !key.verifies.is_empty()).collect();
    findings.keys.iter().map(|key| Key::of(key, &signers, findings)).collect()
}

impl Key {
    fn of(key: &KeyTried, signers: &[&KeyTried], findings: &Findings) -> Self {
        // One key in two files counts once; the first file stands for both.
        let first = signers.iter().find(|signer| signer.fingerprint == key.fingerprint);
        let why_not = match &key.standing {
            Standing::Current if !key.verifies.is_empty() => None,
            Standing::Current if let Some(first) = first => {
                Some(format!("is the same key as {} ({})", first.key_id, first.file))
            }
            Standing::Current if findings.digest.is_some() => Some("verifies no signature of this content".to_owned()),
            Standing::Current => Some("not tried".to_owned()),
            standing => Some(standing.to_string()),
        };
        Self {
            signing_key_id: key.key_id.to_string(),
            path: key.file.clone(),
            signing_key_fingerprint: key.fingerprint.to_string(),
            verifies: key.verifies.clone(),
            signed_at: key.signed_at.as_ref().map(|signed| signed.at.to_string()),
            why_not,
        }
    }
}

impl FileState {
    /// What a list of files says of one.
    pub(crate) fn of(entry: &FileEntry) -> Self {
        Self {
            content_digest: format!("sha256:{}", entry.digest.hex()),
            content_bytes: entry.size,
            executable: entry.executable,
        }
    }
}
