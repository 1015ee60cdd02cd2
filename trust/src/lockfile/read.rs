//! `Lockfile`: a text that is a plugins.lock, what it says, and where in it that stands.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_manifests::fault::{Fault, Location, Reason, Result};
use aisoc_manifests::position::Position;
use aisoc_manifests::text::shown;
use toml_edit::{Document, InlineTable, Item, Table, TableLike, TomlError, Value};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::entry::{Field, FieldValue, LockEntry};
use super::schema::LockSchema;

/// Most entries of a lock.
pub const MAX_LOCK_ENTRIES: usize = 10_000;
/// Most marks that structure a text (brackets, braces, `=`, `,`, line ends), texts and comments aside: each may become
/// a value in memory. A lock with as many entries as there may be has two thirds of them.
pub(super) const MAX_LOCK_MARKS: usize = 1_000_000;
/// Most dots that stand in no text and no comment: each may become a table, a thousand times its size. A lock has none;
/// those of a few keys or numbers that do not belong there are refused by their names.
pub(super) const MAX_LOCK_DOTS: usize = 1_000;
/// Longest key or value that a message repeats.
const MAX_SHOWN: usize = 60;
const VERSION: &str = "version";
const PLUGINS: &str = "plugins";
/// How lines begin that a merge has left.
const MERGE_MARKS: [&str; 3] = ["<<<<<<< ", "=======", ">>>>>>> "];

/// A plugins.lock: its text, and what that says. A clone is of both what they are, and costs nothing.
#[derive(Debug, Clone)]
pub struct Lockfile {
    pub(super) text: Arc<str>,
    pub(super) schema: LockSchema,
    pub(super) entries: Arc<[LockEntry]>,
    pub(super) layout: Arc<Layout>,
}

/// A lock that was read before: of the same bytes nothing is made twice. Nobody goes by it who has not read those bytes
/// where they stand now. The clones of one know of each other.
#[derive(Debug, Clone, Default)]
pub struct KnownLock(Arc<Mutex<Option<Lockfile>>>);

impl KnownLock {
    /// Of a lock that was read.
    pub fn of(lock: &Lockfile) -> Self {
        Self(Arc::new(Mutex::new(Some(lock.clone()))))
    }

    /// As [`Lockfile::parse`].
    ///
    /// # Errors
    /// As [`Lockfile::parse`].
    pub(super) fn parse(&self, content: Vec<u8>, shown: &Path) -> Result<Lockfile> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = known.as_ref().filter(|lock| lock.text.as_bytes() == content) {
            return Ok(lock.clone());
        }
        let lock = Lockfile::parse(content, shown)?;
        *known = Some(lock.clone());
        Ok(lock)
    }
}

/// Where in the text what stands, in bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    /// The value of `version`.
    pub(super) version: Option<Range<usize>>,
    /// The array, where `plugins` is one that stands in brackets.
    pub(super) array: Option<Range<usize>>,
    /// The entries, in their order.
    pub(super) entries: Vec<EntryLayout>,
}

/// Where one entry stands.
#[derive(Debug, Clone)]
pub(super) struct EntryLayout {
    /// The header of its table, or all of an element of an array.
    pub(super) whole: Range<usize>,
    /// Its keys and values, in the order of the text.
    pub(super) members: Vec<Member>,
}

/// Where one field stands.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) field: Field,
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

impl Lockfile {
    /// A lock that accepts nothing, as it is written where there is none.
    pub fn empty() -> Self {
        let text = format!("{VERSION} = {}\n", LockSchema::One);
        let version = Some(text.len() - 2..text.len() - 1);
        Self {
            text: text.into(),
            schema: LockSchema::One,
            entries: Arc::default(),
            layout: Arc::new(Layout { version, ..Layout::default() }),
        }
    }

    /// Reads a text; `shown` is how its file is called.
    ///
    /// # Errors
    /// `lock_schema_unsupported` for a newer schema version, and `lock_invalid` for everything that is no lock of its
    /// version, with field, line and column.
    pub fn parse(content: Vec<u8>, shown: &Path) -> Result<Self> {
        let text = String::from_utf8(content).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let reader = Reader { text: "", shown };
            reader.fault_in(error.as_bytes(), at, "the text is not UTF-8")
        })?;
        let reader = Reader { text: &text, shown };
        let (schema, entries, layout) = reader.read()?;
        Ok(Self { schema, entries: entries.into(), layout: Arc::new(layout), text: text.into() })
    }

    /// The schema version.
    pub fn schema(&self) -> LockSchema {
        self.schema
    }

    /// What is accepted, in the order of the file.
    pub fn entries(&self) -> &[LockEntry] {
        &self.entries
    }

    /// What is accepted of a plugin.
    pub fn entry(&self, id: &str) -> Option<&LockEntry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A text that may be a lock.
struct Reader<'a> {
    text: &'a str,
    shown: &'a Path,
}

impl Reader<'_> {
    fn read(&self) -> Result<(LockSchema, Vec<LockEntry>, Layout)> {
        if self.text.starts_with('\u{feff}') {
            return Err(self
                .fault(0, "the text begins with a byte order mark, which no reader of TOML has to take")
                .hint("save the file as UTF-8 without a byte order mark"));
        }
        self.require_few_marks()?;
        let document = Document::parse(self.text).map_err(|error| self.no_toml(&error))?;
        let schema = self.schema(document.as_table())?;
        for (key, _) in document.iter() {
            if key != VERSION && key != PLUGINS {
                return Err(self.unknown(document.as_table(), key, "version, plugins"));
            }
        }
        let version = document.get(VERSION).and_then(Item::span);
        let mut read = Entries { schema, entries: Vec::new(), layout: Layout { version, ..Layout::default() } };
        self.plugins(document.as_table(), &mut read)?;
        self.require_one_of_each(&read)?;
        Ok((schema, read.entries, read.layout))
    }

    /// Before anything is made of it: a bracket becomes a hundred times its size.
    fn require_few_marks(&self) -> Result<()> {
        let (mut marks, mut dots) = (0, 0);
        for token in Source::new(self.text).lex() {
            match token.kind() {
                TokenKind::Dot => dots += 1,
                TokenKind::Equals
                | TokenKind::Comma
                | TokenKind::LeftSquareBracket
                | TokenKind::RightSquareBracket
                | TokenKind::LeftCurlyBracket
                | TokenKind::RightCurlyBracket
                | TokenKind::Newline => marks += 1,
                _ => {}
            }
        }
        for (found, most, what) in
            [(marks, MAX_LOCK_MARKS, "brackets, commas and lines"), (dots, MAX_LOCK_DOTS, "dots outside of texts")]
        {
            if found > most {
                return Err(self
                    .fault(0, "the text has more structure than any lock")
                    .expected(format!("at most {most} {what}"), found.to_string()));
            }
        }
        Ok(())
    }

    fn schema(&self, root: &Table) -> Result<LockSchema> {
        let Some(item) = root.get(VERSION) else { return Ok(LockSchema::One) };
        let at = start_of(item.span());
        let Some(number) = item.as_integer() else {
            return Err(self.wrong_type(at, VERSION, "a whole number", item));
        };
        match LockSchema::of_number(number) {
            Some(schema) => Ok(schema),
            None if number > LockSchema::NEWEST.number() => {
                let newest = LockSchema::NEWEST;
                let message = format!("plugins.lock schema version {number} is newer than supported {newest}");
                Err(Fault::new(Reason::LockSchemaUnsupported, message)
                    .at(self.location(at))
                    .expected(format!("`version` {newest} or older"), number.to_string()))
            }
            None => Err(self.fault(at, "`version` is no schema version").expected("1 or 2", number.to_string())),
        }
    }

    fn plugins(&self, root: &Table, read: &mut Entries) -> Result<()> {
        match root.get(PLUGINS) {
            None => Ok(()),
            Some(Item::ArrayOfTables(tables)) => {
                self.require_few_entries(tables.len(), start_of(tables.span()))?;
                tables.iter().try_for_each(|table| self.entry(table, table.span(), read))
            }
            Some(Item::Value(Value::Array(array))) => {
                let at = start_of(array.span());
                self.require_few_entries(array.len(), at)?;
                read.layout.array = array.span();
                array.iter().try_for_each(|value| match value {
                    Value::InlineTable(table) => self.entry(table as &InlineTable, table.span(), read),
                    other => Err(self.wrong_type(
                        start_of(other.span()),
                        PLUGINS,
                        "an array of tables",
                        &Item::Value(other.clone()),
                    )),
                })
            }
            Some(other) => {
                Err(self.wrong_type(start_of(key_span(root, PLUGINS)), PLUGINS, "an array of tables", other))
            }
        }
    }

    fn require_few_entries(&self, count: usize, at: usize) -> Result<()> {
        match count > MAX_LOCK_ENTRIES {
            true => Err(self
                .fault(at, "the lock has more entries than any")
                .expected(format!("at most {MAX_LOCK_ENTRIES} entries"), count.to_string())),
            false => Ok(()),
        }
    }

    fn entry(&self, table: &dyn TableLike, whole: Option<Range<usize>>, read: &mut Entries) -> Result<()> {
        let whole = whole.unwrap_or_default();
        let (mut entry, mut members) = (LockEntry::blank(), Vec::new());
        for (key, item) in table.iter() {
            let Some(field) = Field::of_key(key, read.schema) else {
                return Err(self.unknown_field(table, key, read.schema));
            };
            entry.set(field, self.value(field, item)?);
            let (key, value) = (key_span(table, key).unwrap_or_default(), item.span().unwrap_or_default());
            members.push(Member { field, key, value });
        }
        members.sort_by_key(|member| member.key.start);
        let has = |field: &Field| members.iter().any(|member| member.field == *field);
        if let Some(missing) = Field::REQUIRED.iter().find(|field| !has(field)) {
            let missing = missing.as_str();
            return Err(self
                .fault(whole.start, format!("an entry has no `{missing}`"))
                .expected(format!("a text `{missing}`"), "none"));
        }
        if entry.is_below_its_floor() {
            let floor = entry.provenance.version_floor.clone().unwrap_or_default();
            let at = members.iter().find(|member| member.field == Field::Version);
            return Err(self
                .fault(at.map_or(whole.start, |member| member.value.start), "`version` is below `version_floor`")
                .expected(format!("{} or newer", shown(&floor, MAX_SHOWN)), shown(&entry.version, MAX_SHOWN)));
        }
        read.entries.push(entry);
        read.layout.entries.push(EntryLayout { whole, members });
        Ok(())
    }

    fn value(&self, field: Field, item: &Item) -> Result<FieldValue> {
        match (field.is_list(), item) {
            (false, Item::Value(Value::String(text))) => {
                self.text_in(field, text.value(), item.span()).map(FieldValue::Text)
            }
            (true, Item::Value(Value::Array(array))) => {
                let texts = array.iter().map(|value| match value {
                    Value::String(text) => self.text_in(field, text.value(), value.span()),
                    other => Err(self.wrong_type(
                        start_of(other.span()),
                        field.as_str(),
                        "a list of texts",
                        &Item::Value(other.clone()),
                    )),
                });
                texts.collect::<Result<_>>().map(FieldValue::Texts)
            }
            (is_list, other) => {
                let wanted = if is_list { "a list of texts" } else { "a text" };
                Err(self.wrong_type(start_of(other.span()), field.as_str(), wanted, other))
            }
        }
    }

    fn text_in(&self, field: Field, text: &str, span: Option<Range<usize>>) -> Result<String> {
        match field.objection(text) {
            None => Ok(text.to_owned()),
            Some(right) => Err(self
                .fault(start_of(span), format!("`{}` is none", field.as_str()))
                .expected(right, format!("`{}`", shown(text, MAX_SHOWN)))),
        }
    }

    fn require_one_of_each(&self, read: &Entries) -> Result<()> {
        let mut first = HashMap::new();
        for (entry, layout) in read.entries.iter().zip(&read.layout.entries) {
            let at = layout.members.iter().find(|member| member.field == Field::Id);
            let at = at.map_or(layout.whole.start, |member| member.value.start);
            if let Some(before) = first.insert(entry.id.as_str(), at) {
                let line = self.location(before).line;
                let id = shown(&entry.id, MAX_SHOWN);
                return Err(self
                    .fault(at, format!("plugins.lock contains duplicate ids: `{id}` stands in line {line} already"))
                    .expected("one entry with that `id`", "two"));
            }
        }
        Ok(())
    }

    fn unknown_field(&self, table: &dyn TableLike, key: &str, schema: LockSchema) -> Fault {
        let known: Vec<&str> = Field::of_schema(schema).iter().map(|field| field.as_str()).collect();
        let fault = self.unknown(table, key, &known.join(", "));
        match Field::of_key(key, LockSchema::NEWEST) {
            Some(_) => fault.hint("that key belongs to schema version 2, and the file is of version 1"),
            None => fault,
        }
    }

    fn unknown(&self, table: &dyn TableLike, key: &str, known: &str) -> Fault {
        self.fault(start_of(key_span(table, key)), format!("unknown key `{}`", shown(key, MAX_SHOWN)))
            .expected(known, format!("`{}`", shown(key, MAX_SHOWN)))
    }

    fn wrong_type(&self, at: usize, name: &str, wanted: &str, found: &Item) -> Fault {
        let found = match found {
            Item::Value(value) => value.type_name(),
            other => other.type_name(),
        };
        self.fault(at, format!("`{name}` is not {wanted}")).expected(wanted, format!("{}{found}", article(found)))
    }

    fn no_toml(&self, error: &TomlError) -> Fault {
        let at = error.span().map_or(self.text.len(), |span| span.start);
        if let Some(line_start) = self.merge_mark() {
            return self
                .fault(line_start, "a merge was left unfinished here")
                .hint("take one side of the merge, or both, and remove the lines of `<`, `=` and `>`");
        }
        self.fault(at, "this is no TOML").caused_by(error.message().replace('\n', "; "))
    }

    fn merge_mark(&self) -> Option<usize> {
        let mut at = 0;
        self.text.split_inclusive('\n').find_map(|line| {
            let start = at;
            at += line.len();
            MERGE_MARKS.iter().any(|mark| line.starts_with(mark)).then_some(start)
        })
    }

    fn fault(&self, at: usize, message: impl Display) -> Fault {
        self.fault_in(self.text.as_bytes(), at, message)
    }

    fn fault_in(&self, text: &[u8], at: usize, message: impl Display) -> Fault {
        let location = Location::new(self.shown.display().to_string(), Position::of_byte(text, at));
        Fault::new(Reason::LockInvalid, message.to_string()).at(location)
    }

    fn location(&self, at: usize) -> Location {
        Location::new(self.shown.display().to_string(), Position::of_byte(self.text.as_bytes(), at))
    }
}

/// What was read so far.
struct Entries {
    schema: LockSchema,
    entries: Vec<LockEntry>,
    layout: Layout,
}

fn start_of(span: Option<Range<usize>>) -> usize {
    span.map_or(0, |span| span.start)
}

fn key_span(table: &dyn TableLike, key: &str) -> Option<Range<usize>> {
    table.get_key_value(key).and_then(|(key, _)| key.span())
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an " } else { "a " }
}
