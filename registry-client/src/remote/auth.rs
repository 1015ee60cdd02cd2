//! `Auth`: proving who we are to one registry, when it asks, with as little as it takes.
//!
//! Anonymous first. A password goes to the registry's own origin or to the token service that it
//! names over TLS; a token is asked for one repository and for what the task needs; both stay in
//! memory and out of every message.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::authorization::{basic, bearer};
use super::broken::Broken;
use super::call::Call;
use super::challenge::Challenge;
use super::credentials::{self, Credential, Found, Place};
use super::origin::{is_loopback, same_origin, with_tls_of};
use super::scope::{Scope, Wanted};
use super::token::{NoToken, Question};
use super::wire::Wire;
use crate::limits::USUAL_SILENCE;
use crate::options::{ClientOptions, Credentials, LoginLimit};
use crate::settings::LoginSources;

/// Who we are at one registry.
#[derive(Debug)]
pub(super) struct Auth {
    /// What credentials are looked for: the registry as credential stores and messages name it, and the repository that
    /// everything is about.
    place: Place,
    /// Where it is reached: over TLS, unless it is this machine or the operator said otherwise.
    base: Url,
    scope: Scope,
    credentials: Credentials,
    cancellation: Cancellation,
    /// Looked up once, and only when the registry asks, or hides what was asked for from whoever is nobody (403,
    /// 404): a credential helper may wake a person.
    found: OnceCell<Option<Credential>>,
    /// What `Authorization` was last, by what it was asked for; marked sensitive, so that nothing prints it.
    known: Mutex<BTreeMap<Wanted, HeaderValue>>,
    /// Why stored credentials could not be used, for the message of a later refusal.
    trouble: Mutex<Option<String>>,
    /// What to do when the credential is refused.
    remedy: OnceLock<String>,
    /// Whether a registry that did not ask for a login was asked whether it wants one.
    asked_unasked: AtomicBool,
    /// Whether it asks for a login in a form that we do not read.
    unread: AtomicBool,
}

impl Auth {
    pub(super) fn new(place: Place, base: &Url, options: &ClientOptions, scope: Scope) -> Self {
        Self {
            place,
            base: base.clone(),
            scope,
            credentials: options.credentials.clone(),
            cancellation: options.cancellation.clone(),
            found: OnceCell::new(),
            known: Mutex::default(),
            trouble: Mutex::new(None),
            remedy: OnceLock::new(),
            asked_unasked: AtomicBool::new(false),
            unread: AtomicBool::new(false),
        }
    }

    /// What a call needs a token for.
    pub(super) fn wanted(&self, call: &Call<'_>) -> Wanted {
        Wanted::new(self.scope, self.place.repository(), call.also_reads.as_deref())
    }

    /// The header that the registry accepted last for that.
    pub(super) fn known(&self, wanted: &Wanted) -> Option<HeaderValue> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(wanted).cloned()
    }

    /// The header that the registry asks for, or nothing when it asks for nothing we know.
    pub(super) async fn answer(
        &self,
        wire: &Wire,
        wanted: Wanted,
        headers: &HeaderMap,
    ) -> Result<Option<HeaderValue>, Broken> {
        let credential = self.credential().await.map_err(Broken::for_good)?;
        let challenge = Challenge::read(headers);
        self.unread.store(challenge.is_none(), Ordering::Relaxed);
        let header = match (challenge, credential) {
            // A token is no password, and would be one in the log of whoever is sent it as such.
            (None, _)
            | (Some(Challenge::Basic), None | Some(Credential::IdentityToken(_) | Credential::RegistryToken(_))) => {
                return Ok(None);
            }
            // The registry's own already: no service is asked, and none is shown it.
            (Some(Challenge::Bearer { .. }), Some(Credential::RegistryToken(token))) => {
                return Ok(bearer(token.reveal()).map(|header| self.remember(wanted, header)));
            }
            (Some(Challenge::Basic), Some(Credential::Login { username, password })) => {
                basic(username, password).map_err(Broken::for_good)?
            }
            (Some(Challenge::Bearer { realm, service }), credential) => {
                let realm = self.check_realm(&realm).map_err(Broken::for_good)?;
                let question = self.question(&realm, service.as_deref(), &wanted);
                self.token(wire, question, credential).await?
            }
        };
        Ok(Some(self.remember(wanted, header)))
    }

    /// A token without credentials, when the one with them was refused and reading may need none. Never for
    /// writing: whoever pushes must learn that the login is stale, and not that the registry is read-only.
    pub(super) async fn answer_anonymously(
        &self,
        wire: &Wire,
        wanted: Wanted,
        headers: &HeaderMap,
    ) -> Result<Option<HeaderValue>, Broken> {
        let used_credentials = self.found.get().is_some_and(Option::is_some);
        match Challenge::read(headers) {
            Some(Challenge::Bearer { realm, service }) if used_credentials && self.scope.is_read_only() => {
                let realm = self.check_realm(&realm).map_err(Broken::for_good)?;
                let token = self.question(&realm, service.as_deref(), &wanted).ask(wire).await;
                Ok(Some(self.remember(wanted, token.map_err(|refused| self.denied(refused))?)))
            }
            _ => Ok(None),
        }
    }

    /// A token for the credential, or without one when it was refused and reading may need none: a login
    /// that ran out must not take away what everybody may read.
    async fn token(
        &self,
        wire: &Wire,
        question: Question<'_>,
        credential: Option<&Credential>,
    ) -> Result<HeaderValue, Broken> {
        let asked = match (Question { credential, ..question }).ask(wire).await {
            Err(NoToken::Refused(_)) if credential.is_some() && self.scope.is_read_only() => question.ask(wire).await,
            asked => asked,
        };
        asked.map_err(|refused| self.denied(refused))
    }

    /// The question for a token, as nobody.
    fn question<'a>(&'a self, realm: &'a Url, service: Option<&'a str>, wanted: &'a Wanted) -> Question<'a> {
        Question { realm, service, registry: self.place.registry(), wanted, credential: None }
    }

    fn denied(&self, refused: NoToken) -> Broken {
        match refused {
            NoToken::Refused(message) => Broken::for_good(self.denial(message)),
            NoToken::Broken(broken) => broken,
        }
    }

    /// A refusal of the registry, with what we know about our side of it.
    pub(super) fn denial(&self, message: String) -> Fault {
        let fault = Fault::new(Reason::RegistryDenied, message);
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Trouble with the store was passed over when it arose; now it may be the reason.
        let fault = match trouble {
            Some(trouble) => fault.caused_by(trouble),
            None => fault,
        };
        fault.hint(self.advice())
    }

    /// What to do about a refusal. It depends on whether anything was sent, and never says to send more.
    fn advice(&self) -> String {
        let registry = self.place.registry();
        match self.found.get() {
            _ if self.unread.load(Ordering::Relaxed) => format!(
                "`{registry}` asks for a login in a form that is not read: tell its operator to send \
                 `WWW-Authenticate: Bearer realm=\"URL\"` or `Basic realm=\"NAME\"`"
            ),
            None => format!(
                "`{registry}` does not ask for a login here; check that the repository may be read or written by \
                 everybody, or log in with `aisoc registry login {registry} -u USER --password-stdin`"
            ),
            Some(Some(_)) => format!(
                "the stored credentials for `{registry}` were refused or do not reach this repository: {}",
                self.remedy.get().map_or("log in again", String::as_str)
            ),
            Some(None) => self.advice_without_login(registry),
        }
    }

    /// What to do where no login was found: where one is not looked for nobody is told to put one.
    fn advice_without_login(&self, registry: &str) -> String {
        let log_in = format!("log in with `aisoc registry login {registry} -u USER --password-stdin`");
        let set = format!("set AISOC_REGISTRY_HOST={registry}, AISOC_REGISTRY_USERNAME and AISOC_REGISTRY_PASSWORD");
        let Some(LoginLimit { sources, place }) = &self.credentials.limit else {
            let unused = self.credentials.unused.as_ref().map_or(String::new(), |why| format!(" ({why})"));
            return format!("no credentials for `{registry}` were found{unused}: {log_in}, or {set}");
        };
        let word = sources.as_str().unwrap_or_default();
        let written = format!("`{place}` says `credentials = \"{word}\"` of `{registry}`");
        match sources {
            LoginSources::Nowhere => format!(
                "no login is sent, because {written}: ask whoever keeps that file if it is to be sent one; what is \
                 looked at shows `aisoc registry auth explain {registry}`"
            ),
            LoginSources::Environment => format!("no login was found in the variables, and {written}: {set}"),
            LoginSources::Docker | LoginSources::All => {
                format!("no login was found in the files of logins, and {written}: {log_in}")
            }
        }
    }

    /// The stored credential, looked up once.
    async fn credential(&self) -> Result<Option<&Credential>> {
        let found = self.found.get_or_try_init(|| async {
            let found = self.look_for_login().await?;
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = found.trouble;
            if let Some(remedy) = found.remedy {
                // Set once: this is asked once.
                drop(self.remedy.set(remedy));
            }
            Ok::<_, Fault>(found.credential)
        });
        Ok(found.await?.as_ref())
    }

    /// Helpers are programs, and may ask somebody: whoever waits is told.
    async fn look_for_login(&self) -> Result<Found> {
        let mut look = pin!(credentials::find(&self.credentials, &self.place, self.scope));
        if let Ok(found) = timeout(USUAL_SILENCE, &mut look).await {
            return found;
        }
        self.cancellation
            .waits_for(&format!("for the credential helper that keeps the login of `{}`", self.place.registry()));
        look.await
    }

    /// Whether there is a credential that was not sent yet, for a registry that did not ask for one. Trouble in
    /// finding one is no reason to fail here: nothing was asked.
    pub(super) async fn has_something_to_say(&self) -> bool {
        !self.asked_unasked.swap(true, Ordering::Relaxed) && self.credential().await.is_ok_and(|found| found.is_some())
    }

    /// Sent with every later request at once: one question to the token service per operation, and not one
    /// per blob.
    fn remember(&self, wanted: Wanted, header: HeaderValue) -> HeaderValue {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(wanted, header.clone());
        header
    }

    /// CVE-2026-48978, CVE-2025-51471: a realm is where a client sends its password because the
    /// registry says so. It need not be the registry's own host, as registries name services elsewhere; TLS
    /// and the judgement of its address are what keep it from being anybody.
    fn check_realm(&self, realm: &str) -> Result<Url> {
        let refuse = |reason, why: &str| {
            let message = format!("`{}` asks for a token from a place that {why}", self.place.registry());
            Fault::new(reason, message)
                .hint("tell the operator of the registry; its `WWW-Authenticate` realm must be an https URL")
        };
        let url = Url::parse(realm).map_err(|_| refuse(Reason::RegistryProtocol, "is not a URL"))?;
        let url = with_tls_of(&self.base, url);
        // Where the registry is spoken to without TLS, its own token service is, too: nothing is sent there that
        // the registry itself would not be sent. A test bench has both on one machine, on two ports.
        let plain = self.base.scheme() == "http"
            && (same_origin(&url, &self.base) || is_loopback(&self.base) && is_loopback(&url));
        if url.scheme() != "https" && !(url.scheme() == "http" && plain) {
            return Err(refuse(Reason::RedirectRefused, "is not reached over TLS"));
        }
        // Such a URL is made to be taken for another one, or to be logged.
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(refuse(Reason::RedirectRefused, "carries a user name or a fragment"));
        }
        Ok(url)
    }
}
