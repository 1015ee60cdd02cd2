//! `Received`: an artifact's files on their way into a private copy, to be packed again with other signatures.
//!
//! What is published is public already and may lie in pieces of other people's making, so it is read by the one
//! reader of layers, [`crate::Staging`]; it is written to one file without a name, so that nothing of it stays.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::tar::Mode;

use crate::dir::PluginDir;
use crate::limits::Limits;
use crate::private_copy::PrivateCopy;
use crate::sink::Sink;
use crate::stage::{Staged, Staging};

/// Where in the copy each file begins, by its name in the artifact.
type Places = Arc<Mutex<BTreeMap<RelPath, u64>>>;

/// The copy that an artifact is received into.
#[derive(Debug)]
pub struct Received {
    file: File,
    places: Places,
}

/// The end of the copy that is written.
struct Appending {
    file: File,
    end: u64,
    places: Places,
}

impl Staging<Received> {
    /// Takes the walk of an install into a private copy.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn into_copy(limits: Limits) -> Result<Self> {
        let file = tempfile::tempfile().map_err(failed)?;
        let places = Places::default();
        let appending = Appending { file: file.try_clone().map_err(failed)?, end: 0, places: Arc::clone(&places) };
        Ok(Self::through(Box::new(appending), Received { file, places }, limits))
    }
}

impl Staged<Received> {
    /// The plugin, which is called `shown` in messages. No rule leaves anything of it out, and nobody looks for
    /// secrets: it is public as it is.
    ///
    /// # Errors
    /// As [`Staged::manifest`].
    pub fn into_plugin(self, shown: &Path, limits: &Limits) -> Result<PluginDir> {
        let tree = self.claimed_tree()?;
        let (Received { file, places }, root) = self.into_parts();
        let places = std::mem::take(&mut *places.lock().unwrap_or_else(PoisonError::into_inner));
        let within = |path: RelPath| match &root {
            None => Some(path),
            Some(root) => path.below(root),
        };
        let places = places.into_iter().filter_map(|(path, begin)| Some((within(path)?, begin))).collect();
        Ok(PluginDir::of_copy(shown, tree, PrivateCopy::new(file, places), limits))
    }
}

impl Sink for Appending {
    fn file(&mut self, path: &RelPath, _: Mode) -> Result<()> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), self.end);
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(failed)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

fn failed(error: std::io::Error) -> Fault {
    Fault::io("write a private copy in", &tempfile::env::temp_dir(), error)
}
