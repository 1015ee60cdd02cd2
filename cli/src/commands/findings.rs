//! How findings are printed, and when they make a command fail: one form for every command that looks for faults.

use std::fmt::Write as _;

use aisoc_manifests::counted;

use crate::output::printable;

/// One finding: `level[rule]: place: message`, and what to do about it.
pub(super) fn write_finding(text: &mut String, [level, rule, place, message]: [&str; 4], hint: Option<&str>) {
    let message = printable(message);
    let place = if message.contains(place) { String::new() } else { format!("{}: ", printable(place)) };
    let _ = writeln!(text, "{level}[{rule}]: {place}{message}");
    if let Some(hint) = hint {
        let _ = writeln!(text, "  hint: {}", printable(hint));
    }
}

/// Those of them that there are, in words; nothing where there is none.
pub(super) fn counts(counts: &[(usize, &str)]) -> String {
    let there = counts.iter().filter(|(count, _)| *count > 0);
    there.map(|(count, what)| counted(*count, what)).collect::<Vec<_>>().join(", ")
}

/// Whether so many errors and warnings make a command fail.
pub(super) const fn fails(errors: usize, warnings: usize, is_strict: bool) -> bool {
    errors > 0 || (is_strict && warnings > 0)
}
