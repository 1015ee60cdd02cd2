//! Names of plugins and of directories: which ones are one to somebody, and how they are shown.

use std::ffi::OsStr;

/// A directory's name as one line of text, from which the name can be had back: bytes that are no UTF-8
/// are `\xNN`, a backslash is `\\`, and what does not print is `\u{…}`.
pub fn escaped(name: &OsStr) -> String {
    let quoted = format!("{name:?}");
    quoted[1..quoted.len() - 1].replace("\\\"", "\"").replace("\\'", "'")
}

/// Two names that are one to some file system, or that differ only in dots at the end, are one directory
/// there, and two that differ only in `-`, `_` and `.` are one module to the host: whoever is second
/// replaces the first.
pub(crate) fn folded(name: &str) -> String {
    aisoc_manifests::name::folded(name.trim_end_matches('.')).replace(['-', '.'], "_")
}

/// As [`folded`], letters that people take for each other being one too. For names of ids, which are
/// ASCII; no other name passes.
pub(crate) fn look(name: &str) -> String {
    let name = name.replace(['I', '1', '|'], "l").replace('0', "o");
    folded(&name).replace('i', "l").replace('m', "rn").replace('w', "vv")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn a_name_is_escaped_so_that_it_can_be_had_back() {
        for (name, shown) in [
            (&b"demo"[..], "demo"),
            (b"d\xffmo", "d\\xFFmo"),
            (b"d\\xFFmo", "d\\\\xFFmo"),
            (b"a\"b'c", "a\"b'c"),
            (b"a\nb", "a\\nb"),
            ("a\u{200b}b\u{202e}".as_bytes(), "a\\u{200b}b\\u{202e}"),
        ] {
            assert_eq!(escaped(OsStr::from_bytes(name)), shown);
        }
    }

    #[test]
    fn names_that_people_or_hosts_take_for_each_other_look_alike() {
        for (one, other) in [
            ("race-x", "Race.X"),
            ("shodan", "sh0dan"),
            ("virustotal", "v1rusTotaI"),
            ("modern", "rnodern"),
            ("demo", "demo.."),
        ] {
            assert_eq!(look(one), look(other), "{one} {other}");
        }
        for (one, other) in [("demo", "demo2"), ("other", "another"), ("a-b", "ab")] {
            assert_ne!(look(one), look(other), "{one} {other}");
        }
    }

    #[test]
    fn names_that_are_one_directory_or_one_module_fold_alike_and_looks_do_not_count() {
        for (one, other) in [("demo", "DEMO"), ("a-b", "a_b"), ("a.b", "A-B"), ("demo", "demo."), ("a.b..", "a_b")] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        for (one, other) in
            [("a-b", "ab"), ("demo", ".demo"), ("shodan", "sh0dan"), ("modern", "rnodern"), ("a--b", "a-b")]
        {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }
}
