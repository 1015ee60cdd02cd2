//! The arguments of `aisoc registry …`

use std::path::PathBuf;

use aisoc_manifests::reference::Reference;
use aisoc_manifests::registry_host::RegistryHost;
use aisoc_registry_server::AccessFiles;
use clap::Args;
use jiff::SignedDuration;

use super::dry_run::DryRunArgs;
use super::duration::duration;
use super::listen::{Listen, host_name};
use super::plugin::RegistryArgs;
use super::registry_place::RegistryPlace;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where the registry keeps its blobs
    #[arg(long, value_name = "DIR", default_value = "aisoc-registry")]
    pub(crate) dir: PathBuf,
    /// Where to listen: HOST:PORT, HOST or PORT, with a name or an address; without a host it is
    /// `localhost`, and port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub(crate) listen: Listen,
    /// Another host name to answer to, as clients write it (may be repeated)
    #[arg(long = "allow-host", value_name = "NAME[:PORT]", value_parser = host_name)]
    pub(crate) allowed_hosts: Vec<String>,
    #[command(flatten)]
    pub(crate) access: ServeAccessArgs,
    /// Speak TLS with the certificate of this PEM file, its own first and those that vouch for it behind; it is read again
    /// when it has changed
    #[arg(long, value_name = "FILE", requires = "tls_private_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM, which nobody else may read
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_private_key: Option<PathBuf>,
    /// Speak HTTP as it is at an address that other machines reach, where a proxy in front speaks TLS: what clients log in
    /// with goes over the network between the two
    #[arg(long, conflicts_with = "tls_certificate")]
    pub(crate) no_tls: bool,
    /// Serve what is there and take nothing: every write is refused, and nothing is made, not even the directory
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Note each request that was answered as a line of JSON in this file, which is made anew where it was moved away; `-` is
    /// standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RegistryGcArgs {
    /// What is collected: the directory of a registry, which may be serving it, or one OCI layout
    #[arg(long, value_name = "DIR", default_value = "aisoc-registry")]
    pub(crate) dir: PathBuf,
    /// Remove manifests, too, that have no tag, unless an index that stays lists them or they are about one that stays
    #[arg(long, requires = "older_than")]
    pub(crate) untagged: bool,
    /// How long such a manifest stays since it was pushed, asked for by its digest, or lost its tag (`30d`, `4w`, `36h`)
    #[arg(long, value_name = "DURATION", requires = "untagged", value_parser = duration)]
    pub(crate) older_than: Option<SignedDuration>,
    /// How long a blob stays that no manifest names, since it was sent, mounted or asked for with HEAD
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub(crate) grace: SignedDuration,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

/// Who may ask for what.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeAccessArgs {
    /// Users and their passwords, as `htpasswd -B` writes them: bcrypt alone. Each file of these three is read again when it
    /// has changed
    #[arg(long, value_name = "FILE", requires = "rights")]
    pub(crate) htpasswd: Option<PathBuf>,
    /// Tokens of programs, by their SHA-256: a TOML file with a table [tokens.NAME] for each
    #[arg(long, value_name = "FILE", requires = "rights")]
    pub(crate) tokens: Option<PathBuf>,
    /// What each of them may do in which repository, and what anybody may: a TOML file of [[allow]] tables. What none of them
    /// allows is denied; without this file there is no login
    #[arg(long, value_name = "FILE")]
    pub(crate) rights: Option<PathBuf>,
    /// Let whoever reaches an address that other machines reach read and write everything
    #[arg(long, conflicts_with = "rights")]
    pub(crate) no_login: bool,
}

impl ServeAccessArgs {
    /// The files, where there is a login.
    pub(crate) fn files(self) -> Option<AccessFiles> {
        let Self { htpasswd, tokens, rights, .. } = self;
        Some(AccessFiles { htpasswd, tokens, rights: rights? })
    }
}

#[derive(Debug, Args)]
pub(crate) struct ExplainLoginArgs {
    /// A registry (HOST[:PORT]), a repository of one, or a reference into one
    #[arg(value_name = "REF|HOST")]
    pub(crate) place: RegistryPlace,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The registry, as references name it
    #[arg(value_name = "HOST")]
    pub(crate) host: RegistryHost,
    /// Who to be there
    #[arg(long, short, value_name = "USER")]
    pub(crate) username: String,
    /// Read the password, or a token in its place, from standard input; on a command line others would see it
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The registry, as references name it
    #[arg(value_name = "HOST")]
    pub(crate) host: RegistryHost,
}

#[derive(Debug, Args)]
pub(crate) struct WhoamiArgs {
    /// The registry, as references name it
    #[arg(value_name = "HOST")]
    pub(crate) host: RegistryHost,
    /// Say who we would be, and do not ask the registry whether it agrees
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// The registry, or a part of its names: PREFIX itself and what stands under it
    #[arg(value_name = "HOST[/PREFIX]")]
    pub(crate) place: RegistryPlace,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TagsArgs {
    /// A repository, or a layout: `oci:DIR`, `oci-archive:FILE`
    #[arg(value_name = "REPOSITORY")]
    pub(crate) place: Reference,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The tag, `…:TAG`, which goes alone; or the manifest, `…@DIGEST`, with which its tags go
    #[arg(value_name = "REF")]
    pub(crate) reference: Reference,
    /// Delete the tags, too, that name the manifest; without this, a manifest that has some stays
    #[arg(long)]
    pub(crate) with_tags: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
