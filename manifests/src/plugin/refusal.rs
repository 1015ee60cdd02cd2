//! The one place where what a reader says of a document becomes a refusal: its defect gets a reason code,
//! its position the name of the file. The readers know neither.

use super::file::ManifestFile;
use crate::fault::{Fault, Location, Reason};
use crate::reader::json::OddityKind;
use crate::reader::{Defect, ReadError};

/// The refusal of a document that stopped its reader, or that cannot be written in canonical form.
pub(super) fn refusal(file: ManifestFile, error: &ReadError) -> Fault {
    let location = Location::new(file.name(), error.position());
    let fault = Fault::new(reason_of(error.defect()), error.message()).at(location);
    match error.next_step() {
        Some(instead) => fault.hint(instead),
        None => fault,
    }
}

fn reason_of(defect: Defect) -> Reason {
    match defect {
        Defect::Malformed => Reason::ManifestInvalid,
        Defect::TooDeep => Reason::TooDeep,
        Defect::TooLarge => Reason::TooLarge,
        Defect::NotCanonical => Reason::ManifestNotCanonical,
    }
}

/// Why the strict profile refuses what the host reads and others read otherwise.
pub(super) fn reason_of_oddity(kind: OddityKind) -> Reason {
    match kind {
        OddityKind::DuplicateKey => Reason::DuplicateKey,
        OddityKind::NotJson => Reason::StrictJson,
        OddityKind::Number => Reason::NumberForm,
        OddityKind::HalfCharacter => Reason::ForbiddenCharacter,
    }
}
