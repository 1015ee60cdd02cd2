//! What a plugin that runs may ask of its host, and what it is told.

use std::sync::Arc;

use aisoc_context::{Caller, Configured, PluginSigner, Question, Refusal, Waiting};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::accepted::SignedBy;
use aisoc_pipeline::{AdmittedCode, Discovered, PluginSource};
use aisoc_trust::journal::Action;
use aisoc_worker::serving::{Ask, Reply, Worker};

use crate::audit::Subject;
use crate::configuration::require_described;
use crate::entitled::Entitled;
use crate::held::{Held, locked};
use crate::host::Host;

/// Of what nobody has signed.
const NOBODY: &str = "unsigned";

impl Host {
    /// What is granted by the manifest that was admitted with this code.
    ///
    /// # Errors
    /// Those of the gates, where nobody can tell by now who has signed it; I/O reasons.
    pub(crate) fn granted(
        &self,
        held: &Held,
        plugin: &Discovered,
        code: &AdmittedCode,
        worker: &Worker,
    ) -> Result<Entitled> {
        let signers = self.signers(code)?;
        let line = match (self.handles.line_of(&held.id, &signers)?, plugin.source) {
            (Some(line), _) => line,
            // The name of a distribution is no publisher, and another one can have an entry point of the same name.
            (None, PluginSource::EntryPoint) => format!("{NOBODY} {}", plugin.package),
            (None, _) => NOBODY.to_owned(),
        };
        // What has handlers of hooks has its manifest in its code, which was admitted as well.
        let in_code = worker.manifest().into_iter().flat_map(|manifest| &manifest.capabilities);
        let declared = code.manifest.iter().flat_map(|manifest| &manifest.capabilities).chain(in_code);
        let granted = self.handles.grant(&held.id, &line, declared, self.configured(held, code));
        Ok(Entitled { granted, subject: Subject::of(plugin) })
    }

    /// Who has signed that code, and whom they may speak for: those who have named them their successors, and those of whom an
    /// operator says so.
    fn signers(&self, code: &AdmittedCode) -> Result<Vec<PluginSigner>> {
        let signers = code.evidence.signers(&self.trusting(None)?, self.mode())?;
        let of = |SignedBy { fingerprint, mut successor_of }| {
            successor_of.extend(self.settings.handles.successors.get(&fingerprint).into_iter().flatten().cloned());
            PluginSigner { fingerprint, successor_of }
        };
        Ok(signers.into_iter().map(of).collect())
    }

    /// As a plugin is configured when it is loaded, whenever it asks: a secret may have been replaced since.
    fn configured(&self, held: &Held, code: &AdmittedCode) -> Arc<Configured> {
        let (configuration, id, masked) =
            (Arc::clone(&self.settings.configuration), held.id.clone(), Arc::clone(&held.masked));
        let schema = code.config_schema.clone();
        Arc::new(move || {
            let Some(now) = configuration(&id)? else { return Ok(serde_json::Map::new()) };
            masked.add(&now.secrets);
            require_described(&id, &now.values, schema.as_ref())?;
            Ok(now.values)
        })
    }

    /// What a plugin is told that asks on behalf of that caller.
    pub(crate) fn answer(&self, entitled: &Entitled, caller: &Caller, ask: &Ask, waiting: Waiting<'_>) -> Reply {
        let Entitled { granted, subject } = entitled;
        let Ask { handle, method, arguments } = ask;
        match self.handles.answer(granted, caller, Question { handle, method, arguments, waiting }) {
            Ok(value) => Reply::Value { value },
            Err(refusal) => {
                let words = refusal.words(granted.id());
                match refusal {
                    Refusal::Denied { is_first, .. } => {
                        if is_first {
                            self.decided.add((self.settings.clock)(), Action::RunDenied, subject.clone(), Some(&words));
                        }
                        Reply::Denied { denied: words }
                    }
                    Refusal::Failed(why, _) => Reply::Failed { failed: why.as_str(), message: words },
                }
            }
        }
    }

    /// Writes down what plugins have used, where that is due; for whoever asks again and again.
    pub(crate) fn settle_round(&self) {
        locked(&self.settling).when_due(|| self.settle_handles());
    }

    /// Writes down what plugins have used.
    pub(crate) fn settle_handles(&self) {
        // What cannot be written now is tried again a moment later.
        let _ = self.handles.settle();
    }
}
