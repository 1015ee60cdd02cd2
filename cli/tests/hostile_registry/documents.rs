//! Manifests that are two things, none, or more than anybody needs.

use aisoc_manifests::digest::Digest;
use aisoc_testkit::hostile_registry::{Content, HostileRegistry, in_turn, says};
use serde_json::{Value, json};

use super::{INDEX, LOGIN, MANIFEST, SMALL, USUAL, digest, holding, install, install_pinned, layer, registry};

/// Largest manifest, in bytes.
const MAX_MANIFEST: usize = 4 << 20;

/// A registry whose manifest that makes of the one that was published.
fn changed(change: impl FnOnce(&mut Value)) -> HostileRegistry {
    holding(|content| content.changed(change))
}

/// One whose manifest is that text.
fn written(text: impl Into<Vec<u8>>) -> HostileRegistry {
    holding(|content| content.manifest(text.into()))
}

/// The manifest that was published, as text.
fn text() -> String {
    String::from_utf8(SMALL.content.tagged().to_vec()).expect("UTF-8")
}

/// An index of those.
fn index(listed: &[&[u8]]) -> String {
    let list = |bytes: &&[u8]| {
        let document: Value = serde_json::from_slice(bytes).expect("JSON");
        json!({ "mediaType": document["mediaType"], "digest": Digest::of(bytes), "size": bytes.len() })
    };
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": listed.iter().map(list).collect::<Vec<_>>() })
        .to_string()
}

#[test]
fn another_manifest_than_the_digest_names() {
    let other = text().replace("demo", "dome");
    let registry = registry().on("GET", "/manifests/", says(format!("200 OK\nContent-Type: {MANIFEST}"), other));
    install_pinned(&registry).refused(3, "pull_failed").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn another_manifest_under_a_header_that_repeats_the_digest() {
    let head = format!("200 OK\nContent-Type: {MANIFEST}\nDocker-Content-Digest: {}", digest());
    let registry = registry().on("GET", "/manifests/", says(head, text().replace("demo", "dome")));
    install_pinned(&registry).refused(3, "pull_failed").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_header_that_names_another_digest_than_the_manifest_has() {
    let head = format!("200 OK\nContent-Type: {MANIFEST}\nDocker-Content-Digest: {}", Digest::of(b"another"));
    let registry = registry().on("GET", "/manifests/", says(head, text()));
    // It is not believed: the plugin is recorded under the digest of its bytes.
    install(&registry).shows(&digest()).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
}

#[test]
fn a_manifest_with_layers_and_manifests() {
    let registry = changed(|manifest| manifest["manifests"] = json!([]));
    install(&registry).refused(1, "not_a_plugin_artifact").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_manifest_with_every_member_twice() {
    for member in ["layers", "config", "mediaType", "artifactType", "schemaVersion"] {
        let value = SMALL.content.document()[member].to_string();
        let doubled = text().replacen('{', &format!("{{\"{member}\":{value},"), 1);
        let outcome = install(&written(doubled)).refused(1, "not_a_plugin_artifact");
        outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn a_manifest_that_calls_itself_something_else_than_its_header_does() {
    let registry = registry().on("GET", "/manifests/", says(format!("200 OK\nContent-Type: {INDEX}"), text()));
    install(&registry).refused(4, "registry_protocol").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn an_index_whose_header_calls_it_a_manifest() {
    let mut document: Value = serde_json::from_str(&index(&[SMALL.content.tagged()])).expect("JSON");
    document.as_object_mut().expect("an object").remove("mediaType");
    let registry =
        registry().on("GET", "/manifests/", says(format!("200 OK\nContent-Type: {MANIFEST}"), document.to_string()));
    install(&registry).refused(4, "registry_protocol").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn an_index_of_an_index() {
    let inner = index(&[SMALL.content.tagged()]);
    let outer = index(&[inner.as_bytes()]);
    let registry = holding(|content| content.untagged(inner).manifest(outer));
    install(&registry).refused(1, "not_a_plugin_artifact").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn an_index_that_is_what_it_lists() {
    // No document has its own digest in it: a registry can only say the same to every question.
    let index = index(&[SMALL.content.tagged()]);
    let registry = registry().on("GET", "/manifests/", says(format!("200 OK\nContent-Type: {INDEX}"), index));
    install(&registry).refused(3, "pull_failed").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn an_index_that_states_another_size_than_the_manifest_has() {
    let index = index(&[SMALL.content.tagged()]).replace("\"size\":", "\"size\":1");
    let registry = holding(|content| content.manifest(index));
    install(&registry).refused(3, "pull_failed").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn an_index_of_two_artifacts() {
    let other = text().replace("demo", "dome");
    let index = index(&[SMALL.content.tagged(), other.as_bytes()]);
    let registry = holding(|content| content.untagged(other).manifest(index));
    install(&registry).refused(1, "not_a_plugin_artifact").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_million_layers_of_nothing() {
    let layers = "{},".repeat(1_000_000);
    let manifest = format!("{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"layers\":[{layers}{{}}]}}");
    let bound = manifest.len() as u64 + USUAL;
    let outcome = install(&written(manifest)).refused(1, "not_a_plugin_artifact");
    outcome.read_at_most(bound).connections(LOGIN).within(20).nothing_written();
}

#[test]
fn a_manifest_at_its_bound_and_above_it() {
    let padded = |length: usize| text() + &" ".repeat(length - text().len());
    for length in [MAX_MANIFEST - 1, MAX_MANIFEST] {
        install(&written(padded(length))).connections(LOGIN + 1).unharmed();
    }
    let outcome = install(&written(padded(MAX_MANIFEST + 1))).refused(4, "registry_protocol");
    outcome.read_at_most(MAX_MANIFEST as u64 + USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn layers_of_sizes_that_are_none() {
    for size in [json!(-1), json!(-9_223_372_036_854_775_808_i64), json!(1e30), json!("1"), json!(null), json!(1.5)] {
        let registry = changed(|manifest| manifest["layers"][0]["size"] = size.clone());
        let outcome = install(&registry).refused(1, "not_a_plugin_artifact");
        outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn a_layer_that_is_said_to_be_larger_than_any_disk() {
    let registry = changed(|manifest| manifest["layers"][0]["size"] = json!(u64::MAX));
    install(&registry).refused(1, "unsafe_archive").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_layer_that_is_said_to_be_smaller_than_it_is() {
    let registry = changed(|manifest| manifest["layers"][0]["size"] = json!(10));
    install(&registry).refused(4, "download_damaged").read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn a_config_that_is_said_to_be_larger_than_any_disk() {
    let registry = changed(|manifest| manifest["config"]["size"] = json!(1_u64 << 50));
    // Nobody asks for it.
    install(&registry).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
}

#[test]
fn digests_that_are_paths_or_none() {
    let digit = "a".repeat(64);
    for digest in [
        "sha256:../../../etc/passwd".to_owned(),
        "../../manifests/2".to_owned(),
        format!("sha256:{}", digit.to_uppercase()),
        format!("sha256:{}", &digit[1..]),
        format!("sha256:{digit}?from=elsewhere"),
        format!("md5:{}", &digit[32..]),
        "sha256:".to_owned(),
        String::new(),
    ] {
        let registry = changed(|manifest| manifest["layers"][0]["digest"] = json!(digest));
        let outcome = install(&registry).refused(1, "not_a_plugin_artifact");
        outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn a_layer_whose_descriptor_names_other_places_for_it() {
    let registry = registry();
    let urls = json!([format!("http://{}/layer", registry.other()), "http://169.254.169.254/layer"]);
    let registry = changed(|manifest| manifest["layers"][0]["urls"] = urls);
    // They are passed over: the layer comes from the registry, and nobody is asked elsewhere.
    install(&registry).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
}

#[test]
fn a_layer_that_is_embedded_beside_another() {
    let registry = changed(|manifest| manifest["layers"][0]["data"] = json!("AAAA"));
    install(&registry).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
}

#[test]
fn artifacts_of_other_kinds() {
    let helm = "application/vnd.cncf.helm.config.v1+json";
    // Types are labels, and a title says what a layer becomes; whether that is a plugin is its signature's to say.
    for pointer in ["/artifactType", "/config/mediaType", "/layers/0/mediaType"] {
        let registry = changed(|manifest| *manifest.pointer_mut(pointer).expect(pointer) = json!(helm));
        install(&registry).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
    }
    let registry = changed(|manifest| {
        manifest["artifactType"] = json!(helm);
        manifest["layers"][0] = json!({ "mediaType": helm, "digest": Digest::of(layer()), "size": layer().len() });
    });
    let outcome = install(&registry).refused(1, "not_a_plugin_artifact").shows(helm);
    outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn an_artifact_that_is_a_remark_on_another() {
    let subject = json!({ "mediaType": MANIFEST, "digest": Digest::of(b"another"), "size": 7 });
    let registry = changed(|manifest| manifest["subject"] = subject);
    // What it is a remark on is not fetched, and none of this plugin's business.
    install(&registry).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
}

#[test]
fn an_artifact_that_is_a_remark_on_nothing_that_has_a_digest() {
    for subject in
        [json!("sha256:../x"), json!({ "mediaType": MANIFEST, "digest": "sha256:../x", "size": 7 }), json!([])]
    {
        let registry = changed(|manifest| manifest["subject"] = subject.clone());
        let outcome = install(&registry).refused(1, "not_a_plugin_artifact");
        outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn no_layer_and_two_of_one_name() {
    let layer = SMALL.content.document()["layers"][0].clone();
    for (layers, reason) in [(json!([]), "not_a_plugin_artifact"), (json!([layer, layer]), "unsafe_archive")] {
        let registry = changed(|manifest| manifest["layers"] = layers);
        let outcome = install(&registry).refused(1, reason);
        outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn a_title_that_climbs() {
    for title in ["../../outside", "/etc/cron.d/demo", "demo/../../outside", "de\u{0}mo", ".."] {
        let registry = changed(|manifest| {
            manifest["layers"][0]["annotations"]["org.opencontainers.image.title"] = json!(title);
        });
        let outcome = install(&registry);
        outcome.refused(1, "unsafe_archive").read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn a_manifest_of_many_brackets() {
    let registry = written(format!("{{\"a\":{}", "[".repeat(1 << 20)));
    install(&registry)
        .refused(4, "download_damaged")
        .read_at_most((1 << 20) + USUAL)
        .connections(LOGIN)
        .nothing_written();
    let registry = written(format!("{{\"a\":{}{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20)));
    let outcome = install(&registry).refused(1, "not_a_plugin_artifact");
    outcome.read_at_most((2 << 20) + USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn documents_that_are_none() {
    let text = text();
    for body in [
        "null".to_owned(),
        "[]".to_owned(),
        "\"a manifest\"".to_owned(),
        "not JSON".to_owned(),
        format!("\u{feff}{text}"),
        format!("{text}{text}"),
        text.replace("\"schemaVersion\":2", "\"schemaVersion\":1"),
        text.replace("\"schemaVersion\":2", "\"schemaVersion\":NaN"),
    ] {
        let head = format!("200 OK\nContent-Type: {MANIFEST}");
        let registry = registry().on("GET", "/manifests/", says(head, body));
        let outcome = install(&registry).refused(1, "not_a_plugin_artifact");
        outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn a_tag_that_names_another_manifest_each_time() {
    let other = text().replace("demo", "dome");
    let head = format!("200 OK\nContent-Type: {MANIFEST}");
    let answers = [says(head.clone(), text()), says(head, other)];
    let registry = registry().on("GET", "/manifests/1", in_turn(answers));
    // It is asked once: what comes after goes by digest.
    install(&registry).shows(&digest()).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
}

#[test]
fn a_repository_that_is_empty() {
    let registry = HostileRegistry::holding(Content::default());
    // Whoever misspelt a tag is told of those there are, which are asked for with a login of their own.
    install(&registry).refused(1, "reference_not_found").read_at_most(USUAL).connections(2 * LOGIN).nothing_written();
}
