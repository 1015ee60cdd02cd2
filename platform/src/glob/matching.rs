//! A pattern against a path: one letter after another, going back to the last `*` or `**` when they differ.

use std::borrow::Cow;

use super::class::{Class, class};
use super::error::GlobError;
use super::syntax::{brace, is_well_formed};

/// Whether a path matches a pattern.
///
/// # Errors
/// A fault of the pattern, as far as the path leads to it.
pub(super) fn matches(pattern: &str, path: &str) -> Result<bool, GlobError> {
    let start = Place { pattern: 0, path: 0, begins_component: true };
    Matching { pattern: Cow::Borrowed(pattern), path, star: None, crossing: None }.run(start)
}

/// Where both are, and whether a component of the pattern begins there.
#[derive(Debug, Clone, Copy)]
struct Place {
    pattern: usize,
    path: usize,
    begins_component: bool,
}

/// What comes of one step.
enum Step {
    /// It went on.
    On(Place),
    /// They differ; where the rest of the pattern is looked at if nothing else can be tried.
    Differs(usize),
    /// The whole is decided.
    Decided(bool),
}

#[derive(Clone)]
struct Matching<'a> {
    pattern: Cow<'a, str>,
    path: &'a str,
    /// Behind the last `*`, and up to where of the path it stands for something.
    star: Option<(usize, usize)>,
    /// Behind the last `**/`, and the same.
    crossing: Option<(usize, usize)>,
}

impl Matching<'_> {
    fn run(mut self, mut place: Place) -> Result<bool, GlobError> {
        while place.path < self.path.len() {
            place = match self.step(place)? {
                Step::On(next) => next,
                Step::Decided(decided) => return Ok(decided),
                Step::Differs(rest) => match self.another() {
                    Some(next) => next,
                    None => return well_formed(&self.pattern[rest..]).map(|()| false),
                },
            };
        }
        matches_nothing(&self.pattern[place.pattern..])
    }

    fn step(&mut self, place: Place) -> Result<Step, GlobError> {
        let (at, letter) = (place.pattern, self.letter(place.path));
        let beyond = |pattern| {
            let path = place.path + letter.map_or(0, char::len_utf8);
            Step::On(Place { pattern, path, begins_component: false })
        };
        Ok(match (self.pattern.as_bytes().get(at), letter) {
            (None, _) | (_, None) | (Some(b'?'), Some('/')) => Step::Differs(at),
            (Some(b'*'), _) => self.any(place),
            (Some(b'?'), _) => beyond(at + 1),
            (Some(b'['), Some(letter)) => match class(&self.pattern, at + 1, letter)? {
                Class::Holds(end) => beyond(end),
                Class::Lacks(end) => Step::Differs(end),
            },
            (Some(b'{'), _) => Step::Decided(self.one_of(place)?),
            (Some(b'\\'), _) if at + 1 == self.pattern.len() => return Err(GlobError::Malformed),
            (Some(b'\\'), Some(letter)) => self.literal(place, at + 1, letter),
            (Some(_), Some(letter)) => self.literal(place, at, letter),
        })
    }

    /// `*`, and `**`, which crosses `/` only where it is a whole component.
    fn any(&mut self, place: Place) -> Step {
        let bytes = self.pattern.as_bytes();
        let is_double = bytes.get(place.pattern + 1) == Some(&b'*');
        let behind = place.pattern + 1 + usize::from(is_double);
        if is_double && place.begins_component {
            match bytes.get(behind) {
                None => return Step::Decided(true),
                Some(b'/') => {
                    self.crossing = Some((behind + 1, place.path));
                    self.star = None;
                    return Step::On(Place { pattern: behind + 1, ..place });
                }
                Some(_) => {}
            }
        }
        self.star = Some((behind, place.path));
        Step::On(Place { pattern: behind, begins_component: false, ..place })
    }

    /// Each alternative of a brace in its place, with what is before and behind it: the first that matches, or has a
    /// fault, decides.
    fn one_of(&self, place: Place) -> Result<bool, GlobError> {
        let (parts, end) = brace(&self.pattern, place.pattern).ok_or(GlobError::Malformed)?;
        for (from, to) in parts {
            let pattern = [&self.pattern[..place.pattern], &self.pattern[from..to], &self.pattern[end..]].concat();
            // As in doublestar, `**` may begin a brace wherever that stands.
            let place = Place { begins_component: true, ..place };
            if (Matching { pattern: Cow::Owned(pattern), ..self.clone() }).run(place)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn literal(&self, place: Place, at: usize, letter: char) -> Step {
        if self.pattern[at..].starts_with(letter) {
            let (pattern, path) = (at + letter.len_utf8(), place.path + letter.len_utf8());
            return Step::On(Place { pattern, path, begins_component: letter == '/' });
        }
        // What is escaped is looked at together with what escapes it.
        let is_escaped = at > 0 && self.pattern.as_bytes()[at - 1] == b'\\';
        Step::Differs(at - usize::from(is_escaped))
    }

    /// Where to go on after a difference: one letter more for the last `*`, or one component more for the last `**`.
    fn another(&mut self) -> Option<Place> {
        if let Some((pattern, path)) = self.star
            && let Some(letter) = self.letter(path).filter(|letter| *letter != '/')
        {
            let path = path + letter.len_utf8();
            self.star = Some((pattern, path));
            return Some(Place { pattern, path, begins_component: false });
        }
        let (pattern, path) = self.crossing?;
        let path = path + self.path[path..].find('/')? + 1;
        self.crossing = Some((pattern, path));
        Some(Place { pattern, path, begins_component: true })
    }

    fn letter(&self, at: usize) -> Option<char> {
        self.path[at..].chars().next()
    }
}

/// Whether what is left of a pattern matches when nothing is left of the path.
fn matches_nothing(pattern: &str) -> Result<bool, GlobError> {
    // `docs/**` names `docs` too.
    if matches!(pattern, "" | "*" | "**" | "/**" | "**/" | "/**/") {
        return Ok(true);
    }
    if !pattern.starts_with('{') {
        return well_formed(pattern).map(|()| false);
    }
    let (parts, end) = brace(pattern, 0).ok_or(GlobError::Malformed)?;
    for (from, to) in parts {
        if matches_nothing(&[&pattern[from..to], &pattern[end..]].concat())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn well_formed(pattern: &str) -> Result<(), GlobError> {
    if is_well_formed(pattern) { Ok(()) } else { Err(GlobError::Malformed) }
}
