//! Gate 3b: what a plugin says of itself once it is run. It is asked last, and of nothing that another gate refuses.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use aisoc_discovery::{Discovered, Failed, Source};
use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::contract::{ContractChecks, ContractVerdicts, check_contracts};

/// What came of running a plugin for a moment.
#[derive(Debug, Clone)]
pub enum Contract {
    /// There is nothing to ask: its manifest, or its file, has said all that there is.
    NotAsked,
    /// It is one, and calls itself that.
    Id(String),
    /// It is none.
    Broken(Fault),
    /// Nobody could ask it: there is no Python.
    Unavailable(Fault),
}

/// Asks plugins, and gives an answer for each, in their order.
pub type ContractCheck<'a> = dyn Fn(&[&Discovered]) -> Result<Vec<Contract>> + 'a;

/// Asks those that are entry points, by running them.
///
/// # Errors
/// As [`check_contracts`].
pub fn ask_contracts(plugins: &[&Discovered], checks: &ContractChecks<'_>) -> Result<Vec<Contract>> {
    let asked: Vec<Discovered> =
        plugins.iter().filter(|plugin| is_asked(plugin)).map(|plugin| (*plugin).clone()).collect();
    let ContractVerdicts { mut passed, mut failed } = check_contracts(asked, checks)?;
    let answers = plugins.iter().map(|plugin| {
        if !is_asked(plugin) {
            return Contract::NotAsked;
        }
        // Each is known by where it stands and what is loaded of it; two that share both stand in their order.
        let of = |one: &Discovered| {
            one.place == plugin.place && one.entry_point == plugin.entry_point && one.kind == plugin.kind
        };
        if let Some(at) = passed.iter().position(of) {
            return Contract::Id(passed.remove(at).id);
        }
        let of = |one: &Failed| one.place == plugin.place && (one.name == plugin.id || one.kind == Some(plugin.kind));
        match failed.iter().position(of).map(|at| failed.remove(at).fault) {
            Some(fault) if is_without_python(&fault) => Contract::Unavailable(fault),
            Some(fault) => Contract::Broken(fault),
            None => Contract::Broken(Fault::new(Reason::Internal, "a contract check gave no answer")),
        }
    });
    Ok(answers.collect())
}

fn is_asked(plugin: &Discovered) -> bool {
    plugin.source == Source::EntryPoint
}

/// Whether there is nobody to ask: that is nothing that the plugin has done.
fn is_without_python(fault: &Fault) -> bool {
    let absent = |error: &io::Error| error.kind() == ErrorKind::NotFound;
    fault.reason() == Reason::ImportFailed
        && fault.source().and_then(|source| source.downcast_ref()).is_some_and(absent)
}
