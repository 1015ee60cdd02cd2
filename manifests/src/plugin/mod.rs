//! The plugin manifest: read as the host reads it, signed as the host signs it, checked more strictly.

mod core_schema;
mod document;
mod file;
mod kind;
mod manifest;
mod problem;
mod refusal;
mod strict;
mod validate;

/// What the profile `strict` asks of the fields, as a JSON Schema (2020-12), for editors. It says less than `validate`:
/// nothing of how YAML is written, nor of the plugin's other files.
pub const SCHEMA: &str = include_str!("schema.json");

pub use document::{Document, MAX_MANIFEST_BYTES, PAYLOAD_START, PythonFiles, UNSIGNED_KEYS};
pub use file::ManifestFile;
pub use kind::PluginType;
pub use manifest::{Manifest, requirements};
pub use problem::Problem;
pub use validate::{
    Profile, StrangeKey, ambiguities, require_known_capabilities, stated_grants, strange_keys, unsignable, validate,
};
