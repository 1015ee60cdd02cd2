//! A plugin in a registry, and an instance of sigstore that is trusted.

use aisoc_manifests::oci::{Descriptor, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::{BlobSource, ClientOptions, Fetch as _, Manifest, Push as _, Target};
use aisoc_testkit::sigstore::{Signer, Sigstore};
use serde_json::Value;

use super::{Bench, Registry, Run};

pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub(crate) const WHO: Signer<'_> = Signer {
    identity: "https://github.com/team/demo/.github/workflows/release.yml@refs/tags/v1",
    issuer: "https://token.actions.githubusercontent.com",
};
pub(crate) const BY: [&str; 6] =
    ["--trusted-root", "root.json", "--certificate-identity", WHO.identity, "--certificate-oidc-issuer", WHO.issuer];

/// A plugin in a registry, and an instance of sigstore that is trusted.
pub(crate) struct Site {
    pub(crate) bench: Bench,
    pub(crate) registry: Registry,
    pub(crate) sigstore: Sigstore,
}

impl Site {
    pub(crate) fn new() -> Self {
        let bench = Bench::new();
        bench.published();
        let registry = bench.registry();
        bench.signed_version("demo", "1.0.0", "release.key");
        bench.run(&["plugin", "push", "demo", &format!("{}/team/demo:1.0.0", registry.address)]).ok();
        let sigstore = Sigstore::default();
        bench.write("root.json", sigstore.trusted_root().to_string());
        Self { bench, registry, sigstore }
    }

    pub(crate) fn reference(&self) -> String {
        format!("{}/team/demo:1.0.0", self.registry.address)
    }

    /// The manifest of the plugin, as it lies in the registry.
    pub(crate) fn manifest(&self) -> Vec<u8> {
        runtime().block_on(async { self.target().fetch_manifest(None).await.expect("there").bytes().to_vec() })
    }

    pub(crate) fn digits(&self) -> String {
        aisoc_manifests::digest::Digest::of(&self.manifest()).to_string().replace("sha256:", "")
    }

    pub(crate) fn target(&self) -> Target {
        let reference: Reference = self.reference().parse().expect("a reference");
        Target::create(&reference, &ClientOptions::default()).expect("open")
    }

    /// Attaches a blob to the plugin, as an artifact of that type that says to be about what `about` makes of it.
    pub(crate) fn attach(&self, artifact_type: &str, blob: &[u8], about: impl FnOnce(Descriptor) -> Descriptor) {
        runtime().block_on(async {
            let target = self.target();
            let subject = target.fetch_manifest(None).await.expect("there");
            let document = ImageManifest::read(subject.bytes()).expect("one");
            let layer = Descriptor::of(artifact_type, blob);
            let source = BlobSource::Bytes(blob.to_vec().into());
            target.push_blob(&layer, &source).await.expect("pushed");
            let document = ImageManifest {
                subject: Some(about(subject.descriptor())),
                artifact_type: Some(artifact_type.to_owned()),
                layers: vec![layer],
                ..document
            };
            target.push_manifest(&Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&document))).await.expect("pushed");
        });
    }

    pub(crate) fn attach_bundle(&self, bundle: &Value) {
        self.attach(BUNDLE, bundle.to_string().as_bytes(), |subject| subject);
    }

    pub(crate) fn verify(&self, words: &[&str]) -> Run {
        let reference = self.reference();
        let all = [&["plugin", "verify", &reference, "--keys", "keys"][..], words].concat();
        self.bench.run(&all)
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
