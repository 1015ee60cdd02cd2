//! `Place`: one repository of one registry, and which of the keys that stand in login files mean it.
//!
//! A credential belongs to one host and port. What matches more loosely, by a suffix or without the port,
//! hands the password of one registry to whoever runs another beside it.

use std::cmp::Reverse;

use aisoc_manifests::registry_host::RegistryHost;
use reqwest::Url;

/// Docker Hub has three names, and Docker stores its login under the URL of an API that it no longer has.
const HUB: &str = "docker.io";
const HUB_ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What Docker Desktop keeps beside a login, below the URL of the registry's API. Sent as a password, a token
/// for the account would be in the registry's log.
const NEVER_PASSWORDS: [&str; 2] = ["access-token", "refresh-token"];

/// One repository of one registry.
#[derive(Debug, Clone)]
pub(in crate::remote) struct Place {
    /// `host[:port]`, as the reference has it.
    registry: String,
    repository: String,
    /// The port that is meant where none is written: without TLS it is not the one for TLS, and a login for that one
    /// must not be sent in clear.
    port: u16,
}

/// The port for TLS.
const HTTPS: u16 = 443;

/// How well a key fits a place. The least one is asked first, and two of one file are never equal: what
/// decides between them is written here, and no order of a table in memory.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit<'a> {
    /// The longest path first: `host/team` before `host` (containers-auth.json(5)).
    depth: Reverse<usize>,
    /// The key as the tool writes it that made the file, before every other spelling of it.
    is_respelled: bool,
    scheme: Scheme,
    path: Path,
    key: &'a str,
}

/// A key without a scheme is what tools write today; `http://` is what nobody should have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scheme {
    None,
    Https,
    Http,
}

/// What follows the host where it is no namespace: nothing, the API that is spoken, the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Path {
    Host,
    VersionTwo,
    VersionOne,
    /// Docker and podman drop it from a URL, and so it means the whole host, after everything that says so.
    Other,
}

impl Place {
    /// That repository at a registry that is reached at `base`; an empty one is the registry as a whole, for which no
    /// namespace of it counts.
    pub(in crate::remote) fn of(registry: &RegistryHost, repository: &str, base: &Url) -> Self {
        let port = if base.scheme() == "http" { 80 } else { HTTPS };
        Self { registry: registry.to_string(), repository: repository.to_owned(), port }
    }

    pub(in crate::remote) fn registry(&self) -> &str {
        &self.registry
    }

    pub(in crate::remote) fn repository(&self) -> &str {
        &self.repository
    }

    /// Whether that `host[:port]` is this registry.
    pub(super) fn is_at(&self, registry: &str) -> bool {
        origin(registry, self.port) == origin(&self.registry, self.port)
    }

    /// The names under which a credential helper may know the registry, in the order in which it is asked:
    /// `docker login` stores a URL for Docker Hub and a host for every other, and older tools did the reverse.
    pub(super) fn servers(&self) -> [String; 2] {
        match self.is_at(HUB) {
            true => [HUB_KEY.to_owned(), HUB.to_owned()],
            false => [self.registry.clone(), format!("https://{}", self.registry)],
        }
    }

    /// How well the key fits, or nothing when it means another registry or another repository.
    pub(super) fn fit<'a>(&self, key: &'a str) -> Option<Fit<'a>> {
        let (scheme, rest) = split_scheme(key)?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !self.is_at(host) {
            return None;
        }
        let (depth, path) = self.depth(scheme, path.trim_end_matches('/'))?;
        let is_respelled = if self.is_at(HUB) { key != HUB_KEY } else { key != self.registry };
        Some(Fit { depth: Reverse(depth), is_respelled, scheme, path, key })
    }

    /// How many components of the repository the path of a key names, and what the path is if it names none.
    fn depth(&self, scheme: Scheme, path: &str) -> Option<(usize, Path)> {
        match path {
            "" => return Some((0, Path::Host)),
            "v2" => return Some((0, Path::VersionTwo)),
            "v1" => return Some((0, Path::VersionOne)),
            _ => {}
        }
        let rest = self.repository.strip_prefix(path);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Some((path.split('/').count(), Path::Host));
        }
        let is_password = path.rsplit('/').next().is_none_or(|last| !NEVER_PASSWORDS.contains(&last));
        (scheme != Scheme::None && is_password).then_some((0, Path::Other))
    }
}

impl Fit<'_> {
    /// Whether the key means the whole registry, and no namespace of it.
    pub(super) fn is_whole(&self) -> bool {
        self.depth == Reverse(0)
    }
}

fn split_scheme(key: &str) -> Option<(Scheme, &str)> {
    match key.split_once("://") {
        None => Some((Scheme::None, key)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Some((Scheme::Https, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Some((Scheme::Http, rest)),
        Some(_) => None,
    }
}

/// Host and port of a registry: one registry has several spellings, and no two registries have the same. A
/// port that is no number is one that no registry has.
fn origin(registry: &str, unwritten: u16) -> (String, u16) {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(0)),
        _ => (registry, unwritten),
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_hub = port == unwritten && HUB_ALIASES.contains(&host.as_str());
    (if is_hub { HUB.to_owned() } else { host }, port)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use aisoc_manifests::reference::Reference;

    pub(in super::super) fn place(reference: &str) -> Place {
        let Reference::Registry(reference) = reference.parse().expect(reference) else { panic!("{reference}") };
        let any = Url::parse("https://any.test/").expect("a URL");
        Place::of(&RegistryHost::from(&reference), reference.repository(), &any)
    }

    #[test]
    fn a_registry_as_a_whole_has_no_namespace_of_it() {
        let any = Url::parse("https://any.test/").expect("a URL");
        let whole = Place::of(&"ghcr.io".parse().expect("a registry"), "", &any);
        for key in ["ghcr.io", "https://ghcr.io", "ghcr.io:443", "https://ghcr.io/v1/", "http://ghcr.io"] {
            assert!(whole.fit(key).expect(key).is_whole(), "{key}");
        }
        for key in ["ghcr.io/team", "ghcr.io/team/demo", "quay.io", "ghcr.io:5000"] {
            assert_eq!(whole.fit(key), None, "{key}");
        }
    }

    #[test]
    fn one_registry_has_several_spellings_and_no_two_have_the_same() {
        for same in ["ghcr.io", "GHCR.io", "ghcr.io:443", "ghcr.io."] {
            assert_eq!(origin(same, HTTPS), origin("ghcr.io", HTTPS), "{same}");
        }
        for other in ["ghcr.io:5000", "ghcr.io.evil.example", "evil.ghcr.io", "xghcr.io", "ghcr.io:80", "ghcr.io:"] {
            assert_ne!(origin(other, HTTPS), origin("ghcr.io", HTTPS), "{other}");
        }
        assert_eq!(origin("[::1]:5000", HTTPS), ("[::1]".to_owned(), 5000));
        assert_eq!(origin("[::1]", HTTPS), ("[::1]".to_owned(), 443));
        assert_ne!(origin("registry.corp:443", 80), origin("registry.corp", 80), "a login for TLS, without");
        assert_eq!(origin("registry.corp:80", 80), origin("registry.corp", 80));
        assert_ne!(origin("index.docker.io:5000", HTTPS), origin("docker.io", HTTPS));
    }

    #[test]
    fn of_several_keys_for_one_repository_the_order_is_this_one() {
        let place = place("registry.example/team/demo/tool:1");
        let keys = [
            "registry.example/team/demo/tool",
            "registry.example/team/demo",
            "registry.example/team",
            "registry.example/team/",
            "https://registry.example/team",
            "registry.example",
            "REGISTRY.example",
            "registry.example.",
            "registry.example/",
            "registry.example:443",
            "registry.example/v2/",
            "registry.example/v1",
            "https://registry.example",
            "https://registry.example/",
            "https://registry.example/v2",
            "https://registry.example/v2/",
            "https://registry.example/v1",
            "https://registry.example/v1/",
            "https://registry.example/other/",
            "http://registry.example",
            "http://registry.example/v2/",
        ];
        let mut sorted: Vec<_> = keys.iter().rev().map(|key| place.fit(key).expect(key)).collect();
        sorted.sort();
        let sorted: Vec<_> = sorted.iter().map(|fit| fit.key).collect();
        assert_eq!(sorted, keys);
    }

    #[test]
    fn no_other_registry_and_no_other_repository_is_meant() {
        let place = place("registry.example/team/demo:1");
        for key in [
            "",
            "/",
            "registry.example:5000",
            "registry.example/tea",
            "registry.example/team/demo2",
            "registry.example/team/demo/tool",
            "registry.example/team//demo",
            "registry.example//team",
            "registry.example/v1/access-token",
            "https://registry.example/v1/access-token",
            "https://registry.example/v1/refresh-token",
            "ftp://registry.example",
            "https://user@registry.example",
            "example",
            "registry.example.evil.example",
        ] {
            assert_eq!(place.fit(key), None, "{key}");
        }
    }

    #[test]
    fn docker_hub_is_one_registry_under_all_its_names() {
        let mut spellings = 0;
        for name in ["docker.io/team/demo:1", "index.docker.io/team/demo:1", "registry-1.docker.io/team/demo:1"] {
            let place = place(name);
            for scheme in ["", "https://", "http://"] {
                for host in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
                    for path in ["", "/", "/v1", "/v1/", "/v2", "/v2/"] {
                        let key = format!("{scheme}{host}{path}");
                        let fit = place.fit(&key).expect(&key);
                        assert!(fit.is_whole() && fit >= place.fit(HUB_KEY).expect("the key"), "{key}");
                        spellings += 1;
                    }
                }
            }
            for never in ["access-token", "refresh-token"] {
                assert_eq!(place.fit(&format!("{HUB_KEY}{never}")), None);
            }
            assert_eq!(place.servers(), [HUB_KEY, HUB]);
            assert!(place.fit("docker.io/team").expect("a namespace") < place.fit(HUB_KEY).expect("the key"));
        }
        assert_eq!(spellings, 3 * 54);
    }
}
