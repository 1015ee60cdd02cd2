//! `Survey`: everything that stands in a directory of keys, each file for itself, for whoever looks for faults.
//!
//! [`super::Keyring::read`] refuses a directory for the first thing that it does not understand. Here the rest is
//! there as well, and nothing is verified by it.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use aisoc_files::{Insecure, SmallFileError};
use aisoc_manifests::fault::{Fault, Result};

use super::folder::{Content, KeyFile, KeyFlaw, read_all, shown};
use super::gathered::Gathered;
use super::held::HeldKey;
use super::names::note_of;
use super::notes::KeyNotes;
use super::place::KeyPlace;
use crate::key::PublicKey;
use crate::pem::blocks;

/// What stands in a directory of keys.
#[derive(Debug)]
pub struct Survey {
    /// The keys that can be read, the trusted ones first. What limits them is what the notes say that are understood.
    pub keys: Vec<HeldKey>,
    /// Every file, by its place and name.
    pub files: Vec<SurveyedFile>,
    /// What others may change, one for each place in which there is something.
    pub insecure: Vec<Insecure>,
    /// Places that cannot be listed.
    pub unlisted: Vec<Fault>,
    directory: PathBuf,
    is_one_file: bool,
}

/// One name in a directory of keys.
#[derive(Debug)]
pub struct SurveyedFile {
    /// The place in which it stands.
    pub place: KeyPlace,
    /// The file, from the directory of the keys on.
    pub file: String,
    /// What it is.
    pub kind: FileKind,
    /// Where it leads to, if it is a link.
    pub link: Option<PathBuf>,
}

/// What a file among keys is.
#[derive(Debug)]
pub enum FileKind {
    /// Named as a key is.
    Key {
        /// Why no key is read in it.
        flaw: Option<(KeyFlaw, Fault)>,
        /// Why it refuses the whole directory.
        refusal: Option<Fault>,
        /// How many PEM blocks it holds; one in a file that is as it should be.
        block_count: usize,
    },
    /// The note on a key.
    Note {
        /// Why it is not understood.
        fault: Option<Fault>,
        /// Whether its key stands in another place: it is on its way there.
        is_in_flight: bool,
    },
    /// What may have been meant for a note.
    Stray {
        /// Why it refuses the whole directory.
        fault: Fault,
        /// What it looks like all the same.
        holds: Passed,
    },
    /// What is passed over.
    Passed(Passed),
}

/// What a file holds that nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// A private key.
    PrivateKey,
    /// Something that a host would read if it had the name of a key.
    PublicKey,
    /// Nothing that can be read as a file: a directory, a device, a link to nowhere.
    NoFile,
    /// Anything else.
    Other,
}

impl Survey {
    /// Looks at every file of `directory`, or at the one key file that it names and what stands beside it; nothing
    /// where there is neither.
    ///
    /// # Errors
    /// When the directory cannot be listed, or this process can open no more files.
    pub fn read(directory: &Path) -> Result<Option<Self>> {
        let Some(contents) = read_all(directory)? else { return Ok(None) };
        let Gathered { keys, refusals, .. } = Gathered::of(directory, &contents);
        let refusals: HashMap<String, Fault> = refusals.into_iter().collect();
        let refusal_of = |file: &str| refusals.get(file).cloned();
        let is_one_file = contents.places.iter().any(|content| content.files.is_one_file());
        let files = contents.places.iter().flat_map(|content| surveyed(content, &refusal_of)).collect();
        let insecure = contents.places.into_iter().filter_map(|content| content.insecure).collect();
        let directory = directory.to_owned();
        Ok(Some(Self { keys, files, insecure, unlisted: contents.unlisted, directory, is_one_file }))
    }

    /// The path of a file, as the user would write it.
    pub fn path_of(&self, file: &str) -> PathBuf {
        match self.is_one_file {
            false => self.directory.join(file),
            true => self.directory.with_file_name(file),
        }
    }

    /// Where the keys are: the directory, or the one file.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether it is one key file that was named, and no directory of them.
    pub fn is_one_file(&self) -> bool {
        self.is_one_file
    }
}

fn surveyed(content: &Content, refusal_of: &dyn Fn(&str) -> Option<Fault>) -> Vec<SurveyedFile> {
    let one = |name: &OsStr, kind: FileKind| {
        let (place, file, link) = (content.place, content.place.below(&shown(name)), content.files.link(name));
        SurveyedFile { place, file, kind, link }
    };
    let key = |(name, held): &(OsString, KeyFile)| {
        one(name, kind_of_key(held, refusal_of(&content.place.below(&shown(name)))))
    };
    let own: HashSet<OsString> = content.keys.iter().map(|(key, _)| note_of(key)).collect();
    let note = |(name, read): (&OsString, &Result<KeyNotes>)| match read {
        // What is called a note and is none may be the one thing that must not be there.
        Err(_) if matches!(held_by(content, name), Passed::PrivateKey) => {
            one(name, FileKind::Passed(Passed::PrivateKey))
        }
        read => one(name, FileKind::Note { fault: read.as_ref().err().cloned(), is_in_flight: !own.contains(name) }),
    };
    let other = |(name, stray): &(OsString, Option<Fault>)| {
        let holds = held_by(content, name);
        let stray = stray.clone().map(|fault| FileKind::Stray { fault, holds });
        one(name, stray.unwrap_or(FileKind::Passed(holds)))
    };
    let keys = content.keys.iter().map(key);
    keys.chain(content.notes.iter().map(note)).chain(content.others.iter().map(other)).collect()
}

fn kind_of_key(held: &KeyFile, refusal: Option<Fault>) -> FileKind {
    let flaw = held.flaw.zip(held.key.as_ref().err().cloned());
    FileKind::Key { flaw, refusal, block_count: held.block_count }
}

/// Of a large file its beginning: a key is small.
fn held_by(content: &Content, name: &OsStr) -> Passed {
    match content.files.beginning(name) {
        Ok(text) if PublicKey::holds_private_key(&text) => Passed::PrivateKey,
        Ok(text) if blocks(&text).any(|block| block.label == "PUBLIC KEY") => Passed::PublicKey,
        Err(SmallFileError::NotAFile) => Passed::NoFile,
        Err(error) if error.is_absent() => Passed::NoFile,
        Ok(_) | Err(_) => Passed::Other,
    }
}
