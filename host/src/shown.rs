//! `Shown`: every plugin as an operator sees it, made once for as long as nothing of it changes.
//!
//! What is shown follows from a few values of each plugin. They are kept beside what was made of them, and compared the next
//! time: so nothing that changes a plugin has to say so, and nothing can be forgotten.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_pipeline::documents::HostedPlugin;
use bytes::Bytes;
use jiff::Timestamp;

use crate::about::About;
use crate::found::reason_of;
use crate::held::{Held, Now, locked};
use crate::lifecycle::{Life, State, Switch};
use crate::standing::OnDisk;

/// All that what is shown of a plugin follows from.
#[derive(Debug)]
pub(crate) struct Looks {
    about: About,
    life: Life,
    no_longer_admitted: Option<Arc<Fault>>,
    on_disk: Option<OnDisk>,
    loaded_at: Option<Timestamp>,
    is_registered: bool,
}

impl Looks {
    pub(crate) fn of(now: &Now) -> Self {
        Self {
            about: now.about.clone(),
            life: now.life.clone(),
            no_longer_admitted: now.no_longer_admitted.clone(),
            on_disk: now.on_disk,
            loaded_at: now.loaded_at,
            is_registered: now.hooks.is_some(),
        }
    }

    /// Whether it looks like that still. What is kept here is alive, so nothing else can be where it is.
    fn is_still(&self, now: &Now) -> bool {
        let Self { about, life, no_longer_admitted, on_disk, loaded_at, is_registered } = self;
        let is_same_fault = match (no_longer_admitted, &now.no_longer_admitted) {
            (None, None) => true,
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, Some(_)) | (Some(_), None) => false,
        };
        about.is(&now.about)
            && *life == now.life
            && is_same_fault
            && (*on_disk, *loaded_at, *is_registered) == (now.on_disk, now.loaded_at, now.hooks.is_some())
    }

    /// What is wrong with it: what it has failed of, else why it would not be admitted any more.
    fn reason(&self) -> Option<Reason> {
        let failed = self.life.error().map(|failure| failure.reason);
        failed.or_else(|| self.no_longer_admitted.as_deref().map(Fault::reason))
    }

    /// As an operator sees it, of a host that quarantines what is admitted no more, or does not.
    pub(crate) fn shown(&self, quarantines: bool) -> HostedPlugin {
        let (state, is_in_memory) = (self.life.state(), self.life.state().is_in_memory());
        let no_longer_admitted = self.no_longer_admitted.as_deref().map(reason_of);
        HostedPlugin {
            state: state.as_str(),
            error: self.life.error().map(|failure| failure.words.clone()),
            reason_code: self.reason().map(Reason::as_str),
            enabled: is_in_memory && self.life.switch() == Switch::On,
            quarantined: no_longer_admitted.is_some() && quarantines,
            no_longer_admitted,
            on_disk: self.on_disk.filter(|_| is_in_memory).map(OnDisk::as_str),
            loaded_at: self.loaded_at.filter(|_| is_in_memory).map(|at| at.as_duration().as_secs_f64()),
            ..self.about.shown()
        }
    }
}

/// Every plugin, in the order of the ids. What is shown of each is made when it is asked for: of ten thousand a second copy
/// would be as large as the first.
#[derive(Debug)]
pub(crate) struct Shown {
    looks: Vec<Looks>,
    quarantines: bool,
    /// As they are shown, where somebody has asked for that.
    list: Mutex<Option<List>>,
}

/// All of them as they are shown, in JSON, which has no value that could not be written as such.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) body: Bytes,
    /// What that is known by.
    pub(crate) digest: Arc<str>,
    asked_at: Instant,
}

impl Shown {
    pub(crate) fn of(looks: Vec<Looks>, quarantines: bool) -> Self {
        Self { looks, quarantines, list: Mutex::default() }
    }

    /// The list of all, made for the first one who asks for it.
    pub(crate) fn list(&self) -> List {
        let mut list = locked(&self.list);
        let made = list.get_or_insert_with(|| List::of(&self.looks, self.quarantines));
        made.asked_at = Instant::now();
        made.clone()
    }

    /// Lets go of a list that nobody has asked for that long: of ten thousand plugins it is megabytes, and soon made.
    pub(crate) fn forget_list(&self, unasked: Duration) {
        let _old = locked(&self.list).take_if(|list| list.asked_at.elapsed() >= unasked);
    }

    /// All of them, one after the other.
    pub(crate) fn plugins(&self) -> impl Iterator<Item = HostedPlugin> {
        self.looks.iter().map(|looks| looks.shown(self.quarantines))
    }

    /// Those states, one for each plugin.
    pub(crate) fn states(&self) -> impl Iterator<Item = State> {
        self.looks.iter().map(|looks| looks.life.state())
    }

    /// The one that an operator means by the id; of several, the one that is in memory, else the one that is registered, else the
    /// first.
    pub(crate) fn plugin(&self, id: &str) -> Option<HostedPlugin> {
        let begin = self.looks.partition_point(|looks| looks.about.id() < id);
        let mut named = self.looks[begin..].iter().take_while(|looks| looks.about.id() == id);
        let first = named.clone().next();
        let registered = named.clone().find(|looks| looks.is_registered);
        let in_memory = named.find(|looks| looks.life.state().is_in_memory());
        in_memory.or(registered).or(first).map(|looks| looks.shown(self.quarantines))
    }

    /// Whether those plugins still look like that.
    pub(crate) fn is_still(&self, held: &[Arc<Held>]) -> bool {
        let pairs = || held.iter().zip(&self.looks);
        held.len() == self.looks.len() && pairs().all(|(held, looks)| looks.is_still(&locked(&held.now)))
    }
}

impl List {
    fn of(looks: &[Looks], quarantines: bool) -> Self {
        // Room is made once: what grows leaves as much behind as it has become.
        let mut length = Length(0);
        let _ = write(looks, quarantines, &mut length);
        let mut body = Vec::with_capacity(length.0);
        let _ = write(looks, quarantines, &mut body);
        let digest = Digest::of(&body).to_string().into();
        Self { body: body.into(), digest, asked_at: Instant::now() }
    }
}

/// A list of them, in JSON.
fn write(looks: &[Looks], quarantines: bool, mut to: impl Write) -> io::Result<()> {
    to.write_all(b"[")?;
    for (index, looks) in looks.iter().enumerate() {
        if index > 0 {
            to.write_all(b",")?;
        }
        serde_json::to_writer(&mut to, &looks.shown(quarantines))?;
    }
    to.write_all(b"]")
}

/// How long what is written is.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_for_those_who_ask_for_it_and_no_longer() {
        let shown = Shown::of(Vec::new(), false);
        let made = shown.list();
        assert_eq!((&made.body[..], made.digest), (&b"[]"[..], Digest::of(b"[]").to_string().into()));
        shown.forget_list(Duration::from_secs(60));
        assert!(locked(&shown.list).is_some());
        // The same bytes, and not others like them.
        assert_eq!(shown.list().body.as_ptr(), made.body.as_ptr());
        shown.forget_list(Duration::ZERO);
        assert!(locked(&shown.list).is_none());
        assert_eq!(shown.list().body, made.body);
    }
}
