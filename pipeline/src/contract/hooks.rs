//! Manifests of hooks: what each has to state, and what they ask of each other.

use std::collections::{BTreeMap, BTreeSet};

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_worker::HookManifest;

const NAME: &str = "^[a-z][a-z0-9-]{2,63}$";
const VERSION: &str = "MAJOR.MINOR.PATCH, with aN, bN, rcN or a part behind `-` or `+`";
/// Most characters that are shown of a value that is refused.
const MAX_SHOWN: usize = 80;
/// Most names in a sentence about hooks that need each other.
const MAX_NAMES: usize = 20;

/// Judges one manifest by itself. Whether a host of this site meets what it requires is the host's to say.
///
/// # Errors
/// `contract_check_failed` naming the field, `unknown_capability` naming all that are unknown.
pub(super) fn judge(hook: &HookManifest) -> Result<()> {
    require("name", &hook.name, NAME, is_name)?;
    require("version", &hook.version, VERSION, is_version)?;
    require("requires_stigmem", &hook.requires, "a set of version specifiers such as >=0.9,<2", is_specifier_set)?;
    hook.depends_on.iter().try_for_each(|name| require("depends_on", name, NAME, is_name))?;
    if hook.depends_on.contains(&hook.name) {
        return Err(Fault::new(Reason::ContractCheckFailed, "plugin cannot depend on itself"));
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

fn require(field: &str, value: &str, form: &str, is_valid: fn(&str) -> bool) -> Result<()> {
    match is_valid(value) {
        true => Ok(()),
        false => {
            let message = format!("the manifest's {field} is not of the form that it has to have");
            Err(Fault::new(Reason::ContractCheckFailed, message).expected(form, shown(value, MAX_SHOWN)))
        }
    }
}

fn is_name(text: &str) -> bool {
    (3..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Three numeric parts; behind them nothing, a pre-release, or anything behind `-` or `+`.
fn is_version(text: &str) -> bool {
    let mut parts = text.splitn(3, '.');
    let is_number = |part: Option<&str>| part.is_some_and(is_digits);
    if !is_number(parts.next()) || !is_number(parts.next()) {
        return false;
    }
    let last = parts.next().unwrap_or_default();
    let (patch, suffix) = last.split_at(last.find(|c: char| !c.is_ascii_digit()).unwrap_or(last.len()));
    let is_graphic = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_suffix = match suffix.as_bytes() {
        [] => true,
        [b'-' | b'+', ..] => is_graphic(&suffix[1..]),
        _ => ["a", "b", "rc"].iter().any(|word| suffix.strip_prefix(word).is_some_and(is_digits)),
    };
    is_digits(patch) && is_suffix
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Specifiers as PEP 440 writes them: an operator and a version each. An empty set takes every version.
fn is_specifier_set(text: &str) -> bool {
    const OPERATORS: [&str; 8] = ["===", "~=", "==", "!=", "<=", ">=", "<", ">"];
    let is_specifier = |text: &str| {
        let version = OPERATORS.iter().find_map(|operator| text.strip_prefix(operator)).map(str::trim);
        version.is_some_and(|version| {
            version.starts_with(|c: char| c.is_ascii_digit())
                && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".*+!-_".contains(&byte))
        })
    };
    text.trim().is_empty() || text.split(',').map(str::trim).all(is_specifier)
}

/// The hooks that cannot be used with the others, each with its refusal: one that needs a hook that is not there, or
/// one that needs it in turn. What they leave behind may lack them then, and is refused as well.
pub(super) fn unmet(hooks: Vec<HookManifest>) -> Vec<(String, Fault)> {
    let mut left: BTreeMap<String, Vec<String>> = hooks.into_iter().map(|hook| (hook.name, hook.depends_on)).collect();
    let mut refused = Vec::new();
    loop {
        // A circle is looked for where everything that is needed is there.
        let Some((names, message)) = missing(&left).or_else(|| cycle(&left)) else { return refused };
        for name in names {
            left.remove(&name);
            refused.push((name, Fault::new(Reason::ContractCheckFailed, message.clone())));
        }
    }
}

type Refused = Option<(BTreeSet<String>, String)>;

/// `a missing b, c; d missing e`.
fn missing(left: &BTreeMap<String, Vec<String>>) -> Refused {
    let mut sentences = Vec::new();
    let mut names = BTreeSet::new();
    for (name, needs) in left {
        let missing: Vec<String> = needs.iter().filter(|need| !left.contains_key(*need)).cloned().collect();
        if !missing.is_empty() {
            sentences.push(format!("{name} missing {}", listed(&missing)));
            names.insert(name.clone());
        }
    }
    sentences.truncate(MAX_NAMES);
    (!names.is_empty()).then(|| (names, format!("missing plugin dependencies: {}", sentences.join("; "))))
}

/// The first circle, by names: `a -> b -> a`. Each hook is gone to once, and none by recursion.
fn cycle(left: &BTreeMap<String, Vec<String>>) -> Refused {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in left.keys() {
        let mut way: Vec<(&str, std::slice::Iter<'_, String>)> = Vec::new();
        let mut on_the_way: BTreeSet<&str> = BTreeSet::new();
        let mut next = Some(start.as_str());
        loop {
            match next.take() {
                Some(name) if done.contains(name) => {}
                Some(name) => {
                    if !on_the_way.insert(name) {
                        let circle = way.iter().map(|(visited, _)| *visited).skip_while(|visited| *visited != name);
                        let circle: Vec<String> = circle.map(str::to_owned).collect();
                        let shown = circle.iter().take(MAX_NAMES).map(String::as_str).chain([name]);
                        let shown: Vec<&str> = shown.collect();
                        let message = format!("plugin dependency cycle detected: {}", shown.join(" -> "));
                        return Some((circle.into_iter().collect(), message));
                    }
                    way.push((name, left[name].iter()));
                }
                None => {}
            }
            let Some((name, needs)) = way.last_mut() else { break };
            match needs.next() {
                Some(need) => next = Some(need),
                None => {
                    done.insert(name);
                    on_the_way.remove(name);
                    way.pop();
                }
            }
        }
    }
    None
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
    fn names_versions_and_specifiers_are_those_of_the_registry() {
        for (name, is_valid) in
            [("abc", true), ("a-1", true), ("ab", false), ("Abc", false), ("1ab", false), ("a_b", false)]
        {
            assert_eq!(is_name(name), is_valid, "{name}");
        }
        for (length, is_valid) in [(63, true), (64, true), (65, false)] {
            assert_eq!(is_name(&"n".repeat(length)), is_valid, "{length}");
        }
        for version in ["1.2.3", "0.0.0", "1.2.3a1", "1.2.3b10", "1.2.3rc1", "1.2.3-anything.1", "1.2.3+local"] {
            assert!(is_version(version), "{version}");
        }
        for version in
            ["", "1.2", "1.2.x", "1..3", "1.2.3.4", "1.2.3a", "1.2.3c1", "1.2.3-", "v1.2.3", "1.2.3 ", "-1.2.3"]
        {
            assert!(!is_version(version), "{version}");
        }
        for text in ["", ">=0.9.0a10", ">=1,<2", "~= 1.4.2", "==1.*", "===1.0+x", "!=1.5"] {
            assert!(is_specifier_set(text), "{text}");
        }
        for text in ["1.0", ">=", "=>1", ">=1,,<2", ">=x", "^1.0", ">=1 <2"] {
            assert!(!is_specifier_set(text), "{text}");
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

    fn refusals(hooks: &[(&str, &[&str])]) -> Vec<(String, String)> {
        let refused = unmet(hooks.iter().map(|(name, needs)| hook(name, needs)).collect());
        refused.into_iter().map(|(name, fault)| (name, fault.message().to_owned())).collect()
    }

    fn named(names: &[&str], message: &str) -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), message.to_owned())).collect()
    }

    #[test]
    fn what_is_missing_is_said_of_all_and_what_needs_the_refused_is_refused_too() {
        assert!(refusals(&[("aaa", &["bbb"]), ("bbb", &[]), ("ccc", &["aaa", "bbb"])]).is_empty());
        assert_eq!(
            refusals(&[("aaa", &["bbb", "ccc"]), ("ddd", &["eee"]), ("fff", &[])]),
            named(&["aaa", "ddd"], "missing plugin dependencies: aaa missing bbb, ccc; ddd missing eee")
        );
        let mut expected = named(&["bbb"], "missing plugin dependencies: bbb missing ccc");
        expected.extend(named(&["aaa"], "missing plugin dependencies: aaa missing bbb"));
        assert_eq!(refusals(&[("aaa", &["bbb"]), ("bbb", &["ccc"])]), expected);
    }

    #[test]
    fn a_circle_is_named_from_its_first_name_on() {
        let circle = "plugin dependency cycle detected: aaa -> bbb -> aaa";
        assert_eq!(refusals(&[("aaa", &["bbb"]), ("bbb", &["aaa"]), ("ccc", &[])]), named(&["aaa", "bbb"], circle));
        let inner = "plugin dependency cycle detected: bbb -> ccc -> bbb";
        let mut expected = named(&["bbb", "ccc"], inner);
        expected.extend(named(&["aaa"], "missing plugin dependencies: aaa missing bbb"));
        assert_eq!(refusals(&[("aaa", &["bbb"]), ("bbb", &["ccc"]), ("ccc", &["bbb"])]), expected);
    }

    #[test]
    fn a_long_chain_is_walked_without_recursion() {
        let names: Vec<String> = (0..20_000).map(|number| format!("n{number:05}")).collect();
        let chain = names.windows(2).map(|pair| hook(&pair[0], &[&pair[1]]));
        let whole: Vec<_> = chain.chain([hook("n19999", &[])]).collect();
        assert!(unmet(whole).is_empty());
    }
}
