//! Reading the private key that signs, and leaving no copy of it anywhere. What was typed is quoted only when it is
//! the path of a file: it may be the key.

use std::io;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::proof::ArtifactSigner;
use aisoc_signing::{KeySource, PrivateKey};

use crate::environment::Environment;
use crate::output::resembles_key;
use crate::secret_file::{Found, Secret};

/// Larger than any private key.
const MAX_KEY_BYTES: usize = 64 << 10;
const KEY: Secret = Secret {
    name: "private key",
    reason: Reason::KeyInvalid,
    max_bytes: MAX_KEY_BYTES,
    ways: "pass the path of a key file, `env:VARIABLE`, or `-` and the key on standard input",
};

/// A key by which an artifact is signed.
pub(crate) enum ArtifactKey {
    /// One of P-256.
    P256(ArtifactSigner),
    /// One that signs plugins.
    OfPlugins(PrivateKey),
}

/// A key by which an artifact is signed, as it was read.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_artifact_key(
    source: &str,
    environment: &Environment,
    cancellation: &Cancellation,
) -> Result<ArtifactKey> {
    read_as(source, environment, cancellation, |content, place| {
        Ok(match ArtifactSigner::read_p256(content, place)? {
            Some(key) => ArtifactKey::P256(key),
            None => ArtifactKey::OfPlugins(PrivateKey::read(content, place)?),
        })
    })
}

/// The key, as it was read.
///
/// # Errors
/// `key_invalid` when the variable is unset, when the file cannot be read, is no file of a key's size, or holds no
/// signing key; `private_key_exposed` when others can get at it; `interrupted`, because a pipe is waited for.
pub(crate) fn read(source: &str, environment: &Environment, cancellation: &Cancellation) -> Result<PrivateKey> {
    read_as(source, environment, cancellation, PrivateKey::read)
}

fn read_as<K>(
    source: &str,
    environment: &Environment,
    cancellation: &Cancellation,
    read: impl FnOnce(&[u8], &KeySource) -> Result<K>,
) -> Result<K> {
    let read = found(source, environment, cancellation).and_then(|found| {
        let key = read(&found.bytes, &shown(source))?;
        found.refuse_exposed().map(|_| key)
    });
    aisoc_signing::wipe_stack();
    read
}

/// Once it was read, `source` is a path or the name of a variable, and no key.
fn shown(source: &str) -> KeySource {
    match source.strip_prefix("env:") {
        Some(variable) => KeySource::Variable(variable.to_owned()),
        None if source == "-" => KeySource::Input,
        None => KeySource::file(source),
    }
}

fn found(source: &str, environment: &Environment, cancellation: &Cancellation) -> Result<Found> {
    if let Some(variable) = source.strip_prefix("env:") {
        return Secret::variable(variable, environment).ok_or_else(|| {
            Fault::new(Reason::KeyInvalid, "the environment variable that `--private-key env:…` names is not set")
                .hint("write the name of a variable after `env:`, and set it to the PEM text of the private key")
        });
    }
    match source {
        "-" => KEY.input(cancellation),
        path => KEY.file(path, cancellation, |error| unreadable(path, error)),
    }
}

fn unreadable(source: &str, error: io::Error) -> Fault {
    if resembles_key(source) {
        return Fault::new(Reason::KeyInvalid, "the value of `--private-key` is a key, and not the path of one")
            .hint("every user of this machine can read arguments: make a new key with `aisoc plugin keygen --out PREFIX`, and pass its path");
    }
    let message = match std::fs::symlink_metadata(source) {
        Ok(_) => format!("cannot read the private key `{source}`"),
        Err(_) => "there is no file at the value of `--private-key`".to_owned(),
    };
    Fault::new(Reason::KeyInvalid, message)
        .caused_by(error)
        .hint("pass an existing key, or make one with `aisoc plugin keygen --out PREFIX`")
}
