//! One admission lets in one tree.
use aisoc_installation::{Held, Present, PreviousTree, Session};
use aisoc_trust::Admitted;

fn shortcut<'s>(
    admitted: Admitted<Held<'s>>,
    session: Session<'s>,
    present: Present<'s>,
    again: Present<'s>,
    previous: &PreviousTree,
) {
    let record = previous.record();
    let _ = session.restore(admitted, present, previous, record);
    let _ = session.restore(admitted, again, previous, record);
}

fn main() {}
