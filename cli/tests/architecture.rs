//! The direction of dependencies, held as data: which crate may know which.
//!
//! Refusing an edge here is cheaper than finding out in a year why the signing code links a web
//! server. A new edge needs a reason in its `Cargo.toml` and a row here.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;
use support::workspace;

/// Crate → the workspace crates it depends on: all of them, and no others.
const EDGES: &[(&str, &[&str])] = &[
    ("manifests", &[]),
    ("files", &[]),
    ("programs", &[]),
    ("platform", &[]),
    ("dispatch", &["manifests", "platform"]),
    ("signing", &["manifests", "files", "programs"]),
    ("pkcs11-signer", &["signing"]),
    ("connections", &["manifests"]),
    ("registry-client", &["manifests", "files", "programs", "connections"]),
    ("registry-server", &["manifests", "files", "connections", "registry-client"]),
    ("outbound", &["manifests", "files", "registry-client"]),
    ("keyless", &["manifests", "signing", "registry-client"]),
    ("trust", &["manifests", "files", "signing"]),
    ("packaging", &["manifests", "files", "signing"]),
    ("installation", &["manifests", "files", "signing", "trust", "packaging"]),
    ("discovery", &["manifests", "files", "packaging", "installation", "signing"]),
    (
        "pipeline",
        &[
            "manifests",
            "files",
            "signing",
            "registry-client",
            "trust",
            "packaging",
            "installation",
            "discovery",
            "hooks",
            "worker",
        ],
    ),
    (
        "cli",
        &[
            "manifests",
            "files",
            "programs",
            "signing",
            "registry-client",
            "registry-server",
            "keyless",
            "trust",
            "packaging",
            "installation",
            "pipeline",
            "platform",
            "dispatch",
            "worker",
            "host",
            "host-client",
        ],
    ),
    ("worker", &["files"]),
    ("hooks", &["manifests"]),
    ("context", &["manifests", "files"]),
    ("host", &["manifests", "files", "connections", "trust", "pipeline", "hooks", "worker", "context", "outbound"]),
    ("host-client", &["manifests", "registry-client"]),
    ("testkit", &["manifests", "signing", "registry-client", "registry-server", "packaging"]),
];

/// What may not stand anywhere below these crates: they are synchronous and know no network.
const SYNCHRONOUS: &[&str] = &[
    "manifests",
    "files",
    "programs",
    "platform",
    "dispatch",
    "signing",
    "pkcs11-signer",
    "trust",
    "packaging",
    "installation",
    "discovery",
    "worker",
    "hooks",
    "context",
];
const NETWORK: &[&str] = &["tokio", "reqwest", "hyper", "axum"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(workspace::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn packages(metadata: &Value) -> BTreeMap<String, Value> {
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| (package["name"].as_str().expect("name").to_owned(), package.clone()))
        .collect()
}

/// The crates of this workspace below a package, in its code or in its tests only.
fn edges_of(package: &Value, in_tests: bool) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
    let wanted = dependencies.filter(|dependency| (dependency["kind"].as_str() == Some("dev")) == in_tests);
    wanted.filter_map(|dependency| dependency["name"].as_str()?.strip_prefix("aisoc-").map(str::to_owned)).collect()
}

#[test]
fn the_table_is_the_edges_that_exist() {
    let packages = packages(&metadata());
    let listed: Vec<&str> = EDGES.iter().map(|(folder, _)| *folder).collect();
    assert!(workspace::crates().iter().all(|name| listed.contains(&name.as_str())), "a crate without a row");
    for (folder, allowed) in EDGES {
        let edges = edges_of(&packages[&format!("aisoc-{folder}")], false);
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let new: Vec<_> = edges.difference(&allowed).collect();
        assert!(new.is_empty(), "the edges {folder} → {new:?} are not in the table");
        // An edge that may exist and does not is one that comes back without anybody being asked.
        let unused: Vec<_> = allowed.difference(&edges).collect();
        assert!(unused.is_empty(), "the edges {folder} → {unused:?} are in the table, and nothing uses them");
    }
}

#[test]
fn only_tests_link_the_testkit() {
    let packages = packages(&metadata());
    let linked = |in_tests| {
        EDGES
            .iter()
            .filter(|(folder, _)| edges_of(&packages[&format!("aisoc-{folder}")], in_tests).contains("testkit"))
            .count()
    };
    assert_eq!(linked(false), 0, "a crate depends on testkit outside its tests");
    assert!(linked(true) > 0, "no test links testkit, so nothing was checked");
}

/// What of the crate `manifests` its readers know beside themselves.
const KNOWN_TO_READERS: [&str; 2] = ["position", "text"];

#[test]
fn the_readers_of_manifests_know_no_refusals() {
    let directory = workspace::root().join("manifests/src/reader");
    let mut names = BTreeSet::new();
    for file in workspace::rust_files(&directory) {
        let text = fs::read_to_string(&file).expect("a source");
        for (_, path) in workspace::without_tests(&text).match_indices("crate::").map(|(at, _)| text.split_at(at)) {
            let name: String =
                path["crate::".len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(name == "reader" || KNOWN_TO_READERS.contains(&name.as_str()), "{} names {name:?}", file.display());
            names.insert(name);
        }
    }
    assert_eq!(names.len(), KNOWN_TO_READERS.len() + 1, "{names:?}");
}

#[test]
fn synchronous_crates_know_no_network() {
    let metadata = metadata();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .expect("resolved")
        .iter()
        .map(|node| (node["id"].as_str().expect("id"), node))
        .collect();
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| (package["id"].as_str().expect("id"), package["name"].as_str().expect("name")))
        .collect();
    for folder in SYNCHRONOUS {
        let wanted = format!("aisoc-{folder}");
        let root = *names.iter().find(|(_, name)| **name == wanted).expect("a package").0;
        let mut seen = vec![root];
        let mut next = 0;
        while next < seen.len() {
            for dependency in nodes[seen[next]]["deps"].as_array().expect("deps") {
                let normal =
                    dependency["dep_kinds"].as_array().expect("kinds").iter().any(|kind| kind["kind"].is_null());
                let id = dependency["pkg"].as_str().expect("id");
                if normal && !seen.contains(&id) {
                    assert!(!NETWORK.contains(&names[id]), "`{}` is below `{folder}`", names[id]);
                    seen.push(id);
                }
            }
            next += 1;
        }
        assert!(seen.len() > 1, "`{folder}` resolved to nothing, so nothing was checked");
    }
}

#[test]
fn every_crate_has_the_lint_wall_and_a_front_page() {
    for folder in workspace::crates() {
        let root = workspace::root().join(&folder);
        let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "`{folder}` is outside the lint wall");
        let library = fs::read_to_string(root.join("src/lib.rs")).expect("a library");
        assert!(library.contains("include_str!(\"../README.md\")"), "`{folder}` does not show its README");
    }
}

/// Files, the environment, clocks and processes stand in rooms that say so (`clippy.toml`).
#[test]
fn every_shipped_crate_keeps_the_outside_in_its_rooms() {
    for folder in workspace::shipped_crates() {
        let library = fs::read_to_string(workspace::root().join(&folder).join("src/lib.rs")).expect("a library");
        let wall = "#![cfg_attr(not(test), warn(clippy::disallowed_methods))]";
        assert!(library.contains(wall), "`{folder}` may read files, clocks and the environment anywhere");
    }
}

/// Whoever asks the gate chooses keys, policy and time; one place does.
#[test]
fn the_gate_has_one_caller() {
    let asks = |code: &str| {
        ["aisoc_trust::admit(", "aisoc_trust::observe(", "aisoc_trust::examine("].map(|call| code.contains(call))
    };
    let imports = |code: &str| {
        code.split("use aisoc_trust::").skip(1).any(|rest| {
            let names = rest.split(';').next().unwrap_or_default();
            names
                .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .any(|name| ["admit", "observe", "examine"].contains(&name))
        })
    };
    let sources = workspace::sources();
    let outside = sources.iter().filter(|(file, _)| !file.starts_with("trust/"));
    let callers: Vec<&str> = outside
        .filter(|(_, code)| asks(code).contains(&true) || imports(code))
        .map(|(file, _)| file.as_str())
        .collect();
    assert_eq!(callers, ["pipeline/src/judge.rs"]);
    assert_eq!(asks(&sources["pipeline/src/judge.rs"]), [true; 3]);
}

#[test]
fn no_module_is_named_for_nothing() {
    let vague = ["utils", "util", "common", "helpers", "helper", "types", "shared", "misc"];
    for name in workspace::crates() {
        let source = workspace::root().join(name).join("src");
        for file in workspace::rust_files(&source) {
            let path = file.strip_prefix(&source).expect("below").with_extension("");
            let is_vague = path.iter().any(|part| vague.iter().any(|word| part == *word));
            assert!(!is_vague, "{} says nothing", file.display());
        }
    }
}
