//! Where a registry leads: to others, inside, round in circles, and nowhere.

use aisoc_testkit::hostile_registry::{Attacked, HostileRegistry, leads_to, says};

use super::{LOGIN, USUAL, install, install_over_tls, layer, registry};

/// Most hops that are followed.
const MAX_HOPS: usize = 5;

/// A registry that leads there for its manifest.
fn leading(to: &str) -> HostileRegistry {
    registry().on("GET", "/manifests/", leads_to(to))
}

#[track_caller]
fn refused(outcome: Attacked) {
    outcome.refused(1, "redirect_refused").read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn a_layer_at_another_place_is_fetched_without_the_login() {
    let registry = registry().on("GET", "/blobs/", leads_to("http://{elsewhere}/v2/team/demo/blobs/x"));
    let registry = registry.elsewhere("GET", "/blobs/", says("200 OK", layer()));
    install(&registry).read_at_most(USUAL).connections(LOGIN + 1).connections_elsewhere(1).unharmed();
}

#[test]
fn a_manifest_at_another_place_is_fetched_without_the_login() {
    let registry = leading("http://{elsewhere}/v2/team/demo/manifests/1");
    install(&registry).read_at_most(USUAL).connections(LOGIN + 1).connections_elsewhere(1).unharmed();
}

#[test]
fn another_place_that_asks_for_the_login() {
    let registry = leading("http://{elsewhere}/x").elsewhere(
        "GET",
        "/x",
        says("401 Unauthorized\nWWW-Authenticate: Bearer realm=\"http://{elsewhere}/token\"", []),
    );
    let outcome = install(&registry).refused(1, "registry_refused");
    outcome.read_at_most(USUAL).connections_elsewhere(3).connections(LOGIN + 2).nothing_written();
}

#[test]
fn another_place_that_leads_back_for_the_login() {
    let registry = registry().on("GET", "/manifests/1", leads_to("http://{elsewhere}/x"));
    let registry = registry.elsewhere("GET", "/x", leads_to("http://{home}/v2/secret/manifests/2"));
    let outcome = install(&registry).refused(1, "registry_refused");
    outcome.read_at_most(USUAL).connections_elsewhere(3).connections(LOGIN + 5).nothing_written();
    let heard = registry.heard();
    let secret = heard.split("GET /v2/secret/").nth(1).expect("it was led there");
    assert!(!secret.split("\r\n\r\n").next().unwrap_or_default().contains("uthorization"), "{secret}");
}

#[test]
fn a_cookie_that_is_set_comes_back_nowhere() {
    let redirect =
        says("307 x\nLocation: http://{elsewhere}/v2/team/demo/manifests/1\nSet-Cookie: a=b; Domain=127.0.0.1", []);
    let registry = registry().on("GET", "/manifests/", redirect);
    install(&registry).read_at_most(USUAL).connections(LOGIN + 1).connections_elsewhere(1).unharmed();
    assert!(!registry.heard().to_ascii_lowercase().contains("cookie"), "{}", registry.heard());
}

#[test]
fn other_bytes_at_another_place() {
    let registry = registry().on("GET", "/blobs/", leads_to("http://{elsewhere}/x"));
    let registry = registry.elsewhere("GET", "/x", says("200 OK", vec![0; layer().len()]));
    let outcome = install(&registry).refused(3, "pull_failed");
    outcome.read_at_most(USUAL).connections(LOGIN + 1).connections_elsewhere(1).nothing_written();
}

#[test]
fn another_address_of_this_machine() {
    for to in [
        "http://{inside}/x",
        "//{inside}/x",
        "http://127.0.0.2:80/x",
        "http://2130706434/x",
        "http://0x7f.2/x",
        "http://[::1]/x",
    ] {
        refused(install(&leading(to)));
    }
}

#[test]
fn the_metadata_service_of_a_cloud() {
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "169.254.170.2",
        "metadata.google.internal",
        "metadata.google.internal.",
    ] {
        refused(install(&leading(&format!("http://{host}/latest"))));
    }
}

#[test]
fn addresses_of_the_network_inside() {
    for host in [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.1.1",
        "[fe80::1]",
        "[fd12::1]",
        "0.0.0.0",
        "224.0.0.1",
    ] {
        refused(install(&leading(&format!("http://{host}/x"))));
    }
}

#[test]
fn a_layer_inside() {
    let registry = registry().on("GET", "/blobs/", leads_to("http://{inside}/x"));
    let outcome = install(&registry).refused(1, "redirect_refused");
    outcome.read_at_most(USUAL).connections(LOGIN + 1).nothing_written();
}

#[test]
fn out_of_tls() {
    let registry = leading("http://{elsewhere}/v2/team/demo/manifests/1").over_tls("self");
    let outcome = install_over_tls(&registry, "self").refused(1, "redirect_refused");
    outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
}

#[test]
fn in_a_circle() {
    // A place without a name is the one that leads there (RFC 3986, 5.2.2).
    for to in ["http://{home}/v2/team/demo/manifests/1", ""] {
        // Each hop at home is asked for without the login, and then with it.
        let outcome = install(&leading(to)).refused(1, "redirect_refused");
        outcome.read_at_most(USUAL).connections(LOGIN + 2 * MAX_HOPS).nothing_written();
    }
}

#[test]
fn in_a_circle_of_two() {
    let registry =
        leading("http://{elsewhere}/x").elsewhere("GET", "/x", leads_to("http://{home}/v2/team/demo/manifests/1"));
    let outcome = install(&registry);
    outcome
        .refused(1, "registry_refused")
        .connections_elsewhere(3)
        .read_at_most(USUAL)
        .connections(LOGIN + 5)
        .nothing_written();
}

#[test]
fn five_hops_and_six() {
    for (hops, is_taken) in [(MAX_HOPS, true), (MAX_HOPS + 1, false)] {
        let mut registry = leading("http://{elsewhere}/hop/1/");
        for hop in 1..hops {
            let to = format!("http://{{elsewhere}}/hop/{}/", hop + 1);
            registry = registry.elsewhere("GET", &format!("/hop/{hop}/"), leads_to(&to));
        }
        let manifest = super::SMALL.content.tagged();
        registry = registry.elsewhere("GET", &format!("/hop/{hops}/"), says("200 OK", manifest));
        let outcome = install(&registry).read_at_most(USUAL).connections_elsewhere(MAX_HOPS);
        match is_taken {
            true => outcome.connections(LOGIN + 1).unharmed(),
            false => outcome.refused(1, "redirect_refused").connections(LOGIN).nothing_written(),
        }
    }
}

#[test]
fn nowhere() {
    for lines in ["307 x", "307 x\nLocation: http://", "307 x\nLocation: http://[::1/x"] {
        refused(install(&registry().on("GET", "/manifests/", says(lines, []))));
    }
}

#[test]
fn to_a_place_that_is_no_web() {
    for to in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/x",
        "data:text/plain,x",
        "javascript:x",
        "unix:/run/x",
    ] {
        refused(install(&leading(to)));
    }
}

#[test]
fn with_a_login_in_the_url() {
    for to in
        ["http://a:b@{elsewhere}/x", "http://a@{elsewhere}/x", "http://:b@{elsewhere}/x", "http://{home}@{elsewhere}/x"]
    {
        refused(install(&leading(to)));
    }
}

#[test]
fn to_an_endless_place() {
    let to = |length: usize| format!("http://{{elsewhere}}/{}", "x".repeat(length));
    refused(install(&leading(&to(8 << 10))));
}

#[test]
fn with_a_choice() {
    let registry = registry().on("GET", "/manifests/", says("300 Multiple Choices\nLocation: http://{inside}/x", []));
    let outcome = install(&registry).refused(4, "registry_protocol");
    outcome.read_at_most(USUAL).connections(LOGIN).nothing_written();
}
