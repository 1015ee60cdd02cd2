//! `Unreached`: hosts that could not be connected to, so that the next thing that is wanted of one is not waited for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_manifests::fault::Fault;

use crate::limits::MAX_UNREACHED_HOSTS;

/// The hosts that nobody could connect to, by all who share it. Of one that has answered, whatever it said, nothing is
/// in here: a refusal is of what was asked for. The default remembers nothing, for a process that lives on.
#[derive(Debug, Clone, Default)]
pub struct Unreached(Option<Arc<Mutex<BTreeMap<String, Fault>>>>);

impl Unreached {
    /// Remembers who was not reached, as long as it is kept.
    pub fn remembered() -> Self {
        Self(Some(Arc::default()))
    }

    /// Why that origin was not reached before, as it is said to whoever asks again.
    pub(crate) fn before(&self, origin: &str) -> Option<Fault> {
        let known = self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).get(origin).cloned()?;
        Some(known.about("not asked again, because it was not reached before"))
    }

    /// Notes that the origin was not reached, however often it was tried. What is one too many is asked each time.
    pub(crate) fn note(&self, origin: String, fault: &Fault) {
        let Some(known) = &self.0 else { return };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_UNREACHED_HOSTS {
            known.entry(origin).or_insert_with(|| fault.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::fault::Reason;

    use super::*;

    #[test]
    fn clones_know_of_each_other_and_only_so_many_hosts_are_kept() {
        let (unreached, fault) = (Unreached::remembered(), Fault::new(Reason::RegistryUnavailable, "down"));
        let other = unreached.clone();
        for number in 0..=MAX_UNREACHED_HOSTS {
            unreached.note(format!("https://{number}.test"), &fault);
        }
        let before = other.before("https://0.test").expect("noted");
        assert_eq!(
            (before.reason(), before.message()),
            (Reason::RegistryUnavailable, "not asked again, because it was not reached before: down",)
        );
        assert!(other.before("http://0.test").is_none(), "another port");
        assert!(other.before(&format!("https://{MAX_UNREACHED_HOSTS}.test")).is_none(), "one too many");
        let forgetful = Unreached::default();
        forgetful.note("https://0.test".to_owned(), &fault);
        assert!(forgetful.before("https://0.test").is_none());
    }
}
