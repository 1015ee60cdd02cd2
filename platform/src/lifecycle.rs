//! What happens once in a process.

use std::fmt;

use crate::Error;

/// What happens once in a process.
///
/// ```
/// assert_eq!(aisoc_platform::LifecycleEvent::Startup.to_string(), "Startup");
/// ```
///
/// There are no others:
///
/// ```compile_fail,E0599
/// let event = aisoc_platform::LifecycleEvent::Reload;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LifecycleEvent {
    /// Every plugin is installed, and no command has begun.
    Startup,
    /// The command has ended. All who are called then have two seconds together.
    Shutdown,
}

impl fmt::Display for LifecycleEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Startup => "Startup",
            Self::Shutdown => "Shutdown",
        })
    }
}

/// What has happened, for whoever asked to be called.
///
/// ```
/// use aisoc_platform::{LifecycleContext, LifecycleEvent};
///
/// let context = LifecycleContext { event: LifecycleEvent::Shutdown, err: Some("the disk is full".into()) };
/// assert!(context.err.is_some());
/// ```
#[derive(Debug, Clone)]
pub struct LifecycleContext {
    /// The event.
    pub event: LifecycleEvent,
    /// At [`LifecycleEvent::Shutdown`], what the command before it has failed of.
    pub err: Option<Error>,
}
