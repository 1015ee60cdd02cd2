//! `aisoc keys rotate`: one key gives way to another, as far as that is due.

mod answer;
mod new;
mod next;

use std::collections::BTreeSet;

use aisoc_files::shell_word;
use aisoc_manifests::fault::Result;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::keys::{Guard, Impact, KeyChangeOptions, RotateOptions, Rotated, impact_of_sources, rotate};
use aisoc_pipeline::{Source, TrustInputs};
use aisoc_signing::{Fingerprint, Keyring};
use aisoc_trust::journal::Action;
use aisoc_trust::keys::Grounds;
use aisoc_trust::rotation::Rotation;
use jiff::{SignedDuration, Timestamp};

use crate::args::rotate::RotateArgs;
use crate::context::Context;
use crate::runtime;

pub(crate) fn run(args: RotateArgs, context: &Context) -> Result<u8> {
    let sources: Vec<Source> = args.sources.iter().map(Source::parse).collect::<Result<_>>()?;
    let references: Vec<&Reference> = sources.iter().filter_map(Source::artifact).collect();
    let client = context.client(&args.registry, &references)?;
    let change = super::options(args.change, context)?;
    let site = context.site(args.installed.plugins_dir.clone());
    let mut installed = super::installed(args.installed, &change.keys_dir, context)?;
    let keyring = Keyring::read(&change.keys_dir)?.require_there()?;
    let old = keyring.named(&args.retire)?;
    let new = new::named(&args.new, args.id, &keyring, context)?;
    installed.trust.foreseen.coming = Some(Box::new((new.id.clone(), new.key)));
    let rotation = Rotation {
        new: new.key.fingerprint(),
        old: old.fingerprint,
        overlap: args.overlap,
        owner: args.owner,
        revokes: args.revoke,
    };
    let published = |gone: &BTreeSet<Fingerprint>, trust: &TrustInputs| -> Result<Impact> {
        references.iter().for_each(|reference| context.output.status("Asking", reference));
        runtime::block_on(context.cancellation()?, impact_of_sources(&sources, gone, trust, &client))
    };
    // The overlap ends by the time that keys are judged by, so what it begins with is written down by it as well.
    let grounds = Grounds { at: installed.trust.at, ..change.grounds };
    let options = RotateOptions {
        change: KeyChangeOptions { grounds, ..change },
        rotation,
        new: new.key,
        new_id: new.id.clone(),
        guard: Guard { installed, is_forced: false },
        published: &published,
        now: &|| context.judging_time(&site),
    };
    let rotated = rotate(&options)?;
    warn(&rotated, context);
    warn_of_ends(&options, &rotated, context);
    if rotated.changes.iter().any(|changed| changed.entry.action == Action::KeyRevoke) {
        super::successors::warn_of_left(&options.change, (options.rotation.old, options.rotation.new), context)
            .map_err(|fault| rotated.behind_changes(fault))?;
    }
    answer::answer(&options, rotated, &next::Next::of(&new, &options.change.keys_dir, context), context)
}

/// How long before its end a key that has just come is spoken of.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A key that ends before the other one's turn leaves a time in which nobody vouches for what it has signed.
fn warn_of_ends(options: &RotateOptions<'_>, rotated: &Rotated, context: &Context) {
    let over_at = rotated.plan.retires_at;
    let soon = options.change.grounds.at.checked_add(SOON).unwrap_or(Timestamp::MAX);
    let horizons =
        [(options.rotation.old, over_at), (options.rotation.new, Some(over_at.map_or(soon, |at| at.max(soon))))];
    for (fingerprint, horizon) in horizons {
        let key = rotated.keyring.all_keys().iter().find(|key| key.fingerprint == fingerprint);
        let end = key.and_then(|key| Some((key, key.planned_end()?.at())));
        let Some((key, end)) = end.filter(|(_, end)| horizon.is_some_and(|horizon| *end < horizon)) else { continue };
        let said = format!("key `{}` ends at {end}, and what it alone vouches for is refused from then on", key.id);
        let hint = format!(
            "`aisoc keys annotate {} --not-after TIME --reason TEXT` lets it count longer",
            shell_word(&key.file)
        );
        context.output.warning_with(Warning::KeyEnds, said, Some(&hint));
    }
}

fn warn(rotated: &Rotated, context: &Context) {
    let Some(impact) = &rotated.impact else { return };
    context.warn_of_sharing(impact.shared.as_deref());
    context.output.warn_of_keys(&impact.skipped_keys, std::iter::empty::<&str>());
}
