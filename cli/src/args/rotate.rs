//! What the rotation of a key takes.

use std::ffi::OsString;

use aisoc_manifests::fault::Result;
use aisoc_trust::rotation::Overlap;
use clap::Args;

use super::duration::duration;
use super::key_change::{InstalledArgs, KeyChangeArgs};
use super::plugin::RegistryArgs;

#[derive(Debug, Args)]
#[command(override_usage = "aisoc keys rotate [OPTIONS] --new <PEM> --retire <ID>\n                         \
                            --overlap <DURATION> --reason <TEXT>")]
pub(crate) struct RotateArgs {
    /// The new public key: a PEM file, `-` for standard input, or a key that is here already, as `staged/next`
    #[arg(long, value_name = "PEM")]
    pub(crate) new: String,
    /// The key that goes: its id, its file such as `old.pem`, or its fingerprint
    #[arg(long, value_name = "ID")]
    pub(crate) retire: String,
    /// How long both count at least, from when the new one is trusted: `30d`, `2w`, `12h`; at most 36500d. With `0d` the
    /// old key goes as soon as nothing depends on it alone
    #[arg(long, value_name = "DURATION", value_parser = overlap)]
    pub(crate) overlap: Overlap,
    /// Under which name the new key is trusted [default: the file's name without its suffix]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Whose key the new one is
    #[arg(long, value_name = "TEXT")]
    pub(crate) owner: Option<String>,
    /// Revoke the old key once it is retired
    #[arg(long)]
    pub(crate) revoke: bool,
    /// Also ask of what is published: a reference, or all tags of a repository or a layout where none is named; an
    /// archive or a directory as well. May be repeated
    #[arg(long = "registry", value_name = "REF", num_args = 1..)]
    pub(crate) sources: Vec<OsString>,
    #[command(flatten)]
    pub(crate) change: KeyChangeArgs,
    #[command(flatten)]
    pub(crate) installed: InstalledArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

fn overlap(text: &str) -> Result<Overlap> {
    duration(text).map(Overlap::of)
}
