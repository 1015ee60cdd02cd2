//! What differs between two versions, as a person reads it.

use std::fmt::Write as _;

use aisoc_pipeline::documents::{ComparedVersion, FileState, InspectedFile, NameChanges, PluginChanges, Signer};

use crate::commands::digest::digits;
use crate::output::printable;

/// Digits of a digest that stand in a line.
const DIGITS: usize = 12;

/// Every difference in a line: `+` for what is new, `-` for what is gone, `~` for what is another.
pub(super) fn write_changes(text: &mut String, changes: &PluginChanges) {
    for (name, version) in [("before", &changes.before), ("after", &changes.after)] {
        let _ = writeln!(text, "  {name:<7} {}", printable(&shown(version)));
    }
    let mut line = |sign: char, what: &str, value: &str| {
        let _ = writeln!(text, "  {sign} {what:<11} {}", printable(value));
    };
    for field in &changes.changed_fields {
        line('~', field.field, &format!("{} → {}", field.before, field.after));
    }
    for (what, names) in [("capability", &changes.capability_changes), ("dependency", &changes.dependency_changes)] {
        let Some(NameChanges { added, removed }) = names else { continue };
        added.iter().for_each(|name| line('+', what, name));
        removed.iter().for_each(|name| line('-', what, name));
    }
    if let Some(signers) = &changes.signer_changes {
        signers.added.iter().for_each(|signer| line('+', "signer", &named(signer)));
        signers.removed.iter().for_each(|signer| line('-', "signer", &named(signer)));
    }
    if let Some(files) = &changes.file_changes {
        files.added.iter().for_each(|file| line('+', "file", &sized(file)));
        files.removed.iter().for_each(|file| line('-', "file", &sized(file)));
        for file in &files.changed {
            line('~', "file", &format!("{}  {} → {}", file.path, state(&file.before), state(&file.after)));
        }
    }
    if !changes.differs {
        text.push_str("  nothing differs\n");
    }
    if !changes.not_compared.is_empty() {
        let _ = writeln!(text, "  not known of both, and not compared: {}", changes.not_compared.join(", "));
    }
}

fn shown(version: &ComparedVersion) -> String {
    let known_from = version.known_from.replace('_', " ").replace("plugins lock", "plugins.lock");
    let reference = version.reference.as_ref().map(|reference| format!("  {reference}")).unwrap_or_default();
    format!("{}  {known_from}{reference}", version.version.as_deref().unwrap_or("(no version)"))
}

fn named(signer: &Signer) -> String {
    let name = signer.signing_key_id.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
    format!("{}{name}", signer.signing_key_fingerprint)
}

fn sized(file: &InspectedFile) -> String {
    let executable = if file.executable { ", executable" } else { "" };
    format!("{}  ({} bytes{executable})", file.path, file.content_bytes)
}

fn state(file: &FileState) -> String {
    let executable = if file.executable { " x" } else { "" };
    format!("{} {} bytes{executable}", &digits(&file.content_digest)[..DIGITS], file.content_bytes)
}
