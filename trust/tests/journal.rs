//! What a journal holds against: every change to its files, every moment of a kill, and hands that add lines.
//! One file, and long: every test goes by one keyring whose files it changes, `Keyring`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_trust::journal::{
    Action, Entry, HeldDirectory, JournalMemory, JournalPlace, JournalTime, Reading, Standing, Summary, Writer,
};

/// As `aisoc help limits` has them.
const MAX_LINE_BYTES: usize = 65_536;
const MAX_JOURNAL_BYTES: u64 = 1_073_741_824;
const HASH: &str = "SHA256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";
const BY_HAND: &str =
    "2026-05-24T14:32:00+02:00\trevoke\tcapa.contrib.my_procedure\t-\t-\trevoked: see ticket OPS-1290\n";

/// A keyring with a journal of its own.
struct Keyring(tempfile::TempDir);

impl Keyring {
    fn new() -> Self {
        let keyring = Self(tempfile::tempdir().expect("a directory"));
        fs::create_dir(keyring.0.path().join(".aisoc")).expect("made");
        keyring
    }

    /// With a line for each of the keys.
    fn with(keys: &[&str]) -> Self {
        let keyring = Self::new();
        keyring.add(keys);
        keyring
    }

    fn place(&self) -> JournalPlace {
        let open = |path: &Path| HeldDirectory::open(path).expect("opened");
        JournalPlace::of_keys(open(self.0.path()).expect("there"), open(&self.0.path().join(".aisoc")))
    }

    fn add(&self, keys: &[&str]) {
        let place = self.place();
        let mut journal = place.open().expect("it holds");
        for key in keys {
            journal.append(&entry(key), &writer()).expect("appended");
        }
    }

    /// As [`Keyring::add`], of all of them at once.
    fn add_all(&self, keys: &[&str]) {
        let entries: Vec<Entry> = keys.iter().map(|key| entry(key)).collect();
        self.place().open().expect("it holds").append_all(&entries, &writer()).expect("appended");
    }

    fn files(&self) -> [PathBuf; 3] {
        let place = self.place();
        [place.path(), place.chain_path(), place.head_path().expect("a place")]
    }

    fn texts(&self) -> [String; 3] {
        self.files().map(|path| fs::read_to_string(path).unwrap_or_default())
    }

    fn set(&self, texts: &[impl AsRef<[u8]>; 3]) {
        for (path, text) in self.files().iter().zip(texts) {
            fs::write(path, text).expect("written");
        }
    }

    fn by_hand(&self, lines: &str) {
        let path = &self.files()[0];
        fs::write(path, fs::read_to_string(path).unwrap_or_default() + lines).expect("written");
    }

    fn reading(&self) -> Reading {
        self.place().read(|_| Ok(())).expect("read")
    }

    fn summary(&self) -> Summary {
        let Reading { summary, broken, .. } = self.reading();
        assert!(broken.is_none(), "{broken:?}");
        summary
    }

    /// Why it does not hold; the next line is refused for the same.
    fn broken(&self) -> Fault {
        let broken = self.reading().broken.expect("it is seen");
        let before = self.texts();
        let refused = self.place().open().expect_err("no line on top of it");
        assert_eq!((broken.reason(), refused.to_string()), (Reason::JournalBroken, broken.to_string()));
        assert_eq!(self.texts(), before, "nothing is written");
        broken
    }
}

fn entry(id: &str) -> Entry {
    Entry {
        at: JournalTime::utc(jiff::Timestamp::UNIX_EPOCH),
        action: Action::KeyAdd,
        id: Some(id.to_owned()),
        version: None,
        hash: Some(HASH.to_owned()),
        reason: Some("new\tkey".to_owned()),
    }
}

fn writer() -> Writer {
    Writer { user: Some("uid 1000 (ada)".to_owned()), host: Some("bench".to_owned()), run: None, because: None }
}

/// What the message names, which is a path, a line and words.
fn said(fault: &Fault) -> String {
    let text = format!("{fault:?}");
    text.rsplit_once('/').map_or(text.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn a_line_is_six_columns_and_its_writer_stands_beside_it() {
    let keyring = Keyring::with(&["a", "b"]);
    let [journal, chain, head] = keyring.texts();
    let line = |id| format!("1970-01-01T00:00:00.000000+00:00\tkey-add\t{id}\t-\t{HASH}\tnew\\tkey\n");
    assert_eq!(journal, line("a") + &line("b"));
    let newest = keyring.summary().newest.expect("two lines");
    assert_eq!(head, format!("2\t{}\n", newest.hash));
    let chain: Vec<&str> = chain.lines().collect();
    assert_eq!(chain[1], format!("2\t{}\tuid 1000 (ada)\tbench\t-", newest.hash));
    assert_eq!(chain.len(), 2);
}

#[test]
fn what_is_not_there_has_no_lines_and_is_no_fault() {
    let keyring = Keyring::new();
    let summary = keyring.summary();
    assert_eq!((summary.lines, summary.chained, summary.newest), (0, 0, None));
    keyring.place().open().expect("nothing to hold against");
    assert_eq!(keyring.texts().concat(), "", "and opening makes nothing");
}

#[test]
fn lines_that_were_added_by_hand_are_bound_by_the_next_one() {
    let keyring = Keyring::new();
    keyring.by_hand(BY_HAND);
    assert_eq!(keyring.summary().first_unchained, Some(1));
    keyring.add(&["a"]);
    keyring.by_hand(&BY_HAND.repeat(2));
    let summary = keyring.summary();
    assert_eq!((summary.lines, summary.chained, summary.first_unchained), (4, 1, Some(3)));
    keyring.add(&["b"]);
    let mut standings = Vec::new();
    keyring
        .place()
        .read(|seen| {
            assert_eq!(seen.number, standings.len() as u64 + 1);
            seen.entry().expect("a line");
            standings.push(match seen.standing {
                Standing::Written(by, link) => {
                    assert_eq!((by, link.number), (writer(), seen.number));
                    None
                }
                standing => Some(standing),
            });
            Ok(())
        })
        .expect("read");
    let by_hand = |bound_by| Some(Standing::BoundBy(bound_by));
    assert_eq!(standings, [by_hand(2), None, by_hand(5), by_hand(5), None]);
    // Bound is bound: now a change of one by hand is seen.
    let [journal, chain, head] = keyring.texts();
    keyring.set(&[journal.replace("OPS-1290", "OPS-1291"), chain, head]);
    assert!(said(&keyring.broken()).starts_with("keys.journal:1:1: this line, one behind it"));
}

/// Lines as bytes; a change is made of them and put together again.
type Change = fn(&mut Vec<String>);

#[test]
fn a_line_that_was_changed_removed_moved_inserted_or_cut_is_named() {
    let of_journal: [(&str, Change); 9] = [
        ("keys.journal:3:1: the line, or what the chain says of it, was changed", |lines| {
            lines[2] = lines[2].replace("key\n", "kex\n");
        }),
        ("keys.journal:3:1: the line that was written here was removed (expected line 3, found line 4)", |lines| {
            lines.remove(2);
        }),
        ("keys.journal:1:1: the line that was written here was removed (expected line 1, found line 2)", |lines| {
            lines.remove(0);
        }),
        ("keys.journal:2:1: 3 lines that were written here were removed (expected line 2, found line 5)", |lines| {
            lines.drain(1..4);
        }),
        ("keys.journal:2:1: lines were moved (expected line 2, found line 3)", |lines| lines.swap(1, 2)),
        ("keys.journal:1:1: lines were moved (expected line 1, found line 5)", |lines| lines.swap(0, 4)),
        ("keys.journal:4:1: a line was inserted", |lines| lines.insert(3, BY_HAND.to_owned())),
        ("keys.journal:5:1: the line was cut off (expected 5 lines, found 4 lines)", |lines| {
            lines.pop();
        }),
        ("keys.journal:3:1: this line and 2 more behind it were cut off (expected 5 lines, found 2 lines)", |lines| {
            lines.truncate(2);
        }),
    ];
    let of_chain: [(&str, Change); 7] = [
        ("keys.journal:2:1: the line, or what the chain says of it, was changed", |lines| {
            lines[1] = lines[1].replace("ada", "bob");
        }),
        ("keys.journal:3:1: this line, one behind it, or what the chain says of them was changed", |lines| {
            lines.remove(2);
        }),
        (
            "keys.journal.chain:3:1: the line does not follow the one before it (expected line 3 of the journal or a \
          later one, found line 2)",
            |lines| {
                let copy = lines[1].clone();
                lines.insert(2, copy);
            },
        ),
        ("keys.journal.chain:3:1: the line is none of a chain", |lines| lines.insert(2, "junk\n".to_owned())),
        ("keys.journal:3:1: the line, or what the chain says of it, was changed", |lines| {
            lines.insert(2, "junk\ttorn\n".to_owned());
        }),
        ("lines were cut off at the end of", |lines| {
            lines.pop();
        }),
        ("lines were cut off at the end of", Vec::clear),
    ];
    for (file, changes) in [(0, of_journal.as_slice()), (1, of_chain.as_slice())] {
        for (expected, change) in changes {
            let keyring = Keyring::with(&["a", "b", "c", "d", "e"]);
            let mut texts = keyring.texts();
            let mut lines: Vec<String> = texts[file].split_inclusive('\n').map(str::to_owned).collect();
            change(&mut lines);
            texts[file] = lines.concat();
            keyring.set(&texts);
            let broken = keyring.broken();
            let text = format!("{broken:?}");
            assert!(said(&broken).starts_with(expected) || text.contains(expected), "{expected}: {text}");
        }
    }
}

#[test]
fn a_tail_that_was_cut_off_both_files_is_seen_by_the_head() {
    let keyring = Keyring::with(&["a", "b", "c"]);
    let [journal, chain, head] = keyring.texts();
    let first = |text: &str, count: usize| text.split_inclusive('\n').take(count).collect::<String>();
    for count in [2, 1, 0] {
        keyring.set(&[first(&journal, count), first(&chain, count), head.clone()]);
        let text = format!("{:?}", keyring.broken());
        assert!(text.contains("expected line 3, sha256:"), "{text}");
    }
    // Another chain of the same length, which holds by itself.
    let other = Keyring::with(&["x", "y", "z"]);
    let [other_journal, other_chain, _] = other.texts();
    keyring.set(&[other_journal, other_chain, head.clone()]);
    assert!(format!("{:?}", keyring.broken()).contains("is another chain than before"));
    keyring.set(&[journal, chain, head[..head.len() - 1].to_owned()]);
    let [.., head_path] = keyring.files();
    let fault = keyring.place().read(|_| Ok(())).expect_err("no head");
    assert_eq!((fault.reason(), fault.message().contains("is no head")), (Reason::JournalBroken, true));
    fs::remove_file(head_path).expect("removed");
    assert!(format!("{:?}", keyring.broken()).contains("is gone"));
}

#[test]
fn every_byte_of_journal_and_chain_is_held() {
    let keyring = Keyring::with(&["a"]);
    keyring.by_hand(BY_HAND);
    keyring.add(&["b"]);
    let texts = keyring.texts();
    for file in [0, 1] {
        for at in 0..texts[file].len() {
            for bit in [1, 0x20] {
                let mut changed = texts.clone().map(String::into_bytes);
                changed[file][at] ^= bit;
                keyring.set(&changed);
                assert!(keyring.reading().broken.is_some(), "byte {at} of file {file}");
            }
        }
    }
}

/// Every state in which a kill, a power cut or a full disk can leave the three files: each write is there up to
/// some byte of it, and nothing behind it has begun.
fn interrupted(before: &[String; 3], after: &[String; 3]) -> Vec<[String; 3]> {
    let mut states = vec![before.clone()];
    for file in [0, 1] {
        for length in before[file].len()..=after[file].len() {
            let mut state = after.clone();
            state[file].truncate(length);
            state[file + 1..].clone_from_slice(&before[file + 1..]);
            states.push(state);
        }
    }
    states
}

#[test]
fn a_kill_at_any_byte_is_no_alarm_and_the_next_line_goes_on() {
    for begin in [[].as_slice(), &["a"], &["a", "b"]] {
        let keyring = Keyring::with(begin);
        let before = keyring.texts();
        keyring.add(&["interrupted"]);
        let states = interrupted(&before, &keyring.texts());
        assert!(states.len() > 200);
        // Every byte once; where a line stands in the files changes little of it.
        for state in states.iter().step_by(if begin.len() == 1 { 1 } else { 11 }) {
            keyring.set(state);
            if state[2].is_empty() {
                fs::remove_file(&keyring.files()[2]).expect("removed");
            }
            let summary = keyring.summary();
            let chained = summary.chained as usize;
            assert!(chained == begin.len() || chained == begin.len() + 1);
            assert!(summary.invalid.is_none(), "what is left of a line is nobody's mistake");
            assert_eq!(summary.first_unchained.is_some(), state[0].len() > before[0].len() && chained == begin.len());
            // A kill again, of the process that would mend it: nothing but the head is written before the next line.
            drop(keyring.place().open().expect("opened"));
            keyring.add(&["next", "last"]);
            let [journal, ..] = keyring.texts();
            assert!(journal.starts_with(&state[0]), "what was left stays");
            let summary = keyring.summary();
            assert_eq!((summary.first_unchained, summary.is_cut), (None, false));
            assert_eq!(summary.chained as usize, chained + 2);
            assert_eq!(summary.newest.map(|link| link.number), Some(summary.lines));
        }
    }
}

#[test]
fn many_lines_at_once_are_the_lines_that_they_are_one_by_one() {
    for begin in [[].as_slice(), &["a"]] {
        let (one_by_one, at_once) = (Keyring::with(begin), Keyring::with(begin));
        for keyring in [&one_by_one, &at_once] {
            keyring.by_hand(BY_HAND);
        }
        let keys = ["b", "c", "b", "d"];
        one_by_one.add(&keys);
        at_once.add_all(&keys);
        assert_eq!(one_by_one.texts(), at_once.texts());
        let before = at_once.texts();
        at_once.add_all(&[]);
        assert_eq!(at_once.texts(), before, "no line is no change");
        // Nothing of how they were written can be seen in what is read.
        let [first, second] = [&one_by_one, &at_once].map(|keyring| {
            let mut standings = Vec::new();
            let reading = keyring.place().read(|seen| {
                standings.push((seen.number, seen.standing));
                Ok(())
            });
            assert!(reading.expect("read").broken.is_none());
            standings
        });
        assert_eq!(first, second);
    }
}

#[test]
fn a_kill_among_many_lines_is_no_alarm_and_the_next_line_goes_on() {
    for begin in [[].as_slice(), &["a"]] {
        let keyring = Keyring::with(begin);
        // Without a head the first line goes alone.
        let mut turns = vec![keyring.texts()];
        if begin.is_empty() {
            keyring.add_all(&["b"]);
            turns.push(keyring.texts());
        }
        keyring.add_all(&["c", "d", "e"]);
        turns.push(keyring.texts());
        let states = turns.windows(2).flat_map(|turn| interrupted(&turn[0], &turn[1]));
        for state in states.step_by(7) {
            keyring.set(&state);
            if state[2].is_empty() && keyring.files()[2].exists() {
                fs::remove_file(&keyring.files()[2]).expect("removed");
            }
            assert!(keyring.summary().invalid.is_none(), "what is left of a line is nobody's mistake");
            drop(keyring.place().open().expect("opened"));
            keyring.add_all(&["next", "last"]);
            let summary = keyring.summary();
            assert_eq!((summary.first_unchained, summary.is_cut), (None, false));
            assert_eq!(summary.newest.map(|link| link.number), Some(summary.lines));
        }
    }
}

#[test]
fn a_line_by_hand_before_many_of_ours_is_bound_by_the_first_of_them() {
    // The last line of a file need not have an end: it gets one before ours.
    for end in ["\n", ""] {
        let keyring = Keyring::with(&["a"]);
        let place = keyring.place();
        let mut journal = place.open().expect("it holds");
        // Nobody has seen it yet, and it is the same as one of ours.
        keyring.by_hand(&format!("{}{end}", entry("b")));
        journal.append_all(&[entry("b"), entry("c")], &writer()).expect("appended");
        drop(journal);
        let mut standings = Vec::new();
        let reading = place.read(|seen| {
            standings.push(seen.standing);
            Ok(())
        });
        assert!(reading.expect("read").broken.is_none());
        assert!(matches!(standings[0], Standing::Written(..)), "{standings:?}");
        assert_eq!(standings[1], Standing::BoundBy(3), "{end:?}");
        assert!(standings[2..].iter().all(|standing| matches!(standing, Standing::Written(..))), "{standings:?}");
        assert_eq!(standings.len(), 4);
    }
}

#[test]
fn more_lines_than_fit_into_one_write_are_all_there() {
    let keyring = Keyring::with(&["a"]);
    let long = "x".repeat(60_000);
    let entries: Vec<Entry> = (0..40).map(|_| Entry { reason: Some(long.clone()), ..entry("b") }).collect();
    keyring.place().open().expect("it holds").append_all(&entries, &writer()).expect("appended");
    let summary = keyring.summary();
    assert_eq!((summary.lines, summary.chained), (41, 41));
    let blank = Entry { reason: Some(" ".to_owned()), ..entry("c") };
    let before = keyring.texts();
    let refused = keyring.place().open().expect("it holds").append_all([&entries[0], &blank], &writer());
    assert_eq!(refused.expect_err("blank").reason(), Reason::Usage);
    assert_eq!(keyring.texts(), before, "nothing is written of what is not all right");
}

#[test]
fn a_kill_after_a_kill_is_no_alarm() {
    let keyring = Keyring::with(&["a"]);
    let before = keyring.texts();
    keyring.add(&["b"]);
    let first = interrupted(&before, &keyring.texts());
    for state in first.iter().step_by(17) {
        keyring.set(state);
        let before = keyring.texts();
        drop(keyring.place().open().expect("opened"));
        let opened = keyring.texts();
        assert_eq!(opened[..2], before[..2]);
        keyring.add(&["c"]);
        for state in interrupted(&opened, &keyring.texts()).iter().step_by(13) {
            keyring.set(state);
            keyring.summary();
            keyring.add(&["d"]);
            keyring.summary();
        }
    }
}

#[test]
fn a_line_that_somebody_adds_between_two_of_ours_is_bound_although_nobody_had_seen_it() {
    let keyring = Keyring::with(&["a"]);
    let place = keyring.place();
    let mut journal = place.open().expect("it holds");
    keyring.by_hand(BY_HAND);
    journal.append(&entry("b"), &writer()).expect("appended");
    keyring.by_hand(BY_HAND.trim_end());
    journal.append(&entry("c"), &writer()).expect("appended");
    let summary = keyring.summary();
    assert_eq!((summary.lines, summary.chained, summary.first_unchained), (5, 3, None));
    // The very line that comes next, by hand.
    keyring.by_hand(&format!("{}\n", entry("d")));
    journal.append(&entry("d"), &writer()).expect("appended");
    let summary = keyring.summary();
    assert_eq!((summary.lines, summary.chained, summary.first_unchained), (7, 4, None));
}

#[test]
fn a_journal_that_is_replaced_under_an_open_one_is_not_gone_on_with() {
    let keyring = Keyring::with(&["a", "b"]);
    let place = keyring.place();
    let mut journal = place.open().expect("it holds");
    fs::write(&keyring.files()[0], "").expect("emptied");
    let fault = journal.append(&entry("c"), &writer()).expect_err("another journal");
    assert_eq!(fault.reason(), Reason::JournalBroken);
    // And it is looked at again, whatever had been read of it.
    assert_eq!(journal.append(&entry("d"), &writer()).expect_err("still").reason(), Reason::JournalBroken);
}

#[test]
fn a_line_by_hand_that_is_none_is_named_until_it_is_bound() {
    let keyring = Keyring::with(&["a"]);
    keyring.by_hand("no line at all\n");
    keyring.by_hand(BY_HAND);
    let (line, fault) = keyring.summary().invalid.expect("seen");
    assert_eq!((line, fault.column), (2, 15));
    keyring.add(&["b"]);
    let summary = keyring.summary();
    assert!(summary.invalid.is_none());
    assert_eq!((summary.unread_count, summary.unread[0].0), (1, 2));
    keyring.by_hand(&"x\n".repeat(50));
    keyring.add(&["c"]);
    let summary = keyring.summary();
    assert_eq!((summary.unread_count, summary.unread.len()), (51, 10));
    // A line that is longer than any is passed over, and bound all the same.
    keyring.by_hand(&("x".repeat(MAX_LINE_BYTES + 1) + "\n"));
    assert_eq!(keyring.summary().invalid.expect("seen").1.column, MAX_LINE_BYTES + 1);
    keyring.add(&["d"]);
    assert_eq!(keyring.summary().unread_count, 52);
}

#[test]
fn whoever_only_reads_meets_every_line_also_behind_a_break() {
    let keyring = Keyring::with(&["a", "b", "c", "d"]);
    let [journal, chain, head] = keyring.texts();
    keyring.set(&[journal.replace("\tb\t", "\tB\t"), chain, head]);
    let mut met = Vec::new();
    let reading = keyring.place().read(|seen| {
        let is_held = matches!(seen.standing, Standing::Written(..));
        met.push((seen.number, seen.entry().expect("a line").id.expect("an id"), is_held));
        Ok(())
    });
    assert!(reading.expect("read").broken.is_some());
    let expected = [(1, "a", true), (2, "B", false), (3, "c", false), (4, "d", false)];
    assert_eq!(met, expected.map(|(number, id, is_held)| (number, id.to_owned(), is_held)));
}

#[test]
fn what_others_could_have_written_and_what_is_no_file_is_no_journal() {
    for file in 0..3 {
        let keyring = Keyring::with(&["a"]);
        let path = &keyring.files()[file];
        let refused = || {
            let (read, opened) = (keyring.place().read(|_| Ok(())).map(drop), keyring.place().open().map(drop));
            for outcome in [read, opened] {
                assert_eq!(outcome.expect_err("refused").reason(), Reason::DirectoryInsecure, "{}", path.display());
            }
        };
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("mode");
        refused();
        fs::remove_file(path).expect("removed");
        symlink("elsewhere", path).expect("linked");
        refused();
        fs::remove_file(path).expect("removed");
        fs::create_dir(path).expect("made");
        refused();
    }
}

#[test]
fn a_file_that_is_larger_than_any_journal_is_refused_before_it_is_read() {
    for file in [0, 1] {
        let keyring = Keyring::with(&["a"]);
        let opened = fs::OpenOptions::new().write(true).open(&keyring.files()[file]).expect("opened");
        opened.set_len(MAX_JOURNAL_BYTES + 1).expect("sparse");
        let fault = keyring.place().read(|_| Ok(())).expect_err("too large");
        assert_eq!(fault.reason(), Reason::JournalInvalid);
        assert_eq!(fault.difference().expect("both").found, "1073741825 bytes");
    }
}

#[test]
fn a_line_for_which_there_is_no_room_is_refused_before_it_is_written() {
    let keyring = Keyring::with(&["a"]);
    let before = keyring.texts();
    let place = keyring.place();
    let mut journal = place.open().expect("it holds");
    let long = Entry { reason: Some("x".repeat(MAX_LINE_BYTES)), ..entry("b") };
    assert_eq!(journal.append(&long, &writer()).expect_err("too long").reason(), Reason::Usage);
    let blank = Entry { reason: Some(" ".to_owned()), ..entry("b") };
    assert_eq!(journal.append(&blank, &writer()).expect_err("blank").reason(), Reason::Usage);
    assert_eq!(keyring.texts(), before);
    journal.append(&entry("b"), &writer()).expect("it goes on");
    assert_eq!(keyring.summary().chained, 2);
}

#[test]
fn a_journal_that_is_carried_needs_no_head_and_has_one_where_it_was_written() {
    let root = tempfile::tempdir().expect("a directory");
    fs::create_dir(root.path().join(".aisoc")).expect("made");
    let place = |has_state: bool| {
        let open = |path: &Path| HeldDirectory::open(path).expect("opened");
        let state = open(&root.path().join(".aisoc")).filter(|_| has_state);
        JournalPlace::beside_lock(open(root.path()).expect("there"), "plugins.lock", state)
    };
    let here = place(true);
    let mut journal = here.open().expect("new");
    for id in ["a", "b", "c"] {
        journal.append(&entry(id), &writer()).expect("appended");
    }
    assert!(here.path().ends_with("plugins.lock.journal") && here.head_path().expect("a place").exists());
    let elsewhere = place(false).read(|_| Ok(())).expect("read");
    assert!(elsewhere.broken.is_none() && !elsewhere.summary.has_head);
    // Where it was written the end is known.
    let chain = fs::read_to_string(here.chain_path()).expect("read");
    fs::write(here.chain_path(), chain.split_inclusive('\n').take(2).collect::<String>()).expect("cut");
    assert!(here.read(|_| Ok(())).expect("read").broken.is_some());
}

#[test]
fn the_journals_of_a_site_stand_apart() {
    let root = tempfile::tempdir().expect("a directory");
    let own = || HeldDirectory::open(root.path()).expect("opened").expect("there");
    let places = [JournalPlace::of_site(own()), JournalPlace::of_keys_in_site(own())].map(|place| place.expect("held"));
    for place in &places {
        place.open().expect("new").append(&entry("a"), &writer()).expect("appended");
    }
    let mut names: Vec<_> =
        fs::read_dir(root.path()).expect("listed").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "keys.journal",
            "keys.journal.chain",
            "keys.journal.head",
            "plugins.journal",
            "plugins.journal.chain",
            "plugins.journal.head"
        ]
    );
}

/// Appends a line as whoever remembers where the journal ended.
fn add_again(keyring: &Keyring, key: &str, memory: &JournalMemory) -> Result<(), Fault> {
    let place = keyring.place();
    place.open_again(memory).and_then(|mut journal| journal.append(&entry(key), &writer()))
}

#[test]
fn what_is_remembered_of_a_journal_counts_while_every_file_is_as_it_was_left() {
    let memory = JournalMemory::default();
    let keyring = Keyring::with(&["first"]);
    for key in ["second", "third"] {
        add_again(&keyring, key, &memory).expect("appended");
    }
    // Somebody else has written, or a hand has: the next line goes on behind.
    keyring.add(&["fourth"]);
    add_again(&keyring, "fifth", &memory).expect("appended");
    let [journal, ..] = keyring.files();
    fs::write(&journal, format!("{}{BY_HAND}", fs::read_to_string(&journal).expect("read"))).expect("written");
    for key in ["sixth", "seventh"] {
        add_again(&keyring, key, &memory).expect("appended");
    }
    let reading = keyring.place().read(|_| Ok(())).expect("read");
    assert!(reading.broken.is_none(), "{reading:?}");
    assert_eq!((reading.summary.lines, reading.summary.chained), (8, 7));

    // Of each file: another letter, one less, none of it, and the same as another file.
    let good = keyring.texts();
    for (file, text) in keyring.files().iter().zip(&good) {
        let at = text.len() / 2;
        let letter = if &text[at..=at] == "1" { "2" } else { "1" };
        let other = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
        let whole_lines = text.lines().count().saturating_sub(1);
        let shorter: String = text.lines().take(whole_lines).map(|line| format!("{line}\n")).collect();
        for changed in [other, shorter] {
            fs::write(file, &changed).expect("written");
            let refused = add_again(&keyring, "eighth", &memory).expect_err("changed");
            assert_eq!(refused.reason(), Reason::JournalBroken, "{}: {refused}", file.display());
            assert_eq!(fs::read_to_string(file).expect("read"), changed, "nothing is written behind it");
            fs::write(file, text).expect("written");
            assert_eq!(keyring.texts(), good);
        }
        fs::remove_file(file).expect("removed");
        add_again(&keyring, "eighth", &memory).expect_err("gone");
        for (file, text) in keyring.files().iter().zip(&good) {
            fs::write(file, text).expect("written");
        }
    }
    add_again(&keyring, "eighth", &memory).expect("as it was");
    // It is of one journal, and says nothing of another.
    let other = Keyring::with(&["first"]);
    add_again(&other, "second", &memory).expect("appended");
    for keyring in [&keyring, &other] {
        let reading = keyring.place().read(|_| Ok(())).expect("read");
        assert!(reading.broken.is_none(), "{reading:?}");
    }
}

#[test]
fn a_line_behind_many_takes_no_longer_for_whoever_remembers_where_they_end() {
    let (keyring, memory) = (Keyring::with(&["first"]), JournalMemory::default());
    let many: Vec<String> = (0..20_000).map(|number| format!("key-{number}")).collect();
    keyring.add_all(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let timed = |key: &str| {
        let begun = Instant::now();
        add_again(&keyring, key, &memory).expect("appended");
        begun.elapsed()
    };
    let whole = timed("second");
    let again = (0..3).map(|_| timed("again")).min().expect("three");
    assert!(again * 4 < whole, "{again:?} after {whole:?}");
}
