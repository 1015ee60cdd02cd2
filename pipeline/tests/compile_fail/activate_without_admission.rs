//! A staged tree cannot become visible without the gate.
use aisoc_installation::{Access, InstallRecord, StagingDirectory, activate};
use aisoc_packaging::Staged;

fn shortcut(staged: Staged<StagingDirectory>, record: &InstallRecord, access: &Access) {
    let _ = activate(staged, record, 1, access);
}

fn main() {}
