//! How a plugin comes into memory: the code that was admitted, in a process of its own.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
use aisoc_pipeline::AdmittedCode;
use aisoc_worker::serving::{LogLine, Plugin, Serving, Worker};
use aisoc_worker::{Bounds, Error, Launcher};
use serde_json::{Map, Value};

use crate::held::Held;

/// Most characters that are shown of what a plugin says of its failure.
const MAX_SHOWN: usize = 1000;
/// How long a plugin may take to be loaded.
const LOAD_PATIENCE: Duration = Duration::from_secs(20);

/// Loads a plugin; what it prints goes to `log`.
///
/// # Errors
/// `import_failed`, in the words of a host; `sandbox_unavailable`.
pub(crate) fn load(
    launcher: &Launcher,
    held: &Held,
    code: &AdmittedCode,
    stop: &AtomicBool,
    config: &Map<String, Value>,
    log: impl FnMut(LogLine) + Send + 'static,
) -> Result<Worker, Fault> {
    let plugin = Plugin {
        id: &held.id,
        entry: &code.entry,
        sources: &code.sources,
        directory: &code.directory,
        site_paths: &code.site_paths,
        config,
    };
    let serving = Serving { launcher, bounds: Bounds::default(), patience: LOAD_PATIENCE, stop, log: Box::new(log) };
    Worker::start(&plugin, serving).map_err(|error| match held.masked.error(error) {
        error @ Error::Unconfined { .. } => fault(Reason::SandboxUnavailable, &error),
        error => fault(Reason::ImportFailed, &error),
    })
}

/// A worker's error, with the plugin's own words in it cut and escaped.
pub(crate) fn fault(reason: Reason, error: &Error) -> Fault {
    let words = shown(&error.to_string(), MAX_SHOWN);
    match error {
        Error::Refused { cause: Some(cause), .. } => Fault::new(reason, words).caused_by(shown(cause, MAX_SHOWN)),
        Error::Unanswered { printed: Some(printed), .. } => {
            Fault::new(reason, words).caused_by(shown(printed, MAX_SHOWN))
        }
        Error::NotStarted { source, .. } | Error::NoPython { source, .. } => {
            Fault::new(reason, words).caused_by(shown(&source.to_string(), MAX_SHOWN))
        }
        _ => Fault::new(reason, words),
    }
}
