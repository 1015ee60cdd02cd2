//! The pipeline's events and how far its work is, in what a person sees, or a program reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::progress::Act;
use aisoc_pipeline::documents::ProgressState;
use aisoc_pipeline::{BlobState, Event, Reporter};
use indicatif::{ProgressBar, ProgressStyle};

use super::amount::{Amount, line, said, size_and_time};
use super::blobs::{Blobs, short};
use super::pace::Pace;
use super::report::Reports;
use super::screen::{Screen, columns};
use super::status;
use super::told::{self, Clock};

/// How often long work says how far it is, where nothing can be drawn.
const PAUSE: Duration = Duration::from_secs(10);
/// How often a program is told of it.
const EVENT_PAUSE: Duration = Duration::from_secs(1);
/// Work that is over before that is not drawn: it would flicker.
const SHORT: Duration = Duration::from_millis(500);

/// Shows events as status lines, and how far work is: as bars on a terminal, as a line now and then elsewhere.
/// Clones are one: there is one terminal, and one work at a time.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    voice: Voice,
    screen: Screen,
    shown: Shared,
}

/// How it is said.
#[derive(Debug, Clone)]
pub(super) enum Voice {
    /// Not at all.
    Silent,
    /// For people.
    Lines,
    /// For programs.
    Events(Reports, Clock),
}

type Shared = Arc<Mutex<Shown>>;

/// What is under way.
#[derive(Debug, Default)]
struct Shown {
    work: Option<Work>,
    blobs: Blobs,
}

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
    Line(&'static str, String),
    Event(String),
}

impl Progress {
    pub(super) fn new(voice: Voice, screen: Screen) -> Self {
        Self { voice, screen, shown: Arc::default() }
    }

    /// The beginning of a step.
    pub(super) fn line(&self, verb: &str, object: &str) {
        match &self.voice {
            Voice::Silent => {}
            Voice::Lines => self.screen.print(|| status::print(verb, object)),
            Voice::Events(reports, clock) => reports.event(&told::of_step(clock(), verb, object)),
        }
    }

    /// So much of the work is done.
    pub(crate) fn advance(&self, act: Act, done: u64, total: u64) {
        // The screen is drawn by a thread that looks at the work: it is let go before the screen is touched.
        self.show(self.due(Instant::now(), act, done, total));
    }

    /// One blob is so far.
    fn blob(&self, act: Act, blob: (Digest, u64), state: BlobState) {
        self.show(self.due_of_blob(Instant::now(), act, blob, state));
    }

    /// A blob goes on where an earlier run has left it, or is left for another run. Says whether a program was told, who is
    /// told nothing else of it.
    pub(crate) fn tells_of_blob(&self, act: Act, blob: (Digest, u64), state: ProgressState, done: Option<u64>) -> bool {
        if let (ProgressState::Resumed, Some(offset)) = (state, done) {
            // What is here passes once more, and is no progress.
            held(&self.shown).blobs.note(Instant::now(), act, blob, offset);
        }
        let Voice::Events(reports, clock) = &self.voice else { return false };
        reports.event(&told::of_blob(clock(), word(act), blob, (state, done)));
        true
    }

    /// The work is over. Nothing is left of its bar.
    pub(crate) fn end(&self) {
        *held(&self.shown) = Shown::default();
        self.screen.show(None);
    }

    fn show(&self, due: Due) {
        match (due, &self.voice) {
            (Due::Nothing, _) | (_, Voice::Silent) => {}
            (Due::Bar, _) => self.screen.show(Some(bar(Arc::clone(&self.shown)))),
            (Due::Line(verb, text), _) => self.line(verb, &text),
            (Due::Event(line), Voice::Events(reports, _)) => reports.event(&line),
            (Due::Event(_), Voice::Lines) => {}
        }
    }

    fn due(&self, now: Instant, act: Act, done: u64, total: u64) -> Due {
        let mut shown = held(&self.shown);
        let work = match &mut shown.work {
            Some(known) if known.act == act => known,
            other => other.insert(Work::of(act, now)),
        };
        work.note(now, done, total);
        let is_due = |pause| now.saturating_duration_since(work.said) >= pause;
        match &self.voice {
            Voice::Lines if self.screen.draws() => {
                if work.is_drawn || now.saturating_duration_since(work.begin) < SHORT {
                    return Due::Nothing;
                }
                work.is_drawn = true;
                Due::Bar
            }
            Voice::Lines if is_due(PAUSE) => {
                work.said = now;
                Due::Line(word(act), said(&work.amount(now)))
            }
            Voice::Events(_, clock) if is_due(EVENT_PAUSE) => {
                work.said = now;
                Due::Event(told::of_work(clock(), act, word(act), work.done, work.total))
            }
            Voice::Silent | Voice::Lines | Voice::Events(..) => Due::Nothing,
        }
    }

    fn due_of_blob(&self, now: Instant, act: Act, blob: (Digest, u64), state: BlobState) -> Due {
        let mut shown = held(&self.shown);
        let (digest, size) = blob;
        let (state, done) = match state {
            BlobState::Moving { done } => (ProgressState::Moving, Some(done)),
            BlobState::Arrived => (ProgressState::Arrived, Some(size)),
            BlobState::Mounted => (ProgressState::Mounted, None),
            BlobState::Present => (ProgressState::Present, None),
        };
        let (is_due, done, took) = match (state, done) {
            (ProgressState::Moving, Some(done)) => {
                let moving = shown.blobs.note(now, act, blob, done);
                (moving.is_due(now, EVENT_PAUSE), Some(moving.done()), None)
            }
            _ => (true, done, shown.blobs.end(now, digest)),
        };
        match &self.voice {
            Voice::Events(_, clock) if is_due => Due::Event(told::of_blob(clock(), word(act), blob, (state, done))),
            // On a terminal a bar goes, and that is all: its line would stand above the others for ever.
            Voice::Lines if state != ProgressState::Moving && !self.screen.draws() => {
                Due::Line(ended(act, state), format!("{} ({})", short(digest), size_and_time(size, took)))
            }
            Voice::Silent | Voice::Lines | Voice::Events(..) => Due::Nothing,
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

/// A line for each blob that is on its way, and one for all of them where that is another; as wide as the terminal is
/// whenever they are drawn.
fn bar(shown: Shared) -> ProgressBar {
    let draw = move |_: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
        // What cannot be written is not seen either.
        let _ = text.write_str(&lines(&held(&shown), Instant::now(), columns()));
    };
    let style = ProgressStyle::with_template("{line}").expect("the template is a constant that a test renders");
    let bar = ProgressBar::no_length().with_style(style.with_key("line", draw));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn lines(shown: &Shown, now: Instant, columns: usize) -> String {
    let Some(work) = &shown.work else { return String::new() };
    let blobs = shown.blobs.drawn().map(|blob| line(word(work.act), Some(&blob.name()), &blob.amount(now), columns));
    let all = (!shown.blobs.are_one()).then(|| line(word(work.act), None, &work.amount(now), columns));
    blobs.chain(all).collect::<Vec<_>>().join("\n")
}

fn held(shown: &Shared) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Events are shown, and what was drawn of them is gone when nobody reports any more.
#[derive(Debug)]
pub(crate) struct Reported(pub(super) Progress);

impl Reporter for Reported {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Bytes { act, done, total } => self.0.advance(*act, *done, *total),
            Event::Blob { act, digest, size, state } => self.0.blob(*act, (*digest, *size), *state),
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
        Event::Following { index, artifact } => ("Following", format!("the index {index} to {artifact}")),
        Event::Fetching { artifact } => (word(Act::Fetching), artifact.to_string()),
        Event::Packing { directory } => (word(Act::Packing), directory.display().to_string()),
        Event::Pushing { destination } => (word(Act::Pushing), destination.to_string()),
        Event::ReadBack { manifest } => ("Read back", manifest.to_string()),
        Event::Verifying { id, version } => ("Verifying", format!("{id} {version}")),
        Event::Activating { id, version } => ("Activating", format!("{id} {version}")),
        Event::Bytes { .. } | Event::Blob { .. } => return None,
    })
}

/// What became of a blob.
const fn ended(act: Act, state: ProgressState) -> &'static str {
    match (state, act) {
        (ProgressState::Mounted, _) => "Mounted",
        (ProgressState::Present, _) => "Present",
        (_, Act::Fetching) => "Fetched",
        (_, Act::Writing) => "Wrote",
        _ => "Pushed",
    }
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
    use std::sync::LazyLock;

    use aisoc_manifests::digest::{ArtifactDigest, Digest};
    use aisoc_manifests::id::PluginId;
    use aisoc_manifests::reference::Reference;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn long_work_says_how_far_it_is_now_and_then_and_never_goes_back() {
        let progress = Progress::new(Voice::Lines, Screen::new(false));
        let begin = Instant::now();
        let due = |after: Duration, act, done| progress.due(begin + after, act, done, 100);
        assert_eq!(due(Duration::ZERO, Act::Pushing, 10), Due::Nothing);
        assert_eq!(due(PAUSE / 2, Act::Pushing, 60), Due::Nothing, "short work says nothing");
        let Due::Line(_, text) = due(PAUSE, Act::Pushing, 3) else { panic!("a line") };
        assert!(text.starts_with("60 of 100 B"), "a second try begins anew, and is not shown: {text}");
        assert_eq!(due(PAUSE + PAUSE / 2, Act::Pushing, 70), Due::Nothing);
        let Due::Line(_, text) = due(PAUSE * 2, Act::Pushing, 100) else { panic!("a line") };
        assert_eq!(text, "100 of 100 B, waiting for the registry");
        assert_eq!(due(PAUSE * 2, Act::Fetching, 1), Due::Nothing, "another work begins at its beginning");
        let Due::Line(_, text) = due(PAUSE * 3, Act::Fetching, 2) else { panic!("a line") };
        assert!(text.starts_with("2 of 100 B"), "{text}");
    }

    #[test]
    fn what_is_over_soon_is_not_drawn_and_everything_else_once() {
        let progress = Progress::new(Voice::Lines, Screen::new(true));
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
        let progress = Progress::new(Voice::Lines, Screen::new(true));
        let bar = bar(Arc::clone(&progress.shown));
        for done in [1, 50, 100] {
            progress.due(Instant::now(), Act::Pushing, done, 100);
            bar.tick();
        }
        progress.end();
        bar.tick();
        bar.finish_and_clear();
    }

    /// What is told of a blob of a mebibyte and more, by a progress of that voice.
    fn of_a_blob(progress: &Progress, after: Duration, state: BlobState) -> Due {
        progress.due_of_blob(*BEGIN + after, Act::Fetching, (Digest::of(b"x"), 3 << 20), state)
    }

    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    const MOVING: BlobState = BlobState::Moving { done: 1 << 20 };

    #[test]
    fn a_blob_has_one_line_at_its_end_where_nothing_is_drawn() {
        let plain = Progress::new(Voice::Lines, Screen::new(false));
        assert_eq!(of_a_blob(&plain, Duration::ZERO, MOVING), Due::Nothing);
        let fetched = |text: &str| Due::Line("Fetched", text.to_owned());
        let arrived = of_a_blob(&plain, Duration::from_secs(4), BlobState::Arrived);
        assert_eq!(arrived, fetched("sha256:2d711642b726 (3.0 MiB in 4 s)"));
        assert_eq!(of_a_blob(&plain, SHORT, BlobState::Arrived), fetched("sha256:2d711642b726 (3.0 MiB)"));
        for (state, verb) in [(BlobState::Mounted, "Mounted"), (BlobState::Present, "Present")] {
            assert_eq!(of_a_blob(&plain, SHORT, state), Due::Line(verb, "sha256:2d711642b726 (3.0 MiB)".to_owned()));
        }
        let drawn = Progress::new(Voice::Lines, Screen::new(true));
        assert_eq!(of_a_blob(&drawn, SHORT, BlobState::Arrived), Due::Nothing);
    }

    #[test]
    fn a_program_is_told_of_a_blob_now_and_then_and_of_its_end() {
        let progress = Progress::new(Voice::Events(Reports::default(), || Timestamp::UNIX_EPOCH), Screen::new(false));
        let told = |after, state| match of_a_blob(&progress, after, state) {
            Due::Event(line) => serde_json::from_str(&line).expect("JSON"),
            _ => serde_json::Value::Null,
        };
        let first = told(Duration::ZERO, MOVING);
        assert_eq!((&first["act"], &first["state"]), (&"fetching".into(), &"moving".into()));
        assert_eq!((&first["done_bytes"], &first["total_bytes"]), (&(1 << 20).into(), &(3 << 20).into()));
        assert!(told(EVENT_PAUSE / 2, MOVING).is_null());
        assert!(progress.tells_of_blob(
            Act::Fetching,
            (Digest::of(b"x"), 3 << 20),
            ProgressState::Resumed,
            Some(2 << 20)
        ));
        assert_eq!(told(EVENT_PAUSE * 2, MOVING)["done_bytes"], 2 << 20, "what was here passes once more");
        assert_eq!(told(EVENT_PAUSE * 2, BlobState::Arrived)["state"], "arrived");
    }

    #[test]
    fn blobs_that_move_together_have_a_line_each_and_one_for_all() {
        let progress = Progress::new(Voice::Lines, Screen::new(true));
        let drawn = || lines(&held(&progress.shown), *BEGIN, 80);
        progress.due(*BEGIN, Act::Fetching, 1 << 20, 5 << 20);
        assert_eq!(drawn().lines().count(), 1);
        of_a_blob(&progress, Duration::ZERO, MOVING);
        assert_eq!(drawn(), "    Fetching 2d711642b726 1.0 of 3.0 MiB [=======>                ]");
        progress.due_of_blob(*BEGIN, Act::Fetching, (Digest::of(b"y"), 2 << 20), MOVING);
        let text = drawn();
        let beginnings =
            ["    Fetching 2d711642b726 1.0 of 3.0", "    Fetching a1fce4363854 1.0 of 2.0", "    Fetching 1.0 of 5.0"];
        assert_eq!(text.lines().count(), beginnings.len(), "{text}");
        assert!(text.lines().zip(beginnings).all(|(line, beginning)| line.starts_with(beginning)), "{text}");
    }

    #[test]
    fn what_comes_after_a_transfer_is_not_shown_as_the_transfer() {
        let progress = Progress::new(Voice::Lines, Screen::new(false));
        progress.due(Instant::now(), Act::Fetching, 10, 10);
        Reported(progress.clone()).event(&Event::Packing { directory: Path::new("demo") });
        assert!(held(&progress.shown).work.is_none());
    }

    #[test]
    fn every_event_has_its_words_and_bytes_have_none() {
        let reference: Reference = "localhost:5000/team/demo:1".parse().expect("a reference");
        let id: PluginId = "demo".parse().expect("an id");
        let digest = Digest::of(b"");
        let named = reference.to_string();
        let hash = digest.to_string();
        let index = ArtifactDigest::of(b"index");
        let followed = format!("the index {index} to {reference}");
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
        let blob = Event::Blob { act: Act::Pushing, digest, size: 1, state: BlobState::Arrived };
        assert_eq!(words(&blob), None);
    }
}
