//! A status line: a right-aligned verb, then the object.

use std::fmt::Display;
use std::io::Write as _;

use aisoc_manifests::text::printable;
use anstyle::{AnsiColor, Style};

use super::redacted;

const VERB: Style = AnsiColor::Green.on_default().bold();

/// Prints what is being done, to what.
pub(super) fn print(verb: &str, object: impl Display) {
    // When stderr is gone there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{VERB}{verb:>12}{VERB:#} {}", printable(&redacted(&object.to_string())));
}
