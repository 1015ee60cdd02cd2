//! The one name that somebody may have meant.

use strsim::osa_distance;

/// Shorter words are every other word.
const SHORTEST_BEGINNING: usize = 3;

/// The name that is meant by what was typed: the same one in another spelling, the only one that begins so, or
/// the nearest. Nothing when two are as near as each other, for a guess helps less than the list.
pub(in super::super) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let names: Vec<&str> = names.into_iter().collect();
    let bare = bare(typed);
    let same = only(names.iter().filter(|name| self::bare(name) == bare));
    let begun =
        || only(names.iter().filter(|name| bare.len() >= SHORTEST_BEGINNING && self::bare(name).starts_with(&bare)));
    same.or_else(begun).or_else(|| closest(&bare, &names))
}

/// Without what people leave out and put in: case, and what joins words.
fn bare(name: &str) -> String {
    name.to_lowercase().replace(['-', '_'], "")
}

fn closest<'a>(bare: &str, names: &[&'a str]) -> Option<&'a str> {
    let far = |name: &str| osa_distance(bare, &self::bare(name));
    let least = names.iter().map(|name| far(name)).min()?;
    let is_near = |name: &&&str| far(name) == least && least <= self::bare(name).len().min(bare.len()) / 3;
    only(names.iter().filter(is_near))
}

/// The one name, under which a command may stand more than once.
fn only<'a, 'b>(mut names: impl Iterator<Item = &'b &'a str>) -> Option<&'a str>
where
    'a: 'b,
{
    let first = names.next()?;
    names.all(|name| name == first).then_some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 9] = ["sign", "list", "push", "pull", "plugin", "plugins", "gc", "--plugins-dir", "uninstall"];

    #[test]
    fn a_slip_is_found_and_another_word_is_none() {
        for (typed, meant) in [
            ("singn", "sign"),
            ("sgin", "sign"),
            ("SIGN", "sign"),
            ("lst", "list"),
            ("pul", "pull"),
            ("plguin", "plugin"),
            ("uninst", "uninstall"),
            ("--pluginsdir", "--plugins-dir"),
            ("--plugins_dir", "--plugins-dir"),
        ] {
            assert_eq!(nearest(typed, NAMES), Some(meant), "{typed}");
        }
        for typed in ["zzz", "", "x", "gx", "keys", "login", "lisa-and-bob", "pu", "plish", "--", "serve"] {
            assert_eq!(nearest(typed, NAMES), None, "{typed}");
        }
    }
}
