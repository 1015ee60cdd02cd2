//! What journals hold, and whether they do.

use std::path::Path;

use aisoc_installation::escaped;
use aisoc_manifests::text::shown;
use aisoc_trust::journal::{Entry, Seen, Standing, Writer};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Objection, UnjournaledChange};

/// Longest line that says nothing which is shown.
const MAX_SHOWN: usize = 200;

/// Journals that were held to their chains.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VerifiedJournals {
    /// Each of them: where a keyring could once be written and cannot now, there are two.
    pub journals: Vec<VerifiedJournal>,
    /// What the lock says and the journal beside it does not: every entry has a line that accepts it, and its hash.
    pub unjournaled: Vec<UnjournaledChange>,
}

/// A journal, and how it stands to its chain and its head.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VerifiedJournal {
    /// Where it is.
    pub path: String,
    /// Where its chain is.
    pub chain_path: String,
    /// Where its head is, when there is a place for it.
    pub head_path: Option<String>,
    /// Whether every line is as it was written, and none is gone.
    pub holds: bool,
    /// How many lines it has.
    pub line_count: u64,
    /// How many of them aisoc has written and chained.
    pub chained_count: u64,
    /// How many lines at the end the next one will bind.
    pub unchained_count: u64,
    /// The first of these, by its number.
    pub first_unchained_line: Option<u64>,
    /// How many lines that are bound were written by hand and cannot be read.
    pub unread_count: u64,
    /// Whether the last line has no end, as a power cut or a full disk leaves it.
    pub is_cut: bool,
    /// Whether there was a head, without which nobody knows of lines that were cut off both files.
    pub has_head: bool,
    /// The newest line that is chained.
    pub newest_line: Option<u64>,
    /// Its hash: of everything before it, and worth keeping elsewhere.
    pub newest_chain_digest: Option<String>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objection: Option<Objection>,
}

/// Lines of journals, the oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct JournalEntries {
    /// The journals that they are of.
    pub journals: Vec<String>,
    /// How many lines are what was asked for; the newest of them are shown.
    pub matching_count: u64,
    /// The lines.
    pub entries: Vec<JournalEntry>,
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JournalEntry {
    /// The journal.
    pub path: String,
    /// Which line of it, from 1.
    pub line: u64,
    /// `written`: by aisoc, and as it was. `by_hand`: and as it was when a later line bound it. `unchained`: nothing
    /// binds it yet. `unverified`: the chain is broken there, or before.
    pub standing: &'static str,
    /// The line that binds one by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_by_line: Option<u64>,
    /// What it says.
    #[serde(flatten)]
    pub said: JournalColumns,
    /// Who has written it, as the chain says: the user.
    pub user: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// The job of a CI system, as its environment said.
    pub ci_run: Option<String>,
    /// Its hash in the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_digest: Option<String>,
    /// Why it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objection: Option<Objection>,
    /// What stands there instead of a line, or its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl JournalEntry {
    /// A line as it was read of the journal at `path`.
    pub fn of(path: &Path, seen: &Seen<'_>) -> Self {
        let (standing, writer, chain_digest, bound_by_line) = match &seen.standing {
            Standing::Written(writer, link) => ("written", writer.clone(), Some(link.hash.to_string()), None),
            Standing::BoundBy(line) => ("by_hand", Writer::default(), None, Some(*line)),
            Standing::Unchained => ("unchained", Writer::default(), None, None),
            Standing::Unverified => ("unverified", Writer::default(), None, None),
        };
        let Writer { user, host, run: ci_run, .. } = writer;
        let entry = seen.entry();
        let text = entry.is_err().then(|| shown(&String::from_utf8_lossy(seen.text()), MAX_SHOWN));
        let objection = entry.as_ref().err().map(|fault| Objection::from(&fault.fault(path, seen.number)));
        let said = entry.map(JournalColumns::of).unwrap_or_default();
        let (path, line) = (escaped(path.as_os_str()), seen.number);
        Self { path, line, standing, bound_by_line, said, user, host, ci_run, chain_digest, objection, text }
    }
}

/// Lines of the journal of a host's site, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AuditPage {
    /// The lines.
    pub entries: Vec<JournalEntry>,
    /// What the next page is asked for with, `?after=`, where there are older lines.
    pub next: Option<u64>,
    /// What is wrong with the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objection: Option<Objection>,
}

/// The six columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JournalColumns {
    /// When, with the offset of the clock that said so. A line by hand may have none, which is read as UTC.
    pub at: Option<String>,
    /// What was done.
    pub action: Option<&'static str>,
    /// To which plugin or key.
    pub id: Option<String>,
    /// The plugin's version.
    pub version: Option<String>,
    /// `sha256:` and digits of a plugin, `SHA256:` and digits of a key.
    pub hash: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl JournalColumns {
    fn of(entry: Entry) -> Self {
        let Entry { at, action, id, version, hash, reason } = entry;
        Self { at: Some(at.rfc3339()), action: Some(action.as_str()), id, version, hash, reason }
    }
}
