//! One admission lets in one tree.
use aisoc_installation::{Access, InstallRecord, StagingDirectory, activate};
use aisoc_packaging::Staged;
use aisoc_trust::Admitted;

fn shortcut(admitted: Admitted, first: Staged<StagingDirectory>, second: Staged<StagingDirectory>, record: &InstallRecord, access: &Access) {
    let _ = activate(admitted, first, record, 1, access);
    let _ = activate(admitted, second, record, 1, access);
}

fn main() {}
