//! A verdict is not a decision: only the gate turns one into an admission.
use aisoc_installation::{Access, InstallRecord, StagingDirectory, activate};
use aisoc_packaging::Staged;
use aisoc_signing::Verified;

fn shortcut(verified: Verified, staged: Staged<StagingDirectory>, record: &InstallRecord, access: &Access) {
    let _ = activate(verified, staged, record, 1, access);
}

fn main() {}
