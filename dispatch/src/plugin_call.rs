//! `PluginCall`: that a plugin which a host holds is called, as policies judge it.

use aisoc_platform::{CommandView, Identity, Risk};

/// The call of a plugin that a host holds. For policies it is a command, `plugin/ID/run`: one rule governs what people type
/// and what a host is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginCall {
    /// The plugin.
    pub id: String,
    /// The most harm that it can do by what it declares.
    pub risk: Risk,
    /// Who calls it.
    pub identity: Identity,
}

impl CommandView for PluginCall {
    fn path(&self) -> String {
        format!("plugin/{}/run", self.id)
    }

    fn domain(&self) -> String {
        "plugin".to_owned()
    }

    fn risk(&self) -> Option<Risk> {
        Some(self.risk.clone())
    }

    fn identities(&self) -> Option<Vec<Identity>> {
        Some(vec![self.identity.clone()])
    }

    fn annotation(&self, _: &str) -> Option<String> {
        None
    }
}
