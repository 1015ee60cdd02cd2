//! `aisoc trust policy explain`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::ExplainedTrust;
use aisoc_signing::Origin;

use super::{rules, shown, text};
use crate::args::trust_policy::ExplainTrustArgs;
use crate::context::Context;
use crate::output::Answer;

impl Answer for ExplainedTrust {
    fn text(&self) -> String {
        let Self { plugin, repository, rules, reason_code, .. } = self;
        let from =
            repository.as_deref().map_or("from no registry that is known".to_owned(), |from| format!("from {from}"));
        match reason_code {
            Some(code) => format!("{plugin} {from}: refused, {code}\n"),
            None => {
                format!("{plugin} {from}: each of these has to be met\n{}", rules.iter().map(text).collect::<String>())
            }
        }
    }
}

pub(crate) fn run(args: ExplainTrustArgs, context: &Context) -> Result<u8> {
    let rules = rules(args.rules, context)?;
    let origin = args.from.as_ref().map_or_else(Origin::unknown, Origin::of);
    let about = rules.about(Some(args.plugin.as_str()), &origin);
    context.output.answer(&ExplainedTrust {
        path: rules.place.clone(),
        plugin: args.plugin.to_string(),
        repository: origin.is_known().then(|| origin.to_string()),
        reason_code: about.as_ref().err().map(|fault| fault.reason().as_str()),
        rules: about.unwrap_or_default().into_iter().map(shown).collect(),
    })
}
