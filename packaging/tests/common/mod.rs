//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::io::Read;
use std::path::Path;

use aisoc_files::PrivateDirectory;
use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::{Limits, Staged, Staging};
use aisoc_testkit::archive::TarBuilder;
pub(crate) use aisoc_testkit::layers::*;

/// Stages one layer into a private directory in `parent`.
pub(crate) fn stage_into(
    parent: &Path,
    form: &LayerForm,
    media_type: &str,
    reader: impl Read,
) -> Result<Staged<PrivateDirectory>> {
    let place = PrivateDirectory::create(parent, ".staging-").expect("made");
    let mut staging = Staging::into_place(place, Limits::default())?;
    staging.layer(form, media_type, reader)?;
    staging.finish()
}

/// The refusal of an archive below the title `demo`, the same when it is walked and when it is staged.
pub(crate) fn refusal(archive: &[u8]) -> Fault {
    refusal_of(&titled("demo"), TAR, archive)
}

pub(crate) fn refusal_of(form: &LayerForm, media_type: &str, layer: &[u8]) -> Fault {
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("sentinel"), "untouched").expect("written");
    let plugins = outside.path().join("plugins");
    fs::create_dir(&plugins).expect("made");
    let before = snapshot(outside.path());
    let Err(staged) = stage_into(&plugins, form, media_type, layer) else { panic!("it was staged") };
    let Err(walked) = inspect(form, media_type, layer) else { panic!("it was walked") };
    assert_eq!(staged.to_string(), walked.to_string());
    assert_eq!(snapshot(outside.path()), before);
    staged
}

#[track_caller]
pub(crate) fn refuses(archive: &[u8], word: &str) {
    let fault = refusal(archive);
    assert_eq!(fault.reason(), Reason::UnsafeArchive, "{fault:?}");
    assert!(fault.to_string().contains(word), "{fault:?} does not say `{word}`");
}

pub(crate) fn good() -> TarBuilder {
    TarBuilder::new().directory("demo/").file("demo/plugin.yaml", MANIFEST).file("demo/plugin.py", "pass\n")
}

pub(crate) fn accepts(form: &LayerForm, media_type: &str, layer: &[u8], files: &[&str]) {
    let plugins = tempfile::tempdir().expect("a directory");
    let walked = inspect(form, media_type, layer).expect("taken");
    let staged = stage_into(plugins.path(), form, media_type, layer).expect("taken");
    for found in [walked.files(), staged.files()] {
        let names: Vec<String> = found.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(names, files);
    }
}

pub(crate) const DEMO: [&str; 2] = ["plugin.py", "plugin.yaml"];

/// As [`refusal`], without the directories.
pub(crate) fn refusal_quick(archive: &[u8]) -> Fault {
    match inspect(&titled("demo"), TAR, archive) {
        Err(fault) => fault,
        Ok(_) => panic!("it was walked"),
    }
}
