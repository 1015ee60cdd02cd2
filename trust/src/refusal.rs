//! What the gate says about each verdict that is not a yes: one fault per reason, naming the file or the key.

use std::collections::BTreeSet;
use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::capability::Capability;
use aisoc_manifests::counted;
use aisoc_manifests::digest::CanonicalDigest;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::file_map::FileEntry;
use aisoc_manifests::plugin::ManifestFile;
use aisoc_manifests::text::printable;
use aisoc_signing::{
    Cause, Coverage, EndedSigner, FILE_LIST, KeyId, ListState, OutOfScope, SIGNATURE_FILE, Standing, TreeDifference,
    Uncovered, Verified, is_signature_file,
};

use crate::continuity::{KnownSigner, SignedBy, known, signed_by};
use crate::facts::InPlace;
use crate::lockfile::LockPath;
use crate::mode::SignatureStatus;
use crate::publisher::{OVERRIDE_PUBLISHERS, TRUSTED_PUBLISHERS, UNSIGNED_ACK, UNSIGNED_ACK_TEXT};
use crate::verdict::Verdict;

/// Whatever was changed after signing has an unchanged original, and no key makes the changed one good.
/// What an operator does about a plugin that is not as it was signed.
pub const FETCH_AGAIN: &str = "fetch the plugin again from its publisher: `aisoc plugin install REFERENCE`";
/// For a key that is not to count again.
const AGAIN_BY_CURRENT: &str = "ask its publisher for a build that is signed with a current key, or to sign this one again: \
     `aisoc plugin resign REF --private-key NEW --trusted-keys OLD.pem --replace-tag`";
/// For what macOS adds.
const WITHOUT_NOTES: &str = "macOS adds files of such names: remove it, or have the publisher package the plugin with \
     `aisoc plugin package DIR --out NAME.tar`, or with `COPYFILE_DISABLE=1 tar --no-mac-metadata`";
/// For what no list of files can name.
const WITHOUT_EMPTY: &str = "remove the empty directory, or have the publisher remove it and package the plugin again";

/// What is said of bytecode of the plugin's own sources. It is refused as other files are: it runs. Who wrote it,
/// nobody can say; of what is installed, whoever judges that adds how the host is run.
const BYTECODE: &str = ", which is bytecode that was added";
/// For what Python writes where an author runs a plugin.
const WITHOUT_CACHES: &str = "have the publisher package the plugin with `aisoc plugin package DIR --out NAME.tar`, which leaves \
     bytecode out, and fetch it again";

/// Why mode `warn` does not let in what nobody has signed.
pub(crate) const BY_A_LIST: &str =
    "this site takes the plugins of listed publishers alone, in every mode that verifies";

/// Mode `disabled` says nothing about who has signed what.
pub(crate) const NOT_READ: &str = "whose signature was not read";

pub(crate) fn unsigned() -> Fault {
    Fault::new(Reason::Unsigned, format!("the plugin has no `{SIGNATURE_FILE}`"))
}

/// `no_trusted_keys`: there is no key at `directory` that can be used, and why those that are there cannot be.
pub fn no_trusted_keys(directory: &Path, skipped: &[String]) -> Fault {
    let message = format!("there is no key in `{}` to verify the signature with", directory.display());
    beside_skipped(Fault::new(Reason::NoTrustedKeys, message), skipped)
}

/// Among the keys that are not used may be the one that is asked for.
fn beside_skipped(fault: Fault, skipped: &[String]) -> Fault {
    if skipped.is_empty() { fault } else { fault.caused_by(format!("skipped {}", skipped.join("; "))) }
}

pub(crate) fn untrusted(digest: CanonicalDigest, tried: &[KeyId], skipped: &[String], cause: &Cause) -> Fault {
    match cause {
        Cause::FilesChanged(difference) => {
            differs(Reason::SignatureInvalid, "the plugin was changed after signing", difference)
        }
        Cause::ManifestChanged(key_id) => Fault::new(
            Reason::SignatureInvalid,
            "the manifest or a signature was changed after signing: every other file is as signed",
        )
        .expected(format!("content that key `{key_id}` signed"), format!("content with the digest {}", digest.hex()))
        .hint(FETCH_AGAIN),
        Cause::FirstSignatureReplaced => {
            Fault::new(Reason::SignatureInvalid, format!("`{SIGNATURE_FILE}` was changed after signing"))
                .expected("one of the signatures in `plugin.sig.d`", "another one, which no trusted key verifies")
                .hint(FETCH_AGAIN)
        }
        Cause::SkippedSigner { file, fault } => {
            let message = format!("the plugin is signed by a key that is in `{}`, which is not used", printable(file));
            Fault::new(Reason::UntrustedKey, message)
                .expected(format!("a signature by {}", names(tried)), "one by a key that is not used")
                .caused_by(fault.to_string())
                .hint(fault.next_step())
        }
        Cause::UnknownSigners(fingerprints) => {
            let named: Vec<String> = fingerprints.iter().map(ToString::to_string).collect();
            // What is in a file that cannot be read may be that very key.
            let message = match skipped.is_empty() {
                true => "the plugin is signed by a key that is none of the trusted keys",
                false => "the plugin is signed by a key that is none of those that can be used, and not all can",
            };
            beside_skipped(Fault::new(Reason::UntrustedKey, message), skipped)
                .expected(format!("a signature by {}", names(tried)), format!("one that names {}", named.join(", ")))
                .hint(add_key(&named))
        }
        Cause::Unknown => {
            let message = format!("no trusted key signed this content, whose digest is {}", digest.hex());
            beside_skipped(Fault::new(Reason::SignatureInvalid, message), skipped).expected(
                format!("a signature by {}", names(tried)),
                "a signature by nobody of them, or over other content",
            )
        }
    }
}

/// What makes a signer known whose key is not here. A fingerprint that comes with the plugin proves nothing.
fn add_key(named: &[String]) -> String {
    let which = if named.len() > 1 { "one of " } else { "" };
    format!(
        "if its publisher says on another way that {which}{} is theirs, put their NAME.pem into the trusted keys directory",
        named.join(", ")
    )
}

fn names(tried: &[impl ToString]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = tried.iter().take(SHOWN).map(ToString::to_string).collect();
    let rest = tried.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let one_of = if tried.len() > 1 { "one of " } else { "" };
    format!("{one_of}{}{more}", shown.join(", "))
}

/// Why a key in that standing is no evidence.
pub(crate) fn reason_of(standing: &Standing) -> Reason {
    match standing {
        Standing::Revoked { .. } => Reason::KeyRevoked,
        Standing::Expired(_) => Reason::KeyExpired,
        Standing::NotYet(_) => Reason::KeyNotYetValid,
        Standing::OutOfScope(_) => Reason::KeyOutOfScope,
        Standing::CoversTooLittle => Reason::CoveragePartial,
        Standing::Staged | Standing::Retired => Reason::UntrustedKey,
        Standing::Current => Reason::Internal,
    }
}

/// A trusted key has signed it, and does not count for it: why.
pub fn not_counted(key_id: &KeyId, standing: &Standing) -> Fault {
    let reason = reason_of(standing);
    let state = printable(&standing.to_string()).into_owned();
    let fault = Fault::new(reason, format!("the plugin is signed by key `{key_id}` alone, which {state}"));
    match standing {
        Standing::OutOfScope(scope) => fault.expected(scope.allowed(), scope.found()),
        Standing::CoversTooLittle => fault.expected("coverage full", "coverage code"),
        Standing::Staged => fault.expected("a trusted key", "a staged one").hint(format!(
            "when the key is to be trusted from now on: `aisoc keys promote {} --reason TEXT`",
            shell_word(key_id.as_str())
        )),
        Standing::Retired => fault.expected("a trusted key", "a retired one").hint(AGAIN_BY_CURRENT),
        _ => fault,
    }
}

/// A drop-in that a key has signed which does not count.
pub(crate) fn file_not_counted(key_id: &KeyId, standing: &Standing) -> Fault {
    let state = printable(&standing.to_string()).into_owned();
    let fault = Fault::new(reason_of(standing), format!("the file is signed by key `{key_id}`, which {state}"));
    match standing {
        Standing::OutOfScope(scope @ OutOfScope::Kind { .. }) => {
            fault.expected(scope.allowed(), scope.found()).hint(format!(
                "where its owner may sign what a host loads: `aisoc keys annotate {} --may-sign dropin --reason TEXT`, with \
                 whatever else it signs",
                shell_word(key_id.as_str())
            ))
        }
        Standing::OutOfScope(scope) => fault.expected(scope.allowed(), scope.found()),
        _ => fault,
    }
}

/// What a publisher is told of a tree that is not the one that its manifest states: the first file that
/// differs, with both digests, and how many others.
pub fn changed_after_signing(difference: &TreeDifference) -> Fault {
    differs(Reason::CoverageMismatch, "the plugin was changed after signing", difference)
}

pub(crate) fn other_tree(key_id: &KeyId, difference: &TreeDifference) -> Fault {
    differs(Reason::CoverageMismatch, &format!("the plugin is not what key `{key_id}` signed"), difference)
}

/// Names the first file that differs, as it was signed and as it is, and counts the others.
fn differs(reason: Reason, what: &str, difference: &TreeDifference) -> Fault {
    let TreeDifference { stated, found, list, changed, extra, missing, notes_of_macos, .. } = difference;
    let (file, expected, present) = if let Some(file) = changed.first() {
        (Some(&file.path), described(&file.signed), described(&file.found))
    } else if let Some(path) = extra
        .iter()
        .find(|path| !notes_of_macos.contains(*path))
        .or_else(|| extra.first().filter(|_| missing.is_empty()))
    {
        let (expected, present) = beyond_the_list(path, difference);
        (Some(path), expected.to_owned(), present.to_owned())
    } else if let Some(path) = missing.first() {
        (Some(path), "the file".to_owned(), "no such file".to_owned())
    } else {
        (None, format!("a tree with the digest {}", stated.hex()), found.hex())
    };
    // What is there in another form may be missing in the one that was signed, or differ otherwise too.
    let is_twice = |path: &&String| missing.contains(path) || changed.iter().any(|file| file.path == **path);
    let twice = extra.iter().filter(is_twice).count();
    let others = match (changed.len() + extra.len() + missing.len() - twice).saturating_sub(1) {
        0 => String::new(),
        others => format!(" and {}", counted(others, "other file")),
    };
    let bytecode = if difference.is_bytecode_alone() { BYTECODE } else { "" };
    let named = file.map(|path| format!(": `{}`{others}{bytecode}", printable(path))).unwrap_or_default();
    let cure = file.map_or(FETCH_AGAIN, |path| cure(path, difference));
    let fault = Fault::new(reason, format!("{what}{named}")).expected(expected, present).hint(cure);
    if file.is_none() && *list != ListState::Intact {
        return fault.caused_by(format!("`{FILE_LIST}` is missing or was changed, so no file can be named"));
    }
    fault
}

/// What to do about a file that differs. What tools add without being asked has another cure than to fetch the
/// plugin again, which would bring the same.
fn cure(path: &String, difference: &TreeDifference) -> &'static str {
    match difference.extra.contains(path) {
        true if difference.is_bytecode_alone() => WITHOUT_CACHES,
        true if difference.notes_of_macos.contains(path) => WITHOUT_NOTES,
        true if path.ends_with('/') => WITHOUT_EMPTY,
        _ => FETCH_AGAIN,
    }
}

/// What was signed where something stands that no list names as it is, and what that is. When the files
/// have the digest that was signed, nothing was added to them, and it is the form of an entry that differs.
fn beyond_the_list(path: &String, difference: &TreeDifference) -> (&'static str, &'static str) {
    if path.ends_with('/') {
        return ("no directory without a file", "an empty directory");
    }
    let is_as_signed = difference.found == difference.stated;
    if is_as_signed && path == FILE_LIST {
        return ("the list that was signed", "another one");
    }
    // The manifest that is read is always there, and is named only for its form.
    if is_as_signed || difference.missing.contains(path) || path == ManifestFile::Yaml.name() {
        return (
            "only regular files that run as whoever starts them",
            "one that runs as its owner or group, or an entry that is no regular file or has a name that none can have",
        );
    }
    ("no such file", "a file that was added")
}

fn described(entry: &FileEntry) -> String {
    let executable = if entry.executable { ", executable" } else { "" };
    format!("sha256 {}, {}{executable}", entry.digest.hex(), counted(entry.size, "byte"))
}

pub(crate) fn too_few(required: usize, verified: &Verified) -> Fault {
    let signers: Vec<&str> = verified.signers().iter().map(|signer| signer.key_id.as_str()).collect();
    Fault::new(Reason::SignersTooFew, "not enough trusted keys signed the plugin")
        .expected(format!("{required} distinct keys"), format!("{}: {}", signers.len(), signers.join(", ")))
}

/// `None` when every uncovered file is inert.
pub(crate) fn hazardous(uncovered: &[Uncovered]) -> Option<Fault> {
    let hazardous: Vec<&Uncovered> = uncovered.iter().filter(|file| file.hazard.is_some()).collect();
    let fault = (!hazardous.is_empty()).then(|| not_covered(&hazardous));
    fault.map(|fault| fault.expected("coverage full, or nothing uncovered but documents", "coverage code"))
}

pub(crate) fn partial(uncovered: &[Uncovered]) -> Fault {
    let fault = match uncovered {
        [] => Fault::new(Reason::CoveragePartial, "the signature covers the manifest and `*.py` only"),
        some => not_covered(&some.iter().collect::<Vec<_>>()),
    };
    fault.expected("coverage full", "coverage code")
}

fn not_covered(uncovered: &[&Uncovered]) -> Fault {
    let named = uncovered.iter().map(|file| match file.hazard {
        Some(hazard) => format!("`{}` ({hazard})", printable(&file.path)),
        None => format!("`{}`", printable(&file.path)),
    });
    Fault::new(Reason::CoveragePartial, format!("the signature does not cover {}", some_of(named.collect())))
}

/// What the manifest promises is not there. The rest of a plugin may well be as signed, and does less.
pub(crate) fn absent(paths: &[String]) -> Fault {
    let named = some_of(paths.iter().map(|path| format!("`{}`", printable(path))).collect());
    Fault::new(Reason::CoverageMismatch, format!("there is nothing at {named}, which the signed manifest names"))
        .expected("a file with content, or a directory that holds one", "nothing, or nothing but documents")
        .hint(FETCH_AGAIN)
}

/// The first few, and how many more there are.
fn some_of(names: Vec<String>) -> String {
    const SHOWN: usize = 3;
    let rest = names.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    names.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ") + &more
}

pub(crate) fn downgrade(floor: Coverage, verdict: &Verdict) -> Fault {
    let found = match verdict.status() {
        SignatureStatus::Verified => format!("coverage {}", verdict.coverage()),
        status => format!("coverage {}: {status}", verdict.coverage()),
    };
    let refuse = |what: &str| {
        Fault::new(Reason::CoverageDowngrade, what)
            .expected(format!("coverage {floor}, as verified before"), found.clone())
    };
    if is_whole_but_for_the_manifest(verdict.uncovered()) {
        return refuse("the plugin was signed whole under aisoc.tree/v1, which leaves the manifest's bytes out and counts as code now")
            .hint("have its publisher sign it again with `aisoc plugin sign DIR --private-key KEY`, and install that");
    }
    let fault = refuse("the plugin was signed more widely before than it is now");
    match verdict.objection() {
        Some(objection) => fault.caused_by(format!("{}: {objection}", objection.reason())),
        None => fault,
    }
}

/// An older version where a newer one is installed, and who has signed which.
pub(crate) fn older(before: &str, now: &str, in_place: &InPlace, verdict: &Verdict) -> Fault {
    let (before, now) = (printable(before), printable(now));
    let what = match in_place.is_gone {
        true => "is installed by its record, and whose directory is gone",
        false => "is installed",
    };
    let message = format!("an older version would replace the one that {what}: {before} → {now}");
    let expected = format!("{before} or newer; {before} is {}", in_place.signers);
    Fault::new(Reason::VersionDowngrade, message).expected(expected, format!("{now}, {}", signers_of(verdict))).hint(
        "install the newest version; `--allow-downgrade` is for an operator who knows what is wrong with the newer \
         one, and what the older one left open",
    )
}

/// Another version where nobody can tell which one is older.
pub(crate) fn uncompared(before: &str, now: &str, in_place: &InPlace, verdict: &Verdict) -> Fault {
    let (before, now) = (printable(before), printable(now));
    let message = format!("which version is older cannot be told: {before} → {now}");
    let expected = format!("a version that is not older than {before}, which is {}", in_place.signers);
    Fault::new(Reason::VersionDowngrade, message).expected(expected, format!("{now}, {}", signers_of(verdict))).hint(
        "ask the publisher for a version in numbers, such as 1.2.0; `--allow-downgrade` is for an operator who knows \
         that this one is newer",
    )
}

/// A plugin that none of those has signed who have signed what is installed.
pub(crate) fn other_signer(before: &SignedBy, verdict: &Verdict) -> Fault {
    let is_revoked = |ended: &&EndedSigner| matches!(ended.standing, Standing::Revoked { .. });
    let revoked = verdict.ended_signers().iter().filter(is_revoked).find(|ended| before.include(ended.fingerprint));
    let fault =
        |message: String| Fault::new(Reason::SignerChanged, message).expected(before.to_string(), signers_of(verdict));
    if let Some(EndedSigner { key_id, standing, .. }) = revoked {
        let state = standing.to_string();
        return fault(format!("key `{key_id}`, which {}, has signed both and counts no more", printable(&state))).hint(
            "ask the publisher, on another way than this one, whether the key that counts is theirs; \
             `--allow-signer-change` is for an operator who has the answer",
        );
    }
    if before.signers().is_empty() {
        return fault("who has signed what is installed is not known".to_owned()).hint(
            "ask the publisher, on another way than this one, whether both are theirs; `--allow-signer-change` is for an \
             operator who has the answer",
        );
    }
    fault("nobody who has signed what is installed has signed what would replace it".to_owned()).hint(
        "ask the publisher, on another way than this one, whether the key is theirs, or for a build that both keys \
         have signed (`aisoc plugin sign DIR --add --private-key KEY`); `--allow-signer-change` is for an operator who has the answer",
    )
}

/// What this site lets no plugin ask for.
pub(crate) fn capabilities_denied(found: &[Capability]) -> Fault {
    let names: Vec<&str> = found.iter().map(|capability| capability.as_str()).collect();
    Fault::new(Reason::CapabilityDenied, format!("the plugin asks for {}, which this site denies", names.join(", ")))
        .expected("a plugin that asks for none of the denied capabilities", names.join(", "))
}

/// Nobody has signed it whose plugins this site takes.
pub(crate) fn untrusted_publisher(signers: &[KnownSigner], required: usize) -> Fault {
    let expected = match required {
        1 => "a signature by a key on one of the lists".to_owned(),
        several => format!("signatures by {several} keys on the lists"),
    };
    let message = "the plugin is from no publisher whose plugins this site takes";
    Fault::new(Reason::UntrustedPublisher, message).expected(expected, signed_by(signers)).hint(format!(
        "compare the fingerprint with the publisher's; then name the key in {TRUSTED_PUBLISHERS}, or as an exception \
         that is written down each time in {OVERRIDE_PUBLISHERS}"
    ))
}

/// Nothing is verified, and nobody has said to know what that means.
pub fn not_acknowledged() -> Fault {
    Fault::new(
        Reason::UnsignedNotAcknowledged,
        format!(
            "trust mode disabled lets in what nobody vouches for, and {UNSIGNED_ACK} does not say that this is known"
        ),
    )
    .expected(format!("{UNSIGNED_ACK}={UNSIGNED_ACK_TEXT}"), "nothing, or another text")
}

/// Who has accepted what a plugin asks for more than.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptedBy {
    /// Whoever has put there what is in its place.
    Place,
    /// Nobody, as far as anybody can tell.
    Nobody,
    /// Whoever has written its entry in plugins.lock.
    Lock,
}

/// A plugin asks for more than was accepted of it.
pub(crate) fn capabilities_grown(
    grown: &BTreeSet<String>,
    said: Option<&BTreeSet<Capability>>,
    by: AcceptedBy,
) -> Fault {
    let names = listed(grown);
    let message = match by {
        AcceptedBy::Place => format!("the plugin asks for more than what is installed was accepted with: {names}"),
        AcceptedBy::Nobody => {
            format!("what was accepted of the plugin before cannot be read, and it asks for {names}")
        }
        AcceptedBy::Lock => format!("the plugin asks for more than plugins.lock accepts of it: {names}"),
    };
    let accepted = said.map_or_else(
        || "nothing".to_owned(),
        |these| these.iter().map(|capability| capability.as_str()).collect::<Vec<_>>().join(", "),
    );
    Fault::new(Reason::CapabilitiesNotAccepted, message)
        .expected(format!("that these are accepted, and no others: {names}"), format!("accepted: {accepted}"))
        .hint(format!(
            "read what each permits, `aisoc capabilities`, and ask the publisher why; then repeat the command with \
             `--accept-capabilities {}`",
            shell_word(known_among(grown).join(","))
        ))
}

/// A plugin whose code is run to know what it asks for asks for more than its entry in plugins.lock accepts.
pub(crate) fn capabilities_beyond_lock(grown: &BTreeSet<String>, accepted: &BTreeSet<String>) -> Fault {
    let names = listed(grown);
    let accepted = if accepted.is_empty() { "nothing".to_owned() } else { listed(accepted) };
    Fault::new(
        Reason::CapabilitiesNotAccepted,
        format!("the plugin asks for more than plugins.lock accepts of it: {names}"),
    )
    .expected(format!("no more than was accepted: {accepted}"), format!("it asks for {names} as well"))
    .hint(
        "read what each permits, `aisoc capabilities`, and ask the publisher why; whoever answers for them accepts it \
         anew: `aisoc plugins trust ID --reason TEXT`",
    )
}

/// Drop-ins are switched off.
pub(crate) fn user_plugins_disabled() -> Fault {
    Fault::new(Reason::UserPluginsDisabled, "drop-ins are switched off here")
        .expected("AISOC_ALLOW_USER_PLUGINS unset, or any text but `0`", "0")
}

/// Nothing can be looked up where there is no lock: every place is named where one was looked for.
pub fn lock_missing(lock: &LockPath) -> Fault {
    let elsewhere = lock.elsewhere().map(|other| format!(", and no `{}`", other.display())).unwrap_or_default();
    Fault::new(Reason::LockMissing, format!("there is no `{}`{elsewhere}", lock.display()))
}

/// Names of capabilities in one line. How long those are that no host knows is not ours.
pub(crate) fn listed(grants: &BTreeSet<String>) -> String {
    let known = known_among(grants);
    let unknown = match grants.len() - known.len() {
        0 => None,
        unknown => Some(format!("{unknown} that no host knows")),
    };
    known.into_iter().map(str::to_owned).chain(unknown).collect::<Vec<_>>().join(", ")
}

fn known_among(grants: &BTreeSet<String>) -> Vec<&str> {
    grants.iter().map(String::as_str).filter(|grant| grant.parse::<Capability>().is_ok()).collect()
}

fn signers_of(verdict: &Verdict) -> String {
    if verdict.status() == SignatureStatus::Skipped {
        return NOT_READ.to_owned();
    }
    signed_by(&known(verdict.signers()))
}

/// Whether it is the older scheme that leaves something open, and nobody signed less: every other one
/// covers the manifest. Signature files in a loose form may stand beside it.
fn is_whole_but_for_the_manifest(uncovered: &[Uncovered]) -> bool {
    let is_manifest = |file: &Uncovered| ManifestFile::ALL.iter().any(|manifest| manifest.name() == file.path);
    uncovered.iter().any(is_manifest)
        && uncovered.iter().all(|file| file.hazard.is_none() && (is_manifest(file) || is_signature_file(&file.path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_keys_are_named_and_the_others_are_counted() {
        for (keys, said) in [
            (0, ""),
            (1, "k1"),
            (2, "one of k1, k2"),
            (5, "one of k1, k2, k3, k4, k5"),
            (6, "one of k1, k2, k3, k4, k5 and 1 more"),
        ] {
            let tried: Vec<String> = (1..=keys).map(|key| format!("k{key}")).collect();
            assert_eq!(names(&tried), said);
        }
    }
}
