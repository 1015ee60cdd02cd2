//! `StrictMode`: a site that is bound to one identity.

use aisoc_manifests::fault::Reason;
use aisoc_platform::{CommandView, Identity};

use super::denial::{Denial, Layer};
use super::evaluation::is_diagnostic;

/// A site that is bound to one identity: what is for others alone is denied, whatever a policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrictMode(pub Identity);

impl StrictMode {
    /// Whether it denies a command. One that does not say for whom it is, is for everybody.
    pub fn judge(&self, command: &dyn CommandView) -> Option<Denial> {
        let identities = command.identities()?;
        if identities.is_empty() || identities.contains(&self.0) || is_diagnostic(&command.path()) {
            return None;
        }
        let listed: Vec<&str> = identities.iter().map(Identity::as_str).collect();
        Some(Denial {
            path: command.path(),
            layer: Layer::StrictMode,
            policy_source: "strict-mode".to_owned(),
            rule_name: String::new(),
            code: Reason::IdentityNotSupported,
            reason: format!("it is for {}, and this site is bound to {}", listed.join(", "), self.0),
            children: Vec::new(),
        })
    }
}
