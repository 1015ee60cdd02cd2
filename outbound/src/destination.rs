//! `Destinations`: where an operator lets a plugin go.

use std::fmt;

use aisoc_manifests::address::{Zone, is_local_name, is_metadata_service, zone};
use serde::Deserialize;
use url::Url;

use crate::limits::{MAX_DESTINATIONS, MAX_PER_MINUTE};
use crate::resolver::{Side, literal};

/// What a plugin of one id may ask of the network.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Where it may go.
    pub destinations: Destinations,
    /// How often.
    pub requests_per_minute: u32,
}

/// The same, as an operator writes it: [`Grant::try_from`] says what is wrong with it, which a reader of files does not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenGrant {
    #[serde(default)]
    destinations: Vec<String>,
    #[serde(default)]
    inside: Vec<String>,
    #[serde(default = "usual_rate")]
    requests_per_minute: u32,
}

fn usual_rate() -> u32 {
    60
}

impl TryFrom<WrittenGrant> for Grant {
    type Error = BadDestination;

    fn try_from(written: WrittenGrant) -> Result<Self, BadDestination> {
        let WrittenGrant { destinations, inside, requests_per_minute } = written;
        if !(1..=MAX_PER_MINUTE).contains(&requests_per_minute) {
            let why = format!("expected 1 to {MAX_PER_MINUTE} requests in a minute, found {requests_per_minute}");
            return Err(BadDestination { what: "requests_per_minute".to_owned(), why });
        }
        Ok(Self { destinations: Destinations::new(&destinations, &inside)?, requests_per_minute })
    }
}

/// Where a plugin may go. Of none, nowhere.
#[derive(Debug, Clone, Default)]
pub struct Destinations(Vec<Destination>);

/// A line of an operator's that is no destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadDestination {
    pub(crate) what: String,
    pub(crate) why: String,
}

impl fmt::Display for BadDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be used: {}", self.what, self.why)
    }
}

impl std::error::Error for BadDestination {}

/// One of them: scheme, host, port, and the path below which everything is.
#[derive(Debug, Clone)]
struct Destination {
    scheme: String,
    host: Host,
    port: u16,
    /// Without a `/` at its end: of the whole host, empty.
    path: String,
    side: Side,
}

#[derive(Debug, Clone)]
enum Host {
    Exactly(String),
    /// Every name below this one, which is not one of them.
    Below(String),
}

impl Destinations {
    /// Those that lead to the internet, and those that may lead inside.
    ///
    /// # Errors
    /// The first line that is no destination.
    pub fn new(outside: &[String], inside: &[String]) -> Result<Self, BadDestination> {
        let count = outside.len() + inside.len();
        if count > MAX_DESTINATIONS {
            let why = format!("expected at most {MAX_DESTINATIONS} destinations, found {count}");
            return Err(BadDestination { what: "destinations".to_owned(), why });
        }
        let outside = outside.iter().map(|text| Destination::read(text, Side::Outside));
        let inside = inside.iter().map(|text| Destination::read(text, Side::Inside));
        outside.chain(inside).collect::<Result<_, _>>().map(Self)
    }

    /// Where the URL leads to by what is written down, if it is written down. What is said twice, of both sides, may lead
    /// inside.
    pub(crate) fn side_of(&self, url: &Url) -> Option<Side> {
        self.0.iter().filter(|destination| destination.holds(url)).map(|destination| destination.side).max()
    }
}

impl Destination {
    fn read(text: &str, side: Side) -> Result<Self, BadDestination> {
        let bad = |why: &str| BadDestination { what: text.to_owned(), why: why.to_owned() };
        let url = Url::parse(text).map_err(|_| bad("expected a URL such as https://api.example.com/v1"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(bad("expected https or http"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // Not repeated: it holds a password.
            let what = url.host_str().unwrap_or_default().to_owned();
            return Err(BadDestination { what, why: "it has a login, which is the plugin's to send".to_owned() });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it has a query or a fragment, by which nothing is held apart"));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(bad("it has no host"));
        };
        let path = url.path().trim_end_matches('/').to_owned();
        if !is_plain(&path) {
            return Err(bad("its path has an escape that servers read in two ways"));
        }
        let host = Host::read(host, literal(&url), side).map_err(bad)?;
        Ok(Self { scheme: url.scheme().to_owned(), host, port, path, side })
    }

    fn holds(&self, url: &Url) -> bool {
        url.scheme() == self.scheme
            && url.port_or_known_default() == Some(self.port)
            && url.host_str().is_some_and(|host| self.host.is(host))
            && self.holds_path(url.path())
    }

    /// By whole segments. Where a path is what holds two things apart, a path that a server may read as another one leads
    /// nowhere.
    fn holds_path(&self, path: &str) -> bool {
        let Some(below) = path.strip_prefix(&self.path) else { return false };
        self.path.is_empty() || is_plain(path) && (below.is_empty() || below.starts_with('/'))
    }
}

impl Host {
    fn read(host: &str, address: Option<std::net::IpAddr>, side: Side) -> Result<Self, &'static str> {
        if is_metadata_service(host) || address.is_some_and(|address| zone(address) == Zone::Never) {
            return Err("credentials of this machine are handed out there, or nobody is");
        }
        if let Some(below) = host.strip_prefix("*.") {
            return match side {
                Side::Inside => Err("what is inside has to be named exactly"),
                Side::Outside if below.contains('*') || !below.contains('.') => Err("expected `*.` before two labels"),
                Side::Outside => Ok(Self::Below(below.to_owned())),
            };
        }
        if host.contains('*') {
            return Err("a `*` stands for whole labels, at the beginning");
        }
        let is_inside = is_local_name(host) || address.is_some_and(|address| zone(address) != Zone::Public);
        if is_inside && side == Side::Outside {
            return Err("it is this machine or its network: write it into `inside`");
        }
        Ok(Self::Exactly(host.to_owned()))
    }

    fn is(&self, host: &str) -> bool {
        match self {
            Self::Exactly(name) => name == host,
            Self::Below(name) => {
                host.strip_suffix(name.as_str()).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
        }
    }
}

/// Whether every server reads the same segments there: no `/`, `\`, NUL or `%` that is escaped, and no dots that one reads
/// as a way up when it has taken the parameters away (`..;a`).
fn is_plain(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let has_escape = ["%2f", "%5c", "%00", "%25", "%2e", "%3b"].iter().any(|escape| path.contains(escape));
    // What is no ASCII, where a server reads dots into it: overlong, wide, or as `%u002e`.
    let is_wide = |escape: &str| escape.starts_with(|first: char| matches!(first, '8'..='9' | 'a'..='f' | 'u'));
    let is_up = |segment: &str| segment.trim_start_matches("%20").starts_with("..");
    !has_escape && !path.split('%').skip(1).any(is_wide) && !path.split('/').any(is_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(outside: &[&str], inside: &[&str]) -> Result<Destinations, BadDestination> {
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        Destinations::new(&owned(outside), &owned(inside))
    }

    fn leads(to: &Destinations, url: &str) -> Option<Side> {
        to.side_of(&Url::parse(url).expect(url))
    }

    #[test]
    fn a_url_leads_where_its_scheme_host_port_and_path_are_written_down() {
        let there = destinations(
            &[
                "https://api.example.com",
                "https://*.example.org:8443/",
                "https://v.example.com/v1/",
                "http://p.example/x",
            ],
            &["https://10.0.0.5", "http://localhost:9000"],
        )
        .expect("destinations");
        for url in [
            "https://api.example.com/",
            "https://API.example.com:443/any?x=%2f#y",
            "https://a.example.org:8443/",
            "https://a.b.example.org:8443/x",
            "https://v.example.com/v1",
            "https://v.example.com/v1/",
            "https://v.example.com/v1/a%20b",
            "https://v.example.com/x/../v1/a",
            "http://p.example/x/y",
        ] {
            assert_eq!(leads(&there, url), Some(Side::Outside), "{url}");
        }
        assert_eq!(leads(&there, "https://10.0.0.5/a"), Some(Side::Inside));
        assert_eq!(leads(&there, "https://0xa000005/a"), Some(Side::Inside), "the same address");
        assert_eq!(leads(&there, "http://localhost:9000/"), Some(Side::Inside));
        for url in [
            "http://api.example.com/",
            "https://api.example.com:444/",
            "https://api.example.com./",
            "https://xapi.example.com/",
            "https://api.example.com.evil.test/",
            "https://example.org:8443/",
            "https://xexample.org:8443/",
            "https://.example.org:8443/",
            "https://a.example.org/",
            "https://v.example.com/",
            "https://v.example.com/v10",
            "https://v.example.com/v1/../v2",
            "https://v.example.com/v1/%2e%2e/v2",
            "https://v.example.com/v1/..%2fv2",
            "https://v.example.com/v1/a%2F..%2F..%2Fv2",
            "https://v.example.com/v1/..;a/v2",
            "https://v.example.com/v1/%c0%ae%c0%ae/v2",
            "https://v.example.com/v1/%C0%AE%c0%ae%c0%af/v2",
            "https://v.example.com/v1/%ef%bc%8e%ef%bc%8e/v2",
            "https://v.example.com/v1/．．/v2",
            "https://v.example.com/v1/%u002e%u002e/v2",
            "https://v.example.com/v1/%20../v2",
            "https://v.example.com/v1/%252e%252e/v2",
            "https://v.example.com/v1\\..\\v2",
            "https://v.example.com/v1/a%5c..%5cb",
            "https://10.0.0.6/",
            "http://localhost/",
            "http://127.0.0.1:9000/",
        ] {
            assert_eq!(leads(&there, url), None, "{url}");
        }
        assert_eq!(leads(&Destinations::default(), "https://api.example.com/"), None);
    }

    #[test]
    fn what_is_written_on_both_sides_may_lead_inside() {
        let both = destinations(&["https://a.example.com"], &["https://a.example.com"]).expect("destinations");
        assert_eq!(leads(&both, "https://a.example.com/"), Some(Side::Inside));
    }

    #[test]
    fn a_line_that_is_no_destination_is_refused_with_its_reason() {
        for (line, why) in [
            ("api.example.com", "expected a URL"),
            ("ftp://api.example.com", "expected https or http"),
            ("https://api.example.com/?a=b", "a query"),
            ("https://api.example.com/#a", "a fragment"),
            ("https://*", "a `*` stands for"),
            ("https://*.com", "two labels"),
            ("https://*.*.example.com", "two labels"),
            ("https://a.*.example.com", "a `*` stands for"),
            ("https://a*.example.com", "a `*` stands for"),
            ("https://localhost", "`inside`"),
            ("https://x.localhost", "`inside`"),
            ("https://127.0.0.1", "`inside`"),
            ("https://192.168.0.1", "`inside`"),
            ("https://[fd00::1]", "`inside`"),
            ("https://[::ffff:10.0.0.1]", "`inside`"),
            ("https://169.254.169.254", "credentials"),
            ("https://metadata.google.internal", "credentials"),
            ("https://a.example.com/v1/%2e%2E%2fv2", "an escape"),
        ] {
            let bad = destinations(&[line], &[]).expect_err(line).to_string();
            assert!(bad.contains(why) && bad.contains("cannot be used"), "{line}: {bad}");
        }
        let bad = destinations(&["https://user:hunter2@a.example.com"], &[]).expect_err("a login").to_string();
        assert!(bad.contains("a login") && !bad.contains("hunter2"), "{bad}");
        for line in ["https://169.254.169.254", "https://*.example.com", "http://[fd00:ec2::254]", "https://0.0.0.0"] {
            destinations(&[], &[line]).expect_err(line);
        }
        for line in ["https://169.254.169.253", "https://224.0.0.1"] {
            destinations(&[], &[line]).expect_err(line);
        }
        destinations(&[], &["https://10.0.0.1", "http://localhost", "https://intern.example"]).expect("inside");
    }

    #[test]
    fn there_are_as_many_as_somebody_reads() {
        let lines: Vec<String> =
            (0..=MAX_DESTINATIONS).map(|number| format!("https://a{number}.example.com")).collect();
        Destinations::new(&lines[..MAX_DESTINATIONS - 1], &lines[..1]).expect("as many as may be");
        let bad = Destinations::new(&lines[..MAX_DESTINATIONS], &lines[..1]).expect_err("one more").to_string();
        assert!(bad.contains("at most 256 destinations, found 257"), "{bad}");
    }

    #[test]
    fn a_grant_says_how_often() {
        for (rate, is_one) in [(0, false), (1, true), (MAX_PER_MINUTE, true), (MAX_PER_MINUTE + 1, false)] {
            let written = WrittenGrant { destinations: Vec::new(), inside: Vec::new(), requests_per_minute: rate };
            assert_eq!(Grant::try_from(written).is_ok(), is_one, "{rate}");
        }
    }
}
