//! What a host has decided by itself is written into the journal of its site, a moment behind.

use aisoc_manifests::cancellation::Cancellation;
use aisoc_pipeline::InstallOptions;

use crate::held::locked;
use crate::host::Host;

impl Host {
    /// Writes down what the host has decided by itself; for whoever asks again and again.
    pub(crate) fn journal_round(&self) {
        locked(&self.journaling).when_due(|| self.write_decided());
    }

    pub(crate) fn write_decided(&self) {
        self.decided.write(|entries| {
            let InstallOptions { site, access, .. } = self.install_options(&Cancellation::default())?;
            site.write_down(&access, entries, &self.journal)
        });
    }
}
