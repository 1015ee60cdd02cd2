//! What a site has seen of the clock: written under the lock, never less than before, and no more than a year at once.
//! The clock of these tests is a value.

mod common;

use std::path::Path;

use aisoc_installation::{Access, Site};
use aisoc_manifests::dry_run::DryRun;
use common::versions::access;
use jiff::Timestamp;

fn at(text: &str) -> Access {
    Access { at: text.parse().expect("a time"), ..access() }
}

/// A command that takes the lock when the clock says that; what the site has seen afterwards.
fn session(plugins: &Path, access: &Access) -> Option<String> {
    let site = Site::at(plugins);
    site.session(access, |session| {
        session.end();
        Ok(())
    })
    .expect("a session");
    site.last_seen().expect("readable").map(|seen| seen.to_string())
}

#[test]
fn the_latest_time_stays_whatever_the_clock_does() {
    let plugins = tempfile::tempdir().expect("a directory");
    for (clock, seen) in [
        ("2026-05-01T10:00:00Z", "2026-05-01T10:00:00Z"),
        ("2026-05-01T10:00:30Z", "2026-05-01T10:00:00Z"),
        ("2026-05-01T10:01:00.9Z", "2026-05-01T10:01:00Z"),
        // A year back, an hour back, 1970.
        ("2025-05-01T10:00:00Z", "2026-05-01T10:01:00Z"),
        ("2026-05-01T09:00:00Z", "2026-05-01T10:01:00Z"),
        ("1970-01-01T00:00:00Z", "2026-05-01T10:01:00Z"),
        // A jump, the same again, and back where time goes on.
        ("2099-01-01T00:00:00Z", "2026-05-01T10:01:00Z"),
        ("2099-01-02T00:00:00Z", "2026-05-01T10:01:00Z"),
        ("2026-05-02T10:00:00Z", "2026-05-02T10:00:00Z"),
        // A year at once is a site that was left alone.
        ("2027-05-03T10:00:00Z", "2027-05-03T10:00:00Z"),
        ("2028-05-04T10:00:01Z", "2027-05-03T10:00:00Z"),
    ] {
        assert_eq!(session(plugins.path(), &at(clock)).as_deref(), Some(seen), "{clock}");
    }
}

#[test]
fn a_caller_without_a_clock_and_a_dry_run_write_nothing() {
    let plugins = tempfile::tempdir().expect("a directory");
    assert_eq!(session(plugins.path(), &access()), None);
    let dry = Access { dry_run: DryRun::Yes, ..at("2026-05-01T10:00:00Z") };
    assert_eq!(session(plugins.path(), &dry), None);
    session(plugins.path(), &at("2026-05-01T10:00:00Z"));
    let later = Access { dry_run: DryRun::Yes, ..at("2026-06-01T10:00:00Z") };
    assert_eq!(session(plugins.path(), &later).as_deref(), Some("2026-05-01T10:00:00Z"));
}

#[test]
fn a_reset_goes_either_way_and_none_is_without_its_line() {
    let plugins = tempfile::tempdir().expect("a directory");
    session(plugins.path(), &at("2026-05-01T10:00:00Z"));
    let site = Site::at(plugins.path());
    let reason = "the clock was wrong".parse().expect("a reason");
    for (lines, clock) in ["2099-01-01T00:00:00Z", "2026-05-01T11:00:00Z"].into_iter().enumerate() {
        site.reset_clock(&at(clock), &reason).expect("reset");
        assert_eq!(site.last_seen().expect("readable"), clock.parse::<Timestamp>().ok());
        let journal = std::fs::read_to_string(plugins.path().join(".aisoc/plugins.journal")).expect("a journal");
        assert_eq!(journal.lines().count(), lines + 1);
        assert!(journal.ends_with('\n') && journal.contains("\tclock-reset\t"), "{journal}");
    }
    // Where no line can be written, nothing is reset.
    std::fs::write(plugins.path().join(".aisoc/plugins.journal"), "another history\n").expect("written");
    let fault = site.reset_clock(&at("2030-01-01T00:00:00Z"), &reason).expect_err("broken");
    assert_eq!(fault.reason().as_str(), "journal_broken");
    assert_eq!(site.last_seen().expect("readable"), "2026-05-01T11:00:00Z".parse::<Timestamp>().ok());
    assert_eq!(session(plugins.path(), &at("2026-05-01T12:00:00Z")).as_deref(), Some("2026-05-01T12:00:00Z"));
}
