//! Signing without a key that stays: what the flags and the environment say of it. Builds without the feature `keyless` say
//! that they are.

#[cfg(feature = "keyless")]
mod built;
#[cfg(not(feature = "keyless"))]
mod unbuilt;

#[cfg(feature = "keyless")]
pub(crate) use built::signer;
#[cfg(not(feature = "keyless"))]
pub(crate) use unbuilt::signer;
