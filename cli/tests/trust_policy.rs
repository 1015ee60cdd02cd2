//! Trust rules: which plugin has to have which keys and proofs, wherever it is judged.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aisoc_testkit::sigstore::{PROVENANCE, SBOM, Signer};
use serde_json::{Value, json};
use support::host::{ServedHost, has_python};
use support::proven::{Site, WHO};
use support::{Bench, Run};

const BUILDER: &str = "https://github.com/actions/runner/github-hosted";
/// Whatever the site asks of all is enough.
const ALL: &str = "schema_version = 1\n[[rules]]\nname = \"all\"\nplugins = [\"**\"]\n";

fn rules(site: &Site, rules: &str) {
    site.bench.write("trust.toml", format!("schema_version = 1\ntrusted_root = \"root.json\"\n{rules}"));
}

/// A rule about the plugin of the site, with that in it.
fn demo(what: &str) -> String {
    format!("[[rules]]\nname = \"demo rule\"\nplugins = [\"demo\"]\n{what}\n")
}

/// The proof of that kind by the workflow of the publisher.
fn by_workflow(kind: &str, more: &str) -> String {
    let Signer { identity, issuer } = WHO;
    format!("[[rules.proofs]]\nkind = \"{kind}\"\nidentity = \"{identity}\"\nissuer = \"{issuer}\"\n{more}\n")
}

const BY_RULES: [&str; 2] = ["--trust-policy", "trust.toml"];

fn verify(site: &Site) -> Run {
    site.verify(&BY_RULES)
}

fn install(site: &Site, words: &[&str]) -> Run {
    let reference = site.reference();
    let install = ["plugin", "install", &reference, "--keys", "keys", "--plugins-dir", "plugins"];
    site.bench.run(&[&install[..], words].concat())
}

fn at_rest(site: &Site) -> Run {
    site.bench.run(&["plugins", "verify", "--keys", "keys", "--plugins-dir", "plugins", "--trust-policy", "trust.toml"])
}

fn provenance(site: &Site, builder: &str) -> Value {
    let predicate = json!({"buildDefinition": {}, "runDetails": {"builder": {"id": builder}}});
    site.sigstore.states(&site.digits(), PROVENANCE, &predicate, WHO)
}

/// More keys that the site trusts.
fn trust_also(site: &Site, names: &[&str]) {
    for name in names {
        site.bench.run(&["plugin", "keygen", "--out", name]).ok();
        fs::copy(site.bench.path(&format!("{name}.pem")), site.bench.path(&format!("keys/{name}.pem")))
            .expect("copied");
    }
}

/// That key states how the plugin was built.
fn attest_by(site: &Site, key: &str) {
    site.bench.write("slsa.json", r#"{"buildDefinition":{},"runDetails":{"builder":{"id":"b"}}}"#);
    let (reference, key) = (site.reference(), format!("{key}.key"));
    let attest = ["plugin", "attest", &reference, "--type", "slsa", "--predicate", "slsa.json", "--private-key", &key];
    site.bench.run(&attest).ok();
}

#[test]
fn what_no_rule_is_about_is_not_let_in() {
    let site = Site::new();
    rules(&site, "[[rules]]\nname = \"others\"\nplugins = [\"acme-*\"]\n");
    let refused = verify(&site);
    refused.refused(3, "no_trust_rule");
    assert!(refused.stderr.contains("trust.toml") && refused.stderr.contains("`demo`"), "{refused:?}");
    install(&site, &BY_RULES).refused(3, "no_trust_rule");
    assert!(!site.bench.path("plugins/demo").exists());
    // No mode does without rules that the site has.
    for mode in ["warn", "disabled"] {
        site.bench.acknowledge_unsigned();
        install(&site, &[&BY_RULES[..], &["--trust-mode", mode]].concat()).refused(3, "no_trust_rule");
    }
    site.bench.write("trust.toml", ALL);
    verify(&site).ok();
    install(&site, &BY_RULES).ok();
    at_rest(&site).ok();
    // The rules as they are now, of what is installed already.
    rules(&site, "[[rules]]\nname = \"others\"\nplugins = [\"acme-*\"]\n");
    let rested = at_rest(&site);
    assert!(rested.code == 3 && rested.stdout.contains("no_trust_rule"), "{rested:?}");
}

#[test]
fn a_rule_is_about_where_a_plugin_comes_from_by_whole_steps() {
    let site = Site::new();
    let address = &site.registry.address;
    for (repositories, code) in [
        (format!("{address}/team"), 0),
        (format!("{address}/team/demo"), 0),
        (format!("{address}/tea"), 3),
        (format!("{address}/team/demo/more"), 3),
    ] {
        rules(&site, &format!("[[rules]]\nname = \"a\"\nrepositories = [\"{repositories}\"]\n"));
        assert_eq!(verify(&site).code, code, "{repositories}");
    }
    // A directory comes from nowhere that is known.
    rules(&site, &format!("[[rules]]\nname = \"a\"\nrepositories = [\"{address}\"]\n"));
    let words = ["plugin", "verify", "demo", "--keys", "keys", "--trust-policy", "trust.toml"];
    site.bench.run(&words).refused(3, "no_trust_rule");
}

#[test]
fn as_many_of_the_named_keys_as_a_rule_says_have_to_have_signed() {
    let site = Site::new();
    trust_also(&site, &["security", "other"]);
    let sign_by = |key: &str| {
        site.bench.run(&["plugin", "sign", "demo", "--private-key", key, "--add"]).ok();
        site.bench.run(&["plugin", "push", "demo", &site.reference(), "--replace-tag"]).ok();
    };
    rules(&site, &demo("keys = { at_least = 2, of = [\"release\", \"security\"] }"));
    let refused = verify(&site);
    refused.refused(3, "signers_too_few");
    assert!(refused.stderr.contains("`demo rule`") && refused.stderr.contains("2 of release, security"), "{refused:?}");
    sign_by("other.key");
    verify(&site).refused(3, "signers_too_few");
    sign_by("security.key");
    verify(&site).ok();
    install(&site, &BY_RULES).ok();
    at_rest(&site).ok();
    // Whoever is about to take a key away is told that a rule needs it.
    let impact = |key: &str, words: &[&str]| {
        let impact = ["keys", "impact", key, "--keys", "keys", "--plugins-dir", "plugins"];
        site.bench.run(&[&impact[..], words].concat())
    };
    impact("security", &[]).ok();
    for (key, code) in [("security", 3), ("release", 3), ("other", 0)] {
        let run = impact(key, &BY_RULES);
        assert_eq!(run.code, code, "{key}: {run:?}");
        assert!(code == 0 || run.stdout.contains("signers_too_few"), "{key}: {run:?}");
    }
    // A key that is named and trusted no more counts for nobody.
    fs::remove_file(site.bench.path("keys/security.pem")).expect("removed");
    let rested = at_rest(&site);
    assert!(rested.code == 3 && rested.stdout.contains("signers_too_few"), "{rested:?}");
}

#[test]
fn a_key_that_is_trusted_under_two_names_is_that_of_either_and_counts_once() {
    let site = Site::new();
    for name in ["aaa", "zzz"] {
        fs::copy(site.bench.path("keys/release.pem"), site.bench.path(&format!("keys/{name}.pem"))).expect("copied");
    }
    trust_also(&site, &["security"]);
    fs::create_dir(site.bench.path("keys/staged")).expect("made");
    fs::copy(site.bench.path("keys/release.pem"), site.bench.path("keys/staged/later.pem")).expect("copied");
    for (of, at_least, code) in [
        ("\"aaa\"", 1, 0),
        ("\"release\"", 1, 0),
        ("\"zzz\", \"security\"", 1, 0),
        ("\"aaa\", \"release\"", 2, 3),
        ("\"release\", \"security\"", 2, 3),
        ("\"security\"", 1, 3),
        ("\"later\"", 1, 3),
    ] {
        rules(&site, &demo(&format!("keys = {{ at_least = {at_least}, of = [{of}] }}")));
        let run = verify(&site);
        assert_eq!(run.code, code, "{of}: {run:?}");
    }
    rules(&site, &demo("keys = { at_least = 2 }"));
    verify(&site).refused(3, "signers_too_few");
}

#[test]
fn a_key_that_shows_a_proof_is_needed_as_one_that_has_signed() {
    let site = Site::new();
    trust_also(&site, &["security", "other"]);
    attest_by(&site, "security");
    let by_keys = demo("[[rules.proofs]]\nkind = \"provenance\"\n");
    rules(&site, &by_keys);
    install(&site, &BY_RULES).ok();
    let keys = |words: &[&str]| {
        let here = ["--keys", "keys", "--plugins-dir", "plugins"];
        site.bench.run_with(&[&["keys"], words, &here].concat(), &[("PLUGIN_TRUST_POLICY", "trust.toml")])
    };
    let reference = site.reference();
    for (key, code) in [("release", 3), ("security", 3), ("other", 0)] {
        let installed = keys(&["impact", key]);
        assert_eq!(installed.code, code, "{installed:?}");
        assert_eq!(keys(&["impact", key, "--registry", &reference]).code, code, "{key}");
    }
    let needed = keys(&["impact", "security", "--registry", &reference, "--json"]);
    let document: Value = serde_json::from_str(&needed.stdout).expect("JSON");
    for dependent in document["dependents"].as_array().expect("both places") {
        assert_eq!(dependent["dependence"], "only_this_key", "{dependent}");
        assert_eq!(dependent["signers"][0]["signing_key_id"], "security", "{dependent}");
        assert!(dependent["objection"].to_string().contains("`demo rule`"), "{dependent}");
    }
    assert_eq!(document["only_this_key_count"], 2, "{document}");
    for command in ["retire", "revoke"] {
        let refused = keys(&[command, "security", "--reason", "ticket 12"]);
        assert!(refused.refused(3, "key_needed").stderr.contains("aisoc plugin attest"), "{refused:?}");
    }
    at_rest(&site).ok();
    // Who misses a proof today needs the keys that have signed it all the same.
    rules(&site, &(by_keys.clone() + "[[rules.proofs]]\nkind = \"sbom\"\n"));
    for (key, code) in [("release", 3), ("security", 3), ("other", 0)] {
        assert_eq!(keys(&["impact", key]).code, code, "{key}");
    }
    // What another key shows as well, or nobody shows where it stands, is not lost with this one.
    rules(&site, &by_keys);
    attest_by(&site, "other");
    fs::remove_file(&kept_proofs(&site)[0]).expect("removed");
    keys(&["impact", "security", "--registry", &reference]).ok();
    assert_eq!(keys(&["impact", "release"]).code, 3);
}

#[test]
fn a_proof_that_a_rule_demands_is_shown_when_it_comes_and_where_it_stands() {
    let site = Site::new();
    rules(&site, &demo(&(by_workflow("provenance", &format!("builder = \"{BUILDER}\"")) + &by_workflow("sbom", ""))));
    let missing = install(&site, &BY_RULES);
    missing.refused(3, "proof_missing");
    assert!(missing.stderr.contains("`demo rule`") && missing.stderr.contains("`provenance`"), "{missing:?}");
    site.attach_bundle(&site.sigstore.states(&site.digits(), SBOM, &json!({}), WHO));
    site.attach_bundle(&provenance(&site, "https://evil.test/runner"));
    let refused = install(&site, &BY_RULES);
    refused.refused(3, "proof_builder_refused");
    assert!(refused.stderr.contains(BUILDER) && refused.stderr.contains("https://evil.test/runner"), "{refused:?}");
    assert!(!site.bench.path("plugins/demo").exists());
    site.attach_bundle(&provenance(&site, BUILDER));
    let explained = site.verify(&[&BY_RULES[..], &["--explain"]].concat());
    assert!(
        explained.ok().stdout.contains("trust rule") && explained.stdout.contains("proof: provenance"),
        "{explained:?}"
    );
    install(&site, &BY_RULES).ok();
    at_rest(&site).ok();
    // Again, where it stands already.
    install(&site, &BY_RULES).ok();
    // Without the registry what was shown is still there, and is judged by the rules of now.
    let of_another = demo(&by_workflow("provenance", "builder = \"https://elsewhere.test\""));
    rules(&site, &of_another);
    let rested = at_rest(&site);
    assert!(rested.code == 3 && rested.stdout.contains("proof_builder_refused"), "{rested:?}");
    rules(&site, &demo(&by_workflow("sigstore", "")));
    at_rest(&site).ok();
}

fn kept_proofs(site: &Site) -> Vec<std::path::PathBuf> {
    let listed = fs::read_dir(site.bench.path("plugins/.aisoc/proofs")).expect("kept");
    listed.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn proofs_that_are_kept_are_of_that_artifact_and_of_that_tree() {
    let site = Site::new();
    site.attach_bundle(&provenance(&site, BUILDER));
    rules(&site, &demo(&by_workflow("provenance", "")));
    install(&site, &BY_RULES).ok();
    let [kept] = &kept_proofs(&site)[..] else { panic!("one file of proofs") };
    let good = fs::read_to_string(kept).expect("read");
    let refused = |what: &str, reason: &str| {
        let rested = at_rest(&site);
        assert!(rested.code != 0 && rested.stdout.contains(reason), "{what}: {rested:?}");
    };
    let tree = good.split("\"tree_digest\":\"").nth(1).and_then(|rest| rest.get(7..71)).expect("a digest");
    for (what, changed) in [
        ("another tree", good.replace(tree, &"0".repeat(64))),
        ("another artifact", good.replace("\"manifest\":\"", "\"manifest\":\"AAAA")),
        ("a member that is not known", good.replace("{\"schema_version\"", "{\"more\":1,\"schema_version\"")),
        ("another version", good.replace("\"schema_version\":1", "\"schema_version\":2")),
        ("half of it", good[..good.len() / 2].to_owned()),
    ] {
        assert_ne!(changed, good, "{what}");
        fs::write(kept, changed).expect("written");
        refused(what, "record_invalid");
    }
    fs::write(kept, good.replace("\"proofs\":[{", "\"proofs\":[{\"place\":\"x\",\"bundle\":\"e30=\"},{"))
        .expect("written");
    at_rest(&site).ok();
    fs::remove_file(kept).expect("removed");
    refused("nothing", "proof_missing");
    // What was lost is had back where it is.
    install(&site, &BY_RULES).ok();
    at_rest(&site).ok();
    fs::set_permissions(kept, fs::Permissions::from_mode(0o666)).expect("set");
    refused("anybody's", "directory_insecure");
}

#[test]
fn what_was_kept_stays_when_less_is_asked_for_next() {
    let site = Site::new();
    site.attach_bundle(&provenance(&site, BUILDER));
    site.attach_bundle(&site.sigstore.states(&site.digits(), SBOM, &json!({}), WHO));
    let both = demo(&(by_workflow("provenance", "") + &by_workflow("sbom", "")));
    rules(&site, &both);
    install(&site, &BY_RULES).ok();
    let [kept] = &kept_proofs(&site)[..] else { panic!("one file of proofs") };
    let before = fs::read(kept).expect("read");
    rules(&site, &demo(&by_workflow("sbom", "")));
    install(&site, &BY_RULES).ok();
    rules(&site, &both);
    at_rest(&site).ok();
    install(&site, &BY_RULES).ok();
    assert_eq!(fs::read(kept).expect("read").len(), before.len(), "each once");
}

#[test]
fn a_bundle_that_is_carried_in_is_held_to_the_rules_by_the_proofs_in_it() {
    let site = Site::new();
    let export = |archive: &str| {
        let words = ["bundle", "export", &site.reference(), "--keys", "keys", "--out", archive];
        site.bench.run(&words).ok();
    };
    export("bare.tar");
    site.attach_bundle(&provenance(&site, "https://evil.test/runner"));
    export("other.tar");
    site.attach_bundle(&provenance(&site, BUILDER));
    export("proven.tar");
    rules(&site, &demo(&by_workflow("provenance", &format!("builder = \"{BUILDER}\""))));
    let import = |archive: &str| {
        let import = ["bundle", "import", archive, "--keys", "keys", "--plugins-dir", "plugins"];
        site.bench.run(&[&import[..], &BY_RULES].concat())
    };
    import("bare.tar").refused(3, "proof_missing");
    import("other.tar").refused(3, "proof_builder_refused");
    assert!(!site.bench.path("plugins/demo").exists());
    import("proven.tar").ok();
    // What was in the archive is kept, as what a registry has.
    at_rest(&site).ok();
    assert_eq!(kept_proofs(&site).len(), 1);
    rules(&site, "[[rules]]\nname = \"others\"\nplugins = [\"acme-*\"]\n");
    import("proven.tar").refused(3, "no_trust_rule");
}

#[test]
fn an_upgrade_passes_over_a_version_without_its_proofs() {
    let site = Site::new();
    let publish = |version: &str, is_proven: bool| {
        site.bench.signed_version("demo", version, "release.key");
        let place = format!("{}/team/demo:{version}", site.registry.address);
        let pushed = site.bench.run(&["plugin", "push", "demo", &place]);
        if is_proven {
            site.bench.write("slsa.json", r#"{"buildDefinition":{},"runDetails":{"builder":{"id":"b"}}}"#);
            let attest = ["plugin", "attest", &place, "--type", "slsa", "--predicate", "slsa.json"];
            site.bench.run(&[&attest[..], &["--private-key", "release.key"]].concat()).ok();
        }
        drop(pushed);
    };
    publish("1.0.0", true);
    rules(&site, &demo("[[rules.proofs]]\nkind = \"provenance\"\nbuilder = \"b\"\n"));
    install(&site, &BY_RULES).ok();
    publish("1.1.0", true);
    publish("1.2.0", false);
    let upgrade = ["plugin", "upgrade", "demo", "--yes", "--keys", "keys", "--plugins-dir", "plugins"];
    let run = site.bench.run(&[&upgrade[..], &BY_RULES].concat());
    assert!(run.stderr.contains("1.2.0") && run.stderr.contains("proof_missing"), "{run:?}");
    let installed = fs::read_to_string(site.bench.path("plugins/demo/plugin.yaml")).expect("read");
    assert!(installed.contains("1.1.0"), "{run:?}");
}

#[test]
fn proofs_go_with_the_garbage_once_nothing_came_of_their_artifact() {
    let site = Site::new();
    site.attach_bundle(&provenance(&site, BUILDER));
    rules(&site, &demo(&by_workflow("provenance", "")));
    install(&site, &BY_RULES).ok();
    let stranger = site.bench.write("plugins/.aisoc/proofs/notes.txt", "mine");
    let gc = |words: &[&str]| site.bench.run(&[&["plugin", "gc", "--plugins-dir", "plugins"][..], words].concat());
    gc(&[]).ok();
    assert_eq!(kept_proofs(&site).len(), 2, "what is installed keeps its proofs");
    site.bench.run(&["plugin", "uninstall", "demo", "--plugins-dir", "plugins", "--yes"]).ok();
    let foreseen = gc(&["--dry-run"]);
    assert!(foreseen.ok().stdout.contains(".aisoc/proofs/sha256-"), "{foreseen:?}");
    assert_eq!(kept_proofs(&site).len(), 2);
    gc(&[]).ok();
    assert_eq!(kept_proofs(&site), [stranger]);
}

#[test]
fn a_version_that_was_kept_comes_back_by_the_proofs_that_were_kept_with_it() {
    let site = Site::new();
    site.attach_bundle(&provenance(&site, BUILDER));
    rules(&site, &demo(&by_workflow("provenance", "")));
    install(&site, &BY_RULES).ok();
    site.bench.signed_version("demo", "1.1.0", "release.key");
    let next = format!("{}/team/demo:1.1.0", site.registry.address);
    site.bench.run(&["plugin", "push", "demo", &next]).ok();
    let install = |words: &[&str]| {
        let install = ["plugin", "install", &next, "--keys", "keys", "--plugins-dir", "plugins"];
        site.bench.run(&[&install[..], words].concat())
    };
    install(&BY_RULES).refused(3, "proof_missing");
    install(&[]).ok();
    let rested = at_rest(&site);
    assert!(rested.code == 3 && rested.stdout.contains("proof_missing"), "{rested:?}");
    let back =
        ["plugin", "rollback", "demo", "--keys", "keys", "--plugins-dir", "plugins", "--trust-policy", "trust.toml"];
    site.bench.run(&back).ok();
    at_rest(&site).ok();
    // Forward again there are no proofs.
    site.bench.run(&back).refused(3, "proof_missing");
    at_rest(&site).ok();
}

#[test]
fn a_bundle_in_a_file_shows_what_a_rule_demands() {
    let site = Site::new();
    rules(&site, &demo(&by_workflow("sigstore", "")));
    let bundle = site.bench.write("bundle.json", site.sigstore.signs(&site.manifest(), WHO).to_string());
    let bundle = bundle.to_str().expect("UTF-8");
    let words = [&BY_RULES[..], &["--bundle", bundle]].concat();
    site.verify(&words).ok();
    install(&site, &words).ok();
    at_rest(&site).ok();
    // Where neither a rule nor an option asks for a proof nobody would look at it.
    site.verify(&["--bundle", bundle]).refused(2, "usage");
}

#[test]
fn the_environment_names_the_rules_and_an_option_names_others() {
    let site = Site::new();
    site.bench.write("trust.toml", ALL);
    site.bench.write("none.toml", ALL.replace("**", "nothing"));
    let reference = site.reference();
    let words = ["plugin", "verify", &reference, "--keys", "keys"];
    let with = [("PLUGIN_TRUST_POLICY", "none.toml")];
    site.bench.run_with(&words, &with).refused(3, "no_trust_rule");
    site.bench.run_with(&[&words[..], &BY_RULES].concat(), &with).ok();
    // Rules that are named and not there let nothing in.
    site.bench.run_with(&words, &[("PLUGIN_TRUST_POLICY", "gone.toml")]).refused(1, "io_not_found");
    site.bench.run_with(&words, &[("PLUGIN_TRUST_POLICY", "")]).ok();
    fs::set_permissions(site.bench.path("trust.toml"), fs::Permissions::from_mode(0o666)).expect("set");
    site.verify(&BY_RULES).refused(1, "directory_insecure");
}

#[test]
fn a_file_that_is_not_understood_is_refused_whole_and_says_where() {
    let site = Site::new();
    let (proof, identity) = ("[[rules.proofs]]\nkind = \"sigstore\"\n", "identity = \"a\"\nissuer = \"b\"\n");
    let of_key = |named: &str| format!("{ALL}keys = {{ at_least = 1, of = [\"{named}\"] }}\n");
    for (rules, line, what) in [
        ("", 1, "schema_version"),
        ("schema_version = 1\n", 1, "rules"),
        ("schema_version = 2\nrules = []\n", 1, "version"),
        ("schema_version = 1\nrules = []\n", 1, "no rule"),
        (&ALL.replace("plugins", "plugin"), 4, "plugin"),
        (&format!("{ALL}mode = \"warn\"\n"), 5, "mode"),
        (&ALL.replace("\"**\"", ""), 2, "nothing in it"),
        (&ALL.replace("\"**\"", "\"a b\""), 2, "plugins that cannot be"),
        (&ALL.replace("plugins = [\"**\"]\n", ""), 2, "limits nothing"),
        (&ALL.replace("plugins = [\"**\"]", "repositories = [\"docker.io/library\"]"), 2, "the spelling that counts"),
        (&ALL.replace("\"all\"", "\"\""), 2, "empty"),
        (&format!("{ALL}{}", ALL.replace("schema_version = 1\n", "")), 5, "another rule"),
        (&format!("{ALL}keys = {{ at_least = 0 }}\n"), 5, "nonzero"),
        (&format!("{ALL}keys = {{ at_least = 2, of = [\"a\"] }}\n"), 2, "2 of 1"),
        (&format!("{ALL}keys = {{ at_least = 2, of = [\"a\", \"a\"] }}\n"), 2, "different"),
        (&of_key(""), 2, "by their ids"),
        (&of_key("release "), 2, "`release `"),
        (&of_key("keys/release"), 2, "`keys/release`"),
        (&of_key("re\\u001blease"), 2, "by their ids"),
        (&of_key(&"a".repeat(256)), 2, "by their ids"),
        (&of_key("SHA256:8f8cedef"), 2, "`SHA256:8f8cedef`"),
        (&of_key("SHA256:xyz"), 2, "`SHA256:xyz`"),
        (&of_key(&format!("SHA256:{}", "AB".repeat(32))), 2, "lower case"),
        (&of_key(&format!("sha256:{}", "ab".repeat(32))), 2, "lower case"),
        (&format!("{ALL}[[rules.proofs]]\nkind = \"notary\"\n"), 5, "notary"),
        (&format!("{ALL}[[rules.proofs]]\nkind = \"sbom\"\nbuilder = \"x\"\n"), 5, "of provenance"),
        (&format!("{ALL}{proof}"), 5, "by `identity` and `issuer`"),
        (&format!("{ALL}{proof}identity = \"a\"\n"), 5, "by `identity` and `issuer`"),
        (&format!("{ALL}{proof}{identity}"), 5, "`trusted_root` is missing"),
        (&format!("{ALL}{proof}{identity}unlogged = true\n"), 5, "by `identity` and `issuer`"),
        (&format!("{ALL}{proof}{identity}identity_pattern = \"^a$\"\n"), 5, "one of them counts"),
        (&format!("{ALL}{proof}identity_pattern = \"a\"\nissuer = \"b\"\n"), 5, "begins and ends"),
        (&format!("{ALL}{proof}key = \"proof.pub\"\n"), 5, "`trusted_root` is missing"),
    ] {
        site.bench.write("trust.toml", rules);
        let refused = site.bench.run(&["trust", "policy", "show", "--trust-policy", "trust.toml"]);
        refused.refused(1, "trust_policy_invalid");
        let first = refused.error_line();
        assert!(first.contains(&format!("trust.toml:{line}:")) && first.contains(what), "{rules}\n{refused:?}");
        // And so is everything that would be judged by it.
        verify(&site).refused(1, "trust_policy_invalid");
    }
    for named in ["release", "ops 2026", "Clé", &"a".repeat(255), &format!("SHA256:{}", "ab".repeat(32))] {
        site.bench.write("trust.toml", of_key(named));
        site.bench.run(&["trust", "policy", "show", "--trust-policy", "trust.toml"]).ok();
    }
    site.bench.write("trust.toml", format!("{ALL}{proof}key = \"gone.pub\"\nunlogged = true\n"));
    verify(&site).refused(1, "io_not_found");
    site.bench.write("gone.pub", "no key");
    verify(&site).refused(1, "proof_key_invalid");
    rules(&site, &demo(""));
    site.bench.write("root.json", "{}");
    verify(&site).refused(1, "trusted_root_invalid");
}

#[test]
fn a_file_of_rules_has_an_end() {
    let bench = Bench::new();
    let show = |text: String| {
        bench.write("trust.toml", text);
        bench.run(&["trust", "policy", "show", "--trust-policy", "trust.toml"])
    };
    let of_rules = |count: usize| {
        let rule = |number: usize| format!("[[rules]]\nname = \"r{number}\"\nplugins = [\"a\"]\n");
        "schema_version = 1\n".to_owned() + &(0..count).map(rule).collect::<String>()
    };
    for (count, code) in [(255, 0), (256, 0), (257, 1)] {
        assert_eq!(show(of_rules(count)).code, code, "{count} rules");
    }
    let of_proofs = |count: usize| ALL.to_owned() + &"[[rules.proofs]]\nkind = \"sbom\"\n".repeat(count);
    for (count, code) in [(15, 0), (16, 0), (17, 1)] {
        assert_eq!(show(of_proofs(count)).code, code, "{count} proofs");
    }
    let of_bytes = |count: usize| format!("{ALL}#{}", " ".repeat(count - ALL.len() - 1));
    for (count, code) in [(262_143, 0), (262_144, 0), (262_145, 1)] {
        assert_eq!(show(of_bytes(count)).code, code, "{count} bytes");
    }
}

#[test]
fn rules_are_shown_explained_and_tested() {
    let site = Site::new();
    let (key, _) = aisoc_testkit::sigstore::key();
    site.bench.write("cosign.pub", key.pem);
    rules(
        &site,
        &format!(
            "{}{}\n[[rules]]\nname = \"acme\"\nplugins = [\"acme-*\"]\nrepositories = [\"ghcr.io/acme\"]\n\
             [[rules.proofs]]\nkind = \"sigstore\"\nkey = \"cosign.pub\"\n",
            demo("keys = { at_least = 2, of = [\"release\", \"security\"] }"),
            by_workflow("provenance", &format!("builder = \"{BUILDER}\"")),
        ),
    );
    let policy = |words: &[&str]| site.bench.run(&[&["trust", "policy"][..], words, &BY_RULES].concat());
    let shown = policy(&["show"]);
    for line in ["demo rule", "  plugins: demo", "  keys: 2 of release, security", "  from: ghcr.io/acme"] {
        assert!(shown.ok().stdout.lines().any(|one| one == line), "{line}: {shown:?}");
    }
    let document: Value = serde_json::from_str(&policy(&["show", "--json"]).ok().stdout).expect("JSON");
    assert_eq!(document["rules"][0]["proofs"][0]["builder"], format!("`{BUILDER}`"));
    let explained = policy(&["explain", "acme-x", "--from", "ghcr.io/acme/x:1.0"]);
    assert!(explained.ok().stdout.contains("acme"), "{explained:?}");
    let nobody = policy(&["explain", "acme-x"]);
    assert!(nobody.ok().stdout.contains("no_trust_rule"), "{nobody:?}");

    let Signer { identity, issuer } = WHO;
    let fingerprint = {
        let shown = shown.stdout.lines().find(|line| line.contains("the key SHA256:")).expect("the key");
        shown.split("the key ").nth(1).expect("its fingerprint").to_owned()
    };
    let by = format!("identity = \"{identity}\", issuer = \"{issuer}\"");
    let built = format!("{{ kind = \"provenance\", {by}, builder = \"{BUILDER}\" }}");
    let both = "signed_by = [\"release\", \"security\"]";
    let of_acme = "plugin = \"acme-x\"\nfrom = \"ghcr.io/acme/x:1.0\"";
    let cases: Vec<(String, &str)> = vec![
        (format!("plugin = \"demo\"\n{both}\nproofs = [{built}]"), "admitted"),
        (format!("plugin = \"demo\"\nsigned_by = [\"release\"]\nproofs = [{built}]"), "signers_too_few"),
        (format!("plugin = \"demo\"\n{both}"), "proof_missing"),
        (format!("plugin = \"demo\"\n{both}\nproofs = [{{ kind = \"sbom\", {by} }}]"), "proof_missing"),
        (format!("plugin = \"demo\"\n{both}\nproofs = [{{ kind = \"provenance\", {by} }}]"), "proof_builder_refused"),
        (
            format!("plugin = \"demo\"\n{both}\nproofs = [{}]", built.replace(identity, "https://evil.test")),
            "proof_identity_refused",
        ),
        ("plugin = \"stranger\"".to_owned(), "no_trust_rule"),
        ("plugin = \"acme-x\"".to_owned(), "refused"),
        (format!("{of_acme}\nproofs = [{{ kind = \"sigstore\", key = \"{fingerprint}\" }}]"), "admitted"),
        (
            format!("{of_acme}\nproofs = [{{ kind = \"sigstore\", key = \"{fingerprint}\", unlogged = true }}]"),
            "proof_log_refused",
        ),
        (format!("{of_acme}\nproofs = [{{ kind = \"sigstore\", key = \"another\" }}]"), "proof_identity_refused"),
    ];
    let written: String =
        cases.iter().map(|(case, expect)| format!("[[cases]]\n{case}\nexpect = \"{expect}\"\n")).collect();
    site.bench.write("cases.toml", &written);
    let tested = policy(&["test", "cases.toml"]);
    assert!(tested.ok().stdout.lines().all(|line| line.starts_with("ok    ")), "{tested:?}");
    assert_eq!(tested.stdout.lines().count(), cases.len());
    // And one that comes out otherwise is said, with the line that it begins in.
    site.bench.write("cases.toml", written.replacen("\"admitted\"", "\"refused\"", 1));
    let differs = policy(&["test", "cases.toml"]);
    assert!(differs.code == 1 && differs.error_line().contains("[trust_policy_differs]"), "{differs:?}");
    assert!(differs.stdout.contains("FAIL  demo, line 1: expected refused, found admitted"), "{differs:?}");
    for wrong in [
        "",
        "cases = []\n",
        "[[cases]]\nplugin = \"acme\"\nexpect = \"perhaps\"\n",
        "[[cases]]\nplugin = \"acme\"\nexpect = \"admitted\"\nmore = 1\n",
        "[[cases]]\nplugin = \"acme\"\nfrom = \"x y\"\nexpect = \"admitted\"\n",
        "[[cases]]\nplugin = \"acme\"\nproofs = [{ kind = \"sbom\" }]\nexpect = \"admitted\"\n",
        "[[cases]]\nplugin = \"acme\"\nsigned_by = [\"SHA256:00\"]\nexpect = \"admitted\"\n",
        "[[cases]]\nplugin = \"\"\nexpect = \"refused\"\n",
        "[[cases]]\nplugin = \"acme-*\"\nexpect = \"refused\"\n",
        "[[cases]]\nplugin = \"../../etc\"\nexpect = \"no_trust_rule\"\n",
        "[[cases]]\nplugin = \"ac\\u001b[2Jme\"\nexpect = \"refused\"\n",
    ] {
        site.bench.write("cases.toml", wrong);
        let refused = policy(&["test", "cases.toml"]);
        assert!(!refused.refused(1, "trust_cases_invalid").stderr.contains('\u{1b}'), "{refused:?}");
    }
    // A name of a rule may hold anything, and is shown as others are.
    rules(&site, "[[rules]]\nname = \"a\\u001b[2Jb\"\nplugins = [\"acme\"]\n");
    site.bench.write("cases.toml", "[[cases]]\nplugin = \"acme\"\nexpect = \"admitted\"\n");
    let shown = policy(&["test", "cases.toml"]);
    assert!(!shown.ok().stdout.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_host_asks_for_what_was_shown_and_by_the_rules_of_now() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    site.bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "other"]).ok();
    site.bench.run(&["plugin", "sign", "other/demo", "--private-key", "release.key"]).ok();
    site.bench.run(&["plugin", "push", "other/demo", &site.reference(), "--replace-tag"]).ok();
    site.attach_bundle(&provenance(&site, BUILDER));
    let built_by = |builder: &str| rules(&site, &demo(&by_workflow("provenance", &format!("builder = \"{builder}\""))));
    built_by(BUILDER);
    install(&site, &BY_RULES).ok();
    let mut serving = support::host::command(&site.bench, &[]);
    let host = ServedHost::ready(serving.env("PLUGIN_TRUST_POLICY", site.bench.path("trust.toml")));
    assert_eq!(host.plugin("demo")["state"], "enabled", "{}", host.plugin("demo"));
    built_by("https://elsewhere.test");
    host.wait_for(|host| host.plugin("demo")["quarantined"] == true);
    assert_eq!(host.plugin("demo")["reason_code"], "proof_builder_refused");
    built_by(BUILDER);
    host.wait_for(|host| host.plugin("demo")["quarantined"] == false);
    // Rules that cannot be read hide nothing that the keys say.
    rules(&site, "mistyped = 1\n");
    let revoked = r#"{"schema_version":2,"revoked":{"at":"2026-01-01T00:00:00Z","reason":"stolen"}}"#;
    site.bench.write("keys/release.json", revoked);
    host.wait_for(|host| host.plugin("demo")["reason_code"] == "key_revoked");
    fs::remove_file(site.bench.path("keys/release.json")).expect("removed");
    built_by(BUILDER);
    host.wait_for(|host| host.plugin("demo")["quarantined"] == false);
    fs::remove_file(&kept_proofs(&site)[0]).expect("removed");
    host.wait_for(|host| host.plugin("demo")["reason_code"] == "proof_missing");
    assert_eq!(host.terminate(), Some(0));
    // A host that begins without them takes it in no more.
    let mut serving = support::host::command(&site.bench, &[]);
    let host = ServedHost::ready(serving.env("PLUGIN_TRUST_POLICY", site.bench.path("trust.toml")));
    assert_ne!(host.plugin("demo")["state"], "enabled", "{}", host.plugin("demo"));
    host.terminate();
}
