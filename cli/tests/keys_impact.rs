//! `keys impact`: what would be lost with keys, by the gate's own word.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run, copy_tree};

const HERE: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

fn impact(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["keys", "impact"], words, &HERE].concat())
}

/// Place, version and dependence of everything that depends, in order.
fn rows(run: &Run) -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let rows = document["dependents"].as_array().expect("rows").iter();
    rows.map(|row| (text(row, "id") + " " + &text(row, "version"), text(row, "place"), text(row, "dependence")))
        .collect()
}

fn row(named: &str, place: &str, dependence: &str) -> (String, String, String) {
    (named.to_owned(), place.to_owned(), dependence.to_owned())
}

/// The plugin `id` in a directory of that name, signed by these keys, the first alone and the others beside it.
fn signed(bench: &Bench, id: &str, keys: &[&str]) {
    if !bench.path(id).exists() {
        bench.run(&["plugin", "new", id, "--type", "enricher"]).ok();
    }
    for (number, key) in keys.iter().enumerate() {
        let (key, add): (String, &[&str]) = (format!("{key}.key"), if number == 0 { &[] } else { &["--add"] });
        bench.run(&[&["plugin", "sign", id, "--private-key", &key], add].concat()).ok();
    }
}

fn trusting(keys: &[&str]) -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("keys")).expect("made");
    for key in keys {
        bench.run(&["plugin", "keygen", "--out", key]).ok();
        fs::copy(bench.path(&format!("{key}.pem")), bench.path(&format!("keys/{key}.pem"))).expect("copied");
    }
    bench
}

/// `alone` by the old key, with a version of it that is kept, `both` by both, and `other` by the new one.
fn three_plugins() -> Bench {
    let bench = trusting(&["old", "new"]);
    for (id, keys) in [("alone", &["old"][..]), ("both", &["old", "new"]), ("other", &["new"])] {
        signed(&bench, id, keys);
        bench.install(&format!("./{id}")).ok();
    }
    let manifest = fs::read_to_string(bench.path("alone/plugin.yaml")).expect("a manifest");
    bench.write("alone/plugin.yaml", manifest.replace("0.1.0", "0.2.0"));
    signed(&bench, "alone", &["old"]);
    bench.install("./alone").ok();
    bench
}

#[test]
fn what_one_key_alone_vouches_for_comes_first_and_is_a_no() {
    let bench = three_plugins();
    let before = (bench.snapshot("plugins"), bench.snapshot("keys"));
    let run = impact(&bench, &["old", "--json"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert_eq!(
        rows(&run),
        [
            row("alone 0.2.0", "installed", "only_this_key"),
            row("alone 0.1.0", "kept", "only_this_key"),
            row("both 0.1.0", "installed", "also_another_key"),
        ]
    );
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let both = &document["dependents"][2];
    assert_eq!(both["signers"][0]["signing_key_id"], "old");
    assert_eq!(both["other_signers"][0]["signing_key_id"], "new");
    assert_eq!(document["dependents"][0]["objection"]["reason_code"], "untrusted_key");
    let count = |name: &str| document[name].as_u64();
    assert_eq!((count("only_this_key_count"), count("also_another_key_count")), (Some(2), Some(1)));
    assert_eq!(
        (count("independent_count"), count("refused_count"), count("failed_count")),
        (Some(1), Some(0), Some(0))
    );
    let text = impact(&bench, &["old"]);
    let error = "error[key_needed]: 2 depend on the keys: `alone` 0.2.0, `alone` 0.1.0 (kept for a rollback)";
    assert_eq!((text.code, text.error_line()), (3, error), "{text:?}");
    assert!(text.stdout.contains("\nalone  0.2.0    installed  only_this_key     -\n"), "{text:?}");
    assert_eq!((bench.snapshot("plugins"), bench.snapshot("keys")), before, "it changes nothing");
}

#[test]
fn keys_are_asked_about_together_and_a_key_goes_under_all_its_names() {
    let bench = three_plugins();
    let run = impact(&bench, &["old", "new", "--json"]);
    assert!(rows(&run).iter().all(|(.., dependence)| dependence == "only_this_key"), "{run:?}");
    assert_eq!(rows(&run).len(), 4);
    fs::copy(bench.path("keys/old.pem"), bench.path("keys/copy.pem")).expect("copied");
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let fingerprint = document["keys"][0]["fingerprint"].as_str().expect("a fingerprint");
    for name in ["old", "copy", fingerprint, &fingerprint["SHA256:".len()..][..12]] {
        assert_eq!(rows(&impact(&bench, &[name, "--json"]))[0].2, "only_this_key", "{name}");
    }
}

#[test]
fn a_key_that_nothing_depends_on_may_go() {
    let bench = three_plugins();
    bench.run(&["plugin", "keygen", "--out", "idle"]).ok();
    fs::copy(bench.path("idle.pem"), bench.path("keys/idle.pem")).expect("copied");
    assert!(impact(&bench, &["idle"]).ok().stdout.starts_with("nothing depends on these keys\n"));
    bench.run(&["plugin", "uninstall", "other", "--yes", "--plugins-dir", "plugins"]).ok();
    let run = impact(&bench, &["new", "--json"]);
    assert_eq!(rows(run.ok()), [row("both 0.1.0", "installed", "also_another_key")]);
    impact(&bench, &["nobody"]).refused(1, "key_not_found");
}

#[test]
fn a_plugin_that_falls_below_its_number_of_signers_is_named_so() {
    let bench = three_plugins();
    let run = impact(&bench, &["old", "--require", "2", "--json"]);
    assert_eq!((run.code, rows(&run)), (3, vec![row("both 0.1.0", "installed", "below_required")]));
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(document["refused_count"], 3, "the others are refused today already");
    assert_eq!(document["dependents"][0]["objection"]["reason_code"], "signers_too_few");
    let warned = impact(&bench, &["old", "--require", "2", "--trust-mode", "warn", "--json"]);
    assert_eq!(rows(&warned).last(), Some(&row("both 0.1.0", "installed", "below_required")));
}

#[test]
fn what_mode_warn_would_let_in_unsigned_is_a_loss_and_mode_disabled_is_no_answer() {
    let bench = trusting(&["old", "new"]);
    signed(&bench, "alone", &["old"]);
    fs::create_dir(bench.path("plugins")).expect("made");
    copy_tree(&bench.path("alone"), &bench.path("plugins/alone"));
    let warned = impact(&bench, &["old", "--trust-mode", "warn", "--json"]);
    assert_eq!((warned.code, rows(&warned)), (3, vec![row("alone 0.1.0", "installed", "would_become_unsigned")]));
    impact(&bench, &["old", "--trust-mode", "disabled"]).refused(2, "usage");
}

#[test]
fn a_key_that_covers_for_another_ones_coverage_is_needed() {
    let bench = trusting(&["old", "new"]);
    bench.run(&["plugin", "new", "alone", "--type", "enricher"]).ok();
    bench.write("alone/data.bin", [0, 1, 2, 3]);
    for key in ["old", "new"] {
        let (key, add): (String, &[&str]) =
            (format!("{key}.key"), if key == "old" { &["--coverage", "code"] } else { &["--add"] });
        bench.run(&[&["plugin", "sign", "alone", "--private-key", &key], add].concat()).ok();
    }
    bench.write("keys/old.json", r#"{"schema_version":2,"coverage":"code"}"#);
    bench.install("./alone").ok();
    let run = impact(&bench, &["old", "--json"]);
    assert_eq!((run.code, rows(&run)), (3, vec![row("alone 0.1.0", "installed", "only_this_key")]), "{run:?}");
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(document["dependents"][0]["objection"]["reason_code"], "coverage_partial");
    assert_eq!(impact(&bench, &["new"]).code, 0);
}

/// Hosts that know `plugin.sig` alone go by the key that made it, also when its time is over.
#[test]
fn a_key_whose_time_is_over_still_vouches_for_the_first_signature() {
    let bench = trusting(&["old", "new"]);
    signed(&bench, "alone", &["old", "new"]);
    for file in fs::read_dir(bench.path("alone/plugin.sig.d")).expect("signatures") {
        let path = file.expect("an entry").path();
        let first = fs::read(bench.path("alone/plugin.sig")).expect("a signature");
        if fs::read(&path).expect("a signature") == first {
            fs::remove_file(path).expect("removed");
        }
    }
    fs::create_dir(bench.path("plugins")).expect("made");
    copy_tree(&bench.path("alone"), &bench.path("plugins/alone"));
    bench.write("keys/old.json", r#"{"schema_version":2,"not_after":"2020-01-01T00:00:00Z"}"#);
    bench.run(&[&["plugins", "verify"][..], &HERE].concat()).ok();
    let run = impact(&bench, &["old", "--json"]);
    assert_eq!((run.code, rows(&run)), (3, vec![row("alone 0.1.0", "installed", "only_this_key")]), "{run:?}");
    fs::create_dir(bench.path("keys/retired")).expect("made");
    for file in ["old.pem", "old.json"] {
        fs::rename(bench.path("keys").join(file), bench.path("keys/retired").join(file)).expect("moved");
    }
    assert_eq!(bench.run(&[&["plugins", "verify"][..], &HERE].concat()).code, 3, "the gate says the same");
}

#[test]
fn every_tag_of_a_repository_is_asked_and_what_does_not_answer_is_named() {
    let bench = trusting(&["old", "new"]);
    let registry = bench.registry();
    let at = |name: &str| format!("{}/team/{name}", registry.address);
    for (id, keys) in [("alone", &["old"][..]), ("both", &["old", "new"])] {
        signed(&bench, id, keys);
        bench.run(&["plugin", "push", &format!("./{id}"), &at(&format!("{id}:0.1.0"))]).ok();
    }
    bench.run(&["plugin", "push", "./alone", &at("alone:stable")]).ok();
    let published =
        |words: &[&str]| bench.run(&[&["keys", "impact", "--trusted-keys", "keys", "--json"], words].concat());
    let run = published(&["old", "--registry", &at("alone"), &at("both:0.1.0")]);
    let expected = [row("alone 0.1.0", "named", "only_this_key"), row("both 0.1.0", "named", "also_another_key")];
    assert_eq!((run.code, rows(&run)), (3, expected.to_vec()), "{run:?}");
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(document["dependents"][0]["also_named"], serde_json::json!([at("alone:stable")]), "once for all tags");
    assert_eq!(published(&["new", "--registry", &at("alone")]).code, 0);
    for (missing, code) in [(at("none"), 1), (at("alone:none"), 1), ("127.0.0.1:1/none/none".to_owned(), 4)] {
        let run = published(&["new", "--registry", &missing]);
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        assert_eq!((run.code, &document["failed"][0]["source"]), (code, &missing.as_str().into()), "{run:?}");
    }
    let lost = published(&["old", "--registry", &at("none"), &at("alone")]);
    assert_eq!(lost.code, 3, "a loss is a no, whatever else could not be asked: {lost:?}");
}

#[test]
fn archives_layouts_and_directories_are_asked_as_references_are() {
    let bench = trusting(&["old", "new"]);
    signed(&bench, "alone", &["old"]);
    bench.run(&["plugin", "package", "--plugin-dir", "alone", "--out", "alone.tar"]).ok();
    for source in ["./alone", "alone.tar", "oci-archive:alone.tar"] {
        let run = bench.run(&["keys", "impact", "old", "--trusted-keys", "keys", "--registry", source, "--json"]);
        assert_eq!(
            (run.code, rows(&run)),
            (3, vec![row("alone 0.1.0", "named", "only_this_key")]),
            "{source}: {run:?}"
        );
    }
    let missing = bench.run(&["keys", "impact", "old", "--trusted-keys", "keys", "--registry", "./nothing"]);
    missing.refused(1, "io_not_found");
}

#[test]
fn a_plugins_directory_that_is_named_is_there_and_nothing_of_it_is_passed_over() {
    let bench = three_plugins();
    let variable = [("AISOC_PLUGINS_DIR", "none")];
    bench.run_with(&["keys", "impact", "old", "--trusted-keys", "keys"], &variable).refused(1, "io_not_found");
    bench.run(&["keys", "impact", "old", "--trusted-keys", "keys", "--plugins-dir", "none"]).refused(1, "io_not_found");
    fs::remove_dir_all(bench.path("plugins/.aisoc/versions/alone/1/tree")).expect("removed");
    assert_eq!(rows(&impact(&bench, &["old", "--json"])).len(), 2, "a version that is gone can not be gone back to");
}
