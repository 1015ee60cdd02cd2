//! What somebody should hear of a transfer that goes on all the same, in words.

use aisoc_manifests::progress::Act;
use aisoc_pipeline::documents::ProgressState;
use aisoc_registry_client::{Notice, Told};

use crate::output::{Output, Progress, short};

/// Shows them as status lines.
pub(crate) fn shown(output: Output) -> Told {
    Told::by(move |notice| {
        if !is_told(notice, output.progress()) {
            let (verb, object) = words(notice);
            output.status(verb, object);
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
        Notice::NotKept { .. } | Notice::Warned { .. } => return false,
    };
    progress.tells_of_blob(act, (digest, size), state, done)
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
