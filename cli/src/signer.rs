//! Who signs: `--private-key`, whatever it names.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_programs::Program;
use aisoc_signing::proof::ArtifactSigner;
use aisoc_signing::{Agent, AgentSigner, KeyHolder, NamedKey, Pkcs11Uri, PrivateKey, ProgramSigner, SIGNER_PATIENCE};
use zeroize::Zeroizing;

use crate::args::passphrase::{PassphraseArgs, PassphraseSource};
use crate::context::Context;
use crate::passphrase::{self, Passphrases};
use crate::private_key::{self, ArtifactKey};

/// The program that signs with a key on a token.
const PKCS11: &str = "aisoc-pkcs11";

/// The one who signs.
///
/// # Errors
/// As [`all`].
pub(crate) fn one(source: &str, passphrases: &PassphraseArgs, context: &Context) -> Result<Box<dyn KeyHolder>> {
    let mut passphrases = Passphrases::new(&passphrases.passphrase, context);
    let signer = of(source, &mut passphrases, context)?;
    passphrases.finish().map(|()| signer)
}

/// The one who signs an artifact, so that cosign finds it signed.
///
/// # Errors
/// As [`all`].
pub(crate) fn of_artifact(source: &str, passphrases: &PassphraseArgs, context: &Context) -> Result<ArtifactSigner> {
    let mut passphrases = Passphrases::new(&passphrases.passphrase, context);
    let signer = match source.split_once(':') {
        Some(("exec" | "ssh-agent" | "pkcs11", _)) => ArtifactSigner::Ed25519(of(source, &mut passphrases, context)?),
        _ => match private_key::read_artifact_key(source, &context.environment, context.cancellation()?)? {
            ArtifactKey::P256(signer) => signer,
            ArtifactKey::OfPlugins(key) => ArtifactSigner::Ed25519(opened(key, &mut passphrases)?),
        },
    };
    passphrases.finish().map(|()| signer)
}

/// Who signs, in the order in which they are named.
///
/// # Errors
/// `key_invalid` when the variable is unset, when the file cannot be read, is no file of a key's size, or holds no
/// signing key; `private_key_exposed`, `passphrase_invalid`; `signer_unavailable` and `signer_failed` of whoever holds it;
/// `usage` when passphrases are given that no key needs. What was given is not quoted, unless it is the path of a file
/// or a program.
pub(crate) fn all(
    sources: &[String],
    passphrases: &PassphraseArgs,
    context: &Context,
) -> Result<Vec<Box<dyn KeyHolder>>> {
    let mut passphrases = Passphrases::new(&passphrases.passphrase, context);
    let signers = sources.iter().map(|source| of(source, &mut passphrases, context)).collect::<Result<Vec<_>>>()?;
    // What is wrong with a key is said before what is wrong with the number of passphrases.
    passphrases.finish().map(|()| signers)
}

/// A key from a file, from `env:VARIABLE` or from standard input for `-`; or who holds one: a program,
/// `exec:PROGRAM`, the SSH agent, `ssh-agent:FINGERPRINT`, or a token, `pkcs11:…`.
fn of(source: &str, passphrases: &mut Passphrases<'_>, context: &Context) -> Result<Box<dyn KeyHolder>> {
    match source.split_once(':') {
        Some(("exec", name)) => program(name, context),
        Some(("ssh-agent", name)) => agent(name, context),
        Some(("pkcs11", _)) => token(source, passphrases, context),
        _ => key(source, passphrases, context),
    }
}

/// A key that the agent of this session holds.
fn agent(name: &str, context: &Context) -> Result<Box<dyn KeyHolder>> {
    let name: NamedKey = name.parse()?;
    let socket = context.environment.ssh_agent().ok_or_else(|| {
        Fault::new(Reason::SignerFailed, "SSH_AUTH_SOCK is not set, so there is no SSH agent to ask")
            .hint("start one with `eval \"$(ssh-agent)\"`, and add the key with `ssh-add FILE`")
    })?;
    let agent = Agent { socket, patience: SIGNER_PATIENCE, cancellation: context.cancellation()?.clone() };
    Ok(Box::new(AgentSigner::find(agent, name)?))
}

fn key(source: &str, passphrases: &mut Passphrases<'_>, context: &Context) -> Result<Box<dyn KeyHolder>> {
    opened(private_key::read(source, &context.environment, context.cancellation()?)?, passphrases)
}

fn opened(key: PrivateKey, passphrases: &mut Passphrases<'_>) -> Result<Box<dyn KeyHolder>> {
    match key {
        PrivateKey::Open(key) => Ok(Box::new(key)),
        PrivateKey::Encrypted(encrypted) => {
            let passphrase = passphrases.next(&format!("the private key of {}", encrypted.source()))?;
            Ok(Box::new(encrypted.open(&passphrase)?))
        }
    }
}

/// A program that holds the key. It is started as it is named, by no shell and without arguments: what stands on
/// this command line is read by everybody, and how a shell would split it nobody can see.
fn program(name: &str, context: &Context) -> Result<Box<dyn KeyHolder>> {
    if name.is_empty() || name.contains('\0') {
        return Err(Fault::new(Reason::Usage, "`--private-key exec:` names no program")
            .hint("write `exec:` and the path of a program that signs; `aisoc help signing-keys` has one"));
    }
    let program = Program { name: name.into(), arguments: Vec::new() };
    Ok(Box::new(ProgramSigner::ask(program, None, SIGNER_PATIENCE, context.cancellation()?)?))
}

/// A key on a token, by way of a program of ours that loads the token's module.
fn token(source: &str, passphrases: &mut Passphrases<'_>, context: &Context) -> Result<Box<dyn KeyHolder>> {
    let uri: Pkcs11Uri = source.parse()?;
    let name = context.environment.helper(PKCS11).ok_or_else(|| {
        Fault::new(Reason::SignerFailed, format!("`{PKCS11}` is neither beside aisoc nor on the PATH"))
            .hint("build it with `cargo install --path pkcs11-signer --locked`: it loads the modules of tokens")
    })?;
    let pin = match uri.text("pin-source") {
        Some(place) => passphrase::read(&pin_source(place)?, context)?,
        None => passphrases.next("the token")?,
    };
    let pin = std::str::from_utf8(&pin).map(|pin| Zeroizing::new(pin.to_owned()));
    let pin = pin.map_err(|_| Fault::new(Reason::PassphraseInvalid, "the PIN is no UTF-8"))?;
    let program = Program { name, arguments: vec![source.into()] };
    Ok(Box::new(ProgramSigner::ask(program, Some(pin), SIGNER_PATIENCE, context.cancellation()?)?))
}

/// RFC 7512, section 2.4, leaves the forms open but for its examples: `file:` and a program behind `|`.
fn pin_source(place: &str) -> Result<PassphraseSource> {
    let path = place.strip_prefix("file://").or_else(|| place.strip_prefix("file:")).unwrap_or(place);
    match place.strip_prefix("env:") {
        Some(name) if !name.is_empty() => Ok(PassphraseSource::Variable(name.to_owned())),
        None if path.starts_with('/') => Ok(PassphraseSource::File(path.into())),
        _ => Err(Fault::new(Reason::Usage, "the `pin-source` of the PKCS#11 URI is none that is read here")
            .expected("env:VARIABLE, file:/PATH or /PATH", aisoc_manifests::text::shown(place, 40))
            .hint("leave it out, and give the PIN with `--passphrase env:VARIABLE`, `fd:N` or `file:PATH`")),
    }
}
