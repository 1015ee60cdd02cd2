//! Runs attacks through real staging and looks at the world afterwards. Shared by the test and by
//! the program that runs a million of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use aisoc_files::PrivateDirectory;
use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::path::RelPath;
use aisoc_packaging::{Limits, Staged, Staging};
use aisoc_testkit::hostile::{Fate, Hostile};
use aisoc_testkit::world::World;

/// What came of a layer.
#[derive(Debug)]
pub(crate) enum Verdict {
    Accepted,
    Refused(Fault),
}

/// What must never happen.
#[derive(Debug)]
pub(crate) enum Breach {
    /// Something outside of the staging directory changed, or what is inside is not what was said.
    Escaped(Vec<String>),
    /// The reader panicked.
    Panicked,
    /// A hostile layer met another fate than it should.
    Misjudged(String),
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escaped(changes) => write!(f, "escaped: {}", changes.join("; ")),
            Self::Panicked => f.write_str("panicked"),
            Self::Misjudged(verdict) => write!(f, "met another fate: {verdict}"),
        }
    }
}

fn form(title: Option<&str>) -> LayerForm {
    let title = title.map(|title| RelPath::parse(title).expect("a valid title"));
    LayerForm::Archive { title, content_digest: None }
}

fn stage<P>(mut staging: Staging<P>, title: Option<&str>, media_type: &str, layer: &[u8]) -> Result<Staged<P>> {
    staging.layer(&form(title), media_type, layer)?;
    staging.finish()
}

/// Stages a layer into the world's plugins directory, then walks it without writing: the verdicts must
/// be one, the world as it was, the staged tree what its file map says, of files and directories only,
/// and what is taken must be what another tar reader sees.
pub(crate) fn run(
    world: &World,
    title: Option<&str>,
    media_type: &str,
    layer: &[u8],
) -> std::result::Result<Verdict, Breach> {
    let attempt = || {
        let plugins = world.plugins();
        let place = PrivateDirectory::create(&plugins, ".staging-").expect("a writable place");
        let staging = Staging::into_place(place, Limits::default()).expect("a writable place");
        let staged = stage(staging, title, media_type, layer);
        let walked = stage(Staging::hash_only(Limits::default()), title, media_type, layer);
        match (staged, walked) {
            (Ok(staged), Ok(walked)) => {
                let mut escapes = foreign_entries(&plugins, &staged);
                if staged.subject() != walked.subject() {
                    escapes.push("the staged and the walked tree differ".to_owned());
                }
                escapes.extend(second_opinion(layer, title, &staged));
                (Verdict::Accepted, escapes)
            }
            (Err(staged), Err(walked)) if staged.to_string() == walked.to_string() => {
                (Verdict::Refused(staged), Vec::new())
            }
            (staged, walked) => {
                let shown = |refusal: Option<Fault>| refusal.map(|fault| fault.to_string());
                let differing = format!("staged {:?}, walked {:?}", shown(staged.err()), shown(walked.err()));
                (Verdict::Accepted, vec![differing])
            }
        }
    };
    let (verdict, mut escapes) = catch_unwind(AssertUnwindSafe(attempt)).map_err(|_| Breach::Panicked)?;
    escapes.extend(world.escapes().expect("the world can be read"));
    escapes.extend(world.leftovers().expect("the plugins can be listed").iter().map(|path| format!("left {path:?}")));
    if escapes.is_empty() { Ok(verdict) } else { Err(Breach::Escaped(escapes)) }
}

/// As [`run`], and the fate must be the one that the corpus names.
pub(crate) fn judge(world: &World, hostile: &Hostile) -> std::result::Result<Verdict, Breach> {
    let verdict = run(world, hostile.title, hostile.media_type, &hostile.layer)?;
    match (&verdict, hostile.fate) {
        (Verdict::Accepted, Fate::Normalised) => Ok(verdict),
        (Verdict::Refused(fault), Fate::Refused(reason, word))
            if fault.reason() == reason && fault.to_string().contains(word) =>
        {
            Ok(verdict)
        }
        _ => Err(Breach::Misjudged(format!("row {}, {}: {verdict:?}", hostile.row, hostile.name))),
    }
}

/// What lies in the staged tree that its file map does not name, or that is no file with harmless bits.
fn foreign_entries<P>(plugins: &Path, staged: &Staged<P>) -> Vec<String> {
    use std::os::unix::fs::MetadataExt as _;
    let home = fs::read_dir(plugins).expect("listed").next().expect("a staging directory").expect("an entry").path();
    let tree = home.join("tree");
    let root = staged.root().map_or_else(|| tree.clone(), |root| root.under(&tree));
    let mut missing: BTreeSet<_> = staged.files().iter().map(|(path, _)| path.under(&root)).collect();
    let mut foreign = Vec::new();
    let mut directories = vec![tree];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("there");
            let bits = metadata.mode() & 0o7777;
            let harmless = match (metadata.is_dir(), metadata.is_file()) {
                (true, _) => bits == 0o755,
                (_, true) => {
                    matches!(bits, 0o644 | 0o755) && metadata.nlink() == 1 && metadata.uid() == own_user(&home)
                }
                _ => false,
            };
            let known = metadata.is_dir() || missing.remove(&path) || !path.starts_with(&root);
            if !harmless || !known {
                foreign.push(format!("{} with mode {bits:o}", path.display()));
            }
            if metadata.is_dir() {
                directories.push(path);
            }
        }
    }
    foreign.extend(missing.into_iter().map(|path| format!("{} is not there", path.display())));
    foreign
}

/// What the `tar` crate reads in the same bytes, where that differs: a second archive in what one reader
/// skips would be here. It knows neither our refusals nor our names.
fn second_opinion<P>(layer: &[u8], title: Option<&str>, staged: &Staged<P>) -> Option<String> {
    let mut archive = Vec::new();
    match layer.starts_with(&[0x1f, 0x8b]) {
        true => drop(flate2::read::GzDecoder::new(layer).read_to_end(&mut archive)),
        false => archive.extend_from_slice(layer),
    }
    let root = title.map(str::to_owned).or_else(|| staged.root().map(ToString::to_string));
    let other: std::io::Result<BTreeMap<String, Digest>> = files_of(&archive, root.as_deref());
    let own: BTreeMap<String, Digest> =
        staged.files().iter().map(|(path, entry)| (path.to_string(), entry.digest)).collect();
    match other {
        Ok(other) if other == own => None,
        other => Some(format!("another reader sees {other:?}, we see {own:?}")),
    }
}

fn files_of(archive: &[u8], root: Option<&str>) -> std::io::Result<BTreeMap<String, Digest>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name);
        let inside = root.map_or(Some(name), |root| name.strip_prefix(root)?.strip_prefix('/'));
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.extend(inside.map(|inside| (inside.to_owned(), Digest::of(&content))));
    }
    Ok(files)
}

fn own_user(home: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(home).expect("there").uid()
}
