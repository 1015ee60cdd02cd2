//! `Appearance`: what can be said of a signature without any key. Never that it is good.

use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::claim::Claim;
use crate::tree::TreeFinding;
use crate::verify::read_signatures;

/// How a signature looks to its publisher, before any host judges it.
#[derive(Debug)]
pub enum Appearance {
    /// There is no signature.
    Unsigned,
    /// A signature file is not a signature, or what it covers is stated in no known form.
    Malformed(Fault),
    /// The signed manifest states other files than these.
    OtherTree(Fault),
    /// Nothing speaks against it; only a key can speak for it.
    Present,
}

impl Appearance {
    /// Looks at a claim.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn of(claim: &Claim) -> Result<Self> {
        match read_signatures(claim) {
            Err(fault) => return Ok(Self::Malformed(fault)),
            Ok(signatures) if signatures.is_empty() => return Ok(Self::Unsigned),
            Ok(_) => {}
        }
        Ok(match claim.compare_tree(claim.document()?) {
            Err(fault) => Self::Malformed(fault),
            Ok(TreeFinding::Differs(difference)) => Self::OtherTree(
                Fault::new(Reason::CoverageMismatch, "the files are not those that were signed")
                    .expected(difference.stated.hex(), difference.found.hex()),
            ),
            Ok(_) => Self::Present,
        })
    }

    /// The appearance in one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Malformed(_) => "malformed",
            Self::OtherTree(_) => "other_tree",
            Self::Present => "present",
        }
    }
}
