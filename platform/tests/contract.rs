//! Values of the contract: what they say, what they take, and what they keep.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aisoc_platform::{
    AbortError, Capabilities, CommandDeniedError, Ctx, Error, FailurePolicy, Identity, Plugin, Registrar, Result, Risk,
    Rule, RuleFault, register, registered_plugins, reset_for_testing,
};
use serde_json::json;

#[test]
fn a_risk_is_parsed_as_it_is_written() {
    for (text, risk, rank) in
        [("read", Risk::Read, 0), ("write", Risk::Write, 1), ("high-risk-write", Risk::HighRiskWrite, 2)]
    {
        assert_eq!(Risk::parse(text), Ok(Some(risk.clone())));
        assert_eq!((risk.rank(), risk.is_valid(), risk.to_string()), (Some(rank), true, text.to_owned()));
        assert_eq!(risk.is_write(), rank > 0);
    }
    assert_eq!(Risk::parse(""), Ok(None));
    for text in ["Read", "READ", " read ", "read ", "high_risk_write", "nuclear", "wrtie"] {
        assert!(Risk::parse(text).expect_err("none").to_string().contains(text));
        let kept = Risk::from(text);
        assert_eq!((kept.rank(), kept.is_valid(), kept.is_write(), kept.as_str()), (None, false, false, text));
    }
}

#[test]
fn an_identity_is_parsed_as_it_is_written() {
    for (text, identity) in [("user", Identity::User), ("bot", Identity::Bot)] {
        assert_eq!(Identity::parse(text), Ok(Some(identity.clone())));
        assert_eq!((identity.is_valid(), identity.to_string()), (true, text.to_owned()));
    }
    assert_eq!(Identity::parse(""), Ok(None));
    for text in ["User", " bot", "root", "USER"] {
        assert!(Identity::parse(text).expect_err("none").to_string().contains(text));
        assert_eq!((Identity::from(text).is_valid(), Identity::from(text).as_str()), (false, text));
    }
}

#[test]
fn a_rule_goes_to_json_and_back() {
    let text = json!({
        "name": "agents", "description": "what agents may do", "allow": ["plugin/**"], "deny": ["**/sign"],
        "max_risk": "write", "identities": ["bot"], "allow_unannotated": true,
    });
    let rule: Rule = serde_json::from_value(text.clone()).expect("a rule");
    assert_eq!(rule.max_risk, Some(Risk::Write));
    assert_eq!(rule.identities, [Identity::Bot]);
    assert_eq!(serde_json::to_value(&rule).expect("JSON"), text);
    assert_eq!(serde_json::to_value(Rule::default()).expect("JSON"), json!({"name": ""}));
    assert_eq!(serde_json::from_value::<Rule>(json!({"max_risk": ""})).expect("a rule"), Rule::default());
    // What is wrong in it is kept, and said by `faults`.
    let odd: Rule = serde_json::from_value(json!({"max_risk": "nuclear", "identities": ["root"]})).expect("a rule");
    assert_eq!(odd.max_risk, Some(Risk::Unknown("nuclear".into())));
    assert!(serde_json::from_value::<Rule>(json!({"max_risks": "read"})).is_err());
}

#[test]
fn a_rule_says_all_its_faults_and_where_they_are() {
    let rule = Rule {
        allow: vec!["a/**".into(), "".into()],
        deny: vec!["[abc".into(), "ok".into(), "{a".into()],
        max_risk: Some(Risk::from("Read")),
        identities: vec![Identity::Bot, Identity::from("root"), Identity::from("")],
        ..Rule::default()
    };
    let faults = rule.faults();
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let expected = [
        "invalid max_risk \"Read\": must be one of read|write|high-risk-write",
        "invalid identities entry \"root\": must be 'user' or 'bot'",
        "invalid identities entry \"\": must be 'user' or 'bot'",
        "invalid allow glob \"\": empty pattern",
        "invalid deny glob \"[abc\": syntax error in pattern",
        "invalid deny glob \"{a\": syntax error in pattern",
    ];
    assert_eq!(said, expected);
    let places: Vec<_> = faults.iter().map(RuleFault::place).collect();
    let identities = [("identities", Some(1)), ("identities", Some(2))];
    let globs = [("allow", Some(1)), ("deny", Some(0)), ("deny", Some(2))];
    assert_eq!(places, [&[("max_risk", None)][..], &identities, &globs].concat());
    assert!(Rule::default().faults().is_empty());
}

#[test]
fn an_abort_says_who_why_and_of_what() {
    let cause = io::Error::from(io::ErrorKind::PermissionDenied);
    let error = AbortError {
        hook_name: "p.h".into(),
        reason: "r".into(),
        cause: Some(cause.into()),
        detail: Some(json!({"ticket": null})),
    };
    assert_eq!(error.to_string(), "hook \"p.h\" aborted: r: permission denied");
    let source = error.source().expect("a cause").downcast_ref::<io::Error>().expect("an error of I/O");
    assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(AbortError { hook_name: "p.h".into(), ..AbortError::default() }.to_string(), "hook \"p.h\" aborted");
    assert!(AbortError::new("r").source().is_none());
}

#[test]
fn a_denial_is_told_with_its_reason_or_with_its_code() {
    let mut error = CommandDeniedError {
        path: "plugin/sign".into(),
        layer: "strict_mode".into(),
        policy_source: "strict-mode".into(),
        rule_name: String::new(),
        reason_code: "identity_not_supported".into(),
        reason: String::new(),
    };
    assert_eq!(error.to_string(), "command \"plugin/sign\" denied (strict_mode/identity_not_supported)");
    error.reason = "bots do not sign".into();
    assert_eq!(error.to_string(), "command \"plugin/sign\" denied: bots do not sign");
    let shared = Error::from(error.clone());
    assert_eq!(shared.clone().downcast_ref::<CommandDeniedError>(), Some(&error));
    assert!(shared.downcast_ref::<AbortError>().is_none());
}

#[test]
fn what_goes_along_is_added_to_and_never_changed() {
    let outer = Ctx::background().with_value("outer").with_value(1_u8);
    let inner = outer.with_value("inner");
    assert_eq!((outer.value(), inner.value(), inner.value()), (Some(&"outer"), Some(&"inner"), Some(&1_u8)));
    assert!(inner.value::<u16>().is_none());
    assert!(!format!("{inner:?}").contains("inner"));
}

#[test]
fn what_is_cancelled_or_late_is_so_for_everything_within() {
    let (now, hour) = (Instant::now(), Duration::from_secs(3600));
    let is_stopped = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_stopped);
    let outer = Ctx::background().with_deadline(now + hour);
    let inner = outer.with_cancellation(move || asked.load(Ordering::Relaxed)).with_value("further in");
    assert!(!inner.is_cancelled());
    is_stopped.store(true, Ordering::Relaxed);
    assert!(inner.is_cancelled() && !outer.is_cancelled());
    // The earliest end is the end, wherever it was set.
    let late = outer.with_deadline(now - Duration::from_millis(1)).with_deadline(now + hour + hour);
    assert!(late.is_cancelled() && late.remaining() == Some(Duration::ZERO));
    assert!(outer.remaining().expect("an end") > hour / 2);
    assert_eq!(Ctx::background().remaining(), None);
}

struct Nameless;

impl Plugin for Nameless {
    fn name(&self) -> &str {
        panic!("there is none")
    }

    fn version(&self) -> &str {
        panic!("nor this")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { failure_policy: FailurePolicy::FailClosed, ..Capabilities::default() }
    }

    fn install(&self, _: &mut dyn Registrar) -> Result {
        Ok(())
    }
}

#[test]
fn whatever_is_registered_is_there_in_its_order_until_all_is_forgotten() {
    let built = |name: &str| Box::new(aisoc_platform::Builder::new(name, "1").must_build());
    register(built("one"));
    register(Box::new(Nameless));
    register(built("one"));
    let snapshot = registered_plugins();
    register(built("later"));
    assert_eq!((snapshot.len(), registered_plugins().len()), (3, 4));
    assert_eq!((snapshot[0].name(), snapshot[2].name()), ("one", "one"));
    // Nothing of a plugin ran so far, and what panics now does not keep others from being registered.
    let plugin = Arc::clone(&snapshot[1]);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| plugin.name().len())).is_err());
    reset_for_testing();
    assert!(registered_plugins().is_empty());
    register(built("again"));
    assert_eq!(registered_plugins().len(), 1);
    assert_eq!(snapshot.len(), 3);
}
