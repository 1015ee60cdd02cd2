//! Where the journals of a site stand: `<plugins-dir>/.aisoc/plugins.journal`, and `keys.journal` beside it for a
//! keyring that cannot be written.

use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::journal::{Entry, HeldDirectory, Journal, JournalMemory, JournalPlace, Writer};

use crate::access::Access;
use crate::layout::OWN_DIRECTORY;
use crate::lowered::take_over;
use crate::plugins::{OPEN_TO_READERS, Plugins};
use crate::secure::{look_at, own_directory};
use crate::site::Site;

impl Plugins {
    /// Writes lines into the site's journal, under the lock that this is. What an earlier version has written
    /// elsewhere comes first.
    ///
    /// # Errors
    /// Those of the journal: `journal_broken`, `journal_invalid`, `directory_insecure`, and I/O reasons.
    pub(crate) fn write_down(&self, entries: &[Entry], writer: &Writer) -> Result<()> {
        let place = self.journal_place()?;
        self.append(&place, place.open()?, entries, writer)
    }

    fn append(&self, place: &JournalPlace, mut journal: Journal<'_>, entries: &[Entry], writer: &Writer) -> Result<()> {
        take_over(&self.own, place, &mut journal, writer)?;
        journal.append_all(entries, writer)
    }

    /// Every line of the site's journal that can be read.
    ///
    /// # Errors
    /// Those of the journal.
    pub(crate) fn read_journal(&self, mut visit: impl FnMut(&Entry)) -> Result<()> {
        self.journal_place()?
            .read(|seen| {
                if let Ok(entry) = seen.entry() {
                    visit(&entry);
                }
                Ok(())
            })
            .map(drop)
    }

    fn journal_place(&self) -> Result<JournalPlace> {
        JournalPlace::of_site(HeldDirectory::of(&self.own.directory, self.own.path.clone())?)
    }
}

impl Site {
    /// The site's own journal, for whoever only reads; nothing where no change was made yet.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn journal(&self) -> Result<Option<JournalPlace>> {
        self.held()?.map(JournalPlace::of_site).transpose()
    }

    /// Leaves lines in the site's own journal, under its lock: for whoever changes what is held of the site, and nothing in
    /// its directory. What is in `memory` of the journal is not read again.
    ///
    /// # Errors
    /// `io_not_found` where there is no such directory, `locked`, and those of [`Site::session`] and of the journal.
    pub fn write_down(&self, access: &Access, entries: &[Entry], memory: &JournalMemory) -> Result<()> {
        let plugins = Plugins::lock(&self.layout, access)?;
        let place = plugins.journal_place()?;
        plugins.append(&place, place.open_again(memory)?, entries, &access.writer)
    }

    /// The journal of keys that stands here because their keyring cannot be written; nothing where no change was made
    /// yet.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn keys_journal(&self) -> Result<Option<JournalPlace>> {
        self.held()?.map(JournalPlace::of_keys_in_site).transpose()
    }

    /// The journal beside a lock file, whose head this site keeps.
    ///
    /// # Errors
    /// `usage` for a path that names no file, `io_not_found` when its directory is not there, and other I/O reasons.
    pub fn lock_journal(&self, lock: &Path) -> Result<JournalPlace> {
        let name = lock.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is no name of a lock file", lock.display()))
                .hint("name the file itself, for example `--plugins-lock plugins.lock`")
        })?;
        let directory = aisoc_files::parent(lock);
        let held = HeldDirectory::open(directory)?
            .ok_or_else(|| Fault::io("open", lock, std::io::ErrorKind::NotFound.into()))?;
        // Shown as it was typed: without `./` before a name alone.
        let held = HeldDirectory::of(held, lock.parent().unwrap_or(directory))?;
        Ok(JournalPlace::beside_lock(held, name, self.held()?))
    }

    /// Where this site keeps the ends of the journals that stand beside lock files, made where it is missing. None where
    /// there is no plugins directory, or one that this user cannot write: such a journal has no end that is known here.
    ///
    /// # Errors
    /// `directory_insecure`, `lock_unsupported`, and I/O reasons.
    pub fn journal_heads(&self, access: &Access) -> Result<Option<HeldDirectory>> {
        let path = self.layout.plugins();
        if access.dry_run.is_on() || look_at(path)?.is_none() {
            return self.held();
        }
        let top = access.open(path)?;
        let own = match own_directory(&top, path, OWN_DIRECTORY, OPEN_TO_READERS) {
            Err(fault) if fault.reason() == Reason::IoDenied => return Ok(None),
            own => own?,
        };
        match aisoc_files::may_write_open(&own) {
            Ok(()) => HeldDirectory::of(&own, self.layout.own()).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn held(&self) -> Result<Option<HeldDirectory>> {
        HeldDirectory::open(&self.layout.own())
    }
}
