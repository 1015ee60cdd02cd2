//! A directory of certificates as Docker has it: `HOST[:PORT]/` with `*.crt` that vouch for the registry, and
//! `NAME.cert` beside `NAME.key` by which a client proves who it is. Source: Docker's manual, "Verify repository client with
//! certificates".
//!
//! Who can put a file there can speak for the registry, so nobody but this user and root may change the directory, or one on
//! the way to it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Links, SmallFileError, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::registry_host::RegistryHost;

use super::setting::ClientCertificate;

/// Most files of one registry.
const MAX_FILES: usize = 100;

/// What is there for one registry.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) directory: PathBuf,
    pub(super) authorities: Vec<PathBuf>,
    pub(super) client_certificate: Option<ClientCertificate>,
}

/// What the directory has for that registry; none where it has no directory for it.
pub(super) fn read(certs_d: &Path, registry: &RegistryHost) -> Result<Option<Listed>> {
    let mut walk = Walk::default();
    let failed = |error: std::io::Error| Fault::io("look at", certs_d, error);
    let all = match walk.to(certs_d, Links::Followed).map_err(failed)? {
        Arrival::Directory(place) => place,
        Arrival::Missing(_) => return Err(failed(std::io::ErrorKind::NotFound.into())),
        Arrival::Other(..) | Arrival::NoWay => return Err(Fault::no_directory(certs_d)),
    };
    let directory = certs_d.join(registry.as_str());
    let place = match walk.enter(&all, registry.as_str().as_ref()).map_err(failed)? {
        Arrival::Directory(place) => place,
        Arrival::Missing(_) => return Ok(None),
        Arrival::Other(..) | Arrival::NoWay => return Err(Fault::no_directory(&directory)),
    };
    let mut names: Vec<OsString> = Vec::new();
    for name in place.names().map_err(failed)? {
        if names.len() >= MAX_FILES {
            return Err(invalid(&directory, format!("it holds more than {MAX_FILES} files")));
        }
        names.push(name.map_err(failed)?);
    }
    names.sort();
    for name in names.iter().filter(|name| kind(name).is_some()) {
        walk.open_file(&place, name).map_err(|error| match error {
            SmallFileError::Io(error) => Fault::io("read", &directory.join(name), error),
            error => invalid(&directory, format!("`{}` cannot be read", name.display())).caused_by(error),
        })?;
    }
    walk.finish().map_err(|insecure| {
        let message = format!("others can change which certificates are taken for `{registry}`: {insecure}");
        Fault::insecure(message, insecure.expected(), insecure.found(), insecure.remedy())
    })?;
    let authorities = names.iter().filter(|name| kind(name) == Some(Kind::Authority));
    let authorities = authorities.map(|name| directory.join(name)).collect();
    let client_certificate = pair(&directory, &names)?;
    Ok(Some(Listed { directory, authorities, client_certificate }))
}

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Authority,
    Certificate,
    Key,
}

fn kind(name: &OsString) -> Option<Kind> {
    match Path::new(name).extension()?.to_str()? {
        "crt" => Some(Kind::Authority),
        "cert" => Some(Kind::Certificate),
        "key" => Some(Kind::Key),
        _ => None,
    }
}

/// The one certificate and its key. Of several nobody could say who we are.
fn pair(directory: &Path, names: &[OsString]) -> Result<Option<ClientCertificate>> {
    let of = |wanted: Kind| names.iter().filter(move |name| kind(name) == Some(wanted));
    for (wanted, other, extension) in [(Kind::Certificate, Kind::Key, "key"), (Kind::Key, Kind::Certificate, "cert")] {
        for name in of(wanted) {
            let expected = Path::new(name).with_extension(extension);
            if of(other).all(|name| Path::new(name) != expected) {
                let message = format!("`{}` has no `{}` beside it", name.display(), expected.display());
                return Err(invalid(directory, message)
                    .hint("name each pair alike; a certificate that vouches for a registry is a `.crt`"));
            }
        }
    }
    let mut certificates = of(Kind::Certificate);
    let Some(first) = certificates.next() else { return Ok(None) };
    if let Some(second) = certificates.next() {
        let message = format!("it has two client certificates, `{}` and `{}`", first.display(), second.display());
        return Err(
            invalid(directory, message).hint("name the one that counts in `client_certificate` and `client_key`")
        );
    }
    let certificate = directory.join(first);
    Ok(Some(ClientCertificate { key: certificate.with_extension("key"), certificate }))
}

fn invalid(directory: &Path, message: String) -> Fault {
    Fault::new(Reason::RegistrySettingsInvalid, message).about(format!("`{}`", directory.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const HOST: &str = "r.example:5000";

    fn with(names: &[&str]) -> (tempfile::TempDir, Result<Option<Listed>>) {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join(HOST)).expect("made");
        for name in names {
            fs::write(root.path().join(HOST).join(name), "").expect("written");
        }
        let listed = read(root.path(), &HOST.parse().expect("a host"));
        (root, listed)
    }

    #[test]
    fn files_are_what_their_names_say() {
        let (root, listed) = with(&["b.crt", "a.crt", "me.cert", "me.key", "README", "x.pem"]);
        let listed = listed.expect("read").expect("there");
        let at = |name: &str| root.path().join(HOST).join(name);
        assert_eq!(listed.authorities, [at("a.crt"), at("b.crt")]);
        assert_eq!(
            listed.client_certificate,
            Some(ClientCertificate { certificate: at("me.cert"), key: at("me.key") })
        );
        let (root, _) = with(&[]);
        assert!(read(root.path(), &"r.example".parse().expect("a host")).expect("read").is_none(), "another port");
    }

    #[test]
    fn half_a_pair_two_pairs_and_too_much_are_refused() {
        let many: Vec<String> = (0..=MAX_FILES).map(|number| format!("{number}.crt")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (names, is_taken) in [
            (&["me.cert"][..], false),
            (&["me.key"], false),
            (&["me.cert", "you.key"], false),
            (&["a.cert", "a.key", "b.cert", "b.key"], false),
            (&["a.cert", "a.key"], true),
            (&many[..MAX_FILES - 1], true),
            (&many[..MAX_FILES], true),
            (&many, false),
        ] {
            let listed = with(names).1;
            let reason = listed.as_ref().err().map(Fault::reason);
            assert_eq!(reason, (!is_taken).then_some(Reason::RegistrySettingsInvalid), "{} files", names.len());
        }
    }

    #[test]
    fn a_directory_that_others_can_change_says_nothing() {
        let (root, listed) = with(&["ca.crt"]);
        listed.expect("read");
        let host = HOST.parse().expect("a host");
        for path in [root.path().join(HOST), root.path().join(HOST).join("ca.crt")] {
            let before = fs::metadata(&path).expect("there").permissions();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("set");
            let fault = read(root.path(), &host).expect_err("open to all");
            assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{}", path.display());
            fs::set_permissions(&path, before).expect("set");
        }
        let missing = read(&root.path().join("nowhere"), &host).expect_err("missing");
        assert_eq!(missing.reason(), Reason::IoNotFound);
    }
}
