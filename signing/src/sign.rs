//! The publisher's arrow: `Statement` → `Signed`.

use aisoc_manifests::fault::Result;

use crate::key::Fingerprint;
use crate::signature::Signature;
use crate::signer::{KeyHolder, sign_message};
use crate::statement::Statement;

/// A statement and a signature over it that was just made. Where the two belong to a tree as it stands, it is a
/// [`crate::SignedStatement`].
#[derive(Debug)]
pub struct Signed {
    statement: Statement,
    signature: Signature,
    signer: Fingerprint,
}

/// Signs, and verifies the signature with the signer's own key. Ed25519 is deterministic: the same statement and key
/// give the same bytes everywhere.
///
/// # Errors
/// As [`sign_message`].
pub fn sign(statement: Statement, signer: &dyn KeyHolder) -> Result<Signed> {
    let signature = sign_message(signer, statement.digest().as_bytes())?;
    Ok(Signed { statement, signature, signer: signer.public_key().fingerprint() })
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
