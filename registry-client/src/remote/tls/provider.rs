//! What TLS is made of: the library of cryptography that this build was given.
//!
//! `tls-aws-lc` is the default: the one that is used most, and C. `tls-pure` is graviola, which wants no C compiler.
//! It has no fallback for processors without the instructions that it is written in, and stops the process when it
//! is used on one: that is asked first.

use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::SignatureVerificationAlgorithm;

/// The cryptography under TLS, in both directions.
///
/// # Errors
///
/// `registry_tls` on a processor that the library of this build is not written for.
pub fn tls_provider() -> Result<Arc<CryptoProvider>> {
    if is_processor_supported() {
        return Ok(unused());
    }
    Err(Fault::new(Reason::RegistryTls, "this build of aisoc cannot speak TLS on this processor")
        .expected("the instructions that the feature `tls-pure` is written in", "a processor without some of them")
        .hint("use a build of aisoc with its default features"))
}

/// What verifies signatures for TLS, for whoever has others to verify by the same algorithms; none on a processor that the
/// library of this build is not written for, by which nothing is verified then.
pub fn signature_verifiers() -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    tls_provider().map_or(&[], |provider| provider.signature_verification_algorithms.all)
}

/// The same for whoever never speaks TLS with it, which is well on every processor.
pub(super) fn unused() -> Arc<CryptoProvider> {
    Arc::new(library())
}

#[cfg(feature = "tls-pure")]
fn library() -> CryptoProvider {
    rustls_graviola::default_provider()
}

#[cfg(not(feature = "tls-pure"))]
fn library() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

fn is_processor_supported() -> bool {
    #[cfg(feature = "tls-pure")]
    return graviola::util::is_cpu_supported();
    #[cfg(not(feature = "tls-pure"))]
    return true;
}
