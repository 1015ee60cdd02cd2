//! What a release says of itself: an SBOM and provenance beside what was pushed, in a job of CI or where they are asked for;
//! and nothing is pushed of a release whose documents are refused.

mod support;

use std::fs;

use aisoc_testkit::registry::{Act, Registry, Rule};
use serde_json::{Value, json};
use support::jobs::{GITHUB, GITLAB, github_with};
use support::{Bench, Run};

const SBOM: &str = "https://cyclonedx.org/bom";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const JENKINS: [(&str, &str); 2] = [("BUILD_NUMBER", "7"), ("JOB_NAME", "plugins")];

struct Site {
    bench: Bench,
    registry: Registry,
    reference: String,
}

impl Site {
    fn new() -> Self {
        Self::with_rules(Vec::new())
    }

    /// A plugin, a key, and a registry that has nothing.
    fn with_rules(rules: Vec<Rule>) -> Self {
        let (bench, registry) = (Bench::new(), Registry::with_rules(rules));
        bench.published();
        let reference = registry.reference("team/demo:1");
        Self { bench, registry, reference }
    }

    fn release(&self, variables: &[(&str, &str)], more: &[&str]) -> Run {
        let fixed = ["plugin", "release", "demo", &self.reference, "--private-key", "release.key"];
        self.bench.run_with(&[&fixed[..], more].concat(), variables)
    }

    /// The types of what the document of a release says that it has attached.
    fn attached(&self, variables: &[(&str, &str)], more: &[&str]) -> Vec<Value> {
        let run = self.release(variables, &[more, &["--json"]].concat());
        json(run.ok())["attestations"].as_array().expect("a list").clone()
    }

    fn referrers(&self) -> Vec<Value> {
        let inspected = self.bench.run(&["plugin", "inspect", &self.reference, "--json"]);
        json(inspected.ok())["artifact"]["referrers"].as_array().expect("a list").clone()
    }

    fn verify(&self, kinds: &[&str]) -> Run {
        let required = kinds.iter().flat_map(|kind| ["--require", kind]);
        let words = ["plugin", "verify", &self.reference, "--keys", "keys"].into_iter().chain(required);
        self.bench.run(&words.collect::<Vec<_>>())
    }

    fn nothing_was_sent(&self) {
        let requests = self.registry.requests();
        let sent: Vec<_> = requests.iter().filter(|seen| !matches!(seen.method.as_str(), "GET" | "HEAD")).collect();
        assert!(sent.is_empty(), "{sent:?}");
    }
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

fn types(documents: &[Value]) -> Vec<&str> {
    documents
        .iter()
        .filter_map(|one| one["predicate_type"].as_str().or(one["claimed_predicate_type"].as_str()))
        .collect()
}

#[test]
fn a_release_in_a_job_has_both_documents_beside_it_and_again_the_same() {
    for variables in [&GITHUB[..], &GITLAB[..]] {
        let site = Site::new();
        let said = site.release(variables, &[]);
        for kind in [SBOM, PROVENANCE] {
            assert!(said.ok().stderr.contains(&format!(": {kind} as SHA256:")), "{said:?}");
        }
        let listed = site.referrers();
        let mut found = types(&listed);
        found.sort_unstable();
        assert_eq!(found, [SBOM, PROVENANCE]);
        let verified = site.verify(&["provenance", "sbom"]);
        for kind in ["provenance", "sbom"] {
            assert!(verified.ok().stdout.contains(&format!("proof={kind} key=SHA256:")), "{verified:?}");
        }
        site.registry.forget();
        let again = site.attached(variables, &[]);
        assert_eq!(types(&again), [SBOM, PROVENANCE]);
        let digests = |documents: &[Value]| -> std::collections::BTreeSet<String> {
            documents.iter().map(|one| one["referrer_digest"].as_str().expect("a digest").to_owned()).collect()
        };
        assert_eq!(digests(&again), digests(&listed));
        assert!(again.iter().all(|one| one["already_attested"] == true), "{again:?}");
        assert_eq!(site.referrers().len(), 2);
    }
}

/// Who has the version prints the same of it, byte by byte.
#[test]
fn a_document_is_of_the_tree_that_was_published() {
    let site = Site::new();
    fs::remove_file(site.bench.path("demo/plugin.sig")).expect("removed");
    let attached = site.attached(&GITHUB, &[]);
    assert!(!site.bench.path("demo/plugin.sig").exists(), "the directory stays as it is");
    site.bench.run(&["plugin", "pull", &site.reference, "--out", "pulled"]).ok();
    for ((command, kind), said) in [("sbom", "sbom"), ("provenance", "slsa")].into_iter().zip(&attached) {
        let printed = site.bench.run_with(&["plugin", command, "pulled"], &GITHUB);
        site.bench.write("said.json", &printed.ok().stdout);
        let attest = ["plugin", "attest", &site.reference, "--type", kind, "--predicate", "said.json", "--json"];
        let by_hand = json(site.bench.run(&[&attest[..], &["--private-key", "release.key"]].concat()).ok());
        let found = (&by_hand["referrer_digest"], &by_hand["already_attested"]);
        assert_eq!(found, (&said["referrer_digest"], &json!(true)), "{command}");
    }
}

#[test]
fn which_documents_are_there_is_said_by_the_options_and_else_by_the_job() {
    for (variables, options, expected) in [
        (&[][..], &[][..], &[][..]),
        (&[], &["--sbom"], &[SBOM]),
        (&[], &["--provenance"], &[PROVENANCE]),
        (&[("CI", "true")], &[], &[]),
        (&JENKINS, &[], &[SBOM]),
        (&JENKINS, &["--sbom=false"], &[]),
        (&JENKINS, &["--provenance"], &[SBOM, PROVENANCE]),
        (&GITHUB, &["--sbom=false"], &[PROVENANCE]),
        (&GITHUB, &["--provenance=false"], &[SBOM]),
        (&GITLAB, &["--sbom=false", "--provenance=false"], &[]),
    ] {
        let site = Site::new();
        assert_eq!(types(&site.attached(variables, options)), expected, "{variables:?} {options:?}");
        assert_eq!(site.referrers().len(), expected.len(), "{variables:?} {options:?}");
    }
}

#[test]
fn a_dry_run_says_what_would_be_attached_and_sends_nothing() {
    let site = Site::new();
    let foreseen = site.attached(&GITHUB, &["--dry-run"]);
    site.nothing_was_sent();
    let said = site.release(&GITHUB, &["--dry-run"]);
    assert_eq!(said.ok().stderr.matches("Would attest").count(), 2, "{said:?}");
    let done = site.attached(&GITHUB, &[]);
    assert_eq!(foreseen, done);
    let new = ["plugin", "release", "demo", "oci:layout", "--new-key", "--dry-run", "--sbom", "--json"];
    let by_nobody = json(site.bench.run(&new).ok());
    assert_eq!(
        by_nobody["attestations"],
        json!([{"predicate_type": SBOM, "referrer_digest": null, "already_attested": false}])
    );
    assert!(!site.bench.path("layout").exists());
}

#[test]
fn a_layout_has_them_as_well() {
    let bench = Bench::new();
    bench.published();
    let words = ["plugin", "release", "demo", "oci:layout:1", "--private-key", "release.key"];
    bench.run_with(&words, &GITHUB).ok();
    let verify = ["plugin", "verify", "oci:layout:1", "--keys", "keys", "--require", "provenance", "--require", "sbom"];
    bench.run(&verify).ok();
}

/// Before a key is made, and before the checkout is written.
#[test]
fn what_refuses_a_document_refuses_the_release_and_nothing_is_pushed() {
    const TOKEN: &str = "ghp_A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3";
    for (variables, reason, code) in [
        (github_with("GITHUB_SHA", ""), "usage", 2),
        (github_with("GITHUB_REF", TOKEN), "usage", 2),
        (github_with("GITHUB_SERVER_URL", "https://me:hunter2@github.com"), "usage", 2),
    ] {
        let site = Site::new();
        let run = site.release(&variables, &[]);
        run.refused(code, reason);
        assert!(!run.stderr.contains(TOKEN) && !run.stderr.contains("hunter2"), "{run:?}");
        site.nothing_was_sent();
    }
    for is_secret in [true, false] {
        let site = Site::new();
        let lists = match is_secret {
            true => vec!["pkg @ https://me:hunter2@files.example/pkg.whl\n".to_owned()],
            false => (0..3).map(large).collect(),
        };
        for (number, list) in lists.iter().enumerate() {
            site.bench.write(&format!("demo/requirements-{number}.txt"), list);
        }
        let before = fs::read(site.bench.path("demo/plugin.yaml")).expect("read");
        let reason = if is_secret { "forbidden_entry" } else { "attestation_invalid" };
        let words = ["plugin", "release", "demo", &site.reference, "--new-key", "--update-checkout"];
        let run = site.bench.run_with(&words, &GITHUB);
        run.refused(1, reason);
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
        site.nothing_was_sent();
        assert!(!site.bench.path("demo.key").exists(), "no key is made for it");
        assert_eq!(fs::read(site.bench.path("demo/plugin.yaml")).expect("read"), before);
    }
}

/// A list that is read, three of which make a document that no attestation holds.
fn large(list: usize) -> String {
    let line = |number| format!("pkg-{list}-{number} @ https://files.example/{}.whl\n", "x".repeat(60_000));
    (0..120).map(line).collect()
}

#[test]
fn what_fails_behind_the_push_says_that_the_release_is_done_and_goes_on_when_it_is_repeated() {
    let rules = vec![
        Rule::on("/manifests/sha256-", Act::Status(403)).method("PUT").times(1),
        Rule::on("/referrers/", Act::Status(404)),
        Rule::on("/manifests/", Act::Header("oci-subject", String::new())).method("PUT"),
    ];
    let site = Site::with_rules(rules);
    let run = site.release(&GITHUB, &[]);
    assert_ne!(run.code, 0, "{run:?}");
    assert!(run.error_line().contains("is released, but") && run.stderr.contains("repeat the release"), "{run:?}");
    assert_eq!(types(&site.attached(&GITHUB, &[])), [SBOM, PROVENANCE]);
    site.verify(&["provenance", "sbom"]).ok();
}

/// Whoever may not attest may not have a release do it, whether by an option or by the job.
#[test]
fn a_policy_that_denies_what_is_done_denies_the_release_that_does_it() {
    let site = Site::new();
    let policy = "name: site\ndeny: ['plugin/attest']\n";
    site.bench.write("config/policy.yml", policy);
    let config = site.bench.path("config").display().to_string();
    let with = |more: &[(&'static str, &'static str)], options: &[&str]| {
        let variables: Vec<(&str, &str)> =
            [("AISOC_CONFIG_DIR", config.as_str())].into_iter().chain(more.iter().copied()).collect();
        site.release(&variables, options).code
    };
    assert_eq!(with(&[], &[]), 0);
    assert_eq!(with(&GITHUB, &["--sbom=false", "--provenance=false"]), 0);
    assert_ne!(with(&[], &["--sbom"]), 0);
    assert_ne!(with(&GITHUB, &[]), 0);
    assert_ne!(with(&JENKINS, &[]), 0);
}
