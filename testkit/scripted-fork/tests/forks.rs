//! What is compiled into the command, on the real command: every code with which something is not installed or stops a
//! command, what is called in which order, and what nobody gets around.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

/// An empty home of its own.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

struct Given {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    log: Vec<String>,
}

impl Given {
    fn error(&self) -> Value {
        let report: Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {}", self.stderr));
        assert_eq!(report["ok"], false);
        report["error"].clone()
    }

    fn warnings(&self) -> Vec<(String, String)> {
        let report: Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {}", self.stderr));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let warnings = report["warnings"].as_array().cloned().unwrap_or_default();
        warnings.iter().map(|warning| (text(&warning["code"]), text(&warning["message"]))).collect()
    }
}

fn command(bench: &Bench, plugins: &Value, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scripted-fork"));
    command.args(words).env_clear().env("PATH", env!("PATH")).env("HOME", bench.path("."));
    command.env("FORK", plugins.to_string()).env("FORK_LOG", bench.path("log")).current_dir(bench.path("."));
    command
}

fn give(bench: &Bench, plugins: &Value, words: &[&str]) -> Given {
    let _ = fs::remove_file(bench.path("log"));
    let Output { status, stdout, stderr } = command(bench, plugins, words).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let log = fs::read_to_string(bench.path("log")).unwrap_or_default().lines().map(str::to_owned).collect();
    Given { code: status.code(), stdout: text(stdout), stderr: text(stderr), log }
}

/// A plugin that cannot be installed, by the code of why.
fn failing() -> Vec<(&'static str, Value)> {
    let observer = |name: &str| json!({"name": name, "when": "After"});
    vec![
        ("plugin_name_panic", json!({"name": "x", "panics_at": "name"})),
        ("invalid_plugin_name", json!({"name": "Bad.Name"})),
        ("capabilities_panic", json!({"name": "x", "panics_at": "capabilities"})),
        ("invalid_capability", json!({"name": "x", "requires": ">=abc"})),
        ("restricts_mismatch", json!({"name": "x", "closed": true, "restricts": true})),
        ("capability_unmet", json!({"name": "x", "requires": ">=99.0.0"})),
        ("install_panic", json!({"name": "x", "panics_at": "install"})),
        ("install_failed", json!({"name": "x", "fails": "no network"})),
        ("invalid_hook_name", json!({"name": "x", "observers": [observer("a.b")]})),
        ("duplicate_hook_name", json!({"name": "x", "observers": [observer("a"), observer("a")]})),
        (
            "invalid_hook_registration",
            json!({"name": "x", "observers": [{"name": "a", "when": "After", "selects": "absent"}]}),
        ),
        ("invalid_rule", json!({"name": "x", "restricts": true, "closed": true, "rules": [{"deny": ["[abc"]}]})),
        ("double_restrict", json!({"name": "x", "restricts": true, "closed": true, "rules": [{}, {}]})),
    ]
}

/// Codes after which nothing runs, whatever a plugin asks for.
const ALWAYS_FATAL: [&str; 8] = [
    "plugin_name_panic",
    "invalid_plugin_name",
    "capabilities_panic",
    "invalid_capability",
    "restricts_mismatch",
    "duplicate_plugin_name",
    // Who restricts is closed.
    "invalid_rule",
    "double_restrict",
];

#[test]
fn what_cannot_be_installed_ends_everything_or_is_left_out_aloud() {
    let bench = Bench::new();
    for (code, mut plugin) in failing() {
        let given = give(&bench, &json!([plugin]), &["version", "--json"]);
        if ALWAYS_FATAL.contains(&code) {
            assert_eq!(given.code, Some(2), "{code}: {}", given.stderr);
        } else {
            assert_eq!(given.code, Some(0), "{code}: {}", given.stderr);
            let [(warning, message)] = &given.warnings()[..] else { panic!("{code}: {}", given.stderr) };
            assert_eq!(warning, "plugin_skipped");
            assert!(message.starts_with("plugin \"x\" skipped: ") && message.contains(code), "{message}");
        }
        plugin["closed"] = true.into();
        // Help is no way around it, and neither are completions.
        for words in [&["version"][..], &["--help"], &["plugin"], &["completions", "bash"], &["no-such-command"]] {
            let given = give(&bench, &json!([plugin]), &[words, &["--json"]].concat());
            assert_eq!((given.code, given.stdout.as_str()), (Some(2), ""), "{code} {words:?}");
            let error = given.error();
            assert_eq!(error["type"], "plugin_install", "{code}");
            assert_eq!(error["detail"]["reason_code"], code);
            assert!(error["detail"]["plugin"].is_string() && error["detail"]["reason"].is_string(), "{error}");
        }
    }
    let twice = give(&bench, &json!([{"name": "x"}, {"name": "x"}]), &["version", "--json"]);
    assert_eq!(twice.error()["detail"]["reason_code"], "duplicate_plugin_name");
    let failed = give(&bench, &json!([{"name": "x", "closed": true, "fails": "no network"}]), &["version"]);
    assert!(failed.stderr.contains("no network"), "{}", failed.stderr);
}

#[test]
fn two_rules_are_a_conflict_and_nothing_runs() {
    let bench = Bench::new();
    let restricts = |name: &str| json!({"name": name, "restricts": true, "closed": true, "rules": [{}]});
    for words in [
        &["version"][..],
        &["--help"],
        &["plugin"],
        &["completions", "bash"],
        &["no-such-command"],
        &["config", "policy", "show"],
        &["config", "plugins", "show"],
    ] {
        let given = give(&bench, &json!([restricts("one"), restricts("two")]), &[words, &["--json"]].concat());
        assert_eq!(given.code, Some(2));
        let error = given.error();
        assert_eq!(
            (&error["type"], &error["detail"]["reason_code"]),
            (&"plugin_conflict".into(), &"multiple_restrict_plugins".into())
        );
        assert_eq!(error["detail"]["plugins"], json!(["one", "two"]));
    }
}

#[test]
fn everything_is_called_once_and_in_one_order() {
    let bench = Bench::new();
    let plugin = |name: &str| {
        json!({
            "name": name,
            "observers": [{"name": "b", "when": "Before"}, {"name": "a", "when": "After"}],
            "wrappers": [{"name": "w"}],
            "lifecycle": [{"name": "up", "event": "Startup"}, {"name": "down", "event": "Shutdown"}],
        })
    };
    let given = give(&bench, &json!([plugin("one"), plugin("two")]), &["reasons", "unsigned"]);
    assert_eq!(given.code, Some(0), "{}", given.stderr);
    let seen = "reasons read allowed unsigned none";
    let expected = [
        "one capabilities".to_owned(),
        "one install".to_owned(),
        "two capabilities".to_owned(),
        "two install".to_owned(),
        "one.up Startup none".to_owned(),
        "two.up Startup none".to_owned(),
        format!("one.b Before {seen}"),
        format!("two.b Before {seen}"),
        // Made from the inside, called from the outside: the first that was asked for is the outermost.
        "two.w made".to_owned(),
        "one.w made".to_owned(),
        "one.w before".to_owned(),
        "two.w before".to_owned(),
        "two.w after none".to_owned(),
        "one.w after none".to_owned(),
        format!("one.a After {seen}"),
        format!("two.a After {seen}"),
        "one.down Shutdown none".to_owned(),
        "two.down Shutdown none".to_owned(),
    ];
    assert_eq!(given.log, expected);
}

#[test]
fn what_fails_is_seen_behind_the_command_and_at_the_end() {
    let bench = Bench::new();
    let plugins = json!([{
        "name": "one",
        "observers": [{"name": "a", "when": "After"}],
        "wrappers": [{"name": "w"}],
        "lifecycle": [{"name": "down", "event": "Shutdown"}],
    }]);
    let given = give(&bench, &plugins, &["plugin", "validate", "nope"]);
    assert_eq!(given.code, Some(1));
    let err = "cannot find `nope`";
    assert!(given.log.contains(&format!("one.w after {err}")), "{:?}", given.log);
    assert!(given.log.contains(&format!("one.a After plugin/validate read allowed nope {err}")), "{:?}", given.log);
    assert!(given.log.contains(&format!("one.down Shutdown {err}")), "{:?}", given.log);
    // An answer that is a no is a failure as well, and the exit code stays the command's.
    fs::create_dir(bench.path("plugins")).expect("made");
    let given = give(&bench, &plugins, &["keys", "fingerprint", "nope.pem"]);
    assert_ne!(given.code, Some(0));
    assert!(
        given.log.iter().any(|line| line.starts_with("one.down Shutdown") && !line.ends_with("none")),
        "{:?}",
        given.log
    );
}

#[test]
fn who_looks_on_changes_nothing() {
    let bench = Bench::new();
    let plugins = json!([{"name": "one", "observers": [
        {"name": "before", "when": "Before", "does": "panic"}, {"name": "after", "when": "After", "does": "panic"},
    ]}]);
    let given = give(&bench, &plugins, &["version", "--json"]);
    assert_eq!(given.code, Some(0));
    let expected = ["before", "after"]
        .map(|hook| ("hook_panicked".to_owned(), format!("hook \"one.{hook}\" panicked: on purpose")));
    assert_eq!(given.warnings(), expected);
}

#[test]
fn a_wrapper_stops_a_command_in_three_ways() {
    let bench = Bench::new();
    let wrapping = |wrapper: Value| json!([{"name": "one", "wrappers": [wrapper]}]);
    let abort = wrapping(json!({"name": "w", "does": "abort", "cause": "c", "detail": {"ask": [1, "x"]}}));
    let given = give(&bench, &abort, &["version", "--json"]);
    let error = given.error();
    assert_eq!((given.code, &error["type"]), (Some(2), &"hook".into()));
    // Whatever the plugin has written as its name.
    assert_eq!(error["message"], "hook \"one.w\" aborted: r: c");
    let detail = &error["detail"];
    assert_eq!((&detail["reason_code"], &detail["hook_name"]), (&"aborted".into(), &"one.w".into()));
    assert_eq!((&detail["reason"], &detail["detail"]), (&"r".into(), &json!({"ask": [1, "x"]})));
    for does in ["panic", "factory-panic"] {
        let given = give(&bench, &wrapping(json!({"name": "w", "does": does})), &["version", "--json"]);
        let error = given.error();
        assert_eq!((given.code, &error["type"]), (Some(2), &"hook".into()), "{does}");
        assert_eq!(
            (&error["detail"]["reason_code"], &error["detail"]["hook_name"]),
            (&"panic".into(), &"one.w".into())
        );
        assert_eq!(given.stdout, "");
    }
    let given = give(&bench, &wrapping(json!({"name": "w", "does": "own"})), &["version", "--json"]);
    assert_eq!((given.code, &given.error()["detail"]["reason_code"]), (Some(1), &"wrapper_failed".into()));
}

#[test]
fn a_wrapper_decides_what_a_command_has_come_to() {
    let bench = Bench::new();
    let swallows = json!([{"name": "one", "wrappers": [{"name": "w", "does": "swallow"}]}]);
    assert_eq!(give(&bench, &swallows, &["plugin", "validate", "nope"]).code, Some(0));
    let again = json!([{"name": "one", "wrappers": [{"name": "w", "does": "again"}]}]);
    let twice = give(&bench, &again, &["reasons", "unsigned"]);
    assert_eq!(twice.stdout.matches("unsigned (exit 3)").count(), 2, "{}", twice.stdout);
}

#[test]
fn nobody_gets_around_a_denial() {
    let bench = Bench::new();
    let deny = |pattern: &str| {
        json!([
            {"name": "rule", "restricts": true, "closed": true, "rules": [{"name": "strict", "deny": [pattern]}]},
            {"name": "one", "observers": [{"name": "b", "when": "Before"}, {"name": "a", "when": "After"}],
             "wrappers": [{"name": "w", "does": "swallow"}]},
        ])
    };
    for words in [
        &["plugin", "sign", "x"][..],
        &["--json", "plugin", "sign"],
        &["plugin", "--quiet", "sign", "--no-such-option"],
        &["plugin", "sign", "--private-key", "x", "--plugin-dir", "y"],
        // What does the work of it.
        &["plugin", "release", "x", "y.example/z:1.0.0"],
        &["plugin", "publish", "x"],
        &["demo"],
    ] {
        let given = give(&bench, &deny("plugin/sign"), &[words, &["--json"]].concat());
        let error = given.error();
        assert_eq!((given.code, &error["type"]), (Some(2), &"command_denied".into()), "{words:?}");
        assert_eq!(error["detail"]["policy_source"], "plugin:rule", "{words:?}");
        assert_eq!(error["detail"]["reason_code"], "command_denylisted");
        assert!(given.log.iter().all(|line| !line.starts_with("one.w")), "{:?}", given.log);
        let seen: Vec<_> = given.log.iter().filter(|line| line.contains("policy/plugin:rule")).collect();
        assert_eq!(seen.len(), 2, "{:?}", given.log);
        // What is denied keeps what is said of it.
        assert!(seen.iter().all(|line| line.contains(" write ")), "{seen:?}");
    }
    // `keygen` is `plugin/keygen`, `scaffold` is `new`; and what does the work of another is denied with it.
    for (pattern, words) in [
        ("plugin/keygen", &["keygen", "--out", "x"][..]),
        // Whoever denies the other name has denied it.
        ("keygen", &["plugin", "keygen", "--out", "x"]),
        ("plugin/new", &["plugin", "scaffold", "x", "--type", "widget"]),
        ("plugin/push", &["plugin", "release", "x", "y.example/z:1.0.0"]),
        ("plugin/install", &["api", "install", "y.example/z:1.0.0"]),
        ("plugins/trust", &["plugins", "lock", "--from-installed", "--reason", "x"]),
        ("keys/add", &["keys", "promote", "x", "--reason", "y"]),
    ] {
        let error = give(&bench, &deny(pattern), &[words, &["--json"]].concat()).error();
        let found = (&error["type"], &error["detail"]["reason_code"]);
        assert_eq!(found, (&"command_denied".into(), &"command_denylisted".into()), "{words:?}: {error}");
    }
    assert!(!bench.path("x.key").exists());
    let all = deny("**");
    for words in [&["--help"][..], &["--version"], &["plugin", "--help"]] {
        let given = give(&bench, &all, words);
        let is_answered = given.code == Some(0) && !given.stdout.is_empty();
        // The version is a command.
        assert_eq!(is_answered, words != ["--version"], "{words:?}: {}", given.stderr);
    }
    let group = give(&bench, &all, &["plugin", "--json"]).error();
    assert_eq!(group["detail"]["reason_code"], "aggregate_all_denied");
    let children = group["detail"]["children"].as_array().expect("children");
    let paths: Vec<&str> = children.iter().filter_map(|child| child["path"].as_str()).collect();
    assert!(paths.is_sorted() && paths.contains(&"plugin/sign"), "{paths:?}");
}

#[test]
fn a_start_that_fails_is_the_end_and_an_end_that_does_is_told() {
    let bench = Bench::new();
    for (does, code) in [("fail:no network", "lifecycle_failed"), ("panic", "lifecycle_panic")] {
        let plugins = json!([{"name": "one", "lifecycle": [
            {"name": "up", "event": "Startup", "does": does}, {"name": "down", "event": "Shutdown"},
        ]}]);
        let given = give(&bench, &plugins, &["version", "--json"]);
        let error = given.error();
        assert_eq!((given.code, &error["type"]), (Some(2), &"plugin_lifecycle".into()));
        let detail = &error["detail"];
        assert_eq!(
            (&detail["reason_code"], &detail["hook_name"], &detail["event"]),
            (&code.into(), &"one.up".into(), &"startup".into())
        );
        assert!(!given.log.iter().any(|line| line.contains("Shutdown")), "{:?}", given.log);
    }
    let plugins = json!([{"name": "one", "lifecycle": [
        {"name": "a", "event": "Shutdown", "does": "fail:lost"},
        {"name": "b", "event": "Shutdown", "does": "panic"},
        {"name": "c", "event": "Shutdown", "does": "sleep:5"},
        {"name": "d", "event": "Shutdown"},
    ]}]);
    let begun = Instant::now();
    let given = give(&bench, &plugins, &["version", "--json"]);
    assert!(begun.elapsed().as_millis() < 3_000, "{:?}", begun.elapsed());
    assert_eq!(given.code, Some(0));
    let warned = given.warnings();
    assert!(warned.iter().all(|(code, _)| code == "shutdown_unfinished") && warned.len() == 4, "{warned:?}");
    assert!(warned[3].1.contains("skipping hook \"one.d\""), "{warned:?}");
    // Completions are asked for again and again, and are no end of anything.
    let given = give(&bench, &plugins, &["completions", "bash"]);
    assert!(!given.log.iter().any(|line| line.contains("Shutdown")), "{:?}", given.log);
}

#[test]
fn a_plugin_that_ends_the_process_ends_it_and_one_that_registers_much_is_there() {
    let bench = Bench::new();
    let exits = json!([{"name": "one", "observers": [{"name": "b", "when": "Before", "does": "exit:7"}]}]);
    let given = give(&bench, &exits, &["version"]);
    assert_eq!((given.code, given.stdout.as_str()), (Some(7), ""));
    let hooks: Vec<Value> = (0..1000).map(|at| json!({"name": format!("h{at}"), "when": "After"})).collect();
    let given = give(&bench, &json!([{"name": "one", "observers": hooks}]), &["version"]);
    assert_eq!((given.code, given.log.len()), (Some(0), 1002));
}

#[test]
fn what_no_journal_says_stops_the_command_before_it_begins() {
    let bench = Bench::new();
    for reason in ["", "  ", "two\nlines", "a\ttab"] {
        let plugins = json!([{"name": "one", "wrappers": [{"name": "w", "journal": reason}]}]);
        let given = give(&bench, &plugins, &["plugin", "keygen", "--out", "key", "--json"]);
        assert_eq!(
            (given.code, &given.error()["detail"]["reason_code"]),
            (Some(1), &"wrapper_failed".into()),
            "{reason:?}"
        );
        assert!(!bench.path("key.key").exists());
    }
}

#[test]
fn what_is_compiled_in_is_listed_in_its_order() {
    let bench = Bench::new();
    let plugins = json!([
        {"name": "b", "requires": ">=0.1", "wrappers": [{"name": "w"}], "lifecycle": [{"name": "up", "event": "Startup"}]},
        {"name": "a", "observers": [{"name": "x", "when": "Before"}, {"name": "y", "when": "After"}]},
        {"name": "c", "restricts": true, "closed": true, "rules": [{"name": "r", "deny": ["plugin/*"], "max_risk": "read"}]},
    ]);
    let given = give(&bench, &plugins, &["config", "plugins", "show", "--json"]);
    let mut shown: Value = serde_json::from_str(&given.stdout).unwrap_or_else(|_| panic!("{}", given.stderr));
    let listed = shown["plugins"].take();
    assert_eq!(shown["total"], 3);
    let names: Vec<&str> = listed.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["b", "a", "c"]);
    assert_eq!(
        listed[0],
        json!({
            "name": "b",
            "version": "1.0.0",
            "capabilities": {"restricts": false, "failure_policy": "FailOpen", "required_cli_version": ">=0.1"},
            "hooks": {
                "observers": [], "wrappers": [{"name": "w"}], "lifecycle": [{"name": "up", "event": "Startup"}], "count": 2,
            },
        })
    );
    let observers = json!([{"name": "x", "when": "Before"}, {"name": "y", "when": "After"}]);
    assert_eq!((&listed[1]["hooks"]["observers"], &listed[1]["hooks"]["count"]), (&observers, &2.into()));
    let rule = &listed[2]["rule"];
    assert_eq!((&rule["name"], &rule["deny"], &rule["max_risk"]), (&"r".into(), &json!(["plugin/*"]), &"read".into()));
    assert_eq!(listed[2]["capabilities"]["failure_policy"], "FailClosed");
}

#[test]
fn a_command_that_a_wrapper_has_cancelled_does_not_begin() {
    for does in ["cancel", "deadline", "cancel-panic"] {
        let bench = Bench::new();
        let plugins = json!([{"name": "one", "wrappers": [{"name": "w", "does": does}]}]);
        let given = give(&bench, &plugins, &["plugin", "keygen", "--out", "key", "--json"]);
        assert_eq!(
            (given.code, &given.error()["detail"]["reason_code"]),
            (Some(1), &"wrapper_failed".into()),
            "{does}"
        );
        assert!(!bench.path("key.key").exists());
    }
}

/// A registry that takes connections, says nothing, and is asked for a minute and a half where nobody stops it.
fn silent_registry() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let reference = format!("{}/a/b:1", listener.local_addr().expect("an address"));
    (listener, reference)
}

#[test]
fn a_command_that_a_wrapper_takes_back_while_it_runs_ends() {
    for does in ["cancel:300", "deadline:300", "cancel-panic:300"] {
        let (bench, (_listener, reference)) = (Bench::new(), silent_registry());
        let plugins = json!([
            {"name": "one", "observers": [{"name": "end", "when": "After"}], "wrappers": [{"name": "w", "does": does}]},
        ]);
        let begun = Instant::now();
        let given = give(&bench, &plugins, &["plugin", "inspect", &reference, "--json"]);
        assert!((300..15_000).contains(&begun.elapsed().as_millis()), "{does}: {:?}", begun.elapsed());
        assert_eq!(
            (given.code, &given.error()["detail"]["reason_code"]),
            (Some(1), &"wrapper_failed".into()),
            "{does}"
        );
        let message = given.error()["message"].to_string();
        assert!(message.contains("while it ran, or its time was over"), "{does}: {message}");
        assert!(given.log.last().is_some_and(|line| line.contains("while it ran")), "{does}: {:?}", given.log);
    }
}

#[test]
fn a_signal_is_a_signal_also_among_wrappers() {
    let (bench, (listener, reference)) = (Bench::new(), silent_registry());
    let plugins = json!([{"name": "one", "wrappers": [{"name": "w", "does": "deadline:60000"}]}]);
    let mut command = command(&bench, &plugins, &["plugin", "inspect", &reference]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    // It listens to signals before it asks anybody.
    let _asked = listener.accept().expect("it asks");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(stderr.contains("error[interrupted]"), "{stderr}");
}

#[test]
fn a_command_was_given_before_the_first_hook_and_after_the_start() {
    let bench = Bench::new();
    let hook = |name: &str, when: &str| json!({"name": name, "when": when, "does": "started"});
    let plugins = json!([{"name": "one", "observers": [hook("a", "Before"), hook("b", "Before"), hook("c", "After")]}]);
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let begun = since(SystemTime::now());
    let given = give(&bench, &plugins, &["version"]);
    let times = given.log.iter().filter_map(|line| line.strip_prefix("one.").and_then(|line| line.split_once(' ')));
    let number = |text: &str| text.parse::<u128>().expect("nanoseconds");
    let times: Vec<(u128, u128)> = times
        .map(|(_, times)| times.split_once(' ').expect("two"))
        .map(|(started, now)| (number(started), number(now)))
        .collect();
    let [(first, at), (second, _), (third, _)] = times[..] else { panic!("{:?}", given.log) };
    assert!(begun <= first && first <= at, "{begun} {first} {at}");
    assert_eq!([second, third], [first, first]);
}

#[test]
fn a_process_is_aisoc_once() {
    let bench = Bench::new();
    for (hook, plugins) in [
        (
            "observer",
            json!([
                {"name": "rule", "restricts": true, "closed": true, "rules": [{"deny": ["plugin/keygen"]}]},
                {"name": "one", "observers": [{"name": "b", "when": "Before", "does": "execute"}]},
            ]),
        ),
        ("startup", json!([{"name": "one", "lifecycle": [{"name": "up", "event": "Startup", "does": "execute"}]}])),
    ] {
        let given = give(&bench, &plugins, &["plugin", "keygen", "--out", "key"]);
        assert!(given.stderr.contains("a process is aisoc once"), "{hook}: {}", given.stderr);
        assert_eq!(bench.path("key.key").exists(), hook == "startup", "{hook}");
    }
}

#[test]
fn a_payload_that_panics_as_well_is_the_plugins() {
    let bench = Bench::new();
    let plugins = json!([{"name": "one", "observers": [{"name": "b", "when": "Before", "does": "bomb"}]}]);
    let given = give(&bench, &plugins, &["version", "--json"]);
    assert_eq!((given.code, given.warnings().len()), (Some(0), 1), "{}", given.stderr);
}
