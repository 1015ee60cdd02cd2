//! What a token service gives, when it gives anything.

use std::time::Duration;

use aisoc_testkit::hostile_registry::{Attacked, HostileRegistry, drips, endless, leads_to, says, stalls};

use super::{LOGIN, UNDERWAY, USUAL, install, install_hastily, registry};

/// A registry whose token service answers so.
fn giving(body: impl Into<Vec<u8>>) -> HostileRegistry {
    registry().at_once("GET", "/token", says("200 OK\nContent-Type: application/json", body))
}

#[track_caller]
fn refused(outcome: Attacked, code: i32, reason: &str) {
    outcome.refused(code, reason).read_at_most(USUAL).connections(2).nothing_written();
}

#[test]
fn a_token_that_is_none() {
    for body in [
        "",
        "{}",
        "null",
        "[]",
        "\"token\"",
        "{\"token\":",
        "{\"token\":null}",
        "{\"token\":7}",
        "{\"token\":\"\"}",
        "{\"token\":[\"a\"]}",
    ] {
        refused(install(&giving(body)), 4, "registry_protocol");
    }
}

#[test]
fn a_token_with_a_line_break_in_it() {
    for token in ["a\\r\\nX-Injected: b", "a\\nb", "a b", "a\\u0000", "\\u00e9", "a\\r"] {
        let registry = giving(format!("{{\"token\":\"{token}\"}}"));
        refused(install(&registry), 4, "registry_protocol");
        assert!(!registry.heard().contains("X-Injected"), "{}", registry.heard());
    }
}

#[test]
fn a_token_of_a_megabyte() {
    let registry = giving(format!("{{\"token\":\"{}\"}}", "a".repeat(1 << 20)));
    let outcome = install(&registry).refused(4, "registry_protocol");
    outcome.read_at_most((1 << 20) + USUAL).connections(2).nothing_written();
}

#[test]
fn a_token_that_does_not_end() {
    let registry = registry().at_once("GET", "/token", endless("HTTP/1.1 200 OK\r\n\r\n{\"token\":\"", "a"));
    let outcome = install(&registry).refused(4, "registry_protocol");
    outcome.read_at_most((1 << 20) + UNDERWAY).connections(2).nothing_written();
}

#[test]
fn a_token_that_drips() {
    let drip = drips("HTTP/1.1 200 OK\r\n\r\n{\"token\":\"", "a", Duration::from_millis(20));
    let outcome = install_hastily(&registry().at_once("GET", "/token", drip)).refused(4, "registry_unavailable");
    outcome.within(5).read_at_most(USUAL).connections(2).nothing_written();
}

#[test]
fn a_token_that_stops_coming() {
    let stall = stalls("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"token\":\"");
    let outcome = install_hastily(&registry().at_once("GET", "/token", stall)).refused(4, "registry_unavailable");
    outcome.within(5).read_at_most(USUAL).connections(2).nothing_written();
}

#[test]
fn a_token_that_ran_out_before_it_was_given() {
    let token = aisoc_testkit::hostile_registry::TOKEN;
    let body = format!("{{\"token\":\"{token}\",\"expires_in\":-1,\"issued_at\":\"1970-01-01T00:00:00Z\"}}");
    // The registry says whether it still takes it; nothing is asked for again and again.
    install(&giving(body)).read_at_most(USUAL).connections(LOGIN + 1).unharmed();
}

#[test]
fn a_token_that_the_registry_does_not_take() {
    let outcome = install(&giving("{\"token\":\"another\"}")).refused(1, "registry_denied");
    outcome.read_at_most(USUAL).connections(5).nothing_written();
}

#[test]
fn a_token_service_that_leads_elsewhere() {
    for to in ["http://{elsewhere}/token", "http://{inside}/token", "http://{home}/token2"] {
        refused(install(&registry().at_once("GET", "/token", leads_to(to))), 1, "redirect_refused");
    }
}

#[test]
fn a_token_service_that_refuses() {
    let registry = registry().at_once("GET", "/token", says("401 Unauthorized", []));
    let outcome = install(&registry).refused(1, "registry_denied");
    outcome.read_at_most(USUAL).connections(3).nothing_written();
}

#[test]
fn a_token_service_that_is_a_web_page() {
    let page = says("200 OK\nContent-Type: text/html", "<html>log in</html>");
    refused(install(&registry().at_once("GET", "/token", page)), 4, "registry_protocol");
}

#[test]
fn a_token_service_that_is_never_ready() {
    let registry = registry().at_once("GET", "/token", says("503 Service Unavailable", []));
    let outcome = install(&registry).refused(4, "registry_unavailable");
    outcome.read_at_most(USUAL).connections(10).nothing_written();
}
