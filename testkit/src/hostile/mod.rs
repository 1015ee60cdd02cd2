//! Layers as attackers send them: a corpus of archives, each with the row of the catalogue that it
//! belongs to and the fate that it deserves.
//!
//! All are made by code from a plugin that would be taken, so that what is wrong with each is one
//! thing, and can be read here.

mod corpus;
mod kinds;
mod names;
mod records;
mod streams;

use corpus::Corpus;
pub use corpus::{ABSOLUTE, Fate, GZIP, Hostile, MANIFEST, TAR, TITLE, benign, benign_untitled};

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
