//! Who asks: the token of a request, before anything else of it is looked at.

use std::sync::Arc;

use aisoc_manifests::fault::Reason;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

use super::problem::Problem;
use crate::access::{Denied, Logins, Permission};

/// What a route asks of whoever asks it. There is no route without: `Routes` takes none.
#[derive(Debug, Clone, Copy)]
pub(super) enum Needs {
    /// Anybody may ask whether the host is there.
    Nothing,
    /// A token that holds this.
    Permission(Permission),
}

impl Needs {
    /// Puts it before a handler.
    pub(super) fn before<S: Clone + Send + Sync + 'static>(
        self,
        handler: MethodRouter<S>,
        logins: Option<&Arc<Logins>>,
    ) -> MethodRouter<S> {
        match (self, logins) {
            (Self::Permission(permission), Some(logins)) => {
                let asked = Asked { logins: Arc::clone(logins), permission };
                handler.route_layer(middleware::from_fn_with_state(asked, require))
            }
            (Self::Nothing, _) | (Self::Permission(_), None) => handler,
        }
    }
}

#[derive(Clone)]
struct Asked {
    logins: Arc<Logins>,
    permission: Permission,
}

async fn require(State(Asked { logins, permission }): State<Asked>, request: Request, next: Next) -> Response {
    let admitted = shown(request.headers()).and_then(|token| logins.admit(token, permission).map_err(Refused::Denied));
    match admitted {
        Ok(_) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Why a request is not served.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// It shows two things: whoever stands between may have looked at the other one.
    Doubled,
    Denied(Denied),
}

/// What a request shows: `Authorization: Bearer TOKEN` (RFC 6750, 2.1). What stands in its address or in a cookie is not
/// looked at.
fn shown(headers: &HeaderMap) -> Result<&[u8], Refused> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (given.next(), given.next());
    if second.is_some() {
        return Err(Refused::Doubled);
    }
    let value = first.ok_or(Refused::Denied(Denied::Unnamed))?.as_bytes();
    let (scheme, token) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
    let token = token.trim_ascii();
    match scheme.eq_ignore_ascii_case(b"bearer") && !token.is_empty() {
        true => Ok(token),
        false => Err(Refused::Denied(Denied::Unnamed)),
    }
}

impl Refused {
    fn into_response(self) -> Response {
        let denied = match self {
            Self::Doubled => {
                return Problem::of_request(StatusCode::BAD_REQUEST, "a request shows one token").into_response();
            }
            Self::Denied(denied) => denied,
        };
        let (status, reason, detail) = match denied {
            Denied::Unnamed => (StatusCode::UNAUTHORIZED, Reason::NotAuthenticated, "Not authenticated".to_owned()),
            Denied::NoToken => {
                let detail = "Could not validate credentials".to_owned();
                (StatusCode::UNAUTHORIZED, Reason::NotAuthenticated, detail)
            }
            Denied::Unknown => {
                let detail = "Invalid or revoked API key".to_owned();
                (StatusCode::UNAUTHORIZED, Reason::NotAuthenticated, detail)
            }
            Denied::Expired => (StatusCode::UNAUTHORIZED, Reason::NotAuthenticated, "API key has expired".to_owned()),
            Denied::Scope(permission) => {
                let detail = format!("API key missing scope: {permission}");
                (StatusCode::FORBIDDEN, Reason::PermissionMissing, detail)
            }
            Denied::Role(permission) => {
                (StatusCode::FORBIDDEN, Reason::PermissionMissing, format!("Permission denied: {permission}"))
            }
            Denied::Unreadable(reason) => {
                let detail = "the host cannot read its tokens".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, reason, detail)
            }
        };
        let mut response = Problem::of(status, reason, detail).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_shows_one_token_in_one_place() {
        let unnamed = || Err(Refused::Denied(Denied::Unnamed));
        for (values, expected) in [
            (vec![], unnamed()),
            (vec![""], unnamed()),
            (vec!["Bearer"], unnamed()),
            (vec!["Bearer "], unnamed()),
            (vec!["bearer   "], unnamed()),
            (vec!["Basic YTpi"], unnamed()),
            (vec!["Bearerx"], unnamed()),
            (vec!["aisoc_00"], unnamed()),
            (vec!["Bearer x"], Ok(b"x".as_slice())),
            (vec!["bearer x"], Ok(b"x")),
            (vec!["BEARER  x "], Ok(b"x")),
            (vec!["Bearer x y"], Ok(b"x y")),
            (vec!["Bearer x", "Bearer x"], Err(Refused::Doubled)),
            (vec!["Bearer x", ""], Err(Refused::Doubled)),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).expect("a value"));
            }
            headers.insert("cookie", HeaderValue::from_static("token=x"));
            assert_eq!(shown(&headers), expected, "{values:?}");
        }
    }
}
