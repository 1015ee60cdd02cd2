//! `aisoc keys impact`

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::{DependentItem, ImpactCounts, KeyFingerprint, KeyImpact, NotJudged, Objection};
use aisoc_pipeline::keys::{Dependence, Dependent, Impact, impact, impact_of_sources};
use aisoc_pipeline::{Afterwards, AtRestOptions, Source};
use aisoc_signing::{Fingerprint, HeldKey, Keyring};
use serde::Serialize;

use super::super::columns::Columns;
use super::super::several::worst;
use super::{here, require_there, row};
use crate::args::keys::ImpactArgs;
use crate::context::Context;
use crate::environment::PLUGINS_DIR;
use crate::output::{Answer, path_text, printable};
use crate::runtime;

pub(crate) fn run(args: ImpactArgs, context: &Context) -> Result<u8> {
    // Asked before something is taken away: a variable that is wrong must not say that nothing is installed.
    let is_site_named = context.environment.path(PLUGINS_DIR).is_some();
    let sources: Vec<Source> = args.sources.iter().map(Source::parse).collect::<Result<_>>()?;
    let references: Vec<&Reference> = sources.iter().filter_map(Source::artifact).collect();
    let client = context.client(&args.registry, &references)?;
    let options = here(args.here, context)?;
    if is_site_named {
        require_there(&options)?;
    }
    let keyring = Keyring::read(&options.trust.keys_dir)?.require_there()?;
    let keys: Vec<&HeldKey> = args.keys.iter().map(|word| keyring.named(word)).collect::<Result<_>>()?;
    let gone: BTreeSet<Fingerprint> = keys.iter().map(|key| key.fingerprint).collect();
    references.iter().for_each(|reference| context.output.status("Asking", reference));
    let asked = impact_of_sources(&sources, &gone, &options.trust, &client);
    let published = runtime::block_on(context.cancellation()?, asked)?;
    let found = impact(&options, Afterwards::Without(&gone))?.and(published);
    context.warn_of_sharing(found.shared.as_deref());
    context.output.warn_of_keys(&found.skipped_keys, std::iter::empty::<&str>());
    answer(&keys, &options, found, context)
}

/// The answer, and what it makes of the command: a loss is a no, and what nobody could tell is none.
fn answer(keys: &[&HeldKey], options: &AtRestOptions, found: Impact, context: &Context) -> Result<u8> {
    let counts = counts(&found);
    context.output.status("Judged", counts_text(counts));
    let refusal = found.refusal();
    let Impact { dependents, failed, .. } = found;
    let unread: Vec<Fault> = failed.iter().map(|(source, fault)| fault.clone().about(source)).collect();
    unread.iter().for_each(|fault| context.output.status("Failed", format!("{}: {fault}", fault.reason())));
    let total = counts.failed_count;
    let fault = refusal.or_else(|| worst(total, "could not be judged", unread));
    let document = KeyImpact {
        keys_directory: path_text(&options.trust.keys_dir),
        plugins_directory: options.site.path().symlink_metadata().is_ok().then(|| path_text(options.site.path())),
        keys: keys.iter().map(|key| fingerprint(key)).collect(),
        counts,
        dependents: dependents.into_iter().map(item).collect(),
        failed: failed.iter().map(|(source, fault)| not_judged(source, fault)).collect(),
    };
    let exit_code = fault.as_ref().map_or(0, |fault| fault.class().exit_code());
    context.output.answer(&Answered { document, exit_code })?;
    fault.map_or(Ok(0), Err)
}

fn not_judged(source: &str, fault: &Fault) -> NotJudged {
    NotJudged { source: source.to_owned(), objection: Objection::from(fault) }
}

fn fingerprint(key: &HeldKey) -> KeyFingerprint {
    KeyFingerprint {
        fingerprint: key.fingerprint.to_string(),
        openssh: Some(key.key.openssh_fingerprint()),
        key_id: Some(key.id.to_string()),
    }
}

pub(in crate::commands) fn item(dependent: Dependent) -> DependentItem {
    let Dependent { place, source, reference, also_named, id, version, dependence, signers, others, objection, .. } =
        dependent;
    DependentItem {
        place: place.as_str(),
        source,
        reference,
        also_named,
        id,
        version,
        dependence: dependence.as_str(),
        signers: signers.iter().map(row::signer).collect(),
        other_signers: others.iter().map(row::signer).collect(),
        objection: objection.as_ref().map(Objection::from),
    }
}

fn counts(found: &Impact) -> ImpactCounts {
    ImpactCounts {
        only_this_key_count: found.count(Dependence::OnlyThisKey),
        below_required_count: found.count(Dependence::BelowRequired),
        would_become_unsigned_count: found.count(Dependence::WouldBecomeUnsigned),
        also_another_key_count: found.count(Dependence::AlsoAnotherKey),
        independent_count: found.independent_count,
        refused_count: found.refused_count,
        failed_count: found.failed.len(),
    }
}

/// `5 plugins: 1 by these keys only, 1 also by another key, 3 not by these keys`.
fn counts_text(counts: ImpactCounts) -> String {
    let parts = [
        (counts.only_this_key_count, "by these keys only"),
        (counts.below_required_count, "by too few others"),
        (counts.would_become_unsigned_count, "by nobody then"),
        (counts.also_another_key_count, "also by another key"),
        (counts.independent_count, "not by these keys"),
        (counts.refused_count, "refused already"),
        (counts.failed_count, "could not be judged"),
    ];
    let total = parts.iter().map(|(count, _)| count).sum::<usize>();
    let named = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let named: Vec<String> = named.collect();
    let total = counted(total, "plugin");
    if named.is_empty() { total } else { format!("{total}: {}", named.join(", ")) }
}

/// What depends on the keys, and what it makes of the command.
#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    document: KeyImpact,
    #[serde(skip)]
    exit_code: u8,
}

const HEADING: [&str; 5] = ["ID", "VERSION", "WHERE", "WITHOUT", "OTHER KEYS"];

fn values(item: &DependentItem) -> Vec<String> {
    let others: Vec<&str> = item.other_signers.iter().filter_map(|signer| signer.signing_key_id.as_deref()).collect();
    let others = if others.is_empty() { "-".to_owned() } else { others.join(", ") };
    let shown = |value: Option<&str>| printable(value.unwrap_or("-")).into_owned();
    let (id, version) = (shown(item.id.as_deref()), shown(item.version.as_deref()));
    vec![id, version, item.place.to_owned(), item.dependence.to_owned(), shown(Some(&others))]
}

impl Answer for Answered {
    fn text(&self) -> String {
        let dependents = &self.document.dependents;
        if dependents.is_empty() {
            return "nothing depends on these keys\n".to_owned();
        }
        let rows: Vec<Vec<String>> = dependents.iter().map(values).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (item, values) in dependents.iter().zip(&rows) {
            text.push_str(&columns.line(values));
            let named = [&item.source].into_iter().chain(&item.also_named).map(String::as_str).collect::<Vec<_>>();
            _ = writeln!(text, "  {}", printable(&named.join(", ")));
            item.objection.iter().for_each(|objection| _ = writeln!(text, "  {}", printable(&objection.to_string())));
        }
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
