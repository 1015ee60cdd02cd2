//! Who is called around a command, in which order, with what, and what comes of what they do.

mod support;

use std::cell::Cell;
use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aisoc_dispatch::{
    Denial, Denials, Dispatch, Hooks, Layer, Policy, PolicySource, Refusal, SHUTDOWN_TIME, dispatch, is_within_plugin,
    shut_down, start_up,
};
use aisoc_manifests::fault::Reason;
use aisoc_platform::{
    AbortError, Builder, CommandDeniedError, Ctx, Error, Handler, LifecycleEvent, Risk, Rule, Selector, When,
};
use serde_json::json;
use support::{Log, Raw, give, install, installed, tree};

fn succeeds() -> Handler {
    Box::new(|_, _| Ok(()))
}

fn writes(log: &Log, line: &'static str) -> Handler {
    let log = log.clone();
    Box::new(move |_, _| {
        log.add(line);
        Ok(())
    })
}

/// A builder of `p` with an observer at each end that writes to the log.
fn observing(log: &Log) -> Builder {
    let (before, after) = (log.clone(), log.clone());
    Builder::new("p", "1")
        .observer(When::Before, "before", Selector::all(), move |_, given| {
            before.add(format!("before, error: {}", given.err().is_some()));
        })
        .observer(When::After, "after", Selector::all(), move |_, given| {
            after.add(format!("after, error: {}", given.err().map_or("none".to_owned(), |error| error.to_string())));
        })
}

fn denial_of_writes() -> Denial {
    let rule = Rule { name: "reads".into(), max_risk: Some(Risk::Read), ..Rule::default() };
    let policy = Policy::new(PolicySource::Plugin("readonly".into()), rule).expect("a rule");
    let tree = tree();
    let denials = Denials::judge(&tree, Some(&policy), None);
    denials.get(tree.find("plugin/sign").expect("a command")).expect("denied").clone()
}

fn abort(name: &'static str) -> impl Fn(Handler) -> Handler + Send + Sync + 'static {
    move |_| Box::new(move |_, _| Err(AbortError::new(name).into()))
}

#[test]
fn everything_comes_in_its_order() {
    let log = Log::default();
    let of = |line: &'static str| {
        let log = log.clone();
        move || log.add(line)
    };
    let (asked, installs) = (of("capabilities"), of("install"));
    let (starts, ends, looks, around, behind) = (of("startup"), of("shutdown"), of("before"), of("wrap"), of("after"));
    struct Traced(Box<dyn Fn() + Send + Sync>, Raw);
    impl aisoc_platform::Plugin for Traced {
        fn name(&self) -> &str {
            "traced"
        }
        fn version(&self) -> &str {
            "1"
        }
        fn capabilities(&self) -> aisoc_platform::Capabilities {
            (self.0)();
            aisoc_platform::Capabilities::default()
        }
        fn install(&self, registrar: &mut dyn aisoc_platform::Registrar) -> aisoc_platform::Result {
            self.1.install(registrar)
        }
    }
    let (starts, ends) = (Arc::new(starts), Arc::new(ends));
    let (looks, around, behind) = (Arc::new(looks), Arc::new(around), Arc::new(behind));
    let raw = Raw::new("traced").installs(move |registrar| {
        installs();
        let (starts, ends) = (Arc::clone(&starts), Arc::clone(&ends));
        let (looks, around, behind) = (Arc::clone(&looks), Arc::clone(&around), Arc::clone(&behind));
        registrar.on(
            LifecycleEvent::Shutdown,
            "end",
            Arc::new(move |_, _| {
                ends();
                Ok(())
            }),
        );
        registrar.observe(When::After, "behind", Selector::all(), Arc::new(move |_, _| behind()));
        registrar.wrap(
            "around",
            Selector::all(),
            Arc::new(move |next| {
                around();
                next
            }),
        );
        registrar.observe(When::Before, "looks", Selector::all(), Arc::new(move |_, _| looks()));
        registrar.on(
            LifecycleEvent::Startup,
            "start",
            Arc::new(move |_, _| {
                starts();
                Ok(())
            }),
        );
        Ok(())
    });
    let (plugins, _) = install([Arc::new(Traced(Box::new(asked), raw)) as Arc<dyn aisoc_platform::Plugin>]);
    let plugins = plugins.expect("installed");
    start_up(plugins.hooks(), &Ctx::background()).expect("it starts");
    give(plugins.hooks(), "keys/list", None, writes(&log, "command")).0.expect("it runs");
    shut_down(plugins.hooks(), &Ctx::background(), None, SHUTDOWN_TIME, &mut |_, line| panic!("{line}"));
    let order = ["capabilities", "install", "startup", "before", "wrap", "command", "after", "shutdown"];
    assert_eq!(log.lines(), order);
}

#[test]
fn observers_look_on_and_are_told_what_it_came_to() {
    let log = Log::default();
    let plugins = installed([observing(&log)]);
    let (result, warned) = give(plugins.hooks(), "keys/list", None, succeeds());
    assert!(result.is_ok() && warned.is_empty());
    let fails: Handler = Box::new(|_, _| Err("no network".into()));
    let (result, _) = give(plugins.hooks(), "keys/list", None, fails);
    assert_eq!(result.expect_err("it fails").to_string(), "no network");
    let expected = ["before, error: false", "after, error: none", "before, error: false", "after, error: no network"];
    assert_eq!(log.lines(), expected);
}

#[test]
fn an_observer_that_panics_is_warned_of_and_changes_nothing() {
    let log = Log::default();
    let panics = Builder::new("q", "1")
        .observer(When::Before, "before", Selector::all(), |_, _| panic!("on purpose"))
        .observer(When::After, "after", Selector::all(), |_, _| panic!("as well"))
        .observer(When::After, "selects", Selector::new(|_| panic!("there is none")), |_, _| {});
    let plugins = installed([panics, observing(&log)]);
    let (result, warned) = give(plugins.hooks(), "keys/list", None, writes(&log, "command"));
    assert!(result.is_ok());
    let warnings =
        ["\"q.before\" panicked: on purpose", "\"q.after\" panicked: as well", "\"q.selects\" panicked: there is none"];
    assert_eq!(warned, warnings.map(|warning| format!("hook {warning}")));
    assert_eq!(log.lines(), ["before, error: false", "command", "after, error: none"]);
}

#[test]
fn a_hook_is_called_for_the_commands_that_it_is_for() {
    let log = Log::default();
    let (seen, around) = (log.clone(), log.clone());
    let plugins = installed([Builder::new("p", "1")
        .observer(When::Before, "keys", Selector::by_domain(["keys"]), move |_, given| seen.add(given.cmd().path()))
        .wrap("writes", Selector::by_write(), move |next| {
            around.add("made");
            next
        })]);
    for path in ["keys/list", "plugin/verify", "keys/revoke", "plugin/sign"] {
        give(plugins.hooks(), path, None, succeeds()).0.expect("it runs");
    }
    assert_eq!(log.lines(), ["keys/list", "keys/revoke", "made", "made"]);
}

#[test]
fn the_first_wrapper_is_the_outermost_and_each_is_made_once_for_a_command() {
    let (log, made) = (Log::default(), Arc::new(AtomicUsize::new(0)));
    let wrapper = |name: &'static str| {
        let (log, made) = (log.clone(), Arc::clone(&made));
        move |next: Handler| -> Handler {
            made.fetch_add(1, Ordering::Relaxed);
            let log = log.clone();
            Box::new(move |ctx, given| {
                log.add(format!("{name} in"));
                let result = next(ctx, given);
                log.add(format!("{name} out"));
                result
            })
        }
    };
    let plugins = installed([
        Builder::new("one", "1").wrap("a", Selector::all(), wrapper("1a")).wrap("b", Selector::all(), wrapper("1b")),
        Builder::new("two", "1").wrap("a", Selector::all(), wrapper("2a")),
    ]);
    assert_eq!(made.load(Ordering::Relaxed), 0);
    give(plugins.hooks(), "keys/list", None, writes(&log, "command")).0.expect("it runs");
    assert_eq!(log.lines(), ["1a in", "1b in", "2a in", "command", "2a out", "1b out", "1a out"]);
    assert_eq!(made.load(Ordering::Relaxed), 3);
    give(plugins.hooks(), "keys/list", None, succeeds()).0.expect("it runs");
    assert_eq!(made.load(Ordering::Relaxed), 6);
}

#[test]
fn a_wrapper_stops_a_command_under_its_own_name() {
    let log = Log::default();
    let aborts = Builder::new("tickets", "1").wrap("require", Selector::by_write(), |_| {
        Box::new(|_, _| {
            let abort = AbortError::new("no ticket was given");
            let cause = Some(Error::from(std::io::Error::other("the desk is closed")));
            Err(AbortError { hook_name: "somebody.else".into(), detail: Some(json!({"ask": "ops"})), cause, ..abort }
                .into())
        })
    });
    let plugins = installed([aborts, observing(&log)]);
    let (result, _) = give(plugins.hooks(), "plugin/sign", None, writes(&log, "command"));
    let error = result.expect_err("it is stopped");
    let abort = error.downcast_ref::<AbortError>().expect("an abort");
    assert_eq!(abort.hook_name, "tickets.require");
    assert!(abort.source().is_some_and(|source| source.is::<std::io::Error>()));
    let text = "hook \"tickets.require\" aborted: no ticket was given: the desk is closed";
    assert_eq!(log.lines(), ["before, error: false".to_owned(), format!("after, error: {text}")]);
    let refusal = Refusal::of_hook(&error).expect("a hook's");
    assert_eq!((refusal.code().kind(), refusal.code(), refusal.to_string().as_str()), ("hook", Reason::Aborted, text));
    let detail = json!({
        "hook_name": "tickets.require", "reason": "no ticket was given", "reason_code": "aborted", "detail": {"ask": "ops"},
    });
    assert_eq!(refusal.detail(), &detail);
    assert!(give(plugins.hooks(), "keys/list", None, succeeds()).0.is_ok());
}

#[test]
fn an_error_that_is_shared_is_copied_before_it_gets_a_name() {
    let shared = Error::from(AbortError { hook_name: "as written".into(), ..AbortError::new("always") });
    let returned = |error: Error| {
        move |_: Handler| -> Handler {
            let error = error.clone();
            Box::new(move |_, _| Err(error.clone()))
        }
    };
    let named = |error: &Error| error.downcast_ref::<AbortError>().map(|abort| abort.hook_name.clone());
    for name in ["first", "second"] {
        let plugins = installed([Builder::new(name, "1").wrap("w", Selector::all(), returned(shared.clone()))]);
        let error = give(plugins.hooks(), "keys/list", None, succeeds()).0.expect_err("it is stopped");
        assert_eq!(named(&error), Some(format!("{name}.w")));
        assert_eq!(named(&shared).as_deref(), Some("as written"));
    }
}

#[test]
fn whoever_stopped_a_command_is_named_and_nobody_around_them() {
    let plugins = installed([Builder::new("p", "1")
        .wrap("outer", Selector::all(), |next| next)
        .wrap("also", Selector::all(), |next| Box::new(move |ctx, given| next(ctx, given)))
        .wrap("inner", Selector::all(), abort("stop"))]);
    let error = give(plugins.hooks(), "keys/list", None, succeeds()).0.expect_err("it is stopped");
    assert_eq!(error.downcast_ref::<AbortError>().map(|abort| abort.hook_name.as_str()), Some("p.inner"));
    // One that is wrapped into an error of the plugin's own is left as it was written, and is found.
    #[derive(Debug)]
    struct Own(AbortError);
    impl std::fmt::Display for Own {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("own")
        }
    }
    impl std::error::Error for Own {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let plugins = installed([Builder::new("p", "1").wrap("w", Selector::all(), |_| {
        Box::new(|_, _| Err(Own(AbortError { hook_name: "mine".into(), ..AbortError::new("r") }).into()))
    })]);
    let error = give(plugins.hooks(), "keys/list", None, succeeds()).0.expect_err("it is stopped");
    assert!(error.downcast_ref::<Own>().is_some());
    assert_eq!(Refusal::of_hook(&error).expect("a hook's").detail()["hook_name"], "mine");
    assert!(Refusal::of_hook(&Error::from("the command's own")).is_none());
}

#[test]
fn a_wrapper_that_panics_stops_the_command_whether_it_is_made_or_called_or_asked() {
    let made = |_: Handler| -> Handler { panic!("not made") };
    let called = |_: Handler| -> Handler { Box::new(|_, _| panic!("not called")) };
    let builder = || Builder::new("p", "1");
    for (builder, said) in [
        (builder().wrap("w", Selector::all(), made), "not made"),
        (builder().wrap("w", Selector::all(), called), "not called"),
        (builder().wrap("w", Selector::new(|_| panic!("not asked")), |next| next), "not asked"),
    ] {
        let log = Log::default();
        let plugins = installed([builder]);
        let (result, warned) = give(plugins.hooks(), "keys/list", None, writes(&log, "command"));
        let refusal = Refusal::of_hook(&result.expect_err("it is stopped")).expect("a hook's");
        assert_eq!((refusal.code().kind(), refusal.code()), ("hook", Reason::Panic));
        assert_eq!(refusal.detail(), &json!({"hook_name": "p.w", "reason_code": "panic", "reason": said}));
        assert!(log.lines().is_empty() && warned.is_empty());
    }
}

#[test]
fn a_wrapper_may_make_another_of_what_a_command_came_to() {
    let plugins = installed([Builder::new("p", "1").wrap("w", Selector::all(), |next| {
        Box::new(move |ctx, given| match (next(ctx, given), given.args().first().map(String::as_str)) {
            (Err(_), Some("one")) => Ok(()),
            (result, _) => result,
        })
    })]);
    let log = Log::default();
    let with_log = installed([observing(&log)]);
    let fails = || -> Handler { Box::new(|_, _| Err("no network".into())) };
    assert!(give(plugins.hooks(), "keys/list", None, fails()).0.is_ok());
    assert!(give(with_log.hooks(), "keys/list", None, fails()).0.is_err());
}

#[test]
fn what_it_came_to_is_known_behind_next_and_not_before() {
    let log = Log::default();
    let kept = log.clone();
    let plugins = installed([Builder::new("p", "1")
        .wrap("outer", Selector::all(), move |next| {
            let log = kept.clone();
            Box::new(move |ctx, given| {
                let said = |when: &str| log.add(format!("{when}: {:?}", given.err()));
                said("before");
                let result = next(ctx, given);
                said("behind");
                result
            })
        })
        .wrap("inner", Selector::by_write(), abort("stop"))]);
    let fails: Handler = Box::new(|_, _| Err("no network".into()));
    assert!(give(plugins.hooks(), "keys/list", None, fails).0.is_err());
    assert!(give(plugins.hooks(), "plugin/sign", None, succeeds()).0.is_err());
    assert!(give(plugins.hooks(), "keys/list", None, succeeds()).0.is_ok());
    let stopped = format!("behind: Some({:?})", AbortError { hook_name: "p.inner".into(), ..AbortError::new("stop") });
    let lines = log.lines();
    assert_eq!(lines[..2], ["before: None", "behind: Some(\"no network\")"]);
    assert_eq!(lines[2..4], ["before: None".to_owned(), stopped]);
    assert_eq!(lines[4..], ["before: None", "behind: None"]);
}

#[test]
fn a_denied_command_is_seen_by_observers_and_by_no_wrapper() {
    let (log, made) = (Log::default(), Arc::new(AtomicUsize::new(0)));
    let (counted, seen) = (Arc::clone(&made), log.clone());
    let plugins = installed([
        observing(&log),
        Builder::new("q", "1")
            .wrap("swallows", Selector::all(), move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                Box::new(|_, _| Ok(()))
            })
            .observer(When::Before, "sees", Selector::all(), move |_, given| {
                let (layer, source) = (given.denial_layer(), given.denial_policy_source());
                let risk = given.cmd().risk().map(|risk| risk.to_string());
                seen.add(format!("{} {layer} {source} {risk:?}", given.denied_by_policy()));
            }),
    ]);
    let denial = denial_of_writes();
    let (result, _) = give(plugins.hooks(), "plugin/sign", Some(&denial), writes(&log, "command"));
    let error = result.expect_err("it is denied");
    let denied = error.downcast_ref::<CommandDeniedError>().expect("a denial");
    let reason = "its risk is write, and max_risk is read";
    let expected = CommandDeniedError {
        path: "plugin/sign".into(),
        layer: "policy".into(),
        policy_source: "plugin:readonly".into(),
        rule_name: "reads".into(),
        reason_code: "write_not_allowed".into(),
        reason: reason.into(),
    };
    assert_eq!(denied, &expected);
    assert_eq!(made.load(Ordering::Relaxed), 0);
    let lines = log.lines();
    assert_eq!(lines[..2], ["before, error: false", "true policy plugin:readonly Some(\"write\")"]);
    assert_eq!(lines[2..], [format!("after, error: command \"plugin/sign\" denied: {reason}")]);
    let detail = json!({
        "path": "plugin/sign", "layer": "policy", "policy_source": "plugin:readonly", "rule_name": "reads",
        "reason_code": "write_not_allowed", "reason": reason,
    });
    assert_eq!(Refusal::of_denial(&denial).detail(), &detail);
}

/// No level of risk is between those that read and those that write: the code is kept for one, and told as the others.
#[test]
fn a_risk_that_is_too_high_and_no_write_is_told_as_every_denial() {
    let denial = Denial { code: Reason::RiskTooHigh, reason: "its risk is admin".into(), ..denial_of_writes() };
    let (result, _) = give(
        installed([] as [Builder; 0]).hooks(),
        "plugin/sign",
        Some(&denial),
        Box::new(|_, _| panic!("it is denied")),
    );
    let error = result.expect_err("it is denied");
    let denied = error.downcast_ref::<CommandDeniedError>().expect("a denial");
    assert_eq!((denied.reason_code.as_str(), denied.reason.as_str()), ("risk_too_high", "its risk is admin"));
    let fault = Refusal::of_denial(&denial).fault();
    assert_eq!((fault.reason().kind(), fault.class().exit_code()), ("command_denied", 2));
    let detail = Refusal::of_denial(&denial).detail().clone();
    assert_eq!(
        detail,
        json!({
            "path": "plugin/sign", "layer": "policy", "policy_source": "plugin:readonly", "rule_name": "reads",
            "reason_code": "risk_too_high", "reason": "its risk is admin",
        })
    );
}

#[test]
fn what_is_not_denied_says_so() {
    let log = Log::default();
    let seen = log.clone();
    let plugins = installed([Builder::new("p", "1").observer(When::After, "o", Selector::all(), move |_, given| {
        let (layer, source) = (given.denial_layer(), given.denial_policy_source());
        let is_begun = given.started() == SystemTime::UNIX_EPOCH;
        seen.add(format!("{} {layer:?} {source:?} {is_begun}", given.denied_by_policy()));
    })]);
    give(plugins.hooks(), "keys/list", None, succeeds()).0.expect("it runs");
    assert_eq!(log.lines(), ["false \"\" \"\" true"]);
}

#[test]
fn what_a_wrapper_hands_on_reaches_the_command_and_arguments_are_everybodys_own() {
    struct Ticket(&'static str);
    let plugins = installed([Builder::new("p", "1").wrap("w", Selector::all(), |next| {
        Box::new(move |ctx, given| {
            given.args().clear();
            next(&ctx.with_value(Ticket("OPS-1")).with_deadline(Instant::now()), given)
        })
    })]);
    let log = Log::default();
    let kept = log.clone();
    let run: Handler = Box::new(move |ctx, given| {
        let ticket = ctx.value::<Ticket>().map(|ticket| ticket.0);
        kept.add(format!("{ticket:?} {:?} {}", given.args(), ctx.is_cancelled()));
        Ok(())
    });
    give(plugins.hooks(), "keys/list", None, run).0.expect("it runs");
    assert_eq!(log.lines(), ["Some(\"OPS-1\") [\"one\", \"two\"] true"]);
}

thread_local! {
    static SEEN: Cell<Option<bool>> = const { Cell::new(None) };
}

#[test]
fn a_panic_of_the_command_is_no_plugins() {
    let plugins = installed([Builder::new("p", "1")
        .wrap("w", Selector::all(), |next| Box::new(move |ctx, given| next(ctx, given).or(Ok(()))))]);
    let run: Handler = Box::new(|_, _| {
        SEEN.set(Some(is_within_plugin()));
        panic!("a bug");
    });
    let panicked = catch_unwind(AssertUnwindSafe(|| give(plugins.hooks(), "keys/list", None, run)));
    assert_eq!(panicked.err().and_then(|payload| payload.downcast_ref::<&str>().copied()), Some("a bug"));
    assert_eq!((SEEN.get(), is_within_plugin()), (Some(false), false));
}

#[test]
fn a_command_may_be_given_within_another() {
    let log = Log::default();
    let plugins = Arc::new(installed([observing(&log)]));
    let inner = Arc::clone(&plugins);
    let run: Handler = Box::new(move |_, _| give(inner.hooks(), "keys/revoke", None, succeeds()).0);
    give(plugins.hooks(), "keys/list", None, run).0.expect("it runs");
    assert_eq!(log.lines().len(), 4);
}

#[test]
fn what_does_not_start_lets_nothing_begin() {
    let log = Log::default();
    let builder = |name: &'static str| {
        let log = log.clone();
        Builder::new(name, "1").on(LifecycleEvent::Startup, "start", move |_, lifecycle| {
            log.add(format!("{name} {} {}", lifecycle.event, lifecycle.err.is_none()));
            Ok(())
        })
    };
    let failing = Builder::new("bad", "1").on(LifecycleEvent::Startup, "start", |_, _| Err("no network".into()));
    let panics = Builder::new("bad", "1").on(LifecycleEvent::Startup, "start", |_, _| panic!("on purpose"));
    for (bad, code, said) in
        [(failing, Reason::LifecycleFailed, "no network"), (panics, Reason::LifecyclePanic, "on purpose")]
    {
        let plugins = installed([builder("one"), bad, builder("two")]);
        let refusal = start_up(plugins.hooks(), &Ctx::background()).expect_err("it does not start");
        assert_eq!((refusal.code().kind(), refusal.code()), ("plugin_lifecycle", code));
        let detail = json!({"reason_code": code.as_str(), "hook_name": "bad.start", "event": "startup"});
        assert_eq!(refusal.detail(), &detail);
        assert!(refusal.to_string().ends_with(said), "{refusal}");
    }
    assert_eq!(log.lines(), ["one Startup true", "one Startup true"]);
}

fn ending(name: &'static str, log: &Log, takes: Duration) -> Builder {
    let log = log.clone();
    Builder::new(name, "1").on(LifecycleEvent::Shutdown, "end", move |ctx, lifecycle| {
        let error = lifecycle.err.as_ref().map(ToString::to_string);
        let has_time = ctx.remaining().is_some_and(|remaining| remaining <= SHUTDOWN_TIME);
        log.add(format!("{name} {error:?} {has_time}"));
        std::thread::sleep(takes);
        Ok(())
    })
}

fn end(hooks: &Hooks, err: Option<Error>, time: Duration) -> (Vec<String>, Duration) {
    let (mut warned, begun) = (Vec::new(), Instant::now());
    shut_down(hooks, &Ctx::background(), err, time, &mut |_, line| warned.push(line));
    (warned, begun.elapsed())
}

#[test]
fn what_ends_is_told_of_what_the_command_failed_and_whatever_goes_wrong_is_warned_of() {
    let log = Log::default();
    let fails = Builder::new("bad", "1").on(LifecycleEvent::Shutdown, "fails", |_, _| Err("no network".into())).on(
        LifecycleEvent::Shutdown,
        "panics",
        |_, _| panic!("on purpose"),
    );
    let plugins = installed([ending("one", &log, Duration::ZERO), fails, ending("two", &log, Duration::ZERO)]);
    let (warned, _) = end(plugins.hooks(), Some("of this".into()), SHUTDOWN_TIME);
    assert_eq!(log.lines(), ["one Some(\"of this\") true", "two Some(\"of this\") true"]);
    let expected = ["shutdown hook \"bad.fails\": no network", "shutdown hook \"bad.panics\": it panicked: on purpose"];
    assert_eq!(warned, expected);
}

#[test]
fn all_that_ends_has_two_seconds_together() {
    let log = Log::default();
    let plugins = installed([
        ending("quick", &log, Duration::ZERO),
        ending("slow", &log, Duration::from_secs(5)),
        ending("late", &log, Duration::ZERO),
    ]);
    let (warned, took) = end(plugins.hooks(), None, SHUTDOWN_TIME);
    assert!(took >= SHUTDOWN_TIME && took < Duration::from_secs(3), "{took:?}");
    let expected = [
        "shutdown hook \"slow.end\": it did not end in time",
        "shutdown deadline exceeded; skipping hook \"late.end\"",
    ];
    assert_eq!(warned, expected);
    assert_eq!(log.lines(), ["quick None true", "slow None true"]);
}

#[test]
fn nobody_begins_when_the_time_is_over() {
    let (log, time) = (Log::default(), Duration::from_millis(50));
    let plugins = installed([ending("slow", &log, 4 * time), ending("late", &log, Duration::ZERO)]);
    let (warned, _) = end(plugins.hooks(), None, time);
    assert_eq!(warned.len(), 2, "{warned:?}");
    std::thread::sleep(6 * time);
    assert_eq!(log.lines(), ["slow None true"]);
}

/// A hundred plugins with ten hooks each, none of which is for the command, and then all.
#[test]
fn many_hooks_cost_little() {
    let builders = |selector: fn() -> Selector| {
        let names: Vec<String> = (0..100).map(|at| format!("plugin-{at}")).collect();
        let builder = names.into_iter().map(move |name| {
            (0..5).fold(Builder::new(name, "1"), |builder, at| {
                let builder = builder.observer(When::After, format!("observer-{at}"), selector(), |_, _| {});
                builder.wrap(format!("wrapper-{at}"), selector(), |next| next)
            })
        });
        installed(builder)
    };
    for (selects, plugins) in [("none", builders(|| Selector::by_domain(["other"]))), ("all", builders(Selector::all))]
    {
        let tree = tree();
        let view = tree.view(tree.find("keys/list").expect("a command"));
        let mut took = Vec::new();
        for _ in 0..200 {
            let begun = Instant::now();
            let given =
                Dispatch { command: &view, arguments: Vec::new(), denial: None, started: SystemTime::UNIX_EPOCH };
            dispatch(plugins.hooks(), given, &Ctx::background(), succeeds(), &mut |_, line| panic!("{line}"))
                .expect("it runs");
            took.push(begun.elapsed());
        }
        took.sort();
        println!("1,000 hooks, of which {selects} are for the command: {:?}", took[100]);
    }
}

#[test]
fn hooks_are_told_who_denies_it() {
    for (layer, source) in [
        (Layer::Policy, "plugin:audit"),
        (Layer::Policy, "yaml"),
        (Layer::Policy, "yaml:agents"),
        (Layer::StrictMode, "strict-mode"),
    ] {
        let log = Log::default();
        let [before, after] = [log.clone(), log.clone()];
        let says = |given: &dyn aisoc_platform::Invocation| {
            format!("{} {} {}", given.denied_by_policy(), given.denial_layer(), given.denial_policy_source())
        };
        let plugins = installed([Builder::new("p", "1")
            .observer(When::Before, "before", Selector::all(), move |_, given| before.add(says(given)))
            .observer(When::After, "after", Selector::all(), move |_, given| after.add(says(given)))]);
        let denial = Denial {
            path: "keys/list".into(),
            layer,
            policy_source: source.into(),
            rule_name: String::new(),
            code: Reason::CommandDenylisted,
            reason: "because".into(),
            children: Vec::new(),
        };
        assert!(give(plugins.hooks(), "keys/list", Some(&denial), succeeds()).0.is_err());
        let said = format!("true {} {source}", layer.as_str());
        assert_eq!(log.lines(), [said.clone(), said]);
    }
}
