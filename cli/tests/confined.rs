//! What plugins are confined by: what is required, what is shown of it, and what becomes of a system that has less.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, Run};

/// Runs `aisoc` as if this kernel had less.
const WEAK_KERNEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/weak_kernel.py");
const LAYERS: [(&str, &str); 3] = [("unshare", "namespaces"), ("landlock", "landlock"), ("seccomp", "seccomp")];

/// The same command, of somebody whose umask that is.
fn under(umask: &str, ours: &Command) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]).arg(ours.get_program()).args(ours.get_args());
    as_it_was(&mut command, ours);
    command
}

/// The same command on a kernel that has not those system calls.
fn without(calls: &str, ours: &Command) -> Command {
    let mut command = Command::new("python3");
    command.args([WEAK_KERNEL, calls]).arg(ours.get_program()).args(ours.get_args());
    as_it_was(&mut command, ours);
    command
}

/// Where the other one is, and with its environment.
fn as_it_was(command: &mut Command, ours: &Command) {
    command.current_dir(ours.get_current_dir().expect("a bench has a place"));
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// What this system gives, as `doctor` says it.
fn layers(bench: &Bench) -> Vec<Value> {
    let run = bench.run(&["doctor", "--json", "--plugins-dir", "plugins", "--trusted-keys", "keys"]);
    let text = if run.stdout.is_empty() { &run.stderr } else { &run.stdout };
    let document: Value = serde_json::from_str(text).expect("JSON");
    document["sandbox"]["layers"].as_array().expect("layers").clone()
}

/// Whether this system gives every layer. Where it does not, what needs all of them is not asked.
fn is_whole(bench: &Bench) -> bool {
    layers(bench).iter().all(|layer| layer["is_active"] == json!(true))
}

/// A plugin that says by a mark outside that it was run, where it can make one.
fn marking(bench: &Bench) -> std::path::PathBuf {
    let marks = bench.path("marks");
    fs::create_dir(&marks).expect("made");
    fs::set_permissions(&marks, fs::Permissions::from_mode(0o777)).expect("set");
    let mark = marks.join("ran");
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "plugins"]).ok();
    let code = format!(
        "try:\n    open({:?}, 'w').close()\nexcept OSError:\n    pass\n\n\nclass Plugin:\n    def run(self, payload, context):\n        return {{}}\n",
        mark.to_str().expect("text")
    );
    bench.write("plugins/demo/plugin.py", code);
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/demo", "--private-key", "release.key"]).ok();
    mark
}

const LOAD: [&str; 4] = ["plugin", "validate", "plugins/demo", "--load"];

#[test]
fn where_every_layer_is_required_nothing_runs_without_one() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let mark = marking(&bench);
    for (call, name) in LAYERS {
        for (word, warned) in [("require", ""), ("REQUIRE", "variable_invalid"), (" off", "variable_invalid")] {
            let run = Run::of(without(call, &bench.command(&LOAD)).env("AISOC_SANDBOX", word));
            run.refused(3, "sandbox_unavailable");
            assert!(run.stderr.contains(name) && run.stderr.contains(warned), "{call}: {run:?}");
            let serving = command(&bench, &[]);
            let run = Run::of(without(call, &serving).env("AISOC_SANDBOX", word));
            run.refused(3, "sandbox_unavailable");
            assert!(run.stderr.contains(name), "{call}: {run:?}");
        }
    }
    assert!(!mark.exists());
    // With every layer it runs, and makes no mark; without any, it does.
    if is_whole(&bench) {
        Run::of(bench.command(&LOAD).env("AISOC_SANDBOX", "require")).ok();
        assert!(!mark.exists());
    }
    let run = Run::of(bench.command(&LOAD).env("AISOC_SANDBOX", "off"));
    assert!(run.ok().stderr.contains("sandbox_off") && mark.exists(), "{run:?}");
}

/// Root has one made beside the other namespaces, in which a plugin is counted alone. Without, all of its user are counted.
#[test]
fn where_a_user_namespace_is_refused_a_plugin_is_started_all_the_same() {
    if !has_python() {
        return;
    }
    let bench = bench();
    marking(&bench);
    let whole = is_whole(&bench);
    let host = ServedHost::ready(&mut without("newuser", &command(&bench, &[])));
    for _ in 0..2 {
        let shown = host.plugin("demo");
        assert_eq!((&shown["state"], shown["sandbox"] == "full"), (&json!("enabled"), whole), "{shown}");
        host.post("/api/v1/plugins/demo/run", "").ok();
        host.post("/api/v1/plugins/demo/reload", "").ok();
    }
}

#[test]
fn what_a_system_gives_is_what_a_host_and_a_doctor_say() {
    if !has_python() {
        return;
    }
    let bench = bench();
    marking(&bench);
    let here = layers(&bench);
    let shown = |host: &ServedHost| {
        let plugin = host.plugin("demo");
        assert_eq!(plugin["state"], "enabled", "{plugin}");
        (plugin["sandbox"].clone(), plugin["sandbox_missing"].clone())
    };
    let host = ServedHost::start(&bench, &[]);
    let (sandbox, missing) = shown(&host);
    let gaps: Vec<&Value> = here.iter().filter(|layer| layer["is_active"] == json!(false)).collect();
    assert_eq!((sandbox == "full", missing.is_null()), (gaps.is_empty(), gaps.is_empty()), "{here:?} {missing}");
    drop(host);
    let host = ServedHost::ready(command(&bench, &[]).env("AISOC_SANDBOX", "off"));
    assert_eq!(shown(&host), (json!("off"), Value::Null));
    assert!(!host.said().contains("sandbox_off"), "in development nobody is warned: {}", host.said());
    drop(host);
    for (call, name) in LAYERS {
        let host = ServedHost::ready(&mut without(call, &command(&bench, &[])));
        let (sandbox, missing) = shown(&host);
        let missing = missing.as_str().unwrap_or_default().to_owned();
        assert_eq!(sandbox, "partial", "{call}: {missing}");
        assert!(missing.contains(name), "{call}: {missing}");
        let said = host.said();
        assert!(said.contains("warning[sandbox_partial]") && said.contains(name), "{call}: {said}");
        drop(host);
        let doctor = ["doctor", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
        for (word, finding) in [("best-effort", "warning[sandbox_partial]"), ("require", "error[sandbox_unavailable]")]
        {
            let run = Run::of(without(call, &bench.command(&doctor)).env("AISOC_SANDBOX", word));
            assert!(run.stdout.contains(finding), "{call}: {run:?}");
            assert!(run.stdout.contains(&format!("sandbox {name}: missing: ")), "{call}: {run:?}");
        }
    }
}

/// Each attempt is a line; what it gives is what it has reached. `{outside}` is a directory that everybody may read and write,
/// with a file `secret` in it.
const ATTEMPTS: &str = r#"
passwords: open('/etc/passwd').read()
secret: open('{outside}/secret').read()
seen: os.stat('{outside}/secret')
linked: [os.symlink('{outside}/secret', scratch + '/link'), open(scratch + '/link').read()]
hard: os.link('{outside}/secret', scratch + '/hard')
written: open('{outside}/written', 'w')
moved: [open(scratch + '/moved', 'w').close(), os.rename(scratch + '/moved', '{outside}/moved')]
itself: open(__file__, 'a')
library: open(os.__file__, 'a')
parent: open('/proc/%d/environ' % os.getppid()).read()
processes: [name for name in os.listdir('/proc') if name.isdigit()]
signalled: os.kill({host}, 0)
slowed: os.setpriority(os.PRIO_PROCESS, {host}, 19)
tcp: socket.create_connection(('127.0.0.1', {port}), 2)
udp: socket.socket(type=socket.SOCK_DGRAM)
unix: socket.socket(socket.AF_UNIX)
packets: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
netlink: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
vsock: socket.socket(40, socket.SOCK_STREAM)
shell: os.execv('/bin/sh', ['sh', '-c', 'exit 0'])
memory: os.memfd_create('x')
started: [open(scratch + '/p', 'wb').write(open(sys.executable, 'rb').read()), os.chmod(scratch + '/p', 0o755), os.execv(scratch + '/p', ['p', '-c', ''])]
traced: reached(libc.ptrace(16, os.getppid(), 0, 0))
unshared: reached(libc.unshare(0x10000000))
mounted: reached(libc.mount(b'x', scratch.encode(), b'tmpfs', 0, None))
rooted: os.chroot(scratch)
keyring: reached(libc.syscall({keyctl}, 1, 0))
ring: reached(libc.syscall(425, 1, ctypes.create_string_buffer(120)))
watches: __import__('select').epoll()
faults: reached(libc.syscall({userfaultfd}, 1))
personality: reached(libc.personality(0x0400000))
device: os.mknod(scratch + '/device', 0o20666, os.makedev(1, 1))
environment: [value for value in os.environ.values() if 'marked' in value]
"#;

const PROBE: &str = r#"
import ctypes
import os
import socket
import sys

libc = ctypes.CDLL(None)
libc.syscall.restype = ctypes.c_long
scratch = os.environ.get('TMPDIR', '{outside}')


def reached(result):
    if result < 0:
        raise OSError('refused')
    return 'reached'


class Plugin:
    def run(self, payload, context):
        through = {}
        for line in payload['attempts'].strip().splitlines():
            name, _, attempt = line.partition(': ')
            try:
                got = eval(attempt)
            except Exception:
                continue
            if got or got is None:
                through[name] = str(got)
        return {'through': through}
"#;

#[test]
fn nothing_outside_is_reached_by_whatever_a_plugin_does() {
    if !has_python() {
        return;
    }
    let bench = bench();
    if !is_whole(&bench) {
        return;
    }
    let outside = bench.path("outside");
    fs::create_dir(&outside).expect("made");
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o777)).expect("set");
    fs::write(outside.join("secret"), "marked").expect("written");
    let listening = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listening.local_addr().expect("an address").port();
    let (keyctl, userfaultfd) = if cfg!(target_arch = "x86_64") { (250, 323) } else { (219, 282) };
    let attempts = ATTEMPTS
        .replace("{outside}", outside.to_str().expect("text"))
        .replace("{host}", &std::process::id().to_string())
        .replace("{port}", &port.to_string())
        .replace("{keyctl}", &keyctl.to_string())
        .replace("{userfaultfd}", &userfaultfd.to_string());
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "plugins"]).ok();
    bench.write("plugins/demo/plugin.py", PROBE.replace("{outside}", outside.to_str().expect("text")));
    let payload = json!({ "attempts": attempts }).to_string();
    let words = ["plugin", "validate", "plugins/demo", "--load", "--json", "--run", &payload];
    let through = |word: &str| {
        let run = Run::of(bench.command(&words).env("AISOC_SANDBOX", word).env("AISOC_MARK", "marked"));
        let said: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
        said["loaded"]["result"]["through"].as_object().expect("what got through").clone()
    };
    let got = through("require");
    assert!(got.is_empty(), "{got:?}");
    assert_eq!(fs::read_dir(&outside).expect("listed").count(), 1, "nothing was written there");
    // Where nothing keeps them from it, most of them get there: otherwise nothing was tried. Those that start another program
    // do not come back from that.
    let comes_back = |line: &&str| !line.starts_with("shell: ") && !line.starts_with("started: ");
    let attempts: Vec<&str> = attempts.lines().filter(comes_back).collect();
    let payload = json!({ "attempts": attempts.join("\n") }).to_string();
    let words = [&words[..6], &[payload.as_str()]].concat();
    let run = Run::of(bench.command(&words).env("AISOC_SANDBOX", "off"));
    let said: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let got = said["loaded"]["result"]["through"].as_object().expect("what got through");
    for name in [
        "passwords",
        "secret",
        "seen",
        "linked",
        "written",
        "processes",
        "tcp",
        "udp",
        "unix",
        "packets",
        "memory",
        "watches",
    ] {
        assert!(got.contains_key(name), "{name}: {got:?}");
    }
}

#[test]
fn a_plugin_writes_to_its_scratch_alone_and_nothing_of_that_is_left() {
    if !has_python() {
        return;
    }
    let bench = bench();
    if !is_whole(&bench) {
        return;
    }
    let temporary = bench.path("temporary");
    fs::create_dir(&temporary).expect("made");
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o711)).expect("set");
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "plugins"]).ok();
    let code = "import os\nimport tempfile\n\n\ndef opened():\n    for number in range(256):\n        try:\n            os.fstat(number)\n            yield number\n        except OSError:\n            pass\n\n\nOPEN = list(opened())\n\n\nclass Plugin:\n    def run(self, payload, context):\n        name = os.path.join(tempfile.gettempdir(), 'kept')\n        before = os.path.exists(name)\n        with open(name, 'w') as file:\n            file.write('x' * 1000)\n        return {'open': OPEN, 'before': before, 'place': tempfile.gettempdir(), 'home': os.path.expanduser('~')}\n";
    bench.write("plugins/demo/plugin.py", code);
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/demo", "--private-key", "release.key"]).ok();
    let host = ServedHost::ready(command(&bench, &[]).env("TMPDIR", &temporary).env("AISOC_SANDBOX", "require"));
    let run = || host.post("/api/v1/plugins/demo/run", "").ok()["result"].clone();
    let (first, second) = (run(), run());
    assert_eq!((&first["before"], &second["before"]), (&json!(false), &json!(true)), "{first} {second}");
    // Standard input, output and error, and the channel to the host.
    assert_eq!(first["open"], json!([0, 1, 2, 3]), "{first}");
    assert_eq!(first["place"], first["home"]);
    let place = first["place"].as_str().expect("a path");
    assert!(place.starts_with(temporary.to_str().expect("text")), "{first}");
    assert_eq!(fs::read_dir(place).expect("it is there").count(), 0, "what it wrote is memory of its own");
    host.post("/api/v1/plugins/demo/reload", "").ok();
    assert_eq!(host.post("/api/v1/plugins/demo/run", "").ok()["result"]["before"], json!(false));
    // It goes with the worker, which ends behind the answer.
    host.wait_for(|_| fs::metadata(place).is_err());
    assert_eq!(host.terminate(), Some(0));
    assert_eq!(fs::read_dir(&temporary).expect("listed").count(), 0);
}

#[test]
fn without_a_view_of_its_own_a_plugin_changes_no_mode_and_no_time() {
    if !has_python() {
        return;
    }
    let bench = bench();
    if !is_whole(&bench) {
        return;
    }
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "plugins"]).ok();
    let code = "import os\nimport tempfile\n\n\nclass Plugin:\n    def run(self, payload, context):\n        name = os.path.join(tempfile.gettempdir(), 'kept')\n        file = open(name, 'w')\n        done = []\n        for word, change in (('chmod', lambda: os.chmod(name, 0o666)), ('fchmod', lambda: os.fchmod(file.fileno(), 0o666)), ('utime', lambda: os.utime(name, (1, 1)))):\n            try:\n                change()\n                done.append(word)\n            except PermissionError:\n                pass\n        return {'done': done}\n";
    bench.write("plugins/demo/plugin.py", code);
    let words = ["plugin", "validate", "plugins/demo", "--load", "--json", "--run", "{}"];
    let done = |run: Run| {
        let said: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
        said["loaded"]["result"]["done"].clone()
    };
    assert_eq!(done(Run::of(&mut bench.command(&words))), json!(["chmod", "fchmod", "utime"]), "its own files");
    // There anything that belongs to the same user has a name: keys, and the plugins of others.
    assert_eq!(done(Run::of(&mut without("unshare", &bench.command(&words)))), json!([]));
}

#[test]
fn a_plugin_is_started_whatever_the_umask_of_whoever_starts_its_host() {
    if !has_python() {
        return;
    }
    let bench = bench();
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "plugins"]).ok();
    let code = "import os\nimport tempfile\n\n\nclass Plugin:\n    def run(self, payload, context):\n        with open(os.path.join(tempfile.gettempdir(), 'kept'), 'w') as file:\n            file.write('x')\n        return {}\n";
    bench.write("plugins/demo/plugin.py", code);
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/demo", "--private-key", "release.key"]).ok();
    for umask in ["022", "027", "077"] {
        for word in ["best-effort", "off"] {
            Run::of(&mut under(umask, bench.command(&LOAD).env("AISOC_SANDBOX", word))).ok();
            let host = ServedHost::ready(&mut under(umask, command(&bench, &[]).env("AISOC_SANDBOX", word)));
            host.post("/api/v1/plugins/demo/run", "").ok();
            assert_eq!(host.terminate(), Some(0), "{umask} {word}");
        }
    }
}

/// A virtual environment with a `.pth` file, whose lines are code and places to look for modules.
fn environment_with(bench: &Bench, lines: &str) -> std::path::PathBuf {
    let version = Command::new("/usr/bin/python3")
        .args(["-c", "import sys; print('python%d.%d' % sys.version_info[:2], end='')"])
        .output();
    let version = String::from_utf8(version.expect("it runs").stdout).expect("UTF-8");
    bench.write("venv/pyvenv.cfg", "home = /usr/bin\n");
    bench.write(&format!("venv/lib/{version}/site-packages/lines.pth"), lines);
    fs::create_dir(bench.path("venv/bin")).expect("made");
    let python = bench.path("venv/bin/python3");
    std::os::unix::fs::symlink("/usr/bin/python3", &python).expect("linked");
    python
}

#[test]
fn what_a_python_runs_by_itself_is_confined_and_decides_nothing() {
    let bench = bench();
    if !has_python() || !is_whole(&bench) || !std::path::Path::new("/usr/bin/python3").exists() {
        return;
    }
    let mark = marking(&bench);
    let python =
        environment_with(&bench, &format!("/\nimport os; open({:?}, 'w').close()\n", mark.to_str().expect("text")));
    let code = "import os\n\n\nclass Plugin:\n    def run(self, payload, context):\n        return {'passwords': os.path.exists('/etc/passwd'), 'processes': os.path.exists('/proc')}\n";
    bench.write("plugins/demo/plugin.py", code);
    let modes = || {
        ["null", "zero", "full"]
            .map(|name| fs::metadata(format!("/dev/{name}")).expect("a device").permissions().mode())
    };
    let before = modes();
    let words = [&LOAD[..], &["--run", "{}", "--json"]].concat();
    let run = Run::of(bench.command(&words).env("AISOC_SANDBOX", "require").env("AISOC_PYTHON", &python));
    let said: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    assert_eq!(said["loaded"]["result"], json!({ "passwords": false, "processes": false }));
    assert!(!mark.exists(), "it was run outside");
    // Who names the whole system as a place for modules gets nothing of it, and nothing of it is changed.
    bench.write("site/lab-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n");
    bench.write("site/lab-1.dist-info/RECORD", "lab.py,,\n");
    bench.write("site/lab-1.dist-info/entry_points.txt", "[chaoscypher.cleaners]\nlab = lab:Lab\n");
    bench.write("site/lab.py", "class Lab: pass\n");
    let list = ["plugins", "list", "--plugins-dir", "plugins", "--trusted-keys", "keys", "--site-packages", "site"];
    Run::of(bench.command(&[&list[..], &["--site-packages", "/"]].concat()).env("AISOC_SANDBOX", "require"));
    assert_eq!(modes(), before, "devices of this system are as they were");
}
