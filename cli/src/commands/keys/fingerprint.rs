//! `aisoc keys fingerprint`

use std::ffi::{OsStr, OsString};
use std::path::Path;

use aisoc_files::{Links, read_small, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::{FingerprintedKey, KeyFingerprints};
use aisoc_pipeline::{Source, inspect_artifact, inspect_directory};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Fingerprint, Keyring, PublicKey, claimed_signer};
use zeroize::Zeroizing;

use super::super::key_change::pem;
use crate::args::key_lint::FingerprintArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::runtime;

/// What is fingerprinted.
enum Named {
    /// The key of a file, or of standard input.
    Key(OsString),
    /// Whatever has signatures.
    Signed(Source),
}

pub(crate) fn run(args: FingerprintArgs, context: &Context) -> Result<u8> {
    let named: Vec<(String, Named)> = args.sources.iter().map(named).collect::<Result<_>>()?;
    let references: Vec<&Reference> = named.iter().filter_map(|(_, named)| reference(named)).collect();
    let client = context.client(&args.registry, &references)?;
    let trusted = args.trusted_keys.map(|path| Keyring::read(&path)?.require_there()).transpose()?;
    let mut keys = Vec::new();
    for (source, named) in &named {
        match named {
            Named::Key(file) => {
                let key = pem::read_named(file, context).map_err(|fault| without_private_half(fault, file))?;
                keys.push(of_key(source, &key, trusted.as_ref()));
            }
            Named::Signed(signed) => keys.extend(of_signed(source, signed, &client, trusted.as_ref(), context)?),
        }
    }
    context.output.answer(&KeyFingerprints { keys })
}

/// A file is a key, unless it is an archive; everything else has signatures.
fn named(text: &OsString) -> Result<(String, Named)> {
    let (shown, path) = (path_text(Path::new(text)), Path::new(text));
    let is_archive = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("tar"));
    if text == OsStr::new("-") || (!is_archive && path.is_file()) {
        return Ok((shown, Named::Key(text.clone())));
    }
    if text.to_str().is_some_and(is_bare_public_key) {
        return Err(Fault::new(Reason::Usage, "what was given is a public key, and not the path of one")
            .expected("the path of a PEM file, or `-`", "a key in base64")
            .hint(
                "put it into a file, between the lines `-----BEGIN PUBLIC KEY-----` and `-----END PUBLIC KEY-----`, and \
                 name that",
            ));
    }
    Ok((shown, Named::Signed(Source::parse(text)?)))
}

/// Whether a text is the `SubjectPublicKeyInfo` of an Ed25519 key in base64 (RFC 8410): nobody has to hide it.
pub(crate) fn is_bare_public_key(text: &str) -> bool {
    const BEGINNING: &str = "MCowBQYDK2VwAyEA";
    const LENGTH: usize = 60;
    text.starts_with(BEGINNING) && text.len() == LENGTH
}

fn reference(named: &Named) -> Option<&Reference> {
    match named {
        Named::Key(_) => None,
        Named::Signed(source) => source.artifact(),
    }
}

/// Nothing is said of a private key but how to make its public half, where OpenSSL reads it as it stands.
fn without_private_half(fault: Fault, file: &OsStr) -> Fault {
    match fault.reason() == Reason::KeyInvalid && is_private_pem(Path::new(file)) {
        true => {
            let shown = shell_word(file);
            fault.hint(format!("name its public half: `openssl pkey -in {shown} -pubout -out PREFIX.pem` writes it"))
        }
        false => fault,
    }
}

fn is_private_pem(file: &Path) -> bool {
    const LABELS: [&[u8]; 2] = [b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN ENCRYPTED PRIVATE KEY-----"];
    let text = read_small(file, pem::MAX_PEM_BYTES, Links::Followed).map(|file| Zeroizing::new(file.content));
    text.is_ok_and(|text| LABELS.iter().any(|label| text.trim_ascii_start().starts_with(label)))
}

fn of_key(source: &str, key: &PublicKey, trusted: Option<&Keyring>) -> FingerprintedKey {
    let fingerprint = key.fingerprint();
    FingerprintedKey {
        source: source.to_owned(),
        fingerprint: fingerprint.to_string(),
        openssh: Some(key.openssh_fingerprint()),
        key_id: trusted.and_then(|keyring| known(keyring, fingerprint)).map(|(id, _)| id),
    }
}

/// What its signature files say whose they are, unverified.
fn of_signed(
    source: &str,
    signed: &Source,
    client: &ClientOptions,
    trusted: Option<&Keyring>,
    context: &Context,
) -> Result<Vec<FingerprintedKey>> {
    let reporter = context.output.reporter();
    let inspection = match signed {
        Source::Directory(directory) => inspect_directory(directory, &context.limits()?)?,
        Source::Artifact(reference) => {
            runtime::block_on(context.cancellation()?, inspect_artifact(reference, client, &reporter))?
        }
    };
    let stated = inspection.signature_files.iter().filter_map(|file| claimed_signer(file)?.parse().ok());
    let keys: Vec<FingerprintedKey> = stated.map(|fingerprint| of_signer(source, fingerprint, trusted)).collect();
    match keys.is_empty() {
        false => Ok(keys),
        true => Err(Fault::new(Reason::Unsigned, format!("no signature of `{source}` says whose it is"))
            .expected("a file in plugin.sig.d", "none")),
    }
}

fn of_signer(source: &str, fingerprint: Fingerprint, trusted: Option<&Keyring>) -> FingerprintedKey {
    let known = trusted.and_then(|keyring| known(keyring, fingerprint));
    let (key_id, openssh) = known.unzip();
    FingerprintedKey { source: source.to_owned(), fingerprint: fingerprint.to_string(), openssh, key_id }
}

/// The name of a key of the directory, and its fingerprint in the form of OpenSSH.
fn known(keyring: &Keyring, fingerprint: Fingerprint) -> Option<(String, String)> {
    let key = keyring.all_keys().iter().find(|key| key.fingerprint == fingerprint)?;
    Some((key.id.to_string(), key.key.openssh_fingerprint()))
}

impl Answer for KeyFingerprints {
    fn text(&self) -> String {
        let line = |key: &FingerprintedKey| {
            let FingerprintedKey { source, fingerprint, openssh, key_id } = key;
            let (openssh, name) = (openssh.as_deref().unwrap_or("-"), key_id.as_ref().unwrap_or(source));
            format!("{fingerprint}  {openssh}  {}\n", printable(name))
        };
        self.keys.iter().map(line).collect()
    }
}
