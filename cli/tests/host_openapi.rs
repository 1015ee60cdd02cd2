//! What a host says of its own routes, held to the routes.

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use support::Bench;
use support::host::{ServedHost, command};
use support::workspace;

/// Where the document is kept that is published.
const GOLDEN: &str = "testdata/golden/openapi.json";
/// What answers for as long as somebody listens.
const ENDLESS: &str = "/api/v1/events";

fn with_login() -> (Bench, ServedHost, String) {
    let bench = support::host::bench();
    let made = bench.run(&["token", "create", "ops", "--role", "admin", "--tokens", "tokens.json"]);
    let token = format!("Authorization: Bearer {}\r\n", made.ok().stdout.trim());
    let mut command = command(&bench, &["--tokens", "tokens.json"]);
    let host = ServedHost::ready(command.env("ENVIRONMENT", "production"));
    (bench, host, token)
}

/// Every route: its method, its path and what is said of it.
fn routes(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| {
        let operations = item.as_object().expect("operations").clone();
        operations.into_iter().map(|(method, said)| (method.to_uppercase(), path.clone(), said)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// To accept a new one, run it with `AISOC_ACCEPT_GOLDEN=1` and read the difference.
#[test]
fn the_document_is_the_one_that_is_published() {
    let (_bench, host, _) = with_login();
    let document = host.get("/openapi.json").ok();
    let text = serde_json::to_string_pretty(&document).expect("JSON") + "\n";
    let golden = workspace::root().join(GOLDEN);
    if std::env::var_os("AISOC_ACCEPT_GOLDEN").is_some() {
        fs::write(&golden, &text).expect("written");
    }
    assert_eq!(fs::read_to_string(&golden).expect("read"), text, "AISOC_ACCEPT_GOLDEN=1 accepts it");
    // Whatever is named is there.
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for name in text.split("#/components/schemas/").skip(1) {
        let name = name.split('"').next().expect("a name");
        assert!(schemas.contains_key(name), "{name}");
    }
}

#[test]
fn every_route_asks_for_what_it_says_and_answers_as_it_says() {
    let (_bench, host, token) = with_login();
    let routes = routes(&host.get("/openapi.json").ok());
    let permissions: BTreeSet<&str> = routes.iter().filter_map(|(.., said)| said["x-permission"].as_str()).collect();
    assert_eq!(
        permissions.into_iter().collect::<Vec<_>>(),
        ["hooks:fire", "plugins:admin", "plugins:execute", "plugins:read"]
    );
    assert!(routes.len() >= 17, "{routes:?}");
    for (method, path, said) in &routes {
        let asked = path.replace("{id}", "absent").replace("{hook}", "capability_check");
        let stranger = host.send(method, &asked, "", "").status;
        match said["x-permission"].as_str() {
            Some(_) => {
                assert_eq!((stranger, said["security"].to_string().as_str()), (401, "[{\"token\":[]}]"), "{path}")
            }
            None => assert_eq!((stranger, said["security"].to_string().as_str()), (200, "[]"), "{path}"),
        }
        let stated = |status: u16| said["responses"].get(status.to_string()).is_some();
        assert!(stated(stranger), "{method} {path}: {stranger}");
        let elsewhere =
            host.raw(&format!("{method} {asked} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"));
        assert!(elsewhere.status == 421 && stated(421), "{method} {path}: {elsewhere:?}");
        let names: Vec<&str> =
            said["parameters"].as_array().expect("parameters").iter().filter_map(|one| one["name"].as_str()).collect();
        assert!(names.contains(&"X-Request-Id"), "{method} {path}: {names:?}");
        let explains = said["x-permission"] == "plugins:admin" && method != "GET";
        assert_eq!(names.contains(&"X-Reason"), explains, "{method} {path}: {names:?}");
        if path == ENDLESS {
            continue;
        }
        for body in ["", "{", "{\"unknown\": 1}"] {
            let answered = host.send(method, &asked, &token, body);
            assert!(stated(answered.status), "{method} {path} {body}: {answered:?}");
        }
        let bad = host.send(
            method,
            &format!("{}?unknown=1", path.replace("{id}", "%00").replace("{hook}", "%00")),
            &token,
            "",
        );
        assert!(stated(bad.status), "{method} {path}: {bad:?}");
    }
}

#[test]
fn a_list_that_has_not_changed_is_answered_as_stated() {
    let (_bench, host, token) = with_login();
    let path = "/api/v1/plugins";
    let head = host.send("GET", path, &token, "").head.to_lowercase();
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").to_owned();
    let again = host.send("GET", path, &format!("{token}If-None-Match: {tag}\r\n"), "");
    assert_eq!(again.status, 304, "{again:?}");
    let document = host.get("/openapi.json").ok();
    let said = &document["paths"][path]["get"];
    assert!(said["responses"]["304"].is_object(), "{said}");
    assert!(said["parameters"].to_string().contains("\"If-None-Match\""), "{said}");
    assert!(document["paths"]["/api/v1/events"]["get"]["parameters"].to_string().contains("\"Last-Event-ID\""));
}

/// What is not in the table is nothing.
#[test]
fn a_method_that_is_not_stated_is_not_served() {
    let (_bench, host, token) = with_login();
    let routes = routes(&host.get("/openapi.json").ok());
    let stated: BTreeSet<(&str, &str)> =
        routes.iter().map(|(method, path, _)| (method.as_str(), path.as_str())).collect();
    for path in routes.iter().map(|(_, path, _)| path).collect::<BTreeSet<_>>() {
        for method in ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"] {
            if !stated.contains(&(method, path.as_str())) {
                let answered = host.send(
                    method,
                    &path.replace("{id}", "absent").replace("{hook}", "capability_check"),
                    &token,
                    "",
                );
                // `discover` is an id as well, where one is asked for.
                let is_id = stated.contains(&(method, "/api/v1/plugins/{id}")) && path.matches('/').count() == 4;
                let expected: &[u16] = if is_id { &[404, 405] } else { &[405] };
                assert!(expected.contains(&answered.status), "{method} {path}: {answered:?}");
            }
        }
    }
}
