//! `aisoc keys accept`: a successor is trusted on the word of keys that may give it, because somebody has asked for
//! that here. An endorsement is never followed unasked.

use aisoc_files::shell_word;
use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{AcceptedKey, EndorserNotCounted, Objection};
use aisoc_pipeline::keys::{AcceptedSuccessor, Endorsement, KeyChangeOptions, accept_successor};
use aisoc_signing::{KeyCoverage, KeyNotes, PayloadType, Standing};
use aisoc_trust::keys::{Acceptance, Outcome};

use super::super::statement::Named;
use crate::args::succession::AcceptArgs;
use crate::commands::key_change::{finished_change, options, require_there, tell_finished};
use crate::commands::keys::row::note_of;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

impl Answer for AcceptedKey {
    fn text(&self) -> String {
        format!("{} {}\n", printable(&self.key_id), self.fingerprint)
    }
}

pub(crate) fn run(args: AcceptArgs, context: &Context) -> Result<u8> {
    let named = Named::of(PayloadType::KeySuccession, &args.statement, &args.registry, context)?;
    let envelope = super::envelope(&named.read(context)?, &named)?;
    let id = args.id.map_or_else(|| named.id(), Ok)?;
    args.plugins_dir.as_deref().map_or(Ok(()), require_there)?;
    let at = context.judging_time_elsewhere(&context.site(args.plugins_dir))?;
    let options = options(args.change, context)?;
    let endorsement = Endorsement { envelope, required: args.required.get(), id, not_after: args.not_after, at };
    let accepted = accept_successor(&options, endorsement)?;
    announce(&accepted, &options, context);
    context.output.answer(&document(accepted, &options))
}

fn announce(accepted: &AcceptedSuccessor, options: &KeyChangeOptions, context: &Context) {
    let AcceptedSuccessor { acceptance, finished } = accepted;
    tell_finished(finished.as_ref(), context);
    for (_, _, fault) in &acceptance.not_counted {
        context.output.warning(Warning::EndorserNotCounted, fault);
    }
    let (fingerprint, place) = (acceptance.succession.successor.fingerprint(), options.keys_dir.display());
    let by: Vec<String> = acceptance.endorsers.iter().map(|id| format!("`{id}`")).collect();
    match &acceptance.outcome {
        Outcome::Unchanged(id, standing) => {
            let state = match standing {
                Standing::Current => "is trusted already".to_owned(),
                standing => format!("is there already, and {standing}"),
            };
            context.output.status("Unchanged", format!("key {id} ({fingerprint}) {state}"));
        }
        Outcome::Accepted(change, note) => {
            let id = change.entry.id.as_deref().unwrap_or_default();
            let said = format!("key {id} ({fingerprint}) in {place}, on the word of {}", by.join(", "));
            context.output.status(context.said("Trusted", "Would trust"), said);
            tell_limits(id, note, context);
            tell_next(acceptance, context);
        }
    }
}

/// A successor that ends with its endorsers is missed on the day on which everybody relies on it.
fn tell_limits(id: &str, note: &KeyNotes, context: &Context) {
    if let Some(end) = note.not_after {
        let hint = "where it is to count longer: `aisoc keys annotate ID --not-after TIME --reason TEXT`";
        let said = format!("key `{id}` counts until {end}");
        context.output.warning_with(Warning::KeyEnds, said, Some(&hint.replace("ID", &shell_word(id))));
    }
}

fn tell_next(acceptance: &Acceptance, context: &Context) {
    for id in &acceptance.endorsers {
        let id = shell_word(id.as_str());
        let until = acceptance.succession.until;
        let next = context.output.hint(&format!("`aisoc keys retire {id} --after {until} --reason TEXT`"));
        context.output.status("Next", next.trim_matches('`'));
    }
}

fn document(accepted: AcceptedSuccessor, options: &KeyChangeOptions) -> AcceptedKey {
    let AcceptedSuccessor { acceptance, finished } = accepted;
    let not_counted = acceptance.not_counted.iter().map(|(id, fingerprint, fault)| EndorserNotCounted {
        key_id: id.to_string(),
        fingerprint: fingerprint.to_string(),
        objection: Objection::from(fault),
    });
    let (changed, key_id, note) = match &acceptance.outcome {
        Outcome::Unchanged(id, _) => (false, id.to_string(), None),
        Outcome::Accepted(change, note) => (true, change.entry.id.clone().unwrap_or_default(), Some(note.as_ref())),
    };
    AcceptedKey {
        changed,
        key_id,
        fingerprint: acceptance.succession.successor.fingerprint().to_string(),
        coverage: note.and_then(|note| note.coverage).map(KeyCoverage::as_str),
        note: note.map(|note| note_of(Some(note))),
        endorsers: acceptance.endorsers.iter().map(ToString::to_string).collect(),
        endorsers_not_counted: not_counted.collect(),
        required_count: acceptance.required,
        ends_at: acceptance.succession.until.to_string(),
        keys_directory: path_text(&options.keys_dir),
        reason: options.grounds.reason.to_string(),
        finished: finished.as_ref().map(finished_change),
    }
}
