//! Which of the plugins that hosts have today the rule of coverage concerns: those of the reference's own repository,
//! in the shape they have there.
//!
//! A host's one switch is the trust mode; coverage is a second one (`docs/trust.md`). Here stands what that costs: what a
//! host would load is refused by the default rule for these plugins and no others, until their publishers sign whole trees
//! or the note of one publisher's key takes what it has signed as a host does.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::Bench;

/// One real plugin: who it is, and the names of its files. What is in them decides nothing here.
struct RealPlugin {
    directory: String,
    id: String,
    plugin_type: String,
    files: Vec<String>,
}

/// The 57 in the order of their directories.
fn real_plugins() -> Vec<RealPlugin> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/vectors/real_plugins.json");
    let list: Value = serde_json::from_str(&fs::read_to_string(path).expect("read")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let plugin = |plugin: &Value| RealPlugin {
        directory: text(&plugin["directory"]),
        id: text(&plugin["id"]),
        plugin_type: plugin["plugin_type"].as_str().unwrap_or("connector").to_owned(),
        files: plugin["files"].as_array().expect("a list").iter().map(text).collect(),
    };
    list["plugins"].as_array().expect("a list").iter().map(plugin).collect()
}

/// All of them in `real/`, signed as a host's own publishers do: over the manifest and `*.py`.
fn signed_as_hosts_sign() -> (Bench, Vec<RealPlugin>) {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    fs::create_dir(bench.path("keys")).expect("made");
    fs::copy(bench.path("release.pem"), bench.path("keys/release.pem")).expect("copied");
    let plugins = real_plugins();
    assert_eq!(plugins.len(), 57);
    for RealPlugin { directory, id, plugin_type, files } in &plugins {
        for file in files {
            let content = match file.as_str() {
                "plugin.yaml" => format!("id: {id}\nname: {id}\nversion: \"1.0.0\"\nplugin_type: {plugin_type}\n"),
                "plugin.py" => "class Plugin:\n    def run(self, payload, context): return payload\n".to_owned(),
                "go/main.go" => "package main\n\nfunc main() {}\n".to_owned(),
                other => panic!("{directory}: {other} has no content here"),
            };
            bench.write(&format!("real/{directory}/{file}"), content);
        }
        let place = format!("real/{directory}");
        bench
            .run(&["plugin", "sign", "--plugin-dir", &place, "--private-key", "release.key", "--coverage", "code"])
            .ok();
    }
    (bench, plugins)
}

/// Each plugin that is refused, with the file that the refusal names.
fn refused(bench: &Bench, plugins: &[RealPlugin], more: &[&str]) -> Vec<(String, String)> {
    let mut refused = Vec::new();
    for RealPlugin { directory, .. } in plugins {
        let place = format!("real/{directory}");
        let run = bench.run(&[&["plugin", "verify", &place, "--keys", "keys"], more].concat());
        if run.code == 0 {
            assert!(run.stdout.starts_with("verified key=release coverage="), "{directory}: {run:?}");
            continue;
        }
        run.refused(3, "coverage_partial");
        let named = run.error_line().split('`').find(|part| part.contains("main.go")).unwrap_or_default();
        refused.push((directory.clone(), named.to_owned()));
    }
    refused
}

/// Those with Go beside their Python: a signature as hosts know it is over the Python alone.
const CONCERNED: [&str; 15] = [
    "cloudflare-waf",
    "datadog-incidents",
    "github-audit",
    "gitlab-audit",
    "jamf-mdm",
    "mttr-widget",
    "notion-incidents",
    "okta-connector",
    "onepassword-events",
    "pagerduty-paging",
    "slack-quarantine",
    "snowflake-events",
    "tailscale-acl",
    "twilio-sms",
    "yara-enricher",
];

#[test]
fn the_second_switch_concerns_fifteen_of_fifty_seven_real_plugins_and_names_the_file() {
    let (bench, plugins) = signed_as_hosts_sign();
    let named: Vec<_> = CONCERNED.map(|name| (name.to_owned(), "go/main.go".to_owned())).into();
    assert_eq!(refused(&bench, &plugins, &[]), named);
    // What leaves open what a host leaves open lets all of them in, and the strictest rule only what is covered whole.
    assert_eq!(refused(&bench, &plugins, &["--trust-coverage", "code"]), []);
    let strictest = refused(&bench, &plugins, &["--trust-coverage", "full"]);
    assert!(named.iter().all(|concerned| strictest.contains(concerned)), "{strictest:?}");
    // A signature of the whole tree is the other way out, and needs no switch at all.
    for directory in CONCERNED {
        bench.sign(&format!("real/{directory}")).ok();
    }
    assert_eq!(refused(&bench, &plugins, &[]), []);
}

#[test]
fn a_note_on_one_publishers_key_accepts_them_without_a_switch_for_all() {
    let (bench, plugins) = signed_as_hosts_sign();
    bench.write("keys/release.json", r#"{"schema_version":2,"coverage":"code"}"#);
    assert_eq!(refused(&bench, &plugins, &[]), []);
    // It is said of that key alone.
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    fs::copy(bench.path("other.pem"), bench.path("keys/other.pem")).expect("copied");
    let directory = "real/okta-connector";
    fs::remove_file(bench.path(directory).join("plugin.sig")).expect("removed");
    let sign = ["plugin", "sign", "--plugin-dir", directory, "--private-key", "other.key", "--coverage", "code"];
    bench.run(&sign).ok();
    let other = bench.run(&["plugin", "verify", directory, "--keys", "keys"]);
    other.refused(3, "coverage_partial");
    // A site that asks for whole trees is not lowered by it.
    let full = refused(&bench, &plugins, &["--trust-coverage", "full"]);
    assert!(CONCERNED.iter().all(|name| full.iter().any(|(directory, _)| directory == name)), "{full:?}");
}

#[test]
fn a_note_does_not_lower_the_coverage_of_what_is_installed() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/go/main.go", "package main\n");
    bench.sign("demo").ok();
    let pack = |out: &str| {
        bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", out, "--trusted-keys", "keys"]).ok();
    };
    pack("whole.tar");
    bench.install("oci-archive:whole.tar").ok();
    bench.write("keys/release.json", r#"{"schema_version":2,"coverage":"code"}"#);
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    let stripped = manifest.split("integrity:").next().expect("the author's part").replace("0.1.0", "0.2.0");
    bench.write("demo/plugin.yaml", stripped);
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.run(&["plugin", "sign", "demo", "--private-key", "release.key", "--coverage", "code"]).ok();
    pack("narrow.tar");
    let run = bench.install("oci-archive:narrow.tar");
    run.refused(3, "coverage_downgrade");
    let kept = fs::read_to_string(bench.path("plugins/demo/plugin.yaml")).expect("read");
    assert!(kept.contains("0.1.0"), "{kept}");
    // Where nothing was covered more widely before, the same note takes the same archive.
    let fresh = ["plugin", "install", "oci-archive:narrow.tar", "--trusted-keys", "keys", "--plugins-dir", "fresh"];
    bench.run(&fresh).ok();
}
