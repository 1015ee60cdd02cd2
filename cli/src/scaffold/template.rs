//! The files of a scaffold, and how the author's words get into them.
//!
//! Substitution is one pass: what was put in is never looked at again, so `{{name}}` or `$HOME`
//! in an author's name is only text. A placeholder stands between double quotes wherever its value
//! can hold more than letters, digits, blanks, `-` and `_`; those values are escaped for that place.

use aisoc_manifests::text::first_hidden;

use super::kind::ScaffoldType;

/// One file: its path inside the plugin with `/`, and its text with placeholders.
pub(super) type Template = (&'static str, &'static str);

/// What stands for the placeholders.
pub(super) struct Values<'a> {
    /// The plugin's id, for `{{id}}`.
    pub(super) id: &'a str,
    /// The name as it was typed, for `{{name}}`.
    pub(super) name: &'a str,
    /// The author as it was typed, for `{{author}}`.
    pub(super) author: &'a str,
    /// A payload to try, for `{{sample}}`.
    pub(super) sample: &'a str,
    /// Today in UTC as YYYY-MM-DD, for `{{today}}`.
    pub(super) today: &'a str,
}

/// The files of `templates/FOLDER`, with the commands that every README ends with.
macro_rules! files {
    ($folder:literal: $($code:literal)+) => {
        &[
            ("plugin.yaml", include_str!(concat!("templates/", $folder, "/plugin.yaml"))),
            $(($code, include_str!(concat!("templates/", $folder, "/", $code))),)+
            (
                "README.md",
                concat!(
                    include_str!(concat!("templates/", $folder, "/README.md")),
                    include_str!("templates/commands.md"),
                ),
            ),
        ]
    };
}

/// The files of one type: the manifest first, the code, then the README.
pub(super) fn templates(plugin_type: ScaffoldType) -> &'static [Template] {
    match plugin_type {
        ScaffoldType::Enricher => files!("enricher": "plugin.py"),
        ScaffoldType::Connector => files!("connector": "connector.py" "plugin.py"),
        ScaffoldType::Responder => files!("responder": "plugin.py"),
        ScaffoldType::Detection => files!("detection": "rules/example.yaml" "plugin.py"),
        ScaffoldType::Widget => files!("widget": "widget.py" "plugin.py"),
    }
}

/// The template with every placeholder replaced. `{{` without a known name after it stays as it is.
pub(super) fn render(template: &str, values: &Values<'_>) -> String {
    let mut rendered = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        rendered.push_str(before);
        let found = after.split_once("}}").and_then(|(name, tail)| Some((value(name, values)?, tail)));
        rest = match found {
            Some((value, tail)) => {
                rendered.push_str(&value);
                tail
            }
            None => {
                rendered.push_str("{{");
                after
            }
        };
    }
    rendered.push_str(rest);
    rendered
}

fn value(placeholder: &str, values: &Values<'_>) -> Option<String> {
    Some(match placeholder {
        "id" => values.id.to_owned(),
        "name" => values.name.to_owned(),
        "author" => inside_double_quotes(values.author),
        "sample" => values.sample.to_owned(),
        "today" => values.today.to_owned(),
        "config_variable" => format!("PLUGIN_{}_CONFIG", values.id.to_ascii_uppercase().replace('-', "_")),
        _ => return None,
    })
}

/// The text as it stands between the double quotes of YAML, and equally of JSON.
///
/// Only escapes that both know are used, because the rules of a detection are read by a small
/// reader of its own. Everything invisible is escaped: it may end a line for one reader only
/// (U+0085, U+2028), or turn the order of what a reviewer sees (U+202E). Beyond the basic plane
/// the two notations share no escape and no character ends a line, so those stay as they are.
fn inside_double_quotes(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            ' '..='~' => escaped.push(character),
            _ if is_visible(character) || character > '\u{ffff}' => escaped.push(character),
            _ => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
        }
    }
    escaped
}

/// Whether the character, standing alone, is seen as what it is.
fn is_visible(character: char) -> bool {
    first_hidden(character.encode_utf8(&mut [0; 4])).is_none()
}
