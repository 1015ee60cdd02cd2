//! `audit.read`: the lines that a plugin may see, the newest first.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use memchr::memmem::Finder;
use serde_json::{Value, json};

use super::event::{Line, MAX_LINE_BYTES};
use super::log::AuditLog;
use crate::asking::{Asking, Handle, no_method};
use crate::caller::Caller;
use crate::granted::Granted;
use crate::patience::waited;
use crate::refusal::Refusal;

/// Most lines of one answer.
const MAX_LINES: u64 = 200;
/// How many there are where nobody says.
const LINES: u64 = 50;
/// Most bytes of the log that are looked at for one answer; it says where the next one begins.
const MAX_SCANNED_BYTES: u64 = 1 << 20;
/// Most bytes of the lines in one answer.
const MAX_SHOWN_BYTES: usize = 256 << 10;
/// So much is read at once.
const CHUNK: u64 = 256 << 10;

/// `audit.read`.
#[derive(Debug)]
pub(crate) struct AuditReader {
    log: AuditLog,
    /// Plugins that see every line, because an operator says so.
    all: BTreeSet<String>,
}

impl AuditReader {
    pub(crate) fn of(log: AuditLog, all: BTreeSet<String>) -> Self {
        Self { log, all }
    }

    /// Its own lines of calls for the same tenant, and every line of the tenant that it is called for.
    fn shows(&self, line: &Line, plugin: &Granted, caller: &Caller) -> bool {
        let is_own = line.plugin == plugin.id && line.signers == plugin.line && line.tenant == caller.tenant;
        let is_of_tenant = caller.tenant.is_some() && line.tenant == caller.tenant;
        is_own || is_of_tenant || self.all.contains(&plugin.id)
    }

    /// What stands in every line that may be shown, as it is written; nothing where every line may be. A line without is not
    /// read: most are others', and to read one costs a hundred times what it costs to look for this.
    fn marks(&self, plugin: &Granted, caller: &Caller) -> Option<Vec<Finder<'static>>> {
        if self.all.contains(&plugin.id) {
            return None;
        }
        let mark = |field: &str, value: &str| Finder::new(&format!("\"{field}\":{}", json!(value))).into_owned();
        let tenant = caller.tenant.as_ref().map(|tenant| mark("tenant", tenant.as_str()));
        Some([mark("plugin", &plugin.id)].into_iter().chain(tenant).collect())
    }

    /// One at a time for each plugin: it is the host that looks through the log, for as long as a plugin asks it to.
    fn read(&self, asking: &Asking<'_>, limit: u64, before: Option<u64>) -> Result<Value, Refusal> {
        let _reading = waited(&asking.plugin.reading)?;
        let marks = self.marks(asking.plugin, asking.caller);
        let may_show =
            |text: &[u8]| marks.as_ref().is_none_or(|marks| marks.iter().any(|mark| mark.find(text).is_some()));
        let unreadable = |_| Refusal::unavailable("the audit log cannot be read");
        let (mut shown, mut bytes, mut scanned, mut next) = (Vec::new(), 0, 0, None);
        'files: for file in self.log.files()? {
            let mut lines = Backwards::from(&file, before).map_err(unreadable)?;
            while let Some(text) = lines.next_line().map_err(unreadable)? {
                scanned += text.len() as u64;
                let is_over = scanned > MAX_SCANNED_BYTES;
                if !is_over && !may_show(&text) {
                    continue;
                }
                let Ok(line) = serde_json::from_slice::<Line>(&text) else { continue };
                let number = line.line;
                if before.is_some_and(|before| number >= before) {
                    continue;
                }
                let is_shown = self.shows(&line, asking.plugin, asking.caller);
                let is_full = shown.len() as u64 >= limit || bytes + text.len() > MAX_SHOWN_BYTES;
                if (is_shown && is_full && !shown.is_empty()) || is_over {
                    next = Some(number + 1);
                    break 'files;
                }
                if is_shown {
                    bytes += text.len();
                    shown.push(line);
                }
            }
        }
        Ok(json!({ "lines": shown, "before": next }))
    }
}

impl Handle for AuditReader {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        if asking.method != "read" {
            return Err(no_method(&["read"]));
        }
        let arguments = asking.arguments(&["limit", "before"])?;
        let limit = arguments.number("limit", 1..=MAX_LINES)?.unwrap_or(LINES);
        self.read(asking, limit, arguments.number("before", 1..=u64::MAX)?)
    }
}

/// The lines of a file, the last one first.
struct Backwards<'a> {
    file: &'a File,
    /// Where what is held begins in the file.
    begin: u64,
    held: Vec<u8>,
}

impl<'a> Backwards<'a> {
    /// From the line with that number on, or from the end.
    fn from(file: &'a File, before: Option<u64>) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let begin = match before {
            None => length,
            Some(before) => end_before(file, length, before)?,
        };
        Ok(Self { file, begin, held: Vec::new() })
    }

    /// Without its end. What is longer than any line of ours is none.
    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if self.held.last() == Some(&b'\n') {
                self.held.pop();
            }
            if let Some(at) = self.held.iter().rposition(|byte| *byte == b'\n') {
                return Ok(Some(self.held.split_off(at + 1)));
            }
            if self.begin == 0 {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty()).then_some(line));
            }
            if self.held.len() > MAX_LINE_BYTES + 1 {
                self.held.clear();
            }
            let from = self.begin.saturating_sub(CHUNK);
            let mut chunk = vec![0; usize::try_from(self.begin - from).map_err(io::Error::other)?];
            self.file.read_exact_at(&mut chunk, from)?;
            chunk.append(&mut self.held);
            (self.begin, self.held) = (from, chunk);
        }
    }
}

/// Where the lines end whose numbers are smaller: they stand in their order.
fn end_before(file: &File, length: u64, before: u64) -> io::Result<u64> {
    let (mut low, mut high) = (0, length);
    // As long as there is more between them than is looked through in any case.
    while high - low > CHUNK {
        let middle = low + (high - low) / 2;
        match number_behind(file, middle, high)? {
            Some(number) if number < before => low = middle,
            _ => high = middle,
        }
    }
    // The line that begins before `high` may end behind it.
    Ok(length.min(high + 2 * MAX_LINE_BYTES as u64))
}

/// The number of the first whole line behind a place.
fn number_behind(file: &File, place: u64, end: u64) -> io::Result<Option<u64>> {
    let most = (end - place).min(3 * MAX_LINE_BYTES as u64);
    let mut text = vec![0; usize::try_from(most).map_err(io::Error::other)?];
    file.read_exact_at(&mut text, place)?;
    let mut lines = text.split(|byte| *byte == b'\n').skip(1);
    Ok(lines.find_map(|line| serde_json::from_slice::<Line>(line).ok()).map(|line| line.line))
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;
    use serde_json::Map;

    use super::super::event::{Event, Outcome};
    use super::super::log::By;
    use super::*;
    use crate::caller::CallerKind;

    pub(in super::super) fn granted(id: &str, line: &str) -> Granted {
        crate::facts::granted_for_tests(id, line, "audit.read")
    }

    pub(in super::super) fn caller(tenant: Option<&str>) -> Caller {
        let tenant = tenant.map(|name| name.parse().expect("a name"));
        Caller { kind: CallerKind::Token, name: "ops".to_owned(), tenant, request_id: None }
    }

    fn write(log: &AuditLog, plugin: &Granted, tenant: Option<&str>, bytes: usize) -> u64 {
        let mut metadata = Map::new();
        metadata.insert("text".to_owned(), "a".repeat(bytes).into());
        let event = Event { event: "told", target: None, outcome: Outcome::Success, metadata: &metadata };
        log.write(By::Host, plugin, &caller(tenant), &event, Timestamp::UNIX_EPOCH).expect("written")
    }

    fn numbers(
        reader: &AuditReader,
        plugin: &Granted,
        tenant: Option<&str>,
        limit: u64,
        before: Option<u64>,
    ) -> (Vec<u64>, Option<u64>) {
        let page = page(reader, plugin, tenant, limit, before).expect("read");
        let lines = page["lines"].as_array().expect("lines").iter();
        (lines.map(|line| line["line"].as_u64().expect("a number")).collect(), page["before"].as_u64())
    }

    fn page(
        reader: &AuditReader,
        plugin: &Granted,
        tenant: Option<&str>,
        limit: u64,
        before: Option<u64>,
    ) -> Result<Value, Refusal> {
        let (given, caller) = (Map::new(), caller(tenant));
        let stop = std::sync::atomic::AtomicBool::new(false);
        let waiting = crate::asking::Waiting::begin(std::time::Duration::from_secs(1), &stop);
        let asking = Asking {
            plugin,
            caller: &caller,
            waiting,
            capability: aisoc_manifests::capability::Capability::AuditRead,
            method: "read",
            given: &given,
        };
        reader.read(&asking, limit, before)
    }

    /// Whose lines they are is seen before they are read, and so much of the log is looked through for one answer.
    #[test]
    fn lines_of_others_are_passed_over_a_mebibyte_at_a_time_by_one_at_a_time() {
        let place = tempfile::tempdir().expect("a directory");
        let log = AuditLog::open(place.path(), std::sync::Arc::new(|_| ())).expect("opened");
        let [one, other] = [("one", "a"), ("other", "b")].map(|(id, line)| granted(id, line));
        write(&log, &one, None, 1);
        // What another plugin writes may hold what the lines of this one hold.
        let mut metadata = Map::new();
        metadata.insert("plugin".to_owned(), "one".into());
        metadata.insert("text".to_owned(), "a".repeat(8_000).into());
        let event = Event { event: "told", target: None, outcome: Outcome::Success, metadata: &metadata };
        let lines = 3 * MAX_SCANNED_BYTES / 8_200;
        for _ in 0..lines {
            log.write(By::Host, &other, &caller(None), &event, Timestamp::UNIX_EPOCH).expect("written");
        }
        let reader = AuditReader::of(log, BTreeSet::new());
        let (mut before, mut pages) = (None, 0);
        loop {
            let (seen, next) = numbers(&reader, &one, None, 200, before);
            pages += 1;
            let Some(next) = next else {
                assert_eq!(seen, [1], "its own line, behind all of the others'");
                break;
            };
            assert!(seen.is_empty() && before.is_none_or(|before| next < before), "{next}");
            before = Some(next);
        }
        assert!((3..=4).contains(&pages), "{pages}");
        let _reading = one.reading.lock().expect("free");
        let refused = page(&reader, &one, None, 1, None).expect_err("somebody reads for it");
        assert!(matches!(refused, Refusal::Failed(crate::Why::Unavailable, _)));
        page(&reader, &other, None, 1, None).expect("others are not in its way");
    }

    #[test]
    fn a_plugin_sees_its_own_lines_and_those_of_the_tenant_that_it_is_called_for() {
        let place = tempfile::tempdir().expect("a directory");
        let log = AuditLog::open(place.path(), std::sync::Arc::new(|_| ())).expect("opened");
        let [one, namesake, other] = [("one", "a"), ("one", "b"), ("other", "c")].map(|(id, line)| granted(id, line));
        for plugin in [&one, &namesake, &other] {
            for tenant in [None, Some("acme"), Some("globex")] {
                write(&log, plugin, tenant, 1);
            }
        }
        let reader = AuditReader::of(log.clone(), BTreeSet::from(["other".to_owned()]));
        for (tenant, expected) in [(None, vec![1]), (Some("acme"), vec![8, 5, 2]), (Some("none"), vec![])] {
            assert_eq!(numbers(&reader, &one, tenant, 100, None).0, expected, "{tenant:?}");
        }
        assert_eq!(numbers(&reader, &other, None, 100, None).0, [9, 8, 7, 6, 5, 4, 3, 2, 1], "as the operator says");
    }

    #[test]
    fn every_line_is_on_one_page() {
        let place = tempfile::tempdir().expect("a directory");
        let log = AuditLog::open(place.path(), std::sync::Arc::new(|_| ())).expect("opened");
        let (one, reader) = (granted("one", "a"), AuditReader::of(log.clone(), BTreeSet::new()));
        let sizes = (0..500).map(|number| if number % 50 == 0 { 8000 } else { number % 900 });
        let last = sizes.map(|bytes| write(&log, &one, None, bytes)).last().expect("written");
        for limit in [1, 7, 200] {
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let (numbers, next) = numbers(&reader, &one, None, limit, before);
                assert!(numbers.len() as u64 <= limit);
                seen.extend(numbers);
                before = next;
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(seen, (1..=last).rev().collect::<Vec<_>>(), "{limit}");
        }
        for before in 1..=last + 1 {
            let (seen, _) = numbers(&reader, &one, None, 2, Some(before));
            let expected: Vec<u64> = (1..before).rev().take(2).collect();
            assert_eq!(seen, expected, "before {before}");
        }
    }
}
