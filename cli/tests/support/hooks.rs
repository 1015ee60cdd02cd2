//! Plugins of Stigmem: distributions whose entry points have handlers of hooks.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::Bench;
use super::host::{Answered, ServedHost, command};

/// What every module begins with.
pub(crate) const HEAD: &str = "from stigmem_node.plugins import *\n";

/// A distribution with one plugin: its module, whose `manifest` makes what is named in `hooks`, with `more` in it.
pub(crate) fn plugin(bench: &Bench, name: &str, functions: &str, hooks: &str, more: &str) {
    let manifest =
        format!("def manifest(): return PluginManifest(name='{name}', version='1.0.0', hooks={{{hooks}}}{more})\n");
    write(bench, name, &format!("{HEAD}{functions}\n{manifest}"));
}

/// Its module, and what says that it is one.
pub(crate) fn write(bench: &Bench, name: &str, code: &str) {
    let module = name.replace('-', "_");
    bench.write(format!("site/{module}.py").as_str(), code);
    let info = format!("site/{module}-1.0.dist-info");
    // Of another module it is another distribution.
    let metadata = format!("Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\nSummary: {}\n", code.len());
    bench.write(format!("{info}/METADATA").as_str(), metadata);
    let points = format!("[stigmem.plugins]\n{name} = {module}:manifest\n");
    bench.write(format!("{info}/entry_points.txt").as_str(), points);
    bench.write(format!("{info}/RECORD").as_str(), format!("{module}.py,,\n"));
    // Whoever is nobody imports it too.
    for place in ["", "site", info.as_str()] {
        fs::set_permissions(bench.path(place), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    }
}

pub(crate) fn serving(bench: &Bench, words: &[&str]) -> Command {
    let mut command = command(bench, &[words, &["--site-packages", "site"]].concat());
    command.env("AISOC_LOG_FILE", bench.path("events.jsonl"));
    command
}

pub(crate) fn fire(host: &ServedHost, hook: &str, body: &Value) -> Answered {
    host.post_json(&format!("/api/v1/hooks/{hook}"), body)
}

pub(crate) fn fired(host: &ServedHost, hook: &str, body: &Value) -> Value {
    let mut fired = fire(host, hook, body).ok();
    for handler in fired["handlers"].as_array_mut().expect("handlers") {
        assert!(handler["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{handler}");
        handler.as_object_mut().expect("an object").remove("seconds");
    }
    fired
}

pub(crate) fn handler(plugin: &str, function: &str, outcome: &str) -> Value {
    json!({ "name": format!("{plugin}.{function}"), "plugin_id": plugin, "outcome": outcome })
}
