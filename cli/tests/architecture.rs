//! The direction of dependencies, held as data: which crate may know which.
//!
//! Refusing an edge here is cheaper than finding out in a year why the signing code links a web
//! server. A new edge needs a reason in its `Cargo.toml` and a row here.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Crate → the workspace crates it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("manifests", &[]),
    ("files", &[]),
    ("signing", &["manifests", "files"]),
    ("registry-client", &["manifests", "files"]),
    ("trust", &["manifests", "signing"]),
    ("packaging", &["manifests", "files", "signing", "trust"]),
    ("pipeline", &["manifests", "files", "signing", "registry-client", "trust", "packaging"]),
    ("worker", &["files"]),
    ("cli", &["manifests", "files", "signing", "registry-client", "trust", "packaging", "pipeline", "worker"]),
    ("testkit", &["manifests", "signing", "registry-client", "trust", "packaging", "pipeline"]),
];

/// What may not stand anywhere below these crates: they are synchronous and know no network.
const SYNCHRONOUS: &[&str] = &["manifests", "files", "signing", "trust", "packaging", "worker"];
const NETWORK: &[&str] = &["tokio", "reqwest", "hyper", "axum"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
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

#[test]
fn every_edge_is_in_the_table() {
    let packages = packages(&metadata());
    let folders: Vec<&str> = EDGES.iter().map(|(folder, _)| *folder).collect();
    for name in packages.keys().filter_map(|name| name.strip_prefix("aisoc-")) {
        assert!(folders.contains(&name), "the crate `{name}` has no row in the edge table");
    }
    for (folder, allowed) in EDGES {
        let package = &packages[&format!("aisoc-{folder}")];
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let is_development = dependency["kind"].as_str() == Some("dev");
            let Some(target) = dependency["name"].as_str().and_then(|name| name.strip_prefix("aisoc-")) else {
                continue;
            };
            if target == "testkit" {
                assert!(is_development, "`{folder}` depends on testkit outside its tests");
            } else if !is_development {
                assert!(allowed.contains(&target), "the edge {folder} → {target} is not in the table");
            }
        }
    }
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
    for (folder, _) in EDGES {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let manifest = std::fs::read_to_string(format!("{root}/{folder}/Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "`{folder}` is outside the lint wall");
        let library = std::fs::read_to_string(format!("{root}/{folder}/src/lib.rs")).expect("a library");
        assert!(library.contains("include_str!(\"../README.md\")"), "`{folder}` does not show its README");
    }
}

#[test]
fn no_module_is_named_for_nothing() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for (folder, _) in EDGES {
        let mut directories = vec![std::path::PathBuf::from(format!("{root}/{folder}/src"))];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).expect("listed") {
                let path = entry.expect("an entry").path();
                let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                let vague = ["utils", "util", "common", "helpers", "helper", "types", "shared", "misc"];
                assert!(!vague.contains(&stem), "{} says nothing", path.display());
                if path.is_dir() {
                    directories.push(path);
                }
            }
        }
    }
}
