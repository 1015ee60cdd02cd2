//! Layers as attackers send them: a corpus of archives, each with the row of the catalogue that it
//! belongs to and the fate that it deserves.
//!
//! All are made by code from a plugin that would be taken, so that what is wrong with each is one
//! thing, and can be read here.

mod kinds;
mod names;
mod records;
mod streams;

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

/// The whole corpus, in the order of the catalogue.
pub fn corpus() -> Vec<Hostile> {
    let mut corpus = Corpus::default();
    names::add(&mut corpus);
    kinds::add(&mut corpus);
    records::add(&mut corpus);
    streams::add(&mut corpus);
    corpus.0.sort_by_key(|hostile| hostile.row);
    corpus.0
}

/// A plugin that is taken below the title `demo`.
pub fn benign() -> TarBuilder {
    TarBuilder::new().directory("demo/").file("demo/plugin.yaml", MANIFEST).file("demo/plugin.py", "pass\n")
}

/// The same plugin for a layer without a title.
pub fn benign_untitled() -> TarBuilder {
    TarBuilder::new().file("plugin.yaml", MANIFEST).file("plugin.py", "pass\n")
}

#[derive(Default)]
struct Corpus(Vec<Hostile>);

impl Corpus {
    /// A plain tar below the title that must be refused as unsafe, in words that hold `word`.
    fn refused(&mut self, row: u16, name: impl Into<String>, layer: Vec<u8>, word: &'static str) {
        self.add(row, name, (Some(TITLE), TAR), layer, Fate::Refused(Reason::UnsafeArchive, word));
    }

    fn add(
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
fn with(entries: &[Entry]) -> Vec<u8> {
    entries.iter().fold(benign(), TarBuilder::entry).end()
}

/// A GNU long-name entry for the entry that follows.
fn long_name(name: &[u8]) -> Entry {
    let content = [name, b"\0"].concat();
    Entry { kind: b'L', magic: GNU, ..Entry::file("././@LongLink", content) }
}

const GNU: [u8; 8] = *b"ustar  \0";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_layer_has_a_name_of_its_own() {
        let corpus = corpus();
        let names: BTreeSet<_> = corpus.iter().map(|hostile| (hostile.row, &hostile.name)).collect();
        assert_eq!(names.len(), corpus.len());
        assert!(corpus.len() >= 200, "{}", corpus.len());
    }
}
