//! The pipeline's events in the words that a person sees.

use std::time::Duration;

use aisoc_pipeline::{Event, Reporter, Transfer};
use indicatif::{ProgressBar, ProgressStyle};

use super::status;

const TEMPLATE: &str = "{prefix:>12.green.bold} [{bar:32}] {bytes}/{total_bytes} {bytes_per_sec}";

/// Shows events as status lines, and transfers as a bar where there is a terminal.
pub(crate) struct Progress {
    is_silent: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(is_silent: bool, has_bar: bool) -> Self {
        let bar = has_bar.then(|| {
            let style = ProgressStyle::with_template(TEMPLATE).expect("the template is a constant that a test renders");
            let bar = ProgressBar::no_length().with_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { is_silent, bar }
    }

    fn line(&self, verb: &str, object: &str) {
        match &self.bar {
            _ if self.is_silent => {}
            Some(bar) => bar.suspend(|| status::print(verb, object)),
            None => status::print(verb, object),
        }
    }

    fn advance(&self, transfer: Transfer, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(word(transfer));
            bar.set_length(total);
            bar.set_position(done);
        }
    }
}

impl Reporter for Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Bytes { transfer, done, total } => self.advance(*transfer, *done, *total),
            event => {
                if let Some((verb, object)) = words(event) {
                    self.line(verb, &object);
                }
            }
        }
    }
}

/// A status line: what is being done, to what. Nothing for what no line is made of.
fn words(event: &Event<'_>) -> Option<(&'static str, String)> {
    Some(match event {
        Event::Resolving { reference } => ("Resolving", reference.to_string()),
        Event::Following { index, artifact } => {
            ("Following", format!("the index {index} to its only artifact {artifact}"))
        }
        Event::Fetching { artifact } => (word(Transfer::Fetching), artifact.to_string()),
        Event::Packing { directory } => ("Packing", directory.display().to_string()),
        Event::Pushing { destination } => (word(Transfer::Pushing), destination.to_string()),
        Event::ReadBack { manifest } => ("Read back", manifest.to_string()),
        Event::Verifying { id, version } => ("Verifying", format!("{id} {version}")),
        Event::Activating { id, version } => ("Activating", format!("{id} {version}")),
        Event::Bytes { .. } => return None,
    })
}

const fn word(transfer: Transfer) -> &'static str {
    match transfer {
        Transfer::Fetching => "Fetching",
        Transfer::Pushing => "Pushing",
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use aisoc_manifests::digest::{ArtifactDigest, Digest};
    use aisoc_manifests::id::PluginId;
    use aisoc_manifests::reference::Reference;

    use super::*;

    #[test]
    fn the_bar_template_renders() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn every_event_has_its_words_and_bytes_have_none() {
        let reference: Reference = "localhost:5000/team/demo:1".parse().expect("a reference");
        let id: PluginId = "demo".parse().expect("an id");
        let digest = Digest::of(b"");
        let named = reference.to_string();
        let hash = digest.to_string();
        let index = ArtifactDigest::of(b"index");
        let followed = format!("the index {index} to its only artifact {reference}");
        for (event, verb, object) in [
            (Event::Resolving { reference: &reference }, "Resolving", named.as_str()),
            (Event::Following { index, artifact: &reference }, "Following", &followed),
            (Event::Fetching { artifact: &reference }, "Fetching", &named),
            (Event::Packing { directory: Path::new("demo") }, "Packing", "demo"),
            (Event::Pushing { destination: &reference }, "Pushing", &named),
            (Event::ReadBack { manifest: digest }, "Read back", &hash),
            (Event::Verifying { id: &id, version: "1.0.0" }, "Verifying", "demo 1.0.0"),
            (Event::Activating { id: &id, version: "1.0.0" }, "Activating", "demo 1.0.0"),
        ] {
            assert_eq!(words(&event), Some((verb, object.to_owned())));
        }
        assert_eq!(words(&Event::Bytes { transfer: Transfer::Pushing, done: 1, total: 2 }), None);
    }
}
