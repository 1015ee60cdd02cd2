//! `Interpreter`: what there has to be of a Python for it to start.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::python::{FileIdentity, Python};

/// A Python, as it says of itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interpreter {
    /// The program, whatever started it: a script of a version manager is not needed any more.
    pub(crate) executable: PathBuf,
    /// What the system starts it with.
    pub(crate) loader: Option<PathBuf>,
    /// Its library, and the directories that it imports from.
    pub(crate) readable: Vec<PathBuf>,
}

/// The interpreters that were asked already. One that was replaced by another version is asked again.
#[derive(Debug, Default)]
pub(crate) struct Interpreters(Mutex<HashMap<Asked, Arc<Interpreter>>>);

/// Which program was asked, and which file that was.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Asked {
    program: OsString,
    variables: Vec<(OsString, OsString)>,
    file: Option<FileIdentity>,
}

impl Asked {
    fn of(python: &Python) -> Self {
        Self {
            program: python.program.clone(),
            variables: python.kept_variables().map(|(name, value)| (name.into(), value.into())).collect(),
            file: python.identity(),
        }
    }
}

impl Interpreters {
    /// What was said of that Python, or is now.
    pub(crate) fn of<E>(
        &self,
        python: &Python,
        ask: impl FnOnce() -> Result<Interpreter, E>,
    ) -> Result<Arc<Interpreter>, E> {
        let asked = Asked::of(python);
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A script of a version manager may have led to one that is gone.
        if let Some(interpreter) = known().get(&asked).filter(|interpreter| interpreter.executable.exists()) {
            return Ok(Arc::clone(interpreter));
        }
        let interpreter = Arc::new(ask()?);
        let mut known = known();
        // Of those before nothing is left to be asked.
        known.retain(|other, _| other.program != asked.program);
        known.insert(asked, Arc::clone(&interpreter));
        Ok(interpreter)
    }
}
