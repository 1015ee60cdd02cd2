//! Who may ask a host for what: tokens, what each of them allows, and the file that they are written down in.
//!
//! Beside them, an issuer of the site may make tokens that count here: see [`Issuer`].
//!
//! A token is shown once, to whoever makes it. What is kept is its SHA-256, and a request is looked up by that: nothing
//! that is secret is compared, so no answer takes longer for a token that is nearly right.

mod denied;
mod judged_file;
mod jwt;
mod logins;
mod operator;
mod permission;
mod secret;
mod token_file;
mod token_name;
mod unread;

pub(crate) use denied::Denied;
pub use jwt::{Issuer, IssuerOptions, Subject};
pub use logins::{LoggedIn, Logins, Who};
pub use operator::Operator;
pub use permission::{Permission, Role, Scope};
pub use secret::Token;
pub use token_file::{Grant, Made, NewToken, TokenFile, TokenRecord};
pub use token_name::TokenName;
pub use unread::Tell;
