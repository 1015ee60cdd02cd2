//! `ContractMemory`: what entry points have said of themselves, so that nobody runs the same code twice to ask.
//!
//! An answer counts again for the same code alone: what `METADATA` and `RECORD` state of it, to which its modules are held
//! each time, in the same Python, beside site-packages directories in which nothing has come or gone. What `RECORD` does
//! not state can change unseen, so it is asked each time, and so is what could not be asked, or does not fit.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aisoc_discovery::{Discovered, Origin};
use aisoc_worker::{FileIdentity, Python};

use super::answer::Contract;
use crate::stated::CheckedAgainst;

/// Most entry points whose answers are kept; of more, the one that was looked for least lately is asked anew.
const MAX_KEPT: usize = 4096;

/// What entry points have said.
#[derive(Debug, Default)]
pub struct ContractMemory(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    kept: HashMap<Point, Answer>,
    /// How often any was looked for.
    looks: u64,
}

/// An entry point, as its distribution declares it: the place, the group and the name.
type Point = (PathBuf, String, String);

#[derive(Debug)]
struct Answer {
    /// Of which code; nothing where nobody can tell whether that is the same.
    code: Option<Code>,
    contract: Contract,
    used_at: u64,
}

/// What an answer is about, as far as it can be told from anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    hash: String,
    entry_point: String,
    python: Option<FileIdentity>,
    site_packages: Vec<(PathBuf, Option<Changed>)>,
}

/// When anything came into a directory or went from it: which one it is, and its times.
type Changed = (u64, u64, (i64, i64), (i64, i64));

impl Code {
    /// Nothing for what is held to nothing.
    pub(super) fn of(
        plugin: &Discovered,
        checked_against: CheckedAgainst,
        python: &Python,
        site_packages: &[PathBuf],
    ) -> Option<Self> {
        let changed = |directory: &PathBuf| (directory.clone(), changed(directory));
        (checked_against == CheckedAgainst::Record).then(|| Self {
            hash: plugin.hash.clone(),
            entry_point: plugin.entry_point.clone(),
            python: python.identity(),
            site_packages: site_packages.iter().map(changed).collect(),
        })
    }
}

fn changed(directory: &Path) -> Option<Changed> {
    let now = directory.metadata().ok()?;
    Some((now.dev(), now.ino(), (now.mtime(), now.mtime_nsec()), (now.ctime(), now.ctime_nsec())))
}

impl ContractMemory {
    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it said of this code.
    pub(super) fn of(&self, plugin: &Discovered, code: Option<&Code>) -> Option<Contract> {
        let code = code?;
        let mut answers = self.answers();
        let answer = answers.of(plugin)?;
        (answer.code.as_ref() == Some(code)).then(|| answer.contract.clone())
    }

    /// What it said last, whatever its code is by now: no ground to load it, and enough to know what it is called.
    pub(super) fn last(&self, plugin: &Discovered) -> Option<Contract> {
        self.answers().of(plugin).map(|answer| answer.contract.clone())
    }

    /// Keeps what it says, where it fits; otherwise nothing is known of it any more.
    pub(super) fn keep(&self, plugin: &Discovered, code: Option<Code>, contract: &Contract) {
        let (Some(point), Contract::Id(..)) = (point(plugin), contract) else { return self.forget(plugin) };
        let mut answers = self.answers();
        answers.looks += 1;
        let answer = Answer { code, contract: contract.clone(), used_at: answers.looks };
        answers.kept.insert(point, answer);
        if answers.kept.len() > MAX_KEPT {
            let least = answers.kept.iter().min_by_key(|(_, answer)| answer.used_at);
            if let Some(least) = least.map(|(point, _)| point.clone()) {
                answers.kept.remove(&least);
            }
        }
    }

    /// Has it asked anew, because it says something else where it runs.
    pub fn forget(&self, plugin: &Discovered) {
        if let Some(point) = point(plugin) {
            self.answers().kept.remove(&point);
        }
    }
}

impl Answers {
    fn of(&mut self, plugin: &Discovered) -> Option<&Answer> {
        self.looks += 1;
        let answer = self.kept.get_mut(&point(plugin)?)?;
        answer.used_at = self.looks;
        Some(answer)
    }
}

fn point(plugin: &Discovered) -> Option<Point> {
    match &plugin.origin {
        Origin::EntryPoint { group, name, .. } => Some((plugin.place.clone(), group.clone(), name.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aisoc_discovery::{Kind, Source};
    use aisoc_manifests::fault::{Fault, Reason};

    use super::*;

    fn plugin(number: usize) -> Discovered {
        let (group, name) = ("aisoc.plugins".to_owned(), format!("lab-{number}"));
        Discovered {
            id: name.clone(),
            version: "1.0".to_owned(),
            kind: Kind::Extension,
            source: Source::EntryPoint,
            package: "lab".to_owned(),
            entry_point: "lab:it".to_owned(),
            hash: "sha256:1".to_owned(),
            place: "/site/lab-1.0.dist-info".into(),
            origin: Origin::EntryPoint { group, name, site_packages: "/site".into(), capabilities: None },
        }
    }

    fn code(plugin: &Discovered, site_packages: &[PathBuf]) -> Option<Code> {
        let python = Python { program: "/no/python".into(), variables: Vec::new() };
        Code::of(plugin, CheckedAgainst::Record, &python, site_packages)
    }

    fn fits(plugin: &Discovered) -> Contract {
        Contract::Id(plugin.id.clone(), CheckedAgainst::Record, None)
    }

    fn name(contract: Option<Contract>) -> Option<String> {
        match contract {
            Some(Contract::Id(id, ..)) => Some(id),
            _ => None,
        }
    }

    #[test]
    fn an_answer_counts_again_for_the_same_code_and_for_no_other() {
        let site = tempfile::tempdir().expect("a directory");
        let (memory, plugin, sites) = (ContractMemory::default(), plugin(1), [site.path().to_owned()]);
        memory.keep(&plugin, code(&plugin, &sites), &fits(&plugin));
        assert_eq!(name(memory.of(&plugin, code(&plugin, &sites).as_ref())).as_deref(), Some("lab-1"));
        let other = Discovered { hash: "sha256:2".to_owned(), ..plugin.clone() };
        assert!(memory.of(&other, code(&other, &sites).as_ref()).is_none());
        let other = Discovered { entry_point: "lab:other".to_owned(), ..plugin.clone() };
        assert!(memory.of(&other, code(&other, &sites).as_ref()).is_none());
        assert_eq!(name(memory.last(&other)).as_deref(), Some("lab-1"), "it is still called so");
        assert!(memory.of(&plugin, code(&plugin, &[]).as_ref()).is_none(), "beside nothing");
        std::fs::write(site.path().join("came.py"), "").expect("written");
        assert!(memory.of(&plugin, code(&plugin, &sites).as_ref()).is_none(), "beside something else");
        // Held to nothing, nobody can tell whether it is the same.
        let python = Python { program: "/no/python".into(), variables: Vec::new() };
        assert_eq!(Code::of(&plugin, CheckedAgainst::Nothing, &python, &sites), None);
        memory.keep(&plugin, None, &fits(&plugin));
        assert!(memory.of(&plugin, None).is_none() && memory.of(&plugin, code(&plugin, &sites).as_ref()).is_none());
    }

    #[test]
    fn what_does_not_fit_is_asked_again() {
        let (memory, plugin) = (ContractMemory::default(), plugin(1));
        memory.keep(&plugin, code(&plugin, &[]), &fits(&plugin));
        let broken = Contract::Broken(Fault::new(Reason::ImportFailed, "the plugin did not finish within 10 seconds"));
        memory.keep(&plugin, code(&plugin, &[]), &broken);
        assert!(memory.of(&plugin, code(&plugin, &[]).as_ref()).is_none() && memory.last(&plugin).is_none());
        memory.keep(&plugin, code(&plugin, &[]), &fits(&plugin));
        memory.forget(&plugin);
        assert!(memory.of(&plugin, code(&plugin, &[]).as_ref()).is_none());
    }

    #[test]
    fn of_too_many_the_one_that_was_looked_for_least_lately_goes() {
        let (memory, plugins) = (ContractMemory::default(), (0..=MAX_KEPT).map(plugin).collect::<Vec<_>>());
        let (last, first) = plugins.split_last().expect("some");
        first.iter().for_each(|plugin| memory.keep(plugin, code(plugin, &[]), &fits(plugin)));
        let is_kept = |plugin: &Discovered| memory.of(plugin, code(plugin, &[]).as_ref()).is_some();
        assert!(first.iter().all(is_kept));
        // Looked for again, the first one is not the oldest.
        assert!(is_kept(&first[0]));
        memory.keep(last, code(last, &[]), &fits(last));
        assert!(is_kept(last) && is_kept(&first[0]) && !is_kept(&first[1]));
    }
}
