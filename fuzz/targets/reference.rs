//! References: what is accepted is written as it is read, and cannot be taken for anything else.
#![no_main]

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Reason;
use aisoc_manifests::reference::Reference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let reference: Reference = match text.parse() {
        Ok(reference) => reference,
        Err(fault) => {
            assert!(matches!(fault.reason(), Reason::InvalidReference | Reason::ForbiddenRegistry), "{fault:?}");
            // An error ends up in a log: one line, and short.
            assert!(fault.message().len() <= 8 << 10 && !fault.message().contains(['\n', '\r', '\u{1b}']));
            return;
        }
    };
    let written = reference.to_string();
    assert_eq!(written.parse::<Reference>().expect("our own form"), reference);
    assert_eq!(written.to_ascii_lowercase(), text.to_ascii_lowercase(), "only the host's case may change");

    let digest = ArtifactDigest::of(text.as_bytes());
    let pinned = reference.pinned(digest);
    assert_eq!((pinned.digest(), pinned.tag()), (Some(digest), None));
    // The digest makes it longer, for some beyond the limit.
    if let Ok(again) = pinned.to_string().parse::<Reference>() {
        assert_eq!(again, pinned);
    } else {
        assert!(pinned.to_string().len() > 1024, "{pinned}");
    }
    if let Reference::Registry(registry) = &reference {
        assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written:?}");
        assert!(!written.starts_with('-') && !written.contains("://"));
        assert!(written.starts_with(&format!("{}/{}", registry.registry(), registry.repository())));
        assert!(!registry.repository().split('/').any(|part| matches!(part, "" | "." | "..")));
    }
});
