//! `aisoc bundle export`

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference};
use aisoc_pipeline::bundle::{BundleExport, BundledPlugin, BundledSigner, ExportedBundle, export_bundle};
use aisoc_pipeline::documents::{BundledPlugins, PluginInBundle, Signer};

use crate::args::bundle::BundleExportArgs;
use crate::commands::untagged::require_named;
use crate::context::Context;
use crate::output::{Answer, path_text};
use crate::runtime;

impl Answer for BundledPlugins {
    fn text(&self) -> String {
        self.artifact_digest.iter().map(|digest| format!("{digest}\n")).collect()
    }
}

pub(crate) fn run(args: BundleExportArgs, context: &Context) -> Result<u8> {
    let BundleExportArgs { references, out, trusted_keys, registry, .. } = args;
    let named: Vec<&Reference> = references.iter().collect();
    let client = context.client(&registry, &named)?;
    for reference in named {
        require_named(reference, &client, context)?;
    }
    let trust = context.publisher_trust(context.keys_directory(trusted_keys));
    let options = BundleExport { trust, client, dry_run: context.dry_run() };
    // From anywhere: where the command is run is nobody else's.
    let path = std::path::absolute(&out).map_err(|error| Fault::io("find", &out, error))?;
    let file = LayoutReference { path, form: LayoutForm::Archive, tag: None, digest: None };
    let reporter = context.output.reporter();
    let made = async { export_bundle(&references, &file, &options, &reporter).await };
    let exported = runtime::block_on(context.cancellation()?, made);
    drop(reporter);
    let exported = exported?;
    for plugin in &exported.plugins {
        let (verb, by) = (context.output.said("Bundled", "Would bundle"), plugin.signed_by());
        context.output.status(verb, format!("{} {} (verified, signed by {by})", plugin.id, plugin.version));
    }
    if exported.digest.is_some() {
        let ExportedBundle { plugins, counts, .. } = &exported;
        let (plugins, manifests) = (counted(plugins.len(), "plugin"), counted(counts.manifests, "manifest"));
        let referrers = counted(counts.referrers, "referrer");
        context.output.status("Exported", format!("{plugins} ({manifests}, {referrers}) to {}", out.display()));
    }
    context.output.answer(&BundledPlugins {
        path: path_text(&file.path),
        artifact_digest: exported.digest.map(|digest| digest.to_string()),
        manifest_count: exported.counts.manifests,
        referrer_count: exported.counts.referrers,
        plugins: exported.plugins.into_iter().map(document).collect(),
    })
}

fn document(plugin: BundledPlugin) -> PluginInBundle {
    let signer = |signer: BundledSigner| Signer {
        signing_key_id: Some(signer.key_id),
        signing_key_fingerprint: signer.fingerprint,
    };
    PluginInBundle {
        id: plugin.id,
        version: plugin.version,
        artifact_digest: plugin.artifact_digest.to_string(),
        reference: plugin.reference,
        signers: plugin.signers.into_iter().map(signer).collect(),
    }
}
