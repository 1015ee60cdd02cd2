//! Which certificates are trusted: those of the machine or of the variables in their place, and the one that
//! was given for this run.

use std::fs;
use std::path::Path;

use aisoc_files::{Links, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use crate::certificates::{CertificateFile, Certificates};
use crate::limits::{MAX_CERTIFICATE_BYTES, MAX_CERTIFICATE_FILES};
use crate::options::SETTINGS;

/// Every certificate that is trusted.
pub(super) fn trusted(certificates: &Certificates) -> Result<Vec<CertificateDer<'static>>> {
    let mut trusted = match certificates.replace_those_of_the_machine() {
        true => in_place(certificates)?,
        false => of_the_machine(),
    };
    if let Some(file) = &certificates.added {
        trusted.extend(read(file)?);
    }
    for file in &certificates.of_registry {
        let content = file.content().map_err(|fault| fault.about(SETTINGS))?;
        trusted.extend(usable(SETTINGS, file.path(), &content)?);
    }
    Ok(trusted)
}

/// Whether one of the files that were named holds a certificate for this very host. For a registry on this
/// machine that decides whether TLS is spoken; a file that cannot be read then decides nothing, because without
/// TLS nothing depends on it.
pub(in crate::remote) fn name_this_host(certificates: &Certificates, host: &str) -> bool {
    let files = [&certificates.added, &certificates.file].into_iter().flatten();
    let given = files.filter_map(|file| read(file).ok()).flatten();
    let Ok(host) = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']')) else { return false };
    let is_for_host = |certificate: &ParsedCertificate<'_>| verify_server_name(certificate, &host).is_ok();
    given.into_iter().any(|der| ParsedCertificate::try_from(&der).is_ok_and(|certificate| is_for_host(&certificate)))
}

/// The machine's certificates, else the ones that Mozilla ships: a container without a store is common, and
/// failing there would teach people to use plain HTTP.
fn of_the_machine() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() { webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec() } else { found }
}

/// The file and the directories that stand in place of the machine's. A file that is not there adds nothing to
/// the directories that are (as Go has it: a platform sets both, and its image has one); where it is all that was
/// named, it is missing.
fn in_place(certificates: &Certificates) -> Result<Vec<CertificateDer<'static>>> {
    let file = certificates.file.as_ref().map_or(Ok(Vec::new()), read);
    let is_absent = file.as_ref().is_err_and(|fault| fault.reason() == Reason::IoNotFound);
    let mut found = if is_absent && !certificates.directories.is_empty() { Vec::new() } else { file.clone()? };
    for directory in &certificates.directories {
        found.extend(listed(directory)?);
    }
    if found.is_empty() {
        file?;
        let message = "no directory that SSL_CERT_DIR lists holds a certificate";
        return Err(Fault::new(Reason::Usage, message).hint("correct SSL_CERT_DIR, or unset it"));
    }
    Ok(found)
}

/// The certificates of a directory, whose other files are no certificates: a README, a list, a key.
#[expect(clippy::disallowed_methods, reason = "lists a directory that the operator named, of files that others made")]
fn listed(directory: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Fault::io("list", directory, error))?,
    };
    let mut found = Vec::new();
    for (number, entry) in entries.enumerate() {
        if number >= MAX_CERTIFICATE_FILES {
            let message = format!("`{}` holds more than {MAX_CERTIFICATE_FILES} files", directory.display());
            return Err(Fault::new(Reason::Usage, message).hint("let SSL_CERT_DIR list directories of certificates"));
        }
        let path = entry.map_err(|error| Fault::io("list", directory, error))?.path();
        let content = read_small(&path, MAX_CERTIFICATE_BYTES, Links::Followed).map(|file| file.content);
        found.extend(CertificateDer::pem_slice_iter(&content.unwrap_or_default()).flatten());
    }
    Ok(found)
}

/// The certificates of a file, which is well-formed and holds one at least that can be used. Bundles hold old
/// ones beside the others that the library does not read.
fn read(file: &CertificateFile) -> Result<Vec<CertificateDer<'static>>> {
    let read = read_small(&file.path, MAX_CERTIFICATE_BYTES, Links::Followed);
    let content = read.map_err(|error| Fault::io("read", &file.path, error.into()).about(file.named_by))?.content;
    usable(file.named_by, &file.path, &content)
}

fn usable(named_by: &str, path: &Path, content: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(content).collect::<Result<Vec<_>, _>>();
    // The library's own words may quote a line, which may be one of a key.
    let found = found.map_err(|_| unusable(named_by, path, "PEM that cannot be read"))?;
    match found.iter().any(|der| webpki::anchor_from_trusted_cert(der).is_ok()) {
        true => Ok(found),
        false if found.is_empty() => Err(unusable(named_by, path, without_certificate(content))),
        false => Err(unusable(named_by, path, "a certificate that cannot be read")),
    }
}

/// What a file without a certificate holds instead. DER is told by the tag of its outermost sequence.
fn without_certificate(content: &[u8]) -> &'static str {
    match content {
        [] => "nothing",
        [0x30, ..] => "a certificate in DER, not in PEM",
        _ => "no certificate in PEM",
    }
}

fn unusable(named_by: &str, path: &Path, found: &str) -> Fault {
    let message = format!("{named_by} names `{}`, which holds no usable certificates", path.display());
    let path = aisoc_files::shell_word(path);
    let hint = match found.contains("DER") {
        true => format!("write it as PEM: `openssl x509 -inform der -in {path} -out ca.pem`"),
        false => format!("see what it holds: `openssl x509 -noout -subject -in {path}`"),
    };
    Fault::new(Reason::Usage, message).expected("certificates in PEM", found).hint(hint)
}
