//! From which registries plugins are installed, and whether a tag is enough.

mod support;

use aisoc_testkit::registry::{Act, Registry, Rule};
use support::{Bench, Run};

const LIST: &str = "AISOC_PLUGIN_REGISTRY_ALLOWLIST";
const UNPINNED: &str = "AISOC_PLUGIN_ALLOW_UNPINNED";

fn install(bench: &Bench, reference: &str, more: &[&str], variables: &[(&str, &str)]) -> Run {
    let places = ["plugin", "install", reference, "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    bench.run_with(&[&places, more].concat(), variables)
}

/// A registry with `team/demo:1`, and the digest of that.
fn published(bench: &Bench) -> (Registry, String) {
    let registry = Registry::start();
    bench.published();
    let pushed = bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]).ok().stdout.clone();
    registry.forget();
    let digest = pushed.trim().split('@').nth(1).expect("pinned").to_owned();
    (registry, digest)
}

#[test]
fn a_registry_that_is_not_on_the_list_is_not_asked() {
    let bench = Bench::new();
    let (registry, _) = published(&bench);
    let reference = registry.reference("team/demo:1");
    for list in ["ghcr.io", "127.0.0.1", "localhost:1"] {
        let refused = install(&bench, &reference, &[], &[(LIST, list)]);
        let stderr = &refused.refused(2, "registry_not_allowed").stderr;
        assert!(stderr.contains(&format!("{LIST}: {list}")) && stderr.contains(&registry.host()), "{stderr}");
    }
    // Neither for its tags nor beside others.
    install(&bench, &registry.reference("team/demo"), &[], &[(LIST, "ghcr.io")]).refused(2, "registry_not_allowed");
    install(&bench, "oci-archive:demo.tar", &[&reference], &[(LIST, "ghcr.io")]).refused(2, "registry_not_allowed");
    // Whoever asks what an install would do asks no registry that it would not ask.
    let explain = ["explain", &reference, "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    bench.run_with(&explain, &[(LIST, "ghcr.io")]).refused(2, "registry_not_allowed");
    bench.run_with(&explain, &[(UNPINNED, "0")]).refused(2, "unpinned_ref");
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
    assert!(!bench.path("plugins").exists());
    for none in ["ghcr.io/team", "https://ghcr.io", ","] {
        install(&bench, &reference, &[], &[(LIST, none)]).refused(2, "usage");
    }
    // What is on this machine is in no registry.
    install(&bench, "oci-archive:demo.tar", &[], &[(LIST, "ghcr.io")]).ok();
    install(&bench, &reference, &[], &[(LIST, &format!("ghcr.io, {}", registry.host()))]).ok();
}

#[test]
fn a_registry_on_the_list_leads_to_no_other_for_a_manifest_and_to_any_store_for_a_blob() {
    let bench = Bench::new();
    let (registry, digest) = published(&bench);
    let list = registry.host();
    let named = [registry.reference("team/demo:1"), registry.reference(&format!("team/demo@{digest}"))];
    registry.set_rules(vec![Rule::on("/manifests/", Act::RedirectElsewhere)]);
    for reference in &named {
        let refused = install(&bench, reference, &[], &[(LIST, &list)]);
        let stderr = &refused.refused(2, "registry_not_allowed").stderr;
        assert!(stderr.contains(&registry.elsewhere()), "{stderr}");
    }
    assert!(registry.requests_elsewhere().is_empty() && !bench.path("plugins/demo").exists());
    let both = format!("{list},{}", registry.elsewhere());
    install(&bench, &named[0], &[], &[(LIST, &both)]).ok();
    bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]).ok();
    registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectElsewhere)]);
    install(&bench, &named[0], &[], &[(LIST, &list)]).ok();
}

#[test]
fn a_tag_is_enough_until_somebody_says_that_it_is_not() {
    let bench = Bench::new();
    let (registry, digest) = published(&bench);
    let tag = registry.reference("team/demo:1");
    for no in ["0", "false", "off", "tru"] {
        let refused = install(&bench, &tag, &[], &[(UNPINNED, no)]);
        let stderr = &refused.refused(2, "unpinned_ref").stderr;
        assert!(stderr.contains("names no digest") && stderr.contains("a tag alone"), "{no}: {stderr}");
    }
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
    install(&bench, &tag, &["--require-digest", &digest], &[(UNPINNED, "0")]).ok();
    install(&bench, &registry.reference(&format!("team/demo@{digest}")), &[], &[(UNPINNED, "0")]).ok();
    install(&bench, "oci-archive:demo.tar", &[], &[(UNPINNED, "0")]).ok();
    for yes in ["1", "YES", "on", "true", ""] {
        install(&bench, &tag, &[], &[(UNPINNED, yes)]).ok();
    }
}
