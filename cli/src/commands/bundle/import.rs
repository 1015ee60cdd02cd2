//! `aisoc bundle import`

use std::ffi::OsString;

use aisoc_installation::Access;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_pipeline::bundle::{BundledPlugin, OpenedBundle, open_bundle};
use aisoc_pipeline::documents::{InstalledPlugin, InstalledPlugins, NotInstalled, Objection};
use aisoc_pipeline::{InstallOptions, Source};
use aisoc_registry_client::ClientOptions;

use crate::args::bundle::BundleImportArgs;
use crate::args::plugin::RegistryArgs;
use crate::commands::grants;
use crate::commands::guards::guarded;
use crate::commands::install::{consent, require_one_for_capabilities};
use crate::commands::installing::{answer, install};
use crate::commands::several::{self, InTurn};
use crate::context::Context;
use crate::runtime;

pub(crate) fn run(args: BundleImportArgs, context: &Context) -> Result<u8> {
    several::refuse_repeated(args.ids.iter().map(String::as_str))?;
    let opened = async { open_bundle(&args.file, args.require_digest).await };
    let bundle = runtime::block_on(context.cancellation()?, opened)?;
    let chosen = chosen(&bundle, &args.ids)?;
    require_one_for_capabilities(args.consent.accept_capabilities.is_some(), chosen.len())?;
    let ids = args.ids.iter().map(OsString::from).collect();
    // No registry is asked for anything.
    let client = context.client(&RegistryArgs::default(), &[])?;
    let client = ClientOptions { platform: PlatformChoice::of(None), ..client };
    let options = guarded(args.guards, consent(args.consent), client, context)?;
    options.trust.require_keys()?;
    let importing = Importing { bundle: &bundle, chosen, ids, options, context };
    // All of them, before the first is written. A dry run says as much, and writes nothing anyway.
    if !context.dry_run().is_on() {
        let (_, refused) = importing.each(|source, options| foresee(source, options, context));
        if !refused.is_empty() {
            let nothing = |(id, fault): (String, Fault)| (id, fault.about("nothing of the bundle is installed"));
            return importing.answer(Vec::new(), refused.into_iter().map(nothing).collect());
        }
    }
    let (installed, refused) = importing.each(|source, options| install(source, options, context));
    importing.answer(installed, refused)
}

struct Importing<'a> {
    bundle: &'a OpenedBundle,
    chosen: Vec<&'a BundledPlugin>,
    /// The ids that were typed.
    ids: Vec<OsString>,
    options: InstallOptions,
    context: &'a Context,
}

impl Importing<'_> {
    /// Does it with each of the plugins: gives what came of them, and why nothing came of others.
    fn each<T>(&self, work: impl Fn(&Source, &InstallOptions) -> Result<T>) -> (Vec<T>, Vec<(String, Fault)>) {
        let (mut done, mut refused, mut turn) = (Vec::new(), Vec::new(), InTurn::default());
        for plugin in &self.chosen {
            let came = turn.next(|| {
                // What the list says it is, or nothing.
                let options = InstallOptions { only: Some(plugin.id.parse()?), ..self.options.clone() };
                work(&Source::Artifact(self.bundle.reference(plugin)), &options)
            });
            match came {
                Ok(came) => done.push(came),
                Err(fault) => {
                    let fault = grants::as_typed_of(fault, &self.ids, &plugin.id, self.context);
                    refused.push((plugin.id.clone(), fault.about(plugin.described())));
                }
            }
        }
        (done, refused)
    }

    fn answer(&self, plugins: Vec<InstalledPlugin>, refused: Vec<(String, Fault)>) -> Result<u8> {
        let not_installed = |(source, fault): &(String, Fault)| NotInstalled {
            source: source.clone(),
            objection: Objection::from(fault),
        };
        let document = InstalledPlugins { plugins, failed: refused.iter().map(not_installed).collect() };
        answer(document, refused, self.context)
    }
}

/// What an install would say, of which nothing is shown but its refusal.
fn foresee(source: &Source, options: &InstallOptions, context: &Context) -> Result<()> {
    let access = Access { dry_run: DryRun::Yes, ..options.access.clone() };
    let options = InstallOptions { access, ..options.clone() };
    let reporter = context.output.reporter();
    let foreseen = aisoc_pipeline::install(source, &options, &reporter);
    runtime::block_on(context.cancellation()?, foreseen).map(drop)
}

/// The plugins of these ids; all of the bundle where none is named.
fn chosen<'a>(bundle: &'a OpenedBundle, ids: &[String]) -> Result<Vec<&'a BundledPlugin>> {
    if ids.is_empty() {
        return Ok(bundle.plugins.iter().collect());
    }
    let find = |id: &String| bundle.plugins.iter().find(|plugin| plugin.id == *id).ok_or_else(|| not_there(bundle, id));
    ids.iter().map(find).collect()
}

fn not_there(bundle: &OpenedBundle, id: &str) -> Fault {
    const NAMED: usize = 5;
    let there: Vec<String> = bundle.plugins.iter().take(NAMED).map(|plugin| format!("`{}`", plugin.id)).collect();
    let more = match bundle.plugins.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Fault::new(Reason::Usage, format!("`{id}` is not in the bundle"))
        .expected(format!("{}{more}", there.join(", ")), format!("`{id}`"))
        .hint("name plugins that are in it, or none for all of them")
}
