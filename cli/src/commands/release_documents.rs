//! What a release says of itself: asked for, or on in a job of CI.

use aisoc_manifests::artifact::Artifact;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::documents::AttestationOfRelease;
use aisoc_pipeline::{Attested, PushOptions, ReleaseDocuments, ReleaseDocumentsWanted};
use aisoc_signing::KeyHolder;

use super::{attest, provenance};
use crate::args::release::DocumentArgs;
use crate::context::Context;
use crate::runtime;

/// Which documents, by the options and else by the job.
///
/// # Errors
/// `usage` for a variable of the job that is not public, or a time that is none.
pub(super) fn wanted(args: &DocumentArgs, context: &Context) -> Result<ReleaseDocumentsWanted> {
    let environment = &context.environment;
    let is_on = |typed: Option<bool>, option| typed.unwrap_or_else(|| environment.turns_on(option));
    let provenance = is_on(args.provenance, "provenance").then(|| provenance::origin(None, context)).transpose()?;
    Ok(ReleaseDocumentsWanted { sbom: is_on(args.sbom, "sbom"), provenance, time: environment.source_date_epoch()? })
}

/// What a release has to say, of which artifact and by whom.
pub(super) struct Saying<'a> {
    pub(super) documents: &'a ReleaseDocuments,
    pub(super) artifact: &'a Artifact,
    pub(super) destination: &'a Reference,
    /// Whether a dry run has made the key: nobody will ever have it.
    pub(super) is_thrown_away: bool,
}

impl Saying<'_> {
    /// Says it beside what was pushed.
    ///
    /// # Errors
    /// Those of the signer and of the place, which say that the release itself is done.
    pub(super) fn attach(
        &self,
        key: &dyn KeyHolder,
        options: &PushOptions,
        context: &Context,
    ) -> Result<Vec<AttestationOfRelease>> {
        let how = (&options.client, options.dry_run);
        let reporter = context.output.reporter();
        let attached = self.documents.attach(self.artifact, self.destination, key, how, &reporter);
        let attached = runtime::block_on(context.cancellation()?, attached);
        drop(reporter);
        let attached = attached.map_err(|fault| self.after_release(fault, options))?;
        Ok(attached.iter().map(|attested| self.said(attested, context)).collect())
    }

    fn after_release(&self, fault: Fault, options: &PushOptions) -> Fault {
        if options.dry_run.is_on() {
            return fault;
        }
        let released = self.destination.pinned(self.artifact.digest());
        let hint = format!("{}; then repeat the release: what is there is not sent again", fault.next_step());
        fault.although(format!("`{released}` is released")).hint(hint)
    }

    fn said(&self, attested: &Attested, context: &Context) -> AttestationOfRelease {
        let predicate_type = attested.predicate_type.to_string();
        if self.is_thrown_away {
            let what = format!("{}: {predicate_type} with the new key", self.destination);
            context.output.status("Would attest", what);
            return AttestationOfRelease { predicate_type, referrer_digest: None, already_attested: false };
        }
        attest::announce(attested, self.destination, context);
        AttestationOfRelease {
            predicate_type,
            referrer_digest: Some(attested.pushed.digest.to_string()),
            already_attested: !attested.pushed.is_new,
        }
    }
}
