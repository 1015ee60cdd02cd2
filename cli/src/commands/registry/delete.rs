//! `aisoc registry delete`

use aisoc_files::shell_word;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_manifests::warning::Warning;
use aisoc_manifests::{counted, dry_run::DryRun};
use aisoc_pipeline::documents::DeletedArtifact;
use aisoc_registry_client::{Delete as _, Fetch as _, ManifestName, Referrers as _, Target};
use serde::Serialize;

use crate::args::registry::DeleteArgs;
use crate::commands::mistagged::naming_tags;
use crate::commands::uninstall::confirm;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

/// Most tags that a question or a refusal names.
const MAX_NAMED: usize = 10;

/// What would go, as it was when it was looked at.
struct Found {
    name: ManifestName,
    digest: ArtifactDigest,
    /// The tags that go: the one that was named, or all that name the manifest.
    tags: Vec<Tag>,
    /// What is about a manifest that goes, and stays.
    referrers: Vec<ArtifactDigest>,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let DeletedArtifact { place, artifact_digest, tags, deletes_manifest, .. } = &self.document;
        let place = printable(place);
        let manifest = deletes_manifest.then(|| format!("{place}@{artifact_digest}\n"));
        tags.iter().map(|tag| format!("{place}:{}\n", printable(tag))).chain(manifest).collect()
    }
}

/// What came of it, and whether anything did.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: DeletedArtifact,
}

pub(crate) fn run(args: DeleteArgs, context: &Context) -> Result<u8> {
    let DeleteArgs { reference, with_tags, yes, registry, dry_run: _ } = args;
    let name = named(&reference, with_tags)?;
    let options = context.client(&registry, &[&reference])?;
    let target = Target::open_to_delete(&reference, &options)?;
    let cancellation = context.cancellation()?;
    let found = runtime::block_on(cancellation, look(&target, name));
    let found = naming_tags(found, &reference, &options, context)?;
    let place = reference.without_name();
    require_told(&found, with_tags, &reference, &place)?;
    if !yes && context.dry_run() == DryRun::No {
        confirm("deleting from a registry", &question(&found, &place), "nothing was deleted", context)?;
        // While somebody thought, another tag may have been set at it.
        let tags = runtime::block_on(cancellation, look(&target, found.name.clone()))?.tags;
        require_same(&found.tags, &tags)?;
    }
    if context.dry_run() == DryRun::No {
        runtime::block_on(cancellation, target.delete(&found.name, found.digest))?;
    }
    context.output.status(context.said("Deleted", "Would delete"), summary(&found, &place));
    let takes_manifest = runtime::block_on(cancellation, warn(&target, &found, context))?;
    context.output.answer(&Outcome { document: document(found, &place, takes_manifest) })
}

/// What is to go: a tag or a manifest, and never the one for the other.
fn named(reference: &Reference, with_tags: bool) -> Result<ManifestName> {
    let usage = |what: String, hint: String| Err(Fault::new(Reason::Usage, what).hint(hint));
    let place = reference.without_name();
    let whole = shell_word(place.to_string());
    match (reference.tag(), reference.digest()) {
        (Some(tag), Some(digest)) => usage(
            format!("`{reference}` names a tag and a manifest, and one of them is to go"),
            format!("name the tag, `{place}:{tag}`, or the manifest with all its tags, `{place}@{digest}`"),
        ),
        (Some(_), None) if with_tags => usage(
            "`--with-tags` is about a manifest, and a tag was named".to_owned(),
            "leave `--with-tags` out, and the tag alone goes; or name the manifest by its digest".to_owned(),
        ),
        (Some(tag), None) => Ok(ManifestName::Tag(tag.clone())),
        (None, Some(digest)) => Ok(ManifestName::Digest(digest)),
        (None, None) => usage(
            format!("`{reference}` names no artifact, and no repository is deleted as a whole"),
            format!("see what it holds with `aisoc registry tags {whole}`, and name a tag or a digest"),
        ),
    }
}

async fn look(target: &Target, name: ManifestName) -> Result<Found> {
    match &name {
        ManifestName::Tag(tag) => {
            let digest = target.fetch_manifest(None).await?.digest();
            let tags = vec![tag.clone()];
            Ok(Found { name, digest, tags, referrers: Vec::new() })
        }
        ManifestName::Digest(digest) => {
            let digest = *digest;
            // A damaged one is there as well, and may be what is to go.
            match target.fetch_manifest(Some(digest)).await {
                Err(fault) if fault.reason() != Reason::PullFailed => return Err(fault),
                _ => {}
            }
            let tags = target.tags_of(digest).await?;
            let referrers = target.referrers(digest).await?.iter().map(|one| one.artifact_digest()).collect();
            Ok(Found { name, digest, tags, referrers })
        }
    }
}

/// Refuses to take tags that nobody has spoken of.
fn require_told(found: &Found, with_tags: bool, reference: &Reference, place: &Reference) -> Result<()> {
    let (ManifestName::Digest(_), false, [first, ..]) = (&found.name, with_tags, &found.tags[..]) else {
        return Ok(());
    };
    let whole = shell_word(reference.to_string());
    let tag = shell_word(format!("{place}:{first}"));
    let message = format!("the manifest has {}, gone with it: {}", counted_tags(&found.tags), listed(&found.tags));
    Err(Fault::new(Reason::ConfirmationRequired, message).hint(format!(
        "to delete them as well, `aisoc registry delete {whole} --with-tags`; to delete a tag alone, \
         `aisoc registry delete {tag}`"
    )))
}

/// Refuses what has become more than the question said.
fn require_same(told: &[Tag], found: &[Tag]) -> Result<()> {
    match found.iter().find(|tag| !told.contains(tag)) {
        Some(tag) => Err(Fault::new(Reason::TagExists, format!("the tag `{tag}` was set at the manifest meanwhile"))
            .expected(listed(told), listed(found))
            .hint("run the command again, which names it as well")),
        None => Ok(()),
    }
}

fn question(found: &Found, place: &Reference) -> String {
    let (digest, place) = (found.digest, place.to_string());
    let place = printable(&place);
    match &found.name {
        ManifestName::Tag(tag) => format!("Delete the tag {place}:{tag}, which names {digest}? [y/N] "),
        ManifestName::Digest(_) if found.tags.is_empty() => {
            format!("Delete {place}@{digest}, which has no tag? [y/N] ")
        }
        ManifestName::Digest(_) => {
            let (count, tags) = (counted_tags(&found.tags), listed(&found.tags));
            format!("Delete {place}@{digest} with {count}: {tags}? [y/N] ")
        }
    }
}

fn summary(found: &Found, place: &Reference) -> String {
    match &found.name {
        ManifestName::Tag(tag) => format!("the tag {place}:{tag}; {} stays", found.digest),
        ManifestName::Digest(digest) => format!("{place}@{digest} with {}", counted_tags(&found.tags)),
    }
}

/// Says what goes beside what was named, and what stays and says nothing any more. Whether the manifest is gone.
async fn warn(target: &Target, found: &Found, context: &Context) -> Result<bool> {
    if let ManifestName::Digest(_) = found.name {
        if !found.referrers.is_empty() {
            let (count, digest) = (counted(found.referrers.len() as u64, "manifest"), found.digest);
            let said = format!("{count} about {digest} {}", context.said("stay", "would stay"));
            context.output.warning(Warning::ReferrersLeft, said);
        }
        return Ok(true);
    }
    if context.dry_run().is_on() {
        return Ok(false);
    }
    match target.fetch_manifest(Some(found.digest)).await {
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => {
            let said = format!("the registry took {} away with the tag", found.digest);
            context.output.warning(Warning::MoreDeleted, said);
            Ok(true)
        }
        // What else is wrong with it was so before, and is not asked about here.
        _ => Ok(false),
    }
}

fn document(found: Found, place: &Reference, deletes_manifest: bool) -> DeletedArtifact {
    DeletedArtifact {
        place: place.to_string(),
        artifact_digest: found.digest.to_string(),
        tags: found.tags.iter().map(Tag::to_string).collect(),
        deletes_manifest,
        referrers: found.referrers.iter().map(ArtifactDigest::to_string).collect(),
    }
}

fn counted_tags(tags: &[Tag]) -> String {
    counted(tags.len() as u64, "tag")
}

/// Some tags, and how many there are beyond.
fn listed(tags: &[Tag]) -> String {
    let named: Vec<&str> = tags.iter().take(MAX_NAMED).map(Tag::as_str).collect();
    match tags.len() - named.len() {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Vec<Tag> {
        names.iter().map(|name| name.parse().expect("a tag")).collect()
    }

    #[test]
    fn one_thing_is_named_and_no_more_than_was_told_goes() {
        let digest = ArtifactDigest::of(b"x");
        let reference = |rest: &str| format!("registry.example/team/demo{rest}").parse::<Reference>().expect(rest);
        assert_eq!(named(&reference(":1"), false).expect("a tag"), ManifestName::Tag("1".parse().expect("a tag")));
        for with_tags in [false, true] {
            let by_digest = named(&reference(&format!("@{digest}")), with_tags);
            assert_eq!(by_digest.expect("a manifest"), ManifestName::Digest(digest));
        }
        for (rest, with_tags) in [(":1", true), ("", false), ("", true), (&*format!(":1@{digest}"), false)] {
            assert_eq!(named(&reference(rest), with_tags).expect_err(rest).reason(), Reason::Usage, "{rest}");
        }
        for (told, found, is_same) in [
            (&["a"][..], &["a"][..], true),
            (&["a", "b"], &["b"], true),
            (&[], &["a"], false),
            (&["a"], &["a", "b"], false),
        ] {
            assert_eq!(require_same(&tags(told), &tags(found)).is_ok(), is_same, "{told:?}, {found:?}");
        }
    }

    #[test]
    fn a_question_names_ten_tags_and_counts_the_rest() {
        let names: Vec<String> = (0..11).map(|number| format!("{number:02}")).collect();
        let all: Vec<Tag> = names.iter().map(|name| name.parse().expect("a tag")).collect();
        assert_eq!(listed(&all[..10]), names[..10].join(", "));
        assert_eq!(listed(&all), format!("{}, and 1 more", names[..10].join(", ")));
    }
}
