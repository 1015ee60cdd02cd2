//! `Plan`: the steps of a rotation, in order, each with its state.

use aisoc_manifests::counted;
use aisoc_signing::{KeyPlace, SignatureKind, Wider};
use jiff::Timestamp;

use super::asked::Rotation;
use super::keys::RotatedKeys;

/// A step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationStep {
    /// The new key is put beside the trusted ones.
    Stage,
    /// Its note names another owner.
    Annotate,
    /// It is trusted. Of one that is trusted already it is written down, where nobody has.
    Promote,
    /// Whatever depends on the old key alone is signed with the new one, which its publishers do.
    Resign,
    /// The old key is not trusted any more.
    Retire,
    /// The old key is revoked.
    Revoke,
}

impl RotationStep {
    /// The word in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Annotate => "annotate",
            Self::Promote => "promote",
            Self::Resign => "resign",
            Self::Retire => "retire",
            Self::Revoke => "revoke",
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Nothing is left of it.
    Done,
    /// This run takes it.
    Due,
    /// Something else has to happen first, or time has to pass.
    Waiting,
    /// A step before it comes first.
    Later,
}

impl StepState {
    /// The word in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Due => "due",
            Self::Waiting => "waiting",
            Self::Later => "later",
        }
    }
}

/// A step, how far it is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// The step.
    pub step: RotationStep,
    /// How far it is.
    pub state: StepState,
    /// What it waits for, or what there is to say of it.
    pub why: Option<String>,
    /// Until when it waits at least.
    pub until: Option<Timestamp>,
}

/// How many would be lost with the old key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needed {
    /// Those that depend on it alone.
    pub lost_count: usize,
    /// Those that keys go on vouching for which no list of publishers names.
    pub unlisted_count: usize,
    /// Of what nobody can tell.
    pub unknown_count: usize,
}

/// The steps of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<PlannedStep>,
    /// Since when the new key counts, as far as that is written down.
    pub counts_since: Option<Timestamp>,
    /// When the old key is retired at the earliest; nothing where it is not trusted any more.
    pub retires_at: Option<Timestamp>,
}

impl Plan {
    /// Of where the keys stand, since when the new one is trusted, and what depends on the old one, if that was asked.
    pub fn of(
        rotation: &Rotation,
        keys: &RotatedKeys,
        since: Option<Timestamp>,
        needed: Option<Needed>,
        at: Timestamp,
    ) -> Self {
        let since = since.filter(|_| keys.new == Some(KeyPlace::Trusted));
        let begins = since.unwrap_or(at).max(keys.counts_from.unwrap_or(Timestamp::MIN));
        let planning = Planning { rotation, keys, since, needed, at, over_at: rotation.overlap.end(begins) };
        Self {
            steps: planning.steps(),
            counts_since: since,
            retires_at: keys.old_is_trusted().then_some(planning.over_at),
        }
    }

    /// The first step that is to be taken now.
    pub fn due(&self) -> Option<RotationStep> {
        self.steps.iter().find(|step| step.state == StepState::Due).map(|step| step.step)
    }

    /// Whether nothing is left to do.
    pub fn is_finished(&self) -> bool {
        self.steps.iter().all(|step| step.state == StepState::Done)
    }
}

struct Planning<'a> {
    rotation: &'a Rotation,
    keys: &'a RotatedKeys,
    since: Option<Timestamp>,
    needed: Option<Needed>,
    at: Timestamp,
    /// When the overlap is over.
    over_at: Timestamp,
}

impl Planning<'_> {
    fn steps(&self) -> Vec<PlannedStep> {
        let (resign, revoke) = (self.resign(), self.rotation.revokes.then(|| self.revoke()));
        let first = [Some(self.stage()), self.annotate(), Some(self.promote())];
        let last = [Some(resign), Some(self.retire()), revoke];
        first.into_iter().chain(last).flatten().collect()
    }

    fn stage(&self) -> PlannedStep {
        match self.keys.new {
            None => step(RotationStep::Stage, StepState::Due),
            Some(_) => step(RotationStep::Stage, StepState::Done),
        }
    }

    /// A key that comes brings its owner with it.
    fn annotate(&self) -> Option<PlannedStep> {
        let owner = self.rotation.owner.as_ref().filter(|_| self.keys.new.is_some())?;
        let is_noted = self.keys.owner.as_ref() == Some(owner);
        (!is_noted).then(|| step(RotationStep::Annotate, StepState::Due).because(format!("its owner is to be {owner}")))
    }

    fn promote(&self) -> PlannedStep {
        let promote = |state| step(RotationStep::Promote, state);
        let (state, why) = match (self.keys.new, self.since) {
            (Some(KeyPlace::Trusted), Some(since)) => (StepState::Done, format!("trusted since {since:.0}")),
            (Some(KeyPlace::Trusted), None) => {
                let why = "it is trusted, and nobody has written down since when: the overlap begins now";
                (StepState::Due, why.to_owned())
            }
            _ => return promote(StepState::Due),
        };
        promote(state).because(std::iter::once(why).chain(self.wider()).collect::<Vec<_>>().join("; "))
    }

    /// What somebody lets the new key do that the old one may not: a rotation takes nothing from it.
    fn wider(&self) -> Option<String> {
        let Wider { member, own, other } = self.keys.wider.as_ref()?;
        Some(format!("it may do more than the old key: {member} is {own}, and was {other}"))
    }

    fn resign(&self) -> PlannedStep {
        let resign = |state| step(RotationStep::Resign, state);
        let waits = match (self.keys.old_is_trusted(), self.needed) {
            (false, _) => return resign(StepState::Done),
            (true, None) => return resign(StepState::Later),
            (true, Some(needed)) => needed.words(),
        };
        match (waits.is_empty(), self.keys.counts_from) {
            (true, None) => resign(StepState::Done).because("nothing depends on the old key alone".to_owned()),
            (true, Some(from)) => {
                resign(StepState::Waiting).because("the new key does not count yet".to_owned()).until(from)
            }
            (false, from) => PlannedStep { until: from, ..resign(StepState::Waiting).because(waits.join("; ")) },
        }
    }

    fn retire(&self) -> PlannedStep {
        let retire = |state| step(RotationStep::Retire, state);
        if !self.keys.old_is_trusted() {
            return retire(StepState::Done);
        }
        let (is_over, is_signed) = (self.at >= self.over_at, self.resign().state == StepState::Done);
        let waits = [
            (!is_over).then(|| format!("the overlap of {} is not over", self.rotation.overlap)),
            (!is_signed).then(|| self.needed_first().to_owned()),
            self.keys.misses.map(|kind| match kind {
                SignatureKind::Plugin => "no other key that signs plugins counts".to_owned(),
                kind => format!("too few other keys count that may sign `{kind}`"),
            }),
        ];
        let waits: Vec<String> = waits.into_iter().flatten().collect();
        match waits.is_empty() {
            true => retire(StepState::Due),
            false => PlannedStep {
                until: (!is_over).then_some(self.over_at),
                ..retire(StepState::Waiting).because(waits.join("; "))
            },
        }
    }

    /// What has to be done before the old key goes.
    fn needed_first(&self) -> &'static str {
        match self.needed {
            Some(Needed { lost_count: 0, unknown_count: 0, unlisted_count: 1.. }) => {
                "a list of publishers that names the keys which stay comes first"
            }
            _ => "what depends on the old key alone comes first",
        }
    }

    fn revoke(&self) -> PlannedStep {
        match (self.keys.old, self.retire().state) {
            (KeyPlace::Revoked, _) => step(RotationStep::Revoke, StepState::Done),
            (_, StepState::Done | StepState::Due) => step(RotationStep::Revoke, StepState::Due),
            _ => step(RotationStep::Revoke, StepState::Later),
        }
    }
}

impl Needed {
    /// What there is to wait for.
    fn words(self) -> Vec<String> {
        let lost = (self.lost_count > 0).then(|| match self.lost_count {
            1 => "1 depends on the old key alone".to_owned(),
            count => format!("{count} depend on the old key alone"),
        });
        let unlisted = (self.unlisted_count > 0).then(|| {
            let counted = counted(self.unlisted_count as u64, "plugin");
            format!("{counted} signed by keys that stay, which no list of publishers names")
        });
        let unknown = (self.unknown_count > 0)
            .then(|| format!("nobody can tell of {}", counted(self.unknown_count as u64, "plugin")));
        [lost, unlisted, unknown].into_iter().flatten().collect()
    }
}

fn step(step: RotationStep, state: StepState) -> PlannedStep {
    PlannedStep { step, state, why: None, until: None }
}

impl PlannedStep {
    fn because(self, why: String) -> Self {
        Self { why: Some(why), ..self }
    }

    fn until(self, until: Timestamp) -> Self {
        Self { until: Some(until), ..self }
    }
}
