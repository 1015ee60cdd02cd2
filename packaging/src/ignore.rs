//! What an author's directory holds that is not part of the plugin.

use std::path::Path;

use aisoc_files::{Links, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{SIGNATURE_DIRECTORY, is_signature_file};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::secrets::is_draft_name;
use crate::tree::is_manifest;

/// The file in which an author lists what is not part of the plugin, in the syntax of `.gitignore`.
pub const IGNORE_FILE: &str = ".aisocignore";
/// Largest ignore file that is read.
const MAX_IGNORE_BYTES: u64 = 64 << 10;

/// Left out unless `.aisocignore` asks for it again with `!`, `*.py` files excepted: caches, which differ between two runs of
/// the same code and can hold other code than the sources say, histories, virtual environments, and
/// what editors and desktops leave behind. `venv/` is not here: it can be a plugin's own module.
const BUILT_IN: [&str; 19] = [
    "__pycache__/",
    "*.pyc",
    "*.pyo",
    ".git",
    ".hg/",
    ".svn/",
    ".venv/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".DS_Store",
    "._*",
    "__MACOSX/",
    "Thumbs.db",
    ".*.sw[op]",
    "*~",
    "\\#*#",
    ".#*",
    "/.aisocignore",
];

/// The rules of one plugin directory.
pub(crate) struct IgnoreRules {
    built_in: Gitignore,
    authors: Gitignore,
}

/// What the rules make of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Part of the plugin.
    Shipped,
    /// Left out; a directory with all it holds.
    LeftOut,
    /// A directory that is left out but for the `*.py` files in it.
    OnlyPython,
}

impl IgnoreRules {
    /// The built-in rules, and those of the directory's `.aisocignore`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let path = root.join(IGNORE_FILE);
        // Whole or not at all: rules from a part of it would ship what the rest leaves out.
        let text = match read_small(&path, MAX_IGNORE_BYTES, Links::Refused) {
            Ok(read) => String::from_utf8(read.content).map_err(|error| {
                Fault::new(Reason::ForbiddenEntry, format!("`{}` is not UTF-8", path.display())).caused_by(error)
            })?,
            Err(error) if error.is_absent() => String::new(),
            Err(error) => return Err(Fault::io("read", &path, error.into())),
        };
        let built_in = compile(BUILT_IN.into_iter().map(|line| (None, line)))?;
        let authors = compile(text.lines().enumerate().map(|(number, line)| (Some(number), line)))?;
        Ok(Self { built_in, authors })
    }

    /// The author's rules decide; where they say nothing, the built-in ones do, and those never hide a
    /// `*.py` file: the host's signature covers every one, wherever it lies, so what is signed and what
    /// is shipped would be two things. Manifest and signatures always are part of the plugin.
    pub(crate) fn of_file(&self, path: &Path) -> Verdict {
        if is_draft(path) {
            return if is_python(path) { Verdict::Shipped } else { Verdict::LeftOut };
        }
        let described = path.to_str().is_some_and(|name| is_manifest(name) || is_signature_file(name));
        let authors = self.authors.matched(path, false);
        if described || authors.is_whitelist() {
            return Verdict::Shipped;
        }
        let built_in = !is_python(path) && self.built_in.matched_path_or_any_parents(path, false).is_ignore();
        if authors.is_ignore() || built_in { Verdict::LeftOut } else { Verdict::Shipped }
    }

    /// As [`IgnoreRules::of_file`], for a directory.
    pub(crate) fn of_directory(&self, path: &Path) -> Verdict {
        if path == Path::new(SIGNATURE_DIRECTORY) {
            return Verdict::Shipped;
        }
        if is_draft(path) {
            return Verdict::OnlyPython;
        }
        match self.authors.matched(path, true) {
            ignore::Match::Ignore(_) => Verdict::LeftOut,
            ignore::Match::Whitelist(_) => Verdict::Shipped,
            ignore::Match::None if self.built_in.matched_path_or_any_parents(path, true).is_ignore() => {
                Verdict::OnlyPython
            }
            ignore::Match::None => Verdict::Shipped,
        }
    }
}

fn is_python(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b".py")
}

/// Ours, and not finished, or in something that is: no rule of an author asks for it again. What is
/// Python in it is not passed over in silence, and refused where it is found.
fn is_draft(path: &Path) -> bool {
    path.iter().any(|name| name.to_str().is_some_and(is_draft_name))
}

fn compile<'a>(lines: impl Iterator<Item = (Option<usize>, &'a str)>) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    for (number, line) in lines {
        builder.add_line(None, line).map_err(|error| malformed(number, error))?;
    }
    builder.build().map_err(|error| malformed(None, error))
}

fn malformed(line: Option<usize>, error: ignore::Error) -> Fault {
    let place = line.map_or(String::new(), |line| format!(", line {}", line + 1));
    Fault::new(Reason::ForbiddenEntry, format!("`{IGNORE_FILE}`{place} is not a pattern"))
        .caused_by(error)
        .hint("write one pattern per line, as in a .gitignore")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> (tempfile::TempDir, IgnoreRules) {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join(IGNORE_FILE), text).expect("written");
        let rules = IgnoreRules::read(directory.path()).expect("valid");
        (directory, rules)
    }

    #[test]
    fn leaves_out_caches_and_histories_but_no_python_source() {
        let (_directory, rules) = rules("");
        for file in
            ["a.pyc", "sub/x.pyo", ".DS_Store", ".plugin.py.swp", "plugin.py~", ".aisocignore", ".git", ".git/HEAD"]
        {
            assert_eq!(rules.of_file(Path::new(file)), Verdict::LeftOut, "{file}");
        }
        for directory in ["__pycache__", "sub/__pycache__", ".git", ".git/hooks", ".venv"] {
            assert_eq!(rules.of_directory(Path::new(directory)), Verdict::OnlyPython, "{directory}");
        }
        for file in ["plugin.py", "venv/x.py", "git", "sub/.aisocignore", "README.md", ".hidden.py", ".git/hooks/x.py"]
        {
            assert_eq!(rules.of_file(Path::new(file)), Verdict::Shipped, "{file}");
        }
    }

    #[test]
    fn the_author_has_the_last_word_but_not_on_the_manifest() {
        let (_directory, rules) = rules("*\n!*.py\n!keep.pyc\n.venv/\n");
        assert_eq!(rules.of_file(Path::new("notes.txt")), Verdict::LeftOut);
        assert_eq!(rules.of_directory(Path::new(".venv")), Verdict::LeftOut);
        assert_eq!(rules.of_directory(Path::new("plugin.sig.d")), Verdict::Shipped);
        assert_eq!(rules.of_directory(Path::new("sub/plugin.sig.d")), Verdict::LeftOut, "no plugin's signatures");
        for file in ["plugin.py", "keep.pyc", "plugin.yaml", "plugin.sig", "plugin.sig.d/files", "aisoc-plugin.json"] {
            assert_eq!(rules.of_file(Path::new(file)), Verdict::Shipped, "{file}");
        }
    }

    #[test]
    fn each_built_in_rule_leaves_out_what_it_names_and_nothing_near_it() {
        let (_directory, rules) = rules("");
        for (left_out, shipped) in [
            ("a.pyo", "a.pyd"),
            (".DS_Store", "DS_Store"),
            ("sub/Thumbs.db", "thumbs.db"),
            (".x.swo", ".x.swq"),
            (".x.swp", "x.swp"),
            ("a~", "a~b"),
            ("#a#", "#a"),
            (".#a", ".a#"),
            ("sub/._plugin.yaml", "_.plugin.yaml"),
            (".git", "x.git"),
        ] {
            assert_eq!(rules.of_file(Path::new(left_out)), Verdict::LeftOut, "{left_out}");
            assert_eq!(rules.of_file(Path::new(shipped)), Verdict::Shipped, "{shipped}");
        }
        for directory in [".hg", ".svn", "__MACOSX", ".mypy_cache", "sub/.pytest_cache", ".ruff_cache"] {
            assert_eq!(rules.of_directory(Path::new(directory)), Verdict::OnlyPython, "{directory}");
            let (file, source) = (format!("{directory}/x"), format!("{directory}/x.py"));
            assert_eq!(rules.of_file(Path::new(&file)), Verdict::LeftOut, "{file}");
            assert_eq!(rules.of_file(Path::new(&source)), Verdict::Shipped, "{source}");
            // A file of that name is no cache.
            assert_eq!(rules.of_file(Path::new(directory)), Verdict::Shipped, "{directory}");
        }
        for directory in ["venv", "lib", "plugin.sig.d", "sub/plugin.sig.d"] {
            assert_eq!(rules.of_directory(Path::new(directory)), Verdict::Shipped, "{directory}");
        }
    }

    #[test]
    fn no_rule_of_an_author_ships_our_own_drafts_or_hides_the_python_in_them() {
        let (_directory, rules) = rules("!.aisoc-*\n!*\n");
        for file in [".aisoc-package-x", ".ingest-1", ".aisoc-x/data", "sub/.ingest-x/a/b"] {
            assert_eq!(rules.of_file(Path::new(file)), Verdict::LeftOut, "{file}");
        }
        assert_eq!(rules.of_file(Path::new(".aisoc-x/a.py")), Verdict::Shipped, "to be refused where it is found");
        for directory in [".aisoc-x", "sub/.ingest-1", ".aisoc-x/below"] {
            assert_eq!(rules.of_directory(Path::new(directory)), Verdict::OnlyPython, "{directory}");
        }
    }

    #[test]
    fn an_author_asks_for_a_cache_again_and_leaves_python_out() {
        let (_directory, rules) = rules("# a comment\n\n!__pycache__/\n/tests/\nsecret.py\n");
        assert_eq!(rules.of_directory(Path::new("__pycache__")), Verdict::Shipped);
        assert_eq!(rules.of_directory(Path::new("tests")), Verdict::LeftOut);
        assert_eq!(rules.of_directory(Path::new("sub/tests")), Verdict::Shipped);
        assert_eq!(rules.of_file(Path::new("sub/secret.py")), Verdict::LeftOut);
        assert_eq!(rules.of_file(Path::new("# a comment")), Verdict::Shipped);
    }

    fn read(text: &[u8]) -> Result<IgnoreRules> {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join(IGNORE_FILE), text).expect("written");
        IgnoreRules::read(directory.path())
    }

    fn refusal(text: &[u8]) -> Fault {
        read(text).err().expect("it refuses")
    }

    #[test]
    fn rules_are_read_whole_or_the_directory_is_refused() {
        let comment = |bytes: usize| [b"#".repeat(bytes - 2), b"\nx".to_vec()].concat();
        let rules = read(&comment(MAX_IGNORE_BYTES as usize)).expect("at the bound");
        assert_eq!(rules.of_file(Path::new("x")), Verdict::LeftOut, "its last line counts");
        assert!(read(&comment(MAX_IGNORE_BYTES as usize + 1)).is_err());
        assert_eq!(refusal(b"ok\n\xff\n").reason(), Reason::ForbiddenEntry);
        let fault = refusal(b"ok\n[z-a]\n");
        assert_eq!(fault.reason(), Reason::ForbiddenEntry);
        assert!(fault.message().contains("line 2"), "{fault:?}");
    }

    #[test]
    fn rules_behind_a_link_are_nobodys() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("elsewhere"), "*").expect("written");
        std::os::unix::fs::symlink("elsewhere", directory.path().join(IGNORE_FILE)).expect("linked");
        assert!(IgnoreRules::read(directory.path()).is_err());
        std::fs::remove_file(directory.path().join(IGNORE_FILE)).expect("removed");
        let rules = IgnoreRules::read(directory.path()).expect("none");
        assert_eq!(rules.of_file(Path::new("elsewhere")), Verdict::Shipped);
    }
}
