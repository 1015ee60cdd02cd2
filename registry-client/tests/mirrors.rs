//! Mirrors that are written down for a registry: what they are asked for, what becomes of those that are down, deny or
//! lie, and what only the registry itself is asked.

mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aisoc_files::PartialDirectory;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::oci::{Descriptor, ImageManifest};
use aisoc_registry_client::options::{Credentials, DockerConfig, Secret};
use aisoc_registry_client::{
    BlobOrigin as _, ClientOptions, Fetch as _, KeyReader, Notice, Referrers as _, RegistrySettings, Resolve as _,
    Tagging as _, Target, Told,
};
use aisoc_testkit::registry::{Act, Login, Registry, Rule, TokenService};
use aisoc_testkit::tls::{self, Asks};
use support::{Sample, artifact, impatient, lines, options, push, reference, sample, shown, writing};

const MIB: usize = 1 << 20;

/// A registry, its mirrors under `cache/`, and who hears of them.
struct Bench {
    origin: Registry,
    mirrors: Vec<Registry>,
    sample: Sample,
    heard: Arc<Mutex<Vec<String>>>,
    directory: tempfile::TempDir,
}

impl Bench {
    /// All of them hold the same.
    async fn new(mirrors: usize) -> Self {
        Self::holding(mirrors, sample(0)).await
    }

    async fn holding(mirrors: usize, sample: Sample) -> Self {
        let origin = Registry::start();
        push(&writing(&origin, "plugin:1"), &sample).await.expect("pushed");
        let mirrors: Vec<Registry> = std::iter::repeat_with(Registry::start).take(mirrors).collect();
        for mirror in &mirrors {
            push(&writing(mirror, "cache/plugin:1"), &sample).await.expect("pushed");
            mirror.forget();
        }
        origin.forget();
        let directory = tempfile::tempdir().expect("a directory");
        Self { origin, mirrors, sample, heard: Arc::default(), directory }
    }

    /// What is written of the registry: its mirrors, and more.
    fn table(&self, resolve: bool, more: &str) -> String {
        let mirror = |mirror: &Registry| format!("{{ registry = \"{}/cache\", resolve = {resolve} }}", mirror.host());
        let mirrors: Vec<String> = self.mirrors.iter().map(mirror).collect();
        format!("[registry.\"{}\"]\nmirrors = [{}]\n{more}\n", self.origin.host(), mirrors.join(", "))
    }

    fn with(&self, text: &str, options: ClientOptions) -> ClientOptions {
        let settings = RegistrySettings::read(text, "registries.toml", Path::new("/")).expect(text);
        let heard = Arc::clone(&self.heard);
        let hear = move |notice: &Notice<'_>| {
            let said = match notice {
                Notice::MirrorServes { mirror, registry } => format!("{mirror} serves {registry}"),
                Notice::MirrorPassedOver { mirror, why, .. } => format!("{mirror}: {}", why.reason().as_str()),
                other => format!("{other:?}"),
            };
            heard.lock().expect("whole").push(said);
        };
        let partials = Some(PartialDirectory::in_directory(self.directory.path()));
        ClientOptions { settings: Arc::new(settings), told: Told::by(hear), partials, ..options }
    }

    fn options(&self) -> ClientOptions {
        self.with(&self.table(false, ""), options())
    }

    fn open(&self, options: &ClientOptions) -> Target {
        Target::open(&reference(&self.origin.reference("plugin:1")), options).expect("a target")
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().expect("whole"))
    }

    /// `HOST/cache`, as it is written and named in messages.
    fn name(&self, at: usize) -> String {
        format!("{}/cache", self.mirrors[at].host())
    }

    fn asked(&self, at: usize) -> Vec<String> {
        lines(&self.mirrors[at], &self.sample)
    }

    fn asked_of_origin(&self) -> Vec<String> {
        lines(&self.origin, &self.sample)
    }
}

const BY_TAG: &str = "GET /v2/plugin/manifests/1";
const LAYER: &str = "GET /v2/plugin/blobs/LAYER";
const MIRRORED_LAYER: &str = "GET /v2/cache/plugin/blobs/LAYER";

/// Reads what the tag names, as an install does: the manifest, then config and layer.
async fn pull(target: &Target) -> Result<Vec<u8>, Fault> {
    let manifest = target.fetch_manifest(None).await?;
    let document = ImageManifest::read(manifest.bytes())?;
    target.fetch_blob_bytes(&document.config, 1 << 20).await?;
    target.fetch_blob_bytes(&document.layers[0], 1 << 30).await.map(|bytes| bytes.to_vec())
}

#[tokio::test]
async fn the_registry_says_what_a_tag_names_and_the_first_mirror_gives_it() {
    let bench = Bench::new(2).await;
    let target = bench.open(&bench.options());
    assert_eq!(pull(&target).await.expect("pulled"), bench.sample.layer_bytes);
    assert_eq!(bench.asked_of_origin(), [BY_TAG]);
    assert_eq!(bench.asked(0), ["GET /v2/cache/plugin/blobs/CONFIG", MIRRORED_LAYER]);
    assert!(bench.asked(1).is_empty(), "{:?}", bench.asked(1));
    assert_eq!(bench.heard(), [format!("{} serves {}", bench.name(0), bench.origin.host())]);
    // By its digest a manifest is content as well.
    target.fetch_manifest(Some(bench.sample.manifest.digest())).await.expect("fetched");
    assert_eq!(bench.asked(0).last().expect("asked"), "GET /v2/cache/plugin/manifests/MANIFEST");
    assert_eq!(bench.asked_of_origin().len(), 1);
    // Whoever is asked, what is read is of the registry that was named.
    assert_eq!(target.reference(), reference(&bench.origin.reference("plugin:1")));
    assert_eq!(target.repository().expect("a repository").registry(), bench.origin.host());
}

#[tokio::test]
async fn to_learn_what_a_tag_names_is_one_request_of_one_place() {
    let bench = Bench::new(2).await;
    let found = bench.open(&bench.options()).resolve().await.expect("resolved");
    assert_eq!(found.artifact_digest(), bench.sample.manifest.digest());
    assert_eq!(bench.asked_of_origin(), ["HEAD /v2/plugin/manifests/1"]);
    assert!(bench.asked(0).is_empty() && bench.asked(1).is_empty());
    bench.origin.forget();
    let resolving = bench.with(&bench.table(true, ""), options());
    bench.open(&resolving).resolve().await.expect("resolved");
    assert_eq!(bench.asked(0), ["HEAD /v2/cache/plugin/manifests/1"]);
    assert!(bench.asked_of_origin().is_empty() && bench.asked(1).is_empty());
}

#[tokio::test]
async fn a_mirror_with_another_artifact_under_the_tag_decides_only_where_its_word_counts() {
    let bench = Bench::new(1).await;
    let other = sample(7);
    push(&writing(&bench.mirrors[0], "cache/plugin:1"), &other).await.expect("pushed");
    for (resolve, expected) in [(false, bench.sample.manifest.digest()), (true, other.manifest.digest())] {
        let target = bench.open(&bench.with(&bench.table(resolve, ""), options()));
        assert_eq!(target.resolve().await.expect("resolved").artifact_digest(), expected, "{resolve}");
        assert_eq!(target.fetch_manifest(None).await.expect("fetched").digest(), expected, "{resolve}");
    }
    // The mirror's word on a tag is a registry's, and the operator's list of those is for it as well.
    let listed = |hosts: &[String]| ClientOptions {
        manifests_from: Some(hosts.iter().cloned().collect()),
        ..bench.with(&bench.table(true, ""), options())
    };
    let (origin, mirror) = (bench.origin.host(), bench.mirrors[0].host());
    for (hosts, expected) in
        [(vec![origin.clone()], bench.sample.manifest.digest()), (vec![origin, mirror], other.manifest.digest())]
    {
        let found = bench.open(&listed(&hosts)).resolve().await.expect("resolved");
        assert_eq!(found.artifact_digest(), expected, "{hosts:?}");
    }
}

#[tokio::test]
async fn whatever_a_mirror_does_the_next_one_gives_the_right_bytes_and_it_is_said_once() {
    let short = Act::Answer(200, vec![], b"short".to_vec());
    let long = Act::Answer(200, vec![("content-length", String::new())], vec![0; 300_001]);
    for (act, reason) in [
        (Act::Status(401), Reason::RegistryDenied),
        (Act::Status(403), Reason::RegistryDenied),
        (Act::Status(404), Reason::ReferenceNotFound),
        (Act::Status(429), Reason::RegistryUnavailable),
        (Act::Status(500), Reason::RegistryUnavailable),
        (Act::Status(501), Reason::RegistryRefused),
        (Act::HangUp, Reason::RegistryUnavailable),
        (Act::Silence, Reason::RegistryUnavailable),
        (Act::Html, Reason::RegistryProtocol),
        (Act::OtherBytes, Reason::PullFailed),
        (short, Reason::DownloadDamaged),
        (long, Reason::DownloadDamaged),
        (Act::Endless, Reason::DownloadDamaged),
        (Act::CutAfter(3), Reason::RegistryUnavailable),
        (Act::StallAfter(3), Reason::RegistryUnavailable),
        (Act::Drip(Duration::from_millis(50)), Reason::RegistryUnavailable),
        (Act::RedirectTo("http://169.254.169.254/latest".into()), Reason::RedirectRefused),
        (Act::RedirectTo("http://10.0.0.1/".into()), Reason::RedirectRefused),
    ] {
        let bench = Bench::new(2).await;
        bench.mirrors[0].set_rules(vec![Rule::on("/v2/cache/plugin/", act.clone())]);
        let settings = bench.with(&bench.table(false, ""), impatient());
        let read = pull(&bench.open(&settings)).await.unwrap_or_else(|fault| panic!("{act:?}: {}", shown(&fault)));
        assert!(read == bench.sample.layer_bytes, "{act:?}");
        assert_eq!(bench.asked_of_origin(), [BY_TAG], "{act:?}");
        assert!(bench.asked(1).contains(&MIRRORED_LAYER.to_owned()), "{act:?}: {:?}", bench.asked(1));
        let said = [
            format!("{}: {}", bench.name(0), reason.as_str()),
            format!("{} serves {}", bench.name(1), bench.origin.host()),
        ];
        assert_eq!(bench.heard(), said, "{act:?}");
        // What it does to the first thing it would do to the next: it is asked no more. What it has not, it may have of.
        let again = bench.asked(0).iter().filter(|line| line.ends_with("LAYER")).count();
        assert_eq!(again > 0, reason == Reason::ReferenceNotFound, "{act:?}: {:?}", bench.asked(0));
    }
}

#[tokio::test]
async fn a_mirror_that_nobody_answers_for_is_passed_over_and_asked_twice_at_most() {
    let mut bench = Bench::new(1).await;
    let settings = bench.options();
    let gone = bench.name(0);
    drop(bench.mirrors.remove(0));
    assert_eq!(pull(&bench.open(&settings)).await.expect("pulled"), bench.sample.layer_bytes);
    assert_eq!(bench.asked_of_origin(), [BY_TAG, "GET /v2/plugin/blobs/CONFIG", LAYER]);
    assert_eq!(bench.heard(), [format!("{gone}: registry_unavailable")]);

    let bench = Bench::new(1).await;
    bench.mirrors[0].set_rules(vec![Rule::on("/blobs/", Act::Status(503))]);
    pull(&bench.open(&bench.options())).await.expect("pulled");
    assert_eq!(bench.asked(0).len(), 2, "{:?}", bench.asked(0));
    // Nobody waits as long as a mirror asks for: somebody else has the same.
    let bench = Bench::new(1).await;
    let later = Act::Answer(503, vec![("retry-after", "25".to_owned())], vec![]);
    bench.mirrors[0].set_rules(vec![Rule::on("/blobs/", later)]);
    pull(&bench.open(&bench.options())).await.expect("pulled");
    assert_eq!(bench.asked(0).len(), 1, "{:?}", bench.asked(0));
}

#[tokio::test]
async fn nothing_of_a_mirror_that_lies_is_handed_on_or_kept() {
    let layer: Vec<u8> = (0..9 * MIB).map(|at| (at % 251) as u8 ^ (at >> 12) as u8).collect();
    for act in [Act::OtherBytes, Act::CutAfter(2 * MIB)] {
        let bench = Bench::holding(1, artifact(b"{}", &layer)).await;
        bench.mirrors[0].set_rules(vec![Rule::on("/blobs/", act.clone())]);
        let mut stream = bench.open(&bench.options()).fetch_blob(&bench.sample.layer).await.expect("begun");
        // Not verified here: whoever reads is handed the registry's bytes from the first one on.
        let mut read = Vec::new();
        while let Some(chunk) = stream.next_chunk().await.expect("as long as it says") {
            read.extend_from_slice(&chunk);
        }
        drop(stream);
        assert!(read == layer, "{act:?}: other bytes were handed on");
        let asked: Vec<_> = bench.origin.requests().into_iter().map(|seen| (seen.method, seen.range)).collect();
        assert_eq!(asked, [("GET".to_owned(), None)], "{act:?}: the registry is asked for all of it");
        assert!(fs::read_dir(bench.directory.path()).expect("listed").next().is_none(), "{act:?}: something stays");
    }
}

/// A run that is let go of while the first mirror is under way, and has sent 6 MiB.
async fn let_go_of_a_stalled_mirror(bench: &Bench) {
    bench.mirrors[0].set_rules(vec![Rule::on("/blobs/", Act::StallAfter(6 * MIB))]);
    let target = bench.open(&bench.options());
    let under_way = target.fetch_blob(&bench.sample.layer);
    assert!(tokio::time::timeout(Duration::from_secs(2), under_way).await.is_err(), "it stalls");
}

#[tokio::test]
async fn what_a_liar_left_of_an_earlier_run_is_never_gone_on_with_elsewhere() {
    let layer: Vec<u8> = (0..9 * MIB).map(|at| (at % 251) as u8 ^ (at >> 12) as u8).collect();
    let bench = Bench::holding(1, artifact(b"{}", &layer)).await;
    // A part stays, of that mirror alone.
    let_go_of_a_stalled_mirror(&bench).await;
    let parts = || -> Vec<String> {
        let listed = fs::read_dir(bench.directory.path().join(".aisoc-partials")).expect("listed");
        listed.map(|entry| entry.expect("one").file_name().into_string().expect("text")).collect()
    };
    let [part] = &parts()[..] else { panic!("{:?}", parts()) };
    assert!(part.contains("-of-"), "{part}");
    bench.heard();
    // The registry itself goes on from nothing of it.
    bench.origin.forget();
    let alone = ClientOptions { settings: Arc::default(), ..bench.options() };
    let read = bench.open(&alone).fetch_blob_bytes(&bench.sample.layer, 1 << 30).await.expect("read");
    assert!(read == layer);
    assert_eq!(bench.origin.requests().last().expect("asked").range, None);
    // The mirror goes on from it, and it is hashed whole with what follows: where it was a lie, nothing stays.
    bench.mirrors[0].set_rules(vec![Rule::on("/blobs/", Act::OtherBytes)]);
    bench.mirrors[0].forget();
    let read = bench.open(&bench.options()).fetch_blob_bytes(&bench.sample.layer, 1 << 30).await.expect("read");
    assert!(read == layer);
    let range = bench.mirrors[0].requests()[0].range.clone();
    assert!(range.as_deref().is_some_and(|range| range.starts_with("bytes=")), "{range:?}");
    assert!(bench.heard().contains(&format!("{}: pull_failed", bench.name(0))));
    assert!(fs::read_dir(bench.directory.path()).expect("listed").next().is_none(), "something stays");
}

#[tokio::test]
async fn a_mirror_that_broke_off_is_gone_on_with_in_another_run() {
    let layer: Vec<u8> = (0..9 * MIB).map(|at| (at % 251) as u8 ^ (at >> 12) as u8).collect();
    let bench = Bench::holding(1, artifact(b"{}", &layer)).await;
    let_go_of_a_stalled_mirror(&bench).await;
    bench.mirrors[0].set_rules(vec![]);
    bench.mirrors[0].forget();
    let read = bench.open(&bench.options()).fetch_blob_bytes(&bench.sample.layer, 1 << 30).await.expect("read");
    assert!(read == layer);
    let ranges: Vec<_> = bench.mirrors[0].requests().into_iter().map(|seen| seen.range).collect();
    assert_eq!(ranges, [Some(format!("bytes={}-", 6 * MIB))]);
    assert!(bench.asked_of_origin().is_empty());
    assert!(fs::read_dir(bench.directory.path()).expect("listed").next().is_none(), "something stays");
}

#[tokio::test]
async fn each_is_shown_its_own_login_and_never_the_others() {
    let mut bench = Bench::new(1).await;
    let own = |user| TokenService { user: Some((user, "hunter2")), ..TokenService::default() };
    bench.mirrors[0] = std::mem::replace(&mut bench.mirrors[0], Registry::start()).login(Login::Basic("mirror", "m1"));
    bench.origin = std::mem::replace(&mut bench.origin, Registry::start()).login(Login::Bearer(own("origin")));
    let json = format!(
        r#"{{"auths":{{"{}":{{"username":"mirror","password":"m1"}},"{}":{{"username":"origin","password":"hunter2"}}}}}}"#,
        bench.mirrors[0].host(),
        bench.origin.host()
    );
    let docker = |json: &str| DockerConfig::Text { variable: "DOCKER_AUTH_CONFIG".to_owned(), json: Secret::new(json) };
    let credentials = Credentials { docker_configs: vec![docker(&json)], ..Credentials::default() };
    let settings = ClientOptions { credentials, ..bench.options() };
    assert_eq!(pull(&bench.open(&settings)).await.expect("pulled"), bench.sample.layer_bytes);
    let sent = |registry: &Registry| -> Vec<String> {
        registry.requests().into_iter().filter_map(|seen| seen.authorization).collect()
    };
    // base64 of `mirror:m1`, and of `origin:hunter2`.
    let (of_mirror, of_origin) = ("Basic bWlycm9yOm0x", "Basic b3JpZ2luOmh1bnRlcjI=");
    assert!(sent(&bench.mirrors[0]).iter().all(|header| header == of_mirror), "{:?}", sent(&bench.mirrors[0]));
    assert!(sent(&bench.mirrors[0]).len() >= 2);
    assert!(sent(&bench.origin).iter().any(|header| header == of_origin));
    assert!(!sent(&bench.origin).iter().any(|header| header == of_mirror), "{:?}", sent(&bench.origin));
    // A mirror that asks for a login, and for which there is none, is sent nobody else's.
    let json = format!(r#"{{"auths":{{"{}":{{"username":"origin","password":"hunter2"}}}}}}"#, bench.origin.host());
    let credentials = Credentials { docker_configs: vec![docker(&json)], ..Credentials::default() };
    let settings = ClientOptions { credentials, ..settings };
    bench.mirrors[0].forget();
    assert_eq!(pull(&bench.open(&settings)).await.expect("pulled"), bench.sample.layer_bytes);
    assert_eq!(sent(&bench.mirrors[0]), Vec::<String>::new());
    assert!(bench.heard().contains(&format!("{}: registry_denied", bench.name(0))));
}

#[tokio::test]
async fn what_is_written_and_listed_and_what_refers_is_the_registrys_own() {
    let bench = Bench::new(1).await;
    let settings = bench.with(&bench.table(true, ""), options());
    let target = Target::create(&reference(&bench.origin.reference("plugin:2")), &settings).expect("a target");
    push(&target, &sample(3)).await.expect("pushed");
    let tag = "1".parse().expect("a tag");
    target.tag_digest(&tag, aisoc_manifests::digest::Algorithm::Sha256).await.expect("asked");
    let reading = bench.open(&settings);
    reading.tags().await.expect("listed");
    reading.referrers(bench.sample.manifest.digest()).await.expect("listed");
    reading.tag_digest(&tag, aisoc_manifests::digest::Algorithm::Sha256).await.expect("asked");
    aisoc_registry_client::repositories(&bench.origin.host().parse().expect("a host"), None, &settings)
        .await
        .expect("listed");
    assert!(bench.asked(0).is_empty(), "{:?}", bench.asked(0));
}

#[tokio::test]
async fn where_all_fail_the_registrys_answer_counts_and_theirs_are_named() {
    let bench = Bench::new(2).await;
    bench.mirrors[0].set_rules(vec![Rule::on("/blobs/", Act::Status(503))]);
    bench.mirrors[1].set_rules(vec![Rule::on("/blobs/", Act::OtherBytes)]);
    for (act, reason) in [
        (Act::Status(404), Reason::ReferenceNotFound),
        (Act::Status(403), Reason::RegistryDenied),
        (Act::Status(503), Reason::RegistryUnavailable),
    ] {
        bench.origin.set_rules(vec![Rule::on("/blobs/", act)]);
        let fault = pull(&bench.open(&bench.options())).await.expect_err("nobody has it");
        assert_eq!(fault.reason(), reason, "{}", shown(&fault));
        for named in [
            format!("`{}` (registry_unavailable)", bench.name(0)),
            format!("`{}` (pull_failed)", bench.name(1)),
            format!("`{}` ", bench.origin.host()),
        ] {
            assert!(fault.message().contains(&named), "{named}: {}", shown(&fault));
        }
    }
}

#[tokio::test]
async fn a_digest_is_enough_where_the_registry_is_down() {
    let mut bench = Bench::new(1).await;
    let settings = bench.options();
    let reference = reference(&bench.origin.reference(&format!("plugin@{}", bench.sample.manifest.digest())));
    bench.origin = Registry::start();
    let target = Target::open(&reference, &settings).expect("a target");
    assert_eq!(pull(&target).await.expect("pulled"), bench.sample.layer_bytes);
    let digest = target.resolve().await.expect("no request").artifact_digest();
    assert_eq!(digest, bench.sample.manifest.digest());
    assert!(bench.origin.requests().is_empty());
}

#[tokio::test]
async fn where_mirrors_alone_are_asked_the_registry_hears_nothing() {
    let bench = Bench::new(1).await;
    let only = |resolve| bench.with(&bench.table(resolve, "mirrors_only = true"), options());
    let target = bench.open(&only(true));
    assert_eq!(pull(&target).await.expect("pulled"), bench.sample.layer_bytes);
    assert_eq!(target.tags().await.expect("listed").len(), 1);
    let fault = pull(&bench.open(&only(false))).await.expect_err("nobody's word counts");
    assert_eq!(fault.reason(), Reason::Usage, "{}", shown(&fault));
    assert!(fault.next_step().contains("@sha256:"), "{}", fault.next_step());
    for (act, reason) in [
        (Act::Status(404), Reason::ReferenceNotFound),
        (Act::Status(503), Reason::RegistryUnavailable),
        (Act::OtherBytes, Reason::PullFailed),
    ] {
        bench.mirrors[0].set_rules(vec![Rule::on("/blobs/", act)]);
        let fault = pull(&bench.open(&only(true))).await.expect_err("nobody has it");
        assert_eq!(fault.reason(), reason, "{}", shown(&fault));
        assert!(fault.message().contains("mirrors_only") && fault.message().contains(&bench.name(0)), "{fault}");
    }
    assert!(bench.asked_of_origin().is_empty(), "{:?}", bench.asked_of_origin());
}

#[tokio::test]
async fn mirrors_of_a_mirror_are_not_asked() {
    let bench = Bench::new(2).await;
    let (first, second) = (bench.mirrors[0].host(), bench.mirrors[1].host());
    let text = format!(
        "[registry.\"{}\"]\nmirrors = [\"{first}/cache\"]\n[registry.\"{first}\"]\nmirrors = [\"{second}\"]\n",
        bench.origin.host()
    );
    bench.mirrors[0].set_rules(vec![Rule::on("/blobs/", Act::Status(404))]);
    pull(&bench.open(&bench.with(&text, options()))).await.expect("pulled");
    assert!(bench.asked(1).is_empty(), "{:?}", bench.asked(1));
    assert_eq!(bench.asked_of_origin().len(), 3);
}

#[tokio::test]
async fn settings_of_a_mirror_that_are_no_good_stop_whoever_asks_it() {
    let bench = Bench::new(1).await;
    let text =
        format!("{}[registry.\"{}\"]\nca = \"/nowhere/ca.pem\"\n", bench.table(false, ""), bench.mirrors[0].host());
    let fault = pull(&bench.open(&bench.with(&text, options()))).await.expect_err("no certificate");
    assert_eq!(fault.reason(), Reason::IoNotFound, "{}", shown(&fault));
    assert!(bench.asked(0).is_empty());
}

#[tokio::test]
async fn each_has_the_certificates_and_the_protocol_of_its_own_table() {
    let bench = Bench::new(1).await;
    let (front, shown_to_origin) = tls::serve_asking(Asks::Takes, "self", "authority", &bench.origin.host());
    let (mirror, shown_to_mirror) = tls::serve_asking(Asks::Takes, "self", "authority", &bench.mirrors[0].host());
    let pem = |name| tls::certificate(name);
    let own = format!("client_certificate = {:?}\nclient_key = {:?}\n", pem("issued"), pem("issued"));
    let read = async |of_mirror: &str| {
        let text = format!(
            "[registry.\"{front}\"]\nca = {:?}\n{own}mirrors = [\"{mirror}/cache\"]\n[registry.\"{mirror}\"]\n{of_mirror}",
            pem("self")
        );
        let reader = KeyReader::by(|path, _| Ok(fs::read(path).expect("a file").into()));
        let settings = ClientOptions { key_reader: reader, ..bench.with(&text, options()) };
        let target = Target::open(&reference(&format!("{front}/plugin:1")), &settings).expect("a target");
        assert_eq!(pull(&target).await.expect("pulled"), bench.sample.layer_bytes, "{of_mirror}");
        bench.heard()
    };
    // What vouches for the registry vouches for nobody else, and who we are to it is shown to nobody else.
    for of_mirror in ["plain_http = false\n", "plain_http = true\n"] {
        let heard = read(of_mirror).await;
        assert!(heard[0].starts_with(&format!("{mirror}/cache: registry_")), "{heard:?}");
    }
    let heard = read(&format!("ca = {:?}\n", pem("self"))).await;
    assert_eq!(heard, [format!("{mirror}/cache serves {front}")]);
    assert_eq!(shown_to_mirror.load(Ordering::SeqCst), 0);
    let before = shown_to_origin.load(Ordering::SeqCst);
    assert!(before > 0);
    read(&format!("ca = {:?}\n{own}", pem("self"))).await;
    assert!(shown_to_mirror.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn a_blob_of_more_than_eight_gibibytes_is_asked_of_the_registry_alone() {
    let bench = Bench::new(1).await;
    let most: u64 = 8 << 30;
    for (size, is_asked) in [(most - 1, true), (most, true), (most + 1, false)] {
        bench.mirrors[0].forget();
        let claimed = Descriptor { size, ..bench.sample.layer.clone() };
        // Neither has so much under that digest, which is known from the head of the answer.
        let fault = bench.open(&bench.options()).fetch_blob(&claimed).await.expect_err("another size");
        assert_eq!(fault.reason(), Reason::DownloadDamaged, "{}", shown(&fault));
        assert_eq!(!bench.asked(0).is_empty(), is_asked, "{size}");
    }
    let only = bench.with(&bench.table(false, "mirrors_only = true"), options());
    let fault = bench.open(&only).fetch_blob(&Descriptor { size: most + 1, ..bench.sample.layer.clone() }).await;
    assert_eq!(fault.expect_err("nobody is asked").reason(), Reason::RegistryUnavailable);
}
