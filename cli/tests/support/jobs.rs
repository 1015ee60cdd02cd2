//! What jobs of CI systems have in their environment, with more than provenance needs.

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

pub(crate) const GITHUB: [(&str, &str); 14] = [
    ("CI", "true"),
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_TOKEN", "ghs_hunter2"),
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
pub(crate) const GITLAB: [(&str, &str); 11] = [
    ("CI", "true"),
    ("GITLAB_CI", "true"),
    ("CI_JOB_TOKEN", "hunter2"),
    ("CI_PROJECT_URL", "https://gitlab.example/acme/plugins"),
    ("CI_COMMIT_SHA", COMMIT),
    ("CI_COMMIT_REF_NAME", "main"),
    ("CI_CONFIG_PATH", ".gitlab-ci.yml"),
    ("CI_JOB_URL", "https://gitlab.example/acme/plugins/-/jobs/5"),
    ("CI_PIPELINE_ID", "4"),
    ("CI_PIPELINE_SOURCE", "push"),
    ("CI_RUNNER_ID", "3"),
];

/// The job of GitHub Actions in which one variable has another value, or none.
pub(crate) fn github_with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    GITHUB.iter().map(|(known, before)| (*known, if *known == name { value } else { *before })).collect()
}
