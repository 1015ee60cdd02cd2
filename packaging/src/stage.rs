//! `Staging` and `Staged`: an artifact's files, received in one pass. Nothing is trusted, nothing is visible.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use aisoc_files::PrivateDirectory;
use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_manifests::value::Text;
use aisoc_signing::{Claim, ClaimedTree, Content, is_signature_file};

use crate::inflate::Flow;
use crate::limits::Limits;
use crate::names::{Kind, Names};
use crate::root::select_root;
use crate::sink::{Directory, Nowhere, Sink};
use crate::tree::Tree;
use crate::vacancy::Vacancy;
use crate::walk::{self, Expected};

/// The staged tree's name in its place.
const TREE: &str = "tree";

/// A private directory in which an artifact is staged. It goes with what was staged, and takes it away
/// when it is dropped.
pub trait StagingPlace {
    /// The directory, open since it was made.
    fn held(&self) -> &File;

    /// Where it is, for messages.
    fn path(&self) -> &Path;
}

impl StagingPlace for PrivateDirectory {
    fn held(&self) -> &File {
        Self::held(self)
    }

    fn path(&self) -> &Path {
        Self::path(self)
    }
}

/// Receives the layers of one artifact, into a place `P` or nowhere.
pub struct Staging<P = ()> {
    limits: Limits,
    flow: Flow,
    names: Names,
    tree: Tree,
    place: P,
}

impl Staging {
    /// Takes the walk of an install and writes nothing: for `verify` and `inspect`.
    pub fn hash_only(limits: Limits) -> Self {
        Self::through(Box::new(Nowhere), (), limits)
    }
}

impl<P: StagingPlace> Staging<P> {
    /// Stages into a directory of `place` that is made for it.
    ///
    /// # Errors
    /// `io_denied` and other I/O reasons when that directory cannot be made.
    pub fn into_place(place: P, limits: Limits) -> Result<Self> {
        let directory = Directory::create(place.held(), place.path(), TREE)?;
        Ok(Self::through(Box::new(directory), place, limits))
    }
}

impl<P> Staging<P> {
    /// Takes the walk of an install through `sink`.
    pub(crate) fn through(sink: Box<dyn Sink>, place: P, limits: Limits) -> Self {
        let tree = Tree::new(sink, &limits);
        Self { limits, flow: Flow::default(), names: Names::of_artifact(), tree, place }
    }

    /// Whose work it is.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.limits.cancellation
    }

    /// Receives one layer, to the last byte of `reader`. Whether those bytes are the promised ones
    /// is the reader's to say, when it is asked to finish.
    ///
    /// # Errors
    /// `unsafe_archive` for anything that no plugin needs or that two readers could see differently;
    /// `pull_failed`, or the reader's own fault, when reading fails; I/O reasons when writing does.
    pub fn layer(&mut self, form: &LayerForm, media_type: &str, reader: impl Read) -> Result<()> {
        let Self { limits, flow, names, tree, .. } = self;
        tree.receive(|conveyor| match form {
            LayerForm::Archive { title, content_digest } => {
                let expected = Expected { media_type, title: title.as_ref(), content_digest: *content_digest };
                walk::archive(reader, &expected, limits, flow, names, conveyor)
            }
            LayerForm::File { path } => walk::single_file(reader, path, limits, names, conveyor),
        })
    }

    /// Chooses the plugin's root, after the last layer.
    ///
    /// # Errors
    /// `ambiguous_layout`.
    pub fn finish(self) -> Result<Staged<P>> {
        let root = select_root(self.names.iter())?;
        let empty_directories = empty_directories(&self.names, root.as_ref());
        let Tree { files, kept, .. } = self.tree;
        let (files, kept) = match &root {
            None => (files, kept),
            Some(root) => (
                files.below(root),
                kept.into_iter().filter_map(|(path, bytes)| Some((path.below(root)?, bytes))).collect(),
            ),
        };
        Ok(Staged { files: Arc::new(files), kept, empty_directories, root, place: self.place })
    }
}

/// An artifact's plugin, unpacked and hashed, and not yet trusted or visible.
pub struct Staged<P = ()> {
    files: Arc<FileMap>,
    kept: BTreeMap<RelPath, Content>,
    empty_directories: Vec<String>,
    root: Option<RelPath>,
    place: P,
}

impl<P> Staged<P> {
    /// Every file of the plugin.
    pub fn files(&self) -> &FileMap {
        &self.files
    }

    /// The directory of the artifact that is the plugin; `None` when it is the top.
    pub fn root(&self) -> Option<&RelPath> {
        self.root.as_ref()
    }

    /// The directories of the plugin in which no file is, with a slash at the end. They are not staged.
    pub fn empty_directories(&self) -> &[String] {
        &self.empty_directories
    }

    /// The identity of the tree, which an admission must be about.
    pub fn subject(&self) -> TreeDigest {
        self.files.tree_digest()
    }

    /// Which file is the manifest, and its bytes.
    ///
    /// # Errors
    /// `manifest_missing`, `manifest_too_large`.
    pub fn manifest(&self) -> Result<(ManifestFile, &[u8])> {
        let (file, path) = manifest_path(&self.files)?;
        Ok((file, whole_manifest(file, self.kept.get(&path))?))
    }

    /// What the plugin says about itself, rebuilt from the bytes that were staged.
    ///
    /// # Errors
    /// As [`Staged::manifest`].
    pub fn claim(&self) -> Result<Claim> {
        self.claimed_tree().map(Claim::new)
    }

    pub(crate) fn claimed_tree(&self) -> Result<ClaimedTree> {
        let (manifest_file, manifest) = self.manifest()?;
        let signatures = self.kept.iter().filter(|(path, _)| is_signature_file(path.as_str()));
        Ok(ClaimedTree {
            subject: self.subject(),
            manifest_file,
            manifest: manifest.to_vec(),
            python: python_files(&self.files),
            files: Arc::clone(&self.files),
            strange: Vec::new(),
            empty_directories: self.empty_directories.clone(),
            signature_files: signatures.map(|(path, content)| (path.to_string(), content.clone())).collect(),
        })
    }

    /// The place, and the directory of the artifact that is the plugin.
    pub(crate) fn into_parts(self) -> (P, Option<RelPath>) {
        (self.place, self.root)
    }
}

impl<P: StagingPlace> Staged<P> {
    /// The place that it was staged into.
    pub fn place(&self) -> &P {
        &self.place
    }

    /// The place that it was staged into, and the name of the plugin's directory there.
    pub fn into_place(self) -> (P, String) {
        let name = self.root.map_or_else(|| TREE.to_owned(), |root| format!("{TREE}/{root}"));
        (self.place, name)
    }
}

/// Which of the files is the manifest.
pub(crate) fn manifest_path(files: &FileMap) -> Result<(ManifestFile, RelPath)> {
    let at_top = |name: &str| RelPath::parse(name).ok().filter(|path| files.get(path).is_some());
    ManifestFile::find(|name| at_top(name).is_some())
        .and_then(|file| Some((file, at_top(file.name())?)))
        .ok_or_else(|| Fault::new(Reason::ManifestMissing, "the plugin has no manifest"))
}

/// Every byte of the manifest.
///
/// # Errors
/// `manifest_too_large`.
pub(crate) fn whole_manifest(file: ManifestFile, content: Option<&Content>) -> Result<&[u8]> {
    match content {
        Some(Content::Whole(bytes)) => Ok(bytes),
        Some(Content::TooLarge { max_bytes }) => {
            Err(Fault::new(Reason::TooLarge, format!("`{file}` is larger than {max_bytes} bytes")))
        }
        Some(Content::NotAFile) => Err(ManifestFile::not_a_file(file)),
        None => Err(Fault::new(Reason::Internal, format!("`{file}` was hashed and not read"))),
    }
}

/// The directories of an archive below which no file is. No install makes them.
fn empty_directories(names: &Names, root: Option<&RelPath>) -> Vec<String> {
    let mut vacancy = Vacancy::default();
    for (path, kind) in names.iter() {
        let within = root.map_or_else(|| Some(path.clone()), |root| path.below(root));
        match (within, kind) {
            (Some(path), Kind::Directory) => vacancy.directory(Path::new(path.as_str())),
            (Some(path), Kind::File) => vacancy.entry(Path::new(path.as_str())),
            (None, _) => {}
        }
    }
    vacancy.empty()
}

/// The files that a signature covers one by one (spec: every `*.py`, exactly so spelled).
pub(crate) fn python_files(files: &FileMap) -> PythonFiles {
    let mut python = PythonFiles::default();
    for (path, entry) in files.iter().filter(|(path, _)| path.as_str().ends_with(".py")) {
        python.insert(Text::from_os_bytes(path.as_str().as_bytes()), entry.digest);
    }
    python
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::digest::FileDigest;
    use aisoc_manifests::file_map::FileEntry;

    use super::*;

    fn files(names: &[&str]) -> FileMap {
        let entry = |name: &str| FileEntry { digest: FileDigest::of(name.as_bytes()), size: 1, executable: false };
        names.iter().map(|name| (RelPath::parse(name).expect("a path"), entry(name))).collect()
    }

    #[test]
    fn the_manifest_is_at_the_top_and_the_host_looks_for_yaml_first() {
        let found = |names: &[&str]| manifest_path(&files(names)).map(|(file, path)| (file, path.to_string()));
        let (file, path) = found(&["aisoc-plugin.json", "plugin.yaml"]).expect("two");
        assert_eq!((file, path.as_str()), (ManifestFile::Yaml, "plugin.yaml"));
        let (file, path) = found(&["aisoc-plugin.json", "sub/plugin.yaml"]).expect("one");
        assert_eq!((file, path.as_str()), (ManifestFile::Json, "aisoc-plugin.json"));
        for names in [&["sub/plugin.yaml"][..], &["plugin.yml"], &[]] {
            assert_eq!(found(names).expect_err("none").reason(), Reason::ManifestMissing);
        }
    }

    #[test]
    fn a_manifest_is_read_whole_or_its_reader_says_why_not() {
        let whole = |content: Option<Content>| {
            whole_manifest(ManifestFile::Yaml, content.as_ref()).map(<[u8]>::to_vec).map_err(|fault| fault.reason())
        };
        assert_eq!(whole(Some(Content::Whole(b"id: x".to_vec()))), Ok(b"id: x".to_vec()));
        assert_eq!(whole(Some(Content::TooLarge { max_bytes: 9 })), Err(Reason::TooLarge));
        assert_eq!(whole(Some(Content::NotAFile)), Err(Reason::ManifestInvalid));
        assert_eq!(whole(None), Err(Reason::Internal));
    }

    #[test]
    fn a_signature_covers_every_file_that_python_would_run_and_is_so_spelled() {
        let all = ["a.py", "sub/b.py", "sub/.py", "c.PY", "d.pyc", "e.py/x", "f.py.txt", "py", "g.pyw"];
        let python = python_files(&files(&all));
        let names: Vec<_> = python.iter().map(|(name, _)| name.to_str_lossy().into_owned()).collect();
        assert_eq!(names, ["a.py", "sub/.py", "sub/b.py"]);
        assert!(python.iter().all(|(name, digest)| *digest == FileDigest::of(name.as_bytes())));
    }

    #[test]
    fn directories_outside_of_the_root_are_not_the_plugins() {
        let mut names = Names::default();
        let path = |text: &str| RelPath::parse(text).expect("a path");
        for directory in ["demo/empty", "demo/empty/below", "demo/full", "other"] {
            names.directory(&path(directory), &Limits::default()).expect("fine");
        }
        names.file(&path("demo/full/x"), &Limits::default()).expect("fine");
        assert_eq!(empty_directories(&names, Some(&path("demo"))), ["empty/"]);
        assert_eq!(empty_directories(&names, None), ["demo/empty/", "other/"]);
    }
}
