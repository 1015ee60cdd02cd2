//! What somebody should hear of a transfer that goes on all the same, in words.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aisoc_files::shell_word;
use aisoc_manifests::progress::Act;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::ProgressState;
use aisoc_registry_client::{Notice, Told};

use crate::output::{Output, Progress, short};

/// Shows them: as status lines, and as warnings where something is not as it was set up. What is said of a mirror is said
/// once in a run, however many artifacts it is asked for; there are as many as somebody has written down.
pub(crate) fn shown(output: Output) -> Told {
    let said: Mutex<BTreeSet<String>> = Mutex::default();
    Told::by(move |notice| {
        if is_told(notice, output.progress()) {
            return;
        }
        let is_of_mirror = matches!(notice, Notice::MirrorPassedOver { .. } | Notice::MirrorServes { .. });
        if is_of_mirror && !said.lock().unwrap_or_else(PoisonError::into_inner).insert(subject(notice)) {
            return;
        }
        let (verb, object) = words(notice);
        match notice {
            Notice::MirrorPassedOver { registry, .. } => {
                let registry = shell_word(registry);
                let hint = format!(
                    "see to the mirror, or take it out of registries.toml: `aisoc registry auth explain {registry}` shows what \
                     is written"
                );
                output.warning_with(Warning::MirrorPassedOver, object, Some(&hint));
            }
            _ => output.status(verb, object),
        }
    })
}

/// Whether it is about a blob, and somebody reads lines of JSON and has been told.
fn is_told(notice: &Notice<'_>, progress: &Progress) -> bool {
    let (act, digest, size, state, done) = match *notice {
        Notice::Resumed { digest, offset, size } => (Act::Fetching, digest, size, ProgressState::Resumed, Some(offset)),
        Notice::GoesOn { digest, offset, size } => (Act::Pushing, digest, size, ProgressState::Resumed, Some(offset)),
        Notice::Kept { digest, bytes, size, .. } => (Act::Fetching, digest, size, ProgressState::Kept, Some(bytes)),
        Notice::SessionKept { digest, size } => (Act::Pushing, digest, size, ProgressState::Kept, None),
        Notice::NotKept { .. }
        | Notice::Warned { .. }
        | Notice::MirrorPassedOver { .. }
        | Notice::MirrorServes { .. } => return false,
    };
    progress.tells_of_blob(act, (digest, size), state, done)
}

/// What is said of which mirror.
fn subject(notice: &Notice<'_>) -> String {
    match notice {
        Notice::MirrorPassedOver { mirror, registry, .. } => format!("{mirror} not {registry}"),
        Notice::MirrorServes { mirror, registry } => format!("{mirror} for {registry}"),
        _ => String::new(),
    }
}

fn words(notice: &Notice<'_>) -> (&'static str, String) {
    match notice {
        Notice::Resumed { digest, offset, size } => {
            ("Resuming", format!("{} at byte {offset} of {size}, where an earlier run ended", short(*digest)))
        }
        Notice::GoesOn { digest, offset, size } => {
            ("Resuming", format!("{} at byte {offset} of {size}, which the registry has", short(*digest)))
        }
        Notice::Kept { digest, bytes, size, directory } => (
            "Kept",
            format!(
                "{bytes} of {size} bytes of {} in `{}`: the same command again goes on from there",
                short(*digest),
                directory.display()
            ),
        ),
        Notice::SessionKept { digest, size } => (
            "Kept",
            format!(
                "the upload of {}, {size} bytes: the same command again goes on where the registry has it",
                short(*digest)
            ),
        ),
        Notice::NotKept { digest, why } => {
            ("Note", format!("{} begins anew if it is interrupted: {why}", short(*digest)))
        }
        Notice::MirrorPassedOver { mirror, registry, why } => {
            ("Note", format!("`{mirror}` is passed over as a mirror of `{registry}`: {why}"))
        }
        Notice::MirrorServes { mirror, registry } => {
            ("Mirrored", format!("`{registry}` by `{mirror}`, as registries.toml says"))
        }
        Notice::Warned { registry, text } => ("Note", format!("`{registry}` warns: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use aisoc_manifests::digest::Digest;

    use super::*;

    #[test]
    fn each_says_of_which_blob_and_how_far_it_is() {
        let digest = Digest::of(b"x");
        let of = |notice: Notice<'_>| words(&notice).1;
        assert_eq!(
            of(Notice::Resumed { digest, offset: 5, size: 10 }),
            "sha256:2d711642b726 at byte 5 of 10, where an earlier run ended"
        );
        assert_eq!(
            of(Notice::GoesOn { digest, offset: 5, size: 10 }),
            "sha256:2d711642b726 at byte 5 of 10, which the registry has"
        );
        let kept = of(Notice::Kept { digest, bytes: 5, size: 10, directory: Path::new("p/.aisoc-partials") });
        assert!(kept.starts_with("5 of 10 bytes of sha256:2d711642b726 in `p/.aisoc-partials`"), "{kept}");
        assert_eq!(of(Notice::Warned { registry: "a.test", text: "soon gone" }), "`a.test` warns: soon gone");
    }
}
