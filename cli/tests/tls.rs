//! TLS and proxies, as an operator sets them up: flags, variables, exit codes and hints.

mod support;

use aisoc_testkit::proxy::Proxy;
use aisoc_testkit::registry::Registry;
use aisoc_testkit::tls;
use support::{Bench, Run};

/// A registry that holds the bench's plugin as `team/demo:1`.
fn published(bench: &Bench) -> Registry {
    let registry = Registry::start();
    bench.published();
    bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]).ok();
    registry
}

fn verify(bench: &Bench, host: &str, flags: &[&str], variables: &[(&str, &str)]) -> Run {
    let reference = format!("{host}/team/demo:1");
    let words = [&["plugin", "verify", &reference, "--keys", "keys"], flags].concat();
    bench.run_with(&words, variables)
}

fn path(name: &str) -> String {
    tls::certificate(name).display().to_string()
}

#[test]
fn a_private_authority_is_given_by_flag_or_variable() {
    let bench = Bench::new();
    let registry = published(&bench);
    let host = format!("localhost:{}", tls::serve("issued", &registry.host()).port());
    let (authority, other) = (path("authority"), path("self"));
    verify(&bench, &host, &["--ca-file", &authority], &[]).ok();
    verify(&bench, &host, &["--ca-file", &authority, "--plain-http=false"], &[]).ok();
    for variable in ["AISOC_CA_FILE", "SSL_CERT_FILE"] {
        verify(&bench, &host, &["--plain-http=false"], &[(variable, &authority)]).ok();
        // A certificate for this very host says that TLS is meant.
        verify(&bench, &host, &[], &[(variable, &path("issued"))]).ok();
    }
    // The flag before the variable.
    verify(&bench, &host, &["--ca-file", &authority], &[("AISOC_CA_FILE", &other)]).ok();
    let run = verify(&bench, &host, &["--ca-file", &other], &[("AISOC_CA_FILE", &authority)]);
    run.refused(1, "registry_tls");
    assert!(run.stderr.contains("\n  expected: a certificate of a trusted authority\n"), "{run:?}");
    assert!(run.stderr.contains("--ca-file FILE"), "{run:?}");
    // Without TLS nothing depends on certificates, and without a word nothing is spoken but plain HTTP.
    verify(&bench, &registry.host(), &[], &[("AISOC_CA_FILE", &authority), ("SSL_CERT_FILE", "absent")]).ok();
    let run = verify(&bench, &host, &[], &[]);
    run.refused(4, "registry_unavailable");
    assert!(run.stderr.contains("--plain-http=false"), "{run:?}");
}

#[test]
fn a_file_of_certificates_that_cannot_be_used_is_never_passed_over() {
    let bench = Bench::new();
    let registry = published(&bench);
    let host = format!("localhost:{}", tls::serve("issued", &registry.host()).port());
    bench.write("ca.der", b"0\x82\x01\x0a");
    bench.write("empty.pem", "");
    for (file, code, reason) in [("absent.pem", 1, "io_not_found"), ("ca.der", 2, "usage"), ("empty.pem", 2, "usage")] {
        let run = verify(&bench, &host, &["--ca-file", file], &[]);
        run.refused(code, reason);
        assert!(run.error_line().contains(file) && run.error_line().contains("--ca-file"), "{run:?}");
        for variable in ["AISOC_CA_FILE", "SSL_CERT_FILE"] {
            let run = verify(&bench, &host, &["--plain-http=false"], &[(variable, file)]);
            run.refused(code, reason);
            assert!(run.error_line().contains(file) && run.error_line().contains(variable), "{run:?}");
        }
    }
}

#[test]
fn a_proxy_that_is_in_the_way_is_named_with_its_variable_and_without_its_login() {
    let bench = Bench::new();
    bench.published();
    // A port that the system gives to nobody who asks for any.
    let dead = "127.0.0.1:1";
    let asking = Proxy::answering("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n").host();
    for (variable, host, code, reason) in [
        ("HTTPS_PROXY", dead, 4, "proxy_unavailable"),
        ("https_proxy", dead, 4, "proxy_unavailable"),
        ("ALL_PROXY", dead, 4, "proxy_unavailable"),
        ("HTTPS_PROXY", &*asking, 1, "proxy_denied"),
        ("HTTPS_PROXY", "proxy.corp:3128/path", 2, "usage"),
    ] {
        let value = format!("http://robot:hunter2pass@{host}");
        let run = verify(&bench, "registry.corp", &[], &[(variable, &value)]);
        run.refused(code, reason);
        assert!(run.error_line().contains(variable), "{run:?}");
        assert!(run.stderr.contains(host.trim_end_matches("/path")), "{run:?}");
        assert!(!run.stderr.contains("hunter2pass") && !run.stderr.contains("registry_unavailable"), "{run:?}");
    }
}

#[test]
fn hosts_of_no_proxy_may_have_a_port_and_a_header_of_a_request_is_no_proxy() {
    let bench = Bench::new();
    let registry = published(&bench);
    let proxy = Proxy::to(&registry.host());
    let through = |extra: &[(&str, &str)]| {
        let host = proxy.host();
        let variables = [&[("HTTP_PROXY", &*host)], extra].concat();
        let before = proxy.heads().len();
        let run = verify(&bench, "registry.corp:9131", &["--plain-http"], &variables);
        (run.code, proxy.heads().len() > before)
    };
    assert_eq!(through(&[]), (0, true));
    assert_eq!(through(&[("NO_PROXY", "registry.corp:9132")]), (0, true));
    for exempt in ["registry.corp:9131", "*.corp", " other , REGISTRY.corp. ", "*"] {
        // Without the proxy the name leads nowhere.
        assert_eq!(through(&[("NO_PROXY", exempt)]), (4, false), "{exempt}");
        assert_eq!(through(&[("no_proxy", exempt)]), (4, false), "{exempt}");
    }
    assert_eq!(through(&[("REQUEST_METHOD", "GET")]), (4, false));
}
