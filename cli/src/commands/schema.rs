//! `aisoc schema`: the form of every document, for programs that read them.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_pipeline::documents::{PublishedSchema, SchemaNames, report_schema};
use serde_json::Value;

use super::declaration::Commands;
use crate::args::SchemaArgs;
use crate::context::Context;
use crate::output::Answer;

/// Schemas that are written by hand, because no type of aisoc is what they describe.
const WRITTEN: &[(&str, &str)] = &[("plugin", aisoc_manifests::plugin::SCHEMA)];

impl Answer for SchemaNames {
    fn text(&self) -> String {
        self.names.iter().map(|name| format!("{name}\n")).collect()
    }
}

impl Answer for PublishedSchema {
    fn text(&self) -> String {
        pretty(&Value::Object(self.schema.clone()))
    }
}

pub(crate) fn run(args: SchemaArgs, context: &Context) -> Result<u8> {
    let mut schemas = all(context.commands);
    if args.name.is_empty() {
        let names = schemas.into_iter().map(|(name, _)| name).collect();
        return context.output.answer(&SchemaNames { names });
    }
    let wanted = args.name.join("-");
    let Some(position) = schemas.iter().position(|(name, _)| *name == wanted) else {
        return Err(Fault::new(Reason::Usage, format!("there is no schema `{}`", shown(&wanted, 80)))
            .hint("see the names with `aisoc schema`"));
    };
    match schemas.swap_remove(position) {
        (name, Value::Object(schema)) => context.output.answer(&PublishedSchema { name, schema }),
        (name, _) => Err(Fault::new(Reason::Internal, format!("the schema `{name}` is no object"))),
    }
}

/// Every schema with its name: one for each command that answers, the report, and those written by hand.
pub(crate) fn all(commands: Commands) -> Vec<(String, Value)> {
    let answers = (commands.all)().filter_map(|command| Some((command.words.join("-"), command.document?())));
    let written = WRITTEN.iter().map(|(name, text)| {
        let schema = serde_json::from_str(text).expect("a schema in this directory is JSON, which a test reads");
        ((*name).to_owned(), schema)
    });
    answers.chain([("report".to_owned(), report_schema())]).chain(written).collect()
}

/// As it stands in `docs/schemas`.
pub(crate) fn pretty(schema: &Value) -> String {
    format!("{schema:#}\n")
}
