//! A list of requirements, as pip reads `requirements.txt`.

use std::collections::BTreeSet;

use super::distribution::{Distribution, Hash, Name, pinned};
use super::list::{List, MAX_LINE_BYTES};

/// Reads a list. What names no distribution, and what cannot be read, is noted with its line.
pub(super) fn read(text: &str) -> List {
    let mut list = List::default();
    for (number, line) in lines(text) {
        if let Err(why) = take(&line, &mut list) {
            list.unread.push(format!("line {number}: {why}"));
        }
    }
    list
}

/// The lines with their numbers: continued ones as one, without comments and blanks.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let is_comment = line.trim_start().starts_with('#');
        let (before, continued) = match line.strip_suffix('\\') {
            Some(before) if !is_comment => (before, true),
            _ => (line, false),
        };
        let (_, whole) = begun.get_or_insert_with(|| (number + 1, String::new()));
        whole.push_str(if is_comment { "" } else { before });
        if !continued {
            lines.extend(begun.take());
        }
    }
    lines.extend(begun);
    let bare = lines.into_iter().map(|(number, line)| (number, without_comment(&line).trim().to_owned()));
    bare.filter(|(_, line)| !line.is_empty()).collect()
}

/// Up to a `#` with a blank before it: without one it belongs to an address.
fn without_comment(line: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').find(begins).map_or(line, |(at, _)| &line[..at])
}

fn take(line: &str, list: &mut List) -> Result<(), String> {
    if line.len() > MAX_LINE_BYTES {
        return Err(format!("is longer than {MAX_LINE_BYTES} bytes"));
    }
    if line.starts_with('-') {
        return option(line, list);
    }
    let (requirement, options) = line.find(" --").map_or((line, ""), |at| line.split_at(at));
    let mut distribution = requirement_of(requirement.trim())?;
    distribution.hashes = hashes(options)?;
    list.distributions.push(distribution);
    Ok(())
}

/// A line for pip itself: another list, or where and how archives are looked for, which names none.
fn option(line: &str, list: &mut List) -> Result<(), String> {
    let (word, value) = line.split_once(['=', ' ', '\t']).unwrap_or((line, ""));
    // A short option may have its value behind it without a blank.
    let (word, value) = match word.get(..2) {
        Some(short @ ("-r" | "-c" | "-e")) if word.len() > 2 => (short, &line[2..]),
        _ => (word, value),
    };
    match word {
        "-r" | "--requirement" => list.others.push(value.trim().to_owned()),
        "-c" | "--constraint" => return Err("is a list of constraints, which are not read".to_owned()),
        "-e" | "--editable" => return Err("names a place and no distribution".to_owned()),
        _ => {}
    }
    Ok(())
}

/// `name[extra] >=1,<2 ; marker`, or `name @ address` (PEP 508).
///
/// # Errors
/// For what is none.
pub(super) fn requirement_of(text: &str) -> Result<Distribution, String> {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let (name, rest) = text.split_at(text.find(|c| !is_inside(c)).unwrap_or(text.len()));
    let name = Name::of(name).ok_or("names no distribution")?;
    let rest = without_extras(rest.trim_start())?;
    let version = match rest.trim_start() {
        address if address.starts_with('@') => None,
        rest => pinned(specifier(rest)?)?,
    };
    let requirement = Some(text.to_owned());
    Ok(Distribution { name, version, requirement, hashes: BTreeSet::new(), is_direct: true })
}

fn without_extras(rest: &str) -> Result<&str, String> {
    match rest.strip_prefix('[') {
        None => Ok(rest),
        Some(extras) => extras.split_once(']').map(|(_, rest)| rest).ok_or("has no end of its extras".to_owned()),
    }
}

/// What is before a marker, with or without brackets around it.
fn specifier(rest: &str) -> Result<&str, String> {
    let versions = rest.split_once(';').map_or(rest, |(versions, _)| versions).trim();
    if !versions.is_empty() && !versions.starts_with(['(', '=', '<', '>', '!', '~']) {
        return Err("names no distribution".to_owned());
    }
    match versions.strip_prefix('(') {
        None => Ok(versions),
        Some(inner) => inner.strip_suffix(')').ok_or("has no end of its versions".to_owned()),
    }
}

/// Every `--hash`; other options of a requirement are about how it is built.
fn hashes(options: &str) -> Result<BTreeSet<Hash>, String> {
    let stated = options.split_whitespace().filter_map(|word| word.strip_prefix("--hash"));
    let hash = |value: &str| {
        let text = value.strip_prefix('=').ok_or("has a `--hash` without a `=`")?;
        Hash::of(text).ok_or("has a `--hash` that is none")
    };
    stated.map(hash).collect::<Result<_, _>>().map_err(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &List) -> Vec<(&str, Option<&str>)> {
        list.distributions.iter().map(|found| (found.name.as_str(), found.version.as_deref())).collect()
    }

    #[test]
    fn each_requirement_is_named_with_its_version_where_one_is_left() {
        let list = read(
            "# what the plugin needs\nRequests==2.32.3  # pinned\nurllib3 >=2,<3\n\ncryptography[ssh] == 44.0 ; python_version > \"3.9\"\n\
             idna\ncharset_normalizer (>=3)\npkg @ https://files.example/pkg-1.tar.gz#sha256=00\n",
        );
        let expected = [
            ("requests", Some("2.32.3")),
            ("urllib3", None),
            ("cryptography", Some("44.0")),
            ("idna", None),
            ("charset-normalizer", None),
            ("pkg", None),
        ];
        assert_eq!(named(&list), expected);
        assert_eq!(list.unread, [""; 0]);
        let requirements: Vec<_> = list.distributions.iter().filter_map(|one| one.requirement.as_deref()).collect();
        assert_eq!(requirements[1], "urllib3 >=2,<3");
        assert_eq!(requirements[5], "pkg @ https://files.example/pkg-1.tar.gz#sha256=00");
    }

    #[test]
    fn a_continued_line_is_one_and_has_its_hashes() {
        let (one, other) = ("a".repeat(64), "b".repeat(128));
        let list =
            read(&format!("idna==3.10 \\\n    --hash=sha256:{one} \\\n    --hash=sha512:{other}\nurllib3==2 \\"));
        assert_eq!(named(&list), [("idna", Some("3.10")), ("urllib3", Some("2"))]);
        let found: Vec<&str> = list.distributions[0].hashes.iter().map(|hash| hash.digits.as_str()).collect();
        assert_eq!(found, [one, other]);
        assert_eq!(list.distributions[0].requirement.as_deref(), Some("idna==3.10"));
    }

    #[test]
    fn what_names_nothing_is_noted_with_its_line_and_what_is_for_pip_is_not() {
        let list = read(
            "--index-url https://pypi.example/simple\n-r base.txt\n--requirement=more.txt\n-rglued.txt\n-c constraints.txt\n\
             -e ./local\n./wheels/x-1-py3-none-any.whl\nhttps://files.example/x.whl\nx = 1\nidna==\nidna==1 --hash=sha256:00\n\
             idna[a\nidna (==1\nidna --hash sha256:00\n--require-hashes\n",
        );
        assert_eq!(list.others, ["base.txt", "more.txt", "glued.txt"]);
        assert_eq!(named(&list), [("", None); 0]);
        let lines: Vec<&str> = list.unread.iter().map(|note| note.split(':').next().expect("a line")).collect();
        assert_eq!(lines, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14].map(|line| format!("line {line}")));
    }

    #[test]
    fn a_line_has_an_end() {
        let line = |bytes: usize| format!("idna>={}", "1".repeat(bytes - 6));
        assert!(take(&format!("idna {}", " ".repeat(MAX_LINE_BYTES - 5)), &mut List::default()).is_ok());
        assert!(read(&line(MAX_LINE_BYTES + 1)).unread[0].contains("longer"));
    }
}
