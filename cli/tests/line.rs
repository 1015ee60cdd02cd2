//! The straight line, whole: every step a process of its own, over real HTTP.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{Bench, copy_tree};

#[test]
fn a_new_plugin_of_every_type_is_signed_shipped_installed_and_loads() {
    let bench = Bench::new();
    let registry = bench.registry();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    fs::create_dir(bench.path("keys")).expect("made");
    fs::copy(bench.path("release.pem"), bench.path("keys/release.pem")).expect("copied");
    for plugin_type in ["enricher", "connector", "responder", "detection", "widget"] {
        let id = format!("my-{plugin_type}");
        let reference = format!("{}/team/{id}:0.1.0", registry.address);
        bench.run(&["plugin", "new", &id, "--type", plugin_type]).ok();
        bench.run(&["plugin", "validate", &id]).ok();
        bench.sign(&id).ok();
        let tar = format!("{id}.tar");
        bench.run(&["plugin", "package", "--plugin-dir", &id, "--out", &tar]).ok();
        let pushed = bench.run(&["plugin", "push", &tar, &reference]);
        let pinned = pushed.ok().stdout.trim().to_owned();
        assert!(pinned.contains("@sha256:"), "{pinned}");
        let installed = bench.install(&reference);
        assert_eq!(installed.ok().stdout.trim(), pinned);
        assert_eq!(bench.snapshot(&id).len(), bench.snapshot(&format!("plugins/{id}")).len());
        let loads = bench.run(&["plugin", "validate", &format!("plugins/{id}"), "--load"]);
        if loads.stderr.contains("AISOC_PYTHON") {
            println!("skipped: loading {id} (no Python)");
        } else {
            loads.ok();
        }
    }
    let list = bench.run(&["plugin", "list", "--trusted-keys", "keys", "--plugins-dir", "plugins", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list.ok().stdout).expect("JSON");
    assert_eq!(list["schema_version"], 2);
    let plugins = list["plugins"].as_array().expect("plugins");
    assert_eq!(plugins.len(), 5);
    assert!(plugins.iter().all(|row| row["signature_status"] == "verified" && row["signing_key_id"] == "release"));
}

#[test]
fn release_is_the_whole_author_line_and_tells_ci() {
    let bench = Bench::new();
    let registry = bench.registry();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    let pair = bench.run(&["plugin", "keygen", "--out", "release", "--json"]).ok().stdout.clone();
    let pair: serde_json::Value = serde_json::from_str(&pair).expect("JSON");
    let signer = pair["signing_key_fingerprint"].as_str().expect("a fingerprint");
    let key = fs::read_to_string(bench.path("release.key")).expect("a key");
    let reference = format!("{}/team/demo:0.1.0", registry.address);
    let (output, summary) = (bench.path("output"), bench.path("summary"));
    let variables = [
        ("RELEASE_KEY", key.as_str()),
        ("GITHUB_OUTPUT", output.to_str().expect("UTF-8")),
        ("GITHUB_STEP_SUMMARY", summary.to_str().expect("UTF-8")),
    ];
    let words = ["plugin", "release", "--plugin-dir", "demo", "--private-key", "env:RELEASE_KEY", reference.as_str()];
    let pinned = bench.run_with(&words, &variables).ok().stdout.trim().to_owned();
    let digest = pinned.split_once('@').expect("a digest").1;
    assert_eq!(
        fs::read_to_string(&output).expect("written"),
        format!(
            "reference={pinned}\ndigest={digest}\nid=demo\nversion=0.1.0\ntag=0.1.0\nsigner={signer}\n\
             signers={signer}\ncoverage=full\n"
        )
    );
    assert!(fs::read_to_string(&summary).expect("written").contains(&pinned));
    let again = bench.run_with(&[&words[..], &["--json"]].concat(), &variables);
    let again: serde_json::Value = serde_json::from_str(&again.ok().stdout).expect("JSON");
    assert_eq!(
        (&again["uploaded_blob_count"], &again["uploaded_bytes"]),
        (&0.into(), &0.into()),
        "the same again sends nothing"
    );
    assert_eq!(again["reference"], pinned);
}

#[test]
fn packaging_is_reproducible_and_check_says_so() {
    let bench = Bench::new();
    bench.published();
    let package = |out: &str, threads: &str| {
        bench
            .run(&["plugin", "package", "--plugin-dir", "demo", "--out", out, "--threads", threads])
            .ok()
            .stdout
            .clone()
    };
    assert_eq!(package("one.tar", "1"), package("four.tar", "4"));
    assert_eq!(fs::read(bench.path("one.tar")).expect("packed"), fs::read(bench.path("four.tar")).expect("packed"));
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "one.tar", "--check"]).ok();
    let good = fs::read(bench.path("one.tar")).expect("packed");
    let layer = good.windows(3).position(|window| window == [0x1f, 0x8b, 8]).expect("a gzip member in the archive");
    let manifest = good.windows(17).position(|window| window == b"\"schemaVersion\":2").expect("a manifest");
    for at in (layer..layer + 2000).step_by(100).chain([manifest]) {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        bench.write("damaged.tar", damaged);
        let run = bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "damaged.tar", "--check"]);
        assert_ne!(run.code, 0, "byte {at} of {} does not count", good.len());
    }
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "demo/in.tar"]).refused(2, "usage");
    bench.write("demo/README.md", "changed\n");
    bench
        .run(&["plugin", "package", "--plugin-dir", "demo", "--out", "one.tar", "--check"])
        .refused(1, "not_reproducible");
}

/// A directory mounted over itself, read-only; `None` where mounting is not allowed.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn mount(place: PathBuf) -> Option<Self> {
        let mount =
            |words: &[&str]| Command::new("mount").args(words).arg(&place).status().is_ok_and(|done| done.success());
        let mounted = mount(&["--bind", place.to_str().expect("text")]).then(|| Self(place.clone()))?;
        mount(&["-o", "remount,ro,bind"]).then_some(mounted)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn what_cannot_be_written_is_up_to_date_as_long_as_the_gates_admit_it() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let Some(_mounted) = ReadOnly::mount(bench.path("plugins")) else {
        println!("skipped: mounting is not allowed here");
        return;
    };
    let again = bench.install("oci-archive:demo.tar");
    assert!(again.ok().stderr.contains("Up to date"), "{again:?}");
    bench.write("keys/release.json", r#"{"schema_version": 1, "revoked_at": "2026-01-01T00:00:00Z"}"#);
    let revoked = bench.install("oci-archive:demo.tar");
    assert!(revoked.code != 0 && !revoked.stderr.contains("Up to date"), "{revoked:?}");
}

#[test]
fn an_upgrade_exchanges_and_the_same_again_changes_nothing() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let first = bench.snapshot("plugins");
    let again = bench.install("oci-archive:demo.tar");
    assert!(again.ok().stderr.contains("Up to date"), "{again:?}");
    assert_eq!(bench.snapshot("plugins"), first);

    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("a manifest");
    bench.write("demo/plugin.yaml", manifest.replace("\"0.1.0\"", "\"0.2.0\""));
    bench.write("demo/extra.txt", "new\n");
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "demo2.tar"]).ok();
    let upgraded = bench.run(&[
        "plugin",
        "install",
        "oci-archive:demo2.tar",
        "--keys",
        "keys",
        "--plugins-dir",
        "plugins",
        "--json",
    ]);
    let upgraded: serde_json::Value = serde_json::from_str(&upgraded.ok().stdout).expect("JSON");
    let upgraded = &upgraded["plugins"][0];
    assert_eq!((&upgraded["change"], &upgraded["previous_version"]), (&"upgraded".into(), &"0.1.0".into()));
    assert!(bench.path("plugins/demo/extra.txt").is_file());
    bench.run(&["plugin", "uninstall", "demo", "--plugins-dir", "plugins"]).refused(10, "confirmation_required");
    bench.run(&["plugin", "uninstall", "demo", "--plugins-dir", "plugins", "--yes"]).ok();
    assert!(!bench.path("plugins/demo").exists());
    bench.run(&["plugin", "uninstall", "demo", "--plugins-dir", "plugins", "--yes"]).refused(1, "plugin_not_found");
}

#[test]
fn a_file_changed_after_the_install_is_found_and_mended() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let good = bench.snapshot("plugins/demo");
    bench.write("plugins/demo/README.md", "swapped\n");
    let list = bench.run(&["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins"]);
    assert!(
        list.stdout.contains("coverage_mismatch: the plugin is not what key `release` signed: `README.md`"),
        "{list:?}"
    );
    let mended = bench.install("oci-archive:demo.tar");
    assert!(mended.ok().stderr.contains("Replaced demo 0.1.0"), "{mended:?}");
    assert_eq!(bench.snapshot("plugins/demo"), good);
}

#[test]
fn keys_removed_since_the_install_are_noticed() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let before = bench.snapshot("plugins");
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    bench.install("oci-archive:demo.tar").refused(3, "no_trusted_keys");
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn a_pulled_tree_is_the_packed_tree_and_verifies() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/tool.sh", "#!/bin/sh\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(bench.path("demo/tool.sh"), mode).expect("set");
    bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"]).ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "layout"]).ok();
    bench.run(&["plugin", "pull", "oci:layout", "--out", "pulled"]).ok();
    let relative = |name: &str| -> Vec<_> {
        bench
            .snapshot(name)
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(bench.path(name)).expect("below").to_owned(), bytes))
            .collect()
    };
    assert_eq!(relative("pulled"), relative("demo"));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(bench.path("pulled/tool.sh")).expect("there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o755);
    bench.run(&["plugin", "verify", "pulled", "--keys", "keys"]).ok();
    bench.run(&["plugin", "verify", "oci:layout", "--keys", "keys"]).ok();
    bench.run(&["plugin", "verify", "demo.tar", "--keys", "keys"]).ok();
    bench.run(&["plugin", "pull", "oci:layout", "--out", "pulled"]).refused(1, "already_exists");
}

#[test]
fn a_pull_unpacks_and_takes_no_name_of_an_archive() {
    let bench = Bench::new();
    bench.published();
    for (name, directory, layout) in
        [("x.tar", "x", "x.tar"), ("dist/x.tgz", "dist/x", "dist/x.tar"), ("my x.tar.gz", "'my x'", "'my x.tar'")]
    {
        let run = bench.run(&["plugin", "pull", "oci-archive:demo.tar", "--out", name]);
        run.refused(2, "usage");
        let hint = format!(
            "hint: to unpack, name a directory: `--out {directory}`; to keep it packed, copy it: \
             `aisoc plugin push oci-archive:demo.tar oci-archive:{layout}`"
        );
        assert_eq!(run.stderr.lines().last(), Some(hint.as_str()), "{run:?}");
    }
    for name in ["x.tar", "x", "dist", "my x.tar.gz", "my x"] {
        assert!(!bench.path(name).exists(), "{name}");
    }
    bench.run(&["plugin", "push", "oci-archive:demo.tar", "oci-archive:x.tar"]).ok();
    bench.run(&["plugin", "verify", "x.tar", "--keys", "keys"]).ok();
    // Whoever says that it is a directory means one.
    bench.run(&["plugin", "pull", "oci-archive:demo.tar", "--out", "y.tar/"]).ok();
    fs::create_dir(bench.path("z.tgz")).expect("made");
    bench.run(&["plugin", "pull", "oci-archive:demo.tar", "--out", "z.tgz"]).ok();
    for name in ["y.tar", "z.tgz"] {
        bench.run(&["plugin", "verify", &format!("./{name}"), "--keys", "keys"]).ok();
    }
}

#[test]
fn a_tag_is_not_moved_unless_asked() {
    let bench = Bench::new();
    let registry = bench.registry();
    bench.published();
    let reference = format!("{}/team/demo:1", registry.address);
    bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
    copy_tree(&bench.path("demo"), &bench.path("other"));
    bench.write("other/README.md", "other\n");
    bench.sign("other").ok();
    let refused = bench.run(&["plugin", "push", "other", &reference]);
    refused.refused(1, "tag_exists");
    assert!(
        refused.stderr.contains("expected: sha256:") && refused.stderr.contains("found:    sha256:"),
        "{refused:?}"
    );
    bench.run(&["plugin", "push", "other", &reference, "--replace-tag"]).ok();
}

#[test]
fn the_documented_aliases_exist() {
    let bench = Bench::new();
    bench.run(&["plugin", "scaffold", "demo", "--type", "widget"]).ok();
    bench.run(&["keygen", "--out", "k"]).ok();
    assert!(bench.path("k.key").is_file() && bench.path("k.pem").is_file());
    assert!(bench.run(&["plugin", "publish", "--help"]).ok().stdout.contains("release"));
}

#[test]
fn the_demo_tells_its_story_to_the_end() {
    let run = Bench::new().run(&["demo"]);
    for part in [
        "coverage full",
        "error[coverage_mismatch]",
        "error[signature_invalid]",
        "error[unsigned]",
        "  changed  plugin.py\n",
        "exit code 3",
    ] {
        assert!(run.ok().stdout.contains(part) || run.stderr.contains(part), "{part:?} in {run:?}");
    }
}
