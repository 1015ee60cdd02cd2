//! The arguments of `aisoc serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use aisoc_host::access::IssuerOptions;
use aisoc_host::{OnRevoked, ProcessRules};
use aisoc_installation::{DEFAULT_PREVIOUS_VERSIONS, MAX_PREVIOUS_VERSIONS};
use aisoc_manifests::id::HostedId;
use clap::{Args, ValueEnum};

use super::accepted::DiscoveredListArgs;
use super::plugin::{PlaceArgs, RegistryArgs};

/// The word for the socket that a service manager hands on.
pub(crate) const HANDED_ON: &str = "systemd";

/// Where a host listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListenPlace {
    /// An address and a port.
    Address(SocketAddr),
    /// A file of this machine.
    Socket(PathBuf),
    /// The socket that a service manager hands on.
    HandedOn,
}

impl FromStr for ListenPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == HANDED_ON {
            return Ok(Self::HandedOn);
        }
        match text.strip_prefix("unix:") {
            Some("") => Err("a path follows `unix:`".to_owned()),
            Some(path) => Ok(Self::Socket(path.into())),
            None => {
                let other = |_| format!("it is no ADDRESS:PORT, no unix:PATH and not `{HANDED_ON}`");
                text.parse().map(Self::Address).map_err(other)
            }
        }
    }
}

/// What becomes of what is admitted no more.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RevokedArg {
    /// It takes no calls.
    Quarantine,
    /// It is said.
    Warn,
}

impl From<RevokedArg> for OnRevoked {
    fn from(typed: RevokedArg) -> Self {
        match typed {
            RevokedArg::Quarantine => Self::Quarantine,
            RevokedArg::Warn => Self::Warn,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// Where operators ask: ADDRESS:PORT, where port 0 is a free one; unix:PATH for a socket that this user, root and, with a
    /// login, the group may connect to; or systemd for the one socket that a service manager hands on. An address that
    /// other machines reach takes TLS and a login
    #[arg(long, value_name = "PLACE", default_value = "127.0.0.1:8000")]
    pub(crate) listen: ListenPlace,
    /// Speak TLS with the certificate of this PEM file, its own first and those that vouch for it behind; it is read again
    /// when it has changed
    #[arg(long, value_name = "FILE", requires = "tls_private_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM, which nobody else may read
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_private_key: Option<PathBuf>,
    /// The file in which it keeps which plugins are disabled; one host has it at a time
    #[arg(long, value_name = "FILE", default_value = DEFAULT_STATE)]
    pub(crate) state: PathBuf,
    /// The file of the tokens that count, which `aisoc token create` makes; without it and --jwks there is no login, which is
    /// for development alone
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) issuer: HostIssuerArgs,
    /// What plugins are configured with: a TOML file with a table [plugins.ID] for each, read when a plugin is loaded
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What becomes of a plugin that runs, once its key is revoked or the lock accepts it no more: it takes no calls until
    /// it is admitted again, or that is only said
    #[arg(long, value_name = "WHAT", default_value = "quarantine")]
    pub(crate) on_revoked: RevokedArg,
    #[command(flatten)]
    pub(crate) processes: HostProcessArgs,
    #[command(flatten)]
    pub(crate) site: DiscoveredListArgs,
    #[command(flatten)]
    pub(crate) installing: HostInstallArgs,
}

/// Where a host keeps its state, unless it is told otherwise.
pub(crate) const DEFAULT_STATE: &str = "/var/lib/aisoc/host.json";

#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// The plugin, as `aisoc api list` has it
    #[arg(value_name = "ID")]
    pub(crate) plugin: HostedId,
    /// The state file of the host, beside which it keeps what plugins have used
    #[arg(long, value_name = "FILE", default_value = DEFAULT_STATE)]
    pub(crate) state: PathBuf,
}

/// Longest that a plugin which nobody calls keeps its process, where that has an end: a day.
const MAX_IDLE_SECONDS: u64 = 24 * 60 * 60;
/// How long it keeps it where plugins get one with their first call.
const LAZY_IDLE_SECONDS: u64 = 5 * 60;
/// How many have one at a time there, and how many at most.
const LAZY_WORKERS: u16 = 64;
const MAX_WORKERS: u16 = 4_096;

/// When plugins have a process.
#[derive(Debug, Args)]
pub(crate) struct HostProcessArgs {
    /// Start no plugin before it is called: what is found and admitted is enabled without a process, and judged again when it
    /// gets one. For hosts of thousands of plugins
    #[arg(long)]
    pub(crate) lazy: bool,
    /// End the process of a plugin that nobody has called for so long, up to a day; it stays enabled, and gets one again when
    /// it is called [with --lazy: 300]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=MAX_IDLE_SECONDS))]
    pub(crate) idle: Option<u64>,
    /// How many plugins have a process at a time, at most 4096; the one that was called least lately makes room
    /// [default: 64]
    #[arg(long, value_name = "N", requires = "lazy", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_WORKERS)))]
    pub(crate) workers: Option<u16>,
}

impl From<HostProcessArgs> for ProcessRules {
    fn from(typed: HostProcessArgs) -> Self {
        let HostProcessArgs { lazy, idle, workers } = typed;
        let idle = idle.or(lazy.then_some(LAZY_IDLE_SECONDS)).map(Duration::from_secs);
        let most = if lazy { usize::from(workers.unwrap_or(LAZY_WORKERS)) } else { usize::MAX };
        Self { is_lazy: lazy, idle, most }
    }
}

/// Whose tokens count beside those of `--tokens`.
#[derive(Debug, Args)]
pub(crate) struct HostIssuerArgs {
    /// Take JSON Web Tokens of an issuer whose public keys stand in this file (RFC 7517), which is read again within a second
    #[arg(long, value_name = "FILE", requires_all = ["jwt_issuer", "jwt_audience"])]
    pub(crate) jwks: Option<PathBuf>,
    /// What that issuer calls itself in tokens: `iss`
    #[arg(long, value_name = "TEXT", requires = "jwks")]
    pub(crate) jwt_issuer: Option<String>,
    /// What it calls this host: one of `aud`
    #[arg(long, value_name = "TEXT", requires = "jwks")]
    pub(crate) jwt_audience: Option<String>,
}

impl HostIssuerArgs {
    /// The issuer, where one is named.
    pub(crate) fn named(self) -> Option<IssuerOptions> {
        let Self { jwks, jwt_issuer, jwt_audience } = self;
        Some(IssuerOptions { keys: jwks?, issuer: jwt_issuer?, audience: jwt_audience? })
    }
}

/// How it goes about what operators install.
#[derive(Debug, Args)]
pub(crate) struct HostInstallArgs {
    /// How many versions that operators have replaced stay for a rollback, at most 32
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PREVIOUS_VERSIONS, value_parser = kept_versions())]
    pub(crate) keep: u8,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// One at least: it is put back where the one that has replaced it cannot be loaded.
fn kept_versions() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=i64::from(MAX_PREVIOUS_VERSIONS))
}
