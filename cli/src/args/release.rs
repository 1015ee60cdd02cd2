//! What a release takes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Profile;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::text::shown;
use clap::Args;

use super::dry_run::DryRunArgs;
use super::known;
use super::passphrase::PassphraseArgs;
use super::plugin::{RegistryArgs, SecretArgs};
use super::timestamp::TimestampArgs;

#[derive(Debug, Args)]
#[command(override_usage = "aisoc plugin release [OPTIONS] [DIR] <REF>")]
pub(crate) struct ReleaseArgs {
    /// The plugin's directory, when a REF follows; alone it is the REF, and the working directory is released
    #[arg(value_name = "DIR|REF")]
    first: OsString,
    /// Where to push; without a tag, under the plugin's version (`_` for `+`)
    #[arg(value_name = "REF", conflicts_with = "plugin_dir")]
    second: Option<Reference>,
    /// The same as DIR
    #[arg(long, value_name = "DIR")]
    plugin_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: ReleaseKeyArgs,
    /// What is refused in the manifest: all that this reader refuses
    #[arg(long, default_value = "strict", value_parser = known::profile(), hide_possible_values = true)]
    pub(crate) profile: Profile,
    /// Sign although YAML readers disagree on what the manifest says
    #[arg(long)]
    pub(crate) allow_ambiguous: bool,
    /// Import plugin.py in `$AISOC_PYTHON` first, as a host does and as `validate --load`: this runs its code
    #[arg(long)]
    pub(crate) load: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    /// Also write the signature into the directory, as `sign` does; it stays as it is otherwise
    #[arg(long)]
    pub(crate) update_checkout: bool,
    /// Move the tag if it names another digest
    #[arg(long)]
    pub(crate) replace_tag: bool,
    #[command(flatten)]
    pub(crate) timestamp: TimestampArgs,
    #[command(flatten)]
    pub(crate) documents: DocumentArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// What a release says of itself.
#[derive(Debug, Args)]
pub(crate) struct DocumentArgs {
    /// Also sign the SBOM (as `aisoc plugin sbom`) and push it beside the release; in a job of CI that is the default, and
    /// `--sbom=false` leaves it out there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) sbom: Option<bool>,
    /// The same of the provenance (as `aisoc plugin provenance`); the default in a job of GitHub Actions or GitLab CI, which
    /// say where a job is from
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) provenance: Option<bool>,
}

impl ReleaseArgs {
    /// The plugin's directory, and where it goes: two words are both, and one is the second. The parser cannot tell,
    /// because options may stand between them.
    ///
    /// # Errors
    /// `invalid_ref` for a word alone that is none, `usage` for one that is a directory; `io_not_found` for a directory
    /// that is not there and may be meant for the prefix of a new key.
    pub(crate) fn places(&self) -> Result<(PathBuf, Reference)> {
        if let Some(reference) = &self.second {
            let directory = PathBuf::from(&self.first);
            self.keys.require_beside(&directory)?;
            return aisoc_pipeline::require_no_manifest(&directory).map(|()| (directory, reference.clone()));
        }
        let directory = self.plugin_dir.clone().unwrap_or_else(|| PathBuf::from("."));
        aisoc_pipeline::require_no_manifest(&directory)?;
        let text = self.first.to_str().ok_or_else(|| {
            Fault::new(Reason::InvalidReference, "the reference is no UTF-8").hint("write it as host[:port]/repository")
        })?;
        let is_directory = |fault: Fault| match PathBuf::from(text).is_dir() {
            true => {
                Fault::new(Reason::Usage, format!("`{}` is a directory, and where to push is missing", shown(text, 80)))
                    .hint("write `HOST/REPOSITORY` behind it; the tag is the plugin's version")
            }
            false => fault,
        };
        Ok((directory, text.parse().map_err(is_directory)?))
    }
}

/// Who signs a release.
#[derive(Debug, Args)]
pub(crate) struct ReleaseKeyArgs {
    /// A private key, as for `sign`; repeat it to sign with several, the first of which is the first signer
    #[arg(long, value_name = "KEY")]
    pub(crate) private_key: Vec<String>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// Make a new key pair and sign with it: PREFIX.key, to be kept secret, and PREFIX.pem for operators [default
    /// PREFIX: the plugin's id, beside its directory]. A dry run makes none: its digest is by a key that is thrown away
    #[arg(long, value_name = "PREFIX", num_args = 0..=1, require_equals = true, conflicts_with = "private_key")]
    pub(crate) new_key: Option<Option<PathBuf>>,
}

impl ReleaseKeyArgs {
    /// The prefix of a new key is joined to its option: a word of its own behind it is the directory.
    fn require_beside(&self, directory: &Path) -> Result<()> {
        if self.new_key != Some(None) || directory.exists() {
            return Ok(());
        }
        let message = format!("there is no directory `{}`", shown(&directory.display().to_string(), 240));
        Err(Fault::new(Reason::IoNotFound, message).hint(format!(
            "check the path; a name for the new key is joined to its option: `--new-key={}`",
            shell_word(directory)
        )))
    }
}
