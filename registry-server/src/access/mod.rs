//! Who may ask a registry for what: users with passwords, tokens, and what each of them may do in which repository.
//!
//! Nothing that is not granted is allowed. Files say who there is and what they may (`htpasswd`, `tokens`, `rights`); they are
//! read again when they have changed (`known`); a request shows who asks (`shown`), which is proven (`proving`), so and so
//! often and no more (`attempts`); and what came of it is a [`Caller`], whom everything else asks.

mod action;
mod attempts;
mod caller;
mod files;
mod gate;
mod htpasswd;
mod known;
mod proving;
mod rights;
mod shown;
mod tokens;
mod written;

pub(crate) use action::Action;
pub(crate) use caller::Caller;
pub use files::AccessFiles;
pub use gate::{Access, Tell};
