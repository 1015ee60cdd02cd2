//! `aisoc plugin install`

use aisoc_installation::Access;
use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{InstalledPlugin, SignatureJudgement};
use aisoc_pipeline::{Change, InstallOptions, Installation};

use crate::args::plugin::InstallArgs;
use crate::context::{Context, coverage_floor};
use crate::output::{Answer, printable};
use crate::runtime;

impl Answer for InstalledPlugin {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.reference))
    }
}

pub(crate) fn run(args: InstallArgs, context: &Context) -> Result<u8> {
    let (site, access) = context.change(args.change, "aisoc plugin install")?;
    let trust = context.trust(args.trust);
    let access = Access { coverage_floor: coverage_floor(args.floor, trust.policy.mode)?, ..access };
    let options = InstallOptions {
        site,
        trust,
        require_digest: args.require_digest,
        client: context.client(&args.registry, &[&args.reference])?,
        keep: args.keep,
        access,
    };
    let reporter = context.output.reporter();
    let installed =
        runtime::block_on(context.cancellation()?, aisoc_pipeline::install(&args.reference, &options, &reporter))?;
    drop(reporter);
    if let Some(objection) = &installed.signature.objection {
        let said = format!("installed although {objection} (trust mode {})", options.trust.policy.mode);
        context.output.warning(Warning::AdmittedDespite, said);
    }
    context.warn_of_lowering(&installed.id, installed.lowered_from, installed.signature.coverage);
    context.warn_of_leftovers(&installed.leftovers);
    announce(&installed, context);
    context.output.answer(&InstalledPlugin {
        reference: args.reference.pinned(installed.digest).to_string(),
        id: installed.id.to_string(),
        digest: installed.digest.to_string(),
        index_digest: installed.index.map(|digest| digest.to_string()),
        directory: installed.directory.display().to_string(),
        signature: SignatureJudgement {
            signature_status: Some(installed.signature.status.as_str()),
            signing_key_id: installed.signature.key_id,
            coverage: Some(installed.signature.coverage.as_str()),
        },
        objection: installed.signature.objection,
        change: installed.change.as_str(),
        lowered_from: installed.lowered_from,
        previous_version: installed.change.from().map(str::to_owned),
        version: installed.version,
    })
}

fn announce(installed: &Installation, context: &Context) {
    let by = match &installed.signature.key_id {
        Some(key) => format!("verified, key {key}, coverage {}", installed.signature.coverage),
        None => installed.signature.status.to_string(),
    };
    let verb = match installed.change {
        Change::Installed => "Installed",
        Change::Upgraded { .. } => "Upgraded",
        Change::Downgraded { .. } => "Downgraded",
        Change::Replaced { .. } => "Replaced",
        Change::Unchanged => "Up to date",
    };
    let from = installed.change.from().map(|from| format!("{from} → ")).unwrap_or_default();
    let (id, version, directory) = (&installed.id, &installed.version, installed.directory.display());
    context.output.status(verb, format!("{id} {from}{version} in {directory} ({by})"));
}
