//! A staged tree cannot become visible without the gate.
use aisoc_packaging::{InstallRecord, Staged, activate};

fn shortcut(staged: Staged, record: &InstallRecord) {
    let _ = activate(staged, record);
}

fn main() {}
