//! What each CI system says of a job becomes a predicate, and a job that says too little is refused.

use std::fs;

use super::*;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

const GITHUB: [(&str, &str); 11] = [
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_REPOSITORY", "acme/plugins"),
    ("GITHUB_REPOSITORY_ID", "12"),
    ("GITHUB_REPOSITORY_OWNER_ID", "7"),
    ("GITHUB_REF", "refs/tags/v1"),
    ("GITHUB_SHA", COMMIT),
    ("GITHUB_WORKFLOW_REF", "acme/plugins/.github/workflows/release.yml@refs/tags/v1"),
    ("GITHUB_RUN_ID", "99"),
    ("GITHUB_RUN_ATTEMPT", "2"),
    ("GITHUB_EVENT_NAME", "push"),
    ("RUNNER_ENVIRONMENT", "github-hosted"),
];

const GITLAB: [(&str, &str); 10] = [
    ("CI_PROJECT_URL", "https://gitlab.example/acme/plugins"),
    ("CI_COMMIT_SHA", COMMIT),
    ("CI_COMMIT_REF_NAME", "main"),
    ("CI_COMMIT_TAG", ""),
    ("CI_CONFIG_PATH", ".gitlab-ci.yml"),
    ("CI_JOB_NAME", "release"),
    ("CI_JOB_URL", "https://gitlab.example/acme/plugins/-/jobs/5"),
    ("CI_PIPELINE_ID", "4"),
    ("CI_PIPELINE_SOURCE", "push"),
    ("CI_RUNNER_ID", "3"),
];

fn job(system: CiSystem, variables: &[(&str, &str)]) -> Build {
    let value = |name: &str| variables.iter().find(|(known, value)| *known == name && !value.is_empty());
    Build::Job(Job::of(system, |name| Ok(value(name).map(|(_, value)| (*value).to_owned()))).expect("public values"))
}

/// Of a plugin that is the same in every run.
fn predicate_of(build: &Build) -> Result<Value> {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = "id: demo\nname: Demo\nversion: \"1.2.0\"\nplugin_type: enricher\n";
    fs::write(directory.path().join("plugin.yaml"), manifest).expect("written");
    let predicate = provenance_of(directory.path(), &Limits::default(), build)?;
    Ok(serde_json::to_value(predicate).expect("JSON"))
}

fn changed<'a>(variables: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    variables.iter().map(|(known, before)| (*known, if *known == name { value } else { *before })).collect()
}

/// The tree is the plugin's, and another test's matter.
fn without_tree(mut predicate: Value) -> Value {
    let dependencies = predicate["buildDefinition"]["resolvedDependencies"].as_array_mut().expect("a list");
    let tree = dependencies.pop().expect("the plugin");
    assert_eq!(tree["uri"], "pkg:generic/demo@1.2.0");
    assert_eq!(tree["digest"]["aisoc.tree/v1"].as_str().map(str::len), Some(64));
    predicate
}

#[test]
fn a_job_of_github_is_what_its_variables_say() {
    let found = without_tree(predicate_of(&job(CiSystem::GitHub, &GITHUB)).expect("a predicate"));
    let expected = json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": { "workflow": {
                "path": ".github/workflows/release.yml",
                "ref": "refs/tags/v1",
                "repository": "https://github.com/acme/plugins",
            } },
            "internalParameters": { "github": {
                "event_name": "push",
                "repository_id": "12",
                "repository_owner_id": "7",
                "runner_environment": "github-hosted",
            } },
            "resolvedDependencies": [
                { "uri": "git+https://github.com/acme/plugins@refs/tags/v1", "digest": { "gitCommit": COMMIT } },
            ],
        },
        "runDetails": {
            "builder": {
                "id": "https://github.com/actions/runner/github-hosted",
                "version": { "aisoc": env!("CARGO_PKG_VERSION") },
            },
            "metadata": { "invocationId": "https://github.com/acme/plugins/actions/runs/99/attempts/2" },
        },
    });
    assert_eq!(found, expected);
}

#[test]
fn a_job_of_gitlab_is_what_its_variables_say() {
    let found = without_tree(predicate_of(&job(CiSystem::GitLab, &GITLAB)).expect("a predicate"));
    let expected = json!({
        "buildDefinition": {
            "buildType": OF_GITLAB,
            "externalParameters": {
                "project": "https://gitlab.example/acme/plugins",
                "ref": "refs/heads/main",
                "config_path": ".gitlab-ci.yml",
                "job_name": "release",
            },
            "internalParameters": { "gitlab": { "pipeline_id": "4", "pipeline_source": "push" } },
            "resolvedDependencies": [
                { "uri": "git+https://gitlab.example/acme/plugins@refs/heads/main", "digest": { "gitCommit": COMMIT } },
            ],
        },
        "runDetails": {
            "builder": {
                "id": "https://gitlab.example/acme/plugins/-/runners/3",
                "version": { "aisoc": env!("CARGO_PKG_VERSION") },
            },
            "metadata": { "invocationId": "https://gitlab.example/acme/plugins/-/jobs/5" },
        },
    });
    assert_eq!(found, expected);
    let tagged = predicate_of(&job(CiSystem::GitLab, &changed(&GITLAB, "CI_COMMIT_TAG", "v1"))).expect("a predicate");
    assert_eq!(tagged["buildDefinition"]["externalParameters"]["ref"], "refs/tags/v1");
}

#[test]
fn elsewhere_it_is_the_plugin_and_what_was_said_of_its_source() {
    let bare = predicate_of(&Build::Elsewhere(None)).expect("a predicate");
    assert_eq!(
        bare["buildDefinition"]["externalParameters"],
        json!({ "plugin": { "id": "demo", "version": "1.2.0" } })
    );
    assert_eq!(bare["runDetails"]["builder"]["id"], AISOC);
    assert_eq!(bare["runDetails"].get("metadata"), None, "no machine and no time");
    assert_eq!(bare, predicate_of(&Build::Elsewhere(None)).expect("a predicate"), "the same again");
    let revision = SourceRevision::new("https://github.com/acme/plugins".to_owned(), COMMIT.to_owned());
    let named = without_tree(predicate_of(&Build::Elsewhere(revision.ok())).expect("a predicate"));
    let expected = json!([{ "uri": "git+https://github.com/acme/plugins", "digest": { "gitCommit": COMMIT } }]);
    assert_eq!(named["buildDefinition"]["resolvedDependencies"], expected);
}

#[test]
fn a_source_with_a_login_or_without_a_commit_is_refused() {
    for (repository, commit) in [
        ("https://me:hunter2@github.com/acme/plugins", COMMIT),
        ("https://token@github.com/acme/plugins", COMMIT),
        ("github.com/acme/plugins", COMMIT),
        ("https://github.com/acme/plugins", "main"),
    ] {
        let fault = SourceRevision::new(repository.to_owned(), commit.to_owned()).expect_err(repository);
        assert_eq!(fault.reason(), Reason::Usage, "{repository}");
        assert!(!fault.to_string().contains("hunter2"), "{fault}");
    }
}

#[test]
fn a_job_that_does_not_say_where_it_is_from_is_refused() {
    for name in CiSystem::GitHub.variables().iter().filter(|name| !name.ends_with("_ID") || **name == "GITHUB_RUN_ID") {
        let fault = predicate_of(&job(CiSystem::GitHub, &changed(&GITHUB, name, ""))).expect_err(name);
        assert!(fault.message().contains(name), "{fault}");
    }
    for name in
        ["CI_PROJECT_URL", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_CONFIG_PATH", "CI_PIPELINE_ID", "CI_RUNNER_ID"]
    {
        let fault = predicate_of(&job(CiSystem::GitLab, &changed(&GITLAB, name, ""))).expect_err(name);
        assert!(fault.message().contains(name), "{fault}");
    }
    for (name, value) in [
        ("GITHUB_SHA", "main"),
        ("GITHUB_SERVER_URL", "github.com"),
        ("GITHUB_WORKFLOW_REF", "acme/plugins@main"),
        ("GITHUB_WORKFLOW_REF", "acme/plugins/release.yml"),
        ("GITHUB_WORKFLOW_REF", "acme/plugins/release.yml@"),
    ] {
        let fault = predicate_of(&job(CiSystem::GitHub, &changed(&GITHUB, name, value))).expect_err(value);
        assert_eq!(fault.reason(), Reason::Usage, "{value}");
    }
}
