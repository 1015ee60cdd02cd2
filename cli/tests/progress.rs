//! What is said while something takes long: how far it is, and what is waited for.

mod support;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_testkit::registry::Registry;
use support::{Bench, Run};

/// Larger than what the system buffers of a connection to itself.
const LARGE: usize = 12 << 20;

/// Passes on what is sent to `address`, slowly; what comes back, as it comes.
fn slow_way_to(address: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (here, address) = (listener.local_addr().expect("bound").to_string(), address.to_owned());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&address) else { return };
            let (back_from, back_to) = (server.try_clone().expect("cloned"), client.try_clone().expect("cloned"));
            thread::spawn(move || pass(back_from, back_to, Duration::ZERO));
            thread::spawn(move || pass(client, server, Duration::from_millis(15)));
        }
    });
    here
}

fn pass(mut from: TcpStream, mut to: TcpStream, pause: Duration) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut piece) {
        if length == 0 || to.write_all(&piece[..length]).is_err() {
            break;
        }
        thread::sleep(pause);
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A plugin with something large in it that does not compress.
fn large() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    let mut state = 1_u32;
    let noise = (0..LARGE / 4).flat_map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state ^ (state >> 15)).wrapping_mul(0x2c1b_3c6d).to_le_bytes()
    });
    bench.write("demo/data.bin", noise.collect::<Vec<u8>>());
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    bench.sign("demo").ok();
    bench
}

/// What a terminal of that width is sent while the plugin is pushed.
fn on_a_terminal(bench: &Bench, address: &str, tag: &str, columns: usize, variables: &str) -> String {
    let aisoc = env!("CARGO_BIN_EXE_aisoc");
    let push = format!("stty rows 24 cols {columns}; {variables} exec '{aisoc}' plugin push demo {address}/demo:{tag}");
    let mut script = Command::new("script");
    script.args(["-qefc", &push, "/dev/null"]).current_dir(bench.path(".")).env("TERM", "xterm").env_remove("NO_COLOR");
    let output = script.stdin(Stdio::null()).output().expect("script of util-linux");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// Without the sequences that steer a terminal, cut wherever it goes to the beginning of a line.
fn drawn(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            '\u{1b}' => drop(rest.by_ref().skip(1).find(char::is_ascii_alphabetic)),
            other => plain.push(other),
        }
    }
    plain.split(['\r', '\n']).filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_bar_is_one_line_of_any_terminal_and_nothing_is_left_of_it() {
    let bench = large();
    for (round, columns) in [20, 40, 60, 132].into_iter().enumerate() {
        // Another repository each time, whose registry has the blob not yet.
        let store = Registry::start();
        let text = on_a_terminal(&bench, &slow_way_to(&store.host()), &format!("{round}"), columns, "");
        let drawn = drawn(&text);
        let is_bar = |line: &&String| line.contains(" %") || line.contains("iB");
        let bars: Vec<&String> = drawn.iter().filter(is_bar).collect();
        assert!(bars.len() > 3, "{columns}: {drawn:?}");
        assert!(
            bars.iter().all(|bar| bar.chars().count() <= columns && bar.trim_end().chars().count() < columns),
            "{columns}: {bars:?}"
        );
        assert_eq!(bars.iter().any(|bar| bar.contains(" s left")), columns >= 60, "{columns}: {bars:?}");
        assert!(drawn.iter().any(|line| line.contains("Read back")), "{drawn:?}");
        assert!(text.contains("\u{1b}[2K"), "it is cleared");
        let end = drawn.last().expect("a line");
        assert!(end.contains("@sha256:"), "{drawn:?}");
    }
}

#[test]
fn nothing_is_drawn_where_nobody_wants_it() {
    let bench = large();
    for variables in ["TERM=dumb", "NO_COLOR=1", "TERM="] {
        let registry = Registry::start();
        let text = on_a_terminal(&bench, &slow_way_to(&registry.host()), "1", 80, variables);
        assert!(!text.contains('%') && !text.contains("[=") && !text.contains("\u{1b}[2K"), "{variables}: {text}");
        assert!(text.contains("Pushing"), "{variables}: {text}");
    }
    let registry = Registry::start();
    let run = bench.run(&["plugin", "push", "demo", &format!("{}/demo:1", slow_way_to(&registry.host()))]);
    assert!(!run.ok().stderr.contains(['\r', '\u{1b}', '%']), "{run:?}");
}

/// What a command says within so long, and the end that it is brought to.
fn said_within(bench: &Bench, words: &[&str], patience: Duration, wanted: &str) -> Run {
    let err = File::create(bench.path("stderr")).expect("made");
    let mut command = bench.command(words);
    let mut child = command.stdout(Stdio::null()).stderr(err).spawn().expect("started");
    let begin = Instant::now();
    let said = || fs::read_to_string(bench.path("stderr")).expect("UTF-8");
    while begin.elapsed() < patience && !said().contains(wanted) {
        thread::sleep(Duration::from_millis(50));
    }
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(asked.success(), "it has ended by itself: {}", said());
    let code = child.wait().expect("ended").code().unwrap_or(-1);
    Run { code, stdout: String::new(), stderr: said() }
}

#[test]
fn whoever_waits_for_the_lock_is_told_soon_who_holds_it() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let lock = File::options().read(true).write(true).open(bench.path("plugins/.aisoc/write.lock")).expect("there");
    lock.try_lock().expect("free");
    let words = ["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins", "--lock-timeout", "600"];
    let run = said_within(&bench, &words, Duration::from_secs(10), "Waiting");
    run.refused(130, "interrupted");
    let line = run.stderr.lines().find(|line| line.contains("Waiting")).expect("it is said");
    let expected = "     Waiting for `plugins`, which a process that has not given its name changes; 600 s at most";
    assert_eq!(line, expected, "{run:?}");
    for silent in ["--json", "--quiet"] {
        let words = [&words[..], &["--lock-timeout=2", silent]].concat();
        let words: Vec<&str> = words.into_iter().filter(|word| !matches!(*word, "--lock-timeout" | "600")).collect();
        let run = bench.run(&words);
        assert!(run.code == 4 || run.code == 1, "{run:?}");
        assert!(!run.stderr.contains("Waiting"), "{run:?}");
    }
}

#[test]
fn a_host_that_says_nothing_is_named_before_it_is_given_up() {
    let bench = Bench::new();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let reference = format!("{}/team/demo:1", silent.local_addr().expect("bound"));
    let run = said_within(&bench, &["plugin", "inspect", &reference], Duration::from_secs(15), "Waiting");
    run.refused(130, "interrupted");
    let line = run.stderr.lines().find(|line| line.contains("Waiting")).expect("it is said");
    let expected = format!(
        "     Waiting for `{}`, which has said nothing for 5 s; 40 s at most, then it is asked again",
        silent.local_addr().expect("bound")
    );
    assert_eq!(line, expected);
    let run = said_within(&bench, &["plugin", "inspect", &reference, "--quiet"], Duration::from_secs(7), "Waiting");
    assert!(!run.stderr.contains("Waiting"), "{run:?}");
}
