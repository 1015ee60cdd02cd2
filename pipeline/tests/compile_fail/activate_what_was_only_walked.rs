//! A tree that was walked and not written cannot become visible.
use aisoc_installation::{Held, InstallRecord, Present, Session};
use aisoc_packaging::Staged;
use aisoc_trust::Admitted;

fn shortcut<'s>(
    admitted: Admitted<Held<'s>>,
    session: Session<'s>,
    present: Present<'s>,
    walked: Option<Staged>,
    record: &InstallRecord,
) {
    let _ = session.activate(admitted, present, walked, record, 1);
}

fn main() {}
