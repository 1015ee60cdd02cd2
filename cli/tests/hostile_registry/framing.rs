//! Bytes that are no HTTP, heads without end, and TLS that proves nothing.

use std::time::Duration;

use aisoc_testkit::hostile_registry::{HostileRegistry, drips, endless, raw, stalls};
use aisoc_testkit::tls;

use super::{Install, LOGIN, MORE, TRIES, UNDERWAY, USUAL, each, install, install_hastily, install_over_tls, registry};

fn saying(bytes: impl Into<Vec<u8>>) -> HostileRegistry {
    registry().on("GET", "/manifests/", raw(bytes))
}

#[test]
fn a_status_line_that_is_none() {
    each(
        ["HTTP/1.1 20 OK", "HTTP/1.1 two OK", "HTTP/9.9 200 OK", "SSH-2.0-OpenSSH_9.6", "\u{0}\u{1}\u{2}", "200 OK"],
        |line| {
            let outcome = install(&saying(format!("{line}\r\nContent-Length: 0\r\n\r\n")));
            outcome.refused(4, "registry_unavailable").read_at_most(USUAL).connections(LOGIN + MORE).nothing_written();
        },
    );
}

#[test]
fn an_answer_as_before_there_were_headers() {
    let outcome = install(&saying("{\"schemaVersion\":2}"));
    outcome.refused(4, "registry_unavailable").read_at_most(USUAL).connections(LOGIN + MORE).nothing_written();
}

#[test]
fn the_beginning_of_another_protocol() {
    // What a server of HTTP/2 says first: its settings.
    let outcome = install(&saying(b"\0\0\0\x04\0\0\0\0\0".to_vec()));
    outcome.refused(4, "registry_unavailable").read_at_most(USUAL).connections(LOGIN + MORE).nothing_written();
    let outcome = install(&saying("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    outcome.refused(4, "registry_unavailable").read_at_most(USUAL).connections(LOGIN + MORE).nothing_written();
}

#[test]
fn statuses_that_nobody_has_defined() {
    for (status, reason) in [("304", "registry_protocol"), ("600", "registry_protocol"), ("999", "registry_protocol")] {
        let outcome = install(&saying(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n")));
        outcome.refused(4, reason).read_at_most(USUAL).connections(LOGIN).nothing_written();
    }
}

#[test]
fn hints_that_are_followed_by_no_answer() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let registry = registry().on("GET", "/manifests/", drips("", hint, Duration::from_millis(5)));
    let outcome = install_hastily(&registry).refused(4, "registry_unavailable");
    outcome.within(5).read_at_most(4 * USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_head_that_does_not_end() {
    let registry = registry().on("GET", "/manifests/", endless("HTTP/1.1 200 OK\r\n", "a: b\r\n"));
    let outcome = install(&registry).refused(4, "registry_unavailable");
    outcome.read_at_most(USUAL + 3 * UNDERWAY).connections(LOGIN + MORE).nothing_written();
}

#[test]
fn a_header_that_does_not_end() {
    let registry = registry().on("GET", "/manifests/", endless("HTTP/1.1 200 OK\r\na: ", "b"));
    let outcome = install(&registry).refused(4, "registry_unavailable");
    outcome.read_at_most(6 * UNDERWAY).connections(LOGIN + MORE).nothing_written();
}

#[test]
fn a_hundred_and_one_headers() {
    for (count, is_taken) in [(97, true), (101, false)] {
        let lines = "a: b\r\n".repeat(count);
        let body = super::SMALL.content.tagged();
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n{lines}\r\n", body.len());
        let outcome = install(&saying([head.as_bytes(), body].concat()));
        match is_taken {
            true => outcome.connections(LOGIN + 1).unharmed(),
            false => outcome
                .refused(4, "registry_unavailable")
                .read_at_most(USUAL)
                .connections(LOGIN + MORE)
                .nothing_written(),
        }
    }
}

#[test]
fn headers_that_hold_what_none_may() {
    each(["a\u{0}: b", "a: b\u{0}c", "a b: c", ": b", "a: b\rc: d", " folded: line"], |header| {
        let outcome = install(&saying(format!("HTTP/1.1 200 OK\r\n{header}\r\nContent-Length: 0\r\n\r\n")));
        outcome.refused(4, "registry_unavailable").read_at_most(USUAL).connections(LOGIN + MORE).nothing_written();
    });
}

#[test]
fn silence_after_the_question() {
    let registry = registry().on("GET", "/manifests/", stalls(""));
    let outcome = install_hastily(&registry).refused(4, "registry_unavailable");
    outcome.within(5).read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_certificate_that_nobody_vouches_for() {
    let registry = registry().over_tls("self");
    let outcome = install_over_tls(&registry, "self-again").refused(1, "registry_tls");
    outcome.read_at_most(0).connections(1).nothing_written();
}

#[test]
fn a_certificate_that_has_expired() {
    for (shown, trusted) in [("self-expired", "self-expired"), ("issued-expired", "authority")] {
        let registry = registry().over_tls(shown);
        let outcome = install_over_tls(&registry, trusted).refused(1, "registry_tls").shows("expired");
        outcome.read_at_most(0).connections(1).nothing_written();
    }
}

#[test]
fn a_certificate_that_is_not_valid_yet() {
    let registry = registry().over_tls("self-early");
    let outcome = install_over_tls(&registry, "self-early").refused(1, "registry_tls");
    outcome.read_at_most(0).connections(1).nothing_written();
}

#[test]
fn a_certificate_for_another_name() {
    let registry = registry().over_tls("self-elsewhere");
    let outcome = install_over_tls(&registry, "self-elsewhere").refused(1, "registry_tls").shows("another name");
    outcome.read_at_most(0).connections(1).nothing_written();
}

#[test]
fn a_certificate_without_its_key() {
    let registry = registry().over_tls_with_key_of("self-again", "self");
    let outcome = install_over_tls(&registry, "self").refused(1, "registry_tls");
    outcome.read_at_most(0).connections(1).nothing_written();
}

#[test]
fn plain_http_where_tls_was_to_be_spoken() {
    let registry = registry();
    let certificate = tls::certificate("self").display().to_string();
    let words = vec!["--plain-http=false", "--ca-file", &certificate];
    let outcome = Install { words, ..Install::of(&registry) }.run().refused(1, "registry_tls");
    outcome.read_at_most(USUAL).connections(1).nothing_written();
}

#[test]
fn tls_where_plain_http_was_to_be_spoken() {
    let registry = registry().over_tls("self");
    let outcome = install(&registry).refused(4, "registry_unavailable").shows("--plain-http=false");
    outcome.read_at_most(0).connections(TRIES).nothing_written();
}
