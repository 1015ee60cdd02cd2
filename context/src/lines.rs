//! `Lines`: to which line of signers a plugin belongs, and so whose facts it sees.
//!
//! A line is begun by whoever has signed its first version. A later one belongs to it where exactly these have signed that
//! one too, or successors whom they have named. Where somebody has signed beside, nobody can tell whose code it is: anybody
//! can sign what anybody has published, and so come to read what that keeps. Then a line of all of them begins, unless an
//! operator has said that the key only signs what others have published.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::{Deserialize, Serialize};

use crate::notice::{Notice, Tell};
use crate::record::write_record;

/// Most bytes of the file: some ten thousand plugins.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// The form of the file.
const SCHEMA: u32 = 4;
/// The one before, in which it is not said which of several lines a plugin was of.
const SCHEMA_WITHOUT_LAST: u32 = 3;
const NAME: &str = "signers.json";

/// Somebody who has signed a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSigner {
    /// The key, by its fingerprint.
    pub fingerprint: String,
    /// Those that it may speak for: keys that have named it their successor, and those that had named them.
    pub successor_of: BTreeSet<String>,
}

impl PluginSigner {
    fn speaks_for(&self, key: &str) -> bool {
        self.fingerprint == key || self.successor_of.contains(key)
    }
}

/// By plugin: the keys that have begun each of its lines, the oldest first.
type Founded = BTreeMap<String, Vec<Vec<String>>>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: u32,
    plugins: Founded,
    /// By plugin that has more than one line: that of the version that was loaded last.
    #[serde(default)]
    last: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    plugins: Founded,
    last: BTreeMap<String, String>,
    /// Those that were begun anew, which is told, and have not run yet.
    begun: BTreeMap<String, String>,
}

impl Known {
    fn lines(&self, id: &str) -> &[Vec<String>] {
        self.plugins.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The line of the version that was loaded last, where that is known: of one that has one line it is that one.
    fn last(&self, id: &str) -> Option<String> {
        match self.lines(id) {
            [only] => Some(name(only)),
            _ => self.last.get(id).cloned(),
        }
    }
}

/// Every line that a host has seen.
pub(crate) struct Lines {
    path: PathBuf,
    known: Mutex<Known>,
    /// Keys that have no part in a line beside others.
    countersigners: BTreeSet<String>,
    tell: Arc<Tell>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Lines {
    /// # Errors
    /// `record_invalid` for what cannot be understood, and I/O reasons.
    pub(crate) fn open(directory: &Path, countersigners: BTreeSet<String>, tell: Arc<Tell>) -> Result<Self> {
        let path = directory.join(NAME);
        let invalid = |why: &dyn fmt::Display| {
            Fault::new(Reason::RecordInvalid, format!("`{}` does not say who has signed plugins: {why}", path.display()))
                .hint("put back the file as a host has written it: without it a plugin whose key was replaced loses its facts")
        };
        let known = match read_small(&path, MAX_FILE_BYTES, Links::Refused) {
            Err(error) if error.is_absent() => Known::default(),
            Err(SmallFileError::Io(error)) => return Err(Fault::io("read", &path, error)),
            Err(error) => return Err(invalid(&error)),
            Ok(file) => match serde_json::from_slice(&file.content) {
                Ok(Written { schema: SCHEMA | SCHEMA_WITHOUT_LAST, plugins, last }) => {
                    Known { plugins, last, begun: BTreeMap::new() }
                }
                Ok(Written { schema, .. }) => {
                    return Err(invalid(&"another form").expected(SCHEMA.to_string(), schema.to_string()));
                }
                Err(error) => return Err(invalid(&error)),
            },
        };
        Ok(Self { path, known: Mutex::new(known), countersigners, tell })
    }

    /// The line of a plugin that these have signed: the one that they may go on with, else one that begins with them. It is
    /// written down before anything is kept under it; that others have kept something under that id is told.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn of(&self, id: &str, signers: &[PluginSigner]) -> Result<Option<String>> {
        let signers = self.without_countersigners(signers, |signer| &signer.fingerprint);
        if signers.is_empty() {
            return Ok(None);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = known.lines(id);
        let going_on =
            lines.iter().enumerate().filter_map(|(at, founders)| Some((self.rank(founders, &signers)?, Reverse(at))));
        if let Some((_, Reverse(at))) = going_on.max() {
            return Ok(Some(name(&lines[at])));
        }
        let before: Vec<String> = lines.iter().map(|founders| name(founders)).collect();
        let founders: BTreeSet<&String> = signers.iter().map(|signer| &signer.fingerprint).collect();
        let founders: Vec<String> = founders.into_iter().cloned().collect();
        let line = name(&founders);
        let mut changed = known.clone();
        if let Some(last) = known.last(id) {
            changed.last.insert(id.to_owned(), last);
        }
        changed.plugins.entry(id.to_owned()).or_default().push(founders);
        if !before.is_empty() {
            changed.begun.insert(id.to_owned(), line.clone());
        }
        *known = self.written(changed)?;
        drop(known);
        if !before.is_empty() {
            (self.tell)(Notice::BegunAnew { id, line: &line, before: &before });
        }
        Ok(Some(line))
    }

    /// A plugin of that line takes calls from now on. Where it was of another one before, which it did not begin anew, that is
    /// told: what it has kept there is not there any more.
    pub(crate) fn runs(&self, id: &str, line: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.last(id);
        if known.lines(id).is_empty() || before.as_deref() == Some(line) {
            return;
        }
        let mut changed = known.clone();
        let is_told = changed.begun.remove(id).is_some_and(|begun| begun == line);
        changed.last.insert(id.to_owned(), line.to_owned());
        // What cannot be written down is told once more when it is loaded the next time.
        if let Ok(written) = self.written(changed) {
            *known = written;
        }
        drop(known);
        if let Some(before) = before.filter(|_| !is_told) {
            (self.tell)(Notice::OfOthers { id, line, before: &before });
        }
    }

    fn written(&self, Known { plugins, last, begun }: Known) -> Result<Known> {
        let written = Written { schema: SCHEMA, plugins, last };
        write_record(&self.path, ".aisoc-signers-", &written, MAX_FILE_BYTES)
            .map_err(|error| Fault::io("write", &self.path, error))?;
        Ok(Known { plugins: written.plugins, last: written.last, begun })
    }

    /// Those who count: all of them where nobody else is there.
    fn without_countersigners<'a, T>(&self, all: &'a [T], key: impl Fn(&T) -> &String) -> Vec<&'a T> {
        let counting: Vec<&T> = all.iter().filter(|one| !self.countersigners.contains(key(one))).collect();
        if counting.is_empty() { all.iter().collect() } else { counting }
    }

    /// How well these go on with what those have begun; nothing where one of those has no part in it, or one of these. What
    /// somebody was given counts more than what they have begun since; of lines that are alike, the oldest.
    fn rank(&self, founders: &[String], signers: &[&PluginSigner]) -> Option<usize> {
        let founders = self.without_countersigners(founders, |founder| founder);
        let is_spoken_for = |founder: &&String| signers.iter().any(|signer| signer.speaks_for(founder));
        let has_part = |signer: &&PluginSigner| founders.iter().any(|founder| signer.speaks_for(founder));
        let goes_on = founders.iter().all(is_spoken_for) && signers.iter().all(has_part);
        let is_given = |founder: &&&String| signers.iter().any(|signer| signer.successor_of.contains(founder.as_str()));
        goes_on.then(|| founders.iter().filter(is_given).count())
    }
}

/// How a line is called.
fn name(founders: &[String]) -> String {
    founders.join("+")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// `b<a` is `b`, whom `a` has named as a successor.
    fn signed_by(names: &str) -> Vec<PluginSigner> {
        let signer = |name: &str| {
            let mut names = name.split('<').map(str::to_owned);
            PluginSigner { fingerprint: names.next().expect("a name"), successor_of: names.collect() }
        };
        names.split_whitespace().map(signer).collect()
    }

    fn open(place: &Path) -> Result<Lines> {
        Lines::open(place, BTreeSet::new(), Arc::new(|_| ()))
    }

    #[test]
    fn a_line_goes_on_with_exactly_those_who_have_begun_it_or_whom_they_have_named() {
        let place = tempfile::tempdir().expect("a directory");
        let lines = open(place.path()).expect("opened");
        let of = |lines: &Lines, id: &str, names: &str| lines.of(id, &signed_by(names)).expect("written");
        assert_eq!(of(&lines, "demo", ""), None);
        for (signers, line) in [
            ("a", "a"),
            // Who has signed beside may be whose code it is: neither of them alone reads what that keeps.
            ("a b", "a+b"),
            ("b a", "a+b"),
            ("b", "b"),
            ("a b", "a+b"),
            ("a", "a"),
            ("a b c", "a+b+c"),
            // Whom the one has named goes on alone, and beside them; whom another has named does not.
            ("c<a", "a"),
            ("a c<a", "a"),
            ("d<c<a", "a"),
            ("e<x", "e"),
            ("a e<x", "a+e"),
            // What somebody is given counts more than what they have begun before that was said.
            ("b<a", "a"),
            ("b", "b"),
            // What two have begun goes on with both.
            ("y x", "x+y"),
            ("x", "x"),
            ("x y", "x+y"),
            ("x z<y", "x+y"),
            ("z<y", "z"),
            ("w<x<y", "x+y"),
        ] {
            assert_eq!(of(&lines, "demo", signers).as_deref(), Some(line), "{signers}");
        }
        assert_eq!(of(&lines, "other", "c<a").as_deref(), Some("c"), "of another plugin");
        let again = open(place.path()).expect("opened");
        assert_eq!(of(&again, "demo", "c<a").as_deref(), Some("a"), "the next host knows");
    }

    #[test]
    fn whoever_signs_what_others_publish_has_no_part_in_it() {
        let place = tempfile::tempdir().expect("a directory");
        let of = |lines: &Lines, names: &str| lines.of("demo", &signed_by(names)).expect("written").expect("signed");
        let lines = open(place.path()).expect("opened");
        let begun = ["a c", "d c", "a", "e", "e c"].map(|signers| of(&lines, signers));
        assert_eq!(begun, ["a+c", "c+d", "a", "e", "c+e"]);
        let countersigners: BTreeSet<String> = ["c".to_owned(), "f".to_owned()].into();
        let lines = Lines::open(place.path(), countersigners, Arc::new(|_| ())).expect("opened");
        for (signers, line) in [
            // What was begun before that was said goes on as it was begun first.
            ("e", "e"),
            ("e c", "e"),
            ("a", "a+c"),
            ("a c", "a+c"),
            ("a f c", "a+c"),
            ("d f", "c+d"),
            ("b c", "b"),
            ("b", "b"),
            ("a b c", "a+b"),
            // What nobody else has signed is theirs.
            ("c", "c"),
            ("c f", "c+f"),
        ] {
            assert_eq!(of(&lines, signers), line, "{signers}");
        }
    }

    #[test]
    fn that_something_was_kept_by_others_under_the_id_is_told_once() {
        let place = tempfile::tempdir().expect("a directory");
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let tell = Arc::clone(&told);
        let tell = Arc::new(move |notice: Notice<'_>| tell.lock().expect("no panic").push(format!("{notice:?}")));
        let lines = Lines::open(place.path(), BTreeSet::new(), tell).expect("opened");
        for signers in ["a", "a", "a b", "b<a", "a b"] {
            lines.of("demo", &signed_by(signers)).expect("written");
        }
        lines.of("other", &signed_by("b")).expect("written");
        let told = told.lock().expect("no panic").clone();
        assert_eq!(told, ["BegunAnew { id: \"demo\", line: \"a+b\", before: [\"a\"] }"]);
    }

    #[test]
    fn that_a_plugin_goes_on_with_what_others_have_kept_is_told_whoever_has_begun_that() {
        let place = tempfile::tempdir().expect("a directory");
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let open = |countersigners: &[&str]| {
            let tell = Arc::clone(&told);
            let tell = Arc::new(move |notice: Notice<'_>| tell.lock().expect("no panic").push(format!("{notice:?}")));
            let countersigners = countersigners.iter().map(|key| (*key).to_owned()).collect();
            Lines::open(place.path(), countersigners, tell).expect("opened")
        };
        let run = |lines: &Lines, signers: &str| {
            let line = lines.of("demo", &signed_by(signers)).expect("written").expect("signed");
            lines.runs("demo", &line);
            std::mem::take(&mut *told.lock().expect("no panic"))
        };
        let anew =
            |line: &str, before: &str| format!("BegunAnew {{ id: \"demo\", line: \"{line}\", before: [{before}] }}");
        let others =
            |line: &str, before: &str| format!("OfOthers {{ id: \"demo\", line: \"{line}\", before: \"{before}\" }}");
        let lines = open(&[]);
        assert_eq!(run(&lines, "a"), [""; 0]);
        assert_eq!(run(&lines, "a c"), [anew("a+c", "\"a\"")]);
        assert_eq!(run(&lines, "a c"), [""; 0]);
        // What did not come so far changes nothing.
        lines.of("demo", &signed_by("a")).expect("written");
        assert_eq!(run(&lines, "a c"), [""; 0]);
        // An operator says that one of them only signs what others publish, and nothing else has changed.
        let lines = open(&["c"]);
        assert_eq!(run(&lines, "a c"), [others("a", "a+c")]);
        assert_eq!(run(&lines, "a c"), [""; 0]);
        // And takes it back. The next host knows as well.
        assert_eq!(run(&open(&[]), "a c"), [others("a+c", "a")]);
        // Of nobody's: what was kept is not there.
        lines.runs("demo", "unsigned");
        assert_eq!(std::mem::take(&mut *told.lock().expect("no panic")), [others("unsigned", "a")]);
        lines.runs("other", "unsigned");
        assert_eq!(told.lock().expect("no panic").len(), 0, "nobody has signed that one ever");
    }

    #[test]
    fn a_file_that_does_not_say_which_line_it_was_is_gone_on_with() {
        let place = tempfile::tempdir().expect("a directory");
        let text = "{\"schema\": 3, \"plugins\": {\"demo\": [[\"a\"], [\"a\", \"c\"]]}}";
        fs::write(place.path().join(NAME), text).expect("written");
        let told: Arc<Mutex<u32>> = Arc::default();
        let tell = Arc::clone(&told);
        let tell = Arc::new(move |_: Notice<'_>| *tell.lock().expect("no panic") += 1);
        let lines = Lines::open(place.path(), BTreeSet::new(), tell).expect("opened");
        lines.runs("demo", "a+c");
        assert_eq!(*told.lock().expect("no panic"), 0, "nobody knows which it was");
        lines.runs("demo", "a");
        assert_eq!(*told.lock().expect("no panic"), 1);
        let text = fs::read_to_string(place.path().join(NAME)).expect("read");
        assert!(text.contains("\"schema\":4") && text.contains("\"last\":{\"demo\":\"a\"}"), "{text}");
    }

    #[test]
    fn what_is_none_of_ours_is_refused_and_left() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join(NAME);
        for text in [
            "",
            "{\"schema\": 2, \"plugins\": {}}",
            "{\"schema\": 5, \"plugins\": {}}",
            "{\"schema\": 3, \"plugins\": []}",
            "{\"schema\": 4, \"plugins\": {}, \"last\": []}",
        ] {
            fs::write(&path, text).expect("written");
            assert_eq!(open(place.path()).expect_err(text).reason(), Reason::RecordInvalid);
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
    }
}
