//! The arguments of `aisoc plugin …` and `aisoc plugins …`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aisoc_installation::{DEFAULT_PREVIOUS_VERSIONS, MAX_PREVIOUS_VERSIONS};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::plugin::Profile;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_pipeline::CosignForms;
use aisoc_trust::{CoverageRule, TrustMode};
use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use crate::args::directory::{DirectoryArgs, SignedArgs};
use crate::args::dry_run::DryRunArgs;
use crate::args::duration::some_duration;
use crate::args::known::{self, Capabilities, Requirement};
use crate::args::lock::{LockArgs, ModeArgs, SourceArgs, VerifiedPart};
use crate::args::passphrase::{PassphraseArgs, PassphraseSource};
use crate::args::timestamp::TimestampArgs;
use crate::scaffold::ScaffoldType;

#[derive(Debug, Args)]
pub(crate) struct VerifyAtRestArgs {
    /// These plugins alone [default: all]
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    /// Say what would be refused, with what would mend each, and end with 0 whatever that is
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only the signatures of what is installed, or only what is here by the lock [default: both, where there are both]
    #[arg(long, value_name = "PART")]
    pub(crate) only: Option<VerifiedPart>,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Name of the plugin; its id is the name in lower case with `-` for blanks and `_`
    pub(crate) name: String,
    /// What kind of plugin
    #[arg(long = "type", short = 't', value_name = "TYPE")]
    pub(crate) plugin_type: ScaffoldType,
    /// Where its directory is made
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    pub(crate) output_dir: PathBuf,
    /// Author, as written into the manifest
    #[arg(long, value_name = "AUTHOR", default_value = "Your Name <you@example.com>")]
    pub(crate) author: String,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The plugin's directory, or its manifest [default: the working directory]
    #[arg(value_name = "DIR|MANIFEST")]
    path: Option<PathBuf>,
    /// The same as DIR
    #[arg(long, value_name = "DIR", conflicts_with = "path")]
    plugin_dir: Option<PathBuf>,
    /// Which reader's rules: strict (all of them, for new work), cli, manager, sdk, marketplace
    #[arg(long, default_value = "strict", value_parser = known::profile(), hide_possible_values = true)]
    pub(crate) profile: Profile,
    /// Also import plugin.py in `$AISOC_PYTHON` (default `python3`), as a host does: this runs its code, as
    /// nobody when root calls it
    #[arg(long)]
    pub(crate) load: bool,
    /// With --load, also call `run` with this JSON object and print its result
    #[arg(long, value_name = "JSON", requires = "load")]
    pub(crate) run: Option<String>,
}

impl ValidateArgs {
    /// The directory or the manifest that is meant.
    pub(crate) fn path(&self) -> &Path {
        self.path.as_deref().or(self.plugin_dir.as_deref()).unwrap_or(Path::new("."))
    }
}

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// Writes PREFIX.key and PREFIX.pem
    #[arg(long, value_name = "PREFIX")]
    pub(crate) out: PathBuf,
    /// Replace existing files; the old private key is lost
    #[arg(long)]
    pub(crate) force: bool,
    /// Encrypt the private key with a passphrase, which is asked for twice at the terminal
    #[arg(long)]
    pub(crate) encrypt: bool,
    /// With --encrypt, where the passphrase is instead: `env:VARIABLE`, `fd:N` (a descriptor) or `file:PATH`
    #[arg(long, value_name = "SOURCE", requires = "encrypt")]
    pub(crate) passphrase: Option<PassphraseSource>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DigestArgs {
    #[command(flatten)]
    pub(crate) directory: DirectoryArgs,
    /// Print the canonical JSON instead of its digest
    #[arg(long)]
    pub(crate) canonical: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SbomArgs {
    #[command(flatten)]
    pub(crate) directory: DirectoryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProvenanceArgs {
    #[command(flatten)]
    pub(crate) directory: DirectoryArgs,
    /// The repository that the plugin is from, where no CI system says it
    #[arg(long, value_name = "URL", requires = "commit")]
    pub(crate) source: Option<String>,
    /// The commit of that repository, all its digits
    #[arg(long, value_name = "COMMIT", requires = "source")]
    pub(crate) commit: Option<String>,
}

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    /// The private key: a path, `env:VARIABLE` holding the PEM text, or `-` for standard input; the text may have
    /// `\n` for its line breaks or be in base64. A file or standard input leaves no copy in this process; a
    /// variable stays in its environment. Or who holds the key: `exec:PROGRAM`,
    /// `ssh-agent:FINGERPRINT` or a `pkcs11:` URI (see `aisoc help signing-keys`)
    #[arg(long, value_name = "KEY")]
    pub(crate) private_key: String,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

/// Which private key signs.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// Sign although YAML readers disagree on what the manifest says
    #[arg(long)]
    pub(crate) allow_ambiguous: bool,
}

/// What is published although it looks like a secret.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// Ship this file although it looks like a private key or a credential; repeat it for each
    #[arg(long, value_name = "PATH")]
    pub(crate) allow_secret: Vec<String>,
    /// Why what --allow-secret names is made to be public
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<StatedReason>,
}

/// What the signature of what is published has to be.
#[derive(Debug, Args)]
pub(crate) struct SignatureArgs {
    /// Verify the signature with these public keys first (a directory, or one file), as a strict host would; needed
    /// where it covers the code alone, because then nobody can know without a key whether it fits
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "PATH")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// With --trusted-keys, what a signature must cover, as the hosts will ask: full, inert or code [default: inert]
    #[arg(long, value_name = "COVERAGE", requires = "trusted_keys", value_parser = known::coverage_rule(), hide_possible_values = true)]
    pub(crate) trust_coverage: Option<CoverageRule>,
    /// Publish although there is no signature, which strict hosts refuse; one that does not fit is refused all
    /// the same
    #[arg(long, conflicts_with = "trusted_keys")]
    pub(crate) unsigned: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) directory: SignedArgs,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// What is refused in the manifest: all that this reader refuses. Without it, what cannot be hashed, an id that no
    /// host takes, and what YAML readers disagree on; there are warnings of what a host's manager refuses
    #[arg(long, value_parser = known::profile(), hide_possible_values = true)]
    pub(crate) profile: Option<Profile>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// Write the signature here instead of DIR/plugin.sig, or FILE.sig beside the file
    #[arg(long, value_name = "FILE", conflicts_with = "timestamp")]
    pub(crate) out: Option<PathBuf>,
    /// full: every file, through the key `integrity` that is added to the manifest; code: manifest and *.py, as they are
    #[arg(long, value_name = "COVERAGE", default_value = "full")]
    pub(crate) coverage: SignedCoverage,
    /// Become one more signer of exactly what is signed already
    #[arg(long, conflicts_with_all = ["out", "coverage"])]
    pub(crate) add: bool,
    #[command(flatten)]
    pub(crate) timestamp: TimestampArgs,
    /// Sign a published artifact instead, so that `cosign verify --key` finds it signed, and put the signature beside it:
    /// the private key is of P-256, or one that signs plugins. As a bundle, which cosign 3 reads, and under a tag, which all
    /// others read (`both`), or as one of them (`bundle`, `tag`)
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "both", hide_possible_values = true, conflicts_with_all = ["add", "out", "coverage", "profile", "allow_ambiguous", "allow_secret", "reason", "plugin_dir", "timestamp"])]
    pub(crate) cosign: Option<CosignForm>,
    /// Of an image index of several artifacts, with --cosign, sign the one for this platform
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]", requires = "cosign")]
    pub(crate) platform: Option<PlatformName>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// In which forms an artifact is signed for cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CosignForm {
    Both,
    Bundle,
    Tag,
}

impl CosignForm {
    /// What the library calls it.
    pub(crate) const fn forms(self) -> CosignForms {
        match self {
            Self::Both => CosignForms::Both,
            Self::Bundle => CosignForms::Bundle,
            Self::Tag => CosignForms::Tag,
        }
    }
}

/// What a new signature is to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SignedCoverage {
    Full,
    Code,
}

/// Whom to trust.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Trusted public keys: a directory of *.pem and *.pub, or one such file [env: PLUGIN_TRUSTED_KEYS_DIR, default
    /// /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "PATH")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// Timestamp authorities, by whose word a signature still counts that a key made before it ended: their certificates
    /// in PEM, or a trusted root of sigstore [env: PLUGIN_TIMESTAMP_ROOT]
    #[arg(long, value_name = "FILE")]
    pub(crate) timestamp_root: Option<PathBuf>,
    /// strict, warn or disabled [env: PLUGIN_TRUST_MODE, default strict]
    #[arg(long, value_name = "MODE", value_parser = known::trust_mode(), hide_possible_values = true)]
    pub(crate) trust_mode: Option<TrustMode>,
    /// What a signature must cover: full, inert (all but documents) or code [env: PLUGIN_TRUST_COVERAGE, default inert]
    #[arg(long, value_name = "COVERAGE", value_parser = known::coverage_rule(), hide_possible_values = true)]
    pub(crate) trust_coverage: Option<CoverageRule>,
    /// Capabilities that no plugin may ask for: names, `AREA.*` and `*.VERB`, with commas between them [env:
    /// AISOC_PLUGIN_DENY_CAPABILITIES]
    #[arg(long, value_name = "LIST", value_parser = known::capability_list(), hide_possible_values = true)]
    pub(crate) deny_capabilities: Option<Capabilities>,
    /// How many distinct trusted keys must have signed; and of an artifact, which proofs beyond a key it must have:
    /// sigstore, provenance, sbom. Repeat it for each
    #[arg(long = "require", value_name = "N|PROOF", default_value = "1", value_parser = known::requirement(), hide_possible_values = true)]
    pub(crate) required: Vec<Requirement>,
    /// What has to be shown of which plugin: a file of trust rules, which counts beside everything else [env:
    /// PLUGIN_TRUST_POLICY]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust_policy: Option<PathBuf>,
}

/// What proofs beyond a key are judged by.
#[derive(Debug, Default, Args)]
pub(crate) struct ProofArgs {
    /// The trusted root by which proofs of sigstore are judged, and nothing is fetched for it [env:
    /// PLUGIN_SIGSTORE_ROOT]
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Who has to have signed them: the name in the certificate, such as the URI of a workflow
    #[arg(long, value_name = "NAME", conflicts_with = "certificate_identity_regexp")]
    pub(crate) certificate_identity: Option<String>,
    /// The same as a pattern of the whole name, from `^` to `$`
    #[arg(long, value_name = "PATTERN")]
    pub(crate) certificate_identity_regexp: Option<String>,
    /// Who has to have vouched for that name
    #[arg(long, value_name = "URL", conflicts_with = "certificate_oidc_issuer_regexp")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// The same as a pattern of the whole URL, from `^` to `$`
    #[arg(long, value_name = "PATTERN")]
    pub(crate) certificate_oidc_issuer_regexp: Option<String>,
    /// In place of a name: the public key that has to have signed them, in PEM. A log of the trusted root has to hold what
    /// it signed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate_identity", "certificate_identity_regexp", "certificate_oidc_issuer", "certificate_oidc_issuer_regexp"])]
    pub(crate) proof_key: Option<PathBuf>,
    /// Take what that key has signed without any log, which is less: it may have signed in secret, and when nobody knows
    #[arg(long, requires = "proof_key", conflicts_with = "trusted_root")]
    pub(crate) unlogged: bool,
    /// A bundle that is in a file; with one, what refers to the artifact is not asked for. Repeat it for each
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Vec<PathBuf>,
}

/// Which artifact of an image index is meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlatformArgs {
    /// Of an image index of several artifacts, take the one for this platform, and no artifact that is for another one
    /// [default: this machine's]
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]")]
    pub(crate) platform: Option<PlatformName>,
}

/// How to reach a registry.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RegistryArgs {
    /// Speak HTTP without TLS to the registry; on this machine that is the default, and `--plain-http=false`
    /// speaks TLS there too
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) plain_http: Option<bool>,
    /// Also trust the certificates in this PEM file: of a private authority, or the registry's own; registries on
    /// this machine are spoken to over TLS then [env: AISOC_CA_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// A host inside your network that the registry may lead to: its token service or its store; may be repeated
    #[arg(long, value_name = "HOST")]
    pub(crate) also_reach: Vec<String>,
    /// Longest time for all that the command asks of registries, for example `90s` or `10m` [env: AISOC_TIMEOUT,
    /// default an hour for each reference]
    #[arg(long, value_name = "DURATION", value_parser = some_duration)]
    pub(crate) timeout: Option<SignedDuration>,
    /// How far the work is: `auto` draws on a terminal and prints lines elsewhere, `plain` prints lines, `json` prints
    /// lines of JSON on standard error
    #[arg(long, value_name = "FORM", value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) progress: ProgressForm,
}

/// In which form a command says how far its work is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressForm {
    #[default]
    Auto,
    Plain,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A directory, a reference, an archive, or the id of an installed plugin where nothing else has that name; of a
    /// name that is both a path and a reference, `./NAME` is the path and `oci://NAME` the registry
    #[arg(value_name = "DIR|REF|ARCHIVE|ID")]
    pub(crate) source: OsString,
    /// The plugins directory in which an id is looked for [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    /// Show every check in order, the keys that were tried, what is covered and what differs
    #[arg(long)]
    pub(crate) explain: bool,
    /// Of a directory, judge what `package` would ship, and not the files that the ignore rules leave out
    #[arg(long)]
    pub(crate) as_shipped: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) proofs: ProofArgs,
    #[command(flatten)]
    pub(crate) platform: PlatformArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A directory, a reference, an archive that is offered, a drop-in by its file, or the id of a plugin that is here,
    /// wherever it was found, where nothing else has that name
    #[arg(value_name = "ID|REF|DIR|ARCHIVE|FILE")]
    pub(crate) source: OsString,
    /// The plugins directory beside which it is judged [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) platform: PlatformArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A reference, a directory, an archive, or the id of an installed plugin where nothing else has that name; of a
    /// name that is both a path and a reference, `./NAME` is the path and `oci://NAME` the registry
    #[arg(value_name = "REF|DIR|ARCHIVE|ID")]
    pub(crate) source: OsString,
    /// The plugins directory in which an id is looked for [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    /// Of an image index of several artifacts, show the one for this platform [default: this machine's, else the first; all
    /// are listed]
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]")]
    pub(crate) platform: Option<PlatformName>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    /// The plugins: references, directories or archives
    #[arg(value_name = "REF|DIR|ARCHIVE", required = true)]
    pub(crate) sources: Vec<OsString>,
    /// The public keys that have signed them: a directory, or one file [env: PLUGIN_TRUSTED_KEYS_DIR, default
    /// /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "PATH")]
    pub(crate) trusted_keys: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// What is looked for; without a word, everything
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
    /// A publishing index, as `aisoc plugin index` prints it; may be repeated
    #[arg(long = "index", value_name = "FILE")]
    pub(crate) indexes: Vec<PathBuf>,
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PackageArgs {
    #[command(flatten)]
    pub(crate) directory: DirectoryArgs,
    /// Pack an image index in place of DIR, and in it for this platform what SRC is: a plugin's directory, or an archive or
    /// a layout on this machine. Repeat it for each platform; all are of one version, and each is signed by itself
    #[arg(long = "platform", value_name = "OS/ARCHITECTURE[/VARIANT]=SRC", conflicts_with_all = ["dir", "plugin_dir"])]
    pub(crate) builds: Vec<OsString>,
    /// An archive (a name ending in .tar), or an OCI layout directory
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// What is refused in the manifest: all that this reader refuses. Without it, what is no plugin to anybody, and
    /// there are warnings of what a host's manager and `strict` would refuse
    #[arg(long, value_parser = known::profile(), hide_possible_values = true)]
    pub(crate) profile: Option<Profile>,
    /// Tag inside the layout [default: the plugin's version, with `_` for `+`]
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Write nothing; rebuild and compare with what PATH holds, signed or not
    #[arg(long, conflicts_with_all = ["trusted_keys", "unsigned", "dry_run"])]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    /// Compression threads; the bytes do not depend on it [default: the number of processors]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) signature: SignatureArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// A layout directory, an archive, a plugin's directory, or a reference; of a name that is both a path and a reference,
    /// `./NAME` is the path and `oci://NAME` the registry
    #[arg(value_name = "SRC")]
    pub(crate) source: OsString,
    /// Where to push; without a tag, under the plugin's version (`_` for `+`)
    #[arg(value_name = "REF")]
    pub(crate) reference: Reference,
    /// What is refused in the manifest of a directory: all that this reader refuses. Without it, what is no
    /// plugin to anybody, and there are warnings of what a host's manager and `strict` would refuse
    #[arg(long, value_parser = known::profile(), hide_possible_values = true)]
    pub(crate) profile: Option<Profile>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    /// Move the tag if it names another digest
    #[arg(long)]
    pub(crate) replace_tag: bool,
    #[command(flatten)]
    pub(crate) signature: SignatureArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// What to fetch
    #[arg(value_name = "REF")]
    pub(crate) reference: Reference,
    /// The directory to make, which must not exist or be empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) platform: PlatformArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// How a command that changes a plugins directory goes about it.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

/// What somebody puts up with who changes a plugins directory.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// How long to wait while another command changes the directory; 0 does not wait
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) lock_timeout: u64,
    /// Go on although the directory is on a network file system, where locks between hosts, the exchange
    /// in one step and durability are not promised (see `aisoc help install`)
    #[arg(long)]
    pub(crate) accept_network_file_system: bool,
}

/// A plugins directory that is made to be written by several users.
#[derive(Debug, Args)]
pub(crate) struct SharingArgs {
    /// Go on although everybody may write the plugins directory or one on the way to it, as in a volume of a
    /// cluster: you answer for everybody who can (see `aisoc help trust`). Trusted keys are never read from there
    #[arg(long)]
    pub(crate) accept_shared_directory: bool,
}

/// Accepting less than what was verified before.
#[derive(Debug, Args)]
pub(crate) struct FloorArgs {
    /// Accept a signature that covers less of the plugin than one that was verified here before
    #[arg(long, requires = "reason")]
    pub(crate) lower_coverage: bool,
    /// Why, in one line; it is kept in the site's journal (`aisoc plugins journal show`)
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<StatedReason>,
}

/// What may happen to a plugin that is installed.
#[derive(Debug, Args)]
pub(crate) struct ConsentArgs {
    /// Let an older version replace a newer one
    #[arg(long, requires = "sources")]
    pub(crate) allow_downgrade: bool,
    /// Let a plugin come from others than those who have signed what is installed of it
    #[arg(long, requires = "sources")]
    pub(crate) allow_signer_change: bool,
    /// Let a plugin ask for more of the host than before: all that is new, and nothing else, with commas between them
    #[arg(long, value_name = "LIST", requires = "sources", value_parser = known::capabilities(), hide_possible_values = true)]
    pub(crate) accept_capabilities: Option<Capabilities>,
}

/// What guards everything that comes into a plugins directory, by whichever command.
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) proofs: ProofArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// How many replaced versions stay for `rollback`, at most 32
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PREVIOUS_VERSIONS, value_parser = kept_versions())]
    pub(crate) keep: u8,
    /// Accept what is installed: write it into plugins.lock, with where it is from and who has signed it, for the
    /// reason that is given
    #[arg(long, requires = "reason", conflicts_with = "locked")]
    pub(crate) lock: bool,
    /// Install exactly what plugins.lock accepts, and refuse anything else, as in production without --lock
    #[arg(long)]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) plugins_lock: LockArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    #[command(flatten)]
    pub(crate) floor: FloorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// What to install: references, archives, layouts, plugins' directories; each on its own, and all are tried. Of a
    /// name that is both a path and a reference, `./NAME` is the path and `oci://NAME` the registry. With --locked and
    /// without any, every artifact that plugins.lock accepts
    #[arg(value_name = "REF|DIR|ARCHIVE", required_unless_present = "locked")]
    pub(crate) sources: Vec<OsString>,
    #[command(flatten)]
    pub(crate) guards: GuardArgs,
    /// Refuse any other artifact than this one; of one source alone
    #[arg(long, value_name = "DIGEST", requires = "sources")]
    pub(crate) require_digest: Option<ArtifactDigest>,
    /// Of an image index of several artifacts, install the one for this platform, and no artifact that is for another one
    /// [default: this machine's]
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]", requires = "sources")]
    pub(crate) platform: Option<PlatformName>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// These plugins alone [default: all]
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Also list the versions that can be rolled back to
    #[arg(long)]
    pub(crate) versions: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The plugin's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// A kept version, by its version or its artifact's digest, of which the 12 digits that `plugin list --versions`
    /// prints are enough [default: the one that was replaced last]
    #[arg(long, value_name = "VERSION|DIGEST")]
    pub(crate) to: Option<String>,
    /// Accept the version that comes back: write it into plugins.lock, for the reason that is given
    #[arg(long, requires = "reason")]
    pub(crate) lock: bool,
    /// Let it ask for more of the host than plugins.lock accepts of it: all of that, and nothing else, with commas
    /// between them
    #[arg(long, value_name = "LIST", value_parser = known::capabilities(), hide_possible_values = true)]
    pub(crate) accept_capabilities: Option<Capabilities>,
    #[command(flatten)]
    pub(crate) plugins_lock: LockArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    #[command(flatten)]
    pub(crate) floor: FloorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UninstallArgs {
    /// The plugins' ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// How many replaced versions of each plugin stay, at most 32
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PREVIOUS_VERSIONS, value_parser = kept_versions())]
    pub(crate) keep: u8,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

pub(super) fn kept_versions() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(..=i64::from(MAX_PREVIOUS_VERSIONS))
}
