//! Collecting the garbage of one layout: the manifests that go by their age, and the blobs that nothing names.

use std::collections::HashSet;

use aisoc_files::sweep;
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{Algorithm, ArtifactDigest, Digest};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Result};

use super::catalog::Catalog;
use super::changes::Change;
use super::directory::Directory;
use super::ingest::DRAFTS;
use super::kept::Kept;
use super::marks::{Marks, Rule};
use super::swept::{Sweep, Went, aside};

/// How many blobs are removed while other writers are kept out: they wait for a few milliseconds.
const AT_A_TIME: usize = 256;

/// What a collection removed, or would have.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Manifests that went by their age.
    pub manifests: Vec<ArtifactDigest>,
    /// How many blobs went, besides the bytes of those manifests.
    pub blobs: u64,
    /// Bytes of files that are gone and that nobody else shares.
    pub freed_bytes: u64,
}

impl Directory {
    /// Removes what the rule lets go, beside whoever reads and writes the layout. Whoever writes takes its lock, which is held
    /// here for one look and a few removals at a time; an end at any moment leaves the layout whole.
    ///
    /// # Errors
    /// `layout_invalid` for a manifest that cannot be read, which it names: nothing is removed then that it could name;
    /// `locked`, `interrupted`, `io_` reasons.
    pub fn collect(&self, rule: Rule, dry_run: DryRun, cancellation: &Cancellation) -> Result<Collected> {
        let mut collection =
            Collection { layout: self, kept: Kept::read(self.place())?, marks: Marks::new(rule), rule };
        // Most of the reading, while others write. What is in the way here may be one of their changes, and is looked at
        // again below.
        let _ = collection.marks.complete(self, collection.kept.catalog(), cancellation);
        cancellation.check()?;
        match dry_run {
            DryRun::Yes => collection.foresee(cancellation),
            DryRun::No => collection.make(cancellation),
        }
    }
}

struct Collection<'a> {
    layout: &'a Directory,
    kept: Kept,
    marks: Marks,
    rule: Rule,
}

impl Collection<'_> {
    fn foresee(&mut self, cancellation: &Cancellation) -> Result<Collected> {
        let manifests = self.marks.complete(self.layout, self.kept.catalog(), cancellation)?;
        let mut collected = Collected { manifests, ..Collected::default() };
        for digest in &collected.manifests {
            collected.freed_bytes += self.layout.unshared_size(digest.blob())?;
        }
        let going: HashSet<Digest> = collected.manifests.iter().map(|manifest| manifest.blob()).collect();
        let (mut blobs, mut freed) = (0, 0);
        for algorithm in Algorithm::ALL {
            let Some(mut sweep) = Sweep::begin(self.layout, algorithm, self.rule)? else { continue };
            loop {
                cancellation.check()?;
                let found = sweep.next(AT_A_TIME, |digest| self.marks.has(digest))?;
                if found.is_empty() {
                    break;
                }
                for digest in found.into_iter().filter(|digest| !going.contains(digest)) {
                    blobs += 1;
                    freed += sweep.size(digest)?.unwrap_or_default();
                }
            }
        }
        collected.blobs = blobs;
        collected.freed_bytes += freed;
        Ok(collected)
    }

    fn make(&mut self, cancellation: &Cancellation) -> Result<Collected> {
        sweep(self.layout.root(), DRAFTS);
        let mut collected = Collected::default();
        self.remove_manifests(&mut collected, cancellation)?;
        for algorithm in Algorithm::ALL {
            self.remove_blobs(algorithm, &mut collected, cancellation)?;
        }
        // Other tools see what is left; a server that has the layout open reads it again.
        self.kept.fold(self.layout.place())?;
        Ok(collected)
    }

    fn remove_manifests(&mut self, collected: &mut Collected, cancellation: &Cancellation) -> Result<()> {
        let (layout, marks) = (self.layout, &mut self.marks);
        (collected.manifests, collected.freed_bytes) = self.kept.change(layout.place(), |catalog: &Catalog| {
            let going = marks.complete(layout, catalog, cancellation)?;
            let mut freed = 0;
            for digest in &going {
                freed += layout.unshared_size(digest.blob())?;
            }
            let changes = going.iter().map(|digest| Change::Remove { digest: *digest }).collect();
            Ok::<_, Fault>((changes, (going, freed)))
        })?;
        Ok(())
    }

    fn remove_blobs(
        &mut self,
        algorithm: Algorithm,
        collected: &mut Collected,
        cancellation: &Cancellation,
    ) -> Result<()> {
        let (layout, marks) = (self.layout, &mut self.marks);
        let Some(mut sweep) = Sweep::begin(layout, algorithm, self.rule)? else { return Ok(()) };
        loop {
            cancellation.check()?;
            let found = sweep.next(AT_A_TIME, |digest| marks.has(digest))?;
            if found.is_empty() {
                return Ok(());
            }
            // Nobody stores a manifest meanwhile: what nothing names now is not named before it is gone.
            self.kept.change(layout.place(), |catalog: &Catalog| {
                marks.complete(layout, catalog, cancellation)?;
                let aside = aside(layout)?;
                for digest in found.into_iter().filter(|digest| !marks.has(*digest)) {
                    if let Went::Gone { freed } = sweep.remove(digest, &aside)? {
                        collected.blobs += 1;
                        collected.freed_bytes += freed;
                    }
                }
                Ok::<_, Fault>((vec![], ()))
            })?;
        }
    }
}
