//! What a host denies a plugin is in the journal of its site, which says so once for a while.

mod support;

use std::fs;

use serde_json::json;
use support::Bench;
use support::asking::{CODE, put, said};
use support::hooks::plugin;
use support::host::{ServedHost, bench, command, has_python};

/// The lines of that action, each by its columns.
fn lines(bench: &Bench, path: &str, action: &str) -> Vec<Vec<String>> {
    let journal = fs::read_to_string(bench.path(path)).unwrap_or_default();
    let columns = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    journal.lines().map(columns).filter(|columns| columns[1] == action).collect()
}

const JOURNAL: &str = "plugins/.aisoc/plugins.journal";

#[test]
fn an_accessor_that_is_not_declared_is_one_line_for_each_plugin_and_capability() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "one", &["facts.read"], CODE, "release.key");
    put(&bench, "two", &[], CODE, "release.key");
    let host = ServedHost::start(&bench, &[]);
    let steps = json!([["get_facts_reader"], ["get_facts_writer"], ["get_facts_writer"], ["get_audit_reader"]]);
    for _ in 0..3 {
        said(&host, "one", steps.clone());
    }
    said(&host, "two", json!([["get_facts_writer"]]));
    // It is there while the host runs, a moment later.
    host.wait_for(|_| lines(&bench, JOURNAL, "run-denied").len() == 3);
    assert_eq!(host.terminate(), Some(0));
    let denied = lines(&bench, JOURNAL, "run-denied");
    let words = |id: &str, accessor: &str, capability: &str| {
        format!("plugin '{id}' cannot call {accessor}: capability '{capability}' not declared")
    };
    let reasons: Vec<&str> = denied.iter().map(|line| line[5].as_str()).collect();
    assert_eq!(
        reasons,
        [
            words("one", "get_facts_writer", "facts.write"),
            words("one", "get_audit_reader", "audit.read"),
            words("two", "get_facts_writer", "facts.write"),
        ]
    );
    for (line, id) in denied.iter().zip(["one", "one", "two"]) {
        assert_eq!((line[2].as_str(), line[3].as_str()), (id, "0.1.0"), "{line:?}");
        assert!(line[4].starts_with("sha256:"), "{line:?}");
    }
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins"]).ok();
    let shown = bench.run(&["plugins", "journal", "show", "--plugins-dir", "plugins"]).ok().stdout.clone();
    assert!(shown.contains("run-denied"), "{shown}");
    // Whoever starts a host again and again writes no more.
    let host = ServedHost::start(&bench, &[]);
    said(&host, "one", steps);
    assert_eq!(host.terminate(), Some(0));
    assert_eq!(lines(&bench, JOURNAL, "run-denied").len(), 3);
}

#[test]
fn what_is_not_registered_is_one_line_however_often_it_is_looked_for() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let judge = "def judge(ctx, *, plugin): return Deny('not here') if plugin.name == 'bbb-denied' else Allow()\n";
    plugin(&bench, "aaa-judge", judge, "'config_validate': judge", "");
    plugin(&bench, "bbb-denied", "", "", "");
    // That it could not be asked is no word of anybody's.
    plugin(&bench, "ccc-raises", "def own(ctx, *, plugin): raise OSError('no disk')\n", "'config_validate': own", "");
    let host = ServedHost::ready(&mut command(&bench, &["--site-packages", "site"]));
    for _ in 0..2 {
        host.post("/api/v1/plugins/discover", "").ok();
    }
    host.wait_for(|_| !lines(&bench, JOURNAL, "refuse").is_empty());
    assert_eq!(host.terminate(), Some(0));
    let refused = lines(&bench, JOURNAL, "refuse");
    // The registry is frozen from the first look on, which is another reason, and not told within the same minute.
    let [line] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!((line[2].as_str(), line[3].as_str()), ("bbb-denied", "1.0"), "{line:?}");
    assert_eq!(
        line[5],
        "registration_refused: config_validate: plugin 'bbb-denied' failed config validation: not here"
    );
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins"]).ok();
}

#[test]
fn what_asks_for_more_than_is_accepted_is_one_line_as_well() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let site = [
        "--site-packages",
        "site",
        "--plugins-dir",
        "plugins",
        "--trusted-keys",
        "keys",
        "--plugins-lock",
        "plugins.lock",
    ];
    plugin(&bench, "aaa-guard", "", "", ", capabilities=['facts.read']");
    let trust = ["plugins", "trust", "aaa-guard", "--reason", "x", "--with-provenance"];
    bench.run(&[&trust[..], &site].concat()).ok();
    plugin(&bench, "aaa-guard", "", "", ", capabilities=['audit.read', 'facts.read']");
    let host = ServedHost::ready(&mut command(&bench, &["--site-packages", "site", "--plugins-lock", "plugins.lock"]));
    for _ in 0..2 {
        host.post("/api/v1/plugins/discover", "").ok();
    }
    assert_eq!(host.plugin("aaa-guard")["reason_code"], "capabilities_not_accepted");
    assert_eq!(host.terminate(), Some(0));
    let denied: Vec<Vec<String>> =
        [JOURNAL, "plugins.lock.journal"].into_iter().flat_map(|path| lines(&bench, path, "run-denied")).collect();
    let [line] = denied.as_slice() else { panic!("{denied:?}") };
    assert_eq!(line[2], "aaa-guard", "{line:?}");
    assert!(line[5].starts_with("capabilities_not_accepted: ") && line[5].contains("audit.read"), "{line:?}");
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"]).ok();
}
