//! Manifests of hooks: what each has to state, and what they ask of each other.

use aisoc_manifests::capability::Capability;
use aisoc_manifests::dependencies::{self, DEPENDS_ON_ITSELF, require_name, require_requires, require_version};
use aisoc_manifests::fault::{Difference, Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_worker::HookManifest;

/// Most characters that are shown of a value that is refused.
const MAX_SHOWN: usize = 80;
/// Most names in a sentence about capabilities.
const MAX_NAMES: usize = 20;

/// Judges one manifest by itself. Whether a host of this site meets what it requires is the host's to say.
///
/// # Errors
/// `contract_check_failed` naming the field, `unknown_capability` naming all that are unknown.
pub(super) fn judge(hook: &HookManifest) -> Result<()> {
    held("name", require_name(&hook.name))?;
    held("version", require_version(&hook.version))?;
    held("requires_stigmem", require_requires(&hook.requires))?;
    hook.depends_on.iter().try_for_each(|name| held("depends_on", require_name(name)))?;
    if hook.depends_on.contains(&hook.name) {
        return Err(Fault::new(Reason::ContractCheckFailed, DEPENDS_ON_ITSELF));
    }
    let unknown: Vec<&String> = hook.capabilities.iter().filter(|name| name.parse::<Capability>().is_err()).collect();
    let Some(first) = unknown.first() else { return Ok(()) };
    let names: Vec<String> = unknown.iter().map(|name| shown(name, MAX_SHOWN)).collect();
    let fault = Fault::new(Reason::UnknownCapability, format!("unknown plugin capabilities: {}", listed(&names)));
    Err(match Capability::nearest(first) {
        Some(nearest) => fault.hint(format!("did you mean {nearest}?")),
        None => fault,
    })
}

/// What a field of a manifest is held to, as a contract that is not kept.
fn held(field: &str, result: Result<()>) -> Result<()> {
    result.map_err(|fault| {
        let message = format!("the manifest's {field} is not of the form that it has to have");
        let broken = Fault::new(Reason::ContractCheckFailed, message);
        match fault.difference() {
            Some(Difference { expected, found }) => broken.expected(expected, found),
            None => broken,
        }
    })
}

/// The hooks that cannot be used with the others, each with its refusal.
pub(super) fn unmet(hooks: Vec<HookManifest>) -> Vec<(String, Fault)> {
    let needs = hooks.into_iter().map(|hook| (hook.name, hook.depends_on.into_iter().collect())).collect();
    let broken = |fault: Fault| Fault::new(Reason::ContractCheckFailed, fault.message());
    dependencies::unmet(needs).into_iter().map(|(name, fault)| (name, broken(fault))).collect()
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
    shown.join(", ")
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
        }
    }

    #[test]
    fn each_field_is_named_with_the_form_that_it_has_to_have() {
        assert!(judge(&hook("audit-trail", &["base-hooks"])).is_ok());
        let bad = |change: fn(&mut HookManifest)| {
            let mut hook = hook("audit-trail", &[]);
            change(&mut hook);
            judge(&hook).expect_err("refused")
        };
        for (fault, field) in [
            (bad(|hook| hook.name = "Audit".to_owned()), "name"),
            (bad(|hook| hook.version = "1".to_owned()), "version"),
            (bad(|hook| hook.requires = "1".to_owned()), "requires_stigmem"),
            (bad(|hook| hook.depends_on = vec!["X".to_owned()]), "depends_on"),
        ] {
            assert_eq!(fault.reason(), Reason::ContractCheckFailed);
            assert!(fault.message().starts_with(&format!("the manifest's {field} ")), "{fault:?}");
            assert!(fault.difference().is_some(), "{fault:?}");
        }
        let itself = bad(|hook| hook.depends_on = vec!["audit-trail".to_owned()]);
        assert_eq!(itself.message(), "plugin cannot depend on itself");
    }

    #[test]
    fn unknown_capabilities_are_all_named_and_the_nearest_known_one() {
        let mut asking = hook("audit-trail", &[]);
        asking.capabilities = ["audit.emit", "facts.reed", "zzz"].map(str::to_owned).to_vec();
        let fault = judge(&asking).expect_err("unknown");
        assert_eq!(
            (fault.reason(), fault.message()),
            (Reason::UnknownCapability, "unknown plugin capabilities: facts.reed, zzz")
        );
        assert_eq!(fault.next_step(), "did you mean facts.read?");
    }

    #[test]
    fn what_needs_what_is_not_there_breaks_its_contract() {
        let refused = unmet(vec![hook("aaa", &["bbb"]), hook("ccc", &[])]);
        let [(name, fault)] = refused.as_slice() else { panic!("{refused:?}") };
        assert_eq!((name.as_str(), fault.reason()), ("aaa", Reason::ContractCheckFailed));
        assert_eq!(fault.message(), "missing plugin dependencies: aaa missing bbb");
    }
}
