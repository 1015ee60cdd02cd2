//! What a plugin of a host reads beside its code is what was judged with it, whatever becomes of the disk.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use support::Bench;
use support::host::{ServedHost, bench, command, has_python};

const CODE: &str = "import os

PLACE = os.path.dirname(__file__)


class Plugin:
    def run(self, payload, context):
        with open(os.path.join(PLACE, 'data', 'list.txt')) as data:
            read = data.read()
        try:
            open(os.path.join(PLACE, 'data', 'list.txt'), 'w').close()
            written = True
        except OSError:
            written = os.geteuid() == 0
        program = os.access(os.path.join(PLACE, 'data', 'program'), os.X_OK)
        return {'read': read, 'written': written, 'name': os.path.basename(PLACE), 'program': program}
";

/// A bench with a plugin that reads beside its code, all of which is signed.
fn reader() -> Bench {
    let bench = bench();
    bench.run(&["plugin", "new", "reader", "--type", "enricher", "-o", "plugins"]).ok();
    bench.write("plugins/reader/plugin.py", CODE);
    fs::create_dir_all(bench.path("plugins/reader/data")).expect("made");
    bench.write("plugins/reader/data/list.txt", "first");
    bench.write("plugins/reader/data/program", "#!/bin/sh\n");
    fs::set_permissions(bench.path("plugins/reader/data/program"), fs::Permissions::from_mode(0o755)).expect("set");
    sign(&bench);
    fs::create_dir(bench.path("copies")).expect("made");
    bench
}

fn sign(bench: &Bench) {
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/reader", "--private-key", "release.key"]).ok();
}

fn serve(bench: &Bench) -> ServedHost {
    ServedHost::ready(command(bench, &[]).env("TMPDIR", bench.path("copies")))
}

fn run(host: &ServedHost) -> Value {
    host.post("/api/v1/plugins/reader/run", "").ok()["result"].clone()
}

/// The copies that there are, and whatever else is there but what plugins may write to.
fn copies(bench: &Bench) -> Vec<String> {
    temporary(bench).into_iter().filter(|name| !name.starts_with("aisoc-scratch-")).collect()
}

fn temporary(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.path("copies")).expect("listed");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
}

#[test]
fn what_a_plugin_reads_is_what_was_judged() {
    if !has_python() {
        return;
    }
    let bench = reader();
    let host = serve(&bench);
    let expected = json!({"read": "first", "written": false, "name": "reader", "program": true});
    assert_eq!(run(&host), expected);
    bench.write("plugins/reader/data/list.txt", "second");
    assert_eq!(run(&host), expected);
    // The signature covers it, so what is there now does not come into memory.
    assert_eq!(host.post("/api/v1/plugins/reader/reload", "").status, 400);
    assert_eq!(run(&host), expected);
    sign(&bench);
    host.post("/api/v1/plugins/reader/reload", "").ok();
    assert_eq!(run(&host)["read"], "second");
    // A reload answers once the new one is in; the one before goes beside it.
    host.wait_for(|_| copies(&bench).len() == 1);
    assert_eq!(host.delete("/api/v1/plugins/reader").status, 204);
    host.wait_for(|_| copies(&bench).is_empty());
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(run(&host)["read"], "second");
    assert_eq!(host.terminate(), Some(0));
    assert_eq!(temporary(&bench), Vec::<String>::new());
}

#[test]
fn what_a_killed_host_leaves_goes_with_the_next_one_and_nobody_elses() {
    if !has_python() {
        return;
    }
    let bench = reader();
    let host = serve(&bench);
    // Another host's copies are its own, as long as it lives.
    let words = ["serve", "--state", "other.json", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let mut other = bench.command(&[&words[..], &["--listen", "127.0.0.1:0"]].concat());
    let other = ServedHost::ready(other.env("ENVIRONMENT", "development").env("TMPDIR", bench.path("copies")));
    assert_eq!(copies(&bench).len(), 2);
    host.kill();
    assert_eq!(copies(&bench).len(), 2);
    fs::create_dir(bench.path("copies/aisoc-plugin-photos")).expect("made");
    let host = serve(&bench);
    assert_eq!(copies(&bench).len(), 3, "its own, the other host's, and what is nobody's");
    assert_eq!((&run(&host)["read"], &run(&other)["read"]), (&json!("first"), &json!("first")));
    assert_eq!((host.terminate(), other.terminate()), (Some(0), Some(0)));
    assert_eq!(temporary(&bench), ["aisoc-plugin-photos"]);
}

/// As root, a plugin is nobody, who has to come where its data is.
#[test]
fn a_place_that_the_plugin_may_not_enter_is_found_out_before_it_runs() {
    if !has_python() {
        return;
    }
    let bench = reader();
    fs::set_permissions(bench.path("copies"), fs::Permissions::from_mode(0o700)).expect("set");
    let host = serve(&bench);
    let plugin = host.plugin("reader");
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        assert_eq!(plugin["state"], "failed", "{plugin}");
        let place = bench.path("copies").display().to_string();
        assert!(plugin["error"].as_str().is_some_and(|why| why.contains(&place)), "{plugin}");
        fs::set_permissions(bench.path("copies"), fs::Permissions::from_mode(0o711)).expect("set");
        host.post("/api/v1/plugins/discover", "").ok();
    }
    assert_eq!(run(&host)["read"], "first");
}
