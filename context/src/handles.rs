//! `Handles`: everything that plugins of one host can ask for, and whether they may.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::Result as Outcome;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::asking::{Asking, Handle, Waiting};
use crate::audit::{AuditEmitter, AuditLog, AuditReader};
use crate::caller::Caller;
use crate::facts::{FactsReader, FactsWriter, RecallReader, RecallWriter, Stores};
use crate::granted::{Configured, Granted};
use crate::lines::{Lines, PluginSigner};
use crate::network::{Network, NetworkOutbound};
use crate::notice::Tell;
use crate::own::{ConfigReader, IdentityReader, TenantReader};
use crate::provided::{Provided, Providers};
use crate::refusal::{Refusal, Why};
use crate::usage::{Happened, PluginUsage, Usage};

/// What a plugin asks to be told whether there is anything behind an accessor.
const OPEN: &str = "open";

/// What a host goes by.
pub struct Options {
    /// The directory that everything is kept in; made where there is none. Nobody else writes it.
    pub directory: PathBuf,
    /// Plugins that read every line of the audit log.
    pub read_all_audit: BTreeSet<String>,
    /// Of the plugins that read them, whose facts they see beside their own.
    pub shared_facts: BTreeMap<String, BTreeSet<String>>,
    /// Who asks the network for plugins, where anybody does.
    pub network: Option<Arc<dyn Network>>,
    /// Who does what this host does not do itself.
    pub providers: Providers,
    /// What the clock says.
    pub clock: fn() -> Timestamp,
    /// Keys whose signatures beside others' are no part of a line of signers, by their fingerprints: those of whoever signs
    /// what others have published.
    pub countersigners: BTreeSet<String>,
    /// Told what an operator is to know.
    pub tell: Arc<Tell>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("directory", &self.directory).finish_non_exhaustive()
    }
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
    /// For how long.
    pub waiting: Waiting<'a>,
}

/// Everything that plugins of one host can ask for.
#[derive(Debug)]
pub struct Handles {
    usage: Usage,
    lines: Lines,
    audit: AuditLog,
    emitter: AuditEmitter,
    reader: AuditReader,
    stores: Stores,
    facts: FactsReader,
    facts_writer: FactsWriter,
    network: NetworkOutbound,
    federation: Provided,
    tenant: Provided,
    clock: fn() -> Timestamp,
}

impl Handles {
    /// Opens what is kept, for the one host that has it.
    ///
    /// # Errors
    /// `record_invalid` for what cannot be understood, which is left as it is; I/O reasons.
    pub fn begin(options: Options) -> Outcome<Self> {
        let Options { directory, read_all_audit, shared_facts, network, providers, clock, countersigners, tell } =
            options;
        let audit = AuditLog::open(&directory, Arc::clone(&tell))?;
        let (usage, lines) = (Usage::open(&directory)?, Lines::open(&directory, countersigners, Arc::clone(&tell))?);
        let (emitter, reader) =
            (AuditEmitter::of(audit.clone(), clock), AuditReader::of(audit.clone(), read_all_audit));
        let stores = Stores::begin(&directory, tell)?;
        let (facts, facts_writer) = (FactsReader::of(stores.clone(), shared_facts), FactsWriter::of(clock));
        let network = NetworkOutbound::of(network, audit.clone(), clock);
        let Providers { federation, tenant } = providers;
        let [federation, tenant] = [("federation", federation), ("tenant", tenant)]
            .map(|(name, provider)| Provided::of(name, provider, audit.clone(), clock));
        Ok(Self {
            usage,
            lines,
            audit,
            emitter,
            reader,
            stores,
            facts,
            facts_writer,
            network,
            federation,
            tenant,
            clock,
        })
    }

    /// The line of signers of a plugin that these have signed; of nobody's where nobody has.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn line_of(&self, id: &str, signers: &[PluginSigner]) -> Outcome<Option<String>> {
        self.lines.of(id, signers)
    }

    /// What a plugin may ask for that begins to run: what its manifest declares that was admitted with its bytes, and nothing
    /// else. A tag of a connector grants nothing.
    pub fn grant<'a>(
        &self,
        id: &str,
        line: &str,
        declared: impl IntoIterator<Item = &'a String>,
        configured: Arc<Configured>,
    ) -> Granted {
        let granted = Granted::of((id, line), self.stores.of(id, line), declared, configured);
        self.usage.declare(id, line, &granted.declared);
        granted
    }

    /// What was granted that takes calls from now on: what others see of what it keeps is that of its signers. One that was
    /// granted as well, and did not come so far, changes nothing of that.
    pub fn runs(&self, granted: &Granted) {
        self.lines.runs(&granted.id, &granted.line);
        self.stores.runs(&granted.id, &granted.line);
    }

    /// Lets go of what nobody has used for long; for whoever asks again and again.
    pub fn rest(&self) {
        self.stores.rest(Instant::now());
    }

    /// What answers for a capability. A host gives what stands here, and nothing else.
    fn handle(&self, capability: Capability) -> Option<&dyn Handle> {
        match capability {
            Capability::AuditEmit => Some(&self.emitter),
            Capability::AuditRead => Some(&self.reader),
            Capability::ConfigRead => Some(&ConfigReader),
            Capability::IdentityRead => Some(&IdentityReader),
            Capability::TenantRead => Some(&TenantReader),
            Capability::FactsRead => Some(&self.facts),
            Capability::FactsWrite => Some(&self.facts_writer),
            Capability::RecallRead => Some(&RecallReader),
            Capability::RecallWrite => Some(&RecallWriter),
            Capability::NetworkOutbound => Some(&self.network),
            Capability::FederationRead | Capability::FederationWrite => Some(&self.federation),
            Capability::TenantWrite => Some(&self.tenant),
        }
    }

    /// Answers what a plugin asks on behalf of whoever has called it.
    ///
    /// # Errors
    /// As [`Refusal`] has them.
    pub fn answer(&self, plugin: &Granted, caller: &Caller, question: Question<'_>) -> Result<Value, Refusal> {
        let Question { handle, method, arguments: given, waiting } = question;
        let known = Capability::ALL.iter().copied().find(|capability| capability.as_str() == handle);
        let capability = known.ok_or_else(|| Refusal::invalid("there is no such capability"))?;
        if !plugin.asks.take() {
            return Err(Refusal::Failed(Why::RateLimited, "the plugin asks too often".to_owned()));
        }
        let provided = self.handle(capability).filter(|handle| handle.is_provided(plugin));
        let answered = match (plugin.may(capability), provided) {
            (false, _) => Err(Refusal::Denied { capability, is_first: false }),
            (true, found) if method == OPEN => Ok(found.map_or(Value::Null, |_| json!(true))),
            (true, None) => Err(Refusal::unavailable("the host provides nothing of it")),
            (true, Some(found)) => found.answer(&Asking { plugin, caller, waiting, capability, method, given }),
        };
        let happened = match (&answered, method) {
            (Err(Refusal::Denied { .. }), _) => Happened::Denied,
            (Err(Refusal::Failed(..)), _) => Happened::Failed,
            (Ok(_), OPEN) => Happened::Opened,
            (Ok(_), _) => Happened::Used,
        };
        let is_first = self.usage.count(plugin, capability, happened, (self.clock)());
        if happened == Happened::Denied && is_first {
            self.audit.denied(plugin, caller, capability, (self.clock)());
            return Err(Refusal::Denied { capability, is_first });
        }
        answered
    }

    /// What the host whose files are in that directory has written down of a plugin, whether it runs or not.
    ///
    /// # Errors
    /// `record_invalid` for what cannot be understood, and I/O reasons.
    pub fn kept_usage(directory: &Path, id: &str) -> Outcome<Vec<PluginUsage>> {
        Usage::kept(directory, id)
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
            Self::Denied { capability, .. } => {
                format!("plugin '{id}' cannot call {}: capability '{capability}' not declared", capability.accessor())
            }
            Self::Failed(_, message) => message.clone(),
        }
    }
}
