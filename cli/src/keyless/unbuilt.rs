//! Of builds without it: the options are there, so that whoever names them is told, and told how to have them.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::{AttestOptions, KeylessSigning};
use aisoc_signing::proof::TrustedRoot;

use crate::args::attest::KeylessArgs;
use crate::context::Context;

/// Nobody.
///
/// # Errors
/// `usage`, always.
pub(crate) fn signer(
    _: &KeylessArgs,
    _: &AttestOptions,
    _: &Context,
) -> Result<(Box<dyn KeylessSigning>, TrustedRoot)> {
    Err(Fault::new(Reason::Usage, "this build of aisoc signs with keys alone")
        .expected("a build with the feature `keyless`", "one without")
        .hint("build one that has it: `cargo install --path cli --locked --features keyless`; or sign with `--private-key KEY`"))
}
