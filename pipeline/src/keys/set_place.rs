//! `SetPlace`: where a signed set of keys is: a file, or an artifact of one layer in a registry or a layout.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use aisoc_files::{Draft, Existing, Links, SmallFileError, parent, read_small};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Annotations, Descriptor, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::{LayoutReference, Reference};
use aisoc_manifests::text::shown;
use aisoc_registry_client::copy::{self, Shipment};
use aisoc_registry_client::{BlobSource, ClientOptions, Fetch as _, Manifest, Named, ReplaceTag, Tagging as _, Target};
use aisoc_signing::{MAX_ENVELOPE_BYTES, PayloadType};
use bytes::Bytes;

use crate::source::{ambiguous, is_meant_for_reference, is_spelled_as_path, is_there};

/// What the one layer is: an envelope of DSSE v1.
const ENVELOPE_MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";
/// OCI image specification 1.1, `manifest.md`, Guidelines for Artifact Usage: a config that says nothing.
const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";

/// Where a set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetPlace {
    /// A file.
    File(PathBuf),
    /// An artifact.
    Artifact(Reference),
}

/// A set as it was found.
#[derive(Debug)]
pub struct FoundSet {
    /// The envelope.
    pub content: Vec<u8>,
    /// The artifact that holds it.
    pub artifact: Option<ArtifactDigest>,
}

impl SetPlace {
    /// Tells what `text` names, as everywhere: what begins with `/`, `./` or `../` is a path, what is a reference is
    /// one, and everything else is a path.
    ///
    /// # Errors
    /// `usage` for what is both, `invalid_ref` for what was meant for a reference and is none.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let path = Path::new(text);
        let Some(text) = text.to_str().filter(|text| !is_spelled_as_path(text)) else {
            return Ok(Self::File(path.to_owned()));
        };
        match text.strip_prefix("oci://").unwrap_or(text).parse() {
            Ok(reference) if is_there(path)? => Err(ambiguous(text, &reference)),
            Ok(reference) => Ok(Self::Artifact(reference)),
            Err(fault) if is_meant_for_reference(text, &fault) && !is_there(path)? => Err(fault),
            Err(_) => Ok(Self::File(path.to_owned())),
        }
    }

    /// As it can be named again from any directory.
    ///
    /// # Errors
    /// `usage` for a path that no settings hold, and I/O reasons when the current directory is gone.
    pub fn from_anywhere(&self) -> Result<String> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(|error| Fault::io("find", path, error));
        match self {
            Self::File(path) => absolute(path)?.into_os_string().into_string().map_err(|path| {
                Fault::new(Reason::Usage, format!("`{}` is no text, and cannot be written down", path.display()))
                    .hint("give the file a name that is UTF-8")
            }),
            Self::Artifact(Reference::Layout(layout)) => {
                Ok(Reference::Layout(LayoutReference { path: absolute(&layout.path)?, ..layout.clone() }).to_string())
            }
            Self::Artifact(registry) => Ok(registry.to_string()),
        }
    }

    /// The artifact, if it is one.
    pub fn artifact(&self) -> Option<&Reference> {
        match self {
            Self::Artifact(reference) => Some(reference),
            Self::File(_) => None,
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// `keyset_invalid` for what holds no set, and what the place refuses.
    pub async fn read(&self, client: &ClientOptions) -> Result<FoundSet> {
        match self {
            Self::File(path) => Ok(FoundSet { content: read_file(path)?, artifact: None }),
            Self::Artifact(reference) => fetch(reference, client).await,
        }
    }

    /// What is there, or nothing where nothing is.
    ///
    /// # Errors
    /// As [`SetPlace::read`].
    pub async fn read_present(&self, client: &ClientOptions) -> Result<Option<FoundSet>> {
        if let Self::Artifact(reference @ Reference::Layout(layout)) = self {
            let (Some(tag), true) = (reference.tag(), is_there(&layout.path)?) else { return Ok(None) };
            if Target::open(reference, client)?.tag_digest(tag).await?.is_none() {
                return Ok(None);
            }
        }
        match self.read(client).await {
            Ok(found) => Ok(Some(found)),
            Err(fault) if matches!(fault.reason(), Reason::IoNotFound | Reason::ReferenceNotFound) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Puts a set in the place of the one that was read there, or of nothing. A tag that was moved meanwhile is left.
    ///
    /// # Errors
    /// `usage` for a reference without a tag, `tag_exists` and `already_exists` for what came meanwhile, and what the
    /// place refuses.
    pub async fn write(
        &self,
        content: &[u8],
        before: Option<&FoundSet>,
        client: &ClientOptions,
    ) -> Result<Option<ArtifactDigest>> {
        match self {
            Self::File(path) => write_file(path, content, before.is_some()).map(|()| None),
            Self::Artifact(reference) => push(reference, content, before, client).await.map(Some),
        }
    }

    /// Whether a set could be put there.
    ///
    /// # Errors
    /// `usage` for a reference that no tag can be found by.
    pub fn require_writable(&self) -> Result<()> {
        let Self::Artifact(reference) = self else { return Ok(()) };
        match (reference.tag(), reference.digest()) {
            (Some(_), None) => Ok(()),
            _ => Err(Fault::new(Reason::Usage, format!("`{reference}` names no tag, under which the set is found"))
                .expected("HOST/REPOSITORY:TAG, or oci:DIR:TAG", reference.to_string())),
        }
    }
}

fn no_set(message: String) -> Fault {
    Fault::new(Reason::KeysetInvalid, message)
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    let file = read_small(path, MAX_ENVELOPE_BYTES, Links::Followed).map_err(|error| match error {
        SmallFileError::Io(error) => Fault::io("read", path, error),
        SmallFileError::NotAFile => no_set(format!("`{}` is no set of keys", path.display()))
            .expected("a file that `aisoc keys export` has written", "something else"),
        SmallFileError::TooLarge { max_bytes, .. } => {
            no_set(format!("`{}` is larger than any set of keys", path.display()))
                .expected(format!("at most {max_bytes} bytes"), "more")
        }
    })?;
    Ok(file.content)
}

fn write_file(path: &Path, content: &[u8], is_there: bool) -> Result<()> {
    let failed = |error| Fault::io("write", path, error);
    let mut draft = Draft::create(parent(path), ".aisoc-keyset-", 0o644).map_err(failed)?;
    draft.write_all(content).map_err(failed)?;
    draft.publish(path, if is_there { Existing::Replace } else { Existing::Keep }).map_err(failed)
}

async fn fetch(reference: &Reference, client: &ClientOptions) -> Result<FoundSet> {
    let target = Target::open(reference, client)?;
    let named = Named::fetch(&target, None).await?;
    let manifest = ImageManifest::read(named.manifest.bytes())?;
    let wanted = PayloadType::Keyset.as_str();
    let found = manifest.artifact_type.as_deref().unwrap_or("no artifactType");
    if found != wanted {
        return Err(no_set(format!("`{reference}` is no set of keys")).expected(wanted, shown(found, 120)));
    }
    let [layer] = &manifest.layers[..] else {
        return Err(no_set(format!("`{reference}` is no set of keys"))
            .expected("one layer", format!("{} layers", manifest.layers.len())));
    };
    let content = target.fetch_blob_bytes(layer, MAX_ENVELOPE_BYTES).await?.to_vec();
    Ok(FoundSet { content, artifact: Some(named.manifest.digest()) })
}

async fn push(
    reference: &Reference,
    content: &[u8],
    before: Option<&FoundSet>,
    client: &ClientOptions,
) -> Result<ArtifactDigest> {
    let target = Target::create(reference, client)?;
    let (config, layer) = (Descriptor::of(EMPTY_MEDIA_TYPE, EMPTY), Descriptor::of(ENVELOPE_MEDIA_TYPE, content));
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(MANIFEST_MEDIA_TYPE.to_owned()),
        artifact_type: Some(PayloadType::Keyset.as_str().to_owned()),
        config: config.clone(),
        layers: vec![layer.clone()],
        subject: None,
        annotations: Annotations::new(),
    };
    let manifest = Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&manifest));
    let blobs = [
        (config, BlobSource::Bytes(Bytes::from_static(EMPTY))),
        (layer, BlobSource::Bytes(Bytes::copy_from_slice(content))),
    ];
    let replace = before.and_then(|before| before.artifact).map_or(ReplaceTag::No, ReplaceTag::Only);
    let shipment = Shipment { manifest: &manifest, blobs: &blobs, tag: reference.tag(), replace };
    copy::push(&target, &shipment, &|_| {}).await?;
    Ok(manifest.digest())
}
