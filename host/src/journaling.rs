//! What a host has decided by itself is written into the journal of its site, a moment behind.

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::Reason;
use aisoc_pipeline::InstallOptions;
use aisoc_trust::journal::Action;

use crate::audit::Subject;
use crate::found::{Found, Verdict, reason_of};
use crate::held::locked;
use crate::host::Host;

impl Host {
    /// Writes down what the host has decided by itself; for whoever asks again and again.
    pub(crate) fn journal_round(&self) {
        locked(&self.journaling).when_due(|| self.write_decided());
    }

    /// Has it written down that a plugin asks for more than the lock accepts, or this site lets plugins ask for.
    pub(crate) fn journal_refused(&self, found: &Found) {
        let (Verdict::Refused(fault), Some(plugin)) = (&found.verdict, &found.refused) else { return };
        if matches!(fault.reason(), Reason::CapabilitiesNotAccepted | Reason::CapabilityDenied) {
            let words = format!("{}: {}", fault.reason(), reason_of(fault));
            self.decided.deny((self.settings.clock)(), Action::RunDenied, Subject::of(plugin), &words);
        }
    }

    pub(crate) fn write_decided(&self) {
        self.decided.write(|entries| {
            let InstallOptions { site, access, .. } = self.install_options(&Cancellation::default())?;
            site.write_down(&access, entries, &self.journal)
        });
    }
}
