//! The words of a fact, by which it is found.

use std::collections::BTreeSet;

use serde_json::Value;

/// Most characters of a word; what is longer is known by its beginning.
const MAX_WORD_CHARACTERS: usize = 32;
/// Most words of a fact; what stands behind them is not found.
pub(super) const MAX_WORDS: usize = 256;

/// The words of a name and of every text in a value.
pub(super) fn of_fact(name: &str, value: &Value) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    add(&mut words, name);
    add_value(&mut words, value);
    words
}

/// Those of a text.
pub(super) fn of_text(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    add(&mut words, text);
    words
}

fn add_value(words: &mut BTreeSet<String>, value: &Value) {
    match value {
        Value::String(text) => add(words, text),
        Value::Number(number) => add(words, &number.to_string()),
        Value::Array(values) => values.iter().for_each(|value| add_value(words, value)),
        Value::Object(values) => {
            for (name, value) in values {
                add(words, name);
                add_value(words, value);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn add(words: &mut BTreeSet<String>, text: &str) {
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if words.len() >= MAX_WORDS {
            return;
        }
        words.insert(word.chars().flat_map(char::to_lowercase).take(MAX_WORD_CHARACTERS).collect());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_in_small_letters() {
        let value = json!({"Kind": ["IP", {"n": 7}], "text": "Über 203.0.113.7", "none": null, "is": true});
        let words: Vec<String> = of_fact("host:A-1", &value).into_iter().collect();
        let expected = ["0", "1", "113", "203", "7", "a", "host", "ip", "is", "kind", "n", "none", "text", "über"];
        assert_eq!(words, expected);
        assert_eq!(of_text(&"A".repeat(40)).into_iter().collect::<Vec<_>>(), ["a".repeat(MAX_WORD_CHARACTERS)]);
        let many: String = (0..MAX_WORDS + 10).map(|number| format!("w{number} ")).collect();
        assert_eq!(of_text(&many).len(), MAX_WORDS);
        assert!(of_text(" .,;").is_empty());
    }
}
