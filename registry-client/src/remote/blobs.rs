//! Whether a blob is there (`end-2`, HEAD), and the request for its bytes.

use std::sync::Arc;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::Descriptor;
use reqwest::Method;

use super::call::{Asked, Call};
use super::connection::Connection;
use super::tries::Tries;

/// The request for a blob, or for what is known of it.
pub(super) fn call(connection: &Connection, method: Method, digest: Digest) -> Call<'static> {
    Call::new(method, connection.url("blobs", &digest.to_string()), Asked::Blob(digest))
}

/// Whether the registry has the blob. It only saves sending it: what is there under the digest is hashed
/// by the registry when it comes, and by every reader when it goes. So only a yes of the right size counts, and
/// none from a login page.
pub(super) async fn exists(connection: &Arc<Connection>, descriptor: &Descriptor, tries: &mut Tries) -> Result<bool> {
    let known = connection.look(&call(connection, Method::HEAD, descriptor.digest), tries).await?;
    Ok(known.is_some_and(|answer| answer.length() == Some(descriptor.size) && !answer.is_web_page()))
}
