//! `Answered`: lines of the site's journal that are part of a change, as its note holds them.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::journal::{Entry, Writer};
use serde::{Deserialize, Serialize};

/// What somebody has answered for with a change, and who that was, whoever finishes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answered {
    /// As the journal has them.
    lines: Vec<String>,
    user: Option<String>,
    host: Option<String>,
    run: Option<String>,
}

impl Answered {
    /// Nothing where nobody had to answer for anything.
    pub(crate) fn of(entries: &[Entry], writer: &Writer) -> Option<Self> {
        let Writer { user, host, run, .. } = writer.clone();
        let lines: Vec<String> = entries.iter().map(|entry| entry.because(writer).to_string()).collect();
        (!lines.is_empty()).then_some(Self { lines, user, host, run })
    }

    /// Who has answered for it.
    pub(crate) fn writer(&self) -> Writer {
        Writer { user: self.user.clone(), host: self.host.clone(), run: self.run.clone(), because: None }
    }

    /// The lines, read.
    ///
    /// # Errors
    /// `record_invalid` for one that is none.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        let unreadable = |_| Fault::new(Reason::RecordInvalid, "the note of a change holds a line that is none");
        self.lines.iter().map(|line| Entry::read(line.as_bytes()).map_err(unreadable)).collect()
    }
}
