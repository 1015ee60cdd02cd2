//! A signature over one file: a drop-in, which a host loads because it is there.
//!
//! `FILE.sig` beside it holds an Ed25519 signature over the SHA-256 of the file, in the forms of `plugin.sig`. It passes
//! for nothing else, and nothing else passes for it:
//!
//! - Endorsements, sets of keys and locks are signed in envelopes, whose messages begin with their context and are longer
//!   than 32 bytes.
//! - A plugin's message is a SHA-256 as well, of a text that begins as no other does: a file that begins so is neither
//!   signed nor believed, whoever has signed it. So the two are the same for no pair of them, even where one key may
//!   sign both.
//! - What a key may sign is asked on top of that: one counts for drop-ins where its note says `dropin`, and for plugins
//!   where it says `plugin` or where it has none.

use std::path::PathBuf;

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::PAYLOAD_START;

use crate::content::Content;
use crate::keyring::{Circumstances, HeldKey, KeyId, Keyring, Standing};
use crate::signature::Signature;
use crate::signed_by::Signer;
use crate::signer::{KeyHolder, sign_message};

/// What the name of a file ends with that holds the signature over the one beside it.
pub const FILE_SIGNATURE_SUFFIX: &str = ".sig";

/// What a signature over a file is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStatement {
    digest: FileDigest,
    is_of_plugin: bool,
}

impl FileStatement {
    /// Of the file that holds these bytes.
    pub fn of(content: &[u8]) -> Self {
        Self { digest: FileDigest::of(content), is_of_plugin: content.starts_with(PAYLOAD_START.as_bytes()) }
    }

    /// The SHA-256 of the bytes.
    pub fn digest(&self) -> FileDigest {
        self.digest
    }

    /// The 32 bytes that are signed.
    ///
    /// # Errors
    /// `forbidden_entry` for a file that could be what a plugin's signature is over.
    fn message(&self, name: &str) -> Result<&[u8]> {
        match self.is_of_plugin {
            false => Ok(self.digest.as_bytes()),
            true => Err(Fault::new(
                Reason::ForbiddenEntry,
                format!("`{name}` begins as what is signed of a plugin does, and is signed by nobody as a file"),
            )
            .expected("other bytes at its beginning", PAYLOAD_START)
            .hint("begin the file with an empty line")),
        }
    }
}

/// What is known of the signature over a file.
#[derive(Debug, Clone)]
pub enum FileOutcome {
    /// A trusted key signed exactly these bytes.
    Verified(Signer),
    /// There is no signature beside it.
    Unsigned,
    /// What is there is no signature, or none that a file can have.
    Malformed(Fault),
    /// There is no key to try. Says which key files were skipped, and why.
    NoTrustedKeys {
        /// Where the keys should be.
        directory: PathBuf,
        /// `file: reason`, in order.
        skipped: Vec<String>,
    },
    /// No trusted key verifies it: another file was signed, or somebody else has signed it.
    Untrusted {
        /// The keys that were tried, in order.
        tried: Vec<KeyId>,
    },
    /// A key verifies it, and is none that counts.
    NotCounted {
        /// The key.
        key_id: KeyId,
        /// Why it does not count.
        standing: Standing,
    },
}

/// Signs the file of that name.
///
/// # Errors
/// `forbidden_entry` for one that could be what a plugin's signature is over; as [`sign_message`].
pub fn sign_file(name: &str, statement: FileStatement, signer: &dyn KeyHolder) -> Result<Signature> {
    sign_message(signer, statement.message(name)?)
}

/// Judges the signature over the file `id` by the keys.
pub fn verify_file(
    id: &str,
    statement: FileStatement,
    signature: Option<&Content>,
    keyring: &Keyring,
    circumstances: &Circumstances,
) -> FileOutcome {
    let Some(content) = signature else { return FileOutcome::Unsigned };
    let signature = match Signature::read_file(&format!("{id}{FILE_SIGNATURE_SUFFIX}"), content) {
        Ok(signature) => signature,
        Err(fault) => return FileOutcome::Malformed(fault),
    };
    let message = match statement.message(id) {
        Ok(message) => message,
        Err(fault) => return FileOutcome::Malformed(fault),
    };
    if keyring.all_keys().is_empty() {
        let skipped = keyring.skipped().iter().map(ToString::to_string).collect();
        return FileOutcome::NoTrustedKeys { directory: keyring.directory().to_owned(), skipped };
    }
    let verifies = |key: &&HeldKey| key.key.verifies(message, &signature);
    let standing = |key: &HeldKey| key.standing_of_file(id, circumstances);
    let signers: Vec<&HeldKey> = keyring.all_keys().iter().filter(verifies).collect();
    if let Some(key) = signers.iter().find(|key| standing(key) == Standing::Current) {
        return FileOutcome::Verified(Signer::of(key));
    }
    match signers.first() {
        Some(key) => FileOutcome::NotCounted { key_id: key.id.clone(), standing: standing(key) },
        None => FileOutcome::Untrusted { tried: keyring.keys().iter().map(|key| key.id.clone()).collect() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;
    use crate::key_pair::{Overwrite, write_key_pair};
    use crate::keyring::OutOfScope;
    use crate::statement::Statement;
    use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles};

    const NOTE: &str = r#"{"schema_version": 2, "may_sign": ["dropin"]}"#;

    fn now() -> jiff::Timestamp {
        "2026-06-01T00:00:00Z".parse().expect("a time")
    }

    /// A directory of keys: each with its note, if it has one.
    fn keys(keys: &[(&str, &SigningKey, Option<&str>)]) -> (tempfile::TempDir, Keyring) {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, key, note) in keys {
            write_key_pair(&directory.path().join(name), key, Overwrite::Refuse).expect("written");
            if let Some(note) = note {
                std::fs::write(directory.path().join(format!("{name}.json")), note).expect("written");
            }
        }
        let keyring = Keyring::read(directory.path()).expect("readable");
        (directory, keyring)
    }

    fn judge(keyring: &Keyring, content: &[u8], signature: &str) -> FileOutcome {
        let signature = Content::Whole(signature.as_bytes().to_vec());
        verify_file("tool/x_plugin", FileStatement::of(content), Some(&signature), keyring, &now().into())
    }

    #[test]
    fn a_file_is_verified_by_a_key_that_signs_drop_ins_and_by_no_other() {
        let [key, other] = [(), ()].map(|()| SigningKey::generate().expect("random"));
        let signature = sign_file("x", FileStatement::of(b"x = 1\n"), &key).expect("signed").to_hex();
        let (_directory, ring) = keys(&[("ops", &key, Some(NOTE)), ("other", &other, None)]);
        let FileOutcome::Verified(signer) = judge(&ring, b"x = 1\n", &signature) else { panic!("verified") };
        assert_eq!(signer.key_id.as_str(), "ops");
        let FileOutcome::Untrusted { tried } = judge(&ring, b"x = 2\n", &signature) else { panic!("other bytes") };
        assert_eq!(tried.len(), 2);
        for (note, is_kind) in [
            (None, true),
            (Some(r#"{"schema_version": 2, "may_sign": ["plugin", "lock"]}"#), true),
            (Some(r#"{"schema_version": 2, "may_sign": ["dropin"], "scope": {"plugins": ["acme"]}}"#), false),
            (Some(r#"{"schema_version": 2, "may_sign": ["dropin"], "scope": {"repositories": ["ghcr.io/a"]}}"#), false),
        ] {
            let (_directory, ring) = keys(&[("ops", &key, note)]);
            let FileOutcome::NotCounted { standing: Standing::OutOfScope(scope), .. } =
                judge(&ring, b"x = 1\n", &signature)
            else {
                panic!("{note:?}")
            };
            assert_eq!(matches!(scope, OutOfScope::Kind { .. }), is_kind, "{note:?}");
        }
        let revoked = r#"{"schema_version": 2, "may_sign": ["dropin"], "revoked": {"at": "2026-05-01T00:00:00Z", "reason": "x"}}"#;
        let (_directory, ring) = keys(&[("ops", &key, Some(revoked))]);
        let outcome = judge(&ring, b"x = 1\n", &signature);
        assert!(matches!(outcome, FileOutcome::NotCounted { standing: Standing::Revoked { .. }, .. }), "{outcome:?}");
    }

    #[test]
    fn what_is_no_signature_and_what_nobody_can_try_say_so() {
        let key = SigningKey::generate().expect("random");
        let (_directory, ring) = keys(&[("ops", &key, Some(NOTE))]);
        let digest = FileStatement::of(b"x");
        assert!(matches!(verify_file("x", digest, None, &ring, &now().into()), FileOutcome::Unsigned));
        for content in [Content::NotAFile, Content::TooLarge { max_bytes: 8 }, Content::Whole(b"zz".to_vec())] {
            let FileOutcome::Malformed(fault) = verify_file("x", digest, Some(&content), &ring, &now().into()) else {
                panic!("malformed")
            };
            assert!(
                fault.reason() == Reason::SignatureMalformed && fault.message().starts_with("`x.sig`"),
                "{fault:?}"
            );
        }
        let (_directory, none) = keys(&[]);
        let signature = sign_file("x", digest, &key).expect("signed").to_hex();
        assert!(matches!(judge(&none, b"x", &signature), FileOutcome::NoTrustedKeys { .. }));
    }

    #[test]
    fn a_signature_over_a_plugin_is_none_over_the_text_that_it_signs() {
        let key = SigningKey::generate().expect("random");
        let both = r#"{"schema_version": 2, "may_sign": ["plugin", "dropin"]}"#;
        let (_directory, ring) = keys(&[("ops", &key, Some(both))]);
        let manifest = br#"{"id": "acme", "name": "A", "version": "1.0.0", "plugin_type": "tool"}"#;
        let document = Document::read(ManifestFile::Json, manifest).expect("a manifest");
        let statement = Statement::describe(&document, &PythonFiles::default()).expect("canonical");
        // The message of a plugin's signature is the SHA-256 of this text, and would be the message of a file's.
        let signature = sign_message(&key, statement.digest().as_bytes()).expect("signed").to_hex();
        assert_eq!(FileStatement::of(statement.canonical()).digest().as_bytes(), statement.digest().as_bytes());
        let FileOutcome::Malformed(fault) = judge(&ring, statement.canonical(), &signature) else { panic!("refused") };
        assert_eq!(fault.reason(), Reason::ForbiddenEntry);
        let refused = sign_file("x", FileStatement::of(statement.canonical()), &key).expect_err("refused");
        assert_eq!(refused.reason(), Reason::ForbiddenEntry);
        let shifted = [b" ", statement.canonical()].concat();
        let signature = sign_file("x", FileStatement::of(&shifted), &key).expect("signed").to_hex();
        assert!(matches!(judge(&ring, &shifted, &signature), FileOutcome::Verified(_)));
    }
}
