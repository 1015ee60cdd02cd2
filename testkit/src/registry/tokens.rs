//! The challenge, and the token service behind it.

use aisoc_registry_server::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};

use super::answers::{answer, oci_error};
use super::login::{Login, Token};
use super::state::{Seen, Shared, State};

impl Shared {
    /// The challenge for a request that may not pass.
    pub(super) fn challenge(&self, seen: &Seen) -> Option<String> {
        let mut state = self.state();
        match state.login.clone() {
            Login::None => None,
            Login::Basic(user, password) => {
                let right = basic(user, password);
                (seen.authorization.as_ref() != Some(&right)).then(|| "Basic realm=\"test\"".to_owned())
            }
            Login::Bearer(service) => {
                let needed = if matches!(seen.method.as_str(), "GET" | "HEAD") { "pull" } else { "push" };
                if state.spend(seen.authorization.as_deref(), needed, service.uses_per_token) {
                    return None;
                }
                let realm = service.realm.unwrap_or_else(|| format!("http://{}/token", state.address));
                Some(format!("Bearer realm=\"{realm}\",service=\"test\",scope=\"repository:other:delete\""))
            }
        }
    }

    pub(super) async fn give_token(&self, seen: &Seen, request: Request<Incoming>) -> Response<Body> {
        let Login::Bearer(service) = self.state().login.clone() else {
            return answer(404, &[], vec![]);
        };
        let is_post = request.method() == Method::POST;
        let form = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let form = String::from_utf8_lossy(&form).into_owned();
        let fields = if is_post { &form } else { &seen.query };
        let field = |name: &str| {
            let value = fields.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            value.unwrap_or_default().replace("%3A", ":").replace("%2C", ",").replace("%2F", "/")
        };
        let scope = field("scope");
        let known = match (&seen.authorization, is_post) {
            (_, true) => service.identity_token == Some(&field("refresh_token")) && field("client_id") == "aisoc",
            (Some(given), false) => service.user.is_some_and(|(user, password)| *given == basic(user, password)),
            (None, false) => service.anonymous_pull && scope.ends_with(":pull"),
        };
        if !known {
            return answer(401, &[], oci_error("UNAUTHORIZED"));
        }
        let mut state = self.state();
        let text = format!("token-{}", state.tokens.len());
        state.tokens.push(Token { text: text.clone(), scope, uses: 0 });
        let name = if is_post { "access_token" } else { "token" };
        answer(200, &[], format!(r#"{{"{name}":"{text}","expires_in":300}}"#).into_bytes())
    }
}

impl State {
    /// Whether the header holds a token that still allows this.
    fn spend(&mut self, authorization: Option<&str>, needed: &str, limit: usize) -> bool {
        let Some(text) = authorization.and_then(|header| header.strip_prefix("Bearer ")) else {
            return false;
        };
        let Some(token) = self.tokens.iter_mut().find(|token| token.text == text) else {
            return false;
        };
        token.uses += 1;
        token.scope.contains(needed) && (limit == 0 || token.uses <= limit)
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
