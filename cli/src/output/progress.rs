//! The pipeline's events and how far its work is, in what a person sees.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aisoc_manifests::progress::Act;
use aisoc_pipeline::{Event, Reporter};
use indicatif::{ProgressBar, ProgressStyle};

use super::amount::{Amount, line, said};
use super::pace::Pace;
use super::screen::{Screen, columns};
use super::status;

/// How often long work says how far it is, where nothing can be drawn.
const PAUSE: Duration = Duration::from_secs(10);
/// Work that is over before that is not drawn: it would flicker.
const SHORT: Duration = Duration::from_millis(500);

/// Shows events as status lines, and how far work is: as a bar on a terminal, as a line now and then elsewhere.
/// Clones are one: there is one terminal, and one work at a time.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    is_silent: bool,
    screen: Screen,
    work: Shared,
}

type Shared = Arc<Mutex<Option<Work>>>;

/// Work that is under way.
#[derive(Debug)]
struct Work {
    act: Act,
    done: u64,
    total: u64,
    begin: Instant,
    pace: Pace,
    /// Whether it is drawn.
    is_drawn: bool,
    /// Where nothing can be drawn: when a line was said last.
    said: Instant,
}

/// What is to be shown now.
#[derive(Debug, PartialEq)]
enum Due {
    Nothing,
    /// From now on, by whoever draws.
    Bar,
    Line(String),
}

impl Progress {
    pub(super) fn new(is_silent: bool, screen: Screen) -> Self {
        Self { is_silent, screen, work: Arc::default() }
    }

    /// A status line.
    pub(super) fn line(&self, verb: &str, object: &str) {
        if !self.is_silent {
            self.screen.print(|| status::print(verb, object));
        }
    }

    /// So much of the work is done.
    pub(crate) fn advance(&self, act: Act, done: u64, total: u64) {
        if self.is_silent {
            return;
        }
        // The screen is drawn by a thread that looks at the work: it is let go before the screen is touched.
        match self.due(Instant::now(), act, done, total) {
            Due::Nothing => {}
            Due::Bar => self.screen.show(Some(bar(Arc::clone(&self.work)))),
            Due::Line(text) => self.line(word(act), &text),
        }
    }

    /// The work is over. Nothing is left of its bar.
    pub(crate) fn end(&self) {
        *held(&self.work) = None;
        self.screen.show(None);
    }

    fn due(&self, now: Instant, act: Act, done: u64, total: u64) -> Due {
        let mut work = held(&self.work);
        let work = match &mut *work {
            Some(known) if known.act == act => known,
            other => other.insert(Work::of(act, now)),
        };
        work.note(now, done, total);
        match self.screen.draws() {
            true if !work.is_drawn && now.saturating_duration_since(work.begin) >= SHORT => {
                work.is_drawn = true;
                Due::Bar
            }
            false if now.saturating_duration_since(work.said) >= PAUSE => {
                work.said = now;
                Due::Line(said(&work.amount(now)))
            }
            _ => Due::Nothing,
        }
    }
}

impl Work {
    fn of(act: Act, now: Instant) -> Self {
        Self { act, done: 0, total: 0, begin: now, pace: Pace::of(act), is_drawn: false, said: now }
    }

    /// Never less far than it was: a second try begins anew.
    fn note(&mut self, now: Instant, done: u64, total: u64) {
        (self.done, self.total) = (self.done.max(done.min(total)), total);
        self.pace.note(now, self.done);
    }

    fn amount(&self, now: Instant) -> Amount {
        let Self { act, done, total, .. } = *self;
        let (per_second, left) = (self.pace.per_second(now), self.pace.left(done, total));
        // Everything was handed on, and the answer comes when it has arrived.
        let awaits_registry = act == Act::Pushing && done >= total && total > 0;
        Amount { done, total, per_second, left, awaits_registry, counts_plugins: act.counts_plugins() }
    }
}

/// A bar that is as wide as the terminal is whenever it is drawn.
fn bar(work: Shared) -> ProgressBar {
    let draw = move |_: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
        let drawn = held(&work).as_ref().map(|work| line(word(work.act), &work.amount(Instant::now()), columns()));
        // What cannot be written is not seen either.
        let _ = text.write_str(&drawn.unwrap_or_default());
    };
    let style = ProgressStyle::with_template("{line}").expect("the template is a constant that a test renders");
    let bar = ProgressBar::no_length().with_style(style.with_key("line", draw));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn held(work: &Shared) -> MutexGuard<'_, Option<Work>> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Events are shown, and what was drawn of them is gone when nobody reports any more.
#[derive(Debug)]
pub(crate) struct Reported(pub(super) Progress);

impl Reporter for Reported {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Bytes { act, done, total } => self.0.advance(*act, *done, *total),
            event => {
                if let Some((verb, object)) = words(event) {
                    // What begins is after the transfer, and a bar that is full would stand for it.
                    self.0.end();
                    self.0.line(verb, &object);
                }
            }
        }
    }
}

impl Drop for Reported {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A status line: what is being done, to what. Nothing for what no line is made of.
fn words(event: &Event<'_>) -> Option<(&'static str, String)> {
    Some(match event {
        Event::Resolving { reference } => ("Resolving", reference.to_string()),
        Event::Following { index, artifact } => {
            ("Following", format!("the index {index} to its only artifact {artifact}"))
        }
        Event::Fetching { artifact } => (word(Act::Fetching), artifact.to_string()),
        Event::Packing { directory } => (word(Act::Packing), directory.display().to_string()),
        Event::Pushing { destination } => (word(Act::Pushing), destination.to_string()),
        Event::ReadBack { manifest } => ("Read back", manifest.to_string()),
        Event::Verifying { id, version } => ("Verifying", format!("{id} {version}")),
        Event::Activating { id, version } => ("Activating", format!("{id} {version}")),
        Event::Bytes { .. } => return None,
    })
}

const fn word(act: Act) -> &'static str {
    match act {
        Act::Reading => "Reading",
        Act::Packing => "Packing",
        Act::Unpacking => "Unpacking",
        Act::Writing => "Writing",
        Act::Fetching => "Fetching",
        Act::Pushing => "Pushing",
        Act::Judging => "Verifying",
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
    fn long_work_says_how_far_it_is_now_and_then_and_never_goes_back() {
        let progress = Progress::new(true, Screen::new(false));
        let begin = Instant::now();
        let due = |after: Duration, act, done| progress.due(begin + after, act, done, 100);
        assert_eq!(due(Duration::ZERO, Act::Pushing, 10), Due::Nothing);
        assert_eq!(due(PAUSE / 2, Act::Pushing, 60), Due::Nothing, "short work says nothing");
        let Due::Line(text) = due(PAUSE, Act::Pushing, 3) else { panic!("a line") };
        assert!(text.starts_with("60 of 100 B"), "a second try begins anew, and is not shown: {text}");
        assert_eq!(due(PAUSE + PAUSE / 2, Act::Pushing, 70), Due::Nothing);
        let Due::Line(text) = due(PAUSE * 2, Act::Pushing, 100) else { panic!("a line") };
        assert_eq!(text, "100 of 100 B, waiting for the registry");
        assert_eq!(due(PAUSE * 2, Act::Fetching, 1), Due::Nothing, "another work begins at its beginning");
        let Due::Line(text) = due(PAUSE * 3, Act::Fetching, 2) else { panic!("a line") };
        assert!(text.starts_with("2 of 100 B"), "{text}");
    }

    #[test]
    fn what_is_over_soon_is_not_drawn_and_everything_else_once() {
        let progress = Progress::new(false, Screen::new(true));
        let begin = Instant::now();
        let due = |after: Duration, act| progress.due(begin + after, act, 1, 100);
        assert_eq!(due(Duration::ZERO, Act::Reading), Due::Nothing);
        assert_eq!(due(SHORT / 2, Act::Reading), Due::Nothing);
        assert_eq!(due(SHORT, Act::Reading), Due::Bar);
        assert_eq!(due(SHORT * 2, Act::Reading), Due::Nothing, "it is drawn by itself from then on");
        assert_eq!(due(SHORT * 2, Act::Packing), Due::Nothing);
        assert_eq!(due(SHORT * 3, Act::Packing), Due::Bar);
        progress.end();
        assert_eq!(due(SHORT * 4, Act::Packing), Due::Nothing, "another one of the same kind");
    }

    #[test]
    fn a_bar_renders_while_its_work_goes_on() {
        let progress = Progress::new(false, Screen::new(true));
        let bar = bar(Arc::clone(&progress.work));
        for done in [1, 50, 100] {
            progress.due(Instant::now(), Act::Pushing, done, 100);
            bar.tick();
        }
        progress.end();
        bar.tick();
        bar.finish_and_clear();
    }

    #[test]
    fn what_comes_after_a_transfer_is_not_shown_as_the_transfer() {
        let progress = Progress::new(true, Screen::new(false));
        progress.due(Instant::now(), Act::Fetching, 10, 10);
        Reported(progress.clone()).event(&Event::Packing { directory: Path::new("demo") });
        assert!(held(&progress.work).is_none());
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
        assert_eq!(words(&Event::Bytes { act: Act::Pushing, done: 1, total: 2 }), None);
    }
}
