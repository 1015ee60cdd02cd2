//! `aisoc plugin verify`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::{Source, TrustInputs, Verification};
use serde::Serialize;

use crate::args::plugin::VerifyArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

#[derive(Serialize)]
struct Verdict {
    source: String,
    id: Option<String>,
    signature_status: &'static str,
    signing_key_id: Option<String>,
    fingerprint: Option<String>,
    digest: Option<String>,
    artifact_digest: Option<String>,
    objection: Option<String>,
}

impl Answer for Verdict {
    fn text(&self) -> String {
        let key = self.signing_key_id.as_ref().map(|key| format!(" key={}", printable(key))).unwrap_or_default();
        let digest = self.digest.as_ref().map(|digest| format!(" digest={digest}")).unwrap_or_default();
        format!("{}{key}{digest}\n", self.signature_status)
    }
}

pub(crate) fn run(args: VerifyArgs, context: &Context) -> Result<u8> {
    let trust = context.trust(args.trust);
    let inputs = TrustInputs { keys_dir: trust.keys_dir, policy: trust.policy };
    let reporter = context.output.reporter();
    let verification = match Source::parse(&args.source)? {
        Source::Directory(directory) => aisoc_pipeline::verify_directory(&directory, &inputs)?,
        Source::Artifact(reference) => {
            let client = context.client(&args.registry);
            runtime::block_on(aisoc_pipeline::verify_artifact(&reference, &inputs, &client, &reporter))?
        }
    };
    drop(reporter);
    answer(args.source, verification, context)
}

fn answer(source: String, verification: Verification, context: &Context) -> Result<u8> {
    let Verification { id, artifact_digest, admitted, skipped_keys } = verification;
    for skipped in skipped_keys {
        context.output.warning(format!("key file not used: {skipped}"));
    }
    if let Some(objection) = admitted.objection() {
        context.output.warning(objection);
    }
    context.output.answer(&Verdict {
        source,
        id,
        signature_status: admitted.status().as_str(),
        signing_key_id: admitted.key_id().map(ToString::to_string),
        fingerprint: admitted.fingerprint().map(|fingerprint| fingerprint.to_string()),
        digest: admitted.digest().map(|digest| digest.hex()),
        artifact_digest: artifact_digest.map(|digest| digest.to_string()),
        objection: admitted.objection().map(|objection| format!("{}: {objection}", objection.reason())),
    })
}
