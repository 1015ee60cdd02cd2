//! Whether there is a newer version of an installed plugin, and which one an upgrade would install: the newest by SemVer
//! among the tags of the place that it came from whose artifact an install would let in.
//!
//! Each version is judged as a dry run of an install judges it, by its digest. What comes of it names that digest, so that
//! what is installed later is what was judged, wherever its tag leads by then.

mod published;
mod verdict;

use std::ffi::OsStr;

use aisoc_installation::{Access, InstallRecord, Site, escaped};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::{PlatformChoice, PlatformName};
use aisoc_manifests::reference::{LayoutForm, Reference, Tag};
use aisoc_manifests::text::shown;
use aisoc_manifests::version_order::is_semantic;
use aisoc_registry_client::{ClientOptions, Tagging as _, Target};

pub use self::published::PreReleases;
use self::published::{PublishedVersion, newer, published};
use self::verdict::is_about_version;
use crate::events::Reporter;
use crate::install::{InstallOptions, Installation, install};
use crate::source::Source;

/// Most versions of one plugin that are received and judged: whoever may push to a repository could have an operator fetch
/// thousands that no gate lets in.
pub const MAX_CANDIDATES: usize = 8;

/// A plugin that is installed, by what its install wrote down.
#[derive(Debug)]
pub struct UpgradeSubject {
    /// The plugin; of a directory that states no id, its name.
    pub id: String,
    /// What was written down; nothing of what no install has put there, and why it cannot be read.
    pub record: Result<Option<InstallRecord>>,
}

/// What is known of newer versions of a plugin.
#[derive(Debug)]
pub struct UpgradeChoice {
    /// What can be done.
    pub standing: UpgradeStanding,
    /// The newest version that is published and wanted, whether or not it is newer.
    pub newest_published: Option<String>,
    /// Newer versions that an install would refuse, the newest first.
    pub passed_over: Vec<PassedOver>,
    /// How many newer versions nobody has looked at, because [`MAX_CANDIDATES`] were refused.
    pub unjudged_count: usize,
}

/// A newer version, and why it is not taken.
#[derive(Debug)]
pub struct PassedOver {
    /// The version of its tag.
    pub version: String,
    /// The tag, in the place that the plugin came from.
    pub reference: Reference,
    /// Why.
    pub fault: Fault,
}

/// What can be done about a plugin.
#[derive(Debug)]
pub enum UpgradeStanding {
    /// Nothing newer is published.
    Current,
    /// A newer version would be let in.
    Outdated(Box<Upgrade>),
    /// Newer versions are published, and none that was looked at would be let in.
    HeldBack,
    /// It is bound to a digest, and to no tag.
    Pinned,
    /// It came from a directory or an archive, or no install has put it there.
    NoSource,
    /// Its version is none of SemVer, so that none is newer.
    NotComparable,
}

/// A newer version that would be let in.
#[derive(Debug)]
pub struct Upgrade {
    /// Where it is: with its tag, and bound to the digest that was judged.
    pub reference: Reference,
    /// Which artifact was taken, where that is an image index of several.
    pub platform: PlatformChoice,
    /// What an install would do.
    pub foreseen: Installation,
}

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradePurpose {
    /// Somebody who wants to know.
    Look,
    /// Somebody who installs what is found: by a tag, which a site may forbid.
    Install,
}

/// What is looked for, and how.
#[derive(Debug)]
pub struct UpgradeOptions {
    /// What an install is told; what it says of one plugin or one digest is not gone by.
    pub install: InstallOptions,
    /// Which pre-releases count.
    pub pre_releases: PreReleases,
    /// What for.
    pub purpose: UpgradePurpose,
}

/// The plugins of a site, in the order of their names.
///
/// # Errors
/// As [`Site::observe`].
pub fn upgrade_subjects(site: &Site) -> Result<Vec<UpgradeSubject>> {
    let observed = site.observe()?;
    let subject = |name: &OsStr| {
        let plugin = observed.read(name)?;
        let id = plugin.id().map_or_else(|| escaped(name), |id| id.to_string());
        Some(UpgradeSubject { id, record: plugin.record })
    };
    Ok(observed.directories().iter().filter_map(|name| subject(name)).collect())
}

impl UpgradeSubject {
    /// Where its versions are, if they are anywhere: a repository or a layout.
    pub fn place(&self) -> Option<Reference> {
        place(self.record.as_ref().ok()?.as_ref()?).ok()
    }
}

/// Looks for a newer version of a plugin.
///
/// # Errors
/// Why its record cannot be read; `registry_not_allowed` and, for whoever installs, `unpinned_ref`; what the registry or this machine refuses, and what
/// would refuse every version alike. A version that an install would refuse is passed over.
pub async fn choose_upgrade(
    subject: &UpgradeSubject,
    options: &UpgradeOptions,
    reporter: &dyn Reporter,
) -> Result<UpgradeChoice> {
    let Some(record) = subject.record.as_ref().map_err(Fault::clone)? else {
        return Ok(UpgradeChoice::of(UpgradeStanding::NoSource));
    };
    let place = match place(record) {
        Ok(place) => place,
        Err(standing) => return Ok(UpgradeChoice::of(standing)),
    };
    if let Reference::Registry(registry) = &place {
        // What is looked at is bound to its digest; who installs has chosen it by a tag all the same.
        let bound = (options.purpose == UpgradePurpose::Look).then_some(record.digest);
        options.install.references.allow(&registry.without_digest(), bound)?;
    }
    options.install.trust.require_keys_for(&place)?;
    let target = Target::open(&place, &options.install.client)?;
    let published = published(&target.tags().await?, &record.version, options.pre_releases);
    let newer = newer(&published, &record.version);
    let platform = installed_platform(record)?;
    let search = Search { record, options, place: &place, target: &target, platform, reporter };
    let mut choice = search.first_admitted(&newer).await?;
    choice.newest_published = published.first().map(|newest| newest.version.clone());
    Ok(choice)
}

/// Where the versions of a plugin are, or why there is no such place.
fn place(record: &InstallRecord) -> std::result::Result<Reference, UpgradeStanding> {
    let reference = match record.reference.parse::<Reference>() {
        Ok(Reference::Layout(layout)) if layout.form == LayoutForm::Archive => return Err(UpgradeStanding::NoSource),
        Ok(reference) => reference,
        // A directory, by its path.
        Err(_) => return Err(UpgradeStanding::NoSource),
    };
    if reference.tag().is_none() && reference.digest().is_some() {
        return Err(UpgradeStanding::Pinned);
    }
    match is_semantic(&record.version) {
        true => Ok(reference),
        false => Err(UpgradeStanding::NotComparable),
    }
}

/// Whoever has named a platform once means it for what comes after it.
fn installed_platform(record: &InstallRecord) -> Result<PlatformChoice> {
    Ok(PlatformChoice::after(record.platform.as_deref().map(str::parse::<PlatformName>).transpose()?))
}

/// A walk down the newer versions of one plugin.
struct Search<'a> {
    record: &'a InstallRecord,
    options: &'a UpgradeOptions,
    place: &'a Reference,
    target: &'a Target,
    /// The one that is installed, or this machine's.
    platform: PlatformChoice,
    reporter: &'a dyn Reporter,
}

impl Search<'_> {
    async fn first_admitted(&self, newer: &[&PublishedVersion]) -> Result<UpgradeChoice> {
        let mut choice = UpgradeChoice::of(UpgradeStanding::Current);
        for candidate in newer.iter().take(MAX_CANDIDATES) {
            match self.judged(candidate).await {
                Ok(upgrade) => {
                    choice.standing = UpgradeStanding::Outdated(Box::new(upgrade));
                    return Ok(choice);
                }
                Err(fault) if is_about_version(&fault) => {
                    let reference = self.place.clone().tagged(candidate.tag.clone());
                    choice.passed_over.push(PassedOver { version: candidate.version.clone(), reference, fault });
                }
                Err(fault) => return Err(fault),
            }
        }
        choice.unjudged_count = newer.len().saturating_sub(MAX_CANDIDATES);
        if !newer.is_empty() {
            choice.standing = UpgradeStanding::HeldBack;
        }
        Ok(choice)
    }

    /// What an install of that version would do.
    async fn judged(&self, candidate: &PublishedVersion) -> Result<Upgrade> {
        let digest = self.target.tag_digest(&candidate.tag, self.record.digest.algorithm()).await?;
        let reference = self.place.tagged_at(candidate.tag.clone(), digest.ok_or_else(|| gone(&candidate.tag))?);
        let source = Source::Artifact(reference.clone());
        let foreseen = install(&source, &self.foreseeing(), self.reporter).await?;
        require_version(&candidate.tag, &foreseen)?;
        Ok(Upgrade { reference, platform: self.platform.clone(), foreseen })
    }

    /// As the install is told, of this plugin alone and without a change.
    fn foreseeing(&self) -> InstallOptions {
        let options = self.options.install.clone();
        InstallOptions {
            only: Some(self.record.id.clone()),
            require_digest: None,
            is_on_trial: false,
            access: Access { dry_run: DryRun::Yes, ..options.access.clone() },
            client: ClientOptions { platform: self.platform.clone(), ..options.client.clone() },
            ..options
        }
    }
}

/// A tag that is a version promises that version: another one under it, which may be an older one, was not looked for.
fn require_version(tag: &Tag, found: &Installation) -> Result<()> {
    if Tag::of_version(&found.version).is_ok_and(|of_version| of_version == *tag) {
        return Ok(());
    }
    let message = format!("the tag `{tag}` leads to another version of `{}`", found.id);
    Err(Fault::new(Reason::OtherVersion, message).expected(tag.as_str(), shown(&found.version, 80)))
}

fn gone(tag: &Tag) -> Fault {
    Fault::new(Reason::ReferenceNotFound, format!("the tag `{tag}` is gone since the tags were listed"))
}

impl UpgradeChoice {
    fn of(standing: UpgradeStanding) -> Self {
        Self { standing, newest_published: None, passed_over: Vec::new(), unjudged_count: 0 }
    }

    /// Why there is nothing to install, for whoever has named the plugin; nothing where there is, or nothing is newer.
    pub fn refusal(&self, id: &str) -> Option<Fault> {
        let unknown = |why: &str| {
            let message = format!("`{}` cannot be upgraded: {why}", shown(id, 80));
            Some(Fault::new(Reason::UpgradeUnknown, message))
        };
        match &self.standing {
            UpgradeStanding::Current | UpgradeStanding::Outdated(_) => None,
            UpgradeStanding::HeldBack => self.passed_over.first().map(|newest| newest.fault.clone()),
            UpgradeStanding::Pinned => unknown("it is bound to a digest, and to no tag"),
            UpgradeStanding::NoSource => unknown("it came from no registry and no layout"),
            UpgradeStanding::NotComparable => unknown("its version is not MAJOR.MINOR.PATCH"),
        }
    }
}

impl UpgradeStanding {
    /// In one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Outdated(_) => "outdated",
            Self::HeldBack => "held_back",
            Self::Pinned => "pinned",
            Self::NoSource => "no_source",
            Self::NotComparable => "not_comparable",
        }
    }
}
