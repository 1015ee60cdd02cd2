//! What a host runs of a drop-in: the bytes that were hashed when it was found. Nobody reads its path a second time.

use std::collections::BTreeMap;
use std::path::Path;

use aisoc_discovery::{Discovered, DropinFile, Origin};
use aisoc_files::parent;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_worker::serving::Entry;

use super::code::{AdmittedCode, CLASS};
use crate::accepted::Evidence;
use crate::stated::CheckedAgainst;

/// The code of a drop-in. It finds its data where it stands, as what is written for hosts expects it.
///
/// # Errors
/// `dropin_invalid` for what is data, and `forbidden_entry` for a name that no module can have.
pub(super) fn admitted_file(plugin: &Discovered, code: Option<&[u8]>) -> Result<AdmittedCode> {
    let Discovered { id, place, .. } = plugin;
    let Some(code) = code else {
        return Err(Fault::new(Reason::DropinInvalid, format!("`{id}` is data, and nothing of it is run")));
    };
    let absolute = std::path::absolute(place).map_err(|error| Fault::io("find", place, error))?;
    let Some(file) = absolute.file_name().and_then(|name| name.to_str()) else {
        return Err(Fault::new(Reason::ForbiddenEntry, format!("`{id}` has a name that no module can have")));
    };
    let user_file = match &plugin.origin {
        Origin::File { registry, statement, .. } => {
            Some(DropinFile { place: absolute.clone(), registry, digest: Some(statement.digest()) })
        }
        _ => None,
    };
    let entry = Entry::Class { file: file.to_owned(), class: CLASS.to_owned(), is_required: false };
    Ok(AdmittedCode {
        manifest: None,
        config_schema: None,
        entry,
        sources: BTreeMap::from([(file.to_owned(), code.to_vec())]),
        directory: Path::to_owned(parent(&absolute)),
        site_paths: Vec::new(),
        checked_against: CheckedAgainst::Digest,
        evidence: Evidence::of_other(plugin.clone()),
        copy: None,
        user_file,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;

    use aisoc_packaging::Limits;

    use super::*;
    use crate::admitted::read_admitted_code;
    use crate::discovered::{SiteSources, discover_site};

    #[test]
    fn what_was_hashed_is_run_whatever_stands_there_by_now() {
        let data = tempfile::tempdir().expect("a directory");
        let path = data.path().join("plugins/cleaners/tidy.py");
        fs::create_dir_all(parent(&path)).expect("made");
        fs::write(&path, "x = 1").expect("written");
        let sources = SiteSources { data_dir: Some(data.path().to_owned()), ..SiteSources::default() };
        let found = discover_site(&sources, &Limits::default()).expect("looked at").plugins.remove(0);
        fs::write(&path, "x = 2").expect("written");
        let read = || read_admitted_code(&found, &[], &Limits::default(), &AtomicBool::new(false)).expect("as it was");
        assert_eq!(read().sources, BTreeMap::from([("tidy.py".to_owned(), b"x = 1".to_vec())]));
        fs::remove_file(&path).expect("removed");
        let code = read();
        assert_eq!(code.sources["tidy.py"], b"x = 1");
        assert_eq!((code.directory.as_path(), code.evidence.hash()), (parent(&path), found.hash.as_str()));
    }

    #[test]
    fn data_is_not_run() {
        let data = tempfile::tempdir().expect("a directory");
        let path = data.path().join("plugins/domains/x.jsonld");
        fs::create_dir_all(parent(&path)).expect("made");
        fs::write(&path, "{}").expect("written");
        let sources = SiteSources { data_dir: Some(data.path().to_owned()), ..SiteSources::default() };
        let found = discover_site(&sources, &Limits::default()).expect("looked at").plugins.remove(0);
        let refused = read_admitted_code(&found, &[], &Limits::default(), &AtomicBool::new(false)).expect_err("data");
        assert_eq!(refused.reason(), Reason::DropinInvalid);
    }
}
