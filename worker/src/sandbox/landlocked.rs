//! Landlock: rules for what a plugin reaches, which nothing that it starts can lift.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::layer::{Failed, Layer};
use super::view::{DEVICES, View};

/// What is asked for. An older kernel holds what it knows of it.
const ASKED: ABI = ABI::V10;

/// Leaves this process, and all that it starts, the files of a view, no network, and no signal to anybody else.
pub(crate) fn restrict(view: &View) -> Layer {
    Layer::of(rules(view).map_err(Failed::to("make the rules")).and_then(|status| said(&status)))
}

fn rules(view: &View) -> Result<RestrictionStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(AccessNet::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?
        .create()?
        .add_rules(path_beneath_rules(view.readable(), read))?
        .add_rules(path_beneath_rules(&view.executable, AccessFs::ReadFile | AccessFs::Execute))?
        .add_rules(path_beneath_rules(DEVICES.map(Path::new), AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules([&view.scratch], scratch()))?
        .restrict_self()
}

/// Plain files, directories and links, none of which can be started.
fn scratch() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::MakeSym
        | AccessFs::Refer
}

fn said(status: &RestrictionStatus) -> Result<String, Failed> {
    match (&status.ruleset, status.landlock) {
        (
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            LandlockStatus::Available { effective_abi, .. },
        ) => Ok(format!("version {}", effective_abi as i32)),
        (_, LandlockStatus::NotEnabled) => Err(Failed::to("restrict anything")("this kernel has it switched off")),
        _ => Err(Failed::to("restrict anything")("this kernel has no Landlock")),
    }
}
