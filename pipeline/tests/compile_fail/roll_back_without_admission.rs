//! A kept version goes back through the gate: that it was installed once admits it to nothing.
use aisoc_installation::{InstallRecord, KeptTree};

fn shortcut(kept: KeptTree, record: &InstallRecord) {
    let _ = kept.activate(record);
}

fn main() {}
