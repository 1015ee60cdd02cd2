//! `Staging` and `Staged`: an artifact's files, received in one pass. Nothing is trusted, nothing is visible.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_manifests::value::Text;
use aisoc_signing::{Claim, ClaimedTree, Content, is_signature_file};

use crate::home::{Home, TREE};
use crate::limits::Limits;
use crate::names::{Kind, Names};
use crate::root::select_root;
use crate::sink::{Directory, Nowhere};
use crate::tree::Tree;
use crate::vacancy::Vacancy;
use crate::walk::{self, Expected};

/// Receives the layers of one artifact. Dropping it removes all it has written.
pub struct Staging {
    limits: Limits,
    names: Names,
    tree: Tree,
    home: Option<Home>,
}

impl Staging {
    /// Stages into a private directory inside `plugins_dir`, from where it can be activated.
    ///
    /// # Errors
    /// `io_denied` and other I/O reasons when the directory cannot be made.
    pub fn begin(plugins_dir: &Path, limits: Limits) -> Result<Self> {
        let home = Home::create(plugins_dir)?;
        let directory = Directory::create(home.held(), home.path(), TREE)?;
        let tree = Tree::new(Box::new(directory), &limits);
        Ok(Self { limits, names: Names::default(), tree, home: Some(home) })
    }

    /// Takes the same walk and writes nothing: for `verify` and `inspect`.
    pub fn hash_only(limits: Limits) -> Self {
        let tree = Tree::new(Box::new(Nowhere), &limits);
        Self { limits, names: Names::default(), tree, home: None }
    }

    /// Receives one layer, to the last byte of `reader`. Whether those bytes are the promised ones
    /// is the reader's to say, when it is asked to finish.
    ///
    /// # Errors
    /// `unsafe_archive` for anything that no plugin needs or that two readers could see differently;
    /// `pull_failed`, or the reader's own fault, when reading fails; I/O reasons when writing does.
    pub fn layer(&mut self, form: &LayerForm, media_type: &str, reader: impl Read) -> Result<()> {
        let Self { limits, names, tree, .. } = self;
        tree.receive(|conveyor| match form {
            LayerForm::Archive { title, content_digest } => {
                let expected = Expected { media_type, title: title.as_ref(), content_digest: *content_digest };
                walk::archive(reader, &expected, limits, names, conveyor)
            }
            LayerForm::File { path } => walk::single_file(reader, path, limits, names, conveyor),
        })
    }

    /// Chooses the plugin's root, after the last layer.
    ///
    /// # Errors
    /// `ambiguous_layout`.
    pub fn finish(self) -> Result<Staged> {
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
        Ok(Staged { files: Arc::new(files), kept, empty_directories, root, home: self.home })
    }
}

/// An artifact's plugin, unpacked and hashed, and not yet trusted or visible.
pub struct Staged {
    files: Arc<FileMap>,
    kept: BTreeMap<RelPath, Content>,
    empty_directories: Vec<String>,
    root: Option<RelPath>,
    home: Option<Home>,
}

impl Staged {
    /// Every file of the plugin.
    pub fn files(&self) -> &FileMap {
        &self.files
    }

    /// The directory of the artifact that is the plugin; `None` when it is the top.
    pub fn root(&self) -> Option<&RelPath> {
        self.root.as_ref()
    }

    /// The identity of the tree, which an admission must be about.
    pub fn subject(&self) -> Digest {
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
        let (manifest_file, manifest) = self.manifest()?;
        let signatures = self.kept.iter().filter(|(path, _)| is_signature_file(path.as_str()));
        Ok(Claim::new(ClaimedTree {
            subject: self.subject(),
            manifest_file,
            manifest: manifest.to_vec(),
            python: python_files(&self.files),
            files: Arc::clone(&self.files),
            strange: Vec::new(),
            empty_directories: self.empty_directories.clone(),
            signature_files: signatures.map(|(path, content)| (path.to_string(), content.clone())).collect(),
        }))
    }

    pub(crate) fn into_home(self) -> Option<(Home, Option<RelPath>)> {
        self.home.map(|home| (home, self.root))
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
        Some(Content::NotAFile) => Err(Fault::new(Reason::ManifestInvalid, format!("`{file}` is not a regular file"))),
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
