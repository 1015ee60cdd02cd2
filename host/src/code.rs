//! `Code`: a plugin's code on its way into a process, and what is shown of a plugin by what was read with it.

use std::sync::Arc;

use aisoc_pipeline::AdmittedCode;
use aisoc_pipeline::documents::{HostedManifest, HostedPlugin};
use aisoc_worker::serving::Worker;

use crate::pinned::Pin;

/// A plugin's code, as it was admitted and read, and the directory that it was read from, where it was one.
pub(crate) struct Code {
    pub(crate) code: AdmittedCode,
    pub(crate) pin: Option<Arc<Pin>>,
}

/// What is shown of a plugin once its code was read, and runs.
pub(crate) fn described(mut about: HostedPlugin, code: &AdmittedCode, worker: &Worker) -> HostedPlugin {
    let AdmittedCode { manifest, config_schema, .. } = code;
    about.code_checked_against = Some(code.checked_against.as_str());
    (about.sandbox, about.sandbox_missing) = match worker.layers() {
        None => (Some("off"), None),
        Some(layers) if layers.are_whole() => (Some("full"), None),
        Some(layers) => (Some("partial"), Some(layers.missing())),
    };
    let Some(manifest) = manifest else { return about };
    about.manifest = HostedManifest {
        name: Some(manifest.name.clone()),
        description: manifest.description.clone(),
        author: manifest.author.clone(),
        tags: manifest.tags.clone(),
        config_schema: config_schema.clone(),
        ..about.manifest
    };
    about
}
