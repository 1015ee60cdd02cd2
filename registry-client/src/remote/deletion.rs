//! Deletions (`end-9`): of a tag, which leaves what it named, and of a manifest, with which every tag of it goes.
//!
//! A registry that deletes by digest alone would take more than a tag was to be: that is refused, and what would go is
//! named. What is decided about is asked for right before each try, and what is deleted is looked for afterwards.

use std::sync::Arc;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Tag;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use super::answer::Answer;
use super::broken::Broken;
use super::call::Call;
use super::connection::Connection;
use super::manifests;
use super::refusal::{not_followed, protocol};
use super::status::{Standing, retry_after};
use super::tags;
use super::tries::Tries;
use crate::limits::MAX_LATE_TRIES;
use crate::storage::{ManifestName, require_named};

/// How many tags are asked about at a time.
const AT_ONCE: usize = 8;
/// Most tags that a refusal names.
const MAX_NAMED: usize = 10;

/// The tags that name that manifest, sorted: what the registry says of each, because it is the registry that takes them
/// away. One that goes meanwhile is none.
pub(super) async fn tags_of(connection: &Arc<Connection>, digest: ArtifactDigest) -> Result<Vec<Tag>> {
    let listed = match tags::list(connection).await {
        // A repository that has manifests and no tag has no list of them either, in some registries.
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let asked = stream::iter(listed).map(|tag| async move {
        let found = named_by(connection, &tag, digest).await?;
        Ok::<_, Fault>((found == Some(digest)).then_some(tag))
    });
    let named: Vec<Option<Tag>> = asked.buffered(AT_ONCE).try_collect().await?;
    Ok(named.into_iter().flatten().collect())
}

/// What a tag names, by the algorithm of the digest that it is compared with.
async fn named_by(connection: &Arc<Connection>, tag: &Tag, digest: ArtifactDigest) -> Result<Option<ArtifactDigest>> {
    let said = match manifests::resolve(connection, tag.clone()).await {
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => return Ok(None),
        said => said?.artifact_digest(),
    };
    if said.algorithm() == digest.algorithm() {
        return Ok(Some(said));
    }
    present(connection, &ManifestName::Tag(tag.clone()), digest).await
}

/// The manifest that stands under that name, hashed.
async fn present(
    connection: &Arc<Connection>,
    name: &ManifestName,
    digest: ArtifactDigest,
) -> Result<Option<ArtifactDigest>> {
    match (manifests::get_by(connection, name.clone(), digest.algorithm()).await, name) {
        // Other bytes than its digest names: damaged, and there.
        (Err(fault), ManifestName::Digest(_)) if fault.reason() == Reason::PullFailed => Ok(Some(digest)),
        (found, _) => manifests::present(found),
    }
}

/// Takes away what stands under that name, as long as it is the manifest of that digest, and makes sure that it is gone.
/// Each try begins with the question what is there: a try whose answer was lost may have done it, and while we waited
/// somebody else may have put something else in its place.
pub(super) async fn delete(connection: &Arc<Connection>, name: &ManifestName, digest: ArtifactDigest) -> Result<()> {
    let call = manifests::call(connection, Method::DELETE, name.clone());
    let mut tries = Tries::new(connection).until(Instant::now() + connection.wire.longest_exchange());
    let mut refused: Option<Broken> = None;
    loop {
        // Waited first and asked then: between the question and the try lies nothing that takes time.
        let may_try = match &refused {
            Some(broken) => tries.pause(broken.tries, broken.after).await,
            None => true,
        };
        match present(connection, name, digest).await? {
            None if refused.is_some() => return Ok(()),
            found => require_named(name, found, digest)?,
        }
        if let Some(broken) = refused
            && !may_try
        {
            return Err(connection.wire.given_up(broken));
        }
        match delete_once(connection, &call, name, digest).await? {
            Ok(()) => return require_gone(connection, &call, name, digest).await,
            Err(broken) => refused = Some(broken),
        }
    }
}

/// One try, and what it came to. Nothing is deleted where the registry leads: that was not named.
async fn delete_once(
    connection: &Arc<Connection>,
    call: &Call<'_>,
    name: &ManifestName,
    digest: ArtifactDigest,
) -> Result<Result<(), Broken>> {
    let sent = async { Ok(connection.with_login(call).await) };
    let answer = match connection.in_time(call, sent).await? {
        Ok(answer) => answer,
        Err(broken) => return Ok(Err(broken)),
    };
    match answer.standing() {
        Standing::Done => Ok(Ok(())),
        Standing::Elsewhere => Err(not_followed(call, "leads elsewhere with what was to be deleted")),
        standing => {
            let (tries, after) = (standing.tries(answer.place(), &call.method), retry_after(answer.headers()));
            let fault = refusal(connection, call, answer, name, digest).await;
            Ok(Err(Broken { fault, tries, after, unreached: None }))
        }
    }
}

/// A success says that somebody heard it. Some registries delete a moment later.
async fn require_gone(
    connection: &Arc<Connection>,
    call: &Call<'_>,
    name: &ManifestName,
    digest: ArtifactDigest,
) -> Result<()> {
    let looking = async {
        let mut tries = Tries::new(connection).until(Instant::now() + connection.wire.longest_exchange());
        // Another one under a tag was put there since.
        while present(connection, name, digest).await? == Some(digest) {
            if !tries.pause(MAX_LATE_TRIES, None).await {
                return Err(protocol(call, "said yes and has it still, in answer"));
            }
        }
        Ok(())
    };
    connection.in_time(call, looking).await
}

/// A registry's no, with what there is to do about it.
async fn refusal(
    connection: &Arc<Connection>,
    call: &Call<'_>,
    answer: Answer,
    name: &ManifestName,
    digest: ArtifactDigest,
) -> Fault {
    let may_know_no_deletions = matches!(
        answer.status(),
        StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNSUPPORTED_MEDIA_TYPE
    ) || answer.standing() == Standing::Never && answer.status().is_server_error();
    let fault = answer.refusal(call).await;
    if !may_know_no_deletions {
        return fault;
    }
    let (host, repository) = (connection.registry(), &connection.repository);
    let operators = "where it deletes nothing, its operator turns that on (`storage.delete.enabled: true` in `distribution`), \
                     or it is done on its own pages";
    match name {
        ManifestName::Digest(_) => fault.hint(operators),
        // Known for the message alone: whatever is wrong with the list is not what was asked for.
        ManifestName::Tag(_) => {
            let tags = tags_of(connection, digest).await.unwrap_or_default();
            fault.hint(format!(
                "some registries delete no tag alone: `aisoc registry delete {host}/{repository}@{digest} --with-tags` \
                 deletes the manifest and every tag of it{}; {operators}",
                listed(&tags)
            ))
        }
    }
}

/// `: a, b`, and how many there are beyond.
fn listed(tags: &[Tag]) -> String {
    let named: Vec<&str> = tags.iter().take(MAX_NAMED).map(Tag::as_str).collect();
    match tags.len().saturating_sub(named.len()) {
        0 if named.is_empty() => String::new(),
        0 => format!(": {}", named.join(", ")),
        more => format!(": {}, and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_some_tags_and_counts_the_rest() {
        let tags: Vec<Tag> = (0..12).map(|number| format!("t{number:02}").parse().expect("a tag")).collect();
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&tags[..1]), ": t00");
        assert_eq!(listed(&tags[..10]), ": t00, t01, t02, t03, t04, t05, t06, t07, t08, t09");
        assert_eq!(listed(&tags), ": t00, t01, t02, t03, t04, t05, t06, t07, t08, t09, and 2 more");
    }
}
