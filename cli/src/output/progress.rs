//! The pipeline's events in the words that a person sees.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aisoc_pipeline::{Event, Reporter, Transfer};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::amount::{line, said};
use super::screen::Screen;
use super::status;

/// How often long work says how far it is, where nothing can be drawn.
const PAUSE: Duration = Duration::from_secs(10);

/// Shows events as status lines, and how far a transfer is: as a bar on a terminal, as a line now and then elsewhere.
pub(crate) struct Progress {
    is_silent: bool,
    screen: Screen,
    work: Mutex<Option<Work>>,
}

/// A transfer that is under way.
struct Work {
    transfer: Transfer,
    done: u64,
    /// Where nothing can be drawn: when a line was said last, and how many bytes there were then.
    said: (Instant, u64),
}

impl Progress {
    pub(super) fn new(is_silent: bool, screen: Screen) -> Self {
        Self { is_silent, screen, work: Mutex::new(None) }
    }

    fn line(&self, verb: &str, object: &str) {
        if !self.is_silent {
            self.screen.print(|| status::print(verb, object));
        }
    }

    fn advance(&self, transfer: Transfer, done: u64, total: u64) {
        if self.is_silent {
            return;
        }
        let (is_new, done) = self.counted(transfer, done.min(total));
        if !self.screen.draws() {
            if let Some(object) = self.due(Instant::now(), done, total) {
                self.line(word(transfer), &object);
            }
            return;
        }
        if is_new {
            self.screen.show(Some(bar(word(transfer))));
        }
        self.screen.bar(|bar| {
            bar.set_length(total);
            bar.set_position(done);
        });
    }

    /// Whether the transfer is another one than before, and how far it is: never less far than it was.
    fn counted(&self, transfer: Transfer, done: u64) -> (bool, u64) {
        let mut work = self.work();
        match &mut *work {
            Some(known) if known.transfer == transfer => {
                known.done = known.done.max(done);
                (false, known.done)
            }
            other => {
                *other = Some(Work { transfer, done, said: (Instant::now(), done) });
                (true, done)
            }
        }
    }

    /// What to say now, by what came since something was said last.
    fn due(&self, now: Instant, done: u64, total: u64) -> Option<String> {
        let mut work = self.work();
        let (at, before) = &mut work.as_mut()?.said;
        let passed = now.saturating_duration_since(*at);
        if passed < PAUSE {
            return None;
        }
        let text = said(done, total, (done.saturating_sub(*before)) as f64 / passed.as_secs_f64());
        (*at, *before) = (now, done);
        Some(text)
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bar that is as wide as the terminal is whenever it is drawn.
fn bar(verb: &'static str) -> ProgressBar {
    let draw = move |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        let (done, total) = (state.pos(), state.len().unwrap_or_default());
        // What cannot be written is not seen either.
        let _ = text.write_str(&line(verb, done, total, state.per_sec(), super::screen::columns()));
    };
    let style = ProgressStyle::with_template("{line}").expect("the template is a constant that a test renders");
    let bar = ProgressBar::no_length().with_style(style.with_key("line", draw));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
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
        self.screen.show(None);
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
    fn a_transfer_says_how_far_it_is_now_and_then_and_never_goes_back() {
        let progress = Progress::new(true, Screen::new(false));
        let begin = Instant::now();
        assert_eq!(progress.counted(Transfer::Pushing, 10), (true, 10));
        assert_eq!(progress.counted(Transfer::Pushing, 3), (false, 10), "a second try begins anew, and is not shown");
        assert_eq!(progress.due(begin + PAUSE / 2, 10, 100), None);
        let later = begin + PAUSE + Duration::from_secs(1);
        assert!(progress.due(later, 60, 100).expect("a line").starts_with("60 of 100 B"));
        assert_eq!(progress.due(later + PAUSE / 2, 70, 100), None);
        assert_eq!(progress.counted(Transfer::Fetching, 1), (true, 1), "another transfer begins at its beginning");
    }

    #[test]
    fn a_bar_renders() {
        let bar = bar("Pushing");
        bar.set_length(10);
        bar.tick();
        bar.finish_and_clear();
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
