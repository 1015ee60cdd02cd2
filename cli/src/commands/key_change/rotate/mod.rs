//! `aisoc keys rotate`: one key gives way to another, as far as that is due.

mod answer;
mod new;
mod next;

use std::collections::BTreeSet;

use aisoc_manifests::fault::Result;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::keys::{Guard, Impact, KeyChangeOptions, RotateOptions, Rotated, impact_of_sources, rotate};
use aisoc_pipeline::{Source, TrustInputs};
use aisoc_signing::{Fingerprint, Keyring};
use aisoc_trust::keys::Grounds;
use aisoc_trust::rotation::Rotation;

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
    installed.trust.coming = Some(Box::new((new.id.clone(), new.key)));
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
    answer::answer(&options, rotated, &next::Next::of(&new, &options.change.keys_dir, context), context)
}

fn warn(rotated: &Rotated, context: &Context) {
    let Some(impact) = &rotated.impact else { return };
    context.warn_of_sharing(impact.shared.as_deref());
    context.warn_of_keys(&impact.skipped_keys, std::iter::empty::<&str>());
}
