//! Newer versions of what is installed, and what came of upgrading to them.

use aisoc_manifests::fault::Fault;
use schemars::JsonSchema;
use serde::Serialize;

use super::{InstalledPlugin, Objection};
use crate::upgrade::{PassedOver, UpgradeChoice, UpgradeStanding, UpgradeSubject};

/// What is published beside what is installed.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct OutdatedPlugins {
    /// The plugins directory.
    pub plugins_directory: String,
    /// The plugins, in the order of their names or of the command line.
    pub plugins: Vec<OutdatedPlugin>,
}

/// One installed plugin, and what is known of newer versions of it.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct OutdatedPlugin {
    /// The plugin.
    pub id: String,
    /// The version that is installed, when that is written down.
    pub installed_version: Option<String>,
    /// Where it came from, when that is written down.
    pub reference: Option<String>,
    /// `current`: nothing newer is published. `outdated`: a newer version would be installed. `held_back`: what is newer
    /// would be refused. `pinned`: it is bound to a digest, and to no tag. `no_source`: it came from a directory or an
    /// archive, or no install has put it there. `not_comparable`: its version is none of SemVer. `unknown`: it could not be
    /// asked.
    pub standing: &'static str,
    /// The newest version that an install would let in.
    pub admitted_version: Option<String>,
    /// Where that is, bound to the digest that was judged.
    pub admitted_reference: Option<String>,
    /// The newest version that is published, whether or not it is newer.
    pub published_version: Option<String>,
    /// Newer versions that an install would refuse, the newest first.
    pub passed_over: Vec<PassedOverVersion>,
    /// How many newer versions nobody has looked at, because so many were refused before.
    pub unjudged_count: usize,
    /// Why it could not be asked.
    pub objection: Option<Objection>,
}

/// A newer version that an install would refuse.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PassedOverVersion {
    /// The version, by its tag.
    pub version: String,
    /// Where it is.
    pub reference: String,
    /// Why.
    pub objection: Objection,
}

/// What came of upgrading each plugin that was named, or all.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct UpgradedPlugins {
    /// What has a newer version now.
    pub upgraded: Vec<UpgradedPlugin>,
    /// What stays, because there is nothing newer or nobody can tell.
    pub kept: Vec<OutdatedPlugin>,
    /// What was not upgraded, and why.
    pub failed: Vec<NotUpgraded>,
}

/// A plugin in a newer version.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UpgradedPlugin {
    /// As an install says it.
    #[serde(flatten)]
    pub plugin: InstalledPlugin,
    /// Still newer versions that were refused, the newest first.
    pub passed_over: Vec<PassedOverVersion>,
}

/// A plugin that was not upgraded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotUpgraded {
    /// The plugin.
    pub id: String,
    /// Newer versions that were refused, the newest first.
    pub passed_over: Vec<PassedOverVersion>,
    /// Why.
    pub objection: Objection,
}

impl OutdatedPlugin {
    /// What was found out of a plugin.
    pub fn of(subject: &UpgradeSubject, choice: &UpgradeChoice) -> Self {
        let admitted = match &choice.standing {
            UpgradeStanding::Outdated(upgrade) => Some(upgrade),
            _ => None,
        };
        Self {
            standing: choice.standing.as_str(),
            admitted_version: admitted.map(|upgrade| upgrade.foreseen.version.clone()),
            admitted_reference: admitted.map(|upgrade| upgrade.reference.to_string()),
            published_version: choice.newest_published.clone(),
            passed_over: PassedOverVersion::all(choice),
            unjudged_count: choice.unjudged_count,
            ..Self::known(subject)
        }
    }

    /// A plugin of which nobody could find out.
    pub fn unknown(subject: &UpgradeSubject, fault: &Fault) -> Self {
        Self { standing: "unknown", objection: Some(Objection::from(fault)), ..Self::known(subject) }
    }

    fn known(subject: &UpgradeSubject) -> Self {
        let record = subject.record.as_ref().ok().and_then(Option::as_ref);
        Self {
            id: subject.id.clone(),
            installed_version: record.map(|record| record.version.clone()),
            reference: record.map(|record| record.reference.clone()),
            ..Self::default()
        }
    }
}

impl PassedOverVersion {
    /// Of a choice, the newest first.
    pub fn all(choice: &UpgradeChoice) -> Vec<Self> {
        let one = |PassedOver { version, reference, fault }: &PassedOver| Self {
            version: version.clone(),
            reference: reference.to_string(),
            objection: Objection::from(fault),
        };
        choice.passed_over.iter().map(one).collect()
    }
}
