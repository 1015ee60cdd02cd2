//! `Names`: every name of a tree, and the refusal of two names that are one somewhere.

use std::collections::HashMap;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::name::{folded, unportable};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::tar::refuse;

use crate::limits::Limits;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// The names seen so far. Names that differ only in case, in Unicode form or in what is not seen are
/// refused, because on some file systems the second would overwrite the first after both were verified.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_folded: HashMap<String, Name>,
    bytes: usize,
    title: usize,
}

#[derive(Debug)]
struct Name {
    path: RelPath,
    kind: Kind,
    listed: Listed,
}

/// Longest title that a layer of ours has: an id, and the `/` behind it.
const LONGEST_TITLE: usize = 65;

impl Names {
    /// Those of an artifact, whose title stands before each name and is one more entry. It counts for nothing: what
    /// an author may pack is what every reader takes.
    pub(crate) fn of_artifact() -> Self {
        Self { title: LONGEST_TITLE, ..Self::default() }
    }

    /// Adds a file and its parents.
    pub(crate) fn file(&mut self, path: &RelPath, limits: &Limits) -> Result<()> {
        self.parents(path, limits)?;
        self.add(path, Kind::File, Listed::Yes, limits)
    }

    /// Adds a directory that has an entry of its own, and its parents.
    pub(crate) fn directory(&mut self, path: &RelPath, limits: &Limits) -> Result<()> {
        self.parents(path, limits)?;
        self.add(path, Kind::Directory, Listed::Yes, limits)
    }

    /// Every name with its kind, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&RelPath, Kind)> {
        self.by_folded.values().map(|name| (&name.path, name.kind))
    }

    fn parents(&mut self, path: &RelPath, limits: &Limits) -> Result<()> {
        let Some(parent) = path.parent() else { return Ok(()) };
        if self
            .by_folded
            .get(&folded(parent.as_str()))
            .is_some_and(|name| name.path == parent && name.kind == Kind::Directory)
        {
            return Ok(());
        }
        self.parents(&parent, limits)?;
        self.add(&parent, Kind::Directory, Listed::No, limits)
    }

    fn add(&mut self, path: &RelPath, kind: Kind, listed: Listed, limits: &Limits) -> Result<()> {
        let folded = folded(path.as_str());
        if let Some(present) = self.by_folded.get_mut(&folded) {
            return present.meet(path, kind, listed);
        }
        // The folded name is what is held, and may be eleven times as long (U+FDFA).
        self.bytes += path.as_str().len().max(folded.len()).saturating_sub(self.title);
        let own = usize::from(self.title > 0);
        if self.by_folded.len() >= limits.max_entries + own {
            return Err(too_much("files and directories", limits.max_entries));
        }
        if self.bytes > limits.max_name_bytes {
            return Err(too_much("bytes of names", limits.max_name_bytes));
        }
        self.by_folded.insert(folded, Name { path: path.clone(), kind, listed });
        Ok(())
    }
}

/// Whether a name has an entry of its own, or is known only as the parent of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    Yes,
    No,
}

impl Name {
    /// The same name again: fine for a directory, unless both have an entry of their own.
    fn meet(&mut self, path: &RelPath, kind: Kind, listed: Listed) -> Result<()> {
        if self.path != *path {
            return Err(refuse(format!(
                "`{path}` and `{}` are one name on systems that fold case or Unicode forms",
                self.path
            )));
        }
        if self.kind != kind {
            return Err(refuse(format!("`{path}` is both a file and a directory")));
        }
        if self.listed == Listed::Yes && listed == Listed::Yes {
            // Extractors keep the last of two equal names and verifiers may see the first (CVE-2013-4787).
            return Err(refuse(format!("the name `{path}` stands twice")));
        }
        if listed == Listed::Yes {
            self.listed = listed;
        }
        Ok(())
    }
}

fn too_much(what: &str, limit: usize) -> Fault {
    refuse(format!("there are more than {limit} {what}"))
}

/// Refuses names that stand for something else on Windows, where operators and authors check plugins
/// out too. The host signs such names, so reading a directory does not refuse them; shipping and
/// receiving do.
///
/// # Errors
/// `unsafe_archive`, saying which rule the name breaks.
pub(crate) fn require_portable(path: &RelPath) -> Result<()> {
    match path.components().find_map(|component| Some((component, unportable(component)?))) {
        None => Ok(()),
        Some((component, rule)) if component == path.as_str() => Err(refuse(format!("the name `{path}` {rule}"))),
        Some((component, rule)) => Err(refuse(format!("the name `{path}` holds `{component}`, which {rule}"))),
    }
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::fault::Reason;

    use super::*;

    fn add_all(names: &[&str]) -> Result<usize> {
        let mut seen = Names::default();
        for name in names {
            let path = RelPath::parse(name.trim_end_matches('/'))?;
            match name.ends_with('/') {
                true => seen.directory(&path, &Limits::default())?,
                false => seen.file(&path, &Limits::default())?,
            }
        }
        Ok(seen.by_folded.len())
    }

    #[test]
    fn parents_are_made_once_and_may_be_listed_later() {
        assert_eq!(add_all(&["a/b/c", "a/b/d", "a/", "a/b/"]).expect("fine"), 4);
    }

    #[test]
    fn refuses_two_names_that_are_one_somewhere() {
        for names in [
            &["a", "a"][..],
            &["a/", "a/"],
            &["a", "a/b"],
            &["a/b", "a"],
            &["a", "a/"],
            &["plugin.py", "Plugin.py"],
            &["A/x", "a/y"],
            &["\u{e9}.py", "e\u{301}.py"],
            &["\u{c9}.py", "e\u{301}.py"],
            &["s.py", "\u{17f}.py"],
            &["\u{3c3}.py", "\u{3c2}.py"],
            &["stra\u{df}e.py", "STRASSE.py"],
            &["\u{fb01}le.py", "file.py"],
            &["\u{ff50}lugin.py", "plugin.py"],
            &["stra\u{df}e/a", "strasse/b"],
        ] {
            assert_eq!(add_all(names).expect_err(names[1]).reason(), Reason::UnsafeArchive);
        }
    }

    #[test]
    fn one_component_that_windows_reads_otherwise_refuses_the_path() {
        for bad in ["CON", "sub/con.py", "aux/x.py", "s./x", "a/b:c"] {
            let fault = require_portable(&RelPath::parse(bad).expect("valid")).expect_err(bad);
            assert_eq!(fault.reason(), Reason::UnsafeArchive);
        }
        for good in ["console.py", "auxiliary/x", "a.b.c", ".env"] {
            require_portable(&RelPath::parse(good).expect("valid")).expect(good);
        }
    }

    #[test]
    fn counts_entries_and_name_bytes() {
        let limits = Limits { max_entries: 2, max_name_bytes: 10, ..Limits::default() };
        let path = |text| RelPath::parse(text).expect("valid");
        let mut names = Names::default();
        names.file(&path("a/b"), &limits).expect("two entries");
        assert!(names.file(&path("c"), &limits).is_err());
        assert!(Names::default().file(&path("elevenbytes"), &limits).is_err());
        Names::default().file(&path("tenofbytes"), &limits).expect("ten bytes");
        assert!(Names::default().file(&path("\u{fdfa}"), &limits).is_err(), "three bytes that fold to 33");
    }

    #[test]
    fn bounds_of_names_hold_to_the_entry_and_to_the_byte() {
        let path = |text: &str| RelPath::parse(text).expect("valid");
        let add = |max_entries, max_name_bytes| {
            let limits = Limits { max_entries, max_name_bytes, ..Limits::default() };
            let mut names = Names::default();
            // `ab`, `ab/c` and `ab/de`: a parent counts once, however often it is met.
            names.file(&path("ab/c"), &limits)?;
            names.directory(&path("ab"), &limits)?;
            names.file(&path("ab/de"), &limits)
        };
        add(3, 11).expect("at both bounds");
        assert!(add(2, 11).expect_err("one entry more").message().contains("more than 2 files and directories"));
        assert!(add(3, 10).expect_err("one byte more").message().contains("more than 10 bytes of names"));
    }

    #[test]
    fn a_directory_is_listed_once_also_after_it_was_only_a_parent() {
        assert!(add_all(&["a/b", "a/", "a/"]).expect_err("listed twice").message().contains("twice"));
        assert!(add_all(&["a/", "a/b", "a/"]).expect_err("listed twice").message().contains("twice"));
        assert_eq!(add_all(&["a/", "a/b/", "a/b/c", "a/d"]).expect("once each"), 4);
    }

    #[test]
    fn a_parent_in_another_spelling_or_of_another_kind_is_refused() {
        for (names, word) in [
            (&["a/x", "A/y"][..], "one name"),
            (&["a/b/x", "a/B/y"], "one name"),
            (&["a/b", "a/b/c/d"], "both a file and a directory"),
            (&["a/", "A"], "one name"),
        ] {
            let fault = add_all(names).expect_err(word);
            assert!(fault.message().contains(word), "{fault:?}");
        }
    }

    #[test]
    fn every_name_is_given_with_what_it_stands_for() {
        let mut names = Names::default();
        let path = RelPath::parse("a/b").expect("valid");
        names.file(&path, &Limits::default()).expect("fine");
        let mut all: Vec<(String, Kind)> = names.iter().map(|(path, kind)| (path.to_string(), kind)).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(all, [("a".to_owned(), Kind::Directory), ("a/b".to_owned(), Kind::File)]);
    }

    #[test]
    fn a_refused_name_is_shown_with_the_component_that_refuses_it() {
        let refusal = |name: &str| require_portable(&RelPath::parse(name).expect("valid")).expect_err(name);
        assert!(refusal("con").message().starts_with("the name `con` "));
        assert!(refusal("a/con/b").message().starts_with("the name `a/con/b` holds `con`, which "));
    }
}
