//! `Handles`: everything that plugins of one host can ask for, and whether they may.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::Result as Outcome;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::asking::{Asking, Handle};
use crate::audit::{AuditEmitter, AuditLog, AuditReader};
use crate::caller::Caller;
use crate::granted::Granted;
use crate::lines::Lines;
use crate::own::{ConfigReader, IdentityReader, TenantReader};
use crate::refusal::{Refusal, Why};
use crate::usage::{Happened, PluginUsage, Usage};

/// What a plugin asks to be told whether there is anything behind an accessor.
const OPEN: &str = "open";

/// What a host goes by.
#[derive(Debug)]
pub struct Options {
    /// The directory that everything is kept in; made where there is none. Nobody else writes it.
    pub directory: PathBuf,
    /// Plugins that read every line of the audit log.
    pub read_all_audit: BTreeSet<String>,
    /// What the clock says.
    pub clock: fn() -> Timestamp,
}

/// What a plugin asks.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// By which capability.
    pub handle: &'a str,
    /// What is to be done.
    pub method: &'a str,
    /// With what.
    pub arguments: &'a Map<String, Value>,
}

/// Everything that plugins of one host can ask for.
#[derive(Debug)]
pub struct Handles {
    usage: Usage,
    lines: Lines,
    audit: AuditLog,
    emitter: AuditEmitter,
    reader: AuditReader,
    clock: fn() -> Timestamp,
}

impl Handles {
    /// Opens what is kept, for the one host that has it.
    ///
    /// # Errors
    /// `record_invalid` for what cannot be understood, which is left as it is; I/O reasons.
    pub fn begin(options: Options) -> Outcome<Self> {
        let Options { directory, read_all_audit, clock } = options;
        let audit = AuditLog::open(&directory)?;
        let (usage, lines) = (Usage::open(&directory)?, Lines::open(&directory)?);
        let (emitter, reader) =
            (AuditEmitter::of(audit.clone(), clock), AuditReader::of(audit.clone(), read_all_audit));
        Ok(Self { usage, lines, audit, emitter, reader, clock })
    }

    /// The line of signers of a plugin that these have signed; of nobody's where nobody has.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn line_of(&self, id: &str, signers: &[String]) -> Outcome<Option<String>> {
        self.lines.of(id, signers)
    }

    /// What answers for a capability. A host gives what stands here, and nothing else.
    fn handle(&self, capability: Capability) -> Option<&dyn Handle> {
        match capability {
            Capability::AuditEmit => Some(&self.emitter),
            Capability::AuditRead => Some(&self.reader),
            Capability::ConfigRead => Some(&ConfigReader),
            Capability::IdentityRead => Some(&IdentityReader),
            Capability::TenantRead => Some(&TenantReader),
            Capability::FactsRead
            | Capability::FactsWrite
            | Capability::RecallRead
            | Capability::RecallWrite
            | Capability::FederationRead
            | Capability::FederationWrite
            | Capability::TenantWrite
            | Capability::NetworkOutbound => None,
        }
    }

    /// Answers what a plugin asks on behalf of whoever has called it.
    ///
    /// # Errors
    /// As [`Refusal`] has them.
    pub fn answer(&self, plugin: &Granted, caller: &Caller, question: Question<'_>) -> Result<Value, Refusal> {
        let Question { handle, method, arguments: given } = question;
        let known = Capability::ALL.iter().copied().find(|capability| capability.as_str() == handle);
        let capability = known.ok_or_else(|| Refusal::invalid("there is no such capability"))?;
        if !plugin.asks.take() {
            return Err(Refusal::Failed(Why::RateLimited, "the plugin asks too often".to_owned()));
        }
        let answered = match (plugin.may(capability), self.handle(capability)) {
            (false, _) => Err(Refusal::Denied(capability)),
            (true, found) if method == OPEN => Ok(found.map_or(Value::Null, |_| json!(true))),
            (true, None) => Err(Refusal::unavailable("the host provides nothing of it")),
            (true, Some(found)) => found.answer(&Asking { plugin, caller, method, given }),
        };
        let happened = match (&answered, method) {
            (Err(Refusal::Denied(_)), _) => Happened::Denied,
            (Err(Refusal::Failed(..)), _) => Happened::Failed,
            (Ok(_), OPEN) => Happened::Opened,
            (Ok(_), _) => Happened::Used,
        };
        let is_first = self.usage.count(plugin, capability, happened, (self.clock)());
        if happened == Happened::Denied && is_first {
            self.audit.denied(plugin, caller, capability, (self.clock)());
        }
        answered
    }

    /// Which accessors a plugin has really called, by the lines of signers that its id had.
    pub fn usage(&self, id: &str) -> Vec<PluginUsage> {
        self.usage.of(id)
    }

    /// Writes down what is kept in memory; for whoever asks again and again, and at the end.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn settle(&self) -> Outcome<()> {
        self.usage.settle()
    }
}

impl Refusal {
    /// In the words that a plugin of that id is told.
    pub fn words(&self, id: &str) -> String {
        match self {
            Self::Denied(capability) => {
                format!("plugin '{id}' cannot call {}: capability '{capability}' not declared", capability.accessor())
            }
            Self::Failed(_, message) => message.clone(),
        }
    }
}
