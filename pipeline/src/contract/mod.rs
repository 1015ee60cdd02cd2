//! The contract check, gate 3b: entry points that the other gates have admitted are imported, one after the other, each
//! in a child process of its own, and held to what their hosts ask of them. Nothing of one is run whose modules are not
//! what its distribution states.
//!
//! It is the one place in which code of an entry point runs, so whoever calls it has asked the signature, the publisher
//! and the lock before. What a class states then replaces the name of its entry point.

mod answer;
mod hooks;
mod memory;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use aisoc_discovery::{Discovered, Kind, Origin};
use aisoc_manifests::cancellation::Cancelled;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::{first_hidden, shown};
use aisoc_packaging::Limits;
use aisoc_worker::{CHECK_PATIENCE, Checked, Checking, Contract as Rules, Error, Launcher, Room, check};

pub use self::answer::Contract;
pub use self::hooks::judge_hooks;
use self::memory::Code;
pub use self::memory::ContractMemory;
use crate::stated::{CheckedAgainst, Stated};

/// Most characters that are shown of what a plugin says.
const MAX_SHOWN: usize = 300;
/// Longest id that a class may state: what a lock and a listing show.
const MAX_ID_BYTES: usize = 256;

/// With what entry points are checked.
pub struct ContractChecks<'a> {
    /// With what they are imported.
    pub launcher: &'a Launcher,
    /// Where it looks for modules, in this order, beside its own library.
    pub site_packages: &'a [PathBuf],
    /// How much is copied of a directory that only root may read, and what ends the checks.
    pub limits: &'a Limits,
    /// What they have said before, where it is remembered.
    pub memory: Option<&'a ContractMemory>,
    /// Which of them are asked. Each of the others is called what it was called last, and is one that nobody could ask
    /// where it was not asked yet: nothing of it is run, so nothing of it is to be loaded.
    pub meant: &'a dyn Fn(&Discovered) -> bool,
}

impl fmt::Debug for ContractChecks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContractChecks").field("site_packages", &self.site_packages).finish_non_exhaustive()
    }
}

/// Checks what is an entry point, one after the other, and gives an answer for each, in their order. Hooks are judged
/// beside each other as well: one that needs another which is not among them is broken.
///
/// # Errors
/// `interrupted`. What is refused is an answer: `tree_modified`, `import_failed`, `contract_check_failed`,
/// `unknown_capability`.
pub fn check_contracts(plugins: &[&Discovered], checks: &ContractChecks<'_>) -> Result<Vec<Contract>> {
    let mut answers = Vec::with_capacity(plugins.len());
    for plugin in plugins {
        answers.push(match checks.check(plugin) {
            Ok(answer) => answer,
            Err(Unchecked::Unavailable(fault)) => Contract::Unavailable(fault),
            Err(Unchecked::Broken(fault)) if fault.reason() == Reason::Interrupted => return Err(fault),
            Err(Unchecked::Broken(fault)) => Contract::Broken(fault),
        });
    }
    let hooks = answers.iter().filter_map(|answer| match answer {
        Contract::Id(.., hook) => hook.as_deref().cloned(),
        _ => None,
    });
    let unmet: HashMap<String, Fault> = hooks::unmet(hooks.collect()).into_iter().collect();
    for answer in &mut answers {
        let refusal = match &*answer {
            Contract::Id(.., Some(hook)) => unmet.get(&hook.name),
            _ => None,
        };
        if let Some(fault) = refusal {
            *answer = Contract::Broken(fault.clone());
        }
    }
    Ok(answers)
}

/// So much is copied of a directory for a child that may not read it in its place: what a plugin may hold.
pub fn room(limits: &Limits) -> Room {
    let Limits { max_entries, max_file_bytes, max_total_bytes, .. } = *limits;
    Room { entries: max_entries, file_bytes: max_file_bytes, total_bytes: max_total_bytes }
}

/// Why there is no answer of a plugin.
enum Unchecked {
    Unavailable(Fault),
    Broken(Fault),
}

impl From<Fault> for Unchecked {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

impl ContractChecks<'_> {
    fn check(&self, plugin: &Discovered) -> std::result::Result<Contract, Unchecked> {
        let (Origin::EntryPoint { .. }, Some((module, object))) = (&plugin.origin, plugin.entry_point.split_once(':'))
        else {
            return Ok(Contract::NotAsked);
        };
        self.limits.cancellation.check().map_err(Fault::from)?;
        if !(self.meant)(plugin) {
            return Ok(self.memory.and_then(|memory| memory.last(plugin)).unwrap_or_else(not_meant));
        }
        let Some(Stated { checked_against, .. }) = Stated::read(plugin)? else { return Ok(Contract::NotAsked) };
        let Some(memory) = self.memory else { return self.ask(plugin, (module, object), checked_against) };
        // Before it is asked: what changes meanwhile has it asked again.
        let code = Code::of(plugin, checked_against, &self.launcher.python, self.site_packages);
        if let Some(known) = memory.of(plugin, code.as_ref()) {
            return Ok(known);
        }
        let asked = self.ask(plugin, (module, object), checked_against);
        match &asked {
            Ok(contract) => memory.keep(plugin, code, contract),
            Err(_) => memory.forget(plugin),
        }
        asked
    }

    /// Imports it, and holds it to its contract.
    fn ask(
        &self,
        plugin: &Discovered,
        (module, object): (&str, &str),
        checked_against: CheckedAgainst,
    ) -> std::result::Result<Contract, Unchecked> {
        let contract = match plugin.kind {
            Kind::Procedure => Rules::Procedure,
            Kind::Hook => Rules::Hook,
            _ => Rules::Import,
        };
        let checked = check(&Checking {
            launcher: self.launcher,
            contract,
            module,
            object,
            site_packages: self.site_packages,
            room: room(self.limits),
            patience: CHECK_PATIENCE,
            stop: &self.limits.cancellation.flag(),
        });
        let checked = checked.map_err(|error| match error {
            Error::NoPython { .. } | Error::Unconfined { .. } => Unchecked::Unavailable(fault(error)),
            error => Unchecked::Broken(fault(error)),
        })?;
        let Checked { id, hook } = checked;
        if let Some(hook) = hook {
            let hook = judge_hooks(hook)?;
            return Ok(Contract::Id(hook.name.clone(), checked_against, Some(Box::new(hook))));
        }
        let id = id.unwrap_or_else(|| plugin.id.clone());
        match id.len() > MAX_ID_BYTES || first_hidden(&id).is_some() {
            true => Err(breach(format!("the id `{}` is too long or cannot be shown", shown(&id, 80))).into()),
            false => Ok(Contract::Id(id, checked_against, None)),
        }
    }
}

fn not_meant() -> Contract {
    Contract::Unavailable(Fault::new(
        Reason::ContractCheckFailed,
        "another plugin is meant, and this one was not asked",
    ))
}

fn breach(message: String) -> Fault {
    Fault::new(Reason::ContractCheckFailed, message)
}

/// The worker's error with its reason code, and the plugin's words cut and escaped.
fn fault(error: Error) -> Fault {
    let message = shown(&error.to_string(), MAX_SHOWN);
    let not_imported = |message: String| Fault::new(Reason::ImportFailed, message);
    match error {
        Error::Stopped => Cancelled.into(),
        Error::Io { act, path, source } => Fault::io(act, &path, source),
        Error::NoPython { source, .. } => {
            not_imported(message).hint("install Python 3.9 or newer, or set AISOC_PYTHON to its path").caused_by(source)
        }
        Error::NotStarted { source, .. } => not_imported(message)
            .hint("set AISOC_PYTHON to the path of a Python 3.9 or newer that every user may run")
            .caused_by(source),
        Error::Unconfined { .. } => Fault::new(Reason::SandboxUnavailable, message),
        Error::Left => not_imported(message).hint("look for them with `ps -ef`, and uninstall the distribution"),
        Error::Unanswered { printed, .. } => because(not_imported(message), printed),
        Error::NotImported { cause, .. } => because(not_imported(message), cause),
        Error::Breach { cause, .. } => match missing_method(&message) {
            // The short form is what listings show; the whole sentence stands below it.
            Some(short) => breach(short).caused_by(message),
            None => because(breach(message), cause),
        },
        Error::Unreadable { source } => not_imported(message).caused_by(source),
        // The rest, and what a later worker may find out: it was not imported.
        _ => not_imported(message),
    }
}

fn because(fault: Fault, words: Option<String>) -> Fault {
    match words {
        Some(words) => fault.caused_by(shown(&words, MAX_SHOWN)),
        None => fault,
    }
}

/// `missing async run()`, of the sentence that names the class too.
fn missing_method(message: &str) -> Option<String> {
    let (_, method) = message.split_once(" missing async method '")?;
    Some(format!("missing async {}()", method.strip_suffix('\'')?))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io::{self, ErrorKind};
    use std::time::Duration;

    use aisoc_worker::{Layer, Layers};

    use super::*;

    fn layers() -> Layers {
        let layer = |is_active, detail: &str| Layer { is_active, detail: detail.to_owned() };
        let landlock = layer(false, "cannot restrict anything");
        Layers { namespaces: layer(true, "pid"), landlock, seccomp: layer(true, "200 system calls") }
    }

    #[test]
    fn every_error_has_its_reason_and_its_next_step() {
        let io = || io::Error::from(ErrorKind::NotFound);
        let breach = |message: &str| Error::Breach { message: message.to_owned(), cause: None };
        let program = OsString::from("python9");
        for (error, reason, message, hint) in [
            (
                Error::NoPython { program: program.clone(), source: io() },
                Reason::ImportFailed,
                "there is no Python: `python9` was not found",
                "AISOC_PYTHON",
            ),
            (
                Error::NotStarted { program, source: io() },
                Reason::ImportFailed,
                "cannot start `python9`",
                "AISOC_PYTHON",
            ),
            (
                Error::Io { act: "find", path: "site".into(), source: io() },
                Reason::IoNotFound,
                "cannot find `site`",
                "path",
            ),
            (Error::Stopped, Reason::Interrupted, "stopped by a signal", ""),
            (
                Error::TimedOut { patience: Duration::from_secs(10) },
                Reason::ImportFailed,
                "the plugin did not finish within 10 seconds",
                "",
            ),
            (Error::Left, Reason::ImportFailed, "the plugin started processes that cannot be ended", "ps -ef"),
            (
                Error::Unconfined { layers: layers() },
                Reason::SandboxUnavailable,
                "this system does not confine a plugin whole: landlock: cannot restrict anything",
                "aisoc doctor",
            ),
            (
                Error::Unanswered { status: None, printed: None },
                Reason::ImportFailed,
                "Python closed its standard output without an answer",
                "",
            ),
            (
                Error::NotImported { message: "No module named 'x'".to_owned(), cause: None },
                Reason::ImportFailed,
                "No module named 'x'",
                "",
            ),
            (
                breach("class X missing attribute 'id'"),
                Reason::ContractCheckFailed,
                "class X missing attribute 'id'",
                "",
            ),
            (breach("class X missing async method 'run'"), Reason::ContractCheckFailed, "missing async run()", ""),
        ] {
            let fault = fault(error);
            assert_eq!((fault.reason(), fault.message()), (reason, message));
            assert!(fault.next_step().contains(hint), "{message}: {}", fault.next_step());
        }
    }

    #[test]
    fn a_plugins_words_are_cut_and_escaped() {
        let long = format!("\u{1b}[31m{}", "x".repeat(10_000));
        let fault = fault(Error::NotImported { message: long.clone(), cause: Some(long) });
        let cause = std::error::Error::source(&fault).expect("a cause").to_string();
        for text in [fault.message(), &cause] {
            assert!(text.chars().count() < MAX_SHOWN + 20 && !text.contains('\u{1b}'), "{text}");
        }
    }
}
