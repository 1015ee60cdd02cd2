//! What came of a large blob stays for another run, and is used as far as it is what it was.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aisoc_files::PartialDirectory;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_registry_client::{ClientOptions, Fetch as _, Limits, Notice, Target, Timeout, Told};
use aisoc_testkit::registry::{Act, Registry, Rule};
use support::{Sample, artifact, impatient, options, push, reference, writing};

const MIB: usize = 1 << 20;

/// A registry with one artifact, and a run of somebody who reads its layer.
struct Place {
    registry: Registry,
    sample: Sample,
    directory: tempfile::TempDir,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Place {
    async fn with_layer(bytes: usize) -> Self {
        let layer: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8 ^ (at >> 12) as u8).collect();
        let (registry, sample) = (Registry::start(), artifact(b"{}", &layer));
        push(&writing(&registry, "plugin:1"), &sample).await.expect("pushed");
        registry.forget();
        let directory = tempfile::tempdir().expect("a directory");
        Self { registry, sample, directory, heard: Arc::default() }
    }

    fn options(&self, options: ClientOptions) -> ClientOptions {
        let heard = Arc::clone(&self.heard);
        let hear = move |notice: &Notice<'_>| {
            let said = match notice {
                Notice::Resumed { offset, size, .. } => format!("resumed at {offset} of {size}"),
                Notice::Kept { bytes, size, .. } => format!("kept {bytes} of {size}"),
                Notice::NotKept { why, .. } => format!("not kept: {why}"),
                Notice::GoesOn { offset, size, .. } => format!("goes on at {offset} of {size}"),
                Notice::SessionKept { size, .. } => format!("session of {size} kept"),
                Notice::Warned { text, .. } => format!("warned: {text}"),
                Notice::MirrorServes { mirror, .. } => format!("served by {mirror}"),
                Notice::MirrorPassedOver { mirror, .. } => format!("passed over {mirror}"),
            };
            heard.lock().expect("whole").push(said);
        };
        let partials = Some(PartialDirectory::in_directory(self.directory.path()));
        ClientOptions { partials, told: Told::by(hear), ..options }
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().expect("whole"))
    }

    fn target(&self, options: ClientOptions) -> Target {
        Target::open(&reference(&self.registry.reference("plugin:1")), &self.options(options)).expect("a target")
    }

    /// Reads the layer until so many bytes are here, and lets go; all of it, verified, when that is nothing.
    async fn read(&self, until: Option<usize>, options: ClientOptions) -> Result<Vec<u8>, Fault> {
        let mut stream = self.target(options).fetch_blob(&self.sample.layer).await?.verified();
        let mut all = Vec::new();
        while let Some(chunk) = stream.next_chunk().await? {
            all.extend_from_slice(&chunk);
            if until.is_some_and(|until| all.len() >= until) {
                break;
            }
        }
        Ok(all)
    }

    /// Reads a part of it, and says how many bytes stay.
    async fn interrupted(&self, after: usize) -> u64 {
        self.read(Some(after), options()).await.expect("begun");
        self.registry.forget();
        let heard = self.heard();
        let kept = heard.iter().find_map(|said| said.strip_prefix("kept ")?.split(' ').next()?.parse().ok());
        kept.unwrap_or_else(|| panic!("{heard:?}"))
    }

    async fn whole(&self) -> Vec<u8> {
        let read = self.read(None, options()).await.expect("read");
        assert!(read == self.sample.layer_bytes, "other bytes");
        assert!(fs::read_dir(self.directory.path()).expect("listed").next().is_none(), "something stays");
        read
    }

    fn ranges(&self) -> Vec<Option<String>> {
        self.registry.requests().into_iter().map(|seen| seen.range).collect()
    }

    fn partial(&self) -> PathBuf {
        let name = self.sample.layer.digest.to_string().replace(':', "-");
        self.directory.path().join(format!(".aisoc-partials/{name}.partial"))
    }
}

fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).expect("opened");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("read");
    file.write_all_at(&[byte[0] ^ 1], at).expect("written");
}

#[tokio::test]
async fn another_run_asks_for_the_rest_alone_and_nothing_stays_after_it() {
    let place = Place::with_layer(9 * MIB + 77).await;
    let kept = place.interrupted(5 * MIB).await;
    assert!(kept >= 5 * MIB as u64 && kept % MIB as u64 == 0, "{kept}");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&place.partial()), mode(place.partial().parent().expect("one"))), (0o600, 0o700));
    place.whole().await;
    assert_eq!(place.ranges(), [Some(format!("bytes={kept}-"))]);
    assert_eq!(place.heard(), [format!("resumed at {kept} of {}", 9 * MIB + 77)]);
}

#[tokio::test]
async fn what_is_too_small_or_came_whole_is_not_kept() {
    for (bytes, is_kept) in [(4 * MIB - 1, false), (4 * MIB, true)] {
        let place = Place::with_layer(bytes).await;
        place.read(Some(2 * MIB), options()).await.expect("begun");
        assert_eq!(place.partial().exists(), is_kept, "{bytes}");
    }
    let place = Place::with_layer(5 * MIB).await;
    place.whole().await;
    assert_eq!(place.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn changed_bytes_are_found_before_any_is_used() {
    let place = Place::with_layer(8 * MIB).await;
    for at in [4096, 4096 + MIB as u64, 16, 20, 0] {
        place.interrupted(4 * MIB).await;
        flip(&place.partial(), at);
        place.whole().await;
        assert_eq!(place.ranges(), [None], "all of it was asked for: {at}");
        assert!(place.heard().iter().all(|said| !said.starts_with("resumed")), "{at}");
        place.registry.forget();
    }
}

#[tokio::test]
async fn what_is_longer_than_the_blob_or_shorter_than_its_note_is_not_used() {
    let place = Place::with_layer(8 * MIB).await;
    for length in [4096 + 8 * MIB as u64 + 1, 4096 + MIB as u64 - 1, 4096, 10, 0] {
        place.interrupted(4 * MIB).await;
        fs::File::options().write(true).open(place.partial()).expect("opened").set_len(length).expect("set");
        place.whole().await;
        assert_eq!(place.ranges(), [None], "{length}");
        place.registry.forget();
        place.heard();
    }
}

#[tokio::test]
async fn a_link_or_what_others_may_read_in_its_place_is_left_alone_and_said() {
    let place = Place::with_layer(5 * MIB).await;
    let victim = place.directory.path().join("victim");
    fs::write(&victim, "mine").expect("written");
    place.interrupted(4 * MIB).await;
    fs::set_permissions(place.partial(), Permissions::from_mode(0o644)).expect("set");
    let read = place.read(None, options()).await.expect("read all the same");
    assert!(read == place.sample.layer_bytes && place.heard()[0].starts_with("not kept: "));
    fs::remove_file(place.partial()).expect("removed");
    symlink(&victim, place.partial()).expect("linked");
    let read = place.read(None, options()).await.expect("read all the same");
    assert!(read == place.sample.layer_bytes && place.heard()[0].starts_with("not kept: "));
    assert_eq!((fs::read(&victim).expect("there"), place.partial().is_symlink()), (b"mine".to_vec(), true));
}

#[tokio::test]
async fn a_second_process_fetches_for_itself() {
    let place = Place::with_layer(6 * MIB).await;
    let mut first = place.target(options()).fetch_blob(&place.sample.layer).await.expect("begun").verified();
    first.next_chunk().await.expect("bytes");
    let read = place.read(None, options()).await.expect("read beside it");
    assert!(read == place.sample.layer_bytes);
    assert_eq!(place.heard(), ["not kept: another process is fetching it"]);
    while first.next_chunk().await.expect("bytes").is_some() {}
    drop(first);
    assert!(!place.partial().exists());
}

#[tokio::test]
async fn a_registry_that_passes_over_the_range_or_lies_about_it_costs_bytes_and_no_content() {
    for (act, requests) in [(Act::IgnoreRange, 1), (Act::WrongRange, 2), (Act::Status(416), 2)] {
        let place = Place::with_layer(8 * MIB).await;
        let kept = place.interrupted(4 * MIB).await;
        place.registry.set_rules(vec![Rule::on("/blobs/", act.clone()).times(1)]);
        place.whole().await;
        let mut expected = vec![Some(format!("bytes={kept}-"))];
        expected.resize(requests, None);
        assert_eq!(place.ranges(), expected, "{act:?}");
    }
}

#[tokio::test]
async fn a_blob_whose_bytes_are_others_in_the_next_run_is_refused_and_nothing_of_it_stays() {
    let place = Place::with_layer(8 * MIB).await;
    place.interrupted(4 * MIB).await;
    place.registry.set_rules(vec![Rule::on("/blobs/", Act::OtherBytes)]);
    let fault = place.read(None, options()).await.expect_err("refused");
    assert_eq!(fault.reason(), Reason::PullFailed);
    assert!(!place.partial().exists(), "another run would go on with the same");
    place.registry.set_rules(Vec::new());
    place.whole().await;
}

#[tokio::test]
async fn who_refuses_a_blob_keeps_nothing_of_it() {
    let place = Place::with_layer(8 * MIB).await;
    let mut stream = place.target(options()).fetch_blob(&place.sample.layer).await.expect("begun");
    let mut read = 0;
    while read < 5 * MIB {
        read += stream.next_chunk().await.expect("bytes").expect("more").len();
    }
    assert!(place.partial().exists());
    stream.refuse();
    assert!(!place.partial().exists());
}

#[tokio::test]
async fn a_connection_that_is_reset_again_and_again_gets_further_with_each_run() {
    let place = Place::with_layer(8 * MIB).await;
    // Five tries of a run bring 5 × 1.5 MiB at most; what is kept of them is what the next begins with.
    place.registry.set_rules(vec![Rule::on("/blobs/", Act::CutAfter(MIB + MIB / 2))]);
    let (mut runs, mut kept) = (0, 0);
    loop {
        runs += 1;
        match place.read(None, options()).await {
            Ok(read) => {
                assert!(read == place.sample.layer_bytes);
                break;
            }
            Err(fault) => assert_eq!(fault.reason(), Reason::RegistryUnavailable),
        }
        let heard = place.heard();
        let now: u64 =
            heard.iter().find_map(|said| said.strip_prefix("kept ")?.split(' ').next()?.parse().ok()).expect("kept");
        assert!(now > kept, "{heard:?}");
        kept = now;
        assert!(runs < 4);
    }
    assert!(runs > 1 && !place.partial().exists());
}

#[tokio::test]
async fn a_timeout_is_one_for_all_and_says_what_ended() {
    let place = Place::with_layer(MIB).await;
    place.registry.set_rules(vec![Rule::on("/blobs/", Act::StallAfter(64 << 10))]);
    let length = Duration::from_millis(300);
    let limits = Limits { idle: Duration::from_secs(20), ..Limits::default() };
    let with = ClientOptions { limits, timeout: Some(Timeout::from_now(length)), ..impatient() };
    let begin = std::time::Instant::now();
    let fault = place.read(None, with.clone()).await.expect_err("late");
    assert!(begin.elapsed() >= length && begin.elapsed() < Duration::from_secs(10));
    assert_eq!((fault.reason(), fault.class().exit_code()), (Reason::RegistryUnavailable, 4));
    for word in ["--timeout", "300ms", "what it was sending", "bytes came in all"] {
        assert!(fault.message().contains(word), "{fault}");
    }
    let again = place.read(None, with).await.expect_err("it is over for everything else, too");
    assert!(again.message().contains("GET /v2/plugin/blobs/"), "{again}");
    let plenty = ClientOptions { timeout: Some(Timeout::from_now(Duration::MAX)), ..options() };
    place.registry.set_rules(Vec::new());
    place.read(None, plenty).await.expect("in time");
}

#[tokio::test]
async fn a_registrys_warning_is_passed_on_once() {
    let place = Place::with_layer(MIB).await;
    place.registry.set_rules(vec![Rule::on("/blobs/", Act::Header("warning", "299 - \"moves in May\"".into()))]);
    let target = place.target(options());
    for _ in 0..2 {
        target.fetch_blob_bytes(&place.sample.layer, 2 << 20).await.expect("read");
    }
    assert_eq!(place.heard(), ["warned: moves in May"]);
}
