//! A no that does not end: whoever asks gives up, and soon.

use aisoc_testkit::hostile_registry::{HostileRegistry, endless, says};

use super::{LOGIN, MORE, UNDERWAY, USUAL, each, install, registry};

/// A registry that answers so to who asks for the manifest, logged in.
fn answering(lines: &str) -> HostileRegistry {
    registry().on("GET", "/manifests/", says(lines, []))
}

#[test]
fn a_login_that_is_never_enough() {
    let challenge = "401 Unauthorized\nWWW-Authenticate: Bearer realm=\"http://{home}/token\"";
    let outcome = install(&answering(challenge)).refused(1, "registry_denied");
    // Once more as nobody, who may read what is public; and the service gives nobody a token.
    outcome.read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn a_login_that_is_forbidden() {
    let outcome = install(&answering("403 Forbidden")).refused(1, "registry_denied");
    outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn too_many_requests_for_ever() {
    let outcome = install(&answering("429 Too Many Requests")).refused(4, "registry_unavailable");
    outcome.read_at_most(USUAL).connections(LOGIN + MORE).within(10).nothing_written();
}

#[test]
fn a_wait_of_a_hundred_years() {
    for after in ["3153600000", "4294967295"] {
        let registry = answering(&format!("429 Too Many Requests\nRetry-After: {after}"));
        let outcome = install(&registry).refused(4, "registry_unavailable");
        outcome.read_at_most(USUAL).connections(LOGIN).within(5).nothing_written();
    }
}

#[test]
fn waits_that_are_none() {
    each(["-1", "soon", "1e9", "99999999999999999999", "Wed, 01 Jan 2200 00:00:00 GMT", ""], |after| {
        let registry = answering(&format!("429 Too Many Requests\nRetry-After: {after}"));
        let outcome = install(&registry).refused(4, "registry_unavailable");
        outcome.read_at_most(USUAL).connections(LOGIN + MORE).within(10).nothing_written();
    });
}

#[test]
fn a_server_that_is_broken_for_ever() {
    each(["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 x"], |status| {
        let outcome = install(&answering(status)).refused(4, "registry_unavailable");
        outcome.read_at_most(USUAL).connections(LOGIN + MORE).within(10).nothing_written();
    });
}

#[test]
fn a_refusal_that_does_not_end() {
    let registry = registry().on("GET", "/manifests/", endless("HTTP/1.1 403 Forbidden\r\n\r\n", "no "));
    let outcome = install(&registry).refused(1, "registry_denied");
    outcome.read_at_most(USUAL + UNDERWAY).connections(LOGIN).nothing_written();
}

#[test]
fn a_refusal_in_words_for_a_terminal() {
    let body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[2J\\u202etxt.exe\\nerror[x]: y\"}]}";
    let registry = registry().on("GET", "/manifests/", says("403 Forbidden", body));
    let outcome = install(&registry).refused(1, "registry_denied").shows("\\u{1b}[2J\\u{202e}");
    outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_layer_that_is_refused_for_ever() {
    let registry = registry().on("GET", "/blobs/", says("503 Service Unavailable", []));
    let outcome = install(&registry).refused(4, "registry_unavailable");
    outcome.read_at_most(USUAL).connections(LOGIN + 1 + MORE).within(10).nothing_written();
}

#[test]
fn a_layer_that_is_there_for_others_only() {
    // What is not there is looked for among the tags, with a login of its own.
    for (status, reason, more) in [
        ("404 Not Found", "reference_not_found", LOGIN),
        ("403 Forbidden", "registry_denied", 0),
        ("451 x", "registry_refused", 0),
    ] {
        let registry = registry().on("GET", "/blobs/", says(status, []));
        let outcome = install(&registry).refused(1, reason);
        outcome.read_at_most(USUAL).connections(LOGIN + 1 + more).nothing_written();
    }
}
