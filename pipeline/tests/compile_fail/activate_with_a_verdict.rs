//! A verdict is not a decision: only the gate turns one into an admission.
use aisoc_packaging::{InstallRecord, Staged, activate};
use aisoc_signing::Verified;

fn shortcut(verified: Verified, staged: Staged, record: &InstallRecord) {
    let _ = activate(verified, staged, record);
}

fn main() {}
