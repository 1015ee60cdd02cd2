//! Waiting: nothing is waited for that has no end, and whoever says stop is heard.

mod support;

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::{Bench, Run};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
/// Far longer than any of these commands takes, and far shorter than what they would wait for.
const LONG: Duration = Duration::from_secs(20);

fn start(bench: &Bench, words: &[&str]) -> Child {
    let mut command = bench.command(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs").success());
}

/// The end of a process, which comes soon or is a failure.
fn end(mut child: Child, what: &str) -> Run {
    let begin = Instant::now();
    while child.try_wait().expect("asked").is_none() {
        if begin.elapsed() > LONG {
            let _ = child.kill();
            panic!("{what} hangs");
        }
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().expect("ended");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Waits until the command has got as far as the test needs.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LONG, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process has opened that file, so that it is in the middle of its work.
fn has_open(child: &Child, path: &Path) -> bool {
    let directory = format!("/proc/{}/fd", child.id());
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|open| open == path))
}

fn fifo(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

fn lock(bench: &Bench) -> File {
    let lock = File::options().read(true).write(true).open(bench.path("plugins/.aisoc/write.lock")).expect("there");
    lock.try_lock().expect("free");
    lock
}

/// A plugin that is installed, of which an older version is kept, and one that could be installed.
fn installed() -> Bench {
    let bench = Bench::new();
    bench.published();
    for version in ["0.2.0", "0.3.0"] {
        let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
        let line = manifest.lines().find(|line| line.starts_with("version:")).expect("a version").to_owned();
        bench.write("demo/plugin.yaml", manifest.replace(&line, &format!("version: \"{version}\"")));
        bench.sign("demo").ok();
        bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", &format!("{version}.tar")]).ok();
    }
    bench.install("oci-archive:demo.tar").ok();
    bench.install("oci-archive:0.2.0.tar").ok();
    bench
}

#[test]
fn whoever_waits_for_the_lock_hears_a_signal_and_changes_nothing() {
    let bench = installed();
    let before = bench.snapshot("plugins");
    let lock = lock(&bench);
    for (round, verb) in [
        &["install", "oci-archive:0.3.0.tar", "--trusted-keys", "keys"][..],
        &["rollback", "demo", "--trusted-keys", "keys"],
        &["uninstall", "demo", "--yes"],
        &["gc", "--keep", "0"],
    ]
    .iter()
    .enumerate()
    {
        let words = [&["plugin"][..], verb, &["--plugins-dir", "plugins", "--lock-timeout", "600"]].concat();
        let child = start(&bench, &words);
        until("it waits for the lock", || has_open(&child, &bench.path("plugins/.aisoc/write.lock")));
        signal(&child, ["-INT", "-TERM", "-HUP"][round % 3]);
        let run = end(child, verb[0]);
        run.refused(130, "interrupted");
        assert_eq!(bench.snapshot("plugins"), before, "{verb:?}");
    }
    drop(lock);
    bench.install("oci-archive:0.3.0.tar").ok();
}

#[test]
fn whoever_hashes_hears_a_signal_and_writes_nothing() {
    let bench = installed();
    // A hole: read as fast as memory, for longer than the signal takes.
    let large = bench.path("demo/large.bin");
    File::create(&large).expect("created").set_len(3 << 30).expect("sparse");
    fs::create_dir(bench.path("elsewhere")).expect("made");
    let before = bench.snapshot("plugins");
    let signature = fs::read(bench.path("demo/plugin.sig")).expect("signed");
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(bench.path("demo")).expect("listed").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let listed = names();
    for words in [
        &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"][..],
        &["plugin", "verify", "demo", "--trusted-keys", "keys"],
        &["plugin", "package", "--plugin-dir", "demo", "--out", "elsewhere/new.tar"],
        &["plugin", "push", "demo", "oci:elsewhere/layout:1"],
        &["plugin", "digest", "demo"],
        &["plugin", "inspect", "./demo"],
        &["plugin", "validate", "demo"],
    ] {
        let child = start(&bench, words);
        until("it reads the large file", || has_open(&child, &large));
        signal(&child, "-TERM");
        end(child, words[1]).refused(130, "interrupted");
        assert_eq!(names(), listed, "{words:?}");
        assert_eq!(fs::read_dir(bench.path("elsewhere")).expect("listed").count(), 0, "{words:?}");
    }
    assert_eq!(fs::read(bench.path("demo/plugin.sig")).expect("signed"), signature);
    fs::rename(&large, bench.path("plugins/demo/large.bin")).expect("moved");
    for words in [["plugins", "verify"], ["plugin", "list"]] {
        let child = start(&bench, &[&words[..], &PLACES].concat());
        until("it reads the large file", || has_open(&child, &bench.path("plugins/demo/large.bin")));
        signal(&child, "-INT");
        end(child, words[1]).refused(130, "interrupted");
    }
    fs::remove_file(bench.path("plugins/demo/large.bin")).expect("removed");
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn one_signal_that_comes_twice_is_one_wish_to_stop() {
    let bench = Bench::new();
    bench.published();
    let sign = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "-"];
    for name in ["-INT", "-TERM"] {
        let child = start(&bench, &sign);
        thread::sleep(Duration::from_millis(300));
        // As `timeout` does it: to the process, and to the group that it is in.
        let both = format!("kill {name} {0}; kill {name} {0}", child.id());
        assert!(Command::new("sh").args(["-c", &both]).status().expect("sh runs").success());
        end(child, name).refused(130, "interrupted");
    }
}

#[test]
fn a_key_that_never_comes_is_waited_for_until_a_signal() {
    let bench = Bench::new();
    bench.published();
    let before = bench.snapshot("demo");
    for source in ["-", "/dev/stdin", "/dev/fd/0"] {
        for name in ["-INT", "-TERM"] {
            let child = start(&bench, &["plugin", "sign", "--plugin-dir", "demo", "--private-key", source]);
            thread::sleep(Duration::from_millis(300));
            signal(&child, name);
            end(child, source).refused(130, "interrupted");
            assert_eq!(bench.snapshot("demo"), before, "{source}");
        }
        // And one that comes late, in pieces, is read.
        let mut child = start(&bench, &["plugin", "sign", "--plugin-dir", "demo", "--private-key", source]);
        let key = fs::read(bench.path("release.key")).expect("a key");
        let mut input = child.stdin.take().expect("piped");
        for half in key.chunks(key.len() / 2 + 1) {
            thread::sleep(Duration::from_millis(100));
            input.write_all(half).expect("written");
        }
        drop(input);
        end(child, source).ok();
    }
}

#[test]
fn a_fifo_is_refused_and_not_waited_for_wherever_a_file_is_expected() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir_all(bench.path("layout/blobs/sha256")).expect("made");
    for name in ["fifo.tar", "fifo.key", "layout/oci-layout"] {
        fifo(&bench.path(name));
    }
    let refused = |words: &[&str], reason: &str| {
        end(start(&bench, words), &words.join(" ")).refused(1, reason);
    };
    let install = ["plugin", "install", "oci-archive:fifo.tar", "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    refused(&install, "layout_invalid");
    refused(&["plugin", "verify", "oci-archive:fifo.tar", "--trusted-keys", "keys"], "layout_invalid");
    refused(&["plugin", "push", "demo", "oci-archive:fifo.tar:1"], "layout_invalid");
    refused(&["plugin", "push", "demo", "oci:layout:1"], "layout_invalid");
    refused(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "fifo.key"], "key_invalid");
    fifo(&bench.path("demo/plugin.yaml"));
    refused(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"], "manifest_invalid");
    refused(&["plugin", "validate", "demo"], "manifest_invalid");
    refused(&["plugin", "package", "--plugin-dir", "demo", "--out", "new.tar"], "manifest_invalid");
    let run = end(start(&bench, &["plugin", "verify", "demo", "--trusted-keys", "keys"]), "verify");
    assert_ne!(run.code, 0, "{run:?}");
}

#[test]
fn a_file_that_keeps_becoming_a_fifo_hangs_nobody() {
    let bench = Bench::new();
    bench.published();
    let (key, manifest) = (bench.path("release.key"), bench.path("demo/plugin.yaml"));
    let plain = [&key, &manifest].map(|path| (path.clone(), fs::read(path).expect("read")));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    thread::scope(|scope| {
        scope.spawn(|| {
            for (path, content) in &plain {
                fs::write(path.with_extension("plain"), content).expect("written");
                fs::set_permissions(path.with_extension("plain"), fs::Permissions::from_mode(0o600)).expect("mode");
                fifo(&path.with_extension("fifo"));
            }
            while !stop.load(relaxed) {
                for (path, _) in &plain {
                    for other in ["plain", "fifo"] {
                        let _ = fs::remove_file(path);
                        let _ = fs::hard_link(path.with_extension(other), path);
                    }
                }
            }
        });
        for _ in 0..40 {
            let words = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"];
            let ended = std::panic::catch_unwind(|| end(start(&bench, &words), "sign"));
            if ended.is_err() {
                stop.store(true, relaxed);
            }
            let run = ended.expect("it ends");
            assert!([0, 1].contains(&run.code), "{run:?}");
        }
        stop.store(true, relaxed);
    });
}

#[test]
fn another_user_can_neither_open_the_lock_nor_hold_it() {
    let bench = installed();
    let own = bench.path("plugins/.aisoc");
    // What an earlier version left readable, held by whoever could open it.
    let old = File::create(own.join("lock")).expect("made");
    fs::set_permissions(own.join("lock"), fs::Permissions::from_mode(0o644)).expect("mode");
    old.try_lock().expect("held");
    for entry in fs::read_dir(&own).expect("listed").flatten() {
        let mode = entry.metadata().expect("found").permissions().mode();
        if entry.file_name() == "write.lock" {
            assert_eq!(mode & 0o7777, 0o600);
        }
    }
    let words = [&["plugin", "install", "oci-archive:0.3.0.tar", "--lock-timeout", "0"][..], &PLACES].concat();
    bench.run(&words).ok();
}

#[test]
fn a_holder_that_is_gone_is_not_named() {
    let bench = installed();
    let path = bench.path("plugins/.aisoc/write.lock");
    let note = fs::read_to_string(&path).expect("a note");
    assert!(note.starts_with("process "), "{note}");
    let _lock = lock(&bench);
    let words = [&["plugin", "install", "oci-archive:0.3.0.tar", "--lock-timeout", "0"][..], &PLACES].concat();
    let run = bench.run(&words);
    run.refused(4, "locked");
    assert!(run.error_line().ends_with("is being changed by a process that has not given its name"), "{run:?}");
}

#[test]
fn a_layout_that_somebody_holds_is_waited_for_until_a_signal() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "push", "demo", "oci:layout:1"]).ok();
    let before = bench.snapshot("layout");
    // Whoever can read a layout can hold these, and so keeps nobody out.
    let marker = File::open(bench.path("layout/oci-layout")).expect("there");
    marker.try_lock().expect("held");
    bench.run(&["plugin", "push", "demo", "oci:layout:1"]).ok();
    assert_eq!(bench.snapshot("layout"), before);
    let held = bench.write("layout/.aisoc-lock", "");
    let file = File::open(&held).expect("there");
    file.try_lock().expect("held");
    let child = start(&bench, &["plugin", "push", "demo", "oci:layout:2"]);
    until("it waits for the layout", || has_open(&child, &held));
    signal(&child, "-TERM");
    end(child, "push").refused(130, "interrupted");
    fs::remove_file(held).expect("removed");
    assert_eq!(fs::read(bench.path("layout/index.json")).expect("read"), before[&bench.path("layout/index.json")]);
}

#[test]
fn the_holder_of_a_layout_is_named_to_whoever_waits_for_it() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "push", "demo", "oci:layout:1"]).ok();
    let stat = fs::read_to_string("/proc/self/stat").expect("read");
    let start = stat.rsplit_once(')').expect("a name").1.split_ascii_whitespace().nth(19).expect("a field").to_owned();
    let line = format!("process {}, aisoc plugin push, host x, since y", std::process::id());
    for (note, holder) in [
        (format!("{line}\n{start}\n"), line.as_str()),
        (String::new(), "a process that has not given its name"),
        (format!("{line}\n1\n"), "a process that has not given its name"),
    ] {
        let held = bench.write("layout/.aisoc-lock", note);
        let file = File::open(&held).expect("there");
        file.try_lock().expect("held");
        let err = File::create(bench.path("stderr")).expect("made");
        let mut command = bench.command(&["plugin", "push", "demo", "oci:layout:2"]);
        let child = command.stdout(Stdio::null()).stderr(err).spawn().expect("started");
        let said = || fs::read_to_string(bench.path("stderr")).expect("UTF-8");
        until("it is said", || said().contains("Waiting for"));
        signal(&child, "-TERM");
        let mut child = child;
        assert_eq!(child.wait().expect("ended").code(), Some(130));
        let expected = format!("     Waiting for the layout `layout`, which {holder} changes; 30 s at most");
        assert_eq!(said().lines().find(|line| line.contains("Waiting")), Some(expected.as_str()));
        fs::remove_file(held).expect("removed");
    }
    bench.run(&["plugin", "push", "demo", "oci:layout:2"]).ok();
    assert!(!bench.path("layout/.aisoc-lock").exists(), "nothing of it stays");
}

/// What is asked of every command when something runs out: it ends, with an answer that is no bug's.
fn commands(reference: &str) -> Vec<Vec<&str>> {
    vec![
        [&["plugin", "install", "oci-archive:0.3.0.tar"][..], &PLACES].concat(),
        [&["plugin", "install", reference, "--allow-downgrade"][..], &PLACES].concat(),
        vec!["plugin", "verify", "demo", "--trusted-keys", "keys"],
        [&["plugin", "list"][..], &PLACES].concat(),
        vec!["plugin", "push", "demo", "oci:few:1"],
        vec!["plugin", "package", "--plugin-dir", "demo", "--out", "few.tar"],
        vec!["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"],
    ]
}

/// Runs a command within each limit. It ends with an answer that is no bug's, and with success within the
/// last; the answers.
fn answers(bench: &Bench, words: &[&str], limited: impl Fn(usize) -> Command, limits: &[usize]) -> Vec<Run> {
    let run = |limit: &usize| {
        let program = bench.command(words);
        let mut command = limited(*limit);
        command.arg(program.get_program()).args(program.get_args()).current_dir(bench.path("."));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let run = end(child.expect("started"), &format!("{words:?} with {limit}"));
        match run.code {
            0 => {}
            1 | 4 => assert!(!run.error_line().is_empty()),
            // So little that the program cannot even be loaded.
            code => assert_eq!(code, 127, "{words:?} with {limit}: {run:?}"),
        }
        run
    };
    let answers: Vec<Run> = limits.iter().map(run).collect();
    assert_eq!(answers.last().map(|run| run.code), Some(0), "{words:?}: {answers:?}");
    answers
}

#[test]
fn with_few_descriptors_every_command_ends_with_an_answer() {
    let bench = installed();
    let registry = bench.registry();
    let reference = format!("{}/team/demo:1", registry.address);
    bench.run(&["plugin", "push", "0.3.0.tar", &reference]).ok();
    let limits: Vec<usize> = (3..=16).chain([20, 24, 32, 64]).collect();
    let limited = |limit| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"]);
        command
    };
    let mut errors = Vec::new();
    for words in &commands(&reference) {
        errors.extend(answers(&bench, words, limited, &limits).into_iter().map(|run| run.stderr));
    }
    assert!(errors.iter().any(|error| error.contains("error[io_error]: ")), "{errors:?}");
    // A draft beside the plugin's files would make it another plugin.
    let is_draft = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".aisoc-");
    assert_eq!(fs::read_dir(bench.path("demo")).expect("listed").flatten().filter(is_draft).count(), 0);
}

#[test]
fn with_few_threads_every_command_ends_with_an_answer() {
    // A user of whom nothing else runs; only root can become one.
    const USER: &str = "54321";
    let bench = installed();
    let owned = Command::new("chown").args(["-R", USER]).arg(bench.path(".")).stderr(Stdio::null()).status();
    let limited = |limit| {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nproc={limit}")).args(["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]);
        command
    };
    let can_become = || {
        let program = limited(64).arg(env!("CARGO_BIN_EXE_aisoc")).arg("--version").stderr(Stdio::null()).output();
        program.is_ok_and(|output| output.status.success())
    };
    if !owned.is_ok_and(|status| status.success()) || !can_become() {
        eprintln!("SKIPPED: this user cannot become another, so no threads were counted");
        return;
    }
    for words in commands("oci-archive:demo.tar") {
        answers(&bench, &words, limited, &[1, 2, 3, 4, 5, 6, 8, 64]);
    }
}

#[test]
fn nothing_is_removed_that_is_only_named_like_ours() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "push", "demo", "oci:layout:1"]).ok();
    let names = ["key", "package", "archive", "layout", "sign", "uploads", "staging"]
        .map(|what| format!(".aisoc-{what}-photos"));
    let mut kept = Vec::new();
    for place in ["", "layout/", "plugins/"] {
        for name in names.iter().map(String::as_str).chain([".ingest-backup"]) {
            let directory = format!("{place}{name}");
            bench.write(&format!("{directory}/holiday"), "mine");
            fs::set_permissions(bench.path(&directory), fs::Permissions::from_mode(0o700)).expect("mode");
            kept.push(bench.path(&directory).join("holiday"));
        }
        kept.push(bench.write(&format!("{place}.ingest-myfile"), "mine"));
        kept.push(bench.write(&format!("{place}.aisoc-key-myfile"), "mine"));
    }
    for words in [
        &["plugin", "keygen", "--out", "other"][..],
        &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"],
        &["plugin", "package", "--plugin-dir", "demo", "--out", "new.tar"],
        &["plugin", "push", "new.tar", "oci-archive:copy.tar:1"],
        &["plugin", "push", "new.tar", "oci-archive:copy.tar:2"],
        &["plugin", "push", "new.tar", "oci:layout:2"],
        &["plugin", "install", "oci-archive:new.tar", "--trusted-keys", "keys", "--plugins-dir", "plugins"],
        &["plugin", "gc", "--plugins-dir", "plugins"],
    ] {
        bench.run(words).ok();
        for path in &kept {
            assert_eq!(fs::read_to_string(path).ok().as_deref(), Some("mine"), "{} after {words:?}", path.display());
        }
    }
}
