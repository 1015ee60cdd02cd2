//! Whether a caller may ask for what a path names, before any endpoint looks at it.
//!
//! | who asks | for what they may not | is told |
//! |---|---|---|
//! | nobody, who has shown nothing | anything | 401: with a name it may be allowed |
//! | somebody, who may not pull | to read | what is told of a repository that is not there |
//! | somebody | to push or to delete | 403, whether it is there or not |
//!
//! So nobody learns of a repository that they may not read, neither that it is there nor what is in it: the store is not
//! asked. The specification leaves all three to registries ("Error Codes": `UNAUTHORIZED`, `DENIED`, `NAME_UNKNOWN`).

use aisoc_manifests::oci::{INDEX_MEDIA_TYPE, ImageIndex, to_bytes};
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use crate::access::{Action, Caller};
use crate::problem::Problem;
use crate::query::parameter;
use crate::registry::Registry;
use crate::response::{Answered, Body, full, with_headers};
use crate::route::Route;
use crate::upload_id::require_own;

impl Registry {
    /// Lets a request pass that its caller may make. What it gives is the answer to one for what they must not know of.
    ///
    /// # Errors
    /// 401, 403, 404; 405 for a write to a registry that takes none.
    pub(crate) fn allow(
        &self,
        caller: &Caller,
        head: &Parts,
        route: &Route,
    ) -> Result<Option<Response<Body>>, Problem> {
        let Some(repository) = route.repository() else {
            return if caller.may_enter() { Ok(None) } else { Err(Problem::unauthorized()) };
        };
        let action = action(&head.method, route);
        let is_allowed = caller.may(action, repository);
        if !is_allowed && caller.is_anonymous() {
            return Err(Problem::unauthorized());
        }
        // Before 403: nobody else may either, and clients of other registries know this answer.
        if self.options.read_only && action != Action::Pull {
            return Err(Problem::read_only());
        }
        match (is_allowed, action) {
            (true, _) => own_upload(caller, &head.method, route).map(|()| None),
            (false, Action::Pull) => absent(head, route).map(Some),
            (false, Action::Push | Action::Delete) => Err(Problem::denied(action.as_str(), repository)),
        }
    }
}

/// What a request does to the repository. An upload is its pusher's from its beginning to its end.
fn action(method: &Method, route: &Route) -> Action {
    match (method, route) {
        (_, Route::BeginUpload { .. } | Route::Upload { .. }) => Action::Push,
        (&Method::GET | &Method::HEAD, _) => Action::Pull,
        (&Method::DELETE, _) => Action::Delete,
        // Methods that there are not at all, too.
        _ => Action::Push,
    }
}

/// Methods that there are not at all are refused as that, by the endpoint.
fn own_upload(caller: &Caller, method: &Method, route: &Route) -> Result<(), Problem> {
    match (method, route) {
        (&Method::GET | &Method::PATCH | &Method::PUT | &Method::DELETE, Route::Upload { id, .. }) => {
            require_own(id, caller)
        }
        _ => Ok(()),
    }
}

/// What the endpoint says of a repository that is not there.
fn absent(head: &Parts, route: &Route) -> Answered {
    match route {
        Route::Blob { digest, .. } => Err(Problem::unknown_blob(digest)),
        Route::Referrers { .. } => {
            let filter = parameter(head.uri.query().unwrap_or_default(), "artifactType");
            let mut headers = vec![(CONTENT_TYPE.as_str(), INDEX_MEDIA_TYPE.to_owned())];
            headers.extend(filter.map(|_| ("oci-filters-applied", "artifactType".to_owned())));
            Ok(with_headers(StatusCode::OK, &headers, full(to_bytes(&ImageIndex::new(Vec::new())))))
        }
        other => Err(Problem::unknown_repository(other.repository().unwrap_or_default())),
    }
}
