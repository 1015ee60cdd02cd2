//! Registries as they are: each quirk of `testdata/registries.toml` alone, at a registry of the test kit. What it
//! has no means for is named below, and run by `checks/interop/registries` with everything else: pairs, products,
//! and what is seen from the registry's side.

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;

use aisoc_testkit::registry::{Act, Login, Registry, Rule, TokenService, lie};
use serde::Deserialize;
use support::{Bench, Run};
use toml::{Table, Value};

const TABLE: &str = include_str!("../../testdata/registries.toml");
const USER: (&str, &str) = ("robot", "correct-horse-battery");
/// Tags that are pulled and pushed: no digest begins so.
const TAGS: [&str; 2] = ["/manifests/0.1.0", "/manifests/next"];
/// Where each kind of request goes, besides those for tags: method, and what its path has.
const PLACES: [(&str, Option<&str>, &str); 9] = [
    ("every", None, "/v2/"),
    ("head-blob", Some("HEAD"), "/blobs/"),
    ("get-blob", Some("GET"), "/blobs/"),
    ("post-upload", Some("POST"), "/blobs/uploads/"),
    ("put-upload", Some("PUT"), "/blobs/uploads/"),
    ("head-manifest", Some("HEAD"), "/manifests/"),
    ("put-manifest", Some("PUT"), "/manifests/sha256:"),
    ("read-back", Some("GET"), "/manifests/sha256:"),
    ("token", None, "/token"),
];
/// Quirks that the registry of the test kit cannot have.
const OTHER_MEANS: [&str; 28] = [
    "location-bare",
    "store-at-home",
    "blob-more-bytes",
    "blob-less-bytes",
    "blob-compressed",
    "blob-in-chunks",
    "blob-to-the-end",
    "blob-with-a-pause",
    "range-equals",
    "range-star",
    "range-lies",
    "manifest-redirected",
    "manifest-redirected-home",
    "manifest-in-chunks",
    "manifest-to-the-end",
    "realm-elsewhere",
    "challenge-two-lines",
    "challenge-behind-negotiate",
    "sent-to-where-nobody-is",
    "certificate-of-its-own",
    "certificate-of-its-own-for-a-server",
    "certificate-unknown",
    "certificate-expired",
    "location-http",
    "closes-connections",
    "http-1-0",
    "headers-lower-case",
    "headers-upper-case",
];

#[derive(Deserialize)]
struct Quirks {
    quirk: Vec<Quirk>,
}

/// A row. What else stands in it is for people and for the other reader.
#[derive(Deserialize)]
struct Quirk {
    name: String,
    #[serde(default)]
    seen: Vec<String>,
    set: Table,
    #[serde(default)]
    with: Table,
    login: Option<bool>,
    push: String,
    pull: String,
}

impl Quirk {
    fn switches(&self) -> Table {
        self.with.clone().into_iter().chain(self.set.clone()).collect()
    }

    /// The script of the registry, when the test kit has the means.
    fn rules(&self) -> Option<Vec<Rule>> {
        let scripts: Option<Vec<_>> = self.switches().iter().map(|(switch, value)| rules(switch, value)).collect();
        scripts.map(|scripts| scripts.concat())
    }

    fn login(&self) -> Login {
        let switches = self.switches();
        let text = |name: &str| switches.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| switches.get(name).and_then(Value::as_integer);
        match text("auth").as_deref() {
            None => Login::None,
            Some("basic") => Login::Basic(USER.0, USER.1),
            Some(_) => Login::Bearer(TokenService {
                user: Some(USER),
                anonymous_pull: switches.get("anonymous").and_then(Value::as_bool).unwrap_or_default(),
                uses_per_token: number("token-uses").map_or(0, |uses| uses.try_into().expect("a number")),
                challenge: text("challenge"),
                answer: text("token-answer"),
                ..TokenService::default()
            }),
        }
    }
}

/// What a switch is at the registry of the test kit.
fn rules(switch: &str, value: &Value) -> Option<Vec<Rule>> {
    if let Value::Table(fault) = value {
        return faults(switch, fault);
    }
    let (text, number) = (value.as_str().unwrap_or_default(), value.as_integer().unwrap_or_default());
    let header = |method, path, name, value: &str| Some(vec![on(method, path, Act::Header(name, value.to_owned()))]);
    let status = u16::try_from(number).unwrap_or_default();
    match switch {
        "upload-type" => Some(vec![Rule::on("/blobs/uploads/", Act::Header("content-type", text.to_owned()))]),
        "put-type" => header("PUT", "/manifests/", "content-type", text),
        "upload-status" => Some(vec![on("PUT", "/blobs/uploads/", Act::Relabel(status))]),
        "put-status" => Some(vec![on("PUT", "/manifests/", Act::Relabel(status))]),
        "blob-redirect" => Some(reading("/blobs/sha256:", &Act::RedirectElsewhereWith(status))),
        "blob-encoding" => Some(reading("/blobs/sha256:", &Act::Header("content-encoding", text.to_owned()))),
        "blob-type" => Some(reading("/blobs/sha256:", &Act::Header("content-type", text.to_owned()))),
        "manifest-type" => Some(reading("/manifests/", &Act::Header("content-type", text.to_owned()))),
        "manifest-encoding" => Some(reading("/manifests/", &Act::Header("content-encoding", text.to_owned()))),
        "etag" => Some(reading("/manifests/", &Act::Header("etag", "\"x\"".to_owned()))),
        "hops" => Some(vec![Rule::on("", Act::RedirectElsewhere).elsewhere().times(usize::from(status))]),
        "cut" => Some(vec![on("GET", "/blobs/", Act::CutAfter(100)).times(usize::from(status))]),
        // What the login is made of.
        "auth" | "anonymous" | "challenge" | "token-answer" | "token-uses" => (!value.is_array()).then(Vec::new),
        _ => named(switch, text),
    }
}

/// Switches whose values are words.
fn named(switch: &str, word: &str) -> Option<Vec<Rule>> {
    let digest = |value: String| Some(reading("/manifests/", &Act::Header("docker-content-digest", value)));
    let post = |act| Some(vec![on("POST", "/blobs/uploads/", act)]);
    match (switch, word) {
        ("location", "absolute" | "query") => post(Act::UploadAbsolute),
        ("location", "elsewhere") => post(Act::UploadElsewhere),
        ("location", "missing") => post(Act::Header("location", String::new())),
        ("upload-redirect", _) => moved("POST", "/blobs/uploads/", word),
        ("blob-put-redirect", _) => moved("PUT", "/blobs/uploads/", word),
        ("put-redirect", _) => moved("PUT", "/manifests/", word),
        ("manifest-forward", _) => {
            Some([moved("GET", "/manifests/", word)?, moved("HEAD", "/manifests/", word)?].concat())
        }
        ("blob-bytes", "other") => Some(vec![on("GET", "/blobs/", Act::OtherBytes)]),
        // Of the answer after the one that was cut.
        ("range", "refused") => Some(vec![on("GET", "/blobs/", Act::Status(416)).times(1)]),
        ("range", "bare") => Some(vec![on("GET", "/blobs/", Act::Header("content-range", String::new())).times(1)]),
        ("range", "wrong") => Some(vec![on("GET", "/blobs/", Act::WrongRange).times(1)]),
        ("range", "ignored") => Some(vec![on("GET", "/blobs/", Act::IgnoreRange)]),
        ("manifest-digest", "missing") => digest(String::new()),
        ("manifest-digest", "wrong") => digest(lie()),
        ("manifest-digest", "sha512") => digest(format!("sha512:{}", "0".repeat(128))),
        _ => None,
    }
}

fn on(method: &str, path: &str, act: Act) -> Rule {
    Rule::on(path, act).method(method)
}

fn reading(path: &str, act: &Act) -> Vec<Rule> {
    ["GET", "HEAD"].map(|method| on(method, path, act.clone())).to_vec()
}

/// Once to the same place, which would otherwise be a circle; each time to another.
fn moved(method: &str, path: &str, word: &str) -> Option<Vec<Rule>> {
    match word {
        "home" => Some(vec![on(method, path, Act::RedirectHome).times(1)]),
        _ => Some(vec![on(method, path, Act::RedirectElsewhere)]),
    }
}

/// The rules of a fault, at the place where it happens.
fn faults(place: &str, fault: &Table) -> Option<Vec<Rule>> {
    let number = |name: &str| fault.get(name).and_then(Value::as_integer);
    let act = match number("status").and_then(|status| u16::try_from(status).ok()) {
        None => Act::HangUp,
        Some(status) => Act::Answer(status, headers(fault)?, error_body(fault)),
    };
    let times = number("times").map_or(usize::MAX, |times| times.try_into().expect("a number"));
    let rules = match place {
        "get-tag" => TAGS.map(|tag| on("GET", tag, act.clone())).to_vec(),
        "put-tag" => TAGS.map(|tag| on("PUT", tag, act.clone())).to_vec(),
        "get-store" => vec![on("GET", "", act).elsewhere()],
        "head-store" => vec![on("HEAD", "", act).elsewhere()],
        _ => {
            let (_, method, path) = PLACES.into_iter().find(|(name, ..)| *name == place)?;
            vec![method.map_or(Rule::on(path, act.clone()), |method| on(method, path, act))]
        }
    };
    Some(rules.into_iter().map(|rule| rule.times(times)).collect())
}

fn headers(fault: &Table) -> Option<Vec<(&'static str, String)>> {
    let kind = fault.get("type").and_then(Value::as_str).map(|kind| ("content-type", kind.to_owned()));
    let wait = fault.get("retry_after").and_then(Value::as_integer).map(|wait| ("retry-after", wait.to_string()));
    (!fault.contains_key("headers")).then(|| kind.into_iter().chain(wait).collect())
}

fn error_body(fault: &Table) -> Vec<u8> {
    let code = fault.get("code").and_then(Value::as_str).unwrap_or("UNKNOWN");
    format!(r#"{{"errors":[{{"code":"{code}","message":"as the table says"}}]}}"#).into_bytes()
}

/// What a run came to, in the words of the table.
fn came_to(run: &Run) -> String {
    assert!(!run.stderr.contains(USER.1) && !run.stdout.contains(USER.1), "the password is printed: {run:?}");
    if run.code == 0 {
        return "works".to_owned();
    }
    let reason = run.error_line().trim_start_matches("error[").split(']').next().unwrap_or_default().to_owned();
    format!("{reason} {}", run.code)
}

/// What a pull and a push come to at a registry with that quirk: to where half of it is, and to where nothing is.
fn outcomes(bench: &Bench, quirk: &Quirk, rules: &[Rule]) -> (String, String) {
    let registry = Registry::start();
    let stocked = registry.reference("team/demo:0.1.0");
    bench.run(&["plugin", "push", "demo.tar", &stocked]).ok();
    let registry = registry.login(quirk.login());
    let host = registry.host();
    let has_login = quirk.login.unwrap_or(quirk.set.contains_key("auth"));
    let variables = [
        ("AISOC_REGISTRY_HOST", host.as_str()),
        ("AISOC_REGISTRY_USERNAME", USER.0),
        ("AISOC_REGISTRY_PASSWORD", USER.1),
    ];
    let run = |words: &[&str]| came_to(&bench.run_with(words, if has_login { &variables } else { &[] }));
    registry.set_rules(rules.to_vec());
    let out = format!("pulled-{}", quirk.name);
    let pulled = run(&["plugin", "pull", &stocked, "--out", &out]);
    assert_eq!(bench.path(&out).exists(), pulled == "works", "{}: what is refused leaves nothing", quirk.name);
    registry.set_rules(rules.to_vec());
    let push = |to: &str| run(&["plugin", "push", "demo.tar", &registry.reference(to)]);
    let again = push("team/demo:next");
    (if again == "works" { push("team/fresh:next") } else { again }, pulled)
}

#[test]
fn every_quirk_alone_comes_to_what_the_table_says() {
    let bench = Bench::new();
    bench.published();
    let table: Quirks = toml::from_str(TABLE).expect("the table");
    let (mut able, unable): (Vec<_>, Vec<_>) =
        table.quirk.iter().map(|quirk| (quirk, quirk.rules())).partition(|(_, rules)| rules.is_some());
    let unable: Vec<_> = unable.iter().map(|(quirk, _)| quirk.name.as_str()).collect();
    assert_eq!(unable, OTHER_MEANS, "what is not run is named");
    // First those that are tried until nothing is left to try.
    able.sort_by_key(|(quirk, _)| !(quirk.push.ends_with(" 4") || quirk.pull.ends_with(" 4")));
    let (queue, found) = (Mutex::new(able.iter()), Mutex::new(BTreeMap::new()));
    // Most of the time is spent in waiting for another try.
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                while let Some((quirk, rules)) = { queue.lock().expect("no panic").next() } {
                    let outcome = outcomes(&bench, quirk, rules.as_deref().unwrap_or_default());
                    found.lock().expect("no panic").insert(&quirk.name, outcome);
                }
            });
        }
    });
    let found = found.into_inner().expect("no panic");
    let expected = able.iter().map(|(quirk, _)| (&quirk.name, (quirk.push.clone(), quirk.pull.clone())));
    let wrong: Vec<_> = expected
        .filter(|(name, outcome)| found[name] != *outcome)
        .map(|(name, right)| (name, right, &found[name]))
        .collect();
    assert!(wrong.is_empty(), "(name, right (push, pull), found): {wrong:#?}");
}

#[test]
fn the_page_names_every_row_of_each_product_that_it_has() {
    let quirks: Quirks = toml::from_str(TABLE).expect("readable");
    let page = include_str!("../../docs/registries.md");
    let (_, rows) = page.split_once("| product | rows of `testdata/registries.toml` |\n|---|---|\n").expect("a table");
    let rows: Vec<&str> = rows.lines().take_while(|line| line.starts_with("| ")).collect();
    assert!(rows.len() >= 10, "{rows:?}");
    for row in rows {
        let [product, names] = row.trim_matches('|').split(" | ").collect::<Vec<_>>()[..] else { panic!("{row}") };
        let named: Vec<&str> = names.split(", ").map(|name| name.trim().trim_matches('`')).collect();
        let is_seen = |quirk: &&Quirk| quirk.seen.iter().any(|seen| seen == product.trim());
        let seen: Vec<&str> = quirks.quirk.iter().filter(is_seen).map(|quirk| quirk.name.as_str()).collect();
        assert_eq!(named, seen, "{product}");
    }
}
