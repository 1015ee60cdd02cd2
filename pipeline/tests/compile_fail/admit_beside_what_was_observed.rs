//! What was observed without a lock gives a verdict, and no admission.
use aisoc_trust::{Examined, Facts, admit};

fn shortcut(examined: Examined, observed: &Facts) {
    let _ = admit(examined, observed);
}

fn main() {}
