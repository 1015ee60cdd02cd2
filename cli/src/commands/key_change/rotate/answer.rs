//! What is said of a rotation.

use std::fmt::Write as _;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::documents::{
    KeyRotation, KeyRotationChange, KeyRotationDependent, KeyRotationStep, NotJudged, Objection, RotatedKey,
};
use aisoc_pipeline::keys::{ChangedKeys, Dependent, Impact, RotateOptions, Rotated};
use aisoc_signing::{Fingerprint, KeyPlace, Keyring};
use aisoc_trust::rotation::{PlannedStep, StepState};
use jiff::Timestamp;
use serde::Serialize;

use super::super::super::columns::Columns;
use super::super::super::keys::impact::item;
use super::super::super::several::worst;
use super::next::Next;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

/// The answer, and what it makes of the command: to wait is no failure, and what nobody could tell is one.
pub(super) fn answer(options: &RotateOptions<'_>, rotated: Rotated, next: &Next<'_>, context: &Context) -> Result<u8> {
    let unread = unread(&rotated);
    let Rotated { plan, changes, finished, impact, keyring } = rotated;
    super::super::tell_finished(finished.as_ref(), context);
    changes.iter().for_each(|changed| super::super::say(changed, &options.change.keys_dir, context));
    let Impact { dependents, failed, .. } = impact.unwrap_or_default();
    let waits_for: Vec<String> = plan.steps.iter().filter(|step| step.state == StepState::Waiting).map(wait).collect();
    let (old, new) = (key(options.rotation.old, "", &keyring), key(options.rotation.new, &options.new_id, &keyring));
    waits_for.iter().for_each(|wait| context.output.status("Waiting", wait));
    if plan.is_finished() {
        context.output.status("Finished", format!("the rotation from {} to {}", old.key_id, new.key_id));
    }
    let plugins_dir = options.guard.installed.site.path();
    let document = KeyRotation {
        keys_directory: path_text(&options.change.keys_dir),
        plugins_directory: plugins_dir.symlink_metadata().is_ok().then(|| path_text(plugins_dir)),
        new,
        old,
        overlap: options.rotation.overlap.to_string(),
        is_finished: plan.is_finished(),
        trusted_at: plan.counts_since.map(time),
        retires_at: plan.retires_at.map(time),
        waits_for,
        steps: plan.steps.into_iter().map(step).collect(),
        changes: changes.iter().map(change).collect(),
        dependents: losses(dependents, next),
        failed: failed.iter().map(not_judged).collect(),
    };
    let exit_code = unread.as_ref().map_or(0, |fault| fault.class().exit_code());
    context.output.answer(&Answered { document, exit_code })?;
    unread.map_or(Ok(0), Err)
}

/// What nobody could tell, behind what the run has done.
fn unread(rotated: &Rotated) -> Option<Fault> {
    let failed = rotated.impact.iter().flat_map(|impact| &impact.failed);
    let unread: Vec<Fault> = failed.map(|(source, fault)| fault.clone().about(source)).collect();
    worst(unread.len(), "could not be judged", unread).map(|fault| rotated.behind_changes(fault))
}

/// `retire: the overlap of 30d is not over, until 2026-12-26T21:00:00Z`.
fn wait(step: &PlannedStep) -> String {
    let why = step.why.as_deref().unwrap_or_default();
    let until = step.until.map(|until| format!(", until {until:.0}")).unwrap_or_default();
    format!("{}: {why}{until}", step.step.as_str())
}

fn time(time: Timestamp) -> String {
    format!("{time:.0}")
}

fn key(fingerprint: Fingerprint, id: &str, keyring: &Keyring) -> RotatedKey {
    let held = keyring.all_keys().iter().find(|key| key.fingerprint == fingerprint);
    RotatedKey {
        key_id: held.map_or_else(|| id.to_owned(), |key| key.id.to_string()),
        fingerprint: fingerprint.to_string(),
        state: held.map(|key| key.place).map(KeyPlace::as_str),
    }
}

fn step(step: PlannedStep) -> KeyRotationStep {
    let PlannedStep { step, state, why, until } = step;
    KeyRotationStep { step: step.as_str(), state: state.as_str(), why, waits_until: until.map(time) }
}

fn change(changed: &ChangedKeys) -> KeyRotationChange {
    KeyRotationChange {
        action: changed.entry.action.as_str(),
        key_id: changed.entry.id.clone().unwrap_or_default(),
        changed_at: changed.entry.at.to_string(),
    }
}

fn losses(dependents: Vec<Dependent>, next: &Next<'_>) -> Vec<KeyRotationDependent> {
    let lost = dependents.into_iter().filter(|dependent| dependent.dependence.is_loss());
    lost.map(|lost| KeyRotationDependent { commands: next.commands(&lost), dependent: item(lost) }).collect()
}

fn not_judged((source, fault): &(String, Fault)) -> NotJudged {
    NotJudged { source: source.clone(), objection: Objection::from(fault) }
}

#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    document: KeyRotation,
    #[serde(skip)]
    exit_code: u8,
}

const HEADING: [&str; 3] = ["STEP", "STATE", "UNTIL"];

impl Answer for Answered {
    fn text(&self) -> String {
        let until = |step: &KeyRotationStep| step.waits_until.clone().unwrap_or_else(|| "-".to_owned());
        let row = |step: &KeyRotationStep| vec![step.step.to_owned(), step.state.to_owned(), until(step)];
        let rows: Vec<Vec<String>> = self.document.steps.iter().map(row).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (step, row) in self.document.steps.iter().zip(&rows) {
            text.push_str(&columns.line(row));
            step.why.iter().for_each(|why| _ = writeln!(text, "  {}", printable(why)));
        }
        for KeyRotationDependent { dependent, commands } in &self.document.dependents {
            let (id, version) = (dependent.id.as_deref().unwrap_or("-"), dependent.version.as_deref().unwrap_or("-"));
            let named = format!("{id} {version} ({}): {}", dependent.place, dependent.dependence);
            _ = writeln!(text, "{}", printable(&named));
            if commands.is_empty() {
                let why = dependent.objection.as_ref();
                why.iter().for_each(|why| _ = writeln!(text, "  {}", printable(&why.to_string())));
            }
            commands.iter().for_each(|command| _ = writeln!(text, "  {}", printable(command)));
        }
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
