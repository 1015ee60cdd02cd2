//! Locks as texts: what is read of them, what is refused, and what a change leaves alone.

use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason};
use proptest::prelude::*;

use super::entry::{LockEntry, Provenance};
use super::read::{KnownLock, Lockfile, MAX_LOCK_DOTS, MAX_LOCK_ENTRIES, MAX_LOCK_MARKS};
use super::schema::LockSchema;

const ONE: &str = r#"id = "capa.one"
package = "pack"
version = "1.0"
entry_point = "pack:One"
distribution_hash = "sha256:11"
"#;

fn read(text: &str) -> Result<Lockfile, Fault> {
    Lockfile::parse(text.as_bytes().to_vec(), Path::new("plugins.lock"))
}

fn lock(text: &str) -> Lockfile {
    read(text).unwrap_or_else(|fault| panic!("{fault:?}\n{text}"))
}

fn entry(id: &str, version: &str) -> LockEntry {
    LockEntry {
        id: id.to_owned(),
        package: "pack".to_owned(),
        version: version.to_owned(),
        entry_point: "pack:One".to_owned(),
        distribution_hash: "sha256:11".to_owned(),
        provenance: Provenance::default(),
    }
}

fn known() -> Provenance {
    Provenance {
        source: Some("oci".to_owned()),
        oci_ref: Some("registry.example/team/one:1.0".to_owned()),
        oci_digest: Some(format!("sha256:{}", "a".repeat(64))),
        oci_index_digest: Some(format!("sha256:{}", "b".repeat(64))),
        oci_platform: Some("linux/arm64".to_owned()),
        signed_by: Some(vec![format!("SHA256:{}", "b".repeat(64))]),
        coverage: Some("full".to_owned()),
        capabilities: Some(vec!["facts.read".to_owned(), "audit.emit".to_owned()]),
        version_floor: Some("1.0".to_owned()),
        accepted_at: Some("2026-01-31T12:00:00Z".to_owned()),
    }
}

/// `reason`, line and column, and a word of the message.
fn refused(text: &str, reason: Reason, place: (usize, usize), word: &str) {
    let fault = read(text).err().unwrap_or_else(|| panic!("it is taken for a lock:\n{text}"));
    let location = fault.location().unwrap_or_else(|| panic!("no place: {fault:?}"));
    assert_eq!((fault.reason(), (location.line, location.column)), (reason, place), "{fault:?}\n{text}");
    assert!(fault.to_string().contains(word), "{word}: {fault}");
}

#[test]
fn a_lock_of_either_version_is_read_in_either_form() {
    for text in ["", "\n# nothing\n", "version = 1\n", "version = 2", "plugins = []", "version = 1\nplugins = [ ]\n"] {
        assert!(lock(text).entries().is_empty(), "{text}");
    }
    let table = format!("version = 1\n[[plugins]]\n{ONE}");
    let inline = format!("plugins = [{{ {} }}]", ONE.trim_end().replace('\n', ", "));
    let crlf = table.replace('\n', "\r\n");
    for text in [table.as_str(), &inline, &crlf, table.trim_end()] {
        let lock = lock(text);
        assert_eq!((lock.entries(), lock.schema()), ([entry("capa.one", "1.0")].as_slice(), LockSchema::One), "{text}");
        assert_eq!(lock.text(), text);
    }
    let quoted = format!("[[ \"plugins\" ]]\n{}", ONE.replace("\"pack\"", "'pack'").replace("id =", "\"id\"="));
    assert_eq!(lock(&quoted).entry("capa.one"), Some(&entry("capa.one", "1.0")));
    // As capa has it: no length, and no check of the digits.
    for hash in ["sha256:local", "sha256:unknown", "sha512:x"] {
        lock(&format!("[[plugins]]\n{}", ONE.replace("sha256:11", hash)));
    }
}

#[test]
fn every_fault_of_the_schema_names_its_field_and_place() {
    let with = |old: &str, new: &str| format!("version = 1\n[[plugins]]\n{}", ONE.replace(old, new));
    let invalid = |text: &str, place, word| refused(text, Reason::LockInvalid, place, word);
    invalid("version = 1\nplugin = []\n", (2, 1), "unknown key `plugin`");
    invalid(&with("package", "pakage"), (4, 1), "unknown key `pakage`");
    invalid(&with("version = \"1.0\"\n", ""), (2, 1), "no `version`");
    invalid(&with("sha256:11", "md5:11"), (7, 21), "`distribution_hash`");
    invalid(&with("sha256:11", "sha256:"), (7, 21), "`distribution_hash`");
    invalid(&with("sha256:11", "sha1024:11"), (7, 21), "`distribution_hash`");
    invalid(&with("pack:One", "pack.One"), (6, 15), "`entry_point`");
    invalid(
        &format!("[[plugins]]\n{ONE}[[plugins]]\n{ONE}"),
        (8, 6),
        "plugins.lock contains duplicate ids: `capa.one`",
    );
    invalid(&with("\"1.0\"", "1.0"), (5, 11), "`version` is not a text");
    invalid(&with("\"1.0\"", "['1.0']"), (5, 11), "`version` is not a text");
    invalid("version = \"1\"", (1, 11), "`version` is not a whole number");
    invalid("version = true", (1, 11), "`version` is not a whole number");
    invalid("version = 0", (1, 11), "no schema version");
    invalid("version = -1", (1, 11), "no schema version");
    invalid("[plugins]\n", (1, 2), "`plugins` is not an array of tables");
    invalid("plugins = 'x'", (1, 1), "`plugins` is not an array of tables");
    invalid("plugins = [1]", (1, 12), "`plugins` is not an array of tables");
    invalid(&with("id = \"capa.one\"", "id.x = \"capa.one\""), (3, 1), "`id` is not a text");
    let newer = "# x\nversion = 3\nplugins = 'whatever'\n";
    refused(newer, Reason::LockSchemaUnsupported, (2, 11), "plugins.lock schema version 3 is newer than supported 2");
    // What version 2 has, version 1 has not.
    invalid(&with("id =", "source = \"oci\"\nid ="), (3, 1), "unknown key `source`");
}

#[test]
fn every_field_of_version_two_is_held_to_its_form() {
    let two = |member: &str| format!("version = 2\n[[plugins]]\n{ONE}{member}\n");
    for (member, column) in [
        ("source = \"wheel\"", 10),
        ("oci_ref = \" \"", 11),
        ("oci_digest = \"sha256:12\"", 14),
        ("oci_index_digest = \"sha256:12\"", 20),
        ("oci_platform = \"linux\"", 16),
        ("oci_platform = \"linux/aarch64\"", 16),
        ("signed_by = [\"acme\"]", 14),
        ("signed_by = \"acme\"", 13),
        ("coverage = \"half\"", 12),
        ("capabilities = [\"\"]", 17),
        ("capabilities = [1]", 17),
        ("version_floor = \"\"", 17),
        ("accepted_at = \"yesterday\"", 15),
        ("accepted_at = 2026-01-31T12:00:00Z", 15),
    ] {
        let field = member.split(' ').next().expect("a key");
        refused(&two(member), Reason::LockInvalid, (8, column), &format!("`{field}`"));
    }
    refused(&two("version_floor = \"1.1\""), Reason::LockInvalid, (5, 11), "below `version_floor`");
    lock(&two("version_floor = \"1.0\""));
    lock(&two("version_floor = \"not comparable\""));
}

#[test]
fn what_is_no_toml_is_refused_where_it_stops_being_it() {
    let invalid = |text: &str, place, word| refused(text, Reason::LockInvalid, place, word);
    invalid("\u{feff}version = 1\n", (1, 1), "byte order mark");
    invalid("version = 1\n# nul \0\n", (2, 7), "no TOML");
    invalid("version = 1\nversion = 1\n", (2, 1), "no TOML");
    let merged = format!("version = 1\n<<<<<<< HEAD\n[[plugins]]\n{ONE}=======\n>>>>>>> other\n");
    invalid(&merged, (2, 1), "a merge was left unfinished");
    let fault = Lockfile::parse(b"version = 1 # \xff\n".to_vec(), Path::new("plugins.lock")).expect_err("no text");
    assert_eq!(fault.to_string(), "plugins.lock:1:15: the text is not UTF-8");
}

#[test]
fn a_lock_that_is_cut_off_is_refused_or_is_one_of_whole_entries() {
    let text = format!("version = 2\n\n[[plugins]]\n{ONE}\n[[plugins]]\n{}", ONE.replace("capa.one", "capa.two"));
    let whole = lock(&text);
    let mut read_as: Vec<usize> = Vec::new();
    for cut in 0..text.len() {
        match read(&text[..cut]) {
            Ok(lock) => {
                assert_eq!(lock.entries(), &whole.entries()[..lock.entries().len()], "cut at {cut}");
                read_as.push(lock.entries().len());
            }
            Err(fault) => assert_eq!(fault.reason(), Reason::LockInvalid, "cut at {cut}"),
        }
    }
    // A blank lock, the version, and one entry with what stands before the next.
    assert!(read_as.len() < 24 && read_as.contains(&1), "{read_as:?}");
}

#[test]
fn bounds_hold_at_their_edge() {
    let many = |count: usize| {
        let entries =
            (0..count).map(|number| format!("[[plugins]]\n{}", ONE.replace("capa.one", &format!("i{number}"))));
        entries.collect::<String>()
    };
    assert_eq!(lock(&many(MAX_LOCK_ENTRIES)).entries().len(), MAX_LOCK_ENTRIES);
    let fault = read(&many(MAX_LOCK_ENTRIES + 1)).expect_err("one more");
    assert_eq!((fault.reason(), fault.difference().expect("both").found.as_str()), (Reason::LockInvalid, "10001"));
    let full = lock(&many(MAX_LOCK_ENTRIES));
    assert_eq!(full.with(&entry("one-more", "1")).expect_err("full").reason(), Reason::LockInvalid);
    full.with(&entry("i7", "2")).expect("one that is there");

    let lines = |count: usize| "\n".repeat(count);
    assert!(read(&lines(MAX_LOCK_MARKS)).is_ok());
    let fault = read(&lines(MAX_LOCK_MARKS + 1)).expect_err("one more");
    assert!(fault.to_string().contains("more structure"), "{fault}");

    let dotted = |dots: usize| format!("version = 1\n{}a.a = 1\n", "a.b = 1\n".repeat(dots - 1));
    let fault = read(&dotted(MAX_LOCK_DOTS)).expect_err("no lock");
    assert!(!fault.to_string().contains("more structure"), "{fault}");
    let fault = read(&dotted(MAX_LOCK_DOTS + 1)).expect_err("one more");
    assert_eq!(fault.difference().expect("both").found, (MAX_LOCK_DOTS + 1).to_string());
    let dots = ".".repeat(MAX_LOCK_DOTS + 1);
    lock(&format!("version = 1 # {dots}\n[[plugins]]\n{}", ONE.replace("1.0", &dots)));
}

#[test]
fn an_entry_is_changed_where_it_stands_and_nothing_else_is() {
    let text = "# the site's lock\r\nversion = 1 # schema\r\n\r\n# first\r\n[[plugins]] # one\r\nid = \"capa.one\" # who\r\n\
                package = \"pack\"\r\nversion = \"1.0\" # reviewed\r\n# what is loaded\r\nentry_point = 'pack:One'\r\n\
                distribution_hash = \"sha256:11\" # seen\r\n\r\n  # last\r\n";
    let lock = lock(text);
    let changed = lock.with(&entry("capa.one", "1.1")).expect("changed");
    assert_eq!(changed.text(), text.replace("\"1.0\"", "\"1.1\""));
    assert_eq!(lock.with(&entry("capa.one", "1.0")).expect("the same").text(), text);
    let added = lock.with(&entry("capa.two", "2")).expect("added");
    let block = "\r\n[[plugins]]\r\nid = \"capa.two\"\r\npackage = \"pack\"\r\nversion = \"2\"\r\n\
                 entry_point = \"pack:One\"\r\ndistribution_hash = \"sha256:11\"\r\n";
    assert_eq!(added.text(), format!("{text}{block}"));
    let removed = lock.without("capa.one").expect("possible").expect("there");
    assert_eq!(removed.text(), "# the site's lock\r\nversion = 1 # schema\r\n\r\n# first\r\n\r\n  # last\r\n");
    assert!(lock.without("capa").expect("possible").is_none());
}

#[test]
fn a_file_without_a_final_line_end_gets_one_where_something_follows() {
    let text = format!("version = 1\n[[plugins]]\n{}", ONE.trim_end());
    let added = lock(&text).with(&entry("capa.two", "2")).expect("added");
    assert!(added.text().starts_with(&format!("{text}\n\n[[plugins]]\nid = \"capa.two\"\n")), "{}", added.text());
    let provided = LockEntry { provenance: known(), ..entry("capa.one", "1.0") };
    let provided = lock(&text).with(&provided).expect("changed");
    assert!(
        provided.text().starts_with(&format!("{}\nsource = \"oci\"\n", text.replace("version = 1\n", "version = 2\n")))
    );
    assert_eq!(lock(&text).without("capa.one").expect("possible").expect("there").text(), "version = 1\n");
    assert_eq!(lock("").with(&entry("a", "1")).expect("added").text().lines().next(), Some("[[plugins]]"));
}

#[test]
fn what_was_accepted_and_is_no_more_leaves_the_text_as_it_was() {
    let element = format!("{{ {} }}", ONE.trim_end().replace('\n', ", "));
    let table = format!("[[plugins]]\n{ONE}");
    for before in [
        "",
        "\n",
        "version = 1",
        "version = 1\n",
        "version = 1\n\n",
        "version = 1\n\n\n",
        "version = 1\r\n",
        "version = 1\r\n# last",
        "# first\r\nversion = 1\r\n\r\n",
        &format!("version = 1\n\n{table}"),
        &format!("version = 1\n\n{table}# last\n"),
        &format!("version = 1\n{}", table.trim_end()),
        &table.replace('\n', "\r\n"),
        "plugins = []",
        "plugins = [ ]\n",
        "plugins = [\n]\n",
        &format!("plugins = [{element}]\n"),
        &format!("plugins = [ {element} ]\n"),
        &format!("plugins = [{element},]\n"),
        &format!("plugins = [ {element} , ] # end\n"),
        &format!("plugins = [\n  {element}\n]\n"),
        &format!("plugins = [\n  {element}, # one\n]\n"),
        &format!("plugins = [\r\n\t{element} # one\r\n]\r\n"),
        &format!("plugins = [{element}\n]\n"),
    ] {
        let mut now = lock(before);
        for pair in 1..=3 {
            now = now.with(&entry("capa.two", "2")).expect("added");
            now = now.with(&entry("capa.three", "3")).expect("added");
            for id in ["capa.two", "capa.three"] {
                now = now.without(id).expect("possible").expect("there");
            }
            assert_eq!(now.text(), before, "pair {pair}");
        }
        // And of what goes the other way round.
        let twice = now.with_all(&[entry("capa.two", "2"), entry("capa.three", "3")]).expect("added");
        let first = twice.without("capa.three").expect("possible").expect("there");
        assert_eq!(first.without("capa.two").expect("possible").expect("there").text(), before);
    }
}

#[test]
fn what_only_version_two_can_say_raises_the_version_where_it_stands() {
    let provided = LockEntry { provenance: known(), ..entry("capa.one", "1.0") };
    for (before, after) in
        [("version = 1 # now\n", "version = 2 # now\n"), ("", "version = 2\n"), ("# first\n", "version = 2\n# first\n")]
    {
        let changed = lock(before).with(&provided).expect("added");
        assert_eq!((changed.schema(), changed.entries()), (LockSchema::Two, [provided.clone()].as_slice()));
        assert!(changed.text().starts_with(after), "{}", changed.text());
        // It stays that, and what is not known any more goes with its line.
        let plain = changed.with(&entry("capa.one", "1.0")).expect("changed");
        assert_eq!(plain.schema(), LockSchema::Two);
        assert!(!plain.text().contains("oci_ref"), "{}", plain.text());
    }
}

#[test]
fn an_array_in_brackets_keeps_its_form() {
    let element = |id: &str| format!("{{ {} }}", ONE.trim_end().replace('\n', ", ").replace("capa.one", id));
    let new = "{ id = \"c\", package = \"pack\", version = \"1\", entry_point = \"pack:One\", \
               distribution_hash = \"sha256:11\" }";
    let (a, b) = (element("a"), element("b"));
    for (before, added, removed) in [
        ("plugins = []".to_owned(), format!("plugins = [{new}]"), None),
        (format!("plugins = [{a}]\n"), format!("plugins = [{a}, {new}]\n"), Some("plugins = []\n".to_owned())),
        (format!("plugins = [{a}, {b}]"), format!("plugins = [{a}, {b}, {new}]"), Some(format!("plugins = [{b}]"))),
        (
            format!("plugins = [\n  # both, and more\n  {a}, # a, and so on\n  {b} # b\n]\nversion = 1\n"),
            format!("plugins = [\n  # both, and more\n  {a}, # a, and so on\n  {b}, # b\n  {new}\n]\nversion = 1\n"),
            Some(format!("plugins = [\n  # both, and more\n  {b} # b\n]\nversion = 1\n")),
        ),
        (
            format!("plugins = [\r\n\t{a},\r\n\t{b},\r\n]\r\n"),
            format!("plugins = [\r\n\t{a},\r\n\t{b},\r\n\t{new},\r\n]\r\n"),
            Some(format!("plugins = [\r\n\t{b},\r\n]\r\n")),
        ),
    ] {
        let lock = lock(&before);
        assert_eq!(lock.with(&entry("c", "1")).expect("added").text(), added);
        assert_eq!(lock.without("a").expect("possible").map(|lock| lock.text().to_owned()), removed);
    }
    // The last one of a line takes the comma before it.
    let last = lock(&format!("plugins = [{a}, {b}]")).without("b").expect("possible").expect("there");
    assert_eq!(lock(last.text()).entries().len(), 1);
    assert!(last.text().starts_with(&format!("plugins = [{a}")), "{}", last.text());
    // New fields do not fit between the old ones: that entry is written anew, and no other.
    let provided = LockEntry { provenance: known(), ..entry("a", "1.0") };
    let changed = lock(&format!("plugins = [{a}, {b}] # end\n")).with(&provided).expect("changed");
    assert!(changed.text().contains(&format!("}}, {b}] # end\n")), "{}", changed.text());
}

#[test]
fn many_entries_at_once_are_what_they_are_one_by_one() {
    let texts = [
        "",
        "version = 1\n",
        "version = 1",
        "version = 1\r\n",
        "plugins = []\n",
        "plugins = [{ id = 'b', package = 'p', version = '1', entry_point = 'm:C', distribution_hash = 'sha256:0' }]\n",
        "plugins = [\n  { id = 'b', package = 'p', version = '1', entry_point = 'm:C', distribution_hash = 'sha256:0' }\n]\n",
        "[[plugins]]\nid = 'b'\npackage = 'p'\nversion = '1'\nentry_point = 'm:C'\ndistribution_hash = 'sha256:0'",
    ];
    let hash = format!("sha256:{}", "0".repeat(64));
    for text in texts.map(|text| text.replace("sha256:0", &hash)) {
        for provenance in [Provenance::default(), known()] {
            let entries = [entry("a", "1.0.0"), LockEntry { provenance, ..entry("b", "2.0.0") }, entry("c", "3.0.0")];
            let before = lock(&text);
            let one_by_one = entries.iter().fold(before.clone(), |lock, entry| lock.with(entry).expect("written"));
            let at_once = before.with_all(&entries).expect("written");
            assert_eq!(at_once.text(), one_by_one.text(), "{text:?}");
            assert_eq!(before.with_all(&[]).expect("nothing").text(), before.text());
        }
    }
    let twice = Lockfile::empty().with_all(&[entry("a", "1.0.0"), entry("a", "2.0.0")]);
    assert_eq!(twice.expect_err("one plugin, one entry").reason(), Reason::Internal);
}

#[test]
fn of_the_same_bytes_nothing_is_made_twice_and_of_others_everything() {
    let (known, shown) = (KnownLock::default(), Path::new("plugins.lock"));
    let text = |id: &str| format!("[[plugins]]\n{}", ONE.replace("capa.one", id)).into_bytes();
    let first = known.parse(text("capa.one"), shown).expect("a lock");
    let again = known.clone().parse(text("capa.one"), shown).expect("a lock");
    assert!(std::ptr::eq(first.entries(), again.entries()), "read twice");
    let other = known.parse(text("capa.two"), shown).expect("a lock");
    assert_eq!(other.entries()[0].id, "capa.two");
    known.parse(b"version = 3".to_vec(), shown).expect_err("no lock");
    let back = known.parse(text("capa.one"), shown).expect("a lock");
    assert!(back.entries() == first.entries() && !std::ptr::eq(first.entries(), back.entries()));
}

#[test]
fn an_entry_that_could_not_be_read_again_is_not_written() {
    for bad in [
        LockEntry { entry_point: "pack.One".to_owned(), ..entry("a", "1") },
        LockEntry { distribution_hash: "sha256:".to_owned(), ..entry("a", "1") },
        LockEntry { provenance: Provenance { source: Some("web".to_owned()), ..known() }, ..entry("a", "1") },
    ] {
        assert_eq!(Lockfile::empty().with(&bad).expect_err("none").reason(), Reason::Internal);
    }
    assert_eq!(Lockfile::empty().text(), "version = 1\n");
    let first = Lockfile::empty().with(&entry("a", "1")).expect("added");
    assert!(first.text().starts_with("version = 1\n\n[[plugins]]\nid = \"a\"\n"), "{}", first.text());
}

/// Pieces of which locks are made as people write them.
fn a_lock() -> impl Strategy<Value = (String, Vec<String>)> {
    let comment = prop_oneof![Just(""), Just("# , ] [[plugins]] \"\n"), Just("\n"), Just("  # é, {\n\n")];
    let trailing = prop_oneof![Just(""), Just(" # was \"1\", so"), Just("\t")];
    let entries = proptest::collection::vec((comment.clone(), trailing, 0..4_usize), 0..5);
    let form = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (form, entries, comment).prop_map(|((is_inline, is_crlf, has_end, is_two), entries, last)| {
        let version = if is_two { "version = 2\n" } else { "version = 1 # , \n" };
        let ids: Vec<String> = (0..entries.len()).map(|number| format!("id.{number}")).collect();
        let mut text = version.to_owned();
        let floor = |at: usize| if is_two && at.is_multiple_of(2) { "coverage = 'full'\n" } else { "" };
        if is_inline {
            text += "plugins = [";
            for (at, (comment, trailing, blanks)) in entries.iter().enumerate() {
                let body = format!("{}{}", ONE.replace("capa.one", &ids[at]), floor(at));
                let body = body.trim_end().replace('\n', ", ");
                let is_last = at + 1 == entries.len();
                let comma = if is_last && *blanks == 0 { "" } else { "," };
                text += &format!("\n{comment}{}{{{body}}} {comma}{trailing}", " ".repeat(*blanks));
            }
            text += "\n]\n";
        } else {
            for (at, (comment, trailing, blanks)) in entries.iter().enumerate() {
                let body = format!("{}{}", ONE.replace("capa.one", &ids[at]), floor(at));
                let body = body.replacen('\n', &format!("{trailing}\n"), *blanks);
                text += &format!("{comment}[[plugins]]{trailing}\n{body}");
            }
        }
        text += last;
        let text = if has_end { text } else { text.trim_end().to_owned() };
        (if is_crlf { text.replace('\n', "\r\n") } else { text }, ids)
    })
}

/// The lines of `kept` stand in `text`, in their order.
fn holds_lines(text: &str, kept: &[&str]) -> bool {
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    kept.iter().all(|wanted| lines.any(|line| line == *wanted))
}

proptest! {
    #[test]
    fn whatever_a_lock_looks_like_a_change_leaves_the_others_alone(
        (text, ids) in a_lock(),
        at in 0..6_usize,
        is_provided in any::<bool>(),
        version in "[0-9a-z\"\\\\\u{202e}é\t ]{0,6}",
    ) {
        let before = lock(&text);
        let id = ids.get(at).cloned().unwrap_or_else(|| "new \"one\"".to_owned());
        let provenance = if is_provided { Provenance { version_floor: None, ..known() } } else { Provenance::default() };
        let wanted = LockEntry { provenance, ..entry(&id, &version) };
        let changed = before.with(&wanted).expect("possible");
        prop_assert_eq!(changed.entry(&id), Some(&wanted));
        let others = |lock: &Lockfile| lock.entries().iter().filter(|entry| entry.id != id).cloned().collect::<Vec<_>>();
        prop_assert_eq!(others(&before), others(&changed));
        let again = changed.with(&wanted).expect("possible");
        prop_assert_eq!(again.text(), changed.text());

        // Every comment that stands on a line of its own is there still, and every other entry to the byte.
        let comments: Vec<&str> =
            text.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| line.trim_start().starts_with('#')).collect();
        prop_assert!(holds_lines(changed.text(), &comments), "{}", changed.text());
        if let Some(removed) = changed.without(&id).expect("possible") {
            prop_assert_eq!(others(&removed), others(&before));
            prop_assert!(holds_lines(removed.text(), &comments), "{}", removed.text());
            if at >= ids.len() && changed.schema() == before.schema() && !text.is_empty() && before.layout.array.is_none() {
                prop_assert!(removed.text().trim_end().starts_with(text.trim_end()), "{}", removed.text());
            }
        }
        let alone_in_crlf = |text: &str| text.contains("\r\n") && text.replace("\r\n", "").contains('\n');
        prop_assert_eq!(alone_in_crlf(&text), alone_in_crlf(changed.text()));
    }

    #[test]
    fn no_text_stops_the_reader(text in "(version|plugins|id|\\[\\[|\\]\\]|\\[|\\]|\\{|\\}|=|,|\"|'|#|\n| |1|2|sha256:|\\\\|\u{0}|é){0,40}") {
        if let Ok(lock) = read(&text) {
            let changed = lock.with(&entry("one.more", "1")).expect("possible");
            prop_assert_eq!(changed.entries().len(), lock.entries().len() + 1);
        }
    }
}
