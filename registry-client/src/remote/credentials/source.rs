//! One source of logins: a file or a variable, from its bytes to the configuration in them.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::Path;

use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::config::Config;
use super::place::Place;
use crate::options::DockerConfig;
use crate::worker::blocking;

/// Larger than any file of logins.
pub(super) const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The configuration; nothing where there is no such file.
///
/// # Errors
/// Those of reading the file; `registry_denied` when it is none, without a word of what is in it.
pub(super) async fn read(source: &DockerConfig) -> Result<Option<Config>> {
    let (config, hint) = match source {
        DockerConfig::Text { variable, json } => (
            Config::read(json.reveal().as_bytes()),
            format!("set {variable} to what is in a `config.json`, and not to the path of one"),
        ),
        DockerConfig::File { path, is_named } => {
            let (file, is_named) = (path.clone(), *is_named);
            let Some(content) = blocking(move || content(&file, is_named)).await? else { return Ok(None) };
            (Config::read(&content), format!("correct `{}`, or remove it and log in again", path.display()))
        }
    };
    config.map(Some).map_err(|fault| fault.about(format!("`{}`", name(source))).hint(hint))
}

/// The source in messages.
pub(super) fn name(source: &DockerConfig) -> Cow<'_, str> {
    match source {
        DockerConfig::Text { variable, .. } => Cow::Borrowed(variable),
        DockerConfig::File { path, .. } => path.to_string_lossy(),
    }
}

/// What to do about a login of that source which cannot be used, or which a registry refuses.
pub(super) fn remedy(source: &DockerConfig, place: &Place) -> String {
    let registry = place.registry();
    match source {
        DockerConfig::Text { variable, .. } => format!("set {variable} anew, or unset it"),
        DockerConfig::File { path, .. } => {
            format!(
                "log in again with `aisoc registry login {registry} -u USER --password-stdin`; they are from `{}`",
                path.display()
            )
        }
    }
}

/// Whether a file that nobody named may not be read: `$HOME` and `$XDG_RUNTIME_DIR` outlive `su` and the start
/// of a container, and what they lead to is another user's then.
pub(super) fn is_out_of_reach(source: &DockerConfig, fault: &Fault) -> bool {
    matches!(source, DockerConfig::File { is_named: false, .. }) && fault.reason() == Reason::IoDenied
}

/// Whole and bounded, and without waiting for who writes to a FIFO in its place; nothing where there is no file.
/// `/dev/null`, by which scripts say that there are no logins, is an empty one.
fn content(path: &Path, is_named: bool) -> Result<Option<Vec<u8>>> {
    match read_small(path, MAX_CONFIG_BYTES, Links::Followed) {
        Ok(file) => Ok(Some(file.content)),
        Err(SmallFileError::NotAFile) if path == Path::new("/dev/null") => Ok(Some(Vec::new())),
        Err(SmallFileError::Io(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        // No directory on the way: `HOME=/dev/null` says that there is no home. Who names a file where Docker wants
        // its directory means that file, and would be somebody else without it.
        Err(SmallFileError::Io(error)) if error.kind() == ErrorKind::NotADirectory && !is_named => Ok(None),
        Err(error) => Err(Fault::io("read", path, error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Secret;

    #[test]
    fn a_file_that_nobody_named_may_be_another_users() {
        let file = |path: &str, is_named| DockerConfig::File { path: path.into(), is_named };
        let variable = DockerConfig::Text { variable: "DOCKER_AUTH_CONFIG".to_owned(), json: Secret::new("{}") };
        let denied = Fault::new(Reason::IoDenied, "cannot read");
        assert!(is_out_of_reach(&file("/h/.docker/config.json", false), &denied));
        assert!(!is_out_of_reach(&file("/named/config.json", true), &denied));
        assert!(!is_out_of_reach(&file("/h", false), &Fault::new(Reason::IoError, "cannot read")));
        assert!(!is_out_of_reach(&variable, &denied));
    }
}
