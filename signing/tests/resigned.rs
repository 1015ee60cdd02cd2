//! Which signature files there are once another key has signed, too or instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_signing::{
    Claim, ClaimedTree, Content, Resigned, Resigning, Signed, SigningKey, TimestampToken, sign, signature_place,
    timestamp_place,
};
use aisoc_testkit::timestamps::{Stamp, TimestampAuthority};

const MANIFEST: &[u8] = b"id: demo\n";

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

/// A plugin with those signature files.
fn claim(signatures: &[(&str, String)]) -> Claim {
    let entry =
        |content: &[u8]| FileEntry { digest: FileDigest::of(content), size: content.len() as u64, executable: false };
    let files = signatures.iter().map(|(name, content)| (*name, content.as_bytes())).chain([("plugin.yaml", MANIFEST)]);
    let files: FileMap = files.map(|(name, content)| (RelPath::parse(name).expect("a name"), entry(content))).collect();
    Claim::new(ClaimedTree {
        subject: files.tree_digest(),
        manifest_file: ManifestFile::Yaml,
        manifest: MANIFEST.to_vec(),
        python: PythonFiles::default(),
        files: Arc::new(files),
        strange: Vec::new(),
        empty_directories: Vec::new(),
        signature_files: signatures
            .iter()
            .map(|(name, content)| ((*name).to_owned(), Content::Whole(content.clone().into_bytes())))
            .collect(),
    })
}

fn signed(key: &SigningKey) -> Signed {
    sign(claim(&[]).statement().expect("a statement"), key).expect("signed")
}

fn change(claim: &Claim, new: &Signed, first: Option<&Signed>, how: Resigning) -> Resigned {
    Resigned::of(claim, new.signer(), new.signature(), None, first.map(Signed::signer), how)
}

fn written(files: &[(&str, &Signed)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(name, signed)| ((*name).to_owned(), signed.signature().to_hex().into_bytes())).collect()
}

#[test]
fn alone_it_takes_the_place_of_every_signature_and_leaves_the_list() {
    let [old, new] = [key(), key()].map(|key| signed(&key));
    let (old_place, new_place) = (signature_place(old.signer()), signature_place(new.signer()));
    let hex = |signed: &Signed| signed.signature().to_hex();
    let before =
        claim(&[("plugin.sig", hex(&old)), (&old_place, hex(&old)), ("plugin.sig.d/files", "list".to_owned())]);
    let made = change(&before, &new, Some(&old), Resigning::Alone);
    assert_eq!(made.removed.iter().collect::<Vec<_>>(), [&old_place]);
    assert_eq!(made.written, written(&[("plugin.sig", &new), (&new_place, &new)]));
    assert_eq!(made.removed_signers(), [old.signer().to_string()]);
    let after = claim(&[("plugin.sig", hex(&new)), (&new_place, hex(&new)), ("plugin.sig.d/files", "list".to_owned())]);
    assert!(change(&after, &new, Some(&new), Resigning::Alone).is_nothing());
    // A signature in another form than the one that is written leaves bytes open, and is written again.
    let loose = claim(&[("plugin.sig", hex(&new).to_uppercase()), (&new_place, hex(&new))]);
    assert_eq!(change(&loose, &new, Some(&new), Resigning::Alone).written, written(&[("plugin.sig", &new)]));
}

#[test]
fn added_it_changes_no_signature_and_names_a_first_signer_that_is_named_nowhere() {
    let [old, new] = [key(), key()].map(|key| signed(&key));
    let (old_place, new_place) = (signature_place(old.signer()), signature_place(new.signer()));
    let hex = |signed: &Signed| signed.signature().to_hex();
    let named = claim(&[("plugin.sig", hex(&old)), (&old_place, hex(&old).to_uppercase())]);
    let of_hosts_tool = claim(&[("plugin.sig", format!("{}\n", hex(&old)))]);
    for (before, first, expected) in [
        (&named, Some(&old), written(&[(&new_place, &new)])),
        (&named, None, written(&[(&new_place, &new)])),
        (&of_hosts_tool, Some(&old), written(&[(&old_place, &old), (&new_place, &new)])),
    ] {
        let made = change(before, &new, first, Resigning::Added);
        assert!(made.removed.is_empty() && !made.is_nothing());
        assert_eq!(made.written, expected);
    }
}

#[test]
fn a_key_knows_its_own_signature_and_no_other() {
    let [own, other] = [key(), key()];
    let place = signature_place(own.public_key().fingerprint());
    let hex = |key: &SigningKey| signed(key).signature().to_hex();
    for (files, expected) in [
        (vec![], false),
        (vec![("plugin.sig", hex(&other))], false),
        (vec![("plugin.sig", hex(&other)), (place.as_str(), hex(&other))], false),
        (vec![("plugin.sig", hex(&own))], true),
        (vec![("plugin.sig", hex(&other)), (place.as_str(), hex(&own).to_uppercase())], true),
    ] {
        let found = claim(&files).signature_of(&own.public_key()).expect("signatures");
        assert_eq!(found, expected.then(|| *signed(&own).signature()), "{files:?}");
    }
    assert!(claim(&[("plugin.sig", "nonsense".to_owned())]).signature_of(&own.public_key()).is_err());
}

#[test]
fn a_timestamp_stays_with_its_signature_and_goes_with_it() {
    let [old, new] = [key(), key()].map(|key| signed(&key));
    let hex = |signed: &Signed| signed.signature().to_hex();
    let (old_place, new_place) = (signature_place(old.signer()), signature_place(new.signer()));
    let (old_stamp, new_stamp) = (timestamp_place(old.signer()), timestamp_place(new.signer()));
    let both = claim(&[
        ("plugin.sig", hex(&old)),
        (&old_place, hex(&old)),
        (&old_stamp, "a time".to_owned()),
        (&new_place, hex(&new)),
        (&new_stamp, "another time".to_owned()),
    ]);
    assert!(change(&both, &new, Some(&old), Resigning::Added).is_nothing(), "each keeps its own");
    let alone = change(&both, &new, Some(&old), Resigning::Alone);
    assert_eq!(alone.removed.iter().collect::<Vec<_>>(), {
        let mut gone = [&old_place, &old_stamp];
        gone.sort();
        gone
    });
    assert_eq!(alone.removed_signers(), [old.signer().to_string()], "a timestamp names nobody beside its signature");
    // What stands in its place is another signature, as of a signer that never makes the same twice.
    for how in [Resigning::Alone, Resigning::Added] {
        let other = claim(&[("plugin.sig", hex(&new)), (&new_place, hex(&old)), (&new_stamp, "a time".to_owned())]);
        let made = change(&other, &new, Some(&new), how);
        assert_eq!(made.removed.iter().collect::<Vec<_>>(), [&new_stamp], "{how:?}");
        assert_eq!(made.written, written(&[(&new_place, &new)]), "{how:?}");
    }
    // The same signature in another form is the same signature.
    let loose =
        claim(&[("plugin.sig", hex(&new)), (&new_place, hex(&new).to_uppercase()), (&new_stamp, "t".to_owned())]);
    let made = change(&loose, &new, Some(&new), Resigning::Alone);
    assert_eq!((made.removed.len(), made.written), (0, written(&[(&new_place, &new)])));
}

#[test]
fn a_new_timestamp_is_written_beside_its_signature_in_place_of_what_is_there() {
    let [old, new] = [key(), key()].map(|key| signed(&key));
    let hex = |signed: &Signed| signed.signature().to_hex();
    let (new_place, stamp) = (signature_place(new.signer()), timestamp_place(new.signer()));
    let text = hex(&new);
    let bytes: Vec<u8> = (0..64).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("a byte")).collect();
    let token = TimestampAuthority::numbered(1).stamps(&bytes, Stamp::at("20260201000000Z"));
    let token = TimestampToken::read("answer", &token).expect("a timestamp");
    let stamped =
        |claim: &Claim, how| Resigned::of(claim, new.signer(), new.signature(), Some(&token), Some(old.signer()), how);
    for how in [Resigning::Alone, Resigning::Added] {
        let by_old = claim(&[("plugin.sig", hex(&old)), (&signature_place(old.signer()), hex(&old))]);
        let made = stamped(&by_old, how);
        assert_eq!(made.written[&stamp], token.as_bytes(), "{how:?}");
        assert_eq!(made.written[&new_place], text.clone().into_bytes(), "{how:?}");
        // Whatever stands in its place, of this signature or of another one, is written over and not removed.
        for before in [&text, &hex(&old)] {
            let there = [
                ("plugin.sig", text.clone()),
                (new_place.as_str(), before.clone()),
                (stamp.as_str(), "a time".to_owned()),
            ];
            let made = stamped(&claim(&there), how);
            assert_eq!(made.written[&stamp], token.as_bytes(), "{how:?}: {before}");
            assert!(!made.removed.contains(&stamp), "{how:?}: {before}");
        }
    }
}
