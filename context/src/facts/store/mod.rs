//! `Store`: the facts of one plugin of one line of signers, in a file of their own.
//!
//! A transaction is on the disk before whoever writes is told so; a crash before that leaves what was there before.

use std::collections::{BTreeSet, BinaryHeap};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError};
use rustix::fs::{Mode, OFlags};
use serde::Serialize;
use serde_json::Value;

use super::words::{of_fact, of_text};
use crate::notice::{Notice, Tell, Teller};
use crate::patience::waited;
use crate::refusal::{Refusal, Why};

/// Most facts of a plugin for one tenant.
pub(super) const MAX_FACTS: u64 = 20_000;
/// Most bytes of them, with their names, what is noted of them, and the words by which they are found.
pub(super) const MAX_FACTS_BYTES: u64 = 16 << 20;
/// What an entry takes beside what is in it: what the file itself needs for it. Words are many and short, and without this a
/// plugin would have a hundred times as much of the disk as is counted.
const ENTRY_BYTES: u64 = 24;
/// What is held in memory of the file of one plugin.
const CACHE_BYTES: usize = 4 << 20;
/// A file that could not be opened is not tried again before: it may be read whole to be refused.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
/// How long a file is waited for that somebody else closes.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);
/// How soon it is noticed that they have.
const CLOSING_STEP: Duration = Duration::from_millis(5);
/// The number of the next fact.
const NEXT: &str = "next";
/// The form of the files.
const SCHEMA: u64 = 2;

const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
/// By tenant and name: the number of a fact, which is its own in the file.
const NAMES: TableDefinition<'_, (&str, &str), u64> = TableDefinition::new("names");
/// By its number.
const FACTS: TableDefinition<'_, u64, Kept<'_>> = TableDefinition::new("facts");
/// By tenant, word and number.
const WORDS: TableDefinition<'_, (&str, &str, u64), ()> = TableDefinition::new("words");
/// By tenant: how many facts, and how many bytes.
const TAKEN: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("taken");

/// A fact in the file: its name, when it was written, its mark, its note, and its value as JSON. What it is ranked by is had
/// without reading the value.
type Kept<'a> = (&'a str, i64, u8, Option<&'a str>, &'a [u8]);

/// How a plugin ranks a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    Pinned,
    Demoted,
}

/// A fact.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub(super) value: Value,
    /// Microseconds since 1970.
    pub(super) written_at: i64,
    pub(super) mark: Option<Mark>,
    pub(super) note: Option<String>,
}

impl Mark {
    const fn number(mark: Option<Self>) -> u8 {
        match mark {
            Some(Self::Pinned) => 0,
            None => 1,
            Some(Self::Demoted) => 2,
        }
    }

    const fn of_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Pinned),
            2 => Some(Self::Demoted),
            _ => None,
        }
    }
}

/// Where a fact stands among those that were found: pinned first, demoted last, of those that are alike the newest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    mark: u8,
    written_at: std::cmp::Reverse<i64>,
    name: String,
    number: u64,
}

/// What is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) facts: u64,
    pub(super) bytes: u64,
}

/// The file, as long as it can be used; and the one before, as long as somebody uses it still.
#[derive(Default)]
struct Opened {
    now: Option<Arc<Database>>,
    before: Weak<Database>,
    /// When it could not be opened last.
    refused_at: Option<Instant>,
}

/// The facts of one plugin.
pub(crate) struct Store {
    path: PathBuf,
    opened: Mutex<Opened>,
    /// Held by whoever opens it.
    opening: Mutex<()>,
    /// Held by whoever writes.
    writing: Mutex<()>,
    /// Held by whoever searches: what is found is as large as many answers.
    searching: Mutex<()>,
    tell: Teller,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What goes wrong within the file.
#[derive(Debug)]
struct Failure(redb::Error);

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl Store {
    /// Nothing is opened before it is asked for.
    pub(super) fn at(path: PathBuf, tell: Arc<Tell>) -> Self {
        let tell = Teller::of(tell);
        let (opened, opening) = (Mutex::default(), Mutex::default());
        Self { path, opened, opening, writing: Mutex::default(), searching: Mutex::default(), tell }
    }

    /// The file; nothing where there is none, unless it is to be made.
    fn database(&self, is_made: bool) -> Result<Option<Arc<Database>>, Refusal> {
        if let Some(database) = &self.opened().now {
            return Ok(Some(Arc::clone(database)));
        }
        let _opening = waited(&self.opening)?;
        let before = {
            let opened = self.opened();
            if let Some(database) = &opened.now {
                return Ok(Some(Arc::clone(database)));
            }
            if opened.refused_at.is_some_and(|at| at.elapsed() < REFUSED_PAUSE) {
                return Err(Refusal::unavailable("the facts of the plugin cannot be opened"));
            }
            opened.before.clone()
        };
        // It is closed with the last who uses it.
        if before.strong_count() > 0 {
            return Err(Refusal::unavailable("the facts of the plugin cannot be used at this moment"));
        }
        let refused = |why: &str| {
            self.opened().refused_at = Some(Instant::now());
            let why = format!("`{}` is not opened, and left as it is: {why}", self.path.display());
            self.tell.tell(Notice::FactsRefused(&why));
            Refusal::unavailable("the facts of the plugin cannot be opened")
        };
        let until = Instant::now() + CLOSING_PATIENCE;
        let database = loop {
            let Some(file) = open(&self.path, is_made).map_err(|error| refused(&error.to_string()))? else {
                return Ok(None);
            };
            // What is no such file makes its reader stumble at any place.
            match catch_unwind(AssertUnwindSafe(|| begin(file))) {
                Ok(Ok(database)) => break Arc::new(database),
                // The last who had it may be closing it at this moment.
                Ok(Err(NotBegun::IsOpen)) if Instant::now() < until => thread::sleep(CLOSING_STEP),
                Ok(Err(NotBegun::IsOpen)) => return Err(refused("another host has it, which is to be ended first")),
                Ok(Err(NotBegun::Unusable(why))) => return Err(refused(&why)),
                Err(_) => return Err(refused("it is damaged")),
            }
        };
        self.opened().now = Some(Arc::clone(&database));
        Ok(Some(database))
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next who asks opens it anew.
    fn give_up(&self, database: &Arc<Database>) {
        let mut opened = self.opened();
        if opened.now.as_ref().is_some_and(|now| Arc::ptr_eq(now, database)) {
            *opened = Opened { now: None, before: Arc::downgrade(database), refused_at: None };
        }
    }

    /// What comes of reading; what is said for nothing where there is no file.
    fn read<T>(
        &self,
        nothing: T,
        read: impl FnOnce(&redb::ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, Refusal> {
        let Some(database) = self.database(false)? else { return Ok(nothing) };
        self.guarded(&database, || read(&database.begin_read()?))
    }

    /// What comes of writing, once it is on the disk. A refusal leaves everything as it was.
    fn write<T>(
        &self,
        write: impl FnOnce(&redb::WriteTransaction) -> Result<Result<T, Refusal>, Failure>,
    ) -> Result<T, Refusal> {
        let Some(database) = self.database(true)? else { return Err(Refusal::unavailable("there is no file")) };
        let _writing = waited(&self.writing)?;
        self.guarded(&database, || {
            let transaction = database.begin_write()?;
            Ok(match write(&transaction)? {
                Ok(done) => {
                    transaction.commit()?;
                    Ok(done)
                }
                Err(refusal) => {
                    transaction.abort()?;
                    Err(refusal)
                }
            })
        })?
    }

    fn guarded<T>(&self, database: &Arc<Database>, act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Refusal> {
        let why = match catch_unwind(AssertUnwindSafe(act)) {
            Ok(Ok(done)) => return Ok(done),
            // A disk that was full for a moment: it is told once, and nothing in the file is wrong.
            Ok(Err(Failure(error @ (redb::Error::Io(_) | redb::Error::PreviousIo)))) => {
                self.give_up(database);
                error.to_string()
            }
            Ok(Err(Failure(error))) => error.to_string(),
            Err(_) => "it is damaged".to_owned(),
        };
        let why = format!("`{}` cannot be used: {why}", self.path.display());
        self.tell.tell(Notice::FactsRefused(&why));
        Err(Refusal::unavailable("the facts of the plugin cannot be used at this moment"))
    }

    pub(super) fn get(&self, tenant: &str, name: &str) -> Result<Option<Fact>, Refusal> {
        self.read(None, |transaction| {
            let Some(number) = transaction.open_table(NAMES)?.get((tenant, name))? else { return Ok(None) };
            let facts = transaction.open_table(FACTS)?;
            Ok(facts.get(number.value())?.and_then(|kept| fact(kept.value())))
        })
    }

    /// Names from `after` on that begin with `prefix`, in their order.
    pub(super) fn list(
        &self,
        tenant: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, Refusal> {
        self.read(Vec::new(), |transaction| {
            let known = transaction.open_table(NAMES)?;
            let from = after.map_or(prefix, |after| after.max(prefix));
            let mut names = Vec::new();
            for entry in known.range((tenant, from)..)? {
                let (key, _) = entry?;
                let (of, name) = key.value();
                if of != tenant || names.len() >= limit || !(name.starts_with(prefix) || name < prefix) {
                    break;
                }
                if after != Some(name) {
                    names.push(name.to_owned());
                }
            }
            Ok(names)
        })
    }

    pub(super) fn taken(&self, tenant: &str) -> Result<Taken, Refusal> {
        self.read(Taken::default(), |transaction| {
            let taken = transaction.open_table(TAKEN)?.get(tenant)?.map(|taken| taken.value()).unwrap_or_default();
            Ok(Taken { facts: taken.0, bytes: taken.1 })
        })
    }

    /// Writes all of them, or none. What a fact was marked and annotated with before stays.
    ///
    /// # Errors
    /// `quota_exceeded`.
    pub(super) fn put(&self, tenant: &str, facts: &[(&str, &Value)], at: i64) -> Result<(), Refusal> {
        self.write(|transaction| {
            for (name, value) in facts {
                let changed = change(transaction, tenant, name, |before| {
                    let (mark, note) = before.map_or((None, None), |before| (before.mark, before.note));
                    Some(Fact { value: (*value).clone(), written_at: at, mark, note })
                })?;
                if changed.is_err() {
                    return Ok(changed);
                }
            }
            Ok(Ok(()))
        })
    }

    /// Whether there was one.
    pub(super) fn delete(&self, tenant: &str, name: &str) -> Result<bool, Refusal> {
        if self.get(tenant, name)?.is_none() {
            return Ok(false);
        }
        self.write(|transaction| change(transaction, tenant, name, |_| None)).map(|()| true)
    }

    /// Changes what a plugin says of a fact that is there.
    ///
    /// # Errors
    /// `not_found`; `quota_exceeded`.
    pub(super) fn mark(&self, tenant: &str, name: &str, mark: impl FnOnce(&mut Fact)) -> Result<(), Refusal> {
        let missing = || Refusal::Failed(Why::NotFound, "there is no fact of that name".to_owned());
        self.get(tenant, name)?.ok_or_else(missing)?;
        let marked = |mut fact: Fact| {
            mark(&mut fact);
            fact
        };
        self.write(|transaction| change(transaction, tenant, name, |before| before.map(marked)))
    }

    /// The facts that have every word of a query, ranked: so many of them, and so many bytes of their values.
    pub(super) fn search(
        &self,
        tenant: &str,
        query: &str,
        (limit, bytes): (usize, usize),
    ) -> Result<Vec<(String, Fact)>, Refusal> {
        let asked = of_text(query);
        let Some(first) = asked.iter().max_by_key(|word| word.len()) else { return Ok(Vec::new()) };
        let _searching = waited(&self.searching)?;
        self.read(Vec::new(), |transaction| {
            let (facts, words) = (transaction.open_table(FACTS)?, transaction.open_table(WORDS)?);
            // The last of those that would be shown is at its top.
            let mut found = BinaryHeap::new();
            'facts: for entry in words.range((tenant, first.as_str(), 0)..)? {
                let (key, _) = entry?;
                let (of, word, number) = key.value();
                if of != tenant || word != first {
                    break;
                }
                for other in asked.iter().filter(|other| *other != first) {
                    if words.get((tenant, other.as_str(), number))?.is_none() {
                        continue 'facts;
                    }
                }
                let Some(kept) = facts.get(number)? else { continue };
                let (name, written_at, mark, ..) = kept.value();
                found.push(Rank { mark, written_at: std::cmp::Reverse(written_at), name: name.to_owned(), number });
                if found.len() > limit {
                    found.pop();
                }
            }
            let (mut shown, mut left) = (Vec::new(), bytes);
            for Rank { name, number, .. } in found.into_sorted_vec() {
                let Some(kept) = facts.get(number)? else { continue };
                let (.., value) = kept.value();
                // No more is read than an answer holds.
                let Some(less) = left.checked_sub(value.len()) else { break };
                left = less;
                shown.extend(fact(kept.value()).map(|fact| (name, fact)));
            }
            Ok(shown)
        })
    }
}

/// One fact, its words and what is counted of it.
fn change(
    transaction: &redb::WriteTransaction,
    tenant: &str,
    name: &str,
    changed: impl FnOnce(Option<Fact>) -> Option<Fact>,
) -> Result<Result<(), Refusal>, Failure> {
    let mut names = transaction.open_table(NAMES)?;
    let mut facts = transaction.open_table(FACTS)?;
    let mut words = transaction.open_table(WORDS)?;
    let mut taken = transaction.open_table(TAKEN)?;
    let (mut count, mut bytes) = taken.get(tenant)?.map(|taken| taken.value()).unwrap_or_default();
    let number = names.get((tenant, name))?.map(|number| number.value());
    let before = match number {
        Some(number) => facts.remove(number)?.and_then(|kept| fact(kept.value())),
        None => None,
    };
    if let (Some(number), Some(before)) = (number, &before) {
        let text = serde_json::to_vec(&before.value).unwrap_or_default();
        let found_by = of_fact(name, &before.value);
        count = count.saturating_sub(1);
        bytes = bytes.saturating_sub(size(tenant, name, before.note.as_deref(), &text, &found_by));
        for word in found_by {
            words.remove((tenant, word.as_str(), number))?;
        }
    }
    match changed(before) {
        None => {
            names.remove((tenant, name))?;
        }
        Some(after) => {
            let Ok(text) = serde_json::to_vec(&after.value) else {
                return Ok(Err(Refusal::invalid("the value cannot be written")));
            };
            let found_by = of_fact(name, &after.value);
            count += 1;
            bytes += size(tenant, name, after.note.as_deref(), &text, &found_by);
            if count > MAX_FACTS || bytes > MAX_FACTS_BYTES {
                let most =
                    format!("a plugin keeps at most {MAX_FACTS} facts and {MAX_FACTS_BYTES} bytes for one tenant");
                return Ok(Err(Refusal::Failed(Why::QuotaExceeded, most)));
            }
            let number = match number {
                Some(number) => number,
                None => next_number(transaction)?,
            };
            names.insert((tenant, name), number)?;
            let mark = Mark::number(after.mark);
            facts.insert(number, (name, after.written_at, mark, after.note.as_deref(), text.as_slice()))?;
            for word in found_by {
                words.insert((tenant, word.as_str(), number), ())?;
            }
        }
    }
    taken.insert(tenant, (count, bytes))?;
    Ok(Ok(()))
}

/// What a fact takes of what a plugin may keep.
fn size(tenant: &str, name: &str, note: Option<&str>, value: &[u8], words: &BTreeSet<String>) -> u64 {
    let entry = |bytes: usize| (bytes + tenant.len()) as u64 + ENTRY_BYTES;
    let words: u64 = words.iter().map(|word| entry(word.len())).sum();
    // The name stands in two of them.
    entry(name.len()) + entry(name.len() + note.map_or(0, str::len) + value.len()) + words
}

/// A number that no fact of the file has had.
fn next_number(transaction: &redb::WriteTransaction) -> Result<u64, Failure> {
    let mut about = transaction.open_table(ABOUT)?;
    let number = about.get(NEXT)?.map(|number| number.value()).unwrap_or_default();
    about.insert(NEXT, number + 1)?;
    Ok(number)
}

fn fact((_, written_at, mark, note, value): Kept<'_>) -> Option<Fact> {
    let value = serde_json::from_slice(value).ok()?;
    Some(Fact { value, written_at, mark: Mark::of_number(mark), note: note.map(str::to_owned) })
}

/// The file, by no link; nothing where there is none, unless it is to be made.
fn open(path: &Path, is_made: bool) -> std::io::Result<Option<File>> {
    let made = if is_made { OFlags::CREATE } else { OFlags::empty() };
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | made;
    match rustix::fs::open(path, flags, Mode::from_raw_mode(0o600)) {
        Err(rustix::io::Errno::NOENT) if !is_made => Ok(None),
        opened => {
            let file = File::from(opened?);
            let is_file = file.metadata()?.is_file();
            if is_file { Ok(Some(file)) } else { Err(std::io::Error::other("it is no regular file")) }
        }
    }
}

/// Why a file is not used.
enum NotBegun {
    /// Somebody else has it.
    IsOpen,
    /// In words.
    Unusable(String),
}

impl From<String> for NotBegun {
    fn from(why: String) -> Self {
        Self::Unusable(why)
    }
}

/// # Errors
/// Why it is not used.
fn begin(file: File) -> Result<Database, NotBegun> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    let opened = FileBackend::new(file).and_then(|file| builder.create_with_backend(file));
    let database = opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => NotBegun::IsOpen,
        error => NotBegun::Unusable(error.to_string()),
    })?;
    let schema = (|| -> Result<Option<u64>, Failure> {
        match database.begin_read()?.open_table(ABOUT) {
            Ok(about) => Ok(about.get("schema")?.map(|schema| schema.value())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })();
    match schema.map_err(|Failure(error)| error.to_string())? {
        Some(SCHEMA) => Ok(database),
        Some(other) => Err(format!("its form is {other}, and this host knows {SCHEMA}").into()),
        None => make(&database).map(|()| database).map_err(|Failure(error)| error.to_string().into()),
    }
}

/// What every file has.
fn make(database: &Database) -> Result<(), Failure> {
    let transaction = database.begin_write()?;
    transaction.open_table(ABOUT)?.insert("schema", SCHEMA)?;
    transaction.open_table(NAMES)?;
    transaction.open_table(FACTS)?;
    transaction.open_table(WORDS)?;
    transaction.open_table(TAKEN)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests;
