//! `aisoc plugin provenance`

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::PluginProvenance;
use aisoc_pipeline::{BuildOrigin, Job, SourceRevision, provenance_of};

use crate::args::plugin::ProvenanceArgs;
use crate::context::Context;
use crate::output::{Answer, Form};

impl Answer for PluginProvenance {
    fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.provenance).expect("provenance is texts and lists of them");
        text.push('\n');
        text
    }

    fn form(&self) -> Form {
        Form::Json
    }
}

pub(crate) fn run(args: ProvenanceArgs, context: &Context) -> Result<u8> {
    let ProvenanceArgs { directory, source, commit } = args;
    let build = origin(source.zip(commit), context)?;
    let provenance = provenance_of(directory.path()?, &context.limits()?, &build)?;
    context.output.answer(&PluginProvenance::from(provenance))
}

/// What the CI system says of its job, which nobody says otherwise beside it; elsewhere what somebody has said.
pub(super) fn origin(named: Option<(String, String)>, context: &Context) -> Result<BuildOrigin> {
    let environment = &context.environment;
    match (environment.ci_system(), named) {
        (Some(_), Some(_)) => {
            Err(Fault::new(Reason::Usage, "`--source` is given, and the job says itself where it is from")
                .hint("leave `--source` and `--commit` out in a job of GitHub Actions or GitLab CI"))
        }
        (Some(system), None) => Job::of(system, |name| environment.text(name)).map(BuildOrigin::Job),
        (None, None) => Ok(BuildOrigin::Elsewhere(None)),
        (None, Some((source, commit))) => Ok(BuildOrigin::Elsewhere(Some(SourceRevision::new(source, commit)?))),
    }
}
