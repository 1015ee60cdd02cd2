//! `Places`: how many calls of plugins go on at a time, and how many of those are of one plugin or of one token; and how many
//! hooks are fired at a time, of which some are the same hook, or fired by one token.
//!
//! A call that finds none of its plugin's places free, or of its token's, waits for one without taking anybody else's: neither
//! does a plugin that does not answer keep others from being called, nor a token from calling. So it is at hooks.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aisoc_context::{Caller, CallerKind};
use tokio::sync::Notify;

/// Most calls of plugins at a time, each on a thread of its own. Fewer than there are connections, so that whoever wants to
/// take a plugin away that does not answer finds one.
pub(super) const MAX_CALLING: usize = 208;
/// Most of them of one plugin.
const MAX_CALLING_ONE: usize = MAX_CALLING / 4;
/// Most of them of one token.
const MAX_CALLING_BY_ONE: usize = MAX_CALLING / 2;
/// Most calls of one plugin, or of one token, that wait for such a place.
const MAX_WAITING: usize = MAX_CALLING - MAX_CALLING_ONE;
/// Most hooks that are fired at a time, beside the calls: whoever may call plugins takes no guard's place.
pub(super) const MAX_FIRING: usize = 64;
/// Most of them at one hook.
const MAX_FIRING_ONE: usize = MAX_FIRING / 4;
/// Most of them by one token.
const MAX_FIRING_BY_ONE: usize = MAX_FIRING / 2;
/// Most of one hook, or by one token, that wait for such a place.
const MAX_FIRING_WAITING: usize = MAX_FIRING - MAX_FIRING_ONE;
/// How long a call waits for one: as long as a call may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon it is noticed that the host is going to end.
const STEP: Duration = Duration::from_millis(100);

/// How many places there are.
#[derive(Debug)]
struct Most {
    all: usize,
    of_one: usize,
    by_one: usize,
    waiting: usize,
    /// Of what one is one, for whoever finds none.
    one: &'static str,
}

const OF_CALLS: Most = Most {
    all: MAX_CALLING,
    of_one: MAX_CALLING_ONE,
    by_one: MAX_CALLING_BY_ONE,
    waiting: MAX_WAITING,
    one: "of this plugin",
};

const OF_HOOKS: Most = Most {
    all: MAX_FIRING,
    of_one: MAX_FIRING_ONE,
    by_one: MAX_FIRING_BY_ONE,
    waiting: MAX_FIRING_WAITING,
    one: "at this hook",
};

/// The places of calls, or of hooks that are fired.
#[derive(Debug)]
pub(super) struct Places {
    most: Most,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Of each plugin, or hook.
    ones: HashMap<String, Share>,
    tokens: HashMap<String, Share>,
}

/// What one plugin, or one token, has of the places.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    begun: usize,
    waiting: usize,
}

/// Whose share a call takes.
#[derive(Debug, Clone)]
struct Whose {
    one: String,
    /// None where there is no login: everybody is one then.
    token: Option<String>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// Every one is taken.
    All,
    /// Those of the plugin, or of the hook, are, and as many calls wait for one as may.
    OfOne(&'static str),
    /// The same, of the token.
    OfToken,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    whose: Whose,
}

/// A call that waits for one, until it is dropped.
struct Waiter<'a> {
    places: &'a Places,
    whose: &'a Whose,
}

impl Places {
    pub(super) fn of_calls() -> Self {
        Self::of(OF_CALLS)
    }

    pub(super) fn of_hooks() -> Self {
        Self::of(OF_HOOKS)
    }

    fn of(most: Most) -> Self {
        Self { most, taken: Mutex::default(), freed: Notify::default() }
    }

    /// A place for a call of a plugin, or at a hook, once there is one, unless the host `is_over` before.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn take(
        self: &Arc<Self>,
        one: &str,
        caller: &Caller,
        is_over: impl Fn() -> bool,
    ) -> Result<Place, NoPlace> {
        let token = match caller.kind {
            CallerKind::Token | CallerKind::Subject => Some(format!("{} {}", caller.kind.as_str(), caller.name)),
            CallerKind::Development | CallerKind::Host => None,
        };
        let whose = Whose { one: one.to_owned(), token };
        let wanting = match self.now().begin(&whose, &self.most) {
            Ok(()) => return Ok(self.place(whose)),
            Err(NoPlace::All) => return Err(NoPlace::All),
            Err(wanting) => wanting,
        };
        let _waiter = self.wait(&whose)?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && !is_over() {
            let freed = self.freed.notified();
            if self.now().begin(&whose, &self.most).is_ok() {
                return Ok(self.place(whose.clone()));
            }
            let _ = tokio::time::timeout(STEP, freed).await;
        }
        Err(wanting)
    }

    fn place(self: &Arc<Self>, whose: Whose) -> Place {
        Place { places: Arc::clone(self), whose }
    }

    /// One more that waits.
    fn wait<'a>(&'a self, whose: &'a Whose) -> Result<Waiter<'a>, NoPlace> {
        let mut now = self.now();
        now.may_wait(whose, &self.most)?;
        now.shares_of(whose, |share| share.waiting += 1);
        Ok(Waiter { places: self, whose })
    }

    fn now(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Takes a place, and of both shares, or of none.
    fn begin(&mut self, whose: &Whose, most: &Most) -> Result<(), NoPlace> {
        if self.all >= most.all {
            return Err(NoPlace::All);
        }
        let (one, token) = self.of(whose);
        if one.begun >= most.of_one {
            return Err(NoPlace::OfOne(most.one));
        }
        if token.begun >= most.by_one {
            return Err(NoPlace::OfToken);
        }
        self.all += 1;
        self.shares_of(whose, |share| share.begun += 1);
        Ok(())
    }

    fn may_wait(&self, whose: &Whose, most: &Most) -> Result<(), NoPlace> {
        let (one, token) = self.of(whose);
        match (one.waiting < most.waiting, token.waiting < most.waiting) {
            (true, true) => Ok(()),
            (false, _) => Err(NoPlace::OfOne(most.one)),
            (_, false) => Err(NoPlace::OfToken),
        }
    }

    fn of(&self, whose: &Whose) -> (Share, Share) {
        let token = whose.token.as_ref().and_then(|token| self.tokens.get(token));
        (self.ones.get(&whose.one).copied().unwrap_or_default(), token.copied().unwrap_or_default())
    }

    /// Changes both, and forgets what has none.
    fn shares_of(&mut self, whose: &Whose, change: impl Fn(&mut Share)) {
        changed(&mut self.ones, &whose.one, &change);
        if let Some(token) = &whose.token {
            changed(&mut self.tokens, token, &change);
        }
    }
}

fn changed<K: Clone + Eq + Hash>(shares: &mut HashMap<K, Share>, of: &K, change: impl Fn(&mut Share)) {
    let share = shares.entry(of.clone()).or_default();
    change(share);
    if share.begun == 0 && share.waiting == 0 {
        shares.remove(of);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut now = self.places.now();
        now.all -= 1;
        now.shares_of(&self.whose, |share| share.begun -= 1);
        drop(now);
        self.places.freed.notify_waiters();
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.places.now().shares_of(self.whose, |share| share.waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(name: &str, kind: CallerKind) -> Caller {
        Caller { kind, name: name.to_owned(), tenant: None, request_id: None }
    }

    /// So many calls of a plugin as have begun.
    async fn begun(places: &Arc<Places>, plugin: &str, caller: &Caller, most: usize) -> Vec<Place> {
        let mut taken = Vec::new();
        for _ in 0..most {
            taken.push(places.take(plugin, caller, || true).await.expect("there is one"));
        }
        taken
    }

    #[tokio::test]
    async fn of_one_plugin_a_quarter_go_on_and_others_are_called() {
        let (places, anybody) = (Arc::new(Places::of_calls()), by("development", CallerKind::Development));
        let mut first = begun(&places, "slow", &anybody, MAX_CALLING / 4).await;
        // Who does not wait is refused.
        assert_eq!(places.take("slow", &anybody, || true).await.err(), Some(NoPlace::OfOne("of this plugin")));
        drop(begun(&places, "other", &anybody, 1).await);
        first.pop();
        first.extend(begun(&places, "slow", &anybody, 1).await);
        for other in ["one", "two", "three"] {
            first.extend(begun(&places, other, &anybody, MAX_CALLING / 4).await);
        }
        assert_eq!(first.len(), MAX_CALLING);
        assert_eq!(places.take("other", &anybody, || false).await.err(), Some(NoPlace::All));
        drop(first);
        assert!(places.now().ones.is_empty() && places.now().all == 0, "nothing is kept of what is over");
    }

    #[tokio::test]
    async fn by_one_token_a_half_go_on_and_by_others_as_well() {
        let places = Arc::new(Places::of_calls());
        for kind in [CallerKind::Token, CallerKind::Subject] {
            let (one, other) = (by("one", kind), by("other", kind));
            let mut first = begun(&places, "a", &one, MAX_CALLING / 4).await;
            first.extend(begun(&places, "b", &one, MAX_CALLING / 4).await);
            assert_eq!(places.take("c", &one, || true).await.err(), Some(NoPlace::OfToken));
            drop(begun(&places, "c", &other, 1).await);
            first.pop();
            first.extend(begun(&places, "c", &one, 1).await);
        }
        assert!(places.now().tokens.is_empty());
    }

    #[tokio::test]
    async fn so_many_wait_and_go_on_once_there_is_a_place() {
        let (places, anybody) = (Arc::new(Places::of_calls()), by("development", CallerKind::Development));
        let first = begun(&places, "slow", &anybody, MAX_CALLING_ONE).await;
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let (places, anybody) = (Arc::clone(&places), anybody.clone());
                tokio::spawn(async move { places.take("slow", &anybody, || false).await.map(drop) })
            })
            .collect();
        while places.now().ones["slow"].waiting < MAX_WAITING {
            tokio::task::yield_now().await;
        }
        assert_eq!(places.take("slow", &anybody, || false).await.err(), Some(NoPlace::OfOne("of this plugin")));
        assert!(!waiting.iter().any(tokio::task::JoinHandle::is_finished), "none has a place");
        drop(first);
        for one in waiting {
            one.await.expect("no panic").expect("a place");
        }
        assert!(places.now().ones.is_empty());
    }

    #[tokio::test]
    async fn at_one_hook_a_quarter_is_fired_and_at_others_as_well() {
        let (places, anybody) = (Arc::new(Places::of_hooks()), by("service", CallerKind::Token));
        let slow = begun(&places, "recall_filter", &anybody, MAX_FIRING / 4).await;
        assert_eq!(places.take("recall_filter", &anybody, || true).await.err(), Some(NoPlace::OfOne("at this hook")));
        let other = begun(&places, "pre_assert_authorize", &anybody, MAX_FIRING / 4).await;
        assert_eq!(places.take("audit_emit", &anybody, || true).await.err(), Some(NoPlace::OfToken));
        drop((slow, other));
        assert!(places.now().ones.is_empty() && places.now().all == 0);
    }
}
