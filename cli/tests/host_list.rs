//! A host's list: filtered, in pages, and once for whoever has it.

mod support;

use std::io::Write as _;

use serde_json::Value;
use support::Bench;
use support::host::{ServedHost, bench};

/// A bench with plugins that are refused, which takes no Python.
fn crowded(count: usize) -> Bench {
    let bench = bench();
    for number in 0..count {
        bench.write(&format!("plugins/broken-{number:02}/plugin.yaml"), "id: [\n");
    }
    bench
}

/// Status, head and body.
fn ask(host: &ServedHost, path: &str, head: &str) -> (u16, String, String) {
    let mut stream = host.connect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{head}\r\n", host.address);
    stream.write_all(request.as_bytes()).expect("sent");
    let answer = std::io::read_to_string(stream).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, head.to_owned(), body.to_owned())
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
}

fn ids(body: &str) -> Vec<String> {
    let listed: Value = serde_json::from_str(body).expect("JSON");
    let id = |plugin: &Value| plugin["id"].as_str().expect("an id").to_owned();
    listed.as_array().expect("a list").iter().map(id).collect()
}

#[test]
fn whoever_has_it_is_not_sent_it_again_until_it_changes() {
    let bench = crowded(2);
    let host = ServedHost::start(&bench, &[]);
    for path in ["/api/v1/plugins", "/api/v1/plugins/broken-00", "/api/v1/plugins?state=failed&limit=1"] {
        let (status, head, body) = ask(&host, path, "");
        let tag = header(&head, "etag").expect("a tag");
        assert!(status == 200 && tag.starts_with("\"sha256:") && !body.is_empty(), "{path}: {head}");
        for held in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let (status, head, body) = ask(&host, path, &format!("If-None-Match: {held}\r\n"));
            assert_eq!((status, body.as_str(), header(&head, "etag")), (304, "", Some(tag.clone())), "{path} {held}");
        }
        assert_eq!(ask(&host, path, "If-None-Match: \"other\"\r\n").0, 200, "{path}");
    }
    let (_, head, _) = ask(&host, "/api/v1/plugins", "");
    let tag = header(&head, "etag").expect("a tag");
    bench.write("plugins/broken-02/plugin.yaml", "id: [\n");
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(ask(&host, "/api/v1/plugins", &format!("If-None-Match: {tag}\r\n")).0, 200);
    assert_eq!(ask(&host, "/api/v1/plugins/absent", "If-None-Match: *\r\n").0, 404);
}

#[test]
fn pages_lead_to_each_other_and_hold_everything_once() {
    let bench = crowded(7);
    let host = ServedHost::start(&bench, &[]);
    let (_, head, body) = ask(&host, "/api/v1/plugins", "");
    let all = ids(&body);
    assert_eq!((all.len(), header(&head, "link")), (7, None), "the plain list has no pages");
    for limit in [1, 3, 6, 7, 8, 1000] {
        let (mut path, mut found) = (format!("/api/v1/plugins?state=failed&limit={limit}"), Vec::new());
        loop {
            let (status, head, body) = ask(&host, &path, "");
            let page = ids(&body);
            assert!(status == 200 && page.len() <= limit, "{path}");
            found.extend(page);
            let Some(link) = header(&head, "link") else { break };
            path = link
                .strip_prefix('<')
                .and_then(|link| link.strip_suffix(">; rel=\"next\""))
                .expect("a link")
                .to_owned();
            assert!(path.contains("state=failed"), "{path}");
        }
        assert_eq!(found, all, "{limit}");
    }
    for (query, status) in [
        ("limit=0", 400),
        ("limit=1", 200),
        ("limit=1000", 200),
        ("limit=1001", 400),
        ("limit=x", 400),
        ("limit=1&limit=1", 400),
        ("state=enabled", 200),
        ("state=broken", 400),
        ("plugin_type=nothing", 200),
        ("after=zzz", 200),
        ("offset=1", 400),
    ] {
        assert_eq!(ask(&host, &format!("/api/v1/plugins?{query}"), "").0, status, "{query}");
    }
    assert!(ids(&ask(&host, "/api/v1/plugins?state=enabled", "").2).is_empty());
}
