//! `registries.toml`, as an operator writes it: which settings hold for which registry, what stands in their place, and what
//! is refused.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;

use aisoc_testkit::registry::{Act, Login, Registry, Rule};
use aisoc_testkit::tls::{self, Asks};
use serde_json::{Value, json};
use support::{Bench, Run};

const FILE: &str = ".aisoc/registries.toml";

/// A bench with that file, and the certificates of `testdata/tls` beside it.
fn bench(text: &str) -> Bench {
    let bench = Bench::new();
    bench.write(FILE, text);
    for name in ["self", "issued", "leaf"] {
        let path = bench.write(&format!(".aisoc/{name}.pem"), fs::read(tls::certificate(name)).expect("read"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
    }
    bench
}

fn tags(bench: &Bench, host: &str, options: &[&str]) -> Run {
    bench.run(&[&["registry", "tags", &format!("{host}/team/demo")], options].concat())
}

/// A registry that holds `team/demo:1`.
fn stocked() -> Registry {
    let (bench, registry) = (Bench::new(), Registry::start());
    bench.published();
    bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]).ok();
    registry.forget();
    registry
}

fn table(host: &str, lines: &str) -> String {
    format!("[registry.\"{host}\"]\n{lines}\n")
}

#[test]
fn a_registry_with_a_certificate_of_its_own_that_asks_for_ours() {
    let registry = stocked();
    let (front, seen) = tls::serve_asking(Asks::Requires, "self", "authority", &registry.host());
    let host = front.to_string();
    let own = "client_certificate = \"issued.pem\"\nclient_key = \"issued.pem\"";
    let known = bench(&table(&host, &format!("ca = \"self.pem\"\n{own}")));
    assert_eq!(tags(&known, &host, &[]).ok().stdout, "1\n");
    assert!(seen.load(Ordering::SeqCst) > 0);
    for (lines, reason) in [
        (own.to_owned(), "registry_tls"),
        ("ca = \"self.pem\"".to_owned(), "registry_tls"),
        (format!("ca = \"self.pem\"\n{}", own.replace("issued", "leaf")), "registry_tls"),
        (format!("ca = \"nowhere.pem\"\n{own}"), "io_not_found"),
        (
            "ca = \"self.pem\"\nclient_certificate = \"issued.pem\"\nclient_key = \"leaf.pem\"".to_owned(),
            "registry_settings_invalid",
        ),
    ] {
        tags(&bench(&table(&host, &lines)), &host, &[]).refused(1, reason);
    }
    // A key that others can read is nobody's proof.
    fs::set_permissions(known.path(".aisoc/issued.pem"), fs::Permissions::from_mode(0o644)).expect("set");
    let open = tags(&known, &host, &[]);
    assert!(open.refused(1, "private_key_exposed").stderr.contains("chmod 600"), "{open:?}");
    assert!(!open.stderr.contains("BEGIN"), "{open:?}");
}

#[test]
fn what_is_said_on_the_command_line_stands_in_place_of_the_file_and_that_is_told() {
    let registry = stocked();
    let (plain, over_tls) = (registry.host(), tls::serve("self", &registry.host()).to_string());
    let file = table(&plain, "plain_http = false") + &table(&over_tls, "ca = \"leaf.pem\"");
    let bench = bench(&file);
    tags(&bench, &plain, &[]).refused(1, "registry_tls");
    let said = tags(&bench, &plain, &["--plain-http"]);
    assert!(
        said.ok().stderr.contains("setting_overridden") && said.stderr.contains("~/.aisoc/registries.toml"),
        "{said:?}"
    );
    assert!(!tags(&bench, &plain, &["--plain-http=false"]).stderr.contains("setting_overridden"));
    tags(&bench, &over_tls, &[]).refused(1, "registry_tls");
    let said = tags(&bench, &over_tls, &["--ca-file", ".aisoc/self.pem"]);
    assert!(said.ok().stderr.contains("setting_overridden"), "{said:?}");
    // The authority of the file does not count beside another one.
    let beside = tags(&bench, &over_tls, &["--ca-file", ".aisoc/issued.pem"]);
    beside.refused(1, "registry_tls");
}

#[test]
fn a_directory_of_certificates_as_docker_has_it_is_read_where_it_is_named() {
    let registry = stocked();
    let (front, _) = tls::serve_asking(Asks::Requires, "self", "authority", &registry.host());
    let host = front.to_string();
    let bench = bench("certs_d = \"certs.d\"\n");
    let copy = |from: &str, to: &str| {
        let path = bench.write(&format!(".aisoc/certs.d/{host}/{to}"), fs::read(tls::certificate(from)).expect("read"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
    };
    tags(&bench, &host, &["--plain-http=false"]).refused(1, "io_not_found");
    for (from, to) in [("self", "ca.crt"), ("issued", "client.cert"), ("issued", "client.key")] {
        copy(from, to);
    }
    assert_eq!(tags(&bench, &host, &[]).ok().stdout, "1\n");
    let explained = bench.run(&["registry", "auth", "explain", &host, "--json"]);
    let document: Value = serde_json::from_str(&explained.ok().stdout).expect("JSON");
    let settings = &document["settings"];
    assert!(settings["certificates_directory"].as_str().is_some_and(|path| path.ends_with(&host)), "{settings}");
    assert_eq!(settings["authorities"].as_array().map(Vec::len), Some(1), "{settings}");
    let directory = bench.path(&format!(".aisoc/certs.d/{host}"));
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("set");
    tags(&bench, &host, &[]).refused(1, "directory_insecure");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("set");
    fs::remove_file(directory.join("client.key")).expect("removed");
    tags(&bench, &host, &[]).refused(1, "registry_settings_invalid");
}

#[test]
fn what_holds_for_a_registry_is_explained_and_no_key_is_shown() {
    let text = table(
        "registry.example",
        "ca = \"self.pem\"\nclient_certificate = \"issued.pem\"\nclient_key = \"issued.pem\"\ncredentials = \"none\"",
    );
    let bench = bench(&text);
    let run = bench.run(&["registry", "auth", "explain", "registry.example"]);
    let line = run.ok().stdout.lines().find(|line| line.starts_with("settings")).expect("a line");
    for part in ["~/.aisoc/registries.toml", "ca = ", "client_key = ", "credentials = \"none\""] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!run.stdout.contains("BEGIN") && !run.stderr.contains("BEGIN"), "{run:?}");
    let other: Value =
        serde_json::from_str(&bench.run(&["registry", "auth", "explain", "ghcr.io", "--json"]).ok().stdout)
            .expect("JSON");
    assert_eq!(other["settings"], json!(null));
}

#[test]
fn an_install_comes_from_the_mirrors_and_is_recorded_as_the_registrys() {
    let (bench, registry, mirror, liar) = (Bench::new(), Registry::start(), Registry::start(), Registry::start());
    bench.published();
    for place in
        [registry.reference("team/demo:1"), mirror.reference("cache/team/demo:1"), liar.reference("team/demo:1")]
    {
        bench.run(&["plugin", "push", "demo.tar", &place]).ok();
    }
    liar.set_rules(vec![Rule::on("/blobs/", Act::OtherBytes)]);
    let (host, first, second) = (registry.host(), liar.host(), format!("{}/cache", mirror.host()));
    bench.write(FILE, table(&host, &format!("mirrors = [\"{first}\", \"{second}\"]")));
    let explained: Value =
        serde_json::from_str(&bench.run(&["registry", "auth", "explain", &host, "--json"]).ok().stdout).expect("JSON");
    let written = json!([{"registry": first, "resolve": false}, {"registry": second, "resolve": false}]);
    assert_eq!(explained["settings"]["mirrors"], written);
    assert_eq!(explained["settings"]["mirrors_only"], false);
    for place in [&registry, &mirror, &liar] {
        place.forget();
    }
    let reference = registry.reference("team/demo:1");
    let install = ["plugin", "install", &reference, "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let run = bench.run(&install);
    assert!(run.ok().stderr.contains(&format!("warning[mirror_passed_over]: `{first}` is passed over")), "{run:?}");
    assert_eq!(run.stderr.matches("mirror_passed_over").count(), 1, "{run:?}");
    assert!(run.stderr.contains(&format!("`aisoc registry auth explain {host}`")), "as it is typed: {run:?}");
    assert!(run.stderr.contains(&format!("Mirrored `{host}` by `{second}`")), "{run:?}");
    assert!(run.stdout.starts_with(&format!("{host}/team/demo@sha256:")), "{run:?}");
    assert_eq!(registry.requests().len(), 1, "{:?}", registry.requests());
    assert!(mirror.requests().iter().any(|seen| seen.path.starts_with("/v2/cache/team/demo/blobs/")));
    let listed = bench.run(&["plugin", "list", "--plugins-dir", "plugins", "--trusted-keys", "keys", "--json"]);
    let listed: Value = serde_json::from_str(&listed.ok().stdout).expect("JSON");
    assert_eq!(listed["plugins"][0]["reference"], json!(reference), "{listed}");
    // Installed already: one question, of one place.
    for place in [&registry, &mirror, &liar] {
        place.forget();
    }
    bench.run(&install).ok();
    let asked = registry.requests().len() + mirror.requests().len() + liar.requests().len();
    assert_eq!((registry.requests().len(), asked), (1, 1), "{:?}", registry.requests());
    // A release goes to the registry alone.
    registry.forget();
    bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:2")]).ok();
    assert!(registry.requests().len() > 1 && mirror.requests().is_empty() && liar.requests().is_empty());
}

#[test]
fn a_login_that_is_kept_is_asked_with_whatever_is_written_of_logins() {
    use std::io::Write as _;
    let registry = Registry::start().login(Login::Basic("me", "hunter2"));
    let host = registry.host();
    let bench = bench(&table(&host, "credentials = \"none\""));
    let mut command = bench.command(&["registry", "login", &host, "-u", "me", "--password-stdin", "--json"]);
    let mut child =
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().expect("run");
    child.stdin.take().expect("a pipe").write_all(b"hunter2").expect("written");
    let output = child.wait_with_output().expect("ended");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["verified"], true, "{document}");
    bench.run(&["registry", "whoami", &host]).refused(1, "registry_denied");
}

#[test]
fn a_file_that_cannot_be_understood_stops_whoever_asks_a_registry() {
    let registry = stocked();
    for (text, place, reason) in [
        ("[registry.\"r.example\"]\ninsecure = true\n", ":2:1", "registry_settings_invalid"),
        ("\u{feff}x", ":1:", "registry_settings_invalid"),
    ] {
        let run = tags(&bench(text), &registry.host(), &[]);
        assert!(run.refused(1, reason).stderr.contains(&format!("~/.aisoc/registries.toml{place}")), "{run:?}");
    }
    let large = |length: usize| bench(&format!("#{}", "x".repeat(length - 1)));
    for (length, is_taken) in [((1 << 20) - 1, true), (1 << 20, true), ((1 << 20) + 1, false)] {
        assert_eq!(tags(&large(length), &registry.host(), &[]).code == 0, is_taken, "{length}");
    }
    let not_text = Bench::new();
    not_text.write(FILE, b"# \xff\n");
    tags(&not_text, &registry.host(), &[]).refused(1, "registry_settings_invalid");
    let open = bench("");
    fs::set_permissions(open.path(FILE), fs::Permissions::from_mode(0o666)).expect("set");
    tags(&open, &registry.host(), &[]).refused(1, "directory_insecure");
    assert_eq!(open.run(&["version"]).code, 0, "who asks no registry needs no settings of one");
}
