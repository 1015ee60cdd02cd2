//! `StatementPlace`: where a signed statement is, an endorsement or a set of keys or of plugins: a file, or an artifact of one layer
//! in a registry or a layout. Each kind is an artifact type of its own, and none is taken for the other.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aisoc_files::{Draft, Existing, Links, PassingLock, SmallFileError, parent, read_small, sweep};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::ImageManifest;
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::reference::{LayoutReference, Reference};
use aisoc_manifests::text::shown;
use aisoc_registry_client::copy;
use aisoc_registry_client::{ClientOptions, Fetch as _, Named, ReplaceTag, Tagging as _, Target};
use aisoc_signing::{JOURNAL, OWN_DIRECTORY, PayloadType};
use aisoc_trust::Patience;
use bytes::Bytes;

use crate::source::{ambiguous, is_meant_for_reference, is_spelled_as_path, is_there};

/// What the one layer is: an envelope of DSSE v1.
const ENVELOPE_MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";
/// How a file is called that is on its way.
const DRAFT: &str = ".aisoc-statement-";
/// What whoever adds to a file holds, beside it.
const LOCK: &str = ".aisoc-statement-lock";
/// Another signer has the file for as long as signing takes, and somebody may have to touch a token.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// Where a statement of that kind is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPlace {
    kind: PayloadType,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    File(PathBuf),
    Artifact(Reference),
}

/// A statement as it was found.
#[derive(Debug)]
pub struct FoundStatement {
    /// The envelope.
    pub content: Vec<u8>,
    /// The artifact that holds it.
    pub artifact: Option<ArtifactDigest>,
}

impl StatementPlace {
    /// Tells what `text` names, as everywhere: what begins with `/`, `./` or `../` is a path, what is a reference is
    /// one, and everything else is a path.
    ///
    /// # Errors
    /// `usage` for what is both, `invalid_ref` for what was meant for a reference and is none.
    pub fn parse(kind: PayloadType, text: &OsStr) -> Result<Self> {
        let at = |at| Self { kind, at };
        let path = Path::new(text);
        let Some(text) = text.to_str().filter(|text| !is_spelled_as_path(text)) else {
            return Ok(at(At::File(path.to_owned())));
        };
        match text.strip_prefix("oci://").unwrap_or(text).parse() {
            Ok(reference) if is_there(path)? => Err(ambiguous(text, &reference)),
            Ok(reference) => Ok(at(At::Artifact(reference))),
            Err(fault) if is_meant_for_reference(text, &fault) && !is_there(path)? => Err(fault),
            Err(_) => Ok(at(At::File(path.to_owned()))),
        }
    }

    /// As it can be named again from any directory.
    ///
    /// # Errors
    /// `usage` for a path that no settings hold, and I/O reasons when the current directory is gone.
    pub fn from_anywhere(&self) -> Result<String> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(|error| Fault::io("find", path, error));
        match &self.at {
            At::File(path) => absolute(path)?.into_os_string().into_string().map_err(|path| {
                Fault::new(Reason::Usage, format!("`{}` is no text, and cannot be written down", path.display()))
                    .hint("give the file a name that is UTF-8")
            }),
            At::Artifact(Reference::Layout(layout)) => {
                Ok(Reference::Layout(LayoutReference { path: absolute(&layout.path)?, ..layout.clone() }).to_string())
            }
            At::Artifact(registry) => Ok(registry.to_string()),
        }
    }

    /// The artifact, if it is one.
    pub fn artifact(&self) -> Option<&Reference> {
        match &self.at {
            At::Artifact(reference) => Some(reference),
            At::File(_) => None,
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.at {
            At::File(path) => Some(path),
            At::Artifact(_) => None,
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// `keyset_invalid` and `statement_invalid` for what holds no set or no endorsement, and what the place refuses.
    pub async fn read(&self, client: &ClientOptions) -> Result<FoundStatement> {
        match &self.at {
            At::File(path) => Ok(FoundStatement { content: read_file(self.kind, path)?, artifact: None }),
            At::Artifact(reference) => {
                let found = fetch(self.kind, reference, None, client).await?;
                found.ok_or_else(|| Fault::new(Reason::Internal, "nothing was known, and was found again"))
            }
        }
    }

    /// What is there, or nothing where that is the artifact which is `known`: then one request is enough to tell.
    ///
    /// # Errors
    /// As [`StatementPlace::read`].
    pub async fn read_unless(
        &self,
        known: Option<ArtifactDigest>,
        client: &ClientOptions,
    ) -> Result<Option<FoundStatement>> {
        match &self.at {
            At::File(_) => self.read(client).await.map(Some),
            At::Artifact(reference) => fetch(self.kind, reference, known, client).await,
        }
    }

    /// What is there, or nothing where nothing is.
    ///
    /// # Errors
    /// As [`StatementPlace::read`].
    pub async fn read_present(&self, client: &ClientOptions) -> Result<Option<FoundStatement>> {
        if let At::Artifact(reference @ Reference::Layout(layout)) = &self.at {
            let (Some(tag), true) = (reference.tag(), is_there(&layout.path)?) else { return Ok(None) };
            if Target::open(reference, client)?.tag_digest(tag, Algorithm::Sha256).await?.is_none() {
                return Ok(None);
            }
        }
        match self.read(client).await {
            Ok(found) => Ok(Some(found)),
            Err(fault) if matches!(fault.reason(), Reason::IoNotFound | Reason::ReferenceNotFound) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Keeps others from the file until this is dropped: who reads it, adds to it and puts it back would else lose what
    /// they have put there meanwhile. Of an artifact nothing is held: the tag says whether it is still what was read.
    ///
    /// # Errors
    /// `locked`, naming the process that holds it; `interrupted`, and I/O reasons.
    pub fn hold(&self, cancellation: &Cancellation) -> Result<Option<PassingLock>> {
        let At::File(path) = &self.at else { return Ok(None) };
        let patience = Patience { lock_timeout: LOCK_TIMEOUT, cancellation: cancellation.clone() };
        let directory = parent(path);
        let failed = |error| Fault::io("lock", path, error);
        let held = patience.wait_for(path, &directory.join(LOCK), |wait| {
            PassingLock::acquire(directory, LOCK, wait).map_err(failed)
        })?;
        // What a killed run has left goes also where this one is refused.
        sweep(directory, DRAFT);
        Ok(Some(held))
    }

    /// Puts a statement in the place of the one that was read there, or of nothing, unless it is there already. A tag
    /// that was moved meanwhile is left.
    ///
    /// # Errors
    /// `usage` for a reference without a tag, `tag_exists` and `already_exists` for what came meanwhile, and what the
    /// place refuses.
    pub async fn write(
        &self,
        content: &[u8],
        before: Option<&FoundStatement>,
        client: &ClientOptions,
    ) -> Result<Option<ArtifactDigest>> {
        match &self.at {
            At::File(path) => write_file(self.kind, path, content, before.is_some()).map(|()| None),
            At::Artifact(reference) => push(self.kind, reference, content, before, client).await.map(Some),
        }
    }

    /// Whether a statement could be put there: not among those trusted keys either, where a file that is neither a key nor a
    /// note refuses all of them.
    ///
    /// # Errors
    /// `usage`, also for a reference that no tag can be found by.
    pub fn require_writable(&self, keys_dir: &Path) -> Result<()> {
        match &self.at {
            At::File(path) => require_outside(self.kind, path, keys_dir),
            At::Artifact(reference) => match (reference.tag(), reference.digest()) {
                (Some(_), None) => Ok(()),
                _ => {
                    let what = self.kind.described();
                    Err(Fault::new(Reason::Usage, format!("`{reference}` names no tag, under which {what} is found"))
                        .expected("HOST/REPOSITORY:TAG, or oci:DIR:TAG", reference.to_string()))
                }
            },
        }
    }
}

fn is_none(kind: PayloadType, shown: impl std::fmt::Display) -> Fault {
    no_statement(kind, format!("`{shown}` is not {}", kind.described()))
}

fn no_statement(kind: PayloadType, message: String) -> Fault {
    let reason = match kind {
        PayloadType::KeySuccession => Reason::StatementInvalid,
        PayloadType::Keyset => Reason::KeysetInvalid,
        PayloadType::Lockset => Reason::LocksetInvalid,
        PayloadType::Attestation => Reason::AttestationInvalid,
    };
    Fault::new(reason, message)
}

fn read_file(kind: PayloadType, path: &Path) -> Result<Vec<u8>> {
    let file = read_small(path, kind.max_envelope_bytes(), Links::Followed);
    file.map(|file| file.content).map_err(|error| unread(kind, path, error))
}

/// Why a file or a stream of that name is no such statement.
pub fn unread(kind: PayloadType, path: &Path, error: SmallFileError) -> Fault {
    match error {
        SmallFileError::Io(error) => Fault::io(&format!("read {} from", kind.described()), path, error),
        SmallFileError::NotAFile => is_none(kind, path.display()).expected("a regular file", "something else"),
        SmallFileError::TooLarge { max_bytes, .. } => {
            is_none(kind, path.display()).expected(format!("at most {max_bytes} bytes"), "more")
        }
    }
}

fn write_file(kind: PayloadType, path: &Path, content: &[u8], is_replaced: bool) -> Result<()> {
    let is_same = || read_file(kind, path).is_ok_and(|there| there == content);
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => taken(path),
        _ => Fault::io("write", path, error),
    };
    if is_same() {
        return Ok(());
    }
    // What a killed run has left.
    sweep(parent(path), DRAFT);
    let mut draft = Draft::create(parent(path), DRAFT, 0o644).map_err(failed)?;
    draft.write_all(content).map_err(failed)?;
    draft.publish(path, if is_replaced { Existing::Replace } else { Existing::Keep }).map_err(failed)
}

fn taken(path: &Path) -> Fault {
    Fault::new(Reason::AlreadyExists, format!("`{}` is there already, and holds something else", path.display()))
        .expected("no file, or the same statement", "another file")
}

fn require_outside(kind: PayloadType, path: &Path, keys_dir: &Path) -> Result<()> {
    let directory = parent(path);
    let is_there = |name: &str| directory.join(name).symlink_metadata().is_ok();
    let same = || matches!((keys_dir.canonicalize(), directory.canonicalize()), (Ok(one), Ok(other)) if one == other);
    if !is_there(JOURNAL) && !is_there(OWN_DIRECTORY) && !same() {
        return Ok(());
    }
    let what = kind.described();
    Err(Fault::new(
        Reason::Usage,
        format!("`{}` is among trusted keys, and {what} there refuses all of them", path.display()),
    )
    .expected("a path outside of a directory of trusted keys", path.display().to_string())
    .hint("write it somewhere else"))
}

async fn fetch(
    kind: PayloadType,
    reference: &Reference,
    known: Option<ArtifactDigest>,
    client: &ClientOptions,
) -> Result<Option<FoundStatement>> {
    let target = Target::open(reference, client)?;
    let named = Named::fetch(&target, None, &PlatformChoice::None).await?;
    if known == Some(named.manifest.digest()) {
        return Ok(None);
    }
    let manifest = ImageManifest::read(named.manifest.bytes())?;
    let found = manifest.artifact_type.as_deref().unwrap_or("no artifactType");
    if found != kind.as_str() {
        return Err(is_none(kind, reference).expected(kind.as_str(), shown(found, 120)));
    }
    let [layer] = &manifest.layers[..] else {
        return Err(is_none(kind, reference).expected("one layer", format!("{} layers", manifest.layers.len())));
    };
    if layer.media_type != ENVELOPE_MEDIA_TYPE {
        return Err(is_none(kind, reference)
            .expected(format!("a layer of type {ENVELOPE_MEDIA_TYPE}"), shown(&layer.media_type, 120)));
    }
    let max_bytes = kind.max_envelope_bytes();
    if layer.size > max_bytes {
        return Err(is_none(kind, reference)
            .expected(format!("a layer of at most {max_bytes} bytes"), format!("{} bytes", layer.size)));
    }
    let content = target.fetch_blob_bytes(layer, max_bytes).await?.to_vec();
    Ok(Some(FoundStatement { content, artifact: Some(named.manifest.digest()) }))
}

async fn push(
    kind: PayloadType,
    reference: &Reference,
    content: &[u8],
    before: Option<&FoundStatement>,
    client: &ClientOptions,
) -> Result<ArtifactDigest> {
    let target = Target::create(reference, client)?;
    let replace = before.and_then(|before| before.artifact).map_or(ReplaceTag::No, ReplaceTag::Only);
    let document = (ENVELOPE_MEDIA_TYPE, Bytes::copy_from_slice(content));
    let pushed = copy::push_document(&target, kind.as_str(), document, reference.tag(), replace).await;
    pushed.map_err(|fault| match (fault.reason(), before) {
        // There is no option here that takes a tag from whatever it names.
        (Reason::TagExists, None) => fault.hint("choose another tag"),
        _ => fault,
    })
}
