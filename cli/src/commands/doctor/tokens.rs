//! The tokens by which operators are let in: those that change plugins, and that nobody answers for.

use std::path::PathBuf;

use aisoc_files::shell_word;
use aisoc_host::access::{TokenFile, TokenRecord};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::doctor::{Finding, Rule};
use jiff::Timestamp;

use crate::args::token::DEFAULT_TOKENS;

/// What is to be said of the tokens in that file, or in the usual one. A site without it has none.
///
/// # Errors
/// `io_not_found` for a file that is named and not there. What cannot be read is a finding.
pub(super) fn examine(named: Option<PathBuf>, now: Timestamp) -> Result<Vec<Finding>> {
    let is_named = named.is_some();
    let file = TokenFile::at(named.unwrap_or_else(|| DEFAULT_TOKENS.into()));
    match file.tokens() {
        Ok(tokens) => {
            Ok(tokens.iter().filter(|token| token.is_unanswered_for(now)).map(|token| of(&file, token)).collect())
        }
        Err(fault) if fault.reason() == Reason::IoNotFound && is_named => Err(fault),
        Err(fault) if fault.reason() == Reason::IoNotFound => Ok(Vec::new()),
        Err(fault) => Ok(vec![unread(&file, &fault)]),
    }
}

fn unread(file: &TokenFile, fault: &Fault) -> Finding {
    Finding::of(Rule::PlaceUnreadable, file.path(), fault)
}

fn of(file: &TokenFile, token: &TokenRecord) -> Finding {
    let (name, path) = (&token.name, shell_word(file.path()));
    let message = format!("the token `{name}` may change plugins, and nobody answers for it");
    let hint = format!(
        "revoke it, and make one for each person: `aisoc token revoke {name} --tokens {path}`, then \
         `aisoc token create NAME --scope plugins:admin --operator NAME --tokens {path}`"
    );
    Finding::at(Rule::TokenWithoutOperator, file.path(), message, ("an operator who answers for it", "nobody"), hint)
}
