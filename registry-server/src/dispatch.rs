//! One request: the thing that its path names, and the endpoint that answers for it.
//!
//! Who asks was judged before (`hosts`), and how the bytes came (`head`, `guard`). Here it is decided what is
//! asked, from the path alone; no endpoint looks at a path again.

use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::access::Caller;
use crate::arriving::{Arriving, Ended, RequestBody};
use crate::hosts::refuse_pages;
use crate::problem::Problem;
use crate::registry::Registry;
use crate::response::{Answered, Body, empty, json};
use crate::route::Route;

impl Registry {
    /// Answers one request of whoever reaches a registry that asks nobody who they are; refusals are answers too.
    pub async fn answer<B: RequestBody>(&self, request: Request<B>) -> Response<Body> {
        self.answer_to(&Caller::anybody(), request).await
    }

    /// Answers one request.
    pub(crate) async fn answer_to<B: RequestBody>(&self, caller: &Caller, request: Request<B>) -> Response<Body> {
        let is_head = request.method() == Method::HEAD;
        let ended = Ended::of(request.body());
        let answered = self.dispatch(caller, request, &ended).await;
        let mut response = answered.unwrap_or_else(|problem| problem.response());
        // What was not received is in the way of the next request, so the connection ends; and whoever sends another
        // one on it must know that, for nothing says whether that was done (RFC 9112, 9.6).
        if !ended.is() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // HEAD is GET without the body, refusals included (RFC 9110, 9.3.2).
        if is_head { response.map(|_| empty()) } else { response }
    }

    async fn dispatch<B: RequestBody>(&self, caller: &Caller, request: Request<B>, ended: &Ended) -> Answered {
        let (head, body) = request.into_parts();
        // A page that somebody has open could otherwise write to the registry of their machine.
        refuse_pages(&head.headers)?;
        let body = Arriving::new(body, ended, &self.options);
        let route = Route::of(head.uri.path())?;
        if let Some(hidden) = self.allow(caller, &head, &route)? {
            return Ok(hidden);
        }
        match route {
            // `end-1`: that there is a registry at all. It says nothing else, and to everybody.
            Route::Version => reading(&head.method).map(|()| json(StatusCode::OK, b"{}".to_vec())),
            Route::Manifest { repository, name } => self.manifest(&head, &repository, name, body).await,
            Route::Blob { repository, digest } => self.blob(&head, &repository, digest).await,
            Route::BeginUpload { repository } => self.begin_upload(&head, repository, caller, body).await,
            Route::Upload { repository, id } => self.upload(&head, repository, id, body).await,
            Route::Tags { repository } => {
                reading(&head.method)?;
                self.tags(&repository, head.uri.query().unwrap_or_default()).await
            }
            Route::Catalog => {
                reading(&head.method)?;
                self.catalog(caller, head.uri.query().unwrap_or_default()).await
            }
            Route::Referrers { repository, digest } => {
                reading(&head.method)?;
                self.referrers(&repository, digest, head.uri.query().unwrap_or_default()).await
            }
        }
    }
}

/// Refuses everything but GET and HEAD.
fn reading(method: &Method) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) { Ok(()) } else { Err(Problem::method("GET, HEAD")) }
}
