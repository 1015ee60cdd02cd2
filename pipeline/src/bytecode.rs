//! What is said of a directory in which bytecode of its own sources is all that was added.

use std::path::Path;

use aisoc_files::shell_word;
use aisoc_installation::Whereabouts;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::path::RelPath;
use aisoc_signing::{Claim, Findings, WITHOUT_BYTECODE, is_bytecode_of_source};
use aisoc_trust::CoverageRule;

/// The refusal with `cure` for its hint where bytecode is all that it is about.
pub(crate) fn mended(
    refusal: Fault,
    claim: &Claim,
    findings: &Findings,
    rule: CoverageRule,
    cure: impl FnOnce() -> String,
) -> Fault {
    if is_bytecode_alone(&refusal, claim, findings, rule) { refusal.hint(cure()) } else { refusal }
}

/// What mends `directory`. Bytecode runs instead of its source: where a host loads from, nothing is named that would
/// judge the plugin without it.
pub(crate) fn cure(whereabouts: &Whereabouts, directory: &Path) -> String {
    match whereabouts {
        Whereabouts::Plugins(reference) => {
            let reference = reference.as_deref().map_or_else(|| "REFERENCE".to_owned(), shell_word);
            format!("install it again: `aisoc plugin install {reference}`; {WITHOUT_BYTECODE}")
        }
        Whereabouts::Elsewhere => format!(
            "where it was installed, install it again: `aisoc plugin install REFERENCE`; {WITHOUT_BYTECODE}; its author \
             judges what is shipped, which is without the bytecode: `aisoc plugin verify {} --as-shipped`",
            shell_word(directory)
        ),
    }
}

/// By the list of files where one was signed. A signature of the code alone names no file, and what it leaves open
/// and could run is then all that there is to go by; where documents are refused as well, it is not what mends it.
fn is_bytecode_alone(refusal: &Fault, claim: &Claim, findings: &Findings, rule: CoverageRule) -> bool {
    if let Some(difference) = &findings.tree.difference {
        return difference.is_bytecode_alone();
    }
    let files = &claim.tree().files;
    let is_there = |path: &str| RelPath::parse(path).is_ok_and(|path| files.get(&path).is_some());
    let mut hazards = findings.tree.uncovered.iter().filter(|file| file.hazard.is_some()).peekable();
    refusal.reason() == Reason::CoveragePartial
        && rule == CoverageRule::InertRest
        && hazards.peek().is_some()
        && hazards.all(|file| is_bytecode_of_source(&file.path, is_there))
}
