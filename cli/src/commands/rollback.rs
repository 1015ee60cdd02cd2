//! `aisoc plugin rollback`

use aisoc_installation::Access;
use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::RollbackOptions;
use aisoc_pipeline::documents::{RolledBackPlugin, SignatureJudgement};

use super::uninstall::plugin_id;
use crate::args::plugin::RollbackArgs;
use crate::context::{Context, coverage_floor};
use crate::output::Answer;

impl Answer for RolledBackPlugin {
    fn text(&self) -> String {
        format!("{}\n", self.digest)
    }
}

pub(crate) fn run(args: RollbackArgs, context: &Context) -> Result<u8> {
    let (site, access) = context.change(args.change, "aisoc plugin rollback")?;
    let trust = context.trust(args.trust);
    let access = Access { coverage_floor: coverage_floor(args.floor, trust.policy.mode)?, ..access };
    let options = RollbackOptions { site, id: plugin_id(&args.id)?, to: args.to, trust, access };
    let reporter = context.output.reporter();
    let rollback = aisoc_pipeline::roll_back(&options, &reporter)?;
    drop(reporter);
    if let Some(objection) = &rollback.signature.objection {
        let said = format!("rolled back although {objection} (trust mode {})", options.trust.policy.mode);
        context.output.warning(Warning::AdmittedDespite, said);
    }
    context.warn_of_lowering(&options.id, rollback.lowered_from, rollback.signature.coverage);
    context.warn_of_leftovers(&rollback.leftovers);
    let from = rollback.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    // A kept version may be older or newer than what it replaces.
    context.output.status("Switched", format!("{}{from} to {}", options.id, rollback.version));
    context.output.answer(&RolledBackPlugin {
        id: options.id.to_string(),
        version: rollback.version,
        digest: rollback.digest.to_string(),
        directory: rollback.directory.display().to_string(),
        signature: SignatureJudgement {
            signature_status: Some(rollback.signature.status.as_str()),
            signing_key_id: rollback.signature.key_id,
            coverage: Some(rollback.signature.coverage.as_str()),
        },
        previous_version: rollback.from,
        lowered_from: rollback.lowered_from,
        objection: rollback.signature.objection,
    })
}
