//! A program from its beginning to its end: who is asked when, which rule counts, and what a command is called.

mod support;

use std::sync::Arc;
use std::time::SystemTime;

use aisoc_dispatch::{Command, CommandTree, Given, PolicyFile, PolicySource, Program, Refusal, Setup, StrictMode};
use aisoc_manifests::fault::Reason;
use aisoc_platform::{
    Builder, CommandDeniedError, CommandView as _, Ctx, Handler, Identity, LifecycleEvent, Plugin, Result, Risk, Rule,
    Selector, When,
};
use support::{Log, tree};

fn begin(
    builders: Vec<Builder>,
    file: impl FnOnce() -> PolicyFile,
    strict_mode: Option<StrictMode>,
    is_policy_required: bool,
) -> (Result<Program, Refusal>, Vec<String>) {
    let plugins: Vec<Arc<dyn Plugin>> =
        builders.into_iter().map(|builder| Arc::new(builder.must_build()) as Arc<dyn Plugin>).collect();
    let mut warned = Vec::new();
    let setup = Setup { registered: &plugins, version: "1.2.3", strict_mode, policy_file: file, is_policy_required };
    let program = Program::begin(tree(), setup, &Ctx::background(), &mut |_, line| warned.push(line));
    (program, warned)
}

fn file(text: &str) -> impl FnOnce() -> PolicyFile {
    let text = text.to_owned();
    move || PolicyFile::of_bytes(text.as_bytes())
}

fn give(program: &Program, path: &str, log: &Log) -> Result {
    let (id, log) = (program.tree().find(path).expect("a command"), log.clone());
    let run: Handler = Box::new(move |_, given| {
        log.add(format!("runs {}", given.cmd().path()));
        Ok(())
    });
    let (ctx, now) = (Ctx::background(), SystemTime::UNIX_EPOCH);
    program.give(&Given::plainly(id), Vec::new(), now, &ctx, run, &mut |_, line| panic!("{line}"))
}

fn restricting(name: &str) -> Builder {
    Builder::new(name, "1").restrict(Rule { name: "all".into(), deny: vec!["**".into()], ..Rule::default() })
}

fn code(result: Result) -> String {
    let error = result.expect_err("it is denied");
    error.downcast_ref::<CommandDeniedError>().expect("a denial").reason_code.clone()
}

#[test]
fn a_program_begins_runs_and_ends_in_one_order() {
    let log = Log::default();
    let traced = |name: &'static str| {
        let of = |line: String| {
            let log = log.clone();
            move || log.add(line.clone())
        };
        let (starts, ends) = (of(format!("{name} starts")), of(format!("{name} ends")));
        let (before, behind) = (of(format!("{name} before")), of(format!("{name} behind")));
        Builder::new(name, "1")
            .on(LifecycleEvent::Startup, "start", move |_, _| {
                starts();
                Ok(())
            })
            .on(LifecycleEvent::Shutdown, "end", move |_, _| {
                ends();
                Ok(())
            })
            .observer(When::Before, "before", Selector::all(), move |_, _| before())
            .observer(When::After, "behind", Selector::all(), move |_, _| behind())
    };
    let looked = log.clone();
    let policy_file = move || {
        looked.add("looks for the file");
        PolicyFile::Absent
    };
    let (program, warned) = begin(vec![traced("one"), traced("two")], policy_file, None, false);
    let program = program.expect("it begins");
    give(&program, "keys/list", &log).expect("it runs");
    program.end(None, &Ctx::background(), &mut |_, line| panic!("{line}"));
    let order = "looks for the file,one starts,two starts,one before,two before,runs keys/list,one behind,two behind,\
        one ends,two ends";
    assert_eq!(log.lines(), order.split(',').collect::<Vec<_>>());
    assert_eq!(warned, Vec::<String>::new());
}

#[test]
fn a_plugins_rule_comes_before_the_file_which_is_not_looked_at() {
    let log = Log::default();
    let (program, _) = begin(vec![restricting("guard")], || panic!("nobody looks"), None, true);
    let program = program.expect("it begins");
    assert_eq!(program.policy().map(|policy| policy.source().clone()), Some(PolicySource::Plugin("guard".into())));
    assert_eq!(code(give(&program, "keys/list", &log)), "command_denylisted");
    give(&program, "config/policy/show", &log).expect("it runs");

    let (program, _) = begin(vec![], file("name: agents\nmax_risk: read\n"), None, false);
    let program = program.expect("it begins");
    assert_eq!(program.policy().map(|policy| policy.source_label()), Some("yaml:agents".to_owned()));
    assert_eq!(code(give(&program, "plugin/sign", &log)), "write_not_allowed");
    give(&program, "keys/list", &log).expect("it runs");

    let (program, warned) = begin(vec![], || PolicyFile::Absent, None, false);
    let program = program.expect("it begins");
    assert!(program.policy().is_none() && warned.is_empty() && program.denials().iter().count() == 0);
    give(&program, "plugin/sign", &log).expect("it runs");
    assert_eq!(log.lines(), ["runs config/policy/show", "runs keys/list", "runs plugin/sign"]);
}

#[test]
fn a_file_that_is_no_rule_is_left_out_aloud() {
    for (text, said) in [
        ("nmae: x\n", "line 1, column 1: unknown key `nmae`"),
        ("name: a\n---\nname: b\n", "line 2, column 1: a second document begins here"),
        ("", "line 1, column 1: there is nothing in the file"),
        ("max_risk: nuclear\ndeny: ['[']\n", "line 1, column 11: invalid max_risk \"nuclear\""),
        ("deny: ['[']\n", "line 1, column 8: invalid deny glob \"[\""),
    ] {
        let (program, warned) = begin(vec![], file(text), None, false);
        assert!(program.expect("it begins").policy().is_none());
        let [line] = warned.as_slice() else { panic!("{warned:?}") };
        assert!(line.starts_with(&format!("user policy not applied: {said}")), "{line}");
        // Where one is required nothing runs without.
        let (program, warned) = begin(vec![], file(text), None, true);
        let refused = program.err().expect("it does not begin");
        assert!(refused.code() == Reason::PolicyInvalid && refused.to_string() == *line, "{refused}");
        assert_eq!(warned, Vec::<String>::new());
    }
    let unreadable = || PolicyFile::Unusable("it is a directory".into());
    assert_eq!(begin(vec![], unreadable, None, false).1, ["user policy not applied: it is a directory"]);
    let refused = begin(vec![], || PolicyFile::Absent, None, true).0.err().expect("it does not begin");
    assert_eq!(refused.to_string(), "there is no policy, and one is required");
    // A rule with a fault that came by another way is none either.
    let odd = Rule { max_risk: Some(Risk::from("nuclear")), ..Rule::default() };
    let (program, warned) = begin(vec![], move || PolicyFile::Holds(Box::new(odd)), None, false);
    assert!(program.expect("it begins").policy().is_none() && warned[0].contains("nuclear"), "{warned:?}");
}

#[test]
fn a_plugin_without_which_nothing_runs_lets_nothing_begin() {
    let (program, _) = begin(vec![restricting("one"), restricting("two")], || PolicyFile::Absent, None, false);
    let refused = program.err().expect("it does not begin");
    assert!(refused.code().kind() == "plugin_conflict", "{refused}");
    let fails = Builder::new("x", "1").on(LifecycleEvent::Startup, "start", |_, _| Err("no network".into()));
    let refused = begin(vec![fails], || PolicyFile::Absent, None, false).0.err().expect("it does not begin");
    assert!(refused.code().kind() == "plugin_lifecycle", "{refused}");
}

#[test]
fn a_command_is_explained_by_the_rule_and_by_the_identity_of_the_site() {
    let strict = Some(StrictMode(Identity::Bot));
    let (program, _) = begin(vec![], file("allow: ['keys/**']\n"), strict, false);
    let program = program.expect("it begins");
    let explain = |path: &str| program.explain(program.tree().find(path).expect("a command"));
    let (by_rule, denial) = explain("plugin/sign");
    let refuses = by_rule.as_ref().and_then(|by_rule| by_rule.refusing()).and_then(|outcome| outcome.refuses);
    assert_eq!(refuses.map(|code| code.as_str()), Some("domain_not_allowed"));
    assert_eq!(denial.map(|denial| denial.policy_source), Some("strict-mode".to_owned()));
    let (by_rule, denial) = explain("keys/revoke");
    assert!(by_rule.is_some_and(|by_rule| by_rule.refusing().is_none()) && denial.is_none());
    assert_eq!(program.strict_mode(), Some(&StrictMode(Identity::Bot)));
}

#[test]
fn a_command_that_is_given_is_judged_as_it_is_among_all() {
    let strict = || Some(StrictMode(Identity::Bot));
    for text in
        ["deny: ['**']\n", "allow: ['keys/**']\n", "max_risk: read\n", "deny: ['keys/journal{,/*}']\n", "name: x\n"]
    {
        for strict in [strict(), None] {
            let program = begin(vec![], file(text), strict, false).0.expect("it begins");
            let all = program.denials();
            for id in program.tree().ids() {
                assert_eq!(program.denial(id).as_ref(), all.get(id), "{text} {}", program.tree().path(id));
            }
        }
    }
}

#[test]
fn a_command_has_one_name_for_policies_by_whatever_it_is_typed() {
    let mut tree = tree();
    let sign = tree.find("plugin/sign").expect("a command");
    let keys = tree.find("keys").expect("a group");
    tree.also("sign", sign);
    tree.also("k", keys);
    let typed = |words: &[&str]| {
        let (id, own) = tree.typed(words);
        (tree.path(id).to_owned(), own)
    };
    for (words, path, own) in [
        (&["plugin", "sign", "demo"][..], "plugin/sign", 2),
        (&["sign", "demo"], "plugin/sign", 1),
        (&["k", "list"], "keys/list", 2),
        (&["k", "journal", "verify", "x"], "keys/journal/verify", 3),
        (&["keys", "journal", "other"], "keys/journal", 2),
        (&["plugin"], "plugin", 1),
        (&["plugin", "list"], "plugin", 1),
        (&["nope", "plugin"], "", 0),
        (&[], "", 0),
    ] {
        assert_eq!(typed(words), (path.to_owned(), own), "{words:?}");
    }
}

#[test]
fn a_command_is_denied_with_what_it_does_the_work_of() {
    let with = |does: &[&str]| {
        let mut tree = tree();
        let does = does.iter().map(|path| (*path).to_owned()).collect();
        let all = Command { name: "all".into(), risk: "read".into(), is_runnable: true, does, ..Command::default() };
        let id = tree.add(tree.root(), all);
        let setup = Setup {
            registered: &[],
            version: "1.2.3",
            strict_mode: None,
            policy_file: file("deny: [plugin/sign]\nallow_unannotated: true\n"),
            is_policy_required: true,
        };
        let program = Program::begin(tree, setup, &Ctx::background(), &mut |_, _| {}).expect("it begins");
        (program, id)
    };
    let (program, id) = with(&["keys/list"]);
    assert_eq!(program.denial(id), None);
    let (program, id) = with(&["keys/list", "plugin/sign"]);
    let denial = program.denial(id).expect("a denial");
    let reason = "it does what \"plugin/sign\" does, which is denied: the deny pattern \"plugin/sign\" names it";
    assert_eq!((denial.path.as_str(), denial.reason.as_str()), ("all", reason));
    assert_eq!(denial.code, Reason::CommandDenylisted);
    assert_eq!(program.denials().get(id), Some(&denial));
}

#[test]
fn a_file_may_let_through_what_says_nothing_of_its_risk() {
    let denied = |policy: &'static str| {
        let mut tree = tree();
        let silent = Command { is_runnable: true, name: "silent".into(), ..Command::default() };
        let misspelt = Command { name: "misspelt".into(), risk: "wrtie".into(), ..silent.clone() };
        let ids = [silent, misspelt].map(|command| tree.add(tree.root(), command));
        let setup = Setup {
            registered: &[],
            version: "1.2.3",
            strict_mode: None,
            policy_file: file(policy),
            is_policy_required: true,
        };
        let program = Program::begin(tree, setup, &Ctx::background(), &mut |_, _| {}).expect("it begins");
        ids.map(|id| program.denial(id).map(|denial| denial.code))
    };
    let (silent, misspelt) = (Some(Reason::RiskNotAnnotated), Some(Reason::RiskInvalid));
    assert_eq!(denied("name: x\n"), [silent, misspelt]);
    assert_eq!(denied("allow_unannotated: false\n"), [silent, misspelt]);
    assert_eq!(denied("allow_unannotated: true\n"), [None, misspelt]);
}

#[test]
fn options_make_more_of_a_command_than_it_is_by_itself() {
    let policy = "max_risk: write\ndeny: [keys/revoke]\nallow_unannotated: true\n";
    let program = begin(vec![], file(policy), None, true).0.expect("it begins");
    let find = |path: &str| program.tree().find(path).expect("a command");
    let sign = Given::plainly(find("plugin/sign"));
    assert_eq!(program.denial_given(&sign), None);
    let raised = Given { raised: Some(Risk::HighRiskWrite), ..sign.clone() };
    assert_eq!(program.denial_given(&raised).map(|denial| denial.code), Some(Reason::WriteNotAllowed));
    assert_eq!(program.tree().view_given(&raised).risk(), Some(Risk::HighRiskWrite));
    let other = Given { does: vec![find("keys/list"), find("keys/revoke")], ..sign };
    let denial = program.denial_given(&other).expect("a denial");
    assert_eq!((denial.path.as_str(), denial.code), ("plugin/sign", Reason::CommandDenylisted));
    assert!(denial.reason.starts_with("it does what \"keys/revoke\" does"), "{}", denial.reason);
    // Nobody denies the program itself.
    let root = Given { raised: Some(Risk::HighRiskWrite), ..Given::plainly(program.tree().root()) };
    assert_eq!(program.denial_given(&root), None);
}

#[test]
fn what_the_identity_of_the_site_denies_stays_its_denial() {
    let mut tree = tree();
    let both = Command {
        name: "both".into(),
        risk: "read".into(),
        identities: "user".into(),
        is_runnable: true,
        ..Command::default()
    };
    let both = tree.add(tree.root(), both);
    let below = Command { name: "below".into(), identities: "bot".into(), ..tree_leaf() };
    tree.add(both, below);
    let setup = Setup {
        registered: &[],
        version: "1.2.3",
        strict_mode: Some(StrictMode(Identity::Bot)),
        policy_file: file("deny: [both/below]\nallow_unannotated: true\n"),
        is_policy_required: true,
    };
    let program = Program::begin(tree, setup, &Ctx::background(), &mut |_, _| {}).expect("it begins");
    let denial = program.denial(both).expect("a denial");
    assert_eq!((denial.policy_source.as_str(), denial.code), ("strict-mode", Reason::IdentityNotSupported));
    assert_eq!(program.denials().get(both), Some(&denial));
}

fn tree_leaf() -> Command {
    Command { risk: "read".into(), is_runnable: true, ..Command::default() }
}

#[test]
fn no_axis_looks_at_a_group() {
    let program = begin(vec![], file("name: x\n"), None, true).0.expect("it begins");
    for id in [program.tree().root(), program.tree().find("keys").expect("a group")] {
        assert_eq!(program.explain(id), (None, None));
    }
}

#[test]
fn commas_alone_name_nobody() {
    let mut tree = CommandTree::new(Command { name: "x".into(), identities: "user".into(), ..Command::default() });
    for (name, identities) in [("a", ""), ("b", " , "), ("c", ",")] {
        let id = tree.add(tree.root(), Command { name: name.into(), identities: identities.into(), ..tree_leaf() });
        assert_eq!(tree.view(id).identities(), Some(vec![Identity::User]), "{identities:?}");
    }
}
