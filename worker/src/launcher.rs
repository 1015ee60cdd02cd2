//! `Launcher`: which Python runs plugins, through what, and how confined.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;

use crate::error::Error;
use crate::groups::{Group, Groups};
use crate::interpreter::{Interpreter, Interpreters, Said};
use crate::nobody::is_root;
use crate::process::{Prepared, Process, Waiting, ask};
use crate::python::Python;
use crate::sandbox::{Layers, Sandbox, Scratch, View};
use crate::shim::{Bounds, Confinement, Order, Script, ShimProgram};

/// How long a Python may take to say what it is, and a system what it gives.
const INTERPRETER_PATIENCE: Duration = Duration::from_secs(10);

/// With what plugins are started.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The Python that runs them.
    pub python: Python,
    /// The processes between.
    pub shim: ShimProgram,
    /// Whether they are confined.
    pub sandbox: Sandbox,
    /// The control groups that they run in, where there are any.
    groups: Option<Arc<Groups>>,
    interpreters: Arc<Interpreters>,
}

/// What of a start is its own.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) script: Script,
    pub(crate) arguments: Vec<PathBuf>,
    /// What the plugin may read, beside what Python needs.
    pub(crate) readable: Vec<PathBuf>,
    pub(crate) bounds: Bounds,
    /// Where Python's home is, when it is nobody.
    pub(crate) home: PathBuf,
    pub(crate) sandbox: Sandbox,
    /// Whether all processes of its user are counted for it in any case.
    pub(crate) is_counted: bool,
}

impl Start {
    /// Tries it; once more where there were too many processes at that moment: they are counted anew then.
    pub(crate) fn tried<T>(&self, mut attempt: impl FnMut(Self) -> Result<T, Error>) -> Result<T, Error> {
        match attempt(self.clone()) {
            Err(error) if error.is_of_a_moment() => attempt(Self { is_counted: true, ..self.clone() }),
            attempted => attempted,
        }
    }

    /// Of what is no plugin's.
    fn of_ours() -> Self {
        Self {
            script: Script::Nothing,
            arguments: Vec::new(),
            readable: Vec::new(),
            bounds: Bounds::default(),
            home: "/nonexistent".into(),
            sandbox: Sandbox::Off,
            is_counted: false,
        }
    }
}

impl Launcher {
    /// Nothing is started yet, and nothing looked for.
    pub fn new(python: Python, shim: ShimProgram, sandbox: Sandbox) -> Self {
        Self { python, shim, sandbox, groups: None, interpreters: Arc::default() }
    }

    /// The same, with a control group for each plugin that is started.
    #[must_use]
    pub fn within(self, groups: Groups) -> Self {
        Self { groups: Some(Arc::new(groups)), ..self }
    }

    /// # Errors
    /// Those of asking the Python what it is, the first time that it is to be confined, and [`Error::Io`].
    pub(crate) fn prepare(&self, start: Start, stop: &AtomicBool) -> Result<Prepared, Error> {
        let Start { script, arguments, readable, bounds, home, sandbox, is_counted } = start;
        let mut order = Order {
            shim: self.shim.clone(),
            python: self.python.program.clone(),
            script,
            beginning: None,
            arguments,
            variables: self.python.kept_variables().map(|(name, value)| (name.into(), value.into())).collect(),
            home,
            bounds,
            group: None,
            is_counted,
            is_lowered: is_root(),
            confinement: None,
        };
        let interpreter = match script {
            Script::Nothing | Script::Interpreter => None,
            // Nothing has to be known of it where nothing is kept from it.
            _ if sandbox == Sandbox::Off && !script.is_compiled_once() => None,
            _ => Some(self.interpreters.of(&self.python, script, || self.ask_interpreter(script, stop))?),
        };
        let compiled = interpreter.as_ref().and_then(|interpreter| interpreter.compiled.clone());
        order.beginning = compiled.as_ref().map(|compiled| compiled.beginning.clone());
        // Limits hold whatever it is confined by. Nothing of a plugin runs in what is ours alone.
        let is_of_a_plugin = !matches!(script, Script::Nothing | Script::Interpreter);
        let group = match &self.groups {
            Some(groups) if is_of_a_plugin => Some(groups.make(&bounds).map_err(Error::io("make", groups.place()))?),
            _ => None,
        };
        order.group = group.as_ref().map(Group::place);
        if sandbox == Sandbox::Off {
            return Ok(Prepared { order, group, scratch: None, python: self.python.clone(), compiled });
        }
        let scratch = Scratch::make().map_err(Error::io("make a scratch in", &tempfile::env::temp_dir()))?;
        let mut view = View { readable, executable: Vec::new(), scratch: scratch.path().to_owned() };
        if let Some(interpreter) = interpreter {
            let Said { executable, loader, readable, .. } = &interpreter.said;
            order.python = executable.clone().into();
            view.executable.push(executable.clone());
            view.executable.extend(loader.clone());
            view.readable.extend(readable.iter().cloned());
        }
        let is_required = sandbox == Sandbox::Require;
        order.confinement = Some(Confinement { is_required, view, namespaces: None, is_alone: false });
        Ok(Prepared { order, group, scratch: Some(scratch), python: self.python.clone(), compiled })
    }

    /// Asks a Python one question, and ends it with all that it started.
    ///
    /// # Errors
    /// As [`ask`], and those of starting it.
    pub(crate) fn ask(&self, start: &Start, question: &str, waiting: Waiting<'_>) -> Result<Vec<u8>, Error> {
        start.tried(|start| ask(self.prepare(start, waiting.stop)?, question, waiting))
    }

    /// What plugins are confined by on this system, or would be. Nothing of a plugin, and no Python, is started for that.
    ///
    /// # Errors
    /// Whatever keeps a process from being started.
    pub fn layers(&self, stop: &AtomicBool) -> Result<Layers, Error> {
        let start = Start { script: Script::Nothing, sandbox: Sandbox::BestEffort, ..Start::of_ours() };
        let waiting = Waiting::begin(INTERPRETER_PATIENCE, stop);
        let begun = start.tried(|start| Process::begin(self.prepare(start, stop)?, drop, waiting))?;
        begun.layers.ok_or(Error::Left)
    }

    /// What the Python says of itself, and makes of a script, without `site`, which would run code of others. No plugin is near it, so nothing is kept from it.
    fn ask_interpreter(&self, script: Script, stop: &AtomicBool) -> Result<Interpreter, Error> {
        let start = Start { script: Script::Interpreter, sandbox: Sandbox::Off, ..Start::of_ours() };
        // Whatever does not say it is no Python that could run a plugin, and no fault of one.
        let is_none = |why: String| Error::NotStarted {
            program: self.python.program.clone(),
            source: io::Error::other(format!("it does not say which Python it is: {why}")),
        };
        let text = script.is_compiled_once().then(|| script.text());
        let question = json!({ "script": text.unwrap_or_default() }).to_string();
        match self.ask(&start, &question, Waiting::begin(INTERPRETER_PATIENCE, stop)) {
            Ok(answer) => serde_json::from_slice(&answer)
                .map(|said| Interpreter::of(said, text))
                .map_err(|source| is_none(source.to_string())),
            Err(error @ (Error::Unanswered { .. } | Error::Unreadable { .. } | Error::TimedOut { .. })) => {
                Err(is_none(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_started_at_a_moment_is_tried_once_more_and_everything_is_counted() {
        let failed = |kind: io::ErrorKind| Error::NotStarted { program: "python3".into(), source: kind.into() };
        let tried = |kind: io::ErrorKind, last: bool| {
            let mut counted = Vec::new();
            let came = Start::of_ours().tried(|start| {
                counted.push(start.is_counted);
                if last && start.is_counted { Ok(()) } else { Err(failed(kind)) }
            });
            (came.is_ok(), counted)
        };
        assert_eq!(tried(io::ErrorKind::WouldBlock, true), (true, vec![false, true]));
        assert_eq!(tried(io::ErrorKind::WouldBlock, false), (false, vec![false, true]), "and no more");
        assert_eq!(tried(io::ErrorKind::PermissionDenied, true), (false, vec![false]));
    }
}
