//! `SignatureLook`: what is known of the signature of what is published.

use aisoc_signing::{Appearance, Proof, Publishable};

/// What is known of the signature of a published plugin, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureLook {
    /// A trusted key verified it.
    Verified,
    /// There is one, and nothing speaks against it.
    Present,
    /// There is none, and that is meant.
    Unsigned,
    /// A signature file is not a signature. Never published, and seen by `package --check` alone.
    Malformed,
    /// The files are not those that were signed. Never published, and seen by `package --check` alone.
    OtherTree,
    /// It is copied from one registry to another, where it is public already, and only hosts read it.
    NotRead,
}

impl SignatureLook {
    pub(crate) fn of(publishable: &Publishable) -> Self {
        match publishable.signed().map(|statement| statement.proof()) {
            Some(Proof::Key) => Self::Verified,
            Some(Proof::Tree) => Self::Present,
            None => Self::Unsigned,
        }
    }

    pub(crate) fn of_appearance(appearance: &Appearance) -> Self {
        match appearance {
            Appearance::Unsigned(_) => Self::Unsigned,
            Appearance::Malformed(_) => Self::Malformed,
            Appearance::OtherTree(_) => Self::OtherTree,
            Appearance::OnlyAKeyCanTell | Appearance::Fits(_) => Self::Present,
        }
    }

    /// What is known of two together: no more than of the one of which less is known.
    pub(crate) fn least(self, other: Self) -> Self {
        let known = |look: Self| match look {
            Self::Malformed => 0,
            Self::OtherTree => 1,
            Self::Unsigned => 2,
            Self::NotRead => 3,
            Self::Present => 4,
            Self::Verified => 5,
        };
        if known(other) < known(self) { other } else { self }
    }

    /// The look in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Present => "present",
            Self::Unsigned => "unsigned",
            Self::Malformed => "malformed",
            Self::OtherTree => "other_tree",
            Self::NotRead => "not_read",
        }
    }
}
