//! The versions that are kept for a rollback, judged as a rollback would judge them.

use aisoc_files::parallel;
use aisoc_installation::{InstallRecord, Observed, PreviousVersion, escaped};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_packaging::default_threads;

use super::dependence::Place;
use super::judged::Judged;
use crate::afterwards::Afterwards;
use crate::at_rest::{AtRestOptions, Seen};
use crate::foresight::{Foresight, Foretold};
use crate::judge::{Judge, Judgement};
use crate::proofs::Coming;

/// What can be gone back to of the plugins that were seen. What cannot be listed, or read, is there with the reason.
///
/// # Errors
/// As reading the keys, `interrupted`, and those of starting a thread.
pub(super) fn kept_versions(options: &AtRestOptions, seen: &[Seen], afterwards: Afterwards<'_>) -> Result<Vec<Judged>> {
    let recorded = seen.iter().filter_map(|seen| seen.plugin.record.as_ref()).map(|record| &record.id);
    let mut kept = Vec::new();
    let mut failed = Vec::new();
    for id in recorded {
        match options.site.previous_versions(id) {
            Ok(versions) => kept.extend(versions),
            Err(fault) => failed.push(unlisted(options, id, fault)),
        }
    }
    let judge = Judge::new(&options.trust)?;
    let observed = options.site.observe()?;
    let reader = Reader { options, observed: &observed, foresight: &Foresight::of(&judge, afterwards), judge: &judge };
    let judged = parallel::map(&kept, default_threads(), |version| reader.judged(version));
    options.limits.cancellation.check()?;
    let judged = judged.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
    Ok(failed.into_iter().chain(judged).collect())
}

fn unlisted(options: &AtRestOptions, id: &PluginId, fault: Fault) -> Judged {
    let source = format!("{}: kept versions", escaped(options.site.plugin(id).as_os_str()));
    Judged { id: Some(id.to_string()), is_unread: true, ..Judged::of(Place::Kept, source, Err(fault)) }
}

struct Reader<'a> {
    options: &'a AtRestOptions,
    observed: &'a Observed,
    judge: &'a Judge<'a>,
    foresight: &'a Foresight<'a>,
}

impl Reader<'_> {
    fn judged(&self, version: &PreviousVersion) -> Judged {
        let PreviousVersion { record, path, .. } = version;
        let (today, foreseen) = match self.judge(record) {
            Ok((today, foreseen)) => (Ok(today), foreseen),
            Err(fault) => (Err(fault), None),
        };
        let (id, version) = (Some(record.id.to_string()), Some(record.version.clone()));
        let reference = Some(record.reference.clone());
        Judged { id, version, reference, foreseen, ..Judged::of(Place::Kept, escaped(path.as_os_str()), today) }
    }

    /// By its digest: of one version several artifacts can be kept. What is installed beside it decides at the rollback;
    /// the floor is about what was verified, and stays.
    fn judge(&self, record: &InstallRecord) -> Result<(Judgement, Option<Foretold>)> {
        let AtRestOptions { site, limits, .. } = self.options;
        let claim = site.previous_tree(&record.id, Some(&record.digest.to_string()), limits)?.claim();
        let coming = Coming::recorded(record, site);
        let examined = self.judge.examine(&claim, coming.clone());
        let foreseen = self.foresight.examine(&claim, &coming, &examined);
        let facts = self.observed.facts_at_rest(&record.id)?;
        let today = self.judge.observe(examined, Some(&facts)).outcome?;
        Ok((self.judge.judgement(&today), self.foresight.observe(foreseen, Some(&facts))))
    }
}
