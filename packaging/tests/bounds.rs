//! A directory is held to the bounds of an archive, and before anything in it is read.

mod common;

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Reason, Result};
use aisoc_packaging::{InstalledDir, Limits, PluginDir, ReferenceDir, default_threads};
use common::demo;

/// What each of the three readers says of a directory within those limits.
fn read(root: &std::path::Path, limits: &Limits) -> [Result<()>; 3] {
    [
        PluginDir::open_with(root, default_threads(), limits).map(drop),
        InstalledDir::read_with(root, default_threads(), limits).map(drop),
        ReferenceDir::read_with(root, default_threads(), limits).map(drop),
    ]
}

fn all_read(root: &std::path::Path, limits: &Limits) {
    for read in read(root, limits) {
        read.expect("within its bounds");
    }
}

fn all_refuse(root: &std::path::Path, limits: &Limits, word: &str) {
    for read in read(root, limits) {
        let fault = read.expect_err(word);
        assert_eq!(fault.reason(), Reason::ForbiddenEntry, "{fault:?}");
        assert!(fault.message().contains(word), "{fault:?}");
    }
}

#[test]
fn a_file_that_is_mostly_hole_is_refused_before_it_is_read() {
    let root = demo();
    // Hundreds of times what is allowed: to read it would take an hour.
    File::create(root.path().join("sparse.py")).expect("created").set_len(1 << 40).expect("sparse");
    let begin = Instant::now();
    all_refuse(root.path(), &Limits::default(), "too large");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn many_holes_are_refused_before_one_is_read() {
    let root = demo();
    for name in ["a.py", "b.bin"] {
        File::create(root.path().join(name)).expect("created").set_len(3 << 30).expect("sparse");
    }
    let begin = Instant::now();
    all_refuse(root.path(), &Limits::default(), "too large");
    // One of them alone is allowed, and takes longer than both of them refused.
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn sizes_count_up_to_their_bounds_and_not_beyond() {
    let root = demo();
    let size = |name: &str| fs::metadata(root.path().join(name)).expect("there").len();
    fs::write(root.path().join("data.bin"), vec![b'x'; 1000]).expect("written");
    let total = size("plugin.yaml") + size("plugin.py") + size("sub/__init__.py") + size("data.bin");
    let file = |max_file_bytes| Limits { max_file_bytes, ..Limits::default() };
    let all = |max_total_bytes| Limits { max_total_bytes, ..Limits::default() };
    for limits in [file(1001), file(1000), all(total + 1), all(total)] {
        all_read(root.path(), &limits);
    }
    for limits in [file(999), all(total - 1)] {
        all_refuse(root.path(), &limits, "too large");
    }
}

/// One of many plugins is read on one thread, and its files are held to the bounds as they are opened.
#[test]
fn sizes_of_open_files_count_up_to_their_bounds_and_not_beyond() {
    let root = demo();
    let size = |name: &str| fs::metadata(root.path().join(name)).expect("there").len();
    fs::write(root.path().join("data.bin"), vec![b'x'; 1000]).expect("written");
    let total = size("plugin.yaml") + size("plugin.py") + size("sub/__init__.py") + size("data.bin");
    let read = |limits: &Limits| ReferenceDir::read_with(root.path(), NonZeroUsize::MIN, limits).map(drop);
    for (max_file_bytes, max_total_bytes) in [(1001, total), (1000, total), (1000, total + 1)] {
        read(&Limits { max_file_bytes, max_total_bytes, ..Limits::default() }).expect("within its bounds");
    }
    let refused =
        [(999, total, "at most 999 bytes", 1000), (1000, total - 1, &format!("at most {} bytes", total - 1), total)];
    for (max_file_bytes, max_total_bytes, expected, found) in refused {
        let fault = read(&Limits { max_file_bytes, max_total_bytes, ..Limits::default() }).expect_err("too large");
        assert_eq!(fault.reason(), Reason::ForbiddenEntry, "{fault:?}");
        let difference = fault.difference().expect("two values");
        assert_eq!((difference.expected.as_str(), &difference.found), (expected, &format!("{found} bytes")));
    }
    // Before anything of it is read: that would take an hour.
    File::create(root.path().join("sparse.py")).expect("created").set_len(1 << 40).expect("sparse");
    let begin = Instant::now();
    read(&Limits::default()).expect_err("too large");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn entries_count_up_to_their_bound_and_not_beyond() {
    // Three files and a directory.
    let root = demo();
    let limits = |max_entries| Limits { max_entries, ..Limits::default() };
    all_read(root.path(), &limits(5));
    all_read(root.path(), &limits(4));
    for fault in read(root.path(), &limits(3)) {
        assert_eq!(fault.expect_err("too many").reason(), Reason::ForbiddenEntry);
    }
}

#[test]
fn what_the_rules_leave_out_is_walked_up_to_a_bound_and_listed_in_no_time() {
    let root = demo();
    for number in 0..20_000 {
        fs::write(root.path().join(format!("{number}.pyc")), "").expect("written");
    }
    let begin = Instant::now();
    let plugin = PluginDir::open(root.path()).expect("read");
    assert_eq!((plugin.excluded().len(), plugin.files().len()), (20_000, 3));
    assert!(begin.elapsed() < Duration::from_secs(20));
    let limits = |max_seen_entries| Limits { max_seen_entries, ..Limits::default() };
    let open = |limits| PluginDir::open_with(root.path(), default_threads(), &limits);
    open(limits(20_004)).expect("as many as there are");
    let fault = open(limits(20_003)).expect_err("one too many");
    assert!(fault.message().contains("too many entries"), "{fault:?}");
}

#[test]
fn every_reader_stops_when_it_is_told_to() {
    let root = demo();
    let cancellation = Cancellation::default();
    cancellation.cancel();
    for read in read(root.path(), &Limits::until(&cancellation)) {
        assert_eq!(read.expect_err("stopped").reason(), Reason::Interrupted);
    }
}
