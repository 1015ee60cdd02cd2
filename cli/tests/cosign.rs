//! `aisoc plugin sign --cosign`, and what cosign has put under tags: what counts of it, and what is refused. Cosign itself is
//! asked in `checks/interop/cosign`.

mod support;

use std::collections::BTreeMap;
use std::process::Command;

use aisoc_manifests::oci::{Descriptor, EMPTY_MEDIA_TYPE, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::copy::{Shipment, push};
use aisoc_registry_client::{BlobSource, ClientOptions, Fetch as _, Manifest, ReplaceTag, Target};
use aisoc_testkit::registry::{Act, Registry, Rule};
use aisoc_testkit::sigstore::{KeptKey, Sigstore, key, other_key};
use serde_json::{Value, json};
use support::{Bench, Run};

const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const LOG: &str = "dev.sigstore.cosign/bundle";

/// What signs a content, in base64.
type Signs = dyn Fn(&[u8]) -> String;

/// A plugin in a registry, and a key by which artifacts are signed.
struct Site {
    bench: Bench,
    registry: Registry,
    reference: String,
    digest: String,
    key: KeptKey,
    signs: Box<Signs>,
}

/// One layer under a tag: its type, what stands beside it, its bytes.
type Layer = (&'static str, BTreeMap<String, String>, Vec<u8>);

impl Site {
    fn with(rules: Vec<Rule>) -> Self {
        let (bench, registry) = (Bench::new(), Registry::with_rules(rules));
        bench.published();
        let reference = registry.reference("team/demo:1");
        let pushed = bench.run(&["plugin", "push", "demo.tar", &reference, "--json"]);
        let digest = text(&json(pushed.ok())["artifact_digest"]).to_owned();
        let (key, signs) = key();
        bench.write("proof.pub", &key.pem);
        bench.write("other.pub", other_key().pem);
        registry.forget();
        Self { bench, registry, reference, digest, key, signs: Box::new(signs) }
    }

    fn new() -> Self {
        Self::with(Vec::new())
    }

    fn tag(&self, ending: &str) -> String {
        format!("{}.{ending}", self.digest.replacen(':', "-", 1))
    }

    fn verify(&self, words: &[&str]) -> Run {
        let fixed = ["plugin", "verify", &self.reference, "--keys", "keys", "--require", "sigstore"];
        self.bench.run(&[&fixed[..], words].concat())
    }

    fn by_key(&self) -> Run {
        self.verify(&["--proof-key", "proof.pub", "--unlogged"])
    }

    fn payload(digest: &str) -> Vec<u8> {
        json!({
            "critical": {
                "identity": {"docker-reference": "registry.example/team/demo"},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": null,
        })
        .to_string()
        .into_bytes()
    }

    /// A signature of that key over the artifact of that digest, and what a log says of it.
    fn layer(&self, digest: &str, log: Option<&Sigstore>) -> Layer {
        let content = Self::payload(digest);
        let signature = (self.signs)(&content);
        let mut annotations = BTreeMap::new();
        if let Some(log) = log {
            annotations.insert(LOG.to_owned(), log.logs(&content, &signature, &self.key).to_string());
        }
        annotations.insert(SIGNATURE.to_owned(), signature);
        (SIMPLE_SIGNING, annotations, content)
    }

    /// Puts layers under the tag of that ending.
    fn put(&self, ending: &str, layers: &[Layer]) {
        let described: Vec<Descriptor> = layers
            .iter()
            .map(|(kind, annotations, content)| Descriptor {
                annotations: annotations.clone(),
                ..Descriptor::of(kind, content)
            })
            .collect();
        let document =
            ImageManifest { layers: described.clone(), ..ImageManifest::of_document("a/b", described[0].clone()) };
        let document = ImageManifest { artifact_type: None, ..document };
        let contents = layers.iter().map(|(_, _, content)| content.clone());
        let mut blobs: Vec<(Descriptor, BlobSource)> =
            described.into_iter().zip(contents.map(|content| BlobSource::Bytes(content.into()))).collect();
        blobs.push((document.config.clone(), BlobSource::Bytes(b"{}".to_vec().into())));
        let manifest = Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&document));
        let tag = self.tag(ending).parse().expect("a tag");
        let shipment = Shipment { manifest: &manifest, blobs: &blobs, tag: Some(&tag), replace: ReplaceTag::Yes };
        runtime().block_on(async { push(&self.target(), &shipment, &|_| {}).await.expect("pushed") });
    }

    fn target(&self) -> Target {
        let reference: Reference = self.reference.parse().expect("a reference");
        Target::create(&reference, &ClientOptions::default()).expect("open")
    }

    fn sign(&self, reference: &str, words: &[&str]) -> Run {
        self.bench.run(&[&["plugin", "sign", reference][..], words].concat())
    }

    /// A key of P-256 in a file, if there is an OpenSSL to make it.
    fn p256(&self, name: &str) -> bool {
        let made =
            openssl(&self.bench, &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", name]);
        made && openssl(&self.bench, &["pkey", "-in", name, "-pubout", "-out", &name.replace(".key", ".pub")])
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn openssl(bench: &Bench, words: &[&str]) -> bool {
    let ran = Command::new("openssl").args(words).current_dir(bench.path("")).output();
    let made = ran.is_ok_and(|output| output.status.success());
    if !made {
        eprintln!("skipped: openssl cannot make a key");
    }
    made
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn what_stands_under_the_tag_counts_for_the_key_that_has_signed_it() {
    let site = Site::new();
    site.by_key().refused(3, "proof_missing");
    site.put("sig", &[site.layer(&site.digest, None)]);
    let shown = site.by_key();
    assert!(shown.ok().stdout.contains("proof=sigstore key=SHA256:"), "{shown:?}");
    site.verify(&["--proof-key", "other.pub", "--unlogged"]).refused(3, "proof_signature_invalid");
    // One that counts is enough, whatever else stands there.
    let by_certificate = |mut layer: Layer| {
        layer.1.insert("dev.sigstore.cosign/certificate".to_owned(), "-----BEGIN CERTIFICATE-----".to_owned());
        layer
    };
    let (good, bad) = (site.layer(&site.digest, None), by_certificate(site.layer(&site.digest, None)));
    site.put("sig", &[bad, site.layer(&format!("sha256:{}", "0".repeat(64)), None), good]);
    site.by_key().ok();
    let inspected = json(site.bench.run(&["plugin", "inspect", &site.reference, "--json"]).ok());
    assert_eq!(inspected["artifact"]["referrers"][0]["kind"], "cosign_signature");
}

#[test]
fn what_stands_under_the_tag_and_is_of_something_else_is_no_proof() {
    let site = Site::new();
    site.put("sig", &[site.layer(&format!("sha256:{}", "0".repeat(64)), None)]);
    let refused = site.by_key();
    refused.refused(3, "proof_other_artifact");
    assert!(refused.stderr.contains(&format!("{}#1", site.tag("sig"))), "{refused:?}");
    let (kind, annotations, mut content) = site.layer(&site.digest, None);
    content[20] ^= 1;
    site.put("sig", &[(kind, annotations.clone(), content)]);
    site.by_key().refused(3, "proof_signature_invalid");
    site.put("sig", &[("text/plain", annotations.clone(), b"a text".to_vec())]);
    site.by_key().refused(3, "proof_malformed");
    site.put("sig", &[(SIMPLE_SIGNING, BTreeMap::new(), Site::payload(&site.digest))]);
    site.by_key().refused(3, "proof_malformed");
    let mut by_certificate = annotations;
    by_certificate.insert("dev.sigstore.cosign/certificate".to_owned(), "-----BEGIN CERTIFICATE-----".to_owned());
    site.put("sig", &[(SIMPLE_SIGNING, by_certificate, Site::payload(&site.digest))]);
    let refused = site.by_key();
    refused.refused(3, "proof_unsupported");
    assert!(refused.stderr.contains("by a certificate"), "{refused:?}");
    site.put("sig", &[(SIMPLE_SIGNING, BTreeMap::new(), vec![b' '; (64 << 10) + 1])]);
    let refused = site.by_key();
    refused.refused(3, "proof_malformed");
    assert!(refused.stderr.contains("65537 bytes"), "{refused:?}");
}

#[test]
fn a_log_that_is_required_has_to_hold_what_stands_under_the_tag() {
    let (site, sigstore) = (Site::new(), Sigstore::default());
    site.bench.write("root.json", sigstore.trusted_root().to_string());
    site.bench.write("other-root.json", Sigstore::numbered(2).trusted_root().to_string());
    let logged = |root| site.verify(&["--proof-key", "proof.pub", "--trusted-root", root, "--json"]);
    site.put("sig", &[site.layer(&site.digest, None)]);
    logged("root.json").refused_in_json("proof_log_refused");
    site.put("sig", &[site.layer(&site.digest, Some(&sigstore))]);
    let proven = json(logged("root.json").ok());
    assert!(proven["proofs"][0]["signed_at"].is_string(), "{proven}");
    logged("other-root.json").refused_in_json("proof_malformed");
    // Where none is required, nothing follows of what it says.
    site.by_key().ok();
    let (kind, mut annotations, content) = site.layer(&site.digest, Some(&sigstore));
    let spoilt = annotations[LOG].replace(r#""logIndex":0"#, r#""logIndex":1"#);
    assert_ne!(spoilt, annotations[LOG]);
    annotations.insert(LOG.to_owned(), spoilt);
    site.put("sig", &[(kind, annotations, content)]);
    assert_eq!(logged("root.json").code, 3);
    // An identity is not shown by a key.
    let who = ["--certificate-identity", "ci", "--certificate-oidc-issuer", "https://issuer.test"];
    site.verify(&[&["--trusted-root", "root.json"][..], &who].concat()).refused(3, "proof_unsupported");
}

trait RefusedInJson {
    fn refused_in_json(&self, reason: &str);
}

impl RefusedInJson for Run {
    #[track_caller]
    fn refused_in_json(&self, reason: &str) {
        assert_eq!(self.code, 3, "{self:?}");
        assert!(self.stderr.contains(&format!("\"{reason}\"")), "{self:?}");
    }
}

#[test]
fn as_many_proofs_are_looked_at_as_may_be_and_no_more() {
    let site = Site::new();
    let other = format!("sha256:{}", "0".repeat(64));
    let padded = |number: usize| {
        let mut content = Site::payload(&other);
        content.extend(vec![b' '; number]);
        (SIMPLE_SIGNING, BTreeMap::from([(SIGNATURE.to_owned(), (site.signs)(&content))]), content)
    };
    let layers = |count: usize| {
        let mut layers: Vec<Layer> = (1..count).map(padded).collect();
        layers.push(site.layer(&site.digest, None));
        layers
    };
    for count in [63, 64] {
        site.put("sig", &layers(count));
        site.by_key().ok();
    }
    site.put("sig", &layers(65));
    let refused = site.by_key();
    refused.refused(3, "proof_malformed");
    assert!(refused.stderr.contains("at most 64") && refused.stderr.contains("65"), "{refused:?}");
    // They are counted together with what refers to the artifact and with what stands under the other tag.
    site.put("sig", &layers(64));
    site.put("att", &[padded(1)]);
    site.by_key().refused(3, "proof_malformed");
}

#[test]
fn a_registry_that_cannot_say_whether_there_is_a_tag_is_an_error_and_no_answer() {
    let site = Site::with(vec![Rule::on(".sig", Act::Status(500))]);
    assert_eq!(site.by_key().code, 4);
    assert_eq!(site.sign(&site.reference, &["--cosign", "--private-key", "release.key"]).code, 4);
}

/// As cosign 2 notes a bundle where it keeps the list of referrers itself: by the type of a config that is empty.
#[test]
fn a_list_that_does_not_say_what_is_a_bundle_hides_none() {
    let site = Site::with(vec![
        Rule::on("/referrers/", Act::Status(404)),
        Rule::on("/manifests/", Act::Header("oci-subject", String::new())).method("PUT"),
    ]);
    site.sign(&site.reference, &["--cosign=bundle", "--private-key", "release.key"]).ok();
    let fallback: Reference =
        site.registry.reference(&format!("team/demo:{}", site.digest.replacen(':', "-", 1))).parse().expect("one");
    runtime().block_on(async {
        let target = Target::create(&fallback, &ClientOptions::default()).expect("open");
        let listed = target.fetch_manifest(None).await.expect("there");
        let mut list: Value = serde_json::from_slice(listed.bytes()).expect("JSON");
        list["manifests"][0]["artifactType"] = json!(EMPTY_MEDIA_TYPE);
        let list = Manifest::new(listed.media_type(), list.to_string().into_bytes());
        let tag = fallback.tag().expect("a tag");
        let shipment = Shipment { manifest: &list, blobs: &[], tag: Some(tag), replace: ReplaceTag::Yes };
        push(&target, &shipment, &|_| {}).await.expect("pushed");
    });
    site.verify(&["--proof-key", "release.pem", "--unlogged"]).ok();
}

#[test]
fn what_is_signed_for_cosign_is_found_in_each_form_and_the_same_twice_is_nothing_new() {
    let site = Site::new();
    for (form, count) in [("--cosign=tag", 1), ("--cosign=bundle", 1), ("--cosign", 2)] {
        let site = Site::new();
        let done = json(site.sign(&site.reference, &[form, "--private-key", "release.key", "--json"]).ok());
        assert_eq!(done["artifact_digest"], json!(site.digest), "{form}");
        assert_eq!(done["already_signed"], false, "{form}");
        let forms =
            [&done["referrer_digest"], &done["signature_digest"]].iter().filter(|found| found.is_string()).count();
        assert_eq!(forms, count, "{form}: {done}");
        site.verify(&["--proof-key", "release.pem", "--unlogged"]).ok();
        site.by_key()
            .refused(3, if form == "--cosign=tag" { "proof_signature_invalid" } else { "proof_identity_refused" });
    }
    let dry = site.sign(&site.reference, &["--cosign", "--private-key", "release.key", "--dry-run"]);
    assert!(dry.ok().stderr.contains("Would sign"), "{dry:?}");
    let sent = site.registry.requests().iter().filter(|seen| !matches!(seen.method.as_str(), "GET" | "HEAD")).count();
    assert_eq!(sent, 0);
    let first = json(site.sign(&site.reference, &["--cosign", "--private-key", "release.key", "--json"]).ok());
    assert_eq!(text(&first["signature_tag"]), site.tag("sig"));
    let again = site.sign(&site.reference, &["--cosign", "--private-key", "release.key", "--json"]);
    let second = json(again.ok());
    assert_eq!([&second["already_signed"], &second["uploaded_blob_count"]], [&json!(true), &json!(0)]);
    assert_eq!(
        [&second["referrer_digest"], &second["signature_digest"]],
        [&first["referrer_digest"], &first["signature_digest"]]
    );
    // Who signs behind another leaves his signature there.
    site.bench.run(&["plugin", "keygen", "--out", "second"]).ok();
    site.sign(&site.reference, &["--cosign=tag", "--private-key", "second.key"]).ok();
    for key in ["release.pem", "second.pem"] {
        site.verify(&["--proof-key", key, "--unlogged"]).ok();
    }
}

#[test]
fn a_layout_and_an_archive_are_signed_where_they_are() {
    let site = Site::new();
    site.bench.run(&["copy", &site.reference, "oci:layout:1"]).ok();
    site.bench.run(&["copy", &site.reference, "oci-archive:demo-signed.tar:1"]).ok();
    for place in ["oci:layout:1", "oci-archive:demo-signed.tar:1"] {
        site.sign(place, &["--cosign", "--private-key", "release.key"]).ok();
        let fixed = ["plugin", "verify", place, "--keys", "keys", "--require", "sigstore", "--unlogged", "--proof-key"];
        site.bench.run(&[&fixed[..], &["release.pem"]].concat()).ok();
        site.bench.run(&[&fixed[..], &["other.pub"]].concat()).refused(3, "proof_identity_refused");
    }
}

#[test]
fn what_stands_under_the_tags_comes_along_where_what_refers_to_the_artifact_does() {
    let site = Site::new();
    site.put("sig", &[site.layer(&site.digest, None)]);
    let proven = |reference: &str| {
        let words = ["plugin", "verify", reference, "--keys", "keys", "--require", "sigstore"];
        site.bench.run(&[&words[..], &["--proof-key", "proof.pub", "--unlogged"]].concat())
    };
    let copy = |from: &str, to: &str, words: &[&str]| site.bench.run(&[&["copy", from, to], words].concat());
    let to = Registry::start();
    let (alone, there) = (to.reference("alone/demo:1"), to.reference("inside/demo:other"));
    copy(&site.reference, &alone, &[]).ok();
    proven(&alone).refused(3, "proof_missing");
    let told = copy(&site.reference, &there, &["--recursive", "--json"]);
    assert_eq!(json(told.ok())["artifacts"].as_array().map(Vec::len), Some(1), "what was asked for: {told:?}");
    proven(&there).ok();
    copy(&there, "oci:layout:1", &["-r"]).ok();
    proven("oci:layout:1").ok();
    copy("oci:layout", &to.reference("all/demo"), &["-r", "--all-tags"]).ok();
    proven(&to.reference("all/demo:1")).ok();
    // Other signatures than those that stand there are one more tag that names something else.
    site.put("sig", &[site.layer(&site.digest, None), site.layer(&site.digest, None)]);
    let refused = copy(&site.reference, &there, &["-r"]);
    refused.refused(1, "tag_exists");
    assert!(refused.stderr.contains(&site.tag("sig")), "{refused:?}");
    copy(&site.reference, &there, &["-r", "--replace-tag"]).ok();
    // A bundle has them too, and what is carried in is proven by them.
    site.bench.run(&["bundle", "export", &site.reference, "--keys", "keys", "--out", "out.tar"]).ok();
    let import = |key: &str| {
        let words = ["bundle", "import", "out.tar", "--keys", "keys", "--plugins-dir", "plugins"];
        let required = ["--require", "sigstore", "--unlogged", "--proof-key", key];
        site.bench.run(&[&words[..], &required].concat())
    };
    assert_eq!(import("other.pub").code, 3);
    import("proof.pub").ok();
}

#[test]
fn a_key_of_p256_signs_and_one_of_another_form_or_kind_is_refused_by_name() {
    let site = Site::new();
    if !site.p256("cosign-p256.key") {
        return;
    }
    site.sign(&site.reference, &["--cosign", "--private-key", "cosign-p256.key"]).ok();
    site.verify(&["--proof-key", "cosign-p256.pub", "--unlogged"]).ok();
    let signs = |key: &str| site.sign(&site.reference, &["--cosign", "--private-key", key]);
    assert!(openssl(&site.bench, &["ec", "-in", "cosign-p256.key", "-out", "older.key"]));
    let refused = signs("older.key");
    refused.refused(1, "key_invalid");
    assert!(refused.stderr.contains("openssl pkcs8 -topk8 -nocrypt"), "{refused:?}");
    assert!(openssl(&site.bench, &["pkcs8", "-topk8", "-nocrypt", "-in", "older.key", "-out", "anew.key"]));
    signs("anew.key").ok();
    assert!(openssl(
        &site.bench,
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.key"]
    ));
    signs("rsa.key").refused(1, "key_invalid");
    // A plugin's directory is signed by no such key.
    site.bench.run(&["plugin", "sign", "demo", "--private-key", "cosign-p256.key"]).refused(1, "key_invalid");
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(site.bench.path("cosign-p256.key"), std::fs::Permissions::from_mode(0o644)).expect("set");
    signs("cosign-p256.key").refused(1, "private_key_exposed");
}

#[test]
fn what_is_about_an_artifact_or_about_a_directory_is_refused_with_the_other() {
    let site = Site::new();
    let key = ["--private-key", "release.key"];
    for words in [
        &["demo", "--plain-http"][..],
        &["demo", "--timeout", "1m"],
        &["demo", "--platform", "linux/amd64"],
        &[&site.reference, "--cosign", "--out", "x.sig"],
        &[&site.reference, "--cosign", "--coverage", "code"],
        &[&site.reference, "--cosign", "--add"],
        &["--cosign"],
    ] {
        site.bench.run(&[&["plugin", "sign"][..], words, &key].concat()).refused(2, "usage");
    }
    let untagged = site.reference.trim_end_matches(":1").to_owned();
    site.sign(&untagged, &["--cosign", key[0], key[1]]).refused(2, "invalid_ref");
}
