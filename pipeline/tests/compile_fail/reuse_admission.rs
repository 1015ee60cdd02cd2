//! One admission lets in one tree.
use aisoc_packaging::{Access, InstallRecord, Staged, activate};
use aisoc_trust::Admitted;

fn shortcut(admitted: Admitted, first: Staged, second: Staged, record: &InstallRecord, access: &Access) {
    let _ = activate(admitted, first, record, 1, access);
    let _ = activate(admitted, second, record, 1, access);
}

fn main() {}
