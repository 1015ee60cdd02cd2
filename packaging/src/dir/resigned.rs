//! A private copy whose signatures are exchanged, and of which nothing else is touched.

use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_signing::{ClaimedTree, Content, FILE_LIST, Resigned, is_signature_file};

use super::{Contents, PluginDir};
use crate::limits::Limits;
use crate::private_copy::PrivateCopy;

impl PluginDir {
    /// What was received whole into a private copy.
    pub(crate) fn of_copy(root: &Path, tree: ClaimedTree, copy: PrivateCopy, limits: &Limits) -> Self {
        let ClaimedTree { files, manifest_file, manifest, signature_files, .. } = tree;
        let (excluded, secrets) = (Vec::new(), Vec::new());
        let contents = Contents { files, manifest_file, manifest, signature_files, excluded, secrets };
        Self { root: root.to_owned(), contents, copy: Some(copy), limits: limits.clone() }
    }

    /// The private copy with other signatures.
    ///
    /// # Errors
    /// `internal` when there is no private copy, and for any file that holds no signature: what an author has made is
    /// not the signer's to change.
    pub fn resigned(mut self, change: &Resigned) -> Result<Self> {
        let mut changed = change.removed.iter().chain(change.written.keys());
        let other = changed.find(|name| name.as_str() == FILE_LIST || !is_signature_file(name));
        match other {
            Some(other) => {
                return Err(Fault::new(Reason::Internal, format!("another signature does not change `{other}`")));
            }
            None if self.copy.is_none() => {
                return Err(Fault::new(Reason::Internal, "a directory is signed as if it were a private copy"));
            }
            None => {}
        }
        self.contents.exchange(change)?;
        Ok(self)
    }
}

impl Contents {
    fn exchange(&mut self, change: &Resigned) -> Result<()> {
        let stays =
            |path: &RelPath| !change.removed.contains(path.as_str()) && !change.written.contains_key(path.as_str());
        let kept = self.files.iter().filter(|(path, _)| stays(path));
        let mut files: FileMap = kept.map(|(path, entry)| (path.clone(), *entry)).collect();
        self.signature_files.retain(|name, _| !change.removed.contains(name));
        for (name, content) in &change.written {
            // A file of the signature is never executable: nothing would bind that bit.
            let entry = FileEntry { digest: FileDigest::of(content), size: content.len() as u64, executable: false };
            files.insert(RelPath::parse(name)?, entry);
            self.signature_files.insert(name.clone(), Content::Whole(content.clone()));
        }
        self.files = Arc::new(files);
        Ok(())
    }
}
