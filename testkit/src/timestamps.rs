//! `TimestampAuthority`: an authority of RFC 3161 in one process, which says whatever time it is told to.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::jwt;
use crate::sigstore::{
    Certificate, by_ecdsa, certificate, extension, name, oid, pem, public_key, sequence, signed, tlv,
};

const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
const SERIAL: u8 = 7;

/// For what the certificate of an authority is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// As it has to be: timestamps alone, and critical.
    Timestamps,
    /// The same, and no reader has to understand it.
    NotCritical,
    /// Code too.
    TimestampsAndCode,
    /// Nothing is said.
    Unsaid,
}

/// An authority.
pub struct TimestampAuthority {
    key: AuthorityKey,
    root: Vec<u8>,
    certificate: Vec<u8>,
}

/// By what an authority signs.
enum AuthorityKey {
    P256(SigningKey),
    /// That of `testdata/jwt`.
    Rsa,
}

impl AuthorityKey {
    fn public_key(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => public_key(key),
            Self::Rsa => jwt::public_key("rsa"),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(key) => signed(key, message),
            Self::Rsa => jwt::sign("rsa", message),
        }
    }

    /// How that is called: of RSA as most authorities have it, who name the digest beside it alone.
    fn algorithm(&self) -> Vec<u8> {
        match self {
            Self::P256(_) => by_ecdsa(),
            Self::Rsa => sequence(&[oid("1.2.840.113549.1.1.1"), tlv(0x05, &[])]),
        }
    }
}

/// What it says of a signature.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// When: `20260101000000Z`.
    pub at: &'a str,
    /// Within how many seconds.
    pub accuracy: Option<u8>,
    /// The number that it was asked with, as DER has its bytes.
    pub nonce: Option<&'a [u8]>,
}

impl<'a> Stamp<'a> {
    /// At that time, and nothing else.
    pub fn at(at: &'a str) -> Self {
        Self { at, accuracy: None, nonce: None }
    }
}

/// The two certificates in such a text, in DER.
pub fn certificates(pem: &str) -> [Vec<u8>; 2] {
    let bodies = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let body = |text: &str| text.split("-----").next().unwrap_or_default().split_whitespace().collect::<String>();
    let der: Vec<_> = bodies.map(|text| STANDARD.decode(body(text)).expect("base64")).collect();
    der.try_into().expect("two certificates")
}

/// The key of the authority of that number in that role.
fn key(number: u8, role: u8) -> SigningKey {
    SigningKey::from_slice(&[number.wrapping_mul(4) + role + 130; 32]).expect("a key of P-256")
}

impl TimestampAuthority {
    /// The authority of that number, which has keys of its own.
    pub fn numbered(number: u8) -> Self {
        Self::with(number, ["240101000000Z", "490101000000Z"], Usage::Timestamps)
    }

    /// As [`TimestampAuthority::numbered`], with a certificate for that time and use.
    pub fn with(number: u8, life: [&str; 2], usage: Usage) -> Self {
        Self::of(AuthorityKey::P256(key(number, 2)), number, life, usage)
    }

    /// As [`TimestampAuthority::with`], and signs by RSA.
    pub fn of_rsa(number: u8, life: [&str; 2], usage: Usage) -> Self {
        Self::of(AuthorityKey::Rsa, number, life, usage)
    }

    fn of(own: AuthorityKey, number: u8, life: [&str; 2], usage: Usage) -> Self {
        let above = key(number, 1);
        let root = certificate(&Certificate {
            serial: 1,
            issuer: "testkit time root",
            subject: Some("testkit time root"),
            life: ["240101000000Z", "490101000000Z"],
            key: public_key(&above),
            extensions: vec![
                extension("2.5.29.19", true, &sequence(&[tlv(0x01, &[0xff])])),
                extension("2.5.29.15", true, &tlv(0x03, &[1, 0x06])),
            ],
            signed_by: &above,
        });
        let used = |uses: &[&str]| sequence(&uses.iter().map(|usage| oid(usage)).collect::<Vec<_>>());
        let usage = match usage {
            Usage::Timestamps => vec![extension("2.5.29.37", true, &used(&[TIME_STAMPING]))],
            Usage::NotCritical => vec![extension("2.5.29.37", false, &used(&[TIME_STAMPING]))],
            Usage::TimestampsAndCode => {
                vec![extension("2.5.29.37", true, &used(&[TIME_STAMPING, "1.3.6.1.5.5.7.3.3"]))]
            }
            Usage::Unsaid => Vec::new(),
        };
        let certificate = certificate(&Certificate {
            serial: SERIAL,
            issuer: "testkit time root",
            subject: Some("testkit time"),
            life,
            key: own.public_key(),
            extensions: [vec![extension("2.5.29.15", true, &tlv(0x03, &[7, 0x80]))], usage].concat(),
            signed_by: &above,
        });
        Self { key: own, root, certificate }
    }

    /// Its certificates, its own first.
    pub fn pem(&self) -> String {
        pem(&self.certificate) + &pem(&self.root)
    }

    /// The certificate of its root alone.
    pub fn root_pem(&self) -> String {
        pem(&self.root)
    }

    /// A trusted root of sigstore that names it from that time on, and nothing else.
    pub fn trusted_root(&self, from: &str) -> Value {
        let raw = |bytes: &[u8]| json!({"rawBytes": STANDARD.encode(bytes)});
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [],
            "certificateAuthorities": [],
            "ctlogs": [],
            "timestampAuthorities": [{
                "subject": {"organization": "testkit", "commonName": "testkit time"},
                "uri": "https://time.test",
                "certChain": {"certificates": [raw(&self.certificate), raw(&self.root)]},
                "validFor": {"start": from},
            }],
        })
    }

    /// Its timestamp over the bytes of a signature, as it is kept.
    pub fn stamps(&self, signature: &[u8], stamp: Stamp<'_>) -> Vec<u8> {
        self.stamps_digest(&Sha256::digest(signature), stamp)
    }

    /// As [`TimestampAuthority::stamps`], with that status in place of the one that grants.
    pub fn stamps_with_status(&self, status: &[u8], signature: &[u8], stamp: Stamp<'_>) -> Vec<u8> {
        sequence(&[sequence(&[status.to_vec()]), self.token(&Sha256::digest(signature), stamp)])
    }

    /// As [`TimestampAuthority::stamps`], with those certificates in place of its own.
    pub fn stamps_bringing(&self, signature: &[u8], stamp: Stamp<'_>, certificates: &[Vec<u8>]) -> Vec<u8> {
        let token = self.token_bringing(&Sha256::digest(signature), stamp, certificates);
        sequence(&[sequence(&[tlv(0x02, &[0])]), token])
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// A certificate of nobody's that has so many bytes more than it needs.
    pub fn idle_certificate(&self, padding: usize, serial: u8) -> Vec<u8> {
        certificate(&Certificate {
            serial,
            issuer: "testkit time root",
            subject: Some("idle"),
            life: ["240101000000Z", "490101000000Z"],
            key: public_key(&key(1, 3)),
            extensions: vec![extension("1.2.3.4.5", false, &tlv(0x04, &vec![0; padding]))],
            signed_by: &key(1, 3),
        })
    }

    /// What it answers to a question (`TimeStampReq`), whose number it repeats.
    pub fn answers(&self, query: &[u8], at: &str) -> Vec<u8> {
        let digest = query.windows(2).position(|pair| pair == [0x04, 0x20]).expect("a digest") + 2;
        let nonce = &query[digest + 32..];
        let nonce = (nonce[0] == 0x02).then(|| &nonce[2..2 + usize::from(nonce[1])]);
        self.stamps_digest(&query[digest..digest + 32], Stamp { at, accuracy: None, nonce })
    }

    fn stamps_digest(&self, digest: &[u8], stamp: Stamp<'_>) -> Vec<u8> {
        sequence(&[sequence(&[tlv(0x02, &[0])]), self.token(digest, stamp)])
    }

    fn token(&self, digest: &[u8], stamp: Stamp<'_>) -> Vec<u8> {
        self.token_bringing(digest, stamp, std::slice::from_ref(&self.certificate))
    }

    fn token_bringing(&self, digest: &[u8], stamp: Stamp<'_>, certificates: &[Vec<u8>]) -> Vec<u8> {
        let (time_info, sha256) = ("1.2.840.113549.1.9.16.1.4", || sequence(&[oid("2.16.840.1.101.3.4.2.1")]));
        let accuracy = stamp.accuracy.map(|seconds| sequence(&[tlv(0x02, &[seconds])]));
        let info = sequence(&[
            tlv(0x02, &[1]),
            oid("1.2.3.4"),
            sequence(&[sha256(), tlv(0x04, digest)]),
            tlv(0x02, &[1]),
            tlv(0x18, stamp.at.as_bytes()),
            accuracy.unwrap_or_default(),
            stamp.nonce.map(|nonce| tlv(0x02, nonce)).unwrap_or_default(),
        ]);
        let attribute = |id: &str, value: Vec<u8>| sequence(&[oid(id), tlv(0x31, &value)]);
        let own = sequence(&[sequence(&[sequence(&[tlv(0x04, &Sha256::digest(&self.certificate))])])]);
        let attributes = [
            attribute("1.2.840.113549.1.9.3", oid(time_info)),
            attribute("1.2.840.113549.1.9.4", tlv(0x04, &Sha256::digest(&info))),
            attribute("1.2.840.113549.1.9.16.2.47", own),
        ];
        let mut attributes = attributes.to_vec();
        attributes.sort();
        let signature = self.key.sign(&tlv(0x31, &attributes.concat()));
        let signer = sequence(&[
            tlv(0x02, &[1]),
            sequence(&[name(Some("testkit time root")), tlv(0x02, &[SERIAL])]),
            sha256(),
            tlv(0xa0, &attributes.concat()),
            self.key.algorithm(),
            tlv(0x04, &signature),
        ]);
        let data = sequence(&[
            tlv(0x02, &[3]),
            tlv(0x31, &sha256()),
            sequence(&[oid(time_info), tlv(0xa0, &tlv(0x04, &info))]),
            if certificates.is_empty() { Vec::new() } else { tlv(0xa0, &certificates.concat()) },
            tlv(0x31, &signer),
        ]);
        sequence(&[oid("1.2.840.113549.1.7.2"), tlv(0xa0, &data)])
    }
}

/// How an authority answers over HTTP.
#[derive(Debug, Clone)]
pub enum Manner {
    /// As it has to, and says that time.
    Answers(&'static str),
    /// That it grants none.
    Rejects,
    /// With what it has said of something else.
    AnswersAnother,
    /// To the digest that was asked for, without the number.
    WithoutNumber,
    /// As it has to, and calls it a page.
    AsPage,
    /// That somebody else is to be asked.
    LeadsTo(String),
    /// So many bytes that are nothing, and says how many.
    Bytes(usize),
    /// Without an end.
    Endless,
    /// Never.
    Silent,
}

/// An authority on a free port of this machine, which nobody stops: its URL.
pub fn serve(authority: TimestampAuthority, manner: Manner) -> String {
    let address = crate::by_hand::serve("127.0.0.1:0", move |head, stream| {
        let length = head.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length:").and_then(|length| length.trim().parse::<usize>().ok())
        });
        let mut query = vec![0; length.unwrap_or_default()];
        stream.read_exact(&mut query)?;
        answer(&authority, &manner, &query, stream)
    });
    format!("http://{address}/tsr")
}

fn answer(
    authority: &TimestampAuthority,
    manner: &Manner,
    query: &[u8],
    stream: &mut std::net::TcpStream,
) -> std::io::Result<()> {
    const REPLY: &str = "application/timestamp-reply";
    let mut send = |kind: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)
    };
    let at = "20260101000000Z";
    match manner {
        Manner::Answers(at) => send(REPLY, &authority.answers(query, at)),
        Manner::Rejects => send(REPLY, &sequence(&[sequence(&[tlv(0x02, &[2])])])),
        Manner::AnswersAnother => send(REPLY, &authority.stamps(b"something else", Stamp::at(at))),
        Manner::WithoutNumber => {
            let digest = query.windows(2).position(|pair| pair == [0x04, 0x20]).expect("a digest") + 2;
            send(REPLY, &authority.stamps_digest(&query[digest..digest + 32], Stamp::at(at)))
        }
        Manner::AsPage => send("text/html", &authority.answers(query, at)),
        Manner::Bytes(count) => send(REPLY, &vec![0; *count]),
        Manner::LeadsTo(place) => {
            let head = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes())
        }
        Manner::Endless => {
            stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Type: {REPLY}\r\n\r\n").as_bytes())?;
            loop {
                stream.write_all(&[0; 4096])?;
            }
        }
        Manner::Silent => {
            std::thread::sleep(std::time::Duration::from_secs(600));
            Ok(())
        }
    }
}
