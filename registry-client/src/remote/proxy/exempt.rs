//! `NO_PROXY`: the hosts that are reached without a proxy.
//!
//! No standard says how the list is written. What curl, Go and wget each take is taken: entries between commas
//! or blanks, with a port or without, `*.name` beside `.name` and `name`, addresses in brackets, capitals, a
//! dot at the end. Names and networks are then judged by the library.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// Whether the list names the URL's host. An entry that means nothing exempts nothing.
pub(super) fn covers(list: &str, url: &Url) -> bool {
    let port = url.port_or_known_default();
    let entries = list.split(|character: char| character == ',' || character.is_whitespace());
    let hosts: Vec<_> = entries.filter_map(|entry| host_at(entry, port)).collect();
    // Of every name and, unlike for the library, of every address.
    if hosts.iter().any(|host| host == "*") {
        return true;
    }
    // The library answers with the proxy for every host that the list does not name.
    let matcher = Matcher::builder().all("http://proxy").no(hosts.join(",")).build();
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let target = format!("{}://{host}/", url.scheme()).parse();
    target.is_ok_and(|target| matcher.intercept(&target).is_none())
}

/// The host of an entry, as the library reads it, if the entry is for that port.
fn host_at(entry: &str, port: Option<u16>) -> Option<String> {
    let (host, only) = parts(entry)?;
    let is_for_port = only.is_none_or(|only| only.parse().ok() == port);
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let host = match host.strip_prefix("*.") {
        Some(below) => format!(".{below}"),
        None => host,
    };
    (is_for_port && !host.is_empty()).then_some(host)
}

/// Host and port of an entry. An IPv6 address has colons of its own, and a port only behind brackets.
fn parts(entry: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = entry.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            rest => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host, Some(port))),
        _ => Some((entry, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_as_the_tools_read_it() {
        for (list, url, expected) in [
            ("", "https://registry.corp/", false),
            ("registry.corp", "https://registry.corp/", true),
            ("registry.corp", "https://registry.corp:9131/", true),
            ("registry.corp", "https://sub.registry.corp/", true),
            ("registry.corp", "https://myregistry.corp/", false),
            ("registry.corp", "https://registry.corp.evil.example/", false),
            ("REGISTRY.Corp", "https://registry.corp/", true),
            ("registry.corp.", "https://registry.corp/", true),
            ("registry.corp", "https://registry.corp./", true),
            // A port is the URL's, written or not.
            ("registry.corp:9131", "https://registry.corp:9131/", true),
            ("registry.corp:9131", "https://registry.corp:9132/", false),
            ("registry.corp:9131", "https://registry.corp/", false),
            ("registry.corp:443", "https://registry.corp/", true),
            ("registry.corp:443", "http://registry.corp/", false),
            ("registry.corp:80", "http://registry.corp/", true),
            ("registry.corp.:443", "https://registry.corp/", true),
            ("registry.corp:", "https://registry.corp/", false),
            ("registry.corp:port", "https://registry.corp/", false),
            ("registry.corp:9132,registry.corp:9131", "https://registry.corp:9131/", true),
            // What is below a name.
            (".corp", "https://registry.corp/", true),
            (".corp", "https://a.b.corp/", true),
            (".corp", "https://registry.example/", false),
            (".corp:443", "https://registry.corp/", true),
            ("*.corp", "https://registry.corp/", true),
            ("*.corp", "https://notcorp/", false),
            ("*.corp:9131", "https://registry.corp:9131/", true),
            ("*.corp:9131", "https://registry.corp/", false),
            ("*", "https://registry.corp/", true),
            ("*:443", "https://registry.corp/", true),
            ("*:443", "https://registry.corp:9131/", false),
            ("*", "https://10.0.0.1/", true),
            ("*", "https://[fd00::1]/", true),
            // Between the entries.
            (" a.example , registry.corp ", "https://registry.corp/", true),
            ("a.example registry.corp\tb.example", "https://registry.corp/", true),
            (",,registry.corp,", "https://registry.corp/", true),
            (",", "https://registry.corp/", false),
            // Addresses and networks.
            ("10.0.0.0/8", "https://10.1.2.3/", true),
            ("10.0.0.0/8", "https://11.1.2.3/", false),
            ("10.1.2.3", "https://10.1.2.3/", true),
            ("10.1.2.3:9131", "https://10.1.2.3:9131/", true),
            ("10.1.2.3:9131", "https://10.1.2.3/", false),
            ("fd00::1", "https://[fd00::1]/", true),
            ("FD00::1", "https://[fd00::1]/", true),
            ("[fd00::1]", "https://[fd00::1]/", true),
            ("[fd00::1]:9131", "https://[fd00::1]:9131/", true),
            ("[fd00::1]:9131", "https://[fd00::1]/", false),
            ("[fd00::1", "https://[fd00::1]/", false),
            ("fd00::/8", "https://[fd00::1]/", true),
            ("fd00::/8", "https://[fe00::1]/", false),
        ] {
            assert_eq!(covers(list, &Url::parse(url).expect(url)), expected, "`{list}` and {url}");
        }
    }
}
