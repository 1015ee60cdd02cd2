//! Whether all that stands in a document was understood.
//!
//! Readers of protobuf's JSON pass over members that they do not know, and take base64 in several spellings. What is
//! passed over is judged by nobody, and a second spelling makes two documents of one proof.

use serde_json::Value;

/// Where something stands that was not understood: a member that is unknown, or a value that reads as another.
/// `written` is the document, `read` what became of it.
pub(super) fn passed_over(written: &Value, read: &Value) -> Option<String> {
    walk(written, read, &mut String::from("$"))
}

fn walk(written: &Value, read: &Value, place: &mut String) -> Option<String> {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => written.iter().find_map(|(name, value)| {
            let length = place.len();
            place.push('.');
            place.push_str(name);
            let found = match read.get(name) {
                Some(read) => walk(value, read, place),
                None => (!is_default(value)).then(|| place.clone()),
            };
            place.truncate(length);
            found
        }),
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => {
            written.iter().zip(read).enumerate().find_map(|(index, (written, read))| {
                let length = place.len();
                place.push_str(&format!("[{index}]"));
                let found = walk(written, read, place);
                place.truncate(length);
                found
            })
        }
        _ if written == read || as_number(written, read) => None,
        _ => Some(place.clone()),
    }
}

/// What protobuf does not write because it says nothing.
fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "0",
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Protobuf's JSON has numbers of 64 bits as text, and takes them as numbers.
fn as_number(written: &Value, read: &Value) -> bool {
    matches!((written, read), (Value::Number(number), Value::String(text)) if number.to_string() == *text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_unknown_or_reads_as_something_else_is_named() {
        let read = json!({"a": {"b": ["x", "1"]}, "more": 1});
        let found = |written: Value| passed_over(&written, &read);
        assert_eq!(found(json!({"a": {"b": ["x", "1"]}})), None);
        assert_eq!(found(json!({"a": {"b": ["x", 1]}})), None);
        assert_eq!(found(json!({"a": {"b": ["x", 2]}})), Some("$.a.b[1]".to_owned()));
        assert_eq!(found(json!({"a": {"b": ["x"]}})), Some("$.a.b".to_owned()));
        assert_eq!(found(json!({"a": {"c": true}})), Some("$.a.c".to_owned()));
        assert_eq!(found(json!({"a": {"c": null, "d": "", "e": [], "f": "0"}})), None);
        assert_eq!(found(json!({"a": "b"})), Some("$.a".to_owned()));
    }
}
