//! `Registration`: what a plugin says of itself and of its handlers, once that was judged.

use std::str::FromStr as _;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::dependencies::{DEPENDS_ON_ITSELF, require_name, require_requires, require_version};
use aisoc_manifests::fault::{Difference, Fault, Reason, Result};
use aisoc_manifests::hook::Hook;
use aisoc_manifests::text::shown;
use pep440_rs::{Version, VersionSpecifiers};

use crate::handler::Handler;
use crate::timeout::HandlerTimeout;

/// Which Stigmem a host is to its plugins: the one whose contract it keeps.
pub const CONTRACT_VERSION: &str = "0.9.0a10";

/// Most characters that are shown of a value that is refused.
const MAX_SHOWN: usize = 80;
/// Most names in a sentence.
const MAX_NAMES: usize = 20;
/// What a handler is called that has no name of its own.
const NAMELESS: &str = "handler";

/// What a plugin's manifest says, of the right types, and judged by nobody yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The versions of the host that it works with.
    pub requires: String,
    /// What it asks for.
    pub capabilities: Vec<String>,
    /// The names of the plugins that it needs.
    pub depends_on: Vec<String>,
    /// Whether its handlers may be called beside each other.
    pub is_async_safe: bool,
    /// Its handlers.
    pub handlers: Vec<DeclaredHandler>,
    /// Whether it can be asked how it does; nothing where what it names for that cannot be called.
    pub has_health_check: Option<bool>,
}

/// A handler, as a manifest names it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredHandler {
    /// For which hook.
    pub hook: String,
    /// What it is called; nothing where it cannot be called at all.
    pub function: Option<String>,
    /// How many arguments it takes by their place; nothing where that has no end.
    pub positional_count: Option<usize>,
    /// How many seconds it may take, where it says so.
    pub timeout_seconds: Option<f64>,
}

/// A plugin, and its handlers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The versions of the host that it works with.
    pub requires: String,
    /// What it asks for, sorted, each once.
    pub capabilities: Vec<Capability>,
    /// The names of the plugins that it needs, sorted, each once.
    pub depends_on: Vec<String>,
    /// Whether its handlers may be called beside each other.
    pub is_async_safe: bool,
    /// Its handlers, in the order of the hooks: one for each, at most.
    pub handlers: Vec<Handler>,
    /// Whether it can be asked how it does.
    pub has_health_check: bool,
}

impl Registration {
    /// Judges what a manifest says, by itself. Whether its host is one that it works with, [`Registration::require_host`]
    /// asks.
    ///
    /// # Errors
    /// `contract_check_failed` naming the field, `unknown_capability` naming all that are unknown.
    pub fn judge(declared: Declared) -> Result<Self> {
        let Declared { name, version, requires, capabilities, depends_on, is_async_safe, handlers, has_health_check } =
            declared;
        held("name", require_name(&name))?;
        held("version", require_version(&version))?;
        held("requires_stigmem", require_requires(&requires))?;
        depends_on.iter().try_for_each(|name| held("depends_on", require_name(name)))?;
        if depends_on.contains(&name) {
            return Err(broken(DEPENDS_ON_ITSELF));
        }
        let mut capabilities = known_capabilities(&capabilities)?;
        capabilities.sort_unstable_by_key(|capability| capability.as_str());
        capabilities.dedup();
        let mut depends_on = depends_on;
        depends_on.sort_unstable();
        depends_on.dedup();
        let handlers = judged_handlers(&name, handlers)?;
        let has_health_check = has_health_check.ok_or_else(|| broken("health_check must be callable"))?;
        Ok(Self { name, version, requires, capabilities, depends_on, is_async_safe, handlers, has_health_check })
    }

    /// Refuses a plugin that does not work with a host that keeps the contract of that version.
    ///
    /// # Errors
    /// `contract_check_failed`.
    pub fn require_host(&self, version: &str) -> Result<()> {
        let (name, requires) = (&self.name, shown(&self.requires, MAX_SHOWN));
        let specifiers = VersionSpecifiers::from_str(&self.requires).map_err(|why| {
            let why = why.to_string();
            let why = shown(why.lines().next().unwrap_or_default(), MAX_SHOWN);
            broken(format!("plugin '{name}' has invalid requires_stigmem '{requires}': {why}"))
        })?;
        let current = Version::from_str(version)
            .map_err(|why| Fault::new(Reason::Internal, "this host has no version that can be read").caused_by(why))?;
        match specifiers.contains(&current) {
            true => Ok(()),
            false => {
                Err(broken(format!("plugin '{name}' requires stigmem '{requires}', but current version is {current}")))
            }
        }
    }

    /// Its handler for that hook.
    pub fn handler(&self, hook: Hook) -> Option<&Handler> {
        self.handlers.iter().find(|handler| handler.hook == hook)
    }
}

fn broken(message: impl Into<String>) -> Fault {
    Fault::new(Reason::ContractCheckFailed, message.into())
}

/// What a field of a manifest is held to, as a contract that is not kept.
fn held(field: &str, result: Result<()>) -> Result<()> {
    result.map_err(|fault| {
        let broken = broken(format!("the manifest's {field} is not of the form that it has to have"));
        match fault.difference() {
            Some(Difference { expected, found }) => broken.expected(expected, found),
            None => broken,
        }
    })
}

fn known_capabilities(names: &[String]) -> Result<Vec<Capability>> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match name.parse() {
            Ok(capability) => known.push(capability),
            Err(_) => unknown.push(name.as_str()),
        }
    }
    let Some(first) = unknown.first() else { return Ok(known) };
    let fault = Fault::new(Reason::UnknownCapability, format!("unknown plugin capabilities: {}", listed(&unknown)));
    Err(match Capability::nearest(first) {
        Some(nearest) => fault.hint(format!("did you mean {nearest}?")),
        None => fault,
    })
}

fn judged_handlers(plugin: &str, declared: Vec<DeclaredHandler>) -> Result<Vec<Handler>> {
    let mut unknown: Vec<&str> =
        declared.iter().map(|handler| handler.hook.as_str()).filter(|name| name.parse::<Hook>().is_err()).collect();
    unknown.sort_unstable();
    if let Some(first) = unknown.first() {
        let fault = broken(format!("unknown plugin hooks: {}", listed(&unknown)));
        return Err(match Hook::nearest(first) {
            Some(nearest) => fault.hint(format!("did you mean {nearest}?")),
            None => fault,
        });
    }
    let mut handlers: Vec<Handler> =
        declared.into_iter().map(|handler| judged_handler(plugin, handler)).collect::<Result<_>>()?;
    handlers.sort_by_key(|handler| handler.hook);
    match handlers.windows(2).find(|two| two[0].hook == two[1].hook) {
        Some(two) => Err(broken(format!("the manifest has two handlers for hook '{}'", two[0].hook))),
        None => Ok(handlers),
    }
}

fn judged_handler(plugin: &str, declared: DeclaredHandler) -> Result<Handler> {
    let DeclaredHandler { hook, function, positional_count, timeout_seconds } = declared;
    let hook: Hook = hook.parse()?;
    let function = function.ok_or_else(|| broken(format!("handler for hook '{hook}' is not callable")))?;
    let wanted = hook.semantic().positional_count();
    if positional_count.is_some_and(|count| count < wanted) {
        let arguments = if wanted == 1 { "argument" } else { "arguments" };
        return Err(broken(format!(
            "handler for hook '{hook}' on plugin '{plugin}' must accept at least {wanted} positional {arguments}"
        )));
    }
    let timeout = timeout_seconds.map(HandlerTimeout::of_seconds).transpose()?.unwrap_or_default();
    let function = if function.is_empty() { NAMELESS.to_owned() } else { shown(&function, MAX_SHOWN) };
    Ok(Handler { hook, plugin: plugin.to_owned(), name: format!("{plugin}.{function}"), timeout, is_core: false })
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(MAX_NAMES).map(|name| shown(name, MAX_SHOWN)).collect();
    shown.join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn declared(name: &str, handlers: &[(&str, &str)]) -> Declared {
        let handlers = handlers.iter().map(|(hook, function)| DeclaredHandler {
            hook: (*hook).to_owned(),
            function: Some((*function).to_owned()),
            positional_count: None,
            timeout_seconds: None,
        });
        Declared {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            requires: ">=0.9.0a10".to_owned(),
            capabilities: Vec::new(),
            depends_on: Vec::new(),
            is_async_safe: true,
            handlers: handlers.collect(),
            has_health_check: Some(false),
        }
    }

    /// Why it is refused once that is changed of it.
    fn refused(change: impl FnOnce(&mut Declared)) -> Fault {
        let mut changed = declared("audit-trail", &[("recall_filter", "tidy")]);
        change(&mut changed);
        Registration::judge(changed).expect_err("refused")
    }

    #[test]
    fn each_field_is_named_with_the_form_that_it_has_to_have() {
        let mut good = declared("audit-trail", &[("recall_filter", "tidy"), ("pre_assert_authorize", "")]);
        good.depends_on = vec!["zzz".to_owned(), "base-hooks".to_owned(), "zzz".to_owned()];
        let judged = Registration::judge(good).expect("judged");
        assert_eq!(judged.depends_on, ["base-hooks", "zzz"]);
        let names: Vec<&str> = judged.handlers.iter().map(|handler| handler.name.as_str()).collect();
        assert_eq!(names, ["audit-trail.handler", "audit-trail.tidy"], "in the order of the hooks");
        assert!(judged.handler(Hook::RecallFilter).is_some() && judged.handler(Hook::RecallRank).is_none());
        for (fault, field) in [
            (refused(|hook| hook.name = "Audit".to_owned()), "name"),
            (refused(|hook| hook.version = "1".to_owned()), "version"),
            (refused(|hook| hook.requires = "1".to_owned()), "requires_stigmem"),
            (refused(|hook| hook.depends_on = vec!["X".to_owned()]), "depends_on"),
        ] {
            assert_eq!(fault.reason(), Reason::ContractCheckFailed);
            assert!(fault.message().starts_with(&format!("the manifest's {field} ")), "{fault:?}");
            assert!(fault.difference().is_some(), "{fault:?}");
        }
        let itself = refused(|hook| hook.depends_on = vec!["audit-trail".to_owned()]);
        assert_eq!(itself.message(), "plugin cannot depend on itself");
    }

    #[test]
    fn unknown_capabilities_are_all_named_and_the_nearest_known_one() {
        let asked = ["audit.emit", "facts.reed", "zzz"].map(str::to_owned).to_vec();
        let fault = refused(|hook| hook.capabilities = asked);
        assert_eq!(
            (fault.reason(), fault.message()),
            (Reason::UnknownCapability, "unknown plugin capabilities: facts.reed, zzz")
        );
        assert_eq!(fault.next_step(), "did you mean facts.read?");
    }

    #[test]
    fn handlers_are_of_known_hooks_can_be_called_and_take_what_they_are_given() {
        let said =
            |change: fn(&mut DeclaredHandler)| refused(|hook| change(&mut hook.handlers[0])).message().to_owned();
        let fault = refused(|hook| {
            hook.handlers = declared("x", &[("zzz", "f"), ("recall_filter", "f"), ("recall_filtre", "f")]).handlers;
        });
        assert_eq!(fault.message(), "unknown plugin hooks: recall_filtre, zzz");
        assert_eq!(fault.next_step(), "did you mean recall_filter?");
        assert_eq!(said(|handler| handler.function = None), "handler for hook 'recall_filter' is not callable");
        assert_eq!(
            said(|handler| handler.positional_count = Some(1)),
            "handler for hook 'recall_filter' on plugin 'audit-trail' must accept at least 2 positional arguments"
        );
        assert_eq!(
            said(|handler| (handler.hook, handler.positional_count) = ("audit_emit".to_owned(), Some(0))),
            "handler for hook 'audit_emit' on plugin 'audit-trail' must accept at least 1 positional argument"
        );
        assert_eq!(said(|handler| handler.timeout_seconds = Some(0.0)), "handler timeout must be positive");
        let too_long = "handler timeout cannot exceed 30 seconds";
        assert_eq!(said(|handler| handler.timeout_seconds = Some(31.0)), too_long);
        let twice = refused(|hook| hook.handlers.push(hook.handlers[0].clone()));
        assert_eq!(twice.message(), "the manifest has two handlers for hook 'recall_filter'");
        assert_eq!(refused(|hook| hook.has_health_check = None).message(), "health_check must be callable");
        let mut good = declared("audit-trail", &[("recall_filter", "tidy")]);
        (good.handlers[0].positional_count, good.handlers[0].timeout_seconds) = (Some(2), Some(30.0));
        Registration::judge(good).expect("exactly what there has to be");
    }

    #[test]
    fn a_host_is_one_that_a_plugin_works_with_or_is_not() {
        let ask = |requires: &str, version: &str| {
            let mut asking = declared("audit-trail", &[]);
            requires.clone_into(&mut asking.requires);
            Registration::judge(asking).and_then(|judged| judged.require_host(version))
        };
        for requires in ["", ">=0.9.0a1", ">=0.9.0a10", "==0.9.*", "~=0.9.0a3", "<1", ">=0.9.0a1,!=0.9.0a9"] {
            ask(requires, CONTRACT_VERSION).unwrap_or_else(|fault| panic!("{requires}: {fault}"));
        }
        for requires in [">=0.9.0", ">0.9.0a10", "<0.9.0a10", "==0.9.0a1", ">=1,<2"] {
            let fault = ask(requires, CONTRACT_VERSION).expect_err(requires);
            let text = format!("plugin 'audit-trail' requires stigmem '{requires}', but current version is 0.9.0a10");
            assert_eq!((fault.reason(), fault.message()), (Reason::ContractCheckFailed, text.as_str()));
        }
        // Of the form that a list of versions has, and none all the same.
        let fault = ask(">=1.x", CONTRACT_VERSION).expect_err("no version");
        let begin = "plugin 'audit-trail' has invalid requires_stigmem '>=1.x': ";
        assert!(fault.message().starts_with(begin), "{fault}");
    }
}
