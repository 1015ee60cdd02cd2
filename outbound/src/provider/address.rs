//! `ProviderAddress`: where a provider answers, as an operator writes it.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aisoc_files::{Arrival, Links, SmallFileError, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result as Outcome};
use url::Url;

use crate::destination::BadDestination;
use crate::resolver::Side;

/// How an address begins that is a socket.
const UNIX: &str = "unix:";

/// Where a provider answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAddress(pub(super) Place);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A socket of this machine.
    Socket(PathBuf),
    /// A server, over TLS.
    Server(Url),
}

impl FromStr for ProviderAddress {
    type Err = BadDestination;

    fn from_str(text: &str) -> Result<Self, BadDestination> {
        let bad = |why: &str| BadDestination { what: text.to_owned(), why: why.to_owned() };
        if let Some(path) = text.strip_prefix(UNIX) {
            let path = PathBuf::from(path);
            let is_named = path.is_absolute() && path.file_name().is_some() && !text.contains('\0');
            return if is_named { Ok(Self(Place::Socket(path))) } else { Err(bad("expected a path from the root on")) };
        }
        let url = Url::parse(text).map_err(|_| bad("expected unix:/run/provider.sock or https://provider.example/"))?;
        if !url.username().is_empty() || url.password().is_some() {
            // Not repeated: it holds a password.
            let what = url.host_str().unwrap_or_default().to_owned();
            return Err(BadDestination { what, why: "it has a login, in whose place there is `token`".to_owned() });
        }
        match url.scheme() {
            "https" => {}
            "http" => return Err(bad("plain HTTP, which anybody on the way reads and answers: expected https")),
            _ => return Err(bad("expected unix: or https:")),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it has a query or a fragment"));
        }
        Side::Inside.judge(&url).map_err(|found| bad(&format!("it leads to {}", found.leads_to)))?;
        Ok(Self(Place::Server(url)))
    }
}

impl ProviderAddress {
    /// Refuses a place where something stands that is not asked. Where nothing stands a provider may come later.
    ///
    /// # Errors
    /// `configuration_invalid` for what is no socket, `directory_insecure` for one that others may change; I/O reasons.
    pub fn require_usable(&self) -> Outcome<()> {
        match &self.0 {
            Place::Socket(path) => open(path).map(drop),
            Place::Server(_) => Ok(()),
        }
    }
}

/// The socket, which nobody else may change, or the way to it; nothing where nothing stands there.
///
/// # Errors
/// As [`ProviderAddress::require_usable`].
pub(super) fn open(path: &Path) -> Outcome<Option<OwnedFd>> {
    let failed = |error| Fault::io("open", path, error);
    let no_socket = || {
        Fault::new(Reason::ConfigurationInvalid, format!("`{}` is no socket", path.display()))
            .expected("a socket", "something else, or a link")
            .hint("name the socket itself, by the path that its provider listens at")
    };
    let mut walk = Walk::default();
    let place = match walk.to(aisoc_files::parent(path), Links::Followed).map_err(failed)? {
        Arrival::Directory(place) => place,
        Arrival::Missing(_) => return Ok(None),
        Arrival::Other(..) | Arrival::NoWay => return Err(no_socket()),
    };
    let socket = match walk.open_socket(&place, path.file_name().unwrap_or_default()) {
        Ok(socket) => socket,
        Err(error) if error.is_absent() => return Ok(None),
        Err(SmallFileError::Io(error)) => return Err(failed(error)),
        Err(_) => return Err(no_socket()),
    };
    walk.finish()
        .map_err(|found| Fault::insecure(found.to_string(), found.expected(), found.found(), found.remedy()))?;
    Ok(Some(socket))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_provider_is_a_socket_or_answers_over_tls() {
        for text in ["unix:/run/a.sock", "https://a.test/v1", "https://10.0.0.1:8443", "https://localhost/"] {
            text.parse::<ProviderAddress>().unwrap_or_else(|bad| panic!("{bad}"));
        }
        for (text, why) in [
            ("", "expected unix:/run"),
            ("/run/a.sock", "expected unix:/run"),
            ("unix:", "from the root on"),
            ("unix:a.sock", "from the root on"),
            ("unix:/", "from the root on"),
            ("unix:/run/..", "from the root on"),
            ("http://127.0.0.1:1/", "plain HTTP"),
            ("ftp://a.test/", "expected unix: or https:"),
            ("https://a.test/?x", "a query"),
            ("https://a.test/#x", "a fragment"),
            ("https://169.254.169.254/", "leads to 169.254.169.254"),
            ("https://metadata.google.internal/", "metadata"),
            ("https://0.0.0.0/", "leads to 0.0.0.0"),
        ] {
            let bad = text.parse::<ProviderAddress>().expect_err(text).to_string();
            assert!(bad.contains(why), "{text}: {bad}");
        }
        let bad = "https://me:hunter2@a.test/".parse::<ProviderAddress>().expect_err("a login").to_string();
        assert!(!bad.contains("hunter2") && bad.contains("a.test"), "{bad}");
    }

    #[test]
    fn what_stands_there_is_a_socket_that_nobody_else_may_change() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("a.sock");
        let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
        let judged = |path: &Path| ProviderAddress(Place::Socket(path.to_owned())).require_usable();
        judged(&path).expect("nothing yet");
        judged(&place.path().join("none/a.sock")).expect("no directory yet");
        let _listener = UnixListener::bind(&path).expect("bound");
        for (mode, is_taken) in [(0o600, true), (0o755, true), (0o602, false), (0o777, false), (0o660, true)] {
            set(&path, mode);
            let judged = judged(&path);
            assert_eq!(judged.is_ok(), is_taken, "{mode:o}: {judged:?}");
            if let Err(fault) = judged {
                assert_eq!(fault.reason(), Reason::DirectoryInsecure);
            }
        }
        set(&path, 0o600);
        set(place.path(), 0o777);
        assert_eq!(judged(&path).expect_err("the way").reason(), Reason::DirectoryInsecure);
        set(place.path(), 0o700);
        let (link, file) = (place.path().join("link"), place.path().join("file"));
        symlink("a.sock", &link).expect("linked");
        fs::write(&file, "").expect("written");
        for other in [&link, &file, &file.join("a.sock")] {
            assert_eq!(judged(other).expect_err("none").reason(), Reason::ConfigurationInvalid, "{other:?}");
        }
        if aisoc_files::effective_user() == 0 {
            chown(&path, Some(12_345), None).expect("given away");
            assert_eq!(judged(&path).expect_err("of somebody else").reason(), Reason::DirectoryInsecure);
        }
    }
}
