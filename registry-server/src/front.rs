//! `Front`: what stands between a connection and the endpoints: under which name it is asked, who asks, and what is noted of
//! it, once for every request, whatever becomes of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use aisoc_connections::{ServerTls, Slot, Slots, closes};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use crate::access::Caller;
use crate::access_log::Entry;
use crate::arriving::RequestBody;
use crate::asked::{Asked, METRICS};
use crate::code::Code;
use crate::counted::{Count, Counted, End, Untold};
use crate::hosts::{Hosts, refuse_pages};
use crate::metrics::{Metrics, TEXT};
use crate::options::ServeOptions;
use crate::problem::Problem;
use crate::registry::Registry;
use crate::response::{Answered, Body, empty, full, with_headers};

/// What every request of a registry passes.
#[derive(Debug)]
pub(crate) struct Front {
    registry: Registry,
    hosts: Hosts,
    metrics: Metrics,
}

/// How a request has come.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// The address that it came to.
    pub(crate) local: SocketAddr,
    pub(crate) peer: IpAddr,
    pub(crate) slot: Arc<Slot>,
}

impl Front {
    pub(crate) fn new(registry: Registry, slots: Arc<Slots>) -> Self {
        let hosts = Hosts::new(&registry.options.allowed_hosts, registry.options.tls.clone());
        Self { registry, hosts, metrics: Metrics::new(slots) }
    }

    /// What it stands before.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Its limits.
    pub(crate) fn options(&self) -> &ServeOptions {
        &self.registry.options
    }

    /// What is shown to clients that come over TLS.
    pub(crate) fn tls(&self) -> Option<&ServerTls> {
        self.registry.options.tls.as_deref()
    }

    /// Answers a request.
    pub(crate) async fn answer<B: RequestBody>(self: &Arc<Self>, way: &Way, request: Request<B>) -> Response<Body> {
        let mut closes = closes(request.headers());
        let (head, body) = request.into_parts();
        let mut note = Note::begin(Arc::clone(self), way.clone(), &head);
        let body = Counted::new(body, note.received.clone(), Untold);
        let mut response = match self.enter(way, &head).await {
            Ok(caller) => {
                note.user = caller.name().map(str::to_owned);
                self.respond(&caller, head, body).await
            }
            Err(problem) => {
                // Nothing of the body was received, and it is in the way of the next request.
                closes |= !body.is_end_stream();
                problem.response()
            }
        };
        // What follows a body in chunks was not looked at, so nothing that follows is answered: a second
        // request hidden there would be answered to whoever shares the connection (request smuggling).
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        note.answered(&response);
        let sent = note.sent.clone();
        response.map(|body| Counted::new(body, sent, note).boxed_unsync())
    }

    /// Who asks, as far as they may ask this registry anything.
    async fn enter(&self, way: &Way, head: &Parts) -> Result<Caller, Problem> {
        self.hosts.admit(head, way.local)?;
        let Some(access) = &self.registry.options.access else { return Ok(Caller::anybody()) };
        let admitted = access.admit(&head.headers, way.peer).await;
        self.metrics.login(match &admitted {
            Ok(caller) if caller.is_anonymous() => "anonymous",
            Ok(_) => "named",
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => "refused",
            Err(_) => "throttled",
        });
        // Whoever is somebody keeps their place longest when there is none left.
        if admitted.as_ref().is_ok_and(|caller| !caller.is_anonymous()) {
            way.slot.known();
        }
        admitted
    }

    async fn respond<B: RequestBody>(&self, caller: &Caller, head: Parts, body: B) -> Response<Body> {
        if head.uri.path() != METRICS {
            return self.registry.answer_to(caller, Request::from_parts(head, body)).await;
        }
        let response = self.figures(caller, &head).unwrap_or_else(|problem| problem.response());
        if head.method == Method::HEAD { response.map(|_| empty()) } else { response }
    }

    /// The registry's figures, for whom they are meant: everybody where nobody is asked who they are, and else those whom the
    /// rights name for it. To others there are none.
    fn figures(&self, caller: &Caller, head: &Parts) -> Answered {
        refuse_pages(&head.headers)?;
        match caller.may_measure() {
            true => {}
            false if caller.is_anonymous() => return Err(Problem::unauthorized()),
            false => return Err(Problem::no_such_path()),
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Problem::method("GET, HEAD"));
        }
        let left_out = self.registry.options.access_log.as_ref().map_or(0, |log| log.left_out());
        let text = self.metrics.text(left_out);
        let text = text
            .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Unsupported, "there are no figures"))?;
        Ok(with_headers(StatusCode::OK, &[(CONTENT_TYPE.as_str(), TEXT.to_owned())], full(text.into_bytes())))
    }
}

/// What is to be noted of a request, and is when it is dropped: with the last byte of its answer, or when its client has gone.
struct Note {
    front: Arc<Front>,
    way: Way,
    began: Instant,
    method: Method,
    asked: Asked,
    user: Option<String>,
    user_agent: Option<String>,
    status: Option<StatusCode>,
    received: Count,
    sent: Count,
    /// How many bytes the answer is said to have.
    promised: Option<u64>,
    is_whole: bool,
}

impl Note {
    fn begin(front: Arc<Front>, way: Way, head: &Parts) -> Self {
        let user_agent =
            head.headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
        Self {
            front,
            way,
            began: Instant::now(),
            method: head.method.clone(),
            asked: Asked::of(head),
            user: None,
            user_agent,
            status: None,
            received: Count::default(),
            sent: Count::default(),
            promised: None,
            is_whole: false,
        }
    }

    /// Notes the answer, of which nothing was sent yet.
    fn answered(&mut self, response: &Response<Body>) {
        self.status = Some(response.status());
        let stated = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        self.promised = response.body().size_hint().exact().or(stated);
        // The library does not ask an empty body for anything.
        self.is_whole = response.body().is_end_stream();
    }

    /// The library does not ask for the end of a body whose length it knows either.
    fn is_complete(&self) -> bool {
        self.status.is_some() && (self.is_whole || self.promised == Some(self.sent.bytes()))
    }
}

impl End for Note {
    fn whole(&mut self) {
        self.is_whole = true;
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.way.slot.answered();
        let (taken, received, sent) = (self.began.elapsed(), self.received.bytes(), self.sent.bytes());
        let metrics = &self.front.metrics;
        metrics.moved(received, sent);
        if let Some(status) = self.status {
            metrics.answered(&self.method, self.asked.route, status, taken);
        }
        let Some(log) = &self.front.registry.options.access_log else { return };
        log.note(Entry {
            remote: self.way.peer.to_string(),
            user: self.user.as_deref(),
            method: self.method.as_str(),
            route: self.asked.route,
            repository: self.asked.repository.as_deref(),
            reference: self.asked.reference.as_deref(),
            user_agent: self.user_agent.as_deref(),
            status: self.status.map(|status| status.as_u16()),
            received,
            sent,
            seconds: taken.as_secs_f64(),
            complete: self.is_complete(),
        });
    }
}
