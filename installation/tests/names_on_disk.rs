//! What stands in a plugins directory has the names and the modes that `docs/install.md` promises, and no others.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aisoc_installation::{Access, CoverageFloor, Site, StagingDirectory};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_signing::Coverage;
use common::signed::Publisher;
use common::versions::{access, recorded, unfinished};

/// Path below the plugins directory, and mode.
type Names = BTreeMap<String, String>;

/// The list at the top of the page: what is indented deeper stands in `.aisoc`.
fn documented() -> Names {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/install.md");
    let page = fs::read_to_string(page).expect("the page");
    let lines = page.lines().skip_while(|line| !line.starts_with("PLUGINS_DIR/")).skip(1);
    let mut names = Names::new();
    for line in lines.take_while(|line| line.starts_with("  ")) {
        let parent = if line.starts_with("    ") { ".aisoc/" } else { "" };
        let (all, rest) = line.trim_start().split_once("  ").expect("a name and more");
        let mode = &rest.trim_start()[..4];
        let mut all = all.split(", ");
        let first = all.next().expect("a name").trim_end_matches('/');
        names.insert(format!("{parent}{first}"), mode.to_owned());
        let (beside, _) = first.rsplit_once('/').unwrap_or_default();
        names.extend(all.map(|name| (format!("{parent}{beside}/{name}"), mode.to_owned())));
    }
    names
}

/// What is there, in the words of the page. Our directories are named by what is in them.
fn found(directory: &Path, parent: &str, names: &mut Names) {
    for entry in fs::read_dir(directory).expect("listed") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        let shown = match name.strip_prefix(".aisoc-staging-") {
            Some(random) => format!(".aisoc-staging-{}", "X".repeat(random.len())),
            None if name.bytes().all(|byte| byte.is_ascii_digit()) => "N".to_owned(),
            None if parent == ".aisoc/proofs/" => name.replace("sha256", "ALGORITHM").replace(&artifact().hex(), "HEX"),
            None => name.replace("demo", "ID"),
        };
        let is_ours = name == ".aisoc" || (!parent.is_empty() && name != "tree" && entry.path().is_dir());
        if is_ours {
            found(&entry.path(), &format!("{parent}{shown}/"), names);
        }
        if !is_ours || name == ".aisoc" {
            let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
            names.insert(format!("{parent}{shown}"), format!("{mode:04o}"));
        }
    }
}

/// One whose proofs are kept.
fn artifact() -> ArtifactDigest {
    ArtifactDigest::of(b"{}")
}

#[test]
fn the_names_and_modes_in_a_plugins_directory_are_those_of_the_page() {
    let top = tempfile::tempdir().expect("a directory");
    let (plugins, publisher) = (top.path().join("plugins"), Publisher::new());
    let lowered = CoverageFloor::Lowered("what is on disk then".parse().expect("a reason"));
    publisher.install(&plugins, "1.0.0", Coverage::Full, &access()).expect("installed");
    let at = "2026-05-01T10:00:00Z".parse().expect("a time");
    let access = Access { coverage_floor: lowered, at, ..access() };
    publisher.install(&plugins, "1.1.0", Coverage::Code, &access).expect("installed");
    Site::at(&plugins).session(&access, |session| session.keep_proofs(artifact(), b"{}")).expect("kept");
    let _running = StagingDirectory::create(&plugins).expect("made");
    unfinished(&plugins, Some(&recorded(&plugins)), None, 2, &plugins.join("demo"), None);
    let (mut there, documented) = (Names::new(), documented());
    found(&plugins, "", &mut there);
    assert_eq!(there.keys().collect::<Vec<_>>(), documented.keys().collect::<Vec<_>>());
    for (name, mode) in &documented {
        // Of a kept version its directory is private; the note of a change was written by this test.
        if !name.starts_with(".aisoc/versions/") && !name.starts_with(".aisoc/pending/") {
            assert_eq!(there[name], *mode, "{name}");
        }
    }
    for private in ["versions", "versions/demo", "versions/demo/1"] {
        let mode = fs::metadata(plugins.join(".aisoc").join(private)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{private}");
    }
    assert_eq!(fs::metadata(&plugins).expect("there").permissions().mode() & 0o777, 0o755);
}
