//! `aisoc plugins lock push`

use std::path::Path;

use aisoc_manifests::counted;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::documents::PushedPluginSet;
use aisoc_pipeline::fleet::{LockExportOptions, export_lock, sign_lock_as_well};
use aisoc_pipeline::{ExportedSet, NewVersion};
use aisoc_signing::KeyHolder;
use aisoc_trust::keys::SignedSet as _;
use aisoc_trust::lockfile::{LockPlace, LockSet, unjournaled};

use super::super::signed_set::{Making, Signed, sign, signer};
use crate::args::fleet::PushLockArgs;
use crate::clock;
use crate::commands::accepted::verify::warn_of_unjournaled;
use crate::context::Context;
use crate::output::{Answer, Form, path_text, printable};

impl Answer for PushedPluginSet {
    fn text(&self) -> String {
        match (&self.statement, &self.destination) {
            (Some(statement), _) => statement.clone(),
            (None, destination) => {
                let destination = destination.as_deref().unwrap_or("-");
                format!("{} {} {}\n", printable(destination), printable(&self.name), self.set_version)
            }
        }
    }

    fn form(&self) -> Form {
        if self.statement.is_some() { Form::Exact } else { Form::Escaped }
    }
}

impl Making for LockExportOptions {
    type Set = LockSet;

    fn keys_dir(&self) -> &Path {
        &self.keys_dir
    }

    fn next(
        &self,
        new: &NewVersion,
        present: Option<&[u8]>,
        signers: &[&dyn KeyHolder],
    ) -> Result<ExportedSet<LockSet>> {
        export_lock(self, new, present, signers)
    }

    fn signed_as_well(&self, present: &[u8], signers: &[&dyn KeyHolder]) -> Result<ExportedSet<LockSet>> {
        sign_lock_as_well(self, present, signers)
    }
}

/// Says what nobody has answered for of what other hosts are going to accept. A lock without a journal, which was carried
/// here, says nothing.
fn warn_of_changes(lock: &Path, context: &Context) -> Result<()> {
    let journal = context.site(None).lock_journal(lock)?;
    let found = LockPlace::open(lock)?.map(|place| place.read()).transpose()?.flatten();
    if let (Some(found), true) = (found, journal.is_there()?) {
        warn_of_unjournaled(&unjournaled(&found, &journal)?.0, context);
    }
    Ok(())
}

pub(crate) fn run(args: PushLockArgs, context: &Context) -> Result<u8> {
    // Whoever names a lock means one that is there.
    if let Some(named) = args.lock.plugins_lock.as_ref().filter(|named| !named.exists()) {
        return Err(Fault::io("read", named, std::io::ErrorKind::NotFound.into()));
    }
    let chosen = context.plugins_lock(args.lock.plugins_lock)?;
    chosen.announce(&context.output);
    let lock = chosen.path;
    warn_of_changes(&lock, context)?;
    let options = LockExportOptions { lock, keys_dir: context.keys_directory(args.trusted_keys), at: clock::now() };
    let Signed { set: done, destination, artifact, statement } = sign(&args.sign, &options, context)?;
    let ExportedSet { set, signers, previous_version, .. } = done;
    let count = set.lockfile()?.entries().len();
    let (plugins, signatures) = (counted(count, "plugin"), counted(signers.len(), "signature"));
    let place = destination.as_ref().map(|place| format!(" as {place}")).unwrap_or_default();
    let said = format!("{} version {}{place}: {plugins}, {signatures}", set.name, set.version);
    context.output.status(context.said("Pushed", "Would push"), said);
    context.output.answer(&PushedPluginSet {
        set_version: set.version,
        previous_set_version: previous_version,
        issued_at: set.issued_at.to_string(),
        expires_at: set.expires_at.to_string(),
        plugin_count: count,
        payload_digest: Digest::of(&set.to_payload()).to_string(),
        signers: signers.iter().map(signer).collect(),
        destination,
        artifact_digest: artifact,
        statement,
        lock: path_text(&options.lock),
        name: set.name,
    })
}
