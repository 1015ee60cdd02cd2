//! `Selector`: which commands a hook is for.

use std::fmt;
use std::sync::Arc;

use crate::{CommandView, Glob, Identity, Risk};

type Predicate = dyn Fn(&dyn CommandView) -> bool + Send + Sync;

/// Which commands a hook is for. The default is none at all: it selects nothing, and a hook with it is refused, so that
/// everybody says what they mean.
///
/// ```
/// use aisoc_platform::Selector;
///
/// let writes_about_keys = Selector::by_write().and(Selector::by_domain(["keys"]));
/// let all_but_help = Selector::by_command_path(["help"]).not();
/// ```
#[derive(Clone, Default)]
pub struct Selector(Option<Arc<Predicate>>);

impl Selector {
    /// The commands for which this says yes.
    ///
    /// ```
    /// use aisoc_platform::Selector;
    ///
    /// let short = Selector::new(|command| command.path().len() < 8);
    /// ```
    pub fn new(selects: impl Fn(&dyn CommandView) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(selects)))
    }

    /// Every command.
    ///
    /// ```
    /// assert!(!aisoc_platform::Selector::all().is_absent());
    /// ```
    pub fn all() -> Self {
        Self::new(|_| true)
    }

    /// No command, and that is meant so.
    ///
    /// ```
    /// assert!(!aisoc_platform::Selector::none().is_absent());
    /// ```
    pub fn none() -> Self {
        Self::new(|_| false)
    }

    /// The commands whose path one of the patterns names: see [`Glob`]. What is no pattern names none.
    ///
    /// ```
    /// let selector = aisoc_platform::Selector::by_command_path(["plugin/**", "keys/{add,revoke}"]);
    /// ```
    pub fn by_command_path<T: AsRef<str>>(patterns: impl IntoIterator<Item = T>) -> Self {
        let globs: Vec<Glob> = patterns.into_iter().filter_map(|pattern| Glob::new(pattern.as_ref()).ok()).collect();
        Self::new(move |command| {
            let path = command.path();
            Glob::naming(&globs, &path).any(|(_, named)| named.is_ok())
        })
    }

    /// The commands that are about one of these. One that does not say what it is about is none of them.
    ///
    /// ```
    /// let selector = aisoc_platform::Selector::by_domain(["keys", "installation"]);
    /// ```
    pub fn by_domain<T: Into<String>>(domains: impl IntoIterator<Item = T>) -> Self {
        let domains: Vec<String> = domains.into_iter().map(Into::into).collect();
        Self::new(move |command| {
            let domain = command.domain();
            !domain.is_empty() && domains.contains(&domain)
        })
    }

    /// The commands that say exactly that risk.
    ///
    /// ```
    /// use aisoc_platform::{Risk, Selector};
    ///
    /// let selector = Selector::by_exact_risk(Risk::HighRiskWrite);
    /// ```
    pub fn by_exact_risk(risk: Risk) -> Self {
        Self::new(move |command| command.risk().as_ref() == Some(&risk))
    }

    /// The commands that say that they are for that identity. One that does not say is for none.
    ///
    /// ```
    /// use aisoc_platform::{Identity, Selector};
    ///
    /// let selector = Selector::by_identity(Identity::Bot);
    /// ```
    pub fn by_identity(identity: Identity) -> Self {
        Self::new(move |command| command.identities().is_some_and(|identities| identities.contains(&identity)))
    }

    /// The commands that change nothing.
    ///
    /// ```
    /// let selector = aisoc_platform::Selector::by_read_only();
    /// ```
    pub fn by_read_only() -> Self {
        Self::by_exact_risk(Risk::Read)
    }

    /// The commands that make or change something: `write` and `high-risk-write`.
    ///
    /// ```
    /// let selector = aisoc_platform::Selector::by_write();
    /// ```
    pub fn by_write() -> Self {
        Self::new(|command| command.risk().is_some_and(|risk| risk.is_write()))
    }

    /// The commands that both select.
    ///
    /// ```
    /// use aisoc_platform::Selector;
    ///
    /// let selector = Selector::by_write().and(Selector::by_domain(["keys"]));
    /// ```
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(move |command| self.matches(command) && other.matches(command))
    }

    /// The commands that one of the two selects.
    ///
    /// ```
    /// use aisoc_platform::Selector;
    ///
    /// let selector = Selector::by_domain(["keys"]).or(Selector::by_write());
    /// ```
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::new(move |command| self.matches(command) || other.matches(command))
    }

    /// The commands that this does not select; all of them for one that is absent.
    ///
    /// ```
    /// use aisoc_platform::Selector;
    ///
    /// let selector = Selector::by_read_only().not();
    /// ```
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it reads as `and` and `or` do, without an import")]
    pub fn not(self) -> Self {
        Self::new(move |command| !self.matches(command))
    }

    /// Whether it selects a command.
    ///
    /// ```
    /// use aisoc_platform::{CommandView, Selector};
    ///
    /// fn is_change(command: &dyn CommandView) -> bool {
    ///     Selector::by_write().matches(command)
    /// }
    /// ```
    pub fn matches(&self, command: &dyn CommandView) -> bool {
        self.0.as_ref().is_some_and(|selects| selects(command))
    }

    /// Whether nobody has said what to select.
    ///
    /// ```
    /// assert!(aisoc_platform::Selector::default().is_absent());
    /// ```
    pub const fn is_absent(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_absent() { "Selector(absent)" } else { "Selector" })
    }
}
