//! `SigningServices`: those by which is signed without a key that stays, on this machine, each at a port of its own: an
//! issuer of tokens as GitHub Actions has it, Fulcio (`/api/v2/signingCert`), Rekor (`/api/v1/log/entries`, and
//! `/api/v2/log/entries` of its second version) and a timestamp
//! authority (RFC 3161). They speak the protocols, hold what they are sent against them, remember it, and misbehave on
//! demand. What they give is of a [`Sigstore`].

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::sigstore::{Signer, Sigstore, hex, pem, sequence, tlv};

/// What a job shows the issuer to get a token.
pub const REQUEST_TOKEN: &str = "job-may-ask-hunter2";
/// The issuer that GitHub's tokens name.
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";
/// What such a token is of.
pub const WORKFLOW: &str = "team/demo/.github/workflows/release.yml@refs/heads/main";
/// How every SubjectPublicKeyInfo of P-256 begins, up to its point.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3,
    0x42, 0,
];
const POINT_BYTES: usize = 65;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who gives tokens.
    Issuer,
    /// Who gives certificates.
    Fulcio,
    /// Who keeps a log.
    Rekor,
    /// Who vouches for times.
    Clock,
    /// Somebody else, who has to hear nothing.
    Elsewhere,
}

const ROLES: [Role; 5] = [Role::Issuer, Role::Fulcio, Role::Rekor, Role::Clock, Role::Elsewhere];

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    /// Answers with that status.
    Status(u16),
    /// Leads to who has to hear nothing.
    Leads(u16),
    /// Never answers.
    Silence,
    /// Never stops.
    Endless,
    /// A byte now and then.
    Drips,
    /// Answers with what is nothing of the kind.
    Garbage,
    /// Does what was asked with the same document, but with another key: of Fulcio its certificate, of Rekor the
    /// certificate of its entry.
    OtherKey,
    /// Names somebody else.
    OtherName,
    /// Names another issuer.
    OtherIssuer,
    /// Says beside the certificate that a log has it.
    Detached,
    /// Does it for other content.
    OtherContent,
    /// Of Rekor: gives a signature that is not the one that it was given.
    OtherSignature,
    /// Of Rekor: its proof does not hold.
    FalseProof,
    /// Of Rekor: without what proves that it has it.
    NoProof,
    /// Of the clock: answers another question.
    OtherNonce,
    /// Of the clock: does not grant it.
    NotGranted,
    /// Is another instance, with keys of its own.
    OtherInstance,
    /// Of the issuer: a token whose time is over.
    Expired,
    /// Of the issuer: a token for somebody else.
    OtherAudience,
}

/// What one of them was asked.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Which of them.
    pub role: Role,
    /// The path and the query.
    pub path: String,
    /// The header of that name.
    pub authorization: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

struct Shared {
    sigstore: Sigstore,
    addresses: Vec<(Role, SocketAddr)>,
    misdeeds: Mutex<Vec<(Role, Misdeed)>>,
    heard: Mutex<Vec<Heard>>,
    tokens: Mutex<Vec<String>>,
}

/// The services of one instance.
pub struct SigningServices {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Reply = Result<Response<UnsyncBoxBody<Bytes, std::io::Error>>, std::io::Error>;

impl Default for SigningServices {
    fn default() -> Self {
        Self::start()
    }
}

impl SigningServices {
    /// Starts them.
    pub fn start() -> Self {
        let bound = ROLES.map(|role| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.set_nonblocking(true).expect("a listener for the runtime");
            (role, listener.local_addr().expect("an address"), listener)
        });
        let addresses = bound.iter().map(|(role, address, _)| (*role, *address)).collect();
        let shared = Arc::new(Shared {
            sigstore: Sigstore::default(),
            addresses,
            misdeeds: Mutex::default(),
            heard: Mutex::default(),
            tokens: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                for (role, _, listener) in bound {
                    tokio::spawn(accept(listener, role, Arc::clone(&of_thread)));
                }
                drop(stopped.await);
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        Self { shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Where one of them is.
    pub fn url(&self, role: Role) -> String {
        self.shared.url(role)
    }

    /// What a job of GitHub Actions is told to ask for a token.
    pub fn token_request_url(&self) -> String {
        format!("{}/token?api-version=2.0", self.url(Role::Issuer))
    }

    /// The trusted root by which everything counts that they give.
    pub fn trusted_root(&self) -> Value {
        self.shared.sigstore.trusted_root()
    }

    /// A token with those claims, as its issuer gives it.
    pub fn token(&self, claims: &Value) -> String {
        self.shared.token(claims)
    }

    /// Misbehaves from now on.
    pub fn misbehave(&self, role: Role, misdeed: Misdeed) {
        held(&self.shared.misdeeds).push((role, misdeed));
    }

    /// Behaves again, and forgets what it has heard.
    pub fn behave(&self) {
        held(&self.shared.misdeeds).clear();
        held(&self.shared.heard).clear();
    }

    /// What they were asked, in order.
    pub fn heard(&self) -> Vec<Heard> {
        held(&self.shared.heard).clone()
    }
}

impl Drop for SigningServices {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The claims of a job of GitHub Actions, until the year 2100.
pub fn github_claims() -> Value {
    json!({
        "iss": GITHUB,
        "sub": "repo:team/demo:ref:refs/heads/main",
        "aud": "sigstore",
        "exp": 4_102_444_800_i64,
        "job_workflow_ref": WORKFLOW,
    })
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: std::net::TcpListener, role: Role, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { shared.answer(role, request).await }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Shared {
    fn url(&self, role: Role) -> String {
        let (_, address) = self.addresses.iter().find(|(one, _)| *one == role).expect("each has one");
        format!("http://{address}")
    }

    fn does(&self, role: Role, misdeed: Misdeed) -> bool {
        held(&self.misdeeds).contains(&(role, misdeed))
    }

    fn token(&self, claims: &Value) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(&claims.to_string()), part("signed-hunter2"));
        held(&self.tokens).push(token.clone());
        token
    }

    async fn answer(&self, role: Role, request: Request<Incoming>) -> Reply {
        let authorization =
            request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let path = request.uri().to_string();
        let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes().to_vec();
        held(&self.heard).push(Heard {
            role,
            path: path.clone(),
            authorization: authorization.clone(),
            body: body.clone(),
        });
        let misdeeds: Vec<Misdeed> =
            held(&self.misdeeds).iter().filter(|(at, _)| *at == role).map(|(_, it)| *it).collect();
        for misdeed in misdeeds {
            match misdeed {
                Misdeed::Status(status) => return Ok(reply(status, b"{\"message\":\"hunter2\"}".to_vec())),
                Misdeed::Leads(status) => {
                    let mut answer = reply(status, Vec::new());
                    let to = format!("{}{path}", self.url(Role::Elsewhere));
                    answer.headers_mut().insert(LOCATION, to.parse().expect("a header"));
                    return Ok(answer);
                }
                Misdeed::Silence => std::future::pending().await,
                Misdeed::Endless => return Ok(without_end(Bytes::from(vec![b' '; 64 << 10]), Duration::ZERO)),
                Misdeed::Drips => return Ok(without_end(Bytes::from_static(b" "), Duration::from_millis(20))),
                Misdeed::Garbage => return Ok(reply(201, b"<html>no</html>".to_vec())),
                _ => {}
            }
        }
        let answered = match role {
            Role::Issuer => self.gives_token(&path, authorization.as_deref()),
            Role::Fulcio => self.certifies(&path, &body),
            Role::Rekor => self.logs(&path, &body),
            Role::Clock => self.stamps(&body),
            Role::Elsewhere => None,
        };
        Ok(answered.unwrap_or_else(|| reply(400, b"{\"message\":\"as the protocol does not have it\"}".to_vec())))
    }

    fn gives_token(
        &self,
        path: &str,
        authorization: Option<&str>,
    ) -> Option<Response<UnsyncBoxBody<Bytes, std::io::Error>>> {
        let is_asked = path == "/token?api-version=2.0&audience=sigstore";
        if !is_asked || authorization != Some(&format!("Bearer {REQUEST_TOKEN}")) {
            return None;
        }
        let mut claims = github_claims();
        if self.does(Role::Issuer, Misdeed::Expired) {
            claims["exp"] = json!(1_000);
        }
        if self.does(Role::Issuer, Misdeed::OtherAudience) {
            claims["aud"] = json!("https://github.com/team");
        }
        Some(reply(200, json!({"count": 1, "value": self.token(&claims)}).to_string().into_bytes()))
    }

    fn certifies(&self, path: &str, body: &[u8]) -> Option<Response<UnsyncBoxBody<Bytes, std::io::Error>>> {
        let asked: Value = serde_json::from_slice(body).ok().filter(|_| path == "/api/v2/signingCert")?;
        let token = asked["credentials"]["oidcIdentityToken"].as_str()?;
        if !held(&self.tokens).iter().any(|given| given == token) {
            return Some(reply(401, Vec::new()));
        }
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?).ok()?;
        let mut key = der(asked["publicKeyRequest"]["publicKey"]["content"].as_str()?, "PUBLIC KEY")?;
        let challenge = claims["email"].as_str().or_else(|| claims["sub"].as_str())?;
        let proof = STANDARD.decode(asked["publicKeyRequest"]["proofOfPossession"].as_str()?).ok()?;
        verifies(&key, challenge.as_bytes(), &proof).then_some(())?;
        if self.does(Role::Fulcio, Misdeed::OtherKey) {
            key = der(&crate::sigstore::other_key().pem, "PUBLIC KEY")?;
        }
        let name = claims["job_workflow_ref"].as_str().map(|workflow| format!("https://github.com/{workflow}"));
        let mut name = name.unwrap_or_else(|| challenge.to_owned());
        if self.does(Role::Fulcio, Misdeed::OtherName) {
            "https://github.com/somebody/else".clone_into(&mut name);
        }
        let mut issuer = claims["iss"].as_str()?;
        if self.does(Role::Fulcio, Misdeed::OtherIssuer) {
            issuer = "https://somebody.test";
        }
        let who = Signer { identity: &name, issuer };
        let certificate = match self.does(Role::Fulcio, Misdeed::OtherInstance) {
            true => Sigstore::numbered(2).certificate_for(who, &key),
            false => self.sigstore.certificate_for(who, &key),
        };
        let chain = json!({"chain": {"certificates": [pem(&certificate)]}});
        let member = match self.does(Role::Fulcio, Misdeed::Detached) {
            true => "signedCertificateDetachedSct",
            false => "signedCertificateEmbeddedSct",
        };
        Some(reply(200, json!({member: chain}).to_string().into_bytes()))
    }

    fn logs(&self, path: &str, body: &[u8]) -> Option<Response<UnsyncBoxBody<Bytes, std::io::Error>>> {
        let asked: Value = serde_json::from_slice(body).ok()?;
        match path {
            "/api/v1/log/entries" => self.logs_first(&asked),
            "/api/v2/log/entries" => self.logs_second(&asked),
            _ => None,
        }
    }

    /// A log of tiles is told a digest and who has signed it, and gives the entry as bundles have it.
    fn logs_second(&self, asked: &Value) -> Option<Response<UnsyncBoxBody<Bytes, std::io::Error>>> {
        let asked = &asked["hashedRekordRequestV002"];
        let digest = STANDARD.decode(asked["digest"].as_str()?).ok()?;
        let verifier = &asked["signature"]["verifier"];
        (verifier["keyDetails"] == "PKIX_ECDSA_P256_SHA_256").then_some(())?;
        let certificate = STANDARD.decode(verifier["x509Certificate"]["rawBytes"].as_str()?).ok()?;
        let at = certificate.windows(P256.len()).rposition(|part| part == P256)?;
        let key = certificate.get(at..at + P256.len() + POINT_BYTES)?;
        let signature = asked["signature"]["content"].as_str()?;
        verifies_digest(key, &digest, &STANDARD.decode(signature).ok()?).then_some(())?;
        let does = |misdeed| self.does(Role::Rekor, misdeed);
        let digest = if does(Misdeed::OtherContent) { vec![7; 32] } else { digest };
        let signature = if does(Misdeed::OtherSignature) { "MAYCAQECAQE=" } else { signature };
        let who = Signer { identity: "https://github.com/somebody/else", issuer: GITHUB };
        let other = self.sigstore.certificate_for(who, key);
        let certificate = if does(Misdeed::OtherKey) { other } else { certificate };
        let body = json!({
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {"hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": STANDARD.encode(digest)},
                "signature": {
                    "content": signature,
                    "verifier": {
                        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                        "x509Certificate": {"rawBytes": STANDARD.encode(certificate)},
                    },
                },
            }},
        });
        let mut entry = match does(Misdeed::OtherInstance) {
            true => Sigstore::numbered(2).second_entry(&body),
            false => self.sigstore.second_entry(&body),
        };
        if does(Misdeed::FalseProof) {
            entry["inclusionProof"]["rootHash"] = json!(STANDARD.encode([7; 32]));
        }
        if does(Misdeed::NoProof) {
            entry.as_object_mut()?.remove("inclusionProof");
        }
        Some(reply(201, entry.to_string().into_bytes()))
    }

    fn logs_first(&self, asked: &Value) -> Option<Response<UnsyncBoxBody<Bytes, std::io::Error>>> {
        (asked["kind"] == "dsse" && asked["apiVersion"] == "0.0.1").then_some(())?;
        let proposed = &asked["spec"]["proposedContent"];
        let written = proposed["envelope"].as_str()?;
        let envelope: Value = serde_json::from_str(written).ok()?;
        let payload = STANDARD.decode(envelope["payload"].as_str()?).ok()?;
        let kind = envelope["payloadType"].as_str()?;
        let message = [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), &payload].concat();
        let signature = envelope["signatures"][0]["sig"].as_str()?;
        let verifier = proposed["verifiers"][0].as_str()?;
        let certificate = der(std::str::from_utf8(&STANDARD.decode(verifier).ok()?).ok()?, "CERTIFICATE")?;
        let at = certificate.windows(P256.len()).rposition(|part| part == P256)?;
        let key = certificate.get(at..at + P256.len() + POINT_BYTES)?;
        verifies(key, &message, &STANDARD.decode(signature).ok()?).then_some(())?;
        let hash = |content: &[u8]| json!({"algorithm": "sha256", "value": hex(&Sha256::digest(content))});
        let does = |misdeed| self.does(Role::Rekor, misdeed);
        let logged = if does(Misdeed::OtherContent) { b"other".to_vec() } else { payload };
        let signature = if does(Misdeed::OtherSignature) { "MAYCAQECAQE=" } else { signature };
        let who = Signer { identity: "https://github.com/somebody/else", issuer: GITHUB };
        let other = STANDARD.encode(pem(&self.sigstore.certificate_for(who, key)));
        let verifier = if does(Misdeed::OtherKey) { &other } else { verifier };
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": hash(written.as_bytes()),
                "payloadHash": hash(&logged),
                "signatures": [{"signature": signature, "verifier": verifier}],
            },
        });
        let entry = match does(Misdeed::OtherInstance) {
            true => Sigstore::numbered(2).entry("dsse", &body),
            false => self.sigstore.entry("dsse", &body),
        };
        Some(reply(201, json!({"24296fb24b8ad77a": self.as_answered(&entry)?}).to_string().into_bytes()))
    }

    /// An entry of a bundle as Rekor's own interface has it.
    fn as_answered(&self, entry: &Value) -> Option<Value> {
        let bytes = |value: &Value| STANDARD.decode(value.as_str()?).ok();
        let proof = &entry["inclusionProof"];
        let mut root = hex(&bytes(&proof["rootHash"])?);
        if self.does(Role::Rekor, Misdeed::FalseProof) {
            root = hex(&[7; 32]);
        }
        let mut answered = json!({
            "body": entry["canonicalizedBody"],
            "integratedTime": entry["integratedTime"].as_str()?.parse::<i64>().ok()?,
            "logID": hex(&bytes(&entry["logId"]["keyId"])?),
            "logIndex": 0,
            "verification": {
                "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                "inclusionProof": {
                    "checkpoint": proof["checkpoint"]["envelope"],
                    "hashes": [],
                    "logIndex": 0,
                    "rootHash": root,
                    "treeSize": 1,
                },
            },
        });
        if self.does(Role::Rekor, Misdeed::NoProof) {
            answered.as_object_mut()?.remove("verification");
        }
        Some(answered)
    }

    fn stamps(&self, body: &[u8]) -> Option<Response<UnsyncBoxBody<Bytes, std::io::Error>>> {
        // Version 1, an imprint by SHA-256, a nonce, and nothing else.
        let (start, rest) = (body.get(..22)?, body.get(22..)?);
        let is_asked = start[2..5] == [2, 1, 1] && start[20..] == [4, 32];
        let (digest, nonce) = (rest.get(..32).filter(|_| is_asked)?, rest.get(32..)?);
        let nonce = nonce.strip_prefix(&[2])?.get(1..)?;
        let does = |misdeed| self.does(Role::Clock, misdeed);
        if does(Misdeed::NotGranted) {
            return Some(reply(200, sequence(&[sequence(&[tlv(0x02, &[2])])])));
        }
        let digest = if does(Misdeed::OtherContent) { &[7; 32] } else { digest };
        let nonce = if does(Misdeed::OtherNonce) { &[7; 8] } else { nonce };
        let stamp = match does(Misdeed::OtherInstance) {
            true => Sigstore::numbered(2).stamp(digest, nonce),
            false => self.sigstore.stamp(digest, nonce),
        };
        Some(reply(201, stamp))
    }
}

fn der(text: &str, label: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inner = inner.strip_suffix(&format!("-----END {label}-----"))?;
    STANDARD.decode(inner.split_whitespace().collect::<String>()).ok()
}

/// As [`verifies`], of a message whose SHA-256 is known.
fn verifies_digest(key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let point = key.strip_prefix(&P256).and_then(|point| VerifyingKey::from_sec1_bytes(point).ok());
    let signature = Signature::from_der(signature).ok();
    point.zip(signature).is_some_and(|(key, signature)| key.verify_prehash(digest, &signature).is_ok())
}

fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let point = key.strip_prefix(&P256).and_then(|point| VerifyingKey::from_sec1_bytes(point).ok());
    let signature = Signature::from_der(signature).ok();
    point.zip(signature).is_some_and(|(key, signature)| key.verify(message, &signature).is_ok())
}

fn reply(status: u16, body: Vec<u8>) -> Response<UnsyncBoxBody<Bytes, std::io::Error>> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).body(body).expect("an answer")
}

fn without_end(piece: Bytes, pause: Duration) -> Response<UnsyncBoxBody<Bytes, std::io::Error>> {
    let pieces = stream::unfold(piece, move |piece| async move {
        tokio::time::sleep(pause).await;
        Some((Ok(Frame::data(piece.clone())), piece))
    });
    Response::new(StreamBody::new(pieces).boxed_unsync())
}
