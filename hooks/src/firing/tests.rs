use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::timeout::HandlerTimeout;

fn handlers(hook: Hook, count: usize) -> Vec<Handler> {
    let handler = |number: usize| {
        let plugin = format!("p{number:02}");
        Handler { hook, name: format!("{plugin}.f"), plugin, timeout: HandlerTimeout::default(), is_core: false }
    };
    (0..count).map(handler).collect()
}

/// Fires it with handlers that answer so, and says how many were asked as well.
fn fired(hook: Hook, value: Option<Value>, answers: &[Invoked]) -> (Fired, usize) {
    let mut asked = 0;
    let value = require_value(hook, value).expect("what it takes");
    let fired = fire(hook, handlers(hook, answers.len()), value, |_, _| {
        asked += 1;
        answers[asked - 1].clone()
    });
    (fired, asked)
}

fn value(value: Value) -> Invoked {
    let type_name = if value.is_object() { "dict" } else { "str" }.to_owned();
    Invoked::Returned(Answer::Value { value, type_name })
}

fn raised() -> Invoked {
    Invoked::Failed(Failure::Raised { error_type: "ValueError".to_owned(), message: "no disk".to_owned() })
}

const ALLOW: Invoked = Invoked::Returned(Answer::Allow);
const NOTHING: Invoked = Invoked::Returned(Answer::Nothing);

fn deny(reason: &str) -> Invoked {
    Invoked::Returned(Answer::Deny(reason.to_owned()))
}

fn late() -> Invoked {
    Invoked::Failed(Failure::TimedOut(Duration::from_millis(50)))
}

#[track_caller]
fn ends(hook: Hook, given: Option<Value>, answer: Invoked, words: &str, error_type: &str) {
    let behind = match hook.semantic() {
        Semantic::Voting => ALLOW,
        Semantic::FilterChain => value(json!("x")),
        Semantic::ScoreDelta => value(json!({})),
        Semantic::FireAndForget => NOTHING,
    };
    let (fired, asked) = fired(hook, given, &[answer, behind]);
    assert_eq!((fired.outcome, asked), (Err(words.to_owned()), 1));
    assert_eq!((fired.handlers[0].error.as_deref(), fired.handlers[0].error_type()), (Some(words), Some(error_type)));
}

#[test]
fn the_first_that_denies_ends_a_vote_and_where_nobody_votes_it_is_allowed() {
    let hook = Hook::PreAssertAuthorize;
    let decided = |answers: &[Invoked]| {
        let (fired, asked) = fired(hook, None, answers);
        (fired.outcome, asked)
    };
    let allowed = || Ok(Outcome::Decided(Decision::Allow));
    assert_eq!(decided(&[]), (allowed(), 0));
    assert_eq!(decided(&[ALLOW, ALLOW]), (allowed(), 2));
    let denied = Decision::Deny { handler: "p01.f".to_owned(), reason: "no".to_owned() };
    assert_eq!(decided(&[ALLOW, deny("no"), deny("never")]), (Ok(Outcome::Decided(denied)), 2));
    assert_eq!(decided(&[Invoked::Skipped("plugin is disabled".to_owned()), ALLOW]), (allowed(), 2));
    let error = "PluginExecutionError";
    ends(hook, None, NOTHING, "handler 'p00.f' returned None; expected VotingDecision", error);
    ends(hook, None, value(json!("yes")), "handler 'p00.f' returned str; expected Allow or Deny", error);
    ends(hook, None, raised(), "handler 'p00.f' failed for hook 'pre_assert_authorize': no disk", "ValueError");
    ends(hook, None, late(), "handler 'p00.f' timed out for hook 'pre_assert_authorize' after 0.050s", "timeout");
    let gone = Invoked::Failed(Failure::NotCalled("plugin is quarantined".to_owned()));
    let words = "handler 'p00.f' failed for hook 'pre_assert_authorize': plugin is quarantined";
    ends(hook, None, gone, words, error);
}

#[test]
fn a_value_goes_through_all_of_them_and_nothing_is_none() {
    let hook = Hook::RecallFilter;
    let mut seen = Vec::new();
    let fired_with = fire(hook, handlers(hook, 3), Some(json!("a")), |handler, given| {
        seen.push(given.cloned());
        match handler.plugin.as_str() {
            "p01" => Invoked::Skipped("plugin is disabled".to_owned()),
            _ => value(json!(format!("{}+", given.and_then(Value::as_str).expect("a text")))),
        }
    });
    assert_eq!(fired_with.outcome, Ok(Outcome::Value(json!("a++"))));
    assert_eq!(seen, [Some(json!("a")), Some(json!("a+")), Some(json!("a+"))]);
    assert_eq!(fired(hook, Some(json!([1])), &[]).0.outcome, Ok(Outcome::Value(json!([1]))));
    // What is false, empty or zero is a value.
    for kept in [json!(false), json!(""), json!(0), json!([]), json!({})] {
        let outcome = fired(hook, Some(json!("a")), &[value(kept.clone())]).0.outcome;
        assert_eq!(outcome, Ok(Outcome::Value(kept)));
    }
    let (given, error) = (Some(json!("a")), "PluginExecutionError");
    let none = "handler 'p00.f' returned None for filter-chain hook 'recall_filter'";
    ends(hook, given.clone(), NOTHING, none, error);
    ends(hook, given.clone(), value(Value::Null), none, error);
    ends(hook, given.clone(), ALLOW, "handler 'p00.f' returned Allow; expected a value", error);
    ends(hook, given, raised(), "handler 'p00.f' failed for hook 'recall_filter': no disk", "ValueError");
}

#[test]
fn deltas_are_added_up_for_each_id() {
    let (hook, given) = (Hook::RecallRank, Some(json!([{ "id": "a" }])));
    let sum = |answers: &[Invoked]| fired(hook, given.clone(), answers).0.outcome;
    let deltas =
        |of: &[(&str, f64)]| Ok(Outcome::Deltas(of.iter().map(|(id, delta)| ((*id).to_owned(), *delta)).collect()));
    assert_eq!(sum(&[]), deltas(&[]));
    let answers = [value(json!({ "a": 1, "b": 0.5 })), value(json!({ "a": -0.25 })), value(json!({}))];
    assert_eq!(sum(&answers), deltas(&[("a", 0.75), ("b", 0.5)]));
    let error = "PluginExecutionError";
    ends(hook, given.clone(), NOTHING, "handler 'p00.f' returned NoneType; expected dict[str, float]", error);
    ends(hook, given.clone(), value(json!("x")), "handler 'p00.f' returned str; expected dict[str, float]", error);
    ends(hook, given.clone(), value(json!({ "a": "1" })), "handler 'p00.f' returned no number for 'a'", error);
    ends(hook, given.clone(), value(json!({ "a": true })), "handler 'p00.f' returned no number for 'a'", error);
    ends(hook, given.clone(), raised(), "handler 'p00.f' failed for hook 'recall_rank': no disk", "ValueError");
    let most = value(json!({ "a": f64::MAX }));
    assert_eq!(sum(&[most.clone(), most]), Err("handler 'p01.f' returned too much for 'a'".to_owned()));
}

#[test]
fn who_is_only_told_may_fail_unless_it_is_written_down_there() {
    let answers = [raised(), late(), ALLOW, NOTHING, value(json!(1))];
    let (told, asked) = fired(Hook::PostAssertPersist, None, &answers);
    assert_eq!((told.outcome, asked), (Ok(Outcome::Told), 5));
    let errors: Vec<_> = told.handlers.iter().map(HandlerOutcome::error_type).collect();
    assert_eq!(errors, [Some("ValueError"), Some("timeout"), None, None, None]);
    for hook in [Hook::PostAssertAudit, Hook::PostRecallAudit, Hook::AuditEmit] {
        let words = format!("handler 'p00.f' failed for audit hook '{hook}': no disk");
        ends(hook, None, raised(), &words, "ValueError");
        ends(hook, None, late(), &format!("handler 'p00.f' timed out for hook '{hook}' after 0.050s"), "timeout");
    }
}

#[test]
fn a_hook_is_given_what_it_takes() {
    let refused = |hook: Hook, value: Option<Value>| {
        let fault = require_value(hook, value).expect_err("refused");
        assert_eq!(fault.reason(), Reason::OtherHookSemantic);
        fault.message().to_owned()
    };
    assert_eq!(refused(Hook::ConfigValidate, Some(json!(1))), "hook 'config_validate' has semantic voting");
    refused(Hook::AuditEmit, Some(Value::Null));
    refused(Hook::RecallFilter, None);
    refused(Hook::RecallFilter, Some(Value::Null));
    refused(Hook::RecallRank, Some(json!({})));
    refused(Hook::RecallRank, None);
    assert_eq!(require_value(Hook::RecallFilter, Some(json!(false))).expect("a value"), Some(json!(false)));
    assert_eq!(require_value(Hook::AuditEmit, None).expect("nothing"), None);
}

fn invoked() -> impl Strategy<Value = Invoked> {
    let text = || "[a-z]{0,3}";
    prop_oneof![
        Just(ALLOW),
        text().prop_map(|reason| deny(&reason)),
        Just(NOTHING),
        text().prop_map(|text| value(json!(text))),
        proptest::collection::btree_map("[ab]", -4.0..4.0_f64, 0..3).prop_map(|deltas| value(json!(deltas))),
        Just(raised()),
        Just(late()),
        Just(Invoked::Failed(Failure::NotCalled("plugin is failed".to_owned()))),
        Just(Invoked::Skipped("plugin is disabled".to_owned())),
    ]
}

proptest! {
    /// Whatever handlers answer: every one is asked up to the one that ends it and none behind that, what ends it is the last
    /// one that was asked, and who is skipped changes nothing.
    #[test]
    fn what_ends_it_is_the_last_that_was_asked(
        at in 0..Hook::ALL.len(),
        answers in proptest::collection::vec(invoked(), 0..8),
    ) {
        let hook = Hook::ALL[at];
        let given = match hook.semantic() {
            Semantic::FilterChain => Some(json!("x")),
            Semantic::ScoreDelta => Some(json!([])),
            _ => None,
        };
        let (once, asked) = fired(hook, given.clone(), &answers);
        prop_assert_eq!(once.handlers.len(), asked);
        let is_ended = |outcome: &HandlerOutcome| match hook.semantic() {
            Semantic::FireAndForget => outcome.error.is_some() && hook.is_strict(),
            Semantic::Voting => outcome.error.is_some() || matches!(&outcome.invoked, Invoked::Returned(Answer::Deny(_))),
            _ => outcome.error.is_some(),
        };
        let ended = once.handlers.iter().position(is_ended);
        match ended {
            Some(ended) => prop_assert_eq!(ended + 1, asked),
            None => prop_assert_eq!(asked, answers.len()),
        }
        let is_decision = matches!(&once.outcome, Ok(Outcome::Decided(Decision::Deny { .. })));
        prop_assert_eq!(once.outcome.is_err() || is_decision, ended.is_some());
        // Nobody who answers nothing that a vote is can let anything pass.
        if matches!(once.outcome, Ok(Outcome::Decided(Decision::Allow))) {
            let is_for_it = |answer: &Invoked| matches!(answer, Invoked::Returned(Answer::Allow) | Invoked::Skipped(_));
            prop_assert!(answers.iter().all(is_for_it));
        }
        let called: Vec<Invoked> =
            answers.iter().filter(|answer| !matches!(answer, Invoked::Skipped(_))).cloned().collect();
        let (other, _) = fired(hook, given, &called);
        match (&once.outcome, &other.outcome) {
            (Ok(Outcome::Decided(Decision::Deny { .. })), Ok(Outcome::Decided(Decision::Deny { .. }))) | (Err(_), Err(_)) => {}
            (one, other) => prop_assert_eq!(one, other),
        }
    }
}

/// Where nobody waits for what it comes to, each has its turn.
#[test]
fn who_is_told_in_the_background_is_told_whatever_came_of_the_one_before() {
    let answers = [raised(), late(), Invoked::Failed(Failure::NotCalled("gone".to_owned())), NOTHING];
    for hook in [Hook::AuditEmit, Hook::PostAssertAudit] {
        let mut asked = 0;
        let Fired { outcome, handlers } = tell_each(hook, handlers(hook, answers.len()), |_, value| {
            asked += 1;
            assert_eq!(value, None);
            answers[asked - 1].clone()
        });
        assert_eq!((outcome, asked), (Ok(Outcome::Told), answers.len()), "{hook}");
        let failed: Vec<bool> = handlers.iter().map(|called| called.error.is_some()).collect();
        assert_eq!(failed, [true, true, true, false], "{hook}");
        // Whoever waits for it is told of the first, and nobody behind that one is.
        assert_eq!(fired(hook, None, &answers).1, 1, "{hook}");
    }
}
