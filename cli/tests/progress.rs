//! What is said while something takes long: how far it is, and what is waited for.

mod support;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::digest::Digest;
use aisoc_testkit::registry::Registry;
use serde_json::{Value, json};
use support::terminal::{CTRL_C, Terminal, drawn};
use support::{Bench, Run};

const AISOC: &str = env!("CARGO_BIN_EXE_aisoc");

/// Larger than what the system buffers of a connection to itself, several times.
const LARGE: usize = 24 << 20;
/// What goes through a slow way at a time.
const PIECE: usize = 64 << 10;
/// How long a slow way rests after each piece: 3.6, 5.5 and 22 MB/s.
const SLOW: Duration = Duration::from_millis(18);
const SLOWISH: Duration = Duration::from_millis(12);
const SEEN: Duration = Duration::from_millis(3);

/// Passes on what is sent to `address`, slowly; what comes back, late.
fn slow_way_to(address: &str, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (here, address) = (listener.local_addr().expect("bound").to_string(), address.to_owned());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&address) else { return };
            let (back_from, back_to) = (server.try_clone().expect("cloned"), client.try_clone().expect("cloned"));
            thread::spawn(move || answer(back_from, back_to));
            thread::spawn(move || pass(client, server, pause));
        }
    });
    here
}

/// What a registry says comes late: it is waited for long enough to be seen.
fn answer(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        thread::sleep(Duration::from_millis(400));
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// In step with the clock, whatever a piece itself takes: the way is as slow as it says.
fn pass(mut from: TcpStream, mut to: TcpStream, pause: Duration) {
    let mut piece = vec![0; PIECE];
    let mut next = Instant::now();
    while let Ok(length) = from.read(&mut piece) {
        if length == 0 || to.write_all(&piece[..length]).is_err() {
            break;
        }
        next = (next + pause.mul_f64(length as f64 / PIECE as f64)).max(Instant::now() - pause);
        thread::sleep(next.saturating_duration_since(Instant::now()));
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
    let words = format!("{variables} exec '{AISOC}' plugin push demo {address}/demo:{tag}");
    let (code, text) = Terminal::run(&bench.path("."), columns, &words).end();
    assert_eq!(code, 0, "{text}");
    text
}

fn is_bar(line: &&String) -> bool {
    line.contains(" %") || line.contains(" of ")
}

#[track_caller]
fn require_one_line_each(drawn: &[String], columns: usize) {
    let bars: Vec<_> = drawn.iter().filter(is_bar).collect();
    assert!(bars.len() > 3, "{columns}: {drawn:?}");
    assert!(
        bars.iter().all(|bar| bar.chars().count() <= columns && bar.trim_end().chars().count() < columns),
        "{columns}: {bars:?}"
    );
}

#[test]
fn a_bar_is_one_line_of_any_terminal_and_nothing_is_left_of_it() {
    let bench = large();
    for (round, columns) in [20, 40, 60, 132].into_iter().enumerate() {
        // Another repository each time, whose registry has the blob not yet.
        let store = Registry::start();
        let text = on_a_terminal(&bench, &slow_way_to(&store.host(), SLOWISH), &format!("{round}"), columns, "");
        let drawn = drawn(&text);
        require_one_line_each(&drawn, columns);
        assert_eq!(drawn.iter().any(|line| line.contains(" s left")), columns >= 60, "{columns}: {drawn:?}");
        assert_eq!(
            drawn.iter().any(|line| line.contains("waiting for the reg")),
            columns >= 60,
            "{columns}: {drawn:?}"
        );
        assert!(drawn.iter().any(|line| line.contains("Read back")), "{drawn:?}");
        assert!(text.contains("\u{1b}[2K"), "it is cleared");
        let end = drawn.last().expect("a line");
        assert!(end.contains("@sha256:"), "{drawn:?}");
    }
}

/// The number before a unit of speed, in bytes.
fn rate(line: &str) -> Option<f64> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| word.trim_end_matches(',').ends_with("B/s"))?;
    let unit = match words[at] {
        word if word.starts_with("MiB/s") => 1_048_576.0,
        word if word.starts_with("KiB/s") => 1024.0,
        _ => 1.0,
    };
    Some(words[at - 1].parse::<f64>().expect("a number") * unit)
}

#[test]
fn a_pace_is_that_of_the_way_and_not_of_the_buffers_before_it() {
    let bench = large();
    let registry = Registry::start();
    let text = on_a_terminal(&bench, &slow_way_to(&registry.host(), SLOW), "1", 100, "");
    let mut rates: Vec<f64> = drawn(&text).iter().filter_map(|line| rate(line)).collect();
    assert!(rates.len() > 10, "{text}");
    rates.sort_by(f64::total_cmp);
    let (middle, way) = (rates[rates.len() / 2], PIECE as f64 / SLOW.as_secs_f64());
    assert!((middle / way - 1.0).abs() < 0.15, "{middle} of {way}: {rates:?}");
}

/// A layout with one artifact of three layers of 8 MiB, and how each of them is called in short.
fn three_layers(bench: &Bench) -> Vec<String> {
    let store = |bytes: &[u8], media_type: &str| {
        let digest = Digest::of(bytes).to_string();
        bench.write(&format!("layout/blobs/sha256/{}", &digest["sha256:".len()..]), bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    };
    let config = store(b"{}", "application/vnd.oci.empty.v1+json");
    let layers: Vec<Value> = (0..3).map(|seed| store(&vec![seed; 8 << 20], "application/octet-stream")).collect();
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": manifest_type, "artifactType": "application/x", "config": config, "layers": layers,
    });
    let mut root = store(manifest.to_string().as_bytes(), manifest_type);
    root["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
    bench.write("layout/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    bench.write("layout/index.json", json!({ "schemaVersion": 2, "manifests": [root] }).to_string());
    let name = |layer: &Value| layer["digest"].as_str().expect("text")["sha256:".len()..][..12].to_owned();
    layers.iter().map(name).collect()
}

#[test]
fn blobs_that_move_together_have_a_line_each_on_a_terminal() {
    let (bench, store) = (Bench::new(), Registry::start());
    let names = three_layers(&bench);
    let words = format!("exec '{AISOC}' copy oci:layout:1 {}/x:1", slow_way_to(&store.host(), SLOWISH));
    let (code, text) = Terminal::run(&bench.path("."), 100, &words).end();
    assert_eq!(code, 0, "{text}");
    // A terminal goes to its next line by itself where one is full.
    let lines = |text: &String| text.chars().collect::<Vec<_>>().chunks(100).map(String::from_iter).collect::<Vec<_>>();
    let drawn: Vec<String> = drawn(&text).iter().flat_map(lines).collect();
    require_one_line_each(&drawn, 100);
    for name in &names {
        let own = format!("     Pushing {name} ");
        let bars: Vec<_> = drawn.iter().filter(|line| line.starts_with(&own) && line.contains(" of 8.0 MiB")).collect();
        assert!(bars.len() > 3 && bars.iter().any(|bar| bar.contains("[=")), "{name}: {drawn:?}");
        assert!(bars.iter().any(|bar| bar.contains("8.0 of 8.0 MiB waiting for the registry")), "{name}: {drawn:?}");
    }
    assert!(drawn.iter().any(|line| line.starts_with("     Pushing ") && line.contains(" of 24.0 MiB")), "{drawn:?}");
    let end = drawn.iter().position(|line| line.starts_with("      Copied ")).expect("a line");
    assert!(drawn[end..].iter().all(|line| !line.contains(" MiB ")), "nothing is left: {:?}", &drawn[end..]);
}

#[test]
fn each_blob_has_a_plain_line_where_nothing_is_drawn_and_an_event_for_programs() {
    let (bench, store) = (Bench::new(), Registry::start());
    let names = three_layers(&bench);
    let place = store.reference("x:1");
    let lines = |run: &Run, verb: &str| {
        let line = |name: &String| format!("{verb:>12} sha256:{name} (8.0 MiB");
        names.iter().filter(|name| run.stderr.contains(&line(name))).count()
    };
    assert_eq!(lines(bench.run(&["copy", "oci:layout:1", &place]).ok(), "Pushed"), 3);
    assert_eq!(lines(bench.run(&["copy", "oci:layout:1", &place]).ok(), "Present"), 3);
    assert_eq!(lines(bench.run(&["copy", &place, &store.reference("y:1")]).ok(), "Mounted"), 3);
    assert_eq!(lines(bench.run(&["copy", &place, "oci-archive:x.tar"]).ok(), "Wrote"), 3);
    for silent in ["--quiet", "--json"] {
        let run = bench.run(&["copy", "oci:layout:1", &store.reference("z:1"), "--progress=plain", silent]);
        assert_eq!(run.ok().stderr, "", "{silent}");
    }
    let words = format!("exec '{AISOC}' copy oci:layout:1 {} --progress=plain", store.reference("w:1"));
    let (_, text) = Terminal::run(&bench.path("."), 100, &words).end();
    assert!(text.contains(&format!("Pushed\u{1b}[0m sha256:{}", names[0])) && !text.contains("[="), "{text}");

    let slow = slow_way_to(&store.host(), SLOW);
    let run = bench.run(&["copy", "oci:layout:1", &format!("{slow}/v:1"), "--progress=json", "--json"]);
    let events: Vec<Value> = run.ok().stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for name in &names {
        let digest = |event: &&Value| event["blob_digest"].as_str().is_some_and(|digest| digest[7..].starts_with(name));
        let states: Vec<_> = events.iter().filter(digest).map(|event| event["state"].as_str().expect("text")).collect();
        let (last, before) = states.split_last().expect("events");
        assert!(
            *last == "arrived" && !before.is_empty() && before.iter().all(|state| *state == "moving"),
            "{states:?}"
        );
    }
}

#[test]
fn whatever_goes_through_many_bytes_says_how_far_it_is() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    // Another one, so that two are verified.
    bench.run(&["plugin", "new", "other", "--type", "enricher"]).ok();
    bench.sign("other").ok();
    bench.run(&["plugin", "install", "other", "--trusted-keys", "keys", "--plugins-dir", "plugins"]).ok();
    // Holes: read as fast as memory, for longer than it takes to draw.
    for directory in ["demo", "plugins/demo", "plugins/other"] {
        File::create(bench.path(&format!("{directory}/large.bin"))).expect("made").set_len(1900 << 20).expect("sparse");
    }
    let places = "--trusted-keys keys --plugins-dir plugins";
    for (columns, words, total) in [
        (20, "plugin sign demo --private-key release.key".to_owned(), None),
        (60, "plugin digest demo".to_owned(), Some("1.9 GiB")),
        (80, "plugin verify demo --trusted-keys keys".to_owned(), Some("1.9 GiB")),
        (132, "plugin package demo --out new.tar".to_owned(), Some("1.9 GiB")),
        (40, "plugin validate demo".to_owned(), None),
        (100, format!("plugins verify {places}"), Some("3.7 GiB")),
        (100, format!("plugin list {places}"), Some("3.7 GiB")),
    ] {
        let mut terminal = Terminal::run(&bench.path("."), columns, &format!("exec '{AISOC}' {words}"));
        terminal.until(|text| drawn(text).iter().filter(is_bar).count() > 5);
        terminal.press(CTRL_C);
        let (code, text) = terminal.end();
        assert_eq!(code, 130, "{words}: {text}");
        let drawn = drawn(&text);
        require_one_line_each(&drawn, columns);
        let bar = drawn.iter().find(is_bar).expect("a bar");
        assert!(bar.contains("Reading ") && total.is_none_or(|total| bar.contains(total)), "{words}: {bar}");
        assert!(drawn.last().expect("a line").starts_with("hint: "), "nothing is left of it: {drawn:?}");
    }
}

#[test]
fn nothing_is_drawn_where_nobody_wants_it() {
    let bench = large();
    for variables in ["TERM=dumb", "NO_COLOR=1", "TERM="] {
        let registry = Registry::start();
        let text = on_a_terminal(&bench, &slow_way_to(&registry.host(), SEEN), "1", 80, variables);
        assert!(!text.contains('%') && !text.contains("[=") && !text.contains("\u{1b}[2K"), "{variables}: {text}");
        assert!(text.contains("Pushing"), "{variables}: {text}");
    }
    let registry = Registry::start();
    let run = bench.run(&["plugin", "push", "demo", &format!("{}/demo:1", slow_way_to(&registry.host(), SEEN))]);
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
