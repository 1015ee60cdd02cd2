//! `Survey`: everything that stands in a directory of keys, each file for itself, for whoever looks for faults.
//!
//! [`super::Keyring::read`] refuses a directory for the first thing that it does not understand. Here the rest is
//! there as well, and nothing is verified by it.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use aisoc_files::{Insecure, SmallFileError};
use aisoc_manifests::fault::{Fault, Result};

use super::folder::{Content, Contents, KeyFile, KeyFlaw, Points, read_all, shown};
use super::gathered::Gathered;
use super::held::HeldKey;
use super::links::LinkOut;
use super::names::note_of;
use super::notes::KeyNotes;
use super::place::{KeyPlace, OWN_DIRECTORY};
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
    /// The files of the directory that is ours there in which a private key stands.
    pub private_in_own: Vec<PathBuf>,
    directory: PathBuf,
    is_one_file: bool,
    /// The paths of the files whose names are no text, by what is shown of them.
    unspeakable: HashMap<String, PathBuf>,
}

/// One name in a directory of keys.
#[derive(Debug)]
pub struct SurveyedFile {
    /// The place in which it stands.
    pub place: KeyPlace,
    /// The file, from the directory of the keys on.
    pub file: String,
    /// Its path, as the user would write it.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// Whether a private key stands in it, under whatever name.
    pub is_private: bool,
    /// The link on the way to it that leads out of the directory, if it is read at all.
    pub link_out: Option<LinkOut>,
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
    },
    /// What is passed over.
    Passed(Passed),
}

/// What a file holds that nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Something that a host would read if it had the name of a key.
    PublicKey,
    /// Nothing that can be read as a file: a directory, a device, a link to nowhere.
    NoFile,
    /// More than is searched for keys.
    Unsearched {
        /// How much is searched.
        max_bytes: u64,
    },
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
        let Some(contents) = read_all(directory, Points::Asked)? else { return Ok(None) };
        let Gathered { keys, refusals, .. } = Gathered::of(directory, &contents);
        let refusals: HashMap<String, Fault> = refusals.into_iter().collect();
        let refusal_of = |file: &str| refusals.get(file).cloned();
        let is_one_file = contents.places.iter().any(|content| content.files.is_one_file());
        let top = contents.places.first().map(|top| top.files.real_path().to_owned()).unwrap_or_default();
        let files: Vec<SurveyedFile> =
            contents.places.iter().flat_map(|content| surveyed(content, &top, &refusal_of)).collect();
        let private_in_own = if is_one_file { Vec::new() } else { private_in_own(&contents) };
        let is_unspeakable = |file: &&SurveyedFile| file.path.to_str().is_none();
        let unspeakable = files.iter().filter(is_unspeakable).map(|file| (file.file.clone(), file.path.clone()));
        let unspeakable = unspeakable.collect();
        let insecure = contents.places.into_iter().filter_map(|content| content.insecure).collect();
        let (directory, unlisted) = (directory.to_owned(), contents.unlisted);
        Ok(Some(Self { keys, files, insecure, unlisted, private_in_own, directory, is_one_file, unspeakable }))
    }

    /// The path of a file, as the user would write it.
    pub fn path_of(&self, file: &str) -> PathBuf {
        match (self.unspeakable.get(file), self.is_one_file) {
            (Some(path), _) => path.clone(),
            (None, false) => self.directory.join(file),
            (None, true) => self.directory.with_file_name(file),
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

fn surveyed(content: &Content, top: &Path, refusal_of: &dyn Fn(&str) -> Option<Fault>) -> Vec<SurveyedFile> {
    let one = |name: &OsStr, kind: FileKind, is_private: bool| {
        let from_top = content.place.directory().map_or_else(PathBuf::new, PathBuf::from).join(name);
        let is_read = !matches!(kind, FileKind::Passed(_));
        SurveyedFile {
            place: content.place,
            file: content.place.below(&shown(name)),
            path: content.files.path(name),
            kind,
            is_private,
            link_out: is_read.then(|| LinkOut::on_way(top, &from_top)).flatten(),
        }
    };
    let key = |(name, held): &(OsString, KeyFile)| {
        let is_private = match held.flaw {
            Some(KeyFlaw::Private) => true,
            // Nobody has looked further than to see that it is none.
            Some(KeyFlaw::Note | KeyFlaw::Unreadable) => Searched::of(content, name).is_private,
            _ => false,
        };
        one(name, kind_of_key(held, refusal_of(&content.place.below(&shown(name)))), is_private)
    };
    let own: HashSet<OsString> = content.keys.iter().map(|(key, _)| note_of(key)).collect();
    let note = |(name, read): (&OsString, &Result<KeyNotes>)| {
        let is_private = Searched::of(content, name).is_private;
        let kind = match read {
            // What is called a note and is none may be the one thing that must not be there.
            Err(_) if is_private => FileKind::Passed(Passed::Other),
            read => FileKind::Note { fault: read.as_ref().err().cloned(), is_in_flight: !own.contains(name) },
        };
        one(name, kind, is_private)
    };
    let other = |(name, stray): &(OsString, Option<Fault>)| {
        let Searched { is_private, holds } = Searched::of(content, name);
        let stray = stray.clone().map(|fault| FileKind::Stray { fault });
        one(name, stray.unwrap_or(FileKind::Passed(holds)), is_private)
    };
    let keys = content.keys.iter().map(key);
    keys.chain(content.notes.iter().map(note)).chain(content.others.iter().map(other)).collect()
}

fn kind_of_key(held: &KeyFile, refusal: Option<Fault>) -> FileKind {
    let flaw = held.flaw.zip(held.key.as_ref().err().cloned());
    FileKind::Key { flaw, refusal, block_count: held.block_count }
}

/// The files beside what we keep there, which nothing else lists. One that cannot be opened is for whoever opens it.
fn private_in_own(contents: &Contents) -> Vec<PathBuf> {
    let top = contents.places.first().map(|top| &top.files);
    let own = top.and_then(|top| top.below(OWN_DIRECTORY).ok().flatten());
    let Some(own) = own else { return Vec::new() };
    let names = own.names().unwrap_or_default();
    let is_private = |name: &OsString| own.searched(name).is_ok_and(|text| PublicKey::holds_private_key(&text));
    names.into_iter().filter(is_private).map(|name| own.path(&name)).collect()
}

/// What stands in a file, read whole.
struct Searched {
    is_private: bool,
    holds: Passed,
}

impl Searched {
    fn of(content: &Content, name: &OsStr) -> Self {
        let holds = |holds| Self { is_private: false, holds };
        match content.files.searched(name) {
            Ok(text) => {
                let is_public = blocks(&text).any(|block| block.label == "PUBLIC KEY");
                let holds = if is_public { Passed::PublicKey } else { Passed::Other };
                Self { is_private: PublicKey::holds_private_key(&text), holds }
            }
            Err(SmallFileError::NotAFile) => holds(Passed::NoFile),
            Err(error) if error.is_absent() => holds(Passed::NoFile),
            Err(SmallFileError::TooLarge { max_bytes, .. }) => holds(Passed::Unsearched { max_bytes }),
            Err(SmallFileError::Io(_)) => holds(Passed::Other),
        }
    }
}
