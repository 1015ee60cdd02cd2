//! `Builder`: a plugin in a few lines.

use std::fmt;
use std::sync::Arc;

use crate::{
    Capabilities, Ctx, FailurePolicy, Handler, Invocation, LifecycleContext, LifecycleEvent, LifecycleHandler, Next,
    Observer, Plugin, Registrar, Result, Rule, RuleFault, Selector, When, Wrapper, is_valid_name,
};

/// Makes a plugin step by step. What is wrong is said at the end, all of it at once.
///
/// ```
/// use aisoc_platform::{Builder, Plugin, Selector, When};
///
/// let plugin = Builder::new("audit", "0.1.0")
///     .observer(When::After, "log", Selector::all(), |_, invocation| {
///         eprintln!("[audit] {}", invocation.cmd().path());
///     })
///     .fail_open()
///     .build()?;
/// assert_eq!(format!("{} {}", plugin.name(), plugin.version()), "audit 0.1.0");
/// # Ok::<(), aisoc_platform::BuildErrors>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    plugin: BuiltPlugin,
    faults: Vec<BuildError>,
}

/// A plugin that a [`Builder`] has made.
///
/// ```
/// use aisoc_platform::{BuiltPlugin, Builder, Plugin, Risk, Rule};
///
/// let plugin: BuiltPlugin = Builder::new("readonly", "0.1.0")
///     .restrict(Rule { name: "reads".into(), max_risk: Some(Risk::Read), ..Rule::default() })
///     .must_build();
/// assert!(plugin.capabilities().restricts);
/// ```
pub struct BuiltPlugin {
    name: String,
    version: String,
    capabilities: Capabilities,
    hooks: Vec<Hook>,
    rule: Option<Rule>,
}

struct Hook {
    name: String,
    does: Does,
}

enum Does {
    Observe(When, Selector, Observer),
    Wrap(Selector, Wrapper),
    On(LifecycleEvent, LifecycleHandler),
}

impl Builder {
    /// Begins a plugin of that name and version.
    ///
    /// ```
    /// use aisoc_platform::Builder;
    ///
    /// let builder = Builder::new("Not a name", "0.1.0"); // which `build` says
    /// assert!(builder.build().is_err());
    /// ```
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        let capabilities = Capabilities::default();
        let (name, version) = (name.into(), version.into());
        let plugin = BuiltPlugin { name, version, capabilities, hooks: Vec::new(), rule: None };
        Self { plugin, faults: Vec::new() }
    }

    /// Says with which versions of the command the plugin works; with any, when empty.
    ///
    /// ```
    /// use aisoc_platform::{Builder, Plugin};
    ///
    /// let plugin = Builder::new("audit", "0.1.0").require_cli(">=0.1.0").must_build();
    /// assert_eq!(plugin.capabilities().required_cli_version, ">=0.1.0");
    /// ```
    #[must_use]
    pub fn require_cli(mut self, constraint: impl Into<String>) -> Self {
        self.plugin.capabilities.required_cli_version = constraint.into();
        self
    }

    /// Lets commands run without the plugin when it cannot be installed, as they do anyway. Not for a plugin that
    /// restricts.
    ///
    /// ```
    /// use aisoc_platform::{Builder, FailurePolicy, Plugin, Rule};
    ///
    /// let plugin = Builder::new("audit", "0.1.0").fail_open().must_build();
    /// assert_eq!(plugin.capabilities().failure_policy, FailurePolicy::FailOpen);
    ///
    /// assert!(Builder::new("no-writes", "0.1.0").restrict(Rule::default()).fail_open().build().is_err());
    /// ```
    #[must_use]
    pub fn fail_open(mut self) -> Self {
        if self.plugin.capabilities.restricts {
            self.faults.push(BuildError::FailOpenAfterRestrict);
            return self;
        }
        self.plugin.capabilities.failure_policy = FailurePolicy::FailOpen;
        self
    }

    /// Lets no command run when the plugin cannot be installed.
    ///
    /// ```
    /// use aisoc_platform::{Builder, FailurePolicy, Plugin};
    ///
    /// let plugin = Builder::new("tickets", "0.1.0").fail_closed().must_build();
    /// assert_eq!(plugin.capabilities().failure_policy, FailurePolicy::FailClosed);
    /// ```
    #[must_use]
    pub fn fail_closed(mut self) -> Self {
        self.plugin.capabilities.failure_policy = FailurePolicy::FailClosed;
        self
    }

    /// Calls this before or after the commands that are selected.
    ///
    /// ```
    /// use aisoc_platform::{Builder, Selector, When};
    ///
    /// let plugin = Builder::new("audit", "0.1.0")
    ///     .observer(When::Before, "begin", Selector::by_write(), |_, invocation| {
    ///         eprintln!("{} begins", invocation.cmd().path());
    ///     })
    ///     .must_build();
    /// ```
    ///
    /// It is not left out:
    ///
    /// ```compile_fail,E0061
    /// use aisoc_platform::{Builder, Selector, When};
    ///
    /// Builder::new("audit", "0.1.0").observer(When::Before, "begin", Selector::all());
    /// ```
    #[must_use]
    pub fn observer<F>(self, when: When, name: impl Into<String>, selector: Selector, observer: F) -> Self
    where
        F: Fn(&Ctx, &dyn Invocation) + Send + Sync + 'static,
    {
        self.hook(name.into(), Does::Observe(when, selector, Arc::new(observer)))
    }

    /// Stands around the commands that are selected. The first is the outermost.
    ///
    /// ```
    /// use aisoc_platform::{AbortError, Builder, FailurePolicy, Plugin, Selector};
    ///
    /// let plugin = Builder::new("policy-plugin", "0.1.0")
    ///     .wrap("block-writes", Selector::by_write(), |_next| {
    ///         Box::new(|_, _| Err(AbortError::new("writes are disabled for this session").into()))
    ///     })
    ///     .fail_open()
    ///     .build()?;
    /// assert!(plugin.capabilities().failure_policy == FailurePolicy::FailOpen);
    /// # Ok::<(), aisoc_platform::BuildErrors>(())
    /// ```
    #[must_use]
    pub fn wrap<F>(self, name: impl Into<String>, selector: Selector, wrapper: F) -> Self
    where
        F: Fn(Next) -> Handler + Send + Sync + 'static,
    {
        self.hook(name.into(), Does::Wrap(selector, Arc::new(wrapper)))
    }

    /// Calls this at what happens once in a process.
    ///
    /// ```
    /// use aisoc_platform::{Builder, LifecycleEvent};
    ///
    /// let plugin = Builder::new("audit", "0.1.0")
    ///     .on(LifecycleEvent::Shutdown, "flush", |_, lifecycle| {
    ///         eprintln!("[audit] ended, error: {:?}", lifecycle.err);
    ///         Ok(())
    ///     })
    ///     .must_build();
    /// ```
    #[must_use]
    pub fn on<F>(self, event: LifecycleEvent, name: impl Into<String>, handler: F) -> Self
    where
        F: Fn(&Ctx, &LifecycleContext) -> Result + Send + Sync + 'static,
    {
        self.hook(name.into(), Does::On(event, Arc::new(handler)))
    }

    /// Puts a rule over all commands. Such a plugin lets no command run when it cannot be installed.
    ///
    /// ```
    /// use aisoc_platform::{Builder, FailurePolicy, Plugin, Risk, Rule};
    ///
    /// let plugin = Builder::new("readonly-plugins", "0.1.0")
    ///     .restrict(Rule {
    ///         name: "plugins-only".into(),
    ///         allow: vec!["plugins/**".into()],
    ///         max_risk: Some(Risk::Read),
    ///         ..Rule::default()
    ///     })
    ///     .build()?;
    /// let capabilities = plugin.capabilities();
    /// assert!(capabilities.restricts && capabilities.failure_policy == FailurePolicy::FailClosed);
    /// # Ok::<(), aisoc_platform::BuildErrors>(())
    /// ```
    #[must_use]
    pub fn restrict(mut self, rule: Rule) -> Self {
        self.faults.extend(rule.faults().into_iter().map(BuildError::InvalidRule));
        if self.plugin.rule.replace(rule).is_some() {
            self.faults.push(BuildError::RepeatedRestrict);
        }
        self.plugin.capabilities.restricts = true;
        self.fail_closed()
    }

    /// The plugin.
    ///
    /// # Errors
    /// All that is wrong with it.
    ///
    /// ```
    /// use aisoc_platform::{Builder, Selector, When};
    ///
    /// let errors = Builder::new("Audit", "0.1.0")
    ///     .observer(When::After, "the.log", Selector::all(), |_, _| {})
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(errors.errors().len(), 2);
    /// ```
    pub fn build(self) -> Result<BuiltPlugin, BuildErrors> {
        let mut errors = Vec::new();
        if !is_valid_name(&self.plugin.name) {
            errors.push(BuildError::InvalidPluginName(self.plugin.name.clone()));
        }
        errors.extend(self.faults);
        if errors.is_empty() { Ok(self.plugin) } else { Err(BuildErrors { plugin: self.plugin.name, errors }) }
    }

    /// The plugin, for a `main` that has nobody else to tell.
    ///
    /// # Panics
    /// When something is wrong with it: a plugin with a fault never goes unnoticed.
    ///
    /// ```should_panic
    /// aisoc_platform::Builder::new("Not a name", "0.1.0").must_build();
    /// ```
    pub fn must_build(self) -> BuiltPlugin {
        match self.build() {
            Ok(plugin) => plugin,
            Err(errors) => panic!("{errors}"),
        }
    }

    fn hook(mut self, name: String, does: Does) -> Self {
        if !is_valid_name(&name) {
            self.faults.push(BuildError::InvalidHookName(name.clone()));
        }
        if self.plugin.hooks.iter().any(|hook| hook.name == name) {
            self.faults.push(BuildError::DuplicateHookName(name.clone()));
        }
        if let Does::Observe(_, selector, _) | Does::Wrap(selector, _) = &does
            && selector.is_absent()
        {
            self.faults.push(BuildError::AbsentSelector(name.clone()));
        }
        self.plugin.hooks.push(Hook { name, does });
        self
    }
}

impl Plugin for BuiltPlugin {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    fn install(&self, registrar: &mut dyn Registrar) -> Result {
        for Hook { name, does } in &self.hooks {
            match does {
                Does::Observe(when, selector, observer) => {
                    registrar.observe(*when, name, selector.clone(), Arc::clone(observer));
                }
                Does::Wrap(selector, wrapper) => registrar.wrap(name, selector.clone(), Arc::clone(wrapper)),
                Does::On(event, handler) => registrar.on(*event, name, Arc::clone(handler)),
            }
        }
        self.rule.iter().for_each(|rule| registrar.restrict(rule.clone()));
        Ok(())
    }
}

impl fmt::Debug for BuiltPlugin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.hooks.iter().map(|hook| hook.name.as_str()).collect();
        let Self { name, version, capabilities, rule, .. } = self;
        let mut shown = formatter.debug_struct("BuiltPlugin");
        shown.field("name", name).field("version", version).field("capabilities", capabilities);
        shown.field("hooks", &names).field("rule", rule).finish()
    }
}

/// Something that is wrong with a plugin, as a [`Builder`] finds it.
///
/// ```
/// use aisoc_platform::BuildError;
///
/// let error = BuildError::InvalidHookName("a.b".into());
/// assert_eq!(error.to_string(), "hook name \"a.b\" must match ^[a-z0-9][a-z0-9-]*$");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The plugin's name is none.
    InvalidPluginName(String),
    /// The name of a hook is none.
    InvalidHookName(String),
    /// Two hooks have one name.
    DuplicateHookName(String),
    /// The hook of that name does not say for which commands it is.
    AbsentSelector(String),
    /// The rule has a fault.
    InvalidRule(RuleFault),
    /// There are two rules.
    RepeatedRestrict,
    /// A plugin that restricts was to let commands run without it.
    FailOpenAfterRestrict,
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPluginName(name) => write!(formatter, "plugin name {name:?} must match ^[a-z0-9][a-z0-9-]*$"),
            Self::InvalidHookName(name) => write!(formatter, "hook name {name:?} must match ^[a-z0-9][a-z0-9-]*$"),
            Self::DuplicateHookName(name) => write!(formatter, "hook name {name:?} is there twice"),
            Self::AbsentSelector(name) => write!(formatter, "hook {name:?} has no selector"),
            Self::InvalidRule(fault) => write!(formatter, "invalid rule: {fault}"),
            Self::RepeatedRestrict => formatter.write_str("`restrict` is called twice"),
            Self::FailOpenAfterRestrict => {
                formatter.write_str("a plugin that restricts is FailClosed: `fail_open` follows `restrict`")
            }
        }
    }
}

impl std::error::Error for BuildError {}

/// All that is wrong with a plugin.
///
/// ```
/// use aisoc_platform::Builder;
///
/// let errors = Builder::new("A", "0.1.0").build().unwrap_err();
/// assert_eq!(errors.to_string(), "plugin \"A\" cannot be built:\nplugin name \"A\" must match ^[a-z0-9][a-z0-9-]*$");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildErrors {
    plugin: String,
    errors: Vec<BuildError>,
}

impl BuildErrors {
    /// Each of them.
    ///
    /// ```
    /// use aisoc_platform::{BuildError, Builder};
    ///
    /// let errors = Builder::new("A", "0.1.0").build().unwrap_err();
    /// assert_eq!(errors.errors(), [BuildError::InvalidPluginName("A".into())]);
    /// ```
    pub fn errors(&self) -> &[BuildError] {
        &self.errors
    }
}

impl fmt::Display for BuildErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "plugin {:?} cannot be built:", self.plugin)?;
        self.errors.iter().try_for_each(|error| write!(formatter, "\n{error}"))
    }
}

impl std::error::Error for BuildErrors {}
