//! `aisoc plugin attest --keyless`: in a job of CI, against services on this machine. What is published counts for whoever
//! verifies it, and nothing is where any of them did something else.

mod support;

use support::{Bench, Run};

#[cfg(not(feature = "keyless"))]
#[test]
fn a_build_without_it_says_so_and_how_to_have_one_that_has_it() {
    let bench = Bench::new();
    bench.published();
    bench.write("slsa.json", r#"{"buildDefinition":{},"runDetails":{}}"#);
    let run =
        attest(&bench, "oci:layout:1", &["--fulcio-url", "https://a.example", "--rekor-url", "https://b.example"]);
    run.refused(2, "usage");
    assert!(run.stderr.contains("--features keyless"), "{run:?}");
}

/// As `attest` is asked in a job that has nothing more to say.
fn attest(bench: &Bench, reference: &str, words: &[&str]) -> Run {
    bench.run(&[&fixed(reference)[..], words].concat())
}

fn fixed(reference: &str) -> [&str; 8] {
    ["plugin", "attest", reference, "--type", "slsa", "--predicate", "slsa.json", "--keyless"]
}

#[test]
fn a_key_and_no_key_are_not_asked_for_at_once_and_each_needs_what_it_needs() {
    let bench = Bench::new();
    bench.published();
    bench.write("slsa.json", r#"{"buildDefinition":{},"runDetails":{}}"#);
    let both =
        ["--fulcio-url", "https://a.example", "--rekor-url", "https://b.example", "--private-key", "release.key"];
    attest(&bench, "oci:layout:1", &both).refused(2, "usage");
    attest(&bench, "oci:layout:1", &["--fulcio-url", "https://a.example"]).refused(2, "usage");
    let keyed = &fixed("oci:layout:1")[..7];
    bench
        .run(&[keyed, &["--private-key", "release.key", "--rekor-url", "https://b.example"]].concat())
        .refused(2, "usage");
    bench.run(keyed).refused(2, "usage");
}

#[cfg(feature = "keyless")]
mod built {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use aisoc_testkit::registry::Registry;
    use aisoc_testkit::signing_services::{
        GITHUB, Misdeed, REQUEST_TOKEN, Role, SigningServices, WORKFLOW, github_claims,
    };
    use rustix::process::{Pid, Signal, kill_process};
    use serde_json::{Value, json};

    use super::fixed;
    use super::support::{Bench, Run};

    /// A plugin in a registry, a predicate, a trusted root, and who signs.
    struct Site {
        bench: Bench,
        registry: Registry,
        services: SigningServices,
    }

    impl Site {
        fn new() -> Self {
            let site = Self { bench: Bench::new(), registry: Registry::start(), services: SigningServices::start() };
            site.bench.published();
            site.bench.run(&["plugin", "push", "demo.tar", &site.reference()]).ok();
            site.registry.forget();
            site.bench.write("slsa.json", r#"{"buildDefinition":{},"runDetails":{}}"#);
            site.bench.write("root.json", site.services.trusted_root().to_string());
            site
        }

        fn reference(&self) -> String {
            self.registry.reference("team/demo:1")
        }

        fn attest(&self, words: &[&str], variables: &[(&str, &str)]) -> Run {
            let urls = [Role::Fulcio, Role::Rekor, Role::Clock].map(|role| self.services.url(role));
            let reference = self.reference();
            let at = ["--fulcio-url", &urls[0], "--rekor-url", &urls[1], "--timestamp-server-url", &urls[2]];
            let run = self.bench.run_with(&[&fixed(&reference)[..], &at, words].concat(), variables);
            for secret in ["hunter2", "c2lnbmVkLWh1bnRlcj"] {
                assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run:?}");
            }
            run
        }

        /// In a step of GitHub Actions that may ask for tokens.
        fn in_github(&self, words: &[&str]) -> Run {
            let url = self.services.token_request_url();
            let variables =
                [("ACTIONS_ID_TOKEN_REQUEST_URL", &*url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)];
            self.attest(&[&["--trusted-root", "root.json"], words].concat(), &variables)
        }

        fn verify(&self) -> Run {
            let (reference, name) = (self.reference(), format!("https://github.com/{WORKFLOW}"));
            self.bench.run(&[
                "plugin",
                "verify",
                &reference,
                "--keys",
                "keys",
                "--require",
                "provenance",
                "--trusted-root",
                "root.json",
                "--certificate-identity",
                &name,
                "--certificate-oidc-issuer",
                GITHUB,
            ])
        }

        fn nothing_was_sent(&self, why: &str) {
            let sent: Vec<_> = self
                .registry
                .requests()
                .into_iter()
                .filter(|seen| !matches!(seen.method.as_str(), "GET" | "HEAD"))
                .collect();
            assert!(sent.is_empty(), "{why}: {sent:?}");
        }

        fn nobody_was_asked(&self) {
            assert!(self.services.heard().is_empty(), "{:?}", self.services.heard());
        }
    }

    #[test]
    fn what_a_job_signs_counts_for_whoever_verifies_it() {
        let site = Site::new();
        site.verify().refused(3, "proof_missing");
        let done = site.in_github(&["--json"]);
        let shown: Value = serde_json::from_str(&done.ok().stdout).expect("JSON");
        assert_eq!(shown["certificate_identity"], format!("https://github.com/{WORKFLOW}"));
        assert_eq!(
            [&shown["certificate_oidc_issuer"], &shown["signing_key_fingerprint"]],
            [&json!(GITHUB), &Value::Null]
        );
        let verified = site.verify();
        assert!(verified.ok().stdout.contains("proof=provenance"), "{verified:?}");
        let said = site.in_github(&[]);
        assert!(said.ok().stderr.contains("Attested") && said.stderr.contains(WORKFLOW), "{said:?}");
    }

    #[test]
    fn a_log_of_the_second_version_is_asked_where_it_is_named_so() {
        let site = Site::new();
        site.in_github(&["--rekor-version", "2"]).ok();
        let path = site.services.heard().into_iter().find(|heard| heard.role == Role::Rekor).expect("asked").path;
        assert_eq!(path, "/api/v2/log/entries");
        assert!(site.verify().ok().stdout.contains("proof=provenance"));
        // It vouches for no time, so without somebody who does nobody is asked for anything.
        let site = Site::new();
        let [fulcio, rekor] = [Role::Fulcio, Role::Rekor].map(|role| site.services.url(role));
        let reference = site.reference();
        let at =
            ["--fulcio-url", &fulcio, "--rekor-url", &rekor, "--rekor-version", "2", "--trusted-root", "root.json"];
        let token = [("SIGSTORE_ID_TOKEN", &*site.services.token(&github_claims()))];
        let run = site.bench.run_with(&[&fixed(&reference)[..], &at].concat(), &token);
        run.refused(2, "usage");
        assert!(run.stderr.contains("--timestamp-server-url"), "{run:?}");
        site.nobody_was_asked();
        site.nothing_was_sent("no time");
    }

    #[test]
    fn a_token_of_a_variable_and_of_a_file_does_as_well() {
        let site = Site::new();
        let token = site.services.token(&github_claims());
        let root = ("PLUGIN_SIGSTORE_ROOT", "root.json");
        site.attest(&[], &[root, ("SIGSTORE_ID_TOKEN", &token)]).ok();
        site.verify().ok();
        let file = site.bench.write("token", format!("{token}\n"));
        let close =
            |mode| std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("set");
        close(0o644);
        site.attest(&["--identity-token-file", "token"], &[root]).refused(1, "private_key_exposed");
        close(0o600);
        site.attest(&["--identity-token-file", "token"], &[root]).ok();
        assert!(site.services.heard().iter().all(|heard| heard.role != Role::Issuer));
    }

    #[test]
    fn without_a_token_a_root_or_with_one_that_does_not_count_nobody_is_asked() {
        let site = Site::new();
        let none = site.attest(&["--trusted-root", "root.json"], &[]);
        none.refused(1, "identity_token_invalid");
        for name in [
            "--identity-token-file",
            "SIGSTORE_ID_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        ] {
            assert!(none.stderr.contains(name), "{none:?}");
        }
        let half =
            site.attest(&["--trusted-root", "root.json"], &[("ACTIONS_ID_TOKEN_REQUEST_URL", "https://ci.example/")]);
        half.refused(1, "identity_token_invalid");
        assert!(half.stderr.contains("ACTIONS_ID_TOKEN_REQUEST_URL alone"), "{half:?}");
        let mut old = github_claims();
        old["exp"] = json!(1_000);
        for token in ["hunter2", &site.services.token(&old)] {
            site.attest(&["--trusted-root", "root.json"], &[("SIGSTORE_ID_TOKEN", token)])
                .refused(1, "identity_token_invalid");
        }
        site.in_github(&["--dry-run"]).refused(2, "usage");
        site.in_github(&["--identity-token-file", "nowhere/at-all"]).refused(1, "io_not_found");
        site.attest(&["--trusted-root", "nowhere/at-all"], &[]).refused(1, "io_not_found");
        site.bench.write("long", "x".repeat(20 << 10));
        site.in_github(&["--identity-token-file", "long"]).refused(1, "identity_token_invalid");
        for url in ["http://fulcio.example", "https://user:hunter2@fulcio.example", "no URL"] {
            let words = &fixed("oci:layout:1")[..];
            let at = ["--fulcio-url", url, "--rekor-url", "https://rekor.example", "--trusted-root", "root.json"];
            let run = site.bench.run(&[words, &at].concat());
            run.refused(2, "usage");
            assert!(!run.stderr.contains("hunter2"), "{run:?}");
        }
        let token = site.services.token(&github_claims());
        site.attest(&[], &[("SIGSTORE_ID_TOKEN", &token)]).refused(2, "usage");
        site.bench.write("root.json", "{}");
        site.attest(&["--trusted-root", "root.json"], &[("SIGSTORE_ID_TOKEN", &token)])
            .refused(1, "trusted_root_invalid");
        site.nobody_was_asked();
        site.nothing_was_sent("none of them");
    }

    #[test]
    fn nothing_is_published_where_a_service_did_something_else() {
        let site = Site::new();
        for (role, misdeed, code, reason) in [
            (Role::Issuer, Misdeed::Expired, 1, "identity_token_invalid"),
            (Role::Fulcio, Misdeed::OtherKey, 3, "signing_service_mismatch"),
            (Role::Fulcio, Misdeed::OtherName, 3, "signing_service_mismatch"),
            (Role::Fulcio, Misdeed::OtherInstance, 3, "proof_certificate_refused"),
            (Role::Fulcio, Misdeed::Status(401), 1, "signing_service_refused"),
            (Role::Fulcio, Misdeed::Leads(307), 1, "signing_service_refused"),
            (Role::Clock, Misdeed::OtherNonce, 3, "signing_service_mismatch"),
            (Role::Clock, Misdeed::OtherInstance, 3, "proof_timestamp_refused"),
            (Role::Rekor, Misdeed::OtherContent, 3, "signing_service_mismatch"),
            (Role::Rekor, Misdeed::FalseProof, 3, "proof_malformed"),
            (Role::Rekor, Misdeed::Status(503), 4, "signing_service_unavailable"),
        ] {
            site.services.behave();
            site.services.misbehave(role, misdeed);
            site.in_github(&[]).refused(code, reason);
            site.nothing_was_sent(reason);
        }
        site.services.behave();
        site.verify().refused(3, "proof_missing");
        site.in_github(&[]).ok();
        site.verify().ok();
    }

    #[test]
    fn an_interrupt_ends_the_wait_for_a_service_and_nothing_is_published() {
        let site = Site::new();
        for role in [Role::Fulcio, Role::Rekor] {
            site.services.behave();
            site.services.misbehave(role, Misdeed::Silence);
            let [fulcio, rekor] = [Role::Fulcio, Role::Rekor].map(|role| site.services.url(role));
            let reference = site.reference();
            let at = ["--fulcio-url", &fulcio, "--rekor-url", &rekor, "--trusted-root", "root.json"];
            let mut command = site.bench.command(&[&fixed(&reference)[..], &at].concat());
            command.env("SIGSTORE_ID_TOKEN", site.services.token(&github_claims()));
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
            let began = Instant::now();
            while !site.services.heard().iter().any(|heard| heard.role == role) {
                assert!(began.elapsed() < Duration::from_secs(20), "{role:?} was not asked");
                std::thread::sleep(Duration::from_millis(20));
            }
            let asked = Instant::now();
            kill_process(Pid::from_child(&child), Signal::INT).expect("sent");
            assert_eq!(child.wait().expect("ended").code(), Some(130), "{role:?}");
            assert!(asked.elapsed() < Duration::from_secs(5), "{role:?}: {:?}", asked.elapsed());
            site.nothing_was_sent("interrupted");
        }
    }

    /// The step, the host, the two values, and what to do next.
    #[test]
    fn a_refusal_reads_as_agreed() {
        let site = Site::new();
        let workflow = format!("`https://github.com/{WORKFLOW}` by `{GITHUB}`");
        let of = |role: Role| site.services.url(role).trim_start_matches("http://").to_owned();
        for (role, misdeed, text) in [
            (
                Role::Fulcio,
                Misdeed::Leads(307),
                format!(
                    "error[signing_service_refused]: Fulcio at `{}` gives no certificate\n  \
                     expected: an answer of its own\n  found:    307\n\
                     hint: name where the service itself is: nothing is followed, because a token would go along\n",
                    of(Role::Fulcio)
                ),
            ),
            (
                Role::Fulcio,
                Misdeed::OtherName,
                format!(
                    "error[signing_service_mismatch]: Fulcio at `{}` gives a certificate of another identity\n  \
                     expected: {workflow}\n  found:    `https://github.com/somebody/else` by `{GITHUB}`\n\
                     hint: where the authority calls the same job otherwise, say how: `--certificate-identity` and \
                     `--certificate-oidc-issuer`\n",
                    of(Role::Fulcio)
                ),
            ),
            (
                Role::Rekor,
                Misdeed::Status(503),
                format!(
                    "error[signing_service_unavailable]: Rekor at `{}` gives no entry of its log\n  \
                     expected: an answer of its own\n  found:    503\n\
                     hint: try again; the same command signs anew\n",
                    of(Role::Rekor)
                ),
            ),
            (
                Role::Issuer,
                Misdeed::OtherAudience,
                format!(
                    "error[identity_token_invalid]: the identity token that the answer of GitHub Actions at `{}` holds is \
                     for somebody else\n  expected: the audience `sigstore`\n  found:    `https://github.com/team`\n\
                     hint: have the job ask for a token with the audience `sigstore`\n",
                    of(Role::Issuer)
                ),
            ),
            (
                Role::Rekor,
                Misdeed::FalseProof,
                "error[proof_malformed]: the services have signed, and nothing is published, but `the bundle that was made` \
                 is no proof"
                    .to_owned(),
            ),
        ] {
            site.services.behave();
            site.services.misbehave(role, misdeed);
            let run = site.in_github(&[]);
            assert!(run.stderr.contains(&text), "{misdeed:?}: {}\nand not\n{text}", run.stderr);
        }
    }

    /// Whoever expects another name gets no certificate of this one into a log.
    #[test]
    fn a_name_that_was_said_has_to_be_the_certificates() {
        let site = Site::new();
        let run = site.in_github(&["--certificate-identity", "https://github.com/team/other"]);
        run.refused(3, "signing_service_mismatch");
        assert!(site.services.heard().iter().all(|heard| heard.role != Role::Rekor));
        site.nothing_was_sent("another name");
    }
}
