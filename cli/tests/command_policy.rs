//! The policy over commands as its users meet it: where the file is, what comes of one that cannot be used, what is shown,
//! explained and tested of it, and the identity that a site is bound to.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use support::{Bench, Run};

const POLICY: &str = ".aisoc/policy.yml";

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("one document")
}

fn error(run: &Run) -> Value {
    let report: Value = serde_json::from_str(&run.stderr).expect("one document");
    report["error"].clone()
}

/// A home whose policy cannot be used: how it comes to be, and what is said of it.
type Unusable = (&'static str, fn(&Bench), &'static str);

const UNUSABLE: [Unusable; 12] = [
    ("an unknown key", |bench| drop(bench.write(POLICY, "nmae: x\n")), "line 1, column 1: unknown key `nmae`"),
    (
        "two documents",
        |bench| drop(bench.write(POLICY, "name: a\n---\nname: b\n")),
        "line 2, column 1: a second document",
    ),
    ("an empty file", |bench| drop(bench.write(POLICY, "")), "there is nothing in the file"),
    ("a risk that is none", |bench| drop(bench.write(POLICY, "max_risk: x\n")), "invalid max_risk \"x\""),
    (
        "an identity that is none",
        |bench| drop(bench.write(POLICY, "identities: [x]\n")),
        "invalid identities entry \"x\"",
    ),
    ("a pattern that is none", |bench| drop(bench.write(POLICY, "deny: ['[']\n")), "invalid deny glob \"[\""),
    ("10 MB", |bench| drop(bench.write(POLICY, "#".repeat(10_000_000))), "10000000 bytes, and 1048576 are the most"),
    ("a directory", |bench| fs::create_dir_all(bench.path(POLICY)).expect("made"), "it is not a regular file"),
    ("a FIFO", fifo, "it is not a regular file"),
    ("a file that everybody may write", |bench| writable(bench, POLICY, 0o666), "can be written by everybody"),
    ("a directory that everybody may write", |bench| writable(bench, ".aisoc", 0o777), "can be written by everybody"),
    ("a link in a circle", circle, "cannot read `~/.aisoc/policy.yml`"),
];

fn fifo(bench: &Bench) {
    fs::create_dir_all(bench.path(".aisoc")).expect("made");
    mknodat(CWD, bench.path(POLICY), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
}

fn writable(bench: &Bench, name: &str, mode: u32) {
    bench.write(POLICY, "name: x\n");
    fs::set_permissions(bench.path(name), Permissions::from_mode(mode)).expect("set");
}

fn circle(bench: &Bench) {
    fs::create_dir_all(bench.path(".aisoc")).expect("made");
    symlink("policy.yml", bench.path(POLICY)).expect("linked");
}

/// What is said, whichever way: why, and never where homes are.
#[track_caller]
fn says(bench: &Bench, run: &Run, begin: &str, why: &str) {
    assert!(run.stderr.starts_with(begin) && run.stderr.contains(why), "{run:?}");
    let home = bench.path("").display().to_string();
    assert!(!run.stderr.contains(home.trim_end_matches('/')) && run.stderr.len() < 1_000, "{run:?}");
}

#[test]
fn a_policy_that_cannot_be_used_is_left_out_with_a_warning_or_refuses_everything() {
    for (what, make, why) in UNUSABLE {
        let bench = Bench::new();
        make(&bench);
        let run = bench.run(&["version"]);
        assert!(run.ok().stdout.starts_with("aisoc "), "{what}: {run:?}");
        says(&bench, &run, "warning[policy_not_applied]: user policy not applied: ", why);
        let shown = bench.run(&["config", "policy", "show", "--json"]);
        assert_eq!(document(&shown)["source"], "none", "{what}");
        for words in [&["version"][..], &["--help"], &["config", "policy", "show"], &["nonsense"]] {
            let run = bench.run_with(words, &[("AISOC_POLICY", "require")]);
            run.refused(2, "policy_invalid");
            says(&bench, &run, "error[policy_invalid]: user policy not applied: ", why);
        }
        let run = bench.run_with(&["version", "--json"], &[("AISOC_POLICY", "require")]);
        assert_eq!(error(&run)["detail"]["reason_code"], "policy_invalid", "{what}");
    }
}

#[test]
fn a_policy_that_its_reader_may_not_read_is_left_out_as_well() {
    let bench = Bench::new();
    bench.write(POLICY, "deny: ['**']\n");
    fs::set_permissions(bench.path(POLICY), Permissions::from_mode(0o600)).expect("set");
    let Some(nobody) = bench.as_nobody() else { return eprintln!("SKIPPED: this is not root") };
    let run = nobody(&["version"]);
    run.ok();
    says(&bench, &run, "warning[policy_not_applied]: user policy not applied: ", "Permission denied");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(bench.path("aisoc")).arg("version");
    let run = Run::of(command.current_dir(bench.path("")).env("HOME", bench.path("")).env("AISOC_POLICY", "require"));
    run.refused(2, "policy_invalid");
    says(&bench, &run, "error[policy_invalid]: ", "Permission denied");
}

#[test]
fn a_host_does_not_start_beside_a_policy_that_cannot_be_used() {
    let bench = Bench::new();
    fs::create_dir(bench.path("plugins")).expect("made");
    bench.write(POLICY, "nmae: x\n");
    for words in [&["serve", "--plugins-dir", "plugins"][..], &["--quiet", "serve", "--listen", "127.0.0.1:0"]] {
        bench.run(words).refused(2, "policy_invalid");
    }
    // Others go on, those that only name it among them.
    bench.run(&["help", "host"]).ok();
    bench.run(&["reasons", "serve"]).refused(2, "usage");
}

#[test]
fn a_policy_is_where_the_directory_is_that_is_named() {
    let bench = Bench::new();
    bench.write("site/policy.yml", "name: site\nmax_risk: read\n");
    bench.write(POLICY, "name: home\n");
    let named = |place: &str, words: &[&str]| bench.run_with(words, &[("AISOC_CONFIG_DIR", place)]);
    let show = &["config", "policy", "show", "--json"][..];
    assert_eq!(document(&named("site", show))["rule"]["name"], "site");
    assert_eq!(document(&bench.run(show))["rule"]["name"], "home");
    // Empty is not set.
    assert_eq!(document(&named("", show))["rule"]["name"], "home");
    named("site", &["plugin", "new", "x", "--type", "widget"]).refused(2, "write_not_allowed");
    // A name that leads nowhere is a mistake, whatever is required.
    for words in [&show[..3], &["version"]] {
        let run = named("sight", words);
        run.refused(2, "usage");
        assert!(run.error_line().contains("AISOC_CONFIG_DIR names a directory that is not there: `sight`"), "{run:?}");
    }
    named("site/policy.yml", &["version"]).refused(1, "directory_insecure");
    // A directory without a policy is one.
    fs::create_dir(bench.path("empty")).expect("made");
    assert_eq!(document(&named("empty", show))["source"], "none");
}

#[test]
fn where_there_is_no_home_there_is_no_policy() {
    let bench = Bench::new();
    bench.write(POLICY, "deny: ['**']\n");
    for home in [None, Some("/dev/null"), Some("/nonexistent"), Some("")] {
        let mut command = bench.command(&["version"]);
        match home {
            Some(home) => command.env("HOME", home),
            None => command.env_remove("HOME"),
        };
        assert_eq!(Run::of(&mut command).ok().stderr, "", "{home:?}");
        Run::of(command.env("AISOC_POLICY", "require")).refused(2, "policy_missing");
    }
    Run::of(bench.command(&["version"]).env_remove("HOME").env("AISOC_CONFIG_DIR", ".aisoc"))
        .refused(2, "command_denylisted");
}

#[test]
fn a_home_that_its_user_may_not_look_into_holds_nothing_for_them() {
    let bench = Bench::new();
    bench.write("closed/.aisoc/policy.yml", "deny: ['**']\n");
    bench.write("closed/.aisoc/strict-mode", "bot\n");
    fs::set_permissions(bench.path("closed"), Permissions::from_mode(0o700)).expect("set");
    // It is there for everybody from then on.
    if bench.as_nobody().is_none() {
        return eprintln!("SKIPPED: this is not root");
    }
    let nobody = |variables: &[(&str, &str)]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(bench.path("aisoc")).arg("version");
        command.current_dir(bench.path("")).env("HOME", bench.path("closed"));
        Run::of(command.envs(variables.iter().copied()))
    };
    assert_eq!(nobody(&[]).ok().stderr, "");
    nobody(&[("AISOC_POLICY", "require")]).refused(2, "policy_missing");
    // Whoever names it means it.
    nobody(&[("AISOC_CONFIG_DIR", "closed/.aisoc")]).refused(1, "io_denied");
}

#[test]
fn another_word_than_those_that_are_known_requires_a_policy() {
    let bench = Bench::new();
    let run = |word: &str| bench.run_with(&["version"], &[("AISOC_POLICY", word)]);
    for word in ["best-effort", " Best-Effort ", ""] {
        run(word).ok();
    }
    for word in ["require", "REQUIRE"] {
        run(word).refused(2, "policy_missing");
    }
    let misspelt = run("requird");
    misspelt.refused(2, "policy_missing");
    assert!(
        misspelt
            .stderr
            .starts_with("warning[variable_invalid]: invalid AISOC_POLICY `requird`; falling back to require"),
        "{misspelt:?}"
    );
    bench.write(POLICY, "max_risk: read\n");
    run("require").ok();
    bench.run_with(&["keygen", "--out", "x"], &[("AISOC_POLICY", "require")]).refused(2, "write_not_allowed");
}

#[test]
fn the_policy_that_counts_is_shown_in_that_form() {
    let bench = Bench::new();
    let show = || bench.run(&["config", "policy", "show", "--json"]);
    let none = document(&show());
    assert_eq!(none["source"], "none");
    assert!(none["note"].is_string() && none.as_object().expect("an object").len() == 4, "{none}");
    bench.write(POLICY, "name: agents\nallow: ['config/**', 'keys/*']\ndeny: ['keys/add']\nidentities: [bot]\n");
    let run = show();
    let shown = document(&run);
    let denied = shown["denied_paths"].as_u64().expect("a number");
    assert!(denied > 50, "{denied}");
    let expected = json!({
        "schema_version": 2, "ok": true, "source": "yaml", "source_name": "", "denied_paths": denied,
        "rule": {
            "name": "agents", "description": "", "allow": ["config/**", "keys/*"], "deny": ["keys/add"], "max_risk": "",
            "identities": ["bot"], "allow_unannotated": false,
        },
    });
    assert_eq!(shown, expected);
    let text = bench.run(&["config", "policy", "show"]);
    for run in [&run, text.ok()] {
        assert!(!run.stdout.contains(".aisoc") && !run.stdout.contains("policy.yml"), "{run:?}");
        assert_eq!(run.stderr, "");
    }
    assert!(text.stdout.starts_with(&format!("source: yaml\ndenied paths: {denied}\nname: agents\n")), "{text:?}");
}

#[test]
fn whoever_is_denied_everything_finds_out_by_whom() {
    let bench = Bench::new();
    for (policy, code) in [
        ("deny: ['**']\n", "command_denylisted"),
        ("allow: ['nothing']\n", "domain_not_allowed"),
        ("name: all\ndeny: ['config/**', '*']\n", "command_denylisted"),
    ] {
        bench.write(POLICY, policy);
        assert_eq!(document(&bench.run(&["config", "policy", "show", "--json"]))["source"], "yaml");
        assert_eq!(document(&bench.run(&["config", "plugins", "show", "--json"]))["total"], 0);
        bench.run(&["--help"]).ok();
        bench.run(&["version"]).refused(2, code);
        // Who asks why is denied as well, where the policy says so.
        bench.run(&["config", "policy", "explain", "version"]).refused(2, code);
    }
    bench.write(POLICY, "allow: ['nothing']\n");
    bench.run_with(&["config", "policy", "show"], &[("AISOC_POLICY", "require")]).ok();
}

#[test]
fn a_denial_says_by_which_policy() {
    let bench = Bench::new();
    for (policy, source, name) in
        [("max_risk: read\n", "yaml", ""), ("name: agents\nmax_risk: read\n", "yaml:agents", "agents")]
    {
        bench.write(POLICY, policy);
        let denied = error(&bench.run(&["plugin", "new", "x", "--type", "widget", "--json"]));
        assert_eq!(denied["type"], "command_denied");
        assert_eq!(
            denied["detail"],
            json!({
                "path": "plugin/new", "layer": "policy", "policy_source": source, "rule_name": name,
                "reason_code": "write_not_allowed", "reason": "its risk is write, and max_risk is read",
            })
        );
        assert!(!bench.path("x").exists());
    }
}

#[test]
fn nobody_is_compiled_into_the_command_as_it_comes() {
    let bench = Bench::new();
    let shown = document(&bench.run(&["config", "plugins", "show", "--json"]));
    assert_eq!(shown, json!({"schema_version": 2, "ok": true, "plugins": [], "total": 0}));
    let text = bench.run(&["config", "plugins", "show"]);
    assert_eq!(text.ok().stdout, "PLUGIN  VERSION  RESTRICTS  FAILURE POLICY  HOOKS\n");
}

#[test]
fn every_fault_of_a_policy_is_found_where_it_stands() {
    let bench = Bench::new();
    bench.write("bad.yml", "name: x\nallow:\n  - 'plugin/[a'\n  - ''\nmax_risk: nuclear\n");
    let run = bench.run(&["config", "policy", "validate", "bad.yml"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("error[policy_invalid]: ")).collect();
    for (line, place) in lines.iter().zip(["bad.yml:5:11: invalid max_risk", "bad.yml:3:5: ", "bad.yml:4:5: "]) {
        assert!(line.contains(place), "{line}");
    }
    assert_eq!(lines.len(), 3, "{run:?}");
    let report = error(&bench.run(&["config", "policy", "validate", "bad.yml", "--json"]));
    let problems = report["detail"]["problems"].as_array().expect("problems").len();
    assert_eq!((problems, &report["detail"]["reason_code"]), (3, &json!("policy_invalid")), "{report}");

    bench.write("good.yml", "name: good\nallow: ['plugin/**']\n");
    let valid = document(&bench.run(&["config", "policy", "validate", "good.yml", "--json"]));
    assert_eq!((&valid["path"], &valid["rule"]["name"]), (&json!("good.yml"), &json!("good")));
    bench.run(&["config", "policy", "validate", "nope.yml"]).refused(1, "io_not_found");
    bench.run(&["config", "policy", "validate", "."]).refused(2, "policy_invalid");
    // The file of whoever asks, as strictly as it is read when it counts.
    bench.run(&["config", "policy", "validate"]).refused(2, "policy_missing");
    bench.write(POLICY, "name: mine\n");
    assert_eq!(bench.run(&["config", "policy", "validate"]).ok().stdout, "~/.aisoc/policy.yml: valid\n");
    fs::set_permissions(bench.path(POLICY), Permissions::from_mode(0o666)).expect("set");
    bench.run(&["config", "policy", "validate"]).refused(1, "directory_insecure");
}

#[test]
fn it_is_explained_what_decides() {
    let bench = Bench::new();
    let explain =
        |words: &[&str]| document(&bench.run(&[&["config", "policy", "explain", "--json"][..], words].concat()));
    let free = explain(&["keys", "add"]);
    assert_eq!((&free["is_allowed"], &free["policy_source"], &free["axes"]), (&json!(true), &Value::Null, &json!([])));
    bench.write(POLICY, "name: agents\nallow: ['plugin/**', 'config/**']\ndeny: ['no*', 'plugin/{sign,push}']\n");
    let allowed = explain(&["plugin/new"]);
    assert_eq!((&allowed["is_allowed"], &allowed["denial"]), (&json!(true), &Value::Null));
    let axes = |explained: &Value| -> Vec<(String, bool, Value)> {
        let axes = explained["axes"].as_array().expect("axes").iter();
        axes.map(|axis| {
            (axis["axis"].as_str().expect("a word").to_owned(), axis["passes"] == true, axis["pattern"].clone())
        })
        .collect()
    };
    let passes = |axis: &str, pattern: Value| (axis.to_owned(), true, pattern);
    assert_eq!(
        axes(&allowed),
        [
            passes("risk", Value::Null),
            passes("deny", Value::Null),
            passes("allow", json!("plugin/**")),
            passes("max_risk", Value::Null),
            passes("identities", Value::Null),
        ]
    );
    let denied = explain(&["plugin", "sign"]);
    assert_eq!(axes(&denied), [passes("risk", Value::Null), ("deny".to_owned(), false, json!("plugin/{sign,push}"))]);
    assert_eq!(denied["axes"][1]["reason_code"], "command_denylisted");
    let denial = &denied["denial"];
    assert_eq!((&denial["layer"], &denial["policy_source"]), (&json!("policy"), &json!("yaml:agents")));
    // What does the work of another is denied with it, by no axis of its own.
    let release = explain(&["plugin", "publish"]);
    assert_eq!((&release["command_path"], &release["is_allowed"]), (&json!("plugin/release"), &json!(false)));
    assert!(release["denial"]["reason"].as_str().is_some_and(|reason| reason.contains("\"plugin/sign\"")), "{release}");
    assert!(axes(&release).iter().all(|(_, passes, _)| *passes), "{release}");
    let group = explain(&["token"]);
    assert_eq!((&group["axes"], &group["denial"]["reason_code"]), (&json!([]), &json!("aggregate_all_denied")));
    let below: Vec<&Value> = group["denial"]["below"].as_array().expect("a list").iter().collect();
    assert_eq!(below.len(), 3, "{group}");
    assert!(below.iter().all(|command| command["reason_code"] == "domain_not_allowed"), "{group}");
    assert_eq!(below[0]["command_path"], "token/create");
    assert_eq!(explain(&["plugin"])["is_allowed"], true, "a part of it is left");
    for words in [&["nope"][..], &["plugin", "nope"], &["plugin/sign/x"], &[""]] {
        bench.run(&[&["config", "policy", "explain"][..], words].concat()).refused(2, "usage");
    }
    let text = bench.run(&["config", "policy", "explain", "token"]);
    assert!(text.ok().stdout.contains("token/create  domain_not_allowed\n"), "{text:?}");
}

#[test]
fn what_is_for_people_is_denied_where_the_policy_is_for_programs() {
    let bench = Bench::new();
    bench.write(POLICY, "name: robots\nidentities: [bot]\n");
    let run = bench.run(&["token", "create", "x", "--tokens", "tokens.json", "--json"]);
    assert_eq!(run.code, 2, "{run:?}");
    let detail = error(&run)["detail"].clone();
    assert_eq!(
        (&detail["reason_code"], &detail["path"], &detail["layer"], &detail["policy_source"], &detail["rule_name"]),
        (
            &json!("identity_mismatch"),
            &json!("token/create"),
            &json!("policy"),
            &json!("yaml:robots"),
            &json!("robots")
        ),
    );
    assert!(!bench.path("tokens.json").exists());
    bench.write("keys/none.txt", "");
    bench.run(&["keys", "list", "--trusted-keys", "keys"]).ok();
}

#[test]
fn it_is_explained_what_comes_of_a_call() {
    let bench = Bench::new();
    bench.write(POLICY, "name: agents\nallow: ['plugin/{one,two}/run', 'config/**']\nmax_risk: write\n");
    let explain =
        |words: &[&str]| document(&bench.run(&[&["config", "policy", "explain"][..], words, &["--json"]].concat()));
    let one = explain(&["plugin/one/run"]);
    assert_eq!(
        (&one["command_path"], &one["is_allowed"], &one["risk"], &one["identities"]),
        (&json!("plugin/one/run"), &json!(true), &json!("write"), &json!(["bot"])),
    );
    assert_eq!(explain(&["plugin", "two", "run", "--capabilities", "facts.read"])["is_allowed"], true);
    let three = explain(&["plugin/three/run"]);
    assert_eq!(three["denial"]["reason_code"], "domain_not_allowed");
    let outbound = explain(&["plugin/one/run", "--capabilities", "facts.read,network.outbound"]);
    assert_eq!(
        (&outbound["risk"], &outbound["denial"]["reason_code"]),
        (&json!("high-risk-write"), &json!("write_not_allowed")),
    );
    for words in [
        &["plugin/sign", "--capabilities", "facts.read"][..],
        &["plugin/one/run", "--capabilities", "facts.*"],
        &["plugin/one/walk"],
    ] {
        bench.run(&[&["config", "policy", "explain"][..], words].concat()).refused(2, "usage");
    }
    bench.run(&["config", "policy", "explain", "plugin/.one/run"]).refused(1, "invalid_plugin_id");
}

#[test]
fn calls_are_tested_as_a_host_judges_them() {
    let bench = Bench::new();
    bench.write("policy.yml", "allow: ['plugin/one/run']\nmax_risk: write\nidentities: [bot]\n");
    let test = |case: &str| {
        bench.write("cases.yml", format!("cases:\n- {{command: plugin/one/run, {case}}}\n"));
        bench.run(&["config", "policy", "test", "cases.yml", "--policy", "policy.yml"])
    };
    for case in [
        "expect: allowed",
        "capabilities: facts.read, expect: allowed",
        "capabilities: 'facts.read,network.outbound', expect: write_not_allowed",
        "identity: bot, expect: allowed",
        "identity: user, expect: identity_mismatch",
    ] {
        let tested = test(case);
        assert_eq!(tested.code, 0, "{case}: {tested:?}");
    }
    for (case, wrong) in [
        ("identity: root, expect: allowed", "`identity` has to be user or bot, and here is `root`"),
        ("capabilities: facts.raed, expect: allowed", "facts.raed"),
        ("capabilities: [], expect: allowed", "`capabilities` has to be a text, and here is a list"),
    ] {
        let tested = test(case);
        tested.refused(1, "policy_cases_invalid");
        assert!(tested.stderr.contains(wrong), "{case}: {tested:?}");
    }
    bench.write("cases.yml", "cases:\n- {command: plugin/sign, identity: bot, expect: allowed}\n");
    let tested = bench.run(&["config", "policy", "test", "cases.yml", "--policy", "policy.yml"]);
    assert!(tested.refused(1, "policy_cases_invalid").stderr.contains("are of calls"));
}

#[test]
fn a_policy_is_tested_before_it_counts() {
    let bench = Bench::new();
    bench.write("policy.yml", "allow: ['plugin/*']\nmax_risk: write\n");
    let cases = |text: &str| {
        bench.write("cases.yml", text);
        bench.run(&["config", "policy", "test", "cases.yml", "--policy", "policy.yml", "--json"])
    };
    let good = "cases:\n  - command: plugin/new\n    expect: allowed\n  - {command: keys list, expect: denied}\n  \
        - {command: plugin/uninstall, expect: write_not_allowed}\n  - {command: token, expect: aggregate_all_denied}\n";
    let tested = document(&cases(good));
    assert_eq!((&tested["case_count"], &tested["failed_count"]), (&json!(4), &json!(0)), "{tested}");
    let bad =
        good.replace("expect: denied}\n", "expect: domain_not_allowed}\n").replace("expect: allowed", "expect: denied");
    let run = cases(&bad.replace("write_not_allowed", "risk_too_high"));
    assert_eq!((run.code, &error(&run)["detail"]["reason_code"]), (1, &json!("policy_differs")), "{run:?}");
    let tested: Value = serde_json::from_str(&run.stdout).expect("one document");
    assert_eq!((&tested["ok"], &tested["failed_count"]), (&json!(false), &json!(2)), "{tested}");
    let as_expected: Vec<bool> =
        tested["cases"].as_array().expect("cases").iter().map(|case| case["is_as_expected"] == true).collect();
    assert_eq!(as_expected, [false, true, false, true]);
    let second = &tested["cases"][2];
    assert_eq!((&second["line"], &second["found"]), (&json!(5), &json!("write_not_allowed")));
    let text = bench.run(&["config", "policy", "test", "cases.yml", "--policy", "policy.yml"]);
    assert!(
        text.code == 1 && text.stdout.contains("FAIL  plugin/uninstall, line 5: expected risk_too_high"),
        "{text:?}"
    );

    // The policy that counts, where none is named.
    bench.run(&["config", "policy", "test", "cases.yml"]).refused(2, "policy_missing");
    bench.write(POLICY, "deny: ['plugin/new', 'keys/*', 'token/*']\n");
    bench.write("cases.yml", "cases:\n- {command: plugin/new, expect: denied}\n");
    bench.run(&["config", "policy", "test", "cases.yml"]).ok();
    bench.write("policy.yml", "nmae: x\n");
    bench.run(&["config", "policy", "test", "cases.yml", "--policy", "policy.yml"]).refused(2, "policy_invalid");
}

#[test]
fn cases_that_say_nothing_are_found_where_they_stand() {
    let bench = Bench::new();
    bench.write("policy.yml", "name: x\n");
    let test = |text: &str| {
        bench.write("cases.yml", text);
        bench.run(&["config", "policy", "test", "cases.yml", "--policy", "policy.yml"])
    };
    for (text, place) in [
        ("", "cases.yml:1:1: there is nothing in the file"),
        ("case: []\n", "cases.yml:1:1: unknown key `case`"),
        ("{}\n", "cases.yml:1:1: `cases` is missing"),
        ("cases: x\n", "cases.yml:1:8: `cases` has to be a list, and here is text"),
        ("cases: []\n", "cases.yml:1:8: there is no case in the list"),
        ("cases:\n- plugin/sign\n", "cases.yml:2:3: a case has to say `command` and `expect`"),
        ("cases:\n- command: plugin/sign\n", "cases.yml:2:3: a case has to say `command` and `expect`"),
        ("cases:\n- {command: plugin/sing, expect: allowed}\n", "cases.yml:2:13: there is no command `plugin sing`"),
        (
            "cases:\n- {command: plugin/sign, expect: yes}\n",
            "cases.yml:2:34: `expect` has to be a text, and here is a boolean",
        ),
        (
            "cases:\n- {command: plugin/sign, expect: locked}\n",
            "cases.yml:2:34: `expect` has to be allowed, denied, or one of",
        ),
        ("cases:\n- {command: keys, expect: denied, why: x}\n", "cases.yml:2:35: unknown key `why`"),
    ] {
        let run = test(text);
        assert!(run.stderr.starts_with(&format!("error[policy_cases_invalid]: {place}")), "{text}: {run:?}");
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    }
    let many = |cases: usize| test(&format!("cases:\n{}", "- {command: version, expect: allowed}\n".repeat(cases)));
    many(10_000).ok();
    assert!(many(10_001).error_line().contains("more than 10000 cases"));
}

#[test]
fn a_site_is_bound_to_one_identity_and_says_so() {
    let bench = Bench::new();
    let mode = |words: &[&str]| bench.run(&[&["config", "strict-mode"][..], words].concat());
    assert_eq!(mode(&[]).ok().stdout, "off\n");
    assert_eq!(mode(&["bot", "--dry-run"]).ok().stdout, "bot\n");
    assert!(!bench.path(".aisoc").exists(), "a dry run has written");
    assert_eq!(
        document(&mode(&["user", "--json"])),
        json!({
            "schema_version": 2, "ok": true, "strict_mode": "user", "previous_strict_mode": "off",
        })
    );
    let bits = |name: &str| fs::metadata(bench.path(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!((bits(".aisoc"), bits(".aisoc/strict-mode")), (0o700, 0o600));
    assert_eq!(fs::read_dir(bench.path(".aisoc")).expect("there").count(), 1, "a draft or a lock is left");
    // What is for people goes on.
    bench.run(&["token", "create", "x", "--role", "viewer", "--dry-run", "--tokens", "tokens.json"]).ok();
    mode(&["bot"]).ok();
    let denied = bench.run(&["token", "create", "x", "--role", "viewer", "--tokens", "tokens.json", "--json"]);
    assert_eq!((denied.code, &error(&denied)["type"]), (2, &json!("command_denied")), "{denied:?}");
    let detail = &error(&denied)["detail"];
    assert_eq!(
        (&detail["layer"], &detail["policy_source"], &detail["reason_code"]),
        (&json!("strict_mode"), &json!("strict-mode"), &json!("identity_not_supported"))
    );
    // Nor is the site freed by who is bound: its owner writes the file.
    mode(&["off"]).refused(2, "identity_not_supported");
    assert_eq!(fs::read_to_string(bench.path(".aisoc/strict-mode")).expect("there"), "bot\n");
    bench.write(".aisoc/strict-mode", "off\n");
    assert_eq!(mode(&[]).ok().stdout, "off\n");
    mode(&["root"]).refused(2, "usage");
    Run::of(bench.command(&["config", "strict-mode", "bot"]).env_remove("HOME")).refused(2, "usage");
}

#[test]
fn an_identity_that_cannot_be_read_refuses_everything() {
    const FILE: &str = ".aisoc/strict-mode";
    let bench = Bench::new();
    let refused = |code: i32, reason: &str| {
        for words in [&["version"][..], &["--help"], &["config", "strict-mode", "off"]] {
            bench.run(words).refused(code, reason);
        }
    };
    for content in ["", "root\n", "user bot\n", "\u{fffd}", "users"] {
        bench.write(FILE, content);
        refused(1, "configuration_invalid");
    }
    for content in ["bot", "bot\n", " bot \r\n"] {
        bench.write(FILE, content);
        bench.run(&["token", "create", "x", "--role", "viewer"]).refused(2, "identity_not_supported");
    }
    // 64 bytes are read, and no more.
    bench.write(FILE, format!("off{}", " ".repeat(61)));
    bench.run(&["version"]).ok();
    bench.write(FILE, format!("off{}", " ".repeat(62)));
    refused(1, "configuration_invalid");
    bench.write(FILE, "off\n");
    fs::set_permissions(bench.path(FILE), Permissions::from_mode(0o666)).expect("set");
    refused(1, "directory_insecure");
    fs::remove_file(bench.path(FILE)).expect("removed");
    mknodat(CWD, bench.path(FILE), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
    refused(1, "configuration_invalid");
}

#[test]
fn a_setting_is_never_written_where_others_could_change_it() {
    let bench = Bench::new();
    fs::create_dir(bench.path(".aisoc")).expect("made");
    fs::set_permissions(bench.path(".aisoc"), Permissions::from_mode(0o777)).expect("set");
    for words in [&["config", "strict-mode", "user"][..], &["config", "strict-mode", "user", "--dry-run"]] {
        bench.run(words).refused(1, "directory_insecure");
    }
    assert_eq!(fs::read_dir(bench.path(".aisoc")).expect("there").count(), 0);
}
