//! `Known`: what the files said when they were last read.

use super::htpasswd::Users;
use super::rights::Rights;
use super::tokens::Tokens;

/// Who there is, and what they may. One value, so that nobody is proven by one file and allowed by another's past.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(super) users: Users,
    pub(super) tokens: Tokens,
    pub(super) rights: Rights,
}
