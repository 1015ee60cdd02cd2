//! What honest authors make is never refused: shapes of real plugins and generated ones are signed,
//! packed, and verified under the strictest rule, as directories and as artifacts.

// Below the 128 that every crate has: what asks a registry from within the most work is compiled here, so that too deep
// a nesting is seen here first, and not in a release build.
#![recursion_limit = "100"]

use std::fs;
use std::path::Path;

use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::plugin::{ManifestFile, Profile, ambiguities, validate};
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{Limits, Secrets};
use aisoc_pipeline::{
    Demands, ForeseenKeys, PackageOptions, Publication, SignatureRule, Signing, Silent, TrustInputs, package,
    sign_directory, verify_artifact, verify_directory,
};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Coverage, Overwrite, SigningKey, TimestampAuthorities, write_key_pair};
use aisoc_trust::{CoverageRule, Policy};
use jiff::Timestamp;
use serde_json::Value;

const GENERATED: u64 = 500;

struct Author {
    key: SigningKey,
    trust: TrustInputs,
    _keys: tempfile::TempDir,
}

impl Author {
    fn new() -> Self {
        let keys = tempfile::tempdir().expect("a directory");
        let key = SigningKey::generate().expect("random numbers");
        write_key_pair(&keys.path().join("release"), &key, Overwrite::Refuse).expect("written");
        let policy = Policy { coverage: CoverageRule::Full, ..Policy::default() };
        let trust = TrustInputs {
            keys_dir: keys.path().to_owned(),
            policy,
            at: Timestamp::now(),
            timestamps: TimestampAuthorities::default(),
            foreseen: ForeseenKeys::default(),
            demands: Demands::default(),
        };
        Self { key, trust, _keys: keys }
    }

    /// Signs and verifies the directory, and what it packs to.
    async fn publishes(&self, name: &str, root: &Path) {
        let file = ManifestFile::find(|name| root.join(name).exists()).expect("a manifest");
        let manifest = fs::read(root.join(file.name())).expect("read");
        assert!(ambiguities(file, &manifest).is_empty(), "{name}");
        let signed = sign_directory(root, &self.key, Signing::WholeTree { out: None }, &Limits::default()).expect(name);
        assert_eq!(signed.coverage, Coverage::Full, "{name}");
        let judged = verify_directory(root, &self.trust, &Limits::default()).expect("judged");
        assert_eq!(judged.verdict.expect(name).coverage(), Coverage::Full, "{name}");
        let place = tempfile::tempdir().expect("a directory");
        let archive = place.path().join("plugin.tar");
        let Reference::Layout(out) = Reference::layout_archive(&archive) else { panic!("a layout") };
        let options = PackageOptions {
            threads: 1,
            mtime: None,
            secrets: Secrets::default(),
            limits: Limits::default(),
            dry_run: DryRun::No,
        };
        let publication = Publication::of(root, &options, &SignatureRule::Compared, &Silent).expect(name);
        package(publication, &out, &options, &Silent).await.expect(name);
        let verified = verify_artifact(&Reference::Layout(out), &self.trust, &[], &ClientOptions::default(), &Silent)
            .await
            .expect(name);
        assert_eq!(verified.verdict.expect(name).coverage(), Coverage::Full, "{name}");
    }
}

fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}

/// Repeatable numbers: xorshift, seeded by what they are for.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[usize::try_from(self.below(words.len() as u64)).expect("small")]
    }
}

fn manifest(id: &str, plugin_type: &str, numbers: &mut Numbers) -> String {
    let text = numbers.one_of(&["Plain words", "Café — naïve", "名前", "100% of \\\"it\\\"", "a: b # c", "😀"]);
    let tags = numbers.one_of(&["[]", "[siem, \"on\", \"1.10\"]", "\n  - one\n  - two"]);
    let extra = numbers.one_of(&[
        "",
        "config_schema:\n  type: object\n  properties:\n    url: {type: string}\n    depth: {type: integer, default: 3}\n",
        "capabilities: [network.outbound, vulnerability-scanning]\n",
        "notes: |\n  first line\n  second line\n\n",
        "notes: >-\n  folded\n  text\n# a comment at the end\n",
    ]);
    format!(
        "id: {id}\nname: \"{text}\"\nversion: \"{}.{}.0\"\nplugin_type: {plugin_type}\ndescription: \"{text}\"\nauthor: A <a@example.com>\ntags: {tags}\n{extra}",
        numbers.below(20),
        numbers.below(200)
    )
}

fn fill(root: &Path, numbers: &mut Numbers) {
    const NAMES: [&str; 12] = [
        "README.md",
        "LICENSE",
        "rules/block.yaml",
        "rules/deep/er/x.yml",
        "assets/icon.svg",
        "go/main.go",
        "go/go.mod",
        "requirements.txt",
        "data.json",
        "helpers/__init__.py",
        "helpers/net work.py",
        "模型.bin",
    ];
    for name in NAMES {
        if numbers.below(2) == 0 {
            let length = usize::try_from(numbers.below(5000)).expect("small");
            let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(numbers.below(256)).expect("a byte")).collect();
            write(root, name, bytes);
        }
    }
}

/// Files of plugins that search for keys, explain them, or read them: none of them holds one.
fn speak_of_keys(root: &Path) {
    let (begin, end) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
    write(
        root,
        "rules/secrets.yar",
        format!("rule key {{ strings: $a = \"{begin}\" $b = /AKIA[0-9A-Z]{{16}}/ condition: any of them }}\n"),
    );
    write(
        root,
        "scan.py",
        format!("import re\nKEY = re.compile(rb'{begin}[\\s\\S]+?{end}')\nTOKENS = ['ghp_', 'glpat-', 'xoxb-']\n"),
    );
    write(
        root,
        "reader.py",
        format!("def load(text):\n    if '{begin}' not in text:\n        raise ValueError('no private key')\n"),
    );
    write(
        root,
        "docs/keys.md",
        format!("```\n{begin}\nMIIEpAIBAAKCAQEA...\n{end}\n```\n\nexport AWS_SECRET_ACCESS_KEY=$SECRET\n"),
    );
    write(root, ".env.example", "API_TOKEN=\nAWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n");
    write(root, "certs/ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
}

/// Identifier, type and files of each of 57 real plugins.
fn real_shapes() -> Vec<(String, String, Vec<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/vectors/real_plugins.json");
    let list: Value = serde_json::from_str(&fs::read_to_string(&path).expect("read")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let shape = |plugin: &Value| {
        let files = plugin["files"].as_array().expect("a list").iter().map(text).collect();
        (text(&plugin["id"]), plugin["plugin_type"].as_str().unwrap_or("connector").to_owned(), files)
    };
    list["plugins"].as_array().expect("a list").iter().map(shape).collect()
}

#[tokio::test]
async fn no_clean_plugin_is_refused() {
    let author = Author::new();
    let shapes = real_shapes();
    assert_eq!(shapes.len(), 57);
    for (id, plugin_type, files) in &shapes {
        let place = tempfile::tempdir().expect("a directory");
        let mut numbers = Numbers(1 + id.bytes().map(u64::from).sum::<u64>());
        for file in files {
            match file.as_str() {
                "plugin.yaml" => write(place.path(), file, manifest(id, plugin_type, &mut numbers)),
                "plugin.py" => write(place.path(), file, "class Plugin:\n    pass\n"),
                "go/main.go" => write(place.path(), file, "package main\n"),
                other => panic!("{id}: {other} has no content here"),
            }
        }
        author.publishes(id, place.path()).await;
    }
    const TYPES: [&str; 6] = ["action", "connector", "detection", "enricher", "responder", "widget"];
    for seed in 1..=GENERATED {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let place = tempfile::tempdir().expect("a directory");
        let id = format!("generated-{seed}");
        let plugin_type = numbers.one_of(&TYPES);
        write(place.path(), "plugin.yaml", manifest(&id, plugin_type, &mut numbers));
        write(place.path(), "plugin.py", "class Plugin:\n    pass\n");
        fill(place.path(), &mut numbers);
        speak_of_keys(place.path());
        let bytes = fs::read(place.path().join("plugin.yaml")).expect("read");
        let has = |path: &str| place.path().join(path).exists();
        let problems = validate(ManifestFile::Yaml, &bytes, &has, Profile::Strict);
        assert!(problems.is_empty(), "{id}: {problems:?}");
        author.publishes(&id, place.path()).await;
    }
    println!("clean plugins: {} real shapes and {GENERATED} generated, 0 refused", shapes.len());
}
