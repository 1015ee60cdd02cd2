//! `CanonicalDir`: what identifies a plugin's directory, its manifest and canonical digest, and no more read than that.
//!
//! For whoever lists many: only the manifest and `*.py` are read, each once. The digest is the one that
//! [`ReferenceDir`](crate::ReferenceDir) and the host come to, but for what the host follows or passes over: a link and a
//! directory that cannot be listed are refused, for the digest would be about other files than those that are here.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use aisoc_files::{
    Entry, Links, SmallFileError, TooManyNames, entries_of, open_directory, open_directory_in, open_file_in, read_open,
};
use aisoc_manifests::digest::CanonicalDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::MAX_DEPTH;
use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles};
use aisoc_manifests::value::Text;
use aisoc_signing::Content;
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::limits::Limits;
use crate::parallel;
use crate::stage::whole_manifest;

/// A plugin's directory, as far as it is identified by it.
#[derive(Debug)]
pub struct CanonicalDir {
    /// The manifest as the host reads it.
    pub document: Document,
    /// What a signature of its code covers.
    pub digest: CanonicalDigest,
}

impl CanonicalDir {
    /// Reads manifest and Python files on the calling thread.
    ///
    /// # Errors
    /// `manifest_missing`, what is wrong with the manifest, `forbidden_entry` for a link and for more than [`Limits`]
    /// allow, `directory_insecure` for a link in the directory's place, `interrupted`, and I/O reasons.
    pub fn read(root: &Path, limits: &Limits) -> Result<Self> {
        let top = opened(open_directory(root, Links::Refused), root)?;
        let (python, manifests) = parallel::with_buffer(|buffer| -> Result<_> {
            let python = PythonFiles::default();
            let mut search =
                Search { root, limits, buffer, python, manifests: [false; 2], entries: 0, name_bytes: 0, bytes: 0 };
            search.directory(&top, Path::new(""))?;
            Ok((search.python, search.manifests))
        })?;
        let has = |name: &str| ManifestFile::ALL.iter().zip(manifests).any(|(file, is)| is && file.name() == name);
        let file = ManifestFile::find(has)
            .ok_or_else(|| Fault::new(Reason::ManifestMissing, format!("`{}` has no manifest", root.display())))?;
        let manifest = manifest(&top, root, file, limits)?;
        let document =
            Document::read(file, whole_manifest(file, Some(&manifest))?).map_err(|fault| fault.below(root))?;
        let payload = document.signed_payload(&python).map_err(|fault| fault.below(root))?;
        Ok(Self { document, digest: CanonicalDigest::of(&payload) })
    }
}

fn manifest(top: &OwnedFd, root: &Path, file: ManifestFile, limits: &Limits) -> Result<Content> {
    match open_file_in(top, file.name()).and_then(|opened| read_open(opened, limits.max_manifest_bytes)) {
        Ok(read) => Ok(Content::Whole(read.content)),
        Err(SmallFileError::TooLarge { max_bytes, .. }) => Ok(Content::TooLarge { max_bytes }),
        Err(SmallFileError::NotAFile) => Ok(Content::NotAFile),
        Err(SmallFileError::Io(error)) => Err(Fault::io("read", &root.join(file.name()), error)),
    }
}

/// A link in the directory's place is no directory.
fn opened(opened: std::io::Result<OwnedFd>, shown: &Path) -> Result<OwnedFd> {
    opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::NOTDIR) => Fault::no_directory(shown),
        _ => Fault::io("open", shown, error),
    })
}

/// What is found below a directory, within the bounds of one plugin.
struct Search<'a> {
    root: &'a Path,
    limits: &'a Limits,
    buffer: &'a mut [u8],
    python: PythonFiles,
    /// Which of [`ManifestFile::ALL`] there are.
    manifests: [bool; 2],
    entries: usize,
    name_bytes: usize,
    bytes: u64,
}

impl Search<'_> {
    /// Reads what is in `directory`, which is at `within` below the root, and everything below it. No deeper than the
    /// bound of a plugin's paths: each level is one on the stack, and holds a descriptor.
    fn directory(&mut self, directory: &OwnedFd, within: &Path) -> Result<()> {
        let at = self.root.join(within);
        // One more than may come, so that the bound of the whole plugin refuses and not the one of the listing.
        let left = self.limits.max_entries.saturating_sub(self.entries) + 1;
        let entries = entries_of(directory, left).map_err(|error| match TooManyNames::is_why(&error) {
            true => self.too_many_entries(),
            false => Fault::io("list", &at, error),
        })?;
        for Entry { name, kind } in entries {
            self.count(&name)?;
            self.entry(directory, &name, &within.join(&name), kind)?;
        }
        Ok(())
    }

    fn entry(&mut self, parent: &OwnedFd, name: &OsStr, within: &Path, kind: FileType) -> Result<()> {
        for (file, is_there) in ManifestFile::ALL.iter().zip(&mut self.manifests) {
            *is_there |= within == Path::new(file.name());
        }
        match kind {
            FileType::Symlink => {
                let path = self.root.join(within);
                Err(Fault::new(
                    Reason::ForbiddenEntry,
                    format!("`{}` is a link, and an install makes none", path.display()),
                ))
            }
            FileType::Directory if within.components().count() == MAX_DEPTH => {
                Err(self.exceeded("is too deep", format!("at most {MAX_DEPTH} levels"), "more"))
            }
            FileType::Directory => {
                let directory = opened(open_directory_in(parent, name), &self.root.join(within))?;
                self.directory(&directory, within)
            }
            FileType::RegularFile if name.as_bytes().ends_with(b".py") => self.python_file(parent, name, within),
            // What is not read identifies nothing: it is for whoever judges the whole tree.
            _ => Ok(()),
        }
    }

    fn python_file(&mut self, parent: &OwnedFd, name: &OsStr, within: &Path) -> Result<()> {
        let failed = |error: std::io::Error| Fault::io("read", &self.root.join(within), error);
        let mut file = open_file_in(parent, name).map_err(|error| failed(error.into()))?;
        let stated = file.metadata().map_err(failed)?.len();
        let Limits { max_file_bytes, max_total_bytes, .. } = self.limits;
        // By the stated size: a file that is mostly hole is refused before anybody reads it.
        for (found, most) in [(stated, max_file_bytes), (self.bytes.saturating_add(stated), max_total_bytes)] {
            if found > *most {
                return Err(self.exceeded("is too large", format!("at most {most} bytes"), &format!("{found} bytes")));
            }
        }
        let hashed = parallel::hash(&mut file, Some(stated), self.buffer, self.limits, |_| {}).map_err(failed)?;
        self.bytes += hashed.size;
        self.python.insert(Text::from_os_bytes(within.as_os_str().as_bytes()), hashed.digest);
        Ok(())
    }

    fn count(&mut self, name: &OsStr) -> Result<()> {
        self.limits.cancellation.check()?;
        self.entries += 1;
        self.name_bytes += name.len();
        let name_bytes = self.limits.max_name_bytes;
        if self.entries > self.limits.max_entries {
            return Err(self.too_many_entries());
        }
        if self.name_bytes > name_bytes {
            return Err(self.exceeded("has too many names", format!("at most {name_bytes} bytes of names"), "more"));
        }
        Ok(())
    }

    fn too_many_entries(&self) -> Fault {
        self.exceeded("has too many entries", format!("at most {}", self.limits.max_entries), "more")
    }

    fn exceeded(&self, what: &str, expected: String, found: &str) -> Fault {
        Fault::new(Reason::ForbiddenEntry, format!("`{}` {what}", self.root.display()))
            .expected(expected, found)
            .hint("name the directory of one plugin, without what is no part of it")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use aisoc_manifests::cancellation::Cancellation;

    use super::*;
    use crate::reference_dir::ReferenceDir;

    /// A plugin with what a canonical digest has to find, and to pass over.
    fn plugin() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        let files: [(&[u8], &str); 7] = [
            (b"plugin.yaml", "id: demo\nname: Demo\nversion: '1.0.0'\nplugin_type: enricher\n"),
            (b"plugin.py", "class Plugin: pass\n"),
            (b".py", "hidden = 1\n"),
            (b"a/b.py/c.py", "nested = 1\n"),
            (b"a/__pycache__/d.py", "cached = 1\n"),
            (b"a/\xff.py", "no text = 1\n"),
            (b"rules/PLUGIN.PY", "no Python\n"),
        ];
        for (name, text) in files {
            let path = root.path().join(OsStr::from_bytes(name));
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        root
    }

    fn refusal(root: &Path, limits: &Limits) -> Fault {
        CanonicalDir::read(root, limits).expect_err("refused")
    }

    #[test]
    fn the_digest_is_the_one_that_a_signature_covers() {
        let root = plugin();
        let read = CanonicalDir::read(root.path(), &Limits::default()).expect("read");
        let claim = ReferenceDir::read(root.path()).expect("read").claim();
        assert_eq!(read.digest, claim.statement().expect("a statement").digest());
        assert_eq!(read.document.root().get("id").and_then(|id| id.as_str()), Some("demo"));
    }

    #[test]
    fn the_manifest_that_counts_is_the_one_that_the_host_reads() {
        let root = plugin();
        fs::write(root.path().join("aisoc-plugin.json"), "{}").expect("written");
        let read = CanonicalDir::read(root.path(), &Limits::default()).expect("read");
        assert_eq!(read.document.file(), ManifestFile::Yaml);
        fs::remove_file(root.path().join("plugin.yaml")).expect("removed");
        let read = CanonicalDir::read(root.path(), &Limits::default()).expect("read");
        assert_eq!(read.document.file(), ManifestFile::Json);
        fs::remove_file(root.path().join("aisoc-plugin.json")).expect("removed");
        assert_eq!(refusal(root.path(), &Limits::default()).reason(), Reason::ManifestMissing);
        fs::create_dir(root.path().join("plugin.yaml")).expect("made");
        assert_eq!(refusal(root.path(), &Limits::default()).reason(), Reason::ManifestInvalid);
    }

    #[test]
    fn no_link_leads_out_of_it() {
        let (root, outside) = (plugin(), plugin());
        for (name, target) in
            [("plugin.yaml", "plugin.yaml"), ("more.py", "plugin.py"), ("data", "a"), ("lost", "nowhere")]
        {
            let path = root.path().join(name);
            let before = fs::read(&path).ok();
            if before.is_some() {
                fs::remove_file(&path).expect("removed");
            }
            symlink(outside.path().join(target), &path).expect("linked");
            let fault = refusal(root.path(), &Limits::default());
            assert_eq!(fault.reason(), Reason::ForbiddenEntry, "{name}");
            assert!(fault.message().contains(name), "{fault:?}");
            fs::remove_file(&path).expect("removed");
            if let Some(before) = before {
                fs::write(&path, before).expect("written");
            }
        }
        let place = root.path().join("link");
        symlink(outside.path(), &place).expect("linked");
        assert_eq!(refusal(&place, &Limits::default()).reason(), Reason::DirectoryInsecure);
    }

    #[test]
    fn every_bound_holds_above_it_and_not_at_it() {
        let root = plugin();
        let entries = 11;
        let name_bytes = [
            "plugin.yaml",
            "plugin.py",
            ".py",
            "a",
            "b.py",
            "c.py",
            "__pycache__",
            "d.py",
            "x.py",
            "rules",
            "PLUGIN.PY",
        ];
        let name_bytes: usize = name_bytes.iter().map(|name| name.len()).sum();
        let python_bytes = 19 + 11 + 11 + 11 + 12;
        type Change = fn(&mut Limits, usize);
        let bounds: [(usize, Change, &str); 4] = [
            (entries, |limits, most| limits.max_entries = most, "too many entries"),
            (name_bytes, |limits, most| limits.max_name_bytes = most, "too many names"),
            (19, |limits, most| limits.max_file_bytes = most as u64, "too large"),
            (python_bytes, |limits, most| limits.max_total_bytes = most as u64, "too large"),
        ];
        for (bound, set, words) in bounds {
            for most in [bound, bound + 1] {
                let mut limits = Limits::default();
                set(&mut limits, most);
                CanonicalDir::read(root.path(), &limits).unwrap_or_else(|fault| panic!("{words} at {most}: {fault:?}"));
            }
            let mut limits = Limits::default();
            set(&mut limits, bound - 1);
            let fault = refusal(root.path(), &limits);
            assert!(fault.reason() == Reason::ForbiddenEntry && fault.message().contains(words), "{fault:?}");
        }
    }

    #[test]
    fn no_level_is_read_below_the_deepest_that_a_plugin_may_have() {
        for (levels, is_read) in [(MAX_DEPTH - 2, true), (MAX_DEPTH - 1, true), (MAX_DEPTH, false)] {
            let root = plugin();
            let deep: PathBuf = std::iter::repeat_n("d", levels).collect();
            fs::create_dir_all(root.path().join(&deep)).expect("made");
            fs::write(root.path().join(&deep).join("x.py"), "").expect("written");
            let read = CanonicalDir::read(root.path(), &Limits::default());
            assert_eq!(read.is_ok(), is_read, "{levels}");
        }
    }

    #[test]
    fn what_was_cancelled_is_no_verdict() {
        let cancellation = Cancellation::default();
        cancellation.cancel();
        assert_eq!(refusal(plugin().path(), &Limits::until(&cancellation)).reason(), Reason::Interrupted);
    }
}
