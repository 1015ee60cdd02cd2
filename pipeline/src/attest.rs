//! `attest`: what somebody says of a published artifact, put beside it. Not a byte of the artifact changes, and neither
//! does its digest: whoever has pinned it finds the attestation all the same.
//!
//! A tag is resolved once, and what is signed names the digest. Nothing is sent before the predicate is read and found to
//! hold no secret, and the statement is signed.

use std::fmt;
use std::path::Path;

use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_manifests::artifact::{Artifact, LayerForm};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Annotations, Descriptor, EMPTY_DOCUMENT, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_manifests::text::in_ascii;
use aisoc_registry_client::copy::Shipment;
use aisoc_registry_client::{BlobSource, ClientOptions, Manifest as StoredManifest, ReplaceTag, Target, copy};
use aisoc_signing::proof::{Bundle, Identity, Subject, TrustedRoot, verify_bundle};
use aisoc_signing::{
    ArtifactStatement, AttestationBundle, AttestationType, BUNDLE_MEDIA_TYPE, Fingerprint, KeyHolder,
    MAX_PREDICATE_BYTES, PayloadType, Predicate, PredicateType,
};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use crate::dry_run::{foresee, look_at};
use crate::events::{Event, Reporter};
use crate::fetch::fetch;
use crate::pushed::Pushed;
use crate::sent::Sent;

/// What a bundle holds, for who lists what refers to an artifact and reads none of it. As cosign writes it.
pub(crate) const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
/// What its statement says.
pub(crate) const BUNDLE_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
/// A statement in an envelope, and no signature over the artifact itself.
const ENVELOPE: &str = "dsse-envelope";
/// What a subject is called whose name says nothing (in-toto/attestation, `spec/v1/resource_descriptor.md`).
const NAMELESS: &str = "_";

/// What is said of an artifact, and how it gets there.
#[derive(Debug)]
pub struct AttestOptions {
    /// What kind of thing is said.
    pub attestation_type: AttestationType,
    /// What is said.
    pub predicate: Predicate,
    /// How to reach registries.
    pub client: ClientOptions,
    /// Whether anything is sent.
    pub dry_run: DryRun,
}

/// Who signs what is said.
pub enum AttestedBy<'a> {
    /// A key that its owner keeps.
    Key(&'a dyn KeyHolder),
    /// Somebody whose key is for this one signature.
    Keyless {
        /// They.
        signer: Box<dyn KeylessSigning>,
        /// By which their bundle has to count before anybody sees it.
        root: &'a TrustedRoot,
    },
}

/// Who signs a payload by a key that nobody keeps, and gives a bundle of sigstore.
pub trait KeylessSigning: fmt::Debug {
    /// Signs a payload of that type.
    fn sign<'a>(
        self: Box<Self>,
        payload_type: &'a str,
        payload: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<UnverifiedBundle>>;
}

/// What was signed without a key that stays, and who it has to be of.
#[derive(Debug)]
pub struct UnverifiedBundle {
    /// The bundle.
    pub content: Vec<u8>,
    /// Who has to have signed it.
    pub identity: Identity,
    /// The same in words: the name in the certificate, and who vouches for it.
    pub signer: (String, String),
}

/// Whose word an attestation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttestationSigner {
    /// Whoever has the key of that fingerprint.
    Key(Fingerprint),
    /// Somebody for whom there is a certificate.
    Identity {
        /// The name in it.
        name: String,
        /// Who vouched for that name.
        issuer: String,
    },
}

impl fmt::Display for AttestationSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(fingerprint) => fingerprint.fmt(f),
            Self::Identity { name, .. } => f.write_str(&in_ascii(name)),
        }
    }
}

/// An artifact that has an attestation now.
#[derive(Debug)]
pub struct Attested {
    /// What was said something of.
    pub artifact: ArtifactDigest,
    /// What kind of thing.
    pub predicate_type: PredicateType,
    /// Whose word it is.
    pub signer: AttestationSigner,
    /// What was sent, and the digest of the manifest that refers to the artifact.
    pub pushed: Pushed,
}

/// Reads a predicate from a file.
///
/// # Errors
/// `attestation_invalid` as [`Predicate::read`], and for what is no regular file; `forbidden_entry` for one that holds what
/// looks like a secret, which nobody could take back once it is published; I/O reasons.
pub fn read_predicate(path: &Path) -> Result<Predicate> {
    let invalid = || Fault::new(Reason::AttestationInvalid, format!("`{}` is no predicate", path.display()));
    let file = read_small(path, MAX_PREDICATE_BYTES, Links::Followed).map_err(|error| match error {
        SmallFileError::Io(error) => Fault::io("read the predicate from", path, error),
        SmallFileError::NotAFile => invalid().expected("a regular file", "something else"),
        SmallFileError::TooLarge { max_bytes, .. } => invalid().expected(format!("at most {max_bytes} bytes"), "more"),
    })?;
    public_predicate(&path.display().to_string(), &file.content)
}

/// The predicate that is called so, if everybody may read it.
pub(crate) fn public_predicate(name: &str, content: &[u8]) -> Result<Predicate> {
    match aisoc_packaging::secret_in(content) {
        None => Predicate::read(name, content),
        Some((kind, place)) => Err(Fault::new(
            Reason::ForbiddenEntry,
            format!("`{name}` looks like it holds a secret ({kind}, {place}), and an attestation is public"),
        )
        .hint("take it out of the predicate; if it is in use, make a new one: it stands in a file of a build")),
    }
}

/// Signs what is said of the artifact that a reference names, and puts it beside the artifact.
///
/// # Errors
/// Every refusal of fetching a manifest; `attestation_invalid` for a predicate of another type; those of the signer; what
/// the place refuses. Without a key that stays, those of whoever is asked, and of the bundle that they give (`proof_…`).
pub fn attest<'a>(
    source: &'a Reference,
    by: AttestedBy<'a>,
    options: &'a AttestOptions,
    reporter: &'a dyn Reporter,
) -> LocalBoxFuture<'a, Result<Attested>> {
    Box::pin(async move {
        let predicate_type = options.attestation_type.of(&options.predicate)?;
        reporter.event(&Event::Resolving { reference: source });
        let fetched = fetch(source, None, &options.client, reporter).await?;
        let place = match options.dry_run.is_on() {
            true => look_at(source, &options.client)?,
            false => Some(Target::create(source, &options.client)?),
        };
        let said = Said { predicate_type, predicate: &options.predicate, by };
        said.put_beside(&fetched.artifact, place.as_ref(), source, options.dry_run, reporter).await
    })
}

/// What is said of an artifact, and by whom.
pub(crate) struct Said<'a> {
    pub(crate) predicate_type: PredicateType,
    pub(crate) predicate: &'a Predicate,
    pub(crate) by: AttestedBy<'a>,
}

impl Said<'_> {
    /// Signs it of an artifact that was read, and puts it where that is; no place is one that does not exist yet.
    pub(crate) async fn put_beside(
        self,
        artifact: &Artifact,
        place: Option<&Target>,
        source: &Reference,
        dry_run: DryRun,
        reporter: &dyn Reporter,
    ) -> Result<Attested> {
        let Self { predicate_type, predicate, by } = self;
        let statement =
            ArtifactStatement::make(name_of(artifact), artifact.digest(), predicate_type.clone(), predicate);
        let (bundle, signer) = by.sign(&statement, artifact).await?;
        let outgoing = Outgoing::bundle(artifact, predicate_type.as_str(), bundle);
        let pushed = outgoing.ship(place, source, dry_run, reporter).await?;
        Ok(Attested { artifact: artifact.digest(), predicate_type, signer, pushed })
    }
}

impl AttestedBy<'_> {
    async fn sign(self, statement: &ArtifactStatement, artifact: &Artifact) -> Result<(Bytes, AttestationSigner)> {
        match self {
            Self::Key(key) => {
                let bundle = AttestationBundle::sign(statement, key)?.to_json();
                Ok((bundle.into(), AttestationSigner::Key(key.public_key().fingerprint())))
            }
            Self::Keyless { signer, root } => {
                let signed = signer.sign(PayloadType::Attestation.as_str(), statement.payload()).await?;
                // What would not be taken here is given to nobody.
                let bundle = Bundle::read("the bundle that was made", &signed.content).map_err(uncounted)?;
                let subject = Subject::Content(artifact.bytes());
                verify_bundle(&bundle, subject, root, &signed.identity).map_err(uncounted)?;
                let (name, issuer) = signed.signer;
                Ok((signed.content.into(), AttestationSigner::Identity { name, issuer }))
            }
        }
    }
}

/// Of what services gave that does not count here. They have done it all the same.
fn uncounted(fault: Fault) -> Fault {
    fault
        .although("the services have signed, and nothing is published")
        .hint("check that the trusted root is that of the services that were named, and tell whoever runs them")
}

/// What the artifact calls itself: not where it is, for it may be copied anywhere, and the same words are to be the same
/// bytes there.
pub(crate) fn name_of(artifact: &Artifact) -> &str {
    let [only] = artifact.layers() else { return NAMELESS };
    match &only.form {
        LayerForm::Archive { title: Some(title), .. } => title.as_str(),
        _ => NAMELESS,
    }
}

/// What is said of an artifact, in the manifest that says which one that is, by its subject or by its tag.
pub(crate) struct Outgoing {
    pub(crate) manifest: StoredManifest,
    /// Its config and what is new of it.
    pub(crate) blobs: [(Descriptor, BlobSource); 2],
    pub(crate) tag: Option<(Tag, ReplaceTag)>,
}

impl Outgoing {
    /// A bundle, which refers to the artifact.
    pub(crate) fn bundle(artifact: &Artifact, predicate_type: &str, bundle: Bytes) -> Self {
        let layer = Descriptor::of(BUNDLE_MEDIA_TYPE, &bundle);
        let media_type = artifact.manifest().media_type.as_deref().unwrap_or(MANIFEST_MEDIA_TYPE);
        let subject = Descriptor {
            // Under the name that it was found by, whatever the algorithm.
            digest: artifact.digest().blob(),
            ..Descriptor::of(media_type, artifact.bytes())
        };
        let notes = [(BUNDLE_CONTENT, ENVELOPE), (BUNDLE_PREDICATE_TYPE, predicate_type)];
        let annotations: Annotations = notes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let document = ImageManifest {
            subject: Some(subject),
            annotations,
            ..ImageManifest::of_document(BUNDLE_MEDIA_TYPE, layer.clone())
        };
        let manifest = StoredManifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&document));
        let config = (document.config, BlobSource::Bytes(Bytes::from_static(EMPTY_DOCUMENT)));
        Self { manifest, blobs: [config, (layer, BlobSource::Bytes(bundle))], tag: None }
    }

    pub(crate) async fn ship(
        self,
        place: Option<&Target>,
        destination: &Reference,
        dry_run: DryRun,
        reporter: &dyn Reporter,
    ) -> Result<Pushed> {
        let digest = self.manifest.digest();
        match place {
            Some(target) if !dry_run.is_on() => {
                reporter.event(&Event::Pushing { destination });
                let sent = Sent::to(target);
                let (tag, replace) = self.tag.as_ref().map_or((None, ReplaceTag::No), |(tag, how)| (Some(tag), *how));
                let shipment = Shipment { manifest: &self.manifest, blobs: &self.blobs, tag, replace };
                copy::push(target, &shipment, &|step| sent.note(&step, reporter)).await?;
                Ok(sent.pushed(digest))
            }
            place => {
                let blobs: Vec<&Descriptor> = self.blobs.iter().map(|(descriptor, _)| descriptor).collect();
                foresee(place, digest, &blobs, self.tag.as_ref().map(|(tag, _)| tag)).await
            }
        }
    }
}
