//! `PluginDir` → `Statement` → `Signed` → the signature files.
#![expect(clippy::disallowed_methods, reason = "signatures of an earlier signing give way to the new ones")]

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aisoc_files::{Draft, Existing, Links, SmallFileError, may_write_in, parent, read_small, shell_word, sweep};
use aisoc_manifests::digest::CanonicalDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Document, ManifestFile};
use aisoc_packaging::{FoundSecret, Limits, PluginDir, Secrets, default_threads};
use aisoc_signing::{
    Appearance, Content, Coverage, FILE_LIST, Fingerprint, KeyHolder, MAX_SIGNATURE_FILE_BYTES, SIGNATURE_DIRECTORY,
    SIGNATURE_FILE, Signature, Signed, Stamped, Statement, TreeFinding, is_timestamp_file, sign, signature_place,
    stamp, timestamp_place,
};
use jiff::Timestamp;

use crate::timestamps::{Stamp, Timestamper};

/// How a directory is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing<'a> {
    /// As the only signer, the whole tree: the manifest's key `integrity` is written first.
    WholeTree {
        /// Where the signature goes instead of `plugin.sig`.
        out: Option<&'a Path>,
    },
    /// As the only signer, manifest and `*.py` alone: the manifest stays as it is.
    CodeOnly {
        /// Where the signature goes instead of `plugin.sig`.
        out: Option<&'a Path>,
    },
    /// As one more signer of exactly what is signed already.
    Added,
}

/// How the names of files begin that are on their way.
const DRAFTS: &str = ".aisoc-sign-";

/// A signature that was written.
#[derive(Debug)]
pub struct SignedDirectory {
    /// Where.
    pub path: PathBuf,
    /// The signature.
    pub signature: Signature,
    /// The canonical digest that it is over.
    pub digest: CanonicalDigest,
    /// Whose it is.
    pub signer: Fingerprint,
    /// How much it covers.
    pub coverage: Coverage,
    /// What looks like a secret and was signed because its path was allowed.
    pub allowed_secrets: Vec<FoundSecret>,
    /// The files of others who had signed exactly this, and whose signatures went.
    pub removed_signatures: Vec<String>,
    /// When it was made, as the timestamp beside it states; nothing where there is none.
    pub signed_at: Option<Timestamp>,
    /// How many files and directories the ignore rules left out: they would not be shipped.
    pub left_out: usize,
}

impl SignedDirectory {
    fn of(path: PathBuf, signed: &Signed, coverage: Coverage) -> Self {
        let (digest, signer) = (signed.statement().digest(), signed.signer());
        Self {
            path,
            signature: *signed.signature(),
            digest,
            signer,
            coverage,
            allowed_secrets: Vec::new(),
            removed_signatures: Vec::new(),
            signed_at: None,
            left_out: 0,
        }
    }

    fn stamped(self, stamp: Option<&Stamp>) -> Self {
        Self { signed_at: stamp.map(Stamp::claimed_time), ..self }
    }
}

/// Signs a plugin's directory.
///
/// The manifest comes first, `plugin.sig` last: a process killed in between leaves a plugin that
/// verifies nowhere, and that the same command makes whole.
///
/// # Errors
/// `forbidden_entry` for links and devices, `manifest_*` for a manifest that cannot be signed; the
/// old signature stays then.
pub fn sign_directory(
    directory: &Path,
    key: &dyn KeyHolder,
    how: Signing<'_>,
    limits: &Limits,
) -> Result<SignedDirectory> {
    sign_directory_knowing(directory, key, how, &Secrets::default(), None, limits, DryRun::No)
}

/// As [`sign_directory`], with what is known about the directory's secrets: what cannot be shipped is not
/// signed either. With a `timestamper` the timestamp of the signature stands beside it.
///
/// # Errors
/// As [`sign_directory`], and what the timestamper says; then nothing was written.
pub fn sign_directory_knowing(
    directory: &Path,
    key: &dyn KeyHolder,
    how: Signing<'_>,
    secrets: &Secrets,
    timestamper: Option<Timestamper<'_>>,
    limits: &Limits,
    dry_run: DryRun,
) -> Result<SignedDirectory> {
    if !dry_run.is_on() {
        sweep_checkout(directory);
    }
    let plugin = PluginDir::open_knowing(directory, secrets, default_threads(), limits)?;
    let signed = sign_plugin(&plugin, key, how, timestamper, dry_run)?;
    let (allowed_secrets, left_out) = (plugin.allowed_secrets().to_vec(), plugin.excluded().len());
    Ok(SignedDirectory { allowed_secrets, left_out, ..signed })
}

/// Removes what a killed run left, which would be taken for files of the plugin.
pub(crate) fn sweep_checkout(directory: &Path) {
    sweep(directory, DRAFTS);
    let added = directory.join(SIGNATURE_DIRECTORY);
    sweep(&added, DRAFTS);
    // It may have been stopped before it put the first signature there: only an empty directory goes.
    let _ = fs::remove_dir(&added);
}

fn sign_plugin(
    plugin: &PluginDir,
    key: &dyn KeyHolder,
    how: Signing<'_>,
    timestamper: Option<Timestamper<'_>>,
    dry_run: DryRun,
) -> Result<SignedDirectory> {
    if let Signing::WholeTree { out: Some(out) } | Signing::CodeOnly { out: Some(out) } = how {
        require_outside(out, plugin.root())?;
        if !is_place_of_signature(out, plugin.root()) {
            require_replaceable(out)?;
        }
    }
    let signed = sign_as(plugin, key, how, timestamper, dry_run)?;
    if dry_run.is_on() {
        let place = match how {
            Signing::WholeTree { out: Some(out) } | Signing::CodeOnly { out: Some(out) } => parent(out),
            _ => plugin.root(),
        };
        may_write_in(place).map_err(|error| Fault::io("write in", place, error))?;
    }
    Ok(signed)
}

fn sign_as(
    plugin: &PluginDir,
    key: &dyn KeyHolder,
    how: Signing<'_>,
    timestamper: Option<Timestamper<'_>>,
    dry_run: DryRun,
) -> Result<SignedDirectory> {
    match how {
        Signing::WholeTree { out } => {
            let whole = WholeTree::sign(plugin, key, &[], timestamper)?;
            let path = match dry_run.is_on() {
                true => path_of_signature(plugin, out)?,
                false => whole.write(plugin, out)?,
            };
            let removed_signatures = if is_in_place(out, plugin) { whole.replaced(plugin) } else { Vec::new() };
            let signed = SignedDirectory::of(path, &whole.signed, Coverage::Full).stamped(whole.stamps.first());
            Ok(SignedDirectory { removed_signatures, ..signed })
        }
        Signing::CodeOnly { out } => {
            let hint = "sign the whole tree, or remove the key `integrity` from the manifest";
            let coverage = refuse_other_tree(plugin, hint)?;
            let signed = sign(describe(plugin, plugin.manifest_bytes())?, key)?;
            let stamp = Stamp::of(plugin, &signed, timestamper)?.filter(|_| is_in_place(out, plugin));
            let beside: Vec<_> = stamp.iter().map(Stamp::file).collect();
            let path = match dry_run.is_on() {
                true => out.map_or_else(|| plugin.root().join(SIGNATURE_FILE), Path::to_owned),
                false => write_signature(plugin, &beside, &signed, out)?,
            };
            let removed_signatures =
                if is_in_place(out, plugin) { signatures_of_others(plugin, &[&signed]) } else { Vec::new() };
            let done = SignedDirectory::of(path, &signed, coverage).stamped(stamp.as_ref());
            Ok(SignedDirectory { removed_signatures, ..done })
        }
        Signing::Added => add_signer(plugin, key, timestamper, dry_run),
    }
}

/// The signatures of a whole tree, before they are written anywhere.
pub(crate) struct WholeTree {
    manifest_file: ManifestFile,
    stamped: Stamped,
    signed: Signed,
    /// Those of whoever signs the same beside the first signer.
    added: Vec<Signed>,
    /// When they were made, as far as anybody vouches for it.
    stamps: Vec<Stamp>,
}

impl WholeTree {
    /// Stamps the manifest and signs what comes out, with every key the same.
    pub(crate) fn sign(
        plugin: &PluginDir,
        key: &dyn KeyHolder,
        others: &[Box<dyn KeyHolder>],
        timestamper: Option<Timestamper<'_>>,
    ) -> Result<Self> {
        let stamped = stamp(plugin.manifest_file(), plugin.manifest_bytes(), plugin.files())
            .map_err(|fault| fault.below(plugin.root()))?;
        let signed_by = |key: &dyn KeyHolder| sign(describe(plugin, &stamped.manifest)?, key);
        let added = others.iter().map(|other| signed_by(other.as_ref())).collect::<Result<Vec<_>>>()?;
        let signed = signed_by(key)?;
        let all = std::iter::once(&signed).chain(&added);
        let stamps =
            all.filter_map(|signed| Stamp::of(plugin, signed, timestamper).transpose()).collect::<Result<_>>()?;
        Ok(Self { manifest_file: plugin.manifest_file(), stamped, signed, added, stamps })
    }

    pub(crate) fn signed(&self) -> &Signed {
        &self.signed
    }

    /// The files in which others have signed exactly this, and whose place it takes.
    pub(crate) fn replaced(&self, plugin: &PluginDir) -> Vec<String> {
        // Over another tree they fit nothing any more.
        let is_same = self.stamped.manifest == plugin.manifest_bytes();
        let signed: Vec<_> = std::iter::once(&self.signed).chain(&self.added).collect();
        if is_same { signatures_of_others(plugin, &signed) } else { Vec::new() }
    }

    /// Who has signed, the first signer first.
    pub(crate) fn signers(&self) -> Vec<Fingerprint> {
        std::iter::once(&self.signed).chain(&self.added).map(Signed::signer).collect()
    }

    /// Writes it into the directory that was signed, or its signature to `out`; says where that is.
    pub(crate) fn write(&self, plugin: &PluginDir, out: Option<&Path>) -> Result<PathBuf> {
        let Stamped { manifest, list, .. } = &self.stamped;
        let manifest = (self.manifest_file.name(), manifest.as_slice());
        let changed = Some(manifest).filter(|(_, manifest)| *manifest != plugin.manifest_bytes());
        let added: Vec<_> = self.added.iter().map(|signed| (place_of(signed), signed.signature().to_hex())).collect();
        let added = added.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
        let beside = changed.into_iter().chain([(FILE_LIST, list.as_slice())]).chain(added);
        let stamps = if is_in_place(out, plugin) { self.stamps.as_slice() } else { &[] };
        let beside: Vec<_> = beside.chain(stamps.iter().map(Stamp::file)).collect();
        write_signature(plugin, &beside, &self.signed, out)
    }

    /// The files that it consists of, by their places in the plugin.
    pub(crate) fn into_files(self) -> Result<Vec<(RelPath, Vec<u8>)>> {
        let text = |signed: &Signed| signed.signature().to_hex().into_bytes();
        let named = std::iter::once(&self.signed).chain(&self.added).map(|signed| (place_of(signed), text(signed)));
        let files = [
            (self.manifest_file.name().to_owned(), self.stamped.manifest),
            (FILE_LIST.to_owned(), self.stamped.list),
            (SIGNATURE_FILE.to_owned(), text(&self.signed)),
        ];
        let stamps = self.stamps.iter().map(Stamp::file).map(|(name, content)| (name.to_owned(), content.to_vec()));
        named.chain(stamps).chain(files).map(|(name, content)| Ok((RelPath::parse(&name)?, content))).collect()
    }
}

/// The file of a signer among several.
fn place_of(signed: &Signed) -> String {
    signature_place(signed.signer())
}

fn describe(plugin: &PluginDir, manifest: &[u8]) -> Result<Statement> {
    let document = Document::read(plugin.manifest_file(), manifest);
    document
        .and_then(|document| Statement::describe(&document, &plugin.python()))
        .map_err(|fault| fault.below(plugin.root()))
}

/// What the manifest states about its tree has to be true when nobody is going to correct it.
fn refuse_other_tree(plugin: &PluginDir, hint: &str) -> Result<Coverage> {
    let claim = plugin.claim();
    let finding = claim.document().and_then(|document| claim.compare_tree(document));
    let finding = finding.map_err(|fault| fault.below(plugin.root()))?;
    let TreeFinding::Differs(difference) = finding else { return Ok(claim.coverage_if_signed(&finding)) };
    let message = format!("the manifest in `{}` states another tree than the directory holds", plugin.root().display());
    Err(Fault::new(Reason::CoverageMismatch, message)
        .expected(difference.stated.hex(), difference.found.hex())
        .hint(hint))
}

/// Writes the signature of the only signer, and before it `beside`. Says where the signature is.
fn write_signature(
    plugin: &PluginDir,
    beside: &[(&str, &[u8])],
    signed: &Signed,
    out: Option<&Path>,
) -> Result<PathBuf> {
    match out.filter(|out| !is_place_of_signature(out, plugin.root())) {
        Some(out) => write_elsewhere(plugin, beside, signed, out),
        None => replace_signers(plugin, beside, signed),
    }
}

/// Writes the signature to a file outside, and nothing into a plugin that somebody has signed: a manifest that
/// states another tree would leave every signature there worthless. Nobody has signed a new plugin, whose
/// manifest has to state its tree before anything can be signed.
fn write_elsewhere(plugin: &PluginDir, beside: &[(&str, &[u8])], signed: &Signed, out: &Path) -> Result<PathBuf> {
    let is_stated = beside.iter().all(|(name, _)| *name == FILE_LIST) && is_as_stated(plugin)?;
    if !is_stated {
        require_unsigned(plugin, out)?;
    }
    let inside = beside.iter().filter(|_| !is_stated).map(|(name, content)| (plugin.root().join(name), *content));
    let text = signed.signature().to_hex();
    let files: Vec<_> = inside.chain([(out.to_owned(), text.as_bytes())]).collect();
    place_all(plugin, &files)?;
    Ok(out.to_owned())
}

/// Whether the directory holds what its manifest states, if it states anything.
fn is_as_stated(plugin: &PluginDir) -> Result<bool> {
    let claim = plugin.claim();
    let finding = claim.document().and_then(|document| claim.compare_tree(document));
    Ok(!matches!(finding.map_err(|fault| fault.below(plugin.root()))?, TreeFinding::Differs(_)))
}

fn require_unsigned(plugin: &PluginDir, out: &Path) -> Result<()> {
    let claim = plugin.claim();
    let Some(name) = claim.tree().signature_files.keys().find(|name| *name != FILE_LIST) else { return Ok(()) };
    let (root, out) = (plugin.root().display(), out.display());
    let message = format!(
        "`{root}` was changed since it was signed, and a signature in `{out}` would leave `{name}` to fit nothing"
    );
    Err(Fault::new(Reason::CoverageMismatch, message)
        .expected("the files that the manifest states", "other ones")
        .hint("sign in place first, without `--out`: everybody has to sign what there is now"))
}

/// Writes `beside` and the signature of the only signer in its place. Those of others were over what was signed
/// before, or this key would have been added, and go.
fn replace_signers(plugin: &PluginDir, beside: &[(&str, &[u8])], signed: &Signed) -> Result<PathBuf> {
    let text = signed.signature().to_hex();
    let (path, added) = (plugin.root().join(SIGNATURE_FILE), plugin.root().join(SIGNATURE_DIRECTORY));
    let mut files: Vec<_> = beside.iter().map(|(name, content)| (plugin.root().join(name), *content)).collect();
    files.push((plugin.root().join(place_of(signed)), text.as_bytes()));
    files.push((path.clone(), text.as_bytes()));
    place_all(plugin, &files)?;
    remove_signatures(&added, |path| files.iter().any(|(written, _)| written == path))
        .map_err(|fault| half_signed(fault, plugin))?;
    Ok(path)
}

/// The files in which others have signed what is signed now, and that its only signer replaces. `plugin.sig` is named
/// where it is all that somebody has left.
fn signatures_of_others(plugin: &PluginDir, signed: &[&Signed]) -> Vec<String> {
    let claim = plugin.claim();
    let files = &claim.tree().signature_files;
    let own: Vec<String> = signed.iter().map(|signed| place_of(signed)).collect();
    let is_signature = |name: &str| ![FILE_LIST, SIGNATURE_FILE].contains(&name) && !is_timestamp_file(name);
    let is_of_others = |name: &&String| is_signature(name) && !own.contains(*name);
    let mut others: Vec<String> = files.keys().filter(is_of_others).cloned().collect();
    let is_own = |first: Signature| signed.iter().any(|signed| *signed.signature() == first);
    let is_of_other =
        |first: &Content| first.whole().is_some_and(|first| Signature::read(first).is_ok_and(|first| !is_own(first)));
    if others.is_empty() && files.get(SIGNATURE_FILE).is_some_and(is_of_other) {
        others.push(SIGNATURE_FILE.to_owned());
    }
    others
}

/// Puts files into their places, in that order.
fn place_all(plugin: &PluginDir, files: &[(PathBuf, &[u8])]) -> Result<()> {
    let added = plugin.root().join(SIGNATURE_DIRECTORY);
    if files.iter().any(|(path, _)| path.starts_with(&added)) {
        create(&added)?;
    }
    // All of them written before the first is in place: a full disk leaves the old signature whole.
    let drafts = files.iter().map(|(path, content)| Ok((path, draft(path, content)?))).collect::<Result<Vec<_>>>()?;
    // The last moment to call it off: the first file that gets its name changes what there is.
    plugin.cancellation().check()?;
    let placed = drafts.into_iter().try_for_each(|(path, draft)| place(draft, path));
    placed.map_err(|fault| half_signed(fault, plugin))
}

fn half_signed(fault: Fault, plugin: &PluginDir) -> Fault {
    fault.hint(format!("`{}` may be half signed now; run the command again", shell_word(plugin.root())))
}

/// Where the signature of a whole tree by its only signer is written, if it may be.
fn path_of_signature(plugin: &PluginDir, out: Option<&Path>) -> Result<PathBuf> {
    match out.filter(|out| !is_place_of_signature(out, plugin.root())) {
        None => Ok(plugin.root().join(SIGNATURE_FILE)),
        Some(out) if is_as_stated(plugin)? => Ok(out.to_owned()),
        Some(out) => require_unsigned(plugin, out).map(|()| out.to_owned()),
    }
}

/// Whether the signature is written into the plugin, where others' may be.
fn is_in_place(out: Option<&Path>, plugin: &PluginDir) -> bool {
    out.is_none_or(|out| is_place_of_signature(out, plugin.root()))
}

/// Whether both paths lead to one file or directory that is there.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

/// Whether a signature that is written there takes the place of the directory's own, by whatever path.
fn is_place_of_signature(out: &Path, root: &Path) -> bool {
    is_same(root, parent(out)) && out.file_name().is_some_and(|name| name == SIGNATURE_FILE)
}

/// A signature inside the plugin that is not in its place would be one more file of it, which nobody signed, or
/// take the place of one that somebody did.
fn require_outside(out: &Path, root: &Path) -> Result<()> {
    let usage = |what: &str| {
        Fault::new(Reason::Usage, format!("`{}` {what}", out.display()))
            .hint("leave `--out` out, to sign in place, or name a file outside of the plugin")
    };
    if out.is_dir() {
        return Err(usage("is a directory, and `--out` names a file"));
    }
    if out == Path::new("-") {
        return Err(usage("is no file's name, and results are on standard output as it is"));
    }
    let resolved = |path: &Path| fs::canonicalize(path).map_err(|error| Fault::io("find", path, error));
    if is_place_of_signature(out, root) {
        return Ok(());
    }
    let place = resolved(parent(out))?;
    if place.starts_with(resolved(root)?) {
        return Err(usage("is inside the plugin that is signed"));
    }
    let is_plugin = |above: &Path| ManifestFile::ALL.iter().any(|file| above.join(file.name()).is_file());
    match place.ancestors().any(is_plugin) {
        true => Err(usage("is inside another plugin, whose signature is another one")),
        false => Ok(()),
    }
}

/// Nothing but a signature gives way to a signature: the name may be that of the key, by a slip of the hand.
pub(crate) fn require_replaceable(out: &Path) -> Result<()> {
    let found = match read_small(out, MAX_SIGNATURE_FILE_BYTES, Links::Followed) {
        Err(SmallFileError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Ok(file) if file.content.is_empty() || Signature::read(&file.content).is_ok() => return Ok(()),
        Err(SmallFileError::Io(error)) => return Err(Fault::io("read", out, error)),
        Ok(file) => format!("{} other bytes", file.content.len()),
        Err(SmallFileError::TooLarge { .. }) => format!("more than {MAX_SIGNATURE_FILE_BYTES} bytes"),
        Err(SmallFileError::NotAFile) => "no regular file".to_owned(),
    };
    Err(Fault::new(
        Reason::AlreadyExists,
        format!("`{}` is there, and is no signature that could be replaced", out.display()),
    )
    .expected("nothing, or a signature", found)
    .hint("name a file with `--out` that is not there yet"))
}

fn add_signer(
    plugin: &PluginDir,
    key: &dyn KeyHolder,
    timestamper: Option<Timestamper<'_>>,
    dry_run: DryRun,
) -> Result<SignedDirectory> {
    if plugin.signature().is_none() {
        return Err(Fault::new(Reason::Unsigned, format!("`{}` has no first signature", plugin.root().display()))
            .hint("sign without --add, to become the first signer"));
    }
    let coverage = refuse_other_tree(plugin, "sign without --add: the others have to sign what there is now, too")?;
    // Beside what refuses the plugin whoever signs it, a signature more would be worth nothing.
    if let Appearance::Malformed(fault) = Appearance::of(&plugin.claim())? {
        return Err(fault.below(plugin.root()));
    }
    let signed = sign(describe(plugin, plugin.manifest_bytes())?, key)?;
    let stamp = Stamp::of(plugin, &signed, timestamper)?;
    let path = plugin.root().join(place_of(&signed));
    let done = SignedDirectory::of(path.clone(), &signed, coverage).stamped(stamp.as_ref());
    if dry_run.is_on() {
        return Ok(done);
    }
    let text = signed.signature().to_hex();
    let stamped = stamp.iter().map(Stamp::file).map(|(name, content)| (plugin.root().join(name), content));
    let files: Vec<_> = std::iter::once((path, text.as_bytes())).chain(stamped).collect();
    place_all(plugin, &files)?;
    if stamp.is_none() {
        remove_stamp(&plugin.root().join(timestamp_place(signed.signer())))?;
    }
    Ok(done)
}

/// Removes the timestamp of a signature that another one has replaced.
fn remove_stamp(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Fault::io("remove the old timestamp", path, error))
        }
        _ => Ok(()),
    }
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(|error| Fault::io("create the directory", directory, error))
}

/// Removes what this module wrote into `plugin.sig.d`, but for what stays.
fn remove_signatures(directory: &Path, stays: impl Fn(&Path) -> bool) -> Result<()> {
    let fail = |error| Fault::io("remove the old signatures in", directory, error);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(fail)?,
    };
    for entry in entries {
        let entry = entry.map_err(fail)?;
        let name = format!("{SIGNATURE_DIRECTORY}/{}", entry.file_name().to_string_lossy());
        if aisoc_signing::is_signature_file(&name) && !stays(&entry.path()) {
            fs::remove_file(entry.path()).map_err(fail)?;
        }
    }
    Ok(())
}

/// A file that is written and has no name of its own yet; it gets the mode of what it replaces. A file that
/// belongs to the signature is never executable: nothing would bind that bit.
pub(crate) fn draft(path: &Path, content: &[u8]) -> Result<Draft> {
    let fail = |error| Fault::io("write", path, error);
    let is_manifest = ManifestFile::ALL.iter().any(|file| path.ends_with(file.name()));
    let bits = if is_manifest { 0o777 } else { 0o666 };
    let mode = fs::metadata(path).map_or(0o644, |present| present.permissions().mode() & bits);
    let mut draft = Draft::create(parent(path), DRAFTS, mode).map_err(fail)?;
    draft.write_all(content).map_err(fail)?;
    draft.file().set_permissions(Permissions::from_mode(mode)).map_err(fail)?;
    Ok(draft)
}

/// Renamed: a verifier that looks meanwhile sees the old file or the new one. Not synced: what a power
/// cut loses, the same command makes again, bit for bit; it cannot make something else verify.
pub(crate) fn place(draft: Draft, path: &Path) -> Result<()> {
    draft.place(path, Existing::Replace).map_err(|error| Fault::io("write", path, error))
}
