//! Which key somebody means: by its file, its place and name, its name, or its fingerprint.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;

use super::Keyring;
use super::held::HeldKey;
use super::place::KeyPlace;
use crate::key::Fingerprint;

/// Fewest digits of a fingerprint that name a key: nobody types fewer by accident and means one of a thousand.
const FEWEST_DIGITS: usize = 8;
/// How many keys a refusal names.
const SHOWN: usize = 5;

/// A way to name a key. The exact ones come first: what names one key exactly names no other one by its beginning.
const WAYS: [fn(&HeldKey, &str) -> bool; 5] = [
    |key, word| key.file == word,
    |key, word| key.place != KeyPlace::Trusted && key.place.below(key.id.as_str()) == word,
    |key, word| key.id.as_str() == word,
    |key, word| begins_with(key.fingerprint, word),
    |key, word| word.starts_with("SHA256:") && key.key.openssh_fingerprint() == word,
];

impl Keyring {
    /// The key that `word` names, wherever it stands: `ops`, `ops.pem`, `staged/ops`, its fingerprint, at least
    /// the first eight digits of that, or the fingerprint that OpenSSH prints. One key under several names is one key, and its trusted file comes first.
    ///
    /// # Errors
    /// `key_not_found`; `usage` for what names several keys, with the files by which each can be named.
    pub fn named(&self, word: &str) -> Result<&HeldKey> {
        let named = |way: &fn(&HeldKey, &str) -> bool| -> Vec<&HeldKey> {
            self.all_keys().iter().filter(|key| way(key, word)).collect()
        };
        let found = WAYS.iter().map(named).find(|found| !found.is_empty()).unwrap_or_default();
        let distinct: BTreeSet<Fingerprint> = found.iter().map(|key| key.fingerprint).collect();
        match (found.first(), distinct.len()) {
            (Some(key), 1) => Ok(key),
            (None, _) => Err(self.not_found(word)),
            (Some(_), _) => Err(ambiguous(word, &found)),
        }
    }

    fn not_found(&self, word: &str) -> Fault {
        let message = format!("there is no key `{}` in `{}`", shown(word, 120), self.directory().display());
        let known: Vec<&str> = self.all_keys().iter().map(|key| key.file.as_str()).collect();
        let fault = Fault::new(Reason::KeyNotFound, message);
        let skipped =
            self.skipped().iter().find(|skipped| skipped.file.rsplit_once('.').is_some_and(|it| it.0 == word));
        match (skipped, known.is_empty()) {
            (Some(skipped), _) => fault.caused_by(skipped.to_string()),
            (None, true) => fault.expected("a key", "no key that can be used"),
            (None, false) => fault.expected(format!("one of {}", listed(&known)), format!("`{}`", shown(word, 120))),
        }
    }
}

/// With `SHA256:` before the digits or without, in either case: people copy them from many places.
fn begins_with(fingerprint: Fingerprint, word: &str) -> bool {
    let digits = word.strip_prefix("SHA256:").unwrap_or(word).to_ascii_lowercase();
    digits.len() >= FEWEST_DIGITS && fingerprint.hex().starts_with(&digits)
}

fn ambiguous(word: &str, keys: &[&HeldKey]) -> Fault {
    let named: Vec<String> = keys.iter().map(|key| format!("{} ({})", key.file, key.fingerprint)).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    Fault::new(Reason::Usage, format!("`{}` names more than one key", shown(word, 120)))
        .expected("one key", listed(&named))
        .hint("name it by its file, as it is printed here, or by its fingerprint")
}

fn listed(names: &[&str]) -> String {
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use jiff::Timestamp;

    use super::*;
    use crate::key::SigningKey;
    use crate::keyring::{KeyCoverage, Standing};

    fn write(directory: &Path, file: &str) -> Fingerprint {
        let key = SigningKey::generate().expect("random numbers").public_key();
        fs::create_dir_all(directory.join(file).parent().expect("a parent")).expect("made");
        fs::write(directory.join(file), key.to_pem()).expect("written");
        key.fingerprint()
    }

    #[test]
    fn a_key_is_named_by_its_file_its_place_its_name_or_its_fingerprint() {
        let directory = tempfile::tempdir().expect("a directory");
        let ops = write(directory.path(), "ops.pem");
        let staged = write(directory.path(), "staged/ops.pem");
        let old = write(directory.path(), "retired/old.pub");
        let keyring = Keyring::read(directory.path()).expect("keys");
        let named = |word: &str| keyring.named(word).map(|key| key.fingerprint);
        for (word, key) in [
            ("ops.pem", ops),
            ("staged/ops", staged),
            ("staged/ops.pem", staged),
            ("old", old),
            ("retired/old", old),
            (&old.to_string(), old),
            (&old.hex()[..8], old),
            (&old.hex()[..20].to_uppercase(), old),
            (&format!("SHA256:{}", &ops.hex()[..8]), ops),
            (&keyring.keys()[0].key.openssh_fingerprint(), ops),
        ] {
            assert_eq!(named(word).expect(word), key, "{word}");
        }
        for word in ["", "SHA256:", &old.hex()[..7], "trusted/ops", "revoked/old", "old.pem", "OPS", "none"] {
            assert_eq!(named(word).expect_err(word).reason(), Reason::KeyNotFound, "{word}");
        }
        let fault = named("ops").expect_err("two keys");
        assert_eq!(fault.reason(), Reason::Usage);
        let found = &fault.difference().expect("the two").found;
        assert!(found.contains(&format!("`ops.pem ({ops})`, `staged/ops.pem ({staged})`")), "{found}");
    }

    #[test]
    fn one_key_under_several_names_is_one_key() {
        let directory = tempfile::tempdir().expect("a directory");
        let key = write(directory.path(), "ops.pem");
        fs::create_dir(directory.path().join("staged")).expect("made");
        for copy in ["ops.pub", "zed.pem", "staged/ops.pem"] {
            fs::copy(directory.path().join("ops.pem"), directory.path().join(copy)).expect("copied");
        }
        let keyring = Keyring::read(directory.path()).expect("keys");
        for word in ["ops", "zed", "staged/ops", &key.hex()[..8]] {
            assert_eq!(keyring.named(word).expect(word).fingerprint, key, "{word}");
        }
        assert_eq!(keyring.named("staged/ops").expect("a file").file, "staged/ops.pem");
        let without = keyring.without(&BTreeSet::from([key]));
        assert!(without.all_keys().is_empty() && without.keys().is_empty(), "it goes under all its names");
    }

    #[test]
    fn a_key_that_comes_is_trusted_as_its_note_says_and_one_that_was_taken_out_of_use_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let keys = ["ops.pem", "staged/new.pem", "retired/old.pem", "revoked/lost.pem", "absent/it.pem"];
        for file in keys {
            write(directory.path(), file);
        }
        let note = r#"{"schema_version": 2, "coverage": "code", "scope": {"plugins": ["acme-*"]}}"#;
        fs::write(directory.path().join("staged/new.json"), note).expect("written");
        let keyring = Keyring::read(directory.path()).expect("keys");
        let absent = Keyring::read(&directory.path().join("absent")).expect("keys").keys()[0].key;
        let with = |key| {
            let with = keyring.with_trusted("it", key);
            (with.keys().iter().map(|key| key.id.to_string()).collect::<Vec<_>>(), with.all_keys().len())
        };
        let of = |word| keyring.named(word).expect(word).key;
        let now = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(with(of("ops")), (now(&["ops"]), 4));
        assert_eq!(with(of("new")), (now(&["ops", "new"]), 4));
        assert_eq!(with(absent), (now(&["ops", "it"]), 5));
        for gone in ["old", "lost"] {
            assert_eq!(with(of(gone)), (now(&["ops"]), 4), "{gone}");
        }
        let promoted = keyring.with_trusted("it", of("new"));
        let promoted = promoted.named("new").expect("there");
        assert_eq!((promoted.place, promoted.coverage()), (KeyPlace::Trusted, Some(KeyCoverage::Code)));
        let scope = promoted.standing_for(Some("other"), &Timestamp::UNIX_EPOCH.into());
        assert!(matches!(scope, Standing::OutOfScope(_)), "{scope}");
    }

    #[test]
    fn what_is_taken_away_leaves_the_others_as_they_are() {
        let directory = tempfile::tempdir().expect("a directory");
        let (ops, staged) = (write(directory.path(), "ops.pem"), write(directory.path(), "staged/new.pem"));
        let other = write(directory.path(), "other.pem");
        let keyring = Keyring::read(directory.path()).expect("keys");
        let left = |gone: &[Fingerprint]| {
            let without = keyring.without(&gone.iter().copied().collect());
            let trusted: Vec<_> = without.keys().iter().map(|key| key.fingerprint).collect();
            (trusted, without.all_keys().len())
        };
        assert_eq!(left(&[]), (vec![ops, other], 3));
        assert_eq!(left(&[ops]), (vec![other], 2));
        assert_eq!(left(&[staged]), (vec![ops, other], 2));
        assert_eq!(left(&[ops, other, staged]), (Vec::new(), 0));
    }
}
