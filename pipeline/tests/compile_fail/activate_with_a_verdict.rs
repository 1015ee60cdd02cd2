//! A verdict is not a decision: only the gate makes an admission, beside what is present.
use aisoc_installation::{InstallRecord, Present, Session, StagingDirectory};
use aisoc_packaging::Staged;
use aisoc_trust::Verdict;

fn shortcut<'s>(
    verdict: Verdict,
    session: Session<'s>,
    present: Present<'s>,
    staged: Staged<StagingDirectory>,
    record: &InstallRecord,
) {
    let _ = session.activate(verdict, present, Some(staged), record, 1);
}

fn main() {}
