//! `aisoc keys calendar`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{DueKey, KeyCalendar};
use aisoc_pipeline::keys::lint::When;
use aisoc_pipeline::keys::{Calendar, Due, DueKind, DueOf, calendar};
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
    let nobody = DueKey {
        at: due.at.to_string(),
        what: due.kind.as_str(),
        is_over: due.at <= at,
        key_id: None,
        fingerprint: None,
        path: None,
        state: None,
        set_name: None,
        set_version: None,
    };
    match &due.of {
        DueOf::Set { name, version } => DueKey { set_name: Some(name.clone()), set_version: Some(*version), ..nobody },
        DueOf::Key(key) => DueKey {
            key_id: Some(key.id.to_string()),
            fingerprint: Some(key.fingerprint.to_string()),
            path: Some(path_text(&found.keyring.path_of(&key.file))),
            state: Some(row::state(&key.standing(at))),
            ..nobody
        },
    }
}

const HEADING: [&str; 4] = ["DATE", "KEY", "STATE", "WHAT"];

/// What somebody has to know, in a few words.
fn said(due: &DueKey) -> &'static str {
    let is = |kind: DueKind| due.what == kind.as_str();
    match due.is_over {
        true if is(DueKind::SetExpires) => "the set has expired: a newer version may be withheld",
        false if is(DueKind::SetExpires) => "the set expires: a newer version is due",
        _ if is(DueKind::StagedSince) => "staged since then, not promoted",
        _ if due.state == Some("staged") && is(DueKind::Begins) => "to be promoted",
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
            let name = due.key_id.as_deref().or(due.set_name.as_deref()).unwrap_or_default();
            vec![day(due), printable(name).into_owned(), due.state.unwrap_or("set").to_owned(), said(due).to_owned()]
        };
        let rows: Vec<Vec<String>> = self.due.iter().map(values).collect();
        if rows.is_empty() {
            return format!("nothing falls due until {}\n", self.until_at);
        }
        let columns = Columns::of(&HEADING, &rows);
        rows.iter().fold(columns.line(&HEADING), |text, row| text + &columns.line(row))
    }
}
