//! What a plugin may start is its own: however much of that it uses, others have theirs.

mod support;

use serde_json::{Value, json};
use support::host::{ServedHost, bench, command, has_python};

/// How many processes and threads a plugin may have.
const MAX_TASKS: u64 = 64;

const FORKS: &str = "import errno, os, time\n\n\nclass Plugin:\n    def run(self, payload, context):\n        \
    count = 0\n        while count < 200:\n            try:\n                child = os.fork()\n            \
    except OSError as error:\n                return {'count': count, 'why': errno.errorcode[error.errno]}\n            \
    if child == 0:\n                time.sleep(600)\n            count += 1\n        return {'count': count}\n";

#[test]
fn a_plugin_that_starts_as_much_as_it_may_leaves_the_others_theirs() {
    if !has_python() {
        return;
    }
    let bench = bench();
    for name in ["demo", "other"] {
        bench.run(&["plugin", "new", name, "--type", "enricher"]).ok();
        bench.write(format!("{name}/plugin.py").as_str(), FORKS);
        bench.signed_version(name, "0.1.0", "release.key");
        std::fs::rename(bench.path(name), bench.path(&format!("plugins/{name}"))).expect("moved");
    }
    let host = ServedHost::ready(&mut command(&bench, &[]));
    let said: Value = serde_json::from_str(
        &bench.run(&["doctor", "--json", "--plugins-dir", "plugins", "--trusted-keys", "keys"]).stdout,
    )
    .expect("JSON");
    let layers = said["sandbox"]["layers"].as_array().expect("layers");
    let has_namespaces = layers.iter().any(|layer| layer["name"] == "namespaces" && layer["is_active"] == json!(true));
    if !has_namespaces {
        return;
    }
    let run = |id: &str| {
        let came = host.post(&format!("/api/v1/plugins/{id}/run"), "").ok()["result"].clone();
        assert_eq!(came["why"], "EAGAIN", "{id}: {came}");
        came["count"].as_u64().expect("a number")
    };
    let first = run("demo");
    assert!(first < MAX_TASKS && first > MAX_TASKS / 2, "{first}");
    assert_eq!(run("other"), first, "it was there before, and nothing of it was used by another one");
    // One that comes back meanwhile has all of its own, too.
    for _ in 0..3 {
        host.post("/api/v1/plugins/other/reload", "").ok();
        assert_eq!(run("other"), first);
    }
}
