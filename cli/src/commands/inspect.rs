//! `aisoc plugin inspect`

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::{Inspection, Source};
use aisoc_signing::{SIGNATURE_FILE, TreeFinding};
use serde::Serialize;

use crate::args::plugin::InspectArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

#[derive(Serialize)]
struct Look {
    source: String,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact: Option<ArtifactRow>,
    claimed: Option<Claimed>,
    manifest_problem: Option<String>,
    digest: Option<String>,
    digest_problem: Option<String>,
    has_signature: bool,
    signature_files: Vec<String>,
    claimed_coverage: Option<&'static str>,
    coverage_problem: Option<String>,
    tree_digest: String,
    file_count: usize,
    unpacked_size: u64,
    files: Vec<FileRow>,
}

#[derive(Serialize)]
struct ArtifactRow {
    digest: String,
    claimed_artifact_type: Option<String>,
    layers: Vec<LayerRow>,
}

#[derive(Serialize)]
struct LayerRow {
    media_type: String,
    digest: String,
    size: u64,
}

#[derive(Serialize)]
struct Claimed {
    id: String,
    name: String,
    version: String,
    #[serde(rename = "type")]
    plugin_type: String,
    description: Option<String>,
    author: Option<String>,
    license: Option<String>,
    capabilities: Vec<String>,
}

#[derive(Serialize)]
struct FileRow {
    path: String,
    size: u64,
    sha256: String,
    executable: bool,
}

pub(crate) fn run(args: InspectArgs, context: &Context) -> Result<u8> {
    let reporter = context.output.reporter();
    let inspection = match Source::parse(&args.source)? {
        Source::Directory(directory) => aisoc_pipeline::inspect_directory(&directory, &context.limits()?)?,
        Source::Artifact(reference) => {
            let client = context.client(&args.registry)?;
            runtime::block_on(
                context.cancellation()?,
                aisoc_pipeline::inspect_artifact(&reference, &client, &reporter),
            )?
        }
    };
    drop(reporter);
    context.output.answer(&look(args.source, inspection))
}

fn look(source: String, inspection: Inspection) -> Look {
    let (claimed, manifest_problem) = split(inspection.claimed_manifest.map(|manifest| Claimed {
        id: manifest.id.to_string(),
        name: manifest.name,
        version: manifest.version,
        plugin_type: manifest.plugin_type.to_string(),
        description: manifest.description,
        author: manifest.author,
        license: manifest.license,
        capabilities: manifest.capabilities,
    }));
    let (digest, digest_problem) = split(inspection.canonical_digest.map(|digest| digest.hex()));
    let artifact = inspection.artifact.map(|artifact| ArtifactRow {
        digest: artifact.digest.to_string(),
        claimed_artifact_type: artifact.claimed_artifact_type,
        layers: artifact
            .layers
            .into_iter()
            .map(|layer| LayerRow { media_type: layer.media_type, digest: layer.digest.to_string(), size: layer.size })
            .collect(),
    });
    let row = |(path, entry): (&aisoc_manifests::path::RelPath, &aisoc_manifests::file_map::FileEntry)| FileRow {
        path: path.to_string(),
        size: entry.size,
        sha256: entry.digest.hex(),
        executable: entry.executable,
    };
    let (claimed_coverage, coverage_problem) = match inspection.claimed_tree {
        Ok((TreeFinding::Differs(difference), coverage)) => {
            let (stated, found) = (difference.stated.hex(), difference.found.hex());
            (Some(coverage.as_str()), Some(format!("the manifest states the tree {stated}, the files are {found}")))
        }
        Ok((_, coverage)) => (Some(coverage.as_str()), None),
        Err(fault) => (None, Some(format!("{}: {fault}", fault.reason()))),
    };
    Look {
        source,
        verified: false,
        artifact,
        claimed,
        manifest_problem,
        digest,
        digest_problem,
        has_signature: inspection.signature_files.iter().any(|name| name == SIGNATURE_FILE),
        signature_files: inspection.signature_files,
        claimed_coverage,
        coverage_problem,
        tree_digest: inspection.files.tree_digest().to_string(),
        file_count: inspection.files.len(),
        unpacked_size: inspection.files.total_bytes(),
        files: inspection.files.iter().map(row).collect(),
    }
}

fn split<T>(result: Result<T>) -> (Option<T>, Option<String>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(fault) => (None, Some(format!("{}: {fault}", fault.reason()))),
    }
}

impl Answer for Look {
    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<15} {}", printable(value).replace('\n', " "));
        };
        if let Some(artifact) = &self.artifact {
            line("artifact", &artifact.digest);
            line("type", artifact.claimed_artifact_type.as_deref().unwrap_or("none stated"));
            for layer in &artifact.layers {
                line("layer", &format!("{} {} bytes {}", layer.digest, layer.size, layer.media_type));
            }
        }
        if let Some(claimed) = &self.claimed {
            line("claims id", &claimed.id);
            line("claims name", &claimed.name);
            line("claims version", &claimed.version);
            line("claims type", &claimed.plugin_type);
            for (name, value) in [("claims author", &claimed.author), ("claims license", &claimed.license)] {
                if let Some(value) = value {
                    line(name, value);
                }
            }
        }
        for problem in [&self.manifest_problem, &self.digest_problem].into_iter().flatten() {
            line("problem", problem);
        }
        if let Some(digest) = &self.digest {
            line("digest", digest);
        }
        line("signature", if self.has_signature { "present, not verified" } else { "none" });
        if let Some(coverage) = self.claimed_coverage {
            line("claims to cover", coverage);
        }
        if let Some(problem) = &self.coverage_problem {
            line("problem", problem);
        }
        line("files", &format!("{} ({} bytes)", self.file_count, self.unpacked_size));
        for file in &self.files {
            let mode = if file.executable { "x" } else { "-" };
            line("", &format!("{} {mode} {:>10} {}", &file.sha256[..12], file.size, file.path));
        }
        text
    }
}
