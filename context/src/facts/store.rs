//! `Store`: the facts of one plugin of one line of signers, in a file of their own.
//!
//! A transaction is on the disk before whoever writes is told so; a crash before that leaves what was there before.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::words::{of_fact, of_text};
use crate::patience::waited;
use crate::refusal::{Refusal, Why};

/// Most facts of a plugin for one tenant.
pub(super) const MAX_FACTS: u64 = 20_000;
/// Most bytes of them, with their names and what is noted of them.
pub(super) const MAX_FACTS_BYTES: u64 = 16 << 20;
/// What is held in memory of the file of one plugin.
const CACHE_BYTES: usize = 4 << 20;
/// The form of the files.
const SCHEMA: u64 = 1;

const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
/// By tenant and name.
const FACTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("facts");
/// By tenant, word and name.
const WORDS: TableDefinition<'_, (&str, &str, &str), ()> = TableDefinition::new("words");
/// By tenant: how many facts, and how many bytes.
const TAKEN: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("taken");

/// How a plugin ranks a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    Pinned,
    Demoted,
}

/// A fact, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fact {
    pub(super) value: Value,
    /// Microseconds since 1970.
    pub(super) written_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

impl Fact {
    /// Pinned first, demoted last; of those that are alike the newest.
    fn rank(&self) -> (u8, std::cmp::Reverse<i64>) {
        let mark = match self.mark {
            Some(Mark::Pinned) => 0,
            None => 1,
            Some(Mark::Demoted) => 2,
        };
        (mark, std::cmp::Reverse(self.written_at))
    }
}

/// What is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) facts: u64,
    pub(super) bytes: u64,
}

/// Told why a file is not opened.
pub(crate) type Tell = dyn Fn(&str) + Send + Sync;

/// The facts of one plugin.
pub(crate) struct Store {
    path: PathBuf,
    opened: OnceLock<Database>,
    opening: Mutex<()>,
    /// Held by whoever writes.
    writing: Mutex<()>,
    tell: Arc<Tell>,
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
        Self { path, opened: OnceLock::new(), opening: Mutex::default(), writing: Mutex::default(), tell }
    }

    /// The file; nothing where there is none, unless it is to be made.
    fn database(&self, is_made: bool) -> Result<Option<&Database>, Refusal> {
        if let Some(database) = self.opened.get() {
            return Ok(Some(database));
        }
        let _opening = waited(&self.opening)?;
        if let Some(database) = self.opened.get() {
            return Ok(Some(database));
        }
        let refused = |why: &str| {
            (self.tell)(&format!("`{}` is not opened, and left as it is: {why}", self.path.display()));
            Refusal::unavailable("the facts of the plugin cannot be opened")
        };
        let Some(file) = open(&self.path, is_made).map_err(|error| refused(&error.to_string()))? else {
            return Ok(None);
        };
        // What is no such file makes its reader stumble at any place.
        let opened = catch_unwind(AssertUnwindSafe(|| begin(file)));
        let database = opened.unwrap_or_else(|_| Err("it is damaged".to_owned())).map_err(|why| refused(&why))?;
        Ok(Some(self.opened.get_or_init(|| database)))
    }

    /// What comes of reading; what is said for nothing where there is no file.
    fn read<T>(
        &self,
        nothing: T,
        read: impl FnOnce(&redb::ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, Refusal> {
        let Some(database) = self.database(false)? else { return Ok(nothing) };
        self.guarded(|| read(&database.begin_read()?))
    }

    /// What comes of writing, once it is on the disk. A refusal leaves everything as it was.
    fn write<T>(
        &self,
        write: impl FnOnce(&redb::WriteTransaction) -> Result<Result<T, Refusal>, Failure>,
    ) -> Result<T, Refusal> {
        let Some(database) = self.database(true)? else { return Err(Refusal::unavailable("there is no file")) };
        let _writing = waited(&self.writing)?;
        self.guarded(|| {
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

    fn guarded<T>(&self, act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Refusal> {
        let why = match catch_unwind(AssertUnwindSafe(act)) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(Failure(error))) => error.to_string(),
            Err(_) => "it is damaged".to_owned(),
        };
        (self.tell)(&format!("`{}` cannot be used: {why}", self.path.display()));
        Err(Refusal::unavailable("the facts of the plugin cannot be used at this moment"))
    }

    pub(super) fn get(&self, tenant: &str, name: &str) -> Result<Option<Fact>, Refusal> {
        self.read(None, |transaction| {
            let facts = transaction.open_table(FACTS)?;
            Ok(facts.get((tenant, name))?.and_then(|bytes| fact(bytes.value())))
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
            let facts = transaction.open_table(FACTS)?;
            let from = after.map_or(prefix, |after| after.max(prefix));
            let mut names = Vec::new();
            for entry in facts.range((tenant, from)..)? {
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

    /// The facts that have every word of a query, ranked.
    pub(super) fn search(&self, tenant: &str, query: &str, limit: usize) -> Result<Vec<(String, Fact)>, Refusal> {
        let asked = of_text(query);
        let Some(first) = asked.iter().max_by_key(|word| word.len()) else { return Ok(Vec::new()) };
        self.read(Vec::new(), |transaction| {
            let (facts, words) = (transaction.open_table(FACTS)?, transaction.open_table(WORDS)?);
            let mut found = Vec::new();
            'names: for entry in words.range((tenant, first.as_str(), "")..)? {
                let (key, _) = entry?;
                let (of, word, name) = key.value();
                if of != tenant || word != first {
                    break;
                }
                for other in asked.iter().filter(|other| *other != first) {
                    if words.get((tenant, other.as_str(), name))?.is_none() {
                        continue 'names;
                    }
                }
                if let Some(fact) = facts.get((tenant, name))?.and_then(|bytes| fact(bytes.value())) {
                    found.push((name.to_owned(), fact));
                }
            }
            found.sort_by(|(one, fact), (other, than)| fact.rank().cmp(&than.rank()).then_with(|| one.cmp(other)));
            found.truncate(limit);
            Ok(found)
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
    let mut facts = transaction.open_table(FACTS)?;
    let mut words = transaction.open_table(WORDS)?;
    let mut taken = transaction.open_table(TAKEN)?;
    let (mut count, mut bytes) = taken.get(tenant)?.map(|taken| taken.value()).unwrap_or_default();
    let before = facts.remove((tenant, name))?.map(|found| found.value().to_vec());
    if let Some(before) = &before {
        count = count.saturating_sub(1);
        bytes = bytes.saturating_sub((name.len() + before.len()) as u64);
    }
    let before = before.as_deref().and_then(fact);
    for word in before.iter().flat_map(|before| of_fact(name, &before.value)) {
        words.remove((tenant, word.as_str(), name))?;
    }
    if let Some(after) = changed(before) {
        let Ok(text) = serde_json::to_vec(&after) else {
            return Ok(Err(Refusal::invalid("the value cannot be written")));
        };
        count += 1;
        bytes += (name.len() + text.len()) as u64;
        if count > MAX_FACTS || bytes > MAX_FACTS_BYTES {
            let most = format!("a plugin keeps at most {MAX_FACTS} facts and {MAX_FACTS_BYTES} bytes for one tenant");
            return Ok(Err(Refusal::Failed(Why::QuotaExceeded, most)));
        }
        facts.insert((tenant, name), text.as_slice())?;
        for word in of_fact(name, &after.value) {
            words.insert((tenant, word.as_str(), name), ())?;
        }
    }
    taken.insert(tenant, (count, bytes))?;
    Ok(Ok(()))
}

fn fact(bytes: &[u8]) -> Option<Fact> {
    serde_json::from_slice(bytes).ok()
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

/// # Errors
/// Why it is not used.
fn begin(file: File) -> Result<Database, String> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    let opened = FileBackend::new(file).and_then(|file| builder.create_with_backend(file));
    let database = opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => "another host has it".to_owned(),
        error => error.to_string(),
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
        Some(other) => Err(format!("its form is {other}, and this host knows {SCHEMA}")),
        None => make(&database).map(|()| database).map_err(|Failure(error)| error.to_string()),
    }
}

/// What every file has.
fn make(database: &Database) -> Result<(), Failure> {
    let transaction = database.begin_write()?;
    transaction.open_table(ABOUT)?.insert("schema", SCHEMA)?;
    transaction.open_table(FACTS)?;
    transaction.open_table(WORDS)?;
    transaction.open_table(TAKEN)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    fn store(place: &Path) -> (Store, Arc<Mutex<Vec<String>>>) {
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&said);
        let tell = Arc::new(move |why: &str| told.lock().expect("no panic").push(why.to_owned()));
        (Store::at(place.join("demo.redb"), tell), said)
    }

    fn put(store: &Store, tenant: &str, name: &str, value: Value) {
        store.put(tenant, &[(name, &value)], 0).expect("there is room");
    }

    fn names(store: &Store, tenant: &str, query: &str) -> Vec<String> {
        store.search(tenant, query, 100).expect("read").into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_fact_is_of_one_tenant_and_is_there_for_the_next_host() {
        let place = tempfile::tempdir().expect("a directory");
        let (kept, _) = store(place.path());
        assert_eq!(kept.get("", "a"), Ok(None));
        assert!(!place.path().join("demo.redb").exists(), "reading makes no file");
        put(&kept, "", "a", json!(1));
        put(&kept, "acme", "a", json!("two"));
        put(&kept, "acme2", "b", json!("two"));
        drop(kept);
        let (kept, _) = store(place.path());
        let value = |tenant, name| kept.get(tenant, name).expect("read").map(|fact| fact.value);
        assert_eq!((value("", "a"), value("acme", "a"), value("acm", "a")), (Some(json!(1)), Some(json!("two")), None));
        assert_eq!(
            (names(&kept, "acme", "two"), names(&kept, "acme2", "two"), names(&kept, "", "two")),
            (vec!["a".to_owned()], vec!["b".to_owned()], vec![])
        );
        assert_eq!(kept.list("acme", "", None, 100), Ok(vec!["a".to_owned()]));
        assert_eq!(kept.delete("acme", "a"), Ok(true));
        assert_eq!(kept.delete("acme", "a"), Ok(false));
        assert_eq!((kept.taken("acme"), names(&kept, "acme", "two")), (Ok(Taken::default()), vec![]));
        assert_eq!(value("acme2", "b"), Some(json!("two")));
    }

    #[test]
    fn names_are_listed_in_their_order_a_page_at_a_time() {
        let place = tempfile::tempdir().expect("a directory");
        let (kept, _) = store(place.path());
        for name in ["b/2", "a", "b/1", "c", "b/3", "b"] {
            put(&kept, "", name, json!(name));
        }
        let list = |prefix, after, limit| kept.list("", prefix, after, limit).expect("read").join(" ");
        assert_eq!(list("", None, 100), "a b b/1 b/2 b/3 c");
        assert_eq!(list("b/", None, 2), "b/1 b/2");
        assert_eq!(list("b/", Some("b/2"), 2), "b/3");
        assert_eq!(list("b/", Some("a"), 100), "b/1 b/2 b/3");
        assert_eq!(list("b", Some("b/3"), 100), "");
        assert_eq!(list("x", None, 100), "");
    }

    #[test]
    fn what_is_found_has_every_word_and_is_ranked_as_the_plugin_says() {
        let place = tempfile::tempdir().expect("a directory");
        let (kept, _) = store(place.path());
        for (at, name) in ["old", "middle", "new"].into_iter().enumerate() {
            let at = i64::try_from(at).expect("few");
            kept.put("", &[(name, &json!({"kind": "scanner", "seen": name}))], at).expect("there is room");
        }
        assert_eq!(names(&kept, "", "Scanner"), ["new", "middle", "old"]);
        assert_eq!(names(&kept, "", "scanner OLD"), ["old"]);
        assert_eq!(names(&kept, "", "scanner never"), [""; 0]);
        assert_eq!(names(&kept, "", "scann"), [""; 0], "words are whole");
        kept.mark("", "old", |fact| fact.mark = Some(Mark::Pinned)).expect("there");
        kept.mark("", "new", |fact| fact.mark = Some(Mark::Demoted)).expect("there");
        kept.mark("", "middle", |fact| fact.note = Some("of a friend".to_owned())).expect("there");
        assert_eq!(names(&kept, "", "scanner"), ["old", "middle", "new"]);
        assert!(matches!(kept.mark("", "none", |_| ()), Err(Refusal::Failed(Why::NotFound, _))));
        // What is written again keeps its mark, and is found by its new words alone.
        kept.put("", &[("old", &json!("gone"))], 9).expect("there is room");
        assert_eq!(
            (names(&kept, "", "scanner"), names(&kept, "", "gone")),
            (vec!["middle".to_owned(), "new".to_owned()], vec!["old".to_owned()])
        );
        assert_eq!(kept.get("", "old").expect("read").and_then(|fact| fact.mark), Some(Mark::Pinned));
        assert_eq!(kept.search("", "scanner", 1).expect("read").len(), 1);
    }

    #[test]
    fn ten_thousand_facts_and_more_up_to_the_last_that_there_is_room_for() {
        let place = tempfile::tempdir().expect("a directory");
        let (kept, _) = store(place.path());
        let value = json!("of interest");
        let names: Vec<String> = (0..MAX_FACTS).map(|number| format!("fact-{number:05}")).collect();
        for names in names.chunks(500) {
            let facts: Vec<(&str, &Value)> = names.iter().map(|name| (name.as_str(), &value)).collect();
            kept.put("", &facts, 0).expect("there is room");
        }
        assert_eq!(kept.taken("").expect("read").facts, MAX_FACTS);
        let found = kept.search("", "interest 12345", 10).expect("read");
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["fact-12345"]);
        // All of what is written at once is refused with the one that is too much; what is there may change.
        let refused = kept.put("", &[("fact-00000", &json!("changed")), ("one-more", &value)], 0);
        assert!(matches!(refused, Err(Refusal::Failed(Why::QuotaExceeded, _))), "{refused:?}");
        assert_eq!(kept.get("", "fact-00000").expect("read").map(|fact| fact.value), Some(value.clone()));
        put(&kept, "", "fact-00000", json!("changed"));
        kept.put("acme", &[("one-more", &value)], 0).expect("another tenant has room");
        assert_eq!(kept.delete("", "fact-00001"), Ok(true));
        put(&kept, "", "one-more", value);
    }

    #[test]
    fn bytes_are_counted_as_facts_are() {
        let place = tempfile::tempdir().expect("a directory");
        let (kept, _) = store(place.path());
        let large = json!("a".repeat(60_000));
        put(&kept, "", "0000", large.clone());
        let each = kept.taken("").expect("read").bytes;
        let fits = MAX_FACTS_BYTES / each;
        for number in 1..fits {
            put(&kept, "", &format!("{number:04}"), large.clone());
        }
        let left = MAX_FACTS_BYTES - kept.taken("").expect("read").bytes;
        assert!(left < each);
        // What is left is filled to its last byte, and not beyond.
        let around = each - 60_000;
        let last = usize::try_from(left - around).expect("few");
        let refused = kept.put("", &[("9999", &json!("a".repeat(last + 1)))], 0);
        assert!(matches!(refused, Err(Refusal::Failed(Why::QuotaExceeded, _))), "{refused:?}");
        put(&kept, "", "9999", json!("a".repeat(last)));
        assert_eq!(kept.taken("").expect("read").bytes, MAX_FACTS_BYTES);
        kept.delete("", "9999").expect("there");
        assert_eq!(kept.taken("").expect("read").bytes, each * fits);
    }

    #[test]
    fn what_is_no_store_or_of_another_form_or_another_hosts_is_refused_and_left() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("demo.redb");
        let (kept, said) = store(place.path());
        put(&kept, "", "a", json!(1));
        // One at a time.
        let (other, said_to_other) = store(place.path());
        assert!(matches!(other.get("", "a"), Err(Refusal::Failed(Why::Unavailable, _))));
        assert!(said_to_other.lock().expect("no panic")[0].contains("another host has it"));
        assert_eq!(kept.get("", "a").expect("read").map(|fact| fact.value), Some(json!(1)));
        assert!(said.lock().expect("no panic").is_empty());
        drop((kept, other));

        let whole = fs::read(&path).expect("read");
        let mut damaged = Vec::new();
        for at in (0..whole.len()).step_by(4096).chain([0, 64, 128, 200]) {
            let mut bytes = whole.clone();
            let end = bytes.len().min(at + 16);
            bytes[at..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
            damaged.push(bytes);
        }
        damaged.extend([b"something else".to_vec(), whole[..whole.len() / 2].to_vec()]);
        let mut refused = 0;
        for bytes in damaged {
            fs::write(&path, &bytes).expect("written");
            let (kept, said) = store(place.path());
            match kept.get("", "a") {
                // Room that nothing is in may hold anything.
                Ok(fact) => assert_eq!(fact.map(|fact| fact.value), Some(json!(1)), "nothing wrong is told"),
                Err(refusal) => {
                    assert!(matches!(refusal, Refusal::Failed(Why::Unavailable, _)));
                    let words = said.lock().expect("no panic").join("\n");
                    assert!(words.contains("demo.redb"), "{words}");
                    assert!(fs::metadata(&path).expect("there").len() > 0, "nothing is made anew");
                    refused += 1;
                }
            }
        }
        assert!(refused > 3, "{refused}");

        fs::write(&path, &whole).expect("written");
        let database = Database::create(&path).expect("opened");
        let transaction = database.begin_write().expect("begun");
        transaction.open_table(ABOUT).expect("there").insert("schema", SCHEMA + 1).expect("written");
        transaction.commit().expect("written");
        drop(database);
        let (kept, said) = store(place.path());
        assert!(matches!(kept.put("", &[("a", &json!(2))], 0), Err(Refusal::Failed(Why::Unavailable, _))));
        assert!(said.lock().expect("no panic")[0].contains("its form is 2, and this host knows 1"));
        std::os::unix::fs::symlink(&path, place.path().join("link")).expect("linked");
        assert!(open(&place.path().join("link"), true).is_err(), "a link is no file of ours");
    }
}
