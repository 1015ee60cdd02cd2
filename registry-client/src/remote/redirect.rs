//! Redirects of blobs, the only thing registries redirect: to a store of their own, elsewhere.

use aisoc_manifests::fault::Result;
use reqwest::header::LOCATION;
use reqwest::{StatusCode, Url};
use std::net::IpAddr;

use super::Remote;
use super::answer::{Answer, protocol};
use super::send::{Call, Outgoing};
use super::wire::{is_loopback, is_metadata, literal};

/// Most hops. A registry needs one, a content network in front of its store another.
const MAX_HOPS: usize = 5;
/// Longest `Location`: presigned URLs are long, but not endless.
const MAX_LOCATION_BYTES: usize = 8 << 10;

impl Remote {
    /// Follows the redirect that `answer` is. Credentials stay behind: `transmit` sends them to the
    /// registry's origin only, and hops carry none at all.
    pub(super) async fn follow(&self, call: &Call<'_>, mut answer: Answer) -> Result<Answer> {
        let mut at = call.url.clone();
        for _ in 0..MAX_HOPS {
            at = self.next_hop(call, &at, &answer)?;
            let hop = Call {
                method: call.method.clone(),
                url: at.clone(),
                headers: call.headers.clone(),
                body: Outgoing::Nothing,
                what: call.what.clone(),
            };
            answer = self.transmit(&hop, None).await.map_err(|broken| broken.fault)?;
            if !is_redirect(answer.status()) {
                return Ok(answer);
            }
        }
        Err(protocol(call, "redirects in circles"))
    }

    fn next_hop(&self, call: &Call<'_>, from: &Url, answer: &Answer) -> Result<Url> {
        let refuse = |why: &str| protocol(call, &format!("redirects {why}"));
        let location = answer.header(LOCATION).filter(|location| location.len() <= MAX_LOCATION_BYTES);
        let to = location.and_then(|location| from.join(location).ok()).ok_or_else(|| refuse("to no URL"))?;
        let safe_scheme = to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http");
        if !safe_scheme || !to.username().is_empty() || to.password().is_some() {
            return Err(refuse("to something less safe than TLS"));
        }
        if !self.may_reach(&to) {
            return Err(refuse(&format!("to the internal address `{}`", to.host_str().unwrap_or_default())));
        }
        Ok(to)
    }

    /// Whether a URL that the registry named may be requested from here: not where only this machine
    /// or its cloud answers (SSRF, CVE-2026-49478), unless the registry itself is there.
    pub(super) fn may_reach(&self, to: &Url) -> bool {
        may_reach(&self.0.base, to)
    }
}

/// See [`Remote::may_reach`].
pub(super) fn may_reach(registry: &Url, to: &Url) -> bool {
    let host = to.host_str().unwrap_or_default();
    let named_metadata = ["metadata.google.internal", "metadata.goog", "metadata.azure.com", "metadata.azure.internal"]
        .iter()
        .any(|name| host.trim_end_matches('.') == *name)
        || host.trim_end_matches('.').ends_with("instance-data.ec2.internal");
    if named_metadata || literal(to).is_some_and(is_metadata) {
        return false;
    }
    if registry.host_str() == Some(host) {
        return true;
    }
    if is_loopback(to) || host.ends_with(".localhost") {
        return is_loopback(registry);
    }
    !literal(to).is_some_and(is_private)
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        // 100.64.0.0/10 is shared address space: inside a carrier or a cloud.
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_cannot_send_us_inside() {
        let url = |text: &str| Url::parse(text).expect(text);
        let public = url("https://ghcr.io/");
        for target in [
            "https://169.254.169.254/latest",
            "https://2852039166/",
            "https://0xa9fea9fe/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:169.254.169.254]/",
            "https://100.100.100.200/",
            "https://10.0.0.1/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://x.localhost/",
            "https://[::1]/",
            "https://[fd12::1]/",
            "https://metadata.google.internal./",
            "https://0.0.0.0/",
        ] {
            assert!(!may_reach(&public, &url(target)), "{target}");
        }
        assert!(may_reach(&public, &url("https://blobs.example/x")));
        assert!(may_reach(&url("http://127.0.0.1:5000/"), &url("http://localhost:5001/x")));
        assert!(may_reach(&url("https://10.0.0.1/"), &url("https://10.0.0.1:9000/x")));
        assert!(!may_reach(&url("https://10.0.0.1/"), &url("https://10.0.0.2/x")));
        assert!(!may_reach(&url("http://169.254.1.1/"), &url("http://169.254.1.1/x")));
    }
}
