//! `Mirrors`: who holds the same as a registry, asked before it for what proves itself.
//!
//! What is asked for by a digest may come from anybody: other bytes have another one. What a tag names is somebody's word,
//! and is taken of the registry itself, unless it is written down that a mirror's word counts (`resolve`, as containerd
//! has it). Everything else is the registry's own: what is pushed and deleted, what it lists, and what refers to a manifest,
//! of which a mirror could hide what speaks against it.
//!
//! A mirror that does not give what it was asked for, whether it is down, denies or lies, is passed over, and said once.
//! Mirrors of a mirror are not asked: what is written holds for whoever asks that registry itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::{RegistryReference, Tag, is_repository};
use aisoc_manifests::registry_host::RegistryHost;
use aisoc_manifests::text::shown;
use futures_util::future::BoxFuture;

use super::connection::Connection;
use super::scope::Scope;
use super::{download, manifests, tags, whole};
use crate::limits::MAX_MIRRORED_BYTES;
use crate::notice::Notice;
use crate::options::ClientOptions;
use crate::settings::RegistryMirror;
use crate::storage::{BlobStream, Manifest, ManifestName};

/// How much of a mirror's name is shown.
const MAX_SHOWN: usize = 120;

/// The mirrors of one registry's repository, in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Mirrors {
    registry: RegistryHost,
    mirrors: Vec<Mirror>,
    /// Whether they alone are asked for what they may give.
    only: bool,
}

#[derive(Debug)]
struct Mirror {
    written: RegistryMirror,
    /// The repository there.
    repository: String,
    /// Whether nobody is asked behind it.
    is_last: bool,
    options: ClientOptions,
    /// Made when it is first asked: a command that asks for no content asks no mirror.
    connection: OnceLock<Arc<Connection>>,
    /// Whether it is asked no more: it is down, denies or lies, and would each time.
    left: AtomicBool,
    passed_over: AtomicBool,
    serves: AtomicBool,
}

/// What was asked of mirrors in vain.
#[derive(Debug, Default)]
struct Passed(Vec<(String, Fault)>);

// Boxed, because each question is deep, and asked within whatever a command does.
impl Mirrors {
    /// Those of that reference, for whoever reads: who writes reads what it has written.
    pub(super) fn of(reference: &RegistryReference, options: &ClientOptions, scope: Scope) -> Self {
        let registry = RegistryHost::from(reference);
        let (written, only) = match scope {
            Scope::Pull => options.settings.mirrors_of(&registry),
            Scope::PullPush | Scope::PullDelete | Scope::Catalog | Scope::Login => (&[][..], false),
        };
        let mirror = |(at, mirror): (usize, &RegistryMirror)| Mirror {
            written: mirror.clone(),
            repository: mirror.repository(reference.repository()),
            is_last: only && at + 1 == written.len(),
            options: options.clone(),
            connection: OnceLock::new(),
            left: AtomicBool::new(false),
            passed_over: AtomicBool::new(false),
            serves: AtomicBool::new(false),
        };
        Self { mirrors: written.iter().enumerate().map(mirror).collect(), registry, only }
    }

    /// The manifest of that name: by its digest of whoever has it, by a tag of whose word counts.
    pub(super) fn manifest<'a>(
        &'a self,
        registry: &'a Arc<Connection>,
        name: ManifestName,
    ) -> BoxFuture<'a, Result<Manifest>> {
        Box::pin(async move {
            let is_tag = matches!(name, ManifestName::Tag(_));
            let mut passed = Passed::default();
            for mirror in self.asked(is_tag) {
                let found = match mirror.connection(is_tag) {
                    Ok(connection) => manifests::get(&connection, name.clone()).await,
                    Err(fault) => Err(fault),
                };
                if let Some(found) = self.judged(mirror, found, &mut passed)? {
                    return Ok(found);
                }
            }
            self.require_registry(&passed, is_tag)?;
            manifests::get(registry, name).await.map_err(|fault| passed.before(fault))
        })
    }

    /// What the tag names, as whoever may say it says.
    pub(super) fn resolve<'a>(&'a self, registry: &'a Arc<Connection>, tag: Tag) -> BoxFuture<'a, Result<Descriptor>> {
        Box::pin(async move {
            let mut passed = Passed::default();
            for mirror in self.asked(true) {
                let found = match mirror.connection(true) {
                    Ok(connection) => manifests::resolve(&connection, tag.clone()).await,
                    Err(fault) => Err(fault),
                };
                if let Some(found) = self.judged(mirror, found, &mut passed)? {
                    return Ok(found);
                }
            }
            self.require_registry(&passed, true)?;
            manifests::resolve(registry, tag).await.map_err(|fault| passed.before(fault))
        })
    }

    /// The tags, which the registry itself lists; where it is not asked, the first mirror whose word counts.
    pub(super) fn tags<'a>(&'a self, registry: &'a Arc<Connection>) -> BoxFuture<'a, Result<Vec<Tag>>> {
        Box::pin(async move {
            let mut passed = Passed::default();
            for mirror in self.asked(true).filter(|_| self.only) {
                let found = match mirror.connection(true) {
                    Ok(connection) => tags::list(&connection).await,
                    Err(fault) => Err(fault),
                };
                if let Some(found) = self.judged(mirror, found, &mut passed)? {
                    return Ok(found);
                }
            }
            self.require_registry(&passed, true)?;
            tags::list(registry).await
        })
    }

    /// The blob: of a mirror once all of it is here and has its digest, of the registry as it comes.
    pub(super) fn blob<'a>(
        &'a self,
        registry: &'a Arc<Connection>,
        descriptor: &'a Descriptor,
    ) -> BoxFuture<'a, Result<BlobStream>> {
        Box::pin(async move {
            let mut passed = Passed::default();
            for mirror in self.asked(false).filter(|_| descriptor.size <= MAX_MIRRORED_BYTES) {
                let found = match mirror.connection(false) {
                    Ok(connection) => whole::fetch(&connection, descriptor, mirror.is_last).await,
                    Err(fault) => Err(fault),
                };
                if let Some(found) = self.judged(mirror, found, &mut passed)? {
                    return Ok(found);
                }
            }
            self.require_registry(&passed, false)?;
            download::begin(registry, descriptor).await.map_err(|fault| passed.before(fault))
        })
    }

    /// Those that are still asked, for what anybody may give or for what a tag names.
    fn asked(&self, is_tag: bool) -> impl Iterator<Item = &Mirror> {
        self.mirrors
            .iter()
            .filter(move |mirror| !mirror.left.load(Ordering::Relaxed) && (mirror.written.resolves || !is_tag))
    }

    /// What a mirror gave, or nothing where the next one is asked.
    fn judged<T>(&self, mirror: &Mirror, found: Result<T>, passed: &mut Passed) -> Result<Option<T>> {
        let (name, registry, told) = (mirror.written.to_string(), self.registry.as_str(), &mirror.options.told);
        match found {
            Ok(found) => {
                if !mirror.serves.swap(true, Ordering::Relaxed) {
                    told.tell(&Notice::MirrorServes { mirror: &name, registry });
                }
                Ok(Some(found))
            }
            Err(fault) if is_of_the_mirror(fault.reason()) => {
                // What one does not have it may have the next of; who is left is not waited for again.
                if fault.reason() != Reason::ReferenceNotFound {
                    mirror.left.store(true, Ordering::Relaxed);
                }
                if !mirror.passed_over.swap(true, Ordering::Relaxed) {
                    told.tell(&Notice::MirrorPassedOver { mirror: &name, registry, why: &fault });
                }
                passed.0.push((name, fault));
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Refuses to ask the registry itself where mirrors alone are asked.
    fn require_registry(&self, passed: &Passed, is_tag: bool) -> Result<()> {
        if !self.only {
            return Ok(());
        }
        let registry = &self.registry;
        let only = format!("`{registry}` is not asked itself (`mirrors_only`)");
        if let Some(fault) = passed.most_telling() {
            return Err(passed.before(fault.clone()).about(only));
        }
        Err(match is_tag {
            true => Fault::new(Reason::Usage, format!("{only}, and no mirror of it may say what a tag names"))
                .hint("name the artifact by its digest, `HOST/REPOSITORY@sha256:…`; see `aisoc help registries`"),
            false => {
                Fault::new(Reason::RegistryUnavailable, format!("{only}, and no mirror of it is asked any more")).hint(
                    format!("see which there are with `aisoc registry auth explain {}`", shell_word(registry.as_str())),
                )
            }
        })
    }
}

impl Mirror {
    /// The connection to it.
    ///
    /// # Errors
    /// What its settings have wrong, and `registry_not_allowed` where its word on a tag is asked for and it is not on the
    /// operator's list.
    fn connection(&self, is_tag: bool) -> Result<Arc<Connection>> {
        if let (true, Some(listed)) = (is_tag, &self.options.manifests_from)
            && !listed.contains(self.written.registry.as_str())
        {
            let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
            let message = format!("the mirror `{}` is not on the list of registries", self.written);
            let found = self.written.registry.to_string();
            return Err(Fault::new(Reason::RegistryNotAllowed, message)
                .expected(format!("one of {}", listed.join(", ")), found));
        }
        if let Some(connection) = self.connection.get() {
            return Ok(Arc::clone(connection));
        }
        if !is_repository(&self.repository) {
            let message = format!("the mirror `{}` can have no repository of so long a name", self.written);
            return Err(Fault::new(Reason::ReferenceNotFound, message));
        }
        let made = Connection::of_mirror(&self.written, &self.repository, &self.options, self.is_last)?;
        Ok(Arc::clone(self.connection.get_or_init(|| Arc::new(made))))
    }
}

impl Passed {
    /// The fault of who was asked behind them, which counts: theirs are named.
    fn before(&self, fault: Fault) -> Fault {
        if self.0.is_empty() {
            return fault;
        }
        let named: Vec<String> = self
            .0
            .iter()
            .map(|(mirror, fault)| format!("`{}` ({})", shown(mirror, MAX_SHOWN), fault.reason().as_str()))
            .collect();
        fault.about(format!("mirrors passed over: {}", named.join(", ")))
    }

    /// The one that decides how it ends where nobody else is asked: what another try may mend before what none does.
    fn most_telling(&self) -> Option<&Fault> {
        let faults = || self.0.iter().map(|(_, fault)| fault);
        let of = |class| faults().find(move |fault| fault.class() == class);
        of(Class::Unavailable).or_else(|| of(Class::Refused)).or_else(|| faults().next())
    }
}

/// Whether a fault is what a mirror answers or is; anything else is of this machine, and stops whoever asks.
fn is_of_the_mirror(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::RegistryUnavailable
            | Reason::RegistryDenied
            | Reason::RegistryRefused
            | Reason::RegistryProtocol
            | Reason::RegistryTls
            | Reason::RegistryNotAllowed
            | Reason::ReferenceNotFound
            | Reason::ForbiddenRegistry
            | Reason::RedirectRefused
            | Reason::PullFailed
            | Reason::DownloadDamaged
            | Reason::ProxyUnavailable
            | Reason::ProxyDenied
    )
}
