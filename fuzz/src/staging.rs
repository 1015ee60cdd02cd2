//! One layer, three readers: the walk that writes nothing, the walk that writes files, and the `tar` crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aisoc_files::PrivateDirectory;
use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::digest::{ContentDigest, FileDigest};
use aisoc_manifests::fault::Result;
use aisoc_manifests::path::RelPath;
use aisoc_packaging::{Limits, Staged, Staging};
use flate2::read::MultiGzDecoder;
use tempfile::TempDir;

use crate::archive::{GZIP_MAGIC, ZSTD_MAGIC};

/// What must still stand beside the plugins, with just this content, whatever was staged.
const CANARY: &str = "canary";
const PLUGINS: &str = "plugins";
/// Small enough that a bomb is refused in a millisecond.
const LIMITS: fn() -> Limits = || Limits {
    max_entries: 64,
    max_name_bytes: 4096,
    max_file_bytes: 256 << 10,
    max_total_bytes: 512 << 10,
    max_manifest_bytes: 4096,
    max_extension_bytes: 2048,
    ..Limits::default()
};

/// Size, executable bit and digest of a file.
type File = (u64, bool, FileDigest);

/// Stages `layer`, whose archive `unpacked` reads, in both ways, and panics unless
///
/// - both accept it with the same tree digest, or refuse it in the same words;
/// - the disk then holds exactly the files that the map names, and nothing else anywhere;
/// - every name is canonical, and no two are one name in another case or a file and a directory;
/// - an independent reader of archives sees the same files with the same content;
/// - the archive's digest is accepted as its annotation, and no other digest is;
/// - a second layer with the same names is refused.
pub fn check(layer: &[u8], media_type: &str) {
    for title in [None, Some("demo")] {
        check_form(layer, media_type, title.map(|name| RelPath::parse(name).expect("canonical")));
    }
}

fn check_form(layer: &[u8], media_type: &str, title: Option<RelPath>) {
    let form = LayerForm::Archive { title: title.clone(), content_digest: None };
    let hashed = stage(Staging::hash_only(LIMITS()), &form, media_type, layer);
    let place = Place::get();
    let private = PrivateDirectory::create(&place.plugins(), ".staging-").expect("there is room");
    let staging = Staging::into_place(private, LIMITS()).expect("there is room");
    match (&hashed, stage(staging, &form, media_type, layer)) {
        (Ok(hashed), Ok(written)) => {
            assert_eq!(hashed.subject(), written.subject(), "both see one tree");
            assert_eq!(hashed.files(), written.files());
            check_names(hashed);
            place.holds_exactly(&written);
        }
        (Err(one), Err(other)) => assert_eq!(format!("{one:?}"), format!("{other:?}")),
        (one, other) => panic!("hash_only: {:?}, begin: {:?}", one.as_ref().err(), other.err()),
    }
    place.is_untouched();
    if let Ok(staged) = hashed {
        // Of what no other reader takes there is no second tree: newer libzstd refuses a sequences header with
        // reserved bits set (RFC 8878, 3.1.1.3.2.1), which older ones and ours pass over.
        let Some(archive) = unpacked(layer) else { return };
        match by_another_reader(&archive, staged.root()) {
            Ok(files) => assert_eq!(files_of(&staged), files, "every reader sees one tree"),
            // It refuses a number without digits, which GNU tar, Go and Python take for zero, as we do.
            Err(error) => assert!(error.to_string().starts_with("numeric field was not a number"), "{error}"),
        }
        for (content_digest, accepted) in [(ContentDigest::of(&archive), true), (ContentDigest::of(b"another"), false)]
        {
            let form = LayerForm::Archive { title: title.clone(), content_digest: Some(content_digest) };
            let staged = stage(Staging::hash_only(LIMITS()), &form, media_type, layer);
            assert_eq!(staged.is_ok(), accepted, "{:?}", staged.err());
        }
        let mut twice = Staging::hash_only(LIMITS());
        twice.layer(&form, media_type, layer).expect("it was accepted before");
        let again = twice.layer(&form, media_type, layer);
        assert!(again.is_err() || staged.files().is_empty(), "two layers wrote the same files");
    }
}

fn stage<P>(mut staging: Staging<P>, form: &LayerForm, media_type: &str, layer: &[u8]) -> Result<Staged<P>> {
    staging.layer(form, media_type, layer)?;
    staging.finish()
}

/// The archive in a layer, as a reader sees it that goes on into further gzip members and zstd frames; none where
/// libzstd says that it is corrupt.
fn unpacked(layer: &[u8]) -> Option<Vec<u8>> {
    if layer.starts_with(&ZSTD_MAGIC) {
        return match zstd::decode_all(layer) {
            Ok(archive) => Some(archive),
            Err(error) if error.to_string() == "Data corruption detected" => None,
            Err(error) => panic!("it was read before: {error}"),
        };
    }
    if !layer.starts_with(&GZIP_MAGIC) {
        return Some(layer.to_vec());
    }
    let mut archive = Vec::new();
    MultiGzDecoder::new(layer).read_to_end(&mut archive).expect("it was read before");
    Some(archive)
}

fn check_names<P>(staged: &Staged<P>) {
    let names: Vec<&str> = staged.files().iter().map(|(path, _)| path.as_str()).collect();
    let mut directories = BTreeSet::new();
    for name in &names {
        assert_eq!(RelPath::parse(name).expect("canonical").as_str(), *name);
        directories.extend(name.match_indices('/').map(|(at, _)| name[..at].to_lowercase()));
    }
    let folded: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(folded.len(), names.len(), "two names differ in case only: {names:?}");
    assert!(folded.is_disjoint(&directories), "a file and a directory at once: {names:?}");
}

fn files_of<P>(staged: &Staged<P>) -> BTreeMap<String, File> {
    let file = |(path, entry): (&RelPath, &aisoc_manifests::file_map::FileEntry)| {
        (path.as_str().to_owned(), (entry.size, entry.executable, entry.digest))
    };
    staged.files().iter().map(file).collect()
}

/// The files that the `tar` crate finds below `root`.
fn by_another_reader(archive: &[u8], root: Option<&RelPath>) -> io::Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_dir() || entry.header().entry_type().is_pax_global_extensions() {
            continue;
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("UTF-8");
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        let path = RelPath::parse(name.strip_prefix("./").unwrap_or(&name)).expect("canonical");
        let Some(path) = root.map_or(Some(path.clone()), |root| path.below(root)) else { continue };
        let executable = entry.header().mode()? & 0o100 != 0;
        let file = (content.len() as u64, executable, FileDigest::of(&content));
        assert_eq!(files.insert(path.as_str().to_owned(), file), None, "`{path}` stands twice");
    }
    Ok(files)
}

/// A temporary directory, made once: a canary, and beside it a place for plugins.
/// `fuzz/run` keeps temporary directories in memory, and removes them.
struct Place(TempDir);

impl Place {
    fn get() -> &'static Self {
        static PLACE: OnceLock<Place> = OnceLock::new();
        PLACE.get_or_init(|| {
            let directory = tempfile::Builder::new().prefix("aisoc-fuzz-").tempdir().expect("there is room");
            fs::write(directory.path().join(CANARY), CANARY).expect("there is room");
            fs::create_dir(directory.path().join(PLUGINS)).expect("there is room");
            Self(directory)
        })
    }

    fn plugins(&self) -> PathBuf {
        self.0.path().join(PLUGINS)
    }

    /// While `staged` lives: its files, the directories that hold them, and nothing else.
    fn holds_exactly<P>(&self, staged: &Staged<P>) {
        let homes: Vec<PathBuf> = children(&self.plugins());
        let [home] = homes.as_slice() else { panic!("one staging directory: {homes:?}") };
        // Beside the tree stands the file by which an abandoned staging directory is known.
        let mut inside = children(home);
        inside.retain(|path| !path.ends_with("aisoc-draft"));
        let [tree] = &inside[..] else { panic!("one tree in {home:?}: {inside:?}") };
        let mut found = BTreeMap::new();
        collect(tree, "", &mut found);
        let found: BTreeMap<String, File> = match staged.root() {
            None => found,
            Some(root) => {
                let below = |name: &str| Some(RelPath::parse(name).ok()?.below(root)?.as_str().to_owned());
                found.into_iter().filter_map(|(name, file)| Some((below(&name)?, file))).collect()
            }
        };
        assert_eq!(found, files_of(staged), "the disk and the map differ");
        let beside: BTreeSet<PathBuf> = children(self.0.path()).into_iter().collect();
        assert_eq!(beside, BTreeSet::from([self.0.path().join(CANARY), self.plugins()]));
    }

    /// When nothing is staged: the canary, and no plugins.
    fn is_untouched(&self) {
        let beside: BTreeSet<PathBuf> = children(self.0.path()).into_iter().collect();
        assert_eq!(beside, BTreeSet::from([self.0.path().join(CANARY), self.plugins()]), "something was left behind");
        assert_eq!(children(&self.plugins()), Vec::<PathBuf>::new(), "something was left behind");
        assert_eq!(fs::read(self.0.path().join(CANARY)).expect("readable"), CANARY.as_bytes());
    }
}

fn children(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect()
}

fn collect(directory: &Path, prefix: &str, found: &mut BTreeMap<String, File>) {
    let entries = children(directory);
    assert!(prefix.is_empty() || !entries.is_empty(), "an empty directory: {directory:?}");
    for path in entries {
        let kind = path.symlink_metadata().expect("it is there");
        let name = format!("{prefix}{}", path.file_name().and_then(|name| name.to_str()).expect("UTF-8"));
        if kind.is_dir() {
            collect(&path, &format!("{name}/"), found);
            continue;
        }
        assert!(kind.is_file(), "{path:?} is no regular file");
        let content = fs::read(&path).expect("readable");
        let mode = kind.permissions().mode() & 0o7777;
        assert!(matches!(mode, 0o644 | 0o755), "{path:?} has mode {mode:o}");
        found.insert(name, (content.len() as u64, mode == 0o755, FileDigest::of(&content)));
    }
}
