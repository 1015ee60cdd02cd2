//! Programs that answer, and the ways in which they do not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aisoc_programs::{Answer, Failure, Program, Question, ask};

const LONG: Duration = Duration::from_secs(20);

fn script(text: &str) -> Program {
    Program { name: "sh".into(), arguments: ["-c", text].map(Into::into).to_vec() }
}

fn asked(text: &str, input: &[u8], patience: Duration) -> Result<Answer, Failure> {
    let stop = AtomicBool::new(false);
    let deadline = Instant::now() + patience;
    ask(&script(text), &Question { input, deadline, stop: &stop, answer_bytes: 1000, complaint_bytes: 100 })
}

/// How long the script's answer to nothing takes to be given up.
fn failure(text: &str) -> Failure {
    asked(text, b"", Duration::from_millis(300)).err().unwrap_or_else(|| panic!("{text} gave an answer"))
}

#[test]
fn the_question_and_both_answers_are_whole() {
    let answer = asked("cat; echo complaint >&2; exit 3", b"question", LONG).expect("an answer");
    assert_eq!((&answer.printed[..], &answer.complaint[..]), (&b"question"[..], &b"complaint\n"[..]));
    assert_eq!(answer.end(), "failed with exit code 3");
    assert_eq!(asked("kill -9 $$", b"", LONG).expect("an end").end(), "was ended by signal 9");
}

#[test]
fn a_question_that_fills_its_pipe_holds_nobody_up() {
    let question = vec![b'x'; 1 << 20];
    let answer = asked("wc -c", &question, LONG).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&answer.printed).trim(), "1048576");
    assert!(asked("echo done", &question, LONG).is_ok(), "one that is not read");
    assert!(matches!(
        asked("sleep 60", &question, Duration::from_millis(300)).err().expect("no answer"),
        Failure::TimedOut
    ));
}

#[test]
fn an_answer_has_an_end_and_a_complaint_is_cut() {
    for text in ["cat /dev/zero", "head -c 1001 /dev/zero"] {
        assert!(matches!(failure(text), Failure::TooMuch { at_most: 1000 }), "{text}");
    }
    let answer = asked("head -c 1000 /dev/zero; head -c 200000 /dev/zero >&2", b"", LONG).expect("an answer");
    assert_eq!((answer.printed.len(), answer.complaint.len()), (1000, 100));
}

#[test]
fn what_takes_too_long_or_is_not_there_is_told_apart() {
    for text in ["sleep 60", "exec >&- 2>&-; sleep 60", "trap '' TERM; echo x; sleep 60"] {
        assert!(matches!(failure(text), Failure::TimedOut), "{text}");
    }
    let stop = AtomicBool::new(false);
    let none =
        Question { input: b"", deadline: Instant::now() + LONG, stop: &stop, answer_bytes: 1, complaint_bytes: 0 };
    for (name, is_found) in [("is-not-installed-anywhere", false), ("/", true)] {
        let failure = ask(&Program { name: name.into(), arguments: Vec::new() }, &none).err().expect("no program");
        assert_eq!(matches!(failure, Failure::NotStarted(_)), is_found, "{name}: {failure}");
        assert_eq!(matches!(failure, Failure::NotFound), !is_found, "{name}: {failure}");
    }
}

#[test]
fn what_is_left_behind_is_not_waited_for() {
    let began = Instant::now();
    for text in ["sleep 30 & echo done", "{ while :; do echo x; sleep 0.01; done; } >&2 & echo done"] {
        assert_eq!(&asked(text, b"", LONG).expect("an answer").printed[..], b"done\n", "{text}");
    }
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

/// Whether a process runs: what was ended and is not yet waited for is gone.
fn is_running(number: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[test]
fn whoever_stops_asking_ends_the_whole_group() {
    let place = tempfile::tempdir().expect("a directory");
    let note = place.path().join("note");
    let text = format!("sleep 60 & echo $$ $! > '{0}.new'; mv '{0}.new' '{0}'; wait", note.display());
    let stop = AtomicBool::new(false);
    let numbers = std::thread::scope(|scope| {
        let question =
            Question { input: b"", deadline: Instant::now() + LONG, stop: &stop, answer_bytes: 9, complaint_bytes: 9 };
        let asking = scope.spawn(move || ask(&script(&text), &question).err());
        while !note.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::SeqCst);
        assert!(matches!(asking.join().expect("ended"), Some(Failure::Stopped)));
        std::fs::read_to_string(&note).expect("numbers")
    });
    assert_eq!(numbers.split_whitespace().count(), 2);
    for _ in 0..400 {
        if !numbers.split_whitespace().any(is_running) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{numbers} still run");
}

#[test]
fn a_program_that_is_still_being_written_is_tried_again_for_a_moment() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("program");
    std::fs::write(&path, "#!/bin/sh\necho done\n").expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
    let program = Program { name: path.clone().into(), arguments: Vec::new() };
    let stop = AtomicBool::new(false);
    let none =
        Question { input: b"", deadline: Instant::now() + LONG, stop: &stop, answer_bytes: 9, complaint_bytes: 0 };
    let open = || std::fs::OpenOptions::new().append(true).open(&path).expect("opened");
    std::thread::scope(|scope| {
        let writer = open();
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(writer);
        });
        assert_eq!(&ask(&program, &none).expect("an answer").printed[..], b"done\n");
    });
    let _writer = open();
    assert!(matches!(ask(&program, &none).err().expect("busy for good"), Failure::NotStarted(_)));
}
