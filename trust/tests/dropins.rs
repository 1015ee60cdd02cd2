//! What a site makes of the signature over a single file.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{
    Content, FileOutcome, FileStatement, Keyring, Overwrite, SigningKey, sign_file, verify_file, write_key_pair,
};
use aisoc_trust::{
    FileVerdict, FoundSignature, PluginMode, Policy, Publishers, SignatureStatus, TrustDecision, TrustMode, judge_file,
};

const CONTENT: &[u8] = b"x = 1\n";

/// What a key that signs drop-ins has said of a file that it has signed.
fn signed() -> FileOutcome {
    let (key, directory) = (SigningKey::generate().expect("random"), tempfile::tempdir().expect("a directory"));
    write_key_pair(&directory.path().join("ops"), &key, Overwrite::Refuse).expect("written");
    let note = r#"{"schema_version": 2, "may_sign": ["dropin"]}"#;
    fs::write(directory.path().join("ops.json"), note).expect("written");
    outcome_of(&key, directory.path())
}

/// What the keys in that directory say of a file that one has signed.
fn outcome_of(key: &SigningKey, directory: &Path) -> FileOutcome {
    let signature = sign_file("x.py", FileStatement::of(CONTENT), key).expect("signed").to_hex();
    let keyring = Keyring::read(directory).expect("readable");
    let at: jiff::Timestamp = "2026-06-01T00:00:00Z".parse().expect("a time");
    let signature = Content::Whole(signature.into_bytes());
    verify_file("tool/x", FileStatement::of(CONTENT), Some(&signature), &keyring, &at.into())
}

fn judged(policy: &Policy, mode: PluginMode, outcome: FileOutcome) -> FileVerdict {
    judge_file(policy, mode, Path::new("/data/it's x.py"), || outcome)
}

/// Why production refuses it, if it does.
fn refusal(policy: &Policy, outcome: FileOutcome) -> Option<Reason> {
    match judged(policy, PluginMode::Production, outcome).said {
        FoundSignature::Refused(fault) => Some(fault.reason()),
        FoundSignature::OfNoKind | FoundSignature::Passes(_) => None,
    }
}

#[test]
fn the_trust_mode_decides_in_production_and_nothing_is_refused_in_dev() {
    for (mode, expected) in [(TrustMode::Strict, Some(Reason::Unsigned)), (TrustMode::Warn, None)] {
        let policy = Policy::of(mode);
        assert_eq!(refusal(&policy, FileOutcome::Unsigned), expected, "{mode}");
        assert_eq!(refusal(&policy, signed()), None, "{mode}");
        let FileVerdict { status, said, objection, .. } = judged(&policy, PluginMode::Dev, FileOutcome::Unsigned);
        assert!(matches!(said, FoundSignature::Passes(_)) && status == SignatureStatus::Unsigned);
        assert_eq!(objection.expect("what production says").reason(), Reason::Unsigned);
    }
}

#[test]
fn a_list_of_publishers_and_a_number_of_signers_count_for_files_too() {
    let listed = |list: &str| Publishers::read(Some(list), None).expect("a list");
    for mode in [TrustMode::Strict, TrustMode::Warn] {
        let others = Policy { publishers: listed("acme"), ..Policy::of(mode) };
        assert_eq!(refusal(&others, signed()), Some(Reason::UntrustedPublisher), "{mode}");
        // What nobody has signed is from nobody, in every mode that verifies.
        assert_eq!(refusal(&others, FileOutcome::Unsigned), Some(Reason::Unsigned), "{mode}");
        let ours = Policy { publishers: listed("ops"), ..Policy::of(mode) };
        let verdict = judged(&ours, PluginMode::Production, signed());
        assert_eq!(verdict.decision, Some(TrustDecision::TrustedPublisher), "{mode}");
        assert!(matches!(verdict.said, FoundSignature::Passes(_)), "{mode}");
    }
    let two = NonZeroUsize::new(2).expect("two");
    let several = Policy { required_signers: two, ..Policy::of(TrustMode::Strict) };
    assert_eq!(refusal(&several, signed()), Some(Reason::SignersTooFew));
}

#[test]
fn a_key_that_signs_other_things_is_named_with_what_it_may_sign() {
    let by_other = |may_sign: &str| {
        let (key, directory) = (SigningKey::generate().expect("random"), tempfile::tempdir().expect("a directory"));
        write_key_pair(&directory.path().join("ops"), &key, Overwrite::Refuse).expect("written");
        let note = format!(r#"{{"schema_version": 2, "may_sign": ["{may_sign}"]}}"#);
        fs::write(directory.path().join("ops.json"), note).expect("written");
        outcome_of(&key, directory.path())
    };
    for may_sign in ["plugin", "lock"] {
        let verdict = judged(&Policy::of(TrustMode::Strict), PluginMode::Production, by_other(may_sign));
        let FoundSignature::Refused(fault) = verdict.said else { panic!("{may_sign}") };
        assert_eq!((fault.reason(), verdict.status), (Reason::KeyOutOfScope, SignatureStatus::Invalid));
        assert!(fault.message().contains("key `ops`") && verdict.signer.is_none(), "{fault:?}");
        assert!(fault.next_step().contains("aisoc keys annotate ops --may-sign dropin"), "{}", fault.next_step());
    }
}

#[test]
fn what_nobody_has_looked_at_is_loaded_where_somebody_has_said_to_know_that() {
    let unread = || -> FileOutcome { panic!("mode `disabled` asks nobody") };
    for (is_unsigned_acknowledged, is_loaded) in [(true, true), (false, false)] {
        let policy = Policy { is_unsigned_acknowledged, ..Policy::of(TrustMode::Disabled) };
        let verdict = judge_file(&policy, PluginMode::Production, Path::new("x.py"), unread);
        assert_eq!(matches!(verdict.said, FoundSignature::Passes(_)), is_loaded);
        assert_eq!(verdict.status, SignatureStatus::Skipped);
    }
}

#[test]
fn what_a_signature_is_worth_is_said_whatever_is_decided() {
    let of = |outcome| judged(&Policy::of(TrustMode::Strict), PluginMode::Production, outcome);
    assert_eq!(of(signed()).status, SignatureStatus::Verified);
    assert_eq!(of(FileOutcome::Unsigned).status, SignatureStatus::Unsigned);
    let signature = |reason| FileOutcome::Malformed(Fault::new(reason, "no signature").hint("look"));
    for (reason, is_signed_anew) in [(Reason::SignatureMalformed, true), (Reason::IoDenied, false)] {
        let verdict = of(signature(reason));
        assert_eq!(verdict.status, SignatureStatus::Invalid);
        let FoundSignature::Refused(fault) = verdict.said else { panic!("refused") };
        assert_eq!((fault.reason(), fault.next_step().contains("aisoc plugin sign")), (reason, is_signed_anew));
    }
}

#[test]
fn what_would_mend_it_names_the_file_as_a_shell_takes_it() {
    let verdict = judged(&Policy::of(TrustMode::Strict), PluginMode::Production, FileOutcome::Unsigned);
    let FoundSignature::Refused(fault) = verdict.said else { panic!("refused") };
    let command = r"aisoc plugin sign '/data/it'\''s x.py' --private-key KEY";
    assert!(fault.next_step().contains(command), "{}", fault.next_step());
}
