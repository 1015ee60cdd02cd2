//! The same registry without a deed: what every other test here would see if its attack did nothing.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use aisoc_testkit::hostile_registry::{Attacked, Ended, PASSWORD, TOKEN, USER};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::support::Bench;
use super::{USUAL, empty, install, install_over_tls, push, registry};

#[test]
fn what_does_no_harm_is_installed_with_a_login() {
    let registry = registry();
    // Asked, logged in, asked again, and then the layer.
    install(&registry).read_at_most(USUAL).connections(4).unharmed();
    assert!(registry.heard().to_ascii_lowercase().contains("authorization: basic "), "the password was in play");
}

#[test]
fn what_does_no_harm_is_installed_over_tls() {
    let registry = registry().over_tls("self");
    install_over_tls(&registry, "self").read_at_most(USUAL).unharmed();
    assert!(registry.heard().to_ascii_lowercase().contains("authorization: basic "), "the password was in play");
}

#[test]
fn what_does_no_harm_is_pushed_with_a_login() {
    let registry = empty();
    push(&registry).succeeded().read_at_most(USUAL).connections(14).nothing_written();
    assert!(registry.heard().to_ascii_lowercase().contains("authorization: basic "), "the password was in play");
}

/// What the harness says of a victim that does that: nothing, or why it fails.
fn found_out(victim: impl FnOnce(&Bench, &str) -> Ended, held: impl FnOnce(Attacked)) -> Option<String> {
    let (registry, bench) = (registry(), Bench::new());
    let other = registry.other();
    let looked = || held(registry.attack(&bench.path(""), || victim(&bench, &other)));
    let failed = catch_unwind(AssertUnwindSafe(looked)).err()?;
    Some(failed.downcast_ref::<String>().cloned().unwrap_or_default())
}

/// What an attack is held to.
type Held = fn(Attacked);

fn ended(shown: &str) -> Ended {
    Ended { code: 1, reason: "registry_denied".to_owned(), shown: shown.to_owned() }
}

/// Says that to the other listener.
fn tell(other: &str, request: &str) -> Ended {
    let mut stream = TcpStream::connect(other).expect("connected");
    stream.write_all(request.as_bytes()).expect("said");
    let _ = stream.read(&mut [0; 4096]).expect("answered");
    ended("")
}

#[test]
fn a_login_that_goes_astray_is_found_out() {
    let basic = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    for (request, is_found) in [
        ("GET /x HTTP/1.1\r\n\r\n".to_owned(), false),
        ("GET /x HTTP/1.1\r\nauthorization: x\r\n\r\n".to_owned(), true),
        ("GET /x HTTP/1.1\r\nCookie: a=b\r\n\r\n".to_owned(), true),
        (format!("GET /x?password={PASSWORD} HTTP/1.1\r\n\r\n"), true),
        (format!("GET /x HTTP/1.1\r\nX-Login: {basic}\r\n\r\n"), true),
        (format!("GET /x HTTP/1.1\r\nReferer: http://x/{TOKEN}\r\n\r\n"), true),
        (format!("POST /x HTTP/1.1\r\nContent-Length: {}\r\n\r\n{TOKEN}", TOKEN.len()), true),
    ] {
        let found = found_out(|_, other| tell(other, &request), |held| held.connections_elsewhere(1).nothing_written());
        assert_eq!(
            found.as_deref().is_some_and(|why| why.contains("was told who asks")),
            is_found,
            "{request}: {found:?}"
        );
    }
}

#[test]
fn a_secret_that_is_shown_and_a_file_that_is_left_are_found_out() {
    let shown = found_out(|_, _| ended(&format!("logged in with {PASSWORD}")), Attacked::nothing_written);
    assert!(shown.is_some_and(|why| why.contains("a secret is shown")));
    let written = |bench: &Bench, _: &str| {
        fs::create_dir(bench.path("plugins")).expect("made");
        ended("")
    };
    assert!(found_out(written, Attacked::nothing_written).is_some_and(|why| why.contains("plugins")));
    assert_eq!(found_out(written, |held| held.nothing_written_but(&["plugins"])), None);
    assert!(found_out(|_, _| ended(""), |held| held.nothing_written_but(&["plugins"])).is_some());
}

#[test]
fn what_an_attack_costs_and_where_it_led_are_held_to() {
    let asks = |_: &Bench, other: &str| tell(other, "GET /x HTTP/1.1\r\n\r\n");
    let wrong: [(_, Held); 6] = [
        ("reason", |held| held.refused(1, "registry_tls").connections_elsewhere(1).nothing_written()),
        ("code", |held| held.refused(4, "registry_denied").connections_elsewhere(1).nothing_written()),
        ("bytes", |held| held.read_at_most(1).connections_elsewhere(1).nothing_written()),
        ("connections", |held| held.connections(1).connections_elsewhere(1).nothing_written()),
        ("elsewhere", |held| held.connections_elsewhere(2).nothing_written()),
        ("nothing said of elsewhere", Attacked::nothing_written),
    ];
    for (what, held) in wrong {
        assert!(found_out(asks, held).is_some(), "{what}");
    }
    let right = |held: Attacked| {
        held.refused(1, "registry_denied").read_at_most(1000).connections(0).connections_elsewhere(1).nothing_written();
    };
    assert_eq!(found_out(asks, right), None);
}
