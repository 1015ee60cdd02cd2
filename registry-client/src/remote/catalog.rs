//! The list of repositories (`/v2/_catalog`). The OCI specification has none; most registries keep the one of Docker's HTTP
//! API V2 ("Listing Repositories"), in pages that a `Link` leads through.

use std::collections::BTreeSet;
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::MAX_MANIFEST_BYTES;
use aisoc_manifests::reference::is_repository;
use aisoc_manifests::registry_host::RegistryHost;
use aisoc_manifests::text::shown;
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::answer::Answer;
use super::call::{Asked, Call};
use super::connection::Connection;
use super::origin::authority;
use super::refusal::protocol;
use super::scope::Scope;
use super::status::Standing;
use super::tags::next_page;
use crate::limits::{MAX_CATALOG_PAGES, MAX_REPOSITORIES};
use crate::options::ClientOptions;

/// How much of a name that is none is shown.
const MAX_SHOWN: usize = 120;

/// The repositories of a registry that it shows to us, sorted by their bytes, each once. Of those the repository `below` and
/// what stands under it, `below/…`, where it is given.
///
/// # Errors
/// `registry_refused` for a registry that has no such list, `registry_denied` for one that does not give it to us;
/// `registry_protocol` for what is no list, a name that no repository has, and a list that does not end; and what every
/// request has.
pub async fn repositories(
    registry: &RegistryHost,
    below: Option<&str>,
    options: &ClientOptions,
) -> Result<Vec<String>> {
    let connection = Arc::new(Connection::new(registry.clone(), "", options, Scope::Catalog)?);
    let mut url = connection.base.clone();
    url.set_path("/v2/_catalog");
    // As many as `distribution` gives at most; more is refused there.
    url.set_query(Some("n=1000"));
    let (mut names, mut followed) = (BTreeSet::new(), BTreeSet::from([url.to_string()]));
    for _ in 0..MAX_CATALOG_PAGES {
        let call = Call::new(Method::GET, url, Asked::Registry);
        let answer = connection.send(&call).await.map_err(|fault| if_denied(fault, registry))?;
        if answer.standing() != Standing::Done {
            return Err(refused(&connection, &call, answer).await);
        }
        let next = next_page(&call, &answer)?;
        let page = read(&call, &answer.document(&call, MAX_MANIFEST_BYTES).await?)?;
        names.extend(page.into_iter().filter(|name| below.is_none_or(|below| is_below(name, below))));
        if names.len() > MAX_REPOSITORIES {
            let message = format!("`{registry}` lists more repositories than there may be");
            let fault = Fault::new(Reason::RegistryProtocol, message)
                .hint(format!("list a part of them: `aisoc registry ls {registry}/PREFIX`"));
            return Err(fault.expected(format!("at most {MAX_REPOSITORIES}"), "more"));
        }
        let Some(next) = next else { return Ok(names.into_iter().collect()) };
        if !followed.insert(next.to_string()) {
            return Err(protocol(&call, "leads from a page of its list to one before it, in answer"));
        }
        url = next;
    }
    Err(Fault::new(Reason::RegistryProtocol, format!("the list of repositories of `{registry}` does not end")))
}

/// Whether it is that repository or stands under it. `team` has `team/demo`, and not `teams`.
fn is_below(name: &str, below: &str) -> bool {
    name.strip_prefix(below).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The names of one page. One that is none fails the whole: it would be printed, and become a part of references and
/// URLs.
fn read(call: &Call<'_>, body: &[u8]) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Page {
        // Some registries write `null` for none.
        repositories: Option<Vec<String>>,
    }
    let page: Page = serde_json::from_slice(body)
        .map_err(|source| protocol(call, "sent a list of repositories that cannot be read").caused_by(source))?;
    let names = page.repositories.unwrap_or_default();
    match names.iter().find(|name| !is_repository(name)) {
        Some(odd) => Err(protocol(call, "names something that is no repository, in answer")
            .expected("`lower-case/words`", shown(odd, MAX_SHOWN))),
        None => Ok(names),
    }
}

/// The refusal of a registry that gives no list, to nobody or not to us.
async fn refused(connection: &Connection, call: &Call<'_>, answer: Answer) -> Fault {
    let (host, status) = (connection.registry(), answer.status());
    match answer.standing() {
        // `/v2/` says whether there is a registry at all, and was not asked.
        Standing::Absent | Standing::Never if is_without(status) => Fault::new(
            Reason::RegistryRefused,
            format!("`{}` has no list of repositories ({} to {call})", authority(&connection.base), status.as_u16()),
        )
        .hint(format!(
            "registries need not have one, and some, as ghcr.io and Docker Hub, have none: of a repository that you know, \
             `aisoc registry tags {host}/REPOSITORY` lists the tags"
        )),
        _ => if_denied(answer.refusal(call).await, host),
    }
}

/// What there is to do where the registry, or its token service, does not give the list to us.
fn if_denied(fault: Fault, host: &RegistryHost) -> Fault {
    if fault.reason() != Reason::RegistryDenied {
        return fault;
    }
    fault.hint(format!(
        "registries give this list to few logins, and some, as ghcr.io and Docker Hub, to none: `aisoc registry auth \
         explain {host}` says which login was sent; of a repository that you know, `aisoc registry tags \
         {host}/REPOSITORY` lists the tags"
    ))
}

/// What registries answer to a path that they do not know.
fn is_without(status: StatusCode) -> bool {
    let known = [StatusCode::NOT_FOUND, StatusCode::GONE, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
    known.contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_below_whole_words() {
        for (name, below, expected) in [
            ("team", "team", true),
            ("team/demo", "team", true),
            ("team/demo/a", "team/demo", true),
            ("teams", "team", false),
            ("teams/demo", "team", false),
            ("other/team", "team", false),
            ("tea", "team", false),
        ] {
            assert_eq!(is_below(name, below), expected, "{name} below {below}");
        }
    }
}
