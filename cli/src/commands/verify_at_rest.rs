//! `aisoc plugins verify`

use std::fmt::Write as _;
use std::mem;
use std::path::Path;

use aisoc_installation::{Site, escaped};
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::accepted::{HereOptions, VerifiedDropins};
use aisoc_pipeline::doctor::who_else;
use aisoc_pipeline::documents::{PluginVerdict, PluginVerdicts, VerdictCounts};
use aisoc_pipeline::keys::lint::Level;
use aisoc_pipeline::{AtRest, AtRestOptions, Judgement, PluginAtRest, StatedPlugins, verify_at_rest};
use aisoc_trust::SignatureStatus;
use serde::Serialize;

use super::accepted::verify::{self, AskedLock};
use super::accepted::{require_named, tell};
use super::columns::Columns;
use super::dropins;
use super::list::{self, ending_keys, judgement, write_leniency, write_place};
use super::several::worst;
use super::uninstall::installed;
use crate::args::lock::VerifiedPart;
use crate::args::plugin::VerifyAtRestArgs;
use crate::context::{Context, shared_directories};
use crate::output::{Answer, path_text, printable};

/// The verdicts, and what they make of the command.
#[derive(Serialize)]
struct Verdicts {
    #[serde(flatten)]
    document: PluginVerdicts,
    #[serde(skip)]
    exit_code: u8,
    /// Whether what would mend each is said as well.
    #[serde(skip)]
    with_cures: bool,
    /// Whether any signature was asked for.
    #[serde(skip)]
    asks_signatures: bool,
    /// What the lock says.
    #[serde(skip)]
    lock_text: String,
}

pub(crate) fn run(args: VerifyAtRestArgs, context: &Context) -> Result<u8> {
    require_named(args.plugins_dir.as_deref())?;
    let site = context.site(args.plugins_dir);
    let shared_directories = shared_directories(&args.shared);
    let trust = context.trust(args.trust, &site)?;
    let sources = context.sources(&site, args.sources)?;
    let lock = match args.only {
        Some(VerifiedPart::Signatures) => None,
        only => {
            let is_named = args.lock.plugins_lock.is_some();
            let chosen = context.plugins_lock(args.lock.plugins_lock)?;
            let lock = verify::chosen(&chosen, is_named, only.is_some())?;
            lock.map(|lock| (chosen, lock))
        }
    };
    let here = HereOptions { sources, trust: trust.clone(), limits: context.limits()?, shared_directories };
    let mut ids = args.ids.clone();
    let mut dropins = match args.only {
        Some(VerifiedPart::Lock) => None,
        _ => Some(dropins::asked(&mut ids, &here, context)?),
    };
    // What the comparison with the lock says, it says of drop-ins too, and once is enough.
    if let Some(dropins) = dropins.as_ref().filter(|_| lock.is_none()) {
        tell(&dropins.noticed, context)?;
    }
    // Of what could not be read the comparison with the lock says so too, and once is enough.
    if let Some(dropins) = dropins.as_mut().filter(|_| lock.is_some()) {
        dropins.unread.clear();
    }
    let entry_points = dropins.as_mut().map(|dropins| mem::take(&mut dropins.entry_points)).unwrap_or_default();
    let dropins = dropins.filter(|dropins| !(dropins.judged.is_empty() && dropins.unread.is_empty()));
    let is_named = !ids.is_empty();
    let may_be_signed = || -> Result<bool> { Ok(is_named || args.ids.is_empty() && has_plugins(&site)?) };
    let asks_signatures = match (args.only, &lock) {
        (Some(VerifiedPart::Lock), _) => false,
        (None, Some(_)) => dropins.is_some() || may_be_signed()? && has_plugins(&site)?,
        // Entry points have no signature: where nothing else is here, or named, nobody has to have keys.
        _ => dropins.is_some() || entry_points.is_empty() || may_be_signed()?,
    };
    if lock.is_none() && !asks_signatures {
        warn_of_unaccepted(&entry_points, args.only, context);
    }
    let foresees = args.dry_run;
    // Of drop-ins that are named alone, nothing is asked about the plugins directory.
    let is_asked = dropins.is_none() || !ids.is_empty();
    let mut judged = asks_signatures.then(|| -> Result<_> {
        if !(is_asked || args.ids.is_empty() && has_plugins(&site)?) {
            return Ok(None);
        }
        let (site, limits) = (site.clone(), here.limits.clone());
        let options = AtRestOptions { only: installed(ids.clone(), &site)?, trust, site, limits, shared_directories };
        verify_at_rest(&options).map(Some)
    });
    let stated = match &mut judged {
        Some(Ok(Some(at_rest))) => at_rest.take_stated(),
        _ => StatedPlugins::new(),
    };
    let asked = lock.map(|(chosen, lock)| verify::ask(&chosen, &lock, &args.ids, (&here, stated), &site, context));
    // What keeps it from being compared is said first.
    let asked = asked.transpose()?;
    let mut document = PluginVerdicts {
        plugins_directory: path_text(site.path()),
        shared: false,
        counts: VerdictCounts::default(),
        plugins: Vec::new(),
        lock: None,
    };
    let mut refusal = None;
    if let Some(judged) = judged {
        refusal = signatures((&site, &here.trust.keys_dir), judged?, dropins, foresees, &mut document, context)?;
    }
    let mut lock_text = String::new();
    if let Some(AskedLock { document: verdict, text, refusal: drift }) = asked {
        refusal = both(refusal, drift);
        (document.lock, lock_text) = (Some(verdict), text);
    }
    // Whoever asks beforehand has not failed by the answer.
    let refusal = refusal.filter(|_| !foresees);
    let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
    context.output.answer(&Verdicts { document, exit_code, with_cures: foresees, asks_signatures, lock_text })?;
    refusal.map_or(Ok(0), Err)
}

/// Says that nothing was verified of what is here, because it has no signature and nothing was compared with it.
fn warn_of_unaccepted(entry_points: &[String], only: Option<VerifiedPart>, context: &Context) {
    let why = if only.is_some() { "the lock was not asked" } else { "there is no plugins.lock" };
    let said = format!("{} without a signature, and {why}", counted(entry_points.len(), "entry point"));
    let remedy = match only {
        Some(_) => "compare them with the lock as well: `aisoc plugins verify`",
        None => "look at them, then accept them: `aisoc plugins lock --from-installed --reason TEXT`",
    };
    context.output.warning_with(Warning::UnverifiedListed, said, Some(remedy));
}

/// Whether anything stands in the plugins directory that is judged by keys.
fn has_plugins(site: &Site) -> Result<bool> {
    match site.observe() {
        Ok(observed) => Ok(!observed.directories().is_empty()),
        Err(fault) if fault.reason() == Reason::IoNotFound => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// A no of trust counts before what could not be read.
fn both(one: Option<Fault>, other: Option<Fault>) -> Option<Fault> {
    match (one, other) {
        (Some(one), Some(other)) if one.class() != Class::Refused && other.class() == Class::Refused => {
            Some(other.and(&one))
        }
        (Some(one), Some(other)) => Some(one.and(&other)),
        (one, other) => one.or(other),
    }
}

/// Writes down what was verified of what is installed; what is refused, as one fault.
fn signatures(
    (site, keys): (&Site, &Path),
    judged: Option<AtRest>,
    dropins: Option<VerifiedDropins>,
    foresees: bool,
    document: &mut PluginVerdicts,
    context: &Context,
) -> Result<Option<Fault>> {
    let nothing = || AtRest { plugins: Vec::new(), skipped_keys: Vec::new(), shared: None };
    let is_judged = judged.is_some();
    let AtRest { plugins, skipped_keys, shared } = judged.unwrap_or_else(nothing);
    context.warn_of_sharing(shared.as_deref());
    if is_judged {
        warn_of_who_else(site, keys, context);
    }
    let skipped_keys = match (is_judged, &dropins) {
        (false, Some(dropins)) => &dropins.skipped_keys,
        _ => &skipped_keys,
    };
    context.output.warn_of_keys(skipped_keys, ending_keys(&plugins));
    if is_judged && plugins.is_empty() && dropins.is_none() && !foresees {
        let message = format!("there is no plugin in `{}`", site.path().display());
        return Err(Fault::new(Reason::PluginNotFound, message)
            .hint("check the path, or install one: `aisoc plugin install REF`"));
    }
    document.shared = shared.is_some();
    let mut counts = counts(&plugins);
    let mut refusals = Vec::new();
    document.plugins = plugins.into_iter().map(|plugin| row(plugin, &mut refusals)).collect();
    if let Some(VerifiedDropins { judged, unread, .. }) = dropins {
        let rows = judged.into_iter().map(|dropin| dropins::row(dropin, &mut counts, &mut refusals));
        document.plugins.extend(rows);
        let rows = unread.into_iter().map(|failed| dropins::unread_row(failed, &mut counts, &mut refusals));
        document.plugins.extend(rows);
    }
    let total = document.plugins.len();
    document.counts = counts;
    context.output.status("Verified", counts_text(document.counts));
    Ok(worst(total, "are refused", refusals))
}

/// Names who else may change what was verified, or by which keys, where nothing is refused for it: as `doctor` does, by the
/// same body. What is worth a note there is one here.
fn warn_of_who_else(site: &Site, keys: &Path, context: &Context) {
    for finding in who_else(site.path(), keys) {
        match finding.level {
            Level::Note => context.output.status("Note", finding.message),
            _ => context.output.warning_with(Warning::GroupWritable, finding.message, Some(&finding.hint)),
        }
    }
}

fn counts(plugins: &[PluginAtRest]) -> VerdictCounts {
    let mut counts = VerdictCounts::default();
    for plugin in plugins {
        *count_of(&mut counts, &plugin.verdict) += 1;
    }
    counts
}

fn count_of<'a>(counts: &'a mut VerdictCounts, verdict: &Result<Judgement>) -> &'a mut usize {
    let Ok(judgement) = verdict else { return &mut counts.refused };
    match judgement.status {
        SignatureStatus::Verified if judgement.objection.is_none() => &mut counts.verified,
        SignatureStatus::Verified => &mut counts.verified_in_part,
        SignatureStatus::Unsigned => &mut counts.unsigned,
        SignatureStatus::Invalid => &mut counts.invalid,
        SignatureStatus::Skipped => &mut counts.skipped,
    }
}

/// `1 of 3 plugins, 1 unsigned, 1 refused`: what is not verified is named as what it is.
fn counts_text(counts: VerdictCounts) -> String {
    let VerdictCounts { verified, verified_in_part, unsigned, invalid, skipped, refused } = counts;
    let others = [
        (verified_in_part, "verified in part"),
        (unsigned, "unsigned"),
        (invalid, "invalid"),
        (skipped, "skipped"),
        (refused, "refused"),
    ];
    let total = verified + others.iter().map(|(count, _)| count).sum::<usize>();
    let mut text = format!("{verified} of {}", counted(total, "plugin"));
    for (count, word) in others.iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, ", {count} {word}");
    }
    text
}

fn row(plugin: PluginAtRest, refusals: &mut Vec<Fault>) -> PluginVerdict {
    let (signature, objection) = judgement(&plugin);
    let admitted = plugin.verdict.is_ok();
    let PluginAtRest { id, directory, path, version, verdict, .. } = plugin;
    if let Err(fault) = verdict {
        refusals.push(fault.about(&id));
    }
    let name = (directory != id).then_some(directory);
    let directory = escaped(path.as_os_str());
    PluginVerdict { id, directory, name, version, admitted, signature, objection }
}

/// What stands in the place of a table that nothing is in.
const NOTHING_SIGNED: &str = "(nothing here has a signature by its kind)\n";

const HEADING: [&str; 5] = ["ID", "VERSION", "SIGNATURE", "COVERAGE", "KEY"];

fn values(row: &PluginVerdict) -> Vec<String> {
    list::columns(&row.id, row.version.as_deref(), &row.signature)
}

impl Answer for Verdicts {
    fn text(&self) -> String {
        if !self.asks_signatures {
            return if self.document.lock.is_some() { self.lock_text.clone() } else { NOTHING_SIGNED.to_owned() };
        }
        let rows: Vec<Vec<String>> = self.document.plugins.iter().map(values).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (row, values) in self.document.plugins.iter().zip(&rows) {
            text.push_str(&columns.line(values));
            write_place(&mut text, row.name.as_deref());
            write_leniency(&mut text, &row.signature);
            if let Some(objection) = &row.objection {
                let _ = writeln!(text, "  {}", printable(&objection.to_string()));
                if self.with_cures {
                    let _ = writeln!(text, "  cure: {}", printable(&objection.hint));
                }
            }
        }
        if !self.lock_text.is_empty() {
            text.push('\n');
        }
        text + &self.lock_text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
