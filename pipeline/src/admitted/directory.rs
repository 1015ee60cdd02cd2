//! The code of a plugin in a directory.
//!
//! A plugin is judged where it stands, and loaded a moment later. So whoever loads it copies it, holds the copy to the
//! digest that was judged, and hands those very bytes on, with the copy for whatever else the plugin reads: what changes
//! on the disk after that is neither run nor read. The signature is judged anew by what is in the copy.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use aisoc_discovery::Discovered;
use aisoc_files::{Links, SmallFileError, Walk, read_small};
use aisoc_installation::{escaped, read_guarded, require_guarded};
use aisoc_manifests::canonical::canonical;
use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::{Document, Manifest, PythonFiles};
use aisoc_packaging::{Limits, default_threads};
use aisoc_signing::Claim;
use aisoc_worker::PrivateCopy;
use aisoc_worker::serving::Entry;
use serde_json::Value;

use super::code::{AdmittedCode, CLASS, not_copied};
use crate::accepted::Evidence;
use crate::contract::room;
use crate::stated::CheckedAgainst;

/// Most bytes of the code of one plugin: they are held in memory while it is loaded.
const MAX_CODE_BYTES: u64 = 16 << 20;
/// What describes a plugin's configuration, in its manifest.
const CONFIG_SCHEMA: &str = "config_schema";
/// What a host loads of a directory where the manifest names nothing that it can.
const FILE: &str = "plugin.py";

/// Reads what a plugin in a directory would be admitted by, and nothing of its code.
///
/// # Errors
/// As [`admitted_directory`].
pub(super) fn evidence_of_directory(plugin: &Discovered, limits: &Limits) -> Result<Evidence> {
    let read = read_guarded(&plugin.place, &Walk::default(), NonZeroUsize::MIN, limits)?;
    let claim = read.claim();
    require_unchanged(plugin, &claim)?;
    Ok(Evidence::of_directory(plugin.clone(), claim))
}

/// Reads the code of a plugin in a directory once more, which is held to what was judged.
///
/// # Errors
/// `tree_modified` where it is not what was judged, `forbidden_entry` for more than is held in memory or may be copied, and
/// those of reading a plugin; `interrupted` once `stop` is set.
pub(super) fn admitted_directory(plugin: &Discovered, limits: &Limits, stop: &AtomicBool) -> Result<AdmittedCode> {
    let place = &plugin.place;
    // Of what others can change even the copy proves nothing about who has put it there.
    require_guarded(place)?;
    let copy = PrivateCopy::of(place, &room(limits), stop).map_err(not_copied)?;
    let read = read_guarded(copy.path(), &Walk::default(), default_threads(), limits)?;
    let python = read.python().clone();
    let claim = read.claim();
    require_unchanged(plugin, &claim)?;
    let document = claim.document()?;
    let (manifest, config_schema) = (Manifest::from_document(document)?, config_schema(document));
    let sources = sources(plugin, copy.path(), &python)?;
    Ok(AdmittedCode {
        entry: entry(&manifest, &sources),
        manifest: Some(manifest),
        config_schema,
        sources,
        directory: copy.path().to_owned(),
        site_paths: Vec::new(),
        checked_against: CheckedAgainst::Digest,
        evidence: Evidence::of_directory(plugin.clone(), claim),
        copy: Some(copy),
        user_file: None,
    })
}

/// `FILE:CLASS`, where the manifest names one; `plugin.py:Plugin` as every host loads it otherwise.
fn entry(manifest: &Manifest, sources: &BTreeMap<String, Vec<u8>>) -> Entry {
    let named = manifest.entry_point.as_deref().and_then(|named| named.split_once(':'));
    let (file, class) = named.filter(|(file, _)| sources.contains_key(*file)).unwrap_or((FILE, CLASS));
    Entry::Class { file: file.to_owned(), class: class.to_owned(), is_required: true }
}

fn require_unchanged(plugin: &Discovered, claim: &Claim) -> Result<()> {
    let found = format!("sha256:{}", claim.statement()?.digest().hex());
    match found == plugin.hash {
        true => Ok(()),
        false => Err(modified(&plugin.id).expected(plugin.hash.clone(), found)),
    }
}

fn config_schema(document: &Document) -> Option<Value> {
    let text = canonical(document.root().get(CONFIG_SCHEMA)?).ok()?;
    serde_json::from_slice(&text).ok()
}

fn sources(plugin: &Discovered, copy: &Path, python: &PythonFiles) -> Result<BTreeMap<String, Vec<u8>>> {
    let (id, place) = (&plugin.id, &plugin.place);
    let (mut sources, mut left) = (BTreeMap::new(), MAX_CODE_BYTES);
    for (name, digest) in python.iter() {
        // No module can be called so.
        let Some(name) = name.as_str() else { continue };
        let path = place.join(name);
        let content = match read_small(&copy.join(name), left, Links::Followed) {
            Ok(file) => file.content,
            Err(SmallFileError::Io(error)) => return Err(Fault::io("read", &path, error)),
            Err(SmallFileError::NotAFile) => return Err(modified(id)),
            Err(SmallFileError::TooLarge { .. }) => {
                let what = format!("with `{}` there are more than {MAX_CODE_BYTES} bytes of code", shown(&path));
                return Err(Fault::new(Reason::ForbiddenEntry, what));
            }
        };
        // Of the bytes that are handed on, whatever was hashed before.
        let found = FileDigest::of(&content);
        if found != *digest {
            return Err(modified(id).expected(digest.hex().to_string(), found.hex().to_string()));
        }
        left = left.saturating_sub(content.len() as u64);
        sources.insert(name.to_owned(), content);
    }
    Ok(sources)
}

fn shown(path: &Path) -> String {
    escaped(path.as_os_str())
}

fn modified(id: &str) -> Fault {
    Fault::new(Reason::TreeModified, format!("`{id}` was changed after it was judged"))
        .hint("find out who changes it, then have it judged again: `aisoc plugins list`")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use aisoc_installation::Site;

    use super::super::{read_admitted_code, read_evidence};
    use super::*;
    use crate::discovered::{SiteSources, discover_site};

    const MANIFEST: &str =
        "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\nconfig_schema: {a: [1, x]}\n";

    fn write(place: &Path, name: &str, text: &str) {
        let path = place.join("demo").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// A plugin, as it was found.
    fn found(place: &Path) -> Discovered {
        write(place, "plugin.yaml", MANIFEST);
        write(place, "plugin.py", "x = 1");
        write(place, "package/inner.py", "y = 2");
        write(place, "data.json", "{}");
        let sources = SiteSources { site: Some(Site::at(place.to_owned())), ..SiteSources::default() };
        let mut discovery = discover_site(&sources, &Limits::default()).expect("looked at");
        assert_eq!((discovery.plugins.len(), discovery.failed.len()), (1, 0), "{discovery:?}");
        discovery.plugins.remove(0)
    }

    #[test]
    fn what_was_judged_is_read_and_nothing_beside_it() {
        let place = tempfile::tempdir().expect("a directory");
        let found = found(place.path());
        assert_eq!(read_evidence(&found, &Limits::default()).expect("as it was").hash(), found.hash);
        let code = read_admitted_code(&found, &[], &Limits::default(), &AtomicBool::new(false)).expect("as it was");
        let sources: Vec<_> = code.sources.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        assert_eq!(sources, [("package/inner.py", &b"y = 2"[..]), ("plugin.py", b"x = 1")]);
        assert_eq!(
            (code.manifest.map(|manifest| manifest.name).as_deref(), code.config_schema),
            (Some("Demo"), Some(serde_json::json!({ "a": [1, "x"] })))
        );
    }

    #[test]
    fn what_was_changed_after_it_was_judged_is_not_handed_on() {
        for (name, text) in [
            ("plugin.py", "x = 2"),
            ("package/inner.py", "y = 3"),
            ("added.py", ""),
            ("plugin.yaml", "id: demo\nname: Other\nversion: \"1.0.0\"\nplugin_type: enricher\n"),
        ] {
            let place = tempfile::tempdir().expect("a directory");
            let found = found(place.path());
            write(place.path(), name, text);
            let refused = read_admitted_code(&found, &[], &Limits::default(), &AtomicBool::new(false)).expect_err(name);
            assert_eq!(refused.reason(), Reason::TreeModified, "{name}");
            let refused = read_evidence(&found, &Limits::default()).expect_err(name);
            assert_eq!(refused.reason(), Reason::TreeModified, "{name}");
        }
        let place = tempfile::tempdir().expect("a directory");
        let found = found(place.path());
        fs::remove_file(place.path().join("demo/package/inner.py")).expect("removed");
        assert_eq!(
            read_admitted_code(&found, &[], &Limits::default(), &AtomicBool::new(false)).expect_err("gone").reason(),
            Reason::TreeModified
        );
    }

    #[test]
    fn what_is_read_beside_the_code_is_that_of_the_moment() {
        let place = tempfile::tempdir().expect("a directory");
        let found = found(place.path());
        let code = read_admitted_code(&found, &[], &Limits::default(), &AtomicBool::new(false)).expect("as it was");
        write(place.path(), "data.json", "{\"changed\": 1}");
        assert_eq!(fs::read_to_string(code.directory.join("data.json")).expect("read"), "{}");
        assert_eq!(code.directory.file_name(), Some("demo".as_ref()));

        symlink("/etc/passwd", place.path().join("demo/link")).expect("linked");
        let refused = read_admitted_code(&found, &[], &Limits::default(), &AtomicBool::new(false)).expect_err("a link");
        assert_eq!(refused.reason(), Reason::ForbiddenEntry);
        fs::remove_file(place.path().join("demo/link")).expect("removed");
        let stopped = read_admitted_code(&found, &[], &Limits::default(), &AtomicBool::new(true)).expect_err("stopped");
        assert_eq!(stopped.reason(), Reason::Interrupted);
        let room = |max_total_bytes| Limits { max_total_bytes, ..Limits::default() };
        let whole: u64 = ["plugin.yaml", "plugin.py", "package/inner.py", "data.json"]
            .map(|name| fs::metadata(place.path().join("demo").join(name)).expect("there").len())
            .iter()
            .sum();
        read_admitted_code(&found, &[], &room(whole), &AtomicBool::new(false)).expect("as much as may be");
        let refused = read_admitted_code(&found, &[], &room(whole - 1), &AtomicBool::new(false)).expect_err("more");
        assert_eq!(refused.reason(), Reason::ForbiddenEntry);
    }

    #[test]
    fn more_code_than_is_held_is_refused() {
        let place = tempfile::tempdir().expect("a directory");
        let half = "#".repeat(usize::try_from(MAX_CODE_BYTES / 2).expect("fits") + 1);
        write(place.path(), "first.py", &half);
        write(place.path(), "second.py", &half);
        let refused = read_admitted_code(&found(place.path()), &[], &Limits::default(), &AtomicBool::new(false))
            .expect_err("too much");
        assert_eq!(refused.reason(), Reason::ForbiddenEntry);
        assert!(refused.message().contains("second.py"), "{refused}");
    }
}
