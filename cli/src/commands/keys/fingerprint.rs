//! `aisoc keys fingerprint`

use std::ffi::{OsStr, OsString};
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::{FingerprintedKey, KeyFingerprints};
use aisoc_pipeline::{Source, inspect_artifact, inspect_directory};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Fingerprint, Keyring, PublicKey, claimed_signer};

use super::super::key_change::pem;
use crate::args::key_lint::FingerprintArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::runtime;

/// What is fingerprinted.
enum Named {
    /// The key of a file, or of standard input.
    Key(String),
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
                let key = pem::read(file, context).map_err(|fault| without_private_half(fault, file))?;
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
    let is_key = text == OsStr::new("-") || (!is_archive && path.is_file());
    let named = match text.to_str() {
        Some(file) if is_key => Named::Key(file.to_owned()),
        _ => Named::Signed(Source::parse(text)?),
    };
    Ok((shown, named))
}

fn reference(named: &Named) -> Option<&Reference> {
    match named {
        Named::Key(_) => None,
        Named::Signed(source) => source.artifact(),
    }
}

/// Nothing is said of a private key but how to make its public half.
fn without_private_half(fault: Fault, file: &str) -> Fault {
    let is_private = fault.reason() == Reason::KeyInvalid && fault.message().contains("a private key");
    let shown = aisoc_files::shell_word(file);
    match is_private {
        true => {
            fault.hint(format!("name its public half: `openssl pkey -in {shown} -pubout -out PREFIX.pem` writes it"))
        }
        false => fault,
    }
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
