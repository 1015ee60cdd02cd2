//! Who asks: the token of a request, before anything else of it is looked at.

use std::sync::Arc;

use aisoc_connections::Slot;
use aisoc_context::Tenant;
use aisoc_manifests::fault::Reason;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

use super::problem::Problem;
use crate::access::{Denied, LoggedIn, Logins, Permission};
use crate::asker::Actor;

/// What a route asks of whoever asks it. There is no route without: `Routes` takes none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// A token that holds this; nothing where anybody may ask whether the host is there.
    permission: Option<Permission>,
    /// That a policy lets this be asked for.
    command: Option<&'static str>,
}

impl Needs {
    /// Nothing at all.
    pub(super) const NOTHING: Self = Self { permission: None, command: None };

    /// A token that holds this.
    pub(super) const fn permission(permission: Permission) -> Self {
        Self { permission: Some(permission), command: None }
    }

    /// And that a policy lets be asked for what this command asks for.
    pub(super) const fn to(self, command: &'static str) -> Self {
        Self { command: Some(command), ..self }
    }

    /// What a token has to hold.
    pub(super) const fn held(self) -> Option<Permission> {
        self.permission
    }

    /// Which command asks for the same.
    pub(super) const fn command(self) -> Option<&'static str> {
        self.command
    }

    /// Puts it before a handler: who it is.
    pub(super) fn before<S: Clone + Send + Sync + 'static>(
        self,
        handler: MethodRouter<S>,
        logins: Option<&Arc<Logins>>,
    ) -> MethodRouter<S> {
        match (self.permission, logins) {
            (Some(permission), Some(logins)) => {
                let asked = Asked { logins: Arc::clone(logins), permission };
                handler.route_layer(middleware::from_fn_with_state(asked, require))
            }
            _ => handler,
        }
    }
}

#[derive(Clone)]
struct Asked {
    logins: Arc<Logins>,
    permission: Permission,
}

async fn require(State(Asked { logins, permission }): State<Asked>, mut request: Request, next: Next) -> Response {
    match admit(Some(&logins), request.headers(), permission) {
        Ok((actor, tenant)) => {
            request.extensions_mut().insert(actor);
            request.extensions_mut().insert(Admitted(tenant));
            if let Some(slot) = request.extensions().get::<Arc<Slot>>() {
                slot.known();
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// For which tenant somebody asks who was let in.
#[derive(Debug, Clone)]
pub(super) struct Admitted(pub(super) Option<Tenant>);

/// Lets pass who shows a token that holds this now, and everybody where there are none, and says who that is. Asked before a body is read, and
/// again behind it: a token may be revoked while one comes.
pub(super) fn admit(
    logins: Option<&Arc<Logins>>,
    headers: &HeaderMap,
    permission: Permission,
) -> Result<(Actor, Option<Tenant>), Problem> {
    let Some(logins) = logins else { return Ok((Actor::Development, None)) };
    let admitted = shown(headers).and_then(|token| logins.admit(token, permission).map_err(Refused::Denied));
    admitted.map(|LoggedIn { who, tenant }| (who.into(), tenant)).map_err(Problem::from)
}

/// Whether a request shows a token, whoever's that is.
pub(super) fn shows_token(headers: &HeaderMap) -> bool {
    shown(headers).is_ok()
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

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        use StatusCode as Is;
        let unnamed = |detail: &str| Self::of(Is::UNAUTHORIZED, Reason::NotAuthenticated, detail.to_owned());
        let missing = |detail| Self::of(Is::FORBIDDEN, Reason::PermissionMissing, detail);
        match refused {
            Refused::Doubled => Self::of_request(Is::BAD_REQUEST, "a request shows one token"),
            Refused::Denied(denied) => match denied {
                Denied::Unnamed => unnamed("Not authenticated"),
                Denied::NoToken | Denied::NotCredible => unnamed("Could not validate credentials"),
                Denied::Subjectless => unnamed("Invalid token"),
                Denied::Unknown => unnamed("Invalid or revoked API key"),
                Denied::Expired => unnamed("API key has expired"),
                Denied::Scope(permission) => missing(format!("API key missing scope: {permission}")),
                Denied::Role(permission) => missing(format!("Permission denied: {permission}")),
                Denied::Unreadable(reason) => {
                    Self::of(Is::SERVICE_UNAVAILABLE, reason, "the host cannot read its tokens".to_owned())
                }
                Denied::KeysUnreadable(reason) => {
                    Self::of(Is::SERVICE_UNAVAILABLE, reason, "the host cannot read the keys of its issuer".to_owned())
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
