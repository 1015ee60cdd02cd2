//! `aisoc registry login`, `logout`, `whoami` and `auth explain`: the real binary, registries that ask for logins in each
//! way, and the file that every tool keeps its own logins in.

mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use aisoc_testkit::registry::{Login, Registry, TokenService};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::{Bench, Run};

const CONFIG: &str = ".docker/config.json";

fn login_with(bench: &Bench, words: &[&str], password: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = bench.command(&[&["registry", "login"], words, &["--password-stdin"]].concat());
    command.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    // Whoever refuses earlier does not read it.
    let _ = child.stdin.take().expect("a pipe").write_all(password.as_bytes());
    let output = child.wait_with_output().expect("ended");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let run =
        Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!format!("{run:?}").contains("hunter"), "{run:?}");
    run
}

fn login(bench: &Bench, host: &str, user: &str, password: &str) -> Run {
    login_with(bench, &[host, "-u", user], password, &[])
}

fn config(bench: &Bench) -> String {
    fs::read_to_string(bench.path(CONFIG)).expect("a file")
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

fn basic() -> Registry {
    Registry::start().login(Login::Basic("me", "hunter2"))
}

#[test]
fn a_login_is_kept_used_named_and_forgotten() {
    let (bench, registry) = (Bench::new(), basic());
    bench.published();
    let (host, reference) = (registry.host(), registry.reference("team/demo:1"));
    bench.run(&["registry", "whoami", &host]).refused(1, "registry_denied");
    bench.run(&["plugin", "push", "demo.tar", &reference]).refused(1, "registry_denied");
    login(&bench, &host, "me", "hunter2\n").ok();
    let kept: Value = serde_json::from_str(&config(&bench)).expect("JSON");
    assert_eq!(kept["auths"][&host]["auth"], STANDARD.encode("me:hunter2"));
    let mode = |path: &str| fs::metadata(bench.path(path)).expect("there").permissions().mode() & 0o7777;
    assert_eq!((mode(CONFIG), mode(".docker")), (0o600, 0o700));
    bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
    assert_eq!(bench.run(&["registry", "whoami", &host]).ok().stdout, "me\n");
    let explained = json(&bench.run(&["registry", "auth", "explain", &reference, "--json"]));
    assert_eq!(explained["login"]["username"], "me");
    assert_eq!(explained["login"]["part"]["name"], host);
    bench.run(&["registry", "logout", &host]).ok();
    assert_eq!(config(&bench), "{\n\t\"auths\": {}\n}\n");
    let again = bench.run(&["registry", "logout", &host]);
    assert!(again.ok().stderr.contains("no login for"), "{again:?}");
    bench.run(&["registry", "whoami", &host, "--offline"]).refused(1, "registry_denied");
}

#[test]
fn what_the_registry_does_not_take_is_not_kept() {
    let bearer = |service| Registry::start().login(Login::Bearer(service));
    let user = Some(("me", "hunter2"));
    for registry in [
        basic(),
        bearer(TokenService { user, ..TokenService::default() }),
        // A token that reads is for everybody here, and makes no password good.
        bearer(TokenService { user, anonymous_pull: true, ..TokenService::default() }),
    ] {
        let bench = Bench::new();
        let host = registry.host();
        for (name, password) in [("me", "hunter3"), ("other", "hunter2")] {
            let run = login(&bench, &host, name, password);
            assert!(run.refused(1, "registry_denied").error_line().contains("nothing was written"), "{run:?}");
            assert!(!bench.path(".docker").exists());
        }
        let run = login_with(&bench, &[&host, "-u", "me", "--json"], "hunter2", &[]);
        assert_eq!(json(run.ok())["verified"], true);
        // What has become stale is said by whoever asks, and by nobody who does not.
        let stale = config(&bench).replace(&STANDARD.encode("me:hunter2"), &STANDARD.encode("me:hunter3"));
        bench.write(CONFIG, stale);
        bench.run(&["registry", "whoami", &host]).refused(1, "registry_denied");
        assert_eq!(bench.run(&["registry", "whoami", &host, "--offline"]).ok().stdout, "me\n");
    }
}

#[test]
fn a_registry_that_asks_for_no_login_proves_nothing() {
    let (bench, registry) = (Bench::new(), Registry::start());
    let run = login_with(&bench, &[&registry.host(), "-u", "me", "--json"], "hunter2", &[]);
    assert_eq!(json(run.ok())["verified"], false);
    assert!(run.stderr.contains("login_unverified"), "{run:?}");
    assert!(
        registry.requests().iter().all(|seen| seen.authorization.is_none()),
        "nothing was sent that was not asked for"
    );
    let gone = Bench::new();
    let run = login(&gone, "127.0.0.1:1", "me", "hunter2");
    run.refused(4, "registry_unavailable");
    assert!(!gone.path(".docker").exists());
}

#[test]
fn everything_else_in_the_file_stays() {
    let (bench, registry) = (Bench::new(), basic());
    let own = r#"{"psFormat":"{{.ID}}","auths":{"quay.io":{"auth":"eDp5","email":"a@b"}},"big":1.0000000000000000001,"credHelpers":{"gcr.io":"gcloud"}}"#;
    bench.write(CONFIG, own);
    fs::set_permissions(bench.path(CONFIG), fs::Permissions::from_mode(0o644)).expect("set");
    login(&bench, &registry.host(), "me", "hunter2").ok();
    let kept = config(&bench);
    for piece in
        [r#""quay.io": {"auth":"eDp5","email":"a@b"}"#, r#""big": 1.0000000000000000001"#, r#""psFormat": "{{.ID}}""#]
    {
        assert!(kept.contains(piece), "{piece}: {kept}");
    }
    let mode = fs::metadata(bench.path(CONFIG)).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600, "there is a password in it now");
    bench.run(&["registry", "logout", &registry.host()]).ok();
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(value(&config(&bench)), value(own));
    let left: Vec<_> = fs::read_dir(bench.path(".docker")).expect("listed").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_file_that_is_not_this_users_own_is_refused_before_the_password_is_sent() {
    let registry = basic();
    let host = registry.host();
    let refused = |prepare: &dyn Fn(&Bench), reason: &str| {
        let bench = Bench::new();
        bench.write(CONFIG, "{}");
        prepare(&bench);
        registry.forget();
        login(&bench, &host, "me", "hunter2").refused(1, reason);
        assert!(registry.requests().is_empty(), "{:?}", registry.requests());
    };
    let path = |bench: &Bench| bench.path(CONFIG);
    refused(
        &|bench| {
            fs::rename(path(bench), bench.path("elsewhere.json")).expect("moved");
            symlink(bench.path("elsewhere.json"), path(bench)).expect("linked");
        },
        "directory_insecure",
    );
    refused(&|bench| fs::hard_link(path(bench), bench.path("second.json")).expect("linked"), "directory_insecure");
    let open = |mode: u32, name: &'static str| {
        move |bench: &Bench| fs::set_permissions(bench.path(name), fs::Permissions::from_mode(mode)).expect("set")
    };
    refused(&open(0o666, CONFIG), "directory_insecure");
    refused(&open(0o777, ".docker"), "directory_insecure");
    if rustix::process::geteuid().is_root() {
        refused(
            &|bench| std::os::unix::fs::chown(path(bench), Some(1000), None).expect("given away"),
            "directory_insecure",
        );
    }
    for content in ["hunter2", "[]", r#"{"auths":[]}"#, r#"{"auths":{},"auths":{}}"#] {
        refused(&|bench| drop(bench.write(CONFIG, content)), "registry_denied");
    }
}

#[test]
fn what_is_no_login_is_refused() {
    let (bench, registry) = (Bench::new(), basic());
    let host = registry.host();
    for (user, password) in [
        ("", "hunter2"),
        ("a:b", "hunter2"),
        ("a\nb", "hunter2"),
        ("me", ""),
        ("me", "\n"),
        ("me", "hunter2\nx"),
        ("me", &"h".repeat((64 << 10) + 1)),
    ] {
        login(&bench, &host, user, password).refused(2, "usage");
    }
    let longest = "h".repeat(64 << 10);
    login(&bench, &Registry::start().host(), "me", &longest).ok();
    bench.run(&["registry", "login", &host, "-u", "me"]).refused(2, "usage");
    bench.run(&["registry", "login", "ghcr.io/team", "-u", "me", "--password-stdin"]).refused(2, "invalid_ref");
    assert!(registry.requests().is_empty());
}

#[test]
fn a_helper_keeps_and_forgets_what_it_is_told() {
    let (bench, registry) = (Bench::new(), basic());
    let host = registry.host();
    let script = "#!/bin/sh\nset -e\ncd \"$HOME\"\necho \"$1\" >> asked\ncase \"$1\" in\n\
        store) cat > kept;;\n\
        get) test -e kept || { echo credentials not found in native keychain; exit 1; }; cat kept;;\n\
        erase) cat > /dev/null; rm kept;;\nesac\n";
    let helper = bench.write("bin/docker-credential-test", script);
    fs::set_permissions(helper, fs::Permissions::from_mode(0o755)).expect("mode");
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").expect("a path"));
    let variables = [("PATH", path.as_str())];
    // The entry of a login before there was a helper goes: it would be left in clear.
    bench.write(CONFIG, format!(r#"{{"auths":{{"{host}":{{"auth":"eDp5"}}}},"credsStore":"test"}}"#));
    let run = login_with(&bench, &[&host, "-u", "me", "--json"], "hunter2", &variables);
    assert_eq!(json(run.ok())["kept_by"]["name"], "docker-credential-test");
    assert!(!config(&bench).contains("auth\""), "{}", config(&bench));
    let kept: Value = serde_json::from_str(&fs::read_to_string(bench.path("kept")).expect("kept")).expect("JSON");
    assert_eq!((&kept["ServerURL"], &kept["Secret"]), (&host.as_str().into(), &"hunter2".into()));
    assert_eq!(bench.run_with(&["registry", "whoami", &host], &variables).ok().stdout, "me\n");
    bench.run_with(&["registry", "logout", &host], &variables).ok();
    assert!(!bench.path("kept").exists());
    let again = bench.run_with(&["registry", "logout", &host], &variables);
    assert!(again.ok().stderr.contains("no login for"), "{again:?}");
}

#[test]
fn a_login_that_another_one_comes_before_is_warned_of() {
    let (bench, registry) = (Bench::new(), basic());
    let host = registry.host();
    let variables = [
        ("AISOC_REGISTRY_HOST", host.as_str()),
        ("AISOC_REGISTRY_USERNAME", "me"),
        ("AISOC_REGISTRY_PASSWORD", "hunter2"),
    ];
    let run = login_with(&bench, &[&host, "-u", "me"], "hunter2", &variables);
    assert!(run.ok().stderr.contains("warning[login_shadowed]"), "{run:?}");
    let run = bench.run_with(&["registry", "logout", &host], &variables);
    assert!(run.ok().stderr.contains("warning[login_shadowed]"), "{run:?}");
    assert!(!login(&bench, &host, "me", "hunter2").ok().stderr.contains("warning"));
}
