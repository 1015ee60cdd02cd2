//! What an operator has answered for when a plugin came, as lines of the site's journal: that a publisher is taken as
//! an exception, that nobody has looked who signed it, that it asks for more of the host than before.

use aisoc_manifests::fault::Result;
use aisoc_signing::Signer;
use aisoc_trust::Verdict;
use aisoc_trust::journal::{Action, Entry, JournalTime, Writer};

use crate::access::Access;
use crate::plugins::Plugins;
use crate::record::InstallRecord;

/// The lines of one change; none where nobody had to answer for anything.
#[derive(Debug, Default)]
pub(crate) struct Exceptions {
    entries: Vec<Entry>,
    writer: Writer,
}

impl Exceptions {
    /// What the gates let pass by somebody's word.
    pub(crate) fn of(verdict: &Verdict, record: &InstallRecord, access: &Access) -> Self {
        let entry = |reason| Entry {
            at: JournalTime::utc(access.at),
            action: Action::Install,
            id: Some(record.id.to_string()),
            version: Some(record.version.clone()),
            hash: Some(record.digest.to_string()),
            reason: Some(reason),
        };
        let entries = decision(verdict).into_iter().chain(accepted(verdict)).map(entry).collect();
        Self { entries, writer: access.writer.clone() }
    }

    /// Writes the lines, before the change is made: what was answered for is not known from its result.
    ///
    /// # Errors
    /// Those of the journal.
    pub(crate) fn write_down(&self, plugins: &Plugins) -> Result<()> {
        match self.entries.as_slice() {
            [] => Ok(()),
            entries => plugins.write_down(entries, &self.writer),
        }
    }
}

fn decision(verdict: &Verdict) -> Option<String> {
    let decision = verdict.decision().filter(|decision| decision.is_exception())?;
    let signer = |signer: &Signer| format!("key {} ({})", signer.key_id, signer.fingerprint);
    let signers: Vec<String> = verdict.signers().iter().map(signer).collect();
    Some(match signers.as_slice() {
        [] => format!("trust_decision={decision}"),
        signers => format!("trust_decision={decision}: {}", signers.join(", ")),
    })
}

fn accepted(verdict: &Verdict) -> Option<String> {
    let accepted: Vec<&str> = verdict.accepted_capabilities().iter().map(String::as_str).collect();
    (!accepted.is_empty()).then(|| format!("accepted capabilities: {}", accepted.join(", ")))
}
