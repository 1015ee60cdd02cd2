//! One pass over every byte: a few dozen fixed strings are looked for at once, and only around one of
//! them is anything judged.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::forms::{BINARY, Check, Form, PRIVATE_KEY, TEXT};
use super::found::{Kind, Place};
use super::pem_form;
use super::tokens::find;

/// How far around its fixed string a form is judged, in characters. A private key of any kind shows what
/// it is within its first lines.
const BEFORE: usize = 512;
const AFTER: usize = 4096;
/// Where one fixed string follows another of its form more closely than any secret is long, only the first,
/// the last and one in between for so many bytes are judged: else a file of nothing but fixed strings is
/// read as often as it has some.
const CROWD: usize = 32;
/// Longer texts are searched for all fixed strings at once.
const SHORT: usize = 4096;
/// In UTF-16 every character takes two bytes.
const WIDE: usize = 2;

/// The fixed strings of all forms as bytes, and as UTF-16 of either order: the last byte of a character in
/// one order is left out, so that one string finds both.
struct Searcher {
    plain: AhoCorasick,
    forms: Vec<&'static Form>,
    wide: AhoCorasick,
}

static SEARCHER: LazyLock<Searcher> = LazyLock::new(|| {
    // Only this kind of match is searched for with vector instructions.
    let builder = || AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).clone();
    let build = |anchors: Vec<Vec<u8>>| builder().build(anchors).expect("a few dozen short constants");
    let forms: Vec<_> = TEXT.iter().chain(BINARY).collect();
    Searcher {
        plain: build(forms.iter().map(|form| form.anchor.to_vec()).collect()),
        wide: build(TEXT.iter().map(|form| widened(form.anchor)).collect()),
        forms,
    }
});

fn widened(anchor: &[u8]) -> Vec<u8> {
    let mut wide: Vec<u8> = anchor.iter().flat_map(|byte| [*byte, 0]).collect();
    wide.pop();
    wide
}

/// Something that was found, in bytes of what was searched.
struct Hit {
    kind: Kind,
    at: Range<usize>,
}

/// The first secret whose fixed string begins within `range`, as it is or else in UTF-16.
fn first(bytes: &[u8], range: Range<usize>, armour: Armour) -> Option<Hit> {
    plain(bytes, range.clone(), armour).or_else(|| wide(bytes, range, armour))
}

/// Every fixed string counts, also one that begins inside another.
fn plain(bytes: &[u8], range: Range<usize>, armour: Armour) -> Option<Hit> {
    let mut from = range.start;
    let mut judged = vec![None; SEARCHER.forms.len()];
    while let Some(found) = SEARCHER.plain.find(Input::new(bytes).span(from..bytes.len())) {
        let at = found.start();
        if at >= range.end {
            return None;
        }
        from = at + 1;
        let form = SEARCHER.forms[found.pattern().as_usize()];
        let last: &mut Option<usize> = &mut judged[found.pattern().as_usize()];
        if last.is_some_and(|last| at - last < CROWD) && follows(bytes, at, form.anchor) {
            continue;
        }
        *last = Some(at);
        let start = at.saturating_sub(BEFORE);
        let window = &bytes[start..bytes.len().min(at + AFTER)];
        if let Some(hit) = check(form, armour)(window, at - start) {
            return Some(Hit { kind: form.kind, at: start + hit.start..start + hit.end });
        }
    }
    None
}

/// Whether the same fixed string comes again, so soon that it is judged in this one's place.
fn follows(bytes: &[u8], at: usize, anchor: &[u8]) -> bool {
    find(bytes, anchor, at + 1, at + CROWD + anchor.len()).is_some()
}

/// Every second byte, as soon as one fixed string is there: rarely done, and then for all of them at once.
fn wide(bytes: &[u8], range: Range<usize>, armour: Armour) -> Option<Hit> {
    SEARCHER.wide.find(Input::new(bytes).span(range.start..bytes.len())).filter(|found| found.start() < range.end)?;
    (0..WIDE).find_map(|parity| {
        let narrow: Vec<u8> = bytes.iter().skip(parity).step_by(WIDE).copied().collect();
        let within = range.start / WIDE..(range.end / WIDE + 1).min(narrow.len());
        let hit = plain(&narrow, within, armour)?;
        Some(Hit { kind: hit.kind, at: hit.at.start * WIDE + parity..hit.at.end * WIDE + parity })
    })
}

fn check(form: &Form, armour: Armour) -> Check {
    match armour {
        Armour::Suffices if form.anchor == PRIVATE_KEY => pem_form::armour,
        _ => form.check,
    }
}

/// Whether any fixed string is there. Every command searches what was typed, and making what finds all of them
/// at once takes longer than all that a short command does.
fn may_hold_one(text: &[u8]) -> bool {
    let mut forms = TEXT.iter().chain(BINARY);
    // In UTF-16 they have zeros between their letters.
    text.len() > SHORT || text.contains(&0) || forms.any(|form| find(text, form.anchor, 0, text.len()).is_some())
}

/// Every secret in a text, in order and without overlaps.
pub(super) fn all(text: &[u8]) -> Vec<Range<usize>> {
    if !may_hold_one(text) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(hit) = first(text, from..text.len(), Armour::NeedsBody) {
        from = hit.at.end.max(from + 1).min(text.len());
        found.push(hit.at);
    }
    found
}

/// What makes PEM armour a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Armour {
    /// What follows it: documents and rules speak of armour.
    #[default]
    NeedsBody,
    /// The armour alone, in a file whose name says that it is made to hold keys.
    Suffices,
}

/// Searches a file that comes in pieces, each of which may end in the middle of a secret.
#[derive(Default)]
pub(crate) struct Scanner {
    /// The end of what was seen before, and the newest piece.
    window: Vec<u8>,
    /// Where in the file the window begins.
    offset: u64,
    /// Up to where in the window a fixed string may have begun already.
    searched: usize,
    found: Option<(Kind, Place)>,
    armour: Armour,
}

impl Scanner {
    pub(crate) fn new(armour: Armour) -> Self {
        Self { armour, ..Self::default() }
    }

    /// Takes the next piece.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        if self.found.is_some() {
            return;
        }
        self.window.extend_from_slice(piece);
        let complete = self.window.len().saturating_sub(AFTER * WIDE);
        self.search(complete);
        let gone = self.searched.saturating_sub(BEFORE * WIDE);
        self.window.drain(..gone);
        self.searched -= gone;
        self.offset += gone as u64;
    }

    /// What was found, when there is no more to come.
    pub(crate) fn finish(mut self) -> Option<(Kind, Place)> {
        self.search(self.window.len());
        self.found
    }

    fn search(&mut self, end: usize) {
        if self.found.is_some() || end <= self.searched {
            return;
        }
        if let Some(hit) = first(&self.window, self.searched..end, self.armour) {
            self.found = Some((hit.kind, self.place(hit.at.start)));
        }
        self.searched = end;
    }

    fn place(&self, at: usize) -> Place {
        match self.offset {
            0 => Place::Line(1 + self.window[..at].iter().filter(|byte| **byte == b'\n').count()),
            offset => Place::Byte(offset + at as u64),
        }
    }
}
