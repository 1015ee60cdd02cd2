//! One load: a request to a child, its answer, and its end.
//!
//! The child and everything that it started end before [`load`] returns, whatever the plugin did.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::launcher::{Launcher, Start};
use crate::lowered::Lowered;
use crate::private_copy::Room;
use crate::process::Waiting;
use crate::shim::{Bounds, Script};

/// What a plugin gets to finish in, unless the caller says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What is loaded, in what, and for how long.
#[derive(Debug)]
pub struct Loading<'a> {
    /// With what it is started.
    pub launcher: &'a Launcher,
    /// The plugin's directory.
    pub directory: &'a Path,
    /// Its id, as its manifest has it.
    pub id: &'a str,
    /// Which capabilities its manifest declares. Nothing is provided for any of them.
    pub declared: &'a [String],
    /// What `run` is called with; without it, `run` is not called.
    pub payload: Option<&'a Map<String, Value>>,
    /// How long the answer may take.
    pub patience: Duration,
    /// How much is copied when the caller is root.
    pub room: Room,
    /// Set when the load is to stop; what it has begun is undone first.
    pub stop: &'a AtomicBool,
}

/// What a host would find.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// Python's version, such as `3.12.1`.
    pub python: String,
    /// The name of the class behind `Plugin`.
    pub class: String,
    /// Whether `run` is declared `async`.
    pub run_is_async: bool,
    /// What `run` returned; `None` when it was not run. Always an object, as a host wraps the rest.
    pub result: Option<Value>,
}

/// Imports `plugin.py`, makes `Plugin()` and, with a payload, awaits `run(payload, context)`, whose context says nothing and
/// provides nothing.
///
/// # Errors
/// [`Error::Refused`] in the host's words, and whatever else keeps a plugin from being loaded.
pub fn load(loading: &Loading<'_>) -> Result<Report, Error> {
    let mut request = json!({ "id": loading.id, "declared": loading.declared });
    if let Some(payload) = loading.payload {
        request["payload"] = json!(payload);
    }
    let request = request.to_string();
    let directory = fs::canonicalize(loading.directory).map_err(Error::io("find", loading.directory))?;
    let lowered = Lowered::of(&directory, &loading.room, loading.stop)?;
    let plugin = lowered.plugin().unwrap_or(&directory).to_owned();
    let start = Start {
        script: Script::Load,
        arguments: vec![plugin.clone()],
        readable: vec![plugin.clone()],
        bounds: Bounds::default(),
        home: plugin,
        sandbox: loading.launcher.sandbox,
        is_counted: false,
    };
    // Its copy, if it has one, is there until it has ended.
    read_answer(&loading.launcher.ask(&start, &request, Waiting::begin(loading.patience, loading.stop))?)
}

fn read_answer(line: &[u8]) -> Result<Report, Error> {
    match serde_json::from_slice(line).map_err(|source| Error::Unreadable { source })? {
        Answer::Loaded(report) => Ok(report),
        Answer::Refused { refusal, cause } => Err(Error::Refused { refusal, cause }),
    }
}

/// The one line that the child writes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Loaded(Report),
    Refused { refusal: String, cause: Option<String> },
}
