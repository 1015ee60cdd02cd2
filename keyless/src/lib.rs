#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod certificate;
mod key;
mod log;
mod refusal;
mod service;
mod signing;
mod source;
mod timestamp;
mod token;

pub use log::LogVersion;
pub use service::{MAX_SERVICE_ANSWER_BYTES, ServiceUrl};
pub use signing::{KeylessBundle, KeylessSigner, MAX_STATEMENT_BYTES, Services};
pub use source::{BearerToken, TokenSource};
pub use token::{AUDIENCE, ExpectedIdentity, IdentityToken, MAX_IDENTITY_TOKEN_BYTES};
