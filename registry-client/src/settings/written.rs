//! The file of settings: TOML, a table for each registry. What it has no word for is refused, and where that stands is
//! said: a setting that is misspelt would hold nowhere, and nobody would know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Location, Reason, Result};
use aisoc_manifests::position::Position;
use aisoc_manifests::registry_host::RegistryHost;
use aisoc_manifests::text::shown;
use serde::Deserialize;
use toml::Spanned;

use super::file::SettingFile;
use super::mirrors::{self, Written};
use super::setting::{ClientCertificate, LoginSources, RegistryMirror, RegistrySetting, key};

/// Largest file of settings.
pub const MAX_SETTINGS_BYTES: u64 = 1 << 20;
/// Most registries of one.
const MAX_REGISTRIES: usize = 1_000;
/// How much of the file and of a reader's words is shown.
const MAX_SHOWN: usize = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    certs_d: Option<Spanned<String>>,
    #[serde(default)]
    registry: BTreeMap<Spanned<String>, WrittenRegistry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRegistry {
    ca: Option<Spanned<String>>,
    client_certificate: Option<Spanned<String>>,
    client_key: Option<Spanned<String>>,
    plain_http: Option<Spanned<bool>>,
    credentials: Option<Spanned<String>>,
    mirrors: Option<Spanned<Vec<Spanned<toml::Value>>>>,
    mirrors_only: Option<Spanned<bool>>,
}

/// What a file says.
pub(super) struct Read {
    pub(super) certs_d: Option<PathBuf>,
    pub(super) registries: BTreeMap<String, RegistrySetting>,
}

/// What that text says; `file` is how messages name it.
pub(super) fn read(text: &str, file: &str, directory: &Path) -> Result<Read> {
    let place = |at| Location::new(file, Position::of_byte(text.as_bytes(), at));
    let wrong = |(at, message): (usize, String)| Fault::new(Reason::RegistrySettingsInvalid, message).at(place(at));
    let written: WrittenFile = toml::from_str(text)
        .map_err(|error| wrong((error.span().map_or(0, |span| span.start), shown(error.message(), MAX_SHOWN))))?;
    let certs_d = written.certs_d.map(|path| path_of(&path, directory)).transpose().map_err(wrong)?;
    let registries = registries(written.registry, directory, &place).map_err(wrong)?;
    Ok(Read { certs_d, registries })
}

fn registries(
    written: BTreeMap<Spanned<String>, WrittenRegistry>,
    directory: &Path,
    place: &dyn Fn(usize) -> Location,
) -> Written<BTreeMap<String, RegistrySetting>> {
    let mut registries = BTreeMap::new();
    let mut resolving: Vec<(usize, RegistryMirror)> = Vec::new();
    for (name, table) in written {
        let at = name.span().start;
        let host: RegistryHost = name
            .get_ref()
            .parse()
            .map_err(|fault: Fault| (at, format!("{}: {}", fault.message(), fault.next_step())))?;
        let host = key(&host);
        if registries.len() >= MAX_REGISTRIES {
            return Err((at, format!("there are more than {MAX_REGISTRIES} registries")));
        }
        let credentials_at = table.credentials.as_ref().map(|word| place(word.span().start));
        let (said, mirrors) = setting(table, at, &host, directory)?;
        let said = RegistrySetting { credentials_at, ..said };
        resolving.extend(mirrors.into_iter().filter(|(_, mirror)| mirror.resolves));
        if registries.insert(host.clone(), said).is_some() {
            return Err((at, format!("the registry `{host}` stands here twice, under two of its names")));
        }
    }
    let is_plain = |host: &RegistryHost| registries.get(&key(host)).is_some_and(|said| said.plain_http == Some(true));
    // Without TLS whoever is on the way would say what the tag names. On this machine nobody is.
    match resolving.iter().find(|(_, mirror)| is_plain(&mirror.registry) && !mirror.registry.is_loopback()) {
        Some((at, mirror)) => {
            let message =
                format!("the mirror `{mirror}` is spoken to without TLS, so `resolve` cannot be `true` of it");
            Err((*at, message))
        }
        None => Ok(registries),
    }
}

/// What a table says, and of each mirror where it stands.
type Said = (RegistrySetting, Vec<(usize, RegistryMirror)>);

/// What the table of one registry says, whose name stands `at` and is `host`.
fn setting(table: WrittenRegistry, at: usize, host: &str, directory: &Path) -> Written<Said> {
    let WrittenRegistry { ca, client_certificate, client_key, plain_http, credentials, mirrors, mirrors_only } = table;
    let mirrors = mirrors.map(|written| mirrors::read(written, host)).transpose()?.unwrap_or_default();
    if let Some(only) = mirrors_only.as_ref().filter(|only| *only.get_ref() && mirrors.is_empty()) {
        return Err((only.span().start, "`mirrors_only = true` has no `mirrors`".to_owned()));
    }
    let is_plain = plain_http.as_ref().is_some_and(|plain| *plain.get_ref());
    let tls = [&ca, &client_certificate, &client_key].into_iter().flatten().next();
    if let (true, Some(tls)) = (is_plain, tls) {
        return Err((tls.span().start, "`plain_http = true` is no TLS, and a certificate is for TLS".to_owned()));
    }
    let file = |path: Spanned<String>| path_of(&path, directory).map(SettingFile::named);
    let client_certificate = match (client_certificate, client_key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate: file(certificate)?, key: file(key)? }),
        (Some(alone), None) => return Err((alone.span().start, "`client_certificate` has no `client_key`".to_owned())),
        (None, Some(alone)) => return Err((alone.span().start, "`client_key` has no `client_certificate`".to_owned())),
    };
    let said = RegistrySetting {
        authorities: ca.map(file).transpose()?.into_iter().collect(),
        client_certificate,
        plain_http: plain_http.map(Spanned::into_inner),
        credentials: credentials.map(|word| sources(&word)).transpose()?.unwrap_or_default(),
        credentials_at: None,
        mirrors: mirrors.iter().map(|(_, mirror)| mirror.clone()).collect(),
        mirrors_only: mirrors_only.is_some_and(Spanned::into_inner),
    };
    match said == RegistrySetting::default() {
        true => Err((at, "nothing is said of this registry".to_owned())),
        false => Ok((said, mirrors)),
    }
}

fn sources(word: &Spanned<String>) -> Written<LoginSources> {
    let all = [LoginSources::Nowhere, LoginSources::Environment, LoginSources::Docker];
    let meant = all.into_iter().find(|sources| sources.as_str() == Some(word.get_ref()));
    meant.ok_or_else(|| {
        let found = shown(word.get_ref(), MAX_SHOWN);
        (word.span().start, format!("`credentials` is \"none\", \"environment\" or \"docker\", and not `{found}`"))
    })
}

/// A path below the directory of the file, unless it is absolute.
fn path_of(path: &Spanned<String>, directory: &Path) -> Written<PathBuf> {
    match path.get_ref().as_str() {
        "" => Err((path.span().start, "a path is empty".to_owned())),
        home if home.starts_with('~') => {
            Err((path.span().start, "`~` is not replaced here: write the whole path".to_owned()))
        }
        path => Ok(directory.join(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Read> {
        read(text, "registries.toml", Path::new("/etc/aisoc"))
    }

    fn setting_of(text: &str, host: &str) -> Option<RegistrySetting> {
        settings(text).expect(text).registries.remove(&key(&host.parse().expect(host)))
    }

    #[test]
    fn each_registry_has_what_its_table_says() {
        let text = "[registry.\"Registry.corp:5000\"]\nca = \"corp.pem\"\nclient_certificate = \"/c.pem\"\nclient_key = \"k\"\n\
                    [registry.\"ghcr.io\"]\ncredentials = \"none\"\n[registry.localhost]\nplain_http = false\n";
        let corp = setting_of(text, "registry.corp:5000").expect("written");
        let file = |path: &str| SettingFile::named(path.into());
        assert_eq!(corp.authorities, [file("/etc/aisoc/corp.pem")]);
        let own = ClientCertificate { certificate: file("/c.pem"), key: file("/etc/aisoc/k") };
        assert_eq!(corp.client_certificate, Some(own));
        assert_eq!(setting_of(text, "ghcr.io:443").expect("written").credentials, LoginSources::Nowhere);
        assert_eq!(setting_of(text, "localhost").expect("written").plain_http, Some(false));
        assert_eq!(setting_of(text, "registry.corp"), None, "another port is another registry");
        assert_eq!(setting_of("", "ghcr.io"), None);
    }

    #[test]
    fn what_has_no_meaning_is_refused_where_it_stands() {
        let table = |rest: &str| format!("[registry.\"r.example\"]\n{rest}");
        for (text, place, message) in [
            ("registy = 1".to_owned(), "1:1", "unknown field"),
            (table("insecure = true"), "2:1", "unknown field"),
            (table("ca = 1"), "2:6", "invalid type"),
            (table("ca = \"a\"\nca = \"b\""), "3:1", "duplicate"),
            (table("ca = \"\""), "2:6", "empty"),
            (table("ca = \"~/ca.pem\""), "2:6", "`~` is not replaced"),
            (table("client_key = \"k\""), "2:14", "no `client_certificate`"),
            (table("client_certificate = \"c\""), "2:22", "no `client_key`"),
            (table("plain_http = true\nca = \"c\""), "3:6", "is no TLS"),
            (table("plain_http = \"yes\""), "2:14", "invalid type"),
            (table("credentials = \"keychain\""), "2:15", "`keychain`"),
            (table(""), "1:11", "nothing is said"),
            ("[registry.\"https://r.example\"]\nplain_http = true".to_owned(), "1:11", "name the host alone"),
            ("[registry.\"u:p@r.example\"]\nplain_http = true".to_owned(), "1:11", "user names"),
            (table("plain_http = true\n[registry.\"R.example:443\"]\nplain_http = true"), "", "twice"),
            ("certs_d = \"\"".to_owned(), "1:11", "empty"),
            (table("mirrors = []"), "2:11", "names none"),
            (table("mirrors = \"m.example\""), "2:11", "invalid type"),
            (table("mirrors = [1]"), "2:12", "not integer"),
            (table("mirrors = [\"a.example\", \"R.example:443\"]"), "2:25", "no mirror of itself"),
            (table("mirrors = [\"a.example/x\",\n  { registry = \"A.example:443/x\" }]"), "3:3", "twice"),
            (table("mirrors = [\"https://a.example\"]"), "2:12", "without a scheme"),
            (table("mirrors = [\"u:p@a.example\"]"), "2:12", "user names"),
            (table("mirrors = [\"a.example/x:1\"]"), "2:12", "HOST[/PREFIX]"),
            (table("mirrors = [{ resolve = true }]"), "2:12", "has no `registry"),
            (table("mirrors = [{ registry = \"a.example\", resolve = 1 }]"), "2:12", "`true` or `false`"),
            (table("mirrors = [{ registry = \"a.example\", resolves = true }]"), "2:12", "no `resolves`"),
            (table("mirrors_only = true"), "2:16", "has no `mirrors`"),
            (
                table(
                    "mirrors = [{ registry = \"a.example\", resolve = true }]\n[registry.\"a.example\"]\nplain_http = true",
                ),
                "2:12",
                "without TLS",
            ),
            (
                "[registry.\"docker.io\"]\nmirrors = [\"registry-1.docker.io\"]".to_owned(),
                "2:12",
                "`docker.io` is no mirror of itself",
            ),
            ("x".to_owned(), "1:", ""),
        ] {
            let Err(fault) = settings(&text) else { panic!("{text}") };
            assert_eq!(fault.reason(), Reason::RegistrySettingsInvalid, "{text}");
            let shown = fault.to_string();
            assert!(shown.contains(&format!("registries.toml:{place}")), "{text}: {shown}");
            assert!(fault.message().contains(message), "{text}: {}", fault.message());
        }
    }

    #[test]
    fn a_registry_has_the_mirrors_that_are_written_in_that_order() {
        let text = "[registry.\"docker.io\"]\nmirrors = [\"b.example/hub\", { registry = \"a.example\", resolve = true }]\n\
                    mirrors_only = true\n[registry.\"b.example\"]\nplain_http = true\nmirrors = [\"docker.io/b\"]\n";
        let hub = setting_of(text, "index.docker.io").expect("written");
        let said: Vec<_> = hub.mirrors.iter().map(|mirror| (mirror.to_string(), mirror.resolves)).collect();
        assert_eq!(said, [("b.example/hub".to_owned(), false), ("a.example".to_owned(), true)]);
        assert!(hub.mirrors_only);
        let other = setting_of(text, "b.example").expect("written");
        assert_eq!((other.mirrors.len(), other.mirrors_only), (1, false));
        let here = "[registry.\"r.example\"]\nmirrors = [{ registry = \"localhost:5000\", resolve = true }]\n\
                    [registry.\"localhost:5000\"]\nplain_http = true\n";
        assert!(setting_of(here, "r.example").is_some(), "on this machine nobody is on the way");
    }

    #[test]
    fn a_registry_has_eight_mirrors_at_most() {
        for (count, is_taken) in [(7, true), (8, true), (9, false)] {
            let mirrors: Vec<String> = (0..count).map(|number| format!("\"m{number}.example\"")).collect();
            let text = format!("[registry.\"r.example\"]\nmirrors = [{}]", mirrors.join(", "));
            assert_eq!(settings(&text).is_ok(), is_taken, "{count}");
        }
    }

    #[test]
    fn a_file_has_a_thousand_registries_at_most() {
        for (count, is_taken) in [(MAX_REGISTRIES - 1, true), (MAX_REGISTRIES, true), (MAX_REGISTRIES + 1, false)] {
            let table = |number: usize| format!("[registry.\"r{number}.example\"]\nplain_http = true\n");
            let text: String = (0..count).map(table).collect();
            assert_eq!(settings(&text).is_ok(), is_taken, "{count}");
        }
    }
}
