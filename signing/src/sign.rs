//! The publisher's arrow: `Statement` → `SignedStatement`.

use crate::key::{Fingerprint, SigningKey};
use crate::signature::Signature;
use crate::statement::Statement;

/// A statement and a signature over it.
#[derive(Debug)]
pub struct SignedStatement {
    statement: Statement,
    signature: Signature,
    signer: Fingerprint,
}

/// Signs. Ed25519 is deterministic: the same statement and key give the same bytes everywhere.
pub fn sign(statement: Statement, key: &SigningKey) -> SignedStatement {
    let signature = key.sign(statement.digest().as_bytes());
    SignedStatement { statement, signature, signer: key.public_key().fingerprint() }
}

impl SignedStatement {
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
