//! Nothing leaves this machine whose signature is missing or does not fit, unless its publisher says so in words,
//! and then it is unsigned. What is judged is what goes.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use aisoc_manifests::digest::Digest;
use aisoc_testkit::registry::Registry;
use rustix::fs::inotify;
use serde_json::Value;
use support::{Bench, Run, copy_tree};

/// What is changed in a signed plugin's directory.
type Change = (&'static str, fn(&Bench, &str));

/// Changes a signed plugin, and why it is not published then.
const BROKEN: [Change; 5] = [
    ("unsigned", |bench, directory| {
        unsign(bench, directory);
    }),
    ("signature_malformed", |bench, directory| {
        bench.write(&format!("{directory}/plugin.sig"), "no signature");
    }),
    ("coverage_mismatch", |bench, directory| {
        bench.write(&format!("{directory}/README.md"), "changed after it was signed");
    }),
    ("integrity_unknown", |bench, directory| {
        let manifest = fs::read_to_string(bench.path(&format!("{directory}/plugin.yaml"))).expect("a manifest");
        bench.write(&format!("{directory}/plugin.yaml"), manifest.replace("aisoc.tree/v2", "aisoc.tree/v9"));
    }),
    ("no_trusted_keys", sign_the_code_alone),
];

/// Removes all that is of a signature.
fn unsign(bench: &Bench, directory: &str) {
    fs::remove_file(bench.path(&format!("{directory}/plugin.sig"))).expect("removed");
    fs::remove_dir_all(bench.path(&format!("{directory}/plugin.sig.d"))).expect("removed");
}

fn sign_the_code_alone(bench: &Bench, directory: &str) {
    let manifest = fs::read_to_string(bench.path(&format!("{directory}/plugin.yaml"))).expect("a manifest");
    let own = manifest.split("integrity:").next().expect("the author's part");
    bench.write(&format!("{directory}/plugin.yaml"), own);
    let words = ["plugin", "sign", "--private-key", "release.key", "--coverage", "code", "--plugin-dir", directory];
    bench.run(&words).ok();
}

/// The plugin with that change in a directory, an archive and a layout of its name, none of them made by us.
fn made(bench: &Bench, (name, change): Change) -> [String; 3] {
    copy_tree(&bench.path("demo"), &bench.path(name));
    change(bench, name);
    let (archive, layout) = (format!("{name}.tar"), format!("{name}-layout"));
    bench.forge(name, &archive);
    fs::create_dir(bench.path(&layout)).expect("made");
    let unpacked = Command::new("tar").arg("-xf").arg(bench.path(&archive)).current_dir(bench.path(&layout)).status();
    assert!(unpacked.expect("tar runs").success());
    [name.to_owned(), archive, layout]
}

fn package(bench: &Bench, directory: &str, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "package", "--plugin-dir", directory, "--out", "out.tar", "--json"], words].concat())
}

fn push(bench: &Bench, source: &str, reference: &str, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "push", source, reference], words].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("JSON")
}

#[test]
fn what_is_unsigned_or_changed_is_refused_before_anything_is_sent_or_written() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    let reference = registry.reference("team/demo:1");
    // What an operator's environment says on this machine opens nothing.
    let environment = [("PLUGIN_TRUST_MODE", "disabled"), ("PLUGIN_TRUSTED_KEYS_DIR", "keys")];
    for broken in BROKEN {
        let (reason, sources) = (broken.0, made(&bench, broken));
        let packed = bench.run_with(&["plugin", "package", "--plugin-dir", reason, "--out", "out.tar"], &environment);
        assert!(packed.refused(3, reason).error_line().contains(&format!(" {reason}")), "{packed:?}");
        assert!(packed.stderr.contains(&format!("aisoc plugin sign --plugin-dir {reason} --private-key KEY")));
        for source in &sources {
            bench.run_with(&["plugin", "push", source, &reference], &environment).refused(3, reason);
        }
        assert!(!bench.path("out.tar").exists(), "{reason}");
    }
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
}

/// What a push says that it did with the blobs, in text and in JSON: the verb, then those sent, mounted, and there
/// before.
fn blobs(bench: &Bench, source: &str, references: [&str; 2]) -> (String, [u64; 3]) {
    let text = push(bench, source, references[0], &[]).ok().stderr.clone();
    let line = text.lines().find(|line| line.contains("(blobs: ")).expect("a summary");
    let (verb, rest) = line.trim().split_once(' ').expect("a verb");
    let said = rest.rsplit_once(" (").expect("counts").1;
    let document = json(&push(bench, source, references[1], &["--json"]));
    let count = |name: &str| document[name].as_u64().expect(name);
    (format!("{verb} {said}"), ["uploaded_blob_count", "mounted_blob_count", "present_blob_count"].map(count))
}

#[test]
fn a_push_says_what_was_sent_what_was_mounted_and_what_was_there() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    let at = |rest: &str| registry.reference(rest);
    let (one, other) = (at("team/one:1"), at("team/other:1"));
    let (said, counts) = blobs(&bench, "demo", [&one, &other]);
    assert!(said.starts_with("Pushed blobs: 2 sent; ") && !said.ends_with("; 0 bytes sent)"), "{said}");
    assert_eq!(counts, [2, 0, 0]);
    let mounted = blobs(&bench, &one, [&at("mirror/one:1"), &at("mirror/other:1")]);
    assert_eq!(mounted, ("Mounted blobs: 2 mounted; 0 bytes sent)".to_owned(), [0, 2, 0]));
    let again = blobs(&bench, "demo", [&one, &other]);
    assert_eq!(again, ("Present blobs: 2 there before; 0 bytes sent)".to_owned(), [0, 0, 2]));
    let tagged = blobs(&bench, "demo", [&at("team/one:2"), &at("team/other:2")]);
    assert_eq!(tagged, ("Pushed blobs: 2 there before; 0 bytes sent)".to_owned(), [0, 0, 2]), "a new tag is new");
}

#[test]
fn a_refusal_names_the_file_that_changed_with_both_digests_and_counts_the_others() {
    let bench = Bench::new();
    bench.published();
    let before = Digest::of(&fs::read(bench.path("demo/plugin.py")).expect("read"));
    bench.write("demo/plugin.py", "import os\n");
    bench.write("demo/new.txt", "added");
    let run = bench.run(&["plugin", "push", "demo", "oci:layout:1"]);
    assert!(run.refused(3, "coverage_mismatch").error_line().contains("`plugin.py` and 1 other file"), "{run:?}");
    let now = Digest::of(b"import os\n");
    assert!(run.stderr.contains(&before.hex()) && run.stderr.contains(&now.hex()), "{run:?}");
    assert!(!bench.path("layout").exists());
    bench.sign("demo").ok();
    push(&bench, "demo", "oci:layout:1", &[]).ok();
}

#[test]
fn unsigned_is_meant_in_words_and_lets_no_broken_signature_through() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    for (number, broken) in BROKEN.into_iter().enumerate() {
        let reference = registry.reference(&format!("team/demo:{number}"));
        for source in made(&bench, broken) {
            let run = push(&bench, &source, &reference, &["--unsigned", "--replace-tag", "--json"]);
            match broken.0 {
                "unsigned" => {
                    assert_eq!(json(&run)["signature_status"], "unsigned");
                    assert!(run.stderr.contains("the package is unsigned"), "{run:?}");
                }
                reason => assert!(run.code == 3 && run.stderr.contains(&format!("\"{reason}\"")), "{source}: {run:?}"),
            }
        }
    }
    // What is left of a signature is not what was meant.
    copy_tree(&bench.path("demo"), &bench.path("remains"));
    fs::remove_file(bench.path("remains/plugin.sig")).expect("removed");
    package(&bench, "remains", &[]).refused_as_json("unsigned");
    package(&bench, "remains", &["--unsigned"]).refused_as_json("signature_malformed");
    // What is signed after all is published as what it is.
    let signed = json(&package(&bench, "demo", &["--unsigned"]));
    assert_eq!((&signed["signature_status"], &signed["signed"]), (&"present".into(), &true.into()));
    package(&bench, "demo", &["--unsigned", "--trusted-keys", "keys"]).refused_as_json("usage");
}

impl Run {
    fn refused_as_json(&self, reason: &str) {
        let envelope: Value = serde_json::from_str(&self.stderr).expect("an envelope");
        assert_eq!(envelope["error"]["detail"]["reason_code"], reason, "{self:?}");
    }
}

#[test]
fn where_only_a_key_can_tell_keys_are_asked_for_and_decide_as_a_strict_host() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    fs::create_dir(bench.path("others")).expect("made");
    fs::copy(bench.path("other.pem"), bench.path("others/other.pem")).expect("copied");
    sign_the_code_alone(&bench, "demo");
    let asked = bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "out.tar"]);
    assert!(asked.refused(3, "no_trusted_keys").stderr.contains("`--trusted-keys PATH`"), "{asked:?}");
    assert_eq!(json(&package(&bench, "demo", &["--trusted-keys", "keys"]))["signature_status"], "verified");
    for source in ["demo", "out.tar"] {
        push(&bench, source, "oci:layout:1", &[]).refused(3, "no_trusted_keys");
        push(&bench, source, "oci:layout:1", &["--keys", "others"]).refused(3, "untrusted_key");
        push(&bench, source, "oci:layout:1", &["--keys", "nowhere"]).refused(1, "io_not_found");
        assert_eq!(
            json(&push(&bench, source, "oci:layout:1", &["--keys", "keys", "--json"]))["signature_status"],
            "verified"
        );
    }
    bench.write("demo/plugin.py", "import os\n");
    push(&bench, "demo", "oci:layout:2", &["--keys", "keys"]).refused(3, "signature_invalid");
    bench.write("demo/rules.json", "[]");
    sign_the_code_alone(&bench, "demo");
    push(&bench, "demo", "oci:layout:2", &["--keys", "keys"]).refused(3, "coverage_partial");
    push(&bench, "demo", "oci:layout:2", &["--keys", "keys", "--trust-coverage", "code"]).ok();
}

#[test]
fn a_signature_that_was_exchanged_whole_is_found_by_keys_alone() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "other.key"]).ok();
    assert_eq!(json(&package(&bench, "demo", &[]))["signature_status"], "present");
    let run = bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar", "--trusted-keys", "keys"]);
    run.refused(3, "untrusted_key");
    assert!(!bench.path("x.tar").exists());
}

#[test]
fn what_is_signed_whole_needs_no_key_and_no_word() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let reference = format!("{}/team/demo:0.1.0", registry.address);
    for source in ["demo.tar", "demo"] {
        let run = push(&bench, source, &reference, &["--json"]);
        assert_eq!(json(&run)["signature_status"], "present");
        assert!(!run.stderr.contains("warning"), "{run:?}");
    }
}

#[test]
fn what_is_copied_between_registries_is_judged_by_keys_alone() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let at = |name: &str| format!("{}/{name}", registry.address);
    push(&bench, "demo.tar", &at("team/demo:1"), &[]).ok();
    unsign(&bench, "demo");
    push(&bench, "demo", &at("team/bare:1"), &["--unsigned"]).ok();
    for name in ["demo", "bare"] {
        let run = push(&bench, &at(&format!("team/{name}:1")), &at(&format!("copy/{name}:1")), &["--json"]);
        assert_eq!(json(&run)["signature_status"], "not_read");
    }
    let verified = push(&bench, &at("team/demo:1"), &at("copy/demo:2"), &["--keys", "keys", "--json"]);
    assert_eq!(json(&verified)["signature_status"], "verified");
    push(&bench, &at("team/bare:1"), &at("copy/bare:2"), &["--keys", "keys"]).refused(3, "unsigned");
    bench.run(&["plugin", "inspect", &at("copy/bare:2")]).refused(1, "reference_not_found");
}

#[test]
fn checking_a_package_keeps_nothing_of_it_and_asks_for_no_signature() {
    let bench = Bench::new();
    bench.published();
    unsign(&bench, "demo");
    package(&bench, "demo", &["--unsigned"]).ok();
    let run = package(&bench, "demo", &["--check"]);
    assert_eq!(json(&run)["signature_status"], "unsigned");
    bench.write("demo/README.md", "changed");
    bench
        .run(&["plugin", "package", "--plugin-dir", "demo", "--out", "out.tar", "--check"])
        .refused(1, "not_reproducible");
    package(&bench, "demo", &["--check", "--unsigned"]).refused_as_json("usage");
}

/// How often each file of a directory is opened while `work` runs.
fn opens(bench: &Bench, directories: &[&str], work: impl FnOnce()) -> BTreeMap<String, usize> {
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).expect("inotify");
    for directory in directories {
        inotify::add_watch(&watch, bench.path(directory), inotify::WatchFlags::OPEN).expect("watched");
    }
    work();
    let mut opens = BTreeMap::new();
    let mut buffer = [MaybeUninit::uninit(); 64 << 10];
    let mut events = inotify::Reader::new(&watch, &mut buffer);
    while let Ok(event) = events.next() {
        if !event.events().contains(inotify::ReadFlags::ISDIR)
            && let Some(name) = event.file_name()
        {
            *opens.entry(name.to_string_lossy().into_owned()).or_default() += 1;
        }
    }
    opens
}

#[test]
fn a_release_opens_each_file_once_and_leaves_the_checkout_as_it_is() {
    let bench = Bench::new();
    bench.published();
    for file in ["plugin.sig", "plugin.sig.d/files"] {
        fs::remove_file(bench.path(&format!("demo/{file}"))).expect("removed");
    }
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.write("demo/rules/one.yaml", "a: 1\n");
    bench.write("demo/rules/empty.yaml", "");
    let before = bench.snapshot("demo");
    let release =
        ["plugin", "release", "oci:layout:1", "--plugin-dir", "demo", "--private-key", "release.key", "--json"];
    let mut run = None;
    let found = opens(&bench, &["demo", "demo/rules"], || run = Some(bench.run(&release)));
    let released = json(&run.expect("run"));
    assert_eq!(released["signature_status"], "present");
    let files = before.keys().filter(|path| path.is_file());
    let once = files.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), 1));
    assert_eq!(found, once.collect::<BTreeMap<_, _>>());
    assert_eq!(bench.snapshot("demo"), before, "the checkout was changed");
    bench.run(&["plugin", "verify", "oci:layout:1", "--keys", "keys", "--trust-coverage", "full"]).ok();
    // What signs and packs step by step comes to the same artifact.
    bench.sign("demo").ok();
    assert_eq!(json(&package(&bench, "demo", &[]))["artifact_digest"], released["artifact_digest"]);
}

#[test]
fn a_release_takes_a_checkout_that_cannot_be_written_and_updates_one_when_it_is_told_to() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/README.md", "changed since it was signed\n");
    let release = ["plugin", "release", "--plugin-dir", "demo", "--private-key", "release.key", "--json"];
    let released = |tag: &str, words: &[&str]| {
        let reference = format!("oci:layout:{tag}");
        json(&bench.run(&[&release[..], &[&reference], words].concat()))["artifact_digest"].clone()
    };
    fs::set_permissions(bench.path("demo"), fs::Permissions::from_mode(0o555)).expect("mode");
    let digest = released("1", &[]);
    fs::set_permissions(bench.path("demo"), fs::Permissions::from_mode(0o755)).expect("mode");
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(3, "coverage_mismatch");
    assert_eq!(released("2", &["--update-checkout"]), digest);
    bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--trust-coverage", "full"]).ok();
    assert_eq!(json(&package(&bench, "demo", &[]))["artifact_digest"], digest);
    assert_eq!(released("3", &[]), digest, "twice is once");
}

/// A layout of an artifact whose one layer is no archive.
fn layout_of_no_archive(bench: &Bench, name: &str) {
    let blob = |content: &str| {
        let digest = Digest::of(content.as_bytes());
        bench.write(&format!("{name}/blobs/sha256/{}", digest.hex()), content);
        format!(r#""digest":"{digest}","size":{}"#, content.len())
    };
    let (config, layer) = (blob("{}"), blob("no archive"));
    let manifest = blob(&format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "config":{{"mediaType":"application/vnd.oci.empty.v1+json",{config}}},
        "layers":[{{"mediaType":"application/vnd.aisoc.plugin.v1.tar+gzip",{layer},"annotations":
        {{"org.opencontainers.image.title":"demo","io.deis.oras.content.unpack":"true"}}}}]}}"#
    ));
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json",{manifest}}}]}}"#
    );
    bench.write(&format!("{name}/index.json"), index);
    bench.write(&format!("{name}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[test]
fn what_is_no_plugin_is_not_pushed() {
    let bench = Bench::new();
    let registry = Registry::start();
    layout_of_no_archive(&bench, "odd");
    for words in [&[][..], &["--unsigned"], &["--replace-tag"]] {
        push(&bench, "odd", &registry.reference("odd:1"), words).refused(1, "unsafe_archive");
    }
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
}

/// A second plugin beside `demo`, signed.
fn other(bench: &Bench) {
    bench.run(&["plugin", "new", "second", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "--plugin-dir", "second", "--private-key", "release.key"]).ok();
}

#[test]
fn a_package_replaces_an_earlier_one_of_its_own_plugin_and_nothing_else() {
    let bench = Bench::new();
    bench.published();
    other(&bench);
    bench.write("notes.tar", "my notes");
    bench.write("empty.tar", "");
    bench.run(&["plugin", "package", "demo", "--out", "layout"]).ok();
    push(&bench, "second/", "oci-archive:two.tar:1", &[]).ok();
    push(&bench, "second/", "oci-archive:two.tar:2", &[]).ok();
    let before = bench.snapshot(".");
    for (directory, out, reason, said) in [
        ("demo", "notes.tar", "layout_invalid", "notes.tar"),
        ("demo", "release.key", "layout_invalid", "is no layout's directory"),
        ("second", "demo.tar", "tag_exists", "an artifact of `demo`"),
        ("second", "oci-archive:demo.tar:9", "tag_exists", "an artifact of `demo`"),
        ("second", "layout", "tag_exists", "has the tag `0.1.0`, of another plugin"),
        ("second", "two.tar", "already_exists", "holds several artifacts"),
    ] {
        for dry in [&["--dry-run"][..], &[]] {
            let run = bench.run(&[&["plugin", "package", directory, "--out", out][..], dry].concat());
            assert!(run.refused(1, reason).stderr.contains(said), "{out}: {run:?}");
            assert!(!run.stderr.contains("make it again"), "{out}: {run:?}");
        }
    }
    assert_eq!(bench.snapshot("."), before);
    for (directory, out) in [
        ("demo", "demo.tar"),
        ("demo", "layout"),
        ("second", "oci:layout:second"),
        ("second", "empty.tar"),
        ("second", "empty.tar"),
    ] {
        bench.run(&["plugin", "package", directory, "--out", out]).ok();
    }
}

/// It would be a part of the plugin the next time.
#[test]
fn no_layout_is_written_into_the_plugin_that_it_is_made_of() {
    let bench = Bench::new();
    bench.published();
    let before = bench.snapshot("demo");
    for words in [
        &["plugin", "package", "demo", "--out", "demo/layout"][..],
        &["plugin", "package", "demo", "--out", "demo/new/deep/layout"],
        &["plugin", "push", "demo", "oci:demo/layout:1"],
        &["plugin", "push", "demo", "oci-archive:demo/new/x.tar"],
        &["plugin", "release", "demo", "oci:demo/layout", "--private-key", "release.key"],
    ] {
        let run = bench.run(words);
        assert!(run.refused(2, "usage").error_line().contains("is inside the plugin's directory"), "{words:?} {run:?}");
    }
    assert_eq!(bench.snapshot("demo"), before);
}
