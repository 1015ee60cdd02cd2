//! A staged tree cannot become visible without the gate.
use aisoc_packaging::{Access, InstallRecord, Staged, activate};

fn shortcut(staged: Staged, record: &InstallRecord, access: &Access) {
    let _ = activate(staged, record, 1, access);
}

fn main() {}
