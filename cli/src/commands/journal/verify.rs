//! `aisoc plugins journal verify` and `aisoc keys journal verify`

use std::fmt::Write as _;

use aisoc_manifests::counted;
use aisoc_manifests::digest::ChainDigest;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{Objection, VerifiedJournal, VerifiedJournals};
use aisoc_trust::journal::{JournalPlace, Reading, Standing, Summary};
use aisoc_trust::lockfile::{Unjournaled, unjournaled};
use serde::Serialize;

use super::places::Places;
use crate::args::journal::JournalVerifyArgs;
use crate::chosen_lock::ChosenLock;
use crate::commands::accepted::verify::{document as change, warn_of_unjournaled};
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

/// The journals, and what they make of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: VerifiedJournals,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let mut text = String::new();
        for journal in &self.document.journals {
            if journal.line_count == 0 && journal.holds {
                let _ = writeln!(text, "{}: nothing is written yet", printable(&journal.path));
                continue;
            }
            let held = if journal.holds { "holds" } else { "does not hold" };
            let (lines, chained) = (counted(journal.line_count, "line"), journal.chained_count);
            let _ = writeln!(text, "{} {held}: {lines}, {chained} of them chained", printable(&journal.path));
            if let (Some(line), Some(digest)) = (journal.newest_line, &journal.newest_chain_digest) {
                let _ = writeln!(text, "  newest: line {line}, {digest}");
            }
        }
        match text.is_empty() {
            true => "nothing is written yet\n".to_owned(),
            false => text,
        }
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run<P: Places>(args: JournalVerifyArgs<P>, context: &Context) -> Result<u8> {
    let (mut journals, mut faults, mut is_included) = (Vec::new(), Vec::new(), false);
    let answered_for = args.place.answers_for(context)?;
    for place in args.place.places(context)? {
        let reading = place.read(|seen| {
            is_included |= matches!(&seen.standing, Standing::Written(_, link) if Some(link.hash) == args.includes);
            Ok(())
        })?;
        warn(&place, &reading.summary, context);
        let fault = fault(&place, &reading);
        journals.push(document(&place, &reading.summary, fault.as_ref()));
        faults.extend(fault);
    }
    let unjournaled = match answered_for.map(|(lock, journal)| unanswered(&lock, &journal)) {
        None => Vec::new(),
        Some(Ok(changes)) => changes,
        Some(Err(fault)) => {
            faults.push(fault);
            Vec::new()
        }
    };
    warn_of_unjournaled(&unjournaled, context);
    let unjournaled = unjournaled.into_iter().map(change).collect();
    faults.extend(args.includes.filter(|_| !is_included).map(|hash| not_included(&hash, &journals)));
    // A no of trust counts before a slip of somebody's.
    faults.sort_by_key(|fault| fault.class() != Class::Refused);
    let refusal = faults.into_iter().next();
    let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
    context.output.answer(&Outcome { document: VerifiedJournals { journals, unjournaled }, exit_code })?;
    refusal.map_or(Ok(0), Err)
}

/// What the lock says and its journal does not: every entry has a line that accepts it.
fn unanswered(lock: &ChosenLock, journal: &JournalPlace) -> Result<Vec<Unjournaled>> {
    let Some(lock) = lock.read()? else { return Ok(Vec::new()) };
    unjournaled(&lock, journal).map(|(changes, _)| changes)
}

fn fault(place: &JournalPlace, reading: &Reading) -> Option<Fault> {
    let invalid = || reading.summary.invalid.as_ref().map(|(line, fault)| fault.fault(&place.path(), *line));
    reading.broken.clone().or_else(invalid)
}

fn not_included(hash: &ChainDigest, journals: &[VerifiedJournal]) -> Fault {
    let newest: Vec<&str> = journals.iter().filter_map(|journal| journal.newest_chain_digest.as_deref()).collect();
    let found = if newest.is_empty() { "no line that is chained".to_owned() } else { newest.join(", ") };
    Fault::new(Reason::JournalBroken, "no line that holds has the hash that was kept elsewhere")
        .expected(format!("a line with {hash}"), format!("the newest has {found}"))
}

/// Says what is no fault and worth knowing.
pub(super) fn warn(place: &JournalPlace, summary: &Summary, context: &Context) {
    let path = place.path();
    let path = path.display();
    if let Some(first) = summary.first_unchained {
        let lines = match summary.lines + 1 - first {
            1 => format!("line {first} is"),
            count => format!("{count} lines, from line {first} on, are"),
        };
        let cut = if summary.is_cut { "; the last line has no end" } else { "" };
        context.output.warning(Warning::JournalUnchained, format!("`{path}`: {lines} not chained yet{cut}"));
    }
    for (line, fault) in &summary.unread {
        let fault = fault.fault(&place.path(), *line);
        context.output.warning(Warning::JournalUnread, format!("{fault}; it was written by hand, and is bound"));
    }
    let more = summary.unread_count - summary.unread.len() as u64;
    if more > 0 {
        context.output.warning(Warning::JournalUnread, format!("`{path}`: {more} more such lines"));
    }
    if summary.chained > 0 && !summary.has_head {
        context.output.warning(Warning::JournalEndUnknown, format!("`{path}` has no head here"));
    }
}

fn document(place: &JournalPlace, summary: &Summary, fault: Option<&Fault>) -> VerifiedJournal {
    VerifiedJournal {
        path: path_text(&place.path()),
        chain_path: path_text(&place.chain_path()),
        head_path: place.head_path().map(|path| path_text(&path)),
        holds: fault.is_none(),
        line_count: summary.lines,
        chained_count: summary.chained,
        unchained_count: summary.first_unchained.map_or(0, |first| summary.lines + 1 - first),
        first_unchained_line: summary.first_unchained,
        unread_count: summary.unread_count,
        is_cut: summary.is_cut,
        has_head: summary.has_head,
        newest_line: summary.newest.map(|link| link.number),
        newest_chain_digest: summary.newest.map(|link| link.hash.to_string()),
        objection: fault.map(Objection::from),
    }
}
