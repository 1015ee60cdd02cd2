//! One check: an entry point is imported, and held to what its host asks of one.
//!
//! The child and everything that it started end before [`check`] returns, whatever the plugin did.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::error::Error;
use crate::launcher::{Launcher, Start};
use crate::private_copy::Room;
use crate::process::Waiting;
use crate::shim::{Bounds, Script};
use crate::visible::Visible;
use crate::waiting::alone;

/// What an entry point gets to be imported and looked at in, unless the caller says otherwise.
pub const CHECK_PATIENCE: Duration = Duration::from_secs(10);

/// A check has nothing to write.
const BOUNDS: Bounds = Bounds { file_bytes: 1 << 20, ..Bounds::of_a_plugin() };

/// What a host asks of the object behind an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// capa: a class with attributes, a model of its configuration, and two coroutine functions.
    Procedure,
    /// Stigmem: a callable without arguments, which returns a manifest.
    Hook,
    /// Every other: that it can be imported.
    Import,
}

impl Contract {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Procedure => "procedure",
            Self::Hook => "hook",
            Self::Import => "import",
        }
    }
}

/// What is checked, in what, and for how long.
#[derive(Debug)]
pub struct Checking<'a> {
    /// With what it is started.
    pub launcher: &'a Launcher,
    /// What it is held to.
    pub contract: Contract,
    /// The module, dotted.
    pub module: &'a str,
    /// The object in it, dotted.
    pub object: &'a str,
    /// The site-packages directories, in the order in which Python looks.
    pub site_packages: &'a [PathBuf],
    /// How much of a directory is copied that is closed to others, when the caller is root.
    pub room: Room,
    /// How long the answer may take.
    pub patience: Duration,
    /// Set when the check is to stop; what it has begun is undone first.
    pub stop: &'a AtomicBool,
}

/// What an entry point says of itself, once it has passed.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// The id that a procedure's class states.
    #[serde(default)]
    pub id: Option<String>,
    /// The manifest of a hook. It is of the right types, and judged by nobody yet.
    #[serde(default)]
    pub hook: Option<HookManifest>,
}

/// What a hook's manifest states.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookManifest {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The versions of the host that it works with.
    pub requires: String,
    /// What it asks for, sorted, each once.
    pub capabilities: Vec<String>,
    /// The names of the hooks that it needs, sorted, each once.
    pub depends_on: Vec<String>,
    /// Whether its handlers may be called beside each other.
    pub is_async_safe: bool,
    /// Its handlers.
    pub handlers: Vec<HookHandler>,
    /// Whether it can be asked how it does; nothing where what it names for that cannot be called.
    pub has_health_check: Option<bool>,
}

/// What a host has to know of a handler.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookHandler {
    /// The name of its hook.
    pub hook: String,
    /// What it is called; nothing where it cannot be called at all.
    pub function: Option<String>,
    /// How many arguments it takes by their place; nothing where that has no end.
    pub positional_count: Option<usize>,
    /// How many seconds it may take, where it says so.
    pub timeout_seconds: Option<f64>,
}

/// Imports the object, and holds it to its contract.
///
/// # Errors
/// [`Error::NotImported`] and [`Error::Breach`] in the words of its host, and whatever else keeps it from being
/// checked.
pub fn check(checking: &Checking<'_>) -> Result<Checked, Error> {
    let Checking { contract, module, object, .. } = checking;
    let request = json!({ "contract": contract.as_str(), "module": module, "object": object }).to_string();
    let _alone = alone(checking.stop)?;
    // Held until the child has ended; and by nobody else's child, for there is none.
    let visible = |path: &PathBuf| Visible::make(path, &checking.room, checking.stop);
    let directories = checking.site_packages.iter().map(visible).collect::<Result<Vec<_>, _>>()?;
    let paths: Vec<PathBuf> = directories.iter().map(|directory| directory.path().to_owned()).collect();
    let start = Start {
        script: Script::Contract,
        arguments: paths.clone(),
        readable: paths,
        bounds: BOUNDS,
        home: "/nonexistent".into(),
        sandbox: checking.launcher.sandbox,
        is_counted: false,
    };
    let line = checking.launcher.ask(&start, &request, Waiting::begin(checking.patience, checking.stop))?;
    let ours = |words: String| directories.iter().fold(words, |words, directory| directory.in_our_words(&words));
    match serde_json::from_slice(&line).map_err(|source| Error::Unreadable { source })? {
        Answer::NotImported { import_failed: message, cause } => {
            Err(Error::NotImported { message: ours(message), cause })
        }
        Answer::Breach { breach: message, cause } => Err(Error::Breach { message: ours(message), cause }),
        Answer::Checked(checked) => Ok(checked),
    }
}

/// The one line that the child writes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    NotImported { import_failed: String, cause: Option<String> },
    Breach { breach: String, cause: Option<String> },
    Checked(Checked),
}
