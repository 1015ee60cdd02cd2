//! Why nothing came of a request, in words that hold no query, no header and no body: those may be secrets.

use std::fmt;
use std::time::Duration;

/// Why nothing came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// What was asked for is no request.
    NoRequest {
        /// Which part of it.
        part: &'static str,
        /// Why.
        why: String,
    },
    /// The operator has not written down that it may go there.
    NotAllowed {
        /// Scheme, host and port.
        destination: String,
    },
    /// A destination leads to an address where it may not lead.
    Address {
        /// The host.
        host: String,
        /// Where it leads.
        leads_to: String,
    },
    /// An answer leads elsewhere in a way that is not followed.
    Redirect {
        /// From where.
        destination: String,
        /// How.
        why: String,
    },
    /// It was asked too often.
    Rate {
        /// How long until it may be asked again.
        retry_after: Duration,
    },
    /// So many are under way.
    Busy {
        /// Most at a time.
        most: usize,
    },
    /// An answer is larger than may be.
    TooLarge {
        /// From where.
        destination: String,
        /// Most of it, in bytes.
        most: usize,
    },
    /// It took too long.
    Late {
        /// What was waited for.
        destination: String,
        /// How long.
        after: Duration,
    },
    /// Nobody answered, or in a way that is no HTTP.
    Unreached {
        /// Who was asked.
        destination: String,
        /// Why.
        why: String,
    },
    /// Whoever is told before a request leaves has not taken it.
    NotTaken,
    /// Nobody waits for it any more.
    Stopped,
    /// This host cannot ask anybody.
    Unusable {
        /// Why.
        why: String,
    },
}

impl Refused {
    /// One word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRequest { .. } => "invalid_request",
            Self::NotAllowed { .. } => "destination_not_allowed",
            Self::Address { .. } => "address_not_allowed",
            Self::Redirect { .. } => "redirect_refused",
            Self::Rate { .. } => "rate_limited",
            Self::Busy { .. } => "too_many_requests",
            Self::TooLarge { .. } => "answer_too_large",
            Self::Late { .. } => "timed_out",
            Self::Unreached { .. } => "unreachable",
            Self::Stopped => "stopped",
            Self::NotTaken | Self::Unusable { .. } => "unavailable",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRequest { part, why } => write!(f, "the {part} of the request cannot be sent: {why}"),
            Self::NotAllowed { destination } => {
                write!(f, "`{destination}` is not among the destinations that the operator lets this plugin reach")
            }
            // To where is the operator's to know: a name after the other would be a map of a network.
            Self::Address { host, .. } => write!(f, "`{host}` leads to where the operator does not let this plugin go"),
            Self::Redirect { destination, why } => write!(f, "`{destination}` {why}"),
            Self::Rate { retry_after } => {
                write!(
                    f,
                    "this plugin has asked too often: the next request may be made in {:.1} s",
                    seconds(*retry_after)
                )
            }
            Self::Busy { most } => write!(f, "{most} requests of this plugin are under way, and no more may be"),
            Self::TooLarge { destination, most } => {
                write!(f, "the answer of `{destination}` is larger than {most} bytes")
            }
            Self::Late { destination, after } => {
                write!(f, "`{destination}` did not answer within {:.1} s", seconds(*after))
            }
            Self::Unreached { destination, why } => write!(f, "`{destination}` cannot be asked: {why}"),
            Self::NotTaken => f.write_str("nobody could write down that it leaves"),
            Self::Stopped => f.write_str("nobody waits for the answer any more"),
            Self::Unusable { why } => write!(f, "this host asks nobody: {why}"),
        }
    }
}

impl std::error::Error for Refused {}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_where_inside_a_name_leads() {
        let refused = Refused::Address { host: "db.corp.example".to_owned(), leads_to: "10.0.0.5".to_owned() };
        let words = refused.to_string();
        assert!(words.contains("`db.corp.example`") && !words.contains("10.0.0.5"), "{words}");
    }
}
