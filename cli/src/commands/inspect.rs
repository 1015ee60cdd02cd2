//! `aisoc plugin inspect`

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aisoc_manifests::capability::is_grant;
use aisoc_manifests::counted;
use aisoc_manifests::fault::Result;
use aisoc_manifests::platform::PlatformChoice;
use aisoc_pipeline::documents::{InspectedArtifact, InspectedPlugin, InspectedReferrer, PlatformArtifact};
use aisoc_pipeline::{Source, Subject};

use super::digest::digits;
use super::grants;
use super::mistagged::naming_tags;
use super::platform::{choosing, require_none};
use super::subject::subject;
use super::untagged::require_named;
use super::verify::as_text;
use crate::args::plugin::InspectArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

pub(crate) fn run(args: InspectArgs, context: &Context) -> Result<u8> {
    let reporter = context.output.reporter();
    let subject = subject(&args.source, &context.site(args.plugins_dir), context)?;
    if !matches!(subject, Subject::Source(Source::Artifact(_))) {
        require_none(args.platform.as_ref())?;
    }
    let inspection = match subject {
        Subject::Source(Source::Directory(directory)) | Subject::Installed { directory, .. } => {
            aisoc_pipeline::inspect_directory(&directory, &context.limits()?)?
        }
        Subject::Source(Source::Artifact(reference)) => {
            let client = context.client(&args.registry, &[&reference])?;
            let client = choosing(PlatformChoice::to_look(args.platform), client);
            require_named(&reference, &client, context)?;
            let inspected = runtime::block_on(
                context.cancellation()?,
                aisoc_pipeline::inspect_with_referrers(&reference, &client, &reporter),
            );
            naming_tags(inspected, &reference, &client, context)?
        }
    };
    drop(reporter);
    context.output.answer(&InspectedPlugin::of(as_text(args.source), inspection))
}

impl Answer for InspectedPlugin {
    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<15} {}", printable(value).replace('\n', " "));
        };
        if let Some(artifact) = &self.artifact {
            line("artifact", &artifact.artifact_digest);
            if let Some(index) = &artifact.index_digest {
                line("of the index", index);
            }
            for PlatformArtifact { platform, artifact_digest } in &artifact.platforms {
                line("for", &format!("{platform:<15} {artifact_digest}"));
            }
            if let Some(platform) = &artifact.platform {
                line("shown for", platform);
            }
            line("type", artifact.claimed_artifact_type.as_deref().unwrap_or("none stated"));
            for layer in &artifact.layers {
                let bytes = counted(layer.layer_bytes, "byte");
                line("layer", &format!("{} {bytes} {}", layer.layer_digest, layer.media_type));
            }
            referrers(artifact, &mut line);
        }
        if let Some(claimed) = &self.claimed {
            line("claims id", &claimed.id);
            line("claims name", &claimed.name);
            line("claims version", &claimed.version);
            line("claims type", &claimed.plugin_type);
            let asked: BTreeSet<&String> = claimed.capabilities.iter().filter(|entry| is_grant(entry)).collect();
            line("asks for", &grants::listed(asked));
            for (name, value) in [("claims author", &claimed.author), ("claims license", &claimed.license)] {
                if let Some(value) = value {
                    line(name, value);
                }
            }
        }
        for problem in [&self.manifest_objection, &self.canonical_digest_objection].into_iter().flatten() {
            line("problem", &problem.to_string());
        }
        if let Some(digest) = &self.canonical_digest {
            line("digest", digits(digest));
        }
        line("signature", if self.has_signature { "present, not verified" } else { "none" });
        if let Some(coverage) = self.claimed_coverage {
            line("claims to cover", coverage);
        }
        if let Some(problem) = &self.coverage_objection {
            line("problem", &problem.to_string());
        }
        line("files", &format!("{} ({})", self.file_count, counted(self.unpacked_bytes, "byte")));
        for file in &self.files {
            let mode = if file.executable { "x" } else { "-" };
            line(
                "",
                &format!("{} {mode} {:>10} {}", &digits(&file.content_digest)[..12], file.content_bytes, file.path),
            );
        }
        text
    }
}

/// What refers to the artifact. Anybody who may write to a place can put anything beside what is there.
fn referrers(artifact: &InspectedArtifact, line: &mut dyn FnMut(&str, &str)) {
    for referrer in &artifact.referrers {
        line("referrer", &format!("{} {}", referrer.referrer_digest, described(referrer)));
        if referrer.subject_digest != artifact.artifact_digest {
            line("", &format!("about {}", referrer.subject_digest));
        }
        if let Some(hint) = &referrer.claimed_signed_by {
            line("", &format!("claims to be signed by {hint}"));
        }
        if let Some(problem) = &referrer.objection {
            line("problem", &problem.to_string());
        }
    }
    if artifact.unlisted_referrer_count > 0 {
        line("referrers", &format!("{} more, not looked at", artifact.unlisted_referrer_count));
    }
    if let Some(problem) = &artifact.referrers_objection {
        line("problem", &format!("what refers to it is not known: {problem}"));
    }
}

fn described(referrer: &InspectedReferrer) -> String {
    let kind = referrer.claimed_artifact_type.as_deref().unwrap_or("no type stated");
    let said = referrer.claimed_predicate_type.as_deref().map(|said| format!(", {said}")).unwrap_or_default();
    let what = match (referrer.kind, &referrer.tag) {
        ("cosign_signature", Some(tag)) => format!("signature of cosign, at the tag {tag}"),
        ("cosign_attestation", Some(tag)) => format!("attestation of cosign, at the tag {tag}"),
        ("notation_signature", _) => format!("signature of notation, {kind}"),
        _ => format!("{kind}{said}"),
    };
    let state = if referrer.supported { "not verified" } else { "not supported, and not verified" };
    format!("{what}, {state}")
}
