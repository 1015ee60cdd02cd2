//! `Document`: the table of routes, as programs read it (OpenAPI 3.1). A route that is not in it is none: see `Routes`.

use std::collections::BTreeMap;

use aisoc_pipeline::documents::RefusedRequest;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::access::Permission;

/// Where schemas stand that others name.
const SCHEMAS: &str = "/components/schemas";
/// What is refused to whoever may not ask.
const REFUSED_TO_STRANGERS: [u16; 3] = [401, 403, 503];
/// What is refused whatever is asked for: a request that names no host, or another one, and one of a page.
const REFUSED_ANYWHERE: [u16; 3] = [400, 403, 421];
/// By which every request may be named, and in which every change may be explained.
const ID: &str = "X-Request-Id";
const REASON: &str = "X-Reason";
/// What is answered to whoever has it already.
const UNCHANGED: u16 = 304;

/// The schema of a document.
type Form = fn(&mut SchemaGenerator) -> Schema;

/// What a route does.
pub(super) struct Does {
    summary: &'static str,
    status: u16,
    /// What the answer is, and its form where it has one.
    answer: Option<(&'static str, Option<Form>)>,
    body: Option<Form>,
    query: &'static [(&'static str, &'static str)],
    headers: &'static [&'static str],
    refused: &'static [u16],
    may_be_unchanged: bool,
}

impl Does {
    /// It answers nothing but a status.
    pub(super) const fn nothing(summary: &'static str, status: u16) -> Self {
        let (answer, body, query, headers, refused): (_, _, _, _, &[u16]) = (None, None, &[], &[], &[]);
        Self { summary, status, answer, body, query, headers, refused, may_be_unchanged: false }
    }

    /// It answers text of that kind.
    pub(super) const fn text(summary: &'static str, kind: &'static str) -> Self {
        Self { answer: Some((kind, None)), ..Self::nothing(summary, 200) }
    }

    /// It answers a document.
    pub(super) fn shows<T: JsonSchema>(summary: &'static str, status: u16) -> Self {
        let schema = SchemaGenerator::subschema_for::<T>;
        Self { answer: Some(("application/json", Some(schema))), ..Self::nothing(summary, status) }
    }

    /// It takes a document, which may be left out.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        Self { body: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    /// It takes these parameters, each of that type.
    pub(super) const fn asked(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    /// It goes by these headers.
    pub(super) const fn headed(self, headers: &'static [&'static str]) -> Self {
        Self { headers, ..self }
    }

    /// It may answer that nothing is otherwise than whoever asks has it.
    pub(super) const fn unless_changed(self) -> Self {
        Self { may_be_unchanged: true, ..self }
    }

    /// It may refuse with these.
    pub(super) const fn or(self, refused: &'static [u16]) -> Self {
        Self { refused, ..self }
    }
}

/// The document, while routes are added.
pub(super) struct Document {
    schemas: SchemaGenerator,
    paths: BTreeMap<String, Map<String, Value>>,
}

impl Document {
    /// Of no route.
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = SCHEMAS.into());
        Self { schemas: settings.into_generator(), paths: BTreeMap::new() }
    }

    /// Adds a route.
    pub(super) fn add(&mut self, method: &str, path: &str, permission: Option<Permission>, does: &Does) {
        let mut operation = json!({ "summary": does.summary, "responses": self.responses(permission, does) });
        // A change is written down, and with it why.
        let reason = (permission == Some(Permission::Admin) && method != "get").then_some(REASON);
        let headers = does.headers.iter().copied().chain(reason).chain([ID]);
        let in_header = headers.map(|name| json!({ "name": name, "in": "header", "schema": { "type": "string" } }));
        operation["parameters"] = parameters(path, does.query).into_iter().chain(in_header).collect();
        if let Some(body) = does.body {
            operation["requestBody"] =
                json!({ "content": { "application/json": { "schema": body(&mut self.schemas) } } });
        }
        operation["security"] = match permission {
            Some(_) => json!([{ "token": [] }]),
            None => json!([]),
        };
        if let Some(permission) = permission {
            operation["x-permission"] = permission.as_str().into();
        }
        self.paths.entry(path.to_owned()).or_default().insert(method.to_owned(), operation);
    }

    fn responses(&mut self, permission: Option<Permission>, does: &Does) -> BTreeMap<String, Value> {
        let mut done = json!({ "description": "It is done" });
        if let Some((kind, schema)) = does.answer {
            let schema = schema.map_or_else(|| json!({ "type": "string" }), |schema| schema(&mut self.schemas).into());
            done["content"] = json!({ kind: { "schema": schema } });
        }
        let refusal = self.schemas.subschema_for::<RefusedRequest>();
        let refusal = json!({
            "description": "It is not done", "content": { "application/json": { "schema": refusal } }
        });
        let strangers = if permission.is_some() { &REFUSED_TO_STRANGERS[..] } else { &[] };
        let refused = does.refused.iter().chain(strangers).chain(&REFUSED_ANYWHERE);
        let refused = refused.map(|status| (status.to_string(), refusal.clone()));
        let unchanged = json!({ "description": "It is as `If-None-Match` has it" });
        let unchanged = does.may_be_unchanged.then(|| (UNCHANGED.to_string(), unchanged));
        refused.chain(unchanged).chain([(does.status.to_string(), done)]).collect()
    }

    /// All of it, as it is sent.
    pub(super) fn text(mut self) -> String {
        let document = json!({
            "openapi": "3.1.0",
            "info": { "title": "aisoc host", "version": env!("CARGO_PKG_VERSION") },
            "paths": self.paths,
            "components": {
                "schemas": self.schemas.take_definitions(true),
                "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            },
        });
        document.to_string()
    }
}

/// What stands in the path, and behind it.
fn parameters(path: &str, query: &[(&str, &str)]) -> Vec<Value> {
    let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        named.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let in_query = query.iter().map(|(name, kind)| json!({ "name": name, "in": "query", "schema": { "type": kind } }));
    in_path.chain(in_query).collect()
}
