//! What of a directory belongs to the plugin: each entry is looked at, and shipped, left out, or refused.
#![expect(clippy::disallowed_methods, reason = "its room: the bounded walk over an author's directory")]

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, FileType};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::text::{printable, spelled};

use crate::ignore::{IgnoreRules, Verdict};
use crate::limits::Limits;
use crate::names::Names;
use crate::secrets::is_draft_name;
use crate::vacancy::Vacancy;

pub(crate) struct Search<'a> {
    root: &'a Path,
    rules: Option<IgnoreRules>,
    limits: &'a Limits,
    names: Names,
    found: Vec<RelPath>,
    excluded: BTreeSet<String>,
    /// By what is there, shipped or not.
    vacancy: Vacancy,
    /// Entries of any kind, left out or not.
    seen: usize,
    /// Bytes of what was found, as the file system states them: a file that is mostly hole is refused
    /// before anybody reads it.
    bytes: u64,
}

impl<'a> Search<'a> {
    /// The plugin's files and what the rules left out, both sorted, and how large the files are together.
    pub(crate) fn run(
        root: &'a Path,
        rules: Option<IgnoreRules>,
        limits: &'a Limits,
    ) -> Result<(Vec<RelPath>, Vec<String>, u64)> {
        let mut search = Self {
            root,
            rules,
            limits,
            names: Names::default(),
            found: Vec::new(),
            excluded: BTreeSet::new(),
            vacancy: Vacancy::default(),
            seen: 0,
            bytes: 0,
        };
        search.directory(None)?;
        if let Some(empty) = search.vacancy.empty().first() {
            return Err(empty_directory(root, empty, search.vacancy.has_below(empty)));
        }
        search.found.sort();
        Ok((search.found, search.excluded.into_iter().collect(), search.bytes))
    }

    /// Recursion is bounded: a name deeper than `RelPath` allows is refused before it is entered.
    fn directory(&mut self, below: Option<&RelPath>) -> Result<()> {
        let path = below.map_or_else(|| self.root.to_owned(), |below| below.under(self.root));
        let failed = |error| Fault::io("list", &path, error);
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            self.count_entry()?;
            self.entry(below, &entry, kind)?;
        }
        Ok(())
    }

    fn count_entry(&mut self) -> Result<()> {
        self.limits.cancellation.check()?;
        self.seen += 1;
        if self.seen <= self.limits.max_seen_entries {
            return Ok(());
        }
        Err(forbidden(format!("`{}` has too many entries", self.root.display()))
            .expected(format!("at most {}", self.limits.max_seen_entries), "more")
            .hint("move what is no part of the plugin out of its directory"))
    }

    /// Judged by its stated size, before anything is read; the open file is held to it again.
    fn count_bytes(&mut self, path: &RelPath, bytes: u64) -> Result<()> {
        require_size(path, bytes, self.limits)?;
        self.bytes = self.bytes.saturating_add(bytes);
        require_total(self.bytes, self.limits)
    }

    fn entry(&mut self, below: Option<&RelPath>, entry: &DirEntry, kind: FileType) -> Result<()> {
        let name = entry.file_name();
        let relative = below.map_or_else(|| PathBuf::from(&name), |below| Path::new(below.as_str()).join(&name));
        let verdict = match &self.rules {
            None => Verdict::Shipped,
            Some(rules) if kind.is_dir() => rules.of_directory(&relative),
            Some(rules) => rules.of_file(&relative),
        };
        if verdict != Verdict::Shipped {
            self.leave_out(format!("{}{}", relative.display(), if kind.is_dir() { "/" } else { "" }));
        }
        if !kind.is_dir() || verdict != Verdict::Shipped {
            self.vacancy.entry(&relative);
        }
        if verdict == Verdict::LeftOut {
            return Ok(());
        }
        let shown = format!("`{}`", printable(&spelled(relative.as_os_str().as_encoded_bytes())));
        let text = relative.to_str().ok_or_else(|| forbidden(format!("the name {shown} is not UTF-8")))?;
        let path = RelPath::parse(text).map_err(|fault| forbidden(fault.message()))?;
        if kind.is_dir() {
            if verdict == Verdict::Shipped {
                self.names.directory(&path, self.limits).map_err(|fault| forbidden(fault.message()))?;
                self.vacancy.directory(&relative);
            }
            return self.directory(Some(&path));
        }
        if !kind.is_file() {
            return Err(forbidden(format!("{shown} is {}", kind_name(kind))));
        }
        if self.rules.is_some() && path.components().any(is_draft_name) {
            return Err(draft(&path));
        }
        if self.rules.is_some() && is_note_of_macos(&path) {
            return Err(note_of_macos(self.root, &path));
        }
        self.names.file(&path, self.limits).map_err(|fault| forbidden(fault.message()))?;
        let stated = entry.metadata().map_err(|error| Fault::io("look at", &entry.path(), error))?.len();
        self.count_bytes(&path, stated)?;
        self.found.push(path);
        Ok(())
    }

    /// Notes an entry, unless the directory that it is in was noted.
    fn leave_out(&mut self, entry: String) {
        let mut above = entry.match_indices('/').map(|(at, _)| &entry[..=at]).filter(|above| *above != entry);
        if !above.any(|above| self.excluded.contains(above)) {
            self.excluded.insert(entry);
        }
    }
}

pub(crate) fn require_size(path: &RelPath, bytes: u64, limits: &Limits) -> Result<()> {
    if bytes <= limits.max_file_bytes {
        return Ok(());
    }
    Err(forbidden(format!("`{path}` is too large"))
        .expected(format!("at most {} bytes", limits.max_file_bytes), format!("{bytes} bytes"))
        .hint(format!("make it smaller, or list `{path}` in .aisocignore")))
}

pub(crate) fn require_total(bytes: u64, limits: &Limits) -> Result<()> {
    if bytes <= limits.max_total_bytes {
        return Ok(());
    }
    Err(forbidden("the plugin is too large")
        .expected(format!("at most {} bytes", limits.max_total_bytes), format!("{bytes} bytes"))
        .hint("list what is no part of the plugin in .aisocignore"))
}

/// The ignore rules leave our drafts out, unless they hold Python, which no built-in rule leaves out.
fn draft(path: &RelPath) -> Fault {
    forbidden(format!("`{path}` is what a killed command left behind, by its name, and not part of the plugin"))
        .hint(format!("look at `{path}`, then remove it or list it in .aisocignore"))
}

/// What macOS writes beside a file where the file system holds no attributes (AppleDouble): the rules leave it
/// out, unless it has the name of Python.
fn is_note_of_macos(path: &RelPath) -> bool {
    path.file_name().starts_with("._") && path.as_str().ends_with(".py")
}

fn note_of_macos(root: &Path, path: &RelPath) -> Fault {
    forbidden(format!("`{path}` is what macOS notes about another file, by its name, and no Python"))
        .hint(format!("remove it with `rm {}`, or list `._*` in .aisocignore", shell_word(path.under(root))))
}

fn empty_directory(root: &Path, name: &str, has_directories: bool) -> Fault {
    let path = shell_word(root.join(name));
    let (what, command) = match has_directories {
        false => ("is an empty directory", format!("rmdir {path}")),
        true => ("holds directories and no file", format!("find {path} -type d -empty -delete")),
    };
    forbidden(format!("`{name}` {what}, which no list of files names and no package holds"))
        .hint(format!("remove it with `{command}`, or put a file into it"))
}

fn kind_name(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// What may not be in a package, whoever finds it.
pub(crate) fn forbidden(message: impl Into<String>) -> Fault {
    Fault::new(Reason::ForbiddenEntry, message)
}
