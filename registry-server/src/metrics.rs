//! `Metrics`: how a registry does, in numbers, for whoever collects them (the text format of Prometheus, 0.0.4).
//!
//! No label has a value of a client's: methods, routes and outcomes are those of the tables here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aisoc_connections::Slots;
use hyper::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What the text is.
pub(crate) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Seconds of a request, up to those of a large blob.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    slots: Arc<Slots>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    received: Counter,
    sent: Counter,
    logins: Family<LoginLabels, Counter>,
    connections: Gauge,
    left_out: Gauge,
}

impl Metrics {
    /// Nothing yet.
    pub(crate) fn new(slots: Arc<Slots>) -> Self {
        let mut registry = Registry::with_prefix("aisoc_registry");
        let metrics = Self {
            registry: Registry::default(),
            slots,
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            received: Counter::default(),
            sent: Counter::default(),
            logins: Family::default(),
            connections: Gauge::default(),
            left_out: Gauge::default(),
        };
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "Which version of aisoc this registry is", build);
        registry.register("http_requests", "Requests that were answered", metrics.requests.clone());
        registry.register(
            "http_request_seconds",
            "How long they took, to the end of the answer",
            metrics.seconds.clone(),
        );
        registry.register("received_bytes", "Bytes of the bodies that came", metrics.received.clone());
        registry.register("sent_bytes", "Bytes of the bodies that were sent", metrics.sent.clone());
        registry.register("logins", "Who was let in, and who was not", metrics.logins.clone());
        registry.register("connections", "Connections of clients", metrics.connections.clone());
        registry.register(
            "access_log_left_out",
            "Lines of the access log that could not be written, and that it does not say so of yet",
            metrics.left_out.clone(),
        );
        Self { registry, ..metrics }
    }

    /// Counts a request that was answered, or whose client has gone.
    pub(crate) fn answered(&self, method: &Method, route: &'static str, status: StatusCode, taken: Duration) {
        let labels = RequestLabels { method: word(method), route, status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&RouteLabels { route }).observe(taken.as_secs_f64());
    }

    /// Counts bytes that moved.
    pub(crate) fn moved(&self, received: u64, sent: u64) {
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }

    /// Counts somebody who has shown something, or nothing.
    pub(crate) fn login(&self, outcome: &'static str) {
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }

    /// All of it.
    ///
    /// # Errors
    /// That it cannot be written.
    pub(crate) fn text(&self, left_out: u64) -> Result<String, fmt::Error> {
        self.connections.set(i64::try_from(self.slots.count()).unwrap_or(i64::MAX));
        self.left_out.set(i64::try_from(left_out).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A client may call a method what it likes.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
