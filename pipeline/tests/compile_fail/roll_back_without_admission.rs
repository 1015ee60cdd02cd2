//! A previous version goes back through the gate: that it was installed once admits it to nothing.
use aisoc_installation::{Present, PreviousTree, Session};

fn shortcut<'s>(session: Session<'s>, present: Present<'s>, previous: &PreviousTree) {
    let _ = session.restore(present, previous, previous.record());
}

fn main() {}
