//! An artifact whose signatures are exchanged: nothing else of it is touched, and nothing else can be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::fault::Reason;
use aisoc_packaging::{Limits, PackOptions, PluginDir, Received, Staged, Staging};
use aisoc_signing::{Resigned, Resigning, SigningKey, sign};
use aisoc_testkit::archive::{TarBuilder, gzip};

const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\n";

fn received(files: &[(&str, &str)]) -> Staged<Received> {
    let tar = files.iter().fold(TarBuilder::new(), |tar, (name, content)| tar.file(name, content));
    let mut staging = Staging::into_copy(Limits::default()).expect("a copy");
    let form = LayerForm::Archive { title: None, content_digest: None };
    staging.layer(&form, "application/vnd.aisoc.plugin.v1.tar+gzip", gzip(&tar.end()).as_slice()).expect("received");
    staging.finish().expect("one plugin")
}

fn plugin(files: &[(&str, &str)]) -> PluginDir {
    received(files).into_plugin(Path::new("shown"), &Limits::default()).expect("a plugin")
}

#[test]
fn what_was_received_is_the_plugin_whatever_a_bench_would_leave_out() {
    let staged = received(&[
        ("demo/plugin.yaml", MANIFEST),
        ("demo/.aisocignore", "*"),
        ("demo/.git/config", "kept"),
        ("demo/.env", "TOKEN=x"),
        ("README.md", "beside the plugin"),
    ]);
    let subject = staged.subject();
    let plugin = staged.into_plugin(Path::new("shown"), &Limits::default()).expect("a plugin");
    assert_eq!(plugin.files().tree_digest(), subject);
    let names: Vec<&str> = plugin.files().iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, [".aisocignore", ".env", ".git/config", "plugin.yaml"]);
}

#[test]
fn only_files_that_hold_signatures_are_exchanged() {
    let files = [("plugin.yaml", MANIFEST), ("plugin.py", "x = 1"), ("plugin.sig.d/files", "a list of the author's")];
    let written =
        |name: &str| Resigned { removed: BTreeSet::new(), written: BTreeMap::from([(name.to_owned(), b"x".to_vec())]) };
    let removed = |name: &str| Resigned { removed: BTreeSet::from([name.to_owned()]), written: BTreeMap::new() };
    for name in ["plugin.py", "plugin.yaml", "plugin.sig.d/files", "plugin.sig.d/notes", "new.txt"] {
        for change in [written(name), removed(name)] {
            assert_eq!(plugin(&files).resigned(&change).expect_err(name).reason(), Reason::Internal, "{name}");
        }
    }
    let signed = plugin(&files).resigned(&written("plugin.sig")).expect("a signature");
    assert_eq!(signed.files().len(), files.len() + 1);
}

#[test]
fn a_directory_is_not_signed_as_if_it_were_received() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("plugin.yaml"), MANIFEST).expect("written");
    let opened = PluginDir::open(directory.path()).expect("a plugin");
    let change = Resigned { removed: BTreeSet::new(), written: BTreeMap::new() };
    assert_eq!(opened.resigned(&change).expect_err("no copy").reason(), Reason::Internal);
}

#[test]
fn what_is_packed_is_what_was_received_with_the_signatures_in_their_places() {
    let files = [("plugin.yaml", MANIFEST), ("plugin.py", "x = 1"), ("data/big.bin", &"z".repeat(200_000))];
    let before = plugin(&files);
    let key = SigningKey::generate().expect("random numbers");
    let signed = sign(before.claim().statement().expect("a statement"), &key).expect("signed");
    let change = Resigned::of(&before.claim(), signed.signer(), signed.signature(), None, None, Resigning::Alone);
    let after = before.resigned(&change).expect("signed");
    let statement = match aisoc_signing::verify(
        &after.claim(),
        &aisoc_signing::Keyring::of_key("new", key.public_key()),
        jiff::Timestamp::UNIX_EPOCH,
    ) {
        Ok(aisoc_signing::Outcome::Verified(verified)) => aisoc_signing::SignedStatement::verified(&verified),
        other => panic!("{other:?}"),
    };
    let (mut layer, id) = (Vec::new(), "demo".parse().expect("an id"));
    aisoc_packaging::pack(&after, &statement.into(), &id, &PackOptions::default(), &mut layer).expect("packed");
    let mut staging = Staging::hash_only(Limits::default());
    let form = LayerForm::Archive { title: None, content_digest: None };
    staging.layer(&form, "application/vnd.aisoc.plugin.v1.tar+gzip", layer.as_slice()).expect("read");
    let read = staging.finish().expect("one plugin");
    assert_eq!(read.files(), after.files());
    assert_eq!(read.files().len(), files.len() + 2);
}
