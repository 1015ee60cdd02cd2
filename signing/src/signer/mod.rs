//! `KeyHolder`: who signs, wherever the private key is.
//!
//! A key may stand in memory, in an agent, behind a program or in a token. What they have in common is little: they
//! say which key is theirs, and sign bytes. What they give is believed of none: [`sign_message`] verifies every
//! signature with the signer's own public key before anybody can write it down. That key is always the one that the
//! signer names, and never one that is passed beside it: a signer that is given another's public half can be made to
//! sign twice with one nonce, which gives the private key away.

mod agent;
mod agent_message;
mod contract;
mod key_holder;
mod key_named;
mod pkcs11_uri;
mod program;

pub use self::agent::{Agent, AgentSigner};
pub use self::contract::{Operation, PROTOCOL_VERSION, Reply, Request};
pub use self::key_holder::{KeyHolder, sign_message};
pub use self::key_named::NamedKey;
pub use self::pkcs11_uri::Pkcs11Uri;
pub use self::program::{ProgramSigner, SIGNER_PATIENCE};
