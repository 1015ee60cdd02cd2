//! `accept_successor`: an endorsement that somebody has asked this site to follow, judged and followed in one session.

use std::collections::BTreeSet;
use std::path::Path;

use aisoc_manifests::fault::Result;
use aisoc_signing::{Envelope, Fingerprint};
use aisoc_trust::journal::{Entry, JournalPlace};
use aisoc_trust::keys::{Acceptance, Asked, KeysSession, Outcome, accept};
use jiff::Timestamp;

use super::change::KeyChangeOptions;

/// What is followed, and how far.
#[derive(Debug)]
pub struct Endorsement {
    /// The endorsement.
    pub envelope: Envelope,
    /// How many endorsers this site asks for.
    pub required: usize,
    /// Under which id the successor is to be trusted.
    pub id: String,
    /// Until when it counts, in place of the time at which its endorsers end.
    pub not_after: Option<Timestamp>,
    /// The time to judge keys by.
    pub at: Timestamp,
}

/// What came of it.
#[derive(Debug)]
pub struct AcceptedSuccessor {
    /// What was decided.
    pub acceptance: Acceptance,
    /// What an earlier run had begun and this one has finished.
    pub finished: Option<Entry>,
}

/// Judges an endorsement by the keys as they are under the lock, and makes its successor a trusted key.
///
/// # Errors
/// As [`accept`], [`KeysSession::begin`] and [`KeysSession::make`]; `journal_broken` where nobody can tell what was
/// taken away here.
pub fn accept_successor(options: &KeyChangeOptions, endorsement: Endorsement) -> Result<AcceptedSuccessor> {
    let session = KeysSession::begin(&options.keys_dir, &options.access)?;
    let Endorsement { envelope, required, id, not_after, at } = endorsement;
    let known = known(&options.keys_dir)?;
    let asked = Asked { envelope: &envelope, required, id, not_after, at, known };
    let acceptance = accept(session.keyring(), &asked, &options.grounds)?;
    let finished = session.finished().cloned();
    if let Outcome::Accepted(change, _) = &acceptance.outcome {
        session.make(change)?;
    }
    Ok(AcceptedSuccessor { acceptance, finished })
}

/// The keys of which the journal speaks.
fn known(keys_dir: &Path) -> Result<BTreeSet<Fingerprint>> {
    let mut known = BTreeSet::new();
    let Some(journal) = JournalPlace::in_keyring(keys_dir)? else { return Ok(known) };
    let reading = journal.read(|seen| {
        let hash = seen.entry().ok().and_then(|entry| entry.hash);
        known.extend(hash.and_then(|hash| hash.parse::<Fingerprint>().ok()));
        Ok(())
    })?;
    reading.broken.map_or(Ok(known), Err)
}
