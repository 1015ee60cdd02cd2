//! `ClientOptions`: everything a caller decides about talking to registries, as values.
//!
//! Nothing below reads the environment: the command line does, once, and hands the result in.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aisoc_files::PartialDirectory;
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Location, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::registry_host::RegistryHost;
use tokio::time::Instant;

use crate::certificates::Certificates;
use crate::limits::Limits;
use crate::notice::Told;
use crate::settings::{HeldSetting, KeyReader, LoginSources, RegistrySetting, RegistrySettings};
use crate::unreached::Unreached;

/// How to talk to registries.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Which registries are spoken to without TLS.
    pub plain_http: PlainHttp,
    /// Who we are.
    pub credentials: Credentials,
    /// Whose word is taken for who a registry is.
    pub certificates: Certificates,
    /// What was written down of registries: each has what is said of it where nothing is said here.
    pub settings: Arc<RegistrySettings>,
    /// How the keys of client certificates are read.
    pub key_reader: KeyReader,
    /// Through whom requests leave.
    pub proxies: Proxies,
    /// Hosts inside the operator's network that a registry may lead to, beside its own: its token service, its
    /// store. As names or addresses, without ports.
    pub also_reach: Vec<String>,
    /// The only registries, `host` or `host:port`, from which a manifest or a list of tags is taken when the one that
    /// is asked leads elsewhere; any where nothing is said. A blob is what its digest names wherever it lies.
    pub manifests_from: Option<BTreeSet<String>>,
    /// How long a registry may keep us.
    pub limits: Limits,
    /// The first pause before a retry; it doubles, and half of it is random.
    pub backoff: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// What ends the work on local files; requests end when their future is dropped.
    pub cancellation: Cancellation,
    /// Who was not reached, for whoever asks for several things and not for each of them anew.
    pub unreached: Unreached,
    /// The end of everything that is asked for, whichever references it is for; without one each reference has
    /// [`Limits::operation`].
    pub timeout: Option<Timeout>,
    /// Where large blobs that are read stay while they come, for a later run; nowhere where nothing is said.
    pub partials: Option<PartialDirectory>,
    /// Where it stays which upload session a large blob is sent in, for a later run; nowhere where nothing is said.
    pub sessions: Option<PartialDirectory>,
    /// Which artifact is taken of an image index that holds several.
    pub platform: PlatformChoice,
    /// Who hears of what goes on all the same.
    pub told: Told,
}

/// The file of settings, for messages about what it names.
pub(crate) const SETTINGS: &str = "registries.toml";

impl ClientOptions {
    /// These options as they are for that registry, by its settings.
    pub(crate) fn at(&self, registry: &RegistryHost) -> Result<Self> {
        let Some(HeldSetting { setting, .. }) = self.settings.of(registry)? else { return Ok(self.clone()) };
        let RegistrySetting { authorities, client_certificate, plain_http, credentials, credentials_at, .. } = setting;
        let names_certificates = !authorities.is_empty() || client_certificate.is_some();
        let has_other = self.settings.has_other_authority();
        let authorities = authorities.into_iter().filter(|_| !has_other);
        Ok(Self {
            // Whoever names a certificate means TLS.
            plain_http: match (self.plain_http, plain_http) {
                (PlainHttp::LoopbackOnly, Some(true)) => PlainHttp::Always,
                (PlainHttp::LoopbackOnly, Some(false)) => PlainHttp::Never,
                (PlainHttp::LoopbackOnly, None) if names_certificates => PlainHttp::Never,
                (said, _) => said,
            },
            certificates: Certificates {
                of_registry: authorities.collect(),
                own: client_certificate,
                key_reader: self.key_reader.clone(),
                ..self.certificates.clone()
            },
            credentials: self.credentials.clone().of(credentials, credentials_at),
            ..self.clone()
        })
    }
}

impl Credentials {
    /// Those of that kind alone, as is written at that place.
    fn of(self, sources: LoginSources, at: Option<Location>) -> Self {
        let Some(word) = sources.as_str() else { return self };
        let place = at.map_or_else(|| SETTINGS.to_owned(), |at| format!("{}:{}", at.file, at.line));
        let unused = Some(format!("{SETTINGS} says `credentials = \"{word}\"` of it"));
        let limit = Some(LoginLimit { sources, place });
        match sources {
            LoginSources::All => self,
            LoginSources::Nowhere => Self { login: None, docker_configs: Vec::new(), unused, limit },
            LoginSources::Environment => Self { docker_configs: Vec::new(), unused, limit, ..self },
            LoginSources::Docker => Self { login: None, unused, limit, ..self },
        }
    }
}

/// A time for all that somebody asks of registries, from one moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    length: Duration,
    ends: Option<Instant>,
}

impl Timeout {
    /// So long, from now on. What is longer than clocks count never ends.
    pub fn from_now(length: Duration) -> Self {
        Self { length, ends: Instant::now().checked_add(length) }
    }

    /// The same length, from now on: for another run of a process that goes on.
    #[must_use]
    pub fn anew(self) -> Self {
        Self::from_now(self.length)
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.length
    }

    pub(crate) fn ends(&self) -> Option<Instant> {
        self.ends
    }
}

/// Which registries are spoken to without TLS. There is no attempt with TLS first: falling back
/// would let anybody who can block a port choose the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Those on this machine, where nobody is in between, unless a certificate for that very host is among the
    /// files of [`Certificates`].
    LoopbackOnly,
    /// None: TLS also on this machine.
    Never,
    /// All of them.
    Always,
}

/// Where user names, passwords and identity tokens come from, in order of preference.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Given by the caller.
    pub login: Option<Login>,
    /// What is in the format of Docker's `config.json`; the first that knows the repository or its registry
    /// counts.
    pub docker_configs: Vec<DockerConfig>,
    /// Why what the caller was given is not in `login`, for the message of a registry that asks.
    pub unused: Option<String>,
    /// What is written of where logins come from, for the same message: it is no help to be told to log in where that is
    /// not looked at.
    pub limit: Option<LoginLimit>,
}

/// A line that says where the logins of a registry come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLimit {
    /// Where.
    pub sources: LoginSources,
    /// The file and the line, `FILE:LINE`.
    pub place: String,
}

/// Logins in the format of Docker's `config.json`, which podman's `auth.json` has too. One that is empty, and a
/// file that does not exist, has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerConfig {
    /// In a file.
    File {
        /// Where it is.
        path: PathBuf,
        /// Whether somebody chose it: then a push stops when it may not be read. One that is only where tools
        /// leave such files may be another user's.
        is_named: bool,
    },
    /// In the environment, the document itself (`DOCKER_AUTH_CONFIG`).
    Text {
        /// The variable's name, for messages.
        variable: String,
        /// What it holds.
        json: Secret,
    },
}

/// A user name and a password or token.
#[derive(Debug, Clone)]
pub struct Login {
    /// The only registry (`host[:port]`) that may see it.
    pub registry: String,
    /// The user's name.
    pub username: String,
    /// The user's password.
    pub password: Secret,
}

/// Through whom requests leave. Empty, they go straight to the registry. A registry on this machine is never
/// reached through a proxy, which would find another machine under that name.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For `http` URLs: `HTTP_PROXY`, else `ALL_PROXY`.
    pub http: Option<ProxyVariable>,
    /// For `https` URLs: `HTTPS_PROXY`, else `ALL_PROXY`.
    pub https: Option<ProxyVariable>,
    /// The hosts that are reached without one, as `NO_PROXY` lists them: names with everything below them,
    /// `*.name`, addresses, networks (`10.0.0.0/8`), each with a port or for all of them; `*` is every host.
    pub exempt: String,
}

/// A variable that names a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyVariable {
    /// Its name, for messages.
    pub name: &'static str,
    /// `[http|https|socks5|socks5h://][USER:PASSWORD@]HOST[:PORT]`. Secret, because of the password.
    pub value: Secret,
}

/// Text that no log line and no error ever shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// A user name, a password or a token as a tool hands it over: without the one line break that `echo`, an editor
/// or a heredoc puts behind it. Nothing when another control character is in it: no header can carry one (RFC
/// 7617, 2), and what is left without it may be somebody else's.
pub fn one_line(text: &str) -> Option<&str> {
    let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    (!line.chars().any(char::is_control)).then_some(line)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            plain_http: PlainHttp::LoopbackOnly,
            credentials: Credentials::default(),
            certificates: Certificates::default(),
            settings: Arc::default(),
            key_reader: KeyReader::default(),
            proxies: Proxies::default(),
            also_reach: Vec::new(),
            manifests_from: None,
            limits: Limits::default(),
            backoff: Duration::from_millis(200),
            user_agent: concat!("aisoc/", env!("CARGO_PKG_VERSION")).to_owned(),
            cancellation: Cancellation::default(),
            unreached: Unreached::default(),
            timeout: None,
            partials: None,
            sessions: None,
            platform: PlatformChoice::default(),
            told: Told::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_behind_a_secret_is_the_tools_and_nothing_else_is() {
        for (text, expected) in [
            ("p", Some("p")),
            ("p\n", Some("p")),
            ("p\r\n", Some("p")),
            (" p ", Some(" p ")),
            ("\n", Some("")),
            ("", Some("")),
            ("pässwörd", Some("pässwörd")),
            ("p\n\n", None),
            ("p\r", None),
            ("\np", None),
            ("a\tb", None),
            ("a\0", None),
            ("a\u{7f}b", None),
        ] {
            assert_eq!(one_line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn no_debug_output_shows_a_secret() {
        let json = DockerConfig::Text { variable: "DOCKER_AUTH_CONFIG".to_owned(), json: Secret::new("hunter2") };
        assert_eq!(format!("{json:?}"), "Text { variable: \"DOCKER_AUTH_CONFIG\", json: [secret] }");
    }
}
