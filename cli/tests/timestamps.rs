//! When something was signed, as a timestamp authority says it: asked for when a plugin is signed, shipped beside the
//! signature, and worth something where the operator has named the authority.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use aisoc_registry_client::MAX_TIMESTAMP_ANSWER_BYTES;
use aisoc_testkit::registry::{Registry, Seen};
use aisoc_testkit::timestamps::{Manner, Stamp, TimestampAuthority, Usage, serve};
use serde_json::Value;
use support::{Bench, Run, copy_tree};

/// The key counted from 2020 to 2021 alone.
const EXPIRED: &str = r#"{"schema_version":2,"not_before":"2020-01-01T00:00:00Z","not_after":"2021-01-01T00:00:00Z"}"#;
const IN_TIME: &str = "20200601000000Z";
const ROOT: [&str; 2] = ["--timestamp-root", "tsa.pem"];

fn authority(number: u8) -> TimestampAuthority {
    TimestampAuthority::with(number, ["190101000000Z", "490101000000Z"], Usage::Timestamps)
}

/// A plugin `demo` that nobody has signed yet, the key `release`, and the certificates of an authority.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    bench.write("keys/release.pem", fs::read(bench.path("release.pem")).expect("a key"));
    bench.write("tsa.pem", authority(1).pem());
    bench
}

fn sign(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "sign", "demo", "--private-key", "release.key"], words].concat())
}

fn stamped(bench: &Bench, at: &'static str) {
    sign(bench, &["--timestamp", &serve(authority(1), Manner::Answers(at))]).ok();
}

fn verify(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "verify", "demo", "--trusted-keys", "keys"], words].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

fn timestamps(bench: &Bench, directory: &str) -> Vec<String> {
    let files = fs::read_dir(bench.path(&format!("{directory}/plugin.sig.d"))).expect("signatures");
    let mut names: Vec<_> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".tsr"));
    names.sort();
    names
}

fn timestamp(bench: &Bench, directory: &str) -> String {
    let [name] = timestamps(bench, directory).try_into().expect("one timestamp");
    format!("{directory}/plugin.sig.d/{name}")
}

#[test]
fn what_a_key_signed_in_its_time_counts_by_the_word_of_an_authority_that_is_named() {
    let bench = bench();
    let url = serve(authority(1), Manner::Answers(IN_TIME));
    let signed = json(sign(&bench, &["--timestamp", &url, ROOT[0], ROOT[1], "--json"]).ok());
    assert_eq!(signed["signed_at"], "2020-06-01T00:00:00Z");
    assert_eq!(json(verify(&bench, &["--json"]).ok())["coverage"], "full", "a timestamp is beside what is covered");
    bench.write("keys/release.json", EXPIRED);
    verify(&bench, &[]).refused(3, "key_expired");
    let verdict = json(verify(&bench, &[ROOT[0], ROOT[1], "--json"]).ok());
    assert_eq!((&verdict["coverage"], &verdict["signature_status"]), (&"full".into(), &"verified".into()));
    assert_eq!(verdict["explanation"]["keys"][0]["signed_at"], "2020-06-01T00:00:00Z");
    assert_eq!(verdict["explanation"]["timestamps"][0]["timestamp_authority"], "CN=testkit time");
    let explained = verify(&bench, &[ROOT[0], ROOT[1], "--explain"]);
    assert!(
        explained.ok().stdout.contains("release (signed at 2020-06-01T00:00:00Z, says `CN=testkit time`)"),
        "{explained:?}"
    );
    let named = [("PLUGIN_TIMESTAMP_ROOT", "tsa.pem")];
    bench.run_with(&["plugin", "verify", "demo", "--trusted-keys", "keys"], &named).ok();
    bench.write("other.pem", authority(2).pem());
    let run = verify(&bench, &["--timestamp-root", "other.pem", "--explain"]);
    assert!(run.code == 3 && run.error_line().contains("key_expired"), "{run:?}");
    assert!(
        run.stdout
            .contains("not counted: it names `CN=testkit time`, and its signature is not by the key of its authority"),
        "{run:?}"
    );
    verify(&bench, &["--timestamp-root", "absent.pem"]).refused(1, "io_not_found");
}

#[test]
fn an_install_a_look_at_rest_and_a_rollback_judge_alike() {
    let bench = bench();
    stamped(&bench, IN_TIME);
    bench.run(&["plugin", "package", "demo", "--out", "demo.tar"]).ok();
    bench.write("keys/release.json", EXPIRED);
    let words = |verb: &[&'static str], root: &[&'static str]| -> Vec<&'static str> {
        [verb, &["--plugins-dir", "plugins", "--trusted-keys", "keys"], root].concat()
    };
    let install = ["plugin", "install", "oci-archive:demo.tar"];
    bench.run(&words(&install, &[])).refused(3, "key_expired");
    bench.run(&words(&install, &ROOT)).ok();
    assert_eq!(timestamps(&bench, "plugins/demo").len(), 1, "it is shipped");
    bench.run(&words(&["plugins", "verify"], &ROOT)).ok();
    let run = bench.run(&words(&["plugins", "verify"], &[]));
    assert!(run.code == 3 && run.error_line().contains("key_expired"), "{run:?}");
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("a manifest");
    bench.write("demo/plugin.yaml", manifest.replace("0.1.0", "0.2.0"));
    stamped(&bench, IN_TIME);
    bench.run(&["plugin", "package", "demo", "--out", "next.tar"]).ok();
    bench.run(&words(&["plugin", "install", "oci-archive:next.tar"], &ROOT)).ok();
    bench.run(&words(&["plugin", "rollback", "demo"], &[])).refused(3, "key_expired");
    bench.run(&words(&["plugin", "rollback", "demo"], &ROOT)).ok();
    let ending = bench.run(&words(&["plugins", "verify"], &ROOT));
    assert!(!ending.stderr.contains("key_ends"), "what has ended is not about to end: {ending:?}");
}

#[test]
fn a_key_that_was_revoked_counts_for_what_it_signed_before_it_may_have_leaked() {
    let bench = bench();
    stamped(&bench, IN_TIME);
    bench.run(&["plugin", "keygen", "--out", "next"]).ok();
    bench.write("keys/next.pem", fs::read(bench.path("next.pem")).expect("a key"));
    let words =
        ["keys", "revoke", "release", "--keys", "keys", "--reason", "stolen", "--since", "2020-06-02T00:00:00Z"];
    bench.run(&words).ok();
    verify(&bench, &[]).refused(3, "key_revoked");
    verify(&bench, &ROOT).ok();
    // What counts stays: no new one would be of an earlier time.
    let early = fs::read(bench.path(&timestamp(&bench, "demo"))).expect("a timestamp");
    let later = serve(authority(1), Manner::Answers("20200602000000Z"));
    for root in [&[][..], &ROOT] {
        let run = sign(&bench, &[&["--timestamp", &later], root].concat());
        assert!(run.ok().stderr.contains("Kept the timestamp of 2020-06-01T00:00:00Z"), "{run:?}");
        assert_eq!(fs::read(bench.path(&timestamp(&bench, "demo"))).expect("a timestamp"), early);
    }
    // An answer that is given is read whatever is there, and is taken where it is the earlier one.
    let signature = fs::read_to_string(bench.path("demo/plugin.sig")).expect("a signature");
    let byte = |at: usize| u8::from_str_radix(&signature[2 * at..2 * at + 2], 16).expect("digits");
    let signature: Vec<u8> = (0..64).map(byte).collect();
    let answered = |content: Vec<u8>| {
        bench.write("answer", content);
        sign(&bench, &["--timestamp", "answer", ROOT[0], ROOT[1]])
    };
    answered(b"garbage".to_vec()).refused(3, "timestamp_invalid");
    answered(authority(1).stamps(b"nothing", Stamp::at(IN_TIME))).refused(3, "timestamp_invalid");
    answered(authority(1).stamps(&signature, Stamp::at("20200601000001Z"))).ok();
    assert_eq!(fs::read(bench.path(&timestamp(&bench, "demo"))).expect("a timestamp"), early);
    let earlier = authority(1).stamps(&signature, Stamp::at("20200531235959Z"));
    answered(earlier.clone()).ok();
    assert_eq!(fs::read(bench.path(&timestamp(&bench, "demo"))).expect("a timestamp"), earlier);
    // One that would not count gives way.
    bench.write("other.pem", authority(2).pem());
    let other = serve(authority(2), Manner::Answers("20200602000000Z"));
    sign(&bench, &["--timestamp", &other, "--timestamp-root", "other.pem"]).ok();
    assert_ne!(fs::read(bench.path(&timestamp(&bench, "demo"))).expect("a timestamp"), early);
    fs::remove_file(bench.path(&timestamp(&bench, "demo"))).expect("removed");
    stamped(&bench, "20200602000000Z");
    verify(&bench, &ROOT).refused(3, "key_revoked");
}

#[test]
fn an_authority_that_misbehaves_leaves_the_plugin_as_it_was() {
    let bench = bench();
    let before = bench.snapshot("demo");
    let elsewhere = serve(authority(1), Manner::Answers(IN_TIME));
    for (manner, code, reason) in [
        (Manner::Rejects, 3, "timestamp_invalid"),
        (Manner::AnswersAnother, 3, "timestamp_invalid"),
        (Manner::WithoutNumber, 3, "timestamp_invalid"),
        (Manner::Bytes(MAX_TIMESTAMP_ANSWER_BYTES - 1), 3, "timestamp_invalid"),
        (Manner::Bytes(MAX_TIMESTAMP_ANSWER_BYTES), 3, "timestamp_invalid"),
        (Manner::Bytes(MAX_TIMESTAMP_ANSWER_BYTES + 1), 4, "registry_protocol"),
        (Manner::AsPage, 4, "registry_protocol"),
        (Manner::LeadsTo(elsewhere), 1, "redirect_refused"),
        (Manner::Endless, 4, "registry_protocol"),
    ] {
        let said = format!("{manner:?}");
        let run = sign(&bench, &["--timestamp", &serve(authority(1), manner)]);
        assert!(run.error_line().contains(reason), "{said}: {run:?}");
        assert_eq!(run.code, code, "{said}: {run:?}");
        assert_eq!(bench.snapshot("demo"), before, "{said}");
    }
    let url = serve(authority(1), Manner::Silent);
    let words = ["plugin", "sign", "demo", "--private-key", "release.key", "--timestamp", &url];
    bench.run_with(&words, &[("AISOC_TIMEOUT", "1s")]).refused(4, "registry_unavailable");
    for url in
        ["http://time.example/", "HTTP://time.example/", "ftp://time.example/", "https://me:hunter2@time.example/"]
    {
        sign(&bench, &["--timestamp", url]).refused(2, "usage");
        sign(&bench, &["--timestamp", url, "--dry-run"]).refused(2, "usage");
    }
    let url = serve(authority(2), Manner::Answers(IN_TIME));
    sign(&bench, &["--timestamp", &url, ROOT[0], ROOT[1]]).refused(3, "timestamp_invalid");
    sign(&bench, &["--timestamp", &url, "--dry-run"]).ok();
    assert_eq!(bench.snapshot("demo"), before);
}

#[test]
fn signing_again_keeps_the_timestamp_of_the_same_signature_and_drops_that_of_another() {
    let bench = bench();
    stamped(&bench, IN_TIME);
    let own = timestamps(&bench, "demo");
    let run = sign(&bench, &[]);
    assert!(!run.ok().stderr.contains("signatures of others"), "{run:?}");
    assert_eq!(timestamps(&bench, "demo"), own);
    bench.run(&["plugin", "keygen", "--out", "second"]).ok();
    let url = serve(authority(1), Manner::Answers(IN_TIME));
    bench.run(&["plugin", "sign", "demo", "--private-key", "second.key", "--add", "--timestamp", &url]).ok();
    assert_eq!(timestamps(&bench, "demo").len(), 2, "each signer has one");
    verify(&bench, &[]).ok();
    bench.run(&["plugin", "sign", "demo", "--private-key", "second.key", "--add"]).ok();
    assert_eq!(timestamps(&bench, "demo").len(), 2, "the same signature");
    bench.write("demo/added.py", "x = 1\n");
    sign(&bench, &[]).ok();
    assert_eq!(timestamps(&bench, "demo"), Vec::<String>::new(), "about what is not there any more");
    verify(&bench, &[]).ok();
}

#[test]
fn a_timestamp_that_is_none_of_that_signature_refuses_the_plugin() {
    let bench = bench();
    stamped(&bench, IN_TIME);
    let place = timestamp(&bench, "demo");
    copy_tree(&bench.path("demo"), &bench.path("other"));
    bench.write("other/added.py", "x = 1\n");
    let url = serve(authority(1), Manner::Answers(IN_TIME));
    bench.run(&["plugin", "sign", "other", "--private-key", "release.key", "--timestamp", &url]).ok();
    let good = fs::read(bench.path(&place)).expect("a timestamp");
    for (what, content) in [
        ("of another plugin", fs::read(bench.path(&timestamp(&bench, "other"))).expect("a timestamp")),
        ("cut off", good[..good.len() / 2].to_vec()),
        ("larger than any", vec![0; 20_000]),
        ("of nothing", authority(1).stamps(b"nothing", Stamp::at(IN_TIME))),
    ] {
        bench.write(&place, content);
        for root in [&[][..], &ROOT] {
            let run = verify(&bench, root);
            assert!(run.error_line().contains("timestamp_invalid"), "{what}: {run:?}");
        }
        bench.run(&["plugin", "package", "demo", "--out", "demo.tar"]).refused(3, "timestamp_invalid");
    }
    bench.write(&place, &good);
    verify(&bench, &[]).ok();
    fs::remove_file(bench.path(&place.replace(".tsr", ".sig"))).expect("removed");
    verify(&bench, &[]).refused(3, "timestamp_invalid");
    // Whoever signs beside it hears of it, and has signed nothing.
    bench.run(&["plugin", "keygen", "--out", "second"]).ok();
    let before = bench.snapshot("demo");
    bench.run(&["plugin", "sign", "demo", "--private-key", "second.key", "--add"]).refused(3, "timestamp_invalid");
    assert_eq!(bench.snapshot("demo"), before);
}

#[test]
fn a_hint_names_authorities_where_a_timestamp_is_asked_for_alone() {
    let bench = bench();
    stamped(&bench, IN_TIME);
    bench.write("demo/added.py", "x = 1\n");
    let run = verify(&bench, &ROOT);
    assert!(run.code == 3 && run.stderr.contains("`aisoc plugin sign demo --private-key KEY`"), "{run:?}");
}

#[test]
fn what_is_published_keeps_its_timestamp_when_another_key_signs_it_too() {
    let bench = bench();
    let registry = Registry::start();
    stamped(&bench, IN_TIME);
    let (reference, next) = (registry.reference("team/demo:0.1.0"), registry.reference("team/demo:0.1.0-new"));
    bench.run(&["plugin", "push", "demo", &reference]).ok();
    bench.run(&["plugin", "keygen", "--out", "new"]).ok();
    let words = ["plugin", "resign", &reference, "--private-key", "new.key", "--trusted-keys", "release.pem"];
    bench.run(&[&words[..], &["--tag-suffix", "-new", "--add"]].concat()).ok();
    bench.run(&["plugin", "pull", &next, "--out", "both"]).ok();
    assert_eq!(timestamps(&bench, "both"), timestamps(&bench, "demo"));
    bench.run(&[&words[..], &["--tag-suffix", "-alone"]].concat()).ok();
    bench.run(&["plugin", "pull", &registry.reference("team/demo:0.1.0-alone"), "--out", "alone"]).ok();
    assert_eq!(timestamps(&bench, "alone"), Vec::<String>::new());
}

#[test]
fn a_release_has_a_timestamp_beside_each_of_its_signatures() {
    let bench = bench();
    let registry = Registry::start();
    bench.run(&["plugin", "keygen", "--out", "second"]).ok();
    let before = bench.snapshot("demo");
    let (url, reference) = (serve(authority(1), Manner::Answers(IN_TIME)), registry.reference("team/demo:0.1.0"));
    let release = ["plugin", "release", "demo", &reference, "--private-key", "release.key"];
    let both = [&release[..], &["--private-key", "second.key", "--timestamp", &url, ROOT[0], ROOT[1]]].concat();
    // Nobody is asked in a dry run, and by what nobody has answered no digest can be named.
    let run = bench.run(&[&both[..], &["--dry-run"]].concat());
    run.refused(2, "usage");
    // One answer is about one signature.
    bench.write("answer", authority(1).stamps(b"nothing", Stamp::at(IN_TIME)));
    let answered = [&release[..], &["--private-key", "second.key", "--timestamp", "answer"]].concat();
    bench.run(&answered).refused(2, "usage");
    let quiet = serve(authority(1), Manner::Silent);
    bench.run(&[&release[..], &["--timestamp", &quiet, "--timeout", "1s"]].concat()).refused(4, "registry_unavailable");
    let silent = serve(authority(1), Manner::Rejects);
    bench.run(&[&release[..], &["--timestamp", &silent]].concat()).refused(3, "timestamp_invalid");
    let other = serve(authority(2), Manner::Answers(IN_TIME));
    bench.run(&[&release[..], &["--timestamp", &other, ROOT[0], ROOT[1]]].concat()).refused(3, "timestamp_invalid");
    let is_a_look = |seen: &Seen| ["GET", "HEAD"].contains(&seen.method.as_str());
    assert!(registry.requests().iter().all(is_a_look), "nothing was pushed: {:?}", registry.requests());
    bench.run(&both).ok();
    assert_eq!(bench.snapshot("demo"), before, "the checkout stays as it is");
    bench.write("keys/release.json", EXPIRED);
    let install = ["plugin", "install", &reference, "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    bench.run(&install).refused(3, "key_expired");
    bench.run(&[&install[..], &ROOT].concat()).ok();
    assert_eq!(timestamps(&bench, "plugins/demo").len(), 2, "each signer has one");
}

#[test]
fn a_release_of_what_is_signed_keeps_the_timestamp_that_is_there() {
    let bench = bench();
    let registry = Registry::start();
    stamped(&bench, IN_TIME);
    let reference = registry.reference("team/demo:0.1.0");
    let words = ["plugin", "release", "demo", &reference, "--private-key", "release.key"];
    bench.run(&words).ok();
    bench.run(&["plugin", "pull", &reference, "--out", "pulled"]).ok();
    let kept = |directory| fs::read(bench.path(&timestamp(&bench, directory))).expect("a timestamp");
    assert!(kept("pulled") == kept("demo"));
    // What is none is evidence of nothing, and goes.
    bench.write(&timestamp(&bench, "demo"), "hunter2");
    let next = registry.reference("team/demo:next");
    bench.run(&["plugin", "release", "demo", &next, "--private-key", "release.key", "--update-checkout"]).ok();
    assert_eq!(timestamps(&bench, "demo"), Vec::<String>::new());
    verify(&bench, &[]).ok();
}

#[test]
fn what_is_published_gets_a_timestamp_when_it_is_signed_again() {
    let bench = bench();
    let registry = Registry::start();
    sign(&bench, &[]).ok();
    let reference = registry.reference("team/demo:0.1.0");
    bench.run(&["plugin", "push", "demo", &reference]).ok();
    let url = serve(authority(1), Manner::Answers(IN_TIME));
    let resign = |key: &str, words: &[&str]| {
        let begin = ["plugin", "resign", &reference, "--private-key", key, "--trusted-keys", "release.pem"];
        bench.run(&[&begin[..], words].concat())
    };
    let pulled = |tag: &str, out: &str| {
        bench.run(&["plugin", "pull", &registry.reference(&format!("team/demo:{tag}")), "--out", out]).ok();
        timestamps(&bench, out)
    };
    bench.run(&["plugin", "keygen", "--out", "new"]).ok();
    resign("new.key", &["--tag", "tried", "--timestamp", &url, "--dry-run"]).refused(2, "usage");
    let other = serve(authority(2), Manner::Answers(IN_TIME));
    resign("new.key", &["--tag", "other", "--timestamp", &other, ROOT[0], ROOT[1]]).refused(3, "timestamp_invalid");
    resign("new.key", &["--tag", "both", "--add", "--timestamp", &url]).ok();
    assert_eq!(pulled("both", "both").len(), 1, "of the new signature alone");
    bench.run(&["plugin", "verify", "both", "--trusted-keys", "new.pem"]).ok();
    resign("new.key", &["--tag", "alone", "--timestamp", &url, ROOT[0], ROOT[1]]).ok();
    assert_eq!(pulled("alone", "alone"), timestamps(&bench, "both"));
    // The key that has signed it gets one too, and the same again when it is asked for again: nothing is newer than it.
    let change = |words: &[&str]| {
        let run = resign("release.key", &[&["--replace-tag", "--json", "--timestamp"], words].concat());
        json(run.ok())["artifacts"][0]["change"].clone()
    };
    assert_eq!(change(&[&url, "--add"]), "added");
    let later = serve(authority(1), Manner::Answers("20200701000000Z"));
    assert_eq!(change(&[&later, "--add"]), "unchanged");
    assert_eq!(change(&[&later, ROOT[0], ROOT[1]]), "unchanged");
    bench.write("other.pem", authority(2).pem());
    assert_eq!(change(&[&other, "--timestamp-root", "other.pem"]), "replaced");
    bench.write("keys/release.json", EXPIRED);
    pulled("0.1.0", "last");
    let verified =
        |root: &str| bench.run(&["plugin", "verify", "last", "--trusted-keys", "keys", "--timestamp-root", root]);
    verified("tsa.pem").refused(3, "key_expired");
    verified("other.pem").ok();
}

fn openssl(bench: &Bench, words: &[&str]) {
    let run = Command::new("/usr/bin/openssl").args(words).current_dir(bench.path(".")).output().expect("runs");
    assert!(run.status.success(), "{words:?}: {run:?}");
}

#[test]
fn what_openssl_answers_is_taken_and_what_is_kept_it_takes() {
    if !Path::new("/usr/bin/openssl").exists() {
        println!("skipped: there is no openssl on this machine");
        return;
    }
    for (algorithm, option, digest, accuracy) in [
        ("EC", "ec_paramgen_curve:P-256", "sha256", "secs:1"),
        ("EC", "ec_paramgen_curve:P-256", "sha512", "secs:1, millisecs:500, microsecs:20"),
        ("EC", "ec_paramgen_curve:P-384", "sha512", "millisecs:500"),
        ("RSA", "rsa_keygen_bits:2048", "sha256", "secs:1, millisecs:500"),
        ("RSA", "rsa_keygen_bits:3072", "sha512", "secs:1"),
    ] {
        beside_openssl(algorithm, option, digest, accuracy);
    }
}

fn beside_openssl(algorithm: &str, option: &str, digest: &str, accuracy: &str) {
    let bench = bench();
    bench.write(
        "tsa.cnf",
        format!(
            "[ts]\nserial = ./serial\nsigner_digest = {digest}\ndefault_policy = 1.2.3.4\ndigests = sha256\n\
            ess_cert_id_alg = sha256\naccuracy = {accuracy}\n[ext]\nextendedKeyUsage = critical, timeStamping\n"
        ),
    );
    let key = |name| ["genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", name];
    openssl(&bench, &key("root.key"));
    openssl(
        &bench,
        &["req", "-new", "-x509", "-key", "root.key", "-subj", "/CN=root", "-days", "2", "-out", "root.pem"],
    );
    openssl(&bench, &key("own.key"));
    openssl(&bench, &["req", "-new", "-key", "own.key", "-subj", "/CN=own", "-out", "own.csr"]);
    let words = ["-CA", "root.pem", "-CAkey", "root.key", "-days", "2", "-extfile", "tsa.cnf", "-extensions", "ext"];
    openssl(&bench, &[&["x509", "-req", "-in", "own.csr", "-out", "own.pem", "-set_serial", "9"], &words[..]].concat());
    let read = |name: &str| fs::read_to_string(bench.path(name)).expect("a certificate");
    bench.write("tsa.pem", read("own.pem") + &read("root.pem"));
    sign(&bench, &[]).ok();
    let digits = read("demo/plugin.sig");
    let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("digits");
    bench.write("raw", (0..64).map(byte).collect::<Vec<u8>>());
    openssl(&bench, &["ts", "-query", "-sha256", "-cert", "-data", "raw", "-out", "query"]);
    let answer = ["-queryfile", "query", "-signer", "own.pem", "-inkey", "own.key", "-out", "answer"];
    openssl(&bench, &[&["ts", "-reply", "-config", "tsa.cnf", "-section", "ts"], &answer[..]].concat());
    sign(&bench, &["--timestamp", "answer", ROOT[0], ROOT[1]]).ok();
    let kept = timestamp(&bench, "demo");
    openssl(&bench, &["ts", "-verify", "-in", &kept, "-data", "raw", "-CAfile", "root.pem"]);
    bench.write(
        "keys/release.json",
        r#"{"schema_version":2,"not_before":"2020-01-01T00:00:00Z","not_after":"2099-01-01T00:00:00Z"}"#,
    );
    let verdict = json(verify(&bench, &[ROOT[0], ROOT[1], "--json"]).ok());
    assert_eq!(verdict["explanation"]["timestamps"][0]["timestamp_authority"], "CN=own");
    // What an authority has signed is no secret, however much its algorithm looks like a key's.
    bench.run(&["plugin", "package", "demo", "--out", "demo.tar"]).ok();
    sign(&bench, &[]).ok();
}
