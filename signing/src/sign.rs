//! The publisher's arrow: `Statement` → `Signed`.

use crate::key::{Fingerprint, SigningKey};
use crate::signature::Signature;
use crate::statement::Statement;

/// A statement and a signature over it that was just made. Where the two belong to a tree as it stands, it is a
/// [`crate::SignedStatement`].
#[derive(Debug)]
pub struct Signed {
    statement: Statement,
    signature: Signature,
    signer: Fingerprint,
}

/// Signs. Ed25519 is deterministic: the same statement and key give the same bytes everywhere.
pub fn sign(statement: Statement, key: &SigningKey) -> Signed {
    let signature = key.sign(statement.digest().as_bytes());
    Signed { statement, signature, signer: key.public_key().fingerprint() }
}

impl Signed {
    /// What was signed.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Whose signature it is.
    pub fn signer(&self) -> Fingerprint {
        self.signer
    }
}
