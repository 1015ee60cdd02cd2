//! `aisoc token` and a host that asks for tokens: who may ask for what, and what nobody learns.

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use support::Bench;
use support::host::{self, PATIENCE, ServedHost, command};

/// A bench with a plugin that is refused, which takes no Python.
fn bench() -> Bench {
    let bench = host::bench();
    bench.run(&["plugin", "new", "bare", "--type", "connector"]).ok();
    fs::rename(bench.path("bare"), bench.path("plugins/bare")).expect("moved");
    bench
}

fn token(bench: &Bench, name: &str, words: &[&str]) -> String {
    let fixed = ["token", "create", name, "--tokens", "tokens.json"];
    bench.run(&[&fixed[..], words].concat()).ok().stdout.trim().to_owned()
}

/// A host in production, whose tokens are in `tokens.json`.
fn serve(bench: &Bench) -> ServedHost {
    let mut command = command(bench, &["--tokens", "tokens.json"]);
    ServedHost::ready(command.env("ENVIRONMENT", "production"))
}

fn shows(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// Every route of the API that is about plugins, and what it asks for.
const ROUTES: [(&str, &str, &str); 15] = [
    ("GET", "/metrics", "plugins:read"),
    ("GET", "/api/v1/audit", "plugins:admin"),
    ("GET", "/api/v1/hooks", "plugins:read"),
    ("POST", "/api/v1/hooks/capability_check", "hooks:fire"),
    ("GET", "/api/v1/plugins", "plugins:read"),
    ("GET", "/api/v1/plugins/bare", "plugins:read"),
    ("POST", "/api/v1/plugins/discover", "plugins:admin"),
    ("POST", "/api/v1/plugins/bare/enable", "plugins:admin"),
    ("POST", "/api/v1/plugins/bare/disable", "plugins:admin"),
    ("POST", "/api/v1/plugins/bare/reload", "plugins:admin"),
    ("POST", "/api/v1/plugins/install_from_oci", "plugins:admin"),
    ("POST", "/api/v1/plugins/install/oci", "plugins:admin"),
    ("POST", "/api/v1/plugins/bare/rollback", "plugins:admin"),
    ("POST", "/api/v1/plugins/bare/run", "plugins:execute"),
    ("DELETE", "/api/v1/plugins/bare", "plugins:admin"),
];

#[test]
fn a_token_opens_what_it_holds_and_no_other_route() {
    let bench = bench();
    let plugins = ["plugins:read", "plugins:execute", "plugins:admin"];
    let all = [&plugins[..], &["hooks:fire"]].concat();
    let scoped: Vec<(&str, Vec<&str>, Vec<&str>)> = vec![
        ("read", vec!["--scope", "plugins:read"], vec!["plugins:read"]),
        ("execute", vec!["--scope", "plugins:execute"], vec!["plugins:execute"]),
        ("change", vec!["--scope", "plugins:admin"], vec!["plugins:admin"]),
        ("two", vec!["--scope", "plugins:execute", "--scope", "plugins:read"], vec!["plugins:read", "plugins:execute"]),
        ("fire", vec!["--scope", "hooks:fire"], vec!["hooks:fire"]),
        ("plugins", vec!["--scope", "plugins:*"], plugins.to_vec()),
        ("everything", vec!["--scope", "*"], all.clone()),
        ("admin", vec!["--role", "admin"], all.clone()),
        ("platform", vec!["--role", "platform_admin"], all.clone()),
        ("tenant", vec!["--role", "tenant_admin"], vec![]),
        ("viewer", vec!["--role", "viewer"], vec![]),
        ("service", vec!["--role", "api_service"], vec![]),
    ];
    let principals: Vec<(String, bool, Vec<&str>)> = scoped
        .into_iter()
        .map(|(name, words, holds)| (token(&bench, name, &words), words[0] == "--role", holds))
        .collect();
    let host = serve(&bench);
    for (token, is_role, holds) in &principals {
        for (method, path, needed) in ROUTES {
            let answered = host.send(method, path, &shows(token), "");
            if holds.contains(&needed) {
                assert!(![401, 403].contains(&answered.status), "{method} {path} with {holds:?}: {answered:?}");
                continue;
            }
            let detail = match is_role {
                true => format!("Permission denied: {needed}"),
                false => format!("API key missing scope: {needed}"),
            };
            answered.refused(403, "permission_missing", &detail);
        }
    }
    for (method, path, _) in ROUTES {
        host.send(method, path, "", "").refused(401, "not_authenticated", "Not authenticated");
        // Whether there is such a plugin is nobody's business.
        host.send(method, &path.replace("bare", "absent"), "", "").refused(
            401,
            "not_authenticated",
            "Not authenticated",
        );
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(host.get(path).status, 200, "{path}");
    }
    for (method, path) in [
        ("PUT", "/api/v1/plugins"),
        ("PATCH", "/api/v1/plugins/bare"),
        ("GET", "/api/v1/plugins/bare/run"),
        ("GET", "//api/v1/plugins"),
        ("GET", "/api/v1/plugins/"),
        ("GET", "/API/v1/plugins"),
    ] {
        for head in ["", &shows(&principals[0].0), "X-HTTP-Method-Override: GET\r\n", "X-Original-URL: /healthz\r\n"] {
            let answered = host.send(method, path, head, "");
            assert!([404, 405].contains(&answered.status), "{method} {path} {head}: {answered:?}");
        }
    }
}

#[test]
fn what_is_no_token_that_counts_opens_nothing() {
    let bench = bench();
    let good = token(&bench, "good", &["--role", "admin"]);
    let revoked = token(&bench, "revoked", &["--role", "admin"]);
    bench.run(&["token", "revoke", "revoked", "--tokens", "tokens.json"]).ok();
    let short = token(&bench, "short", &["--role", "admin", "--expires", "1s"]);
    let host = serve(&bench);
    thread::sleep(Duration::from_millis(1100));
    let ask = |head: &str| host.send("GET", "/api/v1/plugins", head, "");
    assert_eq!(ask(&shows(&good)).status, 200);
    assert_eq!(ask(&shows(&good).replace("Bearer", "bEARER")).status, 200);
    ask(&shows(&revoked)).refused(401, "not_authenticated", "Invalid or revoked API key");
    ask(&shows(&short)).refused(401, "not_authenticated", "API key has expired");
    ask(&shows(&format!("aisoc_{}", "0".repeat(48)))).refused(401, "not_authenticated", "Invalid or revoked API key");
    for other in [
        &good[..good.len() - 1],
        &format!("{good}0"),
        &good.to_uppercase(),
        "x",
        &format!("{good} {good}"),
        &"a".repeat(5000),
    ] {
        ask(&shows(other)).refused(401, "not_authenticated", "Could not validate credentials");
    }
    for head in [
        "Authorization: Bearer\r\n",
        "Authorization: \r\n",
        "Authorization: Basic YTpi\r\n",
        &format!("Authorization: {good}\r\n"),
        &format!("Cookie: token={good}\r\n"),
        &format!("X-API-Key: {good}\r\n"),
    ] {
        ask(head).refused(401, "not_authenticated", "Not authenticated");
    }
    host.get(&format!("/api/v1/plugins?token={good}")).refused(401, "not_authenticated", "Not authenticated");
    let twice = ask(&format!("{}{}", shows(&good), shows(&good)));
    twice.refused(400, "usage", "a request shows one token");
    // Neither what was shown nor what would have counted is said to anybody.
    let said = host.said();
    for secret in [&good, &revoked, &short] {
        assert!(!said.contains(&secret[6..]), "{said}");
    }
}

#[test]
fn a_running_host_takes_new_tokens_and_refuses_revoked_ones_and_everybody_when_it_cannot_tell() {
    let bench = bench();
    let first = token(&bench, "first", &["--scope", "plugins:read"]);
    let host = serve(&bench);
    let status = |token: &str| host.send("GET", "/api/v1/plugins", &shows(token), "").status;
    let becomes = |token: &str, expected: u16| {
        let deadline = Instant::now() + PATIENCE;
        while status(token) != expected {
            assert!(Instant::now() < deadline, "never {expected}");
            thread::sleep(Duration::from_millis(50));
        }
    };
    assert_eq!(status(&first), 200);
    let second = token(&bench, "second", &["--scope", "plugins:read"]);
    becomes(&second, 200);
    bench.run(&["token", "revoke", "first", "--tokens", "tokens.json"]).ok();
    becomes(&first, 401);
    assert_eq!(status(&second), 200);
    let good = fs::read(bench.path("tokens.json")).expect("there");
    for (count, bad) in [(1, ""), (2, "{}")] {
        bench.write("tokens.json", bad);
        becomes(&second, 503);
        let refused = host.send("GET", "/api/v1/plugins", &shows(&second), "");
        refused.refused(503, "record_invalid", "the host cannot read its tokens");
        // Why, the host's own log says, once for each reason.
        let said = host.said();
        let warned = said.lines().filter(|line| line.starts_with("warning[nobody_let_in]: ")).collect::<Vec<_>>();
        assert_eq!(warned.len(), count, "{said}");
        assert!(warned[count - 1].contains("tokens.json` is no file of tokens"), "{said}");
        bench.write("tokens.json", &good);
        becomes(&second, 200);
    }
    fs::remove_file(bench.path("tokens.json")).expect("removed");
    becomes(&second, 503);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_token_ends_when_it_is_said_to_or_is_not_made() {
    let bench = bench();
    // The last moment of the calendar that times are reckoned by.
    for (name, until) in [("far", "2200-01-01T00:00:00Z"), ("last", "9999-12-30T22:00:00Z")] {
        token(&bench, name, &["--role", "admin", "--expires", until]);
        let written = fs::read_to_string(bench.path("tokens.json")).expect("written");
        assert!(written.contains(&format!("\"expires_at\": \"{until}\"")), "{written}");
    }
    let before = fs::read(bench.path("tokens.json")).expect("written");
    for until in [
        "9999-12-30T22:00:01Z",
        "9999-12-31T00:00:00Z",
        "9999-12-31",
        "10000-01-01T00:00:00Z",
        "36501d",
        "never",
        "null",
        "",
    ] {
        let words = ["token", "create", "never", "--role", "admin", "--tokens", "tokens.json", "--expires", until];
        bench.run(&words).refused(2, "usage");
    }
    assert_eq!(fs::read(bench.path("tokens.json")).expect("there"), before);
    let listed = bench.run(&["token", "list", "--tokens", "tokens.json"]);
    assert!(listed.ok().stdout.contains("9999-12-30T22:00:00Z") && !listed.stdout.contains("never"), "{listed:?}");
}

#[test]
fn a_host_without_a_login_is_for_development_alone_and_one_with_it_needs_its_file() {
    let bench = bench();
    let refused = |words: &[&str], environment: &str| {
        let output = command(&bench, words).env("ENVIRONMENT", environment).output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    let (code, said) = refused(&[], "production");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no login") && said.contains("`aisoc token create ops --role admin"), "{said}");
    let (code, said) = refused(&["--tokens", "tokens.json"], "production");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error[io_not_found]: there is no file of tokens `tokens.json`"), "{said}");
    token(&bench, "ci", &["--scope", "plugins:read"]);
    // Tokens would go over the network as they are.
    let everywhere = ["serve", "--listen", "0.0.0.0:0", "--state", "host.json", "--plugins-dir", "plugins"];
    let run = bench.run(&[&everywhere[..], &["--trusted-keys", "keys", "--tokens", "tokens.json"]].concat());
    assert!(run.code == 2 && run.stderr.contains("there is no TLS"), "{}", run.stderr);
}

#[test]
fn a_token_that_is_revoked_while_a_body_comes_calls_nothing() {
    let bench = bench();
    let token = token(&bench, "ci", &["--scope", "plugins:execute"]);
    let host = serve(&bench);
    let mut stream = host.connect();
    let head = format!(
        "POST /api/v1/plugins/bare/run HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: 2\r\n{}\r\n{{",
        host.address,
        shows(&token)
    );
    stream.write_all(head.as_bytes()).expect("sent");
    bench.run(&["token", "revoke", "ci", "--tokens", "tokens.json"]).ok();
    host.wait_for(|host| host.send("POST", "/api/v1/plugins/bare/run", &shows(&token), "").status == 401);
    stream.write_all(b"}").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("www-authenticate: Bearer"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id");
    let expected = serde_json::json!({
        "detail": "Invalid or revoked API key", "reason_code": "not_authenticated", "request_id": id
    });
    assert_eq!(body, expected);
}

#[test]
fn a_token_that_could_not_be_shown_counts_no_more() {
    let bench = bench();
    let words = ["token", "create", "ci", "--scope", "*", "--tokens", "tokens.json"];
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = bench.command(&words).stdout(full).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error[io_no_space]") && said.contains("Revoked ci"), "{said}");
    let listed = bench.run(&["token", "list", "--tokens", "tokens.json"]);
    assert!(listed.ok().stdout.contains("revoked"), "{}", listed.stdout);
    // As the hint says.
    bench.run(&words).ok();
}

#[test]
fn a_token_that_nobody_would_see_is_not_made() {
    let bench = bench();
    for stdout in [">&-", ">/dev/null"] {
        let words = format!("exec \"$AISOC\" token create ci --role admin --tokens tokens.json {stdout}");
        let mut shell = std::process::Command::new("sh");
        let shell = shell.args(["-c", &words]).current_dir(bench.path(".")).env("AISOC", env!("CARGO_BIN_EXE_aisoc"));
        let output = shell.output().expect("it runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{stdout}: {said}");
        assert!(said.contains("error[usage]: the token would be shown to nobody"), "{said}");
        assert!(!bench.path("tokens.json").exists(), "{stdout}");
    }
    // A dry run has nothing to show.
    let mut dry = bench.command(&["token", "create", "ci", "--role", "admin", "--dry-run", "--tokens", "tokens.json"]);
    assert!(dry.stdout(std::process::Stdio::null()).status().expect("it runs").success());
}

#[test]
fn commands_show_a_token_once_and_its_record_after() {
    let bench = bench();
    let made = bench.run(&[
        "token",
        "create",
        "ci",
        "--scope",
        "plugins:read",
        "--scope",
        "plugins:read",
        "--tokens",
        "tokens.json",
    ]);
    made.ok();
    let token = made.stdout.trim();
    assert_eq!((token.len(), made.stdout.lines().count()), (54, 1));
    assert!(!made.stderr.contains(&token[6..]), "{}", made.stderr);
    let listed = bench.run(&["token", "list", "--tokens", "tokens.json"]);
    listed.ok();
    let lines: Vec<&str> = listed.stdout.lines().collect();
    assert!(lines[0].starts_with("NAME") && lines[1].starts_with("ci    active  plugins:read"), "{}", listed.stdout);
    for shown in [&listed.stdout, &fs::read_to_string(bench.path("tokens.json")).expect("there")] {
        assert!(!shown.contains(&token[6..]), "{shown}");
    }
    let again = bench.run(&["token", "create", "ci", "--role", "admin", "--tokens", "tokens.json"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(again.stderr.contains("`aisoc token revoke ci --tokens tokens.json`"), "{}", again.stderr);
    let dry =
        bench.run(&["token", "create", "other", "--role", "admin", "--dry-run", "--json", "--tokens", "tokens.json"]);
    dry.ok();
    let document: serde_json::Value = serde_json::from_str(&dry.stdout).expect("JSON");
    assert_eq!((&document["token"], &document["grant"]["role"]), (&serde_json::Value::Null, &"admin".into()));
    for words in
        [vec!["--scope", "plugins:write"], vec!["--role", "root"], vec![], vec!["--role", "admin", "--scope", "*"]]
    {
        let fixed = ["token", "create", "x", "--tokens", "tokens.json"];
        assert_eq!(bench.run(&[&fixed[..], &words].concat()).code, 2, "{words:?}");
    }
    let revoked = bench.run(&["token", "revoke", "ci", "--tokens", "tokens.json"]);
    revoked.ok();
    assert_eq!(revoked.stdout, "ci\n");
    let unknown = bench.run(&["token", "revoke", "nobody", "--tokens", "tokens.json"]);
    assert!(
        unknown.code == 1 && unknown.stderr.contains("`aisoc token list --tokens tokens.json`"),
        "{}",
        unknown.stderr
    );
}

/// Whoever changes plugins is somebody: a token that may is made for a person, or is spoken of.
#[test]
fn a_token_that_changes_plugins_has_an_operator_or_is_warned_of() {
    let bench = bench();
    let create = |name: &str, words: &[&str]| {
        bench.run(&[&["token", "create", name, "--tokens", "tokens.json"], words].concat())
    };
    let admin: [&[&str]; 5] = [
        &["--scope", "plugins:admin"],
        &["--scope", "plugins:*"],
        &["--scope", "plugins:read", "--scope", "*"],
        &["--role", "admin"],
        &["--role", "platform_admin"],
    ];
    for (index, words) in admin.iter().enumerate() {
        let dry = create("dry", &[words, &["--dry-run"][..]].concat());
        assert!(dry.ok().stderr.contains("warning[token_without_operator]: `dry` "), "{words:?}: {dry:?}");
        let made = create(&format!("shared-{index}"), words);
        assert!(made.ok().stderr.contains("warning[token_without_operator]: "), "{words:?}: {made:?}");
        assert_eq!(made.stdout.lines().count(), 1, "it is made all the same");
        let of_ada = create(&format!("ada-{index}"), &[words, &["--operator", "Ada Lovelace"][..]].concat());
        assert!(!of_ada.ok().stderr.contains("warning"), "{words:?}: {of_ada:?}");
    }
    for words in
        [&["--scope", "plugins:read", "--scope", "plugins:execute", "--scope", "hooks:fire"][..], &["--role", "viewer"]]
    {
        let made = create(words[1].trim_start_matches("plugins:"), words);
        assert!(!made.ok().stderr.contains("warning"), "{words:?}: {made:?}");
    }
    for refused in ["", " ", "a, b", "a\nb"] {
        create("other", &["--role", "admin", "--operator", refused]).refused(2, "usage");
    }
    let listed = bench.run(&["token", "list", "--tokens", "tokens.json", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.ok().stdout).expect("JSON");
    for token in listed["tokens"].as_array().expect("tokens") {
        let is_adas = token["name"].as_str().is_some_and(|name| name.starts_with("ada-"));
        assert_eq!(token["operator"].as_str(), is_adas.then_some("Ada Lovelace"), "{token}");
    }
    assert!(bench.run(&["token", "list", "--tokens", "tokens.json"]).ok().stdout.contains("Ada Lovelace"));
    // Of those that count, the doctor names each that is nobody's.
    bench.run(&["token", "revoke", "shared-0", "--tokens", "tokens.json"]).ok();
    let examined = |tokens: &str| {
        let run =
            bench.run(&["doctor", "--json", "--tokens", tokens, "--plugins-dir", "plugins", "--trusted-keys", "keys"]);
        let document: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let found = document["site_findings"].as_array().expect("findings").clone();
        found.into_iter().filter(|found| found["place"] == tokens).collect::<Vec<_>>()
    };
    let found = examined("tokens.json");
    assert!(
        found.iter().all(|found| found["rule"] == "token_without_operator" && found["level"] == "warning"),
        "{found:#?}"
    );
    assert_eq!(found.len(), 4, "{found:#?}");
    let of = |name: &str| {
        let says = |found: &&serde_json::Value| found["message"].as_str().is_some_and(|said| said.contains(name));
        let named: Vec<_> = found.iter().filter(says).collect();
        assert_eq!(named.len(), 1, "{name}: {found:#?}");
        named[0]["hint"].as_str().expect("a hint")
    };
    for index in 1..5 {
        let hint = of(&format!("`shared-{index}`"));
        assert!(hint.contains(&format!("`aisoc token revoke shared-{index} --tokens tokens.json`")), "{hint}");
        assert!(hint.contains("--operator NAME"), "{hint}");
    }
    // What cannot be read is a finding, and a file that is named and not there a mistake.
    bench.write("broken.json", "{");
    let found = examined("broken.json");
    assert_eq!(found.iter().map(|found| found["rule"].clone()).collect::<Vec<_>>(), ["place_unreadable"], "{found:#?}");
    bench.run(&["doctor", "--tokens", "absent.json", "--plugins-dir", "plugins"]).refused(1, "io_not_found");
}
