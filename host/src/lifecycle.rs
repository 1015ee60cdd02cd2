//! `Life`: what a host does with one plugin now, and what it does next.
//!
//! ```text
//!                  ┌──────── enable ────────┐
//! Discovered ─▶ Loaded ─▶ Enabled ⇄ Disabled ─▶ Unloaded ─▶ Discovered
//!      │                     └──── ended ────┘
//!      └─▶ Failed ─▶ Discovered
//! ```
//!
//! A step is a function of a life and an event, and does nothing: whatever has to be done is an [`Effect`], which the
//! driver carries out. What an operator asks for in a state that does not allow it is an effect as well, and no step.

use std::fmt;

use aisoc_manifests::fault::{Fault, Reason};

use crate::found::reason_of;

/// How often a plugin that ends by itself is loaded again before somebody has to ask for it; one that is awaited, for ever.
pub const MAX_RETRIES: u8 = 3;

/// In which of six states a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It was found, and nothing of it runs.
    Discovered,
    /// It is in memory, and nobody has said yet whether it takes calls.
    Loaded,
    /// It takes calls.
    Enabled,
    /// It is in memory, and takes no calls.
    Disabled,
    /// It was in memory; its files are where they were.
    Unloaded,
    /// It was refused, could not be loaded, or has ended.
    Failed,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Discovered, Self::Loaded, Self::Enabled, Self::Disabled, Self::Unloaded, Self::Failed];

    /// The state in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovered => "discovered",
            Self::Loaded => "loaded",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Unloaded => "unloaded",
            Self::Failed => "failed",
        }
    }

    /// Whether the plugin is in memory.
    pub const fn is_in_memory(self) -> bool {
        matches!(self, Self::Loaded | Self::Enabled | Self::Disabled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an operator has said of a plugin. It holds across reloads, discoveries and restarts, whatever becomes of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Switch {
    /// It takes calls once it is in memory.
    #[default]
    On,
    /// It takes none.
    Off,
}

impl Switch {
    const fn state(self) -> State {
        match self {
            Self::On => State::Enabled,
            Self::Off => State::Disabled,
        }
    }
}

/// What an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// That it takes calls.
    Enable,
    /// That it takes none.
    Disable,
    /// That what is on the disk takes the place of what is in memory.
    Reload,
    /// A call.
    Run,
    /// That it is in memory no more.
    Unload,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Enable, Self::Disable, Self::Reload, Self::Run, Self::Unload];
}

/// What is wrong with a plugin: by its reason code, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    pub reason: Reason,
    /// For people.
    pub words: String,
}

impl Failure {
    /// Of that reason, in those words.
    pub fn new(reason: Reason, words: impl Into<String>) -> Self {
        Self { reason, words: words.into() }
    }
}

impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Self {
        Self::new(fault.reason(), reason_of(fault))
    }
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A discovery has found it, and every gate lets it pass.
    Admitted,
    /// It has ended and is to be tried again, and every gate lets it pass.
    Retried,
    /// A discovery has found it, and it is refused, for this reason.
    Refused(Failure),
    /// [`Effect::Load`] was carried out.
    Loaded,
    /// [`Effect::Load`] has failed, for this reason.
    NotLoaded(Failure),
    /// Whether it takes calls is asked of its switch: [`Effect::Settle`].
    Settled,
    /// [`Effect::Replace`] was carried out.
    Replaced,
    /// [`Effect::Replace`] has failed, for this reason, and what was in memory is there still.
    NotReplaced(Failure),
    /// It has ended by itself.
    Ended {
        /// Why.
        why: Failure,
        /// Whether it had run for so long that the times before are another story.
        has_stood: bool,
    },
    /// It has no process, and could not be given one, for this reason.
    NotStarted(Failure),
    /// Nobody is to miss it any more, of a plugin that is not in memory and is missed: an operator unloads it.
    LetGo,
    /// Somebody asks for something.
    Asked(Verb),
}

/// What is to be done. Those of one step are carried out in their order; where one fails the step was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Load it, and say [`Event::Loaded`] or [`Event::NotLoaded`].
    Load,
    /// Say [`Event::Settled`].
    Settle,
    /// Load what is on the disk beside what is in memory, let it take that one's place, and say [`Event::Replaced`] or
    /// [`Event::NotReplaced`].
    Replace,
    /// Let it go: calls that have begun end in it.
    End,
    /// After a while, have it judged again and say [`Event::Retried`] or [`Event::Refused`].
    Retry {
        /// The how manieth time this is, from 1.
        attempt: u8,
    },
    /// Write down what the operator has said.
    Remember(Switch),
    /// Call it.
    Call,
    /// Say that what was asked for is nothing for this state.
    Refuse(State),
    /// Say that it went from one state to another.
    Tell {
        /// The state before.
        from: State,
        /// The state after.
        to: State,
    },
}

/// A plugin's state, its switch, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    state: State,
    switch: Switch,
    error: Option<Failure>,
    /// How often it was tried again since somebody asked for it, or it had run for long.
    retries: u8,
    /// Whether somebody is told that it is not there until it is: then it is tried again until it is.
    is_awaited: bool,
}

impl Life {
    /// Of a plugin that is seen for the first time since the host began, with what was said of it before.
    pub const fn begin(switch: Switch) -> Self {
        Self { state: State::Discovered, switch, error: None, retries: 0, is_awaited: false }
    }

    /// The same, of one that is awaited, or is not.
    #[must_use]
    pub fn awaited(self, is_awaited: bool) -> Self {
        Self { is_awaited, ..self }
    }

    /// The same, with what an operator has said of it by now: that is said of an id, wherever the plugin is.
    #[must_use]
    pub fn switched_as(self, switch: Switch) -> Self {
        Self { switch, ..self }
    }

    /// Its state.
    pub const fn state(&self) -> State {
        self.state
    }

    /// What an operator has said of it.
    pub const fn switch(&self) -> Switch {
        self.switch
    }

    /// Why it has failed, or why a reload of what is in memory has.
    pub const fn error(&self) -> Option<&Failure> {
        self.error.as_ref()
    }

    /// What becomes of it, and what is to be done for that.
    #[must_use = "what is to be done is not done yet"]
    pub fn step(self, event: Event) -> (Self, Vec<Effect>) {
        let from = self.state;
        let (life, mut effects) = match event {
            Event::Asked(verb) => self.asked(verb),
            event => self.happened(event),
        };
        if life.state != from {
            effects.push(Effect::Tell { from, to: life.state });
        }
        (life, effects)
    }

    fn happened(self, event: Event) -> (Self, Vec<Effect>) {
        let (state, is_in_memory) = (self.state, self.state.is_in_memory());
        match event {
            // What is in memory is its operator's: a discovery changes nothing of it.
            Event::Admitted | Event::Refused(_) if is_in_memory => self.stays(),
            Event::Admitted => (Self { retries: 0, ..self.in_state(State::Discovered) }, vec![Effect::Load]),
            Event::Retried if state == State::Failed => (self.in_state(State::Discovered), vec![Effect::Load]),
            Event::Refused(why) => self.refused(why, Vec::new()),
            Event::Loaded if state == State::Discovered => (self.in_state(State::Loaded), vec![Effect::Settle]),
            // Nobody waits for it any more.
            Event::Loaded if !is_in_memory => (self, vec![Effect::End]),
            Event::NotLoaded(why) if state == State::Discovered => self.refused(why, Vec::new()),
            Event::Settled if state == State::Loaded => {
                let to = self.switch.state();
                (self.in_state(to), Vec::new())
            }
            Event::Replaced if is_in_memory => (Self { error: None, retries: 0, ..self }, Vec::new()),
            Event::NotReplaced(why) if is_in_memory => (Self { error: Some(why), ..self }, Vec::new()),
            Event::Ended { why, has_stood } if is_in_memory => {
                let retries = if has_stood { 0 } else { self.retries };
                Self { retries, ..self }.ended(why)
            }
            Event::NotStarted(why) if is_in_memory => self.refused(why, vec![Effect::End]),
            Event::LetGo if !is_in_memory => (self.in_state(State::Unloaded), vec![Effect::End]),
            Event::Retried
            | Event::Loaded
            | Event::NotLoaded(_)
            | Event::Settled
            | Event::Replaced
            | Event::NotReplaced(_)
            | Event::Ended { .. }
            | Event::NotStarted(_)
            | Event::LetGo
            | Event::Asked(_) => self.stays(),
        }
    }

    fn asked(self, verb: Verb) -> (Self, Vec<Effect>) {
        let state = self.state;
        match (verb, state) {
            (_, State::Discovered | State::Unloaded | State::Failed) => (self, vec![Effect::Refuse(state)]),
            (Verb::Enable, _) => self.switched(Switch::On),
            (Verb::Disable, _) => self.switched(Switch::Off),
            (Verb::Reload, _) => (self, vec![Effect::Replace]),
            (Verb::Unload, _) => (self.in_state(State::Unloaded), vec![Effect::End]),
            (Verb::Run, State::Enabled) => (self, vec![Effect::Call]),
            (Verb::Run, State::Loaded | State::Disabled) => (self, vec![Effect::Refuse(state)]),
        }
    }

    fn switched(self, switch: Switch) -> (Self, Vec<Effect>) {
        let effects = if self.switch == switch { Vec::new() } else { vec![Effect::Remember(switch)] };
        (Self { state: switch.state(), switch, ..self }, effects)
    }

    fn ended(self, why: Failure) -> (Self, Vec<Effect>) {
        let is_given_up = self.retries >= MAX_RETRIES && !self.is_awaited;
        if is_given_up { (self.failed(why), vec![Effect::End]) } else { self.again(why, vec![Effect::End]) }
    }

    /// Nobody tries it again before somebody asks, unless it is awaited.
    fn refused(self, why: Failure, effects: Vec<Effect>) -> (Self, Vec<Effect>) {
        if self.is_awaited { self.again(why, effects) } else { (self.failed(why), effects) }
    }

    fn again(self, why: Failure, mut effects: Vec<Effect>) -> (Self, Vec<Effect>) {
        let attempt = self.retries.saturating_add(1);
        effects.push(Effect::Retry { attempt });
        (Self { retries: attempt, ..self.failed(why) }, effects)
    }

    fn in_state(self, state: State) -> Self {
        Self { state, error: None, ..self }
    }

    fn failed(self, why: Failure) -> Self {
        Self { state: State::Failed, error: Some(why), ..self }
    }

    fn stays(self) -> (Self, Vec<Effect>) {
        (self, Vec::new())
    }
}
