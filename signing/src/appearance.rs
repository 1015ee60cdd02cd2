//! `Appearance`: what can be said of a signature without any key, to whoever publishes it.

use aisoc_manifests::fault::{Fault, Result};

use crate::claim::Claim;
use crate::coverage::Coverage;
use crate::publishable::{SignedStatement, UnsignedStatement};
use crate::tree::{TreeDifference, TreeFinding};
use crate::tried::read_signatures;

/// How the signature of a tree looks, before any host judges it. A verdict is not an error: what follows from
/// it is the publisher's gate's decision.
#[derive(Debug)]
pub enum Appearance {
    /// There is no `plugin.sig`, which is what hosts call unsigned.
    Unsigned(UnsignedStatement),
    /// A signature file is not a signature, or what it covers is stated in no known form.
    Malformed(Fault),
    /// The signed manifest states other files than these.
    OtherTree(Box<TreeDifference>),
    /// The manifest does not state all that is here, so that nobody can know without a key whether the
    /// signature still fits: it covers manifest and `*.py`, or is of the older scheme.
    OnlyAKeyCanTell,
    /// The manifest states every file, and every file is as stated.
    Fits(SignedStatement),
}

impl Appearance {
    /// Looks at a claim.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn of(claim: &Claim) -> Result<Self> {
        match read_signatures(claim) {
            Err(fault) => return Ok(Self::Malformed(fault)),
            Ok(signatures) if signatures.is_empty() => {
                return Ok(Self::Unsigned(UnsignedStatement::seen(claim.subject())));
            }
            Ok(_) => {}
        }
        Ok(match claim.compare_tree(claim.document()?) {
            Err(fault) => Self::Malformed(fault),
            Ok(TreeFinding::Differs(difference)) => Self::OtherTree(difference),
            Ok(finding) if claim.coverage_if_signed(&finding) == Coverage::Full => {
                Self::Fits(SignedStatement::compared(claim.subject()))
            }
            Ok(_) => Self::OnlyAKeyCanTell,
        })
    }

    /// The appearance in one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unsigned(_) => "unsigned",
            Self::Malformed(_) => "malformed",
            Self::OtherTree(_) => "other_tree",
            Self::OnlyAKeyCanTell | Self::Fits(_) => "present",
        }
    }
}
