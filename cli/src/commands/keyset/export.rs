//! `aisoc keys export`

use std::path::Path;

use aisoc_manifests::counted;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::ExportedKeySet;
use aisoc_pipeline::keys::{self, ExportOptions};
use aisoc_pipeline::{ExportedSet, NewVersion};
use aisoc_signing::KeyHolder;
use aisoc_trust::keys::{KeySet, SignedSet as _};

use super::super::signed_set::{Making, Signed, sign, signer};
use crate::args::keyset::ExportKeysArgs;
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, Form, path_text, printable};

impl Answer for ExportedKeySet {
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

impl Making for ExportOptions {
    type Set = KeySet;

    fn keys_dir(&self) -> &Path {
        &self.keys_dir
    }

    fn next(
        &self,
        new: &NewVersion,
        present: Option<&[u8]>,
        signers: &[&dyn KeyHolder],
    ) -> Result<ExportedSet<KeySet>> {
        keys::export(self, new, present, signers)
    }

    fn signed_as_well(&self, present: &[u8], signers: &[&dyn KeyHolder]) -> Result<ExportedSet<KeySet>> {
        keys::sign_as_well(self, present, signers)
    }
}

pub(crate) fn run(args: ExportKeysArgs, context: &Context) -> Result<u8> {
    let options =
        ExportOptions { keys_dir: context.keys_directory(args.trusted_keys), at: clock::now(), is_forced: args.force };
    let Signed { set: done, destination, artifact, statement } = sign(&args.sign, &options, context)?;
    let ExportedSet { set, signers, previous_version, .. } = done;
    let (keys, signatures) = (counted(set.keys.len(), "key"), counted(signers.len(), "signature"));
    let place = destination.as_ref().map(|place| format!(" as {place}")).unwrap_or_default();
    let said = format!("{} version {}{place}: {keys}, {signatures}", set.name, set.version);
    context.output.status(context.said("Exported", "Would export"), said);
    context.output.answer(&ExportedKeySet {
        set_version: set.version,
        previous_set_version: previous_version,
        issued_at: set.issued_at.to_string(),
        expires_at: set.expires_at.to_string(),
        key_count: set.keys.len(),
        payload_digest: Digest::of(&set.to_payload()).to_string(),
        signers: signers.iter().map(signer).collect(),
        destination,
        artifact_digest: artifact,
        statement,
        keys_directory: path_text(&options.keys_dir),
        name: set.name,
    })
}
