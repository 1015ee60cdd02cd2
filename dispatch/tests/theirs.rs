//! What is a plugin's and panics where nobody thinks of it as code: errors that are shown and asked for what they came of, and
//! whatever is dropped. None of it is ours to fail of.

mod support;

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use aisoc_dispatch::{MAX_SOURCES, Program, Refusal, SHUTDOWN_TIME, Setup, find_source, shut_down, start_up, text_of};
use aisoc_dispatch::{PolicyFile, is_within_plugin};
use aisoc_platform::{
    AbortError, Builder, Ctx, Error, Handler, LifecycleEvent, Plugin, Selector, When, register, reset_for_testing,
};
use support::{Raw, give, install, installed, tree};

/// Panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "dropped");
    }
}

/// An error that does what it is told when somebody looks at it.
#[derive(Debug)]
enum Odd {
    PanicsWhenShown,
    FailsWhenShown,
    PanicsWhenAsked,
    IsItsOwnSource,
    PanicsWhenDropped(Bomb),
}

impl fmt::Display for Odd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(!matches!(self, Self::PanicsWhenShown), "shown");
        assert!(is_within_plugin(), "a plugin's error is shown behind the line");
        match self {
            Self::FailsWhenShown => Err(fmt::Error),
            _ => formatter.write_str("odd"),
        }
    }
}

impl StdError for Odd {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        assert!(!matches!(self, Self::PanicsWhenAsked), "asked");
        matches!(self, Self::IsItsOwnSource).then_some(self)
    }
}

fn succeeds() -> Handler {
    Box::new(|_, _| Ok(()))
}

#[test]
fn an_error_that_cannot_be_shown_says_so() {
    for odd in [|| Odd::PanicsWhenShown, || Odd::FailsWhenShown] {
        let failing: Arc<dyn Plugin> = Arc::new(Raw::new("x").installs(move |_| Err(odd().into())));
        let (plugins, warned) = install([failing]);
        assert!(plugins.is_ok_and(|plugins| plugins.listed().is_empty()));
        assert!(warned[0].contains("an error that cannot be shown: "), "{warned:?}");
    }
    let plugins =
        installed([Builder::new("x", "1").on(LifecycleEvent::Startup, "up", |_, _| Err(Odd::PanicsWhenShown.into()))]);
    let refusal = start_up(plugins.hooks(), &Ctx::background()).expect_err("it fails");
    assert!(refusal.to_string().ends_with("an error that cannot be shown: shown"), "{refusal}");
    let abort = AbortError { cause: Some(Odd::PanicsWhenShown.into()), ..AbortError::new("r") };
    let refusal = Refusal::of_hook(&abort.into()).expect("a hook");
    assert_eq!(refusal.to_string(), "an error that cannot be shown: shown");
    assert_eq!(text_of(&Odd::IsItsOwnSource.into()), "odd");
}

#[test]
fn an_end_that_cannot_be_shown_keeps_nobody_from_theirs() {
    let flushed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&flushed);
    let plugin = Builder::new("x", "1").on(LifecycleEvent::Shutdown, "bad", |_, _| Err(Odd::PanicsWhenShown.into()));
    let plugin = plugin.on(LifecycleEvent::Shutdown, "flush", move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let mut warned = Vec::new();
    shut_down(installed([plugin]).hooks(), &Ctx::background(), None, SHUTDOWN_TIME, &mut |_, line| warned.push(line));
    assert_eq!(warned, ["shutdown hook \"x.bad\": an error that cannot be shown: shown"]);
    assert_eq!(flushed.load(Ordering::SeqCst), 1);
}

/// An error so many sources deep.
fn deep(sources: usize, innermost: AbortError) -> Error {
    #[derive(Debug)]
    struct Outer(Error);
    impl fmt::Display for Outer {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("outer")
        }
    }
    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(self.0.as_error())
        }
    }
    (0..sources).fold(innermost.into(), |error, _| Outer(error).into())
}

#[test]
fn sources_are_looked_at_to_an_end() {
    let (ended, ending) = mpsc::channel();
    thread::spawn(move || {
        let found = [Odd::IsItsOwnSource, Odd::PanicsWhenAsked].map(|odd| Refusal::of_hook(&odd.into()).is_some());
        ended.send(found)
    });
    assert_eq!(ending.recv_timeout(Duration::from_secs(20)), Ok([false, false]));
    for (sources, is_found) in [(0, true), (MAX_SOURCES - 1, true), (MAX_SOURCES, false)] {
        let error = deep(sources, AbortError::new("r"));
        assert_eq!(find_source::<AbortError>(&error).is_some(), is_found, "{sources}");
        assert_eq!(Refusal::of_hook(&error).is_some(), is_found, "{sources}");
    }
}

#[test]
fn what_panics_when_it_is_dropped_is_no_matter_of_ours() {
    // What is around a command, and what was to be: a selector panics.
    let keeps = |next: aisoc_platform::Next| -> Handler {
        let bomb = Bomb;
        Box::new(move |ctx, given| {
            let _ = &bomb;
            next(ctx, given)
        })
    };
    let selects = Selector::new(|_| panic!("on purpose"));
    let plugin = Builder::new("o", "1").wrap("outer", selects, |next| next).wrap("inner", Selector::all(), keeps);
    assert!(give(installed([plugin]).hooks(), "keys/list", None, succeeds()).0.is_err());
    // An error that nobody wanted.
    let plugin = Builder::new("o", "1")
        .wrap("swallow", Selector::all(), |next| {
            Box::new(move |ctx, given| {
                let _swallowed = next(ctx, given);
                Ok(())
            })
        })
        .wrap("inner", Selector::all(), |_| Box::new(|_, _| Err(Odd::PanicsWhenDropped(Bomb).into())));
    let _ = give(installed([plugin]).hooks(), "keys/list", None, succeeds());
    // What a plugin has asked for that is not installed, and what it has asked for that is.
    let observes = |registrar: &mut dyn aisoc_platform::Registrar| {
        let bomb = Bomb;
        let observer = move |_: &Ctx, _: &dyn aisoc_platform::Invocation| {
            let _ = &bomb;
        };
        registrar.observe(When::After, "o", Selector::all(), Arc::new(observer));
    };
    let failing = Raw::new("x").installs(move |registrar| {
        observes(registrar);
        Err("no network".into())
    });
    let (plugins, warned) = install([Arc::new(failing) as Arc<dyn Plugin>]);
    assert!(plugins.is_ok() && warned.len() == 1, "{warned:?}");
    let there: [Arc<dyn Plugin>; 1] = [Arc::new(Raw::new("x").installs(move |registrar| {
        observes(registrar);
        Ok(())
    }))];
    let setup = Setup {
        registered: &there,
        version: "1.2.3",
        strict_mode: None,
        policy_file: || PolicyFile::Absent,
        is_policy_required: false,
    };
    drop(Program::begin(tree(), setup, &Ctx::background(), &mut |_, _| {}).expect("it begins"));
}

#[test]
fn a_bug_of_the_command_is_seen_by_those_who_look_on() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let plugin = Builder::new("x", "1").observer(When::After, "o", Selector::all(), move |_, invocation| {
        assert!(invocation.err().is_some());
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let plugins = installed([plugin]);
    let bug: Handler = Box::new(|_, _| panic!("a bug"));
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| give(plugins.hooks(), "keys/list", None, bug)));
    assert!(panicked.is_err() && seen.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_plugin_is_asked_for_its_name_once() {
    struct Changes(AtomicUsize);
    impl Plugin for Changes {
        fn name(&self) -> &str {
            ["first", "x"][self.0.fetch_add(1, Ordering::SeqCst).min(1)]
        }
        fn version(&self) -> &str {
            "1"
        }
        fn capabilities(&self) -> aisoc_platform::Capabilities {
            aisoc_platform::Capabilities::default()
        }
        fn install(&self, _: &mut dyn aisoc_platform::Registrar) -> aisoc_platform::Result {
            Ok(())
        }
    }
    let plugins: [Arc<dyn Plugin>; 2] = [Arc::new(Changes(AtomicUsize::new(0))), Arc::new(Raw::new("x"))];
    let plugins = install(plugins).0.expect("installed");
    assert_eq!(plugins.listed().iter().map(|plugin| plugin.name.as_str()).collect::<Vec<_>>(), ["first", "x"]);
}

#[test]
fn a_plugin_that_is_forgotten_may_ask_who_else_is_there() {
    struct Asks(mpsc::Sender<usize>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let _ = self.0.send(aisoc_platform::registered_plugins().len());
        }
    }
    let (told, heard) = mpsc::channel();
    let asks = Asks(told);
    register(Box::new(Raw::new("x").installs(move |_| {
        let _ = &asks;
        Ok(())
    })));
    thread::spawn(reset_for_testing);
    assert_eq!(heard.recv_timeout(Duration::from_secs(20)), Ok(0));
}

#[test]
fn a_context_ends_however_much_was_put_into_it() {
    let ctx = (0..200_000_u32).fold(Ctx::background(), |ctx, value| ctx.with_value(value));
    assert_eq!(ctx.value::<u32>(), Some(&199_999));
    drop(ctx);
}
