//! `Metrics`: how a host does, in numbers, for whoever collects them (the text format of Prometheus, 0.0.4).
//!
//! No label has a value of a client's: routes are those of the table, and plugins are named where they are registered at
//! hooks, whose registry is frozen.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use aisoc_connections::Slots;
use axum::extract::MatchedPath;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::hooks::metrics::HookMetrics;
use crate::lifecycle::State as Life;
use crate::refusal::Refusal;

/// What the text is.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// Seconds of a call, up to as many as it may take.
const CALL_SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
/// What is none of the table's.
const OTHER: &str = "other";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

/// What is counted.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    slots: Arc<Slots>,
    requests: Family<RequestLabels, Counter>,
    calls: Family<CallLabels, Counter>,
    call_seconds: Histogram,
    plugins: Family<StateLabels, Gauge>,
    restarts: Gauge,
    connections: Gauge,
}

impl Metrics {
    /// Nothing yet.
    pub(super) fn new(slots: Arc<Slots>, hooks: &HookMetrics) -> Self {
        let mut registry = Registry::with_prefix("aisoc");
        let metrics = Self {
            registry: Registry::default(),
            slots,
            requests: Family::default(),
            calls: Family::default(),
            call_seconds: Histogram::new(CALL_SECONDS),
            plugins: Family::default(),
            restarts: Gauge::default(),
            connections: Gauge::default(),
        };
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "Which version of aisoc this host is", build);
        registry.register("http_requests", "Requests that were answered", metrics.requests.clone());
        registry.register("plugin_calls", "Calls of plugins, by what came of them", metrics.calls.clone());
        registry.register(
            "plugin_call_seconds",
            "How long calls took that a plugin was asked",
            metrics.call_seconds.clone(),
        );
        registry.register("plugins", "Plugins that are known, by their state", metrics.plugins.clone());
        registry.register(
            "plugin_restarts",
            "How often plugins that had ended were tried again",
            metrics.restarts.clone(),
        );
        registry.register("connections", "Connections of clients", metrics.connections.clone());
        hooks.register(&mut registry);
        Self { registry, ..metrics }
    }

    /// Counts a request that was answered.
    pub(super) fn answered(&self, method: &Method, path: Option<&MatchedPath>, status: StatusCode) {
        let route = path.map_or(OTHER, MatchedPath::as_str).to_owned();
        let labels = RequestLabels { method: word(method), route, status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
    }

    /// Counts a call that began then.
    pub(super) fn called<T>(&self, began: Instant, called: &Result<T, Refusal>) {
        let outcome = match called {
            Ok(_) => "completed",
            Err(Refusal::Plugin(_) | Refusal::Unasked { .. }) => "failed",
            Err(Refusal::Unknown | Refusal::NotNow(_) | Refusal::OtherType { .. } | Refusal::Denied(_)) => "refused",
            Err(Refusal::Host(_)) => "busy",
        };
        self.calls.get_or_create(&CallLabels { outcome }).inc();
        if matches!(called, Ok(_) | Err(Refusal::Plugin(_) | Refusal::Unasked { .. })) {
            self.call_seconds.observe(began.elapsed().as_secs_f64());
        }
    }

    /// All of it, with how many plugins are in which state, and how often one was tried again.
    pub(super) fn answer(&self, states: &[&str], restarts: u64) -> Result<Response, fmt::Error> {
        for state in Life::ALL.map(Life::as_str) {
            let count = states.iter().filter(|found| **found == state).count();
            self.plugins.get_or_create(&StateLabels { state }).set(number(count));
        }
        self.restarts.set(i64::try_from(restarts).unwrap_or(i64::MAX));
        self.connections.set(number(self.slots.count()));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(([(CONTENT_TYPE, TEXT)], text).into_response())
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A client may call a method what it likes.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => OTHER,
    }
}
