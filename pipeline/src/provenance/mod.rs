//! `Provenance`: where a plugin comes from, as a predicate of SLSA's provenance, version 1.
//!
//! In a job of a CI system it is what that system says of the job; elsewhere, what somebody has said of the source, and
//! otherwise the plugin alone. It holds no time and no name of a machine: the same job says the same again.
//!
//! **It is a claim of whoever makes it**: everything that runs in a job can set its variables. What it is worth is what the key
//! is worth that signs it, and who can reach that key.

mod job;
mod slsa;

use std::collections::BTreeMap;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{Limits, PluginDir, Secrets, default_threads};
use serde_json::{Map, Value, json};

pub use self::job::{CiSystem, Job};
use self::job::{require_address, require_commit, require_public};
pub use self::slsa::Predicate;
use self::slsa::{BuildDefinition, Builder, Metadata, Resource, RunDetails};
use crate::publication::read_manifest;
use crate::sbom::plugin_purl;

/// What the statement of an attestation calls it.
pub const PROVENANCE_PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// Builds of GitHub's workflows, as their own page describes them.
const OF_GITHUB: &str = "https://actions.github.io/buildtypes/workflow/v1";
/// Builds of jobs of GitLab, as the manual describes them.
const OF_GITLAB: &str = "https://github.com/aisoc/aisoc/blob/main/docs/attestations.md#gitlab";
/// Builds that no CI system says anything of.
const OF_NOBODY: &str = "https://github.com/aisoc/aisoc/blob/main/docs/attestations.md#elsewhere";
/// Who has built what was built in no CI system.
const AISOC: &str = "https://github.com/aisoc/aisoc";

/// Where the source of a build is, as somebody has said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRevision {
    repository: String,
    commit: String,
}

impl SourceRevision {
    /// A commit of a repository.
    ///
    /// # Errors
    /// `usage` for what is no address or no commit, and for an address with a login in it.
    pub fn new(repository: String, commit: String) -> Result<Self> {
        require_public("--source", &repository)?;
        require_address("`--source`", &repository)?;
        require_commit("`--commit`", &commit)?;
        Ok(Self { repository, commit })
    }
}

/// Where a build takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Build {
    /// In a job of a CI system.
    Job(Job),
    /// Somewhere else, of a source that somebody has named.
    Elsewhere(Option<SourceRevision>),
}

/// The provenance of an author's directory, signed or not, as it would be packed.
///
/// # Errors
/// What cannot be packed: `forbidden_entry`, `manifest_*`, I/O reasons; `usage` for a job that does not say where it is from.
pub fn provenance_of(directory: &Path, limits: &Limits, build: &Build) -> Result<Predicate> {
    let plugin = PluginDir::open_knowing(directory, &Secrets::Unsearched, default_threads(), limits)?;
    let manifest = read_manifest(&plugin)?;
    Predicate::of(&plugin, &manifest, build)
}

impl Predicate {
    pub(crate) fn of(plugin: &PluginDir, manifest: &Manifest, build: &Build) -> Result<Self> {
        let mut predicate = match build {
            Build::Job(job) if job.system() == CiSystem::GitHub => github(job)?,
            Build::Job(job) => gitlab(job)?,
            Build::Elsewhere(source) => elsewhere(manifest, source.as_ref()),
        };
        // What was read of the checkout: a job may have changed it before.
        let tree = BTreeMap::from([("aisoc.tree/v1", plugin.files().tree_digest().hex().to_string())]);
        let resource = Resource { uri: plugin_purl(manifest), digest: tree };
        predicate.build_definition.resolved_dependencies.push(resource);
        Ok(predicate)
    }
}

fn github(job: &Job) -> Result<Predicate> {
    let server = job.address("GITHUB_SERVER_URL")?;
    let repository = format!("{server}/{}", job.required("GITHUB_REPOSITORY")?);
    let (git_ref, commit) = (job.required("GITHUB_REF")?, job.commit("GITHUB_SHA")?);
    let workflow = Workflow::of(job.required("GITHUB_WORKFLOW_REF")?)?;
    let run = format!("{repository}/actions/runs/{}", job.required("GITHUB_RUN_ID")?);
    let attempt = job.required("GITHUB_RUN_ATTEMPT")?;
    let environment = job.required("RUNNER_ENVIRONMENT")?;
    let external = json!({ "workflow": {
        "ref": workflow.git_ref, "repository": format!("{server}/{}", workflow.repository), "path": workflow.path,
    } });
    let internal = [
        ("event_name", job.required("GITHUB_EVENT_NAME").map(Some)?),
        ("repository_id", job.optional("GITHUB_REPOSITORY_ID")),
        ("repository_owner_id", job.optional("GITHUB_REPOSITORY_OWNER_ID")),
        ("runner_environment", Some(environment)),
    ];
    Ok(predicate(
        BuildDefinition {
            build_type: OF_GITHUB,
            external_parameters: members(external),
            internal_parameters: members(json!({ "github": stated(internal) })),
            resolved_dependencies: vec![source(&repository, Some(git_ref), commit)],
        },
        // As GitHub's own attestations name the runners, wherever its server is.
        format!("https://github.com/actions/runner/{environment}"),
        Some(format!("{run}/attempts/{attempt}")),
    ))
}

/// `acme/plugins/.github/workflows/release.yml@refs/tags/v1`.
struct Workflow<'a> {
    repository: &'a str,
    path: &'a str,
    git_ref: &'a str,
}

impl<'a> Workflow<'a> {
    fn of(text: &'a str) -> Result<Self> {
        let parts = || {
            let (file, git_ref) = text.split_once('@')?;
            let (at, _) = file.match_indices('/').nth(1)?;
            Some(Self { repository: &file[..at], path: &file[at + 1..], git_ref })
        };
        parts().filter(|parts| !parts.path.is_empty() && !parts.git_ref.is_empty()).ok_or_else(|| {
            Fault::new(Reason::Usage, "`GITHUB_WORKFLOW_REF` names no workflow")
                .hint("hand `GITHUB_WORKFLOW_REF` on to the step, as GitHub Actions sets it for each job")
        })
    }
}

fn gitlab(job: &Job) -> Result<Predicate> {
    let project = job.address("CI_PROJECT_URL")?;
    let commit = job.commit("CI_COMMIT_SHA")?;
    let git_ref = match job.optional("CI_COMMIT_TAG") {
        Some(tag) => format!("refs/tags/{tag}"),
        None => format!("refs/heads/{}", job.required("CI_COMMIT_REF_NAME")?),
    };
    let external = [
        ("project", Some(project)),
        ("ref", Some(git_ref.as_str())),
        ("config_path", job.required("CI_CONFIG_PATH").map(Some)?),
        ("job_name", job.optional("CI_JOB_NAME")),
    ];
    let internal = [
        ("pipeline_id", job.required("CI_PIPELINE_ID").map(Some)?),
        ("pipeline_source", job.optional("CI_PIPELINE_SOURCE")),
    ];
    Ok(predicate(
        BuildDefinition {
            build_type: OF_GITLAB,
            external_parameters: stated(external),
            internal_parameters: members(json!({ "gitlab": stated(internal) })),
            resolved_dependencies: vec![source(project, Some(&git_ref), commit)],
        },
        // As the provenance of GitLab's own runners names them.
        format!("{project}/-/runners/{}", job.required("CI_RUNNER_ID")?),
        Some(job.address("CI_JOB_URL")?.to_owned()),
    ))
}

fn elsewhere(manifest: &Manifest, named: Option<&SourceRevision>) -> Predicate {
    let plugin = json!({ "plugin": { "id": manifest.id.as_str(), "version": manifest.version } });
    let source = named.map(|named| source(&named.repository, None, &named.commit));
    let definition = BuildDefinition {
        build_type: OF_NOBODY,
        external_parameters: members(plugin),
        internal_parameters: Map::new(),
        resolved_dependencies: source.into_iter().collect(),
    };
    predicate(definition, AISOC.to_owned(), None)
}

fn predicate(build_definition: BuildDefinition, id: String, invocation: Option<String>) -> Predicate {
    let version = BTreeMap::from([("aisoc", env!("CARGO_PKG_VERSION"))]);
    let metadata = invocation.map(|invocation_id| Metadata { invocation_id });
    Predicate { build_definition, run_details: RunDetails { builder: Builder { id, version }, metadata } }
}

/// A commit, as pip and SLSA name a repository.
fn source(repository: &str, git_ref: Option<&str>, commit: &str) -> Resource {
    let at = git_ref.map(|git_ref| format!("@{git_ref}")).unwrap_or_default();
    Resource { uri: format!("git+{repository}{at}"), digest: BTreeMap::from([("gitCommit", commit.to_owned())]) }
}

fn stated<const N: usize>(values: [(&str, Option<&str>); N]) -> Map<String, Value> {
    values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
