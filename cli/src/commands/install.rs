//! `aisoc plugin install`

use std::ffi::OsString;

use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::{InstalledPlugins, NotInstalled, Objection};
use aisoc_pipeline::{InstallOptions, Source};
use aisoc_registry_client::ClientOptions;
use aisoc_trust::Consent;

use super::grants;
use super::guards::{accepted, guarded};
use super::install_locked::install_locked;
use super::installing::{answer, install};
use super::several::{self, InTurn};
use super::untagged::require_named;
use super::verify::as_text;
use crate::args::plugin::{ConsentArgs, InstallArgs};
use crate::context::Context;
use crate::output::redacted;
use crate::runtime;

pub(crate) fn run(args: InstallArgs, context: &Context) -> Result<u8> {
    if args.sources.is_empty() {
        return install_locked(args, context);
    }
    let wanted = wanted(&args.sources)?;
    if let (Some(required), true) = (args.require_digest, wanted.len() > 1) {
        return Err(Fault::new(Reason::Usage, "`--require-digest` is about one artifact, and several are named")
            .expected("one source", wanted.len().to_string())
            .hint(format!("run a command of its own for the one that is {required}")));
    }
    require_one_for_capabilities(args.consent.accept_capabilities.is_some(), wanted.len())?;
    let named: Vec<&Reference> = wanted.iter().filter_map(|(_, source)| source.as_ref().ok()?.artifact()).collect();
    let typed = args.sources.clone();
    let options = options(args, &named, context)?;
    for reference in named {
        if options.require_digest.is_none() {
            require_named(reference, &options.client, context)?;
        }
    }
    options.trust.require_keys()?;
    // Before the first of them is installed into the directory of another one.
    let mut sources = wanted.iter().filter_map(|(_, source)| source.as_ref().ok());
    sources.try_for_each(|source| source.require_beside(options.site.path()))?;
    refuse_one_plugin_twice(&wanted, &options, context)?;
    let (mut document, mut faults, mut turn) = (InstalledPlugins::default(), Vec::new(), InTurn::default());
    for (name, source) in wanted {
        let installed = turn.next(|| install(&source?, &options, context));
        match installed.map_err(|fault| grants::as_typed(fault, &typed, &name, context)) {
            Ok(plugin) => document.plugins.push(plugin),
            Err(fault) => {
                document.failed.push(NotInstalled { source: redacted(&name), objection: Objection::from(&fault) });
                faults.push((name, fault));
            }
        }
    }
    answer(document, faults, context)
}

/// What is accepted of one plugin is not accepted of another one.
///
/// # Errors
/// `usage`.
pub(super) fn require_one_for_capabilities(are_accepted: bool, plugins: usize) -> Result<()> {
    if !are_accepted || plugins < 2 {
        return Ok(());
    }
    Err(Fault::new(Reason::Usage, "`--accept-capabilities` is about one plugin, and several are named")
        .expected("one source", plugins.to_string())
        .hint("run a command of its own for the plugin that they are accepted of"))
}

/// What the install is told. `named` is what is asked of registries.
///
/// # Errors
/// `usage` and `invalid_ref` for what the site's rules do not let in; as [`guarded`].
fn options(args: InstallArgs, named: &[&Reference], context: &Context) -> Result<InstallOptions> {
    let references = context.environment.reference_rules()?;
    for reference in named {
        if let Reference::Registry(reference) = reference {
            references.allow(reference, args.require_digest)?;
        }
    }
    let client =
        ClientOptions { platform: PlatformChoice::of(args.platform), ..context.client(&args.registry, named)? };
    let options = guarded(args.guards, consent(args.consent), client, context)?;
    Ok(InstallOptions { require_digest: args.require_digest, ..options })
}

/// What may happen to what is installed.
pub(super) fn consent(args: ConsentArgs) -> Consent {
    let ConsentArgs { allow_downgrade, allow_signer_change, accept_capabilities } = args;
    Consent {
        downgrade: allow_downgrade,
        signer_change: allow_signer_change,
        capabilities: accepted(accept_capabilities),
    }
}

/// What each word names. What is wrong with the command line refuses it whole; a path that is missing is one of
/// several things that can go wrong with one source.
fn wanted(words: &[OsString]) -> Result<Vec<(String, Result<Source>)>> {
    let mut wanted = Vec::new();
    for word in words {
        match Source::parse(word) {
            Err(fault) if fault.class() == Class::Usage => return Err(fault),
            source => wanted.push((as_text(word.clone()), source)),
        }
    }
    several::refuse_repeated(wanted.iter().map(|(name, _)| name.as_str()))?;
    Ok(wanted)
}

/// Of two artifacts of one plugin the second would replace the first. Nothing is trusted of what they say of
/// themselves here; what cannot be asked says so when it is installed.
fn refuse_one_plugin_twice(
    wanted: &[(String, Result<Source>)],
    options: &InstallOptions,
    context: &Context,
) -> Result<()> {
    if wanted.len() < 2 {
        return Ok(());
    }
    let mut ids: Vec<(String, &str)> = Vec::new();
    for (name, source) in wanted {
        let Ok(source) = source else { continue };
        let claimed = aisoc_pipeline::claimed_id(source, &options.client);
        let Some(id) = runtime::block_on(context.cancellation()?, async { Ok(claimed.await) })? else { continue };
        if let Some((_, other)) = ids.iter().find(|(known, _)| *known == id) {
            return Err(Fault::new(Reason::Usage, format!("`{other}` and `{name}` are one plugin, `{id}`"))
                .expected("each plugin once", "twice")
                .hint("name the one that is to be installed"));
        }
        ids.push((id, name));
    }
    Ok(())
}
