//! Why TLS could not be agreed on, in words: a certificate that was not taken, or a place that does not speak
//! it. All of it is for a person to look at, and nothing that another try would change.

use std::error::Error;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
use jiff::Timestamp;
use reqwest::Url;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

use super::verifier::Rejected;
use crate::remote::broken::chain;
use crate::remote::origin::{authority, is_loopback};
use crate::remote::proxy::Proxy;

/// Most characters of the names in a certificate that are shown: whoever made it wrote them.
const MAX_SHOWN: usize = 200;

/// The fault of an exchange with `url` that TLS ended, if it did.
pub(in crate::remote) fn fault(error: &(dyn Error + 'static), url: &Url, proxy: Option<&Proxy>) -> Option<Fault> {
    let tls: &rustls::Error = chain(error).find_map(|cause| cause.downcast_ref())?;
    // A proxy that is spoken to over TLS as well has a certificate of its own.
    let who = match proxy.filter(|proxy| proxy.was_not_passed(url, error)) {
        Some(proxy) => proxy.to_string(),
        None => format!("`{}`", authority(url)),
    };
    match (Rejected::of(tls), tls) {
        (Some(rejected), _) => Some(rejected_by_us(rejected, &who)),
        // Of the handshake, where the certificate itself was taken already.
        (None, rustls::Error::InvalidCertificate(CertificateError::BadSignature)) => Some(without_key(&who)),
        // Its own trouble, which may pass.
        (None, rustls::Error::AlertReceived(AlertDescription::InternalError)) => None,
        (None, rustls::Error::AlertReceived(alert)) => Some(refused_by_them(&who, *alert)),
        (None, rustls::Error::InvalidMessage(_)) => Some(no_tls(&who, is_loopback(url))),
        (None, rustls::Error::PeerIncompatible(_)) => {
            let hint = "tell the operator: TLS 1.2 with forward secrecy is the least that is spoken";
            let fault = failed(format!("{who} offers no version or cipher of TLS that is safe"));
            Some(fault.caused_by(tls.clone()).hint(hint))
        }
        _ => None,
    }
}

/// Why TLS ended an exchange with `url`, in words that repeat nothing of a certificate.
pub fn tls_trouble(error: &(dyn Error + 'static), url: &Url) -> Option<String> {
    fault(error, url, None).map(|fault| fault.message().to_owned())
}

/// Whether TLS is what an exchange ended of.
pub fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.is::<rustls::Error>())
}

fn failed(message: String) -> Fault {
    Fault::new(Reason::RegistryTls, message)
}

fn rejected_by_us(rejected: &Rejected, who: &str) -> Fault {
    match &rejected.why {
        CertificateError::NotValidForNameContext { presented, .. } => {
            failed(format!("the certificate of {who} is for another name"))
                .expected(rejected.server.to_str(), names(presented))
                .hint("reach the registry by a name of its certificate, or have its operator add this one")
        }
        CertificateError::ExpiredContext { time, not_after } => failed(format!("the certificate of {who} has expired"))
            .expected(format!("valid at {}", date(*time)), format!("valid until {}", date(*not_after)))
            .hint("tell the operator of the registry, unless the clock of this machine is wrong: `date -u`"),
        CertificateError::NotValidYetContext { time, not_before } => {
            failed(format!("the certificate of {who} is not valid yet"))
                .expected(format!("valid at {}", date(*time)), format!("valid from {}", date(*not_before)))
                .hint("see whether the clock of this machine is right: `date -u`")
        }
        // An authority of the same name, and another key.
        CertificateError::BadSignature => not_trusted(rejected, who),
        _ if rejected.lacks_issuer => not_trusted(rejected, who),
        why => failed(format!("the certificate of {who} is not usable: {}", shown(&why.to_string(), MAX_SHOWN)))
            .hint("tell the operator of the registry"),
    }
}

/// Nobody who is trusted vouches for it. Which file to give is the operator's to say, so the certificate's
/// digest is shown: what it is compared with comes another way than the certificate did.
fn not_trusted(rejected: &Rejected, who: &str) -> Fault {
    let kind = if rejected.is_self_signed { "one that vouches for itself" } else { "one of an unknown authority" };
    failed(format!("nobody whom this machine trusts vouches for the certificate of {who}"))
        .expected("a certificate of a trusted authority", format!("{kind}, {}", rejected.digest))
        .hint(
            "get the certificate of the registry's authority, or of the proxy that inspects TLS, from their operator, \
             and give it with `--ca-file FILE`",
        )
}

/// Whoever shows a certificate signs the handshake with its key (RFC 8446, 4.4.3). Anybody can show it.
fn without_key(who: &str) -> Fault {
    failed(format!("what answers for {who} does not hold the key of the certificate that it shows"))
        .hint("tell the operator of the registry: somebody shows its certificate, or it has the key of another one")
}

/// The names as the library lists them, without its words for their kinds.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| match name.split_once('(') {
        Some((_, rest)) => rest.trim_end_matches(')').trim_matches('"').to_owned(),
        None => name.clone(),
    };
    match presented {
        // What `openssl req -subj /CN=host` makes, and no client of today takes (RFC 9525, 2).
        [] => "no name of a host: it has no subjectAltName, and the common name is none".to_owned(),
        presented => shown(&presented.iter().map(bare).collect::<Vec<_>>().join(", "), MAX_SHOWN),
    }
}

fn date(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "a time that no calendar has".to_owned(), |time| time.to_string())
}

/// The server ended the handshake, and said why (RFC 8446, 6.2).
fn refused_by_them(who: &str, alert: AlertDescription) -> Fault {
    let fault = failed(format!("{who} does not agree on TLS: it answered with the alert {alert:?}"));
    match alert {
        AlertDescription::CertificateRequired => {
            fault.hint("name a certificate of yours with `client_certificate` and `client_key` in registries.toml: see `aisoc help registries`")
        }
        _ => fault.hint("check host and port, and tell the operator of the registry which alert it was"),
    }
}

/// What came back is no TLS: most often the port of a server that speaks plain HTTP.
fn no_tls(who: &str, is_on_this_machine: bool) -> Fault {
    let fault = failed(format!("what answers at {who} does not speak TLS"));
    match is_on_this_machine {
        true => fault.hint(
            "check the port; on this machine TLS is spoken because of `--plain-http=false`, of `--ca-file`, or of a \
             file in AISOC_CA_FILE or SSL_CERT_FILE with a certificate for this host",
        ),
        false => {
            fault.hint("check host and port: registries speak TLS on 443, and elsewhere where their operator says")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_certificate_are_shown_bare_and_harmless() {
        let presented = ["DnsName(\"a.example\")", "IpAddress(10.0.0.1)", "DirectoryName"].map(str::to_owned);
        assert_eq!(names(&presented), "a.example, 10.0.0.1, DirectoryName");
        assert!(names(&[]).contains("subjectAltName"));
        assert_eq!(names(&["DnsName(\"a\u{1b}[2J\")".to_owned()]), "a\\u{1b}[2J");
    }
}
