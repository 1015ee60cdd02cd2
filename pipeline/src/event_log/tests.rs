use std::fs;
use std::os::unix::fs::symlink;

use aisoc_discovery::{Compiled, Sources, discover};
use aisoc_manifests::digest::FileDigest;
use aisoc_packaging::Limits;

use super::*;

fn at() -> Timestamp {
    "2026-05-24T14:32:00Z".parse().expect("a time")
}

#[test]
fn a_file_that_was_moved_is_followed_by_the_one_that_stands_there() {
    let root = tempfile::tempdir().expect("a directory");
    let [path, moved, elsewhere] = ["events.jsonl", "events.jsonl.1", "elsewhere"].map(|name| root.path().join(name));
    let mut log = EventLog::open(&path).expect("opened");
    let mut record = |reference: &str| log.record(at(), &[Occurrence::unpinned(reference)]);
    let lines = |path: &Path| fs::read_to_string(path).expect("read").lines().count();
    record("a/x:1").expect("written");
    fs::rename(&path, &moved).expect("moved");
    record("a/x:2").expect("written");
    record("a/x:3").expect("written");
    assert_eq!((lines(&moved), lines(&path)), (1, 2));
    // A link leads to nobody's file: the lines are where they were before, and it is said.
    fs::remove_file(&path).expect("removed");
    fs::rename(&moved, &elsewhere).expect("moved");
    symlink(&elsewhere, &path).expect("linked");
    record("a/x:4").expect_err("a link");
    assert_eq!(lines(&elsewhere), 1);
    fs::remove_file(&path).expect("removed");
    record("a/x:5").expect("written");
    assert_eq!(lines(&path), 1);
}

#[test]
fn every_event_is_a_line_with_its_time_level_and_name() {
    let root = tempfile::tempdir().expect("a directory");
    let path = root.path().join("events.jsonl");
    for reference in ["a/x:1", "a/y:1\n{}"] {
        EventLog::open(&path).expect("opened").record(at(), &[Occurrence::unpinned(reference)]).expect("written");
    }
    let signing = SigningGrounds { trust_decision: Some("trusted_publisher"), trust_reason: String::new() };
    let metadata = RegistrationMetadata { signed_by: Vec::new(), signing };
    let registered = Occurrence::registered("demo", "1", metadata);
    EventLog::open(&path).expect("opened").record(at(), &[registered, Occurrence::unpinned("b")]).expect("written");
    let text = fs::read_to_string(&path).expect("read");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let events: Vec<_> = lines.iter().map(|line| (line["level"].as_str(), line["event"].as_str())).collect();
    let (unpinned, warning) = (Some("plugin.oci_unpinned"), Some("warning"));
    assert_eq!(
        events,
        [(warning, unpinned), (warning, unpinned), (Some("info"), Some("plugin.registered")), (warning, unpinned)]
    );
    assert!(lines.iter().all(|line| line["timestamp"] == "2026-05-24T14:32:00Z"), "{text}");
}

#[test]
fn a_drop_in_over_a_built_in_is_an_event_with_both_sources() {
    let data = tempfile::tempdir().expect("a directory");
    let cleaners = data.path().join("plugins/cleaners");
    fs::create_dir_all(&cleaners).expect("made");
    fs::write(cleaners.join("tidy.py"), "").expect("written");
    let compiled = Compiled {
        executable: PathBuf::from("/usr/bin/host"),
        digest: FileDigest::of(b""),
        plugins: vec![("cleaner/tidy".to_owned(), "1.0".to_owned())],
    };
    let data_dir = Some(data.path().to_owned());
    let sources = Sources { compiled: Some(compiled), data_dir, ..Sources::default() };
    let found = discover(&sources, &Limits::default()).expect("found");
    let events: Vec<_> = found.notes.iter().filter_map(Occurrence::of_note).collect();
    let [event] = events.as_slice() else { panic!("{found:?}") };
    let line: Value = serde_json::from_str(&event.line(at())).expect("JSON");
    let expected = serde_json::json!({
        "timestamp": "2026-05-24T14:32:00Z",
        "level": "warning",
        "event": "plugin_already_registered",
        "plugin_id": "cleaner/tidy",
        "registry": "CleanerRegistry",
        "prior_source": "/usr/bin/host",
        "new_source": cleaners.join("tidy.py"),
        "previous_origin": "builtin",
        "new_origin": "user",
    });
    assert_eq!(line, expected);
}

#[test]
fn a_text_is_no_longer_than_it_may_be() {
    for (length, is_whole) in [(MAX_TEXT - 1, true), (MAX_TEXT, true), (MAX_TEXT + 1, false), (1 << 20, false)] {
        let cut = text(&"x".repeat(length));
        assert_eq!(cut.len() == length, is_whole, "{length}");
        assert!(cut.chars().count() <= MAX_TEXT + 1, "{length}");
    }
}

#[test]
fn no_link_and_nothing_but_a_file_is_a_log() {
    let root = tempfile::tempdir().expect("a directory");
    fs::write(root.path().join("elsewhere"), "kept").expect("written");
    symlink("elsewhere", root.path().join("link")).expect("linked");
    for name in ["link", "", "absent/log"] {
        assert!(EventLog::open(&root.path().join(name)).is_err(), "{name}");
    }
    assert_eq!(fs::read_to_string(root.path().join("elsewhere")).expect("read"), "kept");
}
