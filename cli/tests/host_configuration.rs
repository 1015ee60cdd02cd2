//! What an operator configures plugins with reaches them, as their manifests describe it, and nobody else.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, Run};

const CODE: &str = "class Plugin:
    def __init__(self, config):
        self.config = config

    def run(self, payload, context):
        return self.config
";
const SCHEMA: &str = "config_schema:
  type: object
  additionalProperties: false
  required: [api_key]
  properties:
    api_key: {type: string, minLength: 4, secret: true}
    timeout_seconds: {type: integer, maximum: 30}
    nested: {type: object}
";

/// A plugin that returns what it is configured with.
fn configured() -> Bench {
    let bench = bench();
    bench.run(&["plugin", "new", "told", "--type", "enricher", "-o", "plugins"]).ok();
    let manifest = fs::read_to_string(bench.path("plugins/told/plugin.yaml")).expect("read");
    let kept: Vec<&str> = manifest.lines().take_while(|line| !line.starts_with("config_schema:")).collect();
    bench.write("plugins/told/plugin.yaml", format!("{}\n{SCHEMA}", kept.join("\n")));
    bench.write("plugins/told/plugin.py", CODE);
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/told", "--private-key", "release.key"]).ok();
    bench
}

fn closed(bench: &Bench, name: &str, text: &str) {
    bench.write(name, text);
    fs::set_permissions(bench.path(name), Permissions::from_mode(0o600)).expect("set");
}

fn serving(bench: &Bench) -> Command {
    command(bench, &["--config", "plugins.toml"])
}

fn begun(bench: &Bench) -> ServedHost {
    ServedHost::ready(serving(bench).env("TOLD_KEY", "from the environment"))
}

fn result(host: &ServedHost) -> Value {
    host.post("/api/v1/plugins/told/run", "").ok()["result"].clone()
}

#[test]
fn a_plugin_is_told_what_is_said_of_it() {
    if !has_python() {
        return;
    }
    let bench = configured();
    closed(&bench, "key", "hunter2\n");
    let text = "# of this site\n[plugins.told]\napi_key = { from_file = \"key\" }\ntimeout_seconds = 5\n\
                [plugins.told.nested]\nfrom_file = 1\nlist = [1, 1.5, true, \"x\"]\n[plugins.other]\na = 1\n";
    bench.write("plugins.toml", text);
    let host = begun(&bench);
    let expected = serde_json::json!({
        "api_key": "hunter2",
        "timeout_seconds": 5,
        "nested": {"from_file": 1, "list": [1, 1.5, true, "x"]},
    });
    assert_eq!(result(&host), expected);
    // The host shows nobody what only the plugin is told.
    assert!(!host.get("/api/v1/plugins/told").text.contains("hunter2"));
    assert!(!host.said().contains("hunter2"));

    // It is read again when the plugin is loaded again.
    bench.write("plugins.toml", "[plugins.told]\napi_key = { from_environment = \"TOLD_KEY\" }\n");
    assert_eq!(result(&host), expected);
    host.post("/api/v1/plugins/told/reload", "").ok();
    assert_eq!(result(&host), serde_json::json!({"api_key": "from the environment"}));

    // What cannot be used leaves what runs.
    for (text, what) in [
        ("[plugins.told]\napi_key = \"abc\"\n", "at `/api_key`"),
        ("[plugins.told]\n", "at `/`"),
        ("[plugins.told]\napi_key = \"abcd\"\ntimeout_seconds = 31\n", "at `/timeout_seconds`"),
        ("[plugins.told]\napi_key = \"abcd\"\nother = \"hunter2\"\n", "at `/`"),
        ("[plugins.told]\napi_key = { from_environment = \"UNSET_KEY\" }\n", "UNSET_KEY is not set"),
        ("[plugins.told]\napi_key = { from_file = \"absent\" }\n", "absent"),
        ("[plugins.told]\napi_key = hunter2\n", "from line 2 on"),
        ("[plugin.told]\napi_key = \"hunter2\"\n", "is no configuration of plugins"),
        ("[plugins.told]\napi_key = \"hunter2\"\napi_key = \"hunter3\"\n", "is no configuration of plugins"),
    ] {
        bench.write("plugins.toml", text);
        let refused = host.post("/api/v1/plugins/told/reload", "");
        assert_eq!(refused.status, 400, "{text}: {refused:?}");
        assert!(refused.text.contains(what) && !refused.text.contains("hunter2"), "{text}: {refused:?}");
        assert_eq!(result(&host), serde_json::json!({"api_key": "from the environment"}));
    }
    // What the system makes up while it is read is nobody's file: the environment of the host is not a plugin's.
    for path in ["/proc/self/environ", "/proc/self/status", "/dev/null", "/proc/self/fd/0", "."] {
        bench.write("plugins.toml", format!("[plugins.told]\napi_key = {{ from_file = \"{path}\" }}\n"));
        let refused = host.post("/api/v1/plugins/told/reload", "");
        let reason = refused.refused_for(400, "configuration_invalid");
        assert!(!refused.text.contains("from the environment") && reason.contains(path), "{refused:?}");
    }
    std::os::unix::fs::symlink("/proc/self/environ", bench.path("linked")).expect("linked");
    bench.write("plugins.toml", "[plugins.told]\napi_key = { from_file = \"linked\" }\n");
    host.post("/api/v1/plugins/told/reload", "").refused_for(400, "configuration_invalid");
    closed(&bench, "key", "hunter2\n");
    fs::set_permissions(bench.path("key"), Permissions::from_mode(0o644)).expect("set");
    bench.write("plugins.toml", "[plugins.told]\napi_key = { from_file = \"key\" }\n");
    let exposed = host.post("/api/v1/plugins/told/reload", "");
    assert_eq!((exposed.status, exposed.json()["reason_code"].as_str()), (400, Some("private_key_exposed")));
}

/// Whatever a plugin does with it: people read logs that no secret is for.
#[test]
fn what_a_configuration_refers_to_is_in_no_log() {
    const SAYS: &str = "import sys
class Plugin:
    def __init__(self, config):
        self.config = config
        print('loaded with', config['api_key'], file=sys.stderr)

    def run(self, payload, context):
        print('called with', self.config['api_key'], 'for', self.config['timeout_seconds'])
        raise ValueError('refused with ' + self.config['api_key'])
";
    if !has_python() {
        return;
    }
    let bench = configured();
    bench.write("plugins/told/plugin.py", SAYS);
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/told", "--private-key", "release.key"]).ok();
    closed(&bench, "key", "hunter2\n");
    bench.write("plugins.toml", "[plugins.told]\napi_key = { from_file = \"key\" }\ntimeout_seconds = 25\n");
    let mut command = serving(&bench);
    let host = ServedHost::ready(command.env("AISOC_LOG_FILE", bench.path("events.jsonl")));
    let call = || host.post("/api/v1/plugins/told/run", "").refused_for(422, "execution_failed");
    assert!(call().contains("refused with ***"), "{}", call());
    host.wait_for(|host| host.said().contains("told: called with *** for 25"));
    assert!(host.said().contains("told: loaded with ***"), "{}", host.said());
    // One that is replaced, from when the plugin is loaded with it.
    closed(&bench, "key", "correct horse\n");
    host.post("/api/v1/plugins/told/reload", "").ok();
    assert!(call().contains("refused with ***"));
    // And where it cannot be loaded for it.
    bench.write(
        "plugins/told/plugin.py",
        SAYS.replace("print('loaded with'", "raise ValueError('not', config['api_key']) #"),
    );
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/told", "--private-key", "release.key"]).ok();
    let refused = host.post("/api/v1/plugins/told/reload", "");
    assert!(refused.refused_for(400, "import_failed").contains("***"), "{refused:?}");
    let shown = host.plugin("told").to_string();
    let events = fs::read_to_string(bench.path("events.jsonl")).expect("read");
    for said in [host.said(), shown, events, refused.text] {
        assert!(!said.contains("hunter2") && !said.contains("correct horse"), "{said}");
    }
}

#[test]
fn what_is_not_configured_is_told_nothing_and_what_is_wrong_is_not_loaded() {
    if !has_python() {
        return;
    }
    let bench = configured();
    bench.write("plugins.toml", "");
    let host = begun(&bench);
    assert_eq!(result(&host), serde_json::json!({}));
    drop(host);
    bench.write("plugins.toml", "[plugins.told]\napi_key = 1\n");
    let host = begun(&bench);
    let shown = host.plugin("told");
    assert_eq!(shown["state"].as_str(), Some("failed"), "{shown}");
    assert!(shown["error"].as_str().is_some_and(|error| error.contains("at `/api_key`")), "{shown}");
}

#[test]
fn a_file_that_cannot_be_gone_by_is_said_at_once() {
    let bench = configured();
    let refused = |reason: &str, code: i32| Run::of(&mut serving(&bench)).refused(code, reason).stderr.clone();
    refused("io_not_found", 1);
    for text in ["x", "[plugins]\ntold = 1\n", "[other]\n", "\u{0}"] {
        bench.write("plugins.toml", text);
        refused("configuration_invalid", 1);
    }
    bench.write("plugins.toml", b"\xff");
    assert!(refused("configuration_invalid", 1).contains("UTF-8"));
    bench.write("plugins.toml", "#".repeat((4 << 20) + 1));
    refused("configuration_invalid", 1);
    bench.write("plugins.toml", "");
    fs::set_permissions(bench.path("plugins.toml"), Permissions::from_mode(0o666)).expect("set");
    refused("directory_insecure", 1);
    bench.write("longest.toml", "#".repeat(4 << 20));
    fs::rename(bench.path("longest.toml"), bench.path("plugins.toml")).expect("renamed");
    drop(ServedHost::begin(&mut serving(&bench)));
}
