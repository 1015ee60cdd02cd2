//! `Interpreter`: what there has to be of a Python for it to start.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::python::{FileIdentity, Python};
use crate::shim::Script;

/// A Python, as it says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Interpreter {
    pub(crate) said: Said,
    /// A script, as it has compiled it; nothing of one that is compiled each time.
    pub(crate) compiled: Option<Arc<Compiled>>,
    /// Which file the program was then.
    file: Option<FileIdentity>,
}

/// A script that was compiled, and stands behind that as it was written.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// What is written on the channel before anything else.
    pub(crate) bytes: Vec<u8>,
    /// What Python begins with, which reads that.
    pub(crate) beginning: String,
}

/// The same, in its words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    /// The program, whatever started it: a script of a version manager is not needed any more.
    pub(crate) executable: PathBuf,
    /// What the system starts it with.
    pub(crate) loader: Option<PathBuf>,
    /// Its library, and the directories that it imports from.
    pub(crate) readable: Vec<PathBuf>,
    /// What it makes of the script that it was given, in hexadecimal digits.
    compiled: String,
    /// Its version, and that of what it compiles, likewise.
    made_by: String,
}

impl Interpreter {
    /// What it has said, and made of a script that is not to be compiled each time.
    pub(crate) fn of(said: Said, script: Option<&str>) -> Self {
        let file = FileIdentity::of(&said.executable);
        let compiled = script.and_then(|script| Compiled::of(&said, script)).map(Arc::new);
        Self { said, compiled, file }
    }

    /// Whether its program is the file that was asked. A script of a version manager may have led to one that is gone.
    fn is_there(&self) -> bool {
        self.file.is_some() && FileIdentity::of(&self.said.executable) == self.file
    }
}

impl Compiled {
    /// Nothing of what is no word of ours.
    fn of(said: &Said, script: &str) -> Option<Self> {
        let is_plain = |text: &str| text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_plain(&said.made_by) || !is_plain(&said.compiled) {
            return None;
        }
        let byte = |at: usize| u8::from_str_radix(said.compiled.get(at..at + 2)?, 16).ok();
        let mut bytes = (0..said.compiled.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
        let beginning =
            format!("{}exec(begin({}, {}, '{}'))\n", include_str!("begin.py"), bytes.len(), script.len(), said.made_by);
        bytes.extend_from_slice(script.as_bytes());
        Some(Self { bytes, beginning })
    }
}

/// The interpreters that were asked already. One that was replaced by another version is asked again.
#[derive(Debug, Default)]
pub(crate) struct Interpreters(Mutex<HashMap<Asked, Arc<Interpreter>>>);

/// Which program was asked, which file that was, and what it has compiled.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Asked {
    program: OsString,
    variables: Vec<(OsString, OsString)>,
    file: Option<FileIdentity>,
    script: Script,
}

impl Asked {
    fn of(python: &Python, script: Script) -> Self {
        Self {
            program: python.program.clone(),
            variables: python.kept_variables().map(|(name, value)| (name.into(), value.into())).collect(),
            file: python.identity(),
            script,
        }
    }
}

impl Interpreters {
    /// What was said of that Python, or is now; with what it makes of a script.
    pub(crate) fn of<E>(
        &self,
        python: &Python,
        script: Script,
        ask: impl FnOnce() -> Result<Interpreter, E>,
    ) -> Result<Arc<Interpreter>, E> {
        let asked = Asked::of(python, script);
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interpreter) = known().get(&asked).filter(|interpreter| interpreter.is_there()) {
            return Ok(Arc::clone(interpreter));
        }
        let interpreter = Arc::new(ask()?);
        let mut known = known();
        // Of those before nothing is left to be asked.
        known.retain(|other, _| other.program != asked.program || (other.file == asked.file && other.script != script));
        known.insert(asked, Arc::clone(&interpreter));
        Ok(interpreter)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    const SCRIPT: &str = "import os\nname = 'written'\nprint(name, os.read(0, 9))\n";

    fn said(compiled: &str, made_by: &str) -> Said {
        let (compiled, made_by) = (compiled.to_owned(), made_by.to_owned());
        Said { executable: "/no/python".into(), loader: None, readable: Vec::new(), compiled, made_by }
    }

    /// What Python prints that begins like that, with a line behind what it begins with.
    fn printed(compiled: &Compiled) -> Option<String> {
        let mut python = Command::new("python3")
            .args(["-I", "-S", "-c", &compiled.beginning])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut input = python.stdin.take().expect("piped");
        input.write_all(&compiled.bytes).and_then(|()| input.write_all(b"the rest\n")).expect("written");
        String::from_utf8(python.wait_with_output().expect("it ends").stdout).ok()
    }

    #[test]
    fn what_this_python_has_compiled_runs_and_for_another_one_the_script_itself() {
        // In place of that script, so that it is seen which of them runs.
        let code = "import marshal, sys, importlib.util\nother = \"import os\\nprint('compiled', os.read(0, 9))\"\n\
                    print(marshal.dumps(compile(other, '<string>', 'exec')).hex())\n\
                    print((sys.version.encode() + importlib.util.MAGIC_NUMBER).hex())";
        let Ok(made) = Command::new("python3").args(["-I", "-c", code]).output() else { return };
        let made = String::from_utf8(made.stdout).expect("text");
        let (code, made_by) = made.trim().split_once('\n').expect("two lines");
        let compiled = Compiled::of(&said(code, made_by), SCRIPT).expect("plain");
        assert_eq!(printed(&compiled).as_deref(), Some("compiled b'the rest\\n'\n"));
        // Of any other version nothing is taken, whatever it holds.
        for other in ["00", &made_by[2..], &format!("{made_by}00")] {
            for code in [code, "", "ff", &code[..code.len() - 2]] {
                let compiled = Compiled::of(&said(code, other), SCRIPT).expect("plain");
                assert_eq!(printed(&compiled).as_deref(), Some("written b'the rest\\n'\n"), "{other}");
            }
        }
    }

    #[test]
    fn what_is_no_word_of_ours_is_no_code() {
        for (code, made_by) in [("0", "00"), ("00", "0"), ("0g", "00"), ("00", "'''"), ("00", "')\n"), ("é", "00")] {
            assert!(Compiled::of(&said(code, made_by), SCRIPT).is_none(), "{code} {made_by}");
        }
    }

    #[test]
    fn a_python_that_was_exchanged_is_asked_again_and_each_script_once() {
        let place = tempfile::tempdir().expect("a directory");
        let program = place.path().join("python3");
        let write = |text: &str| {
            std::fs::write(place.path().join("new"), text).expect("written");
            std::fs::rename(place.path().join("new"), &program).expect("renamed");
        };
        write("one");
        let python = Python { program: program.clone().into(), variables: Vec::new() };
        let (known, asked) = (Interpreters::default(), std::cell::Cell::new(0));
        let ask = |script| {
            let said = Said { executable: program.clone(), ..said("00", "00") };
            let answer = || Ok::<_, ()>(Interpreter::of(said, Some(SCRIPT)));
            known.of(&python, script, || answer().inspect(|_| asked.set(asked.get() + 1))).expect("asked");
            asked.get()
        };
        assert_eq!([Script::Serve, Script::Contract, Script::Serve, Script::Contract].map(ask), [1, 2, 2, 2]);
        write("two");
        assert_eq!([Script::Serve, Script::Serve, Script::Contract, Script::Contract].map(ask), [3, 3, 4, 4]);
    }
}
