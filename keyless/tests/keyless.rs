//! Signing without a key that stays, against services on this machine: what they give is a bundle that the verifier takes,
//! and whatever one of them does wrong ends it at that step, in words, with nothing said to whoever comes behind it.

use std::time::Duration;

use aisoc_keyless::{
    BearerToken, ExpectedIdentity, IdentityToken, KeylessBundle, KeylessSigner, LogVersion, MAX_SERVICE_ANSWER_BYTES,
    MAX_STATEMENT_BYTES, Services, TokenSource,
};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::{
    CertificateFile, Certificates, ClientOptions, Limits, Proxies, ProxyVariable, Secret, signature_verifiers,
};
use aisoc_signing::proof::{Bundle, Proven, Subject, TrustedRoot, verify_bundle};
use aisoc_testkit::proxy::Proxy;
use aisoc_testkit::signing_services::{GITHUB, Misdeed, REQUEST_TOKEN, Role, SigningServices, WORKFLOW, github_claims};
use aisoc_testkit::tls;
use serde_json::{Value, json};

const IN_TOTO: &str = "application/vnd.in-toto+json";
const ARTIFACT: [u8; 32] = [9; 32];

fn statement() -> Vec<u8> {
    let digest = ARTIFACT.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let subject = json!([{"name": "demo", "digest": {"sha256": digest}}]);
    let statement = json!({"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": "urn:x", "predicate": {}});
    statement.to_string().into_bytes()
}

fn now() -> jiff::Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

fn patient(exchange: Duration) -> ClientOptions {
    let limits = Limits { exchange, idle: exchange, connect: exchange, ..Limits::default() };
    ClientOptions { limits, ..ClientOptions::default() }
}

fn github(services: &SigningServices) -> TokenSource {
    let bearer = BearerToken::new(zeroize::Zeroizing::new(REQUEST_TOKEN.as_bytes().to_vec()));
    TokenSource::GitHub { url: services.token_request_url(), bearer }
}

fn signer(services: &SigningServices, source: TokenSource, exchange: Duration) -> KeylessSigner {
    let at = |role| services.url(role).parse().expect("a URL");
    KeylessSigner {
        services: Services {
            fulcio: at(Role::Fulcio),
            rekor: at(Role::Rekor),
            rekor_version: LogVersion::First,
            timestamp_authority: Some(at(Role::Clock)),
        },
        source,
        expected: ExpectedIdentity::default(),
        options: patient(exchange),
        now: now(),
    }
}

fn run(signer: KeylessSigner, payload: &[u8]) -> Result<KeylessBundle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(signer.sign(IN_TOTO, payload))
}

fn signed(services: &SigningServices) -> Result<KeylessBundle> {
    run(signer(services, github(services), Duration::from_secs(5)), &statement())
}

fn judged(services: &SigningServices, made: &KeylessBundle) -> Result<Proven> {
    let root = services.trusted_root().to_string();
    let root = TrustedRoot::read("root", root.as_bytes(), signature_verifiers()).expect("a root");
    verify_bundle(&Bundle::read("bundle", &made.content)?, Subject::Digest(ARTIFACT), &root, &made.identity)
}

/// No word of a refusal is a secret's.
fn shown(fault: &Fault) -> String {
    let shown = format!("{fault:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("c2lnbmVkLWh1bnRlcj"), "{shown}");
    shown
}

fn asked(services: &SigningServices) -> Vec<Role> {
    services.heard().iter().map(|heard| heard.role).collect()
}

#[test]
fn what_was_signed_is_a_bundle_that_the_verifier_takes() {
    let services = SigningServices::start();
    let made = signed(&services).expect("signed");
    assert_eq!((made.name.as_str(), made.issuer.as_str()), (&*format!("https://github.com/{WORKFLOW}"), GITHUB));
    let proven = judged(&services, &made).expect("proven");
    assert_eq!(proven.signer.to_string(), made.name);
    assert_eq!(proven.predicate_type.as_deref(), Some("urn:x"));
    assert_eq!(proven.signed_at.len(), 2, "the log's time and the authority's: {proven:?}");
    assert_eq!(asked(&services), [Role::Issuer, Role::Fulcio, Role::Clock, Role::Rekor]);
    let bundle: Value = serde_json::from_slice(&made.content).expect("JSON");
    assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
}

fn signed_in_second(services: &SigningServices) -> Result<KeylessBundle> {
    let mut signer = signer(services, github(services), Duration::from_secs(5));
    signer.services.rekor_version = LogVersion::Second;
    run(signer, &statement())
}

#[test]
fn a_log_of_the_second_version_holds_it_and_the_authority_says_when() {
    let services = SigningServices::start();
    let made = signed_in_second(&services).expect("signed");
    let proven = judged(&services, &made).expect("proven");
    assert_eq!(proven.predicate_type.as_deref(), Some("urn:x"));
    assert_eq!(proven.signed_at.len(), 1, "the authority's time alone: {proven:?}");
    let bundle: Value = serde_json::from_slice(&made.content).expect("JSON");
    assert_eq!(bundle["verificationMaterial"]["tlogEntries"][0]["kindVersion"]["version"], "0.0.2");
    // Without who says when it would never count, so nobody is asked for anything.
    services.behave();
    let mut signer = signer(&services, github(&services), Duration::from_secs(5));
    signer.services = Services { rekor_version: LogVersion::Second, timestamp_authority: None, ..signer.services };
    assert_eq!(run(signer, &statement()).expect_err("no time").reason(), Reason::Usage);
    assert_eq!(asked(&services), []);
    for (misdeed, what) in [
        (Misdeed::OtherContent, "an entry of something else"),
        (Misdeed::OtherSignature, "another signature"),
        (Misdeed::OtherKey, "another certificate"),
    ] {
        services.behave();
        services.misbehave(Role::Rekor, misdeed);
        let fault = signed_in_second(&services).expect_err("refused");
        assert_eq!(fault.reason(), Reason::SigningServiceMismatch, "{misdeed:?}: {}", shown(&fault));
        assert!(fault.message().contains(what) && fault.difference().is_some(), "{misdeed:?}: {}", shown(&fault));
    }
    for misdeed in [Misdeed::OtherInstance, Misdeed::FalseProof, Misdeed::NoProof] {
        services.behave();
        services.misbehave(Role::Rekor, misdeed);
        let made = signed_in_second(&services).expect("what was asked for");
        let fault = judged(&services, &made).expect_err("not proven");
        let reasons = [Reason::ProofMalformed, Reason::ProofLogRefused];
        assert!(reasons.contains(&fault.reason()), "{misdeed:?}: {}", shown(&fault));
    }
    // A log of the other version has no such place.
    services.behave();
    services.misbehave(Role::Rekor, Misdeed::Status(404));
    assert_eq!(signed_in_second(&services).expect_err("none").reason(), Reason::SigningServiceRefused);
}

#[test]
fn a_token_that_is_there_already_does_and_so_does_an_instance_without_timestamps() {
    let services = SigningServices::start();
    for (claims, name) in [
        (github_claims(), format!("https://github.com/{WORKFLOW}")),
        (
            json!({"iss": "https://issuer.test", "sub": "1", "aud": ["sigstore"], "exp": 4_102_444_800_i64,
            "email": "a@b.test", "email_verified": true}),
            "a@b.test".to_owned(),
        ),
    ] {
        let token = IdentityToken::read(services.token(&claims).as_bytes(), "`f`", now()).expect("a token");
        let mut signer = signer(&services, TokenSource::Given(token), Duration::from_secs(5));
        signer.services.timestamp_authority = None;
        let made = run(signer, &statement()).expect("signed");
        let proven = judged(&services, &made).expect("proven");
        assert_eq!((proven.signer.to_string(), proven.signed_at.len()), (name, 1));
    }
    assert!(!asked(&services).contains(&Role::Issuer) && !asked(&services).contains(&Role::Clock));
}

#[test]
fn the_token_goes_to_the_authority_alone_and_each_key_is_used_once() {
    let services = SigningServices::start();
    signed(&services).expect("signed");
    signed(&services).expect("signed");
    let token = |heard: &[u8]| heard.windows(8).any(|part| part == b".c2lnbmV");
    let mut certified = Vec::new();
    for heard in services.heard() {
        assert_eq!(token(&heard.body), heard.role == Role::Fulcio, "{heard:?}");
        assert_eq!(heard.authorization.is_some(), heard.role == Role::Issuer, "{heard:?}");
        assert!(!heard.path.contains("hunter2"), "{heard:?}");
        if heard.role == Role::Fulcio {
            let asked: Value = serde_json::from_slice(&heard.body).expect("JSON");
            certified.push(asked["publicKeyRequest"]["publicKey"]["content"].clone());
        }
    }
    assert_eq!(certified.len(), 2);
    assert_ne!(certified[0], certified[1]);
}

#[test]
fn a_service_that_gives_something_else_is_named_with_what_differs() {
    let services = SigningServices::start();
    for (role, misdeed, reason, what) in [
        (Role::Issuer, Misdeed::Expired, Reason::IdentityTokenInvalid, "has expired"),
        (Role::Issuer, Misdeed::OtherAudience, Reason::IdentityTokenInvalid, "for somebody else"),
        (Role::Fulcio, Misdeed::OtherKey, Reason::SigningServiceMismatch, "a certificate for another key"),
        (Role::Fulcio, Misdeed::OtherName, Reason::SigningServiceMismatch, "a certificate of another identity"),
        (Role::Fulcio, Misdeed::OtherIssuer, Reason::SigningServiceMismatch, "a certificate of another identity"),
        (Role::Fulcio, Misdeed::Detached, Reason::SigningServiceMismatch, "does not say that a log holds it"),
        (Role::Clock, Misdeed::OtherNonce, Reason::SigningServiceMismatch, "another question"),
        (Role::Clock, Misdeed::OtherContent, Reason::SigningServiceMismatch, "about another signature"),
        (Role::Clock, Misdeed::NotGranted, Reason::SigningServiceMismatch, "has granted none"),
        (Role::Rekor, Misdeed::OtherContent, Reason::SigningServiceMismatch, "an entry of something else"),
        (Role::Rekor, Misdeed::OtherSignature, Reason::SigningServiceMismatch, "another signature"),
        (Role::Rekor, Misdeed::OtherKey, Reason::SigningServiceMismatch, "another certificate"),
    ] {
        services.behave();
        services.misbehave(role, misdeed);
        let fault = signed(&services).expect_err("refused");
        assert_eq!(fault.reason(), reason, "{misdeed:?}: {}", shown(&fault));
        assert!(fault.message().contains(what), "{misdeed:?}: {}", shown(&fault));
        assert!(fault.message().contains("127.0.0.1:"), "{misdeed:?}: {}", shown(&fault));
        assert!(fault.difference().is_some(), "{misdeed:?}: {}", shown(&fault));
        assert_eq!(asked(&services).last(), Some(&role), "nobody is asked behind it: {misdeed:?}");
    }
}

#[test]
fn what_only_the_trusted_root_can_say_is_said_by_the_verifier() {
    let services = SigningServices::start();
    for (role, misdeed, reason) in [
        (Role::Fulcio, Misdeed::OtherInstance, Reason::ProofCertificateRefused),
        (Role::Clock, Misdeed::OtherInstance, Reason::ProofTimestampRefused),
        (Role::Rekor, Misdeed::OtherInstance, Reason::ProofMalformed),
        (Role::Rekor, Misdeed::FalseProof, Reason::ProofMalformed),
        (Role::Rekor, Misdeed::NoProof, Reason::ProofMalformed),
    ] {
        services.behave();
        services.misbehave(role, misdeed);
        let made = signed(&services).expect("what was asked for");
        let fault = judged(&services, &made).expect_err("not proven");
        assert_eq!(fault.reason(), reason, "{misdeed:?}: {}", shown(&fault));
    }
}

#[test]
fn a_service_that_refuses_leads_elsewhere_or_is_out_of_order_ends_it() {
    let services = SigningServices::start();
    for role in [Role::Issuer, Role::Fulcio, Role::Clock, Role::Rekor] {
        for (misdeed, reason) in [
            (Misdeed::Status(400), Reason::SigningServiceRefused),
            (Misdeed::Status(401), Reason::SigningServiceRefused),
            (Misdeed::Status(429), Reason::SigningServiceUnavailable),
            (Misdeed::Status(500), Reason::SigningServiceUnavailable),
            (Misdeed::Status(503), Reason::SigningServiceUnavailable),
            (Misdeed::Leads(302), Reason::SigningServiceRefused),
            (Misdeed::Leads(307), Reason::SigningServiceRefused),
            (Misdeed::Garbage, Reason::SigningServiceMismatch),
            (Misdeed::Endless, Reason::SigningServiceMismatch),
        ] {
            services.behave();
            services.misbehave(role, misdeed);
            let fault = signed(&services).expect_err("refused");
            assert_eq!(fault.reason(), reason, "{role:?} {misdeed:?}: {}", shown(&fault));
            assert_eq!(asked(&services).last(), Some(&role), "{role:?} {misdeed:?}");
            assert_eq!(asked(&services).iter().filter(|one| **one == role).count(), 1, "nothing is sent twice");
            if misdeed == Misdeed::Endless {
                assert!(shown(&fault).contains(&MAX_SERVICE_ANSWER_BYTES.to_string()), "{}", shown(&fault));
            }
        }
    }
}

#[test]
fn a_service_that_is_slow_or_silent_is_waited_for_so_long() {
    let services = SigningServices::start();
    for role in [Role::Issuer, Role::Fulcio, Role::Clock, Role::Rekor] {
        for misdeed in [Misdeed::Silence, Misdeed::Drips] {
            services.behave();
            services.misbehave(role, misdeed);
            let began = std::time::Instant::now();
            let slow = signer(&services, github(&services), Duration::from_millis(300));
            let fault = run(slow, &statement()).expect_err("given up");
            assert_eq!(fault.reason(), Reason::SigningServiceUnavailable, "{role:?} {misdeed:?}: {}", shown(&fault));
            assert!(began.elapsed() < Duration::from_secs(4), "{role:?} {misdeed:?}: {:?}", began.elapsed());
            assert_eq!(asked(&services).last(), Some(&role));
        }
    }
}

#[test]
fn nobody_is_asked_where_nobody_listens_or_where_a_secret_would_be_seen() {
    let services = SigningServices::start();
    let mut gone = signer(&services, github(&services), Duration::from_secs(5));
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    gone.services.fulcio = format!("http://{free}").parse().expect("a URL");
    let fault = run(gone, &statement()).expect_err("nobody there");
    assert_eq!(fault.reason(), Reason::SigningServiceUnavailable, "{}", shown(&fault));
    let bearer = BearerToken::new(zeroize::Zeroizing::new(b"hunter2".to_vec()));
    let plain = TokenSource::GitHub { url: "http://ci.example/token".to_owned(), bearer };
    let fault = run(signer(&services, plain, Duration::from_secs(5)), &statement()).expect_err("no TLS");
    assert_eq!(fault.reason(), Reason::IdentityTokenInvalid, "{}", shown(&fault));
    let bearer = BearerToken::new(zeroize::Zeroizing::new(b"hunter2\nhunter2".to_vec()));
    let broken = TokenSource::GitHub { url: services.token_request_url(), bearer };
    let fault = run(signer(&services, broken, Duration::from_secs(5)), &statement()).expect_err("no header");
    assert_eq!(fault.reason(), Reason::IdentityTokenInvalid, "{}", shown(&fault));
}

#[test]
fn an_identity_that_was_named_is_what_the_certificate_has_to_be_of() {
    let services = SigningServices::start();
    let mut other = signer(&services, github(&services), Duration::from_secs(5));
    other.expected.name = Some("https://github.com/team/other".to_owned());
    let fault = run(other, &statement()).expect_err("somebody else");
    assert_eq!(fault.reason(), Reason::SigningServiceMismatch, "{}", shown(&fault));
    assert_eq!(asked(&services), [Role::Issuer, Role::Fulcio], "no log is told anything");
}

#[test]
fn a_statement_has_an_end_below_that_of_a_bundle() {
    let services = SigningServices::start();
    let of = |bytes: usize| {
        let mut statement = statement();
        let room = bytes - statement.len() - 2;
        statement.truncate(statement.len() - 1);
        // The predicate is the second last member.
        let text = String::from_utf8(statement)
            .expect("UTF-8")
            .replace(r#""predicate":{}"#, &format!(r#""predicate":{{"a":"{}"}}"#, "x".repeat(room - 4)));
        format!("{text}}}").into_bytes()
    };
    for bytes in [MAX_STATEMENT_BYTES - 1, MAX_STATEMENT_BYTES] {
        let statement = of(bytes);
        assert_eq!(statement.len(), bytes);
        let made = run(signer(&services, github(&services), Duration::from_secs(30)), &statement).expect("signed");
        judged(&services, &made).expect("a bundle that is read");
    }
    services.behave();
    let large = of(MAX_STATEMENT_BYTES + 1);
    let fault = run(signer(&services, github(&services), Duration::from_secs(30)), &large).expect_err("too large");
    assert_eq!(fault.reason(), Reason::AttestationInvalid);
    assert!(asked(&services).is_empty());
}

/// Fulcio behind TLS and a proxy, by a name that nothing here resolves.
fn behind_a_proxy(services: &SigningServices, shows: &str, trusts: Option<&str>) -> (KeylessSigner, Proxy) {
    let host = services.url(Role::Fulcio).trim_start_matches("http://").to_owned();
    let proxy = Proxy::to(&tls::serve(shows, &host).to_string());
    let mut signer = signer(services, github(services), Duration::from_secs(5));
    signer.services.fulcio = "https://registry.corp".parse().expect("a URL");
    let variable = ProxyVariable { name: "HTTPS_PROXY", value: Secret::new(proxy.host()) };
    signer.options.proxies = Proxies { https: Some(variable), ..Proxies::default() };
    let file = |name| CertificateFile { named_by: "--ca-file", path: tls::certificate(name) };
    signer.options.certificates = Certificates { added: trusts.map(file), ..Certificates::default() };
    (signer, proxy)
}

#[test]
fn a_service_behind_tls_and_a_proxy_is_asked_where_its_certificate_counts() {
    let services = SigningServices::start();
    let (trusting, _proxy) = behind_a_proxy(&services, "issued", Some("authority"));
    let made = run(trusting, &statement()).expect("signed");
    judged(&services, &made).expect("proven");
    for (shows, trusts) in [("issued", None), ("self", Some("authority"))] {
        services.behave();
        let (wary, _proxy) = behind_a_proxy(&services, shows, trusts);
        let fault = run(wary, &statement()).expect_err("not trusted");
        assert_eq!(fault.reason(), Reason::SigningServiceRefused, "{}", shown(&fault));
        assert!(fault.next_step().contains("--ca-file"), "{}", fault.next_step());
        assert_eq!(asked(&services), [Role::Issuer], "no token leaves: {shows}");
    }
}
