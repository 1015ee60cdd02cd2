//! A plugin that is held: loaded once, in a process of its own, and called until it is ended.
//!
//! What runs is what the caller hands over, byte for byte: no module is read from a disk. Dropping a [`Worker`] ends
//! the plugin, and everything that it started.

mod hooks;
mod queue;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use self::hooks::{HandlerAnswer, HookCall};
use self::queue::Queue;
use crate::contract::HookManifest;
use crate::error::Error;
use crate::exact_json::require_exact;
use crate::launcher::{Launcher, Start};
pub use crate::process::{Ask, LogLine, MAX_ASK_BYTES, MAX_ASKS, MAX_CALL_BYTES, MAX_CALLS, MAX_REPLY_BYTES, Reply};
use crate::process::{Begun, Expected, Process, Refusal, Waited, Waiting, Written};
use crate::sandbox::Layers;
use crate::shim::{Bounds, Script};

/// How long a plugin that was told to cancel a call has to stop it; then it is ended.
const CANCEL_PATIENCE: Duration = Duration::from_secs(1);

/// A plugin, as it is loaded.
#[derive(Debug)]
pub struct Plugin<'a> {
    /// Its id.
    pub id: &'a str,
    /// What is called of it.
    pub entry: &'a Entry,
    /// The content of every `*.py`, by its path below the directory.
    pub sources: &'a BTreeMap<String, Vec<u8>>,
    /// What it finds its data beside: `__file__` is in there. Its modules are not read from it.
    pub directory: &'a Path,
    /// Where it finds modules, behind those of Python and its own.
    pub site_paths: &'a [PathBuf],
    /// What its constructor is given.
    pub config: &'a Map<String, Value>,
}

/// What is called of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// An object of the class of that name, in a file below the plugin's directory.
    Class {
        /// The file.
        file: String,
        /// The class.
        class: String,
        /// Whether a file without it is refused; otherwise the functions of the file are called in its place.
        is_required: bool,
    },
    /// An object in a module; of a class that has something to call, an object of that.
    Object {
        /// The module, dotted.
        module: String,
        /// The object in it, dotted.
        object: String,
        /// Whether it makes a manifest that names handlers of hooks.
        has_hooks: bool,
    },
}

/// In what a plugin is loaded.
pub struct Serving<'a> {
    /// With what it is started.
    pub launcher: &'a Launcher,
    /// What it may take.
    pub bounds: Bounds,
    /// How long it may take to be loaded.
    pub patience: Duration,
    /// Set when it is to stop.
    pub stop: &'a AtomicBool,
    /// What it prints.
    pub log: Box<dyn FnMut(LogLine) + Send>,
}

impl fmt::Debug for Serving<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("launcher", self.launcher).finish_non_exhaustive()
    }
}

/// A plugin that is loaded. Dropping it ends it.
#[derive(Debug)]
pub struct Worker {
    process: Process,
    /// Python's version, such as `3.12.1`.
    python: String,
    /// What it is confined by.
    layers: Option<Layers>,
    /// What it says of its handlers, where it has any.
    manifest: Option<HookManifest>,
    /// Where its calls wait, unless it answers several beside each other.
    queue: Option<Queue>,
}

impl Worker {
    /// Loads a plugin.
    ///
    /// # Errors
    /// [`Error::Refused`] in the host's words, and whatever else keeps a plugin from being loaded; then nothing of it is
    /// left.
    pub fn start(plugin: &Plugin<'_>, serving: Serving<'_>) -> Result<Self, Error> {
        let Serving { launcher, bounds, patience, stop, log } = serving;
        let shown = [plugin.directory].into_iter().chain(plugin.site_paths.iter().map(PathBuf::as_path));
        let start = Start {
            script: Script::Serve,
            arguments: Vec::new(),
            readable: shown.map(Path::to_owned).collect(),
            bounds,
            home: "/nonexistent".into(),
            sandbox: launcher.sandbox,
            is_counted: false,
        };
        let (waiting, log) = (Waiting::begin(patience, stop), Arc::new(Mutex::new(log)));
        start.tried(|start| {
            let log = Arc::clone(&log);
            let log = move |line| log.lock().unwrap_or_else(PoisonError::into_inner)(line);
            Self::begin(plugin, Process::begin(launcher.prepare(start, stop)?, log, waiting)?, waiting)
        })
    }

    /// Loads it in a Python that was started.
    fn begin(plugin: &Plugin<'_>, begun: Begun, waiting: Waiting<'_>) -> Result<Self, Error> {
        let (Begun { process, layers, first }, Waiting { patience, stop, .. }) = (begun, waiting);
        if process.write(&order(plugin), waiting.deadline).is_err() {
            return Err(process.not_started(None));
        }
        match first.wait(waiting.deadline, stop)? {
            Waited::Answer(answer) => match read(&answer) {
                Ok(Answer::Loaded { python, is_asynchronous, manifest }) => {
                    let queue = (!is_asynchronous).then(Queue::default);
                    Ok(Self { process, python, layers, manifest, queue })
                }
                Ok(Answer::Refused { refusal, cause }) => Err(Error::Refused { refusal, cause }),
                Ok(Answer::Done { .. }) => Err(process.not_started(None)),
                Err(source) => Err(Error::Unreadable { source }),
            },
            Waited::Ended | Waited::Asked(_) => Err(process.not_started(None)),
            Waited::TimedOut => Err(Error::TimedOut { patience }),
        }
    }

    /// Python's version, such as `3.12.1`.
    pub fn python(&self) -> &str {
        &self.python
    }

    /// What it is confined by; nothing where it is not.
    pub fn layers(&self) -> Option<&Layers> {
        self.layers.as_ref()
    }

    /// What it says of its handlers; nothing where it has none of hooks.
    pub fn manifest(&self) -> Option<&HookManifest> {
        self.manifest.as_ref()
    }

    /// Whether it can still be called.
    pub fn is_alive(&self) -> bool {
        !self.process.answers.have_ended()
    }

    /// Calls its `run`, or what its kind has instead. Always an object, as a host wraps the rest.
    ///
    /// Several calls wait beside each other; a plugin that is not asynchronous answers one after the other, and sees none of
    /// those that wait: a call has its time from its turn on. One that is not answered in time is cancelled; a plugin that
    /// does not let go of it is ended, and the other calls with it. One that nobody wants any more is cancelled as well, and
    /// has what is left of its time to end: who goes away ends nobody's plugin.
    ///
    /// # Errors
    /// [`Error::Refused`] in the host's words, [`Error::TimedOut`], [`Error::Stopped`], [`Error::Busy`],
    /// [`Error::NotReached`], [`Error::CallTooLarge`], [`Error::Withdrawn`], and those of a plugin that has ended:
    /// [`Error::Unanswered`], [`Error::Unreadable`], [`Error::TooLarge`].
    pub fn call(&self, call: &Call<'_>) -> Result<Map<String, Value>, Error> {
        let Call { payload, context, patience, stop, may_begin, answer } = *call;
        self.ask(&Question::Call { payload, context }, &Asking { patience, stop, may_begin, answer })
    }

    /// Calls the handler of a hook, as [`Worker::call`] does: what it raises is an answer.
    ///
    /// # Errors
    /// As [`Worker::call`].
    pub fn fire(&self, call: &HookCall<'_>) -> Result<HandlerAnswer, Error> {
        let HookCall { hook, value, payload, is_own, patience, stop, may_begin, answer } = *call;
        let question = Question::Hook { hook, payload, is_own, value };
        answered(self.ask(&question, &Asking { patience, stop, may_begin, answer })?)
    }

    /// Asks it how it does, where its manifest says that it can be. What it asks meanwhile is answered like that.
    ///
    /// # Errors
    /// As [`Worker::call`].
    pub fn ask_health(
        &self,
        patience: Duration,
        stop: &AtomicBool,
        answer: &dyn Fn(&Ask) -> Reply,
    ) -> Result<HandlerAnswer, Error> {
        answered(self.ask(&Question::Health { health: true }, &Asking { patience, stop, may_begin: &|| true, answer })?)
    }

    /// Asks it something, and gives what it answers.
    fn ask(&self, question: &Question<'_>, asking: &Asking<'_>) -> Result<Map<String, Value>, Error> {
        let Asking { patience, stop, may_begin, answer } = asking;
        let expected = self.process.answers.expect()?;
        let line = serde_json::to_string(&Numbered { id: expected.id, question });
        let line = line.map_err(|source| Error::Unreadable { source })?;
        if line.len() > MAX_CALL_BYTES {
            return Err(Error::CallTooLarge { at_most: MAX_CALL_BYTES });
        }
        let _turn = match &self.queue {
            None => None,
            Some(queue) => {
                let turn = queue.turn(Instant::now() + *patience, stop, may_begin)?;
                Some(turn.ok_or(Error::NotReached { patience: *patience })?)
            }
        };
        if !may_begin() {
            return Err(Error::Withdrawn);
        }
        let deadline = Instant::now() + *patience;
        expected.take_asks();
        if self.process.begin_line(&line, deadline)? == Written::Nothing {
            return Err(Error::TimedOut { patience: *patience });
        }
        let came = loop {
            match expected.wait(deadline, stop) {
                Ok(Waited::Asked(asked)) => {
                    let reply = asked.ask().map_or_else(Refusal::reply, |ask| answer(&ask));
                    // An answer that comes at the end of its time, or behind it, is written all the same: the plugin has
                    // to let go of the call, and is not to blame.
                    let until = deadline.max(Instant::now() + CANCEL_PATIENCE);
                    self.process.write(&reply.line(asked.number), until)?;
                    expected.answered();
                }
                came => break came,
            }
        };
        // What is left of it asks for nobody.
        expected.take_no_asks();
        let (failed, until) = match came {
            Ok(Waited::Answer(answer)) => {
                return match read(&answer) {
                    Ok(Answer::Done { result }) => Ok(result),
                    Ok(Answer::Refused { refusal, cause }) => Err(Error::Refused { refusal, cause }),
                    Ok(Answer::Loaded { .. }) => Err(self.process.ended()),
                    Err(why) => {
                        let refusal = format!("the result of run cannot be read: {why}");
                        Err(Error::Refused { refusal, cause: None })
                    }
                };
            }
            Ok(Waited::Ended | Waited::Asked(_)) => return Err(self.process.ended()),
            Ok(Waited::TimedOut) => (Error::TimedOut { patience: *patience }, Instant::now() + CANCEL_PATIENCE),
            Err(stopped) => (stopped, deadline.max(Instant::now() + CANCEL_PATIENCE)),
        };
        self.cancel(&expected, until);
        Err(failed)
    }

    /// Ends it now, whoever still waits for an answer.
    pub fn end(&self) {
        self.process.kill();
    }

    /// Nobody wants the answer any more. A plugin that does not let go of the call until then is ended.
    fn cancel(&self, expected: &Expected, until: Instant) {
        let asked = self.process.write(&json!({ "cancel": expected.id }).to_string(), until);
        if asked.is_err() || !self.lets_go(expected, until) {
            self.process.kill();
        }
    }

    /// Whether it answers until then. What it had asked before it was told is asked for nobody any more.
    fn lets_go(&self, expected: &Expected, until: Instant) -> bool {
        loop {
            match expected.wait(until, &AtomicBool::new(false)) {
                Ok(Waited::Answer(_) | Waited::Ended) => return true,
                Ok(Waited::Asked(asked)) => {
                    if self.process.write(&Refusal::NoCall.reply().line(asked.number), until).is_err() {
                        return true;
                    }
                }
                Ok(Waited::TimedOut) | Err(_) => return false,
            }
        }
    }
}

/// What Python is asked. What is in it may be large, and is written as it is.
#[derive(Serialize)]
#[serde(untagged)]
enum Question<'a> {
    Call {
        payload: &'a Map<String, Value>,
        context: &'a Map<String, Value>,
    },
    Hook {
        hook: &'a str,
        payload: &'a Map<String, Value>,
        is_own: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<&'a Value>,
    },
    Health {
        health: bool,
    },
}

/// The same, under the number of its answer.
#[derive(Serialize)]
struct Numbered<'a> {
    id: u64,
    #[serde(flatten)]
    question: &'a Question<'a>,
}

/// How long an answer is waited for, and who may call it off.
struct Asking<'a> {
    patience: Duration,
    stop: &'a AtomicBool,
    may_begin: &'a dyn Fn() -> bool,
    answer: &'a dyn Fn(&Ask) -> Reply,
}

/// One call of a plugin.
pub struct Call<'a> {
    /// What it is given.
    pub payload: &'a Map<String, Value>,
    /// On whose behalf, and whatever else the host says.
    pub context: &'a Map<String, Value>,
    /// How long it may take.
    pub patience: Duration,
    /// Set when it is to be cancelled.
    pub stop: &'a AtomicBool,
    /// Asked once it is its turn, just before the plugin sees it: whether it still may be called.
    pub may_begin: &'a dyn Fn() -> bool,
    /// Asked whatever the plugin asks meanwhile, on behalf of this call. The call waits for it as long as that takes.
    pub answer: &'a dyn Fn(&Ask) -> Reply,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in it may be anybody's secret.
        f.debug_struct("Call").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// What Python answers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Loaded { python: String, is_asynchronous: bool, manifest: Option<HookManifest> },
    Refused { refusal: String, cause: Option<String> },
    Done { result: Map<String, Value> },
}

/// # Errors
/// For what Python writes and nobody here reads: nested too deep, a number that is too large, more values than there may be.
fn read(answer: &[u8]) -> serde_json::Result<Answer> {
    require_exact(answer).map_err(serde_json::Error::custom)?;
    serde_json::from_slice(answer)
}

/// What a handler answers.
fn answered(result: Map<String, Value>) -> Result<HandlerAnswer, Error> {
    serde_json::from_value(result.into()).map_err(|source| Error::Unreadable { source })
}

/// The first line. Bytes are hexadecimal digits: Python needs no module for those.
fn order(plugin: &Plugin<'_>) -> String {
    let Plugin { id, entry, sources, directory, site_paths, config } = plugin;
    let sources: Map<_, _> = sources.iter().map(|(path, bytes)| (path.clone(), hexadecimal(bytes).into())).collect();
    let is_of_a_name = |c: char| if c.is_alphanumeric() { c } else { '_' };
    let module = format!("aisoc_plugin_{}", id.chars().map(is_of_a_name).collect::<String>());
    json!({
        "id": id, "entry": entry, "module": module, "sources": sources, "config": config,
        "directory": directory, "site_paths": site_paths, "limit": MAX_CALL_BYTES, "ask_limit": MAX_ASK_BYTES,
    })
    .to_string()
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]).collect()
}
