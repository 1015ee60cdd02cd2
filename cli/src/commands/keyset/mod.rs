//! `aisoc keys export` and `aisoc keys sync`: a directory of keys as a signed set, for the many sites that follow it.

pub(super) mod export;
pub(super) mod sync;

use aisoc_pipeline::documents::Signer;
use aisoc_trust::KnownSigner;

/// A signer, as documents name it: without a name where the directory knows none.
fn signer(signer: &KnownSigner) -> Signer {
    let key_id = Some(signer.key_id.clone()).filter(|id| !id.is_empty());
    Signer { signing_key_id: key_id, signing_key_fingerprint: signer.fingerprint.to_string() }
}
