//! Manifests of hooks: what each has to state, and what they ask of each other.

use aisoc_hooks::{Declared, DeclaredHandler, Registration};
use aisoc_manifests::dependencies;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_worker::{HookHandler, HookManifest};

/// What a manifest says, judged by itself. Whether a host of this site meets what it requires is the host's to say.
///
/// # Errors
/// `contract_check_failed` naming the field, `unknown_capability` naming all that are unknown.
pub fn judge_hooks(manifest: HookManifest) -> Result<Registration> {
    let HookManifest { name, version, requires, capabilities, depends_on, is_async_safe, handlers, has_health_check } =
        manifest;
    let declared = |HookHandler { hook, function, positional_count, timeout_seconds }| DeclaredHandler {
        hook,
        function,
        positional_count,
        timeout_seconds,
    };
    let handlers = handlers.into_iter().map(declared).collect();
    Registration::judge(Declared {
        name,
        version,
        requires,
        capabilities,
        depends_on,
        is_async_safe,
        handlers,
        has_health_check,
    })
}

/// The hooks that cannot be used with the others, each with its refusal.
pub(super) fn unmet(hooks: Vec<Registration>) -> Vec<(String, Fault)> {
    let needs = hooks.into_iter().map(|hook| (hook.name, hook.depends_on.into_iter().collect())).collect();
    let broken = |fault: Fault| Fault::new(Reason::ContractCheckFailed, fault.message());
    dependencies::unmet(needs).into_iter().map(|(name, fault)| (name, broken(fault))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &str, depends_on: &[&str]) -> HookManifest {
        HookManifest {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            requires: ">=0.9.0a10".to_owned(),
            capabilities: Vec::new(),
            depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
            is_async_safe: true,
            handlers: Vec::new(),
            has_health_check: Some(false),
        }
    }

    fn judged(name: &str, depends_on: &[&str]) -> Registration {
        judge_hooks(hook(name, depends_on)).expect("judged")
    }

    #[test]
    fn what_a_worker_reads_is_what_is_judged() {
        let handler = |hook: &str, positional_count| HookHandler {
            hook: hook.to_owned(),
            function: Some("f".to_owned()),
            positional_count,
            timeout_seconds: Some(0.5),
        };
        let mut manifest = hook("audit-trail", &["base-hooks"]);
        manifest.handlers = vec![handler("recall_filter", Some(2))];
        let registration = judge_hooks(manifest.clone()).expect("judged");
        assert_eq!(registration.handlers[0].name, "audit-trail.f");
        assert_eq!(registration.handlers[0].timeout.duration().as_millis(), 500);
        manifest.handlers = vec![handler("recall_filter", Some(1))];
        let fault = judge_hooks(manifest).expect_err("one argument is too few");
        assert_eq!(fault.reason(), Reason::ContractCheckFailed);
    }

    #[test]
    fn what_needs_what_is_not_there_breaks_its_contract() {
        let refused = unmet(vec![judged("aaa", &["bbb"]), judged("ccc", &[])]);
        let [(name, fault)] = refused.as_slice() else { panic!("{refused:?}") };
        assert_eq!((name.as_str(), fault.reason()), ("aaa", Reason::ContractCheckFailed));
        assert_eq!(fault.message(), "missing plugin dependencies: aaa missing bbb");
    }
}
