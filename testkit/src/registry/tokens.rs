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
                if state.spend(seen.authorization.as_deref(), &needed(seen), service.uses_per_token) {
                    return None;
                }
                let realm = service.realm.unwrap_or_else(|| format!("http://{}/token", state.address));
                let usual = "Bearer realm=\"{realm}\",service=\"test\",scope=\"repository:other:delete\"";
                Some(service.challenge.as_deref().unwrap_or(usual).replace("{realm}", &realm))
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
        let all = |name: &'static str| form_urlencoded::parse(fields.as_bytes()).filter(move |(key, _)| key == name);
        let field = |name| all(name).next().map(|(_, value)| value.into_owned()).unwrap_or_default();
        let mut scopes: Vec<String> = Vec::new();
        for (_, line) in all("scope") {
            scopes.extend(line.split(' ').map(str::to_owned));
        }
        let known = match (&seen.authorization, is_post) {
            (_, true) => service.identity_token == Some(&field("refresh_token")) && field("client_id") == "aisoc",
            (Some(given), false) => service.user.is_some_and(|(user, password)| *given == basic(user, password)),
            (None, false) => service.anonymous_pull && scopes.iter().all(|scope| scope.ends_with(":pull")),
        };
        if !known {
            return answer(401, &[], oci_error("UNAUTHORIZED"));
        }
        // A service gives less than it was asked for without a word.
        scopes.truncate(if service.one_repository { 1 } else { usize::MAX });
        let mut state = self.state();
        let text = format!("token-{}", state.tokens.len());
        state.tokens.push(Token { text: text.clone(), scopes, uses: 0 });
        let name = if is_post { "access_token" } else { "token" };
        let usual = format!(r#"{{"{name}":"{{token}}","expires_in":300}}"#);
        answer(200, &[], service.answer.unwrap_or(usual).replace("{token}", &text).into_bytes())
    }
}

impl State {
    /// Whether the header holds a token that still allows this.
    fn spend(&mut self, authorization: Option<&str>, needed: &[(String, &str)], limit: usize) -> bool {
        let Some(text) = authorization.and_then(|header| header.strip_prefix("Bearer ")) else {
            return false;
        };
        let Some(token) = self.tokens.iter_mut().find(|token| token.text == text) else {
            return false;
        };
        token.uses += 1;
        // At `/v2/` nothing is needed but to be somebody, or nobody whom the service has heard.
        needed
            .iter()
            .filter(|(resource, _)| resource != "repository:")
            .all(|(resource, action)| token.allows(resource, action))
            && (limit == 0 || token.uses <= limit)
    }
}

impl Token {
    fn allows(&self, resource: &str, action: &str) -> bool {
        let prefix = format!("{resource}:");
        let mut actions = self.scopes.iter().filter_map(|scope| scope.strip_prefix(&prefix));
        actions.any(|actions| actions.split(',').any(|allowed| allowed == action))
    }
}

/// What a request needs a token for, as scopes name it, and what it does there.
fn needed(seen: &Seen) -> Vec<(String, &'static str)> {
    let action = match seen.method.as_str() {
        "GET" | "HEAD" => "pull",
        "DELETE" if seen.path.contains("/manifests/") => "delete",
        _ => "push",
    };
    let path = seen.path.strip_prefix("/v2/").unwrap_or_default();
    if path == "_catalog" {
        return vec![("registry:catalog".to_owned(), "*")];
    }
    let end = ["/blobs/", "/manifests/", "/tags/", "/referrers/"].iter().filter_map(|kind| path.rfind(kind)).min();
    let repository = |name: &str| format!("repository:{name}");
    let own = (repository(&path[..end.unwrap_or(path.len())]), action);
    let mounted = form_urlencoded::parse(seen.query.as_bytes()).find(|(key, _)| key == "from");
    std::iter::once(own).chain(mounted.map(|(_, from)| (repository(&from), "pull"))).collect()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
