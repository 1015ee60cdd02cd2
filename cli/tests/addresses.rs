//! Which hosts are never a registry, and which are this machine, is said in one place. A second list is one
//! that somebody forgets to extend.

mod support;

use support::workspace;

/// Where the one list stands.
const BODY: &str = "manifests/src/address.rs";
/// What a list of hosts or a judgement of addresses is written with.
const WORDS: [&str; 9] = [
    "\"localhost\"",
    ".localhost",
    "169.254.",
    "metadata.goog",
    "metadata.azure",
    ".is_private()",
    ".is_link_local()",
    ".is_unspecified()",
    "ip().is_loopback()",
];

#[test]
fn hosts_that_are_no_registry_are_listed_in_one_place() {
    let mut is_there = false;
    for (name, code) in workspace::sources() {
        let lines = || code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        let found = WORDS.iter().find(|word| lines().any(|line| line.contains(**word)));
        is_there |= name == BODY && found.is_some();
        assert!(name == BODY || found.is_none(), "{name} judges hosts by itself ({found:?}): {BODY} does");
    }
    assert!(is_there, "{BODY} has lost the list");
}
