//! The public vectors of whole trees: what is hashed, what is written into the manifest, what is signed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aisoc_packaging::{Limits, PluginDir};
use aisoc_pipeline::{Demands, ForeseenKeys, Signing, TrustInputs, sign_directory, verify_directory};
use aisoc_signing::{Coverage, FILE_LIST, SigningKey, TimestampAuthorities};
use aisoc_trust::Policy;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

const TREES: &str = include_str!("../../testdata/vectors/tree.json");
const KEYS: &str = include_str!("../../testdata/vectors/public.json");

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn lay_out(vector: &Value, root: &Path) {
    for (name, content) in vector["files"].as_object().expect("files") {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, STANDARD.decode(text(content)).expect("base64")).expect("written");
    }
    for name in vector["executable"].as_array().expect("names") {
        fs::set_permissions(root.join(text(name)), fs::Permissions::from_mode(0o755)).expect("set");
    }
}

#[test]
fn every_tree_is_listed_stamped_and_signed_as_the_vectors_say() {
    let trees: Value = serde_json::from_str(TREES).expect("JSON");
    let keys: Value = serde_json::from_str(KEYS).expect("JSON");
    let key = SigningKey::from_pem(text(&keys["keys"]["A"]["private_pem"]).as_bytes()).expect("key A");
    let trusted = tempfile::tempdir().expect("a directory");
    fs::write(trusted.path().join("a.pem"), text(&keys["keys"]["A"]["public_pem"])).expect("written");
    let trust = TrustInputs {
        keys_dir: trusted.path().to_owned(),
        policy: Policy::default(),
        at: Timestamp::UNIX_EPOCH,
        timestamps: TimestampAuthorities::default(),
        foreseen: ForeseenKeys::default(),
        demands: Demands::default(),
    };
    let vectors = trees["vectors"].as_array().expect("vectors");
    for vector in vectors {
        let name = text(&vector["name"]);
        let place = tempfile::tempdir().expect("a directory");
        lay_out(vector, place.path());
        let signed =
            sign_directory(place.path(), &key, Signing::WholeTree { out: None }, &Limits::default()).expect(name);
        assert_eq!(signed.digest.hex(), text(&vector["digest"]), "{name}");
        assert_eq!(signed.signature.to_hex(), text(&vector["signature"]), "{name}");
        assert_eq!(fs::read_to_string(place.path().join(FILE_LIST)).expect("read"), text(&vector["list"]), "{name}");
        let plugin = PluginDir::open(place.path()).expect("a plugin");
        assert_eq!(STANDARD.encode(plugin.manifest_bytes()), text(&vector["signed_manifest"]), "{name}");
        let admitted = verify_directory(place.path(), &trust, &Limits::default()).expect("judged").verdict.expect(name);
        assert_eq!(admitted.coverage(), Coverage::Full, "{name}");
    }
    println!("tree.json: {0} of {0}", vectors.len());
    assert!(vectors.len() >= 12);
}
