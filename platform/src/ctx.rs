//! `Ctx`: what goes along with a command: whether it is still wanted, until when, and what wrappers hand on.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Goes along with a command from the outermost wrapper to its own code. Nothing in it is changed: whoever adds
/// something makes another that knows the first.
///
/// ```
/// use aisoc_platform::Ctx;
///
/// struct Ticket(&'static str);
///
/// let outer = Ctx::background();
/// let inner = outer.with_value(Ticket("OPS-1"));
/// assert_eq!(inner.value::<Ticket>().map(|ticket| ticket.0), Some("OPS-1"));
/// assert!(outer.value::<Ticket>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct Ctx(Option<Arc<Node>>);

struct Node {
    outer: Ctx,
    adds: Adds,
}

enum Adds {
    Value(Box<dyn Any + Send + Sync>),
    Deadline(Instant),
    Cancellation(Box<dyn Fn() -> bool + Send + Sync>),
}

impl Ctx {
    /// One that holds nothing, is never cancelled and has no end.
    ///
    /// ```
    /// let ctx = aisoc_platform::Ctx::background();
    /// assert!(!ctx.is_cancelled() && ctx.deadline().is_none());
    /// ```
    pub fn background() -> Self {
        Self::default()
    }

    /// One that also holds a value, which is found by its type.
    ///
    /// ```
    /// let ctx = aisoc_platform::Ctx::background().with_value(1_u8).with_value(2_u8);
    /// assert_eq!(ctx.value::<u8>(), Some(&2)); // the innermost
    /// ```
    #[must_use]
    pub fn with_value<T: Any + Send + Sync>(&self, value: T) -> Self {
        self.with(Adds::Value(Box::new(value)))
    }

    /// The innermost value of that type.
    ///
    /// ```
    /// assert!(aisoc_platform::Ctx::background().value::<String>().is_none());
    /// ```
    pub fn value<T: Any>(&self) -> Option<&T> {
        self.nodes().find_map(|node| match &node.adds {
            Adds::Value(value) => value.downcast_ref(),
            Adds::Deadline(_) | Adds::Cancellation(_) => None,
        })
    }

    /// One that ends then at the latest.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let ctx = aisoc_platform::Ctx::background().with_deadline(Instant::now() - Duration::from_millis(1));
    /// assert!(ctx.is_cancelled());
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        self.with(Adds::Deadline(deadline))
    }

    /// When it ends: the earliest of all that were set.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let (now, hour) = (Instant::now(), Duration::from_secs(3600));
    /// let ctx = aisoc_platform::Ctx::background().with_deadline(now).with_deadline(now + hour);
    /// assert_eq!(ctx.deadline(), Some(now));
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines = self.nodes().filter_map(|node| match &node.adds {
            Adds::Deadline(deadline) => Some(*deadline),
            Adds::Value(_) | Adds::Cancellation(_) => None,
        });
        deadlines.min()
    }

    /// How much of its time is left; none when it has no end.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let ctx = aisoc_platform::Ctx::background().with_deadline(Instant::now());
    /// assert_eq!(ctx.remaining(), Some(Duration::ZERO));
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// One that is also cancelled when this says so. It is asked each time, and remembers for itself.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// let is_stopped = Arc::new(AtomicBool::new(false));
    /// let asked = Arc::clone(&is_stopped);
    /// let ctx = aisoc_platform::Ctx::background().with_cancellation(move || asked.load(Ordering::Relaxed));
    /// assert!(!ctx.is_cancelled());
    /// is_stopped.store(true, Ordering::Relaxed);
    /// assert!(ctx.is_cancelled());
    /// ```
    #[must_use]
    pub fn with_cancellation(&self, is_cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.with(Adds::Cancellation(Box::new(is_cancelled)))
    }

    /// Whether nobody waits for the answer any more: it was cancelled, or its time is over.
    ///
    /// ```
    /// let ctx = aisoc_platform::Ctx::background().with_cancellation(|| true);
    /// assert!(ctx.with_value("further in").is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        let is_over = self.deadline().is_some_and(|deadline| deadline <= Instant::now());
        is_over || self.nodes().any(|node| matches!(&node.adds, Adds::Cancellation(is_cancelled) if is_cancelled()))
    }

    fn with(&self, adds: Adds) -> Self {
        Self(Some(Arc::new(Node { outer: self.clone(), adds })))
    }

    /// What was added, the last first.
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(self.0.as_deref(), |node| node.outer.0.as_deref())
    }
}

impl Drop for Node {
    /// One after the other: each within the one before would need as much of the stack as there are.
    fn drop(&mut self) {
        let mut next = self.outer.0.take();
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            next = node.outer.0.take();
        }
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values are other people's, and may be secret.
        formatter.debug_struct("Ctx").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}
