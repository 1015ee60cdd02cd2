//! `aisoc plugin index`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::PublishingIndex;
use aisoc_pipeline::{Source, publishing_index};

use super::untagged::require_named;
use crate::args::plugin::IndexArgs;
use crate::context::Context;
use crate::output::{Answer, Form};
use crate::runtime;

impl Answer for PublishingIndex {
    fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("an index is texts and lists of them");
        text.push('\n');
        text
    }

    fn form(&self) -> Form {
        Form::Json
    }
}

pub(crate) fn run(args: IndexArgs, context: &Context) -> Result<u8> {
    let sources = args.sources.iter().map(Source::parse).collect::<Result<Vec<_>>>()?;
    let named: Vec<_> = sources.iter().filter_map(Source::artifact).collect();
    let client = context.client(&args.registry, &named)?;
    for reference in &named {
        require_named(reference, &client, context)?;
    }
    let trust = context.publisher_trust(context.keys_directory(args.trusted_keys));
    let reporter = context.output.reporter();
    let index = runtime::block_on(context.cancellation()?, publishing_index(&sources, &trust, &client, &reporter))?;
    drop(reporter);
    context.output.answer(&index)
}
