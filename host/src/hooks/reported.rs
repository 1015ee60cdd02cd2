//! `Health`: how a plugin said that it does.

use std::time::{Duration, Instant};

use aisoc_hooks::{HealthReport, HealthStatus};
use aisoc_manifests::text::shown;
use aisoc_pipeline::documents::RegisteredHealth;
use jiff::Timestamp;

/// How long what it has said is believed.
const HEALTH_BELIEVED: Duration = Duration::from_secs(30);
/// Most characters that are shown of what it says.
const MAX_SHOWN: usize = 1000;

/// How a plugin did when it was asked last.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    report: HealthReport,
    asked: Instant,
    checked_at: Timestamp,
}

impl Health {
    pub(super) const fn new(report: HealthReport, asked: Instant, checked_at: Timestamp) -> Self {
        Self { report, asked, checked_at }
    }

    /// Whether it need not be asked again yet.
    pub(super) fn is_believed(&self) -> bool {
        self.asked.elapsed() < HEALTH_BELIEVED
    }

    /// It could not be asked then: what it said stands a while longer.
    pub(super) const fn stands(&mut self, asked: Instant) {
        self.asked = asked;
    }

    /// As it is shown; of one that was not asked yet, that nobody knows.
    pub(super) fn shown(health: Option<&Self>) -> RegisteredHealth {
        let Some(Self { report, checked_at, .. }) = health else {
            return RegisteredHealth {
                status: HealthStatus::Unknown.as_str(),
                message: "not asked yet".to_owned(),
                error: None,
                checked_at: None,
            };
        };
        RegisteredHealth {
            status: report.status.as_str(),
            message: shown(&report.message, MAX_SHOWN),
            error: report.error.as_ref().map(|error| shown(error, MAX_SHOWN)),
            checked_at: Some(checked_at.to_string()),
        }
    }
}
