//! `Looked`: a plugin, and what the gates say of it: of the same bytes.

use std::path::PathBuf;

use aisoc_installation::{InstallRecord, SharedDirectories, Site};
use aisoc_manifests::fault::Result;
use aisoc_packaging::Limits;
use aisoc_registry_client::ClientOptions;
use aisoc_signing::Claim;

use crate::accepted::LockRule;
use crate::at_rest::AtRestOptions;
use crate::events::Reporter;
use crate::judge::TrustInputs;
use crate::source::Source;
use crate::subject::Subject;
use crate::verify::{Verification, see_offer};
use crate::verify_installed::see_installed;

/// Beside what it is judged, whom to trust, and how much is read.
#[derive(Debug)]
pub struct LookOptions {
    /// The plugins directory.
    pub site: Site,
    /// Whom to trust, and how far.
    pub trust: TrustInputs,
    /// The lock that is gone by; nothing where none is asked.
    pub lock: Option<LockRule>,
    /// How much is read, and until when.
    pub limits: Limits,
    /// Whether a plugins directory that everybody may write is acceptable.
    pub shared_directories: SharedDirectories,
    /// How to reach a registry.
    pub client: ClientOptions,
}

/// A plugin that was read, and the verdict on what was read.
#[derive(Debug)]
pub struct Looked {
    /// What it says of itself. Claims, all of it.
    pub claim: Claim,
    /// What the gates say.
    pub verification: Verification,
    /// Where it comes from.
    pub whence: Whence,
    /// What everybody may write of the plugins directory and the way to it, where that was accepted.
    pub shared: Option<String>,
}

/// Where a plugin that is looked at comes from.
#[derive(Debug)]
pub enum Whence {
    /// It is installed, and its install has written that down, if one did.
    Installed(Option<Box<InstallRecord>>),
    /// A directory somewhere.
    Directory(PathBuf),
    /// An artifact, by its reference.
    Artifact(String),
}

impl Looked {
    /// Whether it is installed, and not offered.
    pub fn is_installed(&self) -> bool {
        matches!(self.whence, Whence::Installed(_))
    }
}

/// Reads a plugin and has it judged, as `explain` does. What is in a registry is hashed as it comes, and written nowhere.
///
/// # Errors
/// As [`crate::verify_installed`] and [`crate::explain_offer`]. A refusal is a verdict.
pub async fn look(subject: Subject, options: &LookOptions, reporter: &dyn Reporter) -> Result<Looked> {
    let LookOptions { site, trust, lock, limits, shared_directories, client } = options;
    let lock = lock.as_ref();
    match subject {
        Subject::Installed { id, .. } => {
            let (site, trust, limits) = (site.clone(), trust.clone(), limits.clone());
            let shared_directories = *shared_directories;
            let options = AtRestOptions { site, only: vec![id.to_string()], trust, limits, shared_directories };
            let seen = see_installed(&options, lock)?;
            let whence = Whence::Installed(seen.record);
            Ok(Looked { claim: seen.claim, verification: seen.judged.verification, whence, shared: seen.judged.shared })
        }
        Subject::Source(source) => {
            let (claim, verification) = see_offer(&source, site, trust, lock, client, reporter).await?;
            let whence = match (source, verification.artifact_digest) {
                (Source::Directory(directory), _) => Whence::Directory(directory),
                (Source::Artifact(reference), Some(digest)) => Whence::Artifact(reference.pinned(digest).to_string()),
                (Source::Artifact(reference), None) => Whence::Artifact(reference.to_string()),
            };
            Ok(Looked { claim, verification, whence, shared: None })
        }
    }
}
