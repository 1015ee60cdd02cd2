//! `VerdictCache`: what verification found, and how the file system described the trees then.
//!
//! It serves listings that were asked to be quick. It is as good as the file system's word (see
//! [`StatFingerprint`]), and as safe as its own file: private to its owner, and given up as a whole when
//! a key, the policy or the version of aisoc is another one. Nothing is loaded or installed by it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aisoc_drafts::{Draft, Existing, parent, sweep};
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::StatFingerprint;
use aisoc_signing::{Coverage, Keyring};
use aisoc_trust::{Policy, SignatureStatus};
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::at_rest::PluginAtRest;

const FILE: &str = ".aisoc/verified.json";
const DRAFTS: &str = ".aisoc-verified-";
const SCHEMA_VERSION: u32 = 1;
/// Beyond 100,000 plugins of 300 bytes each.
const MAX_BYTES: u64 = 32 << 20;

/// One plugin's verdict. Only what the gate let in without an objection is noted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CachedVerdict {
    stat: Digest,
    pub(crate) version: Option<String>,
    pub(crate) key_id: String,
    full: bool,
}

impl CachedVerdict {
    /// What may be believed later: a verified plugin that had not changed for a while before `now`.
    pub(crate) fn of(plugin: &PluginAtRest, fingerprint: StatFingerprint, now: Timestamp) -> Option<Self> {
        let judgement = plugin.verdict.as_ref().ok()?;
        let is_plain = judgement.status == SignatureStatus::Verified && judgement.objection.is_none();
        (is_plain && fingerprint.is_settled(now.as_second())).then_some(())?;
        Some(Self {
            stat: fingerprint.digest,
            version: plugin.version.clone(),
            key_id: judgement.key_id.clone()?,
            full: judgement.coverage == Coverage::Full,
        })
    }

    pub(crate) fn coverage(&self) -> Coverage {
        if self.full { Coverage::Full } else { Coverage::Code }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    schema_version: u32,
    /// Over everything that a verdict depends on besides the plugin.
    context: Digest,
    plugins: BTreeMap<String, CachedVerdict>,
}

/// The noted verdicts of a plugins directory.
#[derive(Debug)]
pub(crate) struct VerdictCache {
    path: Option<PathBuf>,
    content: Content,
    problem: Option<Fault>,
}

impl VerdictCache {
    /// No cache: nothing is believed, nothing is noted.
    pub(crate) fn unused() -> Self {
        let content = Content { schema_version: SCHEMA_VERSION, context: Digest::of(b""), plugins: BTreeMap::new() };
        Self { path: None, content, problem: None }
    }

    /// The verdicts that hold for these keys and this policy; none when the file cannot be relied on.
    pub(crate) fn read(plugins_dir: &Path, keyring: &Keyring, policy: &Policy) -> Self {
        let path = plugins_dir.join(FILE);
        let context = context(keyring, policy);
        let (plugins, problem) = match read(&path) {
            Ok(Some(content)) if content.context == context => (content.plugins, None),
            Ok(_) => (BTreeMap::new(), None),
            Err(fault) => (BTreeMap::new(), Some(fault)),
        };
        Self { path: Some(path), content: Content { schema_version: SCHEMA_VERSION, context, plugins }, problem }
    }

    pub(crate) fn is_used(&self) -> bool {
        self.path.is_some()
    }

    /// The verdict on a plugin that looks as it did then.
    pub(crate) fn verdict(&self, directory: &str, fingerprint: &StatFingerprint) -> Option<&CachedVerdict> {
        self.content.plugins.get(directory).filter(|noted| noted.stat == fingerprint.digest)
    }

    /// Adds new verdicts and writes the file when there are any. Says what went wrong: a cache that does
    /// not work costs time and nothing else.
    ///
    /// `present` are all plugins that there are, sorted, when all were looked at: the others are forgotten.
    pub(crate) fn update(
        &mut self,
        notes: BTreeMap<String, CachedVerdict>,
        present: Option<&[String]>,
    ) -> Option<Fault> {
        let path = self.path.take()?;
        let before = self.content.plugins.len();
        if let Some(present) = present {
            self.content.plugins.retain(|name, _| present.binary_search(name).is_ok());
        }
        if !notes.is_empty() || self.content.plugins.len() < before {
            self.content.plugins.extend(notes);
            if let Err(fault) = write(&path, &self.content) {
                return Some(fault);
            }
        }
        self.problem.take()
    }
}

/// A new key, a revoked one, another rule: each makes every verdict a matter of reading again.
fn context(keyring: &Keyring, policy: &Policy) -> Digest {
    let keys = keyring.keys().iter().map(|key| format!("{} {} {:?}\n", key.id, key.key.fingerprint(), key.standing));
    Digest::of(format!("{} {policy:?}\n{}", env!("CARGO_PKG_VERSION"), keys.collect::<String>()).as_bytes())
}

fn read(path: &Path) -> Result<Option<Content>> {
    let failed = |error| Fault::io("read", path, error);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        file => File::from(file.map_err(|error| failed(error.into()))?),
    };
    require_private(path, &file)?;
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).map_err(failed)?;
    let content: Content = match serde_json::from_slice(&text) {
        Ok(content) => content,
        Err(error) => {
            let message = format!("the noted verdicts `{}` cannot be read and are made anew", path.display());
            return Err(Fault::new(Reason::RecordInvalid, message).caused_by(error));
        }
    };
    Ok((content.schema_version == SCHEMA_VERSION).then_some(content))
}

/// Whoever can write the file can have any plugin shown as verified.
fn require_private(path: &Path, file: &File) -> Result<()> {
    let found = file.metadata().map_err(|error| Fault::io("look at", path, error))?;
    let owner = rustix::process::geteuid().as_raw();
    if found.is_file() && (found.uid() == owner || found.uid() == 0) && found.mode() & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("the noted verdicts `{}` are not private, and were not used", path.display());
    Err(Fault::new(Reason::IoDenied, message).expected(
        "a file of yours with mode 0600",
        format!("owner {}, mode {:04o}", found.uid(), found.mode() & 0o7777),
    ))
}

/// Not synced: a power cut costs reading again.
fn write(path: &Path, content: &Content) -> Result<()> {
    let failed = |error| Fault::io("write", path, error);
    sweep(parent(path), DRAFTS);
    let mut draft = Draft::create(parent(path), DRAFTS, 0o600).map_err(failed)?;
    let text = serde_json::to_vec(content)
        .map_err(|error| Fault::new(Reason::Internal, "verdicts cannot be written as JSON").caused_by(error))?;
    draft.write_all(&text).map_err(failed)?;
    draft.place(path, Existing::Replace).map_err(failed)
}
