//! A verdict is not a decision: only the gate turns one into an admission.
use aisoc_packaging::{Access, InstallRecord, Staged, activate};
use aisoc_signing::Verified;

fn shortcut(verified: Verified, staged: Staged, record: &InstallRecord, access: &Access) {
    let _ = activate(verified, staged, record, 1, access);
}

fn main() {}
