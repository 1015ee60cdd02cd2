//! A tree that was walked and not written cannot become visible.
use aisoc_installation::{Access, InstallRecord, activate};
use aisoc_packaging::Staged;
use aisoc_trust::Admitted;

fn shortcut(admitted: Admitted, walked: Staged, record: &InstallRecord, access: &Access) {
    let _ = activate(admitted, walked, record, 1, access);
}

fn main() {}
