//! What a rule and an identity deny of a tree, with which code, and what follows for groups.

mod support;

use aisoc_dispatch::{Axis, Command, CommandTree, Denial, Denials, Layer, Policy, PolicySource, Refusal, StrictMode};
use aisoc_manifests::fault::Reason;
use aisoc_platform::{CommandView, Identity, Risk, Rule};
use serde_json::json;
use support::{group, leaf, tree};

fn policy(rule: Rule) -> Policy {
    Policy::new(PolicySource::Yaml, rule).expect("a rule")
}

fn patterns(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|pattern| (*pattern).to_owned()).collect()
}

/// What a rule denies, by path.
fn denied(rule: Rule) -> Vec<(String, Reason)> {
    let denials = Denials::judge(&tree(), Some(&policy(rule)), None);
    denials.iter().map(|denial| (denial.path.clone(), denial.code)).collect()
}

fn denial(rule: Rule, path: &str) -> Denial {
    let tree = tree();
    let denials = Denials::judge(&tree, Some(&policy(rule)), None);
    denials.get(tree.find(path).expect("a command")).unwrap_or_else(|| panic!("{path} is allowed")).clone()
}

/// Everything but what a test is about is let through.
fn open() -> Rule {
    Rule { name: "agents".into(), allow_unannotated: true, ..Rule::default() }
}

#[test]
fn nothing_is_denied_without_a_rule_and_by_one_that_says_nothing() {
    assert_eq!(Denials::judge(&tree(), None, None).iter().count(), 0);
    assert_eq!(denied(open()), []);
}

#[test]
fn a_command_that_says_nothing_of_its_risk_is_denied_unless_it_may() {
    // `keys/journal/verify` stands below `keys/journal`, whose risk it has.
    let mut tree = CommandTree::new(group("aisoc", ""));
    let bare = tree.add(tree.root(), leaf("bare", ""));
    let judged = |rule| Denials::judge(&tree, Some(&policy(rule)), None).get(bare).map(|denial| denial.code);
    assert_eq!(judged(Rule::default()), Some(Reason::RiskNotAnnotated));
    assert_eq!(judged(open()), None);
    // It is not let through by that when the most harm is named: it may do any.
    assert_eq!(judged(Rule { max_risk: Some(Risk::Read), ..open() }), None);
    assert_eq!(denied(Rule::default()), []);
}

#[test]
fn a_risk_that_is_none_is_denied_whatever_may_be_unsaid() {
    let mut tree = CommandTree::new(group("aisoc", ""));
    let odd = tree.add(tree.root(), leaf("odd", "wrtie"));
    for rule in [Rule::default(), open(), Rule { allow: patterns(&["odd"]), ..open() }] {
        let denials = Denials::judge(&tree, Some(&policy(rule)), None);
        let denial = denials.get(odd).expect("denied");
        assert_eq!(denial.code, Reason::RiskInvalid);
        assert_eq!(denial.reason, "invalid risk \"wrtie\"; did you mean \"write\"?");
    }
}

#[test]
fn a_pattern_that_denies_comes_before_one_that_allows_and_is_named() {
    let rule = Rule { deny: patterns(&["nope", "plugin/sign", "plugin/*"]), allow: patterns(&["plugin/**"]), ..open() };
    let denial = denial(rule, "plugin/sign");
    assert_eq!((denial.code, denial.layer), (Reason::CommandDenylisted, Layer::Policy));
    assert_eq!((denial.policy_source.as_str(), denial.rule_name.as_str()), ("yaml:agents", "agents"));
    assert!(denial.reason.contains("\"plugin/sign\""), "{}", denial.reason);
}

#[test]
fn what_no_pattern_allows_is_denied() {
    let rule = || Rule { allow: patterns(&["config/**", "keys/list"]), ..open() };
    let codes = |path: &str| denial(rule(), path).code;
    assert_eq!(codes("plugin/sign"), Reason::DomainNotAllowed);
    assert_eq!(codes("keys/revoke"), Reason::DomainNotAllowed);
    assert!(
        !denied(rule()).iter().any(|(path, _)| path.starts_with("config") || path == "keys/list" || path == "keys")
    );
}

#[test]
fn the_most_harm_is_the_most() {
    let of = |most: Risk| denied(Rule { max_risk: Some(most), ..open() });
    let code = Reason::WriteNotAllowed;
    assert_eq!(of(Risk::Read), [("plugin/sign".to_owned(), code), ("keys/revoke".to_owned(), code)]);
    assert_eq!(of(Risk::Write), [("keys/revoke".to_owned(), code)]);
    assert_eq!(of(Risk::HighRiskWrite), []);
}

#[test]
fn a_command_for_others_alone_is_denied_and_one_that_does_not_say_passes() {
    let of = |identities: &[Identity]| denied(Rule { identities: identities.to_vec(), ..open() });
    assert_eq!(of(&[Identity::Bot]), [("plugin/sign".to_owned(), Reason::IdentityMismatch)]);
    assert_eq!(of(&[Identity::User]), []);
    assert_eq!(of(&[Identity::User, Identity::Bot]), []);
}

#[test]
fn every_axis_has_to_let_it_through() {
    let rule = || Rule {
        allow: patterns(&["plugin/**", "keys/**"]),
        deny: patterns(&["keys/list"]),
        max_risk: Some(Risk::Write),
        identities: vec![Identity::Bot],
        ..open()
    };
    for (path, code) in [
        ("keys/list", Reason::CommandDenylisted),
        ("keys/revoke", Reason::WriteNotAllowed),
        ("plugin/sign", Reason::IdentityMismatch),
    ] {
        assert_eq!(denial(rule(), path).code, code, "{path}");
    }
    assert!(!denied(rule()).iter().any(|(path, _)| path == "plugin/verify" || path == "keys/journal"));
}

#[test]
fn what_says_who_denies_is_never_denied_and_neither_is_the_program() {
    let tree = tree();
    let rule = Rule { deny: patterns(&["**"]), max_risk: Some(Risk::Read), ..Rule::default() };
    let denials = Denials::judge(&tree, Some(&policy(rule)), Some(&StrictMode(Identity::Bot)));
    assert_eq!(denials.get(tree.root()), None);
    for path in ["config/policy/show", "config/plugins/show", "config/policy", "config/plugins", "config"] {
        assert_eq!(denials.get(tree.find(path).expect("a command")), None, "{path}");
    }
    for path in ["plugin", "plugin/sign", "keys", "keys/journal", "keys/journal/verify"] {
        assert!(denials.get(tree.find(path).expect("a command")).is_some(), "{path}");
    }
}

#[test]
fn what_says_who_denies_is_for_everybody_whatever_its_group_says() {
    let mut tree = CommandTree::new(group("aisoc", ""));
    let config = Command { identities: "user".into(), risk: "read".into(), ..group("config", "manual") };
    let config = tree.add(tree.root(), config);
    let policy = tree.add(config, group("policy", ""));
    let show = tree.add(policy, leaf("show", ""));
    let other = tree.add(policy, leaf("validate", ""));
    let denials = Denials::judge(&tree, None, Some(&StrictMode(Identity::Bot)));
    assert_eq!((denials.get(show), denials.get(policy), denials.get(config)), (None, None, None));
    assert_eq!(denials.get(other).map(|denial| denial.code), Some(Reason::IdentityNotSupported));
}

#[test]
fn a_group_of_which_nothing_is_left_says_of_what_it_consists() {
    let group = denial(
        Rule { deny: patterns(&["plugin/sign"]), max_risk: None, allow: patterns(&["keys/**"]), ..open() },
        "plugin",
    );
    assert_eq!(group.code, Reason::AggregateAllDenied);
    let children =
        [("plugin/sign".to_owned(), Reason::CommandDenylisted), ("plugin/verify".to_owned(), Reason::DomainNotAllowed)];
    assert_eq!(group.children, children);
    assert_eq!((group.layer, group.policy_source.as_str()), (Layer::Policy, "yaml:agents"));
    let refusal = Refusal::of_denial(&group);
    assert_eq!(refusal.code().kind(), "command_denied");
    let told = json!([
        {"path": "plugin/sign", "reason_code": "command_denylisted"},
        {"path": "plugin/verify", "reason_code": "domain_not_allowed"},
    ]);
    assert_eq!(refusal.detail()["children"], told);
    // One that is left keeps its group.
    assert!(!denied(Rule { deny: patterns(&["plugin/sign"]), ..open() }).iter().any(|(path, _)| path == "plugin"));
}

#[test]
fn a_command_with_commands_below_it_is_judged_as_both() {
    let codes = |deny: &[&str]| denied(Rule { deny: patterns(deny), ..open() });
    let own = |path: &str| (path.to_owned(), Reason::CommandDenylisted);
    // Itself alone, what is below alone, and both.
    assert_eq!(codes(&["keys/journal/verify"]), [own("keys/journal/verify")]);
    let mut only_itself = tree();
    let journal = only_itself.find("keys/journal").expect("a command");
    only_itself.add(journal, leaf("other", "read"));
    let rule = Rule { deny: patterns(&["keys/{journal,journal/verify}"]), ..open() };
    let denials = Denials::judge(&only_itself, Some(&policy(rule)), None);
    assert_eq!(denials.get(journal).map(|denial| denial.code), Some(Reason::CommandDenylisted));
    let both = codes(&["keys/journal/**"]);
    assert_eq!(both, [("keys/journal".to_owned(), Reason::AggregateAllDenied), own("keys/journal/verify")]);
}

#[test]
fn the_identity_of_a_site_comes_before_any_rule() {
    let tree = tree();
    let sign = tree.find("plugin/sign").expect("a command");
    let strict = StrictMode(Identity::Bot);
    let rule = policy(Rule { deny: patterns(&["plugin/**"]), ..open() });
    for policy in [None, Some(&rule)] {
        let denials = Denials::judge(&tree, policy, Some(&strict));
        let denial = denials.get(sign).expect("denied");
        assert_eq!((denial.layer, denial.code), (Layer::StrictMode, Reason::IdentityNotSupported));
        assert_eq!((denial.policy_source.as_str(), denial.rule_name.as_str()), ("strict-mode", ""));
        let detail = Refusal::of_denial(denial).detail().clone();
        assert_eq!((&detail["layer"], &detail["path"]), (&json!("strict_mode"), &json!("plugin/sign")));
    }
    // A group of both is the rule's, and its source is neither.
    let denials = Denials::judge(&tree, Some(&rule), Some(&strict));
    let group = denials.get(tree.find("plugin").expect("a group")).expect("denied");
    assert_eq!((group.layer, group.policy_source.as_str(), group.rule_name.as_str()), (Layer::Policy, "mixed", ""));
    // One that is the identity's alone says so.
    let mut users = CommandTree::new(support::group("aisoc", ""));
    let parent = users.add(users.root(), Command { identities: "user".into(), ..support::group("mine", "") });
    users.add(parent, leaf("one", "read"));
    let denials = Denials::judge(&users, Some(&rule), Some(&strict));
    assert_eq!(denials.get(parent).map(|denial| denial.layer), Some(Layer::StrictMode));
    // What does not say for whom it is, is for everybody.
    assert_eq!(Denials::judge(&tree, None, Some(&strict)).iter().count(), 1);
}

#[test]
fn a_policy_is_called_by_where_it_is_from() {
    let label = |source, name: &str| {
        let rule = Rule { name: name.into(), ..Rule::default() };
        Policy::new(source, rule).expect("a rule").source_label()
    };
    assert_eq!(label(PolicySource::Yaml, ""), "yaml");
    assert_eq!(label(PolicySource::Yaml, "agents"), "yaml:agents");
    assert_eq!(label(PolicySource::Plugin("audit".into()), "agents"), "plugin:audit");
    let faults = Policy::new(PolicySource::Yaml, Rule { deny: patterns(&["["]), ..Rule::default() });
    assert_eq!(faults.expect_err("no rule").len(), 1);
}

#[test]
fn each_axis_says_why_and_the_one_that_decides_is_the_last() {
    let tree = tree();
    let explain = |rule: Rule, path: &str| policy(rule).explain(&tree.view(tree.find(path).expect("a command"))).0;
    let rule = || Rule { allow: patterns(&["keys/**", "plugin/*"]), max_risk: Some(Risk::Write), ..open() };
    let allowed = explain(rule(), "plugin/sign");
    let axes: Vec<Axis> = allowed.iter().map(|outcome| outcome.axis).collect();
    assert_eq!(axes, [Axis::Risk, Axis::Deny, Axis::Allow, Axis::MaxRisk, Axis::Identities]);
    assert!(allowed.iter().all(|outcome| outcome.refuses.is_none() && !outcome.because.is_empty()));
    assert_eq!(allowed[2].pattern.as_deref(), Some("plugin/*"));
    let denied = explain(Rule { deny: patterns(&["*/revoke"]), ..rule() }, "keys/revoke");
    assert_eq!(denied.len(), 2);
    assert_eq!((denied[1].axis, denied[1].refuses), (Axis::Deny, Some(Reason::CommandDenylisted)));
    assert_eq!(denied[1].pattern.as_deref(), Some("*/revoke"));
    assert_eq!(explain(Rule { deny: patterns(&["**"]), ..rule() }, "config/policy/show")[0].axis, Axis::Diagnostics);
}

/// A pattern can have a fault that only some paths lead to.
#[test]
fn a_pattern_that_cannot_be_read_to_its_end_denies_and_does_not_allow() {
    let odd = "{,plugin/sign[}";
    let glob = aisoc_platform::Glob::new(odd).expect("it is taken");
    assert!(glob.matches("plugin/sign").is_err());
    assert_eq!(denial(Rule { deny: patterns(&[odd]), ..open() }, "plugin/sign").code, Reason::CommandDenylisted);
    assert_eq!(denial(Rule { allow: patterns(&[odd]), ..open() }, "plugin/sign").code, Reason::DomainNotAllowed);
}

#[test]
fn a_command_has_what_it_says_or_the_nearest_group_above_it() {
    let mut tree = CommandTree::new(Command { identities: "bot".into(), ..group("aisoc", "") });
    let above = [("above".to_owned(), "said".to_owned())].into();
    let outer = Command { risk: "write".into(), annotations: above, ..group("outer", "things") };
    let outer = tree.add(tree.root(), outer);
    assert_eq!(tree.view(outer).annotation("above").as_deref(), Some("said"));
    let annotations = [("ticket".to_owned(), "needed".to_owned()), ("empty".to_owned(), String::new())].into();
    let inner = tree.add(outer, Command { annotations, ..leaf("inner", "") });
    let own =
        tree.add(outer, Command { domain: "own".into(), identities: " user , bot,".into(), ..leaf("own", "read") });
    let view = tree.view(inner);
    assert_eq!(
        (view.path().as_str(), view.domain().as_str(), view.risk()),
        ("outer/inner", "things", Some(Risk::Write))
    );
    assert_eq!(view.identities(), Some(vec![Identity::Bot]));
    assert_eq!((view.annotation("ticket").as_deref(), view.annotation("empty")), (Some("needed"), None));
    // What it is annotated with is its own.
    assert_eq!(view.annotation("above"), None);
    let view = tree.view(own);
    assert_eq!((view.domain().as_str(), view.risk()), ("own", Some(Risk::Read)));
    assert_eq!(view.identities(), Some(vec![Identity::User, Identity::Bot]));
    let bare = CommandTree::new(group("aisoc", ""));
    let view = bare.view(bare.root());
    assert_eq!(
        (view.path(), view.domain(), view.risk(), view.identities()),
        (String::new(), String::new(), None, None)
    );
}

#[test]
fn a_thousand_patterns_over_a_whole_tree_take_no_time() {
    let mut tree = CommandTree::new(group("aisoc", ""));
    for outer in 0..10 {
        let parent = tree.add(tree.root(), group(&format!("group-{outer}"), "things"));
        (0..12).for_each(|inner| {
            tree.add(parent, leaf(&format!("command-{inner}"), "read"));
        });
    }
    // By how they begin, by how they end, and by neither.
    for form in ["other-{}/**", "*/other-{}", "**/other-{}", "{other,another}-{}/*", "*-{}-*"] {
        let deny: Vec<String> = (0..1000).map(|at| form.replace("{}", &at.to_string())).collect();
        let policy = policy(Rule { deny, ..Rule::default() });
        let begun = std::time::Instant::now();
        assert_eq!(Denials::judge(&tree, Some(&policy), None).iter().count(), 0);
        let whole = begun.elapsed();
        let last = tree.ids().next_back().expect("a command");
        let begun = std::time::Instant::now();
        assert_eq!(Denials::of(&tree, last, Some(&policy), None), None);
        let one = begun.elapsed();
        println!("1,000 patterns like {form} over {} commands: {whole:?}, over one {one:?}", tree.ids().len());
    }
}

#[test]
fn every_denial_is_told_in_the_same_parts() {
    for code in Reason::ALL.iter().filter(|code| code.kind() == "command_denied") {
        let denial = Denial {
            path: "plugin/sign".into(),
            layer: Layer::Policy,
            policy_source: "yaml:agents".into(),
            rule_name: "agents".into(),
            code: *code,
            reason: "because".into(),
            children: Vec::new(),
        };
        let refusal = Refusal::of_denial(&denial);
        assert_eq!((refusal.code(), refusal.fault().class().exit_code()), (*code, 2));
        assert_eq!(refusal.to_string(), "command \"plugin/sign\" denied: because");
        let told = json!({
            "path": "plugin/sign", "layer": "policy", "policy_source": "yaml:agents", "rule_name": "agents",
            "reason_code": code.as_str(), "reason": "because",
        });
        assert_eq!((refusal.detail(), refusal.fault().detail()), (&told, Some(&told)), "{code}");
    }
}
