//! `aisoc plugins journal show` and `aisoc keys journal show`

use std::collections::VecDeque;
use std::fmt::Write as _;

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::documents::{JournalEntries, JournalEntry};
use serde::Serialize;

use super::super::columns::{Columns, short};
use super::places::Places;
use super::{line, verify};
use crate::args::journal::JournalShowArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

const HEADING: [&str; 5] = ["TIME", "ACTION", "ID", "VERSION", "HASH"];

/// The lines, and what they make of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: JournalEntries,
    #[serde(skip)]
    exit_code: u8,
}

pub(crate) fn run<P: Places>(args: JournalShowArgs<P>, context: &Context) -> Result<u8> {
    let (limit, mut entries, mut matching_count) = (args.limit as usize, VecDeque::new(), 0);
    let (mut journals, mut broken) = (Vec::new(), None::<Fault>);
    for place in args.place.places(context)? {
        let reading = line::read(&place, &args.filter, |entry| {
            matching_count += 1;
            if entries.len() == limit {
                entries.pop_front();
            }
            entries.push_back(entry);
            Ok(())
        })?;
        verify::warn(&place, &reading.summary, context);
        journals.push(path_text(&place.path()));
        broken = broken.or(reading.broken);
    }
    let document = JournalEntries { journals, matching_count, entries: entries.into() };
    let exit_code = broken.as_ref().map_or(0, |fault| fault.class().exit_code());
    context.output.answer(&Outcome { document, exit_code })?;
    broken.map_or(Ok(0), Err)
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let JournalEntries { entries, matching_count, .. } = &self.document;
        if entries.is_empty() {
            return "no line of a journal is what was asked for\n".to_owned();
        }
        let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (entry, row) in entries.iter().zip(&rows) {
            text.push_str(&columns.line(row));
            write_rest(&mut text, entry);
        }
        let shown = entries.len() as u64;
        if *matching_count > shown {
            let _ =
                writeln!(text, "the newest {shown} of {}; `--limit N` shows more", counted(*matching_count, "line"));
        }
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

fn row(entry: &JournalEntry) -> Vec<String> {
    let said = &entry.said;
    let hash = said.hash.as_deref().map(|hash| short(hash.strip_prefix("SHA256:").unwrap_or(hash)));
    let at = said.at.as_deref().map(to_the_second);
    let values = [at.as_deref(), said.action, said.id.as_deref(), said.version.as_deref(), hash];
    values.iter().map(|value| printable(value.unwrap_or("-")).into_owned()).collect()
}

/// A time without its fraction, which few people look for in a table.
fn to_the_second(at: &str) -> String {
    let Some((whole, rest)) = at.split_once('.') else { return at.to_owned() };
    format!("{whole}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Why, and by whom, below the columns: both are as long as they are.
fn write_rest(text: &mut String, entry: &JournalEntry) {
    if let Some(reason) = &entry.said.reason {
        let _ = writeln!(text, "  {}", printable(reason));
    }
    if let Some(said) = &entry.text {
        let _ = writeln!(text, "  line {} says nothing: {}", entry.line, printable(said));
    }
    let _ = writeln!(text, "  {}", printable(&by(entry)));
}

fn by(entry: &JournalEntry) -> String {
    match entry.standing {
        "written" => {
            let parts = [("by", &entry.user), ("on", &entry.host), ("in", &entry.ci_run)];
            let parts = parts.iter().filter_map(|(word, value)| Some(format!("{word} {}", value.as_ref()?)));
            parts.collect::<Vec<_>>().join(" ")
        }
        "by_hand" => "by hand, bound since".to_owned(),
        "unchained" => "not chained yet".to_owned(),
        _ => "NOT VERIFIED: the chain is broken here, or before".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_without_its_fraction() {
        for (at, shown) in [
            ("2026-05-24T14:32:00.123456+02:00", "2026-05-24T14:32:00+02:00"),
            ("2026-05-24T14:32:00.123456-02:00", "2026-05-24T14:32:00-02:00"),
            ("2026-05-24T14:32:00Z", "2026-05-24T14:32:00Z"),
        ] {
            assert_eq!(to_the_second(at), shown);
        }
    }
}
