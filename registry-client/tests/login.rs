//! Proving who we are: only when asked, only as far as needed, and to nobody else.

mod support;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_registry_client::{
    BlobSource, ClientOptions, Credentials, DockerConfig, Fetch as _, Login as Ours, Push as _, Pushed, Secret, Target,
};
use aisoc_testkit::registry::{Act, Login, Registry, Rule, Seen, TokenService};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::{Sample, options, push, reference, sample, shown};

const PASSWORD: &str = "correct horse battery";

fn with_password(registry: &Registry, password: &str) -> ClientOptions {
    let login = Ours { registry: registry.host(), username: "me".to_owned(), password: Secret::new(password) };
    ClientOptions { credentials: Credentials { login: Some(login), ..Credentials::default() }, ..options() }
}

/// Options with what is in those files.
fn with_configs(paths: &[&std::path::Path]) -> ClientOptions {
    let named = |path: &&std::path::Path| DockerConfig::File { path: path.to_path_buf(), is_named: true };
    let docker_configs = paths.iter().map(named).collect();
    ClientOptions { credentials: Credentials { docker_configs, ..Credentials::default() }, ..options() }
}

fn known_user() -> TokenService {
    TokenService { user: Some(("me", PASSWORD)), ..TokenService::default() }
}

/// A registry that holds `sample(0)` and asks for a login from now on.
async fn guarded(login: Login) -> (Registry, Sample) {
    let (registry, sample) = support::stocked().await;
    (registry.login(login), sample)
}

async fn pull(registry: &Registry, options: &ClientOptions) -> Result<(), Fault> {
    let target = Target::open(&reference(&registry.reference("plugin:1")), options).expect("a target");
    let manifest = target.fetch_manifest(None).await?;
    let document = aisoc_manifests::oci::ImageManifest::read(manifest.bytes())?;
    target.fetch_blob_bytes(&document.layers[0], 1 << 20).await.map(|_| ())
}

async fn push_to(registry: &Registry, options: &ClientOptions) -> Result<(), Fault> {
    let target = Target::create(&reference(&registry.reference("plugin:1")), options).expect("a target");
    push(&target, &sample(1)).await.map(|_| ())
}

#[tokio::test]
async fn asks_without_credentials_first_and_then_with_a_password() {
    let (registry, _) = guarded(Login::Basic("me", PASSWORD)).await;
    pull(&registry, &with_password(&registry, PASSWORD)).await.expect("pulled");
    let sent: Vec<bool> = registry.requests().iter().map(|seen| seen.authorization.is_some()).collect();
    assert_eq!(sent, [false, true, true], "asked once, then remembered");
    push_to(&registry, &with_password(&registry, PASSWORD)).await.expect("pushed");
}

#[tokio::test]
async fn nobody_who_does_not_ask_sees_a_password() {
    let (registry, _) = support::stocked().await;
    pull(&registry, &with_password(&registry, PASSWORD)).await.expect("pulled");
    push_to(&registry, &with_password(&registry, PASSWORD)).await.expect("pushed");
    assert!(registry.requests().iter().all(|seen| seen.authorization.is_none()));
}

#[tokio::test]
async fn a_token_is_asked_for_one_repository_and_what_the_task_needs() {
    let (registry, _) = guarded(Login::Bearer(known_user())).await;
    pull(&registry, &with_password(&registry, PASSWORD)).await.expect("pulled");
    let tokens: Vec<_> = registry.requests().into_iter().filter(|seen| seen.path == "/token").collect();
    assert_eq!(tokens.len(), 1, "kept for the second request");
    // The challenge of the test registry asks to ask for `repository:other:delete`.
    assert_eq!(tokens[0].query, "service=test&scope=repository%3Aplugin%3Apull");
    assert!(tokens[0].authorization.as_ref().is_some_and(|value| value.starts_with("Basic ")));

    registry.forget();
    push_to(&registry, &with_password(&registry, PASSWORD)).await.expect("pushed");
    let token = registry.requests().into_iter().find(|seen| seen.path == "/token").expect("a token");
    assert_eq!(token.query, "service=test&scope=repository%3Aplugin%3Apull%2Cpush");
    let others = registry.requests().into_iter().filter(|seen| seen.path != "/token");
    assert!(others.skip(1).all(|seen| seen.authorization.is_none_or(|value| value.starts_with("Bearer "))));
}

#[tokio::test]
async fn a_public_repository_needs_no_credentials() {
    let service = TokenService { anonymous_pull: true, ..TokenService::default() };
    let (registry, _) = guarded(Login::Bearer(service)).await;
    pull(&registry, &options()).await.expect("pulled");
    let fault = push_to(&registry, &options()).await.expect_err("not pushed");
    assert_eq!(fault.reason(), Reason::RegistryDenied, "{}", shown(&fault));
    assert!(fault.next_step().contains("no credentials"), "{}", fault.next_step());
}

#[tokio::test]
async fn stale_credentials_do_not_lock_out_of_a_public_repository() {
    let service = TokenService { anonymous_pull: true, ..known_user() };
    let (registry, _) = guarded(Login::Bearer(service)).await;
    pull(&registry, &with_password(&registry, "stale")).await.expect("pulled without them");
    let fault = push_to(&registry, &with_password(&registry, "stale")).await.expect_err("not pushed");
    assert_eq!(fault.reason(), Reason::RegistryDenied);
    assert!(fault.next_step().contains("were refused"), "{}", fault.next_step());
}

#[tokio::test]
async fn an_expired_token_is_replaced() {
    let service = TokenService { uses_per_token: 1, ..known_user() };
    let (registry, _) = guarded(Login::Bearer(service)).await;
    pull(&registry, &with_password(&registry, PASSWORD)).await.expect("pulled");
    let tokens = registry.requests().iter().filter(|seen| seen.path == "/token").count();
    assert_eq!(tokens, 2);
    push_to(&registry, &with_password(&registry, PASSWORD)).await.expect("pushed, each upload with a new token");
}

#[tokio::test]
async fn a_wrong_password_is_refused_once_and_not_tried_for_ever() {
    for login in [Login::Basic("me", PASSWORD), Login::Bearer(known_user())] {
        let (registry, _) = guarded(login).await;
        let fault = pull(&registry, &with_password(&registry, "wrong")).await.expect_err("refused");
        assert_eq!(fault.reason(), Reason::RegistryDenied);
        assert!(registry.requests().len() <= 4, "{:?}", registry.requests());
        let fault = pull(&registry, &options()).await.expect_err("refused");
        assert_eq!(fault.reason(), Reason::RegistryDenied);
    }
}

#[tokio::test]
async fn a_password_goes_to_its_own_registry_only() {
    let (registry, _) = guarded(Login::Basic("me", PASSWORD)).await;
    let mut options = with_password(&registry, PASSWORD);
    options.credentials.login.as_mut().expect("login").registry = "ghcr.io".to_owned();
    pull(&registry, &options).await.expect_err("refused");
    assert!(registry.requests().iter().all(|seen| seen.authorization.is_none()));
    options.credentials.login.as_mut().expect("login").registry = registry.host();
    pull(&registry, &options).await.expect("pulled");
}

#[tokio::test]
async fn a_login_that_was_not_used_says_why() {
    let (registry, _) = guarded(Login::Basic("me", PASSWORD)).await;
    let credentials = Credentials { unused: Some("it is for nobody".to_owned()), ..Credentials::default() };
    let fault = pull(&registry, &ClientOptions { credentials, ..options() }).await.expect_err("refused");
    assert_eq!(fault.reason(), Reason::RegistryDenied);
    for said in ["it is for nobody", "AISOC_REGISTRY_HOST=127.0.0.1:"] {
        assert!(fault.next_step().contains(said), "{}", fault.next_step());
    }
}

#[tokio::test]
async fn credentials_are_never_sent_elsewhere() {
    for login in [Login::Basic("me", PASSWORD), Login::Bearer(known_user())] {
        let (registry, _) = guarded(login).await;
        registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectElsewhere).method("GET")]);
        pull(&registry, &with_password(&registry, PASSWORD)).await.expect("pulled");
        registry.set_rules(vec![Rule::on("/uploads/", Act::UploadElsewhere)]);
        push_to(&registry, &with_password(&registry, PASSWORD)).await.expect_err("refused");
        let elsewhere = registry.requests_elsewhere();
        assert_eq!(elsewhere.len(), 1, "the redirected blob, and no upload");
        assert!(elsewhere.iter().all(|seen| seen.authorization.is_none()));
    }
}

#[tokio::test]
async fn a_password_is_not_sent_to_a_realm_that_is_not_safe() {
    for realm in [
        "http://198.51.100.7/token",
        "http://metadata.google.internal/token",
        "https://169.254.169.254/token",
        "https://10.0.0.1/token",
        "ftp://127.0.0.1/token",
        "https://user:pw@example.com/token",
    ] {
        let service = TokenService { realm: Some(realm.to_owned()), ..known_user() };
        let (registry, _) = guarded(Login::Bearer(service)).await;
        let fault = pull(&registry, &with_password(&registry, PASSWORD)).await.expect_err("refused");
        assert_eq!(fault.reason(), Reason::RedirectRefused, "{realm}: {}", shown(&fault));
        assert_eq!(registry.requests().len(), 1, "{realm}");
    }
}

#[tokio::test]
async fn a_realm_that_is_no_url_is_not_guessed() {
    for realm in ["/token", "", "//127.0.0.1/token", "http://"] {
        let service = TokenService { realm: Some(realm.to_owned()), ..known_user() };
        let (registry, _) = guarded(Login::Bearer(service)).await;
        let fault = pull(&registry, &with_password(&registry, PASSWORD)).await.expect_err("refused");
        assert_eq!(fault.reason(), Reason::RegistryProtocol, "{realm}: {}", shown(&fault));
        assert_eq!(registry.requests().len(), 1, "{realm}");
    }
}

#[tokio::test]
async fn a_realm_that_is_not_what_it_says_gets_no_password_either() {
    let service = Registry::start();
    // TLS against a listener that speaks plain HTTP: nothing is sent before the handshake.
    let realm = Some(format!("https://{}/token", service.host()));
    let (registry, _) = guarded(Login::Bearer(TokenService { realm, ..known_user() })).await;
    let fault = pull(&registry, &with_password(&registry, PASSWORD)).await.expect_err("no TLS");
    assert_eq!(fault.reason(), Reason::RegistryTls, "{}", shown(&fault));
    assert!(fault.message().ends_with("does not speak TLS"), "{fault}");
    assert!(service.requests().is_empty());
    assert_eq!(registry.requests().len(), 1, "another handshake would end the same way");
}

#[tokio::test]
async fn no_message_shows_a_secret() {
    for (login, act) in [
        (Login::Basic("me", "other"), None),
        (Login::Bearer(TokenService { user: Some(("me", "other")), ..TokenService::default() }), None),
        (Login::Bearer(known_user()), Some(Act::Status(403))),
        (Login::Basic("me", PASSWORD), Some(Act::CutAfter(3))),
    ] {
        let (registry, _) = guarded(login).await;
        registry.set_rules(act.map(|act| Rule::on("/v2/", act)).into_iter().collect());
        let options = with_password(&registry, PASSWORD);
        let target = Target::create(&reference(&registry.reference("plugin:1")), &options).expect("a target");
        let pulled = pull(&registry, &options).await.expect_err("refused");
        let pushed = push(&target, &sample(1)).await.expect_err("refused");
        for text in [shown(&pulled), shown(&pushed), format!("{target:?}"), format!("{options:?}")] {
            for secret in [PASSWORD.to_owned(), STANDARD.encode(format!("me:{PASSWORD}")), "token-0".to_owned()] {
                assert!(!text.contains(&secret), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn reads_what_docker_login_leaves_behind() {
    let directory = tempfile::tempdir().expect("directory");
    let config = directory.path().join("config.json");
    let missing = directory.path().join("missing.json");
    let with_config = |text: String| {
        std::fs::write(&config, text).expect("written");
        with_configs(&[&missing, &config])
    };
    let (registry, _) = guarded(Login::Bearer(known_user())).await;
    let (host, auth) = (registry.host(), STANDARD.encode(format!("me:{PASSWORD}")));
    for key in [host.clone(), format!("https://{host}")] {
        let options = with_config(format!(r#"{{"auths":{{"{key}":{{"auth":"{auth}"}}}}}}"#));
        pull(&registry, &options).await.expect("pulled");
    }
    let options = with_config(format!(r#"{{"auths":{{"other.example":{{"auth":"{auth}"}}}}}}"#));
    let fault = pull(&registry, &options).await.expect_err("another registry's");
    assert!(fault.next_step().contains("no credentials"), "{}", fault.next_step());
    assert!(registry.requests().last().expect("asked").authorization.is_none());
}

#[tokio::test]
async fn exchanges_an_identity_token_by_post() {
    let directory = tempfile::tempdir().expect("directory");
    let config = directory.path().join("config.json");
    let service = TokenService { identity_token: Some("identity"), ..TokenService::default() };
    let (registry, _) = guarded(Login::Bearer(service)).await;
    let entry = format!(r#"{{"auths":{{"{}":{{"identitytoken":"identity"}}}}}}"#, registry.host());
    std::fs::write(&config, entry).expect("written");
    pull(&registry, &with_configs(&[&config])).await.expect("pulled");
    let token = registry.requests().into_iter().find(|seen| seen.path == "/token").expect("asked");
    assert_eq!((token.method.as_str(), token.query.as_str()), ("POST", ""), "the token is not in a URL");
}

#[tokio::test]
async fn a_registry_token_goes_to_the_registry_as_it_is_and_to_no_service() {
    let directory = tempfile::tempdir().expect("directory");
    let config = directory.path().join("config.json");
    let (registry, _) = guarded(Login::Bearer(known_user())).await;
    let entry = format!(r#"{{"auths":{{"{}":{{"registrytoken":"given","auth":"dTpw"}}}}}}"#, registry.host());
    std::fs::write(&config, entry).expect("written");
    push_to(&registry, &with_configs(&[&config])).await.expect_err("not one that this registry knows");
    let sent: Vec<_> = registry.requests().into_iter().filter_map(|seen| seen.authorization).collect();
    assert!(!sent.is_empty() && sent.iter().all(|sent| sent == "Bearer given"), "{sent:?}");
    assert!(registry.requests().iter().all(|seen| seen.path != "/token"), "no service sees it, or anything else");

    // A registry that asks for a password is not handed a token in its place.
    let (registry, _) = guarded(Login::Basic("me", PASSWORD)).await;
    std::fs::write(&config, format!(r#"{{"auths":{{"{}":{{"registrytoken":"given"}}}}}}"#, registry.host()))
        .expect("written");
    pull(&registry, &with_configs(&[&config])).await.expect_err("refused");
    assert!(registry.requests().iter().all(|seen| seen.authorization.is_none()));
}

#[tokio::test]
async fn a_key_with_a_path_is_for_the_repositories_below_it() {
    let directory = tempfile::tempdir().expect("directory");
    let config = directory.path().join("auth.json");
    let auth = STANDARD.encode(format!("me:{PASSWORD}"));
    for (path, is_ours) in [("/plugin", true), ("", true), ("/plug", false), ("/plugin/more", false), ("/team", false)]
    {
        let (registry, _) = guarded(Login::Basic("me", PASSWORD)).await;
        std::fs::write(&config, format!(r#"{{"auths":{{"{}{path}":{{"auth":"{auth}"}}}}}}"#, registry.host()))
            .expect("written");
        assert_eq!(pull(&registry, &with_configs(&[&config])).await.is_ok(), is_ours, "{path}");
    }
}

#[tokio::test]
async fn a_broken_credential_helper_stops_a_push_but_not_a_public_pull() {
    let directory = tempfile::tempdir().expect("directory");
    let config = directory.path().join("config.json");
    std::fs::write(&config, r#"{"credsStore":"is-not-installed-anywhere"}"#).expect("written");
    let options = with_configs(&[&config]);
    let service = TokenService { anonymous_pull: true, ..TokenService::default() };
    let (registry, _) = guarded(Login::Bearer(service)).await;
    pull(&registry, &options).await.expect("pulled");
    let fault = push_to(&registry, &options).await.expect_err("refused");
    assert_eq!(fault.reason(), Reason::RegistryDenied);
    assert!(fault.message().contains("`docker-credential-is-not-installed-anywhere` is not on the PATH"), "{fault}");

    let (registry, _) = guarded(Login::Bearer(known_user())).await;
    let fault = pull(&registry, &options).await.expect_err("private");
    assert!(
        shown(&fault).contains("`docker-credential-is-not-installed-anywhere` is not on the PATH"),
        "{}",
        shown(&fault)
    );
}

#[tokio::test]
async fn a_token_service_that_misbehaves_is_not_a_refusal() {
    for (act, reason) in [
        (Act::Status(500), Reason::RegistryUnavailable),
        (Act::Status(404), Reason::RegistryProtocol),
        (Act::Html, Reason::RegistryProtocol),
        (Act::Answer(200, vec![], br#"{"token":"a\r\nb"}"#.to_vec()), Reason::RegistryProtocol),
        (Act::Answer(200, vec![], b"{}".to_vec()), Reason::RegistryProtocol),
        (Act::Answer(200, vec![], br#"{"token":"","access_token":""}"#.to_vec()), Reason::RegistryProtocol),
        (Act::Answer(200, vec![], vec![b' '; (1 << 20) + 1]), Reason::RegistryProtocol),
        (Act::Answer(401, vec![], vec![]), Reason::RegistryDenied),
    ] {
        // The second registry plays the token service: its whole script is the act.
        let service = Registry::with_rules(vec![Rule::on("/", act.clone())]);
        let realm = Some(format!("http://{}/service", service.host()));
        let (registry, _) = guarded(Login::Bearer(TokenService { realm, ..known_user() })).await;
        let fault = pull(&registry, &with_password(&registry, PASSWORD)).await.expect_err("no token");
        assert_eq!(fault.reason(), reason, "{act:?}: {}", shown(&fault));
    }
}

/// Copies the sample's layer from `plugin` to `released`, at a registry that asks for tokens.
async fn promoted(service: TokenService) -> (Registry, Result<Pushed, String>) {
    let (registry, sample) = guarded(Login::Bearer(service)).await;
    let options = with_password(&registry, PASSWORD);
    let source = Target::open(&reference(&registry.reference("plugin:1")), &options).expect("a target");
    let target = Target::create(&reference(&registry.reference("released:1")), &options).expect("a target");
    let pushed = target.push_blob(&sample.layer, &BlobSource::from(source)).await;
    (registry, pushed.map_err(|fault| shown(&fault)))
}

fn queries(registry: &Registry, asks: impl Fn(&Seen) -> bool) -> Vec<String> {
    registry.requests().into_iter().filter(asks).map(|seen| seen.query).collect()
}

#[tokio::test]
async fn a_promotion_asks_for_a_token_that_reads_the_source_too() {
    let (registry, pushed) = promoted(known_user()).await;
    assert_eq!(pushed, Ok(Pushed::Mounted));
    assert_eq!(
        queries(&registry, |seen| seen.path == "/token"),
        [
            "service=test&scope=repository%3Areleased%3Apull%2Cpush",
            "service=test&scope=repository%3Areleased%3Apull%2Cpush&scope=repository%3Aplugin%3Apull",
        ]
    );
}

#[tokio::test]
async fn a_promotion_whose_token_reads_one_repository_is_sent() {
    let (registry, pushed) = promoted(TokenService { one_repository: true, ..known_user() }).await;
    assert_eq!(pushed, Ok(Pushed::Uploaded));
    let posts = queries(&registry, |seen| seen.method == "POST");
    assert_eq!(posts.last().map(String::as_str), Some(""), "an upload was begun: {posts:?}");
}

#[tokio::test]
async fn a_registry_that_hides_what_it_holds_is_asked_whether_it_wants_a_login() {
    for hidden in [403, 404] {
        let (registry, _) = guarded(Login::Basic("me", PASSWORD)).await;
        registry.set_rules(vec![Rule::on("/v2/plugin/", Act::HiddenFromNobody(hidden))]);
        pull(&registry, &with_password(&registry, PASSWORD)).await.unwrap_or_else(|fault| panic!("{hidden}: {fault}"));
        let asked: Vec<_> = registry.requests().iter().map(|seen| seen.path.clone()).collect();
        assert_eq!(asked.iter().filter(|path| *path == "/v2/").count(), 1, "{asked:?}");
        let nobody = pull(&registry, &options()).await.expect_err("hidden");
        let reason = if hidden == 403 { Reason::RegistryDenied } else { Reason::ReferenceNotFound };
        assert_eq!(nobody.reason(), reason, "{}", shown(&nobody));
    }
}

#[tokio::test]
async fn a_token_service_that_limits_is_given_its_time() {
    let later = Act::Answer(429, vec![("retry-after", "1".to_owned())], vec![]);
    let (registry, _) = guarded(Login::Bearer(known_user())).await;
    registry.set_rules(vec![Rule::on("/token", later).times(1)]);
    let began = std::time::Instant::now();
    pull(&registry, &with_password(&registry, PASSWORD)).await.expect("in the end");
    assert!(began.elapsed() >= std::time::Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_challenge_that_is_not_read_is_not_called_a_wrong_login() {
    let service = TokenService { realm: Some("x\\".to_owned()), ..known_user() };
    let (registry, _) = guarded(Login::Bearer(service)).await;
    let fault = pull(&registry, &with_password(&registry, PASSWORD)).await.expect_err("not read");
    assert!(shown(&fault).contains("a form that is not read"), "{}", shown(&fault));
    assert!(!registry.requests().iter().any(|seen| seen.path == "/token"));
}
