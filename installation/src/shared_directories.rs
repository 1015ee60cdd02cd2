//! `SharedDirectories`: whether a plugins directory may stand where everybody may write, and what is said where it may
//! not.

use aisoc_files::{Insecure, shell_word};
use aisoc_manifests::fault::Reason;

/// What to do about a plugins directory that everybody may write, or one below such a directory: a volume that
/// a cluster mounts for several users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SharedDirectories {
    /// Refuse it: whoever can write there decides what the host loads.
    #[default]
    Refused,
    /// Somebody answers for everybody who can write there. What an install puts there is held to the rule all the
    /// same, and so are the directories that are ours in it.
    Accepted,
}

/// A volume that was made to be shared is not mended by whoever installs there: its owner decides, or a
/// directory of one's own in it, where nobody can take that away.
pub(crate) fn hint(insecure: &Insecure) -> String {
    let mend = match insecure.sticky_end() {
        Some(volume) => {
            let own = shell_word(volume.join("plugins"));
            format!("make a directory of your own in it with `mkdir -m 0755 {own}`, and pass `--plugins-dir {own}`")
        }
        None => {
            let remedy = insecure.remedy().unwrap_or_else(|| Reason::DirectoryInsecure.remedy().to_owned());
            format!("{remedy}, or take one of your own in a sticky directory of root's (mode 1777)")
        }
    };
    format!(
        "{mend}; a volume that is shared on purpose is accepted with `--accept-shared-directory`, by whoever answers \
         for everybody who can write to it"
    )
}
