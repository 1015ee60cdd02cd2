//! `Publishable`: what may be packed and pushed, by value.
//!
//! What is public stays public, so the question whether a signature fits is asked before anything leaves the
//! machine, and packing takes the answer as a value instead of asking a directory that may have changed since.
//! Each value names the tree that it is about; whoever packs holds what is packed to it, byte by byte.

use aisoc_manifests::digest::Digest;

use crate::verify::Verified;

/// Evidence that a tree carries a signature, and that the two fit. Made in this crate only; neither copied nor
/// read from a file.
#[derive(Debug)]
pub struct SignedStatement {
    subject: Digest,
    proof: Proof,
}

/// How it is known that a signature fits its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The manifest states every file, and the tree is that one. It takes no key, and finds whatever was edited
    /// after signing; who signed, and a signature that was exchanged whole, only a key can tell.
    Tree,
    /// A trusted key verified it.
    Key,
}

impl SignedStatement {
    /// For [`crate::Appearance::of`], which has compared the tree.
    pub(crate) fn compared(subject: Digest) -> Self {
        Self { subject, proof: Proof::Tree }
    }

    /// What a trusted key has verified.
    pub fn verified(verified: &Verified) -> Self {
        Self { subject: verified.subject(), proof: Proof::Key }
    }

    /// How it is known.
    pub fn proof(&self) -> Proof {
        self.proof
    }
}

/// Evidence that a tree has no signature that could be mistaken for one that fits. It is no leave to publish:
/// see [`Publishable::meant_unsigned`].
#[derive(Debug)]
pub struct UnsignedStatement {
    subject: Digest,
}

impl UnsignedStatement {
    /// For [`crate::Appearance::of`], which has looked for one.
    pub(crate) fn seen(subject: Digest) -> Self {
        Self { subject }
    }
}

/// What packing takes: a signed statement, or an unsigned one whose publisher has said that it is meant.
#[derive(Debug)]
pub struct Publishable(Kind);

#[derive(Debug)]
enum Kind {
    Signed(SignedStatement),
    Unsigned(UnsignedStatement),
}

impl Publishable {
    /// The bypass: publishes what hosts in strict mode refuse, because its publisher has asked for that in
    /// words. What has a signature that does not fit cannot come here.
    pub fn meant_unsigned(statement: UnsignedStatement) -> Self {
        Self(Kind::Unsigned(statement))
    }

    /// The signed statement; `None` when it is unsigned, and meant to be.
    pub fn signed(&self) -> Option<&SignedStatement> {
        match &self.0 {
            Kind::Signed(statement) => Some(statement),
            Kind::Unsigned(_) => None,
        }
    }

    /// The tree that may be published: every file, those of the signature included.
    pub fn subject(&self) -> Digest {
        match &self.0 {
            Kind::Signed(SignedStatement { subject, .. }) | Kind::Unsigned(UnsignedStatement { subject }) => *subject,
        }
    }
}

impl From<SignedStatement> for Publishable {
    fn from(statement: SignedStatement) -> Self {
        Self(Kind::Signed(statement))
    }
}
