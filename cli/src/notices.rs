//! What somebody should hear of a transfer that goes on all the same, in words.

use aisoc_manifests::digest::Digest;
use aisoc_registry_client::{Notice, Told};

use crate::output::Output;

/// Shows them as status lines.
pub(crate) fn shown(output: Output) -> Told {
    Told::by(move |notice| {
        let (verb, object) = words(notice);
        output.status(verb, object);
    })
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

/// As much of a digest as tells blobs apart.
fn short(digest: Digest) -> String {
    let text = digest.to_string();
    let end = text.find(':').map_or(0, |colon| colon + 13).min(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
