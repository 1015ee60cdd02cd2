//! `aisoc trust policy show`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::TrustRuleList;

use super::{rules, shown, text};
use crate::args::trust_policy::ShowTrustArgs;
use crate::context::Context;
use crate::output::Answer;

impl Answer for TrustRuleList {
    fn text(&self) -> String {
        self.rules.iter().map(text).collect()
    }
}

pub(crate) fn run(args: ShowTrustArgs, context: &Context) -> Result<u8> {
    let rules = rules(args.rules, context)?;
    context.output.answer(&TrustRuleList { path: rules.place.clone(), rules: rules.rules.iter().map(shown).collect() })
}
