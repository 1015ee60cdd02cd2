//! The lifecycle over sequences of events, and its table of what may be asked for in which state.

use aisoc_host::lifecycle::{Effect, Event, Failure, Life, MAX_RETRIES, State, Switch, Verb};
use aisoc_manifests::fault::Reason;
use proptest::prelude::*;

fn of(words: &str) -> Failure {
    Failure::new(Reason::ImportFailed, words)
}

fn event() -> impl Strategy<Value = Event> {
    let verb = prop::sample::select(&Verb::ALL[..]).prop_map(Event::Asked);
    let why = || "[a-z]{1,8}".prop_map(|words| of(&words));
    prop_oneof![
        4 => verb,
        2 => Just(Event::Admitted),
        2 => Just(Event::Retried),
        2 => Just(Event::Loaded),
        2 => Just(Event::Settled),
        1 => Just(Event::Replaced),
        1 => why().prop_map(Event::Refused),
        1 => why().prop_map(Event::NotLoaded),
        1 => why().prop_map(Event::NotReplaced),
        1 => (why(), any::<bool>()).prop_map(|(why, has_stood)| Event::Ended { why, has_stood }),
        1 => why().prop_map(Event::NotStarted),
        1 => Just(Event::LetGo),
    ]
}

fn switch() -> impl Strategy<Value = Switch> {
    prop_oneof![Just(Switch::On), Just(Switch::Off)]
}

/// A driver that carries everything out: what it has in memory, and what it has written down.
#[derive(Default)]
struct Driver {
    in_memory: usize,
    written: Switch,
}

impl Driver {
    fn carry_out(&mut self, event: &Event, effects: &[Effect]) {
        // What is said to have been loaded is in memory.
        self.in_memory += usize::from(*event == Event::Loaded);
        for effect in effects {
            match effect {
                Effect::End => self.in_memory = 0,
                Effect::Remember(switch) => self.written = *switch,
                Effect::Load
                | Effect::Settle
                | Effect::Replace
                | Effect::Retry { .. }
                | Effect::Call
                | Effect::Refuse(_)
                | Effect::Tell { .. } => {}
            }
        }
    }
}

proptest! {
    /// Whatever happens in whatever order: there is one state, an error where and only where one belongs, a plugin in
    /// memory where the state says so, and what is told is what has changed.
    #[test]
    fn any_sequence_of_events_leaves_a_state_that_holds(switch in switch(), events in prop::collection::vec(event(), 0..60)) {
        let mut life = Life::begin(switch);
        let mut driver = Driver { written: switch, ..Driver::default() };
        for event in events {
            let before = life.clone();
            let (after, effects) = life.step(event.clone());
            driver.carry_out(&event, &effects);
            let told: Vec<_> = effects.iter().filter_map(|effect| match effect {
                Effect::Tell { from, to } => Some((*from, *to)),
                _ => None,
            }).collect();
            let moved = (before.state(), after.state());
            prop_assert_eq!(told, if moved.0 == moved.1 { vec![] } else { vec![moved] });
            prop_assert_eq!(driver.in_memory > 0, after.state().is_in_memory(), "{:?} after {:?}", after, event);
            prop_assert_eq!(after.error().is_some(), after.error().is_some_and(|why| !why.words.is_empty()));
            prop_assert!(after.state() != State::Failed || after.error().is_some());
            prop_assert!(after.error().is_none() || after.state() == State::Failed || after.state().is_in_memory());
            prop_assert_eq!(driver.written, after.switch());
            let calls = effects.contains(&Effect::Call);
            prop_assert_eq!(calls, event == Event::Asked(Verb::Run) && before.state() == State::Enabled);
            life = after;
        }
    }

    /// Nothing but an operator changes a switch, and no plugin takes calls whose switch is off: not after a reload, not
    /// after another discovery, not after a restart.
    #[test]
    fn what_is_disabled_stays_so_until_somebody_enables_it(events in prop::collection::vec(event(), 0..60)) {
        let mut life = Life::begin(Switch::Off);
        for event in events.into_iter().filter(|event| *event != Event::Asked(Verb::Enable)) {
            life = life.step(event).0;
            prop_assert_eq!(life.switch(), Switch::Off);
            prop_assert_ne!(life.state(), State::Enabled);
            // A restart: nothing is left but what was written down.
            let (again, _) = Life::begin(life.switch()).step(Event::Admitted);
            let (again, _) = again.step(Event::Loaded);
            prop_assert_eq!(again.step(Event::Settled).0.state(), State::Disabled);
        }
    }
}

/// A plugin that came into that state as it does in a host.
fn in_state(state: State) -> Life {
    let begin = || Life::begin(if state == State::Disabled { Switch::Off } else { Switch::On });
    let events = match state {
        State::Discovered => vec![Event::Admitted],
        State::Loaded => vec![Event::Admitted, Event::Loaded],
        State::Enabled | State::Disabled => vec![Event::Admitted, Event::Loaded, Event::Settled],
        State::Unloaded => vec![Event::Admitted, Event::Loaded, Event::Settled, Event::Asked(Verb::Unload)],
        State::Failed => vec![Event::Refused(of("unsigned"))],
    };
    let life = events.into_iter().fold(begin(), |life, event| life.step(event).0);
    assert_eq!(life.state(), state);
    life
}

#[test]
fn what_may_be_asked_for_in_which_state() {
    use State::{Disabled, Discovered, Enabled, Failed, Loaded, Unloaded};
    // The state after; none for what is refused.
    let table = [
        (Discovered, [None; 5]),
        (Loaded, [Some(Enabled), Some(Disabled), Some(Loaded), None, Some(Unloaded)]),
        (Enabled, [Some(Enabled), Some(Disabled), Some(Enabled), Some(Enabled), Some(Unloaded)]),
        (Disabled, [Some(Enabled), Some(Disabled), Some(Disabled), None, Some(Unloaded)]),
        (Unloaded, [None; 5]),
        (Failed, [None; 5]),
    ];
    assert_eq!(table.map(|(state, _)| state), State::ALL);
    for (state, expected) in table {
        for (verb, expected) in Verb::ALL.into_iter().zip(expected) {
            let before = in_state(state);
            let (after, effects) = before.clone().step(Event::Asked(verb));
            match expected {
                Some(expected) => {
                    assert_eq!(after.state(), expected, "{verb:?} in {state}");
                    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Refuse(_))), "{verb:?} in {state}");
                }
                None => {
                    assert_eq!(effects, [Effect::Refuse(state)], "{verb:?} in {state}");
                    assert_eq!(after, before, "{verb:?} in {state}");
                }
            }
        }
    }
}

#[test]
fn a_discovery_touches_nothing_that_is_in_memory_and_loads_the_rest_again() {
    for state in State::ALL {
        let before = in_state(state);
        let (admitted, effects) = before.clone().step(Event::Admitted);
        let (refused, none) = before.clone().step(Event::Refused(of("revoked")));
        if state.is_in_memory() {
            assert_eq!((&admitted, &refused), (&before, &before), "{state}");
            assert!(effects.is_empty() && none.is_empty(), "{state}");
        } else {
            assert_eq!(admitted.state(), State::Discovered, "{state}");
            assert_eq!(effects[0], Effect::Load, "{state}");
            assert_eq!((refused.state(), refused.error()), (State::Failed, Some(&of("revoked"))), "{state}");
        }
    }
}

#[test]
fn a_reload_that_fails_keeps_what_is_in_memory_and_says_why_until_one_succeeds() {
    for state in [State::Enabled, State::Disabled] {
        let (life, effects) = in_state(state).step(Event::Asked(Verb::Reload));
        assert_eq!(effects, [Effect::Replace]);
        let (life, effects) = life.step(Event::NotReplaced(of("SyntaxError")));
        assert_eq!((life.state(), life.error(), effects.len()), (state, Some(&of("SyntaxError")), 0));
        let (life, _) = life.step(Event::Replaced);
        assert_eq!((life.state(), life.error()), (state, None));
    }
}

#[test]
fn what_ends_by_itself_is_tried_again_so_often_and_no_more_until_somebody_asks() {
    let again = |life: Life, event: Event| {
        let (life, effects) = life.step(event);
        assert_eq!(effects[0], Effect::Load);
        let (life, _) = life.step(Event::Loaded);
        life.step(Event::Settled).0
    };
    let end = |life: Life| life.step(Event::Ended { why: of("signal: 11"), has_stood: false });
    let mut life = in_state(State::Disabled);
    for attempt in 1..=MAX_RETRIES {
        let (failed, effects) = end(life);
        assert_eq!((failed.state(), failed.error()), (State::Failed, Some(&of("signal: 11"))));
        let told = Effect::Tell { from: State::Disabled, to: State::Failed };
        assert_eq!(effects, [Effect::End, Effect::Retry { attempt }, told]);
        life = again(failed, Event::Retried);
        assert_eq!(life.state(), State::Disabled, "what was said of it holds");
    }
    let (failed, effects) = end(life);
    assert_eq!(effects, [Effect::End, Effect::Tell { from: State::Disabled, to: State::Failed }]);
    // A discovery is somebody who asks.
    let life = again(failed, Event::Admitted);
    assert_eq!(end(life).1[1], Effect::Retry { attempt: 1 });
}

/// One end in a month is no reason to give a plugin up.
#[test]
fn what_has_run_for_long_is_tried_again_as_one_that_never_ended() {
    let mut life = in_state(State::Enabled);
    for (has_stood, attempt) in [(false, 1), (false, 2), (false, 3), (true, 1), (false, 2), (true, 1), (true, 1)] {
        let (failed, effects) = life.step(Event::Ended { why: of("signal: 9"), has_stood });
        assert_eq!(effects[1], Effect::Retry { attempt });
        life = failed.step(Event::Retried).0.step(Event::Loaded).0.step(Event::Settled).0;
    }
    // So it is with one that an operator has loaded anew.
    let (life, _) = life.step(Event::Replaced);
    assert_eq!(life.step(Event::Ended { why: of("signal: 9"), has_stood: false }).1[1], Effect::Retry { attempt: 1 });
}

/// Nobody is told `allow` as long as it is not there, so nothing is given up.
#[test]
fn what_is_awaited_is_tried_again_whatever_each_time_came_to() {
    let (mut life, _) = Life::begin(Switch::On).step(Event::Admitted);
    for attempt in (1..=u8::MAX).chain([u8::MAX; 3]) {
        let why = of(&attempt.to_string());
        // What a try came to: it is loaded and ends, cannot be loaded, or would not be admitted, or it is not there.
        let event = match attempt % 4 {
            0 => {
                life = life.step(Event::Loaded).0.step(Event::Settled).0;
                Event::Ended { why: why.clone(), has_stood: false }
            }
            1 => {
                life = life.step(Event::Loaded).0.step(Event::Settled).0;
                Event::NotStarted(why.clone())
            }
            2 => Event::NotLoaded(why.clone()),
            _ => Event::Refused(why.clone()),
        };
        let (failed, effects) = life.awaited(true).step(event);
        assert_eq!((failed.state(), failed.error()), (State::Failed, Some(&why)));
        assert!(effects.contains(&Effect::Retry { attempt }), "{attempt}: {effects:?}");
        // Refused, it waits where it is for the next time.
        assert!(
            failed.clone().step(Event::Refused(why.clone())).1.iter().any(|one| matches!(one, Effect::Retry { .. }))
        );
        life = failed.step(Event::Retried).0;
    }
    // Nobody awaits what an operator has taken out.
    let (gone, effects) = life.step(Event::LetGo);
    assert_eq!(gone.state(), State::Unloaded);
    assert!(!effects.iter().any(|one| matches!(one, Effect::Retry { .. })));
    assert_eq!(gone.awaited(false).step(Event::Refused(of("late"))).1.len(), 1, "it is told, and no more");
}

/// Whoever calls it has been told why, so it is not tried again before somebody asks.
#[test]
fn what_cannot_be_started_has_failed_until_the_next_discovery() {
    for state in [State::Enabled, State::Disabled] {
        let (failed, effects) = in_state(state).step(Event::NotStarted(of("SyntaxError")));
        assert_eq!((failed.state(), failed.error()), (State::Failed, Some(&of("SyntaxError"))));
        assert_eq!(effects, [Effect::End, Effect::Tell { from: state, to: State::Failed }]);
        assert_eq!(failed.step(Event::Admitted).1[0], Effect::Load);
    }
    for state in [State::Discovered, State::Unloaded, State::Failed] {
        let before = in_state(state);
        assert_eq!(before.clone().step(Event::NotStarted(of("late"))), (before, vec![]), "{state}");
    }
}

/// What is missed is let go of where it has failed as well, and what is in memory is unloaded by asking for that.
#[test]
fn what_is_not_in_memory_is_let_go_of_by_an_operator() {
    let (life, effects) = in_state(State::Failed).step(Event::LetGo);
    assert_eq!((life.state(), life.error()), (State::Unloaded, None));
    assert_eq!(effects, [Effect::End, Effect::Tell { from: State::Failed, to: State::Unloaded }]);
    // Whoever was loading it meanwhile lets it go.
    assert_eq!(in_state(State::Discovered).step(Event::LetGo).0.step(Event::Loaded).1, [Effect::End]);
    for state in [State::Loaded, State::Enabled, State::Disabled] {
        assert_eq!(in_state(state).step(Event::LetGo), (in_state(state), vec![]), "{state}");
    }
}

/// What is loaded when nobody waits for it any more is let go.
#[test]
fn a_late_load_leaves_nothing_behind() {
    for state in [State::Failed, State::Unloaded] {
        let (life, effects) = in_state(state).step(Event::Loaded);
        assert_eq!((life.state(), effects), (state, vec![Effect::End]));
    }
}
