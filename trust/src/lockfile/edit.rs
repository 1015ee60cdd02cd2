//! Changing a lock in place: new values where the old ones stand, and every other byte as it was.
//!
//! A library that writes a document anew from what it has read gives other line ends, other blanks, or another place
//! to a comment. So a change is a list of [`Splice`]s of the text; what comes of it is read again, and has to say what
//! was meant and nothing else.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};

use super::entry::{Field, LockEntry};
use super::read::{EntryLayout, Lockfile, MAX_LOCK_ENTRIES};
use super::schema::LockSchema;
use super::spelling::{inline, member, table};

/// What comes into the place of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    at: Range<usize>,
    text: String,
}

impl Splice {
    fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { at: at..at, text: text.into() }
    }

    fn remove(at: Range<usize>) -> Self {
        Self { at, text: String::new() }
    }
}

impl Lockfile {
    /// The lock that accepts that as well: as [`Lockfile::with_all`].
    ///
    /// # Errors
    /// As [`Lockfile::with_all`].
    pub fn with(&self, entry: &LockEntry) -> Result<Self> {
        self.with_all(std::slice::from_ref(entry))
    }

    /// The lock that accepts those as well, each plugin once: in the place of what it accepts of the plugin, or at the
    /// end. What an entry knows beyond schema version 1 makes it one of version 2.
    ///
    /// # Errors
    /// `lock_invalid` for more entries than a lock has, and `internal` for an entry that would be read as another one.
    pub fn with_all(&self, entries: &[LockEntry]) -> Result<Self> {
        entries.iter().try_for_each(require_readable)?;
        let known: HashMap<&str, usize> = self.entries.iter().map(|entry| &*entry.id).zip(0..).collect();
        let mut expected = self.entries.to_vec();
        let (mut splices, mut new) = (Vec::new(), Vec::new());
        for entry in entries {
            match known.get(entry.id.as_str()) {
                Some(&at) => {
                    splices.extend(self.changed(at, entry));
                    expected[at] = entry.clone();
                }
                None => new.push(entry),
            }
        }
        if self.entries.len() + new.len() > MAX_LOCK_ENTRIES {
            return Err(Fault::new(Reason::LockInvalid, "the lock would have more entries than any").expected(
                format!("at most {MAX_LOCK_ENTRIES} entries"),
                (self.entries.len() + new.len()).to_string(),
            ));
        }
        splices.extend(self.added(&new));
        expected.extend(new.into_iter().cloned());
        let is_beyond = entries.iter().any(|entry| !entry.provenance.is_empty());
        let schema = if is_beyond { LockSchema::Two } else { self.schema };
        if schema != self.schema {
            // Before everything else that begins there.
            splices.insert(0, self.raised(schema));
        }
        self.spliced(splices, schema, &expected)
    }

    /// The lock that does not accept the plugin `id`; nothing when it does not do so now.
    ///
    /// # Errors
    /// `internal` when that cannot be written.
    pub fn without(&self, id: &str) -> Result<Option<Self>> {
        let Some(at) = self.entries.iter().position(|known| known.id == id) else { return Ok(None) };
        let mut expected = self.entries.to_vec();
        expected.remove(at);
        let splices = match &self.layout.array {
            Some(array) => self.element_removed(at, array),
            None => vec![Splice::remove(self.table_lines(at))],
        };
        self.spliced(splices, self.schema, &expected).map(Some)
    }

    /// Does the splices from the last to the first, so that each finds the text before it as it was read.
    fn spliced(&self, mut splices: Vec<Splice>, schema: LockSchema, expected: &[LockEntry]) -> Result<Self> {
        splices.sort_by_key(|splice| (splice.at.start, splice.at.end));
        let mut text = self.text.to_string();
        for Splice { at, text: new } in splices.into_iter().rev() {
            text.replace_range(at, &new);
        }
        let changed = Self::parse(text.into_bytes(), Path::new("plugins.lock"))
            .map_err(|fault| Fault::new(Reason::Internal, "the lock would be none").caused_by(fault))?;
        match *changed.entries == *expected && changed.schema == schema {
            true => Ok(changed),
            false => Err(Fault::new(Reason::Internal, "the lock would be read as another one")),
        }
    }

    /// New values in an entry.
    fn changed(&self, at: usize, entry: &LockEntry) -> Vec<Splice> {
        let (before, layout) = (&self.entries[at], &self.layout.entries[at]);
        let is_same_shape =
            Field::ALL.iter().all(|field| before.value(*field).is_some() == entry.value(*field).is_some());
        if self.layout.array.is_some() && !is_same_shape {
            return vec![Splice { at: layout.whole.clone(), text: inline(entry) }];
        }
        let mut splices = Vec::new();
        for member in &layout.members {
            match entry.value(member.field) {
                None => splices.push(Splice::remove(self.lines_of(&(member.key.start..member.value.end)))),
                Some(value) if before.value(member.field).as_ref() != Some(&value) => {
                    splices.push(Splice { at: member.value.clone(), text: value.spelled() });
                }
                Some(_) => {}
            }
        }
        let is_new = |field: &Field| before.value(*field).is_none();
        let new: Vec<String> = Field::ALL.into_iter().filter(is_new).filter_map(|field| member(entry, field)).collect();
        if !new.is_empty() {
            splices.push(self.lines_behind(end_of(layout), &new));
        }
        splices
    }

    /// Lines behind the line in which something ends.
    fn lines_behind(&self, end: usize, lines: &[String]) -> Splice {
        let (at, ending) = (self.line_end(end), self.ending());
        let text = lines.join(ending);
        match self.text[..at].ends_with('\n') {
            true => Splice::insert(at, text + ending),
            // The last line of a file without a final line end.
            false => Splice::insert(at, format!("{ending}{text}")),
        }
    }

    /// New entries behind the others. The last line ends, or does not, as it did: so taking them out again leaves the text
    /// as it was.
    fn added(&self, entries: &[&LockEntry]) -> Vec<Splice> {
        if entries.is_empty() {
            return Vec::new();
        }
        if let Some(array) = &self.layout.array {
            return self.elements_added(array, entries);
        }
        let ending = self.ending();
        let tables: Vec<String> = entries.iter().map(|entry| table(entry, ending)).collect();
        let tables = tables.join(ending);
        let text = match &*self.text {
            "" => tables,
            text if text.ends_with('\n') => format!("{ending}{tables}"),
            _ => format!("{ending}{ending}{}", tables.trim_end()),
        };
        vec![Splice::insert(self.text.len(), text)]
    }

    /// New elements of an array, on lines of their own where the last one has one, and with a comma behind the last where
    /// there was one.
    fn elements_added(&self, array: &Range<usize>, entries: &[&LockEntry]) -> Vec<Splice> {
        let bracket = array.end - 1;
        let new: Vec<String> = entries.iter().map(|entry| inline(entry)).collect();
        let Some(last) = self.layout.entries.last() else {
            return vec![Splice::insert(bracket, new.join(", "))];
        };
        let between = last.whole.end..bracket;
        let comma = self.comma_in(&between);
        if !self.text[between].contains('\n') {
            let new = new.join(", ");
            return vec![match comma {
                Some(comma) => Splice::insert(comma + 1, format!(" {new},")),
                None => Splice::insert(last.whole.end, format!(", {new}")),
            }];
        }
        let start = self.line_start(last.whole.start);
        let indent: String = self.text[start..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
        let ending = self.ending();
        let lines: Vec<String> = new.iter().map(|element| format!("{indent}{element}")).collect();
        let behind_last = if comma.is_some() { "," } else { "" };
        let lines = format!("{}{behind_last}{ending}", lines.join(&format!(",{ending}")));
        let comma = comma.is_none().then(|| Splice::insert(last.whole.end, ","));
        comma.into_iter().chain([Splice::insert(self.line_start(bracket), lines)]).collect()
    }

    /// An element and the comma that parts it from the next one, or for the last one from the one before.
    fn element_removed(&self, at: usize, array: &Range<usize>) -> Vec<Splice> {
        let entries = &self.layout.entries;
        let whole = &entries[at].whole;
        let next = entries.get(at + 1).map_or(array.end - 1, |next| next.whole.start);
        let comma = self.comma_in(&(whole.end..next));
        let end = comma.map_or(whole.end, |comma| comma + 1);
        let line = self.line_start(whole.start)..self.line_end(end);
        let is_alone = self.text[line.start..whole.start].trim().is_empty()
            && matches!(self.text[end..line.end].trim_start(), rest if rest.is_empty() || rest.starts_with('#'));
        let is_alone = is_alone && line.start > array.start && line.end < array.end;
        let is_last = at > 0 && at + 1 == entries.len();
        let blanks = [' ', '\t'];
        let removed = match is_alone {
            true => line,
            // The blanks that part it from the one before; those before the bracket stay.
            false if is_last => self.text[..whole.start].trim_end_matches(blanks).len()..end,
            false => whole.start..end + self.text[end..].len() - self.text[end..].trim_start_matches(blanks).len(),
        };
        let before = at.checked_sub(1).filter(|_| comma.is_none()).map(|before| entries[before].whole.end);
        let comma_before = before.and_then(|before| self.comma_in(&(before..whole.start)));
        let comma_before = comma_before.map(|comma| Splice::remove(comma..comma + 1));
        [Splice::remove(removed)].into_iter().chain(comma_before).collect()
    }

    /// The comma between two elements, which no comment there holds.
    fn comma_in(&self, between: &Range<usize>) -> Option<usize> {
        let mut is_comment = false;
        let found = self.text[between.clone()].bytes().position(|byte| {
            is_comment = (is_comment || byte == b'#') && byte != b'\n';
            byte == b',' && !is_comment
        });
        found.map(|at| between.start + at)
    }

    /// The lines of a table, and one blank line where two would meet or the text would end with it. Comments above and below
    /// it stay: whoever wrote them may not have meant this entry.
    fn table_lines(&self, at: usize) -> Range<usize> {
        let layout = &self.layout.entries[at];
        let lines = self.lines_of(&(layout.whole.start..end_of(layout)));
        let before = self.text[..lines.start].split_inclusive('\n').next_back().unwrap_or_default();
        let (is_blank_before, start) = (before.trim().is_empty(), lines.start - before.len());
        if is_blank_before && lines.end == self.text.len() {
            // The line that is the last one then ends as this one did.
            let kept = &self.text[..start];
            let unended = || kept.strip_suffix('\n').map_or(kept, |kept| kept.strip_suffix('\r').unwrap_or(kept));
            let kept = if self.text.ends_with('\n') { kept } else { unended() };
            return kept.len()..lines.end;
        }
        let next_end = self.line_end(lines.end);
        let is_blank_behind = next_end > lines.end && self.text[lines.end..next_end].trim().is_empty();
        if is_blank_before && is_blank_behind { lines.start..next_end } else { lines }
    }

    /// The schema version raised, where it stands or before everything else.
    fn raised(&self, schema: LockSchema) -> Splice {
        match &self.layout.version {
            Some(at) => Splice { at: at.clone(), text: schema.to_string() },
            None => Splice::insert(0, format!("version = {schema}{}", self.ending())),
        }
    }

    fn lines_of(&self, range: &Range<usize>) -> Range<usize> {
        self.line_start(range.start)..self.line_end(range.end)
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Behind the end of the line in which `at` is.
    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline + 1)
    }

    /// How lines end in this file: as the first one does.
    fn ending(&self) -> &'static str {
        let first = self.text.split_inclusive('\n').next();
        if first.is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" }
    }
}

fn require_readable(entry: &LockEntry) -> Result<()> {
    match entry.objection() {
        None => Ok(()),
        Some((field, right)) => {
            let message = format!("the lock would hold a `{}` that cannot be read", field.as_str());
            Err(Fault::new(Reason::Internal, message).expected(right, format!("{:?}", entry.value(field))))
        }
    }
}

/// Where the last field of an entry ends.
fn end_of(layout: &EntryLayout) -> usize {
    layout.members.iter().map(|member| member.value.end).max().unwrap_or(layout.whole.end)
}
