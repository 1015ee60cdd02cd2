//! What plugins keep: facts under names, which they find again by their words.

mod handles;
mod store;
mod stores;
mod words;

pub(crate) use self::handles::{FactsReader, FactsWriter, RecallReader, RecallWriter};
pub(crate) use self::store::Store;
pub(crate) use self::stores::Stores;

/// A plugin that keeps nothing.
#[cfg(test)]
pub(crate) fn granted_for_tests(id: &str, line: &str, declared: &str) -> crate::granted::Granted {
    let store = std::sync::Arc::new(Store::at("/nonexistent/facts".into(), std::sync::Arc::new(|_| ())));
    let configured = std::sync::Arc::new(|| Ok(serde_json::Map::new()));
    crate::granted::Granted::of((id, line), store, [&declared.to_owned()], configured)
}
