//! Every way in which a plugin is not installed, under both policies, and what comes of it.

mod support;

use std::sync::Arc;

use aisoc_dispatch::{MAX_WRAPPERS, Plugins, Refusal};
use aisoc_manifests::fault::Reason;
use aisoc_platform::{
    Builder, FailurePolicy, Identity, LifecycleEvent, Plugin, Registrar, Result, Risk, Rule, Selector, When,
};
use serde_json::json;
use support::{Raw, install, installed};

fn all(raws: impl IntoIterator<Item = Raw>) -> (Result<Plugins, Refusal>, Vec<String>) {
    install(raws.into_iter().map(|raw| Arc::new(raw) as Arc<dyn Plugin>))
}

fn rule() -> Rule {
    Rule { name: "one".into(), max_risk: Some(Risk::Read), ..Rule::default() }
}

fn observe(registrar: &mut dyn Registrar, name: &str, selector: Selector) {
    registrar.observe(When::After, name, selector, Arc::new(|_, _| {}));
}

/// A plugin `x` that fails with a code, whatever its policy.
fn failing(code: Reason) -> Raw {
    let x = || Raw::new("x");
    match code {
        Reason::InvalidPluginName => Raw::new("Bad.Name"),
        Reason::PluginNamePanic => x().panics_at("name"),
        Reason::CapabilitiesPanic => x().panics_at("capabilities"),
        Reason::InvalidCapability => x().requires(">=abc"),
        Reason::CapabilityUnmet => x().requires(">=99.0.0"),
        Reason::RestrictsMismatch => x().installs(|registrar| {
            registrar.restrict(rule());
            Ok(())
        }),
        Reason::InvalidHookName => x().installs(|registrar| {
            observe(registrar, "a.b", Selector::all());
            Ok(())
        }),
        Reason::DuplicateHookName => x().installs(|registrar| {
            observe(registrar, "same", Selector::all());
            registrar.on(LifecycleEvent::Startup, "same", Arc::new(|_, _| Ok(())));
            Ok(())
        }),
        Reason::InvalidHookRegistration => x().installs(|registrar| {
            registrar.wrap("wrapper", Selector::default(), Arc::new(|next| next));
            Ok(())
        }),
        Reason::InvalidRule => x().installs(|registrar| {
            registrar.restrict(Rule { deny: vec!["[abc".into()], ..rule() });
            Ok(())
        }),
        Reason::DoubleRestrict => x().installs(|registrar| {
            registrar.restrict(rule());
            registrar.restrict(rule());
            Ok(())
        }),
        Reason::InstallFailed => x().installs(|_| Err(std::io::Error::other("no network").into())),
        Reason::InstallPanic => x().panics_at("install"),
        code => unreachable!("{code} is not of one plugin alone"),
    }
}

const HONOURED: [Reason; 6] = [
    Reason::CapabilityUnmet,
    Reason::InvalidHookName,
    Reason::DuplicateHookName,
    Reason::InvalidHookRegistration,
    Reason::InstallFailed,
    Reason::InstallPanic,
];
const ALWAYS_FATAL: [Reason; 7] = [
    // Who hands over a rule is closed, whatever they say of themselves.
    Reason::InvalidRule,
    Reason::DoubleRestrict,
    Reason::InvalidPluginName,
    Reason::PluginNamePanic,
    Reason::CapabilitiesPanic,
    Reason::InvalidCapability,
    Reason::RestrictsMismatch,
];

/// The refusal is told with the plugin's name, its code, and why.
fn assert_told(refusal: &Refusal, code: Reason, plugin: &str) {
    assert_eq!((refusal.code().kind(), refusal.code()), ("plugin_install", code), "{refusal}");
    assert_eq!(refusal.detail()["plugin"], plugin);
    assert_eq!(refusal.detail()["reason_code"], code.as_str());
    assert!(refusal.detail()["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    assert!(refusal.to_string().starts_with(&format!("plugin {plugin:?} ({code}): ")), "{refusal}");
}

#[test]
fn a_plugin_that_fails_open_is_left_out_and_one_that_fails_closed_ends_all() {
    for code in HONOURED {
        let (open, warned) = all([Raw::new("before"), failing(code), Raw::new("behind")]);
        let names: Vec<String> = open.expect("it goes on").listed().iter().map(|plugin| plugin.name.clone()).collect();
        assert_eq!(names, ["before", "behind"], "{code}");
        let [line] = warned.as_slice() else { panic!("{code}: {warned:?}") };
        assert!(line.starts_with("plugin \"x\" skipped: ") && line.contains(code.as_str()), "{line}");

        let (closed, warned) = all([Raw::new("before"), failing(code).closed(), Raw::new("behind")]);
        assert_told(&closed.err().expect("it ends"), code, "x");
        assert_eq!(warned, Vec::<String>::new());
    }
}

#[test]
fn what_cannot_be_believed_ends_all_whatever_it_says() {
    for code in ALWAYS_FATAL {
        for plugin in [failing(code), failing(code).closed()] {
            let name = if code == Reason::PluginNamePanic { "" } else { plugin.name };
            let (installed, warned) = all([plugin]);
            assert_told(&installed.err().expect("it ends"), code, name);
            assert_eq!(warned, Vec::<String>::new());
        }
    }
}

#[test]
fn two_of_one_name_are_found_before_any_is_asked_more() {
    let (installed, _) = all([Raw::new("x").panics_at("capabilities"), Raw::new("y"), Raw::new("x")]);
    assert_told(&installed.err().expect("it ends"), Reason::DuplicatePluginName, "x");
    // One that panics is met in its turn, behind those that are before it.
    let (installed, _) = all([Raw::new("Bad"), Raw::new("x").panics_at("name")]);
    assert_eq!(installed.err().expect("it ends").code(), Reason::InvalidPluginName);
}

#[test]
fn a_constraint_that_cannot_be_read_is_one_for_a_development_build_as_well() {
    let install = |requires: &str, version: &str| {
        let plugins: [Arc<dyn Plugin>; 1] = [Arc::new(Raw::new("x").closed().requires(requires))];
        aisoc_dispatch::install_all(&plugins, version, &mut |_, _| {}).err().map(|refusal| refusal.code())
    };
    assert_eq!(install(">=abc", "DEV"), Some(Reason::InvalidCapability));
    assert_eq!(install(">=99", "DEV"), None);
    assert_eq!(install(">=1.2", "1.2.0"), None);
    assert_eq!(install(">=1.3", "1.2.9"), Some(Reason::CapabilityUnmet));
}

#[test]
fn who_restricts_says_so_is_closed_and_does() {
    let code = |raw: Raw| all([raw]).0.err().map(|refusal| refusal.code());
    let hands_over = |registrar: &mut dyn Registrar| {
        registrar.restrict(rule());
        Ok(())
    };
    let mut open = Raw::new("x").restricts().installs(hands_over);
    open.capabilities.failure_policy = FailurePolicy::FailOpen;
    assert_eq!(code(open), Some(Reason::RestrictsMismatch));
    assert_eq!(code(Raw::new("x").restricts()), Some(Reason::RestrictsMismatch));
    assert_eq!(code(Raw::new("x").closed().installs(hands_over)), Some(Reason::RestrictsMismatch));
    assert_eq!(code(Raw::new("x").restricts().installs(hands_over)), None);
}

#[test]
fn a_rule_with_any_fault_is_none() {
    let rules = [
        Rule { allow: vec!["[abc".into()], ..Rule::default() },
        Rule { deny: vec!["".into()], ..Rule::default() },
        Rule { max_risk: Some(Risk::from("nuclear")), ..Rule::default() },
        Rule { identities: vec![Identity::from("root")], ..Rule::default() },
    ];
    for rule in rules {
        let said = rule.faults()[0].to_string();
        let plugin = Raw::new("x").restricts().installs(move |registrar| {
            registrar.restrict(rule.clone());
            Ok(())
        });
        let refusal = all([plugin]).0.err().expect("it ends");
        assert_told(&refusal, Reason::InvalidRule, "x");
        assert!(refusal.to_string().ends_with(&said), "{refusal}");
    }
}

#[test]
fn one_plugin_restricts() {
    let restricting = |name: &'static str| Builder::new(name, "1").restrict(rule());
    let plugins = ["first", "second"].map(|name| Arc::new(restricting(name).must_build()) as Arc<dyn Plugin>);
    let refusal = install(plugins).0.err().expect("it ends");
    assert_eq!((refusal.code().kind(), refusal.code()), ("plugin_conflict", Reason::MultipleRestrictPlugins));
    assert_eq!(refusal.detail()["plugins"], json!(["first", "second"]));
    assert_eq!(refusal.detail()["plugin"], "second");
    let one = installed([restricting("first"), Builder::new("other", "1")]);
    assert_eq!(one.rule(), Some(("first", &rule())));
}

#[test]
fn the_first_that_is_wrong_is_what_is_told() {
    let (installed, _) = all([Raw::new("x").closed().installs(|registrar| {
        observe(registrar, "fine", Selector::all());
        observe(registrar, "A", Selector::all());
        observe(registrar, "fine", Selector::all());
        Ok(())
    })]);
    assert_told(&installed.err().expect("it ends"), Reason::InvalidHookName, "x");
    // An error comes before what was asked for until then: nobody looks at that any more.
    let (installed, _) = all([Raw::new("x").closed().installs(|registrar| {
        observe(registrar, "A", Selector::all());
        Err("no network".into())
    })]);
    let refusal = installed.err().expect("it ends");
    assert_told(&refusal, Reason::InstallFailed, "x");
    assert!(refusal.to_string().ends_with(": no network"), "{refusal}");
    assert!(std::error::Error::source(&refusal).is_some());
}

#[test]
fn all_of_a_plugin_is_installed_or_nothing() {
    let (open, warned) = all([
        Raw::new("half").installs(|registrar| {
            observe(registrar, "one", Selector::all());
            registrar.wrap("two", Selector::all(), Arc::new(|next| next));
            Err("no more".into())
        }),
        Raw::new("whole").installs(|registrar| {
            observe(registrar, "one", Selector::all());
            Ok(())
        }),
    ]);
    let open = open.expect("it goes on");
    // Two plugins may have hooks of one name.
    let observers: Vec<String> = open.hooks().observers.iter().map(|hook| hook.name.to_string()).collect();
    assert_eq!(observers, ["whole.one"]);
    assert!(open.hooks().wrappers.is_empty());
    assert_eq!((open.listed().len(), warned.len()), (1, 1));
}

#[test]
fn wrappers_are_bounded_over_all_plugins() {
    let wrapping = |name: &str, count: usize| {
        (0..count).fold(Builder::new(name, "1"), |builder, number| {
            builder.wrap(format!("w{number}"), Selector::all(), |next| next)
        })
    };
    let of = |first: usize, second: usize| {
        install(
            [wrapping("first", first), wrapping("second", second), Builder::new("third", "1")]
                .map(|builder| Arc::new(builder.must_build()) as Arc<dyn Plugin>),
        )
        .0
    };
    for second in [MAX_WRAPPERS - 601, MAX_WRAPPERS - 600] {
        let plugins = of(600, second).unwrap_or_else(|refusal| panic!("{second}: {refusal}"));
        assert_eq!(plugins.hooks().wrappers.len(), 600 + second);
    }
    let refusal = of(600, MAX_WRAPPERS - 599).err().expect("one too many");
    assert_told(&refusal, Reason::InvalidHookRegistration, "second");
    assert!(refusal.to_string().ends_with("there are 1025 wrappers, and 1024 may be"), "{refusal}");
}

#[test]
fn a_plugin_is_listed_with_all_that_it_said() {
    let plugins = installed([Builder::new("audit", "0.1.0")
        .require_cli(">=1")
        .observer(When::Before, "begin", Selector::all(), |_, _| {})
        .wrap("around", Selector::none(), |next| next)
        .on(LifecycleEvent::Shutdown, "flush", |_, _| Ok(()))
        .restrict(rule())]);
    let [audit] = plugins.listed() else { panic!("one") };
    assert_eq!((audit.name.as_str(), audit.version.as_str()), ("audit", "0.1.0"));
    assert!(audit.capabilities.restricts && audit.capabilities.required_cli_version == ">=1");
    assert_eq!(audit.observers, [("begin".into(), When::Before)]);
    assert_eq!(audit.wrappers, ["around".into()]);
    assert_eq!(audit.lifecycle, [("flush".into(), LifecycleEvent::Shutdown)]);
    assert_eq!(audit.rule, Some(rule()));
}

#[test]
fn a_version_that_panics_is_none() {
    let (plugins, warned) = all([Raw::new("x").closed().panics_at("version")]);
    assert_eq!(plugins.expect("it goes on").listed()[0].version, "");
    assert_eq!(warned, Vec::<String>::new());
}

#[test]
fn a_rule_is_what_it_was_when_it_was_handed_over() {
    use std::sync::Mutex;
    let kept = Arc::new(Mutex::new(rule()));
    let handed = Arc::clone(&kept);
    let (plugins, _) = all([Raw::new("x").restricts().installs(move |registrar| {
        registrar.restrict(handed.lock().expect("nobody panicked").clone());
        Ok(())
    })]);
    kept.lock().expect("nobody panicked").max_risk = None;
    assert_eq!(plugins.expect("installed").rule(), Some(("x", &rule())));
}

#[test]
fn a_plugin_may_have_ten_thousand_hooks() {
    let (plugins, _) = all([Raw::new("x").installs(|registrar| {
        (0..10_000).for_each(|at| observe(registrar, &format!("hook-{at}"), Selector::none()));
        Ok(())
    })]);
    assert_eq!(plugins.expect("installed").hooks().observers.len(), 10_000);
}
