//! `Sigstore`: an instance of sigstore of one process, with an authority, a log of certificates and a log of signatures,
//! which signs what it is asked to. Its keys are the same in every run, and so is what it signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The predicate of provenance of SLSA, and of a bill of materials.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// See [`PROVENANCE`].
pub const SBOM: &str = "https://cyclonedx.org/bom";

/// When everything is signed here: 2026-01-01 00:00:00 UTC.
pub const SIGNED_AT: i64 = 1_767_225_600;
/// The life of a certificate around that, as X.509 has it.
const LIFE: [&str; 2] = ["251231235500Z", "260101000500Z"];
const LIFE_OF_AUTHORITY: [&str; 2] = ["240101000000Z", "490101000000Z"];

/// Who signs: the name in the certificate, and who vouches for it.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The URI of a workflow.
    pub identity: &'a str,
    /// The issuer of the token.
    pub issuer: &'a str,
}

/// An instance of sigstore.
pub struct Sigstore {
    authority: SigningKey,
    authority_certificate: Vec<u8>,
    certificates_log: SigningKey,
    signatures_log: SigningKey,
    signer: SigningKey,
    clock: SigningKey,
    clock_certificate: Vec<u8>,
}

impl Default for Sigstore {
    fn default() -> Self {
        Self::numbered(1)
    }
}

impl Sigstore {
    /// The instance of that number: each has keys of its own.
    pub fn numbered(number: u8) -> Self {
        let key = |role: u8| SigningKey::from_slice(&[number.wrapping_mul(8) + role; 32]).expect("a key of P-256");
        let authority = key(1);
        let authority_certificate = certificate(&Certificate {
            serial: 1,
            issuer: "testkit",
            subject: Some("testkit"),
            life: LIFE_OF_AUTHORITY,
            key: public_key(&authority),
            extensions: vec![
                extension("2.5.29.19", true, &sequence(&[tlv(0x01, &[0xff])])),
                extension("2.5.29.15", true, &tlv(0x03, &[1, 0x06])),
            ],
            signed_by: &authority,
        });
        let clock = key(5);
        let clock_certificate = certificate(&Certificate {
            serial: 3,
            issuer: "testkit",
            subject: Some("clock"),
            life: LIFE_OF_AUTHORITY,
            key: public_key(&clock),
            extensions: vec![
                extension("2.5.29.15", true, &tlv(0x03, &[7, 0x80])),
                extension("2.5.29.37", true, &sequence(&[oid("1.3.6.1.5.5.7.3.8")])),
            ],
            signed_by: &authority,
        });
        let (certificates_log, signatures_log, signer) = (key(2), key(3), key(4));
        Self { authority, authority_certificate, certificates_log, signatures_log, signer, clock, clock_certificate }
    }

    /// Its trusted root.
    pub fn trusted_root(&self) -> Value {
        let key = |key: &SigningKey| {
            json!({
                "rawBytes": STANDARD.encode(public_key(key)),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": "2024-01-01T00:00:00Z"},
            })
        };
        let log = |of: &SigningKey| {
            json!({
                "baseUrl": "https://log.test",
                "hashAlgorithm": "SHA2_256",
                "publicKey": key(of),
                "logId": {"keyId": STANDARD.encode(Sha256::digest(public_key(of)))},
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.signatures_log)],
            "certificateAuthorities": [{
                "subject": {"organization": "testkit", "commonName": "testkit"},
                "uri": "https://authority.test",
                "certChain": {"certificates": [{"rawBytes": STANDARD.encode(&self.authority_certificate)}]},
                "validFor": {"start": "2024-01-01T00:00:00Z"},
            }],
            "ctlogs": [log(&self.certificates_log)],
            "timestampAuthorities": [{
                "subject": {"organization": "testkit", "commonName": "clock"},
                "uri": "https://clock.test",
                "certChain": {"certificates": [
                    {"rawBytes": STANDARD.encode(&self.clock_certificate)},
                    {"rawBytes": STANDARD.encode(&self.authority_certificate)},
                ]},
                "validFor": {"start": "2024-01-01T00:00:00Z"},
            }],
        })
    }

    /// A timestamp of that SHA-256 in answer to that nonce, as RFC 3161 has it: the time at which everything is signed.
    pub(crate) fn stamp(&self, digest: &[u8], nonce: &[u8]) -> Vec<u8> {
        let algorithm = || sequence(&[oid("2.16.840.1.101.3.4.2.1")]);
        let info = sequence(&[
            tlv(0x02, &[1]),
            oid("1.3.6.1.4.1.57264.2"),
            sequence(&[algorithm(), tlv(0x04, digest)]),
            tlv(0x02, &[7]),
            tlv(0x18, b"20260101000000Z"),
            tlv(0x02, nonce),
        ]);
        let attribute = |name: &str, value: Vec<u8>| sequence(&[oid(name), tlv(0x31, &value)]);
        // In the order of a set, as DER has it.
        let certificate = Sha256::digest(&self.clock_certificate);
        let certificate = sequence(&[sequence(&[sequence(&[tlv(0x04, &certificate)])])]);
        let attributes = [
            attribute("1.2.840.113549.1.9.3", oid("1.2.840.113549.1.9.16.1.4")),
            attribute("1.2.840.113549.1.9.4", tlv(0x04, &Sha256::digest(&info))),
            attribute("1.2.840.113549.1.9.16.2.47", certificate),
        ]
        .concat();
        let signature = signed(&self.clock, &tlv(0x31, &attributes));
        let signer = sequence(&[
            tlv(0x02, &[1]),
            sequence(&[name(Some("testkit")), tlv(0x02, &[3])]),
            algorithm(),
            tlv(0xa0, &attributes),
            by_ecdsa(),
            tlv(0x04, &signature),
        ]);
        let data = sequence(&[
            tlv(0x02, &[3]),
            tlv(0x31, &algorithm()),
            sequence(&[oid("1.2.840.113549.1.9.16.1.4"), tlv(0xa0, &tlv(0x04, &info))]),
            tlv(0x31, &signer),
        ]);
        let token = sequence(&[oid("1.2.840.113549.1.7.2"), tlv(0xa0, &data)]);
        sequence(&[sequence(&[tlv(0x02, &[0])]), token])
    }

    /// A bundle by which somebody signs that content.
    pub fn signs(&self, content: &[u8], who: Signer<'_>) -> Value {
        let (digest, signature) = (Sha256::digest(content), signed(&self.signer, content));
        let certificate = self.certificate_of(who);
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": hex(&digest)}},
                "signature": {"content": STANDARD.encode(&signature), "publicKey": {"content": STANDARD.encode(pem(&certificate))}},
            },
        });
        let message = json!({
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(digest)},
            "signature": STANDARD.encode(&signature),
        });
        self.bundle(&certificate, "hashedrekord", &body, ("messageSignature", message))
    }

    /// A bundle by which somebody states something of the artifact of that SHA-256, in hexadecimal digits.
    pub fn states(&self, artifact: &str, predicate_type: &str, predicate: &Value, who: Signer<'_>) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "artifact", "digest": {"sha256": artifact}}],
            "predicateType": predicate_type,
            "predicate": predicate,
        });
        let (payload, payload_type) = (statement.to_string(), "application/vnd.in-toto+json");
        let encoded = format!("DSSEv1 {} {payload_type} {} {payload}", payload_type.len(), payload.len());
        let signature = STANDARD.encode(signed(&self.signer, encoded.as_bytes()));
        let certificate = self.certificate_of(who);
        let envelope = json!({
            "payload": STANDARD.encode(&payload),
            "payloadType": payload_type,
            "signatures": [{"sig": signature}],
        });
        let hash = |content: &str| json!({"algorithm": "sha256", "value": hex(&Sha256::digest(content))});
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": hash(&envelope.to_string()),
                "payloadHash": hash(&payload),
                "signatures": [{"signature": signature, "verifier": STANDARD.encode(pem(&certificate))}],
            },
        });
        self.bundle(&certificate, "dsse", &body, ("dsseEnvelope", envelope))
    }

    /// What the log of signatures says of a signature by a key over that content, as cosign kept it before it had bundles.
    pub fn logs(&self, content: &[u8], signature: &str, key: &KeptKey) -> Value {
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": hex(&Sha256::digest(content))}},
                "signature": {"content": signature, "publicKey": {"content": STANDARD.encode(&key.pem)}},
            },
        });
        let entry = self.entry("hashedrekord", &body);
        json!({
            "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
            "Payload": {
                "body": entry["canonicalizedBody"],
                "integratedTime": SIGNED_AT,
                "logIndex": 0,
                "logID": hex(&Sha256::digest(public_key(&self.signatures_log))),
            },
        })
    }

    fn bundle(&self, certificate: &[u8], kind: &str, body: &Value, (name, content): (&str, Value)) -> Value {
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": STANDARD.encode(certificate)},
                "tlogEntries": [self.entry(kind, body)],
            },
        });
        bundle[name] = content;
        bundle
    }

    /// The only entry of a log, with the promise and the proof that it holds it.
    pub(crate) fn entry(&self, kind: &str, body: &Value) -> Value {
        let body = body.to_string();
        let id = Sha256::digest(public_key(&self.signatures_log));
        // Sorted by their names, as RFC 8785 has them.
        let promised = json!({
            "body": STANDARD.encode(&body), "integratedTime": SIGNED_AT, "logID": hex(&id), "logIndex": 0,
        });
        let promise = signed(&self.signatures_log, promised.to_string().as_bytes());
        json!({
            "logIndex": "0",
            "logId": {"keyId": STANDARD.encode(id)},
            "kindVersion": {"kind": kind, "version": "0.0.1"},
            "integratedTime": SIGNED_AT.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": STANDARD.encode(promise)},
            "inclusionProof": self.only_one(&body, "log.test - 1"),
            "canonicalizedBody": STANDARD.encode(body),
        })
    }

    /// The proof that a log of that origin holds this alone.
    fn only_one(&self, body: &str, origin: &str) -> Value {
        let id = Sha256::digest(public_key(&self.signatures_log));
        let root = STANDARD.encode(Sha256::digest([&[0], body.as_bytes()].concat()));
        let note = format!("{origin}\n1\n{root}\n");
        let line = [&id[..4], &signed(&self.signatures_log, note.as_bytes())].concat();
        json!({
            "logIndex": "0",
            "rootHash": root,
            "treeSize": "1",
            "hashes": [],
            "checkpoint": {"envelope": format!("{note}\n\u{2014} log.test {}\n", STANDARD.encode(line))},
        })
    }

    /// As [`Sigstore::entry`], as the second version of a log gives it: without a time, and of one kind alone.
    pub(crate) fn second_entry(&self, body: &Value) -> Value {
        let body = body.to_string();
        let id = Sha256::digest(public_key(&self.signatures_log));
        json!({
            "logIndex": "0",
            "logId": {"keyId": STANDARD.encode(id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "inclusionProof": self.only_one(&body, "log.test"),
            "canonicalizedBody": STANDARD.encode(body),
        })
    }

    /// A certificate of the signer's key for that name, which the log of certificates has promised to hold (RFC 6962, 3).
    fn certificate_of(&self, who: Signer<'_>) -> Vec<u8> {
        self.certificate_for(who, &public_key(&self.signer))
    }

    /// The same of somebody's own key, a SubjectPublicKeyInfo.
    pub(crate) fn certificate_for(&self, who: Signer<'_>, key: &[u8]) -> Vec<u8> {
        let name = if who.identity.contains("://") { 0x86 } else { 0x81 };
        let mut leaf = Certificate {
            serial: 2,
            issuer: "testkit",
            subject: None,
            life: LIFE,
            key: key.to_vec(),
            extensions: vec![
                extension("2.5.29.15", true, &tlv(0x03, &[7, 0x80])),
                extension("2.5.29.37", false, &sequence(&[oid("1.3.6.1.5.5.7.3.3")])),
                extension("2.5.29.17", true, &sequence(&[tlv(name, who.identity.as_bytes())])),
                extension("1.3.6.1.4.1.57264.1.8", false, &tlv(0x0c, who.issuer.as_bytes())),
            ],
            signed_by: &self.authority,
        };
        let precertificate = to_be_signed(&leaf);
        let time = (SIGNED_AT as u64 * 1000).to_be_bytes();
        let length = (precertificate.len() as u32).to_be_bytes();
        let issuer = Sha256::digest(public_key(&self.authority));
        let promised = [&[0, 0], &time[..], &[0, 1], &issuer, &length[1..], &precertificate, &[0, 0]].concat();
        let signature = signed(&self.certificates_log, &promised);
        let id = Sha256::digest(public_key(&self.certificates_log));
        let stamp = [&[0], &id[..], &time, &[0, 0, 4, 3], &two_bytes(signature.len()), &signature].concat();
        let stamps = [&two_bytes(stamp.len())[..], &stamp].concat();
        let list = [&two_bytes(stamps.len())[..], &stamps].concat();
        leaf.extensions.push(extension("1.3.6.1.4.1.11129.2.4.2", false, &tlv(0x04, &list)));
        certificate(&leaf)
    }
}

/// A public key of somebody who signs without a certificate.
pub struct KeptKey {
    /// As PEM has it.
    pub pem: String,
    /// How bundles name it: the digest of it, in base64.
    pub hint: String,
}

fn kept(key: &SigningKey) -> KeptKey {
    let public = public_key(key);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&public));
    KeptKey { pem, hint: STANDARD.encode(Sha256::digest(&public)) }
}

/// A key that somebody keeps, and what signs with it, in base64.
pub fn key() -> (KeptKey, impl Fn(&[u8]) -> String) {
    let key = SigningKey::from_slice(&[101; 32]).expect("a key of P-256");
    (kept(&key), move |content| STANDARD.encode(signed(&key, content)))
}

/// Another one.
pub fn other_key() -> KeptKey {
    kept(&SigningKey::from_slice(&[102; 32]).expect("a key of P-256"))
}

/// What stands in a certificate.
pub(crate) struct Certificate<'a> {
    pub(crate) serial: u8,
    pub(crate) issuer: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) life: [&'a str; 2],
    pub(crate) key: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) signed_by: &'a SigningKey,
}

fn to_be_signed(certificate: &Certificate<'_>) -> Vec<u8> {
    let [from, to] = certificate.life.map(|time| tlv(0x17, time.as_bytes()));
    sequence(&[
        tlv(0xa0, &tlv(0x02, &[2])),
        tlv(0x02, &[certificate.serial]),
        by_ecdsa(),
        name(Some(certificate.issuer)),
        sequence(&[from, to]),
        name(certificate.subject),
        certificate.key.clone(),
        tlv(0xa3, &sequence(&certificate.extensions)),
    ])
}

pub(crate) fn certificate(certificate: &Certificate<'_>) -> Vec<u8> {
    let content = to_be_signed(certificate);
    let signature = [&[0], &signed(certificate.signed_by, &content)[..]].concat();
    sequence(&[content, by_ecdsa(), tlv(0x03, &signature)])
}

pub(crate) fn signed(key: &SigningKey, content: &[u8]) -> Vec<u8> {
    let signature: Signature = key.sign(content);
    signature.to_der().as_bytes().to_vec()
}

/// A SubjectPublicKeyInfo.
pub(crate) fn public_key(key: &SigningKey) -> Vec<u8> {
    let point = key.verifying_key().to_sec1_point(false);
    let algorithm = sequence(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]);
    sequence(&[algorithm, tlv(0x03, &[&[0], point.as_bytes()].concat())])
}

pub(crate) fn pem(certificate: &[u8]) -> String {
    let encoded = STANDARD.encode(certificate);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

pub(crate) fn by_ecdsa() -> Vec<u8> {
    sequence(&[oid("1.2.840.10045.4.3.2")])
}

pub(crate) fn name(common: Option<&str>) -> Vec<u8> {
    let part = |name: &str| tlv(0x31, &sequence(&[oid("2.5.4.3"), tlv(0x0c, name.as_bytes())]));
    sequence(&common.map(part).into_iter().collect::<Vec<_>>())
}

pub(crate) fn extension(id: &str, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if is_critical { tlv(0x01, &[0xff]) } else { Vec::new() };
    sequence(&[oid(id), critical, tlv(0x04, value)])
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A tag, a length and a value, as DER has them.
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = match value.len() {
        short @ 0..0x80 => vec![short as u8],
        long @ 0x80..0x100 => vec![0x81, long as u8],
        long => [&[0x82], &two_bytes(long)[..]].concat(),
    };
    [&[tag], &length[..], value].concat()
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    let arcs: Vec<u32> = text.split('.').map(|arc| arc.parse().expect("a number")).collect();
    let mut value = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let digits: Vec<u8> = (0..5).map(|digit| (arc >> (7 * digit)) as u8 & 0x7f).collect();
        let longest = digits.iter().rposition(|digit| *digit != 0).unwrap_or(0);
        value.extend((0..=longest).rev().map(|place| digits[place] | if place == 0 { 0 } else { 0x80 }));
    }
    tlv(0x06, &value)
}

fn two_bytes(length: usize) -> [u8; 2] {
    (length as u16).to_be_bytes()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use aisoc_signing::proof::{Bundle, Constraint, Identity, Subject, TrustedRoot, verify_bundle};

    use super::*;

    const WHO: Signer<'_> = Signer { identity: "https://ci.test/workflow", issuer: "https://issuer.test" };

    fn judged(root: &Sigstore, bundle: &Value, content: &[u8]) -> Result<String, String> {
        let root = TrustedRoot::read("root", root.trusted_root().to_string().as_bytes(), &[]).expect("a root");
        let exact = |name| Constraint::exact(name).expect("a name");
        let identity = Identity { name: exact(WHO.identity), issuer: exact(WHO.issuer) };
        let bundle = Bundle::read("bundle", bundle.to_string().as_bytes()).map_err(|fault| fault.to_string())?;
        let proven = verify_bundle(&bundle, Subject::Content(content), &root, &identity);
        proven.map(|proven| proven.signer.to_string()).map_err(|fault| format!("{fault} ({:?})", fault.reason()))
    }

    #[test]
    fn what_an_instance_signs_counts_by_its_own_root_and_by_no_other() {
        let (one, other) = (Sigstore::numbered(1), Sigstore::numbered(2));
        let signed = one.signs(b"content", WHO);
        assert_eq!(judged(&one, &signed, b"content").as_deref(), Ok(WHO.identity));
        assert!(judged(&one, &signed, b"other").is_err());
        assert!(judged(&other, &signed, b"content").is_err());
        let stated = one.states(&hex(&Sha256::digest(b"content")), PROVENANCE, &json!({}), WHO);
        assert_eq!(judged(&one, &stated, b"content").as_deref(), Ok(WHO.identity));
        assert!(judged(&one, &stated, b"other").is_err());
    }
}
