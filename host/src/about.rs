//! `About`: what is shown of a plugin: whole, or as what it is made of once somebody asks.
//!
//! Of thousands of plugins that nobody has called, what is shown of each follows from what it was admitted as, which is held
//! anyway, and from what is said of its signature, which is the same for all plugins of one publisher.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_manifests::capability::Capability;
use aisoc_manifests::plugin::PluginType;
use aisoc_pipeline::documents::{HostedPlugin, SignatureJudgement};
use aisoc_pipeline::{Discovered, Kind};

use crate::found::shown;

/// How many different words about signatures are remembered, to be shared with the next plugin.
const REMEMBERED: usize = 16;

/// What is shown of a plugin before anything is known of its life.
#[derive(Debug, Clone)]
pub(crate) enum About {
    /// As it is shown.
    Whole(Arc<HostedPlugin>),
    /// What that is made of.
    Admitted(Arc<Discovered>, Arc<Signed>),
}

/// What is said of a signature, and what it lets a plugin ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    signature: SignatureJudgement,
    capabilities: Vec<String>,
}

impl About {
    pub(crate) fn whole(about: HostedPlugin) -> Self {
        Self::Whole(Arc::new(about))
    }

    /// As it is shown.
    pub(crate) fn shown(&self) -> HostedPlugin {
        match self {
            Self::Whole(about) => HostedPlugin::clone(about),
            Self::Admitted(plugin, signed) => HostedPlugin {
                signature: signed.signature.clone(),
                capabilities: signed.capabilities.clone(),
                ..shown(&plugin.id, Some(&plugin.version), plugin.source, Some(plugin.kind), &plugin.place)
            },
        }
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Whole(about) => &about.id,
            Self::Admitted(plugin, _) => &plugin.id,
        }
    }

    /// What it declares that its host knows.
    pub(crate) fn capabilities(&self) -> BTreeSet<Capability> {
        let names = match self {
            Self::Whole(about) => &about.capabilities,
            Self::Admitted(_, signed) => &signed.capabilities,
        };
        names.iter().filter_map(|name| name.parse().ok()).collect()
    }

    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Self::Whole(about) => about.manifest.version.as_deref(),
            Self::Admitted(plugin, _) => Some(&plugin.version),
        }
    }

    /// What it is: the type in a manifest, or what a drop-in or an entry point is among its like.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Whole(about) => about.kind.unwrap_or("nothing"),
            Self::Admitted(plugin, _) => plugin.kind.as_str(),
        }
    }

    /// Whether its manifest says that it is of that type.
    pub(crate) fn is_of(&self, plugin_type: PluginType) -> bool {
        match self {
            Self::Whole(about) => about.manifest.plugin_type == Some(plugin_type.as_str()),
            Self::Admitted(plugin, _) => plugin.kind == Kind::Manifest(plugin_type),
        }
    }

    /// Whether it is that very one. What is kept is alive, so nothing else can be where it is.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Arc::ptr_eq(one, other),
            (Self::Admitted(one, signed), Self::Admitted(other, of_other)) => {
                Arc::ptr_eq(one, other) && Arc::ptr_eq(signed, of_other)
            }
            (Self::Whole(_), Self::Admitted(..)) | (Self::Admitted(..), Self::Whole(_)) => false,
        }
    }
}

/// What was said of signatures lately.
#[derive(Debug, Default)]
pub(crate) struct SignedLately(Mutex<Vec<Arc<Signed>>>);

impl SignedLately {
    /// What is said of that one's: the one that others have, where it is the same.
    pub(crate) fn of(&self, about: &HostedPlugin) -> Arc<Signed> {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |signed: &&Arc<Signed>| signed.signature == about.signature && signed.capabilities == about.capabilities;
        if let Some(signed) = lately.iter().find(is_it) {
            return Arc::clone(signed);
        }
        let new = Arc::new(Signed { signature: about.signature.clone(), capabilities: about.capabilities.clone() });
        if lately.len() == REMEMBERED {
            lately.remove(0);
        }
        lately.push(Arc::clone(&new));
        new
    }
}
