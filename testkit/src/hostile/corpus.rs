//! What a hostile layer is, and the parts that most of them are made of.

use aisoc_manifests::fault::Reason;

use crate::archive::{Entry, TarBuilder};

/// The media type of a tar layer without compression.
pub const TAR: &str = "application/vnd.aisoc.plugin.v1+tar";
/// The media type of a tar layer in gzip.
pub const GZIP: &str = "application/vnd.aisoc.plugin.v1.tar+gzip";
/// The directory that a titled layer is about.
pub const TITLE: &str = "demo";
/// Where absolute names of the corpus lead: nothing may ever appear there.
pub const ABSOLUTE: &str = "/tmp/aisoc-escaped-from-an-archive";
/// A manifest that a host would load.
pub const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\n";

/// What must become of a hostile layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Refused as a whole, for that reason, in words that hold this one.
    Refused(Reason, &'static str),
    /// Taken, with what is dangerous about it left behind: modes, owners, times, nested archives.
    Normalised,
}

/// One layer that an attacker could send.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// The row of the catalogue.
    pub row: u16,
    /// What is wrong with it, unique within the corpus.
    pub name: String,
    /// What its descriptor says that it is.
    pub media_type: &'static str,
    /// The directory that its descriptor names, if any.
    pub title: Option<&'static str>,
    /// Its bytes.
    pub layer: Vec<u8>,
    /// What must become of it.
    pub fate: Fate,
}

/// A plugin that is taken below the title `demo`.
pub fn benign() -> TarBuilder {
    TarBuilder::new().directory("demo/").file("demo/plugin.yaml", MANIFEST).file("demo/plugin.py", "pass\n")
}

/// The same plugin for a layer without a title.
pub fn benign_untitled() -> TarBuilder {
    TarBuilder::new().file("plugin.yaml", MANIFEST).file("plugin.py", "pass\n")
}

/// The layers so far.
#[derive(Default)]
pub(super) struct Corpus(pub(super) Vec<Hostile>);

impl Corpus {
    /// A plain tar below the title that must be refused as unsafe, in words that hold `word`.
    pub(super) fn refused(&mut self, row: u16, name: impl Into<String>, layer: Vec<u8>, word: &'static str) {
        self.add(row, name, (Some(TITLE), TAR), layer, Fate::Refused(Reason::UnsafeArchive, word));
    }

    /// A layer with everything said about it.
    pub(super) fn add(
        &mut self,
        row: u16,
        name: impl Into<String>,
        (title, media_type): (Option<&'static str>, &'static str),
        layer: Vec<u8>,
        fate: Fate,
    ) {
        self.0.push(Hostile { row, name: name.into(), media_type, title, layer, fate });
    }
}

/// The plugin with entries behind it, properly ended.
pub(super) fn with(entries: &[Entry]) -> Vec<u8> {
    entries.iter().fold(benign(), TarBuilder::entry).end()
}

/// A GNU long-name entry for the entry that follows.
pub(super) fn long_name(name: &[u8]) -> Entry {
    let content = [name, b"\0"].concat();
    Entry { kind: b'L', magic: GNU, ..Entry::file("././@LongLink", content) }
}

/// What GNU tar writes where POSIX writes `ustar` and a version.
pub(super) const GNU: [u8; 8] = *b"ustar  \0";
