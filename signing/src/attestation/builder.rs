//! Who has built an artifact, as a statement of provenance says it.

use serde_json::Value;

use super::unambiguous::Unambiguous;

/// Where that stands, by the version of the predicate (slsa.dev/spec/v1.0/provenance, slsa.dev/provenance/v0.2).
const PLACES: [(&str, &str); 2] = [
    ("https://slsa.dev/provenance/v1", "/predicate/runDetails/builder/id"),
    ("https://slsa.dev/provenance/v0.2", "/predicate/builder/id"),
];

/// The builder that a statement names. None for one that is no provenance, names nobody, or says one thing twice: two
/// readers would take it for two builders.
pub(crate) fn stated_builder(payload: &[u8]) -> Option<String> {
    serde_json::from_slice::<Unambiguous>(payload).ok()?;
    let statement: Value = serde_json::from_slice(payload).ok()?;
    let stated = statement.get("predicateType")?.as_str()?;
    let (_, place) = PLACES.iter().find(|(predicate, _)| *predicate == stated)?;
    statement.pointer(place)?.as_str().filter(|id| !id.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builder_is_where_its_version_has_it_and_is_said_once() {
        let v1 = r#"{"predicateType":"https://slsa.dev/provenance/v1","predicate":{"runDetails":{"builder":{"id":"https://b"}}}}"#;
        let v0 = r#"{"predicateType":"https://slsa.dev/provenance/v0.2","predicate":{"builder":{"id":"https://b"}}}"#;
        for good in [v1, v0] {
            assert_eq!(stated_builder(good.as_bytes()), Some("https://b".to_owned()));
            for bad in [
                good.replace("provenance/v", "provenance/w"),
                good.replace(r#""id":"https://b""#, r#""id":"https://b","id":"https://c""#),
                good.replace(r#""https://b""#, "1"),
                good.replace("https://b", ""),
                good.replace("builder", "builders"),
                good.replace("\"predicate\"", "\"Predicate\""),
            ] {
                assert_ne!(bad, good);
                assert_eq!(stated_builder(bad.as_bytes()), None, "{bad}");
            }
        }
        assert_eq!(stated_builder(v1.replace("/v1", "/v0.2").as_bytes()), None);
    }
}
