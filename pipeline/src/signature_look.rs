//! `SignatureLook`: what a publisher is told about the signature of what is being published.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{Limits, Staging};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Appearance, Claim};

use crate::events::Reporter;
use crate::fetch::fetch;

/// How the signature of a published plugin looks. No key was asked: that is for hosts.
#[derive(Debug)]
pub enum SignatureLook {
    /// It was looked at.
    Seen(Appearance),
    /// What is published cannot be read as a plugin, and no host will install it.
    Unreadable(Fault),
    /// It is copied from one registry to another, and only hosts read it.
    NotRead,
}

impl SignatureLook {
    pub(crate) fn of_claim(claim: &Claim) -> Self {
        Appearance::of(claim).map_or_else(Self::Unreadable, Self::Seen)
    }

    /// Looks at the artifact of a layout, in one pass over its bytes, writing nothing. What is in a
    /// registry is not fetched for this.
    pub(crate) async fn of_artifact(source: &Reference, digest: Digest, reporter: &dyn Reporter) -> Self {
        match source {
            Reference::Registry(_) => Self::NotRead,
            Reference::Layout(_) => look(&source.pinned(digest), reporter).await.unwrap_or_else(Self::Unreadable),
        }
    }

    /// The look in one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Seen(appearance) => appearance.as_str(),
            Self::Unreadable(_) => "unreadable",
            Self::NotRead => "not_read",
        }
    }
}

async fn look(layout: &Reference, reporter: &dyn Reporter) -> Result<SignatureLook> {
    let fetched = fetch(layout, None, &ClientOptions::default()).await?;
    let staged = fetched.stage(Staging::hash_only(Limits::default()), reporter).await?;
    Ok(SignatureLook::of_claim(&staged.claim()?))
}
