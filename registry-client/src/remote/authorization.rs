//! `Authorization` headers, marked sensitive when they are made: the HTTP library prints its headers in
//! traces, and ours would be in the log of a build.

use aisoc_manifests::fault::{Fault, Reason, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

use crate::options::Secret;

/// User name and password (RFC 7617). The encoding hides nothing, so it is for private connections only.
pub(super) fn basic(username: &str, password: &Secret) -> Result<HeaderValue> {
    let encoded = STANDARD.encode(format!("{username}:{}", password.reveal()));
    let header = sensitive(&format!("Basic {encoded}"));
    header.ok_or_else(|| Fault::new(Reason::Internal, "cannot make a header"))
}

/// A token (RFC 6750, 2.1), or nothing when it cannot stand in a header: a line break in it would add a
/// header of the token service's choice, and a blank another word. No characters but these: more are in use than
/// the RFC has.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    sensitive(&format!("Bearer {token}"))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
