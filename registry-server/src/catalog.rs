//! The list of repositories (`/v2/_catalog`), which the specification does not have and every other registry does: those
//! that its caller may pull from, in pages of what they ask for.

use aisoc_manifests::fault::{Fault, Reason, Result};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, LINK};
use serde_json::json;

use crate::access::{Action, Caller};
use crate::code::Code;
use crate::problem::Problem;
use crate::query::parameter;
use crate::registry::Registry;
use crate::response::{Answered, document, with_headers};
use crate::store::Store;

/// Most directories that are looked at for one answer.
pub(crate) const MAX_DIRECTORIES: usize = 100_000;
/// Most names in one page, also for whoever asks for more.
const MAX_PAGE_NAMES: usize = 10_000;

impl Registry {
    pub(crate) async fn catalog(&self, caller: &Caller, query: &str) -> Answered {
        let (store, caller, last) = (self.store.clone(), caller.clone(), parameter(query, "last"));
        let limit = parameter(query, "n").map(|n| n.parse::<usize>()).transpose();
        let limit =
            limit.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, Code::Unsupported, "`n` is not a number"))?;
        let size = limit.unwrap_or(MAX_PAGE_NAMES).min(MAX_PAGE_NAMES);
        let listed = self.on_documents(move || {
            let mut names = repositories(&store)?;
            // Before the page is cut: its length and its end must not tell of what else there is.
            names.retain(|name| caller.may(Action::Pull, name) && last.as_ref().is_none_or(|last| name > last));
            let more = size < names.len();
            names.truncate(size);
            // None for `n=0`, which would lead to itself.
            let next = names.last().filter(|_| more).cloned();
            let bytes = json!({ "repositories": names }).to_string().into_bytes();
            Ok((document(bytes, &store.scratch())?, next))
        });
        let (body, next) = listed.await?;
        let mut headers = vec![(CONTENT_TYPE.as_str(), "application/json".to_owned())];
        headers.extend(next.map(|last| (LINK.as_str(), format!("</v2/_catalog?n={size}&last={last}>; rel=\"next\""))));
        Ok(with_headers(StatusCode::OK, &headers, body))
    }
}

/// All names, in the order of their bytes.
fn repositories(store: &Store) -> Result<Vec<String>> {
    let mut names = store.names(MAX_DIRECTORIES)?.ok_or_else(|| {
        Fault::new(Reason::IoError, "the store holds more directories than are looked at for a list of repositories")
    })?;
    names.sort_unstable();
    Ok(names)
}
