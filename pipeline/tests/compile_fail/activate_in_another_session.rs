//! What was admitted under one lock is admitted to nothing under another.
use aisoc_installation::{Access, InstallRecord, Site, StagingDirectory};
use aisoc_packaging::Staged;
use aisoc_trust::{Examined, admit};

fn shortcut(one: &Site, other: &Site, examined: Examined, staged: Staged<StagingDirectory>, record: &InstallRecord) {
    let access = Access::default();
    let _ = one.session(&access, |first| {
        let present = first.present(&record.id)?;
        let admitted = admit(examined, &present).outcome?;
        other.session(&access, |second| second.activate(admitted, present, Some(staged), record, 1))
    });
}

fn main() {}
