//! What is required beside a signature, as flags and the environment say it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use aisoc_files::{Links, SmallFileError, open_file, read_open, read_small, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::{ProofKind, ProofRule, ProvedBy};
use aisoc_registry_client::signature_verifiers;
use aisoc_signing::proof::{
    Constraint, Identity, MAX_BUNDLE_BYTES, MAX_PROOF_KEY_BYTES, MAX_TRUSTED_ROOT_BYTES, ProofKey, TrustedRoot,
};
use aisoc_trust::require_secure;

use crate::args::known::Requirement;
use crate::args::plugin::ProofArgs;
use crate::environment::{Environment, SIGSTORE_ROOT};

/// What an identity is named by, with the option for a pattern of it.
const NAME: [&str; 2] = ["--certificate-identity", "--certificate-identity-regexp"];
const ISSUER: [&str; 2] = ["--certificate-oidc-issuer", "--certificate-oidc-issuer-regexp"];

/// How many keys must have signed.
///
/// # Errors
/// `usage` for two numbers, and for proofs: whoever takes those has taken them out before.
pub(crate) fn required_signers(required: &[Requirement]) -> Result<NonZeroUsize> {
    let mut signers = None;
    for requirement in required {
        match requirement {
            Requirement::Signers(number) if signers.is_none_or(|before| before == *number) => signers = Some(*number),
            Requirement::Signers(number) => {
                return Err(Fault::new(Reason::Usage, "`--require` names two numbers of keys")
                    .expected("one number", format!("{} and {number}", signers.unwrap_or(*number))));
            }
            Requirement::Proof(kind) => {
                return Err(Fault::new(
                    Reason::Usage,
                    format!("`--require {kind}` is about an artifact that is named"),
                )
                .expected("a number of keys", kind.as_str())
                .hint("verify the artifact: `aisoc plugin verify REF`"));
            }
        }
    }
    Ok(signers.unwrap_or(NonZeroUsize::MIN))
}

/// Takes the proofs out of what is required, and reads what they are judged by; nothing where none is required.
///
/// # Errors
/// `usage` where a proof is required and what it is judged by is not named, and where that is named and no proof is
/// required; `trusted_root_invalid`, and I/O reasons.
pub(crate) fn rule(
    required: &mut Vec<Requirement>,
    args: ProofArgs,
    environment: &Environment,
) -> Result<Option<ProofRule>> {
    let mut kinds = Vec::new();
    required.retain(|requirement| match requirement {
        Requirement::Proof(kind) => {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
            false
        }
        Requirement::Signers(_) => true,
    });
    let Some(kind) = kinds.first().copied() else { return unasked(&args).map(|()| None) };
    let names_somebody = args.certificate_identity.is_some()
        || args.certificate_identity_regexp.is_some()
        || args.certificate_oidc_issuer.is_some()
        || args.certificate_oidc_issuer_regexp.is_some();
    let by = match &args.proof_key {
        // What the trusted keys say of an artifact needs nobody else; a signature of sigstore is of somebody who is named.
        None if !names_somebody && args.trusted_root.is_none() && !kinds.contains(&ProofKind::Sigstore) => {
            ProvedBy::TrustedKeys
        }
        Some(key) => ProvedBy::Key {
            key: ProofKey::read(&key.display().to_string(), &public_key(key)?, signature_verifiers())?,
            root: if args.unlogged { None } else { Some(root(kind, args.trusted_root, environment)?) },
        },
        None => ProvedBy::Identity {
            identity: Identity {
                name: constraint(args.certificate_identity, args.certificate_identity_regexp)?
                    .ok_or_else(|| not_named(kind, NAME[0], &named_by(NAME)))?,
                issuer: constraint(args.certificate_oidc_issuer, args.certificate_oidc_issuer_regexp)?
                    .ok_or_else(|| not_named(kind, ISSUER[0], &named_by(ISSUER)))?,
            },
            root: root(kind, args.trusted_root, environment)?,
        },
    };
    let file = |path: &PathBuf| Ok((path.display().to_string(), bundle(path)?));
    let files = args.bundle.iter().map(file).collect::<Result<_>>()?;
    Ok(Some(ProofRule { kinds, by, files }))
}

fn root(kind: ProofKind, flag: Option<PathBuf>, environment: &Environment) -> Result<TrustedRoot> {
    let place = flag.or_else(|| environment.path(SIGSTORE_ROOT));
    let how = format!("{SIGSTORE_ROOT}, or `--trusted-root FILE`");
    let place = place.ok_or_else(|| not_named(kind, "--trusted-root", &how))?;
    TrustedRoot::read(&place.display().to_string(), &trusted_root(&place)?, signature_verifiers())
}

/// What proofs are judged by says nothing where none is required: whoever has typed it believes that one is.
fn unasked(args: &ProofArgs) -> Result<()> {
    let typed = [
        ("--trusted-root", args.trusted_root.is_some()),
        (NAME[0], args.certificate_identity.is_some()),
        (NAME[1], args.certificate_identity_regexp.is_some()),
        (ISSUER[0], args.certificate_oidc_issuer.is_some()),
        (ISSUER[1], args.certificate_oidc_issuer_regexp.is_some()),
        ("--proof-key", args.proof_key.is_some()),
        ("--bundle", !args.bundle.is_empty()),
    ];
    match typed.iter().find(|(_, is_typed)| *is_typed) {
        None => Ok(()),
        Some((option, _)) => {
            Err(Fault::new(Reason::Usage, format!("`{option}` is about proofs, and none is required"))
                .expected("`--require sigstore`, `provenance` or `sbom`", "none")
                .hint("say which proof the artifact has to have: `--require sigstore`"))
        }
    }
}

fn constraint(exact: Option<String>, pattern: Option<String>) -> Result<Option<Constraint>> {
    match (exact, pattern) {
        (Some(name), _) => Constraint::exact(&name).map(Some),
        (None, Some(pattern)) => Constraint::pattern(&pattern).map(Some),
        (None, None) => Ok(None),
    }
}

fn named_by([exact, pattern]: [&str; 2]) -> String {
    format!("`{exact}` or `{pattern}`")
}

/// Without it everybody's proof would be as good as any.
fn not_named(kind: ProofKind, option: &str, how: &str) -> Fault {
    Fault::new(Reason::Usage, format!("`--require {kind}` needs `{option}`"))
        .expected(how.to_owned(), "neither")
        .hint(format!("name it with {how}"))
}

/// Who can change the file decides whose proofs count: it is judged as the keys are, and the open file is what is read.
pub(crate) fn trusted_root(path: &Path) -> Result<Vec<u8>> {
    let unread = |error| unread(path, MAX_TRUSTED_ROOT_BYTES, Reason::TrustedRootInvalid, error);
    let file = open_file(path, Links::Followed).map_err(unread)?;
    require_secure(&file, path)?;
    read_open(file, MAX_TRUSTED_ROOT_BYTES).map(|file| file.content).map_err(unread)
}

fn public_key(path: &Path) -> Result<Vec<u8>> {
    let unread = |error| unread(path, MAX_PROOF_KEY_BYTES, Reason::ProofKeyInvalid, error);
    let file = open_file(path, Links::Followed).map_err(unread)?;
    require_secure(&file, path)?;
    read_open(file, MAX_PROOF_KEY_BYTES).map(|file| file.content).map_err(unread)
}

fn bundle(path: &Path) -> Result<Vec<u8>> {
    let read = read_small(path, MAX_BUNDLE_BYTES, Links::Followed);
    read.map(|file| file.content).map_err(|error| unread(path, MAX_BUNDLE_BYTES, Reason::ProofMalformed, error))
}

fn unread(path: &Path, most: u64, reason: Reason, error: SmallFileError) -> Fault {
    match error {
        SmallFileError::Io(error) => Fault::io("read", path, error),
        error => {
            let file = shell_word(path);
            Fault::new(reason, format!("`{}` is not read", path.display()))
                .expected(format!("a file of at most {most} bytes"), error.to_string())
                .hint(format!("look at what it is: `ls -l {file}`"))
        }
    }
}
