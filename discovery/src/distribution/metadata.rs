//! `METADATA`: the name and the version of a distribution, from the headers of a message.
//!
//! Read as Python's `email` reads it: headers up to the first line that is none, names in any case.

/// Longest name or version: what a lock and a listing show.
const MAX_VALUE_BYTES: usize = 256;

/// Which distribution it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) version: String,
}

impl Metadata {
    /// # Errors
    /// What is wrong with it, in words: a field that is missing, stands twice with two values, or is none.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (mut names, mut versions) = (Vec::new(), Vec::new());
        for (field, value) in headers(text) {
            if field.eq_ignore_ascii_case("name") {
                names.push(value);
            } else if field.eq_ignore_ascii_case("version") {
                versions.push(value);
            }
        }
        Ok(Self { name: the("Name", &names, is_name)?, version: the("Version", &versions, is_version)? })
    }
}

/// The one value of a field.
fn the(field: &str, values: &[String], is_valid: fn(&str) -> bool) -> Result<String, String> {
    match values {
        [] => Err(format!("its METADATA has no {field}")),
        // Which of two counts is for every reader to choose.
        [first, rest @ ..] if rest.iter().any(|other| other != first) => {
            Err(format!("its METADATA has more than one {field}"))
        }
        [value, ..] if value.len() <= MAX_VALUE_BYTES && is_valid(value) => Ok(value.clone()),
        _ => Err(format!("the {field} in its METADATA is none")),
    }
}

/// Names as PEP 508 has them.
fn is_name(text: &str) -> bool {
    let ends = [text.bytes().next(), text.bytes().last()];
    ends.iter().all(|byte| byte.is_some_and(|byte| byte.is_ascii_alphanumeric()))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Versions are compared, not ordered: any one word of ASCII.
fn is_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Name and value of each header, continued lines joined, up to the first line that is no header: an empty one is the
/// usual end.
fn headers(text: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in text.replace("\r\n", "\n").replace('\r', "\n").split('\n') {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push_str(line.trim_end());
            }
            continue;
        }
        let header = line.split_once(':').filter(|(field, _)| field.bytes().all(|byte| byte.is_ascii_graphic()));
        let Some((field, value)) = header else { break };
        headers.push((field.to_owned(), value.trim().to_owned()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String), String> {
        Metadata::read(text).map(|metadata| (metadata.name, metadata.version))
    }

    #[test]
    fn name_and_version_are_read_in_any_case_and_with_every_line_end() {
        let expected = Ok(("lab-heatflux".to_owned(), "1.4.2".to_owned()));
        for text in [
            "Metadata-Version: 2.1\nName: lab-heatflux\nVersion: 1.4.2\n\nName: in the text\n",
            "Metadata-Version: 2.1\r\nNAME:lab-heatflux  \r\nversion:\t1.4.2\r\n\r\n",
            "Name: lab-heatflux\rVersion: 1.4.2",
            "Name: lab-heatflux\nName: lab-heatflux\nVersion: 1.4.2\nSummary: a\n  b\n",
            "Name: lab-heatflux\nVersion: 1.4.2\nno header\nVersion: 2\n",
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_missing_doubtful_or_none_is_said() {
        for (text, what) in [
            ("", "its METADATA has no Name"),
            ("Name: a\n\nVersion: 1\n", "its METADATA has no Version"),
            // The mark is a part of the first header's name, which then is none.
            ("\u{feff}Name: a\nVersion: 1\n", "its METADATA has no Name"),
            ("Name: a\nVersion: 1\nVersion: 2\n", "its METADATA has more than one Version"),
            ("Name: -a\nVersion: 1\n", "the Name in its METADATA is none"),
            ("Name: a\n b\nVersion: 1\n", "the Name in its METADATA is none"),
            ("Name: a/../b\nVersion: 1\n", "the Name in its METADATA is none"),
            ("Name: a\nVersion: 1\u{1b}[2J\n", "the Version in its METADATA is none"),
            ("Name: a\nVersion:\n", "the Version in its METADATA is none"),
        ] {
            assert_eq!(read(text), Err(what.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_value_is_as_long_as_it_may_be_and_no_longer() {
        for (length, is_read) in [(MAX_VALUE_BYTES - 1, true), (MAX_VALUE_BYTES, true), (MAX_VALUE_BYTES + 1, false)] {
            let text = format!("Name: {}\nVersion: {}\n", "n".repeat(length), "1".repeat(length));
            assert_eq!(read(&text).is_ok(), is_read, "{length}");
        }
    }
}
