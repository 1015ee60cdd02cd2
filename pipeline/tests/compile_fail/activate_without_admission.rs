//! A staged tree cannot become visible without the gate.
use aisoc_installation::{InstallRecord, Present, Session, StagingDirectory};
use aisoc_packaging::Staged;

fn shortcut<'s>(session: Session<'s>, present: Present<'s>, staged: Staged<StagingDirectory>, record: &InstallRecord) {
    let _ = session.activate(present, Some(staged), record, 1);
}

fn main() {}
