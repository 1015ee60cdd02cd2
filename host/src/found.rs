//! `Found`: a plugin as a discovery has found and judged it, with what a host says of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_hooks::Registration;
use aisoc_manifests::fault::Fault;
use aisoc_pipeline::accepted::{Listed, Listing};
use aisoc_pipeline::documents::{HostedManifest, HostedPlugin, SignatureJudgement};
use aisoc_pipeline::{Discovered, Failed, Kind, PluginSource, escaped, redacted};

/// One plugin, and what the gates say of it.
#[derive(Debug)]
pub(crate) struct Found {
    /// What is shown of it.
    pub(crate) about: HostedPlugin,
    /// Where it is.
    pub(crate) place: PathBuf,
    /// The digest of what is there; nothing where it could not be read.
    pub(crate) hash: Option<String>,
    /// What is to become of it.
    pub(crate) verdict: Verdict,
    /// What was refused, where it was read at all.
    pub(crate) refused: Option<Arc<Discovered>>,
    /// What is wrong with its signature, whether that refuses it or not.
    pub(crate) objection: Option<Fault>,
    /// What it said of its handlers of hooks when it was asked: it is admitted as that alone.
    pub(crate) registration: Option<Box<Registration>>,
    /// The name of its directory, where an operator asks for what is in that one.
    pub(crate) asked_for: Option<String>,
}

/// What is to become of what was found.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Every gate lets it pass, and a host loads it.
    Admitted(Arc<Discovered>),
    /// Every gate lets it pass, and there is nothing of it to load: it is data.
    NotLoaded,
    /// A gate refuses it, or it is none.
    Refused(Fault),
}

impl Found {
    /// All of a listing, in its order.
    pub(crate) fn all(listing: Listing) -> Vec<Self> {
        let plugins = listing.plugins.into_iter().map(Self::listed);
        plugins.chain(listing.failed.into_iter().map(Self::failed)).collect()
    }

    fn listed(listed: Listed) -> Self {
        let refusal = listed.rejection().cloned();
        let Listed { plugin, signature, file, registration, .. } = listed;
        let judged = signature.as_ref().and_then(|judged| judged.as_ref().ok());
        let (signature, grants) = match (judged, &file) {
            (Some(judged), _) => (SignatureJudgement::of(judged), judged.grants.clone()),
            (None, Some(file)) => (SignatureJudgement::of_file(file), None),
            (None, None) => (SignatureJudgement::default(), None),
        };
        let objection = match (judged, file) {
            (Some(judged), _) => {
                judged.verdict.as_ref().map_or_else(|fault| Some(fault.clone()), |said| said.objection.clone())
            }
            (None, Some(file)) => file.objection,
            (None, None) => None,
        };
        let about = HostedPlugin {
            signature,
            capabilities: grants.or_else(|| plugin.declared_in_code().cloned()).into_iter().flatten().collect(),
            ..shown(&plugin.id, Some(&plugin.version), plugin.source, Some(plugin.kind), &plugin.place)
        };
        let (place, hash) = (plugin.place.clone(), Some(plugin.hash.clone()));
        let refused = refusal.is_some().then(|| Arc::new(plugin.clone())).filter(|plugin| plugin.kind == Kind::Hook);
        let verdict = match refusal {
            Some(refusal) => Verdict::Refused(refusal),
            None if is_loaded(&plugin) => Verdict::Admitted(Arc::new(plugin)),
            None => Verdict::NotLoaded,
        };
        Self { about, place, hash, verdict, refused, objection, registration, asked_for: None }
    }

    /// Whether it is a plugin of Stigmem, which has handlers of hooks.
    pub(crate) fn is_hook(&self) -> bool {
        self.about.kind == Some(Kind::Hook.as_str())
    }

    /// The distribution that a plugin with handlers came in.
    pub(crate) fn distribution(&self) -> Option<&str> {
        let plugin = match &self.verdict {
            Verdict::Admitted(plugin) => Some(plugin),
            Verdict::NotLoaded | Verdict::Refused(_) => self.refused.as_ref(),
        };
        plugin.filter(|plugin| plugin.kind == Kind::Hook).map(|plugin| plugin.package.as_str())
    }

    fn failed(failed: Failed) -> Self {
        let Failed { name, source, kind, version, place, fault } = failed;
        let about = shown(&name, version.as_deref(), source, kind, &place);
        Self {
            about,
            place,
            hash: None,
            verdict: Verdict::Refused(fault),
            refused: None,
            objection: None,
            registration: None,
            asked_for: None,
        }
    }
}

fn is_loaded(plugin: &Discovered) -> bool {
    match plugin.source {
        PluginSource::Dir | PluginSource::Oci => true,
        PluginSource::Dropin => plugin.kind != Kind::Domain,
        PluginSource::EntryPoint => true,
        PluginSource::Compiled => false,
    }
}

/// Before anything is known of its life.
pub(crate) fn shown(
    id: &str,
    version: Option<&str>,
    source: PluginSource,
    kind: Option<Kind>,
    place: &Path,
) -> HostedPlugin {
    let plugin_type = kind.filter(|kind| matches!(kind, Kind::Manifest(_))).map(|kind| kind.as_str());
    HostedPlugin {
        id: id.to_owned(),
        manifest: HostedManifest {
            id: id.to_owned(),
            version: version.map(str::to_owned),
            plugin_type,
            ..HostedManifest::default()
        },
        enabled: false,
        loaded_at: None,
        error: None,
        reason_code: None,
        no_longer_admitted: None,
        quarantined: false,
        on_disk: None,
        code_checked_against: None,
        sandbox: None,
        sandbox_missing: None,
        state: "",
        signature: SignatureJudgement::default(),
        source: source.as_str(),
        kind: kind.map(|kind| kind.as_str()),
        capabilities: Vec::new(),
        place: escaped(place.as_os_str()),
    }
}

/// What a fault says, as it may be shown to an operator.
pub(crate) fn reason_of(fault: &Fault) -> String {
    let mut text = redacted(&fault.to_string());
    if let Some(difference) = fault.difference() {
        text.push_str(&redacted(&format!(" (expected {}, found {})", difference.expected, difference.found)));
    }
    if let Some(cause) = std::error::Error::source(fault) {
        text.push_str(&redacted(&format!(": {cause}")));
    }
    text
}
