//! What `validate --load` gives a plugin's code, and what it leaves behind: nothing.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aisoc_manifests::capability::Capability;
use serde_json::json;
use support::{Bench, Run};

const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\ndescription: d\nauthor: a\n";
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("proc").uid() == 0
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has_python() -> bool {
    let found =
        Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !found {
        eprintln!("SKIPPED: there is no python3, so nothing was loaded");
    }
    found
}

/// A bench that an ordinary user can work in, with a plugin of that code.
fn bench(code: &str) -> Bench {
    let bench = Bench::new();
    bench.write("demo/plugin.yaml", MANIFEST);
    bench.write("demo/plugin.py", code);
    for path in [bench.path(""), bench.path("demo")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("set");
    }
    bench
}

const WORDS: [&str; 7] = ["plugin", "validate", "demo", "--load", "--run", "{}", "--json"];

/// The command as an ordinary user, who may be the one that runs the tests.
fn ordinary(bench: &Bench, words: &[&str]) -> Command {
    let ours = bench.command(words);
    if !is_root() {
        return ours;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program(bench)).args(words);
    command.current_dir(bench.path("")).stdin(Stdio::null());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", bench.path(""));
    command
}

/// The binary where everybody can run it: the checkout may be in a private place.
fn program(bench: &Bench) -> std::path::PathBuf {
    let copy = bench.path("aisoc");
    fs::copy(env!("CARGO_BIN_EXE_aisoc"), &copy).expect("copied");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("set");
    copy
}

fn finish(mut command: Command) -> Run {
    let output = command.output().expect("the binary runs");
    Run {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn result(run: &Run) -> serde_json::Value {
    let json: serde_json::Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    json["loaded"]["result"].clone()
}

const SPY: &str = r#"
import os

def attempt(path):
    try:
        with open(path, "rb") as file:
            return "read %d" % len(file.read(1))
    except OSError as error:
        return error.strerror

def target(descriptor):
    try:
        return os.readlink("/proc/self/fd/" + descriptor)
    except OSError:
        return ""

class Plugin:
    def run(self, payload, context):
        parent = os.getppid()
        return {
            "environ": attempt("/proc/%d/environ" % parent),
            "memory": attempt("/proc/%d/mem" % parent),
            "variables": sorted(os.environ),
            "descriptors": [target(name) for name in os.listdir("/proc/self/fd")],
            "uid": os.getuid(),
            "gid": os.getgid(),
            "groups": os.getgroups(),
        }
"#;

#[test]
fn a_loaded_plugin_reads_neither_environment_nor_memory_of_its_parent() {
    if !has_python() {
        return;
    }
    let bench = bench(SPY);
    for mut command in [bench.command(&WORDS), ordinary(&bench, &WORDS)] {
        // Confined, it would see no process at all.
        command.env("AISOC_SANDBOX", "off").env("AISOC_REGISTRY_PASSWORD", "hunter2hunter2").env("RELEASE_KEY", "x");
        let run = finish(command);
        let seen = result(&run);
        for place in ["environ", "memory"] {
            assert_eq!(seen[place], "Permission denied", "{seen}");
        }
        assert!(!seen["variables"].to_string().contains("AISOC"), "{seen}");
        assert!(!seen["variables"].to_string().contains("RELEASE"), "{seen}");
        if is_root() {
            assert_eq!((&seen["uid"], &seen["gid"]), (&NOBODY.into(), &NOBODY.into()), "{seen}");
            assert_eq!(seen["groups"], serde_json::json!([]), "{seen}");
        }
    }
}

#[test]
fn a_loaded_plugin_gets_no_descriptor_that_somebody_left_open() {
    if !has_python() {
        return;
    }
    let bench = bench(SPY);
    bench.write("secret", "x");
    let program = env!("CARGO_BIN_EXE_aisoc");
    let line = format!("exec 7<secret 9<secret; exec {program} {}", "plugin validate demo --load --run '{}' --json");
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(bench.path("")).stdin(Stdio::null());
    // Confined, it could not look.
    command.env("AISOC_SANDBOX", "off");
    let seen = result(&finish(command));
    let open = seen["descriptors"].as_array().expect("a list");
    assert!(open.len() > 3, "{seen}");
    assert!(open.iter().all(|target| !target.as_str().expect("a path").ends_with("/secret")), "{seen}");
}

/// Processes whose command line holds that word.
fn living(word: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("proc").flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(word)).collect()
}

fn leaves(word: &str) -> String {
    format!(
        r#"
import os, subprocess, sys
CODE = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(300)\n    time.sleep(300)\ntime.sleep(300) # {word}"
class Plugin:
    def run(self, payload, context):
        for _ in range(3):
            subprocess.Popen([sys.executable, "-c", CODE], start_new_session=True)
        import time
        time.sleep(0.3)
        return {{}}
"#
    )
}

#[test]
fn nothing_that_a_plugin_started_outlives_the_load() {
    if !has_python() {
        return;
    }
    for (number, is_ordinary) in [false, true].into_iter().enumerate() {
        let word = format!("outlives-{}-{number}", std::process::id());
        let bench = bench(&leaves(&word));
        let command = if is_ordinary { ordinary(&bench, &WORDS) } else { bench.command(&WORDS) };
        finish(command).ok();
        assert_eq!(living(&word), Vec::<String>::new());
    }
}

#[test]
fn what_was_there_before_the_load_stays() {
    if !has_python() {
        return;
    }
    let bench = bench("class Plugin:\n def run(self, p, c): return {}\n");
    let line =
        format!("sleep 290 & echo $!; sleep 0.1; exec {} plugin validate demo --load -q", env!("CARGO_BIN_EXE_aisoc"));
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(bench.path("")).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.stdout(Stdio::piped()).spawn().expect("starts");
    let id = output.id();
    let mut output = output;
    let mut first = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output.stdout.take().expect("piped")), &mut first)
        .expect("a line");
    assert!(output.wait().expect("ended").success(), "{id}");
    let sleeper = first.trim();
    assert!(Path::new(&format!("/proc/{sleeper}/stat")).exists(), "the shell's own child is gone");
    assert!(Command::new("kill").arg(sleeper).status().expect("kill runs").success());
}

#[test]
fn a_stopped_load_leaves_nothing_and_says_so() {
    if !has_python() {
        return;
    }
    for (signal, code) in [("-INT", Some(130)), ("-TERM", Some(130)), ("-HUP", Some(130)), ("-KILL", None)] {
        if signal == "-HUP" && hangups_are_ignored() {
            eprintln!("SKIPPED: whoever started this ignores SIGHUP, as `nohup` does, and what it starts does too");
            continue;
        }
        let word = format!("stopped-{}{signal}", std::process::id());
        let bench =
            bench(&format!("import time\nMARK = '{word}'\nopen('/tmp/{word}', 'w').close()\ntime.sleep(300)\n"));
        let mark = format!("/tmp/{word}");
        let mut command = bench.command(&["plugin", "validate", "demo", "--load"]);
        // What a killed one leaves of its copy goes with the bench.
        command.env("TMPDIR", bench.path(""));
        // Confined, it could leave no mark.
        command.env("AISOC_SANDBOX", "off");
        let mut child = command.stderr(Stdio::null()).spawn().expect("starts");
        let start = Instant::now();
        while !Path::new(&mark).exists() && start.elapsed() < Duration::from_secs(15) {
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::remove_file(&mark).expect("the plugin was loaded");
        let python = children(child.id());
        assert!(!python.is_empty());
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs").success());
        assert_eq!(child.wait().expect("ended").code(), code, "{signal}");
        let gone = || python.iter().all(|id| !is_running(id));
        let start = Instant::now();
        while !gone() && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(gone(), "{signal}: {python:?}");
    }
}

/// A disposition that children inherit; the mask's first bit is SIGHUP (proc_pid_status(5)).
fn hangups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("proc");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    u64::from_str_radix(mask.trim(), 16).expect("hexadecimal") & 1 == 1
}

fn children(parent: u32) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("proc").flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter(|stat| {
            stat.rsplit(')').next().is_some_and(|rest| rest.split_whitespace().nth(1) == Some(&parent.to_string()))
        })
        .filter_map(|stat| stat.split(' ').next().map(str::to_owned))
        .collect()
}

fn is_running(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Runs a command under a terminal of its own, and prints what it printed.
const UNDER_A_TERMINAL: &str = "import os, pty, sys\npty.spawn(sys.argv[1:])\n";

#[test]
fn a_loaded_plugin_has_no_terminal_to_type_into() {
    if !has_python() {
        return;
    }
    let bench = bench(
        "import os\ntry:\n os.close(os.open('/dev/tty', os.O_RDWR))\n found = 'a terminal'\nexcept OSError:\n found = 'none'\n\
         class Plugin:\n def run(self, p, c): return {'tty': found, 'leads': os.getsid(0) == os.getpid()}\n",
    );
    let mut command = Command::new("python3");
    command.args(["-c", UNDER_A_TERMINAL, env!("CARGO_BIN_EXE_aisoc")]).args(WORDS).current_dir(bench.path(""));
    let output = command.stdin(Stdio::null()).output().expect("python runs");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("\"tty\": \"none\"") && shown.contains("\"leads\": true"), "{shown}");
}

#[test]
fn a_plugin_that_is_mostly_hole_is_not_copied() {
    if !has_python() || !is_root() {
        return;
    }
    let bench = bench("class Plugin:\n def run(self, p, c): return {}\n");
    fs::File::create(bench.path("demo/big.bin")).and_then(|file| file.set_len(1 << 40)).expect("sparse");
    let began = Instant::now();
    let run = bench.run(&["plugin", "validate", "demo", "--load"]);
    run.refused(1, "forbidden_entry");
    assert!(run.stderr.contains("big.bin") && began.elapsed() < Duration::from_secs(10), "{run:?}");
}

/// Characters that end a quoted text, a line or a template, or hide something; all that an argument can hold.
const HOSTILE: &str =
    "O'Brien \"quoted\" \\ back\\x41 {{name}} $HOME #c: - [\n\r\t\u{7f}\u{85}\u{2028}\u{feff}\u{202e}é–語😀";

#[test]
fn every_scaffold_loads_and_answers_its_sample() {
    if !has_python() {
        return;
    }
    let connector = r#"{"action": "normalize", "raw": {"id": 7, "title": "Login", "severity": "HIGH"}}"#;
    let responder = r#"{"action": "block_ip", "params": {"ip": "203.0.113.7"}}"#;
    let detection = r#"{"process": {"name": "rm", "command_line": "rm ~/.bash_history"}, "user": {"name": "eve"}}"#;
    for (kind, payload, place, expected) in [
        ("enricher", r#"{"indicator": "203.0.113.7"}"#, "/kind", json!("ip")),
        ("connector", connector, "/severity", json!("high")),
        ("responder", responder, "/status", json!("skipped")),
        ("detection", detection, "/alerts/0/rule_id", json!("det-ab-001")),
        ("widget", r#"{"alerts": [{"severity": "high"}, {"severity": "low"}]}"#, "/data/rows/1", json!(["high", 1])),
    ] {
        let bench = Bench::new();
        bench.run(&["plugin", "new", "ab", "--type", kind, "--author", HOSTILE, "-o", "made"]).ok();
        let run = bench.run(&["plugin", "validate", "made/ab", "--load", "--run", payload, "--json"]);
        let loaded: serde_json::Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
        let loaded = &loaded["loaded"];
        assert_eq!((&loaded["class"], &loaded["run_is_async"]), (&json!("Plugin"), &json!(true)), "{loaded}");
        assert_eq!(loaded["result"].pointer(place), Some(&expected), "{kind}: {loaded}");
        assert!(!bench.path("made/ab/__pycache__").exists());
    }
}

/// What a plugin declares is `None` where it is only tried, and what it does not is denied as a host would.
#[test]
fn a_loaded_plugin_has_accessors_that_provide_nothing_and_deny_what_is_not_declared() {
    if !has_python() {
        return;
    }
    let accessors: Vec<&str> = Capability::ALL.iter().map(|capability| capability.accessor()).collect();
    let code = format!(
        "from aisoc_context import CapabilityError


class Plugin:
    def run(self, payload, context):
        return {{name: self.of(context, name) for name in {accessors:?}}}

    def of(self, context, name):
        try:
            return {{'handle': getattr(context, name)()}}
        except CapabilityError as error:
            return {{'denied': str(error), 'is_denial': isinstance(error, PermissionError)}}
"
    );
    let declared = ["facts.read", "audit.emit", "network.outbound", "federation.write", "tenant.write"];
    let bench = bench(&code);
    bench.write("demo/plugin.yaml", format!("{MANIFEST}capabilities: [{}, files]\n", declared.join(", ")));
    let result = result(&bench.run(&WORDS));
    for capability in Capability::ALL {
        let accessor = capability.accessor();
        let expected = match declared.contains(&capability.as_str()) {
            true => json!({ "handle": null }),
            false => {
                let text = format!("plugin 'demo' cannot call {accessor}: capability '{capability}' not declared");
                json!({ "denied": text, "is_denial": true })
            }
        };
        assert_eq!(result[accessor], expected, "{capability}");
    }
}
