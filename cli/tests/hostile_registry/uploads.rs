//! A push into hands that mean harm: where the session is, and what becomes of what was sent.

use aisoc_testkit::hostile_registry::{Attacked, HostileRegistry, in_turn, says};
use aisoc_testkit::tls;

use super::{MANIFEST, SMALL, USUAL, empty, push, push_with};

/// A registry whose upload sessions are there.
fn at(location: &str) -> HostileRegistry {
    empty().on("POST", "/uploads/", says(format!("202 Accepted\nLocation: {location}"), []))
}

#[track_caller]
fn refused(outcome: Attacked, code: i32, reason: &str) {
    // Whether the blob is there, the login, and again; and then the session.
    outcome.refused(code, reason).read_at_most(USUAL).connections(5).nothing_written();
}

#[test]
fn a_session_at_another_host() {
    for location in ["http://{elsewhere}/up/1", "//{elsewhere}/up/1", "http://{inside}/up/1"] {
        refused(push(&at(location)), 1, "redirect_refused");
    }
}

#[test]
fn a_session_at_a_metadata_service() {
    for location in ["http://169.254.169.254/up", "http://2852039166/up", "http://[fd00:ec2::254]/up"] {
        refused(push(&at(location)), 1, "redirect_refused");
    }
}

#[test]
fn a_session_with_a_login_in_its_url() {
    for location in ["http://a:b@{home}/up/1", "http://a@{home}/up/1", "http://{home}@{elsewhere}/up/1"] {
        refused(push(&at(location)), 1, "redirect_refused");
    }
}

#[test]
fn a_session_out_of_tls() {
    let registry = at("http://{elsewhere}/up/1").over_tls("self");
    let certificate = tls::certificate("self").display().to_string();
    let outcome = push_with(&registry, &["--plain-http=false", "--ca-file", &certificate]);
    refused(outcome, 1, "redirect_refused");
}

#[test]
fn a_session_nowhere() {
    let registry = empty().on("POST", "/uploads/", says("202 Accepted", []));
    refused(push(&registry), 4, "registry_protocol");
    refused(push(&at("http://[::1/up")), 4, "registry_protocol");
    refused(push(&at(&format!("/up/{}", "x".repeat(8 << 10)))), 4, "registry_protocol");
}

#[test]
fn a_session_that_is_no_web() {
    for location in ["file:///etc/passwd", "ftp://{home}/up"] {
        refused(push(&at(location)), 1, "redirect_refused");
    }
}

#[test]
fn an_upload_that_is_turned_into_a_question() {
    for status in ["301", "302", "303"] {
        let registry =
            empty().on("PUT", "/uploads/", says(format!("{status} x\nLocation: http://{{elsewhere}}/x"), []));
        let outcome = push(&registry).refused(1, "redirect_refused");
        outcome.read_at_most(USUAL).connections(6).nothing_written();
    }
}

#[test]
fn an_upload_that_is_led_inside() {
    let registry = empty().on("PUT", "/uploads/", says("307 x\nLocation: http://{inside}/x", []));
    let outcome = push(&registry).refused(1, "redirect_refused");
    outcome.read_at_most(USUAL).connections(6).nothing_written();
}

#[test]
fn an_upload_that_is_led_elsewhere_takes_no_login_along() {
    let registry = empty().on("PUT", "/uploads/", says("307 x\nLocation: http://{elsewhere}/up/1", []));
    let registry = registry.elsewhere("PUT", "/up/1", says("201 Created", []));
    let outcome = push(&registry).succeeded().connections_elsewhere(2);
    outcome.read_at_most(USUAL).connections(14).nothing_written();
}

#[test]
fn an_upload_that_is_never_taken() {
    let registry = empty().on("PUT", "/uploads/", says("503 Service Unavailable", []));
    let outcome = push(&registry).refused(4, "registry_unavailable");
    outcome.read_at_most(USUAL).connections(18).within(10).nothing_written();
}

#[test]
fn a_manifest_that_was_taken_and_is_another() {
    let other = String::from_utf8(SMALL.content.tagged().to_vec()).expect("UTF-8").replace("demo", "dome");
    let registry = empty().on("GET", "/manifests/sha256", says(format!("200 OK\nContent-Type: {MANIFEST}"), other));
    let outcome = push(&registry).refused(4, "push_verification");
    outcome.read_at_most(USUAL).connections(12).nothing_written();
}

#[test]
fn a_manifest_that_was_taken_and_is_gone() {
    let registry = empty().on("GET", "/manifests/sha256", says("404 Not Found", []));
    let outcome = push(&registry).refused(4, "push_verification");
    outcome.read_at_most(USUAL).connections(18).within(60).nothing_written();
}

#[test]
fn a_tag_that_was_set_and_names_another() {
    let other = String::from_utf8(SMALL.content.tagged().to_vec()).expect("UTF-8").replace("demo", "dome");
    // Asked before anything is sent, and once more before the tag is set.
    let none = says("404 Not Found", []);
    let names = in_turn([none.clone(), none, says(format!("200 OK\nContent-Type: {MANIFEST}"), other)]);
    let registry = empty().on("PUT", "/manifests/0.1.0", says("200 OK", [])).on("GET", "/manifests/0.1.0", names);
    let outcome = push(&registry).refused(4, "push_verification");
    outcome.read_at_most(USUAL).connections(21).within(60).nothing_written();
}

#[test]
fn a_yes_to_everything() {
    let registry = empty().at_once("*", "/", says("200 OK\nContent-Type: text/html", "<html>fine</html>"));
    let outcome = push(&registry).refused(4, "registry_protocol");
    outcome.read_at_most(USUAL).connections(1).nothing_written();
}
