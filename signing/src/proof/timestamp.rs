//! What of a timestamp in a bundle nobody has signed.

use std::collections::BTreeSet;

use aisoc_manifests::fault::Result;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};

use super::refusal::malformed;
use crate::timestamp::{brought, says_more_than_is_signed};

/// Refuses a token (RFC 3161, 2.4.2: a `TimeStampResp` around CMS) of which what is not signed says more than has to be
/// there: certificates that are none of the trusted root's, which has the chain by which the token is judged, and names of
/// algorithms that are not those by which it was signed.
pub(super) fn says_no_more(place: &str, token: &[u8], certificates: &BTreeSet<Vec<u8>>) -> Result<()> {
    let signed = read(token).map_err(|error| malformed(place, "a timestamp in it cannot be read").caused_by(error))?;
    let refused = |what: &str| Err(malformed(place, format!("a timestamp in it {what}")));
    if !brought(&signed).iter().all(|brought| certificates.contains(brought)) {
        return refused("brings a certificate that is none of the trusted root's");
    }
    says_more_than_is_signed(&signed).map_or(Ok(()), refused)
}

fn read(token: &[u8]) -> der::Result<SignedData> {
    let mut reader = SliceReader::new(token)?;
    let content = reader.sequence(|response| {
        // The status, which the library judges.
        AnyRef::decode(response)?;
        ContentInfo::decode(response)
    })?;
    reader.finish(())?;
    let signed: SignedData = content.content.decode_as()?;
    match &signed.encap_content_info.econtent {
        Some(stamp) => stamp.tag().assert_eq(Tag::OctetString).map(|_| signed),
        None => Err(Tag::OctetString.value_error()),
    }
}
