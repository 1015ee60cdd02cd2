//! What is written down of registries, held by real ones over real TLS: whose certificate counts for which, who we are to
//! which, and where logins come from.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_registry_client::options::{Credentials, DockerConfig, Login as Given, Secret};
use aisoc_registry_client::{ClientOptions, Fetch as _, KeyReader, PlainHttp, RegistrySettings, Target, explain_login};
use aisoc_testkit::registry::{Act, Login, Registry, Rule};
use aisoc_testkit::tls::{self, Asks};
use support::{options, push, reference, sample, shown, stocked};

fn with(text: &str) -> ClientOptions {
    let settings = RegistrySettings::read(text, "registries.toml", Path::new("/")).expect(text);
    let reader = KeyReader::by(|path, _| Ok(std::fs::read(path).expect("a file").into()));
    ClientOptions { settings: Arc::new(settings), key_reader: reader, ..options() }
}

/// A table of that registry.
fn table(host: &str, lines: &[String]) -> String {
    format!("[registry.\"{host}\"]\n{}\n", lines.join("\n"))
}

fn ca(name: &str) -> String {
    format!("ca = {:?}", tls::certificate(name))
}

/// A client's certificate and its key, which `testdata/tls` has in one file.
fn own(certificate: &str, key: &str) -> [String; 2] {
    let path = |name| tls::certificate(name);
    [format!("client_certificate = {:?}", path(certificate)), format!("client_key = {:?}", path(key))]
}

async fn ask(host: &str, options: &ClientOptions) -> Result<(), Fault> {
    let target = Target::open(&reference(&format!("{host}/plugin:1")), options)?;
    target.fetch_manifest(None).await.map(|_| ())
}

#[tokio::test]
async fn an_authority_counts_for_the_registry_that_it_is_named_for() {
    let (registry, _) = stocked().await;
    let (one, other) = (tls::serve("issued", &registry.host()), tls::serve("issued", &registry.host()));
    let settings = with(&table(&one.to_string(), &[ca("authority")]));
    ask(&one.to_string(), &settings).await.expect("a certificate on this machine means TLS");
    let never = ClientOptions { plain_http: PlainHttp::Never, ..settings };
    ask(&one.to_string(), &never).await.expect("trusted");
    let fault = ask(&other.to_string(), &never).await.expect_err("another registry");
    assert_eq!(fault.reason(), Reason::RegistryTls, "{}", shown(&fault));
    // Another authority, named on the command line, stands in its place.
    let settings = Arc::new((*never.settings).clone().with_other_authority());
    let fault = ask(&one.to_string(), &ClientOptions { settings, ..never }).await.expect_err("in its place");
    assert_eq!(fault.reason(), Reason::RegistryTls, "{}", shown(&fault));
}

#[tokio::test]
async fn a_registry_that_requires_a_certificate_is_shown_the_one_that_is_named() {
    let (registry, _) = stocked().await;
    let (front, seen) = tls::serve_asking(Asks::Requires, "self", "authority", &registry.host());
    let host = front.to_string();
    let lines = |own: &[String]| [&[ca("self")], own].concat();
    ask(&host, &with(&table(&host, &lines(&own("issued", "issued"))))).await.expect("known");
    assert!(seen.load(Ordering::SeqCst) > 0);
    let asked = registry.requests().len();
    for (lines, reason, about) in [
        (lines(&[]), Reason::RegistryTls, "none"),
        (lines(&own("leaf", "leaf")), Reason::RegistryTls, "of another authority"),
        (lines(&own("issued-expired", "issued-expired")), Reason::RegistryTls, "out of its time"),
        (lines(&own("issued", "leaf")), Reason::RegistrySettingsInvalid, "with another key"),
    ] {
        let fault = ask(&host, &with(&table(&host, &lines))).await.expect_err(about);
        assert_eq!(fault.reason(), reason, "{about}: {}", shown(&fault));
    }
    assert_eq!(registry.requests().len(), asked, "nothing was asked as somebody else");
}

#[tokio::test]
async fn what_is_no_certificate_or_no_key_is_refused_and_never_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written");
        directory.path().join(name)
    };
    let secret = "-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----\n";
    let (empty, broken) = (file("empty.pem", ""), file("broken.pem", secret));
    let registry = Registry::start();
    let host = tls::serve("self", &registry.host()).to_string();
    let issued = tls::certificate("issued");
    for (certificate, key) in [(&empty, &issued), (&broken, &issued), (&issued, &empty), (&issued, &broken)] {
        let lines = [ca("self"), format!("client_certificate = {certificate:?}"), format!("client_key = {key:?}")];
        let fault = ask(&host, &with(&table(&host, &lines))).await.expect_err("refused");
        assert_eq!(fault.reason(), Reason::RegistrySettingsInvalid, "{}", shown(&fault));
        assert!(!shown(&fault).contains("hunter2"), "{}", shown(&fault));
    }
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn nobody_that_a_registry_leads_to_is_shown_who_we_are() {
    let (registry, sample) = stocked().await;
    let (front, seen) = tls::serve_asking(Asks::Requires, "self", "authority", &registry.host());
    let (store, seen_by_store) = tls::serve_asking(Asks::Takes, "self", "authority", &registry.host());
    let host = front.to_string();
    let blob = format!("/v2/plugin/blobs/{}", sample.layer.digest);
    registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectTo(format!("https://{store}{blob}"))).times(1)]);
    let lines = [&[ca("self")], &own("issued", "issued")[..]].concat();
    let target = Target::open(&reference(&format!("{host}/plugin:1")), &with(&table(&host, &lines))).expect("a target");
    let bytes = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("fetched");
    assert_eq!(bytes, sample.layer_bytes);
    assert_eq!((seen.load(Ordering::SeqCst), seen_by_store.load(Ordering::SeqCst)), (1, 0));
    assert_eq!(registry.requests().iter().filter(|seen| seen.path == blob).count(), 2, "the store was asked");
}

#[tokio::test]
async fn a_registry_is_spoken_to_as_it_is_written_unless_something_else_is_said() {
    let (registry, _) = stocked().await;
    let (plain, over_tls) = (registry.host(), tls::serve("self", &registry.host()).to_string());
    let (yes, no) = ("plain_http = true".to_owned(), "plain_http = false".to_owned());
    for (host, line, said, expected) in [
        (&plain, &yes, PlainHttp::LoopbackOnly, None),
        (&plain, &no, PlainHttp::LoopbackOnly, Some(Reason::RegistryTls)),
        (&plain, &no, PlainHttp::Always, None),
        (&plain, &yes, PlainHttp::Never, Some(Reason::RegistryTls)),
        (&over_tls, &yes, PlainHttp::LoopbackOnly, Some(Reason::RegistryUnavailable)),
    ] {
        let options = ClientOptions { plain_http: said, ..with(&table(host, std::slice::from_ref(line))) };
        let reason = ask(host, &options).await.err().map(|fault| fault.reason());
        assert_eq!(reason, expected, "{line} at {host}, {said:?}");
    }
}

#[tokio::test]
async fn a_login_comes_from_where_it_is_written() {
    let registry = Registry::start().login(Login::Basic("me", "hunter2"));
    let host = registry.host();
    let given = Given { registry: host.clone(), username: "me".to_owned(), password: Secret::new("hunter2") };
    let json = format!(r#"{{"auths":{{"{host}":{{"username":"me","password":"hunter2"}}}}}}"#);
    let docker = DockerConfig::Text { variable: "DOCKER_AUTH_CONFIG".to_owned(), json: Secret::new(json) };
    let both = Credentials { login: Some(given), docker_configs: vec![docker], ..Credentials::default() };
    let logged_in = ClientOptions { credentials: both.clone(), ..options() };
    let target = Target::create(&reference(&format!("{host}/plugin:1")), &logged_in).expect("a target");
    push(&target, &sample(0)).await.expect("pushed");
    registry.forget();
    for (word, source) in [
        (None, Some("AISOC_")),
        (Some("environment"), Some("AISOC_")),
        (Some("docker"), Some("DOCKER_")),
        (Some("none"), None),
    ] {
        let text = word.map(|word| table(&host, &[format!("credentials = \"{word}\"")])).unwrap_or_default();
        let options = ClientOptions { credentials: both.clone(), ..with(&text) };
        let explained = explain_login(&host.parse().expect("a host"), "", &options).await.expect("explained");
        let from = explained.from.map(|from| from.source);
        let kind = from.as_deref().and_then(|from| from.split_inclusive('_').next());
        assert_eq!(kind, source, "{word:?}: {from:?}");
        let asked = ask(&host, &options).await;
        // Whoever is denied is led to the line that forbids it, and not to a login that would not be looked at.
        if word == Some("none") {
            let hint = asked.as_ref().expect_err("denied").next_step().to_owned();
            assert!(hint.contains("`registries.toml:2` says `credentials = \"none\"`"), "{hint}");
            assert!(!hint.contains("registry login") && !hint.contains("AISOC_REGISTRY_"), "{hint}");
        }
        assert_eq!(asked.is_ok(), source.is_some(), "{word:?}");
        if let Err(fault) = asked {
            assert!(
                fault.reason() == Reason::RegistryDenied && shown(&fault).contains("credentials = \"none\""),
                "{}",
                shown(&fault)
            );
            assert!(registry.requests().iter().rev().take(1).all(|seen| seen.authorization.is_none()));
        }
    }
}

#[tokio::test]
async fn whoever_is_denied_is_told_of_the_source_that_is_looked_at_and_of_no_other() {
    let registry = Registry::start().login(Login::Basic("me", "hunter2"));
    let host = registry.host();
    for (word, told, not_told) in [
        ("environment", "AISOC_REGISTRY_USERNAME", "registry login"),
        ("docker", "registry login", "AISOC_REGISTRY_USERNAME"),
    ] {
        let options = with(&table(&host, &[format!("credentials = \"{word}\"")]));
        let fault = ask(&host, &options).await.expect_err("no login");
        assert_eq!(fault.reason(), Reason::RegistryDenied);
        let hint = fault.next_step();
        assert!(hint.contains(told) && !hint.contains(not_told), "{word}: {hint}");
        assert!(hint.contains("`registries.toml:2`"), "{word}: {hint}");
    }
}

#[tokio::test]
async fn a_certificate_that_others_can_change_vouches_for_nobody() {
    let (registry, _) = stocked().await;
    let host = tls::serve("self", &registry.host()).to_string();
    let directory = tempfile::tempdir().expect("a directory");
    let copy = |name: &str| {
        let path = directory.path().join(name);
        std::fs::copy(tls::certificate(name), &path).expect("copied");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        path
    };
    let (ca, issued) = (copy("self"), copy("issued"));
    let own = [format!("client_certificate = {issued:?}"), format!("client_key = {issued:?}")];
    let lines = [&[format!("ca = {ca:?}")], &own[..]].concat();
    ask(&host, &with(&table(&host, &lines))).await.expect("nobody else's");
    let asked = registry.requests().len();
    for open in [&ca, &issued] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o666)).expect("set");
        let fault = ask(&host, &with(&table(&host, &lines))).await.expect_err("anybody's");
        assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{}", shown(&fault));
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o600)).expect("set");
    }
    assert_eq!(registry.requests().len(), asked, "nothing was asked");
}
