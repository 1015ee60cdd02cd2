//! Logins as CI jobs, Docker, podman and credential helpers leave them: the real binary, its variables and its
//! files.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aisoc_testkit::registry::{Login, Registry};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::{Bench, Run};

/// A bench with an artifact, and a registry that takes `me` with `hunter2` and nobody else.
fn guarded() -> (Bench, Registry) {
    let bench = Bench::new();
    bench.published();
    (bench, Registry::start().login(Login::Basic("me", "hunter2")))
}

fn push(bench: &Bench, registry: &Registry, variables: &[(&str, &str)]) -> Run {
    bench.run_with(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")], variables)
}

fn entry(key: &str, user: &str, password: &str) -> String {
    format!(r#"{{"auths":{{"{key}":{{"auth":"{}"}}}}}}"#, STANDARD.encode(format!("{user}:{password}")))
}

/// The `PATH` of this process behind a directory with that helper in it.
fn with_helper(bench: &Bench, name: &str, script: &str) -> String {
    let path = bench.write(&format!("bin/docker-credential-{name}"), format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").expect("a path"))
}

#[test]
fn a_job_hands_a_login_over_in_every_place_that_tools_read() {
    let (bench, registry) = guarded();
    let host = registry.host();
    let good = entry(&host, "me", "hunter2");
    let file = bench.write("given/config.json", &good);
    let directory = file.parent().expect("a parent").display().to_string();
    let file = file.display().to_string();
    bench.write("runtime/containers/auth.json", entry(&format!("{host}/team"), "me", "hunter2"));
    bench.write("lasting/containers/auth.json", &good);
    let [runtime, lasting] = ["runtime", "lasting"].map(|name| bench.path(name).display().to_string());
    for variables in [
        [("DOCKER_AUTH_CONFIG", good.as_str())],
        [("REGISTRY_AUTH_FILE", &file)],
        [("DOCKER_CONFIG", &directory)],
        [("XDG_RUNTIME_DIR", &runtime)],
        [("XDG_CONFIG_HOME", &lasting)],
    ] {
        push(&bench, &registry, &variables).ok();
        // What is there before a first login stands in nobody's way.
        for content in ["", " \n", "{}", "null"] {
            bench.write(".docker/config.json", content);
            push(&bench, &registry, &variables).ok();
        }
        fs::remove_file(bench.path(".docker/config.json")).expect("removed");
    }
    bench.write(".config/containers/auth.json", &good);
    push(&bench, &registry, &[]).ok();
}

#[test]
fn the_order_of_the_places_is_the_one_that_is_written_down() {
    let (bench, registry) = guarded();
    let host = registry.host();
    let (good, stale) = (entry(&host, "me", "hunter2"), entry(&host, "me", "stale"));
    let stale_file = bench.write("stale.json", &stale).display().to_string();
    let good_file = bench.write("good.json", &good).display().to_string();
    bench.write(".docker/config.json", &stale);
    push(&bench, &registry, &[]).refused(1, "registry_denied");
    push(&bench, &registry, &[("REGISTRY_AUTH_FILE", &good_file)]).ok();
    push(&bench, &registry, &[("DOCKER_AUTH_CONFIG", &good), ("REGISTRY_AUTH_FILE", &stale_file)]).ok();
    let bound = [
        ("AISOC_REGISTRY_HOST", host.as_str()),
        ("AISOC_REGISTRY_USERNAME", "me"),
        ("AISOC_REGISTRY_PASSWORD", "hunter2"),
        ("DOCKER_AUTH_CONFIG", &stale),
    ];
    push(&bench, &registry, &bound).ok();
    bench.write(".docker/config.json", &good);
    push(&bench, &registry, &[("REGISTRY_AUTH_FILE", &stale_file)]).refused(1, "registry_denied");
}

#[test]
fn a_login_that_is_refused_is_named_by_where_it_is_from() {
    let (bench, registry) = guarded();
    let host = registry.host();
    let stale = entry(&host, "me", "hunter3");
    let file = bench.write(".docker/config.json", &stale).display().to_string();
    let bound = [
        ("AISOC_REGISTRY_HOST", host.as_str()),
        ("AISOC_REGISTRY_USERNAME", "me"),
        ("AISOC_REGISTRY_PASSWORD", "hunter3"),
    ];
    for (variables, expected) in [
        (&[][..], format!("they are from `{file}`")),
        (&[("DOCKER_AUTH_CONFIG", stale.as_str())], "set DOCKER_AUTH_CONFIG anew".to_owned()),
        (&bound, "set AISOC_REGISTRY_USERNAME and AISOC_REGISTRY_PASSWORD anew".to_owned()),
    ] {
        let run = push(&bench, &registry, variables);
        assert!(run.refused(1, "registry_denied").stderr.contains(&expected), "{run:?}");
        assert!(!run.stderr.contains("hunter3"), "{run:?}");
    }
}

#[test]
fn a_file_that_is_broken_is_named_and_nothing_of_it_is_shown() {
    let (bench, registry) = guarded();
    let broken = bench.write(".docker/config.json", "hunter2").display().to_string();
    let run = push(&bench, &registry, &[]);
    assert!(run.refused(1, "registry_denied").error_line().contains(&broken), "{run:?}");
    let run = push(&bench, &registry, &[("DOCKER_AUTH_CONFIG", "{hunter2")]);
    assert!(run.refused(1, "registry_denied").error_line().contains("DOCKER_AUTH_CONFIG"), "{run:?}");
    assert!(!run.stderr.contains("hunter2"), "{run:?}");

    // Who only reads may not need a login. The file is told when the registry refuses.
    let words = ["plugin", "verify", &registry.reference("team/demo:1"), "--keys", "keys"];
    let run = bench.run(&words);
    assert!(run.refused(1, "registry_denied").stderr.contains(&broken), "{run:?}");
    let good = entry(&registry.host(), "me", "hunter2");
    bench.write("runtime/containers/auth.json", good);
    let runtime = bench.path("runtime").display().to_string();
    bench.run_with(&words, &[("XDG_RUNTIME_DIR", &runtime)]).refused(1, "reference_not_found");
    push(&bench, &registry, &[("XDG_RUNTIME_DIR", &runtime)]).refused(1, "registry_denied");
}

#[test]
fn the_line_break_of_echo_is_not_part_of_a_login() {
    let (bench, registry) = guarded();
    let host = registry.host();
    let bound = |password: &str| {
        let [host, user] = [format!("{host}\n"), "me\r\n".to_owned()];
        push(
            &bench,
            &registry,
            &[
                ("AISOC_REGISTRY_HOST", &host),
                ("AISOC_REGISTRY_USERNAME", &user),
                ("AISOC_REGISTRY_PASSWORD", password),
            ],
        )
    };
    for password in ["hunter2", "hunter2\n", "hunter2\r\n"] {
        bound(password).ok();
    }
    for password in ["hunter2\n\n", "hun\tter2", "\nhunter2", "hunter2\u{1b}"] {
        let run = bound(password);
        assert!(run.refused(2, "usage").error_line().contains("AISOC_REGISTRY_PASSWORD"), "{run:?}");
        assert!(!run.stderr.contains("hun"), "{run:?}");
    }
    bound("\n").refused(2, "usage");
    push(&bench, &registry, &[("DOCKER_AUTH_CONFIG", &entry(&host, "me", "hunter2\n"))]).ok();
}

#[test]
fn a_helper_is_asked_for_its_registry_alone_and_found_on_the_path() {
    let (bench, registry) = guarded();
    let host = registry.host();
    let script = r#"echo "$1" "$(cat)" >> "$HOME/asked"; echo '{"Username":"me","Secret":"hunter2"}'"#;
    let path = with_helper(&bench, "test", script);
    for config in [
        format!(r#"{{"credHelpers":{{"{host}":"test"}}}}"#),
        r#"{"credsStore":"test"}"#.to_owned(),
        format!(r#"{{"auths":{{"{host}":{{}}}},"credsStore":"test"}}"#),
    ] {
        push(&bench, &registry, &[("PATH", &path), ("DOCKER_AUTH_CONFIG", &config)]).ok();
        let asked = fs::read_to_string(bench.path("asked")).expect("asked");
        assert_eq!(asked, format!("get {host}\n"), "{config}");
        fs::remove_file(bench.path("asked")).expect("removed");
    }
    let run = push(&bench, &registry, &[("DOCKER_AUTH_CONFIG", r#"{"credsStore":"test"}"#)]);
    assert!(run.refused(1, "registry_denied").error_line().contains("`docker-credential-test` is not on the PATH"));
    assert!(run.stderr.contains("\nhint: install `docker-credential-test`, or set "), "{run:?}");
    let elsewhere = r#"{"credHelpers":{"ghcr.io":"test"}}"#;
    let run = push(&bench, &registry, &[("PATH", &path), ("DOCKER_AUTH_CONFIG", elsewhere)]);
    assert!(run.refused(1, "registry_denied").stderr.contains("no credentials"), "{run:?}");
    assert!(!bench.path("asked").exists());
}

#[test]
fn a_helper_that_fails_is_named_and_one_that_has_nothing_is_not() {
    let (bench, registry) = guarded();
    let config = r#"{"credsStore":"test"}"#;
    let path = with_helper(&bench, "test", "echo hunter2; echo hunter2 >&2; exit 3");
    let run = push(&bench, &registry, &[("PATH", &path), ("DOCKER_AUTH_CONFIG", config)]);
    assert!(
        run.refused(1, "registry_denied").error_line().contains("`docker-credential-test` failed with exit code 3")
    );
    assert!(!run.stderr.contains("hunter2"), "{run:?}");
    let path = with_helper(&bench, "test", "echo credentials not found in native keychain; exit 1");
    bench.write(".docker/config.json", entry(&registry.host(), "me", "hunter2"));
    push(&bench, &registry, &[("PATH", &path), ("DOCKER_AUTH_CONFIG", config)]).ok();
}

fn wait_for(path: &Path) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => assert!(Instant::now() < deadline, "{} never came", path.display()),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_helper_that_hangs_ends_with_the_command() {
    let (bench, registry) = guarded();
    let path = with_helper(&bench, "test", "echo $$ > \"$HOME/began\"; sleep 60");
    let mut command = bench.command(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]);
    command.env("PATH", path).env("DOCKER_AUTH_CONFIG", r#"{"credsStore":"test"}"#);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let helper = wait_for(&bench.path("began"));
    let began = Instant::now();
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(!Path::new("/proc").join(&helper).exists(), "the helper {helper} still runs");
}
