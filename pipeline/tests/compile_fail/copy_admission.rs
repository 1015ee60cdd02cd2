//! Evidence is neither copied nor read from a file.
use aisoc_trust::Admitted;

fn shortcut(admitted: &Admitted) -> Admitted {
    admitted.clone()
}

fn main() {}
