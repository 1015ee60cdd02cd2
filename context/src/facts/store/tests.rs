//! One file of facts, and what is wrong with others.

use std::fs;
use std::sync::Mutex;

use serde_json::json;

use super::*;

fn store(place: &Path) -> (Store, Arc<Mutex<Vec<String>>>) {
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&said);
    let tell = Arc::new(move |notice: Notice<'_>| {
        let Notice::FactsRefused(why) = notice else { panic!("{notice:?}") };
        told.lock().expect("no panic").push(why.to_owned());
    });
    (Store::at(place.join("demo.redb"), tell), said)
}

fn put(store: &Store, tenant: &str, name: &str, value: Value) {
    store.put(tenant, &[(name, &value)], 0).expect("there is room");
}

fn names(store: &Store, tenant: &str, query: &str) -> Vec<String> {
    store.search(tenant, query, (100, usize::MAX)).expect("read").into_iter().map(|(name, _)| name).collect()
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
    assert_eq!(kept.search("", "scanner", (1, usize::MAX)).expect("read").len(), 1);
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
    let found = kept.search("", "interest 12345", (10, usize::MAX)).expect("read");
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
    assert!(said.lock().expect("no panic")[0].contains("its form is 3, and this host knows 2"));
    std::os::unix::fs::symlink(&path, place.path().join("link")).expect("linked");
    assert!(open(&place.path().join("link"), true).is_err(), "a link is no file of ours");
}

/// Words are many and short: what is not counted of them would be taken all the same.
#[test]
fn the_words_of_facts_count_and_the_file_is_no_more_than_some_times_what_is_counted() {
    let place = tempfile::tempdir().expect("a directory");
    let (kept, _) = store(place.path());
    let words: Vec<String> = (0..250_u32).map(|number| format!("{number:02x}")).collect();
    let value = json!(words.join(" "));
    let mut facts = 0;
    for batch in 0..100 {
        let names: Vec<String> = (0..250).map(|number| format!("{batch:03}-{number:03}-{}", "n".repeat(238))).collect();
        let batch: Vec<(&str, &Value)> = names.iter().map(|name| (name.as_str(), &value)).collect();
        match kept.put("acme", &batch, 0) {
            Ok(()) => facts += batch.len(),
            Err(refused) => {
                assert!(matches!(refused, Refusal::Failed(Why::QuotaExceeded, _)), "{refused:?}");
                break;
            }
        }
    }
    assert!((1_000..4_000).contains(&facts), "{facts}");
    let size = fs::metadata(place.path().join("demo.redb")).expect("there").len();
    assert!(size < 6 * MAX_FACTS_BYTES, "{size}");
    // What is given back is all that was taken.
    put(&kept, "other", "a", value);
    kept.mark("other", "a", |fact| fact.note = Some("noted".to_owned())).expect("there");
    assert!(kept.taken("other").expect("read").bytes > 250 * (2 + 5 + ENTRY_BYTES));
    assert_eq!((kept.delete("other", "a"), kept.taken("other")), (Ok(true), Ok(Taken::default())));
}

#[test]
fn no_more_is_read_of_what_is_found_than_an_answer_holds() {
    let place = tempfile::tempdir().expect("a directory");
    let (kept, _) = store(place.path());
    for name in ["a", "b", "c"] {
        put(&kept, "", name, json!(format!("found {}", "-".repeat(92))));
    }
    let found = |bytes| kept.search("", "found", (100, bytes)).expect("read").len();
    // Each is a text of a hundred bytes.
    assert_eq!([99, 100, 199, 200, 300].map(found), [0, 1, 1, 2, 3]);
}

/// A disk that was full for a moment.
#[test]
fn a_file_that_could_not_be_written_is_opened_anew() {
    for error in [redb::Error::PreviousIo, redb::Error::Io(std::io::ErrorKind::StorageFull.into())] {
        let place = tempfile::tempdir().expect("a directory");
        let (kept, said) = store(place.path());
        put(&kept, "", "a", json!(1));
        let database = kept.database(false).expect("opened").expect("there");
        let refused = kept.guarded(&database, || Err::<(), _>(Failure(error)));
        assert!(matches!(refused, Err(Refusal::Failed(Why::Unavailable, _))), "{refused:?}");
        // Somebody uses it still.
        assert!(matches!(kept.get("", "a"), Err(Refusal::Failed(Why::Unavailable, _))));
        drop(database);
        assert_eq!(kept.get("", "a").expect("read").map(|fact| fact.value), Some(json!(1)));
        put(&kept, "", "a", json!(1));
        // However often it happens.
        let database = kept.database(false).expect("opened").expect("there");
        let again = kept.guarded(&database, || Err::<(), _>(Failure(redb::Error::PreviousIo)));
        assert!(again.is_err());
        assert_eq!(said.lock().expect("no panic").len(), 1, "it is told once");
    }
    let place = tempfile::tempdir().expect("a directory");
    let (kept, _) = store(place.path());
    put(&kept, "", "a", json!(1));
    // What is wrong with what is in it stays so.
    let database = kept.database(false).expect("opened").expect("there");
    let damaged = kept.guarded(&database, || Err::<(), _>(Failure(redb::Error::Corrupted("x".to_owned()))));
    assert!(damaged.is_err() && Arc::ptr_eq(&database, &kept.database(false).expect("opened").expect("there")));
}
