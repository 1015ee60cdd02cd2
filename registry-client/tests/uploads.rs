//! An upload that breaks off goes on where the registry says that it ends, and one that is too large for a registry
//! is sent in pieces. What the registry says on the way decides how much is sent, and never what.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aisoc_files::PartialDirectory;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::oci::Descriptor;
use aisoc_registry_client::{BlobSource, ClientOptions, Fetch as _, Notice, Push as _, Pushed, Target, Told};
use aisoc_testkit::registry::{Act, Registry, Rule, Seen};
use support::{options, reference, shown};

const MIB: usize = 1 << 20;

/// A registry with a script, and a blob that is sent to it.
struct Place {
    registry: Registry,
    bytes: Vec<u8>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Place {
    fn with(bytes: usize, rules: Vec<Rule>) -> Self {
        let bytes = (0..bytes).map(|at| (at % 251) as u8 ^ (at >> 12) as u8).collect();
        Self { registry: Registry::with_rules(rules), bytes, heard: Arc::default() }
    }

    fn target(&self) -> Target {
        let heard = Arc::clone(&self.heard);
        let hear = move |notice: &Notice<'_>| {
            if let Notice::GoesOn { offset, size, .. } = notice {
                heard.lock().expect("whole").push(format!("{offset} of {size}"));
            }
        };
        let options = ClientOptions { told: Told::by(hear), ..options() };
        Target::create(&reference(&self.registry.reference("plugin:1")), &options).expect("a target")
    }

    fn descriptor(&self) -> Descriptor {
        Descriptor::of("application/octet-stream", &self.bytes)
    }

    async fn push(&self) -> Result<Pushed, Fault> {
        let source = BlobSource::Bytes(self.bytes.clone().into());
        self.target().push_blob(&self.descriptor(), &source).await
    }

    /// Pushes it, and reads back what the registry has then.
    async fn pushed(&self) {
        let pushed = self.push().await.map_err(|fault| shown(&fault));
        assert_eq!(pushed, Ok(Pushed::Uploaded), "{:?}", self.lines());
        let found = self.target().fetch_blob_bytes(&self.descriptor(), u64::MAX).await.expect("there");
        assert!(found == self.bytes, "other bytes");
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("whole").clone()
    }

    /// The requests of upload sessions, each with its range, or its length where it has none.
    fn lines(&self) -> Vec<String> {
        let is_upload = |seen: &Seen| seen.path.contains("/uploads/");
        let line = |seen: Seen| {
            let of = seen.content_range.or(seen.content_length.filter(|length| length != "0"));
            format!("{} {}", seen.method, of.unwrap_or_default()).trim().to_owned()
        };
        self.registry.requests().into_iter().filter(is_upload).map(line).collect()
    }

    fn count(&self, method: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(method)).count()
    }
}

fn uploads(method: &str, act: Act) -> Rule {
    Rule::on("/uploads/", act).method(method)
}

#[tokio::test]
async fn goes_on_at_the_byte_where_the_registry_ends() {
    let size = 9 * MIB + 77;
    let place = Place::with(size, vec![uploads("PUT", Act::BreakBody(5 * MIB)).times(1)]);
    place.pushed().await;
    let (from, last) = (5 * MIB, size - 1);
    assert_eq!(place.lines(), ["POST", &format!("PUT {size}"), "GET", &format!("PATCH {from}-{last}"), "PUT"]);
    assert_eq!(place.heard(), [format!("{from} of {size}")]);
}

#[tokio::test]
async fn what_is_small_is_sent_again_and_what_is_not_goes_on() {
    for (size, goes_on) in [(4 * MIB - 1, false), (4 * MIB, true), (4 * MIB + 1, true)] {
        let place = Place::with(size, vec![uploads("PUT", Act::BreakBody(2 * MIB)).times(1)]);
        place.pushed().await;
        assert_eq!((place.count("POST"), place.count("PATCH")), if goes_on { (1, 1) } else { (2, 0) }, "{size}");
    }
}

#[tokio::test]
async fn goes_on_after_every_break_while_tries_are_left() {
    let size = 9 * MIB;
    let broken = |method: &str| uploads(method, Act::BreakBody(2 * MIB));
    let place = Place::with(size, vec![broken("PUT").times(1), broken("PATCH").times(3)]);
    place.pushed().await;
    let offsets = [2 * MIB, 4 * MIB, 6 * MIB].map(|offset| format!("{offset} of {size}"));
    assert_eq!((&place.heard()[..3], place.heard().len()), (&offsets[..], 4), "smaller pieces after each break");
    let place = Place::with(size, vec![broken("PUT").times(1), broken("PATCH").times(4)]);
    assert_eq!(place.push().await.expect_err("five breaks").reason(), Reason::RegistryUnavailable);
}

#[tokio::test]
async fn a_session_that_is_gone_or_unreadable_is_begun_anew() {
    for act in [
        Act::Status(404),
        Act::Status(405),
        Act::Header("range", String::new()),
        Act::Header("range", "0-0".to_owned()),
        Act::Header("range", format!("0-{}", 6 * MIB)),
        Act::Header("range", "5-9".to_owned()),
    ] {
        let rules = vec![uploads("PUT", Act::BreakBody(MIB)).times(1), uploads("GET", act.clone()).times(1)];
        let place = Place::with(6 * MIB, rules);
        place.pushed().await;
        assert_eq!(place.lines()[3..], ["POST", &format!("PATCH 0-{}", 6 * MIB - 1), "PUT"], "{act:?}");
        assert_eq!(place.heard(), Vec::<String>::new(), "{act:?}");
    }
}

#[tokio::test]
async fn a_session_that_gets_lost_each_time_ends_with_the_tries() {
    let rules = vec![uploads("PUT", Act::LimitBody(0)), uploads("PATCH", Act::Status(404))];
    let place = Place::with(6 * MIB, rules);
    let fault = place.push().await.expect_err("never kept");
    assert_eq!(fault.reason(), Reason::ReferenceNotFound, "{}", shown(&fault));
    assert_eq!(place.count("PATCH"), 5);
}

#[tokio::test]
async fn a_range_that_lies_costs_bytes_and_no_content() {
    // Less than it has: 416 says so, and it is asked. More than it was sent, or nothing at all: it is asked.
    for lie in [MIB, 40 * MIB] {
        let act = Act::Header("range", format!("0-{}", lie - 1));
        let rules = vec![
            uploads("PUT", Act::BreakBody(2 * MIB)).times(1),
            uploads("GET", if lie == MIB { act.clone() } else { Act::Status(204) }).times(usize::from(lie == MIB)),
            uploads("PATCH", act).times(usize::from(lie != MIB)),
        ];
        let place = Place::with(20 * MIB, rules);
        place.pushed().await;
        assert!(place.heard().len() >= 2, "{:?}", place.lines());
    }
    // One that always lies ends.
    let lying = Act::Header("range", format!("0-{}", 40 * MIB));
    let limit = uploads("PUT", Act::LimitBody(MIB as u64));
    let rules = vec![limit, uploads("PATCH", lying.clone()), uploads("GET", lying)];
    let fault = Place::with(20 * MIB, rules).push().await.expect_err("lies for ever");
    assert_eq!(fault.reason(), Reason::RegistryProtocol, "{}", shown(&fault));
    // One that says that it has everything is found out where it hashes: nothing gets a name.
    let rules = vec![
        uploads("PUT", Act::BreakBody(2 * MIB)).times(1),
        uploads("GET", Act::Header("range", format!("0-{}", 6 * MIB - 1))),
    ];
    let place = Place::with(6 * MIB, rules);
    let fault = place.push().await.expect_err("not there");
    assert_eq!(fault.reason(), Reason::RegistryRefused, "{}", shown(&fault));
    place.registry.set_rules(vec![]);
    assert!(!place.target().has_blob(&place.descriptor()).await.expect("asked"));
}

#[tokio::test]
async fn pieces_are_as_large_as_the_registry_takes_and_not_smaller_than_it_wants() {
    let size = 5 * MIB;
    for (most, pieces) in [(5 * MIB, 0), (5 * MIB - 1, 2), (2 * MIB, 4), (MIB, 5)] {
        let limit = |method| uploads(method, Act::LimitBody(most as u64));
        let place = Place::with(size, vec![limit("PUT"), limit("PATCH")]);
        place.pushed().await;
        let taken = place.lines().iter().filter(|line| line.starts_with("PATCH")).count();
        assert!(taken >= pieces && (pieces > 0 || taken == 0), "{most}: {:?}", place.lines());
        for line in place.lines().iter().filter_map(|line| line.strip_prefix("PATCH ")) {
            let (first, last) = line.split_once('-').expect("a range");
            let (first, last): (usize, usize) = (first.parse().expect("one"), last.parse().expect("one"));
            assert!(last < size && first <= last, "{line}");
        }
    }
    // A registry that takes nothing of the smallest size is one that refuses.
    let limit = |method| uploads(method, Act::LimitBody(MIB as u64 - 1));
    let place = Place::with(size, vec![limit("PUT"), limit("PATCH")]);
    let fault = place.push().await.expect_err("refused");
    assert_eq!(fault.reason(), Reason::RegistryRefused, "{}", shown(&fault));
    assert!(place.count("PATCH") <= 4, "{:?}", place.lines());
}

#[tokio::test]
async fn a_registry_that_wants_long_pieces_gets_them() {
    let size = 5 * MIB;
    let least = |bytes: usize| Act::Header("oci-chunk-min-length", bytes.to_string());
    let limit = |method| uploads(method, Act::LimitBody(3 * MIB as u64));
    for (bytes, is_taken) in [(MIB, true), (3 * MIB, true), (3 * MIB + 1, false)] {
        let place = Place::with(size, vec![limit("PUT"), limit("PATCH"), uploads("POST", least(bytes))]);
        let pushed = place.push().await;
        assert_eq!(pushed.is_ok(), is_taken, "{bytes}: {pushed:?} {:?}", place.lines());
    }
}

#[tokio::test]
async fn a_piece_out_of_order_is_asked_about() {
    let rules = vec![uploads("PUT", Act::LimitBody(MIB as u64)).times(1), uploads("PATCH", Act::Relabel(416)).times(1)];
    let place = Place::with(20 * MIB, rules);
    place.pushed().await;
    assert_eq!(place.heard(), [format!("{} of {}", 16 * MIB, 20 * MIB)]);
}

#[tokio::test]
async fn waits_are_one_allowance_whichever_request_fails() {
    let later = || Act::Status(503);
    let rules = vec![
        Rule::on("/blobs/sha256", later()).method("HEAD").times(2),
        uploads("POST", later()).times(2),
        uploads("PUT", later()),
    ];
    let place = Place::with(MIB, rules);
    let fault = place.push().await.expect_err("five times");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
    assert_eq!((place.count("POST"), place.count("PUT")), (3, 1));
}

#[tokio::test]
async fn a_session_that_moves_to_another_host_is_not_followed() {
    for method in ["GET", "PATCH"] {
        let rules = vec![uploads("PUT", Act::BreakBody(2 * MIB)).times(1), uploads(method, Act::UploadElsewhere)];
        let place = Place::with(6 * MIB, rules);
        let fault = place.push().await.expect_err("elsewhere");
        assert_eq!(fault.reason(), Reason::RedirectRefused, "{method}: {}", shown(&fault));
        assert_eq!(place.registry.requests_elsewhere(), []);
        assert!(!shown(&fault).contains("_state"), "{}", shown(&fault));
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_gets_no_name() {
    let place = Place::with(8 * MIB, vec![uploads("PUT", Act::BreakBody(5 * MIB)).times(1)]);
    let file = Arc::new(tempfile::tempfile().expect("a file"));
    let write = |bytes: &[u8], at| std::os::unix::fs::FileExt::write_all_at(&*file, bytes, at).expect("written");
    write(&place.bytes, 0);
    let (changing, heard) = (Arc::clone(&file), Arc::clone(&place.heard));
    // Told between the break and what follows: what was sent already is what changes.
    let hear = move |notice: &Notice<'_>| {
        if matches!(notice, Notice::GoesOn { .. }) {
            std::os::unix::fs::FileExt::write_all_at(&*changing, b"!", 7).expect("written");
            heard.lock().expect("whole").push("changed".to_owned());
        }
    };
    let options = ClientOptions { told: Told::by(hear), ..options() };
    let target = Target::create(&reference(&place.registry.reference("plugin:1")), &options).expect("a target");
    let source = BlobSource::File { file, offset: 0 };
    let fault = target.push_blob(&place.descriptor(), &source).await.expect_err("changed");
    assert_eq!((fault.reason(), place.heard().len()), (Reason::PullFailed, 1), "{}", shown(&fault));
    assert!(!target.has_blob(&place.descriptor()).await.expect("asked"));
}

/// Two runs of somebody who sends the same blob, and what stays between them.
struct Runs {
    place: Place,
    state: tempfile::TempDir,
}

impl Runs {
    /// A first run that breaks off for good, after so many bytes.
    async fn broken_at(bytes: usize, size: usize) -> Self {
        let rules = vec![uploads("PUT", Act::BreakBody(bytes)).times(1), uploads("GET", Act::HangUp)];
        let runs = Self { place: Place::with(size, rules), state: tempfile::tempdir().expect("a directory") };
        let fault = runs.push().await.expect_err("broken off");
        assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
        runs.place.registry.set_rules(vec![]);
        runs.place.registry.forget();
        runs
    }

    async fn push_to(&self, repository: &str) -> Result<Pushed, Fault> {
        let options = ClientOptions { sessions: Some(PartialDirectory::of_user(self.state.path())), ..options() };
        let place = reference(&self.place.registry.reference(repository));
        let source = BlobSource::Bytes(self.place.bytes.clone().into());
        Target::create(&place, &options)?.push_blob(&self.place.descriptor(), &source).await
    }

    async fn push(&self) -> Result<Pushed, Fault> {
        self.push_to("plugin:1").await
    }

    fn files(&self) -> Vec<PathBuf> {
        let listed = fs::read_dir(self.state.path().join(".aisoc-partials"));
        listed.map(|listed| listed.map(|entry| entry.expect("one").path()).collect()).unwrap_or_default()
    }
}

#[tokio::test]
async fn another_run_goes_on_in_the_session_of_the_first_and_leaves_nothing() {
    let size = 8 * MIB + 5;
    let runs = Runs::broken_at(5 * MIB, size).await;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(runs.files().len(), 1);
    assert_eq!((mode(&runs.files()[0]), mode(runs.files()[0].parent().expect("one"))), (0o600, 0o700));
    assert_eq!(runs.push().await.expect("sent"), Pushed::Uploaded);
    assert_eq!(runs.place.lines(), ["GET", &format!("PATCH {}-{}", 5 * MIB, size - 1), "PUT"]);
    assert_eq!(runs.files(), Vec::<PathBuf>::new());
    let found = runs.place.target().fetch_blob_bytes(&runs.place.descriptor(), u64::MAX).await.expect("there");
    assert!(found == runs.place.bytes);
}

#[tokio::test]
async fn a_session_is_of_its_repository_and_of_nobody_else() {
    let runs = Runs::broken_at(5 * MIB, 8 * MIB).await;
    assert_eq!(runs.push_to("other:1").await.expect("sent"), Pushed::Uploaded);
    let is_first = |seen: &Seen| seen.path.starts_with("/v2/plugin/");
    assert!(!runs.place.registry.requests().iter().any(is_first), "{:?}", runs.place.lines());
    assert_eq!(runs.files().len(), 1, "the other one's stays");
}

#[tokio::test]
async fn a_kept_session_that_is_gone_or_changed_or_readable_by_others_is_not_used() {
    for change in ["gone", "never answers for", "other bytes", "another host", "longer", "readable by others", "a link"]
    {
        let runs = Runs::broken_at(5 * MIB, 8 * MIB).await;
        let file = runs.files().pop().expect("one");
        let bytes = fs::read(&file).expect("read");
        let url = bytes.windows(4).position(|four| four == b"http").expect("a URL");
        match change {
            "gone" => runs.place.registry.set_rules(vec![uploads("GET", Act::Status(404)).times(1)]),
            "never answers for" => runs.place.registry.set_rules(vec![uploads("GET", Act::HangUp)]),
            "other bytes" => {
                let mut bytes = bytes.clone();
                *bytes.last_mut().expect("a byte") ^= 1;
                fs::write(&file, bytes).expect("written");
            }
            "another host" => {
                // With a note that fits: only the origin is wrong.
                let own = String::from_utf8(bytes[url..].to_vec()).expect("text");
                let other = own.replace(&runs.place.registry.host(), &runs.place.registry.elsewhere());
                let partials = PartialDirectory::of_user(runs.state.path());
                let name = file.file_stem().expect("a name").to_str().expect("text").to_owned();
                let partial = partials.open(&name, 1).expect("opened").expect("free");
                partial.truncate(0).expect("cut");
                partial.write_at(other.as_bytes(), 0).expect("written");
                let hash = aisoc_manifests::digest::Digest::of(other.as_bytes()).hex();
                partial.write_note(&format!("session {} {hash}", other.len())).expect("noted");
            }
            "longer" => fs::write(&file, [&bytes[..], &[b'a'; 9000]].concat()).expect("written"),
            "readable by others" => fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("set"),
            _ => {
                fs::rename(&file, runs.state.path().join("moved")).expect("moved");
                symlink(runs.state.path().join("moved"), &file).expect("linked");
            }
        }
        assert_eq!(runs.push().await.map_err(|fault| shown(&fault)), Ok(Pushed::Uploaded), "{change}");
        let sent = runs.place.lines().into_iter().find(|line| line != "GET");
        assert_eq!(sent.as_deref(), Some("POST"), "{change}: {:?}", runs.place.lines());
        assert_eq!(runs.place.registry.requests_elsewhere(), [], "{change}");
    }
}

#[tokio::test]
async fn what_is_refused_is_not_there_for_another_run() {
    let rules = vec![uploads("PUT", Act::Status(400))];
    let runs = Runs { place: Place::with(5 * MIB, rules), state: tempfile::tempdir().expect("a directory") };
    assert_eq!(runs.push().await.expect_err("refused").reason(), Reason::RegistryRefused);
    assert_eq!(runs.files(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_run_that_is_let_go_says_that_its_session_stays() {
    let place = Place::with(5 * MIB, vec![uploads("PUT", Act::Silence)]);
    let state = tempfile::tempdir().expect("a directory");
    let heard = Arc::clone(&place.heard);
    let hear = move |notice: &Notice<'_>| {
        if let Notice::SessionKept { size, .. } = notice {
            heard.lock().expect("whole").push(format!("kept {size}"));
        }
    };
    let sessions = Some(PartialDirectory::of_user(state.path()));
    let options = ClientOptions { told: Told::by(hear), sessions, ..options() };
    let target = Target::create(&reference(&place.registry.reference("plugin:1")), &options).expect("a target");
    let source = BlobSource::Bytes(place.bytes.clone().into());
    let descriptor = place.descriptor();
    let push = target.push_blob(&descriptor, &source);
    tokio::time::timeout(std::time::Duration::from_millis(500), push).await.expect_err("silent");
    assert_eq!(place.heard(), [format!("kept {}", 5 * MIB)]);
}
