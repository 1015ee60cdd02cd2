//! `aisoc schema`: the form of every document, for programs that read them.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_pipeline::documents::{PublishedSchema, PublishedSchemas, progress_schema, report_schema};
use serde_json::Value;

use super::declaration::{Commands, Declaration};
use crate::args::SchemaArgs;
use crate::context::Context;
use crate::output::Answer;

/// Schemas that are written by hand, because no type of aisoc is what they describe.
const WRITTEN: &[(&str, &str)] = &[("plugin", aisoc_manifests::plugin::SCHEMA)];

impl Answer for PublishedSchemas {
    fn text(&self) -> String {
        let shown = |published: &PublishedSchema| match &published.schema {
            Some(schema) => pretty(&Value::Object(schema.clone())),
            None => format!("{}\n", published.name),
        };
        self.schemas.iter().map(shown).collect()
    }
}

pub(crate) fn run(args: SchemaArgs, context: &Context) -> Result<u8> {
    let schemas = all(context.commands);
    if args.name.is_empty() {
        let schemas = schemas.into_iter().map(|(name, _)| PublishedSchema { name, schema: None }).collect();
        return context.output.answer(&PublishedSchemas { schemas });
    }
    let wanted = canonical(&args.name, context.commands).join("-");
    match schemas.into_iter().find(|(name, _)| *name == wanted) {
        Some((name, Value::Object(schema))) => {
            context.output.answer(&PublishedSchemas { schemas: vec![PublishedSchema { name, schema: Some(schema) }] })
        }
        Some((name, _)) => Err(Fault::new(Reason::Internal, format!("the schema `{name}` is no object"))),
        None => Err(Fault::new(Reason::Usage, format!("there is no schema `{}`", shown(&wanted, 80)))
            .hint("see the names with `aisoc schema`")),
    }
}

/// The words of the command itself, where other words are typed for it.
fn canonical(words: &[String], commands: Commands) -> Vec<String> {
    let typed: Vec<&str> = words.iter().flat_map(|word| word.split(' ')).collect();
    let is_meant = |command: &&Declaration| {
        let aliased = command.alias.map(|alias| [&command.words[..command.words.len() - 1], &[alias]].concat());
        command.also == typed || aliased.is_some_and(|aliased| aliased == typed)
    };
    match (commands.all)().find(|command| !typed.is_empty() && is_meant(command)) {
        Some(command) => command.words.iter().map(|word| (*word).to_owned()).collect(),
        None => words.to_vec(),
    }
}

/// Every schema with its name: one for each command that answers, the report, the lines of progress, and those written by hand.
pub(crate) fn all(commands: Commands) -> Vec<(String, Value)> {
    let answers = (commands.all)().filter_map(|command| Some((command.words.join("-"), command.document?())));
    let written = WRITTEN.iter().map(|(name, text)| {
        let schema = serde_json::from_str(text).expect("a schema in this directory is JSON, which a test reads");
        ((*name).to_owned(), schema)
    });
    let beside = [("report".to_owned(), report_schema()), ("progress".to_owned(), progress_schema())];
    answers.chain(beside).chain(written).collect()
}

/// As it stands in `docs/schemas`.
pub(crate) fn pretty(schema: &Value) -> String {
    format!("{schema:#}\n")
}
