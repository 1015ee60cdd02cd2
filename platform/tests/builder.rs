//! What a builder makes, and all that it finds wrong.

use std::sync::{Arc, Mutex};

use aisoc_platform::{
    BuildError, Builder, FailurePolicy, LifecycleEvent, LifecycleHandler, Observer, Plugin, Registrar, Risk, Rule,
    RuleFault, Selector, When, Wrapper,
};

/// Writes down what is asked for.
#[derive(Default)]
struct Asked(Vec<String>);

impl Registrar for Asked {
    fn observe(&mut self, when: When, name: &str, _: Selector, _: Observer) {
        self.0.push(format!("observe {when} {name}"));
    }

    fn wrap(&mut self, name: &str, _: Selector, _: Wrapper) {
        self.0.push(format!("wrap {name}"));
    }

    fn on(&mut self, event: LifecycleEvent, name: &str, _: LifecycleHandler) {
        self.0.push(format!("on {event} {name}"));
    }

    fn restrict(&mut self, rule: Rule) {
        self.0.push(format!("restrict {}", rule.name));
    }
}

fn rule(name: &str) -> Rule {
    Rule { name: name.to_owned(), ..Rule::default() }
}

fn faults(builder: Builder) -> Vec<BuildError> {
    builder.build().expect_err("it has faults").errors().to_vec()
}

#[test]
fn what_was_said_is_asked_for_in_that_order() {
    let plugin = Builder::new("everything", "1.2.3")
        .observer(When::Before, "before", Selector::all(), |_, _| {})
        .wrap("outer", Selector::all(), |next| next)
        .on(LifecycleEvent::Startup, "start", |_, _| Ok(()))
        .restrict(rule("one"))
        .wrap("inner", Selector::all(), |next| next)
        .observer(When::After, "after", Selector::none(), |_, _| {})
        .require_cli(">=0.1")
        .must_build();
    let mut asked = Asked::default();
    plugin.install(&mut asked).expect("it is installed");
    let expected = [
        "observe Before before",
        "wrap outer",
        "on Startup start",
        "wrap inner",
        "observe After after",
        "restrict one",
    ];
    assert_eq!(asked.0, expected);
    assert_eq!((plugin.name(), plugin.version()), ("everything", "1.2.3"));
    assert_eq!(plugin.capabilities().required_cli_version, ">=0.1");
}

#[test]
fn a_rule_makes_it_closed_and_nothing_else_does() {
    let policy = |builder: Builder| {
        let capabilities = builder.must_build().capabilities();
        (capabilities.restricts, capabilities.failure_policy)
    };
    let new = || Builder::new("x", "1");
    assert_eq!(policy(new()), (false, FailurePolicy::FailOpen));
    assert_eq!(policy(new().fail_closed()), (false, FailurePolicy::FailClosed));
    assert_eq!(policy(new().fail_closed().fail_open()), (false, FailurePolicy::FailOpen));
    assert_eq!(policy(new().restrict(rule("r"))), (true, FailurePolicy::FailClosed));
    // The first was said of a plugin that did not restrict yet.
    assert_eq!(policy(new().fail_open().restrict(rule("r"))), (true, FailurePolicy::FailClosed));
    assert_eq!(faults(new().restrict(rule("r")).fail_open()), [BuildError::FailOpenAfterRestrict]);
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let wrong = Rule { allow: vec!["[".into()], max_risk: Some(Risk::from("nuclear")), ..Rule::default() };
    let builder = Builder::new("a.b", "1")
        .observer(When::After, "log", Selector::all(), |_, _| {})
        .wrap("log", Selector::all(), |next| next)
        .on(LifecycleEvent::Startup, "A", |_, _| Ok(()))
        .observer(When::After, "who", Selector::default(), |_, _| {})
        .wrap("whom", Selector::default(), |next| next)
        .restrict(wrong)
        .restrict(rule("again"));
    let errors = builder.build().expect_err("it has faults");
    let [name, duplicate, hook, absent, also, risk, glob, twice] = errors.errors() else { panic!("{errors}") };
    assert_eq!(name, &BuildError::InvalidPluginName("a.b".into()));
    assert_eq!(duplicate, &BuildError::DuplicateHookName("log".into()));
    assert_eq!(hook, &BuildError::InvalidHookName("A".into()));
    assert_eq!(absent, &BuildError::AbsentSelector("who".into()));
    assert_eq!(also, &BuildError::AbsentSelector("whom".into()));
    assert_eq!(risk, &BuildError::InvalidRule(RuleFault::MaxRisk(Risk::from("nuclear"))));
    assert!(matches!(glob, BuildError::InvalidRule(RuleFault::Glob { list: "allow", entry: 0, .. })));
    assert_eq!(twice, &BuildError::RepeatedRestrict);
    let text = errors.to_string();
    assert!(errors.errors().iter().all(|error| text.contains(&error.to_string())), "{text}");
}

#[test]
fn a_name_is_refused_at_the_end_and_not_before() {
    for name in ["", "a.b", "A", "-a", "a_b", "ä", "a b"] {
        assert_eq!(faults(Builder::new(name, "1")), [BuildError::InvalidPluginName(name.into())]);
    }
    for name in ["a", "0", "a-", "a0-b"] {
        assert!(Builder::new(name, "1").build().is_ok(), "{name}");
    }
}

#[test]
fn a_plugin_that_has_to_be_built_panics_with_its_name() {
    let panicked = std::panic::catch_unwind(|| Builder::new("No-Name", "1").must_build());
    let message = panicked.expect_err("it panics");
    let message = message.downcast_ref::<String>().expect("a text");
    assert!(message.contains("\"No-Name\""), "{message}");
}

#[test]
fn what_is_handed_over_is_what_is_called() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let plugin = Builder::new("x", "1")
        .on(LifecycleEvent::Startup, "start", move |_, lifecycle| {
            kept.lock().expect("nobody panicked").push(lifecycle.event);
            Err("not today".into())
        })
        .must_build();
    struct Starts(Option<LifecycleHandler>);
    impl Registrar for Starts {
        fn observe(&mut self, _: When, _: &str, _: Selector, _: Observer) {}
        fn wrap(&mut self, _: &str, _: Selector, _: Wrapper) {}
        fn on(&mut self, _: LifecycleEvent, _: &str, handler: LifecycleHandler) {
            self.0 = Some(handler);
        }
        fn restrict(&mut self, _: Rule) {}
    }
    let mut starts = Starts(None);
    plugin.install(&mut starts).expect("it is installed");
    let context = aisoc_platform::LifecycleContext { event: LifecycleEvent::Startup, err: None };
    let result = starts.0.expect("a handler")(&aisoc_platform::Ctx::background(), &context);
    assert_eq!(result.expect_err("it says no").to_string(), "not today");
    assert_eq!(*seen.lock().expect("nobody panicked"), [LifecycleEvent::Startup]);
}
