//! `Places`: which journals a command is about.

use std::path::Path;

use aisoc_installation::Site;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_trust::journal::JournalPlace;
use clap::Args;

use crate::args::journal::{KeysJournalArgs, PluginsJournalArgs};
use crate::chosen_lock::ChosenLock;
use crate::context::Context;

/// What names journals.
pub(in crate::commands) trait Places: Args {
    /// The word that their commands stand below.
    const GROUP: &'static str;

    /// The journals, the oldest first. One that has no line yet is one.
    fn places(self, context: &Context) -> Result<Vec<JournalPlace>>;

    /// The lock that one of them answers for, and that journal.
    fn answers_for(&self, context: &Context) -> Result<Option<(ChosenLock, JournalPlace)>>;
}

impl Places for PluginsJournalArgs {
    const GROUP: &'static str = "plugins";

    fn answers_for(&self, context: &Context) -> Result<Option<(ChosenLock, JournalPlace)>> {
        let lock = context.plugins_lock(self.plugins_lock.clone())?;
        let place = context.site(self.plugins_dir.clone()).lock_journal(&lock.path)?;
        Ok(Some((lock, place)))
    }

    fn places(self, context: &Context) -> Result<Vec<JournalPlace>> {
        let site = context.site(self.plugins_dir);
        if let Some(lock) = self.plugins_lock {
            let place = site.lock_journal(&lock)?;
            // A lock that is new has a journal in which nothing stands yet.
            return match place.is_there()? || lock.symlink_metadata().is_ok() {
                true => Ok(vec![place]),
                false => Err(absent(&place.path())),
            };
        }
        let beside_lock = beside_found_lock(&site, context)?;
        if beside_lock.is_none() {
            require_directory(site.path())?;
        }
        Ok(site.journal()?.into_iter().chain(beside_lock).collect())
    }
}

/// The journal of the lock that every other command would go by, where there is one: whoever asks whether all is well
/// asks about that one too.
fn beside_found_lock(site: &Site, context: &Context) -> Result<Option<JournalPlace>> {
    let lock = context.plugins_lock(None)?.path;
    if lock.symlink_metadata().is_err() {
        return Ok(None);
    }
    let place = site.lock_journal(&lock)?;
    Ok(place.is_there()?.then_some(place))
}

impl Places for KeysJournalArgs {
    const GROUP: &'static str = "keys";

    fn answers_for(&self, _context: &Context) -> Result<Option<(ChosenLock, JournalPlace)>> {
        Ok(None)
    }

    /// A keyring that was made read-only has a journal of before, and goes on in the site's.
    fn places(self, context: &Context) -> Result<Vec<JournalPlace>> {
        let keys = context.keys_directory(self.trusted_keys);
        let in_keyring = JournalPlace::in_keyring(&keys)?.ok_or_else(|| absent(&keys))?;
        // Somebody who names a plugins directory means one that is there; the default need not be.
        self.plugins_dir.as_deref().map_or(Ok(()), require_directory)?;
        let Some(in_site) = context.site(self.plugins_dir).keys_journal()? else { return Ok(vec![in_keyring]) };
        Ok(match (in_keyring.is_there()?, in_site.is_there()?) {
            (true, true) => vec![in_keyring, in_site],
            (false, true) => vec![in_site],
            (_, false) => vec![in_keyring],
        })
    }
}

fn require_directory(path: &Path) -> Result<()> {
    match aisoc_trust::journal::HeldDirectory::open(path)? {
        Some(_) => Ok(()),
        None => Err(absent(path)),
    }
}

fn absent(path: &Path) -> Fault {
    Fault::io("open", path, std::io::ErrorKind::NotFound.into())
}
