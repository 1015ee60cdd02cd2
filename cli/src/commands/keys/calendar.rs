//! `aisoc keys calendar`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{DueKey, KeyCalendar};
use aisoc_pipeline::keys::lint::When;
use aisoc_pipeline::keys::{Calendar, Due, DueKind, calendar};
use jiff::Timestamp;

use super::super::columns::Columns;
use super::{require_site, row};
use crate::args::key_lint::CalendarArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

pub(crate) fn run(args: CalendarArgs, context: &Context) -> Result<u8> {
    let is_named = args.place.plugins_dir.is_some();
    let site = context.site(args.place.plugins_dir);
    if is_named {
        require_site(&site)?;
    }
    let when = When { at: context.judging_time(&site)?, within: args.within };
    let keys_dir = context.keys_directory(args.place.trusted_keys);
    context.warn_of_stale_set(&keys_dir, when.at);
    let found = calendar(&keys_dir, &site, &when)?;
    let keys = found.due.iter().map(|due| item(due, &found, when.at)).collect();
    context.output.answer(&KeyCalendar {
        keys_directory: path_text(found.keyring.directory()),
        from_at: format!("{:.0}", when.at),
        until_at: format!("{:.0}", when.horizon()),
        due: keys,
    })
}

fn item(due: &Due, found: &Calendar, at: Timestamp) -> DueKey {
    DueKey {
        at: due.at.to_string(),
        what: due.kind.as_str(),
        is_over: due.at <= at,
        key_id: due.key.id.to_string(),
        fingerprint: due.key.fingerprint.to_string(),
        path: path_text(&found.keyring.path_of(&due.key.file)),
        state: row::state(&due.key.standing(at)),
    }
}

const HEADING: [&str; 4] = ["DATE", "KEY", "STATE", "WHAT"];

/// What somebody has to know, in a few words.
fn said(due: &DueKey) -> &'static str {
    let is = |kind: DueKind| due.what == kind.as_str();
    match due.is_over {
        _ if is(DueKind::StagedSince) => "staged since then, not promoted",
        _ if due.state == "staged" && is(DueKind::Begins) => "to be promoted",
        true if is(DueKind::IsRevoked) => "was revoked, and is still there",
        true => "has expired, and is still there",
        false if is(DueKind::Begins) => "begins to count",
        false if is(DueKind::IsRevoked) => "is revoked",
        false => "expires",
    }
}

impl Answer for KeyCalendar {
    fn text(&self) -> String {
        let day = |due: &DueKey| due.at.split('T').next().unwrap_or(&due.at).to_owned();
        let values = |due: &DueKey| {
            vec![day(due), printable(&due.key_id).into_owned(), due.state.to_owned(), said(due).to_owned()]
        };
        let rows: Vec<Vec<String>> = self.due.iter().map(values).collect();
        if rows.is_empty() {
            return format!("nothing falls due until {}\n", self.until_at);
        }
        let columns = Columns::of(&HEADING, &rows);
        rows.iter().fold(columns.line(&HEADING), |text, row| text + &columns.line(row))
    }
}
