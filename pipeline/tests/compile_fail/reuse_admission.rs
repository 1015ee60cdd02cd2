//! One admission lets in one tree.
use aisoc_packaging::{InstallRecord, Staged, activate};
use aisoc_trust::Admitted;

fn shortcut(admitted: Admitted, first: Staged, second: Staged, record: &InstallRecord) {
    let _ = activate(admitted, first, record);
    let _ = activate(admitted, second, record);
}

fn main() {}
