//! A registry that misbehaves: what an operator sees, and that nothing was written.

mod support;

use std::time::{Duration, Instant};

use aisoc_testkit::registry::{Act, Login, Registry, Rule};
use support::Bench;

/// A registry that holds the bench's plugin as `team/demo:1`.
fn published(bench: &Bench) -> Registry {
    let registry = Registry::start();
    bench.published();
    bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]).ok();
    registry
}

#[test]
fn each_misbehaviour_has_one_exit_code_and_writes_nothing() {
    let bench = Bench::new();
    let registry = published(&bench);
    let reference = registry.reference("team/demo:1");
    let cases = [
        (Rule::on("/manifests/", Act::Status(401)), 1, "registry_denied"),
        (Rule::on("/manifests/", Act::Status(403)), 1, "registry_denied"),
        (Rule::on("/manifests/", Act::Status(404)), 1, "reference_not_found"),
        (Rule::on("/manifests/", Act::Html), 4, "registry_protocol"),
        (Rule::on("/blobs/", Act::Html), 4, "registry_protocol"),
        (Rule::on("/blobs/", Act::OtherBytes), 3, "pull_failed"),
        (Rule::on("/blobs/", Act::Status(404)), 1, "reference_not_found"),
    ];
    for (rule, code, reason) in cases {
        let shown = format!("{rule:?}");
        registry.set_rules(vec![rule]);
        let run = bench.install(&reference);
        assert_eq!((run.code, run.error_line().contains(&format!("[{reason}]"))), (code, true), "{shown}: {run:?}");
        assert!(!bench.path("plugins").exists(), "{shown} left something behind");
    }
    // Twice the same: a tampered manifest is found by the digest that was asked for.
    registry.set_rules(Vec::new());
    let pinned = bench.install(&reference).ok().stdout.trim().to_owned();
    let before = bench.snapshot("plugins");
    registry.set_rules(vec![Rule::on("/manifests/", Act::OtherBytes)]);
    bench.install(&pinned).refused(3, "pull_failed");
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn the_same_digest_again_is_one_request() {
    let bench = Bench::new();
    let registry = published(&bench);
    let reference = registry.reference("team/demo:1");
    registry.forget();
    bench.install(&reference).ok();
    assert_eq!(registry.requests().len(), 2, "a manifest and a layer: {:?}", registry.requests());
    let before = bench.snapshot("plugins");
    registry.forget();
    assert!(bench.install(&reference).ok().stderr.contains("Up to date"));
    assert_eq!(registry.requests().len(), 1, "{:?}", registry.requests());
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn a_second_push_sends_nothing() {
    let bench = Bench::new();
    let registry = published(&bench);
    registry.forget();
    bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]).ok();
    let sent: Vec<_> =
        registry.requests().into_iter().filter(|seen| !matches!(&*seen.method, "GET" | "HEAD")).collect();
    assert!(sent.is_empty(), "{sent:?}");
}

#[test]
fn an_interrupted_install_leaves_nothing() {
    let bench = Bench::new();
    let registry = published(&bench);
    registry.set_rules(vec![Rule::on("/blobs/", Act::StallAfter(100))]);
    let reference = registry.reference("team/demo:1");
    let words = ["plugin", "install", &reference, "--keys", "keys", "--plugins-dir", "plugins"];
    let child = bench.command(&words).stderr(std::process::Stdio::piped()).spawn().expect("started");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !bench.path("plugins").exists() {
        assert!(Instant::now() < deadline, "the install never began to stage");
        std::thread::sleep(Duration::from_millis(10));
    }
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[interrupted]"), "{output:?}");
    assert!(!bench.path("plugins").exists());
}

#[test]
fn a_password_for_the_destination_is_not_shown_to_the_source() {
    let bench = Bench::new();
    bench.published();
    let (source, destination) = (Registry::start().login(Login::Basic("me", "secret")), Registry::start());
    let (from, to) = (source.reference("team/demo:1"), destination.reference("team/demo:1"));
    let variables = [("AISOC_REGISTRY_USERNAME", "me"), ("AISOC_REGISTRY_PASSWORD", "secret")];
    bench.run_with(&["plugin", "push", "demo.tar", &from], &variables).ok();
    source.forget();
    bench.run_with(&["plugin", "push", &from, &to], &variables).refused(1, "registry_denied");
    assert!(!source.requests().is_empty());
    assert!(source.requests().iter().all(|seen| seen.authorization.is_none()), "{:?}", source.requests());
}
