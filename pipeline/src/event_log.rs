//! `EventLog`: what a host and its operator's tools have noticed, as JSON lines in one file: `AISOC_LOG_FILE`.
//!
//! The names are those that hosts have for them, so that whoever watches a host's log watches these as well. A line is for
//! machines; what people should know is said on stderr too, with or without a file. A line is never cut off within: a text
//! that is too long is cut, and ends with `…`.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aisoc_discovery::{About, DropinFile, Note};
use aisoc_files::{Links, append_lines, open_append, open_directory};
use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_manifests::warning::Warning;
use aisoc_trust::SignatureStatus;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::install::Installation;
use crate::redact::redacted;

/// Longest text of an event, in characters: more than any path of this system has.
const MAX_TEXT: usize = 4096;

/// Who notices what nobody has asked about.
const HOST: &str = "host";

/// How much somebody has to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Info,
    Warning,
}

/// What has happened. Every event has a name of a host's, and the fields that it says something in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event")]
pub enum Occurrence {
    /// A drop-in counts, and a host that lets it pass loads it.
    #[serde(rename = "user_plugin_loaded")]
    UserPluginLoaded {
        /// From the root on.
        path: String,
        /// Which part of a host loads it.
        registry: String,
        /// Of its bytes, in hexadecimal digits; empty where nobody could read them.
        sha256: String,
    },
    /// Nobody could read a drop-in.
    #[serde(rename = "user_plugin_audit_hash_failed")]
    HashFailed {
        /// From the root on.
        path: String,
        /// Which part of a host loads it.
        registry: String,
        /// Why.
        error: String,
    },
    /// A drop-in is left out, because the switch is off.
    #[serde(rename = "user_plugin_disabled_skip")]
    DisabledSkip {
        /// From the root on.
        path: String,
        /// Which part of a host would have loaded it.
        registry: String,
    },
    /// A drop-in takes the place of a plugin that the host's program holds.
    #[serde(rename = "plugin_already_registered")]
    AlreadyRegistered {
        /// The id of both.
        plugin_id: String,
        /// Which part of a host loads the drop-in.
        registry: String,
        /// The program.
        prior_source: String,
        /// The drop-in, from the root on.
        new_source: String,
        /// Where the one was from.
        previous_origin: &'static str,
        /// Where the other is from.
        new_origin: &'static str,
    },
    /// The data directory is among the system's own.
    #[serde(rename = "path_settings_suspicious_data_dir")]
    SuspiciousDataDir {
        /// Where it is.
        data_dir: String,
        /// The directory of the system's that it is in.
        matched_root: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// Two plugins have one id, and this one is not the one that counts.
    #[serde(rename = "plugin.duplicate_id")]
    DuplicateId {
        /// The id.
        plugin_id: String,
        /// Where the one is that does not count.
        path: String,
        /// In words, with both places.
        message: String,
    },
    /// A signature does not count.
    #[serde(rename = "plugin.signature.invalid")]
    SignatureInvalid(DoubtfulSignature),
    /// There is no signature, and that is let pass.
    #[serde(rename = "plugin.signature.unsigned")]
    SignatureUnsigned(DoubtfulSignature),
    /// A reference without a digest was taken.
    #[serde(rename = "plugin.oci_unpinned")]
    OciUnpinned {
        /// The reference.
        reference: String,
    },
    /// An artifact was installed.
    #[serde(rename = "plugin.installed")]
    Installed {
        /// The id.
        plugin_id: String,
        /// Its version.
        version: String,
        /// The digest of the artifact's manifest.
        artifact_digest: String,
        /// `installed`, `upgraded`, `downgraded`, `replaced` or `unchanged`.
        change: &'static str,
        /// The version that was in its place.
        previous_version: Option<String>,
    },
    /// A plugin was let in.
    #[serde(rename = "plugin.registered")]
    Registered {
        /// The id.
        plugin_id: String,
        /// Its version.
        version: String,
        /// Who has signed it, and why it was let in.
        metadata: RegistrationMetadata,
    },
    /// A plugin was registered at the hooks of a host.
    #[serde(rename = "plugin.registered")]
    HooksRegistered(RegistryRecord),
    /// It was not.
    #[serde(rename = "plugin.registration_failed")]
    RegistrationFailed(RegistryRecord),
    /// A handler of a hook denies something.
    #[serde(rename = "plugin.handler_denied")]
    HandlerDenied(RegistryRecord),
    /// A handler of a hook has failed.
    #[serde(rename = "plugin.handler_error")]
    HandlerError(RegistryRecord),
    /// A plugin of a host was unloaded or has failed, and is there to be loaded.
    #[serde(rename = "plugin.discovered")]
    Discovered(HostedStep),
    /// A plugin is in memory.
    #[serde(rename = "plugin.loaded")]
    Loaded(HostedStep),
    /// A plugin that is in memory takes calls.
    #[serde(rename = "plugin.enabled")]
    Enabled(HostedStep),
    /// A plugin that is in memory takes no calls.
    #[serde(rename = "plugin.disabled")]
    Disabled(HostedStep),
    /// What is in memory is admitted no more, and takes no calls for that.
    #[serde(rename = "plugin.quarantined")]
    Quarantined(HostedStep),
    /// What is in memory is admitted no more, and goes on.
    #[serde(rename = "plugin.no_longer_admitted")]
    NoLongerAdmitted(HostedStep),
    /// What was admitted no more is again.
    #[serde(rename = "plugin.admitted_again")]
    AdmittedAgain(HostedStep),
    /// A plugin is in memory no more.
    #[serde(rename = "plugin.unloaded")]
    Unloaded(HostedStep),
    /// A plugin was refused, could not be loaded, or has ended.
    #[serde(rename = "plugin.load.failed")]
    LoadFailed(HostedStep),
    /// What is on the disk has taken the place of what was in memory.
    #[serde(rename = "plugin.reload.completed")]
    ReloadCompleted(HostedStep),
}

/// What has happened at the hooks of a host, as hosts of Stigmem write it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistryRecord {
    /// The plugin.
    pub plugin_id: String,
    /// Who did it.
    pub actor_uri: &'static str,
    /// To what.
    pub target_uri: String,
    /// For whom.
    pub tenant_id: &'static str,
    /// What has come of it: `status`, and of a failure `reason` and `exception_type`.
    pub outcome: Value,
    /// Why it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What else is known.
    pub metadata: Map<String, Value>,
}

impl RegistryRecord {
    /// The same, with every text in it cut and without secrets.
    fn told(self) -> Self {
        let Self { plugin_id, target_uri, outcome, message, metadata, .. } = self;
        Self {
            plugin_id: text(&plugin_id),
            target_uri: text(&target_uri),
            outcome: told(outcome),
            message: message.as_deref().map(text),
            metadata: metadata.into_iter().map(|(name, value)| (name, told(value))).collect(),
            ..self
        }
    }
}

fn told(value: Value) -> Value {
    match value {
        Value::String(words) => text(&words).into(),
        Value::Array(values) => values.into_iter().map(told).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, told(value))).collect(),
        other => other,
    }
}

/// What has become of a plugin of a host, and at whose word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostedStep {
    /// The id.
    plugin_id: String,
    /// The state that it is in.
    state: &'static str,
    /// Its reason code, where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<&'static str>,
    /// Why it has failed, or was not loaded again.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Whose word it was: a token's name, `development` where there is no login, or `host`.
    actor: String,
    /// The request in which it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl HostedStep {
    /// Of the plugin `id`, which is in that state, at the word of `actor` in a request, with what is wrong with it.
    pub fn new(
        id: &str,
        state: &'static str,
        wrong: Option<(Reason, &str)>,
        actor: &str,
        request_id: Option<&str>,
    ) -> Self {
        Self {
            plugin_id: text(id),
            state,
            reason_code: wrong.map(|(reason, _)| reason.as_str()),
            message: wrong.map(|(_, words)| text(words)),
            actor: text(actor),
            request_id: request_id.map(text),
        }
    }
}

/// What is wrong with a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoubtfulSignature {
    /// The id.
    plugin_id: String,
    /// Where the plugin is.
    path: String,
    /// In words.
    message: String,
    /// Who has noticed it: `host`.
    actor: &'static str,
}

/// What a registration goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistrationMetadata {
    /// The keys that have signed it.
    pub signed_by: Vec<String>,
    /// Why it was let in.
    pub signing: SigningGrounds,
}

/// Whose word has let a plugin in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SigningGrounds {
    /// `trusted_publisher` or `operator_override`; nothing where nobody's word was asked for.
    pub trust_decision: Option<&'static str>,
    /// In words.
    pub trust_reason: String,
}

impl Occurrence {
    /// Of a drop-in that counts.
    pub fn of_dropin(file: &DropinFile) -> Self {
        Self::UserPluginLoaded {
            path: path(&file.place),
            registry: file.registry.to_owned(),
            sha256: file.digest.map(|digest| digest.hex().to_string()).unwrap_or_default(),
        }
    }

    /// Of something that a pass has noticed; nothing for what hosts have no name for.
    pub fn of_note(note: &Note) -> Option<Self> {
        // Where the working directory is nobody knows, the path is what was typed.
        let place = path(&std::path::absolute(&note.place).unwrap_or_else(|_| note.place.clone()));
        Some(match (note.warning, &note.about) {
            (Warning::UserPluginAuditHashFailed, About::Dropin { registry, error: Some(error) }) => {
                Self::HashFailed { path: place, registry: (*registry).to_owned(), error: text(error) }
            }
            (Warning::UserPluginDisabledSkip, About::Dropin { registry, .. }) => {
                Self::DisabledSkip { path: place, registry: (*registry).to_owned() }
            }
            (warning @ Warning::PathSettingsSuspiciousDataDir, About::System { root }) => Self::SuspiciousDataDir {
                data_dir: place,
                matched_root: root,
                hint: warning.remedy().unwrap_or_default(),
            },
            (Warning::PluginAlreadyRegistered, About::Override { id, registry, prior }) => Self::AlreadyRegistered {
                plugin_id: text(id),
                registry: (*registry).to_owned(),
                prior_source: path(prior),
                new_source: place,
                previous_origin: "builtin",
                new_origin: "user",
            },
            _ => return None,
        })
    }

    /// Of a second claim of an id.
    pub fn of_duplicate(id: &str, place: &Path, fault: &Fault) -> Option<Self> {
        (fault.reason() == Reason::DuplicatePluginId).then(|| Self::DuplicateId {
            plugin_id: text(id),
            path: path(place),
            message: text(fault.message()),
        })
    }

    /// Of a signature that is of that worth; nothing of one that counts, or that nobody has looked at.
    pub fn of_signature(id: &str, place: &Path, status: SignatureStatus, why: &str) -> Option<Self> {
        let doubtful = DoubtfulSignature { plugin_id: text(id), path: path(place), message: text(why), actor: HOST };
        match status {
            SignatureStatus::Invalid => Some(Self::SignatureInvalid(doubtful)),
            SignatureStatus::Unsigned => Some(Self::SignatureUnsigned(doubtful)),
            _ => None,
        }
    }

    /// Of a reference that names no digest.
    pub fn unpinned(reference: &str) -> Self {
        Self::OciUnpinned { reference: text(reference) }
    }

    /// Of an artifact that was installed.
    pub fn installed(installed: &Installation) -> Self {
        let Installation { id, version, digest, change, .. } = installed;
        Self::Installed {
            plugin_id: text(id.as_str()),
            version: text(version),
            artifact_digest: digest.to_string(),
            change: change.as_str(),
            previous_version: change.from().map(text),
        }
    }

    /// Of a plugin that was let in.
    pub fn registered(id: &str, version: &str, mut metadata: RegistrationMetadata) -> Self {
        metadata.signing.trust_reason = text(&metadata.signing.trust_reason);
        Self::Registered { plugin_id: text(id), version: text(version), metadata }
    }

    /// Of a plugin of a host that has come into a state.
    pub fn of_state(step: HostedStep) -> Self {
        match step.state {
            "loaded" => Self::Loaded(step),
            "enabled" => Self::Enabled(step),
            "disabled" => Self::Disabled(step),
            "unloaded" => Self::Unloaded(step),
            "failed" => Self::LoadFailed(step),
            _ => Self::Discovered(step),
        }
    }

    /// Of a reload, which has failed where something is wrong.
    pub fn of_reload(step: HostedStep) -> Self {
        if step.message.is_none() { Self::ReloadCompleted(step) } else { Self::LoadFailed(step) }
    }

    /// Of what has happened at hooks, by the name that hosts have for it; nothing for what they have none for.
    pub fn of_registry(name: &str, record: RegistryRecord) -> Option<Self> {
        let record = record.told();
        Some(match name {
            "plugin.registered" => Self::HooksRegistered(record),
            "plugin.registration_failed" => Self::RegistrationFailed(record),
            "plugin.handler_denied" => Self::HandlerDenied(record),
            "plugin.handler_error" => Self::HandlerError(record),
            _ => return None,
        })
    }

    /// What hosts call it.
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).expect("events are strings and lists of them");
        value["event"].as_str().unwrap_or_default().to_owned()
    }

    /// As a line of a log, without its end.
    pub fn line(&self, at: Timestamp) -> String {
        let line = Line { timestamp: at.to_string(), level: self.level(), occurrence: self };
        serde_json::to_string(&line).expect("events are strings and lists of them")
    }

    fn level(&self) -> Level {
        match self {
            Self::DisabledSkip { .. }
            | Self::Discovered(_)
            | Self::Loaded(_)
            | Self::Enabled(_)
            | Self::Disabled(_)
            | Self::AdmittedAgain(_)
            | Self::Unloaded(_)
            | Self::Installed { .. }
            | Self::HandlerDenied(_)
            | Self::ReloadCompleted(_) => Level::Info,
            Self::Registered { metadata, .. } if metadata.signing.trust_decision == Some("trusted_publisher") => {
                Level::Info
            }
            // Nobody's word but that nobody is asked has let it in.
            Self::HooksRegistered(RegistryRecord { metadata, .. }) => {
                match metadata.get("signing").and_then(|signing| signing["trust_decision"].as_str()) {
                    Some("trusted_publisher" | "operator_override") => Level::Info,
                    _ => Level::Warning,
                }
            }
            _ => Level::Warning,
        }
    }
}

fn path(path: &Path) -> String {
    text(&escaped(path.as_os_str()))
}

/// A text from outside, without secrets and not too long.
fn text(text: &str) -> String {
    shown(&redacted(text), MAX_TEXT)
}

/// A line, as it is in the file.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: Level,
    #[serde(flatten)]
    occurrence: &'a Occurrence,
}

/// The file that events go into. It is opened before the work begins that they are about: who asks for a log is refused
/// where there can be none.
#[derive(Debug)]
pub struct EventLog {
    file: File,
    path: PathBuf,
}

impl EventLog {
    /// Opens the file to append to it; one that is missing is made.
    ///
    /// # Errors
    /// `usage` for a path without a name, and I/O reasons for what cannot be opened or is no regular file.
    pub fn open(path: &Path) -> Result<Self> {
        let (parent, name) = (path.parent(), path.file_name().and_then(OsStr::to_str));
        let Some((parent, name)) = parent.zip(name) else {
            return Err(Fault::new(Reason::Usage, format!("`{}` names no file", escaped(path.as_os_str()))));
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let opened = open_directory(parent, Links::Followed).and_then(|directory| open_append(directory, name));
        let file = opened.map_err(|error| Fault::io("append to", path, error))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Appends a line for each, in one write: to what stands there, which is another file than before where somebody rotates
    /// it. Where that is none to append to, they are in the file before, and that is said.
    ///
    /// # Errors
    /// As [`EventLog::open`], and I/O reasons.
    pub fn record(&mut self, at: Timestamp, occurrences: &[Occurrence]) -> Result<()> {
        let lines: Vec<String> = occurrences.iter().map(|occurrence| occurrence.line(at)).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let follows = if self.stands() { Ok(()) } else { Self::open(&self.path).map(|anew| *self = anew) };
        let written = append_lines(&mut self.file, lines.join("\n").as_bytes());
        written.map_err(|error| Fault::io("append to", &self.path, error)).and(follows)
    }

    /// Whether the file that is open stands at its path.
    fn stands(&self) -> bool {
        let (held, found) = (self.file.metadata(), self.path.symlink_metadata());
        held.ok().zip(found.ok()).is_some_and(|(held, found)| (held.dev(), held.ino()) == (found.dev(), found.ino()))
    }
}

#[cfg(test)]
mod tests;
