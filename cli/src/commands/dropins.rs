//! Drop-ins among what is verified: what the signatures beside them are worth.

use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::accepted::{HereOptions, JudgedDropin, VerifiedDropins, verify_dropins};
use aisoc_pipeline::documents::{Objection, PluginVerdict, SignatureJudgement, VerdictCounts};
use aisoc_pipeline::{Discovered, Failed};
use aisoc_trust::{FileVerdict, FoundSignature, SignatureStatus};

use crate::context::Context;

/// What the signature beside a drop-in is worth.
pub(super) fn of_file(file: &FileVerdict) -> SignatureJudgement {
    SignatureJudgement::of_file(file)
}

/// The drop-ins that are asked for, and the entry points: all of them where no plugin is named. Their names are taken out of
/// `ids`.
///
/// # Errors
/// As [`verify_dropins`].
pub(super) fn asked(ids: &mut Vec<String>, options: &HereOptions, context: &Context) -> Result<VerifiedDropins> {
    let mut found = verify_dropins(options, context.plugin_mode(None))?;
    if !ids.is_empty() {
        found.judged.retain(|dropin| ids.contains(&dropin.plugin.id));
        found.unread.retain(|failed| ids.contains(&failed.name));
        found.entry_points.retain(|name| ids.contains(name));
        ids.retain(|id| {
            let (judged, unread) = (&found.judged, &found.unread);
            judged.iter().all(|dropin| dropin.plugin.id != *id)
                && unread.iter().all(|failed| failed.name != *id)
                && !found.entry_points.contains(id)
        });
    }
    Ok(found)
}

/// Its line among the verdicts: nobody can say who has signed what nobody could read.
pub(super) fn unread_row(failed: Failed, counts: &mut VerdictCounts, refusals: &mut Vec<Fault>) -> PluginVerdict {
    let Failed { name, version, place, fault, .. } = failed;
    counts.refused += 1;
    let objection = Some(Objection::from(&fault));
    refusals.push(fault.about(&name));
    PluginVerdict {
        id: name,
        directory: escaped(place.as_os_str()),
        name: None,
        version,
        admitted: false,
        signature: not_asked(),
        objection,
    }
}

/// Nobody was asked about a signature.
pub(super) fn not_asked() -> SignatureJudgement {
    SignatureJudgement::default()
}

/// Its line among the verdicts, and why it is refused, if it is.
pub(super) fn row(dropin: JudgedDropin, counts: &mut VerdictCounts, refusals: &mut Vec<Fault>) -> PluginVerdict {
    let JudgedDropin { plugin, verdict } = dropin;
    let Discovered { id, version, place, .. } = plugin;
    let refusal = match &verdict.said {
        FoundSignature::Refused(fault) => Some(fault.clone()),
        FoundSignature::OfNoKind | FoundSignature::Passes(_) => None,
    };
    *match verdict.status {
        _ if refusal.is_some() => &mut counts.refused,
        SignatureStatus::Verified if verdict.objection.is_some() => &mut counts.verified_in_part,
        SignatureStatus::Verified => &mut counts.verified,
        SignatureStatus::Unsigned => &mut counts.unsigned,
        SignatureStatus::Invalid => &mut counts.invalid,
        SignatureStatus::Skipped => &mut counts.skipped,
    } += 1;
    let objection = refusal.as_ref().or(verdict.objection.as_ref()).map(Objection::from);
    let admitted = refusal.is_none();
    refusals.extend(refusal.map(|fault| fault.about(&id)));
    let directory = escaped(place.as_os_str());
    PluginVerdict {
        id,
        directory,
        name: None,
        version: Some(version),
        admitted,
        signature: of_file(&verdict),
        objection,
    }
}
