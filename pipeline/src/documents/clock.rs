//! By which time keys are judged on a site.

use schemars::JsonSchema;
use serde::Serialize;

/// The clock, and what was seen on a site before.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SiteClock {
    /// The plugins directory.
    pub plugins_directory: String,
    /// What the clock says.
    pub clock_at: String,
    /// The latest time that a command which changed the site has seen.
    pub last_seen_at: Option<String>,
    /// The time by which keys are judged there: the later of the two.
    pub judged_at: String,
    /// `goes_on`, `behind` by more than a minute, `far_ahead` by more than a year, `unknown` where nothing was seen.
    pub state: &'static str,
    /// How far the clock is ahead of what was seen last, as a duration of ISO 8601; behind it with a `-`.
    pub difference: Option<String>,
    /// What had been seen before it was reset, where it was and could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_seen_at: Option<String>,
    /// Whether it was reset.
    pub reset: bool,
}
