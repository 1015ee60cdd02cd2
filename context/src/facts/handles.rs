//! The four handles of facts: to read and to write them, to find them, and to rank them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::store::{Fact, MAX_FACTS, MAX_FACTS_BYTES, Mark, Store};
use super::stores::Stores;
use super::words::of_text;
use crate::asking::{Asking, Handle, no_method};
use crate::refusal::{Refusal, Why};

/// Longest name of a fact.
const MAX_NAME_BYTES: usize = 256;
/// Longest value, as JSON.
const MAX_VALUE_BYTES: usize = 64 << 10;
/// Longest note.
const MAX_NOTE_BYTES: usize = 2_000;
/// Most facts that are written at once.
const MAX_PUT: usize = 500;
/// Most names in one answer, and how many where nobody says.
const MAX_NAMES: u64 = 1_000;
const NAMES: u64 = 100;
/// Longest query, and the most words of one.
const MAX_QUERY_BYTES: usize = 512;
const MAX_QUERY_WORDS: usize = 8;
/// Most facts in one answer, and how many where nobody says.
const MAX_FOUND: u64 = 100;
const FOUND: u64 = 20;
/// Most bytes of the facts in one answer.
const MAX_FOUND_BYTES: usize = 256 << 10;
/// Longest id of another plugin.
const MAX_ID_BYTES: usize = 256;

/// Whose: of no tenant where there is none, which no tenant is called.
fn tenant<'a>(asking: &Asking<'a>) -> &'a str {
    asking.caller.tenant.as_ref().map_or("", |tenant| tenant.as_str())
}

fn missing() -> Refusal {
    Refusal::Failed(Why::NotFound, "there is no fact of that name".to_owned())
}

fn shown(name: &str, fact: &Fact) -> Value {
    let written_at = Timestamp::from_microsecond(fact.written_at).ok();
    json!({ "name": name, "value": fact.value, "written_at": written_at, "mark": fact.mark, "note": fact.note })
}

/// `facts.read`: the plugin's own, and what an operator lets it see of others'.
#[derive(Debug)]
pub(crate) struct FactsReader {
    stores: Stores,
    shared: BTreeMap<String, BTreeSet<String>>,
}

impl FactsReader {
    pub(crate) fn of(stores: Stores, shared: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { stores, shared }
    }

    /// Those of a plugin that an operator says are shared with this one.
    fn store(&self, asking: &Asking<'_>, of: Option<&str>) -> Result<Arc<Store>, Refusal> {
        let Some(of) = of else { return Ok(Arc::clone(&asking.plugin.facts)) };
        let is_shared = self.shared.get(&asking.plugin.id).is_some_and(|shared| shared.contains(of));
        if !is_shared {
            return Err(Refusal::Failed(Why::NotFound, "no facts of that plugin are shared with this one".to_owned()));
        }
        let absent = || Refusal::unavailable("the plugin whose facts these are has not run since the host began");
        self.stores.of_the_last(of).ok_or_else(absent)
    }
}

impl Handle for FactsReader {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        let tenant = tenant(asking);
        match asking.method {
            "get" => {
                let arguments = asking.arguments(&["name", "of"])?;
                let name = arguments.text("name", 1..=MAX_NAME_BYTES)?;
                let store = self.store(asking, arguments.optional_text("of", 1..=MAX_ID_BYTES)?)?;
                store.get(tenant, name)?.map(|fact| fact.value).ok_or_else(missing)
            }
            "list" => {
                let arguments = asking.arguments(&["prefix", "limit", "after", "of"])?;
                let prefix = arguments.optional_text("prefix", 0..=MAX_NAME_BYTES)?.unwrap_or_default();
                let limit = arguments.number("limit", 1..=MAX_NAMES)?.unwrap_or(NAMES);
                let after = arguments.optional_text("after", 0..=MAX_NAME_BYTES)?;
                let store = self.store(asking, arguments.optional_text("of", 1..=MAX_ID_BYTES)?)?;
                store
                    .list(tenant, prefix, after, usize::try_from(limit).unwrap_or(usize::MAX))
                    .map(|names| json!(names))
            }
            "shared" => {
                asking.arguments(&[])?;
                Ok(json!(self.shared.get(&asking.plugin.id).cloned().unwrap_or_default()))
            }
            "usage" => {
                asking.arguments(&[])?;
                let taken = asking.plugin.facts.taken(tenant)?;
                Ok(json!({
                    "facts": taken.facts, "bytes": taken.bytes, "max_facts": MAX_FACTS, "max_bytes": MAX_FACTS_BYTES,
                }))
            }
            _ => Err(no_method(&["get", "list", "shared", "usage"])),
        }
    }
}

/// `facts.write`: the plugin's own.
#[derive(Debug)]
pub(crate) struct FactsWriter {
    clock: fn() -> Timestamp,
}

impl FactsWriter {
    pub(crate) fn of(clock: fn() -> Timestamp) -> Self {
        Self { clock }
    }

    fn put(&self, asking: &Asking<'_>, facts: &[(&str, &Value)]) -> Result<Value, Refusal> {
        for (name, value) in facts {
            if !(1..=MAX_NAME_BYTES).contains(&name.len()) || name.chars().any(char::is_control) {
                return Err(Refusal::invalid(format!("a name is a text of 1 to {MAX_NAME_BYTES} bytes in one line")));
            }
            if serde_json::to_string(value).map_or(usize::MAX, |text| text.len()) > MAX_VALUE_BYTES {
                return Err(Refusal::invalid(format!("a value has more than {MAX_VALUE_BYTES} bytes")));
            }
        }
        asking.plugin.facts.put(tenant(asking), facts, (self.clock)().as_microsecond())?;
        Ok(json!(facts.len()))
    }
}

impl Handle for FactsWriter {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        match asking.method {
            "put" => {
                let arguments = asking.arguments(&["name", "value"])?;
                let name = arguments.text("name", 1..=MAX_NAME_BYTES)?;
                let value = asking.given.get("value").ok_or_else(|| Refusal::invalid("`value` is missing"))?;
                self.put(asking, &[(name, value)])
            }
            "put_many" => {
                let facts = asking.arguments(&["facts"])?.object("facts")?;
                if facts.len() > MAX_PUT {
                    return Err(Refusal::invalid(format!("more than {MAX_PUT} facts at once")));
                }
                self.put(asking, &facts.iter().map(|(name, value)| (name.as_str(), value)).collect::<Vec<_>>())
            }
            "delete" => {
                let name = asking.arguments(&["name"])?.text("name", 1..=MAX_NAME_BYTES)?;
                asking.plugin.facts.delete(tenant(asking), name).map(Value::Bool)
            }
            _ => Err(no_method(&["put", "put_many", "delete"])),
        }
    }
}

/// `recall.read`: the plugin's own, by their words.
#[derive(Debug)]
pub(crate) struct RecallReader;

impl Handle for RecallReader {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        if asking.method != "search" {
            return Err(no_method(&["search"]));
        }
        let arguments = asking.arguments(&["query", "limit"])?;
        let query = arguments.text("query", 1..=MAX_QUERY_BYTES)?;
        let limit = arguments.number("limit", 1..=MAX_FOUND)?.unwrap_or(FOUND);
        if !(1..=MAX_QUERY_WORDS).contains(&of_text(query).len()) {
            return Err(Refusal::invalid(format!("`query` has 1 to {MAX_QUERY_WORDS} words of letters and digits")));
        }
        let most = (usize::try_from(limit).unwrap_or(usize::MAX), MAX_FOUND_BYTES);
        let found = asking.plugin.facts.search(tenant(asking), query, most)?;
        let mut left = MAX_FOUND_BYTES;
        let fits = |value: &Value| {
            let length = serde_json::to_string(value).map_or(usize::MAX, |text| text.len());
            left.checked_sub(length).map(|less| left = less).is_some()
        };
        let shown: Vec<Value> = found.iter().map(|(name, fact)| shown(name, fact)).take_while(fits).collect();
        Ok(json!(shown))
    }
}

/// `recall.write`: how the plugin's own are ranked, and what is noted of them.
#[derive(Debug)]
pub(crate) struct RecallWriter;

impl Handle for RecallWriter {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        let known: &[&str] = if asking.method == "annotate" { &["name", "note"] } else { &["name"] };
        let mark = match asking.method {
            "pin" => Some(Mark::Pinned),
            "demote" => Some(Mark::Demoted),
            "reset" | "annotate" => None,
            _ => return Err(no_method(&["pin", "demote", "reset", "annotate"])),
        };
        let arguments = asking.arguments(known)?;
        let name = arguments.text("name", 1..=MAX_NAME_BYTES)?;
        let note = arguments.optional_text("note", 0..=MAX_NOTE_BYTES)?.filter(|note| !note.is_empty());
        asking.plugin.facts.mark(tenant(asking), name, |fact| match asking.method {
            "annotate" => fact.note = note.map(str::to_owned),
            _ => fact.mark = mark,
        })?;
        Ok(Value::Null)
    }
}
