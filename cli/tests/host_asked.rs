//! What a contract costs: its plugin is asked for the code that it has, once, and nobody else waits for it.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use aisoc_manifests::digest::FileDigest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::Bench;
use support::hooks::{plugin, write};
use support::host::{ServedHost, bench, has_python, unconfined};

const PLAIN: &str = "class Plugin:\n    def run(self, payload, context):\n        return 1\n";
/// Whoever checks a contract holds no calls.
const IS_CHECK: &str = "not hasattr(__import__('__main__'), 'serve')";

fn serving(bench: &Bench) -> Command {
    unconfined(bench, &["--site-packages", "site"])
}

/// A file that everybody may write to.
fn mark(bench: &Bench, name: &str) -> String {
    let path = bench.path(name);
    fs::write(&path, "").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("set");
    path.display().to_string()
}

/// How often it was asked, by what it has written.
fn asked(bench: &Bench, name: &str) -> usize {
    fs::read_to_string(bench.path(&format!("{name}.asked"))).expect("read").len()
}

/// A plugin with a handler that ends it when it is told to; each check of its contract is counted.
fn counted(bench: &Bench, name: &str, more: &str) {
    let mark = bench.path(&format!("{name}.asked")).display().to_string();
    let code = format!(
        "import os, time\nif {IS_CHECK}:\n open('{mark}', 'a').write('.')\n{more}\n\
         def vote(ctx, **rest):\n if rest: os._exit(3)\n return Deny('no')\n"
    );
    plugin(bench, name, &code, &format!("'{}': vote", hook_of(name)), "");
}

fn hook_of(name: &str) -> &'static str {
    if name == "aaa-slow" { "pre_recall_authorize" } else { "pre_assert_authorize" }
}

/// Has `RECORD` state what its module is.
fn state(bench: &Bench, name: &str) {
    let module = name.replace('-', "_");
    let content = fs::read(bench.path(&format!("site/{module}.py"))).expect("written before");
    let hash = URL_SAFE_NO_PAD.encode(FileDigest::of(&content).as_bytes());
    bench.write(format!("site/{module}-1.0.dist-info/RECORD").as_str(), format!("{module}.py,sha256={hash},\n"));
}

fn reload(host: &ServedHost, id: &str) {
    host.post(&format!("/api/v1/plugins/{id}/reload"), "").ok();
}

fn fire(host: &ServedHost, name: &str, payload: &Value) -> u16 {
    host.post_json(&format!("/api/v1/hooks/{}", hook_of(name)), &json!({ "payload": payload })).status
}

#[test]
fn a_contract_is_asked_once_for_the_same_code_and_of_the_plugin_that_is_meant() {
    if !has_python() {
        return;
    }
    let bench = bench();
    for name in ["lab-stated", "lab-unstated"] {
        mark(&bench, &format!("{name}.asked"));
    }
    counted(&bench, "lab-stated", "");
    state(&bench, "lab-stated");
    counted(&bench, "lab-unstated", "");
    bench.run(&["plugin", "new", "plain", "--type", "enricher"]).ok();
    bench.write("plain/plugin.py", PLAIN);
    bench.signed_version("plain", "0.1.0", "release.key");
    fs::rename(bench.path("plain"), bench.path("plugins/plain")).expect("moved");
    let host = ServedHost::ready(&mut serving(&bench));
    let asked = || (asked(&bench, "lab-stated"), asked(&bench, "lab-unstated"));
    assert_eq!(asked(), (1, 1));
    // Nobody is asked because of another one.
    reload(&host, "plain");
    reload(&host, "lab-stated");
    assert_eq!(asked(), (1, 1));
    // What nothing states may be another one each time.
    reload(&host, "lab-unstated");
    assert_eq!(asked(), (1, 2));
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(asked(), (1, 3));
    // One that has ended is tried again, and the others are left alone.
    assert_eq!(fire(&host, "lab-stated", &json!({ "n": 1 })), 422);
    host.wait_for(|host| host.plugin("lab-stated")["state"] == "enabled");
    assert_eq!(asked(), (1, 3));
    // Other code is asked, though it has the name of this.
    counted(&bench, "lab-stated", "CHANGED = True");
    state(&bench, "lab-stated");
    reload(&host, "plain");
    assert_eq!(asked(), (1, 3));
    reload(&host, "lab-stated");
    assert_eq!(asked(), (2, 3));
    // And so is the same one, beside something that came.
    bench.write("site/came.py", "");
    reload(&host, "lab-stated");
    assert_eq!(asked(), (3, 3));
    // What cannot be imported is asked each time, until it can be.
    counted(&bench, "lab-stated", "import nothing_like_this");
    state(&bench, "lab-stated");
    for _ in 0..2 {
        let refused = host.post("/api/v1/plugins/lab-stated/reload", "").refused_for(400, "import_failed");
        assert!(refused.contains("nothing_like_this"), "{refused}");
    }
    assert_eq!(asked(), (5, 3));
    assert_eq!(host.plugin("lab-stated")["state"], "enabled");
}

#[test]
fn what_a_plugin_says_by_the_word_of_others_is_asked_again_where_it_says_something_else() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let needed = |capability: &str| bench.write("site/needed.py", format!("CAPABILITIES = ['{capability}']\n"));
    needed("audit.read");
    let more = ", capabilities=needed.CAPABILITIES";
    plugin(&bench, "lab-needing", "import needed\n", "", more);
    state(&bench, "lab-needing");
    let host = ServedHost::ready(&mut serving(&bench));
    assert_eq!(host.plugin("lab-needing")["capabilities"], json!(["audit.read"]));
    needed("facts.read");
    let refused = host.post("/api/v1/plugins/lab-needing/reload", "").refused_for(400, "contract_check_failed");
    assert!(refused.contains("says something else than when its contract was checked"), "{refused}");
    assert_eq!(host.plugin("lab-needing")["capabilities"], json!(["audit.read"]), "what runs goes on");
    reload(&host, "lab-needing");
    assert_eq!(host.plugin("lab-needing")["capabilities"], json!(["facts.read"]));
}

#[test]
fn what_another_one_is_called_is_known_while_nobody_asks_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    plugin(&bench, "aaa-base", "", "", "");
    plugin(&bench, "bbb-above", "", "", ", depends_on=('aaa-base',)");
    // Its entry point is called as another plugin is.
    write(&bench, "lab-other", "def manifest(): return {'name': 'ccc-named', 'version': '1.0.0'}\n");
    let host = ServedHost::ready(&mut serving(&bench));
    for id in ["aaa-base", "bbb-above", "ccc-named"] {
        assert_eq!(host.plugin(id)["state"], "enabled", "{id}");
    }
    // It needs one that is not asked, and is there all the same.
    reload(&host, "bbb-above");
    // Whoever claims a name that another one has goes on to be refused for it.
    write(&bench, "zzz-twin", "def manifest(): return {'name': 'aaa-base', 'version': '1.0.0'}\n");
    host.post("/api/v1/plugins/discover", "").ok();
    let twins = |host: &ServedHost| {
        let listed = host.get("/api/v1/plugins").ok();
        listed.as_array().expect("a list").iter().filter(|plugin| plugin["id"] == "aaa-base").count()
    };
    assert_eq!(twins(&host), 2);
    reload(&host, "aaa-base");
    reload(&host, "bbb-above");
    // One that came by the name of a plugin, and was never asked, is in nobody's way.
    write(&bench, "aaa-aaa", "def manifest(): return {'name': 'bbb-above', 'version': '1.0.0'}\n");
    reload(&host, "bbb-above");
}

#[test]
fn one_that_takes_long_to_come_back_keeps_no_other_waiting() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let slow = mark(&bench, "slow");
    for name in ["aaa-slow", "lab-quick"] {
        mark(&bench, &format!("{name}.asked"));
    }
    // As long as somebody says so.
    let wait = format!("while not ({IS_CHECK}) and open('{slow}').read(): time.sleep(0.05)");
    counted(&bench, "aaa-slow", &wait);
    counted(&bench, "lab-quick", "");
    let host = ServedHost::ready(&mut serving(&bench));
    bench.write("slow", "yes");
    assert_eq!(fire(&host, "aaa-slow", &json!({ "n": 1 })), 422);
    // It is asked as it is tried again, and then it waits.
    host.wait_for(|_| asked(&bench, "aaa-slow") == 2);
    assert_eq!(fire(&host, "lab-quick", &json!({ "n": 1 })), 422);
    host.wait_for(|host| host.plugin("lab-quick")["state"] == "enabled");
    assert_ne!(host.plugin("aaa-slow")["state"], "enabled");
    reload(&host, "lab-quick");
    bench.write("slow", "");
    host.wait_for(|host| host.plugin("aaa-slow")["state"] == "enabled");
    assert_eq!(host.terminate(), Some(0));
}
