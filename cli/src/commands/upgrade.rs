//! `aisoc plugin upgrade`

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{
    InstalledPlugin, NotUpgraded, Objection, OutdatedPlugin, PassedOverVersion, UpgradedPlugin, UpgradedPlugins,
};
use aisoc_pipeline::{
    InstallOptions, Source, Upgrade, UpgradeChoice, UpgradeOptions, UpgradePurpose, UpgradeStanding, UpgradeSubject,
};
use aisoc_registry_client::ClientOptions;
use aisoc_trust::{Consent, SignedBy};
use serde::Serialize;

use super::grants;
use super::guards::{accepted, guarded};
use super::installing::{by_whom, install, told};
use super::several::{self, InTurn};
use super::uninstall::confirm;
use super::upgrading::{look, places, pre_releases, subjects};
use crate::args::upgrade::UpgradeArgs;
use crate::context::Context;
use crate::output::{Answer, printable, redacted};

/// What came of each plugin, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: UpgradedPlugins,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        self.document.upgraded.iter().map(|done| format!("{}\n", printable(&done.plugin.reference))).collect()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run(args: UpgradeArgs, context: &Context) -> Result<u8> {
    require_one_plugin(&args)?;
    let (is_all, is_confirmed) = (args.all, args.yes);
    let (subjects, options) = prepared(args, context)?;
    let mut run = Run { options: &options, context, is_all, turn: InTurn::default(), came: Came::default() };
    let chosen = run.choose(&subjects);
    chosen.iter().for_each(|chosen| chosen.show(context));
    // Of what is only looked at nothing is replaced.
    if !chosen.is_empty() && !is_confirmed && !context.dry_run().is_on() {
        let question = format!("Upgrade {}? [y/N] ", counted(chosen.len(), "plugin"));
        confirm("upgrading plugins", &question, "nothing was upgraded", context)?;
    }
    chosen.into_iter().for_each(|chosen| run.bring(chosen));
    run.came.answer(context)
}

fn require_one_plugin(args: &UpgradeArgs) -> Result<()> {
    if args.accept_capabilities.is_none() || args.ids.len() == 1 {
        return Ok(());
    }
    Err(Fault::new(Reason::Usage, "`--accept-capabilities` is about one plugin, and several are named")
        .expected("one id", args.ids.len().to_string())
        .hint("run a command of its own for the plugin that they are accepted of"))
}

/// The plugins that are meant, and by what rules an install would let their newer versions in.
fn prepared(args: UpgradeArgs, context: &Context) -> Result<(Vec<UpgradeSubject>, UpgradeOptions)> {
    // An upgrade leads to no older version, whatever anybody says.
    let (signer_change, capabilities) = (args.allow_signer_change, accepted(args.accept_capabilities));
    let consent = Consent { downgrade: false, signer_change, capabilities };
    let install = guarded(args.guards, consent, ClientOptions::default(), context)?;
    let subjects = subjects(&args.ids, &install.site)?;
    let places = places(&subjects);
    // What is not there needs no keys.
    if !subjects.is_empty() {
        install.trust.require_keys()?;
    }
    let client = context.client(&args.registry, &places.iter().collect::<Vec<_>>())?;
    let install = InstallOptions { client, ..install };
    let pre_releases = pre_releases(args.pre_releases);
    Ok((subjects, UpgradeOptions { install, pre_releases, purpose: UpgradePurpose::Install }))
}

/// One command, on its way through the plugins.
struct Run<'a> {
    options: &'a UpgradeOptions,
    context: &'a Context,
    /// Whether nobody has named a plugin.
    is_all: bool,
    turn: InTurn,
    came: Came,
}

/// A newer version that would be let in.
struct Chosen<'a> {
    subject: &'a UpgradeSubject,
    upgrade: Upgrade,
    passed_over: Vec<PassedOverVersion>,
}

impl Run<'_> {
    /// What can be upgraded. What cannot is said, or has failed.
    fn choose<'a>(&mut self, subjects: &'a [UpgradeSubject]) -> Vec<Chosen<'a>> {
        subjects.iter().filter_map(|subject| self.chosen(subject)).collect()
    }

    fn chosen<'a>(&mut self, subject: &'a UpgradeSubject) -> Option<Chosen<'a>> {
        let (options, context) = (self.options, self.context);
        let choice = match self.turn.next(|| look(subject, options, context)) {
            Ok(choice) => choice,
            Err(fault) => {
                self.came.failed(&subject.id, Vec::new(), fault);
                return None;
            }
        };
        let (row, passed_over) = (OutdatedPlugin::of(subject, &choice), PassedOverVersion::all(&choice));
        let is_held_back = matches!(choice.standing, UpgradeStanding::HeldBack);
        // Of all plugins those are upgraded that can be: that one came from a directory is no failure.
        if let Some(refusal) = choice.refusal(&subject.id).filter(|_| is_held_back || !self.is_all) {
            self.came.failed(&subject.id, passed_over, grants::as_upgrade(refusal, &subject.id));
            return None;
        }
        warn_of_passed_over(&subject.id, &choice, context);
        match choice.standing {
            UpgradeStanding::Outdated(upgrade) => Some(Chosen { subject, upgrade: *upgrade, passed_over }),
            _ => {
                say_kept(&row, context);
                self.came.document.kept.push(row);
                None
            }
        }
    }

    /// Installs what was chosen: the artifact of the digest that was judged, and no other.
    fn bring(&mut self, chosen: Chosen<'_>) {
        let Chosen { subject, upgrade, passed_over } = chosen;
        let (options, context) = (&self.options.install, self.context);
        match self.turn.next(|| installed(upgrade, options, context)) {
            Ok(plugin) => self.came.document.upgraded.push(UpgradedPlugin { plugin, passed_over }),
            Err(fault) => self.came.failed(&subject.id, passed_over, grants::as_upgrade(fault, &subject.id)),
        }
    }
}

fn installed(upgrade: Upgrade, options: &InstallOptions, context: &Context) -> Result<InstalledPlugin> {
    let source = Source::Artifact(upgrade.reference);
    let client = ClientOptions { platform: upgrade.platform, ..options.client.clone() };
    let options = InstallOptions { only: Some(upgrade.foreseen.id.clone()), client, ..options.clone() };
    if context.dry_run().is_on() {
        // It was foreseen when it was chosen.
        return told(upgrade.foreseen, &source, &options, None, context);
    }
    install(&source, &options, context)
}

impl Chosen<'_> {
    /// Says what would be another than it is, before anything is.
    fn show(&self, context: &Context) {
        let foreseen = &self.upgrade.foreseen;
        let from = foreseen.change.from().map(|from| format!("{from} → ")).unwrap_or_default();
        let by = by_whom(&foreseen.signature);
        context.output.status("Upgrade", format!("{} {from}{} ({by})", foreseen.id, foreseen.version));
        let record = self.subject.record.as_ref().ok().and_then(Option::as_ref);
        let rolled_back =
            record.and_then(|record| record.rolled_back_from.as_ref().zip(record.rolled_back_at.as_ref()));
        if let Some((_, at)) = rolled_back.filter(|(version, _)| **version == foreseen.version) {
            context.output.status("Note", format!("{} was rolled back from {} on {at}", foreseen.id, foreseen.version));
        }
        let changed = [('+', foreseen.grants.added()), ('-', foreseen.grants.removed())];
        for (sign, grants) in changed {
            for grant in grants.unwrap_or_default() {
                context.output.status("Asks for", format!("{sign} {grant}"));
            }
        }
        if let Some(replaced) =
            foreseen.replaced.as_ref().filter(|it| it.is_signer_changed || !it.added_signers.is_empty())
        {
            let now = SignedBy::recorded(foreseen.signature.signers.clone(), None);
            context.output.status("Signers", format!("before {}, then {now}", replaced.signers));
        }
    }
}

fn warn_of_passed_over(id: &str, choice: &UpgradeChoice, context: &Context) {
    for passed_over in &choice.passed_over {
        let fault = grants::as_upgrade(passed_over.fault.clone(), id);
        let said = format!("`{id}` {} is passed over: {}: {fault}", passed_over.version, fault.reason());
        context.output.warning_with(Warning::VersionPassedOver, said, Some(fault.next_step()));
    }
}

/// Says why a plugin stays as it is.
fn say_kept(row: &OutdatedPlugin, context: &Context) {
    let why = match row.standing {
        "pinned" => "is bound to a digest",
        "no_source" => "came from no registry and no layout",
        "not_comparable" => "has a version that is not MAJOR.MINOR.PATCH",
        _ => "is the newest",
    };
    let version = row.installed_version.as_deref().unwrap_or("of an unknown version");
    context.output.status("Up to date", format!("{} {version} {why}", row.id));
}

/// What has come of the plugins so far.
#[derive(Default)]
struct Came {
    document: UpgradedPlugins,
    faults: Vec<(String, Fault)>,
}

impl Came {
    fn failed(&mut self, id: &str, passed_over: Vec<PassedOverVersion>, fault: Fault) {
        let objection = Objection::from(&fault);
        self.document.failed.push(NotUpgraded { id: redacted(id), passed_over, objection });
        self.faults.push((id.to_owned(), fault));
    }

    /// One that fails alone has an error and no answer, as everywhere; of several, each has its line.
    fn answer(self, context: &Context) -> Result<u8> {
        let Self { document, faults } = self;
        let total = document.upgraded.len() + document.kept.len() + faults.len();
        let what = context.said("are not upgraded", "would not be upgraded");
        let refusal = several::refusal(total, what, faults, context);
        let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
        if total > 1 || refusal.is_none() {
            context.output.answer(&Outcome { document, exit_code })?;
        }
        refusal.map_or(Ok(0), Err)
    }
}
