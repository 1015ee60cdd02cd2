//! JSON Schemas of documents, made of their types: what is published is what is printed.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What stands around every result.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document<T> {
    /// Version of this form and of every other document. It is raised when a field changes its meaning or goes;
    /// fields are added without it.
    pub schema_version: u32,
    /// Whether the command did what it was asked for.
    pub ok: bool,
    /// `true` where nothing was changed, because of `--dry-run`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What it found out.
    #[serde(flatten)]
    pub result: T,
}

/// The schema of a result with what stands around it.
pub fn document_schema<T: JsonSchema>() -> Value {
    schema::<Document<T>>()
}

/// The schema of the one document of stderr.
pub fn report_schema() -> Value {
    schema::<super::Report>()
}

/// The schema of a line of `--progress=json`.
pub fn progress_schema() -> Value {
    schema::<super::ProgressEvent>()
}

/// The schema of a type as it is written, in the JSON Schema of 2020-12.
fn schema<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(NamesSayWhat)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// A name means the same in every document, so what its value looks like is said by the name.
#[derive(Clone)]
struct NamesSayWhat;

impl Transform for NamesSayWhat {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            for (name, property) in properties.iter_mut().filter(|(_, property)| says_string(property)) {
                if let (Some((keyword, value)), Value::Object(property)) = (looks_like(name), property) {
                    property.insert(keyword.to_owned(), value);
                }
            }
        }
        transform_subschemas(self, schema);
    }
}

fn says_string(property: &Value) -> bool {
    let types = property.get("type");
    types == Some(&json!("string")) || types == Some(&json!(["string", "null"]))
}

fn looks_like(name: &str) -> Option<(&'static str, Value)> {
    match name {
        // What registries keep, by the algorithm under which they keep it.
        "artifact_digest" | "index_digest" | "layer_digest" | "blob_digest" => {
            Some(("pattern", json!("^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")))
        }
        _ if name.ends_with("_digest") => Some(("pattern", json!("^sha256:[0-9a-f]{64}$"))),
        _ if name == "fingerprint" || name.ends_with("_fingerprint") => {
            Some(("pattern", json!("^SHA256:[0-9a-f]{64}$")))
        }
        _ if name == "at" || name.ends_with("_at") => Some(("format", json!("date-time"))),
        "code" | "reason_code" => Some(("pattern", json!("^[a-z_]+$"))),
        _ => None,
    }
}

/// The schemas that are published.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PublishedSchemas {
    /// All of them by name, or the one that was named with its content.
    pub schemas: Vec<PublishedSchema>,
}

/// One published schema.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PublishedSchema {
    /// Its name: the words of a command with `-` between them, or what is no result.
    pub name: String,
    /// The schema itself, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Map<String, Value>>,
}
