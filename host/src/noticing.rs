//! What a host says of its sources: what was passed over, which files of users there are, whose signatures do not count.
//!
//! It looks again and again, and says each of them when it is there for the first time, or again.

use std::collections::BTreeSet;
use std::mem;

use aisoc_manifests::fault::Reason;
use aisoc_pipeline::{DropinFile, Kind, Note, Noticed as Seen};
use aisoc_trust::{SignatureStatus, TrustMode};

use crate::found::{Found, Verdict, reason_of};
use crate::held::locked;
use crate::host::Host;
use crate::noticed::Saying;
use crate::settings::Happening;

impl Host {
    /// Says what a look has noticed, and the one before has not.
    pub(crate) fn tell_of_sources(&self, seen: &Seen, found: &[Found]) {
        // Why a file has no hash is said before the line that has none.
        let happened = (seen.notes.iter().map(of_note))
            .chain(seen.dropin_files.iter().filter_map(|file| self.of_file(file, found)))
            .chain(found.iter().filter_map(|found| self.of_found(found)));
        let (mut said, mut before) = (BTreeSet::new(), locked(&self.noticed));
        for (saying, happening) in happened {
            if !before.said.contains(&saying) && said.insert(saying.clone()) {
                self.tell_of(&happening);
            }
            said.insert(saying);
        }
        drop(mem::replace(&mut before.said, said));
    }

    /// A file is run at another moment, and that is said then: here are those that are data, and those that nobody can read.
    fn of_file<'a>(&self, file: &'a DropinFile, found: &[Found]) -> Option<(Saying, Happening<'a>)> {
        let is_data = |found: &&Found| found.about.kind == Some(Kind::Domain.as_str()) && is_at(found, file);
        let taken = found.iter().find(is_data).is_some_and(|found| matches!(found.verdict, Verdict::NotLoaded));
        let digest = file.digest.map(|digest| digest.hex().to_string());
        let saying = ("user_plugin_loaded", file.place.clone(), digest.clone().unwrap_or_default());
        (taken || digest.is_none()).then_some((saying, Happening::UserFile { file }))
    }

    fn of_found<'a>(&self, found: &'a Found) -> Option<(Saying, Happening<'a>)> {
        let (id, place) = (found.about.id.as_str(), found.place.as_path());
        let saying = |name, text: &str| (name, found.place.clone(), format!("{id} {text}"));
        if let Verdict::Refused(fault) = &found.verdict
            && fault.reason() == Reason::DuplicatePluginId
        {
            return Some((saying("plugin.duplicate_id", fault.message()), Happening::Duplicate { id, place, fault }));
        }
        let status = found.about.signature.signature_status;
        let is_lenient = self.settings.here.trust.policy.mode == TrustMode::Warn;
        let status = [SignatureStatus::Invalid, SignatureStatus::Unsigned]
            .into_iter()
            .find(|one| status == Some(one.as_str()))
            .filter(|one| *one == SignatureStatus::Invalid || is_lenient)?;
        let why = found.objection.as_ref().map(reason_of).unwrap_or_default();
        let name =
            if status == SignatureStatus::Invalid { "plugin.signature.invalid" } else { "plugin.signature.unsigned" };
        let saying = saying(name, found.hash.as_deref().unwrap_or_default());
        let is_refused = matches!(found.verdict, Verdict::Refused(_));
        Some((saying, Happening::Signature { id, place, status, why, is_refused }))
    }
}

fn is_at(found: &Found, file: &DropinFile) -> bool {
    std::path::absolute(&found.place).is_ok_and(|place| place == file.place)
}

fn of_note(note: &Note) -> (Saying, Happening<'_>) {
    ((note.warning.as_str(), note.place.clone(), note.message.clone()), Happening::Noticed { note })
}
