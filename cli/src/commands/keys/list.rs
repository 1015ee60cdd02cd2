//! `aisoc keys list`

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{KeyList, ListedKey, Objection, UnusedKey};
use aisoc_pipeline::keys::KeysHere;
use aisoc_signing::{SkippedKey, Standing};
use jiff::Timestamp;
use serde::Serialize;

use super::super::columns::Columns;
use super::{looked_at, row};
use crate::args::keys::ListKeysArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

/// The keys, and what is said below each.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    document: KeyList,
    #[serde(skip)]
    lines: Vec<Vec<String>>,
}

pub(crate) fn run(args: ListKeysArgs, context: &Context) -> Result<u8> {
    let (options, found) = looked_at(args.here, context)?;
    context.warn_of_sharing(found.installed.as_ref().and_then(|installed| installed.shared.as_deref()));
    let at = options.trust.at;
    let keys: Vec<ListedKey> = found.keyring.all_keys().iter().map(|key| row::row(key, &found, at)).collect();
    let lines = keys.iter().zip(found.keyring.all_keys()).map(|(row, key)| lines(row, &said(key, at))).collect();
    let document = KeyList {
        keys_directory: path_text(found.keyring.directory()),
        plugins_directory: found.installed.as_ref().map(|_| path_text(options.site.path())),
        keys,
        unused_keys: found.keyring.skipped().iter().map(|skipped| unused(skipped, &found)).collect(),
    };
    context.output.answer(&Listed { document, lines })
}

fn unused(skipped: &SkippedKey, here: &KeysHere) -> UnusedKey {
    UnusedKey {
        path: path_text(&here.keyring.path_of(&skipped.file)),
        fingerprint: skipped.fingerprint.map(|fingerprint| fingerprint.to_string()),
        objection: Objection::from(&skipped.fault),
    }
}

/// Why a key does not count, or when it stops to.
pub(super) fn said(key: &aisoc_signing::HeldKey, at: Timestamp) -> Option<String> {
    match key.standing(at) {
        Standing::Current => key.planned_end().filter(|end| end.is_near(at)).map(|end| end.to_string()),
        standing @ (Standing::Expired(_) | Standing::NotYet(_) | Standing::Revoked { .. }) => {
            Some(standing.to_string())
        }
        _ => None,
    }
}

/// What stands below the line of a key.
fn lines(row: &ListedKey, said: &Option<String>) -> Vec<String> {
    let limits = row::limits(row);
    let limits = (!limits.is_empty()).then(|| limits.join("; "));
    [Some(row.fingerprint.clone()), limits, said.clone()].into_iter().flatten().collect()
}

const HEADING: [&str; 5] = ["ID", "STATE", "PLUGINS", "OWNER", "VALID"];

fn values(row: &ListedKey) -> Vec<String> {
    let count = row.plugin_count.map_or("—".to_owned(), |count| count.to_string());
    let owner = printable(row.note.owner.as_deref().unwrap_or("-")).into_owned();
    vec![printable(&row.key_id).into_owned(), row.state.to_owned(), count, owner, row::validity(&row.note)]
}

impl Answer for Listed {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.document.keys.iter().map(values).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (values, lines) in rows.iter().zip(&self.lines) {
            text.push_str(&columns.line(values));
            lines.iter().for_each(|line| _ = writeln!(text, "  {}", printable(line)));
        }
        for UnusedKey { path, objection, .. } in &self.document.unused_keys {
            _ = writeln!(text, "not used: {}\n  {}", printable(path), printable(&objection.to_string()));
        }
        text
    }
}
