//! When it was signed, as an authority for that vouches (RFC 3161, over HTTP as its section 3.4 has it).

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::TimestampQuery;
use bytes::Bytes;

use crate::service::{Role, Service, ServiceUrl, post};

/// A timestamp of that signature, without certificates: a bundle has none that its trusted root does not have. Whose word
/// it is, is for whoever verifies the bundle to say.
pub(crate) async fn timestamp(at: &ServiceUrl, signature: &[u8], options: &ClientOptions) -> Result<Vec<u8>> {
    let service = Service::new(Role::TimestampAuthority, at.url(), options);
    let query = TimestampQuery::without_certificates(signature)?;
    let question = Bytes::from(query.to_der());
    let request = post(at.url(), "application/timestamp-query", "application/timestamp-reply", question);
    let answer = service.ask(request).await?;
    let place = format!("the answer of {}", service.place());
    query.answered(&place, &answer).map(|token| token.as_bytes().to_vec()).map_err(mismatch)
}

/// What is said of a timestamp that somebody keeps, of one that a service was just asked for.
fn mismatch(fault: Fault) -> Fault {
    if fault.reason() != Reason::TimestampInvalid {
        return fault;
    }
    let whole = Fault::new(Reason::SigningServiceMismatch, fault.message().to_owned());
    match fault.difference() {
        Some(difference) => whole.expected(difference.expected.clone(), difference.found.clone()),
        None => whole,
    }
    .caused_by(fault)
}
