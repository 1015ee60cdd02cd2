//! A fork for tests: its plugins do what the variable `FORK` says, as JSON, and write what happens to them into the file of
//! `FORK_LOG`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, process, thread};

use aisoc_platform::{
    AbortError, Capabilities, Ctx, Error, FailurePolicy, Handler, Invocation, JournalReason, LifecycleEvent, Next,
    Plugin, Registrar, Result, Rule, Selector, When, register, reset_for_testing,
};
use serde_json::Value;

fn main() -> ExitCode {
    let scripts: Vec<Value> = serde_json::from_str(&env::var("FORK").expect("a script")).expect("JSON");
    // What it costs to read the script is no matter of the plugins.
    if env::var_os("FORK_UNREGISTERED").is_none() {
        scripts.into_iter().for_each(|script| register(Box::new(Scripted(script))));
    }
    aisoc_cli::execute()
}

struct Scripted(Value);

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn log(line: impl AsRef<str>) {
    let Some(path) = env::var_os("FORK_LOG") else { return };
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a log");
    file.write_all(format!("{}\n", line.as_ref()).as_bytes()).expect("written");
}

impl Scripted {
    fn reaches(&self, method: &str) {
        log(format!("{} {method}", text(&self.0, "name")));
        assert!(text(&self.0, "panics_at") != method, "on purpose");
    }
}

impl Plugin for Scripted {
    fn name(&self) -> &str {
        assert!(text(&self.0, "panics_at") != "name", "on purpose");
        text(&self.0, "name")
    }

    fn version(&self) -> &str {
        assert!(text(&self.0, "panics_at") != "version", "on purpose");
        "1.0.0"
    }

    fn capabilities(&self) -> Capabilities {
        self.reaches("capabilities");
        Capabilities {
            required_cli_version: text(&self.0, "requires").to_owned(),
            restricts: self.0["restricts"] == true,
            failure_policy: match self.0["closed"] == true {
                true => FailurePolicy::FailClosed,
                false => FailurePolicy::FailOpen,
            },
        }
    }

    fn install(&self, registrar: &mut dyn Registrar) -> Result {
        self.reaches("install");
        let of = |name: &str| format!("{}.{name}", text(&self.0, "name"));
        for hook in list(&self.0, "observers") {
            let (name, does) = (text(hook, "name"), text(hook, "does").to_owned());
            let when = if text(hook, "when") == "Before" { When::Before } else { When::After };
            let selector = if hook["selects"] == "absent" { Selector::default() } else { Selector::all() };
            let full = of(name);
            registrar.observe(
                when,
                name,
                selector,
                Arc::new(move |_, invocation| observed(&full, when, &does, invocation)),
            );
        }
        for hook in list(&self.0, "wrappers") {
            let (name, full, hook) = (text(hook, "name"), of(text(hook, "name")), hook.clone());
            registrar.wrap(name, Selector::all(), Arc::new(move |next| wrapped(&full, &hook, next)));
        }
        for hook in list(&self.0, "lifecycle") {
            let (name, full, does) = (text(hook, "name"), of(text(hook, "name")), text(hook, "does").to_owned());
            let event = match text(hook, "event") {
                "Startup" => LifecycleEvent::Startup,
                _ => LifecycleEvent::Shutdown,
            };
            registrar.on(
                event,
                name,
                Arc::new(move |_, context| {
                    let err = context.err.as_ref().map_or("none".to_owned(), ToString::to_string);
                    log(format!("{full} {event} {err}"));
                    act(&does)
                }),
            );
        }
        for rule in list(&self.0, "rules") {
            registrar.restrict(serde_json::from_value::<Rule>(rule.clone())?);
        }
        match text(&self.0, "fails") {
            "" => Ok(()),
            why => Err(why.into()),
        }
    }
}

#[expect(clippy::exit, reason = "a plugin may do so, and it is tested what comes of it")]
fn act(does: &str) -> Result {
    match does.split_once(':').unwrap_or((does, "")) {
        ("panic", _) => panic!("on purpose"),
        ("bomb", _) => std::panic::panic_any(Bomb),
        ("execute", _) => {
            reset_for_testing();
            let _ = aisoc_cli::execute();
            Ok(())
        }
        ("fail", why) => Err(why.into()),
        ("sleep", seconds) => {
            thread::sleep(Duration::from_secs(seconds.parse().expect("seconds")));
            Ok(())
        }
        ("exit", code) => process::exit(code.parse().expect("a code")),
        _ => Ok(()),
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("again");
    }
}

fn observed(full: &str, when: When, does: &str, invocation: &dyn Invocation) {
    if does == "nothing" {
        return;
    }
    if does == "started" {
        let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
        return log(format!("{full} {} {}", since(invocation.started()), since(SystemTime::now())));
    }
    let err = invocation.err().map_or("none".to_owned(), |error| error.to_string());
    let denied = match invocation.denied_by_policy() {
        true => format!("{}/{}", invocation.denial_layer(), invocation.denial_policy_source()),
        false => "allowed".to_owned(),
    };
    let risk = invocation.cmd().risk().map(|risk| risk.to_string()).unwrap_or_default();
    log(format!("{full} {when} {} {risk} {denied} {} {err}", invocation.cmd().path(), invocation.args().join(" ")));
    let _ = act(does);
}

/// Until when the command is wanted.
fn taken_back(ctx: &Ctx, does: &str) -> Ctx {
    let (does, time) = does.split_once(':').unwrap_or((does, "0"));
    let end = Instant::now() + Duration::from_millis(time.parse().unwrap_or_default());
    match does {
        "cancel" => ctx.with_cancellation(move || Instant::now() >= end),
        "deadline" => ctx.with_deadline(end),
        "cancel-panic" => ctx.with_cancellation(move || {
            assert!(Instant::now() < end, "on purpose");
            false
        }),
        _ => ctx.clone(),
    }
}

fn wrapped(full: &str, hook: &Value, next: Next) -> Handler {
    let does = text(hook, "does").to_owned();
    log(format!("{full} made"));
    assert!(does != "factory-panic", "on purpose");
    let (full, hook) = (full.to_owned(), hook.clone());
    Box::new(move |ctx: &Ctx, invocation| {
        log(format!("{full} before"));
        match does.as_str() {
            "abort" => {
                let detail = Some(hook["detail"].clone()).filter(|detail| !detail.is_null());
                let cause = hook["cause"].as_str().map(Error::from);
                return Err(AbortError { hook_name: "its own".into(), reason: "r".into(), cause, detail }.into());
            }
            "panic" => panic!("on purpose"),
            "own" => return Err("an error of its own".into()),
            _ => {}
        }
        let ctx = &taken_back(ctx, &does);
        let ctx = match hook["journal"].as_str() {
            Some(reason) => ctx.with_value(JournalReason(reason.to_owned())),
            None => ctx.clone(),
        };
        let result = next(&ctx, invocation);
        log(format!("{full} after {}", invocation.err().map_or("none".to_owned(), |error| error.to_string())));
        match does.as_str() {
            "swallow" => Ok(()),
            "again" => result.and_then(|()| next(&ctx, invocation)),
            _ => result,
        }
    })
}
