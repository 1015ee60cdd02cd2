//! A registry that leads elsewhere: what is followed, who is told who we are, and whose refusal it is.

mod support;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use aisoc_manifests::digest::Algorithm;
use aisoc_manifests::fault::{Class, Reason};
use aisoc_registry_client::{
    BlobSource, ClientOptions, Credentials, Fetch as _, Login, Push as _, Pushed, ReplaceTag, Secret, Tagging as _,
    Target,
};
use aisoc_testkit::by_hand;
use aisoc_testkit::registry::{Act, Login as Asked, Registry, Rule};
use support::{options, push, reading, reference, sample, shown, stocked, writing};

const USER: &str = "u";
const PASSWORD: &str = "correct horse";

/// The registry, which asks for a password from now on, and somebody who knows it.
fn guarded(registry: Registry) -> (Registry, ClientOptions) {
    let login = Login { registry: registry.host(), username: USER.into(), password: Secret::new(PASSWORD) };
    let credentials = Credentials { login: Some(login), ..Credentials::default() };
    (registry.login(Asked::Basic(USER, PASSWORD)), ClientOptions { credentials, ..options() })
}

fn target(registry: &Registry, rest: &str, options: &ClientOptions) -> Target {
    Target::create(&reference(&registry.reference(rest)), options).expect("a target")
}

#[tokio::test]
async fn a_manifest_is_followed_to_another_place_without_the_login() {
    let (registry, sample) = stocked().await;
    let (registry, options) = guarded(registry);
    registry.set_rules(vec![Rule::on("/manifests/", Act::RedirectElsewhere)]);
    let found = target(&registry, "plugin:1", &options).fetch_manifest(None).await.expect("followed");
    assert_eq!(found, sample.manifest);
    assert!(registry.requests().iter().any(|seen| seen.authorization.is_some()), "the registry was told");
    let elsewhere = registry.requests_elsewhere();
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|seen| seen.authorization.is_none()), "{elsewhere:?}");
}

#[tokio::test]
async fn what_the_registry_failed_at_is_not_counted_against_the_place_that_it_leads_to() {
    let (registry, sample) = stocked().await;
    let source = reading(&registry, "plugin:1");
    // A URL that ran out is tried less often than a registry that is busy; all together they are within the limit.
    registry.set_rules(vec![
        Rule::on("/blobs/", Act::Status(503)).times(2),
        Rule::on("/blobs/", Act::RedirectElsewhere),
        Rule::on("/blobs/", Act::Status(403)).elsewhere().times(2),
    ]);
    let found = source.fetch_blob_bytes(&sample.layer, 1 << 20).await;
    assert_eq!(found.expect("the fifth try"), sample.layer_bytes);
    registry.set_rules(vec![
        Rule::on("/blobs/", Act::Status(503)).times(3),
        Rule::on("/blobs/", Act::RedirectElsewhere),
        Rule::on("/blobs/", Act::Status(403)).elsewhere().times(2),
    ]);
    registry.forget();
    source.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("no sixth try");
    assert_eq!(registry.requests().len(), 5);
}

#[tokio::test]
async fn a_manifest_from_another_place_has_the_digest_that_was_asked_for() {
    let (registry, sample) = stocked().await;
    let pinned = reading(&registry, &format!("plugin@{}", sample.manifest.digest()));
    let other = format!("http://{}/elsewhere/v2/plugin/blobs/{}", registry.elsewhere(), sample.config.digest);
    registry.set_rules(vec![Rule::on("/manifests/", Act::RedirectTo(other))]);
    assert_eq!(pinned.fetch_manifest(None).await.expect_err("another").reason(), Reason::PullFailed);
}

#[tokio::test]
async fn a_redirect_to_the_registry_itself_is_logged_in_to() {
    let (registry, sample) = stocked().await;
    let (registry, options) = guarded(registry);
    let own = format!("http://{}/v2/plugin/manifests/{}", registry.host(), sample.manifest.digest());
    registry.set_rules(vec![Rule::on("/manifests/1", Act::RedirectTo(own))]);
    let found = target(&registry, "plugin:1", &options).fetch_manifest(None).await.expect("followed");
    assert_eq!(found, sample.manifest);
}

#[tokio::test]
async fn a_store_under_the_registrys_own_name_gets_no_login_that_it_does_not_ask_for() {
    // S3 refuses a request that has a signed URL and a login.
    let sample = sample(0);
    let (bytes, digest) = (sample.layer_bytes.clone(), sample.layer.digest.to_string());
    let store = by_hand::serve("127.0.0.1:0", move |head, stream| {
        let has_login = head.to_ascii_lowercase().contains("\r\nauthorization:");
        let (status, header, body): (_, _, &[u8]) = match (head.contains("/store/"), has_login) {
            (false, false) => ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"".to_owned(), b""),
            (false, true) => ("307 Temporary Redirect", format!("Location: /store/{digest}?signed"), b""),
            (true, true) => ("400 Bad Request", "X-Error: one auth mechanism".to_owned(), b""),
            (true, false) => ("200 OK", "X-Store: yes".to_owned(), &bytes),
        };
        let length = body.len();
        write!(stream, "HTTP/1.1 {status}\r\n{header}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")?;
        stream.write_all(body)
    });
    let login = Login { registry: store.to_string(), username: USER.into(), password: Secret::new(PASSWORD) };
    let credentials = Credentials { login: Some(login), ..Credentials::default() };
    let options = ClientOptions { credentials, ..options() };
    let target = Target::open(&reference(&format!("{store}/plugin:1")), &options).expect("a target");
    let bytes = target.fetch_blob_bytes(&sample.layer, 1 << 20).await;
    assert_eq!(bytes.map_err(|fault| shown(&fault)), Ok(sample.layer_bytes.into()));
}

#[tokio::test]
async fn an_upload_is_followed_to_another_place_without_the_login() {
    let (registry, options) = guarded(Registry::start());
    let sample = sample(0);
    registry.set_rules(vec![Rule::on("/uploads/", Act::RedirectElsewhere)]);
    let source = BlobSource::Bytes(sample.layer_bytes.clone().into());
    let pushed = target(&registry, "plugin:1", &options).push_blob(&sample.layer, &source).await;
    assert_eq!(pushed.map_err(|fault| shown(&fault)), Ok(Pushed::Uploaded));
    let elsewhere = registry.requests_elsewhere();
    let methods: Vec<_> = elsewhere.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PUT"], "the session is where the redirect led");
    assert!(elsewhere.iter().all(|seen| seen.authorization.is_none()), "{elsewhere:?}");

    // The manifest, with its body.
    registry.set_rules(vec![Rule::on("/manifests/", Act::RedirectElsewhere).method("PUT")]);
    let other = self::sample(1);
    let target = target(&registry, "plugin:1", &options);
    push(&target, &other).await.expect("pushed");
    assert_eq!(
        target.tag_digest(&"1".parse().expect("a tag"), Algorithm::Sha256).await.expect("asked"),
        Some(other.manifest.digest())
    );
    assert!(registry.requests_elsewhere().iter().all(|seen| seen.authorization.is_none()));
}

#[tokio::test]
async fn what_is_to_be_stored_is_not_turned_into_a_question() {
    for status in [301, 302, 303] {
        let (registry, sample) = (Registry::start(), sample(0));
        let location = vec![("location", format!("http://{}/elsewhere/v2/", registry.elsewhere()))];
        registry.set_rules(vec![Rule::on("/uploads/", Act::Answer(status, location, vec![])).method("POST")]);
        let fault = push(&writing(&registry, "plugin:1"), &sample).await.expect_err("not stored");
        assert_eq!(fault.reason(), Reason::RedirectRefused, "{status}: {}", shown(&fault));
        assert_eq!(fault.reason().class(), Class::Failed, "no retry helps");
        assert_eq!(registry.requests_elsewhere(), []);
    }
}

#[tokio::test]
async fn what_stands_behind_a_redirect_is_tried_again_with_a_fresh_url() {
    for (act, times) in [
        (Act::Status(503), 4),
        (Act::Status(429), 4),
        (Act::Status(403), 2),
        (Act::Status(400), 2),
        (Act::CutAfter(0), 4),
    ] {
        let (store, sample) = stocked().await;
        let (registry, _) = stocked().await;
        store.set_rules(vec![Rule::on("/blobs/", act.clone()).times(times)]);
        let location = format!("http://{}/v2/plugin/blobs/{}", store.host(), sample.layer.digest);
        registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectTo(location))]);
        let bytes = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await;
        assert_eq!(bytes.map_err(|fault| shown(&fault)), Ok(sample.layer_bytes.into()), "{act:?}");
        assert_eq!(registry.requests().len(), times + 1, "{act:?}: each try begins at the registry");
    }
}

#[tokio::test]
async fn a_refusal_behind_a_redirect_is_not_called_the_registrys() {
    let (registry, sample) = stocked().await;
    let (store, _) = stocked().await;
    let location = format!("http://{}/v2/plugin/blobs/{}?signature=secret", store.host(), sample.layer.digest);
    registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectTo(location))]);
    for (status, reason) in [
        (401, Reason::RegistryRefused),
        (403, Reason::RegistryRefused),
        (404, Reason::RegistryRefused),
        (400, Reason::RegistryRefused),
        (503, Reason::RegistryUnavailable),
    ] {
        store.set_rules(vec![Rule::on("/blobs/", Act::Status(status))]);
        let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("refused");
        assert_eq!(fault.reason(), reason, "{status}: {}", shown(&fault));
        let both = format!("`{}`, where `{}` leads,", store.host(), registry.host());
        assert!(fault.message().starts_with(&both), "{fault}");
        assert!(!shown(&fault).contains("registry login"), "no login mends that: {}", shown(&fault));
        assert!(!shown(&fault).contains("secret"), "{}", shown(&fault));
    }
}

#[tokio::test]
async fn a_store_that_signs_for_reading_alone_does_not_stop_a_push() {
    for head in [Act::Status(403), Act::Status(405), Act::Status(503)] {
        let (store, sample) = stocked().await;
        let registry = Registry::start();
        store.set_rules(vec![Rule::on("/blobs/", head.clone()).method("HEAD")]);
        let location = format!("http://{}/v2/plugin/blobs/{}", store.host(), sample.layer.digest);
        registry.set_rules(vec![Rule::on("/blobs/sha256", Act::RedirectTo(location)).method("HEAD")]);
        let target = Target::create(&reference(&registry.reference("plugin:1")), &options()).expect("a target");
        let source = BlobSource::Bytes(sample.layer_bytes.clone().into());
        let pushed = target.push_blob(&sample.layer, &source).await;
        assert_eq!(pushed.map_err(|fault| shown(&fault)), Ok(Pushed::Uploaded), "{head:?}");
    }
}

#[tokio::test]
async fn no_user_name_in_a_url_becomes_a_login() {
    let address = by_hand::serve("127.0.0.1:0", |_, stream| {
        stream.write_all(b"HTTP/1.1 307 x\r\nLocation: http://a:b@127.0.0.1/x\r\nContent-Length: 0\r\n\r\n")
    });
    let target = Target::open(&reference(&format!("{address}/plugin:1")), &options()).expect("a target");
    let fault = target.fetch_manifest(None).await.expect_err("a login in a URL");
    assert_eq!(fault.reason(), Reason::RedirectRefused, "{}", shown(&fault));
    assert!(!shown(&fault).contains("a:b@"), "{}", shown(&fault));
}

/// A server that answers every request by its head, and what it was asked.
fn foreign(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let address = by_hand::serve("127.0.0.1:0", move |head, stream| {
        seen.lock().expect("not poisoned").push(head.to_owned());
        let response = answer(head);
        stream.write_all(response.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
    });
    (address, heads)
}

#[tokio::test]
async fn a_challenge_of_a_session_elsewhere_is_not_answered() {
    let (registry, options) = guarded(Registry::start());
    let sample = sample(0);
    let (place, heads) = foreign(|head| match head.split(' ').next() {
        Some("POST") => "HTTP/1.1 202 Accepted\r\nLocation: /up/1\r\nContent-Length: 0\r\n\r\n".to_owned(),
        // Wherever it is asked, the realm is here.
        _ => {
            let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
            format!(
                "HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer realm=\"http://{host}/token\"\r\nContent-Length: 0\r\n\r\n"
            )
        }
    });
    registry.set_rules(vec![Rule::on("/uploads/", Act::RedirectTo(format!("http://{place}/v2/up"))).method("POST")]);
    let source = BlobSource::Bytes(sample.layer_bytes.clone().into());
    let fault = target(&registry, "plugin:1", &options).push_blob(&sample.layer, &source).await.expect_err("refused");
    assert_eq!(fault.reason(), Reason::RegistryRefused, "{}", shown(&fault));
    assert!(!shown(&fault).contains("registry login"), "{}", shown(&fault));
    let heads = heads.lock().expect("not poisoned");
    assert!(heads.iter().any(|head| head.starts_with("PUT ")), "{heads:?}");
    assert!(heads.iter().all(|head| !head.to_ascii_lowercase().contains("authorization:")), "{heads:?}");
    assert!(heads.iter().all(|head| !head.contains("/token")), "{heads:?}");
}

#[tokio::test]
async fn who_was_asked_on_the_way_cannot_send_the_login_to_a_path_of_the_registry() {
    let (registry, sample) = stocked().await;
    let (registry, options) = guarded(registry);
    let back = format!("http://{}/v2/victim/manifests/latest", registry.host());
    let (place, _) = foreign(move |_| format!("HTTP/1.1 307 x\r\nLocation: {back}\r\nContent-Length: 0\r\n\r\n"));
    registry.set_rules(vec![
        Rule::on("/v2/plugin/manifests/2", Act::RedirectTo(format!("http://{place}/cdn"))).method("PUT"),
    ]);
    let tag = "2".parse().expect("a tag");
    let target = target(&registry, "plugin:1", &options);
    let fault = target.tag(&tag, &sample.manifest, ReplaceTag::No).await.expect_err("not told");
    assert_eq!(fault.reason(), Reason::RegistryRefused, "{}", shown(&fault));
    let victim: Vec<_> = registry.requests().into_iter().filter(|seen| seen.path.contains("victim")).collect();
    assert!(!victim.is_empty() && victim.iter().all(|seen| seen.authorization.is_none()), "{victim:?}");
}

#[tokio::test]
async fn a_place_that_the_registry_led_to_does_not_say_that_a_tag_is_free() {
    let (registry, _) = stocked().await;
    let (place, _) = foreign(|_| "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned());
    registry.set_rules(vec![Rule::on("/manifests/1", Act::RedirectTo(format!("http://{place}/cdn"))).method("GET")]);
    let target = writing(&registry, "plugin:1");
    let tag = "1".parse().expect("a tag");
    let fault = target.tag(&tag, &sample(1).manifest, ReplaceTag::No).await.expect_err("nobody said so");
    assert_eq!(fault.reason(), Reason::RegistryRefused, "{}", shown(&fault));
    assert!(!registry.requests().iter().any(|seen| seen.method == "PUT"));
}

#[tokio::test]
async fn a_question_that_only_saves_work_stops_nobody() {
    let dead = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for place in ["https://10.0.0.1/blob".to_owned(), format!("http://{dead}/blob"), "ftp://x/".to_owned()] {
        let (registry, sample) = (Registry::start(), sample(0));
        registry.set_rules(vec![
            Rule::on("/blobs/sha256", Act::RedirectTo(place.clone())).method("HEAD"),
            Rule::on("/manifests/sha256", Act::RedirectTo(place.clone())).method("HEAD"),
        ]);
        push(&writing(&registry, "plugin:1"), &sample).await.unwrap_or_else(|fault| panic!("{place}: {fault}"));
    }
}

#[tokio::test]
async fn the_path_of_a_place_that_the_registry_led_to_is_not_shown() {
    let (registry, sample) = stocked().await;
    let place = by_hand::serve("127.0.0.1:0", |_, _| Ok(()));
    registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectTo(format!("http://{place}/_proxy/secret-token/x")))]);
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("hangs up");
    assert!(shown(&fault).contains(&place.to_string()), "{}", shown(&fault));
    assert!(!shown(&fault).contains("secret-token"), "{}", shown(&fault));
}
