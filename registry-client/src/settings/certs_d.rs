//! A directory of certificates as Docker has it: `HOST[:PORT]/` with `*.crt` that vouch for the registry, and
//! `NAME.cert` beside `NAME.key` by which a client proves who it is. Source: Docker's manual, "Verify repository client with
//! certificates".
//!
//! Who can put a file there can speak for the registry, so nobody but this user and root may change the directory, or one on
//! the way to it. What was judged is what is used: each file is read, or of a key kept open, before the whole is judged.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Links, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::registry_host::RegistryHost;

use super::file::{SettingFile, changeable, unreadable};
use super::setting::ClientCertificate;
use crate::limits::MAX_CERTIFICATE_BYTES;

/// Most files of one registry.
const MAX_FILES: usize = 100;

/// What is there for one registry.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) directory: PathBuf,
    pub(super) authorities: Vec<SettingFile>,
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
    let mut files = Vec::new();
    for name in names {
        let Some(kind) = kind(&name) else { continue };
        let path = directory.join(&name);
        let file = match kind {
            Kind::Key => walk.open_file(&place, &name).map(|file| SettingFile::opened(path.clone(), file)),
            Kind::Authority | Kind::Certificate => walk
                .read_file(&place, &name, MAX_CERTIFICATE_BYTES)
                .map(|content| SettingFile::holding(path.clone(), content)),
        };
        files.push((kind, name, file.map_err(|error| unreadable(&path, error))?));
    }
    walk.finish()
        .map_err(|insecure| changeable(&format!("which certificates are taken for `{registry}`"), &insecure))?;
    let client_certificate = pair(&directory, &files)?;
    let authorities = files.into_iter().filter(|(kind, ..)| *kind == Kind::Authority).map(|(.., file)| file).collect();
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
fn pair(directory: &Path, files: &[(Kind, OsString, SettingFile)]) -> Result<Option<ClientCertificate>> {
    let of = |wanted: Kind| files.iter().filter(move |(kind, ..)| *kind == wanted);
    let beside = |name: &OsString, wanted: Kind, extension: &str| {
        let expected = Path::new(name).with_extension(extension);
        of(wanted).find(|(_, name, _)| Path::new(name) == expected).map(|(.., file)| file).ok_or_else(|| {
            let message = format!("`{}` has no `{}` beside it", name.display(), expected.display());
            invalid(directory, message)
                .hint("name each pair alike; a certificate that vouches for a registry is a `.crt`")
        })
    };
    for (_, name, _) in of(Kind::Key) {
        beside(name, Kind::Certificate, "cert")?;
    }
    let mut pairs = Vec::new();
    for (_, name, certificate) in of(Kind::Certificate) {
        pairs.push((name, certificate, beside(name, Kind::Key, "key")?));
    }
    match pairs.as_slice() {
        [] => Ok(None),
        [(_, certificate, key)] => {
            Ok(Some(ClientCertificate { certificate: SettingFile::clone(certificate), key: SettingFile::clone(key) }))
        }
        [(first, ..), (second, ..), ..] => {
            let message = format!("it has two client certificates, `{}` and `{}`", first.display(), second.display());
            Err(invalid(directory, message).hint("name the one that counts in `client_certificate` and `client_key`"))
        }
    }
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
        let at = |name: &str| SettingFile::named(root.path().join(HOST).join(name));
        assert_eq!(listed.authorities, [at("a.crt"), at("b.crt")]);
        assert_eq!(
            listed.client_certificate,
            Some(ClientCertificate { certificate: at("me.cert"), key: at("me.key") })
        );
        let (root, _) = with(&[]);
        assert!(read(root.path(), &"r.example".parse().expect("a host")).expect("read").is_none(), "another port");
    }

    #[test]
    fn what_was_judged_is_what_is_used_whatever_stands_there_a_moment_later() {
        let (root, listed) = with(&["ca.crt", "me.cert", "me.key"]);
        let listed = listed.expect("read").expect("there");
        for name in ["ca.crt", "me.cert", "me.key"] {
            let path = root.path().join(HOST).join(name);
            fs::remove_file(&path).expect("removed");
            fs::write(path, "another").expect("written");
        }
        let own = listed.client_certificate.expect("a pair");
        assert!(listed.authorities[0].content().expect("held").is_empty());
        assert!(own.certificate.content().expect("held").is_empty());
        let held = own.key.open().expect("open").metadata().expect("asked");
        assert_eq!(held.len(), 0, "the key that was judged");
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
