//! `Expansion`: how large a schema is once everything that it refers to stands where it is referred to.
//!
//! A validator does as much as that for a value, and a page of definitions that each refer twice to the next one is larger
//! than anybody can wait for. So it is counted before a validator is made, and what cannot be counted is refused.

use serde_json::{Map, Value};

/// Most objects and lists in a schema, each counted as often as it is referred to.
const MAX_SCHEMA_PLACES: usize = 10_000;
/// Most regular expressions in it, counted likewise: each is compiled, and may be as large as one may be.
const MAX_SCHEMA_PATTERNS: usize = 64;
/// Deepest that those may lie in each other.
const MAX_SCHEMA_DEPTH: usize = 200;
/// How often what says of a place which of its members nobody else describes makes a validator go through what is in it. More
/// than was found to be needed, since it depends on what else stands there.
const UNEVALUATED: usize = 16;
/// The dialects whose references are known here.
const DIALECTS: [&str; 4] = [
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
];

/// A schema that is counted.
pub(super) struct Expansion<'a> {
    root: &'a Value,
    places: usize,
    patterns: usize,
    /// The references that lead to where it is.
    through: Vec<&'a str>,
}

impl<'a> Expansion<'a> {
    /// Refuses, in words, a schema that is too large for any validator, or of which that cannot be told.
    pub(super) fn require_bounded(root: &'a Value) -> Result<(), String> {
        Self { root, places: 0, patterns: 0, through: Vec::new() }.count(root, 0, 1)
    }

    fn count(&mut self, value: &'a Value, depth: usize, times: usize) -> Result<(), String> {
        let below: Box<dyn Iterator<Item = &'a Value>> = match value {
            Value::Object(members) => Box::new(members.values()),
            Value::Array(values) => Box::new(values.iter()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return Ok(()),
        };
        if depth > MAX_SCHEMA_DEPTH {
            return Err(format!("is more than {MAX_SCHEMA_DEPTH} deep"));
        }
        self.places = self.places.saturating_add(times);
        if self.places > MAX_SCHEMA_PLACES {
            return Err(format!(
                "has more than {MAX_SCHEMA_PLACES} places, each counted as often as it is referred to"
            ));
        }
        let mut times = times;
        if let Value::Object(members) = value {
            self.require_known(members, depth)?;
            self.patterns = self.patterns.saturating_add(patterns_of(members).saturating_mul(times));
            if self.patterns > MAX_SCHEMA_PATTERNS {
                return Err(format!(
                    "has more than {MAX_SCHEMA_PATTERNS} patterns, each counted as often as it is referred to"
                ));
            }
            if members.keys().any(|key| key.starts_with("unevaluated")) {
                times = times.saturating_mul(UNEVALUATED);
            }
            if let Some(Value::String(reference)) = members.get("$ref") {
                self.follow(reference, depth, times)?;
            }
        }
        for value in below {
            self.count(value, depth + 1, times)?;
        }
        Ok(())
    }

    fn follow(&mut self, reference: &'a str, depth: usize, times: usize) -> Result<(), String> {
        if self.through.contains(&reference) {
            return Err(format!("refers to itself by `{reference}`"));
        }
        // What is percent-encoded could be spelled in two ways.
        let pointer = reference.strip_prefix('#').filter(|pointer| pointer.starts_with('/') && !pointer.contains('%'));
        let meant = pointer.and_then(|pointer| self.root.pointer(pointer));
        let meant = meant.ok_or_else(|| format!("refers to `{reference}`, which is no `#/…` in it"))?;
        self.through.push(reference);
        self.count(meant, depth + 1, times)?;
        self.through.pop();
        Ok(())
    }

    /// What would change where a reference leads is known, or is not there.
    fn require_known(&self, members: &Map<String, Value>, depth: usize) -> Result<(), String> {
        for keyword in ["$dynamicRef", "$recursiveRef"] {
            if members.get(keyword).is_some_and(Value::is_string) {
                return Err(format!("has `{keyword}`, which leads nobody knows where"));
            }
        }
        for keyword in ["$id", "$schema"] {
            if depth > 0 && members.get(keyword).is_some_and(Value::is_string) {
                return Err(format!("has `{keyword}` inside of it, which is for its beginning"));
            }
        }
        match members.get("$schema") {
            Some(Value::String(dialect)) if !DIALECTS.contains(&dialect.trim_end_matches('#')) => {
                Err(format!("is of another dialect: `{dialect}`"))
            }
            _ => Ok(()),
        }
    }
}

/// How many regular expressions stand in an object itself.
fn patterns_of(members: &Map<String, Value>) -> usize {
    let alone = usize::from(members.get("pattern").is_some_and(Value::is_string));
    alone + members.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: &Value, why: &str) {
        let said = Expansion::require_bounded(schema).expect_err("refused");
        assert!(said.contains(why), "{said}");
    }

    /// Each definition refers so often to the next one.
    fn fan(definitions: usize, times: usize) -> Value {
        let definition = |at: usize| {
            let next = vec![json!({"$ref": format!("#/$defs/d{}", at + 1)}); times];
            (format!("d{at}"), json!({"allOf": next}))
        };
        let mut all: Map<String, Value> = (0..definitions).map(definition).collect();
        all.insert(format!("d{definitions}"), json!({}));
        json!({"$ref": "#/$defs/d0", "$defs": all})
    }

    #[test]
    fn a_place_counts_as_often_as_it_is_referred_to() {
        Expansion::require_bounded(&fan(8, 2)).expect("some hundreds");
        refused(&fan(40, 2), "more than 10000 places");
        Expansion::require_bounded(&fan(40, 1)).expect("a chain");
    }

    #[test]
    fn as_many_places_as_may_be_and_one_more() {
        let list = |places: usize| json!({"anyOf": vec![json!({}); places]});
        Expansion::require_bounded(&list(MAX_SCHEMA_PLACES - 3)).expect("fewer");
        Expansion::require_bounded(&list(MAX_SCHEMA_PLACES - 2)).expect("as many");
        refused(&list(MAX_SCHEMA_PLACES - 1), "more than 10000 places");
    }

    #[test]
    fn as_deep_as_may_be_and_deeper() {
        let deep = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({"not": inner}));
        Expansion::require_bounded(&deep(MAX_SCHEMA_DEPTH - 1)).expect("less deep");
        Expansion::require_bounded(&deep(MAX_SCHEMA_DEPTH)).expect("as deep");
        refused(&deep(MAX_SCHEMA_DEPTH + 1), "more than 200 deep");
    }

    #[test]
    fn what_nobody_else_describes_counts_for_more() {
        let nested = |depth: usize| {
            (0..depth).fold(json!({}), |inner, _| json!({"unevaluatedProperties": false, "properties": {"a": inner}}))
        };
        Expansion::require_bounded(&nested(3)).expect("some thousands");
        refused(&nested(4), "more than 10000 places");
    }

    #[test]
    fn as_many_patterns_as_may_be_and_one_more() {
        let alone = |patterns: usize| json!({"anyOf": vec![json!({"pattern": "^a"}); patterns]});
        let named = |patterns: usize| {
            let properties: Map<String, Value> = (0..patterns).map(|at| (format!("^{at}"), json!({}))).collect();
            json!({"patternProperties": properties})
        };
        for schema in [alone, named as fn(usize) -> Value] {
            Expansion::require_bounded(&schema(MAX_SCHEMA_PATTERNS - 1)).expect("fewer");
            Expansion::require_bounded(&schema(MAX_SCHEMA_PATTERNS)).expect("as many");
            refused(&schema(MAX_SCHEMA_PATTERNS + 1), "more than 64 patterns");
        }
        refused(&json!({"$defs": {"a": alone(40)}, "allOf": [{"$ref": "#/$defs/a"}]}), "more than 64 patterns");
        // A property may have any name.
        Expansion::require_bounded(&json!({"properties": {"pattern": {"type": "string"}}})).expect("a name");
    }

    #[test]
    fn a_reference_leads_into_the_schema_and_never_back() {
        refused(&json!({"$ref": "#"}), "no `#/…` in it");
        refused(&json!({"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}), "refers to itself");
        for reference in ["https://example.com/a", "file:///etc/passwd", "other.json", "#name", "#/$defs/%61", "#/none"]
        {
            refused(&json!({"$ref": reference, "$defs": {"a": {}}}), "no `#/…` in it");
        }
        for keyword in ["$dynamicRef", "$recursiveRef"] {
            refused(&json!({"items": {keyword: "#"}}), keyword);
        }
        for keyword in ["$id", "$schema"] {
            refused(&json!({"items": {keyword: DIALECTS[0]}}), "is for its beginning");
        }
        refused(&json!({"$schema": "http://json-schema.org/draft-04/schema#"}), "another dialect");
        for dialect in DIALECTS {
            Expansion::require_bounded(&json!({"$schema": format!("{dialect}#"), "$id": "https://example.com/demo"}))
                .expect("known");
        }
        // A property may have any name.
        Expansion::require_bounded(&json!({"properties": {"$ref": {"type": "string"}, "$id": {}}})).expect("names");
    }
}
