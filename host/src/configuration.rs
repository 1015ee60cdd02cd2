//! What a plugin is configured with, held to what its manifest says of it (`config_schema`).

mod expansion;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
use jsonschema::PatternOptions;
use serde_json::{Map, Value};

use self::expansion::Expansion;

/// Largest that a regular expression of a schema may be once it is compiled.
const MAX_PATTERN_BYTES: usize = 4 << 20;
/// Most characters that are shown of where and how a configuration differs.
const MAX_SHOWN: usize = 300;

/// Refuses a configuration that the schema does not describe. No message has a value of it, which may be a secret.
///
/// # Errors
/// `configuration_invalid`: of a schema too that is none, that is too large, or that refers to another document.
pub(crate) fn require_described(
    id: &str,
    configuration: &Map<String, Value>,
    schema: Option<&Value>,
) -> Result<(), Fault> {
    let invalid = |what: String| {
        Fault::new(Reason::ConfigurationInvalid, format!("the configuration of `{id}` cannot be used: {what}"))
    };
    // Some manifests list the fields of a form there, which describes nothing.
    let Some(schema @ Value::Object(_)) = schema else { return Ok(()) };
    Expansion::require_bounded(schema)
        .map_err(|what| invalid(format!("its `config_schema` {}", shown(&what, MAX_SHOWN))))?;
    // Nothing that goes back: what it takes follows from how long the pattern and the text are.
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
    let validator = jsonschema::options().with_pattern_options(patterns).build(schema).map_err(|error| {
        invalid(format!("its `config_schema` is no schema: {}", shown(&error.masked().to_string(), MAX_SHOWN)))
    })?;
    let configuration = Value::Object(configuration.clone());
    match validator.iter_errors(&configuration).next() {
        None => Ok(()),
        Some(error) => {
            let (at, what) = (error.instance_path().to_string(), error.masked().to_string());
            let at = if at.is_empty() { "/".to_owned() } else { at };
            Err(invalid(format!("at `{}`: {}", shown(&at, MAX_SHOWN), shown(&what, MAX_SHOWN))))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(configuration: Value, schema: Option<Value>) -> Result<(), String> {
        let Value::Object(configuration) = configuration else { panic!("no object") };
        require_described("demo", &configuration, schema.as_ref()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_configuration_is_what_its_schema_describes_and_no_message_has_a_value_of_it() {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["api_key"],
            "properties": {
                "api_key": {"type": "string", "minLength": 20},
                "timeout": {"type": "integer", "maximum": 30},
                "mode": {"enum": ["hunter2"]},
            },
        });
        let key = "k".repeat(20);
        held(json!({"api_key": key, "timeout": 30}), Some(schema.clone())).expect("described");
        for (configuration, at) in [
            (json!({}), "`/`"),
            (json!({"api_key": "hunter2"}), "`/api_key`"),
            (json!({"api_key": key, "timeout": 31}), "`/timeout`"),
            (json!({"api_key": key, "timeout": "31"}), "`/timeout`"),
            (json!({"api_key": key, "other": "hunter2"}), "`/`"),
        ] {
            let said = held(configuration.clone(), Some(schema.clone())).expect_err("refused");
            assert!(said.contains(at) && !said.contains("hunter2"), "{configuration}: {said}");
        }
        held(json!({"a": 1}), None).expect("nothing is said of it");
        held(json!({"a": 1}), Some(json!([{"name": "a"}]))).expect("a form");
        for (schema, why) in [
            (json!({"type": "nonsense"}), "is no schema"),
            (json!({"$ref": "https://example.com/schema.json"}), "`config_schema` refers to `https://example.com"),
            (json!({"pattern": r"\pL{900}"}), "is no schema"),
            (json!({"pattern": "^(a|a)*(?=b)c"}), "is no schema"),
            (json!({"$ref": "file:///etc/passwd"}), "`config_schema` refers to `file:///etc/passwd`"),
        ] {
            let said = held(json!({}), Some(schema)).expect_err("no schema");
            assert!(said.contains(why), "{said}");
        }
    }
}
