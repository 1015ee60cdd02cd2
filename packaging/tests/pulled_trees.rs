//! Which directory is the plugin, as the host decides it: the `pulled-tree` rows of the public vectors.

use std::collections::BTreeSet;
use std::fs;

use aisoc_manifests::fault::Reason;
use aisoc_manifests::path::RelPath;
use aisoc_packaging::{Kind, select_root};
use serde_json::Value;

fn vectors() -> Value {
    let places = ["/../testdata/vectors/public.json", "/../../shared/vectors/public.json"];
    let text = places
        .iter()
        .find_map(|place| fs::read(format!("{}{place}", env!("CARGO_MANIFEST_DIR"))).ok())
        .expect("the public vectors");
    serde_json::from_slice(&text).expect("JSON")
}

/// The names of a row with the directories that they imply.
fn names(row: &Value) -> BTreeSet<(String, bool)> {
    let mut names = BTreeSet::new();
    let mut add = |name: &str, file: bool| {
        names.insert((name.to_owned(), file));
        for (at, _) in name.match_indices('/') {
            names.insert((name[..at].to_owned(), false));
        }
    };
    row["files"].as_object().expect("files").keys().for_each(|name| add(name, true));
    row["dirs"].as_array().expect("dirs").iter().for_each(|name| add(name.as_str().expect("text"), false));
    names
}

#[test]
fn chooses_the_root_that_the_host_chooses() {
    let vectors = vectors();
    let rows = vectors["vectors"].as_array().expect("rows").iter();
    let mut checked = 0;
    for row in rows.filter(|row| row["category"] == "pulled-tree") {
        let names: Vec<(RelPath, Kind)> = names(row)
            .into_iter()
            .map(|(name, file)| (RelPath::parse(&name).expect(&name), if file { Kind::File } else { Kind::Directory }))
            .collect();
        let selected = select_root(names.iter().map(|(path, kind)| (path, *kind)));
        match row["expect"]["selected"].as_str() {
            Some(".") => assert_eq!(selected.expect("chosen"), None, "{row}"),
            Some(directory) => assert_eq!(selected.expect("chosen").expect("below").as_str(), directory, "{row}"),
            None => assert_eq!(selected.expect_err("refused").reason(), Reason::AmbiguousLayout, "{row}"),
        }
        checked += 1;
    }
    assert!(checked >= 11, "{checked} rows");
}
