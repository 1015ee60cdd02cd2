//! JSON Web Tokens as an issuer makes them, with the keys of `testdata/jwt`.

use std::path::PathBuf;
use std::sync::Arc;

use aisoc_registry_client::tls_provider;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::sign::SigningKey;

/// Half of a signature by ECDSA over P-256.
const P256_BYTES: usize = 32;

/// A file of `testdata/jwt`.
pub fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/jwt")).join(name)
}

/// The public keys, as the issuer publishes them.
pub fn key_set() -> Value {
    let text = std::fs::read(file("jwks.json")).expect("the set");
    serde_json::from_slice(&text).expect("JSON")
}

/// A part of a token.
pub fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with that header and those claims, as they are written, signed by `rsa`, `p256` or `ed25519`.
pub fn token(key: &str, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = part(sign(key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The signature of that key, as tokens have it.
pub fn sign(key: &str, message: &[u8]) -> Vec<u8> {
    let scheme = match key {
        "rsa" => SignatureScheme::RSA_PKCS1_SHA256,
        "p256" => SignatureScheme::ECDSA_NISTP256_SHA256,
        "ed25519" => SignatureScheme::ED25519,
        other => panic!("no key is called `{other}`"),
    };
    let signer = private_key(key).choose_scheme(&[scheme]).expect("what it signs by");
    let signature = signer.sign(message).expect("signed");
    if scheme == SignatureScheme::ECDSA_NISTP256_SHA256 { two_numbers(&signature) } else { signature }
}

/// The public half of that key, as certificates have it (SubjectPublicKeyInfo).
pub fn public_key(key: &str) -> Vec<u8> {
    private_key(key).public_key().expect("a public key").to_vec()
}

fn private_key(key: &str) -> Arc<dyn SigningKey> {
    let private = PrivateKeyDer::from_pem_file(file(&format!("TEST-ONLY-{key}.pem"))).expect("a private key");
    let provider = tls_provider().expect("this processor");
    provider.key_provider.load_private_key(private).expect("a key of the provider's")
}

/// Two numbers one behind the other, out of a sequence of them in ASN.1, which is shorter than 128 bytes.
fn two_numbers(sequence: &[u8]) -> Vec<u8> {
    let mut rest = &sequence[2..];
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let (number, behind) = rest[2..].split_at(usize::from(rest[1]));
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        numbers.resize(numbers.len() + P256_BYTES - number.len(), 0);
        numbers.extend_from_slice(number);
        rest = behind;
    }
    numbers
}
