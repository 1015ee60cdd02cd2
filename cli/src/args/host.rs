//! The arguments of `aisoc serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use aisoc_host::OnRevoked;
use aisoc_installation::{DEFAULT_PREVIOUS_VERSIONS, MAX_PREVIOUS_VERSIONS};
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
    /// Where operators ask: ADDRESS:PORT, where port 0 is a free one; unix:PATH for a socket that this user, root and, with
    /// --tokens, the group may connect to; or systemd for the one socket that a service manager hands on. An address that
    /// other machines reach takes TLS and --tokens
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
    #[arg(long, value_name = "FILE", default_value = "/var/lib/aisoc/host.json")]
    pub(crate) state: PathBuf,
    /// The file of the tokens that count, which `aisoc token create` makes; without it there is no login, which is for
    /// development alone
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// What plugins are configured with: a TOML file with a table [plugins.ID] for each, read when a plugin is loaded
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What becomes of a plugin that runs, once its key is revoked or the lock accepts it no more: it takes no calls until
    /// it is admitted again, or that is only said
    #[arg(long, value_name = "WHAT", default_value = "quarantine")]
    pub(crate) on_revoked: RevokedArg,
    #[command(flatten)]
    pub(crate) site: DiscoveredListArgs,
    #[command(flatten)]
    pub(crate) installing: HostInstallArgs,
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
