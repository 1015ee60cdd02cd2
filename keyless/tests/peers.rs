//! Beside the programs themselves: Fulcio, Rekor's second version and the timestamp authority of sigstore, built from their Go modules
//! (`checks/interop/peers/install`). Skipped, with a line that says so, where they are not there.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aisoc_keyless::{ExpectedIdentity, IdentityToken, KeylessSigner, LogVersion, Services, TokenSource};
use aisoc_registry_client::{ClientOptions, signature_verifiers};
use aisoc_signing::proof::{Bundle, Constraint, Identity, Subject, TrustedRoot, verify_bundle};
use aisoc_testkit::jwt;
use aisoc_testkit::signing_services::{Role, SigningServices};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const EXPIRES: i64 = 4_102_444_800;
const ARTIFACT: [u8; 32] = [9; 32];
/// How long a program may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where `checks/interop/peers/install` puts programs.
fn peer(name: &str) -> Option<PathBuf> {
    let cache = || {
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).map(|cache| cache.join("aisoc-peers"))
    };
    let directory = std::env::var_os("AISOC_PEERS_DIR").map(PathBuf::from).or_else(cache)?;
    Some(directory.join("bin").join(name)).filter(|path| path.is_file())
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Running {
    fn start(command: &mut Command, at: SocketAddr) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        let began = Instant::now();
        // Whoever asks a port of this machine at which nobody listens may be given that very port, and reaches himself.
        let listens = || TcpStream::connect(at).is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own != at));
        while !listens() {
            assert!(began.elapsed() < PATIENCE, "{command:?} does not listen at {at}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self(child)
    }
}

/// A port that nobody has is somebody's a moment later: whoever starts programs does it alone.
fn alone() -> MutexGuard<'static, ()> {
    static STARTING: Mutex<()> = Mutex::new(());
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address")
}

/// An issuer of tokens (OpenID Connect Discovery 1.0), and a log of certificates that promises everything (RFC 6962, 4.2).
fn issuer_and_log() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a head") == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).expect("UTF-8").to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).expect("a body");
            let url = format!("http://{at}");
            let answer = if head.contains("/.well-known/openid-configuration ") {
                json!({"issuer": url, "jwks_uri": format!("{url}/keys"), "authorization_endpoint": url, "token_endpoint": url,
                    "id_token_signing_alg_values_supported": ["ES256"], "subject_types_supported": ["public"],
                    "response_types_supported": ["id_token"]})
            } else if head.contains("/keys ") {
                jwt::key_set()
            } else {
                // SHA-256, ECDSA, and a signature that nobody verifies here.
                let signature = STANDARD.encode([4, 3, 0, 8, 0x30, 6, 2, 1, 1, 2, 1, 1]);
                json!({"sct_version": 0, "id": STANDARD.encode([7; 32]), "timestamp": 1, "extensions": "", "signature": signature})
            };
            let answer = answer.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                answer.len()
            );
            stream.write_all(&[head.as_bytes(), answer.as_bytes()].concat()).expect("answered");
        }
    });
    at
}

fn sign(services: Services, token: &str) -> aisoc_manifests::fault::Result<Value> {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let signer = KeylessSigner {
        services,
        source: TokenSource::Given(IdentityToken::read(token.as_bytes(), "`f`", now)?),
        expected: ExpectedIdentity::default(),
        options: ClientOptions::default(),
        now,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let digest = ARTIFACT.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let statement = json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:x", "predicate": {},
        "subject": [{"name": "demo", "digest": {"sha256": digest}}]});
    let made = runtime.block_on(signer.sign("application/vnd.in-toto+json", statement.to_string().as_bytes()))?;
    Ok(serde_json::from_slice(&made.content).expect("JSON"))
}

/// Fulcio certifies our key by our proof that we have it, and the token that its issuer signed; the certificate is of who
/// was asked for, which the client holds it against.
#[test]
fn fulcio_takes_the_request_and_the_token() {
    let Some(program) = peer("fulcio") else {
        println!("skipped: no `fulcio`; checks/interop/peers/install builds it");
        return;
    };
    let _alone = alone();
    let (issuer, http, grpc, metrics) = (issuer_and_log(), free(), free(), free());
    let directory = std::env::temp_dir().join(format!("aisoc-fulcio-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("made");
    let config = directory.join("config.yaml");
    let of = format!("http://{issuer}");
    let text = format!("oidc-issuers:\n  {of}:\n    issuer-url: {of}\n    client-id: sigstore\n    type: email\n");
    std::fs::write(&config, text).expect("written");
    let mut command = Command::new(program);
    command.current_dir(&directory).args([
        "serve",
        "--ca",
        "ephemeralca",
        "--host",
        "127.0.0.1",
        "--grpc-host",
        "127.0.0.1",
    ]);
    command.args([&format!("--port={}", http.port()), &format!("--grpc-port={}", grpc.port())]);
    command.args([&format!("--metrics-port={}", metrics.port()), &format!("--ct-log-url={of}")]);
    command.arg(format!("--legacy-unix-domain-socket={}", directory.join("socket").display()));
    command.arg(format!("--config-path={}", config.display()));
    let _fulcio = Running::start(&mut command, http);

    let ours = SigningServices::start();
    let services = || Services {
        fulcio: format!("http://{http}").parse().expect("a URL"),
        rekor: ours.url(Role::Rekor).parse().expect("a URL"),
        rekor_version: LogVersion::First,
        timestamp_authority: None,
    };
    let claims = |more: Value| {
        let mut claims = json!({"iss": of, "sub": "1", "aud": "sigstore", "exp": EXPIRES, "iat": 1, "email": "a@b.test", "email_verified": true});
        more.as_object().expect("an object").iter().for_each(|(name, value)| claims[name] = value.clone());
        claims.to_string()
    };
    let header = r#"{"alg":"ES256","kid":"p256"}"#;
    let bundle = sign(services(), &jwt::token("p256", header, &claims(json!({})))).expect("signed");
    assert!(bundle["verificationMaterial"]["certificate"]["rawBytes"].is_string(), "{bundle}");
    assert_eq!(ours.heard().len(), 1, "the log alone");

    // A token that its issuer has not signed.
    let mut forged = jwt::token("p256", header, &claims(json!({})));
    forged.truncate(forged.len() - 8);
    let fault = sign(services(), &format!("{forged}AAAAAAAA")).expect_err("forged");
    assert_eq!(fault.reason().as_str(), "signing_service_refused", "{fault:?}");
    std::fs::remove_dir_all(&directory).expect("removed");
}

/// The authority answers our question with our nonce, over our signature, and brings no certificate.
#[test]
fn the_timestamp_authority_takes_the_question() {
    let Some(program) = peer("timestamp-server") else {
        println!("skipped: no `timestamp-server`; checks/interop/peers/install builds it");
        return;
    };
    let _alone = alone();
    let at = free();
    let mut command = Command::new(program);
    command.args(["serve", "--host", "127.0.0.1", "--timestamp-signer", "memory", "--disable-ntp-monitoring"]);
    command.arg(format!("--port={}", at.port()));
    let _authority = Running::start(&mut command, at);
    let ours = SigningServices::start();
    let services = Services {
        fulcio: ours.url(Role::Fulcio).parse().expect("a URL"),
        rekor: ours.url(Role::Rekor).parse().expect("a URL"),
        rekor_version: LogVersion::First,
        timestamp_authority: Some(format!("http://{at}/api/v1/timestamp").parse().expect("a URL")),
    };
    let claims = json!({"iss": "https://issuer.test", "sub": "1", "aud": "sigstore", "exp": EXPIRES});
    let bundle = sign(services, &ours.token(&claims)).expect("signed");
    let stamps = &bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
    assert!(stamps[0]["signedTimestamp"].is_string(), "{bundle}");
}

/// A log of tiles takes what we tell it of a signature, and what it gives counts for our verifier by a trusted root that names
/// its key.
#[test]
fn rekor_of_the_second_version_takes_the_entry_and_what_it_gives_counts() {
    let Some(program) = peer("rekor-server") else {
        println!("skipped: no `rekor-server`; checks/interop/peers/install builds it");
        return;
    };
    let _alone = alone();
    let (http, grpc, metrics) = (free(), free(), free());
    let tiles = std::env::temp_dir().join(format!("aisoc-rekor-{}", std::process::id()));
    std::fs::create_dir_all(&tiles).expect("made");
    let mut command = Command::new(program);
    command.args(["serve", "--hostname", "log.test", "--checkpoint-interval", "1s", "--batch-max-age", "100ms"]);
    command.arg("--storage-dir").arg(&tiles).arg("--signer-filepath").arg(jwt::file("TEST-ONLY-p256.pem"));
    for (option, at) in [("--http-port", http), ("--grpc-port", grpc), ("--http-metrics-port", metrics)] {
        command.args([option, &at.port().to_string()]);
    }
    let _rekor = Running::start(&mut command, http);
    let ours = SigningServices::start();
    let at = |role| ours.url(role).parse().expect("a URL");
    let services = || Services {
        fulcio: at(Role::Fulcio),
        rekor: format!("http://{http}").parse().expect("a URL"),
        rekor_version: LogVersion::Second,
        timestamp_authority: Some(at(Role::Clock)),
    };
    let name = "https://github.com/team/demo/.github/workflows/release.yml@refs/heads/main";
    let claims = json!({"iss": "https://issuer.test", "sub": name, "aud": "sigstore", "exp": EXPIRES});
    let bundle = sign(services(), &ours.token(&claims)).expect("signed");
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    assert_eq!(entry["kindVersion"], json!({"kind": "hashedrekord", "version": "0.0.2"}), "{bundle}");
    let mut root = ours.trusted_root();
    let judged = |root: &Value| {
        let root = TrustedRoot::read("root", root.to_string().as_bytes(), signature_verifiers()).expect("a root");
        let [name, issuer] = [name, "https://issuer.test"].map(|text| Constraint::exact(text).expect("a name"));
        let bundle = Bundle::read("bundle", bundle.to_string().as_bytes()).expect("a bundle");
        verify_bundle(&bundle, Subject::Digest(ARTIFACT), &root, &Identity { name, issuer })
    };
    assert!(judged(&root).is_err(), "a log that nobody knows");
    let log = json!({
        "baseUrl": format!("http://{http}"),
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(jwt::public_key("p256")),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": "2024-01-01T00:00:00Z"},
        },
        "logId": entry["logId"],
    });
    root["tlogs"].as_array_mut().expect("logs").push(log);
    judged(&root).expect("proven");
    std::fs::remove_dir_all(&tiles).expect("removed");
}
