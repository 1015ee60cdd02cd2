//! How a registry asks for a login, and where it would have the password sent.

use aisoc_testkit::hostile_registry::{Attacked, HostileRegistry, says};

use super::{TRIES, USUAL, each, install, install_over_tls, registry};

/// A registry whose token service is there.
fn at(realm: &str) -> HostileRegistry {
    registry().challenging(&format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"x\""))
}

#[track_caller]
fn refused(outcome: Attacked, code: i32, reason: &str) {
    outcome.refused(code, reason).read_at_most(USUAL).connections(1).nothing_written();
}

#[test]
fn a_realm_at_another_address() {
    for realm in ["http://{inside}/token", "http://127.0.0.2/token", "http://[::1]/token", "http://2130706434/token"] {
        refused(install(&at(realm)), 1, "redirect_refused");
    }
}

#[test]
fn a_realm_that_is_a_metadata_service() {
    for realm in [
        "https://169.254.169.254/token",
        "https://2852039166/",
        "https://[fd00:ec2::254]/",
        "https://metadata.google.internal/",
    ] {
        refused(install(&at(realm)), 1, "redirect_refused");
    }
}

#[test]
fn a_realm_in_the_network_inside() {
    for realm in ["https://10.0.0.1/token", "https://192.168.0.1/", "https://[fe80::1]/", "https://100.64.0.1/"] {
        refused(install(&at(realm)), 1, "redirect_refused");
    }
}

#[test]
fn a_realm_without_tls_on_the_internet() {
    for realm in ["http://tokens.example/", "http://93.184.215.14/token", "ftp://{home}/token", "file:///etc/passwd"] {
        refused(install(&at(realm)), 1, "redirect_refused");
    }
}

#[test]
fn a_realm_without_tls_of_a_registry_with_it() {
    let registry = at("http://{elsewhere}/token").over_tls("self");
    refused(install_over_tls(&registry, "self"), 1, "redirect_refused");
}

#[test]
fn a_realm_that_speaks_no_tls() {
    let registry = at("https://{elsewhere}/token");
    let outcome = install(&registry).refused(1, "registry_tls");
    outcome.read_at_most(USUAL).connections(1).connections_elsewhere(1).nothing_written();
}

#[test]
fn a_realm_with_a_login_in_it() {
    for realm in ["http://a:b@{home}/token", "http://{home}@{inside}/token", "http://:b@{home}/token"] {
        refused(install(&at(realm)), 1, "redirect_refused");
    }
}

#[test]
fn a_realm_with_a_fragment() {
    refused(install(&at("http://{home}/token#@{inside}/")), 1, "redirect_refused");
}

#[test]
fn a_realm_that_is_no_url() {
    for realm in ["/token", "token", "", "http://", "{home}/token", "//{elsewhere}/token"] {
        refused(install(&at(realm)), 4, "registry_protocol");
    }
}

#[test]
fn a_realm_with_control_characters() {
    // No header holds them: such an answer is none.
    each(["http://{home}/\u{1}token", "http://{home}\u{0}@{elsewhere}/", "http://{home}/\u{7f}"], |realm| {
        let outcome = install(&at(realm)).refused(4, "registry_unavailable");
        outcome.read_at_most(USUAL).connections(TRIES).nothing_written();
    });
    // A tab may stand in a header and in no realm.
    refused(install(&at("http://{home}/to\tken")), 1, "registry_denied");
}

#[test]
fn a_realm_longer_than_any() {
    refused(install(&at(&format!("http://{{elsewhere}}/{}", "x".repeat(8 << 10)))), 1, "registry_denied");
}

#[test]
fn two_realms_in_one_challenge() {
    let challenge = "WWW-Authenticate: Bearer realm=\"http://{home}/token\",realm=\"http://{elsewhere}/token\"";
    refused(install(&registry().challenging(challenge)), 1, "registry_denied");
}

#[test]
fn a_realm_without_its_closing_quote() {
    let challenge = "WWW-Authenticate: Bearer realm=\"http://{elsewhere}/token";
    refused(install(&registry().challenging(challenge)), 1, "registry_denied");
}

#[test]
fn a_realm_inside_a_value() {
    let challenge = "WWW-Authenticate: Bearer service=\"a, Bearer realm=\\\"http://{elsewhere}/token\\\"\"";
    refused(install(&registry().challenging(challenge)), 1, "registry_denied");
}

#[test]
fn schemes_that_nobody_speaks() {
    for challenge in ["Negotiate", "NTLM TlRMTVNTUAAB", "Digest realm=\"x\",nonce=\"y\"", "AWS4-HMAC-SHA256", ""] {
        refused(install(&registry().challenging(&format!("WWW-Authenticate: {challenge}"))), 1, "registry_denied");
    }
}

#[test]
fn no_challenge_at_all() {
    let registry = registry().at_once("*", "/v2/", says("401 Unauthorized", []));
    refused(install(&registry), 1, "registry_denied");
}

#[test]
fn a_thousand_challenges() {
    let challenge =
        "WWW-Authenticate: Negotiate\n".repeat(90) + "WWW-Authenticate: Bearer realm=\"http://{elsewhere}/token\"";
    refused(install(&registry().challenging(&challenge)), 1, "registry_denied");
}
