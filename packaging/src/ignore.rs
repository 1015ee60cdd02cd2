//! What an author's directory holds that is not part of the plugin.

use std::io::Read as _;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::SIGNATURE_FILE;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::parallel::{Links, open};
use crate::tree::is_manifest;

/// The file in which an author lists what is not part of the plugin, in the syntax of `.gitignore`.
pub const IGNORE_FILE: &str = ".aisocignore";
/// Largest ignore file that is read.
const MAX_IGNORE_BYTES: u64 = 64 << 10;

/// Left out unless `.aisocignore` asks for it again with `!`: caches, which differ between two runs of
/// the same code and can hold other code than the sources say, histories, virtual environments, and
/// what editors and desktops leave behind. `venv/` is not here: it can be a plugin's own module.
const BUILT_IN: [&str; 17] = [
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
    "Thumbs.db",
    ".*.sw[op]",
    "*~",
    "\\#*#",
    ".#*",
    "/.aisocignore",
];

/// The rules of one plugin directory.
pub(crate) struct IgnoreRules(Gitignore);

impl IgnoreRules {
    /// The built-in rules, then those of the directory's `.aisocignore`, where the last match counts.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let path = root.join(IGNORE_FILE);
        let mut builder = GitignoreBuilder::new("");
        let text = match open(&path, Links::Refused) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Fault::io("read", &path, error)),
            Ok(file) => read_text(file).map_err(|error| Fault::io("read", &path, error))?,
        };
        for (number, line) in BUILT_IN
            .into_iter()
            .map(|line| (None, line))
            .chain(text.lines().enumerate().map(|(n, line)| (Some(n), line)))
        {
            builder.add_line(None, line).map_err(|error| malformed(number, error))?;
        }
        builder.build().map(Self).map_err(|error| malformed(None, error))
    }

    /// Whether the file is left out. Manifest and signature always are part of the plugin.
    pub(crate) fn excludes_file(&self, path: &Path) -> bool {
        let described = path.to_str().is_some_and(|name| is_manifest(name) || name == SIGNATURE_FILE);
        !described && self.0.matched(path, false).is_ignore()
    }

    /// Whether the directory is left out with all it holds.
    pub(crate) fn excludes_directory(&self, path: &Path) -> bool {
        self.0.matched(path, true).is_ignore()
    }
}

fn read_text(file: std::fs::File) -> std::io::Result<String> {
    let mut text = String::new();
    file.take(MAX_IGNORE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_IGNORE_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "larger than 64 KiB"));
    }
    Ok(text)
}

fn malformed(line: Option<usize>, error: ignore::Error) -> Fault {
    let place = line.map_or(String::new(), |line| format!(", line {}", line + 1));
    Fault::new(Reason::ForbiddenEntry, format!("`{IGNORE_FILE}`{place} is not a pattern"))
        .caused_by(error)
        .hint("write one pattern per line, as in a .gitignore")
}

/// Whether a file of that name holds a secret, whatever is in it.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(".key") || matches!(lower.as_str(), ".env" | "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519")
}

/// Whether a file of that name may hold a private key, which its content then decides.
pub(crate) fn may_hold_key(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".pem")
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
    fn leaves_out_caches_and_histories() {
        let (_directory, rules) = rules("");
        for file in ["a.pyc", "sub/x.pyo", ".DS_Store", ".plugin.py.swp", "plugin.py~", ".aisocignore", ".git"] {
            assert!(rules.excludes_file(Path::new(file)), "{file}");
        }
        for directory in ["__pycache__", "sub/__pycache__", ".git", ".venv"] {
            assert!(rules.excludes_directory(Path::new(directory)), "{directory}");
        }
        for file in ["plugin.py", "venv/x.py", "git", "sub/.aisocignore", "README.md", ".hidden.py"] {
            assert!(!rules.excludes_file(Path::new(file)), "{file}");
        }
    }

    #[test]
    fn the_author_has_the_last_word_but_not_on_the_manifest() {
        let (_directory, rules) = rules("*\n!*.py\n!keep.pyc\n");
        assert!(rules.excludes_file(Path::new("notes.txt")));
        for file in ["plugin.py", "keep.pyc", "plugin.yaml", "plugin.sig", "aisoc-plugin.json"] {
            assert!(!rules.excludes_file(Path::new(file)), "{file}");
        }
    }

    #[test]
    fn knows_a_secret_by_its_name() {
        for secret in ["release.key", "X.KEY", ".env", "id_rsa", "id_ed25519"] {
            assert!(is_secret_name(secret), "{secret}");
        }
        for harmless in ["key", "monkey.py", ".env.example", "id_rsa.pub", "keys"] {
            assert!(!is_secret_name(harmless), "{harmless}");
        }
    }
}
