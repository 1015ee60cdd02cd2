//! `HealthReport`: how a plugin says that it does. It is shown, and nothing follows from it.

/// How a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HealthStatus {
    /// Well.
    Healthy,
    /// Not as well as it could.
    Degraded,
    /// Not.
    Unhealthy,
    /// Nobody can tell.
    Unknown,
}

impl HealthStatus {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Degraded, Self::Unhealthy, Self::Unknown];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What came of asking a plugin how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthAnswer {
    /// It has nothing that could be asked.
    NoCheck,
    /// A status, by its word, and what it says beside it.
    Stated {
        /// The word.
        status: String,
        /// What it says.
        message: String,
    },
    /// It raised an exception, or did not answer.
    Failed {
        /// The type of the exception.
        error_type: String,
        /// What that says.
        message: String,
    },
    /// It returned something of that type.
    Other(String),
}

/// How a plugin does, as it said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// In one word.
    pub status: HealthStatus,
    /// What it says beside that.
    pub message: String,
    /// What went wrong with asking it.
    pub error: Option<String>,
}

impl From<HealthAnswer> for HealthReport {
    fn from(answer: HealthAnswer) -> Self {
        let wrong = |found: String| Self {
            status: HealthStatus::Unhealthy,
            message: format!("health_check returned {found}; expected PluginHealth"),
            error: Some(format!("invalid result: {found}")),
        };
        match answer {
            HealthAnswer::NoCheck => {
                Self { status: HealthStatus::Unknown, message: "no health check registered".to_owned(), error: None }
            }
            HealthAnswer::Stated { status, message } => match HealthStatus::of(&status) {
                Some(status) => Self { status, message, error: None },
                None => wrong(format!("PluginHealth with the status '{status}'")),
            },
            HealthAnswer::Failed { error_type, message } => {
                Self { status: HealthStatus::Unhealthy, error: Some(format!("{error_type}: {message}")), message }
            }
            HealthAnswer::Other(found) => wrong(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_shown_and_what_is_no_health_is_unhealthy() {
        let stated = |status: &str| {
            HealthReport::from(HealthAnswer::Stated { status: status.to_owned(), message: "so".to_owned() })
        };
        for status in HealthStatus::ALL {
            let report = HealthReport { status, message: "so".to_owned(), error: None };
            assert_eq!(stated(status.as_str()), report);
        }
        assert_eq!(stated("fine").status, HealthStatus::Unhealthy);
        let unknown = HealthReport::from(HealthAnswer::NoCheck);
        assert_eq!((unknown.status, unknown.message.as_str()), (HealthStatus::Unknown, "no health check registered"));
        let (error_type, message) = ("ValueError".to_owned(), "no disk".to_owned());
        let raised = HealthReport::from(HealthAnswer::Failed { error_type, message });
        assert_eq!((raised.status, raised.message.as_str()), (HealthStatus::Unhealthy, "no disk"));
        assert_eq!(raised.error.as_deref(), Some("ValueError: no disk"));
        let other = HealthReport::from(HealthAnswer::Other("bool".to_owned()));
        assert_eq!(other.message, "health_check returned bool; expected PluginHealth");
        assert_eq!(other.error.as_deref(), Some("invalid result: bool"));
    }
}
